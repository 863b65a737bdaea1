#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Verdicts in the forms of others: within their schemas and limits, and with
# nothing of an agent's in them that is more than data. What runners, browsers
# and terminals would make of the output is asked of ports of their parsers.

load helper

finding() { # AGENT FINDINGS [RECOMMENDATION]
	jq -c --arg a "$1" --arg r "${3:-revise}" \
		'. as $f | {schema: "sk.answer/1", agent: $a, spec: "S", stage: "audit",
		run: "r", content: ({recommendation: $r, findings: $f} | tojson)}' <<<"$2"
}

verdict() { # FILE: of records, into a database of their own
	rm -rf "$SK_DB" "$SK_DB"-*
	sk-consensus --policy audit --expect a,b,c --no-evidence <"$1" \
		>"$BATS_TEST_TMPDIR/v.json" || [ $? -ne 2 ]
	V=$BATS_TEST_TMPDIR/v.json
}

export_as() { # FORM [OPTION…]
	local form=$1

	shift
	check 0 sk-consensus export --format "$form" "$V" "$@"
}

parsed() { # of the last output
	"$SK_BUILD/tools/ci_parsers" <"$BATS_TEST_TMPDIR/.out"
}

fits() { # SCHEMA: the last output does
	"$SK_BUILD/tools/schema_check" "$DATA/$1.json" <"$BATS_TEST_TMPDIR/.out"
}

DATA=$SK_TOP/tests/data/export

two() {
	{
		finding a '[{"id": "F-1", "severity": "high", "file": "src/a b.c", "line": 10, "end_line": 12, "rule": "sqli", "message": "SQL injection"},
			{"id": "F-2", "severity": "low", "where": "FR-001", "message": "unclear"}]'
		finding b '[{"id": "F-9", "severity": "critical", "file": "src/a b.c", "line": 11, "rule": "sqli", "message": "it injects"}]'
		finding c '[{"id": "F-3", "where": "./src/b.c:7:2", "message": "oops"}]' reject
	} >in
	verdict in
}

@test "sarif: findings with a place, a weight, a fingerprint; the rest is told" {
	two
	export_as sarif
	fits sarif
	same "$(j '.runs[].results[] | "\(.level) \(.ruleId) \(.message.text) \(.properties.agents | join("+")) \(.properties.tier)"')" \
		"error sqli SQL injection a+b quorum
warning findings oops c single
note findings unclear a single"
	same "$(j '.runs[].results[].locations[0] | .physicalLocation | "\(.artifactLocation.uri) \(.region.startLine) \(.region.startColumn) \(.region.endLine)"' | xargs)" \
		"src/a%20b.c 10 null 12 src/b.c 7 2 null null null null null"
	same "$(j '.runs[].results[2].locations[0].logicalLocations[0].fullyQualifiedName')" FR-001
	same "$(j '.runs[].invocations[].toolExecutionNotifications | length')" 0
	same "$(j '.runs[0].tool.driver.rules | map(.id) | join(" ")')" "sqli findings"
	# What names no file is shown where the caller says.
	export_as sarif --file docs/S/spec.md
	same "$(j '.runs[].results[2].locations[0].physicalLocation.artifactLocation.uri')" docs/S/spec.md
	for f in /etc/passwd ../x http://x/y; do
		check 2 sk-consensus export --format sarif --file "$f" "$V"
	done
	# Not agreed: the conflict is a notification.
	finding a '[]' ok >in
	finding b '[]' no >>in
	verdict in
	export_as sarif
	has "$(j '.runs[].invocations[].toolExecutionNotifications[].message.text')" "conflict at /recommendation"
	same "$(j '.runs[].properties.status')" conflict
}

