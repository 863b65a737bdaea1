/* SPDX-License-Identifier: MIT */
/* sys: a program that is run to its end, and what it said. */
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/sys.h"
#include "tap.h"

/* Reads of the program fail with this, from the one after so many on. */
static int read_error, read_after;

ssize_t
read(int fd, void *p, size_t n)
{
	if (read_error != 0 && read_after-- <= 0) {
		errno = read_error;
		return -1;
	}
	return syscall(SYS_read, fd, p, n);
}

static int
capture(const char *script, const char *in, struct sk_buf *out,
    struct sk_buf *er, int64_t ms, int *st, struct sk_err *err)
{
	const char *argv[] = { "sh", "-c", script, NULL };
	struct sk_spawn sp = { .argv = argv, .fd_in = -1 };

	sk_buf_clear(out);
	sk_buf_clear(er);
	return sk_capture(
	    &sp, in, in != NULL ? strlen(in) : 0, out, er, ms, st, err);
}

static void
test_capture(void)
{
	struct sk_buf out, er;
	struct sk_err err = { 0 };
	int64_t t;
	int st;

	sk_buf_init(&out, 100000);
	sk_buf_init(&er, 0);
	CHECK(capture("cat; echo e >&2; exit 3", "hello", &out, &er, 0, &st,
		  &err) == 0);
	CHECK(WEXITSTATUS(st) == 3);
	CHECK_STR(out.p, "hello");
	CHECK_STR(er.p, "e\n");

	/* What cannot be read is no end. */
	for (int n = 0; n < 2; n++) {
		read_after = n;
		read_error = EIO;
		CHECK(capture("echo a; sleep 0.1; echo b", NULL, &out, &er, 0,
			  &st, &err) == SK_IO);
		read_error = 0;
		CHECK_STR(err.message,
		    "cannot read what 'sh' says: Input/output error");
		sk_err_clear(&err);
	}

	/* Someone else holds the pipe: not waited for longer than draining. */
	t = sk_mono_ms();
	CHECK(capture("sleep 9 & echo ok", NULL, &out, &er, 0, &st, &err) == 0);
	CHECK_STR(out.p, "ok\n");
	CHECK(sk_mono_ms() - t < 5000);

	t = sk_mono_ms();
	CHECK_INT(
	    capture("sleep 9", NULL, &out, &er, 100, &st, &err), SK_TIMEOUT);
	CHECK(sk_mono_ms() - t < 5000);
	CHECK_STR(err.code, "timeout");

	/* More than the buffer takes: bounded, and the program still ends. */
	CHECK(capture("head -c 1000000 /dev/zero", NULL, &out, &er, 0, &st,
		  &err) == 0);
	CHECK(out.full && out.len <= 100000);
	CHECK(WIFEXITED(st) && WEXITSTATUS(st) == 0);
	sk_buf_free(&out);
	sk_buf_free(&er);
}

int
main(void)
{
	test_capture();
	return tap_done();
}
