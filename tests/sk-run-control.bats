#!/usr/bin/env bats
# sk-run: models, read and write, stored answers, recordings, stopping early,
# and what the number of answers comes to.

load helper
load agents

local_setup() {
	export SPECKIT_RETRY__SCALE=0.01
	mkdir -p "$XDG_CONFIG_HOME/sk/adapters"
	cat >"$XDG_CONFIG_HOME/sk/adapters/acme.toml" <<-'END'
		family = "acme"
		argv = ["./acme", ["--model", "{model}"],
			["{read}", "--mode", "look"], ["{write}", "--mode", "touch"]]
		[output]
		format = "text"
	END
	# shellcheck disable=SC2016
	script acme 'echo x >>calls; echo "$* w=$SK_WRITE"'
}

# plain FILE...: records without what a clock or a new id makes.
plain() {
	jq -cS 'walk(if type == "object" then
		del(.at, .started_at, .ended_at, .run, .branch, .seq, .pid,
			.resume_at) else . end) |
		if .event == "run.end" then del(.duration_ms) else . end' "$@"
}

@test "-m AGENT=MODEL: the named one, then the one for all" {
	feed p 0 sk-run -a a=acme -a b=acme:2 -m big -m b=small -m b.2=tiny
	same "$(answers '[.agent, .model, .content]' | sort)" \
		'["a","big","--model big --mode look w="]
["b.1","small","--model small --mode look w="]
["b.2","tiny","--model tiny --mode look w="]'
	feed p 2 sk-run -a acme -m acne=big
	same "$(error_code)" not_asked
	has "$err" "did you mean 'acme'"
	one_line
	for bad in '=x' 'acme=' ''; do
		feed p 2 sk-run -a acme -m "$bad"
		one_line
	done
	feed p 2 sk-run -a acme -m acme=-rf
	same "$(error_code)" bad_model
	[ ! -e calls ] || [ "$(calls)" -eq 3 ]
}

@test "agents may only read, unless --write" {
	feed p 0 sk-run -a acme
	same "$(answers .content)" '"--mode look w="'
	feed p 0 sk-run -a acme --write
	same "$(answers .content)" '"--mode touch w=1"'
	# Every shipped program says how, or cannot do otherwise.
	local name r w
	for name in claude codex gemini opencode copilot qwen; do
		[ -e "$SK_TOP/lib/data/adapters/$name.toml" ] || continue
		r=$(sk-run -a $name --dry-run --json </dev/null | jq -c '.agents[0].argv')
		w=$(sk-run -a $name --dry-run --json --write </dev/null |
			jq -c '.agents[0].argv')
		[ "$r" != "$w" ] || { echo "$name: $r"; return 1; }
	done
}

@test "files and environment of an adapter, for who may only read" {
	script rules 'echo "${2:+$(cat "$2") $(stat -c %a "$2")} $HOW"'
	cat >"$XDG_CONFIG_HOME/sk/adapters/rules.toml" <<-'END'
		argv = ["./rules", ["{read}", "--rules", "{file:a.txt}"]]
		[file]
		"a.txt" = "no touching"
		[env.set]
		HOW = "any"
		[env.read]
		HOW = "read"
		[output]
		format = "text"
	END
	feed p 0 sk-run -a rules
	same "$(answers .content)" '"no touching 600 read"'
	feed p 0 sk-run -a rules --write
	same "$(answers .content)" '" any"'
	# The far side has none of our files; what has no text is no file.
	feed p 0 sk-run -a rules --launcher env
	same "$(answers .content)" '" read"'
	sed -i 's/{file:a.txt}/{file:b.txt}/' \
		"$XDG_CONFIG_HOME/sk/adapters/rules.toml"
	feed p 6 sk-run -a rules
	same "$(answers .failure.kind)" '"usage"'
	sed -i 's/^"a.txt"/"..\/a"/' "$XDG_CONFIG_HOME/sk/adapters/rules.toml"
	feed p 2 sk-run -a rules
	same "$(error_code)" bad_adapter
}

