#!/usr/bin/env bats
# sk-auto diff, apply, undo: what agents did in git work trees, in the project.

load helper
load land

local_setup() {
	land_project
}

@test "three agents do the same: side by side, applied as agreed, taken back" {
	tree >../before
	to_implement
	tree >../after-run
	diff ../before ../after-run
	check 0 sk-auto diff DEMO --json
	same "$(j '.candidates | map(.agent) | join(",")')" w1,w2,w3
	same "$(j '.agreed')" w1
	same "$(j '.candidates[0].same_as | join(",")')" w2,w3
	same "$(j '.candidates[1].files | map(.path + ":" + .change) | join(" ")')" \
		"new/deep/f:added src/a.txt:changed src/gone.txt:deleted"
	same "$(j '.candidates[1] | "\(.added) \(.removed)"')" "2 2"
	check 0 sk-auto diff DEMO --format text
	has "$out" 'w2,w3'
	has "$out" 'agreed   w1'
	# Nothing asked, nothing done: the next stage waits for a person.
	check 5 sk-auto resume DEMO --json
	has "$err" 'sk-auto apply DEMO'
	# That is a pause, not a question: nothing asks for an answer.
	same "$(j 'select(.schema=="sk.summary/1") | .state')" paused
	has "$(j 'select(.event=="phase") | .from + ">" + .to' | xargs)" 'checking>paused'
	check 0 sk-auto status DEMO --json
	same "$(j .phase)" paused
	check 0 sk-auto status DEMO --format text
	has "$out" 'resume  sk-auto resume DEMO'
	not grep -q 'sk-auto answer' "$BATS_TEST_TMPDIR/.out"
	check 5 sk-auto next DEMO
	has "$err" 'sk-auto resume DEMO'
	tree | diff ../before -
	# A look changes nothing.
	check 0 sk-auto apply DEMO --dry-run --json
	same "$(j .state)" planned
	tree | diff ../before -
	check 0 sk-auto apply DEMO --json
	same "$(j '.state + " " + .rule + " " + .agent')" "applied agreed w1"
	same "$(cat src/a.txt)" "$(printf 'one\n2\nthree')"
	[ ! -e src/gone.txt ]
	same "$(cat new/deep/f)" hi
	# The same as git would have made of it.
	git stash -qu -- src new
	sk-auto diff DEMO --agent w1 | git apply
	tree >../by-git
	git checkout -q src
	rm -rf new
	git stash pop -q
	tree | diff ../by-git -
	check 0 sk-auto apply DEMO --json
	same "$(j .already)" true
	check 2 sk-auto apply DEMO --from w9 --json
	check 0 sk-auto undo DEMO --json
	same "$(j .state)" undone
	tree | diff ../before -
	check 0 sk-auto undo DEMO --json
	same "$(j .already)" true
	check 0 sk-auto apply DEMO --from w3 --json
	check 0 sk-auto resume DEMO --json
	same "$(j 'select(.schema=="sk.summary/1") | .state')" done
	check 0 sk-consensus audit --json
}

@test "the rules: a quorum of the same, the most typical, a name, nobody" {
	work w2 'printf "one\n2\nthree\nfour\n" >src/a.txt; rm src/gone.txt; mkdir -p new/deep; echo hi >new/deep/f'
	work w3 'echo else >README'
	to_implement
	check 1 sk-auto apply DEMO --json
	same "$(j .error.code)" no_choice
	has "$err" 'sk-auto diff DEMO'
	check 0 sk-auto diff DEMO --json
	same "$(j '.agreed, .medoid' | xargs)" "null w1"
	[ "$(j '.candidates[0].likeness > .candidates[2].likeness')" = true ]
	check 0 sk-auto apply DEMO --choose medoid --json
	same "$(j .agent)" w1
	check 8 sk-auto apply DEMO --from w3 --allow-dirty --json
	same "$(j .error.code)" applied_already
	check 0 sk-auto undo DEMO
	check 0 sk-auto apply DEMO --from w3 --json
	same "$(cat README)" else
	check 0 sk-auto undo DEMO
	[ ! -e README ]
	check 0 sk-auto apply DEMO --none --json
	same "$(j .state)" declined
	check 0 sk-auto resume DEMO --json
	check 1 sk-auto undo DEMO --json
	same "$(j .error.code)" nothing_applied
}

