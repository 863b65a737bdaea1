#!/usr/bin/env bats
# An agent that is not logged in, and a person at the terminal: asked whether to
# log in now, once for all agents that need it; nobody else is ever asked.

load helper
load agents

local_setup() {
	type -P script >/dev/null || skip 'no script(1) here'
	printf p >in
	mkfifo keys
	script gated '[ -e logged ] || { echo "Not logged in" >&2; exit 1; }
		cat; [ ! -e slow ] || sleep 0.3'
	# What it gets: its terminal, and the environment of a person.
	script log-in 'echo "$1 $SK_TEST $MINE" >>calls
		[ -t 0 ] && [ -t 1 ] && [ -t 2 ] || exit 7
		printf "code? "; read -r code; [ "$code" = 1234 ] && touch logged'
	mkdir -p "$XDG_CONFIG_HOME/sk/adapters"
	cat >"$XDG_CONFIG_HOME/sk/adapters/gated.toml" <<-'END'
		argv = ["./gated"]
		[env.set]
		MINE = "7"
		[login]
		env = ["GATED_KEY"]
		command = ["./log-in", "here"]
		how = "./log-in here; or set GATED_KEY"
		[output]
		format = "text"
	END
}

# at_terminal COMMAND: it runs on a terminal of its own, which is the file
# `screen`; what is written to descriptor 8 is typed.
at_terminal() {
	exec 8<>keys
	: >screen
	SK_TEST=env TERM=dumb SHELL=/bin/sh env --default-signal=INT \
		script -qefc "trap : INT; $1; echo \$? >status" screen \
		<keys >/dev/null 2>&1 8<&- 3>&- &
	pid=$!
}

# shows TEXT: it appears on the terminal.
shows() {
	await_text screen "$1"
}

over() {
	local got=0
	await status
	wait "$pid" || got=$?
	exec 8<&-
	same "$(cat status)" "$1"
	rm status
	cp out.jsonl "$BATS_TEST_TMPDIR/.out"
}

@test "yes: logged in, and the agents that waited are asked again" {
	at_terminal "sk-run -p in -a gated:2 -x other=cat -e >out.jsonl"
	shows "Log in now, with './log-in here'? [y/N]"
	# Who needs no login is through meanwhile.
	await_text out.jsonl '"agent":"other"'
	grep -q '"agent":"other".*"status":"ok"' out.jsonl
	echo y >&8
	shows 'code? '
	echo 1234 >&8
	over 0
	same "$(answers '[.agent, .status, .attempt]' | sort)" \
		'["gated.1","ok",2]
["gated.2","ok",2]
["other","ok",1]'
	same "$(cat calls)" 'here env 7'
	same "$(grep -c 'Log in now' screen)" 1
	same "$(stored "SELECT count(*) FROM agent_executions
		WHERE failure_kind = 'auth'")" 2
}

@test "no, nothing, a login that fails, or that does not help" {
	at_terminal "sk-run -p in -a gated:2 >out.jsonl"
	shows 'Log in now'
	echo >&8
	over 4
	same "$(answers '[.failure.kind, .attempt]' | sort -u)" '["auth",1]'
	[ ! -e calls ]
	at_terminal "sk-run -p in -a gated >out.jsonl"
	shows 'Log in now'
	echo y >&8
	shows 'code? '
	echo wrong >&8
	over 4
	has "$(cat screen)" "'./log-in' did not succeed"
	# It says that it worked, and did not: no second question.
	script log-in true
	at_terminal "sk-run -p in -a gated >out.jsonl"
	shows 'Log in now'
	echo yes >&8
	over 4
	same "$(answers '.attempt')" 2
	same "$(grep -c 'Log in now' screen)" 1
	# A login that is not there.
	rm log-in
	at_terminal "sk-run -p in -a gated >out.jsonl"
	shows 'Log in now'
	echo y >&8
	over 4
	has "$(cat screen)" 'cannot run the login'
	# Typed before it was asked: no answer to it.
	script gated 'sleep 0.5; echo "Not logged in" >&2; exit 1'
	script log-in 'touch logged'
	at_terminal "sk-run -p in -a gated --deadline 3s >out.jsonl"
	echo y >&8
	shows 'Log in now'
	# Nobody answers: no longer than anything else may take.
	over 4
	has "$(cat screen)" 'nobody answers'
	[ ! -e logged ]
}

@test "cancelled while it asks, and while the login runs" {
	at_terminal "sk-run -p in -a gated >out.jsonl"
	shows 'Log in now'
	printf '\003' >&8
	over 130
	same "$(answers .failure.kind)" '"auth"'
	script log-in 'echo $$ >login.pid; trap "" INT; sleep 300'
	at_terminal "sk-run -p in -a gated >out.jsonl"
	shows 'Log in now'
	echo y >&8
	await login.pid
	printf '\003' >&8
	over 130
	gone "$(cat login.pid)"
}

@test "another one stands in when the answer is no" {
	at_terminal "sk-run -p in -a gated --fallback gated=cat >out.jsonl"
	shows 'Log in now'
	echo n >&8
	over 0
	same "$(answers '[.agent, .status]')" '["gated","ok"]'
}

@test "nobody is asked without a terminal, in CI, under --no-input, with a key" {
	local how
	for how in 'sk-run -p in -a gated </dev/null' \
		'sk-run -a gated <in' \
		'sk-run -p in -a gated 2>err' \
		'CI=true sk-run -p in -a gated' \
		'SK_NO_INPUT=1 sk-run -p in -a gated' \
		'sk-run -p in -a gated --no-input' \
		'sk-run -p in -a gated -q' \
		'GATED_KEY=x sk-run -p in -a gated' \
		"sk-run -p in -a gated --launcher env" \
		'setsid -w sk-run -p in -a gated'; do
		echo "$how"
		at_terminal "$how >out.jsonl"
		over 4
		same "$(grep -c 'Log in now' screen || :)" 0
	done
	# With the command to type.
	sk-run -p in -a gated >out.jsonl 2>err || :
	has "$(cat err)" './log-in here'
}

@test "an API: sk-login is what is run" {
	cat >sk.toml <<-'END'
		[agents.api]
		adapter = "openai-chat"
		model = "m"
		base_url = "http://127.0.0.1:9/v1"
		key = "login:acme"
	END
	# sk-login is looked for beside sk-run first.
	mkdir bin
	cp "$(command -v sk-run)" bin/
	script bin/sk-login 'echo "$*" >>calls
		case $1 in login) touch logged ;; esac
		[ -e logged ] && echo a-key'
	at_terminal "bin/sk-run --config sk.toml -p in -a api --attempts 1 >out.jsonl"
	shows "Log in now, with 'sk-login login acme'? [y/N]"
	echo y >&8
	over 6
	# Then it has a key, and nobody listens there.
	same "$(answers '[.attempt, .failure.kind]')" '[2,"transport"]'
	same "$(grep -v token calls)" 'login acme'
}
