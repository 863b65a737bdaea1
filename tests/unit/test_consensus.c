/* SPDX-License-Identifier: MIT */
/* The verdict as a pure function: statuses, kinds of paths, order. */
#include <stdio.h>
#include <stdlib.h>

#include "../case.h"
#include "consensus/consensus.h"
#include "tap.h"

/* One case from strings: agents a, b, c … with these answers; NULL = failed. */
struct set {
	const char *quorum, *require; /* NULL = default */
	int64_t min;
	size_t expect; /* agents expected; 0 = as many as answers */
	const char *answers[8];
};

static const char *const names[] = { "a", "b", "c", "d", "e", "f", "g", "h" };

static void
run_order(const struct set *s, const size_t *order, size_t n,
    const char *policy, struct sk_verdict *v)
{
	struct sk_strv require = { 0 }, expect = { 0 };
	struct sk_input in[16];
	struct sk_err err = { 0 };
	struct sk_policy p;
	struct sk_case c = CASE_OF(&p, &expect, in, n);

	CHECK_INT(sk_policy_load(&p, policy, &err), 0);
	if (s->min != 0)
		c.min = s->min;
	c.require = &require;
	if (s->quorum != NULL)
		CHECK_INT(sk_quorum_parse(s->quorum, &c.quorum, &err), 0);
	if (s->require != NULL)
		sk_strv_split(&require, s->require, ' ');
	for (size_t i = 0; i < n; i++) {
		const char *t = s->answers[order[i]];

		in[i] = (struct sk_input){ .agent = names[order[i]],
			.state = t != NULL ? SK_INPUT_OK : SK_INPUT_FAILED,
			.note = t != NULL ? NULL : "timeout_total",
			.text = t,
			.text_n = t != NULL ? strlen(t) : 0,
			.sha256 = "x" };
	}
	for (size_t i = 0; i < s->expect; i++)
		sk_strv_add(&expect, names[i]);
	CHECK_INT(sk_verdict_make(&c, v, &err), 0);
	sk_strv_free(&require);
	sk_strv_free(&expect);
	sk_policy_free(&p);
	sk_err_clear(&err);
}

static void
run(const struct set *s, const char *policy, struct sk_verdict *v)
{
	static const size_t order[] = { 0, 1, 2, 3, 4, 5, 6, 7 };
	size_t n = 0;

	while (n < 8 && (s->answers[n] != NULL || n < s->expect))
		n++;
	run_order(s, order, n, policy, v);
}

static struct sk_jv *
parsed(struct sk_verdict *v)
{
	struct sk_err err = { 0 };
	struct sk_jv *j = NULL;

	CHECK_INT(
	    sk_json_parse(&v->arena, v->json.p, v->json.len, NULL, &j, &err),
	    0);
	sk_err_clear(&err);
	return j;
}

/* Status, merged value (canonical), first reason. */
static void
expect(const char *what, const struct set *s, const char *status,
    const char *merged, const char *first_reason)
{
	struct sk_verdict v;
	struct sk_jv *j;
	struct sk_buf b;
	const char *kind;

	run(s, NULL, &v);
	j = parsed(&v);
	CHECKF(
	    sk_streq(sk_jget_str(j, "status"), status), "%s: %s", what, status);
	sk_buf_init(&b, 0);
	sk_json_canon(&b, sk_jget(j, "merged"));
	if (merged != NULL)
		CHECK_STR(b.p, merged);
	kind = sk_jget_str(sk_jat(sk_jget(j, "reasons"), 0), "kind");
	if (first_reason != NULL)
		CHECK_STR(kind, first_reason);
	else
		CHECKF(kind == NULL, "%s: no reason", what);
	sk_buf_free(&b);
	sk_verdict_free(&v);
}

#define X42 "{\"answer\":42}"
#define X41 "{\"answer\":41}"
#define X40 "{\"answer\":40}"

