#!/usr/bin/env bats
# shellcheck disable=SC2016  # $1 in single quotes is for COMMAND's own shell
# shellcheck disable=SC2030,SC2031  # each test is a process of its own
# shellcheck disable=SC2154  # run and the helpers set output, stderr, lines, death, took
load helpers
load locks
load semaphores

# ---- N at a time

@test "-j N: N are inside at once, and never one more" {
	local i pids=()
	hold a -j 3 S
	hold b -j 3 S
	hold c -j 3 S
	run -1 plock -n -j 3 S true
	leave a b c
	for ((i = 0; i < 20; ++i)); do
		plock -w 20 -j 3 S occupy places 3 10 3>&- &
		pids+=("$!")
	done
	for i in "${pids[@]}"; do wait "$i"; done
	no_crowd places
	[ "$(wc -l <places.in)" -eq 20 ]
	permits_are 3 S
}

@test "COMMAND is the process that plock was, with its arguments, status, descriptors and signals" {
	hold a -j 1 S
	[ "$(cat a.in)" -eq "$(cat a.pid)" ]
	leave a
	run -7 plock -j 1 S sh -c 'exit 7'
	run -0 plock -j 1 S -- zoo args 'a b' '' -n
	[ "$output" = '3:a b,0:,2:-n,' ]
	run -0 plock -j 1 S -c 'echo $((40 + 2))'
	[ "$output" = 42 ]
	[ "$(alone plock -j 1 S zoo fds)" = "$(alone zoo fds)" ]
	[ "$(plock -j 1 S zoo signals)" = "$(zoo signals)" ]
}

@test "-n: 1 and a line, or the status of -E, when all permits are taken" {
	hold a -j 2 S
	run -0 --separate-stderr plock -n -j 2 S echo in
	[ "$output" = in ]
	hold b -j 2 S
	run -1 --separate-stderr plock -n -j 2 S touch ran
	[ "$stderr" = "plock: S: busy, 2 of 2 permits taken" ]
	run -1 plock -w 0 -j 2 S touch ran
	run -77 plock -n -E 77 -j 2 S touch ran
	[ ! -e ran ]
	leave a b
}

@test "-w: gives up with 124, or the status of -E, when its time has passed and not before" {
	hold a -j 1 S
	milliseconds run -124 --separate-stderr plock -w 0.2 -j 1 S touch ran
	[ "$stderr" = "plock: S: timed out, 1 of 1 permits taken" ]
	[ "$took" -ge 200 ]
	[ "$took" -lt 5000 ]
	run -0 plock -E 0 -w 10ms -j 1 S touch ran
	[ ! -e ran ]
	[ "$(blocked)" -eq 0 ]
	leave a
	permits_are 1 S
}

@test "-w: comes in at once when a permit comes free in time" {
	hold a -j 1 S
	queue b -w 1h -j 1 S
	leave a
	await b.in
	leave b
}

@test "-v says that it waits before it does; without -v nothing is said" {
	hold a -j 1 S
	queue b -v -j 1 S
	queue c -j 1 S
	await_text b.err 'plock: S: waits, 1 of 1 permits taken'
	leave a
	retry_until 10 test -e b.in -o -e c.in
	[ ! -s c.err ]
	[ "$(wc -l <b.err)" -eq 1 ]
	kill -KILL "$(cat b.pid)"
	await c.in
	leave c
}

@test "a process that waits uses no processor time, and is woken by no clock" {
	hold a -j 1 S
	queue b -w 1h -j 1 S
	switches() { awk '/ctxt_switches/ { n += $2 } END { print n }' "/proc/$(cat b.pid)/status"; }
	# Once it may wake, to look who holds; then never again.
	sleeps_on() {
		local before
		before=$(switches)
		run -124 plock -w 0.2 -j 1 S true
		[ "$(switches)" -eq "$before" ]
	}
	retry_until 3 sleeps_on
	leave a
	await b.in
	leave b
}

@test "two names are two semaphores, and one process can hold both" {
	hold a -j 1 A
	run -0 plock -n -j 2 B true
	leave a
	start both plock -j 1 A plock -j 2 B zoo wait both.in
	await both.in
	[ "$(cat both.in)" -eq "$(cat both.pid)" ]
	run -1 plock -n -j 1 A true
	[ "$(plock --value B)" -eq 1 ]
	kill -KILL "$(cat both.pid)"
	ends both "signal 9"
	permits_are 1 A
	permits_are 2 B
}

@test "a NAME is one thing as a semaphore and another as a lock" {
	hold a S
	run -0 plock -n -j 1 S true
	release a
	hold a -j 1 S
	run -0 plock -n S true
	leave a
}

# ---- the number of permits

@test "N is stored: a call with another N is told both numbers, and changes nothing" {
	local n
	run -0 plock -j 3 S true
	for n in 1 2 4 32767; do
		refused "S: has 3 permits, not $n (see --resize)" plock -j "$n" S touch ran
		refused "S: has 3 permits, not $n (see --resize)" plock -n -j "$n" S touch ran
	done
	[ ! -e ran ]
	permits_are 3 S
}

@test "N: 1 to 32767; anything else is an error before anything starts" {
	local n
	for n in 0 32768 40000 99999999999999999999 -1 -0 +1 1.5 3x x '' ' 1' 0x10; do
		refused "" plock -j "$n" S touch ran
		[[ $stderr == *"${n# }"* ]]
		refused "" plock -n -w 1 "--permits=$n" S touch ran
	done
	[ ! -e ran ]
	[ -z "$(ls names)" ]
	[ "$(count_sets)" -eq 0 ]
	run -0 plock -j 32767 S true
	[ "$(plock --value S)" -eq 32767 ]
	run -0 plock -j 32767 S plock --value S
	[ "$output" = 32766 ]
}

