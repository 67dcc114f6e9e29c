#!/usr/bin/env bats
# shellcheck disable=SC2016  # $1 in single quotes is for COMMAND's own shell
# shellcheck disable=SC2030,SC2031  # each test is a process of its own
# shellcheck disable=SC2154  # run and the helpers set output, stderr, lines, death, took
load helpers
load locks
load semaphores

# ---- --take and --post

@test "--post and --take: a new one begins with 0, and counts" {
	run -1 --separate-stderr plock -n --take S
	[[ $stderr == 'plock: S: busy'* ]]
	[ "$(plock --value S)" = 0 ]
	run -0 --separate-stderr plock --post S
	[ -z "$output$stderr" ]
	plock --post S
	[ "$(plock --value S)" = 2 ]
	run -0 --separate-stderr plock --take S
	[ -z "$output$stderr" ]
	plock -n --take S
	run -1 plock -n --take S
	[ "$(plock --value S)" = 0 ]
}

@test "--post on a new name is not lost" {
	plock --post S
	[ "$(plock --value S)" = 1 ]
	plock -n --take S
}

@test "-j N --take and -j N --post: a new one begins with N; one that is there does not begin again" {
	plock -j 3 --take S
	[ "$(plock --value S)" = 2 ]
	plock -j 3 --take S
	[ "$(plock --value S)" = 1 ]
	plock --post S
	[ "$(plock --value S)" = 2 ]
	plock -j 2 --post T
	[ "$(plock --value T)" = 3 ]
	run -1 plock -j 0 -n --take U
	[ "$(plock --value U)" = 0 ]
	plock -j 0 --post U
	plock -n --take U
}

@test "a taker that ends or is killed gives nothing back: only --post does" {
	local i
	plock -j 3 --take S
	sh -c 'plock --take S; kill -KILL $$' || true
	[ "$(plock --value S)" = 1 ]
	plock --take S
	for i in 1 2 3; do
		run -1 plock -n --take S
	done
	plock --post S
	plock -n --take S
}

@test "a poster that ends or is killed takes nothing back" {
	sh -c 'plock --post S; plock --post S; kill -KILL $$' || true
	[ "$(plock --value S)" = 2 ]
	plock -n --take S
	plock -n --take S
}

@test "--take waits for a --post" {
	plock -j 1 --take S
	start a plock --take S
	await_blocked 1
	[ ! -e a.death ]
	plock --post S
	ends a "exit 0"
	[ "$(plock --value S)" = 0 ]
	[ ! -s a.err ]
}

@test "one --post lets one in" {
	local i
	run -1 plock -n --take S
	for i in 1 2 3; do start "t$i" plock --take S; done
	await_blocked 3
	for i in 2 1 0; do
		plock --post S
		await_blocked "$i"
		retry_until 10 eval "[ \$(printf '%s\\n' t?.death | grep -c '[0-9]') -eq $((3 - i)) ]"
	done
	[ "$(plock --value S)" = 0 ]
}

@test "--take -n: 1; -w: 124 when the time has passed; -E: another status; a post in time: 0" {
	run -1 plock -n --take S
	run -1 plock -w 0 --take S
	run -9 plock -n -E 9 --take S
	milliseconds run -124 --separate-stderr plock -w 0.2 --take S
	[[ $stderr == 'plock: S: timed out'* ]]
	[ "$took" -ge 200 ]
	run -9 plock -w 10ms -E 9 --take S
	start a plock -w 1h --take S
	await_blocked 1
	plock --post S
	ends a "exit 0"
}

@test "TERM ends a --take that waits, and nothing is taken" {
	run -1 plock -n --take S
	start a plock --take S
	await_blocked 1
	kill -TERM "$(cat a.pid)"
	ends a "signal 15"
	[ "$(blocked)" -eq 0 ]
	plock --post S
	plock -n --take S
}

@test "a producer and a consumer: a buffer of 2 places is never overrun, and every item arrives" {
	local i item
	plock -j 2 --take places
	plock --post places
	plock --post full
	plock --take full
	produce() {
		for ((i = 1; i <= 30; ++i)); do
			plock --take places
			echo "$i" >>buffer
			plock --post full
		done
	}
	produce 3>&- &
	for ((item = 1; item <= 30; ++item)); do
		timeout 10 plock --take full
		[ "$(wc -l <buffer)" -ge "$item" ]
		[ "$(wc -l <buffer)" -le $((item + 1)) ]
		plock --post places
	done
	wait "$!"
	is buffer < <(seq 30)
	[ "$(plock --value places)" = 2 ]
	[ "$(plock --value full)" = 0 ]
}

@test "many posters and takers: every post is taken once" {
	local i pids=()
	for ((i = 0; i < 40; ++i)); do
		if ((i % 2)); then plock --post S 3>&- & else timeout 20 plock --take S 3>&- & fi
		pids+=("$!")
	done
	for i in "${pids[@]}"; do wait "$i"; done
	[ "$(plock --value S)" = 0 ]
	[ "$(count_sets)" -eq 1 ]
}

@test "40 takers race for a new name that begins with 5: five have one" {
	local i got=0 pids=()
	for ((i = 0; i < 40; ++i)); do
		plock -j 5 -n --take S 2>/dev/null 3>&- &
		pids+=("$!")
	done
	for i in "${pids[@]}"; do
		if wait "$i"; then got=$((got + 1)); fi
	done
	[ "$got" -eq 5 ]
	[ "$(plock --value S)" = 0 ]
}

