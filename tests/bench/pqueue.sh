# pqueue against its peers, with messages of 100 bytes. Rates are those of whole processes, start and end included;
# ratios are medians over interleaved rounds. Servers listen on Unix sockets in the scratch directory.
# shellcheck disable=SC2154 # ratio, ms_a, ms_b and rss_a come from pairs_of
# shellcheck disable=SC2016 # the scripts in single quotes are for other shells
set -eu
scratch=$(mktemp -d)
servers=()
tidy_up() {
	local name
	for name in live frames; do pqueue rm --force "$name" >/dev/null 2>&1 || true; done
	[ ! -S "$scratch/spooler" ] || tsp -K || true
	if [ "${#servers[@]}" -gt 0 ]; then
		kill "${servers[@]}" 2>/dev/null || true
		wait "${servers[@]}" || true
	fi
	rm -rf "$scratch"
}
trap tidy_up EXIT
export IPCUTILS_DIR=$scratch/names TMPDIR=$scratch TS_SOCKET=$scratch/spooler NQDIR=$scratch/nq
mkdir -m 700 "$IPCUTILS_DIR" "$NQDIR"
unset IPCUTILS_STATE_DIR XDG_RUNTIME_DIR XDG_STATE_HOME
rounds=${BENCH_PAIRS:-5}
many=$((rounds * 40))

installed() { command -v "$1" >/dev/null; }

# lines COUNT: so many different lines of 100 bytes and a newline.
lines() { seq -f '%0100.0f' "$1"; }

per_second() { # COUNT MS: a rate to read
	awk -v count="$1" -v ms="$2" 'BEGIN {
		rate = count / ms * 1000
		if (rate >= 1e6) printf "%.2f M/s", rate / 1e6
		else if (rate >= 1e4) printf "%.0f k/s", rate / 1e3
		else printf "%.0f/s", rate
	}'
}

times_faster() { # COUNT_A COUNT_B: what the ratio says of the rates
	awk -v ratio="$ratio" -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b / ratio }'
}

# at_least WHAT RATE COUNT: a row for a rate that is to be had, from ms_a.
at_least() {
	row "$1, rate" ">= $(per_second "$2" 1000)" "$(per_second "$3" "$ms_a")" - "$(holds "$3 / $ms_a * 1000 >= $2")"
}

# faster WHAT LIMIT COUNT_A PEER COUNT_B: a row that compares rates; LIMIT is - when there is none.
faster() {
	local times verdict=- target=-
	times=$(times_faster "$3" "$5")
	[ "$2" = - ] || {
		target=">= $2 x"
		verdict=$(holds "$times >= $2")
	}
	row "$1, rate" "$target" "$times x ($(per_second "$3" "$ms_a"))" "$4 ($(per_second "$5" "$ms_b"))" "$verdict"
}

# costs WHAT LIMIT PEER: a row that compares times.
costs() {
	local verdict=- target=-
	[ "$2" = - ] || {
		target="<= $2 x"
		verdict=$(holds "$ratio <= $2")
	}
	row "$1" "$target" "$ratio x ($ms_a ms)" "$3 ($ms_b ms)" "$verdict"
}

skip() { row "$1" "$2" - "$3" "skipped: not installed"; }

count=3000000
lines "$count" >"$scratch/lines"
head -n 300000 "$scratch/lines" >"$scratch/some"
export lines=$scratch/lines redis=$scratch/redis beanstalk=$scratch/beanstalk count

# The same for A and B, so that each round begins alike; what only the peer needs is cheap.
fresh='pqueue rm --force bulk 2>/dev/null; pqueue create --no-sync bulk'
filled="$fresh; pqueue put bulk <\"\$lines\""

# Batches, --no-sync
pairs_of "$rounds" "$scratch/lines" --before "$fresh" pqueue put bulk
put_ms=$ms_a
at_least "put of $count lines, --no-sync" 3000000 "$count"
pairs_of "$rounds" /dev/null --before "$filled" pqueue get --all bulk
at_least "get of $count lines, --no-sync" 5000000 "$count"
pairs_of "$rounds" /dev/null --before "$filled" sh -c 'pqueue get --all bulk | cat'
row "the same into a pipe, rate" - "$(per_second "$count" "$ms_a")" - -

if installed python3; then
	python_count=300000
	python=(python3 tests/bench/mpqueue.py "$python_count" 100)
	pairs_of "$rounds" "$scratch/lines" --before "[ \$1 = B ] || { $fresh; }" pqueue put bulk --pair "${python[@]}"
	faster "put, --no-sync" 30 "$count" "multiprocessing.Queue" "$python_count"
	pairs_of "$rounds" /dev/null --before "[ \$1 = B ] || { $filled; }" pqueue get --all bulk --pair "${python[@]}"
	faster "get, --no-sync" 30 "$count" "multiprocessing.Queue" "$python_count"
	pairs_of "$rounds" "$scratch/lines" --before "[ \$1 = B ] || { $fresh; }" \
		sh -c 'pqueue get -c "$count" bulk & pqueue put bulk && wait $!' --pair "${python[@]}"
	faster "put and get at the same time" - "$count" "multiprocessing.Queue" "$python_count"
