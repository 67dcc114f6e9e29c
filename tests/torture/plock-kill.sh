#!/bin/bash
# Kills `plock --hold command` by SIGKILL at random moments while another waits, and kills who wants a lock in a crowd,
# for SECONDS_TO_RUN (120). SEED=N repeats the random choices. Counts rounds, kills, and what went wrong: two inside at
# once, a lock that did not come free, a COMMAND that outlived plock.
# shellcheck disable=SC2154  # plock-rounds.bash sets kills
set -u
tests=$(cd "$(dirname "$0")/.." && pwd)
seconds=${SECONDS_TO_RUN:-120}
PATH=${IPCUTILS_BUILD:-${tests%/*}/build}/bin:${IPCUTILS_BUILD:-${tests%/*}/build}/support:$PATH
seed=${SEED:-$RANDOM}
RANDOM=$seed
# shellcheck source=/dev/null
. "$tests/plock-rounds.bash"

dir=$(mktemp -d "${TMPDIR:-/tmp}/plock-kill.XXXXXX") || exit 2
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 2
export IPCUTILS_TEST_MARK=$dir IPCUTILS_DIR=$dir/names
unset PLOCK_HELD
mkdir -m 700 names

# After a failure: so that it is counted once.
tidy() {
	all_gone >/dev/null
	rm -f places.crowd
}

kinds=(alone child stray)

rounds=0 storms=0 bad=0 inside=0
end=$((SECONDS + seconds))
while [ "$SECONDS" -lt "$end" ]; do
	for ((i = 0; i < 30 && SECONDS < end; ++i)); do
		: >places.in
		kill_round "${kinds[RANDOM % 3]}" L || { bad=$((bad + 1)) && tidy; }
		[ "$(wc -l <places.in)" -lt 2 ] || inside=$((inside + 1))
		rounds=$((rounds + 1))
	done
	hold=(-w 20)
	[ $((RANDOM % 2)) -eq 0 ] || hold+=(-o)
	{ storm 1 30 "${hold[@]}" L && all_gone && plock -n L true; } || { bad=$((bad + 1)) && tidy; }
	storms=$((storms + 1))
done

printf 'seed\trounds\tkilled inside\tstorms\tkills\twrong\n'
printf '%d\t%d\t%d\t\t%d\t%d\t%d\n' "$seed" "$rounds" "$inside" "$storms" "$kills" "$bad"
[ "$bad" -eq 0 ]
