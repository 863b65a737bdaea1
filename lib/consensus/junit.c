/* SPDX-License-Identifier: MIT */
/*
 * JUnit: a suite for each verdict; in it a case for each agent, for each path
 * that must be agreed, and for the whole. An agent that said nothing is
 * skipped, one that broke is an error, a conflict is a failure.
 */
#include <string.h>

#include "consensus/export.h"

struct suite {
	struct sk_buf cases;
	const struct sk_exported *e;
	size_t tests, failures, errors, skipped;
};

static void
attr(struct sk_buf *b, const char *name, const char *s, size_t n)
{
	sk_buf_printf(b, " %s=\"", name);
	sk_buf_markup_visible(b, s, n);
	sk_buf_ch(b, '"');
}

/* kind NULL = passed; text is visible already. */
static void
put_case(struct suite *s, const char *what, const char *name, size_t name_n,
    const char *kind, const char *type, const struct sk_buf *text)
{
	struct sk_buf *b = &s->cases;

	sk_buf_printf(b, "<testcase classname=\"%s.%s.%s\"", s->e->spec,
	    s->e->stage, what);
	attr(b, "name", name, name_n);
	sk_buf_str(b, " time=\"0.000\"");
	s->tests++;
	if (kind == NULL) {
		sk_buf_str(b, "/>\n");
		return;
	}
	sk_buf_printf(b, "><%s", kind);
	if (strcmp(kind, "skipped") == 0) {
		s->skipped++;
		sk_buf_str(b, "/></testcase>\n");
		return;
	}
	if (strcmp(kind, "failure") == 0)
		s->failures++;
	else
		s->errors++;
	sk_buf_printf(b, " type=\"%s\"", type);
	attr(b, "message", text->p, text->len);
	sk_buf_ch(b, '>');
	sk_buf_markup(b, text->p, text->len);
	sk_buf_printf(b, "</%s></testcase>\n", kind);
}

/* ---- agents ---- */

static const struct sk_jv *
input_of(const struct sk_exported *e, const char *agent)
{
	const struct sk_jv *in = sk_jget(e->v, "inputs");

	for (size_t i = 0; i < sk_jlen(in); i++)
		if (sk_streq(sk_jget_str(sk_jat(in, i), "agent"), agent))
			return sk_jat(in, i);
	return NULL;
}

static void
put_agents(struct suite *s)
{
	const struct sk_jv *all = sk_jget(s->e->v, "expected");
	struct sk_buf text;

	sk_buf_init(&text, 0);
	for (size_t i = 0; i < sk_jlen(all); i++) {
		const char *agent = sk_jstr(sk_jat(all, i));
		const struct sk_jv *in;
		const char *state, *kind = NULL;

		if (agent == NULL)
			continue;
		in = input_of(s->e, agent);
		state = sk_jget_str(in, "state");
		if (in == NULL ||
		    sk_streq(sk_jget_str(in, "note"), SK_NOTE_NOT_NEEDED))
			kind = "skipped";
		else if (!sk_streq(state, "ok"))
			kind = "error";
		sk_buf_clear(&text);
		if (sk_jget_str(in, "note") != NULL)
			sk_export_text(&text, sk_jget_str(in, "note"),
			    strlen(sk_jget_str(in, "note")), 200);
		put_case(s, "agents", agent, strlen(agent), kind,
		    sk_streq(state, "invalid") ? "invalid" : "failed", &text);
	}
	sk_buf_free(&text);
}

/* ---- paths ---- */

/* The reasons that name this path, and what stands in conflict in it. */
static const char *
path_outcome(const struct sk_exported *e, const char *path, struct sk_buf *text)
{
	const struct sk_jv *reasons = sk_jget(e->v, "reasons");
	const struct sk_jv *list = sk_jptr(e->v, "/consensus/conflicts");
	const char *kind = NULL, *is, *at;
	size_t n = strlen(path);

	for (size_t i = 0; i < sk_jlen(reasons); i++) {
		is = sk_jget_str(sk_jat(reasons, i), "kind");
		if (!sk_streq(sk_jget_str(sk_jat(reasons, i), "path"), path))
			continue;
		if (sk_streq(is, "no_quorum") || sk_streq(is, "member_against"))
			kind = "failure";
		else if (kind == NULL && (sk_streq(is, "required_absent") ||
					     sk_streq(is, "member_missing")))
			kind = "error";
		else
			continue;
		sk_buf_str(text, text->len > 0 ? "; " : "");
		sk_export_reason(text, sk_jat(reasons, i));
	}
	for (size_t i = 0; kind != NULL && i < sk_jlen(list); i++) {
		at = sk_jget_str(sk_jat(list, i), "path");
		if (at == NULL || strncmp(at, path, n) != 0 ||
		    (at[n] != '\0' && at[n] != '/') ||
		    sk_jget(sk_jat(list, i), "text") != NULL)
			continue;
		sk_buf_str(text, text->len > 0 ? "; " : "");
		sk_export_conflict(text, sk_jat(list, i));
	}
	return kind;
}

