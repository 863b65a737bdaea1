# SPDX-License-Identifier: MIT
# The six stages: their answer shapes and what no reader can overlook.

function plan(    i, r, w, m, req) {
	for (i = 1; i <= norder; i++) {
		r = ORDER[i]
		req = add(req, q(r))
		w = add(w, "{" f("id", "W-" r) "," f("requirement", r) \
		    "," f("step", step_for(r)) "}")
		if (PROOF[r] != "")
			m = add(m, "{" f("requirement", r) "," \
			    f("validation_step", proof_for(r)) "}")
	}
	for (i = 1; i <= nrisk; i++) {
		r = RISK[i]
		add_risk(r, TEXT[r], MITIGATION[r] == "" ? \
		    "none given" : MITIGATION[r])
	}
	for (i = 1; i <= nreq; i++)
		if (PROOF[REQ[i]] == "")
			add_risk("RK-UNPROVED-" REQ[i], "Nothing shows that " \
			    REQ[i] " is met.", \
			    "Write an acceptance criterion for it.")
	opinions()
	return "{" f("stage", "plan") ",\"requirements\":[" req \
	    "],\"work_breakdown\":[" w "],\"acceptance_mapping\":[" m \
	    "],\"risks\":[" risks "]," f("complexity", \
	    nreq <= 5 ? "low" : nreq <= 12 ? "medium" : "high") "}"
}

function add_risk(id, risk, mitigation) {
	risks = add(risks, "{" f("id", id) "," f("risk", risk) "," \
	    f("mitigation", mitigation) "}")
}

# What is planned: the plan's requirements, else the specification's, in an
# order in which they can be built.
function planned(    i, n, r) {
	n = J["plan.json.work_breakdown.#"]
	if (!n) {
		for (i = 1; i <= ntopo; i++)
			have_task(TOPO[i])
		return
	}
	for (i = 0; i < n; i++)
		IN_PLAN[J["plan.json.work_breakdown." i ".requirement"]] = 1
	for (i = 1; i <= ntopo; i++)
		if (TOPO[i] in IN_PLAN)
			have_task(TOPO[i])
	for (i = 0; i < n; i++) {
		r = J["plan.json.work_breakdown." i ".requirement"]
		if (!(r in TEXT)) {
			TEXT[r] = J["plan.json.work_breakdown." i ".step"]
			NEEDS[r] = " "
			have_task(r)
		}
	}
}

function have_task(r) {
	if (r == "" || r in IS_TASK)
		return
	IS_TASK[r] = 1
	TASK[++ntask] = r
}

function tasks(    i, j, n, d, t, deps) {
	planned()
	for (i = 1; i <= ntask; i++) {
		deps = ""
		n = split(NEEDS[TASK[i]], d, " ")
		sort(d, n)
		for (j = 1; j <= n; j++)
			if (d[j] in IS_TASK)
				deps = add(deps, q("T-" d[j]))
		t = add(t, "{" f("id", "T-" TASK[i]) "," \
		    f("title", title_for(TASK[i])) "," \
		    f("requirement", TASK[i]) ",\"depends_on\":[" deps "]}")
	}
	return "{" f("stage", "tasks") ",\"tasks\":[" t "],\"task_count\":" \
	    ntask + 0 "}"
}

# The files of the specification; a requirement that no file claims goes to the
# first one, and without any file there is one, named after the tool.
function places(    i, j, n, d, first) {
	if (!nfile) {
		FILE[nfile = 1] = tool ~ /^[A-Za-z0-9._-]+$/ ? tool : "tool"
		TEXT["file " FILE[1]] = "all of it"
	}
	for (i = 1; i <= nfile; i++) {
		HOLDS[i] = ids(REFS["file " FILE[i]])
		n = split(HOLDS[i], d, " ")
		for (j = 1; j <= n; j++)
			PLACED[d[j]] = 1
	}
	for (i = 1; i <= nreq; i++)
		if (!(REQ[i] in PLACED))
			HOLDS[1] = HOLDS[1] REQ[i] " "
}

