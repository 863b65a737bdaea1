/* SPDX-License-Identifier: MIT */
/*
 * Logs that are one JSON document: gemini and opencode of earlier days. The
 * messages of a session are taken one by one as they are read, so that a long
 * session needs no more memory than its longest message.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "metrics/import.h"

struct doc {
	struct sk_import *im;
	struct sk_log_state s;
	struct sk_import_count *c;
	struct sk_buf head; /* all of it but the messages */
	struct sk_buf item; /* the message that is read */
	int depth;
	bool string, escape; /* in one; after a backslash */
	bool list; /* in the messages */
};

/* The messages begin: what is known of their session stands before them. */
static void
begin_list(struct doc *d)
{
	size_t n = d->head.len;

	d->list = true;
	if (d->head.full)
		return;
	sk_buf_str(&d->head, "]}");
	sk_log_line(d->im, &d->s, d->head.p, d->head.len, sk_import_emit);
	d->head.len = n;
	d->head.p[n] = '\0';
}

static void
end_item(struct doc *d)
{
	d->c->lines++;
	if (d->item.full)
		d->c->too_long++;
	else if (sk_log_marked(d->s.log, d->item.p, d->item.len))
		sk_log_line(
		    d->im, &d->s, d->item.p, d->item.len, sk_import_emit);
	sk_buf_clear(&d->item);
}

static bool
is_messages(const struct sk_buf *b)
{
	static const char key[] = "\"messages\":[";
	size_t n = sizeof(key) - 1, i = b->len;

	/* From behind, spaces left out. */
	while (n > 0 && i > 0) {
		char c = b->p[--i];

		if (c == ' ' || c == '\n' || c == '\r' || c == '\t')
			continue;
		if (c != key[--n])
			return false;
	}
	return n == 0;
}

static void
take(struct doc *d, char c)
{
	bool inside = d->list && d->depth > 2;

	if (d->string) {
		d->string = d->escape || c != '"';
		d->escape = !d->escape && c == '\\';
	} else if (c == '"') {
		d->string = true;
	} else if (c == '{' || c == '[') {
		d->depth++;
		inside = d->list && d->depth > 2;
	} else if (c == '}' || c == ']') {
		d->depth--;
		d->list = d->list && d->depth > 1;
	}
	if (inside)
		sk_buf_ch(&d->item, c);
	else if (!d->list)
		sk_buf_ch(&d->head, c);
	if (inside && d->depth == 2 && !d->string)
		end_item(d);
	else if (c == '[' && !d->list && !d->string && d->depth == 2 &&
		 is_messages(&d->head))
		begin_list(d);
}

/* What is no message is a document of its own. */
static void
end_document(struct doc *d)
{
	if (d->depth != 0 || d->string)
		d->c->cut++;
	else if (d->head.full)
		d->c->too_long++;
	else
		sk_log_line(
		    d->im, &d->s, d->head.p, d->head.len, sk_import_emit);
}

static int
read_all(struct doc *d, int fd)
{
	char block[1 << 15];
	bool first = true;
	ssize_t n;

	while ((n = read(fd, block, sizeof(block))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return sk_fail_errno(
			    d->im->err, "cannot read '%s'", d->im->path);
		if (first && !d->im->fixed &&
		    !sk_log_sniff(block, (size_t)n, &d->s.log))
			return sk_import_unknown(d->im);
		if (first) {
			d->c = &d->im->count[d->s.log];
			d->c->files++;
		}
		first = false;
		d->c->bytes += n;
		for (ssize_t i = 0; i < n; i++)
			take(d, block[i]);
		/* (It is read from its beginning each time: a document is not
		 * appended to.) */
		if (d->im->n >= SK_LOG_BATCH) {
			const char *path = d->im->path;

			d->im->path = NULL;
			if (sk_import_flush(d->im) != 0)
				return d->im->rc;
			d->im->path = path;
		}
	}
	if (first)
		return sk_import_unknown(d->im);
	end_document(d);
	return 0;
}

int
sk_import_document(struct sk_import *im, int fd)
{
	struct doc d = { .im = im, .s = { .log = im->source } };
	int rc;

	sk_buf_init(&d.head, SK_LOG_LINE_MAX);
	sk_buf_init(&d.item, SK_LOG_LINE_MAX);
	rc = read_all(&d, fd);
	sk_buf_free(&d.head);
	sk_buf_free(&d.item);
	im->path = NULL;
	return rc;
}
