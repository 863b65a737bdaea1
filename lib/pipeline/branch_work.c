/* SPDX-License-Identifier: MIT */
/* sk-branch: what its verbs share, and the verbs that make a branch. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "pipeline/branch_work.h"

/* No database is no branches; only what makes one makes it. */
static int
open_db(struct sk_branch_work *w, unsigned flags, struct sk_err *err)
{
	int rc = sk_db_open(&w->db, w->ctx->db, flags, err);

	if (rc != 0 && strcmp(err->code, "no_database") == 0 && flags == 0) {
		sk_err_clear(err);
		w->db = NULL;
		return 0;
	}
	return rc;
}

int
sk_branch_with(
    struct sk_ctx *ctx, unsigned flags, sk_branch_verb fn, struct sk_err *err)
{
	struct sk_branch_work w = { .ctx = ctx, .o = ctx->opts };
	int rc;

	rc = sk_config_load(&w.conf, ctx->config, err);
	if (rc != 0)
		return rc;
	sk_buf_init(&w.out, 0);
	rc = sk_project_git(&w.conf, &w.git, &w.a, err);
	if (rc == 0)
		rc = open_db(&w, flags, err);
	if (rc == 0)
		rc = fn(&w, err);
	/* (A difference is a result, too.) */
	if (rc == 0 || err->message[0] == '\0')
		sk_out(w.out.p, w.out.len);
	sk_db_close(w.db);
	sk_buf_free(&w.out);
	sk_arena_free(&w.a);
	sk_config_free(&w.conf);
	return rc;
}

/* ---- which branch ---- */

static int
no_such(const char *word, struct sk_err *err)
{
	(void)sk_fail(
	    err, SK_USAGE, "no_such_branch", "there is no branch '%s'", word);
	return sk_hint(err, "'sk-branch list --all' shows the branches");
}

struct hits {
	const char *word;
	struct sk_strv ids;
};

/* SPEC-20251129101500-<32 hex>: by its beginning, from the time on, or by the
 * part that is unique. */
static void
look_at(void *arg, const char *id, const char *spec)
{
	struct hits *h = arg;
	size_t n = strlen(h->word), len = strlen(spec);
	const char *hex = strrchr(id, '-');

	if (strncasecmp(id, h->word, n) == 0 ||
	    (n >= 4 && hex != NULL && strncasecmp(hex + 1, h->word, n) == 0) ||
	    (n >= 4 && len > 0 && strncmp(id, spec, len) == 0 &&
		id[len] == '-' && strncasecmp(id + len + 1, h->word, n) == 0))
		sk_strv_add(&h->ids, id);
}

static int
ambiguous(const struct hits *h, struct sk_err *err)
{
	struct sk_buf names, details;
	struct sk_jw w;

	sk_buf_init(&names, 0);
	sk_buf_init(&details, 0);
	sk_jw_init(&w, &details);
	sk_jw_obj(&w);
	sk_jw_karr(&w, "candidates");
	for (size_t i = 0; i < h->ids.n; i++) {
		sk_jw_str(&w, h->ids.v[i]);
		if (i < 5)
			sk_buf_printf(
			    &names, "%s%s", i > 0 ? ", " : "", h->ids.v[i]);
	}
	sk_jw_end(&w);
	sk_jw_end(&w);
	(void)sk_fail(err, SK_USAGE, "ambiguous_branch",
	    "'%s' is the beginning of %zu branches: %s%s", h->word, h->ids.n,
	    names.p, h->ids.n > 5 ? ", ..." : "");
	err->details = sk_buf_detach(&details);
	sk_buf_free(&names);
	return sk_hint(err, "say more of it");
}

int
sk_branch_resolve(struct sk_branch_work *w, const char *word,
    struct sk_branch *out, struct sk_err *err)
{
	struct hits h = { .word = word };
	int rc;

	rc = sk_check_name("a branch", word, sk_branch_id_ok, err);
	if (rc != 0)
		return rc;
	if (w->db == NULL)
		return no_such(word, err);
	rc = sk_branch_get(w->db, word, out, &w->a, err);
	if (rc == 0 || strcmp(err->code, "no_such_branch") != 0)
		return rc;
	sk_err_clear(err);
	rc = sk_branch_names(w->db, look_at, &h, err);
	if (rc == 0)
		rc = h.ids.n == 0 ? no_such(word, err)
		     : h.ids.n > 1
		         ? ambiguous(&h, err)
		         : sk_branch_get(w->db, h.ids.v[0], out, &w->a, err);
	sk_strv_free(&h.ids);
	return rc;
}

int
sk_branch_filter_of(
    struct sk_branch_work *w, struct sk_branch_filter *f, struct sk_err *err)
{
	const struct sk_branch_opts *o = w->o;
	char real[PATH_MAX];
	int rc =
	    sk_check_name("a specification", o->ask.spec, sk_ident_ok, err);

