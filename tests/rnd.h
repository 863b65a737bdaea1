/* SPDX-License-Identifier: MIT */
/* Numbers without a pattern, the same ones in every run. */
#ifndef RND_H
#define RND_H

#include <stdint.h>

static uint64_t seed = 88172645463325252u; /* never 0 */

/* In [0, n). */
static inline uint32_t
rnd(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 33) % n;
}

#endif
