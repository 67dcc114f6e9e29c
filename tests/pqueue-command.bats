#!/usr/bin/env bats
# shellcheck disable=SC2016  # $1 in single quotes is for COMMAND's own shell
# shellcheck disable=SC2030,SC2031  # each test is a process of its own
# shellcheck disable=SC2154  # run and the helpers set output, stderr, lines, death, pid, took, reader
load helpers
load queues

# An interactive shell, as in a terminal window: job control, and no files of anyone's.
shell=(env PS1='ready> ' PS2= HISTFILE=/dev/null bash --norc --noprofile --noediting -i)

# leased NAME N: so many are.
leased() { [ "$(stat_of "$1" .leased)" = "$2" ]; }
await_leased() {
	retry_until 10 leased "$1" "$2" || {
		echo "$1: $(stat_of "$1" .leased) leased, not $2"
		return 1
	}
}

# attempt NAME: which try the next message will be.
attempt() { pqueue peek -v "$1" | sed -n 's/.*attempt \([0-9]*\),.*/\1/p'; }

# ---- The message

@test "COMMAND gets the message as its last argument, whatever bytes it holds" {
	pqueue put q $'a b\'"$(x)*\n;' '' -- -n
	pqueue get q -- zoo args x >out
	pqueue get -c 2 q -- zoo args >>out
	is out <<<$'1:x,12:a b\'"$(x)*\n;,\n0:,\n2:-n,'
}

@test "{} anywhere in an argument and <> as a whole one are the message; nothing is appended then" {
	pqueue put q m n
	pqueue get q -- zoo args 'a{}b{}' '{x}' '<>' 'x<>' >out
	pqueue get q -- zoo args '<>' end >>out
	is out <<<$'4:ambm,3:{x},1:m,3:x<>,\n1:n,3:end,'
}

@test "COMMAND is never passed through a shell" {
	pqueue put q '$(touch ran)' '; touch ran' '`touch ran`'
	pqueue get -c 3 q -- echo >out
	is out <<<$'$(touch ran)\n; touch ran\n`touch ran`'
	[ ! -e ran ]
}

@test "the word that COMMAND is may be the message, too" {
	pqueue put q echo nowhere-to-be-found echo
	run -1 --separate-stderr pqueue get -c 3 --retries 0 q -- '{}' x
	[ "$output" = $'x\nx' ]
	[ "${stderr_lines[0]}" = "pqueue: q: message 2: nowhere-to-be-found: No such file or directory" ]
	[[ $(pqueue peek -v q.dead) == *'status 127'* ]]
}

@test "COMMAND's stdin is empty" {
	pqueue put q a
	run -0 --separate-stderr bash -c 'echo not this | pqueue get q -- sh -c "readlink /proc/self/fd/0; cat"'
	[ "$output" = /dev/null ]
}

@test "--stdin: the message is there, whole, and not among the arguments" {
	local size
	for size in 0 1 65536 65537 3000000; do
		head -c "$size" /dev/urandom >"m.$size"
		pqueue put --whole q <"m.$size"
	done
	for size in 0 1 65536 65537 3000000; do
		pqueue get --stdin q -- sh -c 'cat; [ $# -eq 0 ]' >out
		cmp out "m.$size"
	done
}

@test "--stdin: COMMAND need not read it" {
	head -c 60000 /dev/zero | pqueue put --whole q
	head -c 600000 /dev/zero | pqueue put --whole q
	quiet 0 get -c 2 --stdin q -- true
	[ "$(stat_of q .gets)" = 2 ]
}

@test "--stdin: a large message leaves no file behind, and COMMAND can seek in it" {
	mkdir tmp
	head -c 200000 /dev/zero | pqueue put --whole q
	gate go
	TMPDIR=$PWD/tmp start g pqueue get --stdin q -- sh -c 'stat -L -c "%F %s" /proc/self/fd/0; : >here; read -r _ <go'
	await here
	[ -z "$(ls -A tmp)" ]
	open_gate go
	ends g 'exit 0'
	is g.out <<<'regular file 200000'
}

