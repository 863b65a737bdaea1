/* SPDX-License-Identifier: MIT */
/*
 * A mark that a program cannot lose by accident. Environments are emptied,
 * sessions left, descriptors closed, parents die; resource limits stay through
 * all of that. The one on real-time CPU time is unlimited nearly everywhere:
 * a soft limit of seventy thousand years limits nothing, and its digits say
 * whose process this is. Anybody may read it of a process of the same user, and
 * nobody gets such a number by chance, so what carries it is ours.
 *
 * Bits of the number: 61 set, 60..20 from the mark's id, 19..0 the serial
 * number of the agent.
 */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "sys/sys.h"

#define SERIAL_BITS 20

/* Of "id.serial" or of "id" alone; the serial part is 0 then. */
static rlim_t
number(const char *token)
{
	const char *dot = strchr(token, '.');
	size_t n = dot != NULL ? (size_t)(dot - token) : strlen(token);
	char hex[SK_SHA256_LEN];
	unsigned long long id = 0, serial = 0;

	sk_sha256(token, n, hex);
	hex[10] = '\0'; /* 40 bits */
	(void)sscanf(hex, "%llx", &id);
	if (dot != NULL)
		(void)sscanf(dot + 1, "%llu", &serial);
	return ((rlim_t)1 << 61) | ((rlim_t)id << SERIAL_BITS) |
	       ((rlim_t)serial & (((rlim_t)1 << SERIAL_BITS) - 1));
}

bool
sk_brand_put(const char *token, struct rlimit *before)
{
	struct rlimit now;

	if (getrlimit(RLIMIT_RTTIME, before) != 0)
		return false;
	now = *before;
	now.rlim_cur = number(token);
	/* Where an administrator has set a limit it stays as it is. */
	return before->rlim_max == RLIM_INFINITY &&
	       setrlimit(RLIMIT_RTTIME, &now) == 0;
}

void
sk_brand_take(const struct rlimit *before)
{
	(void)setrlimit(RLIMIT_RTTIME, before);
}

bool
sk_branded(pid_t pid, const char *token)
{
	struct rlimit is;
	rlim_t want = number(token);

	if (prlimit(pid, RLIMIT_RTTIME, NULL, &is) != 0)
		return false;
	return strchr(token, '.') != NULL
	           ? is.rlim_cur == want
	           : is.rlim_cur >> SERIAL_BITS == want >> SERIAL_BITS;
}
