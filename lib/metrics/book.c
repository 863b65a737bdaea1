/* SPDX-License-Identifier: MIT */
/* Attempts that have ended become usage, each once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metrics/metrics.h"

void
sk_meter_init(
    struct sk_meter *m, struct sk_db *db, const struct sk_config *conf)
{
	memset(m, 0, sizeof(*m));
	m->db = db;
	m->conf = conf;
	sk_prices_init(&m->prices, conf);
	if (conf != NULL)
		m->unpriced = sk_streq(
		    sk_config_str(conf, "cost.unpriced", "refuse"), "allow");
}

void
sk_meter_free(struct sk_meter *m)
{
	sk_prices_free(&m->prices);
}

/* [models.ADAPTER] of the user is for those that have no model: a program of
 * one's own costs what one says. */
bool
sk_meter_model(struct sk_meter *m, const char *model, const char *adapter,
    const struct sk_model **out)
{
	char key[80];

	if (model != NULL && model[0] != '\0')
		return sk_price_find(&m->prices, model, out);
	(void)snprintf(
	    key, sizeof(key), "models.%.64s", adapter != NULL ? adapter : "");
	if (m->conf == NULL || adapter == NULL ||
	    sk_config_get(m->conf, key) == NULL)
		return false;
	return sk_price_find(&m->prices, adapter, out);
}

static const char *
or_empty(const char *s)
{
	return s != NULL ? s : "";
}

void
sk_usage_key(struct sk_buf *b, const struct sk_key *k, int64_t attempt)
{
	sk_buf_printf(b, "%s/%s/%s/%s/%lld/%s#%lld", or_empty(k->run),
	    or_empty(k->branch), or_empty(k->spec), or_empty(k->stage),
	    (long long)(k->round > 0 ? k->round : 1), k->agent,
	    (long long)attempt);
}

/* ---- what an attempt said ---- */

struct said {
	struct sk_tokens t;
	int64_t cost; /* -1 = not said */
	bool session; /* the tokens are the session's so far */
};

static void
read_meta(const struct sk_attempt_row *row, struct said *s)
{
	struct sk_arena a = { 0 };
	struct sk_jv *m = NULL;
	const struct sk_jv *u;

	memset(s, 0, sizeof(*s));
	s->cost = -1;
	s->t.flags = SK_TF_NONE;
	if (row->meta_json == NULL ||
	    sk_json_parse(&a, row->meta_json, strlen(row->meta_json), NULL, &m,
		NULL) != 0) {
		sk_arena_free(&a);
		return;
	}
	u = sk_jget(m, "usage");
	(void)sk_tokens_read(&s->t, u, row->adapter);
	s->session = sk_streq(sk_jget_str(u, "scope"), "session");
	if (!sk_jget_int(sk_jget(m, "cost"), "micro_usd", &s->cost) ||
	    s->cost < 0)
		s->cost = -1;
	sk_arena_free(&a);
}

/*
 * Running totals become this attempt's own part. claude gives tokens of the
 * run, but a cost of the whole session.
 */
static int
own_part(struct sk_meter *m, const struct sk_attempt_row *row, struct said *s,
    struct sk_err *err)
{
	bool cost_session = s->session || sk_streq(row->adapter, "claude");
	struct sk_usage_row before;
	struct sk_tokens was;
	bool any;
	int rc;

	if (row->session == NULL || (!s->session && !cost_session))
		return 0;
	rc = sk_usage_session(
	    m->db, row->key.run, row->session, &before, &any, err);
	if (rc != 0 || !any)
		return rc;
	was = (struct sk_tokens){ before.fresh, before.cache_read,
		before.cache_write, before.output, before.reasoning, 0 };
	if (s->session && (s->t.flags & SK_TF_NONE) == 0)
		s->t =
		    sk_tokens_delta(&s->t, &was, row->ended_ms > before.at_ms);
	if (cost_session && s->cost >= before.cost)
		s->cost -= before.cost;
	return 0;
}

/* A provider that says no before it works asks no money for it. */
static bool
turned_away(const char *kind)
{
	static const char *const kinds[] = { "auth", "rate_limited",
		"quota_exhausted", "overloaded", "usage", "context_too_long",
		"not_found" };

	for (size_t i = 0; i < SK_ARRAY_SIZE(kinds); i++)
		if (sk_streq(kind, kinds[i]))
			return true;
	return false;
}

