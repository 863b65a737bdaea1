#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# sk-config models: the registry.

load helper

@test "models: canonical names with provider, model, tier, window, prices, aliases" {
	check 0 sk-config models --json
	valid
	[ "$(j '.models | length')" -ge 40 ]
	same "$(j '[.models[].name] == ([.models[].name] | sort)')" true
	same "$(j '[.models[] | select(.date == null or .source == null or
		.provider == null or .tier == null or .context_window == null or
		.price.input_micro_usd == null)] | length')" 0
	# Every provider, every tier, and names with digits.
	same "$(j -c '[.models[].provider] | unique')" '["anthropic","google","openai"]'
	same "$(j -c '[.models[].tier] | unique')" '["high","low","medium"]'
	j '.models[].name' | grep -q '[0-9]'
	# No name, no model and no alias stands for two of them.
	same "$(j -r '[.models[] | .name, .aliases[]] | group_by(.) |
		map(select(length > 1)) | length')" 0
	check 0 sk-config models --format text
	has "$out" "claude-opus-5-5"
	printf '%s\n' "$out" | grep -q '^claude-haiku-4-5  *anthropic  *medium  *200000  *1.00  *0.10  *5.00  *2026'
}

@test "models NAME: by canonical name, provider's name, alias" {
	for name in claude-opus-4-5 claude-opus-4-5-20251101 claude-opus-4.5 \
		anthropic/claude-opus-4.5; do
		check 0 sk-config models "$name" --json
		valid
		same "$(j -c '[.models[] | .name, .price.input_usd,
			.price.output_micro_usd]')" \
			'["claude-opus-4-5","5.00",25000000]'
	done
	for name in gemini gemini_flash claude claude_haiku gpt_pro gpt_codex; do
		check 0 sk-config models $name --json
		same "$(j --arg n $name '.models[0].aliases | index($n) != null')" true
	done
}

@test "models: unknown names list the known ones and suggest" {
	check 2 sk-config models claude-opus-5-55 --json
	same "$(j .error.code)" unknown_model
	has "$(j .error.message)" "unknown model 'claude-opus-5-55'; available: claude-3-5-haiku, "
	same "$(j .error.hint)" "did you mean 'claude-opus-5-5'?"
	same "$(j '.error.details.available | length')" \
		"$(sk-config models --json | jq '.models | length')"
	check 2 sk-config models zzzzzzzzzzzzzzz --json
	has "$(j .error.hint)" "sk-config models"
	check 2 sk-config models '' --json
}

@test "models: [models.NAME] adds and changes; what is not known is null" {
	cat >c.toml <<-'END'
		[models.local_7b]
		provider = "ollama"
		model = "llama3:8b"
		endpoint = "http://127.0.0.1:11434"
		aliases = ["mine7"]
		[models.gpt-5]
		cost_per_input_million = 2.5
		[models.cheap]
		model = "claude-haiku-5-5"
		tier = "low"
	END
	check 0 sk-config models mine7 --json --config c.toml
	valid
	same "$(j -c '.models[0] | [.name, .provider, .model, .tier,
		.context_window, .price.input_micro_usd, .price.input_usd,
		.date, .origin]')" \
		"[\"local_7b\",\"ollama\",\"llama3:8b\",null,null,null,null,null,\"$PWD/c.toml:1\"]"
	check 0 sk-config models gpt-5 --json --config c.toml
	same "$(j -c '.models[0].price | [.input_usd, .output_usd]')" '["2.50","10.00"]'
	same "$(j '.models[0].source')" null
	check 0 sk-config models cheap --json --config c.toml
	same "$(j -c '.models[0] | [.tier, .price.input_usd, .long_price.over]')" \
		'["low","0.10",100000]'
	# A project's file that was found cannot change what is paid where.
	mkdir .sk
	printf '[models.gpt-5]\ncost_per_input_million = 0\n' >.sk/config.toml
	check 2 sk-config models --json
	same "$(j .error.code)" untrusted_key
}

@test "models: bounds of a table" {
	while IFS='|' read -r key good bad; do
		for v in $good; do
			echo "models.m7.$key = $v" >c.toml
			check 0 sk-config models m7 --json --config c.toml
		done
		for v in $bad; do
			echo "models.m7.$key = $v" >c.toml
			check 2 sk-config models --json --config c.toml
			has "$(j .error.message)" "models.m7.$key"
		done
	done <<-'END'
		provider|"p2"|"a/b" "" 1
		tier|"low" "medium" "high"|"best" ""
		context_window|1|0 -1 1.5 "1"
		temperature|0 0.7 2|-0.1 2.1 nan
		max_tokens|1|0
		cost_per_input_million|0 0.000001 1e6|-1 1000001 inf "1"
		cost_per_output_million|0|-0.01
		cost_per_cached_input_million|0.5|-0.01
		cost_per_cache_write_million|0.5|-0.01
		retry.max_retries|0 100|-1 101
		retry.base_delay_ms|0|-1
		retry.max_delay_ms|0|-1
		aliases|["a1"] []|["a/b"] ["a","a"] "a"
	END
	printf '[models."../m"]\ntier = "low"\n' >c.toml
	check 2 sk-config models --json --config c.toml
	has "$(j .error.message)" "expected a name of letters, digits"
}
