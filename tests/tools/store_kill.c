/* SPDX-License-Identifier: MIT */
/*
 * store_kill DB N KILLS LOG: N drivers on one store, killed at random and
 * started again, KILLS times. What was acknowledged to them stands in LOG, the
 * outside world's history, and must be in the file at the end.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "store_help.h"

static int log_fd;

/* The outside world's history: one write(2) per line. A kill can cut a write
 * short where a page of the file begins, so every line has 64 bytes and none
 * crosses that border. */
#define LINE 64
static void say(const char *fmt, ...) SK_PRINTF(1, 2);
static void
say(const char *fmt, ...)
{
	char line[LINE + 1];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (n < 1 || n > LINE)
		_exit(3);
	memset(line + n - 1, ' ', (size_t)(LINE - n) + 1);
	line[LINE - 1] = '\n';
	if (write(log_fd, line, LINE) != LINE)
		_exit(3);
}

/* What an earlier life of this driver left: exactly that is finished. */
static int
finish_pending(struct sk_db *db, struct sk_driver *d, const char *br)
{
	struct sk_arena a = { NULL, 0 };
	struct sk_decision p;
	bool found, already;
	int rc;

	rc = sk_decision_pending(db, d->run, br, &p, &found, &a, &err);
	if (rc == 0 && found) {
		rc = sk_decision_ack(
		    db, d->run, br, p.seq, d->epoch, &already, &err);
		if (rc == 0)
			say("A %s %" PRId64 "\n", d->run, p.seq);
	}
	sk_arena_free(&a);
	return rc;
}

static int
decide_and_ack(
    struct sk_db *db, struct sk_driver *d, const struct sk_key *k, int64_t seq)
{
	struct sk_arena a = { NULL, 0 };
	char sha[SK_SHA256_LEN];
	struct sk_decide dec = { .key = *k,
		.status = "ok",
		.verdict = "{}",
		.verdict_n = 2,
		.input_sha256 = sha,
		.answer_seqs = &seq,
		.n_answers = 1,
		.epoch = d->epoch };
	struct sk_decision out;
	bool flag;
	int rc;

	sk_sha256(k->agent, strlen(k->agent), sha);
	rc = sk_decision_make(db, &dec, &out, &flag, &a, &err);
	if (rc == 0) {
		say("D %s %" PRId64 "\n", d->run, out.seq);
		rc = sk_decision_ack(
		    db, d->run, k->branch, out.seq, d->epoch, &flag, &err);
	}
	if (rc == 0)
		say("A %s %" PRId64 "\n", d->run, out.seq);
	sk_arena_free(&a);
	return rc;
}

static void
drive(int slot, int life)
{
	char run[SK_RUN_LEN], br[SK_BRANCH_LEN], agent[SK_IDENT_LEN];
	struct sk_key k = { .run = run,
		.branch = br,
		.spec = "S",
		.stage = "plan",
		.agent = agent };
	struct sk_intake_res res;
	struct sk_driver d;
	struct sk_db *db;
	int rc;

	(void)snprintf(run, sizeof(run), "run%d", slot);
	(void)snprintf(br, sizeof(br), "branch%d", slot);
	(void)snprintf(agent, sizeof(agent), "w%d.%d", slot, life);
	rc = sk_db_open(&db, path, SK_DB_CREATE, &err);
	if (rc == 0)
		rc = sk_run_ensure(db, run, br, "S", NULL, &err);
	if (rc == 0)
		rc = sk_driver_start(db, run, 5000, &d, &err);
	if (rc == 0)
		rc = finish_pending(db, &d, br);
	while (rc == 0) {
		k.round++;
		say("I %s %" PRId64 "\n", agent, k.round);
		rc = intake(db, &k, &res);
		if (rc != 0)
			break;
		say("O %s %" PRId64 " %" PRId64 "\n", agent, k.round, res.seq);
		if (k.round % 3 == 0)
			rc = decide_and_ack(db, &d, &k, res.seq);
	}
	note(slot);
	_exit(1);
}

