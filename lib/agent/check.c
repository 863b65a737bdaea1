/* SPDX-License-Identifier: MIT */
/*
 * Recordings read through an adapter. A recording is a folder: what a program
 * was called with (argv, one word a line), what it printed (stdout, stderr),
 * how it ended (exit: a number or "signal N") and, where it was signalled, a
 * line "sent SIGTERM …" in notes. Nothing is run; the clock of the recording is
 * not known, so hints that need one are not decided.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/check.h"

#define CASE_MAX ((size_t)256 << 20)
#define SMALL_MAX ((size_t)16 << 20)

/* ---- finding ---- */

static bool
is_case(const char *dir)
{
	char *exit_file = sk_path_join(dir, "exit");
	char *out_file = sk_path_join(dir, "stdout");
	bool yes = access(exit_file, F_OK) == 0 && access(out_file, F_OK) == 0;

	free(exit_file);
	free(out_file);
	return yes;
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Folders within dir, as paths, sorted. */
static void
folders(const char *dir, struct sk_strv *out)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	size_t first = out->n;

	while (d != NULL && (e = readdir(d)) != NULL) {
		char *path = sk_path_join(dir, e->d_name);
		struct stat st;

		if (e->d_name[0] != '.' && stat(path, &st) == 0 &&
		    S_ISDIR(st.st_mode))
			sk_strv_add(out, path);
		free(path);
	}
	if (d != NULL)
		closedir(d);
	if (out->n > first)
		qsort(out->v + first, out->n - first, sizeof(*out->v), by_text);
}

static void
cases_in(const char *dir, struct sk_strv *cases)
{
	struct sk_strv all = { 0 };

	folders(dir, &all);
	for (size_t i = 0; i < all.n; i++)
		if (is_case(all.v[i]))
			sk_strv_add(cases, all.v[i]);
	sk_strv_free(&all);
}

/* One case, a folder of them, or a folder of such folders, of which the one
 * with the adapter's name counts, or else all. */
static int
find_cases(const char *dir, const char *adapter, struct sk_strv *cases,
    struct sk_err *err)
{
	struct sk_strv subs = { 0 };
	char *own = sk_path_join(dir, adapter);
	struct stat st;

	if (stat(dir, &st) != 0) {
		free(own);
		return sk_fail_errno(err, "cannot open directory '%s'", dir);
	}
	if (is_case(dir))
		sk_strv_add(cases, dir);
	if (cases->n == 0)
		cases_in(dir, cases);
	if (cases->n == 0)
		cases_in(own, cases);
	if (cases->n == 0) {
		folders(dir, &subs);
		for (size_t i = 0; i < subs.n; i++)
			cases_in(subs.v[i], cases);
	}
	sk_strv_free(&subs);
	free(own);
	if (cases->n > 0)
		return 0;
	(void)sk_fail(
	    err, SK_USAGE, "no_captures", "no recordings in '%s'", dir);
	return sk_hint(err,
	    "a recording is a folder with the files stdout, stderr, exit and "
	    "argv");
}

/* ---- reading ---- */

/* A file of the recording; absent is empty. */
static int
slurp(const char *dir, const char *name, size_t max, struct sk_buf *b,
    bool *there, struct sk_err *err)
{
	char *path = sk_path_join(dir, name);
	int rc = 0;

	sk_buf_init(b, 0);
	if (there != NULL)
		*there = true;
	if (access(path, F_OK) == 0)
		rc = sk_read_file(path, max, b, err);
	else if (there != NULL)
		*there = false;
	free(path);
	return rc;
}

static const struct {
	const char *name;
	int no;
} signals[] = { { "SIGHUP", SIGHUP }, { "SIGINT", SIGINT },
	{ "SIGQUIT", SIGQUIT }, { "SIGKILL", SIGKILL },
	{ "SIGTERM", SIGTERM } };

static void
read_notes(struct sk_capture *c, const struct sk_buf *b)
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(signals); i++) {
		char *line = sk_asprintf("sent %s", signals[i].name);
		const char *m = strstr(b->p, line);

		if (m != NULL && (m == b->p || m[-1] == '\n'))
			c->sent = signals[i].no;
		free(line);
	}
}

static int
read_exit(struct sk_capture *c, const struct sk_buf *b, struct sk_err *err)
{
	const char *p = b->p;
	char *end;
	long x;

	c->timed_out = strstr(p, "timeout") != NULL;
	if (sk_has_prefix(p, "signal "))
		p += 7;
	x = strtol(p, &end, 10);
	if (end == p || x < 0 || x > 255 || (p != b->p && (x < 1 || x > 64)))
		return sk_fail(err, SK_DAMAGED, "bad_capture",
		    "'%s/exit' is neither a number nor 'signal N'", c->dir);
	c->wstatus = p != b->p ? (int)x : (int)x << 8;
	return 0;
}

