# SPDX-License-Identifier: MIT
# C without comments and with emptied strings, as FILE:LINE:TEXT.
FNR == 1 { comment = 0 }
{
	s = $0
	out = ""
	for (;;) {
		if (comment) {
			i = index(s, "*/")
			if (!i)
				break
			s = substr(s, i + 2)
			comment = 0
		}
		if (!match(s, /\/\*|\/\/|"|'/)) {
			out = out s
			break
		}
		out = out substr(s, 1, RSTART - 1)
		c = substr(s, RSTART, 1)
		if (c == "/") {
			if (substr(s, RSTART + 1, 1) == "/")
				break
			comment = 1
			s = substr(s, RSTART + 2)
			continue
		}
		s = substr(s, RSTART + 1)
		if (c == "\"")
			match(s, /^([^"\\]|\\.)*"/)
		else
			match(s, /^([^'\\]|\\.)*'/)
		out = out c c
		s = RSTART ? substr(s, RLENGTH + 1) : ""
	}
	if (out ~ /[^ \t]/)
		print FILENAME ":" FNR ":" out
}
