#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# sk-login at the moment of expiry, long: two hundred crowds, crowds in which
# processes are killed, and one that is stopped.

load ../helper
load ../login_helper

# begin FROM TO [MORE]: that many logins whose tokens end in a second
begin() {
	local i
	for i in $(seq "$1" "$2"); do
		log_in "p$i" "ok;r=$i;exp=1;iv=none${3:-}"
	done
	sleep 1.1
}

@test "two hundred rounds of 64 processes: one request, 64 successes" {
	for from in $(seq 1 20 200); do
		begin "$from" $((from + 19))
		for r in $(seq "$from" $((from + 19))); do
			rm -f c.*
			for i in $(seq 64); do
				sk-login token "p$r" >"c.$i" 2>>"err" 3>&- &
			done
			wait
			same "$r $(cat c.* | wc -l) $(sort -u c.* | wc -l)" "$r 64 1"
			same "$r $(stat_of "ok;r=$r;exp=1;iv=none" \
				'"\(.refreshes) \(.reuses)"')" "$r 1 0"
		done
	done
	[ ! -s err ]
}

@test "crowds in which processes are killed: never a reuse, never a wiped file" {
	done=0 ended=0
	begin 301 340
	for r in $(seq 301 340); do
		rm -f c.* pids
		for i in $(seq 24); do
			sk-login token "p$r" >"c.$i" 2>/dev/null 3>&- &
			echo $! >>pids
		done
		sleep "0.0$((r % 7))"
		shuf -n 12 pids | while read -r pid; do
			kill -KILL "$pid" 2>/dev/null || :
		done
		wait || :
		same "$r $(stat_of "ok;r=$r;exp=1;iv=none" \
			'"\(.reuses) \(.revoked)"')" "$r 0 false"
		got=0
		sk-login token "p$r" >t 2>e || got=$?
		case $got in
		0) done=$((done + 1)) ;;
		4) ended=$((ended + 1)) && grep -q 'interrupted' e ;;
		*) cat e; return 1 ;;
		esac
		same "$r $(stat_of "ok;r=$r;exp=1;iv=none" .reuses)" "$r 0"
	done
	echo "# $done went on, $ended have to log in again" >&3
	[ $((done + ended)) -eq 40 ]
}

@test "a login that is stopped in a refresh is named after 20 seconds" {
	bin=${SK_FAULTY_BIN:-$SK_TOP/build-faults/bin}
	[ -x "$bin/sk-login" ] || skip "no development build (make FAULTS=1)"
	begin 401 401
	SPEC_KIT_FAULTS=auth.refresh.after_intent=freeze \
		"$bin/sk-login" refresh p401 3>&- &
	pid=$!
	wait_for grep -q '^State:.T' "/proc/$pid/status"
	SECONDS=0
	check 75 sk-login token p401
	[ "$SECONDS" -ge 19 ] && [ "$SECONDS" -le 60 ]
	has "$err" "held by 'sk-login' (pid $pid), which is stopped"
	kill -KILL "$pid"
}
