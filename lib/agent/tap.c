/* SPDX-License-Identifier: MIT */
/*
 * What is kept of an agent's output. Reading never stops (a blocked agent looks
 * like a hang), memory is bounded: text up to the limit, JSON Lines one line at
 * a time, of standard error the head and the tail.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/internal.h"

void
sk_tap_init(struct sk_tap *t, const struct sk_adapter *ad, struct sk_outcome *o,
    size_t max)
{
	memset(t, 0, sizeof(*t));
	t->max = max;
	t->form = ad->format;
	sk_reader_init(&t->r, ad, o, max);
	sk_buf_init(&t->buf, max + 1);
	sk_spool_init(&t->line, NULL, max);
	sk_buf_init(&t->noise, SK_TEXT_KEPT);
}

void
sk_tap_dir(struct sk_tap *t, const char *dir)
{
	t->r.dir = t->line.dir = dir;
}

int
sk_tap_error(const struct sk_tap *t)
{
	return t->line.error != 0 ? t->line.error : t->r.park_error;
}

void
sk_tap_free(struct sk_tap *t)
{
	sk_reader_free(&t->r);
	sk_buf_free(&t->buf);
	sk_spool_free(&t->line);
	sk_buf_free(&t->noise);
}

static void
noise(struct sk_tap *t, const char *p, size_t n)
{
	size_t room = t->noise.max - t->noise.len;

	if (room > 1) {
		sk_buf_add(&t->noise, p, n < room - 1 ? n : room - 1);
		sk_buf_ch(&t->noise, '\n');
	}
}

/*
 * JSON of a program that cuts strings between two halves of a character: it
 * escapes each half ("\ud83d"), and no strict reader takes that. Halves that
 * stand alone become U+FFFD, in place and of the same length; false when there
 * was none.
 */
static bool
mend(char *p, size_t n)
{
	bool found = false;

	for (size_t i = 0; i + 5 < n; i++) {
		bool high;

		if (p[i] != '\\')
			continue;
		if (p[i + 1] != 'u' || (p[i + 2] != 'd' && p[i + 2] != 'D') ||
		    strchr("89abcdefABCDEF", p[i + 3]) == NULL) {
			i++; /* an escape of one byte, or another character */
			continue;
		}
		high = strchr("89abAB", p[i + 3]) != NULL;
		if (high && i + 11 < n && p[i + 6] == '\\' && p[i + 7] == 'u' &&
		    (p[i + 8] == 'd' || p[i + 8] == 'D') &&
		    strchr("cdefCDEF", p[i + 9]) != NULL) {
			i += 11; /* a whole pair */
			continue;
		}
		memcpy(p + i + 2, "fffd", 4);
		found = true;
		i += 5;
	}
	return found;
}

static bool
parse(struct sk_arena *a, const char *p, size_t n, struct sk_jv **v)
{
	char *copy;
	bool ok;

	if (sk_json_parse(a, p, n, NULL, v, NULL) == 0)
		return true;
	if (memmem(p, n, "\\u", 2) == NULL)
		return false;
	copy = sk_strndup(p, n);
	ok = mend(copy, n) && sk_json_parse(a, copy, n, NULL, v, NULL) == 0;
	free(copy);
	return ok;
}

static void
line(struct sk_tap *t, const char *p, size_t n)
{
	struct sk_arena a = { 0 };
	struct sk_jv *v;

	while (n > 0 && (p[n - 1] == '\r' || p[n - 1] == ' '))
		n--;
	if (n == 0)
		return;
	if ((p[0] == '{' || p[0] == '[') && parse(&a, p, n, &v))
		sk_reader_events(&t->r, v);
	else
		noise(t, p, n);
	sk_arena_free(&a);
	sk_reader_park(&t->r);
}

/* The line that came in pieces is complete. */
static void
kept_line(struct sk_tap *t)
{
	const struct sk_buf *head = &t->line.head;
	struct sk_buf whole;

	if (t->line.fd < 0) {
		line(t, head->p, head->len);
	} else if (head->len > 0 && head->p[0] != '{' && head->p[0] != '[') {
		noise(t, head->p, head->len);
	} else {
		sk_buf_init(&whole, t->max + 1);
		sk_spool_load(&t->line, &whole);
		line(t, whole.p, whole.len);
		sk_buf_free(&whole);
	}
	sk_spool_reset(&t->line);
}

