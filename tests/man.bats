#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The manual says nothing that is not so: its examples run, its options exist,
# its lists are complete.
#
# An example is runnable when a comment says what it prints:
#	.\" @run@ TEXT
#	.Bd -literal -offset indent
#	...
#	.Ed

load helper

local_setup() {
	man=$SK_TOP/man
}

# examples PAGE: one file ex.N per runnable example, what it prints in ex.N.out
examples() {
	rm -f ex.*
	awk '
	/^\.\\" @run@ / {
		n++
		sub(/^\.\\" @run@ /, "")
		print >("ex." n ".out")
		armed = 1
		next
	}
	armed && /^\.Bd -literal/ { on = 1; armed = 0; next }
	/^\.Ed/ { on = 0; next }
	on {
		gsub(/\\e/, "\\")
		gsub(/\\&/, "")
		print >("ex." n)
	}' "$1"
}

# run_examples PAGE: each in a directory with a copy of the example project and
# a state of its own
run_examples() {
	local f n=0 status
	examples "$1"
	for f in ex.*.out; do
		[ -e "$f" ] || return 0
		f=${f%.out}
		n=$((n + 1))
		rm -rf tree "$SK_DB"*
		mkdir -p tree/docs
		cp -R "$SK_TOP/docs/example" tree/docs/example
		rm -rf tree/docs/example/docs/evidence
		status=0
		(cd tree && sh -eu "../$f") >"$f.got" 2>"$f.err" </dev/null ||
			status=$?
		if [ "$status" -ne 0 ] ||
			! grep -qF -- "$(cat "$f.out")" "$f.got"; then
			echo "${1##*/}, example $n: status $status, wanted:"
			cat "$f.out"
			echo 'got:'
			cat "$f" "$f.got" "$f.err"
			return 1
		fi
	done
	echo "$n" >count
}

@test "man: the examples of the tools' pages run as printed" {
	for p in "$man"/*.1.in; do
		run_examples "$p"
		[ "$(cat count)" -gt 0 ]
	done
}

@test "man: the examples of the other pages run as printed" {
	for p in "$man"/*.5 "$man"/*.7; do
		run_examples "$p"
	done
}

@test "man: an example that fails would be noticed" {
	printf '.\\" @run@ x\n.Bd -literal\necho y\n.Ed\n' >bad.1
	run run_examples bad.1
	[ "$status" -ne 0 ]
	printf '.\\" @run@ x\n.Bd -literal\necho x\nfalse\n.Ed\n' >bad.1
	run run_examples bad.1
	[ "$status" -ne 0 ]
	printf '.\\" @run@ a\\b\n.Bd -literal\nprintf %%s "a\\eb"\n.Ed\n' >good.1
	run_examples good.1
	[ "$(cat count)" -eq 1 ]
}

@test "man: every option that a page names exists" {
	for p in "$man"/*.1.in; do
		tool=$(basename "$p" .1.in)
		"$tool" --dump json | jq -r '.verbs[].options[] |
			"-" + .long, (.short // empty)' | sort -u >known
		sed -n 's/^\.Fl \([^ ]*\).*/\1/p; s/.* Fl \([^ ]*\).*/\1/p' \
			"$p" | sort -u | comm -23 - known >unknown
		[ ! -s unknown ] || {
			echo "$tool: $(cat unknown)"
			return 1
		}
	done
}

@test "man: sk-config(5) has every key, and no other" {
	jq -r '
	def keys_of(p): to_entries[] | (p + .key),
		(select(.value.properties) | .key as $k | .value.properties |
		keys_of(p + $k + "."));
	.properties | to_entries[] | .key as $k | .value |
		if .properties then .properties | keys_of($k + ".")
		else .additionalProperties.properties | keys_of($k + ".NAME.")
		end' "$SK_TOP/lib/data/schemas/config-file.json" |
		sort >wanted
	[ -s wanted ]
	sed -n '/^\.Sh KEYS/,/^\.Sh FILES/s/^\.It Li //p' "$man/sk-config.5" |
		sort >got
	diff wanted got
}

@test "man: sk-config(5) has the defaults that are in force" {
	awk '/^\.It Li / { key = $3 } sub(/^Default: /, "") {
		sub(/\.$/, ""); print key "\t" $0 }' "$man/sk-config.5" >said
	[ "$(wc -l <said)" -gt 10 ]
	while IFS='	' read -r key value; do
		same "$key $(sk-config get "$key")" "$key $value"
	done <said
}

@test "man: sk-db(5) has every table and column" {
	sk-branch new --spec X >/dev/null
	sqlite3 "$SK_DB" "SELECT m.name || '.' || c.name
		FROM sqlite_schema m, pragma_table_info(m.name) c
		WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%'" |
		sort >wanted
	[ "$(wc -l <wanted)" -gt 50 ]
	awk '/^\.It Sy / { table = $3 }
		/^\.Sh FILES/ { exit }
		table && /^\.Li / { print table "." $2 }' "$man/sk-db.5" |
		sort >got
	diff wanted got
}

@test "man: sk-records(5) has every document that a tool prints" {
	for tool in sk sk-run sk-consensus sk-auto sk-config sk-branch \
		sk-metrics sk-login sk-faults; do
		"$tool" schema --json | jq -r '.. | strings'
	done | grep -oE '[a-z][a-z-]*' | sort -u >names
	for f in "$SK_TOP"/lib/data/schemas/*.json; do
		jq -r '.["$id"] // .properties.schema.const // empty' "$f"
	done | grep '^sk\.' | grep -v '^sk\.config-file/' | sort -u >wanted
	[ -s wanted ]
	while read -r id; do
		grep -qF "$id" "$man/sk-records.5" || {
			echo "$id is not in sk-records(5)"
			return 1
		}
	done <wanted
}

@test "man: pages are clean under mandoc and refer to pages that exist" {
	for p in "$man"/*.[1-9]; do
		[ -e "$p" ] || continue
		run mandoc -Tlint -W warning "$p"
		same "$output" ''
	done
	for p in "$man"/*.[57] "$man"/*.1.in; do
		sed -n 's/^\.\(.* \)*Xr \(sk[^ ]*\) \([0-9]\).*/\2.\3/p' "$p"
	done | sort -u | while read -r page; do
		[ -e "$man/$page" ] || [ -e "$man/$page.in" ] || {
			echo "no $page"
			return 1
		}
	done
}
