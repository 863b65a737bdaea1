/* SPDX-License-Identifier: MIT */
/* Every byte of a certificate: a flip of any bit is seen. */
#include <stdio.h>
#include <stdlib.h>

#include "../case.h"
#include "consensus/decide.h"
#include "tap.h"

static const char *const answers[] = {
	"{\"k\":1,\"risks\":[{\"id\":\"a\",\"what\":\"late\"}],\"s\":[1,2]}",
	"{\"k\":1,\"s\":[2,1],\"t\":\"words of prose\"}",
	"{\"k\":2,\"t\":\"other words of prose\"}",
	"no JSON at all",
};
static const char *const names[] = { "a", "b", "c", "d" };

/* The synthesis of a decision on these answers, with them in it. */
static void
make(struct sk_buf *out, const char *policy)
{
	struct sk_strv expect = { 0 };
	struct sk_input in[4];
	struct sk_err err = { 0 };
	struct sk_arena a = { 0 };
	struct sk_decision d = { .round = 1,
		.seq = 3,
		.epoch = 2,
		.decided_ms = 1759572900123,
		.supersedes = 1 };
	struct sk_jv *list = sk_jnew(&a, SK_J_ARR), *o;
	struct sk_verdict v;
	char sha[4][SK_SHA256_LEN];
	struct sk_policy p;
	struct sk_case c = CASE_OF(&p, &expect, in, 4);

	CHECK_INT(sk_policy_load(&p, policy, &err), 0);
	for (size_t i = 0; i < 4; i++) {
		sk_sha256(answers[i], strlen(answers[i]), sha[i]);
		in[i] = (struct sk_input){ .agent = names[i],
			.text = answers[i],
			.text_n = strlen(answers[i]),
			.sha256 = sha[i] };
		sk_strv_add(&expect, names[i]);
		o = sk_jnew(&a, SK_J_OBJ);
		sk_jset(&a, o, "agent", sk_jnew_cstr(&a, names[i]));
		sk_jset(&a, o, "content", sk_jnew_cstr(&a, answers[i]));
		sk_jpush(&a, list, o);
	}
	CHECK_INT(sk_verdict_make(&c, &v, &err), 0);
	(void)snprintf(d.run, sizeof(d.run), "r");
	(void)snprintf(d.branch, sizeof(d.branch), "b");
	(void)snprintf(d.spec, sizeof(d.spec), "S");
	(void)snprintf(d.stage, sizeof(d.stage), "plan");
	(void)snprintf(
	    d.status, sizeof(d.status), "%s", sk_status_word(v.status));
	memset(d.chain_prev, '7', SK_SHA256_LEN - 1);
	d.verdict = v.json.p;
	sk_chain_link(&d, v.json.p, v.json.len, d.chain);
	CHECK_INT(sk_decision_write(out, &d, SK_FACE_FILE,
		      &(struct sk_more){ .answers = list }, &err),
	    0);
	sk_verdict_free(&v);
	sk_strv_free(&expect);
	sk_policy_free(&p);
	sk_arena_free(&a);
}

/* True when nothing is found wrong. */
static bool
holds(const char *text, size_t n)
{
	struct sk_answers_from from = { 0 };
	struct sk_err err = { 0 };
	struct sk_proof p;
	bool ok;

	ok = sk_verify(&p, text, n, &from, &err) == 0 &&
	     sk_jlen(p.findings) == 0;
	sk_proof_free(&p);
	sk_err_clear(&err);
	return ok;
}

int
main(void)
{
	static const char *const policies[] = { NULL, "plan" };

	for (size_t k = 0; k < 2; k++) {
		size_t missed = 0;
		struct sk_buf b;

		sk_buf_init(&b, 0);
		make(&b, policies[k]);
		CHECKF(holds(b.p, b.len), "as it is, it holds");
		for (size_t i = 0; i < b.len; i++)
			for (int bit = 0; bit < 8; bit += k == 0 ? 1 : 3) {
				b.p[i] = (char)(b.p[i] ^ (1 << bit));
				missed += holds(b.p, b.len);
				b.p[i] = (char)(b.p[i] ^ (1 << bit));
			}
		CHECKF(missed == 0, "%zu flips of %zu bytes were not seen",
		    missed, b.len);
		CHECKF(!holds(b.p, b.len - 1), "a byte less is seen");
		sk_buf_ch(&b, '\n');
		CHECKF(!holds(b.p, b.len), "a byte more is seen");
		sk_buf_free(&b);
	}
	return tap_done();
}
