/* SPDX-License-Identifier: MIT */
/* TOML 1.0: lines, keys, and the rules about which table may be opened or
 * extended when. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json/toml.h"

/*
 * How a table came to be, kept in its toml_kind while reading: by being on the
 * way to another header, by its own header, by dotted keys, by {…}. An array
 * of tables is one that [[…]] made.
 */
enum { IMPLICIT = 16, HEADER, DOTTED, INLINE, TABLES };

struct sk_toml_slot {
	const struct sk_jv *tab;
	size_t i;
};

/* ---- errors and places ---- */

static void
place(struct sk_toml *t, size_t at)
{
	if (at < t->pos_at) {
		t->pos_at = 0;
		t->pos_line = t->pos_col = 1;
	}
	for (; t->pos_at < at && t->pos_at < t->n; t->pos_at++)
		if (t->p[t->pos_at] == '\n') {
			t->pos_line++;
			t->pos_col = 1;
		} else if (((unsigned char)t->p[t->pos_at] & 0xc0) != 0x80) {
			t->pos_col++;
		}
}

bool
sk_toml_bad(struct sk_toml *t, size_t at, const char *fmt, ...)
{
	char what[300];
	va_list ap;

	if (t->rc != 0)
		return false;
	place(t, at);
	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	t->rc = SK_USAGE;
	if (t->err != NULL)
		sk_fail(t->err, SK_USAGE, "bad_toml", "%s:%u:%u: %s", t->name,
		    t->pos_line, t->pos_col, what);
	return false;
}

static bool
bad_key(struct sk_toml *t, const struct sk_toml_key *k, const char *what)
{
	struct sk_buf b;

	sk_buf_init(&b, 120);
	sk_buf_visible(&b, k->s, k->n, false);
	sk_toml_bad(t, k->at, "'%s' %s", b.p, what);
	sk_buf_free(&b);
	return false;
}

int
sk_toml_peek(const struct sk_toml *t, size_t ahead)
{
	return ahead < t->n - t->i ? (unsigned char)t->p[t->i + ahead] : -1;
}

/* ---- blanks ---- */

void
sk_toml_ws(struct sk_toml *t)
{
	while (t->i < t->n && (t->p[t->i] == ' ' || t->p[t->i] == '\t'))
		t->i++;
}

bool
sk_toml_newline(struct sk_toml *t)
{
	if (sk_toml_peek(t, 0) == '\n')
		t->i++;
	else if (sk_toml_peek(t, 0) == '\r' && sk_toml_peek(t, 1) == '\n')
		t->i += 2;
	else
		return false;
	return true;
}

/* A comment up to, not including, the end of its line. */
static bool
comment(struct sk_toml *t)
{
	int c;

	if (sk_toml_peek(t, 0) != '#')
		return true;
	for (;; t->i++) {
		c = sk_toml_peek(t, 0);
		if (c < 0 || c == '\n' ||
		    (c == '\r' && sk_toml_peek(t, 1) == '\n'))
			return true;
		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return sk_toml_bad(t, t->i,
			    "control byte 0x%02x in a comment", (unsigned)c);
	}
}

bool
sk_toml_gap(struct sk_toml *t)
{
	do {
		sk_toml_ws(t);
		if (!comment(t))
			return false;
	} while (sk_toml_newline(t));
	return true;
}

/* Nothing but a comment may follow on the line. */
static bool
end_of_line(struct sk_toml *t)
{
	sk_toml_ws(t);
	if (!comment(t))
		return false;
	if (t->i >= t->n || sk_toml_newline(t))
		return true;
	return sk_toml_bad(t, t->i, "more text where the line should end");
}

/* ---- tables ---- */

struct sk_jv *
sk_toml_new(struct sk_toml *t, enum sk_jtype type, size_t at)
{
	struct sk_jv *v = sk_jnew(t->a, type);

	place(t, at);
	v->line = t->pos_line;
	v->col = t->pos_col;
	return v;
}

static struct sk_jv *
new_table(struct sk_toml *t, size_t at, uint8_t kind)
{
	struct sk_jv *v =
	    sk_toml_new(t, kind == TABLES ? SK_J_ARR : SK_J_OBJ, at);

	v->toml_kind = kind;
	SK_GROW(NULL, t->tabs, t->ntabs, t->tabs_cap);
	t->tabs[t->ntabs++] = v;
	return v;
}

static size_t
hash(const struct sk_jv *tab, const char *key, size_t n)
{
	uint64_t h = 0xcbf29ce484222325u ^ (uint64_t)(uintptr_t)tab;

	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)key[i]) * 0x100000001b3u;
	h ^= h >> 32;
	return (size_t)(h ^ h >> 15);
}

/* The slot of a member, or the free one where it belongs. */
static struct sk_toml_slot *
slot(struct sk_toml *t, const struct sk_jv *tab, const char *key, size_t n)
{
	size_t i = hash(tab, key, n);

	for (;; i++) {
		struct sk_toml_slot *s = &t->slots[i & (t->nslots - 1)];

		if (s->tab == NULL)
			return s;
		if (s->tab == tab && tab->m[s->i].klen == n &&
		    memcmp(tab->m[s->i].key, key, n) == 0)
			return s;
	}
}

