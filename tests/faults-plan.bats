#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Plans of faults: what they say, what they do not, and how they are counted.

load helper

setup_file() {
	export DEV=${SK_FAULTY_BIN:-$BATS_TEST_DIRNAME/../build-faults/bin}
}

need_dev() {
	[ -x "$DEV/sk-faults" ] || skip "no development build (make FAULTS=1)"
}

# A programme that passes one point a time.
acked() {
	jq -cn '{schema: "sk.answer/1", agent: "a", content: "{\"k\":1}"}' |
		"$DEV/sk-consensus" --min 1 --expect a --no-evidence --json
}

@test "plan: every form is read, and written so that it is read again" {
	while IFS='|' read -r text want; do
		check 0 sk-faults plan "$text" --json
		same "$text: $(j .plan)" "$text: $want"
		check 0 sk-faults plan "$want" --json
		same "$want: $(j .plan)" "$want: $want"
	done <<'END'
agent_timeout:3,consensus_fail:1|agent_timeout:3,consensus_fail:1
 agent_timeout:3 ; consensus_fail |agent_timeout:3,consensus_fail:1
timeout@gemini-flash:2|agent_timeout@gemini-flash:2
agent_timeout@b/plan=idle#2|agent_timeout@b/plan=idle#2
agent_empty@*/plan#2-4|agent_empty@*/plan#2-4
429:2=30|rate_limit:2=30
rate_limit=now+30s#3|rate_limit=now+30s#3
rate_limit=2030-01-31T12:00:00Z|rate_limit:1=2030-01-31T12:00:00Z
503|http:1=503
disconnect=mid%1/60/seed7|disconnect=mid%1/60/seed7
agent_slow=80ms%25/seed1|agent_slow=80ms%25/100/seed1
store.ack.before_commit|store.ack.before_commit:1=kill9
ack.before_commit:kill9#2; net.recv:reset#1; malloc:fail#137; fsync:eio#4|store.ack.before_commit=kill9#2,recv=errno:ECONNRESET#1,malloc=errno:ENOMEM#137,fsync=errno:EIO#4
publish.before_rename:sleep=80ms%1/60/seed7|store.publish.before_rename=sleep:80ms%1/60/seed7
store.intake.before_commit:3=errno:ENOSPC|store.intake.before_commit:3=errno:ENOSPC
write:torn#5+|write=torn#5+
clock:jump=-1h|clock:1=jump:-3600000ms
db_busy:2|store.begin:2=errno:EBUSY
disk_full#3|store.commit=errno:ENOSPC#3
kill=store.ack.checked|store.ack.checked:1=kill9
END
	# As it is printed, it fits its schema.
	check 0 sk-faults plan agent_timeout@b:2 --json
	"$SK_BUILD/tools/schema_check" <(sk-faults schema faults) \
		<"$BATS_TEST_TMPDIR/.out"
	check 0 sk-faults plan --json
	"$SK_BUILD/tools/schema_check" <(sk-faults schema faults) \
		<"$BATS_TEST_TMPDIR/.out"
}

@test "plan: what nobody knows is an error, with a suggestion" {
	while IFS='|' read -r text message hint; do
		check 2 sk-faults plan "$text" --json
		has "$(j .error.message)" "$message"
		[ -z "$hint" ] || has "$(j .error.hint)" "$hint"
	done <<'END'
agent_timout:2|unknown fault 'agent_timout'|did you mean 'agent_timeout'?
store.ack.chekced|unknown fault|did you mean 'store.ack.checked'?
agent_timeout=totl|unknown argument 'totl'|did you mean 'total'?
agent_fail=rate_limitd@b|unknown argument|
agent_fail=rate_limitd|unknown argument|did you mean 'rate_limited'?
agent_fail|no argument|
store.ack.checked=kil9|unknown action 'kil9'|did you mean 'kill9'?
store.ack.checked=drop|unknown action 'drop'|one of: kill9 kill term
agent_timeout:x|bad count|
agent_timeout:2#3|both ':' and|
agent_timeout#0|bad number after '#'|
agent_timeout#5-3|empty range|
agent_timeout%5|bad share|the seed makes it the same
rate_limit=soon|bad time to come back|2026-01-31T12:00:00Z
http=200|no HTTP status of a failure|
db_busy@b|an agent, which has nothing to do with it|
agent_timeout@-x|bad agent|
AGENT_TIMEOUT|unknown fault 'AGENT_TIMEOUT'|did you mean 'agent_timeout'?
slow|no argument|as in 'agent_slow=80ms'
http|no argument|as in 'http=503'
kill|no argument|as in 'kill=store.ack.checked'
agent_fail@b|no argument|one of: auth rate_limited
rate_limit=2026-02-29T12:00:00Z|bad time to come back|now+SECONDSs
rate_limit=2026-01-31T12:00:00|bad time to come back|
rate_limit=2026-01-31T12:00:00+25:00|bad time to come back|
rate_limit=now+3m|bad time to come back|
rate_limit=-1|bad time to come back|
END
}

