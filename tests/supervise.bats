#!/usr/bin/env bats
# sk-run as a supervisor: readers that stall or go, clocks, being stopped, being
# killed, and what must not be left behind.

load helper
load agents

local_setup() {
	export SPECKIT_RUN__GRACE=300ms
	printf p >in
	mkfifo way
}

# stalled ARGS...: sk-run whose reader is there and does not read; its pid in
# $pid. Descriptor 9 is that reader.
stalled() {
	exec 9<>way
	env --default-signal=INT sk-run -p in "$@" >way 2>err 9<&- 3>&- &
	pid=$!
}

# The answer of an agent that fills every buffer on the way.
big() {
	head -c 3000000 /dev/zero | tr '\0' a >big
}

@test "a reader that stalls: the clocks go on" {
	big
	script slow 'echo $$ >slow.pid; exec sleep 300'
	stalled -x 'a=cat big' -x 'b=./slow' -t 500ms
	await slow.pid
	gone_within 3000 "$(cat slow.pid)"
	# It is recorded too, although nobody takes what we print.
	for ((i = 0; i < 300; i++)); do
		[ "$(stored "SELECT count(*) FROM agent_executions
			WHERE status <> 'spawned'")" = 2 ] && break
		sleep 0.01
	done
	same "$(stored 'SELECT agent_name, status, failure_kind
		FROM agent_executions ORDER BY 1')" 'a|accepted|
b|failed|timeout_total'
	alive "$pid"
	# The reader goes on: everything arrives, whole and in order.
	timeout 20 head -n 3 <&9 >"$BATS_TEST_TMPDIR/.out"
	local got=0
	wait "$pid" || got=$?
	same "$got" 3
	same "$(answers '[.agent, .status, (.content // "" | length)]')" \
		'["a","ok",3000000]
["b","failed",0]'
	tail -n 1 "$BATS_TEST_TMPDIR/.out" | grep -q run.end
}

@test "a reader that stalls: one signal is enough" {
	big
	script slow 'echo $$ >slow.pid; exec sleep 300'
	local sig got
	for sig in INT:130 TERM:143; do
		rm -f slow.pid
		stalled -x 'a=cat big' -x 'b=./slow'
		await slow.pid
		sleep 0.1
		kill "-${sig%:*}" "$pid"
		gone_within 3000 "$(cat slow.pid)" "$pid"
		got=0
		wait "$pid" || got=$?
		same "$got" "${sig#*:}"
	done
}

@test "a reader that stalls: agents are held back, memory is bounded" {
	big
	stalled -x 'a:40=cat big'
	local worker rss
	for ((i = 0; i < 200; i++)); do
		worker=$(cat /proc/$pid/task/*/children) && [ -n "$worker" ] &&
			break
		sleep 0.01
	done
	sleep 1
	rss=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' /proc/${worker% }/status)
	case $(ldd "$SK_BIN/sk-run") in
	*libasan*) ;;
	*)
		echo "$rss kB"
		[ "$rss" -lt 60000 ]
		;;
	esac
	timeout 20 head -n 41 <&9 >"$BATS_TEST_TMPDIR/.out"
	wait "$pid"
	same "$(answers '[.status, (.content | length)]' | sort | uniq -c |
		tr -s ' ')" ' 40 ["ok",3000000]'
}

@test "a reader that stalls: kill -9 of the guardian is seen" {
	big
	script slow 'echo $$ >slow.pid; exec sleep 300'
	stalled -x 'a=cat big' -x 'b=./slow'
	await slow.pid
	local worker
	worker=$(cat /proc/$pid/task/*/children)
	sleep 0.1
	kill -9 "$pid"
	gone_within 1000 "$(cat slow.pid)" $worker
	wait "$pid" || :
}

@test "a reader that goes away cancels, before anything is written" {
	script slow 'echo $$ >slow.pid; exec sleep 300'
	local got=0
	stalled -x 'b=./slow' -x 'c=./slow'
	await slow.pid
	alive "$pid"
	exec 9<&-
	wait "$pid" || got=$?
	same "$got" 141
	gone_within 0 "$(cat slow.pid)"
	same "$(cat err)" ''
	same "$(stored 'SELECT DISTINCT failure_kind FROM agent_executions')" \
		cancelled
	# A socket is no different.
	rm -f slow.pid
	if command -v socat >/dev/null; then
		socat -u EXEC:"sk-run -p in -x b=./slow",socketpair \
			EXEC:'sleep 0.5' 2>/dev/null || :
		await slow.pid
		gone "$(cat slow.pid)"
	fi
}

@test "standard output of every kind" {
	sk-run -p in -x x=cat >file
	grep -q '"content":"p"' file
	# A file that others append to is not cut or overwritten.
	echo before >file
	sk-run -p in -x x=cat >>file
	same "$(head -n 1 file)" before
	same "$(wc -l <file)" 3
	sk-run -p in -x x=cat >/dev/null
	# The descriptor of others stays as it was: blocking.
	{ sk-run -p in -x x=cat && head -c 300000 /dev/zero; } |
		{ sleep 0.3 && cat; } | tail -c 300000 | cmp - <(
		head -c 300000 /dev/zero)
}
