/* SPDX-License-Identifier: MIT */
/* Running a pattern's program: all alternatives at once, one pass over the
 * text. */
#include <stdlib.h>

#include "json/schema_regex.h"

/* The program counters that are alive before one character. */
struct threads {
	uint32_t *pc;
	size_t n;
};

struct machine {
	const struct sk_re *re;
	uint32_t *stack;
	/* seen[pc] == stamp: already in this step's list */
	uint32_t *seen;
	uint32_t stamp;
	bool word_before, word_after, at_start, at_end;
};

/* Add pc and all that it reaches without a character. True on MATCH. */
static bool
follow(struct machine *m, struct threads *t, uint32_t pc)
{
	size_t n = 0;
	bool edge = m->word_before != m->word_after, go;

	m->stack[n++] = pc;
	while (n > 0) {
		const struct inst *in;

		pc = m->stack[--n];
		if (m->seen[pc] == m->stamp)
			continue;
		m->seen[pc] = m->stamp;
		in = &m->re->prog[pc];
		go = true;
		switch (in->op) {
		case MATCH:
			return true;
		case CHAR:
		case SET:
			t->pc[t->n++] = pc;
			continue;
		case SPLIT:
			m->stack[n++] = (uint32_t)((int32_t)pc + in->y);
			/* fall through */
		case JUMP:
			m->stack[n++] = (uint32_t)((int32_t)pc + in->x);
			continue;
		case START:
			go = m->at_start;
			break;
		case END:
			go = m->at_end;
			break;
		default:
			go = edge == (in->op == WORD_EDGE);
		}
		if (go)
			m->stack[n++] = pc + 1;
	}
	return false;
}

static bool
accepts(const struct sk_re *re, const struct inst *in, uint32_t cp)
{
	const struct set *s;

	if (in->op == CHAR)
		return (uint32_t)in->x == cp;
	s = &re->sets[in->x];
	for (size_t i = s->at; i < s->at + s->n; i++)
		if (cp >= re->ranges[i].lo && cp <= re->ranges[i].hi)
			return !in->neg;
	return in->neg;
}

bool
sk_re_search(const struct sk_re *re, const char *s, size_t n)
{
	uint32_t *mem = sk_calloc(re->n * 5 + 4, sizeof(*mem)), cp;
	struct threads now = { mem, 0 }, next = { mem + re->n, 0 };
	struct machine m = {
		.re = re,
		.seen = mem + 2 * re->n,
		.stack = mem + 3 * re->n,
		.at_start = true,
	};
	size_t i = 0, j, at;
	bool found = false;

	for (;;) {
		at = i;
		j = i;
		cp = at < n ? sk_utf8_next(s, n, &j) : 0;
		m.stamp++;
		m.at_end = at == n;
		m.word_after = at < n && sk_re_word(cp);
		/* now holds raw successors; next becomes the closed list */
		next.n = 0;
		for (size_t k = 0; !found && k < now.n; k++)
			found = follow(&m, &next, now.pc[k]);
		if (!found)
			found = follow(&m, &next, 0);
		if (found || at == n)
			break;
		now.n = 0;
		for (size_t k = 0; k < next.n; k++)
			if (accepts(re, &re->prog[next.pc[k]], cp))
				now.pc[now.n++] = next.pc[k] + 1;
		m.word_before = m.word_after;
		m.at_start = false;
		i = j;
	}
	free(mem);
	return found;
}
