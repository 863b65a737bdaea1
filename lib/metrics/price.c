/* SPDX-License-Identifier: MIT */
/* What a model costs, and money in words. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "metrics/metrics.h"

#define PRICES_MAX ((size_t)32 << 20)
#define COLUMNS 14

void
sk_prices_init(struct sk_prices *p, const struct sk_config *conf)
{
	memset(p, 0, sizeof(*p));
	p->conf = conf;
}

void
sk_prices_free(struct sk_prices *p)
{
	if (p->loaded)
		sk_buf_free(&p->imported);
	sk_arena_free(&p->arena);
	memset(p, 0, sizeof(*p));
}

char *
sk_prices_path(struct sk_err *err)
{
	char *dir = sk_xdg_dir("XDG_STATE_HOME", ".local/state", err), *path;

	if (dir == NULL)
		return NULL;
	path = sk_path_join(dir, "prices.tsv");
	free(dir);
	return path;
}

/* ---- the imported table ---- */

static void
load(struct sk_prices *p)
{
	struct sk_err err = { 0 };
	struct stat st;
	char *path;

	p->loaded = true;
	sk_buf_init(&p->imported, 0);
	path = sk_prices_path(&err);
	if (path != NULL && stat(path, &st) == 0 &&
	    sk_read_file(path, PRICES_MAX, &p->imported, &err) != 0) {
		sk_warn("imported prices are not used: %s", err.message);
		sk_buf_clear(&p->imported);
	}
	sk_err_clear(&err);
	free(path);
}

/* The line of this model in a table that is sorted by bytes. */
static const char *
search(const struct sk_buf *b, const char *name)
{
	const char *lo = b->p, *hi = b->p + b->len, *at, *tab;
	size_t n = strlen(name), len;
	int c;

	while (lo < hi) {
		at = lo + (hi - lo) / 2;
		while (at > lo && at[-1] != '\n')
			at--;
		tab = memchr(at, '\t', (size_t)(hi - at));
		if (tab == NULL)
			return NULL;
		len = (size_t)(tab - at);
		c = memcmp(name, at, n < len ? n : len);
		if (c == 0)
			c = (n > len) - (n < len);
		if (c == 0)
			return at;
		if (c < 0) {
			hi = at;
			continue;
		}
		at = memchr(at, '\n', (size_t)(hi - at));
		lo = at != NULL ? at + 1 : hi;
	}
	return NULL;
}

/* model, provider, four rates, window, date, source, and what is paid from how
 * long a prompt on: tokens, four rates */
static bool
take_line(struct sk_prices *p, const char *line, struct sk_model *m)
{
	const char *end = strchr(line, '\n'), *col[COLUMNS];
	char *copy, *s;
	int64_t *longer[4] = { &m->longer.input, &m->longer.cached_input,
		&m->longer.cache_write, &m->longer.output };
	int64_t *rate[4] = { &m->price.input, &m->price.cached_input,
		&m->price.cache_write, &m->price.output };

	copy = s = sk_arena_strndup(
	    &p->arena, line, end != NULL ? (size_t)(end - line) : strlen(line));
	for (size_t i = 0; i < COLUMNS; i++) {
		if (s == NULL)
			return false;
		col[i] = s;
		s = strchr(s, '\t');
		if (s != NULL)
			*s++ = '\0';
	}
	memset(m, 0, sizeof(*m));
	m->name = m->model = copy;
	m->provider = col[1];
	for (size_t i = 0; i < 4; i++)
		if (!sk_parse_int(col[2 + i], 0, INT64_MAX / 2, rate[i]))
			*rate[i] = -1;
	m->longer = m->price;
	(void)sk_parse_int(col[9], 0, INT64_MAX, &m->long_over);
	for (size_t i = 0; i < 4; i++)
		(void)sk_parse_int(col[10 + i], 0, INT64_MAX / 2, longer[i]);
	(void)sk_parse_int(col[6], 0, INT64_MAX, &m->context_window);
	m->date = col[7];
	m->source = col[8];
	m->origin = "imported";
	return true;
}

static bool
imported(struct sk_prices *p, const char *name, struct sk_model *m)
{
	const char *line;

	if (!p->loaded)
		load(p);
	if (p->imported.len == 0)
		return false;
	line = search(&p->imported, name);
	if (line == NULL && strrchr(name, '/') != NULL)
		line = search(&p->imported, strrchr(name, '/') + 1);
	return line != NULL && take_line(p, line, m);
}