@test "--reuse: the same question has been answered" {
	feed p 0 sk-run -a acme -m m1
	local run
	run=$(answers .run)
	same "$(answers .reused)" null
	feed p 0 sk-run -a acme -m m1 --reuse
	same "$(calls)" 1
	same "$(answers '[.status, .content, .model, .usage, .cost.micro_usd]')" \
		'["ok","--model m1 --mode look w=","m1",null,0]'
	same "$(answers .reused)" "{\"run\":$run,\"seq\":1}"
	same "$(end '[.ok, .reused]')" '[1,1]'
	[ "$(answers .run)" != "$run" ]
	# A copy of a copy names the first.
	feed p 0 sk-run -a acme -m m1 --reuse
	same "$(answers .reused)" "{\"run\":$run,\"seq\":1}"
	same "$(calls)" 1
	# Any difference is another question.
	echo '{}' >s.json
	feed q 0 sk-run -a acme -m m1 --reuse
	same "$(calls) $(answers .reused)" '2 null'
	feed p 0 sk-run -a acme -m m2 --reuse
	same "$(calls) $(answers .reused)" '3 null'
	feed p 0 sk-run -a b=acme -m m1 --reuse
	same "$(calls) $(answers .reused)" '4 null'
	feed p 6 sk-run -a acme -m m1 --schema s.json --reuse
	same "$(answers .reused)" null
	feed p 0 sk-run --exec 'acme=./acme' -m m1 --reuse
	same "$(answers .reused)" null
	feed p 0 sk-run --exec 'acme=./acme again' -m m1 --reuse
	same "$(answers .reused)" null
	# Failures are no answers; who writes is not stood in for by a copy.
	feed p 6 sk-run --exec f=false
	feed p 6 sk-run --exec f=false --reuse
	same "$(answers '[.reused, .attempt]')" '[null,1]'
	feed p 2 sk-run -a acme --reuse --write
	one_line
	# Three of them: each its own answer.
	feed p 0 sk-run --exec 'n:3=sh -c "echo $SK_AGENT"'
	feed p 0 sk-run --exec 'n:3=sh -c "echo $SK_AGENT"' --reuse
	same "$(answers '[.agent, .content]' | sort)" \
		'["n.1","n.1"]
["n.2","n.2"]
["n.3","n.3"]'
	same "$(end .reused)" 3
}

@test "--record, then --replay without any agent: the same records" {
	# shellcheck disable=SC2016
	script acme 'echo x >>calls; case $(wc -l <calls) in
		1) echo "HTTP 503" >&2; exit 1 ;;
		2) echo "Rate limit. Try again in 10ms" >&2; exit 1 ;;
		*) printf "{\"a\": 1.50, \"t\": \"\\377\\0##\"}" ;;
		esac'
	script late 'sleep 0.3; echo "late but there"'
	printf '\1\2' >bytes
	sk-run -e -a acme -x late=./late -x 'x:2=cat bytes' -x bad=false \
		-x 'gone=./not-there' --fallback gone=late --stage plan \
		--spec S-1 --record tape <<<p >first 2>first.err || [ $? -eq 3 ]
	same "$(jq -r 'select(.agent and .status) | .agent' first | sort | xargs)" \
		'acme bad gone late x.1 x.2'
	same "$(stat -c %a tape tape/run.json tape/acme.3.json | xargs)" \
		'700 600 600'
	rm -f acme late bytes "$XDG_CONFIG_HOME/sk/adapters/acme.toml"
	cat >"$XDG_CONFIG_HOME/sk/adapters/acme.toml" <<-'END'
		argv = ["/nonexistent"]
		[output]
		format = "text"
	END
	local i
	for i in 1 2 3; do
		rm -rf "$SK_DB"*
		sk-run -e -a acme -x late=./late -x 'x:2=cat bytes' -x bad=false \
			-x 'gone=./not-there' --fallback gone=late --stage plan \
			--spec S-1 --replay tape <<<p >again 2>/dev/null ||
			[ $? -eq 3 ]
		diff <(plain first) <(plain again)
	done
	# The agents are known, and nothing else of the call has to be said.
	rm -rf "$SK_DB"*
	sk-run --replay tape <<<p >again 2>/dev/null || [ $? -eq 3 ]
	same "$(plain again | jq -c 'select(.status) | [.agent, .status,
		.attempt, .content, .stage, .spec]' | grep -v gone)" \
		"$(plain first | jq -c 'select(.status) | [.agent, .status,
		.attempt, .content, .stage, .spec]' | grep -v gone)"
	# One at a time is no dead end.
	rm -rf "$SK_DB"*
	timeout 20 sk-run --replay tape -j 1 <<<p >again 2>/dev/null ||
		[ $? -eq 3 ]
	same "$(grep -c '"sk.answer/1"' again)" 6
}

