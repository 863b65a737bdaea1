/* SPDX-License-Identifier: MIT */
/* The verbs of sk-auto: from their options to what they do. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pipeline/auto_verbs.h"
#include "pipeline/watch.h"

/* The operand that names the specification, NULL when it is left out: answers
 * have a '='. */
static const char *
spec_of(const struct sk_ctx *ctx)
{
	return ctx->argc > 0 && strchr(ctx->argv[0], '=') == NULL ? ctx->argv[0]
	                                                          : NULL;
}

/* A --format of the verb's own stands for the one that all verbs have. */
static bool
own_format(struct sk_ctx *ctx, const char *word)
{
	if (word != NULL)
		ctx->format =
		    strcmp(word, "json") == 0 ? SK_FMT_JSON : SK_FMT_TEXT;
	return ctx->format == SK_FMT_JSON;
}

int
sk_auto_with(struct sk_ctx *ctx, const struct sk_auto_opts *opts,
    unsigned db_flags,
    int (*fn)(struct sk_auto *a, void *arg, struct sk_err *err), void *arg,
    struct sk_err *err)
{
	struct sk_config conf;
	struct sk_auto a = { .conf = &conf,
		.opts = opts,
		.spec_lock = -1,
		.tree_lock = -1,
		.snapshot = -1 };
	struct sk_err second = { 0 };
	bool opened = false;
	int rc;

	a.json = own_format(ctx, opts->format);
	rc = sk_config_load(&conf, ctx->config, err);
	if (rc == 0) {
		a.config_file = ctx->config != NULL ? conf.named_file : NULL;
		a.db_file = ctx->db;
		a.no_input = ctx->no_input;
		rc = sk_auto_open(&a, spec_of(ctx), db_flags, err);
		opened = rc == 0;
	}
	if (rc == 0)
		rc = fn(&a, arg, err);
	if (sk_ci_format(opts->format) &&
	    sk_ci_report(opened ? &a : NULL, opts->format, rc, err, &second) !=
		0) {
		sk_warn("%s", second.message);
		rc = rc != 0 ? rc : second.exit;
	}
	sk_err_clear(&second);
	sk_auto_close(&a);
	sk_config_free(&conf);
	return rc;
}

static int
do_run(struct sk_auto *a, void *arg, struct sk_err *err)
{
	(void)arg;
	return sk_auto_run(a, err);
}

int
sk_averb_run(struct sk_ctx *ctx, struct sk_err *err)
{
	struct sk_auto_opts *o = ctx->opts;
	struct sk_buf goal;
	int rc;

	/* What stands after the specification is the goal. */
	sk_buf_init(&goal, 0);
	for (int i = 1; i < ctx->argc; i++)
		sk_buf_printf(&goal, "%s%s", i > 1 ? " " : "", ctx->argv[i]);
	if (goal.len > 0 && o->goal != NULL) {
		rc = sk_fail(err, SK_USAGE, "options_exclude",
		    "--goal excludes a goal after the specification");
	} else {
		if (goal.len > 0)
			o->goal = goal.p;
		rc = sk_auto_with(ctx, o, SK_DB_CREATE, do_run, NULL, err);
	}
	sk_strv_free(&o->agents);
	sk_buf_free(&goal);
	return rc;
}

static int
do_step(struct sk_auto *a, void *arg, struct sk_err *err)
{
	(void)arg;
	return sk_auto_step(a, err);
}

static int
do_resume(struct sk_auto *a, void *arg, struct sk_err *err)
{
	(void)arg;
	return sk_auto_resume(a, err);
}

static int
do_next(struct sk_auto *a, void *arg, struct sk_err *err)
{
	(void)arg;
	return sk_auto_next(a, err);
}

int
sk_averb_step(struct sk_ctx *ctx, struct sk_err *err)
{
	struct sk_auto_opts *o = ctx->opts;
	int rc = sk_auto_with(ctx, o, SK_DB_CREATE, do_step, NULL, err);

	sk_strv_free(&o->agents);
	return rc;
}

