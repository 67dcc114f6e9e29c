#!/usr/bin/env bats
# shellcheck disable=SC2016  # $1 in single quotes is for the job's own shell
# shellcheck disable=SC1003  # nor is a lone backslash a mistake
# shellcheck disable=SC2154  # run and the helpers set output, stderr, lines, death
load helpers

# inject RULE... -- COMMAND: strace makes system calls of COMMAND fail; what COMMAND starts is let be.
inject() {
	local rules=()
	while [ "$1" != -- ]; do
		rules+=(-e "inject=$1")
		shift
	done
	shift
	strace -qq -o trace "${rules[@]}" "$@"
}

# Was anything injected at all? Without this a test would pass on a call that ppool never makes.
injected() { grep -q '(INJECTED)' trace; }

@test "EAGAIN on fork: fewer at a time, and it says so; every job runs" {
	requires_strace
	gate go
	start_with strace -qq -o trace -e inject=clone,clone3,vfork,fork:error=EAGAIN:when=4..5 \
		ppool -n 4 --sh 'read -r _ <go; echo "$1"' ::: 1 2 3 4 5 6 7 8
	await_text err 'ppool: fork: Resource temporarily unavailable; running 2 jobs at a time'
	open_gate go 8
	end_pool
	injected
	[ "$death" = "exit 0" ]
	is <(sort out) < <(seq 8)
}

@test "EAGAIN on fork with nothing running yet: it is waited out" {
	requires_strace
	run -0 --separate-stderr inject 'clone,clone3,vfork,fork:error=EAGAIN:when=2..3' -- ppool -n 2 --sh 'echo "$1"' ::: 1 2 3
	injected
	is <(sort <<<"$output") < <(seq 3)
}

@test "EAGAIN on fork for ever: fatal once nothing is running, 125, and it says so" {
	requires_strace
	run -125 --separate-stderr timeout 60 strace -qq -o trace -e inject=clone,clone3,vfork,fork:error=EAGAIN:when=4+ \
		ppool -n 2 --sh 'echo "$1"' ::: 1 2 3 4 5 6
	injected
	[[ $stderr == *'ppool: fork: Resource temporarily unavailable'* ]]
	[ "${#lines[@]}" -ge 1 ]
	[ "${#lines[@]}" -le 3 ]
}

@test "ENOMEM on fork is told, and loses no job silently" {
	requires_strace
	run --separate-stderr timeout 60 strace -qq -o trace -e inject=clone,clone3,vfork,fork:error=ENOMEM:when=4..5 \
		ppool -n 2 --sh 'echo "$1"' ::: 1 2 3 4 5 6
	injected
	[[ $stderr == *'Cannot allocate memory'* ]]
	if [ "$status" -eq 0 ]; then is <(sort <<<"$output") < <(seq 6); else [ "$status" -eq 125 ]; fi
}

@test "EMFILE on pipe2: fewer at a time; every job runs and nothing is lost" {
	requires_strace
	gate go
	start_with strace -qq -o trace -e inject=pipe2:error=EMFILE:when=9..10 \
		ppool -n 4 --sh 'read -r _ <go; echo "$1"; echo "e$1" >&2' ::: 1 2 3 4 5 6 7 8
	await_text err 'at a time'
	open_gate go 8
	end_pool
	injected
	[ "$death" = "exit 0" ]
	is <(sort out) < <(seq 8)
	is <(grep '^e' err | sort) < <(seq 8 | sed 's/^/e/')
}

@test "EMFILE on pipe2 for ever: it ends with 125 and says so" {
	requires_strace
	run -125 --separate-stderr timeout 60 strace -qq -o trace -e inject=pipe2:error=EMFILE:when=9+ \
		ppool -n 4 --sh 'echo "$1"' ::: 1 2 3 4 5 6 7 8
	injected
	[[ $stderr == *'Too many open files'* ]]
}

@test "EINTR everywhere: on every third call of each kind nothing is lost" {
	local mode calls
	requires_strace
	calls=read,write,writev,openat,epoll_wait,epoll_pwait,epoll_pwait2,wait4,waitid,pread64,pwrite64,ftruncate,fallocate,splice,ppoll,poll,flock,sendfile,copy_file_range
	mkdir spill
	for mode in --no-run-if-empty -k -l; do
		seq 30 | timeout 100 strace -qq -o trace -e "inject=$calls:error=EINTR:when=3+3" \
			ppool -n 3 "$mode" --buffer 4K --tmpdir spill --joblog log --sh 'seq "$1" 3000; echo "e$1" >&2' >out 2>err
		injected
		[ "$(wc -l <out)" -eq $((30 * 3001 - 465)) ]
		[ "$(sort -n out | uniq -c | awk '$1 != ($2 < 30 ? $2 : 30) { print; exit }')" = "" ]
		is <(sort err) < <(seq 30 | sed 's/^/e/' | sort)
		[ "$(cut -f 1 log | sort -nu | wc -l)" -eq 30 ]
	done
}

