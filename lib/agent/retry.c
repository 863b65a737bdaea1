/* SPDX-License-Identifier: MIT */
/* The policy after failures, and the next step of one agent. */
#include <string.h>

#include "agent/retry.h"
#include "data/data.h"

#define FILE_NAME "retry.toml"

/* ---- the shipped file ---- */

/* It is ours: a mistake in it is a bug, and a test reads it. */
static int64_t
need(const struct sk_jv *t, const char *key)
{
	int64_t x;

	if (!sk_jget_int(t, key, &x) || x < 0)
		sk_bug("%s: no number '%s'", FILE_NAME, key);
	return x;
}

static void
read_delay(const struct sk_jv *t, struct sk_delay *d)
{
	const struct sk_jv *pc = sk_jget(t, "percent");

	d->base_ms = need(t, "base_ms");
	d->max_ms = need(t, "max_ms");
	if (sk_jlen(pc) != 2 || !sk_jint(pc->a[0], &d->low) ||
	    !sk_jint(pc->a[1], &d->high) || d->low < 0 || d->high < d->low)
		sk_bug("%s: bad 'percent'", FILE_NAME);
}

static void
read_rule(struct sk_retry *p, const char *word, const struct sk_jv *t)
{
	const char *delay = sk_jget_str(t, "delay");
	const char *weigh = sk_jget_str(t, "breaker");
	struct sk_rule *r;
	enum sk_kind k;

	if (!sk_kind_of(word, &k))
		sk_bug("%s: no kind '%s'", FILE_NAME, word);
	r = &p->rule[k];
	if (sk_streq(delay, "local"))
		r->delay = &p->local;
	else if (sk_streq(delay, "provider"))
		r->delay = &p->provider;
	else if (delay != NULL)
		sk_bug("%s: no delay '%s'", FILE_NAME, delay);
	r->calls = sk_jget(t, "calls") != NULL ? need(t, "calls") : 1;
	r->limits = sk_jget_bool(t, "limits", false);
	r->cuts = sk_jget_bool(t, "cuts", false);
	r->fallback = sk_jget_bool(t, "fallback", false);
	if (sk_streq(weigh, "bad"))
		r->breaker = SK_WEIGH_BAD;
	else if (sk_streq(weigh, "good"))
		r->breaker = SK_WEIGH_GOOD;
	else if (weigh != NULL)
		sk_bug("%s: no breaker '%s'", FILE_NAME, weigh);
}

static int
read_file(struct sk_retry *p, struct sk_err *err)
{
	const struct sk_data_file *f = sk_data_find(FILE_NAME);
	const struct sk_jv *t, *kinds;
	struct sk_arena arena = { 0 };
	struct sk_jv *root;
	int rc;

	rc = sk_toml_parse(&arena, f->text, f->n, f->name, &root, err);
	if (rc != 0)
		return rc;
	read_delay(sk_jptr(root, "/delay/local"), &p->local);
	read_delay(sk_jptr(root, "/delay/provider"), &p->provider);
	t = sk_jget(root, "hint");
	p->buffer_ms = need(t, "buffer_ms");
	p->jitter_ms = need(t, "jitter_ms");
	t = sk_jget(root, "breaker");
	p->window = need(t, "window");
	p->least = need(t, "least");
	p->percent = need(t, "percent");
	p->burst = need(t, "burst");
	p->burst_ms = need(t, "burst_ms");
	p->cool_down_ms = need(t, "cool_down_ms");
	if (p->window > SK_PROVIDER_CALLS || p->burst > SK_PROVIDER_BURST)
		sk_bug("%s: the breaker remembers less", FILE_NAME);
	p->quiet_ms = need(sk_jget(root, "concurrency"), "quiet_ms");
	p->rule[SK_K_NONE].breaker = SK_WEIGH_GOOD;
	p->rule[SK_K_NONE].calls = 1;
	kinds = sk_jget(root, "kind");
	for (size_t i = 0; i < sk_jlen(kinds); i++)
		read_rule(p, kinds->m[i].key, kinds->m[i].v);
	sk_arena_free(&arena);
	return 0;
}

/* ---- the configuration ---- */

static void
scaled(int64_t *ms, double by)
{
	double x = (double)*ms * by;

	*ms = x < 1 && *ms > 0 && by > 0 ? 1 : (int64_t)x;
}

