/* SPDX-License-Identifier: MIT */
/*
 * Prose: the medoid by Jaccard similarity of word shingles. The result is a
 * real answer, never a blend, and similarity never decides a status.
 */
#include <stdlib.h>
#include <string.h>

#include "consensus/internal.h"

#define SHINGLE 3
#define HALF 500000000u
/* Longer words are not compared edit by edit. */
#define WORD_MAX 64
/* Beyond this many words a text is judged by its beginning. */
#define WORDS_MAX 200000

struct bag {
	uint64_t *h; /* sorted, unique */
	size_t n;
};

static bool
word_byte(unsigned char c)
{
	return c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') || c == '_';
}

static uint64_t
word_hash(const char *p, size_t n)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)p[i];

		if (c >= 'A' && c <= 'Z')
			c = (unsigned char)(c + ('a' - 'A'));
		h = (h ^ c) * 0x100000001b3u;
	}
	return h;
}

static int
u64_cmp(const void *x, const void *y)
{
	uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;

	return (a > b) - (a < b);
}

static void
bag_fill(struct bag *b, const char *p, size_t n)
{
	uint64_t last[SHINGLE] = { 0 };
	size_t cap = 0, words = 0, out = 0;

	memset(b, 0, sizeof(*b));
	for (size_t i = 0; i < n && words < WORDS_MAX;) {
		size_t from = i;

		while (i < n && word_byte((unsigned char)p[i]))
			i++;
		if (i == from) {
			i++;
			continue;
		}
		last[2] = last[1];
		last[1] = last[0];
		last[0] = word_hash(p + from, i - from);
		words++;
		/* The first words alone count too, so that short texts have
		 * shingles at all. */
		SK_GROW(NULL, b->h, b->n, cap);
		b->h[b->n++] = (last[0] * 0x9e3779b97f4a7c15u) ^
		               (last[1] * 0xc2b2ae3d27d4eb4fu) ^ (last[2] << 1);
	}
	if (b->n == 0)
		return;
	qsort(b->h, b->n, sizeof(*b->h), u64_cmp);
	for (size_t i = 1; i < b->n; i++)
		if (b->h[i] != b->h[out])
			b->h[++out] = b->h[i];
	b->n = out + 1;
}

/* Similarity in parts per billion: integers sum alike in every order. */
static uint64_t
similarity(const struct bag *x, const struct bag *y)
{
	size_t i = 0, j = 0, both = 0, all;

	while (i < x->n && j < y->n) {
		if (x->h[i] == y->h[j]) {
			both++;
			i++;
			j++;
		} else if (x->h[i] < y->h[j]) {
			i++;
		} else {
			j++;
		}
	}
	all = x->n + y->n - both;
	return all == 0 ? 1000000000u : (uint64_t)both * 1000000000u / all;
}

uint64_t
sk_text_similarity(const struct sk_jv *x, const struct sk_jv *y)
{
	struct bag a, b;
	uint64_t s;

	bag_fill(&a, x->s, x->n);
	bag_fill(&b, y->s, y->n);
	s = similarity(&a, &b);
	free(a.h);
	free(b.h);
	return s;
}

/* The smaller number for all that have the larger. */
static void
join(size_t *ids, size_t n, size_t x, size_t y)
{
	size_t to = ids[x] < ids[y] ? ids[x] : ids[y];
	size_t from = ids[x] < ids[y] ? ids[y] : ids[x];

	for (size_t i = 0; i < n; i++)
		if (ids[i] == from)
			ids[i] = to;
}

size_t
sk_text_medoid(const struct sk_vv *vals, size_t n, size_t *ids)
{
	struct bag *bags = sk_calloc(n, sizeof(*bags));
	uint64_t *sum = sk_calloc(n, sizeof(*sum));
	size_t best = 0;

	for (size_t i = 0; i < n; i++) {
		bag_fill(&bags[i], vals[i].v->s, vals[i].v->n);
		if (ids != NULL)
			ids[i] = i;
	}
	for (size_t i = 0; i < n; i++)
		for (size_t j = i + 1; j < n; j++) {
			uint64_t s = similarity(&bags[i], &bags[j]);

			sum[i] += s;
			sum[j] += s;
			if (ids != NULL && s >= HALF && ids[i] != ids[j])
				join(ids, n, i, j);
		}
	for (size_t i = 1; i < n; i++)
		if (sum[i] > sum[best] ||
		    (sum[i] == sum[best] &&
			sk_vv_cmp(&vals[i], &vals[best]) < 0))
			best = i;
	for (size_t i = 0; i < n; i++)
		free(bags[i].h);
	free(bags);
	free(sum);
	return best;
}

/* ---- words ---- */

