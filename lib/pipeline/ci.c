/* SPDX-License-Identifier: MIT */
/* A run for CI systems: what is known of it, and where the report goes. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "pipeline/ci.h"
#include "pipeline/gate.h"
#include "pipeline/skip.h"

/* What GitHub takes of one step; more is dropped whole. */
#define SUMMARY_MAX ((size_t)1 << 20)

/* ---- gathering ---- */

static struct sk_ci_case *
add(struct sk_ci *c, struct sk_ci_stage *s, const char *name,
    enum sk_ci_result result)
{
	struct sk_ci_case *v;

	SK_GROW(&c->arena, s->v, s->n, s->cap);
	v = &s->v[s->n++];
	memset(v, 0, sizeof(*v));
	v->name = name;
	v->result = result;
	v->type = "";
	c->count[result]++;
	return v;
}

static const struct sk_stored *
answer_of(const struct sk_stored *v, size_t n, const char *agent)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(v[i].agent, agent) == 0)
			return &v[i];
	return NULL;
}

static void
add_agent(struct sk_ci *c, struct sk_ci_stage *s, const char *agent,
    const struct sk_stored *x)
{
	const char *name = sk_arena_printf(&c->arena, "agent %s", agent);
	struct sk_ci_case *k;

	s->asked++;
	if (x == NULL) {
		k = add(c, s, name, SK_CI_SKIPPED);
		k->text = "was not asked";
		return;
	}
	s->answered += x->ok;
	k = add(c, s, name, x->ok ? SK_CI_OK : SK_CI_ERROR);
	k->ms = x->ended_ms > x->started_ms ? x->ended_ms - x->started_ms : 0;
	if (x->ok)
		return;
	k->type = x->failure_kind != NULL ? x->failure_kind : "no_answer";
	k->text = x->failure_message != NULL ? x->failure_message
	                                     : "there is no answer";
}

/* A stage that ended without a verdict did so before or instead of asking. */
static void
add_outcome(
    struct sk_ci *c, struct sk_ci_stage *s, const struct sk_stage_row *r)
{
	const char *why = r->reason != NULL && r->reason[0] != '\0'
	                      ? r->reason
	                      : sk_exit_word(r->exit);
	bool rail = r->reason != NULL && sk_has_prefix(r->reason, "guardrail ");
	struct sk_ci_case *k;

	k = add(c, s, "guardrail", rail ? SK_CI_FAILED : SK_CI_OK);
	if (rail) {
		k->type = "guardrail";
		k->text = why;
		return;
	}
	if (r->status[0] == '\0' && r->exit == 0 &&
	    strcmp(r->state, "running") == 0) {
		k = add(c, s, "verdict", SK_CI_SKIPPED);
		k->text = "the stage has not ended";
		return;
	}
	k = add(c, s, "verdict",
	    strcmp(r->status, "ok") == 0         ? SK_CI_OK
	    : strcmp(r->status, "conflict") == 0 ? SK_CI_FAILED
						 : SK_CI_ERROR);
	if (k->result != SK_CI_OK) {
		k->type =
		    r->status[0] != '\0' ? r->status : sk_exit_word(r->exit);
		k->text = why;
	}
}

/* The gate before the stage, when it was held. */
static int
add_gate(struct sk_ci *c, struct sk_ci_stage *s, const char *stage,
    struct sk_err *err)
{
	const struct sk_stage *st = sk_stage_find(stage);
	const struct sk_gate *g = st != NULL ? sk_gate_before(st) : NULL;
	struct sk_auto *a = c->a;
	struct sk_gate_row row;
	struct sk_ci_case *k;
	bool found = false;
	int rc;

	if (g == NULL)
		return 0;
	rc = sk_gate_get(
	    a->db, a->run, a->branch, g->name, &row, &found, &c->arena, err);
	if (rc != 0 || !found)
		return rc;
	k = add(c, s, sk_arena_printf(&c->arena, "gate %s", g->name),
	    strcmp(row.state, "waiting") == 0 ||
		    strcmp(row.state, "failed") == 0
		? SK_CI_FAILED
		: SK_CI_OK);
	if (k->result == SK_CI_OK)
		return 0;
	k->type = strcmp(row.state, "waiting") == 0 ? "needs_person" : "gate";
	k->text = sk_arena_printf(&c->arena,
	    "has open questions: sk-auto answer %s --list", a->spec.id);
	return 0;
}

