#!/usr/bin/env bats
# shellcheck disable=SC2016  # $1 in single quotes is for the job's own shell
# shellcheck disable=SC1003  # nor is a lone backslash a mistake
# shellcheck disable=SC2154  # run and the helpers set output, stderr, lines, death

load helpers

@test "records are lines of stdin, one job each, in place of an argument that is exactly <>" {
	run -0 --separate-stderr ppool -n 1 zoo args x '<>' y <<<$'a\nb c'
	[ "$output" = $'1:x,1:a,1:y,\n1:x,3:b c,1:y,' ]
	[ -z "$stderr" ]
}

@test "without a placeholder the record is appended" {
	run -0 ppool -n 1 zoo args x <<<$'a\nb'
	[ "$output" = $'1:x,1:a,\n1:x,1:b,' ]
}

@test "-0: records end with NUL and may hold newlines" {
	run -0 ppool -n 1 -0 zoo args < <(printf 'a\nb\0\nc\0')
	[ "$output" = $'3:a\nb,\n2:\nc,' ]
}

@test "-d C: records end with another byte, given itself or as an escape" {
	run -0 ppool -n 1 -d , zoo args < <(printf 'a\nb,c')
	[ "$output" = $'3:a\nb,\n1:c,' ]
	run -0 ppool -n 1 -d '\t' zoo args < <(printf 'a\tb')
	[ "$output" = $'1:a,\n1:b,' ]
	run -0 ppool -n 1 -d '\x3b' zoo args < <(printf 'a;b')
	[ "$output" = $'1:a,\n1:b,' ]
	run -0 ppool -n 1 -d '\\' zoo args < <(printf 'a\\b')
	[ "$output" = $'1:a,\n1:b,' ]
	run -0 ppool -n 1 --delimiter '\0' zoo args < <(printf 'a\0b\0')
	[ "$output" = $'1:a,\n1:b,' ]
	run -0 ppool -n 1 -d '\n' zoo args < <(printf 'a\nb\n')
	[ "$output" = $'1:a,\n1:b,' ]
}

@test "-a FILE: records come from the file, and stdin is left alone" {
	printf 'a\nb\n' >records
	run -0 bash -c 'ppool -n 1 -a records echo; cat' <<<rest
	[ "$output" = $'a\nb\nrest' ]
}

@test "-a may be repeated: one file after the other, - is stdin, each may lack its last delimiter" {
	printf 'a\nb' >one
	printf 'c\n' >two
	run -0 ppool -n 1 -a one -a - --arg-file two echo <<<in
	[ "$output" = $'a\nb\nin\nc' ]
}

@test "::: values are the records, and stdin is left alone" {
	run -0 bash -c 'ppool -n 1 zoo args x ::: a "b c" ""; cat' <<<rest
	[ "$output" = $'1:x,1:a,\n1:x,3:b c,\n1:x,0:,\nrest' ]
}

@test "several ::: groups give the product, the last varies fastest" {
	run -0 ppool -n 1 zoo args ::: a b ::: 1 2 ::: x
	[ "$output" = $'1:a,1:1,1:x,\n1:a,1:2,1:x,\n1:b,1:1,1:x,\n1:b,1:2,1:x,' ]
}

@test "the product of ::: groups is never built: 10^12 jobs start at once" {
	local group=(::: 0 1 2 3 4 5 6 7 8 9) groups=() i
	for ((i = 0; i < 12; ++i)); do groups+=("${group[@]}"); done
	run -0 timeout 5 bash -c 'ppool -n 1 -k echo "$@" | head -n 3' bash "${groups[@]}"
	[ "$output" = $'0 0 0 0 0 0 0 0 0 0 0 0\n0 0 0 0 0 0 0 0 0 0 0 1\n0 0 0 0 0 0 0 0 0 0 0 2' ]
}

@test "a last record without its delimiter counts" {
	run -0 ppool -n 1 echo < <(printf 'a\nb')
	[ "$output" = $'a\nb' ]
	run -0 ppool -n 1 -0 echo < <(printf 'a\0b')
	[ "$output" = $'a\nb' ]
}

@test "no input is no job, and success" {
	run -0 --separate-stderr ppool echo ran </dev/null
	[ -z "$output$stderr" ]
}

