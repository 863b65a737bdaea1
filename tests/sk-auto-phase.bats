#!/usr/bin/env bats
# sk-auto: the phases of a driver, and what it does when nobody can be reached.

load helper
load auto

local_setup() { project; }

# agent BODY: the one agent here; $n counts its calls.
agent() {
	cat >bin/w <<-END
		#!/bin/sh
		cat >/dev/null
		echo x >>"$PWD/calls"
		n=\$(wc -l <"$PWD/calls")
		$1
	END
	chmod +x bin/w
	cat >sk.toml <<-END
		[project]
		root = "."
		[agents.w]
		adapter = "exec"
		command = ["./bin/w"]
		[pipeline]
		agents = ["w"]
		[retry]
		attempts = 1
		[recovery]
		base = "10ms"
		max = "80ms"
		attempts = 3
	END
}

away='exit 75'

moves() { j 'select(.event=="phase") | .from + ">" + .to' | xargs; }
phase() { sqlite3 "$SK_DB" 'SELECT phase FROM leases'; }

@test "each phase is an event, a row of the journal and in the database" {
	agent "echo '$plan'"
	check 0 sk-auto run SPEC-7 --only plan --json
	same "$(moves)" 'idle>checking checking>asking asking>judging judging>writing writing>done'
	same "$(phase)" done
	same "$(sqlite3 "$SK_DB" "SELECT group_concat(key,' ') FROM (SELECT key FROM journal WHERE kind='phase' ORDER BY lsn)")" \
		"$(moves)"
	check 0 sk-auto run SPEC-7 --only plan --json
	has "$(moves)" 'done>checking checking>asking'
}

@test "TransientRecovery: nobody can be reached, then somebody can" {
	agent "[ \$n -gt 2 ] || { $away; }; echo '$plan'"
	check 0 sk-auto run SPEC-7 --only plan --json
	same "$(moves)" 'idle>checking checking>asking asking>recovering recovering>asking asking>recovering recovering>asking asking>judging judging>writing writing>done'
	has "$err" 'trying again in 10ms (attempt 1 of 3)'
	has "$err" 'trying again in 20ms (attempt 2 of 3)'
	same "$(wc -l <calls)" 3
}

@test "TransientRecovery gives up after its attempts, with the cause as status" {
	agent "$away"
	check 75 sk-auto run SPEC-7 --only plan --json
	same "$(wc -l <calls | xargs)" 4
	has "$err" 'attempt 3 of 3'
	same "$(phase)" halted
	check 75 sk-auto next SPEC-7
}

@test "what does not pass by itself is not waited for" {
	agent 'exit 1'
	check 6 sk-auto run SPEC-7 --only plan --json
	not grep -q 'trying again' "$BATS_TEST_TMPDIR/.err"
}

@test "a signal ends the wait, and the run says where it stopped" {
	agent "$away"
	sed -i 's/10ms/60s/; s/80ms/60s/' sk.toml
	sk-auto run SPEC-7 --only plan --json >out 2>err &
	pid=$!
	wait_for grep -q 'trying again' err
	same "$(phase)" recovering
	kill -TERM "$pid"
	got=0
	wait "$pid" || got=$?
	same "$got" 143
	same "$(jq -r 'select(.schema=="sk.summary/1") | .state' <out)" halted
	same "$(phase)" halted
}

@test "killed in a phase: the next driver takes it up from there" {
	agent "sleep 60"
	sk-auto run SPEC-7 --only plan --json >out 2>err &
	pid=$!
	wait_for [ -e calls ]
	same "$(phase)" asking
	kill -9 "$pid"
	wait "$pid" || true
	agent "echo '$plan'"
	check 0 sk-auto step SPEC-7 --json
	has "$(moves)" 'asking>checking'
}

