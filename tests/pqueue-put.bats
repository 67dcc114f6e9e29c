#!/usr/bin/env bats
# shellcheck disable=SC2016  # $1 in single quotes is for an inner shell
# shellcheck disable=SC2154  # run and the helpers set output, stderr, lines, death, pid
load helpers
load queues

@test "put makes the queue when it is not there, in the state directory, 0700 inside and out" {
	local file
	umask 000
	quiet 0 put q a
	[ "$(stat -c %a "$(queue_dir q)")" = 700 ]
	for file in "$(queue_dir q)"/*; do
		[ -d "$file" ] || [ "$(stat -c %a "$file")" = 600 ]
		[ ! -d "$file" ] || [ "$(stat -c %a "$file")" = 700 ]
	done
	[ -z "$(ls names)" ]
}

@test "a NAME with a slash is a path: the queue is that directory" {
	mkdir sub
	pqueue put ./here a
	pqueue put "$PWD/sub/there" b
	[ -d here ]
	[ -d sub/there ]
	[ "$(pqueue get -n ./here)" = a ]
	[ "$(pqueue get -n sub/there)" = b ]
	[ -z "$(ls state)" ]
}

@test "put below a directory that is not there: 2, named, nothing made" {
	refused 'No such file or directory' put ./no/q a
	[[ $stderr == 'pqueue: ./no/q: '* ]]
	[ ! -e no ]
}

@test "without IPCUTILS_STATE_DIR queues lie in XDG_STATE_HOME/ipcutils, made with its parents, 0700" {
	env -u IPCUTILS_STATE_DIR -u IPCUTILS_DIR XDG_STATE_HOME="$PWD/x/y" pqueue put q a
	[ -d x/y/ipcutils/q.queue ]
	[ "$(stat -c %a x/y/ipcutils)" = 700 ]
}

@test "without XDG_STATE_HOME they lie in ~/.local/state/ipcutils" {
	env -u IPCUTILS_STATE_DIR -u IPCUTILS_DIR HOME="$PWD" pqueue put q a
	[ -d .local/state/ipcutils/q.queue ]
}

@test "when only IPCUTILS_DIR is set, it serves durable queues too" {
	env -u IPCUTILS_STATE_DIR pqueue put q a
	[ -d names/q.queue ]
	[ -z "$(ls state)" ]
}

@test "each MESSAGE is one message, in their order" {
	quiet 0 put q one 'two words' three
	holds q <<-'END'
		one
		two words
		three
	END
}

@test "a MESSAGE may be empty, or have newlines and any other bytes" {
	pqueue put q '' $'a\nb' $'\001\377'
	[ "$(pqueue size q)" -eq 3 ]
	pqueue get --all --len q >out
	printf '0\n3\na\nb2\n\001\377' | cmp - out
}

@test "after -- a MESSAGE may begin with a dash" {
	pqueue put -- q -n --max
	holds q <<<$'-n\n--max'
}

@test "with a MESSAGE stdin is not read" {
	{
		pqueue put q a
		cat
	} <<<mine >out
	is out <<<mine
	[ "$(pqueue size q)" -eq 1 ]
}

@test "without MESSAGE each line of stdin is one message" {
	seq 1000 | quiet 0 put q
	pqueue get --all q | cmp - <(seq 1000)
}

@test "nothing on stdin is no message, and makes the queue all the same" {
	quiet 0 put q </dev/null
	[ "$(pqueue size q)" -eq 0 ]
}

@test "a line is put as soon as it can be read, while stdin stays open" {
	gate next
	start p pqueue put q < <(slowly next one two)
	[ "$(timeout 10 pqueue get q)" = one ]
	still p
	open_gate next
	[ "$(timeout 10 pqueue get q)" = two ]
	ends p 'exit 0'
}

@test "tail -f log | put: each line that is appended reaches a waiting getter at once" {
	local i began best=1000000
	echo 0 >log
	start p pqueue put q < <(
		detach
		exec tail -n +1 -f log
	)
	start g pqueue get -f q
	await_text g.out 0
	for i in 1 2 3 4 5 6 7 8; do
		await_waiting "$(cat g.pid)"
		began=${EPOCHREALTIME/./}
		echo "line $i" >>log
		until has g.out "line $i"; do ((${EPOCHREALTIME/./} - began < 5000000)); done
		began=$((${EPOCHREALTIME/./} - began))
		((began >= best)) || best=$began
	done
	# On a busy machine any one may be late; a batch that waits to be filled is late each time.
	((best < 100000))
	end p g
}

@test "a half line is not a message before its end has come" {
	mkfifo in
	exec {feed}<>in
	start p pqueue put q <in {feed}>&-
	printf 'first\nsec' >&"$feed"
	[ "$(timeout 10 pqueue get q)" = first ]
	run -1 pqueue get -n q
	printf 'ond\n' >&"$feed"
	[ "$(timeout 10 pqueue get q)" = second ]
	exec {feed}>&-
	ends p 'exit 0'
	[ "$(pqueue size q)" -eq 0 ]
}

@test "-i prints the id of each message, a line each, and no two are the same" {
	pqueue put -i q a b c >first
	seq 2000 | pqueue put --id q >others
	[ "$(wc -l <first)" -eq 3 ]
	[ "$(wc -l <others)" -eq 2000 ]
	[ -z "$(sort first others | uniq -d)" ]
}

@test "-i: the id is the one that COMMAND sees" {
	pqueue put -i q a b >ids
	pqueue get -c 2 q -- sh -c 'echo "$PQUEUE_ID"' >seen
	is seen <ids
}

@test "-i from a pipe: the id is printed as soon as the message is put" {
	gate next
	start p pqueue put -i q < <(slowly next one two)
	retry_until 10 test -s p.out
	still p
	open_gate next
	ends p 'exit 0'
	[ "$(wc -l <p.out)" -eq 2 ]
}

@test "-i: a closed reader ends it, even while it waits for input" {
	gate never
	start_piped p pqueue put -i q < <(slowly never one two)
	read -r _ <&"$reader"
	await_waiting "$pid"
	hang_up
	ends p 'signal 13'
	open_gate never
	holds q <<<one
}

@test "ids are never used again: not after the message is taken, not after a purge" {
	local i
	for i in 1 2 3 4; do
		pqueue put -i q a >>ids
		if ((i % 2)); then pqueue get -n q; else pqueue purge q; fi
	done >/dev/null
	[ -z "$(sort ids | uniq -d)" ]
}

@test "-i that cannot be printed: 2, and the message stays put" {
	[ -w /dev/full ] || skip "no /dev/full here"
	run -2 --separate-stderr bash -c 'pqueue put -i q a >/dev/full'
	[[ $stderr == 'pqueue: stdout: No space left on device'* ]]
	[ "$(pqueue get -n q)" = a ]
}

@test "--reply implies -i" {
	pqueue put --reply q a >id
	[ "$(wc -l <id)" -eq 1 ]
	run -1 --separate-stderr pqueue result -n q "$(cat id)"
	[ -z "$output" ]
}

@test "put to a closed queue: 3, nothing put" {
	pqueue create q
	pqueue close q
	run -3 --separate-stderr pqueue put q a
	[ -z "$output" ]
	run -3 pqueue put q <<<a
	run -3 pqueue put -n q a
	run -3 pqueue put -t 5 q a
	[ "$(pqueue size q)" -eq 0 ]
}

@test "closed in mid-stream: 3; what was put before stays put and is counted on stderr" {
	gate next
	pqueue create q
	start p pqueue put q < <(
		detach
		echo a
		echo b
		read -r _ <next
		echo c
	)
	await_size q 2
	pqueue close q
	open_gate next
	ends p 'exit 3'
	[[ $(cat p.err) == 'pqueue: q: '*'2 messages were put'* ]]
	holds q <<<$'a\nb'
}

@test "stdin that cannot be read: 2, named" {
	run -2 --separate-stderr pqueue put q <.
	[[ $stderr == 'pqueue: '*': Is a directory' ]]
}

@test "a put that waits for room dies of TERM, INT or HUP at once, and what it put stays" {
	local signal
	pqueue put --max 1 q first
	for signal in 15 2 1; do
		waiting p put q second
		kill -"$signal" "$pid"
		ends p "signal $signal"
	done
	holds q <<<first
}

@test "a put that waits for input dies of TERM, INT or HUP at once, and what it put stays" {
	local signal
	gate never
	for signal in 15 2 1; do
		start p pqueue put q < <(slowly never "$signal" never)
		[ "$(timeout 10 pqueue get q)" = "$signal" ]
		kill -"$signal" "$pid"
		ends p "signal $signal"
		open_gate never
	done
	[ "$(pqueue size q)" -eq 0 ]
}

# synced COMMAND [ARG...]: how often it asked for the disk.
synced() {
	strace -f -qq -o calls -e trace=fdatasync,fsync,msync,sync_file_range,syncfs "$@" || return
	grep -c '(' calls || true
}

@test "put returns when its messages are on disk: one fdatasync for all the MESSAGEs" {
	requires_strace
	pqueue put q first
	[ "$(synced pqueue put q a b c)" -eq 1 ]
	grep -q 'fdatasync(.*= 0' calls
}

@test "put of stdin: one fdatasync a batch, a batch having at most 1000 messages" {
	requires_strace
	local count
	pqueue put q first
	seq 3000 >lines
	count=$(synced pqueue put q <lines)
	((count >= 3 && count <= 6)) || {
		echo "3000 lines: $count"
		false
	}
}

@test "put of stdin: one fdatasync a batch, a batch having at most 1 MiB" {
	requires_strace
	local count
	pqueue put q first
	head -c 4000000 /dev/zero | tr '\0' x | fold -w 10000 >lines
	echo >>lines
	count=$(synced pqueue put q <lines)
	((count >= 4 && count <= 12)) || {
		echo "4 MB: $count"
		false
	}
	[ "$(pqueue size q)" -eq 401 ]
}

@test "what is told with -i is on disk: the sync comes before the id" {
	requires_strace
	pqueue put q first
	strace -f -qq -o calls -e trace=fdatasync,write pqueue put -i q a >id
	awk '/fdatasync\(/ { synced = NR } /write\(1,/ { written = NR } END { exit !(synced && written > synced) }' calls
}

@test "create --no-sync: put leaves the disk to the kernel" {
	requires_strace
	pqueue create --no-sync q
	pqueue put q first
	[ "$(synced pqueue put q a b c)" -eq 0 ]
	[ "$(pqueue size q)" -eq 4 ]
}

@test "settling is never synced" {
	requires_strace
	pqueue put q a b c
	synced pqueue get --all q >out
	is out <<<$'a\nb\nc\n0'
}

@test "what put acknowledged outlives its own kill -9 a moment later" {
	local i
	mkfifo in
	for i in 1 2 3 4 5; do
		exec {feed}<>in
		start p pqueue put -i q <in {feed}>&-
		echo "$i" >&"$feed"
		retry_until 10 test -s p.out
		end p
		exec {feed}>&-
	done
	pqueue get --all q | cmp - <(seq 5)
	run -0 pqueue verify q
}

@test "many putters at once: every message is there, each putter's own in their order" {
	local i
	for i in 1 2 3 4; do start "p$i" pqueue put q < <(seq -f "$i %g" 500); done
	for i in 1 2 3 4; do ends "p$i" 'exit 0'; done
	pqueue get --all q >all
	[ "$(wc -l <all)" -eq 2000 ]
	for i in 1 2 3 4; do grep "^$i " all | cmp - <(seq -f "$i %g" 500); done
}
