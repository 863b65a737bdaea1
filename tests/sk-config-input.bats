#!/usr/bin/env bats
# sk-config: input that is wrong, in files and in the environment.

load helper

user=.config/sk/config.toml

@test "environment: values that do not fit are errors, all of them" {
	n=0
	while IFS='|' read -r var value key text; do
		check 2 env "$var=$value" sk-config list --json
		same "$(j .error.message | cut -c1-${#var})" "$var"
		has "$(j .error.message)" "$key: $text"
		n=$((n + 1))
	done <<-END
		SPECKIT_CONSENSUS__MIN_AGENTS|abc|consensus.min_agents|expected an integer, found 'abc'
		SPECKIT_CONSENSUS__MIN_AGENTS||consensus.min_agents|expected an integer, found ''
		SPECKIT_CONSENSUS__MIN_AGENTS|1|consensus.min_agents|expected at least 2
		SPECKIT_CONSENSUS__MIN_AGENTS|11|consensus.min_agents|expected at most 10
		SPECKIT_CONSENSUS__MIN_AGENTS|2.5|consensus.min_agents|expected an integer
		SPECKIT_CONSENSUS__MIN_AGENTS|99999999999999999999|consensus.min_agents|expected an integer
		SPECKIT_COST__ENABLED|maybe|cost.enabled|expected true or false, found 'maybe'
		SPECKIT_COST__ALERT_THRESHOLD|nan|cost.alert_threshold|expected a number
		SPECKIT_COST__ALERT_THRESHOLD|1.01|cost.alert_threshold|expected at most 1
		SPECKIT_RUN__TIMEOUT|5 minutes|run.timeout|expected a duration
		SPECKIT_RUN__MAX_OUTPUT|much|run.max_output|expected a size
		SPECKIT_STAGES__PLAN__MODE|both|stages.plan.mode|expected 'sequential' or 'parallel'
		SPECKIT_PIPELINE__AGENTS|a,a|pipeline.agents|
		SPECKIT_PIPELINE__AGENTS|a,b:0|pipeline.agents|expected NAME[=ADAPTER][:COUNT]
		SPECKIT_AGENTS__X__COMMAND||agents.x.command|
		SPECKIT_PROJECT__ROOT|/nowhere/at/all|project.root|expected a directory
	END
	[ "$n" -eq 16 ]
	check 2 env SPECKIT_RUN__JOBS=x SPECKIT_RUN__GRACE=y sk-config list --json
	same "$(j '[.error.details.errors[].where] | sort | join(",")')" \
		SPECKIT_RUN__GRACE,SPECKIT_RUN__JOBS
}

@test "environment: unknown names warn with a suggestion and are ignored" {
	while read -r var near; do
		check 0 env "$var=1" sk-config get run.jobs
		same "$out" 0
		one_line
		has "$err" "unknown environment variable '$var'"
		if [ -n "$near" ]; then has "$err" "did you mean '$near'?"; fi
	done <<-END
		SPECKIT_CONSENSUS__MIN_AGENT SPECKIT_CONSENSUS__MIN_AGENTS
		SPECKIT_CONSENUS__MIN_AGENTS SPECKIT_CONSENSUS__MIN_AGENTS
		SPECKIT_QUALITY_GATE__ENABLED SPECKIT_QUALITY_GATES__ENABLED
		SPECKIT_CONSENSUS_MIN_AGENTS SPECKIT_CONSENSUS__MIN_AGENTS
		SPECKIT_AGENTS__X__COMAND SPECKIT_AGENTS__X__COMMAND
		SPECKIT_RUN__jobs
		SPECKIT_RUN
		SPECKIT_RUN__JOBS__MORE
		SPECKIT_AGENTS__X
		SPECKIT_
		SPECKIT___
		SPECKIT_NOTHING_LIKE_IT
	END
	check 0 env SPECKIT_MODEL_ID_X=1 SPECKIT_MODEL_RELEASE_X=1 \
		SPECKIT_REASONING_MODE_X=1 SPEC_KIT_TELEMETRY_ENABLED=1 \
		sk-config get run.jobs
	same "$err" ""
	# What is ignored leaves nothing behind.
	check 1 env SPECKIT_AGENTS__GHOST__COMAND=x sk-config get agents
}

