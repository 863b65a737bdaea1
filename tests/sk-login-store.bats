#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# sk-login: the store, refresh among many processes, crashes, hygiene.

load helper
load login_helper

# due NAME SCENARIO [TOML]: a login whose token ends in a second
due() {
	log_in "$1" "$2;exp=1;iv=none" "${3:-}"
}

# crowd N COMMAND...: N at once; prints how many succeeded
crowd() {
	local n=$1 i
	shift
	rm -f c.*
	for i in $(seq "$n"); do
		{ "$@" >"c.$i.out" 2>"c.$i.err" && : >"c.$i.ok"; } 3>&- &
	done
	wait
	find . -name 'c.*.ok' | wc -l
}

@test "the store: what is wrong with a file is said, and it stays as it is" {
	feed sk-abc 0 sk-login login openai-api
	f=$tokens/openai-api.token
	cp -p "$f" good
	patch() {
		dd if=at of="$2" bs=1 seek="$1" conv=notrunc 2>/dev/null
	}
	export -f patch
	while IFS='|' read -r how status code; do
		cp -p good "$f"
		bash -c "$how" bash "$f"
		sum=$(sha256sum <"$f" || ls -ld "$f")
		check "$status" sk-login token openai-api
		check "$status" sk-login status openai-api --json
		same "$how $(code_of)" "$how $code"
		# A login does not write over it either.
		printf new >in
		feed_file in "$status" sk-login login openai-api --json
		same "$how $(code_of)" "$how $code"
		same "$(sha256sum <"$f" || ls -ld "$f")" "$sum"
		rm -f "$f" hard
	done <<-'END'
		: >"$1"|65|store_empty
		head -c 40 good >"$1"|65|store_torn
		head -c 70 good >"$1"|65|store_torn
		head -c 4000 good >"$1"|65|store_length
		printf x >>"$1"|65|store_length
		printf '{"token":"x"}' >"$1"|65|store_foreign
		printf abcd >at; patch 100 "$1"|65|store_damaged
		printf '\2' >at; patch 4 "$1"|69|store_newer
		printf '\11' >at; patch 5 "$1"|65|store_header
		printf '\1\0\0\377\377\377\377\377\377\377\377' >at; patch 5 "$1"|65|store_header
		printf zzzz >at; patch 32 "$1"|4|wrong_key
		cp "${1%/*}/store.check" "$1"|65|store_other
		chmod 640 "$1"|2|store_mode
		chmod 604 "$1"|2|store_mode
		ln "$1" hard|65|store_kind
	END
	cp -p good "$f"
	check 0 sk-login token openai-api
	same "$out" sk-abc
	# A link is not followed, another provider's file is not taken.
	mv "$f" elsewhere
	ln -s "$PWD/elsewhere" "$f"
	check 65 sk-login token openai-api
	rm "$f"
	cp -p elsewhere "$tokens/openrouter.token"
	check 65 sk-login token openrouter
	chmod 755 "$tokens"
	check 2 sk-login token openai-api
	has "$err" chmod
}

