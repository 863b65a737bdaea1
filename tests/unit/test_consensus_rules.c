/* SPDX-License-Identifier: MIT */
/* What policies can say, and what each kind of value makes of it. */
#include <stdlib.h>

#include "../case.h"
#include "consensus/consensus.h"
#include "tap.h"

static const char *const names[] = { "a", "b", "c", "d", "e" };

/* One case: what stands at pointers of the verdict, as canonical JSON. */
struct rule {
	const char *what, *policy; /* JSON */
	const char *answers[5];
	const char *want[12]; /* pointer, value, pointer, value … */
};

static void
check(const struct rule *r)
{
	struct sk_strv expect = { 0 };
	struct sk_arena a = { 0 };
	struct sk_err err = { 0 };
	struct sk_input in[5];
	struct sk_verdict v;
	struct sk_policy p;
	struct sk_jv *tree = NULL, *doc = NULL;
	struct sk_buf b;
	struct sk_case c = CASE_OF(&p, &expect, in, 0);

	CHECK_INT(
	    sk_json_parse(&a, r->policy, strlen(r->policy), NULL, &tree, &err),
	    0);
	CHECK_INT(sk_policy_from_json(&p, tree, &err), 0);
	c.quorum = p.quorum;
	while (c.n_inputs < 5 && r->answers[c.n_inputs] != NULL) {
		size_t i = c.n_inputs++;

		in[i] = (struct sk_input){ .agent = names[i],
			.text = r->answers[i],
			.text_n = strlen(r->answers[i]),
			.sha256 = "x" };
		sk_strv_add(&expect, names[i]);
	}
	for (size_t i = 0; i < p.expect.n; i++)
		if (!sk_strv_has(&expect, p.expect.v[i]))
			sk_strv_add(&expect, p.expect.v[i]);
	CHECK_INT(sk_verdict_make(&c, &v, &err), 0);
	CHECK_INT(sk_json_parse(&a, v.json.p, v.json.len, NULL, &doc, &err), 0);
	sk_buf_init(&b, 0);
	for (size_t i = 0; i + 1 < 12 && r->want[i] != NULL; i += 2) {
		sk_buf_clear(&b);
		if (sk_jptr(doc, r->want[i]) != NULL)
			sk_json_canon(&b, sk_jptr(doc, r->want[i]));
		CHECKF(strcmp(b.p, r->want[i + 1]) == 0,
		    "%s: %s is %s, wanted %s", r->what, r->want[i], b.p,
		    r->want[i + 1]);
	}
	sk_buf_free(&b);
	sk_verdict_free(&v);
	sk_policy_free(&p);
	sk_strv_free(&expect);
	sk_arena_free(&a);
}

#define F(line, msg, sev) \
	"{\"findings\":[{\"file\":\"x.c\",\"line\":" line \
	",\"message\":\"" msg "\",\"severity\":\"" sev "\"}]}"

