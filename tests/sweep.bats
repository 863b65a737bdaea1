#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Some points of the sweeps; `make sweep` takes the rest.

load helper

# sweep POINTS CASE/KIND…
sweep() {
	[ "$(uname -m)" = x86_64 ] || skip "calls are injected on x86-64 only"
	case $SK_BUILD in
	*asan*) skip "ASan allocates by itself and is traced badly" ;;
	esac
	"$SK_BUILD/tools/inject" count -- true 9>&- ||
		skip "processes may not be traced here"
	SWEEP_POINTS=$1
	shift
	export SWEEP_POINTS
	run "$SK_TOP/tests/sweep/run" "$@"
	echo "$output"
	echo "# count: sweep: ${lines[-1]}" >&3
	[ "$status" -eq 0 ]
}

@test "a system call fails: a clear end, nothing half, and asked again it is done" {
	sweep 5 sk/error config/error run/error consensus/error auto/error \
		branch/error metrics/error login/error
}

@test "killed at a system call: asked again it is done" {
	sweep 3 run/kill consensus/kill auto/kill branch/kill metrics/kill \
		login/kill
}

@test "an allocation is refused, once or from then on: out of memory, no more" {
	sweep 2 config/once run/once consensus/once auto/once metrics/once \
		login/once config/ever run/ever consensus/ever auto/ever
}

@test "the sweep itself notices what is wrong" {
	[ "$(uname -m)" = x86_64 ] || skip "calls are injected on x86-64 only"
	mkdir bin
	cp "$SK_BIN"/sk-* bin
	# A tool that calls trouble of the machine the user's mistake.
	printf '#!/bin/sh\n"%s/sk-branch" "$@" || { echo no >&2; exit 2; }\n' \
		"$SK_BIN" >bin/sk-branch
	run env SK_BIN="$PWD/bin" SWEEP_POINTS=8 "$SK_TOP/tests/sweep/run" \
		branch/error
	echo "$output"
	[ "$status" -eq 1 ]
	has "$output" "status 2 for trouble of the machine"
}