static bool
find(struct sk_prices *p, const char *name, struct sk_model *m)
{
	struct sk_model i;
	bool known;

	memset(m, 0, sizeof(*m));
	known = p->conf != NULL && sk_model_find(p->conf, name, m);
	/* The user's own word, what was imported, what is built in. */
	if (known && !sk_streq(m->origin, "default"))
		return true;
	if (!imported(p, name, &i))
		return known;
	if (i.context_window == 0 && known)
		i.context_window = m->context_window;
	*m = i;
	return true;
}

bool
sk_price_find(struct sk_prices *p, const char *model, const struct sk_model **m)
{
	*m = &p->model;
	if (p->last[0] != '\0' && sk_streq(p->last, model))
		return p->found;
	p->found = model != NULL && model[0] != '\0' && strlen(model) < 128 &&
	           find(p, model, &p->model);
	if (!p->found) {
		memset(&p->model, 0, sizeof(p->model));
		p->model.price = p->model.longer =
		    (struct sk_model_price){ -1, -1, -1, -1 };
	}
	(void)snprintf(
	    p->last, sizeof(p->last), "%.127s", model != NULL ? model : "");
	if (p->model.name == NULL)
		p->model.name = p->last;
	return p->found;
}

/* ---- money ---- */

/* Reading or writing a cache at no rate of its own costs what input costs:
 * never less than it is. */
int64_t
sk_cost_of(const struct sk_model *m, const struct sk_tokens *t)
{
	const struct sk_model_price *p = &m->price;
	__int128 sum = 0;
	int64_t read, written;

	if (m->long_over > 0 && sk_tokens_input(t) > m->long_over)
		p = &m->longer;
	if (t->fresh == 0 && t->cache_read == 0 && t->cache_write == 0 &&
	    t->output == 0 && (p->input >= 0 || p->output >= 0))
		return 0;
	read = p->cached_input >= 0 ? p->cached_input : p->input;
	written = p->cache_write >= 0 ? p->cache_write : p->input;
	if ((t->fresh > 0 && p->input < 0) || (t->cache_read > 0 && read < 0) ||
	    (t->cache_write > 0 && written < 0) || p->output < 0)
		return -1;
	sum += (__int128)t->fresh * (p->input > 0 ? p->input : 0);
	sum += (__int128)t->cache_read * (read > 0 ? read : 0);
	sum += (__int128)t->cache_write * (written > 0 ? written : 0);
	sum += (__int128)t->output * p->output;
	sum = (sum + 500000) / 1000000;
	return sum > INT64_MAX / 4 ? INT64_MAX / 4 : (int64_t)sum;
}

void
sk_usd_short(int64_t micro, char out[SK_USD_LEN])
{
	int64_t cent = micro / 10000 + (micro % 10000 >= 5000);

	if (micro < 0)
		(void)snprintf(out, SK_USD_LEN, "?");
	else if (micro > 0 && micro < 10000)
		(void)snprintf(out, SK_USD_LEN, "$%lld.%04lld",
		    (long long)(micro / 1000000),
		    (long long)(micro % 1000000 + 50) / 100);
	else
		(void)snprintf(out, SK_USD_LEN, "$%lld.%02lld",
		    (long long)(cent / 100), (long long)(cent % 100));
}

bool
sk_usd_parse(const char *s, int64_t *micro)
{
	char whole[16], frac[7] = "000000";
	const char *dot = strchr(s, '.');
	size_t n = dot != NULL ? (size_t)(dot - s) : strlen(s), f;
	int64_t a, b;

	f = dot != NULL ? strlen(dot + 1) : 0;
	if (n == 0 || n >= sizeof(whole) || f > 6 || (dot != NULL && f == 0))
		return false;
	memcpy(whole, s, n);
	whole[n] = '\0';
	if (f > 0)
		memcpy(frac, dot + 1, f);
	if (strspn(whole, "0123456789") != n || strspn(frac, "0123456789") != 6)
		return false;
	(void)sk_parse_int(whole, 0, 1000000000, &a);
	b = 0;
	for (size_t i = 0; i < 6; i++)
		b = 10 * b + (frac[i] - '0');
	if (!sk_parse_int(whole, 0, 1000000000, &a))
		return false;
	*micro = a * 1000000 + b;
	return true;
}
