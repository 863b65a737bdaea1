/* SPDX-License-Identifier: MIT */
/*
 * storm DIR KILLS [OUTSIDE]: submitters and drivers on one database below DIR,
 * stopped at random by SIGKILL and SIGSTOP and started again, until KILLS are
 * done. What each of them was told stands in OUTSIDE/history (else in DIR),
 * written after each call; that a call will be made stands in "invoked" before
 * it. At the end everything is drained, and the numbers are printed: in doubt
 * (committed, but the caller was dead), replayed and fenced. The judge is
 * `sk-consensus audit --history`.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../rnd.h"
#include "consensus/consensus.h"

#define SUBMITTERS 3
#define DRIVERS 4
#define WORKERS (SUBMITTERS + DRIVERS)
#define RUNS 4
#define LEASE_MS 60

static char db_path[4096], evidence[4096], history[4096], doubts[4096];

/* One write(2) for each line, so that a kill cuts at most the last. */
static void
append(const char *file, const char *p, size_t n)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

	if (fd < 0 || write(fd, p, n) != (ssize_t)n)
		_exit(3);
	(void)close(fd);
}

/* What a caller knows without an answer: this may or may not have happened. */
static void
invoke(const char *what, const char *run, int64_t round)
{
	char line[128];
	int n = snprintf(
	    line, sizeof(line), "%s %s %lld\n", what, run, (long long)round);

	append(doubts, line, (size_t)n);
}

static void
told(void *arg, const struct sk_intake_note *note)
{
	struct sk_buf b;

	(void)arg;
	sk_buf_init(&b, 0);
	sk_intake_json(&b, note);
	append(history, b.p, b.len);
	sk_buf_free(&b);
}

/* ---- one life of each ---- */

/* Answers of three agents to one round of a run, some more than once. */
static int
submit(struct sk_db *db, const char *run, int64_t round, struct sk_err *err)
{
	struct sk_intake in = { .db = db, .note = told };
	struct sk_buf b;
	int rc, fd;

	sk_buf_init(&b, 0);
	for (uint32_t i = 0, n = 3 + rnd(3); i < n; i++)
		sk_buf_printf(&b,
		    "{\"schema\":\"sk.answer/1\",\"run\":\"%s\",\"spec\":\"S\","
		    "\"stage\":\"plan\",\"round\":%lld,\"agent\":\"a%u\","
		    "\"attempt\":%u,\"content\":\"{\\\"k\\\":%u}\"}\n",
		    run, (long long)round, i % 3, 1 + rnd(2), rnd(2));
	fd = sk_memfd(b.p, b.len, err);
	sk_buf_free(&b);
	if (fd < 0)
		return err->exit;
	invoke("intake", run, round);
	rc = sk_intake_fd(&in, fd, err);
	sk_intake_free(&in);
	(void)close(fd);
	return rc;
}

/* Decide one round: evidence and ack are in the same call. */
static int
drive(struct sk_db *db, const struct sk_policy *p, const char *run,
    struct sk_err *err)
{
	struct sk_decide_opts o = { .policy = p,
		.min = 1,
		.evidence_root = evidence,
		.evidence_base = "ev" };
	struct sk_drivers drivers = { 0 };
	struct sk_decision *d = NULL;
	struct sk_arena a = { 0 };
	struct sk_group g = { .ended = true };
	struct sk_run r;
	char status[16];
	struct sk_buf b;
	bool found = false;
	size_t n = 0;
	int rc;

	sk_buf_init(&b, 0);
	rc = sk_run_get(db, run, &r, &found, &a, err);
	if (rc != 0 || !found)
		goto out;
	/* What another life left pending comes first. */
	rc = sk_decision_find(db,
	    &(struct sk_decision_filter){ .run = run, .limit = 1 }, &d, &n, &a,
	    err);
	if (rc != 0)
		goto out;
	(void)snprintf(g.run, sizeof(g.run), "%s", run);
	(void)snprintf(g.branch, sizeof(g.branch), "%s", r.branch);
	(void)snprintf(g.spec, sizeof(g.spec), "S");
	(void)snprintf(g.stage, sizeof(g.stage), "plan");
	g.round = n > 0 ? d->round + (d->acked && rnd(4) != 0) : 1;
	invoke("decide", run, g.round);
	if (n > 0 && !d->acked)
		rc = sk_decide_again(db, &drivers, &o, d, &b, status, err);
	else
		rc = sk_decide_group(db, &drivers, &o, &g, &b, status, err);
	if (rc == 0)
		append(history, b.p, b.len);
out:
	sk_drivers_end(&drivers);
	sk_arena_free(&a);
	sk_buf_free(&b);
	return rc;
}

static void
live(int slot, uint64_t life)
{
	struct sk_err err = { 0 };
	struct sk_policy p = { .line_window = 3 };
	struct sk_db *db = NULL;
	char run[16];
	int rc;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* Half of the drivers are not ended when they hang: they come back, and
	 * must find that they are fenced. */
	if (life % 2 != 0)
		(void)setenv("SK_MUTANT", "no_end_hung", 0);
	seed = 88172645463325252u ^ (life * 2654435761u + (uint64_t)slot);
	sk_prog = "storm";
	rc = sk_db_open(&db, db_path, SK_DB_CREATE, &err);
	for (int i = 0; rc == 0; i++) {
		(void)snprintf(run, sizeof(run), "run%u", rnd(RUNS));
		rc = slot < SUBMITTERS
		         ? submit(db, run,
			       1 + (int64_t)(life + (uint64_t)i) / 40, &err)
		         : drive(db, &p, run, &err);
		/* Another driver, fenced, waiting: part of the game. */
		if (rc == SK_AGAIN || rc == SK_ORDER || rc == SK_USAGE) {
			sk_err_clear(&err);
			rc = 0;
		}
	}
	(void)fprintf(stderr, "storm: %d %s %s\n", rc, err.code, err.message);
	_exit(4);
}

