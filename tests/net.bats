#!/usr/bin/env bats
# sk-run over HTTP, against a server that is as rude as it is told to be: what
# is sent, what is read, and that every rudeness has a name and an end.

load helper
load rude

local_setup() {
	mkdir -p "$srv"
	export KEY=canary-5e1f OPENAI_API_KEY=canary-openai
	unset OPENAI_BASE_URL ANTHROPIC_BASE_URL GOOGLE_GEMINI_BASE_URL
	unset OLLAMA_HOST ANTHROPIC_API_KEY GEMINI_API_KEY GOOGLE_API_KEY
	unset https_proxy HTTPS_PROXY all_proxy ALL_PROXY SSL_CERT_FILE
	echo 'say OK' >prompt
}

# sse NAME BODY: a complete one.
sse() {
	printf 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n%b' \
		"$2" >"$srv/$1"
}

# agent NAME ADAPTER PATH [LINE...]: one that is asked at the server.
agent() {
	printf '[agents.%s]\nadapter = "%s"\nmodel = "m1"\nbase_url = "http://127.0.0.1:%s%s"\n' \
		"$1" "$2" "$port" "$3"
	shift 3
	for line; do
		printf '%s\n' "$line"
	done
}

chunk='{"choices":[{"index":0,"delta":{"content":"Hi \xc3\xa9"},"finish_reason":null}]}'
stop='{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}'
whole='{"choices":[{"index":0,"message":{"content":"Hi"},"finish_reason":"stop"}]}'

# nowhere WORD FILE...: a `!` before grep would fail no test.
nowhere() {
	if grep -rqF -- "$@"; then
		echo "there is '$1' in: $(grep -rlF -- "$@")"
		return 1
	fi
}