else
	skip "put, --no-sync, rate" ">= 30 x" "multiprocessing.Queue"
	skip "get, --no-sync, rate" ">= 30 x" "multiprocessing.Queue"
fi

if installed redis-server && installed redis-benchmark; then
	redis_count=1000000
	redis-server --port 0 --unixsocket "$redis" --save '' --appendonly no >/dev/null &
	servers+=("$!")
	until redis-cli -s "$redis" ping 2>/dev/null | grep -q PONG; do sleep 0.05; done
	bench=(redis-benchmark -s "$redis" -c 1 -P 100 -n "$redis_count" -d 100 -q -t)
	pairs_of "$rounds" "$scratch/lines" --before "redis-cli -s \"\$redis\" flushall; [ \$1 = B ] || { $fresh; }" \
		pqueue put bulk --pair "${bench[@]}" lpush
	faster "put, --no-sync" 4 "$count" "Redis, one client, LPUSH pipelined by 100" "$redis_count"
	pairs_of "$rounds" /dev/null --before "if [ \$1 = B ]; then ${bench[*]} lpush; else $filled; fi" \
		pqueue get --all bulk --pair "${bench[@]}" lpop
	faster "get, --no-sync" 4 "$count" "Redis, one client, LPOP pipelined by 100" "$redis_count"
	pairs_of "$many" /dev/null pqueue put bulk message --pair redis-cli -s "$redis" lpush list message
	costs "one put a process, --no-sync" - "redis-cli"
else
	skip "put, --no-sync, rate" ">= 4 x" "Redis"
	skip "get, --no-sync, rate" ">= 4 x" "Redis"
fi

if installed beanstalkd && installed python3; then
	beanstalkd -l "unix:$beanstalk" &
	servers+=("$!")
	until [ -S "$beanstalk" ]; do sleep 0.05; done
	client=(python3 tests/bench/beanstalk.py "$beanstalk")
	pairs_of "$rounds" "$scratch/lines" --before "[ \$1 = B ] || { $fresh; }" pqueue put bulk --pair "${client[@]}" put 50000 100
	faster "put, --no-sync" - "$count" "beanstalkd, one client" 50000
	pairs_of "$rounds" /dev/null --before "[ \$1 = B ] || { $filled; }" pqueue get --all bulk --pair "${client[@]}" get 50000 100
	faster "get, --no-sync" - "$count" "beanstalkd, one client" 50000
fi

# Batches, on the disk. As many fdatasyncs as pqueue makes; 1000 messages a batch where nobody can count them.
some=300000
pqueue create synced
syncs=0
if installed strace; then
	syncs=$(strace -f -o "$scratch/trace" -e trace=fdatasync,fsync pqueue put synced <"$scratch/some" && grep -c 'sync(' "$scratch/trace") || true
fi
[ "$syncs" -gt 0 ] || syncs=$((some / 1000))
block=$((some * 101 / syncs))
pairs_of "$rounds" "$scratch/some" --before 'rm -f "$TMPDIR/copy"; pqueue rm --force synced 2>/dev/null; pqueue create synced' \
	pqueue put synced --pair dd "bs=$block" iflag=fullblock oflag=dsync "of=$scratch/copy" status=none
times=$(times_faster "$some" "$some")
half=$(awk -v count="$count" -v ms="$put_ms" -v some="$some" -v ms_a="$ms_a" 'BEGIN { printf "%.2f", some / ms_a / (count / ms) }')
row "put of $some lines on the disk, $syncs fdatasyncs, rate" ">= 0.8 x, or 0.5 x --no-sync" "$times x ($(per_second "$some" "$ms_a"))" \
	"dd oflag=dsync bs=$block ($(per_second "$some" "$ms_b")); $half x --no-sync" "$(holds "$times >= 0.8 || $half >= 0.5")"

