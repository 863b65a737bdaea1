/* SPDX-License-Identifier: MIT */
/* Schema references: $id, URIs (RFC 3986 section 5.2), and where a $ref
 * leads. Nothing is ever fetched. */
#include <string.h>

#include "json/schema.h"

/* ---- URIs ---- */

struct uri {
	const char *scheme, *auth, *path, *query, *frag;
	size_t schemen, authn, pathn, queryn,
	    fragn; /* parts with their marks */
};

static void
split(struct uri *u, const char *s)
{
	size_t n;

	memset(u, 0, sizeof(*u));
	n = strcspn(s, ":/?#");
	u->scheme = s;
	if (n > 0 && s[n] == ':')
		u->schemen = n + 1;
	s += u->schemen;
	u->auth = s;
	if (s[0] == '/' && s[1] == '/')
		u->authn = 2 + strcspn(s + 2, "/?#");
	s += u->authn;
	u->path = s;
	u->pathn = strcspn(s, "?#");
	s += u->pathn;
	u->query = s;
	u->queryn = strcspn(s, "#");
	s += u->queryn;
	u->frag = s;
	u->fragn = strlen(s);
}

/* Drop "." and ".." from the path that starts at b->p + from. */
static void
remove_dots(struct sk_buf *b, size_t from)
{
	char *p = b->p + from;
	size_t n = b->len - from, o = 0, i = 0, seg;

	while (i < n) {
		seg = i + 1;
		while (seg < n && p[seg] != '/')
			seg++;
		if (seg - i == 2 && memcmp(p + i, "/.", 2) == 0) {
			if (seg == n)
				p[o++] = '/';
		} else if (seg - i == 3 && memcmp(p + i, "/..", 3) == 0) {
			while (o > 0 && p[--o] != '/')
				;
			if (seg == n)
				p[o++] = '/';
		} else {
			memmove(p + o, p + i, seg - i);
			o += seg - i;
		}
		i = seg;
	}
	b->len = from + o;
	if (b->cap > 0)
		b->p[b->len] = '\0';
}

/* ref as seen from base, in the arena. */
static const char *
resolve_uri(struct sk_arena *a, const char *base, const char *ref)
{
	struct uri r, u;
	struct sk_buf b;
	const char *out;
	size_t from, cut;

	split(&r, ref);
	split(&u, base);
	sk_buf_init(&b, 0);
	if (r.schemen > 0) {
		sk_buf_str(&b, ref);
		goto out;
	}
	sk_buf_add(&b, u.scheme, u.schemen);
	if (r.authn > 0) {
		sk_buf_str(&b, r.auth);
		goto out;
	}
	sk_buf_add(&b, u.auth, u.authn);
	if (r.pathn == 0) {
		sk_buf_add(&b, u.path, u.pathn);
		if (r.queryn > 0)
			sk_buf_add(&b, r.query, r.queryn);
		else
			sk_buf_add(&b, u.query, u.queryn);
	} else {
		from = b.len;
		if (r.path[0] != '/') {
			cut = u.pathn;
			while (cut > 0 && u.path[cut - 1] != '/')
				cut--;
			if (cut == 0 && u.authn > 0)
				sk_buf_ch(&b, '/');
			sk_buf_add(&b, u.path, cut);
		}
		sk_buf_add(&b, r.path, r.pathn);
		remove_dots(&b, from);
		sk_buf_add(&b, r.query, r.queryn);
	}
	sk_buf_add(&b, r.frag, r.fragn);
out:
	/* "x#" and "x" are one. */
	if (b.len > 0 && b.p[b.len - 1] == '#')
		b.p[--b.len] = '\0';
	out = sk_arena_strndup(a, b.p, b.len);
	sk_buf_free(&b);
	return out;
}

/* ---- $id ---- */

static const char *
own_id(const struct sk_jv *s)
{
	return sk_jget(s, "$ref") == NULL ? sk_jget_str(s, "$id") : NULL;
}

static void
add_id(struct sk_sc *c, const char *uri, const struct sk_jv *s)
{
	SK_GROW(NULL, c->ids, c->nids, c->ids_cap);
	c->ids[c->nids++] = (struct sk_sc_id){ uri, s };
}

