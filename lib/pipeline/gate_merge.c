/* SPDX-License-Identifier: MIT */
/*
 * What several agents say of the same questions: who agrees with whom, and what
 * becomes of it. The matrix:
 *
 *   critical, or for a person, or low agreement       → a question
 *   all agree      minor      auto-fix, suggest-fix   → applied
 *   all agree      important  auto-fix                → applied
 *   most agree     minor      auto-fix                → applied
 *   all the rest                                      → to be confirmed
 *
 * by somebody who did not vote, and a question where there is nobody.
 * An agent that did not answer a question agrees with nobody.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "consensus/consensus.h"
#include "pipeline/gate.h"

#define MOST_ISSUES 100 /* of one agent */
#define MOST_ANSWER ((size_t)1000) /* bytes; more is no answer to write down */
#define ALIKE 500000000u /* of 10^9: two questions that are one */

/* ---- words ---- */

static const char *const fixes[] = { "auto-fix", "suggest-fix", "need-human" };
static const char *const weights[] = { "minor", "important", "critical" };
enum { AUTO, SUGGEST, HUMAN };
enum { MINOR, IMPORTANT, CRITICAL };

/* What nobody can rank is for a person. */
static int
fix_of(const struct sk_jv *issue)
{
	const char *s = sk_jget_str(issue, "resolvability");

	for (int i = AUTO; i < HUMAN; i++)
		if (sk_streq(s, fixes[i]))
			return i;
	return HUMAN;
}

static int
weight_of(const struct sk_jv *issue)
{
	const char *s = sk_jget_str(issue, "severity");

	for (int i = MINOR; i <= CRITICAL; i++)
		if (sk_streq(s, weights[i]))
			return i;
	return CRITICAL;
}

/* An answer as it is compared: lower case, single blanks, no full stop. */
static char *
plain(const char *s)
{
	struct sk_buf b;

	sk_buf_init(&b, 0);
	for (; *s != '\0'; s++) {
		if (!isspace((unsigned char)*s))
			sk_buf_ch(&b, (char)tolower((unsigned char)*s));
		else if (b.len > 0 && b.p[b.len - 1] != ' ')
			sk_buf_ch(&b, ' ');
	}
	while (b.len > 0 && strchr(" .;!", b.p[b.len - 1]) != NULL)
		b.p[--b.len] = '\0';
	return sk_buf_detach(&b);
}

/* ---- the same question ---- */

static bool
has_answered(const struct sk_jv *issue, const char *agent)
{
	const struct sk_jv *list = sk_jget(issue, "answers");

	for (size_t i = 0; i < sk_jlen(list); i++)
		if (sk_streq(sk_jget_str(sk_jat(list, i), "agent"), agent))
			return true;
	return false;
}

/* By the id that a check gave it, which the agents were told; else the most
 * similar question about the same requirement that this agent has not answered
 * yet. Ids that agents make up mean nothing. */
static struct sk_jv *
same_question(const struct sk_jv *all, size_t checks, const struct sk_jv *said,
    const char *agent)
{
	const char *id = sk_jget_str(said, "id");
	const char *req = sk_jget_str(said, "requirement"), *other;
	struct sk_jv *best = NULL;
	uint64_t like, most = ALIKE - 1;

	for (size_t i = 0; i < checks; i++)
		if (sk_streq(sk_jget_str(sk_jat(all, i), "id"), id))
			return has_answered(sk_jat(all, i), agent)
			           ? NULL
			           : sk_jat(all, i);
	for (size_t i = 0; i < sk_jlen(all); i++) {
		struct sk_jv *x = sk_jat(all, i);

		other = sk_jget_str(x, "requirement");
		if (has_answered(x, agent) ||
		    (req != NULL && other != NULL && strcmp(req, other) != 0))
			continue;
		like = sk_text_similarity(
		    sk_jget(x, "question"), sk_jget(said, "question"));
		if (like > most) {
			most = like;
			best = x;
		}
	}
	return best;
}

static void
answer_of(struct sk_jv *issue, const char *agent, const struct sk_jv *said,
    struct sk_arena *a)
{
	struct sk_jv *o = sk_jnew(a, SK_J_OBJ);
	const char *text = sk_jget_str(said, "answer");

