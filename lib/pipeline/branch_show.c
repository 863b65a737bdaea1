/* SPDX-License-Identifier: MIT */
/* sk-branch: list, show and tree. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/branch_work.h"

/* ---- list ---- */

static void
filter_json(struct sk_jw *jw, const struct sk_branch_filter *f)
{
	sk_jw_kobj(jw, "filter");
	sk_jw_kstr(jw, "spec", f->spec);
	sk_jw_kstr(jw, "root", f->root);
	sk_jw_kstr(jw, "git_branch", f->git_branch);
	sk_jw_kstr(jw, "run", f->run);
	sk_jw_kstr(jw, "state", f->state);
	sk_jw_end(jw);
}

static void
list_json(struct sk_branch_work *w, const struct sk_branch_filter *f,
    const struct sk_branch *v, size_t n, size_t left_out)
{
	struct sk_jw jw;

	sk_jw_doc(&jw, &w->out, "sk.branches/1");
	filter_json(&jw, f);
	sk_jw_kint(&jw, "left_out", (int64_t)left_out);
	sk_jw_karr(&jw, "branches");
	for (size_t i = 0; i < n; i++)
		sk_branch_write(&jw, &v[i]);
	sk_jw_end(&jw);
	sk_jw_done(&jw);
}

/* "main", "main (deleted)", "no branch" */
static void
git_text(
    struct sk_branch_work *w, const struct sk_branch *b, char *out, size_t n)
{
	const char *name = b->git_branch;
	bool has;

	if (name == NULL || name[0] == '\0') {
		(void)snprintf(out, n, "no branch");
		return;
	}
	/* Of other projects we do not know. An unborn branch is this one. */
	(void)snprintf(out, n, "%s%s", name,
	    sk_streq(b->root, w->git.root) &&
		    strcmp(name, w->git.branch) != 0 &&
		    sk_git_has_branch(b->root, name, &has) && !has
		? " (deleted)"
		: "");
}

static void
list_text(struct sk_branch_work *w, const struct sk_branch_filter *f,
    const struct sk_branch *v, size_t n)
{
	bool roots = f->root == NULL;
	char at[SK_TIME_LEN], git[300];
	struct sk_table t;

	if (n == 0)
		return;
	sk_table_init(&t, roots ? 7 : 6, 1u << 3);
	sk_table_cell(&t, "BRANCH");
	sk_table_cell(&t, "ACTIVE");
	sk_table_cell(&t, "STATE");
	sk_table_cell(&t, "DECISIONS");
	sk_table_cell(&t, "RUN");
	sk_table_cell(&t, "GIT");
	if (roots)
		sk_table_cell(&t, "PROJECT");
	for (size_t i = 0; i < n; i++) {
		sk_time_text(v[i].active_ms, at);
		git_text(w, &v[i], git, sizeof(git));
		sk_table_cell(&t, v[i].id);
		sk_table_cellf(&t, "%.19sZ", at);
		sk_table_cell(&t, v[i].state);
		sk_table_cellf(&t, "%lld", (long long)v[i].decisions);
		sk_table_cell(&t, v[i].run);
		sk_table_cell(&t, git);
		if (roots)
			sk_table_cell(&t, v[i].root != NULL ? v[i].root : "-");
	}
	sk_table_print(&t);
}

int
sk_bverb_list(struct sk_branch_work *w, struct sk_err *err)
{
	struct sk_branch_filter f;
	struct sk_branch *list = NULL;
	size_t n = 0, left_out = 0;
	int rc = sk_branch_filter_of(w, &f, err);

	if (rc == 0 && w->db != NULL)
		rc =
		    sk_branch_list(w->db, &f, &list, &n, &left_out, &w->a, err);
	if (rc != 0)
		return rc;
	if (w->ctx->format == SK_FMT_JSON) {
		list_json(w, &f, list, n, left_out);
		return 0;
	}
	list_text(w, &f, list, n);
	if (left_out > 0)
		sk_say("%zu left out%s", left_out,
		    w->o->all ? " by --limit or --state"
			      : " (another project or git branch, or by an "
				"option); --all shows every project and git "
				"branch");
	return 0;
}