@test "EINTR through libc too: every second read, write, open, epoll_wait and waitid" {
	requires_shim ppool
	mkdir spill
	seq 20 | faulty ppool read:EINTR:0:0:2,write:EINTR:0:0:2,open:EINTR:0:0:2,epoll_wait:EINTR:0:0:2,waitid:EINTR:0:0:2,spill-write:EINTR:0:0:2,spill-read:EINTR:0:0:2 \
		-n 3 -k --buffer 4K --tmpdir spill --joblog log --sh 'seq "$1" 3000' >out
	cmp out <(for ((i = 1; i <= 20; ++i)); do seq $i 3000; done)
	[ "$(wc -l <log)" -eq 20 ]
	grep -q '^read EINTR' faults
	grep -q '^write EINTR' faults
	grep -q '^epoll_wait EINTR' faults
}

@test "ENOSPC and EIO on the spill file: told, 125, jobs ended, nothing passed off as whole" {
	local error
	requires_shim ppool
	mkdir spill
	for error in ENOSPC EIO; do
		rm -f faults
		run -125 --separate-stderr faulty ppool "spill-write:$error:2:0,spill-grow:$error:0:0" -n 2 -k --buffer 4K --tmpdir spill --joblog log \
			--sh 'if [ "$1" = 1 ]; then until [ -s faults ]; do sleep 0.01; done; exec sleep 1000; fi; seq 100000' ::: 1 2 3
		grep -q "$error" faults
		if [ "$error" = ENOSPC ]; then [[ $stderr == 'ppool: '*'No space left on device'* ]]; else [[ $stderr == 'ppool: '*'Input/output error'* ]]; fi
		[ ! -s log ]
		retry_until 5 no_process_left
		[ -z "$(ls -A spill)" ]
	done
}

@test "the spill file cannot be made: told, 125" {
	requires_shim ppool
	mkdir spill
	run -125 --separate-stderr faulty ppool spill-open:EMFILE:0:0,open:ENOSPC:60:0 -n 2 -k --buffer 4K --tmpdir spill \
		--sh 'if [ "$1" = 1 ]; then exec sleep 1000; fi; seq 100000' ::: 1 2 3
	[[ $stderr == 'ppool: '* ]]
	[ -s faults ]
	retry_until 5 no_process_left
	[ -z "$(ls -A spill)" ]
}

@test "no O_TMPFILE on this file system: a file whose name is gone at once does as well" {
	requires_shim ppool
	mkdir spill
	gate go
	start_with env FAULT=spill-open:EOPNOTSUPP:0:0 FAULT_IN=ppool FAULT_LOG="$PWD/faults" LD_PRELOAD="$IPCUTILS_BUILD/shim/fault.so" \
		"$IPCUTILS_BUILD/shim/ppool" -n 2 -k --buffer 4K --tmpdir spill --sh 'if [ "$1" = 1 ]; then read -r _ <go; fi; seq 10000; : >"done.$1"' ::: 1 2
	await done.2
	retry_until 10 grep -qs EOPNOTSUPP faults
	[ -z "$(ls -A spill)" ]
	open_gate go
	end_pool
	[ "$death" = "exit 0" ]
	cmp out <(seq 10000; seq 10000)
}

@test "EIO when the spill file is read back: told, 125" {
	requires_shim ppool
	mkdir spill
	run -125 --separate-stderr faulty ppool spill-read:EIO:1:0 -n 1 --buffer 4K --tmpdir spill seq ::: 300000
	[[ $stderr == 'ppool: '*'Input/output error'* ]]
}

@test "a full file system under --tmpdir: told, 125, nothing left" {
	requires_root
	requires unshare
	requires_plain_build
	mkdir spill
	unshare -m true 2>/dev/null || skip "no mount namespaces here"
	run -125 --separate-stderr timeout 60 unshare -m sh -c 'mount -t tmpfs -o size=256k none spill && exec "$@"' sh \
		ppool -n 2 -k --buffer 4K --tmpdir spill --joblog log --sh 'if [ "$1" = 1 ]; then exec sleep 1000; fi; seq 300000' ::: 1 2 3
	[[ $stderr == 'ppool: '*'No space left on device'* ]]
	[ ! -s log ]
}

