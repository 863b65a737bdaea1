#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# One table per tool: what is parsed is what --help, the manual page and both
# completions say, for every tool and every verb. Completions are executed.

load helper

demo=$SK_BUILD/tools/cli_demo

# every program under test, and the demo that has one of everything
programs() {
	local p
	for p in "$SK_BIN"/sk "$SK_BIN"/sk-* "$demo"; do
		if [ -f "$p" ] && [ -x "$p" ]; then echo "$p"; fi
	done
}

# verbs TOOL: "" first, then those a user may see and that parse options
verbs() {
	jq -r '.verbs[] | select(.hidden | not)
		| select((.pass and .name != null) | not)
		| .name // ""' "$1.json"
}

# want NAME VERB: the words that are parsed, by the table
want() {
	jq -r --arg v "$2" '.verbs[] | select((.name // "") == $v)
		| .options[] | select(.hidden | not)
		| "--" + .long, (if .short then "-" + .short else empty end),
		  (if .no then "--no-" + .long else empty end)' "$1.json" |
		LC_ALL=C sort
}

in_help() {
	awk '/^options:/ { on = 1; next } /^$/ { on = 0 }
		on && match($0, /^  (-., |    )--[^ ]+/) {
			s = substr($0, 3, RLENGTH - 2)
			if (s ~ /^-., /) print substr(s, 1, 2)
			sub(/^(-., |    )--/, "", s)
			if (sub(/^\[no-\]/, "", s)) print "--no-" s
			print "--" s
		}' | LC_ALL=C sort
}

# in_man PAGE TITLE
in_man() {
	awk -v title="$2" '
		/^\.Sh/ { options = $2 == "OPTIONS"; on = 0 }
		/^\.Ss/ { t = substr($0, 5)
			on = options && (t == title || t == "Common options") }
		on && /^\.It / { forms = / -format /
			# (--json is not of verbs whose own forms have no JSON)
			for (i = 2; i < NF; i++)
				if ($i == "Fl" && !($(i + 1) == "-json" && bare))
					print "-" $(i + 1) }
		on && forms && /^One of / && t == title { bare = !/json/ }' "$1" |
		LC_ALL=C sort -u # a verb may have a common option of its own
}

# A page for the demo, which has none.
demo_page() {
	printf '.\\" @%s@\n' SYNOPSIS >page.in
	printf '.Sh OPTIONS\n.\\" @OPTIONS@\n.\\" @EXIT@\n' >>page.in
	"$demo" --dump mdoc | awk -f "$SK_TOP/man/splice.awk" page.in - \
		>sk-demo.1
	echo sk-demo.1
}

local_setup() {
	local p name
	: >tools
	for p in $(programs); do
		name=$("$p" --version)
		name=${name% *}
		"$p" --dump json >"$name.json"
		printf '%s %s\n' "$name" "$p" >>tools
	done
	cat >comp.bash <<'END'
# comp.bash FUNCTION FILE: words on each line of input are completed (the last
# one is the word under the cursor; EMPTY is an empty one), answers on a line.
source "$2" || exit
while IFS= read -r line; do
	IFS=$'\t' read -r -a COMP_WORDS <<<"$line"
	COMP_WORDS=("${COMP_WORDS[@]/#EMPTY/}")
	COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
	"$1" || exit
	printf '%s\n' "${COMPREPLY[*]}"
done
END
	cat >comp.zsh <<'END'
# comp.zsh TOOL FILE VERB: the option specifications that _arguments gets.
compdef() { : }
_describe() { : }
_files() { : }
compadd() { : }
_normal() { : }
_arguments() {
	if (( ${@[(I)-C]} )); then
		state=rest
		return 1
	fi
	print -rl -- "$@"
}
source $2
words=("$3")
_$1
END
}

# complete_bash NAME WORD...: one line of answers
complete_bash() {
	local name=$1
	shift
	[ -f "$name.bash" ] ||
		"$(awk -v n="$name" '$1 == n { print $2 }' tools)" \
			completion bash >"$name.bash"
	(IFS=$'\t'; printf '%s\n' "$*") |
		bash comp.bash "_${name//-/_}" "$name.bash"
}

