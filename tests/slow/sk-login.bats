#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# sk-login at the moment of expiry, long: two hundred crowds, and crowds in
# which processes are killed.

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