@test "--value: the free permits" {
	run -0 plock -j 2 S true
	[ "$(plock --value S)" = 2 ]
	hold a -j 2 S
	[ "$(plock --value S)" = 1 ]
	hold b -j 2 S
	queue c -j 2 S
	[ "$(plock --value S)" = 0 ]
	leave a
	await c.in
	[ "$(plock --value S)" = 0 ]
	leave b c
	[ "$(plock --value S)" = 2 ]
}

@test "--value and --remove of a semaphore that is not there: 2, and none is made" {
	refused 'S: no such semaphore' plock --value S
	refused 'S: no such semaphore' plock --remove S
	refused 'S: no such semaphore' plock --remove --force S
	refused './S: no such semaphore' plock --value ./S
	[ -z "$(ls names)" ]
	[ ! -e S ]
	[ "$(count_sets)" -eq 0 ]
}

# ---- a new name

@test "30 processes that race for a new name make one semaphore, of exactly N permits" {
	local i round pids
	for round in 1 2 3; do
		pids=()
		for ((i = 0; i < 30; ++i)); do
			plock -w 20 -j 3 "S$round" occupy "places$round" 3 5 3>&- &
			pids+=("$!")
		done
		for i in "${pids[@]}"; do wait "$i"; done
		no_crowd "places$round"
		[ "$(wc -l <"places$round.in")" -eq 30 ]
		permits_are 3 "S$round"
		[ "$(count_sets)" -eq "$round" ]
	done
	is <(cd names && printf '%s\n' *) <<<$'S1.sem\nS2.sem\nS3.sem'
}

@test "two that race for a new name with different N: one says how many, the other is refused" {
	local i first second wins
	for i in 1 2 3 4 5 6 7 8; do
		first=0 second=0
		plock -j 2 "S$i" true 3>&- &
		plock -j 3 "S$i" true 2>"err$i" 3>&- || second=$?
		wait "$!" || first=$?
		wins=2
		[ "$first" -eq 0 ] || wins=3
		[ "$((first + second))" -eq 2 ]
		permits_are "$wins" "S$i"
	done
}

@test "a maker killed at any of its system calls: the next comes in, and there are N permits in one set" {
	local point
	requires_strace
	mapfile -t points < <(kill_points plock -n -j 2 S nolibc_true)
	[ "${#points[@]}" -gt 10 ]
	plock --remove S
	for point in "${points[@]}"; do
		killed_at "$point" plock -n -j 2 S nolibc_true || echo "not killed: $point"
		[ "$(count_sets)" -le 1 ]
		if ! timeout 10 plock -n -j 2 S true || ! permits_are 2 S || [ "$(count_sets)" -ne 1 ] || ! plock --remove S || [ "$(count_sets)" -ne 0 ]; then
			echo "after $point, which was: $(tail -n 2 trace)"
			return 1
		fi
	done
}

# ---- permits come back

@test "a permit comes back: COMMAND ends, is killed, cannot be found, cannot be run" {
	printf 'not a program' >data
	run -0 plock -j 1 S true
	permits_are 1 S
	run -3 plock -j 1 S sh -c 'exit 3'
	permits_are 1 S
	hold a -j 1 S
	kill -KILL "$(cat a.pid)"
	ends a "signal 9"
	permits_are 1 S
	run -127 --separate-stderr plock -j 1 S no-such-command
	[[ $stderr == 'plock: no-such-command: '* ]]
	permits_are 1 S
	run -126 --separate-stderr plock -j 1 S ./data
	[[ $stderr == 'plock: ./data: '* ]]
	permits_are 1 S
}

@test "a permit comes back as its holder dies: who waits is in at once" {
	local i
	run -0 plock -j 1 S true
	for i in 1 2 3; do
		hold a -j 1 S
		queue b -j 1 S
		kill -KILL "$(cat a.pid)"
		await b.in
		kill -KILL "$(cat b.pid)"
		ends b "signal 9"
	done
	permits_are 1 S
}

@test "a permit belongs to COMMAND, not to what it leaves behind" {
	plock -j 1 S zoo double-fork left >out
	pid_is "$(cat left)" S
	permits_are 1 S
	kill -KILL "$(cat left)"
}

@test "killed at any of its system calls, plock keeps no permit" {
	local point
	requires_strace
	run -0 plock -j 2 S true
	mapfile -t points < <(kill_points plock -n -j 2 S nolibc_true)
	[ "${#points[@]}" -gt 10 ]
	for point in "${points[@]}"; do
		killed_at "$point" plock -n -j 2 S nolibc_true || echo "not killed: $point"
		permits_are 2 S || { echo "after $point, which was: $(tail -n 2 trace)" && return 1; }
	done
}

@test "TERM, INT and HUP end a plock that waits, by that signal and at once, and no waiter is left" {
	local name number
	hold a -j 1 S
	while read -r name number; do
		start b plock -j 1 S touch ran
		await_blocked 1
		kill -s "$name" "$(cat b.pid)"
		ends b "signal $number"
		[ "$(blocked)" -eq 0 ]
		[ ! -s b.err ]
	done <<<$'TERM 15\nINT 2\nHUP 1'
	[ ! -e ran ]
	leave a
	permits_are 1 S
}

@test "a stop and a continue do not disturb one that waits" {
	hold a -j 1 S
	queue b -w 1h -j 1 S
	kill -STOP "$(cat b.pid)"
	retry_until 5 pid_is "$(cat b.pid)" T
	kill -CONT "$(cat b.pid)"
	retry_until 5 pid_is "$(cat b.pid)" S
	await_blocked 1
	leave a
	await b.in
	leave b
}

