/* SPDX-License-Identifier: MIT */
/*
 * The vote: one walk over all answers at once, path by path. Values of one
 * path are compared in canonical form; what a quorum stands behind becomes the
 * merged value. Voters are in agent order and keys in byte order, so nothing
 * depends on who answered first.
 */
#include <stdlib.h>
#include <string.h>

#include "consensus/internal.h"

/* So many different words are held against each other. */
#define WORDS_MAX 8

enum vclass { C_BOOL, C_NUM, C_STR, C_ARR, C_OBJ, C_N };

static enum vclass
class_of(const struct sk_jv *v)
{
	switch (v->type) {
	case SK_J_NUM:
		return C_NUM;
	case SK_J_STR:
		return C_STR;
	case SK_J_ARR:
		return C_ARR;
	case SK_J_OBJ:
		return C_OBJ;
	case SK_J_NULL:
	case SK_J_FALSE:
	case SK_J_TRUE:
		break;
	}
	return C_BOOL;
}

void
sk_vv_canon(struct sk_vote *vt, struct sk_vv *v)
{
	struct sk_buf *b = &vt->scratch;

	sk_buf_clear(b);
	if (v->v->type == SK_J_STR) {
		const char *s = v->v->s, *alias;
		size_t n = v->v->n;
		unsigned views = vt->policy->normalise != NULL
		                     ? sk_policy_views(vt->policy, vt->path.p)
		                     : 0;

		sk_trim(&s, &n);
		sk_buf_ch(b, '"');
		if (views != 0)
			sk_norm_text(b, s, n, views);
		else
			sk_buf_add(b, s, n);
		alias = vt->policy->aliases != NULL
		            ? sk_policy_alias(
				  vt->policy, vt->path.p, b->p + 1, b->len - 1)
		            : NULL;
		if (alias != NULL) {
			b->len = 1;
			sk_buf_str(b, alias);
		}
	} else {
		sk_json_canon(b, v->v);
	}
	v->canon = sk_arena_strndup(vt->a, b->p, b->len);
	v->canon_n = b->len;
}

int
sk_vv_cmp(const void *x, const void *y)
{
	const struct sk_vv *a = x, *b = y;
	size_t n = a->canon_n < b->canon_n ? a->canon_n : b->canon_n;
	int c = n != 0 ? memcmp(a->canon, b->canon, n) : 0;

	if (c != 0)
		return c;
	if (a->canon_n != b->canon_n)
		return a->canon_n < b->canon_n ? -1 : 1;
	return (a->voter > b->voter) - (a->voter < b->voter);
}

static bool
same(const struct sk_vv *a, const struct sk_vv *b)
{
	return a->canon_n == b->canon_n &&
	       memcmp(a->canon, b->canon, a->canon_n) == 0;
}

/* ---- weights ---- */

size_t
sk_weight_of(const struct sk_vote *vt, size_t voter)
{
	return vt->weights != NULL ? vt->weights[voter] : 1;
}

size_t
sk_weight(const struct sk_vote *vt, const struct sk_vv *vals, size_t n)
{
	size_t w = 0;

	if (vt->weights == NULL)
		return n;
	for (size_t i = 0; i < n; i++)
		w += vt->weights[vals[i].voter];
	return w;
}

size_t
sk_res_add(struct sk_vote *vt, enum sk_path_kind kind, size_t supplied)
{
	SK_GROW(NULL, vt->res, vt->n_res, vt->cap_res);
	vt->res[vt->n_res] = (struct sk_res){
		.path = sk_arena_strndup(vt->a, vt->path.p, vt->path.len),
		.kind = kind,
		.supplied = supplied,
		.weight_here = vt->weight_here,
	};
	return vt->n_res++;
}

