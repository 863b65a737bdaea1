#!/usr/bin/env bats
# sk-auto: the stages end to end, with agents that are small shell scripts.

load helper
load agents
load auto

local_setup() { example; }

@test "six stages with three agents end ok, with artefacts and evidence" {
	check 0 sk-auto run DEMO --json
	same "$(j 'select(.schema=="sk.summary/1") | .state')" done
	same "$(j 'select(.schema=="sk.summary/1") | .stages | map(.status) | unique | join(",")')" ok
	same "$(j 'select(.schema=="sk.summary/1") | .stages | map(.answered) | add')" 18
	for f in plan tasks implement validate audit unlock; do
		[ -s "$spec/$f.md" ]
	done
	same "$(ls docs/evidence/consensus/DEMO/*_synthesis.json | wc -l)" 6
	jq -e '.status == "ok" and .missing_agents == []' \
		docs/evidence/consensus/DEMO/spec-plan_*_synthesis.json
	same "$(sqlite3 "$SK_DB" "SELECT count(*) FROM decisions WHERE state='acked'")" 6
	same "$(sqlite3 "$SK_DB" "SELECT group_concat(decision_seq) FROM (SELECT decision_seq FROM decisions ORDER BY 1)")" 1,2,3,4,5,6
	same "$(sqlite3 "$SK_DB" 'SELECT count(*), count(DISTINCT stage) FROM usage')" '18|6'
	# A second time: another run, the same artefacts.
	cp -R "$spec" first
	check 0 sk-auto run DEMO --json
	same "$(j 'select(.schema=="sk.summary/1") | .state')" done
	diff -r "$spec" first
	same "$(sqlite3 "$SK_DB" 'SELECT count(*) FROM runs')" 2
}

@test "a requirement that changes in the specification changes the plan" {
	check 0 sk-auto run DEMO --only plan --json
	cp "$spec/plan.md" before.md
	cat >>"$spec/spec.md" <<-'END'

	FR-099: It also counts the links of each file. Priority: could.
	END
	check 0 sk-auto run DEMO --only plan --json
	not cmp -s "$spec/plan.md" before.md
	grep -q FR-099 "$spec/plan.md"
	not grep -q FR-099 before.md
}

@test "usage errors: status 2, one line, nothing written" {
	while read -r code args; do
		# shellcheck disable=SC2086
		check 2 sk-auto run $args --json
		one_line
		same "$(j .error.code)" "$code"
	done <<-'END'
	no_such_spec NOPE
	no_such_spec DEM
	bad_identifier ../../etc
	unknown_stage DEMO --from plna
	unknown_stage DEMO --only spec-nothing
	empty_range DEMO --from audit --to plan
	options_exclude DEMO --only plan --to audit
	stage_order DEMO --only tasks
	END
	check 2 sk-auto run DEMO --from plna
	has "$err" "did you mean 'plan'"
	mkdir docs/DEMO-other
	echo x >docs/DEMO-other/spec.md
	check 2 sk-auto run DEMO --json
	same "$(j .error.code)" ambiguous_spec
	same "$(sqlite3 "$SK_DB" "SELECT count(*) FROM agent_outputs" 2>/dev/null || echo 0)" 0
}

@test "no agents: the error says how to name them" {
	printf '[project]\nroot = "."\n' >sk.toml
	check 2 sk-auto run DEMO --json
	same "$(j .error.code)" no_agents
	has "$err" "-a claude"
}

@test "conflict halts with status 1, the reason and the command that resumes" {
	agent x "echo '$plan'"
	agent y "[ \$n -gt 1 ] && { echo '$plan'; exit; }; echo '$plan_high'"
	agent z "[ \$n -gt 1 ] && { echo '$plan'; exit; }; echo '$plan_mid'"
	project_of x y z
	check 1 sk-auto run DEMO --to plan --json
	same "$(j 'select(.schema=="sk.summary/1") | .state')" halted
	has "$(j 'select(.schema=="sk.summary/1") | .stages[0].reason')" /complexity
	resume=$(j 'select(.schema=="sk.summary/1") | .resume')
	has "$resume" "--from plan"
	[ ! -e "$spec/plan.md" ]
	same "$(sqlite3 "$SK_DB" "SELECT count(*) FROM decisions WHERE state='acked'")" 1
	# The agents are asked anew, in another round.
	check 0 $resume --to plan --json
	same "$(j 'select(.schema=="sk.summary/1") | .stages[0].round')" 2
	same "$(cat calls.x calls.y calls.z | wc -l)" 6
	[ -s "$spec/plan.md" ]
	same "$(sqlite3 "$SK_DB" 'SELECT count(*) FROM runs')" 1
}

