#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The public suites for JSON Schema and TOML, where Debian's packages have put
# them: json-schema-test-suite, golang-github-burntsushi-toml-dev.

load helper

SCHEMA=/usr/share/json-schema-test-suite/tests/draft7
TOML=/usr/share/gocode/src/github.com/BurntSushi/toml/internal/toml-test/tests

# count SUITE WHY: how many cases passed, for tests/run to show.
count() {
	set -- "$1" "$2" ${lines[-1]//[!0-9]/ }
	echo "# count: $1: $3 of $(($3 + $4)) cases; $4 $2" >&3
}

@test "JSON Schema: every draft-07 case that needs no other document" {
	[ -d "$SCHEMA" ] || skip "json-schema-test-suite is not installed"
	[ -x "$SK_BUILD/tools/schema_suite" ] || skip "make tools first"
	run "$SK_BUILD/tools/schema_suite" "$SCHEMA"
	# What is left refers to documents on a server; nothing is fetched.
	rest=$(printf '%s\n' "$output" | grep -v -e /refRemote.json: \
		-e 'passed,' || true)
	echo "$output"
	[ -z "$rest" ]
	[ "${lines[-1]%% *}" -ge 400 ]
	count 'JSON Schema draft-07' 'refer to a server'
	run "$SK_BUILD/tools/schema_suite" "$SCHEMA/optional/bignum.json" \
		"$SCHEMA/optional/zeroTerminatedFloats.json"
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "TOML: every case of toml-test for 1.0" {
	[ -d "$TOML" ] || skip "golang-github-burntsushi-toml-dev is not installed"
	[ -x "$SK_BUILD/tools/toml_suite" ] || skip "make tools first"
	run "$SK_BUILD/tools/toml_suite" "$TOML"
	# \e came with TOML 1.1.
	rest=$(printf '%s\n' "$output" | grep -v -e /escape-esc.toml: \
		-e 'passed,' || true)
	echo "$output"
	[ -z "$rest" ]
	[ "${lines[-1]%% *}" -ge 300 ]
	count 'toml-test 1.0' 'has an escape of TOML 1.1'
}