@test "sarif: a fingerprint outlives lines that move, other agents, other words" {
	while IFS='|' read -r what same first second; do
		for f in first second; do
			finding a "[${!f}]" >in
			finding b "[${!f}]" >>in
			[ "$what" != agents ] || [ $f = first ] ||
				finding c "[${!f}]" >>in
			verdict in
			export_as sarif
			cp "$BATS_TEST_TMPDIR/.out" $f
		done
		is=$(jq -n --slurpfile x first --slurpfile y second \
			'[$x, $y | .[0].runs[0].results[0].partialFingerprints] |
			.[0] == .[1]')
		same "$what $is" "$what $same"
	done <<-'END'
	lines|true|{"file":"a.c","line":10,"rule":"r","message":"m"}|{"file":"a.c","line":30,"rule":"r","message":"m"}
	no rule|true|{"file":"a.c","line":10,"message":"m in line 10"}|{"file":"a.c","line":30,"message":"M, in line 30."}
	agents|true|{"file":"a.c","line":10,"rule":"r","message":"m"}|{"file":"a.c","line":10,"rule":"r","message":"m"}
	words|true|{"file":"a.c","line":10,"rule":"r","message":"m"}|{"file":"a.c","line":10,"rule":"r","message":"other","severity":"high"}
	file|false|{"file":"a.c","line":10,"rule":"r","message":"m"}|{"file":"b.c","line":10,"rule":"r","message":"m"}
	rule|false|{"file":"a.c","line":10,"rule":"r","message":"m"}|{"file":"a.c","line":10,"rule":"s","message":"m"}
	message|false|{"file":"a.c","line":10,"message":"one thing"}|{"file":"a.c","line":10,"message":"another thing"}
	END
	# Equal ones in one file are counted, in the order of their lines.
	finding a '[{"file":"a.c","line":90,"rule":"r","message":"m"},
		{"file":"a.c","line":10,"rule":"r","message":"n"},
		{"file":"a.c","line":50,"rule":"r","message":"o"}]' >in
	verdict in
	export_as sarif
	same "$(j '.runs[0].results | map("\(.locations[0].physicalLocation.region.startLine)" + (.partialFingerprints["skFinding/v1"] | .[64:])) | join(" ")')" \
		"10:1 50:2 90:3"
	same "$(j '[.runs[0].results[].partialFingerprints["skFinding/v1"] | .[:64]] | unique | length')" 1
}

@test "junit: agents, paths and the whole as cases" {
	command -v xmllint >/dev/null || skip "xmllint is not installed"
	two
	export_as junit
	same "$(xmllint --schema "$DATA/junit.xsd" --noout "$BATS_TEST_TMPDIR/.out" 2>&1)" \
		"$BATS_TEST_TMPDIR/.out validates"
	same "$(xmllint --xpath 'string(//testsuite/@tests)' "$BATS_TEST_TMPDIR/.out")" 5
	not grep -q '<failure\|<error\|<skipped' "$BATS_TEST_TMPDIR/.out"
	{
		finding a '[]' ok
		finding b '[]' 'no & "<b>"'
		jq -cn '{schema: "sk.answer/1", agent: "c", spec: "S", run: "x",
			stage: "audit", status: "failed", content: null,
			failure: {kind: "timeout_total", message: "late"}}'
	} | jq -c '.run = "x"' >in
	sk-consensus --policy audit --expect a,b,c,d --quorum 2 \
		--no-evidence <in >v.json || :
	V=v.json
	cat v.json "$BATS_TEST_TMPDIR/v.json" >both
	V=both
	export_as junit
	xmllint --schema "$DATA/junit.xsd" --noout "$BATS_TEST_TMPDIR/.out"
	x() { xmllint --xpath "$1" "$BATS_TEST_TMPDIR/.out"; }
	same "$(x 'count(//testsuite)') $(x 'string(//testsuite[1]/@tests)') $(x 'string(//testsuite[1]/@failures)') $(x 'string(//testsuite[1]/@errors)') $(x 'string(//testsuite[1]/@skipped)')" \
		"2 6 2 1 1"
	same "$(x 'string(//testcase[skipped]/@name)')" d
	same "$(x 'string(//testcase[error]/@name)') $(x 'string(//error/@message)')" \
		"c timeout_total"
	has "$(x 'string(//testcase[@name="/recommendation"]/failure)')" 'no & "<b>"'
}

@test "github: ten of a kind, the heaviest first, and how many are left out" {
	two
	export_as github
	same "$out" "::notice title=sk S audit::ok
::error file=src/a b.c,line=10,endLine=12,title=sk S audit::SQL injection [a, b]
::warning file=src/b.c,line=7,col=2,title=sk S audit::oops [c]
::notice title=sk S audit::unclear [a]"
	same "$(parsed | jq -r '"\(.v2) \(.commands)"')" "4 error,notice,warning"
	finding a "$(jq -cn '[range(300) | {severity: ["high", "medium", "low"][. % 3],
		file: "a,b%.c", line: (. + 1), rule: "r\(.)", message: "m%\(.)\nx"}]')" >in
	finding b '[]' >>in
	verdict in
	export_as github
	same "$(parsed | jq -r '"\(.v2) \(.lines)"')" "30 30"
	same "$(cut -d' ' -f1 "$BATS_TEST_TMPDIR/.out" | sort | uniq -c | xargs)" \
		"10 ::error 10 ::notice 10 ::warning"
	has "$out" "::error file=a%2Cb%25.c,line=1,"
	has "$out" '::m%250\nx [a]'
	has "$(tail -n1 "$BATS_TEST_TMPDIR/.out")" \
		"90 more errors, 91 more warnings and 91 more notices"
	has "$err" "findings left out: 272"
}

