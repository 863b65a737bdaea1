#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What an agent writes into its own work tree is data: no git of ours runs what
# it left there, reads what it configured, or follows where it points; and what
# it does to its repository happens to no other.

load helper
load land

local_setup() {
	git init -q -b main repo
	cd repo || return 1
	git config user.email a@example.org
	git config user.name a
	mkdir src
	printf 'one\ntwo\n' >src/a.txt
	git add .
	# A submodule that nobody has fetched.
	git update-index --add --cacheinfo \
		"160000,0123456789abcdef0123456789abcdef01234567,vendor"
	mkdir vendor
	git commit -qm first
	mkdir ../secret
	echo "very secret" >../secret/key
	export PWNED=$BATS_TEST_TMPDIR/pwned EVIL=$BATS_TEST_TMPDIR/evil
	export SECRET=$BATS_TEST_TMPDIR/secret
	printf '#!/bin/sh\necho "$0 $*" >>"%s"\ncat\n' "$PWNED" >"$EVIL"
	chmod +x "$EVIL"
	export GIT_CONFIG_GLOBAL=/dev/null
}

# ours: what must be as it was, whatever agents do.
ours() {
	find .git src vendor -type f ! -name index -exec sha256sum {} + | sort -k2
	git worktree list
}

# did BODY: what an agent that does this is said to have done: $out, $diff.
did() {
	printf '#!/bin/sh\nexec 2>&1\n%s\necho done\n' "$1" >../agent
	chmod +x ../agent
	check "${2:-0}" sh -c "echo p | timeout 60 sk-run --worktree \
		-x 'a=env PWNED=$PWNED EVIL=$EVIL SECRET=$SECRET $PWD/../agent'"
	diff=$(jq -r 'select(.schema == "sk.answer/1") | .diff // ""' \
		"$BATS_TEST_TMPDIR/.out")
	[ ! -e "$PWNED" ] || {
		cat "$PWNED" >&2
		return 1
	}
	not grep -q 'very secret' "$BATS_TEST_TMPDIR/.out"
	not grep -q "git's configuration" <<<"$err"
}

# The attributes that ask for every program that git knows to run.
attributes='printf "* filter=e diff=e merge=e\n" >.gitattributes'
configure='
	git config filter.e.clean "$EVIL"; git config filter.e.smudge "$EVIL"
	git config filter.e.process "$EVIL"; git config filter.e.required true
	git config diff.e.textconv "$EVIL"; git config diff.e.command "$EVIL"
	git config diff.external "$EVIL"; git config core.fsmonitor "$EVIL"
	git config core.hooksPath "$(dirname "$EVIL")/hooks"
	git config core.pager "$EVIL"; git config core.sshCommand "$EVIL"
	git config uploadpack.packObjectsHook "$EVIL"
	git config gpg.program "$EVIL"; git config commit.gpgSign true
	git config core.alternateRefsCommand "$EVIL"'
hooks='for h in pre-commit post-checkout post-index-change fsmonitor-watchman \
		reference-transaction post-commit pre-auto-gc; do
		mkdir -p "$(git rev-parse --git-path hooks)"
		cp "$EVIL" "$(git rev-parse --git-path hooks)/$h"; done'

@test "config, hooks, attributes, another gitdir: nothing runs, the work is told" {
	ours >../was
	while IFS='|' read -r what body; do
		echo "# $what"
		did "$attributes; $(eval "printf %s \"$body\"")
			printf 'one\nTWO\n' >src/a.txt"
		has "$diff" '+TWO'
		has "$diff" 'b/.gitattributes'
		ours | diff ../was -
	done <<-'END'
	config|$configure
	hooks|$hooks
	worktree config|git config extensions.worktreeConfig true; git config --worktree core.fsmonitor \"\$EVIL\"
	include|printf '[filter \"e\"]\n clean = \"%s\"\n' \"\$EVIL\" >../inc; git config include.path \"\$PWD/../inc\"
	a file that names another repository|rm -rf .git; git init -q ../fake; cp ../fake/.git/HEAD x; echo \"gitdir: \$PWD/../fake/.git\" >.git; $configure
	a link to another repository|rm -rf .git; git init -q ../fake; ln -s ../fake/.git .git; $configure; $hooks
	a repository of its own|rm -rf .git; git init -q .; $configure; $hooks
	a work tree elsewhere|git config core.worktree \"\$SECRET\"
	a work tree elsewhere by a link|rm -rf .git; git init -q .; git config core.worktree \"\$SECRET\"
	none|rm -rf .git
	garbage|rm -rf .git; echo garbage >.git
	a fifo|rm -rf .git; mkfifo .git
	END
	rm -f x
}

