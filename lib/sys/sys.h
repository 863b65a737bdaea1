/* SPDX-License-Identifier: MIT */
/*
 * sys: the event loop, spawning, git, the guardian, locks, watching files,
 * private directories, control groups.
 *
 * Promises: one thread, one epoll; children are posix_spawn'ed in a session of
 * their own with nothing inherited but what is named; a child is done when it
 * is reaped and its pipes are at EOF (or the drain time has passed); whatever a
 * child started is killed with it. Nothing here knows about agents or records.
 *
 * Ownership: the loop owns its sources and timers until they are removed; a
 * callback may remove any of them.
 */
#ifndef SK_SYS_H
#define SK_SYS_H

#include "core/core.h"

/* ---- loop (loop.c) ---- */

struct sk_loop;
typedef void (*sk_fd_fn)(struct sk_loop *l, int fd, unsigned events, void *arg);
typedef void (*sk_timer_fn)(struct sk_loop *l, void *arg);
typedef void (*sk_signal_fn)(struct sk_loop *l, int signo, void *arg);
typedef void (*sk_child_fn)(
    struct sk_loop *l, pid_t pid, int wstatus, void *arg);
#define SK_EV_READ 1u
#define SK_EV_WRITE 2u
#define SK_EV_HUP 4u

struct sk_loop *sk_loop_new(struct sk_err *err); /* NULL on failure */
void sk_loop_free(struct sk_loop *l);
int sk_loop_add(struct sk_loop *l, int fd, unsigned events, sk_fd_fn fn,
    void *arg, struct sk_err *err);
void sk_loop_mod(struct sk_loop *l, int fd, unsigned events);
void sk_loop_del(struct sk_loop *l, int fd); /* does not close */
/* Once, at monotonic ms `at`; returns an id > 0 for cancel. */
int64_t sk_loop_timer(struct sk_loop *l, int64_t at, sk_timer_fn fn, void *arg);
void sk_loop_cancel(struct sk_loop *l, int64_t id);
/* Signals to read through signalfd (blocked in this process). SIGCHLD is
 * always taken; orphans that arrive by subreaping are reaped silently. */
int sk_loop_signals(struct sk_loop *l, const int *signos, size_t n,
    sk_signal_fn fn, void *arg, struct sk_err *err);
void sk_loop_child(struct sk_loop *l, pid_t pid, sk_child_fn fn, void *arg);
bool sk_loop_has_child(const struct sk_loop *l, pid_t pid);
/* No child but (perhaps) this one is known. */
bool sk_loop_alone(const struct sk_loop *l, pid_t pid);
/* Run until stop or nothing is left to wait for. */
int sk_loop_run(struct sk_loop *l, struct sk_err *err);
void sk_loop_stop(struct sk_loop *l);
/* Called after each batch of events, before the next wait: commit here. */
void sk_loop_idle(struct sk_loop *l, sk_timer_fn fn, void *arg);

/* ---- a way out that never blocks (outq.c) ---- */

/*
 * Bytes for a descriptor whose reader may be slow or gone, written from the
 * loop; the descriptor itself is left as it is, others may share it. Nothing is
 * refused: who adds looks at sk_outq_full() (high bytes wait). fn is called
 * from the loop when something was taken, and when the reader is gone, which is
 * noticed without a write (sk_outq_error() is EPIPE then). Ignores SIGPIPE for
 * the rest of the process's life.
 */
struct sk_outq;
typedef void (*sk_outq_fn)(struct sk_outq *q, void *arg);
struct sk_outq *sk_outq_new(struct sk_loop *l, int fd, size_t high,
    sk_outq_fn fn, void *arg, struct sk_err *err);
void sk_outq_add(struct sk_outq *q, const void *p, size_t n);
size_t sk_outq_len(const struct sk_outq *q); /* 0 after an error */
bool sk_outq_full(const struct sk_outq *q);
int sk_outq_error(const struct sk_outq *q); /* errno or 0 */
void sk_outq_free(struct sk_outq *q);

/* ---- spawning (proc.c) ---- */

struct sk_spawn {
	const char *const *argv; /* argv[0] searched on PATH of envp */
	const char *const *envp; /* whole environment; NULL = ours */
	const char *cwd; /* NULL = ours */
	int fd_in; /* becomes 0; -1 = /dev/null */
	int fd_out; /* becomes 1; -1 = /dev/null, -2 = inherit */
	int fd_err; /* becomes 2; likewise */
	bool new_session; /* setsid: agents yes, our own tools no */
};
/* exec failure is reported here, not by exit 127: code "not_found" or
 * "not_executable", class SK_USAGE. Signals are default and unblocked in the
 * child, the soft RLIMIT_NOFILE is the one we were started with. */
