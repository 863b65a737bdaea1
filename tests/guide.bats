#!/usr/bin/env bats
# The README and the guide say nothing that was not run as printed: every `sh`
# block is run in order, in a copy of the tree's relevant parts.

load helper

local_setup() {
	mkdir -p tree/build tree/docs
	ln -s "$SK_BIN" tree/bin
	cp -R "$SK_TOP/docs/example" tree/docs/example
	rm -rf tree/docs/example/docs/evidence
	cd tree || return 1
}

# blocks FILE: the `sh` blocks, with `make` lines left out (they are tested as
# targets of their own).
blocks() {
	awk '/^```sh$/ { on = 1; next } /^```/ { on = 0 } on' "$1" |
		grep -v '^make '
}

@test "the guide runs as printed" {
	blocks "$SK_TOP/docs/guide.md" >steps.sh
	[ "$(wc -l <steps.sh)" -gt 15 ]
	check 0 sh -eu steps.sh
	same "$(grep -cx ok "$BATS_TEST_TMPDIR/.out")" 1
	has "$out" '"ok"
[]
0'
	has "$out" '{"answer":42}'
	for f in plan tasks implement validate audit unlock; do
		[ -s docs/example/docs/DEMO-*/$f.md ]
	done
}

@test "the README's first pipe runs as printed" {
	blocks "$SK_TOP/README.md" >steps.sh
	grep -q 'sk-consensus | jq -r .status' steps.sh
	check 0 sh -eu steps.sh
	same "$out" ok
}

@test "make install puts everything in place, make uninstall takes it away" {
	make -s -C "$SK_TOP" install DESTDIR="$PWD/stage" PREFIX=/usr
	for p in sk sk-run sk-consensus sk-auto sk-config sk-branch sk-login; do
		[ -x "stage/usr/bin/$p" ]
		[ -s "stage/usr/share/man/man1/$p.1" ]
		[ -s "stage/usr/share/bash-completion/completions/$p" ]
		[ -s "stage/usr/share/zsh/site-functions/_$p" ]
	done
	[ -s stage/usr/share/man/man7/sk-exit-codes.7 ]
	same "$(stage/usr/bin/sk-run --version)" "$(sk-run --version)"
	make -s -C "$SK_TOP" uninstall DESTDIR="$PWD/stage" PREFIX=/usr
	same "$(find stage -type f | wc -l)" 0
}