@test "cancel from another terminal: durable, agents gone, the state says so" {
	agent "sleep 60 & echo \$! >$PWD/child; wait"
	sk-auto run SPEC-7 --only plan --json >out 2>err &
	pid=$!
	wait_for [ -s child ]
	check 0 sk-auto cancel SPEC-7 --json
	sk-auto schema stop >stop.json
	"$SK_BUILD/tools/schema_check" stop.json <"$BATS_TEST_TMPDIR/.out"
	same "$(j '.stopped, .already, .driver_ended' | xargs)" 'true false true'
	got=0
	wait "$pid" || got=$?
	same "$got" 143
	not kill -0 "$(cat child)" 2>/dev/null
	same "$(phase)" cancelled
	same "$(sqlite3 "$SK_DB" 'SELECT state FROM runs')" cancelled
	same "$(jq -r 'select(.schema=="sk.summary/1") | .state' <out)" halted
	# Again: the same answer; nobody goes on with it.
	check 0 sk-auto cancel SPEC-7 --json
	same "$(j .already)" true
	run=$(j .run)
	check 8 sk-auto next SPEC-7
	check 8 sk-auto resume SPEC-7
	check 8 sk-auto run SPEC-7 --only plan --run "$run"
	same "$(wc -l <calls)" 1
	agent "echo '$plan'"
	check 0 sk-auto run SPEC-7 --to plan --new
}

@test "a cancelled run takes no decision, and a stop does not open it again" {
	agent "echo '$plan'"
	check 0 sk-auto env SPEC-7 --new
	run=$(sqlite3 "$SK_DB" 'SELECT run_id FROM runs')
	for a in a b; do
		jq -cn --arg a $a --arg p "$plan" '{schema: "sk.answer/1",
			agent: $a, spec: "SPEC-7", stage: "plan", content: $p}'
	done >in
	feed_file in 0 sk-consensus --run "$run" --expect a,b --no-ack
	check 0 sk-auto cancel SPEC-7 --json
	closed() { sqlite3 "$SK_DB" 'SELECT state FROM runs'; }
	for _ in before after; do
		same "$(closed)" cancelled
		check 8 sk-consensus ack --run "$run" --seq 1
		same "$(j .error.code)" run_stopped
		check 8 sk-consensus decide --run "$run" --spec SPEC-7 \
			--stage plan --expect a,b,c
		same "$(j .error.code)" run_stopped
		feed "$(jq -c '.agent = "c"' in | head -n 1)" 8 \
			sk-consensus --run "$run" --expect a,b,c
		check 0 sk-consensus stop --run "$run"
		same "$(j .already)" true
	done
	same "$(sqlite3 "$SK_DB" 'SELECT state, count(*) FROM decisions')" \
		'pending|1'
}

@test "cancel in a wait, after a halt, without a run, of an idle run" {
	agent "$away"
	check 1 sk-auto cancel SPEC-7
	sed -i 's/10ms/60s/; s/80ms/60s/' sk.toml
	sk-auto run SPEC-7 --only plan --json >out 2>err &
	pid=$!
	wait_for grep -q 'trying again' err
	check 0 sk-auto cancel SPEC-7
	has "$out" sk.stop
	wait "$pid" || true
	same "$(phase)" cancelled
	agent "exit 1"
	check 6 sk-auto run SPEC-7 --only plan --new --json
	check 0 sk-auto cancel SPEC-7 --json
	same "$(j '.driver_ended')" false
	check 0 sk-auto env SPEC-7 --new
	check 0 sk-auto cancel SPEC-7
}

@test "stopped by sk-consensus between two steps: the driver goes no further" {
	agent "echo '$plan'; $SK_BIN/sk-consensus stop --db '$SK_DB' --run \"\$(sqlite3 '$SK_DB' 'SELECT run_id FROM runs')\" >/dev/null 2>&1 </dev/null; sleep 0.1"
	check 8 sk-auto run SPEC-7 --only plan --json
	[ ! -e docs/SPEC-7/plan.md ]
	same "$(wc -l <calls)" 1
}
