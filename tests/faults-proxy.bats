#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The fault proxy, in every build: before a server of ours on loopback.

load helper

setup_file() {
	[ -x "$SK_BUILD/tools/mock_http" ] || return 0
	mkdir -p "$BATS_FILE_TMPDIR/srv"
	cd "$BATS_FILE_TMPDIR/srv" || return
	sse >stream
	printf 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9\r\nX-Request-Id: 7\r\n\r\n{"ok": 1}' >json
	printf 'HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n' \
		>redirect
	printf 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf' >short
	"$SK_BUILD/tools/mock_http" "$PWD" >../port 2>/dev/null 3>&- &
	echo $! >../server.pid
	wait_for [ -s ../port ]
}

teardown_file() {
	[ ! -s "$BATS_FILE_TMPDIR/server.pid" ] ||
		kill "$(cat "$BATS_FILE_TMPDIR/server.pid")" || :
}

# An event stream with everything that a rewriter would spoil.
sse() {
	printf 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n'
	for i in $(seq 40); do
		printf 'event: delta\r\ndata: {"i": %s, "t": "\303\251 \342\202\254"}\r\n\r\n' "$i"
		printf ': ping\n\nid:%s\nretry: 10\ndata:a\ndata: b\n\n' "$i"
	done
	printf 'data: [DONE]\n\n'
}

local_setup() {
	[ -s "$BATS_FILE_TMPDIR/port" ] || skip "mock_http is not built"
	command -v curl >/dev/null || skip "no curl"
	to=http://127.0.0.1:$(cat "$BATS_FILE_TMPDIR/port")
	unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
}

teardown() {
	[ -z "${pid:-}" ] || kill "$pid" 2>/dev/null || :
}

# proxy [OPTION...]: sets url, pid
proxy() {
	stop
	: >log
	sk-faults proxy --to "$to" "$@" --json >log 2>talk 3>&- &
	pid=$!
	wait_for [ -s log ]
	url=$(head -n 1 log | jq -r .url)
}

stop() {
	[ -z "${pid:-}" ] || { kill "$pid"; wait "$pid" || :; }
	pid=
}

# ask STATUS PATH [CURL OPTION...]: body, head
ask() {
	local want=$1 path=$2 got=0
	shift 2
	curl -s -m "${wait:-20}" -D head -o body -H 'Authorization: Bearer skCANARY' \
		-H 'Content-Type: application/json' -d '{"q": "skCANARY2"}' \
		"$@" "$url$path" || got=$?
	same "$path curl $got" "$path curl $want"
	sed -i 's/\r$//' head
}

# exchanges: what it said of them, without times
exchanges() {
	jq -c 'select(.schema == "sk.exchange/1") |
		[.status, .bytes, .fault]' log | xargs
}

@test "proxy: without a fault every byte passes, and what the client said arrives" {
	proxy
	same "$(head -n 1 log | jq -r '.schema + " " + .to')" "sk.proxy/1 $to"
	sed '1,/^\r$/d' "$BATS_FILE_TMPDIR/srv/stream" >want
	ask 0 '/raw/stream/v1?key=skCANARY3'
	cmp body want
	has "$(cat head)" "content-type: text/event-stream"
	# A byte at a time, and a megabyte.
	ask 0 /byte/stream
	cmp body want
	ask 0 /raw/json -X PUT -H 'X-Own: 1' -H 'Accept-Encoding: gzip'
	same "$(cat body)" '{"ok": 1}'
	has "$(cat head)" "x-request-id: 7"
	has "$(cat head)" "content-length: 9"
	last=$(awk '/^== / { s = "" } { s = s $0 "\n" } END { printf "%s", s }' \
		"$BATS_FILE_TMPDIR/srv/requests" | tr -d '\r')
	has "$last" "PUT /raw/json HTTP/1.1"
	has "$last" "Authorization: Bearer skCANARY"
	has "$last" "X-Own: 1"
	has "$last" '{"q": "skCANARY2"}'
	not grep -qi '^accept-encoding' <<<"$last"
	head -c 1000000 /dev/zero | tr '\0' x >big
	ask 0 /raw/json --data-binary @big -H 'Expect: 100-continue'
	ask 0 /raw/json --data-binary @big -H 'Transfer-Encoding: chunked'
	[ "$(wc -c <"$BATS_FILE_TMPDIR/srv/requests")" -gt 2000000 ]
	curl -s -I -m 20 "$url/raw/json" >head
	has "$(cat head)" "200 OK"
	# No key, no query, no body in what is said of it.
	stop
	not grep -q CANARY log talk
	same "$(jq -r 'select(.n == 1) | .path' log)" /raw/stream/v1
	"$SK_BUILD/tools/schema_check" <(sk-faults schema exchange) \
		< <(sed -n 2p log)
	"$SK_BUILD/tools/schema_check" <(sk-faults schema proxy) \
		< <(head -n 1 log)
}

@test "proxy: rate limits with every form of hint, and HTTP's failures" {
	while IFS='|' read -r fault status header; do
		proxy -p "$fault"
		ask 0 /raw/json
		same "$fault $(sed -n '1s/^[^ ]* \([0-9]*\).*/\1/p' head)" \
			"$fault $status"
		[ -z "$header" ] || has "$(cat head)" "$header"
		same "$(jq -r .type body)" error
		# Once, and not again.
		ask 0 /raw/json
		same "$(cat body)" '{"ok": 1}'
	done <<'END'
429|429|
429=30|429|Retry-After: 30
rate_limit=now+30s|429|retry-after-ms: 30000
rate_limit=2040-01-31T12:00:00Z|429|Retry-After: Tue, 31 Jan 2040 12:00:00 GMT
503|503|
http=529|529|
500|500|
END
	# Only what is counted is hit.
	proxy -p 503#2 --path /v1/messages
	ask 0 /raw/json/v1/messages
	ask 0 /raw/json/v1/messages/x
	curl -s -m 20 "$url/raw/json/v1/messages" >body
	same "$(cat body)" '{"ok": 1}'
	stop
	same "$(exchanges)" "[200,9,null] [503,106,http] [200,9,null]"
	has "$(cat talk)" "faults that were hit: http=503#2"
}

