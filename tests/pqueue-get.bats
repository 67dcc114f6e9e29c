#!/usr/bin/env bats
# shellcheck disable=SC2016  # $1 in single quotes is for an inner shell
# shellcheck disable=SC1010  # done is a verb
# shellcheck disable=SC2154  # run and the helpers set output, stderr, lines, death, pid, took, reader
load helpers
load queues

@test "get prints one message and a newline, and takes it away" {
	pqueue put q a b
	pqueue get q >out
	is out <<<a
	[ "$(pqueue size q)" -eq 1 ]
	pqueue get q >out
	is out <<<b
	[ "$(pqueue size q)" -eq 0 ]
}

@test "get waits for a message, on an empty queue" {
	pqueue create q
	waiting g get q
	still g
	pqueue put q a
	ends g 'exit 0'
	is g.out <<<a
	[ ! -s g.err ]
}

@test "a get that waits makes the queue: the consumer may start first" {
	waiting g get q
	[ -d "$(queue_dir q)" ]
	pqueue put q a
	ends g 'exit 0'
	is g.out <<<a
}

@test "get -f, get -c and get -t make it too" {
	waiting f get -f f
	waiting c get -c 2 c
	waiting t get -t 60 t
	pqueue put f a
	pqueue put c a b
	pqueue put t a
	ends c 'exit 0'
	ends t 'exit 0'
	pqueue close f
	ends f 'exit 0'
}

@test "-n on an empty queue: 1, and not a word" {
	pqueue create q
	quiet 1 get -n q
	quiet 1 get --no-wait q
}

@test "-n on a queue that is not there: 1, and makes nothing" {
	quiet 1 get -n q
	quiet 1 get -n -c 3 q
	quiet 1 get -n ./path
	quiet 1 get --all q
	quiet 1 get -t 0 q
	no_names
	[ ! -e path ]
}

@test "-n prints a message that is there" {
	pqueue put q a
	[ "$(pqueue get -n q)" = a ]
}

@test "-t TIME: 124 when nothing came, after TIME and not before" {
	pqueue create q
	milliseconds quiet 124 get -t 0.2 q
	((took >= 200 && took < 2000))
	milliseconds quiet 124 get --timeout 150ms q
	((took >= 150))
}

@test "-t TIME on a queue that nobody has made: waits for it, then 124" {
	quiet 124 get -t 0.1 q
	[ -d "$(queue_dir q)" ]
}

@test "-t TIME: 0 when a message comes in time" {
	waiting g get -t 60 q
	pqueue put q a
	ends g 'exit 0'
	is g.out <<<a
}

@test "-t 0 is -n: 1, or what is there" {
	pqueue create q
	quiet 1 get -t 0 q
	pqueue put q a
	[ "$(pqueue get -t 0 q)" = a ]
}

