#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The races for a budget, long: a thousand rounds, and with crashes.

load ../helper

race=$SK_BUILD/tools/metrics_race

@test "a thousand rounds of 64 processes: never over, all of it used" {
	check 0 "$race" "$SK_DB" 64 1000
	echo "# $out" >&3
	has "$out" "over 0,"
	has "$out" "under 95 % 0,"
	has "$out" "errors 0"
}

@test "two hundred rounds in which holders are killed" {
	check 0 "$race" "$SK_DB" 64 200 kill
	echo "# $out" >&3
	has "$out" "over 0,"
	has "$out" "under 95 % 0,"
	has "$out" "errors 0"
}
