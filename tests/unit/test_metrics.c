/* SPDX-License-Identifier: MIT */
/* Tokens of every vendor, SessionMetrics, cost, and the status lines. */
#include <stdlib.h>

#include "metrics/metrics.h"
#include "tap.h"

static struct sk_arena arena;

static struct sk_tokens
fresh(int64_t n)
{
	return (struct sk_tokens){ .fresh = n, .output = 10 };
}

/* ---- vendors: prompt 1234, cached 1000, output 56, reasoning 7 ---- */

static struct sk_tokens
read_usage(const char *json, const char *vendor)
{
	struct sk_jv *v = NULL;
	struct sk_tokens t;

	CHECK_INT(sk_json_parse(&arena, json, strlen(json), NULL, &v, NULL), 0);
	(void)sk_tokens_read(&t, v, vendor);
	return t;
}

static void
test_vendors(void)
{
	static const struct {
		const char *json, *vendor, *rule;
	} v[] = {
		{ "{\"input_fresh\":234,\"cache_read\":1000,\"cache_write\":0,"
		  "\"output\":56,\"reasoning\":7}",
		    NULL, "sk" },
		{ "{\"input_tokens\":1234,\"cached_input_tokens\":1000,"
		  "\"output_tokens\":56,\"reasoning_output_tokens\":7,"
		  "\"total_tokens\":1290}",
		    "codex", "codex" },
		{ "{\"prompt_tokens\":1234,\"completion_tokens\":56,"
		  "\"prompt_tokens_details\":{\"cached_tokens\":1000},"
		  "\"completion_tokens_details\":{\"reasoning_tokens\":7}}",
		    NULL, "openai-chat" },
		{ "{\"input_tokens\":1234,\"output_tokens\":56,"
		  "\"input_tokens_details\":{\"cached_tokens\":1000},"
		  "\"output_tokens_details\":{\"reasoning_tokens\":7}}",
		    NULL, "openai" },
		{ "{\"input_tokens\":234,\"cache_read_input_tokens\":1000,"
		  "\"cache_creation_input_tokens\":0,\"output_tokens\":56,"
		  "\"output_tokens_details\":{\"thinking_tokens\":7}}",
		    "claude", "anthropic" },
		{ "{\"promptTokenCount\":1234,\"cachedContentTokenCount\":1000,"
		  "\"candidatesTokenCount\":49,\"thoughtsTokenCount\":7,"
		  "\"totalTokenCount\":1290}",
		    NULL, "gemini" },
		{ "{\"input\":1234,\"output\":49,\"cached\":1000,"
		  "\"thoughts\":7,\"tool\":0,\"total\":1290}",
		    NULL, "gemini-chat" },
		{ "{\"total\":1290,\"input\":234,\"output\":49,\"reasoning\":7,"
		  "\"cache\":{\"write\":0,\"read\":1000}}",
		    "opencode", "opencode" },
		{ "{\"inputTokens\":1234,\"cacheReadTokens\":1000,"
		  "\"cacheWriteTokens\":0,\"outputTokens\":56,"
		  "\"reasoningTokens\":7}",
		    NULL, "copilot" },
	};

	for (size_t i = 0; i < SK_ARRAY_SIZE(v); i++) {
		struct sk_tokens t = read_usage(v[i].json, v[i].vendor);

		CHECKF(t.fresh == 234 && t.cache_read == 1000 &&
			   t.cache_write == 0 && t.output == 56 &&
			   t.reasoning == 7,
		    "%s", v[i].rule);
		/* Nothing is counted twice, nothing is lost. */
		CHECKF(sk_tokens_total(&t) == 1290 && t.flags == 0,
		    "%s is conserved", v[i].rule);
	}
}

