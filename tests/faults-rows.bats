#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Rows of the fault matrix that every tool has: the same fault, each tool, its
# status; then without the fault it works.

load helper

local_setup() {
	DEV=${SK_FAULTY_BIN:-$SK_TOP/build-faults/bin}
	[ -x "$DEV/sk-faults" ] || skip "no development build (make FAULTS=1)"
	PATH=$DEV:$PATH
	mkdir -p .sk docs/S-1
	echo '# S' >docs/S-1/spec.md
	printf '#!/bin/sh\ncat >/dev/null\necho %s\n' \
		"'{\"stage\":\"plan\",\"requirements\":[\"R-1\"],\"work_breakdown\":[{\"id\":\"W\",\"step\":\"do\"}],\"complexity\":\"low\"}'" \
		>agent
	chmod +x agent
	for a in a b; do
		printf '[agents.%s]\nadapter = "exec"\ncommand = ["%s/agent"]\n' \
			$a "$PWD"
	done >sk.toml
	export SK_CONFIG=$PWD/sk.toml SK_LOGIN_STORE=file
	printf 01234567890123456789012345678901 >key
	chmod 600 key
	export SK_KEY_FILE=$PWD/key
	echo p >p
	echo sk-ant-api03-0123456789abcdef >token
	check 0 sk-run -a a -a b --run r --spec S --stage plan -p p --json
	cp "$BATS_TEST_TMPDIR/.out" records
	jq -c 'select(.schema == "sk.answer/1") | .run = "z" | .branch = "z1" | .usage =
		{input_tokens: 10, output_tokens: 5}' records >priced
	mv "$(dirname "$SK_DB")" base
}

# one TOOL STATUS: its typical command ends with that status
one() {
	local in=/dev/null
	case $1 in
	run) set -- "$2" sk-run -a a --run r2 --spec S --stage tasks -p p ;;
	consensus)
		in=records
		set -- "$2" sk-consensus --expect a,b --no-evidence
		;;
	metrics)
		in=priced
		set -- "$2" sk-metrics record
		;;
	branch) set -- "$2" sk-branch new --run r ;;
	login)
		in=token
		set -- "$2" sk-login login anthropic
		;;
	auto) set -- "$2" sk-auto run S-1 -a a -a b --only plan ;;
	esac
	feed_file "$in" "$@" --json
}

# A database with a run in it, as it was.
fresh() {
	rm -rf "$(dirname "$SK_DB")" docs/evidence docs/S-1/plan.md c
	cp -R base "$(dirname "$SK_DB")"
}

# table: TOOL PLAN STATUS, from the input; and afterwards it works
table() {
	export SPEC_KIT_FAULTS_FILE=$PWD/c
	while read -r tool plan want; do
		fresh
		SPEC_KIT_FAULTS=$plan one "$tool" "$want"
		[ "$want" -gt 128 ] || [ -n "$err" ]
		[ ! -e "$SK_DB" ] || check 0 sk-consensus audit --json
		one "$tool" 0
	done
}

teardown() {
	[ -z "${pid:-}" ] || kill -KILL "$pid" 2>/dev/null || :
}

@test "a damaged database: 65 from every tool that has one, and the file is kept" {
	for tool in run consensus metrics branch auto; do
		fresh
		rm -rf "$SK_DB"-*
		echo 'this was a database once, and is none any more' >"$SK_DB"
		cp "$SK_DB" was
		one "$tool" 65
		cmp was "$SK_DB"
		has "$err" "$SK_DB"
	done
	one login 0
}

@test "a newer schema: 69 from every tool that has a database, and both versions" {
	for tool in run consensus metrics branch auto; do
		fresh
		sqlite3 "$SK_DB" 'PRAGMA user_version = 9999'
		one "$tool" 69
		has "$err" 9999
	done
	one login 0
}

@test "fsync fails: 74 from every tool, nothing half, and again it is done" {
	table < <(printf '%s fsync:eio#1+ 74\n' run consensus branch metrics auto login)
	# The login that was there is whole.
	one login 0
	rm -f c
	SPEC_KIT_FAULTS=fsync:eio#1+ one login 74
	unset SPEC_KIT_FAULTS_FILE
	check 0 sk-login token anthropic
	same "$(cat "$BATS_TEST_TMPDIR/.out")" "$(cat token)"
}

@test "busy or full for good: sk-auto ends with 75 and 74, and goes on afterwards" {
	table <<-'END'
		auto db_busy:999 75
		auto disk_full:999 74
	END
}

@test "SIGTERM inside: the transaction is whole or not there, 143, and again" {
	table <<-'END'
		consensus store.begin=term 143
		metrics store.begin=term 143
		branch store.begin=term 143
		consensus store.commit=term 143
		metrics store.commit=term 143
		branch store.commit=term 143
	END
}

@test "memory runs out at once: 71 from every tool, nothing changed" {
	table < <(printf '%s malloc:fail#40+ 71\n' run consensus metrics branch login auto)
}

@test "the same records twice: counted once, and said" {
	fresh
	feed_file priced 0 sk-metrics record --json
	check 0 sk-metrics show --run z --json
	total=$(j -c '[.totals // .]')
	feed_file priced 0 sk-metrics record
	has "$err" "0 booked, 2 known"
	check 0 sk-metrics show --run z --json
	same "$(j -c '[.totals // .]')" "$total"
	has "$total" '"input":20'
}

@test "twice and in another order: sk-auto decides and books once" {
	fresh
	SPEC_KIT_FAULTS=duplicate:9,reorder:9 one auto 0
	same "$(sk-faults status --json | jq '[.counters[].hits] | add > 0')" true
	check 0 sk-consensus audit --json
	same "$(sqlite3 "$SK_DB" "SELECT count(*) FROM decisions
		WHERE stage='plan' AND run_id<>'r'")" 1
	same "$(sqlite3 "$SK_DB" "SELECT o.agent_name, count(*) FROM agent_outputs o
		JOIN requests q USING(request_id) WHERE q.run_id<>'r'
		GROUP BY 1" | xargs)" "a|1 b|1"
}

@test "SIGSTOP: sk-run wakes to find that time is up" {
	printf '#!/bin/sh\ntouch begun\nexec sleep 60\n' >sleeper
	chmod +x sleeper
	sk-run -p p --exec s=./sleeper -t 3s --json >o 2>e 3>&- &
	pid=$!
	for _ in $(seq 1000); do
		[ ! -e begun ] || break
		sleep 0.01
	done
	all="$pid $(cat /proc/$pid/task/*/children)"
	kill -STOP $all
	sleep 3.1
	from=$(date +%s%N)
	kill -CONT $all
	got=0
	wait "$pid" || got=$?
	same "$got $(jq -r 'select(.agent == "s").failure.kind' o)" \
		"9 timeout_total"
	# Not three seconds more.
	[ $(($(date +%s%N) - from)) -lt 2500000000 ]
}

@test "SIGSTOP of a writer: whoever reads goes on" {
	fresh
	SPEC_KIT_FAULTS=store.commit=freeze sk-branch new --run r >/dev/null \
		2>&1 3>&- &
	pid=$!
	for _ in $(seq 1000); do
		grep -q '^State:.T' "/proc/$pid/status" && break
		sleep 0.01
	done
	check 0 sk-metrics show --run r --json
	check 0 sk-branch list --all --json
	check 0 sk-consensus audit --json
	check 0 sk-auto status S-1 --json
	grep -q '^State:.T' "/proc/$pid/status"
	kill -KILL "$pid"
	wait "$pid" || :
	one branch 0
}
