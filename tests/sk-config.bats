#!/usr/bin/env bats
# sk-config: layers, origins, trust, the environment, errors.

load helper

# get KEY: its value, or "unset".
get() { sk-config get "$@" || echo unset; }

# origin KEY [OPTION...]
origin() {
	key=$1
	shift
	sk-config list --json "$@" |
		jq -r --arg k "$key" '.values[] | select(.key == $k) | .origin'
}

user=.config/sk/config.toml

@test "without any file the defaults hold" {
	check 0 sk-config list --json
	valid
	same "$(j '[.values[].origin] | unique | join(",")')" default
	same "$(j .project_root)" "$PWD"
	while read -r key want; do
		same "$(get "$key")" "$want"
	done <<-END
		consensus.min_agents 2
		consensus.max_agents 5
		consensus.timeout_seconds unset
		evidence.base_dir docs/evidence
		evidence.max_size_per_spec_mb 25
		evidence.retention_days unset
		quality_gates.consensus_threshold 0.67
		cost.alert_threshold 0.8
		pipeline.agents unset
		stages.plan unset
	END
}

@test "get prints scalars raw and tables as JSON, and 1 when unset, 2 when unknown" {
	printf '[stages.plan]\nagents = ["a", "b:2"]\nquorum = "2/3"\n' >c.toml
	check 0 sk-config get stages.plan.quorum --config c.toml
	same "$out" 2/3
	check 0 sk-config get stages.plan.agents --config c.toml
	same "$out" '["a","b:2"]'
	check 0 sk-config get stages.plan --config c.toml
	same "$out" '{"agents":["a","b:2"],"quorum":"2/3"}'
	check 1 sk-config get stages.tasks --config c.toml
	same "$out$err" ""
	for key in "" . consensus. .min_agents 'consensus."min_agents'; do
		check 2 sk-config get "$key"
	done
	check 0 sk-config get '"consensus"."min_agents"'
	check 2 sk-config get
}

@test "names that hold dots are found, quoted or not" {
	printf '[agents."a.b"]\nmodel = "m"\n[agents.a]\nmodel = "n"\n' >c.toml
	same "$(get agents.a.b.model --config c.toml)" m
	same "$(get 'agents."a.b".model' --config c.toml)" m
	same "$(get agents.a.model --config c.toml)" n
	check 0 sk-config list --config c.toml --json
	has "$out" '"key":"agents.\"a.b\".model"'
}

@test "layers: user < project < named < environment, each with its origin" {
	mkdir -p "$HOME/.config/sk" .sk sub/dir
	k=run.timeout
	same "$(get $k) $(origin $k)" "20m default"
	printf '\n[run]\ntimeout = "1s"\ngrace = "1s"\n' >"$HOME/$user"
	same "$(get $k) $(origin $k)" "1s $HOME/$user:3"
	printf '[run]\ntimeout = "2s"\n' >.sk/config.toml
	same "$(get $k) $(origin $k)" "2s $PWD/.sk/config.toml:2"
	same "$(get run.grace)" 1s
	printf 'run.timeout = "3s"\n' >n.toml
	same "$(get $k --config n.toml)" 3s
	same "$(origin $k --config n.toml)" "$PWD/n.toml:1"
	export SK_CONFIG=n.toml
	same "$(get $k) $(origin $k)" "3s $PWD/n.toml:1"
	# --config takes the place of SK_CONFIG.
	printf '[run]\njobs = 7\n' >m.toml
	same "$(get $k --config m.toml) $(get run.jobs --config m.toml)" "2s 7"
	export SPECKIT_RUN__TIMEOUT=4s
	same "$(get $k)" 4s
	same "$(origin $k)" "environment SPECKIT_RUN__TIMEOUT"
	# From below, the project's file and root are found.
	unset SK_CONFIG SPECKIT_RUN__TIMEOUT
	top=$PWD
	cd sub/dir
	same "$(get $k)" 2s
	same "$(sk-config path --json | jq -r .project_root)" "$top"
}

@test "tables merge, arrays and scalars are replaced" {
	mkdir -p "$HOME/.config/sk"
	cat >"$HOME/$user" <<-'END'
		[agents.a]
		command = ["x", "y"]
		model = "m"
		[agents.a.env]
		A = "1"
	END
	cat >c.toml <<-'END'
		[agents.a]
		command = ["z"]
		[agents.a.env]
		B = "2"
	END
	same "$(get agents.a --config c.toml)" \
		'{"command":["z"],"model":"m","env":{"A":"1","B":"2"}}'
}

