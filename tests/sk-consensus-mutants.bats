#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Safeguards left out one by one (SK_MUTANT, in development builds only): each
# must be noticed. A trial passes with the program as it is, and fails without
# the safeguard.

load helper

setup_file() {
	export FAULTY=${SK_FAULTY_BIN:-$BATS_TEST_DIRNAME/../build-faults/bin}/sk-consensus
}

one() { # RUN STAGE
	for a in a b; do
		printf '{"schema":"sk.answer/1","run":"%s","spec":"S","stage":"%s","agent":"%s","content":"{\\"k\\":1}"}\n' \
			"$1" "$2" $a
	done
}

code() { jq -r '.error.code // .status' 2>/dev/null; }

sound() { sk-consensus audit --evidence docs >/dev/null; }

# A driver stops at POINT; its lease runs out; it cannot be killed by identity.
freeze() { # POINT
	SK_LEASE_MS=50 SPEC_KIT_FAULTS=$1=freeze "$FAULTY" --expect a,b <in \
		>zombie.out 2>/dev/null &
	zombie=$!
	wait_for stopped $zombie || return 1
	sqlite3 "$SK_DB" "UPDATE leases SET start_ticks=start_ticks-1"
}

# ---- trials: 0 when all is as it must be ----

trial_simple() {
	one r plan >in
	"$FAULTY" --expect a,b <in >/dev/null || return 1
	one r tasks | "$FAULTY" --expect a,b >/dev/null || return 1
	sound
}

trial_again() {
	one r plan >in
	"$FAULTY" --expect a,b <in >/dev/null || return 1
	[ "$("$FAULTY" --expect a,b,c <in | jq .decision_seq)" = 2 ] || return 1
	[ "$("$FAULTY" --expect a,b <in | jq .decision_seq)" = 3 ]
}

trial_gate() {
	one r plan | "$FAULTY" --expect a,b --no-ack >/dev/null || return 1
	[ "$(one r tasks | "$FAULTY" --expect a,b 2>/dev/null | code)" = pending ]
}

trial_stale() {
	one r plan | "$FAULTY" --expect a,b >/dev/null || return 1
	one r tasks | "$FAULTY" --expect a,b >/dev/null || return 1
	[ "$(one r audit | SK_RUN=r SK_EPOCH=1 "$FAULTY" --expect a,b --no-ack --no-evidence \
		2>/dev/null | code)" = fenced ]
}

trial_publish() {
	one r plan >in
	freeze consensus.decided || return 1
	"$FAULTY" --expect a,b --no-evidence <in >/dev/null || return 1
	kill -CONT $zombie
	wait $zombie
	[ -z "$(find docs -name '*_synthesis.json')" ] && sound
}

trial_ack() {
	one r plan >in
	freeze consensus.published || return 1
	"$FAULTY" replay --run r --no-ack >/dev/null || return 1
	kill -CONT $zombie
	wait $zombie
	[ $? -eq 8 ] && sound
}

trial_order() {
	one r plan >in
	SPEC_KIT_FAULTS=store.publish.before_rename "$FAULTY" --expect a,b <in \
		>/dev/null 2>&1 && return 1
	[ "$(sk-consensus pending --run r | jq .decision_seq)" = 1 ] || return 1
	[ -z "$(find docs -name '*_synthesis.json')" ]
}

trial_dirsync() {
	one r plan >in
	SPEC_KIT_FAULTS=store.publish.after_rename=errno:EIO "$FAULTY" \
		--expect a,b <in >/dev/null 2>&1
	[ $? -eq 74 ]
}

trial_stop() {
	one r plan | "$FAULTY" --expect a,b --no-ack >/dev/null || return 1
	"$FAULTY" stop --run r >/dev/null || return 1
	[ "$("$FAULTY" ack --run r --seq 1 2>/dev/null | code)" = run_stopped ]
}

trial_copy() {
	one r plan | "$FAULTY" --expect a,b >/dev/null || return 1
	sqlite3 "$SK_DB" "VACUUM INTO 'copy.db'"
	sleep 1.1
	one r tasks | "$FAULTY" --expect a,b >/dev/null || return 1
	rm "$SK_DB"*
	cp copy.db "$SK_DB"
	[ "$(one r audit | "$FAULTY" --expect a,b 2>/dev/null | code)" = \
		older_database ]
}

trial_sha() {
	one r plan | jq -c '.sha256 = "00"' | "$FAULTY" intake >/dev/null 2>&1
	[ $? -eq 65 ]
}

trial_run() {
	one q plan | "$FAULTY" intake --run r >/dev/null 2>&1
	[ $? -eq 65 ]
}

