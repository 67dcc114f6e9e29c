#!/bin/bash
# Kills ppool by SIGKILL at random moments, resumes from its joblog, and counts what went wrong, for SECONDS_TO_RUN
# (120). A campaign is one input, killed and resumed until a run is let finish. SEED=N repeats the random choices.
#   lost         records that no job of the whole campaign did
#   falsely done records whose joblog line said success before any job had done them
#   again        jobs done more than once: only those in flight, or finished and not yet logged, at a kill
#   left         processes or spill files that outlived ppool by two seconds
set -u
seconds=${SECONDS_TO_RUN:-120}
build=${IPCUTILS_BUILD:-$(cd "$(dirname "$0")/../.." && pwd)/build}
PATH=$build/bin:$PATH
seed=${SEED:-$RANDOM}
RANDOM=$seed
count=600
workers=4

dir=$(mktemp -d "${TMPDIR:-/tmp}/ppool-kill.XXXXXX") || exit 2
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 2
mkdir spill
export IPCUTILS_TEST_MARK=$dir

marked() { env -u IPCUTILS_TEST_MARK grep -lszxF "IPCUTILS_TEST_MARK=$dir" /proc/[0-9]*/environ; }

gone_within() { # MILLISECONDS
	local deadline=$((${EPOCHREALTIME/./} + $1 * 1000))
	while [ -n "$(marked)" ]; do
		[ "${EPOCHREALTIME/./}" -lt "$deadline" ] || return 1
		sleep 0.01
	done
}

# Every third job leaves a child in its group, every fifth fails once, every seventh writes more than --buffer.
# shellcheck disable=SC2016 # the job's own shell expands these
job='
	[ $(($1 % 3)) -ne 0 ] || sleep 1000 >/dev/null 2>&1 &
	[ $(($1 % 7)) -ne 0 ] || head -c 50000 /dev/zero
	if [ $(($1 % 5)) -eq 0 ] && [ ! -e "failed.$1" ]; then
		: >"failed.$1"
		kill $!
		exit 1
	fi
	echo "$1" >>ran
	kill $! 2>/dev/null
	exit 0'

seq "$count" >input
run_pool() { exec ppool -n "$workers" "$@" --buffer 16K --tmpdir spill --joblog log --resume-failed --sh "$job" <input >/dev/null 2>&1; }

# The records that the log says are done; a torn last line says nothing.
logged() { awk -F '\t' 'NF == 12 && $5 == 0 && $6 == 0 { sub(/.* /, "", $12); print $12 }' log 2>/dev/null; }

kills=0 campaigns=0 lost=0 falsely=0 again=0 left=0
end=$((SECONDS + seconds))
while [ "$SECONDS" -lt "$end" ]; do
	rm -rf log ran failed.*
	: >ran
	mode=(--no-run-if-empty)
	[ $((RANDOM % 2)) -eq 0 ] || mode=(-k)
	for ((i = RANDOM % 30; i > 0 && SECONDS < end; --i)); do
		run_pool "${mode[@]}" &
		pid=$!
		sleep "0.$(printf '%03d' $((RANDOM % 150)))"
		kill -KILL "$pid" 2>/dev/null && kills=$((kills + 1))
		wait "$pid" 2>/dev/null
		if ! gone_within 2000 || [ -n "$(ls -A spill)" ]; then
			left=$((left + 1))
			marked | while IFS=/ read -r _ _ pid _; do echo "left: $(tr '\0' ' ' <"/proc/$pid/cmdline" | cut -c 1-80)"; done
			# shellcheck disable=SC2046 # pids
			kill -KILL $(marked | sed 's|/proc/||; s|/environ||') 2>/dev/null
			rm -rf spill/*
		fi
		wrong=$(comm -23 <(logged | sort -u) <(sort -u ran) | wc -l)
		falsely=$((falsely + wrong))
	done
	# Twice: jobs that failed their first time run once more.
	(run_pool "${mode[@]}")
	(run_pool "${mode[@]}")
	wrong=$(comm -13 <(sort -u ran) <(seq "$count" | sort) | wc -l)
	lost=$((lost + wrong))
	again=$((again + $(wc -l <ran) - $(sort -u ran | wc -l)))
	campaigns=$((campaigns + 1))
done

printf 'seed\tcampaigns\tkills\tlost\tfalsely done\tagain\tagain a kill\tleft\n'
printf '%d\t%d\t\t%d\t%d\t%d\t\t%d\t%s\t\t%d\n' "$seed" "$campaigns" "$kills" "$lost" "$falsely" "$again" \
	"$(awk -v again="$again" -v kills="$kills" 'BEGIN { printf "%.2f", kills ? again / kills : 0 }')" "$left"
[ "$lost" -eq 0 ] && [ "$falsely" -eq 0 ] && [ "$left" -eq 0 ]
