/* SPDX-License-Identifier: MIT */
/*
 * core: what every other room stands on.
 *
 * Promises: nothing here exits except sk_oom() and sk_bug(); a function that
 * can fail returns 0 or an exit class (enum sk_exit) and then has filled its
 * struct sk_err. Every growing buffer has a ceiling. Nothing here prints to
 * standard output except sk_out_*.
 *
 * Ownership: the caller owns what it passes in; a buffer's bytes belong to the
 * buffer until sk_buf_detach(); an arena owns all that was allocated from it.
 */
#ifndef SK_CORE_H
#define SK_CORE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SK_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define SK_NORETURN __attribute__((noreturn))
#define SK_ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* ---- errors (err.c) ---- */

/* Exit classes: one table for all tools, see sk-exit-codes(7). */
enum sk_exit {
	SK_OK = 0,
	SK_NEGATIVE = 1, /* definite negative: verdict conflict */
	SK_USAGE = 2, /* usage or configuration error */
	SK_DEGRADED = 3, /* degraded or unknown: usable but incomplete */
	SK_LOGIN = 4, /* login needed or expired */
	SK_PAUSED = 5, /* needs a person */
	SK_NOANSWER = 6, /* no usable answer from an agent or provider */
	SK_BUDGET = 7, /* budget refused */
	SK_ORDER = 8, /* out of order, stale, fenced */
	SK_TIMEOUT = 9, /* timed out */
	SK_DAMAGED = 65, /* damaged data: database, input */
	SK_NEWER = 69, /* newer schema than this build */
	SK_BUG = 70, /* internal error */
	SK_NOMEM = 71, /* out of memory */
	SK_IO = 74, /* I/O error, disk full */
	SK_AGAIN = 75, /* try again later: busy, another driver, limited */
	SK_INT = 130, /* interrupted */
	SK_PIPE = 141, /* pipe closed */
	SK_TERM = 143 /* terminated */
};

/*
 * One error: what happened (message), to what (in the message, in single
 * quotes), what to do next (hint). Becomes sk.error/1 and one line on stderr
 * in exactly one place, lib/cli/main.c. Callees never print.
 */
struct sk_err {
	int exit; /* enum sk_exit; 0 = no error */
	char code[40]; /* stable machine word: "unknown_option" */
	char message[600]; /* lower case, failure first, no full stop */
	char hint[400]; /* may be empty */
	int64_t retry_after_ms; /* 0 = not known */
	char *details; /* NULL or one JSON object, malloc'd */
};

/* Fill err and return its exit class, so that `return sk_fail()` reads well. */
int sk_fail(struct sk_err *err, int exit_class, const char *code,
    const char *fmt, ...) SK_PRINTF(4, 5);
/* The same with ": strerror(errno)" appended; ENOSPC, EDQUOT, EIO, EROFS and
 * other errno values are SK_IO, ENOMEM is SK_NOMEM. The code is derived from
 * errno ("no_space", "io", "permission", "not_found", …). */
int sk_fail_errno(struct sk_err *err, const char *fmt, ...) SK_PRINTF(2, 3);
/* Set the hint of a filled error; returns err->exit. */
int sk_hint(struct sk_err *err, const char *fmt, ...) SK_PRINTF(2, 3);
void sk_err_clear(struct sk_err *err);
/* "conflict"-like word for an exit class as printed in tables. */
const char *sk_exit_word(int exit_class);

/* The running program's name, as error prefix ("sk-run"). */
extern const char *sk_prog;
/*
 * One line to stderr with the program's name in front, in one write(2).
 * Control bytes, invalid UTF-8, bidi controls and the second of two '#' are
 * shown as visible escapes, so hostile text stays text.
 */
void sk_warn(const char *fmt, ...) SK_PRINTF(1, 2);
/* A line of talk (progress) without the prefix "warning"; silent under
 * sk_quiet. */
extern bool sk_quiet;
void sk_say(const char *fmt, ...) SK_PRINTF(1, 2);
SK_NORETURN void sk_oom(void);
/* Called by it, last; must do without memory. NULL = nothing. */
extern void (*sk_on_oom)(void);
SK_NORETURN void
sk_bug_at(const char *file, int line, const char *fmt, ...) SK_PRINTF(3, 4);
#define sk_bug(...) sk_bug_at(__FILE__, __LINE__, __VA_ARGS__)

/* ---- memory (mem.c) ---- */

/* These never return NULL: out of memory ends the program with 71. */
void *sk_malloc(size_t n);
void *sk_calloc(size_t n, size_t size);
void *sk_realloc(void *p, size_t n);
/* Array growth n * size with overflow check. */
void *sk_reallocarray(void *p, size_t n, size_t size);
char *sk_strdup(const char *s);
char *sk_strndup(const char *s, size_t n);
/* malloc'd printf. */
char *sk_asprintf(const char *fmt, ...) SK_PRINTF(1, 2);

