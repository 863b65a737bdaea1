#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Some points of the sweeps; `make sweep` takes more, and looks for leaks as well.

load helper

# sweep POINTS CASE/KIND…
sweep() {
	export SWEEP_POINTS=$1
	export SK_FAULTY_BIN=${SK_FAULTY_BIN:-$SK_TOP/build-faults/bin}
	shift
	case $* in
	*/error* | */kill*)
		[ "$(uname -m)" = x86_64 ] ||
			skip "calls are injected on x86-64 only"
		case $SK_BUILD in
		*asan*) skip "what ASan runs is traced badly" ;;
		esac
		"$SK_BUILD/tools/inject" count -- true 9>&- ||
			skip "processes may not be traced here"
		;;
	*)
		[ -x "$SK_FAULTY_BIN/sk-faults" ] ||
			skip "no development build (make FAULTS=1)"
		;;
	esac
	run "$SK_TOP/tests/sweep/run" "$@"
	echo "$output"
	echo "# count: sweep: ${lines[-1]}" >&3
}

@test "a system call fails: a clear end, nothing half, and asked again it is done" {
	sweep 4 sk/error config/error run/error consensus/error auto/error \
		branch/error metrics/error login/error faults/error
	[ "$status" -eq 0 ]
}

@test "killed at a system call: asked again it is done" {
	sweep 3 run/kill consensus/kill auto/kill branch/kill metrics/kill \
		login/kill
	[ "$status" -eq 0 ]
}

@test "an allocation is refused, once: out of memory, no more" {
	sweep 2 config/once run/once consensus/once auto/once metrics/once \
		login/once
	[ "$status" -eq 0 ]
}

@test "an allocation is refused, and all after it: out of memory, no more" {
	sweep 2 run/ever consensus/ever auto/ever login/ever first/ever
	[ "$status" -eq 0 ]
}

@test "a function of the C library fails with EIO or ENOSPC: a clear end" {
	sweep 2 run/eio consensus/eio login/eio run/enospc consensus/enospc \
		login/enospc
	[ "$status" -eq 0 ]
}

@test "the sweep itself notices what is wrong" {
	mkdir bin
	ln -s "${SK_FAULTY_BIN:-$SK_TOP/build-faults/bin}"/* bin
	# A tool that calls trouble of the machine the user's mistake, leaks, and
	# leaves a file and a process behind, for trouble of one kind.
	rm bin/sk-branch
	cat >bin/sk-branch <<-'END'
		#!/bin/sh
		at=${SPEC_KIT_FAULTS##*#}
		log=${LSAN_OPTIONS#log_path=}
		case $at in
		1) echo no >&2; exit 2 ;;
		2) echo '#0 in f' >"${log%%:*}.1" ;;
		3) mkdir "$TMPDIR/x" ;;
		4) sleep 61 & echo $! >SLEPT ;;
		5) echo '{' ;;
		6) exit 74 ;;
		7) echo x >"$HOME/state/sk/sk.db" ;;
		esac
		exit 0
	END
	sed -i "s:SLEPT:$PWD/slept:" bin/sk-branch
	printf '#!/bin/sh\necho {\\"counters\\":[{\\"calls\\":7}]}\n' >counters
	rm bin/sk-faults
	mv counters bin/sk-faults
	chmod +x bin/*
	SK_FAULTY_BIN=$PWD/bin sweep 0 branch/eio
	[ "$status" -eq 1 ]
	n=0
	while read -r what; do
		n=$((n + 1))
		has "$output" "branch/eio $n (syscall:errno=EIO#$n): $what"
	done <<-'END'
		status 2 for trouble of the machine
		memory leaks: in f
		temporary files stay
		left running: sleep 61
		half a record
		status 74 without a word
		the database is damaged
	END
	has "$output" "7 of 7 points, statuses 0:5 2:1 74:1, "
	kill "$(cat slept)"
}

@test "an allocation of libcurl's is refused: the URL is not to blame" {
	export SWEEP_LAST=180
	sweep 45 faults/once
	[ "$status" -eq 0 ]
}
