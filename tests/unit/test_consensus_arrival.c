/* SPDX-License-Identifier: MIT */
/*
 * Order-proof, through the store: the same answers taken in in many orders,
 * with copies of them, other attempts and agents that come after the first
 * decision. In the end each run has the same verdict, to the byte.
 */
#include <stdio.h>
#include <unistd.h>

#include "../rnd.h"
#include "consensus/consensus.h"
#include "store_help.h"

#define AGENTS 8

/* One record; content by stage and agent alone, but of a late attempt. */
static void
put(struct sk_buf *b, int number, int stage, int agent, int attempt, bool other)
{
	sk_buf_printf(b,
	    "{\"schema\":\"sk.answer/1\",\"run\":\"run%d\",\"spec\":\"S\","
	    "\"stage\":\"plan\",\"agent\":\"a%d\",\"attempt\":%d,\"content\":"
	    "\"{\\\"k\\\":%d,\\\"list\\\":[%d,%d],\\\"text\\\":\\\"it is "
	    "number %d\\\"}\"}\n",
	    number, agent, attempt,
	    other ? 99 : (stage * 7 + agent * agent) % 3, stage % 4,
	    agent % 3 + 4, (stage + agent) % 2);
}

static int
take_in(struct sk_buf *b)
{
	struct sk_intake in = { .db = db };
	int rc, fd = sk_memfd(b->p, b->len, &err);

	rc = sk_intake_fd(&in, fd, &err);
	sk_intake_free(&in);
	(void)close(fd);
	sk_buf_clear(b);
	return rc;
}

/* The pure part of the newest verdict of a run, decided anew. */
static int
decide(int number, const struct sk_strv *expect, char sha[SK_SHA256_LEN])
{
	struct sk_policy p = { .line_window = 3 };
	struct sk_decide_opts o = {
		.policy = &p, .expect = *expect, .no_evidence = true
	};
	struct sk_group g = {
		.spec = "S", .stage = "plan", .round = 1, .ended = true
	};
	struct sk_drivers drivers = { 0 };
	struct sk_decision *d;
	struct sk_run r;
	struct sk_buf b;
	char status[16];
	bool found;
	size_t n;
	int rc;

	sk_buf_init(&b, 0);
	(void)snprintf(g.run, sizeof(g.run), "run%d", number);
	rc = sk_run_get(db, g.run, &r, &found, &arena, &err);
	if (rc == 0) {
		memcpy(g.branch, r.branch, sizeof(g.branch));
		rc = sk_decide_group(db, &drivers, &o, &g, &b, status, &err);
	}
	if (rc == 0)
		rc = sk_decision_list(
		    db, g.run, g.branch, NULL, NULL, 1, &d, &n, &arena, &err);
	if (rc == 0)
		sk_sha256(d->verdict, strlen(d->verdict), sha);
	sk_drivers_end(&drivers);
	sk_buf_free(&b);
	return rc;
}

/* A run whose answers come in some order; its last verdict. */
static int
one_run(int number, int stage, const struct sk_strv *expect,
    char sha[SK_SHA256_LEN])
{
	int order[AGENTS], rc = 0, late = 1 + (int)rnd(AGENTS);
	struct sk_buf b;

	for (int i = 0; i < AGENTS; i++) {
		int to = (int)rnd((uint32_t)i + 1);

		order[i] = order[to];
		order[to] = i;
	}
	sk_buf_init(&b, 0);
	for (int i = 0; rc == 0 && i < AGENTS; i++) {
		put(&b, number, stage, order[i], 1, false);
		/* The same once more, another attempt with the same and one
		 * with another text; of this agent or one before. */
		if (rnd(3) == 0)
			put(&b, number, stage, order[rnd((uint32_t)i + 1)], 1,
			    false);
		if (rnd(3) == 0)
			put(&b, number, stage, order[rnd((uint32_t)i + 1)], 2,
			    false);
		if (rnd(3) == 0)
			put(&b, number, stage, order[rnd((uint32_t)i + 1)], 3,
			    true);
		if (i + 1 == late) {
			rc = take_in(&b);
			if (rc == 0)
				rc = decide(number, expect, sha);
		}
	}
	if (rc == 0 && b.len > 0)
		rc = take_in(&b);
	if (rc == 0)
		rc = decide(number, expect, sha);
	sk_buf_free(&b);
	return rc;
}

int
main(void)
{
	const char *more = getenv("SK_ORDER_RANDOM");
	int stages = more != NULL ? 200 : 12, orders = more != NULL ? 40 : 6;
	char want[SK_SHA256_LEN], sha[SK_SHA256_LEN];
	struct sk_strv expect = { 0 };
	int runs = 0, wrong = 0, rc = 0;

	begin_tests("test_consensus_arrival");
	db = open_db("arrival.db");
	for (int i = 0; i < AGENTS; i++)
		sk_strv_add(&expect, (char[]){ 'a', (char)('0' + i), '\0' });
	for (int s = 0; rc == 0 && s < stages; s++) {
		rc = one_run(runs++, s, &expect, want);
		for (int i = 1; rc == 0 && i < orders; i++) {
			rc = one_run(runs++, s, &expect, sha);
			wrong += strcmp(sha, want) != 0;
		}
	}
	CHECKF(rc == 0, "%d runs: %s", runs, err.message);
	CHECKF(wrong == 0, "%d verdicts of %d differ", wrong, runs);
	CHECK(number("arrival.db",
		  "SELECT count(DISTINCT kind) FROM journal WHERE kind IN"
		  "('late','duplicate','divergent','intake')") == 4);
	sk_strv_free(&expect);
	sk_db_close(db);
	return end_tests();
}
