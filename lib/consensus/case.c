/* SPDX-License-Identifier: MIT */
/* A case made ready: who is expected, who answered, which paths count. */
#include <stdlib.h>
#include <string.h>

#include "consensus/judge.h"

/* ---- who is there ---- */

static int
input_cmp(const void *x, const void *y)
{
	const struct sk_input *const *a = x, *const *b = y;
	int c = strcmp((*a)->agent, (*b)->agent);

	/* Of two equal names the first in the case counts. */
	return c != 0 ? c : (*a > *b) - (*a < *b);
}

/* In byte order, each name once. */
static void
sort_once(struct sk_strv *v)
{
	size_t out = 0;

	sk_strv_sort(v);
	for (size_t i = 0; i < v->n; i++)
		if (out > 0 && strcmp(v->v[out - 1], v->v[i]) == 0)
			free(v->v[i]);
		else
			v->v[out++] = v->v[i];
	v->n = out;
}

static void
sort_inputs(struct sk_judge *j)
{
	const struct sk_case *c = j->c;
	size_t out = 0;

	j->in = sk_calloc(c->n_inputs + 1, sizeof(*j->in));
	for (size_t i = 0; i < c->n_inputs; i++)
		j->in[i] = &c->inputs[i];
	if (c->n_inputs > 1)
		qsort(j->in, c->n_inputs, sizeof(*j->in), input_cmp);
	for (size_t i = 0; i < c->n_inputs; i++)
		if (out == 0 ||
		    strcmp(j->in[out - 1]->agent, j->in[i]->agent) != 0)
			j->in[out++] = j->in[i];
	j->n_in = out;
	for (size_t i = 0; c->expect != NULL && i < c->expect->n; i++)
		sk_strv_add(&j->expected, c->expect->v[i]);
	if (c->expect == NULL || c->expect->n == 0)
		for (size_t i = 0; i < j->n_in; i++)
			sk_strv_add(&j->expected, j->in[i]->agent);
	sort_once(&j->expected);
}

static int
agent_cmp(const void *key, const void *at)
{
	return strcmp(key, (*(const struct sk_input *const *)at)->agent);
}

const struct sk_input *
sk_judge_input(const struct sk_judge *j, const char *agent)
{
	const struct sk_input **at = bsearch(
	    agent, j->in, j->n_in, sizeof(const struct sk_input *), agent_cmp);

	return at != NULL ? *at : NULL;
}

static int
name_cmp(const void *key, const void *at)
{
	return strcmp(key, *(char *const *)at);
}

bool
sk_judge_listed(const struct sk_strv *sorted, const char *agent)
{
	return sorted->n > 0 && bsearch(agent, sorted->v, sorted->n,
				    sizeof(char *), name_cmp) != NULL;
}

bool
sk_input_spared(const struct sk_input *in)
{
	return in != NULL && in->state == SK_INPUT_FAILED && in->note != NULL &&
	       strcmp(in->note, SK_NOTE_NOT_NEEDED) == 0;
}

/* The expected agents that answered become voters; JSON and prose apart. */
static void
read_voters(struct sk_judge *j)
{
	const struct sk_input *in;
	struct sk_voter *v;

	j->voters = sk_calloc(j->expected.n + 1, sizeof(*j->voters));
	j->prose = sk_calloc(j->expected.n + 1, sizeof(*j->prose));
	for (size_t i = 0; i < j->expected.n; i++) {
		in = sk_judge_input(j, j->expected.v[i]);
		if (in == NULL || in->state != SK_INPUT_OK)
			continue;
		v = &j->voters[j->n_voters];
		*v = (struct sk_voter){ .agent = in->agent,
			.text = in->text != NULL ? in->text : "",
			.text_n = in->text_n };
		sk_voter_read(&j->v->arena, v);
		if (v->data != NULL)
			j->n_voters++;
		else
			j->prose[j->n_prose++] = *v;
	}
}

/* ---- what must be agreed ---- */

static bool
plain_scalar(const struct sk_jv *v)
{
	switch (v->type) {
	case SK_J_STR:
		return !sk_has_space(v->s, v->n);
	case SK_J_NUM:
	case SK_J_TRUE:
	case SK_J_FALSE:
		return true;
	default:
		return false;
	}
}

/* The keys of all top-level scalars; *roots = how many answers are one. */
static struct sk_slice *
scalar_keys(const struct sk_judge *j, size_t *n, size_t *roots)
{
	struct sk_slice *keys;
	size_t max = 0;

	*n = *roots = 0;
	for (size_t i = 0; i < j->n_voters; i++)
		max += sk_jlen(j->voters[i].data);
	keys = sk_calloc(max + 1, sizeof(*keys));
	for (size_t i = 0; i < j->n_voters; i++) {
		const struct sk_jv *d = j->voters[i].data;

		if (d->type != SK_J_OBJ) {
			*roots += plain_scalar(d);
			continue;
		}
		for (size_t k = 0; k < d->n; k++)
			if (plain_scalar(d->m[k].v) &&
			    memchr(d->m[k].key, '\0', d->m[k].klen) == NULL)
				keys[(*n)++] = (struct sk_slice){ d->m[k].key,
					d->m[k].klen };
	}
	return keys;
}

