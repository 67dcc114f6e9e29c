#!/usr/bin/env bats
# shellcheck disable=SC2016  # $1 in single quotes is for the job's own shell
# shellcheck disable=SC1003  # nor is a lone backslash a mistake
# shellcheck disable=SC2154  # run and the helpers set output, stderr, lines, death
load helpers

@test "{} is the record anywhere in an argument, <> only as a whole one" {
	run -0 ppool zoo args '{}' 'x{}y{}' '<>' 'a<>' ::: 'r s'
	[ "$output" = '3:r s,8:xr syr s,3:r s,3:a<>,' ]
}

@test "{.} {/} {//} {/.}: no extension, basename, dirname, basename without extension" {
	run -0 ppool -n 1 echo '{.}' '{/}' '{//}' '{/.}' ::: a/b.d/c.tar.gz plain.txt noext /top.x d.x/noext
	is <(echo "$output") <<-END
		a/b.d/c.tar c.tar.gz a/b.d c.tar
		plain plain.txt . plain
		noext noext . noext
		/top top.x / top
		d.x/noext noext d.x noext
	END
	run -0 ppool -n 1 echo 'x{.}y{/}z{//}w{/.}v' ::: a/b.c
	[ "$output" = 'xa/byb.czawbv' ]
}

@test "{#} is the job number, {%} the slot" {
	run -0 ppool -n 1 echo '{#}-{%}-{}' ::: a b c
	[ "$output" = $'1-1-a\n2-1-b\n3-1-c' ]
}

@test "slots run from 1 to N, and no two jobs have the same one at the same time" {
	run -0 ppool -n 3 --sh 'mkdir "slot.$PPOOL_SLOT" && echo "$PPOOL_SLOT" && rmdir "slot.$PPOOL_SLOT"' < <(seq 120)
	[ "${#lines[@]}" -eq 120 ]
	run -1 grep -qv '^[123]$' <<<"$output"
}

@test "{#} and {%} do not carry the record: it is still appended" {
	run -0 ppool -n 1 echo '{#}' '{%}' ::: a b
	[ "$output" = $'1 1 a\n2 1 b' ]
}

@test "-C SEP: {1} {2} are columns, {} the whole record, a missing column is empty" {
	run -0 ppool -n 1 -C : zoo args '{2}' '{1}' '{3}' '{}' < <(printf 'a:b:c\nd\n:e\n')
	is <(echo "$output") <<-END
		1:b,1:a,1:c,5:a:b:c,
		0:,1:d,0:,1:d,
		1:e,0:,0:,2::e,
	END
}

@test "-C SEP: several bytes, escapes, two-digit columns" {
	run -0 ppool -n 1 --colsep '\t' zoo args '{2}-{1}' < <(printf 'a b\tc\n')
	[ "$output" = '5:c-a b,' ]
	run -0 ppool -n 1 -C ', ' zoo args '{1}' '{2}' ::: 'a,b, c'
	[ "$output" = '3:a,b,1:c,' ]
	run -0 ppool -n 1 -C , echo '{10}{11}{1}' ::: 1,2,3,4,5,6,7,8,9,ten,eleven
	[ "$output" = teneleven1 ]
}

@test "-C without a placeholder appends the columns, each one argument" {
	run -0 ppool zoo args x -C , ::: a
	[ "$output" = '1:x,2:-C,1:,,1:a,' ]
	run -0 ppool -C , zoo args x ::: 'a b,,c'
	[ "$output" = '1:x,3:a b,0:,1:c,' ]
}

@test "{1} {2} are the ::: groups, {} the values joined" {
	run -0 ppool -n 1 zoo args '{2}.{1}' '{}' ::: a b ::: 1
	[ "$output" = $'3:1.a,3:a 1,\n3:1.b,3:b 1,' ]
}

@test "{1} is always known" {
	run -0 ppool zoo args 'x{1}' ::: 'a b'
	[ "$output" = '4:xa b,' ]
}

@test "-N: {1} {2} are the job's records" {
	run -0 ppool -n 1 -N 2 zoo args '{2}-{1}' ::: a b c
	[ "$output" = $'3:b-a,\n2:-c,' ]
}

@test "an unknown {x} is left as it is" {
	run -0 ppool zoo args '{x}' '{}' '{2}' '{ }' '{' '}' '{{}}' '${}' '{...}' ::: a
	[ "$output" = '3:{x},1:a,3:{2},3:{ },1:{,1:},3:{a},2:$a,5:{...},' ]
}

@test "-I STR replaces STR, and {} is left as it is" {
	run -0 ppool -I % zoo args '%' 'a%b%' '{}' ::: r
	[ "$output" = '1:r,4:arbr,2:{},' ]
	run -0 ppool --replace REC zoo args 'xRECx' ::: r
	[ "$output" = '3:xrx,' ]
	run -0 ppool -I % zoo args x ::: r
	[ "$output" = '1:x,1:r,' ]
}

@test "what was put in is not expanded again" {
	run -0 ppool -n 1 zoo args '{}{#}' '{}' ::: '{#}' '{}' '<>' '{1}'
	[ "$output" = $'4:{#}1,3:{#},\n3:{}2,2:{},\n3:<>3,2:<>,\n4:{1}4,3:{1},' ]
}

@test "a placeholder in the first word: the record is the command, and a bad one fails its job only" {
	run -1 --separate-stderr ppool -n 1 --joblog log '{}' x ::: echo ./missing /tmp printf
	[ "$output" = $'x\nx' ]
	is <(cut -f 1,5 log) <<<$'1\t0\n2\t127\n3\t126\n4\t0'
	[[ $stderr == *'./missing: No such file or directory'* ]]
	[ "${stderr_lines[-1]}" = 'ppool: 2 of 4 jobs failed' ]
}

@test "placeholders in --tagstring are replaced" {
	run -0 ppool -n 1 -C , --tagstring '{#}/{%}/{2}/{}' echo hi '{1}' ::: a,b
	[ "$output" = $'1/1/b/a,b\thi a' ]
}