static const struct rule rules[] = {
	{ "weights: two light ones do not outvote a heavy one",
	    "{\"weights\":{\"a\":3},\"require\":[\"/k\"]}",
	    { "{\"k\":1}", "{\"k\":2}", "{\"k\":2}" },
	    { "/status", "\"ok\"", "/merged/k", "1", "/quorum",
		"{\"of\":5,\"required\":3}", "/support/~1k/weight", "3",
		"/support/~1k/count", "1" } },
	{ "weight 0: heard, not counted",
	    "{\"weights\":{\"c\":0},\"require\":[\"/k\"],\"quorum\":2}",
	    { "{\"k\":1}", "{\"k\":2}", "{\"k\":2}" },
	    { "/status", "\"conflict\"" } },
	{ "a named member is against",
	    "{\"members\":[\"c\"],\"require\":[\"/k\"]}",
	    { "{\"k\":1}", "{\"k\":1}", "{\"k\":2}" },
	    { "/status", "\"conflict\"", "/reasons/0/kind",
		"\"member_against\"", "/reasons/0/agent", "\"c\"" } },
	{ "a named member is missing: degraded, not against",
	    "{\"members\":[\"e\"],\"expect\":[\"a\",\"b\",\"c\",\"e\"],"
	    "\"require\":[\"/k\"],\"quorum\":2}",
	    { "{\"k\":1}", "{\"k\":1}", "{\"k\":2}" },
	    { "/status", "\"degraded\"", "/reasons/1/kind",
		"\"member_missing\"" } },
	{ "optional paths inside a required one",
	    "{\"require\":[\"/o\"],\"optional\":[\"/o/*/note\"]}",
	    { "{\"o\":{\"x\":{\"v\":1,\"note\":1}}}",
		"{\"o\":{\"x\":{\"v\":1,\"note\":2}}}",
		"{\"o\":{\"x\":{\"v\":1,\"note\":3}}}" },
	    { "/status", "\"ok\"", "/merged", "{\"o\":{\"x\":{\"v\":1}}}" } },
	{ "'*' requires every path that it names",
	    "{\"require\":[\"/t/*/v\"],\"keys\":{\"/t\":\"id\"}}",
	    { "{\"t\":[{\"id\":\"p\",\"v\":1},{\"id\":\"q\",\"v\":1}]}",
		"{\"t\":[{\"id\":\"p\",\"v\":1},{\"id\":\"q\",\"v\":2}]}" },
	    { "/status", "\"conflict\"", "/required",
		"[\"/t/p/v\",\"/t/q/v\"]" } },
	{ "tolerance: the densest interval, and one of its own values",
	    "{\"kinds\":{\"/ms\":\"measure\"},\"tolerance\":{\"/ms\":\"3%\"},"
	    "\"require\":[\"/ms\"]}",
	    { "{\"ms\":100}", "{\"ms\":102.5}", "{\"ms\":99.9}",
		"{\"ms\":250}" },
	    { "/status", "\"ok\"", "/merged/ms", "100",
		"/support/~1ms/interval", "[99.9,102.5]",
		"/support/~1ms/agents", "[\"a\",\"b\",\"c\"]" } },
	{ "units are converted, exactly",
	    "{\"kinds\":{\"/t\":\"measure\"},\"tolerance\":{\"/t\":\"0\"},"
	    "\"units\":{\"/t\":\"ms\"},\"require\":[\"/t\"]}",
	    { "{\"t\":1500}", "{\"t\":\"1.5 s\"}", "{\"t\":\"1500ms\"}",
		"{\"t\":\"1.5 MB\"}" },
	    { "/status", "\"ok\"", "/support/~1t/count", "3",
		"/unsupported/0/values/0/agents", "[\"d\"]" } },
	{ "two intervals of one weight: a tie",
	    "{\"kinds\":{\"/t\":\"measure\"},\"quorum\":2,"
	    "\"require\":[\"/t\"]}",
	    { "{\"t\":1}", "{\"t\":1}", "{\"t\":9}", "{\"t\":9}" },
	    { "/status", "\"conflict\"" } },
	{ "views of a word; the value is one that somebody wrote",
	    "{\"normalise\":{\"/s\":\"nfc case space punct\"},"
	    "\"require\":[\"/s\"]}",
	    { "{\"s\":\"Caf\\u00e9  Noir!\"}", "{\"s\":\"cafe\\u0301 noir\"}",
		"{\"s\":\"other\"}" },
	    { "/status", "\"ok\"", "/merged/s", "\"Café  Noir!\"",
		"/support/~1s/normalised",
		"[\"nfc\",\"case\",\"space\",\"punct\"]" } },
	{ "digits only, and sorted words",
	    "{\"normalise\":{\"/d\":\"digits\",\"/w\":\"case words\"},"
	    "\"require\":[\"/d\",\"/w\"]}",
	    { "{\"d\":\"(030) 12-34\",\"w\":\"B a\"}",
		"{\"d\":\"030 1234\",\"w\":\"a b\"}" },
	    { "/status", "\"ok\"" } },
	{ "aliases",
	    "{\"normalise\":{\"/s\":\"case\"},\"aliases\":{\"/s\":{\"pass\":"
	    "[\"passed\",\"OK\"]}},\"require\":[\"/s\"]}",
	    { "{\"s\":\"Passed\"}", "{\"s\":\"ok\"}", "{\"s\":\"fail\"}" },
	    { "/status", "\"ok\"", "/support/~1s/count", "2" } },
	{ "Borda, without the opinion of oneself",
	    "{\"kinds\":{\"\":\"ranking\"},\"require\":[\"\"]}",
	    { "[\"a\",\"x\",\"y\",\"z\"]", "[\"x\",\"y\",\"z\",\"a\"]",
		"[\"y\",\"x\",\"z\",\"a\"]" },
	    { "/status", "\"ok\"", "/merged", "[\"x\",\"y\",\"z\",\"a\"]",
		"/support//condorcet", "\"x\"" } },
	{ "a tie for the first place",
	    "{\"kinds\":{\"/r\":\"ranking\"},\"require\":[\"/r\"]}",
	    { "{\"r\":[1,2]}", "{\"r\":[2,1]}" },
	    { "/status", "\"conflict\"", "/support/~1r/elements/0/tied",
		"true" } },
	{ "a cycle", "{\"kinds\":{\"/r\":\"ranking\"},\"require\":[\"/r\"]}",
	    { "{\"r\":[1,2,3]}", "{\"r\":[2,3,1]}", "{\"r\":[3,1,2]}" },
	    { "/status", "\"conflict\"", "/support/~1r/cycle", "[1,2,3]" } },
	{ "findings within a few lines and in like words are one", "{}",
	    { F("10", "null pointer is dereferenced here", "low"),
		F("12", "null pointer is dereferenced", "high"),
		F("90", "null pointer is dereferenced", "low") },
	    { "/support/~1findings/elements/0/agents", "[\"a\",\"b\"]",
		"/support/~1findings/elements/0/tier", "\"quorum\"",
		"/support/~1findings/elements/1/tier", "\"single\"",
		"/merged/findings/0/severity", "\"high\"",
		"/support/~1findings/elements/0/severities",
		"{\"high\":1,\"low\":1}" } },
	{ "findings of different words nearby are two", "{}",
	    { F("10", "null pointer", "low"), F("11", "leaks memory", "low") },
	    { "/support/~1findings/elements/1/tier", "\"single\"" } },
	{ "line_window 0: only the same line", "{\"line_window\":0}",
	    { F("10", "null pointer", "low"), F("11", "null pointer", "low") },
	    { "/support/~1findings/elements/1/tier", "\"single\"" } },
	{ "a key that nobody named is found, and shown", "{}",
	    { "{\"l\":[{\"isbn\":\"1\",\"v\":1},{\"isbn\":\"2\",\"v\":1}]}",
		"{\"l\":[{\"v\":1,\"isbn\":\"2\"},{\"v\":1,\"isbn\":\"1\"}]}",
		"{\"l\":[{\"isbn\":\"1\",\"v\":2}]}" },
	    { "/support/~1l/key", "\"isbn\"", "/support/~1l/key_from",
		"\"found\"" } },
	{ "no key: most alike with most alike, whatever the position",
	    "{\"require\":[\"/l\"]}",
	    { "{\"l\":[{\"do\":\"write the parser first\",\"h\":2},"
	      "{\"do\":\"ship it\",\"h\":2}]}",
		"{\"l\":[{\"do\":\"ship it\",\"h\":2},"
		"{\"do\":\"write the parser first now\",\"h\":2}]}",
		"{\"l\":[{\"do\":\"write the parser first\",\"h\":2},"
		"{\"do\":\"paint\",\"h\":7}]}" },
	    { "/merged/l",
		"[{\"do\":\"write the parser first\",\"h\":2},"
		"{\"do\":\"ship it\",\"h\":2}]",
		"/support/~1l/key_from", "\"assigned\"",
		"/support/~1l/elements/0/agents", "[\"a\",\"b\",\"c\"]",
		"/support/~1l/elements/1/agents", "[\"a\",\"b\"]",
		"/unsupported/0/values/0/agents", "[\"c\"]" } },
	{ "no key: the best sum, where the first choice would spoil another",
	    "{}",
	    { "{\"l\":[{\"t\":\"w1 w2 w3 w4 w5 w6 w7 w8 w9 w10 w11 w12 w13 w14 "
	      "w15 w16 w17 w18 w19 w20\"},{\"t\":\"w1 w2 w3 w4 w5 w6 w7 w8 w9 "
	      "w10 w11 w12\"}]}",
		"{\"l\":[{\"t\":\"w1 w2 w3 w4 w5 w6 w7 w8 w9 w10 w11 w12 w13 "
		"w14 w15 w16 w17 w18 w19\"},{\"t\":\"w3 w4 w5 w6 w7 w8 w9 w10 "
		"w11 w12 w13 w14 w15 w16 w17 w18 w19 w20\"}]}" },
	    { "/support/~1l/elements/0/agents", "[\"a\",\"b\"]",
		"/support/~1l/elements/1/agents", "[\"a\",\"b\"]",
		"/support/~1l~1a:1~1t/clusters", "[[\"a\",\"b\"]]" } },
	{ "an order that some contradict: pair by pair", "{}",
	    { "{\"s\":[\"c\",\"b\",\"a\"]}", "{\"s\":[\"c\",\"a\",\"b\"]}",
		"{\"s\":[\"b\",\"c\",\"a\"]}" },
	    { "/merged/s", "[\"c\",\"b\",\"a\"]" } },
	{ "an order in a circle is still one order", "{}",
	    { "{\"s\":[1,2,3]}", "{\"s\":[2,3,1]}", "{\"s\":[3,1,2]}" },
	    { "/merged/s", "[1,2,3]" } },
	{ "sets: how many are different, how many common", "{}",
	    { "{\"s\":[1,2,3]}", "{\"s\":[2,3,4]}", "{\"s\":[2,5]}" },
	    { "/support/~1s/different", "5", "/support/~1s/common", "1",
		"/merged/s", "[2,3]" } },
	{ "words in dispute: the nearest to all is told, and decides nothing",
	    "{\"require\":[\"/w\"]}",
	    { "{\"w\":\"postgres\"}", "{\"w\":\"postgresql\"}",
		"{\"w\":\"progress\"}", "{\"w\":\"mysql\"}" },
	    { "/status", "\"conflict\"", "/support/~1w/medoid",
		"\"postgresql\"", "/support/~1w/margin", "0", "/merged",
		"{}" } },
	{ "the margin of a vote", "{}",
	    { "{\"k\":1}", "{\"k\":1}", "{\"k\":1}", "{\"k\":2}" },
	    { "/support/~1k/margin", "2" } },
	{ "two values with the quorum: a tie, and it is said",
	    "{\"require\":[\"/k\"],\"quorum\":2}",
	    { "{\"k\":1}", "{\"k\":1}", "{\"k\":2}", "{\"k\":2}" },
	    { "/status", "\"conflict\"", "/reasons/0/detail", "\"tie\"" } },
	{ "prose in two camps", "{}",
	    { "{\"t\":\"use one big table for all of it\"}",
		"{\"t\":\"many small services with queues between\"}",
		"{\"t\":\"use one big table for all of this\"}" },
	    { "/support/~1t/clusters", "[[\"a\",\"c\"],[\"b\"]]" } },
	{ "Kemeny beside Borda, where they differ",
	    "{\"kinds\":{\"/r\":\"ranking\"},\"quorum\":3}",
	    { "{\"r\":[\"p\",\"q\",\"s\"]}", "{\"r\":[\"p\",\"q\",\"s\"]}",
		"{\"r\":[\"p\",\"q\",\"s\"]}", "{\"r\":[\"q\",\"s\",\"p\"]}",
		"{\"r\":[\"q\",\"s\",\"p\"]}" },
	    { "/merged/r", "[\"q\",\"p\",\"s\"]", "/support/~1r/kemeny",
		"[\"p\",\"q\",\"s\"]", "/support/~1r/condorcet", "\"p\"",
		"/support/~1r/tau", "0.333" } },
	{ "prose: numbers and negation apart", "{}",
	    { "{\"t\":\"it is safe for 30 users\"}",
		"{\"t\":\"it is not safe for 30 users\"}",
		"{\"t\":\"it is safe for 40 users\"}" },
	    { "/support/~1t/numbers",
		"[{\"agents\":[\"a\",\"b\"],\"value\":\"30\"},"
		"{\"agents\":[\"c\"],\"value\":\"40\"}]",
		"/support/~1t/negation",
		"[{\"agents\":[\"a\",\"c\"],\"value\":false},"
		"{\"agents\":[\"b\"],\"value\":true}]" } },
	{ "families", "{\"families\":{\"gpt\":[\"a\",\"b\"]}}",
	    { "{\"k\":1}", "{\"k\":1}", "{\"k\":1}" },
	    { "/families",
		"{\"count\":2,\"shared\":{\"gpt\":[\"a\",\"b\"]}}" } },
};

