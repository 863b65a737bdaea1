/* SPDX-License-Identifier: MIT */
/*
 * main() of every tool: parse, run the verb, say what went wrong, check that
 * standard output was really written. The only place that prints errors.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/internal.h"

static void
put_buf(struct sk_buf *b)
{
	sk_out(b->p, b->len);
	sk_buf_free(b);
}

static int
report(const struct sk_err *err, bool json)
{
	struct sk_buf b;

	if (err->exit == SK_PIPE)
		return err->exit;
	if (err->hint[0] != '\0')
		sk_warn("%s (%s)", err->message, err->hint);
	else
		sk_warn("%s", err->message);
	if (json) {
		sk_buf_init(&b, 0);
		sk_error_json(&b, err);
		put_buf(&b);
	}
	return err->exit;
}

/* No verb where one is needed: help for a person, an error for a program. */
static int
no_verb(const struct sk_cmd *cmd, bool json, struct sk_err *err)
{
	struct sk_buf b;
	int rc;

	(void)sk_fail(err, SK_USAGE, "missing_verb", "no verb given");
	(void)sk_hint(err, "see '%s --help'", cmd->name);
	rc = report(err, json);
	sk_buf_init(&b, 0);
	sk_help_short(&b, cmd);
	(void)sk_write_all(STDERR_FILENO, b.p, b.len);
	sk_buf_free(&b);
	return rc;
}

static void
apply_base(struct sk_parsed *p)
{
	const struct sk_base *base = &p->base;
	struct sk_ctx *ctx = &p->ctx;
	const char *env;
	bool on;

	ctx->format = sk_stdout_tty() ? SK_FMT_TEXT : SK_FMT_JSON;
	if (base->format != NULL) {
		ctx->format_given = true;
		ctx->format = strcmp(base->format, "json") == 0 ? SK_FMT_JSON
		                                                : SK_FMT_TEXT;
	}
	ctx->verbose = base->verbose;
	ctx->no_input = base->no_input;
	env = getenv("SK_NO_INPUT");
	if (env != NULL && sk_parse_bool(env, &on) && on)
		ctx->no_input = true;
	ctx->db = base->db;
	ctx->config = base->config;
	sk_quiet = base->quiet;
}

/* --help, --version and --dump answer before operands are looked at. */
static bool
told(struct sk_parsed *p, int *rc)
{
	const struct sk_cmd *cmd = p->ctx.cmd;
	struct sk_buf b;

	if (!p->base.help && !p->base.version && p->base.dump == NULL)
		return false;
	sk_buf_init(&b, 0);
	*rc = 0;
	if (p->base.help)
		sk_help(&b, cmd, p->ctx.verb);
	else if (p->base.version)
		sk_version(&b, cmd, sk_streq(p->base.format, "json"));
	else
		sk_gen(&b, cmd, p->base.dump);
	put_buf(&b);
	return true;
}

static int
tool(const struct sk_cmd *cmd, int argc, char **argv, struct sk_err *err)
{
	struct sk_parsed p;
	bool json, raw;
	int rc;

	rc = sk_parse(cmd, argc, argv, &p, err);
	raw = sk_argv_raw(p.ctx.verb, argc, argv);
	if (rc != 0) {
		if (sk_argv_help(argc, argv)) {
			sk_err_clear(err);
			p.base.help = true;
			(void)told(&p, &rc);
		} else {
			json =
			    sk_argv_format(p.ctx.verb, argc, argv,
				sk_stdout_tty() ? SK_FMT_TEXT : SK_FMT_JSON) ==
			    SK_FMT_JSON;
			rc = report(err, json && !raw);
		}
		sk_parsed_free(&p);
		return rc;
	}
	apply_base(&p);
	json = p.ctx.format == SK_FMT_JSON && !raw;
	if (!told(&p, &rc)) {
		if (p.ctx.verb->run == NULL)
			rc = no_verb(cmd, json, err);
		else if (sk_parse_operands(&p, err) != 0)
			rc = report(err, json);
		else if ((rc = p.ctx.verb->run(&p.ctx, err)) != 0 &&
			 err->message[0] != '\0')
			/* (A verb with formats of its own has said which.) */
			rc = report(err, json && p.ctx.format == SK_FMT_JSON);
	}
	sk_parsed_free(&p);
	return rc;
}

int
main(int argc, char **argv)
{
	struct sk_err err = { 0 }, out_err = { 0 };
	int rc, out_rc;

	sk_sanitise_fds();
	sk_prog = sk_cmd.name;
	rc = tool(&sk_cmd, argc, argv, &err);
	out_rc = sk_out_flush(&out_err);
	if (out_rc != 0) {
		/* A verb that flushed itself has had it reported already. */
		if (out_rc != SK_PIPE && strcmp(err.message, out_err.message))
			(void)report(&out_err, false);
		rc = out_rc;
	}
	sk_err_clear(&err);
	sk_err_clear(&out_err);
	return rc;
}
