/* SPDX-License-Identifier: MIT */
/* What providers allow, shared by all processes: the rate-limit window, the
 * circuit breaker, and who has calls in flight. A holder that died loses its
 * calls: a process is known by boot id, pid and start time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/internal.h"

/* ---- the state ---- */

static void
read_times(int64_t out[SK_PROVIDER_BURST], const char *s)
{
	char *end;

	memset(out, 0, SK_PROVIDER_BURST * sizeof(*out));
	for (size_t i = 0; i < SK_PROVIDER_BURST && *s != '\0'; i++) {
		out[i] = strtoll(s, &end, 10);
		s = *end == ' ' ? end + 1 : end;
	}
}

static void
write_times(char *out, size_t n, const int64_t in[SK_PROVIDER_BURST])
{
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; i < SK_PROVIDER_BURST; i++)
		len += (size_t)snprintf(out + len, n - len, "%s%lld",
		    i > 0 ? " " : "", (long long)in[i]);
}

#define COLUMNS \
	"provider,limited_until,reason,concurrency,cut_at,opened_at,calls," \
	"failed_at "

static void
take_state(sqlite3_stmt *st, struct sk_provider *p)
{
	char times[SK_PROVIDER_BURST * 21];

	SK_COL(st, 0, p->name);
	p->limited_until_ms = sk_col_int(st, 1);
	SK_COL(st, 2, p->reason);
	p->concurrency = sk_col_int(st, 3);
	p->cut_ms = sk_col_int(st, 4);
	p->opened_ms = sk_col_int(st, 5);
	SK_COL(st, 6, p->calls);
	SK_COL(st, 7, times);
	read_times(p->bad_ms, times);
}

/* ---- calls in flight ---- */

/* Calls of one provider, by who has them. The dead are named, as many as fit:
 * the others are not counted either and have their turn later. */
struct holders {
	struct sk_proc_id dead[16];
	size_t n_dead;
};

static int
count_leases(struct sk_db *db, struct sk_provider *p, struct holders *h,
    struct sk_err *err)
{
	struct sk_proc_id self, id;
	sqlite3_stmt *st;
	int rc;

	sk_proc_self(&self);
	st = sk_q(db, err,
	    "SELECT boot_id,pid,start_ticks,calls,trials FROM provider_leases "
	    "WHERE provider=?1",
	    "t", p->name);
	if (st == NULL)
		return err->exit;
	while ((rc = sk_q_step(db, st, err)) > 0) {
		SK_COL(st, 0, id.boot_id);
		id.pid = sk_col_int(st, 1);
		id.start_ticks = sk_col_int(st, 2);
		if (id.pid == self.pid && id.start_ticks == self.start_ticks &&
		    strcmp(id.boot_id, self.boot_id) == 0) {
			p->mine = sk_col_int(st, 3);
			p->my_trials = sk_col_int(st, 4);
		} else if (!sk_proc_alive(&id)) {
			if (h->n_dead < SK_ARRAY_SIZE(h->dead))
				h->dead[h->n_dead++] = id;
			continue;
		}
		p->in_flight += sk_col_int(st, 3);
		p->trials += sk_col_int(st, 4);
	}
	p->had_lease = p->mine > 0;
	return -rc;
}

static int
drop_lease(struct sk_db *db, const char *provider, const struct sk_proc_id *id,
    struct sk_err *err)
{
	return sk_q_run(db, err,
	    "DELETE FROM provider_leases WHERE provider=?1 AND boot_id=?2 "
	    "AND pid=?3 AND start_ticks=?4",
	    "ttii", provider, id->boot_id, id->pid, id->start_ticks);
}

int
sk_provider_get(struct sk_db *db, const char *name, struct sk_provider *out,
    struct sk_err *err)
{
	struct holders h;
	sqlite3_stmt *st;
	int rc;

	memset(out, 0, sizeof(*out));
	h.n_dead = 0;
	rc = sk_q_first(db, &st, err,
	    "SELECT " COLUMNS "FROM providers WHERE provider=?1", "t", name);
	if (rc < 0)
		return -rc;
	if (rc > 0) {
		take_state(st, out);
		sk_q_end(st);
	}
	(void)snprintf(out->name, sizeof(out->name), "%s", name);
	rc = count_leases(db, out, &h, err);
	for (size_t i = 0; rc == 0 && db->in_tx && i < h.n_dead; i++)
		rc = drop_lease(db, name, &h.dead[i], err);
	return rc;
}

/* ---- saving ---- */

static int
save_lease(struct sk_db *db, const struct sk_provider *p, struct sk_err *err)
{
	struct sk_proc_id self;

	sk_proc_self(&self);
	if (p->mine > 0)
		return sk_q_run(db, err,
		    "INSERT INTO provider_leases(provider,boot_id,pid,"
		    "start_ticks,calls,trials)VALUES(?1,?2,?3,?4,?5,?6)"
		    "ON CONFLICT DO UPDATE SET calls=?5,trials=?6",
		    "ttiiii", p->name, self.boot_id, self.pid, self.start_ticks,
		    p->mine, p->my_trials);
	if (!p->had_lease)
		return 0;
	return drop_lease(db, p->name, &self, err);
}

int
sk_provider_put(
    struct sk_db *db, const struct sk_provider *p, struct sk_err *err)
{
	char times[SK_PROVIDER_BURST * 21];
	int rc;

	write_times(times, sizeof(times), p->bad_ms);
	rc = sk_q_run(db, err,
	    "INSERT INTO providers(provider,limited_until,reason,concurrency,"
	    "cut_at,opened_at,calls,failed_at)VALUES(?1,?2,?3,?4,?5,?6,?7,?8)"
	    "ON CONFLICT DO UPDATE SET limited_until=?2,reason=?3,"
	    "concurrency=?4,cut_at=?5,opened_at=?6,calls=?7,failed_at=?8",
	    "titiiitt", p->name, p->limited_until_ms, p->reason, p->concurrency,
	    p->cut_ms, p->opened_ms, p->calls, times);
	if (rc == 0)
		rc = save_lease(db, p, err);
	SK_WHERE(db, "limit");
	return rc;
}

/* ---- looking, and forgetting ---- */

int
sk_provider_list(struct sk_db *db, struct sk_strv *names, struct sk_err *err)
{
	char name[SK_IDENT_LEN];
	sqlite3_stmt *st;
	int rc;

	st = sk_q(db, err, "SELECT provider FROM providers ORDER BY 1", "");
	if (st == NULL)
		return err->exit;
	while ((rc = sk_q_step(db, st, err)) > 0) {
		SK_COL(st, 0, name);
		sk_strv_add(names, name);
	}
	return -rc;
}

int
sk_provider_forget(
    struct sk_db *db, const char *name, bool *found, struct sk_err *err)
{
	bool own;
	int rc;

	*found = false;
	rc = sk_tx_enter(db, &own, err);
	if (rc != 0)
		return rc;
	rc = sk_q_run(
	    db, err, "DELETE FROM providers WHERE provider=?1", "t", name);
	if (rc == 0) {
		*found = sk_q_changes(db) > 0;
		rc = sk_journal(db, "forget", NULL, NULL, 0, name, 0, err);
	}
	return sk_tx_leave(db, own, rc, err);
}