# verdicts: agent, kind or status, code
verdicts() {
	jq -r 'select(.schema == "sk.answer/1") | [.agent,
		(if .status == "ok" then .content
		else .failure.kind + " " + (.failure.code // "-") end)] |
		join(" ")' "$BATS_TEST_TMPDIR/.out" | sort
}

@test "a request: address, headers, key, body; whole or in pieces" {
	serve "$srv"
	json whole 200 "$whole"
	sse pieces "data: $chunk\n\ndata: $stop\n\ndata: [DONE]\n\n"
	agent one openai-chat /raw/whole/v1 'stream = false' 'key = "env:KEY"' \
		'headers = { X-Team = "a b" }' >c.toml
	agent two openai-chat /raw/pieces/v1/ \
		'body = { temperature = 0.5, messages = [] }' >>c.toml
	check 0 sk-run --config c.toml -a one -a two --attempts 1 -p prompt --json
	same "$(verdicts)" 'one Hi
two Hi é'
	grep -qx $'POST /raw/whole/v1/chat/completions HTTP/1.1\r' \
		"$srv/requests"
	grep -qx $'Authorization: Bearer canary-5e1f\r' "$srv/requests"
	grep -qx $'X-Team: a b\r' "$srv/requests"
	grep '^{' "$srv/requests" | jq -cS . | sort >got
	same "$(cat got)" '{"messages":[],"model":"m1","stream":true,"stream_options":{"include_usage":true},"temperature":0.5}
{"messages":[{"content":"say OK\n","role":"user"}],"model":"m1"}'
	# The URL of `two` is of the configuration, its key is not: none goes.
	[ "$(grep -c '^Authorization' "$srv/requests")" -eq 1 ]
	[ "$(grep -c canary-openai "$srv/requests")" -eq 0 ]
}

@test "pieces of one byte, and --stream gives the answer as it grows" {
	serve "$srv"
	sse pieces "data: $chunk\n\ndata: $chunk\n\ndata: $stop\n\ndata: [DONE]\n\n"
	agent x openai-chat /byte/pieces >c.toml
	check 0 sk-run --config c.toml -a x --attempts 1 -p prompt --stream --json
	same "$(verdicts)" 'x Hi éHi é'
	cp "$BATS_TEST_TMPDIR/.out" out
	same "$(j -j 'select(.event == "delta") | .text')" 'Hi éHi é'
	[ "$(j -r 'select(.event == "delta") | .attempt' | sort -u)" -eq 1 ]
	sk-run schema event >event.json
	jq -c 'select(.event == "delta")' out | head -n 1 >one
	feed_file one 0 "$SK_BUILD/tools/schema_check" event.json
	check 0 sk-run --config c.toml -a x --attempts 1 -p prompt --json
	[ "$(grep -c '"delta"' "$BATS_TEST_TMPDIR/.out")" -eq 0 ]
}

@test "an answer that is all in the last event, a refusal within, an end without a reason" {
	serve "$srv"
	local part='{"type":"reasoning"},{"type":"message","content":['
	local end='"object":"response","status":"completed","output":['
	sse final "data: {\"type\":\"response.completed\",\"response\":{$end$part{\"type\":\"output_text\",\"text\":\"whole\"}]}]}}\n\n"
	sse no "data: {\"type\":\"response.completed\",\"response\":{$end$part{\"type\":\"refusal\",\"refusal\":\"I will not\"}]}]}}\n\n"
	json piece 200 "{$end$part{\"type\":\"refusal\",\"refusal\":\"I will not\"}]}]}"
	raw old 'HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n\r\n' \
		'{"message":{"content":"hi"},"done":false}\n{"message":{"content":""},"done":true}\n'
	raw died 'HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n\r\n' \
		'{"message":{"content":"hi"},"done":false}\n{"error":"llama runner died"}\n'
	{
		for a in final no piece; do
			agent $a openai-responses /raw/$a
		done
		agent old ollama /raw/old
		agent died ollama /raw/died
	} >c.toml
	check 3 env OPENAI_API_KEY=k sk-run --config c.toml -a final -a no \
		-a piece -a old -a died --attempts 1 -p prompt --json
	same "$(verdicts)" 'died overloaded -
final whole
no refused -
old hi
piece refused -'
}

@test "a schema is passed on where the API takes it, and checked in any case" {
	serve "$srv"
	json whole 200 '{"choices":[{"message":{"content":"{\"n\":1}"},"finish_reason":"stop"}]}'
	json wrong 200 "$whole"
	echo '{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"],"additionalProperties":false}' >strict.json
	echo '{"type":"object","required":["n"]}' >loose.json
	agent x openai-chat /raw/whole 'stream = false' >c.toml
	agent y openai-chat /raw/wrong 'stream = false' >>c.toml
	agent z anthropic /raw/none 'stream = false' >>c.toml
	check 3 sk-run --config c.toml -a x -a y --attempts 1 -p prompt --schema strict.json --json
	same "$(verdicts)" 'x {"n":1}
y invalid -'
	same "$(grep '^{' "$srv/requests" | jq -c .response_format | sort -u)" \
		'{"type":"json_schema","json_schema":{"name":"answer","strict":true,"schema":{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"],"additionalProperties":false}}}'
	: >"$srv/requests"
	check 3 sk-run --config c.toml -a x -a y --attempts 1 -p prompt --schema loose.json --json
	same "$(grep '^{' "$srv/requests" | jq -c .response_format.json_schema.strict | sort -u)" false
	# Anthropic takes closed schemas only; another is not passed on.
	: >"$srv/requests"
	check 6 sk-run --config c.toml -a z --attempts 1 -p prompt --schema loose.json --json
	same "$(grep '^{' "$srv/requests" | jq -c 'has("output_config")' |
		sort -u)" false
	: >"$srv/requests"
	check 6 sk-run --config c.toml -a z --attempts 1 -p prompt --schema strict.json --json
	same "$(grep '^{' "$srv/requests" | jq -c .output_config.format.type |
		sort -u)" \
		'"json_schema"'
}