static void
put_paths(struct suite *s)
{
	const struct sk_jv *required = sk_jget(s->e->v, "required");
	const struct sk_jv *list = sk_jptr(s->e->v, "/consensus/conflicts");
	struct sk_buf text;

	sk_buf_init(&text, 0);
	for (size_t i = 0; i < sk_jlen(required); i++) {
		const char *path = sk_jstr(sk_jat(required, i)), *kind;

		if (path == NULL)
			continue;
		sk_buf_clear(&text);
		kind = path_outcome(s->e, path, &text);
		if (path[0] == '\0')
			path = "(the whole)";
		put_case(s, "paths", path, strlen(path), kind,
		    sk_streq(kind, "failure") ? "conflict" : "absent", &text);
	}
	for (size_t i = 0; i < sk_jlen(list); i++) {
		const char *who = sk_jget_str(sk_jat(list, i), "reported_by");

		if (who == NULL)
			continue;
		sk_buf_clear(&text);
		sk_export_conflict(&text, sk_jat(list, i));
		put_case(s, "reported", who, strlen(who), "failure",
		    "reported_conflict", &text);
	}
	sk_buf_free(&text);
}

static void
put_whole(struct suite *s)
{
	const struct sk_jv *reasons = sk_jget(s->e->v, "reasons");
	struct sk_buf text;

	sk_buf_init(&text, 0);
	sk_buf_str(&text, s->e->status);
	for (size_t i = 0; i < sk_jlen(reasons); i++) {
		sk_buf_str(&text, i > 0 ? "; " : ": ");
		sk_export_reason(&text, sk_jat(reasons, i));
	}
	put_case(s, "verdict", "verdict", 7,
	    strcmp(s->e->status, "ok") == 0         ? NULL
	    : strcmp(s->e->status, "conflict") == 0 ? "failure"
						    : "error",
	    s->e->status, &text);
	sk_buf_free(&text);
}

/* ---- suites ---- */

static void
put_suite(struct sk_buf *b, const struct sk_exported *e, size_t id)
{
	const char *at = sk_jstr(sk_jptr(e->v, "/decision/decided_at"));
	struct suite s = { .e = e };
	char when[SK_TIME_LEN];
	int64_t ms = 0;

	sk_buf_init(&s.cases, 0);
	put_agents(&s);
	put_paths(&s);
	put_whole(&s);
	if (at != NULL)
		(void)sk_time_parse(at, &ms);
	sk_time_text(ms, when);
	when[19] = '\0'; /* the form has no zone and no fraction */
	sk_buf_printf(b,
	    "<testsuite id=\"%zu\" package=\"sk\" name=\"%s %s round %lld\" "
	    "hostname=\"localhost\" timestamp=\"%s\" tests=\"%zu\" "
	    "failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\" "
	    "time=\"0.000\">\n<properties>"
	    "<property name=\"status\" value=\"%s\"/>"
	    "<property name=\"findings\" value=\"%zu\"/></properties>\n",
	    id, e->spec, e->stage, (long long)e->round, when, s.tests,
	    s.failures, s.errors, s.skipped, e->status, e->n);
	sk_buf_add(b, s.cases.p, s.cases.len);
	sk_buf_str(b, "<system-out></system-out>\n<system-err></system-err>\n"
		      "</testsuite>\n");
	sk_buf_free(&s.cases);
}

void
sk_export_junit(struct sk_buf *b, struct sk_export *x)
{
	sk_buf_str(b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		      "<testsuites>\n");
	for (size_t i = 0; i < x->n; i++)
		put_suite(b, &x->v[i], i);
	sk_buf_str(b, "</testsuites>\n");
}
