/* SPDX-License-Identifier: MIT */
/*
 * Many processes race for one budget.
 *
 *   metrics_race DB PROCESSES ROUNDS [kill]
 *
 * In each round the budget is worth CALLS calls; every process asks for one,
 * and who gets it makes it and books what it cost. With "kill", every third one
 * that gets it dies by SIGKILL while it holds it, and the budget must then be
 * whole for others. Ends with 0 only when no round was ever over its budget and
 * at least 95 % of every one was used.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "metrics/metrics.h"

#define CALLS 10
#define COST 50000 /* micro USD of one call */
#define MAXPROC 256

struct shared {
	int granted, refused, errors, over;
	char message[300];
};
static struct shared *sh;
static struct sk_config conf;
static const char *path;
static bool killing;

static void
complain(const char *what, const struct sk_err *err)
{
	__atomic_add_fetch(&sh->errors, 1, __ATOMIC_SEQ_CST);
	(void)snprintf(
	    sh->message, sizeof(sh->message), "%s: %.250s", what, err->message);
}

static void
key_of(struct sk_call *c, const char *run, char name[32], int i)
{
	memset(c, 0, sizeof(*c));
	(void)snprintf(name, 32, "agent%d", i);
	c->key = (struct sk_key){ run, "B", "S", "plan", name, 1 };
	c->attempt = 1;
	c->model = "none";
	c->cost = COST;
}

static int
book(struct sk_meter *m, const struct sk_call *c, struct sk_err *err)
{
	struct sk_attempt_row row = { .key = c->key, .attempt = 1 };
	enum sk_booked what;
	char meta[80];

	(void)snprintf(meta, sizeof(meta),
	    "{\"usage\":{\"input_fresh\":1,\"output\":1},"
	    "\"cost\":{\"micro_usd\":%d}}",
	    COST);
	row.started_ms = row.ended_ms = sk_now_ms();
	row.status = "accepted";
	row.meta_json = meta;
	return sk_meter_book(m, &row, &what, err);
}

/* Used and held can never be more than there is. */
static void
look(struct sk_meter *m, const char *run)
{
	struct sk_scope s = { "run", run, CALLS * COST };
	struct sk_err err = { 0 };
	int64_t used = 0, held = 0;

	if (sk_spent(m->db, &s, &used, &held, &err) != 0)
		complain("look", &err);
	if (used + held > s.limit)
		__atomic_add_fetch(&sh->over, 1, __ATOMIC_SEQ_CST);
	sk_err_clear(&err);
}

static void
one(const char *run, int i, bool may_die)
{
	const struct timespec work = { 0, (i % 5) * 300000 };
	struct sk_err err = { 0 };
	struct sk_meter m;
	struct sk_call c;
	struct sk_db *db;
	char name[32];
	int rc;

	if (sk_db_open(&db, path, 0, &err) != 0) {
		complain("open", &err);
		return;
	}
	sk_meter_init(&m, db, &conf);
	key_of(&c, run, name, i);
	rc = sk_meter_reserve(&m, &c, &err);
	if (rc == SK_BUDGET) {
		__atomic_add_fetch(&sh->refused, 1, __ATOMIC_SEQ_CST);
	} else if (rc != 0) {
		complain("reserve", &err);
	} else {
		__atomic_add_fetch(&sh->granted, 1, __ATOMIC_SEQ_CST);
		look(&m, run);
		if (may_die && i % 3 == 0)
			(void)raise(SIGKILL);
		(void)nanosleep(&work, NULL);
		if (book(&m, &c, &err) != 0)
			complain("book", &err);
		look(&m, run);
	}
	sk_err_clear(&err);
	sk_db_close(db);
}

/* All wait for the pipe's end and begin together. */
static int
race(const char *run, int n, int first, bool may_die)
{
	pid_t pid[MAXPROC];
	int gate[2], killed = 0;
	char c;

	if (pipe(gate) != 0)
		exit(2);
	for (int i = 0; i < n; i++) {
		pid[i] = fork();
		if (pid[i] < 0)
			exit(2);
		if (pid[i] == 0) {
			(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
			(void)close(gate[1]);
			(void)!read(gate[0], &c, 1);
			one(run, first + i, may_die);
			_exit(0);
		}
	}
	(void)close(gate[0]);
	(void)close(gate[1]);
	for (int i = 0; i < n; i++) {
		int st = 0;

		while (waitpid(pid[i], &st, 0) < 0 && errno == EINTR)
			;
		killed += WIFSIGNALED(st) && WTERMSIG(st) == SIGKILL;
	}
	return killed;
}

static int64_t
spent(const char *run)
{
	struct sk_scope s = { "run", run, CALLS * COST };
	struct sk_err err = { 0 };
	int64_t used = 0, held = 0;
	struct sk_db *db;

	if (sk_db_open(&db, path, 0, &err) != 0 ||
	    sk_spent(db, &s, &used, &held, &err) != 0)
		complain("sum", &err);
	sk_db_close(db);
	sk_err_clear(&err);
	if (!killing && held != 0) {
		(void)snprintf(sh->message, sizeof(sh->message),
		    "%lld is held by nobody", (long long)held);
		sh->errors++;
	}
	return used;
}

int
main(int argc, char **argv)
{
	int n, rounds, killed = 0, under = 0, over = 0;
	struct sk_err err = { 0 };
	struct sk_db *db;
	int64_t t, lowest = CALLS * COST;

	if (argc < 4 || (n = (int)strtol(argv[2], NULL, 10)) > MAXPROC)
		return 2;
	path = argv[1];
	rounds = (int)strtol(argv[3], NULL, 10);
	killing = argc > 4;
	sk_prog = "metrics_race";
	sk_quiet = true;
	(void)setenv("SPECKIT_COST__RUN_LIMIT_USD", "0.5", 1);
	sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (sh == MAP_FAILED || sk_config_load(&conf, NULL, &err) != 0 ||
	    sk_db_open(&db, path, SK_DB_CREATE, &err) != 0) {
		(void)fprintf(stderr, "metrics_race: %s\n", err.message);
		return 2;
	}
	sk_db_close(db);
	t = sk_mono_ms();
	for (int i = 0; i < rounds; i++) {
		char run[32];
		int64_t used;

		(void)snprintf(run, sizeof(run), "race%d", i);
		killed += race(run, n, 0, killing);
		/* What the dead held is there for those who come after. */
		if (killing)
			(void)race(run, 2 * CALLS, n, false);
		used = spent(run);
		over += used > CALLS * COST;
		under += used * 100 < CALLS * COST * 95;
		if (used < lowest)
			lowest = used;
	}
	(void)printf("%d rounds of %d in %lld ms: %d granted, %d refused, "
		     "%d killed, over %d, under 95 %% %d, lowest %lld %%, "
		     "errors %d %s\n",
	    rounds, n, (long long)(sk_mono_ms() - t), sh->granted, sh->refused,
	    killed, over + sh->over, under,
	    (long long)(lowest * 100 / (CALLS * COST)), sh->errors,
	    sh->message);
	sk_config_free(&conf);
	return over + sh->over + under + sh->errors != 0;
}
