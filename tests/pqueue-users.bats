#!/usr/bin/env bats
# shellcheck disable=SC2016  # $1 in single quotes is for an inner shell
# shellcheck disable=SC2154  # run and the helpers set output, stderr, lines, death, pid
# Two users, and what --mode allows. The second is nobody.
load helpers
load queues

# A directory for all, as /tmp is; nobody's own state and runtime directories.
as_other() {
	as_nobody env IPCUTILS_DIR="$PWD/other" IPCUTILS_STATE_DIR="$PWD/other" "$@"
}

make_places() {
	requires_nobody_pqueue
	mkdir -m 1777 shared
	mkdir -m 0700 other
	chown 65534:65534 other
}

# denied [ARG...]: nobody's pqueue with these arguments is refused.
denied() {
	run -2 --separate-stderr as_other timeout 10 pqueue "$@" || {
		echo "pqueue $*: $status; $output; $stderr"
		return 1
	}
	[[ $stderr == 'pqueue: '*'ermi'* ]] || {
		echo "pqueue $*: $stderr"
		return 1
	}
	[ -z "$output" ]
}

@test "without --mode another user can neither read nor write nor take, nor even look" {
	local verb
	make_places
	pqueue put shared/q secret
	denied put shared/q x
	denied get -n shared/q
	denied get -n shared/q -- echo
	for verb in size stat peek purge close verify join rm; do denied "$verb" shared/q; done
	denied rm --force shared/q
	[ "$(pqueue size shared/q)" -eq 1 ]
	as_nobody sh -c '! cat shared/q/* 2>/dev/null | grep -q secret'
}

@test "without --mode another user cannot block it: there is nothing of it that can be locked" {
	local file
	make_places
	pqueue put shared/q a
	for file in shared/q shared/q/*; do
		as_nobody timeout 5 sh -c '! true <"$1"' sh "$file" 2>/dev/null
	done
	[ "$(timeout 10 pqueue get -n shared/q)" = a ]
}

@test "a umask of 0 opens nothing: 0700 and 0600 unless --mode says otherwise" {
	make_places
	(umask 000 && pqueue put shared/q a)
	denied get -n shared/q
	[ -z "$(find shared/q -perm /077)" ]
}

@test "--mode 0666: another user can put and take, in both directions" {
	make_places
	pqueue create --mode 0666 shared/q
	as_other pqueue put shared/q from-nobody
	[ "$(pqueue get -n shared/q)" = from-nobody ]
	pqueue put shared/q from-root
	run -0 as_other pqueue get -n shared/q
	[ "$output" = from-root ]
}

@test "--mode holds whatever the umask says" {
	make_places
	(umask 077 && pqueue create --mode 0666 shared/q)
	as_other pqueue put shared/q a
	[ "$(pqueue get -n shared/q)" = a ]
}

@test "--mode 0666: files that either makes later can be used by the other too" {
	make_places
	pqueue create --no-sync --mode 0666 shared/q
	head -c 20000000 /dev/zero | tr '\0' x | fold -w 99999 >lines
	echo >>lines
	(umask 077 && pqueue put shared/q <lines)
	as_nobody sh -c 'umask 077; exec "$@"' sh env IPCUTILS_DIR="$PWD/other" IPCUTILS_STATE_DIR="$PWD/other" \
		pqueue get --all shared/q >out
	cmp out lines
	(
		umask 077
		as_other pqueue put shared/q <lines
	)
	pqueue get --all shared/q >out
	cmp out lines
	run -0 pqueue verify shared/q
}

@test "--mode 0666: each wakes the other" {
	make_places
	pqueue create --mode 0666 shared/q
	waiting g get shared/q
	as_other pqueue put shared/q a
	ends g 'exit 0'
	is g.out <<<a
	as_other true
	start n setpriv --reuid 65534 --regid 65534 --clear-groups env IPCUTILS_DIR="$PWD/other" IPCUTILS_STATE_DIR="$PWD/other" \
		pqueue get shared/q
	await_waiting "$pid"
	pqueue put shared/q b
	ends n 'exit 0'
	is n.out <<<b
}

@test "--mode 0666: a message that the other held when it was killed comes back" {
	make_places
	pqueue create --mode 0666 shared/q
	pqueue put shared/q a
	start n setpriv --reuid 65534 --regid 65534 --clear-groups env IPCUTILS_DIR="$PWD/other" IPCUTILS_STATE_DIR="$PWD/other" \
		pqueue get shared/q -- zoo wait worker
	await worker
	quiet 1 get -n shared/q
	end n
	[ "$(timeout 10 pqueue get shared/q)" = a ]
	wait_pids_gone 5 "$(cat worker)"
}

@test "--mode that lets a class read but not write, or write but not read: 2, told, nothing made" {
	local mode
	make_places
	for mode in 0640 0644 0604 0620 0400 0000 0060; do
		run -2 --separate-stderr pqueue create --mode "$mode" shared/q
		[[ $stderr == 'pqueue: shared/q: --mode: '* ]]
		[ ! -e shared/q ]
	done
}

@test "--mode 0600 and 0660 keep others out as the default does" {
	local mode
	make_places
	for mode in 0600 0660; do
		pqueue create --mode "$mode" "shared/q$mode"
		denied put "shared/q$mode" x
		denied get -n "shared/q$mode"
	done
}

@test "a state directory of another is refused: 2, nothing made" {
	make_places
	run -2 --separate-stderr as_nobody env IPCUTILS_DIR="$IPCUTILS_DIR" IPCUTILS_STATE_DIR="$IPCUTILS_STATE_DIR" pqueue put q a
	[[ $stderr == 'pqueue: '* ]]
	run -2 --separate-stderr env IPCUTILS_STATE_DIR="$PWD/other" pqueue put q a
	[[ $stderr == "pqueue: $PWD/other"* ]]
	[ -z "$(ls -A other)" ]
	no_names
}

@test "a link that another has laid in a directory for all is not followed: 2, nothing behind it is touched" {
	make_places
	pqueue put ./mine a
	ln -s "$PWD/mine" shared/link
	chown -h 65534 shared/link
	run -2 --separate-stderr pqueue put shared/link b
	[[ $stderr == 'pqueue: shared/link: '* ]]
	run -2 pqueue get -n shared/link
	run -2 pqueue rm --force shared/link
	[ "$(pqueue get -n ./mine)" = a ]
	ln -s "$PWD/new" shared/dangling
	chown -h 65534 shared/dangling
	run -2 pqueue put shared/dangling b
	[ ! -e new ]
}

# planted VICTIM NAME: a copy of shared/q in which NAME is a link of nobody's to VICTIM, which must stay as it is
# whatever is done to that queue.
planted() {
	local before verb
	before=$(cksum <"$1")
	rm -rf shared/planted
	cp -a shared/q shared/planted
	rm "shared/planted/$2"
	ln -s "$1" "shared/planted/$2"
	chown -h 65534 "shared/planted/$2"
	for verb in 'put' 'get -n' verify 'rm --force'; do
		# shellcheck disable=SC2086,SC2046  # words
		timeout 10 pqueue $verb shared/planted $([ "$verb" != put ] || echo b) >said 2>&1 || true
		[ "$(cksum <"$1")" = "$before" ] || {
			echo "$verb has written through $2: $(cat said)"
			return 1
		}
	done
}

@test "a symbolic link planted in its directory is refused: its target stays as it was" {
	local file name
	make_places
	seq 100000 >victim
	chmod 666 victim
	pqueue create --mode 0666 shared/q
	pqueue put shared/q a b c
	for file in shared/q/*; do
		[ -f "$file" ] || continue
		name=${file##*/}
		planted "$PWD/victim" "$name"
		# And one that could be taken for the file itself.
		cp "$file" "like-$name"
		planted "$PWD/like-$name" "$name"
	done
}

