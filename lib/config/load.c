/* SPDX-License-Identifier: MIT */
/* Reading the layers and merging them into the effective tree. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/internal.h"
#include "data/data.h"

/* ---- origins ---- */

static size_t
slot_of(const struct sk_config_origin *o, const struct sk_jv *v)
{
	size_t h = (size_t)((uintptr_t)v >> 4) * 0x9e3779b97f4a7c15u;

	for (h = (h >> 20) & (o->cap - 1);
	     o->slots[h].v != NULL && o->slots[h].v != v;
	     h = (h + 1) & (o->cap - 1))
		continue;
	return h;
}

static void
remember(struct sk_config_origin *o, const struct sk_jv *v, int layer)
{
	struct sk_origin_slot *old = o->slots;
	size_t n = o->cap;

	if (2 * o->used >= n) {
		o->cap = n != 0 ? 2 * n : 256;
		o->slots = sk_calloc(o->cap, sizeof(*o->slots));
		for (size_t i = 0; i < n; i++)
			if (old[i].v != NULL)
				o->slots[slot_of(o, old[i].v)] = old[i];
		free(old);
	}
	n = slot_of(o, v);
	o->used += o->slots[n].v == NULL;
	o->slots[n] = (struct sk_origin_slot){ v, layer };
}

/* The keys of one layer differ, so a key is looked for among those only that
 * were there before: a file full of tables must not cost a square of them. */
static struct sk_jm *
member_before(const struct sk_jv *to, size_t n, const struct sk_jm *m)
{
	for (size_t i = 0; i < n; i++)
		if (to->m[i].klen == m->klen &&
		    memcmp(to->m[i].key, m->key, m->klen) == 0)
			return &to->m[i];
	return NULL;
}

/* Tables of the effective tree are its own, so that layers stay as written. */
void
sk_config_merge_into(
    struct sk_config *c, struct sk_jv *to, const struct sk_jv *from, int layer)
{
	size_t before = to->n;
	struct sk_jm *have;
	struct sk_jv *v;

	for (size_t i = 0; i < from->n; i++) {
		const struct sk_jm *m = &from->m[i];

		have = member_before(to, before, m);
		v = m->v;
		if (v->type == SK_J_OBJ && have != NULL &&
		    have->v->type == SK_J_OBJ) {
			sk_config_merge_into(c, have->v, v, layer);
			continue;
		}
		if (v->type == SK_J_OBJ) {
			v = sk_jnew(&c->arena, SK_J_OBJ);
			v->line = m->v->line;
			v->col = m->v->col;
			sk_config_merge_into(c, v, m->v, layer);
		}
		remember(c->origins, v, layer);
		if (have != NULL)
			have->v = v;
		else
			sk_jadd(&c->arena, to, m->key, m->klen, v);
	}
}

void
sk_config_merge(struct sk_config *c, int layer)
{
	const struct sk_layer *l = &c->origins->layers[layer];
	const char *root;

	if (l->root == NULL || l->root->type != SK_J_OBJ)
		return;
	sk_config_merge_into(c, c->root, l->root, layer);
	root = sk_jget_str(sk_jget(l->root, "project"), "root");
	/* (What others say about it is an error, and may be here as one.) */
	if (root != NULL && l->kind >= SK_LAYER_NAMED) {
		free(c->project_root);
		c->project_root = sk_strdup(root);
	}
}

void
sk_config_remerge(struct sk_config *c)
{
	c->root = sk_jnew(&c->arena, SK_J_OBJ);
	sk_models_free(c->origins->models);
	c->origins->models = NULL;
	for (int i = 0; i < c->origins->n; i++)
		sk_config_merge(c, i);
}

int
sk_config_layer_of(const struct sk_config *c, const struct sk_jv *v)
{
	const struct sk_config_origin *o = c->origins;
	size_t i;

	if (o->cap == 0)
		return 0;
	i = slot_of(o, v);
	return o->slots[i].v != NULL ? o->slots[i].layer : 0;
}

const char *
sk_config_layer_text(struct sk_config *c, int layer, const struct sk_jv *v)
{
	const struct sk_layer *l = &c->origins->layers[layer];

	if (l->file != NULL)
		return sk_arena_printf(&c->arena, "%s:%u", l->file, v->line);
	if (v->line == 0 || v->line > l->names.n || l->kind == SK_LAYER_DEFAULT)
		return "default";
	return l->kind == SK_LAYER_ENV
	           ? sk_arena_printf(
			 &c->arena, "environment %s", l->names.v[v->line - 1])
	           : l->names.v[v->line - 1];
}

