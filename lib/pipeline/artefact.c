/* SPDX-License-Identifier: MIT */
/* Publishing what a stage agreed on, inside the fence. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/pipeline.h"

int
sk_artefact_publish(struct sk_auto *a, const struct sk_jv *verdict,
    int64_t epoch, char **path, struct sk_err *err)
{
	const char *run = sk_jstr(sk_jptr(verdict, "/decision/run"));
	const char *branch = sk_jstr(sk_jptr(verdict, "/decision/branch"));
	const char *spec = sk_jget_str(verdict, "spec");
	const char *word = sk_jget_str(verdict, "stage");
	const struct sk_stage *st = word != NULL ? sk_stage_find(word) : NULL;
	char sha[SK_SHA256_LEN], name[80];
	struct sk_buf md;
	struct sk_pub pub;
	int64_t seq;
	int rc;

	*path = NULL;
	if (run == NULL || branch == NULL || st == NULL ||
	    !sk_streq(spec, a->spec.id) ||
	    !sk_jget_int(verdict, "decision_seq", &seq))
		return sk_fail(err, SK_USAGE, "not_this_spec",
		    "the verdict is not a stage of '%s'", a->spec.id);
	sk_buf_init(&md, 0);
	rc = sk_artefact_render(verdict, st, &md, err);
	if (rc != 0)
		goto out;
	(void)snprintf(name, sizeof(name), "%s.md", st->name);
	*path = sk_path_join(a->spec.dir, name);
	sk_sha256(md.p, md.len, sha);
	/* 0644: an artefact is a document of the project, not a secret. */
	rc = sk_pub_begin(&pub, *path, md.p, md.len, 0644, err);
	if (rc == 0)
		rc = sk_db_publish(a->db, run, epoch, &pub, err);
	if (rc == 0)
		rc = sk_db_begin(a->db, err);
	if (rc != 0)
		goto out;
	rc = sk_decision_artefact(
	    a->db, run, branch, seq, epoch, *path, sha, err);
	if (rc == 0)
		rc = sk_db_commit(a->db, err);
	else
		sk_db_rollback(a->db);
out:
	sk_buf_free(&md);
	if (rc != 0) {
		free(*path);
		*path = NULL;
	}
	return rc;
}
