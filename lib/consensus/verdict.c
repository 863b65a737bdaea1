/* SPDX-License-Identifier: MIT */
/*
 * From a case to its verdict. Everything is sorted by name first, so the bytes
 * depend on what was answered and never on when.
 */
#include <stdlib.h>
#include <string.h>

#include "consensus/internal.h"
#include "consensus/judge.h"

const char *
sk_status_word(enum sk_status st)
{
	static const char *const words[] = { "ok", "degraded", "conflict",
		"unknown" };

	return words[st];
}

int
sk_status_exit(const char *word)
{
	if (strcmp(word, "ok") == 0)
		return SK_OK;
	return strcmp(word, "conflict") == 0 ? SK_NEGATIVE : SK_DEGRADED;
}

int
sk_status_worse(int a, int b)
{
	if (a == SK_NEGATIVE || b == SK_NEGATIVE)
		return SK_NEGATIVE;
	return a > b ? a : b;
}

void
sk_verdict_free(struct sk_verdict *v)
{
	sk_buf_free(&v->json);
	sk_arena_free(&v->arena);
}

/* ---- reasons ---- */

static void
reason(struct sk_judge *j, const char *kind, const char *path,
    const char *agent, int64_t required, int64_t actual, const char *detail)
{
	struct sk_arena *a = &j->v->arena;
	struct sk_jv *o = sk_jnew(a, SK_J_OBJ);

	sk_jset(a, o, "kind", sk_jnew_cstr(a, kind));
	if (path != NULL)
		sk_jset(a, o, "path", sk_jnew_cstr(a, path));
	if (agent != NULL)
		sk_jset(a, o, "agent", sk_jnew_cstr(a, agent));
	if (required >= 0) {
		sk_jset(a, o, "required", sk_jnew_int(a, required));
		sk_jset(a, o, "actual", sk_jnew_int(a, actual));
	}
	if (detail != NULL)
		sk_jset(a, o, "detail", sk_jnew_cstr(a, detail));
	sk_jpush(a, j->reasons, o);
}

/* Worst first: unknown, conflict, degraded, ok. */
static void
lower(struct sk_judge *j, enum sk_status st)
{
	if (st > j->v->status)
		j->v->status = st;
}

/*
 * Those that were stopped because the others decide it. Whether they do is
 * looked at again here: nobody is excused by his own word. The status is then
 * the one that it would have if these had answered too.
 */
static void
note_spared(struct sk_judge *j)
{
	for (size_t i = 0; i < j->expected.n; i++)
		if (sk_input_spared(sk_judge_input(j, j->expected.v[i])))
			sk_strv_add(&j->spared, j->expected.v[i]);
	if (j->spared.n > 0 && sk_verdict_settled(j->c) == SK_SETTLED_NO)
		sk_strv_free(&j->spared);
	for (size_t i = 0; i < j->spared.n; i++)
		reason(j, "not_needed", NULL, j->spared.v[i], -1, 0,
		    "decided without it");
}

/* Agents without a usable answer, each with the reason why. */
static void
note_missing(struct sk_judge *j, bool all_prose)
{
	const struct sk_input *in;

	for (size_t i = 0; i < j->expected.n; i++) {
		const char *agent = j->expected.v[i];

		in = sk_judge_input(j, agent);
		if (sk_judge_listed(&j->spared, agent))
			continue;
		if (in == NULL || in->state == SK_INPUT_FAILED)
			reason(j, "missing_agent", NULL, agent, -1, 0,
			    in != NULL ? in->note : "no answer");
		else if (in->state == SK_INPUT_INVALID)
			reason(
			    j, "invalid_answer", NULL, agent, -1, 0, in->note);
		else
			continue;
		sk_strv_add(&j->missing, agent);
	}
	for (size_t i = 0; !all_prose && i < j->n_prose; i++) {
		reason(j, "invalid_answer", NULL, j->prose[i].agent, -1, 0,
		    "no JSON in the answer");
		sk_strv_add(&j->missing, j->prose[i].agent);
	}
	sk_strv_sort(&j->missing);
	for (size_t i = 0; i < j->n_in; i++)
		if (!sk_judge_listed(&j->expected, j->in[i]->agent))
			sk_strv_add(&j->unexpected, j->in[i]->agent);
}

