/* SPDX-License-Identifier: MIT */
/*
 * What verdicts are worth on problems whose answers are known, from the
 * database alone.
 *
 *	consensus_quality DB FILE NAME=RUN...
 *
 * FILE holds {"id", "expected"} lines; a problem is a specification of each
 * RUN. Prints for each run how many verdicts were ok (coverage) and how many of
 * those were right (accuracy), and for all agents how their errors hang
 * together: how many independent ones they are worth, and how often all fail.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/store.h"
#include "json/json.h"

#define AGENTS 16
#define PROBLEMS 100000
#define RESAMPLES 2000

struct problem {
	char *id, *expected;
	bool wrong[AGENTS]; /* by agent name */
};
static struct problem *problems;
static size_t n_problems, n_agents;
static char names[AGENTS][SK_IDENT_LEN];
static struct sk_arena arena;

static int
read_problems(const char *file, struct sk_err *err)
{
	struct sk_buf b;
	int rc;

	problems = sk_calloc(PROBLEMS, sizeof(*problems));
	sk_buf_init(&b, SK_BUF_MAX);
	rc = sk_read_file(file, SK_BUF_MAX - 1, &b, err);
	for (char *p = b.p, *nl; rc == 0 && p < b.p + b.len; p = nl + 1) {
		struct problem *q = &problems[n_problems++];
		struct sk_jv *v = NULL;

		nl = memchr(p, '\n', (size_t)(b.p + b.len - p));
		if (nl == NULL)
			break;
		rc = sk_json_parse(&arena, p, (size_t)(nl - p), NULL, &v, err);
		if (rc != 0)
			break;
		q->id = sk_arena_strdup(&arena, sk_jget_str(v, "id"));
		q->expected =
		    sk_arena_strdup(&arena, sk_jget_str(v, "expected"));
	}
	sk_buf_free(&b);
	return rc;
}

/* As numbers are written: "90,000" is 90000. */
static bool
is_right(const char *given, const char *expected)
{
	for (; given != NULL && *given != '\0'; given++) {
		if (*given == ',')
			continue;
		if (*given != *expected++)
			return false;
	}
	return given != NULL && *expected == '\0';
}

/* ---- verdicts ---- */

static int
look_at_run(
    struct sk_db *db, const char *name, const char *run, struct sk_err *err)
{
	size_t ok = 0, right = 0, n;
	struct sk_decision *d;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < n_problems; i++) {
		struct sk_jv *v = NULL;

		rc = sk_decision_list(db, run, NULL, problems[i].id, NULL, 1,
		    &d, &n, &arena, err);
		if (rc != 0 || n == 0 || strcmp(d->status, "ok") != 0)
			continue;
		ok++;
		rc = sk_json_parse(
		    &arena, d->verdict, strlen(d->verdict), NULL, &v, err);
		if (rc == 0)
			right += sk_streq(sk_jstr(sk_jptr(v, "/merged/answer")),
			    problems[i].expected);
	}
	sk_outf("%s: %zu of %zu ok (coverage %.1f %%), %zu of them right "
		"(accuracy %.1f %%)\n",
	    name, ok, n_problems, 100.0 * (double)ok / (double)n_problems,
	    right, ok > 0 ? 100.0 * (double)right / (double)ok : 0.0);
	return rc;
}

/* ---- agents ---- */

static size_t
agent_of(const char *name)
{
	size_t i = 0;

	while (i < n_agents && strcmp(names[i], name) != 0)
		i++;
	if (i == n_agents && n_agents < AGENTS)
		(void)snprintf(names[n_agents++], sizeof(names[0]), "%s", name);
	return i;
}

static int
look_at_agents(struct sk_db *db, const char *run, struct sk_err *err)
{
	struct sk_run r;
	bool found = false;
	int rc;

	rc = sk_run_get(db, run, &r, &found, &arena, err);
	for (size_t i = 0; rc == 0 && found && i < n_problems; i++) {
		struct sk_key k = { .run = run,
			.branch = r.branch,
			.spec = problems[i].id,
			.stage = "answer",
			.agent = "" };
		struct sk_stored *s;
		int64_t round;
		size_t n;

		rc = sk_answers_of(db, &k, &s, &n, &round, &arena, err);
		for (size_t a = 0; rc == 0 && a < n; a++) {
			struct sk_jv *v = NULL;
			size_t who = agent_of(s[a].agent);

			if (who == AGENTS)
				continue;
			(void)sk_json_find(
			    &arena, s[a].content, s[a].content_n, &v);
			problems[i].wrong[who] = !is_right(
			    sk_jget_str(v, "answer"), problems[i].expected);
		}
	}
	return rc;
}

/* ---- how errors hang together ---- */

static double
root(double x)
{
	double r = x > 1 ? x : 1;

	for (int i = 0; i < 60; i++)
		r = (r + x / r) / 2;
	return x > 0 ? r : 0;
}

/* Kish: n agents whose errors correlate by rho in the mean vote like n / (1 +
 * (n - 1) rho). which[i] = a problem. */