@test "gitlab: a code quality report; what names no file is counted" {
	two
	export_as gitlab
	same "$(j '.[] | "\(.severity) \(.check_name) \(.location.path) \(.location.lines.begin) \(.description)"')" \
		"critical sk/S/audit src/a b.c 10 SQL injection
minor sk/S/audit src/b.c 7 oops"
	has "$err" "findings left out: 1"
	export_as gitlab --file docs/S/spec.md
	same "$(j 'length'):$(j 'map(.fingerprint) | unique | length'):$err" "3:3:"
	same "$(j '[.[] | select((.severity | IN("info", "minor", "major", "critical", "blocker") | not) or
		(.fingerprint | test("^[0-9a-f]{64}$") | not) or .location.lines.begin < 1)] | length')" 0
}

@test "md: a section for each weight, below what a summary may have" {
	two
	export_as md
	has "$out" "### ok \`S\` \`audit\`"
	has "$out" "- critical src/a b.c:10: SQL injection (sqli) [a, b]"
	finding a "$(jq -cn '[range(3000) | {severity: ["high", "medium", "low"][. % 3],
		file: "a.c", rule: "r\(.)", message: ("`" * 900 + "\(.)")}]')" >in
	finding b '[]' >>in
	verdict in
	export_as md
	[ "$(wc -c <"$BATS_TEST_TMPDIR/.out")" -le 1048576 ]
	[ "$(wc -c <"$BATS_TEST_TMPDIR/.out")" -gt 900000 ]
	has "$out" "more of these are not shown here"
	shown=$(grep -c '^- high\|^- medium\|^- low' "$BATS_TEST_TMPDIR/.out")
	has "$err" "findings left out: $((3000 - shown))"
}

@test "env: numbers, known words and hashes, for GITHUB_OUTPUT" {
	two
	export_as env
	has "$out" "sk_status=ok"
	"$SK_BUILD/tools/ci_parsers" output <"$BATS_TEST_TMPDIR/.out" >set
	same "$(cat set)" "$out"
	same "$(sed 's/=.*//' "$BATS_TEST_TMPDIR/.out" | xargs)" \
		"sk_status sk_decision_seq sk_round sk_answered sk_missing sk_conflicts sk_findings sk_input_sha256"
	# A forged verdict says nothing there that it may not say.
	jq -c '.status = "ok\nevil=1" | .input_sha256 = "x\nevil=1" |
		.spec = "S\nevil=1" | .present = ["a\nevil=1"]' "$V" >forged
	V=forged
	export_as env
	has "$out" "sk_status=unknown"
	not grep -q evil "$BATS_TEST_TMPDIR/.out"
	# The port itself: what such a file can be made to say.
	feed $'a<<EOF\nx\nEOF\nb=1\r\nc=2\rd=3\n' 0 "$SK_BUILD/tools/ci_parsers" output
	same "$out" $'a=x \nb=1\nc=2\nd=3'
	feed $'no value\n' 1 "$SK_BUILD/tools/ci_parsers" output
}

@test "hostile answers are data in every form, for every parser" {
	# The parsers find what is there.
	feed $'x ##[error]y\n  ::add-path::/x\n::nothing::\n##vso[a]\n ##teamcity[x]\nsection_start:1:a\r\e[0K\n\u202e\n' \
		0 "$SK_BUILD/tools/ci_parsers"
	same "$(j '"\(.v1) \(.v2) \(.vso) \(.teamcity) \(.section) \(.control > 0) \(.bidi) \(.commands)"')" \
		"1 1 2 1 1 true 1 add-path"
	"$SK_BUILD/tools/hostile" 1 20 >in
	verdict in
	same "$(wc -l <"$V")" 20
	quiet='{"v1":0,"vso":0,"teamcity":0,"section":0,"control":0,"bidi":0}'
	all='del(.lines, .v2, .commands)'
	for form in sarif junit gitlab md; do
		export_as $form
		same "$form $(parsed | jq -c "$all")" "$form $quiet"
		same "$form $(parsed | jq .v2)" "$form 0"
		! command -v xmllint >/dev/null || [ $form != junit ] ||
			xmllint --noout --schema "$DATA/junit.xsd" \
				"$BATS_TEST_TMPDIR/.out"
		[ $form != sarif ] || fits sarif
	done
	same "$(grep -c "" "$V")" 20
	n=0
	while IFS= read -r line; do
		printf '%s\n' "$line" >one
		V=one
		export_as github
		same "$(parsed | jq -c "$all")" "$quiet"
		same "$(parsed | jq -c '.v2 == .lines and .v2 <= 30')" true
		not grep -v '^::\(error\|warning\|notice\) ' "$BATS_TEST_TMPDIR/.out"
		# What stands between the first "::" and the next.
		sed 's/^::\([^:]*\)::.*/\1/' "$BATS_TEST_TMPDIR/.out" >props
		same "$(grep ":\|^[a-z]* file=[/~]\|^[a-z]* file=\.\./\|/\.\.[/,]" props)" ""
		for say in "explain one" "explain --html one" \
			"verify --format text one"; do
			sk-consensus $say >"$BATS_TEST_TMPDIR/.out" || :
			same "$(parsed | jq -c "$all | .v2 = 0")" \
				"$(jq -c '.v2 = 0' <<<"$quiet")"
			same "$(parsed | jq .v2)" 0
		done
		n=$((n + 1))
	done <"$BATS_TEST_TMPDIR/v.json"
	same "$n" 20
}

