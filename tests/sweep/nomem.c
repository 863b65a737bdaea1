/* SPDX-License-Identifier: MIT */
/*
 * Preloaded: the Nth allocation of a program whose name begins with "sk" fails,
 * and with NOMEM_EVER all after it. NOMEM_FILE holds the count, shared by all
 * processes; NOMEM_AT=0 only counts.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);

static volatile long *count;
static long at;
static int ever;

__attribute__((constructor)) static void
begin(void)
{
	const char *file = getenv("NOMEM_FILE");
	void *p;
	int fd;

	if (file == NULL ||
	    strncmp(program_invocation_short_name, "sk", 2) != 0)
		return;
	fd = open(file, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	at = strtol(getenv("NOMEM_AT"), NULL, 10);
	ever = getenv("NOMEM_EVER") != NULL;
	p = mmap(
	    NULL, sizeof(*count), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	(void)close(fd);
	if (p != MAP_FAILED)
		count = p;
}

static int
fails(void)
{
	long n;

	if (count == NULL)
		return 0;
	n = __atomic_add_fetch(count, 1, __ATOMIC_RELAXED);
	if (at == 0 || (ever ? n < at : n != at))
		return 0;
	errno = ENOMEM;
	return 1;
}

void *
malloc(size_t n)
{
	return fails() ? NULL : __libc_malloc(n);
}

void *
calloc(size_t n, size_t size)
{
	return fails() ? NULL : __libc_calloc(n, size);
}

void *
realloc(void *p, size_t n)
{
	return fails() ? NULL : __libc_realloc(p, n);
}
