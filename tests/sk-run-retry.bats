#!/usr/bin/env bats
# sk-run: what follows a failure. Delays are scaled to milliseconds.

load helper
load agents

local_setup() {
	export SPECKIT_RETRY__SCALE=0.01 SPECKIT_RETRY__BUDGET=20s
	mkdir -p "$XDG_CONFIG_HOME/sk/adapters"
	# A program that talks like a provider of its own.
	cat >"$XDG_CONFIG_HOME/sk/adapters/acme.toml" <<-'END'
		family = "acme"
		argv = ["./acme"]
		[output]
		format = "text"
	END
	sed 's/acme/other/g' "$XDG_CONFIG_HOME/sk/adapters/acme.toml" \
		>"$XDG_CONFIG_HOME/sk/adapters/other.toml"
	script other 'echo "from other"'
	# acme fails with the lines of `says`, one a call, then answers.
	: >says
	# shellcheck disable=SC2016
	script acme 'exec 9>>lock; flock 9
		echo x >>calls; n=$(wc -l <calls); line=$(sed -n "${n}p" says)
		flock -u 9
		[ -n "$line" ] || { echo "answer $n"; exit 0; }
		echo "$line" >&2; exit 1'
}

events() {
	jq -c "select(.event == \"$1\") | $2" <"$BATS_TEST_TMPDIR/.out"
}
sql() {
	sqlite3 -readonly "$SK_DB" "$1"
}
@test "retry, then success: said once each, every attempt recorded" {
	printf '%s\n' 'HTTP 503 overloaded' 'connection refused' >says
	feed p 0 sk-run -e -a acme
	same "$(answers '[.agent, .status, .attempt, .content]')" \
		'["acme","ok",3,"answer 3"]'
	same "$(events retry '[.agent, .attempt, .kind, .hinted]')" \
		'["acme",1,"overloaded",false]
["acme",2,"transport",false]'
	same "$(events run.end '[.ok, .failed, .error]')" '[1,0,null]'
	same "$(wc -l <"$BATS_TEST_TMPDIR/.err")" 2
	has "$err" "agent 'acme': overloaded (attempt 1): "
	has "$err" "agent 'acme': transport (attempt 2): "
	has "$err" 'retrying in'
	same "$(sql 'SELECT attempt,status,failure_kind FROM agent_executions
		ORDER BY attempt')" '1|failed|overloaded
2|failed|transport
3|accepted|'
	same "$(sql 'SELECT count(*) FROM provider_leases')" 0
	# Without --events there are none, and the line is there all the same.
	rm calls
	feed p 0 sk-run -a acme
	same "$(events retry .)" ''
	has "$err" 'retrying in'
}

@test "retries exhausted: attempts are calls" {
	yes 'HTTP 503 overloaded' | head -n 100 >says
	local n
	for n in 1 2 4; do
		rm -rf calls "$SK_DB"*
		feed p 75 sk-run -a acme --attempts $n
		same "$(calls)" $n
		same "$(answers '[.status, .failure.kind, .attempt]')" \
			"[\"failed\",\"overloaded\",$n]"
	done
	# By the kind of failure, when nobody says.
	rm -rf calls "$SK_DB"*
	feed p 75 sk-run -a acme
	same "$(calls)" 5
}

