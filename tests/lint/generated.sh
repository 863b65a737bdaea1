#!/bin/sh
# Man pages and completions are what the programs' option tables say today.
. "$(dirname "$0")/lib.sh"
bin=${SK_BIN:-$PWD/bin}
programs=$(files 'cmd/*.c' | sed 's/^cmd\///; s/\.c$//')
for p in $programs; do
	[ -x "$bin/$p" ] && continue
	echo "$bin/$p is not built"
	exit 77
done
[ -n "$programs" ] || exit 0
dir=$(mktemp -d) || exit 70
trap 'rm -rf "$dir"' EXIT
{
	for p in $programs; do
		"$bin/$p" --dump mdoc >"$dir/dump" &&
			awk -f man/splice.awk "man/$p.1.in" "$dir/dump" \
				>"$dir/page" 2>"$dir/why" &&
			cmp -s "$dir/page" "man/$p.1" ||
			echo "man/$p.1 is stale: make gen $(cat "$dir/why")"
		"$bin/$p" completion bash | cmp -s - "completions/$p.bash" ||
			echo "completions/$p.bash is stale: make gen"
		"$bin/$p" completion zsh | cmp -s - "completions/_$p" ||
			echo "completions/_$p is stale: make gen"
	done
} | refuse
