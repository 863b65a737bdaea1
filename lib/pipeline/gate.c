/* SPDX-License-Identifier: MIT */
/* One gate: look, ask, write what is agreed on, and wait for a person. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "consensus/consensus.h"
#include "pipeline/gate.h"
#include "pipeline/step.h"

struct pass {
	struct sk_auto *a;
	const struct sk_gate *g;
	const struct sk_stage *stage;
	struct sk_papers papers;
	struct sk_gate_row row;
	struct sk_jv *issues;
	struct sk_strv specs, names; /* who is asked */
	/* Who is asked after them; may be empty. */
	struct sk_strv confirmer, validator; /* -a word, name */
	size_t missing; /* of them did not answer */
};

bool
sk_gate_on(const struct sk_auto *a)
{
	const char *off = getenv("SPEC_KIT_QUALITY_GATES_DISABLED");

	return !sk_streq(off, "1") &&
	       sk_config_bool(a->conf, "quality_gates.enabled", true);
}

/* "fail", "pause", "accept": --on-gate, else the configuration. */
static const char *
mode_of(const struct sk_auto *a)
{
	return a->opts->on_gate != NULL
	           ? a->opts->on_gate
	           : sk_config_str(a->conf, "quality_gates.on_gate", "pause");
}

int
sk_gate_lineup(const struct sk_auto *a, const struct sk_gate *g,
    struct sk_strv *specs, struct sk_strv *names, struct sk_err *err)
{
	const struct sk_jv *list;
	char key[80];
	int rc = 0;

	if (!sk_gate_on(a))
		return 0;
	(void)snprintf(key, sizeof(key), "quality_gates.%s", g->stage);
	list = sk_config_get(a->conf, key);
	for (size_t i = 0; rc == 0 && i < sk_jlen(list); i++) {
		const char *word = sk_jstr(sk_jat(list, i));

		sk_strv_add(specs, word != NULL ? word : "");
		rc = sk_lineup_expand(specs->v[i], names, err);
	}
	return rc;
}

static size_t
least_agents(const struct sk_auto *a)
{
	return (size_t)sk_config_int(a->conf, "quality_gates.min_agents", 3);
}

static bool
may_resolve(const struct sk_auto *a)
{
	return sk_config_bool(a->conf, "quality_gates.auto_resolve", true);
}

bool
sk_gate_resolves(const struct sk_auto *a, size_t agents)
{
	return may_resolve(a) && agents >= least_agents(a);
}

/* ---- asking ---- */

struct asking {
	const struct pass *p;
	const struct sk_jv *found;
};

static int
ask(struct sk_auto *a, void *arg, struct sk_buf *records, int *worst,
    struct sk_err *err)
{
	const struct asking *q = arg;
	const struct pass *p = q->p;
	struct sk_prompt ask = { .task = p->g->name, .before = p->stage };
	struct sk_jv *cut = NULL;
	struct sk_buf prompt, list;
	int rc;

	sk_buf_init(&prompt, 0);
	sk_buf_init(&list, 0);
	sk_json_write(&list, q->found);
	ask.found = list.p;
	rc = sk_prompt_build(a, &ask, &prompt, &cut, err);
	if (rc == 0)
		sk_report_left_out(a, p->g->name, p->row.round, cut);
	if (rc == 0)
		rc = sk_ask_run(a, p->g->name, p->row.round,
		    (const char *const *)p->specs.v, p->specs.n, &prompt,
		    records, worst, err);
	if (*worst == SK_DEGRADED)
		*worst = 0;
	sk_buf_free(&prompt);
	sk_buf_free(&list);
	return rc;
}

/* The answers as a decision of the run: with its evidence, in its chain. What
 * becomes of them is our own row, so nothing is pending on it. */