@test "a model of the configuration: where it is, its name, its limits, patience" {
	serve "$srv"
	json whole 200 "$whole"
	json busy 503 '{"error":{"message":"overloaded"}}'
	cat >c.toml <<-END
		[agents.a]
		adapter = "openai-chat"
		model = "small"
		stream = false
		[agents.b]
		adapter = "openai-chat"
		model = "little"
		stream = false
		[agents.elsewhere]
		adapter = "openai-chat"
		model = "tiny"
		stream = false
		base_url = "http://127.0.0.1:$port/raw/whole"
		[agents.c]
		adapter = "openai-chat"
		model = "busy"
		[models.small]
		model = "acme/small-2"
		aliases = ["tiny", "little"]
		endpoint = "http://127.0.0.1:$port/raw/whole"
		temperature = 0.25
		max_tokens = 77
		[models.busy]
		endpoint = "http://127.0.0.1:$port/raw/busy"
		retry = { max_retries = 2, base_delay_ms = 40, max_delay_ms = 40 }
	END
	check 0 sk-run --config c.toml -a a -a b -a elsewhere -p prompt --json
	same "$(grep -c '^POST /raw/whole/chat/completions ' "$srv/requests")" 3
	same "$(grep '^{' "$srv/requests" | jq -c '[.model, .temperature,
		.max_completion_tokens]' | sort -u)" '["acme/small-2",0.25,77]'
	# It is a URL of the configuration: no key goes there by itself.
	same "$(grep -c '^Authorization' "$srv/requests" || :)" 0
	# Retries of the model's provider; an option says more than a file.
	: >"$srv/requests"
	check 75 sk-run --config c.toml -a c -p prompt --json -e
	same "$(grep -c '^POST' "$srv/requests")" 3
	same "$(j 'select(.event == "retry") | .wait_ms < 41' | sort -u)" true
	: >"$srv/requests"
	check 75 sk-run --config c.toml -a c -p prompt --attempts 2 --json
	same "$(grep -c '^POST' "$srv/requests")" 2
	# A repository moves nothing.
	mkdir -p repo/.sk
	printf '[models.gpt-5]\nendpoint = "http://127.0.0.1:%s/raw/whole"\n' \
		"$port" >repo/.sk/config.toml
	cd repo
	: >"$srv/requests"
	check 2 sk-run -a openai-chat -m gpt-5 -p ../prompt --json
	same "$(cat "$srv/requests")" ''
}

@test "temperature and length of an answer, in the words of each API" {
	local ad
	serve "$srv"
	json whole 200 "{}"
	for ad in openai-chat openai-responses anthropic gemini-api ollama; do
		agent "$ad" "$ad" /raw/whole 'stream = false'
	done >c.toml
	printf '[models.m1]\ntemperature = 0.5\nmax_tokens = 9\n' >>c.toml
	check 6 sk-run --config c.toml -a openai-chat -a openai-responses \
		-a anthropic -a gemini-api -a ollama -p prompt --attempts 1 --json
	same "$(grep '^{' "$srv/requests" | jq -c 'del(.model, .messages, .input,
		.contents, .stream, .store)' | sort)" '{"generationConfig":{"temperature":0.5,"maxOutputTokens":9}}
{"max_tokens":9,"temperature":0.5}
{"options":{"temperature":0.5,"num_predict":9}}
{"temperature":0.5,"max_completion_tokens":9}
{"temperature":0.5,"max_output_tokens":9}'
}

