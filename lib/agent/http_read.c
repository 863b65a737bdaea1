/* SPDX-License-Identifier: MIT */
/* What comes back: one document, or a stream of them, under the adapter's
 * rules. Nothing is kept that was read. */
#include <stdio.h>
#include <string.h>

#include "agent/http.h"

#define NOISE_KEPT ((size_t)2048)

/* ---- documents ---- */

static bool
same(const struct sk_jv *want, const struct sk_jv *got)
{
	for (size_t i = 0; want->type == SK_J_ARR && i < want->n; i++)
		if (same(want->a[i], got))
			return true;
	if (got == NULL || want->type != got->type)
		return false;
	return want->type == SK_J_STR
	           ? want->n == got->n && memcmp(want->s, got->s, got->n) == 0
	           : want->type == SK_J_TRUE || want->type == SK_J_FALSE;
}

/* Is this the document after which nothing counts? */
static bool
is_last(const struct sk_adapter *ad, const struct sk_jv *v)
{
	const struct sk_jv *l = sk_jget(ad->http, "last");

	for (size_t i = 0; i < sk_jlen(l); i++)
		if (!same(l->m[i].v, sk_jptr(v, l->m[i].key)))
			return false;
	return sk_jlen(l) > 0;
}

static void
keep_noise(struct sk_http_body *b, const char *p, size_t n)
{
	sk_buf_clear(&b->tap->noise);
	sk_buf_add(&b->tap->noise, p, n < NOISE_KEPT ? n : NOISE_KEPT);
}

static struct sk_jv *
parse(struct sk_http_body *b, struct sk_arena *a, const char *p, size_t n)
{
	struct sk_jlimits lim = sk_jlimits_default;
	struct sk_jv *v = NULL;
	struct sk_err ignored = { 0 };

	/* An answer in one piece is one string. */
	lim.bytes = lim.string = b->max;
	if (sk_json_parse(a, p, n, &lim, &v, &ignored) != 0)
		v = NULL;
	sk_err_clear(&ignored);
	return v;
}

/* ---- what a document changed ---- */

/* All that a document can do but to append text. */
struct trace {
	bool ok, failed, has_content, limited;
	enum sk_kind kind, empty_kind;
	int64_t http, cost, retry_after, reset_at;
	size_t error, detail, soft, fallback;
	struct sk_usage usage;
	struct sk_hint hint;
	char model[130], session[258];
};

static void
trace(const struct sk_reader *r, struct trace *t)
{
	const struct sk_outcome *o = r->o;

	memset(t, 0, sizeof(*t));
	t->ok = r->ok;
	t->failed = r->failed;
	t->has_content = r->has_content;
	t->limited = r->limited;
	t->kind = r->kind;
	t->empty_kind = r->empty_kind;
	t->http = r->http;
	t->cost = o->cost_micro;
	t->retry_after = o->retry_after_ms;
	t->reset_at = o->reset_at_ms;
	t->error = r->error.len;
	t->detail = r->detail.len;
	t->soft = r->soft.len;
	t->fallback = r->fallback.len;
	t->usage.input = o->usage.input;
	t->usage.cache_read = o->usage.cache_read;
	t->usage.cache_write = o->usage.cache_write;
	t->usage.output = o->usage.output;
	t->usage.reasoning = o->usage.reasoning;
	t->usage.known = o->usage.known;
	t->hint = r->hint;
	if (o->model != NULL)
		snprintf(t->model, sizeof(t->model), "%s", o->model);
	if (o->session != NULL)
		snprintf(t->session, sizeof(t->session), "%s", o->session);
}

/* Read a document by the rules. What did nothing but append is learnt: one
 * that differs from it only where no rule looks will do the same. */
static void
read_document(
    struct sk_http_body *b, const struct sk_jv *v, const char *p, size_t n)
{
	struct sk_reader *r = &b->tap->r;
	struct trace before, after;
	size_t had = r->content.len;

	trace(r, &before);
	sk_reader_event(r, v);
	if (r->content.len <= had)
		return;
	trace(r, &after);
	if (memcmp(&before, &after, sizeof(before)) == 0)
		sk_http_fast_learn(b->fast, p, n);
}

static bool
on_event(void *arg, const char *name, const char *p, size_t n)
{
	struct sk_http_body *b = arg;
	const char *done = sk_jget_str(b->ad->http, "done");
	struct sk_reader *r = &b->tap->r;
	struct sk_arena a = { 0 };
	struct sk_jv *v;

	(void)name; /* what counts is said in the data, by every vendor */
	if (n == 0 || sk_http_fast_take(b->fast, &r->content, p, n))
		return !r->content.full;
	if (done != NULL && strlen(done) == n && memcmp(p, done, n) == 0) {
		b->end = true;
		return false;
	}
	v = parse(b, &a, p, n);
	if (v == NULL || v->type != SK_J_OBJ) {
		b->bad = true;
		keep_noise(b, p, n);
		sk_arena_free(&a);
		return false;
	}
	read_document(b, v, p, n);
	if (r->failed)
		(void)sk_hint_tree(&r->hint, v, sk_now_ms());
	b->end = is_last(b->ad, v);
	sk_arena_free(&a);
	return !b->end && !r->content.full;
}