static int
judge(struct pass *p, const struct sk_buf *records, struct sk_err *err)
{
	struct sk_auto *a = p->a;
	struct sk_strv argv = { 0 };
	struct sk_buf expect;
	struct sk_jv *verdict;
	int rc;

	sk_buf_init(&expect, 0);
	sk_buf_join(&expect, &p->names, ",");
	sk_strv_add(&argv, "sk-consensus");
	sk_strv_add(&argv, "--json");
	sk_arg2(&argv, "--expect", expect.p);
	sk_arg2(&argv, "--policy", p->g->name);
	sk_arg2(&argv, "--min", "1");
	if (a->config_file != NULL)
		sk_arg2(&argv, "--config", a->config_file);
	rc = sk_verdict_ask(a, &argv, records->p, records->len, &verdict, err);
	if (rc == 0)
		rc = sk_settle_cost(a, p->g->name, err);
	sk_strv_free(&argv);
	sk_buf_free(&expect);
	return rc;
}

int
sk_gate_hear(struct sk_auto *a, const char *stage, int64_t round,
    const struct sk_strv *names, struct sk_gate_voice **voices, size_t *n,
    struct sk_err *err)
{
	const struct sk_key key = { a->run, a->branch, a->spec.id, stage, "",
		round };
	struct sk_stored *stored = NULL;
	size_t n_stored = 0;
	struct sk_jv *data;
	int rc;

	*n = 0;
	rc = sk_answers_of(
	    a->db, &key, &stored, &n_stored, &round, &a->arena, err);
	*voices = sk_arena_alloc(&a->arena, (n_stored + 1) * sizeof(**voices));
	for (size_t i = 0; rc == 0 && i < n_stored; i++) {
		const struct sk_stored *s = &stored[i];

		if (!s->ok || !sk_strv_has(names, s->agent) ||
		    sk_json_find(&a->arena, s->content, s->content_n, &data) ==
			SK_JFOUND_NONE ||
		    sk_jget(data, "issues") == NULL ||
		    sk_jget(data, "issues")->type != SK_J_ARR)
			continue;
		(*voices)[(*n)++] = (struct sk_gate_voice){ s->agent, data };
	}
	return rc;
}

/* Nobody could be asked: a cause of its own, and no verdict on the papers. */
static int
nobody(struct pass *p, int status, struct sk_err *err)
{
	if (strcmp(mode_of(p->a), "accept") == 0) {
		sk_warn("nobody of the gate '%s' answered, going on with the "
			"checks alone",
		    p->g->name);
		return 0;
	}
	(void)sk_fail(err, status > 0 && status < 128 ? status : SK_NOANSWER,
	    "gate_unanswered", "no agent of the gate '%s' gave a usable answer",
	    p->g->name);
	return sk_hint(err, "--on-gate accept goes on without them");
}

static int
validate(struct pass *p, struct sk_err *err)
{
	const struct sk_gate_ask q = { .gate = p->g,
		.stage = p->stage,
		.round = p->row.round,
		.spec = p->confirmer.v[0],
		.name = p->validator.v[0] };

	return sk_gate_validate(p->a, &q, p->issues, err);
}

static int
look(struct pass *p, struct sk_err *err)
{
	struct sk_auto *a = p->a;
	const char *instant =
	    sk_config_str(a->conf, "quality_gates.instant", "warn");
	struct sk_jv *found = strcmp(instant, "off") == 0
	                          ? sk_jnew(&a->arena, SK_J_ARR)
	                          : sk_gate_check(p->g, &p->papers, &a->arena);
	struct sk_gate_rules r = { .agents = p->names.n,
		.min = least_agents(a),
		.threshold = sk_jdouble(
		    sk_config_get(a->conf, "quality_gates.consensus_threshold"),
		    0.67),
		.resolve = may_resolve(a),
		.confirm = p->validator.n > 0,
		.ask = strcmp(instant, "ask") == 0 };
	struct asking q = { p, found };
	struct sk_patience patient = {
		.who = p->g->name, .again = SK_EV_BEGIN, .once = ask, .arg = &q
	};
	struct sk_gate_voice *voices = NULL;
	struct sk_buf records;
	int rc = 0, status = 0;
	size_t n = 0;

	sk_buf_init(&records, SK_RECORDS_MAX);
	if (p->specs.n > 0) {
		sk_gate_say(a, p->g, "gate.start", found);
		rc = sk_ask_patiently(a, &patient, &records, &status, err);
		if (rc == 0 && records.len > 0)
			rc = judge(p, &records, err);
		if (rc == 0)
			rc = sk_gate_hear(a, p->g->name, p->row.round,
			    &p->names, &voices, &n, err);
		p->missing = p->names.n - n;
		if (rc == 0 && n == 0)
			rc = nobody(p, status, err);
	}
	if (rc == 0)
		p->issues = sk_gate_merge(found, voices, n, &r, &a->arena);
	if (rc == 0 && r.confirm)
		rc = validate(p, err);
	sk_buf_free(&records);
	return rc;
}

