#!/usr/bin/env bats
# shellcheck disable=SC2016  # $1 in single quotes is for COMMAND's own shell
# shellcheck disable=SC2030,SC2031  # each test is a process of its own
# shellcheck disable=SC2154  # run and the helpers set output, stderr, lines, death, pid
load helpers
load locks

eval "plain_$(declare -f teardown)"
teardown() {
	[ -z "${other_uid:-}" ] || rm -rf "/tmp/ipcutils-$other_uid"
	plain_teardown
}

# Each test ends with this: no COMMAND has run, nothing was made, here or in the runtime directory.
nothing_left() {
	local left
	left=$(find . -mindepth 1 ! -name 'separate-stderr*' ! -path ./names)
	[ -z "$left" ] || {
		echo "left: $left"
		return 1
	}
}

# refused TEXT [ARG...]: plock with these arguments exits 2, and says so in one line that has TEXT.
refused() {
	local text=$1
	shift
	run -2 --separate-stderr timeout 10 plock "$@"
	[ -z "$output" ] || return 1
	[[ ${stderr_lines[0]} == "plock: "*"$text"* ]] || {
		echo "plock $*: wanted: $text; got: $stderr"
		return 1
	}
	[ "${#stderr_lines[@]}" -eq 1 ] || [ "${stderr_lines[*]:1}" = "try 'plock --help'" ] || {
		echo "plock $*: more than a line: $stderr"
		return 1
	}
}

# refused_values OPTION OPERANDS VALUE...: each VALUE of OPTION is a usage error that names both.
refused_values() {
	local option=$1 operands=$2 value
	shift 2
	for value; do
		# shellcheck disable=SC2086  # its words
		refused "$option" "$option" "$value" $operands
		[[ -z $value || ${stderr_lines[0]} == *"$value"* ]] || {
			echo "$option $value: the value is not named: $stderr"
			return 1
		}
		[ "${stderr_lines[1]}" = "try 'plock --help'" ] || return
	done
}

# no_lock TEXT [ARG...]: refused TEXT with these arguments and a COMMAND, and nothing is left.
no_lock() { refused "$@" touch ran && nothing_left; }

# as_somebody COMMAND [ARG...]: a user who owns nothing here, and whose own runtime directory is in /tmp.
as_somebody() {
	env -u IPCUTILS_DIR setpriv --reuid "$other_uid" --regid "$other_uid" --clear-groups "$@"
}

requires_somebody() {
	requires_nobody
	other_uid=$((200000 + BASHPID % 100000))
	rm -rf "/tmp/ipcutils-$other_uid"
}

@test "a LOCK whose directory is missing: 2, named, nothing made" {
	refused './no/f: No such file or directory' ./no/f touch ran
	refused 'no/such/f: No such file or directory' -n no/such/f -c 'touch ran'
	refused "$PWD/no/f: No such file or directory" -w 1 "$PWD/no/f" touch ran
	nothing_left
}

@test "a LOCK below a file, too long, in a loop, or a directory that is not there: 2, named" {
	: >file
	ln -s loop loop
	refused './file/f: Not a directory' ./file/f touch ran
	refused './loop: Too many levels of symbolic links' ./loop touch ran
	refused 'File name too long' "./$(printf '%0300d' 0)" touch ran
	refused './new/: ' ./new/ touch ran
	rm file loop
	nothing_left
}

@test "a FIFO, a device, a socket: 2, named, and it does not wait to open them" {
	local thing
	mkfifo fifo
	ln -s fifo link
	for thing in ./fifo ./link "$PWD/fifo" /dev/null /dev/zero; do
		refused '' "$thing" touch ran
		[ "$stderr" = "plock: $thing: neither a file nor a directory" ]
	done
	refused './fifo: neither a file nor a directory' -s -n ./fifo -c 'touch ran'
	rm fifo link
	nothing_left
}

@test "a socket: 2, named" {
	requires perl
	perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Local => "socket", Listen => 1) or die'
	refused './socket: ' ./socket touch ran
	rm socket
	nothing_left
}

@test "a file that may not be read: 2, named" {
	requires_nobody
	echo precious >f
	chmod 600 f
	run -2 --separate-stderr as_nobody plock ./f touch ran
	[ "$stderr" = 'plock: ./f: Permission denied' ]
	is f <<<precious
	rm f
	nothing_left
}