@test "the demo is here, and every tool has a table" {
	grep -q '^sk-demo ' tools
	[ "$(wc -l <tools)" -ge 2 ]
	while read -r name path; do
		jq -e '.verbs | length > 2' "$name.json" >/dev/null
	done <tools
}

@test "every option of the table is parsed, and no other" {
	while read -r name path; do
		verbs "$name" >verbs
		while IFS= read -r v; do
			jq -r --arg v "$v" '.verbs[]
				| select((.name // "") == $v) | .options[]
				| select(.hidden | not)
				| (if .arg then "arg" else "flag" end) as $k
				| "\($k) --\(.long)",
				  (if .short then "\($k) -\(.short)"
					else empty end),
				  (if .no then "flag --no-\(.long)"
					else empty end)' "$name.json" >opts
			while read -r kind word; do
				if [ "$kind" = flag ]; then
					set -- "$word" --zz-unknown
					wanted="unknown option '--zz-unknown'"
				else
					set -- "$word"
					wanted="option '$word' needs an argument"
				fi
				case $word in
				-h | --help) check 0 "$path" $v "$@" && continue ;;
				esac
				check 2 "$path" $v "$@"
				has "$err" "$wanted"
			done <opts
			check 2 "$path" $v --zz-unknown
			has "$err" "unknown option '--zz-unknown'"
		done <verbs
	done <tools
}

@test "--help shows what is parsed" {
	while read -r name path; do
		verbs "$name" >verbs
		while IFS= read -r v; do
			check 0 "$path" $v --help
			same "$v: $(in_help <"$BATS_TEST_TMPDIR/.out")" \
				"$v: $(want "$name" "$v")"
		done <verbs
	done <tools
}

@test "--help starts with the purpose, examples first, in 80 columns" {
	while read -r name path; do
		verbs "$name" >verbs
		while IFS= read -r v; do
			check 0 "$path" $v --help
			has "$out" "$name${v:+ $v} - "
			[ "$(awk 'length > 80' <"$BATS_TEST_TMPDIR/.out")" = '' ]
			if [ "$(wc -l <"$BATS_TEST_TMPDIR/.out")" -gt 72 ]; then
				echo "$name $v --help is too long for a screen"
				return 1
			fi
			case $out in
			*examples:*) has "${out#*examples:}" usage: ;;
			esac
		done <verbs
	done <tools
}

@test "the manual pages show what is parsed" {
	while read -r name path; do
		page=$SK_TOP/man/$name.1
		if [ "$name" = sk-demo ]; then page=$(demo_page); fi
		verbs "$name" >verbs
		while IFS= read -r v; do
			# (no options of its own: the tool needs a verb)
			[ "$(jq '.verbs[0].runs' "$name.json")" = true ] ||
				[ -n "$v" ] || continue
			same "$name $v: $(in_man "$page" "$name${v:+ $v}")" \
				"$name $v: $(want "$name" "$v")"
		done <verbs
	done <tools
}

@test "bash completes what is parsed" {
	while read -r name path; do
		verbs "$name" >verbs
		while IFS= read -r v; do
			got=$(complete_bash "$name" "$name" ${v:+"$v"} - |
				tr ' ' '\n' | LC_ALL=C sort)
			same "$name $v: $got" "$name $v: $(want "$name" "$v")"
		done <verbs
		# the first word: verbs, and files where operands are files
		seen=$(complete_bash "$name" "$name" EMPTY)
		while IFS= read -r v; do
			has " $seen " " $v "
		done < <(sed 1d verbs)
	done <tools
}

@test "zsh completes what is parsed" {
	command -v zsh >/dev/null || skip "zsh is not installed"
	while read -r name path; do
		"$path" completion zsh >"_$name"
		zsh -n "_$name"
		verbs "$name" >verbs
		while IFS= read -r v; do
			zsh -f comp.zsh "$name" "./_$name" "$v" >specs
			got=$(sed -nE 's/^(\([^)]*\))?\*?(--?[A-Za-z][A-Za-z0-9-]*)[+=]?\[.*/\2/p' \
				specs | LC_ALL=C sort)
			same "$name $v: $got" "$name $v: $(want "$name" "$v")"
		done <verbs
	done <tools
}

