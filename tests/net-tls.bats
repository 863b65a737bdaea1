#!/usr/bin/env bats
# Certificates: each that must not be trusted ends the exchange with a code of
# its own, before a byte of the key is sent; the good one works.

load helper
load pki

setup_file() {
	command -v openssl >/dev/null || return 0
	pki
}

local_setup() {
	command -v openssl >/dev/null || skip 'openssl is not installed'
	pki=$BATS_FILE_TMPDIR
	export SSL_CERT_FILE=$pki/root.pem KEY=canary-tls
	unset SSL_CERT_DIR https_proxy HTTPS_PROXY all_proxy ALL_PROXY
	echo hi >prompt
	# s_server ends with its standard input.
	mkfifo never
	exec 7<>never
}

teardown() {
	for p in $pids; do
		kill "$p" 2>/dev/null || true
	done
}

@test "tls: the good certificate works, each bad one has its own code" {
	get=$SK_BUILD/tools/net_get
	tls good -www
	check 0 "$get" "https://127.0.0.1:$port/"
	has "$out" s_server
	while read -r name code options; do
		# shellcheck disable=SC2086 # options are words
		tls "$name" $options
		check 1 timeout 30 "$get" -c 5000 -s 'Authorization: canary' \
			-b canary "https://127.0.0.1:$port/"
		same "$name ${out%%:*}" "$name $code"
		has "$out" 127.0.0.1
		! grep -q canary "$name.log" || return 1
	done <<-END
		wrong tls_wrong_host
		expired tls_expired
		early tls_not_yet_valid
		foreign tls_unknown_issuer
		hole tls_unknown_issuer
		self tls_self_signed
		weak tls_weak_key -cipher DEFAULT:@SECLEVEL=0
		good tls_version -tls1_1 -cipher DEFAULT:@SECLEVEL=0
	END
}

@test "tls: revoked, when a list of revoked certificates is given" {
	get=$SK_BUILD/tools/net_get
	export SK_CRL_FILE=$pki/crl.pem
	tls good -www
	check 0 "$get" "https://127.0.0.1:$port/"
	tls revoked -www
	check 1 "$get" -s 'Authorization: canary' "https://127.0.0.1:$port/"
	has "$out" tls_revoked:
	! grep -q canary revoked.log || return 1
	# A list that is none is no list of nothing.
	echo nonsense >nonsense
	SK_CRL_FILE=$PWD/nonsense check 1 "$get" "https://127.0.0.1:$port/"
	has "$out" bad_ca_file:
}

@test "tls: who speaks none, and who goes away in the middle" {
	get=$SK_BUILD/tools/net_get
	mkdir srv
	"$SK_BUILD/tools/mock_http" "$PWD/srv" >port 3>&- &
	pids="$pids $!"
	wait_for [ -s port ]
	# It waits for a request, we for a handshake: the clock ends that.
	check 1 "$get" -c 300 "https://127.0.0.1:$(cat port)/raw/x"
	has "$out" connect_timeout:
	# Plain HTTP where TLS is spoken: an answer, but none of HTTP.
	tls good -www
	check 1 "$get" -t 2000 "http://127.0.0.1:$port/"
}

@test "tls: in sk-run it is a failure of its own, and the key stays here" {
	tls expired
	cat >c.toml <<-END
		[agents.x]
		adapter = "anthropic"
		model = "m"
		key = "env:KEY"
		base_url = "https://127.0.0.1:$port"
	END
	check 6 sk-run --config c.toml -a x -p prompt --json
	same "$(j 'select(.failure) | .failure.kind + " " + .failure.code')" \
		'denied tls_expired'
	same "$(j 'select(.failure) | .attempt')" 1
	! grep -q canary expired.log || return 1
}

