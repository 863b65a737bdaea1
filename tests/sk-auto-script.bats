#!/usr/bin/env bats
# sk-auto run --print-script: what a run by the printed script leaves behind is
# what the run itself leaves.

load helper
load auto

# The state of the newest run, without what differs between any two runs.
state() {
	sk-auto status "${1:-DEMO}" --json |
		jq -cS 'del(.run, .branch, .dir, .active_at, .phase_at,
			.driver.pid, .driver.since, .stages[].started_at, .gates[].at,
			.stages[].ended_at, .evidence.bytes,
			.evidence.largest_bytes, .evidence.latest,
			.evidence.latest_at, .evidence.largest)'
}

# The names of all evidence: of ids and times only that there is one.
files() {
	(cd docs/evidence && find . -type f) | LC_ALL=C sort |
		sed -E 's/[0-9]{8}T[0-9]+Z?(_[0-9]+)?/TIME/
			s/[0-9a-f-]{36}|spec_auto_DEMO_[0-9a-z]+/RUN/g
			s/[0-9]{6,}(_[0-9]+)*/N/g'
}

# both STATUS OPTION...: the run, then its script in the same place.
both() {
	local want=$1
	shift
	rm -rf ../fresh
	cp -R . ../fresh
	check "$want" sk-auto run DEMO "$@" --json
	state >../state.run
	files >../files.run
	rm -rf -- ..?* .[!.]* * "$SK_DB"*
	cp -R ../fresh/. .
	check 0 sk-auto run DEMO "$@" --print-script
	cp "$BATS_TEST_TMPDIR/.out" ../run.sh
	if command -v shellcheck >/dev/null; then
		shellcheck ../run.sh
	fi
	check "$want" sh ../run.sh
	state >../state.script
	files >../files.script
	diff ../state.run ../state.script
	diff ../files.run ../files.script
}

@test "a script leaves the state and the evidence of a run: the example" {
	example
	both 0
	same "$(jq -r .state ../state.script)" done
	grep -q cost_summary ../files.script
	grep -q DEMO.sha256 ../files.script
	check 0 sk-auto evidence verify DEMO
	check 1 sk-auto next DEMO
	has "$err" 'is finished'
	same "$(sk-branch list --json | jq -r '.branches[0].state // .state')" done
}

@test "a script leaves the state and the evidence of a run: stages left out" {
	example
	printf '[stages.plan]\nskip_if = "low_risk"\n[stages.audit]\nskip_if = "always"\n' >>sk.toml
	both 0 --to unlock --skip-validate -a a1 -a a2
	same "$(jq -r '.stages[4].status' ../state.script)" skipped
	grep -q speckit-validate_SKIPPED ../files.script
	same "$(jq -r '.stages[0].agents' ../state.script)" a1,a2
}

@test "a script that halts leaves the state and the evidence of a run" {
	example
	for case in "1 echo '$plan_high'" '3 exit 1'; do
		agent x "echo '$plan'"
		agent y "echo '$plan'"
		agent z "${case#* }"
		[ "${case%% *}" -ne 1 ] || agent y "echo '$plan_mid'"
		project_of x y z
		both "${case%% *}" --to plan
		same "$(jq -r '.state, .phase' ../state.script | xargs)" \
			'halted halted'
		check "${case%% *}" sk-auto next DEMO
		has "$err" "halted in 'plan'"
		rm -rf docs/evidence calls.* "$SK_DB"*
	done
}

@test "a script asks again as a run does: when somebody is missing" {
	example
	# The script's sk-run counts how often it is wanted.
	mkdir ../shim
	printf '#!/bin/sh\necho x >>"%s"\nexec "%s" "$@"\n' "$PWD/calls.run" \
		"$(command -v sk-run)" >../shim/sk-run
	chmod +x ../shim/sk-run
	# Prose is nothing to agree on, and was said by everybody: once. Who said
	# nothing is asked again, whatever others say of it.
	while IFS='|' read -r others z times; do
		agent x "echo '$others'"
		agent y "echo '$others'"
		agent z "$z"
		project_of x y z
		check 3 sk-auto run DEMO --to plan --json
		same "run $z $(calls z)" "run $z $times"
		rm -rf docs/evidence calls.* "$SK_DB"*
		check 0 sk-auto run DEMO --to plan --print-script
		cp "$BATS_TEST_TMPDIR/.out" ../run.sh
		if command -v shellcheck >/dev/null; then shellcheck ../run.sh; fi
		check 3 env PATH="$PWD/../shim:$PATH" sh ../run.sh
		same "script $z $(calls z) $(calls run)" "script $z $times $times"
		rm -rf docs/evidence calls.* "$SK_DB"*
	done <<-'END'
		a plan|echo another plan|1
		{"missing_agents":[],"unexpected_agents":[]}|exit 0|2
	END
}

