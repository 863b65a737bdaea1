#!/usr/bin/env bats
# sk-run: asking agents, what it prints, and every kind of bad input.

load helper
load agents

@test "two agents answer: one record each, then run.end" {
	feed 'say {"a":1}' 0 sk-run --exec 'x=cat' --exec 'y=echo "b  c"' \
		--spec S-1 --stage spec-Plan
	same "$(answers '[.agent, .status, .content, .data]' | sort)" \
		'["x","ok","say {\"a\":1}",{"a":1}]
["y","ok","b  c",null]'
	same "$(answers '[.spec, .stage, .round, .attempt, .exit, .adapter]' |
		sort -u)" '["S-1","plan",1,1,0,"exec"]'
	same "$(end '[.agents, .ok, .failed]')" '[2,2,0]'
	same "$(answers 'keys_unsorted' | sort -u)" \
		'["schema","run","branch","spec","stage","round","agent","adapter","model","attempt","seq","status","failure","content","data","lossy","usage","cost","timings","exit","signal","session","sha256","host","fallback","reused"]'
	same "$(answers .seq | sort | tr '\n' ' ')" '1 2 '
	same "$err" ''
	# One line of ASCII each.
	same "$(LC_ALL=C grep -cv '^[ -~]*$' "$BATS_TEST_TMPDIR/.out")" 0
}

@test "exit status says what all agents have in common" {
	script ok 'echo fine'
	local t='/bin/sh -c'
	feed p 0 sk-run --exec 'a=./ok' --exec 'b=./ok'
	feed p 3 sk-run --exec 'a=./ok' --exec 'b=false'
	same "$(end '[.ok, .failed]')" '[1,1]'
	feed p 6 sk-run --exec 'a=false' --exec 'b=true'
	same "$(answers '[.agent, .failure.kind]' | sort)" \
		'["a","crashed"]
["b","empty"]'
	one_line
	mkdir -p "$XDG_CONFIG_HOME/sk/adapters"
	cat >"$XDG_CONFIG_HOME/sk/adapters/http.toml" <<-'END'
		[output]
		format = "text"
	END
	cat >sk.toml <<-'END'
		[agents.login]
		adapter = "http"
		command = ["sh", "-c", "echo 'HTTP 401: invalid API key' >&2; exit 1"]
		[agents.limit]
		adapter = "http"
		command = ["sh", "-c", "echo 'Rate limit. Try again in 1m3.5s' >&2; exit 1"]
		[agents.money]
		adapter = "http"
		command = ["sh", "-c", "echo 'insufficient_quota' >&2; exit 1"]
	END
	export SK_CONFIG=$PWD/sk.toml
	feed p 4 sk-run -a login
	feed p 75 sk-run -a limit
	same "$(answers '[.failure.kind, .failure.retry_after_ms]')" \
		'["rate_limited",63500]'
	feed p 7 sk-run -a money
	feed p 6 sk-run -a login -a limit
}

@test "names: counts, adapters, identifiers, suggestions" {
	feed p 0 sk-run --exec 'x:3=cat' -j 2
	same "$(answers .agent | sort | tr '\n' ' ')" '"x.1" "x.2" "x.3" '
	feed p 0 sk-run -a cat=exec
	same "$(answers .content)" '"p"'
	feed p 0 sk-run -a cat
	local bad
	for bad in '../x' 'a/b' '-x' '' 'x:0' 'x:' 'x=' 'x:y' 'a b' "$(
		printf 'x%.0s' $(seq 65)
	)" 'x;touch y' '$(id)'; do
		feed p 2 sk-run -a "$bad"
		one_line
	done
	for bad in x '=cat' 'x=' 'x= ' "x='a" 'x:0=cat'; do
		feed p 2 sk-run --exec "$bad"
		one_line
	done
	[ ! -e y ]
	feed p 2 sk-run -a cat -a cat
	same "$(error_code)" agent_twice
	feed p 2 sk-run -a x=claud
	same "$(error_code)" no_such_adapter
	has "$err" "did you mean 'claude'"
	feed p 2 sk-run
	same "$(error_code)" no_agents
	feed p 2 sk-run --exec x=cat --spec ../../etc
	same "$(error_code)" bad_identifier
	feed p 2 sk-run --exec x=cat -m -rf -a claude
	same "$(error_code)" bad_model
}

