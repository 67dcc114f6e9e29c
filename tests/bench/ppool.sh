# ppool against its peers: ratios of wall time, medians of interleaved pairs.
# shellcheck disable=SC2154 # ratio, ms_a, ms_b and rss_a come from pairs_of
set -eu
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
true=$IPCUTILS_BUILD/support/nolibc_true
pairs=${BENCH_PAIRS:-11}
seq 3000 >"$scratch/3000"
seq 600 >"$scratch/600"
seq 100000 >"$scratch/100000"
echo 1 >"$scratch/1"

per_second() { # JOBS MS
	awk -v jobs="$1" -v ms="$2" 'BEGIN { printf "%.0f/s", jobs * 1000 / ms }'
}

pairs_of "$pairs" "$scratch/3000" ppool -n 2 -- "$true" --pair xargs -P 2 -n 1 "$true"
row "3000 jobs, grouped output, time" "<= 1.10 x" "$ratio x ($(per_second 3000 "$ms_a"))" \
	"xargs -P2 -n1 ($(per_second 3000 "$ms_b"))" "$(holds "$ratio <= 1.10")"

pairs_of "$pairs" "$scratch/3000" ppool -n 2 -u -- "$true" --pair xargs -P 2 -n 1 "$true"
row "3000 jobs, -u, time" "<= 1.03 x" "$ratio x ($(per_second 3000 "$ms_a"))" \
	"xargs -P2 -n1 ($(per_second 3000 "$ms_b"))" "$(holds "$ratio <= 1.03")"

pairs_of "$((pairs * 20))" "$scratch/1" ppool -- "$true" --pair xargs -n 1 "$true"
row "one job, start to end" "<= 0.75 x" "$ratio x ($ms_a ms)" "xargs -n1 ($ms_b ms)" "$(holds "$ratio <= 0.75")"

if parallel --version 2>/dev/null | grep -q '^GNU parallel'; then
	pairs_of 3 "$scratch/600" ppool -n 2 -- /bin/true --pair parallel --will-cite -j 2 /bin/true
	faster=$(awk -v ratio="$ratio" 'BEGIN { printf "%.2f", 1 / ratio }')
	row "600 jobs of /bin/true, rate" ">= 7 x" "$faster x ($(per_second 600 "$ms_a"))" \
		"GNU parallel -j2 ($(per_second 600 "$ms_b"))" "$(holds "$ratio <= 1 / 7")"
else
	row "600 jobs of /bin/true, rate" ">= 7 x" - "GNU parallel" "skipped: not installed"
fi

pairs_of "$pairs" "$scratch/3000" ppool -n 2 -- "$true" --pair floor 3000 2 "$true"
row "3000 jobs, grouped output, time" - "$ratio x ($(per_second 3000 "$ms_a"))" \
	"the posix_spawn floor ($(per_second 3000 "$ms_b"))" -

pairs_of "$pairs" "$scratch/3000" xargs -P 2 -n 1 "$true" --pair floor 3000 2 "$true"
row "the same for xargs -P2 -n1" - "$ratio x ($(per_second 3000 "$ms_a"))" \
	"the posix_spawn floor ($(per_second 3000 "$ms_b"))" -

pairs_of 1 "$scratch/100000" ppool -n 2 -- "$true"
row "peak resident set, 100,000 jobs" "<= 4096 KiB" "$rss_a KiB" "($(per_second 100000 "$ms_a"))" \
	"$(holds "$rss_a <= 4096")"
