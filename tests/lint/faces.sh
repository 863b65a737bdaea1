#!/bin/sh
# Every program has a man page and completions, and each of those a program.
. "$(dirname "$0")/lib.sh"
{
	for c in $(files 'cmd/*.c'); do
		p=${c#cmd/}
		p=${p%.c}
		for f in "man/$p.1.in" "man/$p.1" "completions/$p.bash" \
			"completions/_$p"; do
			[ -s "$f" ] || echo "$c: no $f"
		done
	done
	for f in $(files 'man/*.1' 'completions/*'); do
		p=${f##*/}
		p=${p#_}
		p=${p%.1}
		p=${p%.bash}
		[ -s "cmd/$p.c" ] || echo "$f: no cmd/$p.c"
	done
} | refuse
