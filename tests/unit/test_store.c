/* SPDX-License-Identifier: MIT */
/* The store, one process: the file, runs, branches, answers, the log. */
#include "store_help.h"

/* ---- the file ---- */

static void
violation(void *arg, const struct sk_violation *v)
{
	(void)arg;
	printf("# %s %s: %s\n", v->rule, v->row, v->detail);
}

static bool
is_sound(struct sk_db *h)
{
	struct sk_audit_counts n;

	return sk_audit(h, violation, NULL, &n, &err) == 0 && n.violations == 0;
}

static void
test_file(void)
{
	struct stat st;
	char *p;

	CHECK_INT(sk_db_open(&db, in_dir("none.db"), 0, &err), SK_USAGE);
	CHECK_STR(err.code, "no_database");
	CHECK(access(in_dir("none.db"), F_OK) != 0);
	CHECK_INT(sk_db_open(&db, dir, SK_DB_CREATE, &err), SK_USAGE);
	CHECK_STR(err.code, "not_a_file");

	db = open_db("a/b/new.db");
	CHECK(db != NULL);
	CHECK(stat(in_dir("a/b/new.db"), &st) == 0 &&
	      (st.st_mode & 0777) == 0600);
	CHECK(stat(in_dir("a/b/new.db-wal"), &st) == 0 &&
	      (st.st_mode & 0777) == 0600);
	CHECK(stat(in_dir("a/b"), &st) == 0 && (st.st_mode & 0777) == 0700);
	CHECK(is_sound(db));
	sk_db_close(db);
	sk_db_close(NULL);
	CHECK_INT(
	    number("a/b/new.db", "SELECT length(incarnation)FROM meta"), 32);
	CHECK_INT(number("a/b/new.db", "PRAGMA application_id"), 0x534B4954);
	CHECK_INT(number("a/b/new.db", "PRAGMA user_version"), 10);
	CHECK_INT(number("a/b/new.db",
		      "SELECT count(*)FROM journal WHERE kind='migrate'"),
	    1);

	/* Open to others: closed again by the owner. */
	CHECK_INT(chmod(in_dir("a/b/new.db"), 0644), 0);
	db = open_db("a/b/new.db");
	CHECK(stat(in_dir("a/b/new.db"), &st) == 0 &&
	      (st.st_mode & 0777) == 0600);
	sk_db_close(db);

	/* Another name by symbolic link is the same queue, by hard link a
	 * danger. */
	CHECK_INT(symlink(in_dir("a/b/new.db"), in_dir("link.db")), 0);
	db = open_db("link.db");
	CHECK(db != NULL && sk_has_suffix(sk_db_path(db), "/a/b/new.db"));
	sk_db_close(db);
	CHECK_INT(link(in_dir("a/b/new.db"), in_dir("hard.db")), 0);
	CHECK_INT(sk_db_open(&db, in_dir("hard.db"), 0, &err), SK_USAGE);
	CHECK_STR(err.code, "hard_link");
	CHECK_INT(unlink(in_dir("hard.db")), 0);

	(void)setenv("SK_DB", "/x/y.db", 1);
	p = sk_db_default_path(NULL, &err);
	CHECK_STR(p, "/x/y.db");
	free(p);
	(void)unsetenv("SK_DB");
	(void)setenv("XDG_STATE_HOME", "/s", 1);
	p = sk_db_default_path(NULL, &err);
	CHECK_STR(p, "/s/sk/sk.db");
	free(p);
}

static void
test_refusals(void)
{
	FILE *f;

	CHECK_INT(
	    raw("foreign.db", "PRAGMA application_id=1;CREATE TABLE t(x)"), 0);
	CHECK_INT(sk_db_open(&db, in_dir("foreign.db"), SK_DB_CREATE, &err),
	    SK_DAMAGED);
	CHECK_STR(err.code, "foreign_database");
	CHECK_INT(raw("plain.db", "CREATE TABLE t(x)"), 0);
	CHECK_INT(sk_db_open(&db, in_dir("plain.db"), SK_DB_CREATE, &err),
	    SK_DAMAGED);
	CHECK_STR(err.code, "foreign_database");
	CHECK_INT(number("plain.db", "SELECT count(*)FROM sqlite_schema"), 1);

	sk_db_close(open_db("newer.db"));
	CHECK_INT(raw("newer.db", "PRAGMA user_version=99"), 0);
	CHECK_INT(
	    sk_db_open(&db, in_dir("newer.db"), SK_DB_CREATE, &err), SK_NEWER);
	CHECK_STR(err.code, "newer_schema");
	CHECK(strstr(err.message, "99") && strstr(err.message, "up to 10"));

	f = fopen(in_dir("text.db"), "w");
	(void)fputs("this is a letter, not a database\n", f);
	(void)fclose(f);
	CHECK_INT(
	    sk_db_open(&db, in_dir("text.db"), SK_DB_CREATE, &err), SK_DAMAGED);
	CHECK_STR(err.code, "not_a_database");
	CHECK(access(in_dir("text.db-wlock"), F_OK) != 0);

	/* Deleted under us: no write goes into the unlinked file. */
	db = open_db("gone.db");
	CHECK_INT(unlink(in_dir("gone.db")), 0);
	CHECK_INT(sk_db_begin(db, &err), SK_DAMAGED);
	CHECK_STR(err.code, "replaced");
	sk_db_close(db);
}

