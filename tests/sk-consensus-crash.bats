#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The crash windows, W1 to W19: the development build is stopped exactly there,
# and what comes after finds one answer, one decision and one file.

load helper
load consensus

setup_file() {
	local bin=${SK_FAULTY_BIN:-$BATS_TEST_DIRNAME/../build-faults/bin}

	export FAULTY=$bin/sk-consensus FAULTY_RUN=$bin/sk-run
}

local_setup() {
	[ -x "$FAULTY" ] || skip "no development build (make FAULTS=1)"
	grep -qaF store.ack.checked "$FAULTY" ||
		skip "the development build is older than this test"
	children=
}

teardown() {
	for p in $children; do
		kill -CONT "$p" 2>/dev/null || :
		kill -KILL "$p" 2>/dev/null || :
	done
}

one() { # RUN STAGE
	ans a '{"k":1}' "run: \"$1\", spec: \"S\", stage: \"$2\""
	ans b '{"k":1}' "run: \"$1\", spec: \"S\", stage: \"$2\""
}

sql() { sqlite3 "$SK_DB" "$1"; }

sound() { # the history holds its rules, with the files
	"$SK_BUILD/tools/store_check" "$SK_DB" >look || {
		cat look
		return 1
	}
	same "$(find docs -name '*_synthesis.json' 2>/dev/null | wc -l)" \
		"$(sql "SELECT count(*) FROM decisions WHERE state='acked'")"
}

# freeze NAME POINT COMMAND...: stdin from the file "in"; sets pid
freeze() {
	SPEC_KIT_FAULTS=$2=freeze "${@:3}" <in >"$1.out" 2>"$1.err" &
	pid=$!
	children="$children $pid"
	wait_for stopped $pid
}

# clock_by SECONDS: a library that moves the wall clock
clock_by() {
	case $ASAN_OPTIONS-$(nm -D "$SK_BIN/sk-consensus" 2>/dev/null) in
	*__asan_init*) skip "a preloaded library and ASan do not go together" ;;
	esac
	cat >clock.c <<-'END'
		#define _GNU_SOURCE
		#include <dlfcn.h>
		#include <time.h>
		int clock_gettime(clockid_t c, struct timespec *t)
		{
			static int (*real)(clockid_t, struct timespec *);
			int r;
			if (!real)
				real = (int (*)(clockid_t, struct timespec *))
				    dlsym(RTLD_NEXT, "clock_gettime");
			r = real(c, t);
			if (c == CLOCK_REALTIME)
				t->tv_sec += SHIFT;
			return r;
		}
	END
	cc -shared -fPIC -DSHIFT="$1" -o "clock$1.so" clock.c 2>/dev/null ||
		skip "no compiler"
}

@test "W1 to W4: reserved, answered, captured, committed: asked again, one answer" {
	mkdir -p "$XDG_CONFIG_HOME/sk"
	cat >agent <<-'END'
		#!/bin/sh
		cat >/dev/null
		echo x >>calls
		echo '{"k":1}'
		# W2: the program that asked dies when the answer is there.
		[ ! -e kill-parent ] || { rm kill-parent; kill -9 $PPID; }
	END
	chmod +x agent
	ask() {
		echo hello | "$FAULTY_RUN" --exec "a=$PWD/agent" \
			--run "$1" --spec S --stage plan --round 1 --json
	}
	n=0
	for point in store.reserve.after_commit w2 store.intake.before_commit \
		store.intake.after_commit; do
		n=$((n + 1))
		if [ $point = w2 ]; then
			touch kill-parent
			ask r$n >out1 2>&1 || :
			[ ! -e kill-parent ]
		else
			SPEC_KIT_FAULTS=$point ask r$n >out1 2>&1 || :
		fi
		not grep -q '"status":"ok"' out1
		ask r$n >out2
		grep -q '"status":"ok"' out2
		sql "SELECT count(*) FROM agent_outputs o JOIN requests q
			USING(request_id) WHERE q.run_id='r$n'"
	done >seen
	same "$(xargs <seen)" "1 1 1 1"
	# Only where the answer was committed nobody is asked twice.
	same "$(sql "SELECT group_concat(attempt) FROM (SELECT attempt FROM
		requests ORDER BY run_id)")" "2,2,2,1"
	sound
}

