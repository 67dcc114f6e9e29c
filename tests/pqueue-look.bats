#!/usr/bin/env bats
# shellcheck disable=SC2016  # $1 in single quotes is for COMMAND's own shell
# shellcheck disable=SC1010  # done is a verb
# shellcheck disable=SC2154  # run and the helpers set output, stderr, lines, death, pid
# Looking in: size, empty, full, stat, peek, verify, list; and purge and rm.
load helpers
load queues

# lease NAME: takes a message that no process holds; prints LEASE.
lease() { pqueue get --lease 1h "$1" | cut -f 1; }

# flip FILE OFFSET: one bit of that byte becomes another.
flip() {
	local byte
	byte=$(od -An -tu1 -j "$2" -N 1 "$1") || return
	printf '%b' "\\x$(printf %02x $((byte ^ 4)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# damage NAME TEXT: flips a bit of TEXT, which is the payload of a message of queue NAME.
damage() {
	local file offset
	file=$(grep -rlaF -e "$2" "$(queue_dir "$1")" | head -n 1)
	offset=$(grep -obaF -e "$2" "$file" | head -n 1 | cut -d : -f 1)
	flip "$file" "$offset"
}

@test "size: queued and delayed ones, not leased ones" {
	pqueue put q a b c
	run -0 --separate-stderr pqueue size q
	[ "$output" = 3 ]
	[ -z "$stderr" ]
	lease q
	[ "$(pqueue size q)" -eq 2 ]
	pqueue put --delay 1h q d
	[ "$(pqueue size q)" -eq 3 ]
	pqueue get q
	[ "$(pqueue size q)" -eq 2 ]
}

@test "size of an empty queue is 0, with status 0" {
	pqueue create q
	run -0 pqueue size q
	[ "$output" = 0 ]
}

@test "empty: 0 when nothing waits, else 1; prints nothing" {
	pqueue create q
	quiet 0 empty q
	pqueue put q a
	quiet 1 empty q
	pqueue get q
	quiet 0 empty q
}

@test "empty is size 0: a delayed one counts, a leased one does not" {
	pqueue put --delay 1h q a
	quiet 1 empty q
	pqueue put r a
	lease r
	quiet 0 empty r
}

@test "on a queue that is not there all verbs but put, get and create are 2, told, and make nothing" {
	local verb
	for verb in size empty full stat peek purge verify rm join close; do
		refused 'q: no such queue' "$verb" q
		refused './q: no such queue' "$verb" ./q
	done
	refused 'q: no such queue' done q 1-1
	refused 'q: no such queue' requeue q 1-1
	no_names
	[ ! -e q ]
}

@test "stat --json is one valid JSON object with all that stat promises" {
	pqueue put q a bb
	pqueue put --delay 1h q ccc
	pqueue get q
	lease q
	pqueue stat --json q >stat.json
	[ "$(wc -l <stat.json)" -eq 1 ]
	[ "$(jq -c '[.kind, .queued, .bytes, .leased, .delayed, .dead, .puts, .gets]' stat.json)" = '["file",0,3,1,1,0,3,1]' ]
	[ "$(jq '.holders | length' stat.json)" -eq 1 ]
}

@test "stat: gets are the settled ones, not those taken" {
	local id
	pqueue put q a b
	id=$(lease q)
	[ "$(stat_of q .gets)" = 0 ]
	pqueue done q "$id"
	[ "$(stat_of q .gets)" = 1 ]
	pqueue get q
	[ "$(stat_of q .gets)" = 2 ]
	[ "$(stat_of q .leased)" = 0 ]
}

@test "stat: puts and gets go on counting for ever, dropped ones are in puts" {
	seq 100 | pqueue put q
	pqueue get --all q >/dev/null
	seq 50 | pqueue put q
	pqueue purge q
	[ "$(stat_of q .puts)" = 150 ]
	[ "$(stat_of q .queued)" = 0 ]
	[ "$(stat_of q .bytes)" = 0 ]
}

@test "stat: dead letters are counted" {
	pqueue put q a b
	pqueue get --retries 0 -c 2 q -- false || true
	[ "$(stat_of q .dead)" = 2 ]
}

@test "stat: each holder with its pid, command, attempt and since" {
	local begin
	begin=$(date +%s)
	pqueue put q a
	start g pqueue get q -- zoo wait worker
	await worker
	pqueue stat --json q >stat.json
	[ "$(jq '.holders | length' stat.json)" -eq 1 ]
	[ "$(jq '.holders[0].pid' stat.json)" -eq "$pid" ]
	[[ $(jq -r '.holders[0].command' stat.json) == *pqueue* ]]
	[ "$(jq '.holders[0].attempt' stat.json)" -eq 1 ]
	[ "$(jq '.leased' stat.json)" -eq 1 ]
	jq -e --argjson begin "$begin" '.holders[0].since | if type == "number" then . >= $begin - 1 else (. != null) end' stat.json
	kill "$(cat worker)"
	ended g
}

@test "stat: a holder that is dead is none, and its message is queued again" {
	pqueue put q a
	start g pqueue get q -- zoo wait worker
	await worker
	end g
	# Until its COMMAND is dead too, the message is still its own.
	wait_pids_gone 5 "$(cat worker)"
	all_back() { [ "$(stat_of q '[.queued, .leased, (.holders | length)]')" = '[1,0,0]' ]; }
	retry_until 5 all_back
}

@test "stat: oldest age is of the oldest that waits; none when nothing does" {
	pqueue create q
	pqueue stat --json q >none
	pqueue put q a
	# This lets time pass; nothing is awaited.
	sleep 0.2
	pqueue put q b
	pqueue stat --json q >some
	cat none some
	jq -e '.oldest == null' none
	jq -e '.oldest >= 0.2 and .oldest < 60' some
}

@test "stat as text has a line for each, and says the same as --json" {
	local key
	pqueue put q a bb
	lease q
	pqueue stat q >text
	for key in kind queued bytes leased delayed dead puts gets; do
		grep -qiw "$key" text || {
			echo "no $key in: $(cat text)"
			return 1
		}
	done
	grep -Eiw 'queued' text | grep -qw 1
	grep -Eiw 'puts' text | grep -qw 2
}

@test "stat tells limits and what else the queue was made with" {
	pqueue create --max 7 --max-bytes 1K --lifo --no-sync q
	pqueue stat --json q >stat.json
	cat stat.json
	jq -e '.max == 7 and .max_bytes == 1024 and .lifo == true and .sync == false and .closed == false' stat.json
}

@test "stat --json: a NAME and a holder's command with quotes, newlines and bad UTF-8 are still JSON" {
	local name=$'./a"b\\c\n\377'
	pqueue put "$name" a
	start g pqueue get "$name" -- zoo wait $'wor"ker\n\376'
	await $'wor"ker\n\376'
	pqueue stat --json "$name" >stat.json
	jq -e '.holders | length == 1' stat.json
	kill "$(cat $'wor"ker\n\376')"
	ended g
}

@test "peek prints the next message, and takes nothing" {
	pqueue put q a b
	run -0 --separate-stderr pqueue peek q
	[ "$output" = a ]
	[ -z "$stderr" ]
	run -0 pqueue peek -c 1 q
	[ "$output" = a ]
	[ "$(pqueue size q)" -eq 2 ]
}

@test "peek -c N: at most N, in the order in which they would be taken" {
	pqueue put q a b
	pqueue put -p 5 q c
	run -0 pqueue peek -c 2 q
	[ "$output" = $'c\na' ]
	run -0 pqueue peek --count 10 q
	[ "$output" = $'c\na\nb' ]
	pqueue create --lifo r
	pqueue put r a b c
	run -0 pqueue peek -c 2 r
	[ "$output" = $'c\nb' ]
}

@test "peek of an empty queue: 1, and not a word" {
	pqueue create q
	quiet 1 peek q
	quiet 1 peek -v q
	pqueue put q a
	lease q
	quiet 1 peek q
}

@test "peek does not wait, nor does it disturb one who does" {
	waiting g get q
	quiet 1 peek q
	still g
	pqueue put q a
	ends g 'exit 0'
}

@test "peek -v shows the id and the priority beside the message" {
	local id
	id=$(pqueue put -i -p 3 q message)
	run -0 pqueue peek -v q
	[[ $output == *"$id"* ]]
	[[ $output == *3* ]]
	[[ $output == *message* ]]
	[ "$(pqueue size q)" -eq 1 ]
}

@test "peek -v of a dead letter shows status, attempts and the end of stderr" {
	pqueue put q work
	run -1 pqueue get --retries 2 -f q -- sh -c 'echo "no luck: $PQUEUE_ATTEMPT" >&2; exit 7' < <(pqueue close q)
	run -0 pqueue peek -v q.dead
	[[ $output == *7* ]]
	[[ $output == *3* ]]
	[[ $output == *'no luck: 3'* ]]
	[[ $output == *work* ]]
}

@test "verify of a sound queue: 0" {
	pqueue create q
	run -0 pqueue verify q
	seq 2000 | pqueue put q
	pqueue put -p 4 q x
	pqueue put --delay 1h q y
	lease q
	pqueue get -c 100 q >/dev/null
	run -0 --separate-stderr pqueue verify q
	[ -z "$stderr" ]
}

@test "verify of a queue with a flipped bit in a message: 1, and it says so" {
	pqueue put q first damaged-one last
	damage q damaged-one
	run -1 pqueue verify q
	[ -n "$output" ]
}

@test "a flipped bit in a message: every other is still read, it is told once on stderr, and the next put works" {
	pqueue put q first damaged-one last
	damage q damaged-one
	run --separate-stderr pqueue get --all q
	[ "$output" = $'first\nlast' ]
	[ "${#stderr_lines[@]}" -eq 1 ]
	[[ $stderr == 'pqueue: q: '* ]]
	pqueue put q next
	run -0 --separate-stderr pqueue get -n q
	[ "$output" = next ]
	[ -z "$stderr" ]
}

@test "purge drops what waits and what is delayed, not what is leased" {
	local id
	pqueue put q a b c
	id=$(lease q)
	pqueue put --delay 1h q d
	run -0 pqueue purge q
	[ "$(pqueue size q)" -eq 0 ]
	[ "$(stat_of q .leased)" = 1 ]
	pqueue requeue q "$id"
	holds q <<<a
}

@test "purge of an empty queue: 0; the queue stays, and stays usable" {
	pqueue create q
	run -0 pqueue purge q
	pqueue put q a
	pqueue purge q
	pqueue put q b
	[ "$(pqueue get -n q)" = b ]
}

@test "purge does not close, and wakes no getter" {
	waiting g get q
	pqueue purge q
	still g
	pqueue put q a
	ends g 'exit 0'
}

@test "rm removes the queue with all that is in it" {
	pqueue put q a
	quiet 0 rm q
	[ ! -e "$(queue_dir q)" ]
	[ -z "$(ls state)" ]
	refused 'q: no such queue' size q
}

@test "rm of a path leaves the directory it lay in, and what lay beside it" {
	mkdir sub
	: >sub/other
	pqueue put sub/q a
	pqueue rm sub/q
	[ "$(ls sub)" = other ]
}

@test "rm is refused while a message is leased, unless --force" {
	pqueue put q a
	lease q
	run -1 --separate-stderr pqueue rm q
	[[ $stderr == 'pqueue: q: '* ]]
	[ "$(stat_of q .leased)" = 1 ]
	quiet 0 rm --force q
	[ ! -e "$(queue_dir q)" ]
}

@test "rm is refused while a COMMAND runs; --force removes it, and the get ends" {
	gate go
	pqueue put q a b
	start g pqueue get -f q -- sh -c 'echo >in; read -r _ <go'
	await in
	run -1 pqueue rm q
	pqueue rm --force q
	open_gate go
	ends g 'exit 3'
}

@test "rm is not refused because somebody waits, or has died with a lease" {
	pqueue put q a
	start g pqueue get q -- zoo wait worker
	await worker
	end g
	await_returned q
	quiet 0 rm q
	waiting w get r
	quiet 0 rm r
	ends w 'exit 3'
}

@test "rm: blocked callers then end with 3: get, put, join" {
	pqueue put --max 1 q a
	waiting p put q b
	waiting j join q
	waiting g get empty
	pqueue rm q
	pqueue rm empty
	ends p 'exit 3'
	ends j 'exit 3'
	ends g 'exit 3'
}

@test "rm touches nothing that is no queue" {
	mkdir dir
	: >dir/precious
	: >file
	run -2 pqueue rm ./dir
	run -2 pqueue rm --force ./dir
	run -2 pqueue rm --force ./file
	[ -e dir/precious ]
	[ -e file ]
}

@test "list: NAME, kind and size of each, sorted; nothing when there is none" {
	run -0 --separate-stderr pqueue list
	[ -z "$output$stderr" ]
	pqueue put beta 1 2 3
	pqueue create alpha
	pqueue create --kernel gamma
	pqueue put gamma x
	pqueue put ./path a
	run -0 --separate-stderr pqueue list
	[ -z "$stderr" ]
	[ "$(awk '{ print $1, $2, $3 }' <<<"$output")" = $'alpha file 0\nbeta file 3\ngamma kernel 1' ]
	pqueue rm gamma
}

@test "list shows the queue of dead letters, a queue like any other" {
	pqueue put q a
	pqueue get --retries 0 q -- false || true
	[ "$(pqueue list | awk '{ print $1, $3 }')" = $'q 0\nq.dead 1' ]
	[ "$(pqueue get -n q.dead)" = a ]
}

@test "list: a queue that cannot be opened is told, and the others are still shown" {
	pqueue put good a
	mkdir -m 700 "$(queue_dir bad)"
	: >"$(queue_dir bad)/what"
	run --separate-stderr pqueue list
	[[ $output == *good* ]]
	[[ $output$stderr == *bad* ]]
}

@test "list ignores what lies beside the queues and is none" {
	pqueue put q a
	: >state/file
	mkdir state/dir "state/a b.queue"
	[ "$(pqueue list 2>/dev/null | awk '{ print $1 }')" = q ]
}

@test "create makes an empty queue, and says nothing; again: 0" {
	quiet 0 create q
	[ "$(pqueue size q)" -eq 0 ]
	pqueue put q a
	quiet 0 create q
	[ "$(pqueue size q)" -eq 1 ]
}

@test "create: options that contradict the queue that stands: 2, nothing changed" {
	pqueue create --max 3 q
	pqueue put q a
	refused q create --lifo q
	refused q create --max 4 q
	refused q create --max-bytes 1M q
	refused q create --max-message 1M q
	refused q create --no-sync q
	refused q create --kernel q
	quiet 0 create --max 3 q
	holds q <<<a
}

@test "copied with cp -a, a queue has all that was in it, and goes its own way" {
	pqueue put q a b
	pqueue put -p 3 q urgent
	lease q
	cp -a "$(queue_dir q)" copy
	[ "$(pqueue get -n ./copy)" = urgent ] || [ "$(pqueue get -n ./copy)" = a ]
	pqueue put ./copy new
	pqueue purge ./copy
	run -0 pqueue verify ./copy
	[ "$(pqueue size q)" -eq 2 ]
	run -0 pqueue verify q
}

@test "moved to another path a queue is the same" {
	pqueue put ./q a b
	mv q r
	[ "$(pqueue get -n ./r)" = a ]
	refused './q: no such queue' size ./q
}

@test "rm of a queue in whose directory somebody else's file lies: 2, told; that stays, the queue is gone" {
	pqueue put q a
	echo mine >"$(queue_dir q)/notes"
	run -2 --separate-stderr pqueue rm q
	[[ $stderr == 'pqueue: q: removed, but'* ]]
	[ "$(ls "$(queue_dir q)")" = notes ]
}

@test "stat: the holder of another pid namespace is known by that, not by whoever has its pid here" {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	pqueue put q a
	start w unshare -pf --kill-child pqueue get q -- sh -c ': >here; exec sleep 100'
	await here
	[[ $(pqueue stat q) == *'in another pid namespace'* ]]
	[ "$(stat_of q '.holders[0].command')" = null ]
	end w
}