@test "COMMAND's environment tells id, attempt, name and lease" {
	pqueue put q a b
	pqueue get q -- true
	run -0 --separate-stderr env PQUEUE_ID=old PQUEUE_ATTEMPT=old pqueue get q -- sh -c 'echo "$PQUEUE_ID $PQUEUE_ATTEMPT $PQUEUE_NAME $PQUEUE_LEASE"'
	[[ $output =~ ^2\ 1\ q\ [^\ ]+$ ]]
	pqueue put ./path a
	pqueue get ./path -- sh -c 'echo "$PQUEUE_NAME"' >out
	is out <<<./path
}

# ---- Being refused

@test "COMMAND that is not there is 127, one that cannot be executed 126: nothing is taken" {
	pqueue put q a
	echo >file
	run -127 --separate-stderr pqueue get q -- nowhere-to-be-found
	[ "$stderr" = 'pqueue: nowhere-to-be-found: No such file or directory' ]
	run -126 --separate-stderr pqueue get -f q -- ./file
	[ "$stderr" = 'pqueue: ./file: Permission denied' ]
	run -126 pqueue get q -- /
	[ "$(attempt q)" = 1 ]
	has_size q 1
}

@test "COMMAND that turns out not to be executable is 126, and its message has had no try" {
	pqueue put q a
	echo 'not a script' >file
	chmod +x file
	run -126 --separate-stderr pqueue get -f -j 3 q -- ./file
	[ "$stderr" = 'pqueue: ./file: Exec format error' ]
	[ "$(attempt q)" = 1 ]
	has_size q 1
}

@test "a message that can be no argument fails alone: a NUL, too long a one, too many copies" {
	{ printf '3\na\0b'; printf '140000\n%0140000d' 7; printf '130000\n%0130000d' 7; printf '2\nok'; } | pqueue put --len q
	pqueue close q
	run -1 --separate-stderr pqueue get -f --retries 0 q -- sh -c 'echo "$2"' sh {} {}{}
	[ "$output" = okok ]
	[[ $stderr == *'message 1: it has a NUL byte'* ]]
	[[ $stderr == *'message 2: Argument list too long'* ]]
	[[ $stderr == *'message 3: Argument list too long'* ]]
	[[ $stderr == *'q: 3 messages went to q.dead'* ]]
	[ "$(stat_of q.dead .queued)" = 3 ]
	[[ $(pqueue peek -v q.dead | head -n 2) == *'status 126'*'NUL byte'* ]]
}

@test "messages that can be no argument are told ten times, not ten thousand" {
	for _ in {1..30}; do printf '1\n\0'; done | pqueue put --len q
	pqueue close q
	run -1 --separate-stderr pqueue get -f --retries 0 q -- echo
	[ "${#stderr_lines[@]}" -eq 11 ]
	[[ ${stderr_lines[9]} == *'further ones are not told' ]]
}

# ---- How many, and how long

@test "without -f: one message; its status is 0" {
	pqueue put q a b
	pqueue get q -- echo >out
	is out <<<a
	has_size q 1
	[ "$(stat_of q .leased)" = 0 ]
}

@test "-n: 1 when there is none; -t: 124; closed and drained: 3" {
	pqueue create q
	quiet 1 get -n q -- echo
	quiet 1 get --all q -- echo
	milliseconds quiet 124 get -t 0.2 q -- echo
	[ "$took" -ge 200 ]
	pqueue close q
	quiet 3 get q -- echo
	quiet 3 get -f q -- echo
	quiet 3 get --all q -- echo
}

@test "get -n and --all make no queue" {
	quiet 1 get -n q -- echo
	quiet 1 get --all q -- echo
	[ -z "$(ls state)" ]
}

@test "it waits for a message, and makes the queue" {
	waiting g get q -- echo got
	pqueue put q a
	ends g 'exit 0'
	is g.out <<<'got a'
}

@test "-c N: so many, as they come; 3 when fewer came because it was closed" {
	pqueue put q a b
	waiting g get -c 3 q -- echo
	is g.out <<<$'a\nb'
	pqueue put q c d
	ends g 'exit 0'
	is g.out <<<$'a\nb\nc'
	waiting g get -c 3 q -- echo
	pqueue close q
	ends g 'exit 3'
	is g.out <<<d
}

