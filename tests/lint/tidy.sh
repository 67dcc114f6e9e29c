# clang-tidy, with the checks of .clang-tidy.
need clang-tidy clang-tidy
tidy_one() { # FILE
	local output
	mapfile -t includes < <(include_flags "$1")
	output=$(clang-tidy --quiet --warnings-as-errors='*' "$1" -- "${includes[@]}" 2>/dev/null) && return
	printf '%s\n' "$output"
	return 1
}
export -f tidy_one
# shellcheck disable=SC2016 # expanded by the inner shell
find lib cmd -name '*.cpp' -print0 | xargs -0 -P "$(nproc)" -n 1 bash -c 'tidy_one "$1"' tidy_one
