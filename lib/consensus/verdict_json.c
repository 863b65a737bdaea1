/* SPDX-License-Identifier: MIT */
/* The pure part of a verdict as JSON, and the hash of what it was made from. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "consensus/judge.h"

static const char *const states[] = { "ok", "failed", "invalid" };

static bool
is_prose(const struct sk_judge *j, const char *agent)
{
	for (size_t i = 0; i < j->n_prose; i++)
		if (strcmp(j->prose[i].agent, agent) == 0)
			return true;
	return false;
}

/* What came in (for the hash), or what became of it: beside JSON, an answer in
 * prose is no answer. */
static void
inputs(struct sk_jw *w, const struct sk_judge *j, bool judged)
{
	sk_jw_karr(w, "inputs");
	for (size_t i = 0; i < j->n_in; i++) {
		const struct sk_input *in = j->in[i];
		bool prose = judged && is_prose(j, in->agent);
		bool lost = prose && j->n_voters > 0;

		sk_jw_obj(w);
		sk_jw_kstr(w, "agent", in->agent);
		sk_jw_kstr(
		    w, "state", states[lost ? SK_INPUT_INVALID : in->state]);
		sk_jw_kword(w, "note",
		    lost    ? "no_json"
		    : prose ? "prose"
			    : in->note);
		sk_jw_kword(
		    w, "sha256", in->state == SK_INPUT_OK ? in->sha256 : NULL);
		if (in->family != NULL)
			sk_jw_kstr(w, "model_family", in->family);
		sk_jw_end(w);
	}
	sk_jw_end(w);
}

void
sk_judge_hash(struct sk_judge *j)
{
	const struct sk_case *c = j->c;
	struct sk_buf b;
	struct sk_jw w;

	sk_buf_init(&b, 0);
	sk_jw_init(&w, &b);
	sk_jw_obj(&w);
	sk_jw_kword(&w, "spec", c->spec);
	sk_jw_kword(&w, "stage", c->stage);
	sk_jw_kint(&w, "round", c->round);
	sk_jw_kword(&w, "policy", c->policy->sha256);
	sk_jw_kint(&w, "quorum", (int64_t)j->quorum);
	sk_jw_kint(&w, "min", c->min);
	sk_jw_kint(&w, "faulty", c->faulty);
	sk_jw_kbool(&w, "complete", c->complete);
	sk_jw_kstrv(&w, "require", c->require);
	sk_jw_kstrv(&w, "expect", &j->expected);
	inputs(&w, j, false);
	sk_jw_done(&w);
	sk_sha256(b.p, b.len, j->v->input_sha256);
	sk_buf_free(&b);
}

/* ---- agreements ---- */

static bool
shallow(const char *path)
{
	size_t depth = 0;

	for (; *path != '\0'; path++)
		depth += *path == '/';
	return depth <= 2;
}

/* "/complexity = \"low\"", "/requirements: 10 agreed" */
static void
agreement(struct sk_jw *w, const struct sk_res *r)
{
	const char *at = r->path[0] != '\0' ? r->path : "the whole";
	struct sk_buf b;

	sk_buf_init(&b, 4096);
	switch (r->kind) {
	case SK_PATH_SCALAR:
	case SK_PATH_EXACT:
	case SK_PATH_MEASURE:
	case SK_PATH_TEXT:
		sk_buf_printf(&b, "%s = ", at);
		sk_json_canon(&b, r->value);
		break;
	case SK_PATH_SET:
	case SK_PATH_RANKING:
	case SK_PATH_RECORDS:
		sk_buf_printf(&b, "%s: %zu agreed", at, sk_jlen(r->value));
		break;
	case SK_PATH_UNION:
		sk_buf_printf(&b, "%s: %zu united", at, sk_jlen(r->value));
		break;
	default:
		break;
	}
	if (b.len > 0)
		sk_jw_strn(w, b.p, b.len);
	sk_buf_free(&b);
}

static void
agreements(struct sk_jw *w, const struct sk_judge *j)
{
	sk_jw_karr(w, "agreements");
	for (size_t i = 0; i < j->vt.n_res; i++)
		if (j->vt.res[i].agreed && shallow(j->vt.res[i].path))
			agreement(w, &j->vt.res[i]);
	/* What an agent says was agreed is its claim, and looks like one. */
	for (size_t i = 0; i < j->n_voters; i++)
		for (size_t k = 0; k < sk_jlen(j->voters[i].claims_a); k++) {
			const struct sk_jv *c = j->voters[i].claims_a->a[k];
			struct sk_buf b;

			sk_buf_init(&b, 0);
			sk_buf_printf(
			    &b, "reported by %s: ", j->voters[i].agent);
			sk_buf_add(&b, c->s, c->n);
			sk_jw_strn(w, b.p, b.len);
			sk_buf_free(&b);
		}
	sk_jw_end(w);
}

/* ---- disagreements ---- */

static void
disagreement(struct sk_jw *w, const struct sk_dis *d)
{
	sk_jw_obj(w);
	sk_jw_kstr(w, "path", d->path);
	sk_jw_kvalue(w, "values", d->values);
	sk_jw_end(w);
}