# ---- --hold command

@test "--hold command: the permit is plock's: it stays while plock does, whatever COMMAND starts" {
	mkfifo go
	start a plock -o -j 1 S sh -c 'echo $$ >a.in; zoo double-fork left; read -r _ <go'
	await a.in left
	[ "$(cat a.in)" -ne "$(cat a.pid)" ]
	run -1 plock -n -j 1 S true
	echo >go
	ends a "exit 0"
	pid_is "$(cat left)" S
	permits_are 1 S
	kill -KILL "$(cat left)"
}

@test "--hold command: plock killed, COMMAND is killed too and the permit is back" {
	hold a --hold command -j 1 S
	kill -KILL "$(cat a.pid)"
	ends a "signal 9"
	wait_pids_gone 5 "$(cat a.in)"
	permits_are 1 S
}

@test "--hold command: COMMAND's status, and the permit back when it cannot be run" {
	run -7 plock -o -j 1 S sh -c 'exit 7'
	run -137 plock -o -j 1 S sh -c 'kill -KILL $$'
	run -127 plock -o -j 1 S no-such-command
	permits_are 1 S
}

@test "-t: COMMAND is ended, 124, and the permit is back" {
	run -124 plock -t 0.1 -j 1 S sleep 1000
	permits_are 1 S
}

@test "--hold tree: no permit can belong to a tree; an error" {
	refused '--hold' plock --hold tree -j 1 S touch ran
	[ ! -e ran ]
	[ -z "$(ls names)" ]
}

@test "options that do not go together: an error before anything starts" {
	local wrong
	while read -r wrong; do
		# shellcheck disable=SC2086  # words
		refused "" plock $wrong
		[ ! -e ran ] || { echo "ran: $wrong" && return 1; }
		[ -z "$(ls names)" ] || { echo "made: $wrong" && return 1; }
	done <<-'END'
		-s -j 1 S touch ran
		-u -j 1 S touch ran
		-r -j 1 S touch ran
		-j 1 S
		-j 1
		--resize S touch ran
		--resize S
		-j 2 --resize --bounded 2 --take S
		--force S
		-j 1 --force S touch ran
		--value S touch ran
		--remove S touch ran
		--value --remove S
		--take --post S
		--value
		--remove
		-j 1 -E 256 S touch ran
		-j 1 -w abc S touch ran
		-j 1 .hidden touch ran
		-j 1 a:b touch ran
	END
	refused "" plock -j 1 'a b' touch ran
	refused "" plock -j 1 '' touch ran
	refused "" plock -j 1 "$(printf 'x%.0s' {1..65})" touch ran
	[ -z "$(ls names)" ]
}

# ---- one's own ancestor

@test "waiting for a permit that only an ancestor can give back: 125 at once, with -w too" {
	run -125 --separate-stderr timeout 10 plock -j 1 S sh -c 'plock -w 1h -j 1 S touch ran'
	[[ $stderr == 'plock: S: '*ancestor* ]]
	run -125 timeout 10 plock -o -j 1 S sh -c 'plock -j 1 S touch ran; exit $?'
	run -125 timeout 10 plock -j 2 T sh -c 'plock -j 2 T sh -c "plock -j 2 T touch ran; exit \$?"; exit $?'
	[ ! -e ran ]
	permits_are 1 S
	permits_are 2 T
}

@test "waiting for a permit that this very process holds, as an earlier plock of it: 125 at once" {
	run -125 --separate-stderr timeout 10 plock -j 1 S plock -j 1 S touch ran
	[[ $stderr == 'plock: S: '*ancestor* ]]
	run -125 timeout 10 plock -j 1 S plock -w 1h -j 1 S touch ran
	run -1 timeout 10 plock -j 1 S plock -n -j 1 S touch ran
	[ ! -e ran ]
	permits_are 1 S
}

@test "a permit that somebody else holds can come free: an ancestor's does not matter then" {
	hold a -j 2 S
	start b plock -j 2 S sh -c 'plock -j 2 S zoo wait b.in; exit $?'
	await_blocked 1
	leave a
	await b.in
	kill -TERM "$(cat b.in)"
	ends b "exit 143"
	permits_are 2 S
}

@test "an ancestor's permit of another semaphore, or a free one of the same, is no reason to refuse" {
	run -0 timeout 10 plock -j 1 A plock -j 1 B sh -c 'plock -j 1 C echo in'
	[ "$output" = in ]
	run -0 timeout 10 plock -j 2 S sh -c 'plock -j 2 S echo in'
	[ "$output" = in ]
}

# ---- --resize

@test "--resize: growing takes effect at once, and lets in who waits" {
	hold a -j 1 S
	queue b -j 1 S
	queue c -j 1 S
	run -0 --separate-stderr plock -j 3 --resize S
	[ -z "$output$stderr" ]
	await b.in c.in
	run -1 plock -n -j 3 S true
	refused 'S: has 3 permits, not 1' plock -j 1 S true
	leave a b c
	permits_are 3 S
}

@test "--resize: with a COMMAND it runs that under the new number" {
	run -0 plock -j 1 S true
	run -0 plock -j 2 --resize S plock --value S
	[ "$output" = 1 ]
	permits_are 2 S
	run -0 plock -j 3 --resize New plock --value New
	[ "$output" = 2 ]
	run -0 plock -j 2 --resize S
	permits_are 2 S
}

@test "--resize: shrinking takes free permits at once" {
	run -0 plock -j 5 S true
	run -0 plock -j 2 --resize S
	[ "$(plock --value S)" = 2 ]
	permits_are 2 S
	run -0 plock -j 32767 --resize S
	[ "$(plock --value S)" = 32767 ]
	run -0 plock -j 1 --resize S
	permits_are 1 S
}

