#!/usr/bin/env bats
# The five APIs against the mock model server that real agents accept: what each
# of its steps becomes, in pieces and whole.

load helper

local_setup() {
	mock=$SK_SHARED/tools/mock-model-server/mock.mjs
	[ -e "$mock" ] || skip "no $mock"
	command -v node >/dev/null || skip 'node is not installed'
	export KEY=canary-mock
	echo 'say SAY[fine]' >prompt
	node "$mock" 0 log >listening 3>&- &
	pids=$!
	wait_for [ -s listening ]
	port=$(jq .listening listening)
}

teardown() {
	for p in $pids; do
		kill "$p" 2>/dev/null || true
	done
}

# config STEP STREAM: the five at that step, each with limits of its own, since
# failures that are on purpose must not stop the others.
config() {
	local base=http://127.0.0.1:$port/s/$1
	while read -r name adapter path; do
		printf '[agents.%s]\nadapter = "%s"\nmodel = "m1"\nkey = "env:KEY"\nprovider = "%s-%s-%s"\nstream = %s\nbase_url = "%s%s"\n' \
			"$name" "$adapter" "$name" "${1%%[;+]*}" "$2" "$2" \
			"$base" "$path"
	done <<-END
		chat openai-chat /v1
		responses openai-responses /v1
		anthropic anthropic
		gemini gemini-api
		ollama ollama
	END
}

ask() {
	timeout 60 sk-run --config c.toml -a chat -a responses -a anthropic \
		-a gemini -a ollama -p prompt --attempts 1 --json "$@" \
		>"$BATS_TEST_TMPDIR/.out" 2>err || true
}

# what STEP STREAM: "ok" or the kind for each of the five, in their order
what() {
	config "$1" "$2" >c.toml
	ask
	j -s 'map(select(.schema == "sk.answer/1") |
		{(.agent): (.failure.kind // "ok")}) | add |
		[.chat, .responses, .anthropic, .gemini, .ollama] | join(" ")'
}

@test "mock: answers, usage and models of the five APIs" {
	for stream in true false; do
		config ok "$stream" >c.toml
		ask
		same "$(j 'select(.agent) | .content' | sort | uniq -c | xargs)" \
			'5 fine'
		same "$(j -c 'select(.agent) | [.agent, .model, .usage.input_fresh,
			.usage.cache_read, .usage.cache_write, .usage.output,
			.usage.reasoning]' | sort)" \
			'["anthropic","m1",234,900,100,56,null]
["chat","m1",234,1000,null,56,7]
["gemini","m1",234,1000,null,56,7]
["ollama","m1",1234,null,null,56,null]
["responses","m1",234,1000,null,56,7]'
	done
	# The same text in pieces that come one by one.
	config 'ok;text=Zw%C3%B6lf%20Boxk%C3%A4mpfer%20%E4%B8%AD%F0%9F%8D%8D;step=10' true >c.toml
	ask --stream
	for a in chat responses anthropic gemini ollama; do
		same "$a $(j -j --arg a "$a" \
			'select(.event == "delta" and .agent == $a) | .text')" \
			"$a Zwölf Boxkämpfer 中🍍"
	done
	# A schema reaches all of them.
	echo '{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"],"additionalProperties":false}' >s.json
	config ok true >c.toml
	ask --schema s.json
	same "$(j -c 'select(.agent) | .data' | sort | uniq -c | xargs)" \
		'5 {n:42}'
}

@test "mock: every step, whole and in pieces" {
	echo 'say something that is longer than a piece' >prompt
	while read -r step pieces whole; do
		for s in true false; do
			want=$pieces
			[ "$s" = true ] || want=${whole:-$pieces}
			want=$(echo "$want" | tr , ' ')
			case $want in
			*' '*) ;;
			*) want="$want $want $want $want $want" ;;
			esac
			same "$step $s: $(what "$step" "$s")" "$step $s: $want"
		done
	done <<-END
		ok ok
		empty empty
		rate;ra=2 rate_limited
		quota quota_exhausted,quota_exhausted,quota_exhausted,quota_exhausted,rate_limited
		auth auth
		ctx context_too_long,context_too_long,context_too_long,context_too_long,not_found
		badjson invalid
		trunc transport
		disc transport
		disc0 transport
		refuse refused,ok,refused,refused,ok
		ssefail ok,overloaded,overloaded,ok,ok ok
		sserate ok,rate_limited,rate_limited,ok,ok ok
		ssectx ok,context_too_long,ok,ok,ok ok
		html overloaded
		html;code=200 invalid
		ulimit rate_limited
		e403 auth
		e500 overloaded
		e503 overloaded
		e529 overloaded
	END
	nowhere canary-mock err "$BATS_TEST_TMPDIR/.out"
}

nowhere() {
	if grep -rqF -- "$@"; then
		echo "there is '$1' in: $(grep -rlF -- "$@")"
		return 1
	fi
}

@test "mock: hints, and a second attempt that is answered" {
	config 'rate;ra=7' true >c.toml
	ask
	same "$(j 'select(.failure) | [.agent, .failure.retry_after_ms] |
		join(" ")' | sed 's/ *$//' | sort)" 'anthropic 7000
chat 7000
gemini 7000
ollama
responses 7000'
	config 'ulimit;ra=60' true >c.toml
	ask
	same "$(j 'select(.failure.reset_at) | .agent' | sort | xargs)" \
		'anthropic chat gemini ollama responses'
	config 'e500+ok' true >c.toml
	timeout 100 sk-run --config c.toml -a chat -p prompt --json \
		--retry-for 60s >"$BATS_TEST_TMPDIR/.out"
	same "$(j 'select(.schema == "sk.answer/1") |
		[.status, .attempt] | join(" ")')" 'ok 2'
}

@test "mock: nothing comes, or too slowly" {
	config hang true >c.toml
	printf '[run]\nfirst_byte = "300ms"\n' >>c.toml
	ask
	same "$(j 'select(.failure) | .failure.kind' | sort -u)" \
		timeout_first_byte
	config 'ok;step=5000' true >c.toml
	printf '[run]\nidle = "300ms"\n' >>c.toml
	echo 'say something that is longer than a piece' >prompt
	ask
	same "$(j 'select(.failure) | .failure.kind' | sort -u)" timeout_idle
	config hang false >c.toml
	ask --timeout 300ms
	same "$(j 'select(.failure) | .failure.kind' | sort -u)" timeout_total
}
