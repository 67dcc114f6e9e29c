# Includes point downward only: a libipc file may include its own level or a lower one; lib/queue may include
# libipc; a tool may include itself and both libraries; nothing includes a tool.
# shellcheck disable=SC2016 # an awk program
find lib cmd -name '*.[hc]pp' -print0 | sort -z | xargs -0 awk '
BEGIN {
	split("error fd exit_status name duration deadline size hash shell_quote json lookup crc32c utc_text arguments unnamed_file open_files tail cut path file_id", level1)
	split("io sink pipe alarm watcher file_lock key_file lock_table semaphore semaphore_file roster message_queue signals futex processors processes wall_timer process_watch", level2)
	split("process guard event_loop spool terminal output output_watch leftovers start_gate", level3)
	split("options completions diagnostics cli", level4)
	for (i in level1) level[level1[i]] = 1
	for (i in level2) level[level2[i]] = 2
	for (i in level3) level[level3[i]] = 3
	for (i in level4) level[level4[i]] = 4
}
function wrong(text) { printf "%s:%d: %s\n", FILENAME, FNR, text; failed = 1 }
FNR == 1 {
	split(FILENAME, path, "/")
	home = path[1] "/" path[2]
	name = path[3]
	sub(/\.[a-z]+$/, "", name)
	if (home == "lib/ipc" && !(name in level)) wrong(name " has no level in tests/lint/layers.sh")
}
/^[ \t]*#[ \t]*include[ \t]*"/ {
	split($0, quoted, "\"")
	header = quoted[2]
	n = split(header, part, "/")
	base = part[n]
	sub(/\.hpp$/, "", base)
	if (n == 1) {
		if (home == "lib/ipc") wrong("write \"ipc/" header "\"")
		else if ((getline line < (home "/" header)) < 0) wrong(header " is not in " home)
		else close(home "/" header)
	} else if (n == 2 && part[1] == "ipc") {
		if (!(base in level)) wrong(header " has no level in tests/lint/layers.sh")
		else if (home == "lib/ipc" && level[base] > level[name])
			wrong("level " level[name] " includes " header " of level " level[base])
	} else if (n == 2 && part[1] == "queue") {
		if (home == "lib/ipc") wrong("libipc includes " header)
	} else {
		wrong(header " belongs to neither libipc nor " home)
	}
}
END { exit failed }
'
