/* SPDX-License-Identifier: MIT */
/*
 * Why an attempt failed: from what its events say of the end, else from its
 * exit status and its own words outside of events. And when to come back.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "agent/internal.h"

/* ---- text of errors ---- */

/* One line, cut to what a message holds. */
static void
one_line(const char *p, size_t n, char *out, size_t cap)
{
	struct sk_buf b;
	size_t k;

	while (n > 0 && (unsigned char)p[n - 1] <= ' ')
		n--;
	sk_buf_init(&b, 0);
	(void)sk_utf8_clean(&b, p, n < 2048 ? n : 2048);
	k = b.len < cap ? b.len : cap - 1;
	while (k > 0 && k < b.len && ((unsigned char)b.p[k] & 0xc0) == 0x80)
		k--; /* not within a character */
	memcpy(out, b.p, k);
	out[k] = '\0';
	sk_buf_free(&b);
}

/* The first line that says something. */
static void
first_line(const struct sk_buf *b, char *out, size_t cap)
{
	size_t i = 0;

	while (i < b->len && (unsigned char)b->p[i] <= ' ')
		i++;
	one_line(b->p + i, strcspn(b->p + i, "\n"), out, cap);
}

/*
 * Where the final error begins: the last line that starts like one. A program
 * may have echoed the prompt before, and a prompt can say anything.
 */
static size_t
final_error(const struct sk_buf *b)
{
	static const char *const starts[] = { "error", "[api error", "fatal",
		"api error", NULL };
	size_t at = 0;

	for (size_t i = 0; i < b->len;) {
		const char *nl = memchr(b->p + i, '\n', b->len - i);
		size_t k = i;

		while (k < b->len && (b->p[k] == ' ' || b->p[k] == '\t'))
			k++;
		for (size_t j = 0; starts[j] != NULL; j++)
			if (strncasecmp(
				b->p + k, starts[j], strlen(starts[j])) == 0)
				at = i;
		if (nl == NULL)
			break;
		i = (size_t)(nl - b->p) + 1;
	}
	return at;
}

/* Where a help page begins, that came instead of an answer; len = none. */
static size_t
help_page(const struct sk_buf *b)
{
	static const char *const starts[] = {
		"usage:", "options:", "positionals:", NULL
	};

	for (size_t i = 0; i < b->len;) {
		const char *nl = memchr(b->p + i, '\n', b->len - i);

		for (size_t j = 0; starts[j] != NULL; j++)
			if (strncasecmp(
				b->p + i, starts[j], strlen(starts[j])) == 0)
				return i;
		if (nl == NULL)
			break;
		i = (size_t)(nl - b->p) + 1;
	}
	return b->len;
}

/* Of many lines the final error when it tells this kind, else the last one that
 * does, else the last one that is more than a bracket. */
static void
telling_line(const struct sk_reader *r, const struct sk_buf *b,
    enum sk_kind kind, char *out, size_t cap)
{
	size_t end = help_page(b), tries = 0, at = final_error(b);
	size_t n = strcspn(b->p + at, "\n");
	bool any = false;

	out[0] = '\0';
	if (at < end && sk_classify(r->ad, b->p + at, n, 0) == kind) {
		one_line(b->p + at, n, out, cap);
		return;
	}
	if (end == 0)
		end = b->len;
	while (end > 0 && tries++ < 200) {
		const char *nl = memrchr(b->p, '\n', end);

		at = nl != NULL ? (size_t)(nl + 1 - b->p) : 0;
		n = end - at;
		while (n > 0 && (unsigned char)b->p[at] <= ' ') {
			at++;
			n--;
		}
		if (n > 2 && !any) {
			one_line(b->p + at, n, out, cap);
			any = true;
		}
		if (n > 2 && sk_classify(r->ad, b->p + at, n, 0) == kind) {
			one_line(b->p + at, n, out, cap);
			return;
		}
		end = nl != NULL ? (size_t)(nl - b->p) : 0;
	}
}

/* Everything the agent said outside its events; where its standard error
 * begins in it. */
static size_t
other_text(
    const struct sk_tap *t, const struct sk_errtap *e, struct sk_buf *out)
{
	size_t at;

	struct sk_buf err;
	size_t n = t->buf.len < SK_TEXT_KEPT ? t->buf.len : SK_TEXT_KEPT;

	if (t->form == SK_OUT_JSONL)
		sk_plain_add(out, t->noise.p, t->noise.len);
	else if (!t->r.any)
		sk_plain_add(out, t->buf.p + (t->buf.len - n), n);
	if (out->len > 0 && out->p[out->len - 1] != '\n')
		sk_buf_ch(out, '\n');
	sk_buf_init(&err, 4 * SK_HEAD_KEPT);
	sk_errtap_text(e, &err);
	at = out->len;
	sk_plain_add(out, err.p, err.len);
	sk_buf_free(&err);
	return at;
}

