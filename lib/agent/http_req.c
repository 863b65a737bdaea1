/* SPDX-License-Identifier: MIT */
/* From adapter, configuration and environment to one request. */
#include <stdlib.h>
#include <string.h>

#include "agent/http.h"

/* ---- where to ---- */

/* "127.0.0.1" or "host:8080" (as OLLAMA_HOST is written) take what is missing
 * from the adapter's own URL. */
static char *
complete(const char *word, const char *own)
{
	const char *sep = strstr(own, "://"), *port, *host = word;

	if (strstr(word, "://") != NULL)
		return sk_strdup(word);
	/* A server that listens everywhere is reached here. */
	if (sk_has_prefix(word, "0.0.0.0"))
		host = word + 7;
	port = strrchr(sep + 3, ':');
	return sk_asprintf("%.*s%s%s%s", (int)(sep + 3 - own), own,
	    host != word ? "127.0.0.1" : "", host,
	    strchr(host, ':') != NULL || port == NULL ? "" : port);
}

static char *
base_url(struct sk_http_req *q, const struct sk_slot *slot)
{
	const struct sk_jv *h = slot->ad->http;
	const struct sk_jv *env = sk_jget(h, "base_url_env");
	const char *own = sk_jget_str(h, "base_url");
	const char *said = sk_jget_str(slot->conf, "base_url");

	if (said == NULL)
		said = sk_jget_str(slot->model_conf, "endpoint");
	if (said != NULL)
		return complete(said, own);
	for (size_t i = 0; i < sk_jlen(env); i++) {
		const char *v = getenv(sk_jstr(env->a[i]));

		if (v != NULL && *v != '\0') {
			q->paired = true;
			return complete(v, own);
		}
	}
	q->shipped = true;
	return sk_strdup(own);
}

/* The path with the model in it. */
static int
add_path(
    struct sk_buf *b, const char *path, const char *model, struct sk_err *err)
{
	const char *hole = strstr(path, "{model}");

	if (hole == NULL) {
		sk_buf_str(b, path);
		return 0;
	}
	if (strstr(model, "..") != NULL)
		return sk_fail(err, SK_USAGE, "bad_model",
		    "a model's name cannot hold '..': '%s'", model);
	sk_buf_add(b, path, (size_t)(hole - path));
	sk_net_escape(b, model);
	sk_buf_str(b, hole + strlen("{model}"));
	return 0;
}

static int
make_url(struct sk_http_req *q, const struct sk_slot *slot, struct sk_err *err)
{
	const struct sk_jv *h = slot->ad->http;
	const char *path = sk_jget_str(h, "stream_path");
	char *base = base_url(q, slot);
	struct sk_net_url u;
	struct sk_buf b;
	int rc;

	if (!q->stream || path == NULL)
		path = sk_jget_str(h, "path");
	sk_buf_init(&b, 8192);
	sk_buf_str(&b, base);
	while (b.len > 0 && b.p[b.len - 1] == '/')
		b.p[--b.len] = '\0';
	free(base);
	rc = add_path(&b, path, slot->model, err);
	if (rc == 0)
		rc = sk_net_url(b.p, &u, err);
	if (rc == 0)
		memcpy(q->origin, u.origin, sizeof(q->origin));
	q->url = sk_buf_detach(&b);
	return rc;
}

static int
add_headers(struct sk_http_req *q, const struct sk_jv *t, struct sk_err *err)
{
	for (size_t i = 0; i < sk_jlen(t); i++) {
		const char *v = sk_jstr(t->m[i].v);
		char *line;

		if (v == NULL || !sk_net_value_ok(v) ||
		    strpbrk(t->m[i].key, ": \t\r\n") != NULL)
			return sk_fail(err, SK_USAGE, "bad_header",
			    "header '%s' is none", t->m[i].key);
		line = sk_asprintf("%s: %s", t->m[i].key, v);
		sk_strv_add(&q->headers, line);
		free(line);
	}
	return 0;
}

int
sk_http_settle(
    struct sk_http_req *q, const struct sk_slot *slot, struct sk_err *err)
{
	const struct sk_jv *h = slot->ad->http;
	int rc;

	memset(q, 0, sizeof(*q));
	sk_buf_init(&q->body, 0);
	if (slot->model == NULL) {
		(void)sk_fail(err, SK_USAGE, "no_model",
		    "no model is named for agent '%s'", slot->name);
		return sk_hint(err, "say -m %s=MODEL, or set agents.%s.model",
		    slot->base, slot->base);
	}
	q->stream = sk_jget(h, "stream") != NULL &&
	            sk_jget_bool(slot->conf, "stream", true);
	if ((rc = make_url(q, slot, err)) != 0)
		return rc;
	sk_strv_add(&q->headers, "Content-Type: application/json");
	sk_strv_add(&q->headers,
	    q->stream ? "Accept: text/event-stream, application/json"
		      : "Accept: application/json");
	if ((rc = add_headers(q, sk_jget(h, "headers"), err)) != 0)
		return rc;
	return add_headers(q, sk_jget(slot->conf, "headers"), err);
}

void
sk_http_req_free(struct sk_http_req *q)
{
	free(q->url);
	if (q->secret != NULL)
		explicit_bzero(q->secret, strlen(q->secret));
	free(q->secret);
	sk_strv_free(&q->headers);
	if (q->body.p != NULL)
		sk_buf_free(&q->body);
	memset(q, 0, sizeof(*q));
}

/* Limits and the circuit breaker are those of the server that is asked, not of
 * the vendor whose language it speaks: "host:port". */
