/* SPDX-License-Identifier: MIT */
/* Errors as values, and the few lines of talk that go to stderr. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/core.h"

const char *sk_prog = "sk";
bool sk_quiet;

static int
fail(struct sk_err *, int, const char *, const char *, va_list) SK_PRINTF(4, 0);

static int
fail(struct sk_err *err, int exit_class, const char *code, const char *fmt,
    va_list ap)
{
	char msg[sizeof(err->message)];

	/* The message may quote the old one, so format first. */
	(void)vsnprintf(msg, sizeof(msg), fmt, ap);
	sk_err_clear(err);
	err->exit = exit_class;
	(void)snprintf(err->code, sizeof(err->code), "%s", code);
	(void)snprintf(err->message, sizeof(err->message), "%s", msg);
	return exit_class;
}

int
sk_fail(
    struct sk_err *err, int exit_class, const char *code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)fail(err, exit_class, code, fmt, ap);
	va_end(ap);
	return exit_class;
}

static int
errno_class(int e, const char **code)
{
	switch (e) {
	case ENOMEM:
		*code = "out_of_memory";
		return SK_NOMEM;
	case ENOSPC:
	case EDQUOT:
		*code = "no_space";
		return SK_IO;
	case EACCES:
	case EPERM:
	case EROFS:
		*code = "permission";
		return SK_IO;
	case ENOENT:
	case ENOTDIR:
		*code = "not_found";
		return SK_IO;
	case EEXIST:
		*code = "exists";
		return SK_IO;
	default:
		*code = "io";
		return SK_IO;
	}
}

int
sk_fail_errno(struct sk_err *err, const char *fmt, ...)
{
	int e = errno, class;
	const char *code;
	va_list ap;
	size_t n;

	class = errno_class(e, &code);
	va_start(ap, fmt);
	(void)fail(err, class, code, fmt, ap);
	va_end(ap);
	n = strlen(err->message);
	(void)snprintf(
	    err->message + n, sizeof(err->message) - n, ": %s", strerror(e));
	if (e == ENOSPC || e == EDQUOT)
		(void)sk_hint(err, "free some disk space and repeat");
	errno = e;
	return class;
}

int
sk_hint(struct sk_err *err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(err->hint, sizeof(err->hint), fmt, ap);
	va_end(ap);
	return err->exit;
}

void
sk_err_clear(struct sk_err *err)
{
	free(err->details);
	memset(err, 0, sizeof(*err));
}

const char *
sk_exit_word(int exit_class)
{
	static const struct {
		int exit;
		const char *word;
	} words[] = { { SK_OK, "ok" }, { SK_NEGATIVE, "conflict" },
		{ SK_USAGE, "usage" }, { SK_DEGRADED, "degraded" },
		{ SK_LOGIN, "login" }, { SK_PAUSED, "paused" },
		{ SK_NOANSWER, "no answer" }, { SK_BUDGET, "budget" },
		{ SK_ORDER, "out of order" }, { SK_TIMEOUT, "timeout" },
		{ SK_DAMAGED, "damaged" }, { SK_NEWER, "newer schema" },
		{ SK_BUG, "bug" }, { SK_NOMEM, "out of memory" },
		{ SK_IO, "io" }, { SK_AGAIN, "try again" },
		{ SK_INT, "interrupted" }, { SK_PIPE, "pipe closed" },
		{ SK_TERM, "terminated" } };

	for (size_t i = 0; i < SK_ARRAY_SIZE(words); i++)
		if (words[i].exit == exit_class)
			return words[i].word;
	return "unknown";
}

static void put_line(const char *, bool, const char *, va_list) SK_PRINTF(3, 0);

/* One write(2), so that lines of several processes do not mix. */
static void
put_line(const char *prefix, bool keep_nl, const char *fmt, va_list ap)
{
	struct sk_buf text, line;

	sk_buf_init(&text, 65536);
	sk_buf_init(&line, (size_t)1 << 20);
	sk_buf_vprintf(&text, fmt, ap);
	if (prefix != NULL)
		sk_buf_printf(&line, "%s: ", prefix);
	sk_buf_visible(&line, text.p, text.len, keep_nl);
	sk_buf_ch(&line, '\n');
	(void)sk_write_all(STDERR_FILENO, line.p, line.len);
	sk_buf_free(&text);
	sk_buf_free(&line);
}

void
sk_warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put_line(sk_prog, false, fmt, ap);
	va_end(ap);
}

void
sk_say(const char *fmt, ...)
{
	va_list ap;

	if (sk_quiet)
		return;
	va_start(ap, fmt);
	put_line(sk_prog, false, fmt, ap);
	va_end(ap);
}

void (*sk_on_oom)(void);

/* No allocation from here on: there is no memory left. */
void
sk_oom(void)
{
	static const char msg[] = ": out of memory\n";

	(void)!write(STDERR_FILENO, sk_prog, strlen(sk_prog));
	(void)!write(STDERR_FILENO, msg, sizeof(msg) - 1);
	if (sk_on_oom != NULL)
		sk_on_oom();
	_exit(SK_NOMEM);
}

void
sk_bug_at(const char *file, int line, const char *fmt, ...)
{
	char msg[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	sk_warn("bug at %s:%d: %s", file, line, msg);
	_exit(SK_BUG);
}
