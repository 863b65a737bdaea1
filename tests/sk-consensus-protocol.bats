#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# sk-consensus step by step: intake, decide, pending, replay, ack, stop, log;
# what is refused, what is counted, and what comes out when it is asked again.

load helper
load consensus

count() { # RUN WHAT
	sk-consensus log --run "$1" --counts | jq -r --arg w "$2" '.counts[$w] // 0'
}

@test "the steps one by one give what the filter gives, and can be repeated" {
	in=$(ans a '{"k":1}' 'spec: "S", stage: "plan"'
		ans b '{"k":1}' 'spec: "S", stage: "plan"')
	feed "$in" 0 sk-consensus --run one --expect a,b
	j -c 'del(.decision, .decision_seq)' >filter
	for _ in 1 2; do
		feed "$in" 0 sk-consensus intake --run two
	done
	same "$(j .result | xargs)" "duplicate duplicate"
	for _ in 1 2; do
		check 0 sk-consensus decide --run two --stage plan --expect a,b
		valid verdict
		same "$(j '.decision_seq, .decision.acked' | xargs)" "1 false"
	done
	same "$(j .decision.replayed)" true
	j -c 'del(.decision, .decision_seq)' | cmp - filter
	file=$(j .decision.evidence.synthesis)
	sum=$(sha256sum "$file")
	rm "$file"
	check 0 sk-consensus replay --run two --no-ack
	valid verdict
	same "$(j .decision.acked)" false
	same "$(sha256sum "$file")" "$sum"
	for _ in 1 2; do
		check 0 sk-consensus pending --run two
		same "$(j .decision_seq)" 1
	done
	for already in false true true; do
		check 0 sk-consensus ack --run two --seq 1
		valid ack
		same "$(j .already)" $already
	done
	check 0 sk-consensus pending --run two
	same "$(j .pending)" null
	# An acknowledged decision can be replayed by its number only.
	check 2 sk-consensus replay --run two
	same "$(j .error.code)" no_decision
	rm "$file"
	check 0 sk-consensus replay --run two --seq 1
	same "$(j '.decision.acked, .decision.replayed' | xargs)" "true true"
	same "$(sha256sum "$file")" "$sum"
	check 2 sk-consensus replay --run two --seq 2
	same "$(count two ack) $(count two ack_again) $(count two decide) $(count two replay)" \
		"1 2 1 1"
	# The expected agents are those of the round when nobody says more.
	feed "$(ans c '{"k":1}')" 0 sk-consensus intake --run three
	check 0 sk-consensus decide --run three --min 1
	same "$(j -c '.expected')" '["c"]'
}

@test "replay finishes what is pending: evidence, then the ack" {
	feed "$(ans a '{"k":1}' 'spec: "S", stage: "plan"')" 0 sk-consensus \
		--run r --expect a --min 1 --no-ack --no-evidence
	same "$(j '.decision.evidence')" null
	check 0 sk-consensus replay --run r
	[ -s "$(j .decision.evidence.synthesis)" ]
	same "$(j '.decision.acked')" true
}

@test "an input that was decided before a newer one is decided afresh" {
	in=$(ans a '{"k":1}' 'run: "r", stage: "plan"'
		ans b '{"k":1}' 'run: "r", stage: "plan"')
	feed "$in" 0 sk-consensus --expect a,b
	feed "$in" 3 sk-consensus --expect a,b,c
	same "$(j '.decision_seq, .status' | xargs)" "2 degraded"
	feed "$in" 0 sk-consensus --expect a,b
	same "$(j '.decision_seq, .status, .decision.supersedes,
		.decision.replayed' | xargs)" "3 ok 2 false"
	feed "$in" 0 sk-consensus --expect a,b
	same "$(j '.decision_seq, .decision.replayed' | xargs)" "3 true"
	check 0 sk-consensus show --run r
	same "$(j '.decision_seq, .status' | xargs)" "3 ok"
}

