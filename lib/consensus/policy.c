/* SPDX-License-Identifier: MIT */
/* Policies: which paths count, how many must agree, what a path holds. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "consensus/internal.h"
#include "data/data.h"

#define POLICY_MAX ((size_t)1 << 20)

static const char *const kind_words[] = {
	[SK_PATH_AUTO] = "auto",
	[SK_PATH_SCALAR] = "scalar",
	[SK_PATH_TEXT] = "text",
	[SK_PATH_SET] = "set",
	[SK_PATH_RECORDS] = "records",
	[SK_PATH_UNION] = "union",
	[SK_PATH_EXACT] = "exact",
	[SK_PATH_OBJECT] = "object",
	[SK_PATH_MEASURE] = "measure",
	[SK_PATH_RANKING] = "ranking",
	[SK_PATH_IGNORE] = "ignore",
};

const char *
sk_path_kind_word(enum sk_path_kind k)
{
	return kind_words[k];
}

/* Digits only, at most nine, so that products stay far below 2^63. */
static bool
digits(const char *s, size_t n, int64_t *out)
{
	int64_t x = 0;

	if (n == 0 || n > 9)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		x = x * 10 + (s[i] - '0');
	}
	*out = x;
	return true;
}

static bool
quorum_read(const char *s, struct sk_quorum *q)
{
	const char *sep = strpbrk(s, "/.");
	int64_t a, b, den = 1;

	if (sep == NULL) {
		q->den = 0;
		return digits(s, strlen(s), &q->num) && q->num > 0;
	}
	if (!digits(s, (size_t)(sep - s), &a) ||
	    !digits(sep + 1, strlen(sep + 1), &b))
		return false;
	if (*sep == '/') {
		q->num = a;
		q->den = b;
	} else {
		for (const char *p = sep + 1; *p != '\0'; p++)
			den *= 10;
		q->num = a * den + b;
		q->den = den;
	}
	return q->num > 0 && q->num <= q->den;
}

int
sk_quorum_parse(const char *s, struct sk_quorum *q, struct sk_err *err)
{
	if (quorum_read(s, q))
		return 0;
	*q = (struct sk_quorum){ 0 };
	(void)sk_fail(err, SK_USAGE, "bad_quorum", "invalid quorum '%s'", s);
	return sk_hint(
	    err, "give a number of agents (2), or a part of them (2/3, 0.75)");
}

size_t
sk_quorum_of(const struct sk_quorum *q, size_t n)
{
	size_t num = (size_t)q->num, den = (size_t)q->den, k;

	if (q->num <= 0)
		return n / 2 + 1;
	if (q->den <= 0)
		return num;
	k = (n * num + den - 1) / den;
	return k != 0 ? k : 1;
}

static int
bad(struct sk_err *err, const char *name, const struct sk_jv *at,
    const char *what)
{
	return sk_fail(err, SK_USAGE, "bad_policy", "%s:%u:%u: %s", name,
	    at != NULL ? (unsigned)at->line : 0,
	    at != NULL ? (unsigned)at->col : 0, what);
}

static int
read_strings(struct sk_strv *out, const struct sk_jv *v, bool pointers,
    const char *name, struct sk_err *err)
{
	if (v->type != SK_J_ARR)
		return bad(err, name, v, "expected an array of strings");
	for (size_t i = 0; i < v->n; i++) {
		const char *s = sk_jstr(v->a[i]);

		if (s == NULL)
			return bad(err, name, v->a[i], "expected a string");
		if (pointers && !sk_jptr_ok(s))
			return bad(err, name, v->a[i],
			    "expected a JSON Pointer such as \"/answer\"");
		if (!pointers && !sk_ident_ok(s))
			return bad(err, name, v->a[i], "invalid agent name");
		sk_strv_add(out, s);
	}
	return 0;
}

