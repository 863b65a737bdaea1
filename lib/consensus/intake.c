/* SPDX-License-Identifier: MIT */
/*
 * Records into the store, in batches: a commit costs a disk flush, so many
 * records share one, but none waits in an open transaction for the next to come
 * down the pipe.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "consensus/record.h"
#include "faults/faults.h"

#define LINE_MAX_BYTES ((size_t)128 << 20)
#define BATCH 256

/* From words that hold no '/' to an index; insert only. */
struct map {
	char **keys;
	size_t *vals;
	size_t cap, n;
};

struct run_row {
	char run[SK_RUN_LEN], branch[SK_BRANCH_LEN];
};

struct sk_intake_state {
	struct sk_lines lines;
	struct sk_arena batch; /* what the notes point to */
	struct sk_intake_note notes[BATCH];
	size_t n_notes;
	struct map runs, groups;
	struct run_row *run_rows;
	size_t n_runs, cap_runs, cap_groups;
	char fresh[SK_RUN_LEN]; /* the run of records without one */
	char fresh_root[SK_BRANCH_LEN]; /* and its first branch */
	uint64_t batches; /* committed so far, from 1 */
	char run_of_branch[SK_RUN_LEN]; /* when only the branch was said */
	bool whole; /* an error left no record half written */
};

/* ---- the map ---- */

static size_t
slot_of(const struct map *m, const char *key)
{
	uint64_t h = 14695981039346656037u;
	size_t i;

	for (const char *p = key; *p != '\0'; p++)
		h = (h ^ (unsigned char)*p) * 1099511628211u;
	for (i = (size_t)h & (m->cap - 1); m->keys[i] != NULL;
	     i = (i + 1) & (m->cap - 1))
		if (strcmp(m->keys[i], key) == 0)
			break;
	return i;
}

static bool
map_get(const struct map *m, const char *key, size_t *val)
{
	size_t i;

	if (m->cap == 0)
		return false;
	i = slot_of(m, key);
	if (m->keys[i] == NULL)
		return false;
	*val = m->vals[i];
	return true;
}

static void
map_put(struct map *m, const char *key, size_t val)
{
	struct map old = *m;
	size_t i;

	if (2 * (m->n + 1) > m->cap) {
		m->cap = m->cap != 0 ? 2 * m->cap : 16;
		m->keys = sk_calloc(m->cap, sizeof(*m->keys));
		m->vals = sk_calloc(m->cap, sizeof(*m->vals));
		for (size_t k = 0; k < old.cap; k++) {
			if (old.keys[k] == NULL)
				continue;
			i = slot_of(m, old.keys[k]);
			m->keys[i] = old.keys[k];
			m->vals[i] = old.vals[k];
		}
		free(old.keys);
		free(old.vals);
	}
	i = slot_of(m, key);
	m->keys[i] = sk_strdup(key);
	m->vals[i] = val;
	m->n++;
}

static void
map_free(struct map *m)
{
	for (size_t i = 0; i < m->cap; i++)
		free(m->keys[i]);
	free(m->keys);
	free(m->vals);
}

/* ---- runs and groups ---- */

/* Run and branch a record belongs to, as far as anybody said; "" = not. */
static void
chosen(const struct sk_intake *in, const struct sk_key *k, const char **run,
    const char **branch)
{
	const struct sk_intake_state *s = in->state;

	*run = k->run;
	*branch = k->branch;
	if (in->run != NULL) {
		*run = in->run;
	} else if (s->run_of_branch[0] != '\0') {
		*run = s->run_of_branch;
	} else if (k->run[0] == '\0') {
		*run = s->fresh;
		*branch = "";
	}
	if (in->branch != NULL)
		*branch = in->branch;
}

#define RUN_KEY_LEN (SK_RUN_LEN + SK_BRANCH_LEN + 2 * SK_IDENT_LEN + 32)

static void
run_key(const struct sk_intake *in, const struct sk_key *k, const char *run,
    const char *branch, char out[RUN_KEY_LEN])
{
	if (in->branch_each && run == in->state->fresh)
		(void)snprintf(out, RUN_KEY_LEN, "%s//%s/%s/%lld", run, k->spec,
		    k->stage, (long long)k->round);
	else
		(void)snprintf(
		    out, RUN_KEY_LEN, "%s/%s/%s", run, branch, k->spec);
}

