#!/usr/bin/env bats
# sk-auto export, import: a run between trees, databases and jobs.

load helper
load land

local_setup() {
	land_project
	A=$PWD
	A_DB=$SK_DB
}

# there NAME: another machine: the same commit, a database of its own.
there() {
	git -C "$A" worktree list >/dev/null
	git clone -q "$A" "../$1"
	cd "../$1" || return 1
	git config user.email a@example.org
	git config user.name a
	# (The agents stand where they stood.)
	export SK_CONFIG=$PWD/sk.toml SK_DB=$BATS_TEST_TMPDIR/state/$1.db
}

here() {
	cd "$A" || return 1
	export SK_CONFIG=$A/sk.toml SK_DB=$A_DB
}

# alter FILE FILTER: each line of a bundle through jq, with a right last line.
alter() {
	head -n -1 "$1" | jq -c "$2" >body
	jq -cn --arg sha "$(sha256sum <body | cut -c1-64)" \
		--argjson rows "$(grep -c '^{"table"' body)" \
		--argjson files "$(grep -c '^{"file"' body)" \
		'{end:true,rows:$rows,files:$files,sha256:$sha}' |
		cat body - >altered
}

@test "evidence that cannot be read whole is not left out of a bundle or a seal" {
	[ "$(uname -m)" = x86_64 ] || skip "calls are injected on x86-64 only"
	! asan || skip "what ASan runs is traced badly"
	inject=$SK_BUILD/tools/inject
	"$inject" count -- true 9>&- || skip "processes may not be traced here"
	check 0 sk-auto run DEMO --only plan
	for verb in "export DEMO" "evidence verify DEMO"; do
		met=0
		for ((n = 1; met < 2; n++)); do
			got=0
			# shellcheck disable=SC2086 # two words or three
			"$inject" error $n -- sk-auto $verb >o 2>e 9>call || got=$?
			[ -s call ] || break
			grep -q getdents64 call || continue
			met=$((met + 1))
			same "$verb $got" "$verb 74"
		done
		same "$met" 2
	done
}

