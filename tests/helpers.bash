# shellcheck shell=bash
# shellcheck disable=SC2154  # Bats sets output, stderr and stderr_lines
# What every test file loads: where the programs are, gates and waits in place of sleeps, and a teardown that proves
# that a test has left no process and no System V object behind.
bats_require_minimum_version 1.5.0
export BATS_TEST_TIMEOUT=${BATS_TEST_TIMEOUT:-120}

IPCUTILS_ROOT=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
export IPCUTILS_BUILD=${IPCUTILS_BUILD:-$IPCUTILS_ROOT/build}
export PATH=$IPCUTILS_BUILD/bin:$IPCUTILS_BUILD/support:$PATH
export LC_ALL=C.UTF-8
unset PPOOL_SEQ PPOOL_SLOT PPOOL_PID TMPDIR

declare -gA gate_fds

# Every process that a test starts carries its mark in the environment.
setup() {
	cd "$BATS_TEST_TMPDIR" || return
	export IPCUTILS_TEST_MARK=$BATS_TEST_TMPDIR
	sysv_before=$(sysv_objects)
}

teardown() {
	local left status=0 pid start
	if [ -e "$BATS_TEST_TMPDIR.feeders" ]; then
		# A number can be another process's by now.
		while read -r pid start; do
			[ "$(start_of "$pid")" != "$start" ] || kill -KILL "$pid" 2>/dev/null || true
		done <"$BATS_TEST_TMPDIR.feeders"
	fi
	if ! retry_until 5 no_process_left; then
		left=$(marked_pids)
		echo "left behind:"
		# shellcheck disable=SC2086  # one word a pid
		ps -o pid,ppid,pgid,stat,args $left
		# shellcheck disable=SC2086
		kill -KILL $left
		status=1
	fi
	if [ "$(sysv_objects)" != "$sysv_before" ]; then
		echo "System V objects before: $sysv_before, after: $(sysv_objects)"
		status=1
	fi
	cd / || return
	return "$status"
}