@test "-n -c N: what is there now, at most N" {
	pqueue put q a b c
	run -0 pqueue get -n -c 2 q -- echo
	[ "$output" = $'a\nb' ]
	run -0 pqueue get -n -c 2 q -- echo
	[ "$output" = c ]
	run -1 pqueue get -n -c 2 q -- echo
}

@test "--all: what is there now, not what COMMAND itself puts" {
	pqueue put q a b c
	run -0 pqueue get --all q -- sh -c 'echo "$1"; pqueue put q "new $1"' sh
	[ "$output" = $'a\nb\nc' ]
	holds q <<<$'new a\nnew b\nnew c'
}

@test "-f: until closed and drained" {
	waiting g get -f q -- echo
	pqueue put q a b
	retry_until 10 has g.out b
	pqueue put q c
	pqueue close q
	ends g 'exit 0'
	is g.out <<<$'a\nb\nc'
}

@test "-f does not end while another has a message that may come back" {
	gate go
	pqueue put q a
	start other pqueue get q -- sh -c ': >here; read -r _ <go; exit 1'
	await here
	waiting g get -f q -- echo got
	pqueue close q
	await_waiting "$pid"
	still g
	open_gate go
	ends other 'exit 1'
	ends g 'exit 0'
	is g.out <<<'got a'
}

@test "-f -t: 124 when nothing has come for so long" {
	pqueue put q a
	milliseconds run -124 --separate-stderr pqueue get -f -t 0.2 q -- echo
	[ "$output" = a ]
	[ "$took" -ge 200 ]
}

@test "waiting costs no time of the processor, and so does a COMMAND that runs long" {
	local before after
	gate go
	pqueue put q a
	waiting g get -f -j 2 q -- sh -c 'read -r _ <go' sh
	before=$(switches_asleep "$pid")
	sleep 0.3
	after=$(switches_asleep "$pid")
	[ "$before" -eq "$after" ]
	open_gate go
	pqueue close q
	ends g 'exit 0'
}

@test "rm --force ends a waiting one, and one whose COMMAND runs, with 3" {
	gate go
	waiting a get -f q -- echo
	pqueue rm --force q
	ends a 'exit 3'
	pqueue put q a
	start b pqueue get -f q -- sh -c ': >here; read -r _ <go; echo "$1"' sh
	await here
	pqueue rm --force q
	still b
	open_gate go
	ends b 'exit 3'
	is b.out <<<a
}

# ---- Several at a time

@test "-j N: N run at a time, and exactly N are leased" {
	gate go
	seq 9 | pqueue put q
	pqueue close q
	start g pqueue get -f -j 3 q -- sh -c ': >"at.$1"; read -r _ <go' sh
	await at.1 at.2 at.3
	await_leased q 3
	has_size q 6
	open_gate go 1
	await at.4
	await_leased q 3
	has_size q 5
	[ ! -e at.5 ]
	open_gate go 8
	ends g 'exit 0'
	[ "$(stat_of q '[.leased, .gets]')" = '[0,9]' ]
}

@test "-j N: one that is free waits while others run, and is woken by a put" {
	gate go
	pqueue put q 1
	start g pqueue get -f -j 2 q -- sh -c ': >"at.$1"; [ "$1" != 1 ] || read -r _ <go' sh
	await at.1
	await_waiting "$pid"
	pqueue put q 2
	await at.2
	pqueue close q
	open_gate go
	ends g 'exit 0'
}

@test "-j N: one whose slots are all taken lets another getter have the next message" {
	gate go
	pqueue put q 1 2
	start g pqueue get -f -j 2 q -- sh -c ': >"at.$1"; read -r _ <go' sh
	await at.1 at.2
	waiting other get q
	pqueue put q 3
	ends other 'exit 0'
	is other.out <<<3
	pqueue close q
	open_gate go 2
	ends g 'exit 0'
}

@test "-j N: outputs come whole, never mixed" {
	seq 8 | pqueue put q
	pqueue close q
	pqueue get -f -j 4 q -- sh -c 'for i in 1 2 3 4 5; do head -c 30000 /dev/zero | tr "\0" "$1"; done; echo' sh >out 2>err
	[ "$(wc -l <out)" -eq 8 ]
	[ "$(awk '{ print length($0), gsub(substr($0, 1, 1), "") }' out | sort -u)" = '150000 150000' ]
	[ ! -s err ]
}

