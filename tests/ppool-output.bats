#!/usr/bin/env bats
# shellcheck disable=SC2016  # $1 in single quotes is for the job's own shell
# shellcheck disable=SC1003  # nor is a lone backslash a mistake
# shellcheck disable=SC2154  # run and the helpers set output, stderr, lines, death
load helpers

@test "default: a job's output is written whole when it ends, in order of completion" {
	gate first
	start_pool -n 2 --sh 'if [ "$1" = 1 ]; then echo 1a; echo 1e >&2; read -r _ <first; echo 1b; else echo "$1"; fi' ::: 1 2 3
	await_text out 3
	is out <<<$'2\n3'
	[ ! -s err ]
	open_gate first
	end_pool
	[ "$death" = "exit 0" ]
	is out <<<$'2\n3\n1a\n1b'
	is err <<<1e
}

@test "a job's stdout and stderr come each on its own stream" {
	run -0 --separate-stderr ppool -n 1 --sh 'echo "out $1"; echo "err $1" >&2' ::: a b
	[ "$output" = $'out a\nout b' ]
	[ "$stderr" = $'err a\nerr b' ]
}

@test "2>&1: what a job wrote to both streams keeps its order" {
	local mode
	for mode in --no-run-if-empty -k -l -u --tag; do
		ppool -n 1 "$mode" --sh 'for i in 1 2 3 4 5 6 7 8 9; do echo "o$i"; echo "e$i" >&2; done' ::: a >both 2>&1
		sed 's/^a\t//' both >order
		is order < <(for i in 1 2 3 4 5 6 7 8 9; do printf 'o%s\ne%s\n' "$i" "$i"; done)
	done
}

@test "2>&1 through a pipe: order is kept, jobs are not mixed" {
	ppool -n 3 --sh 'i=0; while [ $i -lt 100 ]; do echo "$1 o$i"; echo "$1 e$i" >&2; i=$((i + 1)); done' ::: a b c 2>&1 | cat >both
	local job
	for job in a b c; do
		is <(grep "^$job" both) < <(for ((i = 0; i < 100; ++i)); do printf '%s o%s\n%s e%s\n' $job $i $job $i; done)
	done
	[ "$(cut -d ' ' -f 1 both | uniq | wc -l)" -eq 3 ]
}

@test "30 jobs of 3 MB without newline on both streams: never mixed, streams apart, memory bounded" {
	local letters=(A B C D E F G H I J K L M N O P Q R S T U V W X Y Z) jobs
	requires_plain_build
	jobs=("${letters[@]}" A B C D)
	gate go
	start_pool -n 4 --buffer 4M --sh 'if [ "$1" = last ]; then read -r _ <go; else zoo flood "$1" 3000000; fi' ::: "${jobs[@]}" last
	retry_until 60 size_is out 90000000
	retry_until 60 size_is err 90000000
	echo "peak $(rss_kib "$pool_pid") KiB"
	[ "$(rss_kib "$pool_pid")" -le $((4096 + 6144)) ]
	open_gate go
	end_pool
	[ "$death" = "exit 0" ]
	[ "$(tr -s '[:upper:]' <out | wc -c)" -le 30 ]
	[ "$(tr -s '[:lower:]' <err | wc -c)" -le 30 ]
	[ "$(tr -d '[:upper:]' <out | wc -c)" -eq 0 ]
	[ "$(tr -d '[:lower:]' <err | wc -c)" -eq 0 ]
	[ "$(tr -cd Z <out | wc -c)" -eq 3000000 ]
	[ "$(tr -cd a <err | wc -c)" -eq 6000000 ]
}

size_is() { [ "$(stat -c %s "$1")" -eq "$2" ]; }