struct sk_dis *
sk_dis_add(struct sk_vote *vt, bool conflict, struct sk_jv *values)
{
	SK_GROW(NULL, vt->dis, vt->n_dis, vt->cap_dis);
	vt->dis[vt->n_dis] = (struct sk_dis){
		.path = sk_arena_strndup(vt->a, vt->path.p, vt->path.len),
		.conflict = conflict,
		.values = values,
	};
	return &vt->dis[vt->n_dis++];
}

/* Where words were made comparable, the form that most of the group wrote, and
 * of equally frequent ones the first in byte order: a real answer. */
static struct sk_jv *
spoken(const struct sk_vv *v, size_t n)
{
	struct sk_jv *best = v[0].v;
	size_t most = 0;

	for (size_t i = 0; i < n; i++) {
		size_t same_form = 0;
		int c;

		for (size_t k = 0; k < n; k++)
			same_form +=
			    v[k].v->type == v[i].v->type &&
			    v[k].v->n == v[i].v->n &&
			    memcmp(v[k].v->s, v[i].v->s, v[i].v->n) == 0;
		c = strcmp(v[i].v->s, best->s);
		if (same_form > most || (same_form == most && c < 0)) {
			best = v[i].v;
			most = same_form;
		}
	}
	return best;
}

/* The agreed form of a value: what was compared, not how one agent wrote it. */
static struct sk_jv *
plain(struct sk_vote *vt, const struct sk_vv *v, size_t n)
{
	struct sk_jv *r = sk_arena_alloc(vt->a, sizeof(*r));

	if (v->v->type == SK_J_STR &&
	    (sk_policy_views(vt->policy, vt->path.p) != 0 ||
		vt->policy->aliases != NULL))
		return spoken(v, n);
	*r = *v->v;
	if (r->type == SK_J_STR) {
		r->s = v->canon + 1;
		r->n = v->canon_n - 1;
	} else if (r->type == SK_J_NUM) {
		r->s = v->canon;
		r->n = v->canon_n;
	}
	return r;
}

/* One node for each name: a verdict names agents over and over. */
static struct sk_jv *
name_node(struct sk_vote *vt, size_t voter)
{
	if (vt->names == NULL)
		vt->names = sk_arena_alloc(
		    vt->a, (vt->n_voters + 1) * sizeof(struct sk_jv *));
	if (vt->names[voter] == NULL)
		vt->names[voter] = sk_jnew_cstr(vt->a, vt->voters[voter].agent);
	return vt->names[voter];
}

struct sk_jv *
sk_agents_of(struct sk_vote *vt, const struct sk_vv *vals, size_t n)
{
	struct sk_jv *r = sk_jnew(vt->a, SK_J_ARR);

	r->a = sk_arena_alloc(vt->a, (n + 1) * sizeof(struct sk_jv *));
	for (size_t i = 0; i < n; i++)
		if (i == 0 || vals[i].voter != vals[i - 1].voter)
			r->a[r->n++] = name_node(vt, vals[i].voter);
	return r;
}

struct sk_jv *
sk_value_agents(
    struct sk_vote *vt, struct sk_jv *value, const struct sk_vv *vals, size_t n)
{
	struct sk_jv *o = sk_jnew(vt->a, SK_J_OBJ);

	sk_jset(vt->a, o, "value", value);
	sk_jset(vt->a, o, "agents", sk_agents_of(vt, vals, n));
	return o;
}

struct group {
	size_t from, n, w;
};

/* Most weight first, then canonical order (= order of position). */
static int
group_cmp(const void *x, const void *y)
{
	const struct group *a = x, *b = y;

	if (a->w != b->w)
		return a->w > b->w ? -1 : 1;
	return (a->from > b->from) - (a->from < b->from);
}

