#!/usr/bin/env bats
# shellcheck disable=SC2016  # $1 in single quotes is for COMMAND's own shell
# shellcheck disable=SC2030,SC2031  # each test is a process of its own
# shellcheck disable=SC2154  # run and the helpers set output, stderr, lines, death, pid
# SIGKILL at every system call and before every store into what is shared, by stepkill: see there. tests/torture kills at
# random, and for longer.
load helpers
load queues

requires_stepkill() {
	requires_plain_build
	local status=0
	stepkill 0 true || status=$?
	[ "$status" -eq 3 ] || skip "nothing can be traced here"
}

# at_each_moment COMMAND [ARG...]: first as it is, then killed at each moment of COMMAND; that is, at some 30 of them from a
# random one on, so that in time it has been killed at all, and with EVERY=1 in one run. Before each time `before` makes the state directory as COMMAND is to find it; what COMMAND left there must be sound, and pass
# `after`. Its stdout is in ./out; the word LEASE in COMMAND is what `before` left in $lease. moments counts what was tried.
at_each_moment() {
	local every=1 moment=0 total=0 status lease=''
	moments=0
	while :; do
		rm -rf state/* names/* out ran
		before || { echo "before, at moment $moment" && return 1; }
		status=0
		stepkill -s -o trace "$moment" "${@/LEASE/$lease}" </dev/null >out 2>err 3>&- 4>&- || status=$?
		[ "$status" -eq $((moment > 0 ? 0 : 3)) ] || [ "$moment" -ge $((total - total / 10)) ] ||
			{ echo "stepkill: $status; $(cat err)" && return 1; }
		{ sound && after; } || {
			echo "it was killed at moment $moment of $total: $(tail -n 1 trace); it had printed: $(cat out); it had said: $(cat err)"
			return 1
		}
		if [ "$moment" -eq 0 ]; then
			total=$(wc -l <trace)
			every=${EVERY:-$((total / 30 + 1))}
			moment=$((-(RANDOM % every)))
		fi
		moment=$((moment + every))
		[ "$moment" -le "$total" ] || break
		moments=$((moments + 1))
	done
}

# Whatever there is, is sound.
sound() {
	local queue
	for queue in state/*.queue; do
		# One that was not made to its end, or not removed to its end, is none.
		[ -e "$queue/control" ] || continue
		queue=${queue##*/}
		timeout -s KILL 10 pqueue verify "${queue%.queue}" >verified 2>&1 || {
			grep -q 'no such queue' verified && continue
			echo "verify ${queue%.queue}: $?: $(cat verified)"
			return 1
		}
	done
}

three() { pqueue create --no-sync q && pqueue put q a b c; }

# drained: the next calls work at once; in left is then all that was in q before, each followed by a blank.
drained() {
	timeout -s KILL 10 pqueue put q last || { echo "put: $?" && return 1; }
	timeout -s KILL 10 pqueue get -n -c 100 q >drained || { echo "get: $?" && return 1; }
	left=$(tr '\n' ' ' <drained)
	[ "$left" != "${left%last }" ] || { echo "last is not the last: $left" && return 1; }
	left=${left%last }
	timeout -s KILL 10 pqueue join -n q || { echo "something is unfinished: $?" && return 1; }
}

# come_back TEXT: that is in q, in any order, now or soon.
come_back() {
	local found count=${1//[! ]/}
	found=$(timeout -s KILL 10 pqueue get -c "${#count}" q | sort | tr '\n' ' ')
	one_of "$found" "$1" && timeout -s KILL 10 pqueue join -n q
}

# one_of TEXT CHOICE...
one_of() {
	local choice text=$1
	shift
	for choice; do [ "$text" != "$choice" ] || return 0; done
	printf 'got: %s; wanted one of:%s\n' "$text" "$(printf ' <%s>' "$@")"
	return 1
}

# rest N: what of a, b and c may be there when N of them were delivered, the last of them perhaps not settled.
rest() {
	case $1 in
	0) one_of "$left" 'a b c ' ;;
	1) one_of "$left" 'a b c ' 'b c ' ;;
	2) one_of "$left" 'a b c ' 'b c ' 'c ' ;;
	*) one_of "$left" 'a b c ' 'b c ' 'c ' '' ;;
	esac
}