@test "plan: scopes, one agent, reset hints, and the older names" {
	plan() { env "$@" sk-faults plan --json | jq -r '.plan'; }
	both=SPEC_KIT_FAULTS=agent_timeout:3,consensus_fail:1,duplicate
	same "$(plan $both SPEC_KIT_FAULTS_SCOPE=spec_kit)" \
		"agent_timeout:3,consensus_fail:1,duplicate:1"
	same "$(plan $both SPEC_KIT_FAULTS_SCOPE=consensus)" "consensus_fail:1"
	same "$(plan $both SPEC_KIT_FAULTS_SCOPE=agent \
		SPEC_KIT_FAULTS_AGENT=gemini-flash)" \
		"agent_timeout@gemini-flash:3,duplicate@gemini-flash:1"
	same "$(plan SPEC_KIT_FAULTS=429 SPEC_KIT_FAULTS_429_RESET=now+9)" \
		"rate_limit:1=now+9"
	# One fault a call: disconnects, then rate limits, then timeouts.
	same "$(plan CODEX_FAULTS=timeout:1,429:2,disconnect:1 \
		CODEX_FAULTS_SCOPE=auto_drive CODEX_FAULTS_429_RESET=7)" \
		"disconnect:1,rate_limit:2=7,agent_timeout:1"
	same "$(plan CODEX_FAULTS=timeout:2,disconnect:1 \
		CODEX_FAULTS_TIMEOUT_MS=1500)" "disconnect:1,agent_timeout:2=1500ms"
	same "$(plan SPEC_KIT_FAULTS=timeout,timeout=idle#2,429 \
		SPEC_KIT_FAULTS_TIMEOUT_MS=40)" \
		"agent_timeout:1=40ms,agent_timeout=idle#2,rate_limit:1"
	# Of a label that is there twice the last one counts; other agents than
	# the one of the scope are not in it.
	same "$(plan CODEX_FAULTS=timeout:3,429:1,timeout:1)" \
		"rate_limit:1,agent_timeout:1"
	same "$(plan SPEC_KIT_FAULTS=agent_empty@b:2,429@a SPEC_KIT_FAULTS_AGENT=a \
		SPEC_KIT_FAULTS_SCOPE=agent)" "rate_limit@a:1"
	for bad in 30s -1 '' x; do
		[ -z "$bad" ] || check 2 env CODEX_FAULTS=timeout \
			CODEX_FAULTS_TIMEOUT_MS=$bad sk-faults plan
	done
	has "$err" "'x', is no number of milliseconds"
	check 2 env $both SPEC_KIT_FAULTS_SCOPE=agent sk-faults plan
	has "$err" SPEC_KIT_FAULTS_AGENT
	check 2 env $both SPEC_KIT_FAULTS_SCOPE=consenus sk-faults plan
	has "$err" "did you mean 'consensus'?"
	check 2 env CODEX_FAULTS=agent_empty:1 sk-faults plan
}