/* All our own times at once; what a provider says is not ours. */
static void
scale_all(struct sk_retry *p, double by)
{
	int64_t *const all[] = { &p->local.base_ms, &p->local.max_ms,
		&p->provider.base_ms, &p->provider.max_ms, &p->buffer_ms,
		&p->jitter_ms, &p->burst_ms, &p->cool_down_ms, &p->quiet_ms };

	for (size_t i = 0; i < SK_ARRAY_SIZE(all); i++)
		scaled(all[i], by);
}

int
sk_retry_load(struct sk_retry *p, const struct sk_config *conf, int64_t calls,
    int64_t budget_ms, struct sk_err *err)
{
	int64_t n;
	int rc;

	memset(p, 0, sizeof(*p));
	if ((rc = read_file(p, err)) != 0)
		return rc;
	p->scale = sk_jdouble(sk_config_get(conf, "retry.scale"), 1);
	scale_all(p, p->scale);
	p->budget_ms = budget_ms >= 0
	                   ? budget_ms
	                   : sk_config_duration(conf, "retry.budget", 60000);
	p->concurrency = sk_config_int(conf, "retry.concurrency", 0);
	n = calls > 0 ? calls : sk_config_int(conf, "retry.attempts", 0);
	for (size_t i = 0; n > 0 && i < SK_KINDS; i++)
		if (p->rule[i].delay != NULL || p->rule[i].limits)
			p->rule[i].calls = n;
	return 0;
}

const struct sk_retry *
sk_retry_for(const struct sk_retry *p, const struct sk_patience *of,
    struct sk_retry *own)
{
	if (of->calls < 0 && of->base_ms < 0 && of->max_ms < 0)
		return p;
	*own = *p;
	for (size_t i = 0; i < SK_KINDS; i++) {
		struct sk_rule *r = &own->rule[i];

		if (r->delay == &p->local) {
			r->delay = &own->local;
			continue;
		}
		if (r->delay != NULL)
			r->delay = &own->provider;
		if (of->calls >= 0 && (r->delay != NULL || r->limits))
			r->calls = of->calls;
	}
	if (of->base_ms >= 0) {
		own->provider.base_ms = of->base_ms;
		scaled(&own->provider.base_ms, p->scale);
	}
	if (of->max_ms >= 0) {
		own->provider.max_ms = of->max_ms;
		scaled(&own->provider.max_ms, p->scale);
	}
	return own;
}

/* ---- the next step ---- */

/* Evenly in [lo, hi), or lo. */
static int64_t
between(int64_t lo, int64_t hi, uint64_t rnd)
{
	return hi > lo ? lo + (int64_t)(rnd % (uint64_t)(hi - lo)) : lo;
}

static int64_t
backoff(const struct sk_delay *d, int64_t call, uint64_t rnd)
{
	int64_t ms = d->base_ms;

	for (int64_t i = 1; i < call && ms < d->max_ms; i++)
		ms *= 2;
	if (ms > d->max_ms)
		ms = d->max_ms;
	return between(ms * d->low / 100, ms * d->high / 100, rnd);
}

bool
sk_retry_affords(const struct sk_retry *p, int64_t elapsed_ms, int64_t wait_ms)
{
	return elapsed_ms <= p->budget_ms &&
	       wait_ms <= p->budget_ms - elapsed_ms;
}

void
sk_retry_step(const struct sk_retry *p, enum sk_kind kind, int64_t call,
    int64_t hint_ms, int64_t elapsed_ms, int64_t now_ms, uint64_t rnd,
    struct sk_step *out)
{
	const struct sk_rule *r = &p->rule[kind];
	int64_t floor_ms;

	memset(out, 0, sizeof(*out));
	out->hinted = hint_ms != SK_NO_HINT;
	if (r->delay == NULL && !(r->limits && out->hinted))
		return;
	if (r->delay != NULL)
		out->wait_ms = backoff(r->delay, call, rnd);
	if (out->hinted) {
		/* A time that is past still leaves room for clocks that do not
		 * agree; and many who were told the same must not come back
		 * together. */
		floor_ms = (hint_ms > 0 ? hint_ms : 0) + p->buffer_ms;
		floor_ms += between(0, p->jitter_ms, rnd >> 32);
		if (out->wait_ms < floor_ms)
			out->wait_ms = floor_ms;
	}
	out->resume_ms = now_ms + out->wait_ms;
	if (!sk_retry_affords(p, elapsed_ms, out->wait_ms))
		out->next = SK_NEXT_SUSPEND;
	else if (call < r->calls)
		out->next = SK_NEXT_WAIT;
}
