/* SPDX-License-Identifier: MIT */
/* What the files of this room share. */
#ifndef SK_AGENT_INTERNAL_H
#define SK_AGENT_INTERNAL_H

#include "agent/agent.h"
#include "agent/hint.h"
#include "agent/retry.h"
#include "sys/sys.h"

#define SK_MAX_OUTPUT ((size_t)16 << 20)
#define SK_HEAD_KEPT ((size_t)64 << 10) /* of output that was too much */
#define SK_TEXT_KEPT ((size_t)8 << 10) /* of error text, for classifying */
#define SK_MESSAGE_MAX ((size_t)400)
#define SK_GRACE_MS 5000
#define SK_DRAIN_MS 250
#define SK_TIMEOUT_MS ((int64_t)20 * 60 * 1000)
#define SK_FIRST_BYTE_MS ((int64_t)3 * 60 * 1000)
#define SK_IDLE_MS ((int64_t)10 * 60 * 1000)

/* ---- adapters ---- */

enum sk_out_format { SK_OUT_TEXT, SK_OUT_JSON, SK_OUT_JSONL };

/* One adapter file; the trees live in the arena and are read as they are. */
struct sk_adapter {
	struct sk_arena arena;
	const char *name;
	const char *family;
	struct sk_jv *argv; /* strings, and arrays = optional groups */
	struct sk_jv *pass, *set; /* environment: names, values */
	struct sk_jv *set_read; /* values for one that may only read */
	int stop_signal;
	enum sk_out_format format;
	bool result_needed; /* no answer without an event that says ok */
	bool error_json; /* a failure's JSON may stand on stderr */
	bool streams; /* silence means something */
	bool common; /* classify.toml after the adapter's own list */
	bool input_includes_cache, output_excludes_reasoning;
	const char *scope; /* usage: "run" or "session" */
	struct sk_jv *http; /* asked over the network; NULL = a program */
	enum sk_kind early; /* ended with a word before any event; NONE */
	struct sk_jv *rules, *classify, *exit_kinds;
	struct sk_jv *forms; /* "--flag word" → text, json, jsonl */
	struct sk_jv *text; /* of the text form: session, drop */
	struct sk_jv *hint_lines; /* stderr: only these lines hold hints */
	struct sk_jv *files; /* names, texts: what argv names as {file:NAME} */
	struct sk_jv *login; /* env, files: how to see that it is logged in */
};
/* The form of output that this argv asks the adapter's program for. */
enum sk_out_format
sk_adapter_form(const struct sk_adapter *ad, char *const *argv);
/* Without looking into the set of loaded ones: a file that the user names. */
int sk_adapter_file(
    const char *path, const struct sk_adapter **out, struct sk_err *err);

/* Code of an agent that was stopped because nobody waits for it any more. */
#define SK_NOT_NEEDED "not_needed"

/* ---- one agent of the call ---- */

struct sk_usage {
	int64_t input, cache_read, cache_write, output, reasoning; /* -1 */
	bool known;
};

/* What came of one attempt. Strings are owned. */
struct sk_outcome {
	enum sk_kind kind; /* NONE = ok */
	char code[40]; /* finer than kind, where there is one: "tls_expired" */
	char *message; /* NULL = none; see sk_outcome_text() */
	int64_t retry_after_ms, reset_at_ms; /* 0 = not said */
	bool final; /* the provider says that another call is of no use */
	char *content;
	size_t content_n;
	bool lossy;
	struct sk_usage usage;
	const char *scope; /* of usage, NULL = the adapter's */
	int64_t cost_micro; /* -1 = not said */
	char *session, *model;
	int exit_code, signal; /* -1 = none */
	char *diff; /* of its work tree; NULL = none was asked for */
	char *base; /* the commit that diff is from */
	int64_t started_ms, ended_ms, duration_ms, first_byte_ms; /* -1 */
	uint64_t output_bytes;
	char sha256[SK_SHA256_LEN];
	char *host; /* of a stored record; NULL = here */
};
void sk_outcome_init(struct sk_outcome *o);
void sk_outcome_free(struct sk_outcome *o);
/* Its message, "" when there is none. */
const char *sk_outcome_text(const struct sk_outcome *o);
void sk_outcome_say(struct sk_outcome *o, const char *fmt, ...) SK_PRINTF(2, 3);
/* Kind and message in one; the first cause stays. */
void sk_outcome_fail(struct sk_outcome *o, enum sk_kind k, const char *fmt, ...)
    SK_PRINTF(3, 4);
#ifdef SK_FAULTS
/* The answer was another one: judged anew. p may be within o->content. */
void sk_outcome_again(
    struct sk_outcome *o, const char *p, size_t n, const struct sk_jv *schema);
#endif

