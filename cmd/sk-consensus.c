/* SPDX-License-Identifier: MIT */
/* sk-consensus: take each answer once, decide whether the agents agree. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "config/config.h"
#include "consensus/consensus.h"

struct opts {
	const char *run, *branch;
	struct sk_strv expect; /* the filter */
	struct sk_decide_opts decide;
	const char *policy, *evidence_dir;
	int64_t seq; /* ack, show */
	bool all; /* show */
};

#define T struct opts

#define RUN_OPT(help) \
	SK_OPT_STR(T, 'r', "run", "RUN", run, SK_C_RUN, help, NULL)
#define BRANCH_OPT(help) \
	SK_OPT_STR(T, 'b', "branch", "BRANCH", branch, SK_C_BRANCH, help, NULL)

static const struct sk_opt filter_opts[] = {
	SK_OPT_LIST(T, 'e', "expect", "A,B,...", expect, SK_C_AGENT,
	    "the agents that have to answer",
	    "Agents of the policy, else those that were asked in this round, "
	    "unless this option says who. May be repeated."),
	SK_OPT_STR(T, 'n', "quorum", "N|FRACTION", decide.quorum, SK_C_NONE,
	    "how many must agree: 3, 2/3 (more than half)", NULL),
	SK_OPT_LIST(T, 'p', "require", "POINTER", decide.require, SK_C_NONE,
	    "a path that must have a quorum (JSON Pointer)",
	    "May be repeated. The whole answer is the empty pointer."),
	SK_OPT_STR(T, 0, "policy", "FILE|NAME", policy, SK_C_FILE,
	    "rules of this file, or of this shipped policy", NULL),
	SK_OPT_INT(T, 0, "min", "N", decide.min, 1, 1000000,
	    "degraded with fewer expected agents (2)", NULL),
	SK_OPT_FLAG(T, 0, "no-evidence", decide.no_evidence,
	    "write no evidence files", NULL),
	SK_OPT_STR(T, 0, "evidence-dir", "DIR", evidence_dir, SK_C_DIR,
	    "where evidence files go (evidence.base_dir)", NULL),
	SK_OPT_FLAG(T, 0, "no-ack", decide.no_ack,
	    "leave the decision pending, for 'ack'", NULL),
	RUN_OPT("take the answers into this run (SK_RUN)"),
	BRANCH_OPT("take the answers into this branch (SK_BRANCH)"), SK_OPT_END
};
static const struct sk_opt intake_opts[] = {
	RUN_OPT("take the answers into this run (SK_RUN)"),
	BRANCH_OPT("take the answers into this branch (SK_BRANCH)"), SK_OPT_END
};
static const struct sk_opt ack_opts[] = {
	SK_OPT_INT(T, 's', "seq", "N", seq, 1, INT64_MAX,
	    "number of the pending decision", NULL),
	RUN_OPT("the decision's run (SK_RUN)"),
	BRANCH_OPT("the decision's branch (SK_BRANCH, else the newest)"),
	SK_OPT_END
};
static const struct sk_opt pending_opts[] = {
	RUN_OPT("look in this run only (SK_RUN)"),
	BRANCH_OPT("look in this branch only (SK_BRANCH)"), SK_OPT_END
};
static const struct sk_opt show_opts[] = {
	SK_OPT_INT(T, 's', "seq", "N", seq, 1, INT64_MAX,
	    "the decision of this number", NULL),
	SK_OPT_FLAG(T, 0, "all", all, "all decisions, the oldest first", NULL),
	RUN_OPT("look in this run only (SK_RUN)"),
	BRANCH_OPT("look in this branch only (SK_BRANCH)"), SK_OPT_END
};

/* ---- shared ---- */

static int
check_name(const char *what, const char *s, bool (*ok)(const char *),
    struct sk_err *err)
{
	if (s == NULL || ok(s))
		return 0;
	return sk_fail(err, SK_USAGE, "bad_identifier",
	    "'%.200s' is not the name of %s", s, what);
}