@test "where the key comes from: variable, descriptor, sk-login, nowhere" {
	serve "$srv"
	json whole 200 "$whole"
	local b=/raw/whole
	agent env openai-chat $b 'stream = false' 'key = "env:KEY"' >c.toml
	agent fd openai-chat $b 'stream = false' 'key = "fd:9"' >>c.toml
	agent no openai-chat $b 'stream = false' 'key = "none"' >>c.toml
	agent unset openai-chat $b 'stream = false' 'key = "env:NO_SUCH"' >>c.toml
	agent login openai-chat $b 'stream = false' 'key = "login:acme"' >>c.toml
	# sk-login is looked for beside sk-run first.
	mkdir bin
	cp "$(command -v sk-run)" bin/
	printf '#!/bin/sh\ncase $* in "token --for http://127.0.0.1:'"$port"' --no-input -- acme") ;; *) exit 4 ;; esac; echo canary-login\n' \
		>bin/sk-login
	chmod +x bin/sk-login
	check 3 bin/sk-run --config c.toml -a env -a fd:2 -a no -a unset \
		-a login --attempts 1 -p prompt --json 9<<<canary-fd
	same "$(verdicts)" 'env Hi
fd.1 Hi
fd.2 Hi
login Hi
no Hi
unset auth no_key'
	same "$(grep -h '^Authorization' "$srv/requests" | tr -d '\r' | sort)" \
		'Authorization: Bearer canary-5e1f
Authorization: Bearer canary-fd
Authorization: Bearer canary-fd
Authorization: Bearer canary-login'
	# What sk-login refuses is a login that is needed.
	printf '#!/bin/sh\nexit 4\n' >bin/sk-login
	check 4 bin/sk-run --config c.toml -a login --attempts 1 -p prompt --json
	same "$(verdicts)" 'login auth no_key'
	has "$out" 'sk-login login acme'
	# The variable of the adapter goes where the same environment points.
	: >"$srv/requests"
	OPENAI_BASE_URL=http://127.0.0.1:$port/raw/whole check 0 sk-run \
		-a openai-chat -m m1 --attempts 1 -p prompt --json
	same "$(grep '^Auth' "$srv/requests" | tr -d '\r')" \
		'Authorization: Bearer canary-openai'
	# No key at all for the adapter's own endpoint: nobody is asked.
	unset OPENAI_API_KEY
	check 4 sk-run -a openai-chat -m m1 --attempts 1 -p prompt --json
	same "$(verdicts)" 'openai-chat auth no_key'
	# No secret is anywhere but where it was sent.
	nowhere canary "$SK_DB"* "$BATS_TEST_TMPDIR/.out" \
		"$BATS_TEST_TMPDIR/.err"
}

@test "keys that are none never leave" {
	serve "$srv"
	json whole 200 "$whole"
	agent x openai-chat /raw/whole 'key = "fd:9"' >c.toml
	head -c 1000000 /dev/zero | tr '\0' k >big
	for key in $'two\nlines' $'cr\rhere' $'\e[31m' ''; do
		printf '%s' "$key" >k
		check 4 sk-run --config c.toml -a x --attempts 1 -p prompt --json 9<k
		same "$(verdicts)" 'x auth bad_key'
	done
	check 6 sk-run --config c.toml -a x --attempts 1 -p prompt --json 9<big
	[ ! -e "$srv/requests" ]
	agent x openai-chat /raw/whole 'key = "canary-in-clear"' >c.toml
	check 2 sk-run --config c.toml -a x --attempts 1 -p prompt --json
	[ "${out#*canary-in-clear}" = "$out" ]
	[ "${err#*canary-in-clear}" = "$err" ]
}

@test "URLs that are not asked, and models that are none" {
	port=1
	for url in http://10.0.0.1/v1 http://example.com/ ftp://127.0.0.1/ \
		https://user:canary@example.com/ 'https://a b/' file:///etc/passwd; do
		printf '[agents.x]\nadapter = "openai-chat"\nmodel = "m"\nbase_url = "%s"\n' \
			"$url" >c.toml
		check 2 sk-run --config c.toml -a x --attempts 1 -p prompt --json
		[ "${err#*canary}" = "$err" ]
	done
	check 2 sk-run -a openai-chat --attempts 1 -p prompt --json
	has "$err" 'no model is named'
	check 2 sk-run -a gemini-api -m ../../x --attempts 1 -p prompt --json
	# A project's file that was merely found points nowhere.
	mkdir -p .sk
	printf '[agents.x]\nadapter = "openai-chat"\nbase_url = "https://evil.example"\nkey = "env:KEY"\n' \
		>.sk/config.toml
	check 2 sk-run -a x -m m --attempts 1 -p prompt --json
	has "$err" 'merely found'
	rm -r .sk
	OLLAMA_HOST=127.0.0.1 check 0 sk-run -a ollama -m m -n --attempts 1 -p prompt --json
	same "$(j '.agents[0].argv[1]')" http://127.0.0.1:11434/api/chat
	OLLAMA_HOST=0.0.0.0:99 check 0 sk-run -a ollama -m m -n --attempts 1 -p prompt --json
	same "$(j '.agents[0].argv[1]')" http://127.0.0.1:99/api/chat
	check 0 sk-run -a gemini-api -m 'a/b c?d' -n --attempts 1 -p prompt --json
	same "$(j '.agents[0].argv[1]')" \
		'https://generativelanguage.googleapis.com/v1beta/models/a/b%20c%3Fd:streamGenerateContent?alt=sse'
}

