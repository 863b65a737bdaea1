#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# sk-config watch: files followed, edits consolidated, the old configuration
# kept.

load helper

local_setup() {
	mkdir -p "$HOME/.config/sk"
	conf=$HOME/.config/sk/config.toml
	export SPECKIT_HOT_RELOAD__DEBOUNCE_MS=500
	pid=
}

teardown() {
	[ -z "${pid:-}" ] || kill "$pid" 2>/dev/null || true
}

start() {
	sk-config watch --json "$@" >events 2>err &
	pid=$!
	await 1
}

# await N: until there are N records.
await() { wait_for records "$1" || { cat events err; return 1; }; }
records() { [ "$(wc -l <events)" -ge "$1" ]; }

names() { jq -r .event events | xargs; }

@test "watch: a change is told once, with its sections, and is valid" {
	start
	same "$(jq -c '.files | length' events)" 3
	printf '[run]\njobs = 3\n' >"$conf"
	await 3
	same "$(names)" "watch_start file_changed reload_success"
	same "$(jq -c 'select(.files) | .files' events | tail -n 1)" "[\"$conf\"]"
	same "$(jq -c 'select(.sections) | .sections' events)" '["run"]'
	[ "$(jq -r .config events | grep -v null | sort -u | wc -l)" -eq 2 ]
	sk-config schema event >schema
	while read -r line; do
		printf '%s\n' "$line" | "$SK_BUILD/tools/schema_check" schema
	done <events
	kill -TERM "$pid"
	got=0
	wait "$pid" || got=$?
	same "$got" 143
	same "$(cat err)" ""
}

@test "watch: rapid edits are consolidated, editors that rename are seen" {
	printf '[run]\njobs = 1\n' >"$conf"
	start
	for i in 2 3 4 5 6; do
		printf '[run]\njobs = %s\n' $i >"$conf.new"
		mv "$conf.new" "$conf"
		sleep 0.1
	done
	await 3
	sleep 0.7
	same "$(names)" "watch_start file_changed reload_success"
	same "$(jq -r 'select(.sections) | .config' events)" "$(
		sk-config list --json >/dev/null
		jq -r 'select(.event == "reload_success") | .config' events)"
}

@test "watch: a bad edit leaves the old configuration, with every finding" {
	printf '[run]\njobs = 1\n' >"$conf"
	start
	before=$(jq -r .config events)
	printf '[run]\njobs = -1\ntimout = 1\n' >"$conf"
	await 3
	same "$(names)" "watch_start file_changed reload_failed"
	same "$(jq -c 'select(.errors) | [.errors[] | "\(.line) \(.key)"]' events)" \
		'["2 run.jobs","3 run.timout"]'
	same "$(tail -n 1 events | jq -r .config)" "$before"
	printf '[run]\njobs = 2\n' >"$conf"
	await 5
	same "$(tail -n 1 events | jq -c '[.event, .sections, .reloads]')" \
		'["reload_success",["run"],2]'
}

@test "watch: files and directories that come later, and links" {
	rm -r "$HOME/.config"
	mkdir -p docs/S real
	touch docs/S/spec.md
	start --spec S
	mkdir -p "$HOME/.config/sk"
	printf '[run]\njobs = 1\n' >"$conf"
	await 3
	mkdir .sk
	printf '[cost]\nenabled = false\n' >.sk/config.toml
	await 5
	printf '[run]\ngrace = "9s"\n' >docs/S/pipeline.toml
	await 7
	printf '[run]\njobs = 2\n' >real/c.toml
	ln -sf "$PWD/real/c.toml" "$conf"
	await 9
	printf '[run]\njobs = 3\n' >real/c.toml
	await 11
	rm "$conf"
	await 13
	same "$(jq -c 'select(.sections) | .sections' events | xargs)" \
		"[run] [cost] [run] [run] [run] [run]"
}

@test "watch: others' files in the same directory are nothing" {
	printf '[run]\njobs = 1\n' >"$conf"
	start
	for i in 1 2 3; do
		echo x >"$HOME/.config/sk/other$i"
		touch "$HOME/.config/sk/other$i"
	done
	sleep 0.8
	same "$(names)" watch_start
	# Idle: no time of the processor, which is counted in hundredths.
	set -- $(cut -d ' ' -f 14,15 "/proc/$pid/stat")
	a=$(($1 + $2))
	sleep 1
	set -- $(cut -d ' ' -f 14,15 "/proc/$pid/stat")
	[ $(($1 + $2 - a)) -eq 0 ]
	same "$(awk '/^voluntary/ { print $2 }' "/proc/$pid/status")" \
		"$(sleep 0.5; awk '/^voluntary/ { print $2 }' "/proc/$pid/status")"
}

@test "watch --once: the status says whether the change was good" {
	printf '[run]\njobs = 1\n' >"$conf"
	for n in 2 x; do
		start --once
		printf '[run]\njobs = %s\n' $n >"$conf"
		got=0
		wait "$pid" || got=$?
		echo "$n $got" >>results
		printf '[run]\njobs = 1\n' >"$conf"
	done
	same "$(cat results | xargs)" "2 0 x 2"
	check 2 sk-config watch --once --config /nowhere/x.toml
}

@test "watch: text for a person" {
	sk-config watch --once --format text >events 2>err &
	pid=$!
	await 1
	printf '[run]\njobs = 2\n' >"$conf"
	wait "$pid"
	same "$(sed 1d events)" "changed $conf
reloaded, run"
}

@test "watch: times of twenty reloads, p95 under 100 ms" {
	printf '[run]\njobs = 1\n' >"$conf"
	start
	for i in $(seq 2 21); do
		printf '[run]\njobs = %s\n' "$i" >"$conf"
		await $((2 * i - 1))
	done
	same "$(tail -n 1 events | jq -c '.reloads, (.p95_ms < 100)' | xargs)" "20 true"
	same "$(jq -c 'select(.reloads == 19) | .p95_ms' events)" null
}

@test "concurrent reads: while a file is replaced, everybody reads one or the other" {
	printf '[run]\njobs = 1\ngrace = "1s"\n' >"$conf"
	( for i in $(seq 150); do
		printf '[run]\njobs = %s\ngrace = "%ss"\n' $((i % 2 + 1)) \
			$((i % 2 + 1)) >"$conf.new"
		mv "$conf.new" "$conf"
	done ) &
	writer=$!
	for i in 1 2 3 4; do
		( for _ in $(seq 25); do
			sk-config get run || echo failed
		done >"read.$i" ) &
	done
	wait
	kill -0 "$writer" 2>/dev/null && return 1
	same "$(cat read.* | wc -l)" 100
	same "$(cat read.* | grep -v -e '"jobs":1,.*"grace":"1s"' \
		-e '"jobs":2,.*"grace":"2s"' || true)" ""
}