static int
read_case(struct sk_capture *c, const char *dir, struct sk_err *err)
{
	struct sk_buf argv, code, notes;
	char *p;
	int rc;

	memset(c, 0, sizeof(*c));
	sk_buf_init(&argv, 0);
	sk_buf_init(&code, 0);
	sk_buf_init(&notes, 0);
	sk_buf_init(&c->out, 0);
	sk_buf_init(&c->err, 0);
	c->dir = sk_strdup(dir);
	while (
	    (p = strrchr(c->dir, '/')) != NULL && p[1] == '\0' && p != c->dir)
		*p = '\0';
	rc = slurp(c->dir, "stdout", CASE_MAX, &c->out, NULL, err);
	if (rc == 0)
		rc = slurp(c->dir, "stderr", CASE_MAX, &c->err, NULL, err);
	if (rc == 0)
		rc = slurp(c->dir, "argv", SMALL_MAX, &argv, &c->has_argv, err);
	if (rc == 0)
		rc = slurp(c->dir, "exit", 4096, &code, NULL, err);
	if (rc == 0)
		rc = slurp(c->dir, "notes", SMALL_MAX, &notes, NULL, err);
	if (rc == 0)
		rc = read_exit(c, &code, err);
	for (char *s = argv.p, *nl; rc == 0 && *s != '\0'; s = nl + 1) {
		nl = strchr(s, '\n');
		if (nl == NULL)
			nl = s + strlen(s) - 1;
		else
			*nl = '\0';
		sk_strv_add(&c->argv, s);
	}
	if (rc == 0)
		read_notes(c, &notes);
	sk_buf_free(&argv);
	sk_buf_free(&code);
	sk_buf_free(&notes);
	return rc;
}

static void
free_case(struct sk_capture *c)
{
	free(c->dir);
	sk_strv_free(&c->argv);
	sk_buf_free(&c->out);
	sk_buf_free(&c->err);
}

/* "…/claude/ok-json": the last two names. */
static void
name_case(struct sk_capture *c, struct sk_arena *a)
{
	char *real = realpath(c->dir, NULL);
	char *path = sk_arena_strdup(a, real != NULL ? real : c->dir);
	char *s = strrchr(path, '/');

	free(real);
	c->cli = "";
	c->name = s != NULL ? s + 1 : path;
	if (s == NULL)
		return;
	*s = '\0';
	s = strrchr(path, '/');
	c->cli = s != NULL ? s + 1 : path;
}

/* ---- judging ---- */

/* Without its argv a recording's form is what it looks like. */
static enum sk_out_format
form_of(const struct sk_capture *c, const struct sk_adapter *ad)
{
	size_t i = strspn(c->out.p, " \t\r\n");
	const char *nl = strchr(c->out.p + i, '\n');
	struct sk_arena a = { 0 };
	struct sk_jv *v;
	bool line;

	if (c->has_argv)
		return sk_adapter_form(ad, c->argv.v);
	if (c->out.p[i] == '\0')
		return ad->format;
	if (c->out.p[i] != '{' && c->out.p[i] != '[')
		return SK_OUT_TEXT;
	line = sk_json_parse(&a, c->out.p + i,
		   nl != NULL ? (size_t)(nl - c->out.p) - i : c->out.len - i,
		   NULL, &v, NULL) == 0;
	sk_arena_free(&a);
	return line ? SK_OUT_JSONL : SK_OUT_JSON;
}

/* Files that the program was told to write beside its output. */
static void
read_extra(const struct sk_capture *c, struct sk_tap *t)
{
	DIR *d = opendir(c->dir);
	struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL) {
		struct sk_err ignored = { 0 };
		struct sk_buf b;

		if (!sk_has_prefix(e->d_name, "file.") ||
		    !sk_has_suffix(e->d_name, ".json"))
			continue;
		if (slurp(c->dir, e->d_name, SMALL_MAX, &b, NULL, &ignored) ==
		    0)
			sk_tap_extra(t, b.p, b.len);
		sk_err_clear(&ignored);
		sk_buf_free(&b);
	}
	if (d != NULL)
		closedir(d);
}

static enum sk_out_format
judge(const struct sk_capture *c, const struct sk_adapter *ad,
    struct sk_outcome *o)
{
	struct sk_errtap errs = { 0 };
	enum sk_out_format form;
	struct sk_tap t;