int
sk_averb_resume(struct sk_ctx *ctx, struct sk_err *err)
{
	struct sk_auto_opts *o = ctx->opts;
	int rc = sk_auto_with(ctx, o, SK_DB_CREATE, do_resume, NULL, err);

	sk_strv_free(&o->agents);
	return rc;
}

static int
do_cancel(struct sk_auto *a, void *arg, struct sk_err *err)
{
	(void)arg;
	return sk_auto_cancel(a, err);
}

int
sk_averb_cancel(struct sk_ctx *ctx, struct sk_err *err)
{
	return sk_auto_with(ctx, ctx->opts, 0, do_cancel, NULL, err);
}

int
sk_averb_next(struct sk_ctx *ctx, struct sk_err *err)
{
	struct sk_auto_opts *o = ctx->opts;
	int rc = sk_auto_with(ctx, o, 0, do_next, NULL, err);

	sk_strv_free(&o->agents);
	return rc;
}

static int
do_prompt(struct sk_auto *a, void *arg, struct sk_err *err)
{
	return sk_auto_prompt(a, ((struct sk_prompt_opts *)arg)->stage,
	    ((struct sk_prompt_opts *)arg)->answers, err);
}

int
sk_averb_prompt(struct sk_ctx *ctx, struct sk_err *err)
{
	struct sk_prompt_opts *o = ctx->opts;

	return sk_auto_with(ctx, &o->common, 0, do_prompt, o, err);
}

static int
do_artefact(struct sk_auto *a, void *arg, struct sk_err *err)
{
	(void)arg;
	return sk_auto_artefact(a, STDIN_FILENO, err);
}

int
sk_averb_artefact(struct sk_ctx *ctx, struct sk_err *err)
{
	static const struct sk_auto_opts none;

	return sk_auto_with(ctx, &none, SK_DB_CREATE, do_artefact, NULL, err);
}

static int
do_status(struct sk_auto *a, void *arg, struct sk_err *err)
{
	int64_t hours = ((struct sk_status_opts *)arg)->stale_hours;

	return sk_auto_status(a, hours != 0 ? hours : 24, err);
}

static int
do_diff(struct sk_auto *a, void *arg, struct sk_err *err)
{
	struct sk_ctx *ctx = arg;
	const struct sk_land_opts *o = ctx->opts;

	/* A patch is one raw value unless it was asked for as JSON. */
	if (o->agent != NULL && !ctx->format_given)
		a->json = false;
	return sk_auto_diff(a, ctx->argv[1], o, err);
}

int
sk_averb_diff(struct sk_ctx *ctx, struct sk_err *err)
{
	struct sk_land_opts *o = ctx->opts;

	return sk_auto_with(ctx, &o->common, 0, do_diff, ctx, err);
}

static int
do_apply(struct sk_auto *a, void *arg, struct sk_err *err)
{
	return sk_auto_apply(a, arg, err);
}

int
sk_averb_apply(struct sk_ctx *ctx, struct sk_err *err)
{
	struct sk_land_opts *o = ctx->opts;

	return sk_auto_with(ctx, &o->common, 0, do_apply, o, err);
}

static int
do_undo(struct sk_auto *a, void *arg, struct sk_err *err)
{
	return sk_auto_undo(a, arg, err);
}

int
sk_averb_undo(struct sk_ctx *ctx, struct sk_err *err)
{
	struct sk_land_opts *o = ctx->opts;

	return sk_auto_with(ctx, &o->common, 0, do_undo, o, err);
}

static int
do_env(struct sk_auto *a, void *arg, struct sk_err *err)
{
	(void)arg;
	return sk_auto_env(a, err);
}

int
sk_averb_env(struct sk_ctx *ctx, struct sk_err *err)
{
	return sk_auto_with(ctx, ctx->opts, SK_DB_CREATE, do_env, NULL, err);
}

