#!/usr/bin/env bats
# shellcheck disable=SC2016  # what is in single quotes is for another shell
# shellcheck disable=SC2030,SC2031  # each test is a process of its own
# shellcheck disable=SC2154  # run and the helpers set output, stderr, lines, death, pid
load helpers
load queues

# on_disk SIZE TEXT [ARG...]: TEXT, a script, with the state directory on a file system of SIZE, which nobody else sees.
on_disk() {
	local size=$1 text=$2
	shift 2
	mkdir -p small
	chmod 700 small
	IPCUTILS_STATE_DIR=$PWD/small unshare --mount --propagation private \
		bash -euc 'mount -t tmpfs -o "size=$1,mode=700" none small; text=$2; shift 2; eval "$text"' - "$size" "$text" "$@"
}

requires_small_disks() {
	requires_root
	requires unshare
	on_disk 64K true 2>/dev/null || skip "no file system can be mounted here"
}

# lines COUNT: of 1000 bytes, all different.
lines_of_1000() { seq -f "%0999.0f" "${1%,*}" "${1#*,}"; }
export -f lines_of_1000

@test "ENOSPC in mid-put: it is told with how many were put, they are there, and put works again when there is room" {
	requires_small_disks
	on_disk 40M '
		lines_of_1000 1,60000 >lines
		status=0
		pqueue create --no-sync q
		pqueue put -i q <lines >ids 2>err || status=$?
		[ "$status" -eq 2 ]
		count=$(wc -l <ids)
		[ "$count" -gt 10000 ]
		[ "$(cat err)" = "pqueue: q: No space left on device; $count messages were put" ] || { cat err && exit 1; }
		[ "$(pqueue size q)" -eq "$count" ]
		pqueue verify q
		pqueue get -c $((count / 2)) q >got
		cmp got <(head -n $((count / 2)) lines)
		pqueue put q after
		pqueue get --all q >got
		cmp got <(head -n "$count" lines | tail -n +$((count / 2 + 1)); echo after)
		pqueue verify q
		pqueue put q <lines 2>err || true
		pqueue get --all q >got
		cmp got <(head -n "$(wc -l <got)" lines)'
}

@test "a synced put that finds the disk full: what it said is safe is there" {
	requires_small_disks
	on_disk 30M '
		lines_of_1000 1,40000 >lines
		status=0
		pqueue put -i q <lines >ids 2>err || status=$?
		[ "$status" -eq 2 ]
		[ "$(wc -l <err)" -eq 1 ]
		count=$(wc -l <ids)
		pqueue get --all q >got
		[ "$(wc -l <got)" -ge "$count" ]
		cmp got <(head -n "$(wc -l <got)" lines)'
}

@test "with not a byte left on the disk: get, leases, close and all the others work, and no SIGBUS" {
	requires_small_disks
	on_disk 64M '
		pqueue create --no-sync q
		lines_of_1000 1,20000 | pqueue put q
		cat /dev/zero >small/filling 2>/dev/null || true
		pqueue get -c 100 q | cmp - <(lines_of_1000 1,100)
		lease=$(pqueue get --lease 1h q)
		pqueue requeue q "${lease%%	*}"
		pqueue get q -- true
		pqueue get q -- false || [ "$?" -eq 1 ]
		pqueue get --backoff 1ms q -- false || [ "$?" -eq 1 ]
		pqueue get --retries 0 q -- false || [ "$?" -le 2 ]
		pqueue stat q >/dev/null
		pqueue peek q >/dev/null
		pqueue verify q
		pqueue close q
		[ "$(pqueue get --all q | wc -l)" -ge 19896 ]
		rm small/filling
		pqueue verify q
		pqueue put other a
		[ "$(pqueue get -n other)" = a ]'
}