# The pids of the processes that carry this test's mark; those of bats itself and of its subshells do not.
marked_pids() {
	local file files
	mapfile -t files < <(env -u IPCUTILS_TEST_MARK \
		grep -lszxF "IPCUTILS_TEST_MARK=$IPCUTILS_TEST_MARK" /proc/[0-9]*/environ)
	for file in "${files[@]}"; do
		file=${file#/proc/}
		echo "${file%/environ}"
	done
}

no_process_left() { [ -z "$(marked_pids)" ]; }

sysv_objects() { ipcs -q -s -m | awk '$2 ~ /^[0-9]+$/ { print $1, $2 }'; }

# retry_until SECONDS COMMAND [ARG...]: polls until COMMAND succeeds; fails when SECONDS have passed.
retry_until() {
	local deadline=$((${EPOCHREALTIME/./} + $1 * 1000000))
	shift
	until "$@"; do
		[ "${EPOCHREALTIME/./}" -lt "$deadline" ] || return 1
		sleep 0.02
	done
}

# A zombie is gone: it is its parent's to reap, and that may be an init that takes its time.
pid_gone() {
	local state
	state=$(pid_state "$1") || return 0
	[ "$state" = Z ]
}

pids_gone() {
	local pid
	for pid; do
		pid_gone "$pid" || return 1
	done
}

# wait_pids_gone SECONDS PID...
wait_pids_gone() {
	local seconds=$1
	shift
	retry_until "$seconds" pids_gone "$@"
}

pid_state() {
	local state
	{ read -r state <"/proc/$1/stat"; } 2>/dev/null || return 1
	state=${state##*) }
	echo "${state%% *}"
}

# pid_consumed_signal PID NUMBER: is it no longer pending? Two of a kind would be merged into one.
pid_consumed_signal() {
	local pending
	pending=$(awk '$1 == "ShdPnd:" { print $2 }' "/proc/$1/status") || return
	(((16#$pending >> ($2 - 1) & 1) == 0))
}

# start_of PID: the time of its start, in ticks since boot; empty when it is gone.
start_of() {
	local stat
	{ read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 0
	# shellcheck disable=SC2086 # its words
	set -- ${stat##*) }
	echo "${20}"
}

pid_is() { [ "$(pid_state "$1")" = "$2" ]; }

# await FILE...: until they are all there.
await() {
	local file
	for file; do
		retry_until 10 test -e "$file" || {
			echo "never came: $file"
			return 1
		}
	done
}

# For a subshell that feeds ppool's stdin, < <(detach; ...): it keeps nothing of the test's open, and ends with it.
detach() {
	local fd
	for fd in "/proc/$BASHPID/fd/"*; do
		fd=${fd##*/}
		[ "$fd" -le 2 ] || eval "exec $fd>&-"
	done
	# Not in the substitution, which is a process of its own.
	local self=$BASHPID
	echo "$self $(start_of "$self")" >>"$BATS_TEST_TMPDIR.feeders"
}

# slowly GATE LINE...: prints the lines, and waits at GATE before each but the first. For stdin: < <(slowly ...).
slowly() {
	local gate=$1 line
	detach
	echo "$2"
	shift 2
	for line; do
		read -r _ <"$gate"
		echo "$line"
	done
}

# silent GATE: prints nothing, and ends only when GATE opens. For stdin that stays open.
silent() {
	detach
	read -r _ <"$1"
}

# has FILE TEXT: is it somewhere in the file?  await_text FILE TEXT: wait until it is.
has() { grep -qsF -e "$2" -- "$1"; }

await_text() {
	retry_until 10 has "$1" "$2" || {
		echo "never in $1: $2"
		return 1
	}
}

# gate NAME...: makes FIFOs that a job waits at by `read -r _ <NAME`.
gate() {
	local name fd
	for name; do
		mkfifo "$name" || return
		exec {fd}<>"$name"
		gate_fds[$name]=$fd
	done
}

# open_gate NAME [COUNT]: lets COUNT (1) of those who wait, or will wait, pass.
open_gate() {
	local i
	for ((i = 0; i < ${2:-1}; ++i)); do
		echo >&"${gate_fds[$1]}"
	done
}

# start_pool [ARG...]: ppool in the background, out, err and stdin as given; pool_pid is its pid.
start_pool() { start_with ppool "$@"; }

start_with() {
	rm -f pool.pid pool.death
	deathof pool "$@" <&0 >out 2>err 3>&- 4>&- &
	await pool.pid || return
	read -r pool_pid <pool.pid
}

# end_pool: waits for it; death is then "exit N" or "signal N".
end_pool() {
	retry_until 20 test -e pool.death || {
		echo "ppool $pool_pid has not ended; its jobs:"
		ps -o pid,ppid,pgid,stat,args --ppid "$pool_pid"
		return 1
	}
	# shellcheck disable=SC2034  # the test reads it
	read -r death <pool.death
}

# is FILE <<<TEXT: FILE is exactly that.
is() { diff -u --label expected --label "$1" - "$1"; }

# Peak resident memory of a live process, in KiB.
rss_kib() { awk '$1 == "VmHWM:" { print $2 }' "/proc/$1/status"; }

# The descriptors a live process has open, counted.
fd_count() {
	local fds=("/proc/$1/fd/"*)
	echo "${#fds[@]}"
}

requires() {
	local command
	for command; do
		command -v "$command" >/dev/null || skip "no $command here"
	done
}

requires_root() { [ "$(id -u)" -eq 0 ] || skip "not root"; }

# Sanitizers change memory, start-up and what may be intercepted.
requires_plain_build() { [ -z "${IPCUTILS_SANITIZER:-}" ] || skip "not under a sanitizer"; }

# strace cannot be relied upon in every container.
requires_strace() {
	requires strace
	requires_plain_build
	strace -qq -o /dev/null true 2>/dev/null || skip "strace may not trace here"
}

# faulty TOOL FAULT [ARG...]: TOOL's dynamic build with the shim in front of libc, told to fail as FAULT says
# (support/fault_shim.c), which notes in the file faults what it did.
faulty() {
	local tool=$1 fault=$2
	shift 2
	env FAULT="$fault" FAULT_IN="$tool" FAULT_LOG="$PWD/faults" LD_PRELOAD="$IPCUTILS_BUILD/shim/fault.so" "$IPCUTILS_BUILD/shim/$tool" "$@"
}

# requires_shim TOOL
requires_shim() {
	requires_plain_build
	if [ ! -x "$IPCUTILS_BUILD/shim/$1" ] || [ ! -e "$IPCUTILS_BUILD/shim/fault.so" ]; then skip "no dynamic test build"; fi
}

# as_nobody COMMAND [ARG...]: with no privilege; the test's directory is made its own.
as_nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }

requires_nobody() {
	requires_root
	requires setpriv
	local directory=$BATS_TEST_TMPDIR
	chown 65534:65534 "$directory"
	while [ "$directory" != / ] && [ "$directory" != /tmp ]; do
		chmod go+x "$directory"
		directory=${directory%/*}
		directory=${directory:-/}
	done
	as_nobody test -x "$(command -v ppool)" || skip "ppool is out of nobody's reach"
}

# usage_error TEXT COMMAND [ARG...]: it exits 2 before anything starts, and its one line holds TEXT.
usage_error() {
	local text=$1
	shift
	run -2 --separate-stderr "$@"
	[ -z "$output" ] || return 1
	[[ ${stderr_lines[0]} == "ppool: "*"$text"* ]] || {
		echo "wanted: $text; got: $stderr"
		return 1
	}
	[ "${#stderr_lines[@]}" -eq 1 ] || [ "${stderr_lines[*]:1}" = "try 'ppool --help'" ]
}
