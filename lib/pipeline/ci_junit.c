/* SPDX-License-Identifier: MIT */
/* A run as JUnit's XML and as TAP: a suite a stage, a case for each agent,
 * guardrail and verdict. */
#include <string.h>

#include "pipeline/ci.h"
#include "json/json.h"

static void
attribute(struct sk_buf *b, const char *name, const char *value)
{
	sk_buf_printf(b, " %s=\"", name);
	sk_buf_markup_visible(b, value, strlen(value));
	sk_buf_ch(b, '"');
}

static void
seconds(struct sk_buf *b, int64_t ms)
{
	sk_buf_printf(b, " time=\"%lld.%03lld\"", (long long)(ms / 1000),
	    (long long)(ms % 1000));
}

static void
counts(struct sk_buf *b, const size_t n[SK_CI_ERROR + 1])
{
	sk_buf_printf(b,
	    " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\"",
	    n[SK_CI_OK] + n[SK_CI_SKIPPED] + n[SK_CI_FAILED] + n[SK_CI_ERROR],
	    n[SK_CI_FAILED], n[SK_CI_ERROR], n[SK_CI_SKIPPED]);
}

static void
one_case(struct sk_buf *b, const struct sk_ci *c, const struct sk_ci_stage *s,
    const struct sk_ci_case *k)
{
	static const char *const tags[] = { [SK_CI_SKIPPED] = "skipped",
		[SK_CI_FAILED] = "failure",
		[SK_CI_ERROR] = "error" };

	sk_buf_printf(b, "    <testcase classname=\"%s.%s\"",
	    c->spec[0] != '\0' ? c->spec : "sk", s->name);
	attribute(b, "name", k->name);
	seconds(b, k->ms);
	if (k->result == SK_CI_OK) {
		sk_buf_str(b, "/>\n");
		return;
	}
	sk_buf_printf(b, ">\n      <%s", tags[k->result]);
	attribute(b, "message", k->text != NULL ? k->text : "");
	if (k->result != SK_CI_SKIPPED)
		attribute(b, "type", k->type);
	sk_buf_str(b, "/>\n    </testcase>\n");
}

void
sk_ci_junit(struct sk_buf *b, const struct sk_ci *c)
{
	char at[SK_TIME_LEN];
	int64_t all = 0;

	for (size_t i = 0; i < c->n; i++)
		all += c->v[i].ms;
	sk_buf_str(
	    b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites");
	attribute(b, "name", c->spec[0] != '\0' ? c->spec : "sk");
	counts(b, c->count);
	seconds(b, all);
	sk_buf_str(b, ">\n");
	for (size_t i = 0; i < c->n; i++) {
		const struct sk_ci_stage *s = &c->v[i];
		size_t n[SK_CI_ERROR + 1] = { 0 };

		for (size_t k = 0; k < s->n; k++)
			n[s->v[k].result]++;
		sk_buf_printf(b, "  <testsuite name=\"%s\"", s->name);
		counts(b, n);
		seconds(b, s->ms);
		if (s->started_ms > 0) {
			sk_time_text(s->started_ms, at);
			/* The schema wants neither fraction nor zone. */
			sk_buf_printf(b, " timestamp=\"%.19s\"", at);
		}
		sk_buf_str(b, ">\n");
		for (size_t k = 0; k < s->n; k++)
			one_case(b, c, s, &s->v[k]);
		sk_buf_str(b, "  </testsuite>\n");
	}
	sk_buf_str(b, "</testsuites>\n");
}

void
sk_ci_tap(struct sk_buf *b, const struct sk_ci *c)
{
	size_t all = 0, n = 0;

	for (size_t i = 0; i < c->n; i++)
		all += c->v[i].n;
	sk_buf_printf(b, "TAP version 14\n1..%zu%s\n", all,
	    all == 0 ? " # SKIP nothing was run" : "");
	for (size_t i = 0; i < c->n; i++)
		for (size_t k = 0; k < c->v[i].n; k++) {
			const struct sk_ci_case *x = &c->v[i].v[k];

			sk_buf_printf(b, "%sok %zu - %s: %s%s%s\n",
			    x->result >= SK_CI_FAILED ? "not " : "", ++n,
			    c->v[i].name, x->name,
			    x->result == SK_CI_SKIPPED ? " # SKIP " : "",
			    x->result == SK_CI_SKIPPED ? x->text : "");
			if (x->result < SK_CI_FAILED)
				continue;
			/* A JSON string is a YAML string. */
			sk_buf_printf(b,
			    "  ---\n  severity: %s\n  type: \"%s\"\n",
			    x->result == SK_CI_FAILED ? "fail" : "error",
			    x->type);
			sk_buf_str(b, "  message: ");
			sk_json_write_str(b, x->text != NULL ? x->text : "",
			    x->text != NULL ? strlen(x->text) : 0);
			sk_buf_str(b, "\n  ...\n");
		}
}
