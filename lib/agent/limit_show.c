/* SPDX-License-Identifier: MIT */
/* sk-run limits: what is known of each provider, and forgetting it. */
#include <string.h>

#include "agent/retry.h"
#include "cli/cli.h"

static const char *
circuit_word(enum sk_circuit c)
{
	static const char *const words[] = { [SK_CLOSED] = "closed",
		[SK_OPEN] = "open",
		[SK_HALF_OPEN] = "half_open" };

	return words[c];
}

/* When a call may begin again; 0 = now. */
static int64_t
resume(const struct sk_retry *p, const struct sk_provider *v, int64_t now)
{
	int64_t at = v->limited_until_ms > now ? v->limited_until_ms : 0;

	if (sk_breaker_state(p, v, now) == SK_OPEN &&
	    v->opened_ms + p->cool_down_ms > at)
		at = v->opened_ms + p->cool_down_ms;
	return at;
}

static void
put_one(struct sk_jw *w, const struct sk_retry *p, const struct sk_provider *v)
{
	int64_t now = sk_now_ms(), failed = 0, at = resume(p, v, now);
	bool limited = v->limited_until_ms > now;

	for (const char *c = v->calls; *c != '\0'; c++)
		failed += *c == 'x';
	sk_jw_obj(w);
	sk_jw_kstr(w, "provider", v->name);
	sk_jw_ktime(w, "resume_at", at);
	sk_jw_kstr(w, "reason",
	    limited   ? v->reason
	    : at != 0 ? "circuit_open"
		      : NULL);
	sk_jw_kstr(w, "circuit", circuit_word(sk_breaker_state(p, v, now)));
	sk_jw_kint(w, "calls", (int64_t)strlen(v->calls));
	sk_jw_kint(w, "failed", failed);
	sk_jw_key(w, "concurrency");
	if (v->concurrency > 0)
		sk_jw_int(w, v->concurrency);
	else
		sk_jw_null(w);
	sk_jw_kint(w, "in_flight", v->in_flight);
	sk_jw_end(w);
}

static void
row(struct sk_table *t, const struct sk_retry *p, const struct sk_provider *v)
{
	int64_t now = sk_now_ms(), at = resume(p, v, now);
	char when[SK_TIME_LEN] = "now";

	if (at != 0)
		sk_time_text(at, when);
	sk_table_cell(t, v->name);
	sk_table_cell(t, when);
	sk_table_cell(t, circuit_word(sk_breaker_state(p, v, now)));
	sk_table_cellf(t, "%lld", (long long)v->in_flight);
	if (v->concurrency > 0)
		sk_table_cellf(t, "%lld", (long long)v->concurrency);
	else
		sk_table_cell(t, "any");
}

static int
show_all(
    struct sk_db *db, const struct sk_retry *p, bool text, struct sk_err *err)
{
	struct sk_strv names = { 0 };
	struct sk_provider v;
	struct sk_table t;
	struct sk_buf b;
	struct sk_jw w;
	int rc = db != NULL ? sk_provider_list(db, &names, err) : 0;

	sk_table_init(&t, 5, 1u << 3 | 1u << 4);
	sk_table_cell(&t, "PROVIDER");
	sk_table_cell(&t, "NEXT CALL");
	sk_table_cell(&t, "CIRCUIT");
	sk_table_cell(&t, "IN FLIGHT");
	sk_table_cell(&t, "AT ONCE");
	sk_buf_init(&b, 0);
	sk_jw_doc(&w, &b, "sk.limits/1");
	sk_jw_karr(&w, "providers");
	for (size_t i = 0; rc == 0 && i < names.n; i++) {
		rc = sk_provider_get(db, names.v[i], &v, err);
		if (rc != 0)
			break;
		put_one(&w, p, &v);
		row(&t, p, &v);
	}
	sk_jw_end(&w);
	sk_jw_done(&w);
	if (rc == 0 && !text)
		sk_out_json(&b);
	if (rc == 0 && text)
		sk_table_print(&t); /* which frees it */
	else
		sk_strv_free(&t.cells);
	sk_buf_free(&b);
	sk_strv_free(&names);
	return rc;
}

int
sk_limits(const char *path, const struct sk_config *conf, const char *forget,
    bool text, struct sk_err *err)
{
	struct sk_db *db = NULL;
	struct sk_retry p;
	bool found = true;
	int rc;

	rc = sk_retry_load(&p, conf, 0, -1, err);
	if (rc == 0)
		rc = sk_db_open(
		    &db, path, forget != NULL ? 0 : SK_DB_READONLY, err);
	if (rc != 0 && sk_streq(err->code, "no_database") && forget == NULL) {
		sk_err_clear(err); /* nobody has called anybody */
		db = NULL;
		rc = 0;
	}
	if (rc == 0 && forget != NULL)
		rc = sk_provider_forget(db, forget, &found, err);
	if (rc == 0 && !found)
		rc = sk_fail(err, SK_USAGE, "no_such_provider",
		    "nothing is known of provider '%s'", forget);
	if (rc == 0)
		rc = show_all(db, &p, text, err);
	sk_db_close(db);
	return rc;
}
