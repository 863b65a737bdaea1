/* SPDX-License-Identifier: MIT */
/*
 * What each program's log says about usage, and what tells one call from
 * another. There is no key that fits all: a gateway may give all messages one
 * id, a resumed session writes its messages again, a streamed message is
 * written several times.
 */
#include <stdio.h>
#include <string.h>

#include "metrics/import.h"

static const char *const names[SK_LOGS] = { "claude", "codex", "gemini",
	"opencode" };

const char *
sk_log_name(enum sk_log log)
{
	return names[log];
}

static bool
holds(const char *p, size_t n, const char *what)
{
	return memmem(p, n, what, strlen(what)) != NULL;
}

bool
sk_log_marked(enum sk_log log, const char *line, size_t n)
{
	switch (log) {
	case SK_LOG_CLAUDE:
		return holds(line, n, "\"output_tokens\"");
	case SK_LOG_CODEX:
		return holds(line, n < 400 ? n : 400, "token_count") ||
		       holds(line, n < 200 ? n : 200, "\"turn_context\"") ||
		       holds(line, n < 200 ? n : 200, "\"session_meta\"");
	case SK_LOG_GEMINI:
		return holds(line, n, "\"tokens\"") ||
		       holds(line, n < 200 ? n : 200, "\"sessionId\"");
	case SK_LOG_OPENCODE:
		return holds(line, n, "\"tokens\"");
	}
	return false;
}

bool
sk_log_sniff(const char *p, size_t n, enum sk_log *log)
{
	if (holds(p, n, "\"session_meta\"") || holds(p, n, "\"rollout\""))
		*log = SK_LOG_CODEX;
	else if (holds(p, n, "\"projectHash\""))
		*log = SK_LOG_GEMINI;
	else if (holds(p, n, "\"providerID\""))
		*log = SK_LOG_OPENCODE;
	else if (holds(p, n, "\"sessionId\"") && holds(p, n, "\"uuid\""))
		*log = SK_LOG_CLAUDE;
	else
		return false;
	return true;
}

/* ---- shared ---- */

static void
copy(char *to, size_t n, const char *s)
{
	if (s != NULL && s[0] != '\0')
		(void)snprintf(to, n, "%s", s);
}

static int64_t
when(const struct sk_log_state *s, const struct sk_jv *v, const char *key)
{
	const char *t = sk_jget_str(v, key);
	int64_t ms;

	if (t != NULL && sk_time_parse(t, &ms) && ms > 0)
		return ms;
	return s->mtime_ms;
}