int sk_spawn(const struct sk_spawn *s, pid_t *pid, struct sk_err *err);
/* The path that would be run, malloc'd; NULL and an errno in *why when there is
 * none (ENOENT, EACCES). A name with a slash is returned as it is. */
char *sk_find_program(const char *name, const char *const *envp, int *why);
/* Soft limit of descriptors up to the hard one, for this process only. */
void sk_nofile_raise(void);
/* pipe2(O_CLOEXEC), read end non-blocking when asked. */
int sk_pipe(int fd[2], bool nonblock_read, struct sk_err *err);
/* Run to the end with bounded capture: for git and our own tools.
 * in NULL = /dev/null; err_out NULL = inherit stderr. wstatus as waitpid.
 * SK_TIMEOUT, or SK_IO when its output could not be read to its end. */
int sk_capture(const struct sk_spawn *s, const void *in, size_t in_n,
    struct sk_buf *out, struct sk_buf *err_out, int64_t timeout_ms,
    int *wstatus, struct sk_err *err);

/* ---- a mark that stays (brand.c) ---- */

struct rlimit;
/* What is spawned with SK_AGENT_TOKEN=token carries it in its environment, and
 * as a brand, which its descendants keep whatever they do with that. put: what
 * this process starts from now on has it, until take; false = not to be had
 * here. */
bool sk_brand_put(const char *token, struct rlimit *before);
void sk_brand_take(const struct rlimit *before);
/* Does a process carry it? Of a token without ".serial" any serial will do. */
bool sk_branded(pid_t pid, const char *token);

/* ---- git (git.c) ---- */

/*
 * git, with no hook, no file monitor, no signing program and no upkeep, and
 * with little of our environment, whatever a repository or a person has
 * configured. Filters and text conversions are configuration, too: where not
 * we wrote it, alone is set, and the repository must be one that we made.
 */
#define SK_GIT_MS 60000
struct sk_git_call {
	const char *dir; /* where git stands */
	const char *const *conf; /* "key=value" …, NULL at the end; or NULL */
	const char *const *env; /* "NAME=value" … beside ours; likewise */
	bool alone; /* no configuration of persons and systems */
	const void *in; /* standard input */
	size_t n;
	int64_t wait_ms; /* 0 = SK_GIT_MS */
	char said[300]; /* filled: first line of its complaint, visible */
};
/* 0 and the exit status of git WORDS (255: a signal); out NULL = not wanted,
 * more than out may hold is SK_DAMAGED "too_large". */
int sk_git_ask(struct sk_git_call *c, const char *const *words,
    struct sk_buf *out, int *status, struct sk_err *err);
/* A status other than 0 is SK_USAGE "git" with what git said. */
int sk_git_do(struct sk_git_call *c, const char *const *words,
    struct sk_buf *out, struct sk_err *err);

/* ---- the whole tree of descendants (tree.c) ---- */

/* Become a child subreaper, so that escaped descendants come to us. */
void sk_subreaper(void);
/* Send signo to pid, its group, and every descendant that can be found. */
void sk_tree_signal(pid_t pid, int signo);
/* To all that is below a process, not to itself. */
void sk_tree_signal_below(pid_t pid, int signo);
/* SIGKILL every descendant once and reap nothing: one look instead of one for
 * each child, before they are ended one by one. */
void sk_tree_kill_all(void);
/* SIGKILL every descendant of this process except the pids in keep, reap what
 * is dead, until none is left or `rounds` are over; returns how many were
 * killed. */
size_t sk_tree_sweep(const pid_t *keep, size_t nkeep, int rounds);
/* The descendants of one child and it: kill and reap those that are not the
 * child itself (the loop reaps that). Orphans are told apart by the session or
 * the mark given at spawn (SK_AGENT_TOKEN).
 * l may be NULL, or a loop with many children: those that it knows are never
 * taken for orphans of pid, which may have been reaped. */
size_t sk_loop_tree_kill(const struct sk_loop *l, pid_t pid, const char *token);
void sk_loop_tree_signal(
    const struct sk_loop *l, pid_t pid, const char *token, int signo);

/* ---- watching files (watch.c) ---- */

/*
 * Files by their absolute paths, whether they exist or not, followed through
 * renames. A change is told once nothing has happened for quiet_ms, with every
 * path that differs from what it was; it costs nothing until then.
 */
struct sk_watch;
typedef void (*sk_watch_fn)(
    struct sk_watch *w, const struct sk_strv *changed, void *arg);
struct sk_watch *sk_watch_new(struct sk_loop *l, int64_t quiet_ms,
    sk_watch_fn fn, void *arg, struct sk_err *err); /* NULL on failure */
