#!/usr/bin/env bats
# shellcheck disable=SC2016  # $1 in single quotes is for another shell
# shellcheck disable=SC2154  # run and the helpers set output, stderr, lines, death, pid
# plock on a terminal. --hold tree has become COMMAND; --hold command has to make its shell, COMMAND and the terminal
# behave as if it had.
load helpers
load locks
load holders

# What Ctrl-Z is to stop here is no loop of dash: one that has called vfork and whose child stops before its exec does not
# stop, with plock or without.

# An interactive shell, as in a terminal window: job control, and no files of anyone's.
shell=(env PS1='ready> ' PS2= HISTFILE=/dev/null bash --norc --noprofile --noediting -i)

# Conditions for `until`: busy LOCK; in_state LETTER PID-FILE...
setup_file() {
	mkdir -p "$BATS_FILE_TMPDIR/bin"
	cat >"$BATS_FILE_TMPDIR/bin/busy" <<-'END'
		#!/bin/sh
		plock -n "$1" true 2>/dev/null
		[ $? -eq 1 ]
	END
	cat >"$BATS_FILE_TMPDIR/bin/in_state" <<-'END'
		#!/bin/sh
		letter=$1
		shift
		[ -n "$(cat "$@")" ] || exit
		for pid in $(cat "$@"); do grep -q "^State:.$letter" "/proc/$pid/status" || exit 1; done
	END
	cat >"$BATS_FILE_TMPDIR/bin/parent_in_state" <<-'END'
		#!/bin/sh
		parent=$(ps -o ppid= -p "$(head -n 1 "$2")") && [ "$(cat "/proc/${parent##* }/comm")" = plock ] &&
			grep -q "^State:.$1" "/proc/${parent##* }/status"
	END
	chmod +x "$BATS_FILE_TMPDIR"/bin/*
}

eval "locks_$(declare -f setup)"
setup() {
	locks_setup || return
	PATH=$BATS_FILE_TMPDIR/bin:$PATH
}

@test "Ctrl-Z stops plock and COMMAND, the lock stays held; fg resumes both; Ctrl-C ends them with INT" {
	run -0 ptyrun 'expect ready>
		send plock -o ./L zoo tree pids\n
		until [ -e pids ]
		send \x1a
		expect Stopped
		until in_state T pids && parent_in_state T pids
		until busy ./L
		send fg\n
		until in_state S pids && parent_in_state S pids
		until busy ./L
		send \x03
		expect ready>
		send echo "status $?"; exit 0\n
		expect status 130' "${shell[@]}"
	# shellcheck disable=SC2046  # one word a pid
	wait_pids_gone 5 $(cat pids)
	is_free ./L
}

@test "Ctrl-Z and fg, again and again: COMMAND ends with its own status" {
	run -0 ptyrun 'expect ready>
		send plock -o ./L bash -c "echo \\$\\$ >runs; until [ -e go ]; do sleep 0.01; done; exit 7"\n
		until [ -s runs ]
		send \x1a
		expect Stopped
		expect ready>
		send fg\n
		expect plock
		until in_state S runs && parent_in_state S runs
		send \x1a
		expect Stopped
		expect ready>
		send fg\n
		expect plock
		until in_state S runs && parent_in_state S runs
		send \x1a
		expect Stopped
		send : >go\n
		expect ready>
		send fg; echo "at last $?"; exit 0\n
		expect at last 7' "${shell[@]}"
}

@test "Ctrl-Z while plock starts COMMAND: it stops, fg resumes it, and TERM ends it" {
	run -0 early_stop 80 plock -o ./L zoo wait in
	is_free ./L
}

@test "Ctrl-Z, bg: COMMAND runs on in the background, under the lock" {
	gate go
	run -0 ptyrun 'expect ready>
		send plock -o ./L sh -c ": >runs; read -r _ <go; echo got >got"\n
		until [ -e runs ]
		send \x1a
		expect Stopped
		send bg\n
		expect ready>
		until busy ./L
		send echo >go; wait; exit 0\n
		until [ -e got ]' "${shell[@]}"
	is_free ./L
}

@test "--hold tree: Ctrl-Z, fg and Ctrl-C are COMMAND's own" {
	run -0 ptyrun 'expect ready>
		send plock ./L zoo tree pids\n
		until [ -e pids ]
		send \x1a
		expect Stopped
		until in_state T pids && busy ./L
		send fg\n
		until in_state S pids
		send \x03
		expect ready>
		send echo "status $?"; exit 0\n
		expect status 130' "${shell[@]}"
	is_free ./L
}

@test "Ctrl-C: a COMMAND that handles it has its own status, and the shell goes on" {
	run -0 ptyrun 'expect ready>
		send plock -o ./L zoo trap file 5; echo "status $?"\n
		until [ -e file ]
		send \x03
		expect status 5
		expect ready>
		send exit 0\n' "${shell[@]}"
	is file.got <<<INT
}

@test "Ctrl-C reaches COMMAND once, not twice" {
	run -0 ptyrun 'expect ready>
		send plock -o ./L bash -c "trap '\''echo INT >>got'\'' INT; : >runs; until [ -e go ]; do read -rt 0.05 x; done; exit 3"; echo "status $?"\n
		until [ -e runs ]
		send \x03
		until [ -e got ]
		send \x03
		until [ "$(wc -l <got)" -ge 2 ]
		until : >go
		expect status 3
		send exit 0\n' "${shell[@]}"
	is got <<<$'INT\nINT'
}

@test "Ctrl-\\ ends them with QUIT" {
	run -0 ptyrun 'expect ready>
		send ulimit -c 0; plock -o ./L zoo wait in\n
		until [ -e in ]
		send \x1c
		expect ready>
		send echo "status $?"; exit 0\n
		expect status 131' "${shell[@]}"
	is_free ./L
}

@test "a script of plock lines ends at Ctrl-C, whichever shell runs it" {
	local sh
	for sh in bash sh; do
		rm -f in next
		printf '%s\n' 'plock -o ./L true' 'plock -o ./L zoo wait in' ': >next' 'plock -o ./L zoo wait in2' >script
		run -0 ptyrun "expect ready>
			send $sh script\\n
			until [ -e in ]
			send \\x03
			expect ready>
			send echo \"status \$?\"; exit 0\\n
			expect status 130" "${shell[@]}"
		[ ! -e next ]
		pid_gone "$(cat in)"
	done
}

@test "a script goes on after a Ctrl-C that COMMAND handled" {
	printf '%s\n' 'plock -o ./L zoo trap file 5' 'echo "line 2: $?"' >script
	run -0 ptyrun 'expect ready>
		send bash script\n
		until [ -e file ]
		send \x03
		expect line 2: 5
		expect ready>
		send exit 0\n' "${shell[@]}"
	is file.got <<<INT
}

@test "a loop of plock lines in the shell itself ends at Ctrl-C" {
	run -0 ptyrun 'expect ready>
		send for i in 1 2 3; do plock -o ./L zoo wait in.$i; done\n
		until [ -e in.1 ]
		send \x03
		expect ready>
		send exit 0\n' "${shell[@]}"
	[ ! -e in.2 ]
}

@test "a script of plock lines stops at Ctrl-Z as a whole, and fg resumes it" {
	printf '%s\n' 'plock -o ./L zoo wait in' 'echo "line 2: $?"' >script
	run -0 ptyrun 'expect ready>
		send echo $$ >shell; bash -c "echo \\$\\$ >script.pid; . ./script"\n
		until [ -e in ]
		send \x1a
		expect Stopped
		until in_state T in script.pid && parent_in_state T in
		send fg\n
		until in_state S in script.pid && parent_in_state S in
		until kill "$(cat in)"
		expect line 2: 143
		expect ready>
		send exit 0\n' "${shell[@]}"
}

@test "after COMMAND the terminal is the script's again" {
	printf '%s\n' 'plock -o ./L true' 'echo asks' 'read -r x </dev/tty' 'echo "got <$x>"' 'plock -o ./L sh -c "exit 3"' \
		'echo "status $?"' 'read -r x' 'echo "then <$x>"' >script
	run -0 ptyrun 'expect ready>
		send bash script\n
		expect asks
		send one\n
		expect got <one>
		expect status 3
		send two\n
		expect then <two>
		expect ready>
		send exit 0\n' "${shell[@]}"
}

@test "after a COMMAND that was killed, or could not be run, the terminal is the script's again" {
	printf '%s\n' 'plock -o ./L zoo die 9 </dev/tty' 'plock -o ./L ./missing' 'plock -t 0.1 ./L zoo wait in' 'echo "status $?"' \
		'read -r x' 'echo "then <$x>"' >script
	run -0 ptyrun 'expect ready>
		send bash script\n
		expect status 124
		send two\n
		expect then <two>
		expect ready>
		send exit 0\n' "${shell[@]}"
}

@test "COMMAND reads the terminal, as stdin and by /dev/tty" {
	local verb
	for verb in stdin-read tty-read; do
		run -0 ptyrun "expect ready>
			send plock -o ./L zoo $verb\\n
			until busy ./L
			send hello\\n
			expect read <hello>
			expect ready>
			send exit 0\\n" "${shell[@]}"
		run -0 ptyrun 'until busy ./L
			send hello\n
			expect read <hello>' plock -o ./L zoo "$verb"
	done
}

@test "a pipeline: COMMAND may read the terminal though its stdout is a pipe, or its stdin" {
	run -0 ptyrun 'expect ready>
		send plock -o ./L zoo tty-read | cat\n
		until busy ./L
		send hello\n
		expect read <hello>
		expect ready>
		send echo x | plock -o ./L zoo tty-read\n
		until busy ./L
		send again\n
		expect read <again>
		expect ready>
		send exit 0\n' "${shell[@]}"
}

@test "a pipeline: COMMAND may set the terminal's modes" {
	run -0 ptyrun 'expect ready>
		send plock -o ./L sh -c "stty -echo </dev/tty && stty echo </dev/tty && echo went | tr a-z A-Z" | cat\n
		expect WENT
		expect ready>
		send exit 0\n' "${shell[@]}"
}

@test "a COMMAND that stops itself stops the job, and fg resumes it" {
	run -0 ptyrun 'expect ready>
		send plock -o ./L zoo stop-self self\n
		expect Stopped
		until busy ./L
		send fg\n
		expect continued
		expect ready>
		send exit 0\n' "${shell[@]}"
}

@test "a pipeline ends at Ctrl-C, on either side of it" {
	local line
	for line in 'plock -o ./L zoo wait in | cat' 'cat | plock -o ./L zoo wait in' 'plock -o ./L zoo wait in | plock -o ./M zoo wait in2'; do
		rm -f in in2
		run -0 ptyrun "expect ready>
			send $line\\n
			until [ -e in ]
			send \\x03
			expect ready>
			send exit 0\\n" "${shell[@]}"
		wait_pids_gone 5 "$(cat in)"
		is_free ./L
	done
}

@test "a pipeline stops at Ctrl-Z as a whole, and fg resumes it" {
	run -0 ptyrun 'expect ready>
		send plock -o ./L zoo tree pids | plock -o ./M zoo tree pids2\n
		until [ -e pids ] && [ -e pids2 ]
		send \x1a
		expect Stopped
		until in_state T pids pids2 && parent_in_state T pids && parent_in_state T pids2
		send fg\n
		until in_state S pids pids2 && parent_in_state S pids && parent_in_state S pids2
		send \x03
		expect ready>
		send exit 0\n' "${shell[@]}"
	# shellcheck disable=SC2046  # one word a pid
	wait_pids_gone 5 $(cat pids pids2)
}

@test "a pipeline of many plocks passes everything on" {
	run -0 ptyrun 'expect ready>
		send seq 1000 | plock -o ./A cat | plock -o ./B cat | plock -o ./C tail -n 1\n
		expect 1000
		expect ready>
		send exit 0\n' "${shell[@]}"
}

@test "a background job runs to its end, without the terminal" {
	run -0 ptyrun 'expect ready>
		send plock -o ./L sh -c ": >runs; until [ -e go ]; do sleep 0.01; done; : >ran" &\n
		until [ -e runs ]
		expect ready>
		send : >go; wait; echo "all $?"; exit 0\n
		expect all 0' "${shell[@]}"
	await ran
}

@test "a background job that reads the terminal stops; in the foreground it gets it" {
	local verb
	for verb in stdin-read tty-read; do
		run -0 ptyrun "expect ready>
			send plock -o ./L zoo $verb & echo \$! >job\\n
			until in_state T job
			send jobs\\n
			expect Stopped
			until busy ./L
			send fg\\n
			expect plock
			send hello\\n
			expect read <hello>
			expect ready>
			send exit 0\\n" "${shell[@]}"
	done
}

@test "a background job that does not read, brought to the foreground, has the terminal then" {
	run -0 ptyrun 'expect ready>
		send plock -o ./L sh -c ": >runs; until [ -e go ]; do sleep 0.01; done; zoo stdin-read" &\n
		until [ -e runs ]
		expect ready>
		send fg\n
		expect plock
		until : >go
		send hello\n
		expect read <hello>
		expect ready>
		send exit 0\n' "${shell[@]}"
}

@test "an orphan in the background that reads the terminal, which nobody can bring to the front, costs no CPU" {
	cat >idles <<-'END'
		#!/bin/sh
		pid=$(cat plock.pid)
		ticks() { awk '{ sub(/.*\) /, ""); print $12 + $13 }' "/proc/$pid/stat" 2>/dev/null || echo 0; }
		before=$(ticks)
		sleep 0.3
		[ "$(($(ticks) - before))" -le 4 ]
	END
	chmod +x idles
	run -0 ptyrun 'expect ready>
		send (sh -c '\''echo $$ >plock.pid; exec plock -o ./L zoo tty-read'\'' &)\n
		expect ready>
		until [ -e L ]
		until ./idles
		send exit 0\n' "${shell[@]}"
	kill -KILL "$(cat plock.pid)" 2>/dev/null || true
}

@test "a background job is not touched by Ctrl-C in the foreground" {
	run -0 ptyrun 'expect ready>
		send plock -o ./L zoo wait in &\n
		until [ -e in ]
		expect ready>
		send zoo wait front\n
		until [ -e front ]
		send \x03
		expect ready>
		until in_state S in
		send kill %1; wait %1; echo "status $?"; exit 0\n
		expect status 143' "${shell[@]}"
}

@test "kill of a stopped job ends it" {
	run -0 ptyrun 'expect ready>
		send plock -o ./L zoo wait in\n
		until [ -e in ]
		send \x1a
		expect Stopped
		send kill %1\n
		until ! in_state T in
		expect ready>
		send wait %1; echo "status $?"; exit 0\n
		expect status 143' "${shell[@]}"
	wait_pids_gone 5 "$(cat in)"
	is_free ./L
}

@test "plock in plock: stopped, resumed and ended as one" {
	run -0 ptyrun 'expect ready>
		send plock -o ./A plock -o ./B zoo tree pids\n
		until [ -e pids ]
		send \x1a
		expect Stopped
		until in_state T pids && parent_in_state T pids
		send fg\n
		until in_state S pids && parent_in_state S pids
		send \x03
		expect ready>
		send echo "status $?"; exit 0\n
		expect status 130' "${shell[@]}"
	# shellcheck disable=SC2046  # one word a pid
	wait_pids_gone 5 $(cat pids)
	is_free ./A
	is_free ./B
}

@test "a shell under plock has job control of its own" {
	run -0 ptyrun 'expect ready>
		send PS1="inner: " plock -o ./L bash --norc --noprofile --noediting -i\n
		expect inner:
		send zoo wait in\n
		until [ -e in ]
		send \x1a
		expect Stopped
		expect inner:
		send fg\n
		expect zoo
		until in_state S in
		send \x03
		expect inner:
		send echo "inner status $?"; exit 9\n
		expect inner status 130
		expect ready>
		send echo "status $?"; exit 0\n
		expect status 9' "${shell[@]}"
}

@test "a plock that waits for its lock stops, resumes and ends as any program" {
	hold_by held plock ./L
	run -0 ptyrun 'expect ready>
		send plock -o ./L touch ran\n
		until [ "$(grep -c -e "->.*:$(stat -c %i L) " /proc/locks)" -eq 1 ]
		send \x1a
		expect Stopped
		expect ready>
		send fg\n
		expect plock
		until [ "$(grep -c -e "->.*:$(stat -c %i L) " /proc/locks)" -eq 1 ]
		send \x03
		expect ready>
		send echo "status $?"; exit 0\n
		expect status 130' "${shell[@]}"
	[ ! -e ran ]
}

@test "hang-up of the terminal ends COMMAND and plock" {
	ptyrun 'until [ -e pids ]' plock -o ./L zoo tree pids >transcript 3>&- 4>&- &
	await pids
	kill -KILL $!
	wait $! || true
	# shellcheck disable=SC2046  # one word a pid
	wait_pids_gone 10 $(cat pids)
	run -0 plock -w 5 ./L true
}

@test "hang-up of a terminal with a shell ends COMMAND and plock, as a foreground job and as a stopped one" {
	local keys
	for keys in '' 'send \x1a
		expect Stopped'; do
		rm -f pids ready
		ptyrun "expect ready>
			send plock -o ./L zoo tree pids\\n
			until [ -e pids ]
			$keys
			until : >ready" "${shell[@]}" >transcript 3>&- 4>&- &
		await ready
		kill -KILL $!
		wait $! || true
		# shellcheck disable=SC2046  # one word a pid
		wait_pids_gone 10 $(cat pids)
		run -0 plock -w 5 ./L true
	done
}

@test "-t on a terminal ends COMMAND, and the shell has its terminal again" {
	run -0 ptyrun 'expect ready>
		send plock -t 0.2 ./L zoo wait in; echo "status $?"\n
		expect status 124
		expect ready>
		send exit 0\n' "${shell[@]}"
	wait_pids_gone 5 "$(cat in)"
}

@test "SIGKILL of a plock whose COMMAND has the terminal: the shell has it again, COMMAND is gone" {
	run -0 ptyrun 'expect ready>
		send plock -o ./L zoo wait in\n
		until [ -e in ]
		until kill -9 "$(ps -o ppid= -p "$(cat in)")"
		expect Killed
		expect ready>
		send read -r x; echo "got <$x>"\n
		send line\n
		expect got <line>
		send exit 0\n' "${shell[@]}"
	wait_pids_gone 5 "$(cat in)"
}

@test "flock -o on a terminal: Ctrl-Z, fg, Ctrl-C" {
	mkdir -p bin
	ln -s "$IPCUTILS_BUILD/bin/plock" bin/flock
	run -0 ptyrun 'expect ready>
		send bin/flock -o L zoo tree pids\n
		until [ -e pids ]
		send \x1a
		expect Stopped
		until in_state T pids
		send fg\n
		until in_state S pids
		send \x03
		expect ready>
		send echo "status $?"; exit 0\n
		expect status 130' "${shell[@]}"
}
