#!/usr/bin/env bats
# shellcheck disable=SC2016  # $1 in single quotes is for the command's own shell
# shellcheck disable=SC2030,SC2031  # each test is a process of its own
# shellcheck disable=SC2154  # run and the helpers set output, stderr, lines, death
# plock called as `flock`: what scripts written for util-linux flock(1) rely on.
load helpers
load locks
load holders

eval "locks_$(declare -f setup)"
setup() {
	real=$(command -v flock || true)
	locks_setup || return
	mkdir bin
	ln -s "$IPCUTILS_BUILD/bin/plock" bin/flock
	ours=$BATS_TEST_TMPDIR/bin/flock
	export PATH=$BATS_TEST_TMPDIR/bin:$PATH
	unset SHELL
}

@test "flock: a conflict is silent and exits 1, with -n and with -w, on files and descriptors" {
	local options
	hold_by held flock L
	exec 8<L
	for options in -n --nb --nonblock '-w 0' '-w 0.0' '-w 0.05' '--timeout 0.05' '--wait=0.05' '-s -n' '-x -n' '-e -n' '-F -n' '-o -n'; do
		# shellcheck disable=SC2086  # one word an option
		run -1 --separate-stderr flock $options L touch ran
		[ -z "$output$stderr" ]
		[ ! -e ran ]
	done
	for options in -n '-w 0' '-w 0.05' '-sn'; do
		# shellcheck disable=SC2086
		run -1 --separate-stderr flock $options 8
		[ -z "$output$stderr" ]
	done
	let_go held
	run -0 flock -n 8
}

@test "flock: -E is the status of a conflict, and of nothing else" {
	local code
	hold_by held flock L
	for code in 0 1 5 123 255; do
		run "-$code" flock -n -E "$code" L touch ran
		run "-$code" flock --nonblock --conflict-exit-code "$code" L touch ran
		run "-$code" flock -w 0.02 --conflict-exit-code="$code" L touch ran
		run "-$code" flock --no-fork -n -E "$code" L touch ran
	done
	[ ! -e ran ]
	let_go held
	run -7 flock -n -E 5 L sh -c 'exit 7'
	run -69 flock -n -E 5 L ./nothing
	run -66 flock -n -E 5 ./nowhere/L true
}

@test "flock: shared locks go together, an exclusive one with none" {
	hold_by one flock --shared L
	run -0 flock --nonblock --shared L echo in
	[ "$output" = in ]
	hold_by two flock -s L
	run -123 flock --nonblock --exclusive --conflict-exit-code 123 L echo in
	run -123 flock -n -e -E 123 L echo in
	let_go one
	run -1 flock -n -x L echo in
	let_go two
	run -0 flock -n -x L echo in
	[ "$output" = in ]
}

@test "flock: -w gives up after that time, and not before" {
	local before
	hold_by held flock L
	before=${EPOCHREALTIME/./}
	run -1 flock -w .3 L touch ran
	[ "$(since "$before")" -ge 300 ]
	[ "$(since "$before")" -lt 5000 ]
	[ ! -e ran ]
}

@test "flock: who waits enters when the lock is free, with -w and without" {
	local options
	for options in -x '-s -w 20' '--timeout 20 --conflict-exit-code 5'; do
		hold_by held flock L
		# shellcheck disable=SC2086
		start holder flock $options L echo entered
		await_waiters L 1
		[ ! -s holder.out ]
		let_go held
		ended holder
		[ "$death" = "exit 0" ]
		is holder.out <<<entered
	done
}

@test "flock: usage errors are 64, with a line on stderr; nothing runs and no file is made" {
	local -a line
	while read -ra line; do
		run -64 --separate-stderr flock "${line[@]}"
		[ -z "$output" ]
		[[ ${stderr_lines[0]} == "flock: "* ]] || {
			echo "flock ${line[*]}: $stderr"
			return 1
		}
		[ ! -e ran ]
		[ ! -e L ]
	done <<-'END'
		
		-x
		-n
		-F -o L touch ran
		--no-fork --close L touch ran
		-E 256 L touch ran
		-E 600 L touch ran
		-E -1 L touch ran
		-E x L touch ran
		-E 1x L touch ran
		-w x L touch ran
		-w 1s L touch ran
		-w -1 L touch ran
		-w , L touch ran
		-w
		-E
		-q L touch ran
		-c touch L
		--no-such-option L touch ran
		--no L touch ran
		--shared=yes L touch ran
		-1 touch ran
		L
		9x
		L -c
		L -c touch ran
		L --command touch ran
	END
	run -64 flock -w '' L touch ran
	run -64 flock -E '' L touch ran
	run -64 flock -w '1 ' L touch ran
	[ ! -e L ]
}

