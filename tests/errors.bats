#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What a stranger mistypes: the same mistake has the same status, code and words in
# every tool, and what to do next is said.

load helper

# rows: COMMAND|STATUS|CODE|MESSAGE|HINT (words that must be there)
rows() {
	local cmd status code message hint
	while IFS='|' read -r cmd status code message hint; do
		eval "check $status $cmd --json </dev/null"
		same "$cmd $(jq -r .error.code <<<"$out")" "$cmd $code"
		has "$(jq -r .error.message <<<"$out")" "$message"
		has "$(jq -r .error.hint <<<"$out")" "$hint"
		[ "$hint" = null ] || has "$err" "$hint"
	done
}

@test "a name that is none is told the same way by every tool" {
	echo p >p
	rows <<-'END'
		sk-run -x a=cat -p p --run a/b|2|bad_identifier|'a/b' is not the name of a run|letters, digits
		sk-run -x a=cat -p p --spec a/b|2|bad_identifier|'a/b' is not the name of a specification|letters, digits
		sk-run -x a=cat -p p --branch a/b|2|bad_identifier|'a/b' is not the name of a branch|at most 128
		sk-consensus show --run a/b|2|bad_identifier|'a/b' is not the name of a run|letters, digits
		sk-consensus stop --run a/b|2|bad_identifier|'a/b' is not the name of a run|letters, digits
		sk-metrics show --run a/b|2|bad_identifier|'a/b' is not the name of a run|letters, digits
		sk-metrics show a/b|2|bad_identifier|'a/b' is not the name of a specification|letters, digits
		sk-branch list --run a/b|2|bad_identifier|'a/b' is not the name of a run|letters, digits
		sk-branch new --spec a/b|2|bad_identifier|'a/b' is not the name of a specification|letters, digits
		sk-branch show a/b|2|bad_identifier|'a/b' is not the name of a branch|letters, digits
		sk-auto status .x|2|bad_identifier|'.x' is not the name of a specification|letters, digits
		sk-auto init a/b|2|bad_identifier|'a/b' is not the name of a specification|letters, digits
	END
}

@test "what is not there: which, and where to look" {
	echo p >p
	check 0 sk-run -x a=cat -p p --json
	rows <<-'END'
		sk-consensus log --run nope|2|no_such_run|there is no run 'nope'|'sk-branch list --all'
		sk-consensus stop --run nope|2|no_such_run|there is no run 'nope'|'sk-branch list --all'
		sk-consensus decide --run nope|2|no_such_run|there is no run 'nope'|'sk-branch list --all'
		sk-consensus log|2|missing_option|says which run|'sk-branch list --all'
		sk-metrics settle --run nope|2|no_such_run|there is no run 'nope'|'sk-branch list --all'
		sk-metrics show --run nope|2|no_such_run|there is no run 'nope'|'sk-branch list --all'
		sk-metrics show NOPE|1|no_run|no run of 'NOPE'|'sk-branch list --all'
		sk-consensus show NOPE plan|2|no_decision|no decision on stage 'plan' of 'NOPE'|'sk-branch list --all'
		sk-consensus last NOPE plan|2|no_decision|no decision on stage 'plan' of 'NOPE'|'sk-branch list --all'
		sk-consensus show --seq 7|2|no_decision|no decision 7|'sk-branch list --all'
		sk-login login wait nope|2|no_such_handle|'nope'|login start PROVIDER
		sk-login login openai-api|2|bad_token|no token was given|standard input
		sk-login status nope|2|no_such_provider|'nope'|'sk-login providers' lists them
		sk-metrics prices import|2|missing_operand|no list of prices|prices import FILE
		sk-run check-adapter claude --captures nope|74|not_found|'nope'|null
	END
}

@test "a mistake in what counts only sometimes is told at once" {
	echo p >p
	rows <<-'END'
		sk-run -x a=cat -p p --require x|2|bad_pointer|'x' is not a JSON Pointer|begins with a slash
		sk-consensus --require x|2|bad_pointer|'x' is not a JSON Pointer|begins with a slash
		sk-run -x a=cat -p p --policy nope|2|no_such_policy|'nope'|shipped
		sk-auto|2|missing_verb|no verb|sk-auto --help
		sk-run --nope|2|unknown_option|unknown option '--nope'|see 'sk-run --help'
		env SPECKIT_COST__RUN_LIMIT_USD=1 sk-run -x who=cat -p p|7|unpriced|agent 'who'|cost.unpriced
	END
	# A verb whose forms are its own says so, rather than print another one.
	check 2 sk-auto report SPEC-7 --json
	has "$err" "unknown option '--json'"
	check 2 sk-consensus export --json
	has "$err" "unknown option '--json'"
	check 0 sk-run -x a=cat -p p --json
	check 0 sk-metrics estimate --explain --json
	same "$(j .schema)" sk.metrics/1
}

@test "a home that cannot be written: where else, and the doctor knows" {
	local as=() place
	place=$(mktemp -d)
	chmod 755 "$place"
	cd "$place" || return 1
	echo p >p
	mkdir -m 555 home
	unset SK_DB XDG_STATE_HOME XDG_CONFIG_HOME
	export HOME=$place/home
	if [ "$(id -u)" = 0 ]; then
		as=(setpriv --reuid 65534 --regid 65534 --clear-groups)
		"${as[@]}" test -r "$place/p" -a -x "$SK_BIN/sk" ||
			skip 'another user cannot come here'
	fi
	check 74 "${as[@]}" "$SK_BIN/sk-branch" new --spec S --json
	has "$(j .error.message)" "cannot create directory '$HOME/.local'"
	has "$err" 'SK_DB or XDG_STATE_HOME'
	check 74 "${as[@]}" "$SK_BIN/sk-login" login openai-api --json <p
	has "$err" 'XDG_STATE_HOME names another place'
	check 1 "${as[@]}" "$SK_BIN/sk" doctor --json
	same "$(j '.checks[] | select(.name == "state") | .status')" fail
	has "$(j '.checks[] | select(.name == "state") | .hint')" SK_DB
	cd / && rm -r "$place"
}