static const char *
env(const char *name)
{
	const char *s = getenv(name);

	return s != NULL && s[0] != '\0' ? s : NULL;
}

/* --run, else SK_RUN; --branch, else the SK_BRANCH that goes with it. */
static int
names(struct opts *o, struct sk_err *err)
{
	const char *run = env("SK_RUN");
	int rc;

	if (o->branch == NULL &&
	    (o->run == NULL || (run != NULL && strcmp(o->run, run) == 0)))
		o->branch = env("SK_BRANCH");
	if (o->run == NULL)
		o->run = run;
	rc = check_name("a run", o->run, sk_ident_ok, err);
	return rc != 0
	           ? rc
	           : check_name("a branch", o->branch, sk_branch_id_ok, err);
}

static void
put_verdict(const struct sk_ctx *ctx, const struct sk_buf *line)
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
static int
no_terminal(struct sk_err *err)
{
	if (isatty(STDIN_FILENO) == 0)
		return 0;
	(void)sk_fail(err, SK_USAGE, "no_input",
	    "standard input is a terminal, expected records");
	return sk_hint(err, "pipe them in: sk-run ... | %s", sk_prog);
}

/* Nothing could be used: why. */
static int
nothing(const struct sk_intake *in, struct sk_err *err)
{
	if (in->invalid > 0)
		return sk_fail(err, SK_DAMAGED, "bad_record",
		    "no record could be used, %zu refused", in->invalid);
	(void)sk_fail(
	    err, SK_USAGE, "no_answers", "no sk.answer/1 on standard input");
	return sk_hint(err,
	    "pipe records in: sk-run ... | %s, or print "
	    "{\"schema\":\"sk.answer/1\",\"agent\":\"x\",\"content\":\"...\"}",
	    sk_prog);
}

static void
warn_refused(void *arg, const struct sk_intake_note *n)
{
	(void)arg;
	if (n->reason != NULL)
		sk_warn("record in line %llu refused: %s",
		    (unsigned long long)n->line, n->reason);
	else if (strcmp(n->result, "divergent") == 0)
		sk_warn("answer of '%s' in line %llu differs from the "
			"accepted one and is not used",
		    n->key.agent, (unsigned long long)n->line);
}

/* ---- the filter ---- */

/* What the groups are decided with; strings live until the end. */
struct setup {
	struct sk_policy policy;
	struct sk_config conf;
	bool loaded;
	char *cwd;
};

static int
evidence_place(struct sk_ctx *ctx, struct opts *o, const struct sk_intake *in,
    struct setup *s, struct sk_err *err)
{
	const char *on = getenv("SPEC_KIT_TELEMETRY_ENABLED");
	struct sk_decide_opts *d = &o->decide;
	bool wanted = false;
	int rc;

	if (on != NULL)
		(void)sk_parse_bool(on, &d->telemetry);
	for (size_t i = 0; i < in->n_groups; i++)
		wanted |= in->groups[i].spec[0] != '\0' &&
		          in->groups[i].stage[0] != '\0';
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

static int
judge_all(struct sk_ctx *ctx, struct opts *o, struct sk_intake *in,
    struct sk_err *err)
{
	struct sk_drivers drivers = { 0 };
	struct sk_buf line;
	char status[16];
	int rc = 0, worst = 0;

