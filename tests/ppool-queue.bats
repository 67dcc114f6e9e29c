#!/usr/bin/env bats
# shellcheck disable=SC2016  # $1 in single quotes is for the job's own shell
# shellcheck disable=SC2154  # run and the helpers set output, stderr, lines, death, pid, took, reader
load helpers
load queues

# attempt NAME: which try the next message will be.
attempt() { pqueue peek -v "$1" | sed -n 's/.*attempt \([0-9]*\),.*/\1/p'; }

# stat_is NAME QUEUED LEASED GETS
stat_is() { [ "$(stat_of "$1" '[.queued + .delayed, .leased, .gets]')" = "[$2,$3,$4]" ]; }

# ---- Records

@test "--queue: each message is a record, settled when its job succeeds; it ends when the queue is closed and drained" {
	pqueue put q 'a b' '' $'x\ny'
	pqueue close q
	run -0 --separate-stderr ppool -n 1 --queue q zoo args
	[ "$output" = $'3:a b,\n0:,\n3:x\ny,' ]
	[ -z "$stderr" ]
	stat_is q 0 0 3
}

@test "--queue: placeholders, -C and --sh work as with other records" {
	pqueue put q a,b.c
	run -0 ppool -n 1 --queue q --until-empty -C , zoo args '{2}{1}' '{#}' '{.}'
	[ "$output" = '4:b.ca,1:1,3:a,b,' ]
	pqueue put q '$(x)'
	run -0 ppool -n 1 --queue q --until-empty --sh 'echo "$1"'
	[ "$output" = '$(x)' ]
	pqueue put q 'echo one | tr o 0'
	run -0 ppool -n 1 --queue q --until-empty --commands
	[ "$output" = 0ne ]
}

@test "--queue: messages by priority; -k writes in the order in which they were taken" {
	pqueue put -p 1 q 3 4
	pqueue put -p 5 q 1 2
	pqueue close q
	run -0 ppool -n 2 -k --queue q --sh 'echo "$1"'
	[ "$output" = $'1\n2\n3\n4' ]
}

@test "--queue: it waits for messages, makes the queue, and costs no time of the processor meanwhile" {
	local before after
	start p ppool --queue q echo
	retry_until 10 test -d "$(queue_dir q)"
	await_quiet "$pid"
	before=$(ppool_switches "$pid")
	sleep 0.2
	after=$(ppool_switches "$pid")
	[ "$before" -eq "$after" ]
	pqueue put q a
	await_text p.out a
	pqueue put q b
	await_text p.out b
	pqueue close q
	ends p 'exit 0'
	is p.out <<<$'a\nb'
}
ppool_switches() { awk '/ctxt_switches/ { sum += $2 } END { print sum + 0 }' "/proc/$1/task/"*/status; }
is_quiet() {
	local before
	before=$(ppool_switches "$1")
	sleep 0.05
	[ "$(ppool_switches "$1")" -eq "$before" ]
}
await_quiet() { retry_until 10 is_quiet "$1"; }

@test "--queue: no message is taken before a job can be started for it" {
	gate go
	seq 5 | pqueue put q
	pqueue close q
	start p ppool -n 2 --queue q --sh ': >"at.$1"; read -r _ <go'
	await at.1 at.2
	stat_is q 3 2 0
	pqueue get q >out
	is out <<<3
	open_gate go 4
	ends p 'exit 0'
}

@test "--queue: one whose workers are all busy lets another getter have the next message" {
	gate go
	pqueue put q 1
	start p ppool -n 1 --queue q --sh ': >at; read -r _ <go'
	await at
	waiting g get q
	pqueue put q 2
	ends g 'exit 0'
	is g.out <<<2
	pqueue close q
	open_gate go
	ends p 'exit 0'
}

@test "--queue -r: empty messages are settled, and not run" {
	pqueue put q '' a ''
	run -0 ppool --queue q --until-empty -r echo x
	[ "$output" = 'x a' ]
	stat_is q 0 0 3
}

@test "--until-empty: ends when nothing is there, also what failed; 0 when there never was anything" {
	pqueue put q a b
	run -0 --separate-stderr ppool -n 2 --queue q --until-empty echo
	[ "$(sort <<<"$output")" = $'a\nb' ]
	run -0 --separate-stderr ppool --queue q --until-empty echo
	[ -z "$output$stderr" ]
	run -0 --separate-stderr ppool --queue nowhere --until-empty echo
	[ -z "$output$stderr" ]
	[ ! -e "$(queue_dir nowhere)" ]
}

@test "--until-empty waits for what is delayed" {
	pqueue put --delay 0.3 q a
	milliseconds run -0 ppool --queue q --until-empty echo
	[ "$output" = a ]
	[ "$took" -ge 250 ]
}

# ---- Failure