function implement(    i, j, n, d, r, files, reqs, steps, id) {
	places()
	for (i = 1; i <= nfile; i++) {
		n = split(HOLDS[i], d, " ")
		sort(d, n)
		reqs = ""
		for (j = 1; j <= n; j++)
			if (d[j] in TEXT)
				reqs = add(reqs, q(d[j]))
		files = add(files, "{" f("path", FILE[i]) "," \
		    f("purpose", purpose_for(FILE[i])) \
		    ",\"requirements\":[" reqs "]}")
	}
	n = J["tasks.json.tasks.#"]
	for (i = 0; i < n; i++) {
		r = J["tasks.json.tasks." i ".requirement"]
		if (!(r in TEXT))
			TEXT[r] = J["tasks.json.tasks." i ".title"]
		have_task(r)
	}
	if (!n)
		planned()
	for (i = 1; i <= ntask; i++)
		steps = add(steps, "{" f("id", "C-" TASK[i]) "," \
		    f("step", check_for(TASK[i])) "}")
	for (i = 1; i <= nblocks; i++)
		if (BLOCK[i] ~ /^answer /)
			steps = add(steps, review(BLOCK[i]))
	return "{" f("stage", "implement") ",\"files\":[" files "]," \
	    f("entry_point", entry == "" ? FILE[1] : entry) "," \
	    f("test_command", test_command == "" ? "make check" : \
	    test_command) ",\"checklist\":[" steps "]}"
}

# What a colleague before us left out, in a sequential stage.
function review(name,    at, i, j, n, m, seen, miss) {
	at = name ((name ".data.files.#") in J ? ".data" : "") ".files."
	n = J[at "#"]
	for (i = 0; i < n; i++) {
		m = J[at i ".requirements.#"]
		for (j = 0; j < m; j++)
			seen[J[at i ".requirements." j]] = 1
	}
	for (i = 1; i <= ntask; i++)
		if (!(TASK[i] in seen))
			miss = miss " " TASK[i]
	sub(/^answer /, "", name)
	return "{" f("id", "C-REVIEW-" name) "," f("step", miss == "" ? \
	    "Nothing to add: the files of " name " place all " ntask + 0 \
	    " tasks." : "Ask " name " where these belong:" miss ".") "}"
}

# A requirement is covered when something proves it and, once files are laid
# out, one of them holds it.
function coverage(    i, j, n, m, d) {
	n = J["implement.json.files.#"]
	for (i = 0; i < n; i++) {
		m = J["implement.json.files." i ".requirements.#"]
		for (j = 0; j < m; j++)
			d[J["implement.json.files." i ".requirements." j]] = 1
	}
	for (i = 1; i <= nreq; i++) {
		if (n > 0 && !(REQ[i] in d))
			UNPLACED[REQ[i]] = 1
		if (PROOF[REQ[i]] == "" || REQ[i] in UNPLACED)
			OPEN[++nopen] = REQ[i]
	}
	return nreq > 0 && !nopen ? "full" : "partial"
}

# "Given A, when B, then C." as three parts; a criterion in another form is
# what must be seen when its requirement is exercised.
function gherkin(ac,    t, l, w, h) {
	t = TEXT[ac]
	gsub(/\*\*/, "", t)
	l = tolower(t)
	w = index(l, ", when ")
	h = index(l, ", then ")
	if (index(l, "given ") == 1 && w > 0 && h > w) {
		GIVEN = substr(t, 7, w - 7)
		WHEN = substr(t, w + 7, h - w - 7)
		THEN = substr(t, h + 7)
		sub(/\.$/, "", THEN)
	} else {
		GIVEN = tool " as specified"
		WHEN = listed(PROVES[ac]) " is exercised"
		THEN = t
	}
}

function validate(    i, j, n, d, s, u, c) {
	for (i = 1; i <= nac; i++) {
		n = split(PROVES[AC[i]], d, " ")
		gherkin(AC[i])
		for (j = 1; j <= n; j++)
			if (d[j] in TEXT)
				s = add(s, "{" f("id", "S-" AC[i] (n > 1 ? \
				    "-" d[j] : "")) "," f("requirement", \
				    d[j]) "," f("given", GIVEN) "," \
				    f("when", WHEN) "," f("then", THEN) "}")
	}
	c = coverage()
	sort(OPEN, nopen)
	for (i = 1; i <= nopen; i++)
		u = add(u, q(OPEN[i]))
	return "{" f("stage", "validate") ",\"scenarios\":[" s "]," \
	    f("coverage", c) ",\"uncovered\":[" u "]}"
}