@test "a file that may not be made: 2, named" {
	requires_nobody
	mkdir -m 755 sub
	run -2 --separate-stderr as_nobody plock sub/f touch ran
	[ "$stderr" = 'plock: sub/f: Permission denied' ]
	rmdir sub
	nothing_left
}

@test "a file of another in a directory for all, as /tmp is, can be locked: it is not made anew" {
	requires_nobody
	mkdir -m 1777 shared
	: >shared/f
	chmod 666 shared/f
	as_nobody plock shared/f touch ran
	[ -e ran ]
}

@test "a link that another has laid in a directory for all is not followed: 2, named" {
	requires_nobody
	mkdir -m 1777 shared
	ln -s "$PWD/target" shared/link
	chown -h 65534 shared/link
	refused shared/link shared/link touch ran
	: >target
	refused shared/link shared/link touch ran
	chown -h 0 shared/link
	plock shared/link touch ran
	[ -e ran ]
}

@test "a bad -w: 2, named, nothing made" {
	refused_values -w './f touch ran' -1 '' x 1x 1e3 nan inf 5mm '1 s' 1..2 99999999999999999999d
	refused --wait --wait -1 ./f touch ran
	refused -w -w -1 9
	nothing_left
}

@test "a bad -t: 2, named, nothing made" {
	refused_values -t './f touch ran' -1 '' x 1x 1e3 nan 99999999999999999999d
	refused --timeout --timeout -1 ./f touch ran
	nothing_left
}

@test "a bad -E: 2, named, nothing made" {
	refused_values -E './f touch ran' 300 256 -1 abc '' 1.5 1x 0x1 ' 1' 99999999999999999999
	refused -E -n -E 300 9
	nothing_left
}

@test "a bad --hold: 2, named, nothing made" {
	refused_values --hold './f touch ran' nonsense '' t commands TREE
	nothing_left
}

@test "a bad -j: 2, named, nothing made" {
	refused_values -j 'sem touch ran' 0 40000 32768 -1 abc '' 1.5 3x ' 3' 99999999999999999999
	refused --permits --permits 40000 sem touch ran
	refused -j -j 40000 ./sem touch ran
	refused -j -j 40000 --take sem
	nothing_left
}

@test "a bad --bounded: 2, named, nothing made" {
	refused_values --bounded '--post sem' 0 32768 40000 -1 abc ''
	refused --bounded -j 5 --bounded 3 --post sem
	nothing_left
}

@test "a descriptor that is closed, or can be none: 2, nothing made" {
	run -2 --separate-stderr alone plock 9
	[ "$stderr" = 'plock: 9: Bad file descriptor' ]
	refused 99999999999999999999 99999999999999999999
	refused 2147483648 2147483648
	nothing_left
}

@test "a NAME that is none: 2, named, nothing made" {
	local name
	for name in .hidden . .. 'a b' 'a*' 'ä' 'a,b' "$(printf '%065d' 0)x" 'a;b' '$x' 'a\b' '~' '{}' '<>'; do
		no_lock "$name" "$name"
	done
	no_lock '-x-' -- -x-
	no_lock "a" $'a\nb'
	no_lock "a" $'a\t'
	refused .. -l ..
	refused .. -j 3 .. touch ran
	nothing_left
}

@test "65 letters are too many for a NAME, whatever they are" {
	no_lock 0000 "$(printf '%065d' 0)"
	no_lock aaaa "$(printf '%0300d' 0 | tr 0 a)"
}

@test "HOST:NAME is refused for now; a path may have a colon after its slash" {
	no_lock host:name host:name
	no_lock host:dir/f host:dir/f
	no_lock :f :f
	no_lock 'a:' a:
	plock ./host:name touch ran
	[ -e host:name ]
}

@test "empty operands: 2 for the LOCK; a COMMAND that is empty is not run" {
	refused '' '' touch ran
	refused '' ''
	refused '' '' -c 'touch ran'
	refused '' -l ''
	refused '' -j 2 '' touch ran
	nothing_left
	run --separate-stderr plock ./f ''
	[ "$status" -eq 127 ] || [ "$status" -eq 2 ]
	[[ ${stderr_lines[0]} == 'plock: '* ]]
}