@test "--queue: a message whose job fails goes back, and to the dead letters after three more tries" {
	pqueue put q bad good
	pqueue close q
	run -1 --separate-stderr ppool -n 1 --queue q --sh 'echo >>ran; echo "$1"; echo "oh $1" >&2; [ "$1" = good ] || exit 7'
	[ "$output" = $'bad\ngood' ]
	[ "$stderr" = $'oh bad\noh good\nppool: 1 of 2 jobs failed\nppool: q: 1 message went to q.dead' ]
	[ "$(wc -l <ran)" -eq 5 ]
	run -0 pqueue peek -v q.dead
	[[ ${lines[0]} == *'died after 4 attempts with status 7' ]]
	[ "${lines[1]}" = '  oh bad' ]
	[ "${lines[2]}" = bad ]
}

@test "--queue --retries N --backoff TIME are the queue's: each wait is twice as long" {
	local -a at
	pqueue put q a b
	pqueue close q
	run -1 --separate-stderr ppool -n 1 --queue q --retries 2 --backoff 0.15 --sh '[ "$1" = b ] || { date +%s%3N >>when; exit 1; }'
	mapfile -t at <when
	[ "${#at[@]}" -eq 3 ]
	[ $((at[1] - at[0])) -ge 150 ]
	[ $((at[2] - at[1])) -ge 300 ]
	stat_is q 0 0 1
}

@test "--queue: a job that fails first and succeeds then is a success; of its tries only the last one shows" {
	pqueue put q a
	run -0 --separate-stderr ppool -n 1 -k --queue q --until-empty --sh 'echo >>ran; n=$(wc -l <ran); echo "try $n"; [ "$n" -eq 3 ]'
	[ "$output" = 'try 3' ]
	[ -z "$stderr" ]
	stat_is q 0 0 1
}

@test "--queue: tries are counted with those of pqueue" {
	pqueue put q a
	quiet 1 get q -- false
	quiet 1 get q -- false
	run -1 --separate-stderr ppool --queue q --until-empty --retries 2 false
	[[ $(pqueue peek -v q.dead) == *'after 3 attempts with status 1'* ]]
}

@test "--queue -t: a job that is out of time has failed; its dead letter says 124" {
	pqueue put q a
	run -124 --separate-stderr ppool --queue q --until-empty --retries 0 -t 0.1 --sh 'exec sleep 1000'
	[[ $(pqueue peek -v q.dead) == *'status 124'* ]]
}

@test "--queue: a message that can be no argument fails alone" {
	{ printf '3\na\0b'; printf '140000\n%0140000d' 7; printf '2000000\n%02000000d' 7; printf '2\nok'; } | pqueue put --len q
	pqueue close q
	run -1 --separate-stderr ppool -n 1 --queue q --retries 0 echo
	[ "$output" = ok ]
	[[ $stderr == *'3 of 4 jobs failed'*'3 messages went to q.dead'* ]]
	[ "$(pqueue get -n --len q.dead | tail -c 3 | od -An -c | tr -d ' ')" = 'a\0b' ]
	[ "$(pqueue get -n --len q.dead | wc -c)" -eq 140007 ]
	[ "$(pqueue get -n --len q.dead | wc -c)" -eq 2000008 ]
}

@test "--queue -e: what runs is ended, and goes back without having had a try" {
	pqueue put q a b c
	run -1 --separate-stderr ppool -n 2 -e --queue q --retries 0 --sh '[ "$1" = a ] && { until [ -e at.b ]; do sleep 0.01; done; exit 1; }; : >"at.$1"; exec sleep 1000'
	stat_is q 2 0 0
	[ "$(attempt q)" = 1 ]
	holds q.dead <<<a
}

@test "--queue: a job log has a line for each message that is done with" {
	pqueue put q a b
	pqueue close q
	run -1 ppool -n 1 --queue q --retries 1 --joblog log --sh '[ "$1" = b ]'
	[ "$(awk -F '\t' 'NF == 12 && $5 ~ /^[0-9]/ { print $5 }' log)" = $'1\n0' ]
}

# ---- The end of ppool

@test "--queue: a signal gives the messages back without having had a try" {
	seq 5 | pqueue put q
	start p ppool -n 2 --queue q zoo tree
	await 1 2
	mapfile -t pids < <(cat 1 2)
	kill -TERM "$pid"
	ends p 'signal 15'
	wait_pids_gone 5 "${pids[@]}"
	stat_is q 5 0 0
	[ "$(attempt q)" = 1 ]
	is <(pqueue get --all q | sort) < <(seq 5)
}

@test "--queue: a signal ends one that only waits" {
	start p ppool --queue q echo
	retry_until 10 test -d "$(queue_dir q)"
	await_quiet "$pid"
	kill -INT "$pid"
	ends p 'signal 2'
}

@test "--queue, SIGKILL: a waiting getter has the message at once, but not before its job is dead" {
	pqueue put q a
	start p ppool --queue q zoo ignore-term job
	await job
	waiting g get q -- sh -c '[ "$(cut -d " " -f 3 "/proc/$(cat job)/stat" 2>/dev/null || echo Z)" = Z ] || echo alive; echo "$1 $PQUEUE_ATTEMPT"' sh
	end p
	ends g 'exit 0'
	is g.out <<<'a 2'
}

