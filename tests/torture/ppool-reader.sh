# The reader of stdout goes away at a random moment, before endless input: ppool ends at once, of SIGPIPE, and leaves
# nothing behind, in every mode of output.
set -u
modes=('' -k -u -l --tag)
scratch=$(mktemp -d) || exit
trap 'rm -rf "$scratch"' EXIT
export IPCUTILS_TEST_MARK=$scratch

marked() {
	local files
	mapfile -t files < <(env -u IPCUTILS_TEST_MARK grep -lszxF "IPCUTILS_TEST_MARK=$scratch" /proc/[0-9]*/environ)
	files=("${files[@]#/proc/}")
	printf '%s\n' "${files[@]%/environ}"
}

round() { # MODE LINES
	local statuses deadline
	# shellcheck disable=SC2086 # no mode is no word
	yes "$(seq -s ' ' 200)" 2>/dev/null | timeout 10 ppool $1 -n 4 -- echo | head -n "$2" >/dev/null
	statuses=("${PIPESTATUS[@]}")
	[ "${statuses[1]}" -eq 141 ] || [ "$1" = -u ] || { echo "status ${statuses[1]}" && return 1; }
	[ "${statuses[1]}" -ne 124 ] || { echo "it did not end" && return 1; }
	deadline=$((SECONDS + 2))
	while [ -n "$(marked)" ]; do
		[ "$SECONDS" -le "$deadline" ] || { echo "left: $(marked | env -u IPCUTILS_TEST_MARK xargs -r ps -o pid,pgid,stat,args -p)" && return 1; }
	done
}

end=$((SECONDS + SECONDS_TO_RUN))
rounds=0
while [ "$SECONDS" -lt "$end" ]; do
	mode=${modes[RANDOM % ${#modes[@]}]}
	lines=$((RANDOM % 300 + 1))
	round "$mode" "$lines" || { echo "ppool-reader: failed with '$mode', head -n $lines" && exit 1; }
	rounds=$((rounds + 1))
done
echo "ppool-reader: $rounds rounds, nothing left"