/* Bump allocator: everything is freed at once. Zero-initialise to create. */
struct sk_arena {
	struct sk_arena_block *head;
	size_t used; /* bytes handed out, for ceilings */
};
/* 16-byte aligned, zeroed. */
void *sk_arena_alloc(struct sk_arena *a, size_t n);
char *sk_arena_strndup(struct sk_arena *a, const char *s, size_t n);
char *sk_arena_strdup(struct sk_arena *a, const char *s);
char *sk_arena_printf(struct sk_arena *a, const char *fmt, ...) SK_PRINTF(2, 3);
void sk_arena_free(struct sk_arena *a);

/* Room for one more in an array of n elements: in an arena, where the old copy
 * stays, or malloc'd (a NULL). */
#define SK_GROW(a, v, n, cap) \
	((n) < (cap) \
		? (void)0 \
		: (void)((v) = sk_grow((a), (v), (n), &(cap), sizeof(*(v)))))
void *sk_grow(struct sk_arena *a, void *v, size_t n, size_t *cap, size_t size);

/* ---- buffers (buf.c) ---- */

/*
 * Growable bytes with a ceiling. p is never NULL and always NUL-terminated
 * (the NUL is not counted in len). Passing max sets `full`, drops what does
 * not fit and makes every later append a no-op: check `full` once at the end.
 */
struct sk_buf {
	char *p;
	size_t len, cap, max;
	bool full;
};
#define SK_BUF_MAX ((size_t)256 << 20) /* default ceiling: 256 MiB */

void sk_buf_init(struct sk_buf *b, size_t max); /* max 0 = SK_BUF_MAX */
void sk_buf_free(struct sk_buf *b);
void sk_buf_clear(struct sk_buf *b); /* len = 0, keeps the memory */
void sk_buf_add(struct sk_buf *b, const void *p, size_t n);
void sk_buf_str(struct sk_buf *b, const char *s);
void sk_buf_ch(struct sk_buf *b, char c);
void sk_buf_printf(struct sk_buf *b, const char *fmt, ...) SK_PRINTF(2, 3);
void
sk_buf_vprintf(struct sk_buf *b, const char *fmt, va_list ap) SK_PRINTF(2, 0);
/* Make room for n more bytes at p + len; false when past max. */
bool sk_buf_room(struct sk_buf *b, size_t n);
/* Caller owns the result; b is as after init. */
char *sk_buf_detach(struct sk_buf *b);

/* ---- strings (str.c, utf8.c) ---- */

bool sk_streq(const char *a, const char *b); /* NULL-safe */
bool sk_has_prefix(const char *s, const char *prefix);
bool sk_has_suffix(const char *s, const char *suffix);
/* Strict decimal integer, whole string, in [min, max]; false otherwise. */
bool sk_parse_int(const char *s, int64_t min, int64_t max, int64_t *out);
/* "90", "90s", "1500ms", "5m", "1h30m", "2d" → milliseconds (bare = s). */
bool sk_parse_duration(const char *s, int64_t *ms);
/* "10", "10K", "4MiB", "2G" (powers of 1024) → bytes. */
bool sk_parse_size(const char *s, int64_t *bytes);
/* Millionths of a US dollar: "1.234567"; below 0 "?". The other one drops zeros
 * at the end but for so many decimals: 2 "0.25", 0 "1". */
#define SK_USD_LEN 32
void sk_usd(int64_t micro, char out[SK_USD_LEN]);
void sk_usd_least(int64_t micro, int least, char out[SK_USD_LEN]);
/* 1, true, yes, on / 0, false, no, off, "" (trimmed, any case). */
bool sk_parse_bool(const char *s, bool *out);
/* [A-Za-z0-9][A-Za-z0-9._-]{0,63} and no "..". */
bool sk_ident_ok(const char *s);
/* The same with up to 128 bytes: branch ids. */
bool sk_branch_id_ok(const char *s);
/* 0 when s is NULL or ok(s), else SK_USAGE "bad_identifier". what: "a run". */
int sk_check_name(const char *what, const char *s, bool (*ok)(const char *),
    struct sk_err *err);
/* Closest word of a NULL-terminated list by edit distance, or NULL. */
const char *sk_closest(const char *word, const char *const *list);
/* s as one POSIX shell word: bare when safe, else single-quoted. */
void sk_shell_quote(struct sk_buf *b, const char *s);
/* Text made visible: see sk_warn(). keep_nl lets \n and \t through. */
void sk_buf_visible(struct sk_buf *b, const char *p, size_t n, bool keep_nl);
/* Text as HTML or XML 1.0, for an element or a quoted attribute: markup is
 * escaped, and what XML cannot hold becomes U+FFFD (markup.c). The second makes
 * it visible first: no control byte and no bidi trick reaches the page. */
