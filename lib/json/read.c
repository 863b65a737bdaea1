/* SPDX-License-Identifier: MIT */
/*
 * The JSON reader: RFC 8259 and nothing besides. A state machine with its own
 * stack, so that depth never becomes C stack.
 */
#include <stdlib.h>
#include <string.h>

#include "json/read.h"

const struct sk_jlimits sk_jlimits_default = {
	.bytes = (size_t)64 << 20,
	.depth = 64,
	.tokens = 1000000,
	.string = (size_t)16 << 20,
	.key = 1024,
};

static void
skip_ws(struct reader *r)
{
	for (; r->i < r->n; r->i++)
		switch (r->p[r->i]) {
		case '\n':
			r->line++;
			r->line_at = r->i + 1;
			r->cont = 0;
			break;
		case ' ':
		case '\t':
		case '\r':
			break;
		default:
			return;
		}
}

/* ---- containers ---- */

/* Make old, which may be the reader's own first room, n bytes large. */
static void *
grow(void *old, const void *first, size_t firstn, size_t n)
{
	void *p = sk_realloc(old != first ? old : NULL, n);

	if (old == first)
		memcpy(p, first, firstn);
	return p;
}

static bool
add_item(
    struct reader *r, const char *key, size_t klen, size_t off, struct sk_jv *v)
{
	struct item *it;

	if (++r->tokens > r->lim->tokens)
		return sk_rd_bad(
		    r, off, "more than %zu values and keys", r->lim->tokens);
	if (r->nitems == r->items_cap) {
		r->items_cap *= 2;
		r->items = grow(r->items, r->items0, sizeof(r->items0),
		    r->items_cap * sizeof(*r->items));
	}
	it = &r->items[r->nitems++];
	it->key = key;
	it->klen = klen;
	it->off = off;
	it->v = v;
	return true;
}

static bool
open_frame(struct reader *r, struct sk_jv *v)
{
	if (r->nframes >= r->lim->depth)
		return sk_rd_bad(
		    r, r->i, "nested more than %zu deep", r->lim->depth);
	if (r->nframes == r->frames_cap) {
		r->frames_cap *= 2;
		r->frames = grow(r->frames, r->frames0, sizeof(r->frames0),
		    r->frames_cap * sizeof(*r->frames));
	}
	r->frames[r->nframes].v = v;
	r->frames[r->nframes++].base = r->nitems;
	r->i++;
	return true;
}

static bool
same_key(const struct item *a, const struct item *b)
{
	return a->klen == b->klen && memcmp(a->key, b->key, a->klen) == 0;
}

/* The first member whose key was there before, or NULL. */
static const struct item *
find_twin(const struct item *it, size_t n)
{
	const struct item *twin = NULL;
	struct sk_slice *keys;
	uint32_t *id, next = 0;

	if (n <= 16) {
		for (size_t i = 1; i < n; i++)
			for (size_t j = 0; j < i; j++)
				if (same_key(&it[i], &it[j]))
					return &it[i];
		return NULL;
	}
	keys = sk_reallocarray(NULL, n, sizeof(*keys));
	id = sk_reallocarray(NULL, n, sizeof(*id));
	for (size_t i = 0; i < n; i++)
		keys[i] = (struct sk_slice){ it[i].key, it[i].klen };
	if (sk_group(keys, n, id) < n)
		for (size_t i = 0; twin == NULL; i++)
			if (id[i] != next++)
				twin = &it[i];
	free(keys);
	free(id);
	return twin;
}

static bool
close_frame(struct reader *r)
{
	struct frame *f = &r->frames[r->nframes - 1];
	struct item *it = r->items + f->base;
	size_t n = r->nitems - f->base;
	const struct item *twin;
	struct sk_jv *v = f->v;

	r->i++;
	v->n = n;
	if (v->type == SK_J_ARR && n > 0) {
		v->a = sk_arena_alloc(r->a, n * sizeof(*v->a));
		for (size_t i = 0; i < n; i++)
			v->a[i] = it[i].v;
	} else if (n > 0) {
		twin = find_twin(it, n);
		if (twin != NULL) {
			struct sk_buf b;

			sk_buf_init(&b, 120);
			sk_json_write_str(&b, twin->key, twin->klen);
			sk_rd_bad(
			    r, twin->off, "the key %s is there twice", b.p);
			sk_buf_free(&b);
			return false;
		}
		v->m = sk_arena_alloc(r->a, n * sizeof(*v->m));
		for (size_t i = 0; i < n; i++) {
			v->m[i].key = it[i].key;
			v->m[i].klen = it[i].klen;
			v->m[i].v = it[i].v;
		}
	}
	r->nitems = f->base;
	r->nframes--;
	return true;
}

