/* SPDX-License-Identifier: MIT */
/* Headers and error bodies; see hint.h. What is said outright (retry-after)
 * outranks what must be concluded (when a window refills). */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/hint.h"

enum rank { R_NONE, R_PROSE, R_BODY, R_SECONDS, R_MS };
#define TEXT_MAX ((size_t)8 << 10)
#define DEPTH_MAX 6

void
sk_hint_init(struct sk_hint *h)
{
	memset(h, 0, sizeof(*h));
	h->retry_after_ms = -1;
}

/* ---- taking what was said ---- */

static bool
after(struct sk_hint *h, int64_t ms, unsigned rank)
{
	if (ms < 0 || ms > SK_HINT_FAR)
		return false;
	if (rank > h->after_rank) {
		h->after_rank = rank;
		h->retry_after_ms = ms;
	}
	return true;
}

static bool
reset(struct sk_hint *h, int64_t at_ms, int64_t now_ms, unsigned rank)
{
	if (at_ms <= 0 || (now_ms > 0 && at_ms > now_ms + SK_HINT_FAR))
		return false;
	if (rank > h->reset_rank) {
		h->reset_rank = rank;
		h->reset_at_ms = at_ms;
	}
	return true;
}

static bool
when(struct sk_hint *h, const char *s, size_t n, int64_t now_ms, unsigned rank)
{
	int64_t in, at;

	if (!sk_hint_when(s, n, &in, &at))
		return false;
	return at > 0 ? reset(h, at, now_ms, rank) : after(h, in, rank);
}

/* ---- windows ---- */

static struct sk_hint_window *
window(struct sk_hint *h, const char *name, size_t n)
{
	struct sk_hint_window *w;

	if (n >= sizeof(w->name))
		return NULL;
	for (size_t i = 0; i < h->n; i++)
		if (strlen(h->w[i].name) == n &&
		    memcmp(h->w[i].name, name, n) == 0)
			return &h->w[i];
	if (h->n == SK_HINT_WINDOWS)
		return NULL;
	w = &h->w[h->n++];
	memset(w, 0, sizeof(*w));
	memcpy(w->name, name, n);
	w->in_ms = w->spent = -1;
	return w;
}

static bool
window_reset(struct sk_hint_window *w, const char *value)
{
	int64_t in, at;

	if (w == NULL || !sk_hint_when(value, strlen(value), &in, &at))
		return false;
	w->in_ms = in;
	w->at_ms = at;
	return true;
}

static bool
window_left(struct sk_hint_window *w, const char *value)
{
	char *end;
	double x = strtod(value, &end);

	if (w == NULL || end == value)
		return false;
	w->spent = x <= 0;
	return true;
}

/* "requests-reset", "unified-5h-status" behind "anthropic-ratelimit-". */
static bool
anthropic(struct sk_hint *h, const char *name, const char *value)
{
	const char *last = strrchr(name, '-');
	struct sk_hint_window *w;
	size_t n;

	if (last == NULL) /* nothing but "status" or "reset" */
		return false;
	n = (size_t)(last - name);
	last++;
	if (!sk_streq(last, "reset") && !sk_streq(last, "remaining") &&
	    !sk_streq(last, "status"))
		return false;
	w = window(h, name, n);
	if (w == NULL)
		return false;
	/* The windows of a subscription are always told, spent or not. */
	w->strict = sk_has_prefix(name, "unified");
	if (sk_streq(last, "reset"))
		return window_reset(w, value);
	if (sk_streq(last, "remaining"))
		return window_left(w, value);
	w->spent = sk_streq(value, "rejected");
	return true;
}

/* "primary-reset-at", "secondary-used-percent" behind "x-codex-". */
static bool
codex(struct sk_hint *h, const char *name, const char *value)
{
	size_t n = strcspn(name, "-");
	struct sk_hint_window *w;
	const char *what = name[n] == '-' ? name + n + 1 : "";

	if (!sk_streq(what, "used-percent") && !sk_streq(what, "reset-at") &&
	    !sk_streq(what, "reset-after-seconds"))
		return false;
	w = window(h, name, n);
	if (w == NULL)
		return false;
	w->strict = true;
	if (!sk_streq(what, "used-percent"))
		return window_reset(w, value);
	w->spent = strtod(value, NULL) >= 100;
	return true;
}

/* "reset-requests", "remaining-tokens", "reset" behind "[x-]ratelimit-". */
static bool
ratelimit(struct sk_hint *h, const char *name, const char *value)
{
	static const char *const what[] = { "reset-after", "reset", "remaining",
		NULL };

	for (size_t i = 0; what[i] != NULL; i++) {
		size_t n = strlen(what[i]);
		struct sk_hint_window *w;

		if (strncmp(name, what[i], n) != 0 ||
		    (name[n] != '\0' && name[n] != '-'))
			continue;
		name += name[n] == '-' ? n + 1 : n;
		w = window(h, name, strlen(name));
		return i == 2 ? window_left(w, value) : window_reset(w, value);
	}
	return false;
}

