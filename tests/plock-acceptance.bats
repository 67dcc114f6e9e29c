#!/usr/bin/env bats
# shellcheck disable=SC2016  # $1 in single quotes is for COMMAND's own shell
# shellcheck disable=SC2154  # run and the helpers set output, stderr, lines, death, pid
load helpers
load locks

# One of the race: reads how many tickets are left, pauses, and takes one if there was one.
make_race() {
	echo '{"count":1}' >tickets
	: >won
	cat >buy <<-'SCRIPT'
		read -r tickets <tickets
		count=${tickets#'{"count":'}
		count=${count%'}'}
		[ "$count" -gt 0 ] || exit 1
		sleep 0.1
		echo "{\"count\":$((count - 1))}" >tickets
		echo "$1" >>won
	SCRIPT
}

# race [ARG...]: 100 processes at once, each with these words before its own.
race() {
	local i pids=()
	make_race
	for ((i = 0; i < 100; ++i)); do
		"$@" sh buy "$i" 3>&- &
		pids+=("$!")
	done
	wait "${pids[@]}" || true
}

# count_in_parallel LOCK: 20 processes, each adding 1 to the counter 60 times.
count_in_parallel() {
	local i n pids=()
	echo 0 >counter
	for ((i = 0; i < 20; ++i)); do
		for ((n = 0; n < 60; ++n)); do plock "$1" sh -c 'read -r n <counter; echo "$((n + 1))" >counter'; done 3>&- &
		pids+=("$!")
	done
	wait "${pids[@]}"
}

@test "100 processes race for one ticket: exactly one wins" {
	race plock ./lock
	[ "$(wc -l <won)" -eq 1 ]
	is tickets <<<'{"count":0}'
}

@test "100 processes race for one ticket: exactly one wins with a NAME, with -w, with --hold command" {
	race plock -w 60 ticket
	[ "$(wc -l <won)" -eq 1 ]
	race plock --hold command ./lock
	[ "$(wc -l <won)" -eq 1 ]
}

@test "100 processes race for one ticket: by descriptor too" {
	race sh -c 'exec 9<>lock; plock 9 && exec "$@"' sh
	[ "$(wc -l <won)" -eq 1 ]
}

@test "the same race without plock has more than one winner" {
	race env
	[ "$(wc -l <won)" -gt 1 ]
}

@test "20 processes x 60 increments of a counter in a file: exact" {
	count_in_parallel ./lock
	is counter <<<1200
}

@test "20 processes x 60 increments of a counter in a file: exact when the file is its own lock" {
	count_in_parallel ./counter
	is counter <<<1200
}

@test "two with -s together, -x waits for both" {
	hold one -s ./lock
	hold two -s ./lock
	start three plock -x ./lock touch ran
	await_waiters lock 1
	release one
	[ "$(granted lock)" = READ ]
	await_waiters lock 1
	[ ! -e ran ]
	release two
	ended three
	[ "$death" = "exit 0" ]
	[ -e ran ]
}

@test "TERM while waiting: dies of TERM at once, no waiter left" {
	local began
	hold one ./lock
	start two plock ./lock touch ran
	await_waiters lock 1
	began=${EPOCHREALTIME/./}
	kill -TERM "$pid"
	ended two
	((${EPOCHREALTIME/./} - began < 1000000))
	[ "$death" = "signal 15" ]
	[ "$(waiters lock)" -eq 0 ]
	release one
	is_free ./lock
	[ ! -e ran ]
}

@test "kill -9 of a holder without descendants: the next is in within 10 ms" {
	local round killed best=1000000
	# On a busy machine any one of them may be late.
	for ((round = 0; round < 20 && best > 10000; ++round)); do
		rm -f in
		hold one ./lock
		start two plock ./lock bash -c 'echo "${EPOCHREALTIME/./}" >in'
		await_waiters lock 1
		read -r pid <one.pid
		killed=${EPOCHREALTIME/./}
		kill -KILL "$pid"
		ended two
		ended one
		if (($(cat in) - killed < best)); then best=$(($(cat in) - killed)); fi
	done
	echo "after $best us, in round $round"
	((best <= 10000))
}