	sk_buf_init(&line, 0);
	for (size_t i = 0; rc == 0 && i < in->n_groups; i++) {
		if (in->groups[i].answers == 0)
			continue;
		sk_buf_clear(&line);
		rc = sk_decide_group(in->db, &drivers, &o->decide,
		    &in->groups[i], &line, status, err);
		if (rc != 0)
			break;
		put_verdict(ctx, &line);
		worst = sk_status_worse(worst, sk_status_exit(status));
	}
	sk_drivers_end(&drivers);
	sk_buf_free(&line);
	return rc != 0 ? rc : worst;
}

/* Everything a wrong option can spoil, before an answer is taken. */
static int
read_opts(struct opts *o, struct setup *s, struct sk_err *err)
{
	struct sk_decide_opts *d = &o->decide;
	struct sk_quorum q;
	int rc;

	for (size_t i = 0; i < o->expect.n; i++)
		sk_strv_split(&d->expect, o->expect.v[i], ',');
	rc = names(o, err);
	if (rc == 0 && d->quorum != NULL)
		rc = sk_quorum_parse(d->quorum, &q, err);
	for (size_t i = 0; rc == 0 && i < d->expect.n; i++)
		rc = check_name("an agent", d->expect.v[i], sk_ident_ok, err);
	for (size_t i = 0; rc == 0 && i < d->require.n; i++)
		if (!sk_jptr_ok(d->require.v[i]))
			rc = sk_fail(err, SK_USAGE, "bad_pointer",
			    "'%.200s' is not a JSON Pointer", d->require.v[i]);
	if (rc == 0)
		rc = sk_policy_load(&s->policy, o->policy, err);
	d->policy = &s->policy;
	return rc != 0 ? rc : no_terminal(err);
}

static int
filter(struct sk_ctx *ctx, struct sk_err *err)
{
	struct opts *o = ctx->opts;
	struct setup s = { 0 };
	struct sk_intake in = { .note = warn_refused };
	int rc;

	rc = read_opts(o, &s, err);
	if (rc == 0)
		rc = sk_db_open(&in.db, ctx->db, SK_DB_CREATE, err);
	if (rc == 0) {
		in.run = o->run;
		in.branch = o->branch;
		rc = sk_intake_fd(&in, STDIN_FILENO, err);
	}
	if (rc == 0 && in.answers == 0)
		rc = nothing(&in, err);
	if (rc == 0)
		rc = evidence_place(ctx, o, &in, &s, err);
	if (rc == 0)
		rc = judge_all(ctx, o, &in, err);
	sk_intake_free(&in);
	sk_db_leave(in.db);
	sk_policy_free(&s.policy);
	sk_strv_free(&o->decide.expect);
	if (s.loaded)
		sk_config_free(&s.conf);
	free(s.cwd);
	return rc;
}

/* ---- intake ---- */

static void
print_note(void *arg, const struct sk_intake_note *n)
{
	const struct sk_ctx *ctx = arg;
	struct sk_err ignored = { 0 };
	struct sk_buf b;

	if (ctx->format == SK_FMT_JSON) {
		sk_buf_init(&b, 0);
		sk_intake_json(&b, n);
		sk_out_json(&b);
		sk_buf_free(&b);
	} else {
		sk_outf("%-10s %s%s%s\n", n->result,
		    n->key.agent != NULL ? n->key.agent : "?",
		    n->reason != NULL ? "  " : "",
		    n->reason != NULL ? n->reason : "");
	}
	/* A result is seen when it is safe, not at the end of the stream. */
	(void)sk_out_flush(&ignored);
	sk_err_clear(&ignored);
}

static int
intake(struct sk_ctx *ctx, struct sk_err *err)
{
	struct opts *o = ctx->opts;
	struct sk_intake in = { .note = print_note, .arg = ctx };
	int rc;

	rc = names(o, err);
	if (rc == 0)
		rc = no_terminal(err);
	if (rc == 0)
		rc = sk_db_open(&in.db, ctx->db, SK_DB_CREATE, err);
	if (rc == 0) {
		in.run = o->run;
		in.branch = o->branch;
		rc = sk_intake_fd(&in, STDIN_FILENO, err);
	}
	if (rc == 0 && in.answers == 0)
		rc = nothing(&in, err);
	else if (rc == 0 && in.invalid > 0)
		rc = SK_DEGRADED;
	sk_intake_free(&in);
	sk_db_leave(in.db);
	return rc;
}

/* ---- ack, pending, show ---- */

static int
do_ack(
    struct sk_db *db, const struct opts *o, bool *already, struct sk_err *err)
{
	struct sk_drivers drivers = { 0 };
	int64_t epoch = 0;
	int rc;

