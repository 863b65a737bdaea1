/* SPDX-License-Identifier: MIT */
/* What is known of a specification's newest run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "pipeline/pipeline.h"

static bool
has_file(const struct sk_auto *a, const char *name)
{
	char *path = sk_path_join(a->spec.dir, name);
	bool yes = access(path, F_OK) == 0;

	free(path);
	return yes;
}

static const struct sk_stage_row *
row_of(const struct sk_stage_row *rows, size_t n, const char *stage)
{
	const struct sk_stage_row *found = NULL;

	/* A stage may have run more than once; the last counts. */
	for (size_t i = 0; i < n; i++)
		if (strcmp(rows[i].stage, stage) == 0)
			found = &rows[i];
	return found;
}

static void
status_json(const struct sk_auto *a, const struct sk_run *run, bool found,
    const struct sk_stage_row *rows, size_t n)
{
	const struct sk_stage_row *r;
	struct sk_buf b;
	struct sk_jw w;

	sk_buf_init(&b, 0);
	sk_jw_init(&w, &b);
	sk_jw_obj(&w);
	sk_jw_kstr(&w, "schema", "sk.status/1");
	sk_jw_kstr(&w, "spec", a->spec.id);
	sk_jw_kstr(&w, "dir", a->spec.dir);
	sk_jw_kstr(&w, "run", found ? run->id : NULL);
	sk_jw_kstr(&w, "branch", found ? a->branch : NULL);
	sk_jw_kstr(&w, "state", found ? run->state : NULL);
	sk_jw_ktime(&w, "active_at", found ? run->active_ms : 0);
	sk_jw_key(&w, "stages");
	sk_jw_arr(&w);
	for (const struct sk_stage *st = sk_stages; st->name != NULL; st++) {
		char file[80];

		(void)snprintf(file, sizeof(file), "%s.md", st->name);
		r = row_of(rows, n, st->name);
		sk_jw_obj(&w);
		sk_jw_kstr(&w, "stage", st->name);
		sk_jw_kstr(&w, "state", r != NULL ? r->state : "pending");
		sk_jw_kstr(&w, "status",
		    r != NULL && r->status[0] != '\0' ? r->status : NULL);
		sk_jw_kstr(&w, "agents", r != NULL ? r->agents : NULL);
		sk_jw_kbool(&w, "artefact", has_file(a, file));
		sk_jw_ktime(&w, "started_at", r != NULL ? r->started_ms : 0);
		sk_jw_ktime(&w, "ended_at", r != NULL ? r->ended_ms : 0);
		sk_jw_kstr(&w, "reason", r != NULL ? r->reason : NULL);
		sk_jw_kstr(&w, "config", r != NULL ? r->config : NULL);
		sk_jw_end(&w);
	}
	sk_jw_end(&w);
	sk_jw_end(&w);
	sk_jw_done(&w);
	sk_out_json(&b);
	sk_buf_free(&b);
}

static void
status_text(const struct sk_auto *a, const struct sk_run *run, bool found,
    const struct sk_stage_row *rows, size_t n)
{
	const struct sk_stage_row *r;
	struct sk_table t;
	char took[32];

	sk_outf("%s  %s\n", a->spec.id, a->spec.dir);
	if (found)
		sk_outf("run %s  %s\n", run->id, run->state);
	else
		sk_out_str("no run yet\n");
	sk_table_init(&t, 4, 8);
	sk_table_cell(&t, "STAGE");
	sk_table_cell(&t, "STATE");
	sk_table_cell(&t, "STATUS");
	sk_table_cell(&t, "DURATION");
	for (const struct sk_stage *st = sk_stages; st->name != NULL; st++) {
		r = row_of(rows, n, st->name);
		(void)snprintf(took, sizeof(took), "-");
		if (r != NULL && r->ended_ms > 0)
			sk_duration_text(
			    r->ended_ms - r->started_ms, took, sizeof(took));
		sk_table_cell(&t, st->name);
		sk_table_cell(&t, r != NULL ? r->state : "pending");
		sk_table_cell(
		    &t, r != NULL && r->status[0] != '\0' ? r->status : "-");
		sk_table_cell(&t, took);
	}
	sk_table_print(&t);
	for (const struct sk_stage *st = sk_stages; st->name != NULL; st++) {
		struct sk_buf b;

		r = row_of(rows, n, st->name);
		if (r == NULL || strcmp(r->state, "halted") != 0)
			continue;
		sk_buf_init(&b, 0);
		if (r->reason != NULL)
			sk_buf_visible(&b, r->reason, strlen(r->reason), false);
		sk_outf("\nhalted  %s: %s\nresume  sk-auto run %s --run %s "
			"--from %s\n",
		    st->name, b.p, a->spec.id, run->id, st->name);
		sk_buf_free(&b);
	}
}

