/* SPDX-License-Identifier: MIT */
/* What the gates find without asking anybody: pure functions of the papers. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "pipeline/gate_check.h"

#define LONG_WORDS 200 /* of one requirement */
#define MOST 100 /* findings of one gate */

static const char *const severities[] = { "minor", "important", "critical" };

static int
severity_of(const struct sk_jv *issue)
{
	const char *s = sk_jget_str(issue, "severity");

	for (int i = SK_CRITICAL; i > SK_MINOR; i--)
		if (sk_streq(s, severities[i]))
			return i;
	return SK_MINOR;
}

void
sk_severities(const struct sk_jv *issues, int64_t n[3])
{
	n[0] = n[1] = n[2] = 0;
	for (size_t i = 0; i < sk_jlen(issues); i++)
		n[severity_of(sk_jat(issues, i))]++;
}

struct sk_jv *
sk_found(struct sk_finder *f, int severity, const char *type, const char *paper,
    size_t line, const char *id, const char *question)
{
	struct sk_jv *o = sk_jnew(f->a, SK_J_OBJ);
	const char *where = NULL;

	if (f->n++ >= MOST)
		return NULL;
	if (line > 0)
		where = sk_arena_printf(f->a, "%s:%zu", paper, line);
	sk_jset(f->a, o, "id", sk_jnew(f->a, SK_J_NULL));
	sk_jset(f->a, o, "severity", sk_jnew_cstr(f->a, severities[severity]));
	sk_jset(f->a, o, "type", sk_jnew_cstr(f->a, type));
	sk_jset(f->a, o, "requirement", sk_jnew_cstr(f->a, id));
	sk_jset(f->a, o, "where", sk_jnew_cstr(f->a, where));
	sk_jset(f->a, o, "question", sk_jnew_cstr(f->a, question));
	sk_jpush(f->a, f->by[severity], o);
	return o;
}

/* In the specification. */
static void
found(struct sk_finder *f, int severity, const char *type, size_t line,
    const char *id, const char *question)
{
	(void)sk_found(f, severity, type, "spec.md", line, id, question);
}

/* ---- sections ---- */

static const struct section {
	const char *title;
	const char *const words[6]; /* any of them in a heading */
} sections[] = {
	{ "Problem Statement",
	    { "problem", "background", "context", "why", "overview", NULL } },
	{ "Goals",
	    { "goal", "objective", "user stor", "user scenario", NULL } },
	{ "Requirements", { "requirement", NULL } },
	{ "Acceptance Criteria", { "acceptance", "success criteria", NULL } },
	{ "Test Strategy",
	    { "test", "validation", "verification", "testing", NULL } },
};
enum { PROBLEM, GOALS, REQUIREMENTS, ACCEPTANCE, TESTS, SECTIONS };

static bool
has_section(const struct sk_papers *p, size_t i)
{
	return sk_md_heading(&p->md, sections[i].words) < p->md.n;
}

static void
missing_section(struct sk_finder *f, size_t i, int severity)
{
	if (!has_section(f->p, i))
		found(f, severity, "missing_section", 0, NULL,
		    sk_arena_printf(f->a,
			"There is no section \"%s\". What belongs there?",
			sections[i].title));
}

/* ---- clarify ---- */

/* (Written in two parts, so that nobody takes them for notes to ourselves.) */
static const struct {
	const char *word;
	int severity;
} unfinished[] = {
	{ "[NEEDS CLARIFICATION", SK_CRITICAL },
	{ "???", SK_CRITICAL },
	{ "TO"
	  "DO",
	    SK_IMPORTANT },
	{ "FIX"
	  "ME",
	    SK_IMPORTANT },
	{ "TBD", SK_IMPORTANT },
	{ "TBC", SK_IMPORTANT },
};

static const char *const vague[] = { "fast", "quick", "quickly", "slow", "easy",
	"easily", "simple", "simply", "robust", "scalable", "efficient",
	"efficiently", "intuitive", "user-friendly", "appropriate",
	"appropriately", "reasonable", "reasonably", "sufficient", "several",
	"some", "many", "etc", "usual", "usually", "adequate", "good", "secure",
	"flexible", "seamless", "responsive", "approximately", NULL };

static bool
word_at(const char *p, size_t n, size_t i, const char *w)
{
	size_t len = strlen(w);

	return n - i >= len && strncasecmp(p + i, w, len) == 0 &&
	       (i == 0 || !isalnum((unsigned char)p[i - 1])) &&
	       (i + len == n ||
		   (!isalnum((unsigned char)p[i + len]) && p[i + len] != '-'));
}

