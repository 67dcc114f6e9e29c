#!/usr/bin/env bats
# shellcheck disable=SC2016  # $1 in single quotes is for the command's own shell
# shellcheck disable=SC2154  # run and the helpers set output, stderr, lines, death
# Scripts that use plock and scripts that use flock(1) or setlock(8) can share a lock.
load helpers
load locks
load holders

requires_util_linux() {
	requires flock
	[[ $(flock --version 2>&1) == *util-linux* ]] || skip "no flock of util-linux here"
}

# under TOOL KIND MODE COMMAND [ARG...]: TOOL runs COMMAND under the lock, or gives up at once. KIND says how it gets
# at what it locks: file or directory by a path, file-fd or directory-fd by a descriptor.
under() {
	local tool=$1 kind=$2 mode=$3
	shift 3
	case $kind in
	*-fd)
		exec 9<"${kind%-fd}"
		"$tool" "-$mode" -n 9 && "$@" 9<&9
		;;
	*) "$tool" "-$mode" -n "./$kind" "$@" ;;
	esac
}

# matrix HOLDER OTHER: in every mode and by every way, OTHER is let in beside HOLDER only when both share.
matrix() {
	local mode other_mode kinds expected
	: >file
	mkdir directory
	for kinds in 'file file' 'file-fd file' 'file file-fd' 'file-fd file-fd' 'directory directory' 'directory-fd directory' 'directory directory-fd'; do
		for mode in s x; do
			hold_by held under "$1" "${kinds% *}" "$mode"
			for other_mode in s x; do
				expected=1
				[ "$mode$other_mode" != ss ] || expected=0
				run "-$expected" under "$2" "${kinds#* }" "$other_mode" echo in
				[ "$expected" -eq 1 ] || [ "$output" = in ]
			done
			let_go held
			run -0 under "$2" "${kinds#* }" x echo in
		done
	done
}

@test "plock holds, flock is kept out: files, directories, descriptors, shared and exclusive" {
	requires_util_linux
	matrix plock flock
}

@test "flock holds, plock is kept out: files, directories, descriptors, shared and exclusive" {
	requires_util_linux
	matrix flock plock
}

@test "plock waits for flock and flock for plock, and each enters when the other lets go" {
	requires_util_linux
	local tools
	for tools in 'plock flock' 'flock plock' 'plock plock'; do
		hold_by held "${tools% *}" ./file
		start waiter "${tools#* }" -w 20 ./file echo entered
		await_waiters file 1
		[ ! -s waiter.out ]
		let_go held
		ended waiter
		[ "$death" = "exit 0" ]
		is waiter.out <<<entered
	done
}

@test "an exclusive one waits for the shared ones of both tools" {
	requires_util_linux
	local waiter
	for waiter in plock flock; do
		hold_by one plock -s ./file
		hold_by two flock -s ./file
		start waiter "$waiter" ./file echo entered
		await_waiters file 1
		let_go one
		await_waiters file 1
		[ ! -s waiter.out ]
		let_go two
		ended waiter
		is waiter.out <<<entered
	done
}

@test "what one of them locked on a descriptor the other unlocks and converts" {
	requires_util_linux
	exec 8>file
	run -0 plock 8
	run -0 flock -u 8
	run -0 plock -n ./file true
	run -0 flock 8
	run -0 plock -s 8
	run -0 flock -s -n ./file true
	run -1 flock -x -n ./file true
	run -0 plock -u 8
	run -0 flock -n ./file true
}

@test "--hold command excludes flock while COMMAND runs, and no longer" {
	requires_util_linux
	plock -o ./file zoo double-fork stray >/dev/null 2>&1 3>&- 4>&-
	run -0 flock -n ./file true
	kill "$(cat stray)"
	hold_by held plock -o ./file
	run -1 flock -n ./file true
	let_go held
	run -0 flock -n ./file true
}

@test "flock -o is seen as held too" {
	requires_util_linux
	hold_by held flock -o ./file
	run -1 plock -n ./file true
	let_go held
	run -0 plock -n ./file true
}

@test "a NAME is a file that flock can lock, NAME.lock of the runtime directory" {
	requires_util_linux
	hold_by held plock name
	run -1 flock -n names/name.lock true
	let_go held
	hold_by held flock names/name.lock
	run -1 plock -n name true
}

@test "plock's flock and util-linux's exclude each other" {
	requires_util_linux
	mkdir bin
	ln -s "$IPCUTILS_BUILD/bin/plock" bin/flock
	hold_by held bin/flock file
	run -1 flock -n file true
	let_go held
	hold_by held flock file
	run -1 bin/flock -n file true
}

@test "plock and setlock keep each other out, and wait for each other" {
	requires setlock
	: >file
	hold_by held plock ./file
	run -111 setlock -n ./file touch ran
	start waiter setlock ./file echo entered
	await_waiters file 1
	let_go held
	ended waiter
	is waiter.out <<<entered
	hold_by held setlock ./file
	run -1 plock -n ./file touch ran
	run -1 plock -s -n ./file touch ran
	start waiter plock ./file echo entered
	await_waiters file 1
	let_go held
	ended waiter
	is waiter.out <<<entered
	[ ! -e ran ]
}

@test "a counter in a file, incremented under plock, flock, setlock and descriptors at once: exact" {
	requires_util_linux
	local -a lockers=('plock ./file' 'flock ./file' 'plock -o ./file') pids=()
	local i
	command -v setlock >/dev/null && lockers+=('setlock ./file')
	# By a descriptor, with whatever holds it: sh, after plock or flock have gone.
	lockers+=('by_descriptor plock' 'by_descriptor flock')
	echo 0 >count
	for i in {1..12}; do
		# shellcheck disable=SC2086  # words
		increments 15 ${lockers[i % ${#lockers[@]}]} 3>&- 4>&- &
		pids+=($!)
	done
	wait "${pids[@]}"
	is count <<<180
}

increments() {
	local i count=$1
	shift
	for ((i = 0; i < count; ++i)); do
		"$@" sh -c 'read -r n <count; echo $((n + 1)) >count' || echo "$*: $?" >>faults
	done
}

by_descriptor() {
	local tool=$1
	shift
	(exec 9>>file && "$tool" 9 && "$@")
}
