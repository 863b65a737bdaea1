#!/usr/bin/env bats
# sk-branch: ids, nesting, what list and current see, git in all its states.

load helper

local_setup() {
	export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
	export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.org
	export GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.org
}

repo() { git init -q -b main "${1:-.}"; }
commit() { git -C "${1:-.}" commit -q --allow-empty -m x; }

# new [OPTION...]: the id of a new branch.
new() { sk-branch new --json "$@" | jq -r .branch; }

# field FILTER ID
field() { sk-branch show "$2" --json | jq -r "$1"; }

# seen [OPTION...]: what list shows, as "LEFT_OUT id id ...".
seen() {
	sk-branch list --json "$@" |
		jq -r '[(.left_out | tostring), .branches[].branch] | join(" ")'
}

@test "branch_id_generation_unique: SPEC, time, 32 hex digits; 40 differ" {
	check 0 sk-branch new --spec SPEC-7 --json
	valid
	j .branch | grep -Eqx 'SPEC-7-20[0-9]{12}-[0-9a-f]{32}'
	same "$(j '.parent, .spec, .decisions | tostring' | xargs)" \
		"null SPEC-7 0"
	same "$(j .root)" "$PWD"
	run=$(j .run)
	# Several at once, in one run and in runs of their own.
	for i in 1 2 3 4; do
		for k in 1 2 3 4 5; do
			new --run "$run"
			new --spec SPEC-7
		done >ids.$i &
	done
	wait
	same "$(cat ids.* | sort -u | wc -l)" 40
	# A person sees the bare id.
	check 0 sk-branch new --spec SPEC-7 --format text
	[ "$(wc -l <"$BATS_TEST_TMPDIR/.out")" -eq 1 ]
	echo "$out" | grep -Eqx 'SPEC-7-20[0-9]{12}-[0-9a-f]{32}'
}

@test "nested_branch_tracking: parents, the run's newest by default" {
	a=$(new --spec S)
	run=$(field .run "$a")
	b=$(new --run "$run")
	c=$(new --parent "$b")
	d=$(new --run "$run" --parent "$a")
	e=$(SK_RUN=$run new)
	same "$(field .parent "$b")" "$a"
	same "$(field .parent "$c")" "$b"
	same "$(field .parent "$d")" "$a"
	same "$(field .parent "$e")" "$d"
	for id in "$b" "$c" "$d" "$e"; do
		same "$(field '.run + " " + .spec' "$id")" "$run S"
	done
	# A run that is not there yet is made when its specification is said.
	f=$(new --run mine --spec S)
	same "$(field '.run + " " + (.parent | tostring)' "$f")" "mine null"
}

@test "new refuses what does not fit" {
	a=$(new --spec S --run r1)
	new --spec S --run r2 >/dev/null
	while IFS='|' read -r code args; do
		check 2 sk-branch new --json $args
		same "$(j .error.code)" "$code"
		one_line
	done <<-END
		no_spec|
		no_such_run|--run nowhere
		no_such_branch|--parent nowhere
		wrong_branch|--run r2 --parent $a
		run_mismatch|--run r1 --spec T
		bad_identifier|--spec ../S
		bad_identifier|--spec -S
		bad_identifier|--spec a/b
		bad_identifier|--spec a..b
		bad_identifier|--run a/b --spec S
		bad_identifier|--parent a/b
	END
	check 2 env SK_RUN=a/b sk-branch new --json
	same "$(j .error.code)" bad_identifier
	# Another project's run is not ours.
	mkdir -p other/.sk
	cd other
	check 2 sk-branch new --json --run r1
	same "$(j .error.code)" run_mismatch
	# Nothing of this was written.
	same "$(seen --all | wc -w)" 3
}