const char *
sk_config_origin_of(struct sk_config *c, const struct sk_jv *v)
{
	return sk_config_layer_text(c, sk_config_layer_of(c, v), v);
}

const char *
sk_config_origin(const struct sk_config *c, const char *key)
{
	const struct sk_jv *v = sk_config_get(c, key);
	struct sk_config *mut;

	/* (The text is made in the arena, which is not what const promises.) */
	memcpy(&mut, &c, sizeof(mut));
	return v != NULL ? sk_config_origin_of(mut, v) : NULL;
}

/* ---- walking ---- */

struct leaf {
	char *key;
	const struct sk_jv *v;
};
struct leaves {
	struct leaf *v;
	size_t n, cap;
};

static void
collect(struct leaves *all, const struct sk_jv *t, struct sk_buf *key)
{
	size_t len = key->len;

	for (size_t i = 0; i < t->n; i++) {
		sk_config_key_add(key, t->m[i].key);
		if (t->m[i].v->type == SK_J_OBJ) {
			collect(all, t->m[i].v, key);
		} else {
			SK_GROW(NULL, all->v, all->n, all->cap);
			all->v[all->n++] =
			    (struct leaf){ sk_strdup(key->p), t->m[i].v };
		}
		key->len = len;
		key->p[len] = '\0';
	}
}

static int
by_key(const void *a, const void *b)
{
	const struct leaf *x = a, *y = b;

	return strcmp(x->key, y->key);
}

void
sk_config_each(const struct sk_config *c, sk_config_fn fn, void *arg)
{
	struct leaves all = { 0 };
	struct sk_config *mut;
	struct sk_buf key;

	memcpy(&mut, &c, sizeof(mut));
	sk_buf_init(&key, 0);
	collect(&all, c->root, &key);
	if (all.n > 1)
		qsort(all.v, all.n, sizeof(*all.v), by_key);
	for (size_t i = 0; i < all.n; i++) {
		fn(arg, all.v[i].key, all.v[i].v,
		    sk_config_origin_of(mut, all.v[i].v));
		free(all.v[i].key);
	}
	free(all.v);
	sk_buf_free(&key);
}

/* ---- files ---- */

/* "FILE:3:7: text" of the reader → line 3, column 7, text. */
static void
toml_finding(
    struct sk_config *c, int layer, const char *file, const struct sk_err *e)
{
	const char *msg = e->message;
	struct sk_jv at = { 0 };
	char *end;

	if (sk_has_prefix(msg, file) && msg[strlen(file)] == ':') {
		msg += strlen(file) + 1;
		at.line = (uint32_t)strtoul(msg, &end, 10);
		if (*end == ':')
			at.col = (uint32_t)strtoul(end + 1, &end, 10);
		msg = end + strspn(end, ": ");
	}
	sk_config_finding(c, layer, &at, "", "bad_toml",
	    e->hint[0] != '\0' ? e->hint : NULL, "%s", msg);
}

/* Who may not read it has to change
 * something; when it was the machine's fault, the same again may go well. */
static void
unreadable(struct sk_config *c, int layer, int number)
{
	static const int users[] = { EACCES, EPERM, ELOOP, ENXIO, ENAMETOOLONG,
		EISDIR, ENODEV };
	struct sk_config_origin *o = c->origins;
	struct sk_err e = { 0 };

	o->layers[layer].state = "unreadable";
	sk_config_finding(c, layer, NULL, "", "config_unreadable", NULL,
	    "cannot be read: %s", strerror(number));
	for (size_t i = 0; i < SK_ARRAY_SIZE(users); i++)
		if (number == users[i])
			return;
	errno = number;
	if (o->n_findings > 0)
		o->findings[o->n_findings - 1].exit =
		    sk_fail_errno(&e, "cannot read");
	sk_err_clear(&e);
}