# tunnel [STATUS]: a proxy before the last server, in $proxy; what it sees is in
# the file `seen`.
tunnel() {
	"$SK_BUILD/tools/connect_proxy" "$port" seen "$@" >proxy.port 3>&- 7>&- &
	pids="$pids $!"
	wait_for [ -s proxy.port ]
	proxy=127.0.0.1:$(cat proxy.port)
}

@test "a proxy makes a tunnel, and sees neither the key nor the question" {
	tls named
	tunnel
	cat >c.toml <<-END
		[agents.x]
		adapter = "openai-chat"
		model = "m"
		key = "env:KEY"
		stream = false
		base_url = "https://api.acme.test:$port"
	END
	echo 'canary-question' >prompt
	https_proxy=http://jo:pass@$proxy sk-run --config c.toml -a x -p prompt \
		--attempts 1 --json >out.jsonl 2>&1 3>&- 7>&- &
	local run=$! body
	pids="$pids $run"
	wait_for grep -q canary-question named.log
	# The server has it all, and nothing that was for the proxy.
	grep -q '^POST /chat/completions' named.log
	grep -q 'Authorization: Bearer canary-tls' named.log
	same "$(grep -c '^Proxy-' named.log || :)" 0
	body='{"choices":[{"index":0,"message":{"content":"Hi"},"finish_reason":"stop"}]}'
	printf 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %s\r\n\r\n%s\n' \
		${#body} "$body" >&7
	wait "$run"
	same "$(jq -r 'select(.agent) | .status + " " + .content' out.jsonl)" 'ok Hi'
	same "$(head -n 1 seen | tr -d '\r')" \
		"CONNECT api.acme.test:$port HTTP/1.1"
	grep -aq '^Proxy-Authorization: Basic ' seen
	same "$(grep -ac 'canary' seen || :)" 0
	same "$(grep -aci '^authorization' seen || :)" 0
}

@test "a proxy that makes no tunnel: each has its own failure" {
	tls named
	cat >c.toml <<-END
		[agents.x]
		adapter = "openai-chat"
		model = "m"
		key = "env:KEY"
		base_url = "https://api.acme.test:$port"
	END
	local kind code how
	while read -r how kind code; do
		rm -f proxy.port
		tunnel "$how"
		https_proxy=http://$proxy SPECKIT_RUN__FIRST_BYTE=1s check 6 \
			timeout 20 sk-run --config c.toml -a x -p prompt \
			--attempts 1 -t 3s --json
		same "$how $(j 'select(.failure) | .failure.kind + " " +
			.failure.code')" "$how $kind $code"
		same "$(grep -ac canary seen || :)" 0
	done <<-END
		407 transport proxy
		403 transport proxy
		502 transport proxy
	END
	# It says nothing: no longer than the clocks allow.
	rm -f proxy.port
	tunnel silent
	https_proxy=http://$proxy check 9 timeout 20 sk-run --config c.toml \
		-a x -p prompt --attempts 1 -t 1s --json
	same "$(grep -ac canary seen || :)" 0
	# A certificate of somebody else behind it: nothing is said.
	tls wrong
	rm -f proxy.port
	tunnel
	sed -i "s/acme.test:.*/acme.test:$port\"/" c.toml
	https_proxy=http://$proxy check 6 sk-run --config c.toml -a x -p prompt \
		--attempts 1 --json
	same "$(j 'select(.failure) | .failure.code')" tls_wrong_host
	same "$(grep -c canary wrong.log || :)" 0
	# Spared: asked directly, and that name is nobody's.
	: >seen
	https_proxy=http://$proxy no_proxy=other,.acme.test check 6 sk-run \
		--config c.toml -a x -p prompt --attempts 1 --json
	same "$(j 'select(.failure) | .failure.code')" dns
	same "$(cat seen)" ''
	# And what goes directly is looked at: a shipped endpoint is public.
	https_proxy=http://$proxy no_proxy=10.0.0.7 check 1 timeout 5 \
		"$SK_BUILD/tools/net_get" -p https://10.0.0.7/
	has "$out" address_refused:
}