/* The run and the branch in the store, made when they are not there. */
static int
ensure(struct sk_intake *in, const struct sk_key *k, struct run_row *row,
    bool fresh, struct sk_err *err)
{
	struct sk_intake_state *s = in->state;
	const struct sk_git *git = in->git;
	struct sk_arena a = { 0 };
	struct sk_branch b;
	struct sk_run known;
	bool found = false;
	int rc = 0;

	if (fresh && in->branch_each && s->fresh_root[0] != '\0') {
		rc = sk_branch_create(in->db, s->fresh, s->fresh_root,
		    SK_FORK_NEWEST, git, &b, &a, err);
		if (rc == 0)
			memcpy(row->branch, b.id, sizeof(row->branch));
		sk_arena_free(&a);
		return rc;
	}
	/* Our project is a fact about runs that begin here, and no reason to
	 * refuse one that began elsewhere. So is the specification that a run
	 * began with: its answers may be about several, each judged apart. */
	if (!fresh && row->run[0] != '\0')
		rc = sk_run_get(in->db, row->run, &known, &found, &a, err);
	sk_arena_free(&a);
	if (rc == 0)
		rc = sk_run_ensure(in->db, row->run, row->branch,
		    fresh || found ? "" : k->spec, found ? NULL : git, err);
	if (rc == 0 && fresh && s->fresh_root[0] == '\0')
		memcpy(s->fresh_root, row->branch, sizeof(s->fresh_root));
	return rc;
}

/* Looked up or made once per call. */
static int
resolve(struct sk_intake *in, const struct sk_key *k,
    const struct run_row **out, struct sk_err *err)
{
	struct sk_intake_state *s = in->state;
	char key[RUN_KEY_LEN];
	const char *run, *branch;
	struct run_row *row;
	size_t i;
	int rc;

	chosen(in, k, &run, &branch);
	run_key(in, k, run, branch, key);
	if (map_get(&s->runs, key, &i)) {
		*out = &s->run_rows[i];
		return 0;
	}
	SK_GROW(NULL, s->run_rows, s->n_runs, s->cap_runs);
	row = &s->run_rows[s->n_runs];
	(void)snprintf(row->run, sizeof(row->run), "%s", run);
	(void)snprintf(row->branch, sizeof(row->branch), "%s", branch);
	rc = ensure(in, k, row, run == s->fresh, err);
	if (rc != 0)
		return rc;
	map_put(&s->runs, key, s->n_runs++);
	*out = row;
	return 0;
}

static void
group_key(char *out, size_t n, const struct run_row *r, const struct sk_key *k)
{
	(void)snprintf(out, n, "%s/%s/%s/%s/%lld", r->run, r->branch, k->spec,
	    k->stage, (long long)k->round);
}

static struct sk_group *
group_of(struct sk_intake *in, const struct run_row *r, const struct sk_key *k,
    bool make)
{
	struct sk_intake_state *s = in->state;
	char key[SK_RUN_LEN + SK_BRANCH_LEN + 2 * SK_IDENT_LEN + 32];
	struct sk_group *g;
	size_t i;

	group_key(key, sizeof(key), r, k);
	if (map_get(&s->groups, key, &i))
		return &in->groups[i];
	if (!make)
		return NULL;
	SK_GROW(NULL, in->groups, in->n_groups, s->cap_groups);
	map_put(&s->groups, key, in->n_groups);
	g = &in->groups[in->n_groups++];
	memset(g, 0, sizeof(*g));
	memcpy(g->run, r->run, sizeof(g->run));
	memcpy(g->branch, r->branch, sizeof(g->branch));
	(void)snprintf(g->spec, sizeof(g->spec), "%s", k->spec);
	(void)snprintf(g->stage, sizeof(g->stage), "%s", k->stage);
	g->round = k->round;
	return g;
}

/* ---- batches ---- */

static int
commit(struct sk_intake *in, struct sk_err *err)
{
	struct sk_intake_state *s = in->state;
	int rc = 0;

	if (sk_db_in_tx(in->db))
		rc = sk_db_commit(in->db, err);
	for (size_t i = 0; rc == 0 && i < s->n_notes; i++) {
		s->notes[i].last = i + 1 == s->n_notes;
		if (in->note != NULL)
			in->note(in->arg, &s->notes[i]);
	}
	s->n_notes = 0;
	s->batches++;
	sk_arena_free(&s->batch);
	return rc;
}

static struct sk_intake_note *
add_note(
    struct sk_intake *in, const struct sk_rec *r, const struct run_row *run)
{
	struct sk_intake_state *s = in->state;
	struct sk_intake_note *n = &s->notes[s->n_notes++];
	struct sk_arena *a = &s->batch;

