#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# docs/login-faults.md is the list of what sk-login may meet: each row of its tables
# is made to happen here. Status and code are those of the page, no two rows of a
# column share a code, and the login that was there gives its token as before.

load helper
load login_helper
load pki
load rude

local_setup() {
	unset SK_KEY_FILE CREDENTIALS_DIRECTORY SK_LOGIN_STORE \
		SK_LOGIN_READ_ONLY SSL_CERT_FILE SSL_CERT_DIR SK_CRL_FILE \
		https_proxy HTTPS_PROXY all_proxy ALL_PROXY
	conf=$XDG_CONFIG_HOME/sk
	mkdir -p "$conf/providers"
	export tokens=$XDG_STATE_HOME/sk/tokens
	printf sk-kept | sk-login login openrouter >/dev/null
}

# table HEADING: the rows below it, cells between bars, code marks taken off
table() {
	awk -v want="## $1" '
		/^## / { on = $0 == want }
		on && /^[|] / && !/^[|] (fault|what) / {
			gsub(/^[|] | [|]$/, "")
			gsub(/ [|] /, "\t")
			gsub(/`/, "")
			print
		}' "$SK_TOP/docs/login-faults.md"
}

@test "faults: no two rows of the page share a code, and each is a word of ours" {
	for t in 'The wire' 'The answer' 'What the user shall open and type' \
		Certificates 'The store and its key' \
		'Time and other processes'; do
		table "$t" >rows
		[ "$(wc -l <rows)" -ge 6 ]
		awk -F '\t' '{ print $(NF - 1) }' rows
	done | grep -vx -e - >codes
	same "$(sort codes | uniq -d)" ''
	[ "$(wc -l <codes)" -ge 70 ]
	not grep -vxE '[a-z][a-z0-9_]+' codes
}

fill() {
	head -c "$1" /dev/zero | tr '\0' "$2"
}

responses() {
	local ok='HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n'
	local new='{"access_token":"AT-new","refresh_token":"RT-new","expires_in":3600}'
	raw cutlen "${ok}Content-Length: 9000\r\n\r\n" '{"access_token":'
	raw longer "${ok}Content-Length: 20\r\n\r\n" "$new"
	raw chunked "${ok}Transfer-Encoding: chunked\r\n\r\n" '40\r\n{"access'
	raw badchunk "${ok}Transfer-Encoding: chunked\r\n\r\n" 'zzzz\r\nhello'
	raw gzip "${ok}Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\n" 'abc'
	raw nul "HTTP/1.1 200 OK\r\nX-A: a\\0b\r\nContent-Length: 2\r\n\r\n" '{}'
	raw old '' "$new"
	raw held "$ok\r\n" '{"access_token":'
	raw long "$ok\r\n" "$(fill 20000 ' ')"
	raw body "$ok\r\n--\n" '{"a":[0,0,0,0,0,0,0,0,0,0'
	raw bighead "HTTP/1.1 200 OK\r\nX-Big: $(fill 1000000 h)\r\n\r\n" '{}'
	raw bigtoken "$ok\r\n" "{\"access_token\":\"$(fill 3000000 x)\"}"
	raw text 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n' 'fine'
	raw html 'HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n' '<html>hi'
	raw deep "$ok\r\n" "$(fill 1000 '[')"
	json nothing 200 ''
	json array 200 '[1]'
	json broken 200 'access_token=x'
	json dup 200 '{"access_token":"a","access_token":"b"}'
	json notoken 200 '{"token_type":"bearer"}'
	json number 200 '{"access_token":7}'
	json emptytoken 200 '{"access_token":""}'
	json newline 200 '{"access_token":"a\nb: c"}'
	json same 302 '' "Location: http://127.0.0.1:$port/raw/stolen\r\n"
	json host 308 '' 'Location: https://127.0.0.1:1/stolen\r\n'
	json http 307 '' 'Location: http://elsewhere.example/\r\n'
	json file 301 '' 'Location: file:///etc/passwd\r\n'
	json dev 200 '{"device_code":"d","user_code":"WDJB-MJHT","verification_uri":"http://127.0.0.1/x","interval":0,"expires_in":900}'
	json devlong 200 "{\"device_code\":\"d\",\"user_code\":\"A\",\"verification_uri\":\"http://127.0.0.1/$(fill 520 x)\"}"
	json good 200 '{"access_token":"AT-old","refresh_token":"RT-canary","token_type":"bearer","expires_in":3600}'
	who alice good
	who bob bob
}

# who SUB NAME: a response with tokens and an identity
who() {
	local now id
	now=$(date +%s)
	id=$(printf '{"iss":"http://127.0.0.1:%s","aud":"cli","sub":"%s","email":"%s@x.test","iat":%s,"exp":%s}' \
		"$port" "$1" "$1" "$now" $((now + 3600)) | b64)
	json "$2" 200 "{\"access_token\":\"AT-old\",\"refresh_token\":\"RT-canary\",\"expires_in\":3600,\"id_token\":\"$(printf '{"alg":"RS256"}' | b64).$id.c2ln\"}"
}
b64() {
	base64 -w0 | tr '+/' '-_' | tr -d =
}

mock() {
	mkdir -p "$srv"
	serve "$srv"
	responses
}

# at NAME DEVICE TOKEN: a provider whose addresses are those. (Short patience only
# for those that are there to try it: the machine may be busy.)
at() {
	local patience=20 connect=20
	case $2$3 in
	*https:*/silent/*) connect=1 ;;
	*/silent/*) patience=1 ;;
	*/hold/*) patience=2 ;;
	*/byte/*) patience=3 ;;
	esac
	cat >"$conf/providers/$1.toml" <<-END
		issuer = "http://127.0.0.1:$port"
		client_id = "cli"
		discovery = "none"
		[endpoints]
		device = "$2"
		token = "$3"
		[timing]
		interval = 0
		interval_min = 0
		first_wait = false
		request_timeout = $patience
		blips = 0
		connect_timeout = $connect
	END
}

# place WORDS: what a cell of the page says, as an address
place() {
	case $1 in
	https://HERE/*) echo "https://127.0.0.1:$port/${1#https://HERE/}" ;;
	http*) echo "$1" ;;
	*/*) echo "http://127.0.0.1:$port/$1" ;;
	*) echo "$FAKE/$1;iv=none${2:-}" ;;
	esac
}

# ended STATUS CODE COMMAND...: it ends so, with one line about it, and no secret
ended() {
	local want=$1 code=$2 got=0 f
	shift 2
	f=$(mktemp out.XXXXXX)
	timeout 30 "$@" --json >"$f" 2>"$f.err" || got=$?
	same "$* $got $(jq -rs 'map(select(.error)) | .[-1].error.code' "$f")" \
		"$* $want $code"
	same "$* $(grep -c '^sk-login: ' "$f.err")" "$* $((want > 0))"
	not grep -q 'RT-\|AT-\|CANARY\|sk-kept' "$f" "$f.err"
	case $(tr -d '\n' <"$f.err") in
	*[![:print:]]*) echo "raw bytes in $f.err"; return 1 ;;
	esac
}

# row_adc NAME TEST STATUS CODE: a login is bound to its origin, so an address
# elsewhere is asked for gcloud's
row_adc() {
	export HOME=$PWD/home.$1
	export SK_LOGIN_URL_GOOGLE_ADC_TOKEN
	SK_LOGIN_URL_GOOGLE_ADC_TOKEN=$(place "$2")
	adc=$HOME/.config/gcloud/application_default_credentials.json
	mkdir -p "${adc%/*}"
	echo '{"type":"authorized_user","client_id":"c","client_secret":"s","refresh_token":"RT-adc"}' >"$adc"
	ended "$3" "$4" sk-login refresh google-adc
	grep -q RT-adc "$adc"
}

# row_refresh NAME TEST STATUS CODE
row_refresh() {
	local name=$1 test=$2 old=AT-old
	case $test in
	*://*)
		row_adc "$@"
		return
		;;
	*/*) at "$name" "http://127.0.0.1:$port/raw/dev" \
		"http://127.0.0.1:$port/raw/good" ;;
	refresh=*) provider "$name" "ok;$test;iv=none" ;;
	*) provider "$name" "ok;refresh=$test;iv=none" ;;
	esac
	sk-login login "$name" >/dev/null 2>&1
	old=$(sk-login token "$name")
	case $test in
	*/*) at "$name" "$(place "$test")" "$(place "$test")" ;;
	esac
	ended "$3" "$4" sk-login refresh "$name"
	same "$test $(sk-login token "$name")" "$test $old"
	[ -s "$tokens/$name.token" ]
}

# row_login NAME TEST STATUS CODE
row_login() {
	local name=$1 test=$2
	case $test in
	uri=LONG) at "$name" "http://127.0.0.1:$port/raw/devlong" "$FAKE/x" ;;
	uri=* | code=*)
		test=${test//LONG/$(fill 70 A)}
		provider "$name" "ok;iv=none;${test//\//%2f}"
		;;
	*/*) at "$name" "http://127.0.0.1:$port/raw/dev" "$(place "$test")" ;;
	liar) provider "$name" 'ok;liar;iv=none'
		sed -i 's/none"$/oidc"/' "$conf/providers/$name.toml" ;;
	workspace) provider "$name" 'ok;iv=none'
		printf '[claims]\nworkspace = ["/https:~1~1api.openai.com~1auth/chatgpt_account_id"]\n' \
			>>"$conf/providers/$name.toml" ;;
	poll=slow) provider "$name" 'slow;iv=none'
		printf 'slow_step = 0\nslow_limit = 2\n' \
			>>"$conf/providers/$name.toml" ;;
	poll=*) provider "$name" "${test#poll=};iv=none" ;;
	start=*) provider "$name" "ok;iv=none;$test" ;;
	*) provider "$name" "$test;iv=none" ;;
	esac
	grep -q blips "$conf/providers/$name.toml" ||
		sed -i '/^interval_min/a blips = 0' "$conf/providers/$name.toml"
	if [ "$test" = workspace ]; then
		ended "$3" "$4" sk-login login "$name" --workspace another
	else
		ended "$3" "$4" sk-login login "$name"
	fi
	[ ! -e "$tokens/$name.token" ]
	# A start that meets a fault of the wire has the same word for it.
	case $test in
	uri=*) ;;
	*/*)
		case $3$4 in
		75* | 6redirect* | 6compressed) ;;
		*) return 0 ;;
		esac
		at "$name" "$(place "$test")" "http://127.0.0.1:$port/raw/good"
		ended "$3" "$4" sk-login login "$name" ;;
	esac
}

# both HEADING: its rows at a refresh and at a login, several at once
both() {
	local n=0 fault refresh login code test row rows=
	table "$1" | awk -F '\t' -v OFS='\t' 'NF == 4 { $1 = $1 OFS "-" } 1' >rows
	while IFS=$'\t' read -r fault refresh login code test; do
		n=$((n + 1))
		for row in "refresh $refresh" "login $login"; do
			[ "${row#* }" != - ] || continue
			[ $((n % 12)) -ne 0 ] || wait -n || :
			try "${row% *}" $n "$test" "${row#* }" "$code" \
				>"log.${row% *}.$n" 2>&1 3>&- &
			rows="$rows $!"
		done
	done <rows
	# shellcheck disable=SC2086 # numbers
	wait $rows || :
	local bad=0
	for row in log.*; do
		[ -e "ok.${row#log.}" ] || { echo "$row:"; cat "$row"; bad=1; }
	done
	[ $bad = 0 ]
	same "$(sk-login token openrouter)" sk-kept
}

# try refresh|login N TEST STATUS CODE
try() {
	set -e
	"row_$1" "$1$2" "$3" "$4" "$5"
	: >"ok.$1.$2"
}

@test "faults: the wire" {
	mock
	printf '[timing]\nconnect_timeout = 1\n' >"$conf/providers/google-adc.toml"
	both 'The wire'
	not grep -q stolen "$srv/requests"
}

@test "faults: the answer" {
	mock
	both 'The answer'
}

@test "faults: what the user shall open and type" {
	mock
	both 'What the user shall open and type'
	same "$(find "$tokens" -name '*.login')" ''
}

# a server of TLS, whose standard input stays open
tls_begin() {
	command -v openssl >/dev/null || skip 'openssl is not installed'
	pki=$BATS_FILE_TMPDIR
	[ -e "$pki/crl.pem" ] || (pki >"$pki/pki.log" 2>&1)
	mkfifo never
	exec 7<>never
	export SSL_CERT_FILE=$pki/root.pem
}

@test "faults: certificates, and not a byte to who shows a bad one" {
	tls_begin
	table Certificates >rows
	while IFS=$'\t' read -r _ refresh login code name options; do
		read -r name options <<<"$name $options"
		unset SK_CRL_FILE
		SSL_CERT_FILE=$pki/root.pem
		case $name in
		revoked) export SK_CRL_FILE=$pki/crl.pem ;;
		badca)
			echo nonsense >nonsense
			SSL_CERT_FILE=$PWD/nonsense
			name=good
			;;
		esac
		# shellcheck disable=SC2086 # options are words
		tls "$name" $options
		(row_adc "$code" "https://127.0.0.1:$port/t" "$refresh" "$code")
		at tls "https://127.0.0.1:$port/d" "https://127.0.0.1:$port/t"
		ended "$login" "$code" sk-login login tls
		not grep -qi 'RT-adc\|grant_type\|client_id' "$name.log"
	done <rows
	same "$(sk-login token openrouter)" sk-kept
}

@test "certificates: the CA file that is given is trusted, and no other" {
	tls_begin
	tls good
	HOME=$PWD/home
	adc=$HOME/.config/gcloud/application_default_credentials.json
	mkdir -p "${adc%/*}"
	echo '{"type":"authorized_user","client_id":"c","client_secret":"s","refresh_token":"RT-adc"}' >"$adc"
	export SK_LOGIN_URL_GOOGLE_ADC_TOKEN=https://127.0.0.1:$port/t
	sk-login token google-adc >o 2>e 3>&- 7>&- &
	local run=$! body='{"access_token":"AT-tls","expires_in":3600}'
	pids="$pids $run"
	wait_for grep -q RT-adc good.log
	printf 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %s\r\n\r\n%s\n' \
		${#body} "$body" >&7
	wait "$run"
	same "$(cat o e)" AT-tls
	# From now on nobody vouches for it: nothing is sent, what is stored holds.
	: >good.log
	SSL_CERT_FILE=$pki/other.pem ended 6 tls_self_signed \
		sk-login refresh google-adc
	SSL_CERT_FILE=$pki/other.pem ended 75 refresh_failed \
		sk-login refresh google-adc
	not grep -q RT-adc good.log
	check 0 sk-login token google-adc
	same "$out" AT-tls
}

@test "faults: the store and its key" {
	printf sk-abc >in
	feed_file in 0 sk-login login openai-api
	key=$conf/login.key
	f=$tokens/openai-api.token
	cp -p "$f" good
	cp -p "$key" key
	patch() {
		# shellcheck disable=SC2059
		printf "$2" | dd of="$f" bs=1 seek="$1" conv=notrunc 2>/dev/null
	}
	rekey() {
		mkdir -p bin
		printf '#!/bin/sh\n[ "$1" = store ] && cat >/dev/null\n' \
			>bin/secret-tool
		chmod +x bin/secret-tool
		[ "$1" = liar ] || rm bin/secret-tool
		PATH=$PWD/bin:$PATH
		hash -r
	}
	table 'The store and its key' >rows
	while IFS=$'\t' read -r _ status code how; do
		rm -rf "$f" "$key" hard
		cp -p good "$f"
		cp -p key "$key"
		chmod 700 "$tokens"
		eval "$how"
		case $how in
		rekey*)
			ended "$status" "$code" sk-login rekey --key keyring
			check 0 sk-login token openai-api
			same "$out" sk-abc
			continue
			;;
		esac
		sum=$(cat "$f" | sha256sum)
		ended "$status" "$code" sk-login status openai-api
		check "$status" sk-login token openai-api
		# A login does not write over it either.
		ended "$status" "$code" sk-login login openai-api <in
		same "$how $(cat "$f" | sha256sum)" "$how $sum"
		case $how in
		*key* | *tokens\"*) ;;
		*) same "$(sk-login token openrouter)" sk-kept ;;
		esac
	done <rows
	rm -rf "$f" "$key" hard
	cp -p good "$f"
	cp -p key "$key"
	check 0 sk-login token openai-api
	same "$out" sk-abc
}

@test "faults: time and other processes" {
	bin=${SK_FAULTY_BIN:-$SK_TOP/build-faults/bin}
	[ -x "$bin/sk-login" ] || skip "no development build (make FAULTS=1)"
	n=0
	table 'Time and other processes' >rows
	while IFS=$'\t' read -r _ status code how; do
		n=$((n + 1))
		log_in "p$n" "ok;iv=none;f=$n"
		old=$(sk-login token "p$n")
		got=0
		case $how in
		two)
			provider q "pending;iv=1;f=$n"
			h=$(sk-login login start q --format text 2>/dev/null)
			sk-login login wait "$h" >/dev/null 2>&1 3>&- &
			pids="$pids $!"
			wait_for eval '[ "$(stat_of "pending;iv=1;f=$n" .polls)" != 0 ]'
			ended "$status" "$code" sk-login login wait "$h"
			;;
		moved)
			sed -i 's,127.0.0.1,localhost,' "$conf/providers/p$n.toml"
			ended "$status" "$code" sk-login refresh "p$n"
			;;
		clock*)
			for verb in token whoami status; do
				SPEC_KIT_FAULTS=$how "$bin/sk-login" $verb "p$n" \
					>o || got=$?
				same "$how $verb $got" "$how $verb $status"
			done
			same "$(jq -r '.providers[0].state' o)" valid
			# A login that waits is not cut short either, nor drawn out.
			provider q "pending+ok;iv=1;f=$n"
			ended 0 null env SPEC_KIT_FAULTS="$how" \
				"$bin/sk-login" login q
			;;
		auth.save*)
			ended "$status" "$code" env SPEC_KIT_FAULTS="$how" \
				"$bin/sk-login" refresh "p$n"
			;;
		auth*)
			SPEC_KIT_FAULTS=$how "$bin/sk-login" refresh "p$n" || got=$?
			same "$how $got" "$how 137"
			if [ "$status" = 0 ]; then
				check 0 sk-login refresh "p$n"
				old=$(sk-login token "p$n")
			else
				ended "$status" "$code" sk-login refresh "p$n"
			fi
			;;
		esac
		same "$how $(sk-login token "p$n")" "$how $old"
		same "$(stat_of "ok;iv=none;f=$n" '"\(.reuses) \(.revoked)"')" '0 false'
	done <rows
}

@test "rekey: a call of the system fails, whichever it is: nothing is lost" {
	[ "$(uname -m)" = x86_64 ] || skip "calls are injected on x86-64 only"
	! asan || skip "what ASan runs is traced badly"
	inject=$SK_BUILD/tools/inject
	"$inject" count -- true 9>&- || skip "processes may not be traced here"
	feed sk-abc 0 sk-login login openai-api
	cp -rp "$HOME" home
	n=0
	while :; do
		n=$((n + 1))
		rm -rf "$HOME"
		cp -rp home "$HOME"
		got=0
		"$inject" error $n -- sk-login rekey >o 2>e 9>call || got=$?
		[ -s call ] || break
		echo "$n: $(cat call): $got"
		check 0 sk-login token openai-api
		same "$out" sk-abc
	done
	[ "$n" -gt 20 ]
}
