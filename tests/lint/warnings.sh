# No warning from either compiler.
need g++ g++
need clang++ clang
flags='-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror -fsyntax-only'
export flags
check_one() { # COMPILER FILE
	mapfile -t includes < <(include_flags "$2")
	# shellcheck disable=SC2086 # a list of flags
	"$1" "${includes[@]}" $flags "$2"
}
export -f check_one
shopt -s nullglob
# shellcheck disable=SC2016 # expanded by the inner shell
for file in {lib,cmd}/*/*.cpp tests/unit/*.cpp; do
	printf '%s\0' g++ "$file" clang++ "$file"
done | xargs -0 -P "$(nproc)" -n 2 bash -c 'check_one "$@"' check_one
