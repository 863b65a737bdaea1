/* SPDX-License-Identifier: MIT */
/* Everything that is settled before the first agent is asked. */
#ifndef SK_AGENT_PREPARE_H
#define SK_AGENT_PREPARE_H

#include "agent/internal.h"

struct sk_prep {
	const struct sk_ask *ask;
	struct sk_config *conf;
	struct sk_arena arena;
	struct sk_request req;
	struct sk_slots slots;
	struct sk_round round;
	struct sk_strv launcher;
	struct sk_jv *schema; /* NULL = any answer */
	size_t max_output;
	int64_t jobs; /* 0 = all at once */
	int64_t deadline_ms, straggler; /* 0 = none */
	int prompt_fd, schema_fd;
	char prompt_sha256[SK_SHA256_LEN], schema_sha256[SK_SHA256_LEN];
	char prompt_path[48], schema_path[48];
};
int sk_prep_make(struct sk_prep *p, const struct sk_ask *ask,
    struct sk_config *conf, struct sk_err *err);
/* --dry-run: what would be run, as sk.plan/1 or as text. */
void sk_prep_plan(const struct sk_prep *p);
void sk_prep_free(struct sk_prep *p);

#endif
