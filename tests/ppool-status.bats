#!/usr/bin/env bats
# shellcheck disable=SC2016  # $1 in single quotes is for the job's own shell
# shellcheck disable=SC1003  # nor is a lone backslash a mistake
# shellcheck disable=SC2154  # run and the helpers set output, stderr, lines, death
load helpers

@test "0 when all jobs succeeded, in silence" {
	run -0 --separate-stderr ppool true ::: a b c
	[ -z "$output$stderr" ]
}

@test "1 when at least one failed, and a line on stderr counts them" {
	run -1 --separate-stderr ppool -n 4 --sh '[ "$1" -gt 3 ]' < <(seq 100)
	[ "$stderr" = 'ppool: 3 of 100 jobs failed' ]
	run -1 --separate-stderr ppool false ::: a
	[ "$stderr" = 'ppool: 1 of 1 jobs failed' ]
}

@test "a job that a signal ended has failed" {
	run -1 --separate-stderr ppool zoo die ::: 15 9 1
	[ "$stderr" = 'ppool: 3 of 3 jobs failed' ]
}

@test "a job that a debugger lets go of late has failed as it did" {
	gate go
	start_pool -n 1 --exit first --sh 'echo $$ >"$1.new"; mv "$1.new" "$1"; read -r _ <go; exit 9' ::: in
	await in
	late_tracer "$(cat in)" traced 3>&- &
	await traced
	open_gate go
	end_pool
	wait "$!" || skip "nothing can be traced here"
	[ "$death" = "exit 9" ]
	is err <<<'ppool: 1 of 1 jobs failed'
}

@test "124 when the failures were all time-outs" {
	run -124 --separate-stderr ppool -n 3 -t 0.3 sleep ::: 0 1000 0 1001
	[ "$stderr" = 'ppool: 2 of 4 jobs failed, 2 timed out' ]
}

@test "1 when some failures were no time-outs" {
	run -1 --separate-stderr ppool -n 2 -t 0.3 --sh 'case $1 in bad) exit 3 ;; *) exec sleep "$1" ;; esac' ::: bad 1000
	[ "$stderr" = 'ppool: 2 of 2 jobs failed, 1 timed out' ]
}

@test "127 at once when COMMAND is not found: no input is read, nothing is written" {
	run --separate-stderr bash -c 'ppool no-such-command; echo "$?"; cat' < <(seq 3)
	[ "$output" = $'127\n1\n2\n3' ]
	[[ $stderr == 'ppool: no-such-command: '* ]]
	[ "${#stderr_lines[@]}" -eq 1 ]
	run --separate-stderr bash -c 'ppool ./no-such-command; echo "$?"; cat' < <(seq 3)
	[ "$output" = $'127\n1\n2\n3' ]
	[[ $stderr == 'ppool: ./no-such-command: '* ]]
	[ "${#stderr_lines[@]}" -eq 1 ]
}

@test "127 and 126 do not wait for input" {
	gate never
	run -127 timeout 10 ppool no-such-command < <(silent never)
	run -126 timeout 10 ppool /tmp < <(silent never)
	open_gate never 2
}

@test "126 at once when COMMAND is a directory, or may not be executed" {
	printf '#!/bin/sh\ntouch ran\n' >script
	run -126 --separate-stderr ppool /tmp ::: a
	[[ $stderr == 'ppool: /tmp: '* ]]
	[ "${#stderr_lines[@]}" -eq 1 ]
	run -126 --separate-stderr ppool ./script ::: a
	[ "$stderr" = 'ppool: ./script: Permission denied' ]
	mkdir path
	cp script path/a-plain-file
	PATH=$PATH:$PWD/path run -126 --separate-stderr ppool a-plain-file ::: a
	[[ $stderr == 'ppool: a-plain-file: '* ]]
	[ ! -e ran ]
	chmod +x script
	run -0 ppool ./script ::: a
	[ -e ran ]
}

@test "126 or 127 comes before the joblog is touched" {
	echo old >log
	run -127 ppool --joblog log no-such-command ::: a
	is log <<<old
}

@test "126 when the system cannot execute COMMAND's format: no shell is tried" {
	echo 'touch ran' >script
	chmod +x script
	run -126 --separate-stderr ppool ./script ::: a
	[[ $stderr == *'./script: Exec format error'* ]]
	[ ! -e ran ]
}

@test "a missing interpreter is told, and is no success" {
	printf '#!/no/such/interpreter\n' >script
	chmod +x script
	run ! --separate-stderr ppool ./script ::: a b
	[[ ${stderr_lines[0]} == 'ppool: '*'./script: '* ]]
}

@test "a job's own 126 and 127 are just failures" {
	run -1 --separate-stderr ppool --sh 'exit "$1"' ::: 126 127 125 124 2
	[ "$stderr" = 'ppool: 5 of 5 jobs failed' ]
}

@test "2 for usage, before anything starts" {
	usage_error '' ppool
	usage_error '' ppool -n 4
	usage_error '' ppool ::: a b
	usage_error '' ppool --
}

@test "without COMMAND no record becomes a command, and stdin is not read" {
	run --separate-stderr bash -c 'ppool -n 4 $unset; echo "$?"; cat' < <(echo 'touch ran')
	[ "$output" = $'2\ntouch ran' ]
	[ ! -e ran ]
}

