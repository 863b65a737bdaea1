#!/usr/bin/env bats
# sk-auto: the quality gates clarify, checklist and analyze.

load helper
load gates

@test "by default the checks warn, nobody is asked, nothing stops" {
	check 0 sk-auto run SPEC-7 --only plan --json
	same "$(j 'select(.event=="gate.end") | [.gate, .issues, .minor, .noted] | @tsv' | xargs)" \
		'clarify 1 1 1'
	j 'select(.event=="gate.end")' >ev
	same "$(row clarify)" passed
	check 0 sk-auto run SPEC-7 --only plan --new --format text
	has "$err" 'clarify: 1 minor; sk-auto check SPEC-7 shows them'
	same "$(calls w)" 2
	[ ! -d docs/evidence/commands ]
	# And may be silent.
	for off in SPEC_KIT_QUALITY_GATES_DISABLED=1 \
		SPECKIT_QUALITY_GATES__ENABLED=false \
		SPECKIT_QUALITY_GATES__INSTANT=off; do
		check 0 env "$off" sk-auto run SPEC-7 --to plan --format text
		not grep -q clarify "$BATS_TEST_TMPDIR/.err"
	done
}

@test "check: what is found, how heavy, where; a critical finding is status 1" {
	check 0 sk-auto check SPEC-7 --json
	record check <"$BATS_TEST_TMPDIR/.out"
	same "$(j '.gates[].issues[] | [.id, .severity, .type, .where] | @tsv' | xargs)" \
		'CLR-001 minor vague spec.md:13'
	same "$(j '.score | .overall, .grade' | xargs)" '100 A'
	same "$(j '.gates | map(.gate) | join(" ")')" 'clarify checklist'
	[ ! -e "$SK_DB" ]
	{
		echo
		echo 'FR-003: [NEEDS CLARIFICATION: how long?] "T''BD" and FR-77.'
		echo
		echo 'FR-001: It is again.'
		echo
		echo '```'
		echo 'FR-004: in code, ??''?'
		echo '```'
	} >>$spec
	sed -i 's/^## Goals/## Something/' $spec
	check 1 sk-auto check SPEC-7 --json
	same "$(j '.gates[].issues[] | .severity + " " + .type + " " + (.requirement // "-")' | sort | uniq -c | xargs)" \
		'1 critical defined_twice FR-001 1 critical placeholder FR-003 1 important not_accepted FR-003 1 important undefined FR-77 1 minor missing_section - 1 minor vague FR-001'
	same "$(j '[.critical, .important, .minor] | @tsv' | xargs)" '2 2 2'
	same "$(j '.score.completeness, .score.testability, .score.consistency' | xargs)" '80 90 80'
	check 1 sk-auto check SPEC-7 --format text
	has "$out" 'CHK-001  critical   spec.md:28 '
	has "$out" 'grade B'
	check 0 sk-auto check SPEC-7 analyze --json
	same "$(j '.gates[].issues | map(.type) | unique | join(" ")')" missing_paper
	check 2 sk-auto check SPEC-7 analyse
	has "$err" "did you mean 'analyze'"
}

@test "analyze holds plan and tasks against the specification" {
	printf '# Plan\n\nFR-001, FR-050\n' >docs/SPEC-7/plan.md
	printf '# Tasks\n\nFR-001 FR-002\n' >docs/SPEC-7/tasks.md
	mkdir -p .specify/memory && echo 'Be kind.' >.specify/memory/constitution.md
	check 0 sk-auto check SPEC-7 analyze --json
	same "$(j '.gates[].issues[] | [.severity, .type, .requirement // "-"] | @tsv' | xargs)" \
		'important coverage_gap FR-002 important undefined FR-050 minor constitution -'
}

