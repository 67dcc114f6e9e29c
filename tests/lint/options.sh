# The options in --help, in the man page and in the completions of the three shells are the same.
dashed() { # LETTERS-OR-NAMES on stdin, one a line: put their dashes in front
	sed 's/^..*/--&/; s/^--\(.\)$/-\1/'
}
in_help() { # "  -n, -j, --jobs N   text": what stands before the value
	"$1" --help | awk '/^  +-/ {
		sub(/^ +/, "")
		while (match($0, /^--?[A-Za-z0-9][A-Za-z0-9-]*/)) {
			print substr($0, 1, RLENGTH)
			$0 = substr($0, RLENGTH + 1)
			if (!sub(/^, /, "")) break
		}
	}'
}
in_man() {
	awk '/^\.It Fl / { for (i = 2; i < NF; i++) if ($i == "Fl") print "-" $(i + 1) }' "$1"
}
in_bash() {
	grep -oE "compgen -W '-[^']*'" "$1" | grep -oE -- ' --?[A-Za-z0-9][A-Za-z0-9-]*|'"'--?[A-Za-z0-9-]+" |
		grep -oE -- '-.*' | grep -vx -- -W
}
in_zsh() {
	grep -oE "^  '\*?--?[A-Za-z0-9][A-Za-z0-9-]*\[" "$1" | grep -oE -- '-[^[]*'
}
in_fish() {
	grep -oE ' -[sl] [A-Za-z0-9][A-Za-z0-9-]*' "$1" | cut -c 5- | dashed
}

status=0
compare() { # TOOL WHERE, the options there on stdin
	local difference
	if ! difference=$(diff <(sort -u) "$help"); then
		printf '%s: --help (>) and %s (<) differ:\n%s\n' "$1" "$2" "$(grep '^[<>]' <<<"$difference")"
		status=1
	fi
}
help=$(mktemp) || exit
trap 'rm -f "$help"' EXIT
made=$IPCUTILS_BUILD/completions
for main in cmd/*/main.cpp; do
	tool=$(basename "$(dirname "$main")")
	in_help "$IPCUTILS_BUILD/bin/$tool" | sort -u >"$help"
	if [ ! -s "$help" ]; then
		echo "$tool: no options in --help"
		status=1
	fi
	compare "$tool" "man/$tool.1" < <(in_man "man/$tool.1")
	compare "$tool" "the bash completion" < <(in_bash "$made/$tool.bash")
	compare "$tool" "the zsh completion" < <(in_zsh "$made/_$tool")
	compare "$tool" "the fish completion" < <(in_fish "$made/$tool.fish")
done
exit "$status"