# One message a process
ones() { # WITH-HOW-MANY
	pairs_of "$many" /dev/null pqueue put bulk message --pair noop
	costs "one put a process, --no-sync, $1" 1.3 "the start of a static program that does nothing"
	pairs_of "$many" /dev/null pqueue get bulk --pair noop
	costs "one get a process, $1" 1.3 "the start of a static program that does nothing"
}
sh -c "$fresh"
lines 2000 | pqueue put bulk
ones "2000 waiting"
# What the disk adds to a put, against what one fdatasync adds to a program: by turns, since disks have their moods
turns=()
for ((i = 0; i < 9; ++i)); do
	pairs_of 40 /dev/null pqueue put synced message --pair pqueue put bulk message
	with=$ms_a without=$ms_b
	pairs_of 40 /dev/null syncappend "$scratch/appended" --pair noop
	turns+=("$(awk -v a="$with" -v b="$without" -v c="$ms_a" -v d="$ms_b" 'BEGIN { printf "%.3f %.3f %.3f", (a - b) / (c - d), a - b, c - d }')")
done
read -r ratio ms_a ms_b < <(printf '%s\n' "${turns[@]}" | sort -g | sed -n 5p)
costs "one put on the disk, added to one --no-sync" 1.2 "append and fdatasync in C, static, added to its start"
pairs_of "$rounds" /dev/null --before "$fresh; seq 2000 | pqueue put bulk" \
	pqueue get --all -j 2 bulk -- "$IPCUTILS_BUILD/support/nolibc_true" --pair floor 2000 2 "$IPCUTILS_BUILD/support/nolibc_true"
costs "2000 messages, -j 2, a command each" - "the posix_spawn floor"
if installed nq; then
	pairs_of "$many" /dev/null pqueue put bulk message --pair nq -q true
	costs "one put a process, --no-sync" - "nq"
fi
if installed tsp; then
	pairs_of "$many" /dev/null pqueue put bulk message --pair tsp true
	costs "one put a process, --no-sync" - "task-spooler"
fi

# A long queue
sh -c "$fresh"
for _ in 1 2 3; do pqueue put bulk <"$scratch/lines"; done
head -n 1000000 "$scratch/lines" | pqueue put bulk
sync -f "$scratch"
ones "10,000,000 waiting"
largest=0
for words in "put bulk message" "get bulk" "get -c 100000 bulk" "size bulk" "stat bulk" "peek -c 1000 bulk" "put bulk"; do
	read -ra words <<<"$words"
	pairs_of 1 "$scratch/some" pqueue "${words[@]}"
	[ "$rss_a" -le "$largest" ] || largest=$rss_a
done
# A copy is read through by who opens it first.
copies_ms=()
for ((i = 0; i < 3; ++i)); do
	rm -rf "$scratch/copied"
	cp -a "$IPCUTILS_DIR/bulk.queue" "$scratch/copied"
	bytes=$(du -sB1 "$scratch/copied" | cut -f 1)
	pairs_of 1 /dev/null pqueue size "$scratch/copied"
	copies_ms+=("$ms_a")
	[ "$rss_a" -le "$largest" ] || largest=$rss_a
done
median=$(printf '%s\n' "${copies_ms[@]}" | sort -g | sed -n 2p)
seconds=$(awk -v ms="$median" -v bytes="$bytes" 'BEGIN { printf "%.2f", ms / 1000 / bytes * 2 * 1024 ^ 3 }')
row "the first opening of a copy, a 2 GB" "<= 1 s" "$seconds s" \
	"$(awk -v bytes="$bytes" -v ms="$median" 'BEGIN { printf "%.2f GB in %.2f s", bytes / 1024 ^ 3, ms / 1000 }')" "$(holds "$seconds <= 1")"
rm -rf "$scratch/copied"
pairs_of 1 /dev/null pqueue get --all bulk
[ "$rss_a" -le "$largest" ] || largest=$rss_a
row "peak resident set, 10,000,000 messages" "<= 8192 KiB" "$largest KiB" - "$(holds "$largest <= 8192")"
pqueue rm --force bulk

# The kernel's queues
pqueue create --kernel live
pairs_of "$rounds" "$scratch/some" sh -c 'pqueue get -c 300000 live & pqueue put live && wait $!' --pair msgloop "$some" 100
faster "kernel kind, put and get" 0.8 "$some" "msgsnd and msgrcv in C" "$some"
pqueue rm live
pairs_of "$rounds" "$scratch/lines" --before 'pqueue rm --force frames 2>/dev/null; pqueue create --kernel --packed frames' \
	sh -c 'pqueue get -f frames 2>/dev/null & pqueue put frames && until [ "$(pqueue size frames)" -eq 0 ]; do :; done; pqueue rm --force frames; wait $! || [ $? -eq 3 ]'
at_least "kernel kind, packed, put and get" 5000000 "$count"

# A worker that is killed
pqueue create --no-sync hot
pqueue put hot potato
read -r median most longest < <(handover 50 hot)
row "SIGKILL of a worker to the next start of its message" "<= 10 ms" "$median ms" "9 of 10: $most ms, longest: $longest ms" \
	"$(holds "$median <= 10")"
