#!/usr/bin/env bats
# shellcheck disable=SC2016  # $1 in single quotes is for COMMAND's own shell
# shellcheck disable=SC2154  # run and the helpers set output, stderr, lines, death, pid
load helpers
load locks

# A bug in what this file tests is a wait without end.
# shellcheck disable=SC2032
nest() { run "$1" --separate-stderr timeout 10 "${@:2}"; }

# forged FD FILE MODE: an entry for it, as plock would write it.
forged() {
	local fields
	IFS=: read -ra fields < <(plock "$2" sh -c 'echo "$PLOCK_HELD"')
	fields[0]=$1
	fields[3]=$3
	(
		IFS=:
		echo "${fields[*]}"
	)
}

@test "-r: runs at once inside a COMMAND that already holds the lock" {
	nest -0 plock -r ./f plock -r ./f zoo args in
	[ "$output" = '2:in,' ]
	[ -z "$stderr" ]
	nest -0 plock -r ./f sh -c 'plock -r ./f sh -c "plock -r ./f sh -c \"exit 0\""'
	nest -5 plock --recursive ./f sh -c 'plock --recursive ./f sh -c "exit 5"; exit "$?"'
}

@test "-r: the outer plock need not have said -r" {
	nest -0 plock ./f plock -r ./f true
	nest -0 plock --hold command ./f plock -r ./f true
	nest -0 plock ./f sh -c 'sh -c "plock -r ./f true"'
}

@test "-r: of a NAME too" {
	nest -0 plock -r db plock -r db zoo args in
	[ "$output" = '2:in,' ]
}

@test "-r: the file counts, not how its path is written" {
	mkdir sub
	: >f
	ln f hard
	ln -s f link
	nest -0 plock -r ./f sh -c 'plock -r "$PWD/f" true && plock -r ./hard true && plock -r ./link true && cd sub && plock -r ../f true'
}

@test "-r: another lock is taken in earnest" {
	hold one ./g
	nest -1 plock -r ./f plock -r -n ./g touch ran
	[ ! -e ran ]
	release one
	nest -0 plock -r ./f plock -r ./g sh -c 'for lock in f g; do awk "/ FLOCK /" /proc/locks | grep -c ":$(stat -c %i "$lock") "; done'
	[ "$output" = $'1\n1' ]
}

@test "-r: with two held, either is known, and so is the one before the last" {
	nest -0 plock ./a plock ./b plock ./c sh -c 'plock -r ./a plock -r ./b plock -r ./c plock -r ./a true'
}

@test "-r: the outer lock is still held when the inner COMMAND has ended" {
	local inner
	for inner in '-r' '-r -n' '-r --hold command' '-r -t 1h' '-r -w 5'; do
		rm -f in go
		gate go
		start one plock ./f sh -c "plock $inner ./f true && : >in && read -r _ <go"
		await in
		[ "$(granted f)" = WRITE ]
		run -1 plock -n ./f touch ran
		open_gate go
		ended one
		[ "$death" = "exit 0" ]
	done
	is_free ./f
	[ ! -e ran ]
}

@test "-r: the inner COMMAND runs under the outer lock: one that was left behind keeps it" {
	start one plock ./f sh -c 'plock -r ./f zoo double-fork left'
	ended one
	[ "$death" = "exit 0" ]
	await left
	run -1 plock -n ./f true
	kill -KILL "$(cat left)"
	retry_until 5 is_free ./f
}

@test "-r --hold command: inside, the lock is known as well" {
	nest -0 plock ./f plock -r --hold command ./f plock -r ./f plock -r -t 1h ./f sh -c 'plock -r ./f touch ran'
	[ -e ran ]
	nest -125 plock ./f plock -r --hold command ./f plock ./f touch ran2
	[ ! -e ran2 ]
}

@test "-r with -n, -w and -v: at once, and nothing to tell" {
	nest -0 plock ./f plock -r -n ./f true
	nest -0 plock ./f plock -r -w 5 ./f true
	nest -0 plock ./f plock -r -v ./f true
	[ -z "$stderr" ]
}

