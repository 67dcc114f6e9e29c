#!/usr/bin/env bats
# shellcheck disable=SC2016  # $1 in single quotes is for COMMAND's own shell
# shellcheck disable=SC2154  # run and the helpers set output, stderr, lines, death, pid, took
load helpers
load queues

# death_of NAME: of the first message: "attempts N status S".
death_of() { pqueue peek -v "$1" | sed -n 's/.*died after \([0-9]*\) attempts* with status \([0-9]*\)$/attempts \1 status \2/p'; }

@test "after three more tries a message goes to NAME.dead, with status, attempts and stderr" {
	pqueue put q bad good
	pqueue close q
	run -1 --separate-stderr pqueue get -f q -- sh -c '[ "$1" = good ] && exit; echo "try $PQUEUE_ATTEMPT"; echo "oh $PQUEUE_ATTEMPT" >&2; exit 7' sh
	[ "$output" = $'try 1\ntry 2\ntry 3\ntry 4' ]
	[ "$stderr" = $'oh 1\noh 2\noh 3\noh 4\npqueue: q: 1 message went to q.dead' ]
	[ "$(death_of q.dead)" = 'attempts 4 status 7' ]
	is <(pqueue peek -v q.dead | tail -n 2) <<<$'  oh 4\nbad'
	[ "$(stat_of q '[.queued, .leased, .dead, .gets]')" = '[0,0,1,1]' ]
	holds q.dead <<<bad
}

@test "--retries N: so many more tries; 0: none" {
	local n
	for n in 0 1 5; do
		pqueue put q a
		: >ran
		run -1 --separate-stderr pqueue get --all --retries "$n" q -- sh -c 'echo >>ran; exit 1'
		[ "$stderr" = 'pqueue: q: 1 message went to q.dead' ]
		[ "$(wc -l <ran)" -eq $((n + 1)) ]
		[ "$(death_of q.dead)" = "attempts $((n + 1)) status 1" ]
		holds q.dead <<<a
	done
}

@test "tries are counted over several gets" {
	pqueue put q a
	for _ in 1 2 3; do quiet 1 get q -- false; done
	run -1 --separate-stderr pqueue get q -- false
	[ "$stderr" = 'pqueue: q: 1 message went to q.dead' ]
	[ "$(death_of q.dead)" = 'attempts 4 status 1' ]
}

@test "a message whose worker was killed has had a try; its failure then counts on" {
	pqueue put q a
	start g pqueue get q -- zoo wait job
	await job
	end g
	run -1 --separate-stderr pqueue get --retries 1 -t 5 q -- false
	[ "$stderr" = 'pqueue: q: 1 message went to q.dead' ]
	[ "$(death_of q.dead)" = 'attempts 2 status 1' ]
}

@test "the status is that of the last try: 128+N for a signal, 124 for --limit" {
	pqueue put q a
	run -1 pqueue get --retries 0 q -- zoo die 11
	[ "$(death_of q.dead)" = 'attempts 1 status 139' ]
	holds q.dead <<<a
	pqueue put q a
	run -1 --separate-stderr pqueue get --retries 0 --limit 0.05 q -- sh -c 'exec sleep 1000'
	[ "$(death_of q.dead)" = 'attempts 1 status 124' ]
	[[ $(pqueue peek -v q.dead) == *'ran out of time (--limit)'* ]]
}

@test "of stderr, the last 4 KiB are kept" {
	pqueue put q a
	run -1 --separate-stderr pqueue get --retries 0 q -- sh -c 'seq 5000 >&2; exit 1'
	is <(pqueue peek -v q.dead | sed '1d;$d') < <(seq 5000 | tail -c 4096 | sed 's/^/  /')
	is <(sed '$d' <<<"$stderr") < <(seq 5000)
}

@test "stderr that COMMAND's last words on stdout are not in" {
	pqueue put q a
	run -1 --separate-stderr pqueue get --retries 0 -j 2 q -- sh -c 'echo out; echo err >&2; exit 1'
	[ "$output" = out ]
	is <(pqueue peek -v q.dead | sed 1d) <<<$'  err\na'
}

@test "a failed message goes back to the front, before those that are put later" {
	pqueue put q a b
	pqueue close q
	run -1 --separate-stderr pqueue get -f --retries 2 q -- sh -c 'echo "$1"; [ "$1" = b ]' sh
	[ "$output" = $'a\na\na\nb' ]
}

@test "--backoff: the waits double, and other messages have their turn meanwhile" {
	local -a at
	pqueue put q a b
	pqueue close q
	run -1 --separate-stderr pqueue get -f --backoff 0.1 q -- sh -c '[ "$1" = b ] && { echo b; exit; }; date +%s%3N >>when; echo "a$PQUEUE_ATTEMPT"; exit 1' sh
	[ "$output" = $'a1\nb\na2\na3\na4' ]
	mapfile -t at <when
	[ $((at[1] - at[0])) -ge 100 ]
	[ $((at[2] - at[1])) -ge 200 ]
	[ $((at[3] - at[2])) -ge 400 ]
	[ $((at[3] - at[0])) -lt 2500 ]
}