@test "each kind of failure: how often it is asked, and the exit status" {
	# kind, text, calls with --attempts 2, status
	local kind text n status
	while IFS='|' read -r kind text n status; do
		rm -rf calls "$SK_DB"*
		yes "$text" | head -n 9 >says
		feed p "$status" sk-run -a acme --attempts 2
		same "$kind $(calls) $(answers .failure.kind)" \
			"$kind $n \"$kind\""
	done <<-'END'
		auth|invalid api key|1|4
		rate_limited|HTTP 429 too many requests|2|75
		quota_exhausted|insufficient_quota|1|7
		overloaded|HTTP 503|2|75
		transport|ECONNRESET|2|6
		refused|safeguards flagged this|1|6
		context_too_long|prompt is too long|1|6
		usage|unknown option '--x'|1|6
		crashed|a word that means nothing|2|6
	END
	rm -rf calls "$SK_DB"*
	script acme 'echo x >>calls'
	feed p 6 sk-run -a acme --attempts 2
	same "$(calls) $(answers .failure.kind)" '2 "empty"'
	echo '{"type":"object"}' >s.json
	script acme 'echo x >>calls; echo no'
	rm -rf calls "$SK_DB"*
	feed p 6 sk-run -a acme --attempts 2 --schema s.json
	same "$(calls) $(answers .failure.kind)" '2 "invalid"'
	# What runs out of time is not asked for longer.
	rm -rf calls "$SK_DB"*
	script acme 'echo x >>calls; sleep 60'
	feed p 9 sk-run -a acme --attempts 3 --timeout 100ms
	same "$(calls) $(answers .failure.kind)" '1 "timeout_total"'
	# A program that merely crashes is asked once, unless somebody says.
	rm -f calls
	script crash 'echo x >>calls; exit 1'
	feed p 6 sk-run --exec c=./crash
	same "$(calls)" 1
	rm -f calls
	feed p 6 sk-run --exec c=./crash --attempts 3
	same "$(calls)" 3
	feed p 6 sk-run -a no-such-agent --attempts 3
	same "$(answers '[.failure.kind, .attempt]')" '["not_found",1]'
}

@test "'auth' is not 'author'" {
	echo 'the author of this program is unknown to us' >says
	feed p 6 sk-run -a acme
	same "$(answers .failure.kind)" '"crashed"'
}

@test "a hint is a floor; longer than the budget it is refused at once" {
	echo 'Rate limit. Try again in 200ms' >says
	local from
	from=$(date +%s%N)
	feed p 0 sk-run -e -a acme
	[ $(($(date +%s%N) - from)) -gt 250000000 ]
	same "$(events retry '[.kind, .hinted, .wait_ms >= 250]')" \
		'["rate_limited",true,true]'
	rm -rf calls "$SK_DB"*
	echo 'Rate limit. Try again in 1h' >says
	feed p 75 sk-run -e -a acme
	same "$(calls)" 1
	same "$(events retry .)" ''
	same "$(answers '[.status, .failure.kind, .failure.reset_at != null]')" \
		'["failed","rate_limited",true]'
	# Everybody is told when: in an hour, and a little.
	local at now
	at=$(date -d "$(events run.end .resume_at | tr -d '"')" +%s)
	now=$(date +%s)
	[ $((at - now)) -gt 3500 ]
	[ $((at - now)) -lt 3700 ]
	# The option is a budget too.
	rm -rf calls "$SK_DB"*
	echo 'Rate limit. Try again in 3s' >says
	feed p 75 sk-run -a acme --retry-for 1s
	same "$(calls)" 1
}

@test "64 processes learn once" {
	yes 'Rate limit. Try again in 1h' | head -n 999 >says
	feed p 75 sk-run -a acme
	same "$(calls)" 1
	local i pids=() ok=0
	echo p >in
	for i in $(seq 64); do
		sk-run -a acme <in >"out.$i" 2>/dev/null &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i" || [ $? -ne 75 ] || ok=$((ok + 1))
	done
	same "$ok" 64
	same "$(calls)" 1
	same "$(cat out.* | jq -r 'select(.agent).failure.kind' | sort |
		uniq -c | tr -s ' ')" ' 64 rate_limited'
	has "$(jq -r 'select(.agent).failure.message' out.1)" \
		"rate limit of 'acme' until"
}

# cool_down: what happened to the breaker was 30 s earlier.
cool_down() {
	sqlite3 "$SK_DB" 'UPDATE providers SET opened_at = opened_at - 30000'
}

@test "the breaker opens, one process tries, the others wait for it" {
	export SPECKIT_RETRY__BUDGET=0 SPECKIT_RETRY__SCALE=1
	yes 'HTTP 503' | head -n 5 >says
	local i
	for i in 1 2 3 4; do
		feed p 75 sk-run -a acme --attempts 1
	done
	same "$(sql 'SELECT opened_at FROM providers')" 0
	feed p 75 sk-run -a acme --attempts 1
	same "$(sql 'SELECT opened_at > 0, calls FROM providers')" '1|xxxxx'
	# Open: refused without a call.
	feed p 75 sk-run -a acme
	same "$(calls)" 5
	has "$(answers .failure.message)" "circuit breaker of 'acme' until"
	same "$(answers .failure.kind)" '"overloaded"'
	cool_down
	# Half open: one trial, and who comes meanwhile waits for it.
	# shellcheck disable=SC2016
	script acme 'echo x >>calls; while [ ! -e go ]; do sleep 0.01; done
		echo fine'
	echo p >in
	sk-run -a acme <in >one &
	local pid=$!
	wait_for eval '[ "$(calls)" -ge 6 ]'
	same "$(sql 'SELECT calls, trials FROM provider_leases')" '1|1'
	sk-run -e -a acme <in >two &
	local second=$!
	wait_for grep -q circuit_open two
	grep -q '"reason":"circuit_open"' two
	same "$(calls)" 6
	touch go
	wait $pid
	wait $second
	same "$(calls)" 7
	same "$(sql 'SELECT opened_at, calls FROM providers')" '0|..'
}