/* Every acknowledged thing must be in the file. */
static int
verify(const char *log_path)
{
	char line[256], kind, name[65];
	int64_t n, seq, invoked = 0, acked = 0, bad = 0, rows;
	sqlite3_stmt *ans, *dec;
	sqlite3 *h;
	FILE *f = fopen(log_path, "r");

	if (f == NULL || sqlite3_open(path, &h) != SQLITE_OK)
		return 1;
	if (sqlite3_prepare_v2(h,
		"SELECT 1 FROM requests JOIN agent_outputs o USING(request_id)"
		"WHERE branch_id=?1 AND spec_id='S' AND stage='plan' "
		"AND round=?2 AND requests.agent_name=?3 AND seq=?4",
		-1, &ans, NULL) != SQLITE_OK ||
	    sqlite3_prepare_v2(h,
		"SELECT state='acked' OR ?3 FROM decisions WHERE branch_id=?1 "
		"AND decision_seq=?2",
		-1, &dec, NULL) != SQLITE_OK)
		return 1;
	while (fgets(line, sizeof(line), f) != NULL) {
		sqlite3_stmt *st = ans;
		char br[80];

		seq = 0;
		if (sscanf(line, "%c %64s %" SCNd64 " %" SCNd64, &kind, name,
			&n, &seq) < 3)
			continue;
		invoked += kind == 'I';
		if (kind == 'I')
			continue;
		acked += kind == 'O';
		(void)snprintf(br, sizeof(br), "branch%d",
		    (int)strtol(name + (kind == 'O' ? 1 : 3), NULL, 10));
		if (kind != 'O')
			st = dec;
		(void)sqlite3_bind_text(st, 1, br, -1, SQLITE_TRANSIENT);
		(void)sqlite3_bind_int64(st, 2, n);
		if (kind == 'O') {
			(void)sqlite3_bind_text(
			    st, 3, name, -1, SQLITE_TRANSIENT);
			(void)sqlite3_bind_int64(st, 4, seq);
		} else {
			(void)sqlite3_bind_int64(st, 3, kind == 'D');
		}
		if (sqlite3_step(st) != SQLITE_ROW ||
		    (kind != 'O' && sqlite3_column_int(st, 0) != 1)) {
			printf("# lost: %s", line);
			bad++;
		}
		(void)sqlite3_reset(st);
	}
	(void)fclose(f);
	(void)sqlite3_finalize(ans);
	(void)sqlite3_finalize(dec);
	(void)sqlite3_close(h);
	rows = count("SELECT count(*)FROM agent_outputs");
	printf("invoked %" PRId64 ", acknowledged %" PRId64 ", rows %" PRId64
	       " (%" PRId64 " in doubt), lost %" PRId64 "\n",
	    invoked, acked, rows, rows - acked, bad);
	return bad != 0 || rows < acked || rows > invoked;
}

static int
kill_loop(int n, int kills, const char *log_path)
{
	const struct timespec nap = { .tv_nsec = 6000000 };
	pid_t pid[MAXPROC];
	int life[MAXPROC] = { 0 }, done = 0, early = 0;
	unsigned r;

	log_fd =
	    open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (log_fd < 0)
		return 1;
	memset(pid, 0, sizeof(pid));
	while (done < kills) {
		for (int i = 0; i < n; i++) {
			if (pid[i] != 0)
				continue;
			life[i]++;
			pid[i] = fork();
			if (pid[i] == 0) {
				(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
				drive(i, life[i]);
			}
		}
		sk_random(&r, sizeof(r));
		(void)nanosleep(
		    &(struct timespec){
			.tv_nsec = nap.tv_nsec / 2 + r % nap.tv_nsec },
		    NULL);
		r = r / 7 % (unsigned)n;
		if (waitpid(pid[r], NULL, WNOHANG) == pid[r]) {
			early++; /* it ended by itself: an error */
		} else {
			(void)kill(pid[r], SIGKILL);
			(void)waitpid(pid[r], NULL, 0);
			done++;
		}
		pid[r] = 0;
		if (early > 10)
			break;
	}
	for (int i = 0; i < n; i++)
		if (pid[i] > 0) {
			(void)kill(pid[i], SIGKILL);
			(void)waitpid(pid[i], NULL, 0);
		}
	printf("kills %d, ended by themselves %d\n", done, early);
	return report("kill", n) || early != 0 || done < kills ||
	       verify(log_path);
}

int
main(int argc, char **argv)
{
	sk_prog = "store_kill";
	if (argc != 5)
		return 2;
	path = argv[1];
	share();
	return kill_loop(
	    number(argv[2], MAXPROC), number(argv[3], 10000000), argv[4]);
}
