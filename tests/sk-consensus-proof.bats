#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Verdicts that can be derived again: verify, judge, last, explain.

load helper
load consensus

three() { # STAGE VALUE...: a, b, c … answer {"size": VALUE}
	local stage=$1 agents=(a b c d e) v i=0

	shift
	for v; do
		ans "${agents[i]}" "{\"size\": $v, \"words\": \"some words\"}" \
			"run: \"r\", spec: \"S\", stage: \"$stage\""
		i=$((i + 1))
	done
}

dir=docs/evidence/consensus/S

@test "verify: from the database, from agent files, from the file itself" {
	feed "$(three plan 3 3 4)" 0 sk-consensus --policy plan \
		--require /size --expect a,b,c
	check 0 sk-consensus verify $dir/spec-plan_*_synthesis.json
	valid verify
	same "$(j '"\(.result) \(.answers.database) \(.decision_seq)"')" \
		"verified 3 1"
	# Without the database nothing is known of the answers.
	SK_DB=$PWD/none check 3 sk-consensus verify $dir/*_synthesis.json
	same "$(j '"\(.result) \(.answers.absent)"')" "incomplete 3"
	SPEC_KIT_TELEMETRY_ENABLED=1 feed "$(three tasks 3 3 4)" 0 \
		sk-consensus --expect a,b,c --quorum 2/3
	SK_DB=$PWD/none check 0 sk-consensus verify \
		$dir/spec-tasks_*_synthesis.json
	same "$(j '"\(.result) \(.answers.files)"')" "verified 3"
	feed "$(three audit 3 3 4 5)" 3 sk-consensus --expect a,b,c,d,e \
		--embed --quorum 2 --require /size
	cp $dir/spec-audit_*_synthesis.json alone.json
	SK_DB=$PWD/none check 0 sk-consensus verify alone.json
	same "$(j '"\(.result) \(.answers.embedded)"')" "verified 4"
	# On standard input, and as the line that the filter prints.
	SK_DB=$PWD/none feed_file alone.json 0 sk-consensus verify -
	sk-consensus show S audit --run r >line.json
	check 0 sk-consensus verify line.json
	same "$(j .result)" verified
	jq -c '.merged.size = 4' line.json >forged.json
	check 65 sk-consensus verify forged.json
	same "$(j '.findings[].detail')" "it differs from what follows at /merged/size"
	# All decisions of the run, linked.
	check 0 sk-consensus verify $dir/*_synthesis.json
	same "$(j .result | sort | uniq -c | xargs)" "3 verified"
	same "$(sqlite3 "$SK_DB" "SELECT count(*) FROM decisions a JOIN
		decisions b ON b.decision_seq = a.decision_seq + 1 AND
		substr(b.chain, 1, 64) = substr(a.chain, 65)")" 2
	check 2 sk-consensus verify
	check 65 sk-consensus verify /dev/null
	echo '{"schema":"sk.verdict/1"}' >v.json
	check 65 sk-consensus verify v.json
	same "$(j .error.code)" not_a_verdict
}

@test "verify: a forged link, a forged answer, another policy" {
	feed "$(three plan 3 3 4)" 0 sk-consensus --policy plan --embed \
		--require /size --expect a,b,c
	f=$(j .decision.evidence.synthesis)
	while IFS='|' read -r filter what; do
		jq -c "$filter" "$f" >forged.json
		SK_DB=$PWD/none check 65 sk-consensus verify forged.json
		has "$(j '.findings[].what' | xargs)" "$what"
	done <<-'END'
	.decision.chain.prev = .decision.chain.hash|chain_broken
	.decision.decided_at = "2025-10-04T10:15:00.000Z"|chain_broken
	.decision.epoch = 7|chain_broken
	.decision_seq = 2|chain_broken
	.answers[0].content = "{\"size\": 4}"|answer_altered
	.status = "degraded"|chain_broken
	.certificate.policy.require = []|text_altered
	.certificate.quorum.num = 1|text_altered
	.certificate.complete = false|text_altered
	.inputs[0].sha256 = .inputs[2].sha256|answer_altered
	.extra = 1|text_altered
	END
	SK_DB=$PWD/none check 0 sk-consensus verify "$f"
}

@test "judge: from the files alone; a deleted one is missing, an edited one named" {
	SPEC_KIT_TELEMETRY_ENABLED=1 feed "$(three plan 3 3 3)" 0 sk-consensus \
		--expect a,b,c
	sk-consensus show --run r | jq -S 'del(.decision, .decision_seq)' >want
	export SK_DB=$PWD/none
	check 0 sk-consensus judge --evidence docs/evidence S plan
	valid verdict
	same "$(j -S 'del(.decision, .decision_seq)')" "$(cat want)"
	check 0 sk-consensus judge --evidence $dir
	# Whichever directory is at hand, and never that of another one.
	local at
	for at in docs/evidence docs/evidence/consensus; do
		check 0 sk-consensus judge --evidence $at
		same "$(j .spec)" S
		check 0 sk-consensus judge --evidence $at S
	done
	check 2 sk-consensus judge --evidence $dir OTHER plan
	[ ! -e none ]
	cp -r docs saved
	rm $dir/spec-plan_*_b.json
	check 3 sk-consensus judge --evidence docs/evidence S plan
	same "$(j '.status, .missing_agents[], .reasons[0].detail' | xargs)" \
		"degraded b no evidence file"
	rm -r docs
	cp -r saved docs
	f=$(echo $dir/spec-plan_*_c.json)
	was=$(jq -r .sha256 "$f")
	jq -c '.content = "{\"size\": 4}"' "$f" >x && mv x "$f"
	check 3 sk-consensus judge --evidence docs/evidence S plan
	same "$(j '.status, .missing_agents[]' | xargs)" "degraded c"
	is=$(printf '{"size": 4}' | sha256sum | cut -d' ' -f1)
	same "$(j '.reasons[0] | "\(.kind) \(.agent) \(.detail)"')" \
		"invalid_answer c sha256 $is, not $was"
	# A forged hash beside it helps nobody.
	jq -c --arg s "$is" '.sha256 = $s' "$f" >x && mv x "$f"
	check 3 sk-consensus judge --evidence docs/evidence S plan
	same "$(j '.missing_agents[]')" c
	printf garbage >"$f"
	check 3 sk-consensus judge --evidence docs/evidence S plan
	same "$(j '.reasons[0].detail')" "the evidence file is damaged"
	check 2 sk-consensus judge --evidence docs/evidence S audit
	same "$(j .error.code)" no_synthesis
	check 2 sk-consensus judge
	check 74 sk-consensus judge --evidence nowhere || check 2 \
		sk-consensus judge --evidence nowhere
}

@test "last: the newest verdict with its synthesis_path" {
	feed "$(three plan 3 3)" 0 sk-consensus --expect a,b
	first=$(j .decision.evidence.synthesis)
	check 0 sk-consensus last S plan
	valid verdict
	same "$(j .synthesis_path)" "$first"
	feed "$(three plan 3 3)" 3 sk-consensus --expect a,b,c
	second=$(j .decision.evidence.synthesis)
	check 3 sk-consensus last S plan
	same "$(j '"\(.decision_seq) \(.synthesis_path)"')" "2 $second"
	[ "$first" != "$second" ]
	rm "$second"
	check 3 sk-consensus last S plan
	same "$(j .synthesis_path)" null
	rm -r docs
	check 3 sk-consensus last S plan
	[ ! -e docs ]
	check 2 sk-consensus last S audit
	same "$(j .error.code)" no_decision
	check 2 sk-consensus last S
}

@test "explain: who said what, for a terminal and as a page" {
	evil='<script>alert(1)</script>'
	feed "$(
		ans a '{"size": 3, "risks": [{"id": "x", "text": "t"}], "n": "'"$evil"'"}'
		ans b '{"size": 3, "n": "two"}'
		ans c '{"size": 4, "n": "'"$(printf '\\u202e\\u001b[2J')"'"}'
	)" 0 sk-consensus --expect a,b,c --require /size
	cp "$BATS_TEST_TMPDIR/.out" v.json
	check 0 sk-consensus explain v.json
	has "$out" "/size"
	has "$(grep '^/size' "$BATS_TEST_TMPDIR/.out")" "agreed    2 of 3  3  [a, b]"
	has "$out" "/n"
	check 0 sk-consensus explain v.json /size
	same "$(wc -l <"$BATS_TEST_TMPDIR/.out")" 1
	check 0 sk-consensus explain v.json /nothing
	has "$out" "nobody"
	feed_file v.json 0 sk-consensus explain - --html
	has "$out" "<!DOCTYPE html>"
	has "$out" "&lt;script&gt;" || has "$out" 'u003cscript'
	not grep -q '<script' "$BATS_TEST_TMPDIR/.out"
	not grep -q "$(printf '\033')" "$BATS_TEST_TMPDIR/.out"
	not grep -q "$(printf '\342\200\256')" "$BATS_TEST_TMPDIR/.out"
	check 65 sk-consensus explain /dev/null
	check 2 sk-consensus explain v.json size
}

@test "explain: findings that nobody else saw are there, and lines fit the screen" {
	long=$(printf 'x%.0s' {1..300})
	feed "$(
		ans a '{"size": 3, "findings": [{"id": "F-1", "severity": "high", "file": "a.c", "message": "'"$long"'"}]}'
		ans b '{"size": 3, "words": "'"$long $long"'"}'
		ans c '{"size": 4}'
	)" 0 sk-consensus --expect a,b,c --require /size
	cp "$BATS_TEST_TMPDIR/.out" v.json
	check 0 sk-consensus explain v.json
	has "$out" "/findings  united    1 of 1"
	has "$out" "[a]  single, high 1"
	same "$(awk 'length($0) > 80' "$BATS_TEST_TMPDIR/.out")" ""
	# One path is shown whole.
	check 0 sk-consensus explain v.json /findings
	has "$out" "$long"
	COLUMNS=200 check 0 sk-consensus explain --html v.json
	has "$out" "<title>Verdict ok</title>"
	has "$out" "$long"
}
