# Loaded after helper.bash by the files that drive pipelines with agents that are
# small shell scripts.

# project: an empty project with the specification SPEC-7, and we are in it.
project() {
	mkdir -p project/bin project/docs/SPEC-7 && cd project || return 1
	printf '# A thing\n\n- FR-1: do it\n' >docs/SPEC-7/spec.md
	spec=docs/SPEC-7
	export SK_CONFIG=$PWD/sk.toml
}

# example: the tree's own example as a project, without what it makes.
example() {
	cp -R "$SK_TOP/docs/example" project
	rm -rf project/docs/evidence project/.sk
	cd project || return 1
	spec=$(echo docs/DEMO-*)
	for f in plan tasks implement validate audit unlock; do
		rm -f "$spec/$f.md"
	done
	export SK_CONFIG=$PWD/sk.toml
}

# agent NAME BODY: a shell agent; $n counts its calls, in calls.NAME, and its
# stage is in $SK_STAGE.
agent() {
	mkdir -p bin
	cat >"bin/$1" <<-END
		#!/bin/sh
		cat >/dev/null
		echo x >>"$PWD/calls.$1"
		n=\$(wc -l <"$PWD/calls.$1")
		$2
	END
	chmod +x "bin/$1"
}

# project_of NAME...: a configuration with these agents, side by side, in every
# stage. More can be appended to it.
project_of() {
	local a s
	{
		printf '[project]\nroot = "."\n'
		for a; do
			printf '[agents.%s]\nadapter = "exec"\n' "$a"
			printf 'command = ["./bin/%s"]\n' "$a"
		done
		printf '[guardrails]\nclean_tree = false\n'
		a=$*
		printf '[pipeline]\nagents = ["%s"]\n' "${a// /\", \"}"
		for s in plan tasks implement; do
			printf '[stages.%s]\nmode = "parallel"\n' "$s"
		done
	} >sk.toml
}

# answered: somebody's answer is in the database.
answered() {
	[ "$(sqlite3 "$SK_DB" 'SELECT count(*) FROM agent_outputs')" -ge 1 ]
}

# calls NAME: how often it was asked
calls() {
	if [ -e "calls.$1" ]; then wc -l <"calls.$1"; else echo 0; fi
}

# What agents may say; the files that load this use some of it.
# shellcheck disable=SC2034
plan='{"stage":"plan","requirements":["FR-1"],"work_breakdown":[{"id":"W-FR-1","requirement":"FR-1","step":"do it"}],"acceptance_mapping":[],"risks":[],"complexity":"low"}'
# shellcheck disable=SC2034
plan_mid=${plan%low*}'medium"}'
# shellcheck disable=SC2034
plan_high=${plan%low*}'high"}'
# What is agreed on in every stage.
# shellcheck disable=SC2034
any='{"requirements":["R"],"work_breakdown":[{"id":"W"}],"complexity":"low","tasks":[{"id":"T"}],"task_count":1,"files":[{"path":"a.c","purpose":"p"}],"entry_point":"a.c","coverage":[],"uncovered":[],"recommendation":"go","unlock_decision":"unlock"}'

# by_next SPEC: drives it with next to its end; rounds: how often it was asked.
by_next() {
	rounds=0
	while c=$(sk-auto next "$1" 2>next.err); do
		rounds=$((rounds + 1))
		[ "$rounds" -le 6 ] || return 1
		eval "$c" >step.out 2>step.err || return
	done
}
