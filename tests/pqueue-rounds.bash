# shellcheck shell=bash
# Rounds of random kills, for pqueue-torture.bats and the scripts of tests/torture. A crew of putters, getters, workers and
# others shares the queue q; each leaves on record what it tried and what it got, and the total-queue check is
# queue_check's. Every function works in the current directory, prints what was wrong and then fails; stderr is closed to
# the shell's own notes of who was killed.
#   a/ k/       what putters attempted, and what was acknowledged to them
#   d/          delivered to those who were let be
#   printed/ ran/ leased/    delivered to those who were killed, or gave it back
# shellcheck disable=SC2034  # the callers read totals and kills
kills=0
totals=(0 0 0 0 0 0)

# How much of a killed one's record may be delivered again: what a printer takes at a time; and what a worker's other slot
# can get done while a COMMAND that has left its record waits for a processor to end on.
most_at_a_time=2048
most_in_work=20

# pause MICROSECONDS, without a process
exec {never}<> <(:)
pause() { read -r -t "$(($1 / 1000000)).$(printf '%06d' $(($1 % 1000000)))" -u "$never" || true; }

wrong() {
	printf '%s\n' "$*"
	return 1
}

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

# The crew: what each is there for, and how it was sent away.
declare -A duty=() record=() sent=()
members=0

# join_crew DUTY RECORD STDIN COMMAND [ARG...]: RECORD is where its stdout goes, unless that is /dev/null.
join_crew() {
	local kind=$1 file=$2 input=$3
	shift 3
	"$@" <"$input" >"$file" 2>>"errors" 3>&- 4>&- &
	duty[$!]=$kind
	record[$!]=$file
}

# Is it still the child that it was? Its number can be another's by now.
lives() {
	local stat
	{ read -r stat <"/proc/$1/stat"; } 2>/dev/null || return
	# shellcheck disable=SC2086 # its words
	set -- ${stat##*) }
	[ "$1" != Z ] && [ "$2" -eq "$BASHPID" ]
}

# messages NAME COUNT BYTES: so many, all different, of up to so many bytes.
messages() {
	awk -v name="$1" -v count="$2" -v bytes="$3" 'BEGIN {
		while (length(filling) < bytes) filling = filling "filling "
		for (i = 1; i <= count; ++i) print name "." i " " substr(filling, 1, (i * 7919) % bytes)
	}'
}

add_putter() { # [ARG...]
	local name=$((++members)) bytes=60 count=$((RANDOM % 400 + 1))
	[ $((RANDOM % 4)) -ne 0 ] || bytes=$((RANDOM % 20000 + 1))
	# Up to what can be an argument: so much that segments fill, and that what is left of them has to move.
	[ -z "$large" ] || { bytes=$((RANDOM * 4 % 120000 + 1)) && count=$((RANDOM % 200 + 1)); }
	messages "$name" "$count" "$bytes" >"a/$name"
	join_crew put "ids/$name" "a/$name" pqueue put -i "$@" q
}

add_printer() { # [ARG...]
	join_crew print "running/$((++members))" /dev/null pqueue get "$@" q
}

# One in twenty of its COMMANDs fails before it does anything.
# shellcheck disable=SC2016 # COMMAND's shell expands these
work='[ $(($$ % 20)) -ne 0 ] || exit 1; exec append "$0" "$1"'

add_worker() { # [ARG...]
	local name=running/$((++members))
	: >"$name"
	join_crew work /dev/null /dev/null pqueue get -f -j 2 "$@" q -- sh -c "$work" "$name" '{}'
	record[$!]=$name
}

add_leaser() {
	join_crew lease "running/$((++members))" /dev/null pqueue get --lease 100ms -t 50ms q
}

add_other() { # COMMAND
	join_crew other /dev/null /dev/null pqueue "$@" q
}

add_someone() {
	case $((RANDOM % 14)) in
	0 | 1 | 2) add_putter ;;
	3) add_putter -p $((RANDOM % 10)) ;;
	4) add_putter --delay $((RANDOM % (large ? 2000 : 40)))ms ;;
	5 | 6) add_printer -f ;;
	7) add_printer -c $((RANDOM % 50 + 1)) ;;
	8) add_printer --all ;;
	9) add_worker --retries 20 ;;
	10) add_worker --retries 20 --backoff 2ms ;;
	11) add_leaser ;;
	12) add_other join -t 10s ;;
	13) case $((RANDOM % 4)) in
		0) add_other stat ;;
		1) add_other peek -v ;;
		2) add_other verify ;;
		3) add_other size ;;
		esac ;;
	esac
}

