/* SPDX-License-Identifier: MIT */
/*
 * sk-faults explore: every way in which agents can fail, up to a bound, through
 * the real programs. Agents are alike, so schedules that differ only in who is
 * who are one.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "faults/explore.h"

#define VIOLATIONS 5 /* then it is enough */

/* ---- schedules ---- */

/* Behaviours of one agent: it fails L times, each time in one of K ways, L from
 * 0 to the number of attempts. Behaviour b as the ways of its failures. */
static size_t
behaviour(const struct sk_explorer *x, uint64_t b, size_t *ways)
{
	uint64_t of_length = 1;
	size_t n = 0;

	while (b >= of_length) {
		b -= of_length;
		of_length *= x->nkinds;
		n++;
	}
	for (size_t i = n; i > 0; i--) {
		ways[i - 1] = (size_t)(b % x->nkinds);
		b /= x->nkinds;
	}
	return n;
}

static uint64_t
behaviours(const struct sk_explorer *x)
{
	uint64_t all = 0, of_length = 1;

	for (size_t i = 0; i <= x->attempts; i++) {
		all += of_length;
		of_length *= x->nkinds;
	}
	return all;
}

/* Multisets of n out of b. */
static uint64_t
schedules(uint64_t b, size_t n)
{
	uint64_t c = 1;

	for (size_t i = 0; i < n; i++)
		c = c * (b + i) / (i + 1);
	return c;
}

/* The next tuple that does not fall; false after the last. */
static bool
advance(uint64_t *tuple, size_t n, uint64_t b)
{
	for (size_t i = n; i > 0; i--)
		if (tuple[i - 1] + 1 < b) {
			uint64_t v = tuple[i - 1] + 1;

			for (size_t j = i - 1; j < n; j++)
				tuple[j] = v;
			return true;
		}
	return false;
}

static void
schedule_of(
    const struct sk_explorer *x, const uint64_t *tuple, struct sk_schedule *s)
{
	size_t ways[SK_EXPLORE_ATTEMPTS];

	memset(s, 0, sizeof(*s));
	for (size_t i = 0; i < x->agents; i++) {
		size_t n = behaviour(x, tuple[i], ways);

		for (size_t j = 0; j < n; j++) {
			struct sk_fault_rule *r = &s->v[s->n++];

			*r = x->kinds[ways[j]];
			r->agent[0] = (char)('a' + i);
			r->agent[1] = '\0';
			r->which = SK_FAULT_NTH;
			r->from = r->to = (int64_t)j + 1;
		}
	}
}

static void
schedule_text(struct sk_buf *b, const struct sk_schedule *s)
{
	for (size_t i = 0; i < s->n; i++) {
		if (i > 0)
			sk_buf_ch(b, ',');
		sk_fault_text(b, &s->v[i]);
	}
}

/* Faults are taken out one by one as long as a rule stays broken; after each
 * that was not needed, those that were are tried again. */
static int
minimise(struct sk_explorer *x, struct sk_schedule *s, char **broken,
    struct sk_err *err)
{
	size_t i = 0;
	int rc = 0;

	while (rc == 0 && i < s->n) {
		struct sk_schedule less = *s;
		char *still = NULL;

		memmove(&less.v[i], &less.v[i + 1],
		    (less.n - i - 1) * sizeof(less.v[0]));
		less.n--;
		rc = sk_explore_run(x, &less, &still, err);
		if (still == NULL) {
			i++;
			continue;
		}
		*s = less;
		free(*broken);
		*broken = still;
		i = 0;
	}
	return rc;
}

/* ---- setting up ---- */

static int
take_kinds(struct sk_explorer *x, const char *text, struct sk_err *err)
{
	struct sk_fault_plan plan = { .n = 0 };
	int rc = sk_fault_parse(&plan, text, NULL, err);

	if (rc == 0 && (plan.n == 0 || plan.n > SK_EXPLORE_KINDS))
		rc = sk_fail(err, SK_USAGE, "bad_argument",
		    "1 to %d kinds of fault", SK_EXPLORE_KINDS);
	for (size_t i = 0; rc == 0 && i < plan.n; i++) {
		struct sk_fault_rule *r = &plan.v[i];

		if (r->kind == NULL ||
		    (r->kind->places & SK_FAULT_AT_AGENT) == 0)
			rc = sk_fail(err, SK_USAGE, "bad_fault",
			    "'%s' is no fault of agents", r->name);
		x->kinds[i] = *r;
	}
	x->nkinds = plan.n;
	return rc;
}

