#!/usr/bin/env bats
# sk-auto evidence, sk-auto db: what is kept, whether it is what was written,
# and what may go.

load helper
load land

local_setup() {
	land_project
	E=docs/evidence
}

@test "a run leaves cost, log, skipped stages and a manifest that sha256sum takes" {
	sed -i '/worktree/d' sk.toml
	git commit -qam conf
	check 0 sk-auto run DEMO --skip-validate --to audit --json
	run=$(j 'select(.schema=="sk.summary/1") | .run')
	same "$(jq -r '.run, .call_count, (.per_stage | keys | join(" "))' \
		$E/costs/DEMO_cost_summary.json | xargs)" \
		"$run 12 spec-audit spec-implement spec-plan spec-tasks"
	jq -e 'has("total_spent") and has("budget") and has("utilization") and
		has("per_model") and has("duration") and has("stage_notes")' \
		$E/costs/DEMO_cost_summary.json
	log=$E/logs/DEMO/spec_auto_DEMO_$run.jsonl
	same "$(jq -r 'select(.type == "stage_start") | .what' "$log" | xargs)" \
		"plan tasks implement audit"
	same "$(jq -r .type "$log" | sort | uniq -c |
		awk '$2 == "agent_complete" { print $1 }')" 12
	same "$(jq -r '.stage, .action, .schemaVersion, .specId' \
		$E/commands/DEMO/speckit-validate_SKIPPED.json | xargs)" \
		"validate skipped 1.0 DEMO"
	(cd $E && sha256sum -c --quiet --strict DEMO.sha256)
	check 0 sk-auto evidence verify DEMO --json
	same "$(j .result)" sound
	check 0 sk-auto evidence stats DEMO --json
	[ "$(j .files)" -ge 7 ]
	check 0 sk-consensus audit --json
}

