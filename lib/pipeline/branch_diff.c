/* SPDX-License-Identifier: MIT */
/* sk-branch diff: where the verdicts of two branches differ. */
#include <stdio.h>
#include <string.h>

#include "consensus/consensus.h"
#include "pipeline/branch_work.h"

/* More paths than this of one stage are counted, not listed. */
#define CHANGES_MAX 1000

struct change {
	char *path;
	const struct sk_jv *a, *b; /* NULL = not there */
};
struct stage_diff {
	const char *stage;
	struct sk_decision d[2];
	bool has[2];
	struct change *v;
	size_t n, cap, more;
	bool same;
};

/* ---- two values ---- */

static void
changed(struct sk_arena *arena, struct stage_diff *s, const struct sk_buf *path,
    const struct sk_jv *a, const struct sk_jv *b)
{
	if (s->n == CHANGES_MAX) {
		s->more++;
		return;
	}
	SK_GROW(arena, s->v, s->n, s->cap);
	s->v[s->n++] = (struct change){ sk_arena_strdup(arena, path->p), a, b };
}

static bool
both(const struct sk_jv *a, const struct sk_jv *b, enum sk_jtype t)
{
	return a != NULL && b != NULL && a->type == t && b->type == t;
}

static void
at_key(struct sk_buf *path, const char *key, size_t n)
{
	sk_jptr_add(path, key, n);
}

static void
cut(struct sk_buf *path, size_t len)
{
	path->len = len;
	path->p[len] = '\0';
}

/* As deep as what was read may be: 64 levels. */
static void
compare(struct sk_arena *arena, struct stage_diff *s, struct sk_buf *path,
    const struct sk_jv *a, const struct sk_jv *b)
{
	size_t len = path->len, most;
	char number[24];
	int w;

	if (both(a, b, SK_J_OBJ)) {
		for (size_t i = 0; i < a->n; i++) {
			at_key(path, a->m[i].key, a->m[i].klen);
			compare(arena, s, path, a->m[i].v,
			    sk_jgetn(b, a->m[i].key, a->m[i].klen));
			cut(path, len);
		}
		for (size_t i = 0; i < b->n; i++) {
			if (sk_jgetn(a, b->m[i].key, b->m[i].klen) != NULL)
				continue;
			at_key(path, b->m[i].key, b->m[i].klen);
			changed(arena, s, path, NULL, b->m[i].v);
			cut(path, len);
		}
	} else if (both(a, b, SK_J_ARR)) {
		most = a->n > b->n ? a->n : b->n;
		for (size_t i = 0; i < most; i++) {
			w = snprintf(number, sizeof(number), "%zu", i);
			at_key(path, number, (size_t)w);
			compare(arena, s, path, sk_jat(a, i), sk_jat(b, i));
			cut(path, len);
		}
	} else if (a == NULL || b == NULL || !sk_json_eq(a, b)) {
		changed(arena, s, path, a, b);
	}
}

/* ---- two decisions ---- */

static int
merged(struct sk_branch_work *w, const struct sk_decision *d, bool has,
    struct sk_jv **v, struct sk_err *err)
{
	struct sk_jv *doc;
	int rc;

	*v = NULL;
	if (!has)
		return 0;
	rc = sk_json_parse(&w->a, d->verdict, strlen(d->verdict),
	    &sk_verdict_limits, &doc, err);
	if (rc == 0)
		*v = sk_jget(doc, "merged");
	return rc;
}

static int
diff_stage(struct sk_branch_work *w, struct stage_diff *s,
    const struct sk_branch b[2], struct sk_err *err)
{
	struct sk_jv *v[2] = { NULL, NULL };
	struct sk_buf path;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < 2; i++) {
		rc = sk_decision_seen(w->db, b[i].id, b[i].spec, s->stage,
		    &s->d[i], &s->has[i], &w->a, err);
		if (rc == 0)
			rc = merged(w, &s->d[i], s->has[i], &v[i], err);
	}
	if (rc != 0)
		return rc;
	sk_buf_init(&path, 0);
	/* What both inherited is one decision. */
	if (s->has[0] && s->has[1])
		compare(&w->a, s, &path, v[0], v[1]);
	sk_buf_free(&path);
	s->same = s->n == 0 && s->has[0] && s->has[1] &&
	          strcmp(s->d[0].status, s->d[1].status) == 0;
	return 0;
}

static bool
known(const struct stage_diff *v, size_t n, const char *stage)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(v[i].stage, stage) == 0)
			return true;
	return false;
}

static int
gather(struct sk_branch_work *w, const struct sk_branch b[2],
    struct stage_diff **out, size_t *n, struct sk_err *err)
{
	struct sk_decision *d[2] = { NULL, NULL };
	size_t have[2] = { 0, 0 };
	struct stage_diff *v;
	int rc = 0;

