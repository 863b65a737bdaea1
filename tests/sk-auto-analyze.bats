#!/usr/bin/env bats
# sk-auto check analyze: what does not fit between the papers, without an agent.

load helper
load auto

local_setup() {
	project
	printf '[project]\nroot = "."\n' >sk.toml
}

# papers SPEC PLAN TASKS: each a few lines; "" = there is none.
papers() {
	rm -f "$spec"/*.md
	printf '# A thing\n\n%b\n' "$1" >"$spec/spec.md"
	[ -z "$2" ] || printf '# Plan\n\n%b\n' "$2" >"$spec/plan.md"
	[ -z "$3" ] || printf '# Tasks\n\n%b\n' "$3" >"$spec/tasks.md"
}

# issues TYPE: "severity requirement where" of each
issues() {
	sk-auto check SPEC-7 analyze --json >out || true
	jq -r --arg t "$1" '.gates[].issues[] | select(.type == $t) |
		[.severity, .requirement // "-", .where // "-"] | join(" ")' \
		<out | xargs
}

@test "one requirement with two numbers" {
	while IFS='|' read -r in_spec in_plan in_tasks want; do
		papers "- FR-1: $in_spec" "- W-1 (FR-1): $in_plan" \
			"${in_tasks:+- [ ] T-1 (FR-1): $in_tasks}"
		same "$in_spec / $in_plan: $(issues contradiction)" \
			"$in_spec / $in_plan: $want"
	done <<-'END'
		it answers within 200 ms|answer within 500 ms||important FR-1 plan.md:3
		it answers within 2 s|answer within 2000 ms||
		it answers within 2 s|answer within 2 min||important FR-1 plan.md:3
		it answers within 2 s|answer within 1 s||minor FR-1 plan.md:3
		it answers within 2 s|poll every 100 ms||
		it answers within 2 s|effort: 3 days, within 3 days||
		it answers within 2 s|cache it for 10 minutes||
		it stops after an hour|stop after 60 minutes||
		a session ends after an hour|sessions end after 30 min||important FR-1 plan.md:3
		three attempts are allowed|allow 5 attempts||important FR-1 plan.md:3
		three attempts are allowed|allow 3 attempts, in 5 files||
		at least 8 characters|at least 6 characters||important FR-1 plan.md:3
		at least 8 characters|at least 12 characters||minor FR-1 plan.md:3
		no more than 10 MB|up to 10240 KB||
		no more than 10 MB|up to 1 GB||important FR-1 plan.md:3
		it is fast|answer within 1 s|answer within 9 s|important FR-1 tasks.md:3
		it answers within 2 s|as of 2025-10-02, v1.2.3, 2-5 s, FR-002|#4|
		10,000 users at once|10000 users at once||
		10,000 users at once|1,000 users at once||important FR-1 plan.md:3
	END
	# What names several requirements may speak of either.
	papers '- FR-1: within 2 s\n- FR-2: within 9 s' '- W-1 (FR-1, FR-2): within 5 s' ''
	same "$(issues contradiction)" ''
	# A number may stand in the next line, an example is no claim.
	papers '- FR-1: it answers within\n  2 s' \
		'- FR-1: within\n  5 s\n\n```\nFR-1: within 7 s\n```' ''
	same "$(issues contradiction)" 'important FR-1 plan.md:3'
}

@test "must, and must not" {
	while IFS='|' read -r in_spec in_plan want; do
		papers "- $in_spec" "- $in_plan" ''
		same "$in_spec / $in_plan: $(issues contradiction)" \
			"$in_spec / $in_plan: $want"
	done <<-'END'
		FR-1: The log MUST contain the address of the caller.|FR-1: The log must not contain the address of the caller.|critical FR-1 plan.md:3
		The log MUST NOT contain the address of a caller.|FR-1: The log shall contain the address of the caller.|critical FR-1 plan.md:3
		The log MUST contain the address of a caller.|The log MUST contain the address of a caller.|
		FR-1: The log MUST contain the address of the caller.|FR-1: The log must not contain the password of the user.|
		FR-1: It MUST send mail with consent.|FR-1: It MUST NOT send mail without consent.|
		FR-1: A password MUST be stored encrypted in the file.|FR-1: A password cannot be stored encrypted in the file.|critical FR-1 plan.md:3
		FR-1: The log MUST be kept. The cache MUST NOT be kept.|FR-1: The log must be kept.|
	END
	check 1 sk-auto check SPEC-7 analyze --json || true
	papers '- FR-1: A thing MUST show the red lamp.\n- FR-2: A thing MUST NOT show the red lamp.' \
		'FR-1 FR-2' 'FR-1 FR-2'
	check 1 sk-auto check SPEC-7 analyze --json
	same "$(j '.gates[].issues[0] | .id, .type, .where, .question' | xargs)" \
		'INC-001 contradiction spec.md:4 spec.md, line 3, says it must show, and spec.md, line 4, that it must not show. Which one holds?'
}

@test "one thing under two names, and what is proposed" {
	while IFS='|' read -r in_spec in_plan want; do
		papers "- FR-1: $in_spec" "- W-1 (FR-1): $in_plan" ''
		sk-auto check SPEC-7 analyze --json >out || true
		same "$in_spec / $in_plan: $(jq -r '.gates[].issues[] |
			select(.type == "terminology") |
			.severity + " " + .replace.text + " -> " + .replace.with' <out | xargs)" \
			"$in_spec / $in_plan: $want"
	done <<-'END'
		the user name is unique|check the username|minor username -> user name
		the username is unique|check user names|minor user names -> username
		an e-mail is sent|send the email|minor email -> e-mail
		the back-end answers|the backend answers|minor backend -> back-end
		the read-only file|the file is read only|
		it can set up a thing|run the setup|
		the customer confirms the order|the client confirms the order|minor client -> customer
		the customer confirms the order, the client pays|the client confirms the order|
		the customer confirms the order|the customer confirms the order|
	END
	"$SK_BIN/sk-auto" schema check >check.json
	"$SK_BUILD/tools/schema_check" check.json <out
	papers '- FR-1: the user name\n- FR-2: a username' 'FR-1 FR-2' 'FR-1 FR-2'
	same "$(issues terminology)" 'minor FR-2 spec.md:4'
}

@test "an artefact says what it was made from; an older text is found" {
	agent w "echo '$any'"
	project_of w
	check 0 sk-auto run SPEC-7 --to tasks
	tail -n 1 "$spec/tasks.md" >last
	same "$(cat last)" "<!-- made from spec.md $(sha256sum <"$spec/spec.md" | cut -d' ' -f1) plan.md $(sha256sum <"$spec/plan.md" | cut -d' ' -f1) -->"
	same "$(issues version_drift)" ''
	echo '- FR-2: more' >>"$spec/spec.md"
	same "$(issues version_drift)" 'important - - important - -'
	same "$(jq -r '.gates[].issues[] | select(.type == "version_drift") | .question' <out | head -n 1)" \
		'plan.md was made from another spec.md than is there now. Does it still hold?'
	check 0 sk-auto run SPEC-7 --to plan --new
	same "$(issues version_drift)" 'important - - important - -'
	has "$(jq -r .gates[].issues[].question <out)" 'tasks.md was made from another plan.md'
	check 0 sk-auto run SPEC-7 --only tasks
	same "$(issues version_drift)" ''
	# What was shown counts, not what is there when it is written.
	agent w "echo '- FR-3: later' >>$PWD/$spec/spec.md; echo '$any'"
	check 0 sk-auto run SPEC-7 --to plan --new
	has "$(issues version_drift)" 'important'
	# A paper by hand, or with a line that is none of ours, says nothing.
	printf '# Plan\n\n<!-- made from spec.md 12 -->\n' >"$spec/plan.md"
	rm "$spec/tasks.md"
	same "$(issues version_drift)" ''
}

@test "a finding of a check is a question for the gate's agents by its id" {
	papers '- FR-1: it answers within 2 s' '- FR-1: within 5 s' '- FR-1: do'
	agent w "echo '$any'"
	project_of w
	check 0 sk-auto run SPEC-7 --only implement --json
	same "$(j 'select(.event=="gate.end" and .gate=="analyze") | .important, .noted' | xargs)" '1 1'
	check 0 sk-auto prompt SPEC-7 --stage analyze
}

@test "papers of a megabyte take no more than their length" {
	# Few words, many requirements, each in all three; the numbers differ.
	book() {
		awk -v kind="$1" -v seed="$2" 'BEGIN {
			srand(seed)
			n = split("the system shall store parse render index cache " \
				"token record archive agent stage verdict quorum budget " \
				"login refresh branch merge conflict session evidence", w)
			print "# Big\n\n## Requirements\n"
			for (i = 1; i <= 2600; i++) {
				printf kind, i
				for (k = 0; k < 55; k++)
					printf " %s", w[1 + int(n * rand())]
				printf " within %d s.\n\n", 1 + int(90 * rand())
			}
			print "## Acceptance Criteria\n"
			for (i = 1; i <= 2600; i += 2) print "- As FR-" i " says."
		}'
	}
	book 'FR-%d: it' 1 >$spec/spec.md
	book '- W-1 (FR-%d):' 2 >$spec/plan.md
	book '- [ ] T1 FR-%d:' 3 >$spec/tasks.md
	[ "$(cat $spec/*.md | wc -c)" -gt 2500000 ]
	# (Seconds of the processor; what grows with the square takes many.)
	check 0 bash -c 'ulimit -t 8; exec sk-auto check SPEC-7 --json >found'
	same "$(jq -r '.gates[] | .gate + " " + (.issues | length | tostring)' \
		found)" \
		"clarify 0
checklist 100
analyze 100"
}
