/* SPDX-License-Identifier: MIT */
/* The floor of a start with SQLite, libsodium and libcurl linked: named, not
 * called. */
#include <curl/curl.h>
#include <sodium.h>
#include <sqlite3.h>

static const char *(*volatile keep)(void);
static char *(*volatile keep_curl)(void);

int
main(void)
{
	keep = sodium_version_string;
	keep = sqlite3_libversion;
	keep_curl = curl_version;
	return 0;
}
