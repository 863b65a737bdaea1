#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# sk-login: providers, flows, verbs, against a fake provider on loopback.

load helper
load login_helper

@test "providers: all are listed with what they need, and each is whole" {
	check 0 sk-login providers --json
	valid
	for p in openai github google gemini google-adc qwen anthropic oidc \
		openai-api anthropic-api gemini-api; do
		j -e --arg p "$p" '.providers[] | select(.provider == $p).name'
	done
	same "$(j '[.providers[] | select(.login == "code" or
		.login == "browser") | select(.needs == null)] |
		map(.provider) | join(" ")')" qwen
	for p in $(j '.providers[].provider'); do
		check 0 sk-login providers "$p" --json
		valid
	done
	check 0 env SK_GITHUB_CLIENT_ID=x sk-login providers --json
	same "$(j '.providers[] | select(.provider == "github").ready')" true
	check 2 sk-login providers githb
	has "$err" "did you mean 'github'?"
	check 2 sk-login providers defaults
	check 2 sk-login providers ../openai
}

@test "providers: the user's file goes over the shipped one, and is checked" {
	f=$XDG_CONFIG_HOME/sk/providers
	printf 'client_id = "mine"\n[timing]\nblips = 2\n' >"$f/github.toml"
	check 0 sk-login providers github --json
	same "$(j '.settings.client_id, .settings.timing.blips,
		.settings.endpoints.device')" "mine
2
{issuer}/login/device/code"
	while IFS='|' read -r text want; do
		printf '%b\n' "$text" >"$f/x.toml"
		check 2 sk-login providers x --json
		same "$(code_of)" bad_provider
		has "$err" "$want"
	done <<-'END'
		clint_id = "x"|did you mean 'client_id'?
		[timing]\nintervall = 1|did you mean 'timing.interval'?
		[timing]\ninterval = "5"|wrong type
		[endpoints]\ntoken = 1|wrong type
		scope = ["a"]|wrong type
		[poll]\npending = "x"|wrong type
	END
	printf 'client_secret = "s3"\n' >"$f/y.toml"
	check 0 sk-login providers y --json
	not grep -q s3 "$BATS_TEST_TMPDIR/.out"
	# A project's files have no say.
	mkdir -p .sk/providers
	printf 'client_id = "evil"\n' >.sk/providers/qwen.toml
	check 0 sk-login providers qwen --json
	[ "$(j .settings.client_id)" != evil ]
}

@test "device flow: every way in which a server answers" {
	n=0
	while read -r steps status code; do
		n=$((n + 1))
		provider "p$n" "$steps"
		check "$status" timeout 20 sk-login login "p$n" --json
		valid
		if [ "$status" = 0 ]; then
			same "$(j 'select(.event == "login").account')" \
				alice@example.test
			check 0 sk-login token "p$n"
		else
			same "$steps $(code_of)" "$steps $code"
			one=$(j -s 'map(select(.event == "login")) | length')
			same "$one" 0
			check 4 sk-login token "p$n"
		fi
	done <<-'END'
		ok;iv=none 0
		pending+pending+ok;iv=none 0
		pending+e500+reset+fin+e503+ok;iv=none 0
		reset+reset+reset+reset+reset+reset+ok;iv=none 0
		reset;iv=none 75 reset
		e500;iv=none 75 http_500
		denied;iv=none 4 access_denied
		d403;iv=none 4 access_denied
		expired;iv=none 9 code_expired
		html;iv=none 6 challenge
		plainhtml;iv=none 6 html_reply
		strange;iv=none 6 login_refused
		badjson;iv=none 6 json_cut
		dupkeys;iv=none 6 json_twice
		empty;iv=none 6 no_token
		redirect;iv=none 6 redirect_host
		ok;iv=none;start=html 6 challenge
		ok;iv=none;start=e404 6 device_disabled
		ok;iv=none;start=disabled 6 device_disabled
		ok;iv=none;start=quota 75 rate_limited
		ok;iv=none;start=e503 75 http_503
		ok;iv=none;start=ratelimit 75 rate_limited
		ok;iv=none;start=reset 75 reset
		ok;iv=none;start=badjson 6 json_cut
		ok;iv=none;start=empty 6 no_code
		ok;iv=none;google 0
		ok;iv=%220%22 0
		ok;iv=-3 0
		ok;iv=none;ei=none 0
		ok;iv=none;ei=-1 0
		ok;iv=none;ei=99999999999999999999 0
		pending;iv=none;ei=1 9 code_expired
	END
	# The server was asked and no secret went to another place.
	not grep -q steal "$BATS_FILE_TMPDIR/server.log"
}