static void
test_faulty(void)
{
	static const struct {
		int64_t f;
		size_t n, quorum;
		int want;
	} t[] = { { 1, 3, 2, 0 }, { 1, 2, 2, SK_USAGE }, { 1, 3, 3, SK_USAGE },
		{ 1, 4, 3, 0 }, { 2, 5, 3, 0 }, { 2, 5, 2, SK_USAGE },
		{ 2, 4, 3, SK_USAGE }, { 0, 1, 1, 0 } };
	struct sk_err err = { 0 };

	for (size_t i = 0; i < SK_ARRAY_SIZE(t); i++) {
		CHECK_INT(
		    sk_quorum_bears(t[i].f, t[i].n, t[i].n, t[i].quorum, &err),
		    t[i].want);
		sk_err_clear(&err);
	}
}

/* Records without a key that would be too dear are a set. */
static void
test_dear(void)
{
	struct sk_policy p = { .line_window = 3 };
	struct sk_strv expect = { 0 };
	struct sk_err err = { 0 };
	struct sk_arena a = { 0 };
	struct sk_input in[2];
	struct sk_verdict v;
	struct sk_jv *doc;
	struct sk_buf b;
	struct sk_case c = CASE_OF(&p, &expect, in, 2);

	for (int kind = 0; kind < 4; kind++) {
		sk_buf_init(&b, 0);
		sk_buf_str(&b, "{\"l\":[");
		/* Too many, too wide, too long; and none of it. */
		for (int i = 0; i < (kind == 0 ? 65 : 2); i++) {
			sk_buf_printf(&b, "%s{\"t\":\"same %d words here\"",
			    i > 0 ? "," : "", i);
			for (int k = 0; k < (kind == 1 ? 70 : 1); k++)
				sk_buf_printf(&b, ",\"m%d\":1", k);
			if (kind == 2)
				for (int k = 0; k < 40000; k++)
					sk_buf_printf(&b, "%s%d",
					    k > 0 ? " " : ",\"x\":\"", k);
			sk_buf_str(&b, kind == 2 ? "\"}" : "}");
		}
		sk_buf_str(&b, "]}");
		for (size_t i = 0; i < 2; i++)
			in[i] = (struct sk_input){ .agent = names[i],
				.text = b.p,
				.text_n = b.len,
				.sha256 = "x" };
		CHECK_INT(sk_verdict_make(&c, &v, &err), 0);
		CHECK_INT(
		    sk_json_parse(&a, v.json.p, v.json.len, NULL, &doc, &err),
		    0);
		CHECK_STR(sk_jstr(sk_jptr(doc, "/support/~1l/kind")),
		    kind < 3 ? "set" : "records");
		sk_verdict_free(&v);
		sk_buf_free(&b);
	}
	sk_arena_free(&a);
}

