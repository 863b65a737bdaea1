/* SPDX-License-Identifier: MIT */
/* A person's answers to the questions of a gate: on the terminal, as words of
 * the command line, or as JSON. */
#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "pipeline/gate.h"
#include "pipeline/step.h"
#include "sys/sys.h"

#define PATIENCE_MS ((int64_t)7 * 86400000)
#define MOST_LINE ((size_t)4096)
#define MOST_INPUT ((size_t)4 << 20)

/* ---- one answer ---- */

static void
set_answer(struct sk_jv *issue, const char *text, struct sk_arena *a)
{
	sk_jset(a, issue, "resolution", sk_jnew_cstr(a, "answered"));
	sk_jset(a, issue, "answer", sk_jnew_cstr(a, text));
	sk_jset(a, issue, "note", sk_jnew(a, SK_J_NULL));
}

static bool
is_answer(const char *s)
{
	return s[strspn(s, " \t\r\n")] != '\0' && sk_utf8_ok(s, strlen(s));
}

/* Open, or answered a moment ago and not written yet: a person may change
 * their mind until then. */
static struct sk_jv *
question(const struct sk_jv *issues, const char *id)
{
	for (size_t i = 0; i < sk_jlen(issues); i++) {
		struct sk_jv *x = sk_jat(issues, i);
		const char *what = sk_jget_str(x, "resolution");

		if (sk_streq(sk_jget_str(x, "id"), id) &&
		    (sk_streq(what, "open") ||
			(sk_streq(what, "answered") &&
			    !sk_jget_bool(x, "written", false))))
			return x;
	}
	return NULL;
}

static int
take(struct sk_auto *a, struct sk_jv *issues, const char *id, const char *text,
    size_t *n, struct sk_err *err)
{
	struct sk_jv *x = question(issues, id);

	if (x == NULL) {
		(void)sk_fail(err, SK_USAGE, "no_such_question",
		    "there is no open question '%s'", id);
		return sk_hint(
		    err, "sk-auto answer %s --list shows them", a->spec.id);
	}
	if (!is_answer(text))
		return sk_fail(err, SK_USAGE, "bad_answer",
		    "the answer to '%s' is empty or no UTF-8 text", id);
	set_answer(x, text, &a->arena);
	(*n)++;
	return 0;
}

/* ---- on the terminal ---- */

struct talk {
	struct sk_buf line;
	int signo;
	bool over; /* end of input */
};

static void
on_input(struct sk_loop *l, int fd, unsigned events, void *arg)
{
	struct talk *t = arg;
	char chunk[1024];
	ssize_t n = read(fd, chunk, sizeof(chunk));

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		sk_buf_add(&t->line, chunk, (size_t)n);
	t->over = n <= 0;
	if (n <= 0 || t->line.p[t->line.len - 1] == '\n' || t->line.full)
		sk_loop_stop(l);
}

static void
on_signal(struct sk_loop *l, int signo, void *arg)
{
	struct talk *t = arg;

	t->signo = signo;
	sk_loop_stop(l);
}

/* One line; a signal ends the wait. */
static int
read_line(struct talk *t, struct sk_err *err)
{
	static const int signos[] = { SIGINT, SIGTERM, SIGHUP };
	struct sk_loop *l = sk_loop_new(err);
	int rc;

	if (l == NULL)
		return err->exit;
	sk_buf_clear(&t->line);
	t->line.full = false;
	rc = sk_loop_signals(
	    l, signos, SK_ARRAY_SIZE(signos), on_signal, t, err);
	if (rc == 0)
		rc = sk_loop_add(l, STDIN_FILENO, SK_EV_READ, on_input, t, err);
	if (rc == 0)
		rc = sk_loop_run(l, err);
	sk_loop_free(l);
	if (rc == 0 && t->signo != 0)
		rc = sk_stopped(t->signo, err);
	while (t->line.len > 0 &&
	       isspace((unsigned char)t->line.p[t->line.len - 1]))
		t->line.p[--t->line.len] = '\0';
	return rc;
}

/* A letter chooses what an agent said, everything else is the answer itself. */
static const char *
chosen(const struct sk_jv *x, const char *line)
{
	const struct sk_jv *list = sk_jget(x, "answers");
	const char *s;

	if (line[0] < 'a' || line[0] > 'z' || line[1] != '\0' ||
	    (size_t)(line[0] - 'a') >= sk_jlen(list))
		return line;
	s = sk_jget_str(sk_jat(list, (size_t)(line[0] - 'a')), "answer");
	return s != NULL ? s : line;
}

static void
tell(const char *s)
{
	(void)sk_write_all(STDERR_FILENO, s, strlen(s));
}

