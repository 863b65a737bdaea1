/* SPDX-License-Identifier: MIT */
/* Choosing one of several lines on a terminal, by arrow keys or number. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "cli/cli.h"
#include "sys/sys.h"

struct pick {
	const struct sk_pick *ask;
	struct sk_screen screen;
	struct termios was;
	size_t at, top; /* the marked row, the first that is shown */
	size_t nseq; /* bytes so far of a key that comes in several */
	int number; /* digits typed so far */
	enum sk_picked got;
	bool done;
};

/* Rows that fit between the title and the line of keys. */
static size_t
page(const struct pick *p)
{
	size_t rows = sk_screen_rows(p->screen.fd);

	return rows > 5 ? rows - 4 : 1;
}

static void
draw(struct pick *p)
{
	const struct sk_strv *rows = p->ask->rows;
	size_t most = page(p), last;
	struct sk_buf b;

	if (p->at < p->top)
		p->top = p->at;
	if (p->at >= p->top + most)
		p->top = p->at - most + 1;
	last = p->top + most < rows->n ? p->top + most : rows->n;
	sk_buf_init(&b, 0);
	sk_buf_printf(&b, "%s\n", p->ask->title);
	for (size_t i = p->top; i < last; i++)
		sk_buf_printf(&b, "%c %2zu  %s\n", i == p->at ? '>' : ' ',
		    i + 1, rows->v[i]);
	if (rows->n == 0)
		sk_buf_str(&b, "  (none)\n");
	sk_buf_printf(&b, "%s", p->ask->keys);
	if (p->number > 0)
		sk_buf_printf(&b, "  %d", p->number);
	sk_buf_ch(&b, '\n');
	sk_screen_draw(&p->screen, b.p);
	sk_buf_free(&b);
}

static void
finish(struct pick *p, struct sk_loop *l, enum sk_picked got)
{
	p->got = got;
	p->done = true;
	sk_loop_stop(l);
}

static void
go(struct pick *p, long by)
{
	size_t n = p->ask->rows->n;

	p->number = 0;
	if (n == 0)
		return;
	if (by < 0)
		p->at = p->at < (size_t)-by ? 0 : p->at - (size_t)-by;
	else
		p->at = p->at + (size_t)by < n ? p->at + (size_t)by : n - 1;
}

/* A digit goes on with the number when there are so many rows. */
static void
digit(struct pick *p, int d)
{
	int n = p->number * 10 + d;

	if (n == 0 || (size_t)n > p->ask->rows->n)
		n = d;
	if (n == 0 || (size_t)n > p->ask->rows->n)
		return;
	p->number = n;
	p->at = (size_t)n - 1;
}

/* "\033[A" and, from a keypad in its other mode, "\033OA". */
static void
arrow(struct pick *p, char c)
{
	if (c == 'A')
		go(p, -1);
	else if (c == 'B')
		go(p, 1);
	else if (c == 'H')
		go(p, -(long)p->ask->rows->n);
	else if (c == 'F')
		go(p, (long)p->ask->rows->n);
	else if (c == '5')
		go(p, -(long)page(p));
	else if (c == '6')
		go(p, (long)page(p));
}

static void
key(struct pick *p, struct sk_loop *l, char c)
{
	if (p->nseq == 1 && (c == '[' || c == 'O')) {
		p->nseq++;
		return;
	}
	if (p->nseq == 2 || p->nseq == 3) {
		if (p->nseq == 2)
			arrow(p, c);
		/* "\033[5~": the tilde belongs to it. */
		p->nseq = p->nseq == 2 && c >= '0' && c <= '9' ? 3 : 0;
		return;
	}
	p->nseq = 0;
	if (c == '\033')
		p->nseq = 1;
	else if (c == '\r' || c == '\n')
		finish(p, l, p->ask->rows->n > 0 ? SK_PICK_ROW : SK_PICK_NONE);
	else if (c == 'k' || c == 0x10)
		go(p, -1);
	else if (c == 'j' || c == 0x0e)
		go(p, 1);
	else if (c >= '0' && c <= '9')
		digit(p, c - '0');
	else if (c == 'a' && p->ask->toggles)
		finish(p, l, SK_PICK_TOGGLE);
	else if (c == 'q' || c == 0x03 || c == 0x04)
		finish(p, l, SK_PICK_NONE);
}

/* One byte at a time: what was typed ahead may be for whoever comes after. */
static void
on_keys(struct sk_loop *l, int fd, unsigned events, void *arg)
{
	struct pollfd next = { .fd = fd, .events = POLLIN };
	struct pick *p = arg;
	ssize_t n;
	char c;

	(void)events;
	n = read(fd, &c, 1);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		finish(p, l, SK_PICK_NONE);
		return;
	}
	key(p, l, c);
	/* A lone escape: what an arrow key sends comes in one piece. */
	if (p->nseq == 1 && poll(&next, 1, 0) == 0)
		finish(p, l, SK_PICK_NONE);
	if (!p->done && p->nseq == 0)
		draw(p);
}

static void
on_signal(struct sk_loop *l, int signo, void *arg)
{
	struct pick *p = arg;

	if (signo == SIGWINCH)
		draw(p);
	else
		finish(p, l, SK_PICK_NONE);
}

int
sk_pick(const struct sk_pick *ask, enum sk_picked *got, size_t *row,
    struct sk_err *err)
{
	static const int signos[] = { SIGWINCH, SIGINT, SIGTERM, SIGHUP };
	struct pick p = { .ask = ask, .screen.fd = STDERR_FILENO };
	struct sk_loop *l;
	struct termios raw;
	int rc;

	*got = SK_PICK_NONE;
	if (tcgetattr(STDIN_FILENO, &p.was) != 0)
		return sk_fail_errno(err, "cannot read keys");
	l = sk_loop_new(err);
	if (l == NULL)
		return err->exit;
	raw = p.was;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	rc = sk_loop_signals(
	    l, signos, SK_ARRAY_SIZE(signos), on_signal, &p, err);
	if (rc == 0)
		rc = sk_loop_add(l, STDIN_FILENO, SK_EV_READ, on_keys, &p, err);
	if (rc == 0 && tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) != 0)
		rc = sk_fail_errno(err, "cannot read keys");
	if (rc == 0) {
		draw(&p);
		rc = sk_loop_run(l, err);
		(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &p.was);
	}
	sk_screen_end(&p.screen);
	sk_loop_free(l);
	*got = p.got;
	*row = p.at;
	return rc;
}
