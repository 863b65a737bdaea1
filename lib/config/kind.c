/* SPDX-License-Identifier: MIT */
/* Texts that are more than texts: durations, sizes, quorums, paths, names. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/kind.h"

struct kind {
	struct sk_config *c;
	int layer;
	const char *key;
};

#define SHOWN 60 /* bytes of a wrong value in a message */

static void
bad(const struct kind *k, const struct sk_jv *at, const char *expected)
{
	struct sk_buf b;

	sk_buf_init(&b, 0);
	if (sk_config_secret(k->key))
		sk_buf_str(&b, "something else");
	else
		sk_json_write(&b, at);
	if (b.len > SHOWN) {
		b.len = SHOWN;
		b.p[SHOWN] = '\0';
		sk_buf_str(&b, "...");
	}
	sk_config_finding(k->c, k->layer, at, k->key, "bad_value", NULL,
	    "expected %s, found %s", expected, b.p);
	sk_buf_free(&b);
}

/* ---- paths ---- */

static void
make_absolute(const struct kind *k, struct sk_jv *v)
{
	const char *file = k->c->origins->layers[k->layer].file;
	char *dir, *slash;

	if (v->s[0] == '/')
		return;
	if (file != NULL) {
		dir = sk_strdup(file);
		slash = strrchr(dir, '/');
		if (slash != NULL)
			slash[slash == dir] = '\0';
	} else {
		dir = getcwd(NULL, 0);
	}
	if (dir != NULL)
		v->s = sk_config_abs(k->c, dir, v->s);
	v->n = strlen(v->s);
	free(dir);
}

static void
check_root(const struct kind *k, struct sk_jv *v)
{
	enum sk_layer_kind from = k->c->origins->layers[k->layer].kind;
	struct stat st;
	char *real;

	if (from < SK_LAYER_NAMED) {
		sk_config_finding(k->c, k->layer, v, k->key, "untrusted_key",
		    "name the file with --config or SK_CONFIG",
		    "only a named file can set the project's root");
		return;
	}
	make_absolute(k, v);
	real = realpath(v->s, NULL);
	if (real == NULL || stat(real, &st) != 0 || !S_ISDIR(st.st_mode)) {
		bad(k, v, "a directory that exists");
	} else {
		v->s = sk_arena_strdup(&k->c->arena, real);
		v->n = strlen(v->s);
	}
	free(real);
}

/* What a project's file names must stay below the project's root. */
static bool
stays_inside(const char *path)
{
	size_t n;

	if (path[0] == '/')
		return false;
	for (;; path += n + 1) {
		n = strcspn(path, "/");
		if (n == 2 && path[0] == '.' && path[1] == '.')
			return false;
		if (path[n] == '\0')
			return true;
	}
}

/* Nor may a link that is in the tree lead out of it. */
static bool
leads_outside(const struct kind *k, const char *path)
{
	char *root = realpath(k->c->project_root, NULL), *real, *slash;
	char *at = sk_config_abs(k->c, k->c->project_root, path);
	bool out = false;
	size_t n;

	/* What is not there yet will be made in what is. */
	while ((real = realpath(at, NULL)) == NULL && errno == ENOENT &&
	       (slash = strrchr(at, '/')) != NULL && slash != at)
		*slash = '\0';
	if (root != NULL && real != NULL && strcmp(root, "/") != 0) {
		n = strlen(root);
		out = strncmp(real, root, n) != 0 ||
		      (real[n] != '/' && real[n] != '\0');
	}
	free(root);
	free(real);
	return out;
}

static void
check_inside(const struct kind *k, const struct sk_jv *v)
{
	if (sk_config_found(&k->c->origins->layers[k->layer]) &&
	    (!stays_inside(v->s) || leads_outside(k, v->s)))
		sk_config_finding(k->c, k->layer, v, k->key, "untrusted_key",
		    "to allow it, name this file with --config or SK_CONFIG",
		    "a project file that was merely found cannot name a path "
		    "outside the tree");
}

static void
check_command(const struct kind *k, const struct sk_jv *v)
{
	struct sk_jv *program = sk_jat(v, 0);

	if (program == NULL || program->type != SK_J_STR)
		return;
	if (program->n == 0)
		bad(k, program, "a program");
	else if (strchr(program->s, '/') != NULL)
		make_absolute(k, program);
}

/* ---- words ---- */

static size_t
digits(const char *s)
{
	return strspn(s, "0123456789");
}