delivered() { if [ -e "$1" ]; then wc -l <"$1"; else echo 0; fi; }

put_after() {
	drained || return
	case $(delivered out) in
	0) one_of "${left#"$already"}" '' 'x ' 'x y ' 'x y z ' ;;
	*) one_of "${left#"$already"}" 'x y z ' ;;
	esac
}

@test "put killed at each moment: what it said is safe is there, what was there stays, in their order" {
	requires_stepkill
	already='a b c '
	before() { three; }
	after() { put_after; }
	at_each_moment pqueue put -i q x y z
	[ "$moments" -gt 15 ]
}

@test "a synced put killed at each moment" {
	requires_stepkill
	already='a b c '
	before() { pqueue put q a b c; }
	after() { put_after; }
	at_each_moment pqueue put -i q x y z
}

@test "put killed at each moment of making its queue: the next one makes it or has it" {
	requires_stepkill
	already=
	before() { :; }
	after() { put_after; }
	at_each_moment pqueue put -i q x y z
}

@test "create killed at each moment: the next create has its way" {
	requires_stepkill
	before() { :; }
	after() {
		timeout -s KILL 10 pqueue create --lifo --max 10 q || return
		drained && [ -z "$left" ]
	}
	at_each_moment pqueue create --lifo --max 10 q
}

@test "get killed at each moment: what it had not printed is there, what it had printed at most once more" {
	requires_stepkill
	before() { three; }
	after() { drained && rest "$(delivered out)"; }
	at_each_moment pqueue get -c 2 q
	[ "$moments" -gt 15 ]
}

@test "get of the newest first killed at each moment" {
	requires_stepkill
	before() { pqueue create --no-sync --lifo q && pqueue put q c b && pqueue put q a; }
	after() {
		left=$(timeout -s KILL 10 pqueue get -n -c 3 q | tr '\n' ' ')
		rest "$(delivered out)" && timeout -s KILL 10 pqueue join -n q
	}
	at_each_moment pqueue get -c 2 q
}

@test "a worker of a closed queue killed at each moment until it is drained: all is done, or is there" {
	requires_stepkill
	before() { three && pqueue close q; }
	after() {
		retry_until 5 no_process_left || return
		left=$(timeout -s KILL 10 pqueue get -n -c 3 q)
		is <(sort -u <(cat ran 2>/dev/null) - <<<"$left" | grep .) < <(printf '%s\n' a b c) || return
		[ "$(cat ran - <<<"$left" 2>/dev/null | grep -c .)" -le 5 ] && timeout -s KILL 10 pqueue join -n q
	}
	at_each_moment pqueue get -f -j 2 q -- sh -c 'echo "$1" >>ran' sh '{}'
}

@test "get with a COMMAND killed at each moment: its message is there again, or was done" {
	requires_stepkill
	before() { three; }
	after() {
		retry_until 5 no_process_left || return
		drained && rest "$(delivered ran)"
	}
	at_each_moment pqueue get q -- sh -c 'echo "$1" >>ran' sh '{}'
}

@test "get killed at each moment of giving back what its COMMAND failed at" {
	requires_stepkill
	before() { three; }
	after() {
		retry_until 5 no_process_left || return
		drained && one_of "$left" 'a b c '
	}
	at_each_moment pqueue get q -- false
}

@test "get killed at each moment of giving back with a delay" {
	requires_stepkill
	before() { three; }
	after() {
		retry_until 5 no_process_left || return
		come_back 'a b c '
	}
	at_each_moment pqueue get --backoff 5ms q -- false
}

