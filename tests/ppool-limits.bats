#!/usr/bin/env bats
# shellcheck disable=SC2016  # $1 in single quotes is for the job's own shell
# shellcheck disable=SC1003  # nor is a lone backslash a mistake
# shellcheck disable=SC2154  # run and the helpers set output, stderr, lines, death
load helpers

@test "-t TIME: TERM to the job, which may still print" {
	run -124 --separate-stderr ppool -t 1 --joblog log zoo trap file 0 ::: x
	[ "$output" = $'ready\nTERM' ]
	is file.got <<<TERM
	is <(cut -f 5,6 log) <<<$'124\t0'
}

@test "-t TIME: the exit code of a late job is logged as it is, when it is not 0" {
	run -124 ppool -t 1 --joblog log --sh 'exec zoo trap file 9' ::: x
	is <(cut -f 5,6 log) <<<$'9\t0'
	run -124 ppool -t 0.2 --joblog log sleep ::: 1000
	is <(cut -f 5,6 log) <<<$'0\t15'
}

@test "-t TIME: TERM to the whole process group" {
	run -124 ppool -t 1 zoo tree ::: pids
	mapfile -t pids <pids
	[ "${#pids[@]}" -eq 3 ]
	wait_pids_gone 5 "${pids[@]}"
}

@test "-t TIME, --kill-after: KILL for what ignores TERM" {
	run -124 timeout 20 ppool -t 1 --kill-after 0.1 --joblog log zoo ignore-term ::: pid
	wait_pids_gone 5 "$(cat pid)"
	is <(cut -f 5,6 log) <<<$'0\t9'
}

@test "--kill-after is 2 s when it is not given" {
	run -124 timeout 20 ppool -t 0.5 --joblog log zoo ignore-term ::: pid
	awk '!($4 >= 2.5 && $4 < 10) { exit 1 }' log
}

@test "-t TIME: KILL also for what stayed in the group of a job that obeyed" {
	run -124 timeout 20 ppool -t 1 --kill-after 0.1 --sh 'zoo ignore-term pid & until [ -e pid ]; do sleep 0.01; done; wait' ::: x
	wait_pids_gone 5 "$(cat pid)"
}

@test "-t TIME is for each job, and leaves quick ones alone" {
	run -0 ppool -n 1 -t 5 sleep ::: 0.01 0.01 0.01
	run -124 --separate-stderr ppool -n 2 -t 0.5 --sh 'sleep "$1"; echo "$1"' ::: 0.01 1000 0.02
	is <(echo "$output") <<<$'0.01\n0.02'
}

@test "-t TIME: what a late job had printed is kept" {
	run -124 --separate-stderr ppool -t 1 --sh 'echo before; exec zoo wait file' ::: x
	[ "$output" = before ]
}

@test "-t: durations as 0.25, 250ms, 1s" {
	run -124 ppool -t 250ms sleep ::: 1000
	run -124 ppool --timeout 0.25 sleep ::: 1000
	run -124 ppool -t 1s sleep ::: 1000
	run -0 ppool -t 5m true ::: a
	run -0 ppool -t 2h true ::: a
	run -0 ppool -t 1d true ::: a
}

@test "--retries N: that many more tries; the output is the last one's" {
	run -0 --separate-stderr ppool --retries 5 --joblog log \
		--sh 'echo x >>tries; n=$(wc -l <tries); echo "try $n"; echo "err $n" >&2; [ "$n" -eq 3 ]' ::: a
	[ "$output" = 'try 3' ]
	[ "$stderr" = 'err 3' ]
	[ "$(wc -l <log)" -eq 1 ]
	is <(cut -f 5 log) <<<0
}

@test "--retries N: N+1 tries at most, then it counts as failed, once" {
	run -1 --separate-stderr ppool --retries 2 --joblog log --sh 'echo x >>tries; echo out; exit 3' ::: a
	[ "$(wc -l <tries)" -eq 3 ]
	[ "$output" = out ]
	[ "$stderr" = 'ppool: 1 of 1 jobs failed' ]
	is <(cut -f 1,5 log) <<<$'1\t3'
}

@test "--retries: a time-out and a signal are tried again too" {
	run -124 ppool --retries 1 -t 0.3 --sh 'echo x >>tries; exec sleep 1000' ::: a
	[ "$(wc -l <tries)" -eq 2 ]
	run -1 ppool --retries 2 --sh 'echo x >>kills; kill -KILL $$' ::: a
	[ "$(wc -l <kills)" -eq 3 ]
}

