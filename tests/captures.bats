#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The shipped adapters against recordings of the real programs. Twice: read by
# sk-run check-adapter, and played by a small program (same output in pieces,
# same end, same pauses but shorter) as agents of real runs. What is made of
# them is compared with what is known to be right.

load helper

all=$SK_SHARED/reference/agent-captures
own=$SK_TOP/tests/captures
clis="claude codex copilot gemini opencode qwen"

have_all() {
	[ -r "$all/expected.jsonl" ] || skip "no recordings beside the tree"
}

# adapters_for EXPECTED: in $XDG_CONFIG_HOME one adapter for each program and
# form, the shipped one with another argv: claude-text, claude-json, …
adapters_for() {
	local dir=$XDG_CONFIG_HOME/sk/adapters cli flags form
	mkdir -p "$dir"
	while read -r cli form flags; do
		awk -v argv="argv = [\"$cli\"$flags]" '
			/^argv = / { print argv; skip = !/\]$/; next }
			skip { skip = !/\]$/; next }
			{ print }' "$SK_TOP/lib/data/adapters/$cli.toml" \
			>"$dir/$cli-$form.toml"
	done <<'END'
claude text
claude json , "--output-format", "json"
claude stream , "--output-format", "stream-json"
codex text
codex json , "--json"
copilot text
copilot json , "--output-format", "json", "--usage-output-file", "{usage_file}"
gemini text
gemini json , "-o", "json"
gemini stream , "-o", "stream-json"
opencode text
opencode json , "--format", "json"
qwen text
qwen json , "-o", "json"
qwen stream , "-o", "stream-json"
END
}

# play DIR: every recording named on standard input (CLI CASE FORM) as an agent
# of an sk-run of its own, with a database of its own: limits that one of them
# met are no concern of the others. answers.jsonl has what came of each.
play() {
	local dir=$1 n=0 cli case form
	adapters_for
	: >answers.jsonl
	while read -r cli case form; do
		n=$((n + 1))
		cat >sk.toml <<-END
			[agents.r]
			adapter = "$cli-$form"
			command = ["$SK_BUILD/tools/replay", "$dir/$cli/$case"]
			env = { SK_REPLAY_SPEED = "2000" }
			[retry]
			attempts = 1
		END
		echo prompt | sk-run --config sk.toml --db "db/$n" -a r \
			>record 2>errors || :
		jq -c --arg cli "$cli" --arg case "$case" '
			select(.schema == "sk.answer/1") |
			{cli: $cli, case: $case, status, kind: .failure.kind,
			content, sha256, session, usage, cost,
			retry_after_ms: .failure.retry_after_ms}' record \
			>>answers.jsonl
		rm -rf "db/$n" "db/$n"-*
	done
	same "$(wc -l <answers.jsonl)" "$n"
}

# compare EXPECTED: nothing may differ.
compare() {
	differences "$1" >diff
	same "$(cat diff)" ""
}