static void
test_ambiguous(void)
{
	/* Anthropic's keys with a total that has the cache in its input. */
	struct sk_tokens t = read_usage(
	    "{\"input_tokens\":1234,\"output_tokens\":56,"
	    "\"cache_read_input_tokens\":1000,\"total_tokens\":1290}",
	    NULL);

	CHECK_INT(t.fresh, 234);
	CHECK_INT(sk_tokens_total(&t), 1290);
	t = read_usage("{\"prompt_eval_count\":5,\"eval_count\":7}", NULL);
	CHECK_INT(sk_tokens_total(&t), 12);
	t = read_usage("{\"unknown\":1}", NULL);
	CHECK_INT(t.flags, SK_TF_NONE);
	t = read_usage("{\"input_fresh\":null,\"output\":null}", NULL);
	CHECK_INT(t.flags, SK_TF_NONE);
	t = read_usage("{\"input_tokens\":-3,\"output_tokens\":"
		       "9223372036854775808}",
	    NULL);
	CHECK_INT(t.fresh, 0);
	CHECK_INT(t.output, SK_TOKENS_MAX);
	CHECK((t.flags & SK_TF_SUSPECT) != 0);
	t = read_usage("{\"input_tokens\":10,\"output_tokens\":1,"
		       "\"cached_input_tokens\":4,\"total_tokens\":99}",
	    NULL);
	CHECK((t.flags & SK_TF_MISMATCH) != 0);
}

static void
test_delta(void)
{
	struct sk_tokens a = { 10, 100, 0, 5, 1, 0 };
	struct sk_tokens b = { 25, 300, 0, 9, 2, 0 }, d;

	d = sk_tokens_delta(&b, &a, true);
	CHECK(d.fresh == 15 && d.cache_read == 200 && d.output == 4);
	/* An earlier total that comes late is in the later one. */
	d = sk_tokens_delta(&a, &b, false);
	CHECK_INT(sk_tokens_total(&d), 0);
	/* A smaller one that is newer began again. */
	d = sk_tokens_delta(&a, &b, true);
	CHECK_INT(sk_tokens_total(&d), 115);
}

/* ---- SessionMetrics ---- */

static void
test_sliding_window(void)
{
	struct sk_session m;
	struct sk_tokens t;

	sk_session_init(&m, SK_WINDOW);
	CHECK_INT(sk_session_estimate(&m), 4000);
	t = fresh(1000);
	sk_session_turn(&m, &t);
	t = fresh(4000);
	sk_session_turn(&m, &t);
	CHECK_INT(sk_session_estimate(&m), 2500);
	t = fresh(1001);
	sk_session_turn(&m, &t);
	CHECK_INT(sk_session_estimate(&m), 2000); /* integer mean */
	t = fresh(7000);
	sk_session_turn(&m, &t); /* the first one has left */
	CHECK_INT(sk_session_estimate(&m), 4000);
	CHECK_INT(m.turns, 4);
	sk_session_init(&m, 0);
	CHECK_INT((int64_t)m.window, 1);
}

static void
test_cached_excluded(void)
{
	struct sk_tokens t = { .fresh = 200, .cache_read = 50000, .output = 1 };
	struct sk_session m;

	sk_session_init(&m, SK_WINDOW);
	sk_session_turn(&m, &t);
	CHECK_INT(sk_session_estimate(&m), 200);
	t.fresh = 0; /* all of it was cached: that says nothing */
	sk_session_turn(&m, &t);
	CHECK_INT(sk_session_estimate(&m), 200);
	CHECK_INT((int64_t)m.n, 1);
}

static void
test_sync_resets_window(void)
{
	struct sk_tokens total = { 9000, 0, 0, 700, 0, 0 }, last = fresh(1500);
	struct sk_session m;

	sk_session_init(&m, SK_WINDOW);
	last = fresh(100);
	sk_session_turn(&m, &last);
	sk_session_replay(&m);
	sk_session_duplicates(&m, 2);
	last = fresh(1500);
	sk_session_sync(&m, &total, &last, 7);
	CHECK_INT(sk_session_estimate(&m), 1500);
	CHECK_INT(m.turns, 7);
	CHECK_INT(m.replays + m.duplicates, 0);
	CHECK_INT(sk_tokens_total(&m.total), 9700);
	last = fresh(0);
	sk_session_sync(&m, &total, &last, 8);
	CHECK_INT((int64_t)m.n, 0);
	CHECK_INT((int64_t)m.window, SK_WINDOW);
	CHECK_INT(sk_session_estimate(&m), 4000);
}

static void
test_replay_and_duplicates(void)
{
	struct sk_session m;
	bool critical;

	sk_session_init(&m, SK_WINDOW);
	sk_session_duplicates(&m, 0);
	CHECK_INT(m.duplicates, 0);
	sk_session_replay(&m);
	CHECK(sk_session_warning(&m, &critical) == NULL);
	sk_session_replay(&m);
	CHECK(sk_session_warning(&m, &critical) != NULL && !critical);
	sk_session_replay(&m);
	sk_session_replay(&m);
	CHECK(sk_session_warning(&m, &critical) != NULL && critical);
	sk_session_reset(&m);
	sk_session_duplicates(&m, 2);
	CHECK(sk_session_warning(&m, &critical) == NULL);
	sk_session_duplicates(&m, 1);
	CHECK(sk_session_warning(&m, &critical) != NULL && !critical);
	sk_session_duplicates(&m, UINT32_MAX);
	CHECK(m.duplicates == UINT32_MAX);
}

