/* SPDX-License-Identifier: MIT */
/*
 * What the files of this room share: layers, findings, and where values came
 * from. Layers keep their own trees; the effective tree has tables of its own
 * and shares the leaves, so a leaf's address tells its layer.
 */
#ifndef SK_CONFIG_INTERNAL_H
#define SK_CONFIG_INTERNAL_H

#include "config/config.h"

#define SK_CONFIG_FILE_MAX ((size_t)1 << 20)
#define SK_LAYERS_MAX 8

/* In the order in which they are merged. */
enum sk_layer_kind {
	SK_LAYER_DEFAULT,
	SK_LAYER_SYSTEM,
	SK_LAYER_USER,
	SK_LAYER_PROJECT,
	SK_LAYER_SPEC,
	SK_LAYER_NAMED,
	SK_LAYER_ENV,
	SK_LAYER_OPTION
};

struct sk_layer {
	enum sk_layer_kind kind;
	const char *file; /* absolute; NULL unless it is a file */
	const char *state; /* "used", "absent", … */
	struct sk_jv *root; /* as it was written; NULL = nothing there */
	/* Of environment and options: a value's line is 1 + the index of the
	 * variable or option that set it. */
	struct sk_strv names;
};

struct sk_finding {
	int layer;
	uint32_t line, col;
	const char *where; /* "FILE:LINE:COL" or a variable's name */
	const char *key; /* "" = the file as a whole */
	const char *code, *message, *hint; /* hint may be NULL */
	int exit; /* SK_USAGE: what is written is wrong; else the machine is */
};

/* Value → layer, by address: open addressing, a power of two of slots. */
struct sk_origin_slot {
	const struct sk_jv *v;
	int layer;
};

struct sk_config_origin {
	struct sk_layer layers[SK_LAYERS_MAX];
	int n;
	struct sk_jv *schema; /* of the file; NULL until it is needed */
	struct sk_origin_slot *slots;
	size_t cap, used;
	struct sk_finding *findings;
	size_t n_findings;
	struct sk_config_file *files; /* for sk_config_files() */
	struct sk_models *models; /* NULL until it is asked for */
	char *spec, *spec_dir; /* of the layer SPEC; NULL = there is none */
	struct sk_strv set; /* key, value, origin, … of sk_config_set() */
	bool located; /* the files were found, not read */
	bool snapshot; /* the layers are a running driver's */
	const char *system; /* where the system's file is */
};

/* Where the layers are. Tests give their own. */
struct sk_config_where {
	const char *system; /* /etc/sk/config.toml */
	const char *named; /* --config, or NULL: SK_CONFIG */
	const char *spec, *spec_dir; /* as for sk_config_spec(), or NULL */
	char *const *env; /* environ */
	bool snapshot; /* SK_CONFIG_SNAPSHOT counts */
};

/* models.c */
void sk_models_free(struct sk_models *r);

/* load.c */
int sk_config_load_from(
    struct sk_config *c, const struct sk_config_where *w, struct sk_err *err);
/* The layer that a value of the effective tree came from. */
int sk_config_layer_of(const struct sk_config *c, const struct sk_jv *v);
/* Where a leaf of the effective tree, or of one layer, was said. */
const char *sk_config_origin_of(struct sk_config *c, const struct sk_jv *v);
const char *
sk_config_layer_text(struct sk_config *c, int layer, const struct sk_jv *v);
/* Take a checked layer into the effective tree. */
void sk_config_merge(struct sk_config *c, int layer);
void sk_config_merge_into(
    struct sk_config *c, struct sk_jv *to, const struct sk_jv *from, int layer);
/* The effective tree anew, from all layers as they are. */
void sk_config_remerge(struct sk_config *c);
void sk_config_read(struct sk_config *c, int layer);
/* The findings as one error; 0 when there is none. */
int sk_config_verdict(struct sk_config *c, struct sk_err *err);

/* Was the file merely found, and may have come with somebody else's tree? */
static inline bool
sk_config_found(const struct sk_layer *l)
{
	return l->kind == SK_LAYER_PROJECT || l->kind == SK_LAYER_SPEC;
}

/* find.c */
int sk_config_find(
    struct sk_config *c, const struct sk_config_where *w, struct sk_err *err);
void sk_config_look(struct sk_layer *l);
bool sk_config_same_file(const char *a, const char *b);
/* path against base (absolute), with "." and ".." taken out of its text. */
char *sk_config_abs(struct sk_config *c, const char *base, const char *path);

/* check.c */
struct sk_jv *sk_config_schema(struct sk_config *c);
/* $ref followed; NULL-safe. */
const struct sk_jv *
sk_config_ref(const struct sk_jv *schema, const struct sk_jv *s);
bool sk_config_type_has(
    const struct sk_jv *schema, const struct sk_jv *s, const char *type);
/* The schema of a member; NULL when the key is unknown. */
const struct sk_jv *sk_config_member(
    const struct sk_jv *schema, const struct sk_jv *s, const char *key);
/* The known key that is closest; NULL when none is. */
const char *sk_config_suggest(
    const struct sk_jv *schema, const struct sk_jv *s, const char *key);
void sk_config_check(struct sk_config *c, int layer);
/* Append ".key", quoted when it is not a bare key. */
void sk_config_key_add(struct sk_buf *b, const char *key);
void sk_config_finding(struct sk_config *c, int layer, const struct sk_jv *at,
    const char *key, const char *code, const char *hint, const char *fmt, ...)
    SK_PRINTF(7, 8);

/* cross.c: rules between keys, on the effective tree. */
void sk_config_cross(struct sk_config *c);

/* spec.c: the specification's layer read, checked and merged; the findings are
 * the caller's. */
int sk_config_spec_read(
    struct sk_config *c, const char *id, const char *dir, struct sk_err *err);

/* reload.c */
int sk_config_from_snapshot(struct sk_config *c,
    const struct sk_config_where *w, bool *found, struct sk_err *err);

/* env.c */
void sk_config_env(struct sk_config *c, int layer, char *const *env);
/* Append a key as it is spelt in a variable. */
void sk_config_env_add(struct sk_buf *b, const char *key);

#endif
