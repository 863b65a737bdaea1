/* SPDX-License-Identifier: MIT */
/* Memory that never comes back NULL, and the bump arena. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/core.h"

#define BLOCK_MIN ((size_t)4096)
#define BLOCK_MAX ((size_t)1 << 20)

struct sk_arena_block {
	struct sk_arena_block *next;
	size_t used, cap;
	_Alignas(16) unsigned char data[];
};

void *
sk_malloc(size_t n)
{
	void *p = malloc(n != 0 ? n : 1);

	if (p == NULL)
		sk_oom();
	return p;
}

void *
sk_calloc(size_t n, size_t size)
{
	void *p = calloc(n != 0 ? n : 1, size != 0 ? size : 1);

	if (p == NULL)
		sk_oom();
	return p;
}

void *
sk_realloc(void *p, size_t n)
{
	p = realloc(p, n != 0 ? n : 1);
	if (p == NULL)
		sk_oom();
	return p;
}

void *
sk_reallocarray(void *p, size_t n, size_t size)
{
	if (size != 0 && n > SIZE_MAX / size)
		sk_oom();
	return sk_realloc(p, n * size);
}

void *
sk_grow(struct sk_arena *a, void *v, size_t n, size_t *cap, size_t size)
{
	void *p;

	*cap = *cap == 0 ? 8 : *cap * 2;
	if (a == NULL)
		return sk_reallocarray(v, *cap, size);
	p = sk_arena_alloc(a, *cap * size);
	if (n != 0)
		memcpy(p, v, n * size);
	return p;
}

char *
sk_strndup(const char *s, size_t n)
{
	char *p = sk_malloc(n + 1);

	if (n != 0)
		memcpy(p, s, n);
	p[n] = '\0';
	return p;
}

char *
sk_strdup(const char *s)
{
	return sk_strndup(s, strlen(s));
}

char *
sk_asprintf(const char *fmt, ...)
{
	struct sk_buf b;
	va_list ap;

	sk_buf_init(&b, 0);
	va_start(ap, fmt);
	sk_buf_vprintf(&b, fmt, ap);
	va_end(ap);
	return sk_buf_detach(&b);
}

void *
sk_arena_alloc(struct sk_arena *a, size_t n)
{
	struct sk_arena_block *b = a->head;
	size_t cap, want = (n + 15) & ~(size_t)15;
	void *p;

	if (want < n)
		sk_oom();
	if (b == NULL || b->cap - b->used < want) {
		/* Blocks double, so that a large tree costs few of them. */
		cap = b != NULL ? b->cap * 2 : BLOCK_MIN;
		if (cap > BLOCK_MAX)
			cap = BLOCK_MAX;
		if (cap < want)
			cap = want;
		b = sk_malloc(sizeof(*b) + cap);
		b->used = 0;
		b->cap = cap;
		b->next = a->head;
		a->head = b;
	}
	p = b->data + b->used;
	b->used += want;
	a->used += want;
	memset(p, 0, want);
	return p;
}

char *
sk_arena_strndup(struct sk_arena *a, const char *s, size_t n)
{
	char *p = sk_arena_alloc(a, n + 1);

	if (n != 0)
		memcpy(p, s, n);
	return p;
}

char *
sk_arena_strdup(struct sk_arena *a, const char *s)
{
	return sk_arena_strndup(a, s, strlen(s));
}

char *
sk_arena_printf(struct sk_arena *a, const char *fmt, ...)
{
	struct sk_buf b;
	va_list ap;
	char *p;

	sk_buf_init(&b, 0);
	va_start(ap, fmt);
	sk_buf_vprintf(&b, fmt, ap);
	va_end(ap);
	p = sk_arena_strndup(a, b.p, b.len);
	sk_buf_free(&b);
	return p;
}

void
sk_arena_free(struct sk_arena *a)
{
	struct sk_arena_block *b, *next;

	for (b = a->head; b != NULL; b = next) {
		next = b->next;
		free(b);
	}
	a->head = NULL;
	a->used = 0;
}
