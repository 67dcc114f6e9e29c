#!/usr/bin/env bats
# shellcheck disable=SC2016  # $1 in single quotes is for COMMAND's own shell
# shellcheck disable=SC2154  # run and the helpers set output, stderr, lines, death, pid
# --hold command: plock stays while COMMAND runs. What --hold tree does differently is beside it.
load helpers
load locks
load holders

# quietly COMMAND [ARG...]: what it leaves behind holds none of this test's output open.
quietly() { "$@" >/dev/null 2>&1 3>&- 4>&-; }

# is_gone PID: dead, or beyond any instruction of its own: a process that exits closes its descriptors before it is a
# zombie. PF_EXITING is 4.
is_gone() {
	local stat
	{ read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 0
	# shellcheck disable=SC2086  # its fields
	set -- ${stat##*) }
	[[ $1 == [ZX] ]] || (($7 & 4))
}
export -f is_gone

# Runs under the lock that others had: tells which of those whose pids are in the files are not gone.
roll_call='for pid in $(cat "$@"); do is_gone "$pid" || echo "alive: $pid"; done; echo entered'

@test "--hold command: the lock is free when COMMAND ends, though a descendant has the descriptor" {
	local option
	for option in -o --hold-command '--hold command' --hold=command; do
		rm -f stray
		# shellcheck disable=SC2086
		quietly plock $option ./L zoo double-fork stray
		[ "$(pid_state "$(cat stray)")" = S ]
		holds_open L "$(cat stray)"
		is_free ./L
		kill "$(cat stray)"
	done
}

@test "--hold command: so it is with a NAME, a directory and a shared lock" {
	local lock
	for lock in name ./ '-s ./L'; do
		rm -f stray
		# shellcheck disable=SC2086
		quietly plock -o $lock zoo double-fork stray
		is_free "${lock#-s }"
		kill "$(cat stray)"
	done
}

@test "--hold command: free when COMMAND dies of a signal or cannot be run, too" {
	quietly plock -o ./L sh -c 'zoo double-fork stray; kill -9 $$' || true
	is_free ./L
	kill "$(cat stray)"
	run -127 plock -o ./L no-such-command-anywhere
	is_free ./L
}

@test "--hold tree: the lock is held until the descendants that have the descriptor are gone" {
	local option
	for option in '' '--hold tree'; do
		rm -f stray
		# shellcheck disable=SC2086
		quietly plock $option ./L zoo double-fork stray
		holds_open L "$(cat stray)"
		run -1 plock -n ./L true
		start waiter plock ./L echo entered
		await_waiters L 1
		kill "$(cat stray)"
		ended waiter
		is waiter.out <<<entered
	done
}

@test "--hold tree: no process but COMMAND; --hold command: plock is its parent, COMMAND leads a group of its own" {
	start tree plock ./L zoo ids
	ended tree
	[[ $(cat tree.out) == "pid $pid "* ]]
	start command plock -o ./L zoo ids
	ended command
	read -r _ mine _ group _ session _ parent <command.out
	[ "$parent" -eq "$pid" ]
	[ "$group" -eq "$mine" ]
	[ "$session" -eq "$(ps -o sid= -p "$BASHPID")" ]
}

@test "--hold command: the lock is held while COMMAND runs" {
	hold holder -o ./L
	run -1 plock -n ./L true
	run -1 plock -s -n ./L true
	kill "$(cat holder.in)"
	ended holder
	[ "$death" = "exit 143" ]
	is_free ./L
}

@test "--hold command: a COMMAND that closes all its descriptors keeps the lock all the same" {
	start holder plock -o ./L bash -c 'for fd in /proc/$$/fd/*; do fd=${fd##*/}; eval "exec $fd>&-"; done; exec zoo wait in'
	await in
	run ! holds_open L "$(cat in)"
	run -1 plock -n ./L true
	kill "$(cat in)"
	ended holder
	is_free ./L
}

@test "COMMAND has one descriptor more than plock's caller had, numbered 20 or more, and it is LOCK" {
	local option before extra
	for option in -o --hold=tree; do
		before=$(alone zoo fds)
		run -0 alone plock "$option" ./L bash -c 'zoo fds; for fd in /proc/$$/fd/*; do if [ "$fd" -ef L ]; then echo "lock ${fd##*/}"; fi; done'
		extra=${lines[0]#"$before "}
		[ "${lines[0]}" != "$before" ]
		[[ $extra =~ ^[0-9]+$ ]]
		[ "$extra" -ge 20 ]
		[ "${lines[1]}" = "lock $extra" ]
	done
}

@test "standard descriptors that the caller had closed: their use fails as before, in COMMAND" {
	local option
	for option in -o --hold=tree '-t 60'; do
		run -1 bash -c 'exec plock $1 ./L cat <&-' bash "$option"
		[[ $output == *'Bad file descriptor'* ]]
		run -1 bash -c 'exec plock $1 ./L echo lost >&-' bash "$option"
		[[ $output == *'Bad file descriptor'* ]]
	done
}

@test "the caller's descriptors are passed on, the high ones too" {
	local option
	echo five >five
	for option in -o --hold=tree '-t 60' '-o -w 9'; do
		# shellcheck disable=SC2086
		run -0 bash -c 'exec plock $1 ./L sh -c "cat <&5; echo six >&6; cat /proc/self/fd/40"' bash "$option" 5<five 6>six 40<five
		[ "$output" = $'five\nfive' ]
		is six <<<six
	done
}

@test "stdin, stdout, stderr and the working directory are COMMAND's" {
	local option
	echo piped >in
	for option in -o --hold=tree '-t 60'; do
		# shellcheck disable=SC2086
		run -0 --separate-stderr plock $option ./L sh -c 'cat; echo error >&2; pwd' <in
		[ "$output" = $'piped\n'"$PWD" ]
		[ "$stderr" = error ]
	done
	run -0 bash -c 'seq 3 | plock -o ./L cat | tail -n 1'
	[ "$output" = 3 ]
	run -0 bash -c '{ plock -o ./L head -n 1; cat; } <<<$(seq 1)'
}

@test "--hold command: stdin is left to COMMAND alone: what it does not read is there for the next" {
	run -0 bash -c 'printf "1\n2\n3\n" | { plock -o ./L sh -c "read -r x; echo \"first \$x\""; plock -o ./L cat; }'
	[ "$output" = $'first 1\n2\n3' ]
}

@test "COMMAND's exit status is plock's" {
	local option code
	for option in -o --hold=tree; do
		for code in 0 1 2 7 124 125 126 127 128 130 255; do
			run "-$code" plock "$option" ./L sh -c "exit $code"
		done
	done
}

@test "--hold command: 128 + N when a signal that plock did not get killed COMMAND" {
	local number
	for number in 1 2 3 6 9 11 13 14 15; do
		start it plock -o ./L zoo die "$number"
		ended it
		[ "$death" = "exit $((128 + number))" ]
	done
}

@test "--hold command: COMMAND's status is plock's though a debugger lets go of it late" {
	gate go
	start holder plock -o ./L sh -c 'echo $$ >in.new; mv in.new in; read -r _ <go; exit 9'
	await in
	late_tracer "$(cat in)" traced 3>&- &
	await traced
	open_gate go
	# While it waits for that debugger, a signal comes too late to change anything.
	retry_until 10 pid_is "$(cat in)" Z
	kill -TERM "$pid" 2>/dev/null || true
	ended holder
	wait "$!" || skip "nothing can be traced here"
	[ "$death" = "exit 9" ]
}

@test "127 when COMMAND is not there, 126 when it cannot be executed; one line each" {
	local option
	echo text >text
	for option in -o --hold=tree '-t 9'; do
		# shellcheck disable=SC2086
		run -127 --separate-stderr plock $option ./L no-such-command-anywhere
		[[ $stderr == "plock: no-such-command-anywhere: "* ]]
		[ "${#stderr_lines[@]}" -eq 1 ]
		# shellcheck disable=SC2086
		run -127 --separate-stderr plock $option ./L ./missing
		[[ $stderr == "plock: ./missing: "* ]]
		# shellcheck disable=SC2086
		run -126 --separate-stderr plock $option ./L ./text
		[[ $stderr == "plock: ./text: "* ]]
		# shellcheck disable=SC2086
		run -126 plock $option ./L ./
		is_free ./L
	done
}

@test "COMMAND's mask and dispositions are the caller's" {
	local option expected
	for option in -o --hold=tree '-t 60' '-o -w 5'; do
		expected=$(env --default-signal zoo signals)
		# shellcheck disable=SC2086
		run -0 env --default-signal plock $option ./L zoo signals
		[ "$output" = "$expected" ]
		expected=$(env --default-signal --ignore-signal=HUP,USR1,PIPE,TSTP --block-signal=WINCH,USR2 zoo signals)
		# shellcheck disable=SC2086
		run -0 env --default-signal --ignore-signal=HUP,USR1,PIPE,TSTP --block-signal=WINCH,USR2 plock $option ./L zoo signals
		[ "$output" = "$expected" ]
	done
}

@test "--hold command: CHLD ignored or blocked by the caller is no harm" {
	run -7 timeout 20 env --ignore-signal=CHLD plock -o ./L sh -c 'exit 7'
	run -7 timeout 20 env --block-signal=CHLD plock -o ./L sh -c 'exit 7'
	run -124 timeout 20 env --ignore-signal=CHLD plock -t 0.1 ./L zoo wait in
}

@test "--hold command: TERM, HUP, INT and QUIT go to COMMAND and all of its group" {
	local name expected
	while read -r name expected; do
		rm -f pids
		start holder plock -o ./L zoo tree pids
		await pids
		mapfile -t pids <pids
		[ "${#pids[@]}" -eq 3 ]
		(ulimit -c 0; kill -s "$name" "$pid")
		ended holder
		[ "$death" = "$expected" ]
		wait_pids_gone 5 "${pids[@]}"
		is_free ./L
	done <<-'END'
		TERM exit 143
		HUP exit 129
		INT signal 2
		QUIT signal 3
	END
}

@test "--hold command: what COMMAND makes of a signal is plock's status" {
	local name
	for name in TERM HUP INT; do
		rm -f file file.got
		start holder plock -o ./L zoo trap file 5
		await file
		kill -s "$name" "$pid"
		ended holder
		[ "$death" = "exit 5" ]
		is file.got <<<"$name"
	done
}

@test "--hold command: a COMMAND that lives on after a signal keeps the lock, and gets the next one" {
	start holder plock -o ./L bash -c 'trap "echo TERM >>got" TERM; trap "echo HUP >>got; exit 4" HUP; : >ready; while :; do read -rt 0.02 <>/proc/$$/fd/1; done'
	await ready
	kill -TERM "$pid"
	await got
	run -1 plock -n ./L true
	kill -TERM "$pid"
	retry_until 10 has_lines got 2
	kill -HUP "$pid"
	ended holder
	[ "$death" = "exit 4" ]
	is got <<<$'TERM\nTERM\nHUP'
}

has_lines() { [ "$(wc -l <"$1")" -eq "$2" ]; }

@test "--hold command: TERM at any moment ends it and COMMAND" {
	local round seed=${SEED:-$RANDOM}
	echo "SEED=$seed"
	RANDOM=$seed
	for ((round = 0; round < 60; ++round)); do
		# Twice the time that plock and COMMAND take to start.
		start holder plock -o ./L zoo tree "pids.$round"
		sleep "0.00$((RANDOM % 6))"
		kill -TERM "$pid"
		ended holder
		[ "$death" = "exit 143" ] || [ "$death" = "signal 15" ]
		is_free ./L
	done
	retry_until 5 no_process_left
}

@test "--hold command: TERM, INT or HUP just after COMMAND's end: its status stays" {
	local name
	requires_strace
	for name in TERM INT HUP; do
		rm -f in
		# -D: strace is the child, plock has the pid.
		start holder strace -D -qq -o trace -e inject=wait4:delay_enter=200000:when=1 plock -o ./L zoo trap in 0
		await in
		kill -TERM "$(cat in)"
		retry_until 10 pid_is "$(cat in)" Z
		retry_until 10 grep -q 'wait4(\|epoll_.*(.*CTL_DEL' trace
		kill -s "$name" "$pid"
		ended holder
		[ "$death" = "exit 0" ]
		is_free ./L
	done
}

@test "--hold command: TERM and INT reach a COMMAND that has left its group" {
	local name expected
	while read -r name expected; do
		rm -f in
		start holder plock -o ./L zoo join-parent in
		await in
		kill -s "$name" "$pid"
		ended holder
		[ "$death" = "$expected" ]
		pid_gone "$(cat in)"
	done <<<$'TERM exit 143\nINT signal 2\nHUP exit 129'
}

@test "--hold command: TTIN, TTOU and TSTP mean nothing to a plock without a terminal" {
	local name number
	while read -r name number; do
		rm -f in
		start holder setsid plock -o ./L zoo wait in
		await in
		kill -s "$name" "$pid"
		retry_until 10 pid_consumed_signal "$pid" "$number"
		retry_until 10 pid_is "$(cat in)" S
		retry_until 10 pid_is "$pid" S
		run -1 plock -n ./L true
		kill -TERM "$pid"
		ended holder
		[ "$death" = "exit 143" ]
		[ ! -s holder.err ]
	done <<<$'TTIN 21\nTTOU 22\nTSTP 20'
}

@test "--hold command: timeout(1) around it ends COMMAND and its group, by TERM and by KILL" {
	local name code
	while read -r name code; do
		rm -f pids
		run "-$code" timeout -s "$name" 0.3 plock -o ./L zoo tree pids
		mapfile -t pids <pids
		retry_until 5 pids_gone "${pids[@]}"
		run -0 plock -w 5 ./L true
	done <<<$'TERM 124\nKILL 137'
}

@test "--hold command: other signals go to COMMAND only" {
	local name
	for name in USR1 USR2 ALRM; do
		rm -f got in
		start holder plock -o ./L bash -c 'trap "echo got >got; exit 6" "$1"; zoo wait in & wait; exit 5' bash "$name"
		await in
		kill -s "$name" "$pid"
		ended holder
		[ "$death" = "exit 6" ]
		await got
		[ "$(pid_state "$(cat in)")" = S ]
		kill "$(cat in)"
	done
}

@test "--hold command: under nohup HUP means nothing, to plock and to COMMAND" {
	start holder env --ignore-signal=HUP plock -o ./L zoo trap file 5
	await file
	kill -HUP "$pid"
	kill -TERM "$pid"
	ended holder
	[ "$death" = "exit 5" ]
	is file.got <<<TERM
}

@test "--hold command: a COMMAND that stops itself goes on after CONT, whoever gets that" {
	local who
	for who in command plock both; do
		rm -f self
		start holder plock -o ./L zoo stop-self self
		await self
		retry_until 10 pid_is "$(cat self)" T
		run -1 plock -n ./L true
		case $who in
		command) kill -CONT "$(cat self)" ;;
		plock) kill -CONT "$pid" ;;
		both) kill -CONT "$pid" "$(cat self)" ;;
		esac
		ended holder
		[ "$death" = "exit 0" ]
		is holder.out <<<continued
	done
}

