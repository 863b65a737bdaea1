#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# sk-metrics: figures of records and of the database, each call booked once.

load helper

# answer AGENT STAGE USAGE [MORE]: one record
answer() {
	printf '{"schema":"sk.answer/1","agent":"%s","run":"r1",' "$1"
	printf '"spec":"SPEC-7","stage":"%s","content":"{\\"x\\":1}",' "$2"
	printf '"usage":%s%s}\n' "$3" "${4:+,$4}"
}

# two calls whose price is known, one without
records() {
	answer a plan '{"input_fresh":8500,"cache_read":4000,"cache_write":0,
		"output":3200,"reasoning":7,"scope":"run"}' \
		'"model":"claude-opus-5-5"' | tr -d '\n\t'
	echo
	answer b plan '{"input_tokens":1234,"output_tokens":56,
		"input_tokens_details":{"cached_tokens":1000},
		"output_tokens_details":{"reasoning_tokens":7}}' \
		'"model":"claude-opus-5-5"' | tr -d '\n\t'
	echo
	answer c plan null '"model":"nobody-knows-1"'
}

@test "filter: totals, cost, and a price that is not known is named" {
	records >in
	feed_file in 0 sk-metrics
	same "$(j '.totals | "\(.input) \(.input_fresh) \(.cache_read)
		\(.output) \(.total)"' | tr -d '\n\t')" "13734 8734 50003256 16990"
	# (8734 x 4 + 5000 x 0.2 + 3256 x 20) micro dollars
	same "$(j .cost.micro_usd)" 101056
	same "$(j .cost.usd)" 0.101056
	same "$(j .cost.unpriced_calls)" 1
	same "$(j -c .unpriced_models)" '["nobody-knows-1"]'
	same "$(j '.agents[2].cost.micro_usd')" null
	same "$(j '.turns, .calls' | tr '\n' ' ')" "2 3 "
}

@test "settle: books once, however often it is asked" {
	records >in
	feed_file in 3 sk-consensus --no-evidence
	check 0 sk-metrics settle --run r1 --stage plan
	same "$(j -c '.settled | [.booked,.known,.lost_attempts,.released,
		.open_attempts]')" '[3,0,0,0,0]'
	same "$(j .cost.micro_usd)" 101056
	cp "$BATS_TEST_TMPDIR/.out" first
	check 0 sk-metrics settle --run r1 --stage plan
	same "$(j .settled.booked)" 0
	same "$(j .settled.known)" 3
	same "$(j -c '[.totals,.cost]')" "$(jq -c '[.totals,.cost]' first)"
	# the sums of the days are those of the rows
	same "$(sqlite3 "$SK_DB" 'SELECT sum(calls),sum(fresh),sum(cache_read),
		sum(output),sum(cost),sum(unpriced) FROM usage_days')" \
		"$(sqlite3 "$SK_DB" 'SELECT count(*),sum(fresh),
		sum(cache_read),sum(output),sum(cost),sum(cost IS NULL)
		FROM usage')"
	for scope in run branch spec day month; do
		same "$scope $(sqlite3 "$SK_DB" "SELECT cost FROM spend
			WHERE scope='$scope'")" "$scope 101056"
	done
}

@test "record: the answers of others, with runs that can be looked at" {
	a='{"schema":"sk.answer/1","content":"x","model":"claude-opus-5-5",'
	{
		printf '%s"agent":"a","run":"r1","spec":"S-1","stage":"plan","usage":{"input_fresh":5000,"output":200}}\n' "$a"
		printf '%s"agent":"b","run":"r1","spec":"S-1","stage":"plan","attempt":2}\n' "$a"
		printf '%s"agent":"c"}\n%s"agent":"d"}\n' "$a" "$a"
		printf '%s"agent":"e","status":"failed","failure":{"kind":"auth"}}\n' "$a"
	} >in
	feed_file in 0 sk-metrics record
	has "$err" "5 booked, 0 known"
	check 0 sk-metrics show --run r1
	same "$(j -c '[.spec,.stage,.calls,.cost.estimated_calls]')" \
		'["S-1","plan",2,1]'
	# Nobody was asked through the database: who is in the records counts.
	check 0 sk-metrics status --run r1 --format plain
	has "$out" "... | Agents: 2/2"
	# those without a run share one; what was turned away is free
	check 0 sk-metrics report --by run
	same "$(j -c '[.rows[] | [.calls,.cost.estimated_calls]]')" \
		'[[2,1],[3,2]]'
	check 0 sk-metrics report --by branch
	same "$(j -c '[.rows[].calls]')" '[2,3]'
	check 0 sk-metrics report --by day
	same "$(j -c '[.total.calls,.total.cost.estimated_calls]')" '[5,3]'
	# again, with rubbish between: said by line, and the rest is booked
	{
		head -n 2 in
		echo garbage
		echo '{"schema":"sk.answer/1","agent":"../x","content":"y"}'
		printf '%s"agent":"f","run":"r1"}\n' "$a"
	} >in2
	feed_file in2 65 sk-metrics record
	has "$err" "line 3 is skipped"
	has "$err" "line 4 is skipped"
	has "$err" "1 booked, 2 known"
	same "$(j .error.code)" bad_record
}