@test "the key: from a file, a command, a passphrase, credentials; its faults" {
	conf=$XDG_CONFIG_HOME/sk
	feed sk-abc 0 sk-login login openai-api
	same "$(stat -c %a:%s "$conf/login.key" "$tokens")" "600:32
700:$(stat -c %s "$tokens")"
	not grep -rq sk-abc "$HOME"
	cp -p "$conf/login.key" key
	while IFS='|' read -r how code; do
		rm -rf "$conf/login.key" hard
		cp -p key "$conf/login.key"
		sh -c "$how" sh "$conf/login.key"
		check "$([ "$code" = key_missing ] || [ "$code" = wrong_key ] &&
			echo 4 || echo 2)" sk-login status openai-api --json
		same "$how $(code_of)" "$how $code"
	done <<-'END'
		rm "$1"|key_missing
		chmod 644 "$1"|key_file_mode
		: >"$1"|key_file_size
		printf x >>"$1"|key_file_size
		head -c 32 /dev/urandom >"$1"|wrong_key
		rm "$1"; mkdir "$1"|key_file_kind
		ln "$1" hard|key_file_kind
	END
	rm -rf "$conf/login.key" hard
	# The same key, wherever it is.
	check 0 env SK_KEY_FILE="$PWD/key" sk-login token openai-api
	mkdir creds
	cp -p key creds/sk-login.key
	check 0 env CREDENTIALS_DIRECTORY="$PWD/creds" sk-login token openai-api
	same "$out" sk-abc
	# A command, which is not a shell's.
	rm -r "$tokens"
	printf '#!/bin/sh\nod -An -tx1 -v %s/key | tr -d " \\n"\n' "$PWD" >give
	chmod +x give
	printf 'key = "command"\nkey_command = ["%s/give", "; touch %s/owned"]\n' \
		"$PWD" "$PWD" >"$conf/login.toml"
	feed sk-cmd 0 sk-login login openai-api
	check 0 sk-login token openai-api
	same "$out" sk-cmd
	[ ! -e owned ]
	printf '#!/bin/sh\necho short\n' >give
	check 65 sk-login token openai-api
	printf '#!/bin/sh\nexit 3\n' >give
	check 4 sk-login token openai-api
	printf 'ky = "x"\n' >"$conf/login.toml"
	check 2 sk-login token openai-api
	has "$err" "did you mean 'key'?"
	printf 'key = "magic"\n' >"$conf/login.toml"
	check 2 sk-login token openai-api
}

@test "the key by passphrase: asked, derived with care, kept for a while" {
	printf 'key = "passphrase"\nkdf = "interactive"\n' \
		>"$XDG_CONFIG_HOME/sk/login.toml"
	echo horse >pass
	echo wrong >wrong
	check 0 sh -c 'echo sk-abc | sk-login login openai-api --passphrase-fd 3 3<pass'
	check 0 sk-login lock
	check 5 setsid -w sk-login token openai-api --no-input
	has "$err" 'sk-login unlock'
	check 4 sh -c 'sk-login token openai-api --passphrase-fd 3 3<wrong'
	check 0 sh -c 'sk-login token openai-api --passphrase-fd 3 3<pass'
	same "$out" sk-abc
	# (Where the kernel keeps keys; some containers have it blocked.)
	check 0 sh -c 'sk-login unlock --time 30s --passphrase-fd 3 3<pass' ||
		{ has "$err" keyring; skip "no kernel keyring here"; }
	check 0 setsid -w sk-login token openai-api --no-input
	same "$out" sk-abc
	check 0 sk-login lock
	check 5 setsid -w sk-login token openai-api --no-input
	check 2 sh -c 'echo x | sk-login login openai-api --passphrase-fd 3 3</dev/null'
}

# all three logins, and a refresh, work as they did
all_there() {
	check 0 sk-login token openai-api "$@"
	same "$out" sk-abc
	check 0 sk-login token gemini-api "$@"
	same "$out" sk-def
}