@test "device flow: waits first, and slow_down counts for good" {
	local s='pending+slow+pending+ok;iv=1'
	provider p "$s"
	sed -i 's/^interval_min.*/interval_min = 1\nslow_step = 1/' \
		"$XDG_CONFIG_HOME/sk/providers/p.toml"
	a=$(date +%s%N)
	check 0 sk-login login p --json
	ms=$((($(date +%s%N) - a) / 1000000))
	# 1 + 1 + 2 + 2 seconds
	[ "$ms" -ge 5900 ] || { echo "$ms ms"; return 1; }
	same "$(stat_of "$s" .polls)" 4
	# Without end it is a clock that runs wrong, and says so.
	provider q 'slow;iv=none'
	printf 'slow_step = 0\nslow_limit = 2\n' \
		>>"$XDG_CONFIG_HOME/sk/providers/q.toml"
	check 6 sk-login login q --json
	same "$(code_of)" slow_down
	has "$err" clock
	same "$(stat_of 'slow;iv=none' .polls)" 3
}

@test "device flow: in two steps, by another process, and cancelled" {
	provider p 'pending+ok;iv=none'
	check 0 sk-login login start p --json
	valid
	h=$(j .handle)
	same "$(j '.event, .user_code')" "code
WDJB-MJHT"
	has "$err" 'Continue only if you started'
	[ -s "$tokens/$h.login" ]
	not grep -rq skCANARY "$XDG_STATE_HOME"
	check 0 sk-login login wait "$h" --json
	same "$(j .event)" login
	[ ! -e "$tokens/$h.login" ]
	check 2 sk-login login wait "$h" --json
	same "$(code_of)" no_such_handle
	provider q 'pending;iv=none'
	h=$(sk-login login start q --format text 2>/dev/null)
	check 9 sk-login login wait "$h" --timeout 200ms --json
	[ -s "$tokens/$h.login" ]
	check 0 sk-login login cancel "$h" --json
	valid
	check 2 sk-login login cancel "$h"
	check 2 sk-login login wait ../x
	check 2 sk-login login wait
	check 2 sk-login login p q
}

@test "device flow: hostile addresses and codes are refused, and nothing stays" {
	n=0
	while read -r what code; do
		n=$((n + 1))
		what=$(printf %s "$what" | sed 's,/,%2f,g; s,`,%60,g')
		provider "p$n" "ok;iv=none;$what"
		check 6 sk-login login "p$n" --json
		same "$what $(code_of)" "$what $code"
		case $(printf '%s' "$err" | tr -d '\n') in
		*[![:print:]]*) echo "raw bytes: $err"; return 1 ;;
		esac
		same "$(find "$tokens" -name '*.login' -o -name 'p*.token')" ''
	done <<-'END'
		uri=http://example.com/activate url_insecure
		uri=https://127.0.0.1.example.com/ url_foreign
		uri=https://evil.test/ url_foreign
		uri=https://127.0.0.1@evil.test/ url_user
		uri=javascript:alert(1) url_scheme
		uri=file:///etc/passwd url_scheme
		uri=https://xn--80ak6aa92e.com/ url_disguised
		uri=https://127.0.0.1/%5cu001b[2J url_bytes
		uri=https://127.0.0.1/$(id)`id` url_bytes
		code=A%5cu001b[31mB code_bytes
		code=A%5cu202eB code_bytes
		code=%5cnInjected code_bytes
		code=ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJKLMN code_too_long
	END
	# What a server says in an error is made visible.
	provider e 'esc;iv=none'
	check 6 sk-login login e --json
	has "$err" 'owned'
	case $(printf '%s' "$err" | tr -d '\n') in
	*[![:print:]]*) echo "raw bytes: $err"; return 1 ;;
	esac
}