@test "only the configuration lets it happen unasked" {
	printf '[landing]\napply = "agreed"\n' >>sk.toml
	git commit -qam conf
	check 0 sk-auto run DEMO --json
	same "$(j 'select(.schema=="sk.landing/1") | .agent')" w1
	same "$(cat new/deep/f)" hi
	same "$(sqlite3 "$SK_DB" 'SELECT state FROM landings')" applied
	check 0 sk-auto undo DEMO
	# A repository's own file has no say in that.
	unset SK_CONFIG
	mkdir -p .sk
	printf '[landing]\napply = "agreed"\n' >.sk/config.toml
	check 2 sk-auto status DEMO --json
	has "$err" landing.apply
}

@test "what was changed since is not written over, by apply or by undo" {
	to_implement
	# A file of the work, changed without a commit.
	echo mine >>src/a.txt
	check 1 sk-auto apply DEMO --json
	same "$(j .error.code)" dirty_tree
	check 8 sk-auto apply DEMO --allow-dirty --json
	same "$(j .error.code)" changed_since
	has "$err" src/a.txt
	git checkout -q src/a.txt
	# A file in the way that git does not know.
	mkdir -p new/deep
	echo mine >new/deep/f
	check 8 sk-auto apply DEMO --allow-dirty --json
	same "$(cat new/deep/f)" mine
	rm -r new
	# Another file may differ when that is said.
	echo x >other
	check 0 sk-auto apply DEMO --allow-dirty --json
	rm other
	echo mine >>new/deep/f
	chmod +x src/a.txt
	tree >../before
	check 8 sk-auto undo DEMO --json
	same "$(j .error.code)" changed_since
	has "$err" 'src/a.txt'
	has "$err" 'new/deep/f'
	tree | diff ../before -
	chmod -x src/a.txt
	printf 'hi\n' >new/deep/f
	# Of others in a directory we made, the directory is left.
	echo mine >new/mine
	check 0 sk-auto undo DEMO
	same "$(find new | sort | xargs)" "new new/mine"
	# The commit on which it was made must be behind us.
	rm -r new
	git add -A
	git commit -qm artefacts
	check 0 sk-auto apply DEMO --dry-run --json
	git checkout -q --orphan other
	git commit -qm other
	check 8 sk-auto apply DEMO --json
	same "$(j .error.code)" other_base
}

@test "modes, directories for files and back, empty files, odd names" {
	mkdir -p dir/sub
	echo x >dir/sub/x
	: >empty
	echo f >file
	git add -A
	git commit -qm more
	tree >../before
	for w in w1 w2 w3; do
		work "$w" 'rm -r dir; echo now >dir; rm file; mkdir file; echo in >file/in
			chmod -x src/run.sh; chmod +x src/a.txt; : >new-empty; rm empty
			echo q >"a \"quoted\" \$(touch pwned) name"; echo u >"ümläut"; echo s >" lead and trail "'
	done
	to_implement
	check 0 sk-auto apply DEMO --json
	sk-auto diff DEMO --agent w1 -o ../w1.patch
	tree >../ours
	check 0 sk-auto undo DEMO
	tree | diff ../before -
	git apply ../w1.patch
	tree | diff ../ours -
	[ ! -e pwned ]
}