@test "flock: 65 for a descriptor that is not open, 66 for a file that cannot be opened" {
	run -65 --separate-stderr flock 9
	[[ $stderr == "flock: 9: "* ]]
	run -65 flock -u 999
	run -65 flock -s -n 99999
	run -66 --separate-stderr flock nowhere/L touch ran
	[[ $stderr == "flock: "*nowhere/L* ]]
	run -66 flock '' touch ran
	[ ! -e ran ]
}

@test "flock: 69 when COMMAND cannot be run, whatever the reason; the lock is free again" {
	echo 'no program' >text
	local options
	for options in -x -F -o -s; do
		run -69 --separate-stderr flock "$options" L ./missing
		[[ $stderr == "flock: "*./missing* ]]
		run -69 flock "$options" L no-such-command-anywhere
		run -69 flock "$options" L ./text
		run -69 flock "$options" L .
		run -0 flock -n L true
	done
}

@test "flock: a script without #! is run by sh, with its arguments and its status" {
	local options
	echo 'echo "$0: $# $1 <$2>"; exit 5' >script
	chmod +x script
	for options in -x -s -F -o; do
		run -5 --separate-stderr flock "$options" L ./script one 'two three'
		[ "$output" = './script: 2 one <two three>' ]
		[ -z "$stderr" ]
		run -0 flock -n L true
	done
	mv script bin/a-script
	for options in -x -o; do
		run -5 flock "$options" L a-script a b
		[[ $output == */bin/a-script': 2 a <b>' ]]
	done
}

@test "flock: COMMAND's own status passes, 128 + N for signal N, 137 for KILL" {
	local options code
	for options in -x -F -o; do
		for code in 0 1 2 64 65 66 69 125 126 127 255; do
			run "-$code" flock "$options" L sh -c "exit $code"
		done
		run -137 flock "$options" L sh -c 'kill -9 $$'
		run -143 flock "$options" L zoo die 15
		run -139 flock "$options" L zoo die 11
	done
}

@test "flock: 137 for whom KILL hits, flock itself, holding or waiting" {
	start holder flock L zoo wait in
	await in
	start waiter flock L touch ran
	await_waiters L 1
	kill -KILL "$pid"
	ended waiter
	[ "$death" = "signal 9" ]
	[ "$(waiters L)" -eq 0 ]
	[ ! -e ran ]
	read -r pid <holder.pid
	kill -KILL "$pid"
	ended holder
	[ "$death" = "signal 9" ]
	kill -KILL "$(cat in)" 2>/dev/null || true
	run -0 flock -w 5 L true
}

@test "flock: TERM, INT and HUP end one who waits at once" {
	local name number
	hold_by held flock L
	while read -r name number; do
		start holder flock L touch ran
		await_waiters L 1
		kill -s "$name" "$pid"
		ended holder
		[ "$death" = "signal $number" ]
		[ "$(waiters L)" -eq 0 ]
	done <<<$'TERM 15\nINT 2\nHUP 1'
	[ ! -e ran ]
}

@test "flock FD: locks, converts and unlocks a descriptor of the caller's" {
	exec 8>L
	run -0 flock 8
	run -1 flock -n L true
	run -0 flock -s 8
	run -0 flock -s -n L true
	run -1 flock -n L true
	run -0 flock -x 8
	run -1 flock -s -n L true
	run -0 flock -u 8
	run -0 flock -n L true
	run -0 flock --unlock 8
	run -0 flock 8
	exec 8>&-
	run -0 flock -n L true
}

@test "flock FD: the block idiom of scripts lets one in at a time" {
	local i pids=()
	for i in 1 2 3 4 5 6 7 8; do
		(
			flock 9 || exit
			mkdir inside || echo "not alone" >>fault
			sleep 0.005
			rmdir inside
			echo x >>count
		) 9>L 3>&- 4>&- &
		pids+=($!)
	done
	wait "${pids[@]}"
	[ ! -e fault ]
	[ "$(wc -l <count)" -eq 8 ]
}