@test "-k: 30 jobs of 3 MB without newline on both streams come in input order, memory bounded" {
	local letters=(A B C D E F G H I J K L M N O P Q R S T U V W X Y Z) jobs
	requires_plain_build
	jobs=("${letters[@]}" A B C D)
	gate go
	start_pool -n 4 -k --buffer 4M --sh 'if [ "$1" = last ]; then read -r _ <go; else zoo flood "$1" 3000000; fi' ::: "${jobs[@]}" last
	retry_until 60 size_is out 90000000
	retry_until 60 size_is err 90000000
	echo "peak $(rss_kib "$pool_pid") KiB"
	[ "$(rss_kib "$pool_pid")" -le $((4096 + 6144)) ]
	open_gate go
	end_pool
	[ "$death" = "exit 0" ]
	[ "$(tr -s '[:upper:]' <out)" = ABCDEFGHIJKLMNOPQRSTUVWXYZABCD ]
	[ "$(tr -s '[:lower:]' <err)" = abcdefghijklmnopqrstuvwxyzabcd ]
	cmp <(for job in "${jobs[@]}"; do zoo flood "$job" 3000000 2>/dev/null; done) out
}

@test "-k: output in input order, whatever the order of completion" {
	gate g1 g2 g3 g4
	start_pool -n 4 -k --sh 'read -r _ <"g$1"; echo "o$1"; echo "e$1" >&2; : >"done.$1"' ::: 1 2 3 4
	open_gate g4
	await done.4
	open_gate g3
	await done.3
	open_gate g2
	await done.2
	[ ! -s out ]
	open_gate g1
	end_pool
	[ "$death" = "exit 0" ]
	is out <<<$'o1\no2\no3\no4'
	is err <<<$'e1\ne2\ne3\ne4'
}

@test "-k: the head job streams through at once" {
	gate g1 g2
	start_pool -n 2 -k --sh 'printf "%sa" "$1"; echo "e$1" >&2; read -r _ <"g$1"; echo b' ::: 1 2
	await_text out 1a
	await_text err e1
	run -1 has out 2a
	run -1 has err e2
	open_gate g1
	await_text out 2a
	is <(cat out; echo) <<<$'1ab\n2a'
	open_gate g2
	end_pool
	is out <<<$'1ab\n2ab'
	is err <<<$'e1\ne2'
}

@test "-k does not hold back the jobs themselves while the head runs" {
	gate g1
	start_pool -n 2 -k --sh 'if [ "$1" = 1 ]; then read -r _ <g1; else : >"done.$1"; fi; echo "$1"' < <(seq 40)
	await done.40
	[ ! -s out ]
	open_gate g1
	end_pool
	is out < <(seq 40)
}

@test "-u: jobs inherit ppool's stdout and stderr" {
	start_pool -u --sh 'readlink /proc/self/fd/1 /proc/self/fd/2' ::: a
	end_pool
	is out <<<"$PWD/out"$'\n'"$PWD/err"
	gate go
	start_pool -u --sh 'printf now; read -r _ <go' ::: a
	await_text out now
	open_gate go
	end_pool
	[ "$death" = "exit 0" ]
}

@test "-l: whole lines as they come, never mixed within a line" {
	gate go
	start_pool -n 2 -l --sh 'if [ "$1" = 1 ]; then echo full; printf half; echo err >&2; : >half; read -r _ <go; echo "+half"
		else until [ -e half ]; do sleep 0.01; done; echo other; fi' ::: 1 2
	await_text out other
	await_text err err
	is out <<<$'full\nother'
	open_gate go
	end_pool
	[ "$death" = "exit 0" ]
	is out <<<$'full\nother\nhalf+half'
}

@test "-l: lines of 300 kB from several jobs are not mixed" {
	ppool -n 4 -l --sh 'for i in 1 2 3 4 5; do head -c 300000 /dev/zero | tr "\0" "$1"; echo; done' ::: a b c d >out
	[ "$(wc -l <out)" -eq 20 ]
	[ "$(tr -s a-d <out | sort | uniq -c | awk '{ printf "%s%s ", $1, $2 }')" = '5a 5b 5c 5d ' ]
	[ "$(awk '{ print length }' out | sort -u)" = 300000 ]
}

