#!/usr/bin/env bats
# shellcheck disable=SC2016  # $1 in single quotes is for the job's own shell
# shellcheck disable=SC1003  # nor is a lone backslash a mistake
# shellcheck disable=SC2030,SC2031  # each test is a process of its own
# shellcheck disable=SC2154  # run and the helpers set output, stderr, lines, death
load helpers

@test "INT, TERM, HUP: the signal goes to every job, output so far is written, ppool dies of that signal" {
	local name number
	while read -r name number; do
		start_pool -n 2 zoo trap "file.$name" 0 ::: x
		await "file.$name"
		kill -s "$name" "$pool_pid"
		end_pool
		[ "$death" = "signal $number" ]
		is "file.$name.got" <<<"$name"
		is out <<<$'ready\n'"$name"
	done <<<$'INT 2\nTERM 15\nHUP 1'
}

@test "a signal: no new jobs, in every mode, and the output of all that ran is written" {
	local mode
	for mode in --no-run-if-empty -k -l -u; do
		rm -f file.*
		start_pool -n 2 "$mode" --sh 'exec zoo trap "file.$1" 0' ::: 1 2 3 4 5
		await file.1 file.2
		kill -TERM "$pool_pid"
		end_pool
		[ "$death" = "signal 15" ]
		is <(sort out) <<<$'TERM\nTERM\nready\nready'
		[ ! -e file.3 ]
	done
}

@test "a signal reaches everything in a job's process group" {
	start_pool -n 2 zoo tree ::: a b
	await a b
	mapfile -t pids < <(cat a b)
	[ "${#pids[@]}" -eq 6 ]
	kill -INT "$pool_pid"
	end_pool
	[ "$death" = "signal 2" ]
	wait_pids_gone 5 "${pids[@]}"
}

@test "each job is the leader of a process group of its own, in ppool's session" {
	start_pool -n 2 zoo ids ::: a b
	end_pool
	[ "$(awk '$2 == $4' out | wc -l)" -eq 2 ]
	[ "$(cut -d ' ' -f 4 out | sort -u | wc -l)" -eq 2 ]
	[ "$(cut -d ' ' -f 6 out | sort -u)" -eq "$(ps -o sid= -p "$BASHPID")" ]
	[ "$(cut -d ' ' -f 8 out | sort -u)" -eq "$pool_pid" ]
}

@test "after --kill-after, KILL" {
	start_pool --kill-after 0.2 zoo ignore-term ::: pid
	await pid
	kill -TERM "$pool_pid"
	end_pool
	[ "$death" = "signal 15" ]
	wait_pids_gone 5 "$(cat pid)"
}

@test "the second signal kills at once" {
	start_pool --kill-after 1h zoo ignore-term ::: pid
	await pid
	kill -TERM "$pool_pid"
	retry_until 10 pid_consumed_signal "$pool_pid" 15
	[ ! -e pool.death ]
	kill -INT "$pool_pid"
	retry_until 5 test -e pool.death
	end_pool
	[[ $death == "signal 2" || $death == "signal 15" ]]
	wait_pids_gone 5 "$(cat pid)"
}

@test "a signal ends a pool that waits for input" {
	gate never
	start_pool -n 2 echo < <(slowly never a b)
	await_text out a
	kill -INT "$pool_pid"
	retry_until 5 test -e pool.death
	end_pool
	[ "$death" = "signal 2" ]
	is out <<<a
}

@test "-k: a signal still writes what later jobs had finished, in order" {
	start_pool -n 2 -k --sh 'case $1 in 1) exec zoo trap file 0 ;; 4) : >at.4; exec sleep 1000 ;; *) echo "$1" ;; esac' ::: 1 2 3 4
	await file at.4
	kill -TERM "$pool_pid"
	end_pool
	[ "$death" = "signal 15" ]
	is out <<<$'ready\nTERM\n2\n3'
}