@test "no shell: command words are taken as they are" {
	feed p 0 sk-run --exec 'x=echo $(touch pwned) `touch pwned` $HOME * ; touch pwned'
	same "$(answers .content)" \
		'"$(touch pwned) `touch pwned` $HOME * ; touch pwned"'
	[ ! -e pwned ]
}

@test "bad input: empty prompt, unknown stage, unknown option, missing file" {
	local in
	for in in '' ' ' $'\n\t\n'; do
		feed "$in" 2 sk-run --exec x=cat
		same "$(error_code)" empty_prompt
		one_line
	done
	check 2 sk-run --exec x=cat
	feed p 2 sk-run --exec x=cat --stage plam
	same "$(error_code)" unknown_stage
	has "$err" "did you mean 'plan'"
	one_line
	feed p 2 sk-run --exec x=cat --stagee plan
	one_line
	[ -n "$(error_code)" ]
	check 74 sk-run --exec x=cat --prompt-file /nonexistent ||
		check 2 sk-run --exec x=cat --prompt-file /nonexistent
	one_line
	# Nothing of this reached the database.
	[ ! -e "$SK_DB" ]
}

@test "stages: aliases, and those of the configuration" {
	local w
	for w in audit review spec-audit SPEC-REVIEW; do
		feed p 0 sk-run --exec x=cat --stage "$w"
		same "$(answers .stage)" '"audit"'
	done
	printf '[stages.poem]\nagents = ["cat"]\n' >sk.toml
	feed p 0 sk-run --config sk.toml --stage poem
	same "$(answers '[.agent, .stage]')" '["cat","poem"]'
}

@test "bad input: an agent that does not exist, or cannot be run" {
	feed p 6 sk-run -a no-such-agent
	same "$(answers '[.status, .failure.kind]')" '["failed","not_found"]'
	one_line
	feed p 3 sk-run -a claud --exec x=cat
	same "$(answers 'select(.agent == "claud") | .failure.kind')" \
		'"not_found"'
	has "$err" "did you mean 'claude'"
	feed p 6 sk-run --exec x=/nonexistent/program
	same "$(answers .failure.kind)" '"not_found"'
	echo data >plain
	feed p 6 sk-run --exec x=./plain
	same "$(answers .failure.kind)" '"usage"'
	one_line
}

@test "bad input: a prompt of 4 MB arrives whole, also when nobody reads it" {
	head -c 4000000 /dev/zero | tr '\0' a >big
	feed_file big 0 sk-run --exec 'x:3=wc -c' --exec 'y=sha256sum'
	same "$(answers 'select(.agent != "y") | .content' | sort -u)" '"4000000"'
	has "$(answers 'select(.agent == "y") | .content')" \
		"$(sha256sum <big | cut -d' ' -f1)"
	feed_file big 0 sk-run --exec 'x=echo done'
	same "$(answers .content)" '"done"'
	check 0 sk-run --prompt-file big --exec 'x=wc -c'
	same "$(answers .content)" '"4000000"'
}