@test "no LOCK, or no COMMAND: 2, nothing made" {
	refused ''
	refused '' --
	refused '' -n
	refused COMMAND ./f
	refused COMMAND ./f --
	refused COMMAND db
	refused COMMAND -n -s db
	refused -c ./f -c
	refused LOCK -c 'touch ran'
	nothing_left
}

@test "-c takes one argument and no COMMAND: 2, nothing made" {
	refused -c ./f -c 'touch ran' more
	refused -c -c 'touch ran' ./f touch ran
	refused -c -c 'touch ran' ./f -- touch ran
	nothing_left
}

@test "-u is for descriptors: 2 with a LOCK or a COMMAND, nothing made" {
	refused -u -u ./f
	refused -u -u db
	refused -u -u ./f touch ran
	refused -u -u 9 touch ran
	refused -u --unlock ./f -c 'touch ran'
	nothing_left
}

@test "what makes no sense with a descriptor: 2, named, the descriptor is not locked" {
	exec 9<.
	refused -r -r 9
	refused -t -t 1 9
	refused COMMAND -o 9
	refused --hold --hold command 9
	refused --hold --hold tree 9
	refused -r --recursive -s 9
	is_free "$PWD"
	exec 9<&-
	nothing_left
}

@test "options that contradict each other: 2, named, nothing made" {
	refused --hold --hold tree -j 2 sem touch ran
	refused --hold --hold tree -t 1 ./f touch ran
	refused --hold -t 1 --hold tree ./f touch ran
	refused -r -r -j 2 sem touch ran
	refused -s -s -j 2 sem touch ran
	refused -u -u -j 2 sem touch ran
	refused --take --take sem touch ran
	refused --post --post sem touch ran
	refused --take --take sem -c 'touch ran'
	refused --value --value sem touch ran
	refused --remove --remove sem touch ran
	refused -l -l ./f touch ran
	refused -l -l ./f -c 'touch ran'
	refused --json --json ./f touch ran
	refused --json --json --value sem
	refused --force --force ./f touch ran
	refused --force --force --value sem
	refused --resize --resize sem touch ran
	refused --resize --resize --post sem
	refused --resize -j 2 --resize --bounded 3 sem
	refused --resize --resize --bounded 3 --post sem
	nothing_left
}

@test "two verbs at once: 2, named, nothing made" {
	refused --take --take --post sem
	refused --value --value --remove sem
	refused --remove --remove --post sem
	refused -l -l --value sem
	nothing_left
}

@test "a verb without its operand: 2, nothing made" {
	local verb
	for verb in --take --post --value --remove '-j 2' '-j 2 --resize'; do
		# shellcheck disable=SC2086  # its words
		refused '' $verb
	done
	nothing_left
}

@test "an unknown option, a missing value, an abbreviation of two, a value too many: 2, named" {
	refused --nonsense --nonsense ./f touch ran
	refused Z -Z ./f touch ran
	refused -w -w
	refused --timeout --timeout
	refused --h --h ./f touch ran
	refused --shared --shared=yes ./f touch ran
	nothing_left
}

@test "an error message shows no control bytes of what it names" {
	local lock
	for lock in $'./no\n\e[31m/f' $'a\e[31m' $'host\e:f' $'./no\xc2\x9b31m/f' $'a\xc2\x9b31m'; do
		refused '' "$lock" touch ran
		[[ $stderr != *$'\e'* ]]
		[[ $stderr != *$'\xc2\x9b'* ]]
	done
	refused ./nö/f ./nö/f touch ran
	refused '' -E $'\e[31m' ./f touch ran
	[[ $stderr != *$'\e'* ]]
	nothing_left
	run -127 --separate-stderr plock ./f $'./no\n\e'
	[ "${#stderr_lines[@]}" -eq 1 ]
	[[ $stderr != *$'\e'* ]]
}

@test "the runtime directory is made when it is missing, 0700 whatever the umask; its parent is not" {
	rmdir names
	(umask 0 && plock db true)
	[ "$(stat -c %a names)" = 700 ]
	[ "$(stat -c %a names/db.lock)" = 600 ]
	IPCUTILS_DIR=$PWD/no/names refused "$PWD/no/names" db touch ran
	[ ! -e no ]
	[ ! -e ran ]
}

@test "a runtime directory that others may write to is refused: 2, named" {
	local mode
	for mode in 770 707 720 702 1777; do
		chmod "$mode" names
		refused "$PWD/names" db touch ran
		refused "$PWD/names" -l
		refused "$PWD/names" -j 2 db touch ran
	done
	chmod 700 names
	nothing_left
	chmod 755 names
	plock db true
}

