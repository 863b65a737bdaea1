#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# sk-config: keys explained, schemas, the layer of a specification, rules
# between keys.

load helper

user=.config/sk/config.toml

@test "explain: type, default, bounds, description, variable, who sets it" {
	mkdir -p "$HOME/.config/sk"
	printf '[consensus]\nmin_agents = 3\n' >"$HOME/$user"
	export SPECKIT_CONSENSUS__MIN_AGENTS=4
	check 0 sk-config explain consensus.min_agents --json
	valid
	same "$(j -c '[.type, .default, .minimum, .maximum, .value]')" \
		'["integer",2,2,10,4]'
	same "$(j .description)" "Fewest agents of a line-up; one that names fewer is refused when this is set."
	same "$(j .environment)" SPECKIT_CONSENSUS__MIN_AGENTS
	same "$(j .origin)" "environment SPECKIT_CONSENSUS__MIN_AGENTS"
	same "$(j -c '.settings | map(.origin)')" \
		"[\"default\",\"$HOME/$user:2\",\"environment SPECKIT_CONSENSUS__MIN_AGENTS\"]"
	same "$(j .project_may_set)" true
	check 0 sk-config explain consensus.min_agents --format text
	for want in 'Fewest agents' 'integer' 'at least *2' 'at most *10' \
		'default *2' 'SPECKIT_CONSENSUS__MIN_AGENTS' "$HOME/$user:2: 3" \
		'may set it'; do
		printf '%s\n' "$out" | grep -q "$want"
	done
}

@test "explain: every key of the schema has an answer that fits its schema" {
	jq -r 'def keys_of(p): to_entries[] | (p + .key),
		(select(.value.properties) | .key as $k | .value.properties |
		keys_of(p + $k + "."));
	.properties | to_entries[] | .key as $k | $k, (.value |
		if .properties then .properties | keys_of($k + ".")
		else .additionalProperties.properties | keys_of($k + ".x1.")
		end)' "$SK_TOP/lib/data/schemas/config-file.json" >keys
	[ "$(wc -l <keys)" -gt 60 ]
	sk-config schema config-explain >schema
	while read -r key; do
		sk-config explain "$key" --json >doc
		"$SK_BUILD/tools/schema_check" schema <doc
		same "$(jq -r .key doc)" "$key"
	done <keys
	# Names may hold dots and dashes, and a variable's name keeps its letters.
	check 0 sk-config explain 'agents."a.b".env.Api_Key' --json
	same "$(j .environment)" SPECKIT_AGENTS__A_B__ENV__Api_Key
	same "$(j .project_may_set)" false
	check 0 sk-config explain stages.my-own.quorum --json
	same "$(j .environment)" SPECKIT_STAGES__MY_OWN__QUORUM
}

@test "an unknown key is an error with a suggestion, for get and for explain" {
	for verb in get explain; do
		while IFS='|' read -r key hint; do
			check 2 sk-config $verb "$key"
			one_line
			has "$err" "unknown key '$key'"
			has "$err" "$hint"
		done <<-'END'
			run.timout|did you mean 'run.timeout'?
			rum.timeout|did you mean 'run'?
			stages.plan.agent|did you mean 'stages.plan.agents'?
			agents.my.one.comand|unknown
			hot_reload.debounce|did you mean 'hot_reload.debounce_ms'?
			nothing.like.it|there is project, run
			run.zzzzzzzz|run has timeout
			run.timeout.more|'run.timeout' is a value
		END
	done
	check 2 sk-config explain run.timout --json
	same "$(j .error.code)" unknown_key
}

@test "explain masks secrets" {
	printf '[agents.x]\ncommand = ["x"]\n[agents.x.env]\nKEY = "hidden1"\n' >c.toml
	for format in json text; do
		check 0 sk-config explain agents.x.env.KEY --format $format \
			--config c.toml
		case $out in *hidden1*) false ;; esac
		has "$out" '***'
	done
}

