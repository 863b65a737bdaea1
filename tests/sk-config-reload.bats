#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# sk-auto and a configuration that is edited while it runs.

load helper

# A specification whose agents are shell scripts of ours; what an agent does
# besides answering stands in do.sh.
local_setup() {
	mkdir -p docs/S-1 .git
	echo '# S' >docs/S-1/spec.md
	cat >agent <<-'END'
		#!/bin/sh
		cat >/dev/null
		echo "$1 $SK_STAGE" >>asked
		[ ! -e do.sh ] || . ./do.sh
		echo '{"requirements":["R"],"work_breakdown":[{"id":"W"}],"complexity":"low","tasks":[{"id":"T"}],"task_count":1}'
	END
	chmod +x agent
	: >do.sh
	export SPEC_OPS_ALLOW_DIRTY=1 SPECKIT_QUALITY_GATES__ENABLED=false
	write plan,tasks 'jobs = 1'
	export SK_CONFIG=$PWD/sk.toml
}

# write STAGES [LINE of [run]]
write() {
	cat >sk.toml.new <<-END
		[project]
		root = "."
		[pipeline]
		stages = [$(echo "$1" | sed 's/[a-z]*/"&"/g')]
		agents = ["a", "b"]
		[stages.plan]
		mode = "parallel"
		[stages.tasks]
		mode = "parallel"
		[agents.a]
		adapter = "exec"
		command = ["./agent", "a"]
		[agents.b]
		adapter = "exec"
		command = ["./agent", "b"]
		[run]
		${2:-}
	END
	mv sk.toml.new sk.toml
}

# events NAME: these events of the last output, one JSON text a line
events() { jq -c --arg e "$1" 'select(.event == $e)' "$BATS_TEST_TMPDIR/.out"; }

@test "sk-auto reloads between stages, and records what each ran with" {
	# The plan's agents edit the configuration of the run that they are in.
	cat >do.sh <<-'END'
		if [ ! -e edited ]; then
			: >edited
			sed 's/^agents = .*/agents = ["a", "b", "c"]/' sk.toml >t
			printf '[agents.c]\nadapter = "exec"\ncommand = ["./agent", "c"]\n' >>t
			mv t sk.toml
		fi
	END
	sk-auto run S-1 --json >"$BATS_TEST_TMPDIR/.out" || true
	same "$(events reload_success | jq -c .sections)" '["agents","pipeline"]'
	same "$(events stage.start | jq -c .lineup)" '["a","b"]
["a","b","c"]'
	before=$(events stage.start | jq -r .config | head -n 1)
	after=$(events stage.start | jq -r .config | tail -n 1)
	[ "${#before}" -eq 64 ]
	[ "$before" != "$after" ]
	same "$(events reload_success | jq -r .config)" "$after"
	same "$(sk-auto status S-1 --json | jq -r '.stages[:2][].config')" \
		"$before
$after"
	same "$(grep -c '^c ' asked)" 1
	# Drift is told by the same hash.
	same "$(sk-config list --json | jq -r .config)" "$after"
	sed -i 's/^jobs = 1/jobs = 2/' sk.toml
	[ "$(sk-config list --json | jq -r .config)" != "$after" ]
}

@test "sk-auto defers a reload while agents run: one stage, one configuration" {
	# In a sequential stage the second agent is launched after the first has
	# changed its command.
	sed -i 's/"parallel"/"sequential"/' sk.toml
	cat >do.sh <<-'END'
		if [ "$1" = a ] && [ ! -e edited ]; then
			: >edited
			sed '/^command/s/"b"/"B"/' sk.toml >t
			mv t sk.toml
		fi
	END
	sk-auto run S-1 --json >"$BATS_TEST_TMPDIR/.out" || true
	same "$(cut -d ' ' -f 1 asked | xargs)" "a b a B"
}

@test "sk-auto keeps the old configuration when the new one is not valid" {
	# (One after the other, so that the edit is whole.)
	sed -i 's/"parallel"/"sequential"/' sk.toml
	cat >do.sh <<-'END'
		[ -e edited ] || {
			: >edited
			echo 'nonsense = 1' >>sk.toml
			echo '[consensus]' >>sk.toml
			echo 'min_agents = 1' >>sk.toml
		}
	END
	sk-auto run S-1 --json >"$BATS_TEST_TMPDIR/.out" 2>err || true
	same "$(events reload_failed | jq -c '[.errors[].key]' | head -n 1)" \
		'["run.nonsense","consensus.min_agents"]'
	same "$(events stage.start | jq -r .config | sort -u | wc -l)" 1
	same "$(events stage.end | wc -l)" 2
	grep -q 'the old configuration stays' err
}

@test "hot_reload.enabled = false: a run ends as it began" {
	export SPECKIT_HOT_RELOAD__ENABLED=false
	echo "sed -i 's/jobs = 1/jobs = 2/' sk.toml" >do.sh
	sk-auto run S-1 --json >"$BATS_TEST_TMPDIR/.out" || true
	same "$(events reload_success)" ""
	same "$(events stage.start | jq -r .config | sort -u | wc -l)" 1
}

