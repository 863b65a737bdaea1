/* SPDX-License-Identifier: MIT */
/* What the store's unit tests share: a directory, a stranger, answers. */
#ifndef STORE_HELP_H
#define STORE_HELP_H

#include <ftw.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/core.h"
#include "store/store.h"
#include "tap.h"

static char dir[] = "/tmp/sk-test-store.XXXXXX";
static struct sk_arena arena;
static struct sk_err err;
/* What most tests work on, see fresh(). */
static struct sk_db *db;
static char run[SK_RUN_LEN], br[SK_BRANCH_LEN];
static struct sk_key k;

static const char *
in_dir(const char *name)
{
	return sk_arena_printf(&arena, "%s/%s", dir, name);
}

static struct sk_db *
open_db(const char *name)
{
	struct sk_db *h;

	if (sk_db_open(&h, in_dir(name), SK_DB_CREATE, &err) != 0) {
		printf("# %s\n", err.message);
		return NULL;
	}
	return h;
}

/* A stranger with the same file, for tampering and for counting. */
static sqlite3 *
stranger(const char *name)
{
	sqlite3 *h;

	if (sqlite3_open(in_dir(name), &h) != SQLITE_OK)
		return NULL;
	(void)sqlite3_busy_timeout(h, 5000);
	(void)sqlite3_db_config(
	    h, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)NULL);
	return h;
}

__attribute__((unused)) static int
raw(const char *name, const char *sql)
{
	sqlite3 *h = stranger(name);
	sqlite3_stmt *st;
	int rc = SQLITE_OK;

	while (rc == SQLITE_OK && *sql != '\0') {
		rc = sqlite3_prepare_v2(h, sql, -1, &st, &sql);
		if (rc == SQLITE_OK && st != NULL) {
			(void)sqlite3_step(st);
			rc = sqlite3_finalize(st);
		}
	}
	if (rc != SQLITE_OK)
		printf("# %s\n", sqlite3_errmsg(h));
	(void)sqlite3_close(h);
	return rc;
}

__attribute__((unused)) static long long
number(const char *name, const char *sql)
{
	sqlite3 *h = stranger(name);
	sqlite3_stmt *st;
	long long n = -1;

	if (sqlite3_prepare_v2(h, sql, -1, &st, NULL) == SQLITE_OK &&
	    sqlite3_step(st) == SQLITE_ROW)
		n = sqlite3_column_int64(st, 0);
	(void)sqlite3_finalize(st);
	(void)sqlite3_close(h);
	return n;
}

__attribute__((unused)) static struct sk_answer_row
answer(const struct sk_key *key, int64_t attempt, const char *text)
{
	struct sk_answer_row r = { .key = *key, .attempt = attempt };
	char hex[SK_SHA256_LEN];

	sk_sha256(text, strlen(text), hex);
	r.ok = true;
	r.content = text;
	r.content_n = strlen(text);
	r.sha256 = sk_arena_strdup(&arena, hex);
	r.meta_json = "{}";
	r.model = "m1";
	r.exit_code = 0;
	r.signal = -1;
	r.started_ms = 5;
	r.ended_ms = 7;
	return r;
}

__attribute__((unused)) static enum sk_intake_kind
take(const struct sk_answer_row *r, struct sk_intake_res *res)
{
	int rc = sk_answer_intake(db, r, res, &err);

	if (rc != 0)
		printf("# intake: %s\n", err.message);
	return rc == 0 ? res->kind : (enum sk_intake_kind)99;
}

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *f)
{
	(void)st;
	(void)kind;
	(void)f;
	return remove(path);
}

/* A new database with run r1, its root branch and a key into it. */
__attribute__((unused)) static void
fresh(const char *name)
{
	static const struct sk_key first = { .run = run,
		.branch = br,
		.spec = "S",
		.round = 1,
		.stage = "plan",
		.agent = "a1" };

	k = first;
	(void)snprintf(run, sizeof(run), "r1");
	br[0] = '\0';
	db = open_db(name);
	CHECK_INT(sk_run_ensure(db, run, br, "S", NULL, &err), 0);
}

static void
begin_tests(const char *name)
{
	sk_prog = name;
	if (mkdtemp(dir) == NULL)
		exit(1);
}

static int
end_tests(void)
{
	(void)nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	sk_err_clear(&err);
	sk_arena_free(&arena);
	return tap_done();
}

#endif
