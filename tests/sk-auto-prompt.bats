#!/usr/bin/env bats
# sk-auto: what a prompt holds, what it leaves out, what it would cost, and
# which specification is meant.

load helper

local_setup() {
	mkdir -p project/bin project/docs/SPEC-7 && cd project || return 1
	printf '# A thing\n\n## Requirements\n\nFR-001: do it\n' >docs/SPEC-7/spec.md
	cat >bin/w <<-END
		#!/bin/sh
		tee -a "$PWD/prompts" | sed -n '/^{"stage"/{p;q}'
	END
	chmod +x bin/w
	cat >sk.toml <<-END
		[project]
		root = "."
		[pipeline]
		agents = ["w"]
		[quality_gates]
		enabled = false
		[agents.w]
		adapter = "exec"
		command = ["./bin/w"]
	END
	export SK_CONFIG=$PWD/sk.toml
	export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
	unset SPECIFY_FEATURE SPECIFY_FEATURE_DIRECTORY
}

# letters N CHAR
letters() { head -c "$1" /dev/zero | tr '\0' "$2"; }
# shown NAME: how many letters of this text stand in the prompt.
shown() {
	printf '%s\n' "$out" | sed -n "/^<<<BEGIN $1 /,/^<<<END $1 /p" |
		grep -E '^[xyz]+$' | tr -d '\n' | wc -c
}

@test "what does not fit is cut: earlier stages first, the specification last" {
	letters 6000 z >docs/SPEC-7/spec.md
	letters 9000 x >docs/SPEC-7/plan.md
	letters 8000 y >docs/SPEC-7/tasks.md
	while read -r budget plan tasks spec; do
		SPECKIT_PIPELINE__CONTEXT=$budget \
			check 0 sk-auto prompt SPEC-7 --stage implement
		same "$budget $(shown plan.md) $(shown tasks.md) $(shown spec.md)" \
			"$budget $plan $tasks $spec"
	done <<-'END'
		1MiB 9000 8000 6000
		23000 9000 8000 6000
		22999 8999 8000 6000
		20000 6000 8000 6000
		15024 1024 8000 6000
		10000 1024 2976 6000
		8048 1024 1024 6000
		7000 0 1000 6000
		6000 0 0 6000
		100 0 0 100
	END
	SPECKIT_PIPELINE__CONTEXT=10000 check 0 sk-auto prompt SPEC-7 --stage implement
	has "$out" 'Not all of the data fits. Cut: plan.md (1024 of 9000 bytes are shown), tasks.md (2976 of 8000 bytes are shown).'
	has "$out" '[7976 more bytes of plan.md were left out]'
	check 0 sk-auto prompt SPEC-7 --stage implement
	not grep -q 'left out' <"$BATS_TEST_TMPDIR/.out"
	# A character is whole or not there.
	printf 'äöü' >docs/SPEC-7/spec.md
	SPECKIT_PIPELINE__CONTEXT=3 check 0 sk-auto prompt SPEC-7
	has "$out" "$(printf 'ä\n[4 more')"
	check 2 env SPECKIT_PIPELINE__CONTEXT=much sk-auto prompt SPEC-7
}

@test "what was cut is in the record, too" {
	letters 9000 x >docs/SPEC-7/plan.md
	SPECKIT_PIPELINE__CONTEXT=5000 check 0 sk-auto run SPEC-7 --only tasks --json
	same "$(j -c 'select(.event=="context.cut") | .stage, .left_out[0].name, .left_out[0].bytes' | xargs)" \
		'tasks plan.md 9000'
	same "$(j -c 'select(.schema=="sk.summary/1") | .stages[0].left_out | length')" 1
	grep -q 'Not all of the data fits' prompts
	SPECKIT_PIPELINE__CONTEXT=5000 check 0 sk-auto run SPEC-7 --only tasks --new --format text
	has "$err" 'tasks: 1 text did not fit into the prompt and was cut'
}