@test "a symbolic link planted in its directory is refused: 2, told, in place of each file that it must have" {
	local name
	make_places
	pqueue create --mode 0666 shared/q
	pqueue put shared/q a b c
	for name in control runs segments seg-1; do
		rm -rf shared/planted moved
		cp -a shared/q shared/planted
		mv "shared/planted/$name" moved
		ln -s "$PWD/moved" "shared/planted/$name"
		run --separate-stderr timeout 10 pqueue put shared/planted d
		[ "$status" -eq 2 ] || {
			echo "$name: $status, $stderr"
			return 1
		}
		[[ $stderr == 'pqueue: '* ]]
	done
}

@test "a FIFO planted in place of a file does not hang it" {
	local file
	make_places
	pqueue create --mode 0666 shared/q
	pqueue put shared/q a
	for file in shared/q/*; do
		[ -f "$file" ] || continue
		cp -a shared/q shared/planted
		rm "shared/planted/${file##*/}"
		mkfifo -m 666 "shared/planted/${file##*/}"
		run timeout 5 pqueue put shared/planted b
		[ "$status" -ne 124 ] || {
			echo "hangs: ${file##*/}"
			return 1
		}
		rm -rf shared/planted
	done
}

@test "a queue that another user owns can be taken from by root, and stays the other's" {
	make_places
	as_other pqueue put q a
	[ "$(stat -c %u other/q.queue)" -eq 65534 ]
	[ "$(pqueue get -n ./other/q.queue)" = a ]
	pqueue put ./other/q.queue b
	run -0 as_other pqueue get -n q
	[ "$output" = b ]
	as_other pqueue verify q
}

@test "kernel kind: another user can neither put nor get without --mode, and can with it" {
	make_places
	pqueue create --kernel shared/k.mq
	pqueue put shared/k.mq a
	denied put shared/k.mq b
	denied get -n shared/k.mq
	[ "$(pqueue get -n shared/k.mq)" = a ]
	pqueue rm shared/k.mq
	pqueue create --kernel --mode 0666 shared/m.mq
	as_other pqueue put shared/m.mq b
	[ "$(pqueue get -n shared/m.mq)" = b ]
	pqueue put shared/m.mq c
	run -0 as_other pqueue get -n shared/m.mq
	[ "$output" = c ]
	pqueue rm shared/m.mq
}
