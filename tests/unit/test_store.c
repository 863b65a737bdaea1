/* SPDX-License-Identifier: MIT */
/* The store's promises, one process: runs, answers, decisions, fences. */
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

static const char *
in_dir(const char *name)
{
	return sk_arena_printf(&arena, "%s/%s", dir, name);
}

static struct sk_db *
open_db(const char *name)
{
	struct sk_db *db;

	if (sk_db_open(&db, in_dir(name), SK_DB_CREATE, &err) != 0) {
		printf("# %s\n", err.message);
		return NULL;
	}
	return db;
}

/* A stranger with the same file, for tampering and for counting. */
static int
raw(const char *name, const char *sql)
{
	sqlite3 *h;
	char *msg = NULL;
	int rc;

	if (sqlite3_open(in_dir(name), &h) != SQLITE_OK)
		return -1;
	(void)sqlite3_busy_timeout(h, 5000);
	(void)sqlite3_db_config(
	    h, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)NULL);
	rc = sqlite3_exec(h, sql, NULL, NULL, &msg);
	if (msg != NULL)
		printf("# %s\n", msg);
	sqlite3_free(msg);
	(void)sqlite3_close(h);
	return rc;
}

static long long
number(const char *name, const char *sql)
{
	sqlite3 *h;
	sqlite3_stmt *st;
	long long n = -1;

	if (sqlite3_open(in_dir(name), &h) != SQLITE_OK)
		return -1;
	(void)sqlite3_busy_timeout(h, 5000);
	(void)sqlite3_db_config(
	    h, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)NULL);
	if (sqlite3_prepare_v2(h, sql, -1, &st, NULL) == SQLITE_OK &&
	    sqlite3_step(st) == SQLITE_ROW)
		n = sqlite3_column_int64(st, 0);
	(void)sqlite3_finalize(st);
	(void)sqlite3_close(h);
	return n;
}

/* ---- the file ------------------------------------------------------------- */

