/* SPDX-License-Identifier: MIT */
/* What a person sees: is it a terminal, may it be coloured, tables. */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/cli.h"

bool
sk_stdout_tty(void)
{
	return isatty(STDOUT_FILENO) == 1;
}

bool
sk_stderr_tty(void)
{
	return isatty(STDERR_FILENO) == 1;
}

static bool
is_set(const char *var)
{
	const char *s = getenv(var);

	return s != NULL && s[0] != '\0';
}

bool
sk_color(void)
{
	const char *term = getenv("TERM");

	return sk_stdout_tty() && !is_set("NO_COLOR") && !is_set("CI") &&
	       term != NULL && strcmp(term, "dumb") != 0;
}

int
sk_width(void)
{
	struct winsize ws;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) == 0 && ws.ws_col > 0)
		return ws.ws_col;
	return 80;
}

/* ---- tables ---- */

/* Columns that a character takes; good enough to align what agents write. */
static size_t
cell_width(uint32_t c)
{
	static const struct {
		uint32_t lo, hi;
		size_t width;
	} odd[] = {
		{ 0x0300, 0x036f, 0 }, /* combining marks */
		{ 0x1100, 0x115f, 2 }, /* Hangul, CJK, full width, emoji */
		{ 0x2e80, 0xa4cf, 2 },
		{ 0xac00, 0xd7a3, 2 },
		{ 0xf900, 0xfaff, 2 },
		{ 0xfe00, 0xfe0f, 0 }, /* variation selectors */
		{ 0xfe30, 0xfe6f, 2 },
		{ 0xff00, 0xff60, 2 },
		{ 0x1f300, 0x1faff, 2 },
		{ 0x20000, 0x3fffd, 2 },
	};

	for (size_t i = 0; c >= 0x0300 && i < SK_ARRAY_SIZE(odd); i++)
		if (c >= odd[i].lo && c <= odd[i].hi)
			return odd[i].width;
	return 1;
}

static size_t
text_width(const char *s)
{
	size_t n = strlen(s), width = 0;

	for (size_t i = 0; i < n;)
		width += cell_width(sk_utf8_next(s, n, &i));
	return width;
}

size_t
sk_text_clip(struct sk_buf *b, const char *p, size_t n, size_t cols)
{
	size_t i = 0, at, used = 0, w;
	struct sk_buf t;

	sk_buf_init(&t, 0);
	sk_buf_visible(&t, p, n, false);
	while (i < t.len) {
		at = i;
		w = cell_width(sk_utf8_next(t.p, t.len, &i));
		if (used + w > cols)
			break;
		sk_buf_add(b, t.p + at, i - at);
		used += w;
	}
	sk_buf_free(&t);
	return used;
}

void
sk_table_init(struct sk_table *t, size_t cols, unsigned right)
{
	memset(t, 0, sizeof(*t));
	t->cols = cols;
	t->right = right;
}

void
sk_table_cell(struct sk_table *t, const char *s)
{
	struct sk_buf b;

	sk_buf_init(&b, 0);
	if (s != NULL)
		sk_buf_visible(&b, s, strlen(s), false);
	sk_strv_add(&t->cells, b.p);
	sk_buf_free(&b);
}

void
sk_table_cellf(struct sk_table *t, const char *fmt, ...)
{
	struct sk_buf b;
	va_list ap;

	sk_buf_init(&b, 0);
	va_start(ap, fmt);
	sk_buf_vprintf(&b, fmt, ap);
	va_end(ap);
	sk_table_cell(t, b.p);
	sk_buf_free(&b);
}

static void
pad(size_t n)
{
	while (n-- > 0)
		sk_out(" ", 1);
}

void
sk_table_print(struct sk_table *t)
{
	size_t *width = sk_calloc(t->cols + 1, sizeof(*width));

	if (t->cols == 0 || t->cells.n % t->cols != 0)
		sk_bug(
		    "table of %zu columns has %zu cells", t->cols, t->cells.n);
	for (size_t i = 0; i < t->cells.n; i++) {
		size_t w = text_width(t->cells.v[i]);

		if (w > width[i % t->cols])
			width[i % t->cols] = w;
	}
	for (size_t i = 0; i < t->cells.n; i++) {
		size_t col = i % t->cols;
		size_t space = width[col] - text_width(t->cells.v[i]);
		bool right = (t->right >> col & 1) != 0;
		bool last = col + 1 == t->cols;

		if (right)
			pad(space);
		sk_out_str(t->cells.v[i]);
		if (!last)
			pad(right ? 2 : space + 2);
		else
			sk_out("\n", 1);
	}
	free(width);
	sk_strv_free(&t->cells);
}

void
sk_out_json(const struct sk_buf *b)
{
	/* Half a document is worse than an error. */
	if (b->full)
		sk_bug("document is larger than %zu bytes", b->max);
	sk_out(b->p, b->len);
}

void
sk_out_json_begin(struct sk_jw *w, struct sk_buf *b, const char *schema)
{
	sk_buf_init(b, 0);
	sk_jw_doc(w, b, schema);
}

void
sk_out_json_end(struct sk_jw *w)
{
	sk_jw_done(w);
	sk_out_json(w->b);
	sk_buf_free(w->b);
}
