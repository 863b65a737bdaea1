#!/bin/sh
# Standard output is written through sk_out*, which is checked at exit.
. "$(dirname "$0")/lib.sh"
code 'lib/*.[ch]' 'cmd/*.[ch]' | grep -v '^lib/core/io\.c:' |
	grep -E '[^A-Za-z0-9_.>](v?printf|puts|putchar|perror) *\(|[^A-Za-z0-9_](stdout|stderr)[^A-Za-z0-9_]|[^A-Za-z0-9_]write *\( *(1|STDOUT_FILENO) *,' |
	grep -vE '[^A-Za-z0-9_]fputs *\([^,]*, *stderr\)' | refuse
