#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# sk-login against servers that are rude on the wire, beside those of
# docs/login-faults.md: every rudeness ends, has a name, and leaves the tokens that
# were there.

load helper
load rude

local_setup() {
	mkdir -p "$srv" "$XDG_CONFIG_HOME/sk/providers"
	unset https_proxy HTTPS_PROXY all_proxy ALL_PROXY SSL_CERT_FILE \
		SK_KEY_FILE CREDENTIALS_DIRECTORY SK_LOGIN_READ_ONLY
	serve "$srv"
	json dev 200 '{"device_code":"d","user_code":"WDJB-MJHT","verification_uri":"http://127.0.0.1/x","interval":0,"expires_in":900}'
	json good 200 '{"access_token":"AT-old","refresh_token":"RT-canary","token_type":"bearer","expires_in":3600}'
	rude
}

# provider NAME DEVICE TOKEN: its two endpoints are paths of the server
provider() {
	cat >"$XDG_CONFIG_HOME/sk/providers/$1.toml" <<-END
		issuer = "http://127.0.0.1:$port"
		client_id = "cli"
		discovery = "none"
		[endpoints]
		device = "{issuer}/$2"
		token = "{issuer}/$3"
		[timing]
		interval = 0
		interval_min = 0
		first_wait = false
		request_timeout = 1
		blips = 0
		connect_timeout = 1
	END
}

# responses by name
rude() {
	local ok='HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n'
	raw garbage '' '\x16\x03\x01\x02 not http\r\n\r\n'
	raw drips "$ok\r\n" '{"access_token":"AT-new"}'
	json nothing 200 ''
	json dup 200 '{"access_token":"a","access_token":"b"}'
	json badtoken 200 '{"access_token":"a\u0000b"}'
	json newline 200 '{"access_token":"a\nb: c"}'
	json other 307 '' "Location: http://elsewhere.example/\r\n"
}

code_of() {
	jq -rs 'map(select(.error)) | .[0].error.code' "$BATS_TEST_TMPDIR/.out"
}

@test "wire: a refresh that meets it ends by name, and the token stays" {
	n=0
	while read -r path code; do
		n=$((n + 1))
		provider "p$n" raw/dev raw/good
		check 0 sk-login login "p$n" --json
		provider "p$n" raw/dev "$path"
		got=0
		timeout 20 sk-login refresh "p$n" --json \
			>"$BATS_TEST_TMPDIR/.out" 2>err || got=$?
		same "$path $got $(code_of)" "$path $code"
		# one line that names the provider, and nothing of the secret
		same "$path $(wc -l <err)" "$path $(grep -c . err)"
		grep -q "'p$n'" err
		not grep -q 'RT-\|AT-' err
		check 0 sk-login token "p$n"
		same "$path $out" "$path AT-old"
	done <<-'END'
		raw/garbage 4 not_http
		raw/badtoken 4 token_bytes
		raw/other 4 redirect_insecure
		drip/drips 4 first_byte_timeout
		headers/x 4 header_too_large
	END
	not grep -q stolen "$srv/requests"
}

@test "wire: a login that meets it ends by name, and nothing is kept" {
	n=0
	while read -r where path code; do
		n=$((n + 1))
		case $where in
		start) provider "p$n" "$path" raw/good ;;
		poll) provider "p$n" raw/dev "$path" ;;
		esac
		got=0
		timeout 20 sk-login login "p$n" --json \
			>"$BATS_TEST_TMPDIR/.out" 2>err || got=$?
		same "$where $path $got $(code_of)" "$where $path $code"
		[ ! -e "$XDG_STATE_HOME/sk/tokens/p$n.token" ]
	done <<-'END'
		start raw/garbage 75 not_http
		start drip/drips 75 first_byte_timeout
		start raw/dup 6 json_twice
		start raw/nothing 6 empty_reply
		poll raw/garbage 75 not_http
		poll headers/x 75 header_too_large
		poll raw/badtoken 6 token_bytes
		poll raw/newline 6 token_bytes
	END
	not grep -q stolen "$srv/requests"
}

