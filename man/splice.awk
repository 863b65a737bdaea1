# SPDX-License-Identifier: MIT
# Put what `X --dump mdoc` says in place of the marker lines of man/X.1.in:
#	X --dump mdoc | awk -f man/splice.awk man/X.1.in - >man/X.1
# A marker is a line of its own: .\" @SYNOPSIS@, .\" @OPTIONS@ or .\" @EXIT@.
# A marker in the page that the dump does not have, or the other way round, is
# an error: the page would lie by silence.
function marker(s) { return s ~ /^\.\\" @[A-Z]+@$/ }
FNR == 1 { file++ }
file == 1 { page[++lines] = $0; next }
marker($0) { section = $0; text[section] = ""; next }
{ text[section] = text[section] $0 "\n" }
END {
	for (i = 1; i <= lines; i++) {
		if (!marker(page[i])) {
			print page[i]
			continue
		}
		if (!(page[i] in text)) {
			print "splice: unknown marker " page[i] >"/dev/stderr"
			bad = 1
		}
		printf "%s", text[page[i]]
		used[page[i]] = 1
	}
	for (m in text)
		if (!(m in used)) {
			print "splice: no marker " m " in the page" \
				>"/dev/stderr"
			bad = 1
		}
	exit bad
}
