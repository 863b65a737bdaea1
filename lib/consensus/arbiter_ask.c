/* SPDX-License-Identifier: MIT */
/*
 * The question to an arbiter, for sk-run. Answers have labels and no names, and
 * stand in the order of their hashes; each is one JSON document on a line of
 * its own, between lines with a boundary that no answer's author could know.
 * The same decision gives the same bytes, so that asking again is the same
 * request.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "consensus/arbiter.h"
#include "consensus/internal.h"
#include "data/data.h"

/* More of one answer is left out, and its part says so. */
#define CLIP ((size_t)200000)

struct part {
	char order[SK_SHA256_LEN];
	const struct sk_stored *s;
};

static int
part_cmp(const void *x, const void *y)
{
	const struct part *a = x, *b = y;

	return strcmp(a->order, b->order);
}

/* The value that the answer votes with: its words about who it is are not among
 * it. Prose as it came. */
static struct sk_jv *
shown(struct sk_arena *a, const struct sk_stored *s)
{
	struct sk_voter v = {
		.agent = s->agent, .text = s->content, .text_n = s->content_n
	};
	struct sk_buf b;
	struct sk_jv *text;

	sk_voter_read(a, &v);
	sk_buf_init(&b, 0);
	if (v.data != NULL)
		sk_json_write(&b, v.data);
	else
		sk_buf_add(&b, s->content, s->content_n);
	text = sk_jnew_str(a, b.p, b.len);
	sk_buf_free(&b);
	return text;
}

static void
put_answer(struct sk_buf *line, struct sk_arena *a, const struct sk_stored *s,
    const char *label)
{
	struct sk_jv *text = shown(a, s);
	size_t n = text->n;
	struct sk_jw w;

	if (n > CLIP) {
		n = CLIP;
		while (n > 0 && ((unsigned char)text->s[n] & 0xc0) == 0x80)
			n--;
	}
	sk_buf_clear(line);
	sk_jw_init(&w, line);
	sk_jw_obj(&w);
	sk_jw_kstr(&w, "answer", label);
	sk_jw_kbool(&w, "untrusted", true);
	sk_jw_kstr(&w, "sha256", s->sha256);
	sk_jw_kint(&w, "bytes", (int64_t)text->n);
	if (n < text->n)
		sk_jw_kint(&w, "left_out", (int64_t)(text->n - n));
	sk_jw_key(&w, "text");
	sk_jw_strn(&w, text->s, n);
	sk_jw_end(&w);
}

/* {"c1": {"path", "choose", "options": {"v1": …}}} */
static void
put_conflicts(struct sk_buf *line, const struct sk_question *q, size_t n)
{
	static const char *const how[] = { [SK_CHOICE_ONE] = "one",
		[SK_CHOICE_SOME] = "every one that is right",
		[SK_CHOICE_CLAIM] = "upheld or dismissed" };
	char label[24];
	struct sk_jw w;

	sk_buf_clear(line);
	sk_jw_init(&w, line);
	sk_jw_obj(&w);
	for (size_t i = 0; i < n; i++) {
		if (q[i].choice == SK_CHOICE_NONE)
			continue;
		sk_jw_kobj(&w, q[i].id);
		sk_jw_kstr(&w, "path", q[i].path);
		sk_jw_kstr(&w, "choose", how[q[i].choice]);
		if (q[i].choice == SK_CHOICE_CLAIM)
			sk_jw_kvalue(
			    &w, "claim", sk_jget(q[i].conflict, "text"));
		else
			sk_jw_key(&w, "options");
		if (q[i].choice != SK_CHOICE_CLAIM)
			sk_jw_obj(&w);
		for (size_t k = 0; q[i].choice != SK_CHOICE_CLAIM && k < q[i].n;
		     k++) {
			(void)snprintf(label, sizeof(label), "v%zu", k + 1);
			sk_jw_kvalue(
			    &w, label, sk_jget(q[i].options[k], "value"));
		}
		if (q[i].choice != SK_CHOICE_CLAIM)
			sk_jw_end(&w);
		sk_jw_end(&w);
	}
	sk_jw_end(&w);
}

static void
block(struct sk_buf *out, const char *name, const char *mark,
    const struct sk_buf *line)
{
	sk_buf_printf(out, "\n<<<BEGIN %s %s %zu\n", name, mark, line->len);
	sk_buf_add(out, line->p, line->len);
	sk_buf_printf(out, "\n<<<END %s %s\n", name, mark);
}

/* Of all answers and of the decision, which its authors did not know when they
 * wrote theirs. */