@test "rekey: another key of any kind; the old one opens nothing any more" {
	conf=$XDG_CONFIG_HOME/sk
	check 2 sk-login rekey --json
	same "$(code_of)" no_store
	feed sk-abc 0 sk-login login openai-api
	feed sk-def 0 sk-login login gemini-api
	# in the place of the old one
	cp -p "$conf/login.key" old
	cp -rp "$tokens" copy
	check 0 sk-login rekey --json
	same "$(j -c '[.action,.result]')" '["rekey","rekeyed"]'
	not cmp -s old "$conf/login.key"
	all_there
	check 4 env SK_KEY_FILE="$PWD/old" sk-login token openai-api
	same "$(ls -A "$XDG_STATE_HOME/sk")" tokens
	same "$(stat -c %a "$tokens" "$conf/login.key" | xargs)" "700 600"
	for f in openai-api.token gemini-api.token store.check; do
		not cmp -s "copy/$f" "$tokens/$f"
	done
	[ ! -e "$conf/login.key.next" ]
	# a file of its own name, which has to be said from then on
	check 2 sk-login rekey --key-file key2
	check 0 sk-login rekey --key-file "$PWD/key2"
	check 4 sk-login token openai-api
	export SK_KEY_FILE=$PWD/key2
	all_there
	check 2 sk-login rekey --key-file "$PWD/./key2" --json
	same "$(code_of)" same_key
	all_there
	# a passphrase, and another one
	printf 'kdf = "interactive"\n' >"$conf/login.toml"
	echo horse >pass
	echo mule >pass2
	check 0 sh -c 'sk-login rekey --key passphrase --new-passphrase-fd 3 3<pass'
	unset SK_KEY_FILE
	check 0 sk-login lock
	check 5 setsid -w sk-login token openai-api --no-input
	check 0 sh -c 'sk-login rekey --key passphrase --passphrase-fd 3 \
		--new-passphrase-fd 4 3<pass 4<pass2'
	check 4 sh -c 'sk-login token openai-api --passphrase-fd 3 3<pass'
	check 0 sh -c 'sk-login token openai-api --passphrase-fd 3 3<pass2'
	same "$out" sk-abc
	# back to a file; what cannot be opened stops it, and nothing changed
	check 4 sh -c 'sk-login rekey --key file --passphrase-fd 3 3<pass'
	printf x >>"$tokens/gemini-api.token"
	check 65 sh -c 'sk-login rekey --key file --passphrase-fd 3 3<pass2'
	check 0 sh -c 'sk-login token openai-api --passphrase-fd 3 3<pass2'
	same "$(ls -A "$XDG_STATE_HOME/sk")" tokens
	rm "$tokens/gemini-api.token"
	check 0 sh -c 'sk-login rekey --key file --passphrase-fd 3 3<pass2'
	check 0 sk-login token openai-api
	same "$out" sk-abc
}

@test "rekey: killed at each step the store is whole, and so is the next change" {
	bin=${SK_FAULTY_BIN:-$SK_TOP/build-faults/bin}
	[ -x "$bin/sk-login" ] || skip "no development build (make FAULTS=1)"
	feed sk-abc 0 sk-login login openai-api
	feed sk-def 0 sk-login login gemini-api
	for point in 'auth.rekey.file#1' 'auth.rekey.file#2' 'auth.rekey.file#3' \
		auth.rekey.before_exchange auth.rekey.after_exchange; do
		sum=$(sha256sum <"$XDG_CONFIG_HOME/sk/login.key")
		got=0
		SPEC_KIT_FAULTS=$point "$bin/sk-login" rekey >o 2>e || got=$?
		same "$point $got $(cat e)" "$point 137 "
		same "$point $(sha256sum <"$XDG_CONFIG_HOME/sk/login.key")" \
			"$point $sum"
		all_there
		# a login after it, and the next change mend the rest
		printf sk-abc >in
		feed_file in 0 sk-login login openai-api
		check 0 sk-login rekey
		all_there
		same "$point $(ls -A "$XDG_STATE_HOME/sk")" "$point tokens"
		[ ! -e "$XDG_CONFIG_HOME/sk/login.key.next" ]
	done
}

@test "rekey: readers and writers beside it lose nothing" {
	feed sk-abc 0 sk-login login openai-api
	feed sk-def 0 sk-login login gemini-api
	(
		# (As long as the others need for three rounds.)
		for i in $(seq 500); do
			[ "$i" -le 12 ] || [ ! -e enough ] || break
			sk-login rekey >>rekeys 2>&1 || echo "rekey failed $?"
		done >failed
		: >over
	) 3>&- &
	n=0
	while [ ! -e over ] && [ $n -lt 400 ]; do
		n=$((n + 1))
		all_there
		printf 'sk-%s' $n >in
		feed_file in 0 sk-login login "anthropic" --account "a$((n % 3))"
		check 0 sk-login token anthropic --account "a$((n % 3))"
		same "$out" "sk-$n"
		[ $n -lt 3 ] || : >enough
	done
	: >enough
	wait
	same "$(cat failed)" ''
	[ "$(grep -c rekeyed rekeys)" -ge 12 ]
	[ $n -ge 3 ]
}

