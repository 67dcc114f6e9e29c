# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154  # the tests read pid and death; Bats and helpers.bash set the rest
# What the tests of plock share: a runtime directory of their own, processes that hold a lock or wait for one, and
# what the kernel says of it.

unset PLOCK_HELD XDG_RUNTIME_DIR

eval "plain_$(declare -f setup)"
setup() {
	plain_setup || return
	export IPCUTILS_DIR=$BATS_TEST_TMPDIR/names
	mkdir -m 0700 names
}

# start NAME COMMAND [ARG...]: in the background, with NAME.out and NAME.err; its pid is in $pid and in NAME.pid.
start() {
	local name=$1
	shift
	rm -f "$name".{pid,death,out,err}
	deathof "$name" "$@" <&0 >"$name.out" 2>"$name.err" 3>&- 4>&- &
	await "$name.pid" || return
	read -r pid <"$name.pid"
}

# ended NAME: waits for it; death is then "exit N" or "signal N".
ended() {
	retry_until 20 test -e "$1.death" || {
		echo "has not ended: $1; it said: $(cat "$1.err")"
		return 1
	}
	read -r death <"$1.death"
}

# hold NAME PLOCK-ARG...: plock in the background, running a COMMAND that waits for ever; it holds when this returns.
# NAME.in has COMMAND's pid, and without --hold command so has $pid.
hold() {
	local name=$1
	shift
	rm -f "$name.in"
	start "$name" plock "$@" zoo wait "$name.in" && await "$name.in"
}

# release NAME...: kills what hold started.
release() {
	local name
	for name; do
		kill -KILL "$(cat "$name.pid")" || return
		ended "$name" || return
	done
}

# What /proc/locks has on FILE. granted FILE: READ or WRITE for each holder, in one line. waiters FILE: their number.
# The kernel prints a page at a time, and skips some when locks before them go meanwhile: so it is asked again.
granted() {
	local found before='' most='' i
	for i in 1 2 3 4 5 6; do
		found=$(locks_of "$1" | awk '$2 != "->" { print $4 }' | xargs)
		[ "${#found}" -le "${#most}" ] || most=$found
		# Twice the same is believed, but for nothing.
		[ -z "$found" ] || [ "$found" != "$before" ] || break
		before=$found
	done
	echo "$most"
}
waiters() { locks_of "$1" | grep -c -e '->' || true; }

locks_of() {
	awk -v inode="$(stat -L -c %i -- "$1")" '{ split($(NF - 2), id, ":") } / FLOCK / && id[3] == inode' /proc/locks
}

has_waiters() { [ "$(waiters "$1")" -eq "$2" ]; }

# await_waiters FILE COUNT: until so many wait for its lock.
await_waiters() {
	retry_until 10 has_waiters "$1" "$2" || {
		echo "wanted $2 waiters for $1; the kernel has:"
		locks_of "$1"
		return 1
	}
}

# Can an outsider have the lock (of a path or NAME) at once, exclusively or as the arguments say?
is_free() { plock -n "$@" true 2>/dev/null; }

# alone COMMAND [ARG...]: with no descriptor open but 0, 1 and 2.
alone() {
	(
		for fd in "/proc/$BASHPID/fd/"*; do
			fd=${fd##*/}
			[ "$fd" -le 2 ] || eval "exec $fd>&-"
		done
		exec "$@"
	)
}
