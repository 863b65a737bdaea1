/* SPDX-License-Identifier: MIT */
/*
 * pipeline/phase: what a driver is doing, as a state machine.
 *
 * Promises: one table says what may follow what; everything else is refused.
 * The phase is in the database, changed only by the driver whose epoch it is,
 * and each change is a row of the journal and an event.
 */
#ifndef SK_PIPELINE_PHASE_H
#define SK_PIPELINE_PHASE_H

#include "core/core.h"
#include "store/store.h"

enum sk_phase {
	SK_PH_IDLE,
	SK_PH_CHECKING, /* guardrails and gates */
	SK_PH_ASKING,
	SK_PH_JUDGING,
	SK_PH_WRITING, /* artefact, cost, acknowledgement */
	SK_PH_RECOVERING, /* nobody could be reached; waiting */
	SK_PH_PAUSED,
	SK_PH_WAITING, /* for a person's answer */
	SK_PH_HALTED,
	SK_PH_CANCELLED,
	SK_PH_DONE,
	SK_PH_COUNT
};
enum sk_phase_event {
	SK_EV_BEGIN, /* a driver takes the run up */
	SK_EV_ASK,
	SK_EV_JUDGE,
	SK_EV_WRITE,
	SK_EV_NEXT, /* the stage is done, there is another */
	SK_EV_LOST, /* a transient failure */
	SK_EV_PAUSE,
	SK_EV_NEED_PERSON,
	SK_EV_ANSWERED,
	SK_EV_HALT,
	SK_EV_CANCEL,
	SK_EV_FINISH,
	SK_EV_COUNT
};
const char *sk_phase_word(enum sk_phase p); /* "asking" */
/* SK_PH_COUNT when there is no such word. */
enum sk_phase sk_phase_parse(const char *word);
const char *sk_phase_event_word(enum sk_phase_event e); /* "judge" */
/* What follows; SK_PH_COUNT when the event is not allowed in that phase. */
enum sk_phase sk_phase_after(enum sk_phase p, enum sk_phase_event e);

/*
 * The wait before attempt n (from 1) at reaching anybody again: base doubling
 * up to most, all in ms.
 */
int64_t sk_recovery_delay(int attempt, int64_t base, int64_t most);

#endif