struct sk_slot {
	char name[SK_IDENT_LEN]; /* "x.2" */
	char base[SK_IDENT_LEN]; /* "x": what the configuration calls it */
	const struct sk_adapter *ad; /* NULL: cannot be run */
	char *adapter_name;
	struct sk_strv command; /* replaces the program; empty = adapter's */
	char *model, *cwd;
	const char *provider; /* whose limits count; NULL = nobody's */
	struct sk_slot *fallback; /* who answers in its place, owned */
	bool write; /* it may change files */
	char asked[SK_SHA256_LEN]; /* of the question to it; "" = none */
	bool stands_in; /* it is somebody's fallback */
	struct sk_jv *env; /* table or NULL */
	const struct sk_jv *conf; /* [agents.NAME] or NULL */
	const struct sk_jv
	    *model_conf; /* [models.NAME] of its model, or NULL */
	struct sk_patience patience; /* what that says of retries */
	bool schema_strict; /* see struct sk_subst */
	const struct sk_attempt_ops *ops; /* what kind of attempt it makes */
	int64_t timeout_ms, grace_ms;
	int64_t first_byte_ms, idle_ms; /* 0 = any silence will do */
	struct sk_strv argv; /* complete */
	bool remote; /* a launcher starts it elsewhere */
	enum sk_kind broken; /* why it cannot be run, with text */
	char *broken_why;
};

struct sk_slots {
	struct sk_slot *v;
	size_t n;
};
/* Files that argv may name; NULL = there is none. */
struct sk_subst {
	const char *model, *prompt_file, *schema_file, *schema_json;
	bool schema_strict; /* within the strict subset, see slot.c */
	const struct sk_strv *launcher; /* NULL = none */
};
/* Adapter, command, model, times of a slot that has its names. */
int sk_slot_resolve(struct sk_slot *s, const struct sk_ask *ask,
    const struct sk_config *conf, const char *stage, struct sk_err *err);
/* ---- slot_model.c ---- */
/* What [models.NAME] says of its model. */
void sk_slot_know_model(
    struct sk_slot *s, const struct sk_ask *ask, const struct sk_config *conf);
/* ---- control_slot.c ---- */
/* What -m says about it, else NULL. */
const char *sk_slot_model(const struct sk_ask *ask, const struct sk_slot *s);
/* Every agent that an option names must be asked. */
int sk_slots_check(
    const struct sk_slots *s, const struct sk_ask *ask, struct sk_err *err);
/* Names the question to each agent: the same name, the same question. */
void sk_slots_asked(
    struct sk_slots *s, const char *prompt_sha256, const char *schema_sha256);
/* Chains of stand-ins, by option, else by configuration. */
int sk_slots_fallbacks(struct sk_slots *s, const struct sk_ask *ask,
    const struct sk_config *conf, const char *stage, struct sk_err *err);

int sk_slots_make(struct sk_slots *s, const struct sk_ask *ask,
    const struct sk_strv *agents, const struct sk_config *conf,
    const char *stage, struct sk_err *err);
int sk_slots_argv(
    struct sk_slots *s, const struct sk_subst *sub, struct sk_err *err);
void sk_slots_free(struct sk_slots *s);

/* Whole environment of one agent; tmp NULL = our TMPDIR; caller frees. */
void sk_agent_env(const struct sk_slot *slot, const char *stage,
    const char *spec, const char *token, const char *tmp, struct sk_strv *env);

/* ---- reading output ---- */

/* The first part of a text that is long, in a file; fd -1 = there is none. */
struct sk_parked {
	int fd;
	size_t n;
};
/* What an adapter's rules found so far. */
struct sk_reader {
	const struct sk_adapter *ad;
	struct sk_outcome *o;
	struct sk_buf content, fallback; /* the answer; where it may be else */
	struct sk_buf error, detail; /* final words; what helps to classify */
	struct sk_buf soft; /* the last error that was not the end */
	bool has_content, ok, failed, any, limited;
	enum sk_kind kind, empty_kind;
	int64_t http;
	double cost;
	struct sk_hint hint; /* of headers and bodies within events */
	const char *dir; /* for what is long; NULL = all stays in memory */
	struct sk_parked content_out, fallback_out;
	int park_error; /* errno: something of it is lost */
};
/* ---- park.c ---- */
/* Long texts out of memory, as far as that can be; and one of them back, false
 * when it cannot be read. */
void sk_reader_park(struct sk_reader *r);
bool sk_reader_unpark(struct sk_buf *b, struct sk_parked *out);
/* The buffer begins anew. */
void sk_parked_drop(struct sk_parked *out, struct sk_buf *b);

void sk_reader_init(struct sk_reader *r, const struct sk_adapter *ad,
    struct sk_outcome *o, size_t max);
void sk_reader_event(struct sk_reader *r, const struct sk_jv *ev);
/* One event, or a list of them. */
void sk_reader_events(struct sk_reader *r, const struct sk_jv *v);
void sk_reader_free(struct sk_reader *r);

/* The first part in memory, the rest in a file without a name; what is above
 * the limit is only counted (spool.c). */
