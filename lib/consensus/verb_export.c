/* SPDX-License-Identifier: MIT */
/* export: verdicts as SARIF, JUnit, annotations, Markdown, variables. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "consensus/export.h"
#include "consensus/verbs.h"

/* Code scanning takes so many runs in a file. */
#define RUNS_MAX 20

static const struct form {
	const char *name;
	void (*write)(struct sk_buf *b, struct sk_export *x);
	size_t verdicts; /* at most; 0 = any number */
} forms[] = {
	{ "sarif", sk_export_sarif, RUNS_MAX },
	{ "junit", sk_export_junit, 0 },
	{ "github", sk_export_github, 0 },
	{ "gitlab", sk_export_gitlab, 0 },
	{ "md", sk_export_md, 0 },
	{ "env", sk_export_env, 1 },
};

/* One document of the input: verdicts are taken, an error is passed on, other
 * records are none of ours. */
static int
take_doc(struct sk_export *x, const struct sk_jv *v, struct sk_err *err)
{
	if (sk_error_from_json(v, err))
		return err->exit;
	if (sk_streq(sk_jget_str(v, "schema"), "sk.verdict/1"))
		sk_export_add(x, v);
	return 0;
}

/* One document, in any shape, or one in each line. What is wrong is said of the
 * whole text when its first line is no document either. */
static int
take_text(struct sk_export *x, const char *p, size_t n, const char *file,
    struct sk_err *err)
{
	const char *end = p + n, *nl;
	struct sk_jv *v = NULL;
	size_t line = 1;
	int rc;

	rc = sk_json_parse(&x->arena, p, n, &sk_verdict_limits, &v, err);
	if (rc == 0)
		return take_doc(x, v, err);
	for (; p < end; p = nl + 1, line++) {
		nl = memchr(p, '\n', (size_t)(end - p));
		if (nl == NULL)
			nl = end;
		if (nl == p)
			continue;
		if (sk_json_parse(&x->arena, p, (size_t)(nl - p),
			&sk_verdict_limits, &v, NULL) != 0) {
			if (line == 1)
				(void)sk_hint(
				    err, "'%.200s' holds no verdict", file);
			else
				rc = sk_fail(err, SK_DAMAGED, "bad_json",
				    "line %zu of '%.200s' is no JSON", line,
				    file);
			return rc;
		}
		sk_err_clear(err);
		if ((rc = take_doc(x, v, err)) != 0)
			return rc;
	}
	sk_err_clear(err);
	return 0;
}

static int
take_file(struct sk_export *x, const char *file, struct sk_err *err)
{
	struct sk_buf b;
	int rc;

	rc = sk_verb_read_doc(file, &b, err);
	if (rc == 0)
		rc = take_text(x, b.p, b.len, file, err);
	sk_buf_free(&b);
	return rc;
}

static int
check(const struct sk_export *x, const struct form *f, struct sk_err *err)
{
	if (x->n == 0) {
		(void)sk_fail(err, SK_USAGE, "no_verdict",
		    "no sk.verdict/1 in the input");
		return sk_hint(err,
		    "sk-consensus show SPEC STAGE | "
		    "sk-consensus export --format %s",
		    f->name);
	}
	if (f->verdicts == 0 || x->n <= f->verdicts)
		return 0;
	return sk_fail(err, SK_USAGE, "too_many_verdicts",
	    "%zu verdicts, and %s takes %zu in one file", x->n, f->name,
	    f->verdicts);
}

static const struct form *
form_named(const char *name)
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(forms); i++)
		if (sk_streq(name, forms[i].name))
			return &forms[i];
	return NULL;
}

int
sk_verb_export(struct sk_ctx *ctx, struct sk_err *err)
{
	const struct sk_verb_opts *o = ctx->opts;
	const struct form *f = form_named(o->form);
	struct sk_export x = { 0 };
	struct sk_buf b;
	int rc = 0;

	if (f == NULL) {
		(void)sk_fail(err, SK_USAGE, "missing_option",
		    "no --format says what to write");
		return sk_hint(err, "sarif, junit, github, gitlab, md or env");
	}
	if (o->file != NULL) {
		x.file = sk_export_path(&x.arena, o->file, strlen(o->file));
		if (x.file == NULL)
			rc = sk_fail(err, SK_USAGE, "bad_path",
			    "'%.200s' is no path below the project", o->file);
	}
	if (rc == 0 && ctx->argc == 0)
		rc = sk_verb_no_terminal(err);
	if (rc == 0 && ctx->argc == 0)
		rc = take_file(&x, "-", err);
	for (int i = 0; rc == 0 && i < ctx->argc; i++)
		rc = take_file(&x, ctx->argv[i], err);
	if (rc == 0)
		rc = check(&x, f, err);
	sk_buf_init(&b, 0);
	if (rc == 0) {
		f->write(&b, &x);
		sk_out(b.p, b.len);
		if (x.left_out > 0)
			sk_say("findings left out: %zu%s", x.left_out,
			    strcmp(f->name, "gitlab") == 0
				? " that name no file (--file names one)"
				: "");
	}
	sk_buf_free(&b);
	sk_export_free(&x);
	return rc;
}