static int
open_layer(struct sk_config *c, int layer)
{
	struct sk_layer *l = &c->origins->layers[layer];
	bool named = l->kind == SK_LAYER_NAMED;
	struct stat st;
	int fd;

	if (l->file[0] == '\0') {
		sk_config_finding(c, layer, NULL, "", "no_such_config",
		    "--config wants a file", "no configuration file is named");
		return -1;
	}
	/* A found fifo must not make us wait; a named one may be <(…). */
	fd = open(l->file,
	    O_RDONLY | O_CLOEXEC | O_NOCTTY | (named ? 0 : O_NONBLOCK));
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
		l->state = "absent";
		if (named)
			sk_config_finding(c, layer, NULL, "", "no_such_config",
			    "--config and SK_CONFIG name a file that exists",
			    "there is no such file");
		return -1;
	}
	if (fd < 0) {
		unreadable(c, layer, errno);
		return -1;
	}
	if (fstat(fd, &st) != 0)
		st.st_mode = 0;
	if (S_ISDIR(st.st_mode) || (!named && !S_ISREG(st.st_mode))) {
		l->state = "unreadable";
		sk_config_finding(c, layer, NULL, "", "config_unreadable", NULL,
		    "expected a file, found %s",
		    S_ISDIR(st.st_mode) ? "a directory" : "something else");
		(void)close(fd);
		return -1;
	}
	return fd;
}

void
sk_config_read(struct sk_config *c, int layer)
{
	struct sk_layer *l = &c->origins->layers[layer];
	struct sk_err e = { 0 };
	struct sk_buf text;
	int fd;

	if (l->file == NULL || sk_streq(l->state, "shadowed"))
		return;
	fd = open_layer(c, layer);
	if (fd < 0)
		return;
	sk_buf_init(&text, 0); /* (bounded by the read) */
	if (sk_read_fd(fd, SK_CONFIG_FILE_MAX, &text, l->file, &e) != 0) {
		l->state = "unreadable";
		if (strcmp(e.code, "too_large") == 0)
			sk_config_finding(c, layer, NULL, "",
			    "config_too_large", NULL, "larger than 1 MiB");
		else
			unreadable(c, layer, errno);
	} else {
		l->state = "used";
		if (sk_toml_parse(&c->arena, text.p, text.len, l->file,
			&l->root, &e) != 0) {
			l->root = NULL;
			toml_finding(c, layer, l->file, &e);
		}
	}
	sk_err_clear(&e);
	sk_buf_free(&text);
	(void)close(fd);
}

static void
read_defaults(struct sk_config *c)
{
	const struct sk_data_file *f = sk_data_find("config/defaults.toml");
	struct sk_layer *l = &c->origins->layers[c->origins->n++];
	struct sk_err e = { 0 };

	l->kind = SK_LAYER_DEFAULT;
	if (f == NULL ||
	    sk_toml_parse(&c->arena, f->text, f->n, f->name, &l->root, &e) != 0)
		sk_bug("built-in defaults: %s", e.message);
	/* Not checked here: a unit test holds them against the schema. */
	sk_config_merge(c, 0);
}

/* ---- findings as one error ---- */

static int
by_place(const void *a, const void *b)
{
	const struct sk_finding *x = a, *y = b;

	if (x->layer != y->layer)
		return x->layer < y->layer ? -1 : 1;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	if (x->col != y->col)
		return x->col < y->col ? -1 : 1;
	return strcmp(x->key, y->key);
}

static char *
details(const struct sk_config_origin *o)
{
	struct sk_buf b;
	struct sk_jw w;

	sk_buf_init(&b, 0);
	sk_jw_init(&w, &b);
	sk_jw_obj(&w);
	sk_jw_karr(&w, "errors");
	for (size_t i = 0; i < o->n_findings; i++) {
		const struct sk_finding *f = &o->findings[i];
		const struct sk_layer *l = &o->layers[f->layer];

		sk_jw_obj(&w);
		sk_jw_kstr(&w, "where", f->where);
		sk_jw_kstr(&w, "file", l->file);
		if (l->file != NULL && f->line != 0) {
			sk_jw_kint(&w, "line", f->line);
			sk_jw_kint(&w, "column", f->col);
		} else {
			sk_jw_knull(&w, "line");
			sk_jw_knull(&w, "column");
		}
		sk_jw_kword(&w, "key", f->key);
		sk_jw_kstr(&w, "code", f->code);
		sk_jw_kstr(&w, "message", f->message);
		sk_jw_kstr(&w, "hint", f->hint);
		sk_jw_end(&w);
	}
	sk_jw_end(&w);
	sk_jw_end(&w);
	return sk_buf_detach(&b);
}