	sk_outcome_init(o);
	sk_tap_init(&t, ad, o, CASE_MAX);
	form = t.form = form_of(c, ad);
	t.no_clock = true;
	sk_tap_feed(&t, c->out.p, c->out.len);
	sk_errtap_feed(&errs, c->err.p, c->err.len);
	read_extra(c, &t);
	if (c->sent != 0)
		sk_outcome_fail(o,
		    c->sent == SIGKILL ? SK_K_KILLED : SK_K_CANCELLED,
		    "it was sent signal %d", c->sent);
	else if (c->timed_out)
		sk_outcome_fail(o, SK_K_KILLED, "the recorder's time was up");
	sk_outcome_judge(o, &t, &errs, c->wstatus, NULL);
	sk_errtap_free(&errs);
	sk_tap_free(&t);
	return form;
}

/* ---- what is known to be right ---- */

static int
read_expected(const char *dir, const char *rel, struct sk_arena *a,
    struct sk_jv *list, struct sk_err *err)
{
	char *path = sk_path_join(dir, rel);
	struct sk_buf b;
	int rc = 0;

	sk_buf_init(&b, 0);
	if (access(path, F_OK) == 0)
		rc = sk_read_file(path, SMALL_MAX, &b, err);
	for (size_t i = 0; rc == 0 && i < b.len;) {
		const char *nl = memchr(b.p + i, '\n', b.len - i);
		size_t n = nl != NULL ? (size_t)(nl - b.p) - i : b.len - i;
		struct sk_jv *v;

		if (n > 0)
			rc = sk_json_parse(a, b.p + i, n, NULL, &v, err);
		if (n > 0 && rc == 0)
			sk_jpush(a, list, v);
		i += n + 1;
	}
	sk_buf_free(&b);
	free(path);
	return rc;
}

static const struct sk_jv *
expected(const struct sk_jv *list, const struct sk_capture *c)
{
	for (size_t i = 0; i < list->n; i++)
		if (sk_streq(sk_jget_str(list->a[i], "cli"), c->cli) &&
		    sk_streq(sk_jget_str(list->a[i], "case"), c->name) &&
		    sk_jget_bool(list->a[i], "judge", true))
			return list->a[i];
	return NULL;
}

/* ---- all of it ---- */

struct totals {
	size_t known, wrong;
};

static int
one_case(const char *dir, const struct sk_adapter *ad,
    const struct sk_jv *expect, struct sk_table *t, struct totals *sum,
    struct sk_err *err)
{
	struct sk_arena a = { 0 };
	struct sk_strv d = { 0 };
	struct sk_outcome o;
	struct sk_capture c;
	struct sk_capture_line l = { .c = &c, .ad = ad, .o = &o, .d = &d };
	int rc = read_case(&c, dir, err);

	if (rc == 0) {
		name_case(&c, &a);
		l.form = judge(&c, ad, &o);
		l.want = expected(expect, &c);
		if (l.want != NULL) {
			sum->known++;
			sk_capture_compare(&d, &o, ad, l.want);
			sum->wrong += d.n != 0;
		}
		if (t != NULL)
			sk_capture_row(t, &l);
		else
			sk_capture_json(&l);
		sk_outcome_free(&o);
	}
	free_case(&c);
	sk_strv_free(&d);
	sk_arena_free(&a);
	return rc;
}

int
sk_adapter_check(
    const char *adapter, const char *dir, bool text, struct sk_err *err)
{
	const struct sk_adapter *ad = NULL;
	struct sk_arena a = { 0 };
	struct sk_jv *expect = sk_jnew(&a, SK_J_ARR);
	struct sk_strv cases = { 0 };
	struct totals sum = { 0, 0 };
	struct sk_table t;
	int rc;

	if (strchr(adapter, '/') != NULL || sk_has_suffix(adapter, ".toml"))
		rc = sk_adapter_file(adapter, &ad, err);
	else
		rc = sk_adapter_get(adapter, &ad, err);
	if (rc == 0)
		rc = find_cases(dir, ad->name, &cases, err);
	if (rc == 0)
		rc = read_expected(dir, "expected.jsonl", &a, expect, err);
	if (rc == 0 && expect->n == 0)
		rc = read_expected(dir, "../expected.jsonl", &a, expect, err);
	if (rc == 0 && expect->n == 0 && is_case(dir))
		rc =
		    read_expected(dir, "../../expected.jsonl", &a, expect, err);
	if (rc == 0 && text)
		sk_capture_head(&t);
	for (size_t i = 0; rc == 0 && i < cases.n; i++)
		rc = one_case(
		    cases.v[i], ad, expect, text ? &t : NULL, &sum, err);
	if (rc == 0 && text) {
		sk_table_print(&t);
		sk_outf("%zu recordings, %zu of %zu as expected\n", cases.n,
		    sum.known - sum.wrong, sum.known);
	}
	sk_strv_free(&cases);
	sk_arena_free(&a);
	return rc == 0 && sum.wrong != 0 ? SK_NEGATIVE : rc;
}
