/* SPDX-License-Identifier: MIT */
/* URLs as this room needs them: origins compared exactly, forms. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "auth/internal.h"

#define URL_MAX 2048u

static const struct auth_why has_user = { "url_user", "has a user name" };
static const struct auth_why no_host = { "url_host", "has no host" };
static const struct auth_why bad_host = { "url_host_bytes",
	"has a host with strange letters" };
static const struct auth_why bad_port = { "url_port", "has a bad port" };
static const struct auth_why too_long = { "url_too_long", "is too long" };
static const struct auth_why bad_bytes = { "url_bytes",
	"has bytes that no URL has" };
static const struct auth_why bad_scheme = { "url_scheme",
	"is not http or https" };

/* The host and port after "scheme://"; rest is where the path begins. */
static const char *
authority(struct auth_url *u, const char *s, const struct auth_why **why)
{
	const char *end = s + strcspn(s, "/?#"), *colon, *host_end;
	int64_t port = u->https ? 443 : 80;
	char text[8];
	size_t n;

	if (memchr(s, '@', (size_t)(end - s)) != NULL) {
		*why = &has_user;
		return NULL;
	}
	if (s[0] == '[') {
		host_end = memchr(s, ']', (size_t)(end - s));
		if (host_end == NULL) {
			*why = &no_host;
			return NULL;
		}
		host_end++;
	} else {
		host_end = s + strcspn(s, ":/?#");
	}
	colon = host_end;
	n = (size_t)(host_end - s);
	if (n == 0 || n >= sizeof(u->host) || (colon < end && *colon != ':')) {
		*why = &no_host;
		return NULL;
	}
	for (size_t i = 0; i < n; i++) {
		char c = s[i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if (strchr("abcdefghijklmnopqrstuvwxyz0123456789.-:[]", c) ==
		    NULL) {
			*why = &bad_host;
			return NULL;
		}
		u->host[i] = c;
	}
	u->host[n] = '\0';
	if (colon < end) {
		n = (size_t)(end - colon - 1);
		if (n == 0 || n >= sizeof(text)) {
			*why = &bad_port;
			return NULL;
		}
		memcpy(text, colon + 1, n);
		text[n] = '\0';
		if (!sk_parse_int(text, 1, 65535, &port)) {
			*why = &bad_port;
			return NULL;
		}
	}
	u->port = (int)port;
	return end;
}

static bool
is_loopback(const char *host)
{
	int64_t part;
	char text[4];
	size_t n, dots = 0;

	if (sk_streq(host, "localhost") || sk_streq(host, "[::1]"))
		return true;
	if (!sk_has_prefix(host, "127."))
		return false;
	/* "127.0.0.1.example.com" begins so too. */
	while (*host != '\0') {
		n = strcspn(host, ".");
		if (n == 0 || n >= sizeof(text))
			return false;
		memcpy(text, host, n);
		text[n] = '\0';
		if (!sk_parse_int(text, 0, 255, &part))
			return false;
		host += n;
		if (*host == '.') {
			dots++;
			host++;
			if (*host == '\0')
				return false;
		}
	}
	return dots == 3;
}

bool
auth_url_parse(const char *s, struct auth_url *u, const struct auth_why **why)
{
	const char *rest;

	memset(u, 0, sizeof(*u));
	if (strlen(s) > URL_MAX) {
		*why = &too_long;
		return false;
	}
	for (const char *c = s; *c != '\0'; c++)
		if (*c <= ' ' || *c >= 0x7f || strchr("\"<>\\^`{|}", *c)) {
			*why = &bad_bytes;
			return false;
		}
	if (strncasecmp(s, "https://", 8) == 0) {
		u->https = true;
		rest = authority(u, s + 8, why);
	} else if (strncasecmp(s, "http://", 7) == 0) {
		rest = authority(u, s + 7, why);
	} else {
		*why = &bad_scheme;
		return false;
	}
	if (rest == NULL)
		return false;
	u->loopback = is_loopback(u->host);
	if (u->port == (u->https ? 443 : 80))
		(void)snprintf(u->origin, sizeof(u->origin), "%s://%s",
		    u->https ? "https" : "http", u->host);
	else
		(void)snprintf(u->origin, sizeof(u->origin), "%s://%s:%d",
		    u->https ? "https" : "http", u->host, u->port);
	return true;
}

int
auth_url_check(
    const char *what, const char *s, struct auth_url *u, struct sk_err *err)
{
	const struct auth_why *why = NULL;

	if (!auth_url_parse(s, u, &why))
		return sk_fail(err, SK_USAGE, "bad_url",
		    "the %s address '%.200s' %s", what, s, why->text);
	if (!u->https && !u->loopback)
		return sk_fail(err, SK_USAGE, "insecure_url",
		    "the %s address '%.200s' is not https", what, s);
	return 0;
}

/* ---- forms ---- */

void
auth_pct(struct sk_buf *b, const char *s, size_t n)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c >= '0' && c <= '9') ||
		    (c != '\0' && strchr("-._~", c) != NULL)) {
			sk_buf_ch(b, (char)c);
		} else {
			sk_buf_ch(b, '%');
			sk_buf_ch(b, hex[c >> 4]);
			sk_buf_ch(b, hex[c & 15]);
		}
	}
}

void
auth_form_add(struct sk_buf *b, const char *key, const char *value)
{
	if (b->len > 0)
		sk_buf_ch(b, '&');
	auth_pct(b, key, strlen(key));
	sk_buf_ch(b, '=');
	auth_pct(b, value, strlen(value));
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Decodes in place of a new string; NULL when it is no form text. */
static char *
form_text(struct sk_arena *a, const char *p, size_t n, size_t *len)
{
	char *out = sk_arena_alloc(a, n + 1);
	size_t o = 0;

	for (size_t i = 0; i < n; i++) {
		if (p[i] == '+') {
			out[o++] = ' ';
		} else if (p[i] == '%') {
			int hi = i + 2 < n ? hex_digit(p[i + 1]) : -1;
			int lo = hi >= 0 ? hex_digit(p[i + 2]) : -1;

			if (lo < 0)
				return NULL;
			out[o++] = (char)(hi << 4 | lo);
			i += 2;
		} else if ((unsigned char)p[i] <= ' ' || p[i] == '<' ||
			   p[i] == '{') {
			return NULL;
		} else {
			out[o++] = p[i];
		}
	}
	*len = o;
	return out;
}

bool
auth_form_parse(struct sk_arena *a, const char *p, size_t n, struct sk_jv **out)
{
	struct sk_jv *o = sk_jnew(a, SK_J_OBJ);
	size_t klen, vlen;
	char *k, *v;

	while (n > 0 && (p[n - 1] == '\n' || p[n - 1] == '\r'))
		n--;
	for (size_t i = 0; i < n;) {
		const char *end = memchr(p + i, '&', n - i), *eq;
		size_t len = end != NULL ? (size_t)(end - p) - i : n - i;

		eq = memchr(p + i, '=', len);
		if (eq == NULL || eq == p + i || sk_jlen(o) >= 64)
			return false;
		k = form_text(a, p + i, (size_t)(eq - p) - i, &klen);
		v = form_text(
		    a, eq + 1, len - ((size_t)(eq - p) - i) - 1, &vlen);
		if (k == NULL || v == NULL || sk_jgetn(o, k, klen) != NULL ||
		    !sk_utf8_ok(v, vlen))
			return false;
		sk_jsetn(a, o, k, klen, sk_jnew_str(a, v, vlen));
		i += len + 1;
	}
	*out = o;
	return sk_jlen(o) > 0;
}
