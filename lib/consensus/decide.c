/* SPDX-License-Identifier: MIT */
/*
 * Answers, verdict, decision, evidence, ack: each step can be asked again after
 * a crash, because the next one starts from what the one before committed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "consensus/arbiter.h"
#include "consensus/decide.h"
#include "faults/faults.h"

#define DRIVER_WAIT_MS 10000
#define LEASE_MS 30000
/* Each holds a descriptor. */
#define DRIVERS_MAX 64

const struct sk_jlimits sk_verdict_limits = {
	.bytes = SK_BUF_MAX,
	.depth = 200,
	.tokens = SIZE_MAX,
	.string = SK_BUF_MAX,
	.key = SK_BUF_MAX,
};

/* ---- drivers ---- */

/* A program that hangs this long does not come back into its run. */
static int64_t
lease_ms(void)
{
	int64_t ms = LEASE_MS;

#ifdef SK_FAULTS
	const char *s = getenv("SK_LEASE_MS");

	if (s != NULL)
		(void)sk_parse_int(s, 1, LEASE_MS, &ms);
#endif
	return ms;
}

int
sk_drivers_epoch(struct sk_drivers *d, struct sk_db *db, const char *run,
    int64_t *epoch, struct sk_err *err)
{
	const char *env = getenv("SK_EPOCH");
	int rc;

	if (env != NULL && sk_streq(getenv("SK_RUN"), run)) {
		if (sk_parse_int(env, 0, INT64_MAX, epoch))
			return 0;
		return sk_fail(err, SK_USAGE, "bad_epoch",
		    "'%.100s' in SK_EPOCH is not an epoch", env);
	}
	for (size_t i = d->n; i-- > 0;)
		if (strcmp(d->v[i].run, run) == 0) {
			*epoch = d->v[i].epoch;
			return 0;
		}
	if (d->n == DRIVERS_MAX)
		sk_drivers_end(d);
	d->v = sk_reallocarray(d->v, d->n + 1, sizeof(*d->v));
	rc = sk_driver_lease(
	    db, run, DRIVER_WAIT_MS, lease_ms(), &d->v[d->n], err);
	if (rc == 0)
		*epoch = d->v[d->n++].epoch;
	return rc;
}

void
sk_drivers_end(struct sk_drivers *d)
{
	for (size_t i = 0; i < d->n; i++)
		sk_driver_end(&d->v[i]);
	free(d->v);
	d->v = NULL;
	d->n = 0;
}

/* ---- the case ---- */

/* Everything about one group while it is decided. */
struct work {
	struct sk_db *db;
	const struct sk_decide_opts *o;
	const struct sk_group *g;
	struct sk_arena a;
	struct sk_stored *stored;
	size_t n;
	struct sk_strv seen; /* expected when nobody said */
	struct sk_input *inputs;
	int64_t *seqs;
	size_t n_seqs;
	int64_t epoch;
	struct sk_place at;
	struct sk_decision d;
	/* An arbiter's answer, and the decision that it is about; or NULL. */
	const struct sk_stored *arbiter;
	const struct sk_decision *base;
};

/* Why a record of this agent was refused; NULL = none was. */
static const char *
refusal(const struct sk_group *g, const char *agent)
{
	for (size_t i = 0; i < g->invalid.n; i++)
		if (strcmp(g->invalid.v[i], agent) == 0)
			return g->why.v[i];
	return NULL;
}

/* The maker's name for a line of models, as far as the model says it: "gpt-5" →
 * "gpt", "anthropic/claude-x" → "claude". */
static const char *
family_of(struct sk_arena *a, const char *model)
{
	const char *slash;
	size_t n = 0;

	if (model == NULL)
		return NULL;
	slash = strrchr(model, '/');
	model = slash != NULL ? slash + 1 : model;
	while ((model[n] >= 'a' && model[n] <= 'z') ||
	       (model[n] >= 'A' && model[n] <= 'Z'))
		n++;
	return n > 1 && n < SK_IDENT_LEN ? sk_arena_strndup(a, model, n) : NULL;
}

static void
add_stored(struct work *w, const struct sk_stored *s, struct sk_input *in)
{
	in->agent = s->agent;
	in->family = s->ok ? family_of(&w->a, s->model) : NULL;
	if (s->ok) {
		in->state = SK_INPUT_OK;
		in->text = s->content;
		in->text_n = s->content_n;
		in->sha256 = s->sha256;
		w->seqs[w->n_seqs++] = s->seq;
		return;
	}
	/* A later record that was refused says more than an old failure. */
	in->note = refusal(w->g, s->agent);
	in->state = in->note != NULL ? SK_INPUT_INVALID : SK_INPUT_FAILED;
	if (in->note == NULL)
		in->note = s->failure_kind;
}