static void
test_file(void)
{
	struct sk_db *db;
	struct sk_db_info info;
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
	CHECK_INT(sk_db_info(db, &info, &err), 0);
	CHECK_INT(strlen(info.incarnation), 32);
	CHECK_INT(sk_db_check(db, true, &err), 0);
	CHECK_INT(sk_db_checkpoint(db, &err), 0);
	sk_db_close(db);
	sk_db_close(NULL);
	CHECK_INT(number("a/b/new.db", "PRAGMA application_id"), 0x534B4954);
	CHECK_INT(number("a/b/new.db", "PRAGMA user_version"), 2);
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
	struct sk_db *db;
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
	CHECK_INT(raw("newer.db", "PRAGMA user_version=3"), 0);
	CHECK_INT(
	    sk_db_open(&db, in_dir("newer.db"), SK_DB_CREATE, &err), SK_NEWER);
	CHECK_STR(err.code, "newer_schema");
	CHECK(strstr(err.message, "3") && strstr(err.message, "2"));

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

/* ---- runs and branches ----------------------------------------------------- */

static void
test_runs(void)
{
	struct sk_git git = { .branch = "main", .head = "abc", .root = "/p" };
	struct sk_git other = { .branch = "topic", .root = "/p" };
	char run[SK_RUN_LEN] = "", br[SK_BRANCH_LEN] = "";
	char run2[SK_RUN_LEN], br2[SK_BRANCH_LEN];
	struct sk_branch b, *list;
	struct sk_branch_filter f = { .spec = "SPEC-1" };
	struct sk_run r;
	size_t n, left;
	bool found;
	struct sk_db *db = open_db("runs.db");

	CHECK_INT(sk_run_ensure(db, run, br, "SPEC-1", &git, &err), 0);
	CHECK(strlen(run) == SK_ID_LEN - 1);
	CHECK(sk_has_prefix(br, "SPEC-1-20") && strlen(br) == 6 + 16 + 32);
	(void)strncpy(run2, run, sizeof(run2));
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

	/* Branches. */
	CHECK_INT(sk_branch_create(db, run, "", &other, &b, &arena, &err), 0);
	CHECK_STR(b.parent, br);
	CHECK_STR(b.git_branch, "topic");
	CHECK_STR(b.spec, "SPEC-1");
	br2[0] = '\0';
	CHECK_INT(sk_run_ensure(db, run, br2, "", NULL, &err), 0);
	CHECK_STR(br2, b.id); /* the newest */
	CHECK_INT(
	    sk_branch_create(db, run, "their-branch", NULL, &b, &arena, &err),
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

/* ---- answers ---------------------------------------------------------------- */

static struct sk_answer_row
answer(const struct sk_key *k, int64_t attempt, const char *text)
{
	struct sk_answer_row r = { .key = *k, .attempt = attempt };
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

static enum sk_intake_kind
take(struct sk_db *db, const struct sk_answer_row *r, struct sk_intake_res *res)
{
	int rc = sk_answer_intake(db, r, res, &err);

	if (rc != 0)
		printf("# intake: %s\n", err.message);
	return rc == 0 ? res->kind : (enum sk_intake_kind)99;
}

static void
test_answers(void)
{
	char run[SK_RUN_LEN] = "r1", br[SK_BRANCH_LEN] = "";
	struct sk_db *db = open_db("answers.db");
	struct sk_key k = { .run = run,
		.branch = br,
		.spec = "S",
		.round = 1,
		.stage = "plan",
		.agent = "a1" };
	struct sk_answer_row r;
	struct sk_intake_res res;
	struct sk_stored *v;
	int64_t attempt, seq, round;
	size_t n;

	CHECK_INT(sk_run_ensure(db, run, br, "S", NULL, &err), 0);
	CHECK_INT(
	    sk_request_reserve(db, &k, "exec", "m", &attempt, &seq, &err), 0);
	CHECK(attempt == 1 && seq == 0);
	/* A failure does not occupy the request. */
	r = answer(&k, 1, "");
	r.ok = false;
	r.failure_kind = "crashed";
	r.failure_message = "exit 1";
	r.exit_code = 1;
	CHECK_INT(take(db, &r, &res), SK_IN_FAILED);
	CHECK_INT(take(db, &r, &res), SK_IN_FAILED); /* recorded once */
	CHECK_INT(sk_answers_of(db, &k, &v, &n, &round, &arena, &err), 0);
	CHECK(n == 1 && !v[0].ok && v[0].attempt == 1 && round == 1);
	CHECK_STR(v[0].failure_kind, "crashed");
	CHECK_INT(
	    sk_request_reserve(db, &k, "exec", "m", &attempt, &seq, &err), 0);
	CHECK(attempt == 2 && seq == 0);
	r = answer(&k, 2, "one");
	CHECK_INT(take(db, &r, &res), SK_IN_ACCEPTED);
	CHECK(res.seq == 1 && res.attempt == 2);
	CHECK_INT(take(db, &r, &res), SK_IN_KNOWN);
	CHECK(res.seq == 1 && res.attempt == 2);
	CHECK_STR(res.sha256, r.sha256);
	CHECK_INT(
	    sk_request_reserve(db, &k, "exec", "m", &attempt, &seq, &err), 0);
	CHECK(attempt == 2 && seq == 1);
	r = answer(&k, 0, "one"); /* a script sends it again */
	CHECK_INT(take(db, &r, &res), SK_IN_DUPLICATE);
	r = answer(&k, 3, "one");
	CHECK_INT(take(db, &r, &res), SK_IN_DUPLICATE);
	CHECK_INT(take(db, &r, &res), SK_IN_DUPLICATE); /* counted once */
	r = answer(&k, 4, "two");
	CHECK_INT(take(db, &r, &res), SK_IN_DIVERGENT);
	CHECK_INT(take(db, &r, &res), SK_IN_DIVERGENT); /* counted once */
	CHECK(res.seq == 1 && res.attempt == 2);
	r = answer(&k, 1, "late"); /* the failed one after all */
	r.ok = false;
	CHECK_INT(take(db, &r, &res), SK_IN_FAILED);
	CHECK_INT(sk_answers_of(db, &k, &v, &n, &round, &arena, &err), 0);
	CHECK(n == 1 && v[0].ok && v[0].seq == 1 && v[0].attempt == 2);
	CHECK_STR(v[0].content, "one");
	CHECK_STR(v[0].model, "m1");
	CHECK_STR(v[0].adapter, "exec");
	CHECK(v[0].started_ms == 5 && v[0].ended_ms == 7);
	CHECK_INT(v[0].duplicates, 2);
	CHECK_INT(v[0].divergents, 1);

	/* Never reserved, two agents with the same answer: two votes. */
	k.agent = "a2";
	r = answer(&k, 0, "one");
	CHECK_INT(take(db, &r, &res), SK_IN_ACCEPTED);
	CHECK(res.seq == 2 && res.attempt == 1);
	/* Bytes stay bytes; the newest round is found. */
	k.round = 2;
	r = answer(&k, 7, "x");
	r.content = "a\0b\xff";
	r.content_n = 4;
	CHECK_INT(take(db, &r, &res), SK_IN_ACCEPTED);
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
	CHECK_INT(take(db, &r, &res), SK_IN_STOPPED);
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

/* ---- decisions ----------------------------------------------------------------- */

static int
decide(struct sk_db *db, const struct sk_key *k, const char *input,
    int64_t epoch, struct sk_decision *out, bool *replayed)
{
	struct sk_decide d = { .key = *k,
		.status = "ok",
		.verdict = "{\"v\":1}",
		.verdict_n = 7,
		.input_sha256 = input,
		.epoch = epoch };

	return sk_decision_make(db, &d, out, replayed, &arena, &err);
}

static void
test_decisions(void)
{
	static const struct {
		const char *stage, *input;
	} plan[] = { { "plan", "i1" }, { "tasks", "i2" }, { "plan", "i3" } };
	char run[SK_RUN_LEN] = "r1", br[SK_BRANCH_LEN] = "";
	struct sk_db *db = open_db("decisions.db");
	struct sk_key k = { .run = run, .branch = br, .spec = "S", .round = 1 };
	struct sk_decision d, *list;
	bool replayed, already, found;
	size_t n;

	CHECK_INT(sk_run_ensure(db, run, br, "S", NULL, &err), 0);
	for (size_t i = 0; i < 3; i++) {
		k.stage = plan[i].stage;
		CHECK_INT(decide(db, &k, plan[i].input, 0, &d, &replayed), 0);
		CHECK(!replayed && d.seq == (int64_t)i + 1 && !d.acked);
		CHECK_STR(d.verdict, "{\"v\":1}");
		/* Asked again after a crash: the same. */
		CHECK_INT(decide(db, &k, plan[i].input, 0, &d, &replayed), 0);
		CHECK(replayed && d.seq == (int64_t)i + 1);
		/* Anything else waits. */
		CHECK_INT(decide(db, &k, "zz", 0, &d, &replayed), SK_ORDER);
		CHECK_STR(err.code, "pending");
		k.stage = "audit";
		CHECK_INT(decide(db, &k, "zz", 0, &d, &replayed), SK_ORDER);
		CHECK_STR(err.code, "pending");
		CHECK_INT(
		    sk_decision_pending(db, run, "", &d, &found, &arena, &err),
		    0);
		CHECK(found && d.seq == (int64_t)i + 1);
		/* Out of order changes nothing. */
		CHECK_INT(
		    sk_decision_ack(db, run, br, d.seq + 1, 0, &already, &err),
		    SK_ORDER);
		CHECK_STR(err.code, "out_of_order");
		CHECK_INT(sk_decision_artefact(
			      db, run, br, d.seq + 1, 0, "p", "h", &err),
		    SK_ORDER);
		CHECK_INT(
		    sk_decision_artefact(db, run, br, d.seq, 0, "p", "h", &err),
		    0);
		CHECK_INT(
		    sk_decision_ack(db, run, br, d.seq, 0, &already, &err), 0);
		CHECK(!already);
		CHECK_INT(
		    sk_decision_ack(db, run, "", d.seq, 0, &already, &err), 0);
		CHECK(already);
		CHECK_INT(
		    sk_decision_artefact(db, run, br, d.seq, 0, "p", "h", &err),
		    0);
		CHECK_INT(
		    sk_decision_artefact(db, run, br, d.seq, 0, "q", "h", &err),
		    SK_ORDER);
		CHECK_INT(
		    sk_decision_pending(db, run, br, &d, &found, &arena, &err),
		    0);
		CHECK(!found);
	}
	k.stage = "plan";
	CHECK_INT(decide(db, &k, "i1", 0, &d, &replayed), 0);
	CHECK(replayed && d.acked && d.seq == 1 && d.supersedes == 0);
	CHECK_STR(d.artefact, "p");
	CHECK_INT(sk_decision_list(
		      db, run, "", "", "plan", 0, &list, &n, &arena, &err),
	    0);
	CHECK(n == 2 && list[0].seq == 3 && list[0].supersedes == 1);
	CHECK_INT(sk_decision_list(
		      db, NULL, NULL, NULL, NULL, 2, &list, &n, &arena, &err),
	    0);
	CHECK(n == 2 && list[0].seq == 3 && list[1].seq == 2);
	CHECK_INT(
	    sk_decision_ack(db, run, "nix", 1, 0, &already, &err), SK_ORDER);
	CHECK_INT(
	    sk_decision_ack(db, "nix", "", 1, 0, &already, &err), SK_USAGE);

	/* A rollback takes the number back: no gap. */
	CHECK_INT(sk_db_begin(db, &err), 0);
	CHECK_INT(decide(db, &k, "i4", 0, &d, &replayed), 0);
	CHECK_INT(d.seq, 4);
	sk_db_rollback(db);
	CHECK_INT(decide(db, &k, "i5", 0, &d, &replayed), 0);
	CHECK_INT(d.seq, 4);
	sk_db_close(db);
}

static void
test_ancestry(void)
{
	char run[SK_RUN_LEN] = "r1", br[SK_BRANCH_LEN] = "";
	struct sk_db *db = open_db("tree.db");
	struct sk_key k = { .run = run,
		.branch = br,
		.spec = "S",
		.round = 1,
		.stage = "plan",
		.agent = "a1" };
	struct sk_answer_row r;
	struct sk_intake_res res;
	struct sk_decision d;
	struct sk_branch c1, c2;
	struct sk_stored *v;
	struct sk_decide dec = { .status = "ok",
		.verdict = "{}",
		.verdict_n = 2,
		.input_sha256 = "i1",
		.n_answers = 1 };
	int64_t round;
	bool replayed, already;
	size_t n;

	CHECK_INT(sk_run_ensure(db, run, br, "S", NULL, &err), 0);
	r = answer(&k, 1, "one");
	CHECK_INT(take(db, &r, &res), SK_IN_ACCEPTED);
	dec.key = k;
	dec.answer_seqs = &res.seq;
	CHECK_INT(sk_decision_make(db, &dec, &d, &replayed, &arena, &err), 0);
	CHECK_INT(sk_decision_ack(db, run, br, 1, 0, &already, &err), 0);
	CHECK_INT(sk_branch_create(db, run, "", NULL, &c1, &arena, &err), 0);
	CHECK_INT(sk_branch_create(db, run, c1.id, NULL, &c2, &arena, &err), 0);
	/* After the fork, in the parent: not for the children. */
	k.agent = "a2";
	r = answer(&k, 1, "two");
	CHECK_INT(take(db, &r, &res), SK_IN_ACCEPTED);
	k.stage = "tasks";
	r = answer(&k, 1, "three");
	CHECK_INT(take(db, &r, &res), SK_IN_ACCEPTED);

	k.branch = c2.id; /* a grandchild */
	k.stage = "plan";
	CHECK_INT(sk_answers_of(db, &k, &v, &n, &round, &arena, &err), 0);
	CHECK(n == 2 && v[0].ok && !v[1].ok && v[1].content == NULL);
	k.stage = "tasks";
	CHECK_INT(sk_answers_of(db, &k, &v, &n, &round, &arena, &err), 0);
	CHECK_INT(n, 0);
	/* Its own attempt hides the ancestor's. */
	k.stage = "plan";
	k.agent = "a3";
	r = answer(&k, 1, "own");
	CHECK_INT(take(db, &r, &res), SK_IN_ACCEPTED);
	CHECK_INT(sk_answers_of(db, &k, &v, &n, &round, &arena, &err), 0);
	CHECK(n == 1 && strcmp(v[0].agent, "a3") == 0);
	/* Each branch numbers from one. */
	dec.key = k;
	dec.answer_seqs = &res.seq;
	CHECK_INT(sk_decision_make(db, &dec, &d, &replayed, &arena, &err), 0);
	CHECK(!replayed && d.seq == 1);
	sk_db_close(db);
}

/* ---- drivers, fences, tampering ---------------------------------------------------- */

static void
test_fences(void)
{
	char run[SK_RUN_LEN] = "r1", br[SK_BRANCH_LEN] = "";
	struct sk_db *db = open_db("fence.db");
	struct sk_key k = { .run = run,
		.branch = br,
		.spec = "S",
		.round = 1,
		.stage = "plan" };
	struct sk_driver d1, d2;
	struct sk_decision d;
	struct sk_pub pub;
	struct sk_buf out;
	bool replayed, already;

	CHECK_INT(sk_run_ensure(db, run, br, "S", NULL, &err), 0);
	CHECK_INT(sk_driver_start(db, run, 0, &d1, &err), 0);
	CHECK_INT(d1.epoch, 1);
	CHECK_INT(sk_driver_start(db, run, 0, &d2, &err), SK_AGAIN);
	CHECK_STR(err.code, "driver_alive");
	CHECK(strstr(err.message, sk_prog) != NULL);
	CHECK_INT(sk_driver_start(db, "r2", 0, &d2, &err), 0);
	sk_driver_end(&d2);
	CHECK_INT(decide(db, &k, "i1", 0, &d, &replayed), SK_ORDER);
	CHECK_STR(err.code, "fenced");
	CHECK_INT(decide(db, &k, "i1", 1, &d, &replayed), 0);
	sk_driver_end(&d1);
	CHECK_INT(sk_driver_start(db, run, 100, &d2, &err), 0);
	CHECK_INT(d2.epoch, 2);
	/* The zombie with epoch 1 gets nowhere. */
	CHECK_INT(sk_decision_ack(db, run, br, 1, 1, &already, &err), SK_ORDER);
	CHECK_STR(err.code, "fenced");
	CHECK_INT(
	    sk_decision_artefact(db, run, br, 1, 1, "p", "h", &err), SK_ORDER);
	CHECK_INT(sk_run_state(db, run, "done", 1, &err), SK_ORDER);
	CHECK_INT(sk_stage_start(db, run, br, "plan", "a1", 1, &err), SK_ORDER);
	CHECK_INT(sk_pub_begin(&pub, in_dir("art"), "old", 3, 0, &err), 0);
	CHECK_INT(sk_db_publish(db, run, 1, &pub, &err), SK_ORDER);
	CHECK(access(in_dir("art"), F_OK) != 0);
	CHECK_INT(sk_pub_begin(&pub, in_dir("art"), "new", 3, 0, &err), 0);
	CHECK_INT(sk_db_publish(db, run, 2, &pub, &err), 0);
	sk_buf_init(&out, 0);
	CHECK_INT(sk_read_file(in_dir("art"), 100, &out, &err), 0);
	CHECK_STR(out.p, "new");
	sk_buf_free(&out);
	/* The new driver takes the pending decision over. */
	CHECK_INT(decide(db, &k, "i1", 2, &d, &replayed), 0);
	CHECK(replayed && d.epoch == 1);
	CHECK_INT(sk_decision_ack(db, run, br, 1, 2, &already, &err), 0);
	sk_driver_end(&d2);
	sk_db_close(db);

	CHECK(raw("fence.db", "UPDATE decisions SET artefact='x'") != 0);
	CHECK(raw("fence.db", "DELETE FROM decisions") != 0);
	CHECK(raw("fence.db", "UPDATE leases SET epoch=1") != 0);
	CHECK(raw("fence.db", "DELETE FROM leases") != 0);
	CHECK(raw("fence.db", "UPDATE journal SET kind='x'") != 0);
	CHECK(raw("fence.db", "DELETE FROM journal") != 0);
	/* Two pending ones: the engine itself refuses. */
#define PENDING(n) \
	"INSERT INTO consensus_runs SELECT " n ",run_id,branch_id,spec_id," \
	"stage,round,1,1,0,'ok','{}'FROM consensus_runs WHERE id=1;" \
	"INSERT INTO decisions SELECT branch_id," n ",run_id,spec_id,'x',1," \
	"" n ",'pending'," n ",0,1,NULL,1,NULL,NULL,NULL FROM decisions " \
	"WHERE decision_seq=1"
	CHECK_INT(raw("fence.db", PENDING("2")), 0);
	CHECK(raw("fence.db", PENDING("3")) != 0);
}

static void
test_stages(void)
{
	char run[SK_RUN_LEN] = "r1", br[SK_BRANCH_LEN] = "";
	struct sk_db *db = open_db("stages.db");
	struct sk_stage_row row = { .stage = "plan",
		.state = "done",
		.status = "ok",
		.round = 1,
		.decision_seq = 1,
		.artefact = sk_arena_strdup(&arena, "plan.md") },
			    *v;
	size_t n;

	CHECK_INT(sk_run_ensure(db, run, br, "S", NULL, &err), 0);
	CHECK_INT(sk_stage_end(db, run, br, &row, 0, &err), SK_ORDER);
	CHECK_INT(sk_stage_start(db, run, br, "plan", "a1,a2", 0, &err), 0);
	CHECK_INT(sk_stage_end(db, run, br, &row, 0, &err), 0);
	CHECK_INT(sk_stage_start(db, run, br, "tasks", "a1", 0, &err), 0);
	CHECK_INT(sk_stage_list(db, run, br, &v, &n, &arena, &err), 0);
	CHECK(n == 2 && v[0].ended_ms >= v[0].started_ms);
	CHECK_STR(v[0].state, "done");
	CHECK_STR(v[0].agents, "a1,a2");
	CHECK_STR(v[0].artefact, "plan.md");
	CHECK_STR(v[1].state, "running");
	CHECK_INT(sk_stage_start(db, run, br, "plan", "a3", 0, &err), 0);
	CHECK_INT(sk_stage_list(db, run, br, &v, &n, &arena, &err), 0);
	CHECK(n == 2);
	CHECK_STR(v[1].stage, "plan");
	CHECK_STR(v[1].status, "");
	sk_db_close(db);
}

/* Many commits: the log is checkpointed and stays short. */
static void
test_log(void)
{
	char run[SK_RUN_LEN] = "r1", br[SK_BRANCH_LEN] = "";
	struct sk_db *db = open_db("log.db"), *ro;
	struct sk_db_info info;
	struct sk_key k = {
		.run = run, .branch = br, .stage = "plan", .agent = "a"
	};
	struct sk_answer_row r;
	struct sk_intake_res res;
	int64_t max = 0;

	CHECK_INT(sk_run_ensure(db, run, br, "", NULL, &err), 0);
	for (int i = 1; i <= 200; i++) {
		k.round = i;
		r = answer(&k, 0, "text");
		(void)take(db, &r, &res);
		(void)sk_db_info(db, &info, &err);
		max = info.wal_pages > max ? info.wal_pages : max;
	}
	CHECK_INT(res.seq, 200);
	CHECKF(
	    max >= 450 && max < 560, "log: at most %lld pages", (long long)max);
	CHECK_INT(sk_db_open(&ro, in_dir("log.db"), SK_DB_READONLY, &err), 0);
	CHECK_INT(sk_db_check(ro, true, &err), 0);
	sk_db_close(ro);
	CHECK_INT(sk_db_checkpoint(db, &err), 0);
	CHECK_INT(sk_db_info(db, &info, &err), 0);
	CHECK_INT(info.wal_pages, 0);
	sk_db_close(db);
}

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *f)
{
	(void)st;
	(void)kind;
	(void)f;
	return remove(path);
}

int
main(void)
{
	sk_prog = "test_store";
	if (mkdtemp(dir) == NULL)
		return 1;
	test_file();
	test_refusals();
	test_runs();
	test_answers();
	test_decisions();
	test_ancestry();
	test_fences();
	test_stages();
	test_log();
	(void)nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	sk_err_clear(&err);
	sk_arena_free(&arena);
	return tap_done();
}