@test "--queue: a message is not settled before its job's output has been written" {
	pqueue put q a
	start_piped p ppool --queue q --sh 'head -c 1000000 /dev/zero; : >wrote'
	await wrote
	await_quiet "$pid"
	stat_is q 0 1 0
	[ "$(head -c 1000000 <&"$reader" | wc -c)" -eq 1000000 ]
	retry_until 10 stat_is q 0 0 1
	pqueue close q
	ends p 'exit 0'
}

@test "--queue: the reader of stdout goes away: what was not written goes back" {
	pqueue put q a b
	start_piped p ppool -n 1 --queue q --sh 'head -c 1000000 /dev/zero; : >"wrote.$1"'
	await wrote.a
	await_quiet "$pid"
	hang_up
	ends p 'signal 13'
	stat_is q 2 0 0
	[ "$(attempt q)" = 1 ]
}

@test "--queue: USR2 takes the last worker away: no message is taken any more, and none is kept" {
	gate go
	pqueue put q a b
	start p ppool -n 1 --queue q --sh ': >"at.$1"; read -r _ <go'
	await at.a
	kill -USR2 "$pid"
	retry_until 10 pid_consumed_signal "$pid" 12
	open_gate go
	ends p 'exit 0'
	stat_is q 1 0 1
	holds q <<<b
}

@test "--queue: removed while ppool waits: 125, told" {
	start p ppool --queue q echo
	retry_until 10 test -d "$(queue_dir q)"
	await_quiet "$pid"
	pqueue rm q
	ends p 'exit 125'
	[[ $(cat p.err) == 'ppool: q: '* ]]
}

@test "--queue: killed at random moments, every message is done at least once, and none is left" {
	local round pool
	seq 300 | pqueue put q
	pqueue close q
	for ((round = 0; round < 12; ++round)); do
		ppool -n 3 --queue q --retries 1000 --sh 'echo "$1" >>ran' >/dev/null 2>&1 3>&- 4>&- &
		pool=$!
		sleep "0.0$((RANDOM % 90 + 10))"
		kill -KILL "$pool" 2>/dev/null || true
		wait "$pool" || true
	done
	run -0 timeout 60 ppool -n 3 --queue q --retries 1000 --sh 'echo "$1" >>ran'
	is <(sort -nu ran) < <(seq 300)
	[ "$(wc -l <ran)" -le $((300 + 12 * 3)) ]
	[ "$(stat_of q '[.queued, .delayed, .leased]')" = '[0,0,0]' ]
	run -0 pqueue verify q
}

# ---- Answers

@test "--queue: the output of a job whose message wants an answer is that answer, and not printed" {
	start p ppool -n 2 --queue q --sh 'echo "for $1"; echo "note $1" >&2; [ "$1" != bad ] || exit 7'
	run -0 pqueue call q good
	[ "$output" = 'for good' ]
	run -7 pqueue call q bad
	[ "$output" = 'for bad' ]
	pqueue put q plain
	pqueue close q
	ends p 'exit 1'
	is p.out <<<'for plain'
	has p.err 'note good'
}

@test "--queue with stdout and stderr in one: the answer is stdout alone" {
	ppool --queue q --sh 'echo out; echo err >&2' >both 2>&1 3>&- 4>&- &
	run -0 pqueue call q m
	[ "$output" = out ]
	pqueue close q
	wait "$!"
	is both <<<err
}

# ---- Being refused

@test "--queue: what it cannot stand together with" {
	pqueue put q a
	: >file
	usage_error '--queue: not together with :::' ppool --queue q echo ::: a
	usage_error '--queue: not together with -a' ppool --queue q -a file echo
	usage_error '--queue: not together with -0 or -d' ppool --queue q -0 echo
	usage_error '--queue: not together with -0 or -d' ppool --queue q -d , echo
	usage_error '--queue: not together with -N or -X' ppool --queue q -N 2 echo
	usage_error '--queue: not together with -N or -X' ppool --queue q -X echo
	usage_error '--queue: not together with --resume' ppool --queue q --joblog log --resume echo
	usage_error '--queue: not together with --dry-run' ppool --queue q --dry-run echo
	usage_error '--until-empty: needs --queue' ppool --until-empty echo
	usage_error "--queue '': must not be empty" ppool --queue '' echo
	usage_error 'a:b' ppool --queue a:b echo
	[ "$(attempt q)" = 1 ]
}

@test "--queue: a kernel queue, which takes nothing back, is refused" {
	pqueue create --kernel k
	usage_error 'k: a kernel queue' ppool --queue k echo
	pqueue rm k
}

@test "--queue: COMMAND that is not there is 127 before anything is taken or made" {
	pqueue put q a
	run -127 ppool --queue q nowhere-to-be-found
	[ "$(attempt q)" = 1 ]
	run -127 ppool --queue r nowhere-to-be-found
	[ ! -e "$(queue_dir r)" ]
}