@test "-r: nothing held: it is a lock like any other" {
	hold one -r ./f
	[ "$(granted f)" = WRITE ]
	run -1 --separate-stderr plock -r -n ./f touch ran
	[ "$stderr" = "plock: ./f: busy, held by pid $pid (zoo)" ]
	run -124 plock -r -w 0.01 ./f touch ran
	start two plock -r ./f touch ran
	await_waiters f 1
	[ ! -e ran ]
	release one
	ended two
	[ -e ran ]
}

@test "-r -s: inside a shared lock and inside an exclusive one, at once" {
	nest -0 plock -s ./f plock -r -s ./f true
	nest -0 plock -x ./f plock -r -s ./f sh -c ': >ran'
	[ -e ran ]
}

@test "-r -s inside an exclusive lock leaves that exclusive" {
	gate go
	start one plock ./f sh -c 'plock -r -s ./f true && : >in && read -r _ <go'
	await in
	run -1 plock -n -s ./f true
	open_gate go
	ended one
}

@test "-r -x inside a shared lock: 125, with the reason, at once" {
	local options
	for options in '-r' '-r -x' '-r -w 10' '-r --hold command'; do
		# shellcheck disable=SC2086  # its words
		nest -125 plock -s ./f plock $options ./f touch ran
		[ "$stderr" = 'plock: ./f: held shared by the command around this one, so it can never become exclusive' ]
	done
	[ ! -e ran ]
}

@test "-r -x inside a shared lock: that is still held after the refusal" {
	gate go
	start one plock -s ./f sh -c 'plock -r -x ./f true; echo "$?" >in.new; mv in.new in; read -r _ <go'
	await in
	is in <<<125
	[ "$(granted f)" = READ ]
	open_gate go
	ended one
}

@test "-r: an entry whose descriptor has been closed: it acquires normally" {
	nest -0 plock ./f bash -c 'fd=${PLOCK_HELD%%:*}; eval "exec $fd>&-"; plock -r -n ./f sh -c "awk \"/ FLOCK .* WRITE /\" /proc/locks | grep -c \":\$(stat -c %i f) \""'
	[ "$output" = 1 ]
}

@test "-r: an entry left over from a COMMAND that has ended is not believed" {
	local entry
	entry=$(plock ./f sh -c 'echo "$PLOCK_HELD"')
	hold one ./f
	nest -1 env PLOCK_HELD="$entry" plock -r -n ./f touch ran
	nest -124 env PLOCK_HELD="$entry" plock -r -w 0.02 ./f touch ran
	[ ! -e ran ]
	release one
	nest -0 env PLOCK_HELD="$entry" plock -r ./f touch ran
}

@test "-r: an entry for a descriptor of the file that has no lock is not believed" {
	local entry
	: >f
	entry=$(forged 25 ./f X)
	hold one ./f
	nest -1 env PLOCK_HELD="$entry" bash -c 'exec plock -r -n ./f touch ran 25<f'
	nest -124 env PLOCK_HELD="$entry" bash -c 'exec plock -r -w 0.02 ./f touch ran 25<>f'
	[ ! -e ran ]
	release one
	# And with nobody holding it, it takes the lock: the check itself has not.
	start two env PLOCK_HELD="$entry" bash -c 'exec plock -r ./f zoo wait in 25<f'
	await in
	[ "$(granted f)" = WRITE ]
	kill -KILL "$pid"
	ended two
}

@test "-r: an entry for a descriptor that holds the lock of another file is not believed" {
	local entry
	: >f
	hold one ./f
	nest -1 plock ./g bash -c 'PLOCK_HELD=$(sed "s/^[0-9]*:[0-9a-f]*:[0-9a-f]*/${PLOCK_HELD%%:*}:$(printf "%s:%x" "$(stat -c %D f)" "$(stat -c %i f)")/" <<<"$PLOCK_HELD") exec plock -r -n ./f touch ran'
	[ ! -e ran ]
	release one
}

