/* SPDX-License-Identifier: MIT */
/* What an adapter made of a recording: compared with what is right, printed. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/check.h"

/* NULL and NULL are the same nothing. */
static bool
same(const char *a, const char *b)
{
	return a == b || sk_streq(a, b);
}

static void
differ(struct sk_strv *d, const char *what, const char *got, const char *want)
{
	char *s = sk_asprintf("%s: %s, not %s", what,
	    got != NULL && *got != '\0' ? got : "null",
	    want != NULL ? want : "null");

	sk_strv_add(d, s);
	free(s);
}

/* A number that may be null (-1). */
static void
cmp_count(
    struct sk_strv *d, const char *what, int64_t got, const struct sk_jv *want)
{
	char g[32], w[32];
	int64_t x = -1;

	if (want != NULL && want->type == SK_J_NUM && !sk_jint(want, &x))
		x = -2;
	if (x == got)
		return;
	snprintf(g, sizeof(g), got < 0 ? "null" : "%lld", (long long)got);
	snprintf(w, sizeof(w), x < 0 ? "null" : "%lld", (long long)x);
	differ(d, what, g, w);
}

static int64_t
total_input(const struct sk_usage *u)
{
	return u->input < 0
	           ? -1
	           : u->input + (u->cache_read > 0 ? u->cache_read : 0) +
	                 (u->cache_write > 0 ? u->cache_write : 0);
}

static void
cmp_usage(
    struct sk_strv *d, const struct sk_outcome *o, const struct sk_jv *want)
{
	const struct sk_usage *u = &o->usage;

	if (want == NULL || want->type != SK_J_OBJ) {
		if (u->known)
			differ(d, "usage", "known", "null");
		return;
	}
	cmp_count(d, "usage.input_total", total_input(u),
	    sk_jget(want, "input_total"));
	cmp_count(d, "usage.input_cached", u->cache_read,
	    sk_jget(want, "input_cached"));
	cmp_count(d, "usage.cache_write", u->cache_write,
	    sk_jget(want, "cache_write"));
	cmp_count(
	    d, "usage.output_total", u->output, sk_jget(want, "output_total"));
	cmp_count(
	    d, "usage.reasoning", u->reasoning, sk_jget(want, "reasoning"));
}

static void
cmp_content(
    struct sk_strv *d, const struct sk_outcome *o, const struct sk_jv *want)
{
	const char *sha = sk_jget_str(want, "content_sha256");
	const struct sk_jv *c = sk_jget(want, "content");

	if (sha != NULL) {
		if (!sk_streq(sha, o->sha256))
			differ(d, "content_sha256", o->sha256, sha);
		return;
	}
	if (c == NULL || c->type != SK_J_STR) {
		if (o->content != NULL)
			differ(d, "content", o->content, NULL);
		return;
	}
	if (o->content == NULL || o->content_n != c->n ||
	    memcmp(o->content, c->s, c->n) != 0)
		differ(d, "content", o->content, c->s);
}

static const char *
scope_of(const struct sk_outcome *o, const struct sk_adapter *ad)
{
	if (!o->usage.known)
		return NULL;
	return o->scope != NULL ? o->scope : ad->scope;
}

void
sk_capture_compare(struct sk_strv *d, const struct sk_outcome *o,
    const struct sk_adapter *ad, const struct sk_jv *want)
{
	const char *status = o->kind == SK_K_NONE ? "ok" : "failed";
	const char *kind = sk_kind_word(o->kind);
	const struct sk_jv *ok = sk_jget(want, "kinds_ok"), *v;
	const char *w = sk_jget_str(want, "status");
	bool found = false;

	if (!sk_streq(status, w))
		differ(d, "status", status, w);
	for (size_t i = 0; i < sk_jlen(ok); i++)
		found |= sk_streq(kind, sk_jstr(ok->a[i]));
	w = sk_jget_str(want, "kind");
	if (!found && !sk_streq(kind, w != NULL ? w : ""))
		differ(d, "kind", kind, w);
	cmp_content(d, o, want);
	w = sk_jget_str(want, "session_id");
	if (!same(o->session, w))
		differ(d, "session_id", o->session, w);
	cmp_usage(d, o, sk_jget(want, "usage"));
	w = sk_jget_str(want, "usage_scope");
	if (!same(scope_of(o, ad), w))
		differ(d, "usage_scope", scope_of(o, ad), w);
	v = sk_jget(want, "cost_usd");
	if ((v != NULL && v->type == SK_J_NUM) != (o->cost_micro >= 0) ||
	    (o->cost_micro >= 0 &&
		fabs(sk_jdouble(v, 0) * 1e6 - (double)o->cost_micro) > 0.6))
		differ(d, "cost_usd", o->cost_micro < 0 ? "null" : "another",
		    v != NULL && v->type == SK_J_NUM ? v->s : "null");
	cmp_count(d, "retry_after_ms",
	    o->retry_after_ms > 0 ? o->retry_after_ms : -1,
	    sk_jget(want, "retry_after_ms"));
	v = sk_jget(want, "reset_at");
	cmp_count(
	    d, "reset_at", o->reset_at_ms > 0 ? o->reset_at_ms / 1000 : -1, v);
}

