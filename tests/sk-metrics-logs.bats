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
"litellm_provider":"me"},"a/free":{"mode":"chat"},
"a/bad":{"input_cost_per_token":"much","output_cost_per_token":-1}}
END
	check 0 sk-metrics prices import l.json
	has "$err" "3 models taken, 2 of them without a price, 1 entries"
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

@test "watch wants a terminal, stays on it, and shows what is new" {
	check 2 sk-metrics watch
	has "$err" "standard output is no terminal"
	answer() {
		printf '{"schema":"sk.answer/1","agent":"a","run":"r1","stage":"plan","round":%s,"model":"e\\u001b[31mvil","content":"%s","usage":{"input_fresh":%s000,"output":2}}\n' "$1" "$1" "$1" >a
		sk-metrics record -q <a
		sk-consensus intake <a >/dev/null
	}
	answer 1
	cat >watch.sh <<-'END'
		stty rows 4 cols 80
		sk-metrics watch --run r1 --every 50ms &
		for i in $(seq 100); do
			sleep 0.1
			[ -e more ] && grep -q 'Turn 2' shown && break
		done
		kill $!
		wait
	END
	{
		wait_for grep -q 'Turn 1' shown 2>/dev/null
		answer 2
		: >more
	} 3>&- &
	TERM=xterm command script -qfec 'sh watch.sh' shown </dev/null >/dev/null || :
	wait
	grep -q 'Tokens: 1k in / 2 out | Turn 1 ' shown
	grep -q 'Tokens: 3k in / 4 out | Turn 2 ' shown
	# three lines of the four, each to its end, and nothing of the tables
	run grep -c 'AGENT' shown
	same "$output" 0
	run grep -c "$(printf '\033')\[31m" shown
	same "$output" 0
	has "$(cat shown)" 'e\x1b[31mvil'
}

# codex: a turn's model and id, and a running total: TIME INPUT OUTPUT
turn() {
	printf '{"timestamp":"%s","type":"turn_context","payload":' "$1"
	printf '{"turn_id":"%s","model":"gpt-5-codex"}}\n' "$2"
}

total() {
	printf '{"timestamp":"%s","type":"event_msg","payload":{"type":' "$1"
	printf '"token_count","info":{"total_token_usage":{"input_tokens":%s,' "$2"
	printf '"cached_input_tokens":0,"output_tokens":%s}}}}\n' "$3"
}

# ID TIME [PARENT]
meta() {
	printf '{"timestamp":"%s","type":"session_meta","payload":' "$2"
	printf '{"id":"%s","timestamp":"%s"' "$1" "$2"
	[ -z "$3" ] || printf ',"forked_from_id":"%s"' "$3"
	printf '}}\n'
}

@test "import: what a fork of codex copied of its parent is the parent's" {
	local a=01a1fd09-5b3b-76a3-a97a-7f4d9aad87f3 d=2026-11-21T
	local b=01a1fe00-0000-7000-a97a-7f4d9aad87f3
	local t=01a1fd09-5b5f-7e50-96f6-cfc1024fb0f6
	local u=01a1fe00-0100-7e50-96f6-cfc1024fb0f6
	mkdir -p l
	{
		meta $a ${d}07:36:51Z
		turn ${d}07:36:52Z $t
		total ${d}07:36:53Z 100 10
		turn ${d}07:37:52Z $t
		total ${d}07:37:53Z 300 30
	} >l/a.jsonl
	# copied with new times; the turns tell what is old, whoever the
	# parent is said to be and however soon the fork's own turn ends
	{
		meta $b ${d}08:00:00Z $a
		meta $a ${d}07:36:51Z
		turn ${d}08:00:00Z $t
		total ${d}08:00:00Z 100 10
		turn ${d}08:00:05Z $t
		total ${d}08:00:05Z 300 30
		turn ${d}08:00:05Z $u
		total ${d}08:00:05.1Z 400 40
	} >l/b.jsonl
	# without such ids the time tells; the fork says the old total again,
	# and is read in two goes
	{
		meta c ${d}09:00:00Z a
		total ${d}07:36:53Z 100 10
		total ${d}09:00:00.9Z 300 30
	} >l/c.jsonl
	check 0 sk-metrics import l
	same "$(j -c '.sources[0] | [.new,.skipped.copied]')" '[3,4]'
	cp "$BATS_TEST_TMPDIR/.out" got
	sk-metrics schema import >schema.json
	feed_file got 0 "$SK_BUILD/tools/schema_check" schema.json
	total ${d}09:00:30Z 300 30 >>l/c.jsonl
	total ${d}09:01:00Z 350 35 >>l/c.jsonl
	check 0 sk-metrics import l
	same "$(j -c '.sources[0] | [.new,.skipped.copied,.skipped.repeated]')" \
		'[1,0,1]'
	same "$(sums codex)" "4|450|0|45"
	consistent
}

