/* SPDX-License-Identifier: MIT */
/* --reuse: a stored answer to the same question is an answer. Nothing was used
 * and nothing paid for it this time. */
#include <string.h>

#include "agent/replay.h"

/* The answer whose copy was taken is the one to name. */
static void
name_origin(
    struct sk_answer *a, const struct sk_reusable *f, struct sk_arena *m)
{
	struct sk_jv *meta = NULL;
	const struct sk_jv *from;
	const char *run = f->run;
	int64_t seq = f->seq;

	if (f->meta_json != NULL &&
	    sk_json_parse(m, f->meta_json, strlen(f->meta_json), NULL, &meta,
		NULL) == 0) {
		from = sk_jget(meta, "reused");
		if (sk_jget_str(from, "run") != NULL &&
		    sk_jget_int(from, "seq", &seq))
			run = sk_jget_str(from, "run");
		a->o.lossy = sk_jget_bool(meta, "lossy", false);
	}
	a->reused = sk_strdup(run);
	a->reused_seq = seq;
}

int
sk_reuse(struct sk_fan *r, size_t i, struct sk_err *err)
{
	struct sk_answer *a = &r->ans[i];
	struct sk_arena arena = { 0 };
	struct sk_reusable f;
	bool found;
	int rc;

	rc = sk_answer_asked(
	    r->db, a->slot->name, a->slot->asked, &f, &found, &arena, err);
	if (rc == 0 && found) {
		a->o.content = sk_malloc(f.content_n + 1);
		memcpy(a->o.content, f.content, f.content_n);
		a->o.content[f.content_n] = '\0';
		a->o.content_n = f.content_n;
		memcpy(a->o.sha256, f.sha256, sizeof(a->o.sha256));
		if (f.model != NULL)
			a->o.model = sk_strdup(f.model);
		if (f.session != NULL)
			a->o.session = sk_strdup(f.session);
		a->o.cost_micro = 0;
		a->o.started_ms = a->o.ended_ms = sk_now_ms();
		name_origin(a, &f, &arena);
		r->reused++;
	}
	sk_arena_free(&arena);
	return rc;
}