@test "--hold command: a stopped COMMAND is ended by TERM and CONT to plock" {
	start holder plock -o ./L zoo stop-self self
	await self
	retry_until 10 pid_is "$(cat self)" T
	kill -TERM "$pid"
	kill -CONT "$pid"
	ended holder
	[ "$death" = "exit 143" ]
	pid_gone "$(cat self)"
}

@test "TERM ends a plock that waits, before COMMAND, with --hold command and -t too" {
	local option
	hold holder ./L
	for option in -o '-t 5' '-o -w 60'; do
		# shellcheck disable=SC2086
		start waiter plock $option ./L touch ran
		await_waiters L 1
		kill -TERM "$pid"
		ended waiter
		[ "$death" = "signal 15" ]
		[ "$(waiters L)" -eq 0 ]
	done
	[ ! -e ran ]
	release holder
}

@test "--hold command: no zombie of its own, and no process but COMMAND and the guard" {
	start holder plock -o ./L bash -c 'for i in 1 2 3; do (zoo double-fork "s$i"); kill "$(cat s$i)"; done; exec zoo wait in'
	await in
	run -0 ps -o stat=,pid= --ppid "$pid"
	[ "${#lines[@]}" -le 2 ]
	[[ $output != *Z* ]]
	kill "$(cat in)"
	ended holder
	no_process_left
}

