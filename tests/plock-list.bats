#!/usr/bin/env bats
# shellcheck disable=SC2016  # $1 in single quotes is for COMMAND's own shell
# shellcheck disable=SC2030,SC2031  # each test is a process of its own
# shellcheck disable=SC2154  # run and the helpers set output, stderr, lines, death, pid
load helpers
load locks

# rows [ARG...]: plock -l without its header, one blank between the columns.
rows() {
	plock -l "$@" >table || return
	[ ! -s table ] || [ "$(head -n 1 table | xargs)" = 'PID MODE SINCE STATE LOCK COMMAND' ] || {
		echo "the header is: $(head -n 1 table)"
		return 1
	}
	tail -n +2 table | sed 's/  */ /g'
}

# without_since: SINCE is a moment of the last minute, or - ; here it becomes "T", or stays.
without_since() {
	local now row since
	now=$(date +%s)
	while read -r row; do
		since=$(cut -d ' ' -f 3 <<<"$row")
		if [[ $since =~ ^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$ ]]; then
			since=$(date -d "$since" +%s)
			if ((now - since <= 60 && now >= since)); then row=$(awk '{ $3 = "T" } 1' <<<"$row"); fi
		fi
		echo "$row"
	done
}

pid_of() { cat "$1.pid"; }

# The columns but COMMAND.
five() { rows "$@" | without_since | cut -d ' ' -f -5; }

# await_states [ARG...] <ROWS: until PID, MODE, STATE and LOCK are these, in any order. One that waits is not in line for a
# moment when it stops to look who holds the lock.
await_states() {
	sort >wanted
	retry_until 10 states_are "$@" || diff -u wanted <(states "$@")
}
states() { rows "$@" | awk '{ print $1, $2, $4, $5 }' | sort; }
states_are() { [ "$(states "$@")" = "$(cat wanted)" ]; }

@test "an empty runtime directory: nothing, and 0; [] with --json" {
	run -0 --separate-stderr plock -l
	[ -z "$output$stderr" ]
	run -0 --separate-stderr plock --list --json
	[ "$output" = '[]' ]
	[ -z "$stderr" ]
}

@test "no runtime directory yet: nothing, and 0" {
	rmdir names
	run -0 --separate-stderr plock -l
	[ -z "$output$stderr" ]
	run -0 --separate-stderr plock -l --json
	[ "$output" = '[]' ]
}

@test "locks that nobody holds are not listed" {
	plock db true
	plock ./f true
	run -0 --separate-stderr plock -l
	[ -z "$output$stderr" ]
	run -0 --separate-stderr plock -l db
	[ -z "$output$stderr" ]
	run -0 --separate-stderr plock -l ./f
	[ -z "$output$stderr" ]
	run -0 plock -l --json ./f
	[ "$output" = '[]' ]
}

@test "a NAME or path that is not there: 2, named" {
	run -2 --separate-stderr plock -l nothing-here
	[[ $stderr == 'plock: nothing-here: '* ]]
	run -2 --separate-stderr plock -l ./nothing-here
	[[ $stderr == 'plock: ./nothing-here: '* ]]
	[ -z "$output" ]
	[ -z "$(ls -A names)" ]
	[ ! -e nothing-here ]
}

@test "a holder: PID, MODE, SINCE, STATE, LOCK and COMMAND" {
	hold one db
	is <(rows | without_since) <<<"$pid X T held db zoo wait one.in"
	is <(rows db | without_since) <<<"$pid X T held db zoo wait one.in"
	release one
	is <(rows) </dev/null
}

@test "a path is listed when it is given, by the path that was given" {
	hold one ./f
	is <(rows) </dev/null
	is <(five ./f) <<<"$pid X T held ./f"
	is <(five "$PWD/f") <<<"$pid X T held $PWD/f"
	release one
}

@test "a directory is listed like a file" {
	mkdir dir
	hold one -s ./dir
	is <(five ./dir) <<<"$pid S T held ./dir"
	release one
}