@test "--backoff outlives the get: the message is delayed for others, too" {
	pqueue put q a
	quiet 1 get --backoff 1h q -- false
	quiet 1 get -n q
	[ "$(stat_of q '[.queued, .delayed]')" = '[0,1]' ]
	has_size q 1
}

@test "waiting for a delayed message costs no time of the processor" {
	local before after
	pqueue put q a
	start g pqueue get -f --backoff 0.8 q -- sh -c 'echo "$PQUEUE_ATTEMPT"; [ "$PQUEUE_ATTEMPT" = 2 ]'
	await_text g.out 1
	await_waiting "$pid"
	before=$(switches_asleep "$pid")
	sleep 0.2
	after=$(switches_asleep "$pid")
	[ "$before" -eq "$after" ]
	await_text g.out 2
	pqueue close q
	ends g 'exit 0'
}

@test "dead letters keep their order, their priority and their bytes" {
	printf '4\na\0\nb' | pqueue put --len -p 1 q
	pqueue put -p 1 q c
	pqueue put -p 7 q d
	pqueue close q
	run -1 --separate-stderr pqueue get -f --stdin --retries 0 q -- false
	[ "$stderr" = 'pqueue: q: 3 messages went to q.dead' ]
	pqueue get --all --len q.dead >out
	is out < <(printf '1\nd4\na\0\nb1\nc')
}

@test "NAME.dead is a queue like any other" {
	pqueue put q a b
	run -1 pqueue get --all --retries 0 q -- false
	[ "$(pqueue list | awk '{ print $1 }')" = $'q\nq.dead' ]
	has_size q.dead 2
	pqueue get q.dead -- echo again >out
	is out <<<'again a'
	pqueue put q.dead c
	holds q.dead <<<$'b\nc'
}

@test "put back from the dead letters, a message has all its tries again" {
	pqueue put q a
	run -1 pqueue get --all q -- false
	pqueue get --all q.dead | pqueue put q
	run -0 --separate-stderr pqueue get --all q -- sh -c '[ "$PQUEUE_ATTEMPT" = 4 ]'
	[ "$(stat_of q '[.queued, .gets, .dead]')" = '[0,1,0]' ]
}

@test "a queue of dead letters has none itself: what fails there stays, and is not tried without a pause" {
	pqueue put q a
	run -1 pqueue get --all --retries 0 q -- false
	: >ran
	quiet 1 get --all --retries 1 q.dead -- sh -c 'echo >>ran; exit 1'
	[ "$(wc -l <ran)" -eq 2 ]
	[ ! -e "$(queue_dir q.dead.dead)" ]
	[ "$(stat_of q.dead '[.queued, .delayed]')" = '[0,1]' ]
	retry_until 5 eval '[ "$(stat_of q.dead .queued)" = 1 ] || pqueue get -n q.dead -- true'
}

@test "a queue that is a path has its dead letters beside it" {
	mkdir dir
	pqueue put dir/q a
	run -1 --separate-stderr pqueue get --retries 0 dir/q -- false
	[ "$stderr" = 'pqueue: dir/q: 1 message went to dir/q.dead' ]
	holds dir/q.dead <<<a
	pqueue put dir/r.queue a
	run -1 --separate-stderr pqueue get --retries 0 dir/r.queue -- false
	[ "$stderr" = 'pqueue: dir/r.queue: 1 message went to dir/r.dead.queue' ]
	holds dir/r.dead.queue <<<a
}

@test "-f: failures that end well are none: 0" {
	pqueue put q a b
	pqueue close q
	run -0 --separate-stderr pqueue get -f q -- sh -c '[ "$PQUEUE_ATTEMPT" = 3 ]'
	[ -z "$stderr" ]
	[ "$(stat_of q .gets)" = 2 ]
}

@test "-j N: many that fail and many that do not, all accounted for" {
	seq 60 | pqueue put q
	pqueue close q
	run -1 --separate-stderr pqueue get -f -j 4 --retries 2 q -- sh -c '[ $(($1 % 3)) != 0 ]' sh
	[ "$stderr" = 'pqueue: q: 20 messages went to q.dead' ]
	[ "$(stat_of q '[.queued, .leased, .dead, .gets]')" = '[0,0,20,40]' ]
	is <(pqueue get --all q.dead | sort -n) < <(seq 3 3 60)
}

@test "join counts dead letters as finished" {
	pqueue put q a
	start j pqueue join q
	await_waiting "$pid"
	run -1 pqueue get --retries 0 q -- false
	ends j 'exit 0'
}