/* "limit=10, remaining=0, reset=5" and "\"default\";r=0;t=5" */
static bool
combined(struct sk_hint *h, const char *value)
{
	static const char *const left[] = { "remaining=", ";r=", NULL };
	static const char *const back[] = { "reset=", ";t=", NULL };
	struct sk_hint_window *w = window(h, "", 0);
	char text[32];
	bool found = false;

	for (size_t i = 0; w != NULL && left[i] != NULL; i++) {
		const char *l = strstr(value, left[i]);
		const char *b = strstr(value, back[i]);

		if (l == NULL || b == NULL)
			continue;
		(void)window_left(w, l + strlen(left[i]));
		b += strlen(back[i]);
		snprintf(text, sizeof(text), "%.*s", (int)strcspn(b, ",; "), b);
		found |= window_reset(w, text);
	}
	return found;
}

/* ---- headers ---- */

static bool
milliseconds(struct sk_hint *h, const char *value)
{
	int64_t in, at;

	if (!sk_hint_when(value, strlen(value), &in, &at) || in < 0)
		return false;
	/* It was read as seconds, or it had a unit of its own. */
	if (strspn(value, "0123456789. ") == strlen(value))
		in /= 1000;
	return after(h, in, R_MS);
}

bool
sk_hint_header(
    struct sk_hint *h, const char *name, const char *value, int64_t now_ms)
{
	char low[64];
	size_t n = strlen(name);
	const char *p = low;

	if (n >= sizeof(low) || strlen(value) > 200)
		return false;
	for (size_t i = 0; i <= n; i++)
		low[i] = name[i] == '_' ? '-'
		                        : (char)tolower((unsigned char)name[i]);
	while (*value == ' ')
		value++;
	if (sk_streq(p, "date"))
		return sk_hint_http_date(value, &h->date_ms);
	if (sk_streq(p, "x-should-retry")) {
		h->never = sk_streq(value, "false");
		return true;
	}
	if (sk_streq(p, "retry-after-ms") || sk_streq(p, "x-ms-retry-after-ms"))
		return milliseconds(h, value);
	if (sk_streq(p, "retry-after") || sk_streq(p, "x-retry-after"))
		return when(h, value, strlen(value), now_ms, R_SECONDS);
	if (sk_has_prefix(p, "anthropic-ratelimit-"))
		return anthropic(h, p + 20, value);
	if (sk_has_prefix(p, "x-codex-"))
		return codex(h, p + 8, value);
	if (sk_has_prefix(p, "x-"))
		p += 2;
	if (sk_streq(p, "ratelimit"))
		return combined(h, value);
	if (sk_has_prefix(p, "ratelimit-"))
		return ratelimit(h, p + 10, value);
	if (sk_has_prefix(p, "rate-limit-"))
		return ratelimit(h, p + 11, value);
	return false;
}

/* ---- bodies ---- */

/* "retry_after", "Retry-After" and "retryAfter" are one key. */
static void
plain(const struct sk_jm *m, char out[40])
{
	size_t k = 0;

	for (size_t i = 0; i < m->klen && k < 39; i++)
		if (isalnum((unsigned char)m->key[i]))
			out[k++] = (char)tolower((unsigned char)m->key[i]);
	out[k] = '\0';
}

static bool
one_of(const char *s, const char *const *list)
{
	for (size_t i = 0; list[i] != NULL; i++)
		if (sk_streq(s, list[i]))
			return true;
	return false;
}

static bool
scalar_hint(
    struct sk_hint *h, const char *key, const struct sk_jv *v, int64_t now_ms)
{
	static const char *const ms_keys[] = { "retryafterms", "retrydelayms",
		"retryinms", "resetafterms", "delayms", NULL };
	static const char *const keys[] = { "retryafter", "retryafterseconds",
		"retryafters", "retryaftersecs", "retrydelay", "retryin",
		"resetseconds", "resetinseconds", "resetsinseconds",
		"resetafter", "resetafterseconds", "resetsat", "resetat",
		"resettime", "resetson", "xratelimitreset",
		"xratelimitresetrequests", "xratelimitresettokens",
		"ratelimitreset", NULL };
	const char *s = v->type == SK_J_NUM ? v->s : sk_jstr(v);
	char text[64];
	double x;

