/* SPDX-License-Identifier: MIT */
/* Usage is booked once, budgets are kept by reserving before spending. */
#include <string.h>

#include "store/internal.h"

/* ---- the key ---- */

static int64_t
hash_of(const char *s)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (; *s != '\0'; s++) {
		h ^= (unsigned char)*s;
		h *= 0x100000001b3u;
	}
	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93u;
	h ^= h >> 32;
	return (int64_t)(h >> 1);
}

/* What is booked under a key. */
struct booked {
	int64_t id; /* 0 = nothing */
	int64_t hash; /* where it is, or may be put */
	struct sk_usage_row row; /* figures only */
};

static int
find(struct sk_db *db, const char *key, struct booked *b, struct sk_err *err)
{
	sqlite3_stmt *st;
	const char *other;
	int rc;

	memset(b, 0, sizeof(*b));
	/* An index over numbers is a third of one over keys. */
	for (b->hash = hash_of(key);; b->hash = (b->hash + 1) & INT64_MAX) {
		rc = sk_q_first(db, &st, err,
		    "SELECT usage_id,key,fresh,cache_read,cache_write,output,"
		    "reasoning,ifnull(cost,-1),flags FROM usage WHERE hash=?1",
		    "i", b->hash);
		if (rc <= 0)
			return -rc;
		other = sk_col_text(st, 1);
		if (strcmp(other, key) != 0) {
			sk_q_end(st);
			continue;
		}
		b->id = sk_col_int(st, 0);
		b->row.fresh = sk_col_int(st, 2);
		b->row.cache_read = sk_col_int(st, 3);
		b->row.cache_write = sk_col_int(st, 4);
		b->row.output = sk_col_int(st, 5);
		b->row.reasoning = sk_col_int(st, 6);
		b->row.cost = sk_col_int(st, 7);
		b->row.flags = sk_col_int(st, 8);
		sk_q_end(st);
		return 0;
	}
}

int
sk_usage_known(
    struct sk_db *db, const char *key, bool *known, struct sk_err *err)
{
	struct booked b;
	int rc = find(db, key, &b, err);

	*known = b.id != 0 && (b.row.flags & SK_USAGE_ESTIMATED) == 0;
	return rc;
}

/* ---- booking ---- */

/* sign 1 adds the row to its day, -1 takes it away again. */
static int
add_day(struct sk_db *db, const struct sk_usage_row *r,
    const struct sk_usage_row *n, int64_t sign, struct sk_err *err)
{
	int64_t day = r->at_ms / SK_DAY_MS - (r->at_ms % SK_DAY_MS < 0);

	return sk_q_run(db, err,
	    "INSERT INTO usage_days(day,root,spec_id,stage,agent_name,"
	    "provider,model,source,calls,fresh,cache_read,cache_write,output,"
	    "reasoning,cost,unpriced,suspect,estimated)VALUES(?1,?2,?3,?4,?5,"
	    "?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18)"
	    "ON CONFLICT DO UPDATE SET "
	    "calls=calls+?9,fresh=fresh+?10,cache_read=cache_read+?11,"
	    "cache_write=cache_write+?12,output=output+?13,"
	    "reasoning=reasoning+?14,cost=cost+?15,unpriced=unpriced+?16,"
	    "suspect=suspect+?17,estimated=estimated+?18",
	    "itttttttiiiiiiiiii", day, r->root, r->spec, r->stage, r->agent,
	    r->provider, r->model, r->source, sign, sign * n->fresh,
	    sign * n->cache_read, sign * n->cache_write, sign * n->output,
	    sign * n->reasoning, n->cost > 0 ? sign * n->cost : (int64_t)0,
	    n->cost < 0 ? sign : (int64_t)0,
	    (n->flags & SK_USAGE_SUSPECT) != 0 ? sign : (int64_t)0,
	    (n->flags & SK_USAGE_ESTIMATED) != 0 ? sign : (int64_t)0);
}

static int
add_spend(struct sk_db *db, const struct sk_scope *s, int64_t cost,
    struct sk_err *err)
{
	return sk_q_run(db, err,
	    "INSERT INTO spend(scope,id,cost)VALUES(?1,?2,?3)"
	    "ON CONFLICT DO UPDATE SET cost=cost+?3",
	    "tti", s->name, s->id, cost);
}

static int
insert(struct sk_db *db, const struct sk_usage_row *r, int64_t hash,
    struct sk_err *err)
{
	int rc;

	rc = sk_q_run(db, err,
	    "INSERT INTO usage(hash,key,at,run_id,branch_id,root,spec_id,"
	    "stage,agent_name,provider,model,source,session,fresh,cache_read,"
	    "cache_write,output,reasoning,cost,flags)VALUES(?1,?2,?3,?4,?5,?6,"
	    "?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,nullif(?19,-1),?20)",
	    "itittttttttteiiiiiii", hash, r->key, r->at_ms, r->run, r->branch,
	    r->root, r->spec, r->stage, r->agent, r->provider, r->model,
	    r->source, r->session, r->fresh, r->cache_read, r->cache_write,
	    r->output, r->reasoning, r->cost, r->flags);
	if (rc == 0)
		rc = add_day(db, r, r, 1, err);
	for (size_t i = 0; rc == 0 && r->cost > 0 && i < r->n_scopes; i++)
		rc = add_spend(db, &r->scopes[i], r->cost, err);
	return rc;
}