@test "W4, W5, W6, W7, W9: stopped at every arrow, asked again: the same numbers" {
	n=0
	for point in store.intake.before_commit store.intake.after_commit \
		store.lease.after_commit store.decide.before_commit \
		store.decide.after_commit consensus.decided \
		store.publish.before_rename store.publish.after_rename \
		consensus.published store.ack.checked store.ack.before_commit \
		store.ack.after_commit; do
		n=$((n + 1))
		one r "s$n" >in
		SPEC_KIT_FAULTS=$point feed_file in 137 "$FAULTY" --expect a,b
		feed_file in 0 "$FAULTY" --expect a,b
		j '"\(.decision_seq) \(.decision.acked)"'
		feed_file in 0 sk-consensus --expect a,b
		same "$(j '.decision.replayed')" true
	done >seen
	same "$(cat seen)" "$(seq $n | sed 's/$/ true/')"
	sound
}

@test "W6: what a killed writer left is swept by a later one" {
	one r plan >in
	SPEC_KIT_FAULTS=store.publish.before_rename feed_file in 137 "$FAULTY" \
		--expect a,b
	dir=docs/evidence/consensus/S
	same "$(find $dir -name '.tmp.*' | wc -l)" 1
	# Not while it may have an owner.
	feed_file in 0 sk-consensus --expect a,b
	same "$(find $dir -name '.tmp.*' | wc -l)" 1
	clock_by 86400
	one r tasks >in
	LD_PRELOAD=$PWD/clock86400.so feed_file in 0 sk-consensus --expect a,b
	same "$(find $dir -name '.tmp.*' | wc -l)" 0
	sound
}

@test "W6: what a killed writer left beside an artefact goes with the next one" {
	mkdir -p .sk docs/DEMO
	echo '# Demo' >docs/DEMO/spec.md
	printf '#!/bin/sh\ncat >/dev/null\necho %s\n' \
		"'{\"stage\":\"plan\",\"requirements\":[\"R\"],\"work_breakdown\":[{\"id\":\"W\",\"step\":\"s\"}],\"complexity\":\"low\"}'" >a
	chmod +x a
	printf '[agents.a]\ncommand = ["%s/a"]\n' "$PWD" >c.toml
	echo half >docs/DEMO/.tmp.0123456789abcdef
	echo mine >docs/DEMO/.tmp.of-somebody
	check 0 sk-auto run DEMO --config c.toml -a a:2 --only plan
	[ -e docs/DEMO/.tmp.0123456789abcdef ]
	clock_by 86400
	LD_PRELOAD=$PWD/clock86400.so check 0 sk-auto run DEMO --config c.toml --format text \
		-a a:2 --only plan --new
	same "$(find docs/DEMO -name '.tmp*' | xargs)" docs/DEMO/.tmp.of-somebody
}

@test "W8: nothing is acknowledged before file and directory are on disk" {
	command -v strace >/dev/null || skip "no strace"
	one r plan >in
	strace -f -o trace -e trace=fdatasync,fsync,rename,renameat,renameat2 \
		"$FAULTY" --expect a,b <in >/dev/null 2>strace.err ||
		skip "strace: $(tail -n 1 strace.err)"
	# The order: bytes, name, directory, and only then the last commit.
	sed 's/^[0-9]* *//; s/(.*//' trace | xargs >calls
	has "$(cat calls)" "fdatasync rename"
	case $(cat calls) in
	*"fdatasync renameat fsync fdatasync"*) ;;
	*"fdatasync renameat2 fsync fdatasync"*) ;;
	*) cat calls; false ;;
	esac
}

@test "W10: many drivers at once: one after the other, or 75" {
	one r plan >in
	"$FAULTY" --expect a,b <in >/dev/null
	for i in $(seq 24); do
		(one r "s$i" | sk-consensus --expect a,b >"o$i" 2>/dev/null
			echo $? >"c$i") &
	done
	wait
	same "$(cat c* | sort -u | grep -v '^75$')" 0
	same "$(sql 'SELECT max(decision_seq) = count(*) FROM decisions')" 1
	sound
}

@test "W11: a driver that hangs is fenced and ended, and does no harm" {
	for point in consensus.decided store.publish.before_rename \
		consensus.published store.ack.checked; do
		one "r$point" plan >in
		SK_LEASE_MS=200 freeze zombie "$point" "$FAULTY" --expect a,b
		zombie=$pid
		case $point in
		# These two hold the queue: who freezes there stops everybody
		# until it is killed.
		store.publish.before_rename | store.ack.checked)
			kill -KILL "$zombie"
			wait "$zombie" || :
			;;
		esac
		feed_file in 0 "$FAULTY" --expect a,b
		same "$(j '.decision_seq, .decision.acked' | xargs)" "1 true"
		# It was killed while it hung.
		wait "$zombie" || [ $? -eq 137 ]
		[ ! -s zombie.out ]
	done
	sound
}