static void
test_reset_and_blended(void)
{
	struct sk_tokens t = { 100, 900, 0, 50, 9, 0 };
	struct sk_session m;

	sk_session_init(&m, 5);
	sk_session_turn(&m, &t);
	CHECK_INT(sk_tokens_total(&m.total), 1050);
	CHECK_INT(m.last.output, 50);
	CHECK_INT(m.turns, 1);
	sk_session_reset(&m);
	CHECK_INT(sk_tokens_total(&m.total), 0);
	CHECK_INT((int64_t)m.window, 5);
	CHECK_INT(m.turns, 0);
	CHECK_INT((int64_t)m.n, 0);
	t.fresh = t.output = INT64_MAX;
	sk_session_turn(&m, &t);
	sk_session_turn(&m, &t);
	CHECK(sk_tokens_total(&m.total) == INT64_MAX); /* saturates */
}

/* ---- cost ---- */

static void
test_cost(void)
{
	struct sk_model m = {
		.price = { 3000000, 300000, 3750000, 15000000 },
		.longer = { 6000000, 600000, 7500000, 22500000 },
		.long_over = 200000,
	};
	struct sk_tokens t = { 1000000, 0, 0, 0, 0, 0 };

	m.long_over = 0;
	CHECK_INT(sk_cost_of(&m, &t), 3000000);
	t = (struct sk_tokens){ 0, 0, 0, 1000000, 0, 0 };
	CHECK_INT(sk_cost_of(&m, &t), 15000000);
	/* Cached tokens at their own rate, once. */
	t = (struct sk_tokens){ 234, 1000, 0, 56, 7, 0 };
	CHECK_INT(sk_cost_of(&m, &t), 1842);
	t = (struct sk_tokens){ 0, 0, 1000, 0, 0, 0 };
	CHECK_INT(sk_cost_of(&m, &t), 3750);
	m.long_over = 200000;
	t = (struct sk_tokens){ 200001, 0, 0, 0, 0, 0 };
	CHECK_INT(sk_cost_of(&m, &t), 1200006);
	/* No rate of its own: as input, never less. */
	m.price.cached_input = -1;
	t = (struct sk_tokens){ 0, 1000, 0, 0, 0, 0 };
	CHECK_INT(sk_cost_of(&m, &t), 3000);
	m.price.output = -1;
	CHECK_INT(sk_cost_of(&m, &t), -1);
	t = (struct sk_tokens){ SK_TOKENS_MAX, 0, 0, SK_TOKENS_MAX, 0, 0 };
	m.price.output = INT64_MAX / 4;
	CHECK(sk_cost_of(&m, &t) > 0);
}

static void
test_levels(void)
{
	int64_t x = 0;
	char s[SK_USD_LEN];

	CHECK_STR(sk_budget_level(79, 100, 0.8), "");
	CHECK_STR(sk_budget_level(80, 100, 0.8), "warning");
	CHECK_STR(sk_budget_level(90, 100, 0.8), "critical");
	CHECK_STR(sk_budget_level(100, 100, 0.8), "exceeded");
	CHECK_STR(sk_budget_level(5, -1, 0.8), "");
	CHECK(sk_usd_parse("0.35", &x) && x == 350000);
	CHECK(sk_usd_parse("12", &x) && x == 12000000);
	CHECK(!sk_usd_parse("1.2.3", &x) && !sk_usd_parse("-1", &x) &&
	      !sk_usd_parse("", &x) && !sk_usd_parse("1e3", &x) &&
	      !sk_usd_parse("1.", &x));
	sk_usd(1234567, s);
	CHECK_STR(s, "1.234567");
	sk_usd_short(115000, s);
	CHECK_STR(s, "$0.12");
	sk_usd_short(-1, s);
	CHECK_STR(s, "?");
	/* 2026-02-28 */
	CHECK_INT(sk_scope_resets("day", 1772236800000), 1772323200000);
	CHECK_INT(sk_scope_resets("month", 1772236800000), 1772323200000);
	CHECK_INT(sk_scope_resets("run", 1772236800000), 0);
}

