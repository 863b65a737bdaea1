/* SPDX-License-Identifier: MIT */
/* One schedule through sk-run and sk-consensus, and the rules that must hold
 * whatever the agents do. */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "faults/explore.h"

/* What one program did. */
struct step {
	struct sk_buf out;
	int status; /* as of a shell; -1 = it did not end */
};
struct trial {
	struct sk_explorer *x;
	struct sk_strv env;
	struct sk_arena a;
	struct step run, consensus, again, audit, budget, books;
	size_t ok, failed; /* agents, by their records */
	int64_t calls; /* by the same */
	char *broken;
};

static void SK_PRINTF(2, 3) broken(struct trial *t, const char *fmt, ...)
{
	char text[300];
	va_list ap;

	if (t->broken != NULL)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	t->broken = sk_strdup(text);
}

/* ---- the programs ---- */

static int
call(struct trial *t, const char *tool, const char *const *args,
    const struct sk_buf *in, struct step *s, struct sk_err *err)
{
	char *path = sk_asprintf("%s/%s", t->x->bin, tool);
	struct sk_strv argv = { 0 };
	struct sk_spawn sp = { .fd_in = -1,
		.envp = (const char *const *)t->env.v,
		.cwd = t->x->dir,
		.new_session = true };
	struct sk_buf talk;
	int wstatus = 0, rc;

	sk_strv_add(&argv, path);
	for (size_t i = 0; args[i] != NULL; i++)
		sk_strv_add(&argv, args[i]);
	sp.argv = (const char *const *)argv.v;
	sk_buf_init(&s->out, 0);
	sk_buf_init(&talk, 1 << 20);
	rc = sk_capture(&sp, in != NULL ? in->p : "", in != NULL ? in->len : 0,
	    &s->out, &talk, t->x->timeout_ms, &wstatus, err);
	if (rc == SK_TIMEOUT) {
		s->status = -1;
		sk_err_clear(err);
		rc = 0;
		broken(t, "hang: %s did not end", tool);
	} else {
		s->status = sk_faults_status_of(wstatus);
	}
	sk_buf_free(&talk);
	sk_strv_free(&argv);
	free(path);
	return rc;
}

static int
pipeline(struct trial *t, struct sk_err *err)
{
	char names[2 * SK_EXPLORE_AGENTS] = "", most[24];
	struct sk_strv run = { 0 };
	struct sk_buf prompt;
	int rc;

	(void)snprintf(most, sizeof(most), "%zu", t->x->attempts);
	for (const char *const *w = (const char *const[]){ "--config",
		 t->x->config, "--run", "r", "--attempts", most, "--schema",
		 t->x->schema, "--json", NULL };
	     *w != NULL; w++)
		sk_strv_add(&run, *w);
	for (size_t i = 0; i < t->x->agents; i++) {
		char name[2] = { (char)('a' + i), '\0' };

		sk_strv_add(&run, "-a");
		sk_strv_add(&run, name);
		names[2 * i] = name[0];
		names[2 * i + 1] = i + 1 < t->x->agents ? ',' : '\0';
	}
	sk_buf_init(&prompt, 0);
	sk_buf_str(&prompt, "k?");
	rc = call(
	    t, "sk-run", (const char *const *)run.v, &prompt, &t->run, err);
	sk_buf_free(&prompt);
	sk_strv_free(&run);
	for (int i = 0; rc == 0 && i < 2; i++)
		rc = call(t, "sk-consensus",
		    (const char *const[]){
			"--expect", names, "--no-evidence", "--json", NULL },
		    &t->run.out, i == 0 ? &t->consensus : &t->again, err);
	if (rc == 0)
		rc = call(t, "sk-consensus",
		    (const char *const[]){ "audit", "--json", NULL }, NULL,
		    &t->audit, err);
	if (rc == 0)
		rc = call(t, "sk-metrics",
		    (const char *const[]){ "budget", "--run", "r", "--config",
			t->x->config, "--json", NULL },
		    NULL, &t->budget, err);
	if (rc == 0)
		rc = call(t, "sk-metrics",
		    (const char *const[]){
			"show", "--run", "r", "--json", NULL },
		    NULL, &t->books, err);
	return rc;
}

