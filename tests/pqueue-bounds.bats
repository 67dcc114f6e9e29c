#!/usr/bin/env bats
# shellcheck disable=SC2154  # run and the helpers set output, stderr, lines, death, pid, took
load helpers
load queues

@test "without a bound a queue is never full" {
	seq 20000 | pqueue put -n q
	quiet 1 full q
	[ "$(pqueue size q)" -eq 20000 ]
}

@test "create --max N: put -n on a full queue is 1, and puts nothing" {
	pqueue create --max 2 q
	pqueue put q a b
	run -1 --separate-stderr pqueue put -n q c
	[ -z "$output" ]
	run -1 pqueue put --no-wait q c
	run -1 pqueue put -t 0 q c
	holds q <<<$'a\nb'
}

@test "put --max N sets the bound when it is the first" {
	pqueue put --max 2 q a b
	run -1 pqueue put -n q c
	pqueue get -n q
	quiet 0 put -n q c
}

@test "--max of a queue that stands must agree with it: 2, nothing put" {
	pqueue put --max 2 q a
	refused q put --max 3 q b
	refused q create --max 3 q
	pqueue put none a
	refused none put --max 3 none b
	[ "$(pqueue size q)" -eq 1 ]
	[ "$(pqueue size none)" -eq 1 ]
}

@test "put -t TIME on a full queue: 124 after TIME and not before" {
	pqueue put --max 1 q a
	milliseconds run -124 pqueue put -t 0.2 q b
	((took >= 200 && took < 2000))
	holds q <<<a
}

@test "put -t: 0 when there is room in time" {
	pqueue put --max 1 q a
	waiting p put -t 60 q b
	pqueue get -n q
	ends p 'exit 0'
	holds q <<<b
}

@test "put on a full queue waits until there is room" {
	pqueue put --max 1 q a
	waiting p put q b
	still p
	[ "$(pqueue get -n q)" = a ]
	ends p 'exit 0'
	holds q <<<b
}

@test "put on a full queue waits through puts of stdin too: nothing is lost, nothing out of order" {
	start p pqueue put --max 3 q < <(seq 200)
	start g pqueue get -c 200 q
	ends p 'exit 0'
	ends g 'exit 0'
	cmp g.out <(seq 200)
}

@test "more MESSAGEs than there is room for: those that fit are put, then it waits" {
	pqueue create --max 2 q
	start p pqueue put q a b c
	await_size q 2
	await_waiting "$pid"
	[ "$(pqueue get -n q)" = a ]
	ends p 'exit 0'
	holds q <<<$'b\nc'
}

@test "put -n of more than fits: 1; those that fit stay put, in order, and are counted on stderr" {
	pqueue create --max 4 q
	run -1 --separate-stderr pqueue put -n q < <(seq 10)
	[[ $stderr == 'pqueue: q: '*'4 messages were put'* ]]
	holds q < <(seq 4)
	run -1 --separate-stderr pqueue put -n q a b c d e
	[[ $stderr == *'4 messages were put'* ]]
	holds q <<<$'a\nb\nc\nd'
}

@test "put -t of more than fits: 124; those that fit stay put and are counted on stderr" {
	pqueue create --max 4 q
	run -124 --separate-stderr pqueue put -t 0.1 q < <(seq 10)
	[[ $stderr == 'pqueue: q: '*'4 messages were put'* ]]
	holds q < <(seq 4)
}

@test "full: 0 when no more would fit, else 1; says nothing" {
	pqueue create --max 2 q
	quiet 1 full q
	pqueue put q a
	quiet 1 full q
	pqueue put q b
	quiet 0 full q
	pqueue get q
	quiet 1 full q
}

@test "--max counts delayed ones" {
	pqueue put --max 2 --delay 1h q a
	pqueue put q b
	run -1 pqueue put -n q c
	quiet 0 full q
}

@test "purge makes room for a put that waits" {
	pqueue put --max 1 q a
	waiting p put q b
	pqueue purge q
	ends p 'exit 0'
	holds q <<<b
}

@test "several puts that wait: each get lets one in, each gets in" {
	local i
	pqueue put --max 1 q 0
	for i in 1 2 3; do waiting "p$i" put q "$i"; done
	for i in 0 1 2 3; do timeout 10 pqueue get q >>all; done
	for i in 1 2 3; do ends "p$i" 'exit 0'; done
	sort all | cmp - <(seq 0 3)
}

@test "a put that is killed as it waits for room takes no wake-up with it" {
	local victim other
	for victim in first second; do
		pqueue put --max 1 q a
		waiting first put q first
		waiting second put q second
		end "$victim"
		[ "$(pqueue get -n q)" = a ]
		other=first
		[ "$victim" = second ] || other=second
		ends "$other" 'exit 0'
		holds q <<<"$other"
	done
}

@test "waiting for room costs no CPU" {
	local before
	pqueue put --max 1 q a
	waiting p put q b
	before=$(switches_asleep "$pid")
	# This measures; nothing is awaited.
	sleep 0.4
	[ "$(switches_asleep "$pid")" = "$before" ]
	end p
}