@test "bad input: an agent that prints 1 GB is bounded" {
	# (ASan keeps what is freed for a while: its own figure.)
	local max=65536
	! asan || max=600000
	printf p >in
	# shellcheck disable=SC2016
	feed_file in 6 sh -c 'sk-run --prompt-file in --exec "x=head -c 1000000000 /dev/zero" &
		pid=$!; peak=0
		while kids=$(cat /proc/$pid/task/*/children 2>/dev/null) &&
			kill -0 $pid 2>/dev/null; do
			for k in $kids; do
				r=$(sed -n "s/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p" \
					/proc/$k/status 2>/dev/null)
				[ "${r:-0}" -gt "$peak" ] && peak=$r
			done
		done
		echo "$peak" >peak
		wait $pid'
	same "$(answers '[.status, .failure.kind, (.content | length)]')" \
		'["failed","truncated",65536]'
	one_line
	cat peak
	[ "$(cat peak)" -gt 0 ]
	[ "$(cat peak)" -lt "$max" ]
	head -c 2000 /dev/zero | tr '\0' a >as
	feed p 0 sk-run --exec 'x=head -c 1000 as' --max-output 1000
	feed p 6 sk-run --exec 'x=head -c 1001 as' --max-output 1000
}

@test "bad input: binary garbage is decoded, marked and kept apart" {
	printf 'a\377\000\033[31mb\r\n\302\205##' >bytes
	feed p 0 sk-run --exec 'x=cat bytes'
	same "$(answers .lossy)" true
	# shellcheck disable=SC2016
	same "$(answers .content | jq -ac .)" '"a\ufffd\u0000\u001b[31mb\r\n\u0085##"'
	same "$(grep -c '##' "$BATS_TEST_TMPDIR/.out" || :)" 0
	feed p 0 sk-run --exec 'x=head -c 300000 /dev/urandom'
	same "$(LC_ALL=C grep -cv '^[ -~]*$' "$BATS_TEST_TMPDIR/.out" || :)" 0
	# For people: nothing a terminal would obey.
	feed p 0 sk-run --exec 'x=cat bytes' --format text
	same "$(LC_ALL=C grep -c "$(printf '[\033\r]')" \
		"$BATS_TEST_TMPDIR/.out" || :)" 0
}

@test "JSON of the answer: duplicate keys and deep nesting are no data" {
	feed p 0 sk-run --exec "x=echo '{\"a\":1,\"a\":2}'"
	same "$(answers '[.status, .data]')" '["ok",null]'
	head -c 10000 /dev/zero | tr '\0' '[' >deep
	feed p 0 sk-run --exec 'x=cat deep'
	same "$(answers '[.status, .data, (.content | length)]')" \
		'["ok",null,10000]'
	printf 'Here:\n```json\n{"v": 1.50}\n```\nbye' >fenced
	feed p 0 sk-run --exec 'x=cat fenced'
	has "$out" '"data":{"v":1.50}'
}

@test "requests as JSON, and what only looks like one" {
	feed '{"schema":"sk.request/1","prompt":"hello","stage":"tasks","spec":"S-9","agents":["cat","y=cat"]}' \
		2 sk-run
	feed '{"schema":"sk.request/1","prompt":"hello","stage":"tasks","spec":"S-9","agents":["cat"],"answer_schema":{"type":"object"}}' \
		6 sk-run
	same "$(answers '[.stage, .spec, .failure.kind]')" \
		'["tasks","S-9","invalid"]'
	feed '{"schema":"sk.request/1","prompt":"hello","stage":"tasks"}' \
		0 sk-run -a cat --stage plan
	same "$(answers '[.content, .stage]')" '["hello","plan"]'
	feed '{"prompt":"hello"}' 0 sk-run -a cat
	same "$(answers .content)" '"{\"prompt\":\"hello\"}"'
	feed '{"schema":"sk.request/1","prompt":""}' 2 sk-run -a cat
	same "$(error_code)" empty_prompt
	feed '{"schema":"sk.request/1","prompt":7}' 2 sk-run -a cat
	same "$(error_code)" bad_request
	# Duplicate keys and deep nesting: damaged data, with the place.
	feed '{"schema":"sk.request/1","prompt":"a","prompt":"b"}' 65 sk-run -a cat
	has "$err" 'line 1'
	feed "{\"schema\":\"sk.request/1\",\"prompt\":$(head -c 10000 /dev/zero |
		tr '\0' '[')" 65 sk-run -a cat
	one_line
	# The error of the tool before us is passed on.
	feed p 2 sk-run --stage nonsense -a cat
	feed "$out" 2 sk-run -a cat
	same "$(error_code)" unknown_stage
}

@test "an answer schema: valid, invalid, no JSON" {
	echo '{"type":"object","required":["n"],"properties":{"n":{"type":"integer"}}}' \
		>s.json
	feed p 3 sk-run --schema s.json --exec "a=echo '{\"n\":1}'" \
		--exec "b=echo '{\"n\":\"x\"}'" --exec 'c=echo hi'
	same "$(answers '[.agent, .status, .failure.kind]' | sort)" \
		'["a","ok",null]
["b","failed","invalid"]
["c","failed","invalid"]'
	has "$(answers 'select(.agent == "b") | .failure.message')" '/n'
	echo 'no json' >s.json
	feed p 65 sk-run --schema s.json -a cat
	one_line
}

@test "what it prints fits its own schemas" {
	feed p 3 sk-run --events --exec 'x=echo hi' --exec 'y=false' -a ghost \
		--spec S-1 --stage plan
	cp "$BATS_TEST_TMPDIR/.out" records
	sk-run schema answer >answer.json
	sk-run schema event >event.json
	grep '"sk.answer/1"' records >answers
	grep '"sk.event/1"' records >events
	same "$(wc -l <answers)" 3
	same "$(wc -l <events)" 3
	feed p 0 sk-run --schema answer.json --exec 'a=sed -n 1p answers' \
		--exec 'b=sed -n 2p answers' --exec 'c=sed -n 3p answers'
	feed p 0 sk-run --schema event.json --exec 'a=sed -n 1p events' \
		--exec 'b=sed -n 2p events' --exec 'c=sed -n 3p events'
	sed 's/"agent":"[a-z]*",//' answers >broken
	feed p 6 sk-run --schema answer.json --exec 'a=sed -n 1p broken'
	feed p 2 sk-run --stage nonsense -a cat
	printf '%s\n' "$out" >error
	sk-run schema error >error.json
	feed p 0 sk-run --schema error.json --exec 'a=cat error'
	feed p 0 sk-run -a claude -x 'x=a b' --dry-run
	printf '%s\n' "$out" >plan
	sk-run schema plan >plan.json
	feed p 0 sk-run --schema plan.json --exec 'a=cat plan'
	sk-run schema request >request.json
	echo '{"schema":"sk.request/1","prompt":"x","agents":["a:2"]}' >request
	feed p 0 sk-run --schema request.json --exec 'a=cat request'
}

@test "--dry-run writes nothing and runs nobody" {
	feed p 0 sk-run --dry-run --exec 'x=touch ran' -a claude -a codex:2 \
		-m some-model --timeout 90s
	same "$(j '.agents[] | [.agent, .adapter, .timeout_ms] | tojson')" \
		'["claude","claude",90000]
["codex.1","codex",90000]
["codex.2","codex",90000]
["x","exec",90000]'
	has "$(j '.agents[0].argv | join(" ")')" '--model some-model'
	has "$(j '.agents[1].argv | join(" ")')" '-m some-model'
	[ ! -e ran ]
	[ ! -e "$SK_DB" ]
}

@test "the environment of agents is a short list" {
	export SECRET_TOKEN=x GITHUB_TOKEN=x LD_AUDIT= NODE_OPTIONS=x GIT_DIR=x
	export BASH_ENV=x ENV=x PYTHONPATH=x SK_EPOCH_X=1 ANTHROPIC_API_KEY=k
	export LC_TIME=C XDG_DATA_HOME=/x https_proxy=http://p
	script show 'env | sed "s/=.*//" | sort | tr "\n" " "'
	feed p 0 sk-run --exec 'x=./show' --stage plan --spec S-1
	local name
	for name in $(answers .content | tr -d '"'); do
		case $name in
		PATH | HOME | USER | LOGNAME | SHELL | LANG | LC_* | TZ) ;;
		TMPDIR | XDG_* | https_proxy | TERM | NO_COLOR | PWD) ;;
		SK_AGENT | SK_STAGE | SK_SPEC | SK_AGENT_TOKEN) ;;
		SSL_CERT_* | http_proxy | no_proxy | all_proxy | _) ;;
		SHLVL | OLDPWD) ;;
		HTTP_PROXY | HTTPS_PROXY | NO_PROXY | ALL_PROXY) ;;
		*)
			echo "passed on: $name"
			return 1
			;;
		esac
	done
	has "$(answers .content)" LC_TIME
	has "$(answers .content)" XDG_DATA_HOME
	feed p 0 sk-run --stage plan --spec S-1 \
		--exec 'x=sh -c "echo $SK_AGENT $SK_STAGE $SK_SPEC $TERM"'
	same "$(answers .content)" '"x plan S-1 dumb"'
	# What an adapter names goes to that agent, what is configured too.
	cat >sk.toml <<-END
		[agents.c]
		adapter = "claude"
		command = ["$PWD/show"]
		[agents.c.env]
		MY_OWN = "1"
	END
	script show 'cat >/dev/null; e=$(env | sed "s/=.*//" | sort | tr "\n" " ")
		echo "{\"type\":\"result\",\"is_error\":false,\"result\":\"$e\"}"'
	feed p 0 sk-run --config sk.toml -a c
	has "$(answers .content)" ANTHROPIC_API_KEY
	has "$(answers .content)" MY_OWN
	has "$(answers .content)" DISABLE_TELEMETRY
}

