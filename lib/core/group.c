/* SPDX-License-Identifier: MIT */
/* Equal strings among many, found in a time that grows with their number. */
#include <stdlib.h>
#include <string.h>

#include "core/core.h"

static bool
same(const struct sk_slice *a, const struct sk_slice *b)
{
	return a->n == b->n && (a->n == 0 || memcmp(a->p, b->p, a->n) == 0);
}

static uint64_t
hash(const struct sk_slice *s)
{
	uint64_t h = 14695981039346656037u;

	for (size_t i = 0; i < s->n; i++)
		h = (h ^ (unsigned char)s->p[i]) * 1099511628211u;
	return h ^ (h >> 29);
}

static int
slice_cmp(const void *x, const void *y)
{
	const struct sk_slice *a = *(const struct sk_slice *const *)x;
	const struct sk_slice *b = *(const struct sk_slice *const *)y;
	int c;

	if (a->n != b->n)
		return a->n < b->n ? -1 : 1;
	c = a->n != 0 ? memcmp(a->p, b->p, a->n) : 0;
	return c != 0 ? c : (a > b) - (a < b);
}

/* By sorting: for strings that somebody made so that their hashes collide. */
static size_t
group_sorted(const struct sk_slice *v, size_t n, uint32_t *id)
{
	const struct sk_slice **at =
	    sk_reallocarray(NULL, n, sizeof(const struct sk_slice *));
	uint32_t first = 0, ids = 0;

	for (size_t i = 0; i < n; i++)
		at[i] = &v[i];
	qsort(at, n, sizeof(const struct sk_slice *), slice_cmp);
	/* Each one gets the place of the first of its kind … */
	for (size_t i = 0; i < n; i++) {
		if (i == 0 || !same(at[i], at[i - 1]))
			first = (uint32_t)(at[i] - v);
		id[at[i] - v] = first;
	}
	/* … and then that one's number, which is given by then. */
	for (uint32_t i = 0; i < n; i++)
		id[i] = id[i] == i ? ids++ : id[id[i]];
	free(at);
	return ids;
}

size_t
sk_group(const struct sk_slice *v, size_t n, uint32_t *id)
{
	size_t cap = 16, left = 8 * n + 64;
	uint32_t *slot, *first, ids = 0;

	if (n > UINT32_MAX / 4)
		sk_bug("%zu strings are too many", n);
	while (cap < 2 * n)
		cap *= 2;
	/* A slot holds a number + 1; first says where that number began. */
	slot = sk_calloc(cap, sizeof(*slot));
	first = sk_reallocarray(NULL, n + 1, sizeof(*first));
	for (size_t i = 0; i < n && left > 0; i++) {
		size_t h = (size_t)hash(&v[i]) & (cap - 1);

		while (slot[h] != 0 && !same(&v[first[slot[h] - 1]], &v[i]) &&
		       left > 0) {
			h = (h + 1) & (cap - 1);
			left--;
		}
		if (slot[h] == 0) {
			first[ids] = (uint32_t)i;
			slot[h] = ++ids;
		}
		id[i] = slot[h] - 1;
	}
	free(slot);
	free(first);
	return left > 0 ? ids : group_sorted(v, n, id);
}
