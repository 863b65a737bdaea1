# Loaded after helper.bash by the files about sk-auto's quality gates.

local_setup() {
	mkdir -p project/bin project/docs/SPEC-7 && cd project || return 1
	spec=docs/SPEC-7/spec.md
	cat >$spec <<-'END'
		# A thing

		## Problem Statement

		It is missing.

		## Goals

		- To have it.

		## Requirements

		FR-001: It is fast.

		FR-002: It stops after
		an hour.

		## Acceptance Criteria

		AC-001 (FR-001, FR-002): it does.

		## Test Strategy

		    FR-009: no requirement, an example
	END
	export SK_CONFIG=$PWD/sk.toml
	export TERM=dumb
	worker
}

# worker: the one agent of the stages, w, which answers with the form that it is
# shown; and what every test configures.
worker() {
	cat >bin/w <<-END
		#!/bin/sh
		echo x >>"$PWD/calls.w"
		sed -n '/^{"stage"/{p;q}'
	END
	chmod +x bin/w
	cat >sk.toml <<-END
		[project]
		root = "."
		[pipeline]
		agents = ["w"]
		[retry]
		attempts = 1
		[agents.w]
		adapter = "exec"
		command = ["./bin/w"]
	END
}

# gate STAGE: three agents g1 to g3 at the gate of a stage; each prints what
# says.N holds.
gate() {
	for i in 1 2 3; do
		cat >"bin/g$i" <<-END
			#!/bin/sh
			cat >"$PWD/prompt.g$i"
			echo x >>"$PWD/calls.g"
			cat "$PWD/says.$i"
		END
		chmod +x "bin/g$i"
		printf '[agents.g%s]\nadapter = "exec"\ncommand = ["./bin/g%s"]\n' \
			$i $i >>sk.toml
	done
	printf '[quality_gates]\n%s = ["g1", "g2", "g3"]\n' "$1" >>sk.toml
}

# says N ISSUE…: what agent gN answers; ISSUE is
# "id|severity|resolvability|requirement|question|answer".
says() {
	local n=$1
	shift
	printf '%s\n' "$@" | jq -cRn '{stage: "clarify", issues: [inputs |
		select(. != "") | split("|") | {id: .[0], severity: .[1],
		resolvability: .[2], requirement: (if .[3] == "" then null else .[3] end),
		question: .[4], answer: .[5]}]}' >"says.$n"
}

all_say() { for i in 1 2 3; do says $i "$@"; done; }
calls() { if [ -e "calls.$1" ]; then wc -l <"calls.$1"; else echo 0; fi; }
phase() { sqlite3 "$SK_DB" 'SELECT phase FROM leases ORDER BY phase_at'; }
row() { sqlite3 "$SK_DB" "SELECT state FROM gates WHERE gate='$1'"; }
issue() { sqlite3 "$SK_DB" "SELECT issues FROM gates" | jq -r ".[] | select(.id==\"$1\") | $2"; }
moves() { j 'select(.event=="phase") | .from + ">" + .to' | xargs; }
record() {
	"$SK_BIN/sk-auto" schema "$1" >"$1.json"
	"$SK_BUILD/tools/schema_check" "$1.json"
}

# validator ISSUE…: agent v confirms what the others of the gate say; ISSUE is
# "id|agrees|recommended|reasoning".
validator() {
	printf '%s\n' "$@" | jq -cRn '{stage: "confirm", issues: [inputs |
		select(. != "") | split("|") | {id: .[0],
		agrees_with_majority: (.[1] | if . == "" then null else fromjson end),
		recommended_answer: (if .[2] == "" then null else .[2] end),
		reasoning: .[3]}]}' >says.v
	cat >bin/v <<-END
		#!/bin/sh
		cat >"$PWD/prompt.v"
		echo x >>"$PWD/calls.v"
		cat "$PWD/says.v"
	END
	chmod +x bin/v
	grep -q '^validator' sk.toml || sed -i \
		-e 's/^\[quality_gates\]/[agents.v]\nadapter = "exec"\ncommand = [".\/bin\/v"]\n&\nvalidator = "v"/' sk.toml
}
