#!/usr/bin/env bats
# shellcheck disable=SC2016  # $1 in single quotes is for COMMAND's own shell
# shellcheck disable=SC1010  # done is a verb
# shellcheck disable=SC2154  # run and the helpers set output, stderr, lines, death, pid, took
# Ends: close, and join.
load helpers
load queues

# lease NAME: takes a message that no process holds; prints LEASE.
lease() { pqueue get --lease 1h "$1" | cut -f 1; }

@test "close: no more puts (3), what is there can be taken" {
	pqueue put q a b
	quiet 0 close q
	run -3 pqueue put q c
	[ "$(pqueue get q)" = a ]
	[ "$(pqueue get q)" = b ]
	run -3 pqueue get q
}

@test "close of a closed queue: 0, nothing changes" {
	pqueue put q a
	pqueue close q
	quiet 0 close q
	[ "$(pqueue get q)" = a ]
}

@test "close of a queue that is not there: 2, told, nothing made" {
	refused 'q: no such queue' close q
	refused 'q: no such queue' close --now q
	no_names
}

@test "close wakes every getter and every putter that waits" {
	waiting g1 get q
	waiting g2 get -f q
	waiting g3 get -t 60 q
	pqueue create --max 1 full
	pqueue put full a
	waiting p1 put full b
	waiting p2 put -t 60 full b
	pqueue close q
	pqueue close full
	ends g1 'exit 3'
	ends g2 'exit 3'
	ends g3 'exit 3'
	ends p1 'exit 3'
	ends p2 'exit 3'
	holds full <<<a
}

@test "close --now drops the rest: getters see 3, join ends" {
	pqueue put q a b
	pqueue put --delay 1h q c
	waiting j join q
	quiet 0 close --now q
	run -3 pqueue get q
	[ "$(pqueue size q)" -eq 0 ]
	ends j 'exit 0'
}

@test "close --now of a queue that is closed already drops the rest" {
	pqueue put q a
	pqueue close q
	pqueue close --now q
	run -3 pqueue get -n q
}

@test "close --now leaves what is leased to its holder" {
	local id
	pqueue put q a b
	id=$(lease q)
	pqueue close --now q
	waiting j join q
	pqueue done q "$id"
	ends j 'exit 0'
	run -3 pqueue get q
}

@test "a closed queue stays closed: for a new process, and after all has been taken" {
	pqueue put q a
	pqueue close q
	pqueue get q
	run -3 pqueue put q b
	[ "$(stat_of q .closed)" = true ]
}

@test "after rm the name is free: a new queue is open" {
	pqueue put q a
	pqueue close q
	pqueue rm q
	pqueue put q b
	[ "$(pqueue get -n q)" = b ]
}

@test "join of a queue with nothing unfinished: at once, 0" {
	pqueue create q
	quiet 0 join q
	pqueue put q a
	pqueue get q
	quiet 0 join q
}

@test "join of a queue that is not there: 2, told, nothing made" {
	refused 'q: no such queue' join q
	refused 'q: no such queue' join -t 5 q
	refused 'q: no such queue' join -n q
	no_names
}

@test "join waits until the last message has been taken" {
	pqueue put q a b c
	waiting j join q
	pqueue get q
	pqueue get q
	await_waiting "$(cat j.pid)"
	still j
	pqueue get q
	ends j 'exit 0'
	[ ! -s j.out ]
	[ ! -s j.err ]
}

@test "join returns exactly at the last settlement: taken is not settled" {
	local one two
	pqueue put q a b
	waiting j join q
	one=$(lease q)
	two=$(lease q)
	[ "$(pqueue size q)" -eq 0 ]
	await_waiting "$(cat j.pid)"
	still j
	pqueue done q "$one"
	await_waiting "$(cat j.pid)"
	still j
	pqueue done q "$two"
	ends j 'exit 0'
}

@test "join: what is returned is unfinished still" {
	local id
	pqueue put q a
	waiting j join q
	id=$(lease q)
	pqueue requeue q "$id"
	await_waiting "$(cat j.pid)"
	still j
	pqueue get q
	ends j 'exit 0'
}

@test "join waits for a COMMAND that runs, until it has ended well" {
	gate go
	pqueue put q a
	start g pqueue get q -- sh -c 'echo >in; read -r _ <go'
	await in
	waiting j join q
	open_gate go
	ends j 'exit 0'
	ends g 'exit 0'
}