@test "the project root: .sk, else git's top, else here; a named file wins" {
	root() { sk-config path --json "$@" | jq -r .project_root; }
	mkdir -p a/b/c a/b/.sk/x other
	same "$(root)" "$PWD"
	top=$PWD
	mkdir .git
	same "$(cd a && root)" "$top"
	same "$(cd a/b/c && root)" "$top/a/b"
	# A work tree's .git is a file; a file .sk is nothing.
	rm -r .git
	echo gitdir: /nowhere >a/.git
	same "$(cd a && root)" "$top/a"
	mkdir other/d
	touch other/d/.sk
	same "$(cd other/d && root)" "$top/other/d"
	list_root() { sk-config list --json "$@" | jq -r .project_root; }
	printf '[project]\nroot = ".."\n' >other/sk.toml
	same "$(list_root --config other/sk.toml)" "$top"
	ln -s other link
	same "$(list_root --config link/sk.toml)" "$top"
	printf '[project]\nroot = "nowhere"\n' >other/sk.toml
	check 2 sk-config list --config other/sk.toml --json
	has "$(j .error.message)" "project.root: expected a directory that exists"
}

@test "path: the project is where the named file says, unless it has mistakes" {
	mkdir -p other/deep/docs/S-1
	echo 'run.jobs = 8' >other/deep/docs/S-1/pipeline.toml
	echo 'project.root = "deep"' >other/n.toml
	check 0 sk-config path --json --config other/n.toml --spec S-1
	same "$(j .project_root)" "$PWD/other/deep"
	same "$(j '.files[] | select(.layer == "spec") | "\(.state) \(.path)"')" \
		"used $PWD/other/deep/docs/S-1/pipeline.toml"
	echo 'nonsense' >>other/n.toml
	check 0 sk-config path --json --config other/n.toml
	same "$(j .project_root)" "$PWD"
	same "$(j '.files[] | select(.layer == "named") | .state')" used
	same "$err" ""
}

@test "paths are relative to the file that names them" {
	mkdir -p sub/proj
	cat >sub/c.toml <<-'END'
		[project]
		root = "proj"
		[agents.a]
		command = ["./bin/../bin/a", "./b"]
		cwd = "w"
		[agents.b]
		command = ["sh", "x/y"]
		[agents.c]
		command = ["/opt/c"]
	END
	same "$(get agents.a.command --config sub/c.toml)" \
		"[\"$PWD/sub/bin/a\",\"./b\"]"
	same "$(get agents.a.cwd --config sub/c.toml)" "$PWD/sub/w"
	same "$(get agents.b.command --config sub/c.toml)" '["sh","x/y"]'
	same "$(get agents.c.command --config sub/c.toml)" '["/opt/c"]'
	same "$(get project.root --config sub/c.toml)" "$PWD/sub/proj"
}

# What only the user may say, with a value that would be right.
forbidden() {
	cat <<-'END'
		agents.x.command|["sh", "-c", "true"]
		agents.x.adapter|"exec"
		agents.x.env.PATH|"/tmp"
		agents.x.cwd|"/"
		agents.x.model|"m"
		agents.x.base_url|"http://127.0.0.1/"
		agents.x.body.a|1
		agents.x.headers.A|"b"
		agents.x.key|"none"
		agents.x.provider|"p"
		agents.x.stream|true
		models.m.endpoint|"http://127.0.0.1/"
		models.m.model|"m"
		models.m.provider|"p"
		models.m.tier|"low"
		models.m.aliases|["n"]
		models.m.context_window|1
		models.m.temperature|1
		models.m.max_tokens|1
		models.m.cost_per_input_million|0
		models.m.cost_per_cached_input_million|0
		models.m.cost_per_cache_write_million|0
		models.m.cost_per_output_million|0.5
		models.m.retry.max_retries|1
		models.m.retry.base_delay_ms|1
		models.m.retry.max_delay_ms|1
		project.root|"/"
		cost.unpriced|"allow"
		landing.apply|"agreed"
		landing.max_files|1
		landing.max_bytes|1
		landing.binary|true
		stages.x.guardrail|["true"]
		stages.x.arbiter|"a"
		consensus.arbiter|"a"
		evidence.auto_commit|true
		evidence.base_dir|"/tmp"
		evidence.base_dir|"docs/../../x"
		evidence.base_dir|".."
	END
}

