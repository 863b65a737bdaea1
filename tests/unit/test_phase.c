/* SPDX-License-Identifier: MIT */
/* The phases of a driver: every pair of phase and event. */
#include <stdio.h>
#include <string.h>

#include "pipeline/phase.h"
#include "tap.h"

/* As the manual says it: PHASE EVENT -> PHASE; every other pair is refused. */
static const char *const allowed[] = { "idle begin checking",
	"checking begin checking", "asking begin checking",
	"judging begin checking", "writing begin checking",
	"recovering begin checking", "paused begin checking",
	"waiting begin checking", "halted begin checking",
	"done begin checking",

	"checking ask asking", "judging ask asking", "recovering ask asking",
	"asking judge judging", "checking judge judging",
	"judging write writing", "writing next checking",
	"asking lost recovering", "checking lost recovering",
	"checking pause paused", "checking need_person waiting",
	"waiting answered checking",

	"checking halt halted", "asking halt halted", "judging halt halted",
	"writing halt halted", "recovering halt halted",

	"idle cancel cancelled", "checking cancel cancelled",
	"asking cancel cancelled", "judging cancel cancelled",
	"writing cancel cancelled", "recovering cancel cancelled",
	"paused cancel cancelled", "waiting cancel cancelled",
	"halted cancel cancelled",

	"writing finish done", "checking finish done" };

static const char *
expected(const char *phase, const char *event)
{
	char key[64];
	size_t n;

	(void)snprintf(key, sizeof(key), "%s %s ", phase, event);
	n = strlen(key);
	for (size_t i = 0; i < SK_ARRAY_SIZE(allowed); i++)
		if (strncmp(allowed[i], key, n) == 0)
			return allowed[i] + n;
	return NULL;
}

static void
test_pairs(void)
{
	size_t yes = 0;

	for (unsigned p = 0; p < SK_PH_COUNT; p++)
		for (unsigned e = 0; e < SK_EV_COUNT; e++) {
			const char *from = sk_phase_word((enum sk_phase)p);
			const char *ev =
			    sk_phase_event_word((enum sk_phase_event)e);
			const char *want = expected(from, ev);
			enum sk_phase got = sk_phase_after(
			    (enum sk_phase)p, (enum sk_phase_event)e);

			yes += got != SK_PH_COUNT;
			CHECKF(want == NULL
				   ? got == SK_PH_COUNT
				   : got != SK_PH_COUNT &&
					 strcmp(sk_phase_word(got), want) == 0,
			    "%s, %s: %s", from, ev,
			    want != NULL ? want : "refused");
		}
	CHECKF(yes == SK_ARRAY_SIZE(allowed), "no pair is listed in vain");
}

static void
test_words(void)
{
	for (unsigned p = 0; p < SK_PH_COUNT; p++)
		CHECKF(sk_phase_parse(sk_phase_word((enum sk_phase)p)) == p,
		    "%s is read back", sk_phase_word((enum sk_phase)p));
	CHECKF(sk_phase_parse("sleeping") == SK_PH_COUNT, "no such phase");
	CHECKF(sk_phase_after(SK_PH_COUNT, SK_EV_BEGIN) == SK_PH_COUNT &&
		   sk_phase_after(SK_PH_IDLE, SK_EV_COUNT) == SK_PH_COUNT,
	    "nothing follows from what is no phase");
}

static void
test_delays(void)
{
	static const int64_t want[] = { 5000, 10000, 20000, 40000, 80000,
		120000, 120000 };

	for (int i = 0; i < (int)SK_ARRAY_SIZE(want); i++)
		CHECKF(sk_recovery_delay(i + 1, 5000, 120000) == want[i],
		    "attempt %d waits %lld ms", i + 1, (long long)want[i]);
}

int
main(void)
{
	test_pairs();
	test_words();
	test_delays();
	return tap_done();
}