@test "schema: one for the whole file, one for each section" {
	check 0 sk-config schema
	same "$(j '."$schema"')" 'http://json-schema.org/draft-07/schema#'
	same "$(j '."$id"')" sk.config-file/1
	for s in $(j '.properties | keys[]'); do
		sk-config schema "$s" >"$s.json"
		same "$(jq -r '."$schema"' "$s.json")" \
			'http://json-schema.org/draft-07/schema#'
		same "$(jq -r '."$id"' "$s.json")" "sk.config-file.$s/1"
		# What it refers to is in it.
		jq -r '.. | ."$ref"? // empty' "$s.json" | sort -u |
			while read -r ref; do
				jq -e --arg d "${ref#\#/definitions/}" \
					'.definitions[$d]' "$s.json" >/dev/null
			done
	done
	n=0
	while IFS='|' read -r section status doc; do
		got=0
		printf '%s\n' "$doc" | "$SK_BUILD/tools/schema_check" "$section.json" \
			>/dev/null 2>&1 || got=$?
		[ $((got != 0)) -eq "$status" ] || {
			echo "$section: $doc"
			return 1
		}
		n=$((n + 1))
	done <<-'END'
		consensus|0|{"min_agents":2,"max_agents":10,"quorum":"2/3"}
		consensus|1|{"min_agents":1}
		consensus|1|{"min_agent":2}
		run|0|{"timeout":"90s","jobs":4}
		run|1|{"jobs":-1}
		quality_gates|1|{"plan":[]}
		quality_gates|1|{"plan":["a","b","c","d","e","f"]}
		hot_reload|1|{"debounce_ms":499}
		hot_reload|0|{"debounce_ms":10000}
		models|1|{"m":{"tier":"best"}}
		agents|1|{"a":{"command":[]}}
		stages|0|{"plan":{"agents":["a"],"mode":"parallel"}}
	END
	[ "$n" -eq 12 ]
	check 2 sk-config schema consensu
	has "$err" "did you mean 'consensus'?"
}

@test "schema: an unknown name is told the known ones, every section among them" {
	check 2 sk-config schema zzzzzz
	for s in $(sk-config schema | jq -r '.properties | keys[]'); do
		has "$err" " $s,"
	done
	check 2 sk-config schema guardrail
	has "$err" "did you mean 'guardrails'?"
}

@test "pipeline.toml of a specification: between the project's file and the named" {
	mkdir -p .sk docs/SPEC-7-thing docs/SPEC-70
	touch docs/SPEC-7-thing/spec.md docs/SPEC-70/spec.md
	get() { sk-config get run.jobs "$@"; }
	printf '[run]\njobs = 1\n' >.sk/config.toml
	printf '# here\n[run]\njobs = 2\n' >docs/SPEC-7-thing/pipeline.toml
	printf '[run]\njobs = 3\n' >n.toml
	same "$(get) $(get --spec SPEC-7) $(get --spec SPEC-70)" "1 2 1"
	same "$(get --spec SPEC-7 --config n.toml)" 3
	same "$(SPECKIT_RUN__JOBS=4 get --spec SPEC-7)" 4
	check 0 sk-config list --json --spec SPEC-7
	same "$(j '.values[] | select(.key == "run.jobs") | .origin')" \
		"$PWD/docs/SPEC-7-thing/pipeline.toml:3"
	check 0 sk-config path --json --spec SPEC-7
	valid
	same "$(j '.files[] | select(.layer == "spec") | .path + " " + .state')" \
		"$PWD/docs/SPEC-7-thing/pipeline.toml used"
	check 0 sk-config path --json --spec SPEC-70
	same "$(j '.files[] | select(.layer == "spec") | .state')" absent
	# A folder with nothing of the kind is none; two are one too many.
	mkdir -p docs/SPEC-8/notes docs/SPEC-9
	same "$(get --spec SPEC-8)" 1
	printf '[run]\njobs = 8\n' >docs/SPEC-9/pipeline.toml
	same "$(get --spec SPEC-9)" 8
	mkdir -p specs/SPEC-7 && touch specs/SPEC-7/spec.md
	check 2 sk-config get run.jobs --spec SPEC-7
	has "$err" "two folders match 'SPEC-7'"
	check 2 sk-config get run.jobs --spec ../x
	has "$err" "'../x' is not the name of a specification"
	# The project's root may be said by the named file.
	mkdir -p other/docs/S-9 && touch other/docs/S-9/spec.md
	printf '[run]\njobs = 9\n' >other/docs/S-9/pipeline.toml
	printf '[project]\nroot = "other"\n' >root.toml
	same "$(get --spec S-9 --config root.toml)" 9
}

