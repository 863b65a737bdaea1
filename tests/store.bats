#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The shared SQLite file among many processes, and the files that it refuses.
#
# STORE_MS (5000) and STORE_KILLS (2000) make the two long tests longer.

load helper

local_setup() {
	stress=$SK_BUILD/tools/store_stress
	look=$SK_BUILD/tools/store_check
	[ -x "$stress" ] || skip "store_stress is not built"
	mkdir -p "$BATS_TEST_TMPDIR/state"
	db=$BATS_TEST_TMPDIR/state/sk.db
}

teardown() {
	[ -z "${pid:-}" ] || kill -KILL "$pid" 2>/dev/null || :
}

# refuses STATUS CODE: no write, and the file stays as it was.
refuses() {
	local before
	before=$(cksum <"$db")
	check "$1" "$stress" intake "$db"
	has "$err" "$2: "
	one_line
	same "$(cksum <"$db")" "$before"
}

@test "96 processes open a cold database at once, and 96 succeed" {
	for i in 1 2 3; do
		check 0 "$stress" open "$db.$i" 96
		has "$out" "96 ok, 0 errors"
		same "$("$look" "$db.$i" "SELECT count(*),key FROM journal
			WHERE kind='migrate'")" "1|0-10"
	done
}

@test "64 processes migrate an old schema, and exactly one does" {
	for i in 1 2 3; do
		check 0 "$stress" make-v1 "$db.$i"
		same "$("$look" "$db.$i" "PRAGMA user_version")" 1
		check 0 "$stress" open "$db.$i" 64
		has "$out" "64 ok, 0 errors"
		same "$("$look" "$db.$i" "PRAGMA user_version")" 10
		same "$("$look" "$db.$i" "SELECT count(*),key FROM journal
			WHERE kind='migrate'")" "1|1-10"
	done
}

@test "64 writers: no error, no lost row, nobody starved" {
	check 0 "$stress" writers "$db" 64 "${STORE_MS:-5000}"
	echo "# $out" >&3
	has "$out" "0 errors"
	has "$out" "lost 0,"
	check 0 "$look" "$db"
}

@test "writers killed at random: every acknowledged row is there" {
	check 0 "$SK_BUILD/tools/store_kill" "$db" 6 "${STORE_KILLS:-2000}" \
		"$BATS_TEST_TMPDIR/acks"
	echo "# $out" >&3
	has "$out" "lost 0"
	check 0 "$look" "$db"
	same "$out" ok
}

@test "the checker itself finds damage" {
	# (A busy machine may kill them before anything is decided.)
	for kills in 20 200 2000; do
		rm -f "$db"* "$BATS_TEST_TMPDIR/acks"
		check 0 "$SK_BUILD/tools/store_kill" "$db" 2 "$kills" \
			"$BATS_TEST_TMPDIR/acks"
		[ "$(sqlite3 "$db" 'SELECT count(*) FROM decisions')" -eq 0 ] ||
			break
	done
	check 0 "$look" "$db"
	while IFS='|' read -r rule sql; do
		# (With what is still in the log, and none of the last damage.)
		rm -f bad.db*
		sqlite3 "$db" "VACUUM INTO 'bad.db'"
		"$look" bad.db "$sql"
		check 1 "$look" bad.db
		has "$out" "$rule"
	done <<-'END'
	S2 event twice|INSERT INTO journal(at,kind,branch_id,seq,pid,start_ticks,boot_id)SELECT at,kind,branch_id,seq,pid,start_ticks,boot_id FROM journal WHERE kind='intake' LIMIT 1
	S3 counter|UPDATE branches SET decision_seq=decision_seq+1
	S5 event under|INSERT INTO journal(at,kind,run_id,epoch,pid,start_ticks,boot_id)VALUES(1,'lease','run0',9,1,1,''),(1,'state','run0',8,1,1,'')
	S8 ack without|INSERT INTO decisions SELECT branch_id,99,run_id,'x',stage,round,'y','acked',(SELECT max(id)FROM consensus_runs),0,1,1,1,1,NULL,NULL,NULL FROM decisions WHERE 0 UNION ALL SELECT branch_id,decision_seq+100,run_id,'x',stage,round,'y','acked',-1,0,1,1,1,1,NULL,NULL,NULL FROM decisions LIMIT 1
	S9 answers|DELETE FROM agent_outputs WHERE seq=(SELECT max(seq)FROM agent_outputs)
	END
}