@test "list and current: git branch and project, newest activity first" {
	repo
	commit
	m1=$(new --spec S)
	m2=$(new --spec T)
	git checkout -q -b feature/deep/x
	f1=$(new --spec S)
	same "$(field .git.branch "$f1")" feature/deep/x
	same "$(field .git.head "$f1")" "$(git rev-parse HEAD)"
	same "$(seen)" "2 $f1"
	# Names that end alike are different branches.
	git checkout -q -b x
	same "$(seen)" "3"
	check 1 sk-branch current
	same "$out$err" ""
	git checkout -q main
	same "$(seen)" "1 $m2 $m1"
	same "$(seen --spec S)" "1 $m1"
	same "$(seen --limit 1)" "2 $m2"
	same "$(seen --all)" "0 $f1 $m2 $m1"
	same "$(seen --all --limit 2)" "1 $f1 $m2"
	same "$(seen --spec NONE)" 0
	check 0 sk-branch current
	same "$out" "$m2"
	check 0 sk-branch current --spec S
	same "$out" "$m1"
	check 1 sk-branch current --spec NONE
	# The same specification in another repository is another one.
	repo ../other
	commit ../other
	cd ../other
	same "$(seen)" 3
	check 1 sk-branch current --spec S
	o1=$(new --spec S)
	same "$(seen)" "3 $o1"
	same "$(seen --all --limit 1)" "3 $o1"
	# A sub-directory belongs to its project.
	mkdir -p sub/dir
	cd sub/dir
	same "$(seen)" "3 $o1"
	same "$(field .root "$(new --spec S)")" "${PWD%/sub/dir}"
}

@test "list for people says what was left out, and where it is" {
	repo
	commit
	id=$(new --spec S)
	git checkout -q -b b2
	check 0 sk-branch list --format text
	same "$out" ""
	has "$err" "1 left out"
	has "$err" --all
	check 0 sk-branch list --format text -q
	same "$err" ""
	check 0 sk-branch list --format text --all
	has "$out" "$id"
	has "$out" "$PWD"
	has "$out" main
	same "$err" ""
	check 0 sk-branch list --json --all
	valid
	same "$(j '.filter | map(tostring) | join(",")')" null,null,null,null,null
	check 0 sk-branch show "$id" --format text
	has "$out" "$PWD"
}

@test "detached HEAD is no branch" {
	repo
	commit
	m=$(new --spec S)
	git checkout -q --detach
	same "$(seen)" "1"
	check 1 sk-branch current
	d=$(new --spec S)
	same "$(field '.git.branch | tostring' "$d")" null
	same "$(field .git.head "$d")" "$(git rev-parse HEAD)"
	same "$(seen)" "1 $d"
	# A branch of that name is not meant.
	git checkout -q -b HEAD2
	same "$(seen)" "2"
	git checkout -q main
	same "$(seen)" "1 $m"
}

@test "before the first commit there is a branch but no head" {
	repo
	a=$(new --spec S)
	same "$(field '.git.branch + " " + (.git.head | tostring)' "$a")" \
		"main null"
	same "$(seen)" "0 $a"
}

@test "work trees: each has its own branch and root" {
	repo main
	commit main
	git -C main worktree add -q -b wt/one ../one
	cd one
	a=$(new --spec S)
	same "$(field '.git.branch + " " + .root' "$a")" "wt/one $PWD"
	cd ../main
	same "$(seen)" "1"
	# A submodule's or work tree's own .git file that leads nowhere: no git.
	mkdir ../lost
	cd ../lost
	echo 'gitdir: /nowhere' >.git
	b=$(new --spec S)
	same "$(field '.git | map(tostring) | join(",")' "$b")" null,null
}

@test "no repository, no git program, a git that fails" {
	a=$(new --spec S)
	same "$(field '.git | map(tostring) | join(",")' "$a")" null,null
	same "$(seen)" "0 $a"
	repo
	commit
	mkdir bin
	for p in sk-branch; do ln -s "$SK_BIN/$p" bin/; done
	# What git wrote can be read without git.
	check 0 env PATH="$PWD/bin" sk-branch new --spec S --json
	same "$(j .git.branch)" main
	same "$(j .git.head)" "$(git rev-parse HEAD)"
	# Unless it is laid out in a way that only git understands.
	git config core.worktree "$PWD"
	check 0 env PATH="$PWD/bin" sk-branch new --spec S --json
	same "$(j '.git | map(tostring) | join(",")')" null,null
	printf '#!/bin/sh\necho /x; echo nonsense; exit 3\n' >bin/git
	chmod +x bin/git
	check 0 env PATH="$PWD/bin:/usr/bin:/bin" sk-branch new --spec S --json
	same "$(j '.git | map(tostring) | join(",")')" null,null
	same "$err" ""
}

# facts DIR: what we say of git there, as "BRANCH HEAD"; git's word beside it.
facts() {
	(cd "$1" && sk-branch new --spec S --json |
		jq -r '.git | (.branch // "-") + " " + (.head // "-")')
}
gits() {
	echo "$(git -C "$1" symbolic-ref -q --short HEAD || echo -) $(
		git -C "$1" rev-parse -q --verify HEAD || echo -)"
}

