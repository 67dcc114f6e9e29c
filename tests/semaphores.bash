# shellcheck shell=bash
# shellcheck disable=SC2154  # helpers.bash and Bats set what is used here
# What the tests of semaphores need besides helpers.bash and locks.bash: what the kernel says of the semaphore sets that
# the test made, and proofs of how many may be inside.

eval "before_$(declare -f teardown)"

# A test that ends by itself has ended its holders; one that failed has perhaps not.
teardown() {
	local object
	for object in names/*.sem ./*.psem; do
		[ -e "$object" ] || continue
		plock --remove --force "./$object" >/dev/null 2>&1 || true
	done
	before_teardown
}

# ends NAME "exit N"|"signal N": it has ended, or does soon, and so.
ends() {
	ended "$1" || return
	[ "$death" = "$2" ] || {
		echo "$1: $death, not $2; it said: $(cat "$1.err")"
		return 1
	}
}

# leave NAME...: the COMMAND that hold or queue started ends, and plock with it.
leave() {
	local name
	for name; do
		kill -TERM "$(cat "$name.in")"
		ended "$name" || return
	done
}

# queue NAME ARG...: as hold, but it has to wait, and does when this returns.
queue() {
	local name=$1 before
	before=$(blocked)
	shift
	rm -f "$name.in"
	start "$name" plock "$@" zoo wait "$name.in" || return
	await_blocked "$((before + 1))"
}

# The ids of the semaphore sets that were made since the test began.
new_sets() {
	ipcs -s | awk '$2 ~ /^[0-9]+$/ { print $1, $2 }' | grep -vxF "${sysv_before:-none}" | cut -d ' ' -f 2
}

count_sets() { new_sets | wc -l; }

# How many the kernel has waiting, in all sets of the test.
blocked() {
	local id sum=0 more
	for id in $(new_sets); do
		more=$(ipcs -s -i "$id" 2>/dev/null | awk '/^semnum/ { values = 1; next } values && NF == 5 { sum += $3 } END { print sum + 0 }')
		sum=$((sum + more))
	done
	echo "$sum"
}

blocked_are() { [ "$(blocked)" -eq "$1" ]; }

await_blocked() {
	retry_until 10 blocked_are "$1" || {
		echo "blocked: $(blocked), not $1"
		return 1
	}
}

# permits_are N NAME: so many can be taken, and not one more. It takes them, each plock being the COMMAND of the one
# before, all in one process.
permits_are() {
	local i status=0 taken=()
	for ((i = 0; i < $1; ++i)); do
		taken+=(plock -n -j "${3:-$1}" "$2")
	done
	"${taken[@]}" true || {
		echo "$2: fewer than $1 permits"
		return 1
	}
	"${taken[@]}" plock -n -j "${3:-$1}" "$2" true 2>/dev/null || status=$?
	[ "$status" -eq 1 ] || {
		echo "$2: one more than $1 permits: status $status"
		return 1
	}
}

# refused TEXT COMMAND [ARG...]: status 2, nothing on stdout, and one line of stderr that holds TEXT.
refused() {
	local text=$1
	shift
	run -2 --separate-stderr "$@" || return
	[ -z "$output" ] || {
		echo "stdout: $output"
		return 1
	}
	[[ ${stderr_lines[0]} == "plock: "*"$text"* ]] || {
		echo "wanted: $text; got: $stderr"
		return 1
	}
	[ "${#stderr_lines[@]}" -eq 1 ] || [ "${stderr_lines[*]:1}" = "try 'plock --help'" ]
}

# no_crowd FILE: occupy(FILE) never met too many.
no_crowd() {
	[ ! -e "$1.crowd" ] || {
		cat "$1.crowd"
		return 1
	}
}

# milliseconds COMMAND [ARG...]: how long it took is then in took.
milliseconds() {
	local begin=${EPOCHREALTIME/./}
	"$@" || return
	# shellcheck disable=SC2034  # the test reads it
	took=$(((${EPOCHREALTIME/./} - begin) / 1000))
}

# A pid namespace of the test's own, where the next pid can be chosen.
requires_pid_namespace() {
	requires_root
	requires unshare
	# shellcheck disable=SC2016  # the inner shell's
	unshare --pid --fork --mount-proc bash -c 'echo 400 >/proc/sys/kernel/ns_last_pid && { : & [ $! -eq 401 ]; }' 2>/dev/null ||
		skip "pids cannot be chosen here"
}

# kill_points COMMAND [ARG...]: runs it, and prints a line NAME:signal=SIGKILL:when=COUNT for each system call it makes.
kill_points() {
	strace -qq -o points "$@" >/dev/null 2>&1 || true
	awk '/^[a-z]/ { sub(/\(.*/, ""); print $1 ":signal=SIGKILL:when=" ++seen[$1] }' points
}

# killed_at POINT COMMAND [ARG...]: it is killed as it makes that call, which is not made.
killed_at() {
	local status=0 point=$1
	shift
	strace -qq -o trace -e "inject=$point" "$@" 2>/dev/null || status=$?
	[ "$status" -eq 137 ]
} 2>/dev/null
