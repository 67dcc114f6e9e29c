#!/usr/bin/env bats
# shellcheck disable=SC2016  # $1 in single quotes is for an inner shell
# shellcheck disable=SC1010  # done is a verb
# shellcheck disable=SC2154  # run and the helpers set output, stderr, lines, death, pid, took
# create --kernel: a System V message queue.
load helpers
load queues

# The ids of the message queues that were made since the test began.
new_queues() {
	ipcs -q | awk '$2 ~ /^[0-9]+$/ { print $1, $2 }' | grep -vxF "${sysv_before:-none}" | cut -d ' ' -f 2
}

# kernel COMMAND...: what is in the file with the limit of that name.
limit() { cat "/proc/sys/kernel/$1"; }

# in_own_ipc COMMAND [ARG...]: where System V objects and their limits are its own.
in_own_ipc() { unshare --ipc "$@"; }

requires_own_ipc() {
	requires_root
	requires unshare
	unshare --ipc sh -c 'echo 100 >/proc/sys/kernel/msgmni' 2>/dev/null || skip "no IPC namespace to be had"
}

@test "create --kernel: a file in the runtime directory, 0600, and a queue in the kernel; nothing in the state directory" {
	quiet 0 create --kernel k
	[ "$(stat -c %a "$(queue_file k)")" = 600 ]
	[ "$(new_queues | wc -l)" -eq 1 ]
	[ -z "$(ls state)" ]
	quiet 0 rm k
	[ -z "$(new_queues)" ]
	[ ! -e "$(queue_file k)" ]
}

@test "ipcs shows it, 0600, and its messages and bytes" {
	pqueue create --kernel k
	pqueue put k abc de
	ipcs -q -i "$(new_queues)" >shown
	grep -q 'mode=0600' shown
	[ "$(ipcs -q | awk -v id="$(new_queues)" '$2 == id { print $5, $6 }')" = '5 2' ]
}

@test "a path is the file itself" {
	pqueue create --kernel ./here.mq
	[ -f here.mq ]
	pqueue put ./here.mq a
	[ "$(pqueue get -n ./here.mq)" = a ]
	pqueue rm ./here.mq
	[ ! -e here.mq ]
}

@test "the key is random: two queues of the same name in two places do not meet" {
	mkdir sub
	pqueue create --kernel ./k.mq
	pqueue create --kernel sub/k.mq
	pqueue put ./k.mq one
	quiet 1 get -n sub/k.mq
	[ "$(pqueue get -n ./k.mq)" = one ]
	pqueue rm sub/k.mq
}

@test "create --kernel again: 0, the same queue; with --packed it contradicts: 2" {
	pqueue create --kernel k
	pqueue put k a
	quiet 0 create --kernel k
	[ "$(pqueue get -n k)" = a ]
	refused k create --kernel --packed k
	[ "$(new_queues | wc -l)" -eq 1 ]
}

@test "create without --kernel of a kernel queue, and with it of a durable one: 2" {
	pqueue create --kernel k
	refused k create k
	pqueue create q
	refused q create --kernel q
	[ "$(new_queues | wc -l)" -eq 1 ]
}

@test "put and get: first in, first out" {
	pqueue create --kernel k
	quiet 0 put k a b
	pqueue put k c
	run -0 --separate-stderr pqueue get k
	[ "$output" = a ]
	[ -z "$stderr" ]
	[ "$(pqueue get k)" = b ]
	[ "$(pqueue get k)" = c ]
}

@test "put of lines from stdin" {
	pqueue create --kernel k
	seq 100 | pqueue put k
	[ "$(pqueue size k)" -eq 100 ]
	for i in {1..100}; do [ "$(pqueue get -n k)" = "$i" ]; done
}

@test "any bytes, and none" {
	pqueue create --kernel k
	pqueue put k '' $'a\nb'
	printf '3\n\0\n\377' | pqueue put --len k
	printf '0\n' >wanted
	pqueue get --len k | cmp - wanted
	printf '3\na\nb' >wanted
	pqueue get --len k | cmp - wanted
	printf '3\n\0\n\377' >wanted
	pqueue get --len k | cmp - wanted
}

