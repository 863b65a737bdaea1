#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# One thing fails, at its Nth call, for N from 1 to the last: memory, once and
# for ever after; any function of the system. A typical command of every tool
# ends by the table, says why, and leaves nothing half.
#
# This is about the fail-points malloc and syscall of development builds, which
# reach every process of a command; make sweep has the long run, with the means of
# the system. SWEEP_POINTS: so many N of each at most, evenly spread.

load helper

setup_file() {
	export FAULTY=${SK_FAULTY_BIN:-$BATS_TEST_DIRNAME/../build-faults/bin}
	export SWEEP_POINTS=${SWEEP_POINTS:-2}
}

local_setup() {
	[ -x "$FAULTY/sk-faults" ] || skip "no development build (make FAULTS=1)"
	top=$(mktemp -d "${SWEEP_DIR:-/dev/shm}/sk-sweep.XXXXXX" 2>/dev/null) ||
		top=$(mktemp -d)
	export SK_SWEEP_MARK=$top
	base=$top/base now=$top/now
	seed >/dev/null 2>&1
}

teardown() {
	[ -z "${top:-}" ] || rm -rf "$top"
}

# Where a command works, and on what.
in_place() { # DIR COMMAND...
	local d=$1
	shift
	(cd "$d/place" && HOME=$d/home XDG_CONFIG_HOME=$d/home/.config \
		XDG_STATE_HOME=$d/home/.state SK_DB=$d/state/sk.db \
		TMPDIR=$d/tmp exec "$@")
}

# A database with a run in it, answers to judge, a project. (Made where it is
# used: a run belongs to a place.)
seed() {
	mkdir -p "$now/tmp" "$now/state" "$now/home" "$now/place/docs"
	cp -R "$SK_TOP/docs/example" "$now/place/docs/example"
	rm -rf "$now/place/docs/example/docs/evidence"
	printf '#!/bin/sh\ncat >/dev/null\necho "{\\"k\\":1}"\n' \
		>"$now/place/agent"
	chmod +x "$now/place/agent"
	for a in a b; do
		jq -cn --arg a $a '{schema: "sk.answer/1", agent: $a, run: "r",
			spec: "S", stage: "tasks", content: "{\"k\":1}"}'
	done >"$now/place/answers"
	echo sk-key-123 >"$now/place/key"
	in_place "$now" sh -c "echo p | sk-run --exec a=./agent \
		--exec b=./agent --run r --spec S --stage plan |
		sk-consensus --expect a,b"
	mv "$now" "$base"
}

# The commands; $FAULTY comes first on PATH.
cmd() {
	case $1 in
	sk) echo 'sk doctor --json' ;;
	sk-run) echo 'sk-run --exec a=./agent --exec b=./agent --run r --spec S --stage tasks --json <agent' ;;
	sk-consensus) echo 'sk-consensus --expect a,b --json <answers' ;;
	sk-metrics) echo 'sk-metrics show --run r --json' ;;
	sk-branch) echo 'sk-branch new --run r --json' ;;
	sk-config) echo 'sk-config check --json' ;;
	sk-login) echo 'sk-login login openai-api <key' ;;
	sk-auto) echo 'sk-auto run DEMO --to plan --config docs/example/sk.toml --json' ;;
	esac
}

# one TOOL PLAN: runs it under the plan in a fresh copy; $status, $now
one() {
	rm -rf "$now"
	cp -R "$base" "$now"
	status=0
	in_place "$now" env PATH="$FAULTY:$PATH" SPEC_KIT_FAULTS="$2" \
		SPEC_KIT_FAULTS_FILE="$now/faults" \
		timeout -k 1 60 sh -c "$(cmd "$1")" \
		>"$now/out" 2>"$now/err" </dev/null || status=$?
}

# calls POINT: how often it was called in the last run
calls() {
	SPEC_KIT_FAULTS_FILE=$now/faults "$FAULTY/sk-faults" status --json |
		jq -r --arg p "$1" '[.counters[] | select(.fault == $p) |
			.calls][0] // 0'
}

# What must hold whatever failed. Prints what does not.
sound() { # TOOL PLAN
	case $status in
	0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 65 | 69 | 71 | 74 | 75) ;;
	*) echo "$1 $2: status $status: $(tail -n 2 "$now/err")" ;;
	esac
	case $status in
	0 | 1 | 3) ;;
	*) [ -s "$now/err" ] || [ "$1" = sk ] ||
		echo "$1 $2: status $status, and not a word" ;;
	esac
	[ -z "$(ls -A "$now/tmp")" ] ||
		echo "$1 $2: left $(ls -A "$now/tmp" | head -n 3 | xargs)"
	if [ -n "$(find "$now/place" "$now/state" "$now/home" -name '.tmp*' \
		-print -quit)" ]; then
		echo "$1 $2: left $(find "$now" -name '.tmp*' | xargs)"
	fi
	find "$now/place" -name '*_synthesis.json' -exec jq -e .status {} + \
		>/dev/null 2>"$top/jq" || [ ! -s "$top/jq" ] ||
		echo "$1 $2: half an artefact: $(cat "$top/jq")"
	in_place "$now" "$SK_BIN/sk-consensus" audit --json >"$top/audit" \
		2>&1 || echo "$1 $2: audit: $(cat "$top/audit")"
}

# sweep TOOL ENTRY POINT: ENTRY with N in place of "N"
sweep() {
	local n step total entry
	one "$1" "$3=sleep:0#1000000000"
	total=$(calls "$3")
	if [ "$status" -ne 0 ] || [ "$total" -eq 0 ]; then
		echo "$1: status $status, $total calls of $3: $(cat "$now/err")"
		return
	fi
	step=$(((total + SWEEP_POINTS - 1) / SWEEP_POINTS))
	for ((n = 1; n <= total; n += step)); do
		entry=${2//N/$n}
		one "$1" "$entry"
		sound "$1" "$entry"
		ran=$((ran + 1))
	done
}

# all ENTRY POINT: the sweep of every tool; what is wrong is the output
all() {
	local tool ran=0
	for tool in ${SWEEP_TOOLS:-sk-run sk-consensus sk-login}; do
		sweep "$tool" "$1" "$2"
	done >"$top/wrong"
	echo "# count: $1: $ran runs" >&3
	# Nothing that was started runs any more.
	for p in $(grep -lzs "^TMPDIR=$now/tmp" /proc/[0-9]*/environ); do
		echo "left running: $(tr '\0' ' ' <"${p%environ}cmdline")"
	done >>"$top/wrong"
	if [ -s "$top/wrong" ]; then
		cat "$top/wrong"
		return 1
	fi
}

@test "sweep: no memory, once" {
	all 'malloc:fail#N' malloc
}

@test "sweep: no memory, from then on" {
	all 'malloc:fail#N+' malloc
}

@test "sweep: a function of the system fails, once" {
	all 'syscall:errno=EIO#N' syscall
	all 'syscall:errno=ENOSPC#N' syscall
}
