#!/bin/bash
# Kills pqueue at each of its system calls and before each of its stores into what is shared, for SECONDS_TO_RUN (120):
# tests of pqueue-kill.bats in random order, each at moments of its own choice. SEED=N repeats the order.
# `EVERY=1 bats tests/pqueue-kill.bats` does all moments of all of them once.
set -u
tests=$(cd "$(dirname "$0")/.." && pwd)
seconds=${SECONDS_TO_RUN:-120}
export IPCUTILS_BUILD=${IPCUTILS_BUILD:-${tests%/*}/build}
seed=${SEED:-$RANDOM}
RANDOM=$seed

own_ipc=()
unshare --ipc true 2>/dev/null && own_ipc=(unshare --ipc)
mapfile -t titles < <(sed -n 's/^@test "\(.*each moment.*\)" {$/\1/p' "$tests/pqueue-kill.bats")
[ "${#titles[@]}" -gt 0 ] || exit 2

rounds=0 bad=0
end=$((SECONDS + seconds))
while [ "$SECONDS" -lt "$end" ]; do
	title=${titles[RANDOM % ${#titles[@]}]}
	said=$("${own_ipc[@]}" "${BATS:-bats}" --tap -f "^${title//[^a-zA-Z0-9 ]/.}\$" "$tests/pqueue-kill.bats" 2>&1) || {
		bad=$((bad + 1))
		printf '%s\n' "$said"
	}
	rounds=$((rounds + 1))
done

printf 'seed\ttests\tmoments each\twrong\n%d\t%d\t30\t\t%d\n' "$seed" "$rounds" "$bad"
[ "$bad" -eq 0 ]
