/* SPDX-License-Identifier: MIT */
/* Adapters: TOML files read into struct sk_adapter, and checked, once. */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/internal.h"
#include "data/data.h"

/* ---- checking ---- */

static int
bad(struct sk_err *err, const char *file, const struct sk_jv *at,
    const char *what)
{
	return sk_fail(err, SK_USAGE, "bad_adapter", "%s:%u:%u: %s", file,
	    at->line, at->col, what);
}

/* A typing error must not silently be no rule at all. */
static int
check_keys(const struct sk_jv *o, const char *const *known, const char *file,
    struct sk_err *err)
{
	for (size_t i = 0; i < sk_jlen(o); i++) {
		size_t j = 0;
		const char *near;

		while (known[j] != NULL && !sk_streq(known[j], o->m[i].key))
			j++;
		if (known[j] != NULL)
			continue;
		(void)sk_fail(err, SK_USAGE, "bad_adapter",
		    "%s:%u:%u: unknown key '%s'", file, o->m[i].v->line,
		    o->m[i].v->col, o->m[i].key);
		near = sk_closest(o->m[i].key, known);
		if (near != NULL)
			(void)sk_hint(err, "did you mean '%s'?", near);
		return err->exit;
	}
	return 0;
}

static const char *const top_keys[] = { "name", "family", "argv", "stop", "env",
	"output", "usage", "rule", "classify", "exit", "common", NULL };
static const char *const rule_keys[] = { "when", "content", "append", "reset",
	"session", "model", "error", "detail", "status", "ok", "fail",
	"retry_after_ms", "retry_after_s", "reset_at_s", "usage", "usage_sum",
	"usage_or", "cost_usd", NULL };
static const char *const usage_keys[] = { "each", "input", "cache_read",
	"cache_write", "output", "reasoning", NULL };
static const char *const class_keys[] = { "kind", "any", "status", NULL };

static int
check_kind(const struct sk_jv *v, const char *file, struct sk_err *err)
{
	enum sk_kind k;

	if (sk_kind_of(sk_jstr(v), &k))
		return 0;
	return bad(err, file, v, "unknown failure kind");
}

static int
check_rule(const struct sk_jv *r, const char *file, struct sk_err *err)
{
	const struct sk_jv *v;
	int rc;

	if (r->type != SK_J_OBJ)
		return bad(err, file, r, "a rule must be a table");
	if ((rc = check_keys(r, rule_keys, file, err)) != 0 ||
	    (rc = check_keys(sk_jget(r, "usage"), usage_keys, file, err)) !=
		0 ||
	    (rc = check_keys(sk_jget(r, "usage_or"), usage_keys, file, err)) !=
		0)
		return rc;
	v = sk_jget(r, "fail");
	if (v != NULL && v->type == SK_J_STR)
		return check_kind(v, file, err);
	return 0;
}

static int
check(const struct sk_jv *root, const char *file, struct sk_err *err)
{
	const struct sk_jv *l = sk_jget(root, "rule"), *e;
	int rc;

	if ((rc = check_keys(root, top_keys, file, err)) != 0)
		return rc;
	for (size_t i = 0; i < sk_jlen(l); i++)
		if ((rc = check_rule(sk_jat(l, i), file, err)) != 0)
			return rc;
	l = sk_jget(root, "classify");
	for (size_t i = 0; i < sk_jlen(l); i++) {
		e = sk_jat(l, i);
		if ((rc = check_keys(e, class_keys, file, err)) != 0 ||
		    (rc = check_kind(
			 sk_jget(e, "kind") != NULL ? sk_jget(e, "kind") : e,
			 file, err)) != 0)
			return rc;
	}
	e = sk_jget(root, "exit");
	for (size_t i = 0; i < sk_jlen(e); i++)
		if ((rc = check_kind(e->m[i].v, file, err)) != 0)
			return rc;
	e = sk_jget(root, "argv");
	if (e != NULL && e->type != SK_J_ARR)
		return bad(err, file, e, "'argv' must be an array");
	return 0;
}

/* ---- reading ---- */

static int
stop_signal(
    const struct sk_jv *root, const char *file, int *sig, struct sk_err *err)
{
	const struct sk_jv *v = sk_jget(root, "stop");
	const char *s = sk_jstr(v);

	*sig = SIGTERM;
	if (v == NULL || sk_streq(s, "TERM"))
		return 0;
	if (sk_streq(s, "INT"))
		*sig = SIGINT;
	else if (sk_streq(s, "HUP"))
		*sig = SIGHUP;
	else if (sk_streq(s, "KILL"))
		*sig = SIGKILL;
	else
		return bad(err, file, v, "'stop' is TERM, INT, HUP or KILL");
	return 0;
}

static int
fill(struct sk_adapter *ad, const struct sk_jv *root, const char *file,
    struct sk_err *err)
{
	const struct sk_jv *out = sk_jget(root, "output");
	const struct sk_jv *usage = sk_jget(root, "usage");
	const char *f = sk_jget_str(out, "format");

