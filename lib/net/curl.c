/* SPDX-License-Identifier: MIT */
/* Loading libcurl. */
#include <dlfcn.h>
#include <errno.h>
#include <string.h>

#include "net/curl.h"

/* The name has been the same since 2006, and Debian's package has it. */
#define LIBRARY "libcurl.so.4"

struct sk_curl sk_curl;

static bool
take(void *library, const char *name, void *to)
{
	void *found = dlsym(library, name);

	/* (C has no cast from an object's address to a function's.) */
	memcpy(to, &found, sizeof(found));
	return found != NULL;
}

/*
 * Why it does not load. The loader tells it in words only, and in those of the
 * locale, as strerror() does: what is not there can be installed; all else
 * (most often memory or descriptors) is the machine's trouble, not the user's.
 */
static int
not_loaded(struct sk_err *err)
{
	const char *why = dlerror();
	const char *absent = strerror(ENOENT);
	size_t n, tail = strlen(absent);

	if (why == NULL)
		why = "no reason given";
	n = strlen(why);
	if (n < tail || strcmp(why + n - tail, absent) != 0)
		return sk_fail(err, SK_NOMEM, "no_libcurl",
		    "cannot load " LIBRARY ": %s", why);
	(void)sk_fail(
	    err, SK_USAGE, "no_libcurl", "cannot load " LIBRARY ": %s", why);
	return sk_hint(err, "install libcurl4");
}

int
sk_curl_load(struct sk_err *err)
{
	static bool ready;
	void *library;
	bool whole = true;

	if (ready)
		return 0;
	library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	if (library == NULL)
		return not_loaded(err);
#define SK_CURL_TAKE(name) \
	whole = take(library, "curl_" #name, &sk_curl.name) && whole;
	SK_CURL_FUNCTIONS(SK_CURL_TAKE)
	if (!whole)
		return sk_fail(err, SK_USAGE, "no_libcurl",
		    "cannot use " LIBRARY ": it lacks a function");
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return sk_fail(err, SK_NOMEM, "no_libcurl",
		    "cannot use " LIBRARY ": its own libraries fail");
	ready = true;
	return 0;
}
