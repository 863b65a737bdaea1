/* SPDX-License-Identifier: MIT */
/* The phases of a driver in the database: every pair of phase and event is
 * taken with one event in the history, or refused and nothing is changed. */
#include <stdio.h>
#include <string.h>

#include "pipeline/phase.h"
#include "pipeline/step.h"
#include "store_help.h"

static struct sk_auto a;

struct seen {
	char last[64];
	int n;
};

static void
look(void *arg, const struct sk_event_row *e)
{
	struct seen *all = arg;

	if (strcmp(e->kind, "phase") != 0)
		return;
	all->n++;
	(void)snprintf(all->last, sizeof(all->last), "%s", e->key);
}

/* How many events of phases there are, and the newest. */
static int
events(char last[64])
{
	struct seen all = { "", 0 };

	if (sk_event_each(db, run, look, &all, &err) != 0)
		return -1;
	memcpy(last, all.last, sizeof(all.last));
	return all.n;
}

static const char *
stored(void)
{
	static struct sk_lease lease;
	bool found = false;

	if (sk_lease_get(db, run, &lease, &found, &err) != 0 || !found)
		return "?";
	return lease.phase;
}

/* Whatever it was, it is p now. */
static void
put(enum sk_phase p)
{
	if (strcmp(stored(), sk_phase_word(p)) != 0)
		CHECKF(sk_phase_move(db, run, stored(), sk_phase_word(p),
			   a.driver.epoch, &err) == 0,
		    "to %s", sk_phase_word(p));
	a.phase = p;
}

static void
one_pair(enum sk_phase p, enum sk_phase_event e)
{
	const char *from = sk_phase_word(p), *ev = sk_phase_event_word(e);
	enum sk_phase to = sk_phase_after(p, e);
	char before[64], after[64], key[64];
	int n, rc;

	put(p);
	n = events(before);
	rc = sk_phase_go(&a, e, &err);
	if (to != SK_PH_COUNT) {
		(void)snprintf(
		    key, sizeof(key), "%s>%s", from, sk_phase_word(to));
		CHECKF(rc == 0 && a.phase == to &&
			   strcmp(stored(), sk_phase_word(to)) == 0,
		    "%s, %s: %s", from, ev, stored());
		CHECKF(events(after) == n + 1 && strcmp(after, key) == 0,
		    "one event: %s", after);
	} else {
		CHECKF(rc == SK_ORDER && a.phase == p &&
			   strcmp(stored(), from) == 0,
		    "%s, %s: refused, still %s", from, ev, stored());
		CHECKF(events(after) == n && strcmp(after, before) == 0,
		    "no event");
		CHECKF(
		    strcmp(err.code, p == SK_PH_CANCELLED ? "run_cancelled"
							  : "wrong_phase") == 0,
		    "why: %s", err.code);
	}
	sk_err_clear(&err);
}

/* Somebody else moved it, or drives meanwhile. */
static void
test_guard(void)
{
	char last[64];
	int n;

	for (unsigned p = 0; p < SK_PH_COUNT; p++) {
		put((enum sk_phase)p);
		n = events(last);
		for (unsigned q = 0; q < SK_PH_COUNT; q++) {
			const char *from = sk_phase_word((enum sk_phase)q);
			int64_t epoch = a.driver.epoch - (p == q);

			CHECKF(sk_phase_move(db, run, from, "done", epoch,
				   &err) == SK_ORDER,
			    "it is %s, not %s: %s", stored(), from, err.code);
			sk_err_clear(&err);
		}
		CHECKF(
		    events(last) == n &&
			strcmp(stored(), sk_phase_word((enum sk_phase)p)) == 0,
		    "nothing was changed");
	}
}

int
main(void)
{
	begin_tests("test_phase_store");
	fresh("phase.db");
	a.db = db;
	(void)snprintf(a.spec.id, sizeof(a.spec.id), "S-1");
	(void)snprintf(a.run, sizeof(a.run), "%s", run);
	CHECK(sk_driver_start(db, run, 0, &a.driver, &err) == 0);
	/* (One transaction: hundreds would only wait for the disk.) */
	CHECK(sk_db_begin(db, &err) == 0);
	for (unsigned p = 0; p < SK_PH_COUNT; p++)
		for (unsigned e = 0; e < SK_EV_COUNT; e++)
			one_pair((enum sk_phase)p, (enum sk_phase_event)e);
	test_guard();
	CHECK(sk_db_commit(db, &err) == 0);
	sk_driver_end(&a.driver);
	sk_arena_free(&a.arena);
	sk_db_close(db);
	return end_tests();
}