	ad->argv = sk_jget(root, "argv");
	ad->family = sk_jget_str(root, "family");
	ad->pass = sk_jptr(root, "/env/pass");
	ad->set = sk_jptr(root, "/env/set");
	ad->rules = sk_jget(root, "rule");
	ad->classify = sk_jget(root, "classify");
	ad->exit_kinds = sk_jget(root, "exit");
	ad->common = sk_jget_bool(root, "common", true);
	ad->result_needed = sk_jget_bool(out, "result_needed", false);
	ad->error_json = sk_jget_bool(out, "error_json_on_stderr", false);
	ad->input_includes_cache =
	    sk_jget_bool(usage, "input_includes_cache", false);
	ad->output_excludes_reasoning =
	    sk_jget_bool(usage, "output_excludes_reasoning", false);
	ad->scope = sk_jget_str(usage, "scope");
	if (f == NULL || sk_streq(f, "text"))
		ad->format = SK_OUT_TEXT;
	else if (sk_streq(f, "json"))
		ad->format = SK_OUT_JSON;
	else if (sk_streq(f, "jsonl"))
		ad->format = SK_OUT_JSONL;
	else
		return bad(err, file, sk_jget(out, "format"),
		    "'format' is text, json or jsonl");
	ad->streams = sk_jget_bool(out, "stream", ad->format == SK_OUT_JSONL);
	return stop_signal(root, file, &ad->stop_signal, err);
}

/* The user's own directory of adapters; malloc'd or NULL. */
static char *
user_dir(void)
{
	struct sk_err ignored = { 0 };
	char *sk = sk_xdg_dir("XDG_CONFIG_HOME", ".config", &ignored), *dir;

	if (sk == NULL)
		return NULL;
	dir = sk_path_join(sk, "adapters");
	free(sk);
	return dir;
}

/* The text of an adapter: 0, 1 when there is none, or an error. */
static int
read_text(const char *name, struct sk_buf *b, char **file, struct sk_err *err)
{
	const struct sk_data_file *f;
	char *dir = user_dir(), *base = sk_asprintf("%s.toml", name);
	char *path = dir != NULL ? sk_path_join(dir, base) : NULL;
	char *key = sk_asprintf("adapters/%s", base);
	int rc = -1;

	if (path != NULL && access(path, F_OK) == 0) {
		rc = sk_read_file(path, 1u << 20, b, err);
		*file = path;
		path = NULL;
	} else if ((f = sk_data_find(key)) != NULL) {
		sk_buf_add(b, f->text, f->n);
		*file = sk_strdup(key);
		rc = 0;
	}
	free(path);
	free(dir);
	free(base);
	free(key);
	return rc;
}

static struct sk_adapter *loaded[32];

static int
no_such(const char *name, struct sk_err *err)
{
	struct sk_strv all = { 0 };
	const char *near;

	(void)sk_fail(
	    err, SK_USAGE, "no_such_adapter", "no adapter '%s'", name);
	sk_adapter_names(&all);
	near = all.n != 0 ? sk_closest(name, (const char *const *)all.v) : NULL;
	if (near != NULL)
		(void)sk_hint(err, "did you mean '%s'?", near);
	sk_strv_free(&all);
	return err->exit;
}

int
sk_adapter_get(
    const char *name, const struct sk_adapter **out, struct sk_err *err)
{
	struct sk_adapter *ad;
	struct sk_jv *root;
	struct sk_buf b;
	char *file = NULL;
	size_t i;
	int rc;

	for (i = 0; i < SK_ARRAY_SIZE(loaded) && loaded[i] != NULL; i++)
		if (sk_streq(loaded[i]->name, name)) {
			*out = loaded[i];
			return 0;
		}
	if (i == SK_ARRAY_SIZE(loaded))
		return sk_fail(err, SK_USAGE, "too_many_adapters",
		    "more than %zu adapters in one call", i);
	if (!sk_ident_ok(name))
		return no_such(name, err);
	sk_buf_init(&b, 1u << 20);
	rc = read_text(name, &b, &file, err);
	if (rc < 0) {
		sk_buf_free(&b);
		return no_such(name, err);
	}
	ad = sk_calloc(1, sizeof(*ad));
	ad->name = sk_arena_strdup(&ad->arena, name);
	if (rc == 0)
		rc = sk_toml_parse(&ad->arena, b.p, b.len, file, &root, err);
	if (rc == 0)
		rc = check(root, file, err);
	if (rc == 0)
		rc = fill(ad, root, file, err);
	sk_buf_free(&b);
	free(file);
	if (rc != 0) {
		sk_arena_free(&ad->arena);
		free(ad);
		return rc;
	}
	*out = loaded[i] = ad;
	return 0;
}

const char *
sk_adapter_program(const struct sk_adapter *ad)
{
	return sk_jstr(sk_jat(ad->argv, 0));
}

/* "x.toml" → "x" into names, once. */
static void
add_name(struct sk_strv *names, const char *base)
{
	char name[SK_IDENT_LEN];
	size_t n = strlen(base);

	if (n < 6 || n - 5 >= sizeof(name) || !sk_has_suffix(base, ".toml"))
		return;
	snprintf(name, sizeof(name), "%.*s", (int)(n - 5), base);
	if (sk_ident_ok(name) && !sk_strv_has(names, name))
		sk_strv_add(names, name);
}

void
sk_adapter_names(struct sk_strv *names)
{
	char *dir = user_dir();
	DIR *d = dir != NULL ? opendir(dir) : NULL;
	struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL)
		add_name(names, e->d_name);
	if (d != NULL)
		closedir(d);
	free(dir);
	for (size_t i = 0; sk_data_files[i].name != NULL; i++)
		if (sk_has_prefix(sk_data_files[i].name, "adapters/"))
			add_name(names, sk_data_files[i].name + 9);
	sk_strv_sort(names);
}
