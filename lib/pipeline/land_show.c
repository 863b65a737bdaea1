/* SPDX-License-Identifier: MIT */
/* What is said about agents' work: side by side, one patch, what was done. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "pipeline/land_show.h"

/* More agents than these do not fit beside each other. */
#define COLUMNS_MAX 6

/* ---- side by side ---- */

static void
names_of(const struct sk_cands *c, size_t at, struct sk_buf *b)
{
	for (size_t i = 0; i < c->n; i++)
		if (i != at && c->v[i].n > 0 && c->v[i].group == c->v[at].group)
			sk_buf_printf(
			    b, "%s%s", b->len > 0 ? "," : "", c->v[i].agent);
}

/* What the rules would choose; "" when they choose nothing. */
static const char *
choice(struct sk_auto *a, const struct sk_cands *c, const char *rule)
{
	const struct sk_cand *x = NULL;
	struct sk_err ignored = { 0 };

	(void)sk_cands_pick(a, c, rule, NULL, &x, &ignored);
	sk_err_clear(&ignored);
	return x != NULL ? x->agent : "";
}

/* The newest landing of this round; NULL when there is none. */
static const struct sk_landing *
landing_of(struct sk_auto *a, const struct sk_cands *c)
{
	struct sk_err ignored = { 0 };
	struct sk_landing *v = NULL;
	size_t n = 0;

	(void)sk_landing_list(a->db,
	    &(struct sk_landing_filter){
		.run = a->run, .stage = c->stage->name },
	    &v, &n, &a->arena, &ignored);
	sk_err_clear(&ignored);
	for (size_t i = 0; i < n; i++)
		if (v[i].round == c->round)
			return &v[i];
	return NULL;
}

static const char *
change_word(const struct sk_patch_file *f)
{
	return f->is_new ? "added" : f->is_gone ? "deleted" : "changed";
}

static void
cand_json(struct sk_jw *w, const struct sk_cands *c, size_t at, bool patch)
{
	const struct sk_cand *x = &c->v[at];
	char like[16];

	sk_jw_obj(w);
	sk_jw_kstr(w, "agent", x->agent);
	sk_jw_kstr(w, "status", x->answer->ok ? "ok" : "failed");
	sk_jw_kbool(w, "worktree", x->diff != NULL);
	sk_jw_kstr(w, "base", x->base);
	sk_jw_kstr(w, "sha256", x->diff != NULL ? x->sha256 : NULL);
	sk_jw_kint(w, "bytes", (int64_t)x->n);
	sk_jw_kint(w, "added", (int64_t)x->patch.added);
	sk_jw_kint(w, "removed", (int64_t)x->patch.removed);
	sk_jw_karr(w, "files");
	for (size_t i = 0; i < x->patch.n; i++) {
		const struct sk_patch_file *f = &x->patch.v[i];

		sk_jw_obj(w);
		sk_jw_kstr(w, "path", f->path);
		sk_jw_kstr(w, "change", change_word(f));
		sk_jw_kint(w, "added", (int64_t)f->added);
		sk_jw_kint(w, "removed", (int64_t)f->removed);
		sk_jw_kbool(w, "binary", f->binary);
		sk_jw_end(w);
	}
	sk_jw_end(w);
	sk_jw_karr(w, "same_as");
	for (size_t i = 0; i < c->n && x->n > 0; i++)
		if (i != at && c->v[i].n > 0 && c->v[i].group == x->group)
			sk_jw_str(w, c->v[i].agent);
	sk_jw_end(w);
	(void)snprintf(like, sizeof(like), "%u.%03u", x->likeness / 1000,
	    x->likeness % 1000);
	sk_jw_key(w, "likeness");
	sk_jw_raw(w, x->n > 0 ? like : "null", x->n > 0 ? strlen(like) : 4);
	if (patch && x->diff != NULL) {
		sk_jw_key(w, "diff");
		sk_jw_strn(w, x->diff, x->n);
	}
	sk_jw_end(w);
}

static void
diff_json(struct sk_auto *a, const struct sk_cands *c, const char *agent)
{
	const struct sk_landing *l = landing_of(a, c);
	struct sk_buf b;
	struct sk_jw w;

	sk_buf_init(&b, (size_t)1 << 30);
	sk_jw_doc(&w, &b, "sk.diff/1");
	sk_jw_kstr(&w, "run", a->run);
	sk_jw_kstr(&w, "branch", a->branch);
	sk_jw_kstr(&w, "spec", a->spec.id);
	sk_jw_kstr(&w, "stage", c->stage->name);
	sk_jw_kint(&w, "round", c->round);
	sk_jw_kword(&w, "agreed", choice(a, c, "agreed"));
	sk_jw_kword(&w, "medoid", choice(a, c, "medoid"));
	sk_jw_kword(&w, "landing", l != NULL ? l->state : NULL);
	sk_jw_kword(&w, "landed", l != NULL ? l->agent : NULL);
	sk_jw_karr(&w, "candidates");
	for (size_t i = 0; i < c->n; i++)
		if (agent == NULL || strcmp(agent, c->v[i].agent) == 0)
			cand_json(&w, c, i, agent != NULL);
	sk_jw_end(&w);
	sk_jw_done(&w);
	sk_out_json(&b);
	sk_buf_free(&b);
}

