/* SPDX-License-Identifier: MIT */
/* Text that stands in XML or HTML, and stays text there. */
#include "core/core.h"

/* What XML 1.0 cannot hold, not even as a reference. */
static bool
is_forbidden(uint32_t c)
{
	return c == (uint32_t)-1 || c < 0x20 || (c & 0xfffe) == 0xfffe;
}

void
sk_buf_markup(struct sk_buf *b, const char *p, size_t n)
{
	size_t i = 0, at;
	uint32_t c;

	while (i < n) {
		at = i;
		c = sk_utf8_next(p, n, &i);
		if (c == '<')
			sk_buf_str(b, "&lt;");
		else if (c == '>')
			sk_buf_str(b, "&gt;");
		else if (c == '&')
			sk_buf_str(b, "&amp;");
		else if (c == '"')
			sk_buf_str(b, "&quot;");
		else if (c == '\'')
			sk_buf_str(b, "&#39;");
		else if (c == '\t' || c == '\n' || c == '\r')
			/* An attribute would lose them. */
			sk_buf_printf(b, "&#%u;", (unsigned)c);
		else if (is_forbidden(c))
			sk_buf_utf8(b, 0xfffd);
		else
			sk_buf_add(b, p + at, i - at);
	}
}

void
sk_buf_markup_visible(struct sk_buf *b, const char *p, size_t n)
{
	struct sk_buf plain;

	sk_buf_init(&plain, 0);
	sk_buf_visible(&plain, p, n, false);
	sk_buf_markup(b, plain.p, plain.len);
	sk_buf_free(&plain);
}
