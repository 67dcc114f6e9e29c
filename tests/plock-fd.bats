#!/usr/bin/env bats
# shellcheck disable=SC2016  # $1 in single quotes is for a shell of its own
# shellcheck disable=SC2154  # run and the helpers set output, stderr, lines, death, pid
load helpers
load locks

# A shell that holds f by descriptor 9 as the arguments say, tells so in the file "in" and waits for a line of "go".
holder='plock "$@" 9 && : >in && exec zoo wait in.pid'
hold_fd() { # NAME [ARG...]
	local name=$1
	shift
	rm -f in in.pid
	start "$name" bash -c "exec 9<>f; $holder" bash "$@"
	await in.pid
}

@test "( plock 9; ... ) 9>f: held from there on, and free when the last copy is closed" {
	(
		plock 9
		is_free ./f && exit 1
		(
			is_free ./f && exit 1
			exit 0
		) || exit
		exec 9>&-
		is_free ./f
	) 9>f
	is_free ./f
	[ ! -s f ]
}

@test "the lock outlives plock, and ends with the process that has the descriptor" {
	hold_fd one
	run -1 plock -n ./f touch ran
	run -1 plock -n -s ./f touch ran
	[ ! -e ran ]
	release one
	is_free ./f
}

@test "it is silent and exits 0 when it has the lock, at once or after a wait" {
	run -0 --separate-stderr plock 9 9>f
	[ -z "$output$stderr" ]
	hold_fd one
	start two bash -c 'plock 9; echo "$?"' 9>f
	await_waiters f 1
	[ ! -s two.out ]
	release one
	ended two
	is two.out <<<0
	[ ! -s two.err ]
}

@test "-s: shared" {
	hold_fd one -s
	run -0 plock -n -s 9 9<f
	run -1 plock -n 9 9<f
	run -1 plock -n -x 9 9<f
	release one
}

@test "-n: 1 at once, and the message names the process that really has the descriptor" {
	hold_fd one
	run -1 --separate-stderr plock -n 9 9<f
	[ "$stderr" = "plock: 9: busy, held by pid $pid (zoo)" ]
	run -1 --separate-stderr plock -w 0 7 7<f
	[ "$stderr" = "plock: 7: busy, held by pid $pid (zoo)" ]
	release one
}

@test "-w: 124 when the time is up" {
	local began
	hold_fd one
	began=${EPOCHREALTIME/./}
	run -124 --separate-stderr plock -w 0.1 9 9<f
	((${EPOCHREALTIME/./} - began >= 100000))
	[ "$stderr" = "plock: 9: timed out, held by pid $pid (zoo)" ]
	release one
}

@test "-w: in time, it has the lock" {
	hold_fd one
	start two bash -c 'plock -w 1h 9 && : >got && exec zoo wait in.two' 9<f
	await_waiters f 1
	[ ! -e got ]
	release one
	await got in.two
	is_free ./f && return 1
	release two
}

@test "-E: the status for not obtained" {
	hold_fd one
	run -42 plock -n -E 42 9 9<f
	run -43 plock -w 0.01 -E 43 9 9<f
	run -0 plock -n -E 0 9 9<f
	release one
}

@test "-v: tells whom it waits for" {
	hold_fd one
	start two plock -v 9 9<f
	await_text two.err "plock: 9: waits for pid $(cat one.pid) (zoo)"
	await_waiters f 1
	release one
	ended two
	[ "$death" = "exit 0" ]
}

@test "-u: unlocks, for all that share the descriptor" {
	exec 9>f
	plock 9
	is_free ./f && return 1
	(plock -u 9)
	is_free ./f
	plock --unlock 9
	is_free ./f
	plock 9
	is_free ./f && return 1
	exec 9>&-
}

@test "-u: a waiter is let in" {
	gate go
	start one bash -c 'exec 9<>f; plock 9 && : >in && read -r _ <go && plock -u 9 && exec zoo wait in.pid'
	await in
	start two plock -w 1h ./f touch ran
	await_waiters f 1
	[ ! -e ran ]
	open_gate go
	ended two
	[ "$death" = "exit 0" ]
	[ -e ran ]
	await in.pid
	release one
}

@test "a second lock by the same descriptor is no wait for itself" {
	exec 9>f
	plock 9
	run -0 timeout 10 plock 9
	run -0 timeout 10 plock -n -x 9
	is_free ./f && return 1
	exec 9>&-
}

@test "exclusive to shared: others that share come in" {
	exec 9>f
	plock 9
	is_free -s ./f && return 1
	plock -s 9
	is_free -s ./f
	is_free ./f && return 1
	exec 9>&-
}