static enum sk_path_kind
kind_of_word(const char *w)
{
	for (size_t i = 0; w != NULL && i < SK_ARRAY_SIZE(kind_words); i++)
		if (strcmp(w, kind_words[i]) == 0)
			return (enum sk_path_kind)i;
	return SK_PATH_OBJECT; /* nobody may ask for it: means "bad word" */
}

/* Which words a table of paths takes. */
enum table { KINDS, KEYS, TOLERANCES, UNITS, VIEWS };
static const char *const table_wants[] = {
	[KINDS] = "expected auto, scalar, text, set, records, union, exact, "
		  "measure, ranking or ignore",
	[KEYS] = "expected the name of a key",
	[TOLERANCES] = "expected a tolerance: \"3%\", \"0.5\" or \"3% + 0.5\"",
	[UNITS] = "expected a unit: ns, us, ms, s, min, h, d, B, kB, MB, GB, "
		  "KiB, MiB, GiB or %",
	[VIEWS] = "expected some of: nfc case space punct digits words",
};

static bool
word_ok(const char *w, enum table t)
{
	struct sk_tolerance tol;
	unsigned bits;

	switch (t) {
	case KINDS:
		return kind_of_word(w) != SK_PATH_OBJECT;
	case KEYS:
		return true;
	case TOLERANCES:
		return sk_tolerance_parse(w, &tol);
	case UNITS:
		return sk_unit_ok(w);
	case VIEWS:
		return sk_views_parse(w, &bits);
	}
	return false;
}

static int
read_table(struct sk_jv **out, struct sk_jv *v, enum table t, const char *name,
    struct sk_err *err)
{
	if (v->type != SK_J_OBJ)
		return bad(err, name, v, "expected a table of paths");
	for (size_t i = 0; i < v->n; i++) {
		const char *w = sk_jstr(v->m[i].v);

		if (!sk_jptr_ok(v->m[i].key))
			return bad(err, name, v->m[i].v,
			    "expected a JSON Pointer such as \"/risks\"");
		if (w == NULL || !word_ok(w, t))
			return bad(err, name, v->m[i].v, table_wants[t]);
	}
	*out = v;
	return 0;
}

/* {agent: weight} */
static int
read_weights(
    struct sk_policy *p, struct sk_jv *v, const char *name, struct sk_err *err)
{
	int64_t w;

	if (v->type != SK_J_OBJ)
		return bad(err, name, v, "expected a table of agents");
	for (size_t i = 0; i < v->n; i++)
		if (!sk_ident_ok(v->m[i].key) || !sk_jint(v->m[i].v, &w) ||
		    w < 0 || w > 1000)
			return bad(err, name, v->m[i].v,
			    "expected a weight from 0 to 1000 for an agent");
	p->weights = v;
	return 0;
}

/* {name: [strings]} */
static int
read_lists(
    struct sk_jv **out, struct sk_jv *v, const char *name, struct sk_err *err)
{
	if (v->type != SK_J_OBJ)
		return bad(err, name, v, "expected a table of lists");
	for (size_t i = 0; i < v->n; i++) {
		if (v->m[i].v->type != SK_J_ARR)
			return bad(err, name, v->m[i].v,
			    "expected an array of strings");
		for (size_t k = 0; k < v->m[i].v->n; k++)
			if (sk_jstr(v->m[i].v->a[k]) == NULL)
				return bad(err, name, v->m[i].v->a[k],
				    "expected a string");
	}
	*out = v;
	return 0;
}

/* {pointer: {word: [words]}} */
static int
read_aliases(
    struct sk_policy *p, struct sk_jv *v, const char *name, struct sk_err *err)
{
	struct sk_jv *ignored;
	int rc = 0;

	if (v->type != SK_J_OBJ)
		return bad(err, name, v, "expected a table of paths");
	for (size_t i = 0; rc == 0 && i < v->n; i++) {
		if (!sk_jptr_ok(v->m[i].key))
			return bad(err, name, v->m[i].v,
			    "expected a JSON Pointer such as \"/status\"");
		rc = read_lists(&ignored, v->m[i].v, name, err);
	}
	p->aliases = v;
	return rc;
}

