#!/bin/sh
# Arrows point down: a room includes itself and lower rooms, by the header named
# after them (a program may take the part of the pipeline that is its own);
# sqlite3, curl and sodium have their homes.
# shellcheck disable=SC2016 # awk has its own dollars
. "$(dirname "$0")/lib.sh"
files 'lib/*.[ch]' 'cmd/*.[ch]' 'tests/*.[ch]' | xargs -r awk '
BEGIN {
	n = split("core=0 faults=0 faultstool=3 data=0 json=1 sys=1 cli=1 store=2 net=2 " \
	    "config=2 agent=3 consensus=3 metrics=3 auth=3 pipeline=4 cmd=5 " \
	    "tests=6", a, " ")
	for (i = 1; i <= n; i++) {
		split(a[i], kv, "=")
		rank[kv[1]] = kv[2]
	}
	# The ground floor stands side by side, and tables and manners need
	# documents and descriptors.
	beside["core>faults"] = beside["faults>core"] = beside["data>core"] = 1
	beside["cli>json"] = beside["cli>sys"] = 1
	beside["cmd>faults"] = beside["faultstool>faults"] = 1
	home["sqlite3.h"] = "store"
	home["sodium.h"] = "core auth"
}
# Who may include more of a room than the header named after it.
function within(from, room, header) {
	if (from == "faultstool" && room == "faults")
		return 1
	return from == "cmd" && header != "internal.h" &&
	    (room == "pipeline" || header == "tool.h")
}
function bad(why) {
	print FILENAME ":" FNR ": " why
}
FNR == 1 {
	split(FILENAME, p, "/")
	room = p[1] == "lib" ? p[2] : p[1]
	# The faults have two floors: what every room may call, and the tool.
	if (FILENAME ~ /^lib\/faults\/(tool|child|verbs|exec|proxy|explore)/)
		room = "faultstool"
	if (!(room in rank))
		bad("unknown room \047" room "\047")
}
/^[ \t]*#[ \t]*include[ \t]*</ {
	match($0, /<[^>]*/)
	h = substr($0, RSTART + 1, RLENGTH - 1)
	if (room == "tests")
		next
	if (h ~ /^curl\// && room != "net")
		bad("<" h "> outside lib/net")
	sub(/^sodium\/.*/, "sodium.h", h)
	if (h in home && index(" " home[h] " ", " " room " ") == 0)
		bad("<" h "> outside its room (" home[h] ")")
}
/^[ \t]*#[ \t]*include[ \t]*"/ {
	match($0, /"[^"]*/)
	h = substr($0, RSTART + 1, RLENGTH - 1)
	if (room == "tests")
		next
	n = split(h, q, "/")
	if (n != 2 || !(q[1] in rank) || q[1] == "tests")
		bad("include \"" h "\" does not name a room")
	else if (q[1] == room)
		next
	else if (rank[q[1]] >= rank[room] && !((room ">" q[1]) in beside))
		bad("\047" room "\047 must not include \047" q[1] "\047")
	else if (q[2] != q[1] ".h" && !within(room, q[1], q[2]))
		bad("\"" h "\" is private to its room")
}' | refuse
