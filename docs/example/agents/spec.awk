# SPDX-License-Identifier: MIT
# What the three example agents share: reading a prompt and the facts of a
# specification. stages.awk holds the answer shapes, json.awk JSON in and out.
#
# An agent adds its own reading and its own opinions in these functions:
#   read_spec()      fills ORDER[1..norder] and PROOF[requirement]
#   step_for(r)      what to do for a requirement      (plan)
#   proof_for(r)     how it will be shown              (plan)
#   title_for(r)     a task's title                    (tasks)
#   purpose_for(p)   what a file is for                (implement)
#   check_for(r)     one line of the checklist         (implement)
#   opinions()       calls add_risk() and add_finding()
#   judge(rec)       its own mind about a recommendation
#   rationale(d)     why UNLOCK or BLOCK
#   open_item(f)     whether finding f is worth keeping open
#   say(json)        prints the answer
# Runs on mawk, gawk and busybox awk, in the C locale: strings are bytes.

BEGIN {
	for (i = 1; i < 32; i++)
		ESC[sprintf("%c", i)] = sprintf("\\u%04x", i)
	ESC["\n"] = "\\n"
	ESC["\t"] = "\\t"
	ESC["\""] = "\\\""
	ESC["\\"] = "\\\\"
	stage = ENVIRON["SK_STAGE"]
}

# ---- the prompt: data blocks between lines with a random boundary -----------

{
	sub(/\r$/, "")
}

in_block && $0 == end_mark {
	in_block = 0
	next
}

in_block {
	if (block == "spec.md")
		spec_line($0)
	else
		DOC[block] = DOC[block] $0 "\n"
	next
}

/^<<<BEGIN [^ ].* [0-9A-Za-z]+$/ {
	block = substr($0, 10)
	end_mark = "<<<END " block
	sub(/ [0-9A-Za-z]+$/, "", block)
	BLOCK[++nblocks] = block
	if (block == "spec.md")
		have_spec = 1
	in_block = 1
	next
}

{
	LOOSE[++nloose] = $0
	if (stage == "" && $0 ~ /^[Ss]tage:[ \t]*[a-z]+[ \t]*$/)
		stage = $2
}

END {
	if (!have_spec)
		for (i = 1; i <= nloose; i++)
			spec_line(LOOSE[i])
	if (stage == "")
		stage = "plan"
	settle()
	read_spec()
	for (i = 1; i <= nblocks; i++)
		jload(BLOCK[i])
	if (stage == "plan")
		say(plan())
	else if (stage == "tasks")
		say(tasks())
	else if (stage == "implement")
		say(implement())
	else if (stage == "validate")
		say(validate())
	else if (stage == "audit")
		say(audit())
	else if (stage == "unlock")
		say(unlock())
	else {
		printf "unknown stage '%s'\n", stage | "cat >&2"
		exit 2
	}
}

# ---- the facts of a specification --------------------------------------------

# One line. An item starts with its id ("FR-001: ...", "AC-001 (FR-001): ...",
# "RK-001 (FR-001): ...", with or without a bullet or bold type) and goes on
# until a blank line, a heading or the next item.
function spec_line(s,    t, id, refs) {
	if (s ~ /^#+[ \t]/) {
		t = s
		sub(/^#+[ \t]*/, "", t)
		if (title == "" && s ~ /^#[ \t]/)
			title = t
		section = tolower(t)
		cur = ""
	}
	t = s
	sub(/^[ \t]*#*[ \t]*/, "", t)
	sub(/^([-*+]|[0-9]+[.)])[ \t]+/, "", t)
	if (t ~ /^[*_`]*(FR|NFR|AC|RK)-[0-9]+[*_` \t(:]/) {
		sub(/^[*_`]+/, "", t)
		match(t, /^[A-Z]+-[0-9]+/)
		id = substr(t, 1, RLENGTH)
		t = substr(t, RLENGTH + 1)
		sub(/^[*_` \t]+/, "", t)
		refs = ""
		if (match(t, /^\([^)]*\)/)) {
			refs = substr(t, 2, RLENGTH - 2)
			t = substr(t, RLENGTH + 1)
		}
		sub(/^[*_` \t]+/, "", t)
		if (sub(/^:[*_`]*[ \t]*/, "", t)) {
			item(id, refs, t)
			return
		}
	}
	if (s ~ /^[ \t]*$/ || s ~ /^#+[ \t]/ || s ~ /^[ \t]*```/) {
		cur = ""
		return
	}
	if (match(s, /^[Ee]ntry point:[ \t]*`[^`]+`/)) {
		entry = code_of(s)
		cur = ""
	} else if (match(s, /^[Tt]est command:[ \t]*`[^`]+`/)) {
		test_command = code_of(s)
		cur = ""
	} else if (s ~ /^[ \t]*[-*+][ \t]/) {
		cur = ""
		if (section ~ /file/)
			file_line(s)
	} else if (cur != "" && length(TEXT[cur]) < 4000) {
		sub(/^[ \t]+/, "", s)
		TEXT[cur] = TEXT[cur] (TEXT[cur] == "" ? "" : " ") s
	}
}

function item(id, refs, t) {
	if (id in TEXT) {
		TWICE[id] = 1
		cur = ""
		return
	}
	cur = id
	TEXT[id] = t
	REFS[id] = refs
	if (id ~ /^N?FR-/)
		REQ[++nreq] = id
	else if (id ~ /^AC-/)
		AC[++nac] = id
	else
		RISK[++nrisk] = id
}

# "- `path` (FR-001, FR-002): purpose"
function file_line(s,    p, id) {
	if (!match(s, /`[A-Za-z0-9._\/][A-Za-z0-9._\/-]*`/))
		return
	p = substr(s, RSTART + 1, RLENGTH - 2)
	if (substr(s, 1, RSTART - 1) !~ /^[ \t]*[-*+][ \t]*\**$/)
		return
	s = substr(s, RSTART + RLENGTH)
	id = "file " p
	if (id in TEXT)
		return
	REFS[id] = ""
	if (match(s, /^\**[ \t]*\([^)]*\)/)) {
		REFS[id] = substr(s, RSTART, RLENGTH)
		s = substr(s, RSTART + RLENGTH)
	}
	sub(/^[*: \t]+/, "", s)
	TEXT[id] = s
	FILE[++nfile] = p
	cur = id
}