/* ---- the weather ---- */

static pid_t pids[WORKERS];

static void
start(int slot, uint64_t life)
{
	pids[slot] = fork();
	if (pids[slot] == 0)
		live(slot, life);
}

/* How often a text stands in a file. */
static int64_t
count(const char *file, const char *text)
{
	struct sk_err ignored = { 0 };
	struct sk_buf b;
	int64_t n = 0;

	sk_buf_init(&b, 0);
	if (sk_read_file(file, SK_BUF_MAX - 1, &b, &ignored) == 0)
		for (const char *p = b.p; (p = strstr(p, text)) != NULL; p++)
			n++;
	sk_err_clear(&ignored);
	sk_buf_free(&b);
	return n;
}

static int
drain(struct sk_err *err)
{
	struct sk_policy p = { .line_window = 3 };
	struct sk_db *db = NULL;
	char run[16];
	int rc;

	rc = sk_db_open(&db, db_path, SK_DB_CREATE, err);
	for (int i = 0; rc == 0 && i < RUNS; i++) {
		(void)snprintf(run, sizeof(run), "run%d", i);
		rc = drive(db, &p, run, err);
		if (rc == 0)
			rc = drive(db, &p, run, err);
	}
	sk_db_close(db);
	return rc;
}

static int
report(int64_t kills, int64_t stops, int64_t bad, struct sk_err *err)
{
	static const char *const what[] = { "replay", "refused.fenced" };
	int64_t n[2] = { 0, 0 }, answers = 0, told_of;
	struct sk_audit_counts c = { 0 };
	struct sk_event_count *v;
	struct sk_arena a = { 0 };
	struct sk_db *db = NULL;
	char run[16];
	size_t nv;
	int rc;

	rc = sk_db_open(&db, db_path, 0, err);
	for (int i = 0; rc == 0 && i < RUNS; i++) {
		(void)snprintf(run, sizeof(run), "run%d", i);
		rc = sk_event_counts(db, run, &v, &nv, &a, err);
		for (size_t k = 0; rc == 0 && k < nv; k++) {
			for (size_t m = 0; m < 2; m++)
				if (strcmp(v[k].what, what[m]) == 0)
					n[m] += v[k].count;
			if (strcmp(v[k].what, "intake") == 0)
				answers += v[k].count;
			if (strcmp(v[k].what, "decide") == 0)
				c.decisions += v[k].count;
		}
	}
	sk_db_close(db);
	sk_arena_free(&a);
	/* Accepted, but whoever asked was dead before it was told. */
	told_of = count(history, "\"result\":\"accepted\"") +
	          count(history, "\"result\":\"late\"");
	sk_outf("kills %lld, stops %lld, answers %lld, decisions %lld, in "
		"doubt %lld, replayed %lld, fenced %lld, failed %lld\n",
	    (long long)kills, (long long)stops, (long long)answers,
	    (long long)c.decisions, (long long)(answers - told_of),
	    (long long)n[0], (long long)n[1], (long long)bad);
	return rc;
}

int
main(int argc, char **argv)
{
	struct sk_err err = { 0 };
	int64_t kills = 0, want, stops = 0, bad = 0;
	uint64_t life = WORKERS;
	char lease[16];

	if (argc < 3 || argc > 4 || !sk_parse_int(argv[2], 1, 100000000, &want))
		return 2;
	(void)snprintf(lease, sizeof(lease), "%d", LEASE_MS);
	(void)setenv("SK_LEASE_MS", lease, 1);
	(void)snprintf(db_path, sizeof(db_path), "%s/sk.db", argv[1]);
	(void)snprintf(evidence, sizeof(evidence), "%s", argv[1]);
	(void)snprintf(
	    history, sizeof(history), "%s/history", argv[argc == 4 ? 3 : 1]);
	(void)snprintf(
	    doubts, sizeof(doubts), "%s/invoked", argv[argc == 4 ? 3 : 1]);
	seed = 1442695040888963407u;
	for (int i = 0; i < WORKERS; i++)
		start(i, (uint64_t)i);
	while (kills < want) {
		int slot = (int)rnd(WORKERS), status;
		pid_t frozen = 0;

		(void)nanosleep(
		    &(struct timespec){ .tv_nsec = 200000 + rnd(2600000) },
		    NULL);
		/* A driver that hangs past its lease comes back fenced, or is
		 * ended by the next one. */
		if (slot >= SUBMITTERS && rnd(40) == 0) {
			frozen = pids[slot];
			(void)kill(frozen, SIGSTOP);
			stops++;
			(void)nanosleep(
			    &(struct timespec){ .tv_nsec = 90000000 }, NULL);
			(void)kill(frozen, SIGCONT);
			(void)nanosleep(
			    &(struct timespec){ .tv_nsec = 25000000 }, NULL);
		}
		(void)kill(pids[slot], SIGKILL);
		if (waitpid(pids[slot], &status, 0) == pids[slot]) {
			kills++;
			bad += !WIFSIGNALED(status);
		}
		start(slot, life++);
	}
	for (int i = 0; i < WORKERS; i++) {
		(void)kill(pids[i], SIGKILL);
		(void)waitpid(pids[i], NULL, 0);
	}
	if (drain(&err) != 0 || report(kills, stops, bad, &err) != 0) {
		(void)fprintf(stderr, "storm: %s\n", err.message);
		return 1;
	}
	return sk_out_flush(&err) != 0 || bad > 0;
}
