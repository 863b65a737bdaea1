/* SPDX-License-Identifier: MIT */
/*
 * config: layers with origin.
 *
 * Promises: one effective tree, merged from built-in defaults < /etc/sk <
 * user file < project .sk/config.toml < named file (--config, SK_CONFIG) <
 * SPECKIT_<SECTION>__<FIELD> < options; every value knows where it came from. A
 * project file that was merely found cannot define commands, URLs, environment
 * or paths outside the tree.
 *
 * Ownership: the configuration owns its tree; values live until free.
 */
#ifndef SK_CONFIG_H
#define SK_CONFIG_H

#include "core/core.h"
#include "json/json.h"

struct sk_config {
	struct sk_arena arena;
	struct sk_jv *root; /* effective tree */
	char *project_root; /* absolute; see sk_config_load() */
	char *named_file; /* --config or SK_CONFIG, absolute, or NULL */
	struct sk_config_origin *origins;
};
/*
 * named: --config or NULL (then SK_CONFIG). The project root is the nearest
 * directory upward with .sk/, else git's top, else the working directory; a
 * named file may set it: [project] root = "." (relative to that file).
 * Relative command paths (with a slash) and root are made absolute against the
 * file that names them. SK_USAGE on any invalid layer: all findings, each with
 * FILE:LINE:COL, are in the message (first) and details (all).
 */
int sk_config_load(struct sk_config *c, const char *named, struct sk_err *err);
void sk_config_free(struct sk_config *c);
/* Highest layer: an option of the running tool. value is TOML text, or taken
 * as a string when it is not. */
int sk_config_set(struct sk_config *c, const char *key, const char *value,
    const char *origin, struct sk_err *err);
/* Dotted key ("run.timeout"); NULL when unset. */
struct sk_jv *sk_config_get(const struct sk_config *c, const char *key);
/* Text of a string, or of a number as it was written (quorum = 2). */
const char *
sk_config_str(const struct sk_config *c, const char *key, const char *dflt);
int64_t sk_config_int(const struct sk_config *c, const char *key, int64_t dflt);
bool sk_config_bool(const struct sk_config *c, const char *key, bool dflt);
/* Durations: "90s" or a number of seconds → ms. */
int64_t
sk_config_duration(const struct sk_config *c, const char *key, int64_t dflt_ms);
/* "default", "FILE:LINE", "environment SPECKIT_X", "option --x". */
const char *sk_config_origin(const struct sk_config *c, const char *key);
/* [agents.NAME] or NULL. Keys: adapter, command (array of strings), model,
 * env (table), timeout, family, enabled, cwd. */
struct sk_jv *sk_config_agent(const struct sk_config *c, const char *name);

/* ---- models (models.c) ---- */

/* Micro US dollars for a million tokens; -1 = not known. */
struct sk_model_price {
	int64_t input; /* neither read from a cache nor written to one */
	int64_t cached_input, cache_write, output;
};
/* What is known of a model; texts that are not known are NULL. */
struct sk_model {
	const char *name; /* canonical */
	const char *provider, *model; /* who serves it, and under which name */
	const char *tier; /* "low", "medium", "high" */
	const char *endpoint;
	int64_t context_window; /* tokens; 0 = not known */
	struct sk_model_price price;
	/* A request whose prompt has more than long_over tokens costs `longer`
	 * for all of them; 0 = there is no such rule. */
	int64_t long_over;
	struct sk_model_price longer;
	const char *date, *source; /* of the prices: "2026-10-24", a URL */
	const char *origin; /* "default" or FILE:LINE */
	const struct sk_jv *aliases;
};
/*
 * By canonical name, by the provider's name (with or without its date,
 * "-latest", "PROVIDER/" and "[1m]"), or by alias; [models.NAME] of the
 * configuration comes before what is built in. False when it is unknown, and
 * then nothing is known of *out, its prices included. Texts live as long as c.
 */
bool sk_model_find(
    const struct sk_config *c, const char *name, struct sk_model *out);
typedef void (*sk_model_fn)(void *arg, const struct sk_model *m);
void sk_model_each(const struct sk_config *c, sk_model_fn fn, void *arg);
/* The error for an unknown name: the known ones, and the one that was meant. */
int sk_model_unknown(
    const struct sk_config *c, const char *name, struct sk_err *err);

/* ---- looking around: sk-config, sk doctor ---- */

/*
 * Only find the files, read none; the next function shows them. Free as usual.
 */
int
sk_config_locate(struct sk_config *c, const char *named, struct sk_err *err);
struct sk_config_file {
	const char *layer; /* "system", "user", "project", "named" */
	const char *path; /* absolute */
	const char *state; /* "used", "absent", "unreadable", "shadowed" */
};
size_t
sk_config_files(const struct sk_config *c, const struct sk_config_file **out);
/* Every leaf of the effective tree, keys in byte order. */
typedef void (*sk_config_fn)(
    void *arg, const char *key, const struct sk_jv *v, const char *origin);
void sk_config_each(const struct sk_config *c, sk_config_fn fn, void *arg);
/* Must the value of this key not be shown? */
bool sk_config_secret(const char *key);
/* The nearest directory from dir (absolute) upward that holds name;
 * malloc'd, NULL when none does. only_dir: name must be a directory. */
char *sk_find_upward(const char *dir, const char *name, bool only_dir);

#endif
