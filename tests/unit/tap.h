/* SPDX-License-Identifier: MIT */
/* Sixty lines of TAP for the C unit tests: CHECK() counts, a test ends with
 * `return tap_done();`. A failed check prints where and what. */
#ifndef TAP_H
#define TAP_H

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int tap_n, tap_failed;

__attribute__((format(printf, 4, 5), unused)) static void
tap_check(int ok, const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	printf("%s %d - ", ok ? "ok" : "not ok", ++tap_n);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	if (!ok) {
		tap_failed++;
		printf("#   at %s:%d\n", file, line);
	}
}

#define CHECK(x) tap_check(!!(x), __FILE__, __LINE__, "%s", #x)
#define CHECKF(x, ...) tap_check(!!(x), __FILE__, __LINE__, __VA_ARGS__)
#define CHECK_STR(a, b) \
	do { \
		const char *a_ = (a), *b_ = (b); \
		int ok_ = a_ != NULL && b_ != NULL && strcmp(a_, b_) == 0; \
		tap_check(ok_, __FILE__, __LINE__, "%s", #a); \
		if (!ok_) \
			printf("#   got  '%s'\n#   want '%s'\n", \
			    a_ ? a_ : "(null)", b_ ? b_ : "(null)"); \
	} while (0)
#define CHECK_INT(a, b) \
	do { \
		long long a_ = (long long)(a), b_ = (long long)(b); \
		tap_check(a_ == b_, __FILE__, __LINE__, "%s", #a); \
		if (a_ != b_) \
			printf("#   got %lld, want %lld\n", a_, b_); \
	} while (0)

__attribute__((unused)) static int
tap_done(void)
{
	printf("1..%d\n", tap_n);
	return tap_failed != 0;
}

#endif
