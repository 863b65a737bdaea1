/* SPDX-License-Identifier: MIT */
/*
 * Order-proof: for stages of every kind, each permutation of up to six answers
 * and many random ones of more gives a byte-identical verdict, with repeated
 * answers mixed in.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../case.h"
#include "../rnd.h"
#include "consensus/consensus.h"
#include "tap.h"

#define AGENTS 32
#define STAGES 200

/* One agent's answer to stage s: scalars, sets, records, findings, prose,
 * measurements and rankings that agree here and there. */
static void
answer(struct sk_buf *b, int s)
{
	static const char *const words[] = { "fast", "slow", "safe", "not safe",
		"Fast" };

	if (rnd(12) == 0) {
		sk_buf_printf(b, "only prose, %u", rnd(3));
		return;
	}
	sk_buf_printf(
	    b, "Here it is: {\"n\":%u,\"w\":\"%s\",", rnd(3), words[rnd(5)]);
	sk_buf_printf(
	    b, "\"set\":[%u,%u,\"%s\"],", rnd(4), 4 + rnd(4), words[rnd(5)]);
	sk_buf_str(b, "\"recs\":[");
	for (uint32_t i = 0, n = rnd(4); i <= n; i++)
		sk_buf_printf(b, "%s{\"id\":\"r%u\",\"v\":%u}",
		    i > 0 ? "," : "", rnd(2) != 0 ? i : i + 3, rnd(2));
	sk_buf_str(b, "],\"findings\":[");
	for (uint32_t i = 0, n = rnd(3); i <= n; i++)
		sk_buf_printf(b,
		    "%s{\"file\":\"f%u\",\"line\":%u,\"message\":\"%s thing "
		    "breaks\",\"severity\":\"%s\"}",
		    i > 0 ? "," : "", rnd(2), 10 + rnd(8), words[rnd(3)],
		    rnd(2) != 0 ? "high" : "low");
	sk_buf_printf(b, "],\"text\":\"it is %s for %u users\",", words[rnd(5)],
	    10 * rnd(3));
	sk_buf_printf(b, "\"ms\":%u.%u,", 100 + rnd(4), rnd(10));
	sk_buf_printf(b, "\"rank\":[\"%c\",\"%c\",\"z\"]", (int)('p' + rnd(3)),
	    (int)('s' + rnd(3)));
	/* Records without a key are dear, and in few stages. */
	if (s % 8 == 0)
		sk_buf_printf(b,
		    ",\"steps\":[{\"do\":\"make it %s and small\",\"n\":1},"
		    "{\"do\":\"try it on %u people and ask them\",\"n\":1}]",
		    words[rnd(5)], rnd(3));
	if (rnd(15) == 0)
		sk_buf_str(b, ",\"consensus\":{\"conflicts\":[\"no\"]}");
	sk_buf_printf(b, ",\"stage_no\":%d} as asked.", s);
}

static const char policy[] =
    "{\"kinds\":{\"/ms\":\"measure\",\"/rank\":\"ranking\"},"
    "\"tolerance\":{\"/ms\":\"2%\"},\"normalise\":{\"/w\":\"case\"},"
    "\"weights\":{\"a3\":2},\"quorum\":\"2/3\"}";

struct stage {
	char name[AGENTS][24];
	struct sk_buf text[AGENTS];
	char sha[AGENTS][SK_SHA256_LEN];
	struct sk_strv expect;
	size_t n;
};

/* The verdict's hash for one order; every third answer comes twice. */
static void
judge(const struct stage *s, const size_t *order, const struct sk_policy *p,
    char out[SK_SHA256_LEN])
{
	struct sk_input in[2 * AGENTS];
	struct sk_err err = { 0 };
	struct sk_verdict v;
	struct sk_case c = CASE_OF(p, &s->expect, in, 0);

	c.quorum = p->quorum;
	for (size_t i = 0; i < s->n; i++) {
		size_t k = order[i];

		in[c.n_inputs++] = (struct sk_input){ .agent = s->name[k],
			.text = s->text[k].p,
			.text_n = s->text[k].len,
			.sha256 = s->sha[k] };
		if (k % 3 == 0) {
			in[c.n_inputs] = in[c.n_inputs - 1];
			c.n_inputs++;
		}
	}
	if (sk_verdict_make(&c, &v, &err) != 0)
		abort();
	sk_sha256(v.json.p, v.json.len, out);
	sk_verdict_free(&v);
}

