# Loaded after helper.bash by the files about agents, and about processes
# that are started and watched.

# script NAME BODY: an executable in the working directory.
script() {
	printf '#!/bin/sh\n%s\n' "$2" >"$1"
	chmod +x "$1"
}

# alive PID: it runs (a zombie of somebody else's does not).
alive() {
	case $(cat "/proc/$1/stat" 2>/dev/null) in
	*") Z "* | '') return 1 ;;
	esac
}

# gone_within MS PID...: dead by then.
gone_within() {
	local left=$(($1 / 10)) pid
	shift
	for pid; do
		while alive "$pid"; do
			if [ "$left" -le 0 ]; then
				echo "process $pid is still there"
				return 1
			fi
			left=$((left - 1))
			sleep 0.01
		done
	done
}

# gone PID...: dead within 5 s.
gone() {
	gone_within 5000 "$@"
}

# await FILE...: until they are there and not empty.
await() {
	local file
	for file; do wait_for [ -s "$file" ] || return; done
}

# await_text FILE TEXT: until it stands there.
await_text() {
	wait_for grep -qsF -- "$2" "$1" || { cat "$1"; return 1; }
}

# answers FILTER: jq over the sk.answer/1 records of the last stdout.
answers() {
	jq -c "select(.schema == \"sk.answer/1\") | $1" \
		<"$BATS_TEST_TMPDIR/.out"
}

# end FILTER: of the run.end event, which must be the last line.
end() {
	tail -n 1 "$BATS_TEST_TMPDIR/.out" |
		jq -c "select(.event == \"run.end\") | $1"
}

# error_code: of the sk.error/1 on the last stdout.
error_code() {
	jq -r 'select(.schema == "sk.error/1") | .error.code' \
		<"$BATS_TEST_TMPDIR/.out"
}

# calls [NAME]: the lines of the file that agents count their calls in.
calls() {
	local f=calls${1:+.$1}

	[ -e "$f" ] || { echo 0; return; }
	wc -l <"$f"
}

# stored SQL: what the database says
stored() {
	sqlite3 "$SK_DB" "$1"
}
