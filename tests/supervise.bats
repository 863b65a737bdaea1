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
	ended() {
		[ "$(stored "SELECT count(*) FROM agent_executions
			WHERE status <> 'spawned'")" = 2 ]
	}
	wait_for ended
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
	wait_for grep -q . /proc/$pid/task/*/children
	worker=$(cat /proc/$pid/task/*/children)
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

# both_killed OPTION…: guardian and worker at once; the next start ends the rest.
both_killed() {
	export TMPDIR=$BATS_TEST_TMPDIR/tmp
	mkdir -p "$TMPDIR"
	rm -f slow.pid daemon naked
	script slow '(setsid sh -c "echo \$\$ >daemon; exec sleep 300" &)
		(setsid env -i sh -c "echo \$\$ >naked; exec sleep 300" \
			</dev/null >/dev/null 2>&1 &)
		touch "$TMPDIR/leak"
		echo $$ >slow.pid; exec sleep 300'
	sk-run -p in -x x=./slow "$@" >out 2>err 3>&- &
	pid=$!
	await slow.pid daemon naked
	local worker
	worker=$(cat /proc/$pid/task/*/children)
	# Stopped first, so that neither sees the other go.
	kill -STOP $worker "$pid"
	kill -9 $worker "$pid"
	wait "$pid" || :
	alive "$(cat slow.pid)"
	alive "$(cat daemon)"
	alive "$(cat naked)"
	same "$(find "$TMPDIR" -name leak | wc -l)" 1
	# Somebody else's agents are none of our business.
	env SK_AGENT_TOKEN=other.1 sleep 300 3>&- &
	local other=$! group
	group=$(sed -n 3p "$SK_DB-live"/*)
	env -i sleep 300 3>&- &
	local another=$!
	feed p 0 env -u TMPDIR sk-run -x y=cat
	has "$err" 'had left behind'
	gone_within 0 "$(cat slow.pid)" "$(cat daemon)" "$(cat naked)"
	alive "$other"
	alive "$another"
	kill "$other" "$another"
	[ -z "$group" ] || [ ! -e "$group" ]
	same "$(find "$TMPDIR" "$SK_DB-live" -mindepth 1)" ''
	feed p 0 sk-run -x y=cat
	same "$err" ''
}

@test "both killed at once: the next start ends what is left" {
	both_killed
	both_killed --cgroup
}

@test "a daemon without any environment ends with its own agent" {
	script forget 'setsid env -i sh -c "echo \$\$ >naked; exec sleep 300" \
			</dev/null >/dev/null 2>&1 &
		while [ ! -s naked ]; do sleep 0.01; done'
	script slow 'echo $$ >slow.pid
		while [ -e wait ]; do sleep 0.01; done; echo fine'
	touch wait
	sk-run -p in -x x=./forget -x y=./slow -e >out 2>err 3>&- &
	pid=$!
	await slow.pid naked
	gone "$(cat naked)"
	alive "$(cat slow.pid)"
	rm wait
	wait "$pid" || :
	same "$(grep -c '"content":"fine' out)" 1
}

@test "the worker alone killed: its directory goes with it, its mark with the next start" {
	export TMPDIR=$BATS_TEST_TMPDIR/tmp
	mkdir "$TMPDIR"
	script slow 'touch "$TMPDIR/leak"; echo $$ >slow.pid; exec sleep 300'
	sk-run -p in -x x=./slow >out 2>err 3>&- &
	pid=$!
	await slow.pid
	kill -9 $(cat /proc/$pid/task/*/children)
	wait "$pid" || :
	gone_within 1000 "$(cat slow.pid)"
	same "$(find "$TMPDIR" -mindepth 1)" ''
	feed p 0 env -u TMPDIR sk-run -x y=cat
	same "$(find "$TMPDIR" "$SK_DB-live" -mindepth 1)" ''
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

@test "a deadline for everything, and a limit set by the peers" {
	feed p 9 sk-run -x 'a:3=sleep 300' -j 1 --deadline 400ms
	same "$(answers .failure.kind | sort | uniq -c | tr -s ' ')" \
		' 3 "timeout_total"'
	has "$(answers .failure.message)" 'deadline came before it was started'
	script after 'sleep 0.2; echo yes'
	feed p 3 sk-run -x 'a:3=./after' -x 'z=sleep 300' --straggler 3
	same "$(answers 'select(.agent == "z") | .failure.kind')" \
		'"timeout_total"'
	has "$(answers 'select(.agent == "z") | .failure.message')" peers
	# Two of five are not half of them.
	feed p 9 sk-run -x 'a:2=./after' -x 'z:3=sleep 1' --straggler 2 -t 600ms ||
		feed p 3 sk-run -x 'a:2=./after' -x 'z:3=sleep 1' \
			--straggler 2 -t 600ms
	has "$(answers .failure.message)" 'no answer within 600ms'
}

@test "descriptors, signals and limits that an agent gets" {
	# shellcheck disable=SC2016
	script look 'ls /proc/self/fd | tr "\n" " "; ulimit -n
		grep -E "^Sig(Blk|Ign)" /proc/self/status | tr -d "\t\n"
		readlink /proc/self/fd/0 | cut -c 1-8; ps -o sid= -p $$ | tr -d " "
		echo $$'
	exec 7<in 8<in
	feed p 0 sk-run -x 'a:300=./look' -j 300
	local want
	want=$(ulimit -Sn)
	# (3 is the directory that ls reads.)
	same "$(answers .content | cut -d'\' -f1 | sort -u)" "\"0 1 2 3 $want"
	# (32 and 33 belong to the C library.)
	same "$(answers .content | grep -cE \
		'SigBlk:0000000000000000SigIgn:0000000[01][08]0000000')" 300
	# A session of its own, led by itself.
	same "$(answers '.content | split("\n") | .[-1] == .[-2]' | sort -u)" true
	exec 7<&- 8<&-
}

@test "--tee keeps the raw streams" {
	printf 'a\000\377b' >bytes
	script both 'cat bytes; echo talk >&2'
	feed p 0 sk-run -x x=./both -x y=cat --tee raw
	cmp raw/x.1.out bytes
	same "$(cat raw/x.1.err)" talk
	same "$(cat raw/y.1.out)" p
	same "$(stat -c %a raw raw/x.1.out | xargs)" '700 600'
	# A link that waits there is not followed.
	echo keep >precious
	ln -sf "$PWD/precious" raw/z.1.out
	feed p 0 sk-run -x z=cat --tee raw
	same "$(cat precious)" keep
	feed p 74 sk-run -x z=cat --tee /dev/null/x ||
		feed p 2 sk-run -x z=cat --tee /dev/null/x
}

@test "--worktree: each agent has a tree of its own, the diff is in the record" {
	git init -q repo
	cd repo
	git config user.email a@example.org
	git config user.name a
	mkdir sub
	echo one >sub/file
	git add .
	git commit -qm first
	# Hooks of the repository are not run for us.
	printf '#!/bin/sh\ntouch %s/hooked\n' "$BATS_TEST_TMPDIR" \
		>.git/hooks/post-checkout
	chmod +x .git/hooks/post-checkout
	echo dirty >sub/file
	cd sub
	# shellcheck disable=SC2016
	script ../../change 'cat file; echo "$SK_AGENT" >>file
		printf "\000\001" >new; test -e left && exit 1; touch left
		echo done'
	feed p 0 sk-run -x 'a:2=../../change' --worktree ||
		feed p 0 sk-run -x "a:2=$PWD/../../change" --worktree
	same "$(answers .content | sort -u)" '"one\ndone"'
	same "$(answers 'select(.agent == "a.1") | .diff' | jq -r . |
		grep '^[+-]' | grep -v '^+++\|^---')" '+a.1'
	has "$(answers .diff)" 'b/sub/new'
	# As a stored answer too.
	feed p 0 sk-run -r R -x "b=$PWD/../../change" --worktree
	local first
	first=$(answers .diff)
	feed p 0 sk-run -r R -x "b=$PWD/../../change" --worktree
	same "$(answers .diff)" "$first"
	jq -r 'select(.agent == "b").diff' <"$BATS_TEST_TMPDIR/.out" >d.patch
	git stash -q
	git apply --check --directory= d.patch
	# Ours is as it was.
	git stash pop -q
	same "$(cat file)" dirty
	[ ! -e new ]
	same "$(git worktree list | wc -l)" 1
	[ ! -e "$BATS_TEST_TMPDIR/hooked" ]
	cd "$BATS_TEST_TMPDIR"
	feed p 2 sk-run -x a=cat --worktree
	has "$err" 'needs a git repository'
}

