#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# sk-auto killed, stopped and revived at any moment. SEED and KILLS repeat a
# storm; the long one is in tests/slow.

load helper
load agents
load auto
load kill

local_setup() {
	project
}

@test "killed at random moments: the same artefacts, nobody is asked twice" {
	storm tasks "${KILLS:-4}"
}

@test "killed at each stage boundary: the same artefacts, nobody is asked twice" {
	boundaries plan tasks implement
}

# A driver that waits for its agent; $driver is its pid.
waiting_driver() {
	agent x "touch x.begun; while [ ! -e go ]; do sleep 0.05; done; echo '$any'"
	project_of x
	printf '[quality_gates]\nenabled = false\n[recovery]\nlease = "1s"\n' >>sk.toml
	sk-auto run SPEC-7 --only plan --json >first 2>first.err &
	driver=$!
	wait_for [ -e x.begun ]
}

@test "a driver that works keeps its lease; a second one waits or ends with 75" {
	waiting_driver
	sleep 1.5
	check 75 sk-auto resume SPEC-7 --json
	same "$(j .error.code)" driver_alive
	check 75 sk-auto resume SPEC-7 --wait 300ms --json
	alive $driver
	touch go
	check 0 sk-auto run SPEC-7 --only plan --new --wait 20s --json
	wait $driver
	same "$(tail -1 first | jq -r .state)" done
}

@test "a stopped driver is taken over from, fenced and ended" {
	waiting_driver
	kill -STOP $driver
	check 75 sk-auto resume SPEC-7 --json
	sleep 1.2
	touch go
	check 0 sk-auto run SPEC-7 --from plan --to plan --wait 10s --json
	has "$err" "hangs, taking over"
	gone $driver
	kill -CONT $driver 2>/dev/null || :
	got=0
	wait $driver || got=$?
	same "$got" 137
	same "$(stored "SELECT count(*) || ' ' || sum(state = 'acked') FROM decisions WHERE stage = 'plan'")" "1 1"
	[ -s "$spec/plan.md" ]
	check 0 sk-consensus audit --json
}

@test "a revived driver that nobody could end is fenced: 8, and nothing is changed" {
	faulty=${SK_FAULTY_BIN:-$SK_TOP/build-faults/bin}
	[ -x "$faulty/sk-auto" ] || skip "no development build (make FAULTS=1)"
	waiting_driver
	kill -STOP $driver
	sleep 1.2
	# (It holds the folder's lock as long as it is there.)
	check 75 env SK_MUTANT=no_end_hung "$faulty/sk-auto" run SPEC-7 --from plan \
		--to plan --json
	alive $driver
	touch go
	kill -CONT $driver
	got=0
	wait $driver || got=$?
	same "$got" 8
	same "$(stored 'SELECT count(*) FROM decisions')" 0
	[ ! -e "$spec/plan.md" ]
	check 0 sk-auto run SPEC-7 --from plan --to plan --wait 10s --json
	same "$(stored "SELECT count(*) FROM decisions WHERE state = 'acked'")" 1
}

@test "cancel reaches a stopped driver, and its agent" {
	waiting_driver
	kill -STOP $driver
	check 0 sk-auto cancel SPEC-7 --json
	same "$(j '.stopped, .driver_ended' | xargs)" "true true"
	gone $driver
	same "$(stored 'SELECT phase FROM leases') $(stored 'SELECT state FROM runs')" \
		"cancelled cancelled"
	touch go
	check 8 sk-auto resume SPEC-7 --json
}