@test "a found project file cannot set these keys" {
	mkdir .sk
	file=$PWD/.sk/config.toml
	while IFS='|' read -r key value; do
		printf '# a comment\n%s = %s\n' "$key" "$value" >.sk/config.toml
		check 2 sk-config list --json
		same "$(j .error.code)" untrusted_key
		has "$(j .error.message)" "$file:2:"
		has "$(j .error.message)" ": $key: "
		has "$(j .error.hint)" --config
		[ "$(j '.error.details.errors | length')" -eq 1 ]
		# The user may, by naming the file or from a file of his own.
		if [ "$key" != project.root ]; then
			check 0 sk-config list --json --config .sk/config.toml
			mkdir -p "$HOME/.config/sk"
			mv .sk/config.toml "$HOME/$user"
			check 0 sk-config list --json
			rm "$HOME/$user"
		fi
	done <<<"$(forbidden)"
}

@test "a link in the tree does not lead a found file's path out of it" {
	mkdir -p .sk inside
	ln -s "$HOME" out
	ln -s inside in
	while read -r dir status; do
		printf '[evidence]\nbase_dir = "%s"\n' "$dir" >.sk/config.toml
		check "$status" sk-config check
		if [ "$status" -eq 2 ]; then
			has "$err" "outside the tree"
			has "$err" ".sk/config.toml:2:12"
		fi
		# Whoever names the file may.
		check 0 sk-config check .sk/config.toml
	done <<-'END'
		out 2
		out/a/b 2
		in/../out 2
		in 0
		in/a/b 0
		new/a 0
	END
}

@test "every key of the schema is either open to a project file or refused" {
	# Whoever adds a key that a project may not set adds it to the table, too.
	sk-config schema config-file >s.json
	jq -r '. as $root |
	    def at($s): if $s["$ref"] then ($s["$ref"] | ltrimstr("#/") |
		split("/")) as $p | ($root | getpath($p)) + $s else $s end;
	    def walk($s; $k; $t): at($s) as $n |
		(if $n | has("x-project") then $n["x-project"] else $t end) as $t |
		if $n.type == "object" then
		    (($n.properties // {}) | to_entries[] |
			walk(.value; $k + [.key]; $t)),
		    (if ($n.additionalProperties | type) == "object" then
			walk($n.additionalProperties; $k + ["*"]; $t)
		     else empty end)
		else "\($k | join(".")) \($t)" end;
	    walk(.; []; false)' s.json | sort >keys
	same "$(grep ' true$' keys | grep '^agents\|^models\|^project' | xargs)" \
		"agents.*.enabled true agents.*.fallback true agents.*.timeout true"
	sed -n 's/ false$//p' keys | sed 's/^agents\.\*/agents.x/
		s/^models\.\*/models.m/; s/^stages\.\*/stages.x/; s/env\.\*/env.PATH/
		s/body\.\*/body.a/; s/headers\.\*/headers.A/' | sort >refused
	forbidden | sed 's/|.*//' | grep -v '^evidence.base' | sort >tried
	diff tried refused
	[ "$(wc -l <tried)" -eq 36 ]
}

@test "a found project file may set stages, limits and budgets" {
	mkdir .sk
	cat >.sk/config.toml <<-'END'
		[pipeline]
		agents = ["claude", "x=codex:2"]
		[stages.plan]
		agents = ["a", "b:2"]
		mode = "parallel"
		timeout = "1h30m"
		require = ["/complexity"]
		quorum = "2/3"
		max_rounds = 3
		[stages.my-own]
		agents = ["a:3"]
		[run]
		timeout = 90
		jobs = 2
		[consensus]
		min_agents = 3
		[cost]
		daily_limit_usd = 2.5
		[evidence]
		base_dir = "proof/x"
		[quality_gates]
		consensus_threshold = 0.8
		[agents.a]
		timeout = "5m"
		enabled = false
	END
	check 0 sk-config list --show-origin --format text
	has "$out" "agents.a.timeout"
	has "$out" "$PWD/.sk/config.toml:22"
	check 0 sk-config path --json
	valid
	same "$(j '.files[] | select(.layer == "project") | .state')" used
	check 0 sk-config path --json --config .sk/config.toml
	same "$(j '.files[] | select(.layer == "project") | .state')" shadowed
}

@test "a root in a user file is refused: it belongs into a named file" {
	mkdir -p "$HOME/.config/sk"
	printf '[project]\nroot = "."\n' >"$HOME/$user"
	check 2 sk-config list --json
	has "$(j .error.message)" "$HOME/$user:2:8: project.root:"
}

@test "environment: every type, lists, names of agents" {
	printf '[agents.My-Agent]\ncommand = ["x"]\n' >c.toml
	export SK_CONFIG=c.toml
	export SPECKIT_CONSENSUS__MIN_AGENTS=3 SPECKIT_COST__ENABLED=no
	export SPECKIT_QUALITY_GATES__CONSENSUS_THRESHOLD=0.75
	export SPECKIT_PIPELINE__AGENTS='a, b:2 ,,c'
	export SPECKIT_STAGES__PLAN__TIMEOUT=90 SPECKIT_STAGES__PLAN__QUORUM=2/3
	export SPECKIT_AGENTS__MY_AGENT__TIMEOUT=7s
	export SPECKIT_AGENTS__NEW__COMMAND=prog,--flag
	export SPECKIT_AGENTS__NEW__ENV__Api__Key=v
	check 0 sk-config list --json
	same "$err" ""
	valid
	while read -r key want; do
		same "$(get "$key")" "$want"
	done <<-END
		consensus.min_agents 3
		cost.enabled false
		quality_gates.consensus_threshold 0.75
		pipeline.agents ["a","b:2","c"]
		stages.plan.timeout 90
		stages.plan.quorum 2/3
		agents.My-Agent.timeout 7s
		agents.new.command ["prog","--flag"]
		agents.new.env.Api__Key v
	END
}

@test "secrets are masked in lists" {
	cat >c.toml <<-'END'
		[agents.x]
		command = ["x"]
		model = "seen"
		[agents.x.env]
		PLAIN = "hidden1"
		[agents.x.headers]
		Authorization = "hidden2"
		[agents.y]
		base_url = "https://me:hidden3@host.example/v1?a=b@c"
		command = ["x", "http://hidden4@host.example"]
		[agents.y.body]
		api_key = "hidden5"
		[models.m]
		max_tokens = 4096
	END
	for format in json text; do
		check 0 sk-config list --format $format --config c.toml
		case $out in *hidden*) false ;; esac
		has "$out" 'https://***@host.example/v1?a=b@c'
		has "$out" '***'
		has "$out" seen
		has "$out" 4096
	done
	# A table shows no more than its keys do.
	for key in agents agents.x agents.x.env agents.y agents.y.base_url; do
		for format in json text; do
			check 0 sk-config explain $key --format $format \
				--config c.toml
			case $out in *hidden*) false ;; esac
		done
	done
	same "$(sk-config explain agents.x --json --config c.toml |
		jq -c .value.env)" '{"PLAIN":"***"}'
	same "$(get agents.x.env.PLAIN --config c.toml)" hidden1
}