@test "a runtime directory that belongs to another is refused, though root could use it: 2, named" {
	requires_root
	chown 65534 names
	refused "$PWD/names" db touch ran
	chown 0 names
	nothing_left
}

@test "a runtime directory that is a file, or cannot be entered: 2, named" {
	: >file
	IPCUTILS_DIR=$PWD/file refused "$PWD/file" db touch ran
	IPCUTILS_DIR=/dev/null refused /dev/null db touch ran
	IPCUTILS_DIR=$PWD/file refused "$PWD/file" -l
	rm file
	nothing_left
}

@test "IPCUTILS_DIR may be a link to a directory of one's own" {
	ln -s names link
	IPCUTILS_DIR=$PWD/link plock db touch ran
	[ -e ran ]
	[ -e names/db.lock ]
}

@test "a runtime directory that depends on where one is, is refused: 2, named" {
	local dir
	for dir in names ./names . ../x; do
		IPCUTILS_DIR=$dir refused "$dir" db touch ran
		IPCUTILS_DIR=$dir refused "$dir" -j 2 db touch ran
		IPCUTILS_DIR=$dir refused "$dir" -l
	done
	run -2 --separate-stderr env -u IPCUTILS_DIR XDG_RUNTIME_DIR=names plock db touch ran
	[[ $stderr == 'plock: '*names* ]]
	nothing_left
	[ -z "$(ls names)" ]
}

@test "a path needs no runtime directory" {
	chmod 777 names
	plock ./f touch ran
	[ -e ran ]
	plock -l ./f
}

@test "XDG_RUNTIME_DIR is used without IPCUTILS_DIR, by the same rules" {
	mkdir xdg
	run -0 env -u IPCUTILS_DIR XDG_RUNTIME_DIR="$PWD/xdg" plock db true
	[ "$(stat -c %a xdg/ipcutils)" = 700 ]
	[ -e xdg/ipcutils/db.lock ]
	chmod 770 xdg/ipcutils
	run -2 --separate-stderr env -u IPCUTILS_DIR XDG_RUNTIME_DIR="$PWD/xdg" plock db touch ran
	[[ $stderr == 'plock: '*"$PWD/xdg/ipcutils"* ]]
	[ ! -e ran ]
	run -0 env XDG_RUNTIME_DIR="$PWD/xdg" plock db touch ran
	[ -e names/db.lock ]
}

@test "without either it is /tmp/ipcutils-UID, 0700" {
	requires_somebody
	as_somebody plock db touch "/tmp/ipcutils-$other_uid/ran"
	[ "$(stat -c '%a %u' "/tmp/ipcutils-$other_uid")" = "700 $other_uid" ]
	[ "$(stat -c '%a %u' "/tmp/ipcutils-$other_uid/db.lock")" = "600 $other_uid" ]
}

@test "/tmp/ipcutils-UID that is a link, another's or open to others is refused: 2, named" {
	local dir
	requires_somebody
	dir=/tmp/ipcutils-$other_uid
	mkdir -m 700 own
	chown "$other_uid" own
	ln -s "$PWD/own" "$dir"
	chown -h "$other_uid" "$dir"
	run -2 --separate-stderr as_somebody plock db true
	[[ $stderr == 'plock: '*"$dir"* ]]
	[ -z "$(ls -A own)" ]
	rm "$dir"
	mkdir -m 777 "$dir"
	run -2 --separate-stderr as_somebody plock db true
	[[ $stderr == 'plock: '*"$dir"* ]]
	chown "$other_uid" "$dir"
	run -2 --separate-stderr as_somebody plock db true
	[[ $stderr == 'plock: '*"$dir"* ]]
	[ -z "$(ls -A "$dir")" ]
	chmod 700 "$dir"
	as_somebody plock db true
}

@test "--help and --version go to stdout, exit 0, and lock nothing" {
	run -0 --separate-stderr plock --help
	[ -n "$output" ]
	[ -z "$stderr" ]
	run -0 --separate-stderr plock --version
	[ "$output" = "plock (ipcutils) $(cat "$IPCUTILS_ROOT/VERSION")" ]
	run -0 plock --help ./f touch ran
	nothing_left
}