@test "redirects are not followed, by nobody, with nothing" {
	mkdir other
	serve "$PWD/other"
	local there=$port
	serve "$srv"
	json whole 200 "$whole"
	cp "$srv/whole" other/whole
	: >c.toml
	i=0
	for to in "http://127.0.0.1:$port/raw/whole/x" \
		"http://127.0.0.1:$there/raw/whole/x" /raw/whole/x \
		https://evil.example/ http://evil.example/ \
		file:///etc/passwd; do
		for code in 301 302 303 307 308; do
			i=$((i + 1))
			raw "r$i" "HTTP/1.1 $code Go\r\nLocation: $to\r\nContent-Length: 0\r\n\r\n" ''
			agent "a$i" openai-chat "/raw/r$i" 'key = "env:KEY"' >>c.toml
			set -- "$@" -a "a$i"
		done
	done
	check 6 sk-run --config c.toml "$@" --attempts 1 -p prompt --json
	same "$(verdicts | cut -d ' ' -f 2- | sort | uniq -c | xargs)" \
		"10 denied redirect 10 denied redirect_host 5 denied redirect_insecure 5 denied redirect_scheme"
	[ ! -e other/requests ]
	[ "$(grep -c ^POST "$srv/requests")" -eq "$i" ]
}

@test "hostile servers: each has its own failure, none hangs" {
	serve "$srv"
	local ok='HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n'
	local st='HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n'
	json whole 200 "$whole"
	raw cutlen "${ok}Content-Length: 9000\r\n\r\n" '{"choices":'
	raw longer "${ok}Content-Length: 20\r\n\r\n" "$whole"
	raw chunked "${st}Transfer-Encoding: chunked\r\n\r\n" \
		"40\r\ndata: {\"choices\":"
	raw badchunk "${st}Transfer-Encoding: chunked\r\n\r\n" 'zzzz\r\nhello'
	raw noend "$st\r\n" "data: $chunk\n\n"
	raw held "$st\r\n" "data: $chunk\n\n"
	raw resetting "${st}Transfer-Encoding: chunked\r\n\r\n" ''
	raw gzip "${ok}Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\n" 'abc'
	raw nul "HTTP/1.1 200 OK\r\nX-A: a\\0b\r\nContent-Length: 2\r\n\r\n" '{}'
	raw old '' "$whole"
	raw garbage '' '\x16\x03\x01\x02 not http\r\n\r\n'
	raw html 'HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n' '<html>'
	raw badsse "$st\r\n" 'data: {"id": [ {{{ not json\n\n'
	raw twice "$st\r\n" 'data: {"choices":[],"choices":[]}\n\n'
	raw badutf "$st\r\n" 'data: {"choices":[{"delta":{"content":"\xff\xfe"}}]}\n\n'
	raw nothing "${ok}Content-Length: 0\r\n\r\n" ''
	raw drips "$ok\r\n" "$whole"
	raw comments "$st\r\n--\n" ': nothing to see here, and nothing again\n'
	raw endless "$st\r\n--\n" "data: $chunk\n\n"
	raw body "$ok\r\n--\n" '{"choices":[0,0,0,0,0,0,0,0,0,0'
	raw line "$st\r\n--\n" 'data: xxxxxxxxxxxxxxxxxxxxxxxxxxx'
	head -c 1000000 /dev/zero | tr '\0' h >big
	raw bighead "HTTP/1.1 200 OK\r\nX-Big: $(cat big)\r\n\r\n" '{}'
	cat >table <<'END'
cutlen raw transport cut_short
longer raw invalid bad_json
chunked raw transport cut_chunk
badchunk raw invalid bad_chunk
noend raw truncated -
held hold timeout_idle -
resetting rst transport cut_reset
gzip raw denied compressed
nul raw invalid header_nul
old raw invalid not_http
garbage raw invalid not_http
html raw invalid bad_json
badsse raw invalid bad_json
twice raw invalid bad_json
badutf raw invalid bad_json
nothing raw truncated -
drips drip timeout_first_byte -
comments flood truncated body_too_large
endless flood truncated answer_too_large
body flood truncated answer_too_large
line flood truncated answer_too_large
bighead raw truncated header_too_large
x headers truncated header_too_large
x interim truncated interim_without_end
x silent timeout_first_byte -
x close transport closed
END
	printf '[run]\nfirst_byte = "400ms"\nidle = "400ms"\n' >c.toml
	: >wanted
	set --
	while read -r name mode kind code; do
		a=$name-$mode
		agent "$a" openai-chat "/$mode/$name" 'key = "env:KEY"' "provider = \"p-$a\"" >>c.toml
		echo "$a $kind $code" >>wanted
		set -- "$@" -a "$a"
	done <table
	start=$(date +%s)
	got=0
	timeout 60 sk-run --config c.toml "$@" --attempts 1 -p prompt --json \
		--max-output 100K -j 8 >"$BATS_TEST_TMPDIR/.out" 2>err || got=$?
	[ "$got" -eq 6 ] || cat err
	diff <(sort wanted) <(verdicts)
	[ $(($(date +%s) - start)) -lt 50 ]
	nowhere canary "$SK_DB"* "$BATS_TEST_TMPDIR/.out" err
}