/* ---- the rules ---- */

static bool
in_table(int status)
{
	static const int known[] = { 0, 1, 3, 4, 6, 7, 9, 75 };

	for (size_t i = 0; i < SK_ARRAY_SIZE(known); i++)
		if (known[i] == status)
			return true;
	return false;
}

static int64_t
number(const struct sk_jv *v, const char *key)
{
	int64_t n = -1;

	return sk_jget_int(v, key, &n) ? n : -1;
}

/* The next document of a stream, NULL at its end. */
static struct sk_jv *
next_doc(struct trial *t, const struct sk_buf *b, size_t *at)
{
	const char *nl;
	struct sk_jv *v = NULL;
	size_t from = *at;

	if (from >= b->len)
		return NULL;
	nl = memchr(b->p + from, '\n', b->len - from);
	*at = nl != NULL ? (size_t)(nl - b->p) + 1 : b->len;
	if (sk_json_parse(&t->a, b->p + from, *at - from, NULL, &v, NULL) != 0)
		broken(t, "a line that is no JSON");
	return v;
}

static void
check_run(struct trial *t)
{
	bool seen[SK_EXPLORE_AGENTS] = { false }, end = false;
	const struct sk_jv *v;
	size_t at = 0;
	int want;

	while ((v = next_doc(t, &t->run.out, &at)) != NULL) {
		const char *agent = sk_jget_str(v, "agent");
		size_t i = agent != NULL ? (size_t)(agent[0] - 'a') : 0;

		if (sk_streq(sk_jget_str(v, "event"), "run.end"))
			end = true;
		if (!sk_streq(sk_jget_str(v, "schema"), "sk.answer/1"))
			continue;
		if (agent == NULL || i >= t->x->agents || seen[i])
			broken(t, "two answers of one agent, or of nobody");
		else
			seen[i] = true;
		if (number(v, "attempt") > (int64_t)t->x->attempts)
			broken(t, "more attempts than were allowed");
		t->calls += number(v, "attempt");
		if (sk_streq(sk_jget_str(v, "status"), "ok"))
			t->ok++;
		else
			t->failed++;
	}
	if (!end || t->ok + t->failed != t->x->agents)
		broken(t, "sk-run: %zu answers of %zu agents, the end is %s",
		    t->ok + t->failed, t->x->agents, end ? "there" : "missing");
	want = t->failed == 0 ? 0 : t->ok > 0 ? 3 : t->run.status;
	if (!in_table(t->run.status) || t->run.status != want ||
	    (t->ok == 0 && (want == 0 || want == 3)))
		broken(t, "sk-run: status %d with %zu of %zu answers",
		    t->run.status, t->ok, t->x->agents);
}

/* All agree, so the verdict depends on how many there are. */
static void
check_verdict(struct trial *t)
{
	size_t at = 0, n = 0, quorum = t->x->agents / 2 + 1;
	const struct sk_jv *v, *missing, *again;
	const char *want = t->ok < quorum                      ? "unknown"
	                   : t->failed > 0 || t->x->agents < 2 ? "degraded"
	                                                       : "ok";
	int status = strcmp(want, "ok") == 0 ? 0 : 3;

	while ((v = next_doc(t, &t->consensus.out, &at)) != NULL) {
		n++;
		missing = sk_jget(v, "missing_agents");
		if (!sk_streq(sk_jget_str(v, "status"), want))
			broken(t, "verdict %s, not %s, with %zu of %zu answers",
			    sk_jstr(sk_jget(v, "status")) != NULL
				? sk_jget_str(v, "status")
				: "of no kind",
			    want, t->ok, t->x->agents);
		if (sk_jlen(missing) != t->failed)
			broken(t, "%zu agents failed, %zu are missing",
			    t->failed, sk_jlen(missing));
		at = t->consensus.out.len;
		again = next_doc(t, &t->again.out, &(size_t){ 0 });
		if (number(v, "decision_seq") != 1 ||
		    number(again, "decision_seq") != 1)
			broken(t, "asked again, the decision is another one");
	}
	if (n != 1)
		broken(t, "%zu verdicts", n);
	if (t->consensus.status != status || t->again.status != status)
		broken(t, "sk-consensus: status %d, then %d, for %s",
		    t->consensus.status, t->again.status, want);
}