@test "--retries: success is not tried again, other jobs are not concerned" {
	run -1 ppool -n 2 --retries 3 --sh 'echo "$1" >>tries; [ "$1" != bad ]' ::: a bad b
	is <(sort tries | uniq -c | awk '{ print $2, $1 }') <<<$'a 1\nb 1\nbad 4'
}

@test "--retries with -k keeps the order, and the dropped tries out" {
	run -0 ppool -n 3 -k --retries 2 \
		--sh 'echo x >>"tries.$1"; n=$(wc -l <"tries.$1"); echo "$1:$n"; [ "$n" -eq 3 ]' ::: a b c
	[ "$output" = $'a:3\nb:3\nc:3' ]
}

@test "--backoff TIME before the first more try, doubling" {
	run -1 ppool --retries 2 --backoff 0.3 --sh 'date +%s%N >>times; date +%s%N >>times; false' ::: a
	mapfile -t times <"times"
	[ "${#times[@]}" -eq 6 ]
	echo "waits: $((times[2] - times[1])) $((times[4] - times[3]))"
	[ $((times[2] - times[1])) -ge 300000000 ]
	[ $((times[4] - times[3])) -ge 600000000 ]
	[ $((times[4] - times[3])) -le 5000000000 ]
}

@test "--backoff: other records run meanwhile, and a signal does not wait for it" {
	start_pool -n 2 --retries 1 --backoff 1h --sh 'echo "$1"; [ "$1" != bad ]' ::: bad a b c
	await_text out c
	kill -TERM "$pool_pid"
	end_pool
	[ "$death" = "signal 15" ]
}

@test "--delay TIME between starts" {
	run -0 ppool -n 4 --delay 0.3 --joblog log true ::: a b c
	cut -f 3 log | sort -n | awk 'NR > 1 && $1 - last < 0.295 { exit 1 } { last = $1 }'
}

@test "--delay: a signal does not wait for it" {
	start_pool -n 2 --delay 1h echo ::: a b
	await_text out a
	kill -TERM "$pool_pid"
	end_pool
	[ "$death" = "signal 15" ]
	is out <<<a
}

@test "10,000 jobs leave no zombie, no descriptor, no file, and no growth; 4 MB of memory at most" {
	local jobs=${PPOOL_TEST_JOBS:-10000} descriptors early late zombies
	requires_plain_build
	gate go
	start_pool -n 3 --sh 'case $1 in early|late) : >"at.$1"; read -r _ <go ;; esac' \
		< <(detach; seq 100; echo early; seq "$jobs"; echo late)
	await at.early
	retry_until 10 children_at_most 2
	early=$(rss_kib "$pool_pid")
	open_gate go
	retry_until 100 test -e at.late
	retry_until 10 children_at_most 2
	descriptors=$(fd_count "$pool_pid")
	late=$(rss_kib "$pool_pid")
	zombies=$(ps -o stat= --ppid "$pool_pid" | awk '/Z/ { ++n } END { print n + 0 }')
	echo "peak $early KiB, then $late KiB; $descriptors descriptors; $zombies zombies"
	[ "$zombies" -eq 0 ]
	[ "$late" -le 4096 ]
	[ $((late - early)) -le 256 ]
	[ "$descriptors" -le 24 ]
	open_gate go
	end_pool
	[ "$death" = "exit 0" ]
	is <(ls) <<<$'at.early\nat.late\nerr\ngo\nout\npool.death\npool.pid'
}

# ppool's children: the guard and jobs.
children_at_most() { [ "$(ps -o pid= --ppid "$pool_pid" | wc -l)" -le "$1" ]; }

@test "a stdin without end runs in 4 MB, in every mode" {
	local mode
	requires_plain_build
	for mode in --no-run-if-empty -u -l --tag; do
		rm -f count.*
		start_pool -n 2 "$mode" --sh '[ "$PPOOL_SEQ" -ne 300 ] || : >count.300' < <(detach; yes)
		await count.300
		[ "$(rss_kib "$pool_pid")" -le 4096 ]
		kill -TERM "$pool_pid"
		end_pool
	done
}

@test "the soft limit on descriptors is raised for ppool and restored in jobs" {
	gate go
	start_with bash -c 'ulimit -Sn 40; exec ppool -n 30 --sh "ulimit -Sn; : >started.\$1; read -r _ <go" ::: {1..30}'
	await started.{1..30}
	open_gate go 30
	end_pool
	[ "$death" = "exit 0" ]
	is <(sort -u out) <<<40
	[ ! -s err ]
}