@test "--hold command, SIGKILL: COMMAND and what stayed in its group are killed, and one who waits enters only then" {
	local body
	for body in 'exec zoo tree pids' 'trap "" TERM HUP INT; zoo double-fork left; cat left >pids; exec zoo tree pids2'; do
		rm -f pids pids2 left
		: >pids2
		[[ $body == *pids2* ]] && rm pids2
		start holder plock -o ./L sh -c "$body"
		await pids pids2
		mapfile -t pids < <(cat pids pids2)
		start waiter plock ./L bash -c "$roll_call" bash pids pids2
		await_waiters L 1
		kill -KILL "$(cat holder.pid)"
		ended holder
		[ "$death" = "signal 9" ]
		ended waiter
		is waiter.out <<<entered
		wait_pids_gone 2 "${pids[@]}"
	done
}

@test "--hold command, SIGKILL: a stopped COMMAND is killed too" {
	start holder plock -o ./L zoo stop-self self
	await self
	retry_until 10 pid_is "$(cat self)" T
	kill -KILL "$pid"
	ended holder
	retry_until 2 pid_gone "$(cat self)"
	run -0 plock -w 5 ./L true
}

@test "--hold command, SIGKILL: who left the group with the descriptor keeps the lock" {
	start holder plock -o ./L sh -c 'zoo setsid stray; exec zoo wait in'
	await stray in
	kill -KILL "$pid"
	ended holder
	retry_until 2 pid_gone "$(cat in)"
	[ "$(pid_state "$(cat stray)")" = S ]
	run -1 plock -n ./L true
	kill "$(cat stray)"
	run -0 plock -w 5 ./L true
}