void sk_buf_markup(struct sk_buf *b, const char *p, size_t n);
void sk_buf_markup_visible(struct sk_buf *b, const char *p, size_t n);
/* Text as data of one of GitHub's workflow commands (workflow.c), made visible
 * first, line ends kept as %0A; for a property ':' and ',' are escaped, too. */
void sk_buf_workflow(struct sk_buf *b, const char *p, size_t n, bool property);
/* Text as a code span of Markdown: nobody is mentioned, nothing is a link. */
void sk_buf_code_span(struct sk_buf *b, const char *p, size_t n);
/* Growable NULL-terminated vector of owned strings; zero-initialise. */
struct sk_strv {
	char **v;
	size_t n;
};
/* All of them with sep between. */
void sk_buf_join(struct sk_buf *b, const struct sk_strv *v, const char *sep);
void sk_strv_add(struct sk_strv *v, const char *s);
bool sk_strv_has(const struct sk_strv *v, const char *s);
void sk_strv_sort(struct sk_strv *v); /* byte order */
void sk_strv_free(struct sk_strv *v);
/* Split on a separator byte, blanks trimmed, empty parts dropped. */
void sk_strv_split(struct sk_strv *v, const char *s, char sep);
/* Split like a shell without any expansion: blanks, '…', "…", backslash.
 * SK_USAGE on an unclosed quote. */
int sk_strv_words(struct sk_strv *v, const char *s, struct sk_err *err);

/* Some bytes of somebody else's; need not end in NUL (group.c). */
struct sk_slice {
	const char *p;
	size_t n;
};
/* Numbers the different ones of n strings 0, 1, 2 … in the order in which each
 * comes first, into id; returns how many there are. */
size_t sk_group(const struct sk_slice *v, size_t n, uint32_t *id);

/* Next code point; *i advances by at least 1. (uint32_t)-1 when invalid. */
uint32_t sk_utf8_next(const char *p, size_t n, size_t *i);
bool sk_utf8_ok(const char *p, size_t n);
void sk_buf_utf8(struct sk_buf *b, uint32_t cp);
/* Append p decoded strictly; every bad byte becomes U+FFFD. True = lossy. */
bool sk_utf8_clean(struct sk_buf *b, const char *p, size_t n);

/* ---- time (time.c) ---- */

int64_t sk_now_ms(void); /* wall clock, ms since 1970: what is recorded */
int64_t sk_mono_ms(void); /* CLOCK_MONOTONIC: timeouts */
int64_t sk_boot_ms(void); /* CLOCK_BOOTTIME: leases, with boot id */
#define SK_DAY_MS ((int64_t)86400000)
#define SK_TIME_LEN 25 /* "2025-10-04T10:15:00.000Z" + NUL */
void sk_time_text(int64_t ms, char out[SK_TIME_LEN]);
#define SK_STAMP_LEN 17 /* "20251004T101500Z" + NUL */
void sk_time_stamp(int64_t ms, char out[SK_STAMP_LEN]);
/* RFC 3339 with any offset → ms; false when it is not one. */
bool sk_time_parse(const char *s, int64_t *ms);
/* "1.2s", "3m05s", "450ms" for people. */
void sk_duration_text(int64_t ms, char *out, size_t n);
/* "512 B", "1.4 KiB", "25 MiB" for people: as a configuration says sizes. */
void sk_size_text(int64_t bytes, char *out, size_t n);

/* ---- ids and hashes (id.c) ---- */

void sk_random(void *p, size_t n);
#define SK_ID_LEN 27 /* 128 random bits in base32, lower case, + NUL */
void sk_id_new(char out[SK_ID_LEN]);
#define SK_HEX32_LEN 33
void sk_hex32_new(char out[SK_HEX32_LEN]);
#define SK_SHA256_LEN 65
void sk_sha256(const void *p, size_t n, char hex[SK_SHA256_LEN]);
/* Incremental form; opaque state, no allocation to free. */
struct sk_sha256_st {
	_Alignas(16) unsigned char opaque[128];
};
void sk_sha256_init(struct sk_sha256_st *st);
void sk_sha256_add(struct sk_sha256_st *st, const void *p, size_t n);
void sk_sha256_end(struct sk_sha256_st *st, char hex[SK_SHA256_LEN]);

/* ---- files (io.c, walk.c) ---- */

