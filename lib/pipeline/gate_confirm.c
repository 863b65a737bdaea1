/* SPDX-License-Identifier: MIT */
/*
 * One agent more, who did not vote, is asked about what most agents say before
 * it is written. It can only say no: whatever it does not agree with, does not
 * mention or says in a way that nobody understands is a question to a person,
 * and nothing else of the gate depends on it.
 */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "consensus/consensus.h"
#include "pipeline/gate.h"
#include "pipeline/step.h"

#define MOST_ANSWER ((size_t)1000) /* bytes, as of any agent */

/* ---- what becomes of its answer ---- */

/* What it says of one issue: NULL = nothing, or two different things. */
static const struct sk_jv *
said_of(const struct sk_jv *said, const char *id)
{
	const struct sk_jv *list = sk_jget(said, "issues"), *hit = NULL;

	for (size_t i = 0; i < sk_jlen(list); i++) {
		const struct sk_jv *x = sk_jat(list, i);

		if (!sk_streq(sk_jget_str(x, "id"), id))
			continue;
		if (hit != NULL)
			return NULL;
		hit = x;
	}
	return hit;
}

/* Its own answer is one more that a person can choose. */
static void
recommend(struct sk_jv *issue, const char *agent, const struct sk_jv *said,
    struct sk_arena *a)
{
	const char *text = sk_jget_str(said, "recommended_answer");
	struct sk_jv *o;

	if (text == NULL || text[strspn(text, " \t\r\n")] == '\0' ||
	    strlen(text) > MOST_ANSWER)
		return;
	o = sk_jnew(a, SK_J_OBJ);
	sk_jset(a, o, "agent", sk_jnew_cstr(a, agent));
	sk_jset(a, o, "answer", sk_jnew_cstr(a, text));
	sk_jpush(a, sk_jget(issue, "answers"), o);
}

static void
confirm(struct sk_jv *issue, const char *agent, const struct sk_jv *said,
    struct sk_arena *a)
{
	bool yes = sk_jget_bool(said, "agrees_with_majority", false);
	struct sk_jv *o = sk_jnew(a, SK_J_OBJ);

	sk_jset(a, o, "agent", sk_jnew_cstr(a, agent));
	sk_jset(a, o, "agrees",
	    said != NULL ? sk_jnew_bool(a, yes) : sk_jnew(a, SK_J_NULL));
	sk_jset(
	    a, o, "reasoning", sk_jnew_cstr(a, sk_jget_str(said, "reasoning")));
	sk_jset(a, issue, "validation", o);
	sk_jset(
	    a, issue, "resolution", sk_jnew_cstr(a, yes ? "applied" : "open"));
	if (yes) {
		sk_jset(a, issue, "answer",
		    sk_jnew_cstr(a, sk_jget_str(issue, "majority")));
		return;
	}
	sk_jset(a, issue, "note",
	    sk_jnew_cstr(a, said != NULL ? "the validator does not agree"
					 : "the validator did not say"));
	recommend(issue, agent, said, a);
}

static bool
is_due(const struct sk_jv *issue)
{
	return sk_streq(sk_jget_str(issue, "resolution"), "confirm");
}

/* said NULL: nothing usable. */
static void
confirm_all(struct sk_jv *issues, const char *agent, const struct sk_jv *said,
    struct sk_arena *a)
{
	for (size_t i = 0; i < sk_jlen(issues); i++) {
		struct sk_jv *x = sk_jat(issues, i);

		if (is_due(x))
			confirm(
			    x, agent, said_of(said, sk_jget_str(x, "id")), a);
	}
}

/* ---- asking ---- */

struct asking {
	const struct sk_gate_ask *g;
	char stage[SK_IDENT_LEN]; /* its calls are booked under this */
	const char *questions; /* JSON */
};

static int
ask(struct sk_auto *a, void *arg, struct sk_buf *records, int *worst,
    struct sk_err *err)
{
	const struct asking *q = arg;
	const struct sk_prompt prompt = {
		.task = "confirm", .before = q->g->stage, .found = q->questions
	};
	const char *const specs[] = { q->g->spec };
	struct sk_jv *cut = NULL;
	struct sk_buf text;
	int rc;

	sk_buf_init(&text, 0);
	rc = sk_prompt_build(a, &prompt, &text, &cut, err);
	if (rc == 0)
		sk_report_left_out(a, q->stage, q->g->round, cut);
	if (rc == 0)
		rc = sk_ask_run(a, q->stage, q->g->round, specs, 1, &text,
		    records, worst, err);
	sk_buf_free(&text);
	return rc;
}

/* The questions as it sees them: what was asked, and what was said. */
static void
questions(const struct sk_jv *issues, struct sk_buf *b, size_t *n)
{
	static const char *const keys[] = { "id", "severity", "requirement",
		"where", "question", "majority", "answers" };
	struct sk_jw w;

	*n = 0;
	sk_jw_init(&w, b);
	sk_jw_arr(&w);
	for (size_t i = 0; i < sk_jlen(issues); i++) {
		const struct sk_jv *x = sk_jat(issues, i);

		if (!is_due(x))
			continue;
		(*n)++;
		sk_jw_obj(&w);
		for (size_t k = 0; k < SK_ARRAY_SIZE(keys); k++)
			sk_jw_kvalue(&w, keys[k], sk_jget(x, keys[k]));
		sk_jw_end(&w);
	}
	sk_jw_end(&w);
	sk_jw_done(&w);
}

int
sk_gate_validate(struct sk_auto *a, const struct sk_gate_ask *g,
    struct sk_jv *issues, struct sk_err *err)
{
	struct asking q = { .g = g };
	struct sk_patience p = {
		.who = q.stage, .again = SK_EV_BEGIN, .once = ask, .arg = &q
	};
	struct sk_gate_voice *voice = NULL;
	struct sk_strv name = { 0 };
	struct sk_buf text, records;
	size_t n = 0, heard = 0;
	int rc = 0, status = 0;

	(void)snprintf(q.stage, sizeof(q.stage), "%s-confirm", g->gate->name);
	sk_buf_init(&text, 0);
	sk_buf_init(&records, SK_RECORDS_MAX);
	sk_strv_add(&name, g->name);
	questions(issues, &text, &n);
	q.questions = text.p;
	if (n > 0)
		rc = sk_ask_patiently(a, &p, &records, &status, err);
	if (rc == 0 && n > 0)
		rc = sk_settle_cost(a, q.stage, err);
	if (rc == 0 && n > 0)
		rc = sk_gate_hear(
		    a, q.stage, g->round, &name, &voice, &heard, err);
	if (rc == 0 && n > 0 && heard == 0)
		sk_warn("%s: '%s' gave no usable answer; %zu question%s for a "
			"person instead",
		    q.stage, g->name, n, n == 1 ? "" : "s");
	if (rc == 0)
		confirm_all(issues, g->name, heard > 0 ? voice[0].data : NULL,
		    &a->arena);
	sk_buf_free(&text);
	sk_buf_free(&records);
	sk_strv_free(&name);
	return rc;
}