static int
read_quorum(struct sk_policy *p, const struct sk_jv *v, const char *name,
    struct sk_err *err)
{
	struct sk_err sub = { 0 };
	const char *s = sk_jstr(v);

	if (v->type == SK_J_NUM)
		s = v->s;
	if (s == NULL || sk_quorum_parse(s, &p->quorum, &sub) != 0) {
		sk_err_clear(&sub);
		return bad(err, name, v,
		    "expected a number of agents (2) or a part (\"2/3\")");
	}
	return 0;
}

static int
unknown_key(const struct sk_jm *m, const char *name, struct sk_err *err)
{
	static const char *const known[] = { "name", "description", "require",
		"optional", "expect", "members", "quorum", "min", "kinds",
		"keys", "tolerance", "units", "normalise", "aliases", "weights",
		"families", "line_window", "arbiter", NULL };
	const char *near = sk_closest(m->key, known);

	(void)bad(err, name, m->v, "unknown key in a policy");
	if (near != NULL)
		(void)sk_hint(err, "did you mean '%s'?", near);
	return err->exit;
}

static int
read_rule(struct sk_policy *p, const struct sk_jm *m, const char *name,
    struct sk_err *err)
{
	const char *k = m->key;

	if (strcmp(k, "optional") == 0)
		return read_strings(&p->optional, m->v, true, name, err);
	if (strcmp(k, "members") == 0)
		return read_strings(&p->members, m->v, false, name, err);
	if (strcmp(k, "tolerance") == 0)
		return read_table(&p->tolerance, m->v, TOLERANCES, name, err);
	if (strcmp(k, "units") == 0)
		return read_table(&p->units, m->v, UNITS, name, err);
	if (strcmp(k, "normalise") == 0)
		return read_table(&p->normalise, m->v, VIEWS, name, err);
	if (strcmp(k, "aliases") == 0)
		return read_aliases(p, m->v, name, err);
	if (strcmp(k, "weights") == 0)
		return read_weights(p, m->v, name, err);
	if (strcmp(k, "families") == 0)
		return read_lists(&p->families, m->v, name, err);
	if (strcmp(k, "arbiter") == 0)
		return sk_streq(sk_jstr(m->v), "settles") ||
		               sk_streq(sk_jstr(m->v), "advises")
		           ? 0
		           : bad(err, name, m->v,
				 "expected \"advises\" or \"settles\"");
	if (strcmp(k, "line_window") == 0)
		return sk_jint(m->v, &p->line_window) && p->line_window >= 0 &&
		               p->line_window <= 1000
		           ? 0
		           : bad(err, name, m->v,
				 "expected a number of lines from 0 to 1000");
	return unknown_key(m, name, err);
}

static int
read_key(struct sk_policy *p, const struct sk_jm *m, const char *name,
    struct sk_err *err)
{
	const char *k = m->key;

	if (strcmp(k, "name") == 0) {
		p->name = sk_jstr(m->v);
		return sk_ident_ok(p->name != NULL ? p->name : "")
		           ? 0
		           : bad(err, name, m->v, "invalid name");
	}
	if (strcmp(k, "description") == 0)
		return 0;
	if (strcmp(k, "require") == 0) {
		p->has_require = true;
		return read_strings(&p->require, m->v, true, name, err);
	}
	if (strcmp(k, "expect") == 0)
		return read_strings(&p->expect, m->v, false, name, err);
	if (strcmp(k, "quorum") == 0)
		return read_quorum(p, m->v, name, err);
	if (strcmp(k, "min") == 0)
		return sk_jint(m->v, &p->min) && p->min > 0
		           ? 0
		           : bad(err, name, m->v, "expected a number from 1");
	if (strcmp(k, "kinds") == 0)
		return read_table(&p->kinds, m->v, KINDS, name, err);
	if (strcmp(k, "keys") == 0)
		return read_table(&p->keys, m->v, KEYS, name, err);
	return read_rule(p, m, name, err);
}