@test "pipeline.toml is trusted no more than the project's file, and checked" {
	mkdir -p docs/S && touch docs/S/spec.md
	f=docs/S/pipeline.toml
	while IFS='|' read -r line code text; do
		printf '\n%s\n' "$line" >$f
		check 2 sk-config list --json --spec S
		same "$(j .error.code)" "$code"
		has "$(j .error.message)" "$PWD/$f:2:"
		has "$(j .error.message)" "$text"
		# (Whoever does not name the specification does not meet it.)
		check 0 sk-config list --json
	done <<-'END'
		agents.x.command = ["sh"]|untrusted_key|agents.x.command
		models.m.endpoint = "http://x/"|untrusted_key|models.m.endpoint
		project.root = "/"|untrusted_key|project.root
		evidence.base_dir = "../x"|untrusted_key|evidence.base_dir
		run.timout = 1|unknown_key|run.timout
		run.jobs = "x"|bad_value|run.jobs
		run.jobs = |bad_toml|no value here
	END
	printf '\n[agents.x]\ncommand = ["sh"]\n' >$f
	check 0 sk-config list --json --spec S --config $f
	mkdir $f.d && rm $f && mv $f.d $f
	check 2 sk-config list --json --spec S
	has "$(j .error.message)" "found a directory"
}

@test "rules between keys: quorum, line-ups, stages, retries, aliases, gates" {
	n=0
	while IFS='|' read -r text place message; do
		printf "$text" >c.toml
		check 2 sk-config list --json --config c.toml
		has "$(j .error.message)" "$PWD/c.toml:$place: "
		has "$(j .error.message)" "$message"
		n=$((n + 1))
	done <<-'END'
		[pipeline]\nagents = ["a", "b"]\n[stages.plan]\nquorum = 3\n|4:10|stages.plan.quorum: expected at most 2, the number of pipeline.agents, found 3
		[stages.plan]\nquorum = "3"\nagents = ["a", "b"]\n|2:10|expected at most 2, the number of stages.plan.agents
		[consensus]\nquorum = 4\n[stages.plan]\nagents = ["a:2", "b"]\n|2:10|consensus.quorum: expected at most 3
		[consensus]\nmax_agents = 3\n[pipeline]\nagents = ["a:4"]\n|4:10|expected at most consensus.max_agents (3) agents, found 4
		[consensus]\nmin_agents = 3\n[pipeline]\nagents = ["a:2"]\n|4:10|expected at least consensus.min_agents (3) agents, found 2
		[consensus]\nmin_agents = 2\n[stages.plan]\nagents = ["a"]\n|4:10|stages.plan.agents: expected at least consensus.min_agents (2) agents, found 1
		[pipeline]\nagents = ["a", "a:2"]\n|2:16|the agent 'a' is named twice
		[pipeline]\nagents = ["a=claude", "a=codex"]\n|2:23|the agent 'a' is named twice
		[pipeline]\nstages = ["tasks"]\n|2:11|tasks requires plan to be enabled
		[pipeline]\nstages = ["plan", "implement"]\n|2:19|implement requires tasks to be enabled
		[pipeline]\nstages = ["plan", "task"]\n|2:19|pipeline.stages
		[pipeline]\nagents = ["a"]\n[agents.a]\nenabled = false\n|2:10|no agent of any line-up is enabled
		[models.m5.retry]\nbase_delay_ms = 10\nmax_delay_ms = 9\n|3:16|expected at least base_delay_ms (10), found 9
		[models.a1]\naliases = ["x"]\n[models.b2]\naliases = ["x"]\n|4:12|'x' is a name of the model 'a1' already
		[models.a1]\naliases = ["b2"]\n[models.b2]\n|2:12|'b2' is a name of the model 'b2' already
		[stages.plan]\nskip_if = "files_below"\nskip_files = "*.c"\n|2:11|stages.plan.skip_if: files_below needs skip_files and skip_below, and there is no skip_below
		[stages.audit]\nskip_below = 2\nskip_if = "files_below"\n|3:11|and there is no skip_files
		[quality_gates]\nplan = ["claude:6"]\n|2:8|invalid agent count: 6 (must be between 1 and 5)
		[quality_gates]\nplan = []\n|2:8|quality_gates.plan
		[quality_gates]\nplan = ["claud_opus"]\n|2:9|unknown model 'claud_opus'; available:
	END
	[ "$n" -eq 20 ]
	has "$(j .error.hint)" "did you mean 'claude_opus'?"
	# What can be reached is right.
	cat >c.toml <<-'END'
		[consensus]
		max_agents = 4
		quorum = "2/3"
		[pipeline]
		agents = ["a:2", "b=claude"]
		stages = ["plan", "tasks", "validate"]
		[stages.plan]
		quorum = 3
		[stages.audit]
		agents = ["a"]
		quorum = 1.0
		[quality_gates]
		plan = ["mine7", "claude", "gpt_pro", "gpt-5.1", "local"]
		tasks = ["x=claude:5"]
		[agents.mine7]
		command = ["x"]
		[models.local]
		provider = "ollama"
	END
	check 0 sk-config check c.toml --json
	# Blame goes to the layer that came last.
	printf '[pipeline]\nagents = ["a", "b"]\n' >n.toml
	check 2 env SPECKIT_STAGES__PLAN__QUORUM=3 sk-config list --json --config n.toml
	has "$(j .error.message)" "SPECKIT_STAGES__PLAN__QUORUM: stages.plan.quorum"
	check 2 env SPECKIT_PIPELINE__STAGES=implement sk-config list --json
	has "$(j .error.message)" "SPECKIT_PIPELINE__STAGES: pipeline.stages"
}

