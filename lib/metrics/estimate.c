/* SPDX-License-Identifier: MIT */
/*
 * A better guess of the next prompt than the mean of the last three: several
 * predictors run side by side, what each would have been wrong by is remembered
 * and fades, and they are averaged by that. Past errors are the interval.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "metrics/metrics.h"

enum { LAST, MEAN3, MEDIAN5, MEAN9, SLOW, ALL, TREND };
static const char *const names[SK_EXPERTS] = { "last", "mean_of_three",
	"median_of_five", "mean_of_nine", "smoothed", "mean_of_all", "trend" };
#define FADE 0.97

void
sk_estimator_init(struct sk_estimator *e)
{
	memset(e, 0, sizeof(*e));
}

static int
by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
mean(const double *v, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += v[i];
	return n > 0 ? sum / (double)n : 0;
}

static double
median(const double *v, size_t n)
{
	double s[9];

	memcpy(s, v, n * sizeof(*v));
	qsort(s, n, sizeof(*s), by_size);
	return n % 2 != 0 ? s[n / 2] : (s[n / 2 - 1] + s[n / 2]) / 2;
}

/* All of them, by how little each was wrong: what was twice as wrong as the
 * best counts a sixty-fourth. Averaging evens out what is only chance. */
static double
blend(const struct sk_estimator *e)
{
	double least = 0, sum = 0, weights = 0, r;

	if (e->judged == 0)
		return e->x[MEAN3];
	for (size_t i = 0; i < SK_EXPERTS; i++)
		if (i == 0 || e->loss[i] < least)
			least = e->loss[i];
	for (size_t i = 0; i < SK_EXPERTS; i++) {
		r = (least + 1) / (e->loss[i] + 1);
		r = r * r * r;
		weights += r * r;
		sum += r * r * e->x[i];
	}
	return sum / weights;
}

static size_t
best(const struct sk_estimator *e)
{
	size_t b = MEAN3;

	for (size_t i = 0; i < SK_EXPERTS; i++)
		if (e->loss[i] < e->loss[b])
			b = i;
	return b;
}

static double
newest(const struct sk_estimator *e, size_t n)
{
	size_t k = n < e->nrecent ? n : e->nrecent;

	return mean(e->recent + e->nrecent - k, k);
}

static void
predict(struct sk_estimator *e)
{
	size_t k = e->nrecent < 5 ? e->nrecent : 5;

	e->x[LAST] = e->recent[e->nrecent - 1];
	e->x[MEAN3] = newest(e, 3);
	e->x[MEDIAN5] = median(e->recent + e->nrecent - k, k);
	e->x[MEAN9] = newest(e, 9);
	e->x[SLOW] = e->slow;
	e->x[ALL] = e->sum / (double)e->n;
	e->x[TREND] = e->level + e->trend > 0 ? e->level + e->trend : 0;
}

/* What was predicted is judged by what came. */
static void
judge(struct sk_estimator *e, double y)
{
	double guess = blend(e);

	e->abs_err += fabs(y - guess);
	e->abs_err3 += fabs(y - e->x[MEAN3]);
	e->judged++;
	if (e->nerr == SK_ERRORS_MAX)
		memmove(e->err, e->err + 1, (--e->nerr) * sizeof(e->err[0]));
	e->err[e->nerr++] = guess > 0 ? y / guess : 1;
	for (size_t i = 0; i < SK_EXPERTS; i++)
		e->loss[i] = FADE * e->loss[i] + fabs(y - e->x[i]);
}

void
sk_estimator_add(struct sk_estimator *e, int64_t tokens)
{
	double y = (double)tokens, level;

	if (tokens <= 0)
		return;
	if (e->n > 0)
		judge(e, y);
	e->n++;
	e->sum += y;
	if (e->nrecent == SK_ARRAY_SIZE(e->recent))
		memmove(e->recent, e->recent + 1,
		    (--e->nrecent) * sizeof(e->recent[0]));
	e->recent[e->nrecent++] = y;
	if (e->n == 1) {
		e->slow = e->level = y;
	} else {
		e->slow += 0.2 * (y - e->slow);
		level = e->level;
		e->level = 0.5 * y + 0.5 * (e->level + e->trend);
		e->trend = 0.3 * (e->level - level) + 0.7 * e->trend;
	}
	predict(e);
}

static int64_t
tokens_of(double x)
{
	return x < 0 ? 0 : (int64_t)(x + 0.5);
}

void
sk_estimator_ask(const struct sk_estimator *e, struct sk_estimate *out)
{
	double s[SK_ERRORS_MAX], v;
	size_t b = best(e), lo, hi;

	memset(out, 0, sizeof(*out));
	out->mae = out->mae3 = -1;
	out->judged = e->judged;
	if (e->n == 0) {
		out->value = out->low = out->high = SK_PROMPT_GUESS;
		out->basis = "default";
		return;
	}
	v = blend(e);
	out->basis = names[b];
	out->value = out->low = out->high = tokens_of(v);
	if (e->judged == 0)
		return;
	out->mae = tokens_of(e->abs_err / (double)e->judged);
	out->mae3 = tokens_of(e->abs_err3 / (double)e->judged);
	memcpy(s, e->err, e->nerr * sizeof(s[0]));
	qsort(s, e->nerr, sizeof(s[0]), by_size);
	lo = e->nerr / 10;
	hi = e->nerr - 1 - lo;
	out->low = tokens_of(v * s[lo]);
	out->high = tokens_of(v * s[hi]);
	if (out->low > out->value)
		out->low = out->value;
	if (out->high < out->value)
		out->high = out->value;
}

/* ---- before a call ---- */

#define OUT_HIGH 8192 /* without a past */
#define OUT_LIKELY 1500

static int
by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int64_t
price(const struct sk_model *m, int64_t in, int64_t out)
{
	struct sk_tokens t = { .fresh = in, .output = out };

	return m != NULL ? sk_cost_of(m, &t) : -1;
}

void
sk_call_cost(const struct sk_model *m, size_t prompt_bytes,
    const int64_t *outputs, size_t n, struct sk_call_cost *out)
{
	int64_t bytes = prompt_bytes < (size_t)SK_TOKENS_MAX
	                    ? (int64_t)prompt_bytes
	                    : SK_TOKENS_MAX;
	int64_t *s;

	memset(out, 0, sizeof(*out));
	/* English is 4 to 5 bytes a token, code 3, other scripts 2. */
	out->in_low = bytes / 6;
	out->in_likely = bytes / 4;
	out->in_high = bytes / 2 + 1;
	out->out_low = 1;
	out->out_likely = OUT_LIKELY;
	out->out_high = OUT_HIGH;
	out->history = n;
	if (n > 0) {
		s = sk_reallocarray(NULL, n, sizeof(*s));
		memcpy(s, outputs, n * sizeof(*s));
		qsort(s, n, sizeof(*s), by_value);
		out->out_low = s[0];
		out->out_likely = s[n / 2];
		/* The most that was seen and a quarter; a short past says
		 * little about the worst. */
		out->out_high = s[n - 1] + s[n - 1] / 4 + 1;
		if (n < 8 && out->out_high < OUT_HIGH)
			out->out_high = OUT_HIGH;
		free(s);
	}
	out->low = price(m, out->in_low, out->out_low);
	out->likely = price(m, out->in_likely, out->out_likely);
	out->high = price(m, out->in_high, out->out_high);
}