@test "clocks of one exchange: connection, first byte, idle, all" {
	get=$SK_BUILD/tools/net_get
	serve "$srv" full
	local full=$port
	serve "$srv"
	json whole 200 "$whole"
	check 1 "$get" -c 200 "http://127.0.0.1:$full/"
	has "$out" connect_timeout:
	check 1 "$get" -f 200 "http://127.0.0.1:$port/silent/x"
	has "$out" first_byte_timeout:
	raw held 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n' '{}'
	check 1 "$get" -i 200 "http://127.0.0.1:$port/hold/held"
	has "$out" idle_timeout:
	check 1 "$get" -t 200 "http://127.0.0.1:$port/silent/x"
	has "$out" total_timeout:
	check 1 "$get" "http://127.0.0.1:1/"
	has "$out" connect_failed:
	check 0 "$get" -b '{}' "http://127.0.0.1:$port/raw/whole/"
	has "$out" '200 75'
	# With sk-run the attempt's clock is the last one.
	agent x openai-chat /drip/whole 'stream = false' >c.toml
	check 9 sk-run --config c.toml -a x --attempts 1 -p prompt -t 400ms --json
	same "$(verdicts)" 'x timeout_total -'
}

@test "a secret is for one origin, a shipped endpoint for public addresses" {
	get=$SK_BUILD/tools/net_get
	serve "$srv"
	json whole 200 "$whole"
	u=http://127.0.0.1:$port
	check 0 "$get" -s 'A: canary' -o "$u" "$u/raw/whole"
	: >"$srv/requests"
	for o in "http://127.0.0.1:80" "https://127.0.0.1:$port" \
		"http://localhost:$port" "http://127.0.0.1:${port}0" ''; do
		check 1 "$get" -s 'A: canary' -o "$o" "$u/raw/whole"
		has "$out" wrong_origin:
	done
	check 1 "$get" -s $'A: x\r\nB: canary' "$u/raw/whole"
	has "$out" bad_header:
	[ ! -s "$srv/requests" ]
	# A name that leads to this machine or its neighbours.
	name=$(hostname)
	getent ahosts "$name" | grep -qE '^(127|10|172|192\.168|::1|fd)' ||
		skip 'the name of this machine leads to no local address'
	check 1 "$get" -p "https://$name:$port/"
	has "$out" address_refused:
}

