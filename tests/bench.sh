#!/bin/bash
# Runs every script of tests/bench and prints their rows as one table. A script prints a row as
# what TAB target TAB measured TAB peer TAB verdict. BENCH_MD=FILE: the table also goes to FILE, as markdown.
set -u
cd "$(dirname "$0")/.." || exit
export IPCUTILS_BUILD=${IPCUTILS_BUILD:-$PWD/build}
# pairs_of K INPUT A... --pair B...: sets ratio (median of A/B), ms_a, ms_b (medians), rss_a (KiB).
pairs_of() {
	local result
	result=$(pairs "$@") || return
	read -r ratio ms_a ms_b rss_a <<<"$result"
	export ratio ms_a ms_b rss_a
}

row() { # WHAT TARGET MEASURED PEER VERDICT
	printf '%s\t%s\t%s\t%s\t%s\n' "$@"
	echo "  $1: $3 (target $2): $5" >&2
}

holds() { # AWK-CONDITION: met or missed
	awk "BEGIN { print ($1) ? \"met\" : \"missed\" }"
}
export -f pairs_of row holds

# Copies, as an installation has them: what a linker wrote here and there takes more page faults to map.
copies=$(mktemp -d) || exit
rows=$(mktemp) || exit
trap 'rm -rf "$rows" "$copies"' EXIT
for file in "$IPCUTILS_BUILD"/bin/* "$IPCUTILS_BUILD"/bench/*; do
	if [ -x "$file" ]; then install "$file" "$copies"; fi
done
export PATH="$copies:$PATH"

status=0
for script in tests/bench/*.sh; do
	echo "bench: $script" >&2
	bash "$script" >>"$rows" || { echo "bench: $script failed" >&2 && status=1; }
done

machine="$(uname -srm), $(nproc) CPUs ($(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)), $(date -u +%F)"
echo
echo "$machine"
awk -F '\t' '
BEGIN { heading = "what\ttarget\tmeasured\tagainst\tverdict" }
function keep(line, i, n, field) {
	n = split(line, field, "\t")
	count++
	for (i = 1; i <= n; i++) {
		cell[count, i] = field[i]
		if (length(field[i]) > width[i]) width[i] = length(field[i])
	}
}
NR == 1 { keep(heading) }
{ keep($0) }
END {
	for (line = 1; line <= count; line++) {
		for (i = 1; i <= 4; i++) printf "%-" width[i] "s  ", cell[line, i]
		print cell[line, 5]
	}
}' "$rows"
if [ -n "${BENCH_MD:-}" ]; then
	{
		echo "| what | target | measured | against | verdict |"
		echo "|---|---|---|---|---|"
		awk -F '\t' '{ printf "| %s | %s | %s | %s | %s |\n", $1, $2, $3, $4, $5 }' "$rows"
		echo
		echo "$machine"
	} >"$BENCH_MD"
fi
exit "$status"
