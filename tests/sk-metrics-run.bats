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
	has "$err" "98 % used or reserved: critical"
	same "$(sqlite3 "$SK_DB" 'SELECT count(*) FROM reservations')" 0
	same "$(sqlite3 "$SK_DB" 'SELECT count(*) FROM usage')" 3
	# nobody said what it used: what was held is charged, not given back
	feed p 7 sk-run -a fake -r r1 --round 2
	same "$(j -c '.error.details | [.limit,.used,.reserved]')" \
		'[500000,491532,0]'
	check 0 sk-metrics show --run r1
	same "$(j -c '.cost | [.micro_usd,.unpriced_calls,.estimated_calls]')" \
		'[491532,0,3]'
}

# spent: what counts for run r1's budget, and how much is held
spent() {
	sqlite3 "$SK_DB" "SELECT ifnull((SELECT cost FROM spend
		WHERE scope='run'),0),ifnull((SELECT sum(cost)
		FROM reservations),0)"
}

@test "an agent that is killed or broken off is charged what was held" {
	conf 'run_limit_usd = 5'
	n=1
	for command in 'kill -9 $$' 'exit 3' 'sleep 60'; do
		printf '#!/bin/sh\n%s\n' "$command" >a.sh
		chmod +x a.sh
		sed -i 's|^command.*|command = ["./a.sh"]|' c.toml
		feed p "$([ $n -eq 3 ] && echo 9 || echo 6)" sk-run -a fake \
			-r r1 --round $n --timeout 700ms
		same "$command: $(spent)" "$command: $((n * 163844))|0"
		n=$((n + 1))
	done
	check 0 sk-metrics show --run r1
	same "$(j -c '[.calls,.failed,.cost.estimated_calls]')" '[3,3,3]'
	# who was not let in costs nothing, and neither does what never ran
	mkdir -p "$XDG_CONFIG_HOME/sk/adapters"
	printf 'family = "acme"\nargv = ["./acme"]\n[output]\nformat = "text"\n' \
		>"$XDG_CONFIG_HOME/sk/adapters/acme.toml"
	printf '#!/bin/sh\necho "HTTP 429 too many requests" >&2\nexit 1\n' >acme
	chmod +x acme
	feed p 75 sk-run -a acme --model claude-opus-5-5 -r r1 --round 4 \
		--attempts 1
	sed -i 's|^command.*|command = ["./not-there"]|' c.toml
	feed p 6 sk-run -a fake -r r1 --round 5
	same "$(spent)" "$((3 * 163844))|0"
}

@test "kill -9 of sk-run: calls that were begun are charged, others are not" {
	conf 'run_limit_usd = 0.5'
	for how in settle reserve; do
		rm -rf "$SK_DB"*
		mkfifo up
		printf '#!/bin/sh\necho $$ >up\nexec sleep 60\n' >a.sh
		chmod +x a.sh
		sed -i 's|^command.*|command = ["./a.sh"]|' c.toml
		printf p | timeout -s KILL 20 sk-run -a fake:3 -j 1 -r r1 \
			>/dev/null 2>&1 3>&- &
		read -r pid <up
		same "$(spent)" "0|491532"
		# the worker, who holds them; its guardian takes the rest along
		kill -9 "$(sqlite3 "$SK_DB" 'SELECT DISTINCT pid
			FROM reservations')"
		wait $! || true
		not kill -0 "$pid"
		case $how in
		settle)
			check 0 sk-metrics settle --run r1
			same "$(j -c '.settled | [.booked,.lost_attempts,
				.released,.open_attempts]')" '[1,1,2,0]' ;;
		reserve)
			check 0 sk-metrics reserve --run r1 --amount 0.33 \
				--holder $$ --key k
			check 0 sk-metrics release k ;;
		esac
		same "$how $(spent)" "$how 163844|0"
		check 0 sk-metrics settle --run r1
		same "$(j -c '[.calls,.failed,.cost.estimated_calls]')" \
			'[1,1,1]'
		rm up
	done
	# what it says after all takes the estimate's place, everywhere
	jq -nc '{schema:"sk.answer/1",run:"r1",agent:"fake.1",attempt:1,round:1,
		status:"ok",content:"late",model:"claude-opus-5-5",
		usage:{input_tokens:1000,output_tokens:100}}' >late
	feed_file late 0 sk-consensus intake
	check 0 sk-metrics settle --run r1
	same "$(j -c '[.calls,.cost.estimated_calls]')" '[1,0]'
	same "$(spent)" "$(j .cost.micro_usd)|0"
	same "$(sqlite3 "$SK_DB" 'SELECT sum(calls),sum(fresh),sum(output),
		sum(cost),sum(estimated) FROM usage_days')" \
		"1|1000|100|$(j .cost.micro_usd)|0"
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