static int
ask_one(struct sk_auto *a, struct talk *t, struct sk_jv *x, struct sk_err *err)
{
	bool choice = sk_jlen(sk_jget(x, "answers")) > 0;
	struct sk_buf b;
	int rc;

	sk_buf_init(&b, 0);
	sk_buf_ch(&b, '\n');
	sk_gate_question_text(&b, x, true);
	tell(b.p);
	sk_buf_free(&b);
	for (;;) {
		tell(choice ? "   a letter, your own words, or nothing to "
			      "leave it open: "
			    : "   your answer, or nothing to leave it open: ");
		rc = read_line(t, err);
		if (rc != 0 || t->over || t->line.len == 0)
			return rc;
		if (is_answer(chosen(x, t->line.p)) &&
		    strlen(t->line.p) == t->line.len)
			break;
		tell("   that is no text\n");
	}
	set_answer(
	    x, sk_arena_strdup(&a->arena, chosen(x, t->line.p)), &a->arena);
	return 0;
}

int
sk_gate_talk(
    struct sk_auto *a, struct sk_jv *issues, bool *all, struct sk_err *err)
{
	struct talk t = { 0 };
	int rc = 0;

	sk_buf_init(&t.line, MOST_LINE);
	/* A person who thinks does not hang. */
	if (sk_auto_lease_ms(a) > 0)
		rc = sk_auto_renew(a, PATIENCE_MS, err);
	for (size_t i = 0; rc == 0 && !t.over && i < sk_jlen(issues); i++)
		if (sk_streq(
			sk_jget_str(sk_jat(issues, i), "resolution"), "open"))
			rc = ask_one(a, &t, sk_jat(issues, i), err);
	if (rc == 0)
		rc = sk_auto_renew(a, sk_auto_lease_ms(a), err);
	sk_buf_free(&t.line);
	*all = sk_gate_open(issues) == 0;
	return rc;
}

/* ---- the verb ---- */

struct session {
	struct sk_auto *a;
	const struct sk_gate *g; /* that waits; NULL = none */
	struct sk_gate_row row;
	struct sk_jv *issues;
	size_t n; /* answers taken */
};

/* The gate that has questions, or answers that are not written yet. */
static int
find_gate(struct session *s, struct sk_err *err)
{
	struct sk_auto *a = s->a;
	const struct sk_gate *g;
	struct sk_gate_row row;
	struct sk_run run;
	bool found;
	int rc;

	rc = sk_auto_look(a, &run, &found, err);
	if (rc == 0 && !found)
		return sk_fail(err, SK_NEGATIVE, "no_run",
		    "'%s' has no run yet", a->spec.id);
	for (g = sk_gates; rc == 0 && g->name != NULL; g++) {
		rc = sk_gate_get(a->db, a->run, a->branch, g->name, &row,
		    &found, &a->arena, err);
		if (rc != 0 || !found || strcmp(row.state, "passed") == 0 ||
		    strcmp(row.state, "writing") == 0)
			continue;
		s->g = g;
		s->row = row;
	}
	if (rc == 0 && s->g == NULL)
		rc = sk_fail(err, SK_NEGATIVE, "nothing_asked",
		    "no gate of run '%s' waits for an answer", a->run);
	if (rc == 0)
		rc = sk_json_parse(&a->arena, s->row.issues,
		    strlen(s->row.issues), NULL, &s->issues, err);
	return rc;
}

/* ID=TEXT */
static int
from_words(struct session *s, char *const *words, size_t n, struct sk_err *err)
{
	const char *eq;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < n; i++) {
		eq = strchr(words[i], '=');
		if (eq == NULL)
			return sk_fail(err, SK_USAGE, "bad_answer",
			    "'%s' is not ID=TEXT", words[i]);
		rc = take(s->a, s->issues,
		    sk_arena_strndup(
			&s->a->arena, words[i], (size_t)(eq - words[i])),
		    eq + 1, &s->n, err);
	}
	return rc;
}

/* {"ID":"TEXT"}, or sk.questions/1 with each "answer" filled in; what is null
 * stays open. */