@test "a critical finding is a question when the configuration says so" {
	echo 'FR-003: [NEEDS CLARIFICATION: how long?]' >>$spec
	export SPECKIT_QUALITY_GATES__INSTANT=ask
	check 5 sk-auto run SPEC-7 --only plan --json
	j -c 'select(.schema=="sk.questions/1")' >q
	record questions <q
	same "$(jq -r '.gate, (.questions | length), .questions[0].id, .questions[0].answer' <q | xargs)" \
		'clarify 1 CLR-001 null'
	has "$(moves)" 'idle>checking checking>waiting'
	same "$(j 'select(.schema=="sk.summary/1") | .state, .exit' | xargs)" 'waiting 5'
	same "$(phase) $(row clarify) $(calls w)" 'waiting waiting 0'
	check 5 sk-auto next SPEC-7
	has "$err" 'sk-auto answer SPEC-7'
	# Again: still waiting.
	check 5 sk-auto resume SPEC-7 --json
	# The answer replaces the mark, and the run goes on.
	check 0 sk-auto answer SPEC-7 'CLR-001=at most 5 s' --json
	same "$(row clarify)" answered
	check 0 sk-auto next SPEC-7
	has "$out" 'sk-auto step SPEC-7'
	check 0 sk-auto step SPEC-7 --json
	has "$(moves)" 'waiting>checking checking>asking'
	grep -qx 'FR-003: at most 5 s' $spec
	same "$(row clarify) $(calls w)" 'passed 1'
}

@test "what a gate wrote does not make the tree dirty, what a person wrote does" {
	export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
	gate plan
	all_say 'CLR-001|minor|auto-fix|FR-001|fast?|under 1 s' \
		'b|critical|auto-fix||Who may read the log file?|all'
	printf 'calls.*\nprompt.*\n' >.gitignore
	git init -q . && git add -A
	git -c user.name=a -c user.email=a@example.org commit -qm x
	check 5 sk-auto run SPEC-7 --only plan
	git status --porcelain | grep -q spec.md
	check 5 sk-auto run SPEC-7 --only plan
	check 0 sk-auto answer SPEC-7 Q-001=nobody
	echo 'By hand.' >>$spec
	check 1 sk-auto run SPEC-7 --only plan
	has "$err" 'clean-tree'
	sed -i '$d' $spec
	check 0 sk-auto run SPEC-7 --only plan
	check 0 sk-auto run SPEC-7 --only plan
}

@test "answers: words, JSON, part by part, then the run goes on without asking again" {
	gate plan
	all_say 'a|critical|auto-fix||Which colour has the lamp on the front?|red' \
		'b|critical|auto-fix|FR-002|Who may read the log file?|all'
	check 5 sk-auto run SPEC-7 --only plan
	has "$err" '2 questions for a person'
	check 0 sk-auto answer SPEC-7 --list --format text
	has "$out" 'Q-001 (critical): Which colour has the lamp on the front?'
	has "$out" ' - red [g1]'
	for bad in Q-009=x Q-001= CLR-001=x noequals; do
		check 2 sk-auto answer SPEC-7 "$bad"
	done
	feed '[1]' 2 sk-auto answer SPEC-7
	feed '{"Q-001":7}' 2 sk-auto answer SPEC-7
	check 0 sk-auto answer SPEC-7 'Q-001=blue | `x` <b>' --format text
	has "$out" '1 answered, 1 open'
	check 5 sk-auto run SPEC-7 --only plan
	grep -q 'lamp on the front? → A: blue \\| \\`x\\` &lt;b\\>' $spec
	sk-auto answer SPEC-7 --list --json >open.json
	same "$(jq -r '.questions | map(.id) | join(" ")' <open.json)" Q-002
	jq -c '.questions[].answer = "two\nlines"' <open.json >filled.json
	feed_file filled.json 0 sk-auto answer SPEC-7 --resume --json
	grep -q 'an hour. (clarified: two lines)' $spec
	same "$(calls g) $(calls w) $(row clarify)" '3 6 passed'
	check 1 sk-auto answer SPEC-7 --list
	has "$err" 'waits for an answer'
	# One section, one day.
	same "$(grep -c '^## Clarifications' $spec) $(grep -c '^### Session' $spec)" '1 1'
}

