#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What takes minutes: 20,000 kills, and every stage in 2,000 more orders.

load ../helper

@test "a storm of 20,000 kills: no violation" {
	storm=${SK_STORM:-$SK_TOP/build-faults/tools/storm}
	[ -x "$storm" ] || skip "no development build (make FAULTS=1 tools)"
	mkdir storm
	check 0 timeout 3600 "$storm" storm "${STORM_KILLS:-20000}"
	echo "# $out" >&3
	# What met none of these has tested nothing.
	for what in 'in doubt' replayed fenced; do
		[ "$(printf '%s\n' "$out" |
			sed "s/.*$what \([0-9]*\).*/\1/")" -gt 0 ]
	done
	has "$out" "failed 0"
	check 0 sk-consensus audit --db storm/sk.db --evidence storm/ev \
		--history storm/history
	same "$(j '.result')" sound
}

@test "every verdict in 2,000 random orders of up to 32 answers" {
	order=$SK_BUILD/unit/test_consensus_order
	[ -x "$order" ] || skip "the unit tests are not built"
	SK_ORDER_RANDOM=2000 timeout 3600 "$order" >orders
	# And through the store: 200 stages, with late ones and other attempts.
	SK_ORDER_RANDOM=1 timeout 3600 \
		"$SK_BUILD/unit/test_consensus_arrival" >>orders
	sed 's/^/# /' orders >&3
}
