/* SPDX-License-Identifier: MIT */
/* Publishing what a stage agreed on, inside the fence. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "consensus/consensus.h"
#include "pipeline/pipeline.h"

/* The stored decision that a verdict document names. What is written is made
 * from that one: the document may be old, or edited on its way. */
static int
stored_decision(struct sk_auto *a, const struct sk_jv *doc,
    const struct sk_stage *st, struct sk_decision *out, struct sk_jv **verdict,
    struct sk_err *err)
{
	const char *run = sk_jstr(sk_jptr(doc, "/decision/run"));
	const char *branch = sk_jstr(sk_jptr(doc, "/decision/branch"));
	struct sk_decision *v = NULL;
	size_t n = 0, i = 0;
	int64_t seq = 0;
	int rc;

	(void)sk_jget_int(doc, "decision_seq", &seq);
	rc = sk_decision_list(a->db, run, branch, a->spec.id, st->name, 0, &v,
	    &n, &a->arena, err);
	while (rc == 0 && i < n && v[i].seq != seq)
		i++;
	if (rc == 0 && i == n)
		rc = sk_fail(err, SK_ORDER, "no_such_decision",
		    "run '%s' has no decision %lld on stage '%s'", run,
		    (long long)seq, st->name);
	if (rc != 0)
		return rc;
	*out = v[i];
	return sk_json_parse(&a->arena, out->verdict, strlen(out->verdict),
	    &sk_verdict_limits, verdict, err);
}

/* ---- what it was made from ---- */

static const char mark[] = "<!-- made from";

static void
add_origin(struct sk_buf *md, const char *name, const char *sha)
{
	sk_buf_printf(md, " %s %s", name, sha);
}

/* The last line names the papers that the agents saw, so that whoever has the
 * files alone can tell when one of them has changed since. */
static void
made_from(const struct sk_auto *a, const struct sk_stage *st, struct sk_buf *md)
{
	static const char *const papers[] = { "spec.md", "plan.md", "tasks.md",
		NULL };
	char sha[SK_SHA256_LEN], name[80];
	struct sk_err ignored = { 0 };
	struct sk_buf text;

	(void)snprintf(name, sizeof(name), "%s.md", st->name);
	sk_buf_printf(md, "\n%s", mark);
	for (size_t i = 0; papers[i] != NULL && strcmp(papers[i], name) != 0;
	     i++) {
		char *path = sk_path_join(a->spec.dir, papers[i]);

		sk_buf_init(&text, 0);
		if (i == 0 && a->spec_shown[0] != '\0') {
			add_origin(md, papers[i], a->spec_shown);
		} else if (sk_read_file(path, SK_BUF_MAX, &text, &ignored) ==
			   0) {
			sk_sha256(text.p, text.len, sha);
			add_origin(md, papers[i], sha);
		}
		sk_err_clear(&ignored);
		sk_buf_free(&text);
		free(path);
	}
	sk_buf_str(md, " -->\n");
}

bool
sk_made_from(
    const char *text, size_t n, const char *paper, char sha[SK_SHA256_LEN])
{
	const char *p = NULL, *end = text + n, *q = text;
	char *key = sk_asprintf(" %s ", paper);
	size_t len = strlen(key);
	bool hit = false;

	/* (The last one: what an agent wrote stands before ours.) */
	while (q < end && (q = memmem(q, (size_t)(end - q), mark,
			       sizeof(mark) - 1)) != NULL)
		p = q++;
	if (p != NULL) {
		q = memchr(p, '\n', (size_t)(end - p));
		end = q != NULL ? q : end;
		p = memmem(p, (size_t)(end - p), key, len);
		hit = p != NULL && (size_t)(end - p) - len >= SK_SHA256_LEN;
	}
	if (hit)
		(void)snprintf(sha, SK_SHA256_LEN, "%.64s", p + len);
	free(key);
	return hit && strspn(sha, "0123456789abcdef") == SK_SHA256_LEN - 1;
}

int
sk_artefact_publish(struct sk_auto *a, const struct sk_jv *doc, int64_t epoch,
    char **path, struct sk_err *err)
{
	const char *word = sk_jget_str(doc, "stage");
	const struct sk_stage *st = word != NULL ? sk_stage_find(word) : NULL;
	char sha[SK_SHA256_LEN], name[80];
	struct sk_decision d;
	struct sk_jv *verdict;
	struct sk_buf md;
	struct sk_pub pub;
	int rc, dir;

	*path = NULL;
	if (st == NULL || !sk_streq(sk_jget_str(doc, "spec"), a->spec.id) ||
	    sk_jstr(sk_jptr(doc, "/decision/run")) == NULL ||
	    sk_jstr(sk_jptr(doc, "/decision/branch")) == NULL)
		return sk_fail(err, SK_USAGE, "not_this_spec",
		    "the verdict is not a stage of '%s'", a->spec.id);
	rc = stored_decision(a, doc, st, &d, &verdict, err);
	if (rc != 0)
		return rc;
	sk_buf_init(&md, 0);
	rc = sk_artefact_render(verdict, st, a->spec.feature, &md, err);
	if (rc != 0)
		goto out;
	made_from(a, st, &md);
	(void)snprintf(name, sizeof(name), "%s.md", st->name);
	*path = sk_path_join(a->spec.dir, name);
	sk_sha256(md.p, md.len, sha);
	/* Acknowledged is done: a late repeat must not write over what later
	 * decisions, or people, made of the file. */
	if (d.acked) {
		if (d.artefact == NULL)
			rc = sk_fail(err, SK_ORDER, "acknowledged",
			    "decision %lld is acknowledged already",
			    (long long)d.seq);
		goto out;
	}
	dir = open(a->spec.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir >= 0) {
		sk_pub_sweep(dir);
		(void)close(dir);
	}
	rc = sk_pub_begin(&pub, *path, md.p, md.len, SK_DOC_FILE, err);
	if (rc == 0)
		rc = sk_db_publish(a->db, d.run, epoch, &pub, err);
	if (rc == 0)
		rc = sk_decision_artefact(
		    a->db, d.run, d.branch, d.seq, epoch, *path, sha, err);
out:
	sk_buf_free(&md);
	if (rc != 0) {
		free(*path);
		*path = NULL;
	}
	return rc;
}

/* ---- the verb ---- */

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