	if (s == NULL)
		return false;
	if (v->type == SK_J_NUM) {
		/* 1.795e9 is a number, too. */
		x = sk_jdouble(v, -1);
		if (!(x >= 0 && x < 1e15))
			return false;
		snprintf(text, sizeof(text), "%.3f", x);
		s = text;
	}
	if (one_of(key, ms_keys))
		return milliseconds(h, s);
	if (one_of(key, keys))
		return when(h, s, strlen(s), now_ms, R_BODY);
	return sk_streq(key, "quotaid") && strstr(s, "PerDay") != NULL &&
	       now_ms > 0 &&
	       reset(h, sk_hint_pacific_midnight(now_ms), now_ms, R_SECONDS);
}

static bool walk(struct sk_hint *h, const struct sk_jv *v, int64_t now, int d);

/* Text that a gateway passes on: JSON again, or prose. */
static bool
inner(struct sk_hint *h, const struct sk_jv *v, int64_t now_ms, int depth)
{
	struct sk_arena a = { 0 };
	struct sk_err ignored = { 0 };
	struct sk_jv *t;
	bool found = false;
	const char *s = sk_jstr(v);

	if (s == NULL)
		return false;
	if ((*s == '{' || *s == '[') && v->n <= 4 * TEXT_MAX &&
	    sk_json_parse(&a, s, v->n, NULL, &t, &ignored) == 0)
		found = walk(h, t, now_ms, depth + 1);
	else
		found = sk_hint_text(h, s, v->n, now_ms);
	free(ignored.details);
	sk_arena_free(&a);
	return found;
}

static bool
member(struct sk_hint *h, const struct sk_jm *m, int64_t now_ms, int depth)
{
	static const char *const texts[] = { "message", "responsebody", "raw",
		"body", "error", "detail", "errormessage", NULL };
	char key[40];
	bool found = false;

	plain(m, key);
	if (m->v->type == SK_J_OBJ && strstr(key, "headers") != NULL) {
		for (size_t i = 0; i < m->v->n; i++) {
			const struct sk_jm *e = &m->v->m[i];
			const char *s =
			    e->v->type == SK_J_NUM ? e->v->s : sk_jstr(e->v);

			if (s != NULL)
				found |= sk_hint_header(h, e->key, s, now_ms);
		}
		return found;
	}
	if (m->v->type == SK_J_OBJ || m->v->type == SK_J_ARR)
		return walk(h, m->v, now_ms, depth + 1);
	if (scalar_hint(h, key, m->v, now_ms))
		return true;
	return one_of(key, texts) && inner(h, m->v, now_ms, depth);
}

static bool
walk(struct sk_hint *h, const struct sk_jv *v, int64_t now_ms, int depth)
{
	const struct sk_jv *err = sk_jget(v, "error");
	bool found = false;

	if (depth > DEPTH_MAX)
		return false;
	if (v->type == SK_J_ARR) {
		for (size_t i = 0; i < v->n && i < 64; i++)
			found |= walk(h, v->a[i], now_ms, depth + 1);
		return found;
	}
	if (v->type != SK_J_OBJ)
		return false;
	/* The error itself outranks what stands around it. */
	for (size_t i = 0; err != NULL && i < v->n; i++)
		if (v->m[i].v == err)
			found |= member(h, &v->m[i], now_ms, depth);
	for (size_t i = 0; i < v->n && i < 256; i++)
		if (v->m[i].v != err)
			found |= member(h, &v->m[i], now_ms, depth);
	return found;
}

bool
sk_hint_tree(struct sk_hint *h, const struct sk_jv *v, int64_t now_ms)
{
	return v != NULL && walk(h, v, now_ms, 0);
}

bool
sk_hint_body(struct sk_hint *h, const char *p, size_t n, int64_t now_ms)
{
	struct sk_arena a = { 0 };
	struct sk_err ignored = { 0 };
	struct sk_jv *v;
	bool found;

	if (n > 0 && n <= (1u << 20) &&
	    sk_json_parse(&a, p, n, NULL, &v, &ignored) == 0)
		found = sk_hint_tree(h, v, now_ms);
	else
		found = sk_hint_text(h, p, n, now_ms);
	free(ignored.details);
	sk_arena_free(&a);
	return found;
}

/* ---- prose ---- */

static const struct lead {
	const char *text;
	char form; /* s span, m ms, t time of day, e epoch */
} leads[] = { { "try again in", 's' }, { "retry in", 's' },
	{ "retry after", 's' }, { "try again after", 's' },
	{ "retry-after", 's' }, { "retry_after", 's' }, { "retrydelayms", 'm' },
	{ "retry-after-ms", 'm' }, { "retrydelay", 's' },
	{ "available in", 's' }, { "resets in", 's' }, { "reset in", 's' },
	{ "reset after", 's' }, { "please wait", 's' }, { "try again at", 't' },
	{ "resets at", 't' }, { "resets", 't' }, { "reset at", 't' },
	{ "available at", 't' }, { "limit reached|", 'e' } };