@test "discovery: OpenID and RFC 8414, and an issuer that lies" {
	s="ok;iv=none"
	printf '[timing]\ninterval = 0\ninterval_min = 0\n' \
		>"$XDG_CONFIG_HOME/sk/providers/oidc.toml"
	check 0 sk-login login oidc --issuer "$FAKE/$s" --client-id cli --json
	check 0 sk-login token oidc
	# The endpoints came along: nobody asks again.
	check 0 sk-login refresh oidc
	same "$(stat_of "$s" .discoveries)" 1
	check 0 sk-login login oidc --issuer "$FAKE/$s" --client-id cli \
		--discovery rfc8414 --account second --json
	grep -qF "GET /.well-known/oauth-authorization-server/s/$s" \
		"$BATS_FILE_TMPDIR/server.log"
	check 6 sk-login login oidc --issuer "$FAKE/$s;liar" --client-id cli --json
	same "$(code_of)" issuer_mismatch
	check 2 sk-login login oidc --client-id cli --json
	same "$(code_of)" no_issuer
	check 2 sk-login login oidc --issuer http://example.com --client-id x --json
	same "$(code_of)" insecure_url
	check 2 sk-login login oidc --issuer "$FAKE/$s" --json
	same "$(code_of)" no_client_id
}

@test "each vendor's own form: ChatGPT, GitHub, Google, Qwen" {
	log=$BATS_FILE_TMPDIR/server.log
	export SK_LOGIN_URL_OPENAI_ISSUER="$FAKE/p403+p404+ok;openai;iv=%220%22"
	f=$XDG_CONFIG_HOME/sk/providers
	t='[timing]
interval = 0
interval_min = 0'
	for p in openai github google qwen; do printf '%s\n' "$t" >"$f/$p.toml"; done
	check 0 sk-login login openai --json
	same "$(j 'select(.event == "login") | .plan')" plus
	has "$(j 'select(.event == "code") | .verification_uri')" /codex/device
	grep -qF '{"client_id":"app_EMoamEEZ73f0CkXaXp7hrann"}' "$log"
	grep -q 'grant_type=authorization_code.*code_verifier=skCANARY-cv-1' "$log"
	check 0 sk-login refresh openai
	grep -q '{"grant_type":"refresh_token",.*"client_id":"app_' "$log"
	check 0 sk-login logout openai --revoke
	grep -q 'oauth/revoke  {"token":"skCANARY-rt-.*"token_type_hint":"refresh_token"' "$log"
	export SK_LOGIN_URL_OPENAI_ISSUER="$FAKE/ok;openai;start=e404;iv=%220%22"
	check 6 sk-login login openai --json
	same "$(code_of)" device_disabled
	has "$err" Settings
	# GitHub: errors with status 200, a form as the answer.
	export SK_GITHUB_CLIENT_ID=gh SK_LOGIN_URL_GITHUB_ISSUER="$FAKE/p200+ok;form;iv=none"
	check 0 sk-login login github --json
	check 0 sk-login token github
	same "$out" skCANARY-at-form
	check 0 sk-login logout github --revoke
	has "$err" github.com/settings
	# Google: 428, verification_url, a secret that is posted, scopes refused.
	export SK_GOOGLE_CLIENT_ID=g SK_GOOGLE_CLIENT_SECRET=gs
	for e in device token revoke; do
		export "SK_LOGIN_URL_GOOGLE_$(echo $e | tr a-z A-Z)=$FAKE/p428+ok;google;iv=none;norotate/$e"
	done
	check 0 sk-login login google --json
	grep -q 'p428.*client_id=g&client_secret=gs.*device_code' "$log"
	check 0 sk-login refresh google
	check 0 sk-login refresh google
	check 2 sk-login login google --scope \
		https://www.googleapis.com/auth/generative-language --json
	same "$(code_of)" scope_refused
	has "$err" gemini
	# Qwen: PKCE in the device flow, slow_down with 429, resource_url kept.
	export SK_LOGIN_URL_QWEN_ISSUER="$FAKE/s429+pending+ok;iv=none"
	printf 'slow_step = 0\n' >>"$f/qwen.toml"
	check 0 sk-login login qwen --json
	grep -q 'device/code  client_id=f0.*code_challenge=.*&code_challenge_method=S256' "$log"
	grep -q 'device_code=.*&code_verifier=' "$log"
	check 0 sk-login token qwen --for https://api.example.test/v1
	check 2 sk-login token qwen --for https://api.example.test.evil.test/
	check 2 sk-login token qwen --for http://127.0.0.1:1/
}

