/* SPDX-License-Identifier: MIT */
/* What the two storms on the store, store_stress and store_kill, share. */
#ifndef STORE_HELP_H
#define STORE_HELP_H

#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "core/core.h"
#include "store/store.h"

#define MAXPROC 256

/* Figures of one child, in memory shared with the parent. */
struct figures {
	int64_t commits, errors, worst_us;
	char message[700];
};
static struct figures *fig;
static struct sk_err err;
static const char *path; /* of the database */

static void
share(void)
{
	fig = mmap(NULL, MAXPROC * sizeof(*fig), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (fig == MAP_FAILED)
		exit(2);
}

static void
note(int i)
{
	fig[i].errors++;
	(void)snprintf(fig[i].message, sizeof(fig[i].message), "%s: %s",
	    err.code, err.message);
	sk_err_clear(&err);
}

static int
report(const char *what, int n)
{
	int64_t ok = 0, errors = 0;

	for (int i = 0; i < n; i++) {
		ok += fig[i].commits;
		errors += fig[i].errors;
		if (fig[i].errors != 0)
			printf("# %d: %s\n", i, fig[i].message);
	}
	printf("%s: %d processes, %" PRId64 " ok, %" PRId64 " errors\n", what,
	    n, ok, errors);
	return errors != 0;
}

static size_t content_n = 200;

static int
intake(struct sk_db *db, const struct sk_key *k, struct sk_intake_res *res)
{
	static char text[1 << 20];
	char sha[SK_SHA256_LEN];
	struct sk_answer_row r = { .key = *k,
		.ok = true,
		.attempt = 1,
		.meta_json = "{}",
		.exit_code = 0,
		.signal = -1 };

	memset(text, 'x', content_n);
	(void)snprintf(text, sizeof(text), "%s %" PRId64, k->agent, k->round);
	sk_sha256(text, content_n, sha);
	r.content = text;
	r.content_n = content_n;
	r.sha256 = sha;
	return sk_answer_intake(db, &r, res, &err);
}

static int64_t
count(const char *sql)
{
	sqlite3 *h;
	sqlite3_stmt *st;
	int64_t n = -1;

	if (sqlite3_open(path, &h) != SQLITE_OK)
		return -1;
	if (sqlite3_prepare_v2(h, sql, -1, &st, NULL) == SQLITE_OK &&
	    sqlite3_step(st) == SQLITE_ROW)
		n = sqlite3_column_int64(st, 0);
	(void)sqlite3_finalize(st);
	(void)sqlite3_close(h);
	return n;
}

static int
number(const char *s, int max)
{
	int64_t n;

	if (!sk_parse_int(s, 1, max, &n))
		exit(2);
	return (int)n;
}

#endif