function code_of(s) {
	sub(/^[^`]*`/, "", s)
	sub(/`.*$/, "", s)
	return s
}

# The requirement ids named in s, as " FR-001 FR-002 ".
function ids(s,    out, id) {
	out = " "
	while (match(s, /N?FR-[0-9]+/)) {
		id = substr(s, RSTART, RLENGTH)
		s = substr(s, RSTART + RLENGTH)
		if (!index(out, " " id " "))
			out = out id " "
	}
	return out
}

# When the text is complete: priorities, dependencies, what a criterion proves.
function settle(    i, id, t, d, rest) {
	for (i = 1; i <= nreq; i++) {
		id = REQ[i]
		t = TEXT[id]
		NEEDS[id] = " "
		if (match(t, /[ \t]*[Dd]epends on:?[ \t]*/)) {
			rest = substr(t, RSTART + RLENGTH)
			t = substr(t, 1, RSTART - 1)
			d = ""
			sub(/^none/, "", rest)
			while (match(rest, /^[, \t]*(and )?N?FR-[0-9]+/)) {
				d = d " " substr(rest, 1, RLENGTH)
				rest = substr(rest, RLENGTH + 1)
			}
			sub(/^[.;]/, "", rest)
			NEEDS[id] = ids(d)
			t = t rest
		}
		PRIORITY[id] = "must"
		if (match(t, /[ \t]*[Pp]riority:[ \t]*[A-Za-z]+[.;]?/)) {
			PRIORITY[id] = tolower(substr(t, RSTART, RLENGTH))
			gsub(/priority:|[ \t.;]/, "", PRIORITY[id])
			t = substr(t, 1, RSTART - 1) \
			    substr(t, RSTART + RLENGTH)
		}
		sub(/[ \t]+$/, "", t)
		TEXT[id] = t
	}
	for (i = 1; i <= nac; i++) {
		id = AC[i]
		PROVES[id] = ids(REFS[id] == "" ? TEXT[id] : REFS[id])
	}
	for (i = 1; i <= nrisk; i++) {
		id = RISK[i]
		ABOUT[id] = ids(REFS[id])
		if (match(TEXT[id], /[ \t]*[Mm]itigation:[ \t]*/)) {
			MITIGATION[id] = capital(substr(TEXT[id], \
			    RSTART + RLENGTH))
			TEXT[id] = substr(TEXT[id], 1, RSTART - 1)
		}
	}
	tool = title ~ /`[^`]+`/ ? code_of(title) : "tool"
	for (i = 1; i <= nreq; i++)
		BYID[i] = REQ[i]
	sort(BYID, nreq)
	for (i = 1; i <= nreq; i++)
		if (!DONE[BYID[i]])
			visit(BYID[i])
}

# Depth first: what a requirement needs comes before it, in ids' order.
function visit(id,    n, d, i) {
	DONE[id] = 1
	n = split(NEEDS[id], d, " ")
	for (i = 1; i <= n; i++) {
		USERS[d[i]]++
		if (!(d[i] in TEXT))
			LOST[id] = d[i]
		else if (DONE[d[i]] == 1)
			CIRCLE[id] = d[i]
		else if (!DONE[d[i]])
			visit(d[i])
	}
	DONE[id] = 2
	TOPO[++ntopo] = id
}

function sort(a, n,    i, j, t) {
	for (i = 2; i <= n; i++) {
		t = a[i]
		for (j = i - 1; j > 0 && a[j] > t; j--)
			a[j + 1] = a[j]
		a[j + 1] = t
	}
}

# The first clause of a text, for titles: up to a comma, semicolon or full stop
# that does not stand in parentheses or between backquotes.
function brief(s,    i, c, code, deep) {
	for (i = 1; i <= length(s) && i < 200; i++) {
		c = substr(s, i, 1)
		if (c == "`")
			code = !code
		else if (c == "(")
			deep++
		else if (c == ")")
			deep--
		else if (!code && deep == 0 && i > 24 && c ~ /[,;.]/ &&
		    substr(s, i + 1, 1) ~ /^ ?$/)
			break
	}
	s = substr(s, 1, i - 1)
	sub(/ and$/, "", s)
	sub(/[.:]$/, "", s)
	return s
}

function capital(s) {
	return toupper(substr(s, 1, 1)) substr(s, 2)
}

# "1 risk", "4 risks"
function count(n, what) {
	return n + 0 " " what (n == 1 ? "" : "s")
}

function listed(s) {
	sub(/^ +/, "", s)
	sub(/ +$/, "", s)
	gsub(/ +/, ", ", s)
	return s
}