@test "-j N: what exceeds the memory goes to a file that has no name" {
	mkdir tmp
	seq 2 | pqueue put q
	pqueue close q
	TMPDIR=$PWD/tmp pqueue get -f -j 2 q -- sh -c 'head -c 8000000 /dev/zero; ls -A tmp >&2' sh >out 2>err
	[ "$(stat -c %s out)" -eq 16000000 ]
	[ ! -s err ]
}

@test "-j N: a failed try's output is printed as well" {
	pqueue put q a b
	run -1 --separate-stderr pqueue get --all -j 2 --retries 0 q -- sh -c 'echo "$1"; exit 1' sh
	[ "$(sort <<<"$output")" = $'a\nb' ]
}

@test "one at a time, COMMAND writes to our own stdout and runs in order" {
	seq 20 | pqueue put q
	pqueue close q
	pqueue get -f q -- sh -c 'readlink /proc/self/fd/1; echo "$1"' sh >out
	is out < <(for i in {1..20}; do printf '%s\n%s\n' "$PWD/out" "$i"; done)
}

@test "stderr is passed on as it comes" {
	gate go
	pqueue put q a
	start g pqueue get -j 2 q -- sh -c 'printf early >&2; read -r _ <go; echo late >&2'
	await_text g.err early
	open_gate go
	ends g 'exit 0'
	is g.err <<<earlylate
}

@test "-j N: a message is not settled before its output has been written" {
	pqueue put q a
	pqueue close q
	start_piped g pqueue get -f -j 2 q -- sh -c 'head -c 1000000 /dev/zero; : >wrote'
	await wrote
	await_waiting "$pid"
	[ "$(stat_of q '[.leased, .gets]')" = '[1,0]' ]
	[ "$(head -c 1000000 <&"$reader" | wc -c)" -eq 1000000 ]
	ends g 'exit 0'
	[ "$(stat_of q '[.leased, .gets]')" = '[0,1]' ]
}

@test "stdout that cannot be written to: 2, told, and the message goes back" {
	pqueue put q a
	run -2 --separate-stderr bash -c 'pqueue get -f -j 2 q -- echo >/dev/full'
	[ "$stderr" = 'pqueue: q: stdout: No space left on device' ]
	has_size q 1
	[ "$(attempt q)" = 1 ]
}

# ---- Success and failure

@test "status 0 settles, anything else gives it back to the front: without -f that is 1" {
	pqueue put q a b
	quiet 1 get q -- false
	[ "$(pqueue peek q)" = a ]
	[ "$(attempt q)" = 2 ]
	quiet 1 get q -- zoo die 9
	[ "$(attempt q)" = 3 ]
	quiet 0 get q -- true
	[ "$(pqueue peek q)" = b ]
}

@test "-c N counts tries; a message that fails first and succeeds then is settled: 0" {
	pqueue put q a b
	run -0 --separate-stderr pqueue get -c 3 q -- sh -c 'echo "$1 $PQUEUE_ATTEMPT"; [ "$1$PQUEUE_ATTEMPT" != a1 ]' sh
	[ "$output" = $'a 1\na 2\nb 1' ]
	[ -z "$stderr" ]
}

@test "--all: each gets its tries; 1 when one is among the dead letters, or has gone back" {
	pqueue put q a b
	run -1 --separate-stderr pqueue get --all --retries 1 q -- sh -c 'echo "$1 $PQUEUE_ATTEMPT"; [ "$1" = b ]' sh
	[ "$output" = $'a 1\na 2\nb 1' ]
	[ "$stderr" = 'pqueue: q: 1 message went to q.dead' ]
	pqueue put q c
	quiet 1 get --all --backoff 1h q -- false
	has_size q 1
}

@test "--limit: TERM, and the try has failed" {
	pqueue put q a
	milliseconds run -1 --separate-stderr pqueue get --limit 0.2 q -- zoo wait pid
	[ "$took" -ge 200 ]
	[ "$took" -lt 2000 ]
	[ "$stderr" = 'pqueue: q: message 1: ran out of time (--limit)' ]
	pid_gone "$(cat pid)"
	[ "$(attempt q)" = 2 ]
}

