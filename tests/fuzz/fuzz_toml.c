/* SPDX-License-Identifier: MIT */
/* Fuzz target: whatever the TOML reader takes is a tree that can be written
 * as JSON and read again. */
#include <stdlib.h>
#include <string.h>

#include "json/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct sk_arena a = { 0 };
	struct sk_err err = { 0 };
	struct sk_jv *v, *again;
	struct sk_buf b;

	sk_buf_init(&b, 0);
	if (sk_toml_parse(&a, (const char *)data, n, "fuzz", &v, &err) == 0) {
		sk_json_write(&b, v);
		/* TOML allows NUL in keys, our JSON does not. */
		if (sk_json_parse(&a, b.p, b.len, NULL, &again, &err) != 0) {
			if (strstr(err.message, "NUL") == NULL)
				abort();
		} else if (!sk_json_eq(v, again)) {
			abort();
		}
	} else if (v != NULL || err.exit != SK_USAGE) {
		abort();
	}
	sk_err_clear(&err);
	sk_buf_free(&b);
	sk_arena_free(&a);
	return 0;
}