@test "all NAMEs of the runtime directory, and nothing else that lies there" {
	: >names/README
	mkdir names/dir.lock names/sub
	mkfifo names/fifo.lock
	ln -s /nowhere names/dangling.lock
	plock free true
	hold one b.db
	hold two -s a
	hold three 7
	is <(five | sort -k 5) < <(printf '%s\n' "$(pid_of three) X T held 7" "$(pid_of two) S T held a" "$(pid_of one) X T held b.db")
	release one two three
}

@test "what cannot be looked at is told, and the rest is listed" {
	ln -s loop.lock names/loop.lock
	mkdir names/dir.sem
	ln -s loop.sem names/loop.sem
	hold one db
	hold two -j 2 S
	plock -l >table 2>err || true
	[ "$(awk 'NR > 1 { print $5 }' table | sort | xargs)" = 'S db' ]
	grep -q 'loop\.lock' err
	run ! grep -v '^plock: ' err
	plock -l --json 2>/dev/null | grep -q '"lock":"db"'
	release one two
	plock --remove S
}

@test "those that wait are listed with what they wait for" {
	hold one ./f
	start two plock ./f touch ran
	start three plock -s -w 1h ./f touch ran
	await_states ./f < <(printf '%s\n' "$(pid_of one) X held ./f" "$(pid_of two) X waits ./f" "$(pid_of three) S waits ./f")
	rows ./f >all
	is <(without_since <all | awk '$4 == "waits" && $3 != "T" && $3 != "-"') </dev/null
	[ "$(head -n 1 all | cut -d ' ' -f 1,4)" = "$(pid_of one) held" ]
	grep -q "^$(pid_of two) .* plock" all
	kill -TERM "$(pid_of two)" "$(pid_of three)"
	ended two
	ended three
	is <(five ./f) <<<"$(pid_of one) X T held ./f"
	release one
}

@test "shared holders: a row for each" {
	hold one -s db
	hold two -s db
	start three plock db touch ran
	await_states < <(printf '%s\n' "$(pid_of one) S held db" "$(pid_of two) S held db" "$(pid_of three) X waits db")
	kill -TERM "$(pid_of three)"
	ended three
	release one two
}

@test "--hold tree: the PID is COMMAND's, one row however many have inherited the descriptor" {
	start one plock ./f sh -c 'zoo wait child.in & zoo wait in'
	await in child.in
	is <(five ./f) <<<"$pid X T held ./f"
	kill -KILL "$pid" "$(cat in)"
	ended one
	await child.in
	retry_until 5 pid_gone "$(cat in)"
	# What is left holds it, and that is what is listed.
	is <(rows ./f | awk '{ print $1, $2, $4, $5, $6 }') <<<"$(cat child.in) X held ./f zoo"
	kill -KILL "$(cat child.in)"
	retry_until 5 is_free ./f
}

@test "--hold command: the PID is plock's" {
	start one plock --hold command ./f zoo wait in
	await in
	[ "$(cat in)" -ne "$pid" ]
	is <(five ./f) <<<"$pid X T held ./f"
	rows ./f | grep -qF 'zoo wait in'
	kill -TERM "$pid"
	ended one
	is <(rows ./f) </dev/null
}

@test "SINCE is when the lock was taken, not when the waiting began" {
	local before since
	hold one ./f
	start two plock ./f zoo wait in
	await_waiters f 1
	sleep 1.1
	before=$(date +%s)
	release one
	await in
	since=$(date -d "$(rows ./f | cut -d ' ' -f 3)" +%s)
	[ "$since" -ge "$before" ]
	[ "$since" -le "$(date +%s)" ]
	release two
}

@test "a holder by descriptor: the process that has it, though the plock that took it is gone" {
	start one bash -c 'exec 9<>f; plock 9; exec zoo wait in'
	await in
	is <(rows ./f) <<<"$pid X - held ./f zoo wait in"
	run -0 plock -l --json ./f
	[ "$(jq -c '.[] | [.pid, .mode, .since, .state, .lock]' <<<"$output")" = "[$pid,\"X\",null,\"held\",\"./f\"]" ]
	release one
	is <(rows ./f) </dev/null
}