@test "an edit that changes nothing is no reload" {
	echo 'echo "# a comment" >>sk.toml' >do.sh
	sk-auto run S-1 --json >"$BATS_TEST_TMPDIR/.out" || true
	same "$(events reload_success)" ""
	same "$(events stage.end | wc -l)" 2
}

@test "pipeline.toml of the specification counts for its runs" {
	printf '[pipeline]\nagents = ["a"]\n[stages.plan]\nagents = ["b"]\n' \
		>docs/S-1/pipeline.toml
	# A named file comes later; without one, and as the user's file:
	mkdir -p "$HOME/.config/sk"
	unset SK_CONFIG
	sed '/^\[project\]/,/^root/d' sk.toml >"$HOME/.config/sk/config.toml"
	sed -i "s|\"./agent\"|\"$PWD/agent\"|" "$HOME/.config/sk/config.toml"
	sk-auto run S-1 --json --to plan >"$BATS_TEST_TMPDIR/.out" || true
	same "$(events stage.start | jq -c .lineup)" '["b"]'
	echo '[stages.plan]
agent = ["b"]' >docs/S-1/pipeline.toml
	check 2 sk-auto run S-1 --json
	has "$(j .error.message)" "$PWD/docs/S-1/pipeline.toml:2:1: stages.plan.agent: unknown key"
}

@test "a snapshot that is gone is an error, not another configuration" {
	check 2 env SK_CONFIG_SNAPSHOT="$(printf '%064d' 0):/proc/1/fd/99" \
		sk-config get run.jobs
	has "$err" "SK_CONFIG_SNAPSHOT"
	check 2 env SK_CONFIG_SNAPSHOT=x sk-config get run.jobs
	echo '{}' >fake
	check 2 env SK_CONFIG_SNAPSHOT="$(sha256sum fake | cut -c1-64):$PWD/fake" \
		sk-config get run.jobs
	check 0 env SK_CONFIG_SNAPSHOT= sk-config get run.jobs
	same "$out" 1
}

@test "a snapshot that cannot be read is the machine's trouble, not gone" {
	faulty=${SK_FAULTY_BIN:-$SK_TOP/build-faults/bin}
	[ -x "$faulty/sk-config" ] || skip "no development build (make FAULTS=1)"
	printf '{"project_root":"%s","values":{"run":{"jobs":7}}}' "$PWD" >snap
	SK_CONFIG_SNAPSHOT="$(sha256sum snap | cut -c1-64):$PWD/snap"
	export SK_CONFIG_SNAPSHOT
	check 0 "$faulty/sk-config" get run.jobs
	same "$out" 7
	for errno in ENOSPC EIO; do
		seen=
		for n in $(seq 40); do
			rm -f counters
			got=0
			SPEC_KIT_FAULTS="syscall:errno=$errno#$n" \
				SPEC_KIT_FAULTS_FILE=$PWD/counters \
				"$faulty/sk-config" get run.jobs >o 2>e || got=$?
			seen="$seen $got"
			[ "$got" -eq 0 ] || [ "$got" -eq 74 ] ||
				{ echo "$n $errno: $got, $(cat e)"; return 1; }
		done
		has "$seen" 74
	done
}

@test "pipeline.toml counts for sk-run --spec, too" {
	printf '[stages.plan]\nagents = ["b"]\ntimeout = "7s"\n' \
		>docs/S-1/pipeline.toml
	# (A named file stands above it.)
	mkdir -p "$HOME/.config/sk"
	unset SK_CONFIG
	printf '[agents.b]\ncommand = ["true"]\n' >"$HOME/.config/sk/config.toml"
	feed hello 0 sk-run --spec S-1 --stage plan --dry-run --json
	same "$(j -c '[.agents[] | .agent, .timeout_ms]')" '["b",7000]'
	echo 'run.jobz = 1' >docs/S-1/pipeline.toml
	feed hello 2 sk-run --spec S-1 --stage plan --dry-run --json
	has "$(j .error.message)" "$PWD/docs/S-1/pipeline.toml:1:5: run.jobz"
}

@test "sk doctor knows the agents of a file that is named, and what is wrong there" {
	state() { jq -r --arg n "$1" '.checks[] | select(.name == $n) |
		"\(.status) \(.detail)"' doctor; }
	sk doctor --json >doctor || true
	same "$(state config)" "ok loads without errors"
	case $(state agents) in ok*) ;; *) return 1 ;; esac
	sed -i 's|"./agent", "b"|"./none", "b"|' sk.toml
	sk doctor --json >doctor || true
	same "$(state config)" \
		"warn $PWD/sk.toml:15: agents.b.command: cannot run '$PWD/none': No such file or directory"
	echo 'jobz = 1' >>sk.toml
	sk doctor --json >doctor || true
	case $(state config) in "fail $PWD/sk.toml:"*jobz*) ;; *) return 1 ;; esac
}
