#!/bin/sh
# Each source file names its licence in one of its first two lines.
. "$(dirname "$0")/lib.sh"
files '*.[ch]' '*.awk' | xargs -r awk '
function done() {
	if (name != "" && !seen)
		print name ": no SPDX line"
}
FNR == 1 { done(); name = FILENAME; seen = 0 }
FNR <= 2 && /SPDX-License-Identifier: MIT/ { seen = 1 }
END { done() }' | refuse
