#!/usr/bin/env bats
# Hostile agents, all at once under one sk-run: each is told what it is, nothing
# of them stays behind, memory stays bounded, and a terminal sees only text.

load helper
load agents

# Everything that carries our mark, or said that it would stay.
survivors() {
	local f pid
	for f in /proc/[0-9]*/environ; do
		if { tr '\0' '\n' <"$f"; } 2>/dev/null |
			grep -qxF "TORTURE_LEFT=$TORTURE_LEFT"; then
			pid=${f#/proc/}
			pid=${pid%/environ}
			[ "$pid" = $$ ] || [ "$pid" = "$BASHPID" ] || echo "$pid"
		fi
	done
	for pid in $(cat "$TORTURE_LEFT"/* 2>/dev/null); do
		if alive "$pid"; then echo "$pid"; fi
	done
}

# The agents of the file `cases` as a configuration and as options.
local_setup() {
	TORTURE_LEFT=$BATS_TEST_TMPDIR/left
	mkdir "$TORTURE_LEFT"
	agents=()
	while read -r name form _; do
		case $name in '#'* | '') continue ;; esac
		# A configuration of its own for what a launcher cannot say.
		printf '[agents.%s]\nadapter = "%s"\ncommand = ["%s", "%s"]\n' \
			"$name" "$form" "$BATS_TEST_DIRNAME/torture/agent" "$name"
		printf '[agents.%s.env]\nTORTURE_LEFT = "%s"\nTORTURE_FLOOD = "%s"\n' \
			"$name" "$TORTURE_LEFT" "${TORTURE_FLOOD:-20000000}"
	done <"$BATS_TEST_DIRNAME/torture/cases" >sk.toml
	mapfile -t agents < <(awk '!/^#/ && NF { print "-a"; print $1 }' \
		"$BATS_TEST_DIRNAME/torture/cases")
	printf p >in
	export SPECKIT_RUN__GRACE=500ms SPECKIT_RUN__FIRST_BYTE=1500ms
	export SPECKIT_RUN__IDLE=1500ms SK_CONFIG=$PWD/sk.toml
}

# watch PID: until it ends; its status in $got, the worker's most memory, which
# has a limit, in $peak.
watch() {
	local pid=$1 kids k key r
	peak=0 got=0
	while kids=$(cat /proc/$pid/task/$pid/children 2>/dev/null) &&
		[ -e /proc/$pid/exe ]; do
		for k in $kids; do
			while read -r key r _; do
				[ "$key" = VmHWM: ] && [ "$r" -gt "$peak" ] &&
					peak=$r
			done 2>/dev/null </proc/$k/status || : # it has ended
		done
		sleep 0.02
	done
	wait "$pid" || got=$?
	echo "peak: $peak kB"
	[ "$peak" -gt 1000 ]
	case $(ldd "$SK_BIN/sk-run") in
	*libasan*) ;;
	*) [ "$peak" -lt 32768 ] ;;
	esac
}

@test "every hostile agent is told what it is, none survives, memory is bounded" {
	sk-run -p in "${agents[@]}" --attempts 1 -t "${TORTURE_TIME:-4s}" \
		>"$BATS_TEST_TMPDIR/.out" 2>err &
	watch $!
	same "$got" 3
	awk '!/^#/ && NF { print $1, $3 }' "$BATS_TEST_DIRNAME/torture/cases" |
		sort >want
	answers '[.agent, .failure.kind // "ok"] | join(" ")' | tr -d '"' |
		sort >have
	diff want have
	[ "$(wc -l <want)" -ge 40 ]
	same "$(survivors)" ''
	same "$(tail -n 1 "$BATS_TEST_TMPDIR/.out" | jq -r .event)" run.end
	same "$(LC_ALL=C grep -cv '^[ -~]*$' "$BATS_TEST_TMPDIR/.out")" 0
	same "$(LC_ALL=C grep -cv '^[ -~]*$' err)" 0
	# What is in the answers is what was said.
	same "$(answers 'select(.agent == "split-utf8") | [.content, .lossy]')" \
		'["€",false]'
	same "$(answers 'select(.agent == "bad-utf8") | .lossy')" true
	same "$(answers 'select(.agent == "json-then-logs") | .data.v')" 1
	same "$(answers 'select(.agent == "twice-keys") | .data')" null
	same "$(answers 'select(.agent == "hang") | .content')" null
	same "$(answers 'select(.agent == "nul") | .content')" '"a\u0000b\u0000"'
}

@test "many that say much at once take no more memory than one" {
	SPECKIT_RUN__IDLE=4s SPECKIT_RUN__FIRST_BYTE=20s \
		sk-run -p in -a c-part:6 -a g-book:6 --attempts 1 -t 30s \
		>"$BATS_TEST_TMPDIR/.out" 2>err &
	watch $!
	same "$got" 3
	same "$(answers '[.failure.kind, (.content // "" | length)]' |
		sort | uniq -c | tr -s ' ')" ' 6 ["timeout_idle",0]
 6 [null,3000000]'
}

@test "hostile agents on a terminal: nothing but printable text" {
	type -P script >/dev/null || skip 'no script(1) here'
	TERM=xterm command script -qec "sk-run -p in -a escapes -a bad-utf8 -a commands \
		-a nul -a tty -a fake-record -a c-garbage -a exit1-talk \
		--attempts 1" typescript </dev/null >/dev/null || :
	grep -q 'AGENT' typescript
	# The lines of script itself aside: text, line ends, and our own
	# drawing of the status line.
	sed '/^Script /d' typescript | tr -d '\r' |
		LC_ALL=C sed 's/\x1b\[[0-9;]*[KAJm]//g; s/\xef\xbf\xbd//g' >shown
	same "$(LC_ALL=C tr -d '\n -~' <shown | od -An -c | head -n 3)" ''
	same "$(grep -c '^::\|##' shown)" 0
}
