/* SPDX-License-Identifier: MIT */
/*
 * libcurl, loaded when it is first needed: with its thirty libraries it costs
 * 4 ms at every start of a program that links it, and most runs of sk-run start
 * commands only. Below this line curl_x() is what was found for it.
 */
#ifndef SK_NET_CURL_H
#define SK_NET_CURL_H

#include <curl/curl.h>

#include "core/core.h"

/*
 * Loads and initialises it, once; "no_libcurl": SK_USAGE where there is none,
 * SK_NOMEM where it, or one of its libraries, cannot be loaded.
 */
int sk_curl_load(struct sk_err *err);

#define SK_CURL_FUNCTIONS(X) \
	X(easy_cleanup) \
	X(easy_getinfo) \
	X(easy_init) \
	X(easy_pause) \
	X(easy_setopt) \
	X(easy_strerror) \
	X(free) \
	X(global_init) \
	X(multi_add_handle) \
	X(multi_assign) \
	X(multi_cleanup) \
	X(multi_info_read) \
	X(multi_init) \
	X(multi_remove_handle) \
	X(multi_setopt) \
	X(multi_socket_action) \
	X(slist_append) \
	X(slist_free_all) \
	X(url) \
	X(url_cleanup) \
	X(url_get) \
	X(url_set)

/* (curl/curl.h has macros of some names, which check types of options.) */
#undef curl_easy_getinfo
#undef curl_easy_setopt
#undef curl_multi_setopt

#define SK_CURL_MEMBER(name) __typeof__(curl_##name) *name;
struct sk_curl {
	SK_CURL_FUNCTIONS(SK_CURL_MEMBER)
};
extern struct sk_curl sk_curl;

#define curl_easy_cleanup sk_curl.easy_cleanup
#define curl_easy_getinfo sk_curl.easy_getinfo
#define curl_easy_init sk_curl.easy_init
#define curl_easy_pause sk_curl.easy_pause
#define curl_easy_setopt sk_curl.easy_setopt
#define curl_easy_strerror sk_curl.easy_strerror
#define curl_free sk_curl.free
#define curl_global_init sk_curl.global_init
#define curl_multi_add_handle sk_curl.multi_add_handle
#define curl_multi_assign sk_curl.multi_assign
#define curl_multi_cleanup sk_curl.multi_cleanup
#define curl_multi_info_read sk_curl.multi_info_read
#define curl_multi_init sk_curl.multi_init
#define curl_multi_remove_handle sk_curl.multi_remove_handle
#define curl_multi_setopt sk_curl.multi_setopt
#define curl_multi_socket_action sk_curl.multi_socket_action
#define curl_slist_append sk_curl.slist_append
#define curl_slist_free_all sk_curl.slist_free_all
#define curl_url sk_curl.url
#define curl_url_cleanup sk_curl.url_cleanup
#define curl_url_get sk_curl.url_get
#define curl_url_set sk_curl.url_set

#endif
