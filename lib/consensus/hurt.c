/* SPDX-License-Identifier: MIT */
/* Verdicts that fail on purpose, in development builds. In a release this file
 * is empty. */
#include "faults/faults.h"

#ifdef SK_FAULTS
#include "consensus/decide.h"

/* The same answer, with a conflict that it reports. */
static void
report_conflict(struct sk_input *in, struct sk_arena *a)
{
	static const char claim[] =
	    "{\"agreements\":[],\"conflicts\":[\"injected\"]}";
	struct sk_jv *v = NULL, *said = NULL;
	struct sk_buf b;
	char *sha = sk_arena_alloc(a, SK_SHA256_LEN);

	(void)sk_json_parse(a, claim, sizeof(claim) - 1, NULL, &said, NULL);
	if (sk_json_find(a, in->text, in->text_n, &v) == SK_JFOUND_NONE ||
	    v->type != SK_J_OBJ)
		v = sk_jnew(a, SK_J_OBJ);
	sk_jset(a, v, "consensus", said);
	sk_buf_init(&b, 0);
	sk_json_write(&b, v);
	in->text_n = b.len;
	in->text = sk_arena_strndup(a, b.p, b.len);
	sk_buf_free(&b);
	sk_sha256(in->text, in->text_n, sha);
	in->sha256 = sha;
}

/* An answer reports a conflict, a path is required that nobody has, or there is
 * no verdict at all. */
int
sk_hurt_verdict(struct sk_case *c, struct sk_input *in, struct sk_arena *a,
    struct sk_err *err)
{
	static char word[] = "/consensus_fail", *path[] = { word, NULL };
	static const struct sk_strv require = { path, 1 };
	struct sk_fault_call f;

	if (!sk_fault_next("", c->stage, SK_FAULT_JUDGE, &f))
		return 0;
	if (sk_streq(f.word, "error"))
		return sk_fail(err, SK_AGAIN, "consensus_failed",
		    "the verdict could not be made");
	if (sk_streq(f.word, "unknown")) {
		c->require = &require;
		return 0;
	}
	for (size_t i = 0; i < c->n_inputs; i++)
		if (in[i].state == SK_INPUT_OK) {
			report_conflict(&in[i], a);
			break;
		}
	return 0;
}
#endif