struct sk_spool {
	struct sk_buf head;
	int fd; /* -1 = all is in head */
	const char *dir; /* NULL = memory has to do */
	size_t max;
	uint64_t total, kept;
	int error; /* errno: nothing could be kept any more */
};
/* Standard output of one agent, bounded. */
struct sk_tap {
	struct sk_reader r;
	enum sk_out_format form; /* the adapter's, unless set otherwise */
	bool no_clock; /* a recording: the time of day is not known */
	struct sk_buf buf; /* what is read when it is complete */
	struct sk_spool line; /* of JSON Lines, not complete yet */
	struct sk_buf noise; /* head of lines that are not JSON */
	size_t max;
	uint64_t total;
	bool flooded, skipping;
};
void sk_tap_init(struct sk_tap *t, const struct sk_adapter *ad,
    struct sk_outcome *o, size_t max);
/* Where to put what is long; before anything is fed. */
void sk_tap_dir(struct sk_tap *t, const char *dir);
/* errno of what could not be kept; 0 = all is well. */
int sk_tap_error(const struct sk_tap *t);
void sk_tap_feed(struct sk_tap *t, const char *p, size_t n);
/* A JSON document that the agent wrote elsewhere: one more event. */
void sk_tap_extra(struct sk_tap *t, const char *p, size_t n);
void sk_tap_free(struct sk_tap *t);

/* Head and tail of standard error. */
struct sk_errtap {
	struct sk_buf head;
	char *ring;
	size_t pos;
	uint64_t total;
};
void sk_errtap_feed(struct sk_errtap *e, const char *p, size_t n);
/* All that is kept, in order. */
void sk_errtap_text(const struct sk_errtap *e, struct sk_buf *out);
void sk_errtap_free(struct sk_errtap *e);

/* Without escape sequences: colours must not hide where a line begins. */
void sk_plain_add(struct sk_buf *b, const char *p, size_t n);

/* The end of an attempt: fills kind, message, content. wstatus as waitpid. */
void sk_outcome_judge(struct sk_outcome *o, struct sk_tap *t,
    const struct sk_errtap *e, int wstatus, const struct sk_jv *schema);

/* Of that the part for an attempt that failed; a kind that is there stays. */
void sk_judge_failure(
    struct sk_outcome *o, struct sk_tap *t, const struct sk_errtap *e);

/* Kind of an error text by the adapter's list, then the common one; NONE. */
enum sk_kind sk_classify(
    const struct sk_adapter *ad, const char *text, size_t n, int64_t http);
/* Whether a pattern of such a list is in a text that is in lower case. */
bool sk_pattern_in(const char *low, size_t n, const char *pattern);

#include "agent/attempt.h"
#include "agent/hurt.h"

/* ---- records ---- */

struct sk_round {
	char run[SK_RUN_LEN], branch[SK_BRANCH_LEN];
	const char *spec, *stage; /* "" = none */
	int64_t round;
	char host[65];
	char question[SK_SHA256_LEN]; /* of prompt and answer schema */
};
struct sk_answer {
	const struct sk_slot *slot;
	int64_t attempt, seq; /* seq 0 = none */
	int64_t shown; /* attempt of the recording that is replayed; 0 = none */
	int64_t resume_ms; /* suspended until then; 0 = not */
	char *reused; /* run of the answer that was taken; NULL = new; owned */
	int64_t reused_seq;
	bool held; /* a budget counts it */
#ifdef SK_FAULTS
	const char *deliver; /* on purpose; NULL = not asked yet */
#endif
	struct sk_outcome o;
};
/* The number of the call, as it is told. */
int64_t sk_answer_attempt(const struct sk_answer *a);
void sk_answer_json(
    struct sk_buf *b, const struct sk_round *r, const struct sk_answer *a);
/* usage, cost, timings …: what the store keeps beside the columns. */
void sk_answer_meta(
    struct sk_buf *b, const struct sk_round *r, const struct sk_answer *a);
/* The other way: an answer that was accepted before. */
void sk_answer_from_stored(struct sk_answer *a, const struct sk_stored *st);
/* Opens one sk.event/1 up to "round"; the caller adds and ends it. */
void sk_event_open(struct sk_jw *w, struct sk_buf *b, const char *event,
    const struct sk_round *r);

/* ---- what comes in ---- */

struct sk_request {
	struct sk_arena arena;
	struct sk_buf prompt;
	struct sk_strv agents;
	const char *run, *branch, *spec, *stage; /* NULL = not said */
	int64_t round;
	struct sk_jv *schema;
};
/* Standard input or the file; a document sk.request/1 is taken apart. */
int sk_request_read(struct sk_request *q, const char *file, struct sk_err *err);
void sk_request_free(struct sk_request *q);
/* sk_agent_stage() or SK_USAGE "unknown_stage" with a suggestion. */
int sk_stage_check(const char *word, const struct sk_config *c,
    const char **out, struct sk_err *err);
int sk_schema_read(struct sk_arena *a, const char *file, struct sk_jv **out,
    struct sk_err *err);

/* ---- for people ---- */

void sk_show_answer(const struct sk_answer *a);
void
sk_show_table(const struct sk_round *r, const struct sk_answer *a, size_t n);
void sk_warn_failures(const struct sk_answer *a, size_t n, size_t required);

#endif
