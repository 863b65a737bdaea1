#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Agents that fail on purpose (development builds): what comes of it goes the way
# of a real failure, into records, retries, breakers, verdicts and resumption.

load helper

local_setup() {
	DEV=${SK_FAULTY_BIN:-$SK_TOP/build-faults/bin}
	[ -x "$DEV/sk-faults" ] || skip "no development build (make FAULTS=1)"
	PATH=$DEV:$PATH
	printf '#!/bin/sh\ncat >/dev/null\necho x >>%s/calls.$SK_AGENT\necho "{\\"k\\":1}"\n' \
		"$PWD" >agent
	chmod +x agent
	conf ''
}

# conf LINES: three agents alike, delays of nothing
conf() {
	printf '[retry]\nscale = 0\n%s\n' "$1" >sk.toml
	for a in a b c; do
		printf '[agents.%s]\nadapter = "exec"\ncommand = ["./agent"]\n' $a
		[ -z "${2:-}" ] || printf 'provider = "%s"\n' "$2"
	done >>sk.toml
}

# ask STATUS PLAN [OPTION...]: in a run of its own; records in the file "run"
ask() {
	local want=$1 plan=$2
	shift 2
	n=$((${n:-0} + 1))
	rm -f "$SK_DB-faults" calls.*
	SPEC_KIT_FAULTS=$plan feed p "$want" sk-run --config sk.toml \
		-a a -a b -a c --run "r$n" --json "$@"
	cp "$BATS_TEST_TMPDIR/.out" run
}

# of AGENT FILTER
of() {
	jq -r --arg a "$1" "select(.schema == \"sk.answer/1\" and
		.agent == \$a) | $2" run
}

@test "every kind of failure, by its name: record, status of the run, verdict" {
	while read -r kind all; do
		[ -n "$kind" ] || continue
		ask 3 "agent_fail@b:9=$kind" --attempts 1
		same "$kind $(of b '.failure.kind + " " + .status')" \
			"$kind $kind failed"
		feed_file run 3 sk-consensus --expect a,b,c --no-evidence
		same "$kind $(j -c '[.status, .missing_agents]')" \
			"$kind [\"degraded\",[\"b\"]]"
		# Nobody was called in vain, and nobody answered: the common cause.
		[ ! -e calls.b ]
		ask "$all" "agent_fail:9=$kind" --attempts 1
		[ ! -e calls.a ]
	done <<'END'
auth 4
rate_limited 75
quota_exhausted 7
overloaded 75
transport 6
timeout_first_byte 9
timeout_idle 9
timeout_total 9
refused 6
needs_input 6
denied 6
empty 6
invalid 6
truncated 6
context_too_long 6
usage 6
crashed 6
killed 6
cancelled 6
not_found 6
internal 6
END
}

@test "agent 2 of 3 times out twice, then answers" {
	# As anybody would write it.
	ask 0 agent_timeout@b:2 --attempts 3
	same "$(of b '.status + " " + (.attempt | tostring)')" "ok 3"
	same "$(wc -l <calls.b)" 1
	ask 0 agent_timeout@b:2=first_byte --attempts 3
	same "$(of b '.status + " " + (.attempt | tostring)')" "ok 3"
	same "$(wc -l <calls.b)" 1
	feed_file run 0 sk-consensus --expect a,b,c --no-evidence
	same "$(j .status)" ok
	same "$(sk-faults status --line)" \
		"SPEC_KIT_FAULTS='agent_timeout@b=first_byte#1-2'"
	# A time is only said, nobody waits for it; and it comes back with the line.
	again=$(SPEC_KIT_FAULTS_FILE=$PWD/c CODEX_FAULTS=timeout:3 \
		CODEX_FAULTS_TIMEOUT_MS=900000 feed p 9 sk-run --config sk.toml \
		-a a -a b -a c --run said --json --attempts 1
		SPEC_KIT_FAULTS_FILE=$PWD/c sk-faults status --line)
	same "$(j 'select(.agent == "b") | .failure.message // empty')" \
		"not a byte within 15m00s"
	has "$again" "agent_timeout=900000ms#1-3"
	# One time more than it is asked.
	ask 3 agent_timeout@b:3=first_byte --attempts 3
	same "$(of b '.failure.kind')" timeout_first_byte
	[ ! -e calls.b ]
}

