/* SPDX-License-Identifier: MIT */
/*
 * The end of an attempt. What we did to the agent comes first (an agent that
 * exits 0 after our signal was still cancelled), then what its own events say,
 * then its exit status; never the exit status alone.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "agent/internal.h"

void
sk_outcome_init(struct sk_outcome *o)
{
	memset(o, 0, sizeof(*o));
	o->usage = (struct sk_usage){ -1, -1, -1, -1, -1, false };
	o->cost_micro = -1;
	o->exit_code = o->signal = -1;
	o->first_byte_ms = -1;
}

void
sk_outcome_free(struct sk_outcome *o)
{
	free(o->content);
	free(o->session);
	free(o->model);
	free(o->host);
	sk_outcome_init(o);
}

void
sk_outcome_fail(struct sk_outcome *o, enum sk_kind k, const char *fmt, ...)
{
	va_list ap;

	if (o->kind != SK_K_NONE)
		return;
	o->kind = k;
	va_start(ap, fmt);
	(void)vsnprintf(o->message, sizeof(o->message), fmt, ap);
	va_end(ap);
}

/* ---- text of errors ---- */

/* The last line that says something, cut to what a message holds. */
static void
last_line(const char *p, size_t n, char *out, size_t cap)
{
	struct sk_buf b;
	const char *nl;
	size_t k;

	while (n > 0 && ((unsigned char)p[n - 1] <= ' '))
		n--;
	nl = n > 0 ? memrchr(p, '\n', n) : NULL;
	if (nl != NULL) {
		n -= (size_t)(nl + 1 - p);
		p = nl + 1;
	}
	sk_buf_init(&b, 0);
	(void)sk_utf8_clean(&b, p, n < 2048 ? n : 2048);
	k = b.len < cap ? b.len : cap - 1;
	while (k > 0 && k < b.len && ((unsigned char)b.p[k] & 0xc0) == 0x80)
		k--; /* not within a character */
	memcpy(out, b.p, k);
	out[k] = '\0';
	sk_buf_free(&b);
}

/* Everything the agent said outside its events. */
static void
other_text(
    const struct sk_tap *t, const struct sk_errtap *e, struct sk_buf *out)
{
	if (t->r.ad->format == SK_OUT_JSONL)
		sk_buf_add(out, t->noise.p, t->noise.len);
	else if (!t->r.any)
		sk_buf_add(out, t->buf.p,
		    t->buf.len < SK_TEXT_KEPT ? t->buf.len : SK_TEXT_KEPT);
	sk_errtap_text(e, out);
}

static bool
exit_kind(const struct sk_adapter *ad, int code, enum sk_kind *k)
{
	char key[16];

	snprintf(key, sizeof(key), "%d", code);
	return sk_kind_of(sk_jget_str(ad->exit_kinds, key), k);
}

/* ---- failures ---- */

/* The agent's own words: its error event, else its last line elsewhere. */
static void
say(struct sk_outcome *o, const struct sk_buf *error,
    const struct sk_buf *other)
{
	char text[sizeof(o->message) - 40];

	text[0] = '\0';
	if (error->len > 0)
		last_line(error->p, error->len, text, sizeof(text));
	if (text[0] == '\0' && other->len > 0 && o->signal < 0)
		last_line(other->p, other->len, text, sizeof(text));
	if (text[0] != '\0')
		(void)snprintf(o->message, sizeof(o->message), "%s", text);
	else if (o->signal >= 0)
		(void)snprintf(o->message, sizeof(o->message),
		    "ended by signal %d", o->signal);
	else if (o->exit_code > 0)
		(void)snprintf(o->message, sizeof(o->message),
		    "exit status %d without a word", o->exit_code);
	else
		(void)snprintf(o->message, sizeof(o->message),
		    "the output ends without a result");
}

static enum sk_kind
failure_kind(
    const struct sk_outcome *o, struct sk_reader *r, const struct sk_buf *other)
{
	enum sk_kind k;

	if (r->kind != SK_K_NONE)
		return r->kind;
	if (r->failed || r->error.len > 0) {
		struct sk_buf b;

		sk_buf_init(&b, 4 * SK_TEXT_KEPT);
		sk_buf_add(&b, r->detail.p, r->detail.len);
		sk_buf_add(&b, r->error.p, r->error.len);
		k = sk_classify(r->ad, b.p, b.len, r->http);
		sk_buf_free(&b);
		if (k != SK_K_NONE)
			return k;
	}
	if (o->exit_code >= 0 && exit_kind(r->ad, o->exit_code, &k))
		return k;
	if (o->signal >= 0)
		return o->signal == SIGKILL || o->signal == SIGTERM ||
		               o->signal == SIGINT || o->signal == SIGHUP
		           ? SK_K_KILLED
		           : SK_K_CRASHED;
	k = sk_classify(r->ad, other->p, other->len, 0);
	if (k != SK_K_NONE)
		return k;
	return o->exit_code == 0 && !r->failed ? SK_K_TRUNCATED : SK_K_CRASHED;
}