@test "--hold command, SIGKILL: COMMAND is gone before the lock is free, though it has closed the descriptor" {
	local round
	for round in 1 2 3 4 5; do
		rm -f in
		start holder plock -o ./L bash -c 'for fd in /proc/$$/fd/*; do fd=${fd##*/}; eval "exec $fd>&-"; done; exec zoo wait in'
		await in
		start waiter plock ./L bash -c "$roll_call" bash in
		await_waiters L 1
		kill -KILL "$(cat holder.pid)"
		ended holder
		ended waiter
		is waiter.out <<<entered
	done
}

@test "--hold command, SIGKILL: never a second holder, in 40 rounds" {
	local round previous=''
	: >in
	for ((round = 0; round < 40; ++round)); do
		start "round$round" plock -o ./L bash -c '
			[ ! -s in ] || is_gone "$(cat in)" || echo "$1" >>second
			exec zoo wait in' bash "$round"
		if [ -n "$previous" ]; then
			await_waiters L 1
			kill -KILL "$previous"
		fi
		previous=$pid
		retry_until 10 runs_under "$pid"
	done
	kill -KILL "$previous"
	[ ! -e second ]
}

# runs_under PLOCK: is the COMMAND whose pid is in the file its child?
runs_under() { [ -s in ] && [ "$(ps -o ppid= -p "$(cat in)" | tr -d ' ')" = "$1" ]; }