/* ---- what must be agreed ---- */

/* Paths in an order in which all that is within a path follows it: '/' stands
 * before every other byte. */
static int
path_cmp(const char *a, const char *b)
{
	int x, y;

	while (*a != '\0' && *a == *b) {
		a++;
		b++;
	}
	x = *a == '/' ? 1 : *a != '\0' ? (unsigned char)*a + 1 : 0;
	y = *b == '/' ? 1 : *b != '\0' ? (unsigned char)*b + 1 : 0;
	return x - y;
}

static int
res_cmp(const void *x, const void *y)
{
	const struct sk_res *a = *(struct sk_res *const *)x;
	const struct sk_res *b = *(struct sk_res *const *)y;
	int c = path_cmp(a->path, b->path);

	return c != 0 ? c : (a > b) - (a < b);
}

static int
dis_cmp(const void *x, const void *y)
{
	const struct sk_dis *a = *(struct sk_dis *const *)x;
	const struct sk_dis *b = *(struct sk_dis *const *)y;
	int c = path_cmp(a->path, b->path);

	return c != 0 ? c : (a > b) - (a < b);
}

/* The vote is over: its results can be found by their paths. */
static void
index_paths(struct sk_judge *j)
{
	j->res = sk_calloc(j->vt.n_res + 1, sizeof(struct sk_res *));
	j->dis = sk_calloc(j->vt.n_dis + 1, sizeof(struct sk_dis *));
	for (size_t i = 0; i < j->vt.n_res; i++)
		j->res[i] = &j->vt.res[i];
	for (size_t i = 0; i < j->vt.n_dis; i++)
		j->dis[i] = &j->vt.dis[i];
	qsort(j->res, j->vt.n_res, sizeof(struct sk_res *), res_cmp);
	qsort(j->dis, j->vt.n_dis, sizeof(struct sk_dis *), dis_cmp);
}

