/* SPDX-License-Identifier: MIT */
/* The data of a prompt: what is shown of it when it does not fit. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/context.h"

/* So much of the beginning of a text is left while others can still give. */
#define FLOOR ((size_t)1024)

void
sk_context_add(struct sk_context *c, enum sk_context_kind kind,
    const char *name, const char *p, size_t n)
{
	struct sk_context_text *t;

	SK_GROW(NULL, c->v, c->n, c->cap);
	t = &c->v[c->n++];
	memset(t, 0, sizeof(*t));
	t->kind = kind;
	(void)snprintf(t->name, sizeof(t->name), "%s", name);
	t->p = sk_strndup(p, n);
	t->n = n;
	t->shown = n;
}

static size_t
total(const struct sk_context *c)
{
	size_t sum = 0;

	for (size_t i = 0; i < c->n; i++)
		sum += c->v[i].shown;
	return sum;
}

/* Down to at least `floor`, by what is too much, at a character's start. */
static void
cut(struct sk_context *c, struct sk_context_text *t, size_t floor)
{
	size_t sum = total(c), over = sum > c->budget ? sum - c->budget : 0;
	size_t n = t->shown;

	if (over == 0 || n <= floor)
		return;
	n = n - floor > over ? n - over : floor;
	while (n > 0 && ((unsigned char)t->p[n] & 0xc0) == 0x80)
		n--;
	t->shown = n;
}

/* Of a kind: the first (they were added oldest first), or the longest. */
static struct sk_context_text *
next_of(struct sk_context *c, enum sk_context_kind kind, size_t floor)
{
	struct sk_context_text *best = NULL;

	for (size_t i = 0; i < c->n; i++) {
		struct sk_context_text *t = &c->v[i];

		if (t->kind != kind || t->shown <= floor)
			continue;
		if (best == NULL ||
		    (kind != SK_CTX_EARLIER && t->shown > best->shown))
			best = t;
	}
	return best;
}

void
sk_context_fit(struct sk_context *c)
{
	static const size_t floors[] = { FLOOR, 0 };
	struct sk_context_text *t;
	size_t before;

	for (size_t f = 0; f < SK_ARRAY_SIZE(floors); f++)
		for (int k = SK_CTX_EARLIER; k <= SK_CTX_SPEC; k++) {
			/* The goal and the specification stay whole as long
			 * as anything else is there to be cut. */
			if (f == 0 && k >= SK_CTX_GOAL)
				break;
			while (total(c) > c->budget &&
			       (t = next_of(c, (enum sk_context_kind)k,
				    floors[f])) != NULL) {
				before = t->shown;
				cut(c, t, floors[f]);
				if (t->shown == before)
					break;
			}
		}
}

static void
write_one(const struct sk_context_text *t, const char *mark, struct sk_buf *out)
{
	size_t at;

	sk_buf_printf(out, "<<<BEGIN %s %s\n", t->name, mark);
	at = out->len;
	(void)sk_utf8_clean(out, t->p, t->shown);
	/* A NUL would end the prompt for whoever reads it as a string. */
	for (; at < out->len; at++)
		if (out->p[at] == '\0')
			out->p[at] = ' ';
	if (t->shown > 0 && t->p[t->shown - 1] != '\n')
		sk_buf_ch(out, '\n');
	if (t->shown < t->n)
		sk_buf_printf(out, "[%zu more bytes of %s were left out]\n",
		    t->n - t->shown, t->name);
	sk_buf_printf(out, "<<<END %s %s\n\n", t->name, mark);
}

void
sk_context_write(
    const struct sk_context *c, const char *mark, struct sk_buf *out)
{
	size_t left = 0;

	for (size_t i = 0; i < c->n; i++) {
		const struct sk_context_text *t = &c->v[i];

		if (t->shown == t->n)
			continue;
		sk_buf_printf(out, "%s%s (%zu of %zu bytes are shown)",
		    left++ == 0 ? "Not all of the data fits. Cut: " : ", ",
		    t->name, t->shown, t->n);
	}
	if (left > 0)
		sk_buf_str(out, ".\n\n");
	for (size_t i = 0; i < c->n; i++)
		write_one(&c->v[i], mark, out);
}

struct sk_jv *
sk_context_left_out(const struct sk_context *c, struct sk_arena *a)
{
	struct sk_jv *list = NULL, *o;

	for (size_t i = 0; i < c->n; i++) {
		const struct sk_context_text *t = &c->v[i];

		if (t->shown == t->n)
			continue;
		if (list == NULL)
			list = sk_jnew(a, SK_J_ARR);
		o = sk_jnew(a, SK_J_OBJ);
		sk_jset(a, o, "name", sk_jnew_cstr(a, t->name));
		sk_jset(a, o, "bytes", sk_jnew_int(a, (int64_t)t->n));
		sk_jset(a, o, "shown", sk_jnew_int(a, (int64_t)t->shown));
		sk_jpush(a, list, o);
	}
	return list;
}

void
sk_context_free(struct sk_context *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->v[i].p);
	free(c->v);
	memset(c, 0, sizeof(*c));
}
