# Loaded after helper.bash by the files that speak to a server which answers, byte
# for byte, what lies in the directory $srv.

srv=$BATS_TEST_TMPDIR/srv

teardown() {
	local p
	for p in $pids; do
		kill "$p" 2>/dev/null || true
	done
}

# serve DIR [full]: $port is its port.
serve() {
	"$SK_BUILD/tools/mock_http" "$@" >"$BATS_TEST_TMPDIR/port" 3>&- &
	pids="$pids $!"
	wait_for [ -s "$BATS_TEST_TMPDIR/port" ]
	# shellcheck disable=SC2034 # the caller uses it
	port=$(cat "$BATS_TEST_TMPDIR/port")
	: >"$BATS_TEST_TMPDIR/port"
}

# raw NAME HEAD BODY: a response as it stands; printf escapes work.
raw() {
	# shellcheck disable=SC2059
	printf "$2" >"$srv/$1"
	# shellcheck disable=SC2059
	printf "$3" >>"$srv/$1"
}

# json NAME STATUS BODY [HEADER]: a complete one.
json() {
	printf 'HTTP/1.1 %s X\r\nContent-Type: application/json\r\nContent-Length: %s\r\n%b\r\n%s' \
		"$2" "${#3}" "${4:-}" "$3" >"$srv/$1"
}