@test "a committed answer is not asked for again" {
	script once 'echo x >>calls; echo "answer $(wc -l <calls)"'
	feed p 0 sk-run --run R1 --stage plan --exec 'a=./once'
	local first=$out
	feed p 0 sk-run --run R1 --stage plan --exec 'a=./once' --exec 'b=./once'
	same "$(wc -l <calls)" 2
	same "$(answers 'select(.agent == "a")')" \
		"$(printf '%s' "$first" | head -n 1)"
	same "$(end .reused)" 1
	# Another round is another question; a failure is asked again.
	feed p 0 sk-run --run R1 --stage plan --round 2 --exec 'a=./once'
	same "$(answers '[.round, .content]')" '[2,"answer 3"]'
	feed p 6 sk-run --run R1 --stage tasks --exec 'f=false'
	feed p 6 sk-run --run R1 --stage tasks --exec 'f=false'
	same "$(answers .attempt)" 2
	feed p 0 env SK_RUN=R1 sk-run --stage plan --exec 'a=./once'
	same "$(wc -l <calls)" 3
}

@test "timeout: TERM, then KILL for the whole tree, daemons too" {
	export SPECKIT_RUN__GRACE=300ms
	script stubborn 'trap "" TERM
		(setsid sh -c "echo \$\$ >daemon; exec sleep 300" >/dev/null 2>&1 &)
		setsid sh -c "trap : TERM; echo \$\$ >child; while :; do sleep 300; done" &
		echo $$ >main
		while :; do sleep 300; done'
	feed p 9 sk-run --exec 'x=./stubborn' --timeout 500ms
	same "$(answers '[.status, .failure.kind, .signal]')" \
		'["failed","timeout_total",9]'
	one_line
	gone "$(cat main)" "$(cat child)" "$(cat daemon)"
	# One that obeys is not waited for.
	script polite 'trap "echo bye; exit 0" TERM; while :; do sleep 0.01; done'
	export SPECKIT_RUN__GRACE=60s
	feed p 9 sk-run --exec 'x=./polite' --timeout 300ms
	same "$(answers '[.failure.kind, .exit]')" '["timeout_total",0]'
}

