# Loaded after helper.bash: a project in git whose agents change files.

# land_project: the example in a repository of its own, agents w1, w2, w3 that
# do in implement what work.<name> says and answer as the example's do.
land_project() {
	local i
	mkdir -p p
	cp -R "$SK_TOP/docs/example/." p
	cd p || return 1
	rm -rf docs/evidence .sk
	rm -f docs/DEMO-mdlinks/{plan,tasks,implement,validate,audit,unlock}.md
	mkdir -p src
	printf 'one\ntwo\nthree\n' >src/a.txt
	echo gone >src/gone.txt
	printf '#!/bin/sh\necho hello\n' >src/run.sh
	chmod +x src/run.sh
	for i in 1 2 3; do
		# (The agent's own tree has the agents too, so its way to the
		# work is from outside.)
		cat >"agents/w$i" <<-END
			#!/bin/sh
			case \$PWD in *.tree*) . "$BATS_TEST_TMPDIR/work.w$i" ;; esac
			exec "$PWD/agents/a$i"
		END
		chmod +x "agents/w$i"
		work "w$i" "printf 'one\\n2\\nthree\\n' >src/a.txt
			rm src/gone.txt; mkdir -p new/deep; echo hi >new/deep/f"
	done
	cat >sk.toml <<-'END'
		[project]
		root = "."
		[agents.w1]
		adapter = "exec"
		command = ["./agents/w1"]
		[agents.w2]
		adapter = "exec"
		command = ["./agents/w2"]
		[agents.w3]
		adapter = "exec"
		command = ["./agents/w3"]
		[pipeline]
		agents = ["w1", "w2", "w3"]
		[stages.plan]
		mode = "parallel"
		[stages.tasks]
		mode = "parallel"
		[stages.implement]
		mode = "parallel"
		worktree = true
	END
	export SK_CONFIG=$PWD/sk.toml
	git init -q .
	git config user.email a@example.org
	git config user.name a
	git add -A
	git commit -qm first
}

# work AGENT BODY: what it does in its work tree.
work() {
	printf '%s\n' "$2" >"$BATS_TEST_TMPDIR/work.$1"
}

# tree: every file of the project that git should care about, with mode, hash.
tree() {
	(
		cd "${1:-.}" &&
			find . -path ./.git -prune -o -path ./docs -prune -o \
				\( -type f -o -type l -o -type d \) -printf '%M %p ' \
				-exec sh -c '[ -f "$1" ] && sha256sum <"$1" || echo' _ {} \; |
			sort -k2
	)
}

# to_implement: the first three stages.
to_implement() {
	check 0 sk-auto run DEMO --to implement --json "$@"
}