@test "every finding at once, each with file, line, column and key" {
	cat >c.toml <<-'END'
		[run]
		timout = "5m"
		timeout = "abc"
		jobs = -1
		[consensus]
		min_agents = 1
		quorum = "3/2"
		require = ["answer"]
		[agents.x]
		command = [""]
		env = { A_TOKEN = 5, "1x" = "a" }
		[agents.".."]
		model = 1979-05-27
		[stages.plan]
		agents = ["a", "a", "b:0"]
		mode = "both"
		[cost]
		alert_threshold = inf
		enabled = "yes"
		[foo]
		x = 1
	END
	check 2 sk-config check c.toml --json
	same "$(j '.error.details.errors[] | select(.file) |
		"\(.line):\(.column) \(.key) \(.code)"')" \
'2:1 run.timout unknown_key
3:11 run.timeout bad_value
4:8 run.jobs bad_value
6:14 consensus.min_agents bad_value
7:10 consensus.quorum bad_value
8:12 consensus.require bad_value
10:12 agents.x.command bad_value
11:19 agents.x.env.A_TOKEN bad_value
11:22 agents.x.env.1x bad_name
12:9 agents.".." bad_name
13:9 agents."..".model bad_value
15:10 stages.plan.agents bad_value
15:21 stages.plan.agents bad_value
16:8 stages.plan.mode bad_value
18:19 cost.alert_threshold bad_value
19:11 cost.enabled bad_value
20:2 foo unknown_key'
	has "$(j .error.message)" "$PWD/c.toml:2:1: run.timout: unknown key"
	has "$(j .error.hint)" "did you mean 'timeout'?"
	has "$(j .error.hint)" "all 17 findings"
	one_line
	# For a person: one line each, as compilers print them.
	check 2 sk-config check c.toml --format text
	same "$(grep -c "^$PWD/c.toml:[0-9]*:[0-9]*: " "$BATS_TEST_TMPDIR/.out")" 17
	one_line
	# Every tool refuses, with the same line.
	check 2 sk-config get run.jobs --config c.toml
	same "$out" ""
	has "$err" "$PWD/c.toml:2:1: run.timout"
}

@test "a secret's wrong value is not shown" {
	printf '[agents.x.env]\nA = 77123\n' >c.toml
	check 2 sk-config list --config c.toml --json
	case $out$err in *77123*) false ;; esac
}

@test "findings of several layers come together" {
	mkdir -p "$HOME/.config/sk" .sk
	echo 'a = 1' >"$HOME/$user"
	echo 'b = 1' >.sk/config.toml
	echo 'c = 1' >n.toml
	check 2 env SPECKIT_RUN__JOBS=x sk-config list --json --config n.toml
	same "$(j '[.error.details.errors[].key] | join(",")')" a,b,c,run.jobs
}

