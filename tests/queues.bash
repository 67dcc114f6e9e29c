# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154  # the tests read pid, death and took; Bats and helpers.bash set the rest
# What the tests of pqueue share: directories of their own for both kinds of queue, processes that wait at one, and
# what can be told about them without the help of pqueue.

unset XDG_RUNTIME_DIR XDG_STATE_HOME PQUEUE_ID PQUEUE_ATTEMPT PQUEUE_NAME PQUEUE_LEASE

eval "before_queues_$(declare -f setup)"
setup() {
	before_queues_setup || return
	export IPCUTILS_DIR=$BATS_TEST_TMPDIR/names IPCUTILS_STATE_DIR=$BATS_TEST_TMPDIR/state
	mkdir -m 0700 names state
}

# Kernel queues outlive the test that made them: NAMEs, and paths that end in .mq.
eval "before_queues_$(declare -f teardown)"
teardown() {
	local file
	for file in "$BATS_TEST_TMPDIR"/names/*.mq "$BATS_TEST_TMPDIR"/*.mq; do
		[ ! -e "$file" ] || pqueue rm --force "$file" >/dev/null 2>&1 || true
	done
	before_queues_teardown
}

# queue_dir NAME: where a durable queue lies. queue_file NAME: what a kernel queue is known by.
queue_dir() { echo "$IPCUTILS_STATE_DIR/$1.queue"; }
queue_file() { echo "$IPCUTILS_DIR/$1.mq"; }

# no_names: no queue of either kind has been made that a plain name stands for.
no_names() {
	local left
	left=$(find "$IPCUTILS_STATE_DIR" "$IPCUTILS_DIR" -mindepth 1)
	[ -z "$left" ] || {
		echo "made: $left"
		return 1
	}
}

# start NAME COMMAND [ARG...]: in the background, with NAME.out (or into=FILE) and NAME.err; its pid is in $pid and in
# NAME.pid.
start() {
	local name=$1
	shift
	rm -f "$name".{pid,death,out,err}
	deathof "$name" "$@" <&0 >"${into:-$name.out}" 2>"$name.err" 3>&- 4>&- &
	await "$name.pid" || return
	read -r pid <"$name.pid"
}

# start_piped NAME COMMAND [ARG...]: as start, but its stdout is a pipe, which the test reads at &$reader.
# hang_up: nobody reads it any more.
start_piped() {
	local name=$1
	shift
	mkfifo "$name.pipe"
	rm -f "$name".{pid,death,err}
	deathof "$name" "$@" <&0 >"$name.pipe" 2>"$name.err" 3>&- 4>&- &
	exec {reader}<"$name.pipe"
	await "$name.pid" || return
	read -r pid <"$name.pid"
}
hang_up() { exec {reader}<&-; }

# ended NAME: waits for it; death is then "exit N" or "signal N".
ended() {
	retry_until 20 test -e "$1.death" || {
		echo "has not ended: $1; it said: $(cat "$1.err")"
		return 1
	}
	read -r death <"$1.death"
}

# ends NAME "exit N"|"signal N": it has ended, or does soon, and so.
ends() {
	ended "$1" || return
	[ "$death" = "$2" ] || {
		echo "$1: $death, not $2; it said: $(cat "$1.err")"
		return 1
	}
}

# How often the threads of PID have been switched, in one line, when all of them sleep and it has become pqueue.
switches_asleep() {
	local comm
	{ read -r comm <"/proc/$1/comm"; } 2>/dev/null || return
	[ "$comm" = pqueue ] || return
	cat "/proc/$1/task/"*/status 2>/dev/null |
		awk '/^State:/ && $2 != "S" { busy = 1 } /ctxt_switches/ { sum += $2 } END { print sum + 0; exit busy }'
}

# await_returned NAME: what killed workers had is back: their commands are dead.
has_none_leased() { [ "$(stat_of "$1" .leased)" = 0 ]; }
await_returned() { retry_until 10 has_none_leased "$1"; }

# is_waiting PID: does it sleep, and has it done nothing between two looks?
is_waiting() {
	local before after
	before=$(switches_asleep "$1") || return
	sleep 0.02
	after=$(switches_asleep "$1") && [ "$before" -eq "$after" ]
}

# await_waiting PID...: until each of them has come to where it waits.
await_waiting() {
	local each
	for each; do
		retry_until 10 is_waiting "$each" || {
			echo "does not wait: $each, state $(pid_state "$each" || echo gone)"
			return 1
		}
	done
}

# waiting NAME ARG...: pqueue with these arguments has to wait, and does when this returns.
waiting() {
	local name=$1
	shift
	start "$name" pqueue "$@" && await_waiting "$pid"
}

# still NAME...: they have not ended.
still() {
	local name
	for name; do
		[ ! -e "$name.death" ] || {
			echo "$name has ended: $(cat "$name.death")"
			return 1
		}
	done
}

# end NAME...: kills what was started.
end() {
	local name
	for name; do
		kill -KILL "$(cat "$name.pid")" && ended "$name" || return
	done
}

# refused TEXT [ARG...]: pqueue with these arguments exits 2, prints nothing, and says so in one line that has TEXT.
refused() {
	local i text=$1 # run counts in i
	shift
	run -2 --separate-stderr timeout 10 pqueue "$@" || return
	[ -z "$output" ] || {
		echo "pqueue $*: stdout: $output"
		return 1
	}
	[[ ${stderr_lines[0]} == "pqueue: "*"$text"* ]] || {
		echo "pqueue $*: wanted: $text; got: $stderr"
		return 1
	}
	[ "${#stderr_lines[@]}" -eq 1 ] || [ "${stderr_lines[*]:1}" = "try 'pqueue --help'" ] || {
		echo "pqueue $*: more than a line: $stderr"
		return 1
	}
}

# quiet STATUS [ARG...]: pqueue with these arguments ends with STATUS, and prints nothing anywhere.
quiet() {
	local i wanted=$1
	shift
	run "-$wanted" --separate-stderr timeout 20 pqueue "$@" || return
	[ -z "$output$stderr" ] || {
		echo "pqueue $*: stdout: $output; stderr: $stderr"
		return 1
	}
}

# has_size NAME N. await_size NAME N.
has_size() { [ "$(pqueue size "$1")" = "$2" ]; }
await_size() {
	retry_until 10 has_size "$1" "$2" || {
		echo "$1: size $(pqueue size "$1"), not $2"
		return 1
	}
}

# holds NAME <<<LINES: what can be taken from it now is exactly that, and is taken.
holds() { pqueue get --all "$1" >held && is held; }

# stat_of NAME FILTER: what jq makes of `stat --json`, in one line.
stat_of() { pqueue stat --json "$1" | jq -c "$2"; }

# milliseconds COMMAND [ARG...]: how long it took is then in took. Its status is passed on.
milliseconds() {
	local begin=${EPOCHREALTIME/./} result=0
	"$@" || result=$?
	took=$(((${EPOCHREALTIME/./} - begin) / 1000))
	return "$result"
}

# framed FILE...: as `--len` has them on a stream.
framed() {
	local file
	for file; do
		stat -c %s "$file"
		cat "$file"
	done
}

# requires_nobody_pqueue: nobody can run pqueue, and may enter the test's directory, which is nobody's.
requires_nobody_pqueue() {
	requires_nobody
	as_nobody test -x "$(command -v pqueue)" || skip "pqueue is out of nobody's reach"
}