@test "import: forks that the real codex made are counted once" {
	# (Three calls each: two of the parent, one of the fork. The older one
	# copies its parent, without ids of turns, and calls at once; the newer
	# one copies nothing, and goes on with the parent's total.)
	for v in 0.98 0.169; do
		check 0 sk-metrics import "$SK_TOP/tests/data/metrics/forks/codex-$v"
		same "$v $(j '.sources[0].new')" "$v 3"
	done
	same "$(sums codex)" "6|1404|6000|336"
	consistent
}

@test "import: a long document is read message by message" {
	# messages with brackets and quotes in them, one of them too long
	jq -nc '{sessionId:"s", projectHash:"p", messages:
		([range(20) | {id:"0123456789abcdef\(.)", type:"gemini",
			timestamp:"2026-11-01T10:00:00Z", model:"gemini-2.5-pro",
			content:("\"]}{[\\" * 40000), tokens:{input:100,
			cached:40, output:10, thoughts:0, total:110}}] +
		[{id:"fedcba9876543210", type:"gemini",
			content:("x" * 5000000),tokens:{input:1}}])}' >g.json
	[ "$(wc -c <g.json)" -gt 9000000 ]
	check 0 sk-metrics import g.json
	same "$(j -c '.sources[0] | [.new,.lines,.skipped.too_long]')" '[20,21,1]'
	has "$err" "g.json': left out: 1 longer than 4 MiB"
	same "$(sums gemini)" "20|1200|800|200"
	jq . g.json >h.json
	head -c 2000000 g.json >cut.json
	check 0 sk-metrics import h.json cut.json
	same "$(j -c '.sources[0] | [.new,.skipped.cut]')" '[0,1]'
	[ "$(j '.sources[0].duplicates')" -gt 22 ]
}

@test "import: every place where the programs keep their logs" {
	unset CLAUDE_CONFIG_DIR CODEX_HOME XDG_DATA_HOME
	n=0
	while read -r dir name from; do
		mkdir -p "$HOME/$dir"
		if [ "$name" = opencode.db ]; then
			sqlite3 "$HOME/$dir/$name" <"$logs/opencode/message.sql"
		else
			cp "$from" "$HOME/$dir/$name"
		fi
		check 0 sk-metrics import --again
		n=$((n + 1))
		same "$dir $(j '[.sources[].files] | add')" "$dir $n"
	done <<END
.claude/projects/p a.jsonl $(find "$logs/claude" -type f)
.config/claude/projects/p b.jsonl $(find "$logs/claude" -type f)
.codex/sessions/2026 c.jsonl $(find "$logs/codex" -type f)
.codex/archived_sessions d.jsonl $(find "$logs/codex" -type f)
.gemini/tmp/x e.jsonl $(find "$logs/gemini" -type f)
.local/share/opencode opencode.db -
END
	# moved by the user's variables
	mv "$HOME/.local/share" "$HOME/data"
	mv "$HOME/.codex" "$HOME/cx"
	CODEX_HOME=$HOME/cx XDG_DATA_HOME=$HOME/data \
		check 0 sk-metrics import --again
	same "$(j '[.sources[].files] | add')" 6
}