/* What a row counts under in the sums. */
static int
place_of(struct sk_db *db, int64_t id, struct sk_usage_row *r,
    struct sk_arena *a, struct sk_err *err)
{
	const char **text[] = { &r->root, &r->spec, &r->stage, &r->agent,
		&r->provider, &r->model, &r->source };
	sqlite3_stmt *st;
	int rc;

	memset(r, 0, sizeof(*r));
	rc = sk_q_first(db, &st, err,
	    "SELECT at,root,spec_id,stage,agent_name,provider,model,source "
	    "FROM usage WHERE usage_id=?1",
	    "i", id);
	if (rc <= 0)
		return -rc;
	r->at_ms = sk_col_int(st, 0);
	for (size_t i = 0; i < SK_ARRAY_SIZE(text); i++)
		*text[i] = sk_col_dup(st, (int)i + 1, a);
	sk_q_end(st);
	return 0;
}

/* A log says the same message several times while it grows, and an attempt may
 * say what it used after it was given up. */
static int
revise(struct sk_db *db, const struct sk_usage_row *r, const struct booked *b,
    struct sk_err *err)
{
	int64_t more =
	    (r->cost > 0 ? r->cost : 0) - (b->row.cost > 0 ? b->row.cost : 0);
	struct sk_arena a = { 0 };
	struct sk_usage_row place;
	int rc;

	rc = place_of(db, b->id, &place, &a, err);
	if (rc == 0)
		rc = sk_q_run(db, err,
		    "UPDATE usage SET fresh=?2,cache_read=?3,cache_write=?4,"
		    "output=?5,reasoning=?6,cost=nullif(?7,-1),flags=?8,"
		    "session=ifnull(session,?9)WHERE usage_id=?1",
		    "iiiiiiiie", b->id, r->fresh, r->cache_read, r->cache_write,
		    r->output, r->reasoning, r->cost, r->flags, r->session);
	if (rc == 0)
		rc = add_day(db, &place, &b->row, -1, err);
	if (rc == 0)
		rc = add_day(db, &place, r, 1, err);
	for (size_t i = 0; rc == 0 && more != 0 && i < r->n_scopes; i++)
		rc = add_spend(db, &r->scopes[i], more, err);
	sk_arena_free(&a);
	return rc;
}

/* Does this row take the place of the one that is there? */
static bool
better(const struct sk_usage_row *r, const struct sk_usage_row *was)
{
	if (r->revise)
		return r->output > was->output;
	return (was->flags & SK_USAGE_ESTIMATED) != 0 &&
	       (r->flags & SK_USAGE_ESTIMATED) == 0;
}

static int
book(struct sk_db *db, const struct sk_usage_row *r, enum sk_booked *what,
    struct sk_err *err)
{
	struct booked b;
	int rc;

	rc = find(db, r->key, &b, err);
	if (rc != 0)
		return rc;
	*what = SK_BOOK_KNOWN;
	if (b.id == 0) {
		*what = SK_BOOK_NEW;
		rc = insert(db, r, b.hash, err);
	} else if (better(r, &b.row)) {
		*what = SK_BOOK_REVISED;
		rc = revise(db, r, &b, err);
	}
	if (rc == 0 && r->run != NULL)
		rc = sk_release(db, r->key, NULL, err);
	SK_WHERE(db, "usage");
	return rc;
}

int
sk_usage_book(struct sk_db *db, const struct sk_usage_row *row,
    enum sk_booked *what, struct sk_err *err)
{
	bool own;
	int rc;

	rc = sk_tx_enter(db, &own, err);
	if (rc != 0)
		return rc;
	rc = book(db, row, what, err);
	return sk_tx_leave(db, own, rc, err);
}

/* ---- reservations ---- */

int
sk_release(struct sk_db *db, const char *key, bool *was, struct sk_err *err)
{
	bool own;
	int rc;

	rc = sk_tx_enter(db, &own, err);
	if (rc != 0)
		return rc;
	rc = sk_q_run(
	    db, err, "DELETE FROM reservations WHERE key=?1", "t", key);
	if (was != NULL)
		*was = rc == 0 && sk_q_changes(db) > 0;
	SK_WHERE(db, "release");
	return sk_tx_leave(db, own, rc, err);
}

int
sk_reservation_lost(struct sk_db *db, const char *key, struct sk_err *err)
{
	bool own, was = false;
	int rc;

	rc = sk_tx_enter(db, &own, err);
	if (rc != 0)
		return rc;
	rc = sk_release(db, key, &was, err);
	if (rc == 0 && was)
		rc = sk_journal(
		    db, "reservation_lost", NULL, NULL, 0, key, 0, err);
	return sk_tx_leave(db, own, rc, err);
}

