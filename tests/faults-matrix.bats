#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# docs/reliability.md promises a status and a test for each fault; each of those
# tests is there, is run by a target, and tells of its row; and no fault, tool or
# crash window is left out. The last test sees each of these checks fail.

load helper

local_setup() {
	rows "$SK_TOP/docs/reliability.md"
}

# rows DOCUMENT: the file "rows" of fault|tool|status|file|test
rows() {
	awk -F ' [|] ' '/^[|] / && !/^[|] (fault|claim) / {
		last = $NF
		sub(/ [|]$/, "", last)
		sub(/^[|] /, "", $1)
		i = index(last, "`: ")
		print $1 "|" (NF > 3 ? $2 "|" $3 : "-|-") "|" \
			substr(last, 2, i - 2) "|" substr(last, i + 3)
	}' "$1" >rows
}

tests_exist() {
	local fault tool status file name n
	[ "$(wc -l <rows)" -ge 85 ] || { echo "few rows"; return 1; }
	while IFS='|' read -r fault tool status file name; do
		grep -qxF "@test \"$name\" {" "$SK_TOP/tests/$file" || {
			echo "$fault ($tool): no test '$name' in $file"
			return 1
		}
		# (Statuses are numbers of the table, or words about it.)
		for n in $(grep -oE '[0-9]+' <<<"$status"); do
			case $n in
			0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 65 | 69 | 71 | \
				74 | 75 | 130 | 137 | 143) ;;
			*) echo "$fault: status $n"; return 1 ;;
			esac
		done
	done <rows
}

tests_are_run() {
	local file
	for file in $(cut -d'|' -f4 rows | sort -u); do
		case $file in
		slow/*) grep -q 'tests/slow/' "$SK_TOP/Makefile" ;;
		real/*) grep -q 'tests/real/\*.bats' "$SK_TOP/Makefile" ;;
		*/*) false ;;
		*) grep -q 'ls -S tests/\*.bats' "$SK_TOP/tests/run" ;;
		esac || { echo "nobody runs $file"; return 1; }
		# No test of it is switched off for good.
		if grep -nE '^[^#]*skip *$|^# *@test' "$SK_TOP/tests/$file"; then
			echo "$file: switched off"
			return 1
		fi
	done
}

# What a row says in backquotes after *dev* is a plan.
plans_are_plans() {
	local plan n=0
	while read -r plan; do
		plan=$(sed 's/KIND/empty/; s/SECONDS/5/; s/#N/#1/' <<<"$plan")
		sk-faults plan "$plan" --json >plan.out 2>&1 || {
			cat plan.out
			return 1
		}
		n=$((n + 1))
	done < <(sed -n 's/^\([^|]*[*]dev[*][^|]*\)|.*/\1/p' rows |
		grep -oE '`[^`]+`' | tr -d '`')
	[ "$n" -ge 12 ] || { echo "$n plans"; return 1; }
}

# Each of these faults is there for each of these tools.
nothing_is_left_out() {
	local fault tools tool
	while IFS='|' read -r fault tools; do
		case $tools in all) tools='run consensus metrics branch login auto' ;;
		db) tools='run consensus metrics branch auto' ;; esac
		for tool in $tools; do
			grep -iE "^$fault" rows | cut -d'|' -f2 | sed '
				s/every tool/run consensus metrics branch login auto/
				s/all with a database/run consensus metrics branch auto/
				s/sk-//g' | tr ', ' '\n\n' | grep -qx "$tool" || {
				echo "no row about '$fault' and sk-$tool"
				return 1
			}
		done
	done <<-'END'
		kill -9|all
		SIG[TI]|all
		SIGSTOP|all
		no memory|all
		disk full|all
		EIO on fsync|all
		database busy|db
		database damaged|db
		newer schema|db
		network down|run login auto
		hostile|run consensus metrics auto
		duplicate|run consensus metrics branch auto
		before the real|faults
	END
	for n in $(seq 19); do
		grep -qE "W$n([^0-9]|$)" <(sed 's/W1 to W4/W1 W2 W3 W4/' rows) || {
			echo "no row about W$n"
			return 1
		}
	done
}

# kinds_are_tried KIND...: in a plan, in a test of programs
kinds_are_tried() {
	local kind
	[ $# -ge 15 ] || { echo "$# kinds of fault"; return 1; }
	for kind; do
		# (The word alone is also a command.)
		case $kind in kill) kind=kill=[a-z.]+ ;; esac
		grep -hvE '^[[:space:]]*#' "$SK_TOP"/tests/faults-agents.bats \
			"$SK_TOP"/tests/faults-proxy.bats |
			grep -qE "(^|[^a-z_.])$kind([^a-z_]|\$)" || {
			echo "nothing tries '$kind'"
			return 1
		}
	done
}

kinds() {
	sk-faults plan --json | jq -r '.kinds[].name'
}

@test "matrix: every row has a status of the table and a test that exists" {
	tests_exist
}

@test "matrix: each of those tests is run, and by bats" {
	tests_are_run
}

@test "matrix: every tool is in it, every crash window, every kind of fault" {
	nothing_is_left_out
	plans_are_plans
	kinds_are_tried $(kinds)
}

@test "matrix: these checks notice" {
	doc=$SK_TOP/docs/reliability.md
	while IFS='~' read -r edit checker said; do
		sed "$edit" "$doc" >doc
		not cmp -s doc "$doc"
		rows doc
		got=$($checker) && { echo "'$edit' went unnoticed"; return 1; }
		has "$got" "$said"
	done <<'END'
s/: retries exhausted: /: retries exhausted, perhaps: /~tests_exist~no test 'retries exhausted, perhaps
s/^| retries exhausted .* sk-run .* the kind's /&42 /~tests_exist~status 42
/^. SIG/d~tests_exist~few rows
s,`sk-run-retry.bats`,`lint/run`,~tests_are_run~nobody runs lint/run
s/`agent_timeout@b:2`/`agent_timout@b:2`/~plans_are_plans~did you mean 'agent_timeout'
/^. SIGSTOP .*sk-login/d~nothing_is_left_out~no row about 'SIGSTOP' and sk-login
/W17/d~nothing_is_left_out~no row about W17
/^. hostile/d~nothing_is_left_out~no row about 'hostile' and sk-run
END
	for words in '' disconnect "$(kinds) agent_asleep"; do
		not kinds_are_tried $words
	done
}
