# shellcheck shell=bash
# For tests in which others than plock hold locks too, after helpers and locks: holders that any locker can be, which
# a test may leave to its end.

# hold_by NAME LOCKER [ARG...]: LOCKER, given a command to run under its lock, has it; NAME holds the command's pid.
hold_by() {
	local name=$1
	shift
	rm -f "$name"
	"$@" zoo wait "$name" </dev/null >/dev/null 2>&1 3>&- 4>&- &
	echo $! >"$name.holder"
	await "$name"
}

# let_go NAME: ends that command, and waits for its locker.
let_go() {
	kill "$(cat "$1")" || true
	wait "$(cat "$1.holder")" || true
	rm "$1.holder"
}

eval "without_holders_$(declare -f teardown)"
teardown() {
	local holder
	for holder in "$BATS_TEST_TMPDIR"/*.holder; do
		[ ! -e "$holder" ] || let_go "${holder%.holder}" 2>/dev/null
	done
	without_holders_teardown
}

# holds_open FILE PID: has the process a descriptor of it open?
holds_open() { find "/proc/$2/fd" -lname "$(realpath "$1")" 2>/dev/null | grep -q .; }

# since MICROSECONDS: the milliseconds that have passed since EPOCHREALTIME was that.
since() { echo $(((${EPOCHREALTIME/./} - $1) / 1000)); }
