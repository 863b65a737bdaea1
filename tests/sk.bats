#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The dispatcher and the doctor, over tools made for the occasion.

load helper

# A directory of its own with sk and stand-ins for the tools.
local_setup() {
	[ -x "$SK_BIN/sk" ] || skip "sk is not built"
	mkdir bin other
	cp "$SK_BIN/sk" bin/sk
	version=$(bin/sk --version)
	version=${version#* }
	sk=$PWD/bin/sk
	PATH=$PWD/other:/usr/bin:/bin
}

# tool DIR/NAME BODY
tool() {
	printf '#!/bin/sh\nif [ "$1" = --version ]; then\n' >"$1"
	printf 'case $2 in --json) echo %s ;; *) echo %s ;; esac\nexit; fi\n' \
		"'{\"sqlite\":\"3.40.1\"}'" "'${1##*/} $version'" >>"$1"
	printf '%s\n' "$2" >>"$1"
	chmod +x "$1"
}

all_tools() {
	local t
	for t in run consensus auto metrics branch login config faults; do
		tool "bin/sk-$t" "${1:-exit 0}"
	done
}

state_of() {
	j --arg n "$1" '.checks[] | select(.name == $n) | .status'
}
detail_of() {
	j --arg n "$1" '.checks[] | select(.name == $n)
		| .detail + "|" + (.hint // "")'
}

@test "sk TOOL runs sk-TOOL with the words as they are" {
	tool bin/sk-run 'printf "<%s>" "$@"; cat; exit 7'
	feed 'in' 7 "$sk" run -a x --json '' -- --help 'a  b'
	same "$out" '<-a><x><--json><><--><--help><a  b>in'
	# its own directory comes before PATH, PATH serves the rest
	tool other/sk-run 'echo wrong'
	tool other/sk-extra 'echo "extra $*"'
	check 7 "$sk" run
	check 0 "$sk" extra --a -- b
	same "$out" 'extra --a -- b'
	check 0 "$sk" --list
	same "$(echo $out)" 'extra run'
	# signals and statuses are the tool's: there is nobody in between
	tool other/sk-kill 'kill -9 $$'
	check 137 "$sk" kill
}

@test "sk says what it does not know" {
	all_tools
	rm bin/sk-auto
	while IFS='|' read -r words code message; do
		check 2 "$sk" $words
		same "$(j .error.code)" "$code"
		one_line
		same "$err" "sk: $message"
	done <<'END'
|missing_verb|no tool given (see 'sk --help')
rnu|unknown_tool|unknown tool 'rnu' (did you mean 'run'?)
docter|unknown_tool|unknown tool 'docter' (did you mean 'doctor'?)
zzzzzzzz|unknown_tool|unknown tool 'zzzzzzzz' ('sk --list' names them all)
auto x|missing_tool|tool 'sk-auto' is not installed ('sk doctor' says what is missing)
../bin/sh|unknown_tool|unknown tool '../bin/sh' ('sk --list' names them all)
--json run|unknown_option|unknown option '--json' (options of 'run' stand after it)
doctor x|extra_operand|unexpected operand 'x' (usage: sk doctor [options])
END
	# neither a directory nor a file without the x bit is a tool
	mkdir bin/sk-dir
	echo >bin/sk-text
	check 2 "$sk" dir
	check 2 "$sk" text
}

@test "sk help shows the tool's help where there is no terminal" {
	all_tools 'echo "help of ${0##*/}: $*"'
	check 0 "$sk" help run
	same "$out" "help of sk-run: --help"
	check 0 "$sk" help sk-auto
	same "$out" "help of sk-auto: --help"
	check 0 "$sk" help
	has "$out" 'usage: sk [options] TOOL [ARG]...'
	check 2 "$sk" help nothing
	same "$out" ''
}

@test "doctor: everything is there" {
	all_tools
	mkdir -m 700 "$BATS_TEST_TMPDIR/state"
	: >"$SK_DB"
	chmod 600 "$SK_DB"
	tool other/claude ''
	unset LD_PRELOAD
	check 0 "$sk" doctor
	for c in sk-run sk-consensus sk-auto sk-config sk-branch state \
		database config git agents sync; do
		same "$c $(state_of "$c")" "$c ok"
	done
	same "$(detail_of sqlite)" '3.40.1|'
	has "$(detail_of agents)" other/claude
	has "$(detail_of sk-run)" "$version, $PWD/bin/sk-run"
	# the document is what its schema says
	"$sk" schema doctor >schema
	same "$(j -c 'keys_unsorted')" \
		"$(jq -c .required schema)"
	same "$(j -c '[.checks[] | keys_unsorted] | unique')" \
		"$(jq -c '[.properties.checks.items.required]' schema)"
	check 0 "$sk" doctor --format text
	has "$out" "ok  sk-run        $version, "
}

@test "doctor: what is wrong is said, and what to do" {
	all_tools
	rm bin/sk-auto
	version=0.0.9 tool bin/sk-run 'exit 0'
	error='{"schema":"sk.error/1","error":{"code":"x","exit":2,"tool":"t","message":"%s","hint":"mend it"}}'
	tool bin/sk-config "printf '$error' 'line 3 is bad'; exit 2"
	tool bin/sk-branch "printf '$error' 'not a database'; exit 65"
	mkdir -m 755 "$BATS_TEST_TMPDIR/state"
	: >"$SK_DB"
	check 1 "$sk" doctor
	same "$(j .status)" fail
	while IFS='|' read -r name state detail; do
		same "$name $(state_of "$name")" "$name $state"
		has "$(detail_of "$name")" "$detail"
	done <<END
sk-auto|fail|not found
sk-run|warn|is not version $version
state|warn|is open to other users (755)
database|fail|not a database|mend it
config|fail|line 3 is bad|mend it
agents|warn|neither claude nor codex
END
	# the same with a database of its own
	check 1 "$sk" doctor --db "$PWD/none.db"
	has "$(detail_of database)" "none.db' is not created yet"
	# a tool that hangs up, and one that says nothing of use
	tool bin/sk-config 'kill -9 $$'
	check 1 "$sk" doctor
	has "$(detail_of config)" "ended with status 137"
	printf '#!/nowhere\n' >bin/sk-consensus
	check 1 "$sk" doctor
	same "$(state_of sk-consensus)" fail
	# a machine without git
	check 1 env PATH="$PWD/none" "$sk" doctor
	same "$(state_of git)" warn
}

@test "doctor: no home, no state directory" {
	all_tools
	unset HOME XDG_STATE_HOME SK_DB
	check 1 "$sk" doctor
	same "$(state_of state)" fail
	export XDG_STATE_HOME=$PWD/nowhere
	check 0 "$sk" doctor
	has "$(detail_of state)" "not created yet"
	[ ! -e nowhere ]
	# Directly below the root, as in a container. (Nothing is made there.)
	[ -w / ] || return 0
	check 0 env SK_DB=/sk-nowhere/sk.db "$sk" doctor
	same "$(state_of state)" ok
}

@test "doctor: eatmydata is found out" {
	all_tools
	LD_PRELOAD=/nowhere/libeatmydata.so check 0 "$sk" doctor
	same "$(state_of sync)" warn
}
