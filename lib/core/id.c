/* SPDX-License-Identifier: MIT */
/* Random ids and SHA-256. */
#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <sys/random.h>

#include "core/core.h"

_Static_assert(sizeof(crypto_hash_sha256_state) <=
		   sizeof(((struct sk_sha256_st *)0)->opaque),
    "sha256 state does not fit");

void
sk_random(void *p, size_t n)
{
	unsigned char *q = p;
	ssize_t r;

	while (n > 0) {
		r = getrandom(q, n, 0);
		if (r < 0) {
			if (errno == EINTR)
				continue;
			sk_bug("getrandom: %s", strerror(errno));
		}
		q += r;
		n -= (size_t)r;
	}
}

void
sk_id_new(char out[SK_ID_LEN])
{
	/* Crockford's alphabet: no i, l, o, u to misread or to spell with. */
	static const char abc[] = "0123456789abcdefghjkmnpqrstvwxyz";
	unsigned char r[17] = { 0 };
	unsigned bit, v;

	sk_random(r, 16);
	for (size_t i = 0; i < SK_ID_LEN - 1; i++) {
		bit = (unsigned)i * 5;
		v = (unsigned)r[bit / 8] << 8 | r[bit / 8 + 1];
		out[i] = abc[v >> (11 - bit % 8) & 31];
	}
	out[SK_ID_LEN - 1] = '\0';
}

static void
hex(const unsigned char *p, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[p[i] >> 4];
		out[2 * i + 1] = digits[p[i] & 15];
	}
	out[2 * n] = '\0';
}

void
sk_hex32_new(char out[SK_HEX32_LEN])
{
	unsigned char r[16];

	sk_random(r, sizeof(r));
	hex(r, sizeof(r), out);
}

void
sk_sha256(const void *p, size_t n, char out[SK_SHA256_LEN])
{
	unsigned char h[crypto_hash_sha256_BYTES];

	(void)crypto_hash_sha256(h, p, n);
	hex(h, sizeof(h), out);
}

void
sk_sha256_init(struct sk_sha256_st *st)
{
	(void)crypto_hash_sha256_init((void *)st->opaque);
}

void
sk_sha256_add(struct sk_sha256_st *st, const void *p, size_t n)
{
	(void)crypto_hash_sha256_update((void *)st->opaque, p, n);
}

void
sk_sha256_end(struct sk_sha256_st *st, char out[SK_SHA256_LEN])
{
	unsigned char h[crypto_hash_sha256_BYTES];

	(void)crypto_hash_sha256_final((void *)st->opaque, h);
	hex(h, sizeof(h), out);
}
