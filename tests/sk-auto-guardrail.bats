#!/usr/bin/env bats
# sk-auto: what must hold before agents are asked.

load helper

local_setup() {
	export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
	export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.org
	export GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.org
	unset SPEC_OPS_ALLOW_DIRTY
	git init -q -b main project
	cd project || return 1
	mkdir -p bin docs/SPEC-7
	printf '# A thing\n\n- FR-1: do it\n' >docs/SPEC-7/spec.md
	cat >bin/w <<-END
		#!/bin/sh
		cat >/dev/null
		echo x >>"$BATS_TEST_TMPDIR/calls"
		echo '{"stage":"plan","requirements":["FR-1"],"work_breakdown":[{"id":"W-FR-1","requirement":"FR-1","step":"do it"}],"acceptance_mapping":[],"risks":[],"complexity":"low"}'
	END
	chmod +x bin/w
	cat >sk.toml <<-END
		[project]
		root = "."
		[agents.w]
		adapter = "exec"
		command = ["./bin/w"]
		[pipeline]
		agents = ["w"]
	END
	git add -A
	git commit -qm x
	export SK_CONFIG=$PWD/sk.toml
}

calls() {
	if [ -e "$BATS_TEST_TMPDIR/calls" ]; then
		wc -l <"$BATS_TEST_TMPDIR/calls"
	else
		echo 0
	fi
}

rail() { cat docs/evidence/commands/SPEC-7/guardrail-plan-*.json; }

@test "a clean tree runs; our own files do not make it dirty" {
	check 0 sk-auto run SPEC-7 --only plan
	[ -s docs/SPEC-7/plan.md ]
	[ -n "$(git status --porcelain)" ]
	check 0 sk-auto run SPEC-7 --only plan
	same "$(calls)" 2
}

@test "what stopped a run before a verdict is named, and no conflict" {
	local form
	echo x >dirty
	check 1 sk-auto run SPEC-7 --format text
	has "$err" 'plan: guardrail, 0 of 1 agents'
	same "$(awk '$1 == "plan" { print $3 } $1 == "halted" { print $2, $3 }' \
		<<<"$out" | xargs)" 'guardrail guardrail clean-tree:'
	for form in github gitlab md; do
		check 1 sk-auto run SPEC-7 --format "$form"
		not grep conflict <<<"$out$err"
		check 0 sk-auto report SPEC-7 --format "$form"
		not grep conflict <<<"$out"
	done
	check 0 sk-auto status SPEC-7 --json
	same "$(jq -c '.stages[0] | [.state, .exit]' <<<"$out")" '["halted",1]'
	check 0 sk-auto status SPEC-7 --format text
	same "$(awk '$1 == "plan" { print $2 }' <<<"$out")" halted
	check 0 sk-branch list --json
	same "$(jq -c '[.branches[].state] | unique' <<<"$out")" '["halted"]'
	same "$(sk-branch show "$(sk-branch current)" --json | jq -r .state)" halted
	# Who answered before the money ended is counted.
	rm dirty
	printf '[cost]\nrun_limit_usd = 0.2\n' >>sk.toml
	sed -i 's/^agents = .*/agents = ["w", "v"]/;s/^command.*/&\nmodel = "claude-opus-5-5"/' sk.toml
	printf '[agents.v]\nadapter = "exec"\ncommand = ["./bin/w"]\nmodel = "claude-opus-5-5"\n' >>sk.toml
	git add -A
	git commit -qm y
	check 7 sk-auto run SPEC-7 --new --json
	same "$(jq -c 'select(.schema == "sk.summary/1") | .stages[0] |
		[.answered, .status, (.reason | startswith("budget of run"))]' <<<"$out")" \
		'[1,null,true]'
	check 0 sk-branch list --state interrupted --json
	same "$(j '.branches | length')" 0
}

@test "a dirty tree: status 1, what is dirty and three ways out; nobody is asked" {
	echo x >'a file'
	echo y >>docs/SPEC-7/spec.md
	check 1 sk-auto run SPEC-7 --only plan --json
	same "$(j 'select(.schema=="sk.error/1") | .error.code')" guardrail
	has "$err" 'has 2 changes that no commit holds'
	has "$err" --allow-dirty
	same "$(calls)" 0
	same "$(rail | jq -r '.command, .specId, .success, (.checks[] | select(.name=="clean-tree") | .status)' | xargs)" \
		'guardrail.plan SPEC-7 false failed'
	check 1 sk-auto next SPEC-7
	has "$err" 'guardrail clean-tree'
	check 0 sk-auto run SPEC-7 --only plan --allow-dirty
	SPEC_OPS_ALLOW_DIRTY=1 check 0 sk-auto run SPEC-7 --only plan
	SPECKIT_GUARDRAILS__CLEAN_TREE=false check 0 sk-auto run SPEC-7 --only plan
	same "$(calls)" 3
	# Renamed and deleted files are changes, too.
	git add -A && git commit -qm y
	git mv 'a file' b
	check 1 sk-auto run SPEC-7 --only plan
	has "$err" 'has 1 change that'
}

