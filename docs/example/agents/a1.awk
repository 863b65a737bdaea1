# SPDX-License-Identifier: MIT
# a1 goes from each requirement to whatever proves it, in the order in which
# they were written, and dislikes words that cannot be tested.

function read_spec(    i, j) {
	for (i = 1; i <= nreq; i++) {
		ORDER[++norder] = REQ[i]
		PROOF[REQ[i]] = ""
		for (j = 1; j <= nac; j++)
			if (index(PROVES[AC[j]], " " REQ[i] " "))
				PROOF[REQ[i]] = PROOF[REQ[i]] " " AC[j]
	}
}

function step_for(r) {
	return "Build " r ": " TEXT[r]
}

function proof_for(r) {
	return "Show " r " by " listed(PROOF[r]) "."
}

function title_for(r) {
	return "Implement " r ": " brief(TEXT[r])
}

function purpose_for(p) {
	return TEXT["file " p]
}

function check_for(r) {
	return "Write the code for " r " (" brief(TEXT[r]) ")" \
	    (PROOF[r] == "" ? "." : " and stop when nothing of " \
	    listed(PROOF[r]) " fails.")
}

function opinions(    i, r, w) {
	for (i = 1; i <= nreq; i++) {
		r = REQ[i]
		w = " " tolower(TEXT[r]) " "
		if (!match(w, /[ (](usual|fast|quick|quickly|easy|easily|simple|appropriate|reasonable|several|sufficient|etc|user-friendly|robust)[ ,.;)]/))
			continue
		w = substr(w, RSTART + 1, RLENGTH - 2)
		add_risk("RK-VAGUE-" r, "\"" w "\" in " r \
		    " means something else to each reader.", \
		    "Replace it by an example or a number.")
		add_finding("F-VAGUE-" r, "low", r, \
		    "\"" w "\" cannot be tested.")
	}
}

function judge(rec) {
	return rec
}

function rationale(d) {
	if (d == "UNLOCK")
		return "All " nreq " requirements are planned, placed and " \
		    "covered by acceptance criteria."
	return "Of " count(nreq, "requirement") ", " nopen + 0 " open; the " \
	    "audit recommends to " recommended "."
}

# Everything that was found stays on the list until someone has looked at it.
function open_item(id) {
	return 1
}

function say(json) {
	print json
}