/* A line as a person would quote it, without what could end the quotation. */
static const char *
quoted(struct sk_arena *a, const struct sk_md_line *l)
{
	size_t from = 0, n;

	while (from < l->n && strchr(" \t-*+#>", l->p[from]) != NULL)
		from++;
	n = l->n - from;
	if (n > 100) {
		n = 100;
		while (n > 0 && ((unsigned char)l->p[from + n] & 0xc0) == 0x80)
			n--;
	}
	return sk_arena_printf(
	    a, "%.*s%s", (int)n, l->p + from, from + n < l->n ? "..." : "");
}

/* The requirement that a line is part of, or NULL. */
static const char *
requirement_of(const struct sk_md *m, size_t line)
{
	for (size_t i = 0; i < m->n_ids; i++)
		if (m->ids[i].line <= line && line <= m->ids[i].last)
			return m->ids[i].id;
	return NULL;
}

static void
find_unfinished(struct sk_finder *f)
{
	const struct sk_md *m = &f->p->md;

	for (size_t i = 0; i < m->n; i++) {
		const struct sk_md_line *l = &m->v[i];
		bool hit = false;

		for (size_t k = 0;
		     !hit && !l->code && k < SK_ARRAY_SIZE(unfinished); k++) {
			const char *w = unfinished[k].word;
			bool mark = !isalnum((unsigned char)w[0]);

			for (size_t at = 0; !hit && at < l->n; at++)
				hit = mark ? l->n - at >= strlen(w) &&
				                 memcmp(l->p + at, w,
						     strlen(w)) == 0
				           : word_at(l->p, l->n, at, w) &&
				                 memcmp(l->p + at, w,
						     strlen(w)) == 0;
			if (hit)
				found(f, unfinished[k].severity, "placeholder",
				    i + 1, requirement_of(m, i),
				    sk_arena_printf(f->a,
					"This is unfinished: \"%s\". What "
					"shall it say?",
					quoted(f->a, l)));
		}
	}
}

static void
find_vague(struct sk_finder *f)
{
	const struct sk_md *m = &f->p->md;

	for (size_t i = 0; i < m->n_ids; i++) {
		const struct sk_md_id *d = &m->ids[i];
		bool hit = false;

		for (size_t l = d->line; !hit && l <= d->last; l++)
			for (size_t w = 0; !hit && vague[w] != NULL; w++)
				for (size_t at = 0; at < m->v[l].n; at++)
					if (word_at(m->v[l].p, m->v[l].n, at,
						vague[w])) {
						hit = true;
						found(f, SK_MINOR, "vague",
						    l + 1, d->id,
						    sk_arena_printf(f->a,
							"\"%s\" in %s cannot "
							"be "
							"tested. Which number "
							"or example is meant?",
							vague[w], d->id));
						break;
					}
	}
}

static void
clarify(struct sk_finder *f)
{
	find_unfinished(f);
	missing_section(f, REQUIREMENTS, SK_IMPORTANT);
	missing_section(f, ACCEPTANCE, SK_IMPORTANT);
	find_vague(f);
}

/* ---- checklist ---- */

/* What is named in the sections about how it is accepted or tested. */
static void
accepting(const struct sk_md *m, struct sk_md_mentions *named)
{
	memset(named, 0, sizeof(*named));
	for (size_t s = ACCEPTANCE; s <= TESTS; s++) {
		size_t from = sk_md_heading(m, sections[s].words), to;

		to = from < m->n ? sk_md_section_end(m, from) : from;
		for (size_t i = from; i < to; i++)
			sk_md_mention(named, m->v[i].p, m->v[i].n, i);
	}
	sk_md_mentions_sort(named);
}

/* Is the requirement named there outside its own definition? */
static bool
is_accepted(const struct sk_md_mentions *named, const struct sk_md_id *d)
{
	const struct sk_md_mention *x;
	size_t n;

	x = sk_md_mentions_of(named, d->id, &n);
	for (size_t i = 0; i < n; i++)
		if (x[i].line < d->line || x[i].line > d->last)
			return true;
	return false;
}

static void
find_doubles(struct sk_finder *f)
{
	const struct sk_md *m = &f->p->md;

	for (size_t i = 0; i < m->n_ids; i++) {
		const struct sk_md_id *first = sk_md_id_find(m, m->ids[i].id);

		if (first != &m->ids[i])
			found(f, SK_CRITICAL, "defined_twice",
			    m->ids[i].line + 1, m->ids[i].id,
			    sk_arena_printf(f->a,
				"%s is defined in line %zu and again "
				"in line %zu. Which one holds?",
				m->ids[i].id, first->line + 1,
				m->ids[i].line + 1));
	}
}

