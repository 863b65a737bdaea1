/* SPDX-License-Identifier: MIT */
/*
 * What a provider says about when to come back: response headers, error bodies
 * and prose, in all the forms that vendors use. Pure functions: the clock comes
 * from the caller; 0 means that it is not known, and then a time of day or a
 * date cannot become a wait.
 *
 *	sk_hint_init(&h);
 *	for every header:  sk_hint_header(&h, name, value, now);
 *	for the body:      sk_hint_body(&h, p, n, now);
 *	sk_hint_settle(&h, now);
 *
 * and then retry_after_ms and reset_at_ms are what was said. Headers may come
 * in any order. Whether a hint counts (429, not 500) is the caller's business.
 */
#ifndef SK_AGENT_HINT_H
#define SK_AGENT_HINT_H

#include "json/json.h"

#define SK_HINT_WINDOWS 12
#define SK_HINT_FAR ((int64_t)400 * 86400000) /* more is a mistake */

/* One limit that refills: "requests", "tokens", "unified-5h" … */
struct sk_hint_window {
	char name[28];
	int64_t in_ms, at_ms; /* from now, or Unix; -1 and 0 = not said */
	int8_t spent; /* 1 yes, 0 no, -1 not said */
	bool strict; /* counts only when it is said to be spent */
};
struct sk_hint {
	int64_t retry_after_ms; /* -1 = not said */
	int64_t reset_at_ms; /* Unix; 0 = not said */
	bool never; /* no wait will help: the limit is 0, or it says so */
	/* The rest is for settling. */
	unsigned after_rank, reset_rank;
	int64_t date_ms; /* the server's clock; 0 = not said */
	size_t n;
	struct sk_hint_window w[SK_HINT_WINDOWS];
};
void sk_hint_init(struct sk_hint *h);
/* True when the header (any case) was one of those that we know. */
bool sk_hint_header(
    struct sk_hint *h, const char *name, const char *value, int64_t now_ms);
/* An error document of any vendor; true when something was found. */
bool sk_hint_tree(struct sk_hint *h, const struct sk_jv *v, int64_t now_ms);
/* Prose: "try again in 1m3.5s", "resets 3pm (UTC)". */
bool sk_hint_text(struct sk_hint *h, const char *p, size_t n, int64_t now_ms);
/* JSON when it is that, else prose. */
bool sk_hint_body(struct sk_hint *h, const char *p, size_t n, int64_t now_ms);
/* Makes one wait of what was collected. */
void sk_hint_settle(struct sk_hint *h, int64_t now_ms);

/* ---- the forms (hint_time.c) ---- */

/* "2s", "1m3.5s", "120ms", "3 days 2 hours": ms and how many bytes it took
 * (0 = none). A bare number is seconds. */
size_t sk_hint_span(const char *p, size_t n, int64_t *ms);
/* "Sat, 21 Nov 2026 02:04:30 GMT" and the two older forms. */
bool sk_hint_http_date(const char *s, int64_t *ms);
/* A value that says when: number (seconds, epoch s or ms), span, RFC 3339 or
 * HTTP date. One of *in_ms (else -1) and *at_ms (else 0) is set. */
bool sk_hint_when(const char *s, size_t n, int64_t *in_ms, int64_t *at_ms);
/* "3:05 am", "2:42am (utc)", "nov 22nd, 2026 3:05 am", lower case → Unix ms of
 * the next such time; false when that cannot be decided. */
bool sk_hint_clock(const char *p, size_t n, int64_t now_ms, int64_t *at_ms);
/* When Google's day is over: the next midnight in California. */
int64_t sk_hint_pacific_midnight(int64_t now_ms);

#endif