@test "--resize: shrinking below the number of holders: nobody new until enough have left" {
	local name
	hold a -j 3 S
	hold b -j 3 S
	hold c -j 3 S
	run -0 timeout 10 plock -j 1 --resize S
	[ ! -e a.death ]
	for name in a b; do
		run -1 plock -n -j 1 S true
		leave "$name"
		run -124 plock -w 10ms -j 1 S true
	done
	leave c
	[ "$(plock --value S)" = 1 ]
	permits_are 1 S
}

@test "--resize: a waiter of before the shrinking stays out until enough have left" {
	local name
	hold a -j 3 S
	hold b -j 3 S
	hold c -j 3 S
	queue w -j 3 S
	run -0 plock -j 1 --resize S
	for name in a b; do
		leave "$name"
		# The kernel gave it the permit as the holder died: it has to come in, or to give it back and to wait again.
		retry_until 10 eval '[ -e w.in ] || blocked_are 1'
		[ ! -e w.in ]
	done
	leave c
	await w.in
	run -1 plock -n -j 1 S true
	leave w
	permits_are 1 S
}

@test "--resize: several waiters of before the shrinking: one at a time once the debt is paid" {
	local i
	hold a -j 3 S
	hold b -j 3 S
	hold c -j 3 S
	for i in 1 2 3 4 5; do
		start "w$i" plock -j 3 S occupy places 1 20
	done
	await_blocked 5
	run -0 plock -j 1 --resize S
	leave a b
	[ ! -e places.in ]
	leave c
	for i in 1 2 3 4 5; do ends "w$i" "exit 0"; done
	no_crowd places
	[ "$(wc -l <places.in)" -eq 5 ]
	permits_are 1 S
}

@test "--resize: a waiter dies with the debt unpaid: the debt is not lost, nor paid twice" {
	hold a -j 2 S
	hold b -j 2 S
	queue w -j 2 S
	run -0 plock -j 1 --resize S
	kill -KILL "$(cat w.pid)"
	ended w
	leave a
	run -1 plock -n -j 1 S true
	leave b
	permits_are 1 S
}

@test "--resize: growing again cancels the debt" {
	hold a -j 3 S
	hold b -j 3 S
	hold c -j 3 S
	run -0 plock -j 1 --resize S
	run -0 plock -j 3 --resize S
	run -1 plock -n -j 3 S true
	leave a
	run -0 plock -n -j 3 S true
	leave b c
	permits_are 3 S
	hold a -j 3 S
	hold b -j 3 S
	hold c -j 3 S
	run -0 plock -j 1 --resize S
	leave a
	run -0 plock -j 2 --resize S
	run -1 plock -n -j 2 S true
	leave b
	run -0 plock -n -j 2 S true
	leave c
	permits_are 2 S
}

@test "--resize: killed at any of its system calls, it has the old number or the new, and as many permits" {
	local point from to now
	requires_strace
	run -0 plock -j 1 S true
	for to in 4 2; do
		from=$((6 - to))
		plock -j "$from" --resize S
		mapfile -t points < <(kill_points plock -j "$to" --resize S)
		[ "${#points[@]}" -gt 10 ]
		for point in "${points[@]}"; do
			plock -j "$from" --resize S
			killed_at "$point" plock -j "$to" --resize S || echo "not killed: $point"
			now=$from
			plock -n -j "$from" S true 2>/dev/null || now=$to
			permits_are "$now" S || { echo "from $from to $to, after $point, which was: $(tail -n 2 trace)" && return 1; }
		done
	done
}

@test "--resize: who collects the debt is killed at any of its system calls: it is collected once" {
	local point
	requires_strace
	hold a -j 2 S
	owe() {
		plock -j 2 --resize S
		hold b -j 2 S
		plock -j 1 --resize S
		leave b
	}
	owe
	mapfile -t points < <(kill_points plock -n -j 1 S nolibc_true)
	[ "${#points[@]}" -gt 10 ]
	for point in "${points[@]}"; do
		owe
		killed_at "$point" plock -n -j 1 S nolibc_true || echo "not killed: $point"
		run -1 plock -n -j 1 S true
	done
	leave a
	permits_are 1 S
}

# ---- --remove

@test "--remove: the object and the kernel's set are gone; the name can be used anew with another N" {
	run -0 plock -j 2 S true
	[ "$(count_sets)" -eq 1 ]
	run -0 --separate-stderr plock --remove S
	[ -z "$output$stderr" ]
	[ "$(count_sets)" -eq 0 ]
	[ -z "$(ls names)" ]
	run -0 plock -j 5 S true
	permits_are 5 S
}

@test "--remove: refused with 1 while it is held or waited for" {
	hold a -j 1 S
	queue b -j 1 S
	run -1 --separate-stderr plock --remove S
	[[ $stderr == 'plock: S: '* ]]
	[ "${#stderr_lines[@]}" -eq 1 ]
	leave a
	await b.in
	run -1 plock --remove S
	leave b
	run -0 plock --remove S
	[ "$(count_sets)" -eq 0 ]
}

@test "--remove --force: who waits fails with 125 and says why, who holds goes on" {
	hold a -j 1 S
	queue b -j 1 S
	queue c -w 1h -j 1 S
	run -0 --separate-stderr plock --remove --force S
	[ -z "$output$stderr" ]
	[ "$(count_sets)" -eq 0 ]
	ends b "exit 125"
	ends c "exit 125"
	[[ $(cat b.err) == 'plock: S: '* ]]
	[ "$(wc -l <b.err)" -eq 1 ]
	[ ! -e b.in ]
	[ ! -e a.death ]
	leave a
	permits_are 1 S
}