/* Sorts vals and cuts them into groups of equal values; malloc'd. */
static struct group *
groups_of(struct sk_vote *vt, struct sk_vv *vals, size_t n, size_t *ng)
{
	struct group *g = sk_reallocarray(NULL, n + 1, sizeof(*g));

	for (size_t i = 0; i < n; i++)
		if (vals[i].canon == NULL)
			sk_vv_canon(vt, &vals[i]);
	qsort(vals, n, sizeof(*vals), sk_vv_cmp);
	*ng = 0;
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && same(&vals[i], &vals[i - 1]))
			g[*ng - 1].n++;
		else
			g[(*ng)++] = (struct group){ i, 1, 0 };
		g[*ng - 1].w += sk_weight_of(vt, vals[i].voter);
	}
	qsort(g, *ng, sizeof(*g), group_cmp);
	return g;
}

static struct sk_jv *
group_values(struct sk_vote *vt, const struct sk_vv *vals,
    const struct group *g, size_t ng)
{
	struct sk_jv *r = sk_jnew(vt->a, SK_J_ARR);

	r->a = sk_arena_alloc(vt->a, (ng + 1) * sizeof(struct sk_jv *));
	for (size_t i = 0; i < ng; i++)
		r->a[r->n++] =
		    sk_value_agents(vt, plain(vt, &vals[g[i].from], g[i].n),
			&vals[g[i].from], g[i].n);
	return r;
}

struct sk_jv *
sk_vote_values(struct sk_vote *vt, struct sk_vv *vals, size_t n)
{
	size_t ng;
	struct group *g = groups_of(vt, vals, n, &ng);
	struct sk_jv *r = group_values(vt, vals, g, ng);

	free(g);
	return r;
}

/* More than half of the strings are prose. */
static bool
mostly_text(const struct sk_vv *vals, size_t n)
{
	size_t prose = 0;

	for (size_t i = 0; i < n; i++)
		if (vals[i].v->type == SK_J_STR &&
		    sk_has_space(vals[i].v->s, vals[i].v->n))
			prose++;
	return prose * 2 > n;
}

/* Prose that differs: the one nearest to all is taken, and who says much the
 * same is told, largest group first. */
static struct sk_jv *
take_medoid(struct sk_vote *vt, struct sk_res *r, struct sk_vv *vals, size_t n)
{
	size_t *ids = sk_calloc(n, sizeof(*ids)), m;
	size_t *size = sk_calloc(n, sizeof(*size));
	struct sk_vv *in = sk_calloc(n, sizeof(*in));
	struct sk_jv *won;

	m = sk_text_medoid(vals, n, ids);
	won = plain(vt, &vals[m], 1);
	r->clusters = sk_jnew(vt->a, SK_J_ARR);
	r->count = 0;
	for (size_t i = 0; i < n; i++)
		size[ids[i]]++;
	for (;;) {
		size_t best = 0, k = 0;

		for (size_t g = 1; g < n; g++)
			if (size[g] > size[best])
				best = g;
		if (size[best] == 0)
			break;
		for (size_t i = 0; i < n; i++)
			if (ids[i] == best)
				in[k++] = vals[i];
		size[best] = 0;
		sk_jpush(vt->a, r->clusters, sk_agents_of(vt, in, k));
	}
	for (size_t i = 0; i < n; i++)
		r->count += same(&vals[i], &vals[m]);
	free(ids);
	free(size);
	free(in);
	return won;
}

/* Few words that nobody agrees on: the one that least must be changed in to
 * make all others of it. It decides nothing. */
static void
note_medoid(struct sk_vote *vt, struct sk_res *r, const struct sk_vv *vals,
    const struct group *g, size_t ng)
{
	struct sk_vv one[WORDS_MAX];
	size_t w[WORDS_MAX], m;

	if (ng < 3 || ng > WORDS_MAX)
		return;
	for (size_t i = 0; i < ng; i++) {
		one[i] = vals[g[i].from];
		w[i] = g[i].w;
	}
	m = sk_word_medoid(one, w, ng);
	if (m < ng)
		r->medoid = plain(vt, &vals[g[m].from], g[m].n);
}