@test "the Secret Service: used, and caught when it says yes and keeps nothing" {
	mkdir bin
	cat >bin/secret-tool <<-'END'
		#!/bin/sh
		case $1 in
		store) if [ -e "$HOME/liar" ]; then cat >/dev/null; else cat >"$HOME/secret"; fi ;;
		lookup) [ -e "$HOME/secret" ] && cat "$HOME/secret" ;;
		esac
	END
	chmod +x bin/secret-tool
	PATH=$PWD/bin:$PATH
	: >"$HOME/liar"
	printf sk-abc >in
	feed_file in 74 sk-login login openai-api --store keyring --json
	same "$(code_of)" keyring_lost
	[ ! -e "$tokens/openai-api.token" ]
	feed_file in 0 sk-login login openai-api --store auto
	[ -s "$XDG_CONFIG_HOME/sk/login.key" ]
	rm -r "$XDG_STATE_HOME" "$HOME/liar" "$XDG_CONFIG_HOME/sk/login.key"
	feed_file in 0 sk-login login openai-api --store keyring
	[ ! -e "$XDG_CONFIG_HOME/sk/login.key" ]
	check 0 sk-login token openai-api
	same "$out" sk-abc
	rm "$HOME/secret"
	check 4 sk-login token openai-api
	rm -r "$XDG_STATE_HOME" bin
	feed_file in 2 sk-login login openai-api --store keyring
	check 2 sk-login token openai-api --store keyrng
}

@test "an ephemeral store is in memory, and nowhere else" {
	if [ "$(stat -f -c %T /dev/shm)" != tmpfs ]; then skip "no tmpfs"; fi
	export XDG_RUNTIME_DIR=/dev/shm/sk-test.$$
	mkdir "$XDG_RUNTIME_DIR"
	feed sk-abc 0 sk-login login openai-api --store ephemeral
	check 0 sk-login token openai-api --store ephemeral
	same "$out" sk-abc
	same "$(find "$HOME" -type f)" ''
	rm -r "$XDG_RUNTIME_DIR"
	check 4 sk-login token openai-api --store ephemeral
	rm -rf "$XDG_RUNTIME_DIR"
	export XDG_RUNTIME_DIR=$HOME
	if [ "$(stat -f -c %T "$HOME")" != tmpfs ]; then
		check 2 sk-login token openai-api --store ephemeral
	fi
}

@test "refresh: 64 processes at expiry are one request, ten times over" {
	rounds=${SK_ROUNDS:-10}
	for i in $(seq "$rounds"); do due "p$i" "ok;r=$i"; done
	sleep 1.1
	for i in $(seq "$rounds"); do
		same "$(crowd 64 sk-login token "p$i")" 64
		same "$(sort -u c.*.out | wc -l)" 1
		same "$(stat_of "ok;r=$i;exp=1;iv=none" \
			'"\(.refreshes) \(.reuses) \(.revoked)"')" '1 0 false'
	done
}