@test "what the agent says is lost, damaged, late or there twice" {
	echo '{"type":"object","required":["k"]}' >schema
	while IFS='|' read -r fault want kind called; do
		ask "$want" "$fault" --schema schema --attempts 1
		same "$fault $(of b '.failure.kind // "ok"')" "$fault $kind"
		same "$fault $(cat calls.b 2>/dev/null | wc -l)" \
			"$fault $called"
	done <<'END'
agent_empty@b|3|empty|1
agent_malformed@b|3|invalid|1
agent_truncated@b|3|truncated|1
agent_truncated@b=2|3|truncated|1
disconnect@b|3|transport|0
disconnect@b=mid|3|transport|1
agent_timeout@b|3|timeout_first_byte|0
agent_timeout@b=total|3|timeout_total|0
agent_timeout@b=idle|3|timeout_idle|0
rate_limit@b|3|rate_limited|0
agent_slow@b=50ms|0|ok|1
END
	ask 3 agent_kill@b --attempts 1
	same "$(of b '[.failure.kind, .signal] | @csv')" '"killed",9'
	# A slow agent meets the clocks that a slow agent meets.
	ask 3 agent_slow@b=60s --timeout 300ms
	same "$(of b .failure.kind)" timeout_total
}

@test "twice and in another order: the verdict is the same" {
	ask 0 ''
	feed_file run 0 sk-consensus --expect a,b,c --no-evidence
	want=$(j -c '[.status, .merged, .support]')
	ask 0 duplicate@a,duplicate@b
	same "$(jq -r 'select(.schema == "sk.answer/1") | .agent' run |
		sort | xargs)" "a a b b c"
	feed_file run 0 sk-consensus --expect a,b,c --no-evidence
	same "$(j -c '[.status, .merged, .support]')" "$want"
	ask 0 reorder -j 1
	same "$(jq -r 'select(.schema == "sk.answer/1") | .agent' run | xargs)" \
		"b a c"
	feed_file run 0 sk-consensus --expect a,b,c --no-evidence
	same "$(j -c '[.status, .merged, .support]')" "$want"
}

@test "rate limits: the hint is a floor, and one beyond the budget suspends" {
	ask 0 rate_limit@b=0 --attempts 2
	same "$(of b .attempt)" 2
	# Longer than there is for retries: at once, and when it would work.
	SECONDS=0
	ask 3 rate_limit@b:9=3600 --attempts 5 --retry-for 10s
	[ $SECONDS -lt 20 ]
	same "$(of b '[.failure.kind, .failure.retry_after_ms] | @csv')" \
		'"rate_limited",3600000'
	[ "$(jq -r 'select(.event == "run.end") | .resume_at' run)" != null ]
	# Everybody: the run's status says so.
	ask 75 rate_limit:9=2040-01-01T00:00:00Z --retry-for 10s
	same "$(of a .failure.reset_at)" 2040-01-01T00:00:00.000Z
	# A date is a date however RFC 3339 writes it; what is past is now.
	for date in 2040-01-01t00:00:00z '2040-01-01 00:00:00Z' \
		2040-01-01T05:30:00.5+05:30; do
		ask 3 "rate_limit@b:9=$date" --retry-for 10s
		same "$date $(of b '[.failure.retry_after_ms,
			.failure.reset_at[:19]] | @csv')" \
			"$date ,\"2040-01-01T00:00:00\""
	done
	ask 0 rate_limit@b=1969-01-01T00:00:00Z --attempts 2
	same "$(of b .attempt)" 2
}

@test "breaker: opens after a burst, one trial after the cool-down closes it" {
	conf '' acme
	sed -i 's/^scale = 0/attempts = 1/' sk.toml
	# Five failures within a minute.
	ask 6 disconnect:9
	ask 6 disconnect:9
	# Open: nobody is called, though no fault is left.
	ask 75 '' --retry-for 1s
	same "$(ls calls.* 2>/dev/null)" ''
	same "$(circuit)" open
	# Half a minute later: one trial is let in, and fails.
	later
	same "$(circuit)" half_open
	ask 6 disconnect:9 --retry-for 1s
	same "$(sk-faults status --json | jq '.hits | length')" 1
	same "$(circuit)" open
	# The next trial answers: closed, for everybody.
	later
	ask 0 '' --retry-for 1m
	same "$(cat calls.* | wc -l)" 3
	same "$(circuit)" closed
}

circuit() {
	sk-run limits --config sk.toml --json |
		jq -r '.providers[] | select(.provider == "acme") | .circuit'
}

# What is stored is half a minute older than it was.
later() {
	sqlite3 "$SK_DB" "UPDATE providers SET opened_at=opened_at-31000"
}

