/* SPDX-License-Identifier: MIT */
/* Event streams: every split position gives the same events. */
#include <stdlib.h>

#include "net/net.h"
#include "tap.h"

static struct sk_buf seen;

static bool
on_event(void *arg, const char *name, const char *data, size_t n)
{
	int *stop_at = arg;

	sk_buf_printf(&seen, "[%s|", name);
	sk_buf_add(&seen, data, n);
	sk_buf_ch(&seen, ']');
	return stop_at == NULL || --*stop_at > 0;
}

/* The text in pieces cut at a and b (a <= b). */
static const char *
run(enum sk_stream_kind kind, const char *text, size_t n, size_t a, size_t b)
{
	struct sk_stream s;

	sk_buf_clear(&seen);
	sk_stream_init(&s, kind, 1000, on_event, NULL);
	(void)sk_stream_feed(&s, text, a);
	(void)sk_stream_feed(&s, text + a, b - a);
	(void)sk_stream_feed(&s, text + b, n - b);
	(void)sk_stream_end(&s);
	sk_stream_free(&s);
	return seen.p;
}

static bool
every_split(enum sk_stream_kind kind, const char *text, const char *want)
{
	size_t n = strlen(text);
	struct sk_stream s;

	for (size_t a = 0; a <= n; a++)
		for (size_t b = a; b <= n; b++)
			if (strcmp(run(kind, text, n, a, b), want) != 0) {
				printf(
				    "# cut at %zu and %zu: %s\n", a, b, seen.p);
				return false;
			}
	/* And byte by byte. */
	sk_buf_clear(&seen);
	sk_stream_init(&s, kind, 1000, on_event, NULL);
	for (size_t i = 0; i < n; i++)
		(void)sk_stream_feed(&s, text + i, 1);
	(void)sk_stream_end(&s);
	sk_stream_free(&s);
	return strcmp(seen.p, want) == 0;
}

static const struct {
	enum sk_stream_kind kind;
	const char *text, *want;
} cases[] = {
	{ SK_STREAM_SSE, "", "" },
	{ SK_STREAM_SSE, "data: x\n\n", "[|x]" },
	{ SK_STREAM_SSE, "data:x\n\ndata: y\n\n", "[|x][|y]" },
	/* one space goes, others stay */
	{ SK_STREAM_SSE, "data:  x \n\n", "[| x ]" },
	{ SK_STREAM_SSE, "event: a\ndata: 1\n\ndata: 2\n\n", "[a|1][|2]" },
	{ SK_STREAM_SSE, "data: 1\nevent: a\n\n", "[a|1]" },
	/* the three line ends, mixed */
	{ SK_STREAM_SSE, "data: 1\r\n\r\ndata: 2\r\rdata: 3\n\n",
	    "[|1][|2][|3]" },
	{ SK_STREAM_SSE, "event: a\r\ndata: 1\r\ndata: 2\r\n\r\n", "[a|1\n2]" },
	{ SK_STREAM_SSE, "data: 1\ndata\ndata: 3\n\n", "[|1\n\n3]" },
	{ SK_STREAM_SSE, "data:\n\n", "[|]" },
	/* comments, unknown fields, fields that only begin like ours */
	{ SK_STREAM_SSE, ": hi\n\nid: 7\nretry: 9\ndatax: no\ndata: x\n\n",
	    "[|x]" },
	{ SK_STREAM_SSE, "event: lost\n\ndata: x\n\n", "[|x]" },
	/* a byte order mark goes at the beginning and nowhere else */
	{ SK_STREAM_SSE,
	    "\xef\xbb\xbf"
	    "data: x\n\n",
	    "[|x]" },
	{ SK_STREAM_SSE, "data: \xef\xbb\xbfx\n\n", "[|\xef\xbb\xbfx]" },
	/* characters of two, three and four bytes stay whole */
	{ SK_STREAM_SSE, "data: \xc3\xa9\xe4\xb8\xad\xf0\x9f\x8d\x8d\n\n",
	    "[|\xc3\xa9\xe4\xb8\xad\xf0\x9f\x8d\x8d]" },
	/* the end of the stream ends an event whose lines are whole */
	{ SK_STREAM_SSE, "data: [DONE]\n", "[|[DONE]]" },
	{ SK_STREAM_SSE, "data: [DONE]", "[|[DONE]]" },
	{ SK_STREAM_SSE, "\n\n\n", "" },
	{ SK_STREAM_LINES, "{\"a\":1}\n{\"b\":2}\r\n\n  \n{\"c\":\"\xc3\xa9\"}",
	    "[|{\"a\":1}][|{\"b\":2}][|{\"c\":\"\xc3\xa9\"}]" },
	{ SK_STREAM_LINES, "\xef\xbb\xbf{}\n", "[|{}]" },
};