@test "check warns of what will hardly be meant" {
	cat >c.toml <<-'END'
		[pipeline]
		agents = ["claud", "mine", "off", "sh=exec"]
		[stages.plan]
		agents = []
		[agents.mine]
		command = ["/no/such/program"]
		model = "gpt-99"
		[agents.off]
		command = ["sh"]
		enabled = false
	END
	check 0 sk-config check c.toml --json
	valid
	same "$(j '.warnings[] | "\(.where | split(":")[1]) \(.key): \(.message)"')" \
'2 pipeline.agents: there is no agent or adapter '\''claud'\''
2 pipeline.agents: the agent '\''off'\'' is not enabled
4 stages.plan.agents: this line-up names nobody
6 agents.mine.command: cannot run '\''/no/such/program'\'': No such file or directory
7 agents.mine.model: no price is known for the model '\''gpt-99'\'''
	same "$(j '.warnings[0].hint')" "did you mean 'claude'?"
	check 0 sk-config check c.toml --format text
	same "$out" "the configuration is valid"
	same "$(printf '%s\n' "$err" | grep -c "^sk-config: $PWD/c.toml:")" 5
	check 0 sk-config check --json
	same "$(j -c .warnings)" '[]'
}

@test "docs/reference-tests.md names tests that exist" {
	sed -n 's/^| [^|]* | `\([^`]*\)`: \(.*\) |$/\1	\2/p' \
		"$SK_TOP/docs/reference-tests.md" >named
	[ "$(wc -l <named)" -ge 60 ]
	while IFS='	' read -r file title; do
		case $file in
		unit/*) grep -q "^$title(void)" "$SK_TOP/tests/$file" ;;
		*) grep -qF "@test \"$title\"" "$SK_TOP/tests/$file" ;;
		esac || {
			echo "$file has no '$title'"
			return 1
		}
	done <named
}

@test "docs/reference-tests.md has each number and name of its series once" {
	doc=$SK_TOP/docs/reference-tests.md
	{
		for series in ec:25 w:15 e:15 s:10 c:10; do
			seq -f "${series%:*}%02g" "${series#*:}"
		done
		tr ' ' '\n' <<-'END'
			new initial_phase_is_guardrail quality_gates_disabled
			resume_from_tasks resume_from_unlock hal_mode stage_sequence
			current_stage_none_when_out_of_bounds is_executing_agents
			require_string_field: require_object
			validate_lifecycle_transitions consensus_sequence_basic_flow
			consensus_sequence_cancel_allows_retry
			consensus_sequence_reset consensus_sequence_clone
			pipeline_branch_creation pipeline_branch_unique_ids
			pipeline_branch_nested pipeline_branch_accessors
			initialization, resume_from_tasks_stage hal_mode_preserved
			checkpoint_once_per_pipeline pending_prompt_summary
			validate_lifecycle_prevents_duplicates
			validate_duplicate_storm_prevention validate_retry_cycle
			validate_cancel_cleanup branch_id_generation_unique
			filter_responses_by_branch resume_excludes_old_branches
			nested_branch_tracking
		END
	} >wanted
	sed -n 's/^| \([^|]*\) | .*/ \1 /p' "$doc" >cells
	while read -r name; do
		same "$name $(grep -cF " $name " cells)" "$name 1"
	done <wanted
	# A row names a test, or says why there is none.
	sed -n '/^| ref/d; /^|--/d; /^|/p' "$doc" |
		grep -vE '^\| [^|]+ \| (`[^`]+`: |not here: )[^|]+ \|$' >bad || :
	same "$(cat bad)" ''
}

@test "check warns of a gate whose agents cannot agree" {
	cat >c.toml <<-'END'
		[quality_gates]
		plan = ["claude", "codex"]
		tasks = ["claude:3"]
	END
	check 0 sk-config check c.toml --json
	same "$(j '.warnings | map(.key) | join(" ")')" quality_gates.plan
	echo 'min_agents = 2' >>c.toml
	check 0 sk-config check c.toml --json
	same "$(j -c .warnings)" '[]'
}