static void
test_bad(void)
{
	static const char *const bad[] = { "{\"kinds\":{\"/a\":\"fancy\"}}",
		"{\"tolerance\":{\"/a\":\"3 percent\"}}",
		"{\"tolerance\":{\"/a\":\"-1\"}}",
		"{\"units\":{\"/a\":\"parsec\"}}",
		"{\"normalise\":{\"/a\":\"loud\"}}", "{\"weights\":{\"a\":-1}}",
		"{\"weights\":{\"a b\":1}}", "{\"members\":[\"a b\"]}",
		"{\"optional\":[\"x\"]}", "{\"aliases\":{\"/a\":{\"b\":1}}}",
		"{\"families\":{\"x\":[1]}}", "{\"line_window\":-1}",
		"{\"quorums\":2}" };
	struct sk_arena a = { 0 };
	struct sk_err err = { 0 };
	struct sk_jv *tree;
	struct sk_policy p;

	for (size_t i = 0; i < SK_ARRAY_SIZE(bad); i++) {
		CHECK_INT(sk_json_parse(
			      &a, bad[i], strlen(bad[i]), NULL, &tree, &err),
		    0);
		CHECKF(sk_policy_from_json(&p, tree, &err) == SK_USAGE,
		    "refused: %s", bad[i]);
		CHECK_STR(err.code, "bad_policy");
		sk_policy_free(&p);
		sk_err_clear(&err);
	}
	sk_arena_free(&a);
}

int
main(void)
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(rules); i++)
		check(&rules[i]);
	test_faulty();
	test_dear();
	test_bad();
	return tap_done();
}
