/* SPDX-License-Identifier: MIT */
/* A run into a bundle, and a bundle into the database. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "pipeline/bundle.h"
#include "pipeline/keep.h"
#include "sys/sys.h"

/* ---- out ---- */

struct out {
	struct sk_buf b;
	int64_t rows;
};

static int
add_row(
    void *arg, const char *table, const struct sk_buf *row, struct sk_err *err)
{
	struct out *o = arg;

	sk_buf_printf(&o->b, "{\"table\":\"%s\",\"row\":", table);
	sk_buf_add(&o->b, row->p, row->len);
	sk_buf_str(&o->b, "}\n");
	o->rows++;
	if (o->b.full || row->full)
		return sk_fail(err, SK_DAMAGED, "too_large",
		    "the run has more than %zu bytes", o->b.max);
	return 0;
}

static void
header(struct sk_buf *b, const struct sk_run *run, bool redact)
{
	struct sk_jw w;

	sk_jw_doc(&w, b, "sk.bundle/1");
	sk_jw_kstr(&w, "run", run->id);
	sk_jw_kstr(&w, "spec", run->spec);
	sk_jw_kbool(&w, "redacted", redact);
	sk_jw_ktime(&w, "made_at", sk_now_ms());
	sk_jw_kstr(&w, "made_by", "sk-auto " SK_VERSION);
	sk_jw_done(&w);
}

static void
footer(struct sk_buf *b, int64_t rows, int64_t files)
{
	char sha[SK_SHA256_LEN];
	struct sk_jw w;

	sk_sha256(b->p, b->len, sha);
	sk_jw_init(&w, b);
	sk_jw_obj(&w);
	sk_jw_kbool(&w, "end", true);
	sk_jw_kint(&w, "rows", rows);
	sk_jw_kint(&w, "files", files);
	sk_jw_kstr(&w, "sha256", sha);
	sk_jw_done(&w);
}

/* The run that was named; of a specification the newest one. */
static int
find_run(
    struct sk_auto *a, const char *word, struct sk_run *run, struct sk_err *err)
{
	bool found = false;
	int rc;

	rc = sk_run_get(a->db, word, run, &found, &a->arena, err);
	if (rc == 0 && !found)
		rc = sk_run_latest(a->db, word, a->conf->project_root, run,
		    &found, &a->arena, err);
	if (rc != 0 || found)
		return rc;
	(void)sk_fail(err, SK_USAGE, "no_such_run",
	    "there is no run, and no run of a specification, '%s'", word);
	return sk_hint(err, "'sk-branch list --all' shows both");
}

/* Two who go on with one history would make two of it. */
static int
check_idle(struct sk_auto *a, const char *run, struct sk_err *err)
{
	struct sk_lease l;
	bool found = false;
	int rc;

	rc = sk_lease_get(a->db, run, &l, &found, err);
	if (rc != 0 || !found || !sk_proc_alive(&l.proc) ||
	    strcmp(l.program, "sk-auto") != 0)
		return rc;
	(void)sk_fail(err, SK_AGAIN, "driver_alive",
	    "run '%s' is being driven by process %lld", run,
	    (long long)l.proc.pid);
	return sk_hint(err, "wait for it, or sk-auto cancel");
}

static int
write_out(const struct sk_buf *b, const char *file, struct sk_err *err)
{
	if (file != NULL && strcmp(file, "-") != 0)
		return sk_write_file(file, b->p, b->len, 0600, err);
	if (sk_stdout_tty())
		return sk_fail(err, SK_USAGE, "terminal",
		    "a bundle is not for a terminal: -o FILE");
	sk_out(b->p, b->len);
	return 0;
}

int
sk_bundle_export(struct sk_auto *a, const char *word,
    const struct sk_bundle_opts *o, struct sk_err *err)
{
	struct out out = { .rows = 0 };
	struct sk_run run;
	int64_t files = 0;
	int rc;

	rc = find_run(a, word, &run, err);
	if (rc == 0)
		rc = check_idle(a, run.id, err);
	if (rc != 0)
		return rc;
	sk_buf_init(&out.b, SK_BUNDLE_MAX);
	header(&out.b, &run, o->redact);
	rc = sk_run_export(
	    a->db, run.id, run.root, o->redact, add_row, &out, err);
	if (rc == 0 && !o->no_files)
		rc = sk_bundle_files(
		    a, run.id, run.spec, o->redact, &out.b, &files, err);
	if (rc == 0) {
		footer(&out.b, out.rows, files);
		if (out.b.full)
			rc = sk_fail(err, SK_DAMAGED, "too_large",
			    "the run has more than %zu bytes", out.b.max);
	}
	if (rc == 0)
		rc = write_out(&out.b, o->output, err);
	if (rc == 0)
		sk_say("run %s of %s: %lld rows, %lld files%s", run.id,
		    run.spec, (long long)out.rows, (long long)files,
		    o->redact ? ", redacted" : "");
	sk_buf_free(&out.b);
	return rc;
}

/* ---- in ---- */

