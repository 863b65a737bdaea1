/* SPDX-License-Identifier: MIT */
/*
 * A few lines on a terminal that are drawn again in their place. Nothing is
 * taken over: what scrolled by stays, and the last picture stays, too.
 */
#include <string.h>
#include <sys/ioctl.h>

#include "cli/cli.h"

static void
size_of(int fd, size_t *rows, size_t *cols)
{
	struct winsize ws;

	*rows = 24;
	*cols = 80;
	if (ioctl(fd, TIOCGWINSZ, &ws) != 0)
		return;
	if (ws.ws_row > 1)
		*rows = ws.ws_row;
	if (ws.ws_col > 0)
		*cols = ws.ws_col;
}

size_t
sk_screen_rows(int fd)
{
	size_t rows, cols;

	size_of(fd, &rows, &cols);
	return rows;
}

size_t
sk_screen_cols(int fd)
{
	size_t rows, cols;

	size_of(fd, &rows, &cols);
	return cols;
}

/* Up to where the last picture begins. A terminal that became narrower since
 * has folded its lines. */
static void
go_back(struct sk_buf *b, const struct sk_screen *s, size_t cols)
{
	size_t up = 0;

	for (size_t i = 0; i < s->n; i++)
		up += s->width[i] == 0 ? 1 : (s->width[i] + cols - 1) / cols;
	if (up > 0)
		sk_buf_printf(b, "\033[%zuA", up);
	sk_buf_str(b, "\r\033[J");
}

void
sk_screen_draw(struct sk_screen *s, const char *text)
{
	size_t rows, cols, n;
	const char *p = text, *nl;
	struct sk_buf b;

	sk_buf_init(&b, 0);
	size_of(s->fd, &rows, &cols);
	if (!s->drawn)
		sk_buf_str(&b, "\033[?25l");
	go_back(&b, s, cols);
	s->drawn = true;
	s->n = 0;
	for (; *p != '\0' && s->n + 1 < rows && s->n < SK_SCREEN_ROWS;
	     p = *nl != '\0' ? nl + 1 : nl) {
		nl = strchr(p, '\n');
		if (nl == NULL)
			nl = p + strlen(p);
		n = (size_t)(nl - p);
		/* One column less: some terminals fold a full line. */
		s->width[s->n++] = sk_text_clip(&b, p, n, cols - 1);
		sk_buf_ch(&b, '\n');
	}
	(void)sk_write_all(s->fd, b.p, b.len);
	sk_buf_free(&b);
}

void
sk_screen_end(struct sk_screen *s)
{
	static const char show[] = "\033[?25h";

	if (s->drawn)
		(void)sk_write_all(s->fd, show, sizeof(show) - 1);
	s->drawn = false;
	s->n = 0;
}
