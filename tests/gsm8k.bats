#!/usr/bin/env bats
# Real answers of four models to school problems: what a quorum of 3 makes of
# them, one process per problem and one for the whole stream.

load helper

AGENTS=6b_finetuning,6b_verification,175b_finetuning,175b_verification

# records FILE: its answers as records, the problem's id as specification.
records() {
	jq -c '.id as $id | .answers[] | {schema: "sk.answer/1", agent,
		spec: $id, stage: "answer", content}' "$1"
}

# judge: verdicts of the records on standard input, whatever their status.
judge() {
	sk-consensus --expect "$AGENTS" --quorum 3 --require /answer \
		--no-evidence 2>>errors || [ $? -eq 1 ] || [ $? -eq 3 ]
}

# both FILE: all.jsonl and single.jsonl, the verdicts of both ways.
both() {
	records "$1" >records.jsonl
	judge <records.jsonl >all.jsonl
	split -l 4 -a 3 records.jsonl one.
	for f in one.*; do
		judge <"$f"
	done >single.jsonl
	[ ! -s errors ] || { cat errors; false; }
}

# tally FILE VERDICTS: how many are ok, and how many of those right.
tally() {
	jq -rn --slurpfile p "$1" --slurpfile v "$2" '
		($p | map({(.id): .expected}) | add) as $want |
		[$v[] | select(.status == "ok")] |
		"\(length) \(map(select(.merged.answer == $want[.spec])) |
			length)"'
}

pure() { jq -cS 'del(.decision_seq, .decision)' "$1"; }

@test "five problems: the verdicts, alone and in one stream" {
	both "$SK_TOP/tests/data/gsm8k-5.jsonl"
	same "$(jq -r '.spec + " " + .status' all.jsonl)" "\
gsm8k-0003 conflict
gsm8k-0007 ok
gsm8k-0008 conflict
gsm8k-0010 conflict
gsm8k-0014 conflict"
	pure all.jsonl >a
	pure single.jsonl >b
	cmp a b
	same "$(jq -s 'map(.decision_seq) == [1, 2, 3, 4, 5]' all.jsonl)" true
	# Any order of arrival gives the same bytes.
	tac records.jsonl | judge >back.jsonl
	pure back.jsonl | sort >c
	sort a | cmp - c
}

@test "what verdicts are worth, from the database" {
	quality=$SK_TOP/tests/bench/quality
	check 0 "$quality" "$SK_TOP/tests/data/gsm8k-5.jsonl"
	same "$out" "\
quorum 3 of 4: 1 of 5 ok (coverage 20.0 %), 1 of them right (accuracy 100.0 %)
unanimous: 0 of 5 ok (coverage 0.0 %), 0 of them right (accuracy 0.0 %)
175b_finetuning: 1 of 5 right (20.0 %)
175b_verification: 2 of 5 right (40.0 %)
6b_finetuning: 0 of 5 right (0.0 %)
6b_verification: 1 of 5 right (20.0 %)
4 agents are worth 1.24 independent ones (95 %: 1.00 to 4.00)
all fail together on 3 of 5: no vote is right on more than 40.0 % (95 %: 5.3 to 85.3)"
	# Two that always err together are one, beside a third.
	for i in $(seq 40); do
		jq -cn --argjson i "$i" '{id: "p\($i)", expected: "1",
			answers: [{agent: "a", n: ($i % 2)},
				{agent: "b", n: ($i % 2)},
				{agent: "c", n: ($i / 2 % 2 | floor)}] |
			map({agent, content: ({answer: "\(.n)"} | tojson)})}'
	done >made
	check 0 "$quality" "$PWD/made"
	has "$out" "3 agents are worth 1.80 independent ones"
	check 0 "$quality" nowhere
	has "$out" "not measured"
	data=$SK_SHARED/data/gsm8k-four-agents-300.jsonl
	[ -r "$data" ] || skip "no $data"
	check 0 "$quality" "$data"
	has "$out" "quorum 3 of 4: 90 of 300 ok (coverage 30.0 %), 82 of them"
	has "$out" "unanimous: 46 of 300 ok (coverage 15.3 %), 42 of them"
}

@test "300 problems: exactly 90 are ok, 82 of them right" {
	data=$SK_SHARED/data/gsm8k-four-agents-300.jsonl
	[ -r "$data" ] || skip "no $data"
	both "$data"
	same "$(wc -l <all.jsonl) $(wc -l <single.jsonl)" "300 300"
	same "$(tally "$data" all.jsonl)" "90 82"
	pure all.jsonl >a
	pure single.jsonl >b
	cmp a b
}