@test "a reader that stands still: a signal's output so far waits for it; the second signal does not" {
	local mode reader first
	for mode in -k -l; do
		rm -f through wrote pool.*
		mkfifo through
		deathof pool ppool -n 1 "$mode" --sh 'seq 20000; : >wrote; exec zoo wait pid' ::: x >through 2>err 3>&- &
		exec {reader}<through
		read -r first <&"$reader"
		await wrote pool.pid
		read -r pool_pid <pool.pid
		kill -TERM "$pool_pid"
		is <(echo "$first"; cat <&"$reader") < <(seq 20000)
		exec {reader}<&-
		end_pool
		[ "$death" = "signal 15" ]
	done
	rm -f through wrote pool.*
	mkfifo through
	deathof pool ppool -n 1 -l --sh 'seq 200000' ::: x >through 2>err 3>&- &
	exec {reader}<through
	read -r first <&"$reader"
	await pool.pid
	read -r pool_pid <pool.pid
	kill -TERM "$pool_pid"
	retry_until 10 pid_consumed_signal "$pool_pid" 15
	kill -TERM "$pool_pid"
	retry_until 5 test -e pool.death
	exec {reader}<&-
	end_pool
	[ "$death" = "signal 15" ]
}

@test "a job inherits ppool's signal mask and dispositions, whatever ppool blocks itself" {
	local expected
	expected=$(env --default-signal zoo signals)
	run -0 env --default-signal ppool zoo signals ::: x
	[ "$output" = "$expected" ]
	expected=$(env --default-signal --ignore-signal=USR1,PIPE --block-signal=WINCH zoo signals)
	run -0 env --default-signal --ignore-signal=USR1,PIPE --block-signal=WINCH ppool zoo signals ::: x
	[ "$output" = "$expected" ]
	run -0 env --default-signal --ignore-signal=USR1,PIPE --block-signal=WINCH ppool -u zoo signals ::: x
	[ "$output" = "$expected" ]
}

@test "SIGCHLD ignored or blocked by the parent is no harm" {
	run -0 timeout 20 env --ignore-signal=CHLD ppool -n 2 echo ::: a b c
	[ "${#lines[@]}" -eq 3 ]
	run -1 timeout 20 env --block-signal=CHLD ppool -n 2 false ::: a
	run -1 --separate-stderr timeout 20 env --ignore-signal=CHLD ppool -n 2 --sh 'exit 4' ::: a b
	[ "$stderr" = 'ppool: 2 of 2 jobs failed' ]
}

@test "yes | ppool | head ends at once with nothing left behind" {
	local mode
	for mode in --no-run-if-empty -k -l -u --tag; do
		run -0 timeout 10 bash -c 'yes | ppool -n 4 "$1" -- echo | head -n 3; echo "${PIPESTATUS[*]}"' bash "$mode"
		[ "$(sed '$d; s/^y\t//' <<<"$output")" = $'y\ny\ny' ]
		[ "${lines[3]}" = "141 141 0" ] || [[ $mode = -u && ${lines[3]} = "141 "*" 0" ]]
		no_process_left
	done
}

@test "the reader gone: a pool whose jobs are silent ends at once, jobs included, and dies of PIPE" {
	local mode
	for mode in --no-run-if-empty -k -l -u; do
		rm -f go pid
		gate go
		start_with bash -c 'ppool -n 2 "$1" zoo tree ::: pid | { read -r _ <go; }; echo "${PIPESTATUS[0]}"' bash "$mode"
		await pid
		mapfile -t pids <pid
		open_gate go
		retry_until 5 test -e pool.death
		end_pool
		is out <<<141
		pids_gone "${pids[@]}"
	done
}

@test "the reader gone: an idle pool that waits for input ends at once" {
	local mode
	gate never
	for mode in --no-run-if-empty -k -l -u; do
		run -0 timeout 5 bash -c 'ppool "$1" echo | true; echo "${PIPESTATUS[0]}"' bash "$mode" < <(silent never)
		[ "$output" = 141 ]
	done
}

@test "the reader gone while ppool waited for it to read" {
	local mode
	for mode in --no-run-if-empty -k -l --tag; do
		run -0 timeout 20 bash -c 'ppool -n 4 "$1" --buffer 64K --sh "seq 30000; : >done.\$1" ::: 1 2 3 4 5 6 7 8 |
			{ read -r _; until [ "$(ls done.* 2>/dev/null | wc -l)" -ge 3 ]; do sleep 0.01; done; }; echo "${PIPESTATUS[0]}"' bash "$mode"
		[ "$output" = 141 ]
		rm done.*
	done
}