static void
test_statuses(void)
{
	expect("unanimous 3/3", &(struct set){ .answers = { X42, X42, X42 } },
	    "ok", X42, NULL);
	expect("majority 2/3", &(struct set){ .answers = { X42, X41, X42 } },
	    "ok", X42, NULL);
	expect("none 1/3", &(struct set){ .answers = { X42, X41, X40 } },
	    "conflict", "{}", "no_quorum");
	expect("one of three failed",
	    &(struct set){ .expect = 3, .answers = { X42, X42, NULL } },
	    "degraded", X42, "missing_agent");
	expect(
	    "2/2", &(struct set){ .answers = { X42, X42 } }, "ok", X42, NULL);
	expect("tie of two", &(struct set){ .answers = { X42, X41 } },
	    "conflict", "{}", "no_quorum");
	expect("tie of four",
	    &(struct set){ .quorum = "2", .answers = { X42, X41, X42, X41 } },
	    "conflict", "{}", "no_quorum");
	expect("one alone", &(struct set){ .answers = { X42 } }, "degraded",
	    X42, "too_few_agents");
	expect("one alone is enough when asked for",
	    &(struct set){ .min = 1, .answers = { X42 } }, "ok", X42, NULL);
	expect("nobody", &(struct set){ .expect = 3, .answers = { NULL } },
	    "unknown", "null", "missing_agent");
	expect("one of three answered",
	    &(struct set){ .expect = 3, .answers = { X42, NULL, NULL } },
	    "unknown", NULL, "missing_agent");
	expect("required field absent",
	    &(struct set){ .require = "/other", .answers = { X42, X42 } },
	    "unknown", X42, "required_absent");
	expect("quorum 3 of 4",
	    &(struct set){ .quorum = "3", .answers = { X42, X42, X41, X42 } },
	    "ok", X42, NULL);
	expect("quorum 2/3 of three is two",
	    &(struct set){ .quorum = "2/3", .answers = { X42, X42, X41 } },
	    "ok", X42, NULL);
	expect("quorum 0.67 of three is three",
	    &(struct set){ .quorum = "0.67", .answers = { X42, X42, X41 } },
	    "conflict", NULL, "no_quorum");
	expect("empty objects", &(struct set){ .answers = { "{}", "{}" } },
	    "unknown", "{}", "nothing_to_judge");
	expect("abstaining is no value",
	    &(struct set){ .require = "/answer",
		.quorum = "2",
		.answers = { X42, X42, "{\"answer\":null}" } },
	    "ok", X42, NULL);
	expect("too many abstain",
	    &(struct set){ .require = "/answer",
		.quorum = "2",
		.answers = { X42, "{\"answer\":null}", "{}" } },
	    "unknown", NULL, "required_absent");
}

static void
test_values(void)
{
	expect("numbers are exact",
	    &(struct set){ .answers = { "{\"n\":1.0}", "{\"n\":1e0}" } }, "ok",
	    "{\"n\":1}", NULL);
	expect("beyond 2^53",
	    &(struct set){ .answers = { "{\"n\":9007199254740993}",
			       "{\"n\":9007199254740992}" } },
	    "conflict", "{}", "no_quorum");
	expect("surrounding blanks",
	    &(struct set){ .answers = { "{\"s\":\" x \"}", "{\"s\":\"x\"}" } },
	    "ok", "{\"s\":\"x\"}", NULL);
	expect("commas matter",
	    &(struct set){
		.answers = { "{\"s\":\"90,000\"}", "{\"s\":\"90000\"}" } },
	    "conflict", "{}", "no_quorum");
	expect("a number is no string",
	    &(struct set){ .answers = { "{\"s\":\"1\"}", "{\"s\":1}" } },
	    "conflict", "{}", "no_quorum");
	expect("unicode and escapes",
	    &(struct set){ .answers = { "{\"s\":\"gr\\u00fc\\n\"}",
			       "{\"s\":\"gr\xc3\xbc\"}" } },
	    "ok", "{\"s\":\"gr\xc3\xbc\"}", NULL);
	expect("a bare value", &(struct set){ .answers = { "42", "42.0" } },
	    "ok", "42", NULL);
	expect("in a fence, in prose",
	    &(struct set){ .answers = { "Here:\n```json\n" X42 "\n```\nDone.",
			       "It is " X42 ", I think." } },
	    "ok", X42, NULL);
}

