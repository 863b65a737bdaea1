#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Edges of what a run may be given: names, numbers, answers, depth.

load helper
load auto

local_setup() {
	mkdir -p .sk docs/DEMO
	echo '# Demo' >docs/DEMO/spec.md
	cat >sk.toml <<-END
		[agents.a]
		command = ["$PWD/a"]
	END
	export SK_CONFIG=$PWD/sk.toml
}

# record AGENT CONTENT [MORE]
record() {
	jq -nc --arg agent "$1" --arg content "$2" "{schema: \"sk.answer/1\",
		run: \"r\", branch: \"b\", spec: \"S\", stage: \"plan\", attempt: 1,
		status: \"ok\", \$agent, \$content} + ${3:-{\}}"
}

@test "an id is neither empty nor longer than 64; letters beyond ASCII are none" {
	long=$(printf 'a%.0s' $(seq 64))
	mkdir -p "docs/$long" "docs/${long}b" docs/ÄB
	cp docs/DEMO/spec.md "docs/$long"
	cp docs/DEMO/spec.md "docs/${long}b"
	cp docs/DEMO/spec.md docs/ÄB
	check 0 sk-auto run "$long" -a a --only plan --dry-run --json
	for id in '' "${long}b" ÄB; do
		check 2 sk-auto run "$id" -a a --only plan --dry-run --json
		same "$(j .error.code)" bad_identifier
	done
}

@test "folders of specifications that cannot be read: it says so, and blames nobody" {
	rm -rf docs
	ln -s docs docs
	for words in "run DEMO -a a --only plan" "run DEMO2 -a a --only plan"; do
		# shellcheck disable=SC2086
		check 74 sk-auto $words --dry-run --json
		has "$err" "cannot read '"
		has "$err" "/docs'"
	done
	rm docs
	ln -s specs specs
	check 74 sk-auto run -a a --only plan --dry-run --json
	# What was merely not there is no trouble.
	rm specs
	check 2 sk-auto run DEMO -a a --only plan --dry-run --json
	same "$(j .error.code)" no_such_spec
}

@test "numbers below, at zero and beyond what can be counted" {
	echo p >p
	while read -r words; do
		# shellcheck disable=SC2086
		feed p 2 $words --json
		same "$(j .error.code)" bad_argument
		one_line
	done <<-'END'
		sk-run -a a --attempts 0
		sk-run -a a --attempts 1001
		sk-run -a a --attempts 99999999999999999999
		sk-run -a a -j -1
		sk-consensus show --seq -1
		sk-consensus show --seq 0
		sk-consensus show --seq 9223372036854775808
		sk-branch list --limit -5
	END
	check 2 sk-auto run DEMO -a a:0 --json
	check 2 sk-auto run DEMO -a a:99999999999 --json
}

@test "null is an answer that says nothing" {
	printf '#!/bin/sh\necho null\n' >a
	chmod +x a
	check 3 sk-auto run DEMO -a a:2 --only plan --json
	[ ! -e docs/DEMO/plan.md ]
	same "$(j 'select(.schema=="sk.summary/1") | .state')" halted
}

@test "a timestamp that is none changes nothing about the answer" {
	{
		record a '{"x":1}' '{timings: {started_at: "yesterday", ended_at: -7}}'
		record b '{"x":1}' '{timings: "no"}'
	} >in
	feed_file in 0 sk-consensus --expect a,b --no-ack --no-evidence --json
	same "$(j .status)" ok
	same "$(sqlite3 "$SK_DB" 'SELECT count(*) FROM agent_outputs')" 2
}

@test "a thousand places where they differ, each is reported" {
	values() {
		jq -nc --arg v "$1" '[range(1000) | {key: "k\(.)", value: "\($v)\(.)"}] |
			from_entries | tostring' -r
	}
	{
		record a "$(values x)"
		record b "$(values y)"
	} >in
	feed_file in 1 sk-consensus --no-ack --no-evidence --json
	same "$(j '.status, (.consensus.conflicts | length)' | xargs)" 'conflict 1000'
}