@test "--remove while others make and take it: nobody is let in beside another set, and nobody hangs" {
	local i pids=() status
	for ((i = 0; i < 40; ++i)); do
		if ((i % 4 == 3)); then
			plock --remove S 2>/dev/null 3>&- &
		else
			timeout 20 plock -j 2 S occupy places 2 3 2>/dev/null 3>&- &
		fi
		pids+=("$!")
	done
	for i in "${!pids[@]}"; do
		status=0
		wait "${pids[i]}" || status=$?
		if ((i % 4 == 3)); then
			[[ $status -le 2 ]] || { echo "--remove: $status" && return 1; }
		else
			# A removal that found it free may still pull it from under one that was about to wait.
			[[ $status -eq 0 || $status -eq 125 ]] || { echo "-j: $status" && return 1; }
		fi
	done
	no_crowd places
	permits_are 2 S
	[ "$(count_sets)" -eq 1 ]
}

@test "--remove, stopped for a moment before any of its semctl: who comes at that moment is let in, and alone" {
	local i calls remover newcomer
	requires_strace
	run -0 plock -j 1 S true
	run -0 strace -qq -o trace plock --remove S
	mapfile -t calls < <(grep -n '^semctl(' trace | cut -d : -f 1)
	[ "${#calls[@]}" -gt 1 ]
	for i in "${!calls[@]}"; do
		rm -f trace a.in
		plock -j 1 S true
		strace -qq -o trace -e "inject=semctl:delay_enter=100000:when=$((i + 1))" plock --remove S 2>/dev/null 3>&- &
		remover=$!
		retry_until 10 has_lines trace $((calls[i] - 1))
		plock -w 10 -j 1 S occupy places 1 180 2>/dev/null 3>&- &
		newcomer=$!
		wait "$remover" || true
		plock -w 10 -j 1 S occupy places 1 0 2>/dev/null
		wait "$newcomer"
		plock -w 10 -j 1 S true
	done
	no_crowd places
	permits_are 1 S
	[ "$(count_sets)" -eq 1 ]
}

has_lines() { [ -e "$1" ] && [ "$(wc -l <"$1")" -ge "$2" ]; }

@test "--remove against one that comes, again and again: that one is let in, to the old one or a new one" {
	local i j pids removers
	for ((i = 0; i < 20; ++i)); do
		pids=() removers=()
		for ((j = 0; j < 10; ++j)); do
			plock -j 1 "S$j" true 2>>err 3>&- &
			pids+=("$!")
			plock --remove "S$j" 2>>removals 3>&- &
			removers+=("$!")
		done
		for j in "${pids[@]}"; do wait "$j" || { echo "-j: $?" && cat err && return 1; }; done
		for j in "${removers[@]}"; do wait "$j" || [ $? -le 2 ]; done
	done
	run ! grep -v -e 'no such semaphore$' -e 'in use' removals
	for ((j = 0; j < 10; ++j)); do plock -j 1 "S$j" true && plock --remove "S$j"; done
	[ "$(count_sets)" -eq 0 ]
}

@test "--remove between a newcomer's opening of the semaphore and its entry: it makes a new one" {
	requires_strace
	run -0 plock -j 1 S true
	start newcomer strace -D -qq -o trace -e inject=fallocate:delay_enter=300000 plock -j 1 S echo in
	retry_until 10 has_open names/S.sem "$pid"
	retry_until 10 plock --remove S
	ends newcomer "exit 0"
	is newcomer.out <<<in
	permits_are 1 S
	[ "$(count_sets)" -eq 1 ]
}

has_open() { find "/proc/$2/fd" -lname "$PWD/$1" 2>/dev/null | grep -q .; }

@test "a holder whose first thread has ended holds all the same: listed, not removed, and no set is made anew beside it" {
	start a plock -j 1 S zoo leaderless a.in
	await a.in
	[ "$(plock -l S | awk 'NR == 2 { print $1, $2, $4 }')" = "$pid sem held" ]
	run -1 plock --remove S
	run -1 plock -n -j 1 S true
	ipcrm -s "$(new_sets)"
	run -125 timeout 10 plock -n -j 1 S touch ran
	[ ! -e ran ]
	release a
	permits_are 1 S
}

# ---- the kernel's set goes away

@test "the set is gone and nobody holds: made anew with the same N" {
	run -0 plock -j 2 S true
	ipcrm -s "$(new_sets)"
	refused 'S: has 2 permits, not 3' plock -j 3 S true
	permits_are 2 S
	ipcrm -s "$(new_sets)"
	[ "$(plock --value S)" = 2 ]
	ipcrm -s "$(new_sets)"
	run -0 plock --remove S
	[ -z "$(ls names)" ]
}

@test "the set is gone while a holder lives: 125 and the reason, until it has left" {
	hold a -j 2 S
	ipcrm -s "$(new_sets)"
	run -125 --separate-stderr timeout 10 plock -j 2 S touch ran
	[[ $stderr == 'plock: S: '* ]]
	[ "${#stderr_lines[@]}" -eq 1 ]
	run -125 timeout 10 plock -n -j 2 S touch ran
	run -125 timeout 10 plock -w 1 -j 2 S touch ran
	[ ! -e ran ]
	[ ! -e a.death ]
	leave a
	permits_are 2 S
}

@test "the set is gone while a --hold command holder lives: 125 too" {
	hold a -o -j 1 S
	ipcrm -s "$(new_sets)"
	run -125 timeout 10 plock -n -j 1 S true
	leave a
	permits_are 1 S
}

@test "the set is gone: who waited fails with 125" {
	hold a -j 1 S
	queue b -j 1 S
	ipcrm -s "$(new_sets)"
	ends b "exit 125"
	[[ $(cat b.err) == 'plock: S: '* ]]
	leave a
	permits_are 1 S
}

