/* SPDX-License-Identifier: MIT */
/*
 * Many processes on one store. Each mode prints one line of figures and ends
 * with 0 only when nothing was lost.
 *
 *   store_stress make-v1 DB           a file with the first schema
 *   store_stress open DB N            N processes open at once
 *   store_stress intake DB            one process, one answer
 *   store_stress fill DB N BYTES      N answers, or until an error
 *   store_stress hold DB              stay inside a transaction
 *   store_stress lock DB MS           take the queue's lock, or say who has it
 *   store_stress read DB              a reader that checks the file
 *   store_stress writers DB N MS      N writers for MS milliseconds
 */
#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "store/internal.h"
#include "store_help.h"

static int64_t
now_us(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* Start n children that begin together: all wait for the pipe's EOF. */
static void
together(int n, void (*fn)(int))
{
	pid_t pid[MAXPROC];
	int gate[2];
	char c;

	if (pipe(gate) != 0)
		exit(2);
	(void)fflush(stdout);
	for (int i = 0; i < n; i++) {
		pid[i] = fork();
		if (pid[i] < 0)
			exit(2);
		if (pid[i] == 0) {
			(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
			(void)close(gate[1]);
			(void)!read(gate[0], &c, 1);
			fn(i);
			_exit(0);
		}
	}
	(void)close(gate[0]);
	(void)close(gate[1]);
	for (int i = 0; i < n; i++) {
		int st = 0;

		while (waitpid(pid[i], &st, 0) < 0 && errno == EINTR)
			;
		if (st != 0) {
			fig[i].errors++;
			(void)snprintf(fig[i].message, sizeof(fig[i].message),
			    "ended with status %d", st);
		}
	}
}

/* ---- opening ---- */

static int64_t duration;

static void
open_once(int i)
{
	struct sk_db *db;

	if (sk_db_open(&db, path, SK_DB_CREATE, &err) != 0) {
		note(i);
		return;
	}
	fig[i].commits = 1;
	sk_db_close(db);
}

/* Every statement of a text. */
static int
run_all(sqlite3 *h, const char *sql)
{
	sqlite3_stmt *st;
	int rc = SQLITE_OK;

	while (rc == SQLITE_OK && *sql != '\0') {
		rc = sqlite3_prepare_v2(h, sql, -1, &st, &sql);
		if (rc == SQLITE_OK && st != NULL) {
			(void)sqlite3_step(st);
			rc = sqlite3_finalize(st);
		}
	}
	return rc;
}

static int
make_v1(void)
{
	sqlite3 *h;
	int rc;

	if (sqlite3_open(path, &h) != SQLITE_OK)
		return 1;
	rc = run_all(h, "PRAGMA journal_mode=WAL");
	if (rc == SQLITE_OK)
		rc = run_all(h, sk_migrate_steps[0]);
	if (rc == SQLITE_OK)
		rc = run_all(h,
		    "PRAGMA application_id=0x534B4954;PRAGMA user_version=1");
	(void)sqlite3_close(h);
	return rc != SQLITE_OK;
}

/* ---- writers ---- */

static void
write_loop(int i)
{
	char run[SK_RUN_LEN] = "storm", br[SK_BRANCH_LEN] = "storm-1";
	char agent[SK_IDENT_LEN];
	struct sk_key k = { .run = run,
		.branch = br,
		.spec = "S",
		.stage = "plan",
		.agent = agent };
	struct sk_intake_res res;
	struct sk_db *db;
	int64_t end, t;

	(void)snprintf(agent, sizeof(agent), "w%d", i);
	if (sk_db_open(&db, path, SK_DB_CREATE, &err) != 0) {
		note(i);
		return;
	}
	end = now_us() + duration * 1000;
	while ((t = now_us()) < end) {
		k.round++;
		if (sk_db_begin(db, &err) != 0) {
			note(i);
			break;
		}
		t = now_us() - t;
		fig[i].worst_us = t > fig[i].worst_us ? t : fig[i].worst_us;
		if (sk_run_ensure(db, run, br, "S", NULL, &err) != 0 ||
		    intake(db, &k, &res) != 0 || sk_db_commit(db, &err) != 0) {
			note(i);
			break;
		}
		if (res.kind == SK_IN_ACCEPTED)
			fig[i].commits++;
	}
	sk_db_close(db);
}

static int
writers(int n)
{
	int64_t total = 0, worst = 0, min = INT64_MAX, max = 0, rows;
	struct sk_db *db;
	int bad;

	if (sk_db_open(&db, path, SK_DB_CREATE, &err) != 0)
		return 1;
	sk_db_close(db);
	together(n, write_loop);
	for (int i = 0; i < n; i++) {
		total += fig[i].commits;
		worst = fig[i].worst_us > worst ? fig[i].worst_us : worst;
		min = fig[i].commits < min ? fig[i].commits : min;
		max = fig[i].commits > max ? fig[i].commits : max;
	}
	bad = report("writers", n);
	rows = count("SELECT count(*)FROM agent_outputs");
	printf("commits %" PRId64 ", lost %" PRId64 ", worst wait %" PRId64
	       ".%03" PRId64 " ms, slowest %" PRId64 ", fastest %" PRId64 "\n",
	    total, total - rows, worst / 1000, worst % 1000, min, max);
	return bad || rows != total || min == 0;
}

/* One answer and its commit, as sk-consensus intake does it: for the bench,
 * and to see how a file is refused. */
static int
one_intake(struct sk_db *db, int64_t round)
{
	char run[SK_RUN_LEN] = "bench", br[SK_BRANCH_LEN] = "";
	struct sk_key k = { .run = run,
		.branch = br,
		.spec = "S",
		.stage = "plan",
		.agent = "a1",
		.round = round };
	struct sk_intake_res res;
	int rc;

	rc = sk_db_begin(db, &err);
	if (rc == 0)
		rc = sk_run_ensure(db, run, br, "S", NULL, &err);
	if (rc == 0)
		rc = intake(db, &k, &res);
	if (rc == 0)
		rc = sk_db_commit(db, &err);
	sk_db_rollback(db);
	return rc;
}

static int
complain(int rc)
{
	if (rc != 0)
		(void)fprintf(
		    stderr, "%s: %s (%s)\n", err.code, err.message, err.hint);
	sk_err_clear(&err);
	return rc;
}

/* At most `max` answers of `size` bytes, until an error. */
static int
fill(int max, size_t size)
{
	struct sk_db *db;
	int rc, n = 0;

	content_n = size;
	rc = sk_db_open(&db, path, SK_DB_CREATE, &err);
	while (rc == 0 && n < max) {
		rc = one_intake(db, sk_now_ms() * 100000 + getpid() + n);
		n += rc == 0;
	}
	sk_db_close(db);
	printf("%d\n", n);
	return complain(rc);
}

/* Keep a transaction open until killed. */
static int
hold(void)
{
	struct sk_db *db;
	int rc;

	rc = sk_db_open(&db, path, SK_DB_CREATE, &err);
	if (rc == 0)
		rc = sk_db_begin(db, &err);
	if (rc != 0)
		return complain(rc);
	(void)puts("held");
	(void)fflush(stdout);
	for (;;)
		(void)pause();
}

/* The queue's lock with a wait of our choice. */
static int
lock(int wait_ms)
{
	char *file = sk_asprintf("%s-wlock", path);
	struct sk_lock l;
	int rc;

	rc = sk_lock_open(&l, file, &err);
	if (rc == 0) {
		rc = sk_lock_take(&l, wait_ms, "the queue", &err);
		sk_lock_close(&l);
	}
	free(file);
	return complain(rc);
}

static void
violation(void *arg, const struct sk_violation *v)
{
	(void)arg;
	(void)fprintf(
	    stderr, "store_stress: %s %s: %s\n", v->rule, v->row, v->detail);
}

static int
read_only(void)
{
	struct sk_audit_counts n = { 0 };
	struct sk_db *db;
	int rc;

	rc = sk_db_open(&db, path, SK_DB_READONLY, &err);
	if (rc == 0)
		rc = sk_audit(db, violation, NULL, &n, &err);
	sk_db_close(db);
	rc = complain(rc);
	return rc == 0 && n.violations != 0 ? SK_DAMAGED : rc;
}

int
main(int argc, char **argv)
{
	sk_prog = "store_stress";
	if (argc < 3)
		return 2;
	path = argv[2];
	share();
	if (strcmp(argv[1], "make-v1") == 0)
		return make_v1();
	if (strcmp(argv[1], "intake") == 0)
		return fill(1, content_n);
	if (strcmp(argv[1], "fill") == 0 && argc == 5)
		return fill(
		    number(argv[3], 1000000), (size_t)number(argv[4], 1 << 20));
	if (strcmp(argv[1], "hold") == 0)
		return hold();
	if (strcmp(argv[1], "lock") == 0 && argc == 4)
		return lock(number(argv[3], 60000));
	if (strcmp(argv[1], "read") == 0)
		return read_only();
	if (strcmp(argv[1], "open") == 0 && argc == 4) {
		int n = number(argv[3], MAXPROC);

		together(n, open_once);
		return report("open", n);
	}
	if (strcmp(argv[1], "writers") == 0 && argc == 5) {
		duration = number(argv[4], 600000);
		return writers(number(argv[3], MAXPROC));
	}
	return 2;
}