@test "import: a last line without an end is taken when it is whole" {
	said msg_01AAAAAAAAAAAAAAAAAAAA 1 r >l.jsonl
	said msg_01BBBBBBBBBBBBBBBBBBBB 2 r | head -c -1 >>l.jsonl
	check 0 sk-metrics import l.jsonl
	same "$(j -c '.sources[0] | [.new,.skipped.cut]')" '[2,0]'
	{
		printf '\n'
		said msg_01CCCCCCCCCCCCCCCCCCCC 3 r | head -c -3
	} >>l.jsonl
	check 0 sk-metrics import l.jsonl
	same "$(j -c '.sources[0] | [.new,.duplicates,.skipped.cut]')" '[0,0,1]'
	printf '}}' >>l.jsonl
	check 0 sk-metrics import l.jsonl
	same "$(j -c '.sources[0] | [.new,.skipped.cut]')" '[1,0]'
	same "$(sums claude)" "3|30|0|6"
}

@test "import: usage that is missing in part is flagged, one that says nothing is counted" {
	local id=msg_01AAAAAAAAAAAAAAAAAAA
	{
		said ${id}A 5 r | sed 's/"input_tokens":10,//'
		said ${id}B 5 r | sed 's/"input_tokens":10,"output_tokens":5/"output_tokens":{}/'
		said ${id}C 5 r
		# (of a program that made no request)
		said ${id}D 5 r | sed 's/{"input_tokens".*/null,"output_tokens":1}}/'
	} >l.jsonl
	check 0 sk-metrics import l.jsonl
	same "$(j -c '.sources[0] | [.new,.suspect,.skipped.bad]')" '[2,1,1]'
	check 0 sk-metrics report --format text
	has "$out" "1 calls have figures that cannot be right"
	same "$(sums claude)" "2|10|0|10"
}

@test "prices: long prompts have rates of their own in a list of LiteLLM" {
	cat >l.json <<'END'
{"m":{"input_cost_per_token":1e-06,"output_cost_per_token":2e-06,
"cache_read_input_token_cost":1e-07,
"input_cost_per_token_above_200k_tokens":2e-06,
"input_cost_per_token_above_200k_tokens_priority":9e-06,
"input_cost_per_token_above_512k_tokens":8e-06,
"output_cost_per_token_above_200k_tokens":4e-06}}
END
	check 0 sk-metrics prices import l.json
	check 0 sk-metrics prices m
	same "$(j -c '.prices[0].long_prompts')" \
		'{"over":200000,"input":2000000,"cached_input":100000,"cache_write":null,"output":4000000}'
	cp "$BATS_TEST_TMPDIR/.out" got
	sk-metrics schema prices >schema.json
	feed_file got 0 "$SK_BUILD/tools/schema_check" schema.json
	for n in 200000 200001; do
		printf '{"schema":"sk.answer/1","agent":"a","run":"r%s","model":"m","content":"x","usage":{"input_fresh":%s,"output":1000}}\n' $n $n
	done | sk-metrics record 2>/dev/null
	same "$(sqlite3 "$SK_DB" 'SELECT cost FROM usage ORDER BY fresh' | xargs)" \
		"202000 404002"
}

@test "a date that is none is named with its option" {
	check 2 sk-metrics report --until soon
	has "$err" "option '--until': 'soon' is no date"
}

@test "report --html: the name of a short last stage is not cut off" {
	for s in plan unlock; do
		printf '{"schema":"sk.answer/1","agent":"a","run":"r1","stage":"%s","content":"%s"}\n' $s $s
	done | sk-consensus intake >/dev/null
	sqlite3 "$SK_DB" "UPDATE agent_executions SET spawned_at=
		1000000+iif(stage='plan',0,9990),
		completed_at=1000000+iif(stage='plan',5000,10000)"
	check 0 sk-metrics report --run r1 --html page.html
	# of a drawing that is 1000 wide, 8 for a letter
	x=$(grep -oE '<text x="[0-9]+[^>]*>unlock' page.html | cut -d '"' -f 2)
	[ "${x%.*}" -le 952 ]
	[ "${x%.*}" -ge 900 ]
}

@test "import: a file that is named and no log is named in return" {
	echo garbage >g.jsonl
	echo '{"a":1}' >g.json
	for f in g.jsonl g.json /dev/null; do
		check 0 sk-metrics import "$f"
		has "$err" "'$(realpath "$f")' is no log of a program that is known"
	done
	# among others it is passed over in silence
	mkdir d
	mv g.jsonl g.json d
	check 0 sk-metrics import d
	same "$err" ''
}