@test "a full file system under --results or --joblog: told, 125" {
	requires_root
	requires unshare
	unshare -m true 2>/dev/null || skip "no mount namespaces here"
	mkdir full
	run -125 --separate-stderr timeout 60 unshare -m sh -c 'mount -t tmpfs -o size=64k none full && exec "$@"' sh \
		ppool -n 2 --results full/res --sh 'seq 100000' ::: 1 2 3
	[[ $stderr == 'ppool: '*'No space left on device'* ]]
	run -125 --separate-stderr timeout 60 unshare -m sh -c 'mount -t tmpfs -o size=16k none full && exec "$@"' sh \
		ppool -n 2 --joblog full/log true < <(seq 2000)
	[[ $stderr == 'ppool: '*'No space left on device'* ]]
}

@test "a joblog that is no regular file: 2, named, nothing started" {
	usage_error /dev/full ppool --joblog /dev/full touch ::: ran
	mkfifo fifo
	usage_error fifo timeout 10 ppool --joblog fifo touch ::: ran
	[ ! -e ran ]
}

@test "ENOSPC on the joblog through libc: told, 125, no torn line is followed by another" {
	requires_strace
	run -125 --separate-stderr timeout 60 strace -qq -o trace -P "$PWD/log" -e trace=write,writev,pwrite64 -e inject=write,writev,pwrite64:error=ENOSPC:when=2+ \
		ppool -n 1 --joblog log true ::: a b c d
	[[ $stderr == 'ppool: log: No space left on device'* ]]
	[ "$(wc -l <log)" -eq 1 ]
}

@test "EIO on stdin: told, 125, what was read before is done" {
	requires_strace
	seq 3 >records
	run -125 --separate-stderr timeout 60 strace -qq -o trace -P "$PWD/records" -e trace=read,pread64 -e inject=read,pread64:error=EIO:when=2+ \
		ppool -n 1 echo <records
	injected
	[ "$output" = $'1\n2\n3' ]
	[[ $stderr == *'Input/output error'* ]]
}

@test "no pidfds on this kernel: it works, or says so" {
	requires_strace
	run --separate-stderr inject 'pidfd_open:error=ENOSYS:when=1+' -- timeout 20 ppool -n 2 -k echo ::: 1 2 3
	if [ "$status" -eq 0 ]; then [ "$output" = $'1\n2\n3' ]; else [[ $stderr == *'Function not implemented'* ]]; fi
}

@test "an unreadable input while the reader is behind: told, 125, and what jobs wrote arrives" {
	echo a >one
	run -0 --separate-stderr timeout 20 bash -c 'ppool -n 2 -a one -a /proc/self/mem --sh "head -c 3000000 /dev/zero; : >wrote" | { until [ -e wrote ]; do sleep 0.01; done; wc -c; }; exit $((PIPESTATUS[0] - 125))'
	[ "$output" -eq 3000000 ]
	[[ $stderr == 'ppool: /proc/self/mem: '* ]]
}

@test "stdout fails while stderr is behind: it ends, with the stderr of what failed" {
	run -0 timeout 20 bash -c '{ ppool -n 2 --sh "head -c 70000 /dev/zero >&2; : >wrote; echo x" ::: a b >/dev/full; echo "$?" >status; } 2>&1 | { until [ -e wrote ]; do sleep 0.01; done; wc -c; }'
	[ "$output" -ge 70000 ]
	[ "$(cat status)" -eq 125 ]
}

@test "a limit on the size of files is told, and kills nobody" {
	mkdir spill
	run -125 --separate-stderr timeout 20 bash -c 'ulimit -f 20; exec ppool -n 2 -k --buffer 4K --tmpdir spill --sh "if [ \$1 = a ]; then exec sleep 1000; fi; seq 30000" ::: a b' 2>&1
	[[ $stderr == 'ppool: spill: spill file: File too large'* ]]
}

@test "the last words wait for a reader who is behind" {
	run -0 timeout 20 bash -c 'ppool --sh "head -c 65536 /dev/zero; : >wrote; exit 1" ::: a 2>&1 | { until [ -e wrote ]; do sleep 0.01; done; tail -c 19; }'
	[ "$output" = '1 of 1 jobs failed' ]
}