	rc = sk_drivers_epoch(&drivers, db, o->run, &epoch, err);
	if (rc == 0)
		rc = sk_db_begin(db, err);
	if (rc == 0) {
		rc = sk_decision_ack(db, o->run,
		    o->branch != NULL ? o->branch : "", o->seq, epoch, already,
		    err);
		if (rc == 0)
			rc = sk_db_commit(db, err);
		else
			sk_db_rollback(db);
	}
	sk_drivers_end(&drivers);
	return rc;
}

static int
ack(struct sk_ctx *ctx, struct sk_err *err)
{
	struct opts *o = ctx->opts;
	struct sk_db *db = NULL;
	struct sk_arena a = { 0 };
	struct sk_run run;
	struct sk_buf b;
	bool already = false, found = false;
	int rc;

	rc = names(o, err);
	if (rc != 0)
		return rc;
	if (o->seq == 0 || o->run == NULL) {
		(void)sk_fail(err, SK_USAGE, "missing_option", "%s",
		    o->seq == 0 ? "no --seq given"
				: "neither --run nor SK_RUN says which run");
		return sk_hint(err, "'sk-consensus pending' shows what waits");
	}
	rc = sk_db_open(&db, ctx->db, 0, err);
	if (rc == 0)
		rc = sk_run_get(db, o->run, &run, &found, &a, err);
	if (rc == 0 && !found)
		rc = sk_fail(err, SK_USAGE, "no_such_run",
		    "there is no run '%s'", o->run);
	if (rc == 0)
		rc = do_ack(db, o, &already, err);
	if (rc == 0 && ctx->format == SK_FMT_JSON) {
		sk_buf_init(&b, 0);
		sk_ack_json(&b, o->run,
		    o->branch != NULL ? o->branch : run.branch, o->seq,
		    already);
		sk_out_json(&b);
		sk_buf_free(&b);
	} else if (rc == 0) {
		sk_outf("decision %lld %s\n", (long long)o->seq,
		    already ? "was acknowledged already" : "acknowledged");
	}
	sk_arena_free(&a);
	sk_db_close(db);
	return rc;
}

/* Decisions that the options and operands select, newest first. */
static int
select_all(struct sk_ctx *ctx, struct sk_db **db, struct sk_decision **v,
    size_t *n, struct sk_arena *a, struct sk_err *err)
{
	struct opts *o = ctx->opts;
	const char *spec = ctx->argc > 0 ? ctx->argv[0] : NULL;
	const char *stage = ctx->argc > 1 ? ctx->argv[1] : NULL;
	int rc;

	*n = 0;
	rc = names(o, err);
	if (rc == 0)
		rc = sk_db_open(db, ctx->db, 0, err);
	if (rc != 0 && strcmp(err->code, "no_database") == 0) {
		sk_err_clear(err);
		return 0;
	}
	if (rc != 0)
		return rc;
	return sk_decision_list(*db, o->run, o->branch, spec, stage,
	    ctx->verb->max_args == 2 && o->seq == 0 && !o->all ? 1 : 0, v, n, a,
	    err);
}

static int
print_decision(
    struct sk_ctx *ctx, const struct sk_decision *d, struct sk_err *err)
{
	struct sk_buf b;
	int rc;