differences() {
	jq -rn --slurpfile got answers.jsonl --slurpfile want "$1" '
	($got | map({(.cli + "/" + .case): .}) | add) as $g |
	$want[] | . as $w | (.cli + "/" + .case) as $id | select($g[$id]) |
	$g[$id] as $a | ($a.usage // null) as $u | [
		(select($a.status != $w.status) |
			"status \($a.status), not \($w.status)"),
		(select($w.status == "failed" and
			([$a.kind] - $w.kinds_ok) != []) |
			"kind \($a.kind), not \($w.kinds_ok | join(" or "))"),
		(select($w.content_sha256 == null and $a.content != $w.content)
			| "content \($a.content | tostring | .[0:60])"),
		(select($w.content_sha256 and $a.sha256 != $w.content_sha256)
			| "content hash"),
		(select($w.session_id != $a.session) | "session \($a.session)"),
		(select(($w.usage == null) != ($u == null)) | "usage"),
		(select($w.usage and $u) | select(
			($u.input_fresh + ($u.cache_read // 0) +
				($u.cache_write // 0)) != $w.usage.input_total or
			$u.cache_read != $w.usage.input_cached or
			$u.cache_write != $w.usage.cache_write or
			$u.output != $w.usage.output_total or
			$u.reasoning != $w.usage.reasoning or
			$u.scope != $w.usage_scope) | "usage \($u)"),
		(select(($w.cost_usd == null) != ($a.cost == null)) | "cost"),
		(select($w.cost_usd != null and $a.cost != null) |
			select(((($w.cost_usd * 1e6) - $a.cost.micro_usd) |
				fabs) > 0.6) | "cost \($a.cost)"),
		(select($w.retry_after_ms != $a.retry_after_ms) |
			"retry_after_ms \($a.retry_after_ms)")
	] | select(length > 0) | $id + ": " + join("; ")'
}

# playable EXPECTED DIR: not those that ended like any other although they were
# signalled, which only the one who sent the signal knows.
playable() {
	local cli case form signalled
	jq -r 'select(.judge) | [.cli, .case, .format, .signalled] | join(" ")' \
		"$1" | while read -r cli case form signalled; do
		case $signalled/$cli/$(cat "$2/$cli/$case/exit") in
		true/gemini/0 | true/opencode/0) ;;
		*) echo "$cli $case $form" ;;
		esac
	done
}

@test "recordings in the tree: read by check-adapter" {
	for cli in $clis; do
		check 0 sk-run check-adapter "$cli" --captures "$own" --json
		same "$(j 'select(.match | not) | .case')" ""
		[ "$(j .case | wc -l)" -ge 3 ]
	done
}

@test "recordings in the tree: played as agents" {
	playable "$own/expected.jsonl" "$own" >list
	[ "$(wc -l <list)" -ge 30 ]
	play "$own" <list
	compare "$own/expected.jsonl"
}

@test "all recordings: read by check-adapter, every line is met" {
	have_all
	total=0
	for cli in $clis; do
		check 0 sk-run check-adapter "$cli" --captures "$all" --json
		same "$(j 'select(.match == false) | .case')" ""
		total=$((total + $(j 'select(.match) | .case' | wc -l)))
	done
	same "$total" "$(jq -r 'select(.judge) | .case' \
		"$all/expected.jsonl" | wc -l)"
}

@test "all recordings: played as agents" {
	have_all
	playable "$all/expected.jsonl" "$all" >list
	[ "$(wc -l <list)" -gt 200 ]
	play "$all" <list
	compare "$all/expected.jsonl"
}

@test "check-adapter: folders, an adapter of one's own, differences" {
	cp -r "$own" rec
	# a folder of recordings, one recording, and its record's schema
	check 0 sk-run check-adapter claude --captures rec/claude --json
	j .case >names
	has "$(cat names)" ok-stream
	check 0 sk-run check-adapter claude --captures rec/claude/ok-stream
	same "$(j '[.case, .status, .usage.output_total, .cost_usd,
		.match] | @csv')" '"ok-stream","ok",56,0.002736,true'
	sk-run schema capture >schema.json
	cp "$BATS_TEST_TMPDIR/.out" one.json
	feed_file one.json 0 "$SK_BUILD/tools/schema_check" schema.json
	# one's own file, by path and by name
	sed 's/^session = .*/session = "\/uuid"/' \
		"$SK_TOP/lib/data/adapters/claude.toml" >mine.toml
	check 1 sk-run check-adapter ./mine.toml --captures rec/claude --json
	has "$(j 'select(.case == "ok-stream") | .mismatches[0]')" session_id
	check 1 sk-run check-adapter ./mine.toml --captures rec/claude/ \
		--format text
	has "$out" "session_id: "
	mkdir -p "$XDG_CONFIG_HOME/sk/adapters"
	cp "$SK_TOP/lib/data/adapters/claude.toml" \
		"$XDG_CONFIG_HOME/sk/adapters/mine.toml"
	check 0 sk-run check-adapter mine --captures rec/claude --json
	same "$(j 'select(.adapter != "mine") | .case')" ""
	# without argv the output is looked at; without expected.jsonl nothing
	# is compared
	rm rec/expected.jsonl rec/claude/*/argv
	check 0 sk-run check-adapter claude --captures rec/claude --json
	same "$(j 'select(.match != null) | .case')" ""
	same "$(j 'select(.case == "ok-stream") | .status')" ok
}

@test "check-adapter: bad input" {
	check 2 sk-run check-adapter claude --json
	check 2 sk-run check-adapter nosuch --captures "$own" --json
	same "$(j .error.code)" no_such_adapter
	mkdir empty
	check 2 sk-run check-adapter claude --captures empty --json
	same "$(j .error.code)" no_captures
	check 74 sk-run check-adapter claude --captures nowhere --json
	same "$(j .error.code)" not_found
	mkdir -p bad/one
	: >bad/one/stdout
	echo soon >bad/one/exit
	check 65 sk-run check-adapter claude --captures bad --json
	same "$(j .error.code)" bad_capture
	echo 'nonsense = 1' >bad.toml
	check 2 sk-run check-adapter ./bad.toml --captures "$own" --json
	same "$(j .error.code)" bad_adapter
	# a form that is none, a kind that is none
	printf 'name = "x"\n[forms]\n"--x" = "xml"\n' >bad.toml
	check 2 sk-run check-adapter ./bad.toml --captures "$own" --json
	for line in 'when = ["/x"]' 'matches = ["/x"]' 'exists = "/x"' \
		'absent = { x = 1 }' 'content_each = { when = [1] }'; do
		printf '[[rule]]\n%s\n' "$line" >bad.toml
		check 2 sk-run check-adapter ./bad.toml --captures "$own" --json
		same "$(j .error.code)" bad_adapter
	done
	printf '[output]\nearly_exit = "sometimes"\n' >bad.toml
	check 2 sk-run check-adapter ./bad.toml --captures "$own" --json
}

# program NAME: one that prints a version, after a while
program() {
	mkdir -p progs
	printf '#!/bin/sh\n%s\n' "$2" >"progs/$1"
	chmod +x "progs/$1"
}

@test "adapters: installed, version, login" {
	unset ANTHROPIC_API_KEY ANTHROPIC_AUTH_TOKEN CLAUDE_CODE_OAUTH_TOKEN
	unset CODEX_API_KEY CODEX_HOME GEMINI_API_KEY GOOGLE_API_KEY
	unset OPENAI_API_KEY
	program claude 'echo "2.1.329 (Claude Code)"'
	program codex 'echo codex-cli 0.169.0; exit 3'
	program gemini 'echo "no version here, only 7"'
	mkdir -p "$HOME/.codex"
	echo '{}' >"$HOME/.codex/auth.json"
	PATH=$PWD/progs:$PATH GEMINI_API_KEY=secret-k check 0 \
		sk-run adapters --json
	cp "$BATS_TEST_TMPDIR/.out" list.json
	same "$(j '.adapters[] | select(.name == "claude") |
		[.installed, .version, .login] | @csv')" \
		'true,"2.1.329","no"'
	same "$(j '.adapters[] | select(.name == "codex") |
		[.installed, .version, .login, .login_by] | @csv')" \
		'true,"0.169.0","yes","~/.codex/auth.json"'
	same "$(j '.adapters[] | select(.name == "gemini") |
		[.version, .login, .login_by] | @csv')" \
		',"yes","$GEMINI_API_KEY"'
	has "$(j '.adapters[].name' | tr '\n' ' ')" "opencode qwen"
	if grep -q secret-k list.json; then return 1; fi
	sk-run schema adapters >schema.json
	feed_file list.json 0 "$SK_BUILD/tools/schema_check" schema.json
	# what sk-login has for an API
	same "$(jq -r '.adapters[] | select(.name == "openai-chat") |
		[.login, .login_how] | @csv' list.json)" \
		'"no","sk-login login openai-api; or set OPENAI_API_KEY"'
	echo sk-canary-key | sk-login login openai-api >/dev/null
	check 0 sk-run adapters --json
	same "$(j '.adapters[] | select(.name == "openai-responses") |
		[.login, .login_by] | @csv')" '"yes","sk-login"'
	if grep -q canary "$BATS_TEST_TMPDIR/.out"; then return 1; fi
	# the user's own, also one that is wrong
	mkdir -p "$XDG_CONFIG_HOME/sk/adapters"
	printf 'argv = ["mytool"]\n' >"$XDG_CONFIG_HOME/sk/adapters/mine.toml"
	printf 'argh = 1\n' >"$XDG_CONFIG_HOME/sk/adapters/wrong.toml"
	check 0 sk-run adapters --json
	same "$(j '.adapters[] | select(.name == "mine") |
		[.program, .installed, .login] | @csv')" \
		'"mytool",false,"unknown"'
	has "$(j '.adapters[] | select(.name == "wrong") | .error')" argh
	check 0 sk-run adapters --format text
	has "$out" "not installed"
}

@test "docs/adapters.md: its example works, and no key is left out" {
	local doc=$SK_TOP/docs/adapters.md key
	mkdir -p "$XDG_CONFIG_HOME/sk/adapters"
	sed -n '/^```toml$/,/^```$/p' "$doc" | sed '/^```/d' \
		>"$XDG_CONFIG_HOME/sk/adapters/mine.toml"
	program mine 'cat >/dev/null; echo "$*" >&2
		[ -z "$MINE_KEY" ] ||
			echo "{\"type\":\"result\",\"ok\":true,\"text\":\"hi\",\"tokens\":{\"in\":3}}"
		echo "{\"type\":\"result\",\"ok\":false,\"message\":\"No coins left.\"}"'
	export PATH=$PWD/progs:$PATH
	MINE_KEY=x feed p 7 sk-run -a mine --tee raw
	same "$(cat raw/mine.1.err)" '--json --sandbox'
	program mine 'echo "{\"type\":\"result\",\"ok\":true,\"text\":\"hi\",\"tokens\":{\"in\":3}}"'
	feed p 0 sk-run -a mine --write
	same "$(j 'select(.content) | [.content, .usage.input_fresh] | @csv')" \
		'"hi",3'
	{
		sed -n '/_keys\[\] = {/,/NULL };/p' "$SK_TOP/lib/agent/adapter.c"
		sed -n '/ keys\[\] = {/,/NULL };/p' "$SK_TOP/lib/agent/http_check.c"
	} | grep -o '"[a-z_]*"' >keys
	[ "$(wc -l <keys)" -ge 40 ]
	for key in $(cat keys); do
		grep -qF -- "\`${key//\"/}\`" "$doc" ||
			{ echo "not in $doc: $key"; return 1; }
	done
}