@test "--cgroup: one step kills all, or it says that there is none" {
	# shellcheck disable=SC2016
	script leaver '(setsid env -i sleep 300 >/dev/null 2>&1 & echo $! >left)
		cat /proc/self/cgroup | grep ^0::'
	feed p 0 sk-run -x a=./leaver --cgroup
	gone "$(cat left)"
	case $err in
	'') has "$(answers .content)" /sk- ;;
	*) has "$err" 'going on without cgroups' ;;
	esac
	local m
	m=$(awk '/ - cgroup2 / { print $5; exit }' /proc/self/mountinfo)
	same "$([ -n "$m" ] && find "$m" -maxdepth 2 -name 'sk-*' 2>/dev/null)" ''
}

@test "--launcher: words before each agent, same record, same status" {
	# shellcheck disable=SC2016
	script far 'echo "$#:$*" >>calls; shift; exec "$@"'
	script odd 'echo "$1"; cat; exit 3'
	feed p 6 sk-run -x "a=./odd 'x  \$HOME;'" --launcher './far --'
	same "$(answers '[.exit, .failure.kind]')" '[3,"crashed"]'
	same "$(cat calls)" '3:-- ./odd x  $HOME;'
	feed p 0 sk-run -x "a=cat" --launcher './far --'
	same "$(answers .content)" '"p"'
	# ssh joins its words for a shell.
	mkdir bin
	# shellcheck disable=SC2016
	script bin/ssh 'shift; exec sh -c "$*"'
	feed p 0 sk-run -x "a=echo 'x  \$HOME; touch no' '*'" \
		--launcher "$PWD/bin/ssh host"
	same "$(answers .content)" '"x  $HOME; touch no *"'
	[ ! -e no ]
	feed p 2 sk-run -x a=cat --launcher "x 'y"
	feed p 6 sk-run -x a=cat --launcher /nonexistent/launcher
	same "$(answers .failure.kind)" '"not_found"'
}