@test "flock FD: the lock lives in the descriptor, so copies in children hold it" {
	exec 8>L
	flock 8
	zoo wait child 3>&- 4>&- &
	await child
	exec 8>&-
	run -1 flock -n L true
	kill "$(cat child)"
	wait $! || true
	run -0 flock -n L true
}

@test "flock FD: of a file that is only readable, only writable, or a directory" {
	mkdir D
	exec 6>>L 7<D
	exec 5<L
	local fd
	for fd in 5 6 7; do
		run -0 flock -n "$fd"
		run -0 flock -u "$fd"
		run -0 flock -s -n "$fd"
		run -0 flock -u "$fd"
	done
}

@test "flock: a number with a COMMAND is a file's name" {
	exec 8>other
	run -0 flock 8 echo named
	[ "$output" = named ]
	[ -f 8 ]
	run -0 flock 9 -c 'echo shell'
	[ "$output" = shell ]
	[ -f 9 ]
	run -0 flock -n other true
}

@test "flock: a bare name is a path, made when missing with the umask's mode, and left there" {
	(umask 027 && flock db.txt true)
	[ "$(stat -c %a db.txt)" = 640 ]
	[ ! -s db.txt ]
	run -0 flock db.txt true
	[ -z "$(ls names)" ]
	hold_by held flock db.txt
	run -1 flock -n "$PWD/db.txt" true
	run -1 flock -n ./db.txt true
}

@test "flock: a file that is there is neither changed nor touched, nor removed" {
	printf 'precious' >L
	chmod 600 L
	touch -d '2001-02-03 04:05:06' L
	local before
	before=$(stat -c '%i %a %s %Y %Z' L)
	run -0 flock L true
	run -0 flock -s L true
	run -0 flock -o L true
	[ "$(stat -c '%i %a %s %Y %Z' L)" = "$before" ]
	is L < <(printf 'precious')
}

@test "flock: a file that may only be read can be locked both ways" {
	requires_nobody
	: >L
	chmod 444 L
	as_nobody test ! -w L
	run -0 as_nobody flock -x -n L true
	run -0 as_nobody flock -s -n L true
}

@test "flock: directories" {
	mkdir D
	hold_by held flock D
	run -1 flock -n D true
	run -1 flock -s -n "$PWD/D/" true
	let_go held
	hold_by held flock -s .
	run -0 flock -s -n . true
	run -1 flock -n . true
}

@test "flock: devices and FIFOs are files too" {
	run -0 flock /dev/null echo one
	gate pipe
	run -0 timeout 5 flock pipe echo two
	[ "$output" = two ]
	[ -p pipe ]
}

@test "flock: a link is followed" {
	: >L
	ln -s L link
	hold_by held flock link
	run -1 flock -n L true
}

@test "flock: a link of another user's is the kernel's to judge" {
	requires_nobody
	mkdir -m 777 open
	mkdir -m 1777 sticky
	ln -s "$PWD/target" open/link
	ln -s "$PWD/target" sticky/link
	: >target
	chown -h 65534 open/link sticky/link
	run -0 flock open/link echo in
	[ "$output" = in ]
	run flock sticky/link echo in
	[[ $status -eq 0 || ($status -eq 66 && $output == 'flock: '*'Permission denied') ]]
}

@test "flock -c: one string for the shell in SHELL, else sh" {
	run -0 flock L -c 'echo "a  b" | tr a-z A-Z'
	[ "$output" = 'A  B' ]
	run -0 flock L --command 'echo c'
	[ "$output" = c ]
	run -0 flock L -c ''
	printf '#!/bin/sh\necho "shell: $1 <$2> $#"\n' >mine
	chmod +x mine
	SHELL=$PWD/mine run -0 flock L -c 'one string'
	[ "$output" = 'shell: -c <one string> 2' ]
	SHELL='' run -0 flock L -c 'echo sh'
	[ "$output" = sh ]
	SHELL=$PWD/missing run -69 flock L -c 'echo sh'
}

@test "flock: what follows the file is COMMAND's, options and all" {
	run -0 flock L echo -n -s -x --help
	[ "$output" = '-s -x --help' ]
	run -0 flock -s L zoo args -c x ''
	[ "$output" = '2:-c,1:x,0:,' ]
	run -0 flock -- L zoo args a --
	[ "$output" = '1:a,2:--,' ]
}

