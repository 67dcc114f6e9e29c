#!/usr/bin/env bats
# shellcheck disable=SC2154  # pqueue-rounds sets kills and totals
# Short versions of what tests/torture does for longer.
load helpers
load queues
load pqueue-rounds

# short CREATE-ARG...: a campaign of a second or two. What a failure leaves to look at is told first.
short() {
	local try
	for try in 1 2 3 4; do
		campaign 25 8 "$@" || {
			ls -R failed
			return 1
		}
		# On a busy machine one can be over before anybody was killed.
		if [ "$kills" -gt 0 ] && [ "${totals[1]}" -gt 100 ]; then return; fi
	done
	echo "after $try campaigns: $kills kills, ${totals[1]} acknowledged"
	return 1
}

@test "putters, getters, workers and others killed at random: nothing lost, nothing unexpected (--no-sync)" {
	short --no-sync
}

@test "putters, getters, workers and others killed at random: nothing lost, nothing unexpected (synced)" {
	short
}

@test "the same with room for few, where putters wait too" {
	short --no-sync --max 40
}

@test "the same, the newest first" {
	short --no-sync --lifo
}

@test "the same with so much that old segments are emptied and go" {
	short large --no-sync
}
