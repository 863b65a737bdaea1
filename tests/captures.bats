#!/usr/bin/env bats
# The shipped adapters against recordings of the real programs: a small script
# stands in for each recording (same output, same end), and what sk-run makes of
# it is compared with what is known to be right.

load helper

# stand_in DIR FILE: a script that does what the recording in DIR did.
stand_in() {
	{
		printf '#!/bin/sh\ncat >/dev/null\n'
		printf 'cat %s/stdout\ncat %s/stderr >&2\n' "$1" "$1"
		case $(cat "$1/exit") in
		signal*) printf 'kill -%s $$\n' \
			"$(sed 's/signal \([0-9]*\).*/\1/' "$1/exit")" ;;
		*) printf 'exit %s\n' "$(cat "$1/exit")" ;;
		esac
	} >"$2"
	chmod +x "$2"
}

# replay DIR IDS: every recording named on stdin (CLI/CASE) as an agent of one
# sk-run; answers.jsonl has id, status, kind, content, session, usage, cost.
replay() {
	local dir=$1 n=0 id agents=
	: >sk.toml
	: >map
	while read -r id; do
		n=$((n + 1))
		stand_in "$dir/$id" "$PWD/r$n"
		printf '[agents.r%s]\nadapter = "%s"\ncommand = ["./r%s"]\n' \
			"$n" "${id%/*}" "$n" >>sk.toml
		echo "r$n $id" >>map
		agents="$agents -a r$n"
	done
	# shellcheck disable=SC2086
	echo prompt | sk-run --config sk.toml -j 4 $agents >records 2>errors || :
	jq -c --slurpfile map <(jq -Rc 'split(" ") | {(.[0]): .[1]}' map) '
		($map | add) as $id | select(.schema == "sk.answer/1") |
		{id: $id[.agent], status, kind: .failure.kind, content, sha256,
		 session, usage, cost, retry_after_ms: .failure.retry_after_ms}' \
		records >answers.jsonl
	same "$(wc -l <answers.jsonl)" "$n"
}

# compare EXPECTED: mismatches, one line each.
compare() {
	jq -rn --slurpfile got answers.jsonl --slurpfile want "$1" '
		($got | map({(.id): .}) | add) as $g |
		$want[] | (.cli + "/" + .case) as $id | select($g[$id]) |
		. as $w | $g[$id] as $a |
		[ (select($a.status != $w.status) |
			"status \($a.status), not \($w.status)"),
		  (select($w.status == "failed" and
			([$a.kind] - $w.kinds_ok) != []) |
			"kind \($a.kind), not \($w.kinds_ok | join(" or "))"),
		  (select($w.status == "ok" and ($w.content_sha256 // null) == null
			and $a.content != $w.content) |
			"content \($a.content | tostring | .[0:60])"),
		  (select($w.status == "ok" and $w.content_sha256 and
			$a.sha256 != $w.content_sha256) | "content hash"),
		  (select($w.session_id != $a.session) | "session \($a.session)"),
		  (select($w.usage and (($w.usage.output_total // null) !=
			($a.usage.output // null))) | "usage \($a.usage)")
		] | select(length > 0) | $id + ": " + join("; ")'
}

@test "claude and codex: the small recordings in the tree" {
	jq -r '.cli + "/" + .case' "$SK_TOP/tests/captures/expected.jsonl" >ids
	[ "$(wc -l <ids)" -ge 8 ]
	replay "$SK_TOP/tests/captures" <ids
	same "$(compare "$SK_TOP/tests/captures/expected.jsonl")" ""
}

@test "claude and codex: all recordings of their machine formats" {
	all=$SK_SHARED/reference/agent-captures
	[ -r "$all/expected.jsonl" ] || skip "no recordings beside the tree"
	jq -r 'select((.cli == "claude" or .cli == "codex") and .judge and
		.format != "text") | .cli + "/" + .case' \
		"$all/expected.jsonl" >ids
	[ "$(wc -l <ids)" -gt 80 ]
	replay "$all" <ids
	same "$(compare "$all/expected.jsonl")" ""
}
