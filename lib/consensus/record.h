/* SPDX-License-Identifier: MIT */
/* One line of input as intake sees it. */
#ifndef SK_CONSENSUS_RECORD_H
#define SK_CONSENSUS_RECORD_H

#include "consensus/consensus.h"

enum sk_rec_kind {
	SK_REC_OTHER, /* not for us */
	SK_REC_ANSWER,
	SK_REC_END /* the stream of a round has ended: only the key is set */
};
struct sk_rec {
	enum sk_rec_kind kind;
	/* Strings live in the arena; a key's absent names are "". */
	struct sk_answer_row row;
	/* Why this record alone is refused, NULL = it is not. */
	const char *bad;
	bool keyed; /* the key can be used although bad is set */
	char sha256[SK_SHA256_LEN];
};
/* A line of any kind. SK_DAMAGED "bad_record", SK_NEWER "newer_record", or the
 * class of an sk.error/1. */
int sk_rec_read(struct sk_arena *a, const char *line, size_t n, uint64_t lineno,
    struct sk_rec *r, struct sk_err *err);

#endif