@test "--limit: a success that comes too late is none" {
	pqueue put q a
	run -1 --separate-stderr pqueue get --limit 0.1 q -- zoo trap file 0
	is file.got <<<TERM
	has_size q 1
}

@test "--limit: after --kill-after, KILL; until all of its group is gone, the message is in hand" {
	pqueue put q a
	run -1 --separate-stderr pqueue get --limit 0.1 --kill-after 0.1 q -- zoo ignore-term pid
	pid_gone "$(cat pid)"
	pqueue put r a
	run -1 --separate-stderr pqueue get --limit 0.1 --kill-after 0.1 r -- sh -c 'zoo ignore-term pid2 & wait'
	pid_gone "$(cat pid2)"
	has_size r 1
}

@test "--limit: does not touch who is in time" {
	pqueue put q a
	quiet 0 get --limit 60 q -- true
}

# ---- Signals

@test "INT, TERM, HUP: passed on; the message goes back without having had a try; it dies of that signal" {
	local name number
	while read -r name number; do
		pqueue put q a
		start g pqueue get -f q -- zoo trap "file.$name" 7
		await "file.$name"
		kill -s "$name" "$pid"
		ends g "signal $number"
		is "file.$name.got" <<<"$name"
		has_size q 1
		[ "$(attempt q)" = 1 ]
		pqueue get q >/dev/null
	done <<<$'INT 2\nTERM 15\nHUP 1'
}

@test "a COMMAND that makes it to a good end after the signal has its message settled" {
	pqueue put q a
	start g pqueue get -f q -- zoo trap file 0
	await file
	kill -TERM "$pid"
	ends g 'signal 15'
	[ "$(stat_of q '[.queued, .gets]')" = '[0,1]' ]
}

@test "a signal reaches all COMMANDs and all in their groups; no new message is taken" {
	seq 5 | pqueue put q
	start g pqueue get -f -j 2 q -- zoo tree
	await 1 2
	mapfile -t pids < <(cat 1 2)
	kill -INT "$pid"
	ends g 'signal 2'
	wait_pids_gone 5 "${pids[@]}"
	has_size q 5
	is <(pqueue get --all q | sort) < <(seq 5)
}

@test "after --kill-after, KILL; the second signal kills at once" {
	pqueue put q a
	start g pqueue get --kill-after 0.2 q -- zoo ignore-term pid
	await pid
	kill -TERM "$pid"
	ends g 'signal 15'
	pid_gone "$(cat pid)"
	rm pid
	start h pqueue get --kill-after 1h q -- zoo ignore-term pid
	await pid
	kill -TERM "$pid"
	retry_until 10 pid_consumed_signal "$pid" 15
	still h
	kill -INT "$pid"
	ended h
	[[ $death == "signal 2" || $death == "signal 15" ]]
	pid_gone "$(cat pid)"
	has_size q 1
	[ "$(attempt q)" = 1 ]
}

@test "a signal ends one that only waits" {
	waiting g get -f q -- echo
	kill -TERM "$pid"
	ends g 'signal 15'
	[ ! -s g.err ]
}

@test "Ctrl-Z stops pqueue and COMMAND, and lets another getter have the next message; fg resumes both" {
	pqueue put q a
	run -0 ptyrun 'expect ready>
		send pqueue get -f -j 2 q -- zoo tree\n
		until [ -e a ]
		send \x1a
		expect Stopped
		until for pid in $(cat a); do grep -q "^State:.T" /proc/$pid/status || exit 1; done
		send pqueue put q b; timeout 10 pqueue get q\n
		expect b
		expect ready>
		send fg\n
		until for pid in $(cat a); do grep -q "^State:.S" /proc/$pid/status || exit 1; done
		send pqueue\n
		send \x03
		expect ready>
		send exit 0\n' "${shell[@]}"
	mapfile -t pids <a
	wait_pids_gone 5 "${pids[@]}"
	[ "$(attempt q)" = 1 ]
	[ ! -e b ]
}

