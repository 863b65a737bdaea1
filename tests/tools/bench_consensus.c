/* SPDX-License-Identifier: MIT */
/*
 * The figures of sk-consensus, for `make bench`; times in milliseconds, one a
 * line.
 *
 *	bench_consensus verdict AGENTS PATHS N	in memory
 *	bench_consensus rounds DB DIR N	decide, publish, ack; durable
 *	bench_consensus records N	answers of 1.5 KB, as JSON Lines
 *	bench_consensus fill DB MB	store that much of answers
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../case.h"
#include "consensus/consensus.h"

static double
now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* One agent's answer: numbers and words, of which one in ten is its own. */
static void
answer(struct sk_buf *b, int agent, int paths)
{
	sk_buf_ch(b, '{');
	for (int i = 0; i < paths; i++) {
		bool own = (agent * 31 + i) % 10 == 0;

		sk_buf_printf(b, "%s\"path%d\":", i > 0 ? "," : "", i);
		if (i % 2 == 0)
			sk_buf_printf(b, "%d", own ? agent : i);
		else
			sk_buf_printf(b, "\"w%d\"", own ? agent : i);
	}
	sk_buf_ch(b, '}');
}

static int
verdicts(int agents, int paths, int n, struct sk_err *err)
{
	struct sk_input *in = sk_calloc((size_t)agents, sizeof(*in));
	struct sk_policy p = { .line_window = 3 };
	struct sk_strv expect = { 0 };
	struct sk_arena a = { 0 };
	struct sk_case c = CASE_OF(&p, &expect, in, (size_t)agents);
	struct sk_verdict v;
	struct sk_buf b;
	double t;
	int rc = 0;

	for (int i = 0; i < agents; i++) {
		char *name = sk_arena_printf(&a, "agent%d", i);

		sk_buf_init(&b, 0);
		answer(&b, i, paths);
		sk_strv_add(&expect, name);
		in[i] = (struct sk_input){ .agent = name,
			.text = sk_arena_strndup(&a, b.p, b.len),
			.text_n = b.len,
			.sha256 = "x" };
		sk_buf_free(&b);
	}
	for (int i = 0; rc == 0 && i < n; i++) {
		t = now();
		rc = sk_verdict_make(&c, &v, err);
		sk_outf("%.6f\n", now() - t);
		sk_verdict_free(&v);
	}
	sk_strv_free(&expect);
	sk_arena_free(&a);
	free(in);
	return rc;
}

/* A record with a content of 1,500 bytes, in one of 1,000 rounds. */
static void
record(struct sk_buf *b, int i)
{
	char pad[1501];

	memset(pad, 'a' + i % 26, sizeof(pad) - 1);
	pad[sizeof(pad) - 1] = '\0';
	sk_buf_printf(b,
	    "{\"schema\":\"sk.answer/1\",\"run\":\"r\",\"spec\":\"S\","
	    "\"stage\":\"plan\",\"round\":%d,\"agent\":\"a%d\",\"attempt\":1,"
	    "\"status\":\"ok\",\"model\":\"m-1\",\"usage\":{"
	    "\"input_fresh\":900,\"output\":400},\"content\":\"%.1490s "
	    "%08d\"}\n",
	    1 + i / 100, i % 100, pad, i);
}

static int
records(int n)
{
	struct sk_buf b;

	sk_buf_init(&b, 0);
	for (int i = 0; i < n; i++) {
		sk_buf_clear(&b);
		record(&b, i);
		sk_out(b.p, b.len);
	}
	sk_buf_free(&b);
	return 0;
}

/* Takes in what is in b. */
static int
take_in(struct sk_db *db, const struct sk_buf *b, struct sk_err *err)
{
	struct sk_intake in = { .db = db, .run = "r" };
	int rc, fd = sk_memfd(b->p, b->len, err);

	if (fd < 0)
		return err->exit;
	rc = sk_intake_fd(&in, fd, err);
	sk_intake_free(&in);
	(void)close(fd);
	return rc;
}