@test "-r: an entry that calls a shared lock exclusive is not believed: the kernel is" {
	hold one -s ./f
	nest -125 plock -s ./f bash -c 'PLOCK_HELD=${PLOCK_HELD/:S:/:X:} exec plock -r -x ./f touch ran'
	[ ! -e ran ]
	release one
}

@test "-r: an open-file-description lock (fcntl) of that descriptor is not one of flock" {
	local entry
	requires python3
	: >f
	entry=$(forged 25 ./f X)
	hold one ./f
	nest -1 env PLOCK_HELD="$entry" python3 -c '
import fcntl, os, struct
fd = os.open("f", os.O_RDWR)
os.dup2(fd, 25)
fcntl.fcntl(25, 37, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0))
os.execvp("plock", ["plock", "-r", "-n", "./f", "touch", "ran"])'
	[ ! -e ran ]
	release one
}

@test "-r: whatever stands in PLOCK_HELD, it acquires normally" {
	local junk
	hold one ./f
	for junk in '' ' ' : ::::: garbage '20' '20:' '-1:0:0:X:0' '99999999999999999999:1:2:X:3' '20:1:2:X' '20:x:y:X:0' \
		'0:0:0:X:0' $'20:1:2:X:0\n20:1:2:X:0' '2147483648:1:2:X:3' "$(printf '20:1:2:X:0 %.0s' {1..5000})" "$(printf '%099999d' 0)" $'\xff\xfe' '../../etc/passwd:1:2:X:1'; do
		nest -1 env PLOCK_HELD="$junk" plock -r -n ./f touch ran
		[[ $stderr == 'plock: ./f: busy'* ]]
	done
	[ ! -e ran ]
	release one
	for junk in garbage "$(printf '20:1:2:X:0 %.0s' {1..5000})"; do
		nest -0 env PLOCK_HELD="$junk" plock -r ./f sh -c 'plock -r ./f true'
	done
}

@test "without -r: a plock that would wait for the COMMAND around it says so and fails with 125, at once" {
	local began options
	for options in '' '-w 1h' '-x' '-v -w 20' '--hold command' '-t 1h'; do
		began=${EPOCHREALTIME/./}
		nest -125 plock ./f sh -c "echo \"\$\$\"; plock $options ./f touch ran; exit \"\$?\""
		((${EPOCHREALTIME/./} - began < 5000000))
		[ "${stderr_lines[-1]}" = "plock: ./f: held by pid $output (sh), an ancestor: waiting would never end (see -r)" ]
		[ "${#stderr_lines[@]}" -eq 1 ] || [[ $options == -v* ]]
	done
	[ ! -e ran ]
}

@test "without -r: COMMAND is plock itself: the process that holds is the one that would wait" {
	nest -125 plock ./f plock ./f touch ran
	[[ $stderr =~ ^"plock: ./f: held by pid "[0-9]+" (plock), an ancestor: waiting would never end (see -r)"$ ]]
	nest -125 plock --hold command ./f plock ./f touch ran
	[[ $stderr == "plock: ./f: held by pid "*", an ancestor: waiting would never end (see -r)" ]]
	[ ! -e ran ]
}

@test "without -r: -n and -w 0 do not wait, so an ancestor is a holder like any other: 1" {
	nest -1 plock ./f plock -n ./f touch ran
	nest -1 plock ./f plock -w 0 ./f touch ran
	nest -7 plock ./f plock -n -E 7 ./f touch ran
	[ ! -e ran ]
}

@test "without -r: shared in shared is no wait; shared in exclusive and exclusive in shared are one without end" {
	nest -0 plock -s ./f plock -s ./f touch ran
	[ -e ran ]
	nest -125 plock ./f plock -s ./f touch ran2
	nest -125 plock -s ./f plock ./f touch ran2
	nest -125 plock -s ./f sh -c 'plock -w 1h ./f touch ran2'
	[ ! -e ran2 ]
}

@test "an ancestor that shares with an outsider will never let an exclusive one in either" {
	hold one -s ./f
	nest -125 plock -s ./f sh -c 'plock ./f touch ran'
	[[ $stderr == *', an ancestor: waiting would never end'* ]]
	[ ! -e ran ]
	release one
}