static void
boundary(const struct sk_decision *d, const struct part *p, size_t n,
    char out[SK_SHA256_LEN])
{
	struct sk_sha256_st st;

	sk_sha256_init(&st);
	sk_sha256_add(&st, d->run, strlen(d->run));
	sk_sha256_add(&st, d->chain, strlen(d->chain));
	for (size_t i = 0; i < n; i++)
		sk_sha256_add(&st, p[i].s->sha256, SK_SHA256_LEN - 1);
	sk_sha256_end(&st, out);
	out[32] = '\0';
}

static void
build(struct sk_buf *out, struct sk_arena *a, const struct sk_decision *d,
    const struct sk_question *q, size_t n, const struct part *p, size_t parts)
{
	const struct sk_data_file *text = sk_data_find("prompts/arbiter.md");
	char mark[SK_SHA256_LEN], label[24], name[40];
	struct sk_buf line;

	if (text == NULL)
		sk_bug("no prompt for an arbiter");
	boundary(d, p, parts, mark);
	sk_buf_init(&line, 0);
	sk_buf_add(out, text->text, text->n);
	sk_json_write(out, sk_arbiter_form(a, q, n));
	sk_buf_ch(out, '\n');
	put_conflicts(&line, q, n);
	block(out, "conflicts", mark, &line);
	for (size_t i = 0; i < parts; i++) {
		(void)snprintf(label, sizeof(label), "A%zu", i + 1);
		(void)snprintf(name, sizeof(name), "answer %s", label);
		put_answer(&line, a, p[i].s, label);
		block(out, name, mark, &line);
	}
	sk_buf_free(&line);
}

static void
put_request(struct sk_buf *out, const char *agent, const char *stage,
    const struct sk_decision *d, const struct sk_jv *schema,
    const struct sk_buf *prompt)
{
	struct sk_jw w;

	sk_jw_doc(&w, out, "sk.request/1");
	sk_jw_karr(&w, "agents");
	sk_jw_str(&w, agent);
	sk_jw_end(&w);
	sk_jw_kstr(&w, "run", d->run);
	sk_jw_kstr(&w, "branch", d->branch);
	if (d->spec[0] != '\0')
		sk_jw_kstr(&w, "spec", d->spec);
	sk_jw_kstr(&w, "stage", stage);
	sk_jw_kint(&w, "round", d->seq);
	sk_jw_kvalue(&w, "answer_schema", schema);
	sk_jw_key(&w, "prompt");
	sk_jw_strn(&w, prompt->p, prompt->len);
	sk_jw_done(&w);
}

/* Nobody is asked where there is nothing to choose. */
static int
check(const struct sk_decision *d, const struct sk_question *q, size_t n,
    struct sk_err *err)
{
	size_t asked = 0;

	for (size_t i = 0; i < n; i++)
		asked += q[i].choice != SK_CHOICE_NONE;
	if (asked > 0)
		return 0;
	(void)sk_fail(err, SK_USAGE, "nothing_to_ask",
	    "no conflict of decision %lld has values to choose among",
	    (long long)d->seq);
	return sk_hint(err, "'sk-consensus explain' shows what they are");
}

int
sk_arbiter_request(struct sk_buf *out, const char *agent,
    const struct sk_decision *d, const struct sk_stored *answers, size_t n,
    struct sk_err *err)
{
	struct part *p = sk_calloc(n + 1, sizeof(*p));
	char stage[SK_IDENT_LEN], both[2 * SK_SHA256_LEN];
	struct sk_arena a = { 0 };
	struct sk_jv *v = NULL;
	struct sk_question *q = NULL;
	struct sk_buf prompt;
	size_t asked = 0;
	int rc;

	sk_buf_init(&prompt, 0);
	rc = sk_json_parse(
	    &a, d->verdict, strlen(d->verdict), &sk_verdict_limits, &v, err);
	if (rc == 0 && !sk_arbiter_stage(d->stage, stage))
		rc = sk_fail(err, SK_USAGE, "bad_identifier",
		    "stage '%s' has too long a name for an arbiter's",
		    d->stage);
	if (rc == 0) {
		q = sk_arbiter_questions(&a, v, &asked);
		rc = check(d, q, asked, err);
	}
	for (size_t i = 0; rc == 0 && i < n; i++) {
		p[i].s = &answers[i];
		(void)snprintf(both, sizeof(both), "%s%s", d->input_sha256,
		    answers[i].sha256);
		sk_sha256(both, strlen(both), p[i].order);
	}
	if (rc == 0) {
		qsort(p, n, sizeof(*p), part_cmp);
		build(&prompt, &a, d, q, asked, p, n);
		put_request(out, agent, stage, d,
		    sk_arbiter_schema(&a, q, asked), &prompt);
	}
	sk_buf_free(&prompt);
	sk_arena_free(&a);
	free(p);
	return rc;
}
