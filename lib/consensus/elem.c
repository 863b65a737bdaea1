/* SPDX-License-Identifier: MIT */
/* Elements of arrays, compared. */
#include <string.h>

#include "consensus/elem.h"

int
sk_elem_cmp(const void *x, const void *y)
{
	const struct sk_elem *a = x, *b = y;
	int c = sk_vv_cmp(&a->vv, &b->vv);

	return c != 0 ? c : (a->pos > b->pos) - (a->pos < b->pos);
}

bool
sk_elem_same(const struct sk_elem *a, const struct sk_elem *b)
{
	return a->vv.canon_n == b->vv.canon_n &&
	       memcmp(a->vv.canon, b->vv.canon, a->vv.canon_n) == 0;
}
