/* SPDX-License-Identifier: MIT */
/* A run as Markdown, as GitHub's annotations, and for GitLab's log. */
#include <string.h>

#include "pipeline/ci.h"

/* GitHub shows this many of a kind for one step and drops the others without a
 * word. */
#define EACH_MAX 10

static const char *
word(const struct sk_ci_stage *s)
{
	if (s->status[0] != '\0')
		return s->status;
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].result >= SK_CI_FAILED)
			return s->v[i].type;
	return "not ended";
}

/* How the whole ended in one word. */
static const char *
outcome(const struct sk_ci *c)
{
	if (c->exit == 0)
		return c->state[0] != '\0' ? c->state : "done";
	if (c->exit != SK_NEGATIVE)
		return sk_exit_word(c->exit);
	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->v[i].status, "conflict") == 0)
			return "conflict";
	return "halted";
}

static bool
bad(const struct sk_ci_case *k)
{
	return k->result >= SK_CI_FAILED;
}

static void
took(struct sk_buf *b, int64_t ms)
{
	char text[32];

	if (ms == 0) {
		sk_buf_ch(b, '-');
		return;
	}
	sk_duration_text(ms, text, sizeof(text));
	sk_buf_str(b, text);
}

/* ---- Markdown ---- */

static void
md_table(struct sk_buf *b, const struct sk_ci *c)
{
	const char *slash;

	if (c->n == 0)
		return;
	sk_buf_str(b, "| stage | status | answers | duration | artefact |\n"
		      "|---|---|---:|---:|---|\n");
	for (size_t i = 0; i < c->n; i++) {
		const struct sk_ci_stage *s = &c->v[i];

		sk_buf_printf(b, "| %s | %s | %zu/%zu | ", s->name, word(s),
		    s->answered, s->asked);
		took(b, s->ms);
		sk_buf_str(b, " | ");
		slash = s->artefact != NULL ? strrchr(s->artefact, '/') : NULL;
		if (slash != NULL)
			sk_buf_code_span(b, slash + 1, strlen(slash + 1));
		else
			sk_buf_ch(b, '-');
		sk_buf_str(b, " |\n");
	}
}

void
sk_ci_md(struct sk_buf *b, const struct sk_ci *c)
{
	sk_buf_printf(b, "## %s: %s\n\n", c->spec[0] != '\0' ? c->spec : "sk",
	    outcome(c));
	if (c->a != NULL && c->a->run[0] != '\0')
		sk_buf_printf(b, "run `%s`\n\n", c->a->run);
	md_table(b, c);
	for (size_t i = 0; i < c->n; i++) {
		bool head = false;

		for (size_t k = 0; k < c->v[i].n; k++) {
			const struct sk_ci_case *x = &c->v[i].v[k];

			if (!bad(x))
				continue;
			if (!head)
				sk_buf_printf(b, "\n### %s\n\n", c->v[i].name);
			head = true;
			sk_buf_printf(b, "- %s: %s ", x->name, x->type);
			if (x->text != NULL)
				sk_buf_code_span(b, x->text, strlen(x->text));
			sk_buf_ch(b, '\n');
		}
	}
	if (c->resume != NULL) {
		sk_buf_str(b, "\n### Go on\n\n");
		sk_buf_code_span(b, c->resume, strlen(c->resume));
		sk_buf_ch(b, '\n');
	}
}

void
sk_ci_cut(struct sk_buf *md, size_t max)
{
	static const char note[] = "\n(cut: the report is larger than a step "
				   "summary may be)\n";
	size_t at;

	if (md->len <= max)
		return;
	if (max < sizeof(note)) {
		sk_buf_clear(md);
		return;
	}
	for (at = max - sizeof(note); at > 0; at--)
		if (strncmp(md->p + at, "\n### ", 5) == 0)
			break;
	md->len = at;
	md->p[at] = '\0';
	sk_buf_str(md, note);
}

/* ---- GitHub ---- */

static void
annotation(struct sk_buf *b, const struct sk_ci *c, const char *command,
    const struct sk_ci_stage *s, const struct sk_ci_case *k)
{
	const char *root = c->a != NULL ? c->a->conf->project_root : NULL;
	const char *file = c->a != NULL ? c->a->spec.file : NULL;
	size_t n = root != NULL ? strlen(root) : 0;

	sk_buf_printf(b, "::%s ", command);
	if (file != NULL && strncmp(file, root, n) == 0 && file[n] == '/') {
		sk_buf_str(b, "file=");
		sk_buf_workflow(b, file + n + 1, strlen(file + n + 1), true);
		sk_buf_ch(b, ',');
	}
	sk_buf_printf(b,
	    "title=%s%s%s %s%%3A %s::", c->spec[0] != '\0' ? c->spec : "sk",
	    " ", s->name, k->name, k->type);
	sk_buf_workflow(b, k->text != NULL ? k->text : k->type,
	    strlen(k->text != NULL ? k->text : k->type), false);
	sk_buf_ch(b, '\n');
}

/* What stopped the run is an error, an agent that did not answer a warning. */
static bool
stops(const struct sk_ci_case *k)
{
	return bad(k) && !sk_has_prefix(k->name, "agent ");
}

static void
annotations(struct sk_buf *b, const struct sk_ci *c, bool errors)
{
	size_t said = 0, left = 0;

	for (size_t i = 0; i < c->n; i++)
		for (size_t k = 0; k < c->v[i].n; k++) {
			const struct sk_ci_case *x = &c->v[i].v[k];

			if (!bad(x) || stops(x) != errors)
				continue;
			if (said == EACH_MAX) {
				left++;
				continue;
			}
			annotation(
			    b, c, errors ? "error" : "warning", &c->v[i], x);
			said++;
		}
	if (left > 0)
		sk_buf_printf(b,
		    "::notice title=%s::%zu more are in the step "
		    "summary\n",
		    c->spec[0] != '\0' ? c->spec : "sk", left);
}

void
sk_ci_github(struct sk_buf *b, const struct sk_ci *c)
{
	size_t answered = 0;

	annotations(b, c, true);
	annotations(b, c, false);
	for (size_t i = 0; i < c->n; i++)
		answered += c->v[i].answered;
	sk_buf_printf(b, "::notice title=%s::%s, %zu stage%s, %zu answers\n",
	    c->spec[0] != '\0' ? c->spec : "sk", outcome(c), c->n,
	    c->n == 1 ? "" : "s", answered);
}

/* ---- GitLab ---- */

void
sk_ci_gitlab(struct sk_buf *b, const struct sk_ci *c)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct sk_ci_stage *s = &c->v[i];

		sk_buf_printf(b, "%-10s %-10s %zu/%zu  ", s->name, word(s),
		    s->answered, s->asked);
		took(b, s->ms);
		sk_buf_ch(b, '\n');
		for (size_t k = 0; k < s->n; k++) {
			if (!bad(&s->v[k]))
				continue;
			sk_buf_printf(
			    b, "  %s: %s: ", s->v[k].name, s->v[k].type);
			if (s->v[k].text != NULL)
				sk_buf_visible(b, s->v[k].text,
				    strlen(s->v[k].text), false);
			sk_buf_ch(b, '\n');
		}
	}
	if (c->resume != NULL)
		sk_buf_printf(b, "go on: %s\n", c->resume);
}
