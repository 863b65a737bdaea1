/* SPDX-License-Identifier: MIT */
/* Sums by day, stage and so on: as a table with bars, as CSV, as JSON. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "metrics/internal.h"

static const struct {
	const char *word;
	enum sk_by by;
} words[] = { { "day", SK_BY_DAY }, { "week", SK_BY_WEEK },
	{ "month", SK_BY_MONTH }, { "spec", SK_BY_SPEC },
	{ "stage", SK_BY_STAGE }, { "agent", SK_BY_AGENT },
	{ "model", SK_BY_MODEL }, { "provider", SK_BY_PROVIDER },
	{ "source", SK_BY_SOURCE }, { "run", SK_BY_RUN },
	{ "branch", SK_BY_BRANCH } };

bool
sk_by_parse(const char *word, enum sk_by *by)
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(words); i++)
		if (strcmp(word, words[i].word) == 0) {
			*by = words[i].by;
			return true;
		}
	return false;
}

int
sk_report_load(struct sk_report *r, struct sk_db *db, struct sk_err *err)
{
	struct sk_sum *a = &r->all;
	int rc;

	rc = sk_usage_sums(
	    db, r->by, &r->filter, &r->rows, &r->n, &r->arena, err);
	memset(a, 0, sizeof(*a));
	for (size_t i = 0; rc == 0 && i < r->n; i++) {
		const struct sk_sum *s = &r->rows[i];

		a->calls += s->calls;
		a->fresh += s->fresh;
		a->cache_read += s->cache_read;
		a->cache_write += s->cache_write;
		a->output += s->output;
		a->reasoning += s->reasoning;
		a->cost += s->cost;
		a->unpriced += s->unpriced;
		a->suspect += s->suspect;
		a->estimated += s->estimated;
	}
	return rc;
}

void
sk_report_free(struct sk_report *r)
{
	sk_arena_free(&r->arena);
	memset(r, 0, sizeof(*r));
}

static int64_t
input(const struct sk_sum *s)
{
	return s->fresh + s->cache_read + s->cache_write;
}

/* Nothing is known of what no call has a price of. */
static int64_t
cost(const struct sk_sum *s)
{
	return s->calls > 0 && s->unpriced == s->calls ? -1 : s->cost;
}

/* ---- JSON ---- */

static void
put_sum(struct sk_jw *w, const struct sk_sum *s)
{
	char usd[SK_USD_LEN];

	sk_jw_kint(w, "calls", s->calls);
	sk_jw_kint(w, "input", input(s));
	sk_jw_kint(w, "input_fresh", s->fresh);
	sk_jw_kint(w, "cache_read", s->cache_read);
	sk_jw_kint(w, "cache_write", s->cache_write);
	sk_jw_kint(w, "output", s->output);
	sk_jw_kint(w, "reasoning", s->reasoning);
	sk_jw_kint(w, "total", input(s) + s->output);
	sk_jw_kobj(w, "cost");
	if (cost(s) < 0) {
		sk_jw_knull(w, "micro_usd");
		sk_jw_knull(w, "usd");
	} else {
		sk_usd(s->cost, usd);
		sk_jw_kint(w, "micro_usd", s->cost);
		sk_jw_kstr(w, "usd", usd);
	}
	sk_jw_kint(w, "unpriced_calls", s->unpriced);
	sk_jw_kint(w, "estimated_calls", s->estimated);
	sk_jw_end(w);
	sk_jw_kint(w, "suspect", s->suspect);
}

void
sk_report_json(struct sk_buf *b, const struct sk_report *r)
{
	struct sk_jw w;

	sk_jw_doc(&w, b, "sk.report/1");
	sk_jw_ktime(&w, "at", sk_now_ms());
	sk_jw_kstr(&w, "by", r->by_name);
	sk_jw_karr(&w, "rows");
	for (size_t i = 0; i < r->n; i++) {
		sk_jw_obj(&w);
		sk_jw_kstr(&w, "name", r->rows[i].name);
		put_sum(&w, &r->rows[i]);
		sk_jw_end(&w);
	}
	sk_jw_end(&w);
	sk_jw_kobj(&w, "total");
	put_sum(&w, &r->all);
	sk_jw_end(&w);
	sk_jw_done(&w);
}

/* ---- CSV (RFC 4180, but lines end as lines do here) ---- */

/* What begins like a formula would be one to a spreadsheet. */
static void
put_csv(struct sk_buf *b, const char *s)
{
	bool formula = s[0] != '\0' && strchr("=+-@\t\r", s[0]) != NULL;

	if (!formula && strpbrk(s, ",\"\n\r") == NULL) {
		sk_buf_str(b, s);
		return;
	}
	sk_buf_ch(b, '"');
	if (formula)
		sk_buf_ch(b, '\'');
	for (; *s != '\0'; s++) {
		if (*s == '"')
			sk_buf_ch(b, '"');
		sk_buf_ch(b, *s);
	}
	sk_buf_ch(b, '"');
}

