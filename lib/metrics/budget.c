/* SPDX-License-Identifier: MIT */
/* Budgets: what a call belongs to, and whether there is room for it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metrics/internal.h"

/* ---- scopes ---- */

static int64_t
limit_of(const struct sk_config *c, const char *key)
{
	const struct sk_jv *v = c != NULL ? sk_config_get(c, key) : NULL;
	double usd;

	if (v == NULL || v->type != SK_J_NUM)
		return -1;
	usd = sk_jdouble(v, -1);
	return usd >= 0 && usd < 1e9 ? (int64_t)(usd * 1e6 + 0.5) : -1;
}

static void
add(struct sk_budgets *b, const char *name, const char *id, int64_t limit)
{
	if (limit >= 0)
		b->limited = true;
	b->v[b->n++] =
	    (struct sk_scope){ name, sk_arena_strdup(&b->arena, id), limit };
}

static int64_t
provider_limit(const struct sk_config *c, const char *provider)
{
	char key[160];

	(void)snprintf(
	    key, sizeof(key), "cost.provider_limits_usd.%.100s", provider);
	return limit_of(c, key);
}

void
sk_budgets_of(struct sk_budgets *b, const struct sk_config *conf,
    const struct sk_key *k, const char *root, const char *provider,
    int64_t now_ms)
{
	const struct sk_config *c =
	    conf != NULL && sk_config_bool(conf, "cost.enabled", true) ? conf
								       : NULL;
	char day[SK_TIME_LEN], *id;

	memset(b, 0, sizeof(*b));
	sk_time_text(now_ms, day);
	if (k->run != NULL && k->run[0] != '\0')
		add(b, "run", k->run, limit_of(c, "cost.run_limit_usd"));
	if (k->branch != NULL && k->branch[0] != '\0')
		add(b, "branch", k->branch,
		    limit_of(c, "cost.branch_limit_usd"));
	if (k->spec != NULL && k->spec[0] != '\0') {
		/* SPEC-1 of two projects is two specifications. */
		id = sk_asprintf("%s %s", k->spec, root != NULL ? root : "");
		add(b, "spec", id, limit_of(c, "cost.spec_limit_usd"));
		free(id);
	}
	day[10] = '\0';
	add(b, "day", day, limit_of(c, "cost.daily_limit_usd"));
	day[7] = '\0';
	add(b, "month", day, limit_of(c, "cost.monthly_limit_usd"));
	if (provider != NULL && provider[0] != '\0') {
		id = sk_asprintf("%s %s", provider, day);
		add(b, "provider", id, provider_limit(c, provider));
		free(id);
	}
}

void
sk_budgets_free(struct sk_budgets *b)
{
	sk_arena_free(&b->arena);
	memset(b, 0, sizeof(*b));
}

int64_t
sk_scope_resets(const char *scope, int64_t now_ms)
{
	char t[SK_TIME_LEN];
	int64_t day = now_ms - now_ms % SK_DAY_MS, ms = 0;

	if (strcmp(scope, "day") == 0)
		return day + SK_DAY_MS;
	if (strcmp(scope, "month") != 0 && strcmp(scope, "provider") != 0)
		return 0;
	/* 28 days from now at most one month's end was passed. */
	do {
		day += SK_DAY_MS;
		sk_time_text(day, t);
	} while (memcmp(t + 8, "01", 2) != 0);
	(void)sk_time_parse(t, &ms);
	return ms;
}

const char *
sk_budget_level(int64_t used, int64_t limit, double warn)
{
	double share =
	    limit > 0 ? (double)used / (double)limit : (used > 0 ? 1.0 : 0.0);

	if (limit < 0)
		return "";
	if (share >= 1)
		return "exceeded";
	if (share >= 0.9)
		return "critical";
	return share >= warn ? "warning" : "";
}

/* ---- one call ---- */

static void
key_of(struct sk_buf *b, const struct sk_call *c)
{
	sk_buf_init(b, 0);
	if (c->name != NULL)
		sk_buf_str(b, c->name);
	else
		sk_usage_key(b, &c->key, c->attempt);
}

const char *
sk_scope_plain(const struct sk_scope *s, char *out, size_t n)
{
	size_t len = strcspn(s->id, " ");

	/* The project's path is not what the user calls it. */
	(void)snprintf(out, n, "%.*s", (int)len, s->id);
	return out;
}

static int
refuse(const struct sk_refusal *no, int64_t cost, struct sk_err *err)
{
	const struct sk_scope *s = no->scope;
	int64_t now = sk_now_ms(), resets = sk_scope_resets(s->name, now);
	char id[SK_BRANCH_LEN], limit[SK_USD_LEN], used[SK_USD_LEN];
	char want[SK_USD_LEN], held[SK_USD_LEN];
	struct sk_buf b;
	struct sk_jw w;

	sk_usd(s->limit, limit);
	sk_usd(no->used, used);
	sk_usd(cost, want);
	sk_usd(no->reserved, held);
	(void)sk_fail(err, SK_BUDGET, "budget_exceeded",
	    "budget of %s '%s' refused: limit %s USD, used %s, reserved %s, "
	    "requested %s",
	    s->name, sk_scope_plain(s, id, sizeof(id)), limit, used, held,
	    want);
	if (resets > 0)
		err->retry_after_ms = resets - now;
	sk_buf_init(&b, 0);
	sk_jw_init(&w, &b);
	sk_jw_obj(&w);
	sk_jw_kstr(&w, "scope", s->name);
	sk_jw_kstr(&w, "id", id);
	sk_jw_kint(&w, "limit", s->limit);
	sk_jw_kint(&w, "used", no->used);
	sk_jw_kint(&w, "reserved", no->reserved);
	sk_jw_kint(&w, "requested", cost);
	sk_jw_ktime(&w, "resets_at", resets);
	sk_jw_end(&w);
	free(err->details);
	err->details = sk_buf_detach(&b);
	return sk_hint(err, "'sk-metrics budget' shows all of them; the limits "
			    "stand in [cost] of the configuration");
}