	sk_jset(a, o, "agent", sk_jnew_cstr(a, agent));
	sk_jset(a, o, "answer", sk_jnew_cstr(a, text != NULL ? text : ""));
	if (sk_jget_str(said, "reasoning") != NULL)
		sk_jset(a, o, "reasoning",
		    sk_jnew_cstr(a, sk_jget_str(said, "reasoning")));
	sk_jpush(a, sk_jget(issue, "answers"), o);
	/* The heaviest weight, and the most careful way out. */
	if (weight_of(said) > weight_of(issue))
		sk_jset(a, issue, "severity",
		    sk_jnew_cstr(a, weights[weight_of(said)]));
	if (sk_jlen(sk_jget(issue, "answers")) == 1 ||
	    fix_of(said) > fix_of(issue))
		sk_jset(a, issue, "resolvability",
		    sk_jnew_cstr(a, fixes[fix_of(said)]));
}

static struct sk_jv *
issue_of(const struct sk_jv *said, struct sk_arena *a)
{
	static const char *const keys[] = { "id", "severity", "type",
		"requirement", "where", "question" };
	struct sk_jv *o = sk_jnew(a, SK_J_OBJ);

	for (size_t i = 0; i < SK_ARRAY_SIZE(keys); i++)
		sk_jset(
		    a, o, keys[i], sk_jnew_cstr(a, sk_jget_str(said, keys[i])));
	sk_jset(a, o, "severity", sk_jnew_cstr(a, weights[weight_of(said)]));
	sk_jset(a, o, "resolvability", sk_jnew_cstr(a, fixes[fix_of(said)]));
	sk_jset(a, o, "answers", sk_jnew(a, SK_J_ARR));
	return o;
}

static void
hear(struct sk_jv *all, size_t checks, const struct sk_gate_voice *v,
    struct sk_arena *a)
{
	const struct sk_jv *list = sk_jget(v->data, "issues"), *said;
	struct sk_jv *issue;

	for (size_t i = 0; i < sk_jlen(list) && i < MOST_ISSUES; i++) {
		said = sk_jat(list, i);
		if (sk_jget_str(said, "question") == NULL &&
		    sk_jget_str(said, "id") == NULL)
			continue;
		issue = same_question(all, checks, said, v->agent);
		if (issue == NULL && sk_jget_str(said, "question") == NULL)
			continue;
		if (issue == NULL) {
			issue = issue_of(said, a);
			sk_jpush(a, all, issue);
		}
		answer_of(issue, v->agent, said, a);
	}
}

/* ---- agreement ---- */

enum agreement { LOW, MEDIUM, HIGH };
static const char *const agreements[] = { "low", "medium", "high" };

/* A share is compared as it is written, with two digits: two of three are
 * 0.67. */
static bool
is_share(size_t k, size_t n, double threshold)
{
	size_t percent = n > 0 ? (200 * k + n) / (2 * n) : 0;

	return (double)percent >= threshold * 100.0 - 1e-9;
}

/* How far the answers agree, and on what. */
static enum agreement
agreement(const struct sk_jv *issue, const struct sk_gate_rules *r,
    const char **majority)
{
	const struct sk_jv *list = sk_jget(issue, "answers");
	size_t n = sk_jlen(list), most = 0, second = 0, k;
	char **v = sk_calloc(n + 1, sizeof(*v));

	*majority = NULL;
	for (size_t i = 0; i < n; i++)
		v[i] = plain(sk_jget_str(sk_jat(list, i), "answer"));
	for (size_t i = 0; i < n; i++) {
		k = 0;
		for (size_t j = 0; j < n; j++) {
			if (strcmp(v[i], v[j]) != 0)
				continue;
			if (j < i)
				break; /* counted already */
			k++;
		}
		if (k > most) {
			second = most;
			most = k;
			*majority = sk_jget_str(sk_jat(list, i), "answer");
		} else if (k > second) {
			second = k;
		}
	}
	for (size_t i = 0; i < n; i++)
		free(v[i]);
	free(v);
	if (n < r->min || most == second || most == 0)
		return LOW;
	if (most == r->agents)
		return HIGH;
	return 2 * most > r->agents && is_share(most, r->agents, r->threshold)
	           ? MEDIUM
	           : LOW;
}