	if (rc == 0)
		rc = sk_check_name("a run", o->ask.run, sk_ident_ok, err);
	if (rc != 0)
		return rc;
	sk_branch_here(f, &w->git, o->ask.spec);
	f->run = o->ask.run;
	f->state = o->state;
	f->limit = (size_t)o->limit;
	/* Who names a run or a root means it wherever he stands. */
	if (o->all || o->ask.run != NULL)
		f->root = f->git_branch = NULL;
	if (o->root != NULL) {
		f->root = realpath(o->root, real) != NULL
		              ? sk_arena_strdup(&w->a, real)
		              : o->root;
		f->git_branch = NULL;
	}
	if (o->git_branch != NULL)
		f->git_branch =
		    strcmp(o->git_branch, "-") == 0 ? "" : o->git_branch;
	return 0;
}

int
sk_branch_decisions(struct sk_branch_work *w, const struct sk_branch *b,
    const char *stage, struct sk_decision **out, size_t *n, struct sk_err *err)
{
	struct sk_decision *d, *all = NULL;
	struct sk_seen *up;
	size_t ups, have, cap = 0;
	int rc;

	*n = 0;
	rc = sk_lineage(w->db, b->id, &up, &ups, &w->a, err);
	/* From the oldest ancestor down, each in order. */
	for (size_t i = ups; rc == 0 && i-- > 0;) {
		rc = sk_decision_list(w->db, b->run, up[i].branch, NULL, stage,
		    0, &d, &have, &w->a, err);
		for (size_t k = have; rc == 0 && k-- > 0;) {
			if (d[k].seq > up[i].decision)
				continue;
			SK_GROW(&w->a, all, *n, cap);
			all[(*n)++] = d[k];
		}
	}
	*out = all;
	return rc;
}

/* ---- new, fork, current ---- */

static void
made(struct sk_branch_work *w, const struct sk_branch *b)
{
	struct sk_jw jw;

	if (w->ctx->format != SK_FMT_JSON) {
		sk_buf_printf(&w->out, "%s\n", b->id);
		return;
	}
	sk_jw_init(&jw, &w->out);
	sk_branch_write(&jw, b);
	sk_jw_done(&jw);
}

int
sk_bverb_new(struct sk_branch_work *w, struct sk_err *err)
{
	struct sk_branch b;
	int rc = sk_branch_make(w->db, &w->o->ask, &w->git, &b, &w->a, err);

	if (rc == 0)
		made(w, &b);
	return rc;
}

/* Where the new branch begins: after the newest decision on a stage, wherever
 * it was made, or after a decision by number, or after all of them. */
static int
fork_point(struct sk_branch_work *w, const struct sk_branch *up,
    const char **parent, int64_t *at, struct sk_err *err)
{
	const struct sk_branch_opts *o = w->o;
	struct sk_decision d;
	bool found = false;
	int rc;

	*parent = up->id;
	*at = o->at;
	if (o->after == NULL)
		return 0;
	if (o->at != SK_FORK_NEWEST)
		return sk_fail(
		    err, SK_USAGE, "options_exclude", "--after excludes --at");
	rc = sk_decision_seen(
	    w->db, up->id, up->spec, o->after, &d, &found, &w->a, err);
	if (rc != 0)
		return rc;
	if (!found || !d.acked) {
		(void)sk_fail(err, SK_USAGE, "no_such_decision",
		    "branch '%s' has no acknowledged decision on stage '%s'",
		    up->id, o->after);
		return sk_hint(err, "'sk-branch tree' shows the decisions");
	}
	*parent = sk_arena_strdup(&w->a, d.branch);
	*at = d.seq;
	return 0;
}

int
sk_bverb_fork(struct sk_branch_work *w, struct sk_err *err)
{
	struct sk_branch up, b;
	const char *parent;
	int64_t at;
	int rc;

	rc = sk_branch_resolve(w, w->ctx->argv[0], &up, err);
	if (rc == 0)
		rc = fork_point(w, &up, &parent, &at, err);
	if (rc == 0)
		rc = sk_branch_create(
		    w->db, up.run, parent, at, &w->git, &b, &w->a, err);
	if (rc != 0)
		return rc;
	made(w, &b);
	if (sk_stderr_tty() && b.spec[0] != '\0')
		sk_say("go on: sk-auto resume %s --branch %s", b.spec, b.id);
	return 0;
}

int
sk_bverb_current(struct sk_branch_work *w, struct sk_err *err)
{
	struct sk_branch_filter f;
	struct sk_branch *list = NULL;
	size_t n = 0, left_out;
	int rc = sk_branch_filter_of(w, &f, err);

	f.limit = 1;
	if (rc == 0 && w->db != NULL)
		rc =
		    sk_branch_list(w->db, &f, &list, &n, &left_out, &w->a, err);
	if (rc == 0 && n == 0)
		return SK_NEGATIVE;
	if (rc == 0)
		sk_buf_printf(&w->out, "%s\n", list[0].id);
	return rc;
}