	sk_buf_init(&b, 0);
	rc = sk_decision_json(&b, d, err);
	if (rc == 0)
		put_verdict(ctx, &b);
	sk_buf_free(&b);
	return rc;
}

static int
pending(struct sk_ctx *ctx, struct sk_err *err)
{
	struct sk_decision *v = NULL;
	struct sk_arena a = { 0 };
	struct sk_db *db = NULL;
	size_t n, i = 0;
	int rc;

	rc = select_all(ctx, &db, &v, &n, &a, err);
	while (rc == 0 && i < n && v[i].acked)
		i++;
	if (rc == 0 && i < n)
		rc = print_decision(ctx, &v[i], err);
	else if (rc == 0)
		sk_out_str(
		    ctx->format == SK_FMT_JSON
			? "{\"schema\":\"sk.pending/1\",\"pending\":null}\n"
			: "nothing is pending\n");
	sk_arena_free(&a);
	sk_db_close(db);
	return rc;
}

static int
show(struct sk_ctx *ctx, struct sk_err *err)
{
	const struct opts *o = ctx->opts;
	struct sk_decision *v = NULL;
	struct sk_arena a = { 0 };
	struct sk_db *db = NULL;
	size_t n, i = 0;
	int rc;

	rc = select_all(ctx, &db, &v, &n, &a, err);
	/* All of them in the order in which they were decided. */
	for (i = n; rc == 0 && o->all && i > 0; i--)
		rc = print_decision(ctx, &v[i - 1], err);
	i = 0;
	if (rc == 0 && o->all && n > 0)
		goto out;
	while (rc == 0 && i < n && o->seq != 0 && v[i].seq != o->seq)
		i++;
	if (rc == 0 && i < n) {
		rc = print_decision(ctx, &v[i], err);
	} else if (rc == 0) {
		(void)sk_fail(
		    err, SK_USAGE, "no_decision", "there is no such decision");
		rc = sk_hint(err, "'sk-branch list --all' shows what was "
				  "decided where");
	}
out:
	sk_arena_free(&a);
	sk_db_close(db);
	return rc;
}

/* ---- the tool ---- */

static const char *const filter_ex[] = {
	"sk-run -a claude -a codex <prompt.md | sk-consensus | jq .status",
	"sk-consensus --expect a,b,c --quorum 2/3 <answers.jsonl",
	"sk-consensus --require /answer --no-evidence <answers.jsonl", NULL
};
static const char *const intake_ex[] = {
	"sk-consensus intake --run \"$SK_RUN\" <answers.jsonl", NULL
};
static const char *const ack_ex[] = {
	"sk-consensus ack --run \"$SK_RUN\" --seq 3", NULL
};
static const char *const pending_ex[] = {
	"sk-consensus pending --run \"$SK_RUN\"", NULL
};
static const char *const show_ex[] = { "sk-consensus show SPEC-7 plan", NULL };

#define OPTS(o) .opts = o, .opts_size = sizeof(struct opts)

static const struct sk_verb verbs[] = {
	{ .name = NULL,
	    .operands = "",
	    .purpose = "Judge the answers on standard input.",
	    .examples = filter_ex,
	    OPTS(filter_opts),
	    .flags = SK_V_DB | SK_V_CONFIG,
	    .run = filter },
	{ .name = "intake",
	    .operands = "",
	    .purpose = "record answers without judging them",
	    .examples = intake_ex,
	    OPTS(intake_opts),
	    .flags = SK_V_DB,
	    .run = intake },
	{ .name = "ack",
	    .operands = "",
	    .purpose = "acknowledge the pending decision",
	    .examples = ack_ex,
	    OPTS(ack_opts),
	    .flags = SK_V_DB,
	    .run = ack },
	{ .name = "pending",
	    .operands = "",
	    .purpose = "print the decision that waits for its ack",
	    .examples = pending_ex,
	    OPTS(pending_opts),
	    .flags = SK_V_DB,
	    .run = pending },
	{ .name = "show",
	    .operands = "[SPEC] [STAGE]",
	    .purpose = "print the newest verdict",
	    .examples = show_ex,
	    OPTS(show_opts),
	    .max_args = 2,
	    .comp = SK_C_SPEC,
	    .flags = SK_V_DB,
	    .run = show },
	{ .run = NULL }
};

static const char *const schemas[] = { "verdict", "intake", "ack", "pending",
	"answer", "error", NULL };
static const char *const see_also[] = { "sk-run 1", "sk-auto 1", "sk-branch 1",
	"sk-records 5", "sk-exit-codes 7", NULL };

const struct sk_cmd sk_cmd = {
	.name = "sk-consensus",
	.purpose = "take each answer once and decide whether the agents agree",
	.verbs = verbs,
	.schemas = schemas,
	.see_also = see_also,
};