/* ---- lines ---- */

static void
test_counts(void)
{
	static const struct {
		int64_t n;
		const char *text;
	} v[] = { { 0, "0" }, { 999, "999" }, { 1000, "1k" }, { 4000, "4k" },
		{ 12500, "12.5k" }, { 3249, "3.2k" }, { 3250, "3.3k" },
		{ 999949, "999.9k" }, { 999950, "1M" }, { 1200000, "1.2M" },
		{ 999950000, "1G" } };
	struct sk_buf b;

	sk_buf_init(&b, 0);
	for (size_t i = 0; i < SK_ARRAY_SIZE(v); i++) {
		sk_buf_clear(&b);
		sk_count_text(&b, v[i].n);
		CHECK_STR(b.p, v[i].text);
	}
	sk_buf_free(&b);
}

static void
test_lines(void)
{
	struct sk_figures f;
	struct sk_buf b;

	sk_figures_init(&f);
	sk_buf_init(&b, 0);
	f.session.total = (struct sk_tokens){ 8500, 4000, 0, 3200, 0, 0 };
	f.session.turns = 5;
	f.all.context_used = 90000;
	f.all.context_window = 200000;
	sk_line_tokens(&b, &f, false);
	CHECK_STR(b.p,
	    "Tokens: 12.5k in / 3.2k out | Turn 5 | Est. next: ~4k | "
	    "Context: 45%");
	sk_buf_clear(&b);
	sk_line_tokens(&b, &f, true);
	CHECK_STR(b.p, "12.5k/3.2k | T5 | ~4k | 45%");
	(void)snprintf(f.spec, sizeof(f.spec), "SPEC-7");
	(void)snprintf(f.stage, sizeof(f.stage), "plan");
	(void)snprintf(f.branch, sizeof(f.branch),
	    "SPEC-7-20251129101500-0123456789abcdef0123456789abcdef");
	f.agents_done = 2;
	f.agents_all = 3;
	sk_buf_clear(&b);
	sk_line_stage(&b, &f);
	CHECK_STR(
	    b.p, "[SPEC-7] Stage: Plan | Branch: 20251129... | Agents: 2/3");
	f.all.context_window = 0;
	sk_buf_clear(&b);
	sk_line_tokens(&b, &f, true);
	CHECK_STR(b.p, "12.5k/3.2k | T5 | ~4k | ?");
	sk_buf_free(&b);
	sk_figures_free(&f);
}

static void
test_context(void)
{
	struct sk_part p = { .context_window = 1000 };

	CHECK_INT(sk_context_percent(&(struct sk_part){ 0 }), -1);
	p.context_used = 805;
	CHECK_INT(sk_context_percent(&p), 80);
	CHECK_STR(sk_context_level(80), "");
	CHECK_STR(sk_context_level(81), "warning");
	CHECK_STR(sk_context_level(90), "warning");
	CHECK_STR(sk_context_level(91), "critical");
	CHECK_STR(sk_context_level(-1), "");
	/* Several requests together say nothing about one window. */
	p.context_used = 1001;
	CHECK_INT(sk_context_percent(&p), -1);
}

static void
test_estimator(void)
{
	struct sk_estimator e;
	struct sk_estimate g;

	sk_estimator_init(&e);
	sk_estimator_ask(&e, &g);
	CHECK_INT(g.value, 4000);
	CHECK_STR(g.basis, "default");
	/* What grows steadily is seen to grow. */
	for (int64_t i = 1; i <= 30; i++)
		sk_estimator_add(&e, 1000 * i);
	sk_estimator_ask(&e, &g);
	CHECK(g.value > 29000 && g.value < 33000);
	CHECK(g.mae < g.mae3);
	CHECK(g.low <= g.value && g.value <= g.high);
	sk_estimator_add(&e, 0);
	CHECK_INT((int64_t)e.n, 30);
}

int
main(void)
{
	test_vendors();
	test_ambiguous();
	test_delta();
	test_sliding_window();
	test_cached_excluded();
	test_sync_resets_window();
	test_replay_and_duplicates();
	test_reset_and_blended();
	test_cost();
	test_levels();
	test_counts();
	test_lines();
	test_context();
	test_estimator();
	sk_arena_free(&arena);
	return tap_done();
}
