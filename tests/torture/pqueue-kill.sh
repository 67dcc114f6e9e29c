#!/bin/bash
# Kills putters, printing getters, workers with a COMMAND, joiners, closers and onlookers of one queue by SIGKILL at random
# moments for SECONDS_TO_RUN (120), and does the total-queue check. SEED=N repeats the random choices.
#   attempts      messages that somebody began to put
#   acknowledged  of these, those that put said are safe
#   delivered     deliveries
#   duplicated    of these, those beyond the first of a message; each to somebody whose predecessor was killed with it
#   lost          acknowledged and never delivered
#   unexpected    delivered and never put
#   handover      milliseconds from the kill of a worker until a waiting one starts its message: median of 50, worst
# shellcheck disable=SC2154  # pqueue-rounds.bash sets kills and totals
set -u
tests=$(cd "$(dirname "$0")/.." && pwd)
seconds=${SECONDS_TO_RUN:-120}
PATH=${IPCUTILS_BUILD:-${tests%/*}/build}/bin:${IPCUTILS_BUILD:-${tests%/*}/build}/support:$PATH
seed=${SEED:-$RANDOM}
RANDOM=$seed
# shellcheck source=/dev/null
. "$tests/pqueue-rounds.bash"

dir=$(mktemp -d "${TMPDIR:-/tmp}/pqueue-kill.XXXXXX") || exit 2
bad=0
# What went wrong stays to be looked at.
trap '[ "$bad" -ne 0 ] || rm -rf "$dir"' EXIT
cd "$dir" || exit 2
export IPCUTILS_TEST_MARK=$dir IPCUTILS_DIR=$dir/names IPCUTILS_STATE_DIR=$dir/state
mkdir -m 700 names state

handover 50 || bad=$((bad + 1))
shapes=(--no-sync --no-sync '--no-sync --lifo' '--no-sync --max 50' '' '--max-bytes 100K' 'large --no-sync' large)
campaigns=0
end=$((SECONDS + seconds))
while [ "$SECONDS" -lt "$end" ] && [ "$bad" -lt 5 ]; do
	campaigns=$((campaigns + 1))
	# shellcheck disable=SC2086 # options
	campaign 40 $((RANDOM % 8 + 4)) ${shapes[RANDOM % ${#shapes[@]}]} || {
		bad=$((bad + 1))
		mv failed "failed.$campaigns"
	}
done

printf 'seed\tcampaigns\tkills\tattempts\tacknowledged\tdelivered\tduplicated\tlost\tunexpected\thandover\twrong\n'
printf '%d\t%d\t\t%d\t%d\t\t%d\t\t%d\t\t%d\t\t%d\t%d\t\t%s\t%d\n' "$seed" "$campaigns" "$kills" "${totals[@]}" "$handed_over" "$bad"
[ "$bad" -eq 0 ] || echo "see $dir"
[ "$bad" -eq 0 ]