/* In place of the paths so far; may be called from fn. */
void sk_watch_files(struct sk_watch *w, const struct sk_strv *paths);
void sk_watch_quiet(struct sk_watch *w, int64_t quiet_ms);
void sk_watch_free(struct sk_watch *w);

/* ---- private directories (tmpdir.c) ---- */

/* A fresh one in TMPDIR, else /tmp; malloc'd path. */
char *sk_tmpdir_new(struct sk_err *err);
/* Many directories that have nothing to do with each other will be made in it.
 * A file system that packs them together (ext4) takes several times as long for
 * that where much was deleted lately. Best effort. */
void sk_tmpdir_spread(const char *path);
/* It and all that is in it, whatever was put there; follows no link. */
void sk_tmpdir_remove(const char *path);
/* A file without a name in a directory; -1 and errno. */
int sk_tmpfile(const char *dir);

/* ---- control groups, version 2 (cgroup.c) ---- */

struct sk_cgroup {
	char *home, *dir; /* where we are; one of our own below; NULL = none */
};
/* One named after an id that nobody else has. An error when there is none to be
 * had; then dir is NULL. */
int sk_cgroup_new(struct sk_cgroup *g, const char *id, struct sk_err *err);
/* Move into a fresh one below before a spawn, and back after it. The path is
 * malloc'd, NULL when that failed (and then nothing was moved). */
char *sk_cgroup_enter(const struct sk_cgroup *g, uint64_t n);
void sk_cgroup_leave(const struct sk_cgroup *g);
void sk_cgroup_kill(const char *sub);
void sk_cgroup_drop(const char *sub); /* kills what is still in it */
void sk_cgroup_free(struct sk_cgroup *g);
/* One of a process that is gone, with all that is in it. */
void sk_cgroup_bury(const char *dir);

/* ---- marks, for what outlives both of a pair (mark.c) ---- */

/*
 * A locked file in `dir` that says: this process is alive. Children get
 * SK_AGENT_TOKEN=<id>.<number>. Opening first kills what carries the id of a
 * file that nobody locks any more, and removes that one's directory and cgroup.
 */
struct sk_mark {
	int fd, dirfd;
	char id[SK_ID_LEN];
	char *tmp; /* private directory, removed on close */
};
int sk_mark_open(
    struct sk_mark *m, const char *dir, size_t *killed, struct sk_err *err);
void sk_mark_close(struct sk_mark *m);
/* Add the cgroup of this process to what its file says. */
void sk_mark_cgroup(struct sk_mark *m, const char *dir);

/* ---- guardian (guard.c) ---- */

/*
 * Splits the program in two: the caller's process stays in front as guardian
 * (it never returns from here; it waits, forwards signals, and ends with the
 * worker's status), the worker returns 0 and goes on. Both are subreapers; when
 * one dies the other kills and reaps everything that is left. Call before any
 * descriptor of value (database) is open.
 * In the worker, TERM/INT/HUP/QUIT arrive as bytes on *fd (the signal's
 * number); EOF means that the guardian is dead: kill everything and end.
 */
int sk_guard(int *fd, struct sk_err *err);
/* In the worker: a directory that the guardian removes when the worker is gone,
 * however it went; NULL = none any more. Nothing without a guardian. */
void sk_guard_leftover(const char *path);

/* ---- locks (lock.c) ---- */

/*
 * A blocking flock with a timer (polling would starve): on
 * expiry SK_AGAIN "busy" whose message names the holder, which every holder
 * writes into the file's body.
 */
struct sk_lock {
	int fd;
	char *path;
};
int sk_lock_open(struct sk_lock *l, const char *path, struct sk_err *err);
/* wait_ms 0 = try once. */
int sk_lock_take(
    struct sk_lock *l, int64_t wait_ms, const char *what, struct sk_err *err);
/* Is whoever holds it stopped (SIGSTOP), by what it wrote into the file? */
bool sk_lock_stopped(const struct sk_lock *l);
void sk_lock_drop(struct sk_lock *l);
void sk_lock_close(struct sk_lock *l);
/* One kernel lock per name in one file (OFD byte-range lock at a hash of the
 * name): driver locks. Held until closed or the process dies. */
int sk_namelock_take(int *fd, const char *path, const char *name,
    int64_t wait_ms, struct sk_err *err);
void sk_namelock_drop(int *fd);
/* A directory itself: nothing is left in it. *fd -1 and 0 where that cannot be
 * had (no directory, a file system without locks). Dropped like the other. */
int
sk_dirlock_take(int *fd, const char *dir, int64_t wait_ms, struct sk_err *err);

#endif
