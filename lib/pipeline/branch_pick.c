/* SPDX-License-Identifier: MIT */
/* sk-branch: which branch to go on with, and taking away the empty ones. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pipeline/branch_work.h"

/* ---- resume ---- */

struct choice {
	struct sk_branch *v;
	size_t n, left_out;
};

static int
candidates(
    struct sk_branch_work *w, bool all, struct choice *c, struct sk_err *err)
{
	struct sk_branch_filter f;
	int rc = sk_branch_filter_of(w, &f, err);

	memset(c, 0, sizeof(*c));
	if (all)
		f.root = f.git_branch = NULL;
	f.open = w->o->state == NULL;
	f.limit = w->o->last ? 1 : 0;
	if (rc == 0 && w->db != NULL)
		rc = sk_branch_list(
		    w->db, &f, &c->v, &c->n, &c->left_out, &w->a, err);
	return rc;
}

static void
row(struct sk_strv *rows, const struct sk_branch *b)
{
	char ago[32];
	char *s;

	sk_duration_text(sk_now_ms() - b->active_ms, ago, sizeof(ago));
	s = sk_asprintf("%-12s %-11s %2lld decided  %8s ago  %s  %s",
	    b->spec[0] != '\0' ? b->spec : "-", b->state,
	    (long long)b->decisions, ago,
	    b->git_branch != NULL && b->git_branch[0] != '\0' ? b->git_branch
							      : "no branch",
	    b->id);
	sk_strv_add(rows, s);
	free(s);
}

/* *got: ROW with c and *at filled, or NONE. */
static int
ask(struct sk_branch_work *w, struct choice *c, enum sk_picked *got, size_t *at,
    struct sk_err *err)
{
	bool all = w->o->all;
	struct sk_pick p = { .toggles = true };
	struct sk_strv rows;
	char title[160];
	int rc = 0;

	do {
		memset(&rows, 0, sizeof(rows));
		for (size_t i = 0; i < c->n; i++)
			row(&rows, &c->v[i]);
		(void)snprintf(title, sizeof(title),
		    "go on with which branch? (%zu more left out)",
		    c->left_out);
		p.title = title;
		p.rows = &rows;
		p.keys = all ? "arrows or number, Enter; a: only from here; "
		               "q: none"
		             : "arrows or number, Enter; a: of everywhere; "
		               "q: none";
		rc = sk_pick(&p, got, at, err);
		sk_strv_free(&rows);
		if (rc == 0 && *got == SK_PICK_TOGGLE) {
			all = !all;
			rc = candidates(w, all, c, err);
		}
	} while (rc == 0 && *got == SK_PICK_TOGGLE);
	return rc;
}

static int
none(const struct choice *c, struct sk_err *err)
{
	(void)sk_fail(err, SK_NEGATIVE, "nothing_to_resume",
	    "there is no branch to go on with here");
	if (c->left_out > 0)
		return sk_hint(err,
		    "%zu left out: done, cancelled, running, or of another "
		    "project or git branch (--all)",
		    c->left_out);
	return SK_NEGATIVE;
}

static int
choose(struct sk_branch_work *w, struct sk_branch *out, struct sk_err *err)
{
	enum sk_picked got = SK_PICK_ROW;
	struct choice c;
	size_t at = 0;
	bool terminal =
	    isatty(STDIN_FILENO) == 1 && sk_stderr_tty() && !w->ctx->no_input;
	int rc = candidates(w, w->o->all, &c, err);

	if (rc != 0)
		return rc;
	if (c.n == 0 && (w->o->last || !terminal || c.left_out == 0))
		return none(&c, err);
	if (!w->o->last && !terminal && c.n > 1) {
		(void)sk_fail(err, SK_USAGE, "not_a_terminal",
		    "there are %zu branches and no terminal to choose on", c.n);
		return sk_hint(err, "--last takes the newest, a name or its "
				    "beginning that one");
	}
	/* One alone is no question, unless a person may want the others. */
	if (!w->o->last && terminal)
		rc = ask(w, &c, &got, &at, err);
	if (rc != 0)
		return rc;
	if (got != SK_PICK_ROW || c.n == 0)
		return sk_fail(
		    err, SK_INT, "nothing_chosen", "nothing was chosen");
	*out = c.v[at];
	return 0;
}

int
sk_bverb_resume(struct sk_branch_work *w, struct sk_err *err)
{
	struct sk_branch b;
	int rc;

	if (w->ctx->argc > 0 && w->o->last)
		return sk_fail(err, SK_USAGE, "options_exclude",
		    "--last excludes a branch's name");
	rc = w->ctx->argc > 0 ? sk_branch_resolve(w, w->ctx->argv[0], &b, err)
	                      : choose(w, &b, err);
	if (rc != 0)
		return rc;
	sk_buf_printf(&w->out, "%s\n", b.id);
	if (sk_stdout_tty() && b.spec[0] != '\0')
		sk_say("go on: sk-auto resume %s --branch %s", b.spec, b.id);
	return 0;
}

/* ---- prune ---- */

static void
prune_json(struct sk_branch_work *w, const struct sk_prunable *v, size_t n)
{
	struct sk_jw jw;

	sk_jw_doc(&jw, &w->out, "sk.prune/1");
	sk_jw_kbool(&jw, "removed", w->o->remove);
	sk_jw_karr(&jw, "branches");
	for (size_t i = 0; i < n; i++) {
		sk_jw_obj(&jw);
		sk_jw_kstr(&jw, "branch", v[i].id);
		sk_jw_kstr(&jw, "run", v[i].run);
		sk_jw_kword(&jw, "spec", v[i].spec);
		sk_jw_ktime(&jw, "active_at", v[i].active_ms);
		sk_jw_kbool(&jw, "whole_run", v[i].whole_run);
		sk_jw_end(&jw);
	}
	sk_jw_end(&jw);
	sk_jw_done(&jw);
}

int
sk_bverb_prune(struct sk_branch_work *w, struct sk_err *err)
{
	int64_t older = w->o->older >= 0 ? w->o->older : 7 * SK_DAY_MS;
	struct sk_branch_filter f;
	struct sk_prunable *v = NULL;
	size_t n = 0;
	int rc = sk_branch_filter_of(w, &f, err);

	if (rc == 0 && w->db != NULL)
		rc = sk_branch_prune(w->db, f.root, f.spec, sk_now_ms() - older,
		    w->o->remove, &v, &n, &w->a, err);
	if (rc != 0)
		return rc;
	if (w->ctx->format == SK_FMT_JSON) {
		prune_json(w, v, n);
		return 0;
	}
	for (size_t i = 0; i < n; i++)
		sk_buf_printf(&w->out, "%s%s\n", v[i].id,
		    v[i].whole_run ? "  and its run" : "");
	if (n == 0)
		sk_say("there is no empty branch that old");
	else if (w->o->remove)
		sk_say("%zu removed", n);
	else
		sk_say("%zu would be removed; --yes does it", n);
	return 0;
}
