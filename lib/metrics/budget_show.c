/* SPDX-License-Identifier: MIT */
/* Budgets to look at, and reservations of scripts. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "metrics/internal.h"

void
sk_budgets_providers(
    struct sk_budgets *b, const struct sk_config *conf, int64_t now_ms)
{
	const struct sk_jv *t = sk_config_get(conf, "cost.provider_limits_usd");
	char month[SK_TIME_LEN];
	double usd;

	sk_time_text(now_ms, month);
	month[7] = '\0';
	for (size_t i = 0; i < sk_jlen(t); i++) {
		if (b->n == SK_ARRAY_SIZE(b->v) || t->type != SK_J_OBJ)
			return;
		usd = sk_jdouble(t->m[i].v, -1);
		if (usd < 0 || usd >= 1e9)
			continue;
		b->v[b->n++] = (struct sk_scope){ "provider",
			sk_arena_printf(&b->arena, "%s %s", t->m[i].key, month),
			(int64_t)(usd * 1e6 + 0.5) };
	}
}

/* ---- JSON ---- */

/* An amount and the same in dollars; below 0 is not known. */
static void
put_amount(struct sk_jw *w, const char *key, int64_t micro)
{
	char usd[SK_USD_LEN], name[32];

	sk_jw_kcount(w, key, micro);
	(void)snprintf(name, sizeof(name), "%s_usd", key);
	sk_usd(micro, usd);
	sk_jw_kstr(w, name, micro < 0 ? NULL : usd);
}

static int
put_one(struct sk_jw *w, struct sk_db *db, const struct sk_scope *s,
    double warn, struct sk_err *err)
{
	char id[SK_BRANCH_LEN];
	int64_t used = 0, held = 0, left;
	const char *level;
	int rc;

	rc = sk_spent(db, s, &used, &held, err);
	level = sk_budget_level(used + held, s->limit, warn);
	left = s->limit - used - held;
	sk_jw_obj(w);
	sk_jw_kstr(w, "scope", s->name);
	sk_jw_kstr(w, "id", sk_scope_plain(s, id, sizeof(id)));
	put_amount(w, "limit", s->limit);
	put_amount(w, "used", used);
	put_amount(w, "reserved", held);
	put_amount(w, "left", s->limit < 0 ? -1 : left > 0 ? left : 0);
	sk_jw_kword(w, "level", level);
	sk_jw_ktime(w, "resets_at", sk_scope_resets(s->name, sk_now_ms()));
	sk_jw_end(w);
	return rc;
}

int
sk_budget_json(struct sk_buf *out, struct sk_db *db, const struct sk_budgets *b,
    const char *reserved, int64_t cost, double warn, struct sk_err *err)
{
	struct sk_jw w;
	int rc = 0;

	sk_jw_doc(&w, out, "sk.budget/1");
	sk_jw_ktime(&w, "at", sk_now_ms());
	sk_jw_key(&w, "reservation");
	if (reserved == NULL) {
		sk_jw_null(&w);
	} else {
		sk_jw_obj(&w);
		sk_jw_kstr(&w, "key", reserved);
		put_amount(&w, "cost", cost);
		sk_jw_end(&w);
	}
	sk_jw_karr(&w, "budgets");
	for (size_t i = 0; rc == 0 && i < b->n; i++)
		rc = put_one(&w, db, &b->v[i], warn, err);
	sk_jw_end(&w);
	sk_jw_done(&w);
	return rc;
}

/* ---- text ---- */

int
sk_budget_text(struct sk_db *db, const struct sk_budgets *b, double warn,
    struct sk_err *err)
{
	static const char *const head[] = { "SCOPE", "ID", "LIMIT", "USED",
		"RESERVED", "LEFT", "LEVEL" };
	char usd[SK_USD_LEN], id[SK_BRANCH_LEN];
	struct sk_table t;
	int64_t used, held, left;
	int rc = 0;

	sk_table_init(&t, SK_ARRAY_SIZE(head), 0x3c);
	for (size_t i = 0; i < SK_ARRAY_SIZE(head); i++)
		sk_table_cell(&t, head[i]);
	for (size_t i = 0; rc == 0 && i < b->n; i++) {
		const struct sk_scope *s = &b->v[i];

		rc = sk_spent(db, s, &used, &held, err);
		if (rc != 0)
			break;
		left = s->limit - used - held;
		sk_table_cell(&t, s->name);
		sk_table_cell(&t, sk_scope_plain(s, id, sizeof(id)));
		sk_usd_short(s->limit, usd);
		sk_table_cell(&t, s->limit < 0 ? "none" : usd);
		sk_usd_short(used, usd);
		sk_table_cell(&t, usd);
		sk_usd_short(held, usd);
		sk_table_cell(&t, usd);
		sk_usd_short(left > 0 ? left : 0, usd);
		sk_table_cell(&t, s->limit < 0 ? "" : usd);
		sk_table_cell(&t, sk_budget_level(used + held, s->limit, warn));
	}
	sk_table_print(&t);
	return rc;
}

/* ---- a reservation that became a cost ---- */

static size_t
read_scopes(char *text, struct sk_scope *v, size_t max)
{
	char *line = text, *next, *tab;
	size_t n = 0;

	for (; line != NULL && n < max; line = next) {
		next = strchr(line, '\n');
		if (next != NULL)
			*next++ = '\0';
		tab = strchr(line, '\t');
		if (tab == NULL)
			continue;
		*tab = '\0';
		v[n++] = (struct sk_scope){ line, tab + 1, -1 };
	}
	return n;
}

static const char *
scope_id(const struct sk_scope *v, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(v[i].name, name) == 0)
			return v[i].id;
	return NULL;
}

static int
charge(struct sk_meter *m, const char *key, int64_t cost, bool *already,
    struct sk_arena *a, struct sk_err *err)
{
	struct sk_scope v[SK_SCOPES_MAX];
	struct sk_usage_row u = { .root = "",
		.spec = "",
		.stage = "",
		.agent = "-",
		.provider = "",
		.model = "",
		.source = "sk-metrics",
		.flags = SK_TF_NONE | SK_TF_REPORTED };
	enum sk_booked what;
	struct sk_reservation held;
	bool found = false;
	int rc;

	rc = sk_usage_known(m->db, key, already, err);
	if (rc != 0 || *already)
		return rc;
	rc = sk_reservation_get(m->db, key, &held, &found, a, err);
	if (rc == 0 && !found) {
		(void)sk_fail(err, SK_USAGE, "no_reservation",
		    "there is no reservation '%s'", key);
		return sk_hint(err, "it may have been released, or its holder "
				    "has ended");
	}
	if (rc != 0)
		return rc;
	u.key = key;
	u.cost = cost;
	u.at_ms = sk_now_ms();
	u.scopes = v;
	u.n_scopes = read_scopes(held.scopes, v, SK_ARRAY_SIZE(v));
	u.run = scope_id(v, u.n_scopes, "run");
	u.branch = scope_id(v, u.n_scopes, "branch");
	rc = sk_usage_book(m->db, &u, &what, err);
	return rc != 0 ? rc : sk_release(m->db, key, NULL, err);
}

int
sk_meter_charge(struct sk_meter *m, const char *key, int64_t cost,
    bool *already, struct sk_err *err)
{
	struct sk_arena a = { 0 };
	int rc;

	rc = sk_db_begin(m->db, err);
	if (rc == 0) {
		rc = charge(m, key, cost, already, &a, err);
		if (rc == 0)
			rc = sk_db_commit(m->db, err);
		else
			sk_db_rollback(m->db);
	}
	sk_arena_free(&a);
	return rc;
}