int
sk_config_verdict(struct sk_config *c, struct sk_err *err)
{
	struct sk_config_origin *o = c->origins;
	const struct sk_finding *f;

	if (o->n_findings == 0)
		return 0;
	qsort(o->findings, o->n_findings, sizeof(*o->findings), by_place);
	f = &o->findings[0];
	for (size_t i = 0; i < o->n_findings && f->exit == SK_USAGE; i++)
		f = &o->findings[o->findings[i].exit != SK_USAGE ? i : 0];
	(void)sk_fail(err, f->exit, f->code, "%s: %s%s%s", f->where, f->key,
	    f->key[0] != '\0' ? ": " : "", f->message);
	err->details = details(o);
	if (o->n_findings > 1)
		return sk_hint(err,
		    "%s%s'sk-config check' shows all %zu findings",
		    f->hint != NULL ? f->hint : "",
		    f->hint == NULL               ? ""
		    : sk_has_suffix(f->hint, "?") ? " "
						  : "; ",
		    o->n_findings);
	return f->hint != NULL ? sk_hint(err, "%s", f->hint) : err->exit;
}

/* ---- loading ---- */

static void
start(struct sk_config *c)
{
	memset(c, 0, sizeof(*c));
	c->origins = sk_calloc(1, sizeof(*c->origins));
	c->root = sk_jnew(&c->arena, SK_J_OBJ);
}

/*
 * A layer with a mistake is merged all the same: nobody will use the tree, and
 * the rules between keys have something to say about the rest of it, too.
 */
static void
read_layers(struct sk_config *c, const struct sk_config_where *w, bool snapshot)
{
	struct sk_config_origin *o = c->origins;

	for (int i = 1; i < o->n; i++) {
		if (o->layers[i].kind == SK_LAYER_ENV)
			sk_config_env(c, i, w->env);
		else if (snapshot)
			continue; /* checked and merged */
		else
			sk_config_read(c, i);
		if (o->layers[i].root == NULL)
			continue;
		sk_config_check(c, i);
		sk_config_merge(c, i);
	}
}

int
sk_config_load_from(
    struct sk_config *c, const struct sk_config_where *w, struct sk_err *err)
{
	struct sk_config_origin *o;
	bool snapshot = false;
	int rc;

	start(c);
	o = c->origins;
	o->system = w->system;
	read_defaults(c);
	rc = w->snapshot ? sk_config_from_snapshot(c, w, &snapshot, err) : 0;
	if (rc == 0 && !snapshot)
		rc = sk_config_find(c, w, err);
	if (rc == 0) {
		o->layers[o->n++].kind = SK_LAYER_ENV;
		read_layers(c, w, snapshot);
		if (w->spec != NULL)
			rc = sk_config_spec_read(c, w->spec, w->spec_dir, err);
	}
	if (rc == 0) {
		if (o->schema != NULL)
			sk_config_cross(c);
		rc = sk_config_verdict(c, err);
	}
	if (rc != 0)
		sk_config_free(c);
	return rc;
}

int
sk_config_load_spec(struct sk_config *c, const char *named, const char *spec,
    struct sk_err *err)
{
	const struct sk_config_where w = { .system = "/etc/sk/config.toml",
		.named = named,
		.spec = spec,
		.env = environ,
		.snapshot = true };

	return sk_config_load_from(c, &w, err);
}

int
sk_config_load(struct sk_config *c, const char *named, struct sk_err *err)
{
	return sk_config_load_spec(c, named, NULL, err);
}

int
sk_config_locate(struct sk_config *c, const char *named, struct sk_err *err)
{
	const struct sk_config_where w = {
		.system = "/etc/sk/config.toml", .named = named, .env = environ
	};
	int rc;

	start(c);
	c->origins->located = true;
	rc = sk_config_find(c, &w, err);
	if (rc != 0)
		sk_config_free(c);
	return rc;
}

void
sk_config_free(struct sk_config *c)
{
	struct sk_config_origin *o = c->origins;

	if (o != NULL) {
		for (int i = 0; i < o->n; i++)
			sk_strv_free(&o->layers[i].names);
		free(o->slots);
		free(o->spec);
		free(o->spec_dir);
		sk_strv_free(&o->set);
		free(o->findings);
		free(o->files);
		sk_models_free(o->models);
		free(o);
	}
	free(c->project_root);
	free(c->named_file);
	sk_arena_free(&c->arena);
	memset(c, 0, sizeof(*c));
}