/* An id as its provider makes them: a prefix and much that is random. */
static bool
real_id(const char *id, const char *prefix)
{
	size_t n = strlen(prefix), len;

	if (id == NULL || strncmp(id, prefix, n) != 0)
		return false;
	len = strspn(id + n,
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-");
	return len >= 16 && len <= 80 && id[n + len] == '\0';
}

static void
start(struct sk_log_row *r, const struct sk_log_state *s)
{
	memset(r, 0, sizeof(*r));
	r->log = s->log;
	r->cost = -1;
}

/* The last resort: who, when and how much. */
static void
key_by_content(struct sk_log_row *r, const char *session)
{
	(void)snprintf(r->key, sizeof(r->key),
	    "%s:%.60s:%lld:%lld:%lld:%lld:%lld", names[r->log], session,
	    (long long)r->at_ms, (long long)r->t.fresh,
	    (long long)r->t.cache_read, (long long)r->t.cache_write,
	    (long long)r->t.output);
}

/* Usage that is there and says nothing is not the same as none. */
static bool
read_usage(struct sk_import_count *c, struct sk_tokens *t,
    const struct sk_jv *usage, const char *vendor)
{
	if (sk_tokens_read(t, usage, vendor))
		return true;
	c->bad += usage != NULL && usage->type != SK_J_NULL;
	return false;
}

/* ---- claude ---- */

static void
claude(struct sk_import *im, struct sk_log_state *s, const struct sk_jv *v,
    sk_log_row_fn emit)
{
	struct sk_import_count *c = sk_import_counts(im, s->log);
	const struct sk_jv *m = sk_jget(v, "message");
	const char *id = sk_jget_str(m, "id");
	const char *request = sk_jget_str(v, "requestId");
	const char *session = sk_jget_str(v, "sessionId");
	struct sk_log_row r;

	if (!sk_streq(sk_jget_str(v, "type"), "assistant"))
		return;
	start(&r, s);
	if (!read_usage(c, &r.t, sk_jget(m, "usage"), "claude"))
		return;
	copy(r.model, sizeof(r.model), sk_jget_str(m, "model"));
	if (strcmp(r.model, "<synthetic>") == 0) {
		c->synthetic++;
		return;
	}
	if (session != NULL && strcmp(session, s->session) != 0) {
		copy(s->session, sizeof(s->session), session);
		s->own = sk_import_own(im, session);
	}
	if (s->own) {
		c->own++;
		return;
	}
	r.at_ms = when(s, v, "timestamp");
	copy(r.provider, sizeof(r.provider), "anthropic");
	if (real_id(id, "msg_")) {
		c->by_message++;
		(void)snprintf(r.key, sizeof(r.key), "claude:%.140s", id);
	} else if (real_id(request, "req_")) {
		c->by_request++;
		(void)snprintf(r.key, sizeof(r.key), "claude:%.140s", request);
	} else {
		c->by_content++;
		key_by_content(&r, s->session);
	}
	emit(im, &r);
}

/* ---- codex ---- */

#define COPY_MS 2000 /* in which a fork's history is written */

/* Both are ids that begin with the time they were made (UUID version 7), and
 * *older tells whether the turn was there before the session. */
static bool
turn_age(const char *turn, const char *session, bool *older)
{
	if (turn == NULL || strlen(turn) != 36 || strlen(session) != 36 ||
	    turn[14] != '7' || session[14] != '7')
		return false;
	*older = strncasecmp(turn, session, 13) < 0;
	return true;
}

static void
codex_key(
    char key[160], const char *session, size_t n, const struct sk_tokens *total)
{
	(void)snprintf(key, 160, "codex:%.*s:%lld:%lld:%lld",
	    (int)(n < 70 ? n : 70), session, (long long)sk_tokens_input(total),
	    (long long)total->cache_read, (long long)total->output);
}

/* Is it a call of a session that this one was forked from? */
static bool
codex_above(
    struct sk_import *im, struct sk_log_state *s, const struct sk_tokens *total)
{
	const char *id = s->above;
	char key[160];
	size_t n;

	for (; *id != '\0'; id += n + (id[n] == ',')) {
		n = strcspn(id, ",");
		codex_key(key, id, n, total);
		if (sk_import_known(im, key))
			return true;
	}
	return false;
}

/*
 * A fork begins with a copy of its parent's log, running totals and all; these
 * calls are the parent's. The copies may have their own times or that of the
 * copying, so the turn they are in tells; without it the parent's calls do, if
 * they are known, and else their time.
 */
static bool
codex_copied(struct sk_import *im, struct sk_log_state *s,
    const struct sk_jv *v, const struct sk_tokens *total)
{
	if (!s->copied || s->old_turn)
		return s->copied;
	if (when(s, v, "timestamp") > s->start_ms + COPY_MS)
		s->copied = false;
	else if (codex_above(im, s, total))
		s->met = true;
	else if (s->met)
		s->copied = false;
	return s->copied;
}

static void
codex_turn(struct sk_log_state *s, const struct sk_jv *p)
{
	copy(s->model, sizeof(s->model), sk_jget_str(p, "model"));
	if (!s->copied ||
	    !turn_age(sk_jget_str(p, "turn_id"), s->session, &s->old_turn))
		return;
	s->copied = s->old_turn;
}

static void
codex_forked(struct sk_log_state *s, const char *from)
{
	size_t n = strlen(s->above), len = strlen(from);

	s->copied = true;
	if (strchr(from, ',') == NULL && n + len + 2 < sizeof(s->above))
		(void)snprintf(s->above + n, sizeof(s->above) - n, "%s%s",
		    n > 0 ? "," : "", from);
}

static void
codex_meta(struct sk_import *im, struct sk_log_state *s, const struct sk_jv *v)
{
	const struct sk_jv *p = sk_jget(v, "payload");
	const char *id = sk_jget_str(p, "id");

	if (id == NULL)
		return;
	if (s->session[0] != '\0') {
		/* A fork repeats the meta of where it came from. */
		if (strcmp(s->session, id) != 0)
			codex_forked(s, id);
		return;
	}
	copy(s->session, sizeof(s->session), id);
	s->own = sk_import_own(im, id);
	s->start_ms = when(s, v, "timestamp");
	id = sk_jget_str(p, "forked_from_id");
	if (id != NULL)
		codex_forked(s, id);
}

static void
codex_count(struct sk_import *im, struct sk_log_state *s, const struct sk_jv *v,
    sk_log_row_fn emit)
{
	struct sk_import_count *c = sk_import_counts(im, s->log);
	const struct sk_jv *info = sk_jptr(v, "/payload/info");
	const struct sk_jv *sum = sk_jget(info, "total_token_usage");
	const struct sk_jv *last = sk_jget(info, "last_token_usage");
	struct sk_tokens now, u;
	struct sk_log_row r;

	if (!read_usage(c, &now, sum, "codex"))
		return;
	if (codex_copied(im, s, v, &now)) {
		c->copied++;
		s->total = now;
		s->any = true;
		return;
	}
	if (s->any && sk_tokens_total(&now) == sk_tokens_total(&s->total)) {
		c->repeated++; /* the same total, said again */
		return;
	}
	start(&r, s);
	if (!s->any || sk_tokens_total(&now) < sk_tokens_total(&s->total)) {
		/* A log that begins in the middle has an older total in it. */
		r.t = now;
		if (sk_tokens_read(&u, last, "codex"))
			r.t = u;
	} else {
		r.t = sk_tokens_delta(&now, &s->total, true);
	}
	s->total = now;
	s->any = true;
	if (s->own) {
		c->own++;
		return;
	}
	r.at_ms = when(s, v, "timestamp");
	copy(r.model, sizeof(r.model), s->model);
	copy(r.provider, sizeof(r.provider), "openai");
	c->by_content++;
	codex_key(r.key, s->session, strlen(s->session), &now);
	emit(im, &r);
}

static void
codex(struct sk_import *im, struct sk_log_state *s, const struct sk_jv *v,
    sk_log_row_fn emit)
{
	const char *type = sk_jget_str(v, "type");
	const struct sk_jv *p = sk_jget(v, "payload");

	if (sk_streq(type, "session_meta")) {
		codex_meta(im, s, v);
	} else if (sk_streq(type, "turn_context")) {
		codex_turn(s, p);
	} else if (sk_streq(sk_jget_str(p, "type"), "token_count")) {
		codex_count(im, s, v, emit);
	}
}

/* ---- gemini ---- */

static void
gemini_message(struct sk_import *im, struct sk_log_state *s,
    const struct sk_jv *v, sk_log_row_fn emit)
{
	struct sk_import_count *c = sk_import_counts(im, s->log);
	const char *id = sk_jget_str(v, "id");
	struct sk_log_row r;

	start(&r, s);
	if (!sk_streq(sk_jget_str(v, "type"), "gemini") ||
	    !read_usage(c, &r.t, sk_jget(v, "tokens"), NULL))
		return;
	if (s->own) {
		c->own++;
		return;
	}
	r.at_ms = when(s, v, "timestamp");
	copy(r.model, sizeof(r.model), sk_jget_str(v, "model"));
	copy(r.provider, sizeof(r.provider), "google");
	if (id != NULL && strlen(id) >= 16 && strlen(id) < 100) {
		c->by_message++;
		(void)snprintf(r.key, sizeof(r.key), "gemini:%s", id);
	} else {
		c->by_content++;
		key_by_content(&r, s->session);
	}
	emit(im, &r);
}

static void
gemini(struct sk_import *im, struct sk_log_state *s, const struct sk_jv *v,
    sk_log_row_fn emit)
{
	const struct sk_jv *list = sk_jptr(v, "/$set/messages");
	const char *session = sk_jget_str(v, "sessionId");

	if (session != NULL) {
		copy(s->session, sizeof(s->session), session);
		s->own = sk_import_own(im, session);
	}
	if (list == NULL)
		list = sk_jget(v, "messages");
	if (list == NULL)
		gemini_message(im, s, v, emit);
	/* A resumed session writes all its messages once more. */
	for (size_t i = 0; list != NULL && i < sk_jlen(list); i++)
		gemini_message(im, s, sk_jat(list, i), emit);
}

/* ---- opencode ---- */

void
sk_log_opencode(struct sk_import *im, struct sk_log_state *s, const char *id,
    const struct sk_jv *v, sk_log_row_fn emit)
{
	struct sk_import_count *c = sk_import_counts(im, s->log);
	const struct sk_jv *cost = sk_jget(v, "cost");
	struct sk_log_row r;
	int64_t ms;
	double usd;

	start(&r, s);
	if (!sk_streq(sk_jget_str(v, "role"), "assistant") ||
	    !sk_tokens_read(&r.t, sk_jget(v, "tokens"), "opencode"))
		return;
	if (id == NULL)
		id = sk_jget_str(v, "id");
	r.at_ms = sk_jget_int(sk_jget(v, "time"), "created", &ms) && ms > 0
	              ? ms
	              : s->mtime_ms;
	copy(r.model, sizeof(r.model), sk_jget_str(v, "modelID"));
	copy(r.provider, sizeof(r.provider), sk_jget_str(v, "providerID"));
	usd = sk_jdouble(cost, -1);
	/* It says 0 for models that it has no price of. */
	if (usd > 0 && usd < 1e6) {
		r.cost = (int64_t)(usd * 1e6 + 0.5);
		r.t.flags |= SK_TF_REPORTED;
	}
	if (id != NULL && strlen(id) >= 16 && strlen(id) < 100) {
		c->by_message++;
		(void)snprintf(r.key, sizeof(r.key), "opencode:%s", id);
	} else {
		c->by_content++;
		key_by_content(&r, s->session);
	}
	emit(im, &r);
}

/* ---- from one import to the next ---- */

void
sk_log_state_save(const struct sk_log_state *s, struct sk_buf *b)
{
	struct sk_jw w;

	sk_buf_clear(b);
	sk_jw_init(&w, b);
	sk_jw_obj(&w);
	sk_jw_kstr(&w, "session", s->session);
	sk_jw_kstr(&w, "model", s->model);
	sk_jw_kbool(&w, "any", s->any);
	sk_jw_kbool(&w, "copied", s->copied);
	sk_jw_kbool(&w, "old_turn", s->old_turn);
	sk_jw_kstr(&w, "above", s->above);
	sk_jw_kbool(&w, "met", s->met);
	sk_jw_kint(&w, "start", s->start_ms);
	sk_jw_kbool(&w, "skipping", s->skipping);
	sk_jw_kint(&w, "fresh", s->total.fresh);
	sk_jw_kint(&w, "cache_read", s->total.cache_read);
	sk_jw_kint(&w, "cache_write", s->total.cache_write);
	sk_jw_kint(&w, "output", s->total.output);
	sk_jw_kint(&w, "reasoning", s->total.reasoning);
	sk_jw_end(&w);
}

void
sk_log_state_load(
    struct sk_import *im, struct sk_log_state *s, const char *json)
{
	struct sk_arena a = { 0 };
	struct sk_jv *v = NULL;
	const char *t;

	if (json != NULL &&
	    sk_json_parse(&a, json, strlen(json), NULL, &v, NULL) == 0) {
		t = sk_jget_str(v, "session");
		(void)snprintf(s->session, sizeof(s->session), "%.79s",
		    t != NULL ? t : "");
		t = sk_jget_str(v, "model");
		(void)snprintf(
		    s->model, sizeof(s->model), "%.95s", t != NULL ? t : "");
		s->any = sk_jget_bool(v, "any", false);
		s->copied = sk_jget_bool(v, "copied", false);
		s->old_turn = sk_jget_bool(v, "old_turn", false);
		s->met = sk_jget_bool(v, "met", false);
		t = sk_jget_str(v, "above");
		(void)snprintf(
		    s->above, sizeof(s->above), "%.159s", t != NULL ? t : "");
		(void)sk_jget_int(v, "start", &s->start_ms);
		s->skipping = sk_jget_bool(v, "skipping", false);
		(void)sk_jget_int(v, "fresh", &s->total.fresh);
		(void)sk_jget_int(v, "cache_read", &s->total.cache_read);
		(void)sk_jget_int(v, "cache_write", &s->total.cache_write);
		(void)sk_jget_int(v, "output", &s->total.output);
		(void)sk_jget_int(v, "reasoning", &s->total.reasoning);
		s->own = sk_import_own(im, s->session);
	}
	sk_arena_free(&a);
}

/* ---- a line ---- */

void
sk_log_line(struct sk_import *im, struct sk_log_state *s, const char *line,
    size_t n, sk_log_row_fn emit)
{
	struct sk_arena a = { 0 };
	struct sk_jv *v = NULL;

	if (sk_json_parse(&a, line, n, NULL, &v, NULL) != 0) {
		sk_import_counts(im, s->log)->bad++;
		sk_arena_free(&a);
		return;
	}
	switch (s->log) {
	case SK_LOG_CLAUDE:
		claude(im, s, v, emit);
		break;
	case SK_LOG_CODEX:
		codex(im, s, v, emit);
		break;
	case SK_LOG_GEMINI:
		gemini(im, s, v, emit);
		break;
	case SK_LOG_OPENCODE:
		sk_log_opencode(im, s, NULL, v, emit);
		break;
	}
	sk_arena_free(&a);
}
