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

static int64_t
cost_of(struct sk_meter *m, const struct sk_attempt_row *row, struct said *s,
    const char **provider)
{
	const struct sk_model *x;
	bool found;

	found = sk_meter_model(m, row->model, row->adapter, &x);
	*provider =
	    found && x->provider != NULL ? x->provider : or_empty(row->adapter);
	/* What the agent says knows of things that a table does not; but some
	 * say 0 when they have no price. */
	if (s->cost > 0 || (s->cost == 0 && sk_tokens_total(&s->t) == 0)) {
		s->t.flags |= SK_TF_REPORTED;
		return s->cost;
	}
	/* Nothing was run: no program, or it was not begun. */
	if ((s->t.flags & SK_TF_NONE) != 0 && row->kind != NULL &&
	    (strcmp(row->kind, "not_found") == 0 ||
		row->started_ms == row->ended_ms))
		return 0;
	if (!found || (s->t.flags & SK_TF_NONE) != 0)
		return -1;
	return sk_cost_of(x, &s->t);
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
	u.cost = cost_of(m, row, &s, &u.provider);
	u.fresh = s.t.fresh;
	u.cache_read = s.t.cache_read;
	u.cache_write = s.t.cache_write;
	u.output = s.t.output;
	u.reasoning = s.t.reasoning;
	u.flags = s.t.flags;
	if (sk_streq(row->status, "failed"))
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

static int
settle_one(void *arg, const struct sk_attempt_row *row, struct sk_err *err)
{
	const struct settle *s = arg;
	enum sk_booked what;
	struct sk_buf key;
	bool was = false;
	int rc;

	if (row->lost) {
		/* It may have cost something; nobody can say what. */
		s->out->lost++;
		sk_buf_init(&key, 0);
		sk_usage_key(&key, &row->key, row->attempt);
		rc = sk_release(s->m->db, key.p, &was, err);
		s->out->released += was;
		sk_buf_free(&key);
		return rc;
	}
	if (sk_streq(row->status, "spawned"))
		return 0;
	rc = sk_meter_book(s->m, row, &what, err);
	if (rc == 0 && what == SK_BOOK_NEW)
		s->out->booked++;
	else if (rc == 0)
		s->out->known++;
	return rc;
}

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
		rc = sk_reservations_sweep(m->db, &gone, err);
	out->released += gone;
	if (rc == 0)
		return sk_db_commit(m->db, err);
	sk_db_rollback(m->db);
	return rc;
}