@test "shared to exclusive: when nobody else shares" {
	exec 9>f
	plock -s 9
	plock -n -x 9
	is_free -s ./f && return 1
	exec 9>&-
}

@test "shared to exclusive with -n while another shares: 1, and what was shared is not lost in silence" {
	hold_fd one -s
	exec 9<f
	plock -s 9
	run -1 --separate-stderr plock -n -x 9
	[[ $stderr == "plock: 9: busy"* ]]
	release one
	if is_free ./f; then [[ $stderr == *lost* ]]; fi
	exec 9<&-
}

@test "shared to exclusive with -w while another shares: 124, and what was shared is not lost in silence" {
	hold_fd one -s
	exec 9<f
	plock -s 9
	run -124 --separate-stderr plock -w 0.05 -x 9
	[[ $stderr == "plock: 9: timed out"* ]]
	release one
	if is_free ./f; then [[ $stderr == *lost* ]]; fi
	exec 9<&-
}

@test "shared to exclusive with a wait: once the others have gone" {
	hold_fd one -s
	start two bash -c 'plock -s 9 && plock -x 9 && : >got && exec zoo wait in.two' 9<f
	await_waiters f 1
	[ ! -e got ]
	release one
	await got in.two
	is_free -s ./f && return 1
	release two
}

@test "a descriptor that is closed: 2, told" {
	run -2 --separate-stderr alone plock 9
	[ "$stderr" = "plock: 9: Bad file descriptor" ]
	run -2 --separate-stderr alone plock -u 9
	[ "$stderr" = "plock: 9: Bad file descriptor" ]
	run -2 --separate-stderr alone plock -n -s 20
	[ "$stderr" = "plock: 20: Bad file descriptor" ]
}

@test "a number that no descriptor can have: 2, told, none is locked in its place" {
	local number
	for number in 2147483647 2147483648 4294967305 18446744073709551625 99999999999999999999999999; do
		run -2 --separate-stderr plock "$number" 9>f
		[[ $stderr == "plock: "*"$number"* ]]
		[ -z "$(granted f)" ]
	done
}

@test "any descriptor will do: 0, 1, 2, and one open for reading only" {
	local fd
	: >f
	for fd in 0 7; do
		start one bash -c "plock $fd && : >got && exec zoo wait in" 0<f 7<f
		await got in
		is_free ./f && return 1
		release one
		rm got in
	done
	alone sh -c 'plock 1; plock -n ./f true && exit 3; exit 0' >f
	alone sh -c 'plock 2; plock -n ./g true && exit 3; exit 0' 2>g
	[ ! -s f ]
}

@test "a directory's descriptor will do" {
	mkdir dir
	exec 9<dir
	plock 9
	is_free ./dir && return 1
	exec 9<&-
	is_free ./dir
}

@test "a file named as the number is nothing to it" {
	: >"9"
	run -0 --separate-stderr plock 9 9>f
	[ -z "$stderr" ]
	[ -z "$(ls -A names)" ]
}

@test "it needs no runtime directory" {
	rmdir names
	plock 9 9>f
	[ ! -e names ]
	IPCUTILS_DIR=/dev/null plock 9 9>f
}

@test "what the descriptor has is not touched: content, offset, flags" {
	printf 'one\ntwo\n' >f
	run -0 bash -c 'exec 9<>f; read -r line <&9; echo "$line"; grep -E "^(pos|flags)" /proc/$$/fdinfo/9; plock 9; grep -E "^(pos|flags)" /proc/$$/fdinfo/9; cat <&9'
	[ "${lines[0]}" = one ]
	[ "${lines[1]}" = "${lines[3]}" ]
	[ "${lines[2]}" = "${lines[4]}" ]
	[ "${lines[5]}" = two ]
	is f <<<$'one\ntwo'
}

@test "TERM while waiting for a descriptor: dies of TERM at once, no waiter is left" {
	local options
	hold_fd one
	for options in '' '-w 1h' '-s'; do
		# shellcheck disable=SC2086  # its words
		start two plock $options 9 9<f
		await_waiters f 1
		kill -TERM "$pid"
		retry_until 2 test -e two.death
		ended two
		[ "$death" = "signal 15" ]
		[ "$(waiters f)" -eq 0 ]
	done
	release one
	is_free ./f
}

@test "a waiting plock that is killed takes nothing from the descriptor's owner" {
	hold_fd one
	exec 9<f
	start two plock 9
	await_waiters f 1
	kill -KILL "$pid"
	ended two
	release one
	is_free ./f
	plock 9
	is_free ./f && return 1
	exec 9<&-
}