@test "the set is gone and the holders were killed: their entries do not count" {
	local i
	for i in 1 2 3; do
		hold a -j 2 S
		hold b -j 2 S
		kill -KILL "$(cat a.pid)" "$(cat b.pid)"
		ends a "signal 9"
		ends b "signal 9"
		ipcrm -s "$(new_sets)"
		permits_are 2 S
	done
}

@test "the set is gone and a holder's pid is another process now: it does not count" {
	requires_pid_namespace
	cat >inside <<-'END'
		set -eu
		plock -j 1 S zoo wait in &
		holder=$!
		until [ -e in ]; do sleep 0.01; done
		begun=$(cut -d ' ' -f 22 "/proc/$holder/stat")
		kill -KILL "$holder"
		wait "$holder" 2>/dev/null || true
		# Until the clock that start times are counted by has moved on.
		for ((i = 0; i < 500; ++i)); do
			echo $((holder - 1)) >/proc/sys/kernel/ns_last_pid
			sleep 1000 &
			[ "$!" -eq "$holder" ] || exit 50
			[ "$(cut -d ' ' -f 22 "/proc/$holder/stat")" = "$begun" ] || break
			kill -KILL "$holder"
			wait "$holder" 2>/dev/null || true
		done
		ipcrm -s "$1"
		plock -n -j 1 S true
		echo "$?"
		kill -KILL "$holder"
	END
	run -0 plock -j 1 S true
	run -0 --separate-stderr timeout 20 unshare --pid --fork --mount-proc bash inside "$(new_sets)"
	[ "$output" = 0 ]
	permits_are 1 S
}

@test "an entry of an earlier boot does not count, though its pid and start time are those of a process of now" {
	hold a -j 1 S
	[ "$(od -An -td4 -j 64 -N 4 names/S.sem | tr -d ' ')" -eq "$(cat a.pid)" ]
	# The fourth word of its place tells the boot.
	printf 'a boot!\n' | dd of=names/S.sem bs=1 seek=88 conv=notrunc status=none
	run -0 plock -l S
	[ -z "$output" ]
	ipcrm -s "$(new_sets)"
	run -0 timeout 10 plock -n -j 1 S echo in
	[ "$output" = in ]
	permits_are 1 S
	release a
}

@test "the set vanishes after a permit was taken and before its holder is on the list: that permit does not count" {
	local taker
	requires_strace
	run -0 plock -j 1 S true
	start a strace -qq -o trace -e inject=semtimedop:signal=SIGSTOP:when=1 plock -j 1 S zoo wait a.in
	retry_until 10 eval '[ "$(plock --value S)" -eq 0 ]'
	taker=$(pgrep -P "$(cat a.pid)")
	ipcrm -s "$(new_sets)"
	hold b -j 1 S
	kill -CONT "$taker"
	await_blocked 1
	[ ! -e a.in ]
	leave b
	await a.in
	[ "$(cat a.in)" -eq "$taker" ]
	run -1 plock -n -j 1 S true
	kill -TERM "$taker"
	ended a
	permits_are 1 S
}

@test "a stranger's set under our key is neither used nor changed" {
	local key size before
	requires perl
	for size in 1 same; do
		run -0 plock -j 2 S true
		key=$(ipcs -s | awk -v id="$(new_sets)" '$2 == id { print $1 }')
		[ "$size" = 1 ] || size=$(ipcs -s | awk -v id="$(new_sets)" '$2 == id { print $5 }')
		[ "$key" != 0x00000000 ] || skip "no key to take"
		ipcrm -s "$(new_sets)"
		perl -e '$id = semget(unpack("l", pack("L", hex(shift))), shift, 01600) // die; semop($id, pack("s!3", 0, 7, 0)) || die' "$key" "$size"
		before=$(ipcs -s -i "$(new_sets)")
		run -0 timeout 10 plock -n -j 2 S true
		[ "$(ipcs -s -i "$(ipcs -s | awk -v key="$key" '$1 == key { print $2 }')")" = "$before" ]
		ipcrm -S "$key"
		permits_are 2 S
		run -0 plock --remove S
		[ "$(count_sets)" -eq 0 ]
	done
}

# ---- the object's file

@test "a file that is no semaphore is refused and left as it was" {
	local verb file
	seq 1000 >data
	cp data names/S.sem
	cp -p data precious
	for file in S ./precious; do
		for verb in '-j 2 FILE true' '-n -j 2 FILE true' '-j 2 --resize FILE' '-j 2 --resize FILE true' '--take FILE' '--post FILE' \
			'-j 1 --take FILE' '--bounded 2 --post FILE' '--value FILE' '--remove FILE' '--remove --force FILE'; do
			# shellcheck disable=SC2086  # words
			refused "$file: not a semaphore" timeout 10 plock ${verb/FILE/"$file"}
			cmp data precious
			cmp data names/S.sem
		done
	done
	[ "$(count_sets)" -eq 0 ]
	rm names/S.sem
}

@test "an empty object file, as a crash may leave it: made into a semaphore, or refused and left empty" {
	local status=0
	: >names/S.sem
	timeout 10 plock -n -j 2 S true 2>err || status=$?
	if [ "$status" -eq 0 ]; then
		permits_are 2 S
	else
		[ "$status" -eq 2 ]
		is err <<<'plock: S: not a semaphore'
		[ ! -s names/S.sem ]
		rm names/S.sem
	fi
}

