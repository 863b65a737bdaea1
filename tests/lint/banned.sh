#!/bin/sh
# Functions that overflow, hide state, race or start a shell; memory comes from
# lib/core, SQL from literals.
. "$(dirname "$0")/lib.sh"
words='strcpy|strcat|strncpy|strncat|stpcpy|sprintf|vsprintf|strtok|strtok_r'
words="$words|gets|atoi|atol|atoll|atof|scanf|system|popen|wordexp"
words="$words|signal|rand|srand|random|localtime|gmtime|asctime|ctime|tmpnam"
words="$words|mktemp|tempnam|alloca|setjmp|longjmp|usleep|strerror_r|bcopy"
memory='malloc|calloc|realloc|reallocarray|strdup|strndup|asprintf|vasprintf'
memory="$memory|getline|realpath *\\([^,]*, *NULL"
{
	code '*.[ch]' | grep -E "[^A-Za-z0-9_.>]($words) *\\("
	code 'lib/*.[ch]' 'cmd/*.[ch]' | grep -v -e '^lib/core/' -e '^lib/faults/libc\.c' |
		grep -E "[^A-Za-z0-9_.>]($memory) *\\("
	# No descriptor is for others by accident: what opens one says
	# O_CLOEXEC, but where closed ones are opened on /dev/null.
	code 'lib/*.c' 'cmd/*.c' |
		grep -v -e '^lib/faults/libc\.c' -e '^lib/core/io\.c' | awk '
		/[^A-Za-z0-9_.>](dup|pipe|creat|mkstemp) *\(/
		held == "" && /[^A-Za-z0-9_.>](open|openat|socket) *\([^v]/ { held = $0 }
		held != "" && /CLOEXEC|flags/ { held = "" }
		held != "" && /[;{]/ { print held; held = "" }'
	# The text of a statement is a literal: joined with the next line,
	# since the call is often broken there. (Migrations are a table of
	# constants, and a version cannot be bound.)
	code '*.[ch]' | grep -A 1 -E 'sqlite3_exec *\(' | grep -v '^--$' |
		grep -v '^lib/store/migrate\.c' |
		awk '
		held { sub(/^[^:]*:[^:]*:/, ""); $0 = held $0; held = "" }
		/sqlite3_exec *\([^,]*,?[ \t]*$/ { held = $0; next }
		/sqlite3_exec *\([^,]*,[ \t]*[^" \t]/'
} | refuse