/* Every call is booked once, and what was booked is what is used. */
static void
check_books(struct trial *t)
{
	const struct sk_jv *v = next_doc(t, &t->budget.out, &(size_t){ 0 });
	const struct sk_jv *l = sk_jget(v, "budgets");
	const struct sk_jv *m = next_doc(t, &t->books.out, &(size_t){ 0 });
	int64_t cost = number(sk_jget(m, "cost"), "micro_usd"), used;
	bool found = false;

	if (t->audit.status != 0)
		broken(t, "audit: status %d", t->audit.status);
	for (size_t i = 0; i < sk_jlen(l); i++) {
		if (!sk_streq(sk_jget_str(l->a[i], "scope"), "run"))
			continue;
		found = true;
		if (number(l->a[i], "reserved") != 0)
			broken(t, "budget: %lld are still reserved",
			    (long long)number(l->a[i], "reserved"));
		used = number(l->a[i], "used");
		if ((used > 0) < (t->ok > 0))
			broken(t, "budget: an answer cost nothing");
		if (used != cost ||
		    used + number(l->a[i], "left") != number(l->a[i], "limit"))
			broken(t,
			    "budget: %lld are used, %lld are booked, "
			    "%lld are left",
			    (long long)used, (long long)cost,
			    (long long)number(l->a[i], "left"));
	}
	if (number(m, "calls") != t->calls)
		broken(t, "%lld calls, %lld are booked", (long long)t->calls,
		    (long long)number(m, "calls"));
	if (t->budget.status != 0 || !found)
		broken(t, "budget: status %d", t->budget.status);
}

/* ---- one schedule ---- */

static void
set_env(struct trial *t, const struct sk_schedule *s, const char *place)
{
	struct sk_strv more = { 0 };
	struct sk_buf b;
	char *w;

	sk_buf_init(&b, 0);
	/* (What a power cut would do is no question here.) */
	sk_buf_str(&b, "SPEC_KIT_FAULTS=fsync=drop#1+");
	for (size_t i = 0; i < s->n; i++) {
		sk_buf_ch(&b, ',');
		sk_fault_text(&b, &s->v[i]);
	}
	sk_strv_add(&more, b.p);
	sk_buf_free(&b);
	w = sk_asprintf("SK_DB=%s/sk.db", place);
	sk_strv_add(&more, w);
	free(w);
	sk_faults_env(&t->env, &more);
	sk_strv_free(&more);
}

int
sk_explore_run(struct sk_explorer *x, const struct sk_schedule *s, char **what,
    struct sk_err *err)
{
	struct trial t = { .x = x };
	struct step *const steps[] = { &t.run, &t.consensus, &t.again, &t.audit,
		&t.budget, &t.books };
	char *place =
	    sk_asprintf("%s/%llu", x->dir, (unsigned long long)x->runs++);
	int rc;

	set_env(&t, s, place);
	rc = sk_mkdirs(place, 0700, err);
	if (rc == 0)
		rc = pipeline(&t, err);
	if (rc == 0 && t.broken == NULL) {
		check_run(&t);
		check_verdict(&t);
		check_books(&t);
	}
	*what = t.broken;
	for (size_t i = 0; i < SK_ARRAY_SIZE(steps); i++)
		if (steps[i]->out.p != NULL)
			sk_buf_free(&steps[i]->out);
	sk_tmpdir_remove(place);
	free(place);
	sk_strv_free(&t.env);
	sk_arena_free(&t.a);
	return rc;
}
