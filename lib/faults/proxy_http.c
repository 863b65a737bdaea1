/* SPDX-License-Identifier: MIT */
/* HTTP requests as the proxy takes them: bounded, and strict where a mistake
 * would let two sides see two requests. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "faults/proxy.h"

/* Of one hop, or ours to say. */
static const char *const dropped[] = { "connection", "proxy-connection",
	"keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "host",
	"content-length", "accept-encoding", "expect", "http2-settings",
	"proxy-authorization", NULL };

const char *
sk_proxy_reason(int status)
{
	static const struct {
		int status;
		const char *reason;
	} reasons[] = { { 200, "OK" }, { 400, "Bad Request" },
		{ 401, "Unauthorized" }, { 403, "Forbidden" },
		{ 404, "Not Found" }, { 405, "Method Not Allowed" },
		{ 408, "Request Timeout" }, { 413, "Content Too Large" },
		{ 429, "Too Many Requests" },
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" }, { 502, "Bad Gateway" },
		{ 503, "Service Unavailable" }, { 504, "Gateway Timeout" },
		{ 529, "Overloaded" } };

	for (size_t i = 0; i < SK_ARRAY_SIZE(reasons); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "Status";
}

void
sk_proxy_date(int64_t ms, char out[40])
{
	static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu",
		"Fri", "Sat" };
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May",
		"Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	time_t t = (time_t)(ms / 1000);
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL)
		memset(&tm, 0, sizeof(tm));
	(void)snprintf(out, 40, "%s, %02d %s %d %02d:%02d:%02d GMT",
	    days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900,
	    tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* ---- the head ---- */

static int
request_line(struct sk_proxy_req *q, const char *line)
{
	const char *sp = strchr(line, ' '), *end;
	size_t n = sp != NULL ? (size_t)(sp - line) : 0;

	if (n == 0 || n >= sizeof(q->method) ||
	    strspn(line, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != n)
		return 400;
	memcpy(q->method, line, n);
	q->method[n] = '\0';
	end = strchr(sp + 1, ' ');
	if (end == NULL || strncmp(end + 1, "HTTP/1.", 7) != 0)
		return 400;
	/* It stands before one server; it is nobody's way to others. */
	if (strcmp(q->method, "CONNECT") == 0)
		return 405;
	if (sp[1] != '/')
		return 400;
	for (const char *p = sp + 1; p < end; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f)
			return 400;
	q->target = sk_strndup(sp + 1, (size_t)(end - sp - 1));
	return 0;
}

static int
header(struct sk_proxy_req *q, const char *line)
{
	const char *colon = strchr(line, ':'), *value;
	size_t n = colon != NULL ? (size_t)(colon - line) : 0;
	char *whole;

	if (n == 0 || line[0] == ' ' || line[0] == '\t' ||
	    memchr(line, ' ', n) != NULL || !sk_net_value_ok(line))
		return 400;
	value = colon + 1 + strspn(colon + 1, " \t");
	if (strncasecmp(line, "content-length:", n + 1) == 0) {
		if (q->length != 0 ||
		    !sk_parse_int(value, 0, INT64_MAX, &q->length))
			return 400;
		return q->length > (int64_t)SK_PROXY_BODY ? 413 : 0;
	}
	if (strncasecmp(line, "transfer-encoding:", n + 1) == 0) {
		if (strcasecmp(value, "chunked") != 0 || q->length != 0)
			return 400;
		q->length = -1;
		return 0;
	}
	if (strncasecmp(line, "expect:", n + 1) == 0)
		q->expect = true;
	for (size_t i = 0; dropped[i] != NULL; i++)
		if (strlen(dropped[i]) == n &&
		    strncasecmp(line, dropped[i], n) == 0)
			return 0;
	/* (A line without a value means something else to libcurl.) */
	whole = *value != '\0' ? sk_asprintf("%.*s: %s", (int)n, line, value)
	                       : sk_asprintf("%.*s;", (int)n, line);
	sk_strv_add(&q->headers, whole);
	free(whole);
	return 0;
}

/* What a client did not say must not be said for it. */
static void
silence(struct sk_proxy_req *q, const char *name)
{
	size_t n = strlen(name);
	char *whole;

	for (size_t i = 0; i < q->headers.n; i++)
		if (strncasecmp(q->headers.v[i], name, n) == 0 &&
		    (q->headers.v[i][n] == ':' || q->headers.v[i][n] == ';'))
			return;
	whole = sk_asprintf("%s:", name);
	sk_strv_add(&q->headers, whole);
	free(whole);
}

static int
head(struct sk_proxy_req *q, const struct sk_buf *in)
{
	const char *end = memmem(in->p, in->len, "\r\n\r\n", 4);
	char *text, *line, *next;
	int rc = 0;

	if (end == NULL)
		return in->len > SK_PROXY_HEAD ? 431 : 0;
	text = sk_strndup(in->p, (size_t)(end - in->p));
	if (strlen(text) != (size_t)(end - in->p))
		rc = 400; /* a NUL */
	for (line = text; rc == 0 && line != NULL; line = next) {
		if ((next = strstr(line, "\r\n")) != NULL) {
			*next = '\0';
			next += 2;
		}
		rc = line == text ? request_line(q, line) : header(q, line);
	}
	free(text);
	if (rc == 0) {
		q->head = (size_t)(end + 4 - in->p);
		silence(q, "Content-Type");
		silence(q, "User-Agent");
		silence(q, "Accept");
	}
	return rc;
}

/* ---- the body ---- */

/* All chunks, from the beginning of the body: it is small and rare. */
static int
chunks(struct sk_proxy_req *q, const char *p, size_t n)
{
	size_t i = 0;

	sk_buf_free(&q->body);
	sk_buf_init(&q->body, SK_PROXY_BODY);
	while (i < n) {
		const char *nl = memmem(p + i, n - i, "\r\n", 2);
		size_t k = 0, digits;

		if (nl == NULL)
			return n - i > 64 ? 400 : 0;
		for (digits = 0; digits < 8; digits++) {
			static const char hex[] = "0123456789abcdef";
			char c = (char)(p[i + digits] | 0x20);
			const char *h = c > ' ' ? strchr(hex, c) : NULL;

			if (h == NULL)
				break;
			k = k * 16 + (size_t)(h - hex);
		}
		if (digits == 0)
			return 400;
		i = (size_t)(nl - p) + 2;
		if (k == 0) /* trailers are dropped */
			return n - i >= 2 && memmem(p + i - 2, n - i + 2,
						 "\r\n\r\n", 4) != NULL;
		if (k + 2 > n - i)
			return k > SK_PROXY_BODY ? 413 : 0;
		sk_buf_add(&q->body, p + i, k);
		if (q->body.full)
			return 413;
		if (memcmp(p + i + k, "\r\n", 2) != 0)
			return 400;
		i += k + 2;
	}
	return 0;
}

int
sk_proxy_read(struct sk_proxy_req *q, const struct sk_buf *in)
{
	int rc;

	if (q->head == 0 && (rc = head(q, in)) != 0)
		return rc;
	if (q->head == 0)
		return 0;
	if (q->length < 0)
		return chunks(q, in->p + q->head, in->len - q->head);
	if (in->len - q->head < (size_t)q->length)
		return 0;
	sk_buf_free(&q->body);
	sk_buf_init(&q->body, SK_PROXY_BODY + 1);
	sk_buf_add(&q->body, in->p + q->head, (size_t)q->length);
	return 1;
}

void
sk_proxy_req_free(struct sk_proxy_req *q)
{
	/* Keys are in the headers, and may be in the target. */
	for (size_t i = 0; i < q->headers.n; i++)
		explicit_bzero(q->headers.v[i], strlen(q->headers.v[i]));
	sk_strv_free(&q->headers);
	if (q->target != NULL)
		explicit_bzero(q->target, strlen(q->target));
	free(q->target);
	if (q->body.p != NULL)
		sk_buf_free(&q->body);
	memset(q, 0, sizeof(*q));
}