# What may end here does so with 0 or 2, and a reason.
fill_and_look='
	status=0
	pqueue put -i q <lines >ids 2>err || status=$?
	[ "$status" -eq 0 ] || [ "$status" -eq 2 ] || { echo "put: $status, $(cat err)" && exit 1; }
	[ "$status" -eq 0 ] || [ "$(wc -l <err)" -eq 1 ] || { cat err && exit 1; }
	status=0
	pqueue get --all q >got 2>err || status=$?
	[ "$status" -le 2 ] || { echo "get: $status, $(cat err)" && exit 1; }
	cmp got <(head -n "$(wc -l <got)" lines)
	[ "$(wc -l <got)" -ge "$(wc -l <ids)" ]
	pqueue rm --force q 2>err || [ "$?" -eq 2 ] || { cat err && exit 1; }'

@test "a file system of any size from 64 KiB to 3 MiB: no SIGBUS; put works or says why not" {
	local size
	requires_small_disks
	lines_of_1000 1,4000 >lines
	for ((size = 64; size <= 3072; size += size < 256 ? 4 : 60)); do
		on_disk "${size}K" "$fill_and_look" || { echo "on $size KiB" && return 1; }
	done
}

@test "a file system of any size from 3 to 52 MiB: no SIGBUS, and nothing acknowledged is lost" {
	local size
	requires_small_disks
	lines_of_1000 1,60000 >lines
	for size in 3500 15K 16300 16400 17K 18K 32700 33K 34K 49K 52K; do
		on_disk "$((${size/K/ * 1024}))K" "$fill_and_look" || { echo "on $size KiB" && return 1; }
	done
}

@test "a disk with just so many pages left: no SIGBUS whatever comes next" {
	local pages
	requires_small_disks
	lines_of_1000 1,20 >lines
	for ((pages = 0; pages <= 24; ++pages)); do
		on_disk 40M '
			pqueue create --no-sync old
			pqueue put old a b
			cat /dev/zero >small/filling 2>/dev/null || true
			truncate -s "-$((4096 * $1))" small/filling
			for verb in "put old c" "put --delay 1h old d" "get -n old" "get --lease 1h old" "create new" "put new a" "put --reply new b" "get -n new" "close old" "verify old"; do
				status=0
				pqueue $verb >out 2>err || status=$?
				[ "$status" -le 3 ] || { echo "$verb: $status, $(cat err)" && exit 1; }
			done' "$pages" || { echo "with $pages pages left" && return 1; }
	done
}

# Disk use

kib_of() { du -sk "state/$1.queue" | cut -f 1; }

# within LIVE-KIB: q takes no more than twice what is alive, and two segments of 16 MiB.
within() {
	local limit=$((2 * $1 + 32768))
	[ "$(kib_of q)" -le "$limit" ] || {
		echo "q takes $(kib_of q) KiB of the disk, not $limit; $(ls -s state/q.queue)"
		return 1
	}
}

@test "200 MB through a queue with an old message in somebody's hands and a delayed one: never more than two segments" {
	local i
	pqueue create --no-sync q
	pqueue put --delay 1h q later
	pqueue put q stuck
	pqueue get --lease 1h q >lease
	lines_of_1000 1,10000 >lines
	for ((i = 0; i < 20; ++i)); do
		pqueue put q <lines
		within 10000
		pqueue get --all q >got
		cmp got lines
		within 1
	done
	quiet 0 verify q
	[ "$(pqueue size q)" -eq 1 ]
	quiet 0 requeue q "$(cut -f 1 lease)"
	[ "$(pqueue get -n q)" = stuck ]
}

@test "a tenth of what goes through stays, delayed: at most twice that, and two segments" {
	local i
	pqueue create --no-sync q
	lines_of_1000 1,9000 >lines
	for ((i = 0; i < 20; ++i)); do
		lines_of_1000 "$((100000 + i * 1000)),$((100999 + i * 1000))" >>stay
		tail -n 1000 stay | pqueue put --delay 1h q
		pqueue put q <lines
		pqueue get --all q >got
		cmp got lines
		within $(((i + 1) * 1000))
	done
	[ "$(pqueue size q)" -eq 20000 ]
	quiet 0 verify q
}