static void
agents_table(const struct sk_cands *c)
{
	struct sk_table t;
	struct sk_buf b;

	sk_buf_init(&b, 4096);
	sk_table_init(&t, 6, 2 | 4 | 8 | 16);
	for (size_t i = 0; i < 6; i++)
		sk_table_cell(
		    &t, ((const char *const[]){ "AGENT", "FILES", "ADDED",
			    "REMOVED", "LIKE", "SAME AS" })[i]);
	for (size_t i = 0; i < c->n; i++) {
		const struct sk_cand *x = &c->v[i];

		sk_table_cell(&t, x->agent);
		if (x->diff == NULL) {
			for (int k = 0; k < 4; k++)
				sk_table_cell(&t, "-");
			sk_table_cell(
			    &t, x->answer->ok ? "(no work tree)" : "(failed)");
			continue;
		}
		sk_buf_clear(&b);
		names_of(c, i, &b);
		sk_table_cellf(&t, "%zu", x->patch.n);
		sk_table_cellf(&t, "+%zu", x->patch.added);
		sk_table_cellf(&t, "-%zu", x->patch.removed);
		if (x->n > 0)
			sk_table_cellf(&t, "%u%%", x->likeness / 10);
		else
			sk_table_cell(&t, "-");
		sk_table_cell(&t, x->n == 0   ? "(changed nothing)"
				  : b.len > 0 ? b.p
					      : "-");
	}
	sk_table_print(&t);
	sk_buf_free(&b);
}

static const struct sk_patch_file *
file_in(const struct sk_patch *p, const char *path)
{
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->v[i].path, path) == 0)
			return &p->v[i];
	return NULL;
}

static void
files_table(const struct sk_cands *c)
{
	struct sk_strv paths = { 0 };
	struct sk_table t;
	size_t cols = c->n;

	if (cols > COLUMNS_MAX)
		return;
	for (size_t i = 0; i < c->n; i++)
		for (size_t k = 0; k < c->v[i].patch.n; k++)
			if (!sk_strv_has(&paths, c->v[i].patch.v[k].path))
				sk_strv_add(&paths, c->v[i].patch.v[k].path);
	sk_strv_sort(&paths);
	sk_table_init(&t, 1 + cols, 0);
	sk_table_cell(&t, "FILE");
	for (size_t i = 0; i < cols; i++)
		sk_table_cell(&t, c->v[i].agent);
	for (size_t k = 0; k < paths.n; k++) {
		sk_table_cell(&t, paths.v[k]);
		for (size_t i = 0; i < cols; i++) {
			const struct sk_patch_file *f =
			    file_in(&c->v[i].patch, paths.v[k]);

			if (f == NULL)
				sk_table_cell(&t, "-");
			else if (f->binary)
				sk_table_cell(&t, "binary");
			else
				sk_table_cellf(&t, "%s+%zu -%zu",
				    f->is_new    ? "new "
				    : f->is_gone ? "gone "
						 : "",
				    f->added, f->removed);
		}
	}
	sk_outf("\n");
	sk_table_print(&t);
	sk_strv_free(&paths);
}

static void
diff_text(struct sk_auto *a, const struct sk_cands *c)
{
	const struct sk_landing *l = landing_of(a, c);
	const char *agreed = choice(a, c, "agreed");
	const char *medoid = choice(a, c, "medoid");

	agents_table(c);
	if (c->works > 0)
		files_table(c);
	sk_outf("\nagreed   %s\n", agreed[0] != '\0' ? agreed : "-");
	sk_outf("medoid   %s\n", medoid[0] != '\0' ? medoid : "-");
	if (l != NULL)
		sk_outf("landing  %s %s\n", l->state, l->agent);
	else if (c->works > 0)
		sk_outf("apply    sk-auto apply %s --from AGENT\n", a->spec.id);
}

/* ---- one patch ---- */

/* Into a pipe it is what git apply takes; where a person or the log of a CI
 * system reads, control characters and CI commands are shown, not obeyed. */
