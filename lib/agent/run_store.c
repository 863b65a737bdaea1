/* SPDX-License-Identifier: MIT */
/* The store's side of a run: reserve before launch, commit before print. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/control.h"
#include "agent/early.h"
#include "agent/replay.h"
#include "agent/run.h"

void
sk_fan_key(const struct sk_fan *r, const struct sk_slot *slot, struct sk_key *k)
{
	const struct sk_round *round = &r->p->round;

	*k = (struct sk_key){ round->run, round->branch, round->spec,
		round->stage, slot->name, round->round };
}

static size_t
prompt_bytes(const struct sk_fan *r)
{
	struct stat st;

	return fstat(r->p->prompt_fd, &st) == 0 && st.st_size > 0
	           ? (size_t)st.st_size
	           : 0;
}

int
sk_fan_record(struct sk_fan *r, struct sk_answer *a)
{
	struct sk_answer_row row = { 0 };
	struct sk_intake_res res = { 0 };
	struct sk_outcome *o = &a->o;
	struct sk_buf meta;
	int rc;

	sk_buf_init(&meta, 0);
	sk_answer_meta(&meta, &r->p->round, a);
	sk_fan_key(r, a->slot, &row.key);
	row.attempt = a->attempt;
	row.ok = o->kind == SK_K_NONE;
	row.failure_kind = row.ok                ? NULL
	                   : sk_early_excused(a) ? SK_NOT_NEEDED
	                                         : sk_kind_word(o->kind);
	row.failure_message = row.ok ? NULL : sk_outcome_text(o);
	row.model = o->model != NULL ? o->model : a->slot->model;
	row.adapter = a->slot->adapter_name;
	row.session = o->session;
	row.host = r->p->round.host;
	row.content = o->content != NULL ? o->content : "";
	row.content_n = o->content_n;
	row.sha256 = o->sha256[0] != '\0' ? o->sha256 : NULL;
	row.meta_json = meta.p;
	row.exit_code = o->exit_code;
	row.signal = o->signal;
	row.started_ms = o->started_ms;
	row.ended_ms = o->ended_ms;
	rc = sk_answer_intake(r->db, &row, &res, r->err);
	/* Whoever answered first, this call has its cost. */
	if (rc == 0 && r->p->ask->money != NULL)
		rc = r->p->ask->money->settle(r->p->ask->money->arg, r->db,
		    &row, prompt_bytes(r), r->err);
	sk_buf_free(&meta);
	if (rc != 0)
		return rc;
	if (row.ok)
		a->seq = res.seq;
	if (res.kind == SK_IN_STOPPED)
		sk_outcome_fail(o, SK_K_CANCELLED, "the run is stopped");
	return 0;
}

static int
commit(struct sk_fan *r, size_t upto, struct sk_answer **big)
{
	int rc = sk_db_begin(r->db, r->err);

	/* Answers are dear: a busy database is asked a few times. */
	for (int i = 0; rc == SK_AGAIN && i < 3; i++) {
		sk_err_clear(r->err);
		rc = sk_db_begin(r->db, r->err);
	}
	for (size_t i = r->committed; rc == 0 && i < upto; i++) {
		rc = sk_fan_record(r, &r->ans[r->ready[i]]);
		if (rc == SK_DAMAGED && sk_streq(r->err->code, "too_large"))
			*big = &r->ans[r->ready[i]];
	}
	r->busy = true;
	if (rc == 0)
		rc = sk_control_commit(r, r->committed, upto);
	r->busy = false;
	if (rc == 0)
		rc = sk_db_commit(r->db, r->err);
	if (rc != 0)
		sk_db_rollback(r->db);
	return rc;
}

/* A full disk must not cost what was paid for: the answers go out without a
 * seq, the other agents go on, and the end says what was not recorded. */
static void
keep_unsaved(struct sk_fan *r, size_t upto)
{
	if (r->unsaved == 0)
		r->why = *r->err;
	else
		sk_err_clear(r->err);
	memset(r->err, 0, sizeof(*r->err));
	for (size_t i = r->committed; i < upto; i++)
		r->ans[r->ready[i]].seq = 0;
	r->unsaved += upto - r->committed;
	r->rc = 0;
}

/* What the database does not take costs its own agent only. */
static bool
make_small(struct sk_fan *r, struct sk_answer *a)
{
	struct sk_outcome *o = &a->o;

	if (o->content == NULL && o->diff == NULL)
		return false;
	sk_err_clear(r->err);
	sk_outcome_fail(o, SK_K_TRUNCATED,
	    "%zu bytes are more than the database takes", o->content_n);
	free(o->content);
	free(o->diff);
	o->content = o->diff = NULL;
	o->content_n = 0;
	o->sha256[0] = '\0';
	a->seq = 0;
	return true;
}

static void
drop_text(struct sk_answer *a)
{
	if (a->seq == 0 || a->o.kind != SK_K_NONE)
		return; /* the store does not have it */
	free(a->o.content);
	a->o.content = NULL;
}

void
sk_fan_commit(struct sk_fan *r)
{
	size_t upto = r->nready; /* what is refused now comes with the next */
	struct sk_answer *big;
	bool drop;

	if ((r->committed == upto && !sk_control_hungry(r)) || r->rc != 0)
		return;
	r->waiting = 0;
	do {
		big = NULL;
		r->rc = commit(r, upto, &big);
	} while (big != NULL && make_small(r, big));
	if (r->rc == SK_IO || r->rc == SK_AGAIN) {
		keep_unsaved(r, upto);
		sk_control_committed(r, false);
	} else if (r->rc == 0) {
		sk_control_committed(r, true);
	}
	if (r->rc != 0)
		return;
	drop = r->held && !r->p->ask->until_decided;
	/* What cannot be printed now need not stay in memory. */
	for (size_t i = r->committed; drop && i < upto; i++)
		drop_text(&r->ans[r->ready[i]]);
	r->committed = upto;
}