@test "degraded: the agent that failed is asked once more, the others are not" {
	agent x "echo '$plan'"
	agent y "echo '$plan'"
	agent z "[ \$n -gt 1 ] || exit 1; echo '$plan'"
	project_of x y z
	check 0 sk-auto run DEMO --to plan --json
	same "$(wc -l <calls.x)$(wc -l <calls.y)$(wc -l <calls.z)" 112
	same "$(j 'select(.schema=="sk.summary/1") | .stages[0].status')" ok
}

@test "degraded twice halts with status 3" {
	agent x "echo '$plan'"
	agent y "echo '$plan'"
	agent z "exit 1"
	project_of x y z
	check 3 sk-auto run DEMO --to plan --json
	same "$(wc -l <calls.x)$(wc -l <calls.z)" 12
	same "$(j 'select(.schema=="sk.summary/1") | .stages[0].status')" degraded
	has "$(j 'select(.schema=="sk.summary/1") | .resume')" "--from plan"
	[ ! -e "$spec/plan.md" ]
}

@test "nobody answers: the cause is the status" {
	agent x "exit 1"
	project_of x
	check 6 sk-auto run DEMO --to plan --json
	same "$(j 'select(.schema=="sk.summary/1") | .exit')" 6
}

@test "a later agent of a sequential stage sees the earlier answers" {
	agent x "echo '$plan'"
	project_of x y
	mkdir -p bin
	cat >bin/y <<-END
		#!/bin/sh
		grep -c '<<<BEGIN answer x' >"$PWD/seen"
		echo '$plan'
	END
	chmod +x bin/y
	sed -i 's/"parallel"/"sequential"/' sk.toml
	check 0 sk-auto run DEMO --to plan --json
	same "$(cat seen)" 1
}

@test "the printed script is clean and gives the same artefacts" {
	check 0 sk-auto run DEMO --print-script
	cp "$BATS_TEST_TMPDIR/.out" run.sh
	[ ! -e "$SK_DB" ]
	if command -v shellcheck >/dev/null; then
		shellcheck run.sh
	fi
	check 0 sk-auto run DEMO --json
	mkdir a
	mv "$spec"/plan.md "$spec"/tasks.md "$spec"/implement.md \
		"$spec"/validate.md "$spec"/audit.md "$spec"/unlock.md a
	check 0 sh run.sh
	for f in plan tasks implement validate audit unlock; do
		cmp "a/$f.md" "$spec/$f.md"
	done
	same "$(sqlite3 "$SK_DB" "SELECT count(*) FROM decisions WHERE state='acked'")" 12
	same "$(sqlite3 "$SK_DB" 'SELECT count(*) FROM usage')" 36
}

@test "the printed script halts as the run does" {
	agent x "echo '$plan'"
	agent y "echo '$plan_high'"
	agent z "exit 1"
	project_of x y z
	check 0 sk-auto run DEMO --to plan --print-script
	cp "$BATS_TEST_TMPDIR/.out" run.sh
	check 1 sh run.sh
	has "$err" "halted at plan with status 1"
	rm calls.*
	check 1 sk-auto run DEMO --to plan --json
}

judged() {
	sqlite3 "$SK_DB" 'SELECT synthesis_json FROM consensus_runs
		ORDER BY id DESC LIMIT 1' |
		jq -c '[.status, .required, .quorum, .policy, .merged, .expected]'
}

