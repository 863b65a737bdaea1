/* SPDX-License-Identifier: MIT */
/* How a run was told to go on, kept for `answer --resume`, which is told
 * nothing. How far is not part of it: who resumes goes to the end. */
#include <string.h>

#include "pipeline/gate.h"
#include "pipeline/step.h"

int
sk_options_note(struct sk_auto *a, struct sk_err *err)
{
	const struct sk_auto_opts *o = a->opts;
	struct sk_buf b;
	struct sk_jw w;
	int rc;

	sk_buf_init(&b, 0);
	sk_jw_init(&w, &b);
	sk_jw_obj(&w);
	sk_jw_kstrv(&w, "agents", &o->agents);
	sk_jw_karr(&w, "skip");
	for (size_t i = 0; i < SK_ARRAY_SIZE(o->skip); i++)
		if (o->skip[i])
			sk_jw_str(&w, sk_stages[i].name);
	sk_jw_end(&w);
	sk_jw_kstr(&w, "on_gate", o->on_gate);
	sk_jw_kint(&w, "timeout", o->timeout);
	sk_jw_kbool(&w, "allow_dirty", o->allow_dirty);
	sk_jw_kbool(&w, "worktree", o->worktree);
	sk_jw_done(&w);
	rc = sk_run_note(a->db, a->run, b.p, err);
	sk_buf_free(&b);
	return rc;
}

/* (Of a run that was taken in from elsewhere nothing is noted: what somebody
 * allowed on another machine is allowed on that one.) */
int
sk_options_take(struct sk_auto *a, struct sk_auto_opts *o, struct sk_err *err)
{
	const struct sk_stage *st;
	const struct sk_jv *list;
	struct sk_jv *v = NULL;
	const char *word;
	char *text;
	int rc;

	rc = sk_run_noted(a->db, a->run, &text, &a->arena, err);
	if (rc == 0 && text != NULL)
		rc =
		    sk_json_parse(&a->arena, text, strlen(text), NULL, &v, err);
	if (rc != 0 || v == NULL)
		return rc;
	list = sk_jget(v, "agents");
	for (size_t i = 0; i < sk_jlen(list); i++)
		if (sk_jstr(sk_jat(list, i)) != NULL)
			sk_strv_add(&o->agents, sk_jstr(sk_jat(list, i)));
	list = sk_jget(v, "skip");
	for (size_t i = 0; i < sk_jlen(list); i++) {
		word = sk_jstr(sk_jat(list, i));
		st = word != NULL ? sk_stage_find(word) : NULL;
		if (st != NULL)
			o->skip[st - sk_stages] = true;
	}
	o->on_gate = sk_jget_str(v, "on_gate");
	(void)sk_jget_int(v, "timeout", &o->timeout);
	o->allow_dirty = sk_jget_bool(v, "allow_dirty", false);
	o->worktree = sk_jget_bool(v, "worktree", false);
	return 0;
}