@test "a gate that stops a script is what stops the stage" {
	example
	printf '[stages.tasks]\nguardrail = ["false"]\n' >>sk.toml
	both 1 --to tasks
	same "$(jq -r '.stages[1].state, .stages[1].exit' ../state.script |
		xargs)" 'halted 1'
}

@test "half a script: next and resume go on where it stands, the script as well" {
	example
	check 0 sk-auto run DEMO --new --db ../whole.db
	SK_DB=../whole.db state | jq -c '[.state, .phase, .stages]' >../whole
	rm -rf docs/evidence "$spec"/[!s]*.md
	check 0 sk-auto run DEMO --print-script
	cp "$BATS_TEST_TMPDIR/.out" ../run.sh
	# Killed as hard as can be when the second stage is asked.
	sed "s/^stage tasks.*/ask() { kill -9 \$\$; sleep 9; }\n&/" \
		../run.sh >../half.sh
	check 137 sh ../half.sh
	where="$(state | jq -r '.state, .phase,
		(.stages[:3] | map(.state) | join(","))' | xargs)"
	same "$where" 'running checking done,running,pending'
	check 0 sk-auto db backup ../half.db
	cp -R docs ../half.docs
	eval "$(sk-auto env DEMO)"
	check 0 sh ../run.sh
	unset SK_RUN SK_BRANCH
	same "$(state | jq -c '[.state, .phase, .stages]')" "$(cat ../whole)"
	rm -rf docs
	mv ../half.docs docs
	export SK_DB=$PWD/../half.db
	check 0 sk-auto next DEMO
	has "$out" 'sk-auto step DEMO'
	check 0 $out --json
	same "$(j 'select(.schema=="sk.summary/1") | .stages[0].stage')" tasks
	check 0 sk-auto resume DEMO
	same "$(state | jq -c '[.state, .phase, .stages]')" "$(cat ../whole)"
}

@test "a script that is told to end, and one whose run is cancelled" {
	example
	check 0 sk-auto run DEMO --to tasks --print-script
	cp "$BATS_TEST_TMPDIR/.out" ../run.sh
	sed '/^stage tasks/i judge() { kill -TERM $$; }' ../run.sh >../term.sh
	check 143 sh ../term.sh
	same "$(sk-auto status DEMO --json | jq -r '.state, .phase,
		.stages[1].state, .stages[1].exit' | xargs)" \
		'halted halted interrupted 143'
	check 143 sk-auto next DEMO
	check 0 sk-auto step DEMO
	sed '/^stage tasks/i judge() { sk-auto cancel "$spec" >\&2; exit 8; }' \
		../run.sh >../cancel.sh
	check 8 sh ../cancel.sh
	same "$(sk-auto status DEMO --json | jq -r '.state, .phase' | xargs)" \
		'cancelled cancelled'
}

@test "end: what it records must be so, and can be said again" {
	example
	check 1 sk-auto end DEMO --exit 0
	has "$err" 'no run'
	eval "$(sk-auto env DEMO --new)"
	check 8 sk-auto end DEMO --stage plan --exit 0
	has "$err" "was not started"
	unset SK_RUN SK_BRANCH
	check 0 sk-auto run DEMO --to plan
	state >../before
	check 0 sk-auto end DEMO --stage plan --exit 0
	check 0 sk-auto end DEMO --to plan --exit 0
	state >../after
	diff ../before ../after
	check 2 sk-auto end DEMO --stage plan --exit 3
	has "$err" "agreed"
	check 8 sk-auto end DEMO --exit 3
	same "$(sk-auto status DEMO --json | jq -r '.state, .phase' | xargs)" \
		'done done'
	check 2 sk-auto end DEMO --stage plna --exit 0
}
