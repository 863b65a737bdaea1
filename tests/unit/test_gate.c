/* SPDX-License-Identifier: MIT */
/* The quality gates as pure functions: reading Markdown, uniting what agents
 * say, editing a specification, cutting a prompt's data. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/context.h"
#include "pipeline/gate.h"
#include "tap.h"

/* ---- Markdown ---- */

static const char text[] = "# Title\n"
			   "FR-001: one\n" /* 1 */
			   "goes on FR-002: here\n"
			   "\n"
			   "- **FR-002**: two\n" /* 4 */
			   "  and more\n"
			   "- FR-003 three\n" /* 6 */
			   "1. REQ-4: four\n" /* 7 */
			   "| NFR-005 | five |\n" /* 8 */
			   "### FR-006: six\n" /* 9 */
			   "refers to\n"
			   "FR-007. And so\n"
			   "FR-008\n"
			   "AC-001: no requirement\n"
			   "```\n"
			   "FR-009: code\n"
			   "# no heading\n"
			   "```\n"
			   "\n"
			   "    FR-010: indented\n";

static void
test_scan(void)
{
	static const struct {
		const char *id;
		size_t line, last;
	} want[] = { { "FR-001", 1, 2 }, { "FR-002", 4, 5 }, { "FR-003", 6, 6 },
		{ "REQ-4", 7, 7 }, { "NFR-005", 8, 8 }, { "FR-006", 9, 9 } };
	static const char *const title[] = { "title", NULL };
	static const char *const none[] = { "nothing", NULL };
	struct sk_md m;

	sk_md_scan(&m, text, strlen(text));
	CHECK_INT(m.n_ids, SK_ARRAY_SIZE(want));
	for (size_t i = 0; i < m.n_ids && i < SK_ARRAY_SIZE(want); i++) {
		CHECK_STR(m.ids[i].id, want[i].id);
		CHECK_INT(m.ids[i].line, want[i].line);
		CHECK_INT(m.ids[i].last, want[i].last);
	}
	CHECK_INT(sk_md_heading(&m, title), 0);
	CHECK_INT(sk_md_heading(&m, none), m.n);
	CHECK_INT(sk_md_section_end(&m, 9), m.n);
	CHECK(!m.open);
	CHECK(m.v[15].code && m.v[16].level == 0 && m.v[19].code);
	sk_md_free(&m);
	sk_md_scan(&m, "~~~\n```\n", 8);
	CHECK(m.open);
	sk_md_free(&m);
	sk_md_scan(&m, "", 0);
	CHECK_INT(m.n, 0);
	CHECK_INT(sk_md_heading(&m, title), 0);
	sk_md_free(&m);
}

/* Identifiers are found by their text, the first of equal ones. */
static void
test_ids(void)
{
	static const char twice[] =
	    "FR-002: b\n\nFR-010: c\n\nFR-002: again\n\n"
	    "FR-001: a\n";
	struct sk_md_mentions s = { 0 };
	const struct sk_md_mention *x;
	struct sk_md m;
	size_t n;

	sk_md_scan(&m, twice, strlen(twice));
	CHECK_INT(m.n_ids, 4);
	CHECK(sk_md_id_find(&m, "FR-002") == &m.ids[0]);
	CHECK(sk_md_id_find(&m, "FR-001") == &m.ids[3]);
	CHECK(sk_md_id_find(&m, "FR-0") == NULL);
	CHECK(sk_md_id_find(&m, "ZR-1") == NULL);
	sk_md_free(&m);
	sk_md_scan(&m, "", 0);
	CHECK(sk_md_id_find(&m, "FR-1") == NULL);
	sk_md_free(&m);

	CHECK(sk_md_mentions_of(&s, "FR-001", &n) == NULL && n == 0);
	sk_md_mention(&s, "x FR-001.", 9, 7);
	sk_md_mention(&s, "FR-0012 XFR-001 FR-001a", 23, 8);
	sk_md_mention(&s, "AC-1 of FR-001 and FR-001", 25, 9);
	sk_md_mentions_sort(&s);
	x = sk_md_mentions_of(&s, "FR-001", &n);
	CHECK_INT(n, 3);
	CHECK(x != NULL && x[0].line + x[1].line + x[2].line == 25);
	CHECK(sk_md_mentions_of(&s, "FR-0012", &n) != NULL && n == 1);
	CHECK(sk_md_mentions_of(&s, "FR-00", &n) == NULL);
	sk_md_mentions_free(&s);
}

