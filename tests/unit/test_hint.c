/* SPDX-License-Identifier: MIT */
/* When to come back, in every form that vendors use. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/hint.h"
#include "tap.h"

#define NOW 1795226670000LL /* 2026-11-21T02:04:30Z */

/* The whole wait from now in ms, the later of the two; -1 = nothing said. */
static int64_t
wait_of(const struct sk_hint *h, int64_t now_ms)
{
	int64_t clock = h->date_ms > 0 ? h->date_ms : now_ms;
	int64_t ms = h->retry_after_ms;

	if (h->reset_at_ms > 0 && clock > 0) {
		int64_t until = h->reset_at_ms - clock;

		if (until < 0)
			until = 0;
		if (until > ms)
			ms = until;
	}
	return ms;
}

/* name: value lines → the wait; -1 = nothing */
static int64_t
headers(const char *text)
{
	struct sk_hint h;
	char line[300];

	sk_hint_init(&h);
	while (*text != '\0') {
		size_t n = strcspn(text, "\n");
		char *colon;

		snprintf(line, sizeof(line), "%.*s", (int)n, text);
		colon = strchr(line, ':');
		*colon = '\0';
		(void)sk_hint_header(&h, line, colon + 2, NOW);
		text += n + (text[n] == '\n');
	}
	sk_hint_settle(&h, NOW);
	return wait_of(&h, NOW);
}

static int64_t
body_at(const char *text, int64_t now)
{
	struct sk_hint h;

	sk_hint_init(&h);
	(void)sk_hint_body(&h, text, strlen(text), now);
	sk_hint_settle(&h, now);
	return wait_of(&h, now);
}

/* The first line, for the report. */
static const char *
line_of(const char *text)
{
	static char line[80];

	snprintf(line, sizeof(line), "%.*s", (int)strcspn(text, "\n"), text);
	return line;
}

struct row {
	const char *text;
	int64_t ms;
};

static const struct row header_rows[] = {
	{ "retry-after: 2", 2000 },
	{ "Retry-After: 0", 0 },
	{ "retry-after: 1.5", 1500 },
	{ "retry-after: Sat, 21 Nov 2026 02:05:00 GMT", 30000 },
	{ "retry-after: Saturday, 21-Nov-26 02:05:00 GMT", 30000 },
	{ "retry-after: Sat Nov 21 02:05:00 2026", 30000 },
	{ "retry-after: Sat, 21 Nov 2026 01:00:00 GMT", 0 },
	/* the server's own clock is what its date is meant by */
	{ "retry-after: Sat, 21 Nov 2026 03:00:10 GMT\n"
	  "date: Sat, 21 Nov 2026 03:00:00 GMT",
	    10000 },
	{ "retry-after: -5", -1 },
	{ "retry-after: soon", -1 },
	{ "retry-after: 99999999", -1 },
	{ "retry-after-ms: 250", 250 },
	{ "retry-after: 2\nretry-after-ms: 1250", 1250 },
	{ "retry-after-ms: 1250\nretry-after: 2", 1250 },
	{ "x-ms-retry-after-ms: 300", 300 },
	/* OpenAI: only what is spent counts */
	{ "x-ratelimit-remaining-requests: 0\n"
	  "x-ratelimit-remaining-tokens: 39000\n"
	  "x-ratelimit-reset-requests: 7s\n"
	  "x-ratelimit-reset-tokens: 1m3.5s",
	    7000 },
	{ "x-ratelimit-reset-tokens: 1m3.5s\n"
	  "x-ratelimit-remaining-tokens: 0",
	    63500 },
	{ "x-ratelimit-remaining-requests: 3\n"
	  "x-ratelimit-reset-requests: 12ms",
	    -1 },
	{ "x-ratelimit-reset-requests: 6m0s\n"
	  "x-ratelimit-reset-tokens: 12ms",
	    12 },
	{ "x-ratelimit-reset-requests: -1", -1 },
	/* said outright beats concluded */
	{ "x-ratelimit-remaining-requests: 0\n"
	  "x-ratelimit-reset-requests: 7s\nretry-after: 1",
	    1000 },
	/* Anthropic */
	{ "anthropic-ratelimit-requests-remaining: 0\n"
	  "anthropic-ratelimit-requests-reset: 2026-11-21T02:05:30Z\n"
	  "anthropic-ratelimit-tokens-remaining: 5\n"
	  "anthropic-ratelimit-tokens-reset: 2026-11-21T04:05:30Z",
	    60000 },
	{ "anthropic-ratelimit-input-tokens-remaining: 0\n"
	  "anthropic-ratelimit-input-tokens-reset: "
	  "2026-11-21T03:05:00+01:00",
	    30000 },
	{ "anthropic-ratelimit-unified-status: rejected\n"
	  "anthropic-ratelimit-unified-reset: 1795230270",
	    3600000 },
	{ "anthropic-ratelimit-unified-status: allowed_warning\n"
	  "anthropic-ratelimit-unified-reset: 1795230270",
	    -1 },
	{ "anthropic-ratelimit-unified-5h-status: rejected\n"
	  "anthropic-ratelimit-unified-5h-reset: 1795226680\n"
	  "anthropic-ratelimit-unified-7d-status: allowed\n"
	  "anthropic-ratelimit-unified-7d-reset: 1795599999",
	    10000 },
	/* ChatGPT plan */
	{ "x-codex-primary-used-percent: 100\n"
	  "x-codex-primary-window-minutes: 300\n"
	  "x-codex-primary-reset-at: 1795226700\n"
	  "x-codex-secondary-used-percent: 40\n"
	  "x-codex-secondary-reset-at: 1795999999",
	    30000 },
	{ "x-codex-primary-used-percent: 35\n"
	  "x-codex-primary-reset-at: 1795226700",
	    -1 },
	/* GitHub, OpenRouter, IETF */
	{ "x-ratelimit-remaining: 0\nx-ratelimit-reset: 1795226675", 5000 },
	{ "X-RateLimit-Reset: 1795226675500", 5500 },
	{ "X-RateLimit-Reset: 30", 30000 },
	{ "RateLimit-Reset: 5\nRateLimit-Remaining: 0", 5000 },
	{ "RateLimit: limit=10, remaining=0, reset=5", 5000 },
	{ "RateLimit: \"default\";r=0;t=50", 50000 },
	{ "x-ratelimit-reset-after: 1.25", 1250 },
	{ "x-ratelimit-remaining-requests-day: 0\n"
	  "x-ratelimit-reset-requests-day: 33011.382867",
	    33011383 },
	/* nothing of ours */
	{ "content-type: text/html", -1 },
	{ "x-request-id: retry-after", -1 },
};