static int
from_json(struct session *s, struct sk_err *err)
{
	struct sk_arena *arena = &s->a->arena;
	const struct sk_jv *list;
	struct sk_buf in;
	struct sk_jv *v = NULL;
	const char *id, *text;
	int rc;

	sk_buf_init(&in, 0);
	rc = sk_read_fd(STDIN_FILENO, MOST_INPUT, &in, "standard input", err);
	if (rc == 0)
		rc = sk_json_parse(arena, in.p, in.len, NULL, &v, err);
	sk_buf_free(&in);
	if (rc == 0 && v->type != SK_J_OBJ)
		rc = sk_fail(err, SK_USAGE, "bad_answer",
		    "standard input is no JSON object of answers");
	if (rc != 0)
		return rc;
	list = sk_jget(v, "questions");
	if (list == NULL)
		list = v;
	for (size_t i = 0; rc == 0 && i < sk_jlen(list); i++) {
		const struct sk_jv *x =
		    list->type == SK_J_ARR ? list->a[i] : list->m[i].v;

		id = list->type == SK_J_ARR ? sk_jget_str(x, "id")
		                            : list->m[i].key;
		if (list->type == SK_J_ARR)
			x = sk_jget(x, "answer");
		text = sk_jstr(x);
		if (x == NULL || x->type == SK_J_NULL)
			continue;
		if (id == NULL || text == NULL)
			return sk_fail(err, SK_USAGE, "bad_answer",
			    "an answer is no string");
		rc = take(s->a, s->issues, id, text, &s->n, err);
	}
	return rc;
}

static int
by_talking(struct session *s, struct sk_err *err)
{
	size_t before = sk_gate_open(s->issues);
	bool all;
	int rc = sk_gate_talk(s->a, s->issues, &all, err);

	s->n = before - sk_gate_open(s->issues);
	return rc;
}

static int
store(struct session *s, struct sk_err *err)
{
	struct sk_auto *a = s->a;
	struct sk_buf b;
	int rc;

	sk_buf_init(&b, 0);
	sk_json_write(&b, s->issues);
	(void)snprintf(s->row.state, sizeof(s->row.state), "%s",
	    sk_gate_open(s->issues) == 0 ? "answered" : "waiting");
	s->row.issues = b.p;
	rc = sk_gate_put(a->db, a->run, &s->row, a->driver.epoch, err);
	sk_buf_free(&b);
	return rc;
}

static void
list_text(const struct session *s)
{
	struct sk_buf b;

	sk_buf_init(&b, 0);
	for (size_t i = 0; i < sk_jlen(s->issues); i++)
		if (sk_streq(sk_jget_str(sk_jat(s->issues, i), "resolution"),
			"open"))
			sk_gate_question_text(&b, sk_jat(s->issues, i), false);
	sk_out(b.p, b.len);
	sk_buf_free(&b);
}

static void
say(const struct session *s)
{
	size_t open = sk_gate_open(s->issues);
	struct sk_buf b;

	sk_buf_init(&b, 0);
	if (s->a->json) {
		sk_gate_questions(s->a, s->g, s->issues, &b);
		sk_out_json(&b);
	} else if (s->n == 0) {
		list_text(s);
	} else if (open > 0) {
		sk_outf("%zu answered, %zu open\n", s->n, open);
	} else {
		sk_report_command(s->a, "resume", NULL, &b);
		sk_outf("%zu answered, none open\nresume     %s\n", s->n, b.p);
	}
	sk_buf_free(&b);
}

/* The run must not be driven while what it waits for changes. */
static int
hold(struct sk_auto *a, struct sk_err *err)
{
	int rc = sk_driver_start(a->db, a->run, a->opts->wait, &a->driver, err);

	a->driving = rc == 0;
	return rc;
}

static int
answer(struct session *s, char *const *words, size_t n, bool resume,
    struct sk_err *err)
{
	struct sk_auto *a = s->a;
	struct sk_err second = { 0 };
	int rc = hold(a, err);

	/* (It may have changed until we held it.) */
	if (rc == 0)
		rc = find_gate(s, err);
	if (rc == 0 && n > 0)
		rc = from_words(s, words, n, err);
	else if (rc == 0 && isatty(STDIN_FILENO))
		rc = by_talking(s, err);
	else if (rc == 0)
		rc = from_json(s, err);
	/* What was said before a signal counts. */
	if (rc == 0)
		rc = store(s, err);
	else if (s->n > 0 && rc > 128 && store(s, &second) != 0)
		sk_warn("%s", second.message);
	sk_err_clear(&second);
	if (a->driving)
		sk_driver_end(&a->driver);
	a->driving = false;
	if (rc == 0 && !(resume && sk_gate_open(s->issues) == 0))
		say(s);
	return rc != 0 || !resume ? rc : sk_auto_resume(a, err);
}

int
sk_auto_answer(struct sk_auto *a, char *const *words, size_t n, bool list,
    bool resume, struct sk_err *err)
{
	const struct sk_auto_opts *given = a->opts;
	struct sk_auto_opts o = *given;
	struct session s = { .a = a };
	int rc = find_gate(&s, err);

	if (rc == 0 && list)
		say(&s);
	if (rc != 0 || list)
		return rc;
	/* It goes on as it was begun. */
	rc = sk_options_take(a, &o, err);
	a->opts = &o;
	if (rc == 0)
		rc = answer(&s, words, n, resume, err);
	a->opts = given;
	sk_strv_free(&o.agents);
	return rc;
}