/* It ran, and what it cost it did not say. Believing that it was nothing would
 * give back to a budget what may be spent. */
static int
estimate(struct sk_meter *m, const struct sk_attempt_row *row, const char *key,
    const struct sk_model *x, int64_t *out, struct sk_err *err)
{
	int64_t outputs[SK_HISTORY];
	struct sk_arena a = { 0 };
	struct sk_reservation held;
	struct sk_call_cost c;
	bool found;
	size_t n = 0;
	int rc;

	rc = sk_reservation_get(m->db, key, &held, &found, &a, err);
	sk_arena_free(&a);
	if (rc == 0 && found)
		*out = held.cost;
	if (rc != 0 || found)
		return rc;
	rc = sk_usage_outputs(
	    m->db, row->key.agent, row->model, outputs, SK_HISTORY, &n, err);
	sk_call_cost(x,
	    row->prompt_bytes > 0 ? row->prompt_bytes
				  : (size_t)4 * SK_PROMPT_GUESS,
	    outputs, n, &c);
	*out = c.likely;
	return rc;
}

static int
cost_of(struct sk_meter *m, const struct sk_attempt_row *row, const char *key,
    struct said *s, struct sk_usage_row *u, struct sk_err *err)
{
	const struct sk_model *x;
	bool found;
	int rc;

	found = sk_meter_model(m, row->model, row->adapter, &x);
	u->provider =
	    found && x->provider != NULL ? x->provider : or_empty(row->adapter);
	/* What the agent says knows of things that a table does not; but some
	 * say 0 when they have no price. */
	u->cost = s->cost;
	if (s->cost > 0 || (s->cost == 0 && sk_tokens_total(&s->t) == 0)) {
		s->t.flags |= SK_TF_REPORTED;
		return 0;
	}
	u->cost = 0;
	if ((s->t.flags & SK_TF_NONE) != 0 &&
	    (!row->ran || turned_away(row->kind)))
		return 0;
	u->cost = -1;
	if (!found)
		return 0;
	if ((s->t.flags & SK_TF_NONE) == 0) {
		u->cost = sk_cost_of(x, &s->t);
		return 0;
	}
	rc = estimate(m, row, key, x, &u->cost, err);
	if (rc == 0 && u->cost > 0)
		s->t.flags |= SK_TF_ESTIMATED;
	return rc;
}

int
sk_meter_book(struct sk_meter *m, const struct sk_attempt_row *row,
    enum sk_booked *what, struct sk_err *err)
{
	struct sk_usage_row u = { 0 };
	struct sk_budgets b;
	struct sk_buf key;
	struct said s;
	bool known = false;
	int rc;

	sk_buf_init(&key, 0);
	sk_usage_key(&key, &row->key, row->attempt);
	/* A later figure of its session must not change one that is booked. */
	rc = sk_usage_known(m->db, key.p, &known, err);
	if (rc == 0 && known) {
		*what = SK_BOOK_KNOWN;
		rc = sk_release(m->db, key.p, NULL, err);
	}
	if (rc != 0 || known) {
		sk_buf_free(&key);
		return rc;
	}
	read_meta(row, &s);
	rc = own_part(m, row, &s, err);
	u.key = key.p;
	u.run = row->key.run;
	u.branch = row->key.branch;
	u.root = or_empty(row->root);
	u.spec = or_empty(row->key.spec);
	u.stage = or_empty(row->key.stage);
	u.agent = row->key.agent;
	u.model = or_empty(row->model);
	u.source = "sk-run";
	u.session = row->session;
	u.at_ms = row->ended_ms > 0 ? row->ended_ms : row->started_ms;
	if (rc == 0)
		rc = cost_of(m, row, key.p, &s, &u, err);
	u.fresh = s.t.fresh;
	u.cache_read = s.t.cache_read;
	u.cache_write = s.t.cache_write;
	u.output = s.t.output;
	u.reasoning = s.t.reasoning;
	u.flags = s.t.flags;
	if (sk_streq(row->status, "failed") || sk_streq(row->status, "spawned"))
		u.flags |= SK_TF_FAILED;
	sk_budgets_of(&b, NULL, &row->key, row->root, u.provider, u.at_ms);
	u.scopes = b.v;
	u.n_scopes = b.n;
	if (rc == 0)
		rc = sk_usage_book(m->db, &u, what, err);
	sk_budgets_free(&b);
	sk_buf_free(&key);
	return rc;
}

