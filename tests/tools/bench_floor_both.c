/* SPDX-License-Identifier: MIT */
/* The floor of a start with SQLite and libsodium linked: named, not called. */
#include <sodium.h>
#include <sqlite3.h>

static const char *(*volatile keep)(void);

int
main(void)
{
	keep = sodium_version_string;
	keep = sqlite3_libversion;
	return 0;
}
