/* SPDX-License-Identifier: MIT */
/* The verbs that keep, move and tidy: from their options to what they do. */
#include <string.h>

#include "pipeline/auto_verbs.h"
#include "pipeline/keep_verbs.h"

/* As sk_auto_with(), for verbs that are about no specification. */
static int
without(struct sk_ctx *ctx, unsigned db_flags,
    int (*fn)(struct sk_auto *a, struct sk_ctx *ctx, struct sk_err *err),
    struct sk_err *err)
{
	static const struct sk_auto_opts none;
	struct sk_config conf;
	struct sk_auto a = { .conf = &conf,
		.opts = &none,
		.spec_lock = -1,
		.tree_lock = -1,
		.snapshot = -1 };
	int rc;

	rc = sk_config_load(&conf, ctx->config, err);
	if (rc != 0)
		return rc;
	a.db_file = ctx->db;
	a.json = ctx->format == SK_FMT_JSON;
	rc = sk_db_open(&a.db, a.db_file, db_flags, err);
	if (rc == 0)
		rc = fn(&a, ctx, err);
	sk_auto_close(&a);
	sk_config_free(&conf);
	return rc;
}

static int
do_export(struct sk_auto *a, struct sk_ctx *ctx, struct sk_err *err)
{
	return sk_bundle_export(a, ctx->argv[0], ctx->opts, err);
}

int
sk_averb_export(struct sk_ctx *ctx, struct sk_err *err)
{
	return without(ctx, 0, do_export, err);
}

static int
do_import(struct sk_auto *a, struct sk_ctx *ctx, struct sk_err *err)
{
	return sk_bundle_import(a, ctx->argv[0], ctx->opts, err);
}

int
sk_averb_import(struct sk_ctx *ctx, struct sk_err *err)
{
	return without(ctx, SK_DB_CREATE, do_import, err);
}

static int
do_evidence(struct sk_auto *a, void *arg, struct sk_err *err)
{
	struct sk_ctx *ctx = arg;
	const struct sk_keep_opts *o = ctx->opts;

	return sk_evidence_verb(a, ctx->argv[-1], o, err);
}

/* The action stands where other verbs have their specification. */
int
sk_averb_evidence(struct sk_ctx *ctx, struct sk_err *err)
{
	struct sk_keep_opts *o = ctx->opts;
	struct sk_ctx inner = *ctx;

	inner.argv++;
	inner.argc--;
	return sk_auto_with(&inner, &o->common, 0, do_evidence, &inner, err);
}

static int
do_db(struct sk_auto *a, struct sk_ctx *ctx, struct sk_err *err)
{
	return sk_db_verb(a, ctx->argv[0], ctx->argv[1], ctx->opts, err);
}

int
sk_averb_db(struct sk_ctx *ctx, struct sk_err *err)
{
	return without(ctx, 0, do_db, err);
}
