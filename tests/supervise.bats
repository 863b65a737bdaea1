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

@test "both killed at once: the next start ends what is left" {
	export TMPDIR=$BATS_TEST_TMPDIR/tmp
	mkdir "$TMPDIR"
	script slow '(setsid sh -c "echo \$\$ >daemon; exec sleep 300" &)
		touch "$TMPDIR/leak"
		echo $$ >slow.pid; exec sleep 300'
	sk-run -p in -x x=./slow >out 2>err 3>&- &
	pid=$!
	await slow.pid daemon
	local worker
	worker=$(cat /proc/$pid/task/*/children)
	# Stopped first, so that neither sees the other go.
	kill -STOP $worker "$pid"
	kill -9 $worker "$pid"
	wait "$pid" || :
	alive "$(cat slow.pid)"
	alive "$(cat daemon)"
	same "$(find "$TMPDIR" -name leak | wc -l)" 1
	# Somebody else's agents are none of our business.
	env SK_AGENT_TOKEN=other.1 sleep 300 3>&- &
	local other=$!
	feed p 0 env -u TMPDIR sk-run -x y=cat
	has "$err" 'had left behind'
	gone_within 0 "$(cat slow.pid)" "$(cat daemon)"
	alive "$other"
	kill "$other"
	same "$(find "$TMPDIR" "$SK_DB-live" -mindepth 1)" ''
	feed p 0 sk-run -x y=cat
	same "$err" ''
}

@test "two at once on one database leave each other's agents alone" {
	script slow 'echo $$ >slow.pid; exec sleep 300'
	sk-run -p in -x x=./slow >out 2>err 3>&- &
	pid=$!
	await slow.pid
	feed p 0 sk-run -x y=cat
	alive "$(cat slow.pid)"
	kill "$pid"
	wait "$pid" || :
}

@test "temporary files of an agent go with it, whatever they are" {
	export TMPDIR=$BATS_TEST_TMPDIR/tmp
	mkdir "$TMPDIR"
	echo keep >precious
	# shellcheck disable=SC2016
	script messy 'cd "$TMPDIR" || exit 1
		mkdir -p a/b locked && touch locked/x && chmod 000 locked
		ln -s '"$PWD"' link; ln -s '"$PWD/precious"' a/file
		mkfifo pipe; touch "new
		line" "-rf"
		d=.; for i in $(seq 200); do mkdir d; cd d; touch f; done
		stat -c %a "$TMPDIR"; echo "$TMPDIR"'
	feed p 0 sk-run -x 'a:3=./messy'
	same "$(answers .content | cut -c 2-6 | sort -u)" '700\n'
	same "$(answers .content | sort -u | wc -l)" 3
	same "$(find "$TMPDIR" -mindepth 1)" ''
	same "$(cat precious)" keep
}

# A fake claude: each line of the script file is printed after a pause.
streamer() {
	cat >sk.toml <<-END
		[agents.s]
		adapter = "claude"
		command = ["$PWD/stream"]
		$1
	END
	export SK_CONFIG=$PWD/sk.toml
}

@test "three clocks: first byte, silence, everything" {
	streamer
	local line='{"type":"system","subtype":"init","session_id":"s"}'
	script stream 'exec sleep 300'
	export SPECKIT_RUN__FIRST_BYTE=200ms SPECKIT_RUN__IDLE=60s
	feed p 9 sk-run -a s
	same "$(answers '[.failure.kind, .failure.message, .timings.first_byte_ms]')" \
		'["timeout_first_byte","not a byte within 200ms",null]'
	script stream "echo '$line'; exec sleep 300"
	export SPECKIT_RUN__FIRST_BYTE=60s SPECKIT_RUN__IDLE=200ms
	feed p 9 sk-run -a s
	same "$(answers '[.failure.kind, .failure.message]')" \
		'["timeout_idle","silent for 200ms"]'
	# Talking is enough for both, but not for the third.
	script stream "while :; do echo '$line'; sleep 0.05; done"
	feed p 9 sk-run -a s -t 700ms
	same "$(answers .failure.kind)" '"timeout_total"'
	# What does not stream may be silent.
	script quiet 'sleep 0.6; echo yes'
	feed p 0 env SPECKIT_RUN__FIRST_BYTE=100ms sk-run -x q=./quiet
	# 0 is no limit.
	script stream "sleep 0.3; echo '$line'; sleep 0.3
		echo '{\"type\":\"result\",\"is_error\":false,\"result\":\"r\"}'"
	export SPECKIT_RUN__FIRST_BYTE=0s SPECKIT_RUN__IDLE=0s
	feed p 0 sk-run -a s
}
