/* SPDX-License-Identifier: MIT */
/* The database file: a copy of it, less of it, whether it is sound. */
#include <string.h>

#include "cli/cli.h"
#include "pipeline/keep.h"

static void
begin(struct sk_auto *a, struct sk_jw *w, struct sk_buf *b, const char *action)
{
	sk_out_json_begin(w, b, "sk.db/1");
	sk_jw_kstr(w, "action", action);
	sk_jw_kstr(w, "db", sk_db_path(a->db));
}

static int
backup(struct sk_auto *a, const char *file, struct sk_err *err)
{
	struct sk_buf b;
	struct sk_jw w;
	int rc;

	if (file == NULL)
		return sk_fail(
		    err, SK_USAGE, "missing_operand", "db backup needs a FILE");
	rc = sk_db_backup(a->db, file, err);
	if (rc != 0)
		return rc;
	if (!a->json) {
		sk_outf("%s\n", file);
		return 0;
	}
	begin(a, &w, &b, "backup");
	sk_jw_kstr(&w, "file", file);
	sk_out_json_end(&w);
	return 0;
}

struct check {
	struct sk_buf b;
	struct sk_jw w;
	bool json;
	size_t n;
};

static void
note(void *arg, const struct sk_violation *v)
{
	struct check *c = arg;

	if (c->n++ >= 1000)
		return;
	if (!c->json) {
		struct sk_buf b;

		sk_buf_init(&b, 4096);
		sk_buf_printf(&b, "%s %s: %s", v->rule, v->row, v->detail);
		sk_outf("%s\n", b.p);
		sk_buf_free(&b);
		return;
	}
	sk_jw_obj(&c->w);
	sk_jw_kstr(&c->w, "rule", v->rule);
	sk_jw_kstr(&c->w, "row", v->row);
	sk_jw_kstr(&c->w, "detail", v->detail);
	sk_jw_end(&c->w);
}

static int
check(struct sk_auto *a, struct sk_err *err)
{
	struct check c = { .json = a->json };
	struct sk_audit_counts n;
	int rc;

	begin(a, &c.w, &c.b, "check");
	sk_jw_karr(&c.w, "violations");
	rc = sk_audit(a->db, note, &c, &n, err);
	if (rc != 0) {
		sk_buf_free(&c.b);
		return rc;
	}
	sk_jw_end(&c.w);
	sk_jw_kstr(&c.w, "result", n.violations == 0 ? "sound" : "violated");
	sk_jw_kint(&c.w, "events", n.events);
	sk_jw_kint(&c.w, "answers", n.answers);
	sk_jw_kint(&c.w, "decisions", n.decisions);
	if (a->json) {
		sk_out_json_end(&c.w);
	} else {
		sk_outf("%s: %s, %lld events, %lld answers, %lld decisions\n",
		    sk_db_path(a->db), n.violations == 0 ? "sound" : "violated",
		    (long long)n.events, (long long)n.answers,
		    (long long)n.decisions);
		sk_buf_free(&c.b);
	}
	return n.violations == 0 ? 0 : SK_DAMAGED;
}

static int
prune(struct sk_auto *a, const struct sk_keep_opts *o, struct sk_err *err)
{
	int64_t cut, before = 0, after = 0;
	struct sk_prune *v = NULL;
	struct sk_buf b;
	struct sk_jw w;
	size_t n = 0;
	int rc;

	if (o->older == 0) {
		(void)sk_fail(err, SK_USAGE, "missing_option",
		    "db prune needs --older-than");
		return sk_hint(err, "sk-auto db prune --older-than 90d");
	}
	cut = sk_now_ms() - o->older;
	rc = sk_prune_list(a->db, cut, &v, &n, &a->arena, err);
	for (size_t i = 0; rc == 0 && o->yes && i < n; i++)
		rc = sk_prune_run(a->db, v[i].run, cut, err);
	if (rc == 0 && o->yes && n > 0)
		rc = sk_db_shrink(a->db, &before, &after, err);
	if (rc != 0)
		return rc;
	if (!a->json) {
		for (size_t i = 0; i < n; i++)
			sk_outf("%s %s, %lld answers, %lld decisions\n",
			    v[i].run, v[i].spec, (long long)v[i].answers,
			    (long long)v[i].decisions);
		sk_outf("%zu runs %s\n", n,
		    n == 0   ? "are that old"
		    : o->yes ? "are gone"
			     : "would go; --yes does it");
		return 0;
	}
	begin(a, &w, &b, "prune");
	sk_jw_kbool(&w, "done", o->yes && n > 0);
	sk_jw_kint(&w, "bytes_before", before);
	sk_jw_kint(&w, "bytes_after", after);
	sk_jw_karr(&w, "runs");
	for (size_t i = 0; i < n; i++) {
		sk_jw_obj(&w);
		sk_jw_kstr(&w, "run", v[i].run);
		sk_jw_kstr(&w, "spec", v[i].spec);
		sk_jw_ktime(&w, "active_at", v[i].active_ms);
		sk_jw_kint(&w, "answers", v[i].answers);
		sk_jw_kint(&w, "decisions", v[i].decisions);
		sk_jw_end(&w);
	}
	sk_jw_end(&w);
	sk_out_json_end(&w);
	return 0;
}

int
sk_db_verb(struct sk_auto *a, const char *action, const char *file,
    const struct sk_keep_opts *o, struct sk_err *err)
{
	if (strcmp(action, "backup") == 0)
		return backup(a, file, err);
	if (file != NULL)
		return sk_fail(err, SK_USAGE, "unexpected_operand",
		    "db %s takes no '%s'", action, file);
	if (strcmp(action, "check") == 0)
		return check(a, err);
	if (strcmp(action, "prune") == 0)
		return prune(a, o, err);
	(void)sk_fail(err, SK_USAGE, "unknown_action",
	    "unknown action '%s' on the database", action);
	return sk_hint(err, "backup, check or prune");
}
