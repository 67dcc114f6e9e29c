# The options in --help, in the man page and in the completions of the three shells are the same; of a tool with verbs
# also the verbs themselves, and what each of them takes.
dashed() { # LETTERS-OR-NAMES on stdin, one a line: put their dashes in front
	sed 's/^..*/--&/; s/^--\(.\)$/-\1/'
}
in_help() { # TOOL [VERB]; "  -n, -j, --jobs N   text": what stands before the value
	"$@" --help | awk '/^  +-/ {
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
	grep -oE "(compgen -W |options=)'-[^']*'" "$1" | grep -oE -- ' --?[A-Za-z0-9][A-Za-z0-9-]*|'"'--?[A-Za-z0-9-]+" |
		grep -oE -- '-.*' | grep -vx -- -W
}
in_zsh() {
	grep -oE "^  '\*?--?[A-Za-z0-9][A-Za-z0-9-]*\[" "$1" | grep -oE -- '-[^[]*'
}
in_fish() {
	grep -oE ' -[sl] [A-Za-z0-9][A-Za-z0-9-]*' "$1" | cut -c 5- | dashed
}
# Verbs: in the list of --help, in the SYNOPSIS, and where the completions tell them apart.
verbs_in_help() { "$1" --help | awk '/^[A-Z]/ { listed = $0 == "Verbs:" } listed && /^  [a-z]/ { print $1 }'; }
verbs_in_man() {
	awk '/^\.Sh / { synopsis = $2 == "SYNOPSIS" } synopsis && /^\.Cm / { for (i = 2; i <= NF; i++) if ($i != "|") print $i }' "$1"
}
# And what belongs to one of them: FILE VERB.
bash_of_verb() { grep -E "^ +$2\) options=" "$1"; }
zsh_of_verb() { sed -n "/^($2) specs=/,/^) ;;/p" "$1"; }
fish_of_verb() {
	# Without a condition they are every verb's.
	grep -E "^complete [^']* -l |__fish_seen_subcommand_from( [a-z]+)* $2( [a-z]+)*' " "$1"
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

	verbs=$(verbs_in_help "$IPCUTILS_BUILD/bin/$tool")
	[ -n "$verbs" ] || continue
	sort -u <<<"$verbs" >"$help"
	compare "$tool: verbs" "man/$tool.1" < <(verbs_in_man "man/$tool.1")
	for verb in $verbs; do
		in_help "$IPCUTILS_BUILD/bin/$tool" "$verb" | sort -u >"$help"
		compare "$tool $verb" "the bash completion" < <(in_bash <(bash_of_verb "$made/$tool.bash" "$verb"))
		compare "$tool $verb" "the zsh completion" < <(in_zsh <(zsh_of_verb "$made/_$tool" "$verb"))
		compare "$tool $verb" "the fish completion" < <(in_fish <(fish_of_verb "$made/$tool.fish" "$verb"))
	done
done
exit "$status"