@test "a truncated object file: an error and no crash, and nobody is let in beside a holder" {
	local size whole set status
	hold a -j 1 S
	set=$(new_sets)
	whole=$(stat -c %s names/S.sem)
	cp names/S.sem copy
	for size in 1 4 8 16 24 32 $((whole / 2)) $((whole - 1)); do
		[ "$size" -lt "$whole" ] || continue
		cat copy >names/S.sem
		truncate -s "$size" names/S.sem
		status=0
		timeout 10 plock -n -j 1 S touch ran 2>err || status=$?
		# Only its list of holders was cut: then it may still know that it is busy.
		[[ $status -eq 2 || $status -eq 125 || $status -eq 1 ]] || { echo "$size bytes of $whole: $status" && return 1; }
		[[ $(cat err) == 'plock: S: '* ]]
		status=0
		timeout 10 plock -l S >/dev/null 2>&1 || status=$?
		[[ $status -le 2 ]] || { echo "-l: $size bytes of $whole: $status" && return 1; }
	done
	[ ! -e ran ]
	cat copy >names/S.sem
	[ "$(new_sets)" = "$set" ]
	leave a
	permits_are 1 S
}

@test "an object file full of noise behind its magic: an error or an answer, never a crash or a hang" {
	local at status
	run -0 plock -j 2 S true
	cp names/S.sem copy
	for at in 8 12 16 20 24 28 32 40 48 56 64 96 128 256; do
		cat copy >names/S.sem
		printf '\377\377\377\377\377\377\377\377' | dd of=names/S.sem bs=1 seek="$at" conv=notrunc status=none
		for what in '-n -j 2 S true' '--value S' '-l S' '-j 2 -n --take S' '--post S'; do
			status=0
			# shellcheck disable=SC2086  # words
			timeout 10 plock $what >/dev/null 2>&1 || status=$?
			[[ $status -le 2 || $status -eq 125 ]] || { echo "at $at: plock $what: $status" && return 1; }
		done
	done
	# What a changed key made, a user could not find again either.
	for at in $(new_sets); do ipcrm -s "$at"; done
	rm names/S.sem
}

@test "neither a link nor a directory nor a FIFO is taken for an object file" {
	run -0 plock -j 2 Real true
	ln -s Real.sem names/S.sem
	refused 'S: ' timeout 10 plock -j 2 S touch ran
	rm names/S.sem
	mkdir names/S.sem
	refused 'S: ' timeout 10 plock -j 2 S touch ran
	rmdir names/S.sem
	mkfifo names/S.sem
	refused 'S: ' timeout 10 plock -j 2 S touch ran
	rm names/S.sem
	[ ! -e ran ]
}

@test "the object file is 0600, whatever the umask, and so is the kernel's set" {
	(umask 0 && plock -j 2 S true)
	[ "$(stat -c %a names/S.sem)" = 600 ]
	[ "$(ipcs -s | awk -v id="$(new_sets)" '$2 == id { print $4 }')" = 600 ]
	(umask 077 && plock -j 2 T true)
	[ "$(stat -c %a names/T.sem)" = 600 ]
}

@test "a name with a slash is a path: its object is that file" {
	mkdir dir
	run -0 plock -j 2 dir/x.psem true
	[ -f dir/x.psem ]
	[ -z "$(ls names)" ]
	(cd dir && permits_are 2 ./x.psem)
	hold a -j 2 "$PWD/dir/x.psem"
	run -0 plock --value dir/x.psem
	[ "$output" = 1 ]
	run -1 plock --remove ./dir/x.psem
	refused 'dir/x.psem: has 2 permits, not 1' plock -j 1 dir/x.psem true
	leave a
	run -0 plock --remove dir/x.psem
	[ ! -e dir/x.psem ]
	[ "$(count_sets)" -eq 0 ]
	refused "none/x.psem: " timeout 10 plock -j 2 none/x.psem touch ran
	[ ! -e ran ]
}

@test "another user's semaphore: an error that says so, 2" {
	requires_nobody
	chmod 755 .
	run -0 plock -j 2 ./x.psem true
	refused './x.psem: Permission denied' as_nobody plock -j 2 ./x.psem touch ran
	chmod 666 x.psem
	refused './x.psem: ' as_nobody timeout 10 plock -j 2 ./x.psem touch ran
	refused './x.psem: ' as_nobody timeout 10 plock --value ./x.psem
	refused './x.psem: ' as_nobody timeout 10 plock --remove --force ./x.psem
	[ ! -e ran ]
	chmod 600 x.psem
	permits_are 2 ./x.psem
}

@test "an unprivileged user's semaphores: made, held, listed and removed" {
	requires_nobody
	chown 65534:65534 names
	run -0 as_nobody plock -j 2 S plock --value S
	[ "$output" = 1 ]
	run -0 as_nobody plock -l S
	run -0 as_nobody plock --remove S
	[ "$(count_sets)" -eq 0 ]
}

# ---- the kernel refuses

@test "no semaphore set left in the kernel: 2, told, and the name can still be made later" {
	requires_strace
	run -2 --separate-stderr timeout 10 strace -qq -o trace -e inject=semget:error=ENOSPC plock -j 2 S touch ran
	grep -q '(INJECTED)' trace
	[[ $stderr == 'plock: S: '* ]]
	[ "${#stderr_lines[@]}" -eq 1 ]
	[ ! -e ran ]
	[ "$(count_sets)" -eq 0 ]
	permits_are 2 S
}

@test "EINTR on every other call is waited out" {
	requires_strace
	strace -qq -o trace -e 'inject=semop,semtimedop,flock,openat,pread64,pwrite64:error=EINTR:when=1+2' \
		plock -w 10 -j 2 S nolibc_true
	grep -q '(INJECTED)' trace
	permits_are 2 S
}