/* ---- runs and branches ---- */

static void
test_runs(void)
{
	struct sk_git git = { .branch = "main", .head = "abc", .root = "/p" };
	struct sk_git other = { .branch = "topic", .root = "/p" };
	char run2[SK_RUN_LEN], br2[SK_BRANCH_LEN];
	struct sk_run r;
	bool found;

	db = open_db("runs.db");
	run[0] = br[0] = '\0';
	CHECK_INT(sk_run_ensure(db, run, br, "SPEC-1", &git, &err), 0);
	CHECK(strlen(run) == SK_ID_LEN - 1);
	CHECK(sk_has_prefix(br, "SPEC-1-20") && strlen(br) == 6 + 16 + 32);
	(void)snprintf(run2, sizeof(run2), "%s", run);
	br2[0] = '\0';
	CHECK_INT(sk_run_ensure(db, run2, br2, "SPEC-1", &git, &err), 0);
	CHECK_STR(br2, br);
	CHECK_INT(number("runs.db", "SELECT count(*)FROM runs"), 1);
	CHECK_INT(sk_run_ensure(db, run2, br2, "", NULL, &err), 0);
	CHECK_INT(sk_run_ensure(db, run2, br2, "SPEC-2", NULL, &err), SK_USAGE);
	CHECK_STR(err.code, "run_mismatch");
	other.root = "/elsewhere";
	CHECK_INT(
	    sk_run_ensure(db, run2, br2, "SPEC-1", &other, &err), SK_USAGE);
	CHECK_STR(err.code, "run_mismatch");
	other.root = "/p";
	(void)snprintf(br2, sizeof(br2), "nowhere");
	CHECK_INT(sk_run_ensure(db, run2, br2, "", NULL, &err), SK_USAGE);
	CHECK_STR(err.code, "wrong_branch");
	(void)snprintf(run2, sizeof(run2), "../x");
	br2[0] = '\0';
	CHECK_INT(sk_run_ensure(db, run2, br2, "", NULL, &err), SK_USAGE);
	CHECK_STR(err.code, "bad_identifier");

	/* A run that a foreign record names is made, with its branch. */
	(void)snprintf(run2, sizeof(run2), "theirs");
	(void)snprintf(br2, sizeof(br2), "their-branch");
	CHECK_INT(sk_run_ensure(db, run2, br2, "", NULL, &err), 0);
	CHECK_INT(sk_run_get(db, "theirs", &r, &found, &arena, &err), 0);
	CHECK(found && strcmp(r.branch, "their-branch") == 0);
	(void)snprintf(run2, sizeof(run2), "theirs2");
	CHECK_INT(sk_run_ensure(db, run2, br2, "", NULL, &err), SK_USAGE);
	CHECK_STR(err.code, "wrong_branch");
}

