#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Every way in which agents can fail, up to a bound; `make explore` goes further.

load helper
load agents

local_setup() {
	DEV=${SK_FAULTY_BIN:-$SK_TOP/build-faults/bin}
	[ -x "$DEV/sk-faults" ] || skip "no development build (make FAULTS=1)"
	export TMPDIR=$PWD/tmp
	mkdir tmp
}

@test "explore: schedules are counted, tried evenly, and the rules hold" {
	check 0 "$DEV/sk-faults" explore -n 2 --most 12 --json
	"$SK_BUILD/tools/schema_check" <("$DEV/sk-faults" schema exploration) \
		<"$BATS_TEST_TMPDIR/.out"
	# 1 + 3 + 9 ways for one agent, 13 * 14 / 2 for two that are alike.
	same "$(j -c '[.schedules, .covered, .violations]')" '[91,12,[]]'
	check 0 "$DEV/sk-faults" explore -n 1 --attempts 1 \
		-k agent_timeout,disconnect=mid,agent_fail=auth --format text
	same "$out" "4 of 4 schedules, 0 violations"
	same "$(ls -A tmp)" ''
	# Every kind of fault that an agent can have.
	check 0 "$DEV/sk-faults" explore -n 2 --most 6 -k \
		agent_fail=quota_exhausted,agent_malformed,agent_truncated,agent_kill,agent_slow=1ms,rate_limit=3600,agent_timeout=total,disconnect=mid \
		--format text
	has "$out" "6 of 2701 schedules, 0 violations"
}

@test "explore: what is not fit for it is refused" {
	check 2 "$DEV/sk-faults" explore -k db_busy
	has "$err" "no fault of agents"
	check 2 "$DEV/sk-faults" explore -k agent_timout
	has "$err" "did you mean 'agent_timeout'?"
}

# broken_run CONDITION ACTION: the real tools, but for an sk-run that does
# ACTION when its plan holds the words of CONDITION
broken_run() {
	mkdir -p bin
	cp "$DEV/sk-faults" bin/
	for t in consensus metrics; do ln -sf "$DEV/sk-$t" bin/; done
	cat >bin/sk-run <<-END
		#!/bin/sh
		case \$SPEC_KIT_FAULTS in
		$1) $2 ;;
		esac
		exec "$DEV/sk-run" "\$@"
	END
	chmod +x bin/sk-run
}

@test "explore: a broken rule is found, and its plan is the smallest" {
	broken_run '*disconnect@a#1*disconnect@b#1*' 'echo "{}"; exit 0'
	check 1 bin/sk-faults explore -n 2 -k disconnect,agent_empty --json
	same "$(j '.violations[0].plan')" "disconnect@a#1,disconnect@b#1"
	has "$(j '.violations[0].rule')" "0 answers of 2 agents"
	# It is said for people as well, with the status of a definite no.
	check 1 bin/sk-faults explore -n 2 -k disconnect --attempts 1 \
		--format text
	has "$out" "plan: disconnect@a#1,disconnect@b#1"
}

@test "explore: what is broken is told once for each cause, whichever tool it is" {
	# One call in four is not booked.
	mkdir bin
	cp "$DEV/sk-faults" bin/
	for t in run consensus; do ln -s "$DEV/sk-$t" bin/; done
	cat >bin/sk-metrics <<-END
		#!/bin/sh
		case \$1\$SPEC_KIT_FAULTS in
		show*agent_empty@b#1*) "$DEV/sk-metrics" "\$@" |
			sed 's/"calls":[0-9]*/"calls":1/' ;;
		*) exec "$DEV/sk-metrics" "\$@" ;;
		esac
	END
	chmod +x bin/sk-metrics
	check 1 bin/sk-faults explore -n 2 --attempts 1 \
		-k disconnect,agent_empty --json
	"$SK_BUILD/tools/schema_check" <("$DEV/sk-faults" schema exploration) \
		<"$BATS_TEST_TMPDIR/.out"
	same "$(j -c '[.violations[].plan]')" '["agent_empty@b#1"]'
	has "$(j '.violations[0].rule')" "2 calls, 1 are booked"
	same "$(j -c '[.schedules, .covered, .violations[0].schedules]')" \
		'[6,6,3]'
	# Money that is gone, and a safeguard left out of the real programs.
	sed -i 's/show.agent_empty@b#1./budget*agent_empty@b#1*/
		s/"calls":\[0-9\]\*/"left":[0-9]*/; s/"calls":1/"left":1/' bin/sk-metrics
	check 1 bin/sk-faults explore -n 2 -k agent_empty --attempts 1 --json
	has "$(j '.violations[0].rule')" "are booked, 1 are left"
	SK_MUTANT=no_decide_journal check 1 "$DEV/sk-faults" explore -n 2 \
		--format text
	has "$out" "broken: audit: status 65"
	has "$out" "plan: none is needed (1 schedules)"
	has "$out" "1 of 91 schedules, 1 violations; the rest was not tried"
}

@test "explore: a hang is found" {
	broken_run '*agent_empty@a#1*' 'echo $$ >'"$PWD"'/hung; exec sleep 61'
	check 1 bin/sk-faults explore -n 1 -k agent_empty --attempts 1 \
		--timeout 1s --json
	same "$(j -c '.violations[] | [.rule, .plan]')" \
		'["hang: sk-run did not end","agent_empty@a#1"]'
	gone "$(cat hung)"
}