# jwt SUB: an identity, as this server and client would have it
jwt() {
	local now
	now=$(date +%s)
	printf '%s.%s.c2ln' "$(printf '{"alg":"RS256"}' | b64)" \
		"$(printf '{"iss":"http://127.0.0.1:%s","aud":"cli","sub":"%s","email":"%s@example.test","iat":%s,"exp":%s}' \
			"$port" "$1" "$1" "$now" $((now + 3600)) | b64)"
}
b64() {
	base64 -w0 | tr '+/' '-_' | tr -d =
}

@test "wire: what a refresh leaves out is kept, and another's account is refused" {
	json good 200 "{\"access_token\":\"AT-old\",\"refresh_token\":\"RT-canary\",\"expires_in\":3600,\"id_token\":\"$(jwt alice)\"}"
	provider p raw/dev raw/good
	check 0 sk-login login p --json
	json part 200 '{"access_token":"AT-two","expires_in":3600}'
	provider p raw/dev raw/part
	check 0 sk-login refresh p
	check 0 sk-login token p
	same "$out" AT-two
	check 0 sk-login whoami p --json
	has "$out" alice
	check 0 sk-login refresh p
	same "$(grep -o 'refresh_token=RT-canary' "$srv/requests" | wc -l)" 2
	# the server gives somebody else's
	json bob 200 "{\"access_token\":\"AT-bob\",\"refresh_token\":\"RT-bob\",\"expires_in\":3600,\"id_token\":\"$(jwt bob)\"}"
	provider p raw/dev raw/bob
	check 4 sk-login refresh p --json
	same "$(code_of)" account_mismatch
	has "$err" account_mismatch
	# the old token holds for its hour; after that a login is needed
	check 0 sk-login status p --json
	same "$(j -c '.providers[0] | [.dead,.refreshable]')" \
		'["account_mismatch",false]'
	check 0 sk-login token p
	same "$out" AT-two
	not grep -rq AT-bob "$HOME" "$XDG_STATE_HOME"
}

@test "wire: a server that does not revoke: said, and forgotten here" {
	while read -r mode word; do
		provider p raw/dev raw/good
		printf '[revoke]\ntimeout = 1\n' \
			>>"$XDG_CONFIG_HOME/sk/providers/p.toml"
		sed -i "/^token = /a revoke = \"{issuer}/$mode\"" \
			"$XDG_CONFIG_HOME/sk/providers/p.toml"
		check 0 sk-login login p --json
		got=0
		timeout 10 sk-login logout p --revoke --json >o 2>err || got=$?
		same "$mode $got $(jq -r '.result + " " + .not_revoked' o)" \
			"$mode 0 logged out $word"
		has "$(cat err)" "cannot revoke"
		check 4 sk-login token p
	done <<-'END'
		silent/x first_byte_timeout
		close/x closed
		raw/garbage not_http
	END
}

@test "wire: who shows a certificate that nobody vouches for gets no byte" {
	command -v openssl >/dev/null || skip 'openssl is not installed'
	provider p raw/dev raw/good
	check 0 sk-login login p --json
	openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=self \
		-addext subjectAltName=IP:127.0.0.1 -keyout self.key \
		-out self.crt 2>/dev/null
	mkfifo never
	exec 7<>never
	openssl s_server -accept 127.0.0.1:0 -cert self.crt -key self.key \
		>tls.log 2>&1 <&7 3>&- &
	pids="$pids $!"
	wait_for grep -q '^ACCEPT .*:[0-9]*$' tls.log
	tls=$(sed -n 's/^ACCEPT .*://p' tls.log)
	provider q raw/dev raw/good
	sed -i "s|http://127.0.0.1:$port|https://127.0.0.1:$tls|" \
		"$XDG_CONFIG_HOME/sk/providers/q.toml"
	check 6 sk-login login q --json
	same "$(code_of)" tls_self_signed
	has "$err" 'SSL_CERT_FILE names'
	has "$err" certificate
	# A login does not follow its provider to another server.
	sed -i "s|http://127.0.0.1:$port|https://127.0.0.1:$tls|" \
		"$XDG_CONFIG_HOME/sk/providers/p.toml"
	check 4 sk-login refresh p --json
	same "$(code_of)" origin_changed
	not grep -qi 'RT-canary\|grant_type\|client_id' tls.log
	check 0 sk-login token p
	same "$out" AT-old
}