@test "an option is of one kind in all verbs of a tool" {
	while read -r name path; do
		same "$name $(jq -c '[.verbs[].options[]
			| {w: ("--" + .long), a: (.arg != null)},
			  (if .short then {w: ("-" + .short), a: (.arg != null)}
				else empty end)]
			| group_by(.w) | map(select((map(.a) | unique | length) > 1)
				| .[0].w)' "$name.json")" "$name []"
		same "$name $(jq -c '[.verbs[].options[]
			| select(.help | length > 56) | .long]' "$name.json")" \
			"$name []"
	done <tools
}

@test "what is committed is what the tables say" {
	while read -r name path; do
		[ "$name" != sk-demo ] || continue
		"$path" completion bash | cmp - "$SK_TOP/completions/$name.bash"
		"$path" completion zsh | cmp - "$SK_TOP/completions/_$name"
		"$path" --dump mdoc |
			awk -f "$SK_TOP/man/splice.awk" "$SK_TOP/man/$name.1.in" - |
			cmp - "$SK_TOP/man/$name.1"
	done <tools
}

@test "the bash scripts pass shellcheck" {
	command -v shellcheck >/dev/null || skip "shellcheck is not installed"
	while read -r name path; do
		"$path" completion bash >"$name.bash"
		shellcheck "$name.bash"
	done <tools
}

@test "bash: arguments, both forms of '=', verbs, files, hostile words" {
	touch 'a file' 'x$(touch pwned)' plain
	while IFS='|' read -r words answer; do
		got=$(eval "complete_bash sk-demo sk-demo $words")
		same "$words: $got" "$words: $answer"
	done <<'END'
--format EMPTY|json text
--format =|json text
--format = j|json
--format=j|--format=json
--format json --mod|--mode
--mode s|slow
-m EMPTY|fast slow
--stage un|unlock
--json --sta|--stage
--agent EMPTY|
--agent fail --js|--json
sc|schema
fail --d|--db
fail --agent|
-q fail --d|--db
--agent fail sc|schema
--file=pl|--file=plain
--file = pl|plain
--db pl|plain
-- --fo|
-- pl|plain
completion EMPTY|bash zsh
completion z|zsh
schema d|demo
word sch|
secret --d|--dry-run --db
pl|plain
'a f'|a file
--file pl|plain
'x$(t'|x$(touch pwned)
'$(touch pwned)'|
'`touch pwned`'|
--no-c|--no-colour
END
	[ ! -e pwned ]
}

@test "bash: sk hands over to the tool's own completion" {
	[ -x "$SK_BIN/sk" ] || skip "sk is not built"
	"$SK_BIN/sk" completion bash >both
	printf '_sk_run() { COMPREPLY=("$COMP_CWORD:${COMP_WORDS[*]}"); }\n' >>both
	same "$(printf 'sk\trun\t-a\tx\n' | bash comp.bash _sk both)" \
		"2:sk-run -a x"
	same "$(printf 'sk\tauto\tx\n' | bash comp.bash _sk both)" ""
	has "$(printf 'sk\tdo\n' | bash comp.bash _sk both)" doctor
}

@test "zsh: <TAB> in a real shell" {
	command -v zsh >/dev/null || skip "zsh is not installed"
	mkdir functions
	"$demo" completion zsh >functions/_sk-demo
	cat >tab.zsh <<'END'
zmodload zsh/zpty || exit 77
zpty -b z zsh -f -i
# await PATTERN: reads until it is seen, 20 s at most
await() {
	local chunk
	local -i n
	for (( n = 0; n < 400; n++ )); do
		while zpty -rt z chunk; do seen+=$chunk; done
		[[ $seen == *${~1}* ]] && return 0
		sleep 0.05
	done
	print -r -- "no $1 in: $seen"
	exit 1
}
typeset -g seen=
zpty -w z "PS1='ready> '; fpath=($PWD/functions \$fpath)"
zpty -w z "autoload -U compinit; compinit -D -u; echo do''ne"
await 'done'
seen=
zpty -wn z $'sk-demo --form\t'
await '--format'
seen=
zpty -wn z $'js\t'
await 'json'
seen=
zpty -wn z $' sche\t'
await 'schema'
seen=
zpty -wn z $'de\t'
await 'demo'
zpty -d z
END
	zsh -f tab.zsh || { [ $? -eq 77 ] && skip "zsh has no zpty module"; }
}