/* ---- the row ---- */

static int
keep(struct pass *p, const char *state, struct sk_err *err)
{
	struct sk_auto *a = p->a;
	struct sk_buf b;
	int rc;

	sk_buf_init(&b, 0);
	sk_json_write(&b, p->issues);
	(void)snprintf(p->row.state, sizeof(p->row.state), "%s", state);
	p->row.issues = b.p;
	rc = sk_gate_put(a->db, a->run, &p->row, a->driver.epoch, err);
	p->row.issues = NULL;
	sk_buf_free(&b);
	return rc;
}

/* ---- writing ---- */

/* What is written is marked so; a question that was answered is none. */
static void
mark_written(struct pass *p)
{
	for (size_t i = 0; i < sk_jlen(p->issues); i++) {
		struct sk_jv *x = sk_jat(p->issues, i);
		const char *what = sk_jget_str(x, "resolution");

		if (sk_streq(what, "applied") || sk_streq(what, "answered"))
			sk_jset(&p->a->arena, x, "written",
			    sk_jnew_bool(&p->a->arena, true));
	}
}

/* Beside the specification, so that whoever misses a sentence finds it. */
static int
back_up(const struct pass *p, struct sk_err *err)
{
	char stamp[SK_STAMP_LEN];
	char *path;
	int rc;

	sk_time_stamp(sk_now_ms(), stamp);
	path = sk_asprintf("%s/spec.backup_%s.md", p->a->spec.dir, stamp);
	rc = sk_write_file(
	    path, p->papers.spec.p, p->papers.spec.len, SK_DOC_FILE, err);
	free(path);
	return rc;
}

static int
publish(struct pass *p, const struct sk_buf *text, struct sk_err *err)
{
	struct sk_pub pub;
	int rc = back_up(p, err);

	if (rc == 0)
		rc = sk_pub_begin(&pub, p->a->spec.file, text->p, text->len,
		    SK_DOC_FILE, err);
	if (rc == 0)
		rc = sk_db_publish(
		    p->a->db, p->a->run, p->a->driver.epoch, &pub, err);
	return rc;
}

/*
 * What is settled goes into the specification. The row is stored first, with
 * the hash of what will be there: a driver that is killed in between leaves
 * either the old text, and it is written again, or the new one, and then it is
 * known to be ours.
 */
static int
write_down(struct pass *p, struct sk_err *err)
{
	char date[SK_TIME_LEN], before[SK_SHA256_LEN];
	struct sk_buf text;
	int rc = 0;

	sk_time_text(sk_now_ms(), date);
	date[10] = '\0';
	sk_buf_init(&text, 0);
	if (sk_spec_edit(p->papers.spec.p, p->papers.spec.len, p->issues, date,
		&text, &p->a->arena)) {
		memcpy(before, p->papers.sha256, sizeof(before));
		memcpy(p->row.before, before, sizeof(before));
		sk_papers_hash(&p->papers, text.p, text.len, p->row.after);
		rc = keep(p, "writing", err);
		if (rc == 0)
			rc = publish(p, &text, err);
		if (rc == 0) {
			sk_buf_clear(&p->papers.spec);
			sk_buf_add(&p->papers.spec, text.p, text.len);
			memcpy(p->papers.sha256, p->row.after,
			    sizeof(p->papers.sha256));
			mark_written(p);
		}
	}
	sk_buf_free(&text);
	return rc;
}

