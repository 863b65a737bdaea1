#!/bin/sh
# C is as clang-format leaves it.
. "$(dirname "$0")/lib.sh"
command -v clang-format >/dev/null || {
	echo 'clang-format is not installed'
	exit 77
}
files 'lib/*.[ch]' 'cmd/*.[ch]' 'tests/*.[ch]' |
	xargs -r -n 8 -P 2 clang-format --dry-run 2>&1 |
	sed -n 's/: warning: code should be clang-formatted.*//p' | refuse