static int
unpriced(const struct sk_call *c, struct sk_err *err)
{
	const char *what = c->model != NULL ? c->model : c->adapter;

	(void)sk_fail(err, SK_BUDGET, "unpriced",
	    "budget cannot be kept: no price is known of '%s'%s%s%s",
	    what != NULL ? what : c->key.agent,
	    what != NULL && c->key.agent != NULL ? ", agent '" : "",
	    what != NULL && c->key.agent != NULL ? c->key.agent : "",
	    what != NULL && c->key.agent != NULL ? "'" : "");
	return sk_hint(err,
	    "agents.NAME.model says which model it is, [models] and "
	    "'sk-metrics prices import' what that costs; cost.unpriced = "
	    "\"allow\" or --unpriced=allow lets it pass");
}

/* The most that this call is likely to cost. */
static int64_t
guess(struct sk_meter *m, const struct sk_call *c, struct sk_err *err)
{
	const struct sk_model *model;
	struct sk_call_cost cost;
	int64_t outputs[SK_HISTORY];
	size_t n = 0;

	if (!sk_meter_model(m, c->model, c->adapter, &model))
		return -1;
	/* Without a past, the default stands. */
	if (sk_usage_outputs(m->db, c->key.agent, c->model, outputs, SK_HISTORY,
		&n, err) != 0)
		n = 0;
	sk_call_cost(model, c->prompt_bytes, outputs, n, &cost);
	return cost.high;
}

static const char *
provider_of(struct sk_meter *m, const char *model, const char *adapter)
{
	const struct sk_model *x;

	if (sk_meter_model(m, model, adapter, &x) && x->provider != NULL)
		return x->provider;
	return adapter != NULL ? adapter : "";
}

/* Noted when this call is the one that passed the line; printed by the caller
 * when the transaction is over. */
static void
note_near(const struct sk_budgets *b, struct sk_meter *m, int64_t cost,
    struct sk_err *err)
{
	double warn = sk_budget_threshold(m->conf);
	int64_t used, held;
	char id[SK_BRANCH_LEN];
	const char *level;

	for (size_t i = 0; i < b->n; i++) {
		const struct sk_scope *s = &b->v[i];

		if (s->limit <= 0 || sk_spent(m->db, s, &used, &held, err) != 0)
			continue;
		used += held;
		level = sk_budget_level(used, s->limit, warn);
		if (strcmp(level,
			sk_budget_level(used - cost, s->limit, warn)) != 0)
			(void)snprintf(m->warning, sizeof(m->warning),
			    "budget of %s '%s' is %lld %% used or reserved: %s",
			    s->name, sk_scope_plain(s, id, sizeof(id)),
			    (long long)(used * 100 / s->limit), level);
	}
}

void
sk_meter_warn(struct sk_meter *m)
{
	if (m->warning[0] != '\0')
		sk_warn("%s", m->warning);
	m->warning[0] = '\0';
}

double
sk_budget_threshold(const struct sk_config *conf)
{
	return conf == NULL
	           ? 0.8
	           : sk_jdouble(
			 sk_config_get(conf, "cost.alert_threshold"), 0.8);
}

/* The dead hold nothing; looking at all of them is dear, so it waits until room
 * is short. */
static int
take(struct sk_meter *m, const struct sk_call *c, const struct sk_budgets *b,
    int64_t cost, struct sk_refusal *no, struct sk_err *err)
{
	struct sk_buf key;
	int64_t gone = 0;
	int rc;

	key_of(&key, c);
	rc = sk_reserve(m->db, key.p, b->v, b->n, cost, c->holder, no, err);
	if (rc == 0 && no->scope != NULL)
		rc = sk_meter_sweep(m, &gone, err);
	if (rc == 0 && gone > 0)
		rc = sk_reserve(
		    m->db, key.p, b->v, b->n, cost, c->holder, no, err);
	sk_buf_free(&key);
	return rc;
}

int
sk_meter_reserve(
    struct sk_meter *m, const struct sk_call *c, struct sk_err *err)
{
	struct sk_refusal no = { 0 };
	struct sk_budgets b;
	int64_t cost = c->cost;
	int rc = 0;

	sk_budgets_of(&b, m->conf, &c->key, c->root,
	    provider_of(m, c->model, c->adapter), sk_now_ms());
	if (b.limited && cost < 0)
		cost = guess(m, c, err);
	m->held = cost;
	m->limited = b.limited;
	if (b.limited && cost < 0 && !m->unpriced)
		rc = unpriced(c, err);
	if (rc == 0 && b.limited)
		rc = take(m, c, &b, cost > 0 ? cost : 0, &no, err);
	if (rc == 0 && no.scope != NULL) {
		m->warning[0] = '\0'; /* what it was about is taken back */
		rc = refuse(&no, cost > 0 ? cost : 0, err);
	}
	if (rc == 0 && b.limited)
		note_near(&b, m, cost > 0 ? cost : 0, err);
	sk_budgets_free(&b);
	return rc;
}