/* On the runs of the test before. */
static void
test_branches(void)
{
	struct sk_git other = { .branch = "topic", .root = "/p" };
	struct sk_branch b, *list;
	struct sk_branch_filter f = { .spec = "SPEC-1" };
	char br2[SK_BRANCH_LEN] = "";
	struct sk_run r;
	size_t n, left;
	bool found;

	CHECK_INT(sk_branch_create(
		      db, run, "", SK_FORK_NEWEST, &other, &b, &arena, &err),
	    0);
	CHECK_STR(b.parent, br);
	CHECK_STR(b.git_branch, "topic");
	CHECK_STR(b.spec, "SPEC-1");
	CHECK_INT(sk_run_ensure(db, run, br2, "", NULL, &err), 0);
	CHECK_STR(br2, b.id); /* the newest */
	CHECK_INT(sk_branch_create(db, run, "their-branch", SK_FORK_NEWEST,
		      NULL, &b, &arena, &err),
	    SK_USAGE);
	CHECK_STR(err.code, "wrong_branch");
	CHECK_INT(sk_branch_get(db, "nix", &b, &arena, &err), SK_USAGE);
	CHECK_STR(err.code, "no_such_branch");
	CHECK_INT(sk_branch_list(db, &f, &list, &n, &left, &arena, &err), 0);
	CHECK(n == 2 && left == 0);
	f.git_branch = "topic";
	CHECK_INT(sk_branch_list(db, &f, &list, &n, &left, &arena, &err), 0);
	CHECK(n == 1 && left == 1 && strcmp(list[0].id, br2) == 0);
	f.root = "/q";
	CHECK_INT(sk_branch_list(db, &f, &list, &n, &left, &arena, &err), 0);
	CHECK(n == 0 && left == 2);

	CHECK_INT(
	    sk_run_latest(db, "SPEC-1", "/p", &r, &found, &arena, &err), 0);
	CHECK(found);
	CHECK_STR(r.id, run);
	CHECK_STR(r.state, "");
	CHECK_INT(
	    sk_run_latest(db, "SPEC-1", "/q", &r, &found, &arena, &err), 0);
	CHECK(!found);
	CHECK_INT(sk_run_state(db, run, "running", 0, &err), 0);
	CHECK_INT(sk_run_get(db, run, &r, &found, &arena, &err), 0);
	CHECK_STR(r.state, "running");
	CHECK_INT(sk_run_state(db, "nix", "running", 0, &err), SK_USAGE);
	sk_db_close(db);
}

/* ---- answers ---- */

static void
test_answers(void)
{
	struct sk_answer_row r;
	struct sk_intake_res res;
	struct sk_stored *v;
	int64_t attempt, seq, round;
	size_t n;

	fresh("answers.db");
	CHECK_INT(
	    sk_request_reserve(db, &k, "exec", "m", &attempt, &seq, &err), 0);
	CHECK(attempt == 1 && seq == 0);
	/* A failure does not occupy the request. */
	r = answer(&k, 1, "");
	r.ok = false;
	r.failure_kind = "crashed";
	r.failure_message = "exit 1";
	r.exit_code = 1;
	CHECK_INT(take(&r, &res), SK_IN_FAILED);
	CHECK_INT(take(&r, &res), SK_IN_FAILED); /* recorded once */
	CHECK_INT(sk_answers_of(db, &k, &v, &n, &round, &arena, &err), 0);
	CHECK(n == 1 && !v[0].ok && v[0].attempt == 1 && round == 1);
	CHECK_STR(v[0].failure_kind, "crashed");
	CHECK_INT(
	    sk_request_reserve(db, &k, "exec", "m", &attempt, &seq, &err), 0);
	CHECK(attempt == 2 && seq == 0);
	r = answer(&k, 2, "one");
	CHECK_INT(take(&r, &res), SK_IN_ACCEPTED);
	CHECK(res.seq == 1 && res.attempt == 2);
	CHECK_INT(take(&r, &res), SK_IN_KNOWN);
	CHECK(res.seq == 1 && res.attempt == 2);
	CHECK_STR(res.sha256, r.sha256);
	CHECK_INT(
	    sk_request_reserve(db, &k, "exec", "m", &attempt, &seq, &err), 0);
	CHECK(attempt == 2 && seq == 1);
}

/* On the answer of the test before. */
static void
test_late_answers(void)
{
	struct sk_answer_row r;
	struct sk_intake_res res;
	struct sk_stored *v;
	int64_t round;
	size_t n;

	r = answer(&k, 0, "one"); /* a script sends it again */
	CHECK_INT(take(&r, &res), SK_IN_DUPLICATE);
	r = answer(&k, 3, "one");
	CHECK_INT(take(&r, &res), SK_IN_DUPLICATE);
	CHECK_INT(take(&r, &res), SK_IN_DUPLICATE); /* counted once */
	r = answer(&k, 4, "two");
	CHECK_INT(take(&r, &res), SK_IN_DIVERGENT);
	CHECK_INT(take(&r, &res), SK_IN_DIVERGENT); /* counted once */
	CHECK(res.seq == 1 && res.attempt == 2);
	r = answer(&k, 1, "late"); /* the failed one after all */
	r.ok = false;
	CHECK_INT(take(&r, &res), SK_IN_FAILED);
	CHECK_INT(sk_answers_of(db, &k, &v, &n, &round, &arena, &err), 0);
	CHECK(n == 1 && v[0].ok && v[0].seq == 1 && v[0].attempt == 2);
	CHECK_STR(v[0].content, "one");
	CHECK_STR(v[0].model, "m1");
	CHECK_STR(v[0].adapter, "exec");
	CHECK(v[0].started_ms == 5 && v[0].ended_ms == 7);
	CHECK_INT(v[0].duplicates, 2);
	CHECK_INT(v[0].divergents, 1);
}

