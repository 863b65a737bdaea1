/* SPDX-License-Identifier: MIT */
/* What may follow what: one table. */
#include <string.h>

#include "pipeline/phase.h"

static const char *const words[SK_PH_COUNT] = { "idle", "checking", "asking",
	"judging", "writing", "recovering", "paused", "waiting", "halted",
	"cancelled", "done" };
static const char *const event_words[SK_EV_COUNT] = { "begin", "ask", "judge",
	"write", "next", "lost", "pause", "need_person", "answered", "halt",
	"cancel", "finish" };

#define P(phase) (1u << SK_PH_##phase)
/* Where a driver is at work. */
#define BUSY (P(CHECKING) | P(ASKING) | P(JUDGING) | P(WRITING) | P(RECOVERING))

/* One row for each event: from which phases, to which. */
static const struct {
	unsigned from;
	enum sk_phase to;
} table[SK_EV_COUNT] = {
	/* Whoever was there before may have died anywhere; what was cancelled
	 * stays so. */
	[SK_EV_BEGIN] = { BUSY | P(IDLE) | P(PAUSED) | P(WAITING) | P(HALTED) |
			      P(DONE),
	    SK_PH_CHECKING },
	/* Again after a degraded verdict, and after the network came back. */
	[SK_EV_ASK] = { P(CHECKING) | P(JUDGING) | P(RECOVERING),
	    SK_PH_ASKING },
	/* A decision that a dead driver left is judged without asking. */
	[SK_EV_JUDGE] = { P(CHECKING) | P(ASKING), SK_PH_JUDGING },
	[SK_EV_WRITE] = { P(JUDGING), SK_PH_WRITING },
	[SK_EV_NEXT] = { P(WRITING), SK_PH_CHECKING },
	/* A gate's agents are asked while it is checked: begin leads back. */
	[SK_EV_LOST] = { P(ASKING) | P(CHECKING), SK_PH_RECOVERING },
	[SK_EV_PAUSE] = { P(CHECKING), SK_PH_PAUSED },
	[SK_EV_NEED_PERSON] = { P(CHECKING), SK_PH_WAITING },
	[SK_EV_ANSWERED] = { P(WAITING), SK_PH_CHECKING },
	[SK_EV_HALT] = { BUSY, SK_PH_HALTED },
	[SK_EV_CANCEL] = { BUSY | P(IDLE) | P(PAUSED) | P(WAITING) | P(HALTED),
	    SK_PH_CANCELLED },
	/* From checking when the last stages were left out. */
	[SK_EV_FINISH] = { P(WRITING) | P(CHECKING), SK_PH_DONE },
};

const char *
sk_phase_word(enum sk_phase p)
{
	return (size_t)p < SK_PH_COUNT ? words[p] : "unknown";
}

enum sk_phase
sk_phase_parse(const char *word)
{
	unsigned i;

	for (i = 0; i < SK_PH_COUNT; i++)
		if (strcmp(words[i], word) == 0)
			break;
	return (enum sk_phase)i;
}

const char *
sk_phase_event_word(enum sk_phase_event e)
{
	return (size_t)e < SK_EV_COUNT ? event_words[e] : "unknown";
}

enum sk_phase
sk_phase_after(enum sk_phase p, enum sk_phase_event e)
{
	if ((size_t)p >= SK_PH_COUNT || (size_t)e >= SK_EV_COUNT ||
	    (table[e].from & (1u << p)) == 0)
		return SK_PH_COUNT;
	return table[e].to;
}

int64_t
sk_recovery_delay(int attempt, int64_t base, int64_t most)
{
	int64_t ms = base;

	for (int i = 1; i < attempt && ms < most; i++)
		ms *= 2;
	return ms < most ? ms : most;
}
