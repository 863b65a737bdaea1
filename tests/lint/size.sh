#!/bin/sh
# A file has 600 lines at most, a C function 80 (from its name in column 0 to
# its closing brace in column 0).
# shellcheck disable=SC2016 # awk has its own dollars
. "$(dirname "$0")/lib.sh"
files '*.[ch]' '*.awk' '*.sh' '*.bash' '*.bats' | xargs -r awk '
function done() {
	if (lines > 600)
		print name ": " lines " lines"
}
FNR == 1 {
	done()
	name = FILENAME
	c = name ~ /\.[ch]$/
	start = body = 0
}
{ lines = FNR }
!c { next }
/^[A-Za-z_][A-Za-z0-9_]*\(/ && !body {
	start = FNR
	match($0, /^[A-Za-z0-9_]*/)
	fn = substr($0, 1, RLENGTH)
}
/^\{/ && start { body = 1 }
/^\}/ && body {
	if (FNR - start + 1 > 80)
		print name ":" start ": " fn "() has " FNR - start + 1 \
		    " lines"
	start = body = 0
}
/^[^ \t]*;$/ && !body { start = 0 }
END { done() }' | refuse
