/* SPDX-License-Identifier: MIT */
/*
 * The configuration at the boundary between two stages. A stage runs with one
 * configuration from its first agent to its acknowledgement, whoever edits what
 * meanwhile: our children read a snapshot of ours. What was edited is taken
 * over before the next stage begins, whole or not at all.
 */
#include <string.h>

#include "pipeline/pipeline.h"

/* Who is asked from here on; the steps that are done stay as they were. */
static int
line_up(struct sk_auto *a, struct sk_step *steps, size_t from, size_t n,
    struct sk_err *err)
{
	int rc = 0;

	for (size_t i = from; rc == 0 && i < n; i++) {
		sk_strv_free(&steps[i].specs);
		sk_strv_free(&steps[i].names);
		rc = sk_auto_lineup(
		    a, steps[i].stage, &steps[i].specs, &steps[i].names, err);
	}
	return rc;
}

int
sk_auto_boundary(struct sk_auto *a, struct sk_step *steps, size_t at, size_t n,
    struct sk_err *err)
{
	struct sk_strv sections = { 0 };
	struct sk_err bad = { 0 };
	bool on = sk_config_bool(a->conf, "hot_reload.enabled", true);
	int rc = 0;

	if (at != 0 && on) {
		if (sk_config_reload(a->conf, &sections, &bad) != 0)
			sk_report_reload(a, NULL, &bad);
		else if (sections.n != 0)
			rc = line_up(a, steps, at, n, err);
		sk_err_clear(&bad);
	}
	if (rc == 0 && (at == 0 || sections.n != 0)) {
		sk_config_hash(a->conf, a->config_hash);
		rc = sk_config_snapshot(a->conf, &a->snapshot, err);
	}
	if (rc == 0 && sections.n != 0)
		sk_report_reload(a, &sections, NULL);
	sk_strv_free(&sections);
	return rc;
}
