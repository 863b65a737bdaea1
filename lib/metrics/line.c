/* SPDX-License-Identifier: MIT */
/* The status lines. */
#include <ctype.h>
#include <string.h>

#include "metrics/metrics.h"

/* One digit after the point unless it is 0. */
static void
scaled(struct sk_buf *b, int64_t n, int64_t unit, char letter)
{
	int64_t tenths = n / (unit / 10) + (n % (unit / 10) >= unit / 20);

	sk_buf_printf(b, "%lld", (long long)(tenths / 10));
	if (tenths % 10 != 0)
		sk_buf_printf(b, ".%lld", (long long)(tenths % 10));
	sk_buf_ch(b, letter);
}

void
sk_count_text(struct sk_buf *b, int64_t n)
{
	/* 999,950 would round to 1000k. */
	if (n >= 999950000)
		scaled(b, n, 1000000000, 'G');
	else if (n >= 999950)
		scaled(b, n, 1000000, 'M');
	else if (n >= 1000)
		scaled(b, n, 1000, 'k');
	else
		sk_buf_printf(b, "%lld", (long long)n);
}

void
sk_line_tokens(struct sk_buf *b, const struct sk_figures *f, bool narrow)
{
	int percent = sk_context_percent(&f->all);

	if (!narrow)
		sk_buf_str(b, "Tokens: ");
	sk_count_text(b, sk_tokens_input(&f->session.total));
	sk_buf_str(b, narrow ? "/" : " in / ");
	sk_count_text(b, f->session.total.output);
	sk_buf_printf(b,
	    narrow ? " | T%u | ~" : " out | Turn %u | Est. next: ~",
	    (unsigned)f->session.turns);
	sk_count_text(b, sk_session_estimate(&f->session));
	sk_buf_str(b, narrow ? " | " : " | Context: ");
	if (percent < 0)
		sk_buf_str(b, "?");
	else
		sk_buf_printf(b, "%d%%", percent);
}

void
sk_line_stage(struct sk_buf *b, const struct sk_figures *f)
{
	size_t n = strlen(f->spec);
	const char *branch = f->branch;

	/* "SPEC-7-20251129…": what tells branches of one SPEC apart. */
	if (n > 0 && strncmp(branch, f->spec, n) == 0 && branch[n] == '-')
		branch += n + 1;
	if (n > 0)
		sk_buf_printf(b, "[%s] ", f->spec);
	if (f->stage[0] != '\0')
		sk_buf_printf(b, "Stage: %c%s | ",
		    toupper((unsigned char)f->stage[0]), f->stage + 1);
	sk_buf_printf(b, "Branch: %.8s%s | Agents: %lld/%lld", branch,
	    strlen(branch) > 8 ? "..." : "", (long long)f->agents_done,
	    (long long)f->agents_all);
}
