/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: event streams. The first byte says which kind and how long the
 * pieces are; any pieces must give the same events as the whole at once, and
 * no event may be longer than what is allowed.
 */
#include <stdlib.h>
#include <string.h>

#include "net/net.h"

#define MAX 200

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static bool
on_event(void *arg, const char *name, const char *p, size_t n)
{
	struct sk_buf *b = arg;

	if (n > MAX || strlen(name) > 63)
		abort();
	sk_buf_printf(b, "[%s|%zu|", name, n);
	sk_buf_add(b, p, n);
	return true;
}

static bool
run(enum sk_stream_kind kind, const char *p, size_t n, size_t piece,
    struct sk_buf *out)
{
	struct sk_stream s;
	bool too_long;

	sk_buf_init(out, 0);
	sk_stream_init(&s, kind, MAX, on_event, out);
	for (size_t i = 0; i < n; i += piece)
		(void)sk_stream_feed(&s, p + i, n - i < piece ? n - i : piece);
	(void)sk_stream_end(&s);
	too_long = s.too_long;
	sk_stream_free(&s);
	return too_long;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct sk_buf whole, pieces;
	const char *p;
	char *copy;

	if (n < 2)
		return 0;
	copy = sk_strndup((const char *)data + 1, n - 1);
	p = copy;
	for (int k = SK_STREAM_SSE; k <= SK_STREAM_LINES; k++) {
		bool a = run((enum sk_stream_kind)k, p, n - 1, n, &whole);
		bool b = run((enum sk_stream_kind)k, p, n - 1,
		    (size_t)data[0] % 16 + 1, &pieces);

		if (a != b || whole.len != pieces.len ||
		    memcmp(whole.p, pieces.p, whole.len) != 0)
			abort();
		sk_buf_free(&whole);
		sk_buf_free(&pieces);
	}
	free(copy);
	return 0;
}