@test "an ancestor is found when the environment was cleaned, with -r too" {
	nest -125 plock ./f env -i "PATH=$PATH" plock ./f touch ran
	[[ $stderr == *', an ancestor: waiting would never end'* ]]
	nest -125 plock ./f env -i "PATH=$PATH" plock -w 1h ./f touch ran
	nest -125 plock ./f env -i "PATH=$PATH" sh -c 'plock -r ./f touch ran'
	[ ! -e ran ]
}

@test "a COMMAND that has closed the descriptor holds nothing any more, whatever PLOCK_HELD says" {
	nest -0 plock ./f bash -c 'eval "exec ${PLOCK_HELD%%:*}>&-"; plock ./f touch ran; exit "$?"'
	[ -e ran ]
}

@test "an ancestor several generations away is found, whatever its COMMAND has closed" {
	printf '%s\n' 'if [ "$1" -gt 0 ]; then sh deeper $(($1 - 1)); else plock ./f touch ran; fi; exit "$?"' >deeper
	nest -125 plock ./f sh deeper 5
	[[ $stderr == *', an ancestor: waiting would never end'* ]]
	nest -125 plock ./f bash -c '(fd=${PLOCK_HELD%%:*}; eval "exec $fd>&-"; plock ./f touch ran; exit "$?"); exit "$?"'
	[[ $stderr == *', an ancestor: waiting would never end'* ]]
	[ ! -e ran ]
}

@test "an ancestor of another user is found, though its descriptors are not to be seen" {
	requires_nobody
	: >f
	chmod 666 f
	nest -125 plock ./f sh -c 'setpriv --reuid 65534 --regid 65534 --clear-groups bash -c "for ((fd = 3; fd < 40; ++fd)); do eval \"exec \$fd>&-\"; done; plock ./f touch ran; exit \"\$?\""; exit "$?"'
	[[ $stderr == 'plock: ./f: held by pid '*', an ancestor: waiting would never end'* ]]
	[ ! -e ran ]
}

@test "an ancestor that holds by a descriptor is found, with and without that descriptor inherited" {
	nest -125 sh -c '( plock 9; plock ./f touch ran; exit "$?" ) 9>f'
	[[ $stderr == 'plock: ./f: held by pid '*', an ancestor: waiting would never end (see -r)' ]]
	nest -125 sh -c '( plock 9; plock -w 1h ./f touch ran; exit "$?" ) 9>f'
	nest -125 sh -c '( plock 9; plock ./f touch ran 9>&-; exit "$?" ) 9>f'
	[[ $stderr == 'plock: ./f: held by pid '*', an ancestor: waiting would never end (see -r)' ]]
	nest -125 sh -c '( plock 9; env -i "PATH=$PATH" plock ./f touch ran 9>&-; exit "$?" ) 9>f'
	nest -125 sh -c '( plock 9; plock -r ./f touch ran 9>&-; exit "$?" ) 9>f'
	nest -125 sh -c '( plock -s 9; plock ./f touch ran; exit "$?" ) 9>f'
	nest -1 sh -c '( plock 9; plock -n ./f touch ran; exit "$?" ) 9>f'
	[ ! -e ran ]
}

@test "by descriptor too: another descriptor of a file that an ancestor holds is waited for in vain: 125" {
	nest -125 plock ./f sh -c 'plock 9; exit "$?"' 9<>f
	[[ $stderr == 'plock: 9: held by pid '*', an ancestor: waiting would never end'* ]]
	nest -125 plock ./f sh -c 'plock -w 1h 9; exit "$?"' 9<>f
	nest -1 plock ./f sh -c 'plock -n 9; exit "$?"' 9<>f
}

@test "an ancestor that only has the file open holds nothing: it is waited for the one that does" {
	hold one ./f
	nest -124 sh -c 'plock -w 0.05 ./f touch ran; exit "$?"' 9<>f
	[[ $stderr == "plock: ./f: timed out, held by pid $pid (zoo)" ]]
	start two bash -c 'exec 9<>f; plock ./f touch ran; exit'
	await_waiters f 1
	release one
	ended two
	[ "$death" = "exit 0" ]
	[ -e ran ]
}