@test "every other message stays, for its priority: at most twice that, and two segments; and they are all there" {
	local i
	pqueue create --no-sync q
	lines_of_1000 1,60000 >lines
	for ((i = 0; i < 6; ++i)); do
		sed -n "$((i * 10000 + 1)),$((i * 10000 + 10000))p" lines |
			tee >(awk 'NR % 2' >odd) >(awk 'NR % 2 == 0' >even) >/dev/null
		retry_until 5 eval '[ "$(cat odd even | wc -l)" -eq 10000 ]'
		# In turn, so that they lie side by side.
		split -l 250 odd odd. && split -l 250 even even.
		for part in odd.*; do
			pqueue put -p 0 q <"$part"
			pqueue put -p 9 q <"even.${part#odd.}"
		done
		pqueue get -c 5000 q >got
		cmp got even
		within $(((i + 1) * 5000))
		rm -f odd.* even.*
	done
	quiet 0 verify q
	pqueue get --all q >got
	cmp got <(awk 'NR % 2' lines)
	within 1
}

@test "a queue of large messages gives their room back" {
	local i
	pqueue create --no-sync q
	head -c 40M /dev/zero >large
	pqueue put q first
	for i in 1 2 3; do
		pqueue put --whole q <large
		within $((i * 40960))
	done
	[ "$(pqueue get q)" = first ]
	for i in 1 2 3; do
		pqueue get --len q >got
		cmp <(tail -n +2 got) large
	done
	within 1
}

# What the system refuses

@test "EINTR from every second call: nothing is lost or repeated" {
	local rules='' call
	requires_shim pqueue
	for call in read write open poll ppoll epoll_wait flock fcntl grow fdatasync fsync waitid waitpid; do
		rules+=$call:EINTR:0:0:2,
	done
	seq 3000 | faulty pqueue "$rules" put q
	faulty pqueue "$rules" get -c 1000 q | diff <(seq 1000) -
	faulty pqueue "$rules" put q last
	faulty pqueue "$rules" get --all q | diff <(seq 1001 3000; echo last) -
	faulty pqueue "$rules" put q {1..200}
	# At the end it has to wait, and to let somebody else at the queue.
	start runner env FAULT="$rules" FAULT_IN=pqueue FAULT_LOG="$PWD/faults" LD_PRELOAD="$IPCUTILS_BUILD/shim/fault.so" \
		"$IPCUTILS_BUILD/shim/pqueue" get -f -j 3 q -- sh -c 'echo "$1"; echo "$1" >&2' sh
	retry_until 20 eval '[ "$(wc -l <runner.out)" -eq 200 ]'
	quiet 0 close q
	ends runner 'exit 0'
	diff <(seq 200) <(sort -n runner.out)
	diff <(seq 200) <(sort -n runner.err)
	grep -q '^flock EINTR' faults
	grep -q '^read EINTR' faults
	quiet 0 verify q
}

@test "fdatasync fails: put fails, says so, and claims nothing" {
	requires_shim pqueue
	pqueue put q a
	run -2 --separate-stderr faulty pqueue fdatasync:EIO:0:0,fsync:EIO:0:0 put -i q b c
	[ -z "$output" ]
	[ "${#stderr_lines[@]}" -eq 1 ]
	[[ $stderr == 'pqueue: q: '*'Input/output error'* ]]
	grep -q 'sync EIO' faults
	quiet 0 verify q
	[ "$(pqueue get -n q)" = a ]
}