/* Requirements that a text names and the specification does not define. */
static void
find_unknown(struct sk_finder *f, const char *what, const struct sk_buf *text)
{
	struct sk_md_mentions named = { 0 };
	struct sk_slice *ids;
	uint32_t *group, seen = 0;
	struct sk_md m;

	/* Without identifiers there is nothing to be held against. */
	if (f->p->md.n_ids == 0)
		return;
	sk_md_scan(&m, text->p, text->len);
	for (size_t i = 0; i < m.n; i++)
		if (!m.v[i].code)
			sk_md_mention(&named, m.v[i].p, m.v[i].n, i);
	ids = sk_reallocarray(NULL, named.n + 1, sizeof(*ids));
	group = sk_reallocarray(NULL, named.n + 1, sizeof(*group));
	for (size_t i = 0; i < named.n; i++)
		ids[i] =
		    (struct sk_slice){ named.v[i].id, strlen(named.v[i].id) };
	(void)sk_group(ids, named.n, group);
	for (size_t i = 0; i < named.n; i++) {
		const char *id = named.v[i].id;

		/* (Each once, where it is named first.) */
		if (group[i] != seen)
			continue;
		seen++;
		if (!sk_md_is_requirement(id) ||
		    sk_md_id_find(&f->p->md, id) != NULL)
			continue;
		found(f, SK_IMPORTANT, "undefined", 0, id,
		    sk_arena_printf(f->a,
			"%s names %s, which the specification does not "
			"define. What is it?",
			what, id));
	}
	free(ids);
	free(group);
	sk_md_mentions_free(&named);
	sk_md_free(&m);
}

static void
checklist(struct sk_finder *f)
{
	const struct sk_md *m = &f->p->md;
	struct sk_md_mentions named;

	if (m->n_ids == 0)
		found(f, SK_IMPORTANT, "no_ids", 0, NULL,
		    "No requirement has an identifier such as FR-001. Which "
		    "are the requirements?");
	for (size_t i = 0; i < SECTIONS; i++)
		missing_section(f, i,
		    i == REQUIREMENTS || i == ACCEPTANCE ? SK_IMPORTANT
							 : SK_MINOR);
	find_doubles(f);
	find_unknown(f, "It", &f->p->spec);
	accepting(m, &named);
	for (size_t i = 0; i < m->n_ids; i++) {
		const struct sk_md_id *d = &m->ids[i];

		if (d->words > LONG_WORDS)
			found(f, SK_MINOR, "too_long", d->line + 1, d->id,
			    sk_arena_printf(f->a,
				"%s has %zu words. Can it be several "
				"requirements?",
				d->id, d->words));
		if ((has_section(f->p, ACCEPTANCE) ||
			has_section(f->p, TESTS)) &&
		    !is_accepted(&named, d))
			found(f, SK_IMPORTANT, "not_accepted", d->line + 1,
			    d->id,
			    sk_arena_printf(f->a,
				"Nothing says how %s is accepted. How is it "
				"tested?",
				d->id));
	}
	sk_md_mentions_free(&named);
}

void
sk_gate_score(const struct sk_papers *p, struct sk_score *s)
{
	const struct sk_md *m = &p->md;
	struct sk_arena a = { 0 };
	struct sk_finder f = { .p = p, .a = &a };
	struct sk_md_mentions named;
	int accepted = 0, lengthy = 0;

	memset(s, 0, sizeof(*s));
	accepting(m, &named);
	for (size_t i = 0; i < SECTIONS; i++)
		s->completeness += has_section(p, i) ? 20 : 0;
	for (size_t i = 0; i < m->n_ids; i++) {
		lengthy += m->ids[i].words > LONG_WORDS ? 5 : 0;
		accepted += is_accepted(&named, &m->ids[i]);
	}
	sk_md_mentions_free(&named);
	s->clarity =
	    100 - (m->n_ids == 0 ? 50 : 0) - (lengthy > 20 ? 20 : lengthy);
	/* 60 for being there at all, 40 for covering everything. */
	if (has_section(p, ACCEPTANCE))
		s->testability = 60;
	if (m->n_ids > 0)
		s->testability += 40 * accepted / (int)m->n_ids;
	for (size_t i = 0; i < 3; i++)
		f.by[i] = sk_jnew(&a, SK_J_ARR);
	find_doubles(&f);
	find_unknown(&f, "It", &p->spec);
	s->consistency = 100 - 10 * (int)f.n;
	if (s->consistency < 0)
		s->consistency = 0;
	sk_arena_free(&a);
	s->overall = (3 * s->completeness + 2 * s->clarity +
			 3 * s->testability + 2 * s->consistency + 5) /
	             10;
	s->grade = s->overall >= 90   ? 'A'
	           : s->overall >= 80 ? 'B'
	           : s->overall >= 70 ? 'C'
	           : s->overall >= 60 ? 'D'
	                              : 'F';
}