@test "a key that other programs know and nobody reads here is said to be one" {
	check 0 sk-config schema config-file
	same "$(j '.properties.quality_gates.properties | to_entries[] |
		select(.value["x-idle"]).key' | sort | xargs)" \
		"audit min_test_coverage schema_validation unlock validate"
	cat >c.toml <<-'END'
		[quality_gates]
		min_test_coverage = 80
		schema_validation = false
		validate = ["claude"]
		audit = ["claude"]
		unlock = ["claude"]
	END
	check 0 sk-config check c.toml --json
	same "$(j '.warnings[] | .key + " " + .message' | grep -c 'no effect')" 5
	# One of ours that was never of any use is no key.
	echo 'agents.x.family = "f"' >c.toml
	check 2 sk-config list --json --config c.toml
	same "$(j .error.code)" unknown_key
}

# How the rooms say which key they read: in whole words, with the stage's name
# put in, by the helper for a stage's rules, or out of the table of an agent or a
# model. What only checks or shows a value is no reader, but for the bounds of a
# line-up, whose meaning is that check.
@test "every key of the schema is read by somebody" {
	jq -r 'def keys_of(p): to_entries[] | select(.value["x-idle"] | not) |
		(.value.properties // null) as $c |
		(p + .key) as $k | if $c then $c | keys_of($k + ".") else $k end;
	.properties | to_entries[] | .key as $k | .value |
		if .properties then .properties | keys_of($k + ".")
		else .additionalProperties.properties | keys_of($k + ".NAME.")
		end' "$SK_TOP/lib/data/schemas/config-file.json" >keys
	# one_line: without comments, each call on one line
	one_line() { sed 's,/\*.*\*/,,' | tr -s ' \t\n' ' '; }
	lib=$SK_TOP/lib
	find "$lib" -name '*.c' -not -path "$lib/config/cross.c" \
		-not -path "$lib/config/agents.c" -exec cat {} + |
		one_line >code
	cat "$lib"/agent/{slot,http_req,http_key,control_slot}.c |
		one_line >agents.code
	cat "$lib/config/models.c" "$lib"/agent/{http_req,slot_model}.c |
		one_line >models.code
	one_line <"$lib/config/cross.c" >rules.code
	# reader KEY: where it is read, and how that looks
	reader() {
		local last=${1##*.} get='sk_jget[a-z_]*\('
		in=code
		case $1 in
		project.root) how="$get"'sk_jget\(l->root, "project"\), "root"' ;;
		consensus.m[ai][nx]_agents)
			in=rules.code
			how="l->agents > 0 && set\\(c, \"$1\"|l->unclear && set\\(c, \"$1\"" ;;
		consensus.quorum | consensus.require | stages.NAME.quorum | \
			stages.NAME.require)
			how="sk_stage_rule\\(a, s->stage, \"$last\"" ;;
		quality_gates.plan | quality_gates.tasks | quality_gates.implement)
			how="\\{ \"(clarify|checklist|analyze)\", \"$last\"" ;;
		cost.*_limit*_usd) how="\"cost\\.$last[\".]" ;;
		stages.NAME.skip_*)
			how="setting\\(a, st, \"$last\"|\"stages\\.%s\\.$last\"" ;;
		stages.NAME.*) how="\"stages\\.%s\\.$last\"" ;;
		agents.NAME.*)
			in=agents.code
			how="$get"'(ag|slot->conf|sk_config_agent\(conf, s->base\)), '"\"$last\"" ;;
		models.NAME.retry.*)
			in=models.code
			how="${get}retry, \"$last\"" ;;
		models.NAME.temperature | models.NAME.max_tokens)
			in=models.code
			how='\? "temperature" : "max_tokens"' ;;
		models.NAME.endpoint)
			in=models.code
			how="${get}slot->model_conf, \"endpoint\"" ;;
		models.NAME.*)
			in=models.code
			how="(${get}t|take_[a-z]*\\(t), \"$last\"" ;;
		*) how="sk_config_[a-z]*\\([^;\"]*\"${1//./\\.}\"" ;;
		esac
	}
	is_read() {
		reader "$1"
		grep -qE -e "$how" "$in"
	}
	while read -r key; do
		is_read "$key" || echo "$key"
	done <keys >dead
	same "$(cat dead)" ''
	[ "$(wc -l <keys)" -gt 90 ]
	# (Whoever removes a reader is told.)
	not grep -qF quality_gates.audit keys
	for key in stages.NAME.nonsense agents.NAME.family run.nonsense \
		quality_gates.schema_validation models.NAME.speed; do
		not is_read "$key"
	done
}
