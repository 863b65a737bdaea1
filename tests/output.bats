#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Standard output is checked in every tool: full disk, closed, a reader that went
# away; closed standard input; a descriptor that is not ours.

load helper

demo=$SK_BUILD/tools/cli_demo

# cases: the command lines of every tool that print something without a state
cases() {
	local p
	for p in "$SK_BIN"/sk "$SK_BIN"/sk-* "$demo"; do
		if [ -f "$p" ] && [ -x "$p" ]; then
			printf '%s --help\n%s --version\n' "$p" "$p"
			printf '%s --version --json\n%s schema\n' "$p" "$p"
			printf '%s completion bash\n' "$p"
			printf '%s --dump json\n' "$p"
		fi
	done
	# a verb that works, per tool
	printf '%s\n' "$demo --json" "$demo table a b c"
	if [ -x "$SK_BIN/sk" ]; then
		printf '%s\n' "$SK_BIN/sk doctor" "$SK_BIN/sk help"
	fi
	if [ -x "$SK_BIN/sk-config" ]; then
		printf '%s\n' "$SK_BIN/sk-config list"
	fi
	if [ -x "$SK_BIN/sk-branch" ]; then
		printf '%s\n' "$SK_BIN/sk-branch list"
	fi
}

@test "a full disk is 74 and one line, never 0" {
	[ -c /dev/full ] || skip "no /dev/full"
	cases >cases
	while read -r line; do
		got=0
		$line >/dev/full 2>err </dev/null || got=$?
		same "$line: $got" "$line: 74"
		same "$(wc -l <err)" 1
		has "$(cat err)" "cannot write to standard output"
	done <cases
}

@test "closed standard output is 74 and one line, never 0" {
	cases >cases
	while read -r line; do
		got=0
		$line >&- 2>err </dev/null || got=$?
		same "$line: $got" "$line: 74"
		same "$(wc -l <err)" 1
	done <cases
}

@test "a reader that goes away is 141 without a word" {
	cases >cases
	while read -r line; do
		got=0
		# (the reader is gone before anything is written)
		{ sleep 0; $line 2>err; echo $? >status; } </dev/null |
			true || got=$?
		wait_for [ -s status ]
		case $(cat status) in
		141 | 0) ;; # 0: written before the reader went
		*) same "$line: $(cat status)" 141 ;;
		esac
		same "$line: $(cat err)" "$line: "
		rm status
	done <cases
}

@test "head takes one byte of a lot and nobody complains" {
	# more than a pipe holds
	head -c 100000 /dev/zero | tr '\0' x >cell
	got=0
	(set -o pipefail
	"$demo" table a b "$(cat cell)" a b "$(cat cell)" 2>err | head -c 1) ||
		got=$?
	same "$got" 141
	same "$(cat err)" ''
}

@test "everything closed: no crash, no hang, the same answer" {
	cases >cases
	while read -r line; do
		want=0
		$line </dev/null >want 2>/dev/null || want=$?
		got=0
		$line <&- >out 2>err || got=$?
		same "$line: $got" "$line: $want"
		cmp want out
		got=0
		$line <&- >&- 2>&- || got=$?
		same "$line: $got" "$line: 74"
		got=0
		$line </dev/null >out 2>&- || got=$?
		same "$line: $got" "$line: $want"
	done <cases
}

@test "a descriptor of the caller does not reach a tool's children" {
	[ -x "$SK_BIN/sk" ] || skip "sk is not built"
	# A tool in place of sk-config and sk-branch that looks at its own.
	mkdir bin
	cp "$SK_BIN/sk" bin/sk
	cat >bin/sk-config <<'END'
#!/bin/sh
ls -l /proc/$$/fd >"$FDS"
END
	chmod +x bin/sk-config
	# (bats has 3 for itself, so it is a good one to look for too)
	FDS=$PWD/fds bin/sk doctor >out 9>caller 3>caller3 || [ $? -eq 1 ]
	[ -s fds ]
	if grep -q caller fds; then
		cat fds
		return 1
	fi
}

@test "an error is one line on stderr and one record on stdout, or none" {
	check 9 "$demo" --json fail 9 'cannot do'
	same "$(j .error.message)" 'cannot do'
	check 9 "$demo" fail 9 'it broke' 'mend it'
	one_line
	same "$err" 'sk-demo: it broke (mend it)'
	same "$out" '{"schema":"sk.error/1","error":{"code":"demo","exit":9,"tool":"sk-demo","message":"it broke","hint":"mend it","retry_after_ms":1500,"details":{"line":3}}}'
	check 9 "$demo" fail 9 'it broke' --format text
	same "$out" ''
	same "$err" 'sk-demo: it broke'
	# a result is not an error
	check 3 "$demo" fail 3
	same "$out$err" ''
	# the product is one value: nothing but it on stdout
	check 4 "$demo" raw x --json
	same "$out" ''
	same "$err" 'sk-demo: no token'
	check 2 "$demo" raw --nope
	same "$out" ''
	check 2 "$demo" completion fish
	same "$out" ''
	# wrong usage before the format is known
	check 2 "$demo" --nope --format text
	same "$out" ''
	one_line
	check 2 "$demo" --nope --json
	same "$(j .error.code)" unknown_option
	# hostile text stays text
	check 9 "$demo" fail 9 "$(printf 'a\033[31m\nb')"
	one_line
	case $err in *"$(printf '\033')"*) return 1 ;; esac
	# the record is valid by its own schema's names
	"$demo" schema error | jq -e '.properties.error.required | length == 7'
}

@test "JSON into a pipe, text for a person, help for the lost" {
	command -v script >/dev/null || skip "script(1) is not installed"
	check 0 script -qec "'$demo' raw" /dev/null
	has "$out" value
	check 9 script -qec "'$demo' fail 9 broken" /dev/null
	same "$(tr -d '\r' <"$BATS_TEST_TMPDIR/.out")" 'sk-demo: broken'
	check 9 script -qec "'$demo' fail 9 broken --json" /dev/null
	has "$out" '"schema":"sk.error/1"'
	check 0 "$demo" --version
	same "${out% *}" sk-demo
	check 0 "$demo" --version --json
	same "$(j .schema)" sk.version/1
	check 0 "$demo" fail --nonsense --help
	has "$out" 'usage: sk-demo fail [options] CLASS [MESSAGE [HINT]]'
	SK_NO_INPUT=1 check 0 "$demo"
	same "$(j .no_input)" true
}

@test "a filter passes sk.error/1 on and ends with its status" {
	feed '{"schema":"sk.error/1","error":{"code":"busy","exit":75,"tool":"sk-run","message":"locked"}}
' 75 "$demo" lines
	same "$err" 'sk-demo: locked'
	same "$(j -c '.error | [.code, .exit, .tool, .details.from]')" \
		'["busy",75,"sk-demo","sk-run"]'
	# (… and the first cause is what a pipe ends with)
	"$demo" fail 7 'no money' 2>/dev/null | { "$demo" lines >out 2>/dev/null ||
		echo $? >status; }
	same "$(cat status)" 7
}

@test "tables are aligned whatever is in them" {
	check 0 "$demo" table a b c 'äöü' 10 x '日本' 200 "$(printf 'e\033\nf')"
	same "$out" "$(printf '%s\n' 'a       b  c' 'äöü    10  x' \
		'日本  200  e\x1b\nf')"
}