/* ---- a stage, or everything ---- */

struct settle {
	struct sk_meter *m;
	struct sk_settlement *out;
};

/* Its caller died, and it with it. */
static int
settle_dead(const struct settle *s, const struct sk_attempt_row *row,
    const char *key, struct sk_err *err)
{
	enum sk_booked what;
	int rc;

	if (!row->ran) {
		s->out->released++;
		return sk_reservation_lost(s->m->db, key, err);
	}
	s->out->lost++;
	rc = sk_meter_book(s->m, row, &what, err);
	s->out->booked += rc == 0 && what == SK_BOOK_NEW;
	return rc;
}

/* One that has no end: going on, or lost. */
static int
settle_open(const struct settle *s, const struct sk_attempt_row *row,
    struct sk_err *err)
{
	struct sk_reservation held;
	struct sk_arena a = { 0 };
	struct sk_buf key;
	bool found;
	int rc;

	sk_buf_init(&key, 0);
	sk_usage_key(&key, &row->key, row->attempt);
	rc = sk_reservation_get(s->m->db, key.p, &held, &found, &a, err);
	if (rc == 0 && ((found && !held.alive) || (!found && row->lost)))
		rc = settle_dead(s, row, key.p, err);
	else
		s->out->open += rc == 0;
	sk_buf_free(&key);
	sk_arena_free(&a);
	return rc;
}

static int
settle_one(void *arg, const struct sk_attempt_row *row, struct sk_err *err)
{
	const struct settle *s = arg;
	enum sk_booked what;
	int rc;

	if (sk_streq(row->status, "spawned"))
		return settle_open(s, row, err);
	rc = sk_meter_book(s->m, row, &what, err);
	if (rc == 0 && what == SK_BOOK_KNOWN)
		s->out->known++;
	else if (rc == 0)
		s->out->booked++;
	return rc;
}

/* ---- what the dead left ---- */

struct sweep {
	struct sk_meter *m;
	struct sk_strv keys;
};

static int
sweep_one(void *arg, const struct sk_attempt_row *row, struct sk_err *err)
{
	const struct sweep *s = arg;
	enum sk_booked what;
	struct sk_buf key;
	bool ours = false;
	int rc = 0;

	sk_buf_init(&key, 0);
	sk_usage_key(&key, &row->key, row->attempt);
	ours = row->ran && sk_strv_has(&s->keys, key.p);
	sk_buf_free(&key);
	if (ours)
		rc = sk_meter_book(s->m, row, &what, err);
	return rc;
}

int
sk_meter_sweep(struct sk_meter *m, int64_t *n, struct sk_err *err)
{
	struct sweep s = { .m = m };
	struct sk_strv runs = { 0 };
	int rc;

	rc = sk_reservations_dead(m->db, &s.keys, err);
	for (size_t i = 0; rc == 0 && i < s.keys.n; i++) {
		char *run = sk_strndup(s.keys.v[i], strcspn(s.keys.v[i], "/"));

		/* (A key of a script's own has no attempt.) */
		if (!sk_strv_has(&runs, run)) {
			sk_strv_add(&runs, run);
			rc = sk_attempts_each(
			    m->db, run, NULL, NULL, sweep_one, &s, err);
		}
		free(run);
	}
	for (size_t i = 0; rc == 0 && i < s.keys.n; i++)
		rc = sk_reservation_lost(m->db, s.keys.v[i], err);
	*n = (int64_t)s.keys.n;
	sk_strv_free(&runs);
	sk_strv_free(&s.keys);
	return rc;
}

/* ---- all of a run ---- */

int
sk_meter_settle(struct sk_meter *m, const char *run, const char *branch,
    const char *stage, struct sk_settlement *out, struct sk_err *err)
{
	struct settle s = { m, out };
	int64_t gone = 0;
	int rc;

	memset(out, 0, sizeof(*out));
	rc = sk_db_begin(m->db, err);
	if (rc != 0)
		return rc;
	rc = sk_attempts_each(m->db, run, branch, stage, settle_one, &s, err);
	if (rc == 0)
		rc = sk_meter_sweep(m, &gone, err);
	out->released += gone;
	if (rc == 0)
		return sk_db_commit(m->db, err);
	sk_db_rollback(m->db);
	return rc;
}