@test "join: a message that goes to the dead letters counts as done" {
	pqueue put q a
	waiting j join q
	run -1 pqueue get --retries 0 q -- false
	ends j 'exit 0'
	[ "$(pqueue size q.dead)" -eq 1 ]
}

@test "join: purged ones count as done" {
	pqueue put q a b
	pqueue put --delay 1h q c
	waiting j join q
	pqueue purge q
	ends j 'exit 0'
}

@test "join: delayed ones are unfinished" {
	pqueue put --delay 0.2 q a
	waiting j join q
	still j
	timeout 10 pqueue get q
	ends j 'exit 0'
}

@test "join: what is put while it waits counts" {
	pqueue put q a
	waiting j join q
	pqueue put q b
	pqueue get q
	await_waiting "$(cat j.pid)"
	still j
	pqueue get q
	ends j 'exit 0'
}

@test "any number of joiners: all end at the last settlement" {
	local i
	pqueue put q a
	for i in 1 2 3 4 5; do waiting "j$i" join q; done
	still j1 j2 j3 j4 j5
	pqueue get q
	for i in 1 2 3 4 5; do ends "j$i" 'exit 0'; done
}

@test "a joiner that is killed takes no wake-up with it" {
	local victim other
	for victim in j1 j2; do
		pqueue put q a
		waiting j1 join q
		waiting j2 join q
		end "$victim"
		pqueue get q
		other=j1
		[ "$victim" = j2 ] || other=j2
		ends "$other" 'exit 0'
	done
}

@test "join can be done again, and with a closed queue" {
	pqueue put q a
	pqueue get q
	pqueue join q
	pqueue put q b
	pqueue close q
	waiting j join q
	pqueue get q
	ends j 'exit 0'
	quiet 0 join q
}

@test "join -t TIME: 124 when work is left, 0 when it ends in time" {
	pqueue put q a
	milliseconds quiet 124 join -t 0.2 q
	((took >= 200 && took < 2000))
	waiting j join -t 60 q
	pqueue get q
	ends j 'exit 0'
}

@test "join -n, join -t 0: 1 when work is left, else 0" {
	pqueue put q a
	quiet 1 join -n q
	quiet 1 join -t 0 q
	pqueue get q
	quiet 0 join -n q
	quiet 0 join -t 0 q
}

@test "join of a queue that is removed while it waits: 3" {
	pqueue put q a
	waiting j join q
	pqueue rm q
	ends j 'exit 3'
}

@test "join costs no CPU, and dies of TERM at once" {
	local before
	pqueue put q a
	waiting j join q
	before=$(switches_asleep "$pid")
	# This measures; nothing is awaited.
	sleep 0.4
	[ "$(switches_asleep "$pid")" = "$before" ]
	kill -TERM "$pid"
	ends j 'signal 15'
}

@test "join is exact under load: when it returns, all that was put before has been done" {
	local i
	pqueue create --no-sync q
	for i in 1 2; do start "w$i" pqueue get -f q -- sh -c 'echo "$1" >>done' sh; done
	for i in 1 2 3; do
		seq "$((i * 10))" "$((i * 10 + 9))" | pqueue put q
		timeout 20 pqueue join q
		[ "$(wc -l <done)" -eq $((i * 10)) ]
	done
	pqueue close q
	ends w1 'exit 0'
	ends w2 'exit 0'
}

@test "3 producers, 2 consumers, join: it ends when the last item is done, and every item is done once" {
	local i
	pqueue create q
	for i in 1 2; do start "c$i" pqueue get -f q -- sh -c 'echo "$1" >>done' sh; done
	for i in 1 2 3; do start "p$i" pqueue put q < <(seq -f "$i-%g" 15); done
	for i in 1 2 3; do ends "p$i" 'exit 0'; done
	timeout 30 pqueue join q
	[ "$(wc -l <done)" -eq 45 ]
	[ -z "$(sort done | uniq -d)" ]
	still c1 c2
	pqueue close q
	ends c1 'exit 0'
	ends c2 'exit 0'
}

@test "a second done of one LEASE is an error: 2, and no message is counted twice" {
	local id
	pqueue put q a b
	id=$(lease q)
	quiet 0 done q "$id"
	refused "$id" done q "$id"
	refused "$id" requeue q "$id"
	quiet 1 join -n q
	pqueue get q
	quiet 0 join -n q
}
