# Files stay small: past these limits they are split by noun or by phase.
status=0
shopt -s nullglob
for file in {lib,cmd}/*/*.{hpp,cpp}; do
	case $file in
	*/main.cpp) limit=120 ;;
	*.hpp) limit=140 ;;
	*) limit=450 ;;
	esac
	lines=$(wc -l <"$file")
	if [ "$lines" -gt "$limit" ]; then
		echo "$file: $lines lines, more than $limit"
		status=1
	fi
done
exit "$status"