@test "get killed at each moment of burying a message: it is in one of the two queues" {
	requires_stepkill
	before() { three; }
	after() {
		local dead=''
		retry_until 5 no_process_left || return
		[ ! -e state/q.dead.queue ] || dead=$(timeout -s KILL 10 pqueue get --all q.dead) || [ "$?" -eq 1 ] || return
		drained || return
		one_of "$dead:$left" ':a b c ' 'a:b c ' 'a:a b c '
	}
	at_each_moment pqueue get --retries 0 q -- false
}

@test "get --lease killed at each moment: its message is there, at the latest when the time is over" {
	requires_stepkill
	before() { three; }
	after() {
		come_back 'a b c '
	}
	at_each_moment pqueue get --lease 10ms q
}

@test "done killed at each moment: the lease is ended or stands" {
	requires_stepkill
	before() {
		three && lease=$(pqueue get --lease 1h q) || return
		lease=${lease%%$'\t'*}
	}
	after() {
		local status=0
		timeout -s KILL 10 pqueue "done" q "$lease" 2>/dev/null || status=$?
		[ "$status" -eq 0 ] || [ "$status" -eq 2 ] || return
		run -2 timeout -s KILL 10 pqueue "done" q "$lease"
		drained && one_of "$left" 'b c '
	}
	at_each_moment pqueue "done" q LEASE
}

@test "requeue killed at each moment: the message is back or leased" {
	requires_stepkill
	before() {
		three && lease=$(pqueue get --lease 1h q) || return
		lease=${lease%%$'\t'*}
	}
	after() {
		local status=0
		timeout -s KILL 10 pqueue requeue q "$lease" 2>/dev/null || status=$?
		[ "$status" -eq 0 ] || [ "$status" -eq 2 ] || return
		drained && one_of "$left" 'a b c '
	}
	at_each_moment pqueue requeue q LEASE
}

@test "close killed at each moment: it is closed or not, and nothing is gone" {
	requires_stepkill
	before() { three; }
	after() {
		timeout -s KILL 10 pqueue get -c 3 -n q | diff <(printf '%s\n' a b c) - || return
		run timeout -s KILL 10 pqueue put q last
		case $status in
		0) [ "$(timeout -s KILL 10 pqueue get -n q)" = last ] ;;
		3) run -3 timeout -s KILL 10 pqueue get q ;;
		*) return 1 ;;
		esac
	}
	at_each_moment pqueue close q
}

@test "close --now killed at each moment: it is closed or not" {
	requires_stepkill
	before() { three; }
	after() {
		run timeout -s KILL 10 pqueue put q last
		case $status in
		0) run -0 timeout -s KILL 10 pqueue get -c 4 -n q ;;
		3) run timeout -s KILL 10 pqueue get --all q && one_of "$status" 0 3 && one_of "$output" '' $'a\nb\nc' ;;
		*) return 1 ;;
		esac
	}
	at_each_moment pqueue close --now q
}

@test "purge killed at each moment: all or nothing" {
	requires_stepkill
	before() { three; }
	after() { drained && one_of "$left" 'a b c ' ''; }
	at_each_moment pqueue purge q
}

@test "rm killed at each moment: the queue is whole or is no more" {
	requires_stepkill
	before() { three; }
	after() {
		local size
		size=$(timeout -s KILL 10 pqueue size q 2>why) || grep -q 'no such queue' why || { cat why && return 1; }
		drained && one_of "$size:$left" '3:a b c ' ':' || return
		timeout -s KILL 10 pqueue rm q && [ ! -e state/q.queue ]
	}
	at_each_moment pqueue rm q
}

@test "put --delay killed at each moment" {
	requires_stepkill
	already='a b c '
	before() { three; }
	after() {
		local size
		size=$(pqueue size q)
		case $size:$(delivered out) in
		6:*) come_back 'a b c x y z ' ;;
		5:0) come_back 'a b c x y ' ;;
		4:0) come_back 'a b c x ' ;;
		3:0) come_back 'a b c ' ;;
		*) echo "size $size, ids: $(cat out)" && return 1 ;;
		esac
	}
	at_each_moment pqueue put -i --delay 5ms q x y z
}

