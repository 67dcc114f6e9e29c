#!/usr/bin/env bats
# shellcheck disable=SC2016  # $1 in single quotes is for the job's own shell
# shellcheck disable=SC1003  # nor is a lone backslash a mistake
# shellcheck disable=SC2154  # run and the helpers set output, stderr, lines, death
load helpers

# An interactive shell, as in a terminal window: job control, and no files of anyone's.
shell=(env PS1='ready> ' PS2= HISTFILE=/dev/null bash --norc --noprofile --noediting -i)

@test "Ctrl-C: the jobs get INT, and the shell sees ppool die of it" {
	run -0 ptyrun 'expect ready>
		send ppool -n 2 zoo trap file 3 ::: x\n
		until [ -e file ]
		send \x03
		expect ready>
		send echo "status $?"; exit\n
		expect status 130' "${shell[@]}"
	is file.got <<<INT
	[[ $output == *INT*'status 130'* ]]
}

@test "Ctrl-Z stops ppool and its jobs; fg resumes them" {
	run -0 ptyrun 'expect ready>
		send ppool -n 2 zoo tree ::: one two\n
		until [ -e one ] && [ -e two ]
		send \x1a
		expect Stopped
		until for pid in $(cat one two); do grep -q "^State:.T" /proc/$pid/status || exit 1; done
		send jobs -l\n
		expect ppool
		send fg\n
		until for pid in $(cat one two); do grep -q "^State:.S" /proc/$pid/status || exit 1; done
		send \x03
		expect ready>
		send exit 0\n' "${shell[@]}"
	mapfile -t pids < <(cat one two)
	[ "${#pids[@]}" -eq 6 ]
	wait_pids_gone 5 "${pids[@]}"
}

@test "Ctrl-Z: time in which it was stopped does not count for -t" {
	run -0 ptyrun 'expect ready>
		send ppool -n 1 -t 4 --sh ": >runs; until [ -e go ]; do sleep 0.02; done; echo fine" ::: x >out\n
		until [ -e runs ]
		send \x1a
		expect Stopped
		until [ "$(date +%s)" -ge "$(($(stat -c %Y runs) + 6))" ]
		send : >go\n
		expect ready>
		send fg; echo "again $?"\n
		expect again 0
		send exit 0\n' "${shell[@]}"
	is out <<<fine
}

@test "Ctrl-Z, fg: the work is finished and right" {
	run -0 ptyrun 'expect ready>
		send ppool -n 2 -k --sh "until [ -e go ]; do sleep 0.02; done; echo \\$1" ::: one two three >out; echo "status $?"\n
		until pgrep -f "^sh -c until .* sh one" >/dev/null
		send \x1a
		expect Stopped
		send : >go\n
		expect ready>
		send fg; echo "again $?"\n
		expect again 0
		send exit 0\n' "${shell[@]}"
	is out <<<$'one\ntwo\nthree'
}

@test "--tty: Ctrl-Z while a job is being started: it stops, fg resumes it, and TERM ends it" {
	run -0 early_stop 60 ppool --tty -n 1 -u zoo wait ::: in
}

@test "Ctrl-Z, bg: the jobs run on in the background" {
	gate go
	run -0 ptyrun 'expect ready>
		send ppool -n 1 --sh ": >started; read -r _ <go; echo got >got" ::: one\n
		until [ -e started ]
		send \x1a
		expect Stopped
		send bg\n
		expect ready>
		send echo >go; wait; exit 0\n
		until [ -e got ]' "${shell[@]}"
	is got <<<got
}

@test "SIGKILL of a stopped ppool ends its stopped jobs" {
	run -0 ptyrun 'expect ready>
		send ppool -n 2 zoo tree ::: one\n
		until [ -e one ]
		send \x1a
		expect Stopped
		send kill -9 %1\n
		until for pid in $(cat one); do [ ! -e /proc/$pid ] || grep -q "^State:.Z" /proc/$pid/status || exit 1; done
		send exit 0\nexit 0\n' "${shell[@]}"
	mapfile -t pids <one
	pids_gone "${pids[@]}"
}

@test "hang-up of the terminal ends the jobs" {
	ptyrun 'until [ -e pid ]' ppool zoo wait ::: pid >transcript &
	await pid
	kill -KILL $!
	wait $! || true
	wait_pids_gone 10 "$(cat pid)"
}

@test "a job that reads the terminal is told and ended, and the others run" {
	run -1 ptyrun 'expect failed' ppool -n 1 --sh 'if [ "$1" = greedy ]; then zoo tty-read; else echo "ran $1"; fi' ::: greedy modest
	[[ $output == *'ppool: job 1: stopped for the terminal; ended (see --tty)'* ]]
	[[ $output == *'ran modest'* ]]
	[[ $output == *'ppool: 1 of 2 jobs failed'* ]]
}

