/* SPDX-License-Identifier: MIT */
/* sk-branch: keep attempts at a specification apart. */
#include <string.h>

#include "cli/cli.h"
#include "pipeline/branch.h"

struct opts {
	struct sk_branch_ask ask; /* new */
	bool all; /* list */
	int64_t limit;
};

#define SPEC_OPT(help) \
	SK_OPT_STR( \
	    struct opts, 's', "spec", "SPEC", ask.spec, SK_C_SPEC, help, NULL)

static const struct sk_opt new_opts[] = {
	SK_OPT_STR(struct opts, 'r', "run", "RUN", ask.run, SK_C_RUN,
	    "branch off in this run (SK_RUN, else a new run)", NULL),
	SPEC_OPT("the specification of a new run"),
	SK_OPT_STR(struct opts, 'p', "parent", "BRANCH", ask.parent,
	    SK_C_BRANCH, "branch off here (the run's newest branch)", NULL),
	SK_OPT_END
};
static const struct sk_opt current_opts[] = {
	SPEC_OPT("only branches of this specification"), SK_OPT_END
};
static const struct sk_opt list_opts[] = {
	SPEC_OPT("only branches of this specification"),
	SK_OPT_FLAG(struct opts, 'a', "all", all,
	    "of every project and git branch", NULL),
	SK_OPT_INT(struct opts, 'n', "limit", "N", limit, 1, 1000000,
	    "show the newest N", NULL),
	SK_OPT_END
};

/* What a verb works on. */
struct work {
	struct sk_ctx *ctx;
	const struct opts *o;
	struct sk_config conf;
	struct sk_git git;
	struct sk_db *db; /* NULL: there is no database yet */
	struct sk_arena a;
	struct sk_buf out;
};

typedef int (*verb_fn)(struct work *w, struct sk_err *err);

/* No database is no branches; only `new` makes one. */
static int
open_db(struct work *w, unsigned flags, struct sk_err *err)
{
	int rc = sk_db_open(&w->db, w->ctx->db, flags, err);

	if (rc != 0 && strcmp(err->code, "no_database") == 0 && flags == 0) {
		sk_err_clear(err);
		w->db = NULL;
		return 0;
	}
	return rc;
}

static int
with(struct sk_ctx *ctx, unsigned flags, bool git, verb_fn fn,
    struct sk_err *err)
{
	struct work w = { .ctx = ctx, .o = ctx->opts };
	int rc;

	rc = sk_config_load(&w.conf, ctx->config, err);
	if (rc != 0)
		return rc;
	sk_buf_init(&w.out, 0);
	if (git)
		rc = sk_project_git(&w.conf, &w.git, &w.a, err);
	if (rc == 0)
		rc = open_db(&w, flags, err);
	if (rc == 0)
		rc = fn(&w, err);
	if (rc == 0)
		sk_out(w.out.p, w.out.len);
	sk_db_close(w.db);
	sk_buf_free(&w.out);
	sk_arena_free(&w.a);
	sk_config_free(&w.conf);
	return rc;
}

static void
one_record(struct work *w, const struct sk_branch *b)
{
	struct sk_jw jw;

	sk_jw_init(&jw, &w->out);
	sk_branch_write(&jw, b);
	sk_jw_done(&jw);
}

static int
check_spec(const char *spec, struct sk_err *err)
{
	if (spec == NULL || sk_ident_ok(spec))
		return 0;
	return sk_fail(err, SK_USAGE, "bad_identifier",
	    "'%.200s' is not the name of a specification", spec);
}

/* ---- new, current ---- */

static int
do_new(struct work *w, struct sk_err *err)
{
	struct sk_branch b;
	int rc = sk_branch_make(w->db, &w->o->ask, &w->git, &b, &w->a, err);

	if (rc != 0)
		return rc;
	if (w->ctx->format == SK_FMT_JSON)
		one_record(w, &b);
	else
		sk_buf_printf(&w->out, "%s\n", b.id);
	return 0;
}

static int
verb_new(struct sk_ctx *ctx, struct sk_err *err)
{
	return with(ctx, SK_DB_CREATE, true, do_new, err);
}

