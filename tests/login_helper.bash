# Loaded by the files about sk-login: a fake provider on loopback, and a user's
# provider file whose polls do not wait.

setup_file() {
	local fake=$SK_BUILD/tools/fake_provider
	[ -x "$fake" ] || skip "fake_provider is not built"
	rm -f "$BATS_FILE_TMPDIR/port"
	"$fake" "$BATS_FILE_TMPDIR/port" "$BATS_FILE_TMPDIR/server.log" 900 \
		>/dev/null 2>&1 3>&- &
	echo $! >"$BATS_FILE_TMPDIR/pid"
	wait_for [ -s "$BATS_FILE_TMPDIR/port" ]
	FAKE=http://127.0.0.1:$(cat "$BATS_FILE_TMPDIR/port")/s
	export FAKE
}

teardown_file() {
	[ ! -s "$BATS_FILE_TMPDIR/pid" ] || kill "$(cat "$BATS_FILE_TMPDIR/pid")"
}

local_setup() {
	unset SK_KEY_FILE CREDENTIALS_DIRECTORY SK_LOGIN_STORE \
		SK_LOGIN_READ_ONLY OPENAI_API_KEY GH_TOKEN GITHUB_TOKEN \
		ANTHROPIC_API_KEY CODEX_ACCESS_TOKEN
	unset https_proxy HTTPS_PROXY all_proxy ALL_PROXY
	mkdir -p "$XDG_CONFIG_HOME/sk/providers"
	export tokens=$XDG_STATE_HOME/sk/tokens
}

# provider NAME SCENARIO [TOML]: a provider of the user's on the fake server.
provider() {
	cat >"$XDG_CONFIG_HOME/sk/providers/$1.toml" <<-END
		issuer = "$FAKE/$2"
		client_id = "cli"
		discovery = "none"
		${3:-}
		[endpoints]
		device = "{issuer}/device"
		token = "{issuer}/token"
		revoke = "{issuer}/revoke"
		userinfo = "{issuer}/me"
		[timing]
		interval = 0
		interval_min = 0
	END
}

# log_in NAME SCENARIO [TOML]
log_in() {
	provider "$@"
	check 0 sk-login login "$1" --json
}

# stat SCENARIO FILTER: the server's counters
stat_of() {
	curl -gs "$FAKE/$1/stat" | jq -r "$2"
}

# code_of: the error code of the last standard output
code_of() {
	jq -r 'select(.schema == "sk.error/1").error.code' \
		<"$BATS_TEST_TMPDIR/.out"
}

# encodings TEXT: it in twelve forms, one a line. (Of base64 only the middle,
# which does not depend on what stands around it.)
encodings() {
	local t=$1 i hex
	hex=$(printf %s "$t" | od -An -tx1 -v | tr -d '\n')
	printf '%s\n' "$t" "${hex// /}" "$(printf %s "${hex// /}" | tr a-f A-F)" \
		"${hex// /%}" "${hex// /\\u00}" "${hex// /\\x}"
	for i in 0 1 2; do
		printf '%*s%s' "$i" '' "$t" | base64 -w 0 | tr -d '=' |
			sed 's/^....//; s/..$//'
		echo
	done >.b64
	cat .b64
	tr '+/' '-_' <.b64
	rm .b64
}