@test "hostile diffs are refused, each for its reason, and change nothing" {
	to_implement
	tree >../before
	base=$(git rev-parse HEAD)
	outside=$BATS_TEST_TMPDIR/outside
	# hostile WORD STATUS: a diff on standard input in the place of w1's.
	hostile() {
		jq -Rs . >../d.json
		sqlite3 "$SK_DB" "UPDATE agent_executions SET meta=json_set(meta,
			'\$.diff', json(CAST(readfile('../d.json') AS TEXT)))
			WHERE agent_name='w1' AND stage='implement'"
		check "$2" sk-auto apply DEMO --from w1 --json
		same "$(j .error.code)" "$1" || {
			echo "$out"
			return 1
		}
		tree | diff ../before -
		[ ! -e "$outside" ]
		check 0 sk-auto diff DEMO --format text
	}
	new() {
		printf 'diff --git a/%s b/%s\nnew file mode %s\nindex 0000000..%s\n--- /dev/null\n+++ b/%s\n@@ -0,0 +1 @@\n+%s\n' \
			"$1" "$1" "${2:-100644}" 1111111 "$1" "${3:-x}"
	}
	new ../outside | hostile bad_patch 65
	new "/$outside" | hostile bad_patch 65
	new a/../../x | hostile bad_patch 65
	new .git/hooks/post-commit 100755 | hostile bad_patch 65
	new sub/.GIT/config | hostile bad_patch 65
	new .gitmodules | hostile bad_path 65
	new .sk/config.toml | hostile bad_path 65
	new link 120000 /etc | hostile bad_path 65
	{ new link 120000 /etc && new link/passwd; } | hostile bad_patch 65
	printf 'diff --git a/sub b/sub\nnew file mode 160000\nindex 0000000..%s\n--- /dev/null\n+++ b/sub\n@@ -0,0 +1 @@\n+Subproject commit %s\n' \
		"$base" "$base" | hostile bad_path 65
	printf 'diff --git "a/x\\ny" "b/x\\ny"\nnew file mode 100644\n--- /dev/null\n+++ "b/x\\ny"\n@@ -0,0 +1 @@\n+x\n' | hostile bad_path 65
	printf 'diff --git "a/\\377" "b/\\377"\nnew file mode 100644\n--- /dev/null\n+++ "b/\\377"\n@@ -0,0 +1 @@\n+x\n' | hostile bad_path 65
	echo 'what is this' | hostile bad_patch 65
	# Not what the file was.
	printf 'diff --git a/src/a.txt b/src/a.txt\n--- a/src/a.txt\n+++ b/src/a.txt\n@@ -1 +1 @@\n-zero\n+0\n' | hostile bad_patch 65
	# Too many, too large, binary.
	for i in $(seq 501); do new "f$i"; done | hostile too_many_files 65
	new big 100644 "$(head -c 11000000 /dev/zero | tr '\0' x)" | hostile too_large 65
	printf 'x\000y\n' >bin.dat
	git add -N bin.dat
	git diff --binary >../bin.patch
	git rm -q --cached bin.dat
	rm bin.dat
	hostile binary 65 <../bin.patch
	# A link that the tree has, though the commit has none.
	mv src ../src-real
	ln -s ../src-real src
	tree >../before
	new src/new | hostile dirty_tree 1
	check 8 sk-auto apply DEMO --from w1 --allow-dirty --json
	[ ! -e ../src-real/new ]
	rm src
	mv ../src-real src
	tree >../before
	check 0 sk-auto apply DEMO --from w2 --json
}

@test "what a patch says is shown to a person, and not obeyed" {
	work w1 'printf "\033]0;title\007 ##[set]\n::set-output name=a::b\n" >src/a.txt'
	to_implement
	check 0 env CI=1 sk-auto diff DEMO --agent w1 --format text
	not grep -q "$(printf '\033')" <<<"$out"
	not grep -q '##' <<<"$out"
	check 0 sk-auto diff DEMO --agent w1
	git apply --check <"$BATS_TEST_TMPDIR/.out"
	check 0 sk-auto diff DEMO --agent w1 --json
	same "$(j -j '.candidates[0].diff' | sha256sum | cut -c1-64)" \
		"$(j '.candidates[0].sha256')"
}

@test "files that are not UTF-8 come through byte by byte" {
	printf 'caf\351\n' >src/latin
	git add -A
	git commit -qm latin
	for w in w1 w2 w3; do
		work "$w" 'printf "caf\351 cr\350me\n" >src/latin'
	done
	to_implement
	check 0 sk-auto apply DEMO --json
	same "$(od -An -tx1 src/latin | tr -d ' \n')" 636166e9206372e86d650a
	check 0 sk-auto undo DEMO
	same "$(od -An -tx1 src/latin | tr -d ' \n')" 636166e90a
}

@test "what is committed while agents work is not taken back by their diff" {
	work w1 "printf 'one\\n2\\nthree\\n' >src/a.txt
		cd '$PWD' && echo meanwhile >meanwhile && git add meanwhile &&
		git commit -qm meanwhile && cd - >/dev/null"
	to_implement
	check 0 sk-auto diff DEMO --json
	same "$(j '.candidates[0].files | map(.path) | join(" ")')" src/a.txt
	check 0 sk-auto apply DEMO --from w1 --json
	same "$(cat meanwhile)" meanwhile
}

@test "the printed script asks in work trees too, and applies what is configured" {
	printf '[landing]\napply = "medoid"\n' >>sk.toml
	git commit -qam conf
	sk-auto run DEMO --to implement --print-script >../run.sh
	shellcheck ../run.sh
	check 0 sh ../run.sh
	same "$(cat new/deep/f)" hi
}

