#!/usr/bin/env bats
# shellcheck disable=SC2016  # $1 in single quotes is for the job's own shell
# shellcheck disable=SC1003  # nor is a lone backslash a mistake
# shellcheck disable=SC2154  # run and the helpers set output, stderr, lines, death
load helpers

# Records of every odd kind, NUL-delimited; without newlines they are lines as well.
odd_records() {
	printf '%s\0' a 'b c' ' lead' 'trail ' $'t\tab' "q'uote" '"' '\' '\n' '$HOME' '$(echo x)' '`id`' '*' '?x' '[a]' '~' \
		-n -- --help - '!' '#c' ';' '&' '|' '<' '>' '{a,b}' '%' '%s' $'\x01' $'\x7f' $'caf\xc3\xa9' $'\xff' a=b
}

@test "the same as xargs -0 -n 1, over odd records" {
	requires xargs
	{ odd_records; printf 'new\nline\0'; } >records
	LC_ALL=C xargs -0 -n 1 zoo args x <records >expected
	LC_ALL=C ppool -0 -n 1 zoo args x <records >out
	cmp expected out
	LC_ALL=C ppool -0 -n 3 -k zoo args x <records >out
	cmp expected out
	LC_ALL=C ppool -0 -n 3 zoo args x <records | sort >out
	cmp <(LC_ALL=C sort expected) <(LC_ALL=C sort out)
}

@test "the same as xargs -0 -n 3 and xargs -0 -I" {
	requires xargs
	odd_records >records
	LC_ALL=C xargs -0 -n 3 zoo args x <records >expected
	LC_ALL=C ppool -0 -n 2 -k -N 3 zoo args x <records >out
	cmp expected out
	LC_ALL=C xargs -0 -I @@ zoo args '@@' 'x@@y@@' <records >expected
	LC_ALL=C ppool -0 -n 2 -k -I @@ zoo args '@@' 'x@@y@@' <records >out
	cmp expected out
}

@test "the same as xargs -d '\n', empty lines and a missing last newline included" {
	requires xargs
	printf 'a\n\n b \n\\\n"\nlast' >records
	xargs -d '\n' -n 1 zoo args <records >expected
	ppool -n 1 zoo args <records >out
	cmp expected out
	printf 'a::b:' >records
	xargs -d : -n 1 zoo args <records >expected
	ppool -d : -n 1 zoo args <records >out
	cmp expected out
}

@test "the same as GNU parallel -k -0, over odd records" {
	requires parallel
	parallel --version 2>/dev/null | grep -q '^GNU parallel' || skip "no GNU parallel here"
	printf '%s\0' a 'b c' "q'uote" '"' '\' '$HOME' '$(echo x)' '`id`' '*' ';' '&' '|' '<' '>' $'caf\xc3\xa9' '#c' >records
	parallel --will-cite -j 2 -k -0 zoo args x <records >expected
	ppool -n 2 -k -0 zoo args x <records >out
	cmp expected out
}

@test "the same as GNU parallel for its placeholders" {
	requires parallel
	parallel --version 2>/dev/null | grep -q '^GNU parallel' || skip "no GNU parallel here"
	local values=(a/b.c/d.tar.gz plain x.y a/b /abs/file.txt ./rel.c 'sp ace/f ile.t xt')
	parallel --will-cite -j 1 -k zoo args '{}' '{.}' '{/}' '{//}' '{/.}' '{#}' ::: "${values[@]}" >expected
	ppool -n 1 zoo args '{}' '{.}' '{/}' '{//}' '{/.}' '{#}' ::: "${values[@]}" >out
	diff expected out
	parallel --will-cite -j 1 -k zoo args '{2}-{1}' ::: a b ::: 1 2 3 >expected
	ppool -n 1 zoo args '{2}-{1}' ::: a b ::: 1 2 3 >out
	diff expected out
	printf 'a,b,c\nd,e,f\n' | parallel --will-cite -j 1 -k -C , zoo args '{3}{1}' >expected
	printf 'a,b,c\nd,e,f\n' | ppool -n 1 -C , zoo args '{3}{1}' >out
	diff expected out
}

@test "the same as GNU parallel for --tag, --exit count and --halt soon,fail=1" {
	requires parallel
	parallel --version 2>/dev/null | grep -q '^GNU parallel' || skip "no GNU parallel here"
	parallel --will-cite -j 1 -k --tag 'printf "1\n2\n"; echo' ::: a 'b c' >expected
	ppool -n 1 --tag --sh 'printf "1\n2\n"; echo "$1"' ::: a 'b c' | sed 's/\t\(a\|b c\)$/\t/' >out
	sed 's/\t\(a\|b c\)$/\t/' expected | diff - out
	run parallel --will-cite -j 1 'exit {}' ::: 0 1 2 0 3
	run -"$status" ppool -n 1 --exit count --sh 'exit "$1"' ::: 0 1 2 0 3
	run parallel --will-cite -j 1 --halt soon,fail=1 'echo {}; exit {}' ::: 0 0 1 0
	local theirs=${lines[*]:0:3}
	run ppool -n 1 --halt soon,fail=1 --sh 'echo "$1"; exit "$1"' ::: 0 0 1 0
	[ "${lines[*]:0:3}" = "$theirs" ]
}

@test "checksums of real files are those of a sequential run" {
	find /usr/include -name '*.h' -type f -print0 | head -z -n 200 >files
	[ "$(tr -cd '\0' <files | wc -c)" -ge 20 ] || skip "no headers here"
	xargs -0 -n 1 cksum <files >expected
	ppool -0 -k -n 3 cksum '{}' <files >out
	cmp expected out
}