@test "hostile answers in Markdown: no link, no image, no tag of theirs" {
	command -v cmark-gfm >/dev/null || skip "cmark-gfm is not installed"
	render() {
		cmark-gfm --unsafe -e table -e autolink -e strikethrough \
			"$BATS_TEST_TMPDIR/.out" >html
	}
	# The renderer makes links and tags where it is let.
	printf '%s\n' 'www.x.example <img src=x> [a](http://b)' >"$BATS_TEST_TMPDIR/.out"
	render
	same "$(grep -o '<a\|<img' html | xargs)" "<a <img <a"
	for seed in 2 3 4; do
		"$SK_BUILD/tools/hostile" $seed 20 >in
		verdict in
		export_as md
		render
		not grep -qi '<a\b\|<img\|<script\|onerror=[^&]*>' html
		same "$(grep -o '<[a-z0-9][a-z0-9]*' html | sort -u | xargs)" \
			"<code <h3 <h4 <pre <table <tbody <td <th <thead <tr"
		same "$(grep -c '^<h3>' html)" 20
	done
}

@test "export: what it takes, and what it refuses" {
	two
	check 2 sk-consensus export "$V"
	same "$err" "sk-consensus: no --format says what to write (sarif, junit, github, gitlab, md or env)"
	check 2 sk-consensus export --format sarfi "$V"
	has "$err" "did you mean 'sarif'?"
	check 74 sk-consensus export --format md nowhere.json || check 2 \
		sk-consensus export --format md nowhere.json
	feed "" 2 sk-consensus export --format md
	has "$err" "no sk.verdict/1"
	feed 'garbage' 65 sk-consensus export --format md
	# Where it is wrong: in a line of several, or in one document.
	feed $'{"schema":"sk.event/1"}\ngarbage' 65 sk-consensus export --format md
	has "$err" "line 2 of "
	feed $'{\n "a": 1,\n bad\n}' 65 sk-consensus export --format md
	has "$err" "line 3, column 2"
	feed '{"schema":"sk.event/1"}' 2 sk-consensus export --format md
	# An error that comes down the pipe is the error.
	feed '{"schema":"sk.error/1","error":{"code":"login","exit":4,"message":"log in"}}' \
		4 sk-consensus export --format md
	has "$err" "log in"
	# In a pipe, in many lines, pretty, and as a stored decision.
	sk-consensus show --run r >one.json
	for in in "$V" one.json; do
		feed_file "$in" 0 sk-consensus export --format env
		has "$out" sk_status=ok
	done
	jq . "$V" >pretty.json
	check 0 sk-consensus export --format env pretty.json
	has "$out" sk_findings=3
	for _ in $(seq 21); do cat "$V"; done >many
	feed_file many 2 sk-consensus export --format sarif
	has "$err" "21 verdicts"
	# Anything may stand in a file that says it is a verdict.
	for x in '[]' 1 '"x"' null '{"a":[{"b":"c"}]}' '{"/x":{"kind":"union","elements":7}}'; do
		jq -c --argjson x "$x" '.support = $x | .reasons = $x | .merged = $x |
			.consensus = $x | .inputs = $x | .expected = $x |
			.required = $x | .decision = $x | .quorum = $x' \
			"$V" >odd
		for form in sarif junit github gitlab md env; do
			check 0 sk-consensus export --format $form odd
		done
	done
}
