# SPDX-License-Identifier: MIT
# a3 starts from the risks and from what everything else depends on, and does
# not approve of a risk that nobody wants to mitigate.

function read_spec(    i, j, r) {
	for (i = 1; i <= ntopo; i++) {
		ORDER[++norder] = r = TOPO[i]
		PROOF[r] = ""
		for (j = 1; j <= nac; j++)
			if (index(PROVES[AC[j]], " " r " "))
				PROOF[r] = PROOF[r] " " AC[j]
		for (j = 1; j <= nrisk; j++)
			if (index(ABOUT[RISK[j]], " " r " "))
				DANGER[r] = DANGER[r] " " RISK[j]
	}
}

function step_for(r,    after, danger) {
	after = NEEDS[r] == " " ? "First" : "After " listed(NEEDS[r])
	if (DANGER[r] != "")
		danger = " Mind " listed(DANGER[r]) "."
	return after ", " r ": " TEXT[r] danger
}

function proof_for(r) {
	return "By " listed(PROOF[r]) (DANGER[r] == "" ? "" : \
	    ", with a case for " listed(DANGER[r])) "."
}

function title_for(r) {
	return brief(TEXT[r]) (DANGER[r] == "" ? "" : \
	    " (risk: " listed(DANGER[r]) ")")
}

function purpose_for(p) {
	return "Holds " listed(ids(REFS["file " p])) ": " TEXT["file " p]
}

function check_for(r) {
	return (DANGER[r] == "" ? "" : "Against " listed(DANGER[r]) \
	    " first; then ") r ": " brief(TEXT[r])
}

function opinions(    i, r) {
	for (i = 1; i <= nreq; i++) {
		r = REQ[i]
		if (USERS[r] < 3)
			continue
		add_risk("RK-HUB-" r, USERS[r] \
		    " requirements stand on " r ".", \
		    "Build and test " r " alone before the others start.")
		add_finding("F-HUB-" r, "low", r, \
		    "A change to " r " touches " USERS[r] " others.")
	}
	for (i = 1; i <= nrisk; i++)
		if (MITIGATION[RISK[i]] == "")
			add_finding("F-RISK-" RISK[i], "medium", RISK[i], \
			    RISK[i] " has no mitigation.")
}

function judge(rec) {
	return rec
}

function rationale(d) {
	return (d == "UNLOCK" ? "No risk is left without an answer" : \
	    "Too much is open") ": " count(nrisk, "risk") " read, " \
	    count(nfinding, "finding") " weighed, coverage is " covered "."
}

# What stops a release, and what the others stand on.
function open_item(id) {
	return SEVERITY[id] != "low" || id ~ /^F-HUB-/
}

function say(json) {
	print json
}