@test "an ancestor that has let go, or that waits itself, is none to refuse for" {
	nest -0 sh -c '( plock 9; plock -u 9; plock ./f touch ran; exit "$?" ) 9>f'
	[ -e ran ]
	hold one ./f
	start two bash -c 'plock ./g plock -w 1h ./f touch ran2; exit'
	await_waiters f 1
	release one
	ended two
	[ "$death" = "exit 0" ]
	[ -e ran2 ]
}

@test "a sibling's lock is waited for, though both have the same parent" {
	start one sh -c 'plock ./f zoo wait in & until [ -e in ]; do sleep 0.01; done; plock ./f touch ran; wait'
	await in
	await_waiters f 1
	[ ! -e ran ]
	kill -KILL "$(cat in)"
	await ran
	ended one
}

@test "PLOCK_HELD grows by one entry for each lock, none for one that was held already" {
	nest -0 plock ./a plock ./b plock -r ./a sh -c 'echo "$PLOCK_HELD"'
	[ "$(wc -w <<<"$output")" -eq 2 ]
	nest -0 plock ./a sh -c 'plock ./b true; echo "$PLOCK_HELD"'
	[ "$(wc -w <<<"$output")" -eq 1 ]
}

# renumbered PID COMMAND [ARG...]: runs it as the process of that number, which is nobody's.
renumbered() {
	local number=$1 i code
	shift
	for ((i = 0; i < 100; ++i)); do
		echo $((number - 1)) >/proc/sys/kernel/ns_last_pid
		# Somebody else may have been quicker.
		bash -c '[ "$$" -ne "$1" ] || exec "${@:2}"; exit 200' bash "$number" "$@" &
		code=0
		wait "$!" || code=$?
		[ "$code" -eq 200 ] || return "$code"
	done
	return 200
}

@test "a number that was the taker's and is now an ancestor's, or plock's own, is no reason to refuse" {
	local taker holder body
	[ -w /proc/sys/kernel/ns_last_pid ] || skip "pids cannot be chosen here"
	start taker bash -c 'exec 9<>f; plock 9 & echo "$!" >plock.pid; wait; exec zoo wait in'
	await in
	holder=$pid
	taker=$(cat plock.pid)
	[ "$(locks_of f | awk '{ print $5 }')" -eq "$taker" ] || skip "the kernel does not show who took a lock"
	for body in 'plock -w 0.1 ./f touch ran; exit "$?"' 'exec plock -w 0.1 ./f touch ran'; do
		run --separate-stderr renumbered "$taker" bash -c "$body"
		[ "$status" -ne 200 ] || skip "pids cannot be chosen here"
		[ "$status" -eq 124 ]
		[ "$stderr" = "plock: ./f: timed out, held by pid $holder (zoo)" ]
	done
	[ ! -e ran ]
	release taker
}

@test "PLOCK_HELD: what is stale or nonsense is not passed on, however much of it there is" {
	local nonsense entry
	nonsense=$(head -c 131000 /dev/zero | tr '\0' x)
	for entry in "$nonsense" "$(yes 77:8:1:X:5 | head -n 9000 | xargs)" '0:0:0:X:1 -1:8:1:X:5 :::: 99999999999:1:1:S:1'; do
		PLOCK_HELD=$entry nest -0 plock ./a sh -c 'echo "$PLOCK_HELD"'
		[[ $output =~ ^[0-9]+:[0-9a-f]+:[0-9a-f]+:X:[0-9]+$ ]]
	done
	# A COMMAND that lets go of its lock and goes on under the next one, again and again.
	cat >chain <<-'END'
		[ "$1" -gt 0 ] || { echo "$PLOCK_HELD"; exit; }
		for fd in /proc/$$/fd/*; do fd=${fd##*/}; [ "$fd" -lt 20 ] || eval "exec $fd>&-"; done
		exec plock "./l$(($1 % 3))" bash chain "$(($1 - 1))"
	END
	nest -0 bash chain 6
	[ "$(wc -w <<<"$output")" -eq 1 ]
}
