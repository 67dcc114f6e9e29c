# shellcheck shell=bash
# Rounds of random kills, for plock-stress.bats and the scripts of tests/torture. Whether too many were inside is
# occupy's to say, by places.crowd: nothing here believes what plock itself lists. Every function works in the current
# directory, prints what was wrong and then fails; stderr is closed to the shell's own notes of who was killed. The kills
# that hit somebody are counted in kills, the sets that were removed in vanished.
kills=0
vanished=0

# pause MICROSECONDS, without a process
exec {never}<> <(:)
pause() { read -r -t "$(($1 / 1000000)).$(printf '%06d' $(($1 % 1000000)))" -u "$never" || true; }

wrong() {
	printf '%s\n' "$*"
	return 1
}

no_crowd_was() {
	[ ! -e places.crowd ] || {
		wrong "$1: too many inside: $(cat places.crowd)"
		rm -f places.crowd
		return 1
	}
}

# The processes that carry the mark of this run.
marked() {
	env -u IPCUTILS_TEST_MARK grep -lszxF "IPCUTILS_TEST_MARK=$IPCUTILS_TEST_MARK" /proc/[0-9]*/environ
}

# all_gone: nothing of the run lives, or nothing does within two seconds.
all_gone() {
	local deadline=$((${EPOCHREALTIME/./} + 2000000)) pid
	while [ -n "$(marked)" ]; do
		[ "${EPOCHREALTIME/./}" -lt "$deadline" ] && pause 5000 && continue
		for pid in $(marked | cut -d / -f 3); do
			printf 'left: %s\n' "$(tr "\0" " " <"/proc/$pid/cmdline" 2>/dev/null | cut -c 1-80)"
			kill -KILL "$pid" 2>/dev/null
		done
		return 1
	done
}

# reap PID: its status is then in reaped.
reap() {
	reaped=0
	wait "$1" 2>/dev/null || reaped=$?
}

# kill_round KIND LOCK: one holds the lock by --hold command, another waits for it; the holder is killed at a random
# moment of its first 16 ms. Nobody may be inside together, the other comes in, and the lock is free in the end.
#   alone   COMMAND is what is inside
#   child   COMMAND's child is
#   stray   what is inside has left COMMAND's group and session, so nobody kills it; it keeps the lock for 30 ms
kill_round() {
	local first second command
	case $1 in
	alone) command=(occupy places 1 100000) ;;
	child) command=(sh -c 'occupy places 1 100000; :') ;;
	stray) command=(sh -c 'setsid occupy places 1 30; sleep 100') ;;
	esac
	plock --hold command "$2" "${command[@]}" </dev/null >/dev/null 2>&1 3>&- 4>&- &
	first=$!
	plock -w 10 "$2" occupy places 1 2 </dev/null >/dev/null 2>&1 3>&- 4>&- &
	second=$!
	pause $((RANDOM % 16000))
	kill -KILL "$first" 2>/dev/null && kills=$((kills + 1))
	reap "$first"
	[ "$reaped" -eq 137 ] || wrong "$1: the one to be killed ended with $reaped" || return
	reap "$second"
	[ "$reaped" -eq 0 ] || wrong "$1: the one that waited ended with $reaped" || return
	no_crowd_was "$1" || return
	all_gone || wrong "$1: it outlived plock" || return
	plock -n "$2" true || wrong "$1: the lock did not come free"
} 2>/dev/null

# storm LIMIT COUNT PLOCK-ARG...: COUNT of them want in, and about half of those are killed at random moments. The first
# LIMIT stay inside until they are killed, when all have come: so there is a queue.
storm() {
	local limit=$1 count=$2 i pids=() killed=()
	shift 2
	for ((i = 0; i < count; ++i)); do
		plock "$@" occupy places "$limit" $((i < limit ? 100000 : RANDOM % (10 * limit))) </dev/null >/dev/null 2>&1 3>&- 4>&- &
		pids+=("$!")
		((i % 4 != 3)) || kill_one_of "${pids[@]}"
	done
	for ((i = 0; i < limit; ++i)); do kill_one_of "${pids[i]}"; done
	for ((i = count; i > count / 2; --i)); do
		pause $((RANDOM % 2000))
		kill_one_of "${pids[@]: -i}"
	done
	for i in "${pids[@]}"; do
		reap "$i"
		[ "$reaped" -eq 0 ] || [ -n "${killed[i]:-}" ] || wrong "plock $*: one ended with $reaped" || return
	done
	no_crowd_was "plock $*"
} 2>/dev/null

