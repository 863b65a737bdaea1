/* SPDX-License-Identifier: MIT */
/*
 * One sealed message in a file:
 *
 *	"SKTS" | version | key kind | 0 0 | ops | mem KiB | salt[16] |
 *	key id[8] | nonce[24] | ciphertext
 *
 * Numbers are little endian. The whole header is authenticated with the
 * message (XChaCha20-Poly1305); the message is padded to 4 KiB, since lengths
 * tell tales.
 */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "auth/internal.h"

#define MAGIC "SKTS"
#define VERSION 1u
#define PAD 4096u
/* What a header may ask of Argon2id: not so little that the passphrase could
 * be guessed, not so much that the machine falls over. */
#define OPS_MIN 2u
#define OPS_MAX 16u
#define MEM_MIN_KIB (64u << 10)
#define MEM_MAX_KIB (1u << 20)

static void
put32(unsigned char *p, uint32_t v)
{
	for (unsigned i = 0; i < 4; i++)
		p[i] = (unsigned char)(v >> (8 * i));
}

static uint32_t
get32(const unsigned char *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	       (uint32_t)p[3] << 24;
}

static void
header_write(const struct auth_header *h, unsigned char out[AUTH_HEADER_LEN])
{
	memset(out, 0, AUTH_HEADER_LEN);
	memcpy(out, MAGIC, 4);
	out[4] = VERSION;
	out[5] = h->kind;
	put32(out + 8, h->ops);
	put32(out + 12, h->mem_kib);
	memcpy(out + 16, h->salt, 16);
	memcpy(out + 32, h->key_id, 8);
	memcpy(out + 40, h->nonce, 24);
}

int
auth_header_read(const char *p, size_t n, struct auth_header *h,
    const char *what, struct sk_err *err)
{
	unsigned char b[AUTH_HEADER_LEN];

	if (n < 4 || memcmp(p, MAGIC, 4) != 0) {
		(void)sk_fail(err, SK_DAMAGED,
		    n == 0 ? "store_empty" : "store_foreign",
		    n == 0 ? "'%s' is empty" : "'%s' is not a token file",
		    what);
		return sk_hint(err, "it is left as it is; move it away and "
				    "log in again");
	}
	if (n < AUTH_HEADER_LEN + crypto_aead_xchacha20poly1305_ietf_ABYTES) {
		(void)sk_fail(
		    err, SK_DAMAGED, "store_torn", "'%s' is cut off", what);
		return sk_hint(err, "it is left as it is; move it away and "
				    "log in again");
	}
	memcpy(b, p, sizeof(b));
	if (b[4] > VERSION) {
		(void)sk_fail(err, SK_NEWER, "store_newer",
		    "'%s' has version %u, this build reads %u", what, b[4],
		    VERSION);
		return sk_hint(err, "use the newer sk-login");
	}
	memset(h, 0, sizeof(*h));
	h->kind = b[5];
	h->ops = get32(b + 8);
	h->mem_kib = get32(b + 12);
	memcpy(h->salt, b + 16, 16);
	memcpy(h->key_id, b + 32, 8);
	memcpy(h->nonce, b + 40, 24);
	if (b[4] == 0 || h->kind >= AUTH_KEY_KINDS || b[6] != 0 || b[7] != 0 ||
	    (h->kind == AUTH_KEY_PASS &&
		(h->ops < OPS_MIN || h->ops > OPS_MAX ||
		    h->mem_kib < MEM_MIN_KIB || h->mem_kib > MEM_MAX_KIB)))
		return sk_fail(err, SK_DAMAGED, "store_header",
		    "the header of '%s' is damaged", what);
	return 0;
}

void
auth_key_id(const unsigned char *key, unsigned char id[8])
{
	unsigned char full[crypto_generichash_BYTES_MIN];
	static const char text[] = "sk-login key id";

	(void)crypto_generichash(full, sizeof(full),
	    (const unsigned char *)text, sizeof(text) - 1, key, AUTH_KEY_LEN);
	memcpy(id, full, 8);
}

void
auth_seal(struct auth_header *h, const unsigned char *key, const char *p,
    size_t n, struct sk_buf *out)
{
	unsigned char head[AUTH_HEADER_LEN];
	unsigned long long len;
	size_t padded = n / PAD * PAD + PAD;
	struct sk_buf plain;

	auth_key_id(key, h->key_id);
	sk_random(h->nonce, sizeof(h->nonce));
	header_write(h, head);
	auth_buf(&plain, padded);
	sk_buf_add(&plain, p, n);
	if (!sk_buf_room(&plain, padded - n) ||
	    sodium_pad(&padded, (unsigned char *)plain.p, n, PAD, plain.cap) !=
		0)
		sk_bug("padding %zu bytes", n);
	sk_buf_add(out, head, sizeof(head));
	if (!sk_buf_room(
		out, padded + crypto_aead_xchacha20poly1305_ietf_ABYTES))
		sk_bug("no room to seal %zu bytes", n);
	(void)crypto_aead_xchacha20poly1305_ietf_encrypt(
	    (unsigned char *)out->p + out->len, &len,
	    (const unsigned char *)plain.p, padded, head, sizeof(head), NULL,
	    h->nonce, key);
	out->len += (size_t)len;
	sk_auth_wipe(&plain);
}

/* The length before the padding: what it says was authenticated, so there is
 * nothing to hide in the time that this takes. */
static bool
unpad(const char *p, size_t n, size_t *out)
{
	size_t i = n;

	while (i > 0 && n - i < PAD && p[i - 1] == '\0')
		i--;
	if (n == 0 || n % PAD != 0 || i == 0 || n - i >= PAD ||
	    (unsigned char)p[i - 1] != 0x80)
		return false;
	*out = i - 1;
	return true;
}

int
auth_unseal(const struct auth_header *h, const unsigned char *key,
    const char *p, size_t n, const char *what, struct sk_buf *out,
    struct sk_err *err)
{
	unsigned char head[AUTH_HEADER_LEN];
	unsigned long long len = 0;
	size_t plain = 0;

	if ((n - AUTH_HEADER_LEN - crypto_aead_xchacha20poly1305_ietf_ABYTES) %
		PAD !=
	    0) {
		(void)sk_fail(err, SK_DAMAGED, "store_length",
		    "'%s' is cut off or was added to: it has %zu bytes", what,
		    n);
		return sk_hint(err, "it is left as it is; move it away and "
				    "log in again");
	}
	header_write(h, head);
	if (!sk_buf_room(out, n) ||
	    crypto_aead_xchacha20poly1305_ietf_decrypt((unsigned char *)out->p,
		&len, NULL, (const unsigned char *)p + AUTH_HEADER_LEN,
		n - AUTH_HEADER_LEN, head, sizeof(head), h->nonce, key) != 0 ||
	    !unpad(out->p, (size_t)len, &plain)) {
		(void)sk_fail(err, SK_DAMAGED, "store_damaged",
		    "'%s' is damaged: it does not open with its key", what);
		return sk_hint(err, "it is left as it is; move it away and "
				    "log in again");
	}
	out->len = plain;
	out->p[plain] = '\0';
	return 0;
}
