/* SPDX-License-Identifier: MIT */
/*
 * A database that was used for years.
 *
 *   runs_make DB RUNS SPECS ROOT    RUNS finished runs of the specifications
 *                                   S-1 … S-SPECS below ROOT, six stages and
 *                                   eighteen answers each
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/store.h"

static const char *const stages[] = { "plan", "tasks", "implement", "validate",
	"audit", "unlock" };

static int
answer(struct sk_db *db, const char *run, const char *branch, const char *spec,
    const char *stage, const char *agent, struct sk_err *err)
{
	struct sk_key key = { run, branch, spec, stage, agent, 1 };
	struct sk_answer_row row = { .key = key,
		.attempt = 1,
		.ok = true,
		.content = "{\"x\":1}",
		.content_n = 7,
		.exit_code = 0,
		.signal = -1 };
	char sha[SK_SHA256_LEN];
	struct sk_intake_res res;
	int64_t attempt, seq;
	int rc;

	sk_sha256(row.content, row.content_n, sha);
	row.sha256 = sha;
	row.started_ms = row.ended_ms = sk_now_ms();
	rc = sk_request_reserve(db, &key, "exec", "", &attempt, &seq, err);
	return rc != 0 ? rc : sk_answer_intake(db, &row, &res, err);
}

static int
one_run(struct sk_db *db, int64_t i, int64_t specs, const char *root,
    struct sk_err *err)
{
	static const char *const agents[] = { "a", "b", "c" };
	char run[SK_RUN_LEN] = "", branch[SK_BRANCH_LEN] = "", spec[32];
	struct sk_git git = { .branch = "main", .root = root };
	int rc;

	(void)snprintf(
	    spec, sizeof(spec), "S-%lld", (long long)(i % specs) + 1);
	rc = sk_run_ensure(db, run, branch, spec, &git, err);
	for (size_t k = 0; rc == 0 && k < SK_ARRAY_SIZE(stages); k++) {
		struct sk_stage_row row = { .state = "done", .status = "ok" };

		(void)snprintf(row.stage, sizeof(row.stage), "%s", stages[k]);
		rc =
		    sk_stage_start(db, run, branch, stages[k], "a,b,c", 0, err);
		for (size_t j = 0; rc == 0 && j < 3; j++)
			rc = answer(
			    db, run, branch, spec, stages[k], agents[j], err);
		if (rc == 0)
			rc = sk_stage_end(db, run, branch, &row, 0, err);
	}
	return rc != 0 ? rc : sk_run_state(db, run, "done", 0, err);
}

int
main(int argc, char **argv)
{
	struct sk_err err = { 0 };
	struct sk_db *db = NULL;
	int64_t runs, specs;
	int rc;

	if (argc != 5 || !sk_parse_int(argv[2], 1, 1000000, &runs) ||
	    !sk_parse_int(argv[3], 1, 100000, &specs)) {
		(void)fprintf(stderr, "usage: runs_make DB RUNS SPECS ROOT\n");
		return 2;
	}
	rc = sk_db_open(&db, argv[1], SK_DB_CREATE, &err);
	for (int64_t i = 0; rc == 0 && i < runs; i++) {
		if (i % 500 == 0)
			rc = sk_db_begin(db, &err);
		if (rc == 0)
			rc = one_run(db, i, specs, argv[4], &err);
		if (rc == 0 && (i % 500 == 499 || i + 1 == runs))
			rc = sk_db_commit(db, &err);
	}
	if (rc != 0)
		(void)fprintf(stderr, "runs_make: %s\n", err.message);
	sk_err_clear(&err);
	sk_db_close(db);
	return rc;
}