static void
conflicts(struct sk_jw *w, const struct sk_judge *j)
{
	sk_jw_karr(w, "conflicts");
	for (size_t i = 0; i < j->vt.n_dis; i++)
		if (j->vt.dis[i].required)
			disagreement(w, &j->vt.dis[i]);
	for (size_t i = 0; i < j->n_voters; i++)
		for (size_t k = 0; k < sk_jlen(j->voters[i].claims_c); k++) {
			sk_jw_obj(w);
			sk_jw_kstr(w, "path", "");
			sk_jw_kstr(w, "reported_by", j->voters[i].agent);
			sk_jw_kvalue(w, "text", j->voters[i].claims_c->a[k]);
			sk_jw_end(w);
		}
	sk_jw_end(w);
}

/* Optional disagreements are listed; that prose differs is no news. */
static void
others(struct sk_jw *w, const struct sk_judge *j)
{
	const struct sk_dis *d;

	sk_jw_karr(w, "optional_conflicts");
	for (size_t i = 0; i < j->vt.n_dis; i++) {
		d = &j->vt.dis[i];
		if (d->conflict && !d->text && !d->required)
			disagreement(w, d);
	}
	sk_jw_end(w);
	sk_jw_karr(w, "unsupported");
	for (size_t i = 0; i < j->vt.n_dis; i++)
		if (!j->vt.dis[i].conflict && !j->vt.dis[i].required)
			disagreement(w, &j->vt.dis[i]);
	sk_jw_end(w);
}

static void
if_any(struct sk_jw *w, const char *key, const struct sk_jv *v)
{
	if (v != NULL)
		sk_jw_kvalue(w, key, v);
}

/* How far the voters were from each other. */
static void
spread(struct sk_jw *w, const struct sk_res *r)
{
	if (r->disputed)
		sk_jw_kint(w, "margin", (int64_t)r->margin);
	if_any(w, "medoid", r->medoid);
	if (r->kind == SK_PATH_SET) {
		sk_jw_kint(w, "different", (int64_t)r->different);
		sk_jw_kint(w, "common", (int64_t)r->common);
	}
	if_any(w, "interval", r->interval);
	if_any(w, "condorcet", r->condorcet);
	if_any(w, "cycle", r->cycle);
	if_any(w, "kemeny", r->kemeny);
	if_any(w, "tau", r->tau);
	if_any(w, "clusters", r->clusters);
	if_any(w, "numbers", r->numbers);
	if_any(w, "negation", r->negation);
}

static void
support_at(struct sk_jw *w, const struct sk_judge *j, const struct sk_res *r)
{
	sk_jw_kobj(w, r->path);
	sk_jw_kint(w, "count", (int64_t)r->count);
	sk_jw_kint(w, "of", (int64_t)r->supplied);
	sk_jw_kstr(w, "kind", sk_path_kind_word(r->kind));
	sk_jw_kbool(w, "agreed", r->agreed);
	if (r->value != NULL &&
	    (r->kind == SK_PATH_SCALAR || r->kind == SK_PATH_EXACT ||
		r->kind == SK_PATH_MEASURE))
		sk_jw_kvalue(w, "value", r->value);
	if (r->agents != NULL && sk_jlen(r->agents) < j->n_voters)
		sk_jw_kvalue(w, "agents", r->agents);
	if (j->vt.weights != NULL && r->weight > 0)
		sk_jw_kint(w, "weight", (int64_t)r->weight);
	if_any(w, "normalised", r->normalised);
	spread(w, r);
	if (r->key_from != NULL) {
		sk_jw_kstr(w, "key", r->key);
		sk_jw_kstr(w, "key_from", r->key_from);
	}
	if_any(w, "elements", r->elements);
	sk_jw_end(w);
}

static void
support(struct sk_jw *w, const struct sk_judge *j)
{
	sk_jw_kobj(w, "support");
	for (size_t i = 0; i < j->vt.n_res; i++)
		if (j->vt.res[i].kind != SK_PATH_OBJECT)
			support_at(w, j, &j->vt.res[i]);
	sk_jw_end(w);
}

static void
present(struct sk_jw *w, const struct sk_judge *j)
{
	sk_jw_karr(w, "present");
	for (size_t i = 0; i < j->expected.n; i++)
		if (!sk_judge_listed(&j->missing, j->expected.v[i]) &&
		    !sk_judge_listed(&j->spared, j->expected.v[i]))
			sk_jw_str(w, j->expected.v[i]);
	sk_jw_end(w);
}

/* Agents of one family err together: "x.1" and "x.2", those that the policy
 * says are one, and those whose models have one maker. */
const char *
sk_family_of(const struct sk_jv *families, const char *agent, const char *model,
    char base[SK_IDENT_LEN])
{
	const char *dot = strrchr(agent, '.');

	for (size_t i = 0; i < sk_jlen(families); i++)
		for (size_t k = 0; k < sk_jlen(families->m[i].v); k++)
			if (sk_streq(
				sk_jstr(sk_jat(families->m[i].v, k)), agent))
				return families->m[i].key;
	if (model != NULL)
		return model;
	if (dot == NULL || dot[1] == '\0' ||
	    strspn(dot + 1, "0123456789") != strlen(dot + 1))
		return agent;
	(void)snprintf(base, SK_IDENT_LEN, "%.*s", (int)(dot - agent), agent);
	return base;
}