@test "killed between any two steps of apply or undo: finished, or taken back" {
	faults=$SK_TOP/build-faults/bin
	[ -x "$faults/sk-auto" ] || skip "no development build"
	to_implement
	tree >../before
	check 0 sk-auto apply DEMO --json
	tree >../applied
	check 0 sk-auto undo DEMO
	# killed POINTS VERB: dies there as often as it is asked, then ends.
	killed() {
		local n=0 rc
		while [ $n -lt 20 ]; do
			rc=0
			SPEC_KIT_FAULTS=$1 "$faults/sk-auto" "$2" DEMO --json \
				>/dev/null 2>&1 || rc=$?
			[ $rc -ne 137 ] && break
			n=$((n + 1))
			[ $n -lt "$3" ] || break
		done
		[ $n -gt 0 ]
		rm -f "$SK_DB"-faults
	}
	for point in land.before_rename land.file land.before_applied \
		store.landing.before_commit store.landing.after_commit; do
		# Once, then again.
		killed "$point" apply 1
		# (Nothing else goes on in such a tree.)
		check 0 sk-auto apply DEMO --json
		tree | diff ../applied -
		check 0 sk-auto undo DEMO
		tree | diff ../before -
		# Once, then back.
		killed "$point" apply 1
		check 0 sk-auto undo DEMO
		tree | diff ../before -
	done
	# After each file in turn, until it is done.
	killed land.file:99=kill9 apply 20
	check 0 sk-auto apply DEMO --json
	tree | diff ../applied -
	killed land.file:99=kill9 undo 20
	check 0 sk-auto undo DEMO
	tree | diff ../before -
	check 0 sk-auto apply DEMO --json
	for point in land.before_rename land.file land.before_undone \
		store.landing.before_commit store.landing.after_commit; do
		killed "$point" undo 1
		check 0 sk-auto undo DEMO
		tree | diff ../before -
		check 0 sk-auto apply DEMO --json
	done
	# Cut off, and then somebody works on the same file.
	check 0 sk-auto undo DEMO
	killed land.file apply 1
	check 1 sk-auto run DEMO --from implement --json
	has "$err" landing
	echo mine >>src/a.txt
	check 8 sk-auto apply DEMO --json
	check 8 sk-auto undo DEMO --json
	has "$(cat src/a.txt)" mine
	git checkout -q src/a.txt
	check 0 sk-auto undo DEMO --json
	tree | diff ../before -
	check 0 sk-consensus audit --json
}

@test "hostile trees: a link, a repository, a tree exchanged; diff, apply and undo say no" {
	export PWNED=$BATS_TEST_TMPDIR/pwned EVIL=$BATS_TEST_TMPDIR/evil
	printf '#!/bin/sh\necho "$0 $*" >>"%s"\ncat\n' "$PWNED" >"$EVIL"
	chmod +x "$EVIL"
	local hostile="git config core.fsmonitor '$EVIL'
		git config filter.e.clean '$EVIL'; git config diff.e.textconv '$EVIL'
		echo '* filter=e diff=e' >.gitattributes"
	# (The configuration of ours, found by its path: an agent of the same
	# user can do that.)
	work w1 "$hostile; ln -s /etc/passwd src/link; echo x >>src/a.txt
		git -C '$PWD' config core.fsmonitor '$EVIL'
		git -C '$PWD' config core.hooksPath '$BATS_TEST_TMPDIR'"
	work w2 "$hostile; git init -q in; cd in; echo x >x; git add x
		git -c user.name=x -c user.email=x commit -qm x; cd .."
	work w3 't=$PWD; cd ..; mv "$t" "$t.was"; mkdir "$t"; cd "$t"'
	cp "$EVIL" "$BATS_TEST_TMPDIR/post-index-change"
	tree >../before
	check 3 sk-auto run DEMO --to implement --json
	has "$err" "git's configuration or hooks of '$PWD' changed"
	check 0 sk-auto diff DEMO --json
	same "$(j '.candidates[] | "\(.agent) \(.status) \(.worktree)"' | xargs)" \
		"w1 ok true w2 ok true w3 failed false"
	for who in w1:65:bad_path:src/link w2:65:bad_path:in w3:1:no_diffs:w3; do
		IFS=: read -r agent status code names <<<"$who"
		check "$status" sk-auto apply DEMO --from "$agent" --json
		same "$agent $(j .error.code)" "$agent $code"
		has "$err" "'$names'"
	done
	check 1 sk-auto undo DEMO --json
	same "$(j .error.code)" nothing_applied
	check 0 sk-auto status DEMO
	tree | diff ../before -
	[ ! -e "$PWNED" ]
	[ "$(git config core.fsmonitor)" = "$EVIL" ]
	git status >/dev/null
	[ -e "$PWNED" ]
}