@test "refresh: what the server says decides, and nothing is wiped" {
	n=0
	while read -r steps status code requests; do
		n=$((n + 1))
		due "p$n" "ok;$steps"
		printf '%s\n' "p$n $steps $status $code $requests" >>rows
	done <<-'END'
		refresh=ok 0 - 1
		refresh=e500+ok 0 - 2
		refresh=e503+e503+ok 0 - 3
		refresh=e503 75 http_503 3
		refresh=ratelimit 75 rate_limited 1
		refresh=html 75 challenge 1
		refresh=e408 75 http_408 3
		refresh=invalid_grant 4 refresh_refused 1
		refresh=!refresh_token_expired 4 refresh_expired 1
		refresh=!refresh_token_reused 4 refresh_reused 1
		refresh=!refresh_token_invalidated 4 refresh_revoked 1
		refresh=!whatever 4 refresh_rejected 1
		refresh=lost 4 reset 1
		refresh=reset 4 reset 1
		refresh=fin 4 cut_short 1
		refresh=badjson 4 json_cut 1
		refresh=empty 4 no_token 1
		refresh=lost;norotate 4 reset 1
	END
	sleep 1.1
	while read -r p steps status code requests; do
		check "$status" sk-login refresh "$p" --json
		[ "$status" = 0 ] || same "$steps $(code_of)" "$steps $code"
		# Once more: nothing is sent again, the file is there.
		[ "$status" = 0 ] || check "$status" sk-login token "$p"
		same "$steps $(stat_of "ok;$steps;exp=1;iv=none" \
			'"\(.refreshes) \(.reuses)"')" "$steps $requests 0"
		[ -s "$tokens/$p.token" ]
		check "$([ "$status" = 4 ] && echo 4 || echo 0)" \
			sk-login status "$p" --json
		valid
	done <rows
	# A provider whose tokens do not rotate may be asked again.
	due q 'ok;norotate;refresh=reset+ok' 'refresh.rotates = false'
	sleep 1.1
	check 0 sk-login token q
	# A server with a grace period may, too.
	due g 'ok;grace=30;refresh=lost+ok' 'refresh.grace = 20'
	sleep 1.1
	check 0 sk-login token g
	same "$(stat_of 'ok;grace=30;refresh=lost+ok;exp=1;iv=none' .reuses)" 0
}

@test "refresh: not while it holds, not when read-only, not for a stranger" {
	log_in p 'ok;exp=4;iv=none'
	tok=$(sk-login token p)
	same "$(stat_of 'ok;exp=4;iv=none' .refreshes)" 0
	# Refused with 401: only if it is still the stored one.
	check 0 sh -c 'echo other | sk-login token p --rejected-fd 0'
	same "$out $(stat_of 'ok;exp=4;iv=none' .refreshes)" "$tok 0"
	check 0 sh -c "echo $tok | sk-login token p --rejected-fd 0"
	[ "$out" != "$tok" ]
	check 0 sh -c "echo $tok | sk-login token p --rejected-fd 0"
	same "$(stat_of 'ok;exp=4;iv=none' .refreshes)" 1
	due r 'ok;k=1'
	# A failed refresh costs nothing while the token holds.
	log_in h 'ok;exp=3;refresh=invalid_grant;iv=none'
	check 0 sk-login token h --min-ttl 1h
	check 0 sk-login token h
	sleep 1.1
	sum=$(sha256sum <"$tokens/r.token")
	check 4 sk-login token r --no-refresh
	check 4 env SK_LOGIN_READ_ONLY=1 sk-login token r
	check 4 env SK_LOGIN_READ_ONLY=1 sk-login refresh r
	check 2 env SK_LOGIN_READ_ONLY=1 sk-login logout r
	same "$(sha256sum <"$tokens/r.token")" "$sum"
	same "$(stat_of 'ok;k=1;exp=1;iv=none' .refreshes)" 0
	# The same provider at another address does not get the old token.
	provider r 'moved'
	sed -i 's,127.0.0.1,localhost,' "$XDG_CONFIG_HOME/sk/providers/r.toml"
	check 4 sk-login refresh r --json
	same "$(code_of)" origin_changed
	not grep -q 'moved.*refresh_token' "$BATS_FILE_TMPDIR/server.log"
	check 0 sk-login logout r --revoke
	not grep -q 'moved/revoke' "$BATS_FILE_TMPDIR/server.log"
}

