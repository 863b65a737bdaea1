#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# sk-auto watch: the live view on a terminal, plain lines elsewhere.

load helper
load agents
load auto

local_setup() {
	project
	export TERM=xterm
}

# A run in which b waits for the file go; a has answered.
in_between() {
	agent a "echo '$any'"
	agent b "echo begun >b.begun; while [ ! -e go ]; do sleep 0.02; done; echo '$any'"
	project_of a b
	sk-auto run SPEC-7 --to tasks --json >run.out 2>run.err &
	driver=$!
	await b.begun
	wait_for answered
}

pty() { "$SK_BUILD/tools/pty" "$@"; }

@test "on a terminal: the status line, agents with state and seconds, until the end" {
	in_between
	pty -r 30x100 -e "[SPEC-7] Stage: Plan | Branch: 20" -e "... | Agents: 1/2" \
		-e "Tokens: 0 in / 0 out | Turn " -e "asking by sk-auto" \
		-e "plan       running" -e "a                answered" \
		-e "b                running" -e "tasks      pending" \
		-e "running        1s" -- sk-auto watch --every 50ms >screen &
	watcher=$!
	sleep 1.5
	touch go
	wait $driver
	wait $watcher
	# Its last picture is the end of the run, and the cursor is seen again.
	tail -c 700 screen | grep -q 'tasks      done     ok'
	tail -c 20 screen | grep -q "$(printf '\033\[?25h')"
	# It is drawn in its place: the head is there once for each picture.
	grep -q "$(printf '\033\\[[0-9]*A')" screen
}

@test "narrow, short and resized terminals; Ctrl-C leaves the run alone" {
	in_between
	rc=0
	pty -r 30x50 -e "0/0 | T" -e "plan       running" -r 6x20 -e "plan" \
		-r 40x120 -e "[SPEC-7] Stage: Plan" -e "Agents: 1/2" -k '\cc' \
		-- sk-auto watch SPEC-7 --every 50ms >screen || rc=$?
	same "$rc" 130
	not grep -q '\[SPEC-7\].*T1 ' screen
	alive $driver
	touch go
	wait $driver
	same "$(tail -1 run.out | jq -r .state)" done
	# No line is wider than the terminal it was drawn on.
	pty -r 30x40 -- sk-auto watch SPEC-7 >screen
	sed 's/\x1b\[[0-9?]*[A-Za-z]//g; s/\r//g' screen >plain
	same "$(awk 'length > 39' plain)" ""
}

@test "in CI and in a file: a line for each change; for programs: events" {
	in_between
	CI=true sk-auto watch SPEC-7 --every 20ms >ci.log &
	w1=$!
	sk-auto watch SPEC-7 --every 20ms >events &
	w2=$!
	await ci.log events
	touch go
	wait $driver
	wait $w1
	wait $w2
	not grep -q "$(printf '\033')" ci.log
	has "$(head -1 ci.log)" "[SPEC-7] Stage: Plan | Branch: 20"
	for line in "plan: begins" "plan: a answered" "plan: b running" \
		"plan: done, ok" "tasks: done, ok" "Tokens: 0 in / 0 out"; do
		grep -q "^$line" ci.log
	done
	jq -e -s 'all(.schema == "sk.event/1")' events >/dev/null
	same "$(jq -r 'select(.event == "stage.end") | .stage' events | xargs)" "plan tasks"
	has "$(jq -r 'select(.event == "agent") | .agent + .state' events | xargs)" "bansw"
	sk-auto schema event >schema
	while read -r line; do
		echo "$line" | "$SK_BUILD/tools/schema_check" schema
	done <events
	# No terminal tricks with TERM=dumb either.
	TERM=dumb pty -- sk-auto watch SPEC-7 >screen
	not grep -q "$(printf '\033')" screen
}

@test "what has ended is shown once, and its end is the status" {
	agent a "echo '$plan'"
	agent b "echo '$plan_high'"
	project_of a b
	check 1 sk-auto watch SPEC-7
	has "$err" "no run yet"
	check 2 sk-auto watch
	one_line
	check 1 sk-auto run SPEC-7 --only plan --json
	check 1 sk-auto watch SPEC-7 --format text
	has "$out" "plan: halted, conflict"
	same "$(head -1 "$BATS_TEST_TMPDIR/.out" | grep -c halted)" 1
	agent b "echo '$plan'"
	check 0 sk-auto step SPEC-7 --json
	check 0 sk-auto watch --format text
	has "$out" "plan: done, ok"
	# Killed: its driver is gone, and that is said.
	agent b "echo begun >b.begun; sleep 60"
	sk-auto run SPEC-7 --new --only plan --json >run.out 2>&1 &
	driver=$!
	await b.begun
	kill -9 $driver
	wait $driver || true
	check 3 sk-auto watch SPEC-7 --format text
	has "$out" "its driver is gone"
}

@test "status without a specification shows the newest; evidence: latest, largest" {
	agent a "echo '$plan'"
	project_of a
	check 0 sk-auto run SPEC-7 --only plan --json
	check 0 sk-auto status --json
	sk-auto schema status >schema
	"$SK_BUILD/tools/schema_check" schema <"$BATS_TEST_TMPDIR/.out"
	same "$(j .spec)" SPEC-7
	d=docs/evidence/commands/SPEC-7
	mkdir -p $d
	for n in 1 2 3 4; do head -c $((n * 1000000)) /dev/zero >$d/$n.bin; done
	touch -d '2 hours ago' $d/[1-4].bin
	echo '{}' >$d/new.json
	touch -d '1 hour' $d/new.json
	check 0 sk-auto status SPEC-7 --json
	same "$(j '.evidence.largest | map(.file) | join(" ")')" "4.bin 3.bin 2.bin"
	same "$(j '.evidence.latest, .evidence.largest_bytes' | xargs)" "new.json 4000000"
	check 0 sk-auto status --format text
	has "$out" "largest   4.bin (3.8 MiB), 3.bin (2.9 MiB), 2.bin (1.9 MiB)"
	has "$out" "new.json"
}