/* ---- show ---- */

static void
show_text(const struct sk_branch *b)
{
	const char *names[] = { "branch", "parent", "run", "spec", "state",
		"root", "git branch", "git head" };
	const char *values[] = { b->id, b->parent, b->run, b->spec, b->state,
		b->root, b->git_branch, b->git_head };
	char created[SK_TIME_LEN], active[SK_TIME_LEN];
	struct sk_table t;

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

int
sk_bverb_show(struct sk_branch_work *w, struct sk_err *err)
{
	struct sk_branch b;
	struct sk_jw jw;
	int rc;

	rc = sk_branch_resolve(w, w->ctx->argv[0], &b, err);
	if (rc != 0)
		return rc;
	if (w->ctx->format == SK_FMT_JSON) {
		sk_jw_init(&jw, &w->out);
		sk_branch_write(&jw, &b);
		sk_jw_done(&jw);
	} else {
		show_text(&b);
	}
	return 0;
}

/* ---- tree ---- */

struct kid {
	const char *parent;
	size_t at;
};
struct todo {
	size_t at, depth;
};
struct forest {
	struct sk_branch *v;
	size_t n;
	struct kid *kids;
	size_t nkids;
	struct todo *stack;
	struct sk_jw jw;
	const char *run; /* the tree that is being drawn */
};

/* Its own decisions only: those before the fork stand above. */
static int
own_decisions(struct sk_branch_work *w, const struct sk_branch *b,
    struct sk_decision **d, size_t *n, struct sk_err *err)
{
	return sk_decision_list(
	    w->db, b->run, b->id, NULL, NULL, 0, d, n, &w->a, err);
}

static int
node_json(struct sk_branch_work *w, struct forest *f, const struct sk_branch *b,
    size_t depth, struct sk_err *err)
{
	struct sk_decision *d;
	size_t n;
	int rc = own_decisions(w, b, &d, &n, err);

	if (rc != 0)
		return rc;
	sk_jw_obj(&f->jw);
	sk_jw_kstr(&f->jw, "branch", b->id);
	sk_jw_kword(&f->jw, "parent", b->parent);
	sk_jw_kint(&f->jw, "depth", (int64_t)depth);
	sk_jw_kint(&f->jw, "fork", b->fork);
	sk_jw_kstr(&f->jw, "run", b->run);
	sk_jw_kword(&f->jw, "spec", b->spec);
	sk_jw_kstr(&f->jw, "state", b->state);
	sk_jw_karr(&f->jw, "decisions");
	for (size_t i = n; i-- > 0;) {
		sk_jw_obj(&f->jw);
		sk_jw_kint(&f->jw, "decision_seq", d[i].seq);
		sk_jw_kstr(&f->jw, "stage", d[i].stage);
		sk_jw_kint(&f->jw, "round", d[i].round);
		sk_jw_kstr(&f->jw, "status", d[i].status);
		sk_jw_kbool(&f->jw, "acked", d[i].acked);
		sk_jw_end(&f->jw);
	}
	sk_jw_end(&f->jw);
	sk_jw_end(&f->jw);
	return 0;
}

static int
node_text(struct sk_branch_work *w, struct forest *f, const struct sk_branch *b,
    size_t depth, struct sk_err *err)
{
	struct sk_decision *d;
	size_t n;
	int rc = own_decisions(w, b, &d, &n, err);

	if (rc != 0)
		return rc;
	if (!sk_streq(f->run, b->run))
		sk_buf_printf(&w->out, "%s  run %s\n",
		    b->spec[0] != '\0' ? b->spec : "-", b->run);
	f->run = b->run;
	sk_buf_printf(&w->out, "%*s%s  %s", (int)(2 + 2 * (depth % 40)), "",
	    b->id, b->state);
	if (b->parent[0] != '\0')
		sk_buf_printf(
		    &w->out, ", forked after %lld", (long long)b->fork);
	for (size_t i = n; i-- > 0;)
		sk_buf_printf(&w->out, "%s %lld %s %s%s",
		    i + 1 == n ? ":" : ",", (long long)d[i].seq,
		    d[i].stage[0] != '\0' ? d[i].stage : "-", d[i].status,
		    d[i].acked ? "" : " (pending)");
	sk_buf_ch(&w->out, '\n');
	return 0;
}

/* Those that were forked: of one parent together, newest first. */
static int
by_parent(const void *x, const void *y)
{
	const struct kid *a = x, *b = y;
	int c = strcmp(a->parent, b->parent);

	return c != 0 ? c : (a->at > b->at) - (a->at < b->at);
}

static size_t
first_kid(const struct forest *f, const char *parent)
{
	size_t lo = 0, hi = f->nkids, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (strcmp(f->kids[mid].parent, parent) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* A branch and what was forked from it, older ones first (the list is newest
 * first). The way down is a stack of our own: trees may be deep. */
static int
draw(
    struct sk_branch_work *w, struct forest *f, size_t root, struct sk_err *err)
{
	struct todo at;
	size_t top = 0;
	int rc = 0;

	f->stack[top++] = (struct todo){ root, 0 };
	while (rc == 0 && top > 0) {
		at = f->stack[--top];
		rc = w->ctx->format == SK_FMT_JSON
		         ? node_json(w, f, &f->v[at.at], at.depth, err)
		         : node_text(w, f, &f->v[at.at], at.depth, err);
		for (size_t i = first_kid(f, f->v[at.at].id);
		     i < f->nkids &&
		     strcmp(f->kids[i].parent, f->v[at.at].id) == 0;
		     i++)
			f->stack[top++] =
			    (struct todo){ f->kids[i].at, at.depth + 1 };
	}
	return rc;
}

static int
trees(struct sk_branch_work *w, struct forest *f, struct sk_err *err)
{
	int rc = 0;

	f->kids = sk_arena_alloc(&w->a, (f->n + 1) * sizeof(*f->kids));
	f->stack = sk_arena_alloc(&w->a, (f->n + 1) * sizeof(*f->stack));
	for (size_t i = 0; i < f->n; i++)
		if (f->v[i].parent[0] != '\0')
			f->kids[f->nkids++] = (struct kid){ f->v[i].parent, i };
	qsort(f->kids, f->nkids, sizeof(*f->kids), by_parent);
	for (size_t i = 0; rc == 0 && i < f->n; i++)
		if (f->v[i].parent[0] == '\0')
			rc = draw(w, f, i, err);
	return rc;
}

int
sk_bverb_tree(struct sk_branch_work *w, struct sk_err *err)
{
	struct sk_branch_filter filter;
	struct forest f = { 0 };
	struct sk_branch one;
	size_t left;
	int rc = sk_branch_filter_of(w, &filter, err);

	/* A tree that was cut by git branches would be none. */
	filter.git_branch = NULL;
	if (rc == 0 && w->ctx->argc > 0) {
		rc = sk_branch_resolve(w, w->ctx->argv[0], &one, err);
		filter = (struct sk_branch_filter){ .run = one.run };
	}
	if (rc == 0 && w->db != NULL)
		rc = sk_branch_list(
		    w->db, &filter, &f.v, &f.n, &left, &w->a, err);
	if (rc != 0)
		return rc;
	if (w->ctx->format != SK_FMT_JSON)
		return trees(w, &f, err);
	sk_jw_doc(&f.jw, &w->out, "sk.tree/1");
	sk_jw_karr(&f.jw, "branches");
	rc = trees(w, &f, err);
	if (rc != 0)
		return rc;
	sk_jw_end(&f.jw);
	sk_jw_done(&f.jw);
	return 0;
}