static int
rounds(struct sk_db *db, const char *dir, int n, struct sk_err *err)
{
	struct sk_policy p = { .line_window = 3 };
	struct sk_decide_opts o = {
		.policy = &p, .evidence_root = dir, .evidence_base = "evidence"
	};
	struct sk_group g = { .run = "r", .spec = "S", .stage = "plan" };
	struct sk_drivers drivers = { 0 };
	struct sk_arena a = { 0 };
	struct sk_run run;
	struct sk_buf b;
	char status[16];
	bool found;
	double t;
	int rc;

	sk_buf_init(&b, 0);
	for (int i = 0; i < 3 * n; i++)
		sk_buf_printf(&b,
		    "{\"schema\":\"sk.answer/1\",\"run\":\"r\",\"spec\":\"S\","
		    "\"stage\":\"plan\",\"round\":%d,\"agent\":\"a%d\","
		    "\"content\":\"{\\\"k\\\":%d,\\\"list\\\":[1,2,%d]}\"}\n",
		    1 + i / 3, i % 3, i / 3, i % 2);
	rc = take_in(db, &b, err);
	if (rc == 0)
		rc = sk_run_get(db, "r", &run, &found, &a, err);
	if (rc == 0)
		memcpy(g.branch, run.branch, sizeof(g.branch));
	for (int i = 1; rc == 0 && i <= n; i++) {
		g.round = i;
		g.ended = true;
		sk_buf_clear(&b);
		t = now();
		rc = sk_decide_group(db, &drivers, &o, &g, &b, status, err);
		sk_outf("%.6f\n", now() - t);
	}
	sk_drivers_end(&drivers);
	sk_buf_free(&b);
	sk_arena_free(&a);
	return rc;
}

/* Answers of a megabyte each, every third with a decision behind it. */
static int
fill(struct sk_db *db, int mb, struct sk_err *err)
{
	struct sk_buf b;
	int rc = 0;

	sk_buf_init(&b, 0);
	for (int i = 0; rc == 0 && i < mb; i++) {
		sk_buf_clear(&b);
		sk_buf_printf(&b,
		    "{\"schema\":\"sk.answer/1\",\"run\":\"r\",\"spec\":\"S\","
		    "\"stage\":\"plan\",\"round\":%d,\"agent\":\"a%d\","
		    "\"content\":\"",
		    1 + i / 3, i % 3);
		for (int k = 0; k < 1 << 14; k++)
			sk_buf_printf(&b, "%063d ", i * 16384 + k);
		sk_buf_str(&b, "\"}\n");
		rc = take_in(db, &b, err);
	}
	sk_buf_free(&b);
	return rc;
}

static int
run(int argc, char **argv, struct sk_err *err)
{
	struct sk_db *db = NULL;
	int n, rc;

	n = argc > 2 ? (int)strtol(argv[argc - 1], NULL, 10) : 0;
	if (n > 0 && argc == 5 && strcmp(argv[1], "verdict") == 0)
		return verdicts((int)strtol(argv[2], NULL, 10),
		    (int)strtol(argv[3], NULL, 10), n, err);
	if (n > 0 && argc == 3 && strcmp(argv[1], "records") == 0)
		return records(n);
	if (n <= 0 || argc < 4 ||
	    (strcmp(argv[1], "rounds") != 0 && strcmp(argv[1], "fill") != 0))
		return sk_fail(err, SK_USAGE, "usage",
		    "usage: bench_consensus verdict|rounds|records|fill ...");
	rc = sk_db_open(&db, argv[2], SK_DB_CREATE, err);
	if (rc == 0)
		rc = strcmp(argv[1], "fill") == 0 ? fill(db, n, err)
		                                  : rounds(db, argv[3], n, err);
	sk_db_close(db);
	return rc;
}

int
main(int argc, char **argv)
{
	struct sk_err err = { 0 };
	int rc;

	sk_prog = "bench_consensus";
	rc = run(argc, argv, &err);
	if (rc == 0)
		rc = sk_out_flush(&err);
	if (rc != 0)
		(void)fprintf(stderr, "bench_consensus: %s\n", err.message);
	return rc;
}
