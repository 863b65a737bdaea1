/* SPDX-License-Identifier: MIT */
/* The floor of a start with libsodium linked: named, not called. */
#include <sodium.h>

static const char *(*volatile keep)(void);

int
main(void)
{
	keep = sodium_version_string;
	return 0;
}
