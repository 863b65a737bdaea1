/* SPDX-License-Identifier: MIT */
/*
 * Every vendor's usage in one form. They disagree on whether the input holds
 * what came from the cache and whether the output holds the reasoning; one
 * formula for all of them charges something twice.
 */
#include <string.h>

#include "metrics/metrics.h"

enum { EXCLUSIVE = 0, IN_READ = 1, IN_WRITE = 2, OUT_WITHOUT_REASONING = 4 };

/* First key of each list that is there counts. */
struct rule {
	const char *name;
	const char *has; /* a key that only this form has */
	const char *input, *cache_read, *cache_write, *output, *reasoning;
	const char *extra; /* more input beside it */
	const char *total;
	unsigned how;
};
/* The order matters: what is more special stands first. */
static const struct rule rules[] = {
	{ "sk", "/input_fresh", "/input_fresh", "/cache_read", "/cache_write",
	    "/output", "/reasoning", NULL, NULL, EXCLUSIVE },
	{ "codex", "/cached_input_tokens", "/input_tokens",
	    "/cached_input_tokens", "/cache_write_input_tokens",
	    "/output_tokens", "/reasoning_output_tokens", NULL, "/total_tokens",
	    IN_READ | IN_WRITE },
	{ "openai-chat", "/prompt_tokens", "/prompt_tokens",
	    "/prompt_tokens_details/cached_tokens",
	    "/prompt_tokens_details/cache_write_tokens", "/completion_tokens",
	    "/completion_tokens_details/reasoning_tokens", NULL,
	    "/total_tokens", IN_READ | IN_WRITE },
	{ "openai", "/input_tokens_details", "/input_tokens",
	    "/input_tokens_details/cached_tokens",
	    "/input_tokens_details/cache_write_tokens", "/output_tokens",
	    "/output_tokens_details/reasoning_tokens", NULL, "/total_tokens",
	    IN_READ | IN_WRITE },
	{ "qwen", "/cache_read_input_tokens", "/input_tokens",
	    "/cache_read_input_tokens", NULL, "/output_tokens", NULL, NULL,
	    "/total_tokens", IN_READ },
	{ "anthropic", "/input_tokens", "/input_tokens",
	    "/cache_read_input_tokens", "/cache_creation_input_tokens",
	    "/output_tokens", "/output_tokens_details/thinking_tokens", NULL,
	    NULL, EXCLUSIVE },
	{ "copilot", "/cacheReadTokens", "/inputTokens", "/cacheReadTokens",
	    "/cacheWriteTokens", "/outputTokens", "/reasoningTokens", NULL,
	    NULL, IN_READ | IN_WRITE },
	{ "claude-models", "/inputTokens", "/inputTokens",
	    "/cacheReadInputTokens", "/cacheCreationInputTokens",
	    "/outputTokens", "/thinkingTokens", NULL, NULL, EXCLUSIVE },
	{ "gemini", "/promptTokenCount", "/promptTokenCount",
	    "/cachedContentTokenCount", NULL, "/candidatesTokenCount",
	    "/thoughtsTokenCount", "/toolUsePromptTokenCount",
	    "/totalTokenCount", IN_READ | OUT_WITHOUT_REASONING },
	{ "gemini-stats", "/candidates", "/prompt", "/cached", NULL,
	    "/candidates", "/thoughts", "/tool", "/total",
	    IN_READ | OUT_WITHOUT_REASONING },
	{ "gemini-chat", "/thoughts", "/input", "/cached", NULL, "/output",
	    "/thoughts", "/tool", "/total", IN_READ | OUT_WITHOUT_REASONING },
	{ "opencode", "/cache", "/input", "/cache/read", "/cache/write",
	    "/output", "/reasoning", NULL, NULL, OUT_WITHOUT_REASONING },
	{ "ollama", "/eval_count", "/prompt_eval_count", NULL, NULL,
	    "/eval_count", NULL, NULL, NULL, EXCLUSIVE },
};

/* Programs and services, and the form in which they write. */
static const char *const vendors[][2] = { { "claude", "anthropic" },
	{ "anthropic", "anthropic" }, { "qwen", "qwen" }, { "codex", "codex" },
	{ "openai", "openai" }, { "copilot", "copilot" },
	{ "opencode", "opencode" }, { "ollama", "ollama" } };

/* ---- sums ---- */

static int64_t
sat(int64_t a, int64_t b)
{
	int64_t s;

	return __builtin_add_overflow(a, b, &s) ? INT64_MAX : s;
}

int64_t
sk_tokens_input(const struct sk_tokens *t)
{
	return sat(sat(t->fresh, t->cache_read), t->cache_write);
}

int64_t
sk_tokens_total(const struct sk_tokens *t)
{
	return sat(sk_tokens_input(t), t->output);
}

void
sk_tokens_add(struct sk_tokens *t, const struct sk_tokens *u)
{
	t->fresh = sat(t->fresh, u->fresh);
	t->cache_read = sat(t->cache_read, u->cache_read);
	t->cache_write = sat(t->cache_write, u->cache_write);
	t->output = sat(t->output, u->output);
	t->reasoning = sat(t->reasoning, u->reasoning);
	t->flags |= u->flags;
}

/* ---- one figure ---- */

