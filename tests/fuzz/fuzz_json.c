/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: the JSON reader, writer and canonical form must agree with each
 * other, JSON is looked for in the same bytes as prose, and a document with
 * the keys "schema" and "data" goes through the validator.
 */
#include <stdlib.h>
#include <string.h>

#include "json/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
must(bool ok)
{
	if (!ok)
		abort();
}

/* What v was written as must be read as v again. */
static void
round_trip(struct sk_arena *a, const struct sk_jv *v, const struct sk_buf *b)
{
	struct sk_jv *again;

	must(sk_json_parse(a, b->p, b->len, NULL, &again, NULL) == 0);
	must(sk_json_eq(v, again));
}

static void
all_forms(struct sk_arena *a, const struct sk_jv *v)
{
	struct sk_buf b, c;
	struct sk_jv *again;

	sk_buf_init(&b, 0);
	sk_buf_init(&c, 0);
	sk_json_write(&b, v);
	for (size_t i = 0; i < b.len; i++)
		must(b.p[i] >= 0x20 && b.p[i] < 0x7f &&
		     (b.p[i] != '#' || b.p[i + 1] != '#'));
	round_trip(a, v, &b);
	sk_buf_clear(&b);
	sk_json_pretty(&b, v);
	round_trip(a, v, &b);
	sk_buf_clear(&b);
	sk_json_canon(&b, v);
	/* Canonical numbers may leave the reader's range; then the text is
	 * only required to be stable. */
	if (sk_json_parse(a, b.p, b.len, NULL, &again, NULL) == 0) {
		must(sk_json_eq(v, again));
		sk_json_canon(&c, again);
		must(c.len == b.len && memcmp(c.p, b.p, b.len) == 0);
	}
	must(sk_json_eq(v, sk_jcopy(a, v)));
	sk_buf_free(&b);
	sk_buf_free(&c);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const char *p = (const char *)data;
	struct sk_schema_out out;
	struct sk_arena a = { 0 };
	struct sk_err err = { 0 };
	struct sk_jv *v;
	enum sk_jfound how;
	size_t used;

	if (sk_json_parse(&a, p, n, NULL, &v, &err) == 0) {
		all_forms(&a, v);
		if (sk_jget(v, "schema") != NULL) {
			sk_schema_check(
			    sk_jget(v, "schema"), sk_jget(v, "data"), &out);
			sk_schema_out_free(&out);
		}
	} else {
		must(v == NULL && err.exit == SK_DAMAGED);
		must(sk_json_parse(&a, err.details, strlen(err.details), NULL,
			 &v, NULL) == 0);
	}
	sk_err_clear(&err);
	if (sk_json_prefix(&a, p, n, NULL, &v, &used, NULL) == 0)
		must(used > 0 && used <= n);
	how = sk_json_find(&a, p, n, &v);
	must((how == SK_JFOUND_NONE) == (v == NULL));
	sk_arena_free(&a);
	return 0;
}