@test "a lock that flock(1) holds is listed as well; what is not known is -" {
	requires flock
	start one flock -s f zoo wait in
	await in
	is <(rows ./f | awk '{ print $2, $3, $4, $5 }') <<<"S - held ./f"
	kill -KILL "$(cat in)"
	ended one
}

@test "a process that only has the file open is not listed" {
	hold one ./f
	start two zoo wait in 9<f
	await in
	is <(five ./f) <<<"$(pid_of one) X T held ./f"
	kill -KILL "$(cat in)"
	ended two
	release one
}

@test "a POSIX lock of the file is not one of ours" {
	requires python3
	: >f
	start one python3 -c '
import fcntl, signal
f = open("f", "r+")
fcntl.lockf(f, fcntl.LOCK_EX)
open("locked", "w").close()
signal.pause()'
	await locked
	is <(rows ./f) </dev/null
	release one
}

@test "--json: a list of objects with those names" {
	requires jq
	hold one db
	start two plock -s db touch ran
	await_states < <(printf '%s\n' "$(pid_of one) X held db" "$(pid_of two) S waits db")
	retry_until 5 sh -c 'plock -l --json >json && [ "$(jq length json)" -eq 2 ]'
	[ "$(jq -c '.[] | keys_unsorted' json | sort -u)" = '["pid","mode","since","state","lock","command"]' ]
	is <(jq -c '.[] | [.pid, .mode, .state, .lock]' json) < <(printf '%s\n' "[$(pid_of one),\"X\",\"held\",\"db\"]" "[$(pid_of two),\"S\",\"waits\",\"db\"]")
	jq -e '.[0].since | test("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$")' json
	jq -e '.[0].command == "zoo wait one.in"' json
	retry_until 5 sh -c 'plock --json -l db | cmp -s - json'
	kill -TERM "$pid"
	ended two
	release one
}

@test "a hostile command line: one row, no control byte, and JSON that is whole" {
	requires jq iconv
	local name=$'a\n\e[31m"b\\\t1 X'
	cp "$(command -v zoo)" "$name"
	start one plock db "./$name" wait in $'x\ny' $'\xff\xfe' '' $'\x7f\x01\xc2\x9b31m' 'ä'
	await in
	[ "$(rows | wc -l)" -eq 1 ]
	LC_ALL=C grep -q $'[\x01-\x09\x0b-\x1f\x7f]' table && return 1
	grep -q $'\xc2\x9b' table && return 1
	plock -l --json >json
	iconv -f UTF-8 -t UTF-8 json >/dev/null
	[ "$(jq length json)" -eq 1 ]
	jq -e '.[0].pid' json
	jq -e '.[0].command | startswith("./a") and contains("\"b\\") and contains("ä")' json
	release one
}

@test "a process that calls itself \") R 1\" or has no arguments at all is listed as itself" {
	cp "$(command -v zoo)" ') R 1 1 (x'
	start one plock ./f './) R 1 1 (x' wait in
	await in
	is <(five ./f) <<<"$pid X T held ./f"
	release one
	start two bash -c 'exec 9<>g; plock 9; exec -a "" zoo wait in.two'
	await in.two
	is <(rows ./g | awk '{ print $1, $2, $4, $5 }') <<<"$pid X held ./g"
	release two
}

@test "a holder whose first thread has ended holds all the same, and the lock is listed" {
	start one plock ./f zoo leaderless in
	await in
	run -1 --separate-stderr plock -n ./f true
	run -1 plock -w 0 ./f true
	# Its descriptors are those of the other thread: it need not be found by them.
	[[ $(five ./f) =~ ^("$pid"|-)' X '[-T]' held ./f'$ ]]
	kill -KILL "$pid"
	ended one
	is_free ./f
}