@test "Ctrl-Z: time in which it was stopped does not count for --limit" {
	pqueue put q a
	run -0 ptyrun 'expect ready>
		send pqueue get --limit 2 q -- sh -c ": >runs; until [ -e go ]; do sleep 0.02; done; echo fine" >out\n
		until [ -e runs ]
		send \x1a
		expect Stopped
		until sleep 2.2
		send : >go\n
		expect ready>
		send fg; echo "again $?"\n
		expect again 0
		send exit 0\n' "${shell[@]}"
	is out <<<fine
}

@test "a COMMAND that wants the terminal is told and ended: the try has failed" {
	pqueue put q a
	run -0 ptyrun 'expect ready>
		send pqueue get --retries 0 q -- zoo tty-read; echo "status $?"\n
		expect COMMAND stopped for the terminal
		expect status 1
		send exit 0\n' "${shell[@]}"
	[[ $(pqueue peek -v q.dead) == *'stopped for the terminal'* ]]
}

@test "the reader of stdout goes away: an idle one ends, too" {
	start_piped g pqueue get -f q -- echo
	await_waiting "$pid"
	hang_up
	ends g 'signal 13'
	[ ! -s g.err ]
}

@test "the reader goes away while COMMAND runs, or before it has been written to: the message goes back" {
	pqueue put q a
	start_piped g pqueue get -f q -- zoo wait job
	await job
	hang_up
	ends g 'signal 13'
	pid_gone "$(cat job)"
	has_size q 1
	rm g.pipe
	start_piped g pqueue get -f -j 2 q -- sh -c 'head -c 1000000 /dev/zero; : >wrote'
	await wrote
	await_waiting "$pid"
	hang_up
	ends g 'signal 13'
	has_size q 1
	[ "$(attempt q)" = 1 ]
}

@test "COMMAND dies of SIGPIPE because our reader is gone: that is no failed try" {
	pqueue put q a
	start_piped g pqueue get -f q -- sh -c 'while echo x; do :; done'
	read -r _ <&"$reader"
	hang_up
	ends g 'signal 13'
	[ "$(attempt q)" = 1 ]
}

# ---- Kills

@test "SIGKILL: COMMAND and its group are gone, and a waiting getter has the message at once" {
	pqueue put q a
	start g pqueue get -f q -- zoo tree pids
	await pids
	mapfile -t pids <pids
	waiting other get q -- sh -c 'echo "$1 $PQUEUE_ATTEMPT"' sh
	milliseconds end g
	ends other 'exit 0'
	is other.out <<<'a 2'
	wait_pids_gone 2 "${pids[@]}"
}

@test "SIGKILL: the message comes back only when COMMAND is dead" {
	pqueue put q a
	start g pqueue get -f q -- zoo ignore-term job
	await job
	waiting other get q -- sh -c 'kill -0 "$(cat job)" 2>/dev/null && [ "$(cut -d " " -f 3 "/proc/$(cat job)/stat")" != Z ] && echo alive; echo got'
	end g
	ends other 'exit 0'
	is other.out <<<got
}

@test "SIGKILL of the whole group of pqueue: COMMAND is in another, and dies all the same" {
	pqueue put q a
	start g setsid pqueue get -f q -- zoo tree pids
	await pids
	mapfile -t pids <pids
	kill -KILL -- "-$pid"
	ends g 'signal 9'
	wait_pids_gone 2 "${pids[@]}"
	pqueue get -t 5 q >out
	is out <<<a
}

@test "what COMMANDs that are over left in their groups ends with pqueue, by SIGKILL and by a signal; not when it ends well" {
	local name
	for name in KILL TERM; do
		rm -f left last
		pqueue put q a last
		start g pqueue get -f q -- sh -c '[ "$1" = last ] && exec zoo wait last; exec zoo double-fork left >/dev/null 2>&1' sh
		await left last
		[ "$(pid_state "$(cat left)")" = S ]
		kill -s "$name" "$pid"
		ended g
		wait_pids_gone 5 "$(cat left)" "$(cat last)"
		pqueue get -t 5 q >/dev/null
	done
	pqueue put q b
	rm left
	pqueue get q -- sh -c 'exec zoo double-fork left >/dev/null 2>&1'
	[ "$(pid_state "$(cat left)")" = S ]
	kill -KILL "$(cat left)"
}