@test "get killed at each moment of a delayed message's coming due" {
	requires_stepkill
	before() {
		pqueue create --no-sync q && pqueue put --delay 1ms q a b c && sleep 0.005
	}
	after() {
		left=$(timeout -s KILL 10 pqueue get -n -c 3 q | tr '\n' ' ')
		rest "$(delivered out)"
	}
	at_each_moment pqueue get -n q
}

@test "get killed at each moment of taking what a killed one has left" {
	requires_stepkill
	before() {
		three || return
		start dead pqueue get -f -j 2 q -- sh -c 'sleep 1000'
		retry_until 5 eval '[ "$(pqueue size q)" = 1 ]' || return
		kill -KILL "$pid"
		# Its guard has its messages until their COMMANDs have ended.
		ended dead && retry_until 5 no_process_left
	}
	after() { drained && rest "$(delivered out)"; }
	at_each_moment pqueue get -n q
}

@test "get killed at each moment of undoing what a killed put had begun" {
	local middle
	requires_stepkill
	three
	stepkill -o trace 0 pqueue put q x || true
	# Stores alone: the change is under way.
	middle=$(($(wc -l <trace) * 2 / 3))
	before() { three && stepkill "$middle" pqueue put q x; }
	after() { drained && rest "$(delivered out)"; }
	at_each_moment pqueue get -n q
}

@test "get killed at each moment of building the tables of a copy anew" {
	requires_stepkill
	before() {
		three && [ "$(pqueue get -n q)" = a ] && pqueue put q d || return
		mv state/q.queue original && cp -a original state/q.queue && rm -rf original
	}
	after() {
		drained || return
		case $(delivered out) in
		0) one_of "$left" 'b c d ' ;;
		*) one_of "$left" 'b c d ' 'c d ' ;;
		esac
	}
	at_each_moment pqueue get -n q
}

@test "put killed at each moment of building the tables of a copy anew" {
	requires_stepkill
	already='a b c '
	before() {
		three || return
		mv state/q.queue original && cp -a original state/q.queue && rm -rf original
	}
	after() { put_after; }
	at_each_moment pqueue put -i q x y z
}

# Messages of 1 MB fill two segments, and when the last but one of them goes, what is left of the old one is moved.
sparse() { # [CREATE-ARG...]
	pqueue create "$@" q && pqueue put q a b c || return
	[ -e bulk ] || printf '%01000000d\n' {1..30} >bulk
	pqueue put -p 9 q <bulk && pqueue get -c 28 q >/dev/null
}

moved_after() {
	local all count
	all=$(timeout -s KILL 10 pqueue get -n -c 9 q | cut -c 1 | tr '\n' ' ')
	count=$(delivered out)
	case $count in
	0) one_of "$all" '0 0 a b c ' ;;
	1) one_of "$all" '0 0 a b c ' '0 a b c ' ;;
	*) one_of "$all" '0 a b c ' 'a b c ' ;;
	esac || return
	timeout -s KILL 10 pqueue put q last && [ "$(timeout -s KILL 10 pqueue get -n q)" = last ] && pqueue join -n q
}