@test "an empty line is a record" {
	run -0 ppool -n 1 zoo args < <(printf 'a\n\n\nb\n\n')
	[ "$output" = $'1:a,\n0:,\n0:,\n1:b,\n0:,' ]
}

@test "-r skips empty records, of every source" {
	run -0 ppool -n 1 -r zoo args < <(printf '\na\n\n\nb\n\n')
	[ "$output" = $'1:a,\n1:b,' ]
	run -0 ppool -n 1 -r -0 zoo args < <(printf '\0a\0\0')
	[ "$output" = '1:a,' ]
	run -0 ppool -n 1 --no-run-if-empty zoo args ::: '' a ''
	[ "$output" = '1:a,' ]
}

@test "a record with a NUL fails its job, told once a run; the others run" {
	run -1 --separate-stderr ppool -n 2 -k --joblog log echo < <(printf 'a\0b\nc\nd\0e\nf\n')
	[ "$output" = $'c\nf' ]
	[ "${#stderr_lines[@]}" -eq 2 ]
	[[ ${stderr_lines[0]} == 'ppool: job 1: '*NUL* ]]
	[ "${stderr_lines[1]}" = 'ppool: 2 of 4 jobs failed' ]
	is <(cut -f 1,5,6 log | sort) <<<$'1\t126\t0\n2\t0\t0\n3\t126\t0\n4\t0\t0'
}

@test "the first job starts when the first record is complete, in every mode" {
	local mode
	gate go
	for mode in --no-run-if-empty -k -u -l --tag --results=results -N1; do
		start_pool -n 2 "$mode" echo < <(slowly go a b)
		await_text out a
		run -1 has out b
		[ -e /proc/"$pool_pid" ]
		open_gate go
		end_pool
		[ "$death" = "exit 0" ]
		await_text out b
	done
}

@test "-N takes what is there once it has MAX, and --dry-run prints as records come" {
	gate go
	start_pool -n 1 -N 2 echo < <(slowly go $'a\nb' c)
	await_text out 'a b'
	open_gate go
	end_pool
	is out <<<$'a b\nc'
	start_pool --dry-run echo < <(slowly go a b)
	await_text out 'echo a'
	open_gate go
	end_pool
	is out <<<$'echo a\necho b'
}

@test "the next record is taken only when a worker is free: no more than a buffer is read ahead" {
	local numbers offset job
	gate go
	seq 1000000 >numbers
	exec {numbers}<numbers
	start_pool -n 1 --sh ': >"started.$1"; read -r _ <go' <&"$numbers"
	for job in 1 2 3; do
		await "started.$job"
		offset=$(awk '$1 == "pos:" { print $2 }' "/proc/$BASHPID/fdinfo/$numbers")
		echo "job $job: $offset bytes were read"
		[ "$offset" -le 131072 ]
		open_gate go
	done
	kill -TERM "$pool_pid"
	end_pool
	[ "$death" = "signal 15" ]
	exec {numbers}<&-
}

@test "a worker that becomes free takes the next record, not one dealt to it before" {
	gate first
	start_pool -n 2 --sh 'if [ "$1" = 1 ]; then read -r _ <first; fi; echo "$1"' ::: 1 2 3 4 5 6
	await_text out 6
	open_gate first
	end_pool
	is out <<<$'2\n3\n4\n5\n6\n1'
}

@test "-N MAX: up to MAX records a job, appended" {
	run -0 ppool -n 1 -N 3 zoo args x < <(seq 7)
	[ "$output" = $'1:x,1:1,1:2,1:3,\n1:x,1:4,1:5,1:6,\n1:x,1:7,' ]
}

@test "-N MAX: in place of a lone {} or <>" {
	run -0 ppool -n 1 --max-records 2 zoo args a '{}' z < <(seq 3)
	[ "$output" = $'1:a,1:1,1:2,1:z,\n1:a,1:3,1:z,' ]
	run -0 ppool -n 1 -N 2 zoo args a '<>' z ::: 1 2 3
	[ "$output" = $'1:a,1:1,1:2,1:z,\n1:a,1:3,1:z,' ]
}