@test "proxy: cut, slow, damaged, empty, silent" {
	size=$(sed '1,/^\r$/d' "$BATS_FILE_TMPDIR/srv/stream" | tee want | wc -c)
	proxy -p cut=100
	ask 0 /raw/stream
	cmp body <(head -c 100 want)
	proxy -p cut=4
	ask 0 /raw/json
	same "$(cat body)" '{"ok'
	proxy -p disconnect
	ask 56 /raw/json || ask 52 /raw/json
	proxy -p disconnect=mid
	ask 18 /raw/stream
	[ "$(wc -c <body)" -gt 0 ] && [ "$(wc -c <body)" -lt "$size" ]
	proxy -p slow=2ms --slow-bytes 500
	ask 0 /raw/stream
	cmp body want
	# A client that is slow slows the server down: nothing piles up here.
	{ printf 'HTTP/1.1 200 OK\r\nContent-Length: 40000000\r\n\r\n'
		head -c 40000000 /dev/zero; } >"$BATS_FILE_TMPDIR/srv/big"
	proxy -p slow=400ms
	wait=1 ask 28 /raw/big
	[ -s body ]
	hwm=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$pid/status")
	echo "$hwm kB"
	asan || [ "$hwm" -lt 30000 ]
	rm "$BATS_FILE_TMPDIR/srv/big"
	proxy -p garbage
	ask 0 /raw/stream
	same "$(wc -c <body)" "$size"
	not cmp -s body want
	proxy -p agent_empty
	ask 0 /raw/json
	same "$(wc -c <body)" 0
	proxy -p agent_timeout
	wait=1 ask 28 /raw/json
	proxy -p agent_timeout=idle
	wait=1 ask 28 /raw/stream
	[ -s body ]
	ask 0 /raw/json
	# What is a failure without us stays one.
	proxy
	ask 18 /raw/short
	ask 0 /raw/redirect
	has "$(cat head)" "502"
}

@test "proxy: around a command it ends with it, and with its status" {
	check 7 sk-faults proxy --to "$to" -p 429:1=3 -e BASE=/raw/json \
		--env OTHER -- sh -c 'curl -s -d x "$BASE/v1"; curl -s -d x "$BASE";
			[ "$OTHER" = "$SK_FAULTS_PROXY" ]; exit 7'
	has "$out" '{"ok": 1}'
	has "$out" rate_limit_error
	has "$err" "faults that were hit: rate_limit=3#1"
	check 143 sk-faults proxy --to "$to" -- sh -c 'kill -TERM $PPID; sleep 9'
	check 2 sk-faults proxy --to "$to" -- ./no-such-command
	proxy
	same "$(ss -ltnHp 2>/dev/null | grep -c "127.0.0.1:${url##*:}.*pid=$pid" ||
		:)" "$(command -v ss >/dev/null && echo 1 || echo 0)"
	kill "$pid"
	got=0
	wait "$pid" || got=$?
	pid=
	same "$got" 143
}

@test "proxy: what it does not do is refused before anything is served" {
	while IFS='|' read -r words message; do
		eval "check 2 sk-faults proxy $words"
		has "$err" "$message"
	done <<'END'
|no server to stand before
--to ftp://x|ftp
--to http://example.com|asked over http
--to "$to" -p db_busy|a proxy knows no fault
--to "$to" -p store.ack.checked|a proxy knows no fault
--to "$to" -p agent_empty@claude|start one proxy for each agent
--to "$to" -p 50|unknown fault '50'
--to "$to" -e =x -- true|is not NAME
END
	proxy
	for line in 'CONNECT x:443 HTTP/1.1' 'GET http://evil.test/ HTTP/1.1' \
		'GET  / HTTP/1.1' 'nonsense' 'GET / HTTP/1.1\r\nA b: c' \
		'POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked' \
		'POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2' \
		'POST / HTTP/1.1\r\nContent-Length: 99999999999'; do
		exec 9<>"/dev/tcp/127.0.0.1/${url##*:}"
		printf '%b\r\n\r\n' "$line" >&9
		IFS= read -r -t 10 answer <&9
		exec 9<&-
		case $answer in
		"HTTP/1.1 4"*) ;;
		*) echo "$line: $answer"; false ;;
		esac
	done
	# It is there still.
	ask 0 /raw/json
	same "$(cat body)" '{"ok": 1}'
}

@test "libcurl that cannot be loaded: missing is to install, all else is the machine's" {
	unset LD_PRELOAD
	mkdir broken lacking
	echo 'no library' >broken/libcurl.so.4
	LD_LIBRARY_PATH=$PWD/broken check 71 sk-faults proxy --to "$to" -- true
	has "$err" "cannot load libcurl.so.4: "
	not has "$err" install
	cc -shared -o lacking/libsknone.so -Wl,-soname,libsknone.so -x c /dev/null &&
		cc -shared -Wl,--no-as-needed -o lacking/libcurl.so.4 -x c /dev/null \
			-x none lacking/libsknone.so || skip "no compiler here"
	rm lacking/libsknone.so
	LD_LIBRARY_PATH=$PWD/lacking check 2 sk-faults proxy --to "$to" -- true
	has "$err" "cannot load libcurl.so.4: libsknone.so: "
	has "$err" "(install libcurl4)"
}