@test "a line for each agent on a terminal, nothing in CI" {
	type -P script >/dev/null || skip 'no script(1) here'
	local run='sk-run -p in -x "a=sh -c \"echo hi; sleep 1\"" -x "b=sleep 1" --attempts 1'
	TERM=xterm command script -qec "$run" shown </dev/null >/dev/null || :
	has "$(cat shown)" 'talks'
	has "$(cat shown)" '3 B'
	same "$(grep -c '^run ' shown)" 1
	local v
	for v in CI=1 NO_COLOR=1 TERM=dumb; do
		env TERM=xterm "$v" script -qec "$run" shown </dev/null \
			>/dev/null || :
		same "$(grep -c 'talks' shown || :)" 0
		# (A carriage return before each line end is the terminal's.)
		same "$(sed '/^Script /d; s/\r$//' shown | LC_ALL=C tr -d '\n -~')" ''
	done
	# More agents than lines: one line for all.
	TERM=xterm command script -qec 'stty rows 10 cols 80
		sk-run -p in -x "a:30=sleep 1" --attempts 1' shown \
		</dev/null >/dev/null || :
	has "$(cat shown)" '30 agents: 30 running, 0 ok'
}

@test "an answer that the database does not take costs its own agent only" {
	! asan || skip 'needs the memory that ASan takes'
	# Each byte becomes three.
	script huge 'head -c 39000000 /dev/zero | tr "\0" "\377"'
	feed p 3 sk-run -x a=./huge -x b=cat --max-output 40M --attempts 1
	same "$(answers '[.agent, .status, .failure.kind]' | sort)" \
		'["a","failed","truncated"]
["b","ok",null]'
	has "$(answers .failure.message)" 'more than the database takes'
}

@test "a stored answer is not given to another question" {
	feed p 0 sk-run -r R -x a=cat
	feed p 0 sk-run -r R -x a=cat
	same "$(answers .content)" '"p"'
	feed q 2 sk-run -r R -x a=cat
	same "$(jq -r .error.code <"$BATS_TEST_TMPDIR/.out")" another_question
	has "$err" '--round 2'
	echo '{"type":"string"}' >s.json
	feed p 2 sk-run -r R -x a=cat --schema s.json
	feed q 0 sk-run -r R -x a=cat --round 2
	same "$(answers .content)" '"q"'
	# Who says so goes on in the round.
	feed q 0 sk-run -r R -x a=cat --again
	same "$(answers .content)" '"p"'
	has "$err" 'another prompt'
}

@test "a prompt that is a document goes to the agent as JSON" {
	feed '{"schema":"sk.request/1","prompt":{"task":["x",1.50]}}' 0 \
		sk-run -x a=cat
	same "$(answers .content)" '"{\"task\":[\"x\",1.50]}"'
	feed '{"schema":"sk.request/1","prompt":7}' 2 sk-run -x a=cat
}

@test "a record of a signal that is damaged: nobody waits for ever" {
	DEV=${SK_FAULTY_BIN:-$SK_TOP/build-faults/bin}
	[ -x "$DEV/sk-run" ] || skip "no development build (make FAULTS=1)"
	# The database is there and short, so that the few reads are its own.
	feed p 6 sk-run --exec a=true --run r --json
	sqlite3 "$SK_DB" 'PRAGMA wal_checkpoint(TRUNCATE)' >/dev/null
	cp -R "$(dirname "$SK_DB")" base
	hit=1
	for ((n = 1; hit == 1; n++)); do
		rm -rf now
		cp -R base now
		SPEC_KIT_FAULTS=read:garbage#$n SPEC_KIT_FAULTS_FILE=$PWD/now/c \
			SK_DB=$PWD/now/sk.db timeout -k 1 20 "$DEV/sk-run" \
			--exec a=true --run r2 -p in --json >o 2>e && got=0 || got=$?
		[ "$got" -lt 124 ] || {
			echo "read $n: status $got: $(cat e)"
			return 1
		}
		hit=$(SPEC_KIT_FAULTS_FILE=$PWD/now/c "$DEV/sk-faults" status \
			--json | jq '.hits | length')
	done
	[ "$n" -gt 10 ]
}
