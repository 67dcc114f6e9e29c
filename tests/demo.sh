#!/bin/bash
# Three real jobs on the files under /usr/include (up to 3000). First: checksum them, one process a file, with ppool on
# all processors, output in input order, then one after the other; and compare. Then: many processes add up their sizes
# in one shared file, with and without plock. Last: four workers checksum them from a queue, one of which is killed.
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

# The checksums once more, by four workers that know nothing of each other, from a queue that survives one of them: it
# is killed in the middle of its work. What it had in hand is done again by another, so one line may be there twice.
pqueue=${ppool%ppool}pqueue
export IPCUTILS_DIR=$scratch/names
mkdir -m 700 "$IPCUTILS_DIR"
unset IPCUTILS_STATE_DIR
worker() { exec "$pqueue" get -f files -- cksum {} >"$scratch/worker.$1"; }
four_workers() {
	local n workers=()
	"$pqueue" put -0 files <"$scratch/list" || return
	for n in 1 2 3 4; do
		worker "$n" &
		workers+=("$!")
	done
	until [ -s "$scratch/worker.1" ] || "$pqueue" empty files; do sleep 0.01; done
	kill -KILL "${workers[0]}"
	wait "${workers[0]}" 2>/dev/null
	"$pqueue" join files && "$pqueue" close files || return
	for n in 1 2 3; do wait "${workers[n]}" || return; done
}
echo "pqueue put -0 files <list; 4 x pqueue get -f files -- cksum {}; kill -KILL one of them; pqueue join files"
timed four_workers || { echo "demo: pqueue failed" >&2 && exit 1; }
echo "$files files: $seconds s with 4 workers, one of them killed after $(wc -l <"$scratch/worker.1") files"
if ! cmp <(sort -u "$scratch"/worker.*) <(sort -u "$scratch/sequential"); then
	echo "the results differ" >&2
	exit 1
fi
again=$(($(cat "$scratch"/worker.* | wc -l) - files))
echo "the results are identical: nothing is missing; files done twice: $again"
