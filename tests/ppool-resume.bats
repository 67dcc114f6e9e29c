#!/usr/bin/env bats
# shellcheck disable=SC2016  # $1 in single quotes is for the job's own shell
# shellcheck disable=SC1003  # nor is a lone backslash a mistake
# shellcheck disable=SC2154  # run and the helpers set output, stderr, lines, death
load helpers

@test "--resume skips the records already logged, and appends" {
	run -0 ppool -n 1 --joblog log echo ::: a b
	run -0 ppool -n 1 --joblog log --resume echo ::: a b c d
	[ "$output" = $'c\nd' ]
	[ "$(wc -l <log)" -eq 4 ]
	run -0 --separate-stderr ppool -n 1 --joblog log --resume echo ::: a b c d
	[ -z "$output$stderr" ]
	[ "$(wc -l <log)" -eq 4 ]
}

@test "--resume with no joblog yet runs everything" {
	run -0 ppool -n 1 --joblog log --resume echo ::: a b
	[ "$output" = $'a\nb' ]
	[ "$(wc -l <log)" -eq 2 ]
}

@test "--resume: reordered and changed input is right" {
	run -0 ppool -n 1 --joblog log echo < <(seq 1 2 9)
	run -0 ppool -n 1 --joblog log --resume echo < <(seq 10 -1 1)
	[ "$output" = $'10\n8\n6\n4\n2' ]
	run -0 ppool -n 1 --joblog log --resume echo < <(seq 12)
	[ "$output" = $'11\n12' ]
}

@test "--resume: a record that occurs more often than it was logged runs as often as is left" {
	run -0 ppool -n 1 --joblog log echo ::: a a b
	run -0 ppool -n 1 --joblog log --resume echo ::: a b a a b
	[ "$output" = $'a\nb' ]
	[ "$(wc -l <log)" -eq 5 ]
}

@test "--resume: another command, or other words of it, is another job; options are not" {
	run -0 ppool -n 1 --joblog log echo x ::: a
	run -0 ppool -n 1 --joblog log --resume echo y ::: a
	[ "$output" = 'y a' ]
	run -0 ppool -n 1 --joblog log --resume printf '%s\n' x ::: a
	[ "$output" = $'x\na' ]
	run -0 ppool -n 3 -k --tag --joblog log --resume echo x ::: a
	[ -z "$output" ]
	run -0 ppool -n 1 --joblog log --resume --sh 'echo "$1"' ::: a
	[ "$output" = a ]
	run -0 ppool -n 1 --joblog log --resume --sh 'echo "$1"' ::: a
	[ -z "$output" ]
}

@test "--resume: the key is over the unexpanded words and the record, from whatever source" {
	run -0 ppool -n 1 --joblog log echo '{}' '{#}' ::: a b
	printf 'b\nc\na\n' >records
	run -0 ppool -n 1 --joblog log --resume -a records echo '{}' '{#}'
	[[ $output == 'c '* ]]
	[ "${#lines[@]}" -eq 1 ]
}

@test "--resume works with -N, -C and --commands" {
	run -0 ppool -n 1 -N 2 --joblog log echo ::: a b c
	run -0 ppool -n 1 -N 2 --joblog log --resume echo ::: a b c d
	[ "$output" = 'c d' ]
	run -0 ppool -n 1 -C , --joblog log echo '{2}' ::: a,b
	run -0 ppool -n 1 -C , --joblog log --resume echo '{2}' ::: a,b a,c
	[ "$output" = c ]
	run -0 ppool -n 1 --commands --joblog log ::: 'echo 1'
	run -0 ppool -n 1 --commands --joblog log --resume ::: 'echo 1' 'echo 2'
	[ "$output" = 2 ]
}

@test "--resume skips failed jobs too; --resume-failed runs those again" {
	run -1 ppool -n 1 --joblog log --sh 'echo "$1"; [ "$1" != bad ] && [ "$1" != late ] || [ -e mended ]' ::: good bad late
	: >mended
	run ppool -n 1 --joblog log --resume --sh 'echo "$1"; [ "$1" != bad ] && [ "$1" != late ] || [ -e mended ]' ::: good bad late
	[ -z "$output" ]
	run -0 ppool -n 1 --joblog log --resume-failed --sh 'echo "$1"; [ "$1" != bad ] && [ "$1" != late ] || [ -e mended ]' ::: good bad late
	[ "$output" = $'bad\nlate' ]
	run -0 ppool -n 1 --joblog log --resume-failed --sh 'echo "$1"; [ "$1" != bad ] && [ "$1" != late ] || [ -e mended ]' ::: good bad late
	[ -z "$output" ]
}

@test "--resume-failed runs again what a signal, a time-out or a bad record ended" {
	run -1 ppool -n 1 --joblog log zoo die ::: 9
	run -1 ppool -n 1 --joblog log --resume-failed zoo die ::: 9
	[ "$(wc -l <log)" -eq 2 ]
	run -124 ppool -n 1 -t 0.1 --joblog log sleep ::: 1000
	run -124 ppool -n 1 -t 0.1 --joblog log --resume-failed sleep ::: 1000
	[ "$(wc -l <log)" -eq 2 ]
	run -1 ppool -n 1 --joblog log '{}' ::: ./made-later
	ln -s /bin/true made-later
	run -0 ppool -n 1 --joblog log --resume-failed '{}' ::: ./made-later
	[ "$(wc -l <log)" -eq 2 ]
}