/* What a policy says, not how it is written, is what its hash is of. */
static int
policy_tree(struct sk_policy *p, struct sk_jv *root, const char *name,
    struct sk_err *err)
{
	struct sk_buf b;
	int rc = 0;

	sk_buf_init(&b, 0);
	sk_json_canon(&b, root);
	sk_sha256(b.p, b.len, p->sha256);
	sk_buf_free(&b);
	p->tree = root;
	p->line_window = 3;
	for (size_t i = 0; rc == 0 && i < root->n; i++)
		rc = read_key(p, &root->m[i], name, err);
	if (rc == 0 && p->name == NULL)
		p->name = "unnamed";
	return rc;
}

static int
policy_text(struct sk_policy *p, const char *text, size_t n, const char *name,
    struct sk_err *err)
{
	struct sk_jv *root = NULL;
	int rc;

	rc = sk_toml_parse(&p->arena, text, n, name, &root, err);
	return rc != 0 ? rc : policy_tree(p, root, name, err);
}

int
sk_policy_from_json(
    struct sk_policy *p, const struct sk_jv *tree, struct sk_err *err)
{
	memset(p, 0, sizeof(*p));
	p->line_window = 3;
	if (tree == NULL || tree->type != SK_J_OBJ)
		return 0;
	return policy_tree(p, sk_jcopy(&p->arena, tree), "policy", err);
}

int
sk_policy_load(struct sk_policy *p, const char *what, struct sk_err *err)
{
	const struct sk_data_file *f;
	struct sk_buf buf;
	struct stat st;
	char *shipped;
	int rc;

	memset(p, 0, sizeof(*p));
	p->line_window = 3;
	if (what == NULL)
		return 0;
	if (strchr(what, '/') == NULL &&
	    (stat(what, &st) != 0 || !S_ISREG(st.st_mode))) {
		shipped = sk_asprintf("policies/%s.toml", what);
		f = sk_data_find(shipped);
		free(shipped);
		if (f != NULL)
			return policy_text(p, f->text, f->n, f->name, err);
		(void)sk_fail(err, SK_USAGE, "no_such_policy",
		    "no policy '%s': neither a file nor a shipped name", what);
		return sk_hint(err,
		    "shipped: plan, tasks, implement, validate, audit, unlock");
	}
	sk_buf_init(&buf, POLICY_MAX);
	rc = sk_read_file(what, POLICY_MAX, &buf, err);
	if (rc == 0)
		rc = policy_text(p, buf.p, buf.len, what, err);
	sk_buf_free(&buf);
	return rc;
}

void
sk_policy_free(struct sk_policy *p)
{
	sk_strv_free(&p->require);
	sk_strv_free(&p->expect);
	sk_strv_free(&p->optional);
	sk_strv_free(&p->members);
	sk_arena_free(&p->arena);
	memset(p, 0, sizeof(*p));
}

bool
sk_path_match(const char *pat, const char *path)
{
	while (*pat != '\0' && *path != '\0') {
		if (pat[0] == '*' && pat[-1] == '/' &&
		    (pat[1] == '/' || pat[1] == '\0')) {
			path += strcspn(path, "/");
			pat++;
		} else if (*pat++ != *path++) {
			return false;
		}
	}
	return *pat == *path;
}

static const char *
table_word(const struct sk_jv *t, const char *path)
{
	for (size_t i = 0; i < sk_jlen(t); i++)
		if (sk_path_match(t->m[i].key, path))
			return sk_jstr(t->m[i].v);
	return NULL;
}

enum sk_path_kind
sk_policy_kind(const struct sk_policy *p, const char *path)
{
	const char *w = p->kinds != NULL ? table_word(p->kinds, path) : NULL;

	return w != NULL ? kind_of_word(w) : SK_PATH_AUTO;
}

const char *
sk_policy_key(const struct sk_policy *p, const char *path)
{
	return p->keys != NULL ? table_word(p->keys, path) : NULL;
}
