#!/bin/sh
# Processes are started by posix_spawn; only the guardian forks.
. "$(dirname "$0")/lib.sh"
code 'lib/*.[ch]' 'cmd/*.[ch]' | grep -v '^lib/sys/guard\.c:' |
	grep -E '[^A-Za-z0-9_.>](fork|vfork|clone|clone3|daemon|_Fork) *\(' |
	refuse