int sk_write_all(int fd, const void *p, size_t n); /* 0 or -1, errno */
/* All of fd up to max bytes; more is SK_DAMAGED "too_large". */
int sk_read_fd(int fd, size_t max, struct sk_buf *out, const char *what,
    struct sk_err *err);
int sk_read_file(
    const char *path, size_t max, struct sk_buf *out, struct sk_err *err);
/* Mode of what is made for the project's people, as opposed to secrets, which
 * are 0600 in 0700: their umask decides. */
#define SK_DOC_FILE 0666
#define SK_DOC_DIR 0777
/* mkdir -p with mode for what is created. */
int sk_mkdirs(const char *path, mode_t mode, struct sk_err *err);
/*
 * Publishing a file in two steps, so that a fence can stand between them:
 * begin writes and fdatasyncs a temporary beside the target (O_EXCL|O_NOFOLLOW;
 * mode 0600, or SK_DOC_FILE, with which a file that is replaced keeps its own);
 * commit renames and fsyncs the directory; abort unlinks. Exactly one of commit
 * and abort must follow a begin.
 */
struct sk_pub {
	int dirfd;
	char *dir, *name, *tmp;
};
int sk_pub_begin(struct sk_pub *p, const char *path, const void *data, size_t n,
    mode_t mode, struct sk_err *err);
int sk_pub_commit(struct sk_pub *p, struct sk_err *err);
void sk_pub_abort(struct sk_pub *p);
/* Removes from a directory what writers left who were killed between begin and
 * commit; what is younger than 10 s may be a living one's. */
void sk_pub_sweep(int dirfd);
/* begin + commit. */
int sk_write_file(const char *path, const void *data, size_t n, mode_t mode,
    struct sk_err *err);
/* A directory below root, never through a symbolic link (SK_IO "symlink"); make
 * makes what is absent. fd and path are the caller's until sk_dir_close(). */
struct sk_dir {
	int fd;
	struct sk_buf path;
};
int sk_dir_open(struct sk_dir *d, const char *root, const char *rel, bool make,
    struct sk_err *err);
void sk_dir_close(struct sk_dir *d);
/* Calls fn for every name in a directory; fn may unlink it. What cannot be read
 * has no names. */
void sk_dir_each(
    int dirfd, void (*fn)(int dirfd, const char *name, void *arg), void *arg);
/* Adds the names in a directory, in no order; none when there is no directory.
 * One that is there and cannot be read is an error: what is in it would be
 * missed, and somebody else blamed. */
int sk_dir_names(const char *path, struct sk_strv *names, struct sk_err *err);
/* The same of an open one; path is for messages. */
int sk_dir_names_at(
    int dirfd, const char *path, struct sk_strv *names, struct sk_err *err);
/* sk_write_file() in it, whatever its path has become meanwhile. */
int sk_dir_write(const struct sk_dir *d, const char *name, const void *data,
    size_t n, mode_t mode, struct sk_err *err);
/* Open 0, 1, 2 on /dev/null when closed, SIGPIPE back to default; a file that
 * grows beyond a limit is EFBIG and not a signal. */
void sk_sanitise_fds(void);
/* An unlinked file (memfd) holding the bytes, offset 0, O_CLOEXEC. */
int sk_memfd(const void *p, size_t n, struct sk_err *err);
char *sk_path_join(const char *a, const char *b); /* malloc'd */
/* "$XDG_STATE_HOME/sk" and so on; NULL and err when HOME is unusable. */
char *sk_xdg_dir(const char *var, const char *home_rel, struct sk_err *err);

/* Standard output: buffered, sticky error, checked by main at exit. */
void sk_out(const void *p, size_t n);
void sk_out_str(const char *s);
/* The same made visible: names in a tree, texts of others. NULL is nothing. */
void sk_out_visible(const char *s);
void sk_outf(const char *fmt, ...) SK_PRINTF(1, 2);
/* Write now; SK_IO with the first error, SK_PIPE on EPIPE. */
int sk_out_flush(struct sk_err *err);
/* What is flushed goes to fn, which takes all of it and cannot fail, instead of
 * the descriptor; NULL = to the descriptor again. */
typedef void (*sk_sink_fn)(const void *p, size_t n, void *arg);
void sk_out_sink(sk_sink_fn fn, void *arg);

/* ---- process identity (proc.c) ---- */

/* A process named so that a recycled pid is not mistaken for it. */
struct sk_proc_id {
	char boot_id[37];
	int64_t pid;
	int64_t start_ticks; /* field 22 of /proc/pid/stat */
};
void sk_proc_self(struct sk_proc_id *id);
/* False when /proc has no such pid. */
bool sk_proc_of(pid_t pid, struct sk_proc_id *id);
bool sk_proc_alive(const struct sk_proc_id *id);
const char *sk_boot_id(void);

#endif