static const struct sk_res *
res_at(const struct sk_judge *j, const char *path)
{
	size_t lo = 0, hi = j->vt.n_res;

	/* A type that lost may have been noted first: the last counts. */
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (path_cmp(j->res[mid]->path, path) <= 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo > 0 && strcmp(j->res[lo - 1]->path, path) == 0
	           ? j->res[lo - 1]
	           : NULL;
}

/* path itself or something in it */
static bool
within(const char *path, const char *outer)
{
	size_t n = strlen(outer);

	return strncmp(path, outer, n) == 0 &&
	       (path[n] == '\0' || path[n] == '/');
}

/* The disagreements at path and in it: from, and the number of them. */
static struct sk_dis **
dis_within(const struct sk_judge *j, const char *path, size_t *n)
{
	size_t lo = 0, hi = j->vt.n_dis;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (path_cmp(j->dis[mid]->path, path) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (*n = 0;
	     lo + *n < j->vt.n_dis && within(j->dis[lo + *n]->path, path); ++*n)
		;
	return &j->dis[lo];
}

static bool
is_optional(const struct sk_judge *j, const char *path)
{
	const struct sk_strv *o = &j->c->policy->optional;

	for (size_t i = 0; i < o->n; i++)
		if (sk_path_match(o->v[i], path))
			return true;
	return false;
}

/* An object is agreed when nothing in it is disputed; prose may differ. */
static bool
split_below(const struct sk_judge *j, const char *path)
{
	size_t n;
	struct sk_dis **d = dis_within(j, path, &n);

	for (size_t i = 0; i < n; i++)
		if (d[i]->conflict && !d[i]->text &&
		    !is_optional(j, d[i]->path))
			return true;
	return false;
}

/* What a reader of consensus.conflicts must see for a path without a quorum:
 * the disputes in it, else what it holds that too few support. Returns how many
 * agents stand behind the best supported of these values. *tie: two of them had
 * the quorum. */
static size_t
mark_conflicts(struct sk_judge *j, const char *path, bool *tie)
{
	size_t best = 0, n;
	struct sk_dis **d = dis_within(j, path, &n);
	bool any = false;

	*tie = false;
	for (size_t i = 0; i < n; i++)
		if (d[i]->conflict) {
			any = d[i]->required = true;
			*tie = *tie || d[i]->tie;
		}
	for (size_t i = 0; i < n; i++) {
		d[i]->required = d[i]->required || !any;
		for (size_t v = 0; d[i]->required && v < sk_jlen(d[i]->values);
		     v++) {
			size_t k =
			    sk_jlen(sk_jget(d[i]->values->a[v], "agents"));

			best = k > best ? k : best;
		}
	}
	return best;
}

/* Members that the policy names must be behind the value themselves; one that
 * gave no answer is missing, not against. */
static void
judge_members(struct sk_judge *j, const char *path, const struct sk_res *r)
{
	const struct sk_strv *m = &j->c->policy->members;

	for (size_t i = 0; i < m->n; i++) {
		bool behind = r->agents == NULL, answered = false;

		for (size_t k = 0; k < sk_jlen(r->agents); k++)
			behind = behind ||
			         sk_streq(sk_jstr(r->agents->a[k]), m->v[i]);
		for (size_t k = 0; k < j->n_voters; k++)
			answered = answered ||
			           strcmp(j->voters[k].agent, m->v[i]) == 0;
		if (!answered) {
			reason(j, "member_missing", path, m->v[i], -1, 0, NULL);
			lower(j, SK_ST_DEGRADED);
		} else if (!behind) {
			reason(j, "member_against", path, m->v[i], -1, 0, NULL);
			lower(j, SK_ST_CONFLICT);
		}
	}
}

static void
judge_required(struct sk_judge *j)
{
	const int64_t q = (int64_t)j->quorum;

	for (size_t i = 0; i < j->required.n; i++) {
		const char *path = j->required.v[i];
		const struct sk_res *r = res_at(j, path);
		size_t have =
		    r != NULL ? r->weight_here : sk_judge_supplied(j, path);

		if (r != NULL && r->agreed &&
		    (r->kind != SK_PATH_OBJECT || !split_below(j, path))) {
			judge_members(j, path, r);
			continue;
		}
		if (have + j->spared.n < j->quorum) {
			reason(j, "required_absent", path, NULL, q,
			    (int64_t)have, NULL);
			lower(j, SK_ST_UNKNOWN);
		} else {
			bool tie;
			size_t best = mark_conflicts(j, path, &tie);

			reason(j, "no_quorum", path, NULL, q, (int64_t)best,
			    tie ? "tie" : NULL);
			lower(j, SK_ST_CONFLICT);
		}
	}
}

static void
judge_claims(struct sk_judge *j)
{
	for (size_t i = 0; i < j->n_voters; i++) {
		const struct sk_jv *c = j->voters[i].claims_c;

		for (size_t k = 0; k < sk_jlen(c); k++) {
			reason(j, "reported_conflict", NULL, j->voters[i].agent,
			    -1, 0, sk_jstr(c->a[k]));
			lower(j, SK_ST_CONFLICT);
		}
	}
}

static bool
anything_agreed(const struct sk_judge *j)
{
	for (size_t i = 0; i < j->vt.n_res; i++)
		if (j->vt.res[i].agreed && j->vt.res[i].kind != SK_PATH_OBJECT)
			return true;
	return false;
}

/* ---- the status ---- */

static void
judge_numbers(struct sk_judge *j)
{
	size_t there = j->n_voters;

	if (j->missing.n > 0)
		lower(j, SK_ST_DEGRADED);
	if ((int64_t)there < j->c->min) {
		reason(j, "too_few_agents", NULL, NULL, j->c->min,
		    (int64_t)there, NULL);
		lower(j, SK_ST_DEGRADED);
	}
	if (!j->c->complete) {
		reason(j, "incomplete_stream", NULL, NULL, -1, 0,
		    "no end of the run was seen and nobody was expected");
		lower(j, SK_ST_DEGRADED);
	}
}

static void
judge_prose(struct sk_judge *j)
{
	struct sk_vv *vals = sk_calloc(j->n_prose, sizeof(*vals));
	size_t m;

	for (size_t i = 0; i < j->n_prose; i++) {
		vals[i].v = sk_jnew_str(
		    &j->v->arena, j->prose[i].text, j->prose[i].text_n);
		vals[i].voter = i;
		vals[i].canon = j->prose[i].text;
		vals[i].canon_n = j->prose[i].text_n;
	}
	m = sk_text_medoid(vals, j->n_prose, NULL);
	j->merged = vals[m].v;
	free(vals);
	reason(j, "unstructured", "", NULL, -1, 0,
	    "the answers hold no JSON; merged is the one nearest to all");
	lower(j, SK_ST_UNKNOWN);
}

static void
judge(struct sk_judge *j)
{
	bool all_prose = j->n_voters == 0 && j->n_prose > 0;

	note_spared(j);
	note_missing(j, all_prose);
	if (all_prose) {
		judge_prose(j);
		return;
	}
	sk_judge_vote(j);
	index_paths(j);
	if (j->voted + j->spared.n < j->quorum) {
		reason(j,
		    j->n_voters == 0 ? "no_answers" : "insufficient_agents",
		    NULL, NULL, (int64_t)j->quorum, (int64_t)j->voted, NULL);
		lower(j, SK_ST_UNKNOWN);
	} else {
		judge_required(j);
		if (j->required.n == 0 && !anything_agreed(j)) {
			reason(j, "nothing_to_judge", NULL, NULL, -1, 0,
			    "no path is required and none is agreed");
			lower(j, SK_ST_UNKNOWN);
		}
	}
	judge_claims(j);
	judge_numbers(j);
}

/*
 * With one trusted counter, F liars of n are outvoted when n >= 2F + 1; the
 * quorum must hold an honest voter (F + 1) and must be reached without the
 * liars (n - F).
 */
int
sk_quorum_bears(
    int64_t faulty, size_t n, size_t total, size_t quorum, struct sk_err *err)
{
	size_t f = (size_t)faulty;

	if (faulty <= 0)
		return 0;
	if (n < 2 * f + 1) {
		(void)sk_fail(err, SK_USAGE, "cannot_hold",
		    "%zu expected agents do not bear %zu faulty ones", n, f);
		return sk_hint(err, "%zu are needed", 2 * f + 1);
	}
	if (quorum < f + 1 || quorum > total - f) {
		(void)sk_fail(err, SK_USAGE, "cannot_hold",
		    "a quorum of %zu of %zu does not bear %zu faulty agents",
		    quorum, total, f);
		return sk_hint(
		    err, "a quorum from %zu to %zu does", f + 1, total - f);
	}
	return 0;
}

int
sk_verdict_make(
    const struct sk_case *c, struct sk_verdict *v, struct sk_err *err)
{
	struct sk_judge j;
	int rc = 0;

	sk_judge_open(&j, c, v);
	rc = sk_quorum_bears(c->faulty, j.expected.n, j.total, j.quorum, err);
	if (rc != 0) {
		sk_judge_close(&j);
		return rc;
	}
	judge(&j);
	sk_judge_hash(&j);
	sk_judge_write(&j);
	if (v->json.full)
		rc = sk_fail(err, SK_DAMAGED, "too_large",
		    "the verdict is larger than %zu bytes", v->json.max);
	sk_judge_close(&j);
	return rc;
}
