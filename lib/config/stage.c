/* SPDX-License-Identifier: MIT */
/* The words for the stages that are built in, and their other names. */
#include <string.h>
#include <strings.h>

#include "config/config.h"

const char *const sk_stage_words[] = { "plan", "tasks", "implement", "validate",
	"audit", "unlock", "clarify", "analyze", "checklist", "specify",
	/* Who confirms what a gate's majority says. */
	"clarify-confirm", "analyze-confirm", "checklist-confirm", NULL };

const char *
sk_stage_word(const char *word)
{
	if (strncasecmp(word, "spec-", 5) == 0)
		word += 5;
	if (strcasecmp(word, "review") == 0 ||
	    strcasecmp(word, "ops-audit") == 0)
		return "audit";
	for (size_t i = 0; sk_stage_words[i] != NULL; i++)
		if (strcasecmp(word, sk_stage_words[i]) == 0)
			return sk_stage_words[i];
	return NULL;
}
