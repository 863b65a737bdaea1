#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The real agent programs, from the npm registry, asked by sk-run through the
# shipped adapters. What cannot be had here is skipped, and says so.

load ../helper
load npm

setup_file() {
	npm_here && [ -r "$MOCK" ] || return 0
	install codex @openai/codex
	install claude @anthropic-ai/claude-code
	install gemini @google/gemini-cli
	install qwen @qwen-code/qwen-code
	install copilot @github/copilot
	install opencode opencode-ai
	export TARGET=$BATS_FILE_TMPDIR/target
	# Besides a shell, the model may want to write a file: that of $TARGET.
	{
		sed 's/^function shellCall(body, cmd) {/&\
  if (cmd === "WRITE") return writeCall(body);/' "$MOCK"
		cat <<-'END'
			function writeCall(body) {
			  const want = ['Write', 'write_file', 'write', 'create', 'create_file'];
			  const t = toolsOf(body).find(x => want.includes(x.name));
			  if (!t) return null;
			  const a = {}, file = fs.readFileSync(process.env.TARGET, 'utf8');
			  for (const k of Object.keys(t.schema?.properties || {}))
			    if (/path/i.test(k)) a[k] = file;
			    else if (/content|text/i.test(k)) a[k] = 'written\n';
			  return { name: t.name, args: a };
			}
		END
	} >"$BATS_FILE_TMPDIR/mock.mjs"
	mock_up "$BATS_FILE_TMPDIR/mock.mjs" 20000
}

# agent NAME STEPS LINES: sk.toml for one real program; the mock is steered by
# the path of its base URL
agent() {
	{
		printf '[agents.%s]\nadapter = "%s"\n%s\n' "$1" "$1" "$3"
		printf '[retry]\nattempts = 1\n'
	} >sk.toml
	BASE=http://127.0.0.1:$PORT/s/$2
}

ask() {
	local name=$1 want=$2
	shift 2
	rm -rf db
	feed 'What is the word?' "$want" sk-run --config sk.toml --db db/x \
		-t 90 -a "$name" "$@"
	grep '"sk.answer/1"' "$BATS_TEST_TMPDIR/.out" >answer
}

a() {
	jq -r "$1" answer
}

# A repository that would like its agents to do anything.
greedy() {
	mkdir -p .claude .gemini .qwen .codex
	echo '{"permissions":{"allow":["Bash","Bash(touch:*)","Write","Edit"],
		"defaultMode":"bypassPermissions"}}' >.claude/settings.json
	cp .claude/settings.json .claude/settings.local.json
	echo '{"tools":{"allowed":["run_shell_command","write_file"],
		"core":["run_shell_command","write_file"],"approvalMode":"yolo"},
		"general":{"defaultApprovalMode":"auto_edit"}}' >.gemini/settings.json
	cp .gemini/settings.json .qwen/settings.json
	printf 'sandbox_mode = "danger-full-access"\napproval_policy = "never"\n' \
		>.codex/config.toml
	echo '{"permission":{"bash":"allow","edit":"allow"},"agent":{"plan":{
		"permission":{"bash":"allow","edit":"allow"},
		"tools":{"bash":true,"write":true}}}}' >opencode.json
}

