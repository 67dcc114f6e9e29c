#!/usr/bin/env bats
# shellcheck disable=SC2016  # $1 in single quotes is for COMMAND's own shell
# shellcheck disable=SC2030,SC2031  # each test is a process of its own
# shellcheck disable=SC2154  # run and the helpers set output, stderr, lines, death, pid
# EVERY=1 does what says "any byte" at all of them; otherwise one in four, from a random one on.
load helpers
load queues

five=(first-message second-message third-message fourth-message fifth-message)

# five_put: a new q with the five. Where their bytes are is then in file and at, the same every time; the records end at
# multiples of 8.
five_put() {
	local i
	rm -rf state/*
	pqueue create --no-sync q && pqueue put q "${five[@]}" || return
	[ -z "${at[*]:-}" ] || return 0
	file=$(grep -lUaF "${five[0]}" state/q.queue/seg-*) || return
	for ((i = 0; i < 5; ++i)); do at[i]=$(grep -obUaF "${five[i]}" "$file" | cut -d : -f 1) || return; done
}

# copied: q is a copy of itself.
copied() {
	mv state/q.queue original && cp -a original state/q.queue && rm -rf original
}

# The messages that are there, told from the damage in err; what verify says of that before, or (read_all first) after
# that, is in found.
read_all() {
	[ "${1:-}" = first ] || look_into || return
	timeout -s KILL 5 pqueue get --all q >got 2>err || [ "$?" -eq 1 ] || { echo "get: $?, $(cat err)" && return 1; }
	[ "${1:-}" != first ] || look_into
}

look_into() {
	found=0
	timeout -s KILL 5 pqueue verify q >verified 2>&1 || found=$?
	[ "$found" -le 1 ] || { echo "verify: $found, $(cat verified)" && return 1; }
	[ "$found" -eq 0 ] || [ -s verified ] || { echo "verify gives no reason" && return 1; }
}

# works_on: the next put works; nothing is told twice.
works_on() {
	run -0 --separate-stderr timeout -s KILL 5 pqueue put q after || { echo "put: $status, $stderr" && return 1; }
	run -0 --separate-stderr timeout -s KILL 5 pqueue get --all q || { echo "get: $status, $stderr" && return 1; }
	[ "$output" = after ] || { echo "after that there is: $output" && return 1; }
	[ -z "$stderr" ] || { echo "told again: $stderr" && return 1; }
	run -0 timeout -s KILL 5 pqueue join -n q
}

# one_lost [first]: all five are there, or all but one, and then that was told by verify, and once by those that read;
# what verify has had to mend is told by it alone.
one_lost() {
	local left
	read_all "$@" || return
	left=$(wc -l <got)
	[ "$left" -ge 4 ] || { echo "lost more than one: $(cat got)" && return 1; }
	[ "$(grep -cxF -f got < <(printf '%s\n' "${five[@]}"))" -eq "$left" ] || { echo "unexpected: $(cat got)" && return 1; }
	if [ "$left" -eq 4 ]; then
		detected=$((detected + 1))
		[ "${1:-}" = first ] || [ "$found" -eq 1 ] || { echo "verify did not see it" && return 1; }
		[ "$(wc -l <err)" -eq 1 ] || { [ "$found" -eq 1 ] && [ ! -s err ]; } || { echo "told: $(cat err)" && return 1; }
	fi
	works_on
}

record_end() { echo $(((at[$1] + ${#five[$1]} + 7) / 8 * 8)); }

# flipped_everywhere [COMMAND]: a bit of each byte of the last two records.
flipped_everywhere() {
	local offset every=${EVERY:-4} order
	detected=0
	five_put
	for ((offset = $(record_end 2) + RANDOM % every; offset < at[4] + ${#five[4]}; offset += every)); do
		five_put
		flip "$file" "$offset" $((offset % 8))
		"$@"
		order=
		[ $((offset / every % 2)) -eq 0 ] || order=first
		one_lost $order || { echo "flipped: bit $((offset % 8)) of byte $((offset - at[4])) from the last payload" && return 1; }
	done
	# Each payload byte at least is checked.
	[ "$detected" -ge $(((${#five[3]} + ${#five[4]}) / every)) ]
}

@test "a bit flipped in any byte of the last records: every other message is read, and it is told" {
	flipped_everywhere :
}

@test "a bit flipped in any byte of the last records of a copy" {
	flipped_everywhere copied
}

# cut_everywhere [COMMAND]: the file ends within the last two records; or, with zeros, what follows is empty.
cut_everywhere() {
	local offset i left whole every=${EVERY:-4}
	five_put
	for ((offset = $(record_end 2) + RANDOM % every; offset <= $(record_end 4); offset += every)); do
		five_put
		truncate -s "$offset" "$file"
		"$@"
		whole=3
		for i in 3 4; do [ "$offset" -lt "$(record_end "$i")" ] || whole=$((i + 1)); done
		{ read_all && is got < <(printf '%s\n' "${five[@]}" | head -n "$(wc -l <got)") && works_on; } ||
			{ echo "cut at $((offset - at[4])) from the last payload" && return 1; }
		left=$(wc -l <got)
		[ "$left" -ge "$whole" ] || { echo "cut at $((offset - at[4])): only $(cat got)" && return 1; }
	done
}

@test "the tail cut at any byte of the last records: what lies before is read, in its order, and the next put works" {
	cut_everywhere :
}

@test "the tail of a copy cut at any byte of the last records" {
	cut_everywhere copied
}

@test "the tail cut: verify says so and exits 1, and get says so, once" {
	five_put
	truncate -s $((at[4] + 3)) "$file"
	run -1 pqueue verify q
	[ "${#lines[@]}" -ge 1 ]
	run -0 --separate-stderr pqueue get --all q
	[ "${#lines[@]}" -eq 4 ]
	[ "${#stderr_lines[@]}" -eq 1 ]
	[[ $stderr == 'pqueue: q: '* ]]
	works_on
}

# The file keeps its size, but the end of what was written never came to the disk.
@test "empty blocks in place of the last records after a reboot: what lies before is read" {
	local offset
	five_put
	for ((offset = $(record_end 2); offset <= $(record_end 4); offset += 20)); do
		five_put
		truncate -s "$offset" "$file"
		truncate -s +1M "$file"
		copied
		read_all
		is got < <(printf '%s\n' "${five[@]}" | head -n "$(wc -l <got)")
		[ "$(wc -l <got)" -ge 3 ]
		works_on
	done
}

@test "a segment that has gone: told, no crash, and the next put works" {
	five_put
	rm "$file"
	read_all
	[ ! -s got ]
	[ "$found" -eq 1 ]
	works_on
}

# The tables of five messages, one of them leased, and a delayed one: where they end.
declare -gA table_end=([control]=384 [runs]=504 [segments]=40 [timers]=8)

@test "a bit flipped in the other files: no crash, no hang, whatever comes next, and what is printed was put" {
	local other offset bit verb every=${EVERY:-23} round=0
	local verbs=('verify q' 'get -n q' 'stat q' 'put -n q more' 'peek -c 100 q' 'get -n --lease 1h q' 'purge q')
	for other in control runs segments timers; do
		for ((offset = 3; offset < table_end[$other]; offset += every)); do
			rm -rf state/*
			pqueue create --no-sync q
			pqueue put q "${five[@]}"
			pqueue put --delay 1h q "${five[0]}"
			pqueue get --lease 1h q >lease
			bit=$(((offset + offset / 8) % 8))
			flip "state/q.queue/$other" "$offset" "$bit"
			round=$((round + 1))
			for verb in "${verbs[round % ${#verbs[@]}]}" 'put -n q more' 'get --all q' 'rm --force q'; do
				# shellcheck disable=SC2086 # words
				run --separate-stderr timeout -s KILL 5 pqueue $verb
				[ "$status" -lt 124 ] || {
					echo "$verb: $status after bit $bit of byte $offset of $other: $stderr"
					return 1
				}
				[[ $verb == 'get '*[nl]' q' || $verb == peek* ]] || continue
				if grep -vxF -e more -e '' -f <(printf '%s\n' "${five[@]}") <<<"$output"; then
					echo "never put; after bit $bit of byte $offset of $other"
					return 1
				fi
			done
		done
	done
	[ "$round" -ge $((900 / every)) ]
}

# Others than bytes

@test "a queue copied with cp -a: all that was there, in its order, and nothing that was settled" {
	pqueue create --no-sync q
	seq 2000 | pqueue put q
	pqueue get -c 700 q >taken
	pqueue put -p 9 q high
	pqueue put -p 1 q low
	copied
	quiet 0 verify q
	[ "$(pqueue size q)" -eq 1302 ]
	pqueue get --all q | diff <(echo high; echo low; seq 701 2000) -
	quiet 0 verify q
}

@test "a queue copied while messages are in somebody's hands: the copy has them, and its original goes on" {
	pqueue put q a b c
	start holder pqueue get -f q -- zoo wait in
	await in
	cp -a state/q.queue state/copy.queue
	quiet 0 verify copy
	pqueue get --all copy | diff <(printf '%s\n' a b c) -
	[ "$(pqueue size q)" -eq 2 ]
	[ "$(pqueue get -n q)" = b ]
	quiet 0 verify q
	end holder
	await_returned q
	[ "$(pqueue get --all q)" = $'a\nc' ]
}

@test "a queue copied with delayed and leased messages: the delay holds there too, and what was leased is there" {
	pqueue put --delay 1h q later
	pqueue put q a b
	lease=$(pqueue get --lease 1h q)
	copied
	quiet 0 verify q
	pqueue requeue q "${lease%%$'\t'*}" 2>err || [ "$?" -eq 2 ]
	pqueue get -n -c 3 q >got
	is got < <(printf '%s\n' a b)
	[ "$(pqueue size q)" -eq 1 ]
}

# rebooted TEXT: runs it as after a reboot, with another boot id.
rebooted() {
	echo "$RANDOM$RANDOM-0000-0000-0000-000000000000" >boot_id
	unshare --mount --propagation private bash -euc 'mount --bind boot_id /proc/sys/kernel/random/boot_id; eval "$1"' - "$1"
}

requires_reboot() {
	requires_root
	requires unshare
	rebooted true 2>/dev/null || skip "cannot be made to look rebooted"
}

@test "left from before a reboot with messages in somebody's hands: they are there at once, nothing else again" {
	requires_reboot
	pqueue create --no-sync q
	seq 1000 | pqueue put q
	pqueue get -c 300 q >taken
	start holder pqueue get -f -j 3 q -- zoo wait 'in.{}'
	await in.301 in.302 in.303
	end holder
	run -0 --separate-stderr rebooted 'timeout -s KILL 5 pqueue verify q; timeout -s KILL 5 pqueue get --all q'
	[ -z "$stderr" ]
	is <(echo "$output") < <(seq 301 1000)
	quiet 1 get -n q
	quiet 0 join -n q
}

@test "left from before a reboot by those killed while they changed it: nothing lost, nothing again that was settled" {
	local moment=0 status
	requires_reboot
	while :; do
		moment=$((moment + 3 + RANDOM % 4))
		rm -rf state/*
		pqueue create --no-sync q
		pqueue put q a b c
		pqueue get -n q >taken
		status=0
		stepkill "$moment" pqueue put -i q x y </dev/null >out || status=$?
		[ "$status" -eq 0 ] || break
		rebooted 'timeout -s KILL 5 pqueue verify q; timeout -s KILL 5 pqueue put q last; timeout -s KILL 5 pqueue get --all q' >got
		case $(tr '\n' ' ' <got) in
		'b c last ' | 'b c x last ') [ ! -s out ] ;;
		'b c x y last ') ;;
		*) false ;;
		esac || { echo "killed at moment $moment: $(cat got)" && return 1; }
	done
	[ "$moment" -gt 10 ]
}

@test "a copy that has lost a segment, or the end of one: how many are missing is told, by verify and once by get" {
	pqueue put q one two three four last
	cp -a "$(queue_dir q)" cut.queue
	# Nothing is left of the last one, nor of the 32 bytes before it.
	truncate -s "$(($(grep -abo last cut.queue/seg-1 | cut -d : -f 1) - 32))" cut.queue/seg-1
	cp -a cut.queue again.queue
	run -1 pqueue verify ./cut.queue
	[[ $output == *'is a copy of 5 messages, of which 1 are missing'* ]]
	run -0 --separate-stderr pqueue get --all ./again.queue
	[ "$output" = $'one\ntwo\nthree\nfour' ]
	[ "$stderr" = 'pqueue: ./again.queue: is a copy of 5 messages, of which 1 are missing' ]
	cp -a "$(queue_dir q)" gone.queue
	rm gone.queue/seg-1
	run -1 --separate-stderr pqueue get --all ./gone.queue
	[ -z "$output" ]
	[ "$stderr" = 'pqueue: ./gone.queue: is a copy of 5 messages, of which 5 are missing' ]
	cp -a "$(queue_dir q)" whole.queue
	quiet 0 verify ./whole.queue
}
