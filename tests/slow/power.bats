#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The plug is pulled: a disk whose unflushed blocks live in one process, which is
# killed in the middle of a storm. What the callers had been told by then stands
# on another disk, and must be there when the file system is mounted again.

load ../helper

local_setup() {
	export STORM=${SK_STORM:-$SK_TOP/build-faults/tools/storm}
	PATH=$PATH:/usr/sbin:/sbin
	[ -x "$STORM" ] || skip "no development build (make FAULTS=1 tools)"
	[ "$(id -u)" = 0 ] || skip "only root may mount a disk"
	for p in nbdkit nbdfuse losetup mkfs.ext4 e2fsck; do
		command -v $p >/dev/null || skip "no $p"
	done
	if [ ! -e /dev/fuse ] || [ ! -e /dev/loop-control ]; then
		skip "this kernel has no /dev/fuse or no loop devices"
	fi
}

teardown() {
	[ -d m ] || return 0
	pull
	umount -l after 2>/dev/null || :
}

# A disk of our own at ./disk
plug() {
	mkdir -p m disk after
	rm -f socket img
	truncate -s 96M img
	mkfs.ext4 -q -F img
	nbdkit -f -U "$PWD/socket" --filter=cache file img cache=writeback \
		>nbdkit.log 2>&1 &
	server=$!
	wait_for test -S socket
	nbdfuse m/img "nbd+unix:///?socket=$PWD/socket" >nbdfuse.log 2>&1 &
	fuse=$!
	wait_for test -e m/img
	loop=$(losetup -f --show m/img) || return 1
	mount "$loop" disk
}

# Everything that was not flushed is gone.
pull() {
	[ -z "${server-}" ] || kill -KILL "$server" 2>/dev/null || :
	[ -z "${storm-}" ] || kill -KILL "$storm" 2>/dev/null || :
	[ -z "${storm-}" ] || wait "$storm" 2>/dev/null || :
	umount -l disk 2>/dev/null || :
	[ -z "${loop-}" ] || losetup -d "$loop" 2>/dev/null || :
	umount -l m 2>/dev/null || :
	[ -z "${fuse-}" ] || kill "$fuse" 2>/dev/null || :
	[ -z "${fuse-}" ] || wait "$fuse" 2>/dev/null || :
	server='' storm='' loop='' fuse=''
}

lines() { [ "$(wc -l <out/history)" -gt "$1" ]; }

# cut_at LINES: a storm until so much was told, then the plug; after it the disk is
# at ./after, and ./lost is what it does not have
cut_at() {
	plug
	rm -rf out
	mkdir out disk/d
	: >out/history
	"$STORM" "$PWD/disk/d" 1000000 "$PWD/out" >storm.log 2>&1 &
	storm=$!
	wait_for lines "$1"
	pull
	e2fsck -p -f img >fsck.log 2>&1 || [ $? -eq 1 ]
	mount -o loop img after
	got=0
	sk-consensus audit --db "$PWD/after/d/sk.db" --evidence after/d/ev \
		--history out/history >audit.json || got=$?
	jq -c '.violations[]?' audit.json >lost
	# Each acknowledged decision has its file.
	sqlite3 after/d/sk.db "SELECT substr(chain, 65) FROM decisions
		WHERE state = 'acked'" | sort >acked
	find after/d/ev -name '*_synthesis.json' -print0 |
		xargs -0 -r jq -r '.decision.chain.hash // empty' 2>>lost |
		sort >files
	comm -23 acked files >>lost
	umount after
	[ $got -eq 0 ] || [ $got -eq 65 ]
}

@test "the plug is pulled: nothing that was acknowledged is lost" {
	answers=0 decisions=0
	for i in $(seq "${POWER_CUTS:-10}"); do
		cut_at $((400 + i * 197 % 1100))
		if [ -s lost ]; then
			head -n 5 lost
			false
		fi
		same "$(jq -r .result audit.json)" sound
		answers=$((answers + $(grep -c '"result":"accepted"' out/history)))
		decisions=$((decisions + $(wc -l <acked)))
	done
	echo "# $i cuts, $answers answers and $decisions decisions acknowledged, 0 lost" >&3
	[ $answers -gt $((10 * i)) ]
	[ $decisions -gt "$i" ]
}

@test "the plug finds out a program that does not flush" {
	for mutant in no_walsync no_datasync; do
		for i in 1 2 3 4 5 6; do
			SK_MUTANT=$mutant cut_at $((200 + i * 97))
			[ ! -s lost ] || break
		done
		echo "# $mutant: $(wc -l <lost) lost at cut $i" >&3
		[ -s lost ]
	done
}