@test "fdatasync fails at any of many batches: put fails, says so once, and nothing is lost" {
	local number
	requires_shim pqueue
	for number in 0 1 2 3; do
		pqueue create "q$number"
		run -2 --separate-stderr faulty pqueue "fdatasync:EIO:$number:1" put "q$number" < <(seq 4000)
		[ "${#stderr_lines[@]}" -eq 1 ]
		[[ $stderr == "pqueue: q$number: "*'Input/output error'*'were put' ]]
		pqueue get --all "q$number" >got
		head -n "$(wc -l <got)" < <(seq 4000) | cmp - got
		[ "$(wc -l <got)" -ge "$((number * 1000 + 1000))" ]
	done
}

@test "a queue that cannot be made leaves nothing behind, and none is listed that is none" {
	local number
	requires_shim
	for ((number = 0; number < 6; ++number)); do
		run -2 --separate-stderr faulty pqueue "grow:ENOSPC:$number" put q a
		[[ $stderr == 'pqueue: q: '*'No space left on device'* ]]
		no_names || [ "$number" -ge 4 ] || return
	done
	mkdir "$IPCUTILS_STATE_DIR/half.queue"
	run -0 pqueue list
	[[ $output != *half* ]]
}

@test "no room for a new segment: put fails with the reason, and what was put stays" {
	local error
	requires_shim pqueue
	pqueue create --no-sync q
	pqueue put q a
	lines_of_1000 1,20000 >lines
	for error in ENOSPC EDQUOT EIO; do
		run -2 --separate-stderr faulty pqueue "grow:$error:0:0" put q <lines
		[ "${#stderr_lines[@]}" -eq 1 ]
		[[ $stderr == 'pqueue: q: '* ]]
		quiet 0 verify q
		[ "$(pqueue get -n q)" = a ]
		pqueue purge q >purged
		pqueue put q a
	done
}

@test "a call that is refused at every number in turn: put and get say so or manage, and nothing is lost" {
	local rule number
	requires_shim pqueue
	pqueue create --no-sync q
	for rule in open:EMFILE open:EIO mmap:ENOMEM flock:ENOLCK flock:EIO fstat:EIO grow:ENOSPC fcntl:ENOLCK write:ENOSPC read:EIO; do
		for ((number = 0; number < 12; ++number)); do
			rm -f faults
			run --separate-stderr faulty pqueue "$rule:$number" put -i q "$number"
			[ "$status" -eq 0 ] || { [ "$status" -eq 2 ] && [ "${#stderr_lines[@]}" -eq 1 ]; } || {
				echo "put, $rule:$number: $status, $stderr"
				return 1
			}
			put=$status
			[ "$put" -ne 0 ] || [ -n "$output" ]
			run --separate-stderr faulty pqueue "$rule:$number" get -n q
			[ "$status" -le 1 ] || { [ "$status" -eq 2 ] && [ "${#stderr_lines[@]}" -eq 1 ]; } || {
				echo "get, $rule:$number: $status, $stderr"
				return 1
			}
			[ "$put" -ne 0 ] || [ "$output" = "$number" ] || [ "$(pqueue get -n q)" = "$number" ]
			pqueue get --all q >rest || [ "$?" -eq 1 ]
			quiet 0 verify q
			[ -e faults ] || break
		done
	done
}

@test "a network file system is refused with the reason, and taken with --allow-network" {
	requires_shim pqueue
	run -2 --separate-stderr faulty pqueue fstatfs-nfs:EPERM:0:0 put q a
	[[ $stderr == 'pqueue: q: '*network* ]]
	[ ! -e state/q.queue ]
	run -2 --separate-stderr faulty pqueue fstatfs-nfs:EPERM:0:0 create q
	run -0 --separate-stderr faulty pqueue fstatfs-nfs:EPERM:0:0 put --allow-network q a
	run -2 --separate-stderr faulty pqueue fstatfs-nfs:EPERM:0:0 get -n q
	[[ $stderr == 'pqueue: q: '*network* ]]
	run -0 --separate-stderr faulty pqueue fstatfs-nfs:EPERM:0:0 get -n --allow-network q
	[ "$output" = a ]
}
