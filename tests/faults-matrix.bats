#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# docs/reliability.md promises a status and a test for each fault; each of those
# tests is there, is run by a target, and tells of its row.

load helper

# rows: fault|tool|status|file|test
rows() {
	awk -F ' [|] ' '/^[|] / && !/^[|] (fault|claim) / {
		last = $NF
		sub(/ [|]$/, "", last)
		sub(/^[|] /, "", $1)
		i = index(last, "`: ")
		print $1 "|" (NF > 3 ? $2 "|" $3 : "-|-") "|" \
			substr(last, 2, i - 2) "|" substr(last, i + 3)
	}' "$SK_TOP/docs/reliability.md"
}

@test "matrix: every row has a status of the table and a test that exists" {
	rows >rows
	[ "$(wc -l <rows)" -ge 50 ]
	while IFS='|' read -r fault tool status file name; do
		grep -qxF "@test \"$name\" {" "$SK_TOP/tests/$file" || {
			echo "$fault ($tool): no test '$name' in $file"
			return 1
		}
		# (Statuses are numbers of the table, or words about it.)
		for n in $(grep -oE '[0-9]+' <<<"$status"); do
			case $n in
			0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 65 | 69 | 71 | \
				74 | 75 | 137 | 143) ;;
			*) echo "$fault: status $n"; return 1 ;;
			esac
		done
	done <rows
}

@test "matrix: each of those tests is run, and by bats" {
	rows | cut -d'|' -f4 | sort -u | while read -r file; do
		case $file in
		slow/*) grep -q 'tests/slow/' "$SK_TOP/Makefile" ;;
		real/*) grep -q 'tests/real/\*.bats' "$SK_TOP/Makefile" ;;
		*/*) false ;;
		*) grep -q 'ls -S tests/\*.bats' "$SK_TOP/tests/run" ;;
		esac
		# No test of it is switched off for good.
		not grep -nE '^[^#]*skip *$|^# *@test' "$SK_TOP/tests/$file"
	done
}

@test "matrix: every tool is in it, and every kind of fault there is" {
	for tool in sk-run sk-consensus sk-metrics sk-branch sk-login sk-auto \
		sk-faults; do
		rows | cut -d'|' -f2 | grep -q "$tool" || {
			echo "nothing about $tool"
			return 1
		}
	done
	sk-faults plan --json | jq -r '.kinds[].name' | while read -r kind; do
		grep -rqE "(^|[^a-z_])$kind([^a-z_]|\$)" \
			"$SK_TOP"/tests/faults-agents.bats \
			"$SK_TOP"/tests/faults-plan.bats \
			"$SK_TOP"/tests/faults-proxy.bats || {
			echo "nothing tries $kind"
			return 1
		}
	done
}