@test "a torn last line is ignored, and what is logged next is not glued to it" {
	local bytes
	run -0 ppool -n 1 --joblog whole echo ::: a b c
	for bytes in 1 5 30 "$(($(tail -n 1 whole | wc -c) - 1))"; do
		{ head -n 2 whole; tail -n 1 whole | head -c "$bytes"; } >log
		run -0 ppool -n 1 --joblog log --resume echo ::: a b c d
		[ "$output" = $'c\nd' ]
		run -0 ppool -n 1 --joblog log --resume echo ::: a b c d
		[ -z "$output" ]
		[ "$(grep -c '' log)" -ge 4 ]
	done
}

@test "jobs that a signal to ppool ended are not logged, and run again" {
	start_pool -n 2 --joblog log --sh 'if [ "$1" = a ] || [ -e mended ]; then echo "$1"; else zoo trap "trap.$1" 0; fi' ::: a b c d
	await trap.b trap.c
	kill -TERM "$pool_pid"
	end_pool
	[ "$death" = "signal 15" ]
	is <(cut -f 1 log) <<<1
	: >mended
	run -0 ppool -n 1 --joblog log --resume --sh 'if [ "$1" = a ] || [ -e mended ]; then echo "$1"; else zoo trap "trap.$1" 0; fi' ::: a b c d
	[ "$output" = $'b\nc\nd' ]
}

@test "jobs that a halt ended are not logged, and run again" {
	run -1 ppool -n 2 -e --joblog log \
		--sh 'if [ "$1" = long ]; then [ -e mended ] || zoo wait long; else [ -e mended ] || { until [ -e long ]; do sleep 0.01; done; exit 4; }; fi; echo "$1"' ::: long bad next
	is <(cut -f 1,5 log) <<<$'2\t4'
	: >mended
	run -0 ppool -n 1 --joblog log --resume \
		--sh 'if [ "$1" = long ]; then [ -e mended ] || zoo wait long; else [ -e mended ] || { until [ -e long ]; do sleep 0.01; done; exit 4; }; fi; echo "$1"' ::: long bad next
	[ "$output" = $'long\nnext' ]
}

@test "jobs whose output could not be delivered are not logged" {
	ppool -n 1 --joblog log --sh 'seq 100000' ::: a b | true
	[ ! -s log ]
}

@test "after SIGKILL, --resume runs what was not logged: no record is lost" {
	start_pool -n 2 --joblog log --sh 'if [ "$1" -gt 5 ] && [ ! -e mended ]; then sleep 1000; fi; echo "$1" >>ran' < <(seq 10)
	retry_until 10 line_count log 5
	kill -KILL "$pool_pid"
	end_pool
	[ "$death" = "signal 9" ]
	retry_until 5 no_process_left
	: >mended
	run -0 ppool -n 2 --joblog log --resume --sh 'if [ "$1" -gt 5 ] && [ ! -e mended ]; then sleep 1000; fi; echo "$1" >>ran' < <(seq 10)
	is <(sort -n ran) < <(seq 10)
	is <(cut -f 1 log | wc -l) <<<10
}

line_count() { [ "$(wc -l <"$1")" -ge "$2" ]; }

@test "--resume of 100,000 logged records is quick and small" {
	requires_plain_build
	ppool -n 1 --joblog log true ::: 1
	# The log of the same run with many more records, made by hand: keys that never match cost as much to keep.
	awk -F '\t' 'BEGIN { OFS = "\t" } { for (i = 1; i <= 100000; ++i) { $1 = i; $11 = sprintf("%032x:1", i); print } }' log >many
	gate go
	start_pool -n 1 --joblog many --resume --sh ': >started; read -r _ <go' ::: x
	await started
	[ "$(rss_kib "$pool_pid")" -le 16384 ]
	open_gate go
	end_pool
	[ "$death" = "exit 0" ]
	[ "$(wc -l <many)" -eq 100001 ]
}

@test "--resume and --resume-failed need --joblog" {
	usage_error --joblog ppool --resume touch ::: ran
	usage_error --joblog ppool --resume-failed touch ::: ran
	[ ! -e ran ]
}

@test "--resume --resume-failed together: those that failed run again" {
	run -1 --separate-stderr ppool -n 1 --joblog log --sh 'echo "$1"; [ "$1" = a ]' ::: a b
	run -1 --separate-stderr ppool -n 1 --joblog log --resume --resume-failed --sh 'echo "$1"; [ "$1" = a ]' ::: a b
	[ "$output" = b ]
}

@test "--resume: the same line cut into other columns is another job" {
	run -0 ppool --joblog log -C , echo '{1}' < <(echo 'a,b;c')
	run -0 ppool --joblog log --resume -C ';' echo '{1}' < <(echo 'a,b;c')
	[ "$output" = a,b ]
	run -0 ppool --joblog log --resume -C ';' echo '{1}' < <(echo 'a,b;c')
	[ -z "$output" ]
}

@test "--resume --dry-run changes nothing, not even a torn last line" {
	ppool --joblog log echo ::: a >/dev/null
	printf 'torn' >>log
	cp log before
	run -0 ppool --joblog log --resume --dry-run echo ::: a b
	[ "$output" = 'echo b' ]
	cmp log before
}