static const char *
provider_of(const char *origin)
{
	static struct sk_strv known; /* lives as long as the slots */
	const char *host = strstr(origin, "://") + 3;
	size_t n = strlen(host);

	if (n >= SK_IDENT_LEN)
		host += n - (SK_IDENT_LEN - 1);
	for (size_t i = 0; i < known.n; i++)
		if (strcmp(known.v[i], host) == 0)
			return known.v[i];
	sk_strv_add(&known, host);
	return known.v[known.n - 1];
}

int
sk_http_argv(struct sk_slot *slot, struct sk_err *err)
{
	struct sk_http_req q;
	int rc = sk_http_settle(&q, slot, err);

	if (rc == 0 && !q.shipped &&
	    sk_jget_str(slot->conf, "provider") == NULL)
		slot->provider = provider_of(q.origin);

	if (rc == 0) {
		sk_strv_add(&slot->argv, "POST");
		sk_strv_add(&slot->argv, q.url);
		/* What comes in one piece may be silent before. */
		if (!q.stream)
			slot->first_byte_ms = slot->idle_ms = 0;
	}
	sk_http_req_free(&q);
	return rc;
}

/* ---- the body ---- */

/* Tables into tables, everything else replaced. */
static void
merge(struct sk_arena *a, struct sk_jv *to, const struct sk_jv *from)
{
	for (size_t i = 0; i < sk_jlen(from); i++) {
		struct sk_jv *had = sk_jget(to, from->m[i].key);
		struct sk_jv *v = from->m[i].v;

		if (had != NULL && had->type == SK_J_OBJ && v->type == SK_J_OBJ)
			merge(a, had, v);
		else
			sk_jset(a, to, from->m[i].key, sk_jcopy(a, v));
	}
}

struct fill {
	const struct sk_slot *slot;
	const struct sk_buf *prompt;
	const struct sk_jv *schema;
};

/* "{max_tokens}" → what is said of the model; NULL = nothing. */
static const struct sk_jv *
of_model(const struct fill *f, const char *hole)
{
	return sk_jget(f->slot->model_conf,
	    sk_streq(hole, "{temperature}") ? "temperature" : "max_tokens");
}

/* A placeholder is a whole text; false: this one has no value. */
static bool
has_value(const struct fill *f, const struct sk_jv *v)
{
	const char *s = sk_jstr(v);

	if (s != NULL &&
	    (sk_streq(s, "{schema}") || sk_streq(s, "{schema_is_strict}")))
		return f->schema != NULL;
	if (sk_streq(s, "{temperature}") || sk_streq(s, "{max_tokens}"))
		return of_model(f, s) != NULL;
	if (s != NULL && sk_streq(s, "{schema_strict}"))
		return f->schema != NULL && f->slot->schema_strict;
	/* As in argv: a group goes when one of its parts has no value. */
	for (size_t i = 0; v->type == SK_J_OBJ && i < v->n; i++)
		if (!has_value(f, v->m[i].v))
			return false;
	return true;
}

static void
put(struct sk_jw *w, const struct fill *f, const struct sk_jv *v)
{
	const char *s = sk_jstr(v);

	if (v->type == SK_J_OBJ) {
		sk_jw_obj(w);
		for (size_t i = 0; i < v->n; i++)
			if (has_value(f, v->m[i].v)) {
				sk_jw_key(w, v->m[i].key);
				put(w, f, v->m[i].v);
			}
		sk_jw_end(w);
	} else if (v->type == SK_J_ARR) {
		sk_jw_arr(w);
		for (size_t i = 0; i < v->n; i++)
			put(w, f, v->a[i]);
		sk_jw_end(w);
	} else if (sk_streq(s, "{prompt}")) {
		sk_jw_strn(w, f->prompt->p, f->prompt->len);
	} else if (sk_streq(s, "{model}")) {
		sk_jw_str(w, f->slot->model);
	} else if (sk_streq(s, "{schema}") || sk_streq(s, "{schema_strict}")) {
		sk_jw_value(w, f->schema);
	} else if (sk_streq(s, "{temperature}") ||
		   sk_streq(s, "{max_tokens}")) {
		sk_jw_value(w, of_model(f, s));
	} else if (sk_streq(s, "{schema_is_strict}")) {
		sk_jw_bool(w, f->slot->schema_strict);
	} else {
		sk_jw_value(w, v);
	}
}

int
sk_http_body(struct sk_http_req *q, const struct sk_slot *slot,
    const char *prompt_path, const struct sk_jv *schema, struct sk_err *err)
{
	const struct sk_jv *h = slot->ad->http;
	struct sk_arena a = { 0 };
	struct sk_jv *tree = sk_jnew(&a, SK_J_OBJ);
	struct sk_buf prompt;
	struct fill f = { slot, &prompt, schema };
	struct sk_jw w;
	int rc;

	sk_buf_init(&prompt, SK_PROMPT_MAX + 1);
	rc = sk_read_file(prompt_path, SK_PROMPT_MAX, &prompt, err);
	if (rc == 0) {
		merge(&a, tree, sk_jget(h, "body"));
		if (of_model(&f, "{temperature}") != NULL)
			merge(&a, tree, sk_jget(h, "temperature_body"));
		if (of_model(&f, "{max_tokens}") != NULL)
			merge(&a, tree, sk_jget(h, "max_tokens_body"));
		if (schema != NULL)
			merge(&a, tree, sk_jget(h, "schema_body"));
		merge(&a, tree, sk_jget(slot->conf, "body"));
		if (q->stream)
			merge(&a, tree, sk_jget(h, "stream_body"));
		sk_jw_init(&w, &q->body);
		put(&w, &f, tree);
		sk_jw_done(&w);
	}
	if (rc == 0 && q->body.full)
		rc = sk_fail(err, SK_USAGE, "too_large",
		    "the request is longer than %zu bytes", q->body.max);
	sk_buf_free(&prompt);
	sk_arena_free(&a);
	return rc;
}
