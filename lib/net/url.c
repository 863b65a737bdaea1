/* SPDX-License-Identifier: MIT */
/* URLs: what may be asked, and the origin that a secret is bound to. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "net/internal.h"

#define URL_MAX 4096

/* What a URL must not show when it is named in a message: user, query. */
static void
shown(const char *url, char out[120])
{
	const char *at = strchr(url, '@'), *p = url;
	size_t n;

	if (at != NULL)
		p = at + 1;
	n = strcspn(p, "?#");
	snprintf(out, 120, "%.*s", n < 119 ? (int)n : 119, p);
}

static int
bad(struct sk_err *err, const char *url, const char *why)
{
	char s[120];

	shown(url, s);
	return sk_fail(err, SK_USAGE, "bad_url", "bad URL '%s': %s", s, why);
}

static bool
is_loopback(const char *host)
{
	struct in_addr a4;
	struct in6_addr a6;

	if (inet_pton(AF_INET, host, &a4) == 1)
		return ntohl(a4.s_addr) >> 24 == 127;
	if (inet_pton(AF_INET6, host, &a6) == 1)
		return IN6_IS_ADDR_LOOPBACK(&a6);
	return strcmp(host, "localhost") == 0;
}

/* Memory that libcurl could not have says nothing about the URL. */
static bool
done(CURLUcode rc)
{
	if (rc == CURLUE_OUT_OF_MEMORY)
		sk_oom();
	return rc == CURLUE_OK;
}

static int
part(CURLU *u, CURLUPart what, unsigned flags, char *out, size_t cap)
{
	char *s = NULL;
	int rc = 0;

	if (!done(curl_url_get(u, what, &s, flags)))
		return -1;
	if ((size_t)snprintf(out, cap, "%s", s) >= cap)
		rc = -1;
	curl_free(s);
	return rc;
}

static bool
has(CURLU *u, CURLUPart what)
{
	char *s = NULL;
	bool yes = done(curl_url_get(u, what, &s, 0));

	curl_free(s);
	return yes;
}

static int
judge(CURLU *u, const char *url, struct sk_net_url *out, struct sk_err *err)
{
	char scheme[16], port[8];
	size_t n;
	bool six;

	if (part(u, CURLUPART_SCHEME, 0, scheme, sizeof(scheme)) != 0 ||
	    part(u, CURLUPART_HOST, 0, out->host, sizeof(out->host)) != 0 ||
	    part(u, CURLUPART_PORT, CURLU_DEFAULT_PORT, port, sizeof(port)) !=
		0)
		return bad(err, url, "no scheme, host or port in it");
	if (has(u, CURLUPART_USER) || has(u, CURLUPART_PASSWORD))
		return bad(err, url,
		    "a name or password in a URL ends in logs; set the key");
	n = strlen(out->host);
	if (n > 2 && out->host[0] == '[') { /* an IPv6 literal */
		memmove(out->host, out->host + 1, n - 2);
		out->host[n - 2] = '\0';
	}
	for (char *p = out->host; *p != '\0'; p++) {
		if ((unsigned char)*p <= ' ' || (unsigned char)*p >= 0x7f)
			return bad(err, url, "the host is not plain ASCII");
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	}
	out->tls = strcmp(scheme, "https") == 0;
	out->loopback = is_loopback(out->host);
	if (!out->tls && strcmp(scheme, "http") != 0)
		return bad(err, url, "only https is spoken");
	if (!out->tls && !out->loopback) {
		(void)sk_fail(err, SK_USAGE, "insecure_url",
		    "'%s' is asked over http, which anybody on the way can "
		    "read",
		    out->host);
		return sk_hint(err,
		    "use https; http is for this machine only (127.0.0.1, ::1, "
		    "localhost)");
	}
	six = strchr(out->host, ':') != NULL;
	if ((size_t)snprintf(out->origin, sizeof(out->origin), "%s://%s%s%s:%s",
		scheme, six ? "[" : "", out->host, six ? "]" : "",
		port) >= sizeof(out->origin))
		return bad(err, url, "the host is too long");
	return 0;
}

int
sk_net_url(const char *url, struct sk_net_url *out, struct sk_err *err)
{
	CURLU *u;
	int rc;

	memset(out, 0, sizeof(*out));
	if (strlen(url) > URL_MAX)
		return bad(err, "...", "it is too long");
	for (const char *p = url; *p != '\0'; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f || *p == '\\')
			return bad(err, url, "it holds a blank or worse");
	rc = sk_curl_load(err);
	if (rc != 0)
		return rc;
	u = curl_url();
	if (u == NULL)
		sk_oom();
	if (!done(
		curl_url_set(u, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME)))
		rc = bad(err, url, "not of the form https://host/path");
	else
		rc = judge(u, url, out, err);
	curl_url_cleanup(u);
	return rc;
}

bool
sk_net_value_ok(const char *s)
{
	for (; *s != '\0'; s++)
		if (((unsigned char)*s < ' ' && *s != '\t') || *s == 0x7f)
			return false;
	return true;
}

void
sk_net_escape(struct sk_buf *b, const char *s)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz"
				    "0123456789-._~/";

	for (; *s != '\0'; s++)
		if (strchr(plain, *s) != NULL)
			sk_buf_ch(b, *s);
		else
			sk_buf_printf(b, "%%%02X", (unsigned char)*s);
}
