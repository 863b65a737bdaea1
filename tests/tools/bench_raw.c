/* SPDX-License-Identifier: MIT */
/*
 * What a bare program over SQLite does in the place of sk-consensus, as the
 * measure for `make bench`: no parsing, no identity, no history.
 *
 *	bench_raw text DB N		N rows of 1.5 KB into our own table,
 *					256 to a commit, synchronous=FULL
 *	bench_raw rows DB N		all four rows that an answer makes
 *	bench_raw rounds DB DIR N	two commits and a published file;
 *					milliseconds, one a line
 */
#include <fcntl.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BATCH 256

static sqlite3 *h;

static double
now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int
step(sqlite3_stmt *st)
{
	int rc = sqlite3_step(st);

	(void)sqlite3_reset(st);
	return rc == SQLITE_DONE ? 0 : 1;
}

/* Row i of the first n of these tables. */
static int
put(sqlite3_stmt *const *st, size_t n, long i)
{
	static const char branch[] =
	    "bench-20261121101500-0123456789abcdef0123456789abcdef";
	char text[1501], sha[65], agent[32], key[64];
	int rc = 0;

	memset(text, 'a' + (int)(i % 26), sizeof(text) - 1);
	memset(sha, '0', sizeof(sha) - 1);
	text[sizeof(text) - 1] = sha[sizeof(sha) - 1] = '\0';
	(void)snprintf(agent, sizeof(agent), "a%ld", i);
	(void)snprintf(key, sizeof(key), "S/plan/1/a%ld#1", i);
	for (size_t k = 0; rc == 0 && k < n; k++) {
		(void)sqlite3_bind_int64(st[k], 1, 1000000 + i);
		(void)sqlite3_bind_text(st[k], 2, sha, 64, SQLITE_STATIC);
		(void)sqlite3_bind_text(st[k], 3, text, 1500, SQLITE_STATIC);
		(void)sqlite3_bind_text(st[k], 4, branch, -1, SQLITE_STATIC);
		(void)sqlite3_bind_text(st[k], 5, agent, -1, SQLITE_STATIC);
		(void)sqlite3_bind_text(st[k], 6, key, -1, SQLITE_STATIC);
		rc = step(st[k]);
	}
	return rc;
}

static int
intake(long n, bool all)
{
	/* (Each takes all parameters, so that one binding does for all.) */
	static const char *const sql[] = {
		"INSERT INTO agent_outputs(request_id,attempt,agent_name,"
		"model_version,output_timestamp,sha256,content)"
		"VALUES(?1,1,?5,'m-1',1,?2,iif(?4=?6,'',?3))",
		"INSERT INTO requests(request_id,run_id,branch_id,spec_id,"
		"stage,round,agent_name,attempt,created_at)VALUES(?1,'r',?4,"
		"'S','plan',1,?5,1,iif(?2=?3,0,iif(?6='',0,1795000000000)))",
		"INSERT INTO agent_executions(request_id,attempt,spec_id,"
		"stage,agent_name,run_id,branch_id,status,model,host,"
		"spawned_at,completed_at,sha256,meta)VALUES(?1,1,'S','plan',"
		"?5,'r',?4,'accepted','m-1','h',1795000000000,1795000000000,"
		"?2,iif(?3=?6,'','{\"usage\":{\"input_fresh\":900,"
		"\"output\":400}}'))",
		"INSERT INTO journal(at,kind,run_id,branch_id,seq,key,epoch,"
		"pid,start_ticks,boot_id)VALUES(1795000000000,'intake','r',?4,"
		"?1,?6,0,1234,567890,iif(?2=?3,?5,"
		"'01234567-89ab-cdef-0123-456789abcdef'))",
	};
	sqlite3_stmt *begin, *commit, *st[4];
	size_t k = all ? 4 : 1;
	int rc;

	rc = sqlite3_prepare_v2(h, "BEGIN IMMEDIATE", -1, &begin, NULL) ||
	     sqlite3_prepare_v2(h, "COMMIT", -1, &commit, NULL);
	for (size_t i = 0; rc == 0 && i < k; i++)
		rc = sqlite3_prepare_v2(h, sql[i], -1, &st[i], NULL);
	for (long i = 0; rc == 0 && i < n; i++) {
		if (i % BATCH == 0)
			rc = step(begin);
		rc = rc != 0 ? rc : put(st, k, i);
		if (rc == 0 && (i % BATCH == BATCH - 1 || i + 1 == n))
			rc = step(commit);
	}
	return rc;
}

static int
publish(int dir, long i)
{
	char name[32], text[2000];
	int fd, rc;

	memset(text, 'x', sizeof(text));
	(void)snprintf(name, sizeof(name), "%ld.json", i);
	fd = openat(dir, ".tmp", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return 1;
	rc = write(fd, text, sizeof(text)) != (ssize_t)sizeof(text) ||
	     fdatasync(fd) != 0;
	(void)close(fd);
	return rc || renameat(dir, ".tmp", dir, name) != 0 || fsync(dir) != 0;
}

static int
rounds(const char *path, long n)
{
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc;
	sqlite3_stmt *put, *ack;
	double t;

	rc = dir < 0 ||
	     sqlite3_exec(h,
		 "CREATE TABLE d(n INTEGER PRIMARY KEY,v TEXT,s TEXT)", NULL,
		 NULL, NULL) ||
	     sqlite3_prepare_v2(h,
		 "INSERT INTO d(v,s)VALUES(hex(zeroblob(800)),'p')", -1, &put,
		 NULL) ||
	     sqlite3_prepare_v2(
		 h, "UPDATE d SET s='a' WHERE s='p' AND n=?1", -1, &ack, NULL);
	for (long i = 1; rc == 0 && i <= n; i++) {
		t = now();
		(void)sqlite3_bind_int64(ack, 1, i);
		rc = step(put) || publish(dir, i) || step(ack);
		printf("%.6f\n", now() - t);
	}
	return rc;
}

int
main(int argc, char **argv)
{
	long n = argc > 3 ? strtol(argv[argc - 1], NULL, 10) : 0;
	int rc;

	if (n <= 0) {
		fputs("usage: bench_raw text|rows DB N | rounds DB DIR N\n",
		    stderr);
		return 2;
	}
	rc = sqlite3_open(argv[2], &h) ||
	     sqlite3_exec(h, "PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL",
		 NULL, NULL, NULL);
	if (rc == 0)
		rc = strcmp(argv[1], "rounds") == 0
		         ? rounds(argv[3], n)
		         : intake(n, strcmp(argv[1], "rows") == 0);
	if (rc != 0)
		fprintf(stderr, "bench_raw: %s\n", sqlite3_errmsg(h));
	return rc;
}