/* The top-level scalars that a quorum supplies (DESIGN: Expected, Required). */
static void
require_scalars(struct sk_judge *j)
{
	size_t n, roots;
	struct sk_slice *keys = scalar_keys(j, &n, &roots);
	uint32_t *id = sk_calloc(n + 1, sizeof(*id));
	size_t *count = sk_calloc(n + 1, sizeof(*count));
	struct sk_buf p;

	if (roots >= j->quorum)
		sk_strv_add(&j->required, "");
	(void)sk_group(keys, n, id);
	sk_buf_init(&p, 0);
	/* Said once, when the quorum is complete. */
	for (size_t i = 0; i < n; i++) {
		if (++count[id[i]] != j->quorum)
			continue;
		sk_buf_clear(&p);
		sk_jptr_add(&p, keys[i].p, keys[i].n);
		sk_strv_add(&j->required, p.p);
	}
	sk_strv_sort(&j->required);
	sk_buf_free(&p);
	free(count);
	free(id);
	free(keys);
}

/* A '*' stands for every path that was voted on; when there is none, it stays,
 * and is absent. */
static void
require_path(struct sk_judge *j, const char *pattern)
{
	bool any = false;

	if (strstr(pattern, "/*/") != NULL || sk_has_suffix(pattern, "/*"))
		for (size_t i = 0; i < j->vt.n_res; i++) {
			const char *path = j->vt.res[i].path;

			if (!sk_path_match(pattern, path))
				continue;
			any = true;
			if (!sk_strv_has(&j->required, path))
				sk_strv_add(&j->required, path);
		}
	if (!any && !sk_strv_has(&j->required, pattern))
		sk_strv_add(&j->required, pattern);
}

static void
require_paths(struct sk_judge *j)
{
	const struct sk_strv *from = NULL;

	if (j->c->require != NULL && j->c->require->n > 0)
		from = j->c->require;
	else if (j->c->policy->has_require)
		from = &j->c->policy->require;
	if (from == NULL) {
		require_scalars(j);
		return;
	}
	for (size_t i = 0; i < from->n; i++)
		require_path(j, from->v[i]);
	sk_strv_sort(&j->required);
}

size_t
sk_judge_supplied(const struct sk_judge *j, const char *path)
{
	const struct sk_jv *v;
	size_t n = 0;

	for (size_t i = 0; i < j->n_voters; i++) {
		v = sk_jptr(j->voters[i].data, path);
		if (v != NULL && v->type != SK_J_NULL)
			n += sk_weight_of(&j->vt, i);
	}
	return n;
}

/* ---- the whole ---- */

void
sk_judge_open(struct sk_judge *j, const struct sk_case *c, struct sk_verdict *v)
{
	memset(j, 0, sizeof(*j));
	memset(v, 0, sizeof(*v));
	j->c = c;
	j->v = v;
	sk_buf_init(&v->json, 0);
	sort_inputs(j);
	for (size_t i = 0; i < j->expected.n; i++)
		j->total += sk_policy_weight(c->policy, j->expected.v[i]);
	j->quorum = sk_quorum_of(&c->quorum, j->total);
	j->reasons = sk_jnew(&v->arena, SK_J_ARR);
	read_voters(j);
}

void
sk_judge_vote(struct sk_judge *j)
{
	j->vt.a = &j->v->arena;
	j->vt.policy = j->c->policy;
	j->vt.voters = j->voters;
	j->vt.n_voters = j->n_voters;
	j->vt.quorum = j->quorum;
	if (j->c->policy->weights != NULL)
		j->vt.weights =
		    sk_calloc(j->n_voters + 1, sizeof(*j->vt.weights));
	for (size_t i = 0; i < j->n_voters; i++) {
		size_t w = sk_policy_weight(j->c->policy, j->voters[i].agent);

		j->voted += w;
		if (j->vt.weights != NULL)
			j->vt.weights[i] = w;
	}
	j->merged = sk_vote_all(&j->vt);
	require_paths(j);
}

void
sk_judge_close(struct sk_judge *j)
{
	if (j->vt.a != NULL)
		sk_vote_free(&j->vt);
	sk_strv_free(&j->expected);
	sk_strv_free(&j->missing);
	sk_strv_free(&j->spared);
	sk_strv_free(&j->unexpected);
	sk_strv_free(&j->required);
	free(j->res);
	free(j->dis);
	free(j->in);
	free(j->voters);
	free(j->prose);
}