@test "-t: signals that stop and continue it do not lengthen the wait" {
	local begin=${EPOCHREALTIME/./}
	waiting g get -t 0.5 q
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

@test "-c N waits for N messages, and prints them as they come" {
	pqueue put q a
	start g pqueue get -c 3 q
	await_text g.out a
	await_waiting "$pid"
	pqueue put q b
	await_text g.out b
	await_waiting "$pid"
	still g
	pqueue put q c d
	ends g 'exit 0'
	is g.out <<<$'a\nb\nc'
	holds q <<<d
}

@test "-n -c N: what is there now, at most N, 0 if any" {
	pqueue put q a b c
	run -0 pqueue get -n -c 2 q
	[ "$output" = $'a\nb' ]
	run -0 pqueue get -n --count 2 q
	[ "$output" = c ]
	quiet 1 get -n -c 2 q
}

@test "-c N -t TIME: 124 when fewer came; what came is printed, and settled" {
	pqueue put q a b
	run -124 --separate-stderr pqueue get -c 3 -t 0.1 q
	[ "$output" = $'a\nb' ]
	[ "$(pqueue size q)" -eq 0 ]
}

@test "-c N of a queue that is closed before N came: 3, and what came is printed" {
	pqueue put q a
	start g pqueue get -c 2 q
	await_text g.out a
	await_waiting "$pid"
	pqueue close q
	ends g 'exit 3'
	is g.out <<<a
}

@test "--all: what is there now, without waiting; 1 when nothing is" {
	pqueue put q a b c
	run -0 timeout 10 pqueue get --all q
	[ "$output" = $'a\nb\nc' ]
	quiet 1 get --all q
}

@test "-f prints what is there and what comes, each at once, until the queue is closed and drained: 0" {
	pqueue put q a
	start g pqueue get -f q
	await_text g.out a
	await_waiting "$pid"
	pqueue put q b c
	await_text g.out c
	await_waiting "$pid"
	still g
	pqueue close q
	ends g 'exit 0'
	is g.out <<<$'a\nb\nc'
	[ ! -s g.err ]
}

@test "-f of a queue that is closed already: drains it, 0" {
	seq 5000 | pqueue put q
	pqueue close q
	run -0 --separate-stderr pqueue get --follow q
	[ "$output" = "$(seq 5000)" ]
	[ -z "$stderr" ]
}

@test "-f: 3 when nothing came" {
	waiting g get -f q
	pqueue close q
	ends g 'exit 3'
	[ ! -s g.out ]
	quiet 3 get -f q
}

@test "a getter that waits ends with 3 when the queue is closed, with -t too" {
	waiting g get q
	waiting t get -t 60 q
	pqueue close q
	ends g 'exit 3'
	ends t 'exit 3'
	[ ! -s g.out ]
}

@test "a closed queue: getters drain it, then see 3, whatever they ask" {
	pqueue put q a b
	pqueue close q
	[ "$(pqueue get q)" = a ]
	[ "$(pqueue get -n q)" = b ]
	run -3 pqueue get q
	run -3 pqueue get -n q
	run -3 pqueue get -t 5 q
	run -3 pqueue get -t 0 q
	run -3 pqueue get --all q
	run -3 pqueue get -c 2 q
	run -3 pqueue get -n -c 2 q
}

@test "drained means delayed ones too: a getter of a closed queue waits for them" {
	pqueue put --delay 0.3 q late
	pqueue close q
	milliseconds run -0 pqueue get q
	[ "$output" = late ]
	((took >= 100))
	run -3 pqueue get q
}

@test "drained means leased ones too: a getter of a closed queue waits for another's, for it may come back" {
	local lease
	pqueue put q a
	lease=$(pqueue get --lease 1h q | cut -f 1)
	pqueue close q
	waiting f get -f q
	waiting g get q
	still f g
	pqueue requeue q "$lease"
	ended f
	ended g
	cat f.out g.out >both
	is both <<<a
}

@test "leased ones that are settled let the getters of a closed queue end: 3" {
	local lease
	pqueue put q a
	lease=$(pqueue get --lease 1h q | cut -f 1)
	pqueue close q
	waiting f get -f q
	waiting g get q
	still f g
	pqueue done q "$lease"
	ends f 'exit 3'
	ends g 'exit 3'
}

@test "a closed reader ends it: get -f | head -1, as SIGPIPE would" {
	pqueue put q a
	run -0 timeout 20 bash -c 'pqueue get -f q | head -n 1; echo "${PIPESTATUS[@]}"'
	[ "$output" = $'a\n141 0' ]
}

@test "a closed reader ends it while it is idle: get, -f, -c and -t" {
	local options
	pqueue create q
	for options in '' -f '-c 3' '-t 60'; do
		# shellcheck disable=SC2086  # its words
		start_piped "g$options" pqueue get $options q
		await_waiting "$pid"
		hang_up
		ends "g$options" 'signal 13'
		[ ! -s "g$options.err" ]
	done
}

@test "a closed reader ends a second waiter too, which has not the turn" {
	waiting first get q
	start_piped second pqueue get -f q
	await_waiting "$pid"
	hang_up
	ends second 'signal 13'
	still first
	pqueue put q a
	ends first 'exit 0'
}

@test "a closed reader takes no message with it: one put later goes to another" {
	start_piped g pqueue get -f q
	await_waiting "$pid"
	hang_up
	ends g 'signal 13'
	pqueue put q a
	[ "$(pqueue get -n q)" = a ]
}

@test "delivery is the write that succeeded: what could not be written goes back, in its place" {
	[ -w /dev/full ] || skip "no /dev/full here"
	local options
	pqueue put q a b c
	for options in '' -n -f --all '-c 2' --len; do
		# shellcheck disable=SC2086  # its words
		run -2 --separate-stderr bash -c 'pqueue get "$@" >/dev/full' bash $options q
		[ "$stderr" = 'pqueue: stdout: No space left on device' ]
		[ "$(pqueue size q)" -eq 3 ]
	done
	holds q <<<$'a\nb\nc'
}

@test "a reader that goes in the middle: what was accepted by the pipe is a beginning, what is left the rest" {
	local first
	seq -f '%05g' 20000 | pqueue put q
	run -0 timeout 20 bash -c 'pqueue get -f q | head -n 3'
	[ "$output" = $'00001\n00002\n00003' ]
	pqueue get --all q >left
	read -r first <left
	# A pipe has room for 64 KiB, and 6 are read.
	((10#$first > 3 && 10#$first < 20000))
	cmp left <(seq -f '%05g' "$first" 20000)
}

@test "ended before a full pipe: what the pipe accepted is delivered, the rest is there, nothing twice" {
	local signal last
	pqueue create --no-sync q
	for signal in 15 2; do
		seq -f '%0999g' 1000 | pqueue put q
		start_piped g pqueue get --all q
		await_waiting "$pid"
		still g
		kill -"$signal" "$pid"
		ends g "signal $signal"
		cat <&"$reader" >out
		hang_up
		rm g.pipe
		last=$(wc -l <out)
		# A pipe has room for 64 KiB.
		((last >= 10 && last < 1000))
		head -n "$last" out | cmp - <(seq -f '%0999g' "$last")
		pqueue get --all q | cmp - <(seq -f '%0999g' $((last + 1)) 1000)
	done
}

@test "a slow reader has everything in the end" {
	pqueue create --no-sync q
	seq -f '%0999g' 1000 | pqueue put q
	start_piped g pqueue get --all q
	await_waiting "$pid"
	cat <&"$reader" >out
	ends g 'exit 0'
	cmp out <(seq -f '%0999g' 1000)
	[ "$(pqueue size q)" -eq 0 ]
}

@test "stdout that is closed: 2, and the message stays" {
	pqueue put q a
	run --separate-stderr bash -c 'pqueue get q >&-'
	[ "$status" -eq 2 ]
	[ "$(pqueue size q)" -eq 1 ]
}

@test "a put wakes one waiter: the other waits on" {
	local left
	waiting a get q
	waiting b get q
	pqueue put q one
	retry_until 10 test -s a.out -o -s b.out
	if [ -s a.out ]; then left=b; else left=a; fi
	await_waiting "$(cat "$left.pid")"
	[ ! -s "$left.out" ]
	pqueue put q two
	ends a 'exit 0'
	ends b 'exit 0'
	cat a.out b.out | sort >both
	is both <<<$'one\ntwo'
}

@test "one put of many messages wakes as many waiters" {
	local i
	for i in 1 2 3 4; do waiting "g$i" get q; done
	pqueue put q 1 2 3 4
	for i in 1 2 3 4; do ends "g$i" 'exit 0'; done
	cat g?.out | sort >all
	is all < <(seq 4)
}

@test "a waiter that is killed takes no wake-up with it, whether it had the turn or not" {
	local victim other i
	for victim in first second; do
		for i in 1 2; do
			waiting first get q
			waiting second get q
			end "$victim"
			pqueue put q "$victim $i"
			other=first
			[ "$victim" = second ] || other=second
			ends "$other" 'exit 0'
			is "$other.out" <<<"$victim $i"
		done
	done
}

@test "a waiter that is killed as the message comes takes it with it at most until it is dead" {
	local i
	for i in 1 2 3 4 5 6; do
		waiting first get -f q
		waiting second get -f q
		pqueue put q "$i" 3>&- &
		kill -KILL "$(cat first.pid)"
		wait $!
		ended first
		retry_until 10 grep -qsx "$i" first.out second.out
		end second
	done
	[ "$(pqueue size q)" -eq 0 ]
}

@test "messages that come while a waiter is stopped are not lost" {
	local i
	waiting first get -f q
	waiting second get -f q
	kill -STOP "$(cat first.pid)"
	for i in 1 2 3; do
		pqueue put q "$i"
	done
	pqueue close q
	kill -CONT "$(cat first.pid)"
	ended first
	ended second
	cat first.out second.out | sort >all
	is all < <(seq 3)
}

@test "waiters are served about in turn" {
	local i
	for i in 1 2 3; do waiting "g$i" get -f q; done
	for i in {1..30}; do
		pqueue put q "$i"
		await_size q 0
	done
	pqueue close q
	for i in 1 2 3; do
		ended "g$i"
		(($(wc -l <"g$i.out") >= 3)) || {
			wc -l g?.out
			false
		}
	done
	cat g?.out | sort -n | cmp - <(seq 30)
}

@test "waiting costs no CPU: the first waiter, the second and one with -t are not switched to" {
	local before now i pids=()
	requires_plain_build
	waiting a get q
	pids+=("$pid")
	waiting b get -f q
	pids+=("$pid")
	waiting c get -t 1h q
	pids+=("$pid")
	await_waiting "${pids[@]}"
	before=$(for i in "${pids[@]}"; do switches_asleep "$i"; done)
	# This measures; nothing is awaited. (Now and then those in line look whether the first has been stopped.)
	for _ in 1 2 3; do
		sleep 0.5
		now=$(for i in "${pids[@]}"; do switches_asleep "$i"; done)
		if [ "$before" = "$now" ]; then break; fi
		before=$now now=
	done
	[ "$before" = "$now" ]
	end a b c
}

@test "waiting costs no CPU while another holds a message, or one is delayed" {
	local before
	pqueue put q a
	pqueue get q -- zoo wait worker >/dev/null 3>&- 4>&- &
	await worker
	pqueue put --delay 1h q b
	waiting g get q
	before=$(switches_asleep "$pid")
	sleep 0.5
	(($(switches_asleep "$pid") - before <= 1))
	end g
	kill "$(cat worker)"
	wait $! || true
}

@test "TERM, INT and HUP end a waiting get at once, by that signal" {
	local signal option
	for signal in 15 2 1; do
		for option in -c1 -f; do
			waiting g get "$option" q
			kill -"$signal" "$pid"
			ends g "signal $signal"
			[ ! -s g.err ]
		done
	done
	pqueue put q a
	[ "$(pqueue get -n q)" = a ]
}

@test "several getters have each message once, all together have all" {
	local i
	for i in 1 2 3 4; do start "g$i" pqueue get -f q; done
	seq 20000 | pqueue put q
	pqueue close q
	for i in 1 2 3 4; do ended "g$i"; done
	cat g?.out | sort -n | cmp - <(seq 20000)
}

@test "each getter has its messages in their order" {
	local i
	for i in 1 2 3; do start "g$i" pqueue get -f q; done
	seq 20000 | pqueue put q
	pqueue close q
	for i in 1 2 3; do
		ended "g$i"
		sort -n -c "g$i.out"
	done
}

@test "get of a queue that is removed while it waits: 3" {
	waiting g get q
	waiting f get -f q
	waiting t get -t 60 q
	pqueue rm q
	ends g 'exit 3'
	ends f 'exit 3'
	ends t 'exit 3'
}

@test "a queue that is removed and made again is another: the new message goes to a new getter" {
	waiting g get q
	pqueue rm q
	pqueue put q a
	ends g 'exit 3'
	[ "$(pqueue get -n q)" = a ]
}

@test "get of a backlog takes no more memory than 8 MB" {
	requires_plain_build
	pqueue create --no-sync q
	seq 400000 | pqueue put q
	start_piped g pqueue get --all q
	await_waiting "$pid"
	(($(rss_kib "$pid") <= 8192))
	cat <&"$reader" | cmp - <(seq 400000)
	ends g 'exit 0'
}

@test "a getter that is stopped while it waits keeps no message from the others" {
	local stopped
	waiting first get q
	stopped=$pid
	waiting second get q
	kill -STOP "$stopped"
	retry_until 5 pid_is "$stopped" T
	pqueue put q a
	ends second 'exit 0'
	is second.out <<<a
	kill -CONT "$stopped"
	pqueue put q b
	ends first 'exit 0'
	is first.out <<<b
}

@test "Ctrl-Z of a getter that waits: another gets the next message at once; fg goes on waiting" {
	run -0 ptyrun 'expect ready>
		send echo $$ >shell; pqueue get -c 2 q\n
		until ls -l /proc/$(pgrep -P $(cat shell) -x pqueue)/fd | grep -q bell-get
		send \x1a
		expect Stopped
		send pqueue put q fi""rst; timeout 0.9 pqueue get q\n
		expect first
		expect ready>
		send pqueue put q se""cond th""ird; fg\n
		expect second
		expect third
		expect ready>
		send exit 0\n' env PS1='ready> ' PS2= HISTFILE=/dev/null bash --norc --noprofile --noediting -i
}

@test "a get that ends is no holder any more: nobody has to look whether it still lives" {
	requires_strace
	pqueue put q {1..9}
	pqueue get q >got
	pqueue get -c 2 q >got
	pqueue get --all q >got
	strace -qq -o calls -e trace=fcntl pqueue size q
	run ! grep -q OFD calls
}
