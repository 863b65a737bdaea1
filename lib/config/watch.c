/* SPDX-License-Identifier: MIT */
/* Following the files of the layers, and saying what came of each change. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "config/internal.h"
#include "sys/sys.h"

#define SAMPLES 1000 /* reloads whose time is kept */
#define P95_FROM 20 /* fewer say nothing about a percentile */

struct follow {
	struct sk_config *c;
	struct sk_loop *loop;
	struct sk_watch *watch;
	bool json, once;
	int stopped_by; /* a signal */
	int rc; /* of the last reload */
	int64_t reloads, total_ms, took_ms[SAMPLES];
};

/* ---- what is said ---- */

static void
open_event(struct sk_jw *w, struct sk_buf *b, const char *event)
{
	sk_buf_init(b, 0);
	sk_jw_doc(w, b, "sk.event/1");
	sk_jw_kstr(w, "event", event);
	sk_jw_ktime(w, "at", sk_now_ms());
}

static void
close_event(struct sk_jw *w, struct sk_buf *b)
{
	struct sk_err err = { 0 };

	sk_jw_done(w);
	sk_out(b->p, b->len);
	/* (A broken output is reported at the end.) */
	(void)sk_out_flush(&err);
	sk_err_clear(&err);
	sk_buf_free(b);
}

static void
hash_of(const struct follow *f, struct sk_jw *w)
{
	char hex[SK_SHA256_LEN];

	sk_config_hash(f->c, hex);
	sk_jw_kstr(w, "config", hex);
}

static void
say_words(const char *what, const struct sk_strv *v, const char *none)
{
	struct sk_err err = { 0 };
	struct sk_buf line;

	sk_buf_init(&line, 0);
	for (size_t i = 0; i < v->n; i++) {
		sk_buf_str(&line, i != 0 ? ", " : "");
		sk_buf_visible(&line, v->v[i], strlen(v->v[i]), false);
	}
	sk_outf("%s %s\n", what, v->n != 0 ? line.p : none);
	(void)sk_out_flush(&err);
	sk_err_clear(&err);
	sk_buf_free(&line);
}

static void
tell_files(const struct follow *f, const char *event, const char *what,
    const struct sk_strv *files)
{
	struct sk_buf b;
	struct sk_jw w;

	if (!f->json) {
		say_words(what, files, "no file");
		return;
	}
	open_event(&w, &b, event);
	sk_jw_kstrv(&w, "files", files);
	if (strcmp(event, "watch_start") == 0)
		hash_of(f, &w);
	close_event(&w, &b);
}