@test "workspaces: another one leaves nothing, the old login stays" {
	export SK_LOGIN_URL_OPENAI_ISSUER="$FAKE/ok;openai;ws=ws-7;iv=%220%22"
	printf '[timing]\ninterval=0\ninterval_min=0\n' \
		>"$XDG_CONFIG_HOME/sk/providers/openai.toml"
	check 4 sk-login login openai --workspace ws-1 --json
	same "$(code_of)" workspace_refused
	[ ! -e "$tokens/openai.token" ]
	check 0 sk-login login openai --workspace ws-1 --workspace ws-7 --json
	old=$(sk-login token openai)
	check 4 sk-login login openai --workspace ws-1 --json
	same "$(sk-login token openai)" "$old"
	# A rule of the user's file counts for what is stored, too.
	printf 'require_workspace = ["ws-9"]\n' | cat - \
		"$XDG_CONFIG_HOME/sk/providers/openai.toml" >t
	cp t "$XDG_CONFIG_HOME/sk/providers/openai.toml"
	check 4 sk-login token openai
	has "$err" ws-7
	provider p 'ok;iv=none'
	check 4 sk-login login p --workspace ws-1 --json
	same "$(code_of)" workspace_unknown
}

@test "id_token: what is shown is checked first, and never needed" {
	while read -r what why; do
		log_in p "ok;iv=none;$what"
		has "$(j 'select(.event == "login") | .id_token_refused')" "$why"
		same "$(j 'select(.event == "login") | .email')" null
		check 0 sk-login token p
	done <<-'END'
		aud=other another client
		alg=none not signed
	END
}

@test "accounts: a second is added, switched to and logged out alone" {
	log_in p 'ok;iv=none;email=a@x.test'
	log_in p 'ok;iv=none;email=b@x.test'
	same "$(sk-login whoami p --format text)" b@x.test
	check 0 sk-login switch p a@x.test --json
	valid
	same "$(sk-login whoami p --json | jq -r .account)" a@x.test
	check 2 sk-login switch p c@x.test
	has "$err" "there is"
	check 0 sk-login logout p --account a@x.test
	same "$(sk-login whoami p --format text)" b@x.test
	check 0 sk-login logout p
	check 4 sk-login whoami p
	same "$(ls "$tokens"/p.token 2>/dev/null)" ''
	check 0 sk-login logout p --json
	same "$(j .result)" 'not logged in'
}

@test "token: to a pipe or a descriptor, for an origin, never to a terminal" {
	check 4 sk-login token openai-api
	same "$out" ''
	has "$err" 'sk-login login openai-api'
	feed sk-abc 0 sk-login login openai-api --json
	valid
	check 0 sk-login token openai-api
	same "$out" sk-abc
	check 0 sh -c 'sk-login token openai-api --fd 5 5>out'
	same "$out$(cat out)" sk-abc
	check 74 sh -c 'sk-login token openai-api --fd 9 9</dev/null' ||
		check 2 sh -c 'sk-login token openai-api --fd 9 9</dev/null'
	check 0 sk-login token openai-api --for https://api.openai.com/v1/x
	for u in http://api.openai.com https://api.openai.com:444 \
		https://api.openai.com.evil.test https://evil.test \
		https://openai.com https://a@api.openai.com; do
		check 2 sk-login token openai-api --for "$u"
		same "$out" ''
	done
	if command -v script >/dev/null; then
		check 2 script -qec 'sk-login token openai-api' /dev/null
		not grep -q sk-abc "$BATS_TEST_TMPDIR/.out"
		check 0 script -qec 'sk-login token openai-api --print' /dev/null
		grep -q sk-abc "$BATS_TEST_TMPDIR/.out"
	fi
	check 0 sk-login exec openai-api -- sh -c 'echo "[$OPENAI_API_KEY]"'
	same "$out" '[sk-abc]'
	check 0 sk-login exec --env FOO openai-api -- sh -c 'echo "[$FOO]"'
	same "$out" '[sk-abc]'
	check 2 sk-login exec openai-api -- no-such-program-here
	check 0 env OPENAI_API_KEY=from-env sk-login token openai-api
	same "$out" from-env
	check 0 env OPENAI_API_KEY=from-env sk-login status openai-api --json
	same "$(j '.providers[0].state')" environment
	for bad in '' 'two words' "$(printf 'a\033b')"; do
		feed "$bad" 2 sk-login login openai-api --json
		same "$(code_of)" bad_token
	done
	check 0 sk-login token openai-api
	same "$out" sk-abc
}