@test "another program's file, a newer one, a text, a link: refused, unchanged" {
	"$look" "$db" 'SELECT 1' || : >"$db"
	"$look" "$db" 'PRAGMA application_id=77'
	"$look" "$db" 'CREATE TABLE t(x)'
	refuses 65 foreign_database
	has "$err" "another program"
	rm -f "$db"*
	: >"$db"
	"$look" "$db" 'CREATE TABLE t(x)'
	refuses 65 foreign_database
	same "$("$look" "$db" 'SELECT name FROM sqlite_schema')" t
	rm -f "$db"*
	check 0 "$stress" intake "$db"
	"$look" "$db" 'PRAGMA user_version=99'
	"$look" "$db" 'PRAGMA wal_checkpoint(TRUNCATE)'
	refuses 69 newer_schema
	has "$err" "version 99"
	rm -f "$db"*
	echo "no database, but a letter to somebody" >"$db"
	refuses 65 not_a_database
	rm -f "$db"*
	check 0 "$stress" intake "$db"
	ln "$db" second
	refuses 2 hard_link
	rm second
	check 0 "$stress" intake "$db"
	check 2 "$stress" intake /tmp
	has "$err" "not_a_file"
}

@test "a damaged file is refused with the way to recover it" {
	check 0 "$stress" fill "$db" 50 4000
	"$look" "$db" 'PRAGMA wal_checkpoint(TRUNCATE)'
	dd if=/dev/urandom of="$db" bs=4096 seek=1 count=30 conv=notrunc \
		status=none
	refuses 65 corrupt
	has "$err" ".recover"
	has "$err" "-wal"
	# Cut off in the middle, only seen by the reader's check.
	rm -f "$db"*
	check 0 "$stress" fill "$db" 50 4000
	"$look" "$db" 'PRAGMA wal_checkpoint(TRUNCATE)'
	truncate -s 100000 "$db"
	check 65 "$stress" read "$db"
	has "$err" "corrupt: "
}

@test "a read-only directory or file is named, and nothing is changed" {
	if [ "$(id -u)" = 0 ]; then
		mkdir ro
		mount -t tmpfs none ro 2>/dev/null ||
			skip "root, and no mount here"
		mkdir ro/d
		check 0 "$stress" intake "$PWD/ro/d/sk.db"
		mount -o remount,ro ro
		check 74 "$stress" intake "$PWD/ro/new/sk.db" || bad=1
		msg=$err
		check 74 "$stress" intake "$PWD/ro/d/sk.db" || bad=1
		umount ro
	else
		mkdir ro ro/d
		check 0 "$stress" intake "$PWD/ro/d/sk.db"
		rm ro/d/*-shm ro/d/*-wlock
		chmod 500 ro ro/d
		check 74 "$stress" intake "$PWD/ro/new/sk.db" || bad=1
		msg=$err
		check 74 "$stress" intake "$PWD/ro/d/sk.db" || bad=1
		chmod 700 ro ro/d
	fi
	[ -z "$bad" ]
	has "$msg" "permission: "
	has "$msg" "ro/new"
	has "$err" "permission: "
	has "$err" "directory '$PWD/ro/d'"
}

@test "a full disk: 74, nothing lost, and it goes on when there is space" {
	[ "$(id -u)" = 0 ] || skip "only root can mount a small disk"
	mkdir full
	mount -t tmpfs -o size=2m none full 2>/dev/null || skip "no mount here"
	bad=
	check 74 "$stress" fill "$PWD/full/sk.db" 1000 20000 || bad=1
	n=$out msg=$err
	check 74 "$stress" fill "$PWD/full/sk.db" 1 100000 || bad=1
	# Every byte taken: the next opener cannot even map its index.
	cat /dev/zero >full/ballast 2>/dev/null || :
	rm -f full/sk.db-shm
	cat /dev/zero >>full/ballast 2>/dev/null || :
	check 74 "$stress" intake "$PWD/full/sk.db" || bad=1
	msg2=$err
	rm full/ballast
	check 0 "$look" "$PWD/full/sk.db" || bad=1
	rows=$("$look" "$PWD/full/sk.db" 'SELECT count(*)FROM agent_outputs')
	mount -o remount,size=8m full
	check 0 "$stress" fill "$PWD/full/sk.db" 1 20000 || bad=1
	umount full
	[ -z "$bad" ]
	has "$msg" "no_space: "
	has "$msg2" "no_space: "
	[ "$n" -gt 5 ]
	same "$rows" "$n"
}

@test "a stopped writer is named; killed, it lets go" {
	"$stress" intake "$db"
	"$stress" hold "$db" >held &
	pid=$!
	wait_for [ -s held ]
	kill -STOP "$pid"
	check 75 "$stress" lock "$db" 200
	has "$err" "busy: "
	has "$err" "'store_stress' (pid $pid), which is stopped"
	has "$err" "kill -CONT $pid"
	check 0 "$stress" read "$db"
	kill -KILL "$pid"
	check 0 "$stress" lock "$db" 5000
	check 0 "$stress" intake "$db"
}
