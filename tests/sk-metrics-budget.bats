#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Budgets hold: among processes, over crashes, and when nothing is known.

load helper

race=$SK_BUILD/tools/metrics_race

# conf LINE…: a configuration with these lines in [cost]
conf() {
	{
		echo '[cost]'
		printf '%s\n' "$@"
	} >c.toml
	export SK_CONFIG=$PWD/c.toml
}

@test "64 processes race for a budget worth 10 calls: never over, all of it used" {
	check 0 "$race" "$SK_DB" 64 "${RACE_ROUNDS:-50}"
	echo "# $out" >&3
	has "$out" "over 0,"
	has "$out" "under 95 % 0,"
	has "$out" "errors 0"
}

@test "kill -9 of holders lets go of what they held" {
	check 0 "$race" "$SK_DB" 64 "${RACE_KILLS:-10}" kill
	echo "# $out" >&3
	has "$out" "over 0,"
	has "$out" "under 95 % 0,"
	hasnt_zero=$(sed -n 's/.* \([0-9]*\) killed.*/\1/p' <<<"$out")
	[ "$hasnt_zero" -gt 0 ]
	same "$(sqlite3 "$SK_DB" 'SELECT count(*) FROM reservations')" 0
	[ "$(sqlite3 "$SK_DB" "SELECT count(*) FROM journal
		WHERE kind='reservation_lost'")" -eq "$hasnt_zero" ]
}

@test "reserve, refuse with every figure, release" {
	conf 'run_limit_usd = 1.0'
	check 0 sk-metrics reserve --run r1 --amount 0.6 --key one --holder $$
	same "$(j .reservation.cost)" 600000
	check 7 sk-metrics reserve --run r1 --amount 0.6 --key two --holder $$
	same "$(j .error.code)" budget_exceeded
	same "$(j -c '.error.details | [.scope,.id,.limit,.used,.reserved,
		.requested,.resets_at]')" \
		'["run","r1",1000000,0,600000,600000,null]'
	has "$err" "budget of run 'r1' refused: limit 1.000000 USD"
	# what it did cost is less: there is room again
	check 0 sk-metrics release one --cost 0.1
	check 0 sk-metrics reserve --run r1 --amount 0.9 --key two --holder $$
	has "$err" "100 % used or reserved: exceeded"
	check 0 sk-metrics release two
	check 0 sk-metrics release two
	check 0 sk-metrics budget --run r1
	same "$(j -c '.budgets[] | select(.scope == "run") |
		[.id,.limit,.used,.reserved,.left,.level]')" \
		'["r1",1000000,100000,0,900000,null]'
	"$SK_BUILD/tools/schema_check" <(sk-metrics schema budget) \
		<"$BATS_TEST_TMPDIR/.out"
}

@test "warnings at 80 and 90 %, each once" {
	conf 'daily_limit_usd = 1'
	check 0 sk-metrics reserve --amount 0.79 --key a --holder $$
	same "$err" ''
	check 0 sk-metrics reserve --amount 0.01 --key b --holder $$
	has "$err" "80 % used or reserved: warning"
	check 0 sk-metrics reserve --amount 0.05 --key c --holder $$
	same "$err" ''
	check 0 sk-metrics reserve --amount 0.05 --key d --holder $$
	has "$err" "90 % used or reserved: critical"
	check 7 sk-metrics reserve --amount 0.2 --key e --holder $$
	same "$(j .error.details.scope)" day
	has "$(j .error.details.resets_at)" "T00:00:00.000Z"
	[ "$(j .error.retry_after_ms)" -gt 0 ]
}

@test "a price that is not known fails closed, unless it is allowed" {
	conf 'daily_limit_usd = 1'
	check 7 sk-metrics reserve --model nobody-knows-1 --key a
	same "$(j .error.code)" unpriced
	has "$err" "no price is known of 'nobody-knows-1'"
	check 0 sk-metrics reserve --model nobody-knows-1 --key a \
		--unpriced allow
	conf 'daily_limit_usd = 1' 'unpriced = "allow"'
	check 0 sk-metrics reserve --model nobody-knows-1 --key b
	# without any budget nobody asks
	conf 'enabled = false' 'daily_limit_usd = 0'
	check 0 sk-metrics reserve --model nobody-knows-1 --key c
	conf 'enabled = true'
	check 0 sk-metrics reserve --model nobody-knows-1 --key d
}

@test "scopes: branch, specification, month and provider have limits too" {
	b=S-20251129101500-0123456789abcdef0123456789abcdef
	for l in "branch_limit_usd = 0.5" "spec_limit_usd = 0.5" \
		"monthly_limit_usd = 0.5" \
		"provider_limits_usd = { anthropic = 0.5 }"; do
		conf "$l"
		check 7 sk-metrics reserve --run r1 --branch "$b" --spec S \
			--model claude-opus-5-5 --amount 0.6 --key x
		has "${l%%_*}ly" "$(j .error.details.scope | cut -c 1-5)"
		check 0 sk-metrics reserve --run r1 --branch "$b" --spec S \
			--model claude-opus-5-5 --amount 0.5 --key x
		check 0 sk-metrics release x
	done
}
