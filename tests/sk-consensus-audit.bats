#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# sk-consensus audit: sound databases are sound, and damage is named.

load helper
load consensus

# A database with two runs, a branch, copies, a supersession and one pending.
build() {
	for s in plan tasks; do
		for a in a b c; do
			ans $a '{"k":1}' "run: \"r\", spec: \"S\", stage: \"$s\", attempt: 1"
		done
	done >in
	sk-consensus intake <in >>history
	sk-consensus --expect a,b,c <in >>history
	ans a '{"k":2}' 'run: "r", spec: "S", stage: "plan", attempt: 2' |
		sk-consensus intake >>history
	sk-consensus --expect a,b <in >>history
	ans x '{"k":1}' 'run: "q", spec: "S", stage: "plan"' >one
	sk-consensus --expect x --min 1 --no-ack <one >>history
	sk-consensus ack --run r --seq 1 >>history
}

@test "a sound database, with its evidence and what was said outside" {
	build
	check 0 sk-consensus audit --evidence docs --history history
	valid audit
	same "$(j '.result, .count, .checked.decisions, .checked.files' |
		xargs)" "sound 0 5 5"
	[ "$(j .checked.lines)" -ge 8 ]
	check 0 sk-consensus audit --format text
	has "$out" "sound: 0 violations"
	check 2 sk-consensus audit --db nowhere/x.db
}

@test "evidence that cannot be read whole is no sound evidence" {
	[ "$(uname -m)" = x86_64 ] || skip "calls are injected on x86-64 only"
	! asan || skip "what ASan runs is traced badly"
	inject=$SK_BUILD/tools/inject
	"$inject" count -- true 9>&- || skip "processes may not be traced here"
	build
	met=0
	for ((n = 1; met < 3; n++)); do
		got=0
		"$inject" error $n -- sk-consensus audit --evidence docs \
			>o 2>e 9>call || got=$?
		[ -s call ] || break
		grep -q getdents64 call || continue
		met=$((met + 1))
		same "$got" 74
	done
	[ $met -eq 3 ]
}

@test "every damage is named by its rule and row" {
	build
	sqlite3 "$SK_DB" "VACUUM INTO 'base.db'"
	sqlite3 base.db "SELECT name FROM sqlite_schema WHERE type='trigger'" \
		>triggers
	sqlite3 base.db "SELECT sql||';' FROM sqlite_schema
		WHERE type='trigger'" >again
	n=0
	while IFS='|' read -r rule row sql; do
		n=$((n + 1))
		rm -f "$SK_DB"*
		cp base.db "$SK_DB"
		# The triggers that would have refused it come back after.
		{
			sed 's/^/DROP TRIGGER /; s/$/;/' triggers
			echo "PRAGMA foreign_keys=0; $sql;"
			cat again
		} | sqlite3 "$SK_DB"
		check 65 sk-consensus audit
		valid audit
		j '.violations[] | "\(.rule) \(.row)"' >found
		grep -q "^$rule .*$row" found || {
			echo "no $rule $row after: $sql"
			cat found
			false
		}
	done <<-'END'
	S0|requests|DELETE FROM runs WHERE run_id='q'
	S0|index one_pending|DROP INDEX one_pending
	S0|index sqlite_autoindex_agent_outputs_1|CREATE TABLE o(seq INTEGER PRIMARY KEY,request_id INTEGER NOT NULL REFERENCES requests,attempt INTEGER NOT NULL,agent_name TEXT NOT NULL,model_version TEXT,output_timestamp INTEGER NOT NULL,sha256 TEXT NOT NULL,content TEXT NOT NULL)STRICT;INSERT INTO o SELECT * FROM agent_outputs;DROP TABLE agent_outputs;ALTER TABLE o RENAME TO agent_outputs
	S2|agent_outputs 1|UPDATE agent_outputs SET content='{"k":9}' WHERE seq=1
	S2|agent_outputs 2|UPDATE agent_executions SET status='failed' WHERE agent_name='b'
	S2|journal|UPDATE journal SET seq=1 WHERE kind='intake' AND seq=3
	S3|decisions .* 7|UPDATE decisions SET decision_seq=decision_seq+5 WHERE decision_seq>1
	S3|branches|UPDATE branches SET decision_seq=9 WHERE run_id='r'
	S3|journal|UPDATE journal SET seq=7 WHERE kind='decide' AND seq=2
	S4|journal|UPDATE journal SET seq=1 WHERE kind='ack' AND seq=2
	S4|journal|UPDATE journal SET kind='note' WHERE kind='ack' AND seq=1
	S5|journal|UPDATE journal SET epoch=0 WHERE kind='decide' AND seq=3
	S5|journal|UPDATE journal SET epoch=1 WHERE kind='lease' AND epoch=2
	S5|leases|UPDATE leases SET epoch=1 WHERE run_id='r'
	S8|decisions|UPDATE decisions SET state='pending' WHERE decision_seq=3
	S8|decisions|UPDATE decisions SET state='acked' WHERE state='pending'
	S8|decisions|DELETE FROM journal WHERE kind='decide' AND seq=4
	S9|journal|DELETE FROM journal WHERE lsn=5
	S9|agent_outputs|DELETE FROM agent_outputs WHERE seq=3
	S9|requests|UPDATE requests SET duplicates=duplicates+1 WHERE request_id=1
	S9|decisions|UPDATE consensus_runs SET synthesis_json=replace(synthesis_json,'"k":1','"k":2') WHERE id=2
	S9|decisions|UPDATE decisions SET epoch=epoch+1 WHERE decision_seq=2
	S10|decisions|UPDATE decisions SET state='pending' WHERE decision_seq=2
	END
	[ $n -ge 20 ]
	# A safeguard that is gone, and nothing else.
	while read -r t; do
		rm -f "$SK_DB"*
		cp base.db "$SK_DB"
		sqlite3 "$SK_DB" "DROP TRIGGER $t"
		check 65 sk-consensus audit
		same "$(j '.violations[] | "\(.rule) \(.row)"')" "S0 trigger $t"
	done <triggers
	[ "$(wc -l <triggers)" -ge 6 ]
	# Bytes of the file itself.
	rm -f "$SK_DB"*
	cp base.db "$SK_DB"
	printf garbage | dd of="$SK_DB" bs=1 seek=20500 conv=notrunc 2>/dev/null
	got=0
	sk-consensus audit >out.json 2>/dev/null || got=$?
	same "$got" 65
}

@test "evidence and history that the database does not know" {
	build
	f=$(echo docs/evidence/consensus/S/spec-plan_*_synthesis.json | cut -d' ' -f1)
	cp "$f" saved
	while IFS='|' read -r rule filter; do
		jq -c "$filter" saved >"$f"
		check 65 sk-consensus audit --evidence docs
		has "$(j '.violations[].rule' | xargs)" "$rule"
	done <<-'END'
	S6|.decision_seq = 99
	S7|.decision.chain.hash = .decision.chain.prev
	END
	printf '{"schema":' >"$f"
	check 65 sk-consensus audit --evidence docs
	has "$(j '.violations[].rule')" S6
	cp saved "$f"
	{
		jq -c 'select(.schema == "sk.intake/1") | .seq = 77' history
		jq -c 'select(.schema == "sk.ack/1") | .decision_seq = 77' history
		printf '{"schema":"sk.ack/1","ru'
	} >lies
	check 65 sk-consensus audit --history history --history lies
	same "$(j '.violations[].rule' | sort -u)" S1
}