@test "check says that it is valid" {
	check 0 sk-config check --json
	valid
	check 0 sk-config check --format text
	same "$out" "the configuration is valid"
}

@test "json: canonical form, or line, column and reason with status 65" {
	while IFS='|' read -r in want; do
		feed "$in" 0 sk-config json
		same "$out" "$want"
	done <<-'END'
		{"b":1.0,"a":[1e2,-0,"\u0041"]}|{"a":[100,0,"A"],"b":1}
		 "x" |"x"
		{"foo\u0000bar":42,"foo\u0000":[]}|{"foo\u0000":[],"foo\u0000bar":42}
	END
	while IFS='|' read -r in want; do
		feed "$in" 65 sk-config json
		same "$out" ""
		one_line
		has "$err" "$want"
	done <<-'END'
		{"a":1,"a":2}|line 1, column 8
		[1,]|line 1, column 4
		|line 1
		[1] 2|line 1, column 5
		"\ud800"|line 1
	END
	deep=$(printf '%10000s' | tr ' ' '[')
	feed "$deep" 65 sk-config json
	one_line
}

@test "toml-json: the tagged form" {
	feed 'a = 1
b = [true, 1.5, nan, "x", 1979-05-27, 07:32:00]
c.d = 1979-05-27T07:32:00Z
' 0 sk-config toml-json
	same "$(j -c '[.a, .c.d, (.b[] | .type)] | map(if type == "object" then .type + " " + .value else . end) | join(",")')" \
		"integer 1,datetime 1979-05-27T07:32:00Z,bool,float,float,string,date-local,time-local"
	feed 'a = 1
a = 2' 2 sk-config toml-json
	has "$err" "2:1"
}