# Until its exec it is a shell, on which a signal would set off what Bats does at the end of a test.
await_exec() { # PID
	local comm
	while lives "$1" && { read -r comm <"/proc/$1/comm"; } 2>/dev/null && [ "$comm" = bash ]; do pause 1000; done
}

# send_away PID SIGNAL
send_away() {
	await_exec "$1"
	[ "${sent[$1]:-}" != KILL ] && lives "$1" && kill "-$2" "$1" 2>/dev/null || return 0
	sent[$1]=$2
	kills=$((kills + 1))
}

send_someone_away() {
	local pids=("${!duty[@]}") signal=KILL
	[ "${#pids[@]}" -gt 0 ] || return 0
	[ $((RANDOM % 6)) -ne 0 ] || signal=TERM
	send_away "${pids[RANDOM % ${#pids[@]}]}" "$signal"
}

# The lease is settled, in time or too late; or let run out.
end_lease() { # FILE
	local lease message
	if IFS=$'\t' read -r lease message <"$1"; then
		printf '%s\n' "$message" >"$1.message"
		if [ $((RANDOM % 3)) -ne 0 ] && pqueue "done" q "$lease" 2>>errors; then
			cat "$1.message" >>d/settled
		else
			mv "$1.message" "leased/${1##*/}"
		fi
	fi
	rm -f "$1" "$1.message"
}

# keep_record PID: it has ended; what it got is put where its end says.
keep_record() {
	local file=${record[$1]} how=${sent[$1]:-} name
	name=${file##*/}
	case ${duty[$1]} in
	put) head -n "$(wc -l <"$file")" "a/$name" >"k/$name" ;;
	lease) end_lease "$file" ;;
	print) if [ "$how" = KILL ]; then mv "$file" "printed/$name"; else mv "$file" "d/$name"; fi ;;
	work) if [ -n "$how" ]; then mv "$file" "ran/$name"; else mv "$file" "d/$name"; fi ;;
	esac
}

# may_end DUTY SENT STATUS: is that a way for it to end?
may_end() {
	case $2:$3 in
	# Before the KILL there can have been a TERM.
	KILL:137 | KILL:143 | TERM:143) return 0 ;;
	esac
	case $1:$3 in
	*:0 | put:3 | print:[13] | work:[13] | lease:124 | lease:3 | other:1 | other:124) return 0 ;;
	esac
	return 1
}

# reap: those that have ended. Fails when one ended as it should not.
reap() {
	local pid status bad=0
	for pid in "${!duty[@]}"; do
		! lives "$pid" || continue
		status=0
		wait "$pid" 2>/dev/null || status=$?
		may_end "${duty[$pid]}" "${sent[$pid]:-}" "$status" || {
			wrong "one there to ${duty[$pid]}, sent away by ${sent[$pid]:-nobody}, ended with $status: $(tail -n 2 errors)"
			bad=1
		}
		keep_record "$pid"
		unset "duty[$pid]" "record[$pid]" "sent[$pid]"
	done
	return "$bad"
}

crew_of() { # DUTY...: how many of them there are
	local pid count=0
	for pid in "${!duty[@]}"; do
		[[ " $* " != *" ${duty[$pid]} "* ]] || count=$((count + 1))
	done
	echo "$count"
}

# await_crew SECONDS DUTY...: until all of them have ended.
await_crew() {
	local deadline=$((${EPOCHREALTIME/./} + $1 * 1000000)) status=0
	shift
	while reap || status=1; [ "$(crew_of "$@")" -gt 0 ]; do
		[ "${EPOCHREALTIME/./}" -lt "$deadline" ] || {
			wrong "still there: $(crew_of "$@") of $*; $(pqueue stat q 2>&1 | tr '\n' ' ')"
			kill -KILL "${!duty[@]}" 2>/dev/null
			return 1
		}
		pause 3000
	done
	return "$status"
}

# The end of a campaign: all that is put is got, and everybody goes home.
wind_up() {
	local i
	add_printer -f
	await_crew 30 put || return
	for ((i = RANDOM % 3; i > 0; --i)); do
		add_other close
		pause $((RANDOM % 3000))
		send_someone_away
	done
	timeout 10 pqueue close q || wrong "close: $?" || return
	await_crew 30 lease other || return
	# The last getter can have been sent away.
	add_printer -f
	await_crew 30 print work || return
	[ "$(timeout 10 pqueue size q)" = 0 ] || wrong "size: $(pqueue size q)" || return
	timeout 10 pqueue join -n q || wrong "join at the end: $?" || return
	timeout 10 pqueue verify q || wrong "verify at the end: $?" || return
	if [ -d "$IPCUTILS_STATE_DIR/q.dead.queue" ]; then
		timeout 10 pqueue get --all q.dead >d/dead || [ "$?" -eq 1 ] || wrong "the dead letters: $?" || return
		timeout 10 pqueue verify q.dead || wrong "verify of the dead letters: $?" || return
		timeout 10 pqueue rm q.dead || return
	fi
}

