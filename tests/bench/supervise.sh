# SPDX-License-Identifier: MIT
# Sourced by run: how fast agents are started and ended, and what sk-run itself
# takes while they work. Times are wall clock of one run each; the start is
# counted from before sk-run itself begins.

# The newest "started" event in a file, in ms since 1970.
last_start() {
	sed -n 's/.*"event":"started","at":"\([^"]*\)".*/\1/p' "$1" |
		LC_ALL=C sort | tail -n 1 | {
		read -r at && date -d "$at" +%s%3N
	}
}

# started N: sk-run with N sleeping agents in the background; its pid in $pid,
# milliseconds until the last one in $took, the worker in $worker.
started() {
	want=$1
	: >"$dir/events"
	t0=$(date +%s%3N)
	"$SK_BIN/sk-run" -e --exec "s:$1=$2" -p "$dir/prompt" --json \
		>"$dir/events" 2>"$dir/err" &
	pid=$!
	tries=0
	while [ "$(grep -c '"started"' "$dir/events")" -lt "$want" ] &&
		[ "$tries" -lt 600 ]; do
		tries=$((tries + 1))
		sleep 0.05
	done
	took=$(($(last_start "$dir/events") - t0))
	worker=$(cat "/proc/$pid/task/$pid/children")
	worker=${worker% }
}

supervision() {
	have "$SK_BIN/sk-run" 'supervision' || return
	echo hello >"$dir/prompt"
	started 3 'sleep 60'
	verdict 'three agents started' "$took" 50 ms
	kill "$pid"
	wait "$pid" 2>/dev/null
	started 1000 'sleep 60'
	verdict '1,000 agents started' "$took" 2000 ms
	sleep 1
	verdict 'idle with 1,000 agents, over its libraries' "$(awk \
		'/^RssAnon/ { printf "%.2f", $2 / 1024 }' "/proc/$worker/status")" \
		4 MiB
	kill "$pid"
	wait "$pid" 2>/dev/null
	# Each leaves a descendant in a session of its own that ignores TERM.
	cat >"$dir/escape" <<'END'
#!/bin/sh
trap '' TERM
setsid sleep 61.25 >/dev/null 2>&1 &
exec sleep 61.5
END
	chmod +x "$dir/escape"
	started 1000 "$dir/escape"
	sleep 2
	t0=$(date +%s%3N)
	SPECKIT_RUN__GRACE=5s kill "$pid"
	wait "$pid" 2>/dev/null
	verdict '1,000 agents with escaped descendants, all dead (grace 5 s)' \
		$(($(date +%s%3N) - t0)) 6000 ms
	verdict 'of them left' "$(pgrep -c -f '^sleep 61\.')" 0 processes
}