@test "the goal is data, is kept with the run, and can be said anew" {
	# shellcheck disable=SC2016 # nothing expands
	check 0 sk-auto run SPEC-7 --to plan --goal 'cut ${DATA} $(touch x) in "half"'
	grep -A 1 '^<<<BEGIN goal ' prompts |
		grep -qxF 'cut ${DATA} $(touch x) in "half"'
	grep -q 'The block goal says' prompts
	: >prompts
	check 0 sk-auto step SPEC-7
	grep -q 'in "half"' prompts
	run=$(sqlite3 "$SK_DB" 'SELECT run_id FROM runs')
	check 0 sk-auto run SPEC-7 be very quick --only implement
	grep -qx 'be very quick' prompts
	same "$(sqlite3 "$SK_DB" 'SELECT goal FROM runs')" 'be very quick'
	same "$(sqlite3 "$SK_DB" "SELECT count(*) FROM journal WHERE kind='goal'")" 2
	: >prompts
	check 0 sk-auto run SPEC-7 --only validate
	grep -qx 'be very quick' prompts
	check 0 sk-auto prompt SPEC-7 --run "$run"
	has "$out" 'be very quick'
	: >prompts
	check 0 sk-auto run SPEC-7 --new --to plan
	not grep -q 'BEGIN goal' prompts
	check 2 sk-auto run SPEC-7 --goal a b
	# The script has it, too.
	check 0 sk-auto run SPEC-7 --to plan --print-script "it's so"
	cp "$BATS_TEST_TMPDIR/.out" run.sh
	: >prompts
	check 0 sh run.sh
	grep -qx "it's so" prompts
}

@test "a dry run says what it would cost, or whose price is not known" {
	cat >>sk.toml <<-'END'
		[models.tiny]
		cost_per_input_million = 1.0
		cost_per_output_million = 2.0
		[agents.p]
		adapter = "exec"
		command = ["./bin/w"]
		model = "tiny"
	END
	check 0 sk-auto run SPEC-7 --dry-run --json -a p --to tasks
	sk-auto schema outline >outline.json
	"$SK_BUILD/tools/schema_check" outline.json <"$BATS_TEST_TMPDIR/.out"
	j -e '.unpriced == [] and .micro_usd.low > 0 and
		.micro_usd.low < .micro_usd.likely and
		.micro_usd.likely < .micro_usd.high and
		.micro_usd.low == ([.stages[].micro_usd.low] | add) and
		.micro_usd.high == ([.stages[].agents[].micro_usd.high] | add)'
	# (The tasks see the plan, which is not there yet.)
	j -e '.stages[1].micro_usd.high > .stages[0].micro_usd.high'
	check 0 sk-auto run SPEC-7 --dry-run -a p --to plan --format text
	has "$out" 'estimated cost at least $0.0'
	check 0 sk-auto run SPEC-7 --dry-run --json -a p -a w --to tasks
	j -e '.micro_usd.high == null and .unpriced == ["w"] and
		.stages[0].agents[0].micro_usd.high > 0'
	check 0 sk-auto run SPEC-7 --dry-run --to plan --format text
	has "$out" 'not known: no price for w'
	[ ! -e "$SK_DB" ]
	# A gate with agents costs, too.
	sed -i 's/^enabled = false/plan = ["p"]/' sk.toml
	check 0 sk-auto run SPEC-7 --dry-run --json -a p --to plan
	j -e '.stages[0].gate.gate == "clarify" and .micro_usd.high ==
		.stages[0].micro_usd.high + .stages[0].gate.micro_usd.high'
	low=$(j .micro_usd.low) likely=$(j .micro_usd.likely)
	# So does who confirms what its agents say, if they say something.
	cat >>sk.toml <<-'END'
		[agents.v]
		adapter = "exec"
		command = ["./bin/w"]
		model = "tiny"
	END
	sed -i 's/^plan = \["p"\]/&\nvalidator = "v"/' sk.toml
	# (One is too few to be confirmed.)
	check 0 sk-auto run SPEC-7 --dry-run --json -a p --to plan
	same "$(j '.stages[0].gate.validator')" null
	export SPECKIT_QUALITY_GATES__MIN_AGENTS=1
	check 0 sk-auto run SPEC-7 --dry-run --json -a p --to plan
	"$SK_BUILD/tools/schema_check" outline.json <"$BATS_TEST_TMPDIR/.out"
	j -e --argjson low "$low" --argjson likely "$likely" '
		.stages[0].gate.validator as $v | .micro_usd.high ==
		.stages[0].micro_usd.high + .stages[0].gate.micro_usd.high +
		$v.micro_usd.high and .micro_usd.low == $low and
		.micro_usd.likely == $likely + $v.micro_usd.likely and
		$v.agents[0].agent == "v" and $v.micro_usd.low == 0'
	check 0 sk-auto run SPEC-7 --dry-run -a p --to plan --format text
	grep -q '^clarify-confirm  *validator  *v ' "$BATS_TEST_TMPDIR/.out"
	# What a run would refuse is refused here.
	sed -i 's/^validator = "v"/validator = "p"/' sk.toml
	check 2 sk-auto run SPEC-7 --dry-run --json -a p --to plan
	same "$(j .error.code)" validator_votes
}