/* ---- the end of it ---- */

static int
end(struct pass *p, const char *state, struct sk_err *err)
{
	int rc = 0;

	/* What nobody was asked and nobody found is looked at again for
	 * nothing. */
	if (p->specs.n + sk_jlen(p->issues) > 0)
		rc = keep(p, state, err);
	if (rc != 0)
		return rc;
	sk_gate_evidence(p->a, p->g, p->issues, state, p->missing);
	sk_gate_say(p->a, p->g, "gate.end", p->issues);
	return 0;
}

static int
refuse(struct pass *p, struct sk_err *err)
{
	size_t n = sk_gate_open(p->issues);
	int rc = end(p, "failed", err);

	if (rc != 0)
		return rc;
	(void)sk_fail(err, SK_NEGATIVE, "gate",
	    "gate %s: %zu question%s nobody has answered", p->g->name, n,
	    n == 1 ? "" : "s");
	return sk_hint(err, "sk-auto answer %s --list shows %s", p->a->spec.id,
	    n == 1 ? "it" : "them");
}

static void
print_questions(const struct pass *p)
{
	struct sk_buf b;

	sk_buf_init(&b, 0);
	sk_gate_questions(p->a, p->g, p->issues, &b);
	sk_out_json(&b);
	sk_buf_free(&b);
}

/* The phase says for whom the run waits, to whoever looks. */
static int
wait_for_person(struct pass *p, struct sk_err *err)
{
	struct sk_auto *a = p->a;
	struct sk_err second = { 0 };
	struct sk_buf cmd;
	bool all = false;
	size_t n;
	int rc = a->whole ? sk_options_note(a, err) : 0;

	if (rc == 0)
		rc = keep(p, "waiting", err);
	if (rc == 0)
		rc = sk_phase_go(a, SK_EV_NEED_PERSON, err);
	if (rc == 0 && !a->no_input && isatty(STDIN_FILENO) &&
	    isatty(STDERR_FILENO)) {
		int talk = sk_gate_talk(a, p->issues, &all, err);

		/* What was said before a signal counts, too. */
		rc = keep(
		    p, all ? "answered" : "waiting", talk != 0 ? &second : err);
		sk_err_clear(&second);
		if (talk != 0)
			return talk;
		if (rc == 0 && all)
			return sk_phase_go(a, SK_EV_ANSWERED, err);
	}
	if (rc != 0)
		return rc;
	sk_gate_evidence(a, p->g, p->issues, "waiting", p->missing);
	sk_gate_say(a, p->g, "gate.waiting", p->issues);
	if (a->json)
		print_questions(p);
	n = sk_gate_open(p->issues);
	(void)sk_fail(err, SK_PAUSED, "needs_person",
	    "gate %s: %zu question%s for a person", p->g->name, n,
	    n == 1 ? "" : "s");
	sk_buf_init(&cmd, 0);
	sk_report_answer(a, &cmd);
	(void)sk_hint(err, "%s", cmd.p);
	sk_buf_free(&cmd);
	return SK_PAUSED;
}

/* In the end every question is answered, accepted as open, or the reason to
 * stop. */
static int
settle(struct pass *p, struct sk_err *err)
{
	const char *mode = mode_of(p->a);
	int rc = 0;

	/* An answer whose edit is refused is a question again. */
	while (rc == 0) {
		rc = write_down(p, err);
		if (rc != 0 || sk_gate_open(p->issues) == 0)
			break;
		if (strcmp(mode, "accept") == 0) {
			sk_gate_accept(p->issues, &p->a->arena);
			break;
		}
		if (strcmp(mode, "fail") == 0)
			return refuse(p, err);
		rc = wait_for_person(p, err);
	}
	return rc != 0 ? rc : end(p, "passed", err);
}