@test "--replay: a retry that was refused, and a run that was asked before" {
	# One is to come back soon; then the other closes their provider.
	# shellcheck disable=SC2016
	script acme 'case $SK_AGENT in
		a.1) echo "Rate limit. Try again in 400ms" >&2; exit 1 ;;
		a.2) sleep 0.1; echo "Rate limit. Try again in 1h" >&2; exit 1 ;;
		*) [ "$(wc -l <calls)" = 2 ] && exit 1; echo fine ;;
		esac'
	: >calls
	# Numbers of calls that do not begin at one.
	sk-run --run r1 -x c=false <<<p >/dev/null 2>&1 || :
	sk-run --run r1 -x c=false <<<p >/dev/null 2>&1 || :
	sk-run --run r1 -e -a a=acme:2 -x c=./acme --fallback a=cat \
		--record tape <<<p >first 2>first.err || [ $? -eq 3 ]
	same "$(plain first | jq -c 'select(.status) | [.agent, .attempt,
		.status]')" '["c",3,"ok"]
["a.2",2,"ok"]
["a.1",2,"ok"]'
	local i
	for i in 1 2 3; do
		rm -rf "$SK_DB"*
		sk-run -e -a a=acme:2 -x c=./acme --fallback a=cat \
			--replay tape <<<p >again 2>again.err || [ $? -eq 3 ]
		# (Waits for a provider are not replayed: nobody is asked.)
		diff <(plain first | grep -v '"waiting"') <(plain again)
	done
	# A thousand at once, in their order.
	sk-run -e -x 'n:200=cat' --record many <<<p >first
	sk-run -e --replay many <<<p >again
	diff <(plain first) <(plain again)
}

@test "recordings that are no use" {
	feed p 0 sk-run -x x=cat --record tape
	feed p 2 sk-run -x x=cat --record tape
	same "$(error_code)" recording_exists
	one_line
	feed q 2 sk-run --replay tape
	same "$(error_code)" other_recording
	one_line
	feed p 2 sk-run --replay tape --record tape2
	one_line
	feed p 74 sk-run --replay nowhere || feed p 2 sk-run --replay nowhere
	one_line
	# A call that is not on it, and one that is broken.
	feed p 3 sk-run --replay tape -x x=cat -x new=cat
	same "$(answers '[.agent, .failure.kind]' | sort)" \
		'["new","internal"]
["x",null]'
	head -c 100 tape/x.1.json >half
	mv half tape/x.1.json
	feed p 6 sk-run --replay tape
	same "$(answers .failure.kind)" '"internal"'
	echo '{"schema":"sk.tape/2"}' >tape/run.json
	feed p 65 sk-run --replay tape
	same "$(error_code)" bad_recording
	one_line
	if [ -c /dev/full ] && [ "$(id -u)" -eq 0 ]; then
		feed p 74 sk-run -x x=cat --record /proc/nowhere
	fi
}

@test "quorum errors: partial, total, insufficient with both numbers" {
	local args want
	while IFS='|' read -r status args want; do
		# shellcheck disable=SC2086
		feed p "$status" sk-run $args
		same "$args: $(end '[.error, .required, .ok]')" "$args: $want"
	done <<-'END'
		0|-x a=cat -x b=cat -x c=cat|[null,2,3]
		3|-x a=cat -x b=cat -x c=false|["partial_failure",2,2]
		3|-x a=cat -x b=false -x c=false|["insufficient_agents",2,1]
		6|-x a=false -x b=false -x c=false|["total_failure",2,0]
		3|-x a=cat -x b=cat -x c=false --quorum 3|["insufficient_agents",3,2]
		3|-x a=cat -x b=cat -x c=false --quorum 2/3|["partial_failure",2,2]
		3|-x a=cat -x b=false -x c=false --quorum 1|["partial_failure",1,1]
		3|-x a:4=cat -x b=false --quorum 0.8|["partial_failure",4,4]
		0|-x a=cat|[null,1,1]
	END
	has "$(sk-run -x a=cat -x b=false -x c=false <<<p 2>&1 >/dev/null)" \
		'1 of 3 answered, 2 required'
	local bad
	for bad in 0 4 3/2 1.5 x ''; do
		feed p 2 sk-run -x a=cat -x b=cat -x c=cat --quorum "$bad"
		one_line
	done
}