@test "code that implement wrote does not stop the stages after it" {
	echo x >code.c
	check 1 sk-auto run SPEC-7 --only plan
	check 3 sk-auto run SPEC-7 --only validate
	same "$(calls)" 1
}

@test "evidence: a warning at one limit, a refusal at the other" {
	mkdir -p docs/evidence/consensus/SPEC-7
	truncate -s 3M docs/evidence/consensus/SPEC-7/big.json
	check 0 sk-auto run SPEC-7 --only plan
	not grep -q evidence <"$BATS_TEST_TMPDIR/.err"
	SPECKIT_EVIDENCE__MAX_SIZE_PER_SPEC_MB=2 check 0 sk-auto run SPEC-7 --only plan
	has "$err" 'SPEC-7 evidence is 3.0 MiB (warning at 2 MiB)'
	SPECKIT_EVIDENCE__MAX_SIZE_PER_SPEC_MB=1 \
		SPECKIT_EVIDENCE__BLOCK_SIZE_PER_SPEC_MB=2 \
		check 1 sk-auto run SPEC-7 --only plan
	has "$err" 'SPEC-7 evidence is 3.0 MiB (exceeds 2 MiB)'
	same "$(calls)" 2
	# A link is not followed out of the evidence.
	rm docs/evidence/consensus/SPEC-7/big.json
	mkdir elsewhere && truncate -s 9M elsewhere/f
	ln -s "$PWD/elsewhere" docs/evidence/consensus/SPEC-7/x
	SPECKIT_EVIDENCE__MAX_SIZE_PER_SPEC_MB=1 \
		SPECKIT_EVIDENCE__BLOCK_SIZE_PER_SPEC_MB=2 \
		check 0 sk-auto run SPEC-7 --only plan --allow-dirty
}

@test "a stage's own command: run in the root, its status decides, its words are data" {
	cat >>sk.toml <<-'END'
		[stages.plan]
		guardrail = ["./bin/rail", "a b", "$(touch pwned)"]
	END
	printf '#!/bin/sh\npwd >where\nprintf "%%s|" "$@" >args\nprintf "\\033[31mred\\n"\nexit "${RAIL:-0}"\n' >bin/rail
	chmod +x bin/rail
	git add -A && git commit -qm y
	cd docs
	check 0 sk-auto run SPEC-7 --only plan
	cd ..
	same "$(cat where)" "$PWD"
	same "$(cat args)" 'a b|$(touch pwned)|'
	[ ! -e docs/pwned ] && [ ! -e pwned ]
	has "$err" red
	not grep -q "$(printf '\033')" "$BATS_TEST_TMPDIR/.err"
	RAIL=3 check 1 sk-auto run SPEC-7 --only plan --allow-dirty
	has "$err" 'ended with status 3'
	same "$(calls)" 1
	same "$(rail | jq -r '.checks[] | select(.name=="command") | .status')" failed
}

@test "a project file that was merely found cannot name a command" {
	unset SK_CONFIG
	mkdir .sk
	printf '[stages.plan]\nguardrail = ["./bin/rail"]\n' >.sk/config.toml
	git add -A && git commit -qm y
	check 2 sk-auto run SPEC-7 --only plan -a w
	has "$err" stages.plan.guardrail
	has "$err" '.sk/config.toml:2'
}

@test "an empty specification is refused" {
	: >docs/SPEC-7/spec.md
	git commit -qam y
	check 2 sk-auto run SPEC-7 --only plan
	has "$err" 'is empty'
	same "$(calls)" 0
}

@test "SPEC_KIT_TELEMETRY_ENABLED=1 keeps the record of what passed" {
	check 0 sk-auto run SPEC-7 --only plan
	[ ! -d docs/evidence/commands ]
	SPEC_KIT_TELEMETRY_ENABLED=1 check 0 sk-auto run SPEC-7 --only plan
	same "$(rail | jq -r '.schemaVersion, .success' | xargs)" '1 true'
	rail | jq -e '.timestamp | test("^20[0-9-]+T[0-9:.]+Z$")'
}

@test "pipeline.stages leaves stages out; --only is stronger" {
	sed -i 's/^\[pipeline\]/&\nstages = ["plan", "audit"]/' sk.toml
	git commit -qam y
	check 0 sk-auto run SPEC-7 --dry-run --json
	same "$(j '.stages | map(.stage) | join(",")')" plan,audit
	check 0 sk-auto run SPEC-7 --only unlock --dry-run --json
	same "$(j '.stages | map(.stage) | join(",")')" unlock
}
