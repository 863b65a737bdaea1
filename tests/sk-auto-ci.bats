#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# sk-auto for CI systems: annotations, summaries, JUnit, TAP, and what hostile
# agents make of them.

load helper
load auto

local_setup() {
	unset GITHUB_STEP_SUMMARY GITHUB_OUTPUT
	project
}

xml() { xmllint --noout "$BATS_TEST_TMPDIR/.out"; }
# xpath EXPRESSION
xpath() { xmllint --xpath "$1" "$BATS_TEST_TMPDIR/.out"; }

# One agent answers, one says something else and fails, one is told nothing.
three() {
	agent x "echo '$plan'"
	agent y "echo '$1' >&2; exit 1"
	agent z "echo '$plan_high'"
	project_of x y z
	printf '[retry]\nattempts = 1\n' >>sk.toml
}

@test "junit: a suite for each stage, a case for each agent, guardrail, verdict" {
	agent x "echo '$any'"
	project_of x
	check 0 sk-auto run SPEC-7 --to tasks --format junit
	xml
	same "$(xpath 'string(//testsuites/@tests)')" 8
	same "$(xpath 'string(//testsuites/@failures)')" 0
	same "$(xpath 'count(//testsuite)')" 2
	for s in plan tasks; do
		same "$(xpath "count(//testsuite[@name='$s']/testcase)")" 4
		same "$(xpath "count(//testsuite[@name='$s']/testcase[starts-with(@name, 'gate ')])")" 1
		xpath "string(//testsuite[@name='$s']/@time)" | grep -Eqx '[0-9]+\.[0-9]{3}'
	done
	same "$(xpath "string(//testcase[@name='agent x']/@classname)")" SPEC-7.plan
	# A conflict is a failure, an agent that fails an error.
	three 'no'
	check 1 sk-auto run SPEC-7 --format junit
	xml
	same "$(xpath 'string(//testsuites/@failures)') $(xpath 'string(//testsuites/@errors)')" "1 1"
	same "$(xpath "string(//testcase[@name='verdict']/failure/@type)")" conflict
	same "$(xpath "string(//testcase[@name='agent y']/error/@type)")" crashed
	# The same again from the database, by another job.
	cp "$BATS_TEST_TMPDIR/.out" first
	check 0 sk-auto report SPEC-7 --format junit
	cmp "$BATS_TEST_TMPDIR/.out" first
	# A stage that did not come to its agents.
	sed -i 's/^\[stages.plan\]/&\nguardrail = ["false"]/' sk.toml
	check 1 sk-auto run SPEC-7 --format junit
	xml
	same "$(xpath "string(//testcase[@name='guardrail']/failure/@type)")" guardrail
	same "$(xpath 'count(//skipped)')" 3
}

@test "a run that never began is a report, too, and its error is on stderr alone" {
	project_of x
	for f in junit tap md github gitlab; do
		check 2 sk-auto run NOPE --format $f
		one_line
		not grep -q sk.error "$BATS_TEST_TMPDIR/.out"
	done
	check 2 sk-auto run NOPE --format junit
	xml
	same "$(xpath 'string(//error/@type)')" no_such_spec
	check 2 sk-auto run NOPE --format tap
	has "$out" "not ok 1 - run: start"
	# What cannot be parsed is no document either.
	check 2 sk-auto run SPEC-7 --format junit --nonsense
	same "$out" ""
	check 2 sk-auto run SPEC-7 --format nonsense --json
	same "$(j .error.code)" bad_argument
	echo 'nonsense = 1' >sk.toml
	check 2 sk-auto run SPEC-7 --format junit
	xml
	same "$(xpath 'string(//error/@type)')" unknown_key
	project_of x
	# --format json is --json.
	check 2 sk-auto run NOPE --format json
	same "$(j .error.code)" no_such_spec
	check 0 sk-auto report SPEC-7 --format tap
	has "$out" "1..0 # SKIP"
}

@test "tap: a plan, a line for each case, why as YAML" {
	three "it's \"so\""
	check 1 sk-auto run SPEC-7 --format tap
	same "$(head -2 "$BATS_TEST_TMPDIR/.out" | xargs)" "TAP version 14 1..6"
	same "$(grep -c '^ok ' "$BATS_TEST_TMPDIR/.out")" 4
	same "$(grep -c '^not ok ' "$BATS_TEST_TMPDIR/.out")" 2
	has "$out" "not ok 6 - plan: verdict"
	has "$out" '  severity: fail'
	sed -n 's/^  message: //p' "$BATS_TEST_TMPDIR/.out" | jq -r . | grep -q /complexity
}

@test "github: folded by stage, annotated, summary appended, outputs set" {
	three no
	export GITHUB_STEP_SUMMARY=$PWD/summary.md GITHUB_OUTPUT=$PWD/outputs
	echo '# before' >summary.md
	check 1 sk-auto run SPEC-7 --format github
	has "$out" "::group::SPEC-7 plan"
	has "$out" "::endgroup::"
	same "$(grep -c '^::error ' "$BATS_TEST_TMPDIR/.out")" 1
	has "$(grep '^::error ' "$BATS_TEST_TMPDIR/.out")" "file=docs/SPEC-7/spec.md,title=SPEC-7 plan verdict%3A conflict::"
	same "$(grep -c '^::warning ' "$BATS_TEST_TMPDIR/.out")" 1
	same "$(head -1 summary.md)" '# before'
	has "$(cat summary.md)" '| plan | conflict | 2/3 |'
	has "$(cat summary.md)" 'sk-auto resume SPEC-7'
	same "$(sed -n 's/^state=//p' outputs)" halted
	same "$(sed -n 's/^exit=//p' outputs)" 1
	same "$(sed -n 's/^run=//p' outputs)" "$(sqlite3 "$SK_DB" 'SELECT run_id FROM runs')"
	# A second report is appended as well, and never too much for GitHub.
	head -c 1048300 /dev/zero | tr '\0' x >summary.md
	check 0 sk-auto report SPEC-7 --format github
	[ "$(wc -c <summary.md)" -le 1048576 ]
	# Without the files nothing is written.
	rm summary.md outputs
	unset GITHUB_STEP_SUMMARY GITHUB_OUTPUT
	check 0 sk-auto report SPEC-7 --format github
	[ ! -e summary.md ]
	# One that cannot be written is said, and the run's status stays.
	check 1 env GITHUB_STEP_SUMMARY=/nowhere/x sk-auto run SPEC-7 --format github
	has "$err" GITHUB_STEP_SUMMARY
}

@test "github: at most ten of a kind, and how many more" {
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13; do
		agent f$i 'exit 1'
	done
	project_of f1 f2 f3 f4 f5 f6 f7 f8 f9 f10 f11 f12 f13
	printf '[retry]\nattempts = 1\n' >>sk.toml
	check 6 sk-auto run SPEC-7 --format github
	same "$(grep -c '^::warning ' "$BATS_TEST_TMPDIR/.out")" 10
	has "$out" "3 more are in the step summary"
}

@test "gitlab: sections in the log" {
	agent x "echo '$plan'"
	project_of x
	check 0 sk-auto run SPEC-7 --only plan --format gitlab
	grep -Pq '^\x1b\[0Ksection_start:\d+:sk_plan\r\x1b\[0KSPEC-7 plan$' "$BATS_TEST_TMPDIR/.out"
	grep -Pq '^\x1b\[0Ksection_end:\d+:sk_plan\r\x1b\[0K$' "$BATS_TEST_TMPDIR/.out"
	has "$out" "plan       ok         1/1"
}

@test "what agents say is no command, no markup, no link and no mention" {
	evil=$(printf '%s' '::error::boo%0A::add-mask::x ##[error]y </testcase> <script>' \
		']]> `a` | @all [l](http://e) ![i](http://e) ok 9 - z # SKIP')
	three "$evil"
	printf '#!/bin/sh\ncat >/dev/null\ncat %s/evil >&2; exit 1\n' "$PWD" >bin/y
	printf '%s\n::set-output name=a::b\n\033[31mred\033]0;t\007\xe2\x80\xae rtl\n\x00\x01\xff' \
		"$evil" >evil
	export GITHUB_STEP_SUMMARY=$PWD/summary.md GITHUB_OUTPUT=$PWD/outputs
	check 1 sk-auto run SPEC-7 --format github
	# (Lines that begin with a command are ours alone.)
	grep -E '^\s*::' "$BATS_TEST_TMPDIR/.out" |
		not grep -Ev '^::(group::SPEC-7 plan|endgroup::|error file=|warning file=|notice title=)'
	not grep -Pq '[\x00-\x09\x0b-\x1f\x7f]' "$BATS_TEST_TMPDIR/.out"
	not grep -Pq '[\x00-\x09\x0b-\x1f\x7f]' summary.md
	not grep -q '##\[' "$BATS_TEST_TMPDIR/.out"
	same "$(wc -l <outputs)" 4
	# In the summary all of it stands in code spans.
	sed 's/`[^`]*`//g' summary.md >bare
	not grep -Eq '@all|<script|\]\(|set-output' bare
	check 0 sk-auto report SPEC-7 --format junit
	xml
	same "$(xpath 'count(//testcase)')" 6
	not grep -Pq '\xe2\x80\xae|\x1b' "$BATS_TEST_TMPDIR/.out"
	check 0 sk-auto report SPEC-7 --format tap
	same "$(grep -Ec '^(not )?ok ' "$BATS_TEST_TMPDIR/.out")" 6
	check 0 sk-auto report SPEC-7 --format gitlab
	not grep -Pq '[\x00-\x09\x0b-\x1f\x7f]' "$BATS_TEST_TMPDIR/.out"
}

@test "plan only: no credential, no program, no network, no database, no agent" {
	for a in claude codex gemini; do
		printf '[agents.%s]\nadapter = "%s"\n' $a $a
	done >sk.toml
	printf '[agents.api]\nadapter = "anthropic"\nmodel = "claude-sonnet-4-5"\n' >>sk.toml
	printf '[pipeline]\nagents = ["claude", "codex", "gemini", "api"]\n[project]\nroot = "."\n' >>sk.toml
	summary=$PWD/summary.md
	for f in md junit tap github gitlab json text; do
		check 0 env -i PATH="$SK_BIN:/usr/bin:/bin" HOME=/nonexistent \
			SK_CONFIG="$SK_CONFIG" GITHUB_STEP_SUMMARY="$summary" \
			GITHUB_OUTPUT=/dev/null ${ASAN_OPTIONS:+ASAN_OPTIONS="$ASAN_OPTIONS"} \
			sk-auto run SPEC-7 --dry-run --format $f
	done
	check 0 sk-auto run SPEC-7 --dry-run --format md
	has "$out" "## SPEC-7: planned"
	has "$out" "| unlock | planned | 0/4 |"
	check 0 sk-auto run SPEC-7 --dry-run --format junit
	xml
	same "$(xpath 'string(//testsuites/@skipped)')" 24
	has "$(cat summary.md)" "planned"
	[ ! -e "$SK_DB" ]
	[ ! -e docs/evidence ]
	# What is wrong with a pull request is found without them.
	: >docs/SPEC-7/spec.md
	check 2 sk-auto run SPEC-7 --dry-run --format junit
	xml
	same "$(xpath 'string(//error/@type)')" empty_spec
}

@test "each stage records the git branch and commit that it began at" {
	export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
	git init -q -b main .
	agent x "[ \$SK_STAGE != plan ] || git checkout -q -b feat/two >&2; echo '$any'"
	project_of x
	git add -A
	git -c user.name=a -c user.email=a@example.org commit -q -m x
	head=$(git rev-parse HEAD)
	check 0 sk-auto run SPEC-7 --to tasks --json
	same "$(sqlite3 "$SK_DB" "SELECT key FROM journal WHERE kind = 'git' ORDER BY lsn" | xargs)" \
		"main $head feat/two $head"
}
