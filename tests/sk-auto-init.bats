#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# sk-auto init: what it writes is valid, and what is there is kept.

load helper

@test "an empty directory becomes a project in which a dry run works" {
	check 0 sk-auto init --json
	valid
	same "$(j '.files | map(.path + ":" + (.written | tostring)) | join(" ")')" \
		".sk/config.toml:true docs/SPEC-1/spec.md:true"
	check 0 sk-config check
	check 0 sk-auto run SPEC-1 --dry-run --json
	same "$(j '.stages | length')" 6
	# What is commented out is right, too.
	sed -i 's/^#\([a-z[]\)/\1/' .sk/config.toml
	check 0 sk-config check
	same "$(sk-config get cost.run_limit_usd)" 5.00
	# From a directory below it is the same project.
	mkdir sub && cd sub
	check 0 sk-auto init OTHER -a claude -a codex --json
	same "$(j '.files[0].written')" false
	[ -s ../docs/OTHER/spec.md ]
	[ ! -e docs ]
}

@test "options instead of questions; agents that are installed" {
	mkdir bin
	for p in qwen codex; do printf '#!/bin/sh\n' >bin/$p; done
	chmod +x bin/*
	check 0 env PATH="$PWD/bin:$PATH" sk-auto init S --ci github --json
	same "$(j '.agents | join(" ")')" "codex qwen"
	same "$(sk-config get pipeline.agents --format json 2>/dev/null | tr -d ' ')" '["codex","qwen"]'
	[ -s .github/workflows/sk.yml ]
	rm -rf .sk
	check 0 sk-auto init S -a mine --ci gitlab --format text
	has "$out" "wrote  .gitlab-ci.yml"
	has "$out" "kept   docs/S/spec.md"
	has "$out" "sk-auto run S --dry-run"
	grep -q '"mine"' .sk/config.toml
	while IFS='|' read -r code args; do
		# shellcheck disable=SC2086
		check 2 sk-auto init $args --json
		same "$(j .error.code)" "$code"
	done <<-'END'
		bad_identifier|../x
		bad_agent|S -a a"b
		bad_argument|S --ci jenkins
	END
}

@test "nothing that is there is overwritten, nor written through a link" {
	mkdir -p .sk docs/S-long .github/workflows other
	for f in .sk/config.toml docs/S-long/spec.md .github/workflows/sk.yml; do
		echo "# mine" >$f
	done
	find . -type f -exec sha256sum {} + | sort >before
	check 0 sk-auto init S --ci github --json
	same "$(j '.files | map(.written) | unique | join(",")')" false
	rm -f after
	find . -type f ! -name before -exec sha256sum {} + | sort >../after
	grep -v before before | diff - ../after
	# A folder of that name serves, however it goes on.
	same "$(j '.files[1].path')" docs/S-long/spec.md
	# A link is kept, and what it points to is not made.
	rm .sk/config.toml
	ln -s ../../elsewhere .sk/config.toml
	check 0 sk-auto init S --json
	[ ! -e ../elsewhere ]
	rm -r docs
	ln -s ../away docs
	mkdir ../away
	check 74 sk-auto init T --json
	same "$(ls -A ../away)" ""
	# Twenty at once: one has written each file.
	rm -rf docs .sk .github
	for i in $(seq 20); do
		sk-auto init S --json >out.$i &
	done
	wait
	same "$(cat out.* | jq -s 'map(.files[0].written) | map(select(.)) | length')" 1
	check 0 sk-config check
}

@test "on a terminal it asks, and Enter takes what it proposes" {
	"$SK_BUILD/tools/pty" -e "name of the specification [SPEC-1] " -k 'ABC-9\n' \
		-e "agents" -k 'claude , gemini\n' -e "CI job" -k 'github\n' \
		-e 'next' -- sk-auto init >screen
	[ -s docs/ABC-9/spec.md ]
	[ -s .github/workflows/sk.yml ]
	same "$(grep '^agents' .sk/config.toml)" 'agents = ["claude", "gemini"]'
	rm -rf .sk docs .github
	"$SK_BUILD/tools/pty" -e "name" -k '\n' -e agents -k '\n' -e CI -k '\n' \
		-- sk-auto init >screen
	[ -s docs/SPEC-1/spec.md ]
	[ ! -e .github ]
	# Who says everything is asked nothing.
	rm -rf .sk docs
	"$SK_BUILD/tools/pty" -- sk-auto init S -a x --ci none >screen
	not grep -q '\[' screen
	rm -rf .sk docs
	"$SK_BUILD/tools/pty" -- sk-auto init --no-input >screen
	not grep -q '\[' screen
}

@test "docs/ has the same jobs, and they do what they say" {
	check 0 sk-auto init SPEC-1 --ci github
	cmp .github/workflows/sk.yml "$SK_TOP/docs/ci/github.yml"
	check 0 sk-auto init SPEC-1 --ci gitlab
	cmp .gitlab-ci.yml "$SK_TOP/docs/ci/gitlab.yml"
	# Every command of ours in them is one that exists.
	grep -oh 'sk-[a-z]* [a-z]*' "$SK_TOP"/docs/ci/*.yml | sort -u |
		while read -r tool verb; do
			case $tool in sk-auto | sk-config)
				check 0 $tool $verb --help ;;
			esac
		done
	# The steps of the plan job, as printed, without credentials.
	sed -n 's/^      - run: //p' "$SK_TOP/docs/ci/github.yml" >steps.sh
	same "$(wc -l <steps.sh)" 2
	check 0 env SPEC=SPEC-1 sh -eu steps.sh
	has "$out" "::notice title=SPEC-1::"
	sed -n '/^plan:/,/^run:/s/^    - \(sk-.*\)/\1/p' "$SK_TOP/docs/ci/gitlab.yml" >steps.sh
	same "$(wc -l <steps.sh)" 2
	check 0 env SPEC=SPEC-1 sh -eu steps.sh
}