@test "each way to leave a stage out leaves a file that says so" {
	skipped() {
		jq -r '.stage + ": " + .reason + " (" + .configSource + ")"' \
			$E/commands/DEMO/*_SKIPPED.json 2>/dev/null
	}
	check 0 sk-auto run DEMO --to tasks
	same "$(skipped)" ""
	# What this run has agreed on is no stage left out.
	check 0 sk-auto run DEMO --run "$(sqlite3 "$SK_DB" 'SELECT run_id FROM runs')" \
		--only implement --worktree
	same "$(skipped)" ""
	# A run that begins later stands on files, or on nothing.
	rm -rf "$SK_DB"* $E
	check 0 sk-auto run DEMO --new --from audit --to audit
	same "$(skipped | sort)" "implement: the run began after it, and its file stands in (option)
plan: the run began after it, and its file stands in (option)
tasks: the run began after it, and its file stands in (option)
validate: the run began after it, and nothing stands in (option)"
	rm -rf "$SK_DB"* $E
	sed -i 's/^agents = \["w1.*/&\nstages = ["plan", "tasks", "audit"]/' sk.toml
	git add -A && git commit -qm conf
	check 0 sk-auto run DEMO --skip-tasks
	same "$(skipped | sed 's/(.*sk.toml.*/(sk.toml)/' | sort)" "implement: not in pipeline.stages (sk.toml)
tasks: left out by an option (option)
validate: not in pipeline.stages (sk.toml)"
	check 0 sk-auto evidence verify DEMO
}

@test "verify names what was deleted, edited and added, and ends by the table" {
	check 0 sk-auto run DEMO --to plan --json
	synthesis=$(cd $E && echo consensus/DEMO/*_synthesis.json)
	cp -R docs ../docs
	# finds STATUS PATH WHAT, then all is as it was.
	finds() {
		check "$1" sk-auto evidence verify DEMO --json
		same "$(j '.findings[] | .path + " " + .what')" "$2 $3"
		rm -r docs
		cp -R ../docs docs
		check 0 sk-auto evidence verify DEMO
	}
	echo x >>"$E/$synthesis"
	finds 65 "$synthesis" edited
	rm "$E/$synthesis"
	finds 65 "$synthesis" deleted
	mkdir -p $E/commands/DEMO
	echo x >$E/commands/DEMO/new.json
	finds 3 commands/DEMO/new.json added
	echo x >>docs/DEMO-mdlinks/plan.md
	finds 65 "$PWD/docs/DEMO-mdlinks/plan.md" edited
	rm docs/DEMO-mdlinks/plan.md
	finds 65 "$PWD/docs/DEMO-mdlinks/plan.md" deleted
	rm $E/DEMO.sha256
	check 65 sk-auto evidence verify DEMO --json
	has "$(j '.findings[0] | .path + " " + .what')" "DEMO.sha256 deleted"
	rm -r docs
	cp -R ../docs docs
	# An edit and a manifest to match it: the database knows better.
	echo x >>"$E/$synthesis"
	(cd $E && cut -c67- DEMO.sha256 | xargs sha256sum >m && mv m DEMO.sha256)
	finds 65 DEMO.sha256 edited
	# A seal takes in what is new, and forgives no edit unless it is told to.
	mkdir -p $E/commands/DEMO
	echo x >$E/commands/DEMO/new.json
	echo x >>"$E/$synthesis"
	check 0 sk-auto evidence seal DEMO
	check 65 sk-auto evidence verify DEMO --json
	same "$(j '.findings | length')" 1
	check 0 sk-auto evidence seal DEMO --accept
	check 0 sk-auto evidence verify DEMO
	check 2 sk-auto evidence verfy DEMO
	has "$err" "did you mean 'verify'"
}

# old: all evidence is from long ago.
old() {
	find $E -type f -exec touch -d '200 days ago' {} +
}

@test "archive and purge: a look first, then a copy that is read back, then room" {
	check 0 sk-auto run DEMO --to plan --json
	check 0 sk-auto evidence archive DEMO --yes --json
	same "$(j '.files, .done' | xargs)" "0 false"
	old
	n=$(wc -l <$E/DEMO.sha256)
	check 0 sk-auto evidence archive DEMO --json
	same "$(j '.files, .done' | xargs)" "$n false"
	same "$(find $E -type f | wc -l)" "$((n + 1))"
	(cd $E && sha256sum consensus/DEMO/* logs/DEMO/* costs/*) | sort >../was
	check 0 sk-auto evidence archive DEMO --yes --json
	archive=$(j .archive)
	[ -z "$(ls $E/consensus/DEMO)" ]
	check 0 sk-auto evidence verify DEMO --json
	mkdir ../out
	tar -xzf "$E/$archive" -C ../out
	(cd ../out && sha256sum consensus/DEMO/* logs/DEMO/* costs/*) | sort |
		diff ../was -
	same "$(jq -r '.action, .sha256, (.files | length)' \
		$E/archives/DEMO_removed.jsonl | xargs)" \
		"archive $(sha256sum <"$E/$archive" | cut -c1-64) $n"
	# Nothing of a run that goes on.
	old
	sqlite3 "$SK_DB" "UPDATE runs SET state='running'"
	check 75 sk-auto evidence purge DEMO --yes --json
	sqlite3 "$SK_DB" "UPDATE runs SET state='done'"
	check 0 sk-auto evidence purge DEMO --format text
	has "$out" "$archive"
	[ -e "$E/$archive" ]
	check 0 sk-auto evidence purge DEMO --yes
	[ ! -e "$E/$archive" ]
}

@test "retention_days is the age that archive and purge take unasked" {
	check 0 sk-auto run DEMO --to plan --json
	n=$(wc -l <$E/DEMO.sha256)
	# DAYS of the files, retention_days, --older-than, what archive and purge take
	while read -r days keep older archive purge; do
		find $E -type f -exec touch -d "$days days ago" {} +
		unset SPECKIT_EVIDENCE__RETENTION_DAYS
		[ "$keep" = - ] ||
			export SPECKIT_EVIDENCE__RETENTION_DAYS="$keep"
		for verb in archive purge; do
			want=$archive
			[ $verb = archive ] || want=$purge
			[ "$want" = 0 ] || want=$n
			set -- --json
			[ "$older" = - ] || set -- --json --older-than "$older"
			check 0 sk-auto evidence $verb DEMO "$@"
			same "$days $keep $older $verb $(j .files)" \
				"$days $keep $older $verb $want"
		done
	done <<-'END'
		40 - - all 0
		40 41 - 0 0
		40 39 - all all
		200 - - all all
		200 300 - 0 0
		200 300 100d all all
		8 3 - all all
		5 3 - 0 0
		5 3 3d all all
	END
}

@test "two databases on one tree have one lock, for evidence and for drivers" {
	check 0 sk-auto run DEMO --to plan --json
	check 0 sk-auto export DEMO -o ../run.skb
	old
	# A run of the other database that goes on, as long as we want.
	mkfifo go
	cat >agents/w1 <<-END
		#!/bin/sh
		echo \$\$ >"$BATS_TEST_TMPDIR/there"
		read -r _ <"$PWD/go"
		exec "$PWD/agents/a1"
	END
	SK_DB=$BATS_TEST_TMPDIR/other.db sk-auto run DEMO --to plan --allow-dirty \
		--json >../other 2>&1 3>&- &
	other=$!
	wait_for [ -s "$BATS_TEST_TMPDIR/there" ]
	find $E -type f -exec sha256sum {} + | sort >../was
	for verb in "evidence archive DEMO --yes --older-than 1s" \
		"evidence purge DEMO --yes --older-than 1s" \
		"evidence seal DEMO" "run DEMO --to plan --new --allow-dirty" \
		"apply DEMO" "undo DEMO" "import ../run.skb"; do
		check 75 sk-auto $verb --json
		same "$verb $(j 'select(.schema == "sk.error/1") | .error.code')" \
			"$verb driver_alive"
		has "$err" "held by 'sk-auto' (pid $other), which is alive"
	done
	# A database that knows nothing of the specification waits, too.
	check 75 env SK_DB=../third.db sk-auto evidence archive DEMO --yes --json
	check 75 env SK_DB=../third.db sk-auto import ../run.skb --json
	same "$(sqlite3 ../third.db 'SELECT count(*) FROM runs')" 0
	# Looking is free.
	check 0 env SK_DB=../third.db sk-auto import --check ../run.skb
	check 0 sk-auto evidence stats DEMO
	check 0 sk-auto status DEMO
	find $E -type f -exec sha256sum {} + | sort | diff ../was -
	echo >go
	wait "$other"
	check 0 env SK_DB=../third.db sk-auto import ../run.skb
	old
	check 0 sk-auto evidence archive DEMO --yes --json
	same "$(j .done)" true
}

# by DB COMMAND…: as if with another database on the same tree
by() {
	local db=$1
	shift
	SK_DB=$BATS_TEST_TMPDIR/$db.db "$@"
}

@test "verify judges what its own database published, and says what is another's" {
	set -- run DEMO --to plan --new --allow-dirty --json
	check 0 by one sk-auto "$@"
	check 0 by one sk-auto evidence verify DEMO --json
	same "$(j '.result, .others, (.findings | length)' | xargs)" 'sound 0 0'
	mine=$(cd $E && echo consensus/DEMO/*_synthesis.json)
	# Who has nothing here has the manifest alone, and holds all against it.
	check 0 by two sk-auto evidence verify DEMO --json
	same "$(j '.result, .others' | xargs)" 'sound 0'
	check 0 by two sk-auto evidence verify DEMO --format text
	has "$out" 'sound by the manifest, of which this database knows nothing'
	# Another one runs: other documents, another summary of costs.
	sed -i 's/^FR-001: .*/FR-001: Another thing entirely./' docs/DEMO-mdlinks/spec.md
	check 0 by two sk-auto "$@"
	theirs=$(cd $E && ls consensus/DEMO/*_synthesis.json | grep -vF "$mine")
	(cd $E && sha256sum -c --quiet --strict DEMO.sha256)
	for db in one two; do
		check 0 by $db sk-auto evidence verify DEMO --json
		valid evidence
		same "$db $(j .result)" "$db sound"
		[ "$(j .others)" -gt 0 ]
		check 0 by $db sk-auto evidence verify DEMO --format text
		has "$out" "of another database not judged"
	done
	check 0 by one sk-auto evidence verify DEMO --json
	same "$(j '.findings[] | .what + " " + .path')" \
		"replaced costs/DEMO_cost_summary.json
replaced $PWD/docs/DEMO-mdlinks/plan.md"
	cp -R docs ../docs
	# finds DB STATUS WHAT PATH, beside what is replaced; then all is as it was.
	finds() {
		check "$2" by "$1" sk-auto evidence verify DEMO --json
		same "$1: $(j '.findings[] | select(.what != "replaced") |
			.what + " " + .path')" "$1: ${3:+$3 $4}"
		rm -r docs
		cp -R ../docs docs
	}
	echo x >>"$E/$theirs"
	finds one 0
	echo x >>"$E/$theirs"
	finds two 65 edited "$theirs"
	rm "$E/$mine"
	finds one 65 deleted "$mine"
	rm "$E/$mine"
	finds two 0
	echo x >$E/consensus/DEMO/new
	finds one 3 added consensus/DEMO/new
	echo x >>docs/DEMO-mdlinks/plan.md
	finds one 65 edited "$PWD/docs/DEMO-mdlinks/plan.md"
	# A manifest made to match, for its own part and for a part not there.
	echo x >>"$E/$mine"
	sed -i "s|.* $mine|$(cd $E && sha256sum "$mine")|" $E/DEMO.sha256
	finds one 65 edited DEMO.sha256
	sed -i "s|.* $mine|# &|" $E/DEMO.sha256
	finds one 65 edited "$mine"
}

@test "two databases take turns, seal and put away, and agree on what is whose" {
	set -- run DEMO --to plan --new --allow-dirty --json
	for db in one two one three two; do
		check 0 by $db sk-auto "$@"
		(cd $E && sha256sum -c --quiet --strict DEMO.sha256)
	done
	sound() {
		local db
		for db in one two three; do
			check 0 by $db sk-auto evidence verify DEMO --json
			same "$db $(j .result)" "$db sound"
		done
	}
	sound
	mkdir -p $E/commands/DEMO
	echo x >$E/commands/DEMO/new.json
	check 3 by one sk-auto evidence verify DEMO
	check 0 by three sk-auto evidence seal DEMO
	sound
	# What is accepted is one's own.
	run=$(sqlite3 "$BATS_TEST_TMPDIR/two.db" 'SELECT min(run_id) FROM runs')
	f=$(cd $E && grep -l "$run" consensus/DEMO/*)
	echo x >>"$E/$f"
	check 0 by one sk-auto evidence seal DEMO --accept
	check 65 by two sk-auto evidence verify DEMO
	check 0 by two sk-auto evidence seal DEMO --accept
	sound
	# Put away by one: gone for the others, and not missed.
	old
	check 0 by one sk-auto evidence archive DEMO --yes --json
	same "$(j .done)" true
	sound
	check 0 by two sk-auto evidence verify DEMO
	has "$out" '"what":"removed"'
	old
	check 0 by two sk-auto evidence purge DEMO --yes --json
	sound
	# A file that is only gone is missed.
	check 0 by two sk-auto "$@"
	rm $E/consensus/DEMO/*_synthesis.json
	check 65 by two sk-auto evidence verify DEMO
}

@test "archive and purge killed in the middle lose nothing and can be repeated" {
	faulty=${SK_FAULTY_BIN:-$SK_TOP/build-faults/bin}
	[ -x "$faulty/sk-auto" ] || skip "no development build"
	check 0 sk-auto run DEMO --to tasks --json
	old
	(cd $E && sha256sum consensus/DEMO/* logs/DEMO/* costs/*) | sort >../was
	for _ in 1 2 3; do
		SPEC_KIT_FAULTS=evidence.unlink check 137 \
			"$faulty/sk-auto" evidence archive DEMO --yes
		rm -f "$SK_DB"-faults
	done
	find $E/consensus $E/logs $E/costs -type f -exec \
		touch -d '200 days ago' {} +
	check 0 sk-auto evidence archive DEMO --yes --older-than 1d
	mkdir ../out
	for a in "$E"/archives/*.tar.gz; do
		tar -xzf "$a" -C ../out
	done
	(cd ../out && sha256sum consensus/DEMO/* logs/DEMO/* costs/*) | sort |
		diff ../was -
	old
	SPEC_KIT_FAULTS=evidence.unlink check 137 \
		"$faulty/sk-auto" evidence purge DEMO --yes
	rm -f "$SK_DB"-faults
	check 0 sk-auto evidence purge DEMO --yes
	[ -z "$(find $E -name '*.tar.gz')" ]
	check 0 sk-consensus audit --json
}

@test "a commit for each stage, when that is wanted, of its own files alone" {
	echo staged >mine
	git add mine
	check 0 env SPEC_KIT_AUTO_COMMIT=1 sk-auto run DEMO --to tasks \
		--allow-dirty --json
	same "$(git log --format=%s -2 | sort | xargs -d '\n')" \
		"feat(DEMO): complete Plan stage feat(DEMO): complete Tasks stage"
	same "$(git diff --cached --name-only)" mine
	has "$(git show --name-only --format= HEAD)" docs/DEMO-mdlinks/tasks.md
	not grep -q '^mine$' <<<"$(git log --name-only --format= -2)"
	check 0 sk-auto run DEMO --to plan --allow-dirty --json
	same "$(git log --oneline | wc -l)" 3
}

@test "db: a copy, a look at all rules, and old runs out" {
	check 0 sk-auto run DEMO --to plan --json
	first=$(j 'select(.schema=="sk.summary/1") | .run')
	check 0 sk-auto db backup ../copy.db --json
	same "$(stat -c %a ../copy.db)" 600
	check 2 sk-auto db backup ../copy.db --json
	same "$(j .error.code)" exists
	check 0 sk-auto db check --db ../copy.db --json
	same "$(j .result)" sound
	check 0 sk-auto status DEMO --db ../copy.db --json
	same "$(j .run)" "$first"
	check 0 sk-auto db check --json
	same "$(j '.result, .answers' | xargs)" "sound 3"
	# Of three runs one is old and done, one is old and not over.
	check 0 sk-auto run DEMO --to plan --json
	second=$(j 'select(.schema=="sk.summary/1") | .run')
	check 0 sk-auto run DEMO --to plan --json
	for r in "$first" "$second"; do
		sqlite3 "$SK_DB" "UPDATE runs SET created_at=1 WHERE run_id='$r';
			UPDATE branches SET active_at=1 WHERE run_id='$r';
			UPDATE requests SET created_at=1 WHERE run_id='$r'"
	done
	sqlite3 "$SK_DB" "UPDATE runs SET state='running' WHERE run_id='$second'"
	days=$(sqlite3 "$SK_DB" 'SELECT sum(calls) FROM usage_days')
	check 2 sk-auto db prune
	check 0 sk-auto db prune --older-than 30d --json
	same "$(j '.done, (.runs | map(.run) | join(","))' | xargs)" "false $first"
	same "$(sqlite3 "$SK_DB" 'SELECT count(*) FROM runs')" 3
	check 0 sk-auto db prune --older-than 30d --yes --json
	same "$(sqlite3 "$SK_DB" 'SELECT group_concat(run_id) FROM (SELECT run_id FROM runs ORDER BY created_at)' | grep -c "$first")" 0
	same "$(sqlite3 "$SK_DB" 'SELECT count(*) FROM runs')" 2
	same "$(sqlite3 "$SK_DB" 'SELECT run_id, answers, decisions FROM pruned')" \
		"$first|3|1"
	same "$(sqlite3 "$SK_DB" 'SELECT sum(calls) FROM usage_days')" "$days"
	same "$(sqlite3 "$SK_DB" 'PRAGMA auto_vacuum')" 2
	check 0 sk-auto db check --json
	check 0 sk-consensus audit --json
	check 0 sk-auto db prune --older-than 30d --yes
	check 0 sk-auto run DEMO --to plan --json
	check 0 sk-auto db check
	# What is gone without having been pruned is missed.
	sqlite3 "$SK_DB" "DROP TRIGGER journal_delete; DELETE FROM journal WHERE lsn=(SELECT max(lsn)-2 FROM journal)"
	check 65 sk-auto db check --json
	same "$(j .result)" violated
}

@test "prune killed around its commit takes a run whole or not at all" {
	faulty=${SK_FAULTY_BIN:-$SK_TOP/build-faults/bin}
	[ -x "$faulty/sk-auto" ] || skip "no development build"
	check 0 sk-auto run DEMO --to plan --json
	sqlite3 "$SK_DB" "UPDATE runs SET created_at=1; UPDATE branches SET
		active_at=1; UPDATE requests SET created_at=1"
	SPEC_KIT_FAULTS=store.prune.before_commit check 137 \
		"$faulty/sk-auto" db prune --older-than 1d --yes
	rm -f "$SK_DB"-faults
	same "$(sqlite3 "$SK_DB" 'SELECT count(*) FROM runs')" 1
	check 0 sk-auto db check
	SPEC_KIT_FAULTS=store.prune.after_commit check 137 \
		"$faulty/sk-auto" db prune --older-than 1d --yes
	rm -f "$SK_DB"-faults
	same "$(sqlite3 "$SK_DB" 'SELECT count(*) FROM runs')" 0
	check 0 sk-auto db check
	check 0 sk-auto db prune --older-than 1d --yes
}