/* Agents that answer the same at once, delays of nothing, a budget; and what an
 * answer must be, or else a damaged one is an answer like any text. */
static int
write_config(struct sk_explorer *x, struct sk_err *err)
{
	static const char schema[] =
	    "{\"type\":\"object\",\"required\":[\"k\"]}";
	struct sk_buf b;
	int rc;

	sk_buf_init(&b, 0);
	sk_buf_str(&b, "[retry]\nscale = 0\n[cost]\nrun_limit_usd = 1000\n");
	for (size_t i = 0; i < x->agents; i++)
		sk_buf_printf(&b,
		    "[agents.%c]\nadapter = \"exec\"\n"
		    "command = [\"printf\", \"{\\\"k\\\":1}\"]\n"
		    "model = \"claude-opus-5-5\"\n",
		    (char)('a' + i));
	x->config = sk_path_join(x->dir, "sk.toml");
	x->schema = sk_path_join(x->dir, "schema.json");
	rc = sk_write_file(x->config, b.p, b.len, 0600, err);
	if (rc == 0)
		rc = sk_write_file(
		    x->schema, schema, sizeof(schema) - 1, 0600, err);
	sk_buf_free(&b);
	return rc;
}

static int
set_up(
    struct sk_explorer *x, const struct sk_faults_opts *o, struct sk_err *err)
{
	static const char *const ours[] = { "SK_RUN", "SK_BRANCH", "SK_EPOCH",
		"SK_CONFIG", "SPEC_KIT_FAULTS_FILE" };
	char self[PATH_MAX], *slash;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	int rc;

	/* The trials are nobody's run. */
	for (size_t i = 0; i < SK_ARRAY_SIZE(ours); i++)
		(void)unsetenv(ours[i]);
	x->agents = (size_t)o->agents;
	x->attempts = (size_t)o->attempts;
	x->timeout_ms = o->timeout_ms;
	if ((rc = take_kinds(x, o->kinds, err)) != 0)
		return rc;
	if (n <= 0)
		return sk_fail_errno(err, "cannot read '/proc/self/exe'");
	self[n] = '\0';
	if ((slash = strrchr(self, '/')) != NULL)
		*slash = '\0';
	x->bin = sk_strdup(self);
	if ((x->dir = sk_tmpdir_new(err)) == NULL)
		return err->exit;
	return write_config(x, err);
}

/* ---- the verb ---- */

struct found {
	struct sk_schedule least;
	uint64_t times;
	char *broken;
};
struct result {
	uint64_t all, covered;
	struct found v[VIOLATIONS];
	size_t n;
};

/* Are all faults of a in b? */
static bool
within(const struct sk_schedule *a, const struct sk_schedule *b)
{
	size_t j;

	for (size_t i = 0; i < a->n; i++) {
		for (j = 0; j < b->n; j++)
			if (strcmp(a->v[i].agent, b->v[j].agent) == 0 &&
			    a->v[i].from == b->v[j].from &&
			    a->v[i].kind == b->v[j].kind &&
			    strcmp(a->v[i].word, b->v[j].word) == 0)
				break;
		if (j == b->n)
			return false;
	}
	return true;
}

/* What a schedule has broken: by a cause that is known, if it holds one. */
static int
add_found(struct sk_explorer *x, struct result *res, struct sk_schedule *s,
    char *broken, struct sk_err *err)
{
	struct found *f;
	int rc;

	for (size_t i = 0; i < res->n; i++)
		if (within(&res->v[i].least, s)) {
			res->v[i].times++;
			free(broken);
			return 0;
		}
	rc = minimise(x, s, &broken, err);
	f = &res->v[res->n++];
	f->least = *s;
	f->times = 1;
	f->broken = broken;
	return rc;
}

/* Many causes, or one that needs no fault. */
static bool
enough(const struct result *res)
{
	return res->n == VIOLATIONS ||
	       (res->n > 0 && res->v[res->n - 1].least.n == 0);
}