static size_t
build_inputs(struct work *w)
{
	const struct sk_strv *bad = &w->g->invalid;
	size_t n = 0;

	w->inputs =
	    sk_arena_alloc(&w->a, (w->n + bad->n + 1) * sizeof(*w->inputs));
	w->seqs = sk_arena_alloc(&w->a, (w->n + 1) * sizeof(*w->seqs));
	for (size_t i = 0; i < w->n; i++) {
		add_stored(w, &w->stored[i], &w->inputs[n++]);
		sk_strv_add(&w->seen, w->stored[i].agent);
	}
	for (size_t i = 0; i < bad->n; i++) {
		if (sk_strv_has(&w->seen, bad->v[i]))
			continue;
		w->inputs[n].agent = bad->v[i];
		w->inputs[n].state = SK_INPUT_INVALID;
		w->inputs[n++].note = w->g->why.v[i];
		sk_strv_add(&w->seen, bad->v[i]);
	}
	return n;
}

static int
judge(struct work *w, struct sk_verdict *v, struct sk_err *err)
{
	const struct sk_decide_opts *o = w->o;
	const struct sk_policy *p = o->policy;
	struct sk_case c = { .spec = w->g->spec,
		.stage = w->g->stage,
		.round = w->g->round,
		.policy = p,
		.min = 2,
		.complete = true };
	int rc = 0;

	if (o->expect.n > 0) {
		c.expect = &o->expect;
	} else if (p != NULL && p->expect.n > 0) {
		c.expect = &p->expect;
	} else {
		c.expect = &w->seen;
		c.complete = w->g->ended;
	}
	if (o->quorum != NULL)
		rc = sk_quorum_parse(o->quorum, &c.quorum, err);
	else if (p != NULL)
		c.quorum = p->quorum;
	c.faulty = o->faulty;
	if (o->min > 0)
		c.min = o->min;
	else if (p != NULL && p->min > 0)
		c.min = p->min;
	if (o->require.n > 0)
		c.require = &o->require;
	else if (p != NULL && p->has_require)
		c.require = &p->require;
	c.n_inputs = build_inputs(w);
	c.inputs = w->inputs;
#ifdef SK_FAULTS
	if (rc == 0)
		rc = sk_hurt_verdict(&c, w->inputs, &w->a, err);
#endif
	return rc != 0 ? rc : sk_verdict_make(&c, v, err);
}

/* The mechanical verdict as it was decided, and the opinion beside it. */
static int
arbitrate(struct work *w, struct sk_verdict *v, struct sk_err *err)
{
	const struct sk_stored *x = w->arbiter;
	struct sk_stored *all =
	    sk_arena_alloc(&w->a, (w->n + 1) * sizeof(*all));
	struct sk_stored *used =
	    sk_arena_alloc(&w->a, (w->n + 1) * sizeof(*used));
	struct sk_opinion op = { .agent = x->agent,
		.family = family_of(&w->a, x->model),
		.text = x->content,
		.text_n = x->content_n,
		.sha256 = x->sha256,
		.of = w->base->seq };
	struct sk_jv *doc = NULL;
	int rc;

	rc = sk_arbiter_apply(
	    w->base->verdict, strlen(w->base->verdict), &op, v, err);
	if (rc == 0)
		rc = sk_json_parse(&w->a, v->json.p, v->json.len,
		    &sk_verdict_limits, &doc, err);
	if (rc != 0)
		return rc;
	if (w->n > 0)
		memcpy(all, w->stored, w->n * sizeof(*all));
	all[w->n] = *x;
	w->n = sk_answers_used(doc, all, w->n + 1, used);
	w->stored = used;
	(void)build_inputs(w);
	return 0;
}

/* ---- the steps ---- */

static struct sk_key
key_of(const struct sk_group *g)
{
	return (struct sk_key){ .run = g->run,
		.branch = g->branch,
		.spec = g->spec,
		.stage = g->stage,
		.agent = "",
		.round = g->round };
}

/* Another decision waits: name the command that lets this one pass. */
static int
pending_hint(struct work *w, struct sk_err *err)
{
	struct sk_err ignored = { 0 };
	struct sk_decision d;
	bool found = false;

	if (sk_decision_pending(w->db, w->g->run, w->g->branch, &d, &found,
		&w->a, &ignored) == 0 &&
	    found)
		(void)sk_hint(err,
		    "finish it with 'sk-consensus ack --run %s --branch %s "
		    "--seq %lld'",
		    d.run, d.branch, (long long)d.seq);
	sk_err_clear(&ignored);
	return err->exit;
}

