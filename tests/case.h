/* SPDX-License-Identifier: MIT */
/* A case to judge: stage plan of S, first round, all answers are there. */
#ifndef CASE_H
#define CASE_H

#include "consensus/consensus.h"

#define CASE_OF(p, e, in, n) \
	{ \
		.spec = "S", .stage = "plan", .round = 1, .policy = (p), \
		.min = 2, .expect = (e), .inputs = (in), .n_inputs = (n), \
		.complete = true \
	}

#endif