/* "3", "2/3", "0.67"; a fraction is more than 0 and at most 1. */
static bool
quorum_ok(const char *s)
{
	int64_t num, den;
	const char *slash = strchr(s, '/');
	char *part;
	size_t n;
	bool ok;

	if (slash != NULL) {
		part = sk_strndup(s, (size_t)(slash - s));
		ok = sk_parse_int(part, 1, INT32_MAX, &num) &&
		     sk_parse_int(slash + 1, 1, INT32_MAX, &den) && num <= den;
		free(part);
		return ok;
	}
	n = digits(s);
	if (s[n] == '\0')
		return sk_parse_int(s, 1, INT32_MAX, &num);
	/* 1.0 is all of them, 0.0 would be nobody. */
	if (n == 0 || s[n] != '.' || digits(s + n + 1) == 0 ||
	    s[n + 1 + digits(s + n + 1)] != '\0')
		return false;
	if (n == 1 && s[0] == '0')
		return s[2 + strspn(s + 2, "0")] != '\0';
	return n == 1 && s[0] == '1' && s[2 + strspn(s + 2, "0")] == '\0';
}

/* NAME[=ADAPTER][:COUNT] */
static bool
lineup_ok(const char *s)
{
	char *w = sk_strdup(s), *eq, *colon;
	int64_t count;
	bool ok = true;

	colon = strrchr(w, ':');
	if (colon != NULL) {
		*colon++ = '\0';
		ok = sk_parse_int(colon, 1, 100000, &count);
	}
	eq = strchr(w, '=');
	if (eq != NULL) {
		*eq++ = '\0';
		ok = ok && sk_ident_ok(eq);
	}
	ok = ok && sk_ident_ok(w);
	free(w);
	return ok;
}

static bool
duration_ok(const char *s)
{
	int64_t ms;

	return sk_parse_duration(s, &ms) && ms <= (int64_t)31536000 * 1000;
}

static bool
size_ok(const char *s)
{
	int64_t n;

	return sk_parse_size(s, &n) && n > 0;
}

static const struct word_kind {
	const char *name, *expected;
	bool (*ok)(const char *s);
} words[] = {
	{ "identifier", "a name of letters, digits, '.', '_' and '-'",
	    sk_ident_ok },
	{ "duration", "a duration such as \"90s\" or \"1h30m\"", duration_ok },
	{ "size", "a size such as \"16MiB\"", size_ok },
	{ "quorum", "a count, or a fraction such as \"2/3\"", quorum_ok },
	{ "pointers", "a JSON Pointer such as \"/answer\"", sk_jptr_ok },
	{ "lineup", "NAME[=ADAPTER][:COUNT]", lineup_ok },
};

static void
check_word(const struct kind *k, const struct sk_jv *v, const char *kind)
{
	if (v->type != SK_J_STR &&
	    !(v->type == SK_J_NUM && sk_streq(kind, "quorum")))
		return;
	for (size_t i = 0; i < SK_ARRAY_SIZE(words); i++)
		if (sk_streq(kind, words[i].name) && !words[i].ok(v->s))
			bad(k, v, words[i].expected);
}

static const char *
expected(const char *kind, const char *type)
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(words); i++)
		if (sk_streq(kind, words[i].name))
			return words[i].expected;
	return sk_streq(type, "number") ? "a finite number" : type;
}

/* Dates are strings of the tree, and so are inf and nan: no key wants them. */
static bool
plain(const struct kind *k, const struct sk_jv *v, const char *want)
{
	if (v->type == SK_J_STR && v->toml_kind != SK_TOML_NONE) {
		sk_config_finding(k->c, k->layer, v, k->key, "bad_value", NULL,
		    "expected %s, found %s %s", want,
		    v->toml_kind == SK_TOML_FLOAT ? "the number" : "the date",
		    v->s);
		return false;
	}
	if (v->type == SK_J_STR && memchr(v->s, '\0', v->n) != NULL) {
		bad(k, v, "text without NUL bytes");
		return false;
	}
	return true;
}

void
sk_config_kind(struct sk_config *c, int layer, const char *key, struct sk_jv *v,
    const char *kind, const char *type)
{
	const struct kind k = { c, layer, key };
	bool ok =
	    plain(&k, v, expected(sk_streq(type, "array") ? NULL : kind, type));

	for (size_t i = 0; v->type == SK_J_ARR && i < v->n; i++) {
		if (!plain(&k, v->a[i], expected(kind, "string")))
			ok = false;
		else if (kind != NULL)
			check_word(&k, v->a[i], kind);
	}
	if (!ok || kind == NULL)
		return;
	check_word(&k, v, kind);
	if (sk_streq(kind, "command")) {
		check_command(&k, v);
		return;
	}
	if (v->type != SK_J_STR || v->n == 0)
		return;
	if (sk_streq(kind, "root"))
		check_root(&k, v);
	else if (sk_streq(kind, "path"))
		make_absolute(&k, v);
	else if (sk_streq(kind, "inside"))
		check_inside(&k, v);
}