/* ---- from head to end ---- */

void
sk_http_body_init(struct sk_http_body *b, const struct sk_adapter *ad,
    struct sk_tap *tap, size_t max)
{
	memset(b, 0, sizeof(*b));
	b->ad = ad;
	b->tap = tap;
	/* Every byte of text may be written as \u00xx. */
	b->max = 6 * max + ((size_t)1 << 20);
	sk_buf_init(&b->whole, b->max + 1);
}

void
sk_http_body_free(struct sk_http_body *b)
{
	if (b->whole.p != NULL)
		sk_buf_free(&b->whole);
	if (b->stream_on)
		sk_stream_free(&b->stream);
	sk_http_fast_free(b->fast);
	memset(b, 0, sizeof(*b));
}

static bool
type_is(const char *type, const char *word)
{
	return type != NULL && strcasestr(type, word) != NULL;
}

static void
take_hints(struct sk_http_body *b, const struct sk_net_head *h)
{
	struct sk_reader *r = &b->tap->r;
	int64_t now = sk_now_ms();

	for (size_t i = 0; i + 1 < h->fields.n; i += 2)
		(void)sk_hint_header(
		    &r->hint, h->fields.v[i], h->fields.v[i + 1], now);
	/* Who is overloaded and says until when is believed. */
	r->limited = h->status == 429 || h->status == 503 || h->status == 529;
}

bool
sk_http_body_head(
    struct sk_http_body *b, const struct sk_net_head *h, bool streamed)
{
	const char *type = sk_net_field(h, "content-type");
	const char *form = sk_jget_str(b->ad->http, "stream");
	bool lines = sk_streq(form, "lines");

	b->status = h->status;
	if (h->status < 200 || h->status > 299) {
		take_hints(b, h);
		return true;
	}
	/* Some servers give the whole although a stream was asked for. */
	if (type_is(type, "event-stream")) {
		lines = false;
		streamed = true;
	} else if (type_is(type, "ndjson") || type_is(type, "jsonl")) {
		lines = streamed = true;
	} else if (type_is(type, "json")) {
		streamed = streamed && lines;
	} else if (type != NULL && !type_is(type, "text/plain") &&
		   !type_is(type, "octet-stream")) {
		b->bad = true;
		return false;
	}
	if (!streamed)
		return true;
	b->form = SK_HTTP_EVENTS;
	b->stream_on = true;
	b->fast = sk_http_fast_new(b->ad);
	sk_stream_init(&b->stream, lines ? SK_STREAM_LINES : SK_STREAM_SSE,
	    b->max, on_event, b);
	return true;
}

bool
sk_http_body_part(struct sk_http_body *b, const char *p, size_t n)
{
	size_t max = b->status > 299 ? SK_HTTP_ERROR_KEPT : b->max;

	b->tap->total += n;
	if (b->form == SK_HTTP_EVENTS) {
		if (sk_stream_feed(&b->stream, p, n))
			return true;
		b->tap->flooded |= b->stream.too_long;
		return false;
	}
	if (b->whole.len + n > max) {
		b->cut = b->status > 299;
		b->tap->flooded |= !b->cut;
		return false;
	}
	sk_buf_add(&b->whole, p, n);
	return true;
}

/* An error without a document that says which. */
static void
name_status(struct sk_http_body *b, bool page)
{
	struct sk_reader *r = &b->tap->r;

	if (r->error.len == 0)
		sk_buf_printf(&r->error, "HTTP status %d%s", b->status,
		    page ? " and something that is no JSON" : "");
}

static void
end_whole(struct sk_http_body *b)
{
	struct sk_reader *r = &b->tap->r;
	struct sk_arena a = { 0 };
	const char *p = b->whole.p;
	size_t n = b->whole.len;
	struct sk_jv *v = n > 0 ? parse(b, &a, p, n) : NULL;
	bool error = b->status > 299;

	if (v != NULL && v->type == SK_J_ARR)
		for (size_t i = 0; i < v->n; i++)
			sk_reader_event(r, v->a[i]);
	else if (v != NULL)
		sk_reader_event(r, v);
	else if (n > 0)
		keep_noise(b, p, n);
	if (error || r->failed)
		(void)sk_hint_body(&r->hint, p, n, sk_now_ms());
	if (error) {
		r->failed = true;
		r->http = b->status;
		name_status(b, v == NULL && n > 0);
		sk_buf_clear(&b->tap->noise); /* a page tells nobody more */
	} else {
		b->bad |= v == NULL && n > 0;
	}
	sk_arena_free(&a);
}

void
sk_http_body_end(struct sk_http_body *b)
{
	if (b->form == SK_HTTP_EVENTS)
		(void)sk_stream_end(&b->stream);
	else if (!b->tap->flooded)
		end_whole(b);
}