@test "-p: the higher first, FIFO inside" {
	local p
	pqueue create --kernel k
	for p in 3 1 4 5 9 2 6 8 7 0; do pqueue put -p "$p" k "$p a" "$p b"; done
	for p in 9 8 7 6 5 4 3 2 1 0; do
		[ "$(pqueue get -n k)" = "$p a" ]
		[ "$(pqueue get -n k)" = "$p b" ]
	done
}

@test "priorities are message types: a program that speaks msgrcv has them, and can put" {
	requires perl
	pqueue create --kernel k
	pqueue put k plain
	pqueue put -p 9 k urgent
	export id
	id=$(new_queues)
	perl -e '
		msgrcv($ENV{id}, $m, 100, -10, 0) // die $!;
		my ($type, $text) = unpack "l! a*", $m;
		print "$text\n";
		my ($other) = ($type);
		msgrcv($ENV{id}, $m, 100, -10, 0) // die $!;
		($type, $text) = unpack "l! a*", $m;
		print "$text\n";
		print $other < $type ? "lower type, higher priority\n" : "types: $other $type\n";
		msgsnd($ENV{id}, pack("l! a*", $type, "from perl"), 0) or die $!;
	' >out
	is out <<-'END'
		urgent
		plain
		lower type, higher priority
	END
	[ "$(pqueue get -n k)" = 'from perl' ]
}

@test "get -n of an empty one: 1; -t: 124 after TIME and not before; -t 0: 1" {
	pqueue create --kernel k
	quiet 1 get -n k
	quiet 1 get -t 0 k
	milliseconds quiet 124 get -t 0.2 k
	((took >= 200 && took < 2000))
}

@test "get waits for a message, with -t too" {
	pqueue create --kernel k
	waiting g get k
	pqueue put k a
	ends g 'exit 0'
	is g.out <<<a
	waiting g get -t 60 k
	pqueue put k b
	ends g 'exit 0'
	is g.out <<<b
}

@test "waiting costs no CPU" {
	local before
	requires_plain_build
	pqueue create --kernel k
	waiting g get k
	before=$(switches_asleep "$pid")
	# This measures; nothing is awaited.
	sleep 0.4
	[ "$(switches_asleep "$pid")" = "$before" ]
	end g
}

@test "full: put -n is 1, put -t 124, put waits until there is room" {
	pqueue create --kernel k
	head -c "$(limit msgmax)" /dev/zero | tr '\0' x >big
	while pqueue put -n --whole k <big; do :; done
	run -1 pqueue put -n --whole k <big
	run -1 pqueue put -t 0 --whole k <big
	milliseconds run -124 pqueue put -t 0.2 --whole k <big
	((took >= 200 && took < 2000))
	start p pqueue put k "$(cat big)"
	await_waiting "$pid"
	still p
	pqueue get k | cmp - <(cat big && echo)
	ends p 'exit 0'
}

@test "bounded by msgmnb: so many bytes and no more" {
	local n=0
	pqueue create --kernel k
	head -c 1024 /dev/zero | tr '\0' x >kib
	while pqueue put -n --whole k <kib; do n=$((n + 1)); done
	[ "$((n * 1024))" -le "$(limit msgmnb)" ]
	[ "$(((n + 1) * 1024))" -gt "$(limit msgmnb)" ]
}

@test "--max-bytes and --max-message bound it further" {
	pqueue create --kernel --max-bytes 100 --max-message 10 k
	run -2 pqueue put k 12345678901
	seq -f '%010g' 10 | pqueue put k
	run -1 pqueue put -n k x
	[ "$(stat_of k '[.max_bytes, .max_message]')" = '[100,10]' ]
	refused k create --kernel --max-bytes 200 k
	quiet 0 create --kernel --max-bytes 100 k
}