@test "the words that are known are those of the programs, both ways" {
	[ -d "$SK_TOP/lib" ] || skip "no source"
	{
		grep -rhoE 'SK_FAULT\("[^"]+"' "$SK_TOP/lib" | cut -d'"' -f2
		grep -rhoE 'SK_WHERE\(db, "[^"]+"' "$SK_TOP/lib" | cut -d'"' -f2 |
			sed 's/.*/store.&.before_commit\nstore.&.after_commit/'
	} | sort -u >source
	check 0 sk-faults plan --json
	j '.points[]' | grep '[.]' | sort >known
	diff source known
	# The kinds of failure are those of the records.
	sk-run schema answer | jq -r '.. | objects | .kind? | objects |
		.enum? | arrays | .[] | strings' | sort -u >kinds
	[ "$(wc -l <kinds)" -gt 15 ]
	j '.kinds[] | select(.name == "agent_fail") | .words' | tr ' ' '\n' |
		sort | diff kinds -
}

@test "release: it says that it has no fail-points, and plans are still read" {
	# (This file may be run against a development build.)
	sk-faults plan --json | jq -e '.build == "release"' >/dev/null ||
		skip "this is no release"
	for verb in "arm agent_timeout" status next reset \
		"exec agent_timeout -- true" explore; do
		check 2 sk-faults $verb
		has "$err" "this is a release: it has no fail-points"
	done
	[ ! -e "$SK_DB-faults" ]
	check 0 sk-faults plan agent_timeout
}

@test "release: the variables change nothing" {
	sk-faults plan --json | jq -e '.build == "release"' >/dev/null ||
		skip "this is no release"
	run_it() {
		echo p | sk-run --exec "a=echo '{\"k\":1}'" \
			--exec "b=echo '{\"k\":1}'" \
			--run "$1" 2>&1 | sk-consensus --no-evidence 2>&1 |
			jq -c '[.status, .missing_agents, .merged]'
		sk-config list 2>&1 | sha256sum
		sk-branch list --all --json 2>&1 | jq -c keys
	}
	run_it r1 >without
	SPEC_KIT_FAULTS=agent_timeout:9,consensus_fail:9,nonsense \
		SPEC_KIT_FAULTS_SCOPE=nowhere CODEX_FAULTS=x SK_MUTANT=no_gate \
		SPEC_KIT_FAULTS_FILE=$PWD/counters run_it r2 >with
	diff without with
	has "$(cat with)" '"ok"'
	[ ! -e counters ] && [ ! -e "$SK_DB-faults" ]
}

@test "arm, status, reset: for every process of a database, without a variable" {
	need_dev
	check 0 "$DEV/sk-faults" arm store.intake.before_commit:2=errno:ENOSPC
	for want in 74 74 0; do
		got=0
		acked >o 2>e || got=$?
		same "$got" "$want"
	done
	check 0 "$DEV/sk-faults" status --json
	"$SK_BUILD/tools/schema_check" <("$DEV/sk-faults" schema faults) \
		<"$BATS_TEST_TMPDIR/.out"
	same "$(j -c '.counters[0] | [.fault, .calls, .hits]')" \
		'["store.intake.before_commit=errno:ENOSPC",3,2]'
	same "$(j -c '[.hits[] | [.ordinal, .program, .call]]')" \
		'[[1,"sk-consensus",1],[2,"sk-consensus",2]]'
	line=$("$DEV/sk-faults" status --line)
	same "$line" "SPEC_KIT_FAULTS='store.intake.before_commit=errno:ENOSPC#1-2'"
	check 0 "$DEV/sk-faults" reset
	got=0
	acked >o 2>e || got=$?
	same "$got" 74
	check 0 "$DEV/sk-faults" reset --disarm
	acked >o
	check 1 "$DEV/sk-faults" status --line
	# What is printed brings the same back.
	rm "$SK_DB-faults"
	for want in 74 74 0; do
		got=0
		eval "export $line"
		acked >o 2>e || got=$?
		same "$got" "$want"
	done
	# What is not ours is left alone.
	echo '{"not": "counters"}' >"$SK_DB-faults"
	unset SPEC_KIT_FAULTS
	cp "$SK_DB-faults" was
	check 65 "$DEV/sk-faults" status
	has "$err" "holds no counters"
	check 65 "$DEV/sk-faults" arm agent_empty
	SPEC_KIT_FAULTS=store.begin:1 check 2 "$DEV/sk-branch" new --spec S
	has "$err" "remove it"
	cmp was "$SK_DB-faults"
}

