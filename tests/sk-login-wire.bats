#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# sk-login against servers that are rude on the wire: every rudeness ends, has a
# name, and leaves the tokens that were there.

load helper

local_setup() {
	srv=$BATS_TEST_TMPDIR/srv
	mkdir -p "$srv" "$XDG_CONFIG_HOME/sk/providers"
	unset https_proxy HTTPS_PROXY all_proxy ALL_PROXY SSL_CERT_FILE \
		SK_KEY_FILE CREDENTIALS_DIRECTORY SK_LOGIN_READ_ONLY
	"$SK_BUILD/tools/mock_http" "$srv" >"$BATS_TEST_TMPDIR/port" 3>&- &
	pids=$!
	for _ in $(seq 100); do
		[ -s "$BATS_TEST_TMPDIR/port" ] && break
		sleep 0.02
	done
	port=$(cat "$BATS_TEST_TMPDIR/port")
	json dev 200 '{"device_code":"d","user_code":"WDJB-MJHT","verification_uri":"http://127.0.0.1/x","interval":0,"expires_in":900}'
	json good 200 '{"access_token":"AT-old","refresh_token":"RT-canary","token_type":"bearer","expires_in":3600}'
	rude
}

teardown() {
	for p in $pids; do
		kill "$p" 2>/dev/null || true
	done
}

# raw NAME HEAD BODY: a response as it stands; printf escapes work.
raw() {
	# shellcheck disable=SC2059
	printf "$2" >"$srv/$1"
	# shellcheck disable=SC2059
	printf "$3" >>"$srv/$1"
}
json() {
	printf 'HTTP/1.1 %s X\r\nContent-Type: application/json\r\nContent-Length: %s\r\n%b\r\n%s' \
		"$2" "${#3}" "${4:-}" "$3" >"$srv/$1"
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
		blips = 1
		connect_timeout = 1
	END
}

# responses by name
rude() {
	local ok='HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n'
	local new='{"access_token":"AT-new","refresh_token":"RT-new","expires_in":3600}'
	raw cutlen "${ok}Content-Length: 9000\r\n\r\n" '{"access_token":'
	raw longer "${ok}Content-Length: 20\r\n\r\n" "$new"
	raw chunked "${ok}Transfer-Encoding: chunked\r\n\r\n" '40\r\n{"access'
	raw badchunk "${ok}Transfer-Encoding: chunked\r\n\r\n" 'zzzz\r\nhello'
	raw gzip "${ok}Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\n" 'abc'
	raw nul "HTTP/1.1 200 OK\r\nX-A: a\\0b\r\nContent-Length: 2\r\n\r\n" '{}'
	raw old '' "$new"
	raw garbage '' '\x16\x03\x01\x02 not http\r\n\r\n'
	raw held "$ok\r\n" '{"access_token":'
	raw drips "$ok\r\n" "$new"
	raw body "$ok\r\n--\n" '{"a":[0,0,0,0,0,0,0,0,0,0'
	head -c 1000000 /dev/zero | tr '\0' h >big
	raw bighead "HTTP/1.1 200 OK\r\nX-Big: $(cat big)\r\n\r\n" '{}'
	# a token of more than is kept, numbers that are none
	{
		printf 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{"access_token":"'
		head -c 3000000 /dev/zero | tr '\0' x
		printf '"}'
	} >"$srv/bigtoken"
	json dup 200 '{"access_token":"a","access_token":"b"}'
	json notext 200 '{"access_token":7}'
	json badtoken 200 '{"access_token":"a\u0000b"}'
	json newline 200 '{"access_token":"a\nb: c"}'
	json same 302 '' "Location: http://127.0.0.1:$port/raw/stolen\r\n"
	json other 307 '' "Location: http://elsewhere.example/\r\n"
	json file 301 '' "Location: file:///etc/passwd\r\n"
	json https 308 '' "Location: https://127.0.0.1:$port/raw/stolen\r\n"
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
		raw/cutlen 4 refresh_unsure
		raw/longer 4 refresh_unsure
		raw/chunked 4 refresh_unsure
		raw/badchunk 4 refresh_unsure
		raw/gzip 4 refresh_unsure
		raw/nul 4 refresh_unsure
		raw/old 4 refresh_unsure
		raw/garbage 4 refresh_unsure
		raw/bighead 4 refresh_unsure
		raw/bigtoken 4 refresh_unsure
		raw/dup 4 refresh_unsure
		raw/notext 4 refresh_unsure
		raw/badtoken 4 refresh_unsure
		raw/newline 4 refresh_unsure
		raw/same 4 refresh_unsure
		raw/other 4 refresh_unsure
		raw/file 4 refresh_unsure
		raw/https 4 refresh_unsure
		hold/held 4 refresh_unsure
		drip/drips 4 refresh_unsure
		rst/cutlen 4 refresh_unsure
		flood/body 4 refresh_unsure
		headers/x 4 refresh_unsure
		interim/x 4 refresh_unsure
		silent/x 4 refresh_unsure
		close/x 4 refresh_unsure
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
		start raw/cutlen 75 transport
		start hold/held 75 transport
		start silent/x 75 transport
		start raw/bighead 75 transport
		start raw/garbage 75 transport
		start flood/body 75 transport
		start raw/same 75 transport
		start raw/dup 6 login_refused
		poll raw/cutlen 75 transport_lost
		poll raw/garbage 75 transport_lost
		poll silent/x 75 transport_lost
		poll flood/body 75 transport_lost
		poll raw/other 75 transport_lost
		poll raw/badtoken 6 login_refused
		poll raw/newline 6 bad_token
		poll raw/bigtoken 6 login_refused
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
	same "$(code_of)" login_dead
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
	for mode in silent/x close/x raw/garbage; do
		provider p raw/dev raw/good
		printf '[revoke]\ntimeout = 1\n' \
			>>"$XDG_CONFIG_HOME/sk/providers/p.toml"
		sed -i "/^token = /a revoke = \"{issuer}/$mode\"" \
			"$XDG_CONFIG_HOME/sk/providers/p.toml"
		check 0 sk-login login p --json
		got=0
		timeout 10 sk-login logout p --revoke --json >o 2>err || got=$?
		same "$mode $got $(jq -r .result o)" "$mode 0 logged out"
		has "$(cat err)" "cannot revoke"
		check 4 sk-login token p
	done
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
	for _ in $(seq 100); do
		tls=$(sed -n 's/^ACCEPT .*:\([0-9]*\)$/\1/p' tls.log)
		[ -n "$tls" ] && break
		sleep 0.02
	done
	provider q raw/dev raw/good
	sed -i "s|http://127.0.0.1:$port|https://127.0.0.1:$tls|" \
		"$XDG_CONFIG_HOME/sk/providers/q.toml"
	check 75 sk-login login q --json
	same "$(code_of)" transport
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