@test "the kernel has no memory for the undo: told, nothing runs, and no permit is lost" {
	local error
	requires_strace
	run -0 plock -j 2 S true
	for error in ENOSPC ENOMEM ERANGE; do
		run --separate-stderr timeout 10 strace -qq -o trace -e "inject=semop,semtimedop:error=$error" plock -j 2 S touch ran
		grep -q '(INJECTED)' trace
		[[ $status -eq 2 || $status -eq 125 ]]
		[[ $stderr == 'plock: S: '* ]]
		[ ! -e ran ]
		permits_are 2 S
	done
}

@test "no files without a name on this file system: a semaphore is made all the same, and nothing is left beside it" {
	local i pids=()
	requires_shim plock
	for ((i = 0; i < 10; ++i)); do
		faulty plock spill-open:EOPNOTSUPP:0:0 -w 20 -j 3 S occupy places 3 5 3>&- &
		pids+=("$!")
	done
	for i in "${pids[@]}"; do wait "$i"; done
	[ -s faults ]
	no_crowd places
	permits_are 3 S
	[ "$(ls names)" = S.sem ]
	[ "$(count_sets)" -eq 1 ]
}

@test "no System V semaphores in this kernel: 2, told" {
	requires_strace
	run -2 --separate-stderr strace -qq -o trace -e inject=semget:error=ENOSYS plock -j 2 S touch ran
	[[ $stderr == 'plock: S: '*'not implemented'* ]]
	[ ! -e ran ]
	run -0 plock -j 2 S true
}

@test "a full file system: told, 2, and nothing is left in the kernel" {
	requires_root
	requires unshare
	unshare -m true 2>/dev/null || skip "no mount namespaces here"
	run -2 --separate-stderr timeout 20 unshare -m sh -c 'mount -t tmpfs -o size=4k,mode=700 none names && head -c 4096 /dev/zero >names/full; exec "$@"' sh \
		plock -j 2 S touch ran
	[[ $stderr == 'plock: S: '*'No space left on device'* ]]
	[ ! -e ran ]
	[ "$(count_sets)" -eq 0 ]
}

# ---- -l

@test "-l: holders and waiters of a semaphore" {
	hold a -j 2 S
	hold b -o -j 2 S
	queue c -j 2 S
	run -0 --separate-stderr plock -l S
	[ -z "$stderr" ]
	[ "${#lines[@]}" -eq 4 ]
	[ "$(xargs <<<"${lines[0]}")" = "PID MODE SINCE STATE LOCK COMMAND" ]
	is <(awk 'NR > 1 { print $1, $2, $4, $5 }' <<<"$output" | sort) < <(sort <<-END
		$(cat a.pid) sem held S
		$(cat b.pid) sem held S
		$(cat c.pid) sem waits S
	END
	)
	[ "$(awk 'NR > 1 && $3 !~ /^(20[0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]Z|-)$/' <<<"$output")" = "" ]
	awk -v pid="$(cat a.pid)" '$1 == pid' <<<"$output" | grep -q 'zoo'
	leave a b
	await c.in
	leave c
	run -0 plock -l S
	[ -z "$output" ]
}

@test "-l: all the names of the directory; a killed holder is not among them" {
	hold a -j 1 A
	hold b -j 2 B
	hold c Lock
	run -0 plock -l
	is <(awk 'NR > 1 { print $2, $4, $5 }' <<<"$output" | sort) <<<$'X held Lock\nsem held A\nsem held B'
	kill -KILL "$(cat a.pid)"
	ends a "signal 9"
	run -0 plock -l
	is <(awk 'NR > 1 { print $2, $4, $5 }' <<<"$output" | sort) <<<$'X held Lock\nsem held B'
	leave b
	release c
}

@test "-l --json: a list of objects" {
	requires jq
	run -0 plock -j 2 S true
	[ "$(plock -l --json S)" = "[]" ]
	hold a -j 1 T
	queue b -j 1 T
	plock -l --json T >json
	[ "$(jq -r 'sort_by(.state)[] | [.pid, .mode, .state, .lock] | @tsv' json)" = "$(cat a.pid)"$'\tsem\theld\tT\n'"$(cat b.pid)"$'\tsem\twaits\tT' ]
	[ "$(jq -r '[.[] | has("since") and has("command")] | all' json)" = true ]
	leave a
	await b.in
	leave b
}

@test "-l: a semaphore by its path" {
	hold a -j 2 ./x.psem
	run -0 plock -l ./x.psem
	[ "$(awk 'NR > 1 { print $1, $2, $4 }' <<<"$output")" = "$(cat a.pid) sem held" ]
	leave a
}

@test "200 holders: all of them are listed, and counted when the kernel's set is gone" {
	local i from pids=()
	for ((i = 0; i < 200; ++i)); do
		plock -j 300 S zoo wait "in.$i" 3>&- &
		pids+=("$!")
	done
	retry_until 20 eval '[ "$(plock --value S)" -eq 100 ]'
	run -0 plock -l S
	is <(awk 'NR > 1 { print $1 }' <<<"$output" | sort) < <(printf '%s\n' "${pids[@]}" | sort)
	ipcrm -s "$(new_sets)"
	for from in 199 100 0; do
		run -125 plock -n -j 300 S true
		kill -KILL "${pids[@]:from}" 2>/dev/null || true
		wait "${pids[@]:from}" 2>/dev/null || true
	done
	run -0 plock -j 300 S plock --value S
	[ "$output" = 299 ]
}

@test "-l takes nothing and changes nothing" {
	local i
	hold a -j 1 S
	queue b -j 1 S
	for i in 1 2 3; do plock -l S >/dev/null; done
	await_blocked 1
	leave a
	await b.in
	leave b
	permits_are 1 S
}
