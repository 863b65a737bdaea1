/* SPDX-License-Identifier: MIT */
/* A settled case is held against everything that could still be answered. */
#include <stdlib.h>

#include "../case.h"
#include "consensus/consensus.h"
#include "tap.h"

static const char *const names[] = { "a", "b", "c", "d", "e" };
static const char *const answers[] = { "{\"k\":1,\"t\":\"x\"}",
	"{\"k\":2,\"t\":\"x\"}", "{\"k\":\"1\",\"t\":\"y\"}",
	"{\"k\":\"some prose here\"}",
	"{\"k\":\"some prose there\",\"t\":\"x\"}", "{\"t\":\"x\"}",
	"{\"k\":[1]}", "no JSON", NULL };
#define NANSWERS 9
#define NAGENTS 5
/* Of agents that report on agreement, a conflict or none. */
static const char *const reports[] = { "{\"k\":1,\"consensus\":{}}",
	"{\"k\":1,\"consensus\":{\"conflicts\":[\"x\"]}}",
	"{\"k\":2,\"consensus\":{\"conflicts\":[],\"agreements\":[\"y\"]}}",
	"{\"k\":2,\"final_plan\":{\"consensus\":{\"conflicts\":[\"x\"]}}}",
	NULL };
#define NREPORTS 5
static const char *const *say = answers;
static size_t nsay = NANSWERS, nfit = 5; /* nfit: the first ones have a /k */

/* One of each shape matters; a broken case is a broken test. */
static struct sk_case
make(struct sk_input *in, size_t n, const size_t *pick,
    const struct sk_policy *p, const struct sk_strv *require,
    const struct sk_strv *expect, const char *quorum)
{
	struct sk_case c = CASE_OF(p, expect, in, n);
	struct sk_err err = { 0 };

	c.require = require;
	if (quorum != NULL)
		if (sk_quorum_parse(quorum, &c.quorum, &err) != 0)
			abort();
	for (size_t i = 0; i < n; i++) {
		const char *t = say[pick[i]];

		in[i] = (struct sk_input){ .agent = names[i],
			.state = t != NULL ? SK_INPUT_OK : SK_INPUT_FAILED,
			.text = t,
			.text_n = t != NULL ? strlen(t) : 0,
			.sha256 = "x" };
	}
	return c;
}

/* The canonical merged value at /k, and the status. */
static enum sk_status
outcome(const struct sk_case *c, struct sk_buf *k)
{
	struct sk_err err = { 0 };
	struct sk_verdict v;
	struct sk_jv *j = NULL;
	enum sk_status st;

	if (sk_verdict_make(c, &v, &err) != 0 ||
	    sk_json_parse(&v.arena, v.json.p, v.json.len, NULL, &j, &err) != 0)
		abort();
	sk_buf_clear(k);
	if (sk_jptr(j, "/merged/k") != NULL)
		sk_json_canon(k, sk_jptr(j, "/merged/k"));
	st = v.status;
	sk_verdict_free(&v);
	return st;
}

/* pick[from..NAGENTS) in every way; false when any of them differs. */
static bool
holds(enum sk_settled is, size_t from, size_t *pick, const struct sk_policy *p,
    const struct sk_strv *require, const struct sk_strv *expect,
    const char *quorum, struct sk_buf *first)
{
	struct sk_input in[NAGENTS];
	struct sk_buf k;
	bool ok = true;

	if (from < NAGENTS) {
		for (size_t i = 0; ok && i < nsay; i++) {
			pick[from] = i;
			ok = holds(is, from + 1, pick, p, require, expect,
			    quorum, first);
		}
		return ok;
	}
	sk_buf_init(&k, 0);
	{
		struct sk_case c =
		    make(in, NAGENTS, pick, p, require, expect, quorum);
		enum sk_status st = outcome(&c, &k);

		if (is == SK_SETTLED_SPLIT)
			ok = st == SK_ST_CONFLICT || st == SK_ST_UNKNOWN;
		else
			ok = st <= SK_ST_DEGRADED &&
			     (first->len == 0 || strcmp(first->p, k.p) == 0);
	}
	if (first->len == 0)
		sk_buf_add(first, k.p, k.len);
	sk_buf_free(&k);
	return ok;
}

/* The others were stopped: the verdict says what it would say of every case in
 * which they answer with a /k, in any order of the records; where the rest does
 * not decide it, they are missing like any other. */
