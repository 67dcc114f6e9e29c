#!/usr/bin/env bats
# shellcheck disable=SC2016  # $1 in single quotes is for the job's own shell
# shellcheck disable=SC1003  # nor is a lone backslash a mistake
# shellcheck disable=SC2154  # run and the helpers set output, stderr, lines, death
load helpers

@test "--results DIR: stdout, stderr, args and status of each job, besides the usual output" {
	run -1 --separate-stderr ppool -n 2 -k --results res/deep \
		--sh 'echo "out $1"; echo "err $1" >&2; [ "$1" != "b c" ] || exit 7' ::: a 'b c'
	[ "$output" = $'out a\nout b c' ]
	[ "${stderr_lines[0]}" = 'err a' ]
	[ "${stderr_lines[1]}" = 'err b c' ]
	[ "$(ls res/deep)" = $'1\n2' ]
	[ "$(ls res/deep/2)" = $'args\nstatus\nstderr\nstdout' ]
	is res/deep/1/stdout <<<'out a'
	is res/deep/1/stderr <<<'err a'
	is res/deep/1/status <<<0
	is res/deep/2/stdout <<<'out b c'
	is res/deep/2/stderr <<<'err b c'
	is res/deep/2/status <<<7
}

@test "--results: args is the command line, shell-quoted" {
	ppool -n 1 -0 --results res zoo args < <(printf '%s\0' "a'b" $'x\ny' '' '$HOME') >expected
	for job in 1 2 3 4; do eval "$(cat res/$job/args)"; done >again
	cmp expected again
}

@test "--results: the status of a job that a signal ended is 128+N" {
	run -1 ppool --results res zoo die ::: 9
	is res/1/status <<<137
	[ -e res/1/stdout ]
	[ ! -s res/1/stdout ]
}

@test "--results: the streams are apart even under 2>&1, in every mode, whole even when large" {
	local mode
	for mode in --no-run-if-empty -k -l --tag; do
		ppool -n 2 "$mode" --buffer 64K --results "res$mode" --sh 'zoo flood "$1" 1000000' ::: a b >both 2>&1
		[ "$(tr -s ABab <"res$mode/2/stdout")" = B ]
		[ "$(wc -c <"res$mode/2/stdout")" -eq 1000000 ]
		[ "$(tr -s ABab <"res$mode/2/stderr")" = b ]
		[ "$(wc -c <"res$mode/2/stderr")" -eq 1000000 ]
		[ "$(tr -cd ABab <both | wc -c)" -ge 4000000 ]
	done
}

@test "--results under 2>&1: a last line without newline and the tag stay out of the files" {
	ppool -n 1 -l --tag --results res zoo no-newline ::: a b >out
	is out <<<$'a\ta\nb\tb'
	is <(cat res/1/stdout; echo) <<<a
}

@test "--results: a job that could not run has its status too" {
	run -1 ppool -n 1 --results res '{}' ::: ./missing true
	is res/1/status <<<127
	is res/2/status <<<0
}

@test "--results with --retries: the last try's" {
	run -0 --separate-stderr ppool --retries 2 --results res --sh 'echo x >>tries; wc -l <tries; [ "$(wc -l <tries)" -eq 3 ]' ::: a
	[ "$output" = 3 ]
	is res/1/stdout <<<3
	is res/1/status <<<0
}

@test "--results: status appears when the others are complete" {
	gate go
	start_pool -n 1 --results res --sh 'echo early; : >started; read -r _ <go' ::: a
	await started
	[ ! -e res/1/status ]
	open_gate go
	end_pool
	is res/1/status <<<0
	is res/1/stdout <<<early
}

@test "--results that cannot be made: 2, named, nothing started" {
	: >file
	usage_error file/res ppool --results file/res touch ::: ran
	usage_error file ppool --results file touch ::: ran
	[ ! -e ran ]
}

@test "--joblog: a line of twelve columns for each finished job" {
	local before after
	before=$EPOCHREALTIME
	run -1 ppool -n 1 --joblog log --sh 'printf 12345; exit "$1"' ::: 0 3
	after=$EPOCHREALTIME
	[ "$(wc -l <log)" -eq 2 ]
	[ "$(grep -cP '^\d+\t\d+\t\d+\.\d{3}\t\d+\.\d{3}\t\d+\t\d+\t\d+\.\d{3}\t\d+\.\d{3}\t\d+\t\d+\t[0-9a-f]{32}:\d+\t[^\t]+$' log)" -eq 2 ]
	is <(cut -f 1,2,5,6,10 log) <<<$'1\t1\t0\t0\t5\n2\t1\t3\t0\t5'
	awk -v before="$before" -v after="$after" '!($3 >= before - 0.002 && $3 + $4 <= after + 0.1 && $4 >= 0 && $9 > 100) { exit 1 }' log
}

@test "--joblog: signal, runtime and processor time are what the job had" {
	run -1 ppool -n 1 --joblog log zoo die ::: 9 15
	is <(cut -f 5,6 log) <<<$'0\t9\n0\t15'
	run -0 ppool --joblog log sleep ::: 0.3
	awk '!($4 >= 0.3 && $4 < 5 && $7 + $8 < 0.3) { exit 1 }' log
	run -0 ppool --joblog log --sh 'i=0; while [ $i -lt 100000 ]; do i=$((i + 1)); done' ::: a
	awk '!($7 + $8 > 0) { exit 1 }' log
}

