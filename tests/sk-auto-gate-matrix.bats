#!/usr/bin/env bats
# sk-auto: what becomes of what the agents of a quality gate say.

load helper
load gates

@test "the matrix: agreement, severity and resolvability decide" {
	gate plan
	while read -r sev fix agree want; do
		worker && gate plan
		export SK_DB=$BATS_TEST_TMPDIR/state/$sev$fix$agree.db
		cp $spec before
		for i in 1 2 3; do
			case $agree in
			high) a=yes ;;
			medium) [ $i -lt 3 ] && a='Yes.' || a=no ;;
			low) a=$i ;;
			esac
			says $i "n$i|$sev|$fix|FR-002|When does it stop exactly?|$a"
		done
		got=0
		sk-auto run SPEC-7 --only plan --on-gate pause \
			>out 2>err </dev/null || got=$?
		case $want in
		apply) same "$sev $fix $agree $got" "$sev $fix $agree 0" &&
			grep -q 'an hour. (clarified: [Yy]es\.*)' $spec ;;
		ask) same "$sev $fix $agree $got" "$sev $fix $agree 5" &&
			cmp $spec before ;;
		esac
		mv before $spec
	done <<-'END'
		minor auto-fix high apply
		minor auto-fix medium apply
		minor auto-fix low ask
		minor suggest-fix high apply
		minor suggest-fix medium ask
		minor need-human high ask
		important auto-fix high apply
		important auto-fix medium ask
		important suggest-fix high ask
		critical auto-fix high ask
		critical need-human medium ask
		weird auto-fix high ask
		minor weird high ask
	END
}

@test "the matrix with a validator: what it agrees with is written, nothing else" {
	while read -r sev fix agree says want; do
		worker && gate plan
		case $says in
		yes) validator 'Q-001|true||fits' ;;
		no) validator 'Q-001|false|after two|FR-001 says so' ;;
		silent) validator 'Q-009|true||' ;;
		null) validator 'Q-001|||' ;;
		words) validator 'Q-001|"true"||' ;;
		both) validator 'Q-001|true||' 'Q-001|false||' ;;
		junk) validator && echo nothing >says.v ;;
		esac
		key=$sev.$fix.$agree.$says
		export SK_DB=$BATS_TEST_TMPDIR/state/$key.db
		cp $spec before
		rm -f calls.v
		for i in 1 2 3; do
			case $agree in
			high) a=yes ;;
			medium) [ $i -lt 3 ] && a=yes || a=no ;;
			low) a=$i ;;
			esac
			says $i "n$i|$sev|$fix|FR-002|When does it stop exactly?|$a"
		done
		got=0
		sk-auto run SPEC-7 --only plan --json >out 2>err </dev/null || got=$?
		case $want in
		apply*) same "$key $got" "$key 0" &&
			grep -q 'an hour. (clarified: yes)' $spec ;;
		ask*) same "$key $got" "$key 5" && cmp $spec before ;;
		esac
		same "$key $(calls v)" "$key ${want#*:}"
		mv before $spec
	done <<-'END'
		minor auto-fix high yes apply:0
		minor auto-fix medium yes apply:0
		minor suggest-fix medium yes apply:1
		important auto-fix medium yes apply:1
		important suggest-fix medium yes apply:1
		important suggest-fix high yes apply:1
		important suggest-fix high no ask:1
		important auto-fix medium silent ask:1
		important auto-fix medium null ask:1
		important auto-fix medium words ask:1
		important auto-fix medium both ask:1
		important auto-fix medium junk ask:1
		important auto-fix low yes ask:0
		important need-human medium yes ask:0
		minor need-human high yes ask:0
		critical auto-fix medium yes ask:0
		critical auto-fix high yes ask:0
	END
}