@test "killed at any of its system calls, --post has posted once or not at all, and the next one works" {
	local point before after
	requires_strace
	plock --post S
	mapfile -t points < <(kill_points plock --post S)
	[ "${#points[@]}" -gt 10 ]
	for point in "${points[@]}"; do
		before=$(plock --value S)
		killed_at "$point" plock --post S || echo "not killed: $point"
		after=$(plock --value S)
		[[ $((after - before)) -eq 0 || $((after - before)) -eq 1 ]]
		timeout 10 plock --post S
		[ "$(plock --value S)" -eq $((after + 1)) ]
	done
}

@test "the most a semaphore counts to is 32767: a post too many is told, and changes nothing" {
	plock -j 32766 --post S
	[ "$(plock --value S)" = 32767 ]
	refused 'S: ' plock --post S
	[ "$(plock --value S)" = 32767 ]
	plock -n --take S
	plock --post S
}

@test "no COMMAND is run with --take or --post, and neither without a name" {
	refused '' plock --take S touch ran
	refused '' plock --post S touch ran
	refused '' plock --take -- S touch ran
	refused '' plock --take S -c 'touch ran'
	refused '' plock -c 'touch ran' --take S
	refused '' plock --take
	refused '' plock --post
	refused '' plock --take --post S
	refused '' plock -t 1 --take S
	refused '' plock -o --take S
	[ ! -e ran ]
	[ -z "$(ls names)" ]
}

# ---- --bounded

@test "--bounded N: N is where it begins and its ceiling; a post too many is an error" {
	refused 'S: already at its ceiling of 2' plock --bounded 2 --post S
	[ "$(plock --value S)" = 2 ]
	plock --bounded 2 --take S
	plock --bounded 2 --post S
	refused 'S: already at its ceiling of 2' plock --bounded 2 --post S
	[ "$(plock --value S)" = 2 ]
}

@test "--bounded N with -j K begins with K" {
	plock -j 0 --bounded 2 --post S
	[ "$(plock --value S)" = 1 ]
	plock --bounded 2 --post S
	refused 'S: already at its ceiling of 2' plock --bounded 2 --post S
	plock -j 2 --bounded 2 --take T
	[ "$(plock --value T)" = 1 ]
}

@test "the ceiling is stored: a post that does not name it meets it as well" {
	plock --bounded 1 --take S
	plock --post S
	refused 'S: already at its ceiling of 1' plock --post S
	[ "$(plock --value S)" = 1 ]
	plock -n --take S
	run -1 plock -n --take S
}

@test "--bounded: a permit that a COMMAND holds counts against the ceiling, for it comes back" {
	local hold
	for hold in '' -o; do
		# shellcheck disable=SC2086
		hold a $hold -j 1 --bounded 1 S
		refused 'S: already at its ceiling of 1' plock --post S
		refused 'S: already at its ceiling of 1' plock --bounded 1 --post S
		leave a
		[ "$(plock --value S)" = 1 ]
		refused 'S: already at its ceiling of 1' plock --post S
		# shellcheck disable=SC2086
		hold a $hold --bounded 1 -j 1 S
		release a
		[ "$(plock --value S)" = 1 ]
	done
	plock -n --take S
	plock --post S
	refused 'S: already at its ceiling of 1' plock --post S
	permits_are 1 S
}

@test "--bounded: what was taken for good makes room, what a COMMAND holds does not" {
	hold a -j 2 --bounded 2 S
	plock -n --take S
	plock --post S
	refused 'S: already at its ceiling of 2' plock --post S
	leave a
	[ "$(plock --value S)" = 2 ]
	refused 'S: already at its ceiling of 2' plock --post S
}

@test "another ceiling is an error that names both, and changes nothing" {
	plock --bounded 3 --take S
	refused 'S: its ceiling is 3, not 5' plock --bounded 5 --post S
	refused 'S: its ceiling is 3, not 5' plock --bounded 5 -n --take S
	[ "$(plock --value S)" = 2 ]
	plock --post T
	refused 'T: ' plock --bounded 3 --post T
	[ "$(plock --value T)" = 1 ]
}

@test "many posters at once: the ceiling holds, and each is told whether it posted" {
	local i posted=0 pids=()
	plock -j 0 --bounded 7 --post S
	for ((i = 0; i < 30; ++i)); do
		plock --bounded 7 --post S 2>/dev/null 3>&- &
		pids+=("$!")
	done
	for i in "${pids[@]}"; do
		if wait "$i"; then posted=$((posted + 1)); fi
	done
	[ "$posted" -eq 6 ]
	[ "$(plock --value S)" = 7 ]
}

@test "--bounded: 1 to 32767, not below -j, and not with --resize" {
	local n
	for n in 0 32768 40000 -1 x ''; do
		refused '' plock --bounded "$n" --post S
	done
	refused '' plock -j 3 --bounded 2 --post S
	refused '' plock -j 2 --bounded 2 --resize S
	[ -z "$(ls names)" ]
	[ "$(count_sets)" -eq 0 ]
	refused 'S: already at its ceiling of 32767' plock --bounded 32767 --post S
}

@test "two names: one is not posted by the other" {
	plock --post A
	run -1 plock -n --take B
	plock -n --take A
}

@test "--remove of a signal: gone; who waits for it with --force fails with 125" {
	run -1 plock -n --take S
	start a plock --take S
	await_blocked 1
	run -1 --separate-stderr plock --remove S
	[[ $stderr == 'plock: S: '* ]]
	run -0 plock --remove --force S
	ends a "exit 125"
	[ -z "$(ls names)" ]
	[ "$(count_sets)" -eq 0 ]
	refused 'S: no such semaphore' plock --value S
}

@test "a signal by its path" {
	plock --post ./x.psem
	run -0 plock --value ./x.psem
	[ "$output" = 1 ]
	plock -n --take "$PWD/x.psem"
	plock --remove ./x.psem
	[ ! -e x.psem ]
}
