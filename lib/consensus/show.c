/* SPDX-License-Identifier: MIT */
/* A verdict for a person. What agents said is quoted as JSON or made visible:
 * nothing of it reaches the terminal as it came. */
#include <string.h>

#include "consensus/consensus.h"

/* One value on one line, cut where a person has seen enough. */
#define VALUE_MAX 160

static void
put_str(struct sk_buf *b, const struct sk_jv *v)
{
	if (v != NULL && v->type == SK_J_STR)
		sk_buf_visible(b, v->s, v->n, false);
	else
		sk_json_write(b, v);
}

static void
put_list(struct sk_buf *b, const char *label, const struct sk_jv *list)
{
	if (sk_jlen(list) == 0)
		return;
	sk_buf_printf(b, "%-10s", label);
	for (size_t i = 0; i < sk_jlen(list); i++) {
		sk_buf_str(b, i > 0 ? ", " : "");
		put_str(b, sk_jat(list, i));
	}
	sk_buf_ch(b, '\n');
}

static void
put_value(struct sk_buf *b, const struct sk_jv *v)
{
	struct sk_buf t;

	sk_buf_init(&t, 0);
	sk_json_write(&t, v);
	if (t.len > VALUE_MAX)
		sk_buf_printf(b, "%.*s...", VALUE_MAX, t.p);
	else
		sk_buf_add(b, t.p, t.len);
	sk_buf_free(&t);
}

static void
put_reasons(struct sk_buf *b, const struct sk_jv *list)
{
	for (size_t i = 0; i < sk_jlen(list); i++) {
		const struct sk_jv *r = sk_jat(list, i);
		const struct sk_jv *path = sk_jget(r, "path");
		const struct sk_jv *agent = sk_jget(r, "agent");
		int64_t want, got;

		sk_buf_printf(b, "%-10s", i == 0 ? "because" : "");
		put_str(b, sk_jget(r, "kind"));
		if (path != NULL && path->type == SK_J_STR && path->n > 0) {
			sk_buf_str(b, " at ");
			put_str(b, path);
		}
		if (agent != NULL && agent->type == SK_J_STR) {
			sk_buf_str(b, ", agent ");
			put_str(b, agent);
		}
		if (sk_jget_int(r, "required", &want) &&
		    sk_jget_int(r, "actual", &got))
			sk_buf_printf(b, ", %lld needed, %lld found",
			    (long long)want, (long long)got);
		sk_buf_ch(b, '\n');
	}
}

static void
put_conflicts(struct sk_buf *b, const char *label, const struct sk_jv *list)
{
	for (size_t i = 0; i < sk_jlen(list); i++) {
		const struct sk_jv *c = sk_jat(list, i);
		const struct sk_jv *values = sk_jget(c, "values");
		const struct sk_jv *text = sk_jget(c, "text");

		sk_buf_printf(b, "%-10s", label);
		if (text != NULL) {
			put_str(b, sk_jget(c, "reported_by"));
			sk_buf_str(b, " reports ");
			put_value(b, text);
		} else {
			put_str(b, sk_jget(c, "path"));
		}
		sk_buf_ch(b, '\n');
		for (size_t k = 0; k < sk_jlen(values); k++) {
			const struct sk_jv *x = sk_jat(values, k);
			const struct sk_jv *who = sk_jget(x, "agents");

			sk_buf_str(b, "            ");
			put_value(b, sk_jget(x, "value"));
			for (size_t m = 0; m < sk_jlen(who); m++) {
				sk_buf_str(b, m == 0 ? "  " : ", ");
				put_str(b, sk_jat(who, m));
			}
			sk_buf_ch(b, '\n');
		}
	}
}

static void
put_head(struct sk_buf *b, const struct sk_jv *v)
{
	const char *spec = sk_jget_str(v, "spec");
	const char *stage = sk_jget_str(v, "stage");
	int64_t seq = 0, round = 1;

	(void)sk_jget_int(v, "decision_seq", &seq);
	(void)sk_jget_int(v, "round", &round);
	put_str(b, sk_jget(v, "status"));
	if (spec != NULL)
		sk_buf_printf(b, "  %s", spec);
	if (stage != NULL)
		sk_buf_printf(b, "  %s", stage);
	if (round > 1)
		sk_buf_printf(b, "  round %lld", (long long)round);
	sk_buf_printf(b, "  decision %lld%s\n", (long long)seq,
	    sk_jget_bool(sk_jget(v, "decision"), "acked", false)
		? ""
		: ", not acknowledged");
	sk_buf_printf(b, "%-10s", "run");
	put_str(b, sk_jptr(v, "/decision/run"));
	sk_buf_printf(b, "\n%-10s", "branch");
	put_str(b, sk_jptr(v, "/decision/branch"));
	sk_buf_ch(b, '\n');
}

static void
put_arbiter(struct sk_buf *b, const struct sk_jv *a)
{
	if (a == NULL)
		return;
	sk_buf_printf(b, "%-10s", "arbiter");
	put_str(b, sk_jget(a, "agent"));
	if (sk_jget_bool(a, "settled", false))
		sk_buf_str(b, ", settled the conflict");
	else if (!sk_streq(sk_jget_str(a, "state"), "ok"))
		sk_buf_str(b, ", no usable answer");
	else if (!sk_jget_bool(a, "may_settle", false))
		sk_buf_str(b, ", advises: the policy does not let it settle");
	else
		sk_buf_str(b, ", left something open");
	sk_buf_ch(b, '\n');
	put_list(b, "  same as", sk_jget(a, "same_family"));
}

void
sk_verdict_head(struct sk_buf *b, const struct sk_jv *verdict)
{
	put_head(b, verdict);
	put_list(b, "answered", sk_jget(verdict, "present"));
	put_list(b, "missing", sk_jget(verdict, "missing_agents"));
	put_list(b, "uninvited", sk_jget(verdict, "unexpected_agents"));
	put_reasons(b, sk_jget(verdict, "reasons"));
	put_arbiter(b, sk_jget(verdict, "arbiter"));
}

void
sk_verdict_text(struct sk_buf *b, const struct sk_jv *verdict)
{
	const struct sk_jv *c = sk_jget(verdict, "consensus");
	const struct sk_jv *merged = sk_jget(verdict, "merged");
	const struct sk_jv *file =
	    sk_jptr(verdict, "/decision/evidence/synthesis");

	sk_verdict_head(b, verdict);
	put_conflicts(b, "conflict", sk_jget(c, "conflicts"));
	put_conflicts(b, "differs", sk_jget(verdict, "optional_conflicts"));
	if (file != NULL && file->type == SK_J_STR) {
		sk_buf_printf(b, "%-10s", "evidence");
		put_str(b, file);
		sk_buf_ch(b, '\n');
	}
	if (merged != NULL && merged->type != SK_J_NULL) {
		sk_buf_str(b, "agreed\n");
		sk_json_pretty(b, merged);
		sk_buf_ch(b, '\n');
	}
}
