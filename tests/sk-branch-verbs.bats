#!/usr/bin/env bats
# sk-branch: names, fork and replay, filter, diff, tree, resume, prune.

load helper

local_setup() {
	export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
	export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.org
	export GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.org
}

new() { sk-branch new --json "$@" | jq -r .branch; }
fork() { sk-branch fork --json "$@" | jq -r .branch; }
field() { sk-branch show "$2" --json | jq -r "$1"; }

# decide BRANCH STAGE VALUE [VALUE of b]: two agents answer, and it is decided.
decide() {
	local run
	run=$(field .run "$1")
	for a in a "${4:+b}"; do
		[ -n "$a" ] || a=b
		jq -nc --arg a "$a" --arg r "$run" --arg b "$1" --arg s "$2" \
			--arg v "$([ "$a" = b ] && echo "${4:-$3}" || echo "$3")" \
			'{schema:"sk.answer/1",run:$r,branch:$b,spec:"S",
			  stage:$s,agent:$a,content:({x:$v}|tojson)}'
	done | sk-consensus --no-evidence --expect a,b --json >/dev/null ||
		[ $? -eq 1 ]
}

# pick KEYS [OPTION...]: the picker on a terminal; $out is what it printed.
pick() {
	local keys=$1
	shift
	"$SK_BUILD/tools/pty" -o picked -e "go on with" -k "$keys" -- \
		sk-branch resume "$@" >screen || return
	out=$(cat picked)
}