static void
judge_failure(struct sk_outcome *o, struct sk_tap *t, const struct sk_errtap *e)
{
	struct sk_buf other;
	enum sk_kind k;

	sk_buf_init(&other, 4 * SK_HEAD_KEPT);
	other_text(t, e, &other);
	k = failure_kind(o, &t->r, &other);
	say(o, &t->r.error, &other);
	o->kind = k;
	/* A hint counts only where waiting helps. */
	if (k != SK_K_RATE_LIMITED && k != SK_K_QUOTA_EXHAUSTED) {
		o->retry_after_ms = o->reset_at_ms = 0;
	} else if (o->retry_after_ms == 0) {
		o->retry_after_ms = sk_retry_hint(t->r.error.p, t->r.error.len);
		if (o->retry_after_ms == 0)
			o->retry_after_ms = sk_retry_hint(other.p, other.len);
	}
	sk_buf_free(&other);
}

/* ---- content ---- */

static void
take_content(struct sk_outcome *o, const char *p, size_t n)
{
	struct sk_buf b;

	while (n > 0 && (p[n - 1] == '\n' || p[n - 1] == '\r'))
		n--;
	sk_buf_init(&b, 0);
	o->lossy = sk_utf8_clean(&b, p, n);
	o->content_n = b.len;
	o->content = sk_buf_detach(&b);
	sk_sha256(o->content, o->content_n, o->sha256);
}

static bool
blank(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)p[i] > ' ')
			return false;
	return true;
}

static void
check_schema(struct sk_outcome *o, const struct sk_jv *schema)
{
	struct sk_schema_out out = { 0 };
	struct sk_arena a = { 0 };
	struct sk_jv *v = NULL;

	if (sk_json_find(&a, o->content, o->content_n, &v) == SK_JFOUND_NONE)
		sk_outcome_fail(o, SK_K_INVALID,
		    "the answer holds no JSON, and a schema was asked for");
	else if (!sk_schema_check(schema, v, &out))
		sk_outcome_fail(o, SK_K_INVALID,
		    "the answer does not fit the schema at '%s': %s",
		    out.n != 0 ? out.v[0].pointer : "",
		    out.n != 0 ? out.v[0].message : "");
	sk_schema_out_free(&out);
	sk_arena_free(&a);
}

/* The events of a format that is complete only at the end. */
static void
read_whole(struct sk_tap *t, const struct sk_errtap *e)
{
	struct sk_arena a = { 0 };
	struct sk_jv *v = NULL;

	if (t->r.ad->format == SK_OUT_JSONL && t->buf.len > 0) {
		char nl = '\n';

		sk_tap_feed(t, &nl, 1); /* a last line without its end */
		t->total--;
	}
	if (t->r.ad->format == SK_OUT_JSON && !t->flooded &&
	    sk_json_find(&a, t->buf.p, t->buf.len, &v) != SK_JFOUND_NONE) {
		if (v->type == SK_J_ARR)
			for (size_t i = 0; i < v->n; i++)
				sk_reader_event(&t->r, v->a[i]);
		else
			sk_reader_event(&t->r, v);
	}
	if (t->r.ad->error_json && !t->r.any) {
		struct sk_buf b;

		sk_buf_init(&b, 4 * SK_HEAD_KEPT);
		sk_errtap_text(e, &b);
		if (sk_json_find(&a, b.p, b.len, &v) != SK_JFOUND_NONE)
			sk_reader_event(&t->r, v);
		sk_buf_free(&b);
	}
	sk_arena_free(&a);
}

void
sk_outcome_judge(struct sk_outcome *o, struct sk_tap *t,
    const struct sk_errtap *e, int wstatus, const struct sk_jv *schema)
{
	const struct sk_adapter *ad = t->r.ad;
	bool text = ad->format == SK_OUT_TEXT;

	if (WIFEXITED(wstatus))
		o->exit_code = WEXITSTATUS(wstatus);
	else
		o->signal = WTERMSIG(wstatus);
	o->output_bytes = t->total;
	read_whole(t, e);
	if (o->kind != SK_K_NONE) {
		/* We ended it: nothing that it said counts. */
		o->retry_after_ms = o->reset_at_ms = 0;
		return;
	}
	if (t->flooded && (text || (!t->r.ok && !t->r.failed))) {
		sk_outcome_fail(o, SK_K_TRUNCATED,
		    "%llu bytes of output, %zu are the limit",
		    (unsigned long long)t->total, t->max);
		if (text)
			take_content(o, t->buf.p, t->buf.len);
		return;
	}
	if (t->r.failed || o->exit_code != 0 ||
	    (ad->result_needed && !t->r.ok)) {
		judge_failure(o, t, e);
		return;
	}
	o->retry_after_ms = o->reset_at_ms = 0;
	if (text)
		take_content(o, t->buf.p, t->buf.len);
	else if (t->r.content.full)
		sk_outcome_fail(o, SK_K_TRUNCATED,
		    "the answer is longer than %zu bytes", t->max);
	else
		take_content(o, t->r.content.p, t->r.content.len);
	if (o->kind == SK_K_NONE && blank(o->content, o->content_n)) {
		sk_outcome_fail(o, SK_K_EMPTY, "the answer is empty");
		free(o->content);
		o->content = NULL;
		o->content_n = 0;
		o->sha256[0] = '\0';
	}
	if (o->kind == SK_K_NONE && schema != NULL)
		check_schema(o, schema);
}
