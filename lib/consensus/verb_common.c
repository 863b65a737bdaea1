/* SPDX-License-Identifier: MIT */
/* Options, the project, and what the verbs of sk-consensus print alike. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "consensus/verbs.h"

/* ---- names ---- */

static const char *
env(const char *name)
{
	const char *s = getenv(name);

	return s != NULL && s[0] != '\0' ? s : NULL;
}

/* --run, else SK_RUN; --branch, else the SK_BRANCH that goes with it. */
int
sk_verb_names(struct sk_verb_opts *o, struct sk_err *err)
{
	const char *run = env("SK_RUN");
	int rc;

	if (o->branch == NULL &&
	    (o->run == NULL || (run != NULL && strcmp(o->run, run) == 0)))
		o->branch = env("SK_BRANCH");
	if (o->run == NULL)
		o->run = run;
	rc = sk_check_name("a run", o->run, sk_ident_ok, err);
	return rc != 0
	           ? rc
	           : sk_check_name("a branch", o->branch, sk_branch_id_ok, err);
}

int
sk_verb_need_run(struct sk_verb_opts *o, struct sk_err *err)
{
	int rc = sk_verb_names(o, err);

	if (rc != 0 || o->run != NULL)
		return rc;
	(void)sk_fail(err, SK_USAGE, "missing_option",
	    "neither --run nor SK_RUN says which run");
	return sk_hint(err, "'sk-branch list --all' shows the runs");
}

void
sk_verb_put_verdict(const struct sk_ctx *ctx, const struct sk_buf *line)
{
	struct sk_arena a = { 0 };
	struct sk_jv *v = NULL;
	struct sk_buf b;

	if (ctx->format == SK_FMT_JSON) {
		sk_out_json(line);
		return;
	}
	sk_buf_init(&b, 0);
	if (sk_json_parse(
		&a, line->p, line->len, &sk_verdict_limits, &v, NULL) == 0)
		sk_verdict_text(&b, v);
	sk_out(b.p, b.len);
	sk_buf_free(&b);
	sk_arena_free(&a);
}

/* A person who typed the bare name waits for nothing. */
int
sk_verb_no_terminal(struct sk_err *err)
{
	if (isatty(STDIN_FILENO) == 0)
		return 0;
	(void)sk_fail(err, SK_USAGE, "no_input",
	    "standard input is a terminal, expected records");
	return sk_hint(err, "pipe them in: sk-run ... | %s", sk_prog);
}

/* ---- the project ---- */

int
sk_setup_root(struct sk_setup *s, const struct sk_ctx *ctx, struct sk_err *err)
{
	int rc;

	rc = sk_config_locate(&s->conf, ctx->config, err);
	s->located = rc == 0;
	/* A file that was named may say where the project is. */
	if (rc == 0 && s->conf.named_file != NULL) {
		sk_config_free(&s->conf);
		rc = sk_config_load(&s->conf, ctx->config, err);
		s->located = rc == 0;
	}
	if (rc == 0)
		s->git.root = s->conf.project_root;
	return rc;
}

int
sk_verb_decisions(struct sk_ctx *ctx, struct sk_setup *s, struct sk_db **db,
    struct sk_decision_filter f, struct sk_decision **v, size_t *n,
    struct sk_arena *a, struct sk_err *err)
{
	struct sk_verb_opts *o = ctx->opts;
	int rc;

	rc = sk_verb_names(o, err);
	if (rc == 0 && o->run == NULL && o->branch == NULL)
		rc = sk_setup_root(s, ctx, err);
	if (rc == 0)
		rc = sk_db_open(db, ctx->db, 0, err);
	if (rc != 0)
		return rc;
	f.run = o->run;
	f.branch = o->branch;
	f.root = s->git.root;
	f.spec = ctx->argc > 0 ? ctx->argv[0] : NULL;
	f.stage = ctx->argc > 1 ? ctx->argv[1] : NULL;
	return sk_decision_find(*db, &f, v, n, a, err);
}

int
sk_setup_evidence(struct sk_setup *s, const struct sk_ctx *ctx,
    struct sk_verb_opts *o, bool wanted, struct sk_err *err)
{
	const char *on = getenv("SPEC_KIT_TELEMETRY_ENABLED");
	struct sk_decide_opts *d = &o->decide;
	int rc;

	if (on != NULL)
		(void)sk_parse_bool(on, &d->telemetry);
	if (d->no_evidence || !wanted)
		return 0;
	if (o->evidence_dir != NULL) {
		s->cwd = realpath(".", NULL);
		if (s->cwd == NULL)
			return sk_fail_errno(
			    err, "cannot find the working directory");
		d->evidence_root = s->cwd;
		d->evidence_base = o->evidence_dir;
		return 0;
	}
	if (s->located)
		sk_config_free(&s->conf);
	s->located = false;
	s->git.root = NULL;
	rc = sk_config_load(&s->conf, ctx->config, err);
	s->loaded = rc == 0;
	if (rc != 0)
		return rc;
	d->evidence_root = s->conf.project_root;
	d->evidence_base =
	    sk_config_str(&s->conf, "evidence.base_dir", "docs/evidence");
	if (!sk_config_bool(&s->conf, "evidence.enabled", true))
		d->no_evidence = true;
	return 0;
}

int
sk_setup_policy(struct sk_setup *s, struct sk_verb_opts *o, struct sk_err *err)
{
	struct sk_decide_opts *d = &o->decide;
	struct sk_quorum q;
	int rc = 0;

	for (size_t i = 0; i < o->expect.n; i++)
		sk_strv_split(&d->expect, o->expect.v[i], ',');
	if (d->quorum != NULL)
		rc = sk_quorum_parse(d->quorum, &q, err);
	for (size_t i = 0; rc == 0 && i < d->expect.n; i++)
		rc =
		    sk_check_name("an agent", d->expect.v[i], sk_ident_ok, err);
	for (size_t i = 0; rc == 0 && i < d->require.n; i++)
		rc = sk_jptr_check(d->require.v[i], err);
	if (rc == 0)
		rc = sk_policy_load(&s->policy, o->policy, err);
	d->policy = &s->policy;
	return rc;
}

void
sk_setup_free(struct sk_setup *s, struct sk_verb_opts *o)
{
	sk_policy_free(&s->policy);
	sk_strv_free(&o->decide.expect);
	if (s->loaded || s->located)
		sk_config_free(&s->conf);
	free(s->cwd);
}
