#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# sk-login against a certified OpenID provider, installed from npm, with a
# scripted user; and the fake ChatGPT server against the real codex program, so
# that the server is right before our client is.

load ../helper

# start_oidc NAME SED: the provider with its settings changed; prints its pid.
start_oidc() {
	local dir=$BATS_FILE_TMPDIR/oidc
	sed "$2" "$SK_SHARED/tools/oidc/oidc.mjs" >"$dir/$1.mjs"
	(cd "$dir" && exec node "$1.mjs" "$3") >"$dir/$1.log" 2>&1 3>&- &
	echo $! >>"$BATS_FILE_TMPDIR/pids"
	wait_for curl -s -o /dev/null "http://127.0.0.1:$3/jwks" ||
		{ cat "$dir/$1.log"; return 1; }
}

setup_file() {
	local dir=$BATS_FILE_TMPDIR/oidc fake=$SK_BUILD/tools/fake_provider
	[ -e "$SK_SHARED/tools/oidc/oidc.mjs" ] ||
		skip "no ${SK_SHARED#"$PWD/"}/tools/oidc"
	command -v node npm >/dev/null || skip "node and npm are not installed"
	mkdir -p "$dir"
	: >"$BATS_FILE_TMPDIR/pids"
	(cd "$dir" && timeout 300 npm install --no-audit --no-fund --silent \
		oidc-provider) >"$dir/npm.log" 2>&1 ||
		skip "npm install oidc-provider: $(tail -n 1 "$dir/npm.log")"
	port=$((20000 + $$ % 20000))
	export OIDC=http://127.0.0.1:$port SHORT=http://127.0.0.1:$((port + 1))
	start_oidc long '' "$port"
	start_oidc short 's/DeviceCode: 600/DeviceCode: 12/; s/AccessToken: 3600/AccessToken: 5/' \
		$((port + 1))
	"$fake" "$BATS_FILE_TMPDIR/port" "$BATS_FILE_TMPDIR/server.log" 900 \
		>/dev/null 2>&1 3>&- &
	echo $! >>"$BATS_FILE_TMPDIR/pids"
	wait_for [ -s "$BATS_FILE_TMPDIR/port" ]
	FAKE=http://127.0.0.1:$(cat "$BATS_FILE_TMPDIR/port")/s
	export FAKE
}

teardown_file() {
	local pid
	while read -r pid; do
		kill "$pid" 2>/dev/null || :
	done <"$BATS_FILE_TMPDIR/pids"
}

# user BASE CODE yes|no: the user at the browser
user() {
	local jar=$BATS_TEST_TMPDIR/jar page xsrf loc i body
	c() { curl -s -b "$jar" -c "$jar" "$@"; }
	rm -f "$jar"
	page=$(c "$1/device?user_code=$2")
	xsrf=$(printf %s "$page" | grep -o 'name="xsrf" value="[^"]*' | cut -d'"' -f4)
	page=$(c -X POST "$1/device" -d "xsrf=$xsrf&user_code=$2")
	body="xsrf=$xsrf&user_code=$2&confirm=yes"
	if [ "$3" = no ]; then body="xsrf=$xsrf&user_code=$2&abort=yes"; fi
	loc=$(c -o /dev/null -w '%{redirect_url}' -X POST "$1/device" -d "$body")
	for i in 1 2 3 4 5 6; do
		case $loc in
		*interaction*)
			body='prompt=consent'
			if c "$loc" | grep -q 'name="login"'; then
				body='prompt=login&login=alice&password=x'
			fi
			loc=$(c -o /dev/null -w '%{redirect_url}' -X POST "$loc" -d "$body")
			;;
		'') break ;;
		*) loc=$(c -o /dev/null -w '%{redirect_url}' "$loc") ;;
		esac
	done
}

# begin BASE: the first half; sets h and code
begin() {
	check 0 sk-login login start oidc --issuer "$1" --client-id cli --json
	h=$(j .handle)
	code=$(j .user_code)
}

@test "oidc-provider: device login, whoami, token, userinfo" {
	begin "$OIDC"
	user "$OIDC" "$code" yes
	check 0 sk-login login wait "$h" --json
	same "$(j '.event, .id_token_refused')" "login
null"
	check 0 sk-login status oidc --json
	same "$(j '.providers[0] | .state, .refreshable')" "valid
true"
	same "$(curl -s -H "Authorization: Bearer $(sk-login token oidc)" \
		"$OIDC/me" | jq -r .sub)" alice
	check 0 sk-login status oidc --online --json
	same "$(j '.providers[0].online')" accepted
}

