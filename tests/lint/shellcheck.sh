#!/bin/sh
# Scripts and generated bash completions are clean under shellcheck.
. "$(dirname "$0")/lib.sh"
command -v shellcheck >/dev/null || {
	echo 'shellcheck is not installed'
	exit 77
}
scripts=$(files '*' | grep -vE '\.(bats|[ch]|md|awk|toml|json|[157])$' |
	xargs -r awk 'FNR == 1 && /^#!.*[\/ ](sh|bash|dash)( |$)/ {
		print FILENAME } FNR == 1 { nextfile }')
{
	printf '%s\n' "$scripts" | grep . |
		xargs -r shellcheck -x -P SCRIPTDIR -f gcc
	files 'completions/*.bash' '*.bash' | sort -u |
		xargs -r shellcheck -s bash -f gcc
} | refuse
