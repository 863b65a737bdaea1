/* SPDX-License-Identifier: MIT */
/* A whole run: which stages, with whom, from where, until what halts it. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/keep.h"
#include "pipeline/pipeline.h"
#include "pipeline/skip.h"
#include "pipeline/step.h"
#include "sys/sys.h"

/* ---- line-ups ---- */

int
sk_lineup_expand(const char *word, struct sk_strv *names, struct sk_err *err)
{
	const char *colon = strrchr(word, ':'), *eq = strchr(word, '=');
	char name[SK_IDENT_LEN], one[SK_IDENT_LEN + 24];
	int64_t count = 0;
	size_t n;

	if (colon != NULL && !sk_parse_int(colon + 1, 1, 10000, &count))
		return sk_fail(err, SK_USAGE, "bad_agent",
		    "'%s' is not NAME[=ADAPTER][:COUNT]", word);
	n = eq != NULL      ? (size_t)(eq - word)
	    : colon != NULL ? (size_t)(colon - word)
	                    : strlen(word);
	if (n >= sizeof(name))
		n = sizeof(name) - 1;
	memcpy(name, word, n);
	name[n] = '\0';
	if (!sk_ident_ok(name))
		return sk_fail(err, SK_USAGE, "bad_agent",
		    "'%s' is not an agent's name", name);
	if (count == 0)
		sk_strv_add(names, name);
	for (int64_t i = 1; i <= count; i++) {
		(void)snprintf(one, sizeof(one), "%s.%lld", name, (long long)i);
		sk_strv_add(names, one);
	}
	return 0;
}

int
sk_auto_lineup(const struct sk_auto *a, const struct sk_stage *st,
    struct sk_strv *specs, struct sk_strv *names, struct sk_err *err)
{
	const struct sk_jv *list;
	char key[80];
	const char *s;
	int rc = 0;

	(void)snprintf(key, sizeof(key), "stages.%s.agents", st->name);
	for (size_t i = 0; i < a->opts->agents.n; i++)
		sk_strv_add(specs, a->opts->agents.v[i]);
	list = sk_config_get(a->conf, key);
	if (sk_jlen(list) == 0)
		list = sk_config_get(a->conf, "pipeline.agents");
	for (size_t i = 0; specs->n < sk_jlen(list) && a->opts->agents.n == 0;
	     i++) {
		s = sk_jstr(sk_jat(list, i));
		sk_strv_add(specs, s != NULL ? s : "");
	}
	if (specs->n == 0) {
		(void)sk_fail(err, SK_USAGE, "no_agents",
		    "no agents for stage '%s'", st->name);
		return sk_hint(err, "name them: -a claude -a codex, or "
				    "[pipeline] agents in the configuration");
	}
	for (size_t i = 0; rc == 0 && i < specs->n; i++)
		rc = sk_lineup_expand(specs->v[i], names, err);
	return rc;
}

bool
sk_auto_sequential(const struct sk_auto *a, const struct sk_stage *st)
{
	const char *mode;
	char key[80];

	(void)snprintf(key, sizeof(key), "stages.%s.mode", st->name);
	mode = sk_config_str(a->conf, key, NULL);
	return mode != NULL ? strcmp(mode, "sequential") == 0 : st->sequential;
}

/* ---- opening ---- */

int
sk_auto_open(
    struct sk_auto *a, const char *spec, unsigned db_flags, struct sk_err *err)
{
	int rc;

	rc = spec != NULL
	         ? sk_spec_find(a->conf->project_root, spec, &a->spec, err)
	         : sk_spec_here(a->conf->project_root, &a->spec, err);
	a->goal = a->opts->goal;
	if (rc == 0)
		rc = sk_config_spec(a->conf, a->spec.id, a->spec.dir, err);
	/* What only looks ahead needs no database and must not make one. */
	if (rc != 0 || a->opts->dry_run || a->opts->print_script)
		return rc;
	rc = sk_db_open(&a->db, a->db_file, db_flags, err);
	if (rc != 0 && (db_flags & SK_DB_CREATE) == 0 &&
	    strcmp(err->code, "no_database") == 0) {
		sk_err_clear(err);
		rc = 0;
	}
	return rc;
}

void
sk_auto_close(struct sk_auto *a)
{
	if (a->driving)
		sk_driver_end(&a->driver);
	sk_namelock_drop(&a->tree_lock);
	sk_namelock_drop(&a->spec_lock);
	sk_db_close(a->db);
	sk_spec_free(&a->spec);
	if (a->snapshot >= 0)
		(void)close(a->snapshot);
	sk_arena_free(&a->arena);
}

/* The newest decision on a stage of this branch; NULL when there is none. */
static int
newest(struct sk_auto *a, const struct sk_stage *st, struct sk_decision **d,
    struct sk_err *err)
{
	size_t n = 0;
	int rc;