static void
test_splits(void)
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++)
		CHECKF(every_split(cases[i].kind, cases[i].text, cases[i].want),
		    "every split of stream %zu", i);
}

static void
test_bounds(void)
{
	struct sk_stream s;
	char big[600];
	int n = 2;

	memset(big, 'x', sizeof(big));
	sk_buf_clear(&seen);
	sk_stream_init(&s, SK_STREAM_SSE, 1000, on_event, NULL);
	CHECK(sk_stream_feed(&s, "data: ", 6));
	CHECK(sk_stream_feed(&s, big, 600));
	CHECK(!sk_stream_feed(&s, big, 600));
	CHECK(s.too_long);
	CHECK(!sk_stream_feed(&s, "\n\ndata: y\n\n", 11));
	CHECK_STR(seen.p, "");
	sk_stream_free(&s);

	/* many lines of one event count together */
	sk_stream_init(&s, SK_STREAM_SSE, 1000, on_event, NULL);
	CHECK(sk_stream_feed(&s, "data: ", 6));
	CHECK(sk_stream_feed(&s, big, 600));
	CHECK(sk_stream_feed(&s, "\ndata: ", 7));
	CHECK(sk_stream_feed(&s, big, 600));
	CHECK(!sk_stream_feed(&s, "\n", 1));
	CHECK(s.too_long);
	sk_stream_free(&s);

	/* a line without end, and no event at all */
	sk_stream_init(&s, SK_STREAM_LINES, 1000, on_event, NULL);
	CHECK(sk_stream_feed(&s, big, 600));
	CHECK(!sk_stream_feed(&s, big, 600));
	CHECK(s.too_long);
	CHECK(!sk_stream_end(&s));
	sk_stream_free(&s);

	/* the callback may have had enough */
	sk_stream_init(&s, SK_STREAM_LINES, 1000, on_event, &n);
	sk_buf_clear(&seen);
	CHECK(!sk_stream_feed(&s, "1\n2\n3\n", 6));
	CHECK(s.stopped);
	CHECK_STR(seen.p, "[|1][|2]");
	sk_stream_free(&s);
}

/* A name longer than is kept is cut, not a bound passed. */
static void
test_name(void)
{
	struct sk_buf b;

	sk_buf_init(&b, 0);
	sk_buf_str(&b, "event: ");
	for (int i = 0; i < 200; i++)
		sk_buf_ch(&b, 'n');
	sk_buf_str(&b, "\ndata: x\n\n");
	(void)run(SK_STREAM_SSE, b.p, b.len, 1, 2);
	CHECK_INT(seen.len, 1 + 63 + 1 + 1 + 1);
	sk_buf_free(&b);
}

/* CRs alone must not make reading quadratic: 8 MB of them in one piece. */
static void
test_linear(void)
{
	size_t n = (size_t)8 << 20;
	char *p = sk_malloc(n);
	struct sk_stream s;

	for (size_t i = 0; i < n; i++)
		p[i] = i % 2 != 0 ? '\r' : ':';
	sk_stream_init(&s, SK_STREAM_SSE, 1000, on_event, NULL);
	CHECK(sk_stream_feed(&s, p, n));
	sk_stream_free(&s);
	free(p);
}

int
main(void)
{
	sk_buf_init(&seen, 0);
	test_splits();
	test_bounds();
	test_name();
	test_linear();
	sk_buf_free(&seen);
	return tap_done();
}
