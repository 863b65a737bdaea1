/* SPDX-License-Identifier: MIT */
/* What a stage goes on from must be what was agreed: the evidence of the
 * earlier stages is held against the database before it is embedded. */
#include "consensus/consensus.h"
#include "pipeline/pipeline.h"

int
sk_earlier_stands(
    struct sk_auto *a, const struct sk_decision *seen, struct sk_err *err)
{
	struct sk_decision *d;
	size_t n = 0;
	int rc;

	if (!seen->acked || !sk_config_bool(a->conf, "evidence.enabled", true))
		return 0;
	rc = sk_decision_find(a->db,
	    &(struct sk_decision_filter){ .run = seen->run,
		.branch = seen->branch,
		.seq = seen->seq,
		.limit = 1 },
	    &d, &n, &a->arena, err);
	if (rc != 0 || n == 0)
		return rc;
	return sk_evidence_stands(a->conf->project_root,
	    sk_config_str(a->conf, "evidence.base_dir", "docs/evidence"), d,
	    err);
}