/* What a driver before us left of this gate, for the papers as they are. */
static int
take_up(struct pass *p, bool *done, struct sk_err *err)
{
	struct sk_auto *a = p->a;
	bool found = false, same, ours;
	int rc;

	*done = false;
	rc = sk_gate_get(a->db, a->run, a->branch, p->g->name, &p->row, &found,
	    &a->arena, err);
	if (rc != 0)
		return rc;
	ours = found && strcmp(p->row.after, p->papers.sha256) == 0;
	same = ours || (found && strcmp(p->row.before, p->papers.sha256) == 0);
	*done = same && strcmp(p->row.state, "passed") == 0;
	if (*done)
		return 0;
	memcpy(p->row.branch, a->branch, sizeof(p->row.branch));
	if (same) {
		rc = sk_json_parse(&a->arena, p->row.issues,
		    strlen(p->row.issues), NULL, &p->issues, err);
		if (rc == 0 && ours && strcmp(p->row.state, "writing") == 0)
			mark_written(p);
		p->row.issues = NULL;
		return rc;
	}
	p->row.issues = NULL;
	p->row.round++;
	(void)snprintf(p->row.gate, sizeof(p->row.gate), "%s", p->g->name);
	memcpy(p->row.before, p->papers.sha256, sizeof(p->row.before));
	p->row.after[0] = '\0';
	return 0;
}

int
sk_gate_validator(const struct sk_auto *a, const struct sk_gate *g,
    const struct sk_strv *voters, struct sk_strv *specs, struct sk_strv *names,
    struct sk_err *err)
{
	const char *word =
	    sk_config_str(a->conf, "quality_gates.validator", NULL);
	int rc;

	if (word == NULL || voters->n == 0)
		return 0;
	rc = sk_lineup_expand(word, names, err);
	if (rc == 0 && names->n != 1)
		rc = sk_fail(err, SK_USAGE, "bad_validator",
		    "quality_gates.validator '%s' is not one agent", word);
	if (rc == 0 && sk_strv_has(voters, names->v[0])) {
		(void)sk_fail(err, SK_USAGE, "validator_votes",
		    "quality_gates.validator '%s' answers at the gate %s "
		    "itself",
		    names->v[0], g->name);
		return sk_hint(err,
		    "name another agent, or leave it out of "
		    "quality_gates.%s",
		    g->stage);
	}
	if (rc == 0)
		sk_strv_add(specs, word);
	return rc;
}

int
sk_gate_run(struct sk_auto *a, const struct sk_stage *st, struct sk_err *err)
{
	struct pass p = { .a = a, .g = sk_gate_before(st), .stage = st };
	bool done = false;
	int rc;

	if (p.g == NULL || !sk_gate_on(a))
		return 0;
	rc = sk_gate_lineup(a, p.g, &p.specs, &p.names, err);
	if (rc == 0)
		rc = sk_gate_validator(
		    a, p.g, &p.names, &p.confirmer, &p.validator, err);
	if (rc == 0)
		rc = sk_papers_read(a, p.g, &p.papers, err);
	if (rc == 0)
		rc = take_up(&p, &done, err);
	if (rc == 0 && !done) {
		if (p.issues == NULL)
			rc = look(&p, err);
		if (rc == 0)
			rc = settle(&p, err);
	}
	sk_papers_free(&p.papers);
	sk_strv_free(&p.specs);
	sk_strv_free(&p.names);
	sk_strv_free(&p.confirmer);
	sk_strv_free(&p.confirmer);
	sk_strv_free(&p.validator);
	return rc;
}

int
sk_gate_wrote(struct sk_auto *a, bool *yes, struct sk_err *err)
{
	const struct sk_gate *g;
	struct sk_gate_row row;
	struct sk_papers now;
	bool found;
	int rc = 0;

	*yes = false;
	for (g = sk_gates; rc == 0 && !*yes && g->name != NULL; g++) {
		rc = sk_gate_get(a->db, a->run, a->branch, g->name, &row,
		    &found, &a->arena, err);
		if (rc != 0 || !found || row.after[0] == '\0')
			continue;
		rc = sk_papers_read(a, g, &now, err);
		*yes = rc == 0 && strcmp(now.sha256, row.after) == 0;
		sk_papers_free(&now);
	}
	return rc;
}