/* What a lead is followed by: ": ", "=", quotes. */
static size_t
gap(const char *p, size_t n)
{
	size_t i = 0;

	while (i < n && strchr(" :=\"'", p[i]) != NULL && p[i] != '\0')
		i++;
	return i;
}

static bool
at_lead(struct sk_hint *h, const struct lead *l, const char *p, size_t n,
    int64_t now_ms)
{
	size_t k = gap(p, n);
	char text[40];
	int64_t ms;

	p += k;
	n -= k;
	switch (l->form) {
	case 't':
		for (k = 0; k < n && k < 39 && p[k] != ' ' && p[k] != ',' &&
			    p[k] != ')';
		     k++)
			text[k] = (char)toupper((unsigned char)p[k]);
		text[k] = '\0';
		if (k > 0 && text[k - 1] == '.')
			text[k - 1] = '\0';
		if (sk_time_parse(text, &ms))
			return reset(h, ms, now_ms, R_PROSE);
		if (k >= 9 && strspn(text, "0123456789") == k)
			return when(h, text, k, now_ms, R_PROSE);
		return sk_hint_clock(p, n, now_ms, &ms) &&
		       reset(h, ms, now_ms, R_PROSE);
	case 'e':
		k = strspn(p, "0123456789");
		return k >= 9 && when(h, p, k, now_ms, R_PROSE);
	default:
		if (sk_hint_span(p, n, &ms) == 0)
			return false;
		return after(h, l->form == 'm' ? ms / 1000 : ms, R_PROSE);
	}
}

bool
sk_hint_text(struct sk_hint *h, const char *p, size_t n, int64_t now_ms)
{
	char low[TEXT_MAX + 1];
	struct sk_hint best;
	size_t where = 0;

	/* Of a long text the end tells more: the last error is final. */
	if (n > TEXT_MAX) {
		p += n - TEXT_MAX;
		n = TEXT_MAX;
	}
	for (size_t i = 0; i < n; i++)
		low[i] =
		    p[i] == '\0' ? ' ' : (char)tolower((unsigned char)p[i]);
	low[n] = '\0';
	if (strstr(low, "limit: 0,") != NULL || strstr(low, "limit: 0\n"))
		h->never = true;
	sk_hint_init(&best);
	for (size_t i = 0; i < SK_ARRAY_SIZE(leads); i++) {
		const char *m = low;

		while ((m = strstr(m, leads[i].text)) != NULL) {
			struct sk_hint one;

			m += strlen(leads[i].text);
			sk_hint_init(&one);
			if ((size_t)(m - low) > where &&
			    at_lead(&one, &leads[i], m, (size_t)(low + n - m),
				now_ms)) {
				best = one;
				where = (size_t)(m - low);
			}
		}
	}
	if (where == 0)
		return false;
	if (best.after_rank != 0)
		return after(h, best.retry_after_ms, R_PROSE);
	return reset(h, best.reset_at_ms, now_ms, R_PROSE);
}

/* ---- the result ---- */

/* How long a window still is; -1 = it does not count. */
static int64_t
window_wait(
    const struct sk_hint *h, const struct sk_hint_window *w, int64_t now_ms)
{
	int64_t clock = h->date_ms > 0 ? h->date_ms : now_ms, ms;

	if (w->spent == 0 || (w->strict && w->spent != 1))
		return -1;
	if (w->at_ms == 0)
		return w->in_ms <= SK_HINT_FAR ? w->in_ms : -1;
	if (clock <= 0)
		return -1;
	ms = w->at_ms - clock;
	return ms > SK_HINT_FAR ? -1 : ms > 0 ? ms : 0;
}

void
sk_hint_settle(struct sk_hint *h, int64_t now_ms)
{
	int64_t spent = -1, guess = -1;

	for (size_t i = 0; i < h->n; i++) {
		const struct sk_hint_window *w = &h->w[i];
		int64_t ms = window_wait(h, w, now_ms);

		if (ms < 0)
			continue;
		if (w->spent == 1 && w->at_ms > 0 && w->strict)
			(void)reset(h, w->at_ms, now_ms, R_BODY);
		if (w->spent == 1 && ms > spent)
			spent = ms;
		/* Which one is spent was not said: the shortest is a floor. */
		if (w->spent < 0 && (guess < 0 || ms < guess))
			guess = ms;
	}
	if (h->retry_after_ms < 0 && h->reset_at_ms == 0 && spent < 0)
		spent = guess;
	if (h->retry_after_ms < 0 && h->reset_at_ms == 0 && spent >= 0)
		h->retry_after_ms = spent;
	h->n = 0;
}
