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
	free(o->message);
	free(o->content);
	free(o->diff);
	free(o->base);
	free(o->session);
	free(o->model);
	free(o->host);
	sk_outcome_init(o);
}

const char *
sk_outcome_text(const struct sk_outcome *o)
{
	return o->message != NULL ? o->message : "";
}

static void
say(struct sk_outcome *o, const char *fmt, va_list ap) SK_PRINTF(2, 0);

/* Of its own size: a thousand agents that have nothing to say keep nothing. */
static void
say(struct sk_outcome *o, const char *fmt, va_list ap)
{
	char text[SK_MESSAGE_MAX];

	(void)vsnprintf(text, sizeof(text), fmt, ap);
	free(o->message);
	o->message = sk_strdup(text);
}

void
sk_outcome_say(struct sk_outcome *o, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(o, fmt, ap);
	va_end(ap);
}

void
sk_outcome_fail(struct sk_outcome *o, enum sk_kind k, const char *fmt, ...)
{
	va_list ap;

	if (o->kind != SK_K_NONE)
		return;
	o->kind = k;
	va_start(ap, fmt);
	say(o, fmt, ap);
	va_end(ap);
}

/* ---- content ---- */

static void
take_content(struct sk_outcome *o, const char *p, size_t n)
{
	struct sk_buf b;

	while (n > 0 && (p[n - 1] == '\n' || p[n - 1] == '\r'))
		n--;
	sk_buf_init(&b, 0);
	(void)sk_buf_room(&b, n + 1); /* long answers are not moved about */
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

/* ---- the end of the output ---- */

/*
 * The document in an output that may hold other lines as well: objects and
 * lists are tried where a line begins with their bracket, the last first or the
 * first first.
 */
static struct sk_jv *
document(struct sk_arena *a, const char *p, size_t n, bool last)
{
	struct sk_jv *v, *found = NULL;
	size_t tries = 0;

	for (size_t i = 0; i < n && tries < 256;) {
		const char *nl = memchr(p + i, '\n', n - i);
		size_t used = 0;

		if ((p[i] == '{' || p[i] == '[') && ++tries > 0 &&
		    sk_json_prefix(a, p + i, n - i, NULL, &v, &used, NULL) ==
			0 &&
		    (v->type == SK_J_OBJ || v->type == SK_J_ARR)) {
			found = v;
			if (!last)
				break;
			i += used;
			nl = i < n ? memchr(p + i, '\n', n - i) : NULL;
		}
		if (nl == NULL)
			break;
		i = (size_t)(nl - p) + 1;
	}
	return found;
}

/* The events of a format that is complete only at the end. */
static void
read_whole(struct sk_tap *t, const struct sk_errtap *e)
{
	struct sk_arena a = { 0 };
	struct sk_jv *v = NULL;

	if (t->form == SK_OUT_JSONL && t->line.total > 0) {
		char nl = '\n';

		sk_tap_feed(t, &nl, 1); /* a last line without its end */
		t->total--;
	}
	if (t->form == SK_OUT_JSON && !t->flooded) {
		v = document(&a, t->buf.p, t->buf.len, false);
		if (v != NULL)
			sk_reader_events(&t->r, v);
	}
	if (t->r.ad->error_json && t->form != SK_OUT_TEXT && !t->r.any) {
		struct sk_buf b;

		sk_buf_init(&b, 4 * SK_HEAD_KEPT);
		sk_errtap_text(e, &b);
		v = document(&a, b.p, b.len, true);
		if (v != NULL)
			sk_reader_events(&t->r, v);
		sk_buf_free(&b);
	}
	sk_arena_free(&a);
}

/* "session id: 0199…" on standard error, where the text form has it. */
static void
text_session(
    struct sk_outcome *o, const struct sk_tap *t, const struct sk_errtap *e)
{
	const struct sk_jv *l = sk_jget(t->r.ad->text, "session");
	struct sk_buf raw, b;

	if (t->form != SK_OUT_TEXT || o->session != NULL || sk_jlen(l) == 0)
		return;
	sk_buf_init(&raw, 4 * SK_HEAD_KEPT);
	sk_buf_init(&b, 4 * SK_HEAD_KEPT);
	sk_errtap_text(e, &raw);
	sk_plain_add(&b, raw.p, raw.len);
	for (size_t i = 0; i < l->n && o->session == NULL; i++) {
		const char *w = sk_jstr(l->a[i]);
		const char *m = w != NULL ? strstr(b.p, w) : NULL;
		size_t n;

		if (m == NULL)
			continue;
		m += strlen(w);
		n = strspn(m, "0123456789abcdefABCDEF-_ghijklmnopqrstuvwxyz"
			      "GHIJKLMNOPQRSTUVWXYZ");
		if (n > 0 && n <= 128)
			o->session = sk_strndup(m, n);
	}
	sk_buf_free(&raw);
	sk_buf_free(&b);
}

/* Does a line begin like one of these? */
static bool
begins(const struct sk_jv *list, const char *p, size_t n)
{
	for (size_t i = 0; i < sk_jlen(list); i++) {
		const char *w = sk_jstr(list->a[i]);

		if (w != NULL && n >= strlen(w) && memcmp(p, w, strlen(w)) == 0)
			return true;
	}
	return false;
}

/* The bytes of one line with its end. */
static size_t
line_at(const struct sk_buf *b, size_t i)
{
	const char *nl = memchr(b->p + i, '\n', b->len - i);

	return nl != NULL ? (size_t)(nl + 1 - b->p) - i : b->len - i;
}

/*
 * What a program prints among its answer: notices of a line, and blocks that
 * show a tool at work, from a head with a body below it to the empty line.
 */
static void
drop_notices(struct sk_tap *t)
{
	const struct sk_jv *text = t->r.ad->text;
	const struct sk_jv *heads = sk_jget(text, "block_head");
	const struct sk_jv *body = sk_jget(text, "block_body");
	struct sk_buf b, *from = &t->buf;
	bool block = false;

	if (sk_jget(text, "drop") == NULL && heads == NULL)
		return;
	sk_buf_init(&b, from->max);
	for (size_t i = 0, n; i < from->len; i += n) {
		const char *p = from->p + i;

		n = line_at(from, i);
		if (!block && begins(heads, p, n) && i + n < from->len)
			block = begins(body, p + n, from->len - i - n);
		if (block) {
			block = n > 1; /* the empty line goes with it */
		} else if (begins(sk_jget(text, "drop"), p, n)) {
			if (i + n < from->len && p[n] == '\n')
				n++;
		} else {
			sk_buf_add(&b, p, n);
		}
	}
	sk_buf_free(from);
	*from = b;
}

/* ---- all of it ---- */

static void
judge_answer(struct sk_outcome *o, struct sk_tap *t, const struct sk_jv *schema)
{
	struct sk_reader *r = &t->r;
	bool text = t->form == SK_OUT_TEXT;

	o->retry_after_ms = o->reset_at_ms = 0;
	if (text)
		take_content(o, t->buf.p, t->buf.len);
	else if (!sk_reader_unpark(&r->content, &r->content_out) ||
		 (blank(r->content.p, r->content.len) &&
		     !sk_reader_unpark(&r->fallback, &r->fallback_out)))
		sk_outcome_fail(o, SK_K_INTERNAL, "the output is lost");
	else if (r->content.full)
		sk_outcome_fail(o, SK_K_TRUNCATED,
		    "the answer is longer than %zu bytes", t->max);
	else if (blank(r->content.p, r->content.len))
		take_content(o, r->fallback.p, r->fallback.len);
	else
		take_content(o, r->content.p, r->content.len);
	sk_buf_free(&r->content);
	sk_buf_free(&r->fallback);
	if (o->kind == SK_K_NONE && blank(o->content, o->content_n)) {
		if (r->empty_kind != SK_K_NONE)
			sk_outcome_fail(o, r->empty_kind, "%s",
			    r->soft.len > 0 ? r->soft.p
					    : "it stopped without an answer");
		else
			sk_outcome_fail(o, SK_K_EMPTY, "the answer is empty");
		free(o->content);
		o->content = NULL;
		o->content_n = 0;
		o->sha256[0] = '\0';
	}
	if (o->kind == SK_K_NONE && schema != NULL)
		check_schema(o, schema);
}

void
sk_outcome_judge(struct sk_outcome *o, struct sk_tap *t,
    const struct sk_errtap *e, int wstatus, const struct sk_jv *schema)
{
	const struct sk_adapter *ad = t->r.ad;
	bool text = t->form == SK_OUT_TEXT;

	if (WIFEXITED(wstatus))
		o->exit_code = WEXITSTATUS(wstatus);
	else
		o->signal = WTERMSIG(wstatus);
	o->output_bytes = t->total;
	read_whole(t, e);
	text_session(o, t, e);
	if (text)
		drop_notices(t);
	if (sk_tap_error(t) != 0)
		sk_outcome_fail(o, SK_K_INTERNAL, "cannot keep the output: %s",
		    strerror(sk_tap_error(t)));
	if (o->kind != SK_K_NONE) {
		/* We ended it: nothing that it says of the end counts. */
		sk_judge_failure(o, t, e);
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
	    (ad->result_needed && !text && !t->r.ok))
		sk_judge_failure(o, t, e);
	else
		judge_answer(o, t, schema);
}

#ifdef SK_FAULTS
void
sk_outcome_again(
    struct sk_outcome *o, const char *p, size_t n, const struct sk_jv *schema)
{
	char *old = o->content;

	take_content(o, p, n);
	free(old);
	if (blank(o->content, o->content_n)) {
		sk_outcome_fail(o, SK_K_EMPTY, "the answer is empty");
		free(o->content);
		o->content = NULL;
		o->content_n = 0;
		o->sha256[0] = '\0';
	} else if (schema != NULL) {
		check_schema(o, schema);
	}
}
#endif