@test "a job's stdin is /dev/null on a terminal too" {
	run -0 ptyrun '' ppool --sh 'readlink /proc/self/fd/0' ::: a
	[[ $output == /dev/null* ]]
}

@test "--tty with -n 1 -u gives the job the terminal" {
	run -0 ptyrun 'expect ready-a
		send hello\n
		expect read <hello>
		expect ready-b
		send world\n
		expect read <world>' ppool --tty -n 1 -u --sh 'echo "ready-$1"; zoo stdin-read; zoo ids; [ -t 0 ]' ::: a b
	run -0 ptyrun 'expect ready-a
		send hello\n
		expect read <hello>' ppool --tty -n 1 -u --sh 'echo "ready-$1"; zoo tty-read' ::: a
}

@test "--tty: Ctrl-C reaches the job" {
	run -0 ptyrun 'expect ready>
		send ppool --tty -n 1 -u zoo trap file 3 ::: x\n
		until [ -e file ]
		send \x03
		expect ready>
		send exit 0\n' "${shell[@]}"
	is file.got <<<INT
}

@test "--tty: Ctrl-C that the job dies of ends ppool by INT too, and nothing new starts" {
	run -0 ptyrun 'expect ready>
		send ppool --tty -n 1 -u zoo wait ::: one two\n
		until [ -e one ]
		send \x03
		expect ready>
		send echo "status $?"; exit\n
		expect status 130' "${shell[@]}"
	[ ! -e two ]
}

@test "--progress on a terminal: a bar of one line; the output is not disturbed" {
	run -0 ptyrun 'expect 3/3' ppool -n 1 --progress --sh 'sleep 0.3; echo "line $1"' ::: a b c
	local name
	for name in a b c; do
		# Whatever is drawn, the line itself starts at the left edge, with nothing after it.
		tr '\r' '\n' <<<"$output" | sed 's/\x1b\[[0-9;?]*[A-Za-z]//g' | grep -qx "line $name"
	done
	[[ $output == *1/3* || $output == *2/3* ]]
}

@test "--progress on a terminal, output elsewhere: the output is exact" {
	run -0 ptyrun 'expect 40/40' bash -c 'seq 40 | ppool -n 2 -k --progress --sh "sleep 0.02; echo \$1" >out'
	is out < <(seq 40)
}

@test "--progress is redrawn at most 10 times a second, and never wraps" {
	local before=$EPOCHREALTIME drawn
	run -0 ptyrun 'expect 400/400' ppool -n 2 --progress true ::: {1..400}
	drawn=$(tr '\r' '\n' <<<"$output" | grep -c '/400')
	[ "$drawn" -le "$(awk -v a="$before" -v b="$EPOCHREALTIME" 'BEGIN { print int((b - a) * 10) + 3 }')" ]
	[ "$(tr '\r' '\n' <<<"$output" | sed 's/\x1b\[[0-9;?]*[A-Za-z]//g' | awk '{ if (length > most) most = length } END { print most }')" -le 80 ]
}

@test "--progress elsewhere: a line at the end; the input is not slurped for the total" {
	run -0 --separate-stderr ppool -n 2 --progress true ::: {1..12}
	[ -z "$output" ]
	[[ ${stderr_lines[-1]} == 'ppool: progress: 12/12 done, 0 running, 0 failed, '* ]]
	run --separate-stderr ppool -n 2 --progress --sh '[ "$1" != 3 ]' ::: 1 2 3
	[ "$status" -eq 1 ]
	[[ $stderr == *'ppool: progress: 3/3 done, 0 running, 1 failed, '* ]]
	run -0 --separate-stderr bash -c 'yes | timeout 20 ppool -n 2 --progress --halt soon,done=5 true'
	[[ $stderr == *'ppool: progress: '*'+ done, '* ]]
}

@test "a job that ignores TERM and goes on reading the terminal is told once, and killed" {
	run -1 ptyrun 'expect failed' ppool -n 1 --kill-after 60 --sh "trap '' TERM; cat </dev/tty; cat </dev/tty" ::: a
	[ "$(grep -c 'stopped for the terminal' <<<"$output")" -eq 1 ]
}

@test "a job that is ended for reading the terminal has failed, though it exits 0" {
	run -1 ptyrun 'expect failed' ppool -n 1 --joblog log --sh 'trap "exit 0" TERM; read -r x </dev/tty' ::: a
	[ "$(cut -f 6 log)" = 21 ]
}