@test "flock: -- before COMMAND is skipped" {
	run -0 flock L -- zoo args a
	[ "$output" = '1:a,' ]
}

@test "flock: options may be bundled, glued, abbreviated and repeated, the last mode wins" {
	hold_by held flock -s L
	run -4 flock -nE4 L true
	run -4 flock -xn -E4 -E 4 L true
	run -0 flock -xsn L true
	run -1 flock -sxn L true
	run -1 flock -w0.02 L true
	run -1 flock --time=0.02 L true
	run -0 flock --sh --nonb L true
	run -9 flock --nonb --conf 9 --excl L true
	run -0 flock -ssnn L true
}

@test "flock: without -o a descendant that has the descriptor keeps the lock" {
	flock L zoo double-fork stray >/dev/null 2>&1 3>&- 4>&-
	run -1 flock -n L true
	kill "$(cat stray)"
	run -0 flock -w 5 L true
}

@test "flock -o: COMMAND does not get the descriptor, and a descendant does not keep the lock" {
	local plain
	plain=$(zoo fds)
	run -0 flock -o L zoo fds
	[ "$output" = "$plain" ]
	run -0 flock --close L zoo fds
	[ "$output" = "$plain" ]
	flock -o L zoo double-fork stray >/dev/null 2>&1 3>&- 4>&-
	[ "$(pid_state "$(cat stray)")" = S ]
	run -0 flock -n L true
	kill "$(cat stray)"
}

@test "flock -o: the lock is held while COMMAND runs" {
	hold_by held flock -o L
	run -1 flock -n L true
	let_go held
	run -0 flock -n L true
}

@test "flock -F: COMMAND is flock's own process, with the descriptor" {
	start holder flock -F L zoo ids
	ended holder
	[ "$death" = "exit 0" ]
	[[ $(cat holder.out) == "pid $pid "* ]]
	start holder flock -F L zoo die 9
	ended holder
	[ "$death" = "signal 9" ]
	hold_by held flock -F L
	holds_open L "$(cat held)"
	run -1 flock -n L true
}

@test "flock -u: with a file there is nothing to unlock, and COMMAND runs without waiting" {
	hold_by held flock L
	run -0 flock -u L echo through
	[ "$output" = through ]
	run -1 flock -n L true
}

@test "flock: COMMAND has flock's stdin, environment and descriptors" {
	echo line >in
	local options
	for options in -x -o -F; do
		run -0 bash -c 'WORD=said exec flock "$1" L sh -c "cat; cat <&7; echo \$WORD"' bash "$options" <in 7<in
		[ "$output" = $'line\nline\nsaid' ]
	done
}

@test "flock: signal mask and dispositions are the caller's, in COMMAND" {
	local expected options
	expected=$(env --default-signal --ignore-signal=HUP,USR1 --block-signal=WINCH zoo signals)
	for options in -x -o -F '-w 5'; do
		# shellcheck disable=SC2086
		run -0 env --default-signal --ignore-signal=HUP,USR1 --block-signal=WINCH flock $options L zoo signals
		[ "$output" = "$expected" ]
	done
}

@test "flock --verbose: a line on stderr says why the lock was not got" {
	hold_by held flock L
	run -1 --separate-stderr flock --verbose -n L true
	[[ $stderr == "flock: L: busy"* ]]
	[ "${#stderr_lines[@]}" -eq 1 ]
	run -5 --separate-stderr flock --verbose -w 0.02 -E 5 L true
	[[ ${stderr_lines[-1]} == "flock: L: timed out"* ]]
	let_go held
	run -0 --separate-stderr flock --verbose L echo product
	[ "${lines[-1]}" = product ]
}

@test "flock --help, -h, --version, -V: on stdout, 0" {
	local option name
	for option in --help -h; do
		run -0 --separate-stderr flock "$option"
		[ -z "$stderr" ]
		for name in shared exclusive unlock nonblock timeout conflict-exit-code close command no-fork verbose help version; do
			[[ $output == *"--$name"* ]]
		done
	done
	for option in --version -V; do
		run -0 --separate-stderr flock "$option"
		[ -z "$stderr" ]
		[[ $output == flock* ]]
		[ "${#lines[@]}" -eq 1 ]
	done
}

@test "flock: it is the name that counts, not the directory, nor the file it is a link to" {
	cp "$IPCUTILS_BUILD/bin/plock" flock
	run -66 ./flock nowhere/L true
	run -66 "$ours" nowhere/L true
	run -66 bash -c 'exec -a flock plock nowhere/L true'
	ln -s flock myflock
	run -2 ./myflock nowhere/L true
}

