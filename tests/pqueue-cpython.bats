#!/usr/bin/env bats
# shellcheck disable=SC2016  # $1 in single quotes is for COMMAND's own shell
# shellcheck disable=SC1010  # done is a verb
# shellcheck disable=SC2154  # run and the helpers set output, stderr, lines, death, pid, took
# What Lib/test/test_queue.py asks of Python's queues, asked of pqueue: Full and Empty are status 1 without waiting and
# 124 after it, ValueError is 2. PriorityQueue serves the lowest first, pqueue the highest.
load helpers
load queues

# Braces take no variable: {1..5} is it too. A loop that counts in i would be disturbed by run, which does the same.
size=5

# taken NAME WANTED...: the next gets give these.
taken() {
	local name=$1 wanted
	shift
	for wanted; do
		[ "$(timeout 10 pqueue get "$name")" = "$wanted" ] || {
			echo "not $wanted"
			return 1
		}
	done
}

# basic NAME "ORDER": NAME is an empty queue of $size, which gives 111 333 222 back in that ORDER.
basic() {
	local name=$1 i
	[ "$(pqueue size "$name")" -eq 0 ] || return
	quiet 0 empty "$name" || return
	quiet 1 full "$name" || return
	put_by_value "$name" 111 333 222 || return
	# shellcheck disable=SC2086  # its words
	taken "$name" $2 || return
	for i in {1..4}; do
		pqueue put "$name" "$i" || return
		[ "$(pqueue size "$name")" -eq "$i" ] || return
		quiet 1 empty "$name" || return
	done
	quiet 1 full "$name" || return
	pqueue put "$name" last || return
	quiet 0 full "$name" || return
	quiet 1 empty "$name" || return
	run -1 pqueue put -n "$name" more || return
	run -124 pqueue put -t 0.01 "$name" more || return
	# A put that blocks until there is room, without and with a time-out.
	waiting p put "$name" more && pqueue get "$name" >/dev/null && ends p 'exit 0' || return
	waiting p put -t 10 "$name" more && pqueue get "$name" >/dev/null && ends p 'exit 0' || return
	for _ in {1..5}; do pqueue get "$name" >/dev/null || return; done
	[ "$(pqueue size "$name")" -eq 0 ] || return
	quiet 1 get -n "$name" || return
	quiet 124 get -t 0.01 "$name" || return
	# A get that blocks until something comes.
	waiting g get "$name" && pqueue put "$name" something && ends g 'exit 0' && is g.out <<<something || return
	waiting g get -t 10 "$name" && pqueue put "$name" something && ends g 'exit 0' && is g.out <<<something
}

put_by_value() {
	local name=$1 value
	shift
	for value; do
		if [ "$name" = priority ]; then pqueue put -p "${value%??}" "$name" "$value"; else pqueue put "$name" "$value"; fi
	done
}

@test "Queue: basic, twice on the same queue" {
	pqueue create --no-sync --max "$size" fifo
	basic fifo '111 333 222'
	basic fifo '111 333 222'
}

@test "LifoQueue: basic, twice on the same queue" {
	pqueue create --no-sync --lifo --max "$size" lifo
	basic lifo '222 333 111'
	basic lifo '222 333 111'
}

@test "PriorityQueue: basic, twice on the same queue, the highest first" {
	pqueue create --no-sync --max "$size" priority
	basic priority '333 222 111'
	basic priority '333 222 111'
}

@test "a negative time-out is an error: put, get, 2" {
	pqueue create --max "$size" q
	refused -1 put -t -1 q 1
	refused -1 get -t -1 q
	pqueue put q 1
	refused -1 get -t -1 q
	[ "$(pqueue size q)" -eq 1 ]
}

@test "nowait: as many as maxsize, then Full; as many come out, then Empty" {
	local i
	pqueue create --max "$size" q
	for _ in {1..5}; do quiet 0 put -n q 1; done
	run -1 pqueue put -n q 1
	for _ in {1..5}; do run -0 pqueue get -n q; done
	quiet 1 get -n q
}

@test "a bound cannot be shrunk under what is there: it is refused, and the queue is as full as before" {
	pqueue create --max 3 q
	pqueue put q 1 2 3
	run -1 pqueue put -n q 4
	[ "$(pqueue size q)" -eq 3 ]
	refused q put --max 2 q 4
	run -1 pqueue put -n q 4
	[ "$(pqueue size q)" -eq 3 ]
}

@test "task_done more often than there were tasks is an error: 2" {
	local lease
	pqueue create q
	refused '' done q 1-1
	pqueue put q a
	lease=$(pqueue get --lease 1h q | cut -f 1)
	pqueue done q "$lease"
	refused '' done q "$lease"
}