@test "rules between keys come with what is wrong in single ones" {
	mkdir -p docs/S-1 .sk
	cat >c.toml <<-'END'
		[run]
		timout = "5m"
		[consensus]
		min_agents = 5
		max_agents = 3
		quorum = 9
		[pipeline]
		agents = ["a", "b"]
		stages = ["implement"]
	END
	echo '[recovery]' >docs/S-1/pipeline.toml
	echo 'atempts = 1' >>docs/S-1/pipeline.toml
	echo '[cost' >.sk/config.toml
	check 2 sk-config check c.toml --spec S-1 --json
	same "$(j '.error.details.errors[] |
		"\(.file | split("/") | last):\(.line):\(.column) \(.key)"')" \
'config.toml:1:6 null
pipeline.toml:2:1 recovery.atempts
c.toml:2:1 run.timout
c.toml:5:14 consensus.max_agents
c.toml:6:10 consensus.quorum
c.toml:8:10 pipeline.agents
c.toml:9:11 pipeline.stages'
	# A value that is wrong by itself is told of once, and what follows from
	# it not at all.
	rm .sk/config.toml docs/S-1/pipeline.toml
	while IFS='|' read -r doc keys; do
		printf "$doc" >c.toml
		check 2 sk-config check c.toml --json
		same "$(j '[.error.details.errors[].key] | join(" ")')" "$keys"
	done <<-'END'
		consensus.min_agents = 5\nconsensus.max_agents = 1\n|consensus.max_agents
		consensus.quorum = 2\npipeline.agents = ["a", "b:0"]\n|pipeline.agents
		pipeline.agents = ["a", "a"]\n|pipeline.agents
		quality_gates.plan = []\n|quality_gates.plan
		stages = [1]\nmodels = [[1]]\nagents = 1\nconsensus = 1\n|stages models agents consensus
		quality_gates = [1]\npipeline = { agents = { a = 1 }, stages = { a = 1 } }\n|quality_gates pipeline.agents pipeline.stages
		stages.plan = { agents = { a = 1 }, quorum = [1] }\n|stages.plan.agents stages.plan.quorum
		models = { x = { aliases = { a = 1 }, retry = [1] } }\n|models.x.aliases models.x.retry
	END
}

@test "dates, inf and nan: what was expected there is said" {
	while IFS='|' read -r doc message; do
		echo "$doc" >c.toml
		check 2 sk-config check c.toml --json
		has "$(j '.error.details.errors[0].message')" "$message"
	done <<-'END'
		run.jobs = nan|expected integer, found the number nan
		run.timeout = 2020-01-01|expected a duration such as "90s" or "1h30m", found the date 2020-01-01
		cost.daily_limit_usd = inf|expected a finite number, found the number inf
		agents.x.model = 07:00:00|expected string, found the date 07:00:00
		agents.x.command = [2020-01-01]|expected string, found the date 2020-01-01
		pipeline.agents = 2020-01-01|expected array, found the date 2020-01-01
		pipeline.agents = [2020-01-01]|expected NAME[=ADAPTER][:COUNT], found the date
	END
}

@test "rules between keys" {
	printf '[consensus]\nmin_agents = 4\nmax_agents = 3\n' >c.toml
	check 2 sk-config list --json --config c.toml
	has "$(j .error.message)" "c.toml:3:14: consensus.max_agents: expected at least min_agents (4), found 3"
	check 2 env SPECKIT_CONSENSUS__MIN_AGENTS=6 sk-config list --json
	has "$(j .error.message)" "SPECKIT_CONSENSUS__MIN_AGENTS: consensus.min_agents: expected at most max_agents (5), found 6"
}

