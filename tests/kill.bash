# shellcheck shell=bash disable=SC2154
# Loaded after helper.bash, agents.bash and auto.bash: a pipeline under kill -9.

# descendants PID: all below it
descendants() {
	local p
	{ tr ' ' '\n' <"/proc/$1/task/$1/children"; } 2>/dev/null |
		while read -r p; do
			echo "$p"
			descendants "$p"
		done
}

# undisturbed LAST: the artefacts of a run to that stage, in undisturbed/, and
# how long it took, in ms, in $whole.
undisturbed() {
	local began
	agent x "echo '$any'"
	agent y "echo '$any'"
	project_of x y
	printf '[quality_gates]\nenabled = false\n[retry]\nscale = 0.01\n' >>sk.toml
	began=$(date +%s%3N)
	check 0 sk-auto run SPEC-7 --to "$1" --json
	whole=$(($(date +%s%3N) - began))
	mkdir undisturbed
	mv "$spec"/[a-r]*.md "$spec"/[t-z]*.md undisturbed/ 2>/dev/null || :
	[ -s undisturbed/plan.md ]
}

# finish LAST: whatever state it is in, to its end.
finish() {
	local got i
	for i in 1 2 3 4 5 6; do
		got=0
		[ "$(stored "SELECT state FROM stages WHERE stage='$1'" \
			2>/dev/null)" != "done" ] || return 0
		if [ "$(stored 'SELECT count(*) FROM runs' 2>/dev/null)" = 1 ]; then
			sk-auto run SPEC-7 --from "$(stage_left)" --to "$1" \
				--wait 20s --json >resumed 2>&1 </dev/null || got=$?
		else
			sk-auto run SPEC-7 --to "$1" --wait 20s --json \
				>resumed 2>&1 </dev/null || got=$?
		fi
		[ "$got" -ne 0 ] || return 0
	done
	echo "it does not end: $got"
	cat resumed
	return 1
}

# The first stage that is not done.
stage_left() {
	local s
	for s in plan tasks implement validate audit unlock; do
		[ "$(stored "SELECT state FROM stages WHERE stage='$s'")" = 'done' ] || break
	done
	echo "$s"
}

# as_undisturbed WHAT: the same artefacts; one decision for each stage; nobody
# was asked again whose answer had been committed.
as_undisturbed() {
	local f
	for f in undisturbed/*.md; do
		cmp "$f" "$spec/${f#*/}" || { echo "$1"; return 1; }
	done
	same "$1: $(stored 'SELECT count(*) FROM requests WHERE round > 1')" "$1: 0"
	same "$1: $(stored 'SELECT count(*) FROM agent_executions e
		JOIN agent_outputs o ON o.request_id = e.request_id
		WHERE e.attempt > o.attempt')" "$1: 0"
	same "$1: $(stored "SELECT count(*) FROM decisions WHERE state = 'acked'")" \
		"$1: $(find undisturbed -name '*.md' | wc -l)"
	check 0 sk-consensus audit --json
}

# storm LAST TIMES: killed so often at random moments, the driver or any process
# below it, each time in a database of its own. A kill that came too late counts
# for nothing, and those after it come earlier.
storm() {
	local i pid victim ms seed=${SEED:-$RANDOM} hits=0
	echo "SEED=$seed KILLS=$2"
	RANDOM=$seed
	undisturbed "$1"
	for ((i = 1; hits < $2; i++)); do
		[ "$i" -le $((25 * $2)) ] || { echo "only $hits kills met"; return 1; }
		export SK_DB=$BATS_TEST_TMPDIR/state/$i.db
		rm -rf "$spec"/[a-r]*.md "$spec"/[t-z]*.md docs/evidence
		ms=$((RANDOM % whole))
		sk-auto run SPEC-7 --to "$1" --json >killed 2>/dev/null </dev/null &
		pid=$!
		sleep "$(printf '%d.%03d' $((ms / 1000)) $((ms % 1000)))"
		victim=
		if [ $((RANDOM % 3)) = 0 ]; then
			victim=$(descendants "$pid" | shuf -n 1 \
				--random-source=<(yes "$RANDOM"))
		fi
		if alive "$pid" && kill -9 "${victim:-$pid}" 2>/dev/null; then
			hits=$((hits + 1))
		else
			whole=$((whole * 5 / 6 + 1))
		fi
		{ wait $pid || :; } 2>/dev/null
		finish "$1" || { echo "kill $i of seed $seed, at $ms ms"; return 1; }
		as_undisturbed "kill $i of seed $seed, at $ms ms" || return 1
	done
}

# boundaries STAGE...: killed where each of them begins and ends, from the first
# on, each time in a database of its own.
boundaries() {
	local stage point before='' last=${!#}
	faulty=${SK_FAULTY_BIN:-$SK_TOP/build-faults/bin}
	[ -x "$faulty/sk-auto" ] || skip "no development build (make FAULTS=1)"
	undisturbed "$last"
	for stage; do
		for point in store.stage.after_commit store.stage_end.after_commit; do
			export SK_DB=$BATS_TEST_TMPDIR/state/$stage.$point.db
			rm -rf "$spec"/[a-r]*.md "$spec"/[t-z]*.md docs/evidence
			[ -z "$before" ] || check 0 sk-auto run SPEC-7 --json \
				--to "$before"
			got=0
			SPEC_KIT_FAULTS="$point:1=kill9" PATH=$faulty:$PATH \
				sk-auto run SPEC-7 --from "$stage" --to "$last" \
				--json >killed 2>/dev/null </dev/null || got=$?
			same "$stage $point $got" "$stage $point 137"
			finish "$last"
			as_undisturbed "$stage $point"
		done
		before=$stage
	done
}