/* The cell of the matrix. */
static const char *
way_out(enum agreement g, int weight, int fix)
{
	if (weight == CRITICAL || fix == HUMAN || g == LOW)
		return "open";
	if (g == HIGH && (weight == MINOR || fix == AUTO))
		return "applied";
	return weight == MINOR && fix == AUTO ? "applied" : "confirm";
}

static bool
can_be_written(const char *answer)
{
	return answer[strspn(answer, " \t\r\n")] != '\0' &&
	       strlen(answer) <= MOST_ANSWER;
}

static void
resolve(struct sk_jv *issue, const struct sk_gate_rules *r, struct sk_arena *a)
{
	bool asked = sk_jlen(sk_jget(issue, "answers")) > 0;
	const char *majority = NULL, *what;
	enum agreement g;

	if (!asked) {
		/* Only a check found it. */
		what =
		    r->ask && weight_of(issue) == CRITICAL ? "open" : "noted";
		sk_jset(a, issue, "resolution", sk_jnew_cstr(a, what));
		return;
	}
	g = agreement(issue, r, &majority);
	sk_jset(a, issue, "agreement", sk_jnew_cstr(a, agreements[g]));
	sk_jset(
	    a, issue, "majority", sk_jnew_cstr(a, g == LOW ? NULL : majority));
	what = way_out(g, weight_of(issue), fix_of(issue));
	if (!r->resolve || majority == NULL || !can_be_written(majority) ||
	    (!r->confirm && strcmp(what, "confirm") == 0))
		what = "open";
	sk_jset(a, issue, "resolution", sk_jnew_cstr(a, what));
	if (strcmp(what, "applied") == 0)
		sk_jset(a, issue, "answer", sk_jnew_cstr(a, majority));
}

static int
by_name(const void *x, const void *y)
{
	const struct sk_gate_voice *a = x, *b = y;

	return strcmp(a->agent, b->agent);
}

struct sk_jv *
sk_gate_merge(const struct sk_jv *found, const struct sk_gate_voice *v,
    size_t n, const struct sk_gate_rules *r, struct sk_arena *a)
{
	struct sk_gate_voice *sorted = sk_calloc(n + 1, sizeof(*sorted));
	struct sk_jv *all = sk_jnew(a, SK_J_ARR), *x;
	size_t checks = sk_jlen(found), fresh = 0;

	for (size_t i = 0; i < checks; i++) {
		x = sk_jcopy(a, sk_jat(found, i));
		sk_jset(a, x, "answers", sk_jnew(a, SK_J_ARR));
		sk_jpush(a, all, x);
	}
	/* The order in which agents happened to answer must not matter. */
	for (size_t i = 0; i < n; i++)
		sorted[i] = v[i];
	qsort(sorted, n, sizeof(*sorted), by_name);
	for (size_t i = 0; i < n; i++)
		hear(all, checks, &sorted[i], a);
	free(sorted);
	for (size_t i = 0; i < sk_jlen(all); i++) {
		x = sk_jat(all, i);
		if (i >= checks)
			sk_jset(a, x, "id",
			    sk_jnew_cstr(
				a, sk_arena_printf(a, "Q-%03zu", ++fresh)));
		sk_jset(a, x, "source",
		    sk_jnew_cstr(a, i < checks ? "check" : "agents"));
		resolve(x, r, a);
	}
	return all;
}

size_t
sk_gate_open(const struct sk_jv *issues)
{
	size_t n = 0;

	for (size_t i = 0; i < sk_jlen(issues); i++)
		n += sk_streq(
		    sk_jget_str(sk_jat(issues, i), "resolution"), "open");
	return n;
}

void
sk_gate_accept(struct sk_jv *issues, struct sk_arena *a)
{
	for (size_t i = 0; i < sk_jlen(issues); i++)
		if (sk_streq(
			sk_jget_str(sk_jat(issues, i), "resolution"), "open"))
			sk_jset(a, sk_jat(issues, i), "resolution",
			    sk_jnew_cstr(a, "accepted"));
}
