/* SPDX-License-Identifier: MIT */
/* What went wrong, in our words: each cause has a code of its own. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "net/internal.h"

void
sk_net_result_set(struct sk_net_result *r, enum sk_net_class class,
    const char *code, const char *fmt, ...)
{
	va_list ap;

	r->class = class;
	snprintf(r->code, sizeof(r->code), "%s", code);
	va_start(ap, fmt);
	(void)vsnprintf(r->message, sizeof(r->message), fmt, ap);
	va_end(ap);
}

/* ---- certificates ---- */

/* Numbers of OpenSSL's X509_V_ERR_*, which libcurl hands through. */
static const struct {
	long verify;
	const char *code, *what;
} certs[] = {
	{ 9, "tls_not_yet_valid", "is not valid yet" },
	{ 10, "tls_expired", "has expired" },
	{ 18, "tls_self_signed", "is self-signed" },
	{ 19, "tls_self_signed", "has a self-signed root that is not trusted" },
	{ 2, "tls_unknown_issuer", "is of an issuer that is not known" },
	{ 20, "tls_unknown_issuer", "is of an issuer that is not known" },
	{ 21, "tls_unknown_issuer", "has no chain to an issuer that is known" },
	{ 23, "tls_revoked", "has been revoked" },
	{ 3, "tls_no_crl", "is not covered by the list of revoked ones" },
	{ 12, "tls_no_crl", "is covered by an expired list of revoked ones" },
	{ 62, "tls_wrong_host", "is for another host" },
	{ 64, "tls_wrong_host", "is for another address" },
	{ 66, "tls_weak_key", "has a key that is too weak" },
	{ 67, "tls_weak_key", "is of an issuer whose key is too weak" },
	{ 68, "tls_weak_key", "is signed with a hash that is too weak" },
};

static void
certificate(const struct sk_net_call *c, struct sk_net_result *r)
{
	long v = 0;

	(void)curl_easy_getinfo(c->easy, CURLINFO_SSL_VERIFYRESULT, &v);
	for (size_t i = 0; i < SK_ARRAY_SIZE(certs); i++)
		if (certs[i].verify == v) {
			sk_net_result_set(r, SK_NET_REFUSED, certs[i].code,
			    "the certificate of '%s' %s", c->url.host,
			    certs[i].what);
			return;
		}
	/* Names are compared by curl itself, before it asks for a verdict. */
	if (v == 0 || strcasestr(c->errbuf, "subject name") != NULL)
		sk_net_result_set(r, SK_NET_REFUSED, "tls_wrong_host",
		    "the certificate of '%s' is for another host", c->url.host);
	else
		sk_net_result_set(r, SK_NET_REFUSED, "tls_untrusted",
		    "the certificate of '%s' is not trusted (%ld)", c->url.host,
		    v);
}

static bool
says(const struct sk_net_call *c, const char *word)
{
	return strcasestr(c->errbuf, word) != NULL;
}

static void
handshake(const struct sk_net_call *c, struct sk_net_result *r)
{
	const char *host = c->url.host;

	if (says(c, "key too small") || says(c, "md too weak") ||
	    says(c, "key too weak"))
		sk_net_result_set(r, SK_NET_REFUSED, "tls_weak_key",
		    "the certificate of '%s' has a key or hash that is too "
		    "weak",
		    host);
	else if (says(c, "version") || says(c, "unsupported protocol"))
		sk_net_result_set(r, SK_NET_REFUSED, "tls_version",
		    "'%s' speaks no TLS of version 1.2 or newer", host);
	else if (says(c, "wrong version number") || says(c, "http request"))
		sk_net_result_set(r, SK_NET_REFUSED, "tls_not_spoken",
		    "'%s' does not speak TLS there", host);
	else
		sk_net_result_set(r, SK_NET_UNREACHABLE, "tls_failed",
		    "no TLS connection to '%s': %s", host,
		    c->errbuf[0] != '\0' ? c->errbuf : "handshake failed");
}

/* ---- connections ---- */

static void
no_connection(const struct sk_net_call *c, struct sk_net_result *r)
{
	long os = 0;

	(void)curl_easy_getinfo(c->easy, CURLINFO_OS_ERRNO, &os);
	if (c->address_refused)
		sk_net_result_set(r, SK_NET_REFUSED, "address_refused",
		    "the name '%s' leads to an address that it must not have",
		    c->url.host);
	else
		sk_net_result_set(r, SK_NET_UNREACHABLE, "connect_failed",
		    "cannot connect to '%s': %s", c->url.host,
		    os != 0 ? strerror((int)os) : "no address answers");
}