static double
worth(const size_t *which, size_t n)
{
	double p[AGENTS] = { 0 }, sum = 0, pairs = 0, rho;

	for (size_t i = 0; i < n; i++)
		for (size_t a = 0; a < n_agents; a++)
			p[a] += problems[which[i]].wrong[a];
	for (size_t a = 0; a < n_agents; a++)
		p[a] /= (double)n;
	for (size_t a = 0; a < n_agents; a++)
		for (size_t b = 0; b < a; b++) {
			double both = 0, var;

			for (size_t i = 0; i < n; i++)
				both += problems[which[i]].wrong[a] &&
				        problems[which[i]].wrong[b];
			var = p[a] * (1 - p[a]) * p[b] * (1 - p[b]);
			if (var <= 0)
				continue;
			sum += (both / (double)n - p[a] * p[b]) / root(var);
			pairs++;
		}
	rho = pairs > 0 ? sum / pairs : 0;
	return (double)n_agents / (1 + (double)(n_agents - 1) * rho);
}

/* P(X <= k) of n with probability p. */
static double
binomial(size_t k, size_t n, double p)
{
	double term = 1, sum = 0;

	for (size_t i = 0; i < n; i++)
		term *= 1 - p;
	for (size_t i = 0; i <= k; i++) {
		sum += term;
		term *= (double)(n - i) / (double)(i + 1) * p / (1 - p);
	}
	return sum;
}

/* The p with P(X <= k) = want; it falls with p. */
static double
solve(size_t k, size_t n, double want)
{
	double lo = 0, hi = 1;

	for (int i = 0; i < 60; i++) {
		double mid = (lo + hi) / 2;

		if (binomial(k, n, mid) > want)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

static int
double_cmp(const void *x, const void *y)
{
	double a = *(const double *)x, b = *(const double *)y;

	return (a > b) - (a < b);
}

static void
tell_together(void)
{
	size_t *which = sk_calloc(n_problems, sizeof(*which)), all = 0;
	double *w = sk_calloc(RESAMPLES, sizeof(*w)), value;
	uint64_t seed = 88172645463325252u;

	for (size_t i = 0; i < n_problems; i++) {
		bool every = n_agents > 0;

		which[i] = i;
		for (size_t a = 0; a < n_agents; a++)
			every = every && problems[i].wrong[a];
		all += every;
	}
	value = worth(which, n_problems);
	for (size_t r = 0; r < RESAMPLES; r++) {
		for (size_t i = 0; i < n_problems; i++) {
			seed ^= seed << 13;
			seed ^= seed >> 7;
			seed ^= seed << 17;
			which[i] = (size_t)(seed >> 20) % n_problems;
		}
		w[r] = worth(which, n_problems);
	}
	qsort(w, RESAMPLES, sizeof(*w), double_cmp);
	for (size_t a = 0; a < n_agents; a++) {
		size_t right = 0;

		for (size_t i = 0; i < n_problems; i++)
			right += !problems[i].wrong[a];
		sk_outf("%s: %zu of %zu right (%.1f %%)\n", names[a], right,
		    n_problems, 100.0 * (double)right / (double)n_problems);
	}
	sk_outf("%zu agents are worth %.2f independent ones (95 %%: %.2f to "
		"%.2f)\n",
	    n_agents, value, w[RESAMPLES / 40],
	    w[RESAMPLES - RESAMPLES / 40 - 1]);
	sk_outf("all fail together on %zu of %zu: no vote is right on more "
		"than %.1f %% (95 %%: %.1f to %.1f)\n",
	    all, n_problems, 100 - 100.0 * (double)all / (double)n_problems,
	    100 - 100 * solve(all, n_problems, 0.025),
	    all == 0 ? 100.0 : 100 - 100 * solve(all - 1, n_problems, 0.975));
	free(which);
	free(w);
}

int
main(int argc, char **argv)
{
	struct sk_err err = { 0 };
	struct sk_db *db = NULL;
	int rc;

	sk_prog = "consensus_quality";
	if (argc < 4) {
		fputs("usage: consensus_quality DB FILE NAME=RUN...\n", stderr);
		return 2;
	}
	rc = read_problems(argv[2], &err);
	if (rc == 0)
		rc = sk_db_open(&db, argv[1], 0, &err);
	for (int i = 3; rc == 0 && i < argc; i++) {
		char *eq = strchr(argv[i], '=');

		if (eq == NULL)
			rc = sk_fail(&err, SK_USAGE, "usage", "NAME=RUN");
		else
			*eq = '\0';
		if (rc == 0)
			rc = look_at_run(db, argv[i], eq + 1, &err);
		/* Every run has the same answers. */
		if (rc == 0 && i + 1 == argc)
			rc = look_at_agents(db, eq + 1, &err);
	}
	if (rc == 0) {
		tell_together();
		rc = sk_out_flush(&err);
	}
	if (rc != 0)
		fprintf(stderr, "consensus_quality: %s\n", err.message);
	sk_db_close(db);
	sk_arena_free(&arena);
	free(problems);
	return rc;
}
