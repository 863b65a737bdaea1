/* SPDX-License-Identifier: MIT */
/* Asking the agents of a stage, again when nobody could be reached. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"
#include "consensus/consensus.h"
#include "pipeline/land.h"
#include "pipeline/phase.h"
#include "pipeline/pipeline.h"
#include "pipeline/step.h"

void
sk_arg2(struct sk_strv *v, const char *opt, const char *value)
{
	sk_strv_add(v, opt);
	sk_strv_add(v, value);
}

void
sk_arg_int(struct sk_strv *v, const char *opt, int64_t i, const char *unit)
{
	char s[40];

	(void)snprintf(s, sizeof(s), "%lld%s", (long long)i, unit);
	sk_arg2(v, opt, s);
}

/* 128 + signal when a person or a manager ended us, else 0. */
int
sk_stopped(int interrupted, struct sk_err *err)
{
	if (interrupted == 0)
		return 0;
	return sk_fail(err, 128 + interrupted, "interrupted",
	    "stopped by signal %d", interrupted);
}

int64_t
sk_ask_seconds(const struct sk_auto *a)
{
	return sk_config_int(a->conf, "consensus.timeout_seconds", 0);
}

int
sk_ask_run(struct sk_auto *a, const char *stage, int64_t round,
    const char *const *specs, size_t n, const struct sk_buf *prompt,
    struct sk_buf *records, int *status, struct sk_err *err)
{
	const struct sk_stage *st = sk_stage_find(stage);
	struct sk_strv argv = { 0 };
	int rc, interrupted = 0;

	sk_strv_add(&argv, "sk-run");
	sk_strv_add(&argv, "--json");
	sk_strv_add(&argv, "--again");
	sk_arg2(&argv, "--spec", a->spec.id);
	sk_arg2(&argv, "--stage", stage);
	sk_arg_int(&argv, "--round", round, "");
	if (a->config_file != NULL)
		sk_arg2(&argv, "--config", a->config_file);
	if (a->opts->timeout > 0)
		sk_arg_int(&argv, "--timeout", a->opts->timeout, "ms");
	if (sk_ask_seconds(a) > 0)
		sk_arg_int(&argv, "--deadline", sk_ask_seconds(a), "s");
	for (size_t i = 0; i < n; i++)
		sk_arg2(&argv, "--agent", specs[i]);
	if (st != NULL && sk_land_trees(a, st))
		sk_strv_add(&argv, "--worktree");
	rc = sk_child_run(a, &argv, prompt->p, prompt->len, records, status,
	    &interrupted, err);
	sk_strv_free(&argv);
	return rc != 0 ? rc : sk_stopped(interrupted, err);
}

/* One sk-run over the agents named; its records are appended. */
static int
ask(struct sk_auto *a, struct sk_step *s, const char *const *specs, size_t n,
    struct sk_buf *records, int *status, struct sk_err *err)
{
	const struct sk_prompt q = { .task = s->stage->name,
		.before = s->stage,
		.records = records->p,
		.n = records->len };
	struct sk_buf prompt;
	int rc;

	sk_buf_init(&prompt, 0);
	rc = sk_prompt_build(a, &q, &prompt, &s->left_out, err);
	if (rc == 0) {
		sk_report_left_out(a, s->stage->name, s->round, s->left_out);
		rc = sk_ask_run(a, s->stage->name, s->round, specs, n, &prompt,
		    records, status, err);
	}
	sk_buf_free(&prompt);
	return rc;
}

/* All agents once. */
static int
once(struct sk_auto *a, void *arg, struct sk_buf *records, int *worst,
    struct sk_err *err)
{
	struct sk_step *s = arg;
	const char *const *specs = (const char *const *)s->specs.v;
	bool any = false;
	int rc = 0, status = 0;

	*worst = 0;
	if (!sk_auto_sequential(a, s->stage)) {
		rc = ask(a, s, specs, s->specs.n, records, &status, err);
		*worst = status == SK_DEGRADED ? 0 : status;
		return rc;
	}
	for (size_t i = 0; rc == 0 && i < s->specs.n; i++) {
		rc = ask(a, s, specs + i, 1, records, &status, err);
		if (status == 0 || status == SK_DEGRADED)
			any = true;
		else
			*worst = status;
	}
	if (any)
		*worst = 0;
	return rc;
}

/* ---- when nobody could be reached ---- */

static bool
is_transient(const char *kind)
{
	return sk_streq(kind, "transport") || sk_streq(kind, "overloaded") ||
	       sk_streq(kind, "rate_limited");
}