static void
swap(size_t *x, size_t *y)
{
	size_t t = *x;

	*x = *y;
	*y = t;
}

/* Heap's algorithm. */
static void
permute(const struct stage *s, size_t *order, size_t k,
    const struct sk_policy *p, const char *want, size_t *tried, size_t *wrong)
{
	char sha[SK_SHA256_LEN];

	if (k <= 1) {
		judge(s, order, p, sha);
		++*tried;
		*wrong += strcmp(sha, want) != 0;
		return;
	}
	for (size_t i = 0; i < k; i++) {
		permute(s, order, k - 1, p, want, tried, wrong);
		swap(&order[k % 2 != 0 ? 0 : i], &order[k - 1]);
	}
}

static void
make_stage(struct stage *s, size_t n, int number)
{
	memset(s, 0, sizeof(*s));
	s->n = n;
	for (size_t i = 0; i < n; i++) {
		(void)snprintf(s->name[i], sizeof(s->name[i]), "a%zu", i);
		sk_strv_add(&s->expect, s->name[i]);
		sk_buf_init(&s->text[i], 0);
		answer(&s->text[i], number);
		sk_sha256(s->text[i].p, s->text[i].len, s->sha[i]);
	}
}

static void
free_stage(struct stage *s)
{
	for (size_t i = 0; i < s->n; i++)
		sk_buf_free(&s->text[i]);
	sk_strv_free(&s->expect);
}

int
main(void)
{
	const char *more = getenv("SK_ORDER_RANDOM");
	size_t tried = 0, wrong = 0, order[AGENTS];
	int64_t randoms = 2;
	struct sk_arena a = { 0 };
	struct sk_err err = { 0 };
	struct sk_jv *tree = NULL;
	char want[SK_SHA256_LEN], sha[SK_SHA256_LEN];
	struct sk_policy p;
	struct stage s;

	if (more != NULL)
		(void)sk_parse_int(more, 1, 100000, &randoms);
	CHECK_INT(
	    sk_json_parse(&a, policy, strlen(policy), NULL, &tree, &err), 0);
	CHECK_INT(sk_policy_from_json(&p, tree, &err), 0);
	for (int k = 0; k < STAGES; k++) {
		/* Most are small enough for every order; the six are dear. */
		size_t n = k % 50 == 49 ? 6 : k % 10 == 9 ? 5 : 3 + rnd(2);

		make_stage(&s, n, k);
		for (size_t i = 0; i < n; i++)
			order[i] = i;
		judge(&s, order, &p, want);
		permute(&s, order, n, &p, want, &tried, &wrong);
		free_stage(&s);
		make_stage(&s, 7 + rnd(AGENTS - 6), k);
		for (size_t i = 0; i < s.n; i++)
			order[i] = i;
		judge(&s, order, &p, want);
		for (int64_t x = 0; x < randoms; x++) {
			for (size_t i = s.n; i > 1; i--)
				swap(&order[i - 1], &order[rnd((uint32_t)i)]);
			judge(&s, order, &p, sha);
			tried++;
			wrong += strcmp(sha, want) != 0;
		}
		free_stage(&s);
	}
	CHECKF(wrong == 0, "%zu orders of %d stages, %zu verdicts differ",
	    tried, 2 * STAGES, wrong);
	CHECKF(tried > 5000, "%zu orders were tried", tried);
	sk_policy_free(&p);
	sk_arena_free(&a);
	return tap_done();
}
