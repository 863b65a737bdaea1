/* SPDX-License-Identifier: MIT */
/* Paths of a verdict in its agreed value: in a list of records the token is the
 * record's key, which the support of the list's path names. */
#include <string.h>

#include "consensus/merged.h"

/* The next token of a pointer, decoded; *p is moved behind it. */
static void
token(const char **p, struct sk_buf *b)
{
	sk_buf_clear(b);
	for ((*p)++; **p != '\0' && **p != '/'; (*p)++) {
		if ((*p)[0] == '~' && ((*p)[1] == '0' || (*p)[1] == '1')) {
			sk_buf_ch(b, (*p)[1] == '0' ? '~' : '/');
			(*p)++;
		} else {
			sk_buf_ch(b, **p);
		}
	}
}

/* Is this the record that a token names? The number 1 is "#1", the text "1" is
 * "1", and the text "#1" is "##1". */
static bool
is_record(const struct sk_jv *record, const char *key, const struct sk_buf *tok)
{
	const struct sk_jv *k = sk_jget(record, key);
	struct sk_buf name;
	bool same;

	if (k == NULL || (k->type != SK_J_STR && k->type != SK_J_NUM))
		return false;
	sk_buf_init(&name, 0);
	if (k->type == SK_J_NUM || (k->n > 0 && k->s[0] == '#'))
		sk_buf_ch(&name, '#');
	if (k->type == SK_J_NUM)
		sk_num_canon(&name, k->s, k->n);
	else
		sk_buf_add(&name, k->s, k->n);
	same = name.len == tok->len && memcmp(name.p, tok->p, tok->len) == 0;
	sk_buf_free(&name);
	return same;
}

/* One step down; before = the path up to here. */
static struct sk_jv *
step(const struct sk_jv *verdict, struct sk_jv *at, const char *path,
    size_t before, const struct sk_buf *tok)
{
	const char *key;

	if (at->type == SK_J_OBJ)
		return sk_jgetn(at, tok->p, tok->len);
	if (at->type != SK_J_ARR)
		return NULL;
	key = sk_jget_str(
	    sk_jgetn(sk_jget(verdict, "support"), path, before), "key");
	for (size_t i = 0; key != NULL && i < at->n; i++)
		if (is_record(at->a[i], key, tok))
			return at->a[i];
	return NULL;
}

struct sk_jv *
sk_merged_at(const struct sk_jv *verdict, const char *path)
{
	struct sk_jv *at = sk_jget(verdict, "merged");
	const char *p = path;
	struct sk_buf tok;

	sk_buf_init(&tok, 0);
	while (at != NULL && *p == '/') {
		size_t before = (size_t)(p - path);

		token(&p, &tok);
		at = step(verdict, at, path, before, &tok);
	}
	sk_buf_free(&tok);
	return at;
}

bool
sk_merged_put(struct sk_arena *a, const struct sk_jv *verdict,
    struct sk_jv **root, const char *path, struct sk_jv *v)
{
	struct sk_jv *at = *root, *down;
	const char *p = path;
	struct sk_buf tok;
	bool done = false;

	if (path[0] == '\0') {
		*root = v;
		return true;
	}
	if (at == NULL || at->type == SK_J_NULL)
		at = *root = sk_jnew(a, SK_J_OBJ);
	sk_buf_init(&tok, 0);
	while (at != NULL && *p == '/') {
		size_t before = (size_t)(p - path);

		token(&p, &tok);
		if (*p == '\0' && at->type == SK_J_OBJ) {
			sk_jsetn(a, at, tok.p, tok.len, v);
			done = true;
			break;
		}
		down = step(verdict, at, path, before, &tok);
		if (down == NULL && at->type == SK_J_OBJ) {
			down = sk_jnew(a, SK_J_OBJ);
			sk_jsetn(a, at, tok.p, tok.len, down);
		}
		at = down;
	}
	sk_buf_free(&tok);
	return done;
}