@test "get killed at each moment of moving what is left of a segment" {
	requires_stepkill
	before() { sparse --no-sync; }
	after() { moved_after; }
	at_each_moment pqueue get -c 2 q
	# It has been moved: that segment is gone.
	rm -rf state/*
	sparse --no-sync
	cp -a state/q.queue before
	pqueue get -c 2 q >out
	[ -e before/seg-1 ]
	[ ! -e state/q.queue/seg-1 ]
}

@test "get killed at each moment of moving what is left of a synced segment, and then the power cut" {
	requires_stepkill
	before() { sparse; }
	after() {
		# What is in the tables is lost.
		mv state/q.queue original && cp -a original state/q.queue && rm -rf original
		moved_after
	}
	at_each_moment pqueue get -c 2 q
}

@test "a worker killed at each moment of answering: the answer is there, or its message is" {
	requires_stepkill
	before() { pqueue create --no-sync q && lease=$(pqueue put --reply q a); }
	after() {
		retry_until 5 no_process_left || return
		timeout -s KILL 10 pqueue get -n q -- echo || [ "$?" -eq 1 ] || return
		[ "$(timeout -s KILL 10 pqueue result -t 5s q "$lease")" = a ]
	}
	at_each_moment pqueue get q -- echo
}

@test "result killed at each moment: it has printed the answer, or it can be asked for again" {
	requires_stepkill
	before() { pqueue create --no-sync q && lease=$(pqueue put --reply q a) && pqueue get -n q -- echo; }
	after() { [ "$(cat out)" = a ] || [ "$(timeout -s KILL 10 pqueue result -n q "$lease")" = a ]; }
	at_each_moment pqueue result q LEASE
}

# Those who wait

# in_hand NAME: the message that NAME's COMMAND has, as PQUEUE_ATTEMPT and bytes; its pid is in NAME.in.
working() { # NAME [ARG...]
	local name=$1
	shift
	start "$name" pqueue get -f "$@" q -- sh -c 'echo "$PQUEUE_ATTEMPT $2" >>"$1.got"; exec zoo wait "$1.in"' sh "$name" '{}'
}

@test "a worker killed in mid-COMMAND: a waiting one starts its message at once, as the second attempt; the COMMAND is dead" {
	pqueue put q a
	working one
	await one.in
	working two
	await_waiting "$pid"
	kill -KILL "$(cat one.pid)"
	milliseconds await two.in
	[ "$took" -lt 500 ]
	is two.got <<<'2 a'
	wait_pids_gone 5 "$(cat one.in)"
	end two
}

@test "get --all after a getter was killed: what that one had is there too" {
	local pids
	pqueue create --no-sync q
	pqueue put q a b c
	start one pqueue get -f -j 2 q -- zoo wait 'one.{}'
	await one.a one.b
	pids=$(cat one.a one.b)
	end one
	# shellcheck disable=SC2086 # two pids
	wait_pids_gone 5 $pids
	await_returned q
	pqueue get --all q | diff <(printf '%s\n' a b c) -
}

@test "a worker killed with three in hand: the waiting ones have them, each once" {
	pqueue put q a b c
	start one pqueue get -f -j 3 q -- zoo wait 'one.{}'
	await one.a one.b one.c
	start two pqueue get -f -j 2 q -- zoo wait 'two.{}'
	two=$pid
	start three pqueue get -f -j 2 q -- zoo wait 'three.{}'
	await_waiting "$two" "$pid"
	kill -KILL "$(cat one.pid)"
	retry_until 5 eval '[ "$(cat two.[abc] three.[abc] 2>/dev/null | wc -l)" -eq 3 ]'
	wait_pids_gone 5 "$(cat one.a)" "$(cat one.b)" "$(cat one.c)"
	[ "$(pqueue size q)" -eq 0 ]
	end two three
	await_returned q
	pqueue get --all q | sort | diff <(printf '%s\n' a b c) -
}

@test "a worker killed in mid-COMMAND with nobody waiting: a later get has its message" {
	pqueue put q a b
	working one
	await one.in
	end one
	await_returned q
	[ "$(timeout -s KILL 10 pqueue get -n q)" = a ]
}

# Whoever leads is stopped as the wake-up comes to it, and dies.
@test "a waiter that dies as it wakes takes no wake-up with it: 20 times" {
	local i
	pqueue create --no-sync q
	for ((i = 0; i < 20; ++i)); do
		waiting first get q
		waiting second get q
		kill -STOP "$(cat first.pid)"
		pqueue put q "$i"
		kill -KILL "$(cat first.pid)"
		ends second "exit 0"
		is second.out <<<"$i"
		ends first "signal 9"
	done
}

@test "20 waiters that die as they wake: the one after them has the message" {
	local i pids=()
	pqueue create --no-sync q
	for ((i = 0; i < 20; ++i)); do
		start "early.$i" pqueue get q
		pids+=("$pid")
	done
	await_waiting "${pids[@]}"
	waiting last get q
	kill -STOP "${pids[@]}"
	pqueue put q message
	for ((i = 0; i < 20; ++i)); do kill -KILL "${pids[i]}"; done
	ends last "exit 0"
	is last.out <<<message
}

# waking_at_each_moment COMMAND [ARG...]: COMMAND waits, and then another like it does; `wake` wakes one, and the first is
# killed at each moment from there on. Then `after` must hold.
waking_at_each_moment() {
	local asleep=0 every=1 moment=0 total=0
	moments=0
	while :; do
		rm -rf state/*
		before || return
		rm -f trace
		start first stepkill -s -o trace "$moment" "$@"
		if [ "$moment" -eq 0 ]; then
			retry_until 10 sleeps_traced && asleep=$(wc -l <trace)
		else
			retry_until 10 has_lines trace "$asleep"
		fi || { echo "the first does not wait" && return 1; }
		waiting second "${@:2}" || return
		{ wake && ended first; } || { echo "at moment $moment" && return 1; }
		after || { echo "it was killed at moment $moment of $total: $(tail -n 1 trace)" && return 1; }
		if [ "$moment" -eq 0 ]; then
			total=$(wc -l <trace)
			every=${EVERY:-$(((total - asleep) / 15 + 1))}
			moment=$((asleep - RANDOM % every))
		fi
		moment=$((moment + every))
		[ "$moment" -le "$total" ] || break
		moments=$((moments + 1))
	done
	[ "$moments" -gt 3 ]
}

has_lines() { [ -e "$1" ] && [ "$(wc -l <"$1")" -ge "$2" ]; }

# Has nothing been added to the list of moments since the last look?
sleeps_traced() {
	local before
	[ -s trace ] || return
	before=$(wc -l <trace)
	sleep 0.1
	[ "$(wc -l <trace)" -eq "$before" ]
}

@test "a getter killed at each moment of waking up: another that waits has the message" {
	requires_stepkill
	before() { pqueue create --no-sync q; }
	wake() { pqueue put q message; }
	after() {
		# What it had printed may come again, but need not.
		[ ! -s first.out ] || pqueue put q message
		ends second "exit 0" && is second.out <<<message || return
		timeout -s KILL 10 pqueue verify q
	}
	waking_at_each_moment pqueue get q
}

@test "a putter killed at each moment of waking up: another that waits has its room" {
	requires_stepkill
	before() { pqueue create --no-sync --max 1 q && pqueue put q full; }
	wake() { [ "$(pqueue get -n q)" = full ]; }
	after() {
		pqueue get -t 5 q >one || return
		# That was what the first had put, perhaps; then there is room for the second now.
		ends second "exit 0" || return
		pqueue get --all q >one || true
		timeout -s KILL 10 pqueue verify q && timeout 10 pqueue put -n q again
	}
	waking_at_each_moment pqueue put q message
}

@test "one that joins killed at each moment of waking up: another ends too" {
	requires_stepkill
	before() { pqueue create --no-sync q && pqueue put q a; }
	wake() { [ "$(pqueue get -n q)" = a ]; }
	after() { ends second "exit 0" && timeout -s KILL 10 pqueue verify q; }
	waking_at_each_moment pqueue join q
}

@test "a getter killed at each moment of getting ready to wait: the next one waits and is woken" {
	local total moment every
	requires_stepkill
	pqueue create --no-sync q
	start first stepkill -s -o trace 0 pqueue get q
	retry_until 10 sleeps_traced
	total=$(wc -l <trace)
	pqueue put q over
	ends first "exit 3"
	every=${EVERY:-$((total / 15 + 1))}
	for ((moment = 1 + RANDOM % every; moment <= total; moment += every)); do
		# The last ones may be passed sooner, and then it waits for ever.
		timeout 1 stepkill -s -o trace "$moment" pqueue get q </dev/null || true
		waiting second get q
		pqueue put q "$moment"
		ends second "exit 0"
		is second.out <<<"$moment"
	done
	quiet 0 verify q
}