# reads_only NAME: whatever the model wants, nothing is written without --write;
# with it, what it asked for is there.
reads_only() {
	local step
	printf '%s' "$PWD/written" >"$TARGET"
	for step in 'tool;cmd=touch%20written' 'tool;cmd=WRITE'; do
		conf "$step"
		rm -rf db written
		sk-run --config sk.toml --db db/x -t 90 -a "$1" <<<'Write it.' \
			>"$BATS_TEST_TMPDIR/.out" 2>"$BATS_TEST_TMPDIR/.err" || :
		echo "$1 $step: $(jq -c 'select(.agent) | [.status,
			.failure.kind, .content]' "$BATS_TEST_TMPDIR/.out")"
		[ ! -e written ]
	done
	greedy
	for step in 'tool;cmd=touch%20written' 'tool;cmd=WRITE'; do
		conf "$step"
		rm -rf db written
		sk-run --config sk.toml --db db/x -t 90 -a "$1" <<<'Write it.' \
			>"$BATS_TEST_TMPDIR/.out" 2>"$BATS_TEST_TMPDIR/.err" || :
		echo "$1 greedy $step: $(jq -c 'select(.agent) | [.status,
			.failure.kind, .content]' "$BATS_TEST_TMPDIR/.out")"
		[ ! -e written ]
	done
	# (Each has a tool for files, or a shell that may.)
	for step in 'tool;cmd=WRITE' 'tool;cmd=touch%20written'; do
		conf "$step"
		rm -rf db
		[ -e written ] || sk-run --config sk.toml --db db/x -t 90 \
			-a "$1" --write <<<'Write it.' \
			>"$BATS_TEST_TMPDIR/.out" 2>"$BATS_TEST_TMPDIR/.err" ||
			:
		echo "$1 --write $step: $(jq -c 'select(.agent) | [.status,
			.failure.kind, .content]' "$BATS_TEST_TMPDIR/.out")"
	done
	[ -e written ]
}