static enum sk_kind
other_kind(const struct sk_reader *r, const struct sk_buf *b)
{
	size_t at = final_error(b), help = help_page(b);
	enum sk_kind k;

	/* A help page names every word there is; what stands before counts. */
	if (help < b->len) {
		k = sk_classify(r->ad, b->p, help, 0);
		return k != SK_K_NONE ? k : SK_K_USAGE;
	}
	k = sk_classify(r->ad, b->p + at, b->len - at, 0);
	if (k == SK_K_NONE && at > 0)
		k = sk_classify(r->ad, b->p, b->len, 0);
	return k;
}

static bool
exit_kind(const struct sk_adapter *ad, int code, enum sk_kind *k)
{
	char key[16];

	snprintf(key, sizeof(key), "%d", code);
	return sk_kind_of(sk_jget_str(ad->exit_kinds, key), k);
}

/* ---- failures ---- */

/* The agent's own words: its error event, else its telling line elsewhere,
 * else what it last complained about. */
static void
say(struct sk_outcome *o, const struct sk_reader *r, const struct sk_buf *other,
    enum sk_kind kind)
{
	char text[SK_MESSAGE_MAX - 40];

	text[0] = '\0';
	if (r->error.len > 0)
		first_line(&r->error, text, sizeof(text));
	if (text[0] == '\0' && other->len > 0 && o->signal < 0)
		telling_line(r, other, kind, text, sizeof(text));
	if (text[0] == '\0' && r->soft.len > 0)
		first_line(&r->soft, text, sizeof(text));
	if (text[0] != '\0')
		sk_outcome_say(o, "%s", text);
	else if (o->signal >= 0)
		sk_outcome_say(o, "ended by signal %d", o->signal);
	else if (o->exit_code > 0)
		sk_outcome_say(
		    o, "exit status %d without a word", o->exit_code);
	else
		sk_outcome_say(o, "the output ends without a result");
}

/* By what the events said of the end; NONE when they say nothing known. */
static enum sk_kind
event_kind(const struct sk_reader *r)
{
	struct sk_buf b;
	enum sk_kind k;

	if (r->kind != SK_K_NONE)
		return r->kind;
	if (!r->failed && r->error.len == 0)
		return SK_K_NONE;
	sk_buf_init(&b, 4 * SK_TEXT_KEPT);
	sk_buf_add(&b, r->detail.p, r->detail.len);
	sk_buf_add(&b, r->error.p, r->error.len);
	k = sk_classify(r->ad, b.p, b.len, r->http);
	sk_buf_free(&b);
	return k;
}

static enum sk_kind
failure_kind(const struct sk_outcome *o, const struct sk_reader *r,
    const struct sk_buf *other, size_t err_at)
{
	struct sk_buf errors = *other; /* a view of its end */
	struct sk_adapter own = *r->ad;
	size_t help = help_page(other);
	enum sk_kind k = event_kind(r);

	if (k != SK_K_NONE)
		return k;
	if (o->signal >= 0)
		return o->signal == SIGKILL || o->signal == SIGTERM ||
		               o->signal == SIGINT || o->signal == SIGHUP
		           ? SK_K_KILLED
		           : SK_K_CRASHED;
	/* Its own words are more exact than its exit status, that is more
	 * exact than anybody's words. */
	own.common = false;
	if (help >= err_at)
		k = sk_classify(&own, other->p + err_at, help - err_at, 0);
	if (k == SK_K_NONE)
		k = sk_classify(&own, other->p, help, 0);
	if (k != SK_K_NONE)
		return k;
	if (o->exit_code >= 0 && exit_kind(r->ad, o->exit_code, &k))
		return k;
	/* Among an answer that was cut off anything can stand; what a program
	 * says beside it is about the failure. */
	errors.p += err_at;
	errors.len -= err_at;
	k = other_kind(r, &errors);
	if (k == SK_K_NONE)
		k = other_kind(r, other);
	if (k != SK_K_NONE)
		return k;
	if (r->soft.len > 0)
		k = sk_classify(r->ad, r->soft.p, r->soft.len, 0);
	if (k != SK_K_NONE)
		return k;
	if (o->exit_code == 0 && !r->failed)
		return SK_K_TRUNCATED;
	/* It refused before it began, and said so. */
	if (r->ad->early != SK_K_NONE && !r->any && other->len > 0)
		return r->ad->early;
	return SK_K_CRASHED;
}