/* ---- the machine ---- */

/* One scalar, or the opening of a container, at r->i. */
static bool
read_value(struct reader *r, struct sk_jv **out)
{
	struct sk_jv *v;
	char c = r->i < r->n ? r->p[r->i] : '\0';

	*out = v = sk_rd_value(r, SK_J_NULL);
	switch (c) {
	case '{':
		v->type = SK_J_OBJ;
		return open_frame(r, v);
	case '[':
		v->type = SK_J_ARR;
		return open_frame(r, v);
	case '"':
		v->type = SK_J_STR;
		return sk_rd_string(r, r->lim->string, "string", &v->s, &v->n);
	case 't':
		v->type = SK_J_TRUE;
		return sk_rd_word(r, "true");
	case 'f':
		v->type = SK_J_FALSE;
		return sk_rd_word(r, "false");
	case 'n':
		return sk_rd_word(r, "null");
	default:
		if (c != '-' && (c < '0' || c > '9'))
			return sk_rd_unexpected(r, "a value");
		v->type = SK_J_NUM;
		return sk_rd_number(r, v);
	}
}

static bool
read_key(struct reader *r)
{
	size_t klen, at = r->i;
	const char *key;

	if (r->i >= r->n || r->p[r->i] != '"')
		return sk_rd_unexpected(r, "a key");
	if (!sk_rd_string(r, r->lim->key, "key", &key, &klen))
		return false;
	if (!r->nul_keys && memchr(key, '\0', klen) != NULL)
		return sk_rd_bad(r, at, "a NUL character in a key");
	if (!add_item(r, key, klen, at, NULL))
		return false;
	skip_ws(r);
	if (r->i >= r->n || r->p[r->i] != ':')
		return sk_rd_unexpected(r, "':'");
	r->i++;
	skip_ws(r);
	return true;
}

static bool
attach(struct reader *r, struct sk_jv *v, size_t at)
{
	if (r->nframes == 0)
		return true;
	if (r->frames[r->nframes - 1].v->type == SK_J_ARR)
		return add_item(r, NULL, 0, at, v);
	r->items[r->nitems - 1].v = v;
	if (++r->tokens > r->lim->tokens)
		return sk_rd_bad(
		    r, at, "more than %zu values and keys", r->lim->tokens);
	return true;
}

/* After a value: close what ends here, or step over the comma. *done when the
 * outermost value is complete. */
static bool
after_value(struct reader *r, bool *done)
{
	enum sk_jtype t;
	char c;

	while (r->nframes > 0) {
		skip_ws(r);
		t = r->frames[r->nframes - 1].v->type;
		c = r->i < r->n ? r->p[r->i] : '\0';
		if (c == ',') {
			r->i++;
			skip_ws(r);
			return t == SK_J_ARR || read_key(r);
		}
		if (c != (t == SK_J_ARR ? ']' : '}'))
			return sk_rd_unexpected(
			    r, t == SK_J_ARR ? "',' or ']'" : "',' or '}'");
		if (!close_frame(r))
			return false;
	}
	*done = true;
	return true;
}

static bool
read_document(struct reader *r, struct sk_jv **out)
{
	struct sk_jv *v, *root = NULL;
	bool done = false;
	size_t at, depth;

	skip_ws(r);
	while (!done) {
		at = r->i;
		depth = r->nframes;
		if (!read_value(r, &v))
			return false;
		if (root == NULL)
			root = v;
		if (r->nframes > depth) {
			/* A container hangs where it opened, before its own
			 * children. */
			r->nframes--;
			if (!attach(r, v, at))
				return false;
			r->frames[r->nframes++].base = r->nitems;
			skip_ws(r);
			if (r->i < r->n &&
			    r->p[r->i] == (v->type == SK_J_ARR ? ']' : '}')) {
				if (!close_frame(r))
					return false;
			} else if (v->type == SK_J_ARR || read_key(r)) {
				continue;
			} else {
				return false;
			}
		} else if (!attach(r, v, at)) {
			return false;
		}
		if (!after_value(r, &done))
			return false;
	}
	*out = root;
	return true;
}

/* ---- errors ---- */

