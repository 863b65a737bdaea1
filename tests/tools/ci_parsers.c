/* SPDX-License-Identifier: MIT */
/*
 * What CI systems find in a program's output: small ports of their parsers, run
 * over standard input. Prints one JSON object of counts.
 *
 *	v2, v1      GitHub's runner, ActionCommand.TryParseV2 and TryParse
 *	vso         Azure's agent: ##vso[ and ##[ anywhere
 *	teamcity    ##teamcity[ at the start of a line
 *	section     GitLab's section_start: and section_end: markers
 *	control     bytes and characters that steer a terminal
 *	bidi        characters that turn text around
 *
 * With "output": what GITHUB_OUTPUT would set, one NAME=VALUE a line; what the
 * runner refuses is status 1.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/core.h"

struct counts {
	long v2, v1, vso, teamcity, section, control, bidi, lines;
	struct sk_strv names;
};

static const char *const registered[] = { "set-env", "set-output", "save-state",
	"add-path", "add-mask", "add-matcher", "remove-matcher", "debug",
	"warning", "error", "notice", "group", "endgroup", "echo",
	"stop-commands", "internal-set-repo-path" };

static bool
is_registered(const char *s, size_t n)
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(registered); i++)
		if (strlen(registered[i]) == n &&
		    strncasecmp(registered[i], s, n) == 0)
			return true;
	return false;
}

/* String.TrimStart(): all that Unicode calls white space. */
static const char *
trim(const char *s, size_t *n)
{
	size_t i = 0, at = 0;

	while (i < *n) {
		uint32_t c = sk_utf8_next(s, *n, &i);

		if (!(c == ' ' || (c >= 9 && c <= 13) || c == 0x85 ||
			c == 0xa0 || c == 0x1680 ||
			(c >= 0x2000 && c <= 0x200a) || c == 0x2028 ||
			c == 0x2029 || c == 0x202f || c == 0x205f ||
			c == 0x3000))
			break;
		at = i;
	}
	*n -= at;
	return s + at;
}

static bool
try_v2(struct counts *c, const char *s, size_t n)
{
	const char *end, *space;
	char *name;

	s = trim(s, &n);
	if (n < 2 || memcmp(s, "::", 2) != 0)
		return false;
	end = memmem(s + 2, n - 2, "::", 2);
	if (end == NULL)
		return false;
	space = memchr(s + 2, ' ', (size_t)(end - s - 2));
	if (space == NULL)
		space = end;
	if (!is_registered(s + 2, (size_t)(space - s - 2)))
		return false;
	name = sk_strndup(s + 2, (size_t)(space - s - 2));
	if (!sk_strv_has(&c->names, name))
		sk_strv_add(&c->names, name);
	free(name);
	c->v2++;
	return true;
}

static bool
try_v1(const char *s, size_t n)
{
	const char *at = memmem(s, n, "##[", 3), *end, *space;

	if (at == NULL)
		return false;
	at += 3;
	end = memchr(at, ']', n - (size_t)(at - s));
	if (end == NULL)
		return false;
	space = memchr(at, ' ', (size_t)(end - at));
	return is_registered(at, (size_t)((space != NULL ? space : end) - at));
}

static void
look(struct counts *c, const char *s, size_t n)
{
	size_t i = 0, m = n;
	const char *t;

	c->lines++;
	if (!try_v2(c, s, n))
		c->v1 += try_v1(s, n);
	c->vso +=
	    memmem(s, n, "##vso[", 6) != NULL || memmem(s, n, "##[", 3) != NULL;
	t = trim(s, &m);
	c->teamcity += m >= 11 && memcmp(t, "##teamcity[", 11) == 0;
	while (i < n) {
		uint32_t u = sk_utf8_next(s, n, &i);

		c->control +=
		    u < 0x20 || (u >= 0x7f && u < 0xa0) || u == (uint32_t)-1;
		c->bidi += (u >= 0x202a && u <= 0x202e) ||
		           (u >= 0x2066 && u <= 0x2069) ||
		           (u >= 0x200b && u <= 0x200f) || u == 0xfeff;
	}
}

/* section_start:NUMBER:NAME, then \r and "erase to the end of the line". */
static void
sections(struct counts *c, const char *s)
{
	for (; (s = strstr(s, "section_")) != NULL; s += 8) {
		const char *p = s + 8 + strcspn(s + 8, ":");

		if (!sk_has_prefix(s + 8, "start:") &&
		    !sk_has_prefix(s + 8, "end:"))
			continue;
		p += 1 + strspn(p + 1, "0123456789");
		if (*p == ':')
			p += strcspn(p, "\r\n");
		c->section += sk_has_prefix(p, "\r\033[0K");
	}
}

/* Lines end as a .NET reader ends them: \n, \r, or both. */
static const char *
line_end(const char *p, const char *end, const char **next)
{
	const char *e = p;

	while (e < end && *e != '\n' && *e != '\r')
		e++;
	*next = e < end ? e + 1 : e;
	if (e + 1 < end && e[0] == '\r' && e[1] == '\n')
		*next = e + 2;
	return e;
}

/* FileCommandManager: NAME=VALUE, or NAME<<WORD and lines up to WORD. */
static int
output(const char *p, const char *end)
{
	const char *e, *next, *eq, *doc;

	for (; p < end; p = next) {
		e = line_end(p, end, &next);
		if (e == p)
			continue;
		eq = memchr(p, '=', (size_t)(e - p));
		doc = memmem(p, (size_t)(e - p), "<<", 2);
		if (eq != NULL && (doc == NULL || eq < doc)) {
			printf("%.*s\n", (int)(e - p), p);
			continue;
		}
		if (doc == NULL)
			return 1;
		printf("%.*s=", (int)(doc - p), p);
		for (p = next;; p = next) {
			size_t n = (size_t)(e - doc - 2);
			const char *le;

			if (p >= end)
				return 1;
			le = line_end(p, end, &next);
			if ((size_t)(le - p) == n && memcmp(p, doc + 2, n) == 0)
				break;
			printf("%.*s ", (int)(le - p), p);
		}
		printf("\n");
	}
	return 0;
}

int
main(int argc, char **argv)
{
	struct counts c = { 0 };
	struct sk_err err = { 0 };
	const char *p, *e, *next;
	struct sk_buf b;

	sk_buf_init(&b, 0);
	if (sk_read_fd(STDIN_FILENO, SK_BUF_MAX - 1, &b, "input", &err) != 0)
		return 2;
	if (argc > 1 && strcmp(argv[1], "output") == 0) {
		int rc = output(b.p, b.p + b.len);

		sk_buf_free(&b);
		return rc;
	}
	for (p = b.p; p < b.p + b.len; p = next) {
		e = line_end(p, b.p + b.len, &next);
		look(&c, p, (size_t)(e - p));
		/* A bare \r is a control byte like others. */
		c.control += *e == '\r';
	}
	sections(&c, b.p);
	printf("{\"v2\":%ld,\"v1\":%ld,\"vso\":%ld,\"teamcity\":%ld,"
	       "\"section\":%ld,\"control\":%ld,\"bidi\":%ld,\"lines\":%ld,"
	       "\"commands\":\"",
	    c.v2, c.v1, c.vso, c.teamcity, c.section, c.control, c.bidi,
	    c.lines);
	sk_strv_sort(&c.names);
	for (size_t i = 0; i < c.names.n; i++)
		printf("%s%s", i > 0 ? "," : "", c.names.v[i]);
	printf("\"}\n");
	sk_strv_free(&c.names);
	sk_buf_free(&b);
	return 0;
}
