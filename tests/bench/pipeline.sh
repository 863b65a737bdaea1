# shellcheck shell=sh
# Sourced by run: a pipeline whose agents are instant, and databases that were
# used for years.

# project DIR: one specification, three agents that print what is agreed on
project() {
	mkdir -p "$1/docs/S-1" "$1/.sk"
	printf '# A thing\n\n- FR-1: it works. Priority: must.\n' >"$1/docs/S-1/spec.md"
	cat >"$1/answer.json" <<-'END'
		{"requirements":["R"],"work_breakdown":[{"id":"W"}],"complexity":"low","tasks":[{"id":"T"}],"task_count":1,"files":[{"path":"a.c","purpose":"p"}],"entry_point":"a.c","coverage":[],"uncovered":[],"recommendation":"go","unlock_decision":"unlock"}
	END
	{
		printf '[project]\nroot = "."\n'
		for a in a b c; do
			printf '[agents.%s]\nadapter = "exec"\n' $a
			printf 'command = ["cat", "%s/answer.json"]\n' "$1"
		done
		printf '[guardrails]\nclean_tree = false\n'
		printf '[quality_gates]\nenabled = false\n'
		printf '[pipeline]\nagents = ["a", "b", "c"]\n'
		for s in plan tasks implement; do
			printf '[stages.%s]\nmode = "parallel"\n' $s
		done
	} >"$1/sk.toml"
}

pipeline() {
	have "$SK_BIN/sk-auto" 'a pipeline' || return
	have "$SK_BUILD/tools/runs_make" 'a pipeline' || return
	p=$dir/project
	project "$p"
	git -C "$p" init -q -b main 2>/dev/null || :
	run="$SK_BIN/sk-auto run S-1 --json --config $p/sk.toml"
	"$SK_BUILD/tools/runs_make" "$dir/many.db" 500 500 "$p" || return
	sample 'cat, the instant agent' "$runs" 2 "cat $p/answer.json"
	# In turn, so that what else goes on meets both.
	for _ in 1 2 3 4 5; do
		sample 'sk-auto run, six stages, instant agents' \
			$((runs / 20)) 1 "$run --db $dir/few.db" || return
		sample 'the same among 500 specifications' \
			$((runs / 20)) 1 "$run --db $dir/many.db" || return
	done
	# The three agents of a stage run side by side.
	verdict 'six stages, our own time' "$(awk \
		-v all="$(median 'sk-auto run, six stages, instant agents')" \
		-v cat="$(median 'cat, the instant agent')" 'BEGIN {
		if (all == "" || cat == "") print "none"
		else print all - 6 * cat }')" 150 ms
	verdict 'a run among 500 specifications, ratio' "$(ratio \
		"$(median 'the same among 500 specifications')" \
		"$(median 'sk-auto run, six stages, instant agents')")" 1.10 x
	years=10000
	[ "$runs" -lt 100 ] && years=1000
	"$SK_BUILD/tools/runs_make" "$dir/years.db" $years $years "$p" || return
	sample "sk-auto status among $years runs" $((runs / 4)) 2 \
		"$SK_BIN/sk-auto status S-1 --json --config $p/sk.toml --db $dir/years.db"
	verdict "sk-auto status among $years runs" \
		"$(median "sk-auto status among $years runs")" 50 ms
	(cd "$p" && sample 'sk-branch current, in a git work tree' \
		$((runs / 2)) 2 "$SK_BIN/sk-branch current --db $dir/few.db")
	verdict 'sk-branch current, git facts included' \
		"$(median 'sk-branch current, in a git work tree')" 10 ms
	sample "a run among $years runs" $((runs / 20)) 1 \
		"$run --db $dir/years.db"
	b=$(cd "$p" && "$SK_BIN/sk-branch" current --db "$dir/years.db")
	for words in 'list --limit 20' 'list --spec S-7' current "show ${b##*-}" \
		"tree $b" 'resume --last'; do
		what="sk-branch $(echo "$words" | sed "s/ [^ ]*${b##*-}//") among $years runs"
		(cd "$p" && sample "$what" $((runs / 10)) 1 \
			"$SK_BIN/sk-branch $words --json --db $dir/years.db")
		verdict "$what" "$(median "$what")" 50 ms
	done
	rm -rf "$dir"/many.db* "$dir"/years.db*
}