static void
test_lists(void)
{
	expect("sets by support",
	    &(struct set){
		.answers = { "{\"s\":[\"a\",\"b\"]}", "{\"s\":[\"b\",\"c\"]}",
		    "{\"s\":[\"a\",\"b\"]}" } },
	    "ok", "{\"s\":[\"a\",\"b\"]}", NULL);
	expect("sets keep an order that nobody contradicts",
	    &(struct set){ .answers = { "{\"s\":[\"z\",\"a\"]}",
			       "{\"s\":[\"z\",\"a\"]}" } },
	    "ok", "{\"s\":[\"z\",\"a\"]}", NULL);
	expect("sets without one order are sorted",
	    &(struct set){ .answers = { "{\"s\":[\"z\",\"a\"]}",
			       "{\"s\":[\"a\",\"z\"]}" } },
	    "ok", "{\"s\":[\"a\",\"z\"]}", NULL);
	expect("records by id",
	    &(struct set){
		.answers = { "{\"r\":[{\"id\":1,\"v\":\"x\"},{\"id\":2,\"v\":"
			     "\"y\"}]}",
		    "{\"r\":[{\"id\":2,\"v\":\"y\"},{\"id\":3,\"v\":\"z\"}]}",
		    "{\"r\":[{\"id\":2,\"v\":\"n\"},{\"id\":1,\"v\":\"x\"}]"
		    "}" } },
	    "ok", "{\"r\":[{\"id\":1,\"v\":\"x\"},{\"id\":2,\"v\":\"y\"}]}",
	    NULL);
}

/* consensus.conflicts holds one entry, at this path. */
static void
disputed(const char *what, const struct set *s, const char *path)
{
	struct sk_verdict v;
	struct sk_jv *c;

	run(s, NULL, &v);
	c = sk_jget(sk_jget(parsed(&v), "consensus"), "conflicts");
	CHECKF(sk_jlen(c) == 1, "%s: one conflict", what);
	CHECK_STR(sk_jget_str(sk_jat(c, 0), "path"), path);
	sk_verdict_free(&v);
}

/* One broken or hostile answer must not spoil what the others agree on, and
 * nothing that it says may make a verdict that cannot be read back. */