@test "--until-decided: who cannot matter any more is stopped" {
	script yes1 'echo "{\"v\": 1}"'
	script slow 'echo $$ >slow.pid; exec sleep 300'
	feed p 0 sk-run --until-decided --require /v -x 'a:2=./yes1' \
		-x slow=./slow
	same "$(answers '[.agent, .status, .failure.kind]' | sort)" \
		'["a.1","ok",null]
["a.2","ok",null]
["slow","failed","cancelled"]'
	same "$(answers 'select(.agent == "slow") | .failure.code')" \
		'"not_needed"'
	same "$(end '[.ok, .failed, .not_needed, .error]')" '[2,0,1,null]'
	# Nobody can save this one: the third has no chance.
	script no1 'echo "{\"v\": 2}"'
	feed p 0 sk-run --until-decided --require /v --quorum 3 -x a=./yes1 \
		-x b=./no1 -x slow=./slow
	same "$(end '[.ok, .failed, .not_needed]')" '[2,0,1]'
	# Still open: everybody is waited for.
	script third 'sleep 0.3; echo "{\"v\": 1}"'
	feed p 0 sk-run --until-decided --require /v -x a=./yes1 -x b=./no1 \
		-x c=./third
	same "$(end '[.ok, .not_needed]')" '[3,0]'
	# One that waits for its next attempt is not needed either.
	script busy 'echo "HTTP 503" >&2; exit 1'
	cat >"$XDG_CONFIG_HOME/sk/adapters/busy.toml" <<-'END'
		argv = ["./busy"]
		[output]
		format = "text"
	END
	feed p 0 env SPECKIT_RETRY__SCALE=1000 sk-run --until-decided \
		--require /v -x 'a:2=./third' -a busy --retry-for 100h
	same "$(answers 'select(.agent == "busy") | .failure.kind')" '"cancelled"'
	# Agents that report on agreement are all heard: one report is enough.
	script yes2 'echo "{\"v\": 1, \"consensus\": {\"conflicts\": []}}"'
	script no2 'sleep 0.3
		echo "{\"v\": 1, \"consensus\": {\"conflicts\": [\"x\"]}}"'
	feed p 0 sk-run --until-decided --require /v -x 'a:2=./yes2' -x c=./no2
	same "$(end '[.ok, .not_needed]')" '[3,0]'
	feed p 0 sk-run --until-decided --require /v -x a=./yes2 -x b=./no2 \
		-x slow=./slow
	same "$(end '[.ok, .not_needed]')" '[2,1]'
	# It has to know what counts; a stage's policy says so.
	feed p 2 sk-run --until-decided -x a=./yes1
	same "$(error_code)" nothing_required
	one_line
}

@test "--until-decided decides as the whole run does, for every small case" {
	script one 'echo "{\"v\": 1}"'
	script two 'echo "{\"v\": 2}"'
	script bad 'exit 1'
	# judge ARGS: status, what is agreed, what is disputed; in err.jsonl
	# whom the verdict names and why.
	judge() {
		sk-run -x a=./$a -x b=./$b -x c=./$c -j 1 --require /v "$@" <in \
			2>/dev/null | tee out.jsonl |
			sk-consensus --no-evidence --require /v --quorum 2 \
				2>/dev/null | tee verdict.jsonl |
			jq -c '[.status, .merged, .consensus.conflicts]'
	}
	echo p >in
	local a b c whole early n saved=0
	for a in one two bad; do
		for b in one two bad; do
			for c in one two bad; do
				whole=$(judge)
				early=$(judge --until-decided)
				n=$(jq -s 'map(select(.event ==
					"run.end"))[0].not_needed' out.jsonl)
				saved=$((saved + n))
				# Nobody who was not asked can fail.
				[ "$n $a$c" = "1 $b"bad ] && [ "$a" != bad ] &&
					whole=${whole/degraded/ok}
				same "$a $b $c $early" "$a $b $c $whole"
				same "$n $(jq -c '[.reasons[] | select(.kind ==
					"not_needed").agent],
					.missing_agents - ["a", "b"],
					.present - ["a", "b"]' verdict.jsonl |
					xargs)" "$(case $n$c in
					1*) echo '1 [c] [] []' ;;
					0bad) echo '0 [] [c] []' ;;
					*) echo '0 [] [] [c]' ;;
				esac)"
			done
		done
	done
	# Two that agree, or two that are dead, leave the third unasked.
	[ "$saved" -ge 6 ]
}
