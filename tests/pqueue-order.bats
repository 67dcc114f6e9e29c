#!/usr/bin/env bats
# shellcheck disable=SC2154  # run and the helpers set output, stderr, lines, death, pid, took
load helpers
load queues

@test "first in, first out, within one put, from many and across segments" {
	pqueue put q 1 2
	pqueue put q 3
	seq 4 1000 | pqueue put q
	pqueue get --all q | cmp - <(seq 1000)
}

@test "FIFO with getters between" {
	pqueue put q 1 2
	[ "$(pqueue get -n q)" = 1 ]
	pqueue put q 3
	[ "$(pqueue get -n q)" = 2 ]
	pqueue put q 4
	holds q <<<$'3\n4'
}

@test "-p: the higher first, FIFO inside; 0 is the default" {
	pqueue put q zero
	pqueue put -p 1 q one
	pqueue put --priority 9 q nine
	pqueue put -p 0 q 'zero again'
	pqueue put -p 9 q 'nine again'
	holds q <<-'END'
		nine
		nine again
		one
		zero
		zero again
	END
}

@test "-p: all ten, put in any order" {
	local p
	for p in 3 1 4 5 9 2 6 8 7 0; do pqueue put -p "$p" q "$p a" "$p b"; done
	for p in 9 8 7 6 5 4 3 2 1 0; do printf '%s\n' "$p a" "$p b"; done >wanted
	pqueue get --all q | cmp - wanted
}

@test "-p: a higher one that comes later overtakes what waits, one get at a time" {
	pqueue put q a b
	[ "$(pqueue get -n q)" = a ]
	pqueue put -p 5 q urgent
	[ "$(pqueue get -n q)" = urgent ]
	[ "$(pqueue get -n q)" = b ]
}

@test "-p holds for every line of stdin" {
	pqueue put q low
	seq 3 | pqueue put -p 2 q
	holds q <<<$'1\n2\n3\nlow'
}

@test "create --lifo: the newest first" {
	pqueue create --lifo q
	pqueue put q 1 2 3
	pqueue put q 4
	[ "$(pqueue get -n q)" = 4 ]
	pqueue put q 5
	holds q <<<$'5\n3\n2\n1'
}

@test "--lifo: the newest first inside a priority, the higher priority before" {
	pqueue create --lifo q
	pqueue put q a1 a2
	pqueue put -p 3 q b1 b2
	pqueue put q a3
	pqueue put -p 3 q b3
	holds q <<<$'b3\nb2\nb1\na3\na2\na1'
}

@test "--lifo: thousands from stdin come out in reverse" {
	pqueue create --lifo q
	seq 5000 | pqueue put q
	pqueue get --all q | cmp - <(seq 5000 -1 1)
}

@test "--delay TIME: not before it is due; size counts it" {
	pqueue put --delay 0.3 q late
	[ "$(pqueue size q)" -eq 1 ]
	quiet 1 get -n q
	quiet 1 get --all q
	milliseconds run -0 timeout 10 pqueue get q
	[ "$output" = late ]
	((took >= 150))
}

@test "--delay: a waiting get has it when it is due, and not much later" {
	waiting g get q
	milliseconds pqueue put --delay 0.2 q late
	still g
	milliseconds ends g 'exit 0'
	((took < 1500))
	is g.out <<<late
}

@test "--delay: those that wait overtake it; when it is due it is as any other" {
	pqueue put --delay 0.2 q late
	pqueue put q now
	[ "$(pqueue get -n q)" = now ]
	[ "$(timeout 10 pqueue get q)" = late ]
}

@test "--delay: the earlier due comes first, whatever the order of the puts" {
	pqueue put --delay 0.4 q third
	pqueue put --delay 0.1 q first
	pqueue put --delay 0.25 q second
	pqueue close q
	timeout 10 pqueue get -f q >out
	is out <<<$'first\nsecond\nthird'
}

@test "--delay: many that are due together come by priority, then in the order of the puts" {
	pqueue put --delay 0.1 q a b
	pqueue put --delay 0.1 -p 4 q c d
	pqueue put --delay 50ms -p 2 q e
	# This lets time pass; nothing is awaited.
	sleep 0.2
	holds q <<<$'c\nd\ne\na\nb'
}

@test "--delay 0 is none" {
	pqueue put --delay 0 q a
	[ "$(pqueue get -n q)" = a ]
}

@test "--delay: a get -t that ends before it is due: 124, and the message stays" {
	pqueue put --delay 1h q late
	quiet 124 get -t 0.1 q
	[ "$(pqueue size q)" -eq 1 ]
	[ "$(stat_of q '[.queued, .delayed]')" = '[0,1]' ]
}

@test "--delay with a getter that waits already for a later one: the earlier still wakes it" {
	pqueue put --delay 1h q later
	waiting g get q
	pqueue put --delay 0.1 q sooner
	ends g 'exit 0'
	is g.out <<<sooner
}

@test "--delay outlives the putter and any getter: nobody needs to be there when it is due" {
	pqueue put --delay 0.1 q late
	sleep 0.2
	[ "$(pqueue get -n q)" = late ]
}

@test "--delay: one put with many lines delays each" {
	seq 100 | pqueue put --delay 0.2 q
	pqueue close q
	timeout 10 pqueue get -f q | cmp - <(seq 100)
}

@test "a message that comes back is at the front of its priority" {
	local lease
	pqueue put q a b
	pqueue put -p 1 q c
	[ "$(pqueue get -n q)" = c ]
	lease=$(pqueue get --lease 1h q | cut -f 1)
	pqueue put -p 1 q d
	pqueue requeue q "$lease"
	holds q <<<$'d\na\nb'
}

@test "priorities, puts, gets and returns mixed at random agree with a model" {
	requires perl
	perl -e '
		srand 42;
		my @model = map { [] } 0..9;
		my $n = 0;
		for (1..60) {
			if (rand() < 0.6) {
				my $p = int rand 10;
				my @m = map { "m" . $n++ } 1..1 + int rand 3;
				push @{$model[$p]}, @m;
				print "put $p @m\n";
			} else {
				my ($first) = grep { @{$model[$_]} } reverse 0..9;
				print "get ", defined $first ? shift @{$model[$first]} : "-", "\n";
			}
		}
		print "get $_\n" for map { @{$model[$_]} } reverse 0..9;
	' >script
	pqueue create --no-sync q
	local verb words got
	while read -r verb words; do
		if [ "$verb" = put ]; then
			# shellcheck disable=SC2086  # its words
			set -- $words
			pqueue put -p "$1" q "${@:2}"
		else
			got=$(pqueue get -n q) || got=-
			[ "$got" = "$words" ] || {
				echo "got $got, not $words"
				return 1
			}
		fi
	done <script
	[ "$(pqueue size q)" -eq 0 ]
}

@test "a time beyond all times is one that does not come" {
	local id
	pqueue put --delay 100000d q later
	run -1 pqueue get -n q
	pqueue purge q
	pqueue put q a
	pqueue get --lease 100000d q >lease
	run -1 pqueue get -n q
	pqueue 'done' q "$(cut -f 1 lease)"
	id=$(pqueue put --reply --keep 100000d q b)
	pqueue get q -- echo
	run -0 pqueue result -n q "$id"
	[ "$output" = b ]
}