@test "--hold command, SIGKILL of plock's whole group: COMMAND and its group are killed too" {
	start holder setsid plock -o ./L zoo tree pids
	await pids
	mapfile -t pids <pids
	kill -KILL -- "-$pid"
	ended holder
	retry_until 2 pids_gone "${pids[@]}"
	run -0 plock -w 5 ./L true
}

@test "--hold command, SIGKILL while it waits: those behind it get their turn" {
	hold holder ./L
	start waiter plock -o ./L touch ran
	await_waiters L 1
	start next plock -o ./L echo entered
	await_waiters L 2
	kill -KILL "$(cat waiter.pid)"
	ended waiter
	release holder
	ended next
	is next.out <<<entered
	[ ! -e ran ]
}

@test "-t: TERM to COMMAND and its group when the time is up, 124, and the lock is free" {
	local before=${EPOCHREALTIME/./}
	run -124 --separate-stderr plock -t 0.3 ./L zoo wait in
	[ "$(since "$before")" -ge 300 ]
	[ "$(since "$before")" -lt 1800 ]
	pid_gone "$(cat in)"
	run -124 --separate-stderr plock -t 0.3 ./L zoo tree pids
	mapfile -t pids <pids
	[ "${#pids[@]}" -eq 3 ]
	wait_pids_gone 2 "${pids[@]}"
	is_free ./L
}