static int
load_stage(struct sk_ci *c, const struct sk_stage_row *r, struct sk_err *err)
{
	struct sk_auto *a = c->a;
	struct sk_key key = { a->run, a->branch, a->spec.id, r->stage, "",
		r->round };
	struct sk_ci_stage *s = &c->v[c->n++];
	struct sk_strv names = { 0 };
	struct sk_stored *x = NULL;
	size_t n = 0;
	int64_t round;
	int rc;

	s->name = r->stage;
	s->status = r->status;
	s->artefact = r->artefact;
	s->started_ms = r->started_ms;
	s->ms = r->ended_ms > 0 ? r->ended_ms - r->started_ms : 0;
	if (sk_skip_row(r)) {
		add(c, s, "stage", SK_CI_SKIPPED)->text =
		    r->reason != NULL ? r->reason : "was left out";
		return 0;
	}
	rc = sk_answers_of(a->db, &key, &x, &n, &round, &c->arena, err);
	if (rc != 0)
		return rc;
	if (r->agents != NULL)
		sk_strv_split(&names, r->agents, ',');
	for (size_t i = 0; i < names.n; i++)
		add_agent(c, s, sk_arena_strdup(&c->arena, names.v[i]),
		    answer_of(x, n, names.v[i]));
	sk_strv_free(&names);
	rc = add_gate(c, s, r->stage, err);
	add_outcome(c, s, r);
	return rc;
}

/* A dry run: who would be asked. */
static void
load_outline(struct sk_ci *c)
{
	const struct sk_jv *stages = sk_jget(c->a->outline, "stages"), *agents;
	struct sk_ci_stage *s;
	const char *name, *may;

	c->state = "planned";
	c->v = sk_arena_alloc(&c->arena, (sk_jlen(stages) + 1) * sizeof(*c->v));
	for (size_t i = 0; i < sk_jlen(stages); i++) {
		s = &c->v[c->n++];
		s->name = sk_jget_str(sk_jat(stages, i), "stage");
		s->status = "planned";
		agents = sk_jget(sk_jat(stages, i), "agents");
		may = sk_jget_str(sk_jat(stages, i), "may_skip");
		if (may != NULL)
			add(c, s, "stage", SK_CI_SKIPPED)->text =
			    sk_arena_printf(
				&c->arena, "may be skipped: %s", may);
		for (size_t k = 0; k < sk_jlen(agents); k++) {
			name = sk_jget_str(sk_jat(agents, k), "agent");
			s->asked++;
			add(c, s,
			    sk_arena_printf(&c->arena, "agent %s",
				name != NULL ? name : "?"),
			    SK_CI_SKIPPED)
			    ->text = "would be asked";
		}
	}
}

static int
load(struct sk_ci *c, struct sk_err *err)
{
	struct sk_auto *a = c->a;
	struct sk_stage_row *rows = NULL;
	struct sk_run run;
	bool found = false;
	size_t n = 0;
	int rc = 0;

	if (a != NULL && a->outline != NULL)
		load_outline(c);
	if (a == NULL || a->db == NULL || a->run[0] == '\0')
		return 0;
	rc = sk_run_get(a->db, a->run, &run, &found, &c->arena, err);
	if (rc == 0 && found) {
		c->state = sk_arena_strdup(&c->arena, run.state);
		rc = sk_stage_list(
		    a->db, a->run, a->branch, &rows, &n, &c->arena, err);
	}
	c->v = sk_arena_alloc(&c->arena, (n + 1) * sizeof(*c->v));
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = load_stage(c, &rows[i], err);
	return rc;
}

/* What never became a stage is one case of its own, or nobody would see it. */
static void
add_error(struct sk_ci *c)
{
	struct sk_ci_stage *s, *v;
	struct sk_ci_case *k;

	if (c->err == NULL || c->err->message[0] == '\0' ||
	    c->count[SK_CI_FAILED] + c->count[SK_CI_ERROR] > 0)
		return;
	v = sk_arena_alloc(&c->arena, (c->n + 1) * sizeof(*v));
	if (c->n > 0)
		memcpy(v, c->v, c->n * sizeof(*v));
	c->v = v;
	s = &c->v[c->n++];
	s->name = "run";
	s->status = "";
	k = add(c, s, "start", SK_CI_ERROR);
	k->type = sk_arena_strdup(&c->arena, c->err->code);
	k->text = sk_arena_printf(&c->arena, "%s%s%s%s", c->err->message,
	    c->err->hint[0] != '\0' ? " (" : "", c->err->hint,
	    c->err->hint[0] != '\0' ? ")" : "");
}

/* ---- GitHub's files ---- */

