#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What a verdict costs, in instructions, so that no clock and no neighbour on
# the machine has a say: it grows with agents times paths, and no faster.

load helper

# cost AGENTS PATHS: thousands of instructions of one verdict
cost() {
	local n
	for n in 1 2; do
		valgrind --tool=callgrind --callgrind-out-file=/dev/null \
			"$bench" verdict "$1" "$2" $n 2>&1 >/dev/null |
			sed -n 's/.*Collected : //p'
	done | xargs | awk '{ printf "%d\n", ($2 - $1) / 1000 }'
}

@test "the cost of a verdict is linear in agents times paths" {
	bench=$SK_BUILD/tools/bench_consensus
	command -v valgrind >/dev/null || skip "no valgrind"
	case $(nm "$bench" 2>/dev/null) in
	*__asan_init* | *__gcov_init*) skip "not the build that is measured" ;;
	esac
	base=$(cost 20 100)
	[ "$base" -gt 1000 ]
	echo "# 20 x 100: $base thousand instructions" >&3
	for size in "80 100" "20 400" "80 400"; do
		# shellcheck disable=SC2086
		set -- $size
		now=$(cost "$1" "$2")
		echo "# $1 x $2: $now" >&3
		# Per value at most a fifth more than in the small one.
		[ $((now * 5)) -le $((base * $1 * $2 / 2000 * 6)) ]
	done
}
