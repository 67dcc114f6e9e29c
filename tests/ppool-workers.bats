#!/usr/bin/env bats
# shellcheck disable=SC2016  # $1 in single quotes is for the job's own shell
# shellcheck disable=SC1003  # nor is a lone backslash a mistake
# shellcheck disable=SC2154  # run and the helpers set output, stderr, lines, death
load helpers

# workers N COMMAND...: with COMMAND exactly the slots 1 to N come into use while no job ends.
workers() {
	local wanted=$1 i
	shift
	rm -f slot.* go
	gate go
	start_with "$@" --sh ': >"slot.$PPOOL_SLOT"; read -r _ <go' ::: 1 2 3 4 5 6 7 8
	for ((i = 1; i <= wanted; ++i)); do await "slot.$i"; done
	open_gate go 8
	end_pool
	[ "$death" = "exit 0" ]
	is <(printf '%s\n' slot.*) < <(for ((i = 1; i <= wanted; ++i)); do echo "slot.$i"; done)
}

# The processors this process may use, as taskset names them.
some_processors() { # COUNT
	requires taskset nproc
	[ "$(nproc)" -ge "$1" ] || skip "fewer than $1 processors"
	awk '$1 == "Cpus_allowed_list:" { print $2 }' /proc/self/status | awk -v count="$1" -F, '{
		for (i = 1; i <= NF && count > 0; ++i) { n = split($i, range, "-")
			for (cpu = range[1] + 0; cpu <= range[n] + 0 && count > 0; ++cpu) { printf "%s%d", comma, cpu; comma = ","; --count } } }'
}

@test "-n N, -j N and -P N: N at a time" {
	workers 1 ppool -n 1
	workers 3 ppool -n 3
	workers 2 ppool -j 2
	workers 4 ppool -P 4
	workers 5 ppool --jobs 5
	workers 2 ppool -n2
}

@test "the default is one worker for each processor this process may use" {
	local cpu
	cpu=$(some_processors 1)
	workers 1 taskset -c "$cpu" ppool
	cpu=$(some_processors 2)
	workers 2 taskset -c "$cpu" ppool
}

@test "-n +K, -n -K and -n N% are of the processors this process may use, at least 1" {
	local one
	one=$(some_processors 1)
	workers 3 taskset -c "$one" ppool -n +2
	workers 1 taskset -c "$one" ppool -n -1
	workers 1 taskset -c "$one" ppool -n -9
	workers 1 taskset -c "$one" ppool -n 100%
	workers 1 taskset -c "$one" ppool -n 1%
	workers 3 taskset -c "$one" ppool -n 300%
}

@test "-n -1 and -n 50% of two processors are one" {
	local two
	two=$(some_processors 2)
	workers 1 taskset -c "$two" ppool -n -1
	workers 1 taskset -c "$two" ppool -n 50%
	workers 2 taskset -c "$two" ppool -n 100%
	workers 3 taskset -c "$two" ppool -n +1
}

@test "the last of several -n counts" {
	workers 2 ppool -n 4 -j 2
}

@test "SIGUSR1 adds a worker" {
	gate go
	start_pool -n 1 --sh ': >"started.$1"; read -r _ <go; echo "$PPOOL_SLOT"' ::: 1 2 3
	await started.1
	[ ! -e started.2 ]
	kill -USR1 "$pool_pid"
	await started.2
	[ ! -e started.3 ]
	kill -USR1 "$pool_pid"
	await started.3
	open_gate go 3
	end_pool
	[ "$death" = "exit 0" ]
	is <(sort out) <<<$'1\n2\n3'
}

@test "SIGUSR2 takes a worker away; what runs is let finish" {
	gate first go
	start_pool -n 2 --sh 'case $1 in
		1|2) : >"started.$1"; read -r _ <first ;;
		*) mkdir alone && read -r _ <go && rmdir alone ;;
		esac && echo "$1"' ::: 1 2 3 4 5 6
	await started.1 started.2
	kill -USR2 "$pool_pid"
	open_gate first 2
	open_gate go 4
	end_pool
	[ "$death" = "exit 0" ]
	is <(sort out) <<<$'1\n2\n3\n4\n5\n6'
	[ ! -s err ]
}

@test "SIGUSR2 down to 0 drains: no new jobs, the running ones finish, it exits by their results and says so" {
	gate go
	start_pool -n 2 --sh ': >"started.$1"; read -r _ <go; echo "$1"' ::: 1 2 3 4
	await started.1 started.2
	kill -USR2 "$pool_pid"
	retry_until 10 pid_consumed_signal "$pool_pid" 12
	kill -USR2 "$pool_pid"
	retry_until 10 pid_consumed_signal "$pool_pid" 12
	open_gate go 2
	end_pool
	[ "$death" = "exit 0" ]
	is <(sort out) <<<$'1\n2'
	is err <<<'ppool: drained by SIGUSR2; input was left'
}

@test "a drain whose running job fails exits 1" {
	gate go
	start_pool -n 1 --sh ': >"started.$1"; read -r _ <go; exit 5' ::: 1 2
	await started.1
	kill -USR2 "$pool_pid"
	retry_until 10 pid_consumed_signal "$pool_pid" 12
	open_gate go
	end_pool
	[ "$death" = "exit 1" ]
	[ ! -e started.2 ]
	has err 'ppool: drained by SIGUSR2; input was left'
	has err 'ppool: 1 of 1 jobs failed'
}

@test "a drain ends although stdin stays open and silent" {
	gate never
	start_pool -n 1 echo < <(slowly never a b)
	await_text out a
	kill -USR2 "$pool_pid"
	end_pool
	[ "$death" = "exit 0" ]
	is out <<<a
}