	rc = sk_decision_list(a->db, a->run, a->branch, a->spec.id, st->name, 1,
	    d, &n, &a->arena, err);
	if (rc == 0 && n == 0)
		*d = NULL;
	return rc;
}

/* ---- which stages ---- */

static int
range(const struct sk_auto_opts *o, size_t *first, size_t *last,
    struct sk_err *err)
{
	const struct sk_stage *from = &sk_stages[0];
	const struct sk_stage *to = &sk_stages[SK_STAGES - 1];
	int rc = 0;

	if (o->only != NULL && (o->from != NULL || o->to != NULL))
		return sk_fail(err, SK_USAGE, "options_exclude",
		    "--only excludes --from and --to");
	if (o->only != NULL) {
		rc = sk_stage_parse(o->only, &from, err);
		to = from;
	}
	if (rc == 0 && o->from != NULL)
		rc = sk_stage_parse(o->from, &from, err);
	if (rc == 0 && o->to != NULL)
		rc = sk_stage_parse(o->to, &to, err);
	if (rc != 0)
		return rc;
	if (from > to)
		return sk_fail(err, SK_USAGE, "empty_range",
		    "stage '%s' comes after '%s'", from->name, to->name);
	*first = (size_t)(from - sk_stages);
	*last = (size_t)(to - sk_stages);
	return 0;
}

/* The newest round in which somebody was asked; 0 = nobody yet. */
static int
newest_round(struct sk_auto *a, const struct sk_stage *st, int64_t *round,
    struct sk_err *err)
{
	struct sk_key key = { a->run, a->branch, a->spec.id, st->name, "", 0 };
	struct sk_stored *stored;
	size_t n = 0;
	int rc;

	*round = 0;
	rc = sk_answers_of(a->db, &key, &stored, &n, round, &a->arena, err);
	if (rc == 0 && n == 0)
		*round = 0;
	return rc;
}

/*
 * A stage whose driver died in it goes on in its round: what was answered there
 * counts. One that ended, or is repeated on purpose, starts a new round,
 * because its agents are to be asked again. One that died after its
 * acknowledgement lacks nothing but our own note of its end.
 */
static int
choose_round(struct sk_auto *a, struct sk_step *s, struct sk_err *err)
{
	struct sk_decision *d = NULL;
	struct sk_stage_row *row = NULL;
	int64_t round = 0;
	bool cut;
	int rc;

	rc = newest(a, s->stage, &d, err);
	if (rc == 0)
		rc = newest_round(a, s->stage, &round, err);
	if (rc == 0)
		rc = sk_stage_row_of(a, s->stage->name, &row, err);
	if (rc != 0)
		return rc;
	cut = row != NULL && strcmp(row->state, "running") == 0;
	if (d != NULL && d->round > round)
		round = d->round;
	s->round = round == 0                        ? 1
	           : cut || (d != NULL && !d->acked) ? round
	                                             : round + 1;
	if (cut && d != NULL && d->acked && d->round == round &&
	    strcmp(d->status, "ok") == 0)
		s->settled = d;
	return 0;
}

/* ---- running ---- */

static int
drive(struct sk_auto *a, struct sk_step *steps, size_t n, size_t *done,
    struct sk_err *err)
{
	bool first = true, out = false;
	struct sk_step *s;
	int rc = 0;

	for (*done = 0; rc == 0 && *done < n; (*done)++) {
		s = &steps[*done];
		/* (After stages that were left out it is checking already.) */
		if (a->phase == SK_PH_WRITING)
			rc = sk_phase_go(a, SK_EV_NEXT, err);
		if (rc == 0)
			rc = sk_auto_boundary(a, steps, *done, n, err);
		if (rc == 0)
			rc = sk_skip_decide(a, s, &out, err);
		if (rc == 0 && out) {
			sk_report_skipped(a, s);
			continue;
		}
		if (rc == 0)
			rc = choose_round(a, s, err);
		if (rc != 0)
			return rc;
		s->first = first;
		first = false;
		sk_report_stage(a, s, false);
		rc = sk_step_run(a, s, err);
		if (s->ended_ms == 0)
			s->ended_ms = sk_now_ms();
		sk_report_stage(a, s, true);
		if (rc == 0 && s->exit != 0) {
			(*done)++;
			return s->exit;
		}
	}
	return rc;
}

int
sk_auto_steps(const struct sk_auto *a, struct sk_step *steps, size_t *n,
    struct sk_err *err)
{
	size_t first = 0, last = 0;
	int rc;

