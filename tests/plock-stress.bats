#!/usr/bin/env bats
# shellcheck disable=SC2016  # $1 in single quotes is for COMMAND's own shell
# shellcheck disable=SC2030,SC2031  # each test is a process of its own
# shellcheck disable=SC2154  # run and the helpers set output, stderr, lines, death
# Short versions of what tests/torture does for longer. BATS_TEST_TMPDIR's `places` says who was inside.
load helpers
load locks
load semaphores
load plock-rounds

@test "--hold command killed by SIGKILL: nobody is in before COMMAND is gone, and the lock comes free" {
	local i
	for ((i = 0; i < 24; ++i)); do
		kill_round alone L
		kill_round child L
	done
}

@test "--hold command killed by SIGKILL: what COMMAND left in a session of its own keeps the lock until it ends" {
	local i
	start a plock --hold command L sh -c 'setsid zoo wait stray & zoo wait in'
	await stray in
	kill -KILL "$(cat a.pid)"
	wait_pids_gone 5 "$(cat a.pid)" "$(cat in)"
	for i in 1 2 3; do run -1 plock -n L true; done
	kill -KILL "$(cat stray)"
	run -0 plock -w 10 L true
	for ((i = 0; i < 8; ++i)); do kill_round stray L; done
}

@test "--hold command killed at any of its system calls: nobody is in before COMMAND is gone" {
	local point second
	requires_strace
	mapfile -t points < <(kill_points plock --hold command L nolibc_true)
	[ "${#points[@]}" -gt 20 ]
	for point in "${points[@]}"; do
		plock -w 10 L occupy places 1 0 3>&- &
		second=$!
		killed_at "$point" plock --hold command L occupy places 1 15 || echo "not killed: $point"
		plock -w 10 L occupy places 1 0
		wait "$second"
		no_crowd places || { echo "after $point, which was: $(tail -n 2 trace)" && return 1; }
	done
	all_gone
	plock -n L true
}

@test "COMMAND killed at random: --hold command ends as it did, and the lock is free" {
	local i
	for ((i = 0; i < 20; ++i)); do
		rm -f places.in
		start a plock --hold command L occupy places 1 100000
		await places.in
		plock -w 10 L occupy places 1 0 3>&- &
		kill -KILL "$(head -n 1 places.in)"
		wait "$!"
		ends a "exit 137"
	done
	no_crowd places
}

@test "a lock that 30 want and half of them die at: one at a time, and free in the end" {
	storm 1 30 -w 20 L
	plock -n L true
	storm 1 30 -w 20 -o L
	all_gone
	plock -n L true
	[ "$(wc -l <places.in)" -gt 20 ]
}

@test "a semaphore of 3 that 50 want and half of them die at: never more than 3 inside, and 3 permits in the end" {
	storm 3 50 -w 20 -j 3 S
	room_for 3 S
	[ "$(wc -l <places.in)" -gt 15 ]
	storm 3 50 -j 3 -w 20 S
	room_for 3 S
	[ "$kills" -gt 10 ]
}

@test "--hold command on a semaphore, killed at random: its permits come back" {
	local i pids=() killed=()
	for ((i = 0; i < 30; ++i)); do
		plock -w 20 -o -j 3 S sleep "0.00$((RANDOM % 10))" 2>/dev/null 3>&- &
		pids+=("$!")
		((i % 2)) || kill_one_of "${pids[@]}"
	done
	for i in "${pids[@]}"; do
		reap "$i"
		[ "$reaped" -eq 0 ] || [ -n "${killed[i]:-}" ]
	done
	all_gone
	room_for 3 S
}

@test "permits resized from all sides, with kills: never more than the largest, and exactly N in the end" {
	resize_storm S 40
	resize_storm S 40
}

@test "new names, whose makers are killed at random: exactly N permits, and no set is left over" {
	local i
	for i in 1 2 3 4 5 6; do birth_storm "S$i" 10; done
}

@test "posters killed at random: no post is lost, none counts twice" {
	post_storm S 40
}

@test "a set that vanishes again and again: never more than 3 inside, and 3 permits in the end" {
	vanish_storm S 40
	[ "$vanished" -gt 2 ]
}

@test "a counter in a file, under -j 1 and under a lock: no update is lost" {
	local i round pids=()
	echo 0 >counter
	echo 0 >counter2
	for ((i = 0; i < 10; ++i)); do
		for ((round = 0; round < 20; ++round)); do
			plock -w 20 -j 1 S sh -c 'read -r n <counter; echo $((n + 1)) >counter'
			plock -w 20 -o L sh -c 'read -r n <counter2; echo $((n + 1)) >counter2'
		done 3>&- &
		pids+=("$!")
	done
	for i in "${pids[@]}"; do wait "$i"; done
	[ "$(cat counter)" -eq 200 ]
	[ "$(cat counter2)" -eq 200 ]
}

@test "kill -9 of a holder: the next is in within 10 ms, when the machine is not too busy" {
	local kind begun took
	requires_plain_build
	for kind in 'L' '-j 1 S'; do
		took=1000000
		for _ in {1..50}; do
			rm -f at
			# shellcheck disable=SC2086  # words
			hold a $kind
			# shellcheck disable=SC2086
			start b plock $kind bash -c 'echo "${EPOCHREALTIME/./}" >at.new; mv at.new at'
			retry_until 10 pid_is "$(cat b.pid)" S
			begun=${EPOCHREALTIME/./}
			kill -KILL "$(cat a.pid)"
			await at
			took=$(($(cat at) - begun))
			ends b "exit 0"
			[ "$took" -ge 10000 ] || break
		done
		[ "$took" -lt 10000 ]
	done
}
