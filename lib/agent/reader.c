/* SPDX-License-Identifier: MIT */
/*
 * Reading events under an adapter's rules. A rule is a table: `when` names
 * pointers into the event and the values they must have; the other keys say
 * what the event then means and where in it the facts are. Unknown events and
 * events that no rule matches mean nothing.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "agent/internal.h"

#define TOKENS_MAX ((int64_t)1 << 40)

void
sk_reader_init(struct sk_reader *r, const struct sk_adapter *ad,
    struct sk_outcome *o, size_t max)
{
	memset(r, 0, sizeof(*r));
	r->ad = ad;
	r->o = o;
	r->content_out.fd = r->fallback_out.fd = -1;
	sk_buf_init(&r->content, max + 1);
	sk_buf_init(&r->fallback, max + 1);
	sk_buf_init(&r->error, SK_TEXT_KEPT);
	sk_buf_init(&r->detail, SK_TEXT_KEPT);
	sk_buf_init(&r->soft, SK_TEXT_KEPT);
	sk_hint_init(&r->hint);
}

void
sk_reader_free(struct sk_reader *r)
{
	sk_parked_drop(&r->content_out, &r->content);
	sk_parked_drop(&r->fallback_out, &r->fallback);
	sk_buf_free(&r->content);
	sk_buf_free(&r->fallback);
	sk_buf_free(&r->error);
	sk_buf_free(&r->detail);
	sk_buf_free(&r->soft);
}

/* ---- conditions ---- */

static bool
equal(const struct sk_jv *want, const struct sk_jv *got)
{
	if (want->type == SK_J_ARR) {
		for (size_t i = 0; i < want->n; i++)
			if (equal(want->a[i], got))
				return true;
		return false;
	}
	if (want->type != got->type)
		return false;
	switch (want->type) {
	case SK_J_STR:
		return want->n == got->n &&
		       memcmp(want->s, got->s, got->n) == 0;
	case SK_J_NUM:
		return sk_num_cmp(want->s, want->n, got->s, got->n) == 0;
	default:
		return want->type != SK_J_OBJ;
	}
}

static bool
holds(const struct sk_jv *ev, const struct sk_jv *ptr)
{
	const struct sk_jv *v =
	    sk_jstr(ptr) != NULL ? sk_jptr(ev, sk_jstr(ptr)) : NULL;

	return v != NULL && v->type != SK_J_NULL;
}

/* Is the pattern (as in lists of words) in the end of this text? */
static bool
matches(const struct sk_jv *pattern, const struct sk_jv *got)
{
	char low[1024];
	const char *s = sk_jstr(got);
	size_t n;

	if (s == NULL || sk_jstr(pattern) == NULL)
		return false;
	n = got->n < sizeof(low) ? got->n : sizeof(low);
	for (size_t i = 0; i < n; i++)
		low[i] = (char)tolower((unsigned char)s[got->n - n + i]);
	return sk_pattern_in(low, n, pattern->s);
}

static bool
applies(const struct sk_jv *rule, const struct sk_jv *ev)
{
	const struct sk_jv *like = sk_jget(rule, "matches");
	const struct sk_jv *when = sk_jget(rule, "when");
	const struct sk_jv *there = sk_jget(rule, "exists");
	const struct sk_jv *none = sk_jget(rule, "absent");

	for (size_t i = 0; i < sk_jlen(when); i++) {
		const struct sk_jv *got = sk_jptr(ev, when->m[i].key);

		if (got == NULL || !equal(when->m[i].v, got))
			return false;
	}
	for (size_t i = 0; i < sk_jlen(there); i++)
		if (!holds(ev, there->a[i]))
			return false;
	for (size_t i = 0; i < sk_jlen(none); i++)
		if (holds(ev, none->a[i]))
			return false;
	for (size_t i = 0; i < sk_jlen(like); i++)
		if (!matches(like->m[i].v, sk_jptr(ev, like->m[i].key)))
			return false;
	return true;
}

/* ---- picking ---- */

/* The value at a pointer, or at the first of several that holds one. */
static const struct sk_jv *
pick(const struct sk_jv *ev, const struct sk_jv *spec)
{
	const struct sk_jv *v;

	if (spec == NULL)
		return NULL;
	if (spec->type == SK_J_ARR) {
		for (size_t i = 0; i < spec->n; i++)
			if ((v = pick(ev, spec->a[i])) != NULL)
				return v;
		return NULL;
	}
	v = sk_jstr(spec) != NULL ? sk_jptr(ev, sk_jstr(spec)) : NULL;
	return v == NULL || v->type == SK_J_NULL ? NULL : v;
}