@test "a proxy of the environment: for https alone, and without our headers" {
	get=$SK_BUILD/tools/net_get
	serve "$srv"
	raw proxy 'HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n' ''
	export https_proxy=http://127.0.0.1:$port
	check 1 timeout 20 "$get" -t 2000 -s 'Authorization: canary' \
		https://api.example.invalid/
	# A server that is no proxy makes no tunnel: CONNECT has our host, no key.
	[ "${out#*canary}" = "$out" ]
	[ ! -e "$srv/requests" ] || nowhere canary "$srv/requests"
	json whole 200 "$whole"
	check 0 "$get" "http://127.0.0.1:$port/raw/whole"
	no_proxy=example.invalid check 1 "$get" https://api.example.invalid/
	has "$out" dns:
}

@test "cancelled: the connection goes, the answer says so" {
	serve "$srv"
	agent x openai-chat /silent/x >c.toml
	sk-run --config c.toml -a x --attempts 1 -p prompt --json >out 2>err &
	pid=$!
	wait_for [ -s "$srv/requests" ]
	kill -TERM "$pid"
	got=0
	wait "$pid" || got=$?
	[ "$got" -eq 143 ]
	same "$(jq -r 'select(.failure) | .failure.kind' out)" cancelled
}

@test "rate limits: what headers and bodies say of when to come back" {
	serve "$srv"
	json a 429 '{"error":{"message":"slow down","code":"rate_limit_exceeded"}}' \
		'retry-after: 7\r\n'
	json b 429 '{"error":{"message":"Please try again in 1m3.5s.","code":"rate_limit_exceeded"}}'
	json c 503 '{"error":{"message":"overloaded"}}' 'Retry-After: 9\r\n'
	json d 429 '{"error":{"message":"no money","code":"insufficient_quota"}}'
	json e 200 "$whole" 'retry-after: 99\r\n'
	: >c.toml
	set --
	for n in a b c d e; do
		agent "$n" openai-chat "/raw/$n" 'stream = false' "provider = \"p-$n\"" >>c.toml
		set -- "$@" -a "$n"
	done
	timeout 60 sk-run --config c.toml "$@" --attempts 1 -p prompt --json \
		>"$BATS_TEST_TMPDIR/.out" || true
	same "$(j -r 'select(.agent and .schema == "sk.answer/1") |
		[.agent, .failure.kind, .failure.retry_after_ms] | join(" ")' |
		sed 's/ *$//' | sort)" 'a rate_limited 7000
b rate_limited 63500
c overloaded 9000
d quota_exhausted
e'
}

@test "a server that says that another call is of no use is believed" {
	serve "$srv"
	json no 503 '{"error":{"message":"overloaded"}}' 'X-Should-Retry: false\r\n'
	json yes 503 '{"error":{"message":"overloaded"}}' 'x-should-retry: true\r\n'
	json zero 429 '{"error":{"code":429,"message":"You exceeded your current quota, limit: 0, model: m","status":"RESOURCE_EXHAUSTED"}}'
	local n
	for n in no:1 yes:2 zero:1; do
		agent x openai-chat "/raw/${n%:*}" >c.toml
		: >"$srv/requests"
		SPECKIT_RETRY__SCALE=0.01 timeout 20 sk-run --config c.toml -a x \
			--attempts 2 -p prompt >/dev/null 2>&1 || true
		same "$n $(grep -c ^POST "$srv/requests")" "$n ${n#*:}"
	done
}

@test "no program links libcurl, and only who speaks HTTP loads it" {
	for p in "$SK_BIN"/sk*; do
		ldd "$p" >libs
		nowhere curl libs
	done
	command -v strace >/dev/null || skip 'strace is not installed'
	strace -f -o trace sk-run --exec x=cat --attempts 1 -p prompt --json >out ||
		skip 'strace cannot trace here'
	nowhere libcurl trace
	serve "$srv"
	json whole 200 "$whole"
	agent x openai-chat /raw/whole >c.toml
	strace -f -o trace sk-run --config c.toml -a x --attempts 1 -p prompt --json >out
	grep -q libcurl.so.4 trace
}