void
sk_report_csv(struct sk_buf *b, const struct sk_report *r)
{
	char usd[SK_USD_LEN];

	sk_buf_printf(b,
	    "%s,calls,input,input_fresh,cache_read,cache_write,output,"
	    "reasoning,total,cost_usd,unpriced_calls,suspect,"
	    "estimated_calls\n",
	    r->by_name);
	for (size_t i = 0; i < r->n; i++) {
		const struct sk_sum *s = &r->rows[i];

		put_csv(b, s->name);
		sk_usd(s->cost, usd);
		sk_buf_printf(b,
		    ",%lld,%lld,%lld,%lld,%lld,%lld,%lld,%lld,%s,%lld,%lld,"
		    "%lld\n",
		    (long long)s->calls, (long long)input(s),
		    (long long)s->fresh, (long long)s->cache_read,
		    (long long)s->cache_write, (long long)s->output,
		    (long long)s->reasoning, (long long)(input(s) + s->output),
		    cost(s) < 0 ? "" : usd, (long long)s->unpriced,
		    (long long)s->suspect, (long long)s->estimated);
	}
}

/* ---- text ---- */

static bool
utf8_terminal(void)
{
	static const char *const vars[] = { "LC_ALL", "LC_CTYPE", "LANG" };

	for (size_t i = 0; i < SK_ARRAY_SIZE(vars); i++) {
		const char *v = getenv(vars[i]);

		if (v != NULL && v[0] != '\0')
			return strcasestr(v, "utf-8") != NULL ||
			       strcasestr(v, "utf8") != NULL;
	}
	return false;
}

void
sk_cell_count(struct sk_table *t, int64_t n)
{
	struct sk_buf b;

	sk_buf_init(&b, 64);
	sk_count_text(&b, n);
	sk_table_cell(t, b.p);
	sk_buf_free(&b);
}

void
sk_cell_cost(struct sk_table *t, int64_t cost, int64_t calls, int64_t unpriced,
    int64_t estimated)
{
	char usd[SK_USD_LEN];

	sk_usd_short(calls > 0 && unpriced == calls ? -1 : cost, usd);
	sk_table_cellf(t, "%s%s%s", estimated > 0 ? "~" : "", usd,
	    unpriced > 0 && unpriced < calls ? "+?" : "");
}

static void
bar(struct sk_table *t, int64_t value, int64_t most, int64_t width)
{
	const char *block = utf8_terminal() ? "\xe2\x96\x87" : "=";
	int64_t n = most > 0 ? (value * width + most / 2) / most : 0;
	struct sk_buf b;

	if (n == 0 && value > 0)
		n = 1;
	sk_buf_init(&b, 0);
	for (int64_t i = 0; i < n; i++)
		sk_buf_str(&b, block);
	sk_table_cell(t, b.p);
	sk_buf_free(&b);
}

static void
line(struct sk_table *t, const char *name, const struct sk_sum *s)
{
	sk_table_cell(t, name[0] != '\0' ? name : "-");
	sk_table_cellf(t, "%lld", (long long)s->calls);
	sk_cell_count(t, input(s));
	sk_cell_count(t, s->cache_read);
	sk_cell_count(t, s->output);
	sk_cell_cost(t, s->cost, s->calls, s->unpriced, s->estimated);
}

/* Bars show money, or tokens when nothing has a price. */
void
sk_report_text(const struct sk_report *r)
{
	static const char *const head[] = { "CALLS", "INPUT", "CACHED",
		"OUTPUT", "COST" };
	bool money = r->all.cost > 0;
	int64_t most = 0, width = sk_width() - 60;
	struct sk_table t;

	for (size_t i = 0; i < r->n; i++) {
		int64_t v = money ? r->rows[i].cost
		                  : input(&r->rows[i]) + r->rows[i].output;

		if (v > most)
			most = v;
	}
	width = width < 8 ? 8 : width > 40 ? 40 : width;
	sk_table_init(&t, 7, 0x3e);
	sk_table_cellf(&t, "%s", r->by_name);
	for (size_t i = 0; i < SK_ARRAY_SIZE(head); i++)
		sk_table_cell(&t, head[i]);
	sk_table_cell(&t, "");
	for (size_t i = 0; i < r->n; i++) {
		const struct sk_sum *s = &r->rows[i];

		line(&t, s->name, s);
		bar(&t, money ? s->cost : input(s) + s->output, most, width);
	}
	line(&t, "total", &r->all);
	sk_table_cell(&t, "");
	sk_table_print(&t);
	if (r->all.unpriced > 0)
		sk_outf("%lld calls have no price: 'sk-metrics report --by "
			"model' names their models\n",
		    (long long)r->all.unpriced);
	if (r->all.estimated > 0)
		sk_outf("%lld calls did not say what they used: their cost "
			"is an estimate\n",
		    (long long)r->all.estimated);
	if (r->all.suspect > 0)
		sk_outf("%lld calls have figures that cannot be right: "
			"negative, huge or no numbers, they were cut\n",
		    (long long)r->all.suspect);
}