# What is configured about judging, and the status that it makes of two agents
# which agree and one which does not.
@test "the run and its script judge by the same rules" {
	agent x "echo '$plan'"
	agent y "echo '$plan'"
	agent z "echo '$plan_high'"
	project_of x y z
	cp sk.toml plain.toml
	printf 'require = ["/requirements"]\n' >own-policy.toml
	for rules in \
		'0|' \
		'1|[stages.plan]|quorum = 3' \
		'1|[stages.plan]|quorum = "3/3"' \
		'0|[stages.plan]|quorum = 0.6' \
		'1|[consensus]|quorum = 3' \
		'0|[consensus]|quorum = 3|[stages.plan]|quorum = 2' \
		'0|[stages.plan]|quorum = 3|require = ["/requirements"]' \
		'3|[stages.plan]|require = ["/requirements", "/it'"'"'s; missing"]' \
		'3|[consensus]|require = ["/nowhere"]' \
		'0|[stages.plan]|quorum = 3|policy = "own-policy.toml"' \
		'3|[stages.plan]|agents = ["x"]|require = ["/nowhere"]' \
		'0|[stages.plan]|agents = ["x"]'
	do
		want=${rules%%|*}
		sed '/^\[stages.plan\]/,$d' plain.toml >sk.toml
		printf '%s\n' "${rules#*|}" | tr '|' '\n' >>sk.toml
		check "$want" sk-auto run DEMO --to plan --new --json
		judged >in.run
		check 0 sk-auto run DEMO --to plan --print-script
		cp "$BATS_TEST_TMPDIR/.out" run.sh
		shellcheck run.sh
		check "$want" sh run.sh
		judged >in.script
		same "$rules: $(cat in.script)" "$rules: $(cat in.run)"
	done
}

@test "degraded: the printed script too asks once more, and only who failed" {
	agent x "echo '$plan'"
	agent y "[ \$n -gt 1 ] || exit 1; echo '$plan'"
	agent z "echo '$plan'"
	for mode in parallel sequential; do
		project_of x y z
		sed -i "s/\"parallel\"/\"$mode\"/" sk.toml
		rm -f calls.*
		check 0 sk-auto run DEMO --to plan --new --json
		[ $mode = sequential ] || not has "$err" "another prompt"
		in_run="$(calls x) $(calls y) $(calls z)"
		check 0 sk-auto run DEMO --to plan --print-script
		cp "$BATS_TEST_TMPDIR/.out" run.sh
		rm calls.*
		check 0 sh run.sh
		same "$mode: $(calls x) $(calls y) $(calls z)" "$mode: 1 2 1"
		same "$mode: $in_run" "$mode: 1 2 1"
	done
}

@test "max_rounds: how often a degraded stage asks, in a run and in its script" {
	agent x "echo '$plan'"
	agent y "echo '$plan'"
	agent z "[ \$n -gt 2 ] || exit 1; echo '$plan'"
	while read -r most status calls; do
		project_of x y z
		[ "$most" = - ] ||
			sed -i "s/^\[stages.plan\]/&\nmax_rounds = $most/" sk.toml
		rm -f calls.*
		check "$status" sk-auto run DEMO --to plan --new --json
		same "$most: $(calls x) $(calls y) $(calls z)" "$most: 1 1 $calls"
		check 0 sk-auto run DEMO --to plan --print-script
		cp "$BATS_TEST_TMPDIR/.out" run.sh
		rm calls.*
		check "$status" sh run.sh
		same "$most: $(calls x) $(calls y) $(calls z)" "$most: 1 1 $calls"
	done <<-'END'
		- 3 2
		1 3 1
		2 3 2
		3 0 3
		20 0 3
	END
}

@test "one agent, or six: the built-in bounds of a line-up bind nobody" {
	# (With a word of the environment the tools read the run's values anew.)
	export SPECKIT_RUN__JOBS=2
	for names in "a" "a b c d e f"; do
		for a in $names; do agent "$a" "echo '$plan'"; done
		# shellcheck disable=SC2086 # words
		project_of $names
		check 0 sk-auto run DEMO --to plan --new --json
		check 0 sk-auto run DEMO --to plan --print-script
		cp "$BATS_TEST_TMPDIR/.out" run.sh
		check 0 sh run.sh
	done
}

@test "timeout_seconds ends a round's wait for answers, in a run and in its script" {
	agent x "exec sleep 60"
	agent y "exec sleep 60"
	project_of x y
	printf '[consensus]\ntimeout_seconds = 1\n[run]\ndeadline = "50s"\n' >>sk.toml
	sed -i 's/^\[stages.plan\]/&\nmax_rounds = 1/' sk.toml
	ended() {
		stored "SELECT group_concat(failure_kind) FROM agent_executions
			WHERE run_id = (SELECT run_id FROM runs
			ORDER BY created_at DESC LIMIT 1)"
	}
	check 9 sk-auto run DEMO --to plan --json
	same "$(ended)" timeout_total,timeout_total
	check 0 sk-auto run DEMO --to plan --print-script
	shellcheck "$BATS_TEST_TMPDIR/.out"
	cp "$BATS_TEST_TMPDIR/.out" run.sh
	check 9 sh run.sh
	same "$(ended)" timeout_total,timeout_total
}

