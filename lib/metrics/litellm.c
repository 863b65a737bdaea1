/* SPDX-License-Identifier: MIT */
/* LiteLLM's model_prices_and_context_window.json becomes a table of ours. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metrics/internal.h"

/* US dollars a token; words, and what is no price, are none. */
static bool
rate(const struct sk_jv *m, const char *key, double *usd)
{
	*usd = sk_jdouble(sk_jget(m, key), -1);
	return *usd >= 0 && *usd < 1;
}

/* 1.5e-06 US dollars a token is 1,500,000 micro dollars a million. */
static void
put_rate(struct sk_buf *b, const struct sk_jv *m, const char *key)
{
	double usd;

	sk_buf_ch(b, '\t');
	if (rate(m, key, &usd))
		sk_buf_printf(b, "%lld", (long long)(usd * 1e12 + 0.5));
}

static const char *const rates[] = { "input_cost_per_token",
	"cache_read_input_token_cost", "cache_creation_input_token_cost",
	"output_cost_per_token" };

/* "input_cost_per_token_above_200k_tokens": longer prompts cost more from here
 * on. The lowest step counts; 0 = there is none. */
static int64_t
long_prompts(const struct sk_jv *m)
{
	static const char head[] = "input_cost_per_token_above_";
	int64_t k, least = 0;
	char digits[8];

	for (size_t i = 0; i < m->n; i++) {
		const char *s = m->m[i].key;
		size_t n;

		if (strncmp(s, head, sizeof(head) - 1) != 0)
			continue;
		s += sizeof(head) - 1;
		n = strspn(s, "0123456789");
		if (n == 0 || n >= sizeof(digits) ||
		    strcmp(s + n, "k_tokens") != 0)
			continue;
		memcpy(digits, s, n);
		digits[n] = '\0';
		if (sk_parse_int(digits, 1, 9999999, &k) &&
		    (least == 0 || k < least))
			least = k;
	}
	return least;
}

/* The step and its rates, each of which may be missing; all empty without. */
static void
put_long(struct sk_buf *b, const struct sk_jv *m)
{
	int64_t k = long_prompts(m);
	char key[80];

	sk_buf_printf(b, "\t%lld", (long long)k * 1000);
	for (size_t i = 0; i < SK_ARRAY_SIZE(rates); i++) {
		(void)snprintf(key, sizeof(key), "%s_above_%lldk_tokens",
		    rates[i], (long long)k);
		put_rate(b, m, key);
	}
}

static bool
plain_name(const char *s)
{
	return s != NULL && s[0] != '\0' && strlen(s) < 120 &&
	       strpbrk(s, "\t\n\r") == NULL;
}

static bool
one(struct sk_strv *lines, const char *name, const struct sk_jv *m,
    const char *date, const char *source, struct sk_prices_import *out)
{
	const char *provider = sk_jget_str(m, "litellm_provider");
	struct sk_buf b;
	int64_t window = 0;
	double usd;

	if (m->type != SK_J_OBJ || !plain_name(name) ||
	    strcmp(name, "sample_spec") == 0)
		return false;
	if (!sk_jget_int(m, "max_input_tokens", &window))
		(void)sk_jget_int(m, "max_tokens", &window);
	sk_buf_init(&b, 0);
	sk_buf_printf(&b, "%s\t%s", name, plain_name(provider) ? provider : "");
	for (size_t i = 0; i < SK_ARRAY_SIZE(rates); i++)
		put_rate(&b, m, rates[i]);
	sk_buf_printf(&b, "\t%lld\t%s\t%s",
	    (long long)(window > 0 ? window : 0), date, source);
	put_long(&b, m);
	sk_strv_add(lines, b.p);
	sk_buf_free(&b);
	if (!rate(m, "input_cost_per_token", &usd) &&
	    !rate(m, "output_cost_per_token", &usd))
		out->unpriced++;
	return true;
}

static int
write_table(struct sk_strv *lines, const char *path, struct sk_err *err)
{
	char *dir = sk_strdup(path), *slash = strrchr(dir, '/');
	struct sk_buf b;
	int rc = 0;

	sk_buf_init(&b, 0);
	sk_strv_sort(lines);
	for (size_t i = 0; i < lines->n; i++)
		sk_buf_printf(&b, "%s\n", lines->v[i]);
	if (slash != NULL && slash != dir) {
		*slash = '\0';
		rc = sk_mkdirs(dir, 0700, err);
	}
	if (rc == 0)
		rc = sk_write_file(path, b.p, b.len, 0600, err);
	free(dir);
	sk_buf_free(&b);
	return rc;
}

int
sk_prices_import(const char *json, size_t n, const char *source,
    const char *path, struct sk_prices_import *out, struct sk_err *err)
{
	struct sk_arena a = { 0 };
	struct sk_strv lines = { 0 };
	struct sk_jv *v = NULL;
	char date[SK_TIME_LEN];
	int rc;

	memset(out, 0, sizeof(*out));
	sk_time_text(sk_now_ms(), date);
	date[10] = '\0';
	rc = sk_json_parse(&a, json, n, NULL, &v, err);
	if (rc == 0 && v->type != SK_J_OBJ)
		rc = sk_fail(err, SK_DAMAGED, "bad_prices",
		    "cannot use '%s': it is no object of models", source);
	for (size_t i = 0; rc == 0 && i < v->n; i++) {
		if (one(&lines, v->m[i].key, v->m[i].v, date,
			plain_name(source) ? source : "", out))
			out->taken++;
		else
			out->bad++;
	}
	if (rc == 0 && out->taken == 0)
		rc = sk_fail(err, SK_DAMAGED, "bad_prices",
		    "cannot use '%s': there is no model in it", source);
	if (rc == 0)
		rc = write_table(&lines, path, err);
	sk_strv_free(&lines);
	sk_arena_free(&a);
	return rc;
}
