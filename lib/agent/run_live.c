/* SPDX-License-Identifier: MIT */
/*
 * A line for each agent on the terminal of a person who waits: state, seconds,
 * bytes, attempt. It is drawn on standard error and the cursor goes back to its
 * top, so that whatever is printed next only has to wipe it away first. Nothing
 * of this exists without a terminal, or where a machine looks at one.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "agent/offer.h"
#include "agent/run.h"
#include "cli/cli.h"

#define TICK_MS 200

static bool
wanted(void)
{
	const char *term = getenv("TERM"), *v;

	if (!sk_stderr_tty() || sk_quiet || term == NULL ||
	    sk_streq(term, "dumb"))
		return false;
	if ((v = getenv("CI")) != NULL && *v != '\0')
		return false;
	return (v = getenv("NO_COLOR")) == NULL || *v == '\0';
}

/* A terminal that was stopped with Ctrl-S must not stop us. */
static void
put(const char *p, size_t n)
{
	struct pollfd pf = { .fd = STDERR_FILENO, .events = POLLOUT };

	if (poll(&pf, 1, 0) == 1 && (pf.revents & POLLOUT) != 0)
		(void)sk_write_all(STDERR_FILENO, p, n);
}

static void
size_text(uint64_t n, char out[16])
{
	if (n < 10000)
		(void)snprintf(out, 16, "%u B", (unsigned)n);
	else if (n < (uint64_t)10000 << 10)
		(void)snprintf(out, 16, "%u KiB", (unsigned)(n >> 10));
	else
		(void)snprintf(out, 16, "%u MiB", (unsigned)(n >> 20));
}

/* Names are ours and numbers are numbers: nothing an agent said is here. */
static void
one(struct sk_fan *r, size_t i, bool settled, struct sk_buf *b)
{
	const struct sk_answer *a = &r->ans[i];
	const struct sk_attempt *at = r->live[i];
	char span[32] = "", bytes[16] = "", again[32] = "";
	const char *state = "waits";
	int64_t ms = -1;

	if (at != NULL) {
		state = at->paused ? "held" : at->bytes > 0 ? "talks" : "runs";
		ms = sk_mono_ms() - at->start;
		size_text(at->bytes, bytes);
	} else if (settled) {
		state = a->o.kind == SK_K_NONE ? "ok" : sk_kind_word(a->o.kind);
		ms = a->o.duration_ms;
		size_text(a->o.output_bytes, bytes);
	}
	if (ms >= 0)
		(void)snprintf(
		    span, sizeof(span), "%lld s", (long long)(ms / 1000));
	if (a->attempt > 1)
		(void)snprintf(again, sizeof(again), "  attempt %lld",
		    (long long)a->attempt);
	sk_buf_printf(b, "%-20.20s %-18.18s %6s %9s%s", a->slot->name, state,
	    span, bytes, again);
}

static void
summary(struct sk_fan *r, const bool *settled, struct sk_buf *b)
{
	size_t n = r->p->slots.n, ok = 0, failed = 0;

	for (size_t i = 0; i < n; i++) {
		ok += settled[i] && r->ans[i].o.kind == SK_K_NONE;
		failed += settled[i] && r->ans[i].o.kind != SK_K_NONE;
	}
	sk_buf_printf(b, "%zu agents: %zu running, %zu ok, %zu failed, %lld s",
	    n, r->running, ok, failed,
	    (long long)((sk_mono_ms() - r->start) / 1000));
}

static void
draw(struct sk_fan *r)
{
	size_t n = r->p->slots.n, rows = 24, cols = 80, lines;
	bool *settled = sk_calloc(n, sizeof(*settled));
	struct winsize ws;
	struct sk_buf b;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &ws) == 0 && ws.ws_row > 0) {
		rows = ws.ws_row;
		cols = ws.ws_col;
	}
	for (size_t i = 0; i < r->nready; i++)
		settled[r->ready[i]] = true;
	sk_buf_init(&b, 0);
	sk_buf_str(&b, "\r\033[J");
	lines = n + 1 < rows && cols >= 60 ? n : 1;
	for (size_t i = 0; i < lines; i++) {
		if (i > 0)
			sk_buf_str(&b, "\r\n");
		if (lines == n && cols >= 60)
			one(r, i, settled[i], &b);
		else
			summary(r, settled, &b);
	}
	if (lines > 1)
		sk_buf_printf(&b, "\033[%zuA", lines - 1);
	sk_buf_ch(&b, '\r');
	put(b.p, b.len);
	r->drawn = true;
	sk_buf_free(&b);
	free(settled);
}

static void
on_tick(struct sk_loop *l, void *arg)
{
	struct sk_fan *r = arg;

	if (!r->ended && !sk_offer_busy(r))
		draw(r);
	r->tick_id = sk_loop_timer(l, sk_mono_ms() + TICK_MS, on_tick, r);
}

void
sk_live_open(struct sk_fan *r)
{
	if (wanted())
		r->tick_id =
		    sk_loop_timer(r->loop, sk_mono_ms() + TICK_MS, on_tick, r);
}

void
sk_live_wipe(struct sk_fan *r)
{
	if (r->drawn)
		put("\r\033[J", 4);
	r->drawn = false;
}

void
sk_live_close(struct sk_fan *r)
{
	sk_live_wipe(r);
	if (r->tick_id != 0)
		sk_loop_cancel(r->loop, r->tick_id);
	r->tick_id = 0;
}