@test "a dry run asks nobody and writes nothing" {
	check 0 sk-auto run DEMO --dry-run --json
	same "$(j '.stages | length')" 6
	same "$(j '.stages[0].agents | length')" 3
	[ ! -e "$SK_DB" ]
	[ ! -e docs/evidence ]
	check 0 sk-auto run DEMO --dry-run --format text
	has "$out" implement
}

@test "killed in a stage: the next start asks nobody again who had answered" {
	agent x "echo '$plan'"
	agent y "[ \$n -gt 1 ] || { touch '$PWD/waiting'; exec sleep 60; }; echo '$plan'"
	project_of x y
	sk-auto run DEMO --to plan --json >events 2>/dev/null &
	pid=$!
	wait_for [ -e waiting ]
	# x's answer is committed before it is shown to anybody.
	wait_for answered
	run=$(head -n 1 events | jq -r .run)
	kill -9 "$pid"
	wait "$pid" || :
	check 0 sk-auto run DEMO --run "$run" --from plan --to plan --json
	same "$(wc -l <calls.x)" 1
	same "$(wc -l <calls.y)" 2
	same "$(sqlite3 "$SK_DB" 'SELECT count(*) FROM decisions')" 1
}

@test "killed at every step of a stage: the next start asks nobody again" {
	faulty=${SK_FAULTY_BIN:-$SK_TOP/build-faults/bin}
	[ -x "$faulty/sk-auto" ] || skip "no development build (make FAULTS=1)"
	agent x "echo '$plan'"
	agent y "echo '$plan'"
	project_of x y
	check 0 sk-auto run DEMO --to plan --json
	cp "$spec/plan.md" undisturbed.md
	n=0
	for point in store.stage.after_commit store.reserve.after_commit \
		store.intake.before_commit store.intake.after_commit \
		store.decide.before_commit store.decide.after_commit \
		store.publish.before_rename store.publish.after_rename \
		store.artefact.before_commit store.artefact.after_commit \
		store.ack.before_commit store.ack.after_commit \
		store.stage_end.before_commit; do
		n=$((n + 1))
		export SK_DB=$BATS_TEST_TMPDIR/state/$n.db
		rm -f calls.* "$spec/plan.md"
		got=0
		SPEC_KIT_FAULTS="$point:1=kill9" PATH=$faulty:$PATH \
			sk-auto run DEMO --to plan --json \
			>killed 2>/dev/null </dev/null || got=$?
		[ "$got" -ne 0 ] || { echo "$point was not hit"; return 1; }
		run=$(sqlite3 "$SK_DB" 'SELECT run_id FROM runs')
		check 0 sk-auto run DEMO --run "$run" --from plan --to plan --json
		cmp "$spec/plan.md" undisturbed.md
		# An answer that was committed is never asked for again.
		case $point in
		store.stage.* | store.reserve.* | store.intake.before_commit) ;;
		store.intake.after_commit) ;;
		*) same "$point $(cat calls.x calls.y | wc -l)" "$point 2" ;;
		esac
		same "$point $(sqlite3 "$SK_DB" "SELECT count(*) || ' ' ||
			sum(state = 'acked') FROM decisions WHERE round = 1")" \
			"$point 1 1"
	done
}

@test "another driver alive on the same run is status 75" {
	agent x "touch '$PWD/waiting'; sleep 5; echo '$plan'"
	project_of x
	sk-auto run DEMO --to plan --json >events 2>/dev/null &
	pid=$!
	wait_for [ -e waiting ]
	run=$(head -n 1 events | jq -r .run)
	check 75 sk-auto run DEMO --run "$run" --from plan --to plan --json
	same "$(j 'select(.schema=="sk.error/1") | .error.code')" driver_alive
	one_line
	kill "$pid"
	wait "$pid" || :
}

@test "two runs of one specification at once: the second is status 75" {
	agent x "touch '$PWD/waiting'; sleep 5; echo '$plan'"
	project_of x
	sk-auto run DEMO --to plan --json >events 2>/dev/null &
	pid=$!
	wait_for [ -e waiting ]
	check 75 sk-auto run DEMO --to plan --json
	same "$(j .error.code)" driver_alive
	# The folder is what counts, not the id it was found by.
	check 75 sk-auto run "$(basename "$spec")" --to plan --json
	kill "$pid"
	wait "$pid" || :
	same "$(sqlite3 "$SK_DB" 'SELECT count(*) FROM runs')" 1
}