/* ---- uniting ---- */

static struct sk_jv *
json(struct sk_arena *a, const char *s)
{
	struct sk_jv *v = NULL;
	struct sk_err err = { 0 };

	CHECK_INT(sk_json_parse(a, s, strlen(s), NULL, &v, &err), 0);
	sk_err_clear(&err);
	return v;
}

static const char *
shape(struct sk_arena *a, const struct sk_jv *issues)
{
	struct sk_buf b;
	const char *s;

	sk_buf_init(&b, 0);
	for (size_t i = 0; i < sk_jlen(issues); i++) {
		const struct sk_jv *x = sk_jat(issues, i);

		s = sk_jget_str(x, "agreement");
		sk_buf_printf(&b, "%s%s:%zu:%s:%s:%s", i > 0 ? " " : "",
		    sk_jget_str(x, "id"), sk_jlen(sk_jget(x, "answers")),
		    s != NULL ? s : "-", sk_jget_str(x, "severity"),
		    sk_jget_str(x, "resolution"));
	}
	s = sk_arena_strdup(a, b.p);
	sk_buf_free(&b);
	return s;
}

#define Q(id, sev, fix, req, q, ans) \
	"{\"id\":\"" id "\",\"severity\":\"" sev "\",\"resolvability\":\"" fix \
	"\",\"requirement\":" req ",\"question\":\"" q "\",\"answer\":\"" ans \
	"\"}"
#define SAYS(x) "{\"issues\":[" x "]}"