@test "next: scripts that play agents take part" {
	need_dev
	check 0 "$DEV/sk-faults" arm 'agent_timeout@b:2,rate_limit@b/plan=30#3'
	next() { "$DEV/sk-faults" next --agent "$@" || echo none; }
	same "$(next a)" none
	same "$(next b)" agent_timeout
	same "$(next b --stage plan)" agent_timeout
	same "$(next b --stage plan)" none
	# (The third call of the stage, as sk-run counts it.)
	same "$(next b --stage plan)" rate_limit=30
	same "$(next b --stage plan)" none
	# The ordinals of one fault are those of its calls.
	check 0 "$DEV/sk-faults" arm \
		'agent_timeout@b#1,agent_timeout@b#2,agent_timeout@b#4'
	same "$(for i in 1 2 3 4 5; do next b; done | xargs)" \
		"agent_timeout agent_timeout none agent_timeout none"
	same "$("$DEV/sk-faults" status --json | jq -c '.counters |
		map([.fault, .calls, .hits])')" '[["agent_timeout@b",5,3]]'
	# Each of two ways has its own count.
	check 0 "$DEV/sk-faults" arm 'disconnect:1=before,disconnect:2=mid'
	same "$(for i in 1 2 3 4; do next b; done | xargs)" \
		"disconnect=before disconnect=mid disconnect=mid none"
	# Without a plan there is nothing to count, and no file.
	rm "$SK_DB-faults"
	check 1 "$DEV/sk-faults" next
	[ ! -e "$SK_DB-faults" ]
}

@test "arm: what can never fire is refused, and no plan is no plan" {
	need_dev
	for plan in http=503 503 429,500:2; do
		check 2 "$DEV/sk-faults" arm "$plan"
		has "$err" "is a fault of the proxy alone"
		check 2 "$DEV/sk-faults" exec "$plan" -- true
		check 2 env SPEC_KIT_FAULTS="$plan" "$DEV/sk-config" list
		has "$err" "is a fault of the proxy alone"
	done
	for plan in '' , ' ; '; do
		check 2 "$DEV/sk-faults" arm "$plan"
		has "$err" "the plan is empty"
	done
	[ ! -e "$SK_DB-faults" ]
}

@test "arm: a plan is for its database, and for no other" {
	need_dev
	unset SK_DB
	in=$(jq -cn '{schema: "sk.answer/1", agent: "a", content: "{\"k\":1}"}')
	set -- "$DEV/sk-consensus" --min 1 --expect a --no-evidence --json
	check 0 "$DEV/sk-faults" arm store.intake.before_commit:9=errno:ENOSPC
	feed "$in" 74 "$@"
	feed "$in" 0 "$@" --db "$PWD/other"
	feed "$in" 0 "$@" --db="$PWD/other"
	# And what is counted before the database is open is counted beside it.
	check 0 "$DEV/sk-faults" reset --disarm
	SPEC_KIT_FAULTS=malloc:fail#40 feed "$in" 71 "$@" --db "$PWD/other"
	same "$("$DEV/sk-faults" status --json | jq .hits)" '[]'
	same "$("$DEV/sk-faults" status --db other --json | jq '.hits | length')" 1
}

@test "counters that cannot be shared are an error" {
	need_dev
	export SPEC_KIT_FAULTS=store.begin:1=errno:EIO
	echo nothing of ours, and long >file
	for f in "$PWD/file" "$PWD/file/x"; do
		SPEC_KIT_FAULTS_FILE=$f check 2 "$DEV/sk-consensus" audit
		has "$err" "$f"
	done
	# A directory that is missing is made.
	SPEC_KIT_FAULTS_FILE=$PWD/new/dir/c check 74 "$DEV/sk-branch" new --spec S
	SPEC_KIT_FAULTS_FILE=$PWD/new/dir/c check 0 "$DEV/sk-branch" new --spec S
	# More words than there is room for.
	for i in 1 2 3; do
		check 1 env SPEC_KIT_FAULTS_FILE="$PWD/full" SPEC_KIT_FAULTS="$(
			seq -s, -f "agent_empty@a$i%g" 200)" "$DEV/sk-faults" next || {
			has "$i $err" "3 sk-faults: '$PWD/full' is full of counters"
			break
		}
	done
	same "$i" 3
	SPEC_KIT_FAULTS_FILE=$PWD/full check 2 "$DEV/sk-branch" new --spec S
	has "$err" "'sk-faults reset' forgets them"
	SPEC_KIT_FAULTS_FILE=$PWD/full check 0 "$DEV/sk-faults" reset
	SPEC_KIT_FAULTS_FILE=$PWD/full check 74 "$DEV/sk-branch" new --spec S
}