@test "-X: as many records a job as fit, every one of them in order" {
	run -0 bash -c 'seq 300000 | ppool -n 1 -X --sh '\''echo $#'\'''
	[ "${#lines[@]}" -ge 2 ]
	[ "${#lines[@]}" -le 40 ]
	[ "$(($(IFS=+ && echo "${lines[*]}")))" -eq 300000 ]
	seq 300000 | ppool -n 2 -k --fit printf '%s\n' >out
	cmp out <(seq 300000)
}

@test "-X: in place of a lone {}, and with records that are each nearly too long" {
	run -0 ppool -n 1 -X echo a '{}' z < <(seq 5)
	[ "$output" = 'a 1 2 3 4 5 z' ]
	head -c 3600000 /dev/zero | tr '\0' x | fold -w 120000 >long
	ppool -n 1 -k -X printf '%s\n' <long >out
	cmp out <(cat long; echo)
}

@test "--commands: each record is a command line for sh -c" {
	run -0 ppool -n 1 --commands < <(printf 'echo a b | tr a-z A-Z\necho $((6 * 7))\n')
	[ "$output" = $'A B\n42' ]
	run -1 --separate-stderr ppool --commands ::: 'exit 3' 'echo x'
	[ "$output" = x ]
	[ "$stderr" = 'ppool: 1 of 2 jobs failed' ]
}

@test "--sh SCRIPT: the record is its first parameter, never spliced text" {
	run -0 ppool -n 1 --sh 'printf "<%s>%s\n" "$1" "$#"' ::: '$(touch pwned)' "';touch pwned;'" '"' '-n' 'a b' '`touch pwned`'
	[ "$output" = $'<$(touch pwned)>1\n<\';touch pwned;\'>1\n<">1\n<-n>1\n<a b>1\n<`touch pwned`>1' ]
	[ ! -e pwned ]
}

@test "--sh SCRIPT: columns and -N records are its arguments" {
	run -0 ppool -n 1 -C , --sh 'echo "$2/$1"' ::: a,b
	[ "$output" = b/a ]
	run -0 ppool -n 1 -N 2 --sh 'echo "$#:$*"' ::: a b c
	[ "$output" = $'2:a b\n1:c' ]
}

@test "a placeholder inside the script of sh, bash or dash -c is refused, and --sh named" {
	local shell
	for shell in sh bash dash /bin/sh; do
		usage_error --sh ppool "$shell" -c 'touch ran; echo {}' ::: a
		usage_error --sh ppool "$shell" -c 'touch ran; echo {1}' ::: a
		usage_error --sh ppool "$shell" -c 'touch ran; echo {/.}' ::: a
		usage_error --sh ppool -I % "$shell" -c 'touch ran; echo %' ::: a
	done
	[ ! -e ran ]
	run -0 ppool sh -c 'echo "$1"' sh '{}' ::: a
	[ "$output" = a ]
}

@test "odd records survive as one argument: quotes, backslashes, globs, dashes, newlines, invalid UTF-8" {
	local odd=(' ' '  a  b ' $'\t' "'" '"' '\' '\\n' '$(echo x)' '`echo x`' '*' '?' '[a-z]' '~' -n -- --help -0 '-' '!' '#' '%' '&' ';'
		'|' '<' '>' '<>' '{}' '{#}' '{1}' '{.}' '{a,b}' ':::' $'a\nb' $'\n' $'\r\n' $'\x01\x7f' $'\xff\xfe' $'\xc3' $'caf\xc3\xa9' '$HOME' "a'b\"c" '')
	local record
	printf '%s\0' "${odd[@]}" >records
	for record in "${odd[@]}"; do zoo args "$record"; done >expected
	ppool -n 3 -k -0 zoo args <records >out
	cmp expected out
	ppool -n 3 -k -0 zoo args '{}' <records >out
	cmp expected out
	ppool -n 3 -k -0 zoo args '<>' <records >out
	cmp expected out
	ppool -n 3 -k -0 --sh 'zoo args "$1"' <records >out
	cmp expected out
	grep -zvx ::: records >others
	mapfile -d '' odd <others
	ppool -n 3 -k zoo args ::: "${odd[@]}" >out
	cmp <(grep -vx '3::::,' expected) out
}

