#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# A stage goes on from what was agreed before it. When the evidence of that was
# deleted or edited, sk-auto halts, names the file and the way out.

load helper

local_setup() {
	cp -R "$SK_TOP/docs/example" project
	rm -rf project/docs/evidence project/.sk
	cd project || return 1
	export SK_CONFIG=$PWD/sk.toml
	dir=docs/evidence/consensus/DEMO
}

# spoil WHAT: one way in which evidence of the plan does not stand any more
spoil() {
	local f

	case $1 in
	answer-gone) rm $dir/spec-plan_*_a2.json ;;
	answer-edited)
		f=$(echo $dir/spec-plan_*_a2.json)
		sed -i 's/FR-001/FR-901/' "$f"
		;;
	answer-garbage) printf x >"$(echo $dir/spec-plan_*_a1.json)" ;;
	answer-link)
		f=$(echo $dir/spec-plan_*_a1.json)
		mv "$f" elsewhere.json
		ln -s "$PWD/elsewhere.json" "$f"
		;;
	synthesis-gone) rm $dir/spec-plan_*_synthesis.json ;;
	synthesis-edited)
		f=$(echo $dir/spec-plan_*_synthesis.json)
		sed -i 's/"complexity":"[a-z]*"/"complexity":"none"/' "$f"
		;;
	synthesis-renumbered)
		f=$(echo $dir/spec-plan_*_synthesis.json)
		sed -i 's/"decision_seq":1/"decision_seq":7/' "$f"
		;;
	synthesis-cut)
		f=$(echo $dir/spec-plan_*_synthesis.json)
		truncate -s -1 "$f"
		;;
	all-gone) rm -r docs/evidence ;;
	esac
}

@test "what was deleted or edited halts the next stage, by name; replay mends it" {
	export SPEC_KIT_TELEMETRY_ENABLED=1
	check 0 sk-auto run DEMO --only plan
	cp -R docs/evidence saved
	run=$(sqlite3 "$SK_DB" 'SELECT run_id FROM runs')
	while IFS='|' read -r what status code names; do
		rm -rf docs/evidence
		cp -R saved docs/evidence
		spoil "$what"
		check "$status" sk-auto step DEMO
		same "$what $(j 'select(.schema == "sk.error/1") | .error.code')" "$what $code"
		has "$err" "$names"
		has "$err" "sk-consensus replay --run $run"
		# The script's step says the same.
		check "$status" sk-auto prompt DEMO --stage tasks
		# Nobody was asked.
		same "$(sqlite3 "$SK_DB" "SELECT count(*) FROM requests WHERE stage = 'tasks'")" 0
		mend=$(sed -n 's/.*write it again: \(.*\))$/\1/p' "$BATS_TEST_TMPDIR/.err")
		sh -c "$mend" >/dev/null
		check 0 sk-auto prompt DEMO --stage tasks
	done <<-'END'
	answer-gone|3|evidence_missing|_a2.json
	answer-edited|65|evidence_altered|_a2.json
	answer-garbage|65|evidence_altered|_a1.json
	answer-link|65|evidence_altered|_a1.json
	synthesis-gone|3|evidence_missing|_synthesis.json
	synthesis-edited|65|evidence_altered|_synthesis.json
	synthesis-renumbered|3|evidence_missing|_synthesis.json
	synthesis-cut|65|evidence_altered|_synthesis.json
	all-gone|3|evidence_missing|docs/evidence
	END
	# What stands lets the pipeline go on.
	rm -rf docs/evidence
	cp -R saved docs/evidence
	check 0 sk-auto step DEMO
	same "$(sqlite3 "$SK_DB" "SELECT count(*) FROM requests WHERE stage = 'tasks'")" 3
}

@test "a halt on evidence keeps the stage open, and resume goes on in it" {
	export SPEC_KIT_TELEMETRY_ENABLED=1
	check 0 sk-auto run DEMO --only plan
	f=$(echo $dir/spec-plan_*_a3.json)
	mv "$f" kept
	check 3 sk-auto resume DEMO
	has "$err" "is gone"
	check 3 sk-auto next DEMO || check 0 sk-auto next DEMO
	mv kept "$f"
	check 0 sk-auto resume DEMO
	same "$(sqlite3 "$SK_DB" "SELECT count(*) FROM decisions WHERE state = 'acked'")" 6
}

@test "without telemetry the synthesis alone is held; without evidence, nothing" {
	check 0 sk-auto run DEMO --only plan
	check 0 sk-auto prompt DEMO --stage tasks
	spoil synthesis-edited
	check 65 sk-auto prompt DEMO --stage tasks
	check 0 env SPECKIT_EVIDENCE__ENABLED=false sk-auto prompt DEMO --stage tasks
	# A stage that does not go on from it does not mind.
	check 0 sk-auto prompt DEMO --stage plan
}