@test "status: validity, not presence; 4 when a login is needed" {
	check 4 sk-login status --json
	valid
	check 4 sk-login status --format text
	same "$out" ''
	has "$err" 'sk-login providers'
	log_in p 'ok;iv=none;exp=1'
	check 0 sk-login status p --json
	valid
	has "$(j .store)" "$tokens"
	sleep 1.1
	check 0 sk-login status p --json
	same "$(j '.providers[0] | .state, .usable')" "expired
true"
	check 0 sk-login status --format text
	has "$out" 'expired, refreshable'
	log_in q 'ok;iv=none;exp=1;refresh=invalid_grant'
	sleep 1.1
	check 4 sk-login token q
	check 4 sk-login status q --json
	same "$(j '.providers[0] | .state, .dead, .usable')" "dead
refused
false"
}

@test "status --online: the server's own word" {
	log_in p 'ok;iv=none;on'
	check 0 sk-login status p --online --json
	valid
	same "$(j '.providers[0].online')" accepted
	check 0 sk-login status p --json
	same "$(j '.providers[0].online')" null
	curl -gs -X POST "$FAKE/ok;iv=none;on/revoke" -d token=x
	check 4 sk-login status p --online --json
	same "$(j '.providers[0] | .online, .usable')" "refused
false"
	check 4 sk-login whoami p --online --json
	valid
	# Not sent to a stranger, and no word is no refusal.
	sed -i 's,^userinfo.*,userinfo = "http://localhost:1/me",' \
		"$XDG_CONFIG_HOME/sk/providers/p.toml"
	check 0 sk-login status p --online --json
	same "$(j '.providers[0].online')" unknown
}

