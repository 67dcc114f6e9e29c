#!/bin/bash
# Runs every script of tests/torture; they share SECONDS_TO_RUN (120).
set -u
cd "$(dirname "$0")/.." || exit
shopt -s nullglob
scripts=(tests/torture/*.sh)
if [ "${#scripts[@]}" -eq 0 ]; then
	echo "torture: nothing in tests/torture"
	exit
fi
export IPCUTILS_BUILD=${IPCUTILS_BUILD:-$PWD/build}
export PATH="$IPCUTILS_BUILD/bin:$PATH"
export SECONDS_TO_RUN=$((${SECONDS_TO_RUN:-120} / ${#scripts[@]}))
[ "$SECONDS_TO_RUN" -gt 0 ] || SECONDS_TO_RUN=1
status=0
for script in "${scripts[@]}"; do
	echo "torture: $script, $SECONDS_TO_RUN s"
	bash "$script" || { echo "torture: $script: FAILED" && status=1; }
done
exit "$status"