static void
more_slots(struct sk_toml *t)
{
	struct sk_toml_slot *old = t->slots;
	size_t n = t->nslots;

	t->nslots = n != 0 ? n * 2 : 128;
	t->slots = sk_calloc(t->nslots, sizeof(*t->slots));
	for (size_t i = 0; i < n; i++) {
		const struct sk_jv *tab = old[i].tab;

		if (tab != NULL)
			*slot(t, tab, tab->m[old[i].i].key,
			    tab->m[old[i].i].klen) = old[i];
	}
	free(old);
}

static struct sk_jv *
lookup(struct sk_toml *t, const struct sk_jv *tab, const struct sk_toml_key *k)
{
	const struct sk_toml_slot *s;

	if (tab->n == 0)
		return NULL;
	s = slot(t, tab, k->s, k->n);
	return s->tab != NULL ? tab->m[s->i].v : NULL;
}

/* Add a member that is not there yet. */
static void
insert(struct sk_toml *t, struct sk_jv *tab, const struct sk_toml_key *k,
    struct sk_jv *v)
{
	struct sk_toml_slot *s;

	if (t->used * 2 >= t->nslots)
		more_slots(t);
	s = slot(t, tab, k->s, k->n);
	sk_jadd(t->a, tab, k->s, k->n, v);
	s->tab = tab;
	s->i = tab->n - 1;
	t->used++;
}

/* ---- keys ---- */

static bool
bare(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '_' || c == '-';
}

static bool
key_part(struct sk_toml *t)
{
	struct sk_toml_key *k;
	int c = sk_toml_peek(t, 0);

	if (t->nkey == SK_TOML_DEEP)
		return sk_toml_bad(
		    t, t->i, "a key of more than %d parts", SK_TOML_DEEP);
	k = &t->key[t->nkey];
	k->at = t->i;
	if (c == '"' || c == '\'') {
		if (!sk_toml_string(t, true, &k->s, &k->n))
			return false;
	} else {
		while (bare(sk_toml_peek(t, 0)))
			t->i++;
		k->n = t->i - k->at;
		if (k->n == 0)
			return sk_toml_bad(t, t->i, "no key here%s",
			    c >= 0x80 ? " (one with such letters needs quotes)"
				      : "");
		k->s = sk_arena_strndup(t->a, t->p + k->at, k->n);
	}
	t->nkey++;
	return true;
}

/* A key with its dots, and the blanks behind it. */
static bool
read_key(struct sk_toml *t)
{
	t->nkey = 0;
	for (;;) {
		sk_toml_ws(t);
		if (!key_part(t))
			return false;
		sk_toml_ws(t);
		if (sk_toml_peek(t, 0) != '.')
			return true;
		t->i++;
	}
}

/* From tab along the key's parts but the last, for KEY = VALUE. */
static struct sk_jv *
walk_dotted(struct sk_toml *t, struct sk_jv *tab)
{
	for (size_t i = 0; i + 1 < t->nkey; i++) {
		const struct sk_toml_key *k = &t->key[i];
		struct sk_jv *v = lookup(t, tab, k);

		if (v == NULL) {
			v = new_table(t, k->at, DOTTED);
			insert(t, tab, k, v);
		} else if (v->type != SK_J_OBJ && v->toml_kind != TABLES) {
			bad_key(t, k, "has a value and is no table");
			return NULL;
		} else if (v->toml_kind == INLINE) {
			bad_key(
			    t, k, "is an inline table and cannot be extended");
			return NULL;
		} else if (v->toml_kind != DOTTED && v->toml_kind != IMPLICIT) {
			bad_key(t, k,
			    "has a header of its own and "
			    "cannot be extended from here");
			return NULL;
		}
		v->toml_kind = DOTTED;
		tab = v;
	}
	return tab;
}

bool
sk_toml_pair(struct sk_toml *t, struct sk_jv *tab, size_t depth)
{
	struct sk_toml_key last;
	struct sk_jv *v;
	uint32_t col;

	if (!read_key(t))
		return false;
	if (sk_toml_peek(t, 0) != '=')
		return sk_toml_bad(t, t->i, "no '=' after the key");
	t->i++;
	/* The root is one level already, so this is where the value hangs. */
	depth += t->nkey;
	if (depth > SK_TOML_DEEP)
		return sk_toml_bad(t, t->key[0].at,
		    "tables nested more than %d deep", SK_TOML_DEEP);
	tab = walk_dotted(t, tab);
	if (tab == NULL)
		return false;
	last = t->key[t->nkey - 1];
	if (lookup(t, tab, &last) != NULL)
		return bad_key(t, &last, "is already defined");
	sk_toml_ws(t);
	place(t, last.at);
	col = t->pos_col;
	/* The value may hold keys of its own, which reuse t->key. */
	v = sk_toml_value(t, depth);
	if (v == NULL)
		return false;
	v->key_col = col <= UINT16_MAX ? (uint16_t)col : 0;
	insert(t, tab, &last, v);
	return true;
}

