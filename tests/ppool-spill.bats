#!/usr/bin/env bats
# shellcheck disable=SC2016  # $1 in single quotes is for the job's own shell
# shellcheck disable=SC1003  # nor is a lone backslash a mistake
# shellcheck disable=SC2154  # run and the helpers set output, stderr, lines, death
load helpers

# The nameless files that a process has open below a directory.
nameless_files() { # PID DIR
	local fd target
	for fd in "/proc/$1/fd/"*; do
		target=$(readlink "$fd") || continue
		case $target in "$2"/*' (deleted)') echo "$target" ;; esac
	done
}

has_nameless_file() { [ -n "$(nameless_files "$@")" ]; }

@test "-k: what waits past --buffer goes to a file without a name in --tmpdir" {
	mkdir spill
	gate go
	start_pool -n 2 -k --buffer 64K --tmpdir spill --sh 'if [ "$1" = 1 ]; then read -r _ <go; else seq "$1" 100000; fi' ::: 1 2 3
	retry_until 10 has_nameless_file "$pool_pid" "$PWD/spill"
	[ -z "$(ls -A spill)" ]
	open_gate go
	end_pool
	[ "$death" = "exit 0" ]
	cmp out <(seq 2 100000; seq 3 100000)
	[ -z "$(ls -A spill)" ]
}

@test "grouped output past --buffer goes there too, both streams exact" {
	mkdir spill
	gate go
	start_pool -n 2 --buffer 64K --tmpdir spill --sh 'zoo flood "$1" 2000000; : >"wrote.$1"; read -r _ <go' ::: a b
	await wrote.a wrote.b
	retry_until 10 has_nameless_file "$pool_pid" "$PWD/spill"
	[ -z "$(ls -A spill)" ]
	open_gate go 2
	end_pool
	[ "$death" = "exit 0" ]
	[ "$(tr -s AB <out | wc -c)" -eq 2 ]
	[ "$(tr -s ab <err | wc -c)" -eq 2 ]
	[ "$(wc -c <out)" -eq 4000000 ]
	[ "$(wc -c <err)" -eq 4000000 ]
}

@test "-l past --buffer: a long unfinished line is bounded too, and exact" {
	requires_plain_build
	mkdir spill
	gate go
	start_pool -n 1 -l --buffer 64K --tmpdir spill --sh 'head -c 30000000 /dev/zero | tr "\0" x; : >wrote; read -r _ <go; echo' ::: a
	await wrote
	[ "$(rss_kib "$pool_pid")" -le 10240 ]
	open_gate go
	end_pool
	[ "$death" = "exit 0" ]
	[ "$(wc -c <out)" -eq 30000001 ]
	[ "$(tr -s x <out)" = x ]
}

@test "SIGKILL of ppool leaves nothing in --tmpdir" {
	mkdir spill
	start_pool -n 2 -k --buffer 4K --tmpdir spill --sh 'if [ "$1" = 1 ]; then sleep 1000; else seq 100000; fi' ::: 1 2 3
	retry_until 10 has_nameless_file "$pool_pid" "$PWD/spill"
	kill -KILL "$pool_pid"
	end_pool
	[ "$death" = "signal 9" ]
	[ -z "$(ls -A spill)" ]
}

@test "a backlog of 60 MB with --buffer 1M takes no more memory than that" {
	requires_plain_build
	mkdir spill
	gate go
	start_pool -n 2 -k --buffer 1M --tmpdir spill \
		--sh 'if [ "$1" = 1 ]; then read -r _ <go; else head -c 10000000 /dev/zero | tr "\0" "$1"; : >"done.$1"; fi' ::: 1 2 3 4 5 6 7
	await done.7
	retry_until 10 has_nameless_file "$pool_pid" "$PWD/spill"
	echo "peak $(rss_kib "$pool_pid") KiB"
	[ "$(rss_kib "$pool_pid")" -le $((1024 + 5120)) ]
	open_gate go
	end_pool
	[ "$death" = "exit 0" ]
	[ "$(tr -s 0-9 <out)" = 234567 ]
	[ "$(wc -c <out)" -eq 60000000 ]
	[ -z "$(ls -A spill)" ]
}

@test "the file shrinks or is let go once it is read: a long -k run does not fill the disk" {
	mkdir spill
	gate go last
	start_pool -n 2 -k --buffer 64K --tmpdir spill \
		--sh 'case $1 in 1) read -r _ <go ;; 9) read -r _ <last ;; *) head -c 3000000 /dev/zero ;; esac; : >"done.$1"' ::: 1 2 3 4 5 6 7 8 9
	await done.8
	open_gate go
	retry_until 10 size_is out 21000000
	retry_until 10 spilled_at_most 1000000
	open_gate last
	end_pool
	[ "$death" = "exit 0" ]
}

size_is() { [ "$(stat -c %s "$1")" -eq "$2" ]; }

# How much disk the nameless files of ppool take, in all.
spilled_at_most() {
	local fd total=0 blocks
	for fd in "/proc/$pool_pid/fd/"*; do
		case $(readlink "$fd") in "$PWD/spill"/*) ;; *) continue ;; esac
		blocks=$(stat -L -c %b "$fd") || continue
		total=$((total + blocks * 512))
	done
	[ "$total" -le "$1" ]
}

@test "--buffer 0 keeps nothing in memory, and works" {
	run -0 ppool -n 2 -k --buffer 0 --sh 'echo "$1"; echo "$1" >&2' ::: a b c
	[ "${#lines[@]}" -eq 6 ]
}

@test "--tmpdir that is missing, no directory, or not writable: 2, named, nothing started" {
	: >file
	usage_error missing ppool --tmpdir missing touch ::: ran
	usage_error file ppool --tmpdir file touch ::: ran
	[ ! -e ran ]
}

@test "--tmpdir that may not be written to: 2, named, nothing started" {
	requires_nobody
	mkdir locked
	chmod 555 locked
	usage_error locked as_nobody ppool --tmpdir locked touch ::: ran
	[ ! -e ran ]
}
