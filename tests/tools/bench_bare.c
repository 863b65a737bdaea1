/* SPDX-License-Identifier: MIT */
/*
 * bench_bare DB: what one durable insert costs a bare C program under the same
 * rules as ours: the same queue with its turnstile and the holder's name in the
 * lock file, the same settings and identity checks, WAL, synchronous=FULL, a
 * checkpoint only under the lock and none on close. But one table, one row, one
 * statement, and no other part of sk. The measure for `make bench`.
 */
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int pages;

static int
on_wal(void *arg, sqlite3 *h, const char *name, int n)
{
	(void)arg;
	(void)h;
	(void)name;
	pages = n;
	return SQLITE_OK;
}

static ssize_t
slurp(const char *path, char *buf, size_t n)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t r;

	if (fd < 0)
		return -1;
	r = read(fd, buf, n);
	(void)close(fd);
	return r;
}

static int
queue(const char *db)
{
	struct flock fl = { .l_type = F_WRLCK, .l_len = 1 };
	char path[4200], body[600];
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof(path), "%s-wlock", db);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || fcntl(fd, F_OFD_SETLKW, &fl) != 0 ||
	    flock(fd, LOCK_EX) != 0)
		return -1;
	fl.l_type = F_UNLCK;
	(void)fcntl(fd, F_OFD_SETLK, &fl);
	n = slurp("/proc/self/stat", body, sizeof(body));
	if (n < 80 ||
	    slurp("/proc/sys/kernel/random/boot_id", body + 40, 37) < 0 ||
	    pwrite(fd, body, 128, 0) != 128)
		return -1;
	return fd;
}

static void
settings(sqlite3 *h)
{
	static const int on[] = { SQLITE_DBCONFIG_DEFENSIVE,
		SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, SQLITE_DBCONFIG_ENABLE_FKEY };

	(void)sqlite3_busy_timeout(h, 10000);
	for (size_t i = 0; i < sizeof(on) / sizeof(on[0]); i++)
		(void)sqlite3_db_config(h, on[i], 1, (int *)NULL);
	(void)sqlite3_db_config(
	    h, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, (int *)NULL);
	(void)sqlite3_wal_hook(h, on_wal, NULL);
	(void)sqlite3_exec(h,
	    "PRAGMA cell_size_check=1;PRAGMA temp_store=2;"
	    "PRAGMA synchronous=2;PRAGMA application_id;PRAGMA user_version",
	    NULL, NULL, NULL);
}

int
main(int argc, char **argv)
{
	struct stat st;
	sqlite3 *h;
	int fd, rc;

	if (argc != 2 || sqlite3_open(argv[1], &h) != SQLITE_OK)
		return 2;
	settings(h);
	fd = queue(argv[1]);
	if (fd < 0 || stat(argv[1], &st) != 0)
		return 1;
	rc = sqlite3_exec(h,
	    "BEGIN IMMEDIATE;"
	    "INSERT INTO t(x)VALUES('0123456789012345678901234567890123"
	    "4567890123456789012345678901234567890123456789');COMMIT",
	    NULL, NULL, NULL);
	if (rc == SQLITE_ERROR) /* the first time */
		rc = sqlite3_exec(h,
		    "ROLLBACK;PRAGMA journal_mode=WAL;"
		    "CREATE TABLE IF NOT EXISTS t(x TEXT)STRICT",
		    NULL, NULL, NULL);
	if (rc == SQLITE_OK && pages >= 500)
		(void)sqlite3_wal_checkpoint_v2(
		    h, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	(void)close(fd);
	(void)sqlite3_close(h);
	return rc != SQLITE_OK;
}
