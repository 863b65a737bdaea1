#!/usr/bin/env bats
# Stages that leave themselves out: stages.X.skip_if.

load helper
load auto

# One agent that says the same of every stage, and a project without files.
local_setup() {
	project
	agent x "echo '$any'"
	base
}
base() { project_of x; }

# when STAGE LINE...: more of [stages.STAGE]
when() {
	local st=$1
	shift
	base
	if grep -q "^\[stages.$st\]" sk.toml; then
		printf '%s\n' "$@" >more
		sed -i "/^\[stages.$st\]/r more" sk.toml
	else
		printf '%s\n' "[stages.$st]" "$@" >>sk.toml
	fi
}

# skipped: what the newest sk.summary/1 says was left out
skipped() {
	jq -r 'select(.schema == "sk.summary/1") | .stages[] |
	    select(.status == "skipped") | "\(.stage): \(.reason)"' <<<"$out"
}
stages() {
	jq -r 'select(.schema == "sk.summary/1") | .stages[] |
	    "\(.stage)=\(.status)"' <<<"$out" | xargs
}
rows() {
	sqlite3 "$SK_DB" "SELECT stage||'='||state||'/'||status FROM stages
	    ORDER BY started_at, position" | xargs
}

@test "never, always, and a reason for people" {
	while IFS='|' read -r rule want; do
		when audit $rule
		check 0 sk-auto run SPEC-7 --from audit --to unlock --new --json
		same "$(skipped)" "$want"
	done <<-'END'
		skip_if="never"|
		skip_if="always"|audit: skip_if is 'always'
	END
	when audit 'skip_if = "always"' 'skip_reason = "done by\n\u001b[31mhand"'
	check 0 sk-auto run SPEC-7 --from audit --new --json
	same "$(skipped)" "audit: skip_if is 'always': done by\\n\\x1b[31mhand"
}

@test "no_tests: what looks like a test, with git and without" {
	when validate 'skip_if = "no_tests"'
	n=0
	for git in no yes; do
		[ $git = no ] || git init -q .
		while IFS='|' read -r path want; do
			mkdir -p "$(dirname "t/$path")"
			: >"t/$path"
			check 0 sk-auto run SPEC-7 --from validate --to validate --new --json
			same "$path $(stages)" "$path validate=$want"
			rm -rf t
			n=$((n + 1))
		done <<-'END'
			src/main.c|skipped
			test/a.c|ok
			a/tests/b/c|ok
			spec/a.rb|ok
			a/__tests__/b.js|ok
			test_it.py|ok
			a/it_test.go|ok
			it.test.js|ok
			it.spec.ts|ok
			it.bats|ok
			latest/contest.c|skipped
			spec.md|skipped
			testing.c|skipped
			attest_it.c|skipped
		END
	done
	[ "$n" -eq 28 ]
	# Ignored by git, below a dot directory without it, through a link: not there.
	mkdir t .hidden
	: >t/it.bats
	echo t/ >.gitignore
	check 0 sk-auto run SPEC-7 --only validate --new --json
	check 0 sk-auto run SPEC-7 --from validate --to validate --new --json
	same "$(stages)" validate=skipped
	rm -rf .git
	mv t .hidden/
	mkdir "$BATS_TEST_TMPDIR/far"
	: >"$BATS_TEST_TMPDIR/far/it.bats"
	ln -s "$BATS_TEST_TMPDIR/far" near
	check 0 sk-auto run SPEC-7 --from validate --to validate --new --json
	same "$(stages)" validate=skipped
}