@test "settle: a run that is not there, and none at all" {
	check 2 sk-metrics settle
	has "$err" "neither --run nor SK_RUN"
	records | sk-consensus --no-evidence >/dev/null || true
	check 2 sk-metrics settle --run nobody
	same "$(j .error.code)" no_such_run
	# a stage that nobody was asked about is settled already
	check 0 sk-metrics settle --run r1 --stage audit
	same "$(j -c '[.calls,.settled.booked]')" '[0,0]'
}

@test "status: the lines to the letter" {
	records | sk-consensus --no-evidence >/dev/null || true
	check 0 sk-metrics settle --run r1
	check 0 sk-metrics status --columns 80
	same "$(sed 1d <<<"$out")" \
		"Tokens: 13.7k in / 3.3k out | Turn 2 | Est. next: ~4.4k | Context: 0%"
	has "$(head -n 1 <<<"$out")" "[SPEC-7] Stage: Plan | Branch: 20"
	has "$(head -n 1 <<<"$out")" "... | Agents: 3/3"
	check 0 sk-metrics status --columns 59 --spec SPEC-7
	same "$out" "13.7k/3.3k | T2 | ~4.4k | 0%"
	check 0 sk-metrics status --format tmux --columns 59
	same "$out" "13.7k/3.3k | T2 | ~4.4k | 0%"
	check 0 sk-metrics status --format json
	same "$(j .schema)" sk.metrics/1
	check 1 sk-metrics status --spec SPEC-8
	same "$out" ''
	has "$err" "there is no run of 'SPEC-8' here"
}

@test "the filter passes an error on, and says what it cannot use" {
	feed '{"schema":"sk.error/1","error":{"code":"x","message":"m","exit":9}}
' 9 sk-metrics
	same "$(j .schema)" sk.error/1
	feed '' 2 sk-metrics
	has "$err" "no sk.answer/1 on standard input"
	feed 'not json
{"schema":"sk.event/1"}
' 65 sk-metrics
	has "$err" "line 1 is skipped"
	records >in
	{ echo '{"cut'; cat in; } >in2
	feed_file in2 0 sk-metrics
	same "$(j .skipped)" 1
	same "$(j .calls)" 3
}

@test "figures that cannot be true are clamped, counted and do no harm" {
	for u in '{"input_fresh":-5,"output":1}' \
		'{"input_fresh":9223372036854775808,"output":1}' \
		'{"input_fresh":"many","output":1}' \
		'{"input_fresh":{},"output":1}' \
		'{"input_tokens":10,"cached_input_tokens":99,"output_tokens":1}' \
		'{"input_tokens":1.5,"output_tokens":1}'; do
		answer a plan "$u" '"model":"claude-opus-5-5"' >in
		feed_file in 0 sk-metrics
		same "$u $(j .suspect)" "$u 1"
		[ "$(j .totals.input)" -ge 0 ]
		[ "$(j .totals.input)" -le 1099511627776 ]
		[ "$(j .cost.micro_usd)" -ge 0 ]
	done
	# a number that no reader takes costs its line, and that is said
	answer a plan '{"input_fresh":1e400,"output":1}' >in
	feed_file in 65 sk-metrics
	has "$err" "line 1 is skipped"
	answer a plan '{}' >in
	feed_file in 0 sk-metrics
	same "$(j -c '[.turns,.cost.micro_usd]')" '[0,null]'
}

@test "what was counted before is carried on" {
	records >in
	feed_file in 0 sk-metrics
	cp "$BATS_TEST_TMPDIR/.out" first
	cat first in >both
	feed_file both 0 sk-metrics
	same "$(j .totals.input)" 27468
	same "$(j .turns)" 4
	for r in known known duplicate; do
		printf '{"schema":"sk.intake/1","result":"%s"}\n' $r
	done >>both
	feed_file both 0 sk-metrics
	same "$(j -c '[.replays,.duplicates]')" '[2,1]'
	has "$(j .warning)" "may be a loop"
}

@test "documents fit their schemas" {
	sk-metrics schema metrics >metrics.json
	records >in
	feed_file in 0 sk-metrics
	cp "$BATS_TEST_TMPDIR/.out" got
	feed_file got 0 "$SK_BUILD/tools/schema_check" metrics.json
}