static void
timed_out(const struct sk_net_call *c, struct sk_net_result *r)
{
	double connected = 0;

	(void)curl_easy_getinfo(c->easy, CURLINFO_PRETRANSFER_TIME, &connected);
	if (connected > 0)
		sk_net_result_set(r, SK_NET_TOTAL, "total_timeout",
		    "'%s' was not done in time", c->url.host);
	else
		sk_net_result_set(r, SK_NET_UNREACHABLE, "connect_timeout",
		    "no connection to '%s' in time", c->url.host);
}

/* The connection went away in the middle of something. */
static void
lost(const struct sk_net_call *c, CURLcode code, struct sk_net_result *r)
{
	long os = 0, tunnel = 0;

	(void)curl_easy_getinfo(c->easy, CURLINFO_OS_ERRNO, &os);
	(void)curl_easy_getinfo(c->easy, CURLINFO_HTTP_CONNECTCODE, &tunnel);
	if (c->proxied && tunnel >= 300)
		sk_net_result_set(r, SK_NET_UNREACHABLE, "proxy",
		    "the proxy makes no tunnel to '%s': status %ld%s",
		    c->url.host, tunnel,
		    tunnel == 407 ? ", it wants a user and a password" : "");
	else if (says(c, "chunk"))
		sk_net_result_set(r, SK_NET_BROKEN, "bad_chunk",
		    "'%s' sent chunks that are none", c->url.host);
	else if (code == CURLE_PARTIAL_FILE &&
		 sk_net_field(&c->head, "transfer-encoding") != NULL)
		sk_net_result_set(r, SK_NET_CUT, "cut_chunk",
		    "'%s' closed the connection before its last chunk",
		    c->url.host);
	else if (code == CURLE_PARTIAL_FILE || says(c, "unexpected eof"))
		sk_net_result_set(r, SK_NET_CUT, "cut_short",
		    "'%s' closed the connection in the middle of its answer",
		    c->url.host);
	else if (code == CURLE_GOT_NOTHING)
		sk_net_result_set(r, SK_NET_UNREACHABLE, "closed",
		    "'%s' closed the connection without an answer",
		    c->url.host);
	else if (c->head.status != 0)
		sk_net_result_set(r, SK_NET_UNREACHABLE, "cut_reset",
		    "the connection to '%s' was lost in the middle of its "
		    "answer%s%s",
		    c->url.host, os != 0 ? ": " : "",
		    os != 0 ? strerror((int)os) : "");
	else
		sk_net_result_set(r, SK_NET_UNREACHABLE, "reset",
		    "the connection to '%s' was lost%s%s", c->url.host,
		    os != 0 ? ": " : "", os != 0 ? strerror((int)os) : "");
}

void
sk_net_fault(
    const struct sk_net_call *c, CURLcode code, struct sk_net_result *r)
{
	const char *host = c->url.host;

	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
		sk_net_result_set(r, SK_NET_UNREACHABLE, "dns",
		    "no address is known for '%s'", host);
		break;
	case CURLE_COULDNT_RESOLVE_PROXY:
		sk_net_result_set(r, SK_NET_UNREACHABLE, "proxy",
		    "no address is known for the proxy to '%s'", host);
		break;
	case CURLE_PROXY:
		sk_net_result_set(r, SK_NET_UNREACHABLE, "proxy",
		    "the proxy does not lead to '%s'", host);
		break;
	case CURLE_COULDNT_CONNECT:
		no_connection(c, r);
		break;
	case CURLE_OPERATION_TIMEDOUT:
		timed_out(c, r);
		break;
	case CURLE_PEER_FAILED_VERIFICATION:
		certificate(c, r);
		break;
	case CURLE_SSL_CONNECT_ERROR:
		handshake(c, r);
		break;
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CRL_BADFILE:
		sk_net_result_set(r, SK_NET_USAGE, "bad_ca_file",
		    "the file of trusted or revoked certificates is not "
		    "usable");
		break;
	case CURLE_PARTIAL_FILE:
	case CURLE_GOT_NOTHING:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
		lost(c, code, r);
		break;
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_UNSUPPORTED_PROTOCOL: /* HTTP/0.9 */
		if (says(c, "nul byte"))
			sk_net_result_set(r, SK_NET_BROKEN, "header_nul",
			    "'%s' sends a header with a NUL byte in it", host);
		else
			sk_net_result_set(r, SK_NET_BROKEN, "not_http",
			    "what '%s' sends begins without a status line",
			    host);
		break;
	case CURLE_BAD_CONTENT_ENCODING:
		sk_net_result_set(r, SK_NET_BROKEN, "bad_http",
		    "what '%s' sends is not HTTP", host);
		break;
	case CURLE_OUT_OF_MEMORY: /* a header line above curl's own limit */
		sk_net_result_set(r, SK_NET_TOO_LARGE, "header_too_large",
		    "'%s' sends a header without end", host);
		break;
	default:
		sk_net_result_set(r, SK_NET_BROKEN, "network",
		    "the exchange with '%s' failed: %s", host,
		    curl_easy_strerror(code));
	}
}