@test "a run begun here is finished there, and comes back" {
	check 0 sk-auto run DEMO --to plan --json
	run=$(j 'select(.schema=="sk.summary/1") | .run')
	check 0 sk-auto export DEMO -o ../one.skb
	same "$(head -1 ../one.skb | jq -r '.schema + " " + .run')" \
		"sk.bundle/1 $run"
	sk-auto export "$run" >../two.skb
	same "$(grep -c '"file"' ../two.skb)" "$(grep -c '"file"' ../one.skb)"
	there B
	check 0 sk-auto import --check ../one.skb --json
	same "$(j .state)" new
	check 2 sk-auto export DEMO
	check 0 sk-auto import ../one.skb --json
	same "$(j .state)" new
	same "$(j .answers)" 3
	[ "$(j .written)" -gt 1 ]
	cmp "$A/docs/DEMO-mdlinks/plan.md" docs/DEMO-mdlinks/plan.md
	diff -r "$A/docs/evidence/consensus" docs/evidence/consensus
	check 0 sk-consensus audit --json
	check 0 sk-consensus audit --json --evidence docs/evidence
	for f in docs/evidence/consensus/DEMO/*_synthesis.json; do
		check 0 sk-consensus verify "$f" --json
	done
	check 0 sk-auto status DEMO --json
	same "$(j '.run')" "$run"
	check 0 sk-auto evidence verify DEMO --json
	# Again changes nothing.
	sqlite3 "$SK_DB" .dump >../dump
	check 0 sk-auto import ../one.skb --json
	same "$(j '.state, .written' | xargs)" "known 0"
	sqlite3 "$SK_DB" .dump | diff ../dump -
	# On it goes; nobody is asked again for what is answered.
	check 5 sk-auto resume DEMO --json
	same "$(sqlite3 "$SK_DB" "SELECT count(*) FROM requests WHERE stage='plan'")" 3
	check 0 sk-auto diff DEMO --json
	same "$(j .agreed)" w1
	check 0 sk-auto apply DEMO --json
	check 0 sk-auto export DEMO -o ../back.skb
	check 0 sk-auto import ../one.skb --json
	same "$(j .state)" known
	# Home again: what is there was the beginning of this.
	here
	check 0 sk-auto import --check ../back.skb --json
	same "$(j .state)" advanced
	check 0 sk-auto import ../back.skb --json
	same "$(j .state)" advanced
	check 0 sk-auto import ../back.skb --json
	same "$(j .state)" known
	check 0 sk-consensus audit --json
	same "$(sqlite3 "$SK_DB" 'SELECT count(*) FROM runs')" 1
	# What was applied there was not applied here.
	[ ! -e new/deep/f ]
	check 5 sk-auto resume DEMO --json
	check 0 sk-auto apply DEMO --json
	same "$(cat new/deep/f)" hi
	check 0 sk-auto resume DEMO --json
	same "$(j 'select(.schema=="sk.summary/1") | .state')" done
	check 0 sk-consensus audit --json
	same "$(sqlite3 "$SK_DB" 'SELECT count(*), count(DISTINCT stage) FROM usage')" '18|6'
	sqlite3 "$SK_DB" 'SELECT sum(fresh), sum(output), count(*) FROM usage' >sums
	sqlite3 "$SK_DB" 'SELECT sum(fresh), sum(output), sum(calls) FROM usage_days' |
		diff sums -
}

@test "beside other runs: numbers are given anew; another history is refused" {
	check 0 sk-auto run DEMO --to plan --json
	check 0 sk-auto export DEMO -o ../one.skb
	there B
	check 0 sk-auto run DEMO --to tasks --json
	# (Within one second the names of two runs' evidence are the same.)
	rm -r docs/evidence
	check 0 sk-auto import ../one.skb --json
	same "$(j .state)" new
	check 0 sk-consensus audit --json
	same "$(sqlite3 "$SK_DB" 'SELECT count(*) FROM agent_outputs')" 9
	# Both go on from the same point: that is two histories.
	run=$(head -1 ../one.skb | jq -r .run)
	check 0 sk-auto run DEMO --run "$run" --from tasks --to tasks --json
	here
	check 0 sk-auto run DEMO --run "$run" --from tasks --to tasks --json
	check 0 sk-auto export "$run" -o ../other.skb
	there_db=$BATS_TEST_TMPDIR/state/B.db
	sqlite3 "$there_db" .dump >../dump
	cd ../B
	SK_CONFIG=$PWD/sk.toml SK_DB=$there_db \
		check 8 sk-auto import --no-files ../other.skb --json
	same "$(j .error.code)" other_history
	sqlite3 "$there_db" .dump | diff ../dump -
}

@test "a hostile, damaged or newer bundle changes nothing" {
	SPEC_KIT_TELEMETRY_ENABLED=1 check 0 sk-auto run DEMO --to implement --json
	check 0 sk-auto export DEMO -o ../one.skb
	there B
	# (Within one second the names of two runs' evidence are the same.)
	sleep 1.1
	check 0 sk-auto run DEMO --to plan --json
	other=$(sqlite3 "$SK_DB" 'SELECT branch_id FROM branches')
	run=$(head -1 ../one.skb | jq -r .run)
	sqlite3 "$SK_DB" .dump >../dump
	find . -path ./.git -prune -o -type f -print | sort >../files
	# refuses STATUS CODE FILE
	refuses() {
		check "$1" sk-auto import "$3" --json
		same "$(j .error.code)" "$2" || {
			echo "$out"
			return 1
		}
		sqlite3 "$SK_DB" .dump | diff ../dump -
	}
	while IFS='	' read -r status code filter; do
		alter ../one.skb "$filter"
		refuses "$status" "$code" altered || {
			echo "$filter"
			return 1
		}
	done <<-END
		69	newer_bundle	if .schema then .schema="sk.bundle/2" else . end
		65	not_a_bundle	if .schema then .schema="sk.answer/1" else . end
		65	bad_bundle	if .schema then .run="../x" else . end
		65	bad_bundle	if .schema then .run="$run" | .spec="a/b" else . end
		65	bad_bundle	if .table=="agent_outputs" then .row.content="else" else . end
		65	bad_bundle	if .table=="consensus_runs" then .row.synthesis_json="{}" else . end
		65	bad_bundle	if .table=="decisions" then .row.epoch=9 else . end
		65	bad_bundle	if .in=="evidence" then .file="../../x" else . end
		65	bad_bundle	if .in=="evidence" then .file="consensus/DEMO/../../x" else . end
		65	bad_bundle	if .in=="evidence" then .file="/etc/x" else . end
		65	bad_bundle	if .in=="evidence" then .file="consensus/OTHER/x" else . end
		65	bad_bundle	if .in=="evidence" then .file="consensus/DEMO/.x" else . end
		65	bad_bundle	if .in=="project" then .file="docs/DEMO-mdlinks/run.sh" else . end
		65	bad_bundle	if .in=="project" then .file=".git/config" else . end
		65	bad_bundle	if .in=="project" then .file="docs/DEMO-mdlinks/plan.md" else . end
		65	bad_bundle	if .file then .text="x" else . end
		65	bad_bundle	if .file then .bytes=99999999999 else . end
		65	bad_bundle	if .table=="stages" then {what:1} else . end
		65	bad_row	if .table=="agent_outputs" then .row.request_id=99999 else . end
		65	bad_row	if .table=="requests" then .row.branch_id="$other" else . end
		65	bad_row	if .table=="stages" then .row.branch_id="$other" else . end
		65	bad_row	if .table=="journal" and .row.branch_id then .row.branch_id="$other" else . end
		65	bad_row	if .table=="stages" then .row.artefact="../../etc/passwd" else . end
		65	bad_row	if .table=="stages" then .row.stage="a b" else . end
		65	bad_row	if .table=="stages" then .row.state="lost" else . end
		65	bad_row	if .table=="requests" then .row.round="1" else . end
		65	bad_row	if .table=="requests" then .row.agent_name=7 else . end
		65	bad_row	if .table=="spend" then .row.id="else" elif .table=="leases" then {table:"spend",row:{scope:"day",id:"2026-01-01",cost:1}} else . end
		65	bad_history	if .table=="agent_executions" then .row.status="failed" else . end
		65	bad_history	if .table=="branches" then .row.decision_seq=7 else . end
		65	bad_history	select(.table != "journal" or .row.kind != "ack")
		65	bad_history	if .table=="journal" and .row.kind=="decide" then .row.seq=5 else . end
		69	unknown_table	if .table=="leases" then .table="sqlite_schema" else . end
	END
	# Without a right last line, cut, or with two equal keys.
	sed '3s/"pid":/"pid": /' ../one.skb >bad
	refuses 65 bad_bundle bad
	head -n -1 ../one.skb >bad
	refuses 65 bad_bundle bad
	head -c 2000 ../one.skb >bad
	refuses 65 bad_bundle bad
	cat ../one.skb ../one.skb >bad
	refuses 65 bad_bundle bad
	sed '2s/{"table"/{"table":"journal","table"/' ../one.skb >bad
	refuses 65 bad_json bad
	: >bad
	refuses 65 bad_bundle bad
	rm -f bad altered body
	find . -path ./.git -prune -o -type f -print | sort | diff ../files -
	# A link in the way.
	mv docs/evidence ../moved
	ln -s ../../moved docs/evidence
	check 74 sk-auto import ../one.skb --json
	same "$(j .error.code)" symlink
	rm docs/evidence
	# Evidence that is another file.
	name=$(jq -r 'select(.file) | .file' ../one.skb | grep synthesis | head -1)
	mkdir -p "docs/evidence/${name%/*}"
	echo mine >"docs/evidence/$name"
	refuses 1 file_differs ../one.skb
	same "$(cat "docs/evidence/$name")" mine
	rm "docs/evidence/$name"
	check 0 sk-auto import ../one.skb --json
	check 0 sk-consensus audit --json
}

@test "redacted: no text is left, the hashes still prove what they proved" {
	work w1 'echo SECRET-IN-DIFF >src/a.txt'
	to_implement
	check 0 sk-auto export DEMO -o ../full.skb
	check 0 sk-auto export DEMO --redact -o ../red.skb
	grep -q SECRET-IN-DIFF ../full.skb
	not grep -q SECRET-IN-DIFF ../red.skb
	not grep -q 'FR-001:' ../red.skb
	not grep -qF "$PWD" ../red.skb
	same "$(jq -r 'select(.table=="agent_executions" and
		.row.stage=="implement") | .row.meta.diff.sha256' ../red.skb |
		wc -l)" 3
	check 0 sk-auto import --check ../red.skb --json
	same "$(j '.state, .redacted, .decisions' | xargs)" "sound true 3"
	check 2 sk-auto import ../red.skb --json
	same "$(j .error.code)" redacted
	# The same hashes as in the whole one.
	for f in full red; do
		jq -r 'select(.table=="decisions") | .row.chain' "../$f.skb"
	done | sort | uniq -c | awk '$1 != 2 { exit 1 }'
	alter ../red.skb 'if .table=="consensus_runs" then .row.synthesis_json.sha256="0000000000000000000000000000000000000000000000000000000000000000" else . end'
	check 65 sk-auto import --check altered --json
	alter ../red.skb 'if .table=="agent_outputs" then .row.sha256="0000000000000000000000000000000000000000000000000000000000000000" else . end'
	check 65 sk-auto import --check altered --json
	rm altered body
}

@test "killed in the middle of an import: all of it or nothing, and again" {
	faulty=${SK_FAULTY_BIN:-$SK_TOP/build-faults/bin}
	[ -x "$faulty/sk-auto" ] || skip "no development build"
	check 0 sk-auto run DEMO --to plan --json
	check 0 sk-auto export DEMO -o ../one.skb
	there B
	check 0 sk-branch new --spec X
	for point in store.import.before_commit store.import.after_commit; do
		SPEC_KIT_FAULTS=$point check 137 "$faulty/sk-auto" import ../one.skb
		rm -f "$SK_DB"-faults
		check 0 sk-consensus audit --json
	done
	check 0 sk-auto import ../one.skb --json
	same "$(j .state)" known
	[ "$(j .written)" -gt 1 ]
	check 0 sk-auto run DEMO --from tasks --to tasks --json
	check 0 sk-consensus audit --json
}

@test "cut or flipped anywhere it is refused; redacted, no word of anybody is in it" {
	local size at byte i
	work w2 'echo SECRET-ERR >&2; exit 3'
	sk-auto run DEMO --to implement --goal SECRET-GOAL --json >/dev/null 2>&1 || :
	check 0 sk-auto export DEMO -o ../one.skb
	check 0 sk-auto export DEMO --redact -o ../red.skb
	for i in SECRET-ERR SECRET-GOAL; do
		grep -q $i ../one.skb
		not grep -q $i ../red.skb
	done
	export SK_DB=$BATS_TEST_TMPDIR/b.db
	size=$(stat -c %s ../one.skb)
	RANDOM=7
	for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
		at=$(((RANDOM * 32768 + RANDOM) % size))
		byte=$(od -An -tu1 -j $at -N1 ../one.skb)
		cp ../one.skb ../flipped
		printf "%b" "\\0$(printf %o $((byte ^ (1 << (i % 8)))))" |
			dd of=../flipped bs=1 seek=$at conv=notrunc status=none
		check 65 sk-auto import ../flipped --json
		head -c $at ../one.skb >../cut
		check 65 sk-auto import ../cut --json
	done
	[ ! -e "$SK_DB" ] || same "$(sqlite3 "$SK_DB" 'SELECT count(*) FROM runs')" 0
}