@test "answer --resume goes on as the run was told to" {
	export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
	gate plan
	all_say 'a|critical|auto-fix||Which colour has the lamp on the front?|red'
	printf 'calls.*\nprompt.*\n' >.gitignore
	git init -q . && git add -A
	git -c user.name=a -c user.email=a@example.org commit -qm x
	: >somebody.c
	# (Whom the configuration names is not there.)
	sed -i 's/^agents = \["w"\]/agents = ["g1", "nobody"]/' sk.toml
	check 5 sk-auto run SPEC-7 -a w --allow-dirty --skip-audit --timeout 77s
	# What was allowed on one machine is not on another.
	check 0 sk-auto export SPEC-7 -o ../run.skb
	check 0 env SK_DB=../other.db sk-auto import ../run.skb
	check 0 env SK_DB=../other.db sk-auto answer SPEC-7 Q-001=blue --format text
	has "$out" 'resume     sk-auto resume SPEC-7 --run'
	not has "$out" --allow-dirty
	check 0 sk-auto answer SPEC-7 Q-001=blue --format text
	has "$out" '--skip-audit -a w --allow-dirty --timeout 77000ms'
	sqlite3 "$SK_DB" "UPDATE gates SET state = 'waiting',
		issues = replace(issues, '\"answered\"', '\"open\"')"
	check 0 sk-auto answer SPEC-7 Q-001=blue --resume --json
	same "$(j 'select(.schema == "sk.summary/1") | .stages[] |
		"\(.stage)=\(.status)"' | xargs)" \
		'plan=ok tasks=ok implement=ok validate=ok unlock=ok'
	same "$(sqlite3 "$SK_DB" "SELECT DISTINCT agents FROM stages")" w
}

@test "status lists the gates and what they ask" {
	states() { j '.gates | map(.gate + "=" + .state) | join(" ")'; }
	check 0 sk-auto status SPEC-7 --json
	same "$(states)" 'clarify=pending checklist=pending analyze=pending'
	gate tasks
	all_say 'a|critical|auto-fix||Which colour has the lamp?|red'
	check 5 sk-auto run SPEC-7 --to tasks
	check 0 sk-auto status SPEC-7 --json
	record status <"$BATS_TEST_TMPDIR/.out"
	same "$(states)" 'clarify=passed checklist=waiting analyze=pending'
	same "$(j '.gates[1] | .open, .critical, .questions[0].id, .questions[0].question' | xargs)" \
		'1 1 Q-001 Which colour has the lamp?'
	check 0 sk-auto status SPEC-7 --format text
	has "$out" 'gates   clarify passed, checklist waiting (1 open), analyze pending'
	has "$out" 'Q-001 (critical): Which colour has the lamp?'
	SPECKIT_QUALITY_GATES__ENABLED=false check 0 sk-auto status SPEC-7 --json
	same "$(states)" 'clarify=passed checklist=waiting analyze=off'
	# Before anything is found there is no row; the stage that is done says it.
	check 0 sk-auto run SPEC-7 --only tasks --on-gate accept
	check 0 sk-auto status SPEC-7 --json
	same "$(states)" 'clarify=passed checklist=passed analyze=pending'
	same "$(j '.gates[1].accepted, (.gates[1].questions | length)' | xargs)" '1 0'
}

@test "--on-gate: fail is 1, accept goes on, and what is open stays on record" {
	gate plan
	all_say 'a|critical|auto-fix||Which colour has the lamp?|red'
	check 1 sk-auto run SPEC-7 --only plan --on-gate fail --json
	same "$(j 'select(.schema=="sk.error/1") | .error.code')" gate
	same "$(phase) $(row clarify)" 'halted failed'
	check 1 sk-auto next SPEC-7
	check 0 sk-auto run SPEC-7 --only plan --on-gate accept --json
	same "$(issue Q-001 .resolution) $(calls g) $(calls w)" 'accepted 3 1'
	not grep -q lamp $spec
	check 2 sk-auto run SPEC-7 --on-gate maybe
	SPECKIT_QUALITY_GATES__ON_GATE=fail check 1 sk-auto run SPEC-7 --to plan
}