@test "a hostile path: one row, and JSON that is whole" {
	requires jq
	local path=$'./a\n\e[1m"\\ \xff'
	hold one "$path"
	[ "$(rows "$path" | wc -l)" -eq 1 ]
	LC_ALL=C grep -q $'[\x01-\x09\x0b-\x1f\x7f]' table && return 1
	plock -l --json "$path" >json
	[ "$(jq length json)" -eq 1 ]
	[[ $(jq -r '.[0].lock' json) == $'./a\n\e[1m"\\ '* ]]
	release one
}

@test "a command line of a megabyte is listed, in one row" {
	local words
	mapfile -t words < <(seq 100000)
	start one plock db zoo wait in "${words[@]}"
	await in
	[ "$(rows | wc -l)" -eq 1 ]
	rows | grep -q "^$pid X .* held db zoo wait in 1 2 3"
	release one
}

@test "it takes no lock: others see the lock as free all the time" {
	requires_strace
	plock db true
	strace -f -qq -o trace -e trace=flock,fcntl,open,openat plock -l db
	[ -s trace ]
	run ! grep -E 'flock\(|F_(OFD_)?SETLK' trace
}

@test "it changes nothing in the runtime directory" {
	local before
	hold one db
	before=$(find names -printf '%p %i %s %T@ %C@\n')
	plock -l >/dev/null
	plock -l --json db >/dev/null
	[ "$(find names -printf '%p %i %s %T@ %C@\n')" = "$before" ]
	release one
}

@test "another user's lock: the kernel's records and -, not a failure" {
	requires_nobody
	: >f
	chmod 644 f
	hold one ./f
	IPCUTILS_DIR=$PWD/theirs as_nobody plock -l ./f >table 2>err
	[ ! -s err ]
	is <(tail -n +2 table | sed 's/  */ /g' | without_since | awk '{ print $1, $2, $4, $5 }') <<<"$pid X held ./f"
	release one
}

@test "another user's lock by descriptor: it is listed though nobody can be named" {
	requires_nobody
	: >f
	chmod 644 f
	start one bash -c 'exec 9<>f; plock -s 9; exec zoo wait in'
	await in
	IPCUTILS_DIR=$PWD/theirs as_nobody plock -l ./f >table
	is <(tail -n +2 table | sed 's/  */ /g') <<<'- S - held ./f -'
	IPCUTILS_DIR=$PWD/theirs as_nobody plock -l --json ./f >json
	is json <<<'[{"pid":null,"mode":"S","since":null,"state":"held","lock":"./f","command":null}]'
	release one
}

@test "a lock of another user that is not to be opened is listed too" {
	requires_nobody
	: >f
	chmod 600 f
	hold one ./f
	run -0 --separate-stderr env IPCUTILS_DIR="$PWD/theirs" setpriv --reuid 65534 --regid 65534 --clear-groups "$(command -v plock)" -l ./f
	[[ ${lines[1]} == *"$pid"*' held '*'./f'* ]]
	release one
}

@test "what cannot be written is told" {
	[ -w /dev/full ] || skip "no /dev/full here"
	hold one db
	run --separate-stderr bash -c 'plock -l >/dev/full'
	[ "$status" -eq 2 ] || [ "$status" -eq 125 ]
	[[ $stderr == 'plock: '*'No space left on device'* ]]
	bash -c '{ until [ -e closed ]; do sleep 0.01; done; plock -l; echo "$?" >status; } | { exec <&-; : >closed; }'
	is status <<<141
	release one
}

@test "holders that come and go while it looks: it never fails, and never tells nonsense" {
	local i
	: >f
	start churn bash -c 'while [ ! -e stop ]; do plock ./f true; plock -s db true & plock db true; wait; done'
	await names/db.lock
	for ((i = 0; i < 60; ++i)); do
		plock -l >>all
		plock -l ./f >>all
	done
	: >stop
	ended churn
	# Whoever holds or waits was one of those: each row has a pid, a mode and a state.
	is <(grep -vE '^ *PID |^ *[0-9]+ +[XS] +[^ ]+ +(held|waits) +(db|\./f) +[^ ]' all) </dev/null
}