	*n = 0;
	rc = range(a->opts, &first, &last, err);
	for (size_t i = first; rc == 0 && i <= last; i++)
		if (sk_auto_wanted(a, &sk_stages[i]))
			steps[(*n)++].stage = &sk_stages[i];
	if (rc == 0 && *n == 0)
		rc = sk_fail(err, SK_USAGE, "nothing_to_run",
		    "every stage from '%s' to '%s' is skipped",
		    sk_stages[first].name, sk_stages[last].name);
	return rc;
}

/* The stages to run and who is asked in each. */
static int
prepare(struct sk_auto *a, struct sk_step *steps, size_t *n, struct sk_err *err)
{
	int rc = sk_auto_steps(a, steps, n, err);

	for (size_t i = 0; rc == 0 && i < *n; i++)
		rc = sk_auto_lineup(
		    a, steps[i].stage, &steps[i].specs, &steps[i].names, err);
	return rc;
}

/* Two runs of one specification would write the same artefacts: the folder is
 * locked for as long as we live, whatever id it was found by. First by its name
 * beside the database, where it is known who holds it and for how long; then
 * itself, because another database may be used on the same tree. */
int
sk_auto_lock(struct sk_auto *a, int64_t wait_ms, struct sk_err *err)
{
	char *path, *name;
	int rc = 0;

	wait_ms = wait_ms > 0 ? wait_ms : 0;
	if (a->spec_lock < 0 && a->db != NULL) {
		path = sk_asprintf("%s-drivers", sk_db_path(a->db));
		name = sk_asprintf("specification '%s'", a->spec.dir);
		rc = sk_namelock_take(&a->spec_lock, path, name, wait_ms, err);
		free(path);
		free(name);
	}
	if (rc == 0 && a->tree_lock < 0)
		rc = sk_dirlock_take(&a->tree_lock, a->spec.dir, wait_ms, err);
	if (rc == SK_AGAIN)
		(void)snprintf(err->code, sizeof(err->code), "driver_alive");
	return rc;
}

static void
print_script(const struct sk_auto *a, const struct sk_step *steps, size_t n)
{
	struct sk_buf b;

	sk_buf_init(&b, 0);
	sk_auto_script(a, steps, n, &b);
	sk_out(b.p, b.len);
	sk_buf_free(&b);
}

/* Between two children too a signal must find somebody who can say where the
 * run stopped: it waits for the next child, which is then told. */
static void
hold_signals(bool hold)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGHUP);
	(void)sigprocmask(hold ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}

int
sk_auto_run(struct sk_auto *a, struct sk_err *err)
{
	struct sk_step steps[SK_STAGES] = { 0 };
	size_t n = 0, done = 0;
	int64_t started = sk_now_ms();
	struct sk_err second = { 0 };
	int rc;

	rc = prepare(a, steps, &n, err);
	if (rc == 0 && a->opts->print_script) {
		print_script(a, steps, n);
		goto out;
	}
	if (rc == 0 && a->opts->dry_run) {
		rc = sk_auto_plan(a, steps, n, err);
		goto out;
	}
	if (rc == 0)
		rc = sk_auto_take(a, err);
	if (rc == 0)
		rc = sk_auto_choose_run(a, steps, n, err);
	if (rc == 0)
		rc = sk_auto_drive(a, err);
	if (rc != 0)
		goto out;
	hold_signals(true);
	rc = sk_phase_load(a, err);
	if (rc == 0)
		rc = sk_phase_go(a, SK_EV_BEGIN, err);
	if (rc == 0)
		rc = sk_step_settle(a, steps[0].stage, err);
	if (rc == 0)
		rc = sk_run_state(
		    a->db, a->run, "running", a->driver.epoch, err);
	if (rc == 0) {
		a->whole = true;
		sk_report_start(a);
		rc = drive(a, steps, n, &done, err);
		/* Fenced or interrupted: say what can be said, keep the cause.
		 * Whoever waits for a person goes on waiting. */
		if (rc != SK_ORDER && a->phase != SK_PH_WAITING &&
		    a->phase != SK_PH_PAUSED &&
		    sk_phase_go(
			a, rc == 0 ? SK_EV_FINISH : SK_EV_HALT, &second) != 0)
			sk_warn("%s", second.message);
		sk_err_clear(&second);
		if (rc != SK_ORDER &&
		    sk_run_state(a->db, a->run, rc == 0 ? "done" : "halted",
			a->driver.epoch, &second) != 0 &&
		    strcmp(second.code, "run_stopped") != 0)
			sk_warn("%s", second.message);
		sk_err_clear(&second);
		sk_report_end(a, steps, done, rc, started);
		if (rc != SK_ORDER) {
			sk_evidence_skipped(a, steps, n);
			sk_evidence_close(a);
		}
	}
out:
	hold_signals(false);
	for (size_t i = 0; i < SK_STAGES; i++)
		sk_step_free(&steps[i]);
	return rc;
}