static int
do_current(struct work *w, struct sk_err *err)
{
	struct sk_branch_filter f;
	struct sk_branch *list = NULL;
	size_t n = 0, left_out;
	int rc = check_spec(w->o->ask.spec, err);

	if (rc != 0)
		return rc;
	sk_branch_here(&f, &w->git, w->o->ask.spec);
	f.limit = 1;
	if (w->db != NULL)
		rc =
		    sk_branch_list(w->db, &f, &list, &n, &left_out, &w->a, err);
	if (rc == 0 && n == 0)
		return SK_NEGATIVE;
	if (rc == 0)
		sk_buf_printf(&w->out, "%s\n", list[0].id);
	return rc;
}

static int
verb_current(struct sk_ctx *ctx, struct sk_err *err)
{
	return with(ctx, 0, true, do_current, err);
}

/* ---- list ---- */

static void
list_json(struct work *w, const struct sk_branch_filter *f,
    const struct sk_branch *v, size_t n, size_t left_out)
{
	struct sk_jw jw;

	sk_jw_init(&jw, &w->out);
	sk_jw_obj(&jw);
	sk_jw_kstr(&jw, "schema", "sk.branches/1");
	sk_jw_key(&jw, "filter");
	sk_jw_obj(&jw);
	sk_jw_kstr(&jw, "spec", f->spec);
	sk_jw_kstr(&jw, "root", f->root);
	sk_jw_kstr(&jw, "git_branch", f->git_branch);
	sk_jw_end(&jw);
	sk_jw_kint(&jw, "left_out", (int64_t)left_out);
	sk_jw_key(&jw, "branches");
	sk_jw_arr(&jw);
	for (size_t i = 0; i < n; i++)
		sk_branch_write(&jw, &v[i]);
	sk_jw_end(&jw);
	sk_jw_end(&jw);
	sk_jw_done(&jw);
}

static void
list_text(struct work *w, const struct sk_branch *v, size_t n)
{
	bool all = w->o->all;
	char at[SK_TIME_LEN];
	struct sk_table t;

	if (n == 0)
		return;
	sk_table_init(&t, all ? 6 : 5, 1u << 2);
	sk_table_cell(&t, "BRANCH");
	sk_table_cell(&t, "ACTIVE");
	sk_table_cell(&t, "DECISIONS");
	sk_table_cell(&t, "RUN");
	sk_table_cell(&t, "GIT");
	if (all)
		sk_table_cell(&t, "PROJECT");
	for (size_t i = 0; i < n; i++) {
		const char *git = v[i].git_branch;

		sk_time_text(v[i].active_ms, at);
		sk_table_cell(&t, v[i].id);
		sk_table_cellf(&t, "%.10s %.8s", at, at + 11);
		sk_table_cellf(&t, "%lld", (long long)v[i].decisions);
		sk_table_cell(&t, v[i].run);
		sk_table_cell(
		    &t, git != NULL && git[0] != '\0' ? git : "no branch");
		if (all)
			sk_table_cell(&t, v[i].root != NULL ? v[i].root : "-");
	}
	sk_table_print(&t);
}

static int
do_list(struct work *w, struct sk_err *err)
{
	struct sk_branch_filter f;
	struct sk_branch *list = NULL;
	size_t n = 0, left_out = 0;
	int rc = check_spec(w->o->ask.spec, err);

	if (rc != 0)
		return rc;
	sk_branch_here(&f, &w->git, w->o->ask.spec);
	if (w->o->all)
		f.root = f.git_branch = NULL;
	f.limit = (size_t)w->o->limit;
	if (w->db != NULL)
		rc =
		    sk_branch_list(w->db, &f, &list, &n, &left_out, &w->a, err);
	if (rc != 0)
		return rc;
	if (w->ctx->format == SK_FMT_JSON) {
		list_json(w, &f, list, n, left_out);
		return 0;
	}
	list_text(w, list, n);
	if (left_out > 0)
		sk_say("%zu left out%s", left_out,
		    w->o->all ? " by --limit"
			      : " (another project or git branch, or "
				"--limit); --all shows every project and git "
				"branch");
	return 0;
}

static int
verb_list(struct sk_ctx *ctx, struct sk_err *err)
{
	const struct opts *o = ctx->opts;

	return with(ctx, 0, !o->all, do_list, err);
}