static void
test_rounds(void)
{
	struct sk_answer_row r;
	struct sk_intake_res res;
	struct sk_stored *v;
	int64_t attempt, seq, round;
	size_t n;

	/* Never reserved, two agents with the same answer: two votes. */
	k.agent = "a2";
	r = answer(&k, 0, "one");
	CHECK_INT(take(&r, &res), SK_IN_ACCEPTED);
	CHECK(res.seq == 2 && res.attempt == 1);
	/* Bytes stay bytes; the newest round is found. */
	k.round = 2;
	r = answer(&k, 7, "x");
	r.content = "a\0b\xff";
	r.content_n = 4;
	CHECK_INT(take(&r, &res), SK_IN_ACCEPTED);
	k.round = 0;
	CHECK_INT(sk_answers_of(db, &k, &v, &n, &round, &arena, &err), 0);
	CHECK(n == 1 && round == 2 && v[0].content_n == 4 &&
	      memcmp(v[0].content, "a\0b\xff", 5) == 0);
	k.round = 1;
	CHECK_INT(sk_answers_of(db, &k, &v, &n, &round, &arena, &err), 0);
	CHECK(n == 2 && strcmp(v[0].agent, "a1") == 0);
	k.stage = "tasks";
	CHECK_INT(sk_answers_of(db, &k, &v, &n, &round, &arena, &err), 0);
	CHECK(n == 0);

	/* A stopped run takes nothing new, but knows what it has. */
	CHECK_INT(sk_run_state(db, run, "stopped", 0, &err), 0);
	r = answer(&k, 0, "one");
	CHECK_INT(take(&r, &res), SK_IN_STOPPED);
	CHECK_INT(sk_request_reserve(db, &k, "exec", "m", &attempt, &seq, &err),
	    SK_ORDER);
	CHECK_STR(err.code, "run_stopped");
	CHECK_STR(sk_intake_word(SK_IN_DIVERGENT), "divergent");
	k.agent = "..";
	CHECK_INT(sk_answer_intake(db, &r, &res, &err), 0);
	r.key = k;
	CHECK_INT(sk_answer_intake(db, &r, &res, &err), SK_USAGE);
	sk_db_close(db);
	CHECK_INT(number("answers.db",
		      "SELECT count(*)FROM journal WHERE kind='failed'"),
	    1);
	CHECK_INT(
	    number("answers.db", "SELECT count(*)FROM journal WHERE kind IN"
				 "('duplicate','divergent')"),
	    3);
}

/* Of the log, which has a header of 32 bytes, then frames of a page and 24. */
static int64_t
pages(const char *log)
{
	struct stat st;

	return stat(in_dir(log), &st) == 0 ? (st.st_size - 32) / (4096 + 24)
	                                   : 0;
}

/* Many commits: the log is checkpointed and stays short. */
static void
test_log(void)
{
	struct sk_db *ro;
	struct sk_answer_row r;
	struct sk_intake_res res;
	int64_t n, max = 0;

	fresh("log.db");
	for (int i = 1; i <= 200; i++) {
		k.round = i;
		r = answer(&k, 0, "text");
		(void)take(&r, &res);
		n = pages("log.db-wal");
		max = n > max ? n : max;
	}
	CHECK_INT(res.seq, 200);
	CHECKF(
	    max >= 450 && max < 560, "log: at most %lld pages", (long long)max);
	CHECK_INT(sk_db_open(&ro, in_dir("log.db"), SK_DB_READONLY, &err), 0);
	CHECK(is_sound(ro));
	sk_db_close(ro);
	sk_db_close(db);
}

int
main(void)
{
	begin_tests("test_store");
	test_file();
	test_refusals();
	test_runs();
	test_branches();
	test_answers();
	test_late_answers();
	test_rounds();
	test_log();
	return end_tests();
}