/* Where in the tree the reader was. */
static void
pointer_here(const struct reader *r, struct sk_buf *b)
{
	for (size_t f = 0; f < r->nframes; f++) {
		bool last = f + 1 == r->nframes;
		size_t end = last ? r->nitems : r->frames[f + 1].base;
		size_t n = end - r->frames[f].base;

		if (r->frames[f].v->type == SK_J_ARR)
			/* An inner frame's container is already counted. */
			sk_buf_printf(b, "/%zu", last ? n : n - 1);
		else if (n > 0)
			sk_jptr_add(
			    b, r->items[end - 1].key, r->items[end - 1].klen);
	}
}

static int
report(const struct reader *r, struct sk_err *err)
{
	size_t line = 1, start = 0, col = 1;
	struct sk_buf b, ptr;
	struct sk_jw w;
	int rc;

	if (err == NULL)
		return SK_DAMAGED;
	for (size_t i = 0; i < r->bad_at && i < r->n; i++)
		if (r->p[i] == '\n') {
			line++;
			start = i + 1;
		}
	for (size_t i = start; i < r->bad_at && i < r->n; i++)
		col += ((unsigned char)r->p[i] & 0xc0) != 0x80;
	rc = sk_fail(err, SK_DAMAGED, "bad_json", "line %zu, column %zu: %s",
	    line, col, r->why);
	sk_buf_init(&ptr, 4096);
	pointer_here(r, &ptr);
	sk_buf_init(&b, 0);
	sk_jw_init(&w, &b);
	sk_jw_obj(&w);
	sk_jw_kint(&w, "line", (int64_t)line);
	sk_jw_kint(&w, "column", (int64_t)col);
	sk_jw_kint(&w, "offset", (int64_t)r->bad_at);
	sk_jw_key(&w, "pointer");
	sk_jw_strn(&w, ptr.p, ptr.len);
	sk_jw_end(&w);
	err->details = sk_buf_detach(&b);
	sk_buf_free(&ptr);
	return rc;
}

const char *
sk_json_why(const struct sk_err *err)
{
	/* (The words of this file and of read_leaf.c.) */
	return strstr(err->message, ": the text ends ") != NULL         ? "cut"
	       : strstr(err->message, ": a number that is not") != NULL ? "cut"
	       : strstr(err->message, " is there twice") != NULL ? "twice"
	       : strstr(err->message, " more than ") != NULL     ? "limit"
	                                                         : "syntax";
}

static bool
start(struct reader *r, struct sk_arena *a, const char *p, size_t n,
    const struct sk_jlimits *lim)
{
	memset(r, 0, offsetof(struct reader, items0));
	r->a = a;
	r->p = p;
	r->n = n;
	r->lim = lim != NULL ? lim : &sk_jlimits_default;
	r->line = 1;
	r->pool_size = 4;
	r->items = r->items0;
	r->items_cap = SK_ARRAY_SIZE(r->items0);
	r->frames = r->frames0;
	r->frames_cap = SK_ARRAY_SIZE(r->frames0);
	if (n > r->lim->bytes)
		return sk_rd_bad(
		    r, 0, "a document of more than %zu bytes", r->lim->bytes);
	return true;
}

static void
finish(struct reader *r)
{
	if (r->items != r->items0)
		free(r->items);
	if (r->frames != r->frames0)
		free(r->frames);
}

static int
parse(struct sk_arena *a, const char *p, size_t n, const struct sk_jlimits *lim,
    bool nul_keys, struct sk_jv **out, struct sk_err *err)
{
	struct reader r;
	bool started;
	int rc = 0;

	*out = NULL;
	started = start(&r, a, p, n, lim);
	r.nul_keys = nul_keys;
	if (started && read_document(&r, out)) {
		skip_ws(&r);
		if (r.i < n)
			sk_rd_unexpected(&r, "the end");
	}
	if (r.why[0] != '\0') {
		*out = NULL;
		rc = report(&r, err);
	}
	finish(&r);
	return rc;
}

int
sk_json_parse(struct sk_arena *a, const char *p, size_t n,
    const struct sk_jlimits *lim, struct sk_jv **out, struct sk_err *err)
{
	return parse(a, p, n, lim, false, out, err);
}

int
sk_json_parse_any(struct sk_arena *a, const char *p, size_t n,
    struct sk_jv **out, struct sk_err *err)
{
	return parse(a, p, n, NULL, true, out, err);
}

int
sk_json_prefix(struct sk_arena *a, const char *p, size_t n,
    const struct sk_jlimits *lim, struct sk_jv **out, size_t *used,
    struct sk_err *err)
{
	struct reader r;
	int rc = 0;

	*out = NULL;
	*used = 0;
	if (start(&r, a, p, n, lim) && read_document(&r, out))
		*used = r.i;
	else
		rc = report(&r, err);
	finish(&r);
	return rc;
}
