/* SPDX-License-Identifier: MIT */
/* Adapters: TOML files read into struct sk_adapter, and checked, once. */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/http.h"
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

static const char *const top_keys[] = { "name", "family", "argv", "http",
	"stop", "env", "output", "forms", "text", "usage", "rule", "classify",
	"exit", "common", "login", "file", NULL };
static const char *const output_keys[] = { "format", "result_needed",
	"error_json_on_stderr", "early_exit", "hint_lines", "stream", NULL };
static const char *const text_keys[] = { "session", "drop", "block_head",
	"block_body", NULL };
static const char *const env_keys[] = { "pass", "set", "read", NULL };
static const char *const login_keys[] = { "env", "files", "how", "command",
	NULL };
static const char *const rule_keys[] = { "when", "exists", "absent", "matches",
	"content", "content_each", "fallback", "append", "reset", "session",
	"model", "error", "error_each", "soft", "calm", "detail", "status",
	"ok", "fail", "empty_kind", "limited", "retry_after_ms",
	"retry_after_s", "reset_at_s", "headers", "hints", "usage", "usage_sum",
	"usage_patch", "usage_or", "scope", "cost_usd", NULL };
static const char *const usage_keys[] = { "each", "input", "cache_read",
	"cache_write", "output", "reasoning", "total", NULL };
static const char *const each_keys[] = { "each", "when", "exists", "absent",
	"text", "in", NULL };
static const char *const class_keys[] = { "kind", "any", "status", NULL };

static int
check_kind(const struct sk_jv *v, const char *file, struct sk_err *err)
{
	enum sk_kind k;

	if (sk_kind_of(sk_jstr(v), &k))
		return 0;
	return bad(err, file, v, "unknown failure kind");
}

/* Conditions are tables and lists. */
static int
check_shape(const struct sk_jv *r, const char *file, struct sk_err *err)
{
	static const char *const tables[] = { "when", "matches", NULL };
	static const char *const lists[] = { "exists", "absent", NULL };
	const struct sk_jv *v;

	for (size_t i = 0; tables[i] != NULL; i++) {
		v = sk_jget(r, tables[i]);
		if (v != NULL && v->type != SK_J_OBJ)
			return bad(err, file, v,
			    "'when' and 'matches' must be tables");
	}
	for (size_t i = 0; lists[i] != NULL; i++) {
		v = sk_jget(r, lists[i]);
		if (v != NULL && v->type != SK_J_ARR)
			return bad(err, file, v,
			    "'exists' and 'absent' must be lists");
	}
	return 0;
}

static int
check_rule(const struct sk_jv *r, const char *file, struct sk_err *err)
{
	static const char *const each[] = { "content_each", "error_each" };
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
	if ((rc = check_shape(r, file, err)) != 0)
		return rc;
	for (size_t i = 0; i < SK_ARRAY_SIZE(each); i++) {
		v = sk_jget(r, each[i]);
		if ((rc = check_keys(v, each_keys, file, err)) != 0 ||
		    (rc = check_shape(v, file, err)) != 0)
			return rc;
	}
	v = sk_jget(r, "empty_kind");
	if (v != NULL && (rc = check_kind(v, file, err)) != 0)
		return rc;
	v = sk_jget(r, "fail");
	if (v != NULL && v->type == SK_J_STR)
		return check_kind(v, file, err);
	return 0;
}

static bool
form_word(const struct sk_jv *v, enum sk_out_format *f)
{
	static const char *const words[] = { [SK_OUT_TEXT] = "text",
		[SK_OUT_JSON] = "json",
		[SK_OUT_JSONL] = "jsonl" };

	for (size_t i = 0; i < SK_ARRAY_SIZE(words); i++)
		if (sk_streq(sk_jstr(v), words[i])) {
			*f = (enum sk_out_format)i;
			return true;
		}
	return false;
}

static int
check_forms(const struct sk_jv *t, const char *file, struct sk_err *err)
{
	enum sk_out_format f;

	for (size_t i = 0; i < sk_jlen(t); i++)
		if (t->type != SK_J_OBJ || !form_word(t->m[i].v, &f))
			return bad(err, file, t,
			    "'forms' says text, json or jsonl for each flag");
	return 0;
}