/* Back into memory, to be printed. */
int
sk_fan_fetch(struct sk_fan *r, struct sk_answer *a)
{
	struct sk_buf b;
	int rc;

	if (a->o.content != NULL || a->seq == 0 || a->o.kind != SK_K_NONE)
		return 0;
	sk_buf_init(&b, 0);
	rc = sk_answer_content(r->db, a->seq, &b, r->err);
	if (rc == 0) {
		a->o.content_n = b.len;
		a->o.content = sk_buf_detach(&b);
	}
	sk_buf_free(&b);
	return rc;
}

int
sk_fan_money(struct sk_fan *r, size_t i)
{
	const struct sk_money *m = r->p->ask->money;
	const struct sk_slot *s = r->ans[i].slot;
	struct sk_money_call c = { .attempt = r->ans[i].attempt,
		.adapter = s->adapter_name,
		.model = s->model,
		.prompt_bytes = prompt_bytes(r) };
	int rc;

	if (m == NULL)
		return 0;
	sk_fan_key(r, s, &c.key);
	rc = m->reserve(m->arg, r->db, &c, r->err);
	r->ans[i].held = c.held;
	return rc;
}

int
sk_fan_reserve(struct sk_fan *r)
{
	struct sk_round *round = &r->p->round;
	struct sk_git git = { .root = r->p->conf->project_root };
	struct sk_key k;
	size_t n = r->p->slots.n;
	int rc;

	if ((rc = sk_db_begin(r->db, r->err)) != 0)
		return rc;
	rc = sk_run_ensure(r->db, round->run, round->branch, round->spec,
	    r->p->ask->git != NULL ? r->p->ask->git : &git, r->err);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		const struct sk_slot *s = &r->p->slots.v[i];
		int64_t seq = 0;

		sk_fan_key(r, s, &k);
		rc = sk_request_reserve(r->db, &k, s->adapter_name, s->model,
		    &r->ans[i].attempt, &seq, r->err);
		r->stored[i] = seq > 0;
		r->reused += r->stored[i];
		if (rc == 0 && seq == 0 && r->p->ask->reuse)
			rc = sk_reuse(r, i, r->err);
		if (rc == 0 && seq == 0 && r->ans[i].reused == NULL)
			rc = sk_fan_money(r, i);
	}
	if (rc == 0)
		rc = sk_control_open(r, r->err);
	if (rc == 0)
		rc = sk_control_commit(r, 0, 0);
	if (rc == 0)
		rc = sk_db_commit(r->db, r->err);
	if (rc != 0)
		sk_db_rollback(r->db);
	else if (n > SK_MANY)
		sk_db_trim(r->db); /* the agents need it now */
	return rc;
}

/* An answer is one to a question: repeating it for another would be a lie. Who
 * goes on in a round knows what he does, and is told. */
static int
same_question(struct sk_fan *r, const struct sk_stored *st)
{
	struct sk_arena arena = { 0 };
	struct sk_err ignored = { 0 };
	struct sk_jv *m = NULL;
	const char *was = NULL;
	int rc = 0;

	if (st->meta_json != NULL &&
	    sk_json_parse(&arena, st->meta_json, strlen(st->meta_json), NULL,
		&m, &ignored) == 0)
		was = sk_jget_str(m, "question");
	if (was != NULL && !sk_streq(was, r->p->round.question)) {
		if (r->p->ask->again) {
			sk_warn("agent '%s' has answered another prompt or "
				"schema in this round; that answer counts",
			    st->agent);
		} else {
			(void)sk_fail(r->err, SK_USAGE, "another_question",
			    "agent '%s' has answered another prompt or schema "
			    "in round %lld of run '%s'",
			    st->agent, (long long)r->p->round.round,
			    r->p->round.run);
			rc = sk_hint(r->err, "--round %lld asks anew",
			    (long long)r->p->round.round + 1);
		}
	}
	sk_err_clear(&ignored);
	sk_arena_free(&arena);
	return rc;
}

int
sk_fan_stored(struct sk_fan *r)
{
	struct sk_arena arena = { 0 };
	struct sk_stored *st;
	struct sk_key k;
	size_t n = 0, before = r->nready;
	int64_t round;
	int rc;

	if (r->reused == 0)
		return 0;
	/* What was settled meanwhile has yet to be recorded: behind these. */
	r->nready = 0;
	memmove(r->ready + (r->p->slots.n - before), r->ready,
	    before * sizeof(*r->ready));
	sk_fan_key(r, &r->p->slots.v[0], &k);
	rc = sk_answers_of(r->db, &k, &st, &n, &round, &arena, r->err);
	for (size_t i = 0; rc == 0 && i < r->p->slots.n; i++) {
		size_t j = 0;

		if (!r->stored[i])
			continue;
		while (j < n && strcmp(st[j].agent, r->ans[i].slot->name) != 0)
			j++;
		if (j == n || st[j].seq == 0) {
			rc = sk_fail(r->err, SK_DAMAGED, "lost_answer",
			    "the accepted answer of '%s' is not in the "
			    "database",
			    r->ans[i].slot->name);
			break;
		}
		if ((rc = same_question(r, &st[j])) != 0)
			break;
		sk_answer_from_stored(&r->ans[i], &st[j]);
		r->ready[r->nready++] = i;
	}
	r->committed = r->nready;
	memmove(r->ready + r->nready, r->ready + (r->p->slots.n - before),
	    before * sizeof(*r->ready));
	r->nready += before;
	sk_arena_free(&arena);
	return rc;
}