@test "-t: 124 whatever COMMAND makes of TERM" {
	local code
	for code in 0 7 143; do
		rm -f file file.got
		run -124 plock -t 0.2 ./L zoo trap file "$code"
		is file.got <<<TERM
	done
}

@test "-t: KILL 2 s later for one who ignores TERM, who holds the lock until then" {
	local before=${EPOCHREALTIME/./} took
	start holder plock -t 0.2 ./L zoo ignore-term in
	await in
	start waiter plock ./L bash -c "$roll_call" bash in
	ended holder
	took=$(since "$before")
	[ "$death" = "exit 124" ]
	[ "$took" -ge 2200 ]
	[ "$took" -lt 4000 ]
	ended waiter
	is waiter.out <<<entered
}

@test "-t: what ignores TERM in COMMAND's group is killed too" {
	run -124 timeout 20 plock -t 0.3 ./L sh -c 'zoo ignore-term in & until [ -e in ]; do sleep 0.01; done; wait'
	wait_pids_gone 3 "$(cat in)"
	run -0 plock -w 1 ./L true
}

@test "-t: a stopped COMMAND is ended too" {
	start holder plock -t 0.3 ./L zoo stop-self self
	ended holder
	[ "$death" = "exit 124" ]
	pid_gone "$(cat self)"
}

@test "-t: a COMMAND that ends in time has its own status" {
	run -0 plock -t 60 ./L true
	run -7 plock --timeout 1m ./L sh -c 'exit 7'
	run -137 plock -t 1h ./L zoo die 9
	run -0 plock -t 500d ./L true
}

@test "-t: a COMMAND that has left its group is ended too" {
	local before=${EPOCHREALTIME/./}
	run -124 timeout 20 plock -t 0.3 ./L zoo join-parent in
	[ "$(since "$before")" -lt 1800 ]
	pid_gone "$(cat in)"
	is_free ./L
}

@test "-t: a COMMAND that ended in time has its own status, though plock was stopped until the time was up" {
	local before
	gate go
	start holder plock -t 1 ./L sh -c 'zoo wait left & : >in; read -r _ <go; exit 7'
	await left in
	kill -STOP "$pid"
	before=${EPOCHREALTIME/./}
	open_gate go
	retry_until 5 has_passed "$before" 1100
	kill -CONT "$pid"
	ended holder
	[ "$death" = "exit 7" ]
	pid_is "$(cat left)" S
	kill "$(cat left)"
}

@test "-t: the clock starts when COMMAND does, not while plock waits for the lock" {
	local before
	gate go
	hold holder ./L
	before=${EPOCHREALTIME/./}
	start waiter plock -t 0.6 ./L sh -c ': >entered; read -r _ <go; echo fine'
	await_waiters L 1
	retry_until 5 has_passed "$before" 700
	release holder
	await entered
	open_gate go
	ended waiter
	[ "$death" = "exit 0" ]
	is waiter.out <<<fine
}

has_passed() { [ "$(since "$1")" -ge "$2" ]; }

@test "-w and -t: 124 from the wait, and COMMAND does not run" {
	hold holder ./L
	run -124 plock -w 0.1 -t 5 ./L touch ran
	run -9 plock -w 0.1 -E 9 -t 5 ./L touch ran
	run -1 plock -n -t 5 ./L touch ran
	[ ! -e ran ]
	release holder
}

@test "-t: what the caller's TERM does is not the clock's: 143" {
	start holder plock -t 60 ./L zoo wait in
	await in
	kill -TERM "$pid"
	ended holder
	[ "$death" = "exit 143" ]
}

@test "-t 0 gives COMMAND no time: it is ended at once, 124" {
	local before=${EPOCHREALTIME/./}
	run -124 timeout 10 plock -t 0 ./L zoo wait in
	[ "$(since "$before")" -lt 1900 ]
	is_free ./L
}

@test "--hold command: 30 at once, each is alone" {
	local pids=()
	while [ "${#pids[@]}" -lt 30 ]; do
		quietly plock -o ./L sh -c 'mkdir inside || echo crowd >>fault; rmdir inside; echo x >>count' &
		pids+=($!)
	done
	wait "${pids[@]}"
	[ ! -e fault ]
	[ "$(wc -l <count)" -eq 30 ]
}