@test "a last line without newline is kept as it is in grouped mode and with -k, completed in -l" {
	ppool -n 1 zoo no-newline ::: a b >out
	is <(cat out; echo) <<<ab
	ppool -n 1 -k zoo no-newline ::: a b >out
	is <(cat out; echo) <<<ab
	ppool -n 1 -l zoo no-newline ::: a b >out
	is out <<<$'a\nb'
}

@test "--tag: every line of both streams begins with the record and a tab" {
	local mode
	for mode in --no-run-if-empty -k -l; do
		run -0 --separate-stderr ppool -n 1 "$mode" --tag --sh 'printf "1\n2\n\n"; echo e >&2' ::: 'a b' c
		[ "$output" = $'a b\t1\na b\t2\na b\t\nc\t1\nc\t2\nc\t' ]
		[ "$stderr" = $'a b\te\nc\te' ]
	done
}

@test "--tag marks a line once, however it is cut, and no line where there is no output" {
	local mode
	for mode in -k -l --no-run-if-empty; do
		rm -f go
		gate go
		start_pool -n 1 "$mode" --tag --sh 'if [ "$1" = a ]; then printf 1; : >cut; read -r _ <go; echo 2; fi' ::: a b
		await cut
		open_gate go
		end_pool
		rm cut
		is out <<<$'a\t12'
		[ ! -s err ]
	done
}

@test "--tag keeps a last line without newline as it is in grouped mode" {
	ppool -n 1 --tag zoo no-newline ::: a b >out
	is <(cat out; echo) <<<$'a\tab\tb'
}

@test "--tagstring STR: placeholders replaced, and a tab" {
	run -0 ppool -n 1 --tagstring '<{#}:{/}>' echo hi ::: d/a e/b
	[ "$output" = $'<1:a>\thi d/a\n<2:b>\thi e/b' ]
}

@test "every record is written as soon as it is ready, while nothing more is coming" {
	gate go
	mkfifo through
	{ ppool -n 2 echo < <(slowly go c d) >through 3>&-; } &
	exec {reader}<through
	read -r -t 10 line <&"$reader"
	[ "$line" = c ]
	open_gate go
	read -r -t 10 line <&"$reader"
	[ "$line" = d ]
	wait $!
	exec {reader}<&-
}

@test "a reader that is slow loses nothing, whether stdout blocks or not" {
	local run
	for run in exec nonblock; do
		rm -f done.*
		zoo "$run" ppool -n 4 -k --buffer 64K --sh 'seq 30000; : >"done.$1"' ::: 1 2 3 4 5 6 7 8 |
			{ read -r first; retry_until 10 done_files 6; echo "$first"; cat; } >out
		cmp out <(for i in 1 2 3 4 5 6 7 8; do seq 30000; done)
	done
}

# One of the eight may wait until its output is taken: the one whose turn it is to stream through.
done_files() {
	local files=(done.*)
	[ "${#files[@]}" -ge "$1" ]
}

@test "ppool leaves the flags of its stdout and stdin as they were: others share them" {
	run -0 bash -c '{ grep flags /proc/self/fdinfo/[01]; ppool -n 1 -k echo; grep flags /proc/self/fdinfo/[01]; } | cat' < <(echo job)
	[ "${lines[0]}" = "${lines[3]}" ]
	[ "${lines[1]}" = "${lines[4]}" ]
	[ "${lines[2]}" = job ]
}

@test "a write error on stdout is told and fails ppool, in every captured mode" {
	local mode
	for mode in --no-run-if-empty -k -l --tag; do
		run -125 bash -c 'ppool -n 1 "$1" echo ::: a b 2>&1 >/dev/full' bash "$mode"
		[[ $output == 'ppool: '*': No space left on device'* ]]
	done
}

