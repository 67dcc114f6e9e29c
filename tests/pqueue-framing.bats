#!/usr/bin/env bats
# shellcheck disable=SC2154  # run and the helpers set output, stderr, lines, death, pid
# How messages are told apart: on stdin of put, and on stdout of get.
load helpers
load queues

# bytes SIZE: so many, of every value, which do not repeat soon.
bytes() { head -c "$1" /dev/urandom; }

@test "lines: an empty line is an empty message" {
	printf 'a\n\nb\n' | pqueue put q
	[ "$(pqueue size q)" -eq 3 ]
	pqueue get --all q >out
	printf 'a\n\nb\n' | cmp - out
}

@test "lines: the last one needs no newline" {
	printf 'a\nb' | pqueue put q
	pqueue get --all q >out
	printf 'a\nb\n' | cmp - out
}

@test "lines: a lone newline is one empty message" {
	echo | pqueue put q
	[ "$(pqueue size q)" -eq 1 ]
	pqueue get --len q >out
	printf '0\n' | cmp - out
}

@test "lines: every other byte goes through, NUL too" {
	local i
	for i in {0..255}; do
		[ "$i" -eq 10 ] || printf '%b' "\\x$(printf %02x "$i")"
	done >all
	echo >>all
	pqueue put q <all
	[ "$(pqueue size q)" -eq 1 ]
	pqueue get q | cmp - all
}

@test "lines: carriage returns and bytes that are no UTF-8 are kept" {
	printf 'a\r\n\377\376\n\303\n' >in
	pqueue put q <in
	pqueue get --all q | cmp - in
}

@test "-0: NUL ends a message, in and out, and newlines are part of it" {
	printf 'a\nb\0\0c\n\0' | pqueue put -0 q
	[ "$(pqueue size q)" -eq 3 ]
	pqueue get --all --null q >out
	printf 'a\nb\0\0c\n\0' | cmp - out
}

@test "-0: the last message needs no NUL" {
	printf 'a\0b' | pqueue put --null q
	pqueue get --all -0 q >out
	printf 'a\0b\0' | cmp - out
}

@test "-d C: that byte ends a message, in and out" {
	printf 'a\nb;;c' | pqueue put -d ';' q
	[ "$(pqueue size q)" -eq 3 ]
	pqueue get --all --delimiter ';' q >out
	printf 'a\nb;;c;' | cmp - out
}

@test "-d takes escapes" {
	printf 'a\tb\tc\t' | pqueue put -d '\t' q
	pqueue get --all -d '\x7c' q >out
	printf 'a|b|c|' | cmp - out
}

@test "framing in and out need not be the same" {
	printf 'a\0b\0' | pqueue put -0 q
	holds q <<<$'a\nb'
}

@test "--len: decimal length, newline, bytes, in and out" {
	printf '5\nhello0\n3\na\nb' | pqueue put --len q
	[ "$(pqueue size q)" -eq 3 ]
	pqueue get --all --len q >out
	printf '5\nhello0\n3\na\nb' | cmp - out
}

@test "--len: NUL, newline and empty messages round-trip" {
	printf '1\n\0001\n\n0\n4\n\n\0\n\0' >in
	pqueue put --len q <in
	[ "$(pqueue size q)" -eq 4 ]
	pqueue get --all --len q | cmp - in
}

@test "--len: 2000 messages of every size from 0 to 1999 round-trip" {
	requires perl
	perl -e 'srand 7; for $n (0..1999) { print "$n\n", join "", map { chr rand 256 } 1..$n }' >in
	pqueue put --len q <in
	[ "$(pqueue size q)" -eq 2000 ]
	pqueue get --all --len q | cmp - in
}

@test "--whole: all of stdin is one message, its newlines too" {
	seq 10 >in
	pqueue put --whole q <in
	[ "$(pqueue size q)" -eq 1 ]
	pqueue get --len q >out
	framed in | cmp - out
}

@test "--whole of nothing is one empty message" {
	pqueue put --whole q </dev/null
	[ "$(pqueue size q)" -eq 1 ]
	pqueue get --len q >out
	printf '0\n' | cmp - out
}

@test "--whole waits for the end of stdin" {
	gate next
	start p pqueue put --whole q < <(slowly next one two)
	await_waiting "$pid"
	run -1 pqueue get -n q
	open_gate next
	ends p 'exit 0'
	pqueue get --len q >out
	printf '8\none\ntwo\n' | cmp - out
}

@test "messages of 1 byte to 1 MiB, around each power of two, come out as they went in" {
	local size
	for size in 1 2 63 64 65 4095 4096 4097 65535 65536 65537 131072 1048575 1048576; do
		bytes "$size" >"in.$size"
		pqueue put --whole q <"in.$size"
	done
	for size in 1 2 63 64 65 4095 4096 4097 65535 65536 65537 131072 1048575 1048576; do
		pqueue get --len q >out
		framed "in.$size" | cmp - out
	done
	[ "$(pqueue size q)" -eq 0 ]
}

@test "messages of 16 MiB and around it come out as they went in" {
	local size
	pqueue create --no-sync q
	for size in 16777088 16777215 16777216 16777217; do
		bytes "$size" >in
		pqueue put --whole q <in
		pqueue get --len q >out
		framed in | cmp - out
	done
}

@test "a message of 64 MiB, the usual limit, comes out as it went in" {
	bytes 67108864 >in
	pqueue create --no-sync q
	pqueue put --whole q <in
	pqueue get --len q >out
	framed in | cmp - out
}

