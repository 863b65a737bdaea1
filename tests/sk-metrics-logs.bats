#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Logs of agents are imported once, whatever state they are in; reports and
# prices.

load helper

logs=$SK_TOP/tests/data/metrics/logs

# A line as claude writes it: ID OUTPUT [REQUEST [SESSION]]
said() {
	printf '{"type":"assistant","uuid":"u","sessionId":"%s",' "${4:-s1}"
	printf '"timestamp":"2026-11-01T10:00:00.000Z","requestId":"%s",' "$3"
	printf '"message":{"id":"%s","model":"claude-opus-5-5","usage":' "$1"
	printf '{"input_tokens":10,"output_tokens":%s}}}\n' "$2"
}

sums() {
	sqlite3 "$SK_DB" "SELECT count(*),sum(fresh),sum(cache_read),
		sum(output) FROM usage WHERE source='$1'"
}

# the sums of the days are those of the rows
consistent() {
	same "$(sqlite3 "$SK_DB" 'SELECT sum(calls),sum(fresh),sum(output),
		sum(cost) FROM usage_days')" \
		"$(sqlite3 "$SK_DB" 'SELECT count(*),sum(fresh),sum(output),
		ifnull(sum(cost),0) FROM usage')"
}

@test "import: recordings of the real programs, each call once" {
	sqlite3 opencode.db <"$logs/opencode/message.sql"
	check 0 sk-metrics import "$logs/claude" "$logs/codex" "$logs/gemini" \
		opencode.db
	same "$(j -c '[.sources[] | [.source,.new]]')" \
		'[["claude",3],["codex",2],["gemini",2],["opencode",2]]'
	cp "$BATS_TEST_TMPDIR/.out" got
	sk-metrics schema import >schema.json
	feed_file got 0 "$SK_BUILD/tools/schema_check" schema.json
	# (prompt 1234 of which 1000 cached, output 56: what the server said)
	same "$(sums claude)" "3|702|2700|168"
	same "$(sums codex)" "2|468|2000|112"
	same "$(sums gemini)" "2|468|2000|112"
	same "$(sums opencode)" "2|468|2000|112"
	check 0 sk-metrics import "$logs/claude" "$logs/codex" "$logs/gemini" \
		opencode.db
	same "$(j '[.sources[].new] | add')" 0
	check 0 sk-metrics import --again "$logs/claude"
	same "$(j '.sources[0] | "\(.new) \(.duplicates)"')" "0 3"
	consistent
}

@test "import: one key does not fit all, and --explain-dedupe says so" {
	{
		# the same message while it grows: the most output counts
		said msg_01AAAAAAAAAAAAAAAAAAAA 1 req_01AAAAAAAAAAAAAAAAAA
		said msg_01AAAAAAAAAAAAAAAAAAAA 50 req_01AAAAAAAAAAAAAAAAAA
		said msg_01AAAAAAAAAAAAAAAAAAAA 7 req_01AAAAAAAAAAAAAAAAAA
		# resumed: another session writes it again
		said msg_01AAAAAAAAAAAAAAAAAAAA 50 req_01AAAAAAAAAAAAAAAAAA s2
		# a gateway that gives one id to all
		said chatcmpl-x 5 req_01BBBBBBBBBBBBBBBBBB
		said chatcmpl-x 6 req_01CCCCCCCCCCCCCCCCCC
		said x 8 none
		said x 9 none
	} >l.jsonl
	check 0 sk-metrics import --explain-dedupe --format text l.jsonl
	has "$out" "4 by message id, 2 by request id, 2 by content"
	has "$out" "8 calls in the logs: 5 new, 1 revised, 2 known"
	same "$(sums claude)" "5|50|0|78"
	consistent
}

@test "import: cut lines wait, rubbish is counted, long lines are passed over" {
	{
		said msg_01AAAAAAAAAAAAAAAAAAAA 1 r
		printf 'no json but "output_tokens"\n'
		printf 'NUL \0 "output_tokens"\n'
		printf '{"a":"'
		head -c 5000000 /dev/zero | tr '\0' x
		printf '","output_tokens":1}\n'
		said msg_01BBBBBBBBBBBBBBBBBBBB 2 r
		said msg_01CCCCCCCCCCCCCCCCCCCC 3 r | head -c 100
	} >l.jsonl
	check 0 sk-metrics import --source claude l.jsonl
	same "$(j -c '.sources[0] | [.new,.skipped.bad,.skipped.too_long,
		.skipped.cut]')" '[2,2,1,1]'
	# the rest of the line comes
	said msg_01CCCCCCCCCCCCCCCCCCCC 3 r | tail -c +101 >>l.jsonl
	check 0 sk-metrics import --source claude l.jsonl
	same "$(j '.sources[0].new')" 1
	# a file that was replaced by a shorter one is read anew
	said msg_01DDDDDDDDDDDDDDDDDDDD 4 r >l.jsonl
	check 0 sk-metrics import l.jsonl
	same "$(j '.sources[0].new')" 1
	same "$(sums claude)" "4|40|0|10"
	consistent
}