@test "what an agent leaves behind ends with it" {
	script leaver '(setsid sh -c "echo \$\$ >left; exec sleep 300" &)
		(setsid env -i sh -c "echo \$\$ >naked; exec sleep 300" >/dev/null 2>&1 &)
		while [ ! -s left ] || [ ! -s naked ]; do sleep 0.01; done
		echo done'
	feed p 0 sk-run --exec 'x=./leaver'
	same "$(answers .content)" '"done"'
	gone "$(cat left)" "$(cat naked)"
}

@test "interrupted: records are complete, status 130, a second one kills" {
	export SPECKIT_RUN__GRACE=60s
	script slow 'echo $$ >slow.pid; exec sleep 300'
	printf p >in
	env --default-signal=INT sk-run -j 2 --exec 'q=./slow' --exec 'r=echo hi' \
		--exec 's:2=sleep 300' <in >out 2>err &
	local pid=$! got=0
	await slow.pid
	await_text out '"agent":"r"'
	kill -INT "$pid"
	wait "$pid" || got=$?
	same "$got" 130
	same "$(jq -c 'select(.schema == "sk.answer/1") |
		[.agent, .failure.kind]' out | sort)" \
		'["q","cancelled"]
["r",null]
["s.1","cancelled"]
["s.2","cancelled"]'
	same "$(tail -n 1 out | jq -r .event)" run.end
	gone "$(cat slow.pid)"
	# One that ignores TERM: the second signal does not wait for the grace.
	rm -f slow.pid
	script slow 'trap "" TERM; echo $$ >slow.pid; while :; do sleep 300; done'
	sk-run --exec 'q=./slow' <in >out 2>err &
	pid=$! got=0
	await slow.pid
	kill -TERM "$pid"
	sleep 0.1
	kill -TERM "$pid"
	wait "$pid" || got=$?
	same "$got" 143
	same "$(jq -r 'select(.schema == "sk.answer/1").failure.kind' out)" \
		cancelled
	gone "$(cat slow.pid)"
}