/* A figure of an agent: anything may stand there. */
static int64_t
figure(const struct sk_jv *v, int64_t *flags)
{
	int64_t x;
	double d;

	if (v == NULL || v->type == SK_J_NULL)
		return 0;
	if (v->type == SK_J_NUM && sk_jint(v, &x)) {
		if (x >= 0 && x <= SK_TOKENS_MAX)
			return x;
		*flags |= SK_TF_SUSPECT;
		return x < 0 ? 0 : SK_TOKENS_MAX;
	}
	*flags |= SK_TF_SUSPECT;
	if (v->type == SK_J_STR && sk_jstr(v) != NULL &&
	    sk_parse_int(v->s, 0, SK_TOKENS_MAX, &x))
		return x;
	if (v->type != SK_J_NUM)
		return 0;
	d = sk_jdouble(v, 0);
	if (!(d > 0))
		return 0;
	return d >= (double)SK_TOKENS_MAX ? SK_TOKENS_MAX : (int64_t)d;
}

static int64_t
at(const struct sk_jv *u, const char *ptr, int64_t *flags)
{
	return ptr != NULL ? figure(sk_jptr(u, ptr), flags) : 0;
}

static bool
says(const struct sk_jv *u, const char *ptr)
{
	const struct sk_jv *v = sk_jptr(u, ptr);

	return v != NULL && v->type != SK_J_NULL;
}

/* ---- one usage object ---- */

static bool
fits(const struct rule *r, const struct sk_jv *u)
{
	int64_t in, out, total;

	if (sk_jptr(u, r->has) == NULL)
		return false;
	if (strcmp(r->name, "qwen") != 0)
		return true;
	/* Anthropic's keys, but its total tells that the input has it all. */
	return sk_jget_int(u, "total_tokens", &total) &&
	       sk_jget_int(u, "input_tokens", &in) &&
	       sk_jget_int(u, "output_tokens", &out) && total == in + out;
}

static const struct rule *
find_rule(const struct sk_jv *u, const char *vendor)
{
	const char *want = NULL;

	if (u == NULL || u->type != SK_J_OBJ)
		return NULL;
	for (size_t i = 0; vendor != NULL && i < SK_ARRAY_SIZE(vendors); i++)
		if (strcmp(vendor, vendors[i][0]) == 0)
			want = vendors[i][1];
	/* A vendor's own form, when its input is where that form has it. */
	for (size_t i = 0; want != NULL && i < SK_ARRAY_SIZE(rules); i++)
		if (strcmp(rules[i].name, want) == 0 &&
		    sk_jptr(u, "/input_fresh") == NULL &&
		    sk_jptr(u, rules[i].input) != NULL)
			return &rules[i];
	for (size_t i = 0; i < SK_ARRAY_SIZE(rules); i++)
		if (fits(&rules[i], u))
			return &rules[i];
	/* What is left of one: an output whose input is missing. */
	for (size_t i = 0; i < SK_ARRAY_SIZE(rules); i++)
		if (sk_jptr(u, rules[i].output) != NULL)
			return &rules[i];
	return NULL;
}

/* part of *whole: taken out of it; more than the whole cannot be. */
static void
take_out(int64_t *whole, int64_t part, int64_t *flags)
{
	if (part > *whole) {
		*flags |= SK_TF_SUSPECT;
		part = *whole;
	}
	*whole -= part;
}

bool
sk_tokens_read(
    struct sk_tokens *t, const struct sk_jv *usage, const char *vendor)
{
	const struct rule *r = find_rule(usage, vendor);
	int64_t total, ignored = 0;

	memset(t, 0, sizeof(*t));
	if (r == NULL) {
		t->flags = SK_TF_NONE;
		return false;
	}
	t->fresh = at(usage, r->input, &t->flags);
	t->cache_read = at(usage, r->cache_read, &t->flags);
	t->cache_write = at(usage, r->cache_write, &t->flags);
	t->output = at(usage, r->output, &t->flags);
	t->reasoning = at(usage, r->reasoning, &t->flags);
	if (r->how & IN_READ)
		take_out(&t->fresh, t->cache_read, &t->flags);
	if (r->how & IN_WRITE)
		take_out(&t->fresh, t->cache_write, &t->flags);
	t->fresh += at(usage, r->extra, &t->flags);
	if (r->how & OUT_WITHOUT_REASONING)
		t->output += t->reasoning;
	else if (t->reasoning > t->output) {
		t->flags |= SK_TF_SUSPECT;
		t->reasoning = t->output;
	}
	/* (Ollama leaves out the input that it had in its cache.) */
	if (!says(usage, r->input))
		t->flags |= t->output == 0                   ? SK_TF_NONE
		            : strcmp(r->name, "ollama") != 0 ? SK_TF_SUSPECT
		                                             : 0;
	if (r->total != NULL && sk_jptr(usage, r->total) != NULL) {
		total = at(usage, r->total, &ignored);
		if (total != sk_tokens_total(t))
			t->flags |= SK_TF_MISMATCH;
	}
	return (t->flags & SK_TF_NONE) == 0;
}

/* ---- running totals ---- */

static bool
within(const struct sk_tokens *a, const struct sk_tokens *b)
{
	return a->fresh <= b->fresh && a->cache_read <= b->cache_read &&
	       a->cache_write <= b->cache_write && a->output <= b->output;
}

struct sk_tokens
sk_tokens_delta(
    const struct sk_tokens *now, const struct sk_tokens *before, bool later)
{
	struct sk_tokens d = *now;

	d.flags |= SK_TF_DELTA;
	if (within(before, now)) {
		d.fresh -= before->fresh;
		d.cache_read -= before->cache_read;
		d.cache_write -= before->cache_write;
		d.output -= before->output;
		d.reasoning = now->reasoning > before->reasoning
		                  ? now->reasoning - before->reasoning
		                  : 0;
		return d;
	}
	if (!later && within(now, before)) {
		/* It came late: the later total has it already. */
		d.fresh = d.cache_read = d.cache_write = 0;
		d.output = d.reasoning = 0;
	}
	return d;
}