/* ---- analyze ---- */

static void
coverage(struct sk_finder *f, const char *name, const struct sk_buf *text)
{
	const struct sk_md *m = &f->p->md;
	struct sk_md_mentions named = { 0 };
	size_t n;

	if (text->len == 0) {
		found(f, SK_IMPORTANT, "missing_paper", 0, NULL,
		    sk_arena_printf(f->a, "There is no %s.", name));
		return;
	}
	sk_md_mention(&named, text->p, text->len, 0);
	sk_md_mentions_sort(&named);
	for (size_t i = 0; i < m->n_ids; i++)
		if (sk_md_mentions_of(&named, m->ids[i].id, &n) == NULL)
			found(f, SK_IMPORTANT, "coverage_gap",
			    m->ids[i].line + 1, m->ids[i].id,
			    sk_arena_printf(f->a,
				"%s does not mention %s. Is it left out on "
				"purpose?",
				name, m->ids[i].id));
	sk_md_mentions_free(&named);
	find_unknown(f, name, text);
}

/* What a paper of ours says it was made from, if it is another text now. */
static void
find_drift(struct sk_finder *f, const char *name, const struct sk_buf *text,
    const char *of, const struct sk_buf *now)
{
	char sha[SK_SHA256_LEN], was[SK_SHA256_LEN];

	if (now->len == 0 || !sk_made_from(text->p, text->len, of, was))
		return;
	sk_sha256(now->p, now->len, sha);
	if (strcmp(sha, was) != 0)
		found(f, SK_IMPORTANT, "version_drift", 0, NULL,
		    sk_arena_printf(f->a,
			"%s was made from another %s than is there now. Does "
			"it still hold?",
			name, of));
}

static void
analyze(struct sk_finder *f)
{
	struct sk_claim *claims;
	size_t n;

	claims = sk_claims(f->p, &n, f->a);
	sk_find_contradictions(f, claims, n);
	find_drift(f, "plan.md", &f->p->plan, "spec.md", &f->p->spec);
	find_drift(f, "tasks.md", &f->p->tasks, "spec.md", &f->p->spec);
	find_drift(f, "tasks.md", &f->p->tasks, "plan.md", &f->p->plan);
	coverage(f, "plan.md", &f->p->plan);
	coverage(f, "tasks.md", &f->p->tasks);
	if (f->p->constitution.len > 0 && f->p->plan.len > 0 &&
	    strcasestr(f->p->plan.p, "constitution") == NULL)
		found(f, SK_MINOR, "constitution", 0, NULL,
		    "plan.md does not say how it keeps to the constitution. "
		    "Does it?");
	sk_find_terms(f, claims, n);
}

struct sk_jv *
sk_gate_check(
    const struct sk_gate *g, const struct sk_papers *p, struct sk_arena *a)
{
	static const struct {
		const char *gate, *prefix;
		void (*fn)(struct sk_finder *f);
	} checks[] = { { "clarify", "CLR", clarify },
		{ "checklist", "CHK", checklist },
		{ "analyze", "INC", analyze } };
	struct sk_jv *list = sk_jnew(a, SK_J_ARR), *o;
	struct sk_finder f = { .p = p, .a = a };
	const char *prefix = "";

	for (size_t i = 0; i < 3; i++)
		f.by[i] = sk_jnew(a, SK_J_ARR);
	for (size_t i = 0; i < SK_ARRAY_SIZE(checks); i++)
		if (strcmp(checks[i].gate, g->name) == 0) {
			prefix = checks[i].prefix;
			checks[i].fn(&f);
		}
	for (int s = SK_CRITICAL; s >= SK_MINOR; s--)
		for (size_t i = 0; i < sk_jlen(f.by[s]); i++) {
			o = sk_jat(f.by[s], i);
			sk_jset(a, o, "id",
			    sk_jnew_cstr(a, sk_arena_printf(a, "%s-%03zu",
						prefix, sk_jlen(list) + 1)));
			sk_jpush(a, list, o);
		}
	return list;
}
