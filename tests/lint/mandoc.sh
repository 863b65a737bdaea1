#!/bin/sh
# Manual pages are clean under mandoc's linter.
. "$(dirname "$0")/lib.sh"
command -v mandoc >/dev/null || {
	echo 'mandoc is not installed'
	exit 77
}
files 'man/*.[1-9]' | xargs -r mandoc -Tlint -W warning 2>&1 | refuse
