#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The shipped policies ask for what the stage prompts promise.

load helper

@test "each path of a policy is in the form that its prompt shows" {
	for f in "$SK_TOP"/lib/data/policies/*.toml; do
		stage=$(basename "$f" .toml)
		form=$(sed -n '/^{/p' "$SK_TOP/lib/data/prompts/$stage.md" |
			tail -n 1)
		printf '%s' "$form" | jq -e '.stage == "'"$stage"'"' >/dev/null
		grep -v '^#' "$f" | grep -o '"/[a-z_/]*"' | tr -d '"' >paths
		[ -s paths ]
		while read -r p; do
			printf '%s' "$form" | jq -e --arg p "${p#/}" \
				'getpath($p | split("/")) != null' >/dev/null || {
				echo "$stage: the prompt has no $p"
				false
			}
		done <paths
		# What records are aligned by is in every one of them.
		sed -n '/^\[keys\]/,$p' "$f" | sed -n \
			's|^"/\([a-z_]*\)" = "\([a-z_]*\)"|\1 \2|p' |
			while read -r list key; do
				printf '%s' "$form" | jq -e --arg l "$list" \
					--arg k "$key" '.[$l] | all(has($k))' \
					>/dev/null || exit 1
			done
		# And the policy can be used.
		printf '{"schema":"sk.answer/1","agent":"x","content":%s}\n' \
			"$(printf '%s' "$form" | jq -R .)" >in
		feed_file in 0 sk-consensus --policy "$stage" --expect x --min 1
		same "$(j '.status, .policy.name' | xargs)" "ok $stage"
	done
}