/* ---- printing ---- */

static const char *const form_names[] = {
	[SK_OUT_TEXT] = "text", [SK_OUT_JSON] = "json", [SK_OUT_JSONL] = "jsonl"
};

static void
put_usage(struct sk_jw *w, const struct sk_capture_line *l)
{
	const struct sk_usage *u = &l->o->usage;

	sk_jw_key(w, "usage");
	if (!u->known) {
		sk_jw_null(w);
	} else {
		sk_jw_obj(w);
		sk_jw_kcount(w, "input_total", total_input(u));
		sk_jw_kcount(w, "input_cached", u->cache_read);
		sk_jw_kcount(w, "cache_write", u->cache_write);
		sk_jw_kcount(w, "output_total", u->output);
		sk_jw_kcount(w, "reasoning", u->reasoning);
		sk_jw_end(w);
	}
	sk_jw_kword(w, "usage_scope", scope_of(l->o, l->ad));
}

static void
put_match(struct sk_jw *w, const struct sk_capture_line *l)
{
	if (l->want == NULL)
		sk_jw_knull(w, "match");
	else
		sk_jw_kbool(w, "match", l->d->n == 0);
	sk_jw_kstrv(w, "mismatches", l->d);
}

void
sk_capture_json(const struct sk_capture_line *l)
{
	const struct sk_outcome *o = l->o;
	char cost[SK_USD_LEN];
	struct sk_buf b;
	struct sk_jw w;

	sk_out_json_begin(&w, &b, "sk.capture/1");
	sk_jw_kstr(&w, "adapter", l->ad->name);
	sk_jw_kstr(&w, "cli", l->c->cli);
	sk_jw_kstr(&w, "case", l->c->name);
	sk_jw_kstr(&w, "format", form_names[l->form]);
	sk_jw_kstr(&w, "status", o->kind == SK_K_NONE ? "ok" : "failed");
	sk_jw_kword(&w, "kind", sk_kind_word(o->kind));
	sk_jw_kword(&w, "message", o->message);
	sk_jw_key(&w, "content");
	if (o->content == NULL)
		sk_jw_null(&w);
	else
		sk_jw_strn(&w, o->content, o->content_n);
	sk_jw_kword(&w, "content_sha256", o->sha256);
	sk_jw_kword(&w, "session_id", o->session);
	sk_jw_kword(&w, "model", o->model);
	put_usage(&w, l);
	sk_jw_key(&w, "cost_usd");
	if (o->cost_micro < 0) {
		sk_jw_null(&w);
	} else {
		sk_usd_least(o->cost_micro, 0, cost);
		sk_jw_raw(&w, cost, strlen(cost));
	}
	sk_jw_kpos(&w, "retry_after_ms", o->retry_after_ms);
	sk_jw_ktime(&w, "reset_at", o->reset_at_ms);
	sk_jw_kcount(
	    &w, "reset_at_s", o->reset_at_ms > 0 ? o->reset_at_ms / 1000 : -1);
	sk_jw_kcount(&w, "exit", o->exit_code);
	sk_jw_kcount(&w, "signal", o->signal);
	sk_jw_kbool(&w, "signalled", l->c->sent != 0 || l->c->timed_out);
	put_match(&w, l);
	sk_out_json_end(&w);
}

static void
cell_hint(struct sk_table *t, const struct sk_outcome *o)
{
	char text[40] = "";

	if (o->retry_after_ms > 0)
		sk_duration_text(o->retry_after_ms, text, sizeof(text));
	else if (o->reset_at_ms > 0)
		sk_time_text(o->reset_at_ms, text);
	sk_table_cell(t, text);
}

void
sk_capture_row(struct sk_table *t, const struct sk_capture_line *l)
{
	const struct sk_outcome *o = l->o;
	char cost[SK_USD_LEN] = "";

	sk_table_cellf(t, "%s/%s", l->c->cli, l->c->name);
	sk_table_cell(t, form_names[l->form]);
	sk_table_cell(t, o->kind == SK_K_NONE ? "ok" : sk_kind_word(o->kind));
	if (o->usage.known)
		sk_table_cellf(t, "%lld/%lld",
		    (long long)total_input(&o->usage),
		    (long long)o->usage.output);
	else
		sk_table_cell(t, "");
	if (o->cost_micro >= 0)
		sk_usd_least(o->cost_micro, 0, cost);
	sk_table_cell(t, cost);
	sk_table_cellf(t, "%.8s", o->session != NULL ? o->session : "");
	cell_hint(t, o);
	sk_table_cellf(
	    t, "%.32s", o->content != NULL ? o->content : sk_outcome_text(o));
	sk_table_cell(t, l->want == NULL ? ""
			 : l->d->n == 0  ? "as expected"
					 : l->d->v[0]);
}

void
sk_capture_head(struct sk_table *t)
{
	static const char *const names[] = { "RECORDING", "FORM", "RESULT",
		"IN/OUT", "USD", "SESSION", "RETRY", "CONTENT", "EXPECTED" };

	sk_table_init(t, SK_ARRAY_SIZE(names), 0);
	for (size_t i = 0; i < SK_ARRAY_SIZE(names); i++)
		sk_table_cell(t, names[i]);
}
