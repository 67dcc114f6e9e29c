#!/bin/bash
# A real job, done twice: checksum the files under /usr/include (up to 3000), one process a file, first with
# ppool on all processors, output in input order, then one after the other; and compare.
set -u
cd "$(dirname "$0")/.." || exit
ppool=${IPCUTILS_BUILD:-$PWD/build}/bin/ppool
limit=3000
scratch=$(mktemp -d) || exit
trap 'rm -rf "$scratch"' EXIT

timed() { # COMMAND...: sets seconds, passes on COMMAND's status
	local start=${EPOCHREALTIME/[^0-9]/} status
	"$@"
	status=$?
	seconds=$(awk -v us=$((${EPOCHREALTIME/[^0-9]/} - start)) 'BEGIN { printf "%.2f", us / 1e6 }')
	return "$status"
}
in_parallel() {
	"$ppool" -0 -k -n "$workers" --progress -- cksum {} <"$scratch/list" >"$scratch/parallel"
}
one_by_one() {
	xargs -0 -n 1 cksum <"$scratch/list" >"$scratch/sequential"
}

workers=$(nproc)
find /usr/include -type f -print0 | head -z -n "$limit" >"$scratch/list"
files=$(tr -cd '\0' <"$scratch/list" | wc -c)
if [ "$files" -eq 0 ]; then
	echo "demo: nothing under /usr/include" >&2
	exit 1
fi
echo "find /usr/include -type f -print0 | head -z -n $limit | ppool -0 -k -n $workers --progress -- cksum {}"
timed in_parallel || { echo "demo: ppool failed" >&2 && exit 1; }
parallel_seconds=$seconds
timed one_by_one || { echo "demo: the sequential run failed" >&2 && exit 1; }
echo "$files files: $parallel_seconds s with ppool -n $workers, $seconds s one by one"
if ! cmp "$scratch/parallel" "$scratch/sequential"; then
	echo "the results differ" >&2
	exit 1
fi
echo "the results are identical: $(cksum <"$scratch/parallel" | cut -d ' ' -f 1), $(wc -l <"$scratch/parallel") lines"
