#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Exports against what the world reads them by: the whole schema of SARIF, from
# the npm registry, and a real browser for the page of an explanation.

load ../helper

schema() { # its path is printed; nothing when it is not to be had
	local at=${SK_REAL:-$SK_TOP/build/real}/sarif
	local file=$at/node_modules/@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json

	if [ ! -s "$file" ] && command -v npm >/dev/null; then
		mkdir -p "$at"
		(cd "$at" && timeout 120 npm install --no-audit --no-fund \
			--ignore-scripts --legacy-peer-deps --loglevel=error \
			--prefix . @microsoft/jest-sarif) >/dev/null 2>&1 || :
	fi
	[ ! -s "$file" ] || echo "$file"
}

hostile() { # SEED N: verdicts in v.json
	"$SK_BUILD/tools/hostile" "$1" "$2" |
		sk-consensus --policy audit --expect a,b,c --no-evidence >v.json ||
		[ $? -eq 1 ] || [ $? -eq 3 ]
}

@test "sarif: valid by the whole schema, over hostile answers" {
	s=$(schema)
	[ -n "$s" ] || skip "needs npm, and the schema from its registry"
	# The schema says no to what is none.
	echo '{"version":"2.1.0","runs":[{"tool":{"driver":{}}}]}' >bad
	feed_file bad 1 "$SK_BUILD/tools/schema_check" "$s"
	hostile 11 20
	sk-consensus export --format sarif -q v.json >sarif
	feed_file sarif 0 "$SK_BUILD/tools/schema_check" "$s"
}

@test "explain --html: a browser runs and fetches nothing of the agents'" {
	command -v chromium >/dev/null || skip "chromium is not installed"
	hostile 12 1
	sk-consensus explain --html v.json >page.html
	timeout 60 chromium --headless --no-sandbox --disable-gpu --dump-dom \
		"file://$PWD/page.html" >dom 2>log
	same "$(grep -o '<[a-z][a-z0-9]*' dom | sort -u | xargs)" \
		"<body <code <h1 <head <html <li <meta <pre <span <style <table <tbody <td <th <thead <title <tr <ul"
	timeout 60 chromium --headless --no-sandbox --disable-gpu \
		--window-size=1000,900 --screenshot="$PWD/page.png" \
		"file://$PWD/page.html" >>log 2>&1
	[ "$(wc -c <page.png)" -gt 20000 ]
	[ -z "${SK_KEEP:-}" ] || cp page.png "$SK_KEEP"
}