@test "the reader gone: jobs that ignore TERM are killed" {
	run -0 timeout 10 bash -c 'ppool zoo ignore-term ::: pid | { until [ -e pid ]; do sleep 0.01; done; }; echo "${PIPESTATUS[0]}"'
	[ "$output" = 141 ]
	pids_gone "$(cat pid)"
}

@test "the reader gone: with SIGPIPE ignored ppool still ends, and says so by its status" {
	run -0 timeout 10 env --ignore-signal=PIPE bash -c 'yes 2>/dev/null | ppool -n 4 echo 2>/dev/null | head -n 3; echo "${PIPESTATUS[1]}"'
	[ "${lines[0]}" = y ]
	[ "${lines[3]}" -ne 0 ]
}

@test "the reader of a socket gone ends a silent pool too" {
	requires python3
	run -0 timeout 20 python3 - <<-'END'
		import os, socket, subprocess, time
		ours, theirs = socket.socketpair()
		pool = subprocess.Popen(["ppool", "-n", "2", "zoo", "wait"], stdin=subprocess.PIPE, stdout=theirs)
		theirs.close()
		pool.stdin.write(b"pid\n")
		pool.stdin.flush()
		while not os.path.exists("pid"):
		    time.sleep(0.01)
		ours.close()
		print(pool.wait(5))
	END
	[ "$output" = -13 ]
	pids_gone "$(cat pid)"
}

@test "a normal end lets go of what left a job's group's pipes; the guard goes with ppool" {
	start_pool -n 1 --sh 'zoo double-fork stray >/dev/null 2>&1' ::: a
	end_pool
	[ "$death" = "exit 0" ]
	retry_until 5 only_left "$(cat stray)"
	[ "$(pid_state "$(cat stray)")" = S ]
	kill "$(cat stray)"
}

only_left() { [ "$(marked_pids)" = "$1" ]; }

@test "a job that stops itself is not the terminal's: it runs on after CONT" {
	start_pool zoo stop-self ::: pid
	await pid
	retry_until 10 pid_is "$(cat pid)" T
	kill -CONT "$(cat pid)"
	end_pool
	[ "$death" = "exit 0" ]
	is out <<<continued
}

@test "a stopped job is ended by TERM to ppool all the same" {
	start_pool zoo stop-self ::: pid
	await pid
	retry_until 10 pid_is "$(cat pid)" T
	kill -TERM "$pool_pid"
	retry_until 8 test -e pool.death
	end_pool
	[ "$death" = "signal 15" ]
	pids_gone "$(cat pid)"
}

@test "an endless record does not keep ppool from its signals, nor from its jobs" {
	start_pool -n 2 echo < <(echo a; exec cat /dev/zero)
	await_text out a
	kill -TERM "$pool_pid"
	end_pool
	[ "$death" = 'signal 15' ]
}

@test "what earlier jobs left has until --kill-after, too" {
	gate go
	cat >left.sh <<-'END'
		trap ': >cleaned; exit' TERM
		: >ready
		while :; do sleep 0.01; done
	END
	start_pool -n 1 --sh 'sh left.sh >/dev/null 2>&1 & echo "$1"' < <(echo a; silent go)
	await ready
	await_text out a
	kill -TERM "$pool_pid"
	end_pool
	[ "$death" = 'signal 15' ]
	[ -e cleaned ]
}

@test "two readers of one pipe: neither waits deaf for a line that the other has taken" {
	gate go
	mkfifo shared
	exec {both}<>shared
	deathof one ppool -n 1 true <shared >/dev/null 2>&1 3>&- &
	deathof two ppool -n 1 true <shared >/dev/null 2>&1 3>&- &
	await one.pid two.pid
	for _ in {1..200}; do echo line; done >&"$both"
	kill -TERM "$(cat one.pid)" "$(cat two.pid)"
	await one.death two.death
	exec {both}>&-
	[ "$(cat one.death two.death | sort -u)" = 'signal 15' ]
}
