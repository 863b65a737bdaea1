#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Fail-points of the development build, and their absence from a release.

load helper

# What is built with FAULTS=1 beside the build under test, else made here.
setup_file() {
	local top=$BATS_TEST_DIRNAME/.. tool
	tool=$top/build-faults/tools/store_stress
	if [ ! -x "$tool" ] && command -v cc >/dev/null; then
		tool=$BATS_FILE_TMPDIR/store_stress
		(cd "$top" && cc -std=c17 -O1 -D_GNU_SOURCE -DSK_FAULTS -Ilib \
			-o "$tool" tests/tools/store_stress.c lib/core/*.c \
			lib/faults/*.c lib/sys/lock.c lib/store/*.c \
			-lsqlite3 -lsodium) || :
	fi
	export FAULTY=$tool
}

local_setup() {
	look=$SK_BUILD/tools/store_check
	mkdir -p "$BATS_TEST_TMPDIR/state"
	db=$BATS_TEST_TMPDIR/state/sk.db
}

teardown() {
	[ -z "${pid:-}" ] || kill -KILL "$pid" 2>/dev/null || :
}

need_faulty() {
	[ -x "$FAULTY" ] || skip "no development build (make FAULTS=1 tools)"
	[ -x "$look" ] || skip "store_check is not built"
}

rows() {
	"$look" "$db" "SELECT count(*)FROM agent_outputs"
}

@test "a count of three fires three times, over all processes" {
	need_faulty
	check 0 "$FAULTY" intake "$db"
	export SPEC_KIT_FAULTS=store.intake.before_commit:3=errno:ENOSPC
	for want in 74 74 74 0 0; do
		check "$want" "$FAULTY" intake "$db"
	done
	same "$(rows)" 3
	# Side by side: exactly three of twenty.
	rm "$db-faults"
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		"$FAULTY" intake "$db" >/dev/null 2>&1 || echo "$i" >>fired &
	done
	wait
	same "$(wc -l <fired)" 3
	same "$(rows)" 20
}

@test "killed before the commit: nothing; after it: the row" {
	need_faulty
	check 0 "$FAULTY" intake "$db"
	export SPEC_KIT_FAULTS=store.intake.before_commit:1
	check 137 "$FAULTY" intake "$db"
	same "$(rows)" 1
	check 0 "$FAULTY" intake "$db"
	same "$(rows)" 2
	export SPEC_KIT_FAULTS=store.intake.after_commit:1=kill9
	check 137 "$FAULTY" intake "$db"
	same "$(rows)" 3
	unset SPEC_KIT_FAULTS
	check 0 "$look" "$db"
	same "$out" ok
}

@test "killed in a migration or a checkpoint: the next one finishes it" {
	need_faulty
	now=$(sed -n "s/^#define SK_SCHEMA_VERSION //p" "$SK_TOP"/lib/store/*.h)
	check 0 "$FAULTY" make-v1 "$db"
	SPEC_KIT_FAULTS=store.migrate.before_commit:1 \
		check 137 "$FAULTY" intake "$db"
	same "$("$look" "$db" "PRAGMA user_version")" 1
	check 0 "$FAULTY" intake "$db"
	same "$("$look" "$db" "PRAGMA user_version")" "$now"
	SPEC_KIT_FAULTS=store.checkpoint.before:1 \
		check 137 "$FAULTY" fill "$db" 300 200
	n=$(rows)
	SPEC_KIT_FAULTS=store.checkpoint.after:1 \
		check 137 "$FAULTY" fill "$db" 300 200
	[ "$(rows)" -gt "$n" ]
	check 0 "$FAULTY" read "$db"
	check 0 "$look" "$db"
}

@test "the other actions: exit, sleep, freeze, nonsense" {
	need_faulty
	check 0 "$FAULTY" intake "$db"
	SPEC_KIT_FAULTS=store.intake.before_commit=exit:42 \
		check 42 "$FAULTY" intake "$db"
	rm "$db-faults"
	SPEC_KIT_FAULTS=store.intake.before_commit:1=sleep:20 \
		check 0 "$FAULTY" intake "$db"
	rm "$db-faults"
	SPEC_KIT_FAULTS=store.intake.before_commit:1=errno:EIO \
		check 74 "$FAULTY" intake "$db"
	has "$err" "Input/output error"
	# A typo must not make a test green.
	SPEC_KIT_FAULTS=store.intake.befor_commit check 2 "$FAULTY" intake "$db"
	has "$err" "did you mean 'store.intake.before_commit'?"
	SPEC_KIT_FAULTS=x:y,=z check 2 "$FAULTY" intake "$db"
	has "$err" "unknown fault 'x'"
	rm -f "$db-faults"
	SPEC_KIT_FAULTS=store.intake.after_commit:1=freeze \
		"$FAULTY" intake "$db" &
	pid=$!
	wait_for stopped "$pid"
	check 75 "$FAULTY" lock "$db" 50
	has "$err" "which is stopped"
	kill -CONT "$pid"
	wait "$pid"
	check 0 "$FAULTY" lock "$db" 5000
}

# marks: the names that nothing else has: dotted points, and kinds and aliases of
# two words (but providers speak of rate_limit as well).
marks() {
	sk-faults plan --json | jq -r '
		(.points[] | select(contains("."))),
		(.kinds[] | .name, ((.aliases // "") | split(" ")[]) |
			select(contains("_") and (test("^rate_limit") | not)))' |
		sort -u
}

@test "a release has no fail-point: no symbol, no variable, no name" {
	command -v strings >/dev/null || skip "no strings"
	command -v nm >/dev/null || skip "no nm"
	sk-faults plan --json | jq -e '.build == "release"' >/dev/null ||
		skip "this is no release"
	marks >words
	[ "$(wc -l <words)" -ge 60 ]
	printf '%s\n' sk_fault_ sk_hurt_ SPEC_KIT_FAULTS CODEX_FAULTS SK_MUTANT \
		before_commit after_commit "fault counters" >parts
	n=0
	for f in "$SK_BIN"/* "$SK_BUILD"/libsk.a; do
		[ -f "$f" ] || continue
		case $f in */sk-faults) continue ;; esac
		n=$((n + 1))
		strings -a "$f" >strings
		if grep -Fw -f words strings || grep -F -f parts strings; then
			echo "that is in $f"
			return 1
		fi
		if nm "$f" 2>/dev/null | grep -E 'sk_(fault|hurt)_'; then
			echo "that is a symbol of $f"
			return 1
		fi
	done
	[ "$n" -ge 9 ]
}

@test "a development build has what a release has not" {
	need_faulty
	dev=${SK_FAULTY_BIN:-$SK_TOP/build-faults/bin}
	[ -x "$dev/sk-run" ] || skip "no development build (make FAULTS=1)"
	for f in "$dev"/sk-run "$dev"/sk-consensus "$dev"/sk-login; do
		strings -a "$f" >strings
		for s in SPEC_KIT_FAULTS CODEX_FAULTS SK_MUTANT "fault counters" \
			$(marks); do
			grep -qF -- "$s" strings || {
				echo "no '$s' in $f"
				return 1
			}
		done
		nm "$f" | grep -q ' T sk_fault_hit'
	done
	# And the tool knows them in a release, too: it explains plans.
	strings -a "$SK_BIN/sk-faults" >strings
	grep -q agent_timeout strings
}

@test "a release does not know the variable" {
	stress=$SK_BUILD/tools/store_stress
	[ -x "$stress" ] || skip "store_stress is not built"
	SPEC_KIT_FAULTS=store.intake.before_commit:9 check 0 "$stress" intake "$db"
	same "$err" ""
	[ ! -e "$db-faults" ]
}