# join_of NAME: two workers that end at a negative number, 100 tasks, join; what the workers made of it is their sum.
join_of() {
	local i
	rm -f sum
	for i in 1 2; do
		start "w$i" bash -c 'while x=$(pqueue get --lease 1h "$1"); do
			if ((${x#*	} < 0)); then pqueue done "$1" "${x%%	*}"; exit; fi
			echo "${x#*	}" >>sum
			pqueue done "$1" "${x%%	*}"
		done' bash "$1" || return
	done
	seq 0 29 | pqueue put "$1" || return
	timeout 30 pqueue join "$1" || return
	[ "$(awk '{ sum += $1 } END { print sum }' sum)" -eq 435 ] || return
	pqueue put "$1" -1 || return
	pqueue put "$1" -1 || return
	timeout 30 pqueue join "$1" || return
	ends w1 'exit 0' && ends w2 'exit 0'
}

@test "join: until all tasks are done, twice on the same queue" {
	pqueue create --no-sync q
	join_of q
	join_of q
	refused '' done q 1-1
}

@test "join with LIFO" {
	pqueue create --no-sync --lifo q
	join_of q
}

@test "a put that fails damages nothing: it can be done again, and the bound holds" {
	local i
	pqueue create --max "$size" --max-message 10 q
	for i in {1..4}; do pqueue put q "$i"; done
	run -2 pqueue put -n q 'longer than 10'
	run -2 pqueue put -t 0.1 q 'longer than 10'
	pqueue put q last
	quiet 0 full q
	waiting p put q blocked
	kill -KILL "$pid"
	ended p
	[ "$(pqueue size q)" -eq "$size" ]
	taken q 1 2 3 4 last
	quiet 0 empty q
}

@test "a get that fails loses nothing: the message is there again" {
	[ -w /dev/full ] || skip "no /dev/full here"
	pqueue create --max "$size" q
	pqueue put q first
	run -2 bash -c 'pqueue get q >/dev/full'
	[ "$(pqueue size q)" -eq 1 ]
	run -2 bash -c 'pqueue get -t 0.1 q >/dev/full'
	[ "$(pqueue size q)" -eq 1 ]
	taken q first
	quiet 0 empty q
}

@test "SimpleQueue: basic: sizes, get with and without waiting" {
	pqueue create q
	quiet 0 empty q
	pqueue put q 1
	quiet 1 empty q
	pqueue put q 2
	pqueue put -n q 3
	pqueue put q 4
	[ "$(pqueue size q)" -eq 4 ]
	[ "$(pqueue get q)" = 1 ]
	[ "$(pqueue size q)" -eq 3 ]
	[ "$(pqueue get -n q)" = 2 ]
	[ "$(pqueue get -t 0 q)" = 3 ]
	[ "$(pqueue get -t 0.1 q)" = 4 ]
	quiet 0 empty q
	[ "$(pqueue size q)" -eq 0 ]
	quiet 1 get -n q
	quiet 124 get -t 1ms q
}

# feeders_and_consumers N COUNT GET-OPTION...: N of each, with these options; each consumer ends at a sentinel.
feeders_and_consumers() {
	local n=$1 count=$2 i
	shift 2
	pqueue create --no-sync q || return
	for ((i = 0; i < n; ++i)); do
		start "c$i" bash -c 'while :; do
			x=$(pqueue get "$@" q) || { status=$?; [ "$status" -eq 1 ] || [ "$status" -eq 124 ] && continue; exit "$status"; }
			[ "$x" != end ] || exit 0
			echo "$x"
		done' bash "$@" || return
	done
	for ((i = 0; i < n; ++i)); do
		start "f$i" bash -c 'for ((i = $1; i < $3; i += $2)); do pqueue put q "$i"; done; pqueue put q end' \
			bash "$i" "$n" "$count" || return
	done
	for ((i = 0; i < n; ++i)); do ends "f$i" 'exit 0' && ends "c$i" 'exit 0' || return; done
	quiet 0 empty q && [ "$(pqueue size q)" -eq 0 ]
}

@test "order: one producer and one consumer at once, everything in order" {
	feeders_and_consumers 1 100
	cmp c0.out <(seq 0 99)
}

@test "many at once: everything arrives, once" {
	feeders_and_consumers 8 200
	cat c?.out | sort -n | cmp - <(seq 0 199)
}

@test "many at once that do not wait: everything arrives, once" {
	feeders_and_consumers 3 60 -n
	cat c?.out | sort -n | cmp - <(seq 0 59)
}

@test "many at once with time-outs that are far too short: everything arrives, once" {
	feeders_and_consumers 3 60 -t 0.00001
	cat c?.out | sort -n | cmp - <(seq 0 59)
}
