# Loaded by every bats file: tools on PATH, a state of its own per test.
#
# SK_BIN is the directory under test (default: bin of this tree), SK_BUILD where
# the test tools are. Nothing of the caller's configuration reaches a test.

SK_TOP=$(cd "$BATS_TEST_DIRNAME" && while [ ! -e Makefile ]; do cd ..; done; pwd)
SK_BIN=${SK_BIN:-$SK_TOP/bin}
SK_BUILD=${SK_BUILD:-$SK_TOP/build}
SK_SHARED=${SK_SHARED:-$SK_TOP/../shared}
PATH=$SK_BIN:$PATH
# Of the caller's settings, keys and CI none reaches a test.
if [ -z "${SK_OWN_ENV-}" ]; then
	for name in $(compgen -e); do
		case $name in
		SK_BIN | SK_BUILD | SK_SHARED | SK_TOP | SK_FAULTY* | \
			SK_KEEP | SK_ORDER_* | SK_REAL | SK_ROUNDS | SK_STORM) ;;
		SK_* | SPECKIT_* | SPEC_* | CODEX_* | CLAUDE* | ANTHROPIC_* | \
			OPENAI_* | GEMINI_* | GOOGLE_* | QWEN_* | *_API_KEY | *_TOKEN | \
			CI | CI_* | GITHUB_* | GITLAB_* | GIT_* | XDG_* | COLUMNS | \
			LINES | NO_COLOR | TZ | CREDENTIALS_DIRECTORY | *DISPLAY)
			unset "$name"
			;;
		esac
	done
	export SK_OWN_ENV=1 TERM=xterm
	umask 022
fi
# (Before the files are read: what their $'\u…' means depends on it.)
export LC_ALL=C.UTF-8
# (ASan reserves terabytes of address space; leaks are reported at exit.)
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:exitcode=99}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}

setup() {
	export HOME=$BATS_TEST_TMPDIR/home
	export XDG_CONFIG_HOME=$HOME/.config XDG_STATE_HOME=$HOME/.state
	export SK_DB=$BATS_TEST_TMPDIR/state/sk.db
	mkdir -p "$HOME" "$BATS_TEST_TMPDIR/work"
	cd "$BATS_TEST_TMPDIR/work" || return 1
	if [ "$(type -t local_setup)" = function ]; then local_setup; fi
}

# check STATUS COMMAND…: runs it, shows everything when the status differs.
# $out and $err hold the two streams.
check() {
	local want=$1 got=0
	shift
	"$@" >"$BATS_TEST_TMPDIR/.out" 2>"$BATS_TEST_TMPDIR/.err" </dev/null ||
		got=$?
	_after "$want" "$got" "$*"
}

# feed INPUT STATUS COMMAND…: the same with standard input.
feed() {
	local in=$1 want=$2 got=0
	shift 2
	printf '%s' "$in" | "$@" >"$BATS_TEST_TMPDIR/.out" \
		2>"$BATS_TEST_TMPDIR/.err" || got=$?
	_after "$want" "$got" "$*"
}

# feed_file FILE STATUS COMMAND…
feed_file() {
	local in=$1 want=$2 got=0
	shift 2
	"$@" <"$in" >"$BATS_TEST_TMPDIR/.out" 2>"$BATS_TEST_TMPDIR/.err" ||
		got=$?
	_after "$want" "$got" "$*"
}

_after() {
	# (Binary output is looked at with the file.)
	out=$(tr -d '\0' <"$BATS_TEST_TMPDIR/.out")
	err=$(tr -d '\0' <"$BATS_TEST_TMPDIR/.err")
	if [ "$2" -ne "$1" ]; then
		printf 'status %s, wanted %s: %s\n' "$2" "$1" "$3"
		printf 'stdout: %s\nstderr: %s\n' "$out" "$err"
		_faults
		return 1
	fi
}

# The faults that were hit, as the line that brings them back.
_faults() {
	local tool=${SK_FAULTY_BIN:-$SK_TOP/build-faults/bin}/sk-faults
	[ -e "${SK_DB:-}-faults" ] && [ -x "$tool" ] || return 0
	printf 'faults: %s\n' "$("$tool" status --line 2>&1)"
}

# Are the programs under test built with AddressSanitizer?
asan() {
	case $(ldd "$SK_BIN/sk") in *libasan*) ;; *) return 1 ;; esac
}

# one_line: stderr was exactly one line.
one_line() {
	if [ "$(wc -l <"$BATS_TEST_TMPDIR/.err")" -ne 1 ]; then
		printf 'stderr is not one line: %s\n' "$err"
		return 1
	fi
}

# not COMMAND…: it must fail. (A bare `! command` in the middle of a test never
# ends it, so it would check nothing.)
not() {
	if "$@"; then
		printf 'succeeded, and should not have: %s\n' "$*"
		return 1
	fi
}

# wait_for COMMAND…: until it succeeds, a minute at most.
wait_for() {
	local i
	for ((i = 0; i < 3000; i++)); do
		if "$@"; then return; fi
		sleep 0.02
	done
	printf 'waited in vain for: %s\n' "$*"
	return 1
}

# stopped PID: by a signal.
stopped() { [ "$(cut -d' ' -f3 "/proc/$1/stat" 2>/dev/null)" = T ]; }

# same GOT WANT
same() {
	[ $# -eq 2 ] || { echo "same: $# words"; return 1; }
	if [ "$1" != "$2" ]; then
		printf 'got:  %s\nwant: %s\n' "$1" "$2"
		return 1
	fi
}

# has TEXT PART
has() {
	if [ $# -ne 2 ] || [ -z "$2" ]; then
		echo "has: what part?"
		return 1
	fi
	case $1 in
	*"$2"*) ;;
	*)
		printf "no '%s' in: %s\n" "$2" "$1"
		return 1
		;;
	esac
}

# valid [NAME]: the last stdout is documents, each of which fits the schema that
# it names (sk.NAME/1), as the tool that the file is about prints it.
valid() {
	local tmp=$BATS_TEST_TMPDIR tool doc name seen=
	tool=$(basename "$BATS_TEST_FILENAME" .bats | cut -d- -f1,2)
	jq -c . "$tmp/.out" >"$tmp/.docs" || return
	[ -s "$tmp/.docs" ] || { echo 'valid: no document'; return 1; }
	while IFS= read -r doc; do
		name=$(jq -r .schema <<<"$doc")
		[ -z "${1-}" ] || same "$name" "sk.$1/1" || return
		[ "$name" = "$seen" ] ||
			"$tool" schema "$name" >"$tmp/.schema" || return
		seen=$name
		"$SK_BUILD/tools/schema_check" "$tmp/.schema" <<<"$doc" ||
			return
	done <"$tmp/.docs"
}

# j FILTER: jq -r on the last stdout.
j() {
	jq -r "$@" <"$BATS_TEST_TMPDIR/.out"
}