static int
append(const char *var, const struct sk_buf *b, size_t max, struct sk_err *err)
{
	const char *path = getenv(var);
	struct sk_buf cut;
	struct stat st;
	int fd, rc = 0;

	if (path == NULL || path[0] == '\0' || b->len == 0)
		return 0;
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || fstat(fd, &st) != 0)
		rc = sk_fail_errno(err, "cannot open '%s' (%s)", path, var);
	sk_buf_init(&cut, 0);
	sk_buf_add(&cut, b->p, b->len);
	if (rc == 0 && max > 0)
		sk_ci_cut(&cut,
		    (size_t)st.st_size < max ? max - (size_t)st.st_size : 0);
	if (rc == 0 && sk_write_all(fd, cut.p, cut.len) != 0)
		rc = sk_fail_errno(err, "cannot write '%s' (%s)", path, var);
	sk_buf_free(&cut);
	if (fd >= 0)
		(void)close(fd);
	return rc;
}

static int
github_files(const struct sk_ci *c, struct sk_err *err)
{
	struct sk_buf b;
	int rc;

	sk_buf_init(&b, 0);
	sk_ci_md(&b, c);
	rc = append("GITHUB_STEP_SUMMARY", &b, SUMMARY_MAX, err);
	sk_buf_clear(&b);
	/* Names and words of ours only: nobody can add a line. */
	if (c->a != NULL && c->a->run[0] != '\0')
		sk_buf_printf(
		    &b, "run=%s\nbranch=%s\n", c->a->run, c->a->branch);
	sk_buf_printf(&b, "state=%s\nexit=%d\n", c->state, c->exit);
	if (rc == 0)
		rc = append("GITHUB_OUTPUT", &b, 0, err);
	sk_buf_free(&b);
	return rc;
}

/* ---- the whole ---- */

int
sk_ci_report(struct sk_auto *a, const char *format, int exit_class,
    const struct sk_err *why, struct sk_err *err)
{
	struct sk_ci c = {
		.a = a, .spec = "", .state = "", .exit = exit_class
	};
	struct sk_buf b, resume;
	int rc;

	c.err = why;
	sk_buf_init(&b, 0);
	sk_buf_init(&resume, 0);
	if (a != NULL)
		c.spec = a->spec.id;
	rc = load(&c, err);
	add_error(&c);
	if (exit_class != 0 && a != NULL && a->run[0] != '\0') {
		sk_report_command(a, "resume", NULL, &resume);
		c.resume = resume.p;
	}
	if (rc == 0 && strcmp(format, "junit") == 0)
		sk_ci_junit(&b, &c);
	else if (rc == 0 && strcmp(format, "tap") == 0)
		sk_ci_tap(&b, &c);
	else if (rc == 0 && strcmp(format, "md") == 0)
		sk_ci_md(&b, &c);
	else if (rc == 0 && strcmp(format, "gitlab") == 0)
		sk_ci_gitlab(&b, &c);
	else if (rc == 0)
		sk_ci_github(&b, &c);
	sk_out(b.p, b.len);
	if (rc == 0 && strcmp(format, "github") == 0)
		rc = github_files(&c, err);
	sk_buf_free(&b);
	sk_buf_free(&resume);
	sk_arena_free(&c.arena);
	return rc;
}

bool
sk_ci_format(const char *word)
{
	static const char *const words[] = { "github", "gitlab", "junit", "tap",
		"md" };

	for (size_t i = 0; word != NULL && i < SK_ARRAY_SIZE(words); i++)
		if (strcmp(words[i], word) == 0)
			return true;
	return false;
}

void
sk_ci_fold(const struct sk_auto *a, const char *stage, bool done)
{
	const char *format = a->opts->format;
	long long now = (long long)(sk_now_ms() / 1000);
	struct sk_err err = { 0 };

	if (sk_streq(format, "github") && !done)
		sk_outf("::group::%s %s\n", a->spec.id, stage);
	else if (sk_streq(format, "github"))
		sk_out_str("::endgroup::\n");
	else if (sk_streq(format, "gitlab") && !done)
		sk_outf("\033[0Ksection_start:%lld:sk_%s\r\033[0K%s %s\n", now,
		    stage, a->spec.id, stage);
	else if (sk_streq(format, "gitlab"))
		sk_outf("\033[0Ksection_end:%lld:sk_%s\r\033[0K\n", now, stage);
	else
		return;
	/* What our children say goes to another descriptor of the same log. */
	(void)sk_out_flush(&err);
	sk_err_clear(&err);
}