static void
feed_lines(struct sk_tap *t, const char *p, size_t n)
{
	while (n > 0) {
		const char *nl = memchr(p, '\n', n);
		size_t k = nl != NULL ? (size_t)(nl - p) : n;

		if (!t->skipping && t->line.total + k > t->max) {
			/* The line is given up; the next may still be read. */
			t->skipping = t->flooded = true;
			noise(t, t->line.head.p, t->line.head.len);
			sk_spool_reset(&t->line);
		}
		if (nl != NULL && !t->skipping && t->line.total == 0)
			line(t, p, k); /* whole: no copy */
		else if (!t->skipping)
			sk_spool_add(&t->line, p, k);
		if (nl == NULL)
			return;
		if (!t->skipping && t->line.total > 0)
			kept_line(t);
		t->skipping = false;
		p += k + 1;
		n -= k + 1;
	}
}

void
sk_tap_feed(struct sk_tap *t, const char *p, size_t n)
{
	t->total += n;
	if (t->form == SK_OUT_JSONL) {
		feed_lines(t, p, n);
		return;
	}
	if (t->flooded)
		return;
	if (t->buf.len + n > t->max) {
		/* Too much: keep the head for people, give the rest back. */
		struct sk_buf head;
		size_t k =
		    t->buf.len < SK_HEAD_KEPT ? t->buf.len : SK_HEAD_KEPT;

		t->flooded = true;
		sk_buf_init(&head, SK_HEAD_KEPT + 1);
		sk_buf_add(&head, t->buf.p, k);
		if (k < SK_HEAD_KEPT)
			sk_buf_add(&head, p,
			    n < SK_HEAD_KEPT - k ? n : SK_HEAD_KEPT - k);
		sk_buf_free(&t->buf);
		t->buf = head;
		return;
	}
	sk_buf_add(&t->buf, p, n);
}

void
sk_tap_extra(struct sk_tap *t, const char *p, size_t n)
{
	struct sk_arena a = { 0 };
	struct sk_jv *v;
	bool any = t->r.any;

	while (n > 0 && (unsigned char)p[n - 1] <= ' ')
		n--;
	if (n > 0 && parse(&a, p, n, &v))
		sk_reader_events(&t->r, v);
	t->r.any = any; /* it is not a word of the output */
	sk_arena_free(&a);
}

/* ---- standard error ---- */

void
sk_errtap_feed(struct sk_errtap *e, const char *p, size_t n)
{
	if (e->head.p == NULL)
		sk_buf_init(&e->head, SK_HEAD_KEPT + 1);
	e->total += n;
	if (e->head.len < SK_HEAD_KEPT) {
		size_t k = SK_HEAD_KEPT - e->head.len;

		if (k > n)
			k = n;
		sk_buf_add(&e->head, p, k);
		p += k;
		n -= k;
	}
	if (n == 0)
		return;
	if (e->ring == NULL)
		e->ring = sk_malloc(SK_HEAD_KEPT);
	if (n > SK_HEAD_KEPT) {
		p += n - SK_HEAD_KEPT;
		n = SK_HEAD_KEPT;
	}
	for (size_t i = 0; i < n; i++)
		e->ring[(e->pos + i) % SK_HEAD_KEPT] = p[i];
	e->pos = (e->pos + n) % SK_HEAD_KEPT;
}

void
sk_errtap_text(const struct sk_errtap *e, struct sk_buf *out)
{
	uint64_t rest;

	if (e->head.p == NULL)
		return;
	sk_buf_add(out, e->head.p, e->head.len);
	rest = e->total - e->head.len;
	if (rest >= SK_HEAD_KEPT) {
		sk_buf_add(out, e->ring + e->pos, SK_HEAD_KEPT - e->pos);
		sk_buf_add(out, e->ring, e->pos);
	} else if (rest > 0) {
		sk_buf_add(out, e->ring, (size_t)rest);
	}
}

void
sk_errtap_free(struct sk_errtap *e)
{
	if (e->head.p != NULL)
		sk_buf_free(&e->head);
	free(e->ring);
	memset(e, 0, sizeof(*e));
}

void
sk_plain_add(struct sk_buf *b, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '\r')
			continue;
		if (p[i] != '\033') {
			sk_buf_ch(b, p[i]);
			continue;
		}
		if (i + 1 < n && p[i + 1] == '[')
			for (i++;
			     i + 1 < n && !(p[i + 1] >= '@' && p[i + 1] <= '~');
			     i++)
				;
		if (i + 1 < n)
			i++;
	}
}