	memset(n, 0, sizeof(*n));
	n->line = s->lines.lineno;
	n->key.run = run != NULL ? sk_arena_strdup(a, run->run) : NULL;
	n->key.branch = run != NULL ? sk_arena_strdup(a, run->branch) : NULL;
	if (r->row.key.agent[0] != '\0')
		n->key.agent = sk_arena_strdup(a, r->row.key.agent);
	if (r->keyed) {
		n->key.spec = sk_arena_strdup(a, r->row.key.spec);
		n->key.stage = sk_arena_strdup(a, r->row.key.stage);
		n->key.round = r->row.key.round;
	}
	return n;
}

static void
refuse(struct sk_intake *in, const struct sk_rec *r, const struct run_row *run,
    const char *why)
{
	struct sk_intake_note *n = add_note(in, r, run);
	struct sk_group *g;

	n->result = "invalid";
	n->reason = sk_arena_strdup(&in->state->batch, why);
	in->invalid++;
	if (run == NULL)
		return;
	g = group_of(in, run, &r->row.key, true);
	if (!sk_strv_has(&g->invalid, r->row.key.agent)) {
		sk_strv_add(&g->invalid, r->row.key.agent);
		sk_strv_add(&g->why, why);
	}
}

static int
begin(struct sk_intake *in, struct sk_err *err)
{
	return sk_db_in_tx(in->db) ? 0 : sk_db_begin(in->db, err);
}

/*
 * A record that names another run or branch than the caller asked for does not
 * belong here, whoever is to blame. Counted, and no word about its agent.
 */
static int
misplaced(
    struct sk_intake *in, const struct sk_rec *r, bool *is, struct sk_err *err)
{
	const struct sk_key *k = &r->row.key;
	const char *run = in->run != NULL ? in->run : in->state->run_of_branch;
	struct sk_intake_note *n;

	*is = true;
	if (SK_MUTANT("no_wrong_run"))
		run = "";
	if (run[0] != '\0' && k->run[0] != '\0' && strcmp(k->run, run) != 0) {
		n = add_note(in, r, NULL);
		n->result = "wrong_run";
	} else if (in->branch != NULL && k->branch[0] != '\0' &&
		   strcmp(k->branch, in->branch) != 0) {
		n = add_note(in, r, NULL);
		n->result = "wrong_branch";
	} else {
		*is = false;
		return 0;
	}
	in->invalid++;
	return sk_journal(
	    in->db, "refused", run, in->branch, 0, n->result, 0, err);
}

/* An answer to a round that has a decision takes part in the next one. */
static int
look_late(struct sk_intake *in, struct sk_group *g, struct sk_key *k,
    struct sk_intake_note *n, struct sk_err *err)
{
	int rc = 0;

	if (g->looked != in->state->batches + 1) {
		rc = sk_round_decided(in->db, k, &g->decided, err);
		g->looked = in->state->batches + 1;
	}
	if (rc != 0 || !g->decided)
		return rc;
	n->result = "late";
	return sk_journal(
	    in->db, "late", k->run, k->branch, n->seq, k->agent, 0, err);
}

static int
answer(struct sk_intake *in, struct sk_rec *r, struct sk_err *err)
{
	const struct run_row *run = NULL;
	struct sk_intake_note *n;
	struct sk_intake_res res;
	struct sk_group *g;
	bool elsewhere = false;
	int rc;

	rc = begin(in, err);
	if (rc == 0 && r->keyed)
		rc = misplaced(in, r, &elsewhere, err);
	if (elsewhere)
		return rc;
	if (rc == 0 && r->keyed) {
		rc = resolve(in, &r->row.key, &run, err);
		/* What a record says of itself is its own fault; what the
		 * user said is an error of the call. */
		if (rc == SK_USAGE && in->run == NULL && in->branch == NULL) {
			refuse(in, r, NULL, err->code);
			sk_err_clear(err);
			return 0;
		}
	}
	if (rc != 0)
		return rc;
	if (r->bad != NULL) {
		refuse(in, r, run, r->bad);
		return 0;
	}
	r->row.key.run = run->run;
	r->row.key.branch = run->branch;
	rc = sk_answer_intake(in->db, &r->row, &res, err);
	if (rc != 0)
		return rc;
	n = add_note(in, r, run);
	n->result = sk_intake_word(res.kind);
	n->attempt = res.attempt != 0 ? res.attempt : r->row.attempt;
	n->seq = res.seq;
	if (res.sha256[0] != '\0')
		n->sha256 = sk_arena_strdup(&in->state->batch, res.sha256);
	g = group_of(in, run, &r->row.key, true);
	g->answers++;
	in->answers++;
	return res.kind == SK_IN_ACCEPTED
	           ? look_late(in, g, &r->row.key, n, err)
	           : 0;
}

