#!/bin/sh
# C and headers keep to 80 columns (a tab is 8); nothing ends in white space,
# and every text file ends in a newline.
# shellcheck disable=SC2016 # awk has its own dollars
. "$(dirname "$0")/lib.sh"
{
	files '*.[ch]' | LC_ALL=C xargs -r awk '
	length($0) > 40 || /\t/ {
		s = $0
		gsub(/[\200-\277]/, "", s)
		n = split(s, part, "\t")
		col = 0
		for (i = 1; i <= n; i++) {
			col += length(part[i])
			if (i < n)
				col += 8 - col % 8
		}
		if (col > 80)
			print FILENAME ":" FNR ": " col " columns"
	}'
	list=$(files '*.[ch]' '*.awk' '*.sh' '*.bash' '*.bats' '*.md' \
		'*.toml' '*.[157]' '*.in' 'Makefile' 'tests/*run' | grep -v '/corpus/')
	printf '%s\n' "$list" | xargs -r grep -HnE '[	 ]+$'
	printf '%s\n' "$list" | xargs -r -n 1 sh -c \
		'[ -z "$(tail -c 1 "$1")" ] || echo "$1: no newline at the end"' x
} | refuse