answered() {
	same "$(a .status)" ok
	same "$(a .content | head -1)" "Mock answer: the word is PINEAPPLE."
	[ "$(a '.session | length')" -gt 8 ]
	[ "$(a '.usage.output')" -ge 56 ]
	[ "$(a '.usage.input_fresh + .usage.cache_read +
		(.usage.cache_write // 0)')" -ge 1234 ]
}

# failed KIND
failed() {
	same "$(a '.status + " " + .failure.kind')" "failed $1"
}

@test "claude" {
	agent_program claude @anthropic-ai/claude-code-linux-x64/claude .bin/claude
	conf() {
		agent claude "$1" "command = [\"$PROGRAM\"]
env = { ANTHROPIC_API_KEY = \"sk-ant-dummy\", ANTHROPIC_BASE_URL = \"http://127.0.0.1:$PORT/s/$1\", CLAUDE_CODE_MAX_RETRIES = \"0\" }"
	}
	conf ok
	ask claude 0
	answered
	[ "$(a '.cost.micro_usd')" -gt 0 ]
	conf 'rate;ra=400'
	ask claude 75
	failed rate_limited
	conf auth
	ask claude 4
	failed auth
	conf ctx
	ask claude 6
	failed context_too_long
	conf empty
	ask claude 6
	failed empty
	conf quota
	ask claude 7
	failed quota_exhausted
	reads_only claude
}

@test "codex" {
	agent_program codex \
		@openai/codex-linux-x64/vendor/x86_64-unknown-linux-musl/bin/codex \
		.bin/codex
	conf() {
		agent codex "$1" "command = [\"$PWD/codex\"]
env = { OPENAI_API_KEY = \"sk-dummy\" }"
		# (A provider of one's own is a matter of its configuration.)
		mkdir -p "$HOME/.codex"
		cat >"$HOME/.codex/config.toml" <<-END
			model = "gpt-5-codex"
			model_provider = "mock"
			[model_providers.mock]
			name = "mock"
			base_url = "$BASE/v1"
			env_key = "OPENAI_API_KEY"
			wire_api = "responses"
			request_max_retries = 0
			stream_max_retries = 0
		END
		ln -sf "$PROGRAM" codex
	}
	conf ok
	ask codex 0
	answered
	conf sserate
	ask codex 75
	failed rate_limited
	[ "$(a .failure.retry_after_ms)" -gt 0 ]
	conf quota
	ask codex 7
	failed quota_exhausted
	conf ctx
	ask codex 6
	failed context_too_long
	conf disc
	ask codex 6
	failed transport
	reads_only codex
}

@test "gemini" {
	agent_program gemini .bin/gemini
	# It wants its settings in a directory that nobody else can write.
	mkdir -p "$HOME/.gemini"
	chmod 700 "$HOME" "$HOME/.gemini"
	cat >"$HOME/.gemini/settings.json" <<-'END'
		{"security":{"auth":{"selectedType":"gemini-api-key"}},
		"general":{"maxAttempts":1,"enableAutoUpdate":false},
		"privacy":{"usageStatisticsEnabled":false},
		"telemetry":{"enabled":false}}
	END
	conf() {
		agent gemini "$1" "command = [\"$PROGRAM\"]
model = \"gemini-2.5-flash\"
env = { GEMINI_API_KEY = \"dummy\", GOOGLE_GEMINI_BASE_URL = \"http://127.0.0.1:$PORT/s/$1\" }"
	}
	conf ok
	ask gemini 0
	answered
	conf 'rate;ra=2'
	ask gemini 75
	failed rate_limited
	same "$(a .failure.retry_after_ms)" 2000
	conf quota
	ask gemini 7
	failed quota_exhausted
	conf auth
	ask gemini 4
	failed auth
	reads_only gemini
}

@test "qwen" {
	agent_program qwen .bin/qwen
	conf() {
		agent qwen "$1" "command = [\"$PROGRAM\", \"--auth-type\", \"openai\"]
env = { OPENAI_API_KEY = \"sk-dummy\", OPENAI_BASE_URL = \"http://127.0.0.1:$PORT/s/$1/v1\", OPENAI_MODEL = \"mock-model\" }"
	}
	conf ok
	ask qwen 0
	answered
	conf auth
	ask qwen 4
	failed auth
	conf ctx
	ask qwen 6
	failed context_too_long
	reads_only qwen
}

@test "copilot" {
	agent_program copilot .bin/copilot-linux-x64 \
		@github/copilot-linux-x64/copilot
	conf() {
		agent copilot "$1" "command = [\"$PROGRAM\"]
env = { COPILOT_OFFLINE = \"true\", COPILOT_MODEL = \"gpt-5.1\", COPILOT_PROVIDER_API_KEY = \"sk-dummy\", COPILOT_PROVIDER_BASE_URL = \"http://127.0.0.1:$PORT/s/$1/v1\" }"
	}
	conf ok
	ask copilot 0
	answered
	conf 'rate;ra=400'
	ask copilot 75
	failed rate_limited
	same "$(a .failure.retry_after_ms)" 400000
	conf auth
	ask copilot 4
	failed auth
	conf empty
	ask copilot 6
	failed empty
	reads_only copilot
}

@test "opencode" {
	agent_program opencode opencode-linux-x64/bin/opencode \
		opencode-linux-x64-baseline/bin/opencode .bin/opencode
	git init -q .
	conf() {
		cat >oc.json <<-END
			{"autoupdate":false,"share":"disabled",
			"model":"mock/mock-model","small_model":"mock/mock-small",
			"provider":{"mock":{"npm":"@ai-sdk/openai-compatible",
			"name":"Mock","options":{"apiKey":"sk-dummy",
			"baseURL":"http://127.0.0.1:$PORT/s/$1/v1"},
			"models":{"mock-model":{"name":"m",
			"cost":{"input":1,"output":2,"cache_read":0.1},
			"limit":{"context":200000,"output":8000}},
			"mock-small":{"name":"s",
			"limit":{"context":200000,"output":8000}}}}}}
		END
		agent opencode "$1" "command = [\"$PROGRAM\"]
env = { OPENCODE_CONFIG = \"$PWD/oc.json\" }"
	}
	conf ok
	ask opencode 0
	answered
	[ "$(a '.cost.micro_usd')" -gt 0 ]
	conf auth
	ask opencode 4
	failed auth
	conf ctx
	ask opencode 6
	failed context_too_long
	reads_only opencode
}

@test "installed programs are listed with their versions" {
	[ -n "${PORT:-}" ] || skip "needs node, npm and the mock model server"
	mkdir bin
	for p in claude/node_modules/@anthropic-ai/claude-code-linux-x64/claude \
		codex/node_modules/.bin/codex \
		gemini/node_modules/.bin/gemini; do
		[ -x "$REAL/$p" ] && ln -s "$REAL/$p" "bin/${p##*/}"
	done
	[ -n "$(ls bin)" ] || skip "none could be installed"
	PATH=$PWD/bin:$PATH check 0 sk-run adapters --json
	for p in bin/*; do
		[ -n "$(j --arg n "${p##*/}" '.adapters[] |
			select(.name == $n) | .version // empty')" ]
	done
}
