/* SPDX-License-Identifier: MIT */
/* Arguments of faults: of a kind, and the actions of fail-points. */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "faults/internal.h"

/* "80" and "80ms" are the same here, unlike elsewhere: faults are short. */
static bool
span_of(const char *s, int64_t *ms)
{
	return sk_parse_int(s, 0, 86400000, ms) ||
	       (sk_parse_duration(s, ms) && *ms <= 86400000);
}

bool
sk_fault_reset(const char *s, int64_t now_ms, int64_t *after_ms)
{
	char digits[24];
	size_t n;
	int64_t v;

	if (sk_parse_int(s, 0, 100000000, &v)) {
		*after_ms = v * 1000;
		return true;
	}
	if (strncmp(s, "now+", 4) == 0) {
		n = strspn(s + 4, "0123456789");
		if (n == 0 || n >= sizeof(digits) ||
		    (s[4 + n] != '\0' && strcmp(s + 4 + n, "s") != 0))
			return false;
		memcpy(digits, s + 4, n);
		digits[n] = '\0';
		if (!sk_parse_int(digits, 0, 100000000, &v))
			return false;
		*after_ms = v * 1000;
		return true;
	}
	if (!sk_time_parse(s, &v))
		return false;
	*after_ms = v > now_ms ? v - now_ms : 0; /* what is past is now */
	return true;
}

/* It needs an argument, and has none. */
static int
no_argument(
    const struct sk_fault_kind *k, const char *entry, struct sk_err *err)
{
	(void)sk_fault_bad("no argument", entry, err);
	if (k->words != NULL)
		return sk_hint(err, "one of: %.250s", k->words);
	return sk_hint(err, "as in '%s=%s'", k->name,
	    k->arg == SK_FAULT_TIME     ? "80ms"
	    : k->arg == SK_FAULT_STATUS ? "503"
					: "store.ack.checked");
}

int
sk_fault_kind_arg(struct sk_fault_rule *r, const char *s, const char *entry,
    struct sk_err *err)
{
	const struct sk_fault_kind *k = r->kind;

	if (s == NULL || *s == '\0')
		return k->arg_needed ? no_argument(k, entry, err) : 0;
	if (k->arg == SK_FAULT_NO_ARG)
		return sk_fault_bad(
		    "an argument, which this fault has none of,", entry, err);
	if (strlen(s) >= sizeof(r->word))
		return sk_fault_bad("argument too long", entry, err);
	memcpy(r->word, s, strlen(s) + 1);
	switch (k->arg) {
	case SK_FAULT_WORD_OR_TIME:
		if (span_of(s, &r->arg))
			return 0;
		return sk_fault_word_in(k->words, s)
		           ? 0
		           : sk_fault_unknown("argument", s, k->words, err);
	case SK_FAULT_WORD:
		return sk_fault_word_in(k->words, s)
		           ? 0
		           : sk_fault_unknown("argument", s, k->words, err);
	case SK_FAULT_TIME:
		return span_of(s, &r->arg)
		           ? 0
		           : sk_fault_bad("bad time", entry, err);
	case SK_FAULT_BYTES:
		return sk_parse_int(s, 0, INT64_MAX, &r->arg)
		           ? 0
		           : sk_fault_bad("bad number of bytes", entry, err);
	case SK_FAULT_STATUS:
		return sk_parse_int(s, 400, 599, &r->arg)
		           ? 0
		           : sk_fault_bad(
				 "no HTTP status of a failure", entry, err);
	case SK_FAULT_HINT:
		if (sk_fault_reset(s, sk_now_ms(), &r->arg))
			return 0;
		(void)sk_fault_bad("bad time to come back", entry, err);
		return sk_hint(err, "seconds, now+SECONDSs, or "
				    "2026-01-31T12:00:00Z");
	default:
		return 0;
	}
}

static bool
error_number(const char *s, int64_t *out)
{
	if (sk_parse_int(s, 1, 4095, out))
		return true;
	for (int e = 1; e < 134; e++) {
		const char *name = strerrorname_np(e);

		if (name != NULL && strcasecmp(name, s) == 0) {
			*out = e;
			return true;
		}
	}
	return false;
}

static const struct {
	const char *word;
	enum sk_fault_action action;
} actions[] = {
	{ "kill9", SK_FAULT_KILL9 },
	{ "kill", SK_FAULT_KILL9 },
	{ "term", SK_FAULT_TERM },
	{ "exit", SK_FAULT_EXIT },
	{ "sleep", SK_FAULT_SLEEP },
	{ "freeze", SK_FAULT_FREEZE },
	{ "errno", SK_FAULT_ERRNO },
	{ "fail", SK_FAULT_ERRNO },
	{ "reset", SK_FAULT_ERRNO },
	{ "short", SK_FAULT_SHORT },
	{ "torn", SK_FAULT_TORN },
	{ "drop", SK_FAULT_DROP },
	{ "dup", SK_FAULT_TWICE },
	{ "jump", SK_FAULT_JUMP },
	{ "garbage", SK_FAULT_GARBAGE },
	{ "slow", SK_FAULT_TRICKLE },
};

const char *
sk_fault_action_word(enum sk_fault_action a)
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(actions); i++)
		if (actions[i].action == a)
			return actions[i].word;
	return "";
}

static int
action_arg(struct sk_fault_rule *r, const char *word, const char *arg,
    const char *entry, struct sk_err *err)
{
	bool ok = true;

	switch (r->action) {
	case SK_FAULT_EXIT:
		r->arg = SK_BUG;
		ok = arg == NULL || sk_parse_int(arg, 0, 255, &r->arg);
		break;
	case SK_FAULT_SLEEP:
		ok = arg != NULL && span_of(arg, &r->arg);
		break;
	case SK_FAULT_ERRNO:
		r->arg = strcmp(word, "reset") == 0       ? ECONNRESET
		         : strcmp(r->name, "malloc") == 0 ? ENOMEM
		                                          : EIO;
		ok = arg == NULL ||
		     (strcmp(word, "errno") == 0 && error_number(arg, &r->arg));
		break;
	case SK_FAULT_JUMP:
		ok = arg != NULL && (arg[0] == '-' ? span_of(arg + 1, &r->arg)
						   : span_of(arg, &r->arg));
		if (ok && arg[0] == '-')
			r->arg = -r->arg;
		break;
	default:
		ok = arg == NULL;
	}
	return ok ? 0 : sk_fault_bad("bad argument", entry, err);
}

int
sk_fault_point_action(
    struct sk_fault_rule *r, char *s, const char *entry, struct sk_err *err)
{
	const struct sk_fault_point *p = sk_fault_point_of(r->name);
	char words[256] = "";
	char *arg = strpbrk(s, ":=");
	size_t n = 0;

	if (arg != NULL)
		*arg++ = '\0';
	if (error_number(s, &r->arg) && arg == NULL) {
		r->action = SK_FAULT_ERRNO; /* "fsync:eio" */
		return 0;
	}
	for (size_t i = 0; i < SK_ARRAY_SIZE(actions); i++) {
		bool ours = actions[i].action < SK_FAULT_SHORT ||
		            (p->extra & (1u << actions[i].action)) != 0;

		if (!ours)
			continue;
		if (strcmp(actions[i].word, s) == 0) {
			r->action = actions[i].action;
			return action_arg(r, s, arg, entry, err);
		}
		n += (size_t)snprintf(words + n, sizeof(words) - n, "%s%s",
		    n > 0 ? " " : "", actions[i].word);
	}
	return sk_fault_unknown("action", s, words, err);
}