/* One value must have the quorum, and no other value as many voters. */
static struct sk_jv *
vote_plain(
    struct sk_vote *vt, struct sk_vv *vals, size_t n, enum sk_path_kind kind)
{
	size_t ng, r;
	struct group *g = groups_of(vt, vals, n, &ng);
	bool text = kind == SK_PATH_TEXT ||
	            (kind == SK_PATH_AUTO && mostly_text(vals, n));
	bool enough = sk_weight(vt, vals, n) >= vt->quorum;
	struct sk_jv *won = NULL;
	struct sk_dis *d;

	r = sk_res_add(vt,
	    text                    ? SK_PATH_TEXT
	    : kind == SK_PATH_EXACT ? SK_PATH_EXACT
				    : SK_PATH_SCALAR,
	    n);
	vt->res[r].count = g[0].n;
	vt->res[r].weight = g[0].w;
	vt->res[r].disputed = ng > 1;
	vt->res[r].margin = ng > 1 ? g[0].w - g[1].w : 0;
	if (vt->policy->normalise != NULL || vt->policy->aliases != NULL)
		vt->res[r].normalised =
		    sk_policy_view_words(vt->policy, vt->path.p, vt->a);
	if (text)
		sk_text_check(vt, &vt->res[r], vals, n);
	if (g[0].w >= vt->quorum && (ng == 1 || g[1].w < g[0].w)) {
		won = plain(vt, &vals[g[0].from], g[0].n);
		vt->res[r].agreed = true;
		vt->res[r].value = won;
		vt->res[r].agents = sk_agents_of(vt, &vals[g[0].from], g[0].n);
	} else {
		d = sk_dis_add(vt, enough, group_values(vt, vals, g, ng));
		d->tie = g[0].w >= vt->quorum;
		d->text = text && enough;
		if (d->text)
			won = take_medoid(vt, &vt->res[r], vals, n);
		else if (enough && !text)
			note_medoid(vt, &vt->res[r], vals, g, ng);
	}
	free(g);
	return won;
}

/* Arrays of objects at such a path are findings. */
static bool
union_path(const char *path)
{
	return sk_has_suffix(path, "/findings") ||
	       sk_has_suffix(path, "/issues") || sk_has_suffix(path, "/risks");
}

/* Decided by how many answers hold objects, not by the worst of them. */
static enum sk_path_kind
array_kind(const struct sk_vote *vt, const struct sk_vv *vals, size_t n,
    enum sk_path_kind kind)
{
	size_t objects = 0, others = 0;
	bool any = false;

	for (size_t i = 0; i < n; i++) {
		size_t o = 0;

		for (size_t j = 0; j < vals[i].v->n; j++)
			o += vals[i].v->a[j]->type == SK_J_OBJ;
		any = any || o > 0;
		objects += o > 0 && o == vals[i].v->n;
		others += o < vals[i].v->n;
	}
	if (kind == SK_PATH_UNION || kind == SK_PATH_SET)
		return kind;
	if (kind == SK_PATH_AUTO && union_path(vt->path.p))
		return any || others == 0 ? SK_PATH_UNION : SK_PATH_SET;
	if (kind == SK_PATH_RECORDS)
		return any ? SK_PATH_RECORDS : SK_PATH_SET;
	return objects > others ? SK_PATH_RECORDS : SK_PATH_SET;
}

static struct sk_jv *
vote_array(
    struct sk_vote *vt, struct sk_vv *vals, size_t n, enum sk_path_kind kind)
{
	switch (array_kind(vt, vals, n, kind)) {
	case SK_PATH_UNION:
		return sk_vote_union(vt, vals, n);
	case SK_PATH_RECORDS:
		return sk_vote_records(vt, vals, n);
	default:
		return sk_vote_set(vt, vals, n);
	}
}

/*
 * Values of several types: the type that a quorum uses goes on, the others are
 * listed. Returns how many values stay (in front), 0 when no type wins.
 */
