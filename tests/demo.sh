#!/bin/bash
# Two real jobs on the files under /usr/include (up to 3000). First: checksum them, one process a file, with ppool on
# all processors, output in input order, then one after the other; and compare. Then: many processes add up their sizes
# in one shared file, with and without plock.
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

# The same files as a job of many hands: 20 processes at a time add the size of each to one total, by read, add and
# write. Under plock nothing is lost; without it nearly all is.
shared_total() { # LOCKER...: prints the total that the processes came to
	echo 0 >"$scratch/total"
	# shellcheck disable=SC2016 # for the inner shell
	head -z -n 500 "$scratch/list" |
		"$ppool" -0 -n 20 -- "$@" sh -c 'read -r n <"$1"; echo $((n + $(wc -c <"$2"))) >"$1"' add "$scratch/total" {}
	cat "$scratch/total"
}
plock=${ppool%ppool}plock
true_total=$(head -z -n 500 "$scratch/list" | xargs -0 cat | wc -c)
echo "... | ppool -n 20 -- plock ./total -- sh -c 'read n <total; echo \$((n + \$(wc -c <\$1))) >total' add {}"
with=$(shared_total "$plock" "$scratch/total" --)
without=$(shared_total env 2>/dev/null)
echo "bytes in 500 files: $true_total; added up under plock: $with; without a lock: $without"
if [ "$with" -ne "$true_total" ]; then
	echo "plock lost an update" >&2
	exit 1
fi
