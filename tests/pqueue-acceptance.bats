#!/usr/bin/env bats
# shellcheck disable=SC2016  # $1 in single quotes is for COMMAND's own shell
# shellcheck disable=SC2154  # run and the helpers set output, stderr, lines, death, pid
load helpers
load queues

@test "seq 100000 | put; close; get -f | sort -n is the same 100000 numbers" {
	seq 100000 | pqueue put jobs
	pqueue close jobs
	pqueue get -f jobs | sort -n | cmp - <(seq 100000)
	run -3 pqueue get -f jobs
}

@test "the same, in the order in which it was put: one getter needs no sort" {
	seq 100000 | pqueue put jobs
	pqueue close jobs
	pqueue get -f jobs | cmp - <(seq 100000)
}

@test "the same with four getters at once: together they have exactly what was put" {
	local i
	for i in 1 2 3 4; do start "g$i" pqueue get -f jobs; done
	seq 100000 | pqueue put jobs
	pqueue close jobs
	for i in 1 2 3 4; do
		ended "g$i"
		[ "$death" = 'exit 0' ] || { [ "$death" = 'exit 3' ] && [ ! -s "g$i.out" ]; }
	done
	cat g?.out | sort -n | cmp - <(seq 100000)
}

@test "the same with the getters started after close" {
	local i
	seq 100000 | pqueue put jobs
	pqueue close jobs
	for i in 1 2 3 4; do start "g$i" pqueue get -f jobs; done
	for i in 1 2 3 4; do ended "g$i"; done
	cat g?.out | sort -n | cmp - <(seq 100000)
}

@test "3 producers and 2 consumers with a COMMAND each: every item exactly once, the consumers end by themselves" {
	local i
	for i in 1 2; do start "c$i" pqueue get -f jobs -- sh -c 'echo "$2" >>"done.$1"' sh "$i"; done
	for i in 1 2 3; do start "p$i" pqueue put jobs < <(seq -f "$i-%g" 40); done
	for i in 1 2 3; do ends "p$i" 'exit 0'; done
	pqueue close jobs
	ends c1 'exit 0'
	ends c2 'exit 0'
	[ ! -s c1.err ]
	[ ! -s c2.err ]
	sort done.? | cmp - <(for i in 1 2 3; do seq -f "$i-%g" 40; done | sort)
}

@test "3 producers and 2 consumers, -j 4, bounded by 5: every item exactly once, the consumers end by themselves" {
	local i
	pqueue create --max 5 jobs
	for i in 1 2; do start "c$i" pqueue get -f -j 4 jobs -- echo; done
	for i in 1 2 3; do start "p$i" pqueue put jobs < <(seq -f "$i-%g" 40); done
	for i in 1 2 3; do ends "p$i" 'exit 0'; done
	pqueue close jobs
	ends c1 'exit 0'
	ends c2 'exit 0'
	sort c1.out c2.out | cmp - <(for i in 1 2 3; do seq -f "$i-%g" 40; done | sort)
}

@test "a consumer that is killed in its COMMAND: its item is done by the other, and nothing else twice" {
	gate go
	seq 10 | pqueue put jobs
	start bad pqueue get -f jobs -- sh -c 'echo "$1" >in; read -r _ <go' sh
	await_text in 1
	pqueue close jobs
	start good pqueue get -f jobs
	await_text good.out 10
	await_waiting "$pid"
	end bad
	ends good 'exit 0'
	sort -n good.out | cmp - <(seq 10)
}

@test "a message of a get that is killed is another's within 10 ms, one that waits" {
	local round killed best=1000000
	# On a busy machine any one of them may be late.
	for ((round = 0; round < 20 && best > 10000; ++round)); do
		rm -f worker
		pqueue put jobs "$round"
		start holder pqueue get jobs -- zoo wait worker
		await worker
		waiting next get jobs -- bash -c 'echo "${EPOCHREALTIME/./}" >in'
		killed=${EPOCHREALTIME/./}
		kill -KILL "$(cat holder.pid)"
		ends next 'exit 0'
		killed=$(($(cat in) - killed))
		((killed >= best)) || best=$killed
		ended holder
		wait_pids_gone 5 "$(cat worker)"
	done
	((best <= 10000)) || {
		echo "best: $best us"
		false
	}
}

@test "a message of a get that was killed is there for a later get" {
	pqueue put jobs a
	start holder pqueue get jobs -- zoo wait worker
	await worker
	end holder
	await_returned jobs
	[ "$(pqueue get -n jobs)" = a ]
	wait_pids_gone 5 "$(cat worker)"
}

@test "echo '3 4' | pqueue call add prints 7" {
	start worker pqueue get -f --stdin add -- awk '{ print $1 + $2 }'
	run -0 timeout 20 pqueue call add <<<'3 4'
	[ "$output" = 7 ]
	pqueue close add
	ends worker 'exit 0'
}

@test "a pipeline of queues: two stages, each ends by itself when the one before is closed" {
	start first bash -c 'pqueue get -f in | sed "s/$/!/" | pqueue put out; pqueue close out'
	start second pqueue get -f out
	seq 1000 | pqueue put in
	pqueue close in
	ends first 'exit 0'
	ends second 'exit 0'
	cmp second.out <(seq -f '%g!' 1000)
}

@test "what was put before is there after every process has gone, again and again" {
	local i
	for i in {1..20}; do
		pqueue put q "$i"
		[ "$((i % 3))" -ne 0 ] || pqueue get q >>out
	done
	pqueue get --all q >>out
	cmp out <(seq 20)
}