@test "a validator's no: a person sees why, and its answer among the others" {
	gate plan
	all_say 'CLR-001|minor|auto-fix|FR-001|fast?|under 1 s' \
		'b|critical|auto-fix||Who may read the log file?|all' \
		'c|important|suggest-fix|FR-002|When does it stop exactly?|at once' \
		'd|important|suggest-fix||Which colour has the lamp on the front?|red'
	validator 'Q-002|false|after an hour|FR-002 says so' 'Q-003|true||'
	check 5 sk-auto run SPEC-7 --only plan --json
	j -c 'select(.schema=="sk.questions/1")' >q
	record questions <q
	# What others need an answer is not lost, what was agreed on is written.
	same "$(jq -r '.questions | map(.id) | join(" ")' <q)" 'Q-001 Q-002'
	same "$(jq -r '.questions[1] | .validation.agrees, .answers[-1].agent, .answers[-1].answer' <q | xargs)" \
		'false v after an hour'
	grep -q 'clarified: under 1 s' $spec
	grep -q 'lamp on the front? → A: red' $spec
	check 0 sk-auto answer SPEC-7 --list --format text
	has "$out" '(the answer was not written: the validator does not agree)'
	has "$out" '   v: FR-002 says so'
	has "$out" ' - after an hour [v]'
	# It was shown only what it was asked about.
	grep -q '"Q-002"' prompt.v
	not grep -q 'read the log file' prompt.v
	# It is no voter, its call is booked, and it is not asked again.
	check 0 sk-auto answer SPEC-7 Q-001=root Q-002=soon
	check 0 sk-auto run SPEC-7 --only plan
	same "$(calls g) $(calls v) $(calls w)" '3 1 1'
	same "$(sqlite3 "$SK_DB" "SELECT stage, agent_name FROM requests WHERE agent_name='v'")" 'clarify-confirm|v'
	check 0 sk-consensus audit
	same "$(sqlite3 "$SK_DB" "SELECT stage FROM decisions ORDER BY decision_seq" | xargs)" 'clarify plan'
	sed -i 's/validator = "v"/validator = "g1"/' sk.toml
	check 2 sk-auto run SPEC-7 --only plan --new
	has "$err" "'g1' answers at the gate clarify itself"
}

@test "what one agent alone says is never written, nothing gets lost" {
	gate plan
	says 1 'CLR-001|minor|auto-fix|FR-001|fast?|under 1 s' \
		'a|minor|auto-fix||Which colour has the lamp on the front?|red'
	says 2 'CLR-001|minor|auto-fix|FR-001|fast?|Under 1 s.' \
		'b|important|auto-fix||Who may read the log file?|all'
	says 3 'CLR-001|minor|auto-fix|FR-001|fast?|under  1 s'
	check 5 sk-auto run SPEC-7 --only plan --json
	grep -q 'FR-001: It is fast. (clarified: under 1 s)' $spec
	same "$(j 'select(.schema=="sk.questions/1") | .questions | map(.severity) | join(" ")')" \
		'minor important'
	same "$(issue CLR-001 '.agreement, .resolution, .written' | xargs)" 'high applied true'
	same "$(grep -c unknown $spec || true)" 0
	# The old text is beside it, and the record says what became of each.
	not grep -q clarified docs/SPEC-7/spec.backup_*.md
	jq -e '.command == "quality-gate" and .checkpoint == "before-specify" and
		.schemaVersion == "v1.1" and .summary == {total_issues: 3,
		auto_resolved: 1, escalated: 2, degraded_missing_agents: 0}' \
		docs/evidence/commands/SPEC-7/quality-gate-*.json
	# It is a decision like any other, with its evidence.
	same "$(sqlite3 "$SK_DB" "SELECT stage, state FROM decisions")" 'clarify|acked'
	check 0 sk-consensus audit
	# The specification that we changed does not make the tree dirty.
	same "$(calls g)" 3
}

@test "killed anywhere in a gate: no agent is asked twice, the text is the same" {
	faulty=${SK_FAULTY_BIN:-$SK_TOP/build-faults/bin}
	[ -x "$faulty/sk-auto" ] || skip "no development build (make FAULTS=1)"
	gate plan
	all_say 'CLR-001|minor|auto-fix|FR-001|fast?|under 1 s' \
		'c|important|suggest-fix|FR-002|When does it stop exactly?|at once'
	validator 'Q-001|true||'
	cp $spec before
	check 0 sk-auto run SPEC-7 --only plan
	cp $spec undisturbed
	n=0
	for at in store.decide.before_commit:1 store.decide.after_commit:1 \
		store.ack.before_commit:1 store.ack.after_commit:1 \
		store.gate.before_commit:1 store.gate.after_commit:1 \
		store.publish.before_rename:2 store.publish.after_rename:2 \
		store.gate.before_commit:2 store.gate.after_commit:2; do
		n=$((n + 1))
		export SK_DB=$BATS_TEST_TMPDIR/state/$n.db
		rm -f calls.* docs/SPEC-7/spec.backup_* docs/SPEC-7/plan.md
		cp before $spec
		point=${at%:*}
		# (The second publication of a run is the specification: the
		# first is the evidence of the gate's decision.)
		plan_of=$point:1=kill9
		[ "${at#*:}" = 1 ] || plan_of=$point:1=sleep:1,$point:9=kill9
		got=0
		SPEC_KIT_FAULTS="$plan_of" PATH=$faulty:$PATH \
			sk-auto run SPEC-7 --only plan >killed 2>&1 </dev/null ||
			got=$?
		echo "$at: $got"
		check 0 sk-auto run SPEC-7 --only plan
		cmp $spec undisturbed
		same "$at $(calls g) $(calls v) $(calls w) $(row clarify)" \
			"$at 3 1 1 passed"
	done
}