@test "the resume command says all that the run was told, and works as printed" {
	agent x "echo '$plan'"
	agent y "[ \$n -gt 1 ] && { echo '$plan'; exit; }; echo '$plan_high'"
	project_of x y
	unset SK_DB
	check 1 sk-auto run DEMO --only plan --timeout 90s --db "o d.db" --json
	resume=$(j 'select(.schema=="sk.summary/1") | .resume')
	for word in "--from plan" "--to plan" "--timeout 90000ms" "o d.db"; do
		has "$resume" "$word"
	done
	check 0 sh -c "$resume --json"
	same "$(j 'select(.schema=="sk.summary/1") | .stages | length')" 1
	check 2 sk-auto run DEMO --run nobody --from plan --json
	same "$(j .error.code)" no_such_run
}

@test "a specification that is empty or no text is refused before anybody is asked" {
	agent x "echo '$plan'"
	project_of x
	: >"$spec/spec.md"
	check 2 sk-auto run DEMO --to plan --json
	same "$(j 'select(.schema=="sk.error/1") | .error.code')" empty_spec
	printf 'a\377b' >"$spec/spec.md"
	check 2 sk-auto run DEMO --to plan --json
	same "$(j 'select(.schema=="sk.error/1") | .error.code')" not_text
	[ ! -e calls.x ]
}

@test "interrupted: agents are gone, the summary is valid, status 143" {
	agent x "echo \$\$ >'$PWD/waiting'; exec sleep 61"
	project_of x
	sk-auto run DEMO --to plan --json >events 2>errors &
	pid=$!
	await waiting
	kill -TERM "$pid"
	status=0
	wait "$pid" || status=$?
	same "$status" 143
	jq -es 'map(select(.schema == "sk.summary/1" and .state == "halted")) | length == 1' events
	gone "$(cat waiting)"
}

@test "status shows each stage" {
	check 0 sk-auto status DEMO --json
	same "$(j .state)" null
	[ ! -e "$SK_DB" ]
	check 0 sk-auto run DEMO --to tasks --json
	check 0 sk-auto status DEMO --json
	same "$(j .state)" done
	same "$(j '.stages | map(.state) | join(",")')" \
		done,done,pending,pending,pending,pending
	same "$(j '.driver.alive, .phase, .stages[0].stale, (.warnings | length)' | xargs)" \
		'false done false 0'
	same "$(j '.stages[1].coverage | map(.agent + (.answered | tostring)) | join(" ")')" \
		'a1true a2true a3true'
	sk-auto schema status >schema.json
	"$SK_BUILD/tools/schema_check" schema.json <"$BATS_TEST_TMPDIR/.out"
	check 0 sk-auto status DEMO --format text
	has "$out" implement
	has "$out" 'packet  spec.md plan.md tasks.md'
	has "$out" '3/3'
	# Old, incomplete, and without its driver.
	sqlite3 "$SK_DB" "UPDATE stages SET ended_at=ended_at-90000000;
		UPDATE runs SET state='running'"
	rm "$spec/plan.md"
	check 0 sk-auto status DEMO --json
	same "$(j '.stages | map(.stale) | map(select(.)) | length')" 2
	has "$(j '.warnings[]')" 'plan is done, but plan.md is gone'
	has "$(j '.warnings[]')" 'the driver is gone; sk-auto resume DEMO'
	check 0 sk-auto status DEMO --stale-hours 26 --json
	same "$(j '.stages | map(.stale) | any')" false
	check 2 sk-auto status DEMO --stale-hours 0
	check 2 sk-auto status DEMO --stale-hours=-1
}

@test "the spec of GitHub's layout is found, an artefact on disk serves a later stage" {
	mkdir -p specs/007-thing
	cp "$spec/spec.md" specs/007-thing/spec.md
	check 0 sk-auto run 007 --to plan --json
	[ -s specs/007-thing/plan.md ]
	check 0 sk-auto run 007 --only tasks --new --json
	[ -s specs/007-thing/tasks.md ]
}