@test "git's files say what git says, however they are laid out, without git" {
	for d in plain unborn detached packed slash deep main sub old hash; do
		repo $d
	done
	for d in plain detached packed slash deep main sub old; do commit $d; done
	git -C detached checkout -q --detach
	git -C packed checkout -q -b feat/one
	commit packed
	git -C packed pack-refs --all
	git -C packed branch feat/one2
	git -C slash checkout -q -b a/b/c
	mkdir -p deep/x/y/z
	git -C main worktree add -q -b wt/one ../linked
	git -C main worktree add -q --detach ../loose
	commit linked
	mkdir linked/inside
	git -C sub -c protocol.file.allow=always submodule --quiet add \
		"$PWD/plain" mod
	# HEAD as a link, as old versions wrote it.
	ln -sf refs/heads/main old/.git/HEAD
	rm -rf hash && git init -q -b main --object-format=sha256 hash
	commit hash
	for d in plain unborn detached packed slash deep/x/y/z main linked \
		linked/inside loose sub sub/mod old hash; do
		same "$d $(facts $d)" "$d $(gits $d)"
	done
	# A reference to a reference, a packed one that was moved since, a stale
	# lock: whatever is there, we agree with git.
	commit packed
	same "$(facts packed)" "$(gits packed)"
	git -C packed symbolic-ref refs/heads/alias refs/heads/feat/one
	git -C packed symbolic-ref HEAD refs/heads/alias
	same "$(facts packed)" "$(gits packed)"
	touch plain/.git/HEAD.lock
	same "$(facts plain)" "$(gits plain)"
	# Not one of the plain layouts needed to start git.
	command -v strace >/dev/null || skip "no strace"
	for d in plain unborn detached slash deep/x/y/z linked/inside loose; do
		(cd $d && strace -f -qq -e trace=execve -o ../trace \
			sk-branch current) || true
		not grep -q 'git"' trace
	done
}

@test "GIT_ variables of the caller do not lead astray" {
	repo a
	commit a
	repo b
	commit b
	git -C b checkout -q -b other
	cd a
	check 0 env GIT_DIR="$PWD/../b/.git" GIT_WORK_TREE="$PWD/../b" \
		sk-branch new --spec S --json
	same "$(j .git.branch)" main
	same "$(j .git.head)" "$(git rev-parse HEAD)"
}

@test "a branch name with odd characters goes through whole" {
	repo
	commit
	git checkout -q -b "feat/ünïcode-'\$(x)-#1"
	a=$(new --spec S)
	same "$(field .git.branch "$a")" "feat/ünïcode-'\$(x)-#1"
	same "$(seen)" "0 $a"
}

@test "a directory with .sk is a project of its own in a repository" {
	repo
	commit
	a=$(new --spec S)
	mkdir -p sub/.sk
	cd sub
	same "$(seen)" 1
	b=$(new --spec S)
	same "$(field '.root + " " + .git.branch' "$b")" "$PWD main"
	same "$(seen)" "1 $b"
	# A named configuration may say where the project is.
	printf '[project]\nroot = ".."\n' >../c.toml
	mkdir ../../proj
	mv ../c.toml ../../c.toml
	same "$(seen --config ../../c.toml)" 2
	c=$(new --spec S --config ../../c.toml)
	same "$(field .root "$c")" "$(cd ../../.. && pwd)"
}

@test "without a database there are no branches, and none is made" {
	check 1 sk-branch current
	same "$out$err" ""
	check 0 sk-branch list --json
	valid
	same "$(j '.branches | length')" 0
	check 2 sk-branch show x --json
	same "$(j .error.code)" no_such_branch
	[ ! -e "$SK_DB" ]
	new --spec S
	check 2 sk-branch show S-none --json
	same "$(j .error.code)" no_such_branch
	check 2 sk-branch show ../x --json
	same "$(j .error.code)" bad_identifier
	check 2 sk-branch list --spec a/b --json
	same "$(j .error.code)" bad_identifier
	check 2 sk-branch current --spec a/b
	same "$out" ""
	one_line
}

@test "looking does not count as activity" {
	a=$(new --spec S)
	at=$(field .active_at "$a")
	sk-branch list --all >/dev/null
	sk-branch current >/dev/null
	same "$(field .active_at "$a")" "$at"
}
