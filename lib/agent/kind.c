/* SPDX-License-Identifier: MIT */
/* Failure kinds: their words, and what the tool exits with for them. */
#include <string.h>

#include "agent/agent.h"

static const struct {
	const char *word;
	int exit;
} kinds[] = {
	[SK_K_NONE] = { "", SK_OK },
	[SK_K_AUTH] = { "auth", SK_LOGIN },
	[SK_K_RATE_LIMITED] = { "rate_limited", SK_AGAIN },
	[SK_K_QUOTA_EXHAUSTED] = { "quota_exhausted", SK_BUDGET },
	[SK_K_OVERLOADED] = { "overloaded", SK_AGAIN },
	[SK_K_TRANSPORT] = { "transport", SK_NOANSWER },
	[SK_K_TIMEOUT_FIRST_BYTE] = { "timeout_first_byte", SK_TIMEOUT },
	[SK_K_TIMEOUT_IDLE] = { "timeout_idle", SK_TIMEOUT },
	[SK_K_TIMEOUT_TOTAL] = { "timeout_total", SK_TIMEOUT },
	[SK_K_REFUSED] = { "refused", SK_NOANSWER },
	[SK_K_NEEDS_INPUT] = { "needs_input", SK_NOANSWER },
	[SK_K_DENIED] = { "denied", SK_NOANSWER },
	[SK_K_EMPTY] = { "empty", SK_NOANSWER },
	[SK_K_INVALID] = { "invalid", SK_NOANSWER },
	[SK_K_TRUNCATED] = { "truncated", SK_NOANSWER },
	[SK_K_CONTEXT_TOO_LONG] = { "context_too_long", SK_NOANSWER },
	[SK_K_USAGE] = { "usage", SK_NOANSWER },
	[SK_K_CRASHED] = { "crashed", SK_NOANSWER },
	[SK_K_KILLED] = { "killed", SK_NOANSWER },
	[SK_K_CANCELLED] = { "cancelled", SK_NOANSWER },
	[SK_K_NOT_FOUND] = { "not_found", SK_NOANSWER },
	[SK_K_INTERNAL] = { "internal", SK_NOANSWER },
};

const char *
sk_kind_word(enum sk_kind k)
{
	return kinds[k].word;
}

bool
sk_kind_of(const char *word, enum sk_kind *out)
{
	for (size_t i = 1; i < SK_ARRAY_SIZE(kinds); i++)
		if (sk_streq(word, kinds[i].word)) {
			*out = (enum sk_kind)i;
			return true;
		}
	return false;
}

int
sk_kind_exit(enum sk_kind k)
{
	return kinds[k].exit;
}
