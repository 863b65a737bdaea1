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
	check 0 sk-consensus audit --db storm/sk.db --evidence storm/ev \
		--history storm/history
	same "$(j '.result')" sound
}

@test "every verdict in 2,000 random orders of up to 32 answers" {
	order=$SK_BUILD/unit/test_consensus_order
	[ -x "$order" ] || skip "the unit tests are not built"
	SK_ORDER_RANDOM=2000 timeout 3600 "$order" >orders
	cat orders >&3
}