static const char *const moved_words[] = { [SK_MOVED_NEW] = "new",
	[SK_MOVED_KNOWN] = "known",
	[SK_MOVED_ADVANCED] = "advanced" };

static void
report(const struct sk_auto *a, const struct sk_bundle *b, const char *state,
    bool check, int64_t written)
{
	struct sk_buf out;
	struct sk_jw w;

	if (!a->json) {
		sk_outf("run %s of %s: %s, %lld rows, %lld answers, "
			"%lld decisions, %lld files",
		    b->run, b->spec, state, (long long)b->rows,
		    (long long)b->answers, (long long)b->decisions,
		    (long long)b->files);
		if (!check)
			sk_outf(" (%lld written)", (long long)written);
		sk_outf("\n");
		return;
	}
	sk_out_json_begin(&w, &out, "sk.moved/1");
	sk_jw_kstr(&w, "run", b->run);
	sk_jw_kstr(&w, "spec", b->spec);
	sk_jw_kstr(&w, "state", state);
	sk_jw_kbool(&w, "check", check);
	sk_jw_kbool(&w, "redacted", b->redacted);
	sk_jw_kint(&w, "rows", b->rows);
	sk_jw_kint(&w, "answers", b->answers);
	sk_jw_kint(&w, "decisions", b->decisions);
	sk_jw_kint(&w, "files", b->files);
	sk_jw_kint(&w, "written", written);
	sk_jw_kstr(&w, "sha256", b->sha256);
	sk_out_json_end(&w);
}

static int
take_rows(struct sk_auto *a, const struct sk_bundle *b, bool check,
    enum sk_moved *what, struct sk_err *err)
{
	struct sk_move *m;
	size_t at = 0;
	int rc, more = 1;

	rc = sk_move_begin(&m, a->db, b->run, a->conf->project_root, err);
	if (rc != 0)
		return rc;
	while (rc == 0 && more > 0) {
		struct sk_arena arena = { 0 };
		struct sk_jv *v = NULL;

		more = sk_bundle_line(b, &at, &arena, &v, err);
		if (more < 0)
			rc = -more;
		else if (more > 0 && sk_jget_str(v, "table") != NULL)
			rc = sk_move_row(
			    m, sk_jget_str(v, "table"), sk_jget(v, "row"), err);
		sk_arena_free(&arena);
	}
	return sk_move_end(m, rc, check, what, err);
}

/* What others write there meanwhile would be mixed with what we write. Without
 * the folder nobody drives there, but somebody else may import. */
static int
lock(struct sk_auto *a, const char *spec, struct sk_err *err)
{
	const char *root = a->conf->project_root;
	struct sk_err none = { 0 };
	int rc;

	sk_namelock_drop(&a->tree_lock);
	if (sk_spec_find(root, spec, &a->spec, &none) == 0) {
		rc = sk_auto_lock(a, 0, err);
	} else {
		(void)snprintf(a->spec.id, sizeof(a->spec.id), "%s", spec);
		rc = sk_dirlock_take(&a->tree_lock, root, 0, err);
	}
	sk_err_clear(&none);
	return rc;
}

/* A driver that came between us and the new folder seals when it ends. */
static int
seal(struct sk_auto *a, const char *spec, struct sk_err *err)
{
	int rc = a->spec.dir == NULL ? lock(a, spec, err) : 0;

	if (rc == 0)
		return sk_evidence_seal(a, NULL, false, err);
	if (rc != SK_AGAIN)
		return rc;
	sk_err_clear(err);
	return 0;
}

int
sk_bundle_import(struct sk_auto *a, const char *file,
    const struct sk_bundle_opts *o, struct sk_err *err)
{
	enum sk_moved what = SK_MOVED_NEW;
	int64_t written = 0;
	struct sk_bundle b;
	int rc;

	rc = sk_bundle_read(&b, file, err);
	if (rc == 0 && b.redacted && !o->check) {
		(void)sk_fail(err, SK_USAGE, "redacted",
		    "the bundle is redacted: it can be checked, but not taken "
		    "in");
		rc = sk_hint(err, "sk-auto import --check %s", file);
	}
	if (rc == 0 && b.redacted) {
		report(a, &b, "sound", true, 0);
	} else if (rc == 0) {
		if (a->db == NULL && o->check) {
			report(a, &b, "sound", true, 0);
			sk_bundle_free(&b);
			return 0;
		}
		rc = check_idle(a, b.run, err);
		if (rc == 0 && !o->check)
			rc = lock(a, b.spec, err);
		if (rc == 0 && !o->no_files)
			rc = sk_bundle_unpack(a, &b, false, &written, err);
		if (rc == 0)
			rc = take_rows(a, &b, o->check, &what, err);
		if (rc == 0 && !o->no_files && !o->check)
			rc = sk_bundle_unpack(a, &b, true, &written, err);
		if (rc == 0 && written > 0)
			rc = seal(a, b.spec, err);
		if (rc == 0)
			report(a, &b, moved_words[what], o->check, written);
	}
	sk_bundle_free(&b);
	return rc;
}
