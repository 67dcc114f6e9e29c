#!/bin/bash
# Runs the unit programs of $IPCUTILS_BUILD and tests/*.bats, or only the files named (tests/*.bats,
# tests/unit/*.cpp). All of them speak TAP; prove counts, and its summary ends the output.
# Installs Bats when there is none. `make check` builds first, then comes here.
set -u
cd "$(dirname "$0")/.." || exit

bats_fits() { # COMMAND: is it Bats 1.5 or later?
	"$1" --version 2>/dev/null | awk '{ split($2, v, "."); exit !(v[1] > 1 || (v[1] == 1 && v[2] >= 5)) }'
}

find_bats() {
	local candidate
	for candidate in "$(command -v bats)" "$PWD/build/node_modules/.bin/bats"; do
		if [ -x "$candidate" ] && bats_fits "$candidate"; then
			BATS=$candidate
			return
		fi
	done
	return 1
}

apt_install() { # PACKAGE...
	local as_root=()
	[ "$(id -u)" -eq 0 ] || as_root=(sudo -n)
	command -v apt-get "${as_root[@]}" >/dev/null || return
	"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q "$@" >/dev/null 2>&1 ||
		{ "${as_root[@]}" apt-get update -q >/dev/null 2>&1 &&
			"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q "$@" >/dev/null 2>&1; }
}

npm_install() {
	command -v npm >/dev/null && npm install --silent --no-fund --no-audit --prefix build bats >/dev/null 2>&1
}

if ! find_bats; then
	echo "check: installing Bats" >&2
	apt_install bats
	hash -r
	find_bats || { npm_install && find_bats; } || {
		echo "check: Bats 1.5 or later is missing and could not be installed: apt-get install bats" >&2
		exit 1
	}
fi
if ! command -v prove >/dev/null && ! apt_install perl; then
	echo "check: prove is missing and could not be installed: apt-get install perl" >&2
	exit 1
fi

export BATS IPCUTILS_BUILD=${IPCUTILS_BUILD:-$PWD/build} IPCUTILS_SANITIZER=${IPCUTILS_SANITIZER:-}
export PATH="$IPCUTILS_BUILD/bin:$PATH"

files=()
if [ $# -gt 0 ]; then
	for file; do
		case $file in
		*.cpp) files+=("${IPCUTILS_BUILD#"$PWD/"}/unit/$(basename "$file" .cpp)") ;;
		*) files+=("$file") ;;
		esac
	done
else
	for file in tests/unit/*_test.cpp; do
		[ -e "$file" ] && files+=("${IPCUTILS_BUILD#"$PWD/"}/unit/$(basename "$file" .cpp)")
	done
	files+=(tests/*.bats)
fi

# ThreadSanitizer's shadow memory does not fit every layout that randomisation comes up with.
fixed_layout=()
[ "$IPCUTILS_SANITIZER" = thread ] && fixed_layout=(setarch --addr-no-randomize)

# Two files at a time, where each can have System V objects of its own: those of others would be taken for left over.
jobs=1
unshare --ipc true 2>/dev/null && jobs=2
export IPCUTILS_JOBS=${IPCUTILS_JOBS:-$jobs}

# A shell's background jobs inherit SIGINT ignored; the tests of signals must not.
exec env --default-signal "${fixed_layout[@]}" \
	prove --jobs "$IPCUTILS_JOBS" --timer --failures --comments --exec tests/tap.sh "${files[@]}" </dev/null