static int
explore(struct sk_explorer *x, const struct sk_faults_opts *o,
    struct result *res, struct sk_err *err)
{
	uint64_t b = behaviours(x), tuple[SK_EXPLORE_AGENTS] = { 0 }, i = 0;
	uint64_t most = o->most > 0 ? (uint64_t)o->most : UINT64_MAX;
	struct sk_schedule s;
	char *broken;
	int rc = 0;

	res->all = schedules(b, x->agents);
	do {
		/* When not all can be tried: as many, evenly. */
		if (most < res->all &&
		    i * most / res->all == (i + 1) * most / res->all) {
			i++;
			continue;
		}
		i++;
		schedule_of(x, tuple, &s);
		broken = NULL;
		rc = sk_explore_run(x, &s, &broken, err);
		res->covered++;
		if (rc != 0 || broken == NULL)
			continue;
		rc = add_found(x, res, &s, broken, err);
	} while (rc == 0 && !enough(res) && advance(tuple, x->agents, b));
	return rc;
}

static void
print_json(const struct sk_explorer *x, const struct result *res)
{
	struct sk_buf b, kind, plan;
	struct sk_jw w;

	sk_out_json_begin(&w, &b, "sk.exploration/1");
	sk_jw_kint(&w, "agents", (int64_t)x->agents);
	sk_jw_kint(&w, "attempts", (int64_t)x->attempts);
	sk_jw_karr(&w, "kinds");
	for (size_t i = 0; i < x->nkinds; i++) {
		sk_buf_init(&kind, 0);
		sk_buf_printf(&kind, "%s%s%s", x->kinds[i].name,
		    x->kinds[i].word[0] != '\0' ? "=" : "", x->kinds[i].word);
		sk_jw_str(&w, kind.p);
		sk_buf_free(&kind);
	}
	sk_jw_end(&w);
	sk_jw_kint(&w, "schedules", (int64_t)res->all);
	sk_jw_kint(&w, "covered", (int64_t)res->covered);
	sk_jw_karr(&w, "violations");
	for (size_t i = 0; i < res->n; i++) {
		sk_jw_obj(&w);
		sk_jw_kstr(&w, "rule", res->v[i].broken);
		sk_buf_init(&plan, 0);
		schedule_text(&plan, &res->v[i].least);
		sk_jw_kstr(&w, "plan", plan.p != NULL ? plan.p : "");
		sk_buf_free(&plan);
		sk_jw_kint(&w, "schedules", (int64_t)res->v[i].times);
		sk_jw_end(&w);
	}
	sk_jw_end(&w);
	sk_out_json_end(&w);
}

static void
print_text(const struct result *res)
{
	struct sk_buf plan;

	for (size_t i = 0; i < res->n; i++) {
		sk_buf_init(&plan, 0);
		schedule_text(&plan, &res->v[i].least);
		sk_outf("broken: %s\n  plan: %s (%llu schedules)\n",
		    res->v[i].broken, plan.len > 0 ? plan.p : "none is needed",
		    (unsigned long long)res->v[i].times);
		sk_buf_free(&plan);
	}
	sk_outf("%llu of %llu schedules, %zu violations%s\n",
	    (unsigned long long)res->covered, (unsigned long long)res->all,
	    res->n, enough(res) ? "; the rest was not tried" : "");
}

int
sk_faults_explore(struct sk_ctx *ctx, struct sk_err *err)
{
	const struct sk_faults_opts *o = ctx->opts;
	struct sk_explorer x = { .agents = 0 };
	struct result res = { .n = 0 };
	int rc = sk_faults_need(err);

	if (rc == 0)
		rc = set_up(&x, o, err);
	if (rc == 0)
		rc = explore(&x, o, &res, err);
	if (rc == 0 && ctx->format == SK_FMT_JSON)
		print_json(&x, &res);
	else if (rc == 0)
		print_text(&res);
	for (size_t i = 0; i < res.n; i++)
		free(res.v[i].broken);
	if (x.dir != NULL)
		sk_tmpdir_remove(x.dir);
	free(x.dir);
	free(x.bin);
	free(x.config);
	free(x.schema);
	return rc != 0 ? rc : res.n > 0 ? SK_NEGATIVE : 0;
}
