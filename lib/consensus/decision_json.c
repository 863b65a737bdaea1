/* SPDX-License-Identifier: MIT */
/* A decision as the document sk.verdict/1, and its acknowledgement. */
#include <string.h>

#include "consensus/decide.h"

static void
put_evidence(struct sk_jw *w, const struct sk_evidence *ev)
{
	sk_jw_key(w, "evidence");
	if (ev == NULL || ev->synthesis == NULL) {
		sk_jw_null(w);
		return;
	}
	sk_jw_obj(w);
	sk_jw_kstr(w, "synthesis", ev->synthesis);
	sk_jw_kstr(w, "telemetry", ev->telemetry);
	sk_jw_kstrv(w, "agents", &ev->agents);
	sk_jw_end(w);
}

static void
put_chain(struct sk_jw *w, const struct sk_decision *d)
{
	sk_jw_key(w, "chain");
	if (d->chain[0] == '\0') {
		sk_jw_null(w);
		return;
	}
	sk_jw_obj(w);
	sk_jw_kstr(w, "prev", d->chain_prev);
	sk_jw_kstr(w, "hash", d->chain);
	sk_jw_end(w);
}

static void
put_decision(struct sk_jw *w, const struct sk_decision *d, enum sk_face face,
    const struct sk_more *more)
{
	sk_jw_kobj(w, "decision");
	sk_jw_kstr(w, "run", d->run);
	sk_jw_kstr(w, "branch", d->branch);
	sk_jw_ktime(w, "decided_at", d->decided_ms);
	if (face == SK_FACE_LINE) {
		sk_jw_ktime(w, "acked_at", d->acked ? d->acked_ms : 0);
		sk_jw_kbool(w, "acked", d->acked);
		if (more != NULL && !more->last)
			sk_jw_kbool(w, "replayed", more->replayed);
		else
			sk_jw_knull(w, "replayed");
	}
	sk_jw_kpos(w, "supersedes", d->supersedes);
	sk_jw_kint(w, "epoch", d->epoch);
	put_chain(w, d);
	if (face == SK_FACE_LINE && more != NULL && !more->last) {
		sk_jw_kint(w, "duplicates", more->duplicates);
		sk_jw_kint(w, "divergents", more->divergents);
		put_evidence(w, more->evidence);
	} else if (face == SK_FACE_LINE) {
		sk_jw_knull(w, "duplicates");
		sk_jw_knull(w, "divergents");
		put_evidence(w, NULL);
	}
	sk_jw_end(w);
}

int
sk_decision_write(struct sk_buf *out, const struct sk_decision *d,
    enum sk_face face, const struct sk_more *more, struct sk_err *err)
{
	static const char *const ours[] = { "schema", "spec", "stage", "round",
		"decision_seq", "status", "decision", NULL };
	struct sk_arena a = { 0 };
	struct sk_jv *v = NULL;
	struct sk_jw w;
	int rc;

	rc = sk_json_parse(&a, d->verdict != NULL ? d->verdict : "",
	    d->verdict != NULL ? strlen(d->verdict) : 0, &sk_verdict_limits, &v,
	    err);
	if (rc != 0) {
		sk_arena_free(&a);
		return rc;
	}
	sk_jw_doc(&w, out, "sk.verdict/1");
	sk_jw_kword(&w, "spec", d->spec);
	sk_jw_kword(&w, "stage", d->stage);
	sk_jw_kint(&w, "round", d->round);
	sk_jw_kint(&w, "decision_seq", d->seq);
	sk_jw_kstr(&w, "status", d->status);
	for (size_t i = 0; v->type == SK_J_OBJ && i < v->n; i++) {
		const char *const *k = ours;

		while (*k != NULL && strcmp(*k, v->m[i].key) != 0)
			k++;
		if (*k != NULL)
			continue;
		sk_jw_keyn(&w, v->m[i].key, v->m[i].klen);
		sk_jw_value(&w, v->m[i].v);
	}
	if (more != NULL && more->answers != NULL)
		sk_jw_kvalue(&w, "answers", more->answers);
	if (more != NULL && more->last)
		sk_jw_kstr(&w, "synthesis_path", more->synthesis_path);
	put_decision(&w, d, face, more);
	sk_jw_done(&w);
	sk_arena_free(&a);
	return out->full ? sk_fail(err, SK_DAMAGED, "too_large",
			       "the verdict is too large")
	                 : 0;
}

int
sk_decision_json(
    struct sk_buf *out, const struct sk_decision *d, struct sk_err *err)
{
	return sk_decision_write(out, d, SK_FACE_LINE, NULL, err);
}

void
sk_ack_json(struct sk_buf *b, const char *run, const char *branch, int64_t seq,
    bool already)
{
	struct sk_jw w;

	sk_jw_doc(&w, b, "sk.ack/1");
	sk_jw_kstr(&w, "run", run);
	sk_jw_kword(&w, "branch", branch);
	sk_jw_kint(&w, "decision_seq", seq);
	sk_jw_kbool(&w, "acked", true);
	sk_jw_kbool(&w, "already", already);
	sk_jw_done(&w);
}
