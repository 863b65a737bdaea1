# Loaded by the files about real programs: they come from the npm registry, once,
# into $REAL; to have them anew, remove that. The agents' programs talk to a mock
# model server on loopback and to nobody else.

export REAL=${SK_REAL:-$SK_TOP/build/real}
export MOCK=$SK_SHARED/tools/mock-model-server/mock.mjs

# npm_here: there is something to install with.
npm_here() {
	command -v node >/dev/null && command -v npm >/dev/null
}

# install NAME PACKAGE: once; no scripts of the packages are run
install() {
	[ -d "$REAL/$1/node_modules" ] && return
	mkdir -p "$REAL/$1"
	(cd "$REAL/$1" && npm install --no-audit --no-fund --ignore-scripts \
		--loglevel=error --prefix . "$2" >install.log 2>&1 3>&-) ||
		rm -rf "$REAL/$1/node_modules"
}

# have NAME PATH…: the first that runs is PROGRAM
have() {
	local name=$1 p
	shift
	for p in "$@"; do
		PROGRAM=$REAL/$name/node_modules/$p
		[ -x "$PROGRAM" ] && return
	done
	skip "$name could not be installed from the npm registry"
}

# agent_program NAME PATH…: the same, and the mock runs
agent_program() {
	[ -n "${PORT:-}" ] ||
		skip "needs node, npm and the mock model server"
	have "$@"
}

port_open() { (: <"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null; }

# mock_up SCRIPT FROM: the mock at $PORT, one of the 9000 after FROM
mock_up() {
	export PORT=$(($2 + RANDOM % 9000))
	node "$1" "$PORT" "$BATS_FILE_TMPDIR/log" \
		>"$BATS_FILE_TMPDIR/mock.out" 2>&1 3>&- &
	echo $! >"$BATS_FILE_TMPDIR/mock.pid"
	wait_for port_open || unset PORT
}

teardown_file() {
	[ ! -s "$BATS_FILE_TMPDIR/mock.pid" ] ||
		kill "$(cat "$BATS_FILE_TMPDIR/mock.pid")" 2>/dev/null || :
}