static void
test_spoilers(void)
{
	static const char a[] = "{\"r\":[{\"id\":\"T1\",\"t\":\"do this\"}]}";
	static const char b[] = "{\"r\":[{\"id\":\"T1\",\"t\":\"do that\"}]}";
	static const char *const bad[] = {
		"{\"r\":[{\"id\":\"T1\"},{\"id\":\"T1\"}]}",
		"{\"r\":[{\"id\":{}}]}", "{\"r\":[\"T1\"]}",
		"{\"r\":[{\"z\":1},{\"z\":2},{\"z\":3},{\"z\":4}]}",
		"{\"r\":[null,{\"id\":null}]}", "{\"r\":\"T1\"}", "{}"
	};
	static const char *const twins[] = {
		"{\"r\":[{\"id\":1},{\"id\":\"#1\"},{\"id\":\"##1\"}]}",
		"{\"r\":[{\"id\":\"a\\u0000b\"},{\"id\":\"a\\u0000c\"}]}",
		"{\"r\":[{\"id\":\"\"},{\"id\":\"~1\"},{\"id\":\"/\"}]}"
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		expect(bad[i],
		    &(struct set){
			.require = "/r", .answers = { a, b, bad[i] } },
		    "ok", "{\"r\":[{\"id\":\"T1\",\"t\":\"do that\"}]}", NULL);
	for (size_t i = 0; i < sizeof(twins) / sizeof(twins[0]); i++)
		expect(twins[i],
		    &(struct set){
			.min = 1, .require = "/r", .answers = { twins[i] } },
		    "ok", NULL, NULL);
	expect("a finding survives an answer of another form",
	    &(struct set){
		.answers = { "{\"d\":1,\"findings\":[{\"where\":\"x\"}]}",
		    "{\"d\":1,\"findings\":[\"all is bad\"]}",
		    "{\"d\":1,\"findings\":[]}" } },
	    "ok", "{\"d\":1,\"findings\":[\"all is bad\",{\"where\":\"x\"}]}",
	    NULL);
	expect("a quorum for none",
	    &(struct set){ .require = "/s",
		.answers = { "{\"s\":[]}", "{\"s\":[]}", "{\"s\":[\"x\"]}" } },
	    "ok", "{\"s\":[]}", NULL);
	expect("a path is not one that begins alike",
	    &(struct set){ .require = "/a",
		.answers = { "{\"a\":{\"x\":1},\"ab\":1}",
		    "{\"a\":{\"x\":1},\"ab\":2}" } },
	    "ok", "{\"a\":{\"x\":1}}", NULL);
}

static void
test_conflict_list(void)
{
	disputed("a set",
	    &(struct set){
		.require = "/s", .answers = { "{\"s\":[1]}", "{\"s\":[2]}" } },
	    "/s");
	disputed("records",
	    &(struct set){ .require = "/s",
		.answers = { "{\"s\":[{\"id\":1}]}", "{\"s\":[{\"id\":2}]}" } },
	    "/s");
	disputed("an object",
	    &(struct set){ .require = "/o",
		.answers = { "{\"o\":{\"x\":1}}", "{\"o\":{\"x\":2}}" } },
	    "/o/x");
	disputed("types",
	    &(struct set){
		.require = "/o", .answers = { "{\"o\":[1]}", "{\"o\":true}" } },
	    "/o");
}

static void
test_findings(void)
{
	expect("findings are united",
	    &(struct set){
		.answers = { "{\"d\":\"no\",\"findings\":[{\"id\":\"F-1\","
			     "\"where\":\"x\","
			     "\"severity\":\"low\"}]}",
		    "{\"d\":\"no\",\"findings\":[{\"id\":\"F-1\",\"where\":"
		    "\"y\","
		    "\"severity\":\"low\"},{\"id\":\"F-2\",\"where\":\"x\","
		    "\"severity\":\"high\"}]}" } },
	    "ok",
	    "{\"d\":\"no\",\"findings\":[{\"id\":\"F-1\",\"severity\":\"high\","
	    "\"where\":\"x\"},{\"id\":\"F-1\",\"severity\":\"low\","
	    "\"where\":\"y\"}]}",
	    NULL);
	expect("two findings of one agent are never made one",
	    &(struct set){
		.answers = { "{\"d\":1,\"risks\":[{\"file\":\"x\",\"text\":"
			     "\"one thing\"},"
			     "{\"file\":\"x\",\"text\":\"another thing\"}]}",
		    "{\"d\":1,\"risks\":[]}" } },
	    "ok",
	    "{\"d\":1,\"risks\":[{\"file\":\"x\",\"text\":\"another thing\"},"
	    "{\"file\":\"x\",\"text\":\"one thing\"}]}",
	    NULL);
	expect("the heaviest severity wins, whatever its case",
	    &(struct set){ .answers = { "{\"d\":1,\"risks\":[{\"file\":\"x\","
					"\"severity\":\"Critical\"}]}",
			       "{\"d\":1,\"risks\":[{\"file\":\"x\","
			       "\"severity\":\"low\"}]}" } },
	    "ok",
	    "{\"d\":1,\"risks\":[{\"file\":\"x\",\"severity\":\"Critical\"}"
	    "]}",
	    NULL);
	expect("the number 1 and the string 1 are two keys",
	    &(struct set){
		.answers = { "{\"r\":[{\"id\":1,\"x\":1},{\"id\":\"1\",\"x\":2}"
			     "]}",
		    "{\"r\":[{\"id\":1,\"x\":1},{\"id\":\"1\",\"x\":2}]}" } },
	    "ok", "{\"r\":[{\"id\":1,\"x\":1},{\"id\":\"1\",\"x\":2}]}", NULL);
	expect("an object is agreed when nothing in it is disputed",
	    &(struct set){ .require = "/o",
		.answers = { "{\"o\":{\"a\":1,\"b\":2}}",
		    "{\"o\":{\"a\":1,\"b\":3}}" } },
	    "conflict", NULL, "no_quorum");
	expect("prose inside goes to the nearest and never conflicts",
	    &(struct set){
		.answers = { "{\"d\":1,\"t\":\"the cat sat on the mat\"}",
		    "{\"d\":1,\"t\":\"the cat sat on the mat today\"}",
		    "{\"d\":1,\"t\":\"dogs are not cats at all\"}" } },
	    "ok", NULL, NULL);
	expect("answers that are prose",
	    &(struct set){
		.answers = { "yes we can", "yes we can do it", "no" } },
	    "unknown", "\"yes we can\"", "unstructured");
	expect("prose among JSON is invalid",
	    &(struct set){ .answers = { X42, "hm", X42 } }, "degraded", X42,
	    "invalid_answer");
	expect("an optional path never lowers",
	    &(struct set){ .require = "/a",
		.answers = { "{\"a\":1,\"b\":1}", "{\"a\":1,\"b\":2}" } },
	    "ok", "{\"a\":1}", NULL);
	expect("an empty set is an answer",
	    &(struct set){
		.require = "/s", .answers = { "{\"s\":[]}", "{\"s\":[]}" } },
	    "ok", "{\"s\":[]}", NULL);
}

static void
test_claims(void)
{
	expect("a conflict that an agent reports is a conflict",
	    &(struct set){ .answers = { X42, X42,
			       "{\"answer\":42,"
			       "\"consensus\":{\"agreements\":[],\"conflicts\":"
			       "[\"scope\"]}}" } },
	    "conflict", X42, "reported_conflict");
	expect("inside final_plan too",
	    &(struct set){ .answers = { X42,
			       "{\"answer\":42,\"final_plan\":{\"consensus\":"
			       "{\"conflicts\":[\"scope\"]}}}" } },
	    "conflict", NULL, "reported_conflict");
	expect("an empty claim at the top hides no other",
	    &(struct set){ .answers = { X42, "{\"answer\":42,\"consensus\":{},"
					     "\"final_plan\":{\"consensus\":{"
					     "\"conflicts\":[true]}}}" } },
	    "conflict", NULL, "reported_conflict");
	expect("agreements lower nothing",
	    &(struct set){
		.answers = { X42,
		    "{\"answer\":42,\"consensus\":{\"agreements\":[\"all\"],"
		    "\"conflicts\":[]}}" } },
	    "ok", X42, NULL);
	expect("an answer cannot speak for us",
	    &(struct set){
		.answers = { "{\"answer\":41,\"status\":\"ok\",\"agent\":\"b\","
			     "\"schema\":\"sk.verdict/1\"}",
		    X42 } },
	    "conflict", NULL, "no_quorum");
}

static void
test_forged(void)
{
	struct set s = { .answers = {
			     "{\"answer\":41,\"agent\":\"b\"}", X42, X42 } };
	struct sk_verdict v;
	struct sk_jv *j;

	run(&s, NULL, &v);
	j = parsed(&v);
	CHECK_STR(sk_jget_str(j, "status"), "ok");
	CHECK_INT(sk_jlen(sk_jptr(j, "/present")), 3);
	sk_verdict_free(&v);
}

static bool
next_permutation(size_t *p, size_t n)
{
	size_t i = n - 1, j = n - 1, t;

	while (i > 0 && p[i - 1] >= p[i])
		i--;
	if (i == 0)
		return false;
	while (p[j] <= p[i - 1])
		j--;
	t = p[i - 1];
	p[i - 1] = p[j];
	p[j] = t;
	for (j = n - 1; i < j; i++, j--) {
		t = p[i];
		p[i] = p[j];
		p[j] = t;
	}
	return true;
}

static void
test_order(void)
{
	static const struct set sets[] = {
		{ .answers = { X42, X41, X42, X40, X42 } },
		{ .answers = { "{\"s\":[1,2,3],\"t\":\"a b "
			       "c\",\"r\":[{\"id\":1,"
			       "\"x\":[1]},{\"id\":2}]}",
		      "{\"s\":[3,2],\"t\":\"a b d\"}", "prose only",
		      "{\"s\":\"x\",\"r\":[{\"id\":2},{\"id\":1}]}",
		      "{\"findings\":[{\"where\":\"x\"},{\"where\":\"y\"}]"
		      "}" } },
		{ .answers = { "a b c d", "a b c e", "a b x y", "q",
		      "a b c" } },
	};
	size_t p[5], same = 0, all = 0;
	struct sk_verdict first, v;

	for (size_t i = 0; i < SK_ARRAY_SIZE(sets); i++) {
		for (size_t k = 0; k < 5; k++)
			p[k] = k;
		run_order(&sets[i], p, 5, NULL, &first);
		do {
			run_order(&sets[i], p, 5, NULL, &v);
			all++;
			same += v.json.len == first.json.len &&
			        memcmp(v.json.p, first.json.p, v.json.len) == 0;
			sk_verdict_free(&v);
		} while (next_permutation(p, 5));
		sk_verdict_free(&first);
	}
	CHECK_INT(all, 360);
	CHECK_INT(same, all);
}

static void
test_policies(void)
{
	static const char *const shipped[] = { "plan", "tasks", "implement",
		"validate", "audit", "unlock" };
	struct sk_err err = { 0 };
	struct sk_quorum q;
	struct sk_policy p;

	for (size_t i = 0; i < SK_ARRAY_SIZE(shipped); i++) {
		CHECK_INT(sk_policy_load(&p, shipped[i], &err), 0);
		CHECK_STR(p.name, shipped[i]);
		CHECK(p.has_require && p.require.n > 0);
		sk_policy_free(&p);
	}
	CHECK_INT(sk_policy_load(&p, "no-such", &err), SK_USAGE);
	CHECK_INT(sk_quorum_parse("3", &q, &err), 0);
	CHECK_INT(sk_quorum_of(&q, 4), 3);
	CHECK_INT(sk_quorum_parse("2/3", &q, &err), 0);
	CHECK_INT(sk_quorum_of(&q, 3), 2);
	CHECK_INT(sk_quorum_of(&q, 4), 3);
	CHECK_INT(sk_quorum_parse("0.67", &q, &err), 0);
	CHECK_INT(sk_quorum_of(&q, 3), 3);
	CHECK_INT(sk_quorum_of(&(struct sk_quorum){ 0, 0 }, 1), 1);
	CHECK_INT(sk_quorum_of(&(struct sk_quorum){ 0, 0 }, 4), 3);
	for (size_t i = 0; i < 6; i++) {
		static const char *const bad[] = { "", "x", "4/3", "-1", "1/0",
			"1.5" };

		CHECKF(sk_quorum_parse(bad[i], &q, &err) == SK_USAGE,
		    "no quorum: '%s'", bad[i]);
	}
	sk_err_clear(&err);
}

int
main(void)
{
	test_statuses();
	test_values();
	test_lists();
	test_spoilers();
	test_conflict_list();
	test_findings();
	test_claims();
	test_forged();
	test_order();
	test_policies();
	return tap_done();
}
