/* SPDX-License-Identifier: MIT */
/*
 * Is a case decided before everybody has answered? Only what can be proven
 * counts: a path is settled when one value has the quorum and more voters than
 * all other values and all outstanding agents together, and it is split when no
 * value can reach the quorum any more. That the outstanding agents answer as
 * the others do is taken for granted in one respect: where no answer has an
 * object "consensus", none of them is expected to report a conflict in one.
 */
#include <stdlib.h>
#include <string.h>

#include "consensus/judge.h"

/* One required path: the largest group of equal values. */
struct tally {
	size_t best, all;
	bool plain; /* every value is a scalar that is compared as it is */
};

static void
count_path(struct sk_judge *j, const char *path, struct tally *t)
{
	struct sk_vv *vals = sk_calloc(j->n_voters + 1, sizeof(*vals));
	size_t n = 0, run = 0;

	*t = (struct tally){ .plain = true };
	for (size_t i = 0; i < j->n_voters; i++) {
		struct sk_jv *v = sk_jptr(j->voters[i].data, path);

		if (v == NULL || v->type == SK_J_NULL)
			continue;
		if (v->type == SK_J_ARR || v->type == SK_J_OBJ)
			t->plain = false;
		vals[n] = (struct sk_vv){ .v = v, .voter = i };
		sk_vv_canon(&j->vt, &vals[n++]);
	}
	if (n > 1)
		qsort(vals, n, sizeof(*vals), sk_vv_cmp);
	for (size_t i = 0; i < n; i++) {
		run = i > 0 && vals[i].canon_n == vals[i - 1].canon_n &&
		              memcmp(vals[i].canon, vals[i - 1].canon,
				  vals[i].canon_n) == 0
		          ? run + 1
		          : 1;
		t->best = run > t->best ? run : t->best;
	}
	t->all = n;
	free(vals);
}

static enum sk_settled
settle(struct sk_judge *j)
{
	size_t open = j->expected.n, claims = 0;
	bool agreed = true, reports = false;

	for (size_t i = 0; i < j->expected.n; i++) {
		const struct sk_input *in = sk_judge_input(j, j->expected.v[i]);

		if (in != NULL && !sk_input_spared(in))
			open--;
	}
	for (size_t i = 0; i < j->n_voters; i++) {
		claims += sk_jlen(j->voters[i].claims_c);
		reports |= j->voters[i].claims_c != NULL;
	}
	if (open == 0)
		return SK_SETTLED_ALL;
	if (claims > 0)
		return SK_SETTLED_SPLIT;
	/* Only votes that count one each, of values as they are, are proven. */
	if (j->c->policy->weights != NULL || j->c->policy->normalise != NULL ||
	    j->c->policy->aliases != NULL || j->c->policy->kinds != NULL ||
	    j->c->policy->members.n > 0)
		return SK_SETTLED_NO;
	sk_judge_vote(j);
	/* Without rules of the user more answers may make more paths count. */
	if (j->c->require == NULL && !j->c->policy->has_require)
		return SK_SETTLED_NO;
	for (size_t i = 0; i < j->required.n; i++) {
		struct tally t;

		count_path(j, j->required.v[i], &t);
		if (t.best + open < j->quorum && t.plain)
			return SK_SETTLED_SPLIT;
		agreed = agreed && t.plain && t.best >= j->quorum &&
		         t.best > t.all - t.best + open;
	}
	/* Agents that were asked to say what they see of agreement may yet
	 * report a conflict, and one report is enough. */
	return agreed && !reports && j->required.n > 0 &&
	               (int64_t)j->n_voters >= j->c->min
	           ? SK_SETTLED_AGREED
	           : SK_SETTLED_NO;
}

enum sk_settled
sk_verdict_settled(const struct sk_case *c)
{
	enum sk_settled is;
	struct sk_verdict v;
	struct sk_judge j;

	sk_judge_open(&j, c, &v);
	is = settle(&j);
	sk_judge_close(&j);
	sk_verdict_free(&v);
	return is;
}