@test "random bytes survive as one argument" {
	local seed=${SEED:-$RANDOM}
	echo "SEED=$seed"
	awk -v seed="$seed" 'BEGIN { srand(seed); for (i = 0; i < 300; ++i) { n = int(rand() * 40)
		for (k = 0; k < n; ++k) printf "%c", int(rand() * 255) + 1; printf "%c", 0 } }' >records
	LC_ALL=C xargs -0 -n 1 zoo args <records >expected
	[ "$(tr -cd '\0' <records | wc -c)" -eq 300 ]
	LC_ALL=C ppool -0 -n 2 -k zoo args <records >out
	cmp expected out
}

@test "a record of 131071 bytes is passed on; one byte more fails its job, and only that" {
	head -c 131071 /dev/zero | tr '\0' x >fits
	{ cat fits; echo; cat fits; echo x; echo short; } >records
	run -1 --separate-stderr ppool -n 1 --joblog log --sh 'echo ${#1}' <records
	[ "$output" = $'131071\n5' ]
	[ "${#stderr_lines[@]}" -eq 2 ]
	[[ ${stderr_lines[0]} == 'ppool: job 2: '* ]]
	[ "${stderr_lines[1]}" = 'ppool: 1 of 3 jobs failed' ]
	is <(cut -f 1,5 log) <<<$'1\t0\n2\t126\n3\t0'
}

@test "a 200 kB record fails its job, not the run" {
	{ head -c 200000 /dev/zero | tr '\0' x; echo; echo b; } >records
	run -1 --separate-stderr ppool -n 2 echo <records
	[ "$output" = b ]
	[[ ${stderr_lines[0]} == 'ppool: job 1: '* ]]
	[ "${stderr_lines[1]}" = 'ppool: 1 of 2 jobs failed' ]
}

@test "a record that makes the whole command line too long fails its job, not the run" {
	local words=() i
	for ((i = 0; i < 60; ++i)); do words+=('{}'); done
	{ head -c 131000 /dev/zero | tr '\0' x; echo; echo b; } >records
	run -1 --separate-stderr ppool -n 1 --joblog log sh -c 'echo $#' sh "${words[@]}" <records
	[ "$output" = 60 ]
	[[ ${stderr_lines[0]} == 'ppool: job 1: '*'too long'* ]]
	is <(cut -f 1,5 log) <<<$'1\t126\n2\t0'
}

@test "a job's stdin is /dev/null: it cannot eat the records" {
	run -0 ppool -n 1 --sh 'cat; readlink /proc/self/fd/0' < <(seq 2)
	[ "$output" = $'/dev/null\n/dev/null' ]
}

@test "a job has PPOOL_SEQ, PPOOL_SLOT and PPOOL_PID in its environment" {
	start_pool -n 1 zoo env PPOOL_SEQ PPOOL_SLOT PPOOL_PID ::: a b
	end_pool
	[ "$death" = "exit 0" ]
	is out <<-END
		PPOOL_SEQ=1
		PPOOL_SLOT=1
		PPOOL_PID=$pool_pid
		a unset
		PPOOL_SEQ=2
		PPOOL_SLOT=1
		PPOOL_PID=$pool_pid
		b unset
	END
}

@test "PPOOL_ variables of an outer ppool do not show through" {
	run -0 env PPOOL_SEQ=77 PPOOL_SLOT=77 PPOOL_PID=77 ppool -n 1 --sh 'echo "$PPOOL_SEQ $PPOOL_SLOT"; [ "$PPOOL_PID" != 77 ]' ::: x
	[ "$output" = "1 1" ]
}

@test "--nice, --wd and --env change what the job runs in" {
	mkdir elsewhere
	run -0 ppool --nice 5 --sh 'nice' ::: a
	[ "$output" = "$(nice -n 5 nice)" ]
	run -0 ppool --wd elsewhere --sh 'pwd -P' ::: a
	[ "$output" = "$(cd elsewhere && pwd -P)" ]
	run -0 ppool -n 1 --env A=1 --env 'B=x y=z' --env C= zoo env A B C ::: D
	[ "$output" = $'A=1\nB=x y=z\nC=\nD unset' ]
	A=from run -0 ppool --env A zoo env ::: A
	[ "$output" = A=from ]
}

@test "-X: a record that stands twice in the command counts twice" {
	run -0 bash -c 'seq 200000 | ppool -k -X echo {} {} | wc -w'
	[ "$output" -eq 400000 ]
}