@test "a forked branch stands on what its parent had agreed up to the fork" {
	agent w "echo '$plan'"
	project_of w
	check 0 sk-auto run DEMO --only plan --json
	run=$(j 'select(.schema=="sk.summary/1") | .run')
	parent=$(j 'select(.schema=="sk.summary/1") | .branch')
	check 0 sk-branch new --run "$run" --json
	child=$(j .branch)
	# After the fork the parent thinks again; the child does not see it.
	agent w "echo '$plan_high'"
	check 0 sk-auto run DEMO --only plan --branch "$parent" --json
	same "$(j 'select(.schema=="sk.summary/1") | .branch')" "$parent"
	rm "$spec/plan.md"
	check 0 sk-auto prompt DEMO --stage tasks --run "$run"
	has "$out" '"complexity":"low"'
	SK_BRANCH=$parent check 0 sk-auto prompt DEMO --stage tasks
	has "$out" '"complexity":"high"'
	check 2 sk-auto status DEMO --branch nowhere
	check 0 sk-auto status DEMO --branch "$child" --json
	same "$(j '.branch, .stages[0].state' | xargs)" "$child pending"
	# What the stage needs is seen too: this one may begin.
	check 3 sk-auto run DEMO --only tasks --branch "$child" --json
	same "$(j 'select(.schema=="sk.summary/1") | .stages[0].stage')" tasks
}

@test "hostile agent text stays text in the artefact" {
	agent x 'printf %s "{\"stage\":\"plan\",\"requirements\":[\"<img src=x onerror=1>\",\"[a](javascript:x)\",\"@you | \`x\`\"],\"work_breakdown\":[{\"id\":\"W\",\"step\":\"a|b\\n# h\"}],\"complexity\":\"low\"}"'
	agent y 'exec ./bin/x'
	cp bin/x bin/y
	project_of x y
	check 0 sk-auto run DEMO --to plan --json
	not grep -q '<img' "$spec/plan.md"
	not grep -qF '[a](' "$spec/plan.md"
	not grep -q '^# h' "$spec/plan.md"
	not grep -q '@you' "$spec/plan.md"
}

@test "sk-auto artefact refuses what is no verdict of this specification" {
	feed '{"schema":"sk.answer/1"}' 2 sk-auto artefact DEMO
	feed 'garbage' 65 sk-auto artefact DEMO
	feed '{"schema":"sk.verdict/1","spec":"OTHER","stage":"plan","decision_seq":1,"status":"ok","merged":{},"decision":{"run":"r","branch":"b"}}' \
		2 sk-auto artefact DEMO
	feed '{"schema":"sk.error/1","error":{"code":"busy","exit":75,"message":"busy"}}' \
		75 sk-auto artefact DEMO
	[ ! -e "$spec/plan.md" ]
	# Nor does an old or edited verdict write over what was agreed.
	agent x "echo '$plan'"
	project_of x
	check 0 sk-auto run DEMO --to plan --json
	cp "$spec/plan.md" before
	check 0 sk-consensus show DEMO plan --json
	forged=$(sed 's/FR-1/FORGED/g' "$BATS_TEST_TMPDIR/.out")
	feed "$forged" 0 sk-auto artefact DEMO
	cmp "$spec/plan.md" before
	feed "$(echo "$forged" | sed 's/"decision_seq":1,/"decision_seq":7,/')" 8 \
		sk-auto artefact DEMO
	cmp "$spec/plan.md" before
}

@test "documents and what agents make are as the caller's umask says, secrets never" {
	local mask
	project
	agent a "touch '$PWD/made'; echo '$any'"
	project_of a
	for mask in 027 002; do
		rm -rf docs/evidence docs/SPEC-7/plan.md made "$SK_DB"* .sk
		(umask $mask && check 0 sk-auto run SPEC-7 --only plan)
		stat -c '%A %n' made docs/evidence docs/SPEC-7/plan.md \
			docs/evidence/consensus/SPEC-7/*_synthesis.json "$SK_DB" |
			sed "s|$SK_DB|db|; s|/[^/]*_syn|/syn|" >"modes.$mask"
	done
	same "$(cat modes.027)" '-rw-r----- made
drwxr-x--- docs/evidence
-rw-r----- docs/SPEC-7/plan.md
-rw-r----- docs/evidence/consensus/SPEC-7/synthesis.json
-rw------- db'
	same "$(cat modes.002)" '-rw-rw-r-- made
drwxrwxr-x docs/evidence
-rw-rw-r-- docs/SPEC-7/plan.md
-rw-rw-r-- docs/evidence/consensus/SPEC-7/synthesis.json
-rw------- db'
}
