/* SPDX-License-Identifier: MIT */
/* The kinds of fault there are. */
#include "faults/plan.h"

#define AGENT SK_FAULT_AT_AGENT
#define PROXY SK_FAULT_AT_PROXY

/* Failure kinds of sk-run, as in sk-records(5); a test holds both together. */
#define KINDS \
	"auth rate_limited quota_exhausted overloaded transport " \
	"timeout_first_byte timeout_idle timeout_total refused needs_input " \
	"denied empty invalid truncated context_too_long usage crashed " \
	"killed cancelled not_found internal"

const struct sk_fault_kind sk_fault_kinds[] = {
	{ .name = "agent_timeout",
	    .aliases = "timeout",
	    .places = AGENT | PROXY,
	    .arg = SK_FAULT_WORD_OR_TIME,
	    .words = "first_byte idle total",
	    .purpose = "no answer in time" },
	{ .name = "disconnect",
	    .aliases = "agent_disconnect",
	    .places = AGENT | PROXY,
	    .arg = SK_FAULT_WORD,
	    .words = "before mid",
	    .purpose = "the connection is lost, before or in mid-stream" },
	{ .name = "rate_limit",
	    .aliases = "429 rate_limited agent_rate_limit",
	    .places = AGENT | PROXY,
	    .arg = SK_FAULT_HINT,
	    .purpose = "too many requests, perhaps with a time to come back" },
	{ .name = "agent_fail",
	    .aliases = "agent_failure",
	    .places = AGENT,
	    .arg = SK_FAULT_WORD,
	    .arg_needed = true,
	    .words = KINDS,
	    .purpose = "any kind of failure by its name" },
	{ .name = "agent_empty",
	    .aliases = "empty empty_response",
	    .places = AGENT | PROXY,
	    .purpose = "an answer with nothing in it" },
	{ .name = "agent_malformed",
	    .aliases = "malformed garbage",
	    .places = AGENT | PROXY,
	    .purpose = "an answer that is damaged" },
	{ .name = "agent_truncated",
	    .aliases = "truncated cut",
	    .places = AGENT | PROXY,
	    .arg = SK_FAULT_BYTES,
	    .purpose =
		"an answer that stops after so many bytes, or half way" },
	{ .name = "agent_slow",
	    .aliases = "slow",
	    .places = AGENT | PROXY,
	    .arg = SK_FAULT_TIME,
	    .arg_needed = true,
	    .purpose = "begins so much later; in a proxy, at every piece" },
	{ .name = "agent_kill",
	    .places = AGENT,
	    .purpose = "the agent's process is killed when it has begun" },
	{ .name = "duplicate",
	    .aliases = "agent_duplicate",
	    .places = SK_FAULT_AT_PRINT,
	    .purpose = "the answer is delivered twice" },
	{ .name = "reorder",
	    .aliases = "agent_reorder",
	    .places = SK_FAULT_AT_PRINT,
	    .purpose = "the answer is delivered after the one that follows" },
	{ .name = "consensus_fail",
	    .aliases = "consensus_failure",
	    .places = SK_FAULT_AT_JUDGE,
	    .arg = SK_FAULT_WORD,
	    .words = "conflict unknown error",
	    .purpose =
		"no agreement: conflict, unknown, or no verdict at all" },
	{ .name = "db_busy",
	    .aliases = "database_busy",
	    .places = SK_FAULT_AT_POINT,
	    .point = "store.begin=errno:EBUSY",
	    .purpose = "the database is held by somebody else" },
	{ .name = "disk_full",
	    .places = SK_FAULT_AT_POINT,
	    .point = "store.commit=errno:ENOSPC",
	    .purpose = "no space when something is committed" },
	{ .name = "kill",
	    .places = SK_FAULT_AT_POINT,
	    .arg = SK_FAULT_POINT,
	    .arg_needed = true,
	    .purpose = "kill -9 at a fail-point" },
	{ .name = "http",
	    .aliases = "status",
	    .places = PROXY,
	    .arg = SK_FAULT_STATUS,
	    .arg_needed = true,
	    .purpose = "an HTTP status; its number alone will do" },
	{ .name = NULL }
};