/* Whether every agent failed for a cause that passes by itself; *until = when
 * the slowest of them may be asked again, 0 = nobody said. */
static bool
lost(struct sk_auto *a, const struct sk_buf *records, int worst, int64_t *until)
{
	const char *p = records->p, *end = p + records->len, *nl;
	size_t failed = 0, transient = 0;
	const struct sk_jv *f;
	struct sk_jv *v;
	int64_t at, ms;

	*until = 0;
	for (; p < end; p = nl + 1) {
		nl = memchr(p, '\n', (size_t)(end - p));
		if (nl == NULL)
			nl = end;
		if (sk_json_parse(&a->arena, p, (size_t)(nl - p),
			&sk_verdict_limits, &v, NULL) != 0 ||
		    !sk_streq(sk_jget_str(v, "schema"), "sk.answer/1"))
			continue;
		f = sk_jget(v, "failure");
		failed++;
		transient += is_transient(sk_jget_str(f, "kind"));
		if (sk_jget_str(f, "reset_at") != NULL &&
		    sk_time_parse(sk_jget_str(f, "reset_at"), &at) &&
		    at > *until)
			*until = at;
		if (sk_jget_int(f, "retry_after_ms", &ms) &&
		    sk_now_ms() + ms > *until)
			*until = sk_now_ms() + ms;
	}
	return worst != 0 &&
	       (worst == SK_AGAIN || (failed > 0 && transient == failed));
}

/* Waits, as the driver that we are; a signal that wants us to end comes
 * through. */
static int
wait_ms(const struct sk_auto *a, int64_t ms, struct sk_err *err)
{
	int64_t until = sk_mono_ms() + ms, lease = sk_auto_lease_ms(a), left;
	struct timespec t;
	sigset_t set;
	int signo = -1, rc = 0;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGHUP);
	while (rc == 0 && signo < 0 && (left = until - sk_mono_ms()) > 0) {
		if (lease > 0 && left > lease / 3)
			left = lease / 3;
		t.tv_sec = left / 1000;
		t.tv_nsec = left % 1000 * 1000000;
		signo = sigtimedwait(&set, NULL, &t);
		if (signo < 0)
			rc = sk_auto_renew(a, lease, err);
	}
	return signo > 0 ? sk_stopped(signo, err) : rc;
}

/* How long until the next attempt; -1 = enough, or later than we would ever
 * wait: a matter for tomorrow. */
static int64_t
patience(const struct sk_config *c, int attempt, int64_t until)
{
	int64_t base = sk_config_duration(c, "recovery.base", 5000);
	int64_t most = sk_config_duration(c, "recovery.max", 120000);
	int64_t wait = sk_recovery_delay(attempt, base, most);
	int64_t named = until - sk_now_ms();

	if (attempt > sk_config_int(c, "recovery.attempts", 6))
		return -1;
	if (named > wait)
		wait = named;
	return wait > most ? -1 : wait;
}

int
sk_ask_patiently(struct sk_auto *a, struct sk_patience *p,
    struct sk_buf *records, int *worst, struct sk_err *err)
{
	int64_t until, wait;
	char text[32];
	int rc;

	for (int i = 1;; i++) {
		sk_buf_clear(records);
		rc = p->once(a, p->arg, records, worst, err);
		if (rc != 0 || !lost(a, records, *worst, &until))
			return rc;
		wait = patience(a->conf, i, until);
		p->gave_up = wait < 0;
		if (p->gave_up)
			return 0;
		rc = sk_phase_go(a, SK_EV_LOST, err);
		sk_duration_text(wait, text, sizeof(text));
		sk_say("%s: nobody can be reached, trying again in %s "
		       "(attempt %d of %lld)",
		    p->who, text, i,
		    (long long)sk_config_int(a->conf, "recovery.attempts", 6));
		if (rc == 0)
			rc = wait_ms(a, wait, err);
		if (rc == 0)
			rc = sk_phase_go(a, p->again, err);
		if (rc != 0)
			return rc;
	}
}

int
sk_ask_all(struct sk_auto *a, struct sk_step *s, struct sk_buf *records,
    int *worst, struct sk_err *err)
{
	struct sk_patience p = { .who = s->stage->name,
		.again = SK_EV_ASK,
		.once = once,
		.arg = s };
	int rc = sk_phase_go(a, SK_EV_ASK, err);

	if (rc == 0)
		rc = sk_ask_patiently(a, &p, records, worst, err);
	s->gave_up = p.gave_up;
	return rc;
}
