#!/usr/bin/env bats
# shellcheck disable=SC2016  # $1 in single quotes is for the job's own shell
# shellcheck disable=SC1003  # nor is a lone backslash a mistake
# shellcheck disable=SC2154  # run and the helpers set output, stderr, lines, death
load helpers

# A pause at a random moment is not for synchronising: the moment is what is tested. SEED=N repeats a run.
random_pause() { sleep "0.0$(printf '%02d' $((RANDOM % $1)))"; }

seed() {
	seed=${SEED:-$RANDOM}
	echo "SEED=$seed"
	RANDOM=$seed
}

@test "SIGKILL of ppool: jobs and whatever stayed in their groups are gone within a second" {
	start_pool -n 3 --sh 'if [ "$1" = stubborn ]; then exec zoo ignore-term "$1"; else exec zoo tree "$1"; fi' ::: a b stubborn
	await a b stubborn
	mapfile -t pids < <(cat a b stubborn)
	[ "${#pids[@]}" -eq 7 ]
	kill -KILL "$pool_pid"
	retry_until 2 pids_gone "${pids[@]}"
	end_pool
	[ "$death" = "signal 9" ]
}

@test "SIGKILL of ppool: grandchildren whose parent, the job, has ended are gone too" {
	start_pool -n 2 --sh 'zoo double-fork "left.$1"; : >"ready.$1"; zoo wait "job.$1"' ::: a b
	await left.a left.b job.a job.b
	kill -KILL "$pool_pid"
	retry_until 2 pids_gone "$(cat left.a)" "$(cat left.b)" "$(cat job.a)" "$(cat job.b)"
	end_pool
}

@test "what jobs that have ended left in their groups is ended with ppool, by SIGKILL and by a signal" {
	local name
	for name in KILL TERM INT; do
		rm -f left.* job
		start_pool -n 1 --sh 'if [ "$1" = last ]; then exec zoo wait job; fi; zoo double-fork "left.$1" >/dev/null 2>&1' ::: a b last
		await left.a left.b job
		[ "$(pid_state "$(cat left.a)")" = S ]
		kill -s "$name" "$pool_pid"
		retry_until 5 pids_gone "$(cat left.a)" "$(cat left.b)" "$(cat job)"
		end_pool
	done
}

@test "SIGKILL of ppool: stopped jobs are gone too" {
	start_pool zoo stop-self ::: pid
	await pid
	retry_until 10 pid_is "$(cat pid)" T
	kill -KILL "$pool_pid"
	retry_until 2 pids_gone "$(cat pid)"
	end_pool
}

@test "SIGKILL of ppool: its reader gets EOF, and its joblog is free" {
	gate go
	start_with bash -c 'ppool --joblog log --sh "echo x; exec zoo wait pid" ::: a | cat; ppool --joblog log --resume true ::: b'
	await pid
	kill -KILL "$(ps -o ppid= -p "$(cat pid)")"
	retry_until 5 test -e pool.death
	end_pool
	[ "$death" = "exit 0" ]
	[ "$(wc -l <log)" -eq 1 ]
}

@test "the guard is in a group of its own: what is sent to ppool's group does not reach it" {
	start_with setsid ppool zoo tree ::: pids
	await pids
	kill -KILL -- "-$pool_pid"
	end_pool
	[ "$death" = "signal 9" ]
	mapfile -t pids <pids
	retry_until 2 pids_gone "${pids[@]}"
}

@test "SIGKILL at 200 random moments: nothing lives on, and no file is left in --tmpdir" {
	local round pool
	seed
	mkdir spill
	for ((round = 0; round < 200; ++round)); do
		ppool -n 3 -k --buffer 4K --tmpdir spill --sh '
			trap "" TERM INT HUP
			sleep 1000 &
			case $(($1 % 3)) in
			0) head -c 200000 /dev/zero; sleep 1000 ;;
			1) head -c 100000 /dev/zero ;;
			2) kill $!; exit 1 ;;
			esac' </dev/null >/dev/null 2>&1 3>&- ::: 1 2 3 4 5 6 7 8 9 10 11 12 &
		pool=$!
		random_pause 50
		kill -KILL "$pool"
		wait "$pool" || true
		retry_until 2 no_process_left || {
			echo "round $round"
			return 1
		}
		[ -z "$(ls -A spill)" ]
	done
}

@test "SIGKILL at random moments with --joblog --resume: nothing is lost, nothing counts as done that is not" {
	local round pool n=0
	seed
	: >ran
	for ((round = 0; round < 40; ++round)); do
		ppool -n 3 --joblog log --resume --sh 'echo "$1" >>ran' >/dev/null 2>&1 3>&- ::: {1..400} &
		pool=$!
		random_pause 60
		kill -KILL "$pool" 2>/dev/null || n=$((n + 1))
		wait "$pool" || true
		retry_until 2 no_process_left
		[ -e log ] || continue
		# A complete line says that its job had succeeded: its record is in the file.
		awk -F '\t' 'FILENAME == "ran" { ran[$1] = 1; next } NF == 12 && $5 == 0 && $6 == 0 { gsub(/.* /, "", $12); if (!($12 in ran)) { print "not done: " $12; exit 1 } }' \
			ran <(grep -aP '\t' log)
	done
	run -0 --separate-stderr ppool -n 3 --joblog log --resume --sh 'echo "$1" >>ran' ::: {1..400}
	is <(sort -nu ran) < <(seq 400)
	echo "$(wc -l <ran) runs of 400 jobs in $round rounds"
	# In flight, or finished and not yet logged, at each kill: a few.
	[ "$(wc -l <ran)" -le $((400 + 40 * 6)) ]
	[ "$(awk -F '\t' 'NF == 12 { print $11 }' log | sort | uniq -d | wc -l)" -eq 0 ]
}