/* How many bytes must be changed, put in or left out; both are short. */
static uint64_t
edits(const struct sk_vv *x, const struct sk_vv *y)
{
	size_t row[WORD_MAX + 1];

	for (size_t j = 0; j <= y->canon_n; j++)
		row[j] = j;
	for (size_t i = 1; i <= x->canon_n; i++) {
		size_t corner = row[0];

		row[0] = i;
		for (size_t j = 1; j <= y->canon_n; j++) {
			size_t least =
			    corner + (x->canon[i - 1] != y->canon[j - 1]);

			if (row[j] + 1 < least)
				least = row[j] + 1;
			if (row[j - 1] + 1 < least)
				least = row[j - 1] + 1;
			corner = row[j];
			row[j] = least;
		}
	}
	return row[y->canon_n];
}

size_t
sk_word_medoid(const struct sk_vv *vals, const size_t *weights, size_t n)
{
	uint64_t least = 0;
	size_t best = n;

	for (size_t i = 0; i < n; i++)
		if (vals[i].v->type != SK_J_STR || vals[i].canon_n > WORD_MAX)
			return n;
	for (size_t i = 0; i < n; i++) {
		uint64_t sum = 0;

		for (size_t j = 0; j < n; j++) {
			size_t longer = vals[i].canon_n > vals[j].canon_n
			                    ? vals[i].canon_n
			                    : vals[j].canon_n;

			if (longer > 0)
				sum += edits(&vals[i], &vals[j]) * 1000000000u /
				       longer * weights[j];
		}
		if (best == n || sum < least ||
		    (sum == least && sk_vv_cmp(&vals[i], &vals[best]) < 0)) {
			best = i;
			least = sum;
		}
	}
	return best;
}

/* ---- what similarity does not see ---- */

static const char *const negations[] = { "not", "no", "never", "none", "cannot",
	"without", "neither", "nor" };

static bool
is_negation(const char *p, size_t n)
{
	char w[12];

	/* "don't", "isn't" */
	if (n > 2 && n < 12 && (p[n - 1] == 't' || p[n - 1] == 'T') &&
	    p[n - 2] == '\'')
		return true;
	if (n >= sizeof(w))
		return false;
	for (size_t i = 0; i < n; i++)
		w[i] = (char)(p[i] >= 'A' && p[i] <= 'Z' ? p[i] + 32 : p[i]);
	w[n] = '\0';
	for (size_t i = 0; i < SK_ARRAY_SIZE(negations); i++)
		if (strcmp(w, negations[i]) == 0)
			return true;
	return false;
}

/* "12 3.5": the numbers in their order; and how often something is denied. */
static size_t
facts(struct sk_buf *numbers, const char *p, size_t n)
{
	size_t denied = 0;

	for (size_t i = 0, from; i < n;) {
		from = i;
		if (p[i] >= '0' && p[i] <= '9') {
			while (i < n &&
			       ((p[i] >= '0' && p[i] <= '9') ||
				   (p[i] == '.' && i + 1 < n &&
				       p[i + 1] >= '0' && p[i + 1] <= '9')))
				i++;
			if (numbers->len > 0)
				sk_buf_ch(numbers, ' ');
			sk_buf_add(numbers, p + from, i - from);
		} else if (word_byte((unsigned char)p[i])) {
			while (i < n &&
			       (word_byte((unsigned char)p[i]) || p[i] == '\''))
				i++;
			denied += is_negation(p + from, i - from);
		} else {
			i++;
		}
	}
	return denied;
}

/* [{value, agents}], or NULL when all are equal. */
static struct sk_jv *
split(struct sk_vote *vt, struct sk_vv *v, size_t n)
{
	size_t first = 0;

	for (size_t i = 1; i < n; i++)
		first += v[i].canon_n == v[0].canon_n &&
		         memcmp(v[i].canon, v[0].canon, v[0].canon_n) == 0;
	return n < 2 || first == n - 1 ? NULL : sk_vote_values(vt, v, n);
}

void
sk_text_check(
    struct sk_vote *vt, struct sk_res *r, const struct sk_vv *vals, size_t n)
{
	struct sk_vv *num = sk_calloc(n + 1, sizeof(*num));
	struct sk_vv *neg = sk_calloc(n + 1, sizeof(*neg));
	struct sk_buf b;

	sk_buf_init(&b, 0);
	for (size_t i = 0; i < n; i++) {
		const char *s = vals[i].v->s;
		bool denied;

		if (vals[i].v->type != SK_J_STR)
			break;
		sk_buf_clear(&b);
		denied = facts(&b, s, vals[i].v->n) % 2 != 0;
		num[i].voter = neg[i].voter = vals[i].voter;
		num[i].v = sk_jnew_str(vt->a, b.p, b.len);
		num[i].canon = sk_arena_printf(vt->a, "\"%s", b.p);
		num[i].canon_n = b.len + 1;
		neg[i].v = sk_jnew_bool(vt->a, denied);
		neg[i].canon = denied ? "1" : "0";
		neg[i].canon_n = 1;
		if (i + 1 == n) {
			r->numbers = split(vt, num, n);
			r->negation = split(vt, neg, n);
		}
	}
	sk_buf_free(&b);
	free(num);
	free(neg);
}