static int
decide(struct work *w, const struct sk_verdict *v, bool *replayed,
    struct sk_err *err)
{
	struct sk_decide d = { .key = key_of(w->g),
		.status = sk_status_word(v->status),
		.verdict = v->json.p,
		.verdict_n = v->json.len,
		.input_sha256 = v->input_sha256,
		.answer_seqs = w->seqs,
		.n_answers = w->n_seqs,
		.epoch = w->epoch };
	char standing[SK_SHA256_LEN];
	int rc;

	rc = sk_db_begin(w->db, err);
	if (rc != 0)
		return rc;
	if (w->arbiter == NULL) {
		rc = sk_arbiter_stands(w->db, &d.key, v, standing, err);
		d.input_sha256 = standing;
	}
	if (rc == 0)
		rc = sk_decision_make(w->db, &d, &w->d, replayed, &w->a, err);
	if (rc == 0)
		return sk_db_commit(w->db, err);
	sk_db_rollback(w->db);
	return rc == SK_ORDER && strcmp(err->code, "pending") == 0
	           ? pending_hint(w, err)
	           : rc;
}

static int
acknowledge(struct work *w, struct sk_err *err)
{
	struct sk_decision *now;
	bool already;
	size_t n;
	int rc;

	if (w->d.acked)
		return 0;
	rc = sk_db_begin(w->db, err);
	if (rc != 0)
		return rc;
	rc = sk_decision_ack(
	    w->db, w->g->run, w->g->branch, w->d.seq, w->epoch, &already, err);
	if (rc != 0) {
		sk_db_rollback(w->db);
		return rc;
	}
	rc = sk_db_commit(w->db, err);
	if (rc == 0)
		/* What was pending is the branch's newest: with its times. */
		rc = sk_decision_list(w->db, w->g->run, w->g->branch, NULL,
		    NULL, 1, &now, &n, &w->a, err);
	if (rc == 0 && n == 1 && now->seq == w->d.seq)
		w->d = *now;
	return rc;
}

static bool
wants_evidence(const struct work *w)
{
	return !w->o->no_evidence && w->g->spec[0] != '\0' &&
	       w->g->stage[0] != '\0';
}

/* A decision with an opinion has the arbiter's answer in its evidence. */
static int
add_arbiter(struct work *w, struct sk_err *err)
{
	struct sk_stored *all, *its;
	size_t n = 0;
	int rc;

	if (w->arbiter != NULL)
		return 0;
	rc = sk_arbiter_answer(w->db, &w->d, &its, &n, &w->a, err);
	if (rc != 0 || n == 0)
		return rc;
	all = sk_arena_alloc(&w->a, (w->n + 1) * sizeof(*all));
	if (w->n > 0)
		memcpy(all, w->stored, w->n * sizeof(*all));
	all[w->n] = *its;
	w->stored = all;
	w->n++;
	return 0;
}

/* Publish what is decided; acknowledge it unless that is left to others. */
static int
settle(struct work *w, struct sk_evidence *ev, struct sk_err *err)
{
	int rc = 0;

	if (SK_FAULT("consensus.decided") != 0)
		rc = sk_fail(err, SK_IO, "io", "stopped after the decision");
	if (rc == 0 && SK_MUTANT("ack_first") && !w->o->no_ack)
		rc = acknowledge(w, err);
	if (rc == 0 && w->at.dir.fd >= 0)
		rc = add_arbiter(w, err);
	if (rc == 0 && w->at.dir.fd >= 0)
		rc = sk_evidence_publish(&w->at, w->db, w->o, &w->d, w->epoch,
		    w->stored, w->n, ev, err);
	if (rc == 0 && SK_FAULT("consensus.published") != 0)
		rc = sk_fail(err, SK_IO, "io", "stopped after the evidence");
	if (rc == 0 && !w->o->no_ack)
		rc = acknowledge(w, err);
	return rc;
}

