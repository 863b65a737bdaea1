/* SPDX-License-Identifier: MIT */
/*
 * Much of what sk-metrics reads.
 *
 *   metrics_make log BYTES    a log as claude writes it, to standard output;
 *                             one line in three tells of a call
 *   metrics_make rows DB N    N booked calls
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../rnd.h"
#include "metrics/metrics.h"

/* ---- a log ---- */

static const char prose[] =
    "The function reads the whole block first and then looks for the end of "
    "each line, because a line may be cut anywhere. \\\"quoted\\\" and "
    "\\\\n escaped, as tools print it:\\n\\tif (p == NULL)\\n\\t\\treturn;\\n";

static void
put_text(size_t n)
{
	while (n > 0) {
		size_t k = sizeof(prose) - 1;

		(void)fwrite(prose, 1, k, stdout);
		n = n > k ? n - k : 0;
	}
}

static void
head(const char *type, int session, int64_t i, const char *stamp)
{
	(void)printf("{\"parentUuid\":\"%08lld-aaaa\",\"isSidechain\":false,"
		     "\"userType\":\"external\",\"cwd\":\"/home/user/p\","
		     "\"sessionId\":\"session-%06d\",\"version\":\"2.1.0\","
		     "\"type\":\"%s\",\"uuid\":\"%016llx\","
		     "\"timestamp\":\"%s\",",
	    (long long)i, session, type, (unsigned long long)i * 2654435761u,
	    stamp);
}

static int
make_log(int64_t bytes)
{
	int64_t at = 1790000000000, i = 0;
	char stamp[SK_TIME_LEN];

	for (int64_t done = 0; done < bytes; i++) {
		size_t text = 300 + rnd(3000), result = rnd(12000);
		int session = (int)(i / 200);

		at += 1000 + rnd(60000);
		sk_time_text(at, stamp);
		head("user", session, i, stamp);
		(void)printf("\"message\":{\"role\":\"user\",\"content\":[{"
			     "\"type\":\"tool_result\",\"content\":\"");
		put_text(result);
		(void)printf("\"}]}}\n");
		head("assistant", session, i, stamp);
		(void)printf("\"message\":{\"id\":\"msg_%024llx\","
			     "\"model\":\"claude-opus-5-5\",\"content\":[{"
			     "\"type\":\"text\",\"text\":\"",
		    (unsigned long long)i);
		put_text(text);
		(void)printf("\"}],\"usage\":{\"input_tokens\":%u,"
			     "\"cache_creation_input_tokens\":%u,"
			     "\"cache_read_input_tokens\":%u,"
			     "\"output_tokens\":%u}},"
			     "\"requestId\":\"req_%024llx\"}\n",
		    rnd(4000), rnd(2000), rnd(90000), rnd(3000),
		    (unsigned long long)i);
		(void)printf("{\"type\":\"queue-operation\",\"operation\":"
			     "\"enqueue\",\"timestamp\":\"%s\"}\n",
		    stamp);
		done += (int64_t)(text + result) + 900;
	}
	return fflush(stdout) == 0 ? 0 : 1;
}

/* ---- rows ---- */

static int
put_row(struct sk_db *db, int64_t i, struct sk_err *err)
{
	static const char *const stages[] = { "plan", "tasks", "implement",
		"validate", "audit", "unlock" };
	static const char *const models[] = { "claude-opus-5-5", "gpt-5-codex",
		"gemini-2.5-pro" };
	char key[64], run[32], spec[32], agent[16];
	struct sk_usage_row u = { 0 };
	enum sk_booked what;

	(void)snprintf(run, sizeof(run), "run-%lld", (long long)(i / 200));
	(void)snprintf(key, sizeof(key), "%s/%lld", run, (long long)i);
	(void)snprintf(spec, sizeof(spec), "SPEC-%lld", (long long)(i / 20000));
	(void)snprintf(agent, sizeof(agent), "a%lld", (long long)(i % 3));
	u.key = key;
	u.run = run;
	u.branch = run;
	u.root = "/home/user/p";
	u.spec = spec;
	u.stage = stages[(i / 3) % 6];
	u.agent = agent;
	u.provider = "p";
	u.model = models[i % 3];
	u.source = "sk-run";
	u.at_ms = 1760000000000 + i * 31000; /* a year */
	u.fresh = rnd(8000);
	u.cache_read = rnd(50000);
	u.output = rnd(4000);
	u.reasoning = u.output / 3;
	u.cost = i % 50 == 0 ? -1 : (int64_t)rnd(200000);
	return sk_usage_book(db, &u, &what, err);
}

static int
make_rows(const char *path, int64_t n)
{
	struct sk_err err = { 0 };
	struct sk_db *db;
	int rc;

	rc = sk_db_open(&db, path, SK_DB_CREATE, &err);
	for (int64_t i = 0; rc == 0 && i < n; i++) {
		if (i % 20000 == 0)
			rc = sk_db_begin(db, &err);
		if (rc == 0)
			rc = put_row(db, i, &err);
		if (rc == 0 && (i % 20000 == 19999 || i + 1 == n))
			rc = sk_db_commit(db, &err);
	}
	if (rc != 0)
		(void)fprintf(stderr, "metrics_make: %s\n", err.message);
	sk_db_close(db);
	return rc;
}

int
main(int argc, char **argv)
{
	int64_t n;

	if (argc == 3 && strcmp(argv[1], "log") == 0 &&
	    sk_parse_size(argv[2], &n))
		return make_log(n);
	if (argc == 4 && strcmp(argv[1], "rows") == 0 &&
	    sk_parse_int(argv[3], 1, INT64_MAX, &n))
		return make_rows(argv[2], n);
	(void)fprintf(stderr, "usage: metrics_make log BYTES | rows DB N\n");
	return 2;
}