static size_t
vote_type(struct sk_vote *vt, struct sk_vv *vals, size_t n, bool united)
{
	size_t count[C_N] = { 0 }, any[C_N] = { 0 };
	size_t best = 0, keep = 0, lose = 0;
	struct sk_vv *losers;
	bool tie = false;

	for (size_t i = 0; i < n; i++) {
		count[class_of(vals[i].v)] += sk_weight_of(vt, vals[i].voter);
		any[class_of(vals[i].v)]++;
	}
	for (size_t c = 1; c < C_N; c++)
		if (count[c] > count[best])
			best = c;
	for (size_t c = 0; c < C_N; c++)
		tie = tie || (c != best && count[c] == count[best]);
	/* Findings survive whatever else stands at their path. */
	if (united && any[C_ARR] > 0)
		best = C_ARR;
	else if (any[best] == n)
		return n;
	else if (tie || count[best] < vt->quorum)
		return 0;
	losers = sk_calloc(n, sizeof(*losers));
	for (size_t i = 0; i < n; i++) {
		if (class_of(vals[i].v) == best)
			vals[keep++] = vals[i];
		else
			losers[lose++] = vals[i];
	}
	if (lose > 0)
		(void)sk_dis_add(vt, false, sk_vote_values(vt, losers, lose));
	free(losers);
	return keep;
}

struct sk_jv *
sk_vote_at(struct sk_vote *vt, struct sk_vv *vals, size_t n)
{
	enum sk_path_kind kind = sk_policy_kind(vt->policy, vt->path.p);
	bool united = kind == SK_PATH_UNION ||
	              (kind == SK_PATH_AUTO && union_path(vt->path.p));
	bool enough;
	size_t keep;

	if (kind == SK_PATH_IGNORE || n == 0)
		return NULL;
	vt->weight_here = sk_weight(vt, vals, n);
	if (kind == SK_PATH_EXACT)
		return vote_plain(vt, vals, n, kind);
	/* Numbers and texts of numbers are one kind of value here. */
	if (kind == SK_PATH_MEASURE)
		return sk_vote_measure(vt, vals, n);
	/* What too few supply is listed once and not taken apart: nothing in
	 * it can be agreed, and one agent must not fill the verdict. */
	enough = vt->weight_here >= vt->quorum;
	keep = !enough && !united && vt->path.len > 0
	           ? 0
	           : vote_type(vt, vals, n, united);
	if (keep == 0) {
		(void)sk_res_add(vt, SK_PATH_SCALAR, n);
		(void)sk_dis_add(vt, enough, sk_vote_values(vt, vals, n));
		return NULL;
	}
	if (kind == SK_PATH_RANKING && class_of(vals[0].v) == C_ARR)
		return sk_vote_ranking(vt, vals, keep);
	if (class_of(vals[0].v) == C_OBJ)
		return sk_vote_object(vt, vals, keep);
	if (class_of(vals[0].v) == C_ARR)
		return vote_array(vt, vals, keep, kind);
	return vote_plain(vt, vals, keep, kind);
}

struct sk_jv *
sk_vote_all(struct sk_vote *vt)
{
	struct sk_vv *vals = sk_calloc(vt->n_voters + 1, sizeof(*vals));
	struct sk_jv *won = NULL;
	size_t n = 0;

	sk_buf_init(&vt->path, 0);
	sk_buf_init(&vt->scratch, 0);
	for (size_t i = 0; i < vt->n_voters; i++)
		if (vt->voters[i].data != NULL &&
		    vt->voters[i].data->type != SK_J_NULL)
			vals[n++] =
			    (struct sk_vv){ vt->voters[i].data, i, NULL, 0 };
	if (n > 0)
		won = sk_vote_at(vt, vals, n);
	free(vals);
	return won;
}

void
sk_vote_free(struct sk_vote *vt)
{
	sk_buf_free(&vt->path);
	sk_buf_free(&vt->scratch);
	free(vt->res);
	free(vt->dis);
	free(vt->weights);
}