static void
test_headers(void)
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(header_rows); i++) {
		int64_t got = headers(header_rows[i].text);

		CHECKF(got == header_rows[i].ms, "row %zu: %.40s: %lld", i,
		    line_of(header_rows[i].text), (long long)got);
	}
}

static void
test_bodies(void)
{
	static const struct row rows[] = {
		/* Gemini */
		{ "{\"error\":{\"code\":429,\"message\":\"x\",\"details\":[{"
		  "\"@type\":\"type.googleapis.com/google.rpc.RetryInfo\","
		  "\"retryDelay\":\"34.074824224s\"}]}}",
		    34075 },
		{ "[{\"error\":{\"details\":[{\"retryDelay\":\"7s\"}]}}]",
		    7000 },
		{ "{\"error\":{\"message\":\"Please retry in "
		  "10h17m5.723541104s.\"}}",
		    37025724 },
		/* the day's quota ends at midnight in California (08:00Z) */
		{ "{\"error\":{\"details\":[{\"violations\":[{\"quotaId\":"
		  "\"GenerateRequestsPerDayPerProjectPerModel\"}]},"
		  "{\"retryDelay\":\"7s\"}]}}",
		    21330000 },
		/* ChatGPT plan */
		{ "{\"error\":{\"type\":\"usage_limit_reached\",\"resets_at\":"
		  "1795226730,\"plan_type\":\"plus\"}}",
		    60000 },
		{ "{\"error\":{\"resets_in_seconds\":90}}", 90000 },
		{ "{\"error\":{\"reset_seconds\":\"12\"}}", 12000 },
		{ "{\"error\":{\"reset_seconds\":-4,\"reset_in_seconds\":3}}",
		    3000 },
		{ "{\"error\":\"slow down\",\"retry_after\":1.5}", 1500 },
		{ "{\"retry_after_ms\":1500}", 1500 },
		{ "{\"error\":{\"reset_at\":\"2026-11-21T02:05:30Z\"}}",
		    60000 },
		{ "{\"error\":{\"reset_at\":\"2020-11-21T02:05:30Z\"}}", 0 },
		{ "{\"error\":{\"x-ratelimit-reset\":1795226675}}", 5000 },
		{ "{\"error\":{\"x-ratelimit-reset-requests\":\"1m3.5s\"}}",
		    63500 },
		/* OpenAI: in the message */
		{ "{\"error\":{\"message\":\"Rate limit reached. Please try "
		  "again in 20ms. Visit us.\",\"code\":\"x\"}}",
		    20 },
		{ "{\"error\":{\"message\":\"Please try again in 1m30s.\"}}",
		    90000 },
		/* OpenRouter */
		{ "{\"error\":{\"metadata\":{\"headers\":{\"X-RateLimit-"
		  "Remaining\":\"0\",\"X-RateLimit-Reset\":\"1795226680000\"}}"
		  "}}",
		    10000 },
		/* what a gateway wraps */
		{ "{\"data\":{\"responseHeaders\":{\"retry-after\":\"3\"},"
		  "\"responseBody\":\"{}\"}}",
		    3000 },
		{ "{\"error\":{\"message\":\"{\\\"error\\\":{\\\"retryDelay\\\""
		  ":\\\"4s\\\"}}\"}}",
		    4000 },
		{ "{\"error\":{\"message\":\"overloaded\"}}", -1 },
		{ "{\"error\":null}", -1 },
		{ "[]", -1 },
		{ "", -1 },
	};

	for (size_t i = 0; i < SK_ARRAY_SIZE(rows); i++) {
		int64_t got = body_at(rows[i].text, NOW);

		CHECKF(got == rows[i].ms, "row %zu: %.40s: %lld", i,
		    line_of(rows[i].text), (long long)got);
	}
}