@test "oidc-provider: refresh rotates, a crowd makes one request, logout revokes" {
	begin "$SHORT"
	user "$SHORT" "$code" yes
	check 0 sk-login login wait "$h" --json
	one=$(sk-login token oidc)
	sleep 5.2
	for i in $(seq 64); do
		sk-login token oidc >"t.$i" 2>"e.$i" 3>&- &
	done
	wait
	same "$(cat t.* | sort -u | wc -l) $(cat t.* | wc -l) $(cat e.*)" '1 64 '
	[ "$(cat t.1)" != "$one" ]
	same "$(sk-login status oidc --json | jq '.providers[0].generation')" 2
	for i in 1 2 3; do check 0 sk-login refresh oidc; done
	tok=$(sk-login token oidc)
	same "$(curl -s -o /dev/null -w '%{http_code}' \
		-H "Authorization: Bearer $tok" "$SHORT/me")" 200
	check 0 sk-login logout oidc --revoke --json
	same "$(j .result)" 'logged out, revoked'
	same "$(curl -s -o /dev/null -w '%{http_code}' \
		-H "Authorization: Bearer $tok" "$SHORT/me")" 401
}

@test "oidc-provider: a refresh token that was taken back ends the login, the file stays" {
	begin "$OIDC"
	user "$OIDC" "$code" yes
	check 0 sk-login login wait "$h" --json
	cp -rp "$XDG_STATE_HOME" copy
	check 0 sk-login logout oidc --revoke
	rm -r "$XDG_STATE_HOME"
	mv copy "$XDG_STATE_HOME"
	check 4 sk-login refresh oidc --json
	same "$(j .error.code)" refresh_refused
	[ -s "$XDG_STATE_HOME/sk/tokens/oidc.token" ]
}

@test "oidc-provider: the user says no; the code expires" {
	begin "$OIDC"
	user "$OIDC" "$code" no
	check 4 sk-login login wait "$h" --json
	same "$(j .error.code)" access_denied
	begin "$SHORT"
	check 9 timeout 30 sk-login login wait "$h" --json
	same "$(j .error.code)" code_expired
}

@test "codex: the real program logs in at the fake ChatGPT server" {
	mkdir codex
	(cd codex && timeout 300 npm install --no-audit --no-fund --silent \
		@openai/codex) >npm.log 2>&1 ||
		skip "npm install @openai/codex: $(tail -n 1 npm.log)"
	export CODEX_HOME=$PWD/home
	mkdir "$CODEX_HOME"
	base="$FAKE/p403+p404+ok;openai;iv=%221%22"
	check 0 timeout 60 codex/node_modules/.bin/codex login --device-auth \
		--experimental_issuer "$base"
	check 0 codex/node_modules/.bin/codex login status
	has "$out$err" 'Logged in'
	same "$(jq -r .tokens.access_token "$CODEX_HOME/auth.json")" \
		"$(jq -r '.tokens.refresh_token' "$CODEX_HOME/auth.json" | sed s/-rt-/-at-/)"
	sed -n 's/.*\(deviceauth[^ ]*\|oauth[^ ]*\)  */\1 /p' \
		"$BATS_FILE_TMPDIR/server.log" >codex.log
	# What it left is read, and not written.
	sum=$(sha256sum <"$CODEX_HOME/auth.json")
	check 0 sk-login token openai --from codex
	same "$out" "$(jq -r .tokens.access_token "$CODEX_HOME/auth.json")"
	same "$(sha256sum <"$CODEX_HOME/auth.json")" "$sum"
	# Ours asks the same server the same things.
	: >"$BATS_FILE_TMPDIR/server.log"
	export SK_LOGIN_URL_OPENAI_ISSUER="$FAKE/p403+p404+ok;openai;iv=%221%22;two"
	check 0 timeout 60 sk-login login openai --json
	sed -n 's/.*\(deviceauth[^ ]*\|oauth[^ ]*\)  */\1 /p' \
		"$BATS_FILE_TMPDIR/server.log" >ours.log
	# (Codes and places apart: names of fields, and their encoding.)
	shape() {
		sed 's/"[^"]*":"[^"]*"/&/g; s/=[^&]*/=/g; s/:"[^"]*"/:/g' "$1" |
			tr '&{,} ' '\n' | sort -u
	}
	[ -s codex.log ]
	shape codex.log >a
	shape ours.log >b
	[ "$(wc -l <a)" -gt 8 ]
	diff a b
}
