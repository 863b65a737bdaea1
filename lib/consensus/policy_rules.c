/* SPDX-License-Identifier: MIT */
/* What a policy says of one path, and of one agent. */
#include <string.h>

#include "consensus/internal.h"

static const struct {
	const char *word;
	unsigned bit;
} views[] = {
	{ "nfc", SK_VIEW_NFC },
	{ "case", SK_VIEW_CASE },
	{ "space", SK_VIEW_SPACE },
	{ "punct", SK_VIEW_PUNCT },
	{ "digits", SK_VIEW_DIGITS },
	{ "words", SK_VIEW_WORDS },
};

static const struct sk_jv *
at_path(const struct sk_jv *table, const char *path)
{
	for (size_t i = 0; i < sk_jlen(table); i++)
		if (sk_path_match(table->m[i].key, path))
			return table->m[i].v;
	return NULL;
}

bool
sk_views_parse(const char *s, unsigned *out)
{
	struct sk_strv v = { 0 };
	bool ok;

	*out = 0;
	sk_strv_split(&v, s, ' ');
	ok = v.n > 0;
	for (size_t i = 0; ok && i < v.n; i++) {
		size_t k = 0;

		while (k < SK_ARRAY_SIZE(views) &&
		       strcmp(views[k].word, v.v[i]) != 0)
			k++;
		ok = k < SK_ARRAY_SIZE(views);
		if (ok)
			*out |= views[k].bit;
	}
	sk_strv_free(&v);
	return ok;
}

unsigned
sk_policy_views(const struct sk_policy *p, const char *path)
{
	const char *s = sk_jstr(at_path(p->normalise, path));
	unsigned bits = 0;

	if (s != NULL)
		(void)sk_views_parse(s, &bits);
	return bits;
}

struct sk_jv *
sk_policy_view_words(
    const struct sk_policy *p, const char *path, struct sk_arena *a)
{
	unsigned bits = sk_policy_views(p, path);
	struct sk_jv *r = sk_jnew(a, SK_J_ARR);

	for (size_t i = 0; i < SK_ARRAY_SIZE(views); i++)
		if ((bits & views[i].bit) != 0)
			sk_jpush(a, r, sk_jnew_cstr(a, views[i].word));
	if (at_path(p->aliases, path) != NULL)
		sk_jpush(a, r, sk_jnew_cstr(a, "aliases"));
	return r->n > 0 ? r : NULL;
}

const char *
sk_policy_alias(
    const struct sk_policy *p, const char *path, const char *s, size_t n)
{
	const struct sk_jv *t = at_path(p->aliases, path);
	unsigned bits = sk_policy_views(p, path);
	const char *found = NULL;
	struct sk_buf b;

	sk_buf_init(&b, 0);
	for (size_t i = 0; found == NULL && i < sk_jlen(t); i++)
		for (size_t k = 0; k < sk_jlen(t->m[i].v); k++) {
			const char *w = sk_jstr(t->m[i].v->a[k]);

			if (w == NULL)
				continue;
			sk_buf_clear(&b);
			sk_norm_text(&b, w, strlen(w), bits);
			if (b.len == n && memcmp(b.p, s, n) == 0)
				found = t->m[i].key;
		}
	sk_buf_free(&b);
	return found;
}

bool
sk_policy_tolerance(
    const struct sk_policy *p, const char *path, struct sk_tolerance *t)
{
	const char *s = sk_jstr(at_path(p->tolerance, path));

	memset(t, 0, sizeof(*t));
	return s != NULL && sk_tolerance_parse(s, t);
}

const char *
sk_policy_unit(const struct sk_policy *p, const char *path)
{
	return sk_jstr(at_path(p->units, path));
}

size_t
sk_policy_weight(const struct sk_policy *p, const char *agent)
{
	const char *dot = strrchr(agent, '.');
	int64_t w;

	if (p->weights == NULL)
		return 1;
	if (sk_jget_int(p->weights, agent, &w))
		return (size_t)w;
	if (dot != NULL &&
	    sk_jint(sk_jgetn(p->weights, agent, (size_t)(dot - agent)), &w))
		return (size_t)w;
	return 1;
}