static void
test_prose(void)
{
	static const struct row rows[] = {
		{ "Please try again in 2s. Visit", 2000 },
		{ "try again in 1m3.5s", 63500 },
		{ "try again in 3 days 2 hours 5 minutes.", 266700000 },
		{ "try again in 1 hour, 5 minutes and 3 seconds", 3903000 },
		{ "Retry after 30 seconds", 30000 },
		{ "Retry-After: 120", 120000 },
		{ "Suggested retry after 2s.. Max attempts", 2000 },
		{ "  retryDelayMs: 2000,\n  status: 429", 2000 },
		{ "  retryDelayMs: undefined,\n", -1 },
		{ "available in 5 min", 300000 },
		{ "attempt 1: try again in 9s\nattempt 2: try again in 4s",
		    4000 },
		/* a time of day needs a clock */
		{ "limit \xc2\xb7 resets 2:42am (UTC)", 2250000 },
		{ "resets 3pm (UTC)", 46530000 },
		{ "resets 1am (UTC)", 82530000 },
		{ "resets Nov 22, 3am (UTC)", 89730000 },
		{ "or try again at 3:05 AM.", 3630000 },
		{ "try again at Nov 22nd, 2026 3:05 AM.", 90030000 },
		{ "resets 3pm (Mars/Olympus)", -1 },
		{ "resets at 2026-11-21T02:05:30Z", 60000 },
		{ "usage limit reached|1795226700", 30000 },
		/* none */
		{ "try again in a moment", -1 },
		{ "Please wait and try again later", -1 },
		{ "try again at noon", -1 },
		{ "retried 5 times (total retry wait time: 5 seconds)", -1 },
		{ "in 20 seconds we try", -1 },
		{ "", -1 },
	};

	for (size_t i = 0; i < SK_ARRAY_SIZE(rows); i++) {
		int64_t got = body_at(rows[i].text, NOW);

		CHECKF(got == rows[i].ms, "row %zu: %.40s: %lld", i,
		    line_of(rows[i].text), (long long)got);
	}
	CHECK(body_at("resets 2:42am (UTC)", 0) == -1);
	CHECK(body_at("try again in 2s", 0) == 2000);
}

static void
test_kept_apart(void)
{
	static const char daily[] =
	    "{\"error\":{\"details\":[{\"quotaId\":\"RequestsPerDay\"}]}}";
	struct sk_hint h;
	int64_t in, at;

	sk_hint_init(&h);
	CHECK(sk_hint_body(&h, daily, strlen(daily), NOW));
	sk_hint_init(&h);
	CHECK(!sk_hint_text(&h, "Quota: x, limit: 0, model", 25, NOW));
	CHECK(h.never);
	sk_hint_init(&h);
	CHECK(!sk_hint_text(&h, "limit: 20, model", 16, NOW) && !h.never);
	/* summer time: midnight is at 07:00Z until November's first Sunday */
	CHECK(sk_hint_pacific_midnight(1783000000000) == 1783062000000);
	CHECK(sk_hint_pacific_midnight(NOW) == 1795248000000);
	/* the nights around the two changes */
	CHECK(sk_hint_pacific_midnight(1793516399000) == 1793516400000);
	CHECK(sk_hint_pacific_midnight(1793516400000) == 1793606400000);
	CHECK(sk_hint_pacific_midnight(1772956799000) == 1772956800000);
	CHECK(sk_hint_pacific_midnight(1772956800000) == 1773039600000);
	CHECK(sk_hint_when("12", 2, &in, &at) && in == 12000 && at == 0);
	CHECK(!sk_hint_when("1e9", 3, &in, &at));
	CHECK(!sk_hint_when("", 0, &in, &at));
	CHECK(!sk_hint_when("nan", 3, &in, &at));
	CHECK(!sk_hint_when("0x10", 4, &in, &at));
	CHECK(!sk_hint_when("99999999999999999999", 20, &in, &at));
}

int
main(void)
{
	setenv("TZ", "UTC", 1);
	tzset();
	test_headers();
	test_bodies();
	test_prose();
	test_kept_apart();
	return tap_done();
}
