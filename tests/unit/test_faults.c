/* SPDX-License-Identifier: MIT */
/* Plans of faults: whatever is written, reading it ends, and what was read is
 * written so that it reads the same. */
#include <stdlib.h>

#include "faults/plan.h"
#include "tap.h"

static uint64_t state = 88172645463325252u;

static uint64_t
next_random(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static const char *const pieces[] = { "agent_timeout", "429", "rate_limit",
	"store.ack.checked", "malloc", "write", "@b", "@*/plan", "@", "/", ":",
	":2", "=", "=30", "=now+3s", "=2030-01-01T00:00:00Z", "=mid", "=kill9",
	"=errno:EIO", ":sleep=8ms", "#", "#2", "#2-9", "#4+", "%", "%5/seed1",
	"%1/60/seed7", ",", ";", " ", "-", "+", "99999999999999999999", "\xff",
	"=torn", "disconnect", "http=503", "kill=fsync", "db_busy", "\n" };

static void
random_plan(struct sk_buf *b)
{
	sk_buf_clear(b);
	for (uint64_t n = next_random() % 9; n > 0; n--)
		sk_buf_str(b, pieces[next_random() % SK_ARRAY_SIZE(pieces)]);
}

static void
round_trips(void)
{
	struct sk_fault_plan *a = sk_malloc(sizeof(*a));
	struct sk_fault_plan *c = sk_malloc(sizeof(*c));
	size_t good = 0, bad = 0, lost = 0, silent = 0;
	struct sk_err err = { 0 };
	struct sk_buf in, one, two;

	sk_buf_init(&in, 0);
	sk_buf_init(&one, 0);
	sk_buf_init(&two, 0);
	for (int i = 0; i < 40000; i++) {
		random_plan(&in);
		a->n = c->n = 0;
		if (sk_fault_parse(a, in.p, NULL, &err) != 0) {
			bad++;
			silent +=
			    err.exit != SK_USAGE || err.message[0] == '\0';
			sk_err_clear(&err);
			continue;
		}
		good += a->n > 0;
		sk_buf_clear(&one);
		sk_buf_clear(&two);
		sk_fault_plan_text(&one, a);
		if (sk_fault_parse(c, one.p, NULL, &err) != 0)
			lost++;
		sk_err_clear(&err);
		sk_fault_plan_text(&two, c);
		lost += strcmp(one.p, two.p) != 0;
		for (size_t k = 0; k < a->n; k++)
			sk_fault_explain(&two, &a->v[k]);
	}
	CHECKF(good > 1000 && bad > 1000, "%zu plans, %zu refused", good, bad);
	CHECK(lost == 0);
	CHECK(silent == 0);
	sk_buf_free(&in);
	sk_buf_free(&one);
	sk_buf_free(&two);
	free(a);
	free(c);
}

static void
hints(void)
{
	static const struct {
		const char *s;
		int64_t want; /* -1 = none */
	} cases[] = { { "30", 30000 }, { "0", 0 }, { "now+30s", 30000 },
		{ "now+30", 30000 }, { "1970-01-01T00:01:00Z", 50000 },
		{ "1970-01-01T01:01:00+01:00", 50000 },
		{ "1970-01-01T00:00:00Z", 0 }, { "", -1 }, { "now", -1 },
		{ "now+", -1 }, { "now+x", -1 }, { "now+3sx", -1 },
		{ "-1", -1 }, { "soon", -1 }, { "99999999999999999999", -1 } };

	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		int64_t ms = -1;

		if (!sk_fault_reset(cases[i].s, 10000, &ms))
			ms = -1;
		CHECKF(ms == cases[i].want, "hint '%s'", cases[i].s);
	}
}

static void
times(void)
{
	struct sk_fault_plan p = { .n = 0 };
	struct sk_err err = { 0 };
	size_t share = 0;

	CHECK(sk_fault_parse(&p,
		  "disconnect:2,disconnect#3,disconnect#5+,"
		  "disconnect%1/4/seed9",
		  NULL, &err) == 0);
	CHECK(sk_fault_due(&p.v[0], 0, 7) && sk_fault_due(&p.v[0], 1, 8) &&
	      !sk_fault_due(&p.v[0], 2, 1));
	CHECK(!sk_fault_due(&p.v[1], 0, 2) && sk_fault_due(&p.v[1], 9, 3) &&
	      !sk_fault_due(&p.v[1], 0, 4));
	CHECK(!sk_fault_due(&p.v[2], 0, 4) && sk_fault_due(&p.v[2], 0, 5) &&
	      sk_fault_due(&p.v[2], 0, UINT64_MAX >> 1));
	for (uint64_t i = 1; i <= 10000; i++)
		share += sk_fault_due(&p.v[3], 0, i);
	CHECKF(
	    share > 2300 && share < 2700, "%zu of 10000 are a quarter", share);
}

int
main(void)
{
	round_trips();
	hints();
	times();
	return tap_done();
}
