# Every C and C++ file is as .clang-format would write it.
need clang-format clang-format
shopt -s nullglob
status=0
for file in {lib,cmd}/*/*.{hpp,cpp} tests/{unit,support,bench}/*.{hpp,cpp,h,c}; do
	clang-format --dry-run -Werror "$file" 2>/dev/null && continue
	echo "$file: clang-format -i $file"
	status=1
done
exit "$status"
