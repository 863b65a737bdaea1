/* SPDX-License-Identifier: MIT */
/* Text in the logs and pages of CI systems, where it stays text. */
#include "core/core.h"

void
sk_buf_workflow(struct sk_buf *b, const char *p, size_t n, bool property)
{
	struct sk_buf plain;

	sk_buf_init(&plain, 0);
	sk_buf_visible(&plain, p, n, true);
	for (size_t i = 0; i < plain.len; i++)
		switch (plain.p[i]) {
		case '%':
			sk_buf_str(b, "%25");
			break;
		case '\n':
			sk_buf_str(b, "%0A");
			break;
		case '\t':
			sk_buf_ch(b, ' ');
			break;
		case ':':
			sk_buf_str(b, property ? "%3A" : ":");
			break;
		case ',':
			sk_buf_str(b, property ? "%2C" : ",");
			break;
		default:
			sk_buf_ch(b, plain.p[i]);
		}
	sk_buf_free(&plain);
}

void
sk_buf_code_span(struct sk_buf *b, const char *p, size_t n)
{
	struct sk_buf plain;

	sk_buf_init(&plain, 0);
	sk_buf_visible(&plain, p, n, false);
	sk_buf_ch(b, '`');
	/* A span of nothing would be two backticks. */
	if (plain.len == 0)
		sk_buf_ch(b, ' ');
	for (size_t i = 0; i < plain.len; i++)
		sk_buf_ch(b, plain.p[i] == '`'   ? '\''
			     : plain.p[i] == '|' ? '/'
						 : plain.p[i]);
	sk_buf_ch(b, '`');
	sk_buf_free(&plain);
}