int
sk_auto_status(struct sk_auto *a, struct sk_err *err)
{
	struct sk_stage_row *rows = NULL;
	struct sk_run run;
	bool found = false;
	size_t n = 0;
	int rc;

	rc = sk_auto_look(a, &run, &found, err);
	if (rc == 0 && found)
		rc = sk_stage_list(
		    a->db, run.id, a->branch, &rows, &n, &a->arena, err);
	if (rc != 0)
		return rc;
	if (a->json)
		status_json(a, &run, found, rows, n);
	else
		status_text(a, &run, found, rows, n);
	return 0;
}

int
sk_auto_env(struct sk_auto *a, struct sk_err *err)
{
	struct sk_run run;
	struct sk_buf b;
	bool found = false;
	int rc;

	if (a->opts->fresh) {
		rc = sk_auto_choose_run(a, NULL, 0, err);
	} else {
		rc = sk_auto_look(a, &run, &found, err);
		if (rc == 0 && !found) {
			(void)sk_fail(err, SK_NEGATIVE, "no_run",
			    "'%s' has no run yet", a->spec.id);
			return sk_hint(
			    err, "make one: sk-auto env %s --new", a->spec.id);
		}
	}
	if (rc != 0)
		return rc;
	sk_buf_init(&b, 0);
	sk_buf_str(&b, "SK_RUN=");
	sk_shell_quote(&b, a->run);
	sk_buf_str(&b, "\nSK_BRANCH=");
	sk_shell_quote(&b, a->branch);
	sk_buf_str(&b, "\nexport SK_RUN SK_BRANCH\n");
	sk_out(b.p, b.len);
	sk_buf_free(&b);
	return 0;
}

/* Our driver handed its epoch on, or we take the lock ourselves. */
static int
epoch_of(struct sk_auto *a, const char *run, int64_t *epoch, struct sk_err *err)
{
	const char *given = getenv("SK_EPOCH"), *of = getenv("SK_RUN");
	int rc;

	if (given != NULL && sk_streq(of, run)) {
		if (!sk_parse_int(given, 0, INT64_MAX, epoch))
			return sk_fail(err, SK_USAGE, "bad_epoch",
			    "SK_EPOCH is not a number: '%s'", given);
		return 0;
	}
	rc = sk_driver_start(a->db, run, 10000, &a->driver, err);
	if (rc == 0) {
		a->driving = true;
		*epoch = a->driver.epoch;
	}
	return rc;
}

int
sk_auto_artefact(struct sk_auto *a, int fd, struct sk_err *err)
{
	const char *run, *status;
	struct sk_jv *v = NULL;
	int64_t seq, epoch = 0;
	struct sk_buf in;
	char *path = NULL;
	int rc;

	sk_buf_init(&in, 0);
	rc = sk_read_fd(fd, SK_BUF_MAX - 1, &in, "standard input", err);
	if (rc == 0)
		rc = sk_json_parse(&a->arena, in.p, in.len, NULL, &v, err);
	sk_buf_free(&in);
	if (rc != 0)
		return rc;
	if (sk_error_from_json(v, err))
		return err->exit;
	run = sk_jstr(sk_jptr(v, "/decision/run"));
	status = sk_jget_str(v, "status");
	if (!sk_streq(sk_jget_str(v, "schema"), "sk.verdict/1") ||
	    run == NULL || status == NULL ||
	    !sk_jget_int(v, "decision_seq", &seq))
		return sk_fail(err, SK_USAGE, "not_a_verdict",
		    "standard input holds no sk.verdict/1");
	if (strcmp(status, "ok") == 0) {
		rc = epoch_of(a, run, &epoch, err);
		if (rc == 0)
			rc = sk_artefact_publish(a, v, epoch, &path, err);
		free(path);
	}
	if (rc == 0)
		sk_outf("%lld\n", (long long)seq);
	return rc;
}
