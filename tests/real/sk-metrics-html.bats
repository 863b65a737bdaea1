#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The page of a run in a real browser: Debian's chromium takes a picture of it.

load ../helper

@test "report --html: a browser draws it, and nothing is fetched" {
	command -v chromium >/dev/null || skip "chromium is not installed"
	cp -R "$SK_TOP/docs/example" ex
	(cd ex && sk-auto run DEMO --config sk.toml >/dev/null)
	SK_CONFIG=$PWD/ex/sk.toml sk-metrics report --spec DEMO \
		--html page.html
	timeout 60 chromium --headless --no-sandbox --disable-gpu \
		--window-size=1200,1000 --screenshot="$PWD/page.png" \
		"file://$PWD/page.html" >log 2>&1
	# a picture that is not one colour
	[ "$(wc -c <page.png)" -gt 20000 ]
	timeout 60 chromium --headless --no-sandbox --disable-gpu --dump-dom \
		"file://$PWD/page.html" >dom 2>>log
	grep -q 'role="img"' dom
	[ "$(grep -o '<rect' dom | wc -l)" -ge 18 ]
	[ -z "${SK_KEEP:-}" ] || cp page.png "$SK_KEEP"
}
