#!/usr/bin/env bats
# Every example of the man pages is run, and prints what the page says.

setup() {
	bats_require_minimum_version 1.5.0
	pages=("$BATS_TEST_DIRNAME"/../man/*.1)
	cd "$BATS_TEST_TMPDIR" || return
	export IPCUTILS_DIR=$BATS_TEST_TMPDIR/names
}

# split_examples PAGE: writes example-NN.commands and example-NN.expected for each literal block of EXAMPLES.
# A line that begins with "$ " is a command, one that begins with "> " continues it, any other is output.
split_examples() {
	awk '
	/^\.Sh/ { in_examples = ($2 == "EXAMPLES") }
	/^\.Bd -literal/ && in_examples {
		block = sprintf("example-%02d", ++count)
		printf "" >(block ".commands")
		printf "" >(block ".expected")
		next
	}
	/^\.Ed/ { block = "" }
	block != "" {
		gsub(/\\&/, "")
		gsub(/\\\(aq/, "\047")
		gsub(/\\\(dq/, "\"")
		gsub(/\\\(ga/, "`")
		gsub(/\\\(ti/, "~")
		gsub(/\\\(ha/, "^")
		gsub(/\\-/, "-")
		gsub(/\\e/, "\\")
		if (/^[$>] /) print substr($0, 3) >(block ".commands")
		else print >(block ".expected")
	}' "$1"
}

# run_example COMMANDS: what a terminal would show of them, in an empty directory.
run_example() {
	mkdir scratch
	(cd scratch && bash ../"$1" </dev/null 2>&1)
	rm -rf scratch
}

@test "the examples of the man pages print what the pages say" {
	local page example failed=0 ran=0
	for page in "${pages[@]}"; do
		rm -f example-*
		split_examples "$page"
		for example in example-*.commands; do
			[ -s "$example" ] || continue
			ran=$((ran + 1))
			run_example "$example" >printed
			if ! diff -u "${example%.commands}.expected" printed >difference; then
				echo "${page##*/}: this example does not print what the page says:"
				cat "$example" difference
				failed=1
			fi
		done
	done
	echo "$ran examples were run"
	[ "$failed" -eq 0 ] && [ "$ran" -ge 10 ]
}