@test "a put of more lines than fit waits, and all arrive in order" {
	pqueue create --kernel k
	start p pqueue put k < <(seq 10000)
	for i in {1..50}; do [ "$(pqueue get -t 10 k)" = "$i" ]; done
	start g pqueue get -c 9950 k
	ends p 'exit 0'
	ends g 'exit 0'
	cmp g.out <(seq 51 10000)
}

@test "put -n of more lines than fit: 1; those that fit stay put and are counted on stderr" {
	local size
	pqueue create --kernel k
	run -1 --separate-stderr pqueue put -n k < <(seq 100000)
	size=$(pqueue size k)
	[[ $stderr == 'pqueue: k: '*"$size messages were put"* ]]
}

@test "a message larger than msgmax: 2, told; one of msgmax is put" {
	pqueue create --kernel k
	head -c "$(limit msgmax)" /dev/urandom >big
	pqueue put --whole k <big
	pqueue get --len k >out
	framed big | cmp - out
	echo >>big
	run -2 --separate-stderr pqueue put --whole k <big
	[[ $stderr == 'pqueue: '*"longer than $(limit msgmax) bytes" ]]
	[ "$(pqueue size k)" -eq 0 ]
}

@test "larger than msgmax in the middle of the lines: 2; those before stay put and are counted" {
	pqueue create --kernel k
	run -2 --separate-stderr pqueue put k < <(
		seq 3
		head -c "$(limit msgmax)" /dev/zero | tr '\0' x
		echo more
		seq 2
	)
	[[ $stderr == 'pqueue: '*'longer than'*'; 3 messages were put' ]]
	[ "$(pqueue size k)" -eq 3 ]
}

@test "size counts the messages, stat tells kind and numbers, as text and JSON" {
	pqueue create --kernel k
	pqueue put k abc de
	[ "$(pqueue size k)" -eq 2 ]
	[ "$(stat_of k '[.kind, .queued, .bytes]')" = '["kernel",2,5]' ]
	pqueue stat k >text
	grep -qw kernel text
	grep -qw 5 text
}

@test "list shows it with its kind" {
	pqueue create --kernel k
	pqueue put k abc de
	[ "$(pqueue list | awk '{ print $1, $2, $3 }')" = 'k kernel 2' ]
}

@test "removed while waiting: getters and putters end with 3" {
	pqueue create --kernel k
	waiting g get k
	waiting t get -t 60 k
	pqueue rm k
	ends g 'exit 3'
	ends t 'exit 3'
	pqueue create --kernel k
	head -c "$(limit msgmax)" /dev/zero | tr '\0' x >big
	while pqueue put -n --whole k <big; do :; done
	waiting p put k "$(cat big)"
	pqueue rm k
	ends p 'exit 3'
}

@test "rm needs no --force: a kernel queue knows no leases; --force is allowed" {
	pqueue create --kernel k
	pqueue put k a
	quiet 0 rm k
	pqueue create --kernel k
	quiet 0 rm --force k
	refused 'k: no such queue' rm k
}

@test "its kernel queue taken away by ipcrm: the next put makes another" {
	pqueue create --kernel k
	pqueue put k lost
	ipcrm -q "$(new_queues)"
	pqueue put k kept
	[ "$(pqueue get -n k)" = kept ]
}

@test "TERM, INT and HUP end a waiting get, a waiting put, at once, by that signal" {
	local signal
	pqueue create --kernel k
	for signal in 15 2 1; do
		waiting g get k
		kill -"$signal" "$pid"
		ends g "signal $signal"
	done
	head -c "$(limit msgmax)" /dev/zero | tr '\0' x >big
	while pqueue put -n --whole k <big; do :; done
	for signal in 15 2 1; do
		waiting p put k "$(cat big)"
		kill -"$signal" "$pid"
		ends p "signal $signal"
	done
}

@test "-t: signals that stop and continue it do not lengthen the wait" {
	pqueue create --kernel k
	local begin=${EPOCHREALTIME/./}
	waiting g get -t 0.5 k
	for _ in 1 2 3; do
		kill -STOP "$pid"
		retry_until 5 pid_is "$pid" T
		kill -CONT "$pid"
		retry_until 5 pid_is "$pid" S || pid_gone "$pid"
	done
	ends g 'exit 124'
	((${EPOCHREALTIME/./} - begin >= 500000))
	((${EPOCHREALTIME/./} - begin < 3000000))
}

