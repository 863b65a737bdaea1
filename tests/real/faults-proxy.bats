#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The fault proxy before the real claude and codex, from the npm registry, with a
# mock model server behind it: they meet what they would meet on a bad day.

load ../helper
load npm

setup_file() {
	npm_here && [ -r "$MOCK" ] || return 0
	install codex @openai/codex
	install claude @anthropic-ai/claude-code
	mock_up "$MOCK" 30000
}

# through PLAN STATUS AGENT COMMAND...: sk-run asks through a proxy with a plan
through() {
	local plan=$1 want=$2 agent=$3
	rm -rf db
	echo 'What is the word?' >prompt
	shift 3
	check "$want" sk-faults proxy --to "http://127.0.0.1:$PORT/s/ok" \
		${plan:+-p "$plan"} "$@" -- sh -c "exec sk-run --config sk.toml \
			--db db/x -t 90 --attempts 1 -a $agent -p prompt"
	grep '"sk.answer/1"' "$BATS_TEST_TMPDIR/.out" >answer
}

a() {
	jq -r "$1" answer
}

word="Mock answer: the word is PINEAPPLE."

@test "claude through the proxy: as without it, limited, cut, overloaded" {
	agent_program claude @anthropic-ai/claude-code-linux-x64/claude .bin/claude
	cat >sk.toml <<-END
		[agents.claude]
		adapter = "claude"
		command = ["$PROGRAM"]
		env = { ANTHROPIC_API_KEY = "sk-ant-CANARY", CLAUDE_CODE_MAX_RETRIES = "0" }
	END
	set -- claude --path /v1/messages -e ANTHROPIC_BASE_URL
	through '' 0 "$@"
	same "$(a '.content' | head -n 1)" "$word"
	not grep -q CANARY <<<"$err"
	through 429:9=400 75 "$@"
	same "$(a .failure.kind)" rate_limited
	has "$err" "faults that were hit: rate_limit=400#1"
	through 529:9 75 "$@"
	same "$(a .failure.kind)" overloaded
	through disconnect:9=mid 6 "$@"
	same "$(a .status)" failed
	# Its own retry gets it through: the first call fails, the second does not.
	sed -i 's/RETRIES = "0"/RETRIES = "2"/' sk.toml
	through 529:1 0 "$@"
	same "$(a '.content' | head -n 1)" "$word"
	has "$err" "faults that were hit: http=529#1"
}

@test "codex through the proxy: as without it, limited, cut" {
	agent_program codex \
		@openai/codex-linux-x64/vendor/x86_64-unknown-linux-musl/bin/codex \
		.bin/codex
	ln -sf "$PROGRAM" codex
	# Its base URL is a matter of its configuration, so the port is one that
	# is known before.
	at=$((20000 + RANDOM % 9000))
	cat >sk.toml <<-END
		[agents.codex]
		adapter = "codex"
		command = ["$PWD/codex"]
		env = { OPENAI_API_KEY = "sk-CANARY" }
	END
	mkdir -p "$HOME/.codex"
	cat >"$HOME/.codex/config.toml" <<-END
		model = "gpt-5-codex"
		model_provider = "mock"
		[model_providers.mock]
		name = "mock"
		base_url = "http://127.0.0.1:$at/v1"
		env_key = "OPENAI_API_KEY"
		wire_api = "responses"
		request_max_retries = 0
		stream_max_retries = 0
	END
	set -- codex --port "$at" --path /responses
	through '' 0 "$@"
	same "$(a '.content' | head -n 1)" "$word"
	not grep -q CANARY <<<"$err"
	through disconnect:9=mid 6 "$@"
	same "$(a .failure.kind)" transport
	through 503:9 75 "$@"
	same "$(a .failure.kind)" overloaded
	through 429:9=400 75 "$@"
	same "$(a .failure.kind)" rate_limited
}