@test "a hundred branches, each the child of the one before" {
	both() {
		record a "$1" | jq -c --arg b "$2" '.branch = $b'
		record c "$1" | jq -c --arg b "$2" '.branch = $b'
	}
	both '{"x":1}' b >in
	feed_file in 0 sk-consensus --expect a,c --no-evidence --json
	b=b
	for _ in $(seq 100); do
		b=$(sk-branch new --run r --parent "$b" --json | jq -r .branch)
	done
	check 0 sk-branch list --json --all
	both '{"x":2}' "$b" >in
	feed_file in 0 sk-consensus --expect a,c --no-evidence --json
	same "$(j '.status, .decision.branch' | xargs)" "ok $b"
	check 0 sk-consensus audit
}

@test "text of every script goes through whole" {
	printf '# Grüße, 你好, e\u0301, \ufeff\n' >docs/DEMO/spec.md
	cat >a <<-'END'
		#!/bin/sh
		cat >/dev/null
		echo '{"x":"Grüße, 你好, שלום, 👩‍👩‍👧"}'
	END
	chmod +x a
	feed p 0 sk-run -a a --spec DEMO --stage plan
	same "$(j 'select(.schema=="sk.answer/1") | .data.x')" \
		'Grüße, 你好, שלום, 👩‍👩‍👧'
	# What is printed is ASCII all the same.
	not env LC_ALL=C grep -q '[^ -~]' "$BATS_TEST_TMPDIR/.out"
}

@test "evidence that is gone is made again; the year 2000 is long ago" {
	printf "#!/bin/sh\necho '%s'\n" "$any" >a
	chmod +x a
	for _ in 1 2; do
		rm -rf docs/evidence
		check 0 sk-auto run DEMO -a a --only plan --json
		[ -s "$(echo docs/evidence/consensus/DEMO/*_synthesis.json)" ]
		rm -rf docs/evidence
		check 0 sk-auto status DEMO --json
		same "$(j '.stages[0].state')" 'done'
	done
	sqlite3 "$SK_DB" 'UPDATE stages SET started_at=946684800000,
		ended_at=946684801000'
	check 0 sk-auto status DEMO --stale-hours 200000 --json
	same "$(j '.stages[0] | .stale, .ended_at' | xargs)" \
		'true 2000-01-01T00:00:01.000Z'
	check 0 sk-auto status DEMO
}

@test "names and settings of a tree are shown to a person as text" {
	# An escape of 7 bits, one of 8, and a letter that turns the line around.
	odd=$(printf 'x\033]0;t\007\302\233m\342\200\256')
	plain() {
		check "$@"
		not grep -q "$(printf '\033\|\302\233\|\342\200\256')" \
			"$BATS_TEST_TMPDIR/.out"
		has "$out" '\x1b]0;t'
	}
	agent w 'printf "{\"requirements\":[\"R-1\"],\"work_breakdown\":[],\"complexity\":\"low\"}\n"'
	unset SK_CONFIG
	mkdir -p "docs/S-1-$odd" "$HOME/.config/sk"
	echo '# S' >"docs/S-1-$odd/spec.md"
	printf '[agents.w]\nadapter = "exec"\ncommand = ["%s"]\n' "$PWD/bin/w" \
		>"$HOME/.config/sk/config.toml"
	# A file that was merely found may say where evidence goes.
	printf '[evidence]\nbase_dir = "ev\\u001b]0;t\\u0007"\n' >.sk/config.toml
	plain 0 sk-auto status S-1 --format text
	plain 0 sk-auto run S-1 -a w --only plan --format text
	cp -R ev* "$odd"
	f=$(echo "$odd"/consensus/S-1/*_synthesis.json)
	sed -i 's/"decision_seq":1/"decision_seq":7/' "$f"
	plain 65 sk-consensus audit --evidence "$odd" --format text
}