@test "a closed reader ends a waiting get" {
	pqueue create --kernel k
	start_piped g pqueue get k
	await_waiting "$pid"
	hang_up
	ends g 'signal 13'
	pqueue put k a
	[ "$(pqueue get -n k)" = a ]
}

@test "what could not be written is put back" {
	[ -w /dev/full ] || skip "no /dev/full here"
	pqueue create --kernel k
	pqueue put k a
	run -2 bash -c 'pqueue get k >/dev/full'
	[ "$(pqueue get -n k)" = a ]
}

@test "verbs that it cannot do: 2, with the reason, nothing changed" {
	local verb
	pqueue create --kernel k
	pqueue put k a
	for verb in join close purge peek verify empty full; do
		refused kernel "$verb" k
		[[ ${stderr_lines[0]} == 'pqueue: k: '* ]]
	done
	refused kernel call k x
	refused kernel done k 1-1
	refused kernel requeue k 1-1
	[ "$(pqueue get -n k)" = a ]
}

@test "result of a kernel queue: refused with the reason" {
	pqueue create --kernel k
	run --separate-stderr pqueue result -n k 1
	[ "$status" -eq 2 ] || [ "$status" -eq 125 ]
	[[ $stderr == 'pqueue: k: '*kernel* ]]
}

@test "options that it cannot do: 2, with the reason, nothing put and nothing taken" {
	pqueue create --kernel k
	refused kernel put --delay 1 k x
	refused kernel put -i k x
	refused kernel put --reply k x
	refused kernel put --max 5 k x
	[ "$(pqueue size k)" -eq 0 ]
	pqueue put k a
	refused kernel get --lease 1 k
	run -2 --separate-stderr pqueue get k -- touch ran
	[[ $stderr == 'pqueue: k: '*kernel* ]]
	[ ! -e ran ]
	[ "$(pqueue get -n k)" = a ]
}

@test "create --kernel with what a kernel queue cannot be: 2, nothing made" {
	local option
	for option in --lifo '--max 5' '--max-bytes 1G' '--max-message 1G' --no-sync; do
		# shellcheck disable=SC2086  # its words
		refused 'k: ' create --kernel $option k
	done
	no_names
	[ -z "$(new_queues)" ]
}

@test "--packed without --kernel says the same: only a kernel queue can be packed" {
	pqueue create --packed k
	[ -e "$(queue_file k)" ]
	quiet 0 create --kernel --packed k
	[ -z "$(ls state)" ]
}

@test "--packed: lines from put reach get --all, in frames of the kernel" {
	pqueue create --kernel --packed k
	seq 1000 | pqueue put k
	[ "$(ipcs -q | awk -v id="$(new_queues)" '$2 == id { print $6 }')" -le 10 ]
	pqueue get --all k | cmp - <(seq 1000)
}

@test "--packed: put and get -f, 200000 lines, in order" {
	pqueue create --kernel --packed k
	start g pqueue get -f k
	seq 200000 | pqueue put k
	await_text g.out 200000
	pqueue rm k
	ended g
	cmp g.out <(seq 200000)
}

@test "--packed: each line reaches a waiting get -f at once, though a frame has room for more" {
	gate next
	pqueue create --kernel --packed k
	start g pqueue get -f k
	start p pqueue put k < <(slowly next one two)
	await_text g.out one
	open_gate next
	await_text g.out two
	ends p 'exit 0'
	end g
}

@test "--packed: empty lines, and one of nearly msgmax" {
	pqueue create --kernel --packed k
	{
		echo
		echo
		head -c "$(($(limit msgmax) - 64))" /dev/zero | tr '\0' x
		echo
		echo last
	} >lines
	pqueue put k <lines
	pqueue get --all k | cmp - lines
}