@test "exec: a failing command prints the one line that brings it back" {
	need_dev
	acked >o
	jq -cn '{schema: "sk.answer/1", agent: "a", content: "{\"k\":1}"}' >in
	again=$PWD/again
	feed_file in 74 "$DEV/sk-faults" exec \
		'store.commit=errno:ENOSPC%1/2/seed3' -- \
		sk-consensus --min 1 --expect a --no-evidence
	line=$(sed -n 's/^sk-faults: status 74; again with: //p' \
		"$BATS_TEST_TMPDIR/.err")
	has "$line" "sk-faults exec 'store.commit=errno:ENOSPC#"
	PATH=$DEV:$PATH
	for i in 1 2; do
		got=0
		eval "$line" <in >o 2>e || got=$?
		same "$got" 74
		has "$(cat e)" "$line"
	done
	# However many they are: rows of them are one entry, and when that is no
	# help it is the plan as it was given.
	check 3 sk-faults exec "read:short#1-40" -- \
		sh -c 'sk-consensus audit >/dev/null; exit 3'
	line=$(sed -n 's/^sk-faults: status 3; again with: //p' \
		"$BATS_TEST_TMPDIR/.err")
	case $line in
	"sk-faults exec 'read=short#1-40' -- sh -c "*) ;;
	*) echo "$line"; false ;;
	esac
	got=0
	eval "$line" 2>e || got=$?
	same "$got" 3
	has "$(cat e)" "$line"
	check 3 sk-faults exec 'read:short#1+' -- sh -c \
		'for i in 1 2 3; do sk-consensus audit; done >/dev/null; exit 3'
	has "$err" "sk-faults exec 'read=short#1+' -- sh -c"
	# What ends well says nothing; what hangs is ended.
	check 0 sk-faults exec store.ack.checked#9 -- true
	same "$err" ''
	check 9 sk-faults exec agent_timeout --timeout 300ms -- sleep 60
	has "$err" "it did not end in time; no fault was hit"
	check 2 sk-faults exec agent_timeou -- true
}

@test "a share is the same every time, and about as large as it says" {
	need_dev
	share() {
		for i in $(seq 60); do
			SPEC_KIT_FAULTS="agent_timeout%25/seed$1" \
				"$DEV/sk-faults" next --db "x$2" >/dev/null &&
				echo "$i"
		done | xargs
	}
	a=$(share 7 1) b=$(share 7 2) c=$(share 8 3)
	same "$a" "$b"
	[ "$a" != "$c" ]
	[ "$(wc -w <<<"$a")" -ge 6 ] && [ "$(wc -w <<<"$a")" -le 27 ]
}

@test "functions of the C library fail, in SQLite as in our own code" {
	need_dev
	acked >o
	while IFS='|' read -r fault want code; do
		rm -f "$SK_DB-faults"
		got=0
		jq -cn '{schema: "sk.answer/1", agent: "a", content: "{}"}' |
			SPEC_KIT_FAULTS=$fault "$DEV/sk-consensus" --min 1 \
			--expect a --no-evidence --json >o 2>e || got=$?
		same "$fault $got" "$fault $want"
		[ -z "$code" ] || same "$(jq -r .error.code o)" "$code"
		sk-consensus audit >/dev/null
	done <<'END'
malloc:fail#1|71|
malloc:fail#300|71|out_of_memory
fsync:eio#1|74|
write:enospc#1|74|no_space
read:eio#1+|74|
flock:sleep=5ms#1+|3|
write:short#1|3|
clock:jump=-1h#3|3|
END
}
