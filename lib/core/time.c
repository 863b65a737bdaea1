/* SPDX-License-Identifier: MIT */
/* Clocks and their text. No locale, no time zone database. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/core.h"

static int64_t
clock_ms(clockid_t id)
{
	struct timespec ts;

	if (clock_gettime(id, &ts) != 0)
		sk_bug("clock_gettime(%d)", (int)id);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t
sk_now_ms(void)
{
	return clock_ms(CLOCK_REALTIME);
}

int64_t
sk_mono_ms(void)
{
	return clock_ms(CLOCK_MONOTONIC);
}

int64_t
sk_boot_ms(void)
{
	return clock_ms(CLOCK_BOOTTIME);
}

/* Days since 1970-01-01 of a proleptic Gregorian date. */
static int64_t
days_of(int64_t y, int64_t m, int64_t d)
{
	int64_t era, yoe, doy, doe;

	y -= m <= 2;
	era = (y >= 0 ? y : y - 399) / 400;
	yoe = y - era * 400;
	doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
	return era * 146097 + doe - 719468;
}

struct civil {
	int64_t y, mon, d, h, min, s, ms;
};

static void
civil_of(int64_t t, struct civil *c)
{
	int64_t days, doe, yoe, doy, mp;

	days = t / 86400000;
	t %= 86400000;
	if (t < 0) {
		t += 86400000;
		days--;
	}
	c->ms = t % 1000;
	c->s = t / 1000 % 60;
	c->min = t / 60000 % 60;
	c->h = t / 3600000;
	days += 719468;
	doe = days - (days >= 0 ? days : days - 146096) / 146097 * 146097;
	yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	mp = (5 * doy + 2) / 153;
	c->d = doy - (153 * mp + 2) / 5 + 1;
	c->mon = mp < 10 ? mp + 3 : mp - 9;
	c->y = yoe + (days >= 0 ? days : days - 146096) / 146097 * 400 +
	       (c->mon <= 2);
}

void
sk_time_text(int64_t ms, char out[SK_TIME_LEN])
{
	struct civil c;
	char s[64];

	civil_of(ms, &c);
	(void)snprintf(s, sizeof(s), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
	    (int)c.y, (int)c.mon, (int)c.d, (int)c.h, (int)c.min, (int)c.s,
	    (int)c.ms);
	memcpy(out, s, SK_TIME_LEN - 1);
	out[SK_TIME_LEN - 1] = '\0';
}

void
sk_time_stamp(int64_t ms, char out[SK_STAMP_LEN])
{
	struct civil c;
	char s[64];

	civil_of(ms, &c);
	(void)snprintf(s, sizeof(s), "%04d%02d%02dT%02d%02d%02dZ", (int)c.y,
	    (int)c.mon, (int)c.d, (int)c.h, (int)c.min, (int)c.s);
	memcpy(out, s, SK_STAMP_LEN - 1);
	out[SK_STAMP_LEN - 1] = '\0';
}

/* n digits at *s; false when one is missing. */
static bool
take(const char **s, int n, int64_t *out)
{
	int64_t v = 0;

	for (; n > 0; n--, (*s)++) {
		if (**s < '0' || **s > '9')
			return false;
		v = v * 10 + (**s - '0');
	}
	*out = v;
	return true;
}

static bool
take_ch(const char **s, const char *set)
{
	if (**s == '\0' || strchr(set, **s) == NULL)
		return false;
	(*s)++;
	return true;
}

static bool
take_offset(const char **s, int64_t *ms)
{
	int64_t h, m, sign;

	*ms = 0;
	if (take_ch(s, "Zz"))
		return true;
	sign = **s == '-' ? -1 : 1;
	if (!take_ch(s, "+-") || !take(s, 2, &h) || !take_ch(s, ":") ||
	    !take(s, 2, &m) || h > 23 || m > 59)
		return false;
	*ms = sign * (h * 60 + m) * 60000;
	return true;
}

bool
sk_time_parse(const char *s, int64_t *ms)
{
	static const int64_t mdays[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31,
		30, 31 };
	struct civil c = { 0 };
	int64_t off, scale = 100, d;
	bool leap;

	if (!take(&s, 4, &c.y) || !take_ch(&s, "-") || !take(&s, 2, &c.mon) ||
	    !take_ch(&s, "-") || !take(&s, 2, &c.d) || !take_ch(&s, "Tt ") ||
	    !take(&s, 2, &c.h) || !take_ch(&s, ":") || !take(&s, 2, &c.min) ||
	    !take_ch(&s, ":") || !take(&s, 2, &c.s))
		return false;
	if (take_ch(&s, ".")) {
		if (!take(&s, 1, &d))
			return false;
		do {
			c.ms += d * scale;
			scale /= 10;
		} while (take(&s, 1, &d));
	}
	if (!take_offset(&s, &off) || *s != '\0')
		return false;
	leap = (c.y % 4 == 0 && c.y % 100 != 0) || c.y % 400 == 0;
	if (c.mon < 1 || c.mon > 12 || c.d < 1 || c.h > 23 || c.min > 59 ||
	    c.s > 60 || c.d > mdays[c.mon - 1] + (leap && c.mon == 2))
		return false;
	*ms = ((days_of(c.y, c.mon, c.d) * 24 + c.h) * 60 + c.min) * 60000 +
	      c.s * 1000 + c.ms - off;
	return true;
}

void
sk_duration_text(int64_t ms, char *out, size_t n)
{
	long long t = ms;

	if (t < 1000)
		(void)snprintf(out, n, "%lldms", t);
	else if (t < 60000)
		(void)snprintf(out, n, "%lld.%llds", t / 1000, t % 1000 / 100);
	else if (t < 3600000)
		(void)snprintf(
		    out, n, "%lldm%02llds", t / 60000, t / 1000 % 60);
	else
		(void)snprintf(
		    out, n, "%lldh%02lldm", t / 3600000, t / 60000 % 60);
}

void
sk_size_text(int64_t bytes, char *out, size_t n)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB" };
	int64_t unit = 1;
	size_t i = 0;

	while (i + 1 < SK_ARRAY_SIZE(units) && bytes / 1024 >= unit) {
		unit *= 1024;
		i++;
	}
	if (bytes % unit == 0)
		(void)snprintf(
		    out, n, "%lld %s", (long long)(bytes / unit), units[i]);
	else
		(void)snprintf(
		    out, n, "%.1f %s", (double)bytes / (double)unit, units[i]);
}
