/* SPDX-License-Identifier: MIT */
/* sk-metrics record: answers of others are booked like those of sk-run. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "metrics/verbs.h"

struct record {
	struct sk_mbase *b;
	char run[SK_RUN_LEN]; /* of records that name none; "" = not made yet */
	int64_t booked, known, bad;
};

static bool
named_right(const struct sk_key *k)
{
	return (k->run == NULL || sk_ident_ok(k->run)) &&
	       (k->branch == NULL || sk_branch_id_ok(k->branch)) &&
	       (k->spec == NULL || sk_ident_ok(k->spec)) &&
	       (k->stage == NULL || sk_ident_ok(k->stage)) &&
	       k->agent != NULL && sk_ident_ok(k->agent);
}

/* It ran unless it failed and took no time. */
static bool
has_run(const struct sk_jv *v)
{
	int64_t x;

	return !sk_streq(sk_jget_str(v, "status"), "failed") ||
	       sk_jget_int(v, "exit", &x) || sk_jget_int(v, "signal", &x) ||
	       (sk_jget_int(sk_jget(v, "timings"), "duration_ms", &x) && x > 0);
}

static int
read_row(const struct record *r, const struct sk_jv *v,
    struct sk_attempt_row *row, struct sk_err *err)
{
	const char *ended = sk_jget_str(sk_jget(v, "timings"), "ended_at");

	*row = (struct sk_attempt_row){ .attempt = 1, .key.round = 1 };
	row->key.run = sk_jget_str(v, "run");
	row->key.branch = sk_jget_str(v, "branch");
	row->key.spec = sk_jget_str(v, "spec");
	row->key.stage = sk_jget_str(v, "stage");
	row->key.agent = sk_jget_str(v, "agent");
	if (!named_right(&row->key))
		return sk_fail(err, SK_DAMAGED, "bad_record",
		    "a name in the record is missing or none");
	if (!sk_jget_int(v, "round", &row->key.round) || row->key.round < 1)
		row->key.round = 1;
	if (!sk_jget_int(v, "attempt", &row->attempt) || row->attempt < 1)
		row->attempt = 1;
	row->adapter = sk_jget_str(v, "adapter");
	row->model = sk_jget_str(v, "model");
	row->session = sk_jget_str(v, "session");
	row->kind = sk_jget_str(sk_jget(v, "failure"), "kind");
	row->root = r->b->conf.project_root;
	row->status = sk_streq(sk_jget_str(v, "status"), "failed") ? "failed"
	                                                           : "accepted";
	row->ran = has_run(v);
	if (ended == NULL || !sk_time_parse(ended, &row->ended_ms))
		row->ended_ms = sk_now_ms();
	row->started_ms = row->ended_ms;
	return 0;
}

/* A run that nobody has heard of is made, so that it can be looked at; records
 * without one share one. */
static int
ensure_run(struct record *r, struct sk_attempt_row *row, char run[SK_RUN_LEN],
    char branch[SK_BRANCH_LEN], struct sk_err *err)
{
	struct sk_git git = { .root = r->b->conf.project_root };
	struct sk_run known;
	bool found = false;
	int rc = 0;

	(void)snprintf(run, SK_RUN_LEN, "%s",
	    row->key.run != NULL ? row->key.run : r->run);
	(void)snprintf(branch, SK_BRANCH_LEN, "%s",
	    row->key.branch != NULL ? row->key.branch : "");
	if (run[0] != '\0')
		rc = sk_run_get(
		    r->b->db, run, &known, &found, &r->b->arena, err);
	if (rc == 0 && !found)
		rc = sk_run_ensure(r->b->db, run, branch,
		    row->key.spec != NULL ? row->key.spec : "", &git, err);
	if (rc == 0 && row->key.run == NULL)
		(void)snprintf(r->run, sizeof(r->run), "%s", run);
	if (rc == 0 && found && branch[0] == '\0')
		(void)snprintf(branch, SK_BRANCH_LEN, "%s", known.branch);
	row->key.run = run;
	row->key.branch = branch;
	return rc;
}

static int
book_one(struct record *r, const struct sk_jv *v, struct sk_err *err)
{
	char run[SK_RUN_LEN], branch[SK_BRANCH_LEN];
	struct sk_attempt_row row;
	enum sk_booked what;
	struct sk_buf meta;
	int rc;

	rc = read_row(r, v, &row, err);
	if (rc == 0)
		rc = sk_db_begin(r->b->db, err);
	if (rc != 0)
		return rc;
	/* The record has what the meta of an attempt has. */
	sk_buf_init(&meta, 0);
	sk_json_write(&meta, v);
	row.meta_json = meta.p;
	rc = ensure_run(r, &row, run, branch, err);
	if (rc == 0)
		rc = sk_meter_book(&r->b->meter, &row, &what, err);
	sk_buf_free(&meta);
	if (rc == 0)
		rc = sk_db_commit(r->b->db, err);
	else
		sk_db_rollback(r->b->db);
	if (rc == 0)
		*(what == SK_BOOK_KNOWN ? &r->known : &r->booked) += 1;
	return rc;
}

/* What cannot be read is said, counted and passed over. */
static int
one_line(struct record *r, const struct sk_lines *l, const char *line, size_t n,
    struct sk_err *err)
{
	struct sk_arena a = { 0 };
	struct sk_jv *v = NULL;
	int rc;

	rc = sk_json_parse(&a, line, n, NULL, &v, err);
	if (rc == 0 && sk_error_from_json(v, err)) {
		sk_arena_free(&a);
		return err->exit;
	}
	if (rc == 0 && sk_streq(sk_jget_str(v, "schema"), "sk.answer/1"))
		rc = book_one(r, v, err);
	sk_arena_free(&a);
	if (rc != SK_DAMAGED && rc != SK_USAGE)
		return rc;
	sk_warn("line %llu is skipped: %s", (unsigned long long)l->lineno,
	    err->message);
	r->bad++;
	sk_err_clear(err);
	memset(err, 0, sizeof(*err));
	return 0;
}

static int
record_all(struct record *r, struct sk_err *err)
{
	struct sk_lines l;
	char *line;
	size_t n;
	int rc = 0, more;

	sk_lines_init(&l, STDIN_FILENO, (size_t)64 << 20);
	while (rc == 0 && (more = sk_lines_next(&l, &line, &n, err)) != 0)
		rc = more < 0 ? -more : one_line(r, &l, line, n, err);
	sk_lines_free(&l);
	if (rc != 0)
		return rc;
	sk_say("%lld booked, %lld known", (long long)r->booked,
	    (long long)r->known);
	if (r->bad == 0)
		return 0;
	return sk_fail(err, SK_DAMAGED, "bad_record",
	    "%lld lines are not booked", (long long)r->bad);
}

int
sk_mverb_record(struct sk_ctx *ctx, struct sk_err *err)
{
	struct sk_mbase b = { 0 };
	struct record r = { .b = &b };
	int rc;

	rc = sk_mbase_open(ctx, &b, SK_DB_CREATE, err);
	if (rc == 0)
		rc = record_all(&r, err);
	sk_mbase_close(&b);
	return rc;
}