@test "--packed: a line larger than msgmax: 2, told" {
	pqueue create --kernel --packed k
	run -2 --separate-stderr pqueue put k < <(
		head -c "$(limit msgmax)" /dev/zero | tr '\0' x
		echo xx
	)
	[[ $stderr == 'pqueue: '*'longer than'* ]]
}

@test "get -f on a plain kernel queue prints what comes, each at once, until it is removed: 3" {
	pqueue create --kernel k
	start g pqueue get -f k
	pqueue put k a
	await_text g.out a
	pqueue put k b
	await_text g.out b
	pqueue rm k
	ends g 'exit 3'
}

@test "get --all, -c N and -n -c N on a plain kernel queue" {
	pqueue create --kernel k
	quiet 1 get --all k
	pqueue put k a b c d e
	run -0 pqueue get -c 2 k
	[ "$output" = $'a\nb' ]
	run -0 pqueue get -n -c 1 k
	[ "$output" = c ]
	run -0 pqueue get --all k
	[ "$output" = $'d\ne' ]
}

@test "several getters have each message once, all together have all" {
	local i
	pqueue create --kernel k
	for i in 1 2 3 4; do start "g$i" pqueue get -f k; done
	seq 5000 | pqueue put k
	retry_until 10 has_size k 0
	all_lines() { [ "$(cat g?.out | wc -l)" -ge 5000 ]; }
	retry_until 10 all_lines
	pqueue rm k
	for i in 1 2 3 4; do ended "g$i"; done
	cat g?.out | sort -n | cmp - <(seq 5000)
}

@test "no more queues in the kernel (msgmni): 2, told, and no file is left behind" {
	requires_own_ipc
	run --separate-stderr in_own_ipc sh -c '
		echo 2 >/proc/sys/kernel/msgmni
		pqueue create --kernel a && pqueue create --kernel b || exit 9
		pqueue create --kernel c
		echo "status $?"
		ls names
	'
	rm names/a.mq names/b.mq
	[ "$output" = $'status 2\na.mq\nb.mq' ]
	[[ $stderr == 'pqueue: '*msgmni* ]]
}

@test "another IPC namespace does not see its messages" {
	requires_own_ipc
	pqueue create --kernel k
	pqueue put k mine
	run --separate-stderr in_own_ipc timeout 5 pqueue get -n k
	[ "$status" -ne 0 ]
	[ -z "$output" ]
	[ "$(pqueue get -n k)" = mine ]
}

@test "a msgmax and msgmnb of another namespace are asked for, not assumed" {
	requires_own_ipc
	run -0 in_own_ipc sh -c '
		echo 100 >/proc/sys/kernel/msgmax
		echo 250 >/proc/sys/kernel/msgmnb
		pqueue create --kernel k
		head -c 101 /dev/zero | pqueue put -n --whole k; echo $?
		head -c 100 /dev/zero | pqueue put -n --whole k; echo $?
		head -c 100 /dev/zero | pqueue put -n --whole k; echo $?
		head -c 100 /dev/zero | pqueue put -n --whole k; echo $?
		pqueue rm k
	' 2>/dev/null
	[ "$(grep -x '[0-9]*' <<<"$output" | xargs)" = '2 0 0 1' ]
}

@test "--mode is that of the file and of the queue in the kernel" {
	pqueue create --kernel --mode 0660 k
	[ "$(stat -c %a "$(queue_file k)")" = 660 ]
	ipcs -q -i "$(new_queues)" | grep -q 'mode=0660'
}

@test "a file that is no kernel queue is not taken for one: 2, and it stays as it was" {
	echo 'precious' >f
	refused f put ./f a
	refused f get -n ./f
	refused f rm ./f
	is f <<<precious
	: >empty
	refused empty put ./empty a
	[ ! -s empty ]
}

@test "ipcrm of its queue ends those who wait with 3, and the NAME is a new queue" {
	pqueue create --kernel k
	waiting g get -f k
	ipcrm -q "$(ipcs -q | awk '/^0x/ { print $2 }')"
	ends g 'exit 3'
	pqueue put k a
	[ "$(pqueue get -n k)" = a ]
}