@test "--joblog: maxrss is the job's, in KiB" {
	run -0 ppool --joblog log --sh 'head -c 50000000 /dev/zero | tail -c 40000000 >/dev/null' ::: a
	awk '!($9 > 30000 && $9 < 300000) { exit 1 }' log
}

@test "--joblog: one line a job and twelve columns for odd records; the command is shell-quoted" {
	local odd=(a 'b c' $'t\tab' $'new\nline' "q'uote" '$(touch pwned)' '\' $'\x01\x1b[31m' $'\xff' '') line
	printf '%s\0' "${odd[@]}" >records
	ppool -n 1 -0 --joblog log zoo args <records >expected
	[ "$(wc -l <log)" -eq "${#odd[@]}" ]
	run -0 awk -F '\t' 'NF != 12 { print NR; exit 1 }' log
	run -1 grep -q $'\x1b' log
	while IFS= read -r line; do eval "$line"; done < <(cut -f 12 log) >again
	cmp expected again
	[ ! -e pwned ]
}

@test "--joblog: one write a line" {
	requires_strace
	strace -qq -o trace -e trace=write,writev,pwrite64,pwritev -P "$PWD/log" ppool -n 1 --joblog log true ::: a b c
	[ "$(grep -c '= [0-9]' trace)" -eq 3 ]
	[ "$(wc -l <log)" -eq 3 ]
}

@test "--joblog: a line is written after the job's output, so with -k not before its turn" {
	gate go
	start_pool -n 2 -k --joblog log --sh 'if [ "$1" = 1 ]; then read -r _ <go; else : >"started.$1"; fi; echo "$1"' ::: 1 2 3 4 5
	await started.5
	[ ! -s log ]
	open_gate go
	end_pool
	[ "$death" = "exit 0" ]
	is <(cut -f 1 log) <<<$'1\n2\n3\n4\n5'
	is out <<<$'1\n2\n3\n4\n5'
}

@test "--joblog: a line is there as soon as the job is done" {
	gate go
	start_pool -n 1 --joblog log --sh 'if [ "$1" = 2 ]; then : >second; read -r _ <go; fi' ::: 1 2
	await second
	retry_until 10 test -s log
	is <(cut -f 1 log) <<<1
	open_gate go
	end_pool
}

@test "--joblog: without --resume an existing one is emptied" {
	echo old >log
	run -0 ppool --joblog log true ::: a
	[ "$(wc -l <log)" -eq 1 ]
	run -1 has log old
}

@test "--joblog: equal commands and records have equal keys, numbered by occurrence" {
	run -0 ppool -n 1 --joblog log true ::: a b a a
	is <(cut -f 11 log | cut -d : -f 2) <<<$'1\n1\n2\n3'
	[ "$(cut -f 11 log | cut -d : -f 1 | sort -u | wc -l)" -eq 2 ]
	cut -f 11 log >keys
	run -0 ppool -n 1 --joblog log true ::: a b a a
	cmp keys <(cut -f 11 log)
	run -0 ppool -n 1 --joblog log echo ::: a b a a
	run -1 grep -qFf keys log
}

@test "--joblog: keys tell fields apart, not only their joined text" {
	run -0 ppool -n 1 --joblog log true ::: 'a b' a ::: '' b 'b '
	[ "$(cut -f 11 log | sort -u | wc -l)" -eq 6 ]
	run -0 ppool -n 1 --joblog log true a ::: b
	run -0 ppool -n 1 --joblog log2 true ::: a ::: b
	[ "$(cut -f 11 log)" != "$(cut -f 11 log2)" ]
}

@test "--joblog that cannot be written: 2, named, nothing started" {
	mkdir dir
	usage_error missing/log ppool --joblog missing/log touch ::: ran
	usage_error dir ppool --joblog dir touch ::: ran
	[ ! -e ran ]
}

@test "--joblog without permission: 2, named, nothing started" {
	requires_nobody
	echo mine >log
	chmod 400 log
	usage_error log as_nobody ppool --joblog log touch ::: ran
	[ ! -e ran ]
	is log <<<mine
}

@test "a joblog in use by another ppool: 2, and it is left as it is" {
	gate go
	start_pool -n 1 --joblog log --sh 'if [ "$1" = b ]; then : >started; read -r _ <go; fi' ::: a b
	await started
	retry_until 10 test -s log
	cp log before
	usage_error log ppool --joblog log touch ::: ran
	usage_error log ppool --joblog log --resume touch ::: ran
	[ ! -e ran ]
	cmp before log
	open_gate go
	end_pool
	[ "$(wc -l <log)" -eq 2 ]
}

@test "a stray of a job does not keep the joblog in use" {
	start_pool -n 1 --joblog log zoo setsid stray ::: a
	end_pool
	run -0 ppool --joblog log true ::: a
	kill "$(cat stray)"
}
