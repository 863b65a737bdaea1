#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Submitters and drivers under kill -9 and SIGSTOP; then the checker, with the
# histories that they wrote outside of the database.

load helper

@test "a storm: no violation, and every kind of trouble was met" {
	storm=${SK_STORM:-$SK_TOP/build-faults/tools/storm}
	[ -x "$storm" ] || skip "no development build (make FAULTS=1 tools)"
	# A kill in the moment between a commit and its word to the caller is
	# rare: a storm that met none of them has tested nothing and is blown
	# again, five times at most.
	for try in 1 2 3 4 5 6; do
		rm -rf storm
		mkdir storm
		check 0 timeout "${STORM_SECONDS:-120}" "$storm" storm \
			"${STORM_KILLS:-2000}"
		echo "# $out" >&3
		missed=
		for what in 'in doubt' replayed fenced; do
			n=$(printf '%s\n' "$out" |
				sed "s/.*$what \([0-9]*\).*/\1/")
			[ "$n" -gt 0 ] || missed="$missed, $what"
		done
		has "$out" "failed 0"
		[ -n "$missed" ] || break
	done
	[ -z "$missed" ] || {
		echo "the storm tested nothing: none was${missed#,} ($try times)"
		false
	}
	check 0 sk-consensus audit --db storm/sk.db --evidence storm/ev \
		--history storm/history
	same "$(j '.result')" sound
	# Sequences without a gap, and every synthesis can be derived again.
	"$SK_BUILD/tools/store_check" storm/sk.db
	find storm/ev -name '*_synthesis.json' | head -n 40 |
		xargs sk-consensus verify --db storm/sk.db >verified
	same "$(jq -r .result verified | sort -u)" verified
}
