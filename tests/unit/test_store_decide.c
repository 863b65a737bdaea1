/* SPDX-License-Identifier: MIT */
/* The store, one process: decisions, ancestry, fences, stages. */
#include "store_help.h"

/* ---- decisions ---- */

static int
decide(
    const char *input, int64_t epoch, struct sk_decision *out, bool *replayed)
{
	struct sk_decide d = { .key = k,
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
	struct sk_decision d;
	bool replayed, already, found;

	fresh("decisions.db");
	for (size_t i = 0; i < 3; i++) {
		k.stage = plan[i].stage;
		CHECK_INT(decide(plan[i].input, 0, &d, &replayed), 0);
		CHECK(!replayed && d.seq == (int64_t)i + 1 && !d.acked);
		CHECK_STR(d.verdict, "{\"v\":1}");
		/* Asked again after a crash: the same. */
		CHECK_INT(decide(plan[i].input, 0, &d, &replayed), 0);
		CHECK(replayed && d.seq == (int64_t)i + 1);
		/* Anything else waits. */
		CHECK_INT(decide("zz", 0, &d, &replayed), SK_ORDER);
		CHECK_STR(err.code, "pending");
		k.stage = "audit";
		CHECK_INT(decide("zz", 0, &d, &replayed), SK_ORDER);
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
}

/* On the three decisions of the test before. */
static void
test_replay(void)
{
	struct sk_decision d, *list;
	bool replayed, already;
	size_t n;

	k.stage = "plan";
	CHECK_INT(decide("i3", 0, &d, &replayed), 0);
	CHECK(replayed && d.acked && d.seq == 3 && d.supersedes == 1);
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
	CHECK_INT(decide("i4", 0, &d, &replayed), 0);
	CHECK_INT(d.seq, 4);
	sk_db_rollback(db);
	CHECK_INT(decide("i5", 0, &d, &replayed), 0);
	CHECK_INT(d.seq, 4);
	CHECK_INT(sk_decision_ack(db, run, "", 4, 0, &already, &err), 0);
	/* What was decided before a newer decision is decided afresh. */
	CHECK_INT(decide("i1", 0, &d, &replayed), 0);
	CHECK(!replayed && !d.acked && d.seq == 5 && d.supersedes == 4);
	CHECK_INT(decide("i1", 0, &d, &replayed), 0);
	CHECK(replayed && d.seq == 5);
	sk_db_close(db);
}

static void
test_ancestry(void)
{
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

	fresh("tree.db");
	r = answer(&k, 1, "one");
	CHECK_INT(take(&r, &res), SK_IN_ACCEPTED);
	dec.key = k;
	dec.answer_seqs = &res.seq;
	CHECK_INT(sk_decision_make(db, &dec, &d, &replayed, &arena, &err), 0);
	CHECK_INT(sk_decision_ack(db, run, br, 1, 0, &already, &err), 0);
	CHECK_INT(sk_branch_create(
		      db, run, "", SK_FORK_NEWEST, NULL, &c1, &arena, &err),
	    0);
	CHECK_INT(sk_branch_create(
		      db, run, c1.id, SK_FORK_NEWEST, NULL, &c2, &arena, &err),
	    0);
	/* After the fork, in the parent: not for the children. */
	k.agent = "a2";
	r = answer(&k, 1, "two");
	CHECK_INT(take(&r, &res), SK_IN_ACCEPTED);
	k.stage = "tasks";
	r = answer(&k, 1, "three");
	CHECK_INT(take(&r, &res), SK_IN_ACCEPTED);

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
	CHECK_INT(take(&r, &res), SK_IN_ACCEPTED);
	CHECK_INT(sk_answers_of(db, &k, &v, &n, &round, &arena, &err), 0);
	CHECK(n == 1 && strcmp(v[0].agent, "a3") == 0);
	/* Each branch numbers from one. */
	dec.key = k;
	dec.answer_seqs = &res.seq;
	CHECK_INT(sk_decision_make(db, &dec, &d, &replayed, &arena, &err), 0);
	CHECK(!replayed && d.seq == 1);
	sk_db_close(db);
}

/* ---- drivers, fences, tampering ---- */

static void
test_fences(void)
{
	struct sk_driver d1, d2;
	struct sk_decision d;
	struct sk_pub pub;
	struct sk_buf out;
	bool replayed, already;

	fresh("fence.db");
	CHECK_INT(sk_driver_start(db, run, 0, &d1, &err), 0);
	CHECK_INT(d1.epoch, 1);
	CHECK_INT(sk_driver_start(db, run, 0, &d2, &err), SK_AGAIN);
	CHECK_STR(err.code, "driver_alive");
	CHECK(strstr(err.message, sk_prog) != NULL);
	CHECK_INT(sk_driver_start(db, "r2", 0, &d2, &err), 0);
	sk_driver_end(&d2);
	CHECK_INT(decide("i1", 0, &d, &replayed), SK_ORDER);
	CHECK_STR(err.code, "fenced");
	CHECK_INT(decide("i1", 1, &d, &replayed), 0);
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
	CHECK_INT(sk_pub_begin(&pub, in_dir("art"), "old", 3, 0600, &err), 0);
	CHECK_INT(sk_db_publish(db, run, 1, &pub, &err), SK_ORDER);
	CHECK(access(in_dir("art"), F_OK) != 0);
	CHECK_INT(sk_pub_begin(&pub, in_dir("art"), "new", 3, 0600, &err), 0);
	CHECK_INT(sk_db_publish(db, run, 2, &pub, &err), 0);
	sk_buf_init(&out, 0);
	CHECK_INT(sk_read_file(in_dir("art"), 100, &out, &err), 0);
	CHECK_STR(out.p, "new");
	sk_buf_free(&out);
	/* The new driver takes the pending decision over. */
	CHECK_INT(decide("i1", 2, &d, &replayed), 0);
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
	"" n ",'pending'," n ",0,1,NULL,1,NULL,NULL,NULL,NULL FROM decisions " \
	"WHERE decision_seq=1"
	CHECK_INT(raw("fence.db", PENDING("2")), 0);
	CHECK(raw("fence.db", PENDING("3")) != 0);
}

static void
test_stages(void)
{
	struct sk_stage_row row = { .stage = "plan",
		.state = "done",
		.status = "ok",
		.round = 1,
		.decision_seq = 1,
		.artefact = sk_arena_strdup(&arena, "plan.md") },
			    *v;
	size_t n;

	fresh("stages.db");
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

int
main(void)
{
	begin_tests("test_store_decide");
	test_decisions();
	test_replay();
	test_ancestry();
	test_fences();
	test_stages();
	return end_tests();
}