@test "a trial that dies gives its turn back" {
	export SPECKIT_RETRY__BUDGET=0 SPECKIT_RETRY__SCALE=1
	yes 'HTTP 503' | head -n 5 >says
	local i
	for i in 1 2 3 4 5; do
		feed p 75 sk-run -a acme --attempts 1
	done
	cool_down
	script acme 'echo x >>calls; [ -e go ] || sleep 60; echo fine'
	echo p >in
	sk-run -a acme <in >one 2>&1 &
	local pid=$!
	wait_for eval '[ "$(calls)" -ge 6 ]'
	kill -9 $pid
	wait $pid || :
	touch go
	feed p 0 sk-run -a acme
	same "$(sql 'SELECT opened_at FROM providers')" 0
	same "$(sql 'SELECT count(*) FROM provider_leases')" 0
}

@test "calls at once are limited over all processes, and halved by a 429" {
	# shellcheck disable=SC2016
	script acme 'exec 9>>lock
		flock 9; echo + >>trace; flock -u 9
		sleep 0.05
		flock 9; echo - >>trace; flock -u 9
		echo fine'
	echo p >in
	export SPECKIT_RETRY__CONCURRENCY=3
	local i pids=()
	for i in 1 2 3; do
		sk-run -a acme:4 <in >"out.$i" &
		pids+=($!)
	done
	for i in "${pids[@]}"; do wait "$i"; done
	same "$(awk '/\+/ { n++ } /-/ { n-- } n > m { m = n } END { print m, NR }' \
		trace)" '3 24'
	# Eight began together; one complained.
	unset SPECKIT_RETRY__CONCURRENCY
	# shellcheck disable=SC2016
	script acme 'if mkdir first 2>/dev/null; then
			while [ "$(ls begun | wc -l)" -lt 7 ]; do sleep 0.01; done
			echo "HTTP 429" >&2; exit 1
		fi
		mkdir -p begun; : >begun/$$
		while [ ! -e go ]; do sleep 0.01; done; echo fine'
	mkdir -p begun
	sk-run -a acme:8 --attempts 1 <in >out &
	local pid=$!
	wait_for eval '[ "$(sql "SELECT concurrency FROM providers")" -gt 0 ]'
	same "$(sql 'SELECT concurrency FROM providers')" 4
	touch go
	wait $pid || [ $? -eq 3 ]
	same "$(sql 'SELECT concurrency FROM providers')" 11
}

@test "who dies with calls in flight takes no room" {
	export SPECKIT_RETRY__CONCURRENCY=1
	script acme 'echo x >>calls; [ -e go ] || sleep 60; echo fine'
	echo p >in
	sk-run -a acme <in >one 2>&1 &
	local pid=$!
	wait_for eval '[ "$(calls)" -ge 1 ]'
	same "$(sql 'SELECT calls FROM provider_leases')" 1
	kill -9 $pid
	wait $pid || :
	touch go
	feed p 0 sk-run -a acme
	same "$(sql 'SELECT count(*) FROM provider_leases')" 0
}

