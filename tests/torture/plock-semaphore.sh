#!/bin/bash
# Semaphores whose makers, holders, waiters, resizers and posters are killed by SIGKILL at random moments, and whose
# sets are removed by others, for SECONDS_TO_RUN (120). SEED=N repeats the random choices. Counts rounds, kills, and what
# went wrong: more inside than there are permits, permits lost or gained, sets left in the kernel.
# shellcheck disable=SC2154  # plock-rounds.bash sets kills and vanished
set -u
tests=$(cd "$(dirname "$0")/.." && pwd)
seconds=${SECONDS_TO_RUN:-120}
PATH=${IPCUTILS_BUILD:-${tests%/*}/build}/bin:${IPCUTILS_BUILD:-${tests%/*}/build}/support:$PATH
seed=${SEED:-$RANDOM}
RANDOM=$seed
# shellcheck source=/dev/null
. "$tests/plock-rounds.bash"

dir=$(mktemp -d "${TMPDIR:-/tmp}/plock-semaphore.XXXXXX") || exit 2
cd "$dir" || exit 2
export IPCUTILS_TEST_MARK=$dir IPCUTILS_DIR=$dir/names
unset PLOCK_HELD
mkdir -m 700 names

clean() {
	local object
	for object in "$dir"/names/*.sem; do
		[ ! -e "$object" ] || plock --remove --force "$object" >/dev/null 2>&1
	done
	rm -rf "$dir"
}
trap clean EXIT

rounds=0 bad=0 before=$(sets)
end=$((SECONDS + seconds))
round() { # COMMAND [ARG...]
	[ "$SECONDS" -lt "$end" ] || return
	"$@" || bad=$((bad + 1))
	rounds=$((rounds + 1))
}

crowd() { # LIMIT NAME
	storm "$1" 50 -w 30 -j "$1" "$2" && room_for "$1" "$2"
}

while [ "$SECONDS" -lt "$end" ]; do
	round crowd 3 Three
	round crowd 1 One
	round birth_storm New 20
	round resize_storm Resized 40
	round post_storm Posted 40
	round vanish_storm Vanished 40
done
for name in Three One Resized Posted Vanished; do
	[ ! -e "names/$name.sem" ] || plock --remove "$name" || bad=$((bad + 1))
done
left=$(($(sets) - before))

printf 'seed\trounds\tkills\tvanished\twrong\tsets left\n'
printf '%d\t%d\t%d\t%d\t\t%d\t%d\n' "$seed" "$rounds" "$kills" "$vanished" "$bad" "$left"
[ "$bad" -eq 0 ] && [ "$left" -eq 0 ]
