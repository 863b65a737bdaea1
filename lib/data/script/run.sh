#!/bin/sh
set -u

# However it ends, the run then has a state, its cost, its log, a manifest.
finish() {
	recorded=0
	if [ -n "${SK_RUN:-}" ]; then
		# shellcheck disable=SC2086,SC2154 # options; assigned above
		sk-auto end "$spec" $range --exit "$1" --format text ||
			recorded=$?
	fi
	rm -rf "$tmp"
	[ "$1" -ne 0 ] || exit "$recorded"
}

tmp=$(mktemp -d) || exit 74
trap 'finish $?' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Not everything is said above.
: "${goal:=}" "${on_gate:=}" "${timeout:=}" "${range:=}" "${deadline:=}"
arbiter=
may_skip=
begin=1

# A run of our own, unless the caller goes on with one (SK_RUN, SK_BRANCH).
if [ -z "${SK_RUN:-}" ]; then
	new=$(sk-auto env "$spec" --new ${goal:+--goal "$goal"}) || exit
	eval "$new"
fi

# Ask once: sk-run repeats answers that were committed and asks the others.
ask() {
	sk-auto prompt "$spec" --stage "$stage" --answers "$tmp/records" \
		>"$tmp/prompt" || exit
	sk-run --json --again --spec "$spec" --stage "$stage" \
		${worktree:+"$worktree"} ${timeout:+--timeout "$timeout"} \
		${deadline:+--deadline "$deadline"} "$@" <"$tmp/prompt" >>"$tmp/records"
	asked=$?
	case $asked in
	0 | 3) any=1 ;;
	*) cause=$asked ;;
	esac
}

# ask_all MODE -a AGENT...: side by side, or each with the earlier answers.
ask_all() {
	mode=$1
	shift
	: >"$tmp/records"
	any=0
	cause=0
	if [ "$mode" = sequential ]; then
		while [ "$#" -gt 0 ]; do
			ask "$1" "$2"
			shift 2
		done
	else
		ask "$@"
	fi
}

# Somebody to ask again? (What agents said stands behind this in a verdict.)
missing() {
	sed 's/,"unexpected_agents":.*//' "$tmp/verdict" >"$tmp/head"
	! grep -q '"missing_agents":\[\]$' "$tmp/head"
}

# close STAGE: an agreed value becomes a file before it is acknowledged.
close() {
	seq=$(sk-auto artefact "$spec" <"$tmp/verdict") || exit
	sk-metrics settle --run "$SK_RUN" --branch "$SK_BRANCH" \
		--stage "$1" >"$tmp/cost" || exit
	sk-consensus ack --run "$SK_RUN" --branch "$SK_BRANCH" \
		--seq "$seq" >"$tmp/ack" || exit
}

# A conflict, and somebody who did not vote: asked where the policy lets one
# settle. Whatever comes of it, the verdict that there is stands.
arbitrate() {
	sk-consensus arbitrate --json --settling --agent "$arbiter" \
		--run "$SK_RUN" --branch "$SK_BRANCH" --seq "$seq" \
		>"$tmp/question" || return 0
	sk-run --json ${timeout:+--timeout "$timeout"} \
		<"$tmp/question" >"$tmp/opinion"
	sk-consensus arbitrate --json --take --no-ack \
		<"$tmp/opinion" >"$tmp/ruling"
	ruled=$?
	case $ruled in
	0 | 1 | 3)
		cp "$tmp/ruling" "$tmp/verdict" || exit 74
		status=$ruled
		;;
	esac
	close "$stage.arbiter"
}

# stage NAME MODE -a AGENT...: judge() says by which rules.
stage() {
	stage=$1
	mode=$2
	shift 2
	# Left out? The program decides, once, and records it.
	if [ -n "$may_skip" ]; then
		sk-auto gate "$spec" --stage "$stage" --skip --format text
		skip=$?
		case $skip in
		0) return 0 ;;
		1) ;;
		*) exit "$skip" ;;
		esac
	fi
	# It begins: guardrails and the quality gate; 5 = a person is asked.
	sk-auto gate "$spec" --stage "$stage" --format text \
		${begin:+--begin} ${on_gate:+--on-gate "$on_gate"} \
		${timeout:+--timeout "$timeout"} "$@" || exit
	begin=
	try=1
	while :; do
		ask_all "$mode" "$@"
		judge <"$tmp/records" >"$tmp/verdict"
		status=$?
		case $status in
		0 | 1 | 3) ;;
		*) exit "$status" ;;
		esac
		close "$stage"
		if [ "$status" -eq 1 ] && [ -n "$arbiter" ]; then
			arbitrate
			break
		fi
		# Degraded: the agents that failed are asked again.
		# shellcheck disable=SC2154 # assigned before each stage
		if [ "$status" -ne 3 ] || [ "$try" -ge "$rounds" ] || ! missing; then
			break
		fi
		try=$((try + 1))
	done
	[ "$status" -ne 3 ] || [ "$any" -eq 1 ] || [ "$cause" -eq 0 ] ||
		status=$cause
	sk-auto end "$spec" --stage "$stage" --exit "$status" --format text ||
		exit
	if [ "$status" -ne 0 ]; then
		echo "halted at $stage with status $status" >&2
		exit "$status"
	fi
	echo "$stage: ok" >&2
}