@test "other programs' logins are read when asked for, and not written" {
	mkdir -p "$HOME/.codex" "$HOME/.config/gh" "$HOME/.gemini" "$HOME/.claude"
	echo '{"tokens":{"access_token":"tok-codex"}}' >"$HOME/.codex/auth.json"
	printf 'github.com:\n    user: me\n    oauth_token: tok-gh\nevil.test:\n    oauth_token: no\n' \
		>"$HOME/.config/gh/hosts.yml"
	echo '{"access_token":"tok-gem","expiry_date":4000000000000}' \
		>"$HOME/.gemini/oauth_creds.json"
	echo '{"claudeAiOauth":{"accessToken":"tok-claude","expiresAt":1}}' \
		>"$HOME/.claude/.credentials.json"
	sum=$(cat "$HOME"/.codex/* "$HOME"/.config/gh/* "$HOME"/.gemini/* | sha256sum)
	for row in openai:codex:tok-codex github:gh:tok-gh gemini:gemini:tok-gem; do
		IFS=: read -r p app want <<<"$row"
		check 0 sk-login token "$p" --from "$app"
		same "$out" "$want"
	done
	same "$(cat "$HOME"/.codex/* "$HOME"/.config/gh/* "$HOME"/.gemini/* | sha256sum)" "$sum"
	check 4 sk-login token anthropic --from claude
	has "$err" expired
	check 2 sk-login token openai --from gh
	check 4 sk-login token qwen --from qwen
	echo '{' >"$HOME/.codex/auth.json"
	check 65 sk-login token openai --from codex
	same "$(find "$HOME" -name '*.token')" ''
}

@test "Application Default Credentials: authorized_user, others by name" {
	adc=$HOME/.config/gcloud/application_default_credentials.json
	mkdir -p "${adc%/*}"
	check 4 sk-login token google-adc
	for t in service_account external_account impersonated_service_account; do
		echo "{\"type\":\"$t\"}" >"$adc"
		check 2 sk-login token google-adc
		has "$err" "$t"
	done
	export SK_LOGIN_URL_GOOGLE_ADC_TOKEN="$FAKE/ok;norotate/token"
	echo '{"type":"authorized_user","client_id":"c","client_secret":"s","refresh_token":"skCANARY-adc"}' >"$adc"
	check 0 sk-login token google-adc
	check 0 sk-login token google-adc
	same "$(stat_of 'ok;norotate' .refreshes)" 1
	check 0 sk-login status google-adc --json
	same "$(j '.providers[0].kind')" adc
}

@test "git's credential protocol: exact hosts, exact lines" {
	export SK_GITHUB_CLIENT_ID=x
	feed tok-gh 0 sk-login login github --method token --account me
	feed $'protocol=https\nhost=github.com\n\n' 0 sk-login get
	same "$out" 'protocol=https
host=github.com
username=x-access-token
password=tok-gh'
	if command -v git >/dev/null; then
		feed $'protocol=https\nhost=github.com\n\n' 0 git \
			-c credential.helper='!sk-login' credential fill
		has "$out" password=tok-gh
	fi
	for q in $'protocol=https\nhost=\n' $'protocol=https\n' \
		$'protocol=http\nhost=github.com\n' \
		$'protocol=https\nhost=github.com.evil.test\n' \
		$'protocol=https\nhost=evil.github.com\n' ''; do
		feed "$q" 0 sk-login get
		same "$out" ''
	done
	for q in $'protocol=https\rhost=github.com\n' 'nonsense' \
		$'host=github.com\nhost=evil.test\n'; do
		feed "$q" 65 sk-login get
		same "$out" ''
	done
	feed $'protocol=https\nhost=github.com\nusername=u\npassword=other\n' 0 sk-login store
	same "$(sk-login token github)" tok-gh
	feed $'protocol=https\nhost=github.com\npassword=other\n' 0 sk-login erase
	same "$(sk-login token github)" tok-gh
	check 0 sk-login logout github
	feed $'protocol=https\nhost=github.com\nusername=u\npassword=given\n' 0 sk-login store
	same "$(sk-login token github)" given
	feed $'protocol=https\nhost=github.com\npassword=given\n' 0 sk-login erase
	check 4 sk-login token github
}

@test "code flow: pasted code and loopback, state compared" {
	s='ok;iv=none;norotate'
	export SK_GEMINI_CLIENT_ID=g SK_GEMINI_CLIENT_SECRET=gs
	export SK_LOGIN_URL_GEMINI_TOKEN="$FAKE/$s/token" SK_LOGIN_URL_GEMINI_AUTHORIZE="$FAKE/$s/authorize"
	feed skCANARY-ac-1 0 sk-login login gemini --method paste --json
	valid
	has "$err" 'code_challenge_method=S256'
	check 0 sk-login token gemini
	feed 'http://127.0.0.1/oauth2callback?code=skCANARY-ac-1&state=wrong' 6 \
		sk-login login gemini --method paste --json
	same "$(code_of)" state_mismatch
	feed 'http://127.0.0.1/oauth2callback?error=access_denied' 6 \
		sk-login login gemini --method paste --json
	feed wrong-code 6 sk-login login gemini --method paste --json
	same "$(code_of)" exchange_failed
	feed '' 2 sk-login login gemini --method paste --json
	# Loopback: strangers are turned away, the right one is taken.
	sk-login login gemini --method loopback --json >events 2>/dev/null </dev/null 3>&- &
	pid=$!
	wait_for [ -s events ]
	url=$(jq -r .url <events)
	port=$(printf %s "$url" | sed 's/.*127.0.0.1%3A\([0-9]*\)%2F.*/\1/')
	state=$(printf %s "$url" | sed 's/.*state=\([^&]*\).*/\1/')
	same "$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$port/x")" 404
	same "$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$port/oauth2callback?code=a&state=b")" 400
	printf 'junk\r\n\r\n' | timeout 2 bash -c "cat >/dev/tcp/127.0.0.1/$port" || :
	curl -s "http://127.0.0.1:$port/oauth2callback?code=skCANARY-ac-1&state=$state" | grep -q 'Logged in'
	wait "$pid"
	same "$(jq -rs '.[-1].event' <events)" login
}