@test "a branch is named by its beginning, its time or its unique part" {
	a=$(new --spec S)
	b=$(new --spec T)
	hex=${a##*-}
	same "$(field .branch "${hex:0:8}")" "$a"
	same "$(field .branch "S-")" "$a"
	same "$(field .branch "t-20")" "$b"
	same "$(field .branch "${a:0:40}")" "$a"
	new --spec S >/dev/null
	check 2 sk-branch show S-20 --json
	same "$(j .error.code)" ambiguous_branch
	same "$(j '.error.details.candidates | length')" 2
	has "$(j '.error.details.candidates | join(" ")')" "$a"
	has "$err" "$a"
	one_line
	# Three letters of a hash are no name.
	check 2 sk-branch show "${hex:0:3}" --json
	same "$(j .error.code)" no_such_branch
	for v in fork replay filter resume; do
		check 2 sk-branch $v S-20 </dev/null
		has "$err" "beginning of 2 branches"
	done
}

@test "list: filters by spec, run, git branch, root and state, and says so" {
	git init -q -b main .
	a=$(new --spec S)
	git symbolic-ref HEAD refs/heads/feat/x
	b=$(new --spec S)
	decide "$b" plan 1
	git init -q ../other
	(cd ../other && new --spec S) >c
	c=$(cat c)
	ids() { sk-branch list --json "$@" | jq -r '[.branches[].branch] | join(" ")'; }
	same "$(ids)" "$b"
	same "$(ids -g main)" "$a"
	same "$(ids -g -)" ""
	same "$(ids --root ../other)" "$c"
	same "$(ids --root . )" "$b $a"
	same "$(ids --all --state new)" "$c $a"
	same "$(ids --all --state open)" "$b"
	same "$(ids --run "$(field .run "$a")")" "$a"
	same "$(ids --run "$(field .run "$a")" --spec T)" ""
	check 0 sk-branch list --json --state new
	valid branches
	same "$(j .filter.state)" new
	same "$(j .left_out)" 3
	check 2 sk-branch list --state nonsense --json
	# A git branch that is gone is said to be.
	git -c user.name=a commit -q --allow-empty -m x
	check 0 sk-branch list --root . --format text
	has "$out" "main (deleted)"
	same "$(grep -c '(deleted)' "$BATS_TEST_TMPDIR/.out")" 1
}

@test "fork goes on from a decision; resume_excludes_old_branches" {
	a=$(new --spec S)
	decide "$a" plan 1
	decide "$a" tasks 2
	decide "$a" implement 3
	f=$(fork "$a" --after plan)
	same "$(field '.parent + " " + (.fork | tostring)' "$f")" "$a 1"
	g=$(fork "$a" --at 2)
	h=$(fork "$a")
	z=$(fork "$a" --at 0)
	for row in "$f|plan" "$g|plan tasks" "$h|plan tasks implement" "$z|"; do
		same "$(sk-branch replay "${row%%|*}" --json |
			jq -r 'select(.schema=="sk.verdict/1") | .stage' | xargs)" \
			"${row#*|}"
	done
	# What was inherited from a grandparent is cut where it was made.
	i=$(fork "$g" --after plan)
	same "$(field '.parent + " " + (.fork | tostring)' "$i")" "$a 1"
	# Later work of the parent is not seen.
	decide "$a" validate 4
	same "$(sk-branch replay "$h" --json | jq -r 'select(.schema=="sk.verdict/1") | .stage' | xargs)" \
		"plan tasks implement"
	while IFS='|' read -r code args; do
		# shellcheck disable=SC2086
		check 2 sk-branch fork $args --json
		same "$(j .error.code)" "$code"
	done <<-END
		no_such_decision|$a --at 9
		no_such_decision|$a --after audit
		options_exclude|$a --after plan --at 1
		no_such_branch|nowhere
	END
}

@test "replay prints the records as they were, asks nobody and changes nothing" {
	a=$(new --spec S)
	decide "$a" plan 1
	decide "$a" tasks 2 3
	before=$(sqlite3 "$SK_DB" .dump | sha256sum)
	check 0 sk-branch replay "$a" --json
	same "$(j .schema | xargs)" "sk.answer/1 sk.answer/1 sk.verdict/1 sk.answer/1 sk.answer/1 sk.verdict/1"
	same "$(j 'select(.schema=="sk.answer/1") | .content' | head -1)" '{"x":"1"}'
	same "$(j 'select(.schema=="sk.verdict/1") | .status' | xargs)" "ok conflict"
	grep -h sk.answer "$BATS_TEST_TMPDIR/.out" >answers
	cp answers "$BATS_TEST_TMPDIR/.out"
	while read -r line; do
		echo "$line" >"$BATS_TEST_TMPDIR/.out"
		valid answer
	done <answers
	same "$(sqlite3 "$SK_DB" .dump | sha256sum)" "$before"
	# The same answers give the same verdict, in a database of their own.
	sk-branch replay "$a" --stage tasks --json |
		SK_DB=$PWD/other.db sk-consensus --no-evidence --expect a,b --json >again || true
	same "$(jq -r .status again)" conflict
	check 0 sk-branch replay "$a" --stage plan --format text
	has "$out" "1  plan  round 1  ok"
	check 0 sk-branch replay "$(new --spec S)" --json
	same "$out" ""
}

@test "filter_responses_by_branch: a stream's records, by ancestry up to the fork" {
	a=$(new --spec S)
	decide "$a" plan 1
	f=$(fork "$a")
	decide "$a" tasks 2
	decide "$f" tasks 3
	{
		sk-branch replay "$a" --json
		sk-branch replay "$f" --stage tasks --json
		echo '{"schema":"sk.event/1","event":"x","branch":"'"$f"'"}'
		echo '{"schema":"sk.event/1","event":"no branch"}'
		echo '{"schema":"sk.answer/1","agent":"z","branch":"Other","content":"##"}'
	} >all
	feed_file all 0 sk-branch filter "$f"
	same "$(j '.schema[3:6] + ":" + (.stage // "-")' | xargs)" \
		"ans:plan ans:plan ver:plan ans:tasks ans:tasks ver:tasks eve:-"
	same "$(j 'select(.stage=="tasks") | .branch // .decision.branch' | sort -u)" "$f"
	feed_file all 0 sk-branch filter --exact "$f"
	same "$(wc -l <"$BATS_TEST_TMPDIR/.out")" 4
	# Exactly a branch: no database is needed, and none is made.
	feed_file all 0 env SK_DB="$PWD/none.db" sk-branch filter -x Other
	same "$(j .agent)" z
	not grep -q '##' "$BATS_TEST_TMPDIR/.out"
	[ ! -e none.db ]
	# An error of the tool before passes through with its status.
	feed '{"schema":"sk.error/1","error":{"code":"budget_exceeded","message":"m","exit":7}}
' 7 sk-branch filter "$f" --json
	same "$(j .error.code)" budget_exceeded
	feed '{' 65 sk-branch filter "$f" --json
	same "$(j .error.code)" bad_record
	feed '' 0 sk-branch filter "$f"
}

@test "diff: where two branches' verdicts differ, path by path" {
	a=$(new --spec S)
	decide "$a" plan 1
	b=$(fork "$a")
	c=$(fork "$a")
	check 0 sk-branch diff "$b" "$c" --json
	valid branch-diff
	same "$(j .same)" true
	decide "$b" tasks 2
	decide "$c" tasks 3
	decide "$c" audit 4
	check 1 sk-branch diff "$b" "$c" --json
	valid branch-diff
	same "$(j '.stages | map(.stage + ":" + (.same | tostring)) | join(" ")')" \
		"plan:true tasks:false audit:false"
	same "$(j '.stages[1].changes[0] | .path + .a + .b')" /x23
	same "$(j '.stages[2].a')" null
	check 1 sk-branch diff "$b" "$c" --format text
	has "$out" '- /x  "2"'
	has "$out" '+ /x  "3"'
	has "$out" "audit: not decided, ok"
	check 0 sk-branch diff "$b" "$c" --stage plan --format text
	same "$out" ""
	# A conflict has no agreed value.
	d=$(fork "$a")
	decide "$d" tasks 2 9
	check 1 sk-branch diff "$b" "$d" --stage tasks --json
	same "$(j '.stages[0].b.status')" conflict
}

@test "tree: what was forked from what, each with its own decisions" {
	a=$(new --spec S)
	decide "$a" plan 1
	b=$(fork "$a")
	decide "$b" tasks 2 3
	c=$(fork "$b" --at 0)
	d=$(fork "$a")
	new --spec T >/dev/null
	check 0 sk-branch tree "$c" --json
	valid tree
	same "$(j '.branches | map((.depth|tostring) + .branch) | join(" ")')" \
		"0$a 1$b 2$c 1$d"
	same "$(j '.branches[1].decisions | map(.stage + .status) | join(" ")')" tasksconflict
	check 0 sk-branch tree --format text
	has "$out" "S  run $(field .run "$a")"
	has "$out" "    $b  open, forked after 1: 1 tasks conflict"
	same "$(grep -c 'run ' "$BATS_TEST_TMPDIR/.out")" 2
	check 0 sk-branch tree --spec T --json
	same "$(j '.branches | length')" 1
}

@test "resume: --last and one alone need no question; nothing is guessed" {
	check 1 sk-branch resume
	same "$out" ""
	has "$err" "no branch to go on with"
	a=$(new --spec S)
	check 0 sk-branch resume
	same "$out" "$a"
	b=$(new --spec T)
	check 2 sk-branch resume
	has "$err" "2 branches and no terminal"
	check 0 sk-branch resume --last
	same "$out" "$b"
	# The same rule as the list's: newest activity first, of this place.
	decide "$a" plan 1
	check 0 sk-branch resume --last
	same "$out" "$a"
	check 0 sk-branch resume --last --spec T
	same "$out" "$b"
	check 0 sk-branch resume "$b"
	same "$out" "$b"
	check 2 sk-branch resume "$b" --last
	# What is done, cancelled or being driven is not offered.
	sk-consensus stop --run "$(field .run "$a")" >/dev/null
	check 0 sk-branch resume --last
	same "$out" "$b"
	git init -q .
	check 1 sk-branch resume --last
	has "$err" "--all"
	check 0 sk-branch resume --last --all
	same "$out" "$b"
	# Looking is no activity.
	same "$(sk-branch list --all --json | jq -r '.branches[0].branch')" "$a"
}

@test "resume on a terminal: arrows, numbers, the toggle, and leaving" {
	git init -q -b main .
	a=$(new --spec A)
	b=$(new --spec B)
	c=$(new --spec C)
	git symbolic-ref HEAD refs/heads/other
	d=$(new --spec D)
	git symbolic-ref HEAD refs/heads/main
	# Newest first: c, b, a.
	while IFS='|' read -r keys want; do
		pick "$keys"
		same "$keys $out" "$keys $want"
	done <<-END
		\\n|$c
		\\e[B\\n|$b
		\\e[B\\e[B\\n|$a
		\\e[B\\e[B\\e[B\\e[B\\n|$a
		\\e[A\\n|$c
		jjk\\n|$b
		3\\n|$a
		9\\n|$c
		\\eOB\\n|$b
		\\e[F\\n|$a
		\\e[F\\e[H\\n|$c
		a\\n|$d
		aa\\n|$c
		a4\\n|$a
	END
	has "$(cat screen)" "1 more left out"
	has "$(cat screen)" "0 more left out"
	for keys in q '\cc' '\cd' '\e'; do
		rc=0
		pick "$keys" || rc=$?
		same "$keys $rc" "$keys 130"
		same "$(cat picked)" ""
	done
	# The terminal is left as it was, and the cursor is seen again.
	has "$(cat screen)" $'\033[?25h'
	"$SK_BUILD/tools/pty" -e 'go on' -k 'q' -e after -- sh -c \
		'before=$(stty -g); sk-branch resume; [ "$(stty -g)" = "$before" ] && echo after'
	# A narrow terminal that is made narrower, and one with few rows.
	"$SK_BUILD/tools/pty" -o picked -r 24x40 -e "go on" -r 24x30 -k '\e[B' \
		-e "> " -k '\n' -- sk-branch resume >screen
	same "$(cat picked)" "$b"
	"$SK_BUILD/tools/pty" -o picked -r 6x40 -e "go on" -k '\e[F\n' -- \
		sk-branch resume >screen
	same "$(cat picked)" "$a"
	# Signals end it as they end others, and leave nothing behind.
	rc=0
	"$SK_BUILD/tools/pty" -o picked -e "go on" -s 15 -- sk-branch resume \
		>screen || rc=$?
	same "$rc" 130
	# --no-input means it.
	rc=0
	"$SK_BUILD/tools/pty" -o picked -- sk-branch resume --no-input >screen || rc=$?
	same "$rc" 2
}

@test "prune: a dry run first, then only what is empty and old" {
	a=$(new --spec S)
	decide "$a" plan 1
	b=$(fork "$a")
	c=$(fork "$b")
	d=$(new --spec T)
	check 0 sk-branch prune --json
	valid prune
	same "$(j '.branches | length')" 0
	check 0 sk-branch prune --older-than 0s --json
	valid prune
	same "$(j .removed)" false
	same "$(j '.branches | map(.branch) | join(" ")')" "$c $d"
	same "$(j '.branches | map(.whole_run | tostring) | join(" ")')" "false true"
	same "$(sk-branch list --all --json | jq '.branches | length')" 4
	check 0 sk-branch prune --older-than 0s --yes --json
	same "$(j .removed)" true
	same "$(sk-branch list --all --json | jq -r '[.branches[].branch] | sort | join(" ")')" \
		"$(printf '%s\n' "$a" "$b" | sort | xargs)"
	same "$(sqlite3 "$SK_DB" 'SELECT count(*) FROM runs')" 1
	# The run goes on with what is left, and the history knows.
	same "$(sqlite3 "$SK_DB" 'SELECT branch_id FROM runs')" "$b"
	same "$(sqlite3 "$SK_DB" "SELECT count(*) FROM journal WHERE kind='prune'")" 2
	check 0 sk-branch prune --older-than 0s --yes --json
	check 0 sk-branch prune --older-than 0s --yes --json
	same "$(sk-branch list --all --json | jq -r '.branches[].branch')" "$a"
	check 0 sk-consensus audit --json
	sqlite3 "$SK_DB" 'PRAGMA foreign_key_check'
	# Nothing of another project.
	git init -q ../other
	(cd ../other && new --spec S >/dev/null)
	check 0 sk-branch prune --older-than 0s --json
	same "$(j '.branches | length')" 0
	check 0 sk-branch prune --older-than 0s --all --json
	same "$(j '.branches | length')" 1
}