@test "refresh: killed at each step it ends in a login, never in reuse" {
	bin=${SK_FAULTY_BIN:-$SK_TOP/build-faults/bin}
	[ -x "$bin/sk-login" ] || skip "no development build (make FAULTS=1)"
	n=0
	while read -r point status; do
		n=$((n + 1))
		due "p$n" "ok;f=$n"
		echo "p$n $n $point $status" >>rows
	done <<-'END'
		auth.refresh.before_intent 0
		auth.save.begin 0
		auth.save.before_rename 0
		auth.save.after_rename 4
		auth.refresh.after_intent 4
		auth.refresh.after_post 4
	END
	sleep 1.1
	while read -r p n point status; do
		check 137 env SPEC_KIT_FAULTS="$point" "$bin/sk-login" token "$p"
		got=0
		sk-login token "$p" >o 2>e || got=$?
		same "$point $got $(cat e)" "$point $status $(cat e)"
		# Whoever comes after: the same, without a request.
		before=$(stat_of "ok;f=$n;exp=1;iv=none" .refreshes)
		[ "$status" = 0 ] || same "$(crowd 8 sk-login token "$p")" 0
		same "$point $(stat_of "ok;f=$n;exp=1;iv=none" \
			'"\(.refreshes) \(.reuses) \(.revoked)"')" \
			"$point $before 0 false"
		[ -s "$tokens/$p.token" ]
		[ "$status" = 0 ] || check 4 sk-login status "$p" --json
		# Logging in again mends it.
		check 0 sk-login login "$p"
		check 0 sk-login token "$p"
	done <rows
	# A full disk before the request: no request at all.
	due full 'ok;f=full'
	sleep 1.1
	check 74 env SPEC_KIT_FAULTS=auth.save.begin=errno:ENOSPC \
		"$bin/sk-login" token full
	same "$(stat_of 'ok;f=full;exp=1;iv=none' .refreshes)" 0
	check 0 sk-login token full
}

@test "W19: terminated in a refresh: what began is finished, then it ends" {
	bin=${SK_FAULTY_BIN:-$SK_TOP/build-faults/bin}
	[ -x "$bin/sk-login" ] || skip "no development build (make FAULTS=1)"
	n=0
	for point in auth.refresh.after_intent auth.refresh.after_post \
		auth.save.before_rename auth.save.after_rename; do
		n=$((n + 1))
		due "w$n" "ok;f=w$n"
		sleep 1.1
		SPEC_KIT_FAULTS=$point=freeze "$bin/sk-login" token "w$n" \
			>"o$n" 2>"e$n" 3>&- &
		pid=$!
		wait_for stopped $pid
		kill -TERM $pid
		kill -CONT $pid
		got=0
		wait $pid || got=$?
		# The new token is safe: one request, and no login is needed.
		same "$point $got" "$point 143"
		check 0 sk-login token "w$n"
		same "$point $(stat_of "ok;f=w$n;exp=1;iv=none" \
			'"\(.refreshes) \(.reuses) \(.revoked)"')" \
			"$point 1 0 false"
	done
}

@test "a first login by many at once makes one store with one key" {
	printf sk-abc >in
	same "$(crowd 16 sh -c 'sk-login login openai-api <in')" 16
	check 0 sk-login token openai-api
	same "$out" sk-abc
	same "$(find "$tokens" -name '.tmp*' -o -name '*.probe')" ''
}

# locks: may this user lock memory here?
locks() {
	[ "$(id -u)" = 0 ] || [ "$(ulimit -l)" = unlimited ] ||
		[ "$(ulimit -l)" -ge 2048 ]
}

# unlocked heap|stack: the mappings of smaps that have pages and no lock. (The
# stack grows downwards: what has never been touched is not looked at.)
unlocked() {
	awk -v what="[$1]" '
		/^[0-9a-f]+-/ { name = $1; on = $6 == what }
		on && /^Rss:/ { rss = $2 }
		on && /^VmFlags:/ && rss > 0 && !/ lo( |$)/ { print name }'
}

