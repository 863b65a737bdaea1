/* SPDX-License-Identifier: MIT */
/* TOML in the tagged JSON form of the public test suite (toml-test). */
#include "json/json.h"

/* The suite's word for a value; NULL for tables and arrays. */
static const char *
tag_of(const struct sk_jv *v)
{
	switch ((enum sk_toml_kind)v->toml_kind) {
	case SK_TOML_FLOAT:
		return "float";
	case SK_TOML_DATETIME:
		return "datetime";
	case SK_TOML_DATETIME_LOCAL:
		return "datetime-local";
	case SK_TOML_DATE_LOCAL:
		return "date-local";
	case SK_TOML_TIME_LOCAL:
		return "time-local";
	case SK_TOML_NONE:
		break;
	}
	if (v->type == SK_J_STR)
		return "string";
	if (v->type == SK_J_NUM)
		return "integer";
	return v->type == SK_J_TRUE || v->type == SK_J_FALSE ? "bool" : NULL;
}

void
sk_toml_tagged(struct sk_jw *w, const struct sk_jv *v)
{
	const char *tag = tag_of(v);

	if (v->type == SK_J_OBJ) {
		sk_jw_obj(w);
		for (size_t i = 0; i < v->n; i++) {
			sk_jw_keyn(w, v->m[i].key, v->m[i].klen);
			sk_toml_tagged(w, v->m[i].v);
		}
		sk_jw_end(w);
	} else if (v->type == SK_J_ARR) {
		sk_jw_arr(w);
		for (size_t i = 0; i < v->n; i++)
			sk_toml_tagged(w, v->a[i]);
		sk_jw_end(w);
	} else {
		sk_jw_obj(w);
		sk_jw_kstr(w, "type", tag);
		sk_jw_key(w, "value");
		if (v->type == SK_J_STR || v->type == SK_J_NUM)
			sk_jw_strn(w, v->s, v->n);
		else
			sk_jw_str(w, v->type == SK_J_TRUE ? "true" : "false");
		sk_jw_end(w);
	}
}
