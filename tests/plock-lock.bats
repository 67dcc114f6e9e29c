#!/usr/bin/env bats
# shellcheck disable=SC2016  # $1 in single quotes is for COMMAND's own shell
# shellcheck disable=SC2030,SC2031  # each test is a process of its own
# shellcheck disable=SC2154  # run and the helpers set output, stderr, lines, death, pid
load helpers
load locks

# The descriptors by which COMMAND has FILE open, told by COMMAND itself, as "FD FLAGS" (octal, as open took them).
descriptors_of='for fd in /proc/$$/fd/*; do
	if [ "$fd" -ef "$1" ]; then echo "${fd##*/} $(sed -n "s/^flags:[[:space:]]*//p" "/proc/$$/fdinfo/${fd##*/}")"; fi
done'

# How often a process was switched to, and the ticks it used.
effort() {
	local stat
	read -r stat <"/proc/$1/stat"
	# shellcheck disable=SC2086  # its fields
	set -- ${stat##*) } "$1"
	echo "${12} ${13} $(awk '/ctxt_switches/ { print $2 }' "/proc/${!#}/status" | xargs)"
}

# idle PID...: have they done nothing at all for a while? Whoever polls has.
idle() {
	local before
	before=$(for pid; do effort "$pid"; done)
	sleep 0.4
	[ "$before" = "$(for pid; do effort "$pid"; done)" ]
}

@test "COMMAND gets its arguments as they are, and options end at LOCK" {
	run -0 --separate-stderr plock ./f zoo args -n --help -- '' 'a b' $'c\nd' '*' -c
	[ "$output" = '2:-n,6:--help,2:--,0:,3:a b,3:c'$'\n''d,1:*,2:-c,' ]
	[ -z "$stderr" ]
}

@test "-- after LOCK, or before it, changes nothing" {
	run -0 plock ./f -- zoo args a -- b
	[ "$output" = '1:a,2:--,1:b,' ]
	run -0 plock -s -- ./f zoo args a
	[ "$output" = '1:a,' ]
}

@test "the lock is held while COMMAND runs, exclusively, and free after it" {
	hold one ./f
	[ "$(granted f)" = WRITE ]
	run -1 plock -n ./f touch ran
	run -1 plock -n -s ./f touch ran
	release one
	[ -z "$(granted f)" ]
	run -0 plock -n ./f touch ran
	[ -e ran ]
}

@test "-x, -e, --exclusive and no option are the same" {
	local option
	for option in -x -e --exclusive; do
		hold one "$option" ./f
		[ "$(granted f)" = WRITE ]
		release one
	done
}

@test "-s: with others that share, not with one that excludes" {
	hold one -s ./f
	hold two --shared ./f
	[ "$(granted f)" = 'READ READ' ]
	run -1 plock -n ./f touch ran
	run -1 plock -n -x ./f touch ran
	[ ! -e ran ]
	release one two
	hold three ./f
	run -1 plock -s -n ./f touch ran
	[ ! -e ran ]
	release three
}

@test "-s and -x: the last one counts" {
	hold one -x -s ./f
	[ "$(granted f)" = READ ]
	release one
	hold two -s -x ./f
	[ "$(granted f)" = WRITE ]
	release two
}

@test "without -n and -w it waits, and runs COMMAND when the lock is free" {
	hold one ./f
	start two plock ./f touch ran
	await_waiters f 1
	[ ! -e ran ]
	release one
	ended two
	[ "$death" = "exit 0" ]
	[ -e ran ]
}

@test "two hundred take turns: never two inside at a time" {
	local i pids=()
	for ((i = 0; i < 200; ++i)); do
		plock ./f sh -c 'mkdir inside && rmdir inside && echo "$1" >>turns' sh "$i" 3>&- &
		pids+=("$!")
	done
	wait "${pids[@]}"
	[ "$(sort -u turns | wc -l)" -eq 200 ]
}

@test "-n: 1 at once, and it says who holds it" {
	hold one ./f
	run -1 --separate-stderr plock -n ./f touch ran
	[ "$stderr" = "plock: ./f: busy, held by pid $pid (zoo)" ]
	[ -z "$output" ]
	[ ! -e ran ]
	release one
	run -0 --separate-stderr plock --nonblock ./f true
	[ -z "$stderr" ]
}

@test "-n: one holder is named, and the number of the others" {
	hold one -s ./f
	hold two -s ./f
	hold three -s ./f
	run -1 --separate-stderr plock -n ./f true
	[[ $stderr =~ ^"plock: ./f: busy, held by pid "([0-9]+)" (zoo) and 2 more"$ ]]
	grep -qx "${BASH_REMATCH[1]}" one.pid two.pid three.pid -h
	release one two three
}

@test "-n: holders by descriptor are counted with the others" {
	hold one -s ./f
	start two bash -c 'exec 9<>f; plock -s 9; exec zoo wait in'
	await in
	run -1 --separate-stderr plock -n ./f true
	[[ $stderr =~ ^"plock: ./f: busy, held by pid "([0-9]+)" (zoo) and 1 more"$ ]]
	release one two
}

@test "-n: a NAME is named as the user wrote it" {
	hold one db
	run -1 --separate-stderr plock -n db true
	[ "$stderr" = "plock: db: busy, held by pid $pid (zoo)" ]
	release one
}

@test "-n: a holder that cannot be seen is not named" {
	requires_root
	requires unshare
	unshare --pid --fork --mount-proc true 2>/dev/null || skip "no process namespaces here"
	hold one ./f
	run -1 --separate-stderr unshare --pid --fork --mount-proc plock -n ./f touch ran
	[ "$stderr" = "plock: ./f: busy" ]
	[ ! -e ran ]
	release one
}

@test "-n: a holder's name cannot forge a line or drive the terminal" {
	local name
	# The last is U+009B, the CSI of terminals that take control characters from UTF-8.
	for name in $'a\n\e[31mb' $'a\x7f' $'a\xc2\x9b31mb' $'\xc2\x80\xc2\x9f'; do
		cp "$(command -v zoo)" "$name"
		start one plock ./f "./$name" wait in
		await in
		run -1 --separate-stderr plock -n ./f true
		[ "${#stderr_lines[@]}" -eq 1 ]
		[[ $stderr == "plock: ./f: busy, held by pid $pid ("*")" ]]
		[[ $stderr != *[$'\e\x7f']* ]]
		[[ $stderr != *$'\xc2'* ]]
		release one
		rm in
	done
}

@test "-w 0 is -n" {
	hold one ./f
	run -1 --separate-stderr plock -w 0 ./f touch ran
	[ "$stderr" = "plock: ./f: busy, held by pid $pid (zoo)" ]
	run -1 plock --wait 0ms ./f touch ran
	[ ! -e ran ]
	release one
	run -0 plock -w 0 ./f touch ran
	[ -e ran ]
}

@test "-w: 124 when the time is up, not before, and it says who holds it" {
	local began
	hold one ./f
	began=${EPOCHREALTIME/./}
	run -124 --separate-stderr plock -w 150ms ./f touch ran
	((${EPOCHREALTIME/./} - began >= 150000))
	((${EPOCHREALTIME/./} - began < 5000000))
	[ "$stderr" = "plock: ./f: timed out, held by pid $pid (zoo)" ]
	[ ! -e ran ]
	[ "$(waiters f)" -eq 0 ]
	release one
}

@test "-w: in time, COMMAND runs, and nothing of the clock is left to it" {
	hold one ./f
	start two plock -w 0.5 ./f zoo exec zoo wait in.two
	await_waiters f 1
	release one
	await in.two
	# Well past the limit: a timer that exec has let live would have struck.
	sleep 0.6
	[ "$(pid_state "$(cat in.two)")" = S ]
	[ "$(awk '/^(SigPnd|ShdPnd|SigBlk|SigIgn):/ { print $2 }' "/proc/$(cat in.two)/status" | sort -u)" = \
		"$(zoo exec awk '/^(SigPnd|ShdPnd|SigBlk|SigIgn):/ { print $2 }' /proc/self/status | sort -u)" ]
	release two
}

@test "-w: hours and days are limits as good as any" {
	local limit
	hold one ./f
	for limit in 1h 100000d; do
		start two plock -w "$limit" ./f touch ran
		await_waiters f 1
		kill -TERM "$pid"
		ended two
		[ "$death" = "signal 15" ]
	done
	release one
}

@test "no timers left to this user: without -w it waits all the same, with -w it says that it cannot" {
	hold one ./f
	start two bash -c 'ulimit -i 0; exec plock ./f touch ran'
	await_waiters f 1
	# With a timer after all, where the limit does not bind: then it is a wait like any other.
	run --separate-stderr bash -c 'ulimit -i 0; exec plock -w 0.3 ./f touch ran2'
	[[ $status -eq 124 || ($status -eq 125 && $stderr == 'plock: '*timer* && ${#stderr_lines[@]} -eq 1) ]]
	retry_until 5 has_waiters f 1
	release one
	ended two
	[ "$death" = "exit 0" ]
	[ -e ran ]
	[ ! -e ran2 ]
}

@test "-E: the status for not obtained, for -n and for -w" {
	hold one ./f
	run -7 plock -n -E 7 ./f touch ran
	run -255 plock --conflict-exit-code 255 -w 0 ./f touch ran
	run -9 plock -w 0.02 -E 9 ./f touch ran
	run -0 plock -n -E 0 ./f touch ran
	[ ! -e ran ]
	release one
	run -3 plock -n -E 7 ./f sh -c 'exit 3'
}

@test "-v: tells whom it waits for, before it waits" {
	hold one ./f
	start two plock -v ./f touch ran
	await_text two.err "plock: ./f: waits for pid $(cat one.pid) (zoo)"
	await_waiters f 1
	[ ! -e ran ]
	release one
	ended two
	[ "$death" = "exit 0" ]
	[ "$(wc -l <two.err)" -eq 1 ]
}

@test "-v: nothing to tell when the lock is free" {
	run -0 --separate-stderr plock --verbose ./f true
	[ -z "$stderr" ]
}

@test "-c: a command of the shell, before LOCK and after it" {
	run -0 plock ./f -c 'echo "$((1 + 1))" | cat; exit 0'
	[ "$output" = 2 ]
	run -0 plock -c 'echo "$((1 + 2))" | cat' ./f
	[ "$output" = 3 ]
	run -5 plock ./f --command 'exit 5'
}

@test "-c: the shell is the one that holds the lock" {
	start one plock ./f -c 'echo "$$" >shell; exec zoo wait in'
	await in
	is shell <<<"$pid"
	[ "$(granted f)" = WRITE ]
	release one
}

@test "a NAME is a file of the runtime directory, and nothing here" {
	hold one db
	[ "$(granted names/db.lock)" = WRITE ]
	[ "$(stat -c %a names/db.lock)" = 600 ]
	[ "$(ls -A names)" = db.lock ]
	[ ! -e db ]
	release one
	[ -e names/db.lock ]
}

@test "a NAME and the path of the same name are two locks" {
	hold one ./db
	[ "$(ls -A names)" = "" ]
	rm db
	run -0 plock -n db touch ran
	[ -e ran ]
	release one
}

@test "a path is what holds a slash, wherever" {
	mkdir -p sub
	plock sub/f true
	plock "$PWD/g" true
	plock ./h:i true
	[ -f sub/f ]
	[ -f g ]
	[ -f h:i ]
	[ -z "$(ls -A names)" ]
}

@test "one file has one lock, by whatever path it is reached" {
	mkdir sub
	: >f
	ln -s f link
	ln f hard
	hold one ./f
	run -1 plock -n "$PWD/f" true
	run -1 plock -n ./link true
	run -1 plock -n ./hard true
	run -1 plock -n sub/../f true
	release one
}

@test "a NAME that is also a file here is refused: 2, and nothing is locked" {
	local other
	echo precious >db.txt
	run -2 --separate-stderr plock db.txt touch ran
	[ "$stderr" = 'plock: db.txt: also a file here: say ./db.txt to lock the file' ]
	mkdir dir
	run -2 --separate-stderr plock -n dir touch ran
	[ "$stderr" = 'plock: dir: also a file here: say ./dir to lock the file' ]
	: >"7"
	run -2 plock 7 touch ran
	[ ! -e ran ]
	[ -z "$(ls -A names)" ]
	plock ./db.txt touch ran
	[ -e ran ]
	is db.txt <<<precious
	mkdir elsewhere
	cd elsewhere
	for other in db.txt dir 7; do plock "$other" true; done
}

@test "a number with a COMMAND is a NAME" {
	plock 9 true 9>f
	[ -e names/9.lock ]
	plock 10 -c true
	[ -e names/10.lock ]
	plock 11 -- true
	[ -e names/11.lock ]
}

@test "the longest NAME and the oddest letters it may have" {
	local name
	for name in "$(printf '%064d' 0)x" a.b_c-D _ 0.a; do
		name=${name:0:64}
		run -0 plock "$name" true
		[ -e "names/$name.lock" ]
	done
}

@test "a file that is missing is made, as the umask says" {
	(umask 027 && plock ./f true)
	[ "$(stat -c %a f)" = 640 ]
	(umask 0 && plock ./g true)
	[ "$(stat -c %a g)" = 666 ]
	(umask 077 && plock ./f true)
	[ "$(stat -c %a f)" = 640 ]
}

@test "of many that find the file missing at once, one makes it, and they exclude each other" {
	local round i pids
	for ((round = 0; round < 5; ++round)); do
		pids=()
		for ((i = 0; i < 20; ++i)); do
			plock "./new.$round" sh -c 'mkdir inside && echo >>turns; rmdir inside' 3>&- &
			pids+=("$!")
		done
		wait "${pids[@]}"
	done
	[ "$(wc -l <turns)" -eq 100 ]
}

@test "a lock file is never unlinked, and its content never touched" {
	local before
	echo precious >f
	chmod 640 f
	before=$(stat -c '%i %s %Y %Z %a' f)
	plock ./f true
	plock -s ./f false || true
	plock --hold command ./f true
	plock -n -x ./f -c true
	(plock 9) 9<f
	plock -r ./f plock -r ./f true
	[ "$(stat -c '%i %s %Y %Z %a' f)" = "$before" ]
	is f <<<precious
}

@test "a killed COMMAND, a timeout and a missing COMMAND leave the lock file too" {
	hold one ./f
	run -124 plock -w 0.01 ./f true
	release one
	[ -e f ]
	run -127 plock ./f ./no-such
	[ -e f ]
	[ ! -s f ]
}

@test "a file that may only be read can be locked" {
	requires_nobody
	mkdir sub
	echo precious >sub/f
	chmod 444 sub/f
	chmod 755 sub
	as_nobody plock sub/f touch ran
	[ -e ran ]
	as_nobody plock -s sub/f true
	hold one sub/f
	run -1 as_nobody plock -n sub/f touch ran2
	[ ! -e ran2 ]
	release one
}

@test "the file is open for reading only" {
	: >f
	run -0 plock ./f sh -c "$descriptors_of" sh f
	[[ $output =~ ^[0-9]+" 0"[0-7]*0$ ]]
}

@test "a script that is only readable locks itself, once, and a second run of it is kept out" {
	cat >self <<-'SCRIPT'
		#!/bin/sh
		[ "${LOCKED:-}" = "$0" ] || exec env LOCKED="$0" plock -n "$0" "$0" "$@"
		printf '%s\n' "$@" >args
		exec zoo wait in
	SCRIPT
	chmod 555 self
	cp self before
	start one ./self 'a b' ''
	await in
	is args <<<$'a b\n'
	run -1 --separate-stderr ./self other
	[[ $stderr == "plock: ./self: busy, held by pid $pid "* ]]
	is args <<<$'a b\n'
	release one
	cmp self before
	start one "$PWD/self" again
	await_text args again
	release one
}

@test "a program locks itself: it is not busy because plock has it open" {
	cp "$(command -v zoo)" prog
	run -0 plock ./prog ./prog args a
	[ "$output" = '1:a,' ]
}

@test "a directory is a lock" {
	mkdir dir
	hold one ./dir
	[ "$(granted dir)" = WRITE ]
	run -1 plock -n dir/ true
	run -1 plock -n "$PWD/dir" true
	release one
	run -0 plock -n -s dir/. true
	[ -z "$(ls -A dir)" ]
}

@test "COMMAND has the lock's descriptor once, numbered 20 or more, and no other of plock's" {
	local fd before
	read -r before < <(alone zoo fds)
	[ "$before" = '0 1 2' ]
	run -0 alone plock ./f zoo fds
	[[ $output =~ ^"0 1 2 "([0-9]+)$ ]]
	[ "${BASH_REMATCH[1]}" -ge 20 ]
	run -0 plock ./f sh -c "$descriptors_of" sh f
	[ "${#lines[@]}" -eq 1 ]
	fd=${output%% *}
	[ "$fd" -ge 20 ]
	run -0 alone plock -v -w 5 -E 3 -s ./f zoo fds
	[[ $output =~ ^"0 1 2 "[0-9]+$ ]]
	run -0 alone plock db zoo fds
	[[ $output =~ ^"0 1 2 "[0-9]+$ ]]
}

@test "a script that closes the numbers below 20 does not lose its lock" {
	start one plock ./f bash -c 'for ((fd = 3; fd < 20; ++fd)); do eval "exec $fd>&-"; done; exec zoo wait in'
	await in
	[ "$(granted f)" = WRITE ]
	run -1 plock -n ./f true
	release one
	start one plock ./f bash -c 'exec 3>other 4<other 9>&-; exec zoo wait in.too'
	await in.too
	[ "$(granted f)" = WRITE ]
	release one
}

@test "what the caller has open stays as it was, 20 and 21 as well" {
	echo mine >mine
	run -0 alone sh -c 'exec 3<mine; exec plock ./f sh -c "cat <&3"'
	[ "$output" = mine ]
	run -0 alone bash -c 'exec 20<mine 21<mine; exec plock ./f bash -c "cat <&20; echo /proc/\$\$/fd/*"'
	[[ $output == mine$'\n'*/fd/20' '*/fd/21' '*/fd/22* ]]
}

@test "standard descriptors that are closed are not used for the lock, and their use fails as before" {
	: >f
	run -0 alone sh -c "exec plock ./f sh -c '$descriptors_of' sh f <&-"
	[[ $output =~ ^([0-9]+)" 0"[0-7]*0$ ]]
	[ "${BASH_REMATCH[1]}" -ge 20 ]
	run -1 alone sh -c 'exec plock ./f cat <&-'
	[[ $output == *'Bad file descriptor'* ]]
	alone sh -c 'exec plock ./f sh -c ": >ran" <&- >&- 2>&-'
	[ -e ran ]
}

@test "no number of 20 or more to be had: COMMAND runs under the lock, or it says why not" {
	run --separate-stderr alone sh -c 'ulimit -n 12; exec plock ./f sh -c ": >ran"'
	if [ "$status" -eq 0 ]; then
		[ -e ran ]
	else
		[ "$status" -eq 2 ] || [ "$status" -eq 125 ]
		[[ $stderr == 'plock: '* ]]
		[ ! -e ran ]
	fi
}

@test "plock becomes COMMAND: no process of its own remains" {
	hold one ./f
	[ "$(cat one.in)" = "$pid" ]
	is <(pgrep -P "$pid" || echo none) <<<none
	release one
}

@test "--hold tree: the lock is free only when all that inherited the descriptor are gone" {
	start one plock ./f zoo double-fork left
	ended one
	[ "$death" = "exit 0" ]
	await left
	[ "$(granted f)" = WRITE ]
	run -1 --separate-stderr plock -n ./f touch ran
	[ "$stderr" = "plock: ./f: busy, held by pid $(cat left) (zoo)" ]
	kill -KILL "$(cat left)"
	retry_until 5 is_free ./f
}

@test "stdin, stdout and stderr are COMMAND's" {
	run -0 --separate-stderr plock ./f sh -c 'cat; echo to-err >&2' < <(echo to-in)
	[ "$output" = to-in ]
	[ "$stderr" = to-err ]
}

@test "COMMAND's signals are as plock found them, after a wait too" {
	local plain options
	plain=$(zoo signals)
	run -0 plock ./f zoo signals
	[ "$output" = "$plain" ]
	run -0 plock -w 5 -v ./f zoo signals
	[ "$output" = "$plain" ]
	run -0 bash -c 'trap "" USR1 PIPE; zoo signals; plock -w 5 ./f zoo signals'
	[ "${lines[0]}" = "${lines[2]}" ]
	[ "${lines[1]}" = "${lines[3]}" ]
	for options in '' '-w 1h'; do
		hold one ./f
		start two bash -c "trap '' ALRM USR1; exec plock $options ./f zoo signals"
		await_waiters f 1
		sleep 0.1
		release one
		ended two
		is two.out < <(deathof plain bash -c "trap '' ALRM USR1; exec zoo signals")
	done
}

@test "COMMAND's status is passed through" {
	local status_wanted
	for status_wanted in 0 1 2 7 124 125 255; do
		run "-$status_wanted" --separate-stderr plock ./f sh -c "exit $status_wanted"
		[ -z "$stderr" ]
	done
}

@test "a COMMAND that a signal kills: the caller sees that signal" {
	start one plock ./f zoo die 9
	ended one
	[ "$death" = "signal 9" ]
	run -137 sh -c 'plock ./f zoo die 9'
	run -143 sh -c 'plock ./f zoo die 15'
	is_free ./f
}

@test "a COMMAND that is not there: 127; one that cannot be executed: 126; each is told, and the lock is free" {
	run -127 --separate-stderr env PATH="$IPCUTILS_BUILD/bin:/bin" plock ./f no-such-command-anywhere
	[[ $stderr == 'plock: no-such-command-anywhere: '* ]]
	[ "${#stderr_lines[@]}" -eq 1 ]
	run -127 --separate-stderr plock ./f ./no/such
	[[ $stderr == 'plock: ./no/such: '* ]]
	: >plain
	run -126 --separate-stderr plock ./f ./plain
	[[ $stderr == 'plock: ./plain: '* ]]
	[ "${#stderr_lines[@]}" -eq 1 ]
	mkdir dir
	run -126 plock ./f ./dir
	printf '#!%s/no/interpreter\n' "$PWD" >script
	chmod +x script
	run -127 --separate-stderr plock ./f ./script
	is_free ./f
}

@test "a script without #! cannot be executed: 126, and no shell is tried" {
	local option
	echo ': >ran' >script
	chmod +x script
	for option in --hold=tree --hold=command; do
		run -126 --separate-stderr plock "$option" ./f ./script
		[ "$stderr" = 'plock: ./script: Exec format error' ]
	done
	[ ! -e ran ]
}

@test "a lock that only a writer may take (NFS): it is opened for writing, and held" {
	local error
	requires_shim plock
	echo precious >f
	for error in EBADF EIO; do
		rm -f faults
		run -0 faulty plock "flock-ro:$error:0:0" ./f sh -c "$descriptors_of; exec cat /proc/locks" sh f
		has faults "flock-ro $error"
		[[ ${lines[0]} =~ ^([0-9]+)" 0"[0-7]*2$ ]]
		[ "${BASH_REMATCH[1]}" -ge 20 ]
		[ "$(grep -cE '^[0-9]+ 0[0-7]+$' <<<"$output")" -eq 1 ]
		[[ $output == *"FLOCK  ADVISORY  WRITE"*":$(stat -c %i f) "* ]]
	done
	is f <<<precious
	hold one ./f
	run -1 faulty plock flock-ro:EBADF:0:0 -n ./f touch ran
	run -124 faulty plock flock-ro:EBADF:0:0 -w 0.02 ./f touch ran
	[ ! -e ran ]
	release one
}

@test "a lock that only a writer may take, and a file that may only be read: told, COMMAND is not run" {
	requires_shim plock
	requires_nobody
	: >f
	chmod 444 f
	as_nobody test -x "$IPCUTILS_BUILD/shim/plock" || skip "the test build is out of nobody's reach"
	run --separate-stderr as_nobody env FAULT=flock-ro:EBADF:0:0 FAULT_IN=plock LD_PRELOAD="$IPCUTILS_BUILD/shim/fault.so" "$IPCUTILS_BUILD/shim/plock" ./f touch ran
	[ "$status" -eq 2 ] || [ "$status" -eq 125 ]
	[[ $stderr == 'plock: ./f: '* ]]
	[ "${#stderr_lines[@]}" -eq 1 ]
	[ ! -e ran ]
}

@test "EBADF and EIO from writers too: told once, it does not try for ever" {
	local error text
	requires_shim plock
	while read -r error text; do
		run --separate-stderr timeout 10 env FAULT="flock:$error:0:0" FAULT_IN=plock LD_PRELOAD="$IPCUTILS_BUILD/shim/fault.so" "$IPCUTILS_BUILD/shim/plock" ./f touch ran
		[ "$status" -eq 2 ] || [ "$status" -eq 125 ]
		[[ $stderr == "plock: ./f: "*"$text"* ]]
		[ "${#stderr_lines[@]}" -eq 1 ]
		[ ! -e ran ]
	done <<<$'EBADF Bad file descriptor\nEIO Input/output error\nENOLCK No locks available\nEOPNOTSUPP Operation not supported'
}

@test "EINTR while it takes the lock: it takes it all the same" {
	requires_shim plock
	run -0 faulty plock flock:EINTR:0:3 ./f touch ran
	[ "$(grep -c EINTR faults)" -eq 3 ]
	[ -e ran ]
	rm ran
	run -0 faulty plock flock:EINTR:0:3 -w 10 ./f touch ran
	[ -e ran ]
}

@test "waiting costs no CPU: one that waits does nothing at all" {
	local waiting=() options
	hold one ./f
	for options in '' '-s' '-w 1h' '-v -E 9'; do
		# shellcheck disable=SC2086  # its words
		start "waits${#waiting[@]}" plock $options ./f touch ran
		waiting+=("$pid")
	done
	await_waiters f 4
	retry_until 10 idle "${waiting[@]}"
	kill -TERM "${waiting[@]}"
	release one
}

@test "TERM, INT, HUP and QUIT while waiting: it dies of that signal at once, and waits no more" {
	local name number options
	hold one ./f
	while read -r name number; do
		for options in '' '-w 1h' '--hold command' '-t 1h -w 1h' '-s -v'; do
			# shellcheck disable=SC2086  # its words
			start two plock $options ./f touch ran
			await_waiters f 1
			kill -s "$name" "$pid"
			retry_until 2 test -e two.death
			ended two
			[ "$death" = "signal $number" ]
			[ "$(waiters f)" -eq 0 ]
		done
	done <<<$'TERM 15\nINT 2\nHUP 1\nQUIT 3'
	release one
	is_free ./f
	[ ! -e ran ]
}

@test "ALRM, USR1 and PIPE while waiting: death by that signal too, with -w as without" {
	local name number options
	hold one ./f
	while read -r name number; do
		for options in '' '-w 1h'; do
			# shellcheck disable=SC2086  # its words
			start two plock $options ./f touch ran
			await_waiters f 1
			kill -s "$name" "$pid"
			retry_until 2 test -e two.death || kill -KILL "$pid"
			ended two
			[ "$death" = "signal $number" ]
		done
	done <<<$'USR1 10\nPIPE 13\nALRM 14'
	release one
}

@test "SIGKILL of one that waits: those behind it get their turn" {
	local first
	hold one ./f
	start two plock ./f touch ran.two
	first=$pid
	await_waiters f 1
	start three plock -w 1h ./f touch ran.three
	await_waiters f 2
	kill -KILL "$first"
	ended two
	await_waiters f 1
	release one
	ended three
	[ "$death" = "exit 0" ]
	[ -e ran.three ]
	[ ! -e ran.two ]
}

@test "signals that mean nothing do not end a wait, nor does a stop" {
	local options
	for options in '' '-w 1h'; do
		hold one ./f
		# shellcheck disable=SC2086  # its words
		start two plock $options ./f touch ran
		await_waiters f 1
		kill -CHLD "$pid"
		kill -WINCH "$pid"
		kill -CONT "$pid"
		kill -STOP "$pid"
		retry_until 5 pid_is "$pid" T
		kill -CONT "$pid"
		retry_until 5 pid_is "$pid" S
		await_waiters f 1
		[ ! -e two.death ]
		release one
		ended two
		[ "$death" = "exit 0" ]
		rm ran
	done
}

@test "a stop does not prolong -w" {
	hold one ./f
	start two plock -w 0.2 ./f touch ran
	await_waiters f 1
	kill -STOP "$pid"
	retry_until 5 pid_is "$pid" T
	sleep 0.3
	kill -CONT "$pid"
	ended two
	[ "$death" = "exit 124" ]
	[ ! -e ran ]
	release one
}

@test "kill -9 of a holder without descendants lets the next in quickly" {
	local holder
	hold one ./f
	holder=$pid
	start two plock ./f zoo wait in
	await_waiters f 1
	kill -KILL "$holder"
	retry_until 1 test -e in
	release two
	ended one
}

@test "plock and flock(1) exclude each other" {
	requires flock
	hold one ./f
	run -1 flock -n f true
	release one
	start two flock f zoo wait in
	await in
	run -1 plock -n ./f true
	kill -KILL "$(cat in)"
	ended two
	run -0 plock -n ./f true
}

@test "a COMMAND that has taken the lock runs though its file has been removed" {
	hold one ./f
	start two plock ./f touch ran
	await_waiters f 1
	mv f g
	release one
	ended two
	[ "$death" = "exit 0" ]
	[ -e ran ]
}

@test "COMMAND is told by PLOCK_HELD which descriptor holds what" {
	local entry
	run -0 plock -s ./f bash -c 'echo "$PLOCK_HELD"; fd=${PLOCK_HELD%%:*}; [ "/proc/$$/fd/$fd" -ef f ]'
	IFS=: read -ra entry <<<"$output"
	[ "${entry[1]}:${entry[2]}" = "$(stat -c %D f):$(printf %x "$(stat -c %i f)")" ]
	[ "${entry[3]}" = S ]
	run -0 plock ./f plock ./g bash -c 'read -ra held <<<"$PLOCK_HELD"; echo "${#held[@]}"; [ "/proc/$$/fd/${held[1]%%:*}" -ef g ]; echo "$PLOCK_HELD"'
	[ "${lines[0]}" = 2 ]
	[[ ${lines[1]} =~ ^[0-9]+:[0-9a-f]+:[0-9a-f]+:X:[0-9]+' '[0-9]+:[0-9a-f]+:[0-9a-f]+:X:[0-9]+$ ]]
}

@test "the rest of the environment is COMMAND's as it was" {
	is <(env -i PATH="$PATH" A=1 B= 'C=a b' plock ./f env | grep -v '^PLOCK_HELD=' | sort) < <(env -i PATH="$PATH" A=1 B= 'C=a b' env | sort)
}

@test "a lock file that is removed and made anew while one waits: it waits for the new one" {
	local lock file
	for lock in ./f db; do
		file=$lock
		[ "$lock" = ./f ] || file=names/db.lock
		rm -f ran
		hold one "$lock"
		start two plock "$lock" touch ran
		start three plock -w 1h "$lock" true
		await_waiters "$file" 2
		rm "$file"
		hold four "$lock"
		release one
		await_waiters "$file" 2
		[ ! -e ran ]
		[ "$(granted "$file")" = WRITE ]
		release four
		ended two
		[ "$death" = "exit 0" ]
		[ -e ran ]
		ended three
		[ "$death" = "exit 0" ]
		is_free "$lock"
	done
}

@test "a lock file that is removed while one waits, and not made anew: it is made, and locked" {
	hold one ./f
	start two plock ./f zoo wait two.in
	await_waiters f 1
	rm f
	release one
	await two.in
	run -1 plock -n ./f true
	release two
}