@test "export and import: a bundle under a passphrase of its own" {
	printf 'kdf = "interactive"\n' >"$XDG_CONFIG_HOME/sk/login.toml"
	feed sk-abc 0 sk-login login openai-api
	log_in p 'ok;iv=none'
	echo correct >pass
	check 0 sh -c 'sk-login export --passphrase-fd 3 3<pass >bundle'
	not grep -q -e sk-abc -e CANARY bundle
	tok=$(sk-login token p)
	export XDG_STATE_HOME=$HOME/other
	echo wrong >wrong
	check 4 sh -c 'sk-login import bundle --json --passphrase-fd 3 3<wrong'
	same "$(code_of)" wrong_key
	head -n 3 bundle >torn
	check 65 sh -c 'sk-login import torn --passphrase-fd 3 3<pass'
	sed '3s/^..../AAAA/' bundle >bad
	check 65 sh -c 'sk-login import bad --passphrase-fd 3 3<pass'
	check 0 sh -c 'sk-login import --json --passphrase-fd 3 3<pass <bundle'
	valid
	same "$(sk-login token p)" "$tok"
	same "$(sk-login token openai-api)" sk-abc
	check 2 sh -c 'sk-login import bundle --json --passphrase-fd 3 3<pass'
	same "$(code_of)" account_exists
	check 0 sh -c 'sk-login import bundle --replace --passphrase-fd 3 3<pass'
	check 5 sh -c 'setsid -w sk-login export --no-input' </dev/null
}

@test "a terminal gets a QR code, a browser only when asked, by one argument" {
	command -v script >/dev/null || skip "script is not installed"
	mkdir bin
	printf '#!/bin/sh\ncat >qr.in\necho QRQRQR\n' >bin/qrencode
	printf '#!/bin/sh\nprintf "%%s|" "$#" "$@" >browser\n' >bin/xdg-open
	chmod +x bin/*
	PATH=$PWD/bin:$PATH
	provider p 'ok;iv=none'
	check 0 script -qec 'sk-login login p' /dev/null
	has "$out" QRQRQR
	has "$(cat qr.in)" /activate
	has "$out" WDJB-MJHT
	has "$out" "logged in to p as alice@example.test"
	[ ! -e browser ]
	check 0 script -qec 'sk-login login p --no-qr --browser' /dev/null
	case $out in *QRQRQR*) return 1 ;; esac
	same "$(cat browser)" "1|${FAKE%/s}/activate|"
	rm browser
	check 0 sk-login login p --json
	[ ! -e browser ]
	case $err in *QRQRQR*) return 1 ;; esac
}

@test "waiting is interrupted in order, and can be taken up again" {
	provider p 'pending+ok;iv=1'
	sk-login login p --json >events 2>/dev/null 3>&- &
	pid=$!
	wait_for [ -s events ]
	kill -TERM "$pid"
	got=0
	wait "$pid" || got=$?
	same "$got" 143
	same "$(jq -rs '.[-1].error | .code, .hint' <events)" "interrupted
sk-login login wait $(jq -rs '.[0].handle' <events)"
	check 0 sk-login login wait "$(jq -rs '.[0].handle' <events)"
	# One waits at a time.
	provider q 'pending;iv=none;two'
	h=$(sk-login login start q --format text 2>/dev/null)
	timeout 5 sk-login login wait "$h" >/dev/null 2>&1 3>&- &
	pid=$!
	sleep 0.3
	check 75 sk-login login wait "$h" --json
	kill "$pid" || :
	wait "$pid" || :
	# What is forgotten is swept away by a later login.
	touch -d '3 hours ago' "$tokens/$h.login" "$tokens/.tmp.0123"
	check 0 sk-login login p
	same "$(find "$tokens" -name '*.login' -o -name '.tmp*')" ''
}