static int
one_patch(
    const struct sk_cands *c, const struct sk_land_opts *o, struct sk_err *err)
{
	const struct sk_cand *x = NULL;
	struct sk_buf b;

	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->v[i].agent, o->agent) == 0)
			x = &c->v[i];
	if (x == NULL)
		return sk_fail(err, SK_USAGE, "no_such_agent",
		    "'%s' was not asked in stage '%s'", o->agent,
		    c->stage->name);
	if (x->diff == NULL)
		return sk_fail(err, SK_NEGATIVE, "no_diffs",
		    "'%s' has no diff of stage '%s'", o->agent, c->stage->name);
	if (o->output != NULL)
		return sk_write_file(
		    o->output, x->diff, x->n, SK_DOC_FILE, err);
	if (!sk_stdout_tty() && getenv("CI") == NULL) {
		sk_out(x->diff, x->n);
		return 0;
	}
	sk_buf_init(&b, (size_t)1 << 30);
	sk_buf_visible(&b, x->diff, x->n, true);
	sk_out(b.p, b.len);
	sk_buf_free(&b);
	return 0;
}

int
sk_auto_diff(struct sk_auto *a, const char *stage, const struct sk_land_opts *o,
    struct sk_err *err)
{
	const struct sk_stage *st = NULL;
	struct sk_cands c;
	struct sk_run run;
	bool found = false;
	int rc = 0;

	if (o->output != NULL && o->agent == NULL)
		return sk_fail(err, SK_USAGE, "options_need",
		    "--output needs --agent: whose patch?");
	if (stage != NULL)
		rc = sk_stage_parse(stage, &st, err);
	if (rc == 0)
		rc = sk_auto_look(a, &run, &found, err);
	if (rc == 0 && !found)
		rc = sk_fail(err, SK_NEGATIVE, "no_run", "'%s' has no run yet",
		    a->spec.id);
	if (rc == 0)
		rc = sk_cands_load(a, st, &c, err);
	if (rc != 0)
		return rc;
	if (o->agent != NULL && (!a->json || o->output != NULL))
		return one_patch(&c, o, err);
	if (a->json)
		diff_json(a, &c, o->agent);
	else
		diff_text(a, &c);
	return 0;
}

/* ---- what was done ---- */

static const char *
done_word(const struct sk_land_file *f, bool back)
{
	const struct sk_land_side *from = back ? &f->after : &f->before;
	const struct sk_land_side *to = back ? &f->before : &f->after;

	return !from->there ? "added" : !to->there ? "deleted" : "changed";
}

static void
show_json(struct sk_auto *a, const char *action, const struct sk_landing *l,
    const struct sk_land_plan *p, bool already, bool dry_run)
{
	bool back = strcmp(action, "undo") == 0;
	struct sk_buf b;
	struct sk_jw w;

	(void)a;
	sk_out_json_begin(&w, &b, "sk.landing/1");
	sk_jw_kstr(&w, "action", action);
	sk_jw_kstr(&w, "run", l->run);
	sk_jw_kstr(&w, "branch", l->branch);
	sk_jw_kstr(&w, "spec", l->spec);
	sk_jw_kstr(&w, "stage", l->stage);
	sk_jw_kint(&w, "round", l->round);
	sk_jw_kword(&w, "agent", l->agent);
	sk_jw_kstr(&w, "rule", l->rule);
	sk_jw_kstr(&w, "state", dry_run ? "planned" : l->state);
	sk_jw_kbool(&w, "already", already);
	sk_jw_kbool(&w, "dry_run", dry_run);
	sk_jw_kword(&w, "base", l->base);
	sk_jw_kword(&w, "sha256", l->patch_sha256);
	sk_jw_karr(&w, "files");
	for (size_t i = 0; p != NULL && i < p->n; i++) {
		sk_jw_obj(&w);
		sk_jw_kstr(&w, "path", p->v[i].path);
		sk_jw_kstr(&w, "change", done_word(&p->v[i], back));
		sk_jw_end(&w);
	}
	sk_jw_end(&w);
	/* As a part of a run it is one event of many. */
	sk_out_json_end(&w);
}

void
sk_land_show(struct sk_auto *a, const char *action, const struct sk_landing *l,
    const struct sk_land_plan *p, bool already, bool dry_run)
{
	bool back = strcmp(action, "undo") == 0;

	if (a->json) {
		show_json(a, action, l, p, already, dry_run);
		return;
	}
	/* In a run the table of stages is what goes to standard output. */
	if (a->driving) {
		sk_say("%s: the work of %s is applied, %zu files", l->stage,
		    l->agent, p != NULL ? p->n : 0);
		return;
	}
	for (size_t i = 0; p != NULL && i < p->n; i++) {
		sk_outf("%-8s ", done_word(&p->v[i], back));
		sk_out_visible(p->v[i].path);
		sk_out_str("\n");
	}
	if (already)
		sk_outf("%s\n", back ? "it was taken back already"
				     : "it is applied already");
	else if (strcmp(l->state, "declined") == 0)
		sk_outf(
		    "%s: nothing of %s will be applied\n", l->spec, l->stage);
	else if (dry_run)
		sk_outf("nothing was changed; without --dry-run it would be\n");
	else if (!back)
		sk_outf("undo     sk-auto undo %s\n", l->spec);
}