@test "a waiting put ends when the queue is closed, 3, or removed, 3" {
	pqueue put --max 1 q a
	waiting p put q b
	pqueue close q
	ends p 'exit 3'
	holds q <<<a
	pqueue put --max 1 r a
	waiting p put r b
	pqueue rm r
	ends p 'exit 3'
}

@test "--max-bytes SIZE bounds the payload" {
	pqueue create --max-bytes 10 q
	pqueue put q 12345 1234
	run -1 pqueue put -n q 12
	quiet 1 full q
	pqueue put -n q 1
	run -1 pqueue put -n q 1
	run -124 pqueue put -t 0.1 q 1
	[ "$(pqueue get -n q)" = 12345 ]
	pqueue put -n q 12345
	run -1 pqueue put -n q 1
}

@test "--max-bytes: put waits until there is room for its message, not for some" {
	pqueue put --max-bytes 10 q 12345 67 890
	waiting p put q abcdefg
	[ "$(pqueue get -n q)" = 12345 ]
	await_waiting "$(cat p.pid)"
	still p
	[ "$(pqueue get -n q)" = 67 ]
	ends p 'exit 0'
	holds q <<<$'890\nabcdefg'
}

@test "--max-bytes takes K, M and G" {
	pqueue create --max-bytes 1K q
	head -c 1024 /dev/zero | pqueue put -n --whole q
	run -1 pqueue put -n q 1
}

@test "--max-bytes: a message that could never fit: 2, at once, instead of waiting for ever" {
	pqueue create --max-bytes 10 q
	run -2 --separate-stderr timeout 10 pqueue put q 12345678901
	[[ $stderr == 'pqueue: q: '* ]]
	run -2 timeout 10 pqueue put -n q 12345678901
	[ "$(pqueue size q)" -eq 0 ]
}

@test "--max and --max-bytes together: either bounds" {
	pqueue create --max 2 --max-bytes 10 q
	pqueue put q 123456789
	run -1 pqueue put -n q 12
	pqueue put q 1
	pqueue get q
	pqueue put q ''
	run -1 pqueue put -n q ''
}

@test "--max-message SIZE: a longer one is 2, told with the limit; one of that size is put" {
	pqueue create --max-message 5 q
	pqueue put q 12345
	run -2 --separate-stderr pqueue put q 123456
	[ "$stderr" = 'pqueue: q: message 1: longer than 5 bytes' ]
	run -2 pqueue put --whole q <<<12345
	run -2 pqueue put --len q <<<$'6\n123456'
	holds q <<<12345
}

@test "put --max-message sets the limit when it is the first; later ones must agree" {
	run -2 pqueue put --max-message 5 q 123456
	pqueue put q 12345
	run -2 pqueue put q 123456
	refused q put --max-message 6 q a
	pqueue put --max-message 5 q b
	holds q <<<$'12345\nb'
}

@test "a message above the limit in the middle of a batch: 2; those before stay put and are counted" {
	pqueue create --max-message 5 q
	run -2 --separate-stderr pqueue put q < <(printf '%s\n' a b c 123456 d e)
	[[ $stderr == 'pqueue: '*'message 4: longer than 5 bytes; 3 messages were put' ]]
	holds q <<<$'a\nb\nc'
	run -2 --separate-stderr pqueue put q a b 123456 d
	[[ $stderr == *'2 messages were put'* ]]
	holds q <<<$'a\nb'
}

@test "a message above the limit far into the stream: all before it stay put, and are counted" {
	pqueue create --max-message 5 q
	run -2 --separate-stderr pqueue put q < <(
		seq 2500
		echo 123456
		seq 3
	)
	[[ $stderr == *'2500 messages were put'* ]]
	holds q < <(seq 2500)
}

@test "one message was put: in the singular" {
	pqueue create --max-message 5 q
	run -2 --separate-stderr pqueue put q a 123456
	[[ $stderr == *'1 message was put' ]]
}

@test "when none was put before the error, none is counted" {
	pqueue create --max-message 5 q
	run -2 --separate-stderr pqueue put q 123456
	[[ $stderr != *' put'* ]]
}

@test "--max-message 1G is allowed; the limit is the queue's own from then on" {
	pqueue create --max-message 1G q
	head -c 67108865 /dev/zero >in
	pqueue put --whole q <in
	pqueue get --len q >out
	framed in | cmp - out
}

@test "a bounded queue between a fast putter and a slow getter never holds more than its bound" {
	local most=0 size
	pqueue create --max 5 --no-sync b
	start p pqueue put b < <(seq 60)
	for _ in {1..60}; do
		size=$(pqueue size b)
		((size <= most)) || most=$size
		timeout 10 pqueue get b >/dev/null
	done
	ends p 'exit 0'
	((most <= 5))
	[ "$(pqueue size b)" -eq 0 ]
}

@test "a message above --max-bytes can never be put: 2, and that bound is named" {
	pqueue create --max-bytes 10 q
	run -2 --separate-stderr pqueue put q 12345678901
	[[ $stderr == *'longer than 10 bytes'* ]]
}