/* The agents with an answer, one after the other. */
static const char *
answered(const struct sk_judge *j, size_t i)
{
	return i < j->n_voters ? j->voters[i].agent
	                       : j->prose[i - j->n_voters].agent;
}

static void
families(struct sk_jw *w, const struct sk_judge *j)
{
	size_t n = j->n_voters + j->n_prose, count;
	struct sk_arena *a = &j->v->arena;
	struct sk_slice *of = sk_calloc(n + 1, sizeof(*of));
	struct sk_jv **lists = sk_calloc(n + 1, sizeof(struct sk_jv *));
	uint32_t *id = sk_calloc(n + 1, sizeof(*id));
	struct sk_strv names = { 0 };
	char base[SK_IDENT_LEN];

	for (size_t i = 0; i < n; i++) {
		const char *agent = answered(j, i);
		const struct sk_input *in = sk_judge_input(j, agent);
		const char *f = sk_family_of(j->c->policy->families, agent,
		    in != NULL ? in->family : NULL, base);

		if (f == base)
			f = sk_arena_strdup(a, base);
		of[i] = (struct sk_slice){ f, strlen(f) };
	}
	count = sk_group(of, n, id);
	for (size_t i = 0; i < n; i++) {
		struct sk_jv **list = &lists[id[i]];

		if (*list == NULL)
			*list = sk_jnew(a, SK_J_ARR);
		sk_jpush(a, *list, sk_jnew_cstr(a, answered(j, i)));
		if (sk_jlen(*list) == 2)
			sk_strv_add(&names, of[i].p);
	}
	sk_strv_sort(&names);
	sk_jw_kobj(w, "families");
	sk_jw_kint(w, "count", (int64_t)count);
	sk_jw_kobj(w, "shared");
	for (size_t k = 0; k < names.n; k++)
		for (size_t i = 0; i < n; i++)
			if (strcmp(of[i].p, names.v[k]) == 0) {
				sk_jw_kvalue(w, names.v[k], lists[id[i]]);
				break;
			}
	sk_jw_end(w);
	sk_jw_end(w);
	sk_strv_free(&names);
	free(of);
	free(lists);
	free(id);
}

/* What the verdict was made with, so that it can be made again. */
static void
certificate(struct sk_jw *w, const struct sk_case *c)
{
	sk_jw_kobj(w, "certificate");
	sk_jw_kvalue(w, "policy", c->policy->tree);
	sk_jw_kobj(w, "quorum");
	sk_jw_kint(w, "num", c->quorum.num);
	sk_jw_kint(w, "den", c->quorum.den);
	sk_jw_end(w);
	sk_jw_kint(w, "min", c->min);
	sk_jw_kint(w, "faulty", c->faulty);
	if (c->require != NULL)
		sk_jw_kstrv(w, "require", c->require);
	else
		sk_jw_knull(w, "require");
	sk_jw_kbool(w, "complete", c->complete);
	sk_jw_end(w);
}

void
sk_judge_write(struct sk_judge *j)
{
	const struct sk_case *c = j->c;
	struct sk_jw w;

	sk_jw_doc(&w, &j->v->json, "sk.verdict/1");
	sk_jw_kword(&w, "spec", c->spec);
	sk_jw_kword(&w, "stage", c->stage);
	sk_jw_kint(&w, "round", c->round);
	sk_jw_kstr(&w, "status", sk_status_word(j->v->status));
	sk_jw_kvalue(&w, "reasons", j->reasons);
	sk_jw_kstrv(&w, "expected", &j->expected);
	present(&w, j);
	sk_jw_kstrv(&w, "missing_agents", &j->missing);
	sk_jw_kstrv(&w, "unexpected_agents", &j->unexpected);
	sk_jw_kobj(&w, "quorum");
	sk_jw_kint(&w, "required", (int64_t)j->quorum);
	sk_jw_kint(&w, "of", (int64_t)j->total);
	if (c->faulty > 0)
		sk_jw_kint(&w, "faulty", c->faulty);
	sk_jw_end(&w);
	families(&w, j);
	sk_jw_kstrv(&w, "required", &j->required);
	sk_jw_kobj(&w, "consensus");
	agreements(&w, j);
	conflicts(&w, j);
	sk_jw_end(&w);
	sk_jw_kvalue(&w, "merged", j->merged);
	support(&w, j);
	others(&w, j);
	inputs(&w, j, true);
	if (c->policy->name != NULL) {
		sk_jw_kobj(&w, "policy");
		sk_jw_kstr(&w, "name", c->policy->name);
		sk_jw_kstr(&w, "sha256", c->policy->sha256);
		sk_jw_end(&w);
	} else {
		sk_jw_knull(&w, "policy");
	}
	certificate(&w, c);
	sk_jw_kstr(&w, "input_sha256", j->v->input_sha256);
	sk_jw_end(&w);
}