@test "files_below counts what the pattern matches" {
	mkdir -p src/deep
	: >src/a.c
	: >src/deep/b.c
	: >src/c.h
	while IFS='|' read -r files below want; do
		when audit 'skip_if = "files_below"' "skip_files = \"$files\"" \
			"skip_below = $below"
		check 0 sk-auto run SPEC-7 --from audit --to audit --new --json
		same "$files $below $(stages)" "$files $below audit=$want"
	done <<-'END'
		src/*.c|2|ok
		src/*.c|3|skipped
		src/?.c|1|ok
		src/?.c|2|skipped
		*.h|2|skipped
		*|1|ok
		lib/*|1|skipped
		a.c|1|skipped
		scr/*.c|2|ok
		*.cc|1000|ok
	END
	# A slip leaves nothing out, and is said before and when it matters.
	when audit 'skip_if = "files_below"' 'skip_files = "scr/*.c"' 'skip_below = 3'
	check 0 sk-auto run SPEC-7 --from audit --to audit --new --dry-run --format text
	has "$out" "audit may be skipped: when fewer than 3 files match 'scr/*.c' (none does now)"
	check 0 sk-auto run SPEC-7 --from audit --to audit --new --json
	same "$(stages)" audit=ok
	has "$err" "whether 'audit' is to be left out cannot be told, so it runs: no file matches 'scr/*.c', which may be a slip (skip_below = 1 is for none)"
	# A script says and does the same.
	check 0 sk-auto run SPEC-7 --from audit --to audit --new --print-script
	cp "$BATS_TEST_TMPDIR/.out" script.sh
	check 0 sh script.sh
	has "$err" "so it runs: no file matches 'scr/*.c'"
	when audit 'skip_if = "files_below"' 'skip_files = "src/*.c"' 'skip_below = 3'
	check 0 sk-auto run SPEC-7 --from audit --to audit --new --json
	same "$(skipped)" "audit: 2 files match 'src/*.c', fewer than 3"
	when audit 'skip_if = "files_below"' 'skip_files = "*.rs"' 'skip_below = 1'
	check 0 sk-auto run SPEC-7 --from audit --to audit --new --json
	same "$(skipped)" "audit: no file matches '*.rs'"
	# The environment may say it, too.
	base
	check 0 env SPECKIT_STAGES__AUDIT__SKIP_IF=always sk-auto run SPEC-7 \
		--from audit --to audit --new --json
	same "$(stages)" audit=skipped
	# A pattern of stars costs no more than its length.
	mkdir -p "$(printf 'a%.0s' $(seq 200))"
	: >"$(printf 'a%.0s' $(seq 200))/$(printf 'a%.0s' $(seq 200))"
	when audit 'skip_if = "files_below"' \
		"skip_files = \"$(printf 'a*%.0s' $(seq 60))b\"" 'skip_below = 1'
	check 0 timeout 20 sk-auto run SPEC-7 --from audit --to audit --new --json
	same "$(stages)" audit=skipped
}

@test "low_risk: what the accepted plan says, and only what it says" {
	when audit 'skip_if = "low_risk"'
	n=0
	while IFS='|' read -r text want; do
		agent x "[ \"\$SK_STAGE\" = plan ] && echo '{\"stage\":\"plan\",$text}' || echo '$any'"
		check 0 sk-auto run SPEC-7 --skip-tasks --skip-implement \
			--skip-validate --to audit --new --json
		same "$text $(stages)" "$text plan=ok audit=$want"
		n=$((n + 1))
	done <<-'END'
		"requirements":["R"],"work_breakdown":[{"id":"W"}],"complexity":"low","risks":[]|skipped
		"requirements":["R"],"work_breakdown":[{"id":"W"}],"complexity":"low"|ok
		"requirements":["R"],"work_breakdown":[{"id":"W"}],"complexity":"high","risks":[]|ok
		"requirements":["R"],"work_breakdown":[{"id":"W"}],"complexity":"low","risks":[{"id":"A"}]|ok
		"requirements":["R"],"work_breakdown":[{"id":"W"}],"complexity":"low","risks":[{"id":"A","severity":"low"}]|skipped
		"requirements":["R"],"work_breakdown":[{"id":"W"}],"complexity":"low","risks":[{"id":"A","level":"low"}]|skipped
		"requirements":["R"],"work_breakdown":[{"id":"W"}],"complexity":"low","risks":[{"id":"A","level":"low","severity":"high"}]|ok
		"requirements":["R"],"work_breakdown":[{"id":"W"}],"complexity":"low","risks":[{"id":"A","severity":"low"},{"id":"B","severity":"high"}]|ok
		"requirements":["R"],"work_breakdown":[{"id":"W"}],"complexity":"low","risks":["none"]|ok
	END
	[ "$n" -eq 9 ]
	# No plan, no low risk.
	check 0 sk-auto run SPEC-7 --from audit --to audit --new --json
	same "$(stages)" audit=ok
}

@test "what cannot be looked at leaves nothing out, and is said" {
	when audit 'skip_if = "no_tests"'
	# A repository that git does not take for one.
	mkdir -p .git
	check 0 sk-auto run SPEC-7 --from audit --to audit --new --json
	same "$(stages)" audit=ok
	has "$err" "whether 'audit' is to be left out cannot be told, so it runs"
	rmdir .git
	# A directory deeper than anybody's.
	d=deep
	for _ in $(seq 70); do d=$d/d; done
	mkdir -p "$d"
	check 0 sk-auto run SPEC-7 --from audit --to audit --new --json
	same "$(stages)" audit=ok
	has "$err" 'directories deep'
}

@test "decided when the stage would begin, once, and kept" {
	when validate 'skip_if = "no_tests"'
	# What the stage before makes counts.
	agent x "[ \"\$SK_STAGE\" = implement ] && : >test_it.py; echo '$any'"
	echo '# by hand' >$spec/tasks.md
	check 0 sk-auto run SPEC-7 --from implement --to validate --new --json
	same "$(stages)" 'implement=ok validate=ok'
	rm test_it.py
	agent x "[ \"\$SK_STAGE\" != audit ] || [ -e go ] || exit 7; echo '$any'"
	check 6 sk-auto run SPEC-7 --from validate --new --json
	same "$(stages)" 'validate=skipped audit=unknown'
	: >test_it.py
	: >go
	check 0 sk-auto resume SPEC-7 --json
	same "$(stages)" 'audit=ok unlock=ok'
	# Neither does going back change it,
	check 0 sk-auto run SPEC-7 --from validate --to validate --json
	same "$(stages)" validate=skipped
	# nor the configuration; but whoever names the stage alone means it.
	base
	check 0 sk-auto run SPEC-7 --from validate --to validate --json
	same "$(stages)" validate=skipped
	check 0 sk-auto run SPEC-7 --only validate --json
	same "$(stages)" validate=ok
	# A stage that has begun is not left out any more.
	when validate 'skip_if = "always"'
	check 0 sk-auto run SPEC-7 --from validate --to validate --json
	same "$(stages)" validate=ok
}

@test "the first stages, the last ones, all of them" {
	base
	sed -i '/^\[stages/,$d' sk.toml
	for s in plan tasks implement validate audit unlock; do
		printf '[stages.%s]\nmode = "parallel"\nskip_if = "always"\n' $s >>sk.toml
	done
	check 0 sk-auto run SPEC-7 --json
	same "$(stages)" 'plan=skipped tasks=skipped implement=skipped validate=skipped audit=skipped unlock=skipped'
	[ ! -e calls.x ]
	same "$(rows)" 'plan=done/skipped tasks=done/skipped implement=done/skipped validate=done/skipped audit=done/skipped unlock=done/skipped'
	check 1 sk-auto next SPEC-7
	has "$err" 'is finished'
	sed -i '/^\[stages.validate/,/^skip_if/s/always/never/' sk.toml
	check 0 sk-auto run SPEC-7 --json
	same "$(stages)" 'plan=skipped tasks=skipped implement=skipped validate=ok audit=skipped unlock=skipped'
	same "$(jq -r 'select(.event == "stage.skipped") | .stage' <<<"$out" | xargs)" \
		'plan tasks implement audit unlock'
	same "$(jq -r 'select(.schema == "sk.event/1" and .event == "phase") | .to' <<<"$out" | tail -n 1)" done
}

@test "what needs it must be on the disk, or is refused before it asks" {
	when plan 'skip_if = "always"'
	check 2 sk-auto run SPEC-7 --to tasks --json
	has "$(jq -r 'select(.schema == "sk.error/1") | .error.message' <<<"$out")$err" "needs 'plan'"
	[ ! -e calls.x ]
	check 2 sk-auto next SPEC-7
	has "$err" "needs 'plan'"
	# What would mend it is not what would leave it out again.
	check 2 sk-auto run SPEC-7 --from tasks --to tasks
	has "$err" 'write plan.md beside the specification, or sk-auto run SPEC-7 --only plan'
	echo '# by hand' >$spec/plan.md
	check 0 sk-auto run SPEC-7 --from plan --to tasks --json
	same "$(stages)" 'plan=skipped tasks=ok'
}

@test "a loop over next ends, with stages left out and when it cannot go on" {
	when validate 'skip_if = "no_tests"'
	by_next SPEC-7
	same "$rounds" 6
	has "$(cat next.err)" 'is finished'
	same "$(rows)" 'plan=done/ok tasks=done/ok implement=done/ok validate=done/skipped audit=done/ok unlock=done/ok'
	rm -rf "$SK_DB"* $spec/[!s]*.md
	when plan 'skip_if = "always"'
	rounds=0
	while c=$(sk-auto next SPEC-7 2>next.err); do
		rounds=$((rounds + 1))
		[ "$rounds" -le 6 ]
		eval "$c" >step.out 2>step.err || true
	done
	same "$rounds" 1
	has "$(cat next.err)" "needs 'plan'"
}

@test "a fork does not go back to a stage that its parent left out" {
	when validate 'skip_if = "no_tests"'
	check 0 sk-auto run SPEC-7 --to audit --json
	n=$(calls x)
	: >test_it.py
	parent=$(sqlite3 "$SK_DB" 'SELECT branch_id FROM branches')
	b=$(sk-branch fork "$parent" --after audit --json | jq -r .branch)
	check 0 sk-auto resume SPEC-7 --branch "$b" --json
	same "$(stages)" unlock=ok
	same "$(calls x)" $((n + 1))
	# What was not decided there yet is decided here.
	b=$(sk-branch fork "$parent" --after implement --json | jq -r .branch)
	check 0 sk-auto resume SPEC-7 --branch "$b" --json
	same "$(stages)" 'validate=ok audit=ok unlock=ok'
}

@test "status, evidence and the forms for CI say why" {
	when audit 'skip_if = "always"' 'skip_reason = "a person audits"'
	check 0 sk-auto run SPEC-7 --from validate --new --format junit
	has "$out" '<testsuite name="audit" tests="1" failures="0" errors="0" skipped="1"'
	has "$out" '<skipped message="skip_if is &#39;always&#39;: a person audits"/>'
	check 0 sk-auto report SPEC-7 --format tap
	has "$out" "- audit: stage # SKIP skip_if is 'always': a person audits"
	check 0 sk-auto report SPEC-7 --format md
	has "$out" '| audit | skipped | 0/0 |'
	for f in github gitlab; do
		check 0 sk-auto report SPEC-7 --format $f
	done
	check 0 sk-auto status SPEC-7 --format text
	has "$out" "skipped audit: skip_if is 'always': a person audits"
	case $out in *halted*) false ;; esac
	check 0 sk-auto status SPEC-7 --json
	same "$(j '.stages[4] | .state, .status, .reason')" "done
skipped
skip_if is 'always': a person audits"
	same "$(j '.warnings | length')" 0
	e=docs/evidence
	[ -d $e ] || e=$(find . -name evidence -type d | head -n 1)
	f=$e/commands/SPEC-7/speckit-audit_SKIPPED.json
	same "$(jq -r '.action, .reason' $f)" "skipped
skip_if is 'always': a person audits"
	has "$(jq -r .configSource $f)" "$PWD/sk.toml:"
	# A later step does not say something else of it.
	cp $f before
	check 0 sk-auto run SPEC-7 --from unlock --json
	cmp $f before
	check 0 sk-auto evidence verify SPEC-7
}

@test "what says that a stage was left out goes when the stage is run after all" {
	e=docs/evidence
	f=$e/commands/SPEC-7/speckit-audit_SKIPPED.json
	# each way to run it after all
	while read -r how; do
		when audit 'skip_if = "always"'
		check 0 sk-auto run SPEC-7 --from audit --to audit --new --json
		[ -e $f ]
		was=$(sha256sum <$f | cut -c1-64)
		case $how in
		script)
			base
			check 0 sk-auto run SPEC-7 --only audit --new --print-script
			cp "$BATS_TEST_TMPDIR/.out" script.sh
			check 0 sh script.sh
			;;
		*)
			check 0 sk-auto run SPEC-7 --only audit $how --json
			same "$(stages)" audit=ok
			;;
		esac
		[ ! -e $f ]
		check 0 sk-auto evidence verify SPEC-7
		(cd $e && sha256sum -c --quiet --strict SPEC-7.sha256)
		# What it said is not lost without a word.
		same "$how $(tail -n 1 $e/archives/SPEC-7_removed.jsonl |
			jq -r '.action, .files[].path, .files[].sha256' | xargs)" \
			"$how superseded commands/SPEC-7/speckit-audit_SKIPPED.json $was"
	done <<-'END'

		--new
		script
	END
	# Nor does an option say it of a stage that this run has begun.
	check 0 sk-auto run SPEC-7 --from audit --to unlock --new --json
	check 0 sk-auto run SPEC-7 --from validate --skip-audit --json
	[ ! -e $f ]
	# Begun and failed is not left out either.
	when audit 'skip_if = "always"'
	check 0 sk-auto run SPEC-7 --from audit --to audit --new --json
	[ -e $f ]
	agent x 'exit 7'
	check 6 sk-auto run SPEC-7 --only audit --json
	[ ! -e $f ]
}

@test "a dry run says what may be left out, and makes nothing" {
	when validate 'skip_if = "no_tests"' 'skip_reason = "there is nothing yet"'
	printf '[stages.audit]\nskip_if = "files_below"\nskip_files = "*.c"\nskip_below = 2\n[stages.unlock]\nskip_if = "always"\n' >>sk.toml
	check 0 sk-auto run SPEC-7 --dry-run --format text
	has "$out" 'validate may be skipped: when the tree has no tests: there is nothing yet'
	has "$out" "audit may be skipped: when fewer than 2 files match '*.c' (none does now)"
	has "$out" 'unlock will be skipped: always'
	check 0 sk-auto run SPEC-7 --dry-run --json
	same "$(j '[.stages[].may_skip] | map(. // "-") | join("|")')" \
		"-|-|-|when the tree has no tests: there is nothing yet|when fewer than 2 files match '*.c'|always"
	same "$(j '[.stages[].matches] | map(. // "-") | join("|")')" '-|-|-|-|0|-'
	: >a.c
	: >b.c
	: >c.c
	check 0 sk-auto run SPEC-7 --dry-run --json
	valid outline
	same "$(j '.stages[4].matches')" 2
	check 0 sk-auto run SPEC-7 --dry-run --format tap
	has "$out" 'unlock: stage # SKIP may be skipped: always'
	check 0 sk-auto run SPEC-7 --dry-run --only unlock --json
	same "$(j '.stages[0].may_skip')" null
	[ ! -e "$SK_DB" ]
}

@test "the printed script leaves out the same, and resumes the same" {
	when validate 'skip_if = "no_tests"'
	printf '[stages.audit]\nskip_if = "low_risk"\n' >>sk.toml
	agent x "echo '${any%\}},\"risks\":[]}'"
	check 0 sk-auto run SPEC-7 --json
	same "$(skipped | cut -d: -f1 | xargs)" 'validate audit'
	mkdir run && mv $spec/[!s]*.md run/
	check 0 sk-auto run SPEC-7 --new --print-script
	cp "$BATS_TEST_TMPDIR/.out" script.sh
	if command -v shellcheck >/dev/null; then shellcheck script.sh; fi
	check 0 sh script.sh
	has "$err" 'validate: skipped, the tree has no tests'
	for f in plan tasks implement unlock; do cmp run/$f.md $spec/$f.md; done
	[ ! -e $spec/validate.md ] && [ ! -e $spec/audit.md ]
	same "$(sqlite3 "$SK_DB" "SELECT count(*) FROM stages WHERE status = 'skipped'")" 4
	# In the same run it does not change its mind.
	: >test_it.py
	eval "$(sk-auto env SPEC-7)"
	check 0 sh script.sh
	has "$err" 'validate: skipped'
	# What needs a stage that was left out is refused there, too.
	unset SK_RUN SK_BRANCH
	rm -f $spec/[!s]*.md
	when plan 'skip_if = "always"'
	check 0 sk-auto run SPEC-7 --to tasks --print-script
	cp "$BATS_TEST_TMPDIR/.out" script.sh
	n=$(calls x)
	check 2 sh script.sh
	has "$err" "needs 'plan'"
	same "$(calls x)" "$n"
}

@test "killed around the record of a stage that is left out: once, and the same" {
	faulty=${SK_FAULTY_BIN:-$SK_TOP/build-faults/bin}
	[ -x "$faulty/sk-auto" ] || skip "no development build (make FAULTS=1)"
	when audit 'skip_if = "no_tests"'
	f=docs/evidence/commands/SPEC-7/speckit-audit_SKIPPED.json
	# POINT, then what the first stage is when a test comes in between.
	while read -r point then; do
		for how in run script; do
			rm -rf test_it.py "$SK_DB"* docs/evidence calls.x
			check 0 sk-auto run SPEC-7 --from validate --to validate --new
			set -- run SPEC-7 --from audit
			[ $how = run ] || set -- gate SPEC-7 --stage audit --skip
			check 137 env SPEC_KIT_FAULTS=$point "$faulty/sk-auto" "$@"
			same "$point $how $(rows)" "$point $how validate=done/ok$(
				[ "$then" = ok ] || echo ' audit=done/skipped')"
			rm -rf ../killed "$SK_DB"-faults
			cp -R "${SK_DB%/*}" ../killed
			cp -R docs/evidence ../killed/
			check 0 sk-auto run SPEC-7 --from audit --json
			same "$point $how $(stages)" "$point $how audit=skipped unlock=ok"
			same "$(rows)" 'validate=done/ok audit=done/skipped unlock=done/ok'
			same "$(sqlite3 "$SK_DB" "SELECT kind||'='||count(*)
				FROM journal WHERE key = 'audit' GROUP BY kind" |
				xargs)" 'stage=1 stage_end=1'
			same "$(jq -r .reason $f)" 'the tree has no tests'
			same "$(calls x)" 2
			check 0 sk-auto evidence verify SPEC-7
			check 0 sk-auto db check
			# The same by resume, which begins after what was left out.
			rm -rf "$SK_DB"* docs/evidence
			cp -R ../killed/sk.db* "${SK_DB%/*}/"
			cp -R ../killed/evidence docs/
			: >test_it.py
			check 0 sk-auto resume SPEC-7 --json
			same "$point $how $(rows)" \
				"$point $how validate=done/ok audit=done/$then unlock=done/ok"
			same "$point $(jq -r .reason $f 2>/dev/null)" "$point $(
				[ "$then" = ok ] || echo the tree has no tests)"
			check 0 sk-auto evidence verify SPEC-7
		done
	done <<-'END'
		store.stage.before_commit ok
		store.stage_end.before_commit ok
		store.stage.after_commit skipped
		store.stage_end.after_commit skipped
	END
}