@test "bounds: the last good value and the first bad one" {
	while IFS='|' read -r key good bad; do
		for v in $good; do
			echo "$key = $v" >c.toml
			check 0 sk-config list --json --config c.toml
		done
		for v in $bad; do
			echo "$key = $v" >c.toml
			check 2 sk-config list --json --config c.toml
			has "$(j .error.message)" ": $key"
		done
	done <<-'END'
		consensus.min_agents|2 5|1 0 -1 11 2.5 "3" true
		consensus.max_agents|2 10|1 11
		consensus.timeout_seconds|1 86400|0 86401
		consensus.quorum|3 "3" "2/3" 0.67 1.0 "1/1" 1|0 -1 "0" "0/3" "4/3" "2/" "/3" 1.5 0.0 "all" true
		consensus.require|[] ["/a"] [""] ["/a/0/b~1c"]|["a"] ["/~2"] [1] "/a" ["/a","/a"]
		quality_gates.consensus_threshold|0 1 0.5|-0.1 1.1 nan inf
		quality_gates.min_test_coverage|0 100|-1 100.1
		quality_gates.enabled|true false|1 "true"
		cost.daily_limit_usd|0 1e3|-1 "5"
		cost.alert_threshold|0 1|2
		evidence.max_size_per_spec_mb|1|0
		evidence.retention_days|1 36500|0 36501
		evidence.base_dir|"x" "/x"|"" 1 1979-05-27
		run.timeout|0 "90" "90s" "1h30m" "365d"|-1 "x" "30m1h" "366d" 1.5 []
		run.max_output|1 "16MiB" "2G"|0 "0" "1X"
		run.jobs|0 65536|-1 65537
		stages.x.max_rounds|1 20|0 21
		stages.x.skip_if|"never" "always" "no_tests" "low_risk"|"sometimes" "files_below" true []
		stages.x.skip_files|"src/*.c" "a?b"|"" "[ab].c" 'a\b' 1
		stages.x.skip_below|1 1000000|0 -1 1000001 "x" 1.5
		stages.x.skip_reason|"because"|"" 1
		stages.x.mode|"sequential" "parallel"|"serial" 1
		stages.x.agents|[] ["a=b:3"]|["a/b"] ["-a"] ["a:"] ["=b"] ["a="] "a" [["a"]]
		agents.x.command|["a"] ["a",""]|[] [""] "a" [1]
		agents.x.adapter|"exec"|"../x" ""
		models.m5.temperature|0 2|-1 2.1
		models.m5.tier|"low"|"best"
	END
}

@test "files that are no configuration: clear error, status 2" {
	mkdir -p "$HOME/.config/sk" .sk d
	while IFS='|' read -r text want; do
		printf "$text" >bad.toml
		for place in named user project; do
			rm -f "$HOME/$user" .sk/config.toml
			case $place in
			named) at=$PWD/bad.toml ;;
			user) at=$HOME/$user ;;
			project) at=$PWD/.sk/config.toml ;;
			esac
			if [ $place = named ]; then
				check 2 sk-config list --json --config bad.toml
			else
				cp bad.toml "$at"
				check 2 sk-config list --json
			fi
			one_line
			has "$(j .error.message)" "$at:$want"
			same "$(j .error.code)" bad_toml
		done
	done <<-'END'
		a = |1:
		x = 1\n[run\n|2:
		run.jobs = 1\nrun.jobs = 2\n|2:
		a = "\\q"\n|1:
		a = '\xff'\n|1:
	END
	rm -f "$HOME/$user" .sk/config.toml
	check 2 sk-config list --json --config d
	has "$(j .error.message)" "$PWD/d: expected a file, found a directory"
	check 2 sk-config list --json --config none.toml
	same "$(j .error.code)" no_such_config
	check 2 sk-config list --json --config ""
	check 2 env SK_CONFIG=none.toml sk-config list --json
	same "$(j .error.code)" no_such_config
	mkdir .sk/config.toml
	check 2 sk-config list --json
	has "$(j .error.message)" "found a directory"
	rmdir .sk/config.toml
	# Somebody else's fifo must not make us wait.
	mkfifo .sk/config.toml
	check 2 sk-config list --json
	has "$(j .error.message)" "expected a file"
	rm .sk/config.toml
	{ echo '[run]'; yes '# filler filler filler filler filler' |
		head -c 1048577; } >all.toml
	head -c 1048577 all.toml >big.toml
	check 2 sk-config list --json --config big.toml
	same "$(j .error.code)" config_too_large
	one_line
	head -c 1048576 all.toml >big.toml
	check 0 sk-config list --json --config big.toml
	check 0 sk-config list --json --config /dev/null
	check 0 sh -c 'echo "run.jobs = 4" | sk-config get run.jobs --config /dev/stdin'
	same "$out" 4
}

@test "a file that may not be read" {
	[ "$(id -u)" -ne 0 ] || skip "root may read every file"
	echo 'run.jobs = 1' >c.toml
	chmod 0 c.toml
	check 2 sk-config list --json --config c.toml
	same "$(j .error.code)" config_unreadable
}