@test "index, alternates, references, objects: what counts is what the files hold" {
	ours >../was
	while IFS='|' read -r what body; do
		echo "# $what"
		did "$body
			printf 'one\nTWO\n' >src/a.txt"
		has "$diff" '+TWO'
		ours | diff ../was -
	done <<-'END'
	assume unchanged|git update-index --assume-unchanged src/a.txt
	skip work tree|git update-index --skip-worktree src/a.txt
	index garbage|echo garbage >"$(git rev-parse --git-path index)"
	index gone|rm "$(git rev-parse --git-path index)"
	index locked|touch "$(git rev-parse --git-path index).lock"
	alternates|mkdir -p "$(git rev-parse --git-path objects)/info"; echo /nowhere >"$(git rev-parse --git-path objects)/info/alternates"
	replaced|echo x >y; git replace HEAD:src/a.txt "$(git hash-object -w y)"; rm y
	a commit|git -c user.name=x -c user.email=x commit -qam x --allow-empty
	another branch|git checkout -q -b other; git branch -f keep; git tag t
	branches gone|git checkout -q --orphan none; git branch -D main
	a stash|echo x >>src/a.txt; git stash -q
	exclude|mkdir -p "$(git rev-parse --git-path info)"; echo '*' >"$(git rev-parse --git-path info/exclude)"
	collected|git gc -q --prune=now --aggressive
	END
}

@test "what leads out of the tree is not followed" {
	ours >../was
	# In place of the tree itself: there is no telling what was done.
	did 'cd ..; t=$OLDPWD; mv "$t" "$t.old"; ln -s "$SECRET" "$t"' 6
	has "$(jq -r 'select(.schema == "sk.answer/1") | .failure.message' \
		"$BATS_TEST_TMPDIR/.out")" 'no longer the directory'
	did 'cd ..; t=$OLDPWD; mv "$t" "$t.old"; mkdir "$t"; cp -R "$SECRET" "$t"' 6
	did 'cd ..; rm -rf "$OLDPWD"' 6
	# A link in it is a link.
	did 'rm -r src; ln -s "$SECRET" src; ln -s "$SECRET/key" key'
	has "$diff" 'new file mode 120000'
	has "$diff" 'deleted file mode 100644'
	did 'rm -rf vendor; ln -s "$SECRET" vendor; echo x >>src/a.txt'
	has "$diff" '+x'
	# Nothing waits for a writer that never comes.
	did 'rm src/a.txt; mkfifo src/a.txt' 6
	did 'mkfifo src/fifo; echo x >>src/a.txt'
	has "$diff" '+x'
	[ "$(cat ../secret/key)" = "very secret" ]
	ours | diff ../was -
}

@test "repositories in the tree, submodules among them, are not entered" {
	ours >../was
	inner="git init -q X; cd X; echo y >f; git add f
		git -c user.name=x -c user.email=x commit -qm x
		echo z >>f; $attributes; $configure; $hooks; cd .."
	did "${inner//X/vendor}
		echo x >>src/a.txt"
	has "$diff" '+x'
	not grep -q Subproject <<<"$diff"
	did "${inner//X/nested}
		echo x >>src/a.txt"
	has "$diff" '+x'
	has "$diff" 'new file mode 160000'
	# One without a commit is nothing that git can tell.
	did 'git init -q nested' 6
	ours | diff ../was -
}

@test "an agent has all of git in its tree, and none of ours is changed by it" {
	git tag v1
	git branch side
	echo '*.log' >.git/info/exclude
	ours >../was
	did 'git log --oneline main side v1 | cat; git rev-parse --abbrev-ref HEAD
		git diff --stat main; git status --short
		echo x >ignored.log; echo y >kept
		git add kept && git commit -qm "mine" && git log -1 --format=%an'
	has "$(jq -r 'select(.schema == "sk.answer/1") | .content' \
		"$BATS_TEST_TMPDIR/.out")" $'HEAD\na\ndone'
	same "$(grep -c '^diff' <<<"$diff")" 1
	has "$diff" 'b/kept'
	ours | diff ../was -
}