static int
by_ms(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void
times(struct follow *f, struct sk_jw *w, int64_t ms)
{
	int64_t sorted[SAMPLES];
	size_t n = f->reloads < SAMPLES ? (size_t)f->reloads : SAMPLES;

	sk_jw_kint(w, "duration_ms", ms);
	sk_jw_kint(w, "reloads", f->reloads);
	sk_jw_kint(w, "average_ms", f->total_ms / f->reloads);
	if (n < P95_FROM) {
		sk_jw_knull(w, "p95_ms");
		return;
	}
	memcpy(sorted, f->took_ms, n * sizeof(sorted[0]));
	qsort(sorted, n, sizeof(sorted[0]), by_ms);
	sk_jw_kint(w, "p95_ms", sorted[(n * 95 + 99) / 100 - 1]);
}

static void
tell_success(struct follow *f, const struct sk_strv *sections, int64_t ms)
{
	struct sk_buf b;
	struct sk_jw w;

	if (!f->json) {
		say_words("reloaded,", sections, "nothing has changed");
		return;
	}
	open_event(&w, &b, "reload_success");
	sk_jw_kstrv(&w, "sections", sections);
	hash_of(f, &w);
	times(f, &w, ms);
	close_event(&w, &b);
}

static void
tell_failure(struct follow *f, const struct sk_err *e, int64_t ms)
{
	struct sk_arena a = { 0 };
	struct sk_jv *root = NULL;
	struct sk_err err = { 0 };
	struct sk_buf b;
	struct sk_jw w;

	if (!f->json) {
		sk_warn("%s%s%s%s; the old configuration stays", e->message,
		    e->hint[0] != '\0' ? " (" : "", e->hint,
		    e->hint[0] != '\0' ? ")" : "");
		return;
	}
	if (e->details != NULL)
		(void)sk_json_parse(
		    &a, e->details, strlen(e->details), NULL, &root, &err);
	open_event(&w, &b, "reload_failed");
	sk_jw_kstr(&w, "message", e->message);
	sk_jw_kvalue(&w, "errors", sk_jget(root, "errors"));
	hash_of(f, &w); /* of the one that stays */
	times(f, &w, ms);
	close_event(&w, &b);
	sk_err_clear(&err);
	sk_arena_free(&a);
}

/* ---- what happens ---- */

/* The files of all layers, those too that may yet come. */
static void
files_of(const struct sk_config *c, struct sk_strv *paths)
{
	const struct sk_config_file *v;
	size_t n = sk_config_files(c, &v);
	char *project = sk_path_join(c->project_root, ".sk/config.toml");

	for (size_t i = 0; i < n; i++)
		if (!sk_strv_has(paths, v[i].path))
			sk_strv_add(paths, v[i].path);
	if (!sk_strv_has(paths, project))
		sk_strv_add(paths, project);
	free(project);
}

static void
changed(struct sk_watch *watch, const struct sk_strv *files, void *arg)
{
	struct follow *f = arg;
	struct sk_strv sections = { 0 }, paths = { 0 };
	struct sk_err err = { 0 };
	int64_t ms = sk_mono_ms();

	tell_files(f, "file_changed", "changed", files);
	f->rc = sk_config_reload(f->c, &sections, &err);
	ms = sk_mono_ms() - ms;
	f->took_ms[f->reloads++ % SAMPLES] = ms;
	f->total_ms += ms;
	if (f->rc == 0) {
		tell_success(f, &sections, ms);
		files_of(f->c, &paths);
		sk_watch_files(watch, &paths);
		sk_watch_quiet(
		    watch, sk_config_int(f->c, "hot_reload.debounce_ms", 2000));
	} else {
		tell_failure(f, &err, ms);
	}
	sk_err_clear(&err);
	sk_strv_free(&sections);
	sk_strv_free(&paths);
	if (f->once)
		sk_loop_stop(f->loop);
}

static void
on_signal(struct sk_loop *l, int signo, void *arg)
{
	struct follow *f = arg;

	f->stopped_by = signo;
	sk_loop_stop(l);
}

int
sk_config_follow(struct sk_config *c, bool json, bool once, struct sk_err *err)
{
	static const int signos[] = { SIGINT, SIGTERM, SIGHUP };
	struct follow f = { .c = c, .json = json, .once = once };
	struct sk_strv paths = { 0 };
	int rc = 0;

	f.loop = sk_loop_new(err);
	if (f.loop == NULL)
		return err->exit;
	f.watch = sk_watch_new(f.loop,
	    sk_config_int(c, "hot_reload.debounce_ms", 2000), changed, &f, err);
	if (f.watch == NULL)
		rc = err->exit;
	if (rc == 0)
		rc = sk_loop_signals(
		    f.loop, signos, SK_ARRAY_SIZE(signos), on_signal, &f, err);
	if (rc == 0) {
		files_of(c, &paths);
		sk_watch_files(f.watch, &paths);
		tell_files(&f, "watch_start", "watching", &paths);
		rc = sk_loop_run(f.loop, err);
	}
	sk_strv_free(&paths);
	sk_watch_free(f.watch);
	sk_loop_free(f.loop);
	if (rc == 0 && f.stopped_by != 0)
		return 128 + f.stopped_by;
	return rc != 0 ? rc : once ? f.rc : 0;
}
