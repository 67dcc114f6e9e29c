#!/usr/bin/env bats
# shellcheck disable=SC2016  # $1 in single quotes is for COMMAND's own shell
# shellcheck disable=SC2154  # run and the helpers set output, stderr, lines, death, pid, took
load helpers
load queues

# worker NAME ARG...: pqueue get -f with these arguments in the background, waiting.
worker() {
	local name=$1
	shift
	waiting "$name" get -f "$@"
}

@test "call prints what a worker made of the message, and exits with its status" {
	worker w --stdin add -- awk '{print $1+$2}'
	run -0 --separate-stderr bash -c 'echo "3 4" | pqueue call add'
	[ "$output" = 7 ]
	[ -z "$stderr" ]
	run -0 pqueue call add '20 22'
	[ "$output" = 42 ]
	[ ! -s w.out ]
	pqueue close add
	ends w 'exit 0'
}

@test "the answer is any bytes, as they are" {
	worker w --stdin q -- cat
	head -c 300000 /dev/urandom >m
	pqueue call q <m >out
	cmp out m
	printf 'a\0b' | pqueue call q >out
	is out < <(printf 'a\0b')
	pqueue call q '' >out
	[ ! -s out ]
	pqueue close q
	ends w 'exit 0'
}

@test "call: all of stdin is the message, but for one newline at its end" {
	worker w q -- zoo args
	run -0 bash -c "printf 'a\nb\n\n' | pqueue call q"
	[ "$output" = $'4:a\nb\n,' ]
	pqueue close q
	ends w 'exit 0'
}

@test "a worker that fails: the answer and the status of the last try" {
	worker w --retries 2 q -- sh -c 'echo "answer $PQUEUE_ATTEMPT"; echo "words $PQUEUE_ATTEMPT" >&2; exit 7'
	run -7 --separate-stderr pqueue call q m
	[ "$output" = 'answer 3' ]
	[ -z "$stderr" ]
	pqueue close q
	ends w 'exit 1'
	is w.err <<<$'words 1\nwords 2\nwords 3\npqueue: q: 1 message went to q.dead'
	holds q.dead <<<m
}

@test "a worker that fails first and succeeds then: only the success is the answer" {
	worker w q -- sh -c 'echo "answer $PQUEUE_ATTEMPT"; [ "$PQUEUE_ATTEMPT" = 3 ]'
	run -0 pqueue call q m
	[ "$output" = 'answer 3' ]
	pqueue close q
	ends w 'exit 0'
}

@test "a worker that dies of a signal: 128+N" {
	worker w --retries 0 q -- zoo die 11
	run -139 pqueue call q m
	pqueue close q
	ends w 'exit 1'
}

@test "a worker that is killed: another one answers" {
	gate go
	start w pqueue get -f q -- sh -c 'echo first; : >here; read -r _ <go'
	start c pqueue call q m
	await here
	end w
	worker v q -- echo second
	ends c 'exit 0'
	is c.out <<<'second m'
	pqueue close q
	ends v 'exit 0'
}

@test "a worker that comes later" {
	waiting c call q m
	pqueue get q -- echo late
	ends c 'exit 0'
	is c.out <<<'late m'
}

@test "with several at a time, each caller has its own answer" {
	local i
	worker w -j 4 q -- echo for
	for i in {1..12}; do start "c$i" pqueue call q "$i"; done
	for i in {1..12}; do
		ends "c$i" 'exit 0'
		is "c$i.out" <<<"for $i"
	done
	[ ! -s w.out ]
	pqueue close q
	ends w 'exit 0'
}

@test "an answer that nobody wants is printed, one that is wanted is not" {
	pqueue put q plain
	pqueue put --reply q wanted >id
	pqueue get -c 2 q -- echo for >out
	is out <<<'for plain'
	pqueue result q "$(cat id)" >out
	is out <<<'for wanted'
}

@test "put --reply prints the id; result prints the answer, and exits with its status" {
	local id
	id=$(pqueue put --reply q m)
	[[ $id =~ ^[0-9]+$ ]]
	run -1 pqueue get --retries 0 q -- sh -c 'echo answer; exit 5'
	run -5 --separate-stderr pqueue result q "$id"
	[ "$output" = answer ]
	[ -z "$stderr" ]
}