@test "verdicts: conflict forced, unknown forced, none at all and then one" {
	while read -r fault status word; do
		ask 0 ''
		SPEC_KIT_FAULTS=$fault feed_file run "$status" sk-consensus \
			--expect a,b,c --no-evidence
		same "$fault $(j '.status // .error.code')" "$fault $word"
	done <<'END'
consensus_fail=conflict 1 conflict
consensus_fail=unknown 3 unknown
consensus_fail=error 75 consensus_failed
END
	# One answer more or less of three is no reason to be something else: who
	# reports the conflict says all the rest as well.
	ask 3 agent_fail@c:9=auth --stage plan --spec S
	SPEC_KIT_FAULTS=consensus_fail feed_file run 1 sk-consensus \
		--expect a,b,c --require /k --no-evidence
	same "$(j -c '[.status, .missing_agents, .merged]')" \
		'["conflict",["c"],{"k":1}]'
	# After no verdict at all, the same command makes one.
	ask 0 ''
	SPEC_KIT_FAULTS=consensus_fail=error feed_file run 75 sk-consensus \
		--expect a,b,c --no-evidence
	feed_file run 0 sk-consensus --expect a,b,c --no-evidence
}

@test "degraded, then recovered: only who failed is asked again" {
	ask 3 agent_timeout@b=total --stage plan --spec S
	feed_file run 3 sk-consensus --expect a,b,c --no-evidence
	same "$(j .status)" degraded
	rm -f calls.*
	SPEC_KIT_FAULTS=agent_timeout@b=total feed p 0 sk-run --config sk.toml -a a \
		-a b -a c --run "r$n" --stage plan --spec S --json
	same "$(ls calls.*)" calls.b
	cp "$BATS_TEST_TMPDIR/.out" again
	feed_file again 0 sk-consensus --expect a,b,c --no-evidence
	same "$(j -c '[.status, .decision_seq]')" '["ok",2]'
}

@test "the database is busy, full or gone at every step: by the table, and again" {
	printf '[cost]\nrun_limit_usd = 9\n' >cost.toml
	for tool in run consensus metrics branch; do
		ask 0 '' --stage plan --spec S
		case $tool in
		run) set -- sk-run --config sk.toml -a a --run "r$n" --stage tasks ;;
		consensus) set -- sk-consensus --expect a,b,c --no-evidence ;;
		metrics) set -- sk-metrics reserve --config cost.toml \
			--run "r$n" --amount 0.1 --key "k$n" --holder $$ ;;
		branch) set -- sk-branch new --run "r$n" ;;
		esac
		for fault in 'db_busy 75' 'disk_full 74' \
			'store.commit=kill9 137' 'kill=store.begin 137'; do
			rm -f "$SK_DB-faults"
			SPEC_KIT_FAULTS=${fault% *} feed_file run "${fault#* }" "$@"
			sk-consensus audit >/dev/null
		done
		feed_file run 0 "$@"
	done
}

@test "agents over HTTP: the same faults, and sockets that fail" {
	[ -x "$SK_BUILD/tools/mock_http" ] || skip "mock_http is not built"
	mkdir srv
	body='{"choices":[{"index":0,"message":{"content":"Hi there"},"finish_reason":"stop"}]}'
	printf 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %s\r\n\r\n%s' \
		"${#body}" "$body" >srv/answer
	"$SK_BUILD/tools/mock_http" "$PWD/srv" >port 2>/dev/null 3>&- &
	pid=$!
	wait_for [ -s port ]
	unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
	printf '[agents.h]\nadapter = "openai-chat"\nmodel = "m"\nstream = false\nbase_url = "http://127.0.0.1:%s/raw/answer"\n[retry]\nscale = 0\n' \
		"$(cat port)" >http.toml
	while IFS='|' read -r fault want kind; do
		rm -rf "$SK_DB"* srv/requests
		got=0
		echo p | SPEC_KIT_FAULTS=$fault sk-run --config http.toml \
			-a h --attempts 1 --timeout 20s --json >o 2>e || got=$?
		same "$fault $got $(jq -r 'select(.agent == "h") |
			.failure.kind // .content' o)" "$fault $want $kind"
	done <<-'END'
		agent_slow=50ms|0|Hi there
		disconnect|6|transport
		disconnect=mid|6|transport
		agent_kill|6|transport
		agent_empty|6|empty
		agent_truncated=2|6|truncated
		agent_timeout=first_byte|9|timeout_first_byte
		rate_limit=0|75|rate_limited
		connect:ECONNREFUSED#1|6|transport
		recv:reset#1|6|transport
		recv:slow#1+|0|Hi there
		recv:garbage#1|6|invalid
	END
	kill $pid
}