@test "a message of one byte more than 64 MiB: 2, and nothing of it is put" {
	head -c 67108865 /dev/zero >in
	run -2 --separate-stderr pqueue put --whole q <in
	[[ $stderr == 'pqueue: '*'longer than 67108864 bytes' ]]
	[ "$(pqueue size q)" -eq 0 ]
	{
		echo 67108865
		cat in
	} >framed
	run -2 --separate-stderr pqueue put --len q <framed
	[[ $stderr == 'pqueue: '*'longer than 67108864 bytes' ]]
	tr '\0' x <in >line
	run -2 --separate-stderr pqueue put q <line
	[[ $stderr == 'pqueue: '*'longer than 67108864 bytes' ]]
	[ "$(pqueue size q)" -eq 0 ]
}

@test "a line of 20 MiB is one message" {
	head -c 20971520 /dev/zero | tr '\0' y >in
	echo >>in
	pqueue put q <in
	[ "$(pqueue size q)" -eq 1 ]
	pqueue get q | cmp - in
}

@test "a length that promises more than comes: 2, told, and the part is not put; those before stay" {
	run -2 --separate-stderr pqueue put --len q <<<$'1\na1\nb9\nshort'
	[[ $stderr == 'pqueue: '*'2 messages were put'* ]]
	pqueue get --all q >out
	is out <<<$'a\nb'
}

@test "a length with nothing after it: 2, told" {
	run -2 --separate-stderr pqueue put --len q < <(printf '3\n')
	[[ $stderr == 'pqueue: '* ]]
	run -2 --separate-stderr pqueue put --len q < <(printf 3)
	[[ $stderr == 'pqueue: '* ]]
	[ "$(pqueue size q)" -eq 0 ]
}

@test "a length that is none: 2, told with what it is, nothing of it put" {
	local length
	for length in x -1 +1 ' 1' '1 ' 1.0 0x1 1K ''; do
		run -2 --separate-stderr pqueue put --len q < <(printf '%s\nabc' "$length")
		[[ $stderr == 'pqueue: '*"$length"* ]] || {
			echo "length '$length': $stderr"
			return 1
		}
	done
	for length in 18446744073709551616 18446744073709551617 99999999999999999999; do
		run -2 --separate-stderr pqueue put --len q < <(printf '%s\nabc' "$length")
		[[ $stderr == 'pqueue: '*'longer than'* ]]
	done
	[ "$(pqueue size q)" -eq 0 ]
}

@test "a length that says too little: what follows is no length, and that is told; the first stays" {
	run -2 --separate-stderr pqueue put --len q < <(printf '3\nhello')
	[[ $stderr == 'pqueue: '* ]]
	pqueue get --all q >out
	is out <<<hel
}

@test "a length that lies far above what there is asks for no memory" {
	requires_plain_build
	mkfifo in
	exec {feed}<>in
	start p pqueue put --len --max-message 1G q <in {feed}>&-
	printf '1000000000\nabc' >&"$feed"
	await_waiting "$pid"
	(($(rss_kib "$pid") <= 8192))
	exec {feed}>&-
	ends p 'exit 2'
}

@test "a message that holds the delimiter is told once on stderr, however many do; all are printed" {
	local option
	for option in '' -0 '-d;'; do
		printf '3\na\nb3\na\0b3\na;b3\nc\nd3\nc\0d3\nc;d1\ne' | pqueue put --len q
		# shellcheck disable=SC2086  # none is no word
		run -0 --separate-stderr pqueue get --all $option q
		[ "${#stderr_lines[@]}" -eq 1 ]
		[[ $stderr == 'pqueue: q: '* ]]
	done
}

@test "a message that holds the delimiter is told once by -f too, and by each get" {
	pqueue put q $'a\nb' c $'d\ne'
	pqueue close q
	run -0 --separate-stderr pqueue get q
	[ "${#stderr_lines[@]}" -eq 1 ]
	run -0 --separate-stderr pqueue get q
	[ -z "$stderr" ]
	run -0 --separate-stderr pqueue get -f q
	[ "${#stderr_lines[@]}" -eq 1 ]
}

@test "a message that holds the delimiter is told once a run, though the next comes much later" {
	local i
	start g pqueue get -f q
	for i in 1 2 3; do
		pqueue put q $'a\nb'"$i"
		await_text g.out "b$i"
		await_waiting "$pid"
	done
	pqueue close q
	ends g 'exit 0'
	[ "$(wc -l <g.err)" -eq 1 ]
}

@test "with --len nothing is told: no message can hold it" {
	pqueue put q $'a\nb' '3'
	run -0 --separate-stderr pqueue get --all --len q
	[ -z "$stderr" ]
}

@test "peek has the framing of get" {
	pqueue put q $'a\nb' ''
	pqueue peek -c 2 --len q >out
	printf '3\na\nb0\n' | cmp - out
	pqueue peek -c 2 -0 q >out
	printf 'a\nb\0\0' | cmp - out
	pqueue peek -c 2 -d '|' q >out
	printf 'a\nb||' | cmp - out
	[ "$(pqueue size q)" -eq 2 ]
}

@test "framing goes through a pipeline of queues: get --len | put --len copies a queue" {
	bytes 100000 >in
	pqueue put q '' $'\n' x
	pqueue put --whole q <in
	pqueue close q
	pqueue get -f --len q | pqueue put --len copy
	pqueue get --all --len copy >out
	{
		printf '0\n1\n\n1\nx'
		framed in
	} | cmp - out
}