static int
do_check(struct sk_auto *a, void *arg, struct sk_err *err)
{
	return sk_auto_check(a, arg, err);
}

int
sk_averb_check(struct sk_ctx *ctx, struct sk_err *err)
{
	/* No database is needed. */
	static const struct sk_auto_opts none = { .dry_run = true };

	return sk_auto_with(
	    ctx, &none, 0, do_check, ctx->argc > 1 ? ctx->argv[1] : NULL, err);
}

static int
do_gate(struct sk_auto *a, void *arg, struct sk_err *err)
{
	const struct sk_gate_opts *o = arg;

	return sk_auto_gate(a, o->stage, o->begin, o->skip, err);
}

int
sk_averb_gate(struct sk_ctx *ctx, struct sk_err *err)
{
	struct sk_gate_opts *o = ctx->opts;
	int rc = sk_auto_with(ctx, &o->common, 0, do_gate, o, err);

	sk_strv_free(&o->common.agents);
	return rc;
}

static int
do_end(struct sk_auto *a, void *arg, struct sk_err *err)
{
	const struct sk_end_opts *o = arg;

	return sk_auto_end(a, o->stage, (int)o->exit, err);
}

int
sk_averb_end(struct sk_ctx *ctx, struct sk_err *err)
{
	struct sk_end_opts *o = ctx->opts;

	return sk_auto_with(ctx, &o->common, 0, do_end, o, err);
}

struct answer_call {
	const struct sk_answer_opts *o;
	char **words;
	size_t n;
};

static int
do_answer(struct sk_auto *a, void *arg, struct sk_err *err)
{
	const struct answer_call *c = arg;

	return sk_auto_answer(a, c->words, c->n, c->o->list, c->o->resume, err);
}

int
sk_averb_answer(struct sk_ctx *ctx, struct sk_err *err)
{
	struct sk_answer_opts *o = ctx->opts;
	int skip = spec_of(ctx) != NULL;
	struct answer_call c = { o, ctx->argv + skip,
		(size_t)(ctx->argc - skip) };

	return sk_auto_with(ctx, &o->common, 0, do_answer, &c, err);
}

static int
do_report(struct sk_auto *a, void *arg, struct sk_err *err)
{
	struct sk_run run;
	bool found;

	(void)arg;
	return sk_auto_look(a, &run, &found, err);
}

int
sk_averb_report(struct sk_ctx *ctx, struct sk_err *err)
{
	struct sk_auto_opts *o = ctx->opts;

	if (o->format == NULL)
		o->format = "md";
	return sk_auto_with(ctx, o, 0, do_report, NULL, err);
}

static int
do_watch(struct sk_auto *a, void *arg, struct sk_err *err)
{
	int64_t every = ((struct sk_status_opts *)arg)->every;

	return sk_auto_watch(a, every > 0 ? every : 500, err);
}

/* The same for a verb that shows the newest when none is named. */
static int
with_newest(struct sk_ctx *ctx,
    int (*fn)(struct sk_auto *a, void *arg, struct sk_err *err),
    struct sk_err *err)
{
	struct sk_status_opts *o = ctx->opts;
	char *newest = ctx->argc == 0 ? sk_watch_newest(ctx) : NULL;
	char *argv[] = { newest, NULL };
	struct sk_ctx c = *ctx;
	int rc;

	if (newest != NULL) {
		c.argc = 1;
		c.argv = argv;
	}
	rc = sk_auto_with(&c, &o->common, 0, fn, o, err);
	free(newest);
	return rc;
}

int
sk_averb_status(struct sk_ctx *ctx, struct sk_err *err)
{
	return with_newest(ctx, do_status, err);
}

int
sk_averb_watch(struct sk_ctx *ctx, struct sk_err *err)
{
	const char *ci = getenv("CI");

	/* A log of a CI system is read by people. */
	if (!ctx->format_given && ci != NULL && ci[0] != '\0')
		ctx->format = SK_FMT_TEXT;
	return with_newest(ctx, do_watch, err);
}
