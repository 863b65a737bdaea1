/* SPDX-License-Identifier: MIT */
/* What an import took, what it left out, and by which rule. */
#include <string.h>

#include "cli/cli.h"
#include "metrics/import.h"

static const char *const rules[SK_LOGS] = {
	"message id as the provider makes it; else request id; else session, "
	"time and usage; the line with the most output counts",
	"session and its running total; a total that is said again is nothing "
	"new, nor is what a fork copied of its parent; what counts is by how "
	"much it grew",
	"message id; else session, time and usage; the line with the most "
	"output counts",
	"message id; else session, time and usage",
};

static const struct field {
	const char *name, *text;
	size_t off;
} left_out[] = {
#define F(f, t) \
	{ \
#f, t, offsetof(struct sk_import_count, f) \
	}
	F(bad, "not readable"),
	F(too_long, "longer than 4 MiB"),
	F(cut, "not finished yet"),
	F(own, "of sk-run, booked already"),
	F(synthetic, "made by the program itself"),
	F(repeated, "total said again"),
	F(copied, "copied from the session that was forked"),
	F(before, "before --since"),
#undef F
};

static int64_t
field(const struct sk_import_count *c, const struct field *f)
{
	int64_t x;

	memcpy(&x, (const char *)c + f->off, sizeof(x));
	return x;
}

static void
put_source(struct sk_jw *w, const char *name, const char *rule,
    const struct sk_import_count *c)
{
	sk_jw_obj(w);
	sk_jw_kstr(w, "source", name);
	sk_jw_kint(w, "files", c->files);
	sk_jw_kint(w, "bytes", c->bytes);
	sk_jw_kint(w, "lines", c->lines);
	sk_jw_kint(w, "calls", c->calls);
	sk_jw_kint(w, "new", c->fresh);
	sk_jw_kint(w, "revised", c->revised);
	sk_jw_kint(w, "duplicates", c->known);
	sk_jw_kint(w, "suspect", c->suspect);
	sk_jw_kobj(w, "skipped");
	for (size_t i = 0; i < SK_ARRAY_SIZE(left_out); i++)
		sk_jw_kint(w, left_out[i].name, field(c, &left_out[i]));
	sk_jw_end(w);
	sk_jw_kobj(w, "dedupe");
	sk_jw_kstr(w, "rule", rule);
	sk_jw_kint(w, "by_message", c->by_message);
	sk_jw_kint(w, "by_request", c->by_request);
	sk_jw_kint(w, "by_content", c->by_content);
	sk_jw_end(w);
	sk_jw_end(w);
}

void
sk_import_json(struct sk_buf *b, const struct sk_import *im)
{
	struct sk_jw w;

	sk_jw_doc(&w, b, "sk.import/1");
	sk_jw_ktime(&w, "at", sk_now_ms());
	sk_jw_karr(&w, "sources");
	for (int i = 0; i < SK_LOGS; i++) {
		const struct sk_import_count *c =
		    sk_import_count_of(im, (enum sk_log)i);

		if (c->files > 0)
			put_source(
			    &w, sk_log_name((enum sk_log)i), rules[i], c);
	}
	sk_jw_end(&w);
	sk_jw_done(&w);
}

static void
explain_one(const char *rule, const struct sk_import_count *c)
{
	sk_outf("  told apart by: %s\n", rule);
	sk_outf("    %lld by message id, %lld by request id, %lld by content\n",
	    (long long)c->by_message, (long long)c->by_request,
	    (long long)c->by_content);
	sk_outf("    %lld calls in the logs: %lld new, %lld revised, "
		"%lld known\n",
	    (long long)c->calls, (long long)c->fresh, (long long)c->revised,
	    (long long)c->known);
}

void
sk_import_text(const struct sk_import *im, bool explain)
{
	bool any = false;

	for (int i = 0; i < SK_LOGS; i++) {
		const struct sk_import_count *c =
		    sk_import_count_of(im, (enum sk_log)i);

		if (c->files == 0)
			continue;
		any = true;
		sk_outf("%s: %lld calls new, %lld revised, %lld known; "
			"%lld files, %lld lines\n",
		    sk_log_name((enum sk_log)i), (long long)c->fresh,
		    (long long)c->revised, (long long)c->known,
		    (long long)c->files, (long long)c->lines);
		for (size_t k = 0; k < SK_ARRAY_SIZE(left_out); k++)
			if (field(c, &left_out[k]) > 0)
				sk_outf("  left out: %lld %s\n",
				    (long long)field(c, &left_out[k]),
				    left_out[k].text);
		if (c->suspect > 0)
			sk_outf("  suspect figures: %lld calls\n",
			    (long long)c->suspect);
		if (explain)
			explain_one(rules[i], c);
	}
	if (!any)
		sk_out_str("no logs\n");
}