static bool
spared(const struct sk_case *c, struct sk_input *in, size_t n, size_t *pick)
{
	enum sk_settled is = sk_verdict_settled(c);
	struct sk_case all = *c, back = *c;
	struct sk_input rev[NAGENTS];
	struct sk_verdict v, w;
	struct sk_err err = { 0 };
	struct sk_buf k;
	bool ok;

	all.n_inputs = back.n_inputs = NAGENTS;
	back.inputs = rev;
	for (size_t i = n; i < NAGENTS; i++)
		in[i] = (struct sk_input){ .agent = names[i],
			.state = SK_INPUT_FAILED,
			.note = SK_NOTE_NOT_NEEDED };
	for (size_t i = 0; i < NAGENTS; i++)
		rev[NAGENTS - 1 - i] = in[i];
	if (sk_verdict_make(&all, &v, &err) != 0 ||
	    sk_verdict_make(&back, &w, &err) != 0)
		abort();
	ok = strcmp(v.json.p, w.json.p) == 0;
	if (is == SK_SETTLED_NO)
		ok = ok && v.status >= SK_ST_DEGRADED &&
		     strstr(v.json.p, "\"missing_agents\":[]") == NULL;
	sk_buf_init(&k, 0);
	for (size_t x = 0; ok && is != SK_SETTLED_NO && x < nfit * nfit; x++) {
		struct sk_input full[NAGENTS];
		struct sk_case f;

		for (size_t i = n, y = x; i < NAGENTS; i++, y /= nfit)
			pick[i] = y % nfit;
		f = make(full, NAGENTS, pick, c->policy, c->require, c->expect,
		    NULL);
		f.quorum = c->quorum;
		ok = outcome(&f, &k) == v.status;
	}
	sk_buf_free(&k);
	sk_verdict_free(&v);
	sk_verdict_free(&w);
	return ok;
}

/* Every case of n answers; how many are settled in each way. */
static void
sweep(size_t n, const char *quorum, size_t seen[4])
{
	struct sk_strv require = { 0 }, expect = { 0 };
	struct sk_input in[NAGENTS];
	size_t pick[NAGENTS] = { 0 }, all = 1, wrong = 0, amiss = 0;
	struct sk_policy p = { .name = NULL };

	sk_strv_add(&require, "/k");
	for (size_t i = 0; i < NAGENTS; i++)
		sk_strv_add(&expect, names[i]);
	for (size_t i = 0; i < n; i++)
		all *= nsay;
	for (size_t x = 0; x < all; x++) {
		struct sk_buf first;
		enum sk_settled is;
		struct sk_case c;

		for (size_t i = 0, y = x; i < n; i++, y /= nsay)
			pick[i] = y % nsay;
		c = make(in, n, pick, &p, &require, &expect, quorum);
		is = sk_verdict_settled(&c);
		seen[is]++;
		amiss += !spared(&c, in, n, pick);
		if (is == SK_SETTLED_NO || is == SK_SETTLED_ALL)
			continue;
		sk_buf_init(&first, 0);
		wrong +=
		    !holds(is, n, pick, &p, &require, &expect, quorum, &first);
		sk_buf_free(&first);
	}
	CHECKF(wrong == 0, "%zu of %zu answers, quorum %s: %zu proofs fail", n,
	    (size_t)NAGENTS, quorum, wrong);
	CHECKF(amiss == 0, "%zu of %zu, the others stopped: %zu differ", n,
	    (size_t)NAGENTS, amiss);
	sk_strv_free(&require);
	sk_strv_free(&expect);
}

int
main(void)
{
	size_t seen[4] = { 0 };

	sweep(2, "2", seen);
	sweep(3, "3", seen);
	sweep(3, "2", seen);
	sweep(4, "4", seen);
	CHECKF(seen[SK_SETTLED_NO] > 0, "some are open");
	CHECKF(seen[SK_SETTLED_AGREED] > 0, "some are agreed");
	CHECKF(seen[SK_SETTLED_SPLIT] > 0, "some are split");
	CHECKF(seen[SK_SETTLED_ALL] == 0, "somebody is always outstanding");
	/* One report is enough, so nothing is agreed before everybody has
	 * spoken; what is split stays split. */
	memset(seen, 0, sizeof(seen));
	say = reports;
	nsay = NREPORTS;
	nfit = 4;
	sweep(1, "2", seen);
	sweep(2, "2", seen);
	sweep(3, "2", seen);
	sweep(4, "3", seen);
	CHECKF(seen[SK_SETTLED_AGREED] == 0, "none is agreed");
	CHECKF(seen[SK_SETTLED_SPLIT] > 0, "some are split");
	CHECKF(seen[SK_SETTLED_NO] > 0, "some are open");
	return tap_done();
}