@test "import: what sk-run started is booked already; --since leaves out" {
	printf '{"schema":"sk.answer/1","agent":"a","content":"x","session":"%s"}\n' \
		7f6d7abd-5379-4372-8821-558b508f6ed9 | sk-consensus intake >/dev/null
	check 0 sk-metrics import "$logs/claude"
	same "$(j -c '.sources[0] | [.new,.skipped.own]')" '[0,3]'
	check 0 sk-metrics import --since 2030-01-01 "$logs/codex"
	same "$(j -c '.sources[0] | [.new,.skipped.before]')" '[0,2]'
	check 2 sk-metrics import
	has "$err" "no agent has written a log here"
	check 2 sk-metrics import --since soon "$logs"
	check 74 sk-metrics import nowhere
}

@test "report: by anything, as table, CSV and JSON" {
	sk-metrics import "$logs" >/dev/null
	for by in day week month spec stage agent model provider source; do
		check 0 sk-metrics report --by $by --json
		same "$by $(j .total.calls)" "$by 7"
		cp "$BATS_TEST_TMPDIR/.out" got
	done
	sk-metrics schema report >schema.json
	feed_file got 0 "$SK_BUILD/tools/schema_check" schema.json
	check 0 sk-metrics report --by agent --csv
	same "$(sed -n 2p <<<"$out" | cut -d , -f 1-8)" \
		"claude,3,3702,702,2700,300,168,0"
	check 0 sk-metrics report --by agent --format text
	has "$out" "▇"
	has "$(sed -n 2p <<<"$out")" "claude"
	check 0 sk-metrics report --since 2030-01-01
	same "$(j .total.calls)" 0
	LC_ALL=C check 0 sk-metrics report --by agent --format text
	has "$out" "="
}

@test "report --html: one page that needs nothing else, hostile names are text" {
	printf '{"schema":"sk.answer/1","agent":"a","run":"r1","stage":"plan","content":"x","model":"<script>alert(1)</script>","usage":{"input_fresh":5,"output":2}}\n' |
		sk-consensus --no-evidence >/dev/null || true
	sk-metrics settle --run r1 >/dev/null
	check 0 sk-metrics report --run r1 --html page.html
	grep -q '&lt;script&gt;alert' page.html
	run grep -ciE '<script|https?://|<link|<img|url\(' page.html
	same "$output" 0
	grep -q '<svg' page.html
	check 0 sk-metrics report --run r1 --html -
	has "$out" "<!DOCTYPE html>"
	check 2 sk-metrics report --run nobody --html page.html
}

@test "prices: a list of LiteLLM, the user's own before it, unknown is unknown" {
	cat >l.json <<'END'
{"sample_spec":{"input_cost_per_token":0},
"my-model":{"input_cost_per_token":1.5e-06,"output_cost_per_token":6e-06,
"cache_read_input_token_cost":1.5e-07,"max_input_tokens":64000,
"litellm_provider":"me"},"a/free":{"mode":"chat"}}
END
	check 0 sk-metrics prices import l.json
	has "$err" "2 models taken, 1 of them without a price, 1 entries"
	check 0 sk-metrics prices my-model
	same "$(j -c '.prices[0] | [.input,.cached_input,.cache_write,.output,
		.context_window,.origin,.source]')" \
		'[1500000,150000,null,6000000,64000,"imported","l.json"]'
	printf '[models.my-model]\nprovider="me"\ncost_per_input_million = 9\n' \
		>c.toml
	check 0 sk-metrics prices my-model --config c.toml
	same "$(j .prices[0].input)" 9000000
	check 1 sk-metrics prices nobody-knows-1
	same "$(j -c '.prices[0] | [.input,.source]')" '[null,null]'
	check 65 sk-metrics prices import c.toml
}

@test "estimate: before a call, with floor and ceiling, and after" {
	head -c 6000 /dev/zero | tr '\0' x >p
	feed_file p 0 sk-metrics estimate claude-opus-5-5 nobody-knows-1
	same "$(j -c '.calls[0].input | [.low,.likely,.high]')" \
		'[1000,1500,3001]'
	[ "$(j '.calls[0].micro_usd | .low < .likely and .likely < .high')" = true ]
	same "$(j -c '.calls[1].micro_usd,.micro_usd')" \
		'{"low":null,"likely":null,"high":null}
{"low":null,"likely":null,"high":null}'
	cp "$BATS_TEST_TMPDIR/.out" got
	sk-metrics schema estimate >schema.json
	feed_file got 0 "$SK_BUILD/tools/schema_check" schema.json
	for i in 1 2 3 4; do
		printf '{"schema":"sk.answer/1","agent":"a","run":"r1","round":%s,"content":"%s","usage":{"input_fresh":%s000,"output":2}}\n' $i $i $i
	done >in
	check_in() { feed_file in 0 sk-metrics record; }
	check_in
	has "$err" "4 booked, 0 known"
	check_in
	has "$err" "0 booked, 4 known"
	sk-consensus intake <in >/dev/null
	check 0 sk-metrics estimate --explain --run r1
	has "$out" "next prompt: ~3000 tokens (window of the last 3)"
	has "$out" "on 3 past prompts it was wrong by"
}

@test "estimates are better than the mean of three on what was recorded" {
	check 0 "$SK_BUILD/tools/metrics_quality" \
		"$SK_TOP"/tests/data/metrics/prompts/*.txt
	echo "# $out" >&3
}

@test "watch wants a terminal" {
	check 2 sk-metrics watch
	has "$err" "standard output is no terminal"
}
