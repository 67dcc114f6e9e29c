#!/usr/bin/env bats
# shellcheck disable=SC2016  # $1 in single quotes is for an inner shell
# shellcheck disable=SC1010  # done is a verb
# shellcheck disable=SC2154  # run and the helpers set output, stderr, lines, death, pid
load helpers
load queues

# nothing_made: no queue of any kind, here or in the directories of NAMEs, and no COMMAND has run.
nothing_made() {
	local left
	left=$(find . -mindepth 1 ! -name 'separate-stderr*' ! -path ./names ! -path ./state)
	[ -z "$left" ] || {
		echo "left: $left"
		return 1
	}
}

# refused_values OPTION "WORDS" VALUE...: each VALUE of OPTION before these words is a usage error that names both.
refused_values() {
	local option=$1 words=$2 value
	shift 2
	for value; do
		# shellcheck disable=SC2086  # its words
		refused "$option" ${words%% *} "$option" "$value" ${words#* } || return
		[[ -z $value || ${stderr_lines[0]} == *"$value"* ]] || {
			echo "$option $value: the value is not named: $stderr"
			return 1
		}
		[ "${stderr_lines[1]}" = "try 'pqueue --help'" ] || return
	done
}

@test "no verb, an empty one, an unknown one: 2, named, nothing made" {
	local verb
	refused ''
	for verb in frob '' Put gets PUT ls 'put q' 7; do
		refused "$verb" "$verb" q
		[ "${stderr_lines[1]}" = "try 'pqueue --help'" ]
	done
	nothing_made
}

@test "--help, after a verb too: stdout, 0; --version" {
	local verb
	run -0 --separate-stderr pqueue --help
	[[ $output == 'Usage: pqueue VERB'* ]]
	[ -z "$stderr" ]
	for verb in put get call result 'done' requeue join close size empty full stat peek purge verify rm list create; do
		run -0 --separate-stderr pqueue "$verb" --help
		[[ $output == "Usage: pqueue $verb"* ]]
	done
	run -0 pqueue --version
	[ "$output" = "pqueue (ipcutils) $(cat "$IPCUTILS_ROOT/VERSION")" ]
	nothing_made
}

@test "every verb without its NAME: 2, nothing made" {
	local verb
	for verb in put get call result done requeue join close size empty full stat peek purge verify rm create; do
		refused '' "$verb"
		refused '' "$verb" --
	done
	refused '' get -- touch ran
	nothing_made
}

@test "too few and too many operands: 2, nothing made" {
	local verb
	for verb in join close size empty full stat peek purge verify rm create; do refused extra "$verb" q extra; done
	refused extra list extra
	refused extra get q extra
	refused extra done q 1-1 extra
	refused extra requeue q 1-1 extra
	refused extra result q 1 extra
	refused extra call q message extra
	refused '' done q
	refused '' requeue q
	refused '' result q
	nothing_made
}

@test "a NAME that is none: 2, named, nothing made, for every verb" {
	local name verb
	for name in .hidden . .. 'a b' 'a*' 'ä' 'a,b' 'a;b' '$x' 'a\b' '~' '{}' '<>' "$(printf '%065d' 0)x"; do
		refused "$name" put "$name" a
		refused "$name" get -n "$name"
		refused "$name" create --kernel "$name"
	done
	for verb in join close size empty full stat peek purge verify rm create call; do refused .. "$verb" ..; done
	refused .. done .. 1-1
	refused '' put '' a
	refused a put $'a\nb' c
	nothing_made
}

@test "a NAME of 64 letters is one; of 65 it is none" {
	refused "$(printf '%065d' 0)" put "$(printf '%065d' 0)" a
	nothing_made
	pqueue put "$(printf '%064d' 0)" a
}

@test "HOST:NAME is refused for now; a path may have a colon after its slash" {
	refused host:name put host:name a
	refused host:dir/q put host:dir/q a
	refused :q put :q a
	nothing_made
	pqueue put ./host:name a
	[ -d host:name ]
}

@test "a bad -p: 2, named, nothing made" {
	refused_values -p 'put q a' 10 -1 '' x 1.5 ' 1' 1x 0x1 99999999999999999999
	refused_values --priority 'call q a' 10 -1
	nothing_made
}

@test "a bad -t: 2, named, nothing made" {
	local verb
	for verb in 'put q a' 'get q' 'join q' 'result q 1' 'call q a'; do
		refused_values -t "$verb" -1 '' x 1x 1e3 nan inf 5mm '1 s' 99999999999999999999d
	done
	refused_values --timeout 'get q' -1
	nothing_made
}

@test "a bad --delay, --lease, --backoff, --limit, --kill-after: 2, named, nothing made" {
	refused_values --delay 'put q a' -1 '' x 1e3 99999999999999999999d
	refused_values --lease 'get q' -1 '' x
	refused_values --backoff 'get q -- touch ran' -1 '' x
	refused_values --limit 'get q -- touch ran' -1 '' x
	refused_values --kill-after 'get q -- touch ran' -1 '' x
	nothing_made
}

@test "--lease 0 would end as it begins: 2" {
	refused_values --lease 'get q' 0 0s
	nothing_made
}

@test "a bad --max: 2, named, nothing made" {
	refused_values --max 'put q a' 0 -1 '' x 1.5 ' 3' 99999999999999999999
	refused_values --max 'create q' 0 -1
	nothing_made
}

@test "a bad --max-bytes: 2, named, nothing made" {
	refused_values --max-bytes 'create q' 0 -1 '' x 1.5K 1X K 99999999999999999999 99999999999T
	nothing_made
}

@test "a bad --max-message: 2, named, nothing made; more than 1 GiB is" {
	refused_values --max-message 'create q' -1 '' x 1.5K 1X 1025M 2G 1073741825 99999999999999999999
	refused_values --max-message 'put q a' 2G
	nothing_made
}

@test "a bad -c: 2, named, nothing made" {
	refused_values -c 'get q' 0 -1 '' x 1.5 1K 99999999999999999999
	refused_values --count 'peek q' 0 -1
	nothing_made
}

@test "a bad -d: 2, named, nothing made" {
	refused_values -d 'put q' '' ab '\q' '\x' '\xg0'
	refused_values --delimiter 'get q' '' ab
	nothing_made
}

@test "a bad --mode: 2, named, nothing made" {
	refused_values --mode 'create q' '' x 8 0999 u=rw 77777 -1
	nothing_made
}

@test "a bad -j or --retries: 2, named, nothing made" {
	refused_values -j 'get q -- touch ran' 0 -1 '' x 99999999999999999999
	refused_values --retries 'get q -- touch ran' -1 '' x 99999999999999999999
	nothing_made
}

@test "a LEASE that is none: 2, named" {
	local lease
	pqueue put q a
	for lease in x '' -- 1 1- -1 '1 1' 0-0 99999999999999999999999; do
		refused '' done q "$lease"
		refused '' requeue q "$lease"
	done
	holds q <<<a
}

@test "an ID that is none: 2; one of no message: 125" {
	local id
	pqueue put q a
	for id in x '' 1.5 99999999999999999999999; do refused '' result q "$id"; done
	run -125 --separate-stderr pqueue result -n q 4711
	[[ $stderr == 'pqueue: q: '* ]]
	run -125 --separate-stderr pqueue result -n none 1
	[[ $stderr == 'pqueue: none: '* ]]
	[ ! -e "$(queue_dir none)" ]
}

@test "an unknown option, one without its value, one with a value too many: 2, named, nothing made" {
	refused frob put --frob q a
	refused Z get -Z q
	refused '' put q a -p
	refused '' put q a --max
	refused all get --all=yes q
	refused follow get --follow=1 q
	refused frob --frob
	nothing_made
}

@test "options of other verbs: 2, named, nothing made" {
	refused -p get -p 3 q
	refused -f put -f q a
	refused lifo put --lifo q a
	refused kernel put --kernel q a
	refused whole get --whole q
	refused delay create --delay 1 q
	refused max get --max 5 q
	refused now rm --now q
	refused force close --force q
	refused json size --json q
	refused -n size -n q
	refused -t close -t 1 q
	refused -c put -c 3 q a
	refused -v stat -v q
	refused all peek --all q
	refused -i get -i q
	refused reply get --reply q
	refused lease put --lease 1 q a
	refused mode get --mode 600 q
	refused -j put -j 3 q a
	refused -f list -f
	nothing_made
}

@test "options that contradict each other: 2, nothing made" {
	refused '' put -0 -d x q
	refused '' put -0 --len q
	refused '' put --len --whole q
	refused '' put -0 --whole q
	refused '' put -d x --len q
	refused '' get -0 --len q
	refused '' get -d x -0 q
	refused '' get --all -f q
	refused '' get --all -c 3 q
	refused '' get -n -f q
	refused '' get --lease 5 q -- touch ran
	refused '' create --kernel --lifo q
	refused '' create --kernel --max 5 q
	nothing_made
}

@test "options that are for a COMMAND, without one: 2, nothing made" {
	refused stdin get --stdin q
	refused -j get -j 2 q
	refused retries get --retries 2 q
	refused backoff get --backoff 2 q
	refused limit get --limit 2 q
	refused kill-after get --kill-after 2 q
	nothing_made
}

@test "framing with MESSAGEs, or with a COMMAND, has no meaning: 2, nothing made" {
	refused '' put -0 q a
	refused '' put --len q a
	refused '' put --whole q a
	refused '' put -d x q a
	refused '' get -0 q -- touch ran
	refused '' get --len q -- touch ran
	nothing_made
}

@test "options may stand anywhere before --" {
	pqueue put q a -p 5 b
	pqueue put q -i -- c >id
	[ -s id ]
	pqueue get q -c 2 -0 >out
	printf 'a\0b\0' | cmp - out
	[ "$(pqueue get q -n)" = c ]
	quiet 1 get q -n
}

@test "a negative number is an operand: put q -1 -250 puts two messages" {
	pqueue put q -1 -250 -1.5
	holds q <<<$'-1\n-250\n-1.5'
	pqueue put -p 3 q -7
	holds q <<<-7
}

@test "-0 is the option, not a number" {
	printf 'a\0b\0' | pqueue put q -0
	[ "$(pqueue size q)" -eq 2 ]
	pqueue get q -0 >out
	printf 'a\0' | cmp - out
}

@test "after -- everything is an operand; of get it is COMMAND" {
	pqueue put q -- -p 5
	holds q <<<$'-p\n5'
	pqueue put q a
	pqueue get q -- echo -n -f >out
	[ "$(cat out)" = '-f a' ]
}

@test "-- with no COMMAND after it: 2 for get, nothing taken" {
	pqueue put q a
	run --separate-stderr pqueue get q --
	[ "$status" -eq 2 ] || [ "$output" = a ]
}

@test "COMMAND that is not found: 127, that cannot be executed: 126; nothing is taken" {
	: >plain
	run -127 --separate-stderr pqueue get q -- no-such-command-anywhere
	[[ $stderr == 'pqueue: no-such-command-anywhere: '* ]]
	run -126 --separate-stderr pqueue get q -- ./plain
	[[ $stderr == 'pqueue: ./plain: '* ]]
	pqueue put q a
	run -127 pqueue get q -- no-such-command-anywhere
	[ "$(stat_of q '[.queued, .leased, .dead]')" = '[1,0,0]' ]
}

@test "a directory that is no queue: 2, named, and it stays as it was" {
	local verb
	mkdir dir
	echo precious >dir/file
	refused ./dir put ./dir a
	refused ./dir get -n ./dir
	for verb in size empty full stat peek purge verify rm join close create; do refused ./dir "$verb" ./dir; done
	[ "$(ls -A dir)" = file ]
	is dir/file <<<precious
}

@test "a directory with a file called control that is none of ours: 2, and it stays as it was" {
	mkdir dir
	seq 10000 >dir/control
	refused ./dir put ./dir a
	refused ./dir rm --force ./dir
	cmp dir/control <(seq 10000)
}

@test "the state directory itself is no queue" {
	pqueue put q a
	run -2 pqueue put state/ b
	run -2 pqueue rm --force ./state
	[ "$(pqueue get -n q)" = a ]
}

@test "a file, a FIFO, a device, a socket: 2, named, and it does not wait to open them" {
	local thing
	mkfifo fifo
	echo precious >file
	for thing in ./fifo ./file /dev/null /dev/zero; do
		refused "$thing" put "$thing" a
		refused "$thing" get -n "$thing"
		refused "$thing" rm --force "$thing"
	done
	is file <<<precious
	[ -p fifo ]
	[ -c /dev/null ]
}

@test "below a file, in a loop of links, too long: 2, named" {
	: >file
	ln -s loop loop
	refused './file/q: Not a directory' put ./file/q a
	refused './loop: ' put ./loop a
	refused 'File name too long' put "./$(printf '%0300d' 0)" a
}

# of_a_later_day FILE OFFSET: the version, which stands there behind the letters that say what it is, becomes the largest
# there can be.
of_a_later_day() { printf '\377\377\377\377' | dd of="$1" bs=1 seek="$2" conv=notrunc status=none; }

@test "a queue of a newer version: 2, told, and it stays as it was" {
	local verb before
	pqueue put q a
	of_a_later_day "$(queue_dir q)/control" 8
	before=$(cat "$(queue_dir q)"/{control,runs,seg-*} | cksum)
	for verb in size empty full stat peek purge verify join close create rm 'get -n' 'get -f' put 'put -n' 'done' 'result' 'rm --force'; do
		case $verb in
		put*) set -- b ;;
		'done') set -- 1-1 ;;
		result) set -- 1 ;;
		*) set -- ;;
		esac
		# shellcheck disable=SC2086  # its words
		run --separate-stderr timeout 10 pqueue $verb q "$@"
		[ "$status" -eq 2 ] || { [ "$verb" = result ] && [ "$status" -eq 125 ]; } || {
			echo "$verb: $status"
			return 1
		}
		[[ $stderr == 'pqueue: '*version* ]] || {
			echo "$verb: $stderr"
			return 1
		}
	done
	[ "$(cat "$(queue_dir q)"/{control,runs,seg-*} | cksum)" = "$before" ]
}

