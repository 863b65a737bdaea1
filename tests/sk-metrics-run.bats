#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# sk-run and sk-auto keep budgets: reserved before each call, booked with it.

load helper

# agents of a price, and a limit
conf() {
	cat >c.toml <<END
[cost]
$1
[agents.fake]
adapter = "exec"
command = ["cat"]
model = "claude-opus-5-5"
END
	export SK_CONFIG=$PWD/c.toml
}

@test "sk-run: a call that no budget has room for is refused before it is made" {
	conf 'run_limit_usd = 0.5'
	# each may cost 0.164: four are too many, and none of them is started
	feed p 7 sk-run -a fake:4 -r r1
	same "$(j .error.code)" budget_exceeded
	same "$(j -c '.error.details | [.scope,.id,.limit,.used]')" \
		'["run","r1",500000,0]'
	feed p 0 sk-run -a fake:3 -r r1
	has "$err" "98 % used: critical"
	same "$(sqlite3 "$SK_DB" 'SELECT count(*) FROM reservations')" 0
	same "$(sqlite3 "$SK_DB" 'SELECT count(*) FROM usage')" 3
}

@test "sk-run: a price that is not known is refused, or allowed" {
	conf 'run_limit_usd = 0.5'
	feed p 7 sk-run -x y=cat -r r1
	same "$(j .error.code)" unpriced
	feed p 0 sk-run -x y=cat -r r1 --unpriced allow
	conf 'enabled = false'
	feed p 0 sk-run -x y=cat -r r2
}

@test "sk-run: failed attempts are booked as well, each once" {
	conf 'enabled = true'
	feed p 6 sk-run -x y=false -r r1
	feed p 6 sk-run -x y=false -r r1
	check 0 sk-metrics settle --run r1
	same "$(j -c '[.calls,.failed,.settled.booked]')" '[2,2,0]'
}

@test "sk-auto: a budget halts the run with 7" {
	cp -R "$SK_TOP/docs/example" ex
	cd ex
	rm -rf docs/evidence
	printf '[cost]\nrun_limit_usd = 0.01\n' >>sk.toml
	check 7 sk-auto run DEMO --config sk.toml --json
	has "$err" "no price is known"
}
