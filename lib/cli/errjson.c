/* SPDX-License-Identifier: MIT */
/* sk.error/1: a filled error as a record, and a record as a filled error. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

void
sk_error_json(struct sk_buf *b, const struct sk_err *err)
{
	struct sk_jw w;

	sk_jw_doc(&w, b, "sk.error/1");
	sk_jw_kobj(&w, "error");
	sk_jw_kstr(&w, "code", err->code[0] != '\0' ? err->code : "error");
	sk_jw_kint(&w, "exit", err->exit);
	sk_jw_kstr(&w, "tool", sk_prog);
	sk_jw_kstr(&w, "message", err->message);
	sk_jw_kword(&w, "hint", err->hint);
	sk_jw_kpos(&w, "retry_after_ms", err->retry_after_ms);
	sk_jw_key(&w, "details");
	if (err->details != NULL)
		sk_jw_raw(&w, err->details, strlen(err->details));
	else
		sk_jw_null(&w);
	sk_jw_end(&w);
	sk_jw_done(&w);
}

/* The record's details, and in "from" the tool that failed first, so that the
 * cause keeps its name however many filters pass it on. */
static char *
details_from(const struct sk_jv *e)
{
	const struct sk_jv *d = sk_jget(e, "details");
	const char *tool = sk_jget_str(e, "tool");
	bool add = tool != NULL && strcmp(tool, sk_prog) != 0 &&
	           sk_jget(d, "from") == NULL;
	struct sk_buf b;
	struct sk_jw w;

	if (d != NULL && d->type != SK_J_OBJ)
		d = NULL;
	if (d == NULL && !add)
		return NULL;
	sk_buf_init(&b, 0);
	sk_jw_init(&w, &b);
	sk_jw_obj(&w);
	if (add)
		sk_jw_kstr(&w, "from", tool);
	for (size_t i = 0; i < sk_jlen(d); i++) {
		sk_jw_keyn(&w, d->m[i].key, d->m[i].klen);
		sk_jw_value(&w, d->m[i].v);
	}
	sk_jw_end(&w);
	return sk_buf_detach(&b);
}

/* The fields of struct sk_err are short: cut between characters. */
static void
copy_cut(char *to, size_t size, const char *s)
{
	size_t n = s != NULL ? strlen(s) : 0;

	if (n >= size)
		for (n = size - 1;
		     n > 0 && ((unsigned char)s[n] & 0xc0) == 0x80;)
			n--;
	if (n > 0)
		memcpy(to, s, n);
	to[n] = '\0';
}

bool
sk_error_from_json(const struct sk_jv *v, struct sk_err *err)
{
	const struct sk_jv *e = sk_jget(v, "error");
	int64_t n;

	if (!sk_streq(sk_jget_str(v, "schema"), "sk.error/1") || e == NULL ||
	    e->type != SK_J_OBJ)
		return false;
	sk_err_clear(err);
	copy_cut(err->code, sizeof(err->code), sk_jget_str(e, "code"));
	copy_cut(err->message, sizeof(err->message), sk_jget_str(e, "message"));
	copy_cut(err->hint, sizeof(err->hint), sk_jget_str(e, "hint"));
	if (err->message[0] == '\0')
		copy_cut(err->message, sizeof(err->message),
		    "failure without a message");
	if (sk_jget_int(e, "retry_after_ms", &n) && n > 0)
		err->retry_after_ms = n;
	/* A script may leave the status out: then there is just no answer. */
	err->exit = SK_NOANSWER;
	if (sk_jget_int(e, "exit", &n) && n >= 1 && n <= 255)
		err->exit = (int)n;
	err->details = details_from(e);
	return true;
}