struct sk_jv *
sk_toml_inline_table(struct sk_toml *t, size_t at)
{
	return new_table(t, at, INLINE);
}

/* ---- headers ---- */

/* From the root along a header's parts but the last. */
static struct sk_jv *
walk_header(struct sk_toml *t, struct sk_jv *tab, size_t *depth)
{
	for (size_t i = 0; i + 1 < t->nkey; i++) {
		const struct sk_toml_key *k = &t->key[i];
		struct sk_jv *v = lookup(t, tab, k);

		++*depth;
		if (v == NULL) {
			v = new_table(t, k->at, IMPLICIT);
			insert(t, tab, k, v);
		} else if (v->toml_kind == TABLES) {
			++*depth;
			v = v->a[v->n - 1];
		} else if (v->toml_kind == INLINE) {
			bad_key(
			    t, k, "is an inline table and cannot be extended");
			return NULL;
		} else if (v->type != SK_J_OBJ) {
			bad_key(t, k, "has a value and is no table");
			return NULL;
		}
		tab = v;
	}
	return tab;
}

static struct sk_jv *
open_table(struct sk_toml *t, struct sk_jv *parent, const struct sk_toml_key *k)
{
	struct sk_jv *v = lookup(t, parent, k);

	if (v == NULL) {
		v = new_table(t, k->at, HEADER);
		insert(t, parent, k, v);
		return v;
	}
	if (v->type == SK_J_OBJ && v->toml_kind == IMPLICIT) {
		v->toml_kind = HEADER;
		return v;
	}
	bad_key(t, k, "is already defined");
	return NULL;
}

static struct sk_jv *
open_tables(
    struct sk_toml *t, struct sk_jv *parent, const struct sk_toml_key *k)
{
	struct sk_jv *v = lookup(t, parent, k), *elem;

	if (v == NULL) {
		v = new_table(t, k->at, TABLES);
		insert(t, parent, k, v);
	} else if (v->toml_kind != TABLES) {
		bad_key(t, k, "is already defined and is no array of tables");
		return NULL;
	}
	elem = new_table(t, k->at, HEADER);
	sk_jpush(t->a, v, elem);
	return elem;
}

/* [a.b] or [[a.b]]: the table that the next lines fill. */
static struct sk_jv *
header(struct sk_toml *t, struct sk_jv *root, size_t *depth)
{
	bool many = sk_toml_peek(t, 1) == '[';
	struct sk_jv *tab;

	t->i += many ? 2 : 1;
	if (!read_key(t))
		return NULL;
	if (sk_toml_peek(t, 0) != ']' || (many && sk_toml_peek(t, 1) != ']')) {
		sk_toml_bad(
		    t, t->i, "no '%s' to end the header", many ? "]]" : "]");
		return NULL;
	}
	t->i += many ? 2 : 1;
	*depth = many ? 2 : 1;
	tab = walk_header(t, root, depth);
	if (tab == NULL)
		return NULL;
	if (*depth >= SK_TOML_DEEP) {
		sk_toml_bad(t, t->key[0].at, "tables nested more than %d deep",
		    SK_TOML_DEEP);
		return NULL;
	}
	return many ? open_tables(t, tab, &t->key[t->nkey - 1])
	            : open_table(t, tab, &t->key[t->nkey - 1]);
}

/* ---- the document ---- */

static bool
document(struct sk_toml *t, struct sk_jv *root)
{
	struct sk_jv *tab = root;
	size_t depth = 0, i = 0, at;

	while (i < t->n) {
		at = i;
		if (sk_utf8_next(t->p, t->n, &i) == (uint32_t)-1)
			return sk_toml_bad(t, at, "invalid UTF-8");
	}
	if (t->n >= 3 && memcmp(t->p, "\xef\xbb\xbf", 3) == 0)
		t->i = 3;
	for (;;) {
		if (!sk_toml_gap(t))
			return false;
		if (t->i >= t->n)
			return true;
		if (t->p[t->i] == '[')
			tab = header(t, root, &depth);
		else if (!sk_toml_pair(t, tab, depth))
			tab = NULL;
		if (tab == NULL || !end_of_line(t))
			return false;
	}
}

int
sk_toml_parse(struct sk_arena *a, const char *p, size_t n, const char *name,
    struct sk_jv **out, struct sk_err *err)
{
	struct sk_toml t = {
		.a = a,
		.p = p,
		.n = n,
		.name = name,
		.err = err,
		.pos_line = 1,
		.pos_col = 1,
	};
	struct sk_jv *root;

	*out = NULL;
	sk_buf_init(&t.tmp, 0);
	more_slots(&t);
	root = new_table(&t, 0, HEADER);
	if (n > sk_jlimits_default.bytes)
		sk_toml_bad(
		    &t, 0, "more than %zu bytes", sk_jlimits_default.bytes);
	else if (document(&t, root))
		*out = root;
	for (size_t i = 0; i < t.ntabs; i++)
		t.tabs[i]->toml_kind = SK_TOML_NONE;
	sk_buf_free(&t.tmp);
	free(t.slots);
	free(t.tabs);
	return t.rc;
}