@test "once for one state of the papers; a person's edit makes it due again" {
	gate plan
	all_say 'a|critical|auto-fix||Which colour has the lamp?|red'
	check 5 sk-auto run SPEC-7 --only plan
	check 5 sk-auto run SPEC-7 --only plan
	same "$(calls g)" 3
	echo 'The lamp is blue.' >>$spec
	all_say
	check 0 sk-auto run SPEC-7 --only plan --json
	same "$(calls g) $(sqlite3 "$SK_DB" 'SELECT round FROM gates')" '6 2'
	check 0 sk-auto run SPEC-7 --only plan
	same "$(calls g)" 6
}

@test "agents see the papers, what was found, and the goal, as data" {
	gate plan
	all_say
	check 0 sk-auto run SPEC-7 --only plan --goal 'be quick about it'
	grep -q '^Stage: clarify' prompt.g1
	grep -q '<<<BEGIN spec.md' prompt.g1
	grep -q '"CLR-001"' prompt.g1
	grep -q '^be quick about it' prompt.g1
	check 0 sk-auto prompt SPEC-7 --stage checklist
	has "$out" 'Stage: checklist'
	has "$out" '<<<BEGIN plan.json'
}

@test "an agent that fails is missing, and its silence is no consent" {
	gate plan
	all_say 'CLR-001|minor|auto-fix|FR-001|fast?|under 1 s'
	echo 'no JSON at all' >says.3
	check 5 sk-auto run SPEC-7 --only plan --json
	same "$(issue CLR-001 '.agreement')" low
	jq -e '.summary.degraded_missing_agents == 1' \
		docs/evidence/commands/SPEC-7/quality-gate-*.json
	# With two the configuration says that two are enough.
	export SK_DB=$BATS_TEST_TMPDIR/state/two.db
	SPECKIT_QUALITY_GATES__MIN_AGENTS=2 check 0 sk-auto run SPEC-7 --only plan
	same "$(issue CLR-001 '.agreement')" medium
}

@test "nobody of the gate answers: the cause is the status, accept goes on" {
	gate plan
	sed -i '2,$d' bin/g1 bin/g2 bin/g3
	for i in 1 2 3; do echo 'exit 3' >>bin/g$i; done
	check 6 sk-auto run SPEC-7 --only plan --json
	same "$(j 'select(.schema=="sk.error/1") | .error.code')" gate_unanswered
	check 0 sk-auto run SPEC-7 --only plan --on-gate accept
	has "$err" 'going on with the checks alone'
}

@test "nobody of the gate can be reached: it recovers as a stage does, or gives up" {
	gate plan
	printf '[recovery]\nbase = "10ms"\nmax = "80ms"\nattempts = 2\n' >>sk.toml
	all_say
	# (Three are asked at a time: the fourth to sixth are the second try.)
	for i in 1 2 3; do
		sed -i "s/^cat \"/[ \$(wc -l <calls.g) -gt 3 ] || exit 75\n&/" "bin/g$i"
	done
	check 0 sk-auto run SPEC-7 --only plan --json
	has "$(moves)" 'checking>recovering recovering>checking checking>asking'
	has "$err" 'clarify: nobody can be reached, trying again in 10ms (attempt 1 of 2)'
	same "$(row clarify) $(calls w)" 'passed 1'
	for i in 1 2 3; do sed -i '2,$d; 1a exit 75' "bin/g$i"; done
	check 75 sk-auto run SPEC-7 --to plan --new --json
	has "$err" 'attempt 2 of 2'
	same "$(phase | tail -n 1)" halted
}

@test "an edit that would break the specification is a question instead" {
	gate plan
	printf '\n```\nnever closed\n' >>$spec
	all_say 'a|minor|auto-fix||Which colour has the lamp?|red'
	cp $spec before
	check 5 sk-auto run SPEC-7 --only plan --json
	cmp $spec before
	has "$(j 'select(.schema=="sk.questions/1") | .questions[0].note')" 'fenced block'
}

