# plock against its peers. An overhead is the time with a locker minus the time of the bare command, both of the same
# round: ratios are medians over interleaved rounds.
# shellcheck disable=SC2154 # ratio, ms_a and ms_b come from pairs_of
set -eu
scratch=$(mktemp -d)
trap 'plock --remove --force sections >/dev/null 2>&1 || true; rm -rf "$scratch"' EXIT
export IPCUTILS_DIR=$scratch/names HOME=$scratch
mkdir -m 700 "$IPCUTILS_DIR"
lock=$scratch/lock
rounds=${BENCH_PAIRS:-11}
true=/bin/true

# overhead ROUNDS WHAT TARGET LIMIT PEER-NAME COMMAND... --pair PEER...: a row; TARGET and LIMIT are - when there is none.
overhead() {
	local count=$1 what=$2 target=$3 limit=$4 peer=$5 verdict=-
	shift 5
	pairs_of "$count" /dev/null "$@" --bare "$true"
	[ "$limit" = - ] || verdict=$(holds "$ratio <= $limit")
	row "$what, overhead" "$target" "$ratio x ($ms_a ms)" "$peer ($ms_b ms)" "$verdict"
}

# sections PROCESSES PEER-NAME PEER [ARG...]: so many processes, each with 60 trivial sections of the same lock.
sections() {
	local processes=$1 peer=$2 limit=$3 jobs=$(($1 * 60)) faster verdict=- target=-
	shift 3
	pairs_of "$rounds" /dev/null floor "$jobs" "$processes" plock "$lock" "$true" --pair floor "$jobs" "$processes" "$@" "$lock" "$true"
	faster=$(awk -v ratio="$ratio" 'BEGIN { printf "%.2f", 1 / ratio }')
	[ "$limit" = - ] || {
		target=">= $limit x"
		verdict=$(holds "$faster >= $limit")
	}
	row "$processes processes x 60 sections, rate" "$target" "$faster x ($(awk -v n="$jobs" -v ms="$ms_a" 'BEGIN { printf "%.0f/s", n * 1000 / ms }'))" \
		"$peer ($(awk -v n="$jobs" -v ms="$ms_b" 'BEGIN { printf "%.0f/s", n * 1000 / ms }'))" "$verdict"
}

installed() { command -v "$1" >/dev/null; }

absent() { row "$1" "$2" - "$3" "skipped: not installed"; }

many=$((rounds * 40))
if [[ $(flock --version 2>/dev/null) == *util-linux* ]]; then
	overhead "$many" "hold tree" "<= 0.55 x" 0.55 "flock" plock "$lock" "$true" --pair flock "$lock" "$true"
	overhead "$many" "hold command" "<= 0.7 x" 0.7 "flock" plock -o "$lock" "$true" --pair flock "$lock" "$true"
	sections 2 "flock" 1.2 flock
	sections 20 "flock" 1.2 flock
	overhead "$many" "hold tree" - - "flock -F" plock "$lock" "$true" --pair flock -F "$lock" "$true"
else
	absent "hold tree, overhead" "<= 0.55 x" "flock of util-linux"
	absent "hold command, overhead" "<= 0.7 x" "flock of util-linux"
	absent "20 processes x 60 sections, rate" ">= 1.2 x" "flock of util-linux"
fi
overhead "$many" "hold tree" "<= 1.1 x" 1.1 "lock and exec in C, static" \
	plock "$lock" "$true" --pair lockexec "$lock" "$true"
if parallel --version 2>/dev/null | grep -q '^GNU parallel'; then
	# Not interleaved: a hundred processes of sem would leave plock cold caches, and the factor is large.
	pairs_of "$rounds" /dev/null sem --will-cite --fg --id sections -j 2 "$true" --bare "$true"
	ms_sem=$ms_a
	pairs_of "$many" /dev/null plock -j 2 sections "$true" --bare "$true"
	faster=$(awk -v sem="$ms_sem" -v plock="$ms_a" 'BEGIN { printf "%.0f", sem / plock }')
	row "semaphore, overhead" "<= 1/200 x" "1/$faster x ($ms_a ms)" "GNU sem ($ms_sem ms)" "$(holds "$faster >= 200")"
else
	absent "semaphore, overhead" "<= 1/200 x" "GNU sem"
fi
if installed setlock; then
	overhead "$many" "hold tree" - - "setlock" plock "$lock" "$true" --pair setlock "$lock" "$true"
	sections 20 "setlock" - setlock
fi
if installed s6-setlock; then
	overhead "$many" "hold tree" - - "s6-setlock" plock "$lock" "$true" --pair s6-setlock "$lock" "$true"
fi
overhead "$many" "a NAME" - - "a path" plock name "$true" --pair plock "$lock" "$true"
overhead "$many" "a semaphore" - - "a lock" plock -j 2 sections "$true" --pair plock "$lock" "$true"