@test "ulimit -n 50: fewer at a time, and it says so" {
	run -0 --separate-stderr bash -c 'ulimit -n 50; exec ppool -n 100 --sh "echo r\$1; ulimit -n"' < <(seq 200)
	[[ $stderr =~ ^'ppool: ulimit -n 50: running at most '[0-9]+' jobs at a time'$ ]]
	[ "$(grep -cx 50 <<<"$output")" -eq 200 ]
	is <(grep '^r' <<<"$output" | sort) < <(seq 200 | sed 's/^/r/' | sort)
}

@test "ulimit -n 50: as many as it said do run at the same time, with -k too" {
	local most
	gate go
	start_with bash -c 'ulimit -n 50; exec ppool -n 100 -k --sh ": >s.\$PPOOL_SLOT; read -r _ <go; echo \$1"' < <(seq 60)
	await_text err 'at a time'
	most=$(grep -o 'at most [0-9]*' err)
	most=${most##* }
	[ "$most" -ge 5 ]
	await "s.$most"
	open_gate go 60
	end_pool
	[ "$death" = "exit 0" ]
	is out < <(seq 60)
	[ ! -e "s.$((most + 1))" ]
}

@test "ulimit -u as nobody: fewer at a time, and it says so" {
	requires_nobody
	gate go
	chmod 666 go
	start_with setpriv --reuid 65534 --regid 65534 --clear-groups bash -c \
		'ulimit -u 8; exec ppool -n 30 --sh "read -r _ <go; echo \$1" ::: {1..30}'
	await_text err 'at a time'
	open_gate go 30
	end_pool
	[ "$death" = "exit 0" ]
	is <(sort -n out) < <(seq 30)
	grep -qE '^ppool: fork: Resource temporarily unavailable; running [0-9]+ jobs at a time$' err
	[ "$(grep -vc '^ppool: fork: Resource temporarily unavailable; running [0-9]* jobs at a time$' err)" -eq 0 ]
}

@test "jobs have descriptors 0, 1 and 2 only, whatever ppool was given, in every mode" {
	local mode
	for mode in --no-run-if-empty -k -l -u --tag --results=res; do
		run -0 bash -c 'exec 7</etc/passwd 9</etc/passwd; exec ppool -n 2 "$1" --joblog log zoo fds ::: a b' bash "$mode"
		[ "${output//[ab]$'\t'/}" = $'0 1 2\n0 1 2' ]
	done
}

@test "--halt soon: a job that waits for another try counts with the one it had, its output too" {
	run -0 --separate-stderr ppool -n 1 -k --retries 3 --backoff 1h --halt soon,success=2 --joblog log \
		--sh 'if [ "$1" = a ]; then echo last; exit 7; fi; echo "$1"; [ "$1" != c ] || exit 1' ::: a b d e
	[ "$output" = $'last\nb\nd' ]
	is <(cut -f 1,5 log | sort) <<<$'1\t7\n2\t0\n3\t0'
}

@test "TERM while a job waits for another try: the outputs behind it are written, and it is not logged" {
	gate go
	start_pool -n 1 -k --retries 3 --backoff 1h --joblog log \
		--sh 'if [ "$1" = a ]; then exit 7; fi; echo "$1"; if [ "$1" = c ]; then : >c.runs; read -r _ <go; fi' ::: a b c
	await c.runs
	kill -TERM "$pool_pid"
	end_pool
	[ "$death" = 'signal 15' ]
	is out <<<$'b\nc'
	is <(cut -f 1,5 log) <<<$'2\t0'
}

@test "endless records that start nothing do not keep ppool from its signals" {
	start_pool -n 1 -r echo < <(yes '')
	kill -TERM "$pool_pid"
	end_pool
	[ "$death" = 'signal 15' ]
	start_pool -n 1 echo < <(yes $'\001' | tr '\001' '\0')
	kill -TERM "$pool_pid"
	end_pool
	[ "$death" = 'signal 15' ]
}

@test "-t: a process that left the group and holds the output is waited for a second, not for --kill-after" {
	run -124 --separate-stderr timeout 30 ppool -t 0.2 --kill-after 60 --sh 'setsid zoo wait pid & exec sleep 1000' ::: a
	kill -KILL "$(cat pid)"
}