@test "flock: a script that locks itself, as flock's manual has it" {
	cat >script <<-'END'
		#!/bin/sh
		[ "$FLOCKER" != "$0" ] && exec env FLOCKER="$0" flock -en "$0" "$0" "$@"
		zoo wait "$1"
	END
	chmod +x script
	./script one 3>&- 4>&- &
	await one
	run -1 ./script two
	[ ! -e two ]
	kill "$(cat one)"
	wait $! || true
}

@test "flock: an outer flock of the same file is waited for, as flock does, not refused" {
	run -1 --separate-stderr flock L flock -w 0.05 L true
	[ -z "$stderr" ]
}

# compare LINE...: each line of shell that calls flock is run with both, each time in a new directory; status, stdout
# and the files there are afterwards must be the same.
compare() {
	local line failed=0
	for line; do
		seen_with "$real" "$line" >expected
		seen_with "$ours" "$line" >seen
		diff -u --label flock --label plock expected seen || {
			echo "not the same: $line"
			failed=1
		}
	done
	return "$failed"
}

seen_with() {
	local tool=$1 line=$2 status=0
	rm -rf here
	mkdir -p here/D
	printf kept >here/kept
	(cd here && PATH=${tool%/*}:$PATH exec timeout 10 bash -c "$line" 2>/dev/null 3>&- 4>&-) || status=$?
	echo "status $status"
	find here -printf '%P %y %m %s\n' | sort
}

requires_util_linux() {
	[[ -n $real && $("$real" --version 2>&1) == *util-linux* ]] || skip "no flock of util-linux here"
}

@test "flock, differential: files and COMMANDs" {
	requires_util_linux
	local -a cases
	mapfile -t cases <<-'END'
		flock L echo hi
		flock ./L echo hi
		flock "$PWD/L" echo hi
		flock kept cat kept
		flock D ls D
		flock D/ true
		flock . pwd | sed "s,.*/,,"
		flock D/L true
		flock nowhere/L true
		flock kept/L true
		flock "" true
		flock "a b" echo "c  d"
		flock -x -- -L echo dash
		flock -- L echo hi
		flock L zoo args a "" -n -- -c
		flock L nothing-of-that-name
		flock L ./kept
		flock L D
		flock L ""
		flock L /
		flock 12 echo number
		flock 12 -c "echo number"
		umask 077; flock L true
		umask 0; flock L true
		umask 777; flock -s L true; echo $?
		chmod 0 kept; flock kept echo kept
		ln -s nothing L; flock L echo link; ls
		ln -s L L; flock L echo loop
		ln -s D L; flock L echo directory
		flock L sh -c "exit 3"
		flock L sh -c "kill -15 \$\$"
		flock L sh -c "kill -9 \$\$"; echo $?
		flock -F L sh -c "kill -9 \$\$"; echo $?
		flock -o L sh -c "kill -9 \$\$"; echo $?
		flock L cat <kept
		echo piped | flock -o L cat
		flock L true >/dev/full
		flock L echo x >/dev/full
		flock L flock M echo nested
		flock -s L flock -s L echo nested
		flock L flock -n L echo nested
		flock -o L flock -n L echo nested
		FLOCKER=x flock L env -u PLOCK_HELD printenv FLOCKER
	END
	compare "${cases[@]}"
}

@test "flock, differential: options and usage" {
	requires_util_linux
	local -a cases
	mapfile -t cases <<-'END'
		flock
		flock L
		flock D
		flock -n
		flock -x -s -e L echo hi
		flock -u L echo hi
		flock -F -o L echo hi
		flock -oF L echo hi
		flock -o -n L echo hi
		flock -E 600 L true
		flock -E 256 L true
		flock -E 255 L true
		flock -E -1 L true
		flock -E x L true
		flock -E "" L true
		flock -E 0x10 L true
		flock -E 010 L true
		flock -E "5 " L true
		flock -E5 L true
		flock -w "" L true
		flock -w x L true
		flock -w 1s L true
		flock -w 1m L true
		flock -w , L true
		flock -w . L true
		flock -w .5 L true
		flock -w 5. L true
		flock -w 000.250 L true
		flock -w 0.0000001 L true
		flock -w 1.5 L true
		flock -w "1 " L true
		flock -w 1,5 L true
		flock -w 1..5 L true
		flock -w 86400 L true
		flock --wait 1 L true
		flock --timeout=1 L true
		flock --nb L true
		flock --nonblock L true
		flock --nonblocking L true
		flock --non L true
		flock --no L true
		flock --no-f L echo hi
		flock --n L true
		flock --clo L true
		flock --sh L true
		flock --share L true
		flock --ex L true
		flock --unl L true
		flock --ver L true
		flock --conf 5 L true
		flock --conflict-exit-code=5 L true
		flock --command true L
		flock -c true L
		flock -q L true
		flock -v L true
		flock -1 true
		flock -xyz L true
		flock --shared=1 L true
		flock -w
		flock -E
		flock --timeout
		flock L -c
		flock L -c "echo \$0 \$#"
		flock L -c "echo a" b
		flock L --command "echo a"
		flock L --command
		flock L --comm "echo a"
		flock L --command="echo a"
		flock L -c "exit 9"
		flock L -c ""
		flock -F L -c "echo a"
		flock -o L -c "echo a"
		flock L -n echo
		SHELL=/bin/echo flock L -c "a b"
		SHELL=/nothing flock L -c "a b"
		SHELL= flock L -c "echo a"
		SHELL=cat flock L -c "echo a"
	END
	compare "${cases[@]}"
}

@test "flock, differential: descriptors" {
	requires_util_linux
	local -a cases
	mapfile -t cases <<-'END'
		flock 9
		flock 9 9>L
		flock 9 9<D
		flock 9 9<kept
		flock 9 9>>kept
		flock -s 9 9<>kept
		flock -n 9 9>L
		flock -u 9 9>L
		flock -u 9
		flock 0 </dev/null
		flock 1
		flock 999999
		flock 99999999999
		flock 9x 9>L
		flock 09 9>L
		flock 0x9 9>L
		flock "9 " 9>L
		flock -- 9 9>L
		flock -o 9 9>L
		flock -F 9 9>L
		flock -F -o 9 9>L
		flock 9 9>L -c
		(flock 9; echo "in"; flock -n L echo "no"; echo $?) 9>L
		(flock -s 9; flock -s -n L echo "yes"; flock -n L echo "no"; echo $?) 9>L
		(flock 9; flock -u 9; flock -n L echo "yes") 9>L
		(flock 9; flock -s 9; flock -n -s L echo "yes") 9>L
		(flock 9; flock -n 8; echo $?; flock -n -E 7 8; echo $?) 9>L 8>L
		(flock 9; flock -w 0.05 8; echo $?; flock -w 0.05 -E 7 8; echo $?) 9>L 8>L
		(flock 9; flock 9; flock -n 9; echo $?) 9>L
		(flock -s 9; flock -s 8; flock -n 9; echo $?; flock -n -x L true; echo $?) 9>L 8>L
		(flock 9 sh -c "echo file") 9>L
		exec 9>L; flock 9; flock -n 9; (flock -n 9; echo $?); exec 9>&-; flock -n L echo free
		exec 9<&-; flock 9
		flock 0 <&-
		flock 0 <&0 </dev/zero
	END
	compare "${cases[@]}"
}

@test "flock, differential: conflicts, under every mix of options" {
	requires_util_linux
	local seed=${SEED:-$RANDOM} i cases=() options holder pool=(-s -x -e -u -n '-w 0.02' '-w 0' '-E 7' '-E 0' -o -F '')
	echo "SEED=$seed"
	RANDOM=$seed
	for ((i = 0; i < 60; ++i)); do
		options="${pool[RANDOM % 12]} ${pool[RANDOM % 12]} ${pool[RANDOM % 12]}"
		case $((RANDOM % 3)) in
		0) holder='' ;;
		1) holder='flock -s 8;' ;;
		*) holder='flock 8;' ;;
		esac
		# Something must say that it will not wait for ever.
		[[ -z $holder || $options == *-[nw]* ]] || options+=' -n'
		if ((RANDOM % 4)); then
			cases+=("exec 8>L; $holder flock $options L sh -c 'echo in; exit 3'; echo \$?")
		else
			cases+=("exec 8>L 9>L; $holder flock $options 9; echo \$?; flock -n -s L echo after; flock -n L echo after")
		fi
	done
	compare "${cases[@]}"
}