static void
ended(struct sk_intake *in, const struct sk_rec *r)
{
	struct sk_intake_state *s = in->state;
	char key[RUN_KEY_LEN];
	const char *run, *branch;
	struct sk_group *g = NULL;
	size_t i;

	/* An end without an answer before it is nothing to judge. */
	chosen(in, &r->row.key, &run, &branch);
	run_key(in, &r->row.key, run, branch, key);
	if (map_get(&s->runs, key, &i))
		g = group_of(in, &s->run_rows[i], &r->row.key, false);
	if (g != NULL)
		g->ended = true;
}

/* ---- the whole ---- */

static int
one_line(struct sk_intake *in, const char *line, size_t n, struct sk_err *err)
{
	struct sk_intake_state *s = in->state;
	struct sk_arena a = { 0 };
	struct sk_rec r;
	int rc;

	rc = sk_rec_read(&a, line, n, s->lines.lineno, &r, err);
	if (rc != 0) {
		s->whole = true;
	} else if (r.kind == SK_REC_ANSWER) {
		rc = answer(in, &r, err);
		/* A usage error is found before anything is written. */
		s->whole = rc == SK_USAGE;
	} else if (r.kind == SK_REC_END) {
		ended(in, &r);
	}
	sk_arena_free(&a);
	return rc;
}

/* After an error: what came before stays, unless the database failed. */
static int
give_up(struct sk_intake *in, int rc, struct sk_err *err)
{
	struct sk_err other = { 0 };

	if (!in->state->whole) {
		sk_db_rollback(in->db);
	} else if (commit(in, &other) != 0) {
		sk_err_clear(err);
		*err = other;
		rc = err->exit;
	}
	return rc;
}

static int
start(struct sk_intake *in, int fd, struct sk_err *err)
{
	struct sk_intake_state *s = sk_calloc(1, sizeof(*s));
	struct sk_arena a = { 0 };
	struct sk_branch b;
	char id[SK_ID_LEN];
	int rc = 0;

	in->state = s;
	sk_lines_init(&s->lines, fd, LINE_MAX_BYTES);
	if (in->run == NULL && in->branch != NULL) {
		rc = sk_branch_get(in->db, in->branch, &b, &a, err);
		if (rc == 0)
			memcpy(s->run_of_branch, b.run, sizeof(b.run));
		sk_arena_free(&a);
	} else if (in->run == NULL) {
		sk_id_new(id);
		(void)snprintf(s->fresh, sizeof(s->fresh), "%s", id);
	}
	return rc;
}

int
sk_intake_fd(struct sk_intake *in, int fd, struct sk_err *err)
{
	struct sk_intake_state *s;
	char *line;
	size_t n;
	int rc, got = 1;

	rc = start(in, fd, err);
	s = in->state;
	while (rc == 0 && got > 0) {
		if (s->n_notes == BATCH ||
		    (s->n_notes > 0 && sk_lines_would_block(&s->lines))) {
			rc = commit(in, err);
			if (rc != 0)
				break;
		}
		got = sk_lines_next(&s->lines, &line, &n, err);
		if (got > 0) {
			rc = one_line(in, line, n, err);
		} else if (got < 0) {
			s->whole = true;
			rc = -got;
		}
	}
	return rc != 0 ? give_up(in, rc, err) : commit(in, err);
}

void
sk_intake_free(struct sk_intake *in)
{
	struct sk_intake_state *s = in->state;

	for (size_t i = 0; i < in->n_groups; i++) {
		sk_strv_free(&in->groups[i].invalid);
		sk_strv_free(&in->groups[i].why);
	}
	free(in->groups);
	in->groups = NULL;
	in->n_groups = 0;
	if (s == NULL)
		return;
	sk_lines_free(&s->lines);
	sk_arena_free(&s->batch);
	map_free(&s->runs);
	map_free(&s->groups);
	free(s->run_rows);
	free(s);
	in->state = NULL;
}

void
sk_intake_json(struct sk_buf *b, const struct sk_intake_note *n)
{
	struct sk_jw w;

	sk_jw_doc(&w, b, "sk.intake/1");
	sk_jw_kword(&w, "run", n->key.run);
	sk_jw_kword(&w, "branch", n->key.branch);
	sk_jw_kword(&w, "spec", n->key.spec);
	sk_jw_kword(&w, "stage", n->key.stage);
	sk_jw_kpos(&w, "round", n->key.round);
	sk_jw_kword(&w, "agent", n->key.agent);
	sk_jw_kpos(&w, "attempt", n->attempt);
	sk_jw_kpos(&w, "seq", n->seq);
	sk_jw_kstr(&w, "result", n->result);
	sk_jw_kword(&w, "reason", n->reason);
	sk_jw_kword(&w, "sha256", n->sha256);
	sk_jw_kint(&w, "line", (int64_t)n->line);
	sk_jw_done(&w);
}