function add_finding(id, severity, where, message) {
	if (id in SEVERITY)
		return
	SEVERITY[id] = severity
	FINDING[++nfinding] = id
	WHERE[id] = where
	MESSAGE[id] = message
	BAD[severity]++
}

# What no reader can overlook; opinions come on top.
function findings(    i, j, n, d, r) {
	coverage()
	n = J["tasks.json.tasks.#"]
	for (i = 0; i < n; i++)
		d[J["tasks.json.tasks." i ".requirement"]] = 1
	for (i = 1; i <= nreq; i++) {
		r = REQ[i]
		if (r in TWICE || r in CIRCLE)
			hopeless = 1
		if (r in TWICE)
			add_finding("F-TWICE-" r, "high", r, \
			    "The id " r " is used for two requirements.")
		if (r in CIRCLE)
			add_finding("F-CIRCLE-" r, "high", r, \
			    r " and " CIRCLE[r] " depend on each other.")
		if (r in LOST)
			add_finding("F-LOST-" r, "high", r, \
			    r " depends on " LOST[r] ", which does not exist.")
		if (PROOF[r] == "")
			add_finding("F-UNPROVED-" r, "high", r, \
			    "No acceptance criterion covers " r ".")
		if (n > 0 && !(r in d))
			add_finding("F-UNPLANNED-" r, "high", r, \
			    "No task implements " r ".")
		if (r in UNPLACED)
			add_finding("F-UNPLACED-" r, "high", r, \
			    "No file holds " r ".")
	}
	for (i = 1; i <= nac; i++) {
		n = split(PROVES[AC[i]], d, " ")
		for (j = 1; j <= n; j++)
			if (!(d[j] in TEXT))
				add_finding("F-STRAY-" AC[i], "medium", AC[i], \
				    AC[i] " proves " d[j] \
				    ", which does not exist.")
		if (!n)
			add_finding("F-STRAY-" AC[i], "medium", AC[i], \
			    AC[i] " does not say what it proves.")
	}
	opinions()
	if (!nreq || hopeless)
		return judge("reject")
	return judge(BAD["high"] || BAD["medium"] ? "revise" : "approve")
}

function audit(    i, rec, out, id) {
	rec = findings()
	for (i = 1; i <= nfinding; i++) {
		id = FINDING[i]
		out = add(out, "{" f("id", id) "," f("severity", \
		    SEVERITY[id]) "," f("where", WHERE[id]) "," \
		    f("message", MESSAGE[id]) "}")
	}
	return "{" f("stage", "audit") "," f("recommendation", rec) \
	    ",\"findings\":[" out "],\"requirements_checked\":" nreq + 0 "}"
}

# The audit's word and the validation's, where they are known; what they found
# joins what we see ourselves.
function unlock(    i, n, rec, cov, id, at, items, d) {
	rec = findings()
	cov = nreq > 0 && !nopen ? "full" : "partial"
	if ("audit.json.recommendation" in J)
		rec = J["audit.json.recommendation"]
	if ("validate.json.coverage" in J)
		cov = J["validate.json.coverage"]
	n = J["audit.json.findings.#"]
	for (i = 0; i < n; i++) {
		at = "audit.json.findings." i
		add_finding(J[at ".id"], J[at ".severity"], J[at ".where"], \
		    J[at ".message"])
	}
	recommended = rec
	covered = cov
	d = rec == "approve" && cov == "full" && nreq > 0 ? "UNLOCK" : "BLOCK"
	sort(FINDING, nfinding)
	for (i = 1; i <= nfinding; i++)
		if (open_item(FINDING[i]))
			items = add(items, q(FINDING[i]))
	return "{" f("stage", "unlock") "," f("unlock_decision", d) "," \
	    f("decision_rationale", rationale(d)) ",\"open_items\":[" \
	    items "]}"
}
