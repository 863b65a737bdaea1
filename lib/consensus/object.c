/* SPDX-License-Identifier: MIT */
/*
 * Objects: the values of all voters at each key are voted on by themselves. The
 * keys are put together in a time that grows with their number, however many
 * agents there are, and then go in byte order.
 */
#include <stdlib.h>
#include <string.h>

#include "consensus/internal.h"

/* One key, and where its values stand. */
struct member {
	struct sk_slice key;
	size_t from, n;
};

static int
member_cmp(const void *x, const void *y)
{
	const struct sk_slice *a = &((const struct member *)x)->key;
	const struct sk_slice *b = &((const struct member *)y)->key;
	size_t n = a->n < b->n ? a->n : b->n;
	int c = n != 0 ? memcmp(a->p, b->p, n) : 0;

	return c != 0 ? c : (a->n > b->n) - (a->n < b->n);
}

/* Members that say something: null is nothing said. */
static size_t
flatten(const struct sk_vv *vals, size_t n, struct sk_slice *keys,
    struct sk_vv *flat)
{
	size_t total = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < vals[i].v->n; j++) {
			const struct sk_jm *m = &vals[i].v->m[j];

			if (m->v->type == SK_J_NULL)
				continue;
			keys[total] = (struct sk_slice){ m->key, m->klen };
			flat[total++] =
			    (struct sk_vv){ .v = m->v, .voter = vals[i].voter };
		}
	return total;
}

/* The keys in order; *out = all values, those of one key together and in the
 * order of the voters. */
static struct member *
members_of(
    const struct sk_vv *vals, size_t n, struct sk_vv **out, size_t *n_keys)
{
	struct sk_slice *keys;
	struct sk_vv *flat;
	struct member *m;
	uint32_t *id;
	size_t k = 0, total;

	for (size_t i = 0; i < n; i++)
		k += vals[i].v->n;
	keys = sk_calloc(k + 1, sizeof(*keys));
	flat = sk_calloc(k + 1, sizeof(*flat));
	id = sk_calloc(k + 1, sizeof(*id));
	total = flatten(vals, n, keys, flat);
	*n_keys = sk_group(keys, total, id);
	m = sk_calloc(*n_keys + 1, sizeof(*m));
	for (size_t i = 0; i < total; i++) {
		m[id[i]].key = keys[i];
		m[id[i]].n++;
	}
	for (size_t i = 1; i < *n_keys; i++)
		m[i].from = m[i - 1].from + m[i - 1].n;
	*out = sk_calloc(total + 1, sizeof(**out));
	for (size_t i = 0; i < total; i++)
		(*out)[m[id[i]].from++] = flat[i];
	for (size_t i = 0; i < *n_keys; i++)
		m[i].from -= m[i].n;
	if (*n_keys > 1)
		qsort(m, *n_keys, sizeof(*m), member_cmp);
	free(keys);
	free(flat);
	free(id);
	return m;
}

struct sk_jv *
sk_vote_object(struct sk_vote *vt, const struct sk_vv *vals, size_t n)
{
	size_t keys, len = vt->path.len, first = vt->n_res, r;
	struct sk_vv *all;
	struct member *m = members_of(vals, n, &all, &keys);
	struct sk_jv *o = sk_jnew(vt->a, SK_J_OBJ), *won;
	size_t here = vt->weight_here;
	bool enough = sk_weight(vt, vals, n) >= vt->quorum;
	bool agreed = keys == 0 && len != 0 && enough;

	o->m = sk_arena_alloc(vt->a, (keys + 1) * sizeof(*o->m));
	for (size_t i = 0; i < keys; i++) {
		sk_jptr_add(&vt->path, m[i].key.p, m[i].key.n);
		won = sk_vote_at(vt, &all[m[i].from], m[i].n);
		vt->path.len = len;
		vt->path.p[len] = '\0';
		if (won != NULL)
			o->m[o->n++] =
			    (struct sk_jm){ m[i].key.p, m[i].key.n, won };
	}
	for (size_t i = first; i < vt->n_res; i++)
		agreed = agreed || vt->res[i].agreed;
	vt->weight_here = here;
	r = sk_res_add(vt, SK_PATH_OBJECT, n);
	vt->res[r].count = n;
	vt->res[r].agreed = agreed && enough;
	free(m);
	free(all);
	return o->n > 0 || enough ? o : NULL;
}
