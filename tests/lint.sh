#!/bin/bash
# Runs every check of tests/lint, or only those named: tests/lint.sh format layers.
# Each prints what is wrong and fails; silence is success.
set -u
cd "$(dirname "$0")/.." || exit

need() { # COMMAND PACKAGE
	command -v "$1" >/dev/null && return
	echo "$1 is missing: apt-get install $2"
	exit 1
}

# include_flags FILE: what a source needs on the compiler's command line.
include_flags() {
	local tool
	printf '%s\n' -std=c++20 -Ilib "-DIPCUTILS_VERSION=\"$(cat VERSION)\""
	case $1 in
	tests/unit/*)
		for tool in cmd/*/; do
			tool=${tool#cmd/}
			case $1 in tests/unit/"${tool%/}"_*) echo "-Icmd/${tool%/}" ;; esac
		done
		;;
	esac
}
export -f need include_flags
export IPCUTILS_BUILD=${IPCUTILS_BUILD:-$PWD/build}

checks=("$@")
[ $# -gt 0 ] || checks=(tests/lint/*.sh)
status=0
for check in "${checks[@]}"; do
	name=$(basename "$check" .sh)
	SECONDS=0
	if bash "tests/lint/$name.sh"; then
		echo "lint: $name: clean (${SECONDS} s)"
	else
		echo "lint: $name: FAILED"
		status=1
	fi
done
exit "$status"