trial_sweep() {
	one r plan >in
	mkdir -p docs/evidence/consensus/S
	touch docs/evidence/consensus/S/.tmp.0123456789abcdef
	sleep 0.1
	# (Its age is that of the inode's change, which nobody can set back.)
	cc -shared -fPIC -o later.so -x c - <<-'END' 2>/dev/null || return 0
		#define _GNU_SOURCE
		#include <dlfcn.h>
		#include <time.h>
		int clock_gettime(clockid_t c, struct timespec *t)
		{
			int (*real)(clockid_t, struct timespec *) =
			    (int (*)(clockid_t, struct timespec *))
			    dlsym(RTLD_NEXT, "clock_gettime");
			int r = real(c, t);
			if (c == CLOCK_REALTIME)
				t->tv_sec += 3600;
			return r;
		}
	END
	LD_PRELOAD=$PWD/later.so "$FAULTY" --expect a,b <in >/dev/null || return 1
	[ ! -e docs/evidence/consensus/S/.tmp.0123456789abcdef ]
}

trial_lease() {
	one r plan >in
	freeze consensus.decided || return 1
	timeout 3 "$FAULTY" --expect a,b <in >/dev/null 2>&1
	got=$?
	kill -KILL $zombie
	wait $zombie 2>/dev/null
	[ $got -eq 0 ]
}

# What is said to be on disk was flushed: in their order the file, its name, its
# directory, and every commit.
trial_flush() {
	one r plan >in
	strace -f -y -o trace -e trace=fdatasync,fsync,renameat,renameat2 \
		"$FAULTY" --expect a,b <in >/dev/null 2>&1 || return 1
	awk '
		/renameat.*_synthesis/ { named = 1; if (last !~ /\.tmp\./) bad = 1 }
		/fsync.*docs.evidence/ && named { dir = 1 }
		/fdatasync.*-wal/ { wal++; if (dir) acked = 1 }
		{ last = $0 }
		END { exit bad || !named || !dir || !acked || wal < 3 }
	' trace
}

trial_drivers() {
	one r plan >in
	SPEC_KIT_FAULTS=consensus.decided=freeze "$FAULTY" --expect a,b <in \
		>zombie.out 2>/dev/null &
	zombie=$!
	wait_for stopped $zombie
	# It is alive and its lease is good: others wait.
	timeout 1 "$FAULTY" --expect a,b <in >/dev/null 2>&1
	got=$?
	kill -KILL $zombie
	wait $zombie 2>/dev/null
	[ $got -eq 124 ]
}

trial_first() {
	one r plan | "$FAULTY" intake >/dev/null || return 1
	one r plan | sed 's/:1}/:2}/; s/"spec"/"attempt":2,"spec"/' |
		"$FAULTY" intake >again 2>/dev/null || return 1
	[ "$(jq -r .result again | sort -u)" = divergent ] &&
		sk-consensus audit >/dev/null
}

# mutants and their trials on standard input; what nobody noticed into $alive
run_mutants() {
	top=$PWD
	while IFS='|' read -r mutant trial; do
		for m in "" "$mutant"; do
			dir=$top/$trial.${m:-none}
			# (As it is, once is enough.)
			[ ! -d "$dir" ] || continue
			mkdir "$dir"
			got=0
			(
				set +e
				cd "$dir" || exit 70
				export SK_DB=$dir/state/sk.db SK_MUTANT=$m
				[ -n "$m" ] || unset SK_MUTANT
				"trial_$trial"
			) >"$dir/log" 2>&1 </dev/null || got=$?
			if [ -z "$m" ] && [ $got -ne 0 ]; then
				echo "$trial fails with the program as it is"
				cat "$dir/log"
				false
			elif [ -n "$m" ] && [ $got -eq 0 ]; then
				alive="$alive $m"
			fi
		done
		n=$((n + 1))
	done
}

@test "every mutant is noticed, and the program itself is not" {
	[ -x "$FAULTY" ] || skip "no development build (make FAULTS=1)"
	grep -qaF no_dirsync "$FAULTY" ||
		skip "the development build is older than this test"
	n=0
	alive=
	run_mutants <<-'END'
	no_chain|simple
	no_decide_journal|simple
	no_ack_journal|simple
	always_replay|again
	no_gate|gate
	no_decide_epoch|stale
	no_publish_epoch|publish
	no_ack_epoch|ack
	ack_first|order
	no_rename|order
	no_dirsync|dirsync
	no_stop|stop
	no_place_check|copy
	no_sha|sha
	no_wrong_run|run
	no_sweep|sweep
	no_lease|lease
	no_new_epoch|simple
	no_driver_lock|drivers
	no_first_wins|first
	no_gate_key|simple
	no_answer_key|simple
	no_journal_guard|simple
	END
	same "alive:$alive" "alive:"
	[ $n -ge 12 ]
	strace -o trace true 2>/dev/null ||
		skip "no strace: the flushes of files and commits were not tried"
	run_mutants <<-'END'
	no_datasync|flush
	no_dirsync|flush
	no_walsync|flush
	END
	same "alive:$alive" "alive:"
}

@test "a release has no mutant" {
	for f in "$SK_BIN"/sk-*; do
		case $f in
		*build-faults*) skip "this is a development build" ;;
		esac
		not grep -qaE 'SK_MUTANT|no_publish_epoch|ack_first' "$f"
	done
}