check_records() {
	local counts status=0 i
	counts=$(queue_check -a a/* -k k/* -d d/* -x "$most_at_a_time" printed/* -x "$most_in_work" ran/* -x 1 leased/* 2>complaints) || status=1
	read -r -a counts <<<"$counts"
	for i in "${!totals[@]}"; do totals[i]=$((totals[i] + ${counts[i]:-0})); done
	[ "$status" -eq 0 ] || wrong "$(cat complaints)" || return
	[ -z "$(cat ids/* | sort | uniq -d)" ] || wrong "an id was given twice"
}

# campaign ROUNDS SIZE [large] [CREATE-ARG...]: a queue, and ROUNDS in which a crew of up to SIZE comes and goes. What is wrong is
# kept in ./failed.
campaign() {
	local i rounds=$1 most=$2 status=0 large=''
	shift 2
	if [ "${1:-}" = large ]; then
		large=1
		shift
	fi
	rm -rf a k d ids running printed ran leased errors
	mkdir a k d ids running printed ran leased
	# Chance may make none of a kind.
	touch {a,k,d,ids,printed,ran,leased}/none
	duty=() record=() sent=()
	timeout 10 pqueue create "$@" q || wrong "create: $?" || return
	for ((i = 0; i < rounds && status == 0; ++i)); do
		while [ "${#duty[@]}" -lt "$most" ]; do add_someone; done
		pause $((RANDOM % 12000))
		send_someone_away
		[ $((RANDOM % (4 * rounds))) -ne 0 ] || [ -n "$large" ] || add_other close
		reap || status=1
	done
	[ "$status" -eq 0 ] && wind_up && check_records || status=1
	# Without a pid, wait would be for all of the shell's children, those of Bats too.
	[ "${#duty[@]}" -eq 0 ] || { kill -KILL "${!duty[@]}" && wait "${!duty[@]}"; }
	all_gone || status=1
	if [ "$status" -ne 0 ]; then
		rm -rf failed
		mkdir failed
		cp -a a k d ids running printed ran leased errors complaints "$IPCUTILS_STATE_DIR/q.queue" failed
	fi
	pqueue rm --force q
	return "$status"
} 2>/dev/null

# handover COUNT: a worker is killed in mid-COMMAND while another waits. handed_over is then the milliseconds until that
# one's COMMAND has the message, the median of COUNT and the worst; a median of more than 10 is wrong.
handover() {
	local i first second attempt begin took=() command
	# shellcheck disable=SC2016 # COMMAND's shell expands it
	command=(sh -c 'echo "$PQUEUE_ATTEMPT" >started; exec sleep 1000')
	mkfifo started
	exec {started}<>started
	for ((i = 0; i < $1; ++i)); do
		pqueue create --no-sync h && pqueue put h message || return
		pqueue get -f h -- "${command[@]}" </dev/null 3>&- 4>&- &
		first=$!
		read -r -t 10 -u "$started" attempt && [ "$attempt" = 1 ] || wrong "handover: attempt $attempt" || return
		pqueue get -f h -- "${command[@]}" </dev/null 3>&- 4>&- &
		second=$!
		pause 15000
		begin=${EPOCHREALTIME/./}
		kill -KILL "$first"
		read -r -t 10 -u "$started" attempt || wrong "handover: it never started" || return
		took+=($((${EPOCHREALTIME/./} - begin)))
		[ "$attempt" = 2 ] || wrong "handover: attempt $attempt" || return
		kill -KILL "$second"
		wait "$first" "$second"
		all_gone || return
		pqueue rm --force h || return
	done
	exec {started}>&-
	rm started
	mapfile -t took < <(printf '%s\n' "${took[@]}" | sort -n)
	handed_over="$((took[$1 / 2] / 1000)).$((took[$1 / 2] / 100 % 10)) $((took[$1 - 1] / 1000)).$((took[$1 - 1] / 100 % 10))"
	[ "${took[$1 / 2]}" -le 10000 ] || wrong "handover takes ${handed_over% *} ms"
} 2>/dev/null
