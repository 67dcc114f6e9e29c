#!/usr/bin/env bats
# shellcheck disable=SC2016  # $1 in single quotes is for COMMAND's own shell
# shellcheck disable=SC2154  # run and the helpers set output, stderr, lines, death, pid, took
# shellcheck disable=SC1010  # done is a verb
load helpers
load queues

# lend ARG...: what get --lease prints, in lease and message.
lend() {
	pqueue get "$@" >lent || return
	IFS=$'\t' read -r lease message <lent
}

@test "get --lease prints LEASE, a tab, the message, and takes it out of the queue" {
	pqueue put q 'a b' c
	lend --lease 60 q
	[ "$message" = 'a b' ]
	[[ $lease =~ ^[^[:space:]]+$ ]]
	[ "$(wc -l <lent)" -eq 1 ]
	has_size q 1
	[ "$(stat_of q '[.leased, .gets]')" = '[1,0]' ]
	pqueue get q >out
	is out <<<c
	quiet 1 get -n q
}

@test "done settles it" {
	pqueue put q a
	lend --lease 60 q
	quiet 0 done q "$lease"
	[ "$(stat_of q '[.queued, .leased, .gets]')" = '[0,0,1]' ]
}

@test "requeue gives it back at once, to the front" {
	pqueue put q a b
	lend --lease 60 q
	quiet 0 requeue q "$lease"
	has_size q 2
	holds q <<<$'a\nb'
}

@test "requeue wakes a getter that waits" {
	pqueue put q a
	lend --lease 60 q
	waiting g get q
	pqueue requeue q "$lease"
	ends g 'exit 0'
	is g.out <<<a
}

@test "a second done of one LEASE is an error, and so is any end of one that has ended" {
	pqueue put q a b
	lend --lease 60 q
	pqueue done q "$lease"
	refused 'no such lease' done q "$lease"
	refused 'no such lease' requeue q "$lease"
	lend --lease 60 q
	pqueue requeue q "$lease"
	refused 'no such lease' requeue q "$lease"
	refused 'no such lease' done q "$lease"
	has_size q 1
}

@test "a LEASE is of one time: that of an earlier one does not end a later one" {
	local first
	pqueue put q a
	lend --lease 60 q
	first=$lease
	pqueue requeue q "$first"
	lend --lease 60 q
	[ "$lease" != "$first" ]
	refused 'no such lease' done q "$first"
	[ "$(stat_of q .leased)" = 1 ]
	pqueue done q "$lease"
}

@test "what is no LEASE is refused" {
	pqueue put q a
	lend --lease 60 q
	refused '' done q nonsense
	refused '' done q ''
	refused '' done q "$lease-1"
	refused '' done q 0-0
	refused 'no such queue' done r "$lease"
	[ "$(stat_of q .leased)" = 1 ]
}

@test "after TIME it goes back by itself, to whoever waits, and its LEASE is void" {
	pqueue put q a
	lend --lease 0.3 q
	waiting g get q
	still g
	milliseconds ends g 'exit 0'
	[ "$took" -lt 2000 ]
	is g.out <<<a
	refused 'no such lease' done q "$lease"
}

@test "after TIME it goes back also when nobody waits, and to its old place" {
	pqueue put q a b
	lend --lease 0.1 q
	retry_until 5 has_front q a
	holds q <<<$'a\nb'
}
has_front() { [ "$(pqueue peek "$1")" = "$2" ]; }

@test "an expired lease was a try" {
	pqueue put q a
	lend --lease 0.05 q
	pqueue get -t 5 q -- sh -c 'echo "$PQUEUE_ATTEMPT"' >out
	is out <<<2
}

@test "requeue: the try did not count" {
	pqueue put q a
	lend --lease 60 q
	pqueue requeue q "$lease"
	pqueue get q -- sh -c 'echo "$PQUEUE_ATTEMPT"' >out
	is out <<<1
}

@test "no process holds it: neither the end of get nor a kill gives it back" {
	pqueue put q a
	start g pqueue get --lease 60 q
	ends g 'exit 0'
	waiting w get -t 0.3 q
	ends w 'exit 124'
	[ "$(stat_of q .leased)" = 1 ]
}

@test "get --lease waits, and -n does not" {
	pqueue create q
	quiet 1 get -n --lease 60 q
	waiting g get --lease 60 q
	pqueue put q a
	ends g 'exit 0'
	[[ $(cat g.out) == *$'\ta' ]]
}

@test "join and -f wait for what is lent" {
	pqueue put q a
	lend --lease 60 q
	pqueue close q
	quiet 1 join -n q
	waiting j join q
	waiting f get -f q
	pqueue done q "$lease"
	ends j 'exit 0'
	ends f 'exit 3'
}

@test "rm is refused while something is lent, unless --force" {
	pqueue put q a
	lend --lease 60 q
	run ! pqueue rm q
	[ -d "$(queue_dir q)" ]
	pqueue rm --force q
	[ ! -e "$(queue_dir q)" ]
}

@test "stat shows a lease that no process holds" {
	pqueue put q a
	lend --lease 60 q
	[ "$(stat_of q '.holders | length')" = 1 ]
}

@test "--len: LEASE, a tab and the message are framed together; any bytes" {
	printf '3\na\0\n' | pqueue put --len q
	pqueue get --lease 60 --len q >out
	lease=$(tail -n +2 out | cut -f 1 | head -n 1)
	is out < <(printf '%s\n%s\ta\0\n' "$((${#lease} + 4))" "$lease")
	pqueue done q "$lease"
}

@test "COMMAND can settle its own message by PQUEUE_LEASE, and then its status does not matter" {
	pqueue put q a
	run pqueue get q -- sh -c 'pqueue done "$PQUEUE_NAME" "$PQUEUE_LEASE"; exit 1'
	[ "$(stat_of q '[.queued, .delayed, .leased, .gets]')" = '[0,0,0,1]' ]
}

@test "many scripts, each with its lease, settle each message once" {
	seq 40 | pqueue put q
	pqueue close q
	worker() {
		local lease message
		while pqueue get --lease 60 q >"lent.$1"; do
			IFS=$'\t' read -r lease message <"lent.$1"
			echo "$message" >>"got.$1"
			pqueue done q "$lease"
		done
	}
	worker 1 3>&- 4>&- &
	first=$!
	worker 2 3>&- 4>&- &
	wait "$first" "$!" || true
	is <(sort -n got.*) < <(seq 40)
}