@test "a write error ends the jobs that still run" {
	gate never
	run -125 timeout 20 bash -c 'ppool -n 2 --sh "if [ \$1 = 1 ]; then zoo wait one; else until [ -e one ]; do sleep 0.01; done; echo x; fi" ::: 1 2 2>err >/dev/full'
	pids_gone "$(cat one)" || wait_pids_gone 5 "$(cat one)"
}

@test "a closed stdout is no place for the joblog or anything else" {
	run bash -c 'ppool -n 1 --joblog log echo ::: lost >&- 2>err'
	[ "$status" -eq 125 ] || [ "$status" -eq 2 ]
	[ -s err ]
	run -1 grep -qx lost log
}

@test "a closed stdin is empty, and does not matter with :::" {
	run -0 bash -c 'ppool --sh "readlink /proc/self/fd/0; echo \$1" ::: a <&-'
	[ "$output" = $'/dev/null\na' ]
}

@test "output still open 1 s after a job's exit: what strays write later is dropped, and told" {
	gate late
	start_pool -n 1 zoo hold-pipe stray late ::: a
	end_pool
	[ "$death" = "exit 0" ]
	is out <<<early
	is err <<<'ppool: job 1: its output is still held open by a process it left; the rest is dropped'
	open_gate late
	await stray.late
	is stray.late <<<'Broken pipe'
	is out <<<early
}

@test "a stray does not hold up the jobs after its own for more than the second" {
	start_pool -n 1 --sh 'if [ "$1" = 1 ]; then zoo double-fork stray; fi; echo "$1"' ::: 1 2 3
	end_pool
	[ "$death" = "exit 0" ]
	is out <<<$'1\n2\n3'
	is err <<<'ppool: job 1: its output is still held open by a process it left; the rest is dropped'
	[ "$(pid_state "$(cat stray)")" = S ]
	kill "$(cat stray)"
}

@test "a stray that has left the session, or closed the pipes, is let go" {
	start_pool -n 1 --sh 'zoo setsid stray >/dev/null 2>&1; echo "$1"' ::: a
	end_pool
	[ "$death" = "exit 0" ]
	is out <<<a
	[ ! -s err ]
	[ "$(pid_state "$(cat stray)")" = S ]
	kill "$(cat stray)"
}

@test "output written between a job's exit and the end of its pipes is kept" {
	run -0 --separate-stderr ppool -n 1 --sh '{ sleep 0.2; echo late; } & echo early' ::: a
	[ "$output" = $'early\nlate' ]
	[ -z "$stderr" ]
}

@test "-v prints each command on stderr as it starts, shell-quoted; --dry-run prints it and runs nothing" {
	gate go
	start_pool -n 1 -v --sh 'read -r _ <go; echo "$1"' ::: 'a b'
	await_text err "'a b'"
	[ ! -s out ]
	open_gate go
	end_pool
	is out <<<'a b'
	run -0 --separate-stderr ppool -v echo x ::: 'a b' "c'd"
	[ "${#stderr_lines[@]}" -eq 2 ]
	local line
	while read -r line; do eval "$line"; done <<<"$stderr" >again
	is <(sort again) <<<$'x a b\nx c\'d'
	run -0 --separate-stderr ppool --dry-run touch ::: 'a b' c
	[ -z "$stderr" ]
	[ "${#lines[@]}" -eq 2 ]
	[ ! -e c ]
	eval "$output"
	[ -e 'a b' ] && [ -e c ]
}

@test "--dry-run: what it prints is what would run, for odd records" {
	local odd=(' ' $'\t' "'" '"' '\' '$(echo x)' '*' '~' -n '!' '#' '&' ';' '<>' '{}' $'a\nb' $'\xff\xfe' $'\x01' '' 'a=b' '=ls' 'é')
	printf '%s\0' "${odd[@]}" >records
	ppool -k -0 zoo args <records >expected
	run -0 bash -c 'ppool -n 1 --dry-run -0 zoo args <records'
	eval "$output" >again
	cmp expected again
}