@test "result waits for the worker; -n: 1 when it is not ready; -t: 124" {
	local id
	id=$(pqueue put --reply q m)
	quiet 1 result -n q "$id"
	milliseconds quiet 124 result -t 0.2 q "$id"
	[ "$took" -ge 200 ]
	waiting r result q "$id"
	pqueue get q -- echo "done"
	ends r 'exit 0'
	is r.out <<<'done m'
}

@test "an answer is read once" {
	local id
	id=$(pqueue put --reply q m)
	pqueue get q -- echo
	pqueue result q "$id" >out
	is out <<<m
	run -125 --separate-stderr pqueue result q "$id"
	[[ $stderr == "pqueue: q: message $id: "* ]]
}

@test "own failures are 125: an unknown id, a message without a place, a queue that is not there" {
	pqueue put -i q m >id
	run -125 --separate-stderr pqueue result -n q 999
	[[ $stderr == 'pqueue: q: '* ]]
	run -125 pqueue result -n q "$(cat id)"
	run ! pqueue result r 1
	[ "$status" -ge 2 ]
}

@test "a message that is dropped: its caller ends with 125, at once" {
	waiting c call q m
	pqueue purge q
	ends c 'exit 125'
	waiting d call q m
	pqueue close --now q
	ends d 'exit 125'
}

@test "a message that is taken without a command: its caller ends with 125, at once" {
	local id lease
	waiting c call q m
	pqueue get q >got
	ends c 'exit 125'
	has c.err 'gets no answer'
	waiting d call q m
	pqueue get --lease 60 q >got
	lease=$(cut -f 1 got)
	still d
	pqueue 'done' q "$lease"
	ends d 'exit 125'
	pqueue put --reply q a b c >ids
	pqueue get -c 2 q >got
	for id in $(head -n 2 ids); do run -125 pqueue result -n q "$id"; done
	run -1 pqueue result -n q "$(tail -n 1 ids)"
}

@test "a queue that is removed: its caller ends with 125" {
	waiting c call q m
	pqueue rm --force q
	ends c 'exit 125'
}

@test "call on a closed queue: 125, at once" {
	pqueue create q
	pqueue close q
	run -125 --separate-stderr pqueue call q m
	[[ $stderr == 'pqueue: q: '*closed* ]]
}

@test "call -t: 124" {
	milliseconds quiet 124 call -t 0.2 q m
	[ "$took" -ge 200 ]
}

@test "an answer that is larger than --max-message fails the try, told; no part of it is passed off as an answer" {
	worker w --retries 0 --max-message 1000 q -- sh -c 'head -c 1001 /dev/zero; : >done; exec sleep 1000'
	run -125 --separate-stderr pqueue call q m
	[ -z "$output" ]
	pqueue close q
	ends w 'exit 1'
	has w.err 'message 1: its answer is larger than 1000 bytes'
	[[ $(pqueue peek -v q.dead) == *'status 125'*'larger than 1000 bytes'* ]]
}

@test "an answer of exactly --max-message is one" {
	worker w --max-message 1000 q -- sh -c 'head -c 1000 /dev/zero'
	pqueue call q m >out
	[ "$(stat -c %s out)" -eq 1000 ]
	pqueue close q
	ends w 'exit 0'
}

@test "answers that nobody reads are dropped after --keep, not before" {
	local id
	id=$(pqueue put --reply --keep 0.2 q m)
	pqueue get q -- echo
	sleep 0.4
	pqueue put q other
	run -125 pqueue result -n q "$id"
	id=$(pqueue put --reply --keep 60 q m)
	pqueue get -c 2 q -- echo >/dev/null
	run -0 pqueue result -n q "$id"
	[ "$output" = m ]
}

@test "a caller that is killed leaves the worker and the queue in order" {
	gate go
	waiting c call q m
	start w pqueue get -f q -- sh -c ': >here; read -r _ <go; echo answer'
	await here
	end c
	open_gate go
	pqueue close q
	ends w 'exit 0'
	[ "$(stat_of q '[.queued, .leased, .gets]')" = '[0,0,1]' ]
	run -0 pqueue verify q
}

@test "waiting for an answer costs no time of the processor" {
	local before after
	waiting c call q m
	before=$(switches_asleep "$pid")
	sleep 0.2
	after=$(switches_asleep "$pid")
	[ "$before" -eq "$after" ]
	pqueue get q -- true
	ends c 'exit 0'
}