@test "late, stopped, wrong run, wrong branch: typed and counted" {
	feed "$(ans a '{"k":1}' 'run: "r"')" 0 sk-consensus --expect a --min 1
	branch=$(j .decision.branch)
	feed "$(ans b '{"k":1}' 'run: "r"')" 0 sk-consensus intake
	valid intake
	same "$(j '.result, .seq' | xargs)" "late 2"
	# It takes part in the next decision, which supersedes.
	check 0 sk-consensus decide --run r
	same "$(j '.present | length, (.[]), 0' | xargs)" "2 a b 0"
	same "$(j '.decision.supersedes')" 1
	feed "$(ans c '{"k":1}' 'run: "q"')" 65 sk-consensus intake --run r
	same "$(jq -r 'select(.result).result' "$BATS_TEST_TMPDIR/.out")" wrong_run
	feed "$(ans c '{"k":1}' 'run: "r", branch: "elsewhere"'
		ans d '{"k":1}' 'run: "r"')" 3 \
		sk-consensus intake --run r --branch "$branch"
	valid intake
	same "$(j .result | xargs)" "wrong_branch late"
	# Nothing of them was kept, and no agent is blamed for them.
	same "$(sqlite3 "$SK_DB" "SELECT group_concat(agent_name,'') FROM
		(SELECT agent_name FROM requests ORDER BY 1)")" abd
	for already in false true; do
		check 0 sk-consensus stop --run r
		valid stop
		same "$(j .already)" $already
	done
	feed "$(ans e '{"k":1}' 'run: "r"'
		ans a '{"k":1}' 'run: "r", attempt: 1')" 0 sk-consensus intake
	same "$(j .result | xargs)" "stopped known"
	feed "$(ans e '{"k":1}' 'run: "r"')" 8 sk-consensus --expect e
	same "$(j '.error.code, .error.details.result' | xargs)" \
		"run_stopped after_stop"
	check 8 sk-consensus decide --run r --expect a,b,d
	same "$(j .error.code)" run_stopped
	# What was decided before can be looked at, but not acknowledged.
	check 0 sk-consensus ack --run r --seq 1
	same "$(j .already)" true
	check 8 sk-consensus ack --run r --seq 2
	same "$(j '.error.code, .error.details.result' | xargs)" \
		"run_stopped after_stop"
	check 8 sk-consensus ack --run r --seq 9
	same "$(j '.error.code, .error.details.result,
		.error.details.pending' | xargs)" "out_of_order future 2"
	check 0 sk-consensus log --run r --counts
	valid counts
	same "$(j -c '.counts | [.late, .stop, .["refused.wrong_run"],
		.["refused.wrong_branch"], .["refused.run_stopped"],
		.["refused.out_of_order"], .ack_again,
		.["refused.answer_after_stop"]]')" "[2,1,1,1,3,1,1,2]"
	check 0 sk-consensus log --run r
	valid log
	same "$(jq -s 'map(.lsn) == (map(.lsn) | sort | unique)' \
		"$BATS_TEST_TMPDIR/.out")" true
	check 0 sk-consensus log --run r --format text
	has "$out" "refused"
	check 2 sk-consensus log --run nobody
	check 2 sk-consensus stop --run nobody
	same "$(j .error.code)" no_such_run
	check 2 sk-consensus stop
}

@test "every refusal word has a meaning" {
	words=$(grep -ho 'return "[a-z0-9_]*";\|r->bad = "[a-z_]*"' \
		"$SK_TOP/lib/consensus/record.c" | grep -o '[a-z0-9]*_[a-z0-9_]*')
	[ "$(printf '%s\n' $words | wc -l)" -ge 8 ]
	for w in $words; do
		grep -q "{ \"$w\"," "$SK_TOP/lib/consensus/record.c" || {
			echo "$w is not explained"
			false
		}
		grep -q "$w" "$SK_TOP/man/sk-records.5" || {
			echo "$w is not in sk-records(5)"
			false
		}
	done
	feed "$(ans a x 'content: [1]'; ans b '{"k":1}'; ans c '{"k":1}')" 3 \
		sk-consensus
	has "$err" "refused: bad_content (the content is not a string)"
	same "$(j '.inputs[] | select(.agent == "a") |
		"\(.state) \(.note)"')" "invalid bad_content"
}

@test "without a run: every group of --no-ack is pending, each can be acked" {
	feed "$(for s in plan tasks audit; do
		ans a '{"k":1}' 'spec: "S", stage: "'$s'"'
		ans b '{"k":1}' 'spec: "S", stage: "'$s'"'
	done)" 0 sk-consensus --expect a,b --no-ack
	same "$(j '"\(.stage) \(.decision_seq) \(.decision.acked)"')" "\
plan 1 false
tasks 1 false
audit 1 false"
	same "$(j .decision.run | sort -u | wc -l)" 1
	same "$(j .decision.branch | sort -u | wc -l)" 3
	all=$(j .decision.run | head -n 1)
	j '"\(.decision.run) \(.decision.branch) \(.decision_seq)"' >todo
	while read -r run branch seq; do
		check 0 sk-consensus ack --run "$run" --branch "$branch" \
			--seq "$seq"
	done <todo
	check 0 sk-consensus pending --run "$all"
	same "$(j .pending)" null
}

@test "show and pending are of this project, unless a run is named" {
	for p in one two; do
		mkdir -p $p/.sk
		(cd $p && ans a '{"k":1}' 'spec: "S", stage: "plan"' |
			sk-consensus --expect a --min 1 --no-ack) >$p.json
	done
	for p in one two; do
		(cd $p/.sk && sk-consensus show S plan && sk-consensus pending) |
			jq -r .decision.run | sort -u >got
		same "$(cat got)" "$(jq -r .decision.run $p.json)"
	done
	mkdir -p three/.sk
	cd three
	check 2 sk-consensus show S plan
	check 0 sk-consensus pending
	same "$(j .pending)" null
	check 0 sk-consensus show --run "$(jq -r .decision.run ../one.json)"
}

@test "prose beside JSON is an invalid answer, and its input says so" {
	feed "$(ans a '{"k":1}'; ans b '{"k":1}'; ans c 'I think it is one')" 3 \
		sk-consensus --expect a,b,c
	same "$(j '.inputs[] | "\(.agent) \(.state) \(.note)"')" "\
a ok null
b ok null
c invalid no_json"
	feed "$(ans a 'it is one'; ans b 'it is two')" 3 sk-consensus --expect a,b
	same "$(j '.inputs[] | "\(.agent) \(.state) \(.note)"')" "\
a ok prose
b ok prose"
}