static int
check(const struct sk_jv *root, const char *file, struct sk_err *err)
{
	const struct sk_jv *l = sk_jget(root, "rule"), *e;
	int rc;

	if ((rc = check_keys(root, top_keys, file, err)) != 0 ||
	    (rc = check_keys(
		 sk_jget(root, "output"), output_keys, file, err)) != 0 ||
	    (rc = check_keys(sk_jget(root, "text"), text_keys, file, err)) !=
		0 ||
	    (rc = check_keys(sk_jget(root, "env"), env_keys, file, err)) != 0 ||
	    (rc = check_keys(sk_jget(root, "login"), login_keys, file, err)) !=
		0 ||
	    (rc = check_forms(sk_jget(root, "forms"), file, err)) != 0)
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
	e = sk_jget(root, "file");
	for (size_t i = 0; i < sk_jlen(e); i++)
		if (e->type != SK_J_OBJ || sk_jstr(e->m[i].v) == NULL ||
		    !sk_ident_ok(e->m[i].key))
			return bad(err, file, e,
			    "'file' is a table of names with texts");
	e = sk_jptr(root, "/login/command");
	if (e != NULL && e->type != SK_J_ARR)
		return bad(err, file, e, "'command' must be an array");
	for (size_t i = 0; i < sk_jlen(e); i++)
		if (sk_jstr(e->a[i]) == NULL)
			return bad(
			    err, file, e, "'command' is an array of words");
	e = sk_jget(root, "http");
	if (e != NULL && (rc = sk_http_check(e, file, err)) != 0)
		return rc;
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
	const struct sk_jv *f;

	ad->argv = sk_jget(root, "argv");
	ad->http = sk_jget(root, "http");
	ad->family = sk_jget_str(root, "family");
	ad->pass = sk_jptr(root, "/env/pass");
	ad->set = sk_jptr(root, "/env/set");
	ad->set_read = sk_jptr(root, "/env/read");
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
	ad->forms = sk_jget(root, "forms");
	ad->text = sk_jget(root, "text");
	ad->login = sk_jget(root, "login");
	ad->files = sk_jget(root, "file");
	ad->hint_lines = sk_jget(out, "hint_lines");
	f = sk_jget(out, "early_exit");
	if (f != NULL && !sk_kind_of(sk_jstr(f), &ad->early))
		return bad(err, file, f, "unknown failure kind");
	f = sk_jget(out, "format");
	if (f != NULL && !form_word(f, &ad->format))
		return bad(err, file, f, "'format' is text, json or jsonl");
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

/* An adapter from its text; freed again when it is wrong. */
static int
make(const char *name, const struct sk_buf *b, const char *file,
    struct sk_adapter **out, struct sk_err *err)
{
	struct sk_adapter *ad = sk_calloc(1, sizeof(*ad));
	struct sk_jv *root;
	int rc;

	ad->name = sk_arena_strdup(&ad->arena, name);
	rc = sk_toml_parse(&ad->arena, b->p, b->len, file, &root, err);
	if (rc == 0)
		rc = check(root, file, err);
	if (rc == 0)
		rc = fill(ad, root, file, err);
	if (rc == 0) {
		*out = ad;
		return 0;
	}
	sk_arena_free(&ad->arena);
	free(ad);
	return rc;
}

/* Where a new one is kept; NULL when there are too many. */
static struct sk_adapter **
room(struct sk_err *err)
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(loaded); i++)
		if (loaded[i] == NULL)
			return &loaded[i];
	(void)sk_fail(err, SK_USAGE, "too_many_adapters",
	    "more than %zu adapters in one call", SK_ARRAY_SIZE(loaded));
	return NULL;
}

int
sk_adapter_get(
    const char *name, const struct sk_adapter **out, struct sk_err *err)
{
	struct sk_adapter **place;
	struct sk_buf b;
	char *file = NULL;
	int rc;

	for (size_t i = 0; i < SK_ARRAY_SIZE(loaded) && loaded[i] != NULL; i++)
		if (sk_streq(loaded[i]->name, name)) {
			*out = loaded[i];
			return 0;
		}
	if (!sk_ident_ok(name))
		return no_such(name, err);
	if ((place = room(err)) == NULL)
		return err->exit;
	sk_buf_init(&b, 1u << 20);
	rc = read_text(name, &b, &file, err);
	if (rc < 0)
		rc = no_such(name, err);
	else if (rc == 0)
		rc = make(name, &b, file, place, err);
	sk_buf_free(&b);
	free(file);
	if (rc == 0)
		*out = *place;
	return rc;
}

int
sk_adapter_file(
    const char *path, const struct sk_adapter **out, struct sk_err *err)
{
	struct sk_adapter **place = room(err);
	const char *slash = strrchr(path, '/');
	const char *base = slash != NULL ? slash + 1 : path;
	size_t n = strlen(base);
	struct sk_buf b;
	char *name;
	int rc;

	if (place == NULL)
		return err->exit;
	if (sk_has_suffix(base, ".toml"))
		n -= 5;
	name = sk_strndup(base, n);
	sk_buf_init(&b, 1u << 20);
	rc = sk_read_file(path, 1u << 20, &b, err);
	if (rc == 0)
		rc = make(name, &b, path, place, err);
	sk_buf_free(&b);
	free(name);
	if (rc == 0)
		*out = *place;
	return rc;
}

/* Does "--flag word" (or "--flag" alone) stand at argv[i]? */
static bool
asked(const char *form, char *const *argv, size_t i)
{
	size_t n = strcspn(form, " ");

	if (strncmp(argv[i], form, n) != 0)
		return false;
	if (form[n] == '\0')
		return argv[i][n] == '\0';
	if (argv[i][n] == '=')
		return sk_streq(argv[i] + n + 1, form + n + 1);
	return argv[i][n] == '\0' && argv[i + 1] != NULL &&
	       sk_streq(argv[i + 1], form + n + 1);
}

enum sk_out_format
sk_adapter_form(const struct sk_adapter *ad, char *const *argv)
{
	const struct sk_jv *t = ad->forms;
	enum sk_out_format f = ad->format, one;

	if (sk_jlen(t) == 0)
		return f;
	f = SK_OUT_TEXT; /* what these programs do when they are not asked */
	for (size_t i = 0; argv[i] != NULL && !sk_streq(argv[i], "--"); i++)
		for (size_t j = 0; j < t->n; j++)
			if (asked(t->m[j].key, argv, i) &&
			    form_word(t->m[j].v, &one))
				f = one;
	return f;
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