/* Where the evidence goes is known to be usable before anything is decided. */
static int
prepare(struct work *w, struct sk_drivers *drivers, struct sk_err *err)
{
	struct sk_key key = key_of(w->g);
	char here[sizeof(drivers->here)];
	int64_t round;
	int rc;

	rc = sk_drivers_epoch(drivers, w->db, w->g->run, &w->epoch, err);
	if (rc == 0)
		rc = sk_answers_of(
		    w->db, &key, &w->stored, &w->n, &round, &w->a, err);
	if (rc == 0 && wants_evidence(w)) {
		rc = sk_place_open(&w->at, w->o, w->g->spec, err);
		(void)snprintf(
		    here, sizeof(here), "%s/%s", w->g->branch, w->g->spec);
		w->at.swept = strcmp(here, drivers->here) == 0;
		if (rc == 0 && !w->at.swept && !SK_MUTANT("no_place_check"))
			rc = sk_place_check(&w->at, w->db, w->g, err);
		if (rc == 0)
			memcpy(drivers->here, here, sizeof(here));
		else if (err->hint[0] == '\0')
			(void)sk_hint(err, "nothing was decided; the answers "
					   "are kept");
	}
	return rc;
}

static int
steps(struct work *w, struct sk_drivers *drivers, struct sk_evidence *ev,
    struct sk_more *more, struct sk_err *err)
{
	struct sk_verdict v = { 0 };
	int rc;

	rc = prepare(w, drivers, err);
	if (rc != 0)
		return rc;
	rc = w->arbiter != NULL ? arbitrate(w, &v, err) : judge(w, &v, err);
	if (rc == 0)
		rc = decide(w, &v, &more->replayed, err);
	sk_verdict_free(&v);
	if (rc == 0)
		rc = settle(w, ev, err);
	for (size_t i = 0; i < w->n; i++) {
		more->duplicates += w->stored[i].duplicates;
		more->divergents += w->stored[i].divergents;
	}
	return rc;
}

/* A decision that exists, to its end; the line to out. */
static int
finish(struct work *w, int rc, struct sk_evidence *ev, struct sk_more *more,
    struct sk_buf *out, char status[16], struct sk_err *err)
{
	if (rc == SK_ORDER)
		sk_count_refusal(
		    w->db, w->g->run, w->g->branch, w->d.seq, w->epoch, err);
	if (rc == 0)
		rc = sk_decision_write(out, &w->d, SK_FACE_LINE, more, err);
	if (rc == 0)
		memcpy(status, w->d.status, sizeof(w->d.status));
	sk_place_close(&w->at);
	sk_evidence_free(ev);
	sk_strv_free(&w->seen);
	sk_arena_free(&w->a);
	return rc;
}

static int
decide_anew(struct work *w, struct sk_drivers *drivers, struct sk_buf *out,
    char status[16], struct sk_err *err)
{
	struct sk_evidence ev = { 0 };
	struct sk_more more = { .evidence = &ev };
	int rc = steps(w, drivers, &ev, &more, err);

	return finish(w, rc, &ev, &more, out, status, err);
}

static struct sk_group
group_of(const struct sk_decision *d)
{
	struct sk_group g = { .round = d->round };

	memcpy(g.run, d->run, sizeof(g.run));
	memcpy(g.branch, d->branch, sizeof(g.branch));
	memcpy(g.spec, d->spec, sizeof(g.spec));
	memcpy(g.stage, d->stage, sizeof(g.stage));
	return g;
}

int
sk_decide_group(struct sk_db *db, struct sk_drivers *drivers,
    const struct sk_decide_opts *o, const struct sk_group *g,
    struct sk_buf *out, char status[16], struct sk_err *err)
{
	struct work w = { .db = db, .o = o, .g = g, .at.dir.fd = -1 };

	return decide_anew(&w, drivers, out, status, err);
}

int
sk_decide_arbitrated(struct sk_db *db, struct sk_drivers *drivers,
    const struct sk_decide_opts *o, const struct sk_decision *base,
    const struct sk_stored *arbiter, struct sk_buf *out, char status[16],
    struct sk_err *err)
{
	struct sk_group g = group_of(base);
	struct work w = { .db = db,
		.o = o,
		.g = &g,
		.at.dir.fd = -1,
		.arbiter = arbiter,
		.base = base };

	return decide_anew(&w, drivers, out, status, err);
}

int
sk_decide_again(struct sk_db *db, struct sk_drivers *drivers,
    const struct sk_decide_opts *o, const struct sk_decision *d,
    struct sk_buf *out, char status[16], struct sk_err *err)
{
	struct sk_group g = group_of(d);
	struct work w = { .db = db, .o = o, .g = &g, .d = *d, .at.dir.fd = -1 };
	struct sk_evidence ev = { 0 };
	struct sk_more more = { .evidence = &ev, .replayed = true };
	int rc;

	rc = prepare(&w, drivers, err);
	if (rc == 0)
		rc = settle(&w, &ev, err);
	return finish(&w, rc, &ev, &more, out, status, err);
}