# feature NAME TEXT
feature() {
	mkdir -p "specs/$1"
	printf '# %s\n\n%s\n' "$1" "${2:-FR-001: do it}" >"specs/$1/spec.md"
}

@test "a spec-kit feature is one specification, however it is named" {
	feature 001-login
	feature 002-logout
	feature 20260319-143022-report
	for name in 001 001-login specs/001-login specs/001-login/ \
		specs/001-login/spec.md; do
		check 0 sk-auto run "$name" --only plan --json
		same "$name $(j 'select(.schema=="sk.summary/1") | .spec')" \
			"$name 001-login"
	done
	same "$(sqlite3 "$SK_DB" 'SELECT count(*) FROM runs')" 1
	[ -s specs/001-login/plan.md ]
	check 0 sk-auto check 20260319-143022 --json
	same "$(j .spec)" 20260319-143022-report
	check 2 sk-auto check 003
	has "$err" "no specification '003'"
	feature 001-other
	check 2 sk-auto check 001
	has "$err" 'two folders match'
	check 2 sk-auto check ../001-login/../..
}

@test "without a name: SPECIFY_FEATURE, feature.json, the branch, the newest" {
	here() { check 0 sk-auto check --json && same "$(j .spec)" "$1"; }
	check 2 sk-auto check
	has "$err" 'no specification is named'
	feature 001-login
	feature 002-logout
	feature 010-more
	here 010-more
	feature 20260101-000000-later
	here 20260101-000000-later
	SPECIFY_FEATURE=002-logout here 002-logout
	SPECIFY_FEATURE=002-anything-else here 002-logout
	SPECIFY_FEATURE_DIRECTORY=specs/001-login here 001-login
	git init -q -b main .
	check 2 sk-auto check
	has "$err" 'be on its git branch'
	for b in 002-logout 002-fix-it feat/002-logout; do
		git checkout -q -b $b 2>/dev/null || git symbolic-ref HEAD refs/heads/$b
		here 002-logout
	done
	mkdir .specify
	echo '{"feature_directory": "specs/001-login"}' >.specify/feature.json
	here 001-login
	# All verbs take it.
	check 0 sk-auto run --only plan --allow-dirty
	[ -s specs/001-login/plan.md ]
	check 0 sk-auto next --allow-dirty
	has "$out" 'step 001-login'
}

@test "what spec-kit keeps for its agents is shown to ours; links are not followed" {
	feature 001-login
	mkdir -p .specify/memory .specify/templates
	echo 'Be kind.' >.specify/memory/constitution.md
	echo 'Plan so.' >.specify/templates/plan-template.md
	echo 'Tasks so.' >.specify/templates/tasks-template.md
	echo 'We looked.' >specs/001-login/research.md
	echo secret >secret && ln -s "$PWD/secret" specs/001-login/data-model.md
	check 0 sk-auto prompt 001
	for t in 'Be kind.' 'Plan so.' 'We looked.'; do has "$out" "$t"; done
	not grep -qE 'Tasks so|secret' "$BATS_TEST_TMPDIR/.out"
	check 0 sk-auto prompt 001 --stage tasks
	has "$out" 'Tasks so.'
	# Papers that a person or spec-kit wrote are taken as they are.
	echo 'By hand FR-001' >specs/001-login/plan.md
	check 0 sk-auto run 001 --only tasks
	grep -q 'By hand FR-001' prompts
	grep -q '^- \[ \] T-FR-001 short title (FR-001), after T-FR-002' \
		specs/001-login/tasks.md
	same "$(cat specs/001-login/plan.md)" 'By hand FR-001'
}

@test "hard and soft dependencies, and what is skipped" {
	# Hard: tasks needs plan, implement needs tasks.
	check 2 sk-auto run SPEC-7 --only tasks
	has "$err" "needs 'plan', which has no agreed answer"
	check 2 sk-auto run SPEC-7 --only implement
	has "$err" "needs 'tasks'"
	check 2 sk-auto run SPEC-7 --skip-tasks --to implement
	# Soft: the others take what is there.
	check 0 sk-auto run SPEC-7 --only audit
	not grep -q 'BEGIN validate' prompts
	check 0 sk-auto run SPEC-7 --only plan
	: >prompts
	check 0 sk-auto run SPEC-7 --only unlock
	grep -q 'BEGIN plan.json' prompts
	grep -q 'BEGIN audit.json' prompts
	# The same by configuration.
	printf '[pipeline]\nstages = ["tasks"]\n' >extra.toml
	check 2 sk-config check extra.toml
	has "$out$err" plan
}
