# SPDX-License-Identifier: MIT
# a2 goes from each acceptance criterion back to what it proves; what is left
# over at the end is not proved. It wants more than one case for what is a must.

function read_spec(    i, j, n, d) {
	for (i = 1; i <= nac; i++) {
		n = split(PROVES[AC[i]], d, " ")
		for (j = 1; j <= n; j++) {
			if (!(d[j] in TEXT))
				continue
			if (PROOF[d[j]] == "")
				ORDER[++norder] = d[j]
			PROOF[d[j]] = PROOF[d[j]] " " AC[i]
		}
	}
	for (i = 1; i <= nreq; i++)
		if (PROOF[REQ[i]] == "")
			ORDER[++norder] = REQ[i]
}

function step_for(r) {
	return PROOF[r] == "" ? \
	    "Do " r ", for which no test exists yet: " TEXT[r] : \
	    "Write " listed(PROOF[r]) " as failing tests, then do " r ": " \
	    TEXT[r]
}

function proof_for(r,    a) {
	split(PROOF[r], a, " ")
	return "Run " listed(PROOF[r]) "; the first: " TEXT[a[1]]
}

function title_for(r) {
	return (PROOF[r] == "" ? "Find a test for and build " : \
	    "Make " listed(PROOF[r]) " pass: ") brief(TEXT[r])
}

function purpose_for(p) {
	return brief(TEXT["file " p]) " (for " listed(ids(REFS["file " p])) ")"
}

function check_for(r) {
	return (PROOF[r] == "" ? "No criterion covers " r "; agree on one" : \
	    "Show " listed(PROOF[r])) " with this: " brief(TEXT[r]) "."
}

function opinions(    i, r, a) {
	for (i = 1; i <= nreq; i++) {
		r = REQ[i]
		if (PRIORITY[r] != "must" || split(PROOF[r], a, " ") != 1)
			continue
		add_risk("RK-THIN-" r, r " is a must and rests on " a[1] \
		    " alone.", "Add a case that must fail.")
		add_finding("F-THIN-" r, "low", r, \
		    "One criterion, " a[1] ", is thin for a must.")
	}
}

function judge(rec) {
	return rec
}

function rationale(d) {
	return (d == "UNLOCK" ? "The " nac " acceptance criteria reach every " \
	    "requirement" : "The " nac + 0 " acceptance criteria do not reach " \
	    "every requirement, or something else is open") \
	    "; coverage is " covered " and the audit says " recommended "."
}

# Only what would stop a release.
function open_item(id) {
	return SEVERITY[id] != "low"
}

function say(json) {
	print "I went through the acceptance criteria first. My answer:"
	print ""
	print "```json"
	print json
	print "```"
}