@test "another agent answers in its place, under its name" {
	yes 'Rate limit. Try again in 1h' | head -n 99 >says
	feed p 0 sk-run -e -a acme --fallback other
	same "$(answers '[.agent, .adapter, .fallback, .attempt, .content]')" \
		'["acme","other","other",2,"from other"]'
	same "$(events fallback '[.agent, .attempt, .kind, .to]')" \
		'["acme",1,"rate_limited","other"]'
	has "$err" "asking 'other' in its place"
	same "$(sql 'SELECT attempt,adapter,status FROM agent_executions
		ORDER BY 1')" '1|acme|failed
2|other|accepted'
	# It is known by now: the second time nobody calls acme.
	feed p 0 sk-run -a acme --fallback acme=other
	same "$(calls)" 1
	same "$(answers .fallback)" '"other"'
	# A chain, from the configuration; the first that works.
	cat >sk.toml <<-'END'
		[agents.a]
		adapter = "acme"
		fallback = ["nobody-knows", "b"]
		[agents.b]
		adapter = "exec"
		command = ["echo", "b here"]
	END
	feed p 0 sk-run --config sk.toml -a a
	same "$(answers '[.agent, .fallback, .attempt, .content]')" \
		'["a","b",3,"b here"]'
	# Not for what somebody decided.
	rm -rf calls "$SK_DB"*
	script other 'touch other-ran'
	echo "unknown option '--x'" >says
	feed p 6 sk-run -a acme --fallback other
	same "$(answers '[.failure.kind, .fallback]')" '["usage",null]'
	[ ! -e other-ran ]
	feed p 2 sk-run -a acme --fallback acm=other
	has "$err" "did you mean 'acme'"
	one_line
}

@test "cancel reaches every wait" {
	export SPECKIT_RETRY__SCALE=1 SPECKIT_RETRY__BUDGET=1h
	yes 'Rate limit. Try again in 10m' | head -n 99 >says
	echo p >in
	local sig
	for sig in INT TERM; do
		rm -rf calls err "$SK_DB"*
		env --default-signal=INT sk-run -e -a acme --exec 'y=echo hi' \
			<in >out 2>err &
		local pid=$! got=0
		wait_for grep -q retrying err
		grep -q 'retrying in 10m' err
		kill -$sig $pid
		wait $pid || got=$?
		same "$got" "$([ $sig = INT ] && echo 130 || echo 143)"
		same "$(jq -c 'select(.agent == "acme" and .status) |
			[.failure.kind, .attempt]' out)" '["cancelled",1]'
		same "$(tail -n 1 out | jq -r .event)" run.end
	done
	# A wait for a window that another process has met, too.
	sk-run -a acme <in >out 2>err &
	pid=$! got=0
	wait_for grep -q waiting err
	kill -TERM $pid
	wait $pid || got=$?
	same "$got" 143
	same "$(calls)" 1
}

@test "what it says about retries fits its schemas" {
	printf '%s\n' 'HTTP 503' 'Rate limit. Try again in 1h' >says
	feed p 0 sk-run -e -a acme --fallback other
	grep '"sk.event/1"' "$BATS_TEST_TMPDIR/.out" >events
	grep '"sk.answer/1"' "$BATS_TEST_TMPDIR/.out" >answer
	sk-run schema event >event.json
	sk-run schema answer >answer.json
	same "$(jq -r .event events | xargs)" \
		'started retry started fallback started run.end'
	local i args=()
	for i in $(seq "$(wc -l <events)"); do
		args+=(--exec "e$i=sed -n ${i}p events")
	done
	feed p 0 sk-run --schema event.json "${args[@]}"
	feed p 0 sk-run --schema answer.json --exec 'a=cat answer'
}

@test "limits: what is known of the providers" {
	check 0 sk-run limits
	same "$(j -c .)" '{"schema":"sk.limits/1","providers":[]}'
	[ ! -e "$SK_DB" ]
	echo 'Rate limit. Try again in 1h' >says
	feed p 75 sk-run -a acme
	feed p 0 sk-run -a other
	check 0 sk-run limits
	same "$(j -c '.providers[] | [.provider, .reason, .circuit, .calls,
		.failed, .concurrency, .in_flight, .resume_at != null]')" \
		'["acme","rate_limited","closed",0,0,1,0,true]
["other",null,"closed",1,0,null,0,false]'
	printf '%s\n' "$out" >limits
	sk-run schema limits >limits.json
	feed p 0 sk-run --schema limits.json --exec 'a=cat limits'
	check 0 sk-run limits --format text
	has "$out" 'PROVIDER'
	check 2 sk-run limits --forget acne
	one_line
	check 0 sk-run limits --forget acme
	same "$(j -c '[.providers[].provider]')" '["other"]'
	feed p 0 sk-run -a acme
	same "$(calls)" 2
}