@test "kill -9 of either process leaves nothing running" {
	script slow '(setsid sh -c "echo \$\$ >daemon; exec sleep 300" &)
		while [ ! -s daemon ]; do sleep 0.01; done
		echo $$ >slow.pid; exec sleep 300'
	printf p >in
	local who pid kid
	for who in front worker; do
		rm -f slow.pid daemon
		sk-run --exec 'q=./slow' <in >out 2>err 3>&- &
		pid=$!
		await slow.pid
		kid=$(cat /proc/$pid/task/*/children)
		[ -n "$kid" ]
		if [ $who = front ]; then
			kill -9 "$pid"
		else
			kill -9 $kid
		fi
		wait "$pid" || :
		gone "$(cat slow.pid)" "$(cat daemon)" $kid
	done
	# The attempt was reserved: the next one is a second.
	feed p 0 sk-run --exec 'q=echo hi'
}

@test "standard output: full, closed by the reader" {
	printf p >in
	feed_file in 74 sh -c 'sk-run --exec x=cat >/dev/full'
	one_line
	# A reader that goes away: the next line ends it, without a word.
	feed_file in 0 sh -c '{ sk-run -e --exec "x=sleep 0.3"; echo $? >code; } |
		head -n 1 >first'
	same "$(cat code)" 141
	same "$err" ""
}

@test "bad input: databases that are no use" {
	mkdir -p state
	echo 'not a database at all, but long enough to be looked at' >state/a.db
	feed p 65 sk-run --exec x=cat --db state/a.db
	one_line
	[ -n "$(error_code)" ]
	if [ "$(id -u)" -ne 0 ]; then
		mkdir ro
		chmod 555 ro
		feed p 74 sk-run --exec x=cat --db ro/sub/sk.db
		one_line
	fi
	feed p 74 sk-run --exec x=cat --db /proc/nowhere/sk.db
	one_line
}

@test "bad input: a full disk costs no answer" {
	[ "$(id -u)" -eq 0 ] || skip "only root may mount a small file system"
	mkdir small
	mount -t tmpfs -o size=700k none small || skip "no tmpfs here"
	head -c 900000 /dev/zero | tr '\0' b >big
	script slow 'sleep 0.5; echo late'
	printf p >in
	got=0
	sk-run --db small/sk.db --prompt-file in -x 'x=cat big' -x y=./slow \
		>"$BATS_TEST_TMPDIR/.out" 2>"$BATS_TEST_TMPDIR/.err" || got=$?
	umount small
	same "$got" 74
	# Both answers are there, the one that was not recorded without a number.
	same "$(answers '[.agent, .status, .seq == null]' | sort | head -n 1)" \
		'["x","ok",true]'
	same "$(answers '[.agent, .status]' | sort | xargs)" \
		'[x,ok] [y,ok]'
	same "$(jq -r 'select(.schema == "sk.error/1") | .error.code' \
		"$BATS_TEST_TMPDIR/.out")" no_space
	grep -q 'only on standard output' "$BATS_TEST_TMPDIR/.err"
	same "$(grep -c run.end "$BATS_TEST_TMPDIR/.out")" 1
}

@test "text for people: contents behind a bar, then a table" {
	script evil 'printf "::set-output name=x::y\n##vso[x]\n"'
	feed p 3 sk-run --format text --exec 'x=./evil' --exec 'y=false'
	has "$out" '| ::set-output'
	has "$out" 'crashed'
	has "$out" 'run '
	same "$(grep -c '^::' "$BATS_TEST_TMPDIR/.out" || :)" 0
	same "$(grep -c '##' "$BATS_TEST_TMPDIR/.out" || :)" 0
}

@test "a thousand agents, eight at a time" {
	feed p 6 sk-run --exec 'x:1000=/bin/true' -j 8
	same "$(end '[.agents, .failed]')" '[1000,1000]'
	same "$(answers .failure.kind | sort | uniq -c | tr -s ' ')" \
		' 1000 "empty"'
	one_line
	feed p 0 sk-run --exec 'x:300=cat'
	same "$(end .ok)" 300
	same "$(answers .seq | sort -n | uniq | wc -l)" 300
}