@test "a kernel queue of a newer version: 2, told" {
	pqueue create --kernel k
	cp "$(queue_file k)" saved
	of_a_later_day "$(queue_file k)" 12
	refused version put k a
	refused version get -n k
	refused version size k
	cp saved "$(queue_file k)"
	pqueue put k a
}

@test "a state directory that others may write to, of another, relative, or a file: 2, named, nothing made" {
	mkdir -m 0777 open
	IPCUTILS_STATE_DIR=$PWD/open refused "$PWD/open" put q a
	IPCUTILS_STATE_DIR=open refused open put q a
	: >file
	IPCUTILS_STATE_DIR=$PWD/file refused "$PWD/file" put q a
	[ -z "$(ls open)" ]
	[ ! -s file ]
}

@test "a runtime directory that others may write to: 2 for a kernel queue, named, nothing made" {
	mkdir -m 0777 open
	IPCUTILS_DIR=$PWD/open refused "$PWD/open" create --kernel k
	[ -z "$(ls open)" ]
}

@test "-n and -t say the same thing, and the last one counts" {
	quiet 1 get -t 60 -n q
	[ ! -e "$(queue_dir q)" ]
	quiet 124 get -n -t 0.05 q
}

@test "a full disk is told, and what was there before stays: put under a file-size limit" {
	pqueue put q before
	run --separate-stderr bash -c 'ulimit -f 0; exec pqueue put q after'
	[ "$status" -ne 0 ] || [ "$(pqueue size q)" -eq 2 ]
	[ "$(pqueue get -n q)" = before ]
	pqueue put q again
	run -0 pqueue verify q
}

@test "few descriptors: 2 and told, nothing lost" {
	requires_plain_build
	pqueue put q a
	run --separate-stderr bash -c 'ulimit -n 4; exec pqueue get -n q'
	[ "$status" -eq 0 ] || [[ $stderr == 'pqueue: '*'Too many open files'* ]]
	[ "$status" -ne 0 ] || [ "$output" = a ]
	[ "$status" -eq 0 ] || [ "$(pqueue get -n q)" = a ]
}