/* A value as text: strings as they are, lists joined, the rest as JSON. */
static void
as_text(struct sk_buf *b, const struct sk_jv *v)
{
	if (v->type == SK_J_STR) {
		sk_buf_add(b, v->s, v->n);
	} else if (v->type == SK_J_ARR && sk_jstr(sk_jat(v, 0)) != NULL) {
		for (size_t i = 0; i < v->n; i++) {
			if (i > 0)
				sk_buf_str(b, "; ");
			as_text(b, v->a[i]);
		}
	} else {
		sk_json_write(b, v);
	}
}

/* Bounded, valid UTF-8 without control bytes: an id, a model's name. */
static void
take_word(char **dst, const struct sk_jv *v, size_t max)
{
	const char *s = sk_jstr(v);

	if (s == NULL || *s == '\0' || strlen(s) > max)
		return;
	for (const char *p = s; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return;
	free(*dst);
	*dst = sk_strdup(s);
}

/* All pointers of a list, each that holds something on a line of its own. */
static void
take_all(struct sk_buf *b, const struct sk_jv *ev, const struct sk_jv *spec)
{
	const struct sk_jv *v;

	if (spec == NULL)
		return;
	if (spec->type == SK_J_ARR) {
		for (size_t i = 0; i < spec->n; i++)
			take_all(b, ev, spec->a[i]);
	} else if ((v = pick(ev, spec)) != NULL) {
		as_text(b, v);
		sk_buf_ch(b, '\n');
	}
}

/* The text of those elements of a list that are `when`. */
static void
take_each(struct sk_buf *b, const struct sk_jv *ev, const struct sk_jv *spec)
{
	const struct sk_jv *l = pick(ev, sk_jget(spec, "each")), *v;

	for (size_t i = 0; i < sk_jlen(l) && l->type == SK_J_ARR; i++)
		if (applies(spec, l->a[i])) {
			take_each(b, l->a[i], sk_jget(spec, "in"));
			v = pick(l->a[i], sk_jget(spec, "text"));
			if (v != NULL)
				as_text(b, v);
		}
}

/* ---- usage and cost ---- */

static void
add_tokens(int64_t *sum, const struct sk_jv *base, const struct sk_jv *spec)
{
	int64_t x;

	if (spec != NULL && spec->type == SK_J_OBJ) {
		/* { each = "/models", at = "/tokens/thoughts" }: their sum */
		const struct sk_jv *l = pick(base, sk_jget(spec, "each"));

		for (size_t i = 0; i < sk_jlen(l); i++)
			add_tokens(sum,
			    l->type == SK_J_OBJ ? l->m[i].v : l->a[i],
			    sk_jget(spec, "at"));
		return;
	}
	if (spec == NULL || !sk_jint(pick(base, spec), &x))
		return;
	if (x < 0)
		x = 0;
	if (x > TOKENS_MAX)
		x = TOKENS_MAX;
	*sum = (*sum < 0 ? 0 : *sum) + x;
	if (*sum > TOKENS_MAX)
		*sum = TOKENS_MAX;
}

static void
add_usage(
    struct sk_usage *u, const struct sk_jv *base, const struct sk_jv *spec)
{
	add_tokens(&u->input, base, sk_jget(spec, "input"));
	add_tokens(&u->cache_read, base, sk_jget(spec, "cache_read"));
	add_tokens(&u->cache_write, base, sk_jget(spec, "cache_write"));
	add_tokens(&u->output, base, sk_jget(spec, "output"));
	add_tokens(&u->reasoning, base, sk_jget(spec, "reasoning"));
}

static struct sk_usage
read_usage(const struct sk_jv *ev, const struct sk_jv *spec)
{
	struct sk_usage u = { -1, -1, -1, -1, -1, false };
	const struct sk_jv *each = sk_jget(spec, "each");

	if (each == NULL) {
		add_usage(&u, ev, spec);
	} else {
		const struct sk_jv *o = pick(ev, each);

		for (size_t i = 0; o != NULL && i < sk_jlen(o); i++)
			add_usage(&u, o->type == SK_J_OBJ ? o->m[i].v : o->a[i],
			    spec);
	}
	/* What the sum holds beyond its parts was thought. */
	if (u.reasoning < 0 && u.input >= 0 && u.output >= 0) {
		int64_t total = -1;

		add_tokens(&total, ev, sk_jget(spec, "total"));
		if (total >= u.input + u.output)
			u.reasoning = total - u.input - u.output;
	}
	u.known = u.input >= 0 || u.output >= 0;
	return u;
}

static int64_t
plus(int64_t a, int64_t b)
{
	if (a < 0 || b < 0)
		return a < 0 ? b : a;
	return a + b > TOKENS_MAX ? TOKENS_MAX : a + b;
}

static void
take_usage(
    struct sk_reader *r, const struct sk_jv *ev, const struct sk_jv *rule)
{
	const struct sk_jv *spec = sk_jget(rule, "usage");
	const struct sk_jv *other = sk_jget(rule, "usage_or");
	struct sk_usage u, *t = &r->o->usage;

	if (spec == NULL)
		return;
	u = read_usage(ev, spec);
	/* Some programs print zeros here when a turn was cut, and the truth
	 * elsewhere. */
	if (other != NULL && u.input <= 0 && u.output <= 0) {
		struct sk_usage v = read_usage(ev, other);

		if (v.known)
			u = v;
	}
	if (!u.known)
		return;
	if (r->ad->input_includes_cache && u.input >= 0) {
		u.input -= u.cache_read > 0 ? u.cache_read : 0;
		u.input -= u.cache_write > 0 ? u.cache_write : 0;
		if (u.input < 0)
			u.input = 0;
	}
	if (r->ad->output_excludes_reasoning && u.reasoning > 0)
		u.output = plus(u.output, u.reasoning);
	if (sk_jget_bool(rule, "usage_sum", false) && t->known) {
		u.input = plus(t->input, u.input);
		u.cache_read = plus(t->cache_read, u.cache_read);
		u.cache_write = plus(t->cache_write, u.cache_write);
		u.output = plus(t->output, u.output);
		u.reasoning = plus(t->reasoning, u.reasoning);
	}
	/* What this event leaves out was said before. */
	if (sk_jget_bool(rule, "usage_patch", false) && t->known) {
		u.input = u.input < 0 ? t->input : u.input;
		u.cache_read = u.cache_read < 0 ? t->cache_read : u.cache_read;
		u.cache_write =
		    u.cache_write < 0 ? t->cache_write : u.cache_write;
		u.output = u.output < 0 ? t->output : u.output;
		u.reasoning = u.reasoning < 0 ? t->reasoning : u.reasoning;
	}
	*t = u;
	if (sk_jget_str(rule, "scope") != NULL)
		r->o->scope = sk_jget_str(rule, "scope");
}

static void
take_cost(struct sk_reader *r, const struct sk_jv *ev, const struct sk_jv *rule)
{
	const struct sk_jv *v = pick(ev, sk_jget(rule, "cost_usd"));
	double usd;

	if (v == NULL || v->type != SK_J_NUM)
		return;
	usd = sk_jdouble(v, -1);
	if (!(usd >= 0 && usd < 1e9))
		return;
	if (sk_jget_bool(rule, "usage_sum", false))
		usd += r->cost;
	r->cost = usd;
	r->o->cost_micro = (int64_t)(usd * 1e6 + 0.5);
}

/* ---- times ---- */

static bool
number(const struct sk_jv *v, double max, double *out)
{
	const char *s;
	char *end;

	if (v == NULL)
		return false;
	if (v->type == SK_J_NUM) {
		*out = sk_jdouble(v, -1);
	} else { /* headers are strings */
		if ((s = sk_jstr(v)) == NULL || *s == '\0')
			return false;
		*out = strtod(s, &end);
		if (*end != '\0')
			return false;
	}
	return *out >= 0 && *out <= max;
}

static void
take_times(
    struct sk_reader *r, const struct sk_jv *ev, const struct sk_jv *rule)
{
	const struct sk_jv *h = pick(ev, sk_jget(rule, "headers"));
	double x;

	if (number(pick(ev, sk_jget(rule, "retry_after_ms")), 1e11, &x))
		r->o->retry_after_ms = (int64_t)x;
	else if (number(pick(ev, sk_jget(rule, "retry_after_s")), 1e8, &x))
		r->o->retry_after_ms = (int64_t)(x * 1000);
	if (number(pick(ev, sk_jget(rule, "reset_at_s")), 1e11, &x))
		r->o->reset_at_ms = (int64_t)(x * 1000);
	for (size_t i = 0; h != NULL && h->type == SK_J_OBJ && i < h->n; i++)
		if (sk_jstr(h->m[i].v) != NULL)
			(void)sk_hint_header(
			    &r->hint, h->m[i].key, sk_jstr(h->m[i].v), 0);
	(void)sk_hint_tree(&r->hint, pick(ev, sk_jget(rule, "hints")), 0);
}

/* ---- one event ---- */

static void
clear(struct sk_buf *b, struct sk_parked *out)
{
	if (out->fd >= 0)
		sk_parked_drop(out, b);
	sk_buf_clear(b);
}

static void
take_content(
    struct sk_reader *r, const struct sk_jv *ev, const struct sk_jv *rule)
{
	bool other = sk_jget_bool(rule, "fallback", false);
	struct sk_buf *b = other ? &r->fallback : &r->content;
	struct sk_parked *out = other ? &r->fallback_out : &r->content_out;
	const struct sk_jv *each = sk_jget(rule, "content_each");
	const struct sk_jv *v = pick(ev, sk_jget(rule, "content"));

	if (sk_jget_bool(rule, "reset", false)) {
		clear(b, out);
		r->empty_kind = SK_K_NONE;
		if (!other)
			r->has_content = false;
	}
	if (v == NULL && each == NULL)
		return;
	if (!sk_jget_bool(rule, "append", false))
		clear(b, out);
	if (v != NULL)
		as_text(b, v);
	take_each(b, ev, each);
	if (!other)
		r->has_content = true;
}

static void
take_error(
    struct sk_reader *r, const struct sk_jv *ev, const struct sk_jv *rule)
{
	const struct sk_jv *v, *fail = sk_jget(rule, "fail");
	double http;

	/* Where no element is like that, the rule says nothing of errors. */
	if ((v = sk_jget(rule, "error_each")) != NULL) {
		struct sk_buf b;
		bool some;

		sk_buf_init(&b, 0);
		take_each(&b, ev, v);
		if ((some = b.len > 0)) {
			sk_buf_clear(&r->error);
			sk_buf_add(&r->error, b.p, b.len);
		}
		sk_buf_free(&b);
		if (!some)
			return;
	}
	if (fail != NULL && fail->type != SK_J_FALSE) {
		r->failed = true;
		if (fail->type == SK_J_STR)
			(void)sk_kind_of(fail->s, &r->kind);
	}
	if ((v = pick(ev, sk_jget(rule, "error"))) != NULL) {
		sk_buf_clear(&r->error);
		as_text(&r->error, v);
	}
	if ((v = pick(ev, sk_jget(rule, "soft"))) != NULL) {
		sk_buf_clear(&r->soft);
		as_text(&r->soft, v);
	}
	if (sk_jget_bool(rule, "calm", false)) {
		sk_buf_clear(&r->soft);
		r->limited = false;
	}
	take_all(&r->detail, ev, sk_jget(rule, "detail"));
	if (number(pick(ev, sk_jget(rule, "status")), 599, &http) &&
	    http >= 400)
		r->http = (int64_t)http;
}

static void
apply(struct sk_reader *r, const struct sk_jv *rule, const struct sk_jv *ev)
{
	take_content(r, ev, rule);
	take_word(&r->o->session, pick(ev, sk_jget(rule, "session")), 256);
	take_word(&r->o->model, pick(ev, sk_jget(rule, "model")), 128);
	if (sk_jget_bool(rule, "ok", false))
		r->ok = true;
	if (sk_jget_bool(rule, "limited", false))
		r->limited = true;
	(void)sk_kind_of(sk_jget_str(rule, "empty_kind"), &r->empty_kind);
	take_error(r, ev, rule);
	take_usage(r, ev, rule);
	take_cost(r, ev, rule);
	take_times(r, ev, rule);
}

void
sk_reader_event(struct sk_reader *r, const struct sk_jv *ev)
{
	const struct sk_jv *rules = r->ad->rules;

	r->any = true;
	for (size_t i = 0; i < sk_jlen(rules); i++)
		if (applies(rules->a[i], ev))
			apply(r, rules->a[i], ev);
}

void
sk_reader_events(struct sk_reader *r, const struct sk_jv *v)
{
	if (v->type == SK_J_OBJ)
		sk_reader_event(r, v);
	for (size_t i = 0; v->type == SK_J_ARR && i < v->n; i++)
		if (v->a[i]->type == SK_J_OBJ)
			sk_reader_event(r, v->a[i]);
}