@test "a process that COMMAND left holds its output: after a second it is let go, and that is told" {
	gate go
	pqueue put q a
	milliseconds run -0 --separate-stderr pqueue get -j 2 q -- zoo hold-pipe left go
	[ "$took" -ge 1000 ]
	[ "$output" = early ]
	[[ $stderr == 'pqueue: q: message 1: the output is still held open'* ]]
	open_gate go
	await left.late
}

# ---- What COMMAND is born with

@test "COMMAND has no descriptor but its three, in any way of running" {
	pqueue put q a b c
	pqueue get q -- zoo fds >out
	pqueue get -j 2 q -- zoo fds >>out
	pqueue get --stdin q -- zoo fds >>out
	is out <<<$'0 1 2\n0 1 2\n0 1 2'
}

@test "COMMAND has the signals as pqueue found them" {
	pqueue put q a b
	zoo signals >plain
	pqueue get q -- zoo signals >out
	is out <plain
	(trap '' INT; zoo signals >plain; pqueue get q -- zoo signals >out)
	is out <plain
}

@test "COMMAND leads a process group of its own, in pqueue's session" {
	pqueue put q a
	pqueue get q -- zoo ids >out
	[ "$(awk '{ print ($2 == $4) }' out)" = 1 ]
	[ "$(cut -d ' ' -f 6 out)" -eq "$(ps -o sid= -p "$BASHPID")" ]
}

@test "no zombie, no descriptor more after many messages" {
	seq 300 | pqueue put q
	start g pqueue get -f -j 4 q -- true
	await_size q 0
	retry_until 10 leased q 0
	await_waiting "$pid"
	[ "$(fd_count "$pid")" -lt 40 ]
	[[ $(ps -o stat= --ppid "$pid") != *Z* ]]
	pqueue close q
	ends g 'exit 0'
}

# ---- Where the system has nothing to spare

@test "few descriptors: fewer at a time, told, and all is done" {
	seq 40 | pqueue put q
	pqueue close q
	run -0 --separate-stderr bash -c 'ulimit -n 60; pqueue get -f -j 30 q -- echo'
	[ "$(sort -n <<<"$output")" = "$(seq 40)" ]
	[[ $stderr == 'pqueue: q: ulimit -n 60: running at most '*' at a time' ]]
}

@test "the soft limit on descriptors is raised for pqueue, not for COMMAND" {
	pqueue put q a
	run -0 --separate-stderr bash -c 'ulimit -S -n 64; pqueue get -j 30 q -- sh -c "ulimit -n"'
	[ "$output" = 64 ]
}

@test "EAGAIN on fork: the message goes back and comes again, and it is told once" {
	requires_strace
	pqueue put q a b c
	pqueue close q
	run -0 --separate-stderr timeout 60 strace -qq -o trace -e inject=clone:error=EAGAIN:when=2..3 pqueue get -f -j 2 q -- echo
	[ "$(sort <<<"$output")" = $'a\nb\nc' ]
	[[ $stderr == 'pqueue: q: fork: Resource temporarily unavailable'* ]]
	[ "${#stderr_lines[@]}" -eq 1 ]
	[ "$(stat_of q .gets)" = 3 ]
}

@test "EAGAIN on fork for ever: 2 once nothing is running, told, and the message is back, unharmed" {
	requires_strace
	pqueue put q a
	run -2 --separate-stderr timeout 60 strace -qq -o trace -e inject=clone:error=EAGAIN:when=2+ pqueue get -f q -- echo
	[[ $stderr == *'fork: Resource temporarily unavailable' ]]
	has_size q 1
	[ "$(attempt q)" = 1 ]
}

@test "messages whose commands a signal ends at the same time are back in their old order" {
	local try
	for try in 1 2 3; do
		pqueue create q 2>/dev/null || true
		pqueue put q {1..8}
		start w pqueue get -f -j 6 q -- sh -c "exec sleep 100"
		await_leased q 6
		end w
		run -0 pqueue get --all q
		[ "$output" = "$(seq 8)" ] || {
			echo "try $try: $output"
			return 1
		}
	done
}