/* ---- show ---- */

static void
show_text(struct work *w, const struct sk_branch *b)
{
	const char *names[] = { "branch", "parent", "run", "spec", "root",
		"git branch", "git head" };
	const char *values[] = { b->id, b->parent, b->run, b->spec, b->root,
		b->git_branch, b->git_head };
	char created[SK_TIME_LEN], active[SK_TIME_LEN];
	struct sk_table t;

	(void)w;
	sk_time_text(b->created_ms, created);
	sk_time_text(b->active_ms, active);
	sk_table_init(&t, 2, 0);
	for (size_t i = 0; i < SK_ARRAY_SIZE(names); i++) {
		sk_table_cell(&t, names[i]);
		sk_table_cell(&t, values[i] != NULL && values[i][0] != '\0'
				      ? values[i]
				      : "-");
	}
	sk_table_cell(&t, "created");
	sk_table_cell(&t, created);
	sk_table_cell(&t, "active");
	sk_table_cell(&t, active);
	sk_table_cell(&t, "decisions");
	sk_table_cellf(&t, "%lld", (long long)b->decisions);
	sk_table_print(&t);
}

static int
do_show(struct work *w, struct sk_err *err)
{
	const char *id = w->ctx->argv[0];
	struct sk_branch b;
	int rc;

	if (!sk_branch_id_ok(id))
		return sk_fail(err, SK_USAGE, "bad_identifier",
		    "'%.200s' is not the name of a branch", id);
	if (w->db == NULL)
		return sk_fail(err, SK_USAGE, "no_such_branch",
		    "there is no branch '%s'", id);
	rc = sk_branch_get(w->db, id, &b, &w->a, err);
	if (rc != 0)
		return rc;
	if (w->ctx->format == SK_FMT_JSON)
		one_record(w, &b);
	else
		show_text(w, &b);
	return 0;
}

static int
verb_show(struct sk_ctx *ctx, struct sk_err *err)
{
	return with(ctx, 0, false, do_show, err);
}

/* ---- the tool ---- */

static const char *const new_ex[] = { "sk-branch new --spec SPEC-7",
	"sk-branch new --run \"$SK_RUN\" | jq -r .branch", NULL };
static const char *const current_ex[] = {
	"SK_BRANCH=$(sk-branch current --spec SPEC-7)", NULL
};
static const char *const list_ex[] = { "sk-branch list --spec SPEC-7",
	"sk-branch list --all --json | jq -r '.branches[].branch'", NULL };
static const char *const show_ex[] = {
	"sk-branch show \"$(sk-branch current)\"", NULL
};

#define VERB_OPTS(o) .opts = o, .opts_size = sizeof(struct opts)

static const struct sk_verb verbs[] = {
	{ .name = "new",
	    .purpose = "make a branch, and a run when none is named",
	    .examples = new_ex,
	    VERB_OPTS(new_opts),
	    .flags = SK_V_DB | SK_V_CONFIG,
	    .run = verb_new },
	{ .name = "current",
	    .purpose = "print the newest branch of this project and git branch",
	    .examples = current_ex,
	    VERB_OPTS(current_opts),
	    .flags = SK_V_DB | SK_V_CONFIG | SK_V_RAW,
	    .run = verb_current },
	{ .name = "list",
	    .purpose = "print branches, newest activity first",
	    .examples = list_ex,
	    VERB_OPTS(list_opts),
	    .flags = SK_V_DB | SK_V_CONFIG,
	    .run = verb_list },
	{ .name = "show",
	    .operands = "BRANCH",
	    .purpose = "print one branch",
	    .examples = show_ex,
	    .min_args = 1,
	    .max_args = 1,
	    .comp = SK_C_BRANCH,
	    .flags = SK_V_DB | SK_V_CONFIG,
	    .run = verb_show },
	{ .run = NULL }
};

static const char *const schemas[] = { "branch", "branches", NULL };
static const char *const see_also[] = { "sk-auto 1", "sk-consensus 1",
	"sk-db 5", NULL };

const struct sk_cmd sk_cmd = {
	.name = "sk-branch",
	.purpose = "keep attempts at a specification apart",
	.verbs = verbs,
	.schemas = schemas,
	.see_also = see_also,
};