@test "the printed script holds the same gates" {
	gate plan
	all_say 'a|critical|auto-fix||Which colour has the lamp?|red'
	check 0 sk-auto run SPEC-7 --to plan --on-gate fail --print-script
	cp "$BATS_TEST_TMPDIR/.out" run.sh
	shellcheck run.sh
	check 1 sh run.sh
	same "$(calls g) $(calls w)" '3 0'
	sed -i 's/--on-gate fail/--on-gate pause/; s/on_gate=fail/on_gate=pause/' run.sh
	check 5 sh run.sh
	check 0 sk-auto answer SPEC-7 Q-001=blue
	eval "$(sk-auto env SPEC-7)"
	check 0 sh run.sh
	same "$(calls g) $(calls w)" '6 1'
	grep -q 'A: blue' $spec
}

@test "on a terminal it asks: a letter, words, nothing; a signal keeps what was said" {
	pty=$SK_BUILD/tools/pty
	gate plan
	says 1 'a|critical|auto-fix||Which colour has the lamp on the front?|red' \
		'b|critical|auto-fix|FR-002|Who may read the log file?|all'
	says 2 'x|critical|auto-fix||Which colour has the lamp on the front?|green'
	says 3
	check 5 "$pty" -e 'leave it open: ' -k 'b\n' -e 'leave it open: ' -k '\n' \
		-- sk-auto run SPEC-7 --only plan
	has "$out" 'b) green [g2]'
	has "$out" '1 question for a person'
	same "$(phase) $(row clarify)" 'waiting waiting'
	same "$(issue Q-001 .answer)" green
	# The next driver writes it down before it asks for the rest; ^C.
	check 130 "$pty" -e 'leave it open: ' -k '\cC' -- sk-auto run SPEC-7 --only plan
	grep -q 'A: green' $spec
	same "$(phase)" waiting
	# --no-input asks nobody.
	check 5 "$pty" -- sk-auto run SPEC-7 --only plan --no-input
	# Answering asks, too.
	check 0 "$pty" -e 'leave it open: ' -k 'root alone\n' -- sk-auto answer SPEC-7
	has "$out" '1 answered, none open'
	check 0 sk-auto run SPEC-7 --only plan
	grep -q 'an hour. (clarified: root alone)' $spec
	same "$(calls g) $(calls w)" '3 1'
}

@test "phases around a person: nothing else is allowed from waiting" {
	echo 'FR-003: [NEEDS CLARIFICATION: how long?]' >>$spec
	export SPECKIT_QUALITY_GATES__INSTANT=ask
	check 0 "$SK_BUILD/tools/pty" -o out.json -e 'leave it open: ' -k 'five\n' \
		-- sk-auto run SPEC-7 --only plan --json
	same "$(jq -r 'select(.event=="phase") | .from + ">" + .to' <out.json | xargs)" \
		'idle>checking checking>waiting waiting>checking checking>asking asking>judging judging>writing writing>done'
	same "$(sqlite3 "$SK_DB" "SELECT group_concat(key,' ') FROM (SELECT key FROM journal WHERE kind='phase' ORDER BY lsn)")" \
		"$(jq -r 'select(.event=="phase") | .from + ">" + .to' <out.json | xargs)"
	same "$(sqlite3 "$SK_DB" "SELECT group_concat(key,', ') FROM (SELECT key FROM journal WHERE kind='gate' ORDER BY lsn)")" \
		'clarify waiting, clarify answered, clarify writing, clarify passed'
	# A run that waits can be cancelled, and then takes no answer.
	echo 'FR-004: [NEEDS CLARIFICATION: how wide?]' >>$spec
	check 5 sk-auto run SPEC-7 --to plan --new
	check 0 sk-auto cancel SPEC-7
	same "$(phase | sort | xargs)" 'cancelled done'
	check 8 sk-auto answer SPEC-7 CLR-001=x
}