@test "hygiene: cores off, not dumpable, and nothing of it in argv" {
	due p 'ok;refresh=hang'
	sleep 1.1
	sk-login token p >o 2>e 3>&- &
	pid=$!
	wait_for grep -q 'refresh=hang.*refresh_token' \
		"$BATS_FILE_TMPDIR/server.log"
	grep -q '^Max core file size *0 *0 ' "/proc/$pid/limits"
	not grep -qa CANARY "/proc/$pid/cmdline"
	[ "$(stat -c %u "/proc/$pid/environ")" = 0 ]
	# Heap and stack stay out of the swap, as far as the system lets us.
	if [ -r "/proc/$pid/smaps" ] && locks; then
		for what in heap stack; do
			same "$what $(unlocked "$what" <"/proc/$pid/smaps")" \
				"$what "
		done
	fi
	if [ "$(id -u)" != 0 ]; then
		not cat "/proc/$pid/environ" 2>/dev/null
	fi
	# A signal waits until the answer is stored; a kill does not.
	kill -TERM "$pid"
	sleep 0.3
	kill -0 "$pid"
	kill -KILL "$pid"
	wait "$pid" || :
	check 4 sk-login token p --format text
	has "$err" 'not sent again'
}

@test "hygiene: no secret in anything that is written, in twelve encodings" {
	mkdir seen
	n=0
	# keep COMMAND...: its streams are evidence, whatever its status
	keep() {
		n=$((n + 1))
		"$@" >"seen/$n.out" 2>"seen/$n.err" || :
	}
	printf 'kdf = "interactive"\n' >"$XDG_CONFIG_HOME/sk/login.toml"
	provider p 'pending+ok;iv=none;hy=1'
	keep sk-login login p --json -v
	provider w 'ok;iv=none;hy=2'
	keep sk-login login start w --json
	keep sk-login status --json
	keep sk-login status --format text
	keep sk-login whoami p --json
	keep sk-login refresh p -v
	for s in refresh=e500 refresh=invalid_grant refresh=reset \
		refresh=badjson refresh=esc refresh=html; do
		provider q "ok;iv=none;$s;hy=3"
		keep sk-login login q
		keep sk-login refresh q --json -v
		keep sk-login status q
	done
	for s in denied expired html strange reset badjson esc; do
		provider x "$s;iv=none;hy=4"
		keep timeout 20 sk-login login x --json -v
	done
	echo pass >pass
	keep sh -c 'sk-login export --passphrase-fd 3 3<pass'
	keep sk-login login p --workspace none
	keep sk-login switch p nobody
	keep sk-login token p --for https://evil.test
	keep sh -c 'sk-login token p >/dev/full'
	printf 'skCANARY-key-0123456789' >"$HOME/../key"
	keep sh -c 'sk-login login openai-api <"$HOME/../key"'
	keep sh -c 'sk-login exec openai-api -- true'
	keep sh -c 'printf "protocol=https\nhost=x\npassword=skCANARY\n\n" | sk-login erase'
	# What others see of a process that has them.
	provider h 'ok;iv=none;refresh=hang;hy=5'
	keep sk-login login h
	sk-login refresh h >seen/h.out 2>seen/h.err 3>&- &
	pid=$!
	sleep 0.5
	tr '\0' '\n' <"/proc/$pid/cmdline" >seen/cmdline
	tr '\0' '\n' <"/proc/$pid/environ" >seen/environ 2>/dev/null || :
	kill -SEGV "$pid"
	wait "$pid" || :
	keep sk-login logout p --revoke
	encodings skCANARY >patterns
	[ "$(wc -l <patterns)" -ge 12 ]
	same "$(grep -rlaF -f patterns "$HOME" seen || :)" ''
	same "$(find . "$HOME" -name 'core*')" ''
	# (The search finds what it looks for.)
	echo xx-skCANARY-x | base64 >seen/leak
	grep -rlaqF -f patterns seen
}
