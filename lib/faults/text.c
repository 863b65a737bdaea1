/* SPDX-License-Identifier: MIT */
/* Fault plans written down: as plans, as keys of counters, and in words. */
#include <string.h>

#include "faults/internal.h"

static void
filter(struct sk_buf *b, const struct sk_fault_rule *r)
{
	if (r->agent[0] == '\0' && r->stage[0] == '\0')
		return;
	sk_buf_printf(b, "@%s", r->agent[0] != '\0' ? r->agent : "*");
	if (r->stage[0] != '\0')
		sk_buf_printf(b, "/%s", r->stage);
}

static void
argument(struct sk_buf *b, const struct sk_fault_rule *r)
{
	const char *name;

	if (r->kind != NULL) {
		if (r->word[0] != '\0')
			sk_buf_printf(b, "=%s", r->word);
		return;
	}
	sk_buf_printf(b, "=%s", sk_fault_action_word(r->action));
	switch (r->action) {
	case SK_FAULT_EXIT:
		sk_buf_printf(b, ":%lld", (long long)r->arg);
		break;
	case SK_FAULT_SLEEP:
	case SK_FAULT_JUMP:
		sk_buf_printf(b, ":%lldms", (long long)r->arg);
		break;
	case SK_FAULT_ERRNO:
		name = strerrorname_np((int)r->arg);
		if (name != NULL)
			sk_buf_printf(b, ":%s", name);
		else
			sk_buf_printf(b, ":%lld", (long long)r->arg);
		break;
	default:
		break;
	}
}

void
sk_fault_key(const struct sk_fault_rule *r, char key[SK_FAULT_KEY])
{
	struct sk_buf b;

	sk_buf_init(&b, 0);
	sk_buf_str(&b, r->name);
	filter(&b, r);
	argument(&b, r);
	(void)snprintf(key, SK_FAULT_KEY, "%s", b.p);
	sk_buf_free(&b);
}

void
sk_fault_text(struct sk_buf *b, const struct sk_fault_rule *r)
{
	sk_buf_str(b, r->name);
	filter(b, r);
	if (r->which == SK_FAULT_FIRST)
		sk_buf_printf(b, ":%lld", (long long)r->to);
	argument(b, r);
	if (r->which == SK_FAULT_SHARE)
		sk_buf_printf(b, "%%%lld/%lld/seed%llu", (long long)r->num,
		    (long long)r->den, (unsigned long long)r->seed);
	if (r->which != SK_FAULT_NTH)
		return;
	sk_buf_printf(b, "#%lld", (long long)r->from);
	if (r->to == INT64_MAX)
		sk_buf_ch(b, '+');
	else if (r->to != r->from)
		sk_buf_printf(b, "-%lld", (long long)r->to);
}

void
sk_fault_plan_text(struct sk_buf *b, const struct sk_fault_plan *plan)
{
	for (size_t i = 0; i < plan->n; i++) {
		if (i > 0)
			sk_buf_ch(b, ',');
		sk_fault_text(b, &plan->v[i]);
	}
}

static void
explain_which(struct sk_buf *b, const struct sk_fault_rule *r)
{
	long long from = r->from, to = r->to;

	if (r->which == SK_FAULT_SHARE)
		sk_buf_printf(b, "%lld in %lld times, by seed %llu",
		    (long long)r->num, (long long)r->den,
		    (unsigned long long)r->seed);
	else if (r->which == SK_FAULT_FIRST && to == 1)
		sk_buf_str(b, "the first time");
	else if (r->which == SK_FAULT_FIRST)
		sk_buf_printf(b, "the first %lld times", to);
	else if (to == INT64_MAX)
		sk_buf_printf(b, "time %lld and ever after", from);
	else if (from == to)
		sk_buf_printf(b, "time %lld only", from);
	else
		sk_buf_printf(b, "times %lld to %lld", from, to);
}

static void
explain_action(struct sk_buf *b, const struct sk_fault_rule *r)
{
	static const char *const words[] = {
		[SK_FAULT_KILL9] = "the process is killed",
		[SK_FAULT_TERM] = "the process gets SIGTERM",
		[SK_FAULT_FREEZE] = "the process is stopped until SIGCONT",
		[SK_FAULT_SHORT] = "half of it is done, and reported as such",
		[SK_FAULT_TORN] = "half of it is done, then EIO",
		[SK_FAULT_DROP] = "nothing is done, and success reported",
		[SK_FAULT_TWICE] = "it is done twice",
		[SK_FAULT_GARBAGE] = "what is read is garbage",
		[SK_FAULT_TRICKLE] = "one byte at a time",
	};

	switch (r->action) {
	case SK_FAULT_EXIT:
		sk_buf_printf(
		    b, "the process exits with %lld", (long long)r->arg);
		break;
	case SK_FAULT_SLEEP:
		sk_buf_printf(
		    b, "the process sleeps %lld ms", (long long)r->arg);
		break;
	case SK_FAULT_JUMP:
		sk_buf_printf(
		    b, "the clock jumps by %lld ms", (long long)r->arg);
		break;
	case SK_FAULT_ERRNO:
		sk_buf_printf(b, "it fails: %s", strerror((int)r->arg));
		break;
	default:
		sk_buf_str(b, words[r->action]);
	}
}

void
sk_fault_explain(struct sk_buf *b, const struct sk_fault_rule *r)
{
	if (r->kind == NULL) {
		sk_buf_printf(b, "at %s ", r->name);
		explain_action(b, r);
	} else {
		if (r->agent[0] != '\0')
			sk_buf_printf(b, "agent '%s': ", r->agent);
		sk_buf_str(b, r->kind->purpose);
		if (r->word[0] != '\0')
			sk_buf_printf(b, " (%s)", r->word);
	}
	if (r->stage[0] != '\0')
		sk_buf_printf(b, ", in stage '%s'", r->stage);
	sk_buf_str(b, ", ");
	explain_which(b, r);
}
