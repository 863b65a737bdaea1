#!/usr/bin/env bats
# sk-auto step, next and resume: a shell script holds the reins.

load helper
load auto

local_setup() { example; }

@test "a loop over next is the whole pipeline, with the artefacts of a run" {
	by_next DEMO
	same "$rounds" 6
	has "$(cat next.err)" 'is finished'
	check 1 sk-auto next DEMO
	check 1 sk-auto step DEMO
	mkdir loop && mv "$spec"/[!s]*.md loop/
	check 0 sk-auto run DEMO --new --json
	for f in plan tasks implement validate audit unlock; do
		cmp "loop/$f.md" "$spec/$f.md"
	done
}

@test "step does exactly one stage, in order, in one run" {
	check 0 sk-auto step DEMO --json
	run=$(j 'select(.schema=="sk.summary/1") | .run')
	same "$(j 'select(.schema=="sk.summary/1") | .stages | map(.stage) | join(",")')" plan
	check 0 sk-auto step DEMO --json
	same "$(j 'select(.schema=="sk.summary/1") | .run, .stages[].stage' | xargs)" \
		"$run tasks"
	check 0 sk-auto next DEMO
	has "$out" "sk-auto step DEMO --run $run"
	# Another run begins when it is asked for, at the beginning.
	check 0 sk-auto step DEMO --new --json
	same "$(j 'select(.schema=="sk.summary/1") | .stages[].stage')" plan
	[ "$(j 'select(.schema=="sk.summary/1") | .run')" != "$run" ]
}

@test "a halted run: next says so with the status of the halt and buys nothing" {
	agent x "echo '$plan'"
	agent y "if [ \$n -gt 1 ]; then echo '$plan'; else echo '$plan_high'; fi"
	project_of x y
	check 1 sk-auto step DEMO --json
	check 1 sk-auto next DEMO
	same "$out" ""
	has "$err" "halted in 'plan'"
	has "$err" 'sk-auto resume DEMO'
	same "$(wc -l <calls.x)" 1
	# No answer at all is not a conflict.
	agent x 'exit 7'
	agent y 'exit 7'
	check 6 sk-auto step DEMO --new --json
	check 6 sk-auto next DEMO
	has "$err" halted
}

@test "resume goes on where the run stopped, to the end or to --to" {
	check 0 sk-auto run DEMO --to tasks --json
	run=$(j 'select(.schema=="sk.summary/1") | .run')
	check 0 sk-auto resume DEMO --json
	same "$(j 'select(.schema=="sk.summary/1") | .run, (.stages | map(.stage) | join(","))' | xargs)" \
		"$run implement,validate,audit,unlock"
	check 1 sk-auto resume DEMO
	has "$err" 'is finished'
	agent x "[ \$n -gt 2 ] && echo '$plan'"
	project_of x
	check 6 sk-auto run DEMO --only plan
	check 0 sk-auto step DEMO --json
	same "$(j 'select(.schema=="sk.summary/1") | .stages[0].stage')" plan
}

@test "there is no run: next offers a step, resume and status say so" {
	check 0 sk-auto next DEMO
	has "$out" 'sk-auto step DEMO'
	[ ! -e "$SK_DB" ]
	check 1 sk-auto resume DEMO
	has "$err" 'no run yet'
	check 2 sk-auto next NOWHERE
}

@test "skipped stages are left out; what needs them must be on the disk" {
	check 2 sk-auto run DEMO --skip-plan --only plan
	has "$err" 'is skipped'
	check 2 sk-auto run DEMO --skip-plan --to tasks
	has "$err" "needs 'plan'"
	[ ! -e calls.x ]
	echo '# by hand' >"$spec/plan.md"
	check 0 sk-auto run DEMO --skip-plan --to tasks --json
	same "$(j 'select(.schema=="sk.summary/1") | .stages | map(.stage) | join(",")')" tasks
	check 0 sk-auto next DEMO --skip-implement
	has "$out" --skip-implement
	eval "$out --json" >step.out
	same "$(jq -r 'select(.schema=="sk.summary/1") | .stages[0].stage' <step.out)" validate
}

@test "while a driver is alive next is 75; --wait lets a second one wait" {
	agent x "sleep 1; echo '$plan'"
	project_of x
	sk-auto run DEMO --only plan >out 2>err &
	pid=$!
	wait_for [ -e calls.x ]
	check 75 sk-auto next DEMO
	has "$err" 'which is alive'
	check 75 sk-auto run DEMO --only plan
	check 0 sk-auto run DEMO --only plan --wait 30s --json
	wait "$pid"
	same "$(wc -l <calls.x)" 2
}