	*n = 0;
	for (size_t i = 0; rc == 0 && i < 2; i++)
		rc = sk_branch_decisions(
		    w, &b[i], w->o->stage, &d[i], &have[i], err);
	v = sk_arena_alloc(&w->a, (have[0] + have[1] + 1) * sizeof(*v));
	for (size_t i = 0; rc == 0 && i < 2; i++)
		for (size_t k = 0; k < have[i]; k++)
			if (!known(v, *n, d[i][k].stage))
				v[(*n)++].stage = d[i][k].stage;
	for (size_t i = 0; rc == 0 && i < *n; i++)
		rc = diff_stage(w, &v[i], b, err);
	*out = v;
	return rc;
}

/* ---- showing ---- */

static void
side_json(struct sk_jw *jw, const char *key, const struct stage_diff *s, int i)
{
	sk_jw_key(jw, key);
	if (!s->has[i]) {
		sk_jw_null(jw);
		return;
	}
	sk_jw_obj(jw);
	sk_jw_kstr(jw, "branch", s->d[i].branch);
	sk_jw_kint(jw, "decision_seq", s->d[i].seq);
	sk_jw_kstr(jw, "status", s->d[i].status);
	sk_jw_end(jw);
}

static void
diff_json(struct sk_branch_work *w, const struct sk_branch b[2],
    const struct stage_diff *v, size_t n, bool same)
{
	struct sk_jw jw;

	sk_jw_doc(&jw, &w->out, "sk.branch-diff/1");
	sk_jw_kstr(&jw, "a", b[0].id);
	sk_jw_kstr(&jw, "b", b[1].id);
	sk_jw_kbool(&jw, "same", same);
	sk_jw_karr(&jw, "stages");
	for (size_t i = 0; i < n; i++) {
		sk_jw_obj(&jw);
		sk_jw_kword(&jw, "stage", v[i].stage);
		side_json(&jw, "a", &v[i], 0);
		side_json(&jw, "b", &v[i], 1);
		sk_jw_kbool(&jw, "same", v[i].same);
		sk_jw_karr(&jw, "changes");
		for (size_t k = 0; k < v[i].n; k++) {
			sk_jw_obj(&jw);
			sk_jw_kstr(&jw, "path", v[i].v[k].path);
			sk_jw_kbool(&jw, "in_a", v[i].v[k].a != NULL);
			sk_jw_kbool(&jw, "in_b", v[i].v[k].b != NULL);
			sk_jw_kvalue(&jw, "a", v[i].v[k].a);
			sk_jw_kvalue(&jw, "b", v[i].v[k].b);
			sk_jw_end(&jw);
		}
		sk_jw_end(&jw);
		sk_jw_kint(&jw, "more", (int64_t)v[i].more);
		sk_jw_end(&jw);
	}
	sk_jw_end(&jw);
	sk_jw_done(&jw);
}

static void
line(struct sk_buf *b, char mark, const char *path, const struct sk_jv *v)
{
	struct sk_buf t;

	if (v == NULL)
		return;
	sk_buf_init(&t, 0);
	sk_json_write(&t, v);
	sk_buf_printf(b, "%c ", mark);
	sk_buf_visible(b, path, strlen(path), false);
	sk_buf_printf(b, "  %.*s%s\n", 200, t.p, t.len > 200 ? "..." : "");
	sk_buf_free(&t);
}

static void
diff_text(struct sk_branch_work *w, const struct sk_branch b[2],
    const struct stage_diff *v, size_t n)
{
	sk_buf_printf(&w->out, "--- %s\n+++ %s\n", b[0].id, b[1].id);
	for (size_t i = 0; i < n; i++) {
		if (v[i].same)
			continue;
		sk_buf_printf(&w->out, "%s: %s, %s\n",
		    v[i].stage[0] != '\0' ? v[i].stage : "-",
		    v[i].has[0] ? v[i].d[0].status : "not decided",
		    v[i].has[1] ? v[i].d[1].status : "not decided");
		for (size_t k = 0; k < v[i].n; k++) {
			line(&w->out, '-', v[i].v[k].path, v[i].v[k].a);
			line(&w->out, '+', v[i].v[k].path, v[i].v[k].b);
		}
		if (v[i].more > 0)
			sk_buf_printf(&w->out, "  and %zu more\n", v[i].more);
	}
}

int
sk_bverb_diff(struct sk_branch_work *w, struct sk_err *err)
{
	struct stage_diff *v = NULL;
	struct sk_branch b[2];
	bool same = true;
	size_t n = 0;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < 2; i++)
		rc = sk_branch_resolve(w, w->ctx->argv[i], &b[i], err);
	if (rc == 0)
		rc = gather(w, b, &v, &n, err);
	if (rc != 0)
		return rc;
	for (size_t i = 0; i < n; i++)
		same = same && v[i].same;
	if (w->ctx->format == SK_FMT_JSON)
		diff_json(w, b, v, n, same);
	else if (!same)
		diff_text(w, b, v, n);
	return same ? 0 : SK_NEGATIVE;
}