static void
test_merge(void)
{
	static const char found[] =
	    "[{\"id\":\"CLR-001\",\"severity\":\"minor\",\"question\":"
	    "\"what is fast\"},{\"id\":\"CLR-002\",\"severity\":\"critical\","
	    "\"question\":\"this is unfinished\"}]";
	static const char *const says[] = {
		SAYS(Q("CLR-001", "minor", "auto-fix", "\"FR-1\"", "what",
		    "a") "," Q("z", "minor", "auto-fix", "\"FR-2\"",
		    "who may read the log file", "root")),
		SAYS(Q("q", "important", "auto-fix", "\"FR-2\"",
		    "who may read the log files", "root") "," Q("CLR-001",
		    "minor", "auto-fix", "\"FR-1\"", "what", "A.")),
		SAYS(Q("CLR-001", "minor", "suggest-fix", "\"FR-1\"", "what",
		    "a") "," Q("z", "minor", "auto-fix", "\"FR-3\"",
		    "who may read the log file", "all") "," Q("CLR-001",
		    "critical", "auto-fix", "\"FR-1\"", "again", "b")),
	};
	static const int orders[][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
		{ 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
	struct sk_gate_rules r = {
		.agents = 3, .min = 3, .threshold = 0.67, .resolve = true
	};
	struct sk_arena a = { 0 };
	struct sk_buf first, again;

	sk_buf_init(&first, 0);
	sk_buf_init(&again, 0);
	for (size_t i = 0; i < SK_ARRAY_SIZE(orders); i++) {
		struct sk_gate_voice v[3];
		struct sk_jv *out;

		for (size_t k = 0; k < 3; k++) {
			v[k].agent = orders[i][k] == 0   ? "a"
			             : orders[i][k] == 1 ? "b"
			                                 : "c";
			v[k].data = json(&a, says[orders[i][k]]);
		}
		out = sk_gate_merge(json(&a, found), v, 3, &r, &a);
		/* An agent's second word on a question is no second vote;
		 * the same question about another requirement is another. */
		CHECK_STR(shape(&a, out),
		    "CLR-001:3:high:minor:applied CLR-002:0:-:critical:noted "
		    "Q-001:2:low:important:open Q-002:1:low:minor:open "
		    "Q-003:1:low:critical:open");
		sk_buf_clear(&again);
		sk_json_write(&again, out);
		if (i == 0)
			sk_buf_str(&first, again.p);
		CHECK(strcmp(first.p, again.p) == 0);
	}
	r.ask = true;
	CHECK_STR(shape(&a, sk_gate_merge(json(&a, found), NULL, 0, &r, &a)),
	    "CLR-001:0:-:minor:noted CLR-002:0:-:critical:open");
	sk_buf_free(&first);
	sk_buf_free(&again);
	sk_arena_free(&a);
}

/* k of n agents answer "x", the others each something else. */
static const char *
vote(struct sk_arena *a, size_t n, size_t k, double threshold)
{
	struct sk_gate_rules r = {
		.agents = n, .min = 3, .threshold = threshold, .resolve = true
	};
	struct sk_gate_voice v[8];
	struct sk_jv *out;

	for (size_t i = 0; i < n; i++) {
		char *s = sk_arena_printf(a,
		    "{\"issues\":[{\"id\":\"C\",\"severity\":\"minor\","
		    "\"resolvability\":\"auto-fix\",\"question\":\"q\","
		    "\"answer\":\"%s%zu\"}]}",
		    i < k ? "x" : "y", i < k ? 0 : i);

		v[i].agent = sk_arena_printf(a, "a%zu", i);
		v[i].data = json(a, s);
	}
	out = sk_gate_merge(
	    json(a, "[{\"id\":\"C\",\"question\":\"q\"}]"), v, n, &r, a);
	return sk_jget_str(sk_jat(out, 0), "agreement");
}

static void
test_shares(void)
{
	struct sk_arena a = { 0 };

	CHECK_STR(vote(&a, 3, 3, 0.67), "high");
	CHECK_STR(vote(&a, 3, 2, 0.67), "medium"); /* 0.67 is two of three */
	CHECK_STR(vote(&a, 3, 2, 0.68), "low");
	CHECK_STR(vote(&a, 3, 1, 0.1), "low");
	CHECK_STR(vote(&a, 2, 2, 0.67), "low"); /* fewer than three */
	CHECK_STR(vote(&a, 5, 3, 0.67), "low");
	CHECK_STR(vote(&a, 5, 4, 0.67), "medium");
	CHECK_STR(vote(&a, 4, 2, 0.5), "low"); /* no majority */
	CHECK_STR(vote(&a, 5, 3, 0.6), "medium");
	sk_arena_free(&a);
}

/* ---- editing ---- */

static void
edit(const char *before, const char *issues, const char *after, bool changed)
{
	struct sk_arena a = { 0 };
	struct sk_jv *list = json(&a, issues);
	struct sk_buf out;

	sk_buf_init(&out, 0);
	CHECK(sk_spec_edit(before, strlen(before), list, "2025-10-04", &out,
		  &a) == changed);
	CHECK_STR(out.p, after);
	sk_buf_free(&out);
	sk_arena_free(&a);
}

#define A(extra) "[{\"question\":\"q?\",\"resolution\":\"applied\"" extra "}]"

static void
test_edit(void)
{
	edit("FR-1: a\nb\n\nc\n",
	    A(",\"requirement\":\"FR-1\",\"answer\":\"x\""),
	    "FR-1: a\nb (clarified: x)\n\nc\n", true);
	edit("### FR-1: a\n", A(",\"requirement\":\"FR-1\",\"answer\":\"x\""),
	    "### FR-1: a\n\n## Clarifications\n\n### Session "
	    "2025-10-04\n\n"
	    "- Q: q? \xe2\x86\x92 A: x\n",
	    true);
	edit("a", A(",\"answer\":\"# x\\n<b>\""),
	    "a\n\n## Clarifications\n\n### Session "
	    "2025-10-04\n\n"
	    "- Q: q? \xe2\x86\x92 A: \\# x &lt;b\\>\n",
	    true);
	edit("## Clarifications\n\n### Session "
	     "2025-10-04\n\n- Q: p\n\n## Z\n",
	    A(",\"answer\":\"x\""),
	    "## Clarifications\n\n### Session "
	    "2025-10-04\n\n- Q: p\n"
	    "- Q: q? \xe2\x86\x92 A: x\n\n## Z\n",
	    true);
	edit("## Clarifications\n\n### Session "
	     "2025-10-03\n\n- Q: p\n",
	    A(",\"answer\":\"x\""),
	    "## Clarifications\n\n### Session "
	    "2025-10-03\n\n- Q: p\n\n"
	    "### Session "
	    "2025-10-04\n\n- Q: q? \xe2\x86\x92 A: x\n",
	    true);
	edit("FR-1: [NEEDS CLARIFICATION: y?] z\n",
	    A(",\"type\":\"placeholder\",\"where\":\"spec.md:1\","
	      "\"answer\":\"x\""),
	    "FR-1: x z\n", true);
	/* A mark that is not there any more is no reason to lose the answer. */
	edit("FR-1: y\n",
	    A(",\"type\":\"placeholder\",\"where\":\"spec.md:9\","
	      "\"requirement\":\"FR-1\",\"answer\":\"x\""),
	    "FR-1: y (clarified: x)\n", true);
	edit("FR-1: a\n", A(",\"written\":true,\"answer\":\"x\""), "FR-1: a\n",
	    false);
	edit("FR-1: a\n", A(",\"answer\":null"), "FR-1: a\n", false);
	edit("FR-1: a\n```\n", A(",\"answer\":\"x\""), "FR-1: a\n```\n", false);
}

static void
test_damage(void)
{
	static const char base[] = "# A\n\nFR-1: x\n\n```\nc\n```\n";
	static const struct {
		const char *after;
		bool whole;
	} rows[] = { { "# A\n\nFR-1: x y\n\n```\nc\n```\n", true },
		{ "# A\n\nFR-1: x\n\n```\nc\n```\n## B\n", true },
		{ "# B\n\nFR-1: x\n\n```\nc\n```\n", false },
		{ "# A\n\nx\n\n```\nc\n```\n", false },
		{ "# A\n\nFR-1: x\nFR-2: y\n\n```\nc\n```\n", false },
		{ "# A\n\nFR-1: x\n\n```\nc\n", false },
		{ "# A\n\nFR-1: x\n\n```\n```\n", false },
		{ "# A\n\nFR-1: \xff\n\n```\nc\n```\n", false } };

	for (size_t i = 0; i < SK_ARRAY_SIZE(rows); i++)
		CHECKF((sk_spec_damage(base, strlen(base), rows[i].after,
			    strlen(rows[i].after)) == NULL) == rows[i].whole,
		    "row %zu", i);
}

/* ---- cutting ---- */

static void
test_context(void)
{
	struct sk_context c = { .budget = 5050 };
	struct sk_arena a = { 0 };
	struct sk_buf b;
	char big[4000];

	memset(big, 'x', sizeof(big));
	sk_context_add(&c, SK_CTX_SPEC, "spec", big, 3000);
	sk_context_add(&c, SK_CTX_EXTRA, "short", big, 1500);
	sk_context_add(&c, SK_CTX_EXTRA, "long", big, 2000);
	sk_context_add(&c, SK_CTX_ANSWER, "answer", "\0a", 2);
	sk_context_fit(&c);
	CHECK_INT(c.v[0].shown, 3000);
	CHECK_INT(c.v[2].shown, 1024); /* the longest first */
	CHECK_INT(c.v[1].shown, 1024);
	CHECK_INT(c.v[3].shown, 2);
	CHECK_INT(sk_jlen(sk_context_left_out(&c, &a)), 2);
	sk_buf_init(&b, 0);
	sk_context_write(&c, "mark", &b);
	CHECK(strlen(b.p) == b.len);
	CHECK(strstr(b.p, "short (1024 of 1500 bytes are shown)") != NULL);
	sk_buf_free(&b);
	sk_context_free(&c);
	sk_arena_free(&a);
}

int
main(void)
{
	test_ids();
	test_scan();
	test_merge();
	test_shares();
	test_edit();
	test_damage();
	test_context();
	return tap_done();
}