@test "--exit first: the status of the first job that failed" {
	run -0 ppool --exit first true ::: a
	run -7 ppool -n 1 --exit first --sh 'exit "$1"' ::: 0 7 9 0
	run -143 ppool -n 1 --exit first --sh 'kill -s "$1" $$' ::: TERM KILL
	gate one
	start_pool -n 2 -u --exit first --joblog log --sh 'if [ "$1" = 5 ]; then read -r _ <one; fi; exit "$1"' ::: 5 6
	retry_until 10 test -s log
	open_gate one
	end_pool
	[ "$death" = "exit 6" ]
}

@test "--exit first: a time-out is 124" {
	run -124 ppool --exit first -t 0.2 sleep ::: 1000
}

@test "--exit count: the number that failed up to 100, 101 above" {
	run -0 ppool --exit count true ::: a b
	run -5 ppool --exit count --sh '[ "$1" -gt 5 ]' < <(seq 7)
	run -100 ppool -n 2 --exit count false < <(seq 100)
	run -101 ppool -n 2 --exit count false < <(seq 101)
	run -101 ppool -n 2 --exit count false < <(seq 150)
}

@test "-e, --fail-fast: the first failure ends what runs; nothing new starts; 1" {
	local option
	for option in -e --fail-fast --halt=now,fail=1; do
		rm -f run.*
		run -1 --separate-stderr ppool -n 2 "$option" \
			--sh 'case $1 in 1) exec zoo wait run.1 ;; 2) until [ -e run.1 ]; do sleep 0.01; done; exit 3 ;; *) : >"run.$1" ;; esac' < <(seq 9)
		[[ $stderr == *'ppool: halt: fail=1 reached'* ]]
		pids_gone "$(cat run.1)"
		[ "$(ls run.*)" = run.1 ]
	done
}

@test "--halt soon,fail=1: what runs may finish; nothing new starts; 1" {
	gate go
	start_pool -n 2 --halt soon,fail=1 --sh 'case $1 in 1) : >run.1; read -r _ <go; echo "$1" ;; 2) exit 3 ;; *) echo "$1" ;; esac' < <(seq 9)
	await_text err 'ppool: halt: fail=1 reached'
	open_gate go
	end_pool
	[ "$death" = "exit 1" ]
	is out <<<1
}

@test "--halt soon and now leave the rest of the input unread" {
	run -0 --separate-stderr bash -c 'yes | timeout 20 ppool -n 2 --halt soon,done=5 echo'
	[ "${#lines[@]}" -ge 5 ]
	[ "${#lines[@]}" -le 6 ]
	[[ $stderr == *'ppool: halt: done=5 reached'* ]]
}

@test "--halt fail=N counts failures, and is not reached below N" {
	run -1 --separate-stderr ppool -n 1 --halt soon,fail=3 --sh 'echo "$1"; [ $(($1 % 2)) -eq 0 ]' < <(seq 9)
	[ "$output" = $'1\n2\n3\n4\n5' ]
	run -1 --separate-stderr ppool -n 1 --halt soon,fail=3 --sh 'echo "$1"; [ "$1" -gt 2 ]' < <(seq 4)
	[ "$output" = $'1\n2\n3\n4' ]
	[ "$stderr" = 'ppool: 2 of 4 jobs failed' ]
}

@test "--halt success=N reached exits 0, though jobs failed" {
	run -0 --separate-stderr ppool -n 1 --halt now,success=1 --sh 'echo "$1"; [ "$1" -eq 3 ]' < <(seq 9)
	[ "$output" = $'1\n2\n3' ]
	run -1 --separate-stderr ppool -n 1 --halt now,success=1 --sh 'echo "$1"; false' ::: 1 2
	[ "$output" = $'1\n2' ]
}

@test "--halt done=N reached exits 0, though jobs failed" {
	run -0 --separate-stderr ppool -n 1 --halt soon,done=2 --sh 'echo "$1"; false' ::: 1 2 3
	[ "$output" = $'1\n2' ]
}

@test "--halt now,success=1 ends the slower ones: a race" {
	run -0 --separate-stderr ppool -n 2 --halt now,success=1 --sh 'if [ "$1" = slow ]; then zoo wait slow; else until [ -e slow ]; do sleep 0.01; done; echo fast; fi' ::: slow fast
	[ "$output" = fast ]
	pids_gone "$(cat slow)"
}

@test "--halt N%: of the jobs finished so far, from the tenth on" {
	run -1 --separate-stderr ppool -n 1 --halt soon,fail=20% --sh 'echo "$1"; [ "$1" -ne 1 ] && [ "$1" -ne 2 ]' < <(seq 30)
	[ "${#lines[@]}" -eq 10 ]
	run -1 --separate-stderr ppool -n 1 --halt soon,fail=20% --sh 'echo "$1"; [ "$1" -ne 1 ]' < <(seq 12)
	[ "${#lines[@]}" -eq 12 ]
	run -1 --separate-stderr ppool -n 1 --halt soon,fail=25% --sh 'echo "$1"; [ $(($1 % 4)) -ne 0 ]' < <(seq 40)
	[ "${#lines[@]}" -eq 12 ]
}

@test "--halt N% at the end: success reached exits 0 with fewer than ten jobs" {
	run -0 ppool -n 1 --halt soon,success=50% --sh '[ "$1" -ne 1 ]' ::: 1 2 3 4
	run -1 ppool -n 1 --halt soon,success=80% --sh '[ "$1" -ne 1 ]' ::: 1 2 3 4
}

@test "the summary and the status count what ran, not what a halt left" {
	run -1 --separate-stderr ppool -n 1 --halt soon,fail=1 false < <(seq 50)
	[[ $stderr == *'ppool: 1 of 1 jobs failed'* ]]
}