@test "no home is no error" {
	check 0 env -u HOME -u XDG_CONFIG_HOME sk-config get run.jobs
	same "$out" 0
}

@test "bad input in every layer: clear error, status 2, nothing half-applied" {
	mkdir -p "$HOME/.config/sk" .sk docs/S
	touch docs/S/spec.md
	big=$BATS_TEST_TMPDIR/big
	{ echo '[run]'; head -c 10485760 /dev/zero | tr '\0' '#'; } >"$big"
	[ "$(wc -c <"$big")" -gt 10000000 ]
	n=0
	while IFS='|' read -r text code want; do
		for place in user project spec named; do
			rm -f "$HOME/$user" .sk/config.toml docs/S/pipeline.toml n.toml
			set -- --spec S
			case $place in
			user) at=$HOME/$user ;;
			project) at=$PWD/.sk/config.toml ;;
			spec) at=$PWD/docs/S/pipeline.toml ;;
			named)
				at=$PWD/n.toml
				set -- --spec S --config n.toml
				;;
			esac
			if [ "$text" = BIG ]; then
				cp "$big" "$at"
			else
				# (The first line alone would be good.)
				printf "[run]\njobs = 7\n$text" >"$at"
			fi
			case $place$code in
			project*command | spec*command) continue ;;
			esac
			check 2 sk-config get run.jobs "$@"
			same "$out" ""
			one_line
			has "$err" "$at"
			has "$err" "$want"
			check 2 sk-config list --json "$@"
			same "$(j .error.code)" "${code%,*}"
			n=$((n + 1))
		done
	done <<-'END'
		x = |bad_toml|:3:
		x = "\\q"|bad_toml|:3:
		BIG|config_too_large|larger than 1 MiB
		[cost]\nalert_threshold = nan|bad_value|cost.alert_threshold
		[cost]\nalert_threshold = inf|bad_value|cost.alert_threshold
		[cost]\ndaily_limit_usd = -inf|bad_value|cost.daily_limit_usd
		[evidence]\nbase_dir = 1979-05-27|bad_value|the date 1979-05-27
		[stages.plan]\nmode = 07:32:00|bad_value|the date 07:32:00
		[pipeline]\nagents = ["a", 1979-05-27T07:32:00Z]|bad_value|pipeline.agents
		[pipeline]\nagents = ["a", "a"]|bad_value|pipeline.agents
		[pipeline]\nagents = ["a", "a=codex"]|duplicate_agent|named twice
		[agents.a]\nenabled = true\n[agents.a]\nenabled = true|bad_toml|'a' is already defined
		[agents.a]\ncommand = []|bad_value,command|agents.a.command
		[agents.a]\ncommand = [""]|bad_value,command|agents.a.command
		[agents.a]\ncommand = ""|bad_value,command|agents.a.command
		[consensus]\nmin_agents = 3\nmax_agents = 2|bad_value|consensus.max_agents
	END
	[ "$n" -eq 58 ]
}

@test "a file that root reads and the user may not" {
	[ "$(id -u)" -eq 0 ] || skip "needs root to be somebody else"
	command -v setpriv >/dev/null || skip "setpriv is not installed"
	d=$(mktemp -d /tmp/sk-config.XXXXXX)
	chmod 755 "$d"
	cp "$(command -v sk-config)" "$d/sk-config" 2>/dev/null
	echo 'run.jobs = 1' >"$d/c.toml"
	chmod 0 "$d/c.toml"
	got=0
	(cd "$d" && env -u HOME -u XDG_CONFIG_HOME setpriv --reuid=65534 \
		--clear-groups "$d/sk-config" list --json --config c.toml) \
		>out 2>err || got=$?
	rm -r "$d"
	same "$got" 2
	same "$(jq -r .error.code out)" config_unreadable
	grep -q 'c.toml: cannot be read: Permission denied' err
}
