#!/usr/bin/env bats
# shellcheck disable=SC2016  # $1 in single quotes is for the job's own shell
# shellcheck disable=SC1003  # nor is a lone backslash a mistake
# shellcheck disable=SC2154  # run and the helpers set output, stderr, lines, death
load helpers

long_options=(jobs null delimiter arg-file no-run-if-empty colsep replace sh commands max-records fit tty nice wd env
	keep-order ungroup line-buffer tag tagstring buffer tmpdir results joblog exit timeout kill-after retries backoff
	fail-fast halt queue until-empty resume resume-failed delay dry-run verbose progress completions help version)

@test "--help: on stdout, 0, with every option" {
	local option
	run -0 --separate-stderr ppool --help
	[ -z "$stderr" ]
	[[ ${lines[0]} == *ppool* ]]
	for option in "${long_options[@]}"; do
		grep -qE -- "--$option([^a-z-]|\$)" <<<"$output" || {
			echo "not in --help: --$option"
			return 1
		}
	done
	for option in -n -j -P -0 -d -a -r -C -I -N -X -k -u -l -t -e -v; do
		grep -qE -- "(^|[ ,])$option([ ,=]|\$)" <<<"$output" || {
			echo "not in --help: $option"
			return 1
		}
	done
}

@test "--help has no option that ppool does not know yet" {
	local option
	run -0 ppool --help
	for option in workers pipe listen on-done on-fail init; do
		[[ $output != *"--$option"* ]]
		run -2 ppool "--$option" x true ::: a
		run -0 ppool --help
	done
	while read -r option; do
		[[ " ${long_options[*]} " == *" ${option#--} "* ]]
	done < <(grep -oE '^ +(-., )*(-.\|)*--[a-z-]+' <<<"$output" | grep -oE -- '--[a-z-]+')
}

@test "--help ends nothing else: it wins over what stands after it" {
	run -0 ppool --help -n 0
	run -0 ppool --help no-such-command
}

@test "--version: the tool, the suite and the version" {
	run -0 --separate-stderr ppool --version
	[ "$output" = "ppool (ipcutils) $(cat "$IPCUTILS_ROOT/VERSION")" ]
	[ -z "$stderr" ]
}

@test "--help and --version that cannot be written fail" {
	run bash -c 'ppool --help >/dev/full'
	[ "$status" -ne 0 ]
	run bash -c 'ppool --version >/dev/full'
	[ "$status" -ne 0 ]
}

@test "options end at the first operand: what follows is COMMAND's" {
	run -0 ppool -n 1 zoo args -n 5 --help -- ::: a
	[ "$output" = '2:-n,1:5,6:--help,2:--,1:a,' ]
}

@test "options end at --" {
	run -0 ppool -n 1 -- zoo args -- ::: a
	[ "$output" = '2:--,1:a,' ]
}

@test "::: counts only as a whole word, and values may be anything, :::: too" {
	run -0 ppool -n 1 zoo args x:::y ::: --help -n '::::' :::x
	[ "$output" = $'5:x:::y,6:--help,\n5:x:::y,2:-n,\n5:x:::y,4:::::,\n5:x:::y,4::::x,' ]
}

@test "long options: = or a word, abbreviated when that is clear; short ones bundled" {
	run -0 ppool --jobs=1 --keep-order --tagstring=T echo ::: a
	[ "$output" = $'T\ta' ]
	run -0 ppool --keep --tim 5 --retri 1 echo ::: a
	[ "$output" = a ]
	run -0 ppool -rkn1 echo ::: a '' b
	[ "$output" = $'a\nb' ]
	run -0 ppool -kt5 echo ::: a
	[ "$output" = a ]
}

@test "--completions: bash's are valid and offer every option" {
	local option
	run -0 --separate-stderr ppool --completions bash
	[ -z "$stderr" ]
	bash -n <<<"$output"
	ppool --completions bash >script
	cmp script "$IPCUTILS_BUILD/completions/ppool.bash"
	# shellcheck disable=SC1091
	source ./script
	complete -p ppool
	for option in "${long_options[@]}"; do
		grep -q -e "--$option" script
	done
}

@test "--completions: bash's complete an abbreviated option" {
	local spec
	ppool --completions bash >script
	# shellcheck disable=SC1091
	source ./script
	spec=$(complete -p ppool)
	[[ $spec =~ -F\ ([^ ]+) ]]
	COMP_WORDS=(ppool --keep-o) COMP_CWORD=1 COMP_LINE='ppool --keep-o' COMP_POINT=14
	"${BASH_REMATCH[1]}" ppool --keep-o ppool || true
	[[ " ${COMPREPLY[*]} " == *' --keep-order '* ]]
}

@test "--completions: zsh's and fish's offer every option, and are valid where those shells are" {
	local option
	ppool --completions zsh >_ppool
	ppool --completions fish >ppool.fish
	cmp _ppool "$IPCUTILS_BUILD/completions/_ppool"
	cmp ppool.fish "$IPCUTILS_BUILD/completions/ppool.fish"
	for option in "${long_options[@]}"; do
		grep -q -e "--$option" _ppool
		grep -q -e "$option" ppool.fish
	done
	[ "$(head -n 1 _ppool)" = '#compdef ppool' ]
	if command -v zsh; then zsh -n _ppool; fi
	if command -v fish; then fish --no-execute ppool.fish; fi
}

@test "--completions of an unknown shell: 2, named" {
	usage_error csh ppool --completions csh
	usage_error --completions ppool --completions
}

@test "the jobs get COMMAND's name as it was given" {
	run -0 ppool -n 1 sh -c 'echo "$0"' ::: name
	[ "$output" = name ]
	ln -s "$(command -v zoo)" other-name
	run -0 ppool -n 1 --sh 'tr "\0" " " </proc/$PPOOL_PID/cmdline' ::: x
	[[ $output == *'ppool -n 1 --sh '* ]]
	run -0 ppool ./other-name args ::: x
	[ "$output" = 1:x, ]
}
