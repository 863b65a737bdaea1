/* SPDX-License-Identifier: MIT */
/* The table [http] of an adapter: no typing error may become no rule at all. */
#include "agent/http.h"

static const char *const keys[] = { "base_url", "base_url_env", "path",
	"stream_path", "key_env", "key_header", "login", "login_header",
	"headers", "body", "stream_body", "schema_body", "temperature_body",
	"max_tokens_body", "stream", "done", "last", NULL };
/* What must be text, what a table, what a list of texts. */
static const char *const texts[] = { "base_url", "path", "stream_path",
	"key_header", "login", "login_header", "stream", "done", NULL };
static const char *const tables[] = { "headers", "body", "stream_body",
	"schema_body", "temperature_body", "max_tokens_body", "last", NULL };
static const char *const lists[] = { "base_url_env", "key_env", NULL };

static int
wrong(const struct sk_jv *v, const char *key, const char *what,
    const char *file, struct sk_err *err)
{
	return sk_fail(err, SK_USAGE, "bad_adapter",
	    "%s:%u:%u: '%s' must be %s", file, v->line, v->col, key, what);
}

static int
check_types(const struct sk_jv *h, const char *const *names, enum sk_jtype t,
    const char *what, const char *file, struct sk_err *err)
{
	for (; *names != NULL; names++) {
		const struct sk_jv *v = sk_jget(h, *names);

		if (v == NULL)
			continue;
		if (v->type != t)
			return wrong(v, *names, what, file, err);
		for (size_t i = 0; t == SK_J_ARR && i < v->n; i++)
			if (sk_jstr(v->a[i]) == NULL)
				return wrong(v, *names, what, file, err);
	}
	return 0;
}

static int
check_known(const struct sk_jv *h, const char *file, struct sk_err *err)
{
	for (size_t i = 0; i < h->n; i++) {
		const char *near, *const *k = keys;

		while (*k != NULL && !sk_streq(*k, h->m[i].key))
			k++;
		if (*k != NULL)
			continue;
		(void)sk_fail(err, SK_USAGE, "bad_adapter",
		    "%s:%u:%u: unknown key '%s'", file, h->m[i].v->line,
		    h->m[i].v->col, h->m[i].key);
		near = sk_closest(h->m[i].key, keys);
		if (near != NULL)
			(void)sk_hint(err, "did you mean '%s'?", near);
		return err->exit;
	}
	return 0;
}

int
sk_http_check(const struct sk_jv *h, const char *file, struct sk_err *err)
{
	static const char *const needed[] = { "base_url", "path", "body",
		NULL };
	const char *form;
	int rc;

	if (h->type != SK_J_OBJ)
		return wrong(h, "http", "a table", file, err);
	if ((rc = check_known(h, file, err)) != 0 ||
	    (rc = check_types(h, texts, SK_J_STR, "text", file, err)) != 0 ||
	    (rc = check_types(h, tables, SK_J_OBJ, "a table", file, err)) !=
		0 ||
	    (rc = check_types(
		 h, lists, SK_J_ARR, "a list of names", file, err)) != 0)
		return rc;
	for (size_t i = 0; needed[i] != NULL; i++)
		if (sk_jget(h, needed[i]) == NULL)
			return sk_fail(err, SK_USAGE, "bad_adapter",
			    "%s:%u:%u: [http] needs '%s'", file, h->line,
			    h->col, needed[i]);
	form = sk_jget_str(h, "stream");
	if (form != NULL && !sk_streq(form, "sse") && !sk_streq(form, "lines"))
		return wrong(sk_jget(h, "stream"), "stream", "'sse' or 'lines'",
		    file, err);
	return 0;
}
