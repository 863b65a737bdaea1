/* SPDX-License-Identifier: MIT */
/* SessionMetrics: totals, the last turn, a window of recent prompts. */
#include <string.h>

#include "metrics/metrics.h"

void
sk_session_init(struct sk_session *m, size_t window)
{
	memset(m, 0, sizeof(*m));
	m->window = window < 1 ? 1 : window;
	if (m->window > SK_WINDOW_MAX)
		m->window = SK_WINDOW_MAX;
}

/* A prompt that was all cached says nothing about the next one. */
static void
observe(struct sk_session *m, int64_t prompt)
{
	if (prompt <= 0)
		return;
	if (m->n > 0 && m->n == m->window) {
		memmove(m->recent, m->recent + 1,
		    (m->n - 1) * sizeof(m->recent[0]));
		m->n--;
	}
	m->recent[m->n++] = prompt;
}

static void
count(uint32_t *n, uint32_t more)
{
	*n = more > UINT32_MAX - *n ? UINT32_MAX : *n + more;
}

void
sk_session_turn(struct sk_session *m, const struct sk_tokens *u)
{
	sk_tokens_add(&m->total, u);
	m->last = *u;
	count(&m->turns, 1);
	observe(m, u->fresh);
}

void
sk_session_sync(struct sk_session *m, const struct sk_tokens *total,
    const struct sk_tokens *last, uint32_t turns)
{
	m->total = *total;
	m->last = *last;
	m->turns = turns;
	m->replays = m->duplicates = 0;
	m->n = 0;
	observe(m, last->fresh);
}

void
sk_session_replay(struct sk_session *m)
{
	count(&m->replays, 1);
}

void
sk_session_duplicates(struct sk_session *m, uint32_t n)
{
	count(&m->duplicates, n);
}

void
sk_session_reset(struct sk_session *m)
{
	sk_session_init(m, m->window);
}

int64_t
sk_session_estimate(const struct sk_session *m)
{
	__int128 sum = 0;

	if (m->n == 0)
		return m->last.fresh > 0 ? m->last.fresh : SK_PROMPT_GUESS;
	for (size_t i = 0; i < m->n; i++)
		sum += m->recent[i];
	return (int64_t)(sum / (int64_t)m->n);
}

const char *
sk_session_basis(const struct sk_session *m)
{
	if (m->n > 0)
		return "window";
	return m->last.fresh > 0 ? "last_turn" : "default";
}

const char *
sk_session_warning(const struct sk_session *m, bool *critical)
{
	*critical = m->replays >= 4;
	if (m->replays >= 4)
		return "the same answers come again and again: this is a loop";
	if (m->replays >= 2)
		return "answers are repeated: this may be a loop";
	if (m->duplicates >= 3)
		return "several answers are duplicates: this may be a loop";
	return NULL;
}
