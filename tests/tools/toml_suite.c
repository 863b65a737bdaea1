/* SPDX-License-Identifier: MIT */
/*
 * Runs the TOML reader over a directory laid out like toml-test: valid/ holds
 * NAME.toml beside NAME.json (every scalar as {"type":…,"value":…}), invalid/
 * holds NAME.toml. Prints what differs and the counts.
 *
 *     toml_suite DIR
 */
#include <ftw.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json/json.h"

static unsigned passed, failed;

static const char *const kinds[] = { "string", "float", "datetime",
	"datetime-local", "date-local", "time-local" };

static const char *
type_of(const struct sk_jv *v)
{
	switch (v->type) {
	case SK_J_TRUE:
	case SK_J_FALSE:
		return "bool";
	case SK_J_NUM:
		return v->toml_kind == SK_TOML_FLOAT ? "float" : "integer";
	case SK_J_STR:
		return kinds[v->toml_kind];
	default:
		return sk_jtype_name(v->type);
	}
}

/* A time without the zeros that end its fraction. */
static void
trim_time(struct sk_buf *b, const char *s)
{
	const char *dot = strchr(s, '.');
	size_t n = dot ? strspn(dot + 1, "0123456789") + 1 : 0, keep = n;

	while (keep > 1 && dot[keep - 1] == '0')
		keep--;
	if (keep == 1)
		keep = 0;
	sk_buf_add(b, s, dot ? (size_t)(dot - s) + keep : strlen(s));
	if (dot)
		sk_buf_str(b, dot + n);
}

static bool
same_scalar(const struct sk_jv *want, const struct sk_jv *v)
{
	const char *type = sk_jget_str(want, "type");
	const struct sk_jv *w = sk_jget(want, "value");
	struct sk_buf a, b;
	double x, y;
	bool same;

	if (strcmp(type, type_of(v)) != 0)
		return false;
	if (v->type == SK_J_TRUE || v->type == SK_J_FALSE)
		return strcmp(w->s, v->type == SK_J_TRUE ? "true" : "false") ==
		       0;
	if (strcmp(type, "integer") == 0)
		return sk_num_cmp(w->s, w->n, v->s, v->n) == 0;
	if (strcmp(type, "float") == 0) {
		x = strtod(w->s, NULL);
		y = strtod(v->s, NULL);
		return (isnan(x) && isnan(y)) || x == y;
	}
	if (strcmp(type, "string") == 0)
		return w->n == v->n && memcmp(w->s, v->s, v->n) == 0;
	sk_buf_init(&a, 0);
	sk_buf_init(&b, 0);
	trim_time(&a, w->s);
	trim_time(&b, v->s);
	same = strcmp(a.p, b.p) == 0;
	sk_buf_free(&a);
	sk_buf_free(&b);
	return same;
}

static bool
same(const struct sk_jv *want, const struct sk_jv *v)
{
	const struct sk_jv *x;

	if (want->type == SK_J_OBJ && want->n == 2 &&
	    sk_jget_str(want, "type") != NULL && sk_jget(want, "value") != NULL)
		return same_scalar(want, v);
	if (want->type != v->type || want->n != v->n)
		return false;
	for (size_t i = 0; i < want->n; i++)
		if (want->type == SK_J_ARR) {
			if (!same(want->a[i], v->a[i]))
				return false;
		} else {
			x = sk_jgetn(v, want->m[i].key, want->m[i].klen);
			if (x == NULL || !same(want->m[i].v, x))
				return false;
		}
	return true;
}

static const char *
valid_case(const char *path, struct sk_arena *a, const struct sk_jv *v)
{
	char *json = sk_strndup(path, strlen(path) - 5);
	char *name = sk_asprintf("%s.json", json);
	const char *why = NULL;
	struct sk_err err = { 0 };
	struct sk_buf b;
	struct sk_jv *want;

	sk_buf_init(&b, 0);
	if (sk_read_file(name, (size_t)1 << 26, &b, &err) != 0 ||
	    sk_json_parse(a, b.p, b.len, NULL, &want, &err) != 0)
		why = "no expectation beside it";
	else if (!same(want, v))
		why = "differs from the expectation";
	sk_err_clear(&err);
	sk_buf_free(&b);
	free(json);
	free(name);
	return why;
}

static int
visit(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	bool valid = strstr(path, "/valid/") != NULL;
	struct sk_arena a = { 0 };
	struct sk_err err = { 0 };
	const char *why = NULL;
	struct sk_jv *v;
	struct sk_buf b;
	int rc;

	(void)st;
	(void)ftw;
	if (flag != FTW_F || !sk_has_suffix(path, ".toml"))
		return 0;
	sk_buf_init(&b, 0);
	if (sk_read_file(path, (size_t)1 << 26, &b, &err) != 0)
		return 0;
	rc = sk_toml_parse(&a, b.p, b.len, strrchr(path, '/') + 1, &v, &err);
	if (rc != 0 && valid)
		why = err.message;
	else if (rc == 0 && !valid)
		why = "was accepted";
	else if (valid)
		why = valid_case(path, &a, v);
	else if (getenv("VERBOSE") != NULL)
		printf("%s\n", err.message);
	if (why != NULL)
		printf("%s: %s\n", path, why);
	why != NULL ? failed++ : passed++;
	sk_err_clear(&err);
	sk_buf_free(&b);
	sk_arena_free(&a);
	return 0;
}

int
main(int argc, char **argv)
{
	if (argc != 2 || nftw(argv[1], visit, 16, FTW_PHYS) != 0) {
		fprintf(stderr, "usage: toml_suite DIR\n");
		return 2;
	}
	printf("%u passed, %u failed\n", passed, failed);
	return failed != 0;
}
