/* SPDX-License-Identifier: MIT */
/*
 * config: layers with origin.
 *
 * Promises: one effective tree, merged from built-in defaults < /etc/sk <
 * user file < project .sk/config.toml <
 * docs/<SPEC>/pipeline.toml < named file (--config, SK_CONFIG) <
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
/* The same with the layer of a specification (see below), or without when it is
 * NULL: the findings of all layers together. */
int sk_config_load_spec(struct sk_config *c, const char *named,
    const char *spec, struct sk_err *err);
void sk_config_free(struct sk_config *c);
/*
 * The layer of one specification, docs/<id>/pipeline.toml, between the
 * project's file and the named one; it is trusted like the project's. dir is
 * the specification's folder, or NULL: it is looked for under the project's
 * root. A specification that does not exist, or has no such file, changes
 * nothing.
 * SK_USAGE as for loading; c stays as it was.
 */
int sk_config_spec(
    struct sk_config *c, const char *id, const char *dir, struct sk_err *err);
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
 * env (table), timeout, enabled, cwd. */
struct sk_jv *sk_config_agent(const struct sk_config *c, const char *name);

/* ---- stages (stage.c) ---- */

/* Names of the stages that are built in; NULL ends. */
extern const char *const sk_stage_words[];
/* "spec-plan", "REVIEW", "audit" → the name; NULL for any other word. */
const char *sk_stage_word(const char *word);
/* An arbiter is asked in a stage of its own, "plan.arbiter": its answer is none
 * of the stage's. */
#define SK_ARBITER_STAGE "arbiter"

/* ---- what changes (reload.c, watch.c) ---- */

/* Of the effective tree, wherever its values come from. */
void sk_config_hash(const struct sk_config *c, char hex[SK_SHA256_LEN]);
/*
 * Read everything again: files, environment, the specification, options. On
 * success c is the new configuration, sections the names of those that differ
 * (none: nothing has changed), and every value that was got from c before is
 * gone; project_root and named_file stay as they are. On failure c stays as it
 * was, err has all findings. What was read from a pipe, or is a snapshot, never
 * changes.
 */
int sk_config_reload(
    struct sk_config *c, struct sk_strv *sections, struct sk_err *err);
/*
 * From here on our own children read this configuration and not the files,
 * whatever happens to those: sets SK_CONFIG_SNAPSHOT to a memory file that
 * lives as long as *fd, which is -1 or the snapshot before.
 */
int sk_config_snapshot(const struct sk_config *c, int *fd, struct sk_err *err);
/*
 * Follow the files of all layers until a signal comes (128 + its number), or
 * once until one change was dealt with: sk.event/1 records on standard output,
 * watch_start, file_changed, reload_success, reload_failed; lines of text
 * without json.
 */
int
sk_config_follow(struct sk_config *c, bool json, bool once, struct sk_err *err);

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
	const char *layer; /* "system", "user", "project", "spec", "named" */
	const char *path; /* absolute */
	const char *state; /* "used", "absent", "unreadable", "shadowed" */
};
size_t
sk_config_files(const struct sk_config *c, const struct sk_config_file **out);
/* Every leaf of the effective tree, keys in byte order. */
typedef void (*sk_config_fn)(
    void *arg, const char *key, const struct sk_jv *v, const char *origin);
void sk_config_each(const struct sk_config *c, sk_config_fn fn, void *arg);
/* What one key is. Values that are not there are NULL. */
struct sk_config_info {
	const char *key; /* as TOML wants it */
	const char *type; /* "integer", "duration", "list of agents", … */
	const char *description;
	const struct sk_jv *minimum, *maximum, *min_items, *max_items;
	const struct sk_jv *words; /* the only ones that are allowed */
	const struct sk_jv *examples;
	const struct sk_jv *members; /* of a table: its keys */
	bool named; /* a table whose keys are names of the user's */
	bool project; /* a project's file that was found may set it */
	bool secret;
	const struct sk_jv *dflt, *value;
	const char *origin; /* of the value */
	const char *env; /* SPECKIT_SECTION__FIELD */
};
/* SK_USAGE "unknown_key" with a suggestion when there can be no such key. */
int sk_config_explain(struct sk_config *c, const char *key,
    struct sk_config_info *out, struct sk_err *err);
/* Every layer that sets the key, lowest first. */
void sk_config_each_setting(
    struct sk_config *c, const char *key, sk_config_fn fn, void *arg);
/* The schema of [section] alone; false when there is no such section. */
bool sk_config_section_schema(const char *section, struct sk_buf *out);
/* Is there an agent or an adapter of this name? */
bool sk_config_knows_agent(const struct sk_config *c, const char *name);
/* What is allowed and will hardly be meant, most of it about agents: how many
 * there are. where is FILE:LINE, hint may be NULL. */
typedef void (*sk_config_warn_fn)(void *arg, const char *where, const char *key,
    const char *message, const char *hint);
size_t sk_config_warnings(struct sk_config *c, sk_config_warn_fn fn, void *arg);
/* Must the value of this key not be shown? */
bool sk_config_secret(const char *key);
/* v as it may be shown: without secrets, those in tables and in URLs included.
 * Shares what needs no change. */
const struct sk_jv *
sk_config_masked(struct sk_arena *a, const char *key, const struct sk_jv *v);
/* ---- what is printed (show.c, find.c) ---- */

#define SK_CONFIG_MASK "***" /* in place of a secret */
/* A scalar as its text, a table or array as one line of JSON. */
void sk_config_put_value(struct sk_buf *b, const struct sk_jv *v);
/* All about one key, and the models (name NULL: all), on standard output. */
int sk_config_show_key(
    struct sk_config *c, const char *key, bool json, struct sk_err *err);
int sk_config_show_models(
    const struct sk_config *c, const char *name, bool json, struct sk_err *err);

/* The nearest directory from dir (absolute) upward that holds name;
 * malloc'd, NULL when none does. only_dir: name must be a directory. */
char *sk_find_upward(const char *dir, const char *name, bool only_dir);

#endif