/* ---- when to come back ---- */

/* The lines of a text that may hold hints of this program. */
static void
hint_text(struct sk_hint *h, const struct sk_adapter *ad, const char *p,
    size_t n, int64_t now_ms)
{
	struct sk_buf b;

	if (ad->hint_lines == NULL) {
		(void)sk_hint_text(h, p, n, now_ms);
		return;
	}
	sk_buf_init(&b, 4 * SK_HEAD_KEPT);
	while (n > 0) {
		const char *nl = memchr(p, '\n', n);
		size_t k = nl != NULL ? (size_t)(nl + 1 - p) : n;

		for (size_t i = 0; i < sk_jlen(ad->hint_lines); i++) {
			const char *w = sk_jstr(ad->hint_lines->a[i]);

			if (w != NULL && memmem(p, k, w, strlen(w)) != NULL) {
				sk_buf_add(&b, p, k);
				break;
			}
		}
		p += k;
		n -= k;
	}
	(void)sk_hint_text(h, b.p, b.len, now_ms);
	sk_buf_free(&b);
}

/* The final words may be the provider's own body, or hold it. */
static void
hint_error(struct sk_hint *h, const struct sk_buf *b, int64_t now_ms)
{
	const char *brace = memchr(b->p, '{', b->len);
	struct sk_arena a = { 0 };
	struct sk_jv *v;
	size_t used;

	if (brace != NULL &&
	    sk_json_prefix(&a, brace, b->len - (size_t)(brace - b->p), NULL, &v,
		&used, NULL) == 0)
		(void)sk_hint_tree(h, v, now_ms);
	if (h->retry_after_ms < 0 && h->reset_at_ms == 0)
		(void)sk_hint_text(h, b->p, b->len, now_ms);
	sk_arena_free(&a);
}

/* From the most to the least trusted: fields of events, the final words, the
 * last complaint, what stands on standard error. */
static void
take_hints(
    struct sk_outcome *o, const struct sk_tap *t, const struct sk_buf *other)
{
	const struct sk_reader *r = &t->r;
	int64_t now = t->no_clock ? 0 : sk_now_ms();
	struct sk_hint h = r->hint;

	if (o->retry_after_ms > 0 || o->reset_at_ms > 0)
		return;
	sk_hint_settle(&h, now);
	if (h.retry_after_ms < 0 && h.reset_at_ms == 0)
		hint_error(&h, &r->error, now);
	if (h.retry_after_ms < 0 && h.reset_at_ms == 0)
		hint_error(&h, &r->soft, now);
	if (h.retry_after_ms < 0 && h.reset_at_ms == 0)
		hint_text(&h, r->ad, other->p, other->len, now);
	if (h.retry_after_ms > 0)
		o->retry_after_ms = h.retry_after_ms;
	o->reset_at_ms = h.reset_at_ms;
	o->final = h.never;
}

static bool
is_limit(enum sk_kind k)
{
	return k == SK_K_RATE_LIMITED || k == SK_K_QUOTA_EXHAUSTED;
}

/* A hint counts only where waiting helps; of an agent that was stopped, when
 * it was a limit that it sat out. */
static bool
limited(const struct sk_outcome *o, const struct sk_reader *r,
    const struct sk_buf *other)
{
	if (is_limit(o->kind) || r->limited)
		return true;
	if (o->kind != SK_K_KILLED && o->kind != SK_K_CANCELLED &&
	    sk_kind_exit(o->kind) != SK_TIMEOUT)
		return false;
	if (r->soft.len > 0)
		return is_limit(sk_classify(r->ad, r->soft.p, r->soft.len, 0));
	return other->len > 0 &&
	       is_limit(sk_classify(r->ad, other->p, other->len, 0));
}

void
sk_judge_failure(
    struct sk_outcome *o, struct sk_tap *t, const struct sk_errtap *e)
{
	struct sk_buf other;
	size_t err_at;

	sk_buf_init(&other, 4 * SK_HEAD_KEPT);
	err_at = other_text(t, e, &other);
	if (o->kind == SK_K_NONE) { /* else we ended it, and said why */
		enum sk_kind k = failure_kind(o, &t->r, &other, err_at);

		say(o, &t->r, &other, k);
		o->kind = k;
	}
	o->final = t->r.hint.never;
	if (limited(o, &t->r, &other))
		take_hints(o, t, &other);
	else
		o->retry_after_ms = o->reset_at_ms = 0;
	sk_buf_free(&other);
}
