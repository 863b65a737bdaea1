/* SPDX-License-Identifier: MIT */
/*
 * The arbiter of a stage: when the configuration names one, and the policy that
 * the stage was judged by lets one settle, somebody who did not vote is asked
 * about a conflict. The mechanical verdict is acknowledged by then, and stands
 * whatever comes of it.
 */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "consensus/consensus.h"
#include "pipeline/step.h"

const char *
sk_arbiter_name(const struct sk_auto *a, const struct sk_stage *st)
{
	char key[80];

	(void)snprintf(key, sizeof(key), "stages.%s.arbiter", st->name);
	return sk_config_str(
	    a->conf, key, sk_config_str(a->conf, "consensus.arbiter", NULL));
}

bool
sk_arbiter_wanted(
    const struct sk_auto *a, const struct sk_stage *st, const struct sk_jv *v)
{
	return sk_arbiter_name(a, st) != NULL &&
	       sk_streq(sk_jget_str(v, "status"), "conflict") &&
	       sk_jget(v, "arbiter") == NULL &&
	       sk_streq(sk_jstr(sk_jptr(v, "/certificate/policy/arbiter")),
		   "settles");
}

/* One of the three, with what the one before it printed. */
static int
child(struct sk_auto *a, struct sk_strv *argv, const struct sk_buf *in,
    struct sk_buf *out, int *status, struct sk_err *err)
{
	int rc, interrupted = 0;

	if (a->config_file != NULL)
		sk_arg2(argv, "--config", a->config_file);
	rc = sk_child_run(
	    a, argv, in->p, in->len, out, status, &interrupted, err);
	sk_strv_free(argv);
	return rc != 0 ? rc : sk_stopped(interrupted, err);
}

static int
question(struct sk_auto *a, const struct sk_step *s, const char *agent,
    struct sk_buf *out, int *status, struct sk_err *err)
{
	struct sk_strv argv = { 0 };
	struct sk_buf none;

	sk_buf_init(&none, 0);
	sk_strv_add(&argv, "sk-consensus");
	sk_strv_add(&argv, "arbitrate");
	sk_strv_add(&argv, "--json");
	sk_strv_add(&argv, "--settling");
	sk_arg2(&argv, "--agent", agent);
	sk_arg2(&argv, "--run", a->run);
	sk_arg2(&argv, "--branch", a->branch);
	sk_arg_int(&argv, "--seq", s->decision_seq, "");
	return child(a, &argv, &none, out, status, err);
}

static int
opinion(struct sk_auto *a, const struct sk_buf *request, struct sk_buf *out,
    int *status, struct sk_err *err)
{
	struct sk_strv argv = { 0 };

	sk_strv_add(&argv, "sk-run");
	sk_strv_add(&argv, "--json");
	if (a->opts->timeout > 0)
		sk_arg_int(&argv, "--timeout", a->opts->timeout, "ms");
	return child(a, &argv, request, out, status, err);
}

static int
take(struct sk_auto *a, const struct sk_buf *records, struct sk_jv **verdict,
    struct sk_err *err)
{
	struct sk_strv argv = { 0 };
	int rc;

	sk_strv_add(&argv, "sk-consensus");
	sk_strv_add(&argv, "arbitrate");
	sk_strv_add(&argv, "--json");
	sk_strv_add(&argv, "--take");
	sk_strv_add(&argv, "--no-ack");
	if (a->config_file != NULL)
		sk_arg2(&argv, "--config", a->config_file);
	rc = sk_verdict_ask(a, &argv, records->p, records->len, verdict, err);
	sk_strv_free(&argv);
	return rc;
}

/* Why there was no question. */
static int
refused(struct sk_auto *a, const struct sk_buf *out, struct sk_err *err)
{
	struct sk_jv *v;

	if (sk_json_parse(&a->arena, out->p, out->len, &sk_verdict_limits, &v,
		NULL) == 0 &&
	    sk_error_from_json(v, err))
		return err->exit;
	return sk_fail(
	    err, SK_BUG, "no_question", "sk-consensus printed no question");
}

int
sk_arbiter_ask(struct sk_auto *a, const struct sk_step *s,
    struct sk_jv **verdict, struct sk_err *err)
{
	const char *agent = sk_arbiter_name(a, s->stage);
	struct sk_buf request, records;
	int rc, status = 0;

	*verdict = NULL;
	sk_buf_init(&request, SK_RECORDS_MAX);
	sk_buf_init(&records, SK_RECORDS_MAX);
	sk_say(
	    "%s: a conflict, asking the arbiter '%s'", s->stage->name, agent);
	rc = question(a, s, agent, &request, &status, err);
	if (rc == 0 && status != 0)
		rc = refused(a, &request, err);
	/* (Of a call that failed, the record says why.) */
	if (rc == 0)
		rc = opinion(a, &request, &records, &status, err);
	if (rc == 0)
		rc = take(a, &records, verdict, err);
	if (rc != 0 && rc < 128) {
		sk_warn("%s: the arbiter '%s' settles nothing: %s",
		    s->stage->name, agent, err->message);
		sk_err_clear(err);
		*verdict = NULL;
		rc = 0;
	}
	sk_buf_free(&request);
	sk_buf_free(&records);
	return rc;
}