@test "W11: a driver that comes back finds that it is fenced" {
	one r plan >in
	# It has no identity that could be killed: another pid is in its lease.
	SK_LEASE_MS=200 freeze zombie consensus.decided "$FAULTY" --expect a,b
	zombie=$pid
	sql "UPDATE leases SET start_ticks=start_ticks-1"
	feed_file in 0 "$FAULTY" --expect a,b
	sum=$(sha256sum docs/evidence/consensus/S/*)
	stopped "$zombie"
	kill -CONT "$zombie"
	got=0
	wait "$zombie" || got=$?
	same "$got" 8
	same "$(jq -r .error.code zombie.out)" fenced
	same "$(sha256sum docs/evidence/consensus/S/*)" "$sum"
	same "$(sk-consensus log --run r --counts |
		jq -r '.counts["refused.fenced"]')" 1
	sound
}

@test "W12: the wall clock jumps a day: numbers and leases do not care" {
	clock_by -86400
	clock_by 86400
	n=0
	for shift in 86400 -86400 86400; do
		n=$((n + 1))
		one r "s$n" >in
		LD_PRELOAD=$PWD/clock$shift.so feed_file in 0 sk-consensus \
			--expect a,b
		same "$(j '.decision_seq, .decision.acked' | xargs)" "$n true"
	done
	# A lease is no longer and no shorter for it: a driver that holds one is
	# waited for, and one that hangs is not.
	one r "held" >in
	freeze zombie consensus.decided "$FAULTY" --expect a,b
	got=0
	LD_PRELOAD=$PWD/clock86400.so timeout 1 "$FAULTY" --expect a,b <in \
		>/dev/null 2>&1 || got=$?
	same "$got" 124
	kill -KILL "$pid"
	LD_PRELOAD=$PWD/clock-86400.so feed_file in 0 sk-consensus --expect a,b
	same "$(j '.decision_seq, .decision.acked' | xargs)" "4 true"
	"$SK_BUILD/tools/store_check" "$SK_DB"
}

@test "W13: a process that only has the old driver's pid is left alone" {
	sleep 60 &
	bystander=$!
	children="$children $bystander"
	one r plan >in
	SK_LEASE_MS=200 freeze zombie consensus.decided "$FAULTY" --expect a,b
	sql "UPDATE leases SET pid=$bystander"
	feed_file in 0 "$FAULTY" --expect a,b
	kill -0 "$bystander"
	stopped "$pid"
}

@test "W14: after a reboot every lease is void at once" {
	one r plan >in
	feed_file in 0 "$FAULTY" --expect a,b
	sql "UPDATE leases SET boot_id='another boot', pid=1,
		expires=9000000000000"
	one r tasks >in
	SECONDS=0
	feed_file in 0 sk-consensus --expect a,b
	[ $SECONDS -lt 5 ]
	same "$(sql 'SELECT epoch FROM leases')" 2
}

@test "W15, W16: killed in a checkpoint, or with the queue in hand: the next goes on" {
	one r plan >in
	feed_file in 0 "$FAULTY" --expect a,b
	for point in store.checkpoint.before store.checkpoint.after; do
		for i in 1 2 3; do
			one "$point" "s$i"
		done >in
		head -c 400000 /dev/zero | tr '\0' x >big
		jq -cn --rawfile c big '{schema: "sk.answer/1", agent: "big",
			content: ($c * 7)}' >>in
		rm -f "$SK_DB-faults"
		SPEC_KIT_FAULTS=$point feed_file in 137 "$FAULTY" --expect a,b \
			--no-evidence
		feed_file in 3 "$FAULTY" --expect a,b --no-evidence
	done
	one q plan >in
	freeze holder store.decide.before_commit "$FAULTY" --expect a,b
	kill -KILL "$pid"
	SECONDS=0
	feed_file in 0 sk-consensus --expect a,b
	[ $SECONDS -lt 5 ]
	"$SK_BUILD/tools/store_check" "$SK_DB"
}

@test "W17: an older copy of the database is refused, and says so" {
	one r plan >in
	feed_file in 0 sk-consensus --expect a,b
	sqlite3 "$SK_DB" "VACUUM INTO '$BATS_TEST_TMPDIR/copy'"
	# (Names are by the second: a later decision must have a later one.)
	sleep 1.1
	one r tasks >in
	feed_file in 0 sk-consensus --expect a,b
	same "$(j .decision_seq)" 2
	rm "$SK_DB" "$SK_DB"-wal "$SK_DB"-shm 2>/dev/null || :
	cp "$BATS_TEST_TMPDIR/copy" "$SK_DB"
	one r audit >in
	feed_file in 65 sk-consensus --expect a,b
	same "$(j .error.code)" older_database
	same "$(sql 'SELECT count(*) FROM decisions')" 1
	# Another run is no business of the older one.
	one q plan >in
	feed_file in 0 sk-consensus --expect a,b
}

@test "W18: a full disk at each step: 74, nothing half, and it goes on after" {
	n=0
	for point in store.intake.before_commit store.decide.before_commit \
		consensus.decided store.publish.before_rename \
		store.publish.after_rename store.ack.before_commit; do
		n=$((n + 1))
		one r "s$n" >in
		rm -f "$SK_DB-faults"
		SPEC_KIT_FAULTS=$point=errno:ENOSPC feed_file in 74 "$FAULTY" \
			--expect a,b
		feed_file in 0 sk-consensus --expect a,b
		same "$(j '.decision_seq, .decision.acked' | xargs)" "$n true"
	done
	sound
	# For real, where we may mount.
	mkdir full
	mount -t tmpfs -o size=600k none full 2>/dev/null ||
		skip "no tmpfs may be mounted: only the fail-points were tried"
	one r real >in
	head -c 700000 /dev/zero >full/fill 2>/dev/null || :
	got=0
	sk-consensus --expect a,b --evidence-dir "$PWD/full" <in \
		>"$BATS_TEST_TMPDIR/.out" 2>/dev/null || got=$?
	rm full/fill
	ok=0
	sk-consensus --expect a,b --evidence-dir "$PWD/full" <in >again || ok=$?
	left=$(find full -name '.tmp*' | wc -l)
	umount full
	same "$got $ok $left" "74 0 0"
	same "$(jq -r .decision.acked again)" true
}

@test "a stop is durable from its commit on, and asked again it says so" {
	n=0
	while IFS='|' read -r point before; do
		n=$((n + 1))
		one "r$n" plan >in
		feed_file in 0 "$FAULTY" --expect a,b --no-ack
		check 137 env SPEC_KIT_FAULTS="$point" "$FAULTY" stop --run "r$n"
		same "$out" ''
		got=0
		sk-consensus ack --run "r$n" --seq 1 >/dev/null 2>&1 || got=$?
		same "$point $got" "$point $before"
		check 0 sk-consensus stop --run "r$n"
		same "$(j '.stopped, .already' | xargs)" \
			"true $([ "$before" = 8 ] && echo true || echo false)"
		feed_file in 8 sk-consensus --expect a,b,c
		same "$(j .error.code)" run_stopped
		same "$(sql "SELECT count(*) FROM journal WHERE kind='stop'
			AND run_id='r$n'")" 1
	done <<-'END'
	store.stop.before_commit|0
	store.stop.after_commit|8
	END
}

@test "W19: terminated at any step, it ends by the signal and nothing is half" {
	n=0
	for point in store.decide.before_commit consensus.decided \
		store.publish.before_rename consensus.published \
		store.ack.before_commit; do
		n=$((n + 1))
		one r "s$n" >in
		rm -f "$SK_DB-faults"
		freeze cancelled "$point" "$FAULTY" --expect a,b
		kill -TERM "$pid"
		kill -CONT "$pid"
		got=0
		wait "$pid" || got=$?
		same "$got" 143
		feed_file in 0 sk-consensus --expect a,b
		same "$(j '.decision_seq, .decision.acked' | xargs)" "$n true"
	done
	sound
}

@test "every window from W1 to W19 has its test" {
	for n in $(seq 19); do
		case $n in
		2 | 3) continue ;; # "W1 to W4"
		esac
		grep -hE "^@test .*W$n[^0-9]" "$BATS_TEST_DIRNAME"/*.bats \
			>/dev/null || {
			echo "no test of W$n"
			false
		}
	done
}