/* What stands in these is data or text, not schemas. */
static bool
holds_data(const struct sk_jm *m)
{
	static const char *const words[] = { "enum", "const", "default",
		"examples" };

	for (size_t i = 0; i < SK_ARRAY_SIZE(words); i++)
		if (strcmp(m->key, words[i]) == 0)
			return true;
	return false;
}

/* Collect the ids of s and what is in it. `base` is its surroundings'. */
void
sk_sc_ids(struct sk_sc *c, const struct sk_jv *s, const char *base)
{
	const char *id;

	if (s->type == SK_J_ARR)
		for (size_t i = 0; i < s->n; i++)
			sk_sc_ids(c, s->a[i], base);
	if (s->type != SK_J_OBJ)
		return;
	id = own_id(s);
	if (id != NULL) {
		id = resolve_uri(c->a, base, id);
		add_id(c, id, s);
		/* "#name" gives a place a name, not a new base. */
		if (strchr(id, '#') == NULL)
			base = id;
	}
	for (size_t i = 0; i < s->n; i++)
		if (!holds_data(&s->m[i]))
			sk_sc_ids(c, s->m[i].v, base);
}

const char *
sk_sc_base(const struct sk_sc *c, const struct sk_jv *s, const char *base)
{
	for (size_t i = 0; i < c->nids; i++)
		if (c->ids[i].s == s && strchr(c->ids[i].uri, '#') == NULL)
			return c->ids[i].uri;
	return base;
}

/* ---- $ref ---- */

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* %XX decoded, in the arena. */
static const char *
unpercent(struct sk_arena *a, const char *s)
{
	char *out = sk_arena_strdup(a, s), *o = out;

	for (; *s != '\0'; s++)
		if (*s == '%' && hex_digit(s[1]) >= 0 && hex_digit(s[2]) >= 0) {
			*o++ = (char)(hex_digit(s[1]) * 16 + hex_digit(s[2]));
			s += 2;
		} else {
			*o++ = *s;
		}
	*o = '\0';
	return out;
}

/* A JSON Pointer from `at`; ids on the way change the base. */
static struct sk_sc_at
follow_pointer(struct sk_sc *c, struct sk_sc_at at, const char *ptr)
{
	size_t n;

	while (at.s != NULL && *ptr == '/') {
		n = 1 + strcspn(ptr + 1, "/");
		at.s = sk_jptr(at.s, sk_arena_strndup(c->a, ptr, n));
		if (at.s != NULL)
			at.base = sk_sc_base(c, at.s, at.base);
		ptr += n;
	}
	if (*ptr != '\0')
		at.s = NULL;
	return at;
}

static void
load_meta(struct sk_sc *c)
{
	struct sk_jv *v;

	c->meta = true;
	if (sk_json_parse(
		c->a, sk_sc_meta, strlen(sk_sc_meta), NULL, &v, NULL) != 0)
		sk_bug("the meta-schema cannot be read");
	sk_sc_ids(c, v, "");
}

static const struct sk_jv *
by_uri(struct sk_sc *c, const char *uri)
{
	if (!c->meta &&
	    strncmp(uri, SK_SC_META_URI, strlen(SK_SC_META_URI)) == 0)
		load_meta(c);
	for (size_t i = 0; i < c->nids; i++)
		if (strcmp(c->ids[i].uri, uri) == 0)
			return c->ids[i].s;
	return NULL;
}

struct sk_sc_at
sk_sc_resolve(struct sk_sc *c, const char *base, const char *ref)
{
	const char *uri = resolve_uri(c->a, base, ref);
	const char *frag = strchr(uri, '#'), *doc;
	struct sk_sc_at at = { by_uri(c, uri), NULL };

	if (at.s != NULL) {
		/* A whole document, or a place with a name. */
		doc = frag == NULL
		          ? uri
		          : sk_arena_strndup(c->a, uri, (size_t)(frag - uri));
		at.base = sk_sc_base(c, at.s, doc);
		return at;
	}
	doc = frag == NULL ? uri
	                   : sk_arena_strndup(c->a, uri, (size_t)(frag - uri));
	at.s = by_uri(c, doc);
	if (at.s == NULL && *doc == '\0')
		at.s = c->root;
	at.base = doc;
	if (frag == NULL || at.s == NULL)
		return at;
	frag = unpercent(c->a, frag + 1);
	if (*frag != '/')
		at.s = NULL;
	return follow_pointer(c, at, frag);
}
