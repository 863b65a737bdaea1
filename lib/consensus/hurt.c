/* SPDX-License-Identifier: MIT */
/* Verdicts that fail on purpose, in development builds. In a release this file
 * is empty. */
#include "faults/faults.h"

#ifdef SK_FAULTS
#include "consensus/decide.h"

/* An answer reports a conflict, a path is required that nobody has, or there is
 * no verdict at all. */
int
sk_hurt_verdict(struct sk_case *c, struct sk_input *in, struct sk_err *err)
{
	static const char text[] = "{\"consensus\":{\"agreements\":[],"
				   "\"conflicts\":[\"injected\"]}}";
	static char sha[SK_SHA256_LEN];
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
	sk_sha256(text, sizeof(text) - 1, sha);
	for (size_t i = 0; i < c->n_inputs; i++)
		if (in[i].state == SK_INPUT_OK) {
			in[i].text = text;
			in[i].text_n = sizeof(text) - 1;
			in[i].sha256 = sha;
			break;
		}
	return 0;
}
#endif