/* From column i on: boot, pid, start. */
static bool
holder_alive(sqlite3_stmt *st, int i)
{
	struct sk_proc_id id;

	SK_COL(st, i, id.boot_id);
	id.pid = sk_col_int(st, i + 1);
	id.start_ticks = sk_col_int(st, i + 2);
	return sk_proc_alive(&id);
}

int
sk_reservations_dead(struct sk_db *db, struct sk_strv *keys, struct sk_err *err)
{
	sqlite3_stmt *st;
	int rc;

	st = sk_q(db, err,
	    "SELECT key,boot_id,pid,start_ticks FROM reservations", "");
	if (st == NULL)
		return err->exit;
	while ((rc = sk_q_step(db, st, err)) > 0)
		if (!holder_alive(st, 1))
			sk_strv_add(keys, sk_col_text(st, 0));
	return -rc;
}

int
sk_reservation_get(struct sk_db *db, const char *key,
    struct sk_reservation *out, bool *found, struct sk_arena *a,
    struct sk_err *err)
{
	sqlite3_stmt *st;
	int rc;

	memset(out, 0, sizeof(*out));
	*found = false;
	rc = sk_q_first(db, &st, err,
	    "SELECT cost,scopes,boot_id,pid,start_ticks FROM reservations "
	    "WHERE key=?1",
	    "t", key);
	if (rc <= 0)
		return -rc;
	*found = true;
	out->cost = sk_col_int(st, 0);
	out->scopes = sk_col_dup(st, 1, a);
	out->alive = holder_alive(st, 2);
	sk_q_end(st);
	return 0;
}

/* A scope as it stands in a reservation; the newlines keep "a" out of "aa". */
static void
line_of(struct sk_buf *b, const struct sk_scope *s)
{
	sk_buf_printf(b, "\n%s\t%s\n", s->name, s->id);
}

int
sk_spent(struct sk_db *db, const struct sk_scope *s, int64_t *used,
    int64_t *reserved, struct sk_err *err)
{
	sqlite3_stmt *st;
	struct sk_buf b;
	int rc;

	sk_buf_init(&b, 0);
	line_of(&b, s);
	st = sk_q(db, err,
	    "SELECT ifnull((SELECT cost FROM spend WHERE scope=?1 AND id=?2),"
	    "0),ifnull((SELECT sum(cost)FROM reservations "
	    "WHERE instr(scopes,?3)>0),0)",
	    "ttt", s->name, s->id, b.p);
	rc = st == NULL ? -err->exit : sk_q_step(db, st, err);
	if (rc > 0) {
		*used = sk_col_int(st, 0);
		*reserved = sk_col_int(st, 1);
		sk_q_end(st);
		rc = 0;
	}
	sk_buf_free(&b);
	return -rc;
}

static int
room(struct sk_db *db, const struct sk_scope *scopes, size_t n, int64_t cost,
    struct sk_refusal *no, struct sk_err *err)
{
	int64_t used, reserved;
	int rc = 0;

	no->scope = NULL;
	for (size_t i = 0; rc == 0 && no->scope == NULL && i < n; i++) {
		if (scopes[i].limit < 0)
			continue;
		rc = sk_spent(db, &scopes[i], &used, &reserved, err);
		if (rc == 0 && used + reserved + cost > scopes[i].limit)
			*no = (struct sk_refusal){ &scopes[i], used, reserved };
	}
	return rc;
}

static int
reserve(struct sk_db *db, const char *key, const struct sk_scope *scopes,
    size_t n, int64_t cost, const struct sk_proc_id *holder,
    struct sk_refusal *no, struct sk_err *err)
{
	struct sk_proc_id self;
	struct sk_buf b;
	int rc;

	rc = sk_release(db, key, NULL, err);
	if (rc == 0)
		rc = room(db, scopes, n, cost, no, err);
	if (rc != 0 || no->scope != NULL)
		return rc;
	if (holder == NULL) {
		sk_proc_self(&self);
		holder = &self;
	}
	sk_buf_init(&b, 0);
	for (size_t i = 0; i < n; i++)
		line_of(&b, &scopes[i]);
	rc = sk_q_run(db, err,
	    "INSERT INTO reservations(key,scopes,cost,at,boot_id,pid,"
	    "start_ticks)VALUES(?1,?2,?3,?4,?5,?6,?7)",
	    "ttiitii", key, b.p, cost, sk_now_ms(), holder->boot_id,
	    holder->pid, holder->start_ticks);
	sk_buf_free(&b);
	SK_WHERE(db, "budget");
	return rc;
}

int
sk_reserve(struct sk_db *db, const char *key, const struct sk_scope *scopes,
    size_t n, int64_t cost, const struct sk_proc_id *holder,
    struct sk_refusal *no, struct sk_err *err)
{
	bool own;
	int rc;

	memset(no, 0, sizeof(*no));
	rc = sk_tx_enter(db, &own, err);
	if (rc != 0)
		return rc;
	rc = reserve(db, key, scopes, n, cost, holder, no, err);
	return sk_tx_leave(db, own, rc, err);
}
