#!/usr/bin/env bats
# shellcheck disable=SC2016  # $1 in single quotes is for the job's own shell
# shellcheck disable=SC1003  # nor is a lone backslash a mistake
# shellcheck disable=SC2154  # run and the helpers set output, stderr, lines, death
load helpers

# Each test ends with this: nothing was started, nothing made.
nothing_started() {
	[ ! -e ran ]
	[ -z "$(find . -mindepth 1 ! -name 'separate-stderr*')" ]
}

# refused OPTION VALUE...: each VALUE of OPTION is a usage error that names both.
refused() {
	local option=$1 value
	shift
	for value; do
		usage_error "$option" ppool "$option" "$value" touch ::: ran
		[[ -z $value || ${stderr_lines[0]} == *"$value"* ]] || {
			echo "$option $value: the value is not named: $stderr"
			return 1
		}
		[ "${stderr_lines[1]}" = "try 'ppool --help'" ]
	done
}

@test "a bad value of -n: 2, one line that names it, nothing started" {
	refused -n 0 -5% 0% x 1x '' ' ' 1.5 65537 99999999999999999999 + - % +x 4%% 0x4
	refused --jobs 0
	nothing_started
}

@test "a bad duration: 2, named, nothing started" {
	refused -t 1x -1 '' x 1..2 1e3 5mm '1 s' 99999999999999999999d inf nan
	refused --kill-after 1x
	refused --backoff 1x
	refused --delay -1
	nothing_started
}

@test "a bad number: 2, named, nothing started" {
	refused -N 0 x -1 '' 1.5 99999999999999999999999
	refused --retries x -1 '' 99999999999999999999999
	refused --nice x '' 1.5
	nothing_started
}

@test "a bad size: 2, named, nothing started" {
	refused --buffer x 1x -1 '' 1KK 99999999999999999999G
	nothing_started
}

@test "a bad delimiter, column separator or placeholder: 2, named, nothing started" {
	refused -d ab '' '\q' '\x' '\xgg'
	refused -C ''
	refused -I ''
	nothing_started
}

@test "a bad --halt or --exit: 2, named, nothing started" {
	refused --halt now fail=1 never,fail=1 now,fail now,fail=0 now,fail=x now,lost=1 now,fail=-1 now,fail=101% now,fail=0% '' now,fail=1,x
	refused --exit last '' 1
	nothing_started
}

@test "a bad --env or --wd: 2, named, nothing started" {
	refused --env NOT_SET_ANYWHERE =x ''
	usage_error nowhere ppool --wd nowhere touch ::: ran
	: >file
	usage_error file ppool --wd file touch ::: ran
	rm file
	nothing_started
}

@test "-a that cannot be read: 2, named, nothing started, not even for the files before it" {
	printf 'ran\n' >good
	usage_error missing ppool -a missing touch
	usage_error missing ppool -a good -a missing touch
	rm good
	nothing_started
}

@test "-a without permission: 2, named" {
	requires_nobody
	echo ran >locked
	chmod 000 locked
	usage_error locked as_nobody ppool -a locked touch
	[ ! -e ran ]
}

@test "-a that is a directory: told, and no success" {
	mkdir dir
	run --separate-stderr ppool -a dir touch
	[ "$status" -eq 2 ] || [ "$status" -eq 125 ]
	[[ $stderr == 'ppool: dir: Is a directory'* ]]
}

@test "stdin that cannot be read is told, before anything starts" {
	run -2 --separate-stderr ppool echo <.
	[[ $stderr == 'ppool: '*'Is a directory'* ]]
}

@test "an unknown option, a missing value, an ambiguous abbreviation: 2, named" {
	usage_error --nonsense ppool --nonsense touch ::: ran
	usage_error Z ppool -Z touch ::: ran
	usage_error -n ppool -n
	usage_error --timeout ppool --timeout
	usage_error --re ppool --re touch ::: ran
	usage_error --keep-order ppool --keep-order=yes touch ::: ran
	nothing_started
}

@test "an empty COMMAND: 2 or 127, one line that says so, stdin is not read" {
	run --separate-stderr bash -c 'ppool "$unset"; echo "$?"; cat' < <(echo 'touch ran')
	[ "$output" = $'2\ntouch ran' ] || [ "$output" = $'127\ntouch ran' ]
	[[ ${stderr_lines[0]} == ppool:* ]]
	nothing_started
}

@test "a COMMAND that is a directory: 126, one line that names it, no job" {
	run -126 --separate-stderr ppool --joblog log . ::: a
	[[ $stderr == 'ppool: .: '* ]]
	[ "${#stderr_lines[@]}" -eq 1 ]
	[ ! -s log ]
}

@test "options that contradict each other: 2, named, nothing started" {
	usage_error -k ppool -u -k touch ::: ran
	usage_error -u ppool -l -u touch ::: ran
	usage_error --tag ppool -u --tag touch ::: ran
	usage_error --tagstring ppool -u --tagstring x touch ::: ran
	usage_error --results ppool -u --results res touch ::: ran
	usage_error --tty ppool --tty touch ::: ran
	usage_error --tty ppool --tty -n 2 -u touch ::: ran
	usage_error --tty ppool --tty -n 1 touch ::: ran
	usage_error --sh ppool --sh 'touch ran' --commands ::: ran
	usage_error -d ppool -0 -d , touch ::: ran
	usage_error -X ppool -N 2 -X touch ::: ran
	usage_error ::: ppool -a /dev/null touch ::: ran
	nothing_started
}

@test "-N and -X: a {} that does not stand alone, groups, columns: 2, nothing started" {
	local option
	for option in -N2 -X; do
		usage_error '{}' ppool "$option" touch 'x{}' ::: ran
		usage_error ::: ppool "$option" touch ::: ran ::: b
		usage_error -C ppool "$option" -C , touch ::: ran
	done
	nothing_started
}

@test "--commands and --sh take no COMMAND: 2, nothing started" {
	usage_error --commands ppool --commands touch ::: 'touch ran'
	usage_error --sh ppool --sh 'touch ran' touch ::: ran
	nothing_started
}

@test "an error message shows no control bytes of what it names" {
	run -2 --separate-stderr ppool -n $'\x1b[31mred' touch ::: ran
	[[ $stderr != *$'\x1b'* ]]
	run -127 --separate-stderr ppool $'./no\nsuch\x1b' ::: ran
	[[ $stderr != *$'\x1b'* ]]
	[ "${#stderr_lines[@]}" -eq 1 ]
}

@test "a joblog is not emptied by a command line that is refused later" {
	echo precious >log
	echo file >file
	run -2 ppool --joblog log --results file true ::: a
	is log <<<precious
}

@test "stdin is closed: 2, told before anything starts" {
	run -2 --separate-stderr bash -c 'ppool touch ran <&-'
	[ "$stderr" = 'ppool: stdin: Bad file descriptor' ]
}

@test "an empty record as COMMAND is not found" {
	run -1 --separate-stderr ppool --joblog log '{}' ::: ''
	[ "$(cut -f 5 log)" = 127 ]
}

@test "a script behind bash --rcfile FILE -c is a script, too" {
	usage_error -- ppool bash --rcfile f -c 'echo {}' ::: a
}