kill_one_of() {
	local victim=${*:RANDOM % $# + 1:1}
	[ -z "${killed[victim]:-}" ] || return 0
	if kill -KILL "$victim" 2>/dev/null; then
		killed[victim]=yes
		kills=$((kills + 1))
	fi
}

# room_for N NAME: N permits of it can be taken at once, and not one more; one process takes them all.
room_for() {
	local i status=0 taken=()
	for ((i = 0; i < $1; ++i)); do taken+=(plock -n -j "$1" "$2"); done
	"${taken[@]}" true || status=$?
	[ "$status" -eq 0 ] || wrong "$2: fewer than $1 permits: $status" || return
	"${taken[@]}" plock -n -j "$1" "$2" true 2>/dev/null || status=$?
	[ "$status" -eq 1 ] || wrong "$2: more than $1 permits: $status"
}

# resize_storm NAME COUNT: all who want in bring another N of 1 to 4 along; some are killed at that.
resize_storm() {
	local i pids=() killed=()
	for ((i = 0; i < $2; ++i)); do
		plock -w 20 -j $((RANDOM % 4 + 1)) --resize "$1" occupy places 4 $((RANDOM % 5)) </dev/null >/dev/null 2>&1 3>&- 4>&- &
		pids+=("$!")
		((i % 3 != 2)) || kill_one_of "${pids[@]}"
	done
	for i in "${pids[@]}"; do
		reap "$i"
		[ "$reaped" -eq 0 ] || [ -n "${killed[i]:-}" ] || wrong "--resize: one ended with $reaped" || return
	done
	no_crowd_was "--resize" || return
	plock -j 2 --resize "$1" || wrong "--resize at the end: $?" || return
	room_for 2 "$1"
} 2>/dev/null

# birth_storm NAME COUNT: they race to make it, and some of them are killed at that.
birth_storm() {
	local i pids=() killed=() before
	before=$(sets)
	for ((i = 0; i < $2; ++i)); do
		plock -w 20 -j 3 "$1" occupy places 3 $((RANDOM % 4)) </dev/null >/dev/null 2>&1 3>&- 4>&- &
		pids+=("$!")
		pause $((RANDOM % 400))
		((i % 2)) || kill_one_of "${pids[@]}"
	done
	for i in "${pids[@]}"; do
		reap "$i"
		[ "$reaped" -eq 0 ] || [ -n "${killed[i]:-}" ] || wrong "$1 is new: one ended with $reaped" || return
	done
	no_crowd_was "$1 is new" || return
	room_for 3 "$1" || return
	plock --remove "$1" || wrong "$1: --remove: $?" || return
	[ "$(sets)" -eq "$before" ] || wrong "$1: a set is left in the kernel"
} 2>/dev/null

# vanish_storm NAME COUNT: the kernel's set is removed by others again and again. Who waited or comes then may fail
# with 125, but nobody is let in beside those who still hold permits of a set that is gone.
vanish_storm() {
	local i pids=() killed=() in=0
	for ((i = 0; i < $2; ++i)); do
		plock -w 20 -j 3 "$1" occupy places 3 $((RANDOM % 8)) </dev/null >/dev/null 2>&1 3>&- 4>&- &
		pids+=("$!")
		pause $((RANDOM % 1500))
		((i % 2)) || ! ipcrm -S "0x$(od -An -tx4 -j 16 -N 4 "$IPCUTILS_DIR/$1.sem" | tr -d ' ')" || vanished=$((vanished + 1))
		((i % 7 != 6)) || kill_one_of "${pids[@]: -5}"
	done
	for i in "${pids[@]}"; do
		reap "$i"
		case $reaped${killed[i]:-} in
		0*) in=$((in + 1)) ;;
		125* | *yes) ;;
		*) wrong "$1 vanishes: one ended with $reaped" || return ;;
		esac
	done
	no_crowd_was "$1 vanishes" || return
	[ "$in" -gt 0 ] || wrong "$1 vanishes: nobody came in" || return
	room_for 3 "$1"
} 2>/dev/null

sets() { ipcs -s | grep -c '^0x' || true; }

# post_storm NAME COUNT: every post that was not killed is there, and none is there twice.
post_storm() {
	local i pids=() killed=() posted=0 value
	plock --post "$1" && plock -n --take "$1" || return
	for ((i = 0; i < $2; ++i)); do
		plock --post "$1" </dev/null >/dev/null 2>&1 3>&- 4>&- &
		pids+=("$!")
		((i % 3 != 2)) || kill_one_of "${pids[@]: -3}"
	done
	for i in "${pids[@]}"; do
		reap "$i"
		[ "$reaped" -ne 0 ] || posted=$((posted + 1))
	done
	value=0
	while [ "$value" -le "$2" ] && plock -n --take "$1" 2>/dev/null; do value=$((value + 1)); done
	[ "$value" -ge "$posted" ] || wrong "$posted posted, and $value could be taken" || return
	[ "$value" -le "$2" ] || wrong "more could be taken than were posted"
} 2>/dev/null
