/* SPDX-License-Identifier: MIT */
/* Loading libcurl. */
#include <dlfcn.h>
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

int
sk_curl_load(struct sk_err *err)
{
	static bool ready;
	void *library;
	bool whole = true;

	if (ready)
		return 0;
	library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	if (library == NULL) {
		(void)sk_fail(err, SK_USAGE, "no_libcurl",
		    "cannot load " LIBRARY ": %s", dlerror());
		return sk_hint(err, "install libcurl4");
	}
#define SK_CURL_TAKE(name) \
	whole = take(library, "curl_" #name, &sk_curl.name) && whole;
	SK_CURL_FUNCTIONS(SK_CURL_TAKE)
	if (!whole || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return sk_fail(err, SK_USAGE, "no_libcurl",
		    "cannot use " LIBRARY ": it lacks a function, or its own "
		    "libraries fail");
	ready = true;
	return 0;
}
