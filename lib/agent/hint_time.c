/* SPDX-License-Identifier: MIT */
/* The forms in which vendors write a wait or a time. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/hint.h"

#define DAY ((int64_t)86400)
#define SPAN_MAX 4e12

/* ---- spans ---- */

static const struct {
	const char *word;
	double ms;
} units[] = { { "milliseconds", 1 }, { "millisecond", 1 }, { "msecs", 1 },
	{ "ms", 1 }, { "seconds", 1e3 }, { "second", 1e3 }, { "secs", 1e3 },
	{ "sec", 1e3 }, { "s", 1e3 }, { "minutes", 6e4 }, { "minute", 6e4 },
	{ "mins", 6e4 }, { "min", 6e4 }, { "m", 6e4 }, { "hours", 36e5 },
	{ "hour", 36e5 }, { "hrs", 36e5 }, { "hr", 36e5 }, { "h", 36e5 },
	{ "days", 864e5 }, { "day", 864e5 }, { "d", 864e5 },
	{ "weeks", 6048e5 }, { "week", 6048e5 } };

static size_t
unit_at(const char *p, size_t n, double *ms)
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(units); i++) {
		size_t k = strlen(units[i].word);

		if (n >= k && strncasecmp(p, units[i].word, k) == 0 &&
		    (n == k || !isalpha((unsigned char)p[k]))) {
			*ms = units[i].ms;
			return k;
		}
	}
	return 0;
}

/* "12", "3.5": bytes, 0 = no number. No sign, no exponent. */
static size_t
decimal(const char *p, size_t n, double *x)
{
	size_t i = 0;
	double f = 1;

	*x = 0;
	while (i < n && isdigit((unsigned char)p[i])) {
		*x = *x < 1e15 ? *x * 10 + (p[i] - '0') : *x;
		i++;
	}
	if (i == 0 || i + 1 >= n || p[i] != '.' ||
	    !isdigit((unsigned char)p[i + 1]))
		return i;
	for (i++; i < n && isdigit((unsigned char)p[i]); i++)
		*x += (p[i] - '0') * (f /= 10);
	return i;
}

static size_t
blanks(const char *p, size_t n)
{
	size_t i = 0;

	while (i < n && (p[i] == ' ' || p[i] == '\t'))
		i++;
	return i;
}

/* What stands between "2 hours" and "5 minutes". */
static size_t
joint(const char *p, size_t n)
{
	size_t i = 0;

	if (i < n && p[i] == ',')
		i++;
	i += blanks(p + i, n - i);
	if (n - i > 4 && strncasecmp(p + i, "and ", 4) == 0)
		i += 4;
	return i;
}

size_t
sk_hint_span(const char *p, size_t n, int64_t *ms)
{
	size_t i = blanks(p, n), used = 0;
	double sum = 0;

	for (;;) {
		double x, u;
		size_t k = decimal(p + i, n - i, &x), gap, w;

		if (k == 0)
			break;
		gap = blanks(p + i + k, n - i - k);
		w = unit_at(p + i + k + gap, n - i - k - gap, &u);
		if (w == 0) {
			/* Only a lone number may go without its unit, and
			 * "3:05" or "2026-11" is not one. */
			if (used > 0 ||
			    (i + k < n && strchr(":-/", p[i + k]) != NULL))
				break;
			sum = x * 1000;
			used = i + k;
			break;
		}
		sum += x * u;
		used = i + k + gap + w;
		i = used + joint(p + used, n - used);
	}
	if (used == 0 || sum > SPAN_MAX)
		return 0;
	*ms = (int64_t)(sum + 0.5);
	return used;
}

/* ---- dates ---- */

static const char months[] = "janfebmaraprmayjunjulaugsepoctnovdec";

static int
month_at(const char *p, size_t n)
{
	for (int i = 0; n >= 3 && i < 12; i++)
		if (strncasecmp(p, months + 3 * i, 3) == 0)
			return i;
	return -1;
}

bool
sk_hint_http_date(const char *s, int64_t *ms)
{
	char mon[4], zone[4];
	int d, y, h, m, sec, k;
	struct tm tm = { 0 };
	const char *p = strchr(s, ',');

	/* IMF-fixdate, RFC 850, asctime */
	if (p != NULL && sscanf(p + 1, " %2d %3[A-Za-z] %4d %2d:%2d:%2d %3s",
			     &d, mon, &y, &h, &m, &sec, zone) == 7) {
		;
	} else if (p != NULL &&
		   sscanf(p + 1, " %2d-%3[A-Za-z]-%2d %2d:%2d:%2d %3s", &d, mon,
		       &y, &h, &m, &sec, zone) == 7) {
		y += y < 70 ? 2000 : 1900;
	} else if (sscanf(s, "%*3[A-Za-z] %3[A-Za-z] %2d %2d:%2d:%2d %4d", mon,
		       &d, &h, &m, &sec, &y) == 6) {
		;
	} else {
		return false;
	}
	k = month_at(mon, strlen(mon));
	if (k < 0 || d < 1 || d > 31 || h < 0 || h > 23 || m < 0 || m > 59 ||
	    sec < 0 || sec > 60 || y < 1970 || y > 9999)
		return false;
	tm.tm_year = y - 1900;
	tm.tm_mon = k;
	tm.tm_mday = d;
	tm.tm_hour = h;
	tm.tm_min = m;
	tm.tm_sec = sec;
	*ms = (int64_t)timegm(&tm) * 1000;
	return true;
}

bool
sk_hint_when(const char *s, size_t n, int64_t *in_ms, int64_t *at_ms)
{
	char text[64];
	double x;
	size_t k;

	*in_ms = -1;
	*at_ms = 0;
	while (n > 0 && (s[n - 1] == ' ' || s[n - 1] == '"'))
		n--;
	while (n > 0 && (*s == ' ' || *s == '"')) {
		s++;
		n--;
	}
	if (n == 0 || n >= sizeof(text))
		return false;
	memcpy(text, s, n);
	text[n] = '\0';
	k = decimal(text, n, &x);
	if (k == n && k > 0) {
		/* Nobody asks for a wait of thirty years: that is a date. */
		if (x >= 1e11)
			*at_ms = (int64_t)x;
		else if (x >= 1e9)
			*at_ms = (int64_t)(x * 1000);
		else
			*in_ms = (int64_t)(x * 1000 + 0.5);
		return *at_ms < (int64_t)1 << 52;
	}
	if (sk_time_parse(text, at_ms) || sk_hint_http_date(text, at_ms))
		return *at_ms > 0;
	*at_ms = 0;
	return sk_hint_span(text, n, in_ms) == n;
}

/* ---- times of day ---- */

struct clock_time {
	int month, day, year; /* month -1, year 0 = not said */
	int h, m;
	bool utc;
};

/* "3pm", "3:05 am", "15:04": bytes, 0 = none. */
static size_t
time_of_day(const char *p, size_t n, struct clock_time *c)
{
	size_t i = 0, k;
	bool colon = false, half = false;

	for (c->h = 0; i < n && i < 2 && isdigit((unsigned char)p[i]); i++)
		c->h = c->h * 10 + (p[i] - '0');
	if (i == 0)
		return 0;
	c->m = 0;
	if (i + 2 < n + 0 && p[i] == ':' && isdigit((unsigned char)p[i + 1]) &&
	    isdigit((unsigned char)p[i + 2])) {
		c->m = (p[i + 1] - '0') * 10 + (p[i + 2] - '0');
		colon = true;
		i += 3;
	}
	k = i + blanks(p + i, n - i);
	if (k + 1 < n && (p[k] == 'a' || p[k] == 'p') && p[k + 1] == 'm') {
		if (c->h < 1 || c->h > 12)
			return 0;
		c->h = c->h % 12 + (p[k] == 'p' ? 12 : 0);
		half = true;
		i = k + 2;
	}
	return (colon || half) && c->h < 24 && c->m < 60 ? i : 0;
}

/* "nov 22nd, 2026 ", "oct 6 at ": bytes, 0 = no date. */
static size_t
date_of(const char *p, size_t n, struct clock_time *c)
{
	size_t i = 0;
	int y = 0, digits = 0;

	c->month = month_at(p, n);
	if (c->month < 0)
		return 0;
	while (i < n && isalpha((unsigned char)p[i]))
		i++;
	i += blanks(p + i, n - i);
	for (c->day = 0; i < n && isdigit((unsigned char)p[i]) && c->day < 32;
	     i++)
		c->day = c->day * 10 + (p[i] - '0');
	if (c->day < 1 || c->day > 31)
		return 0;
	while (i < n && isalpha((unsigned char)p[i]))
		i++; /* 22nd */
	if (i < n && p[i] == ',')
		i++;
	i += blanks(p + i, n - i);
	for (size_t k = i; k < n && isdigit((unsigned char)p[k]); k++) {
		y = digits < 5 ? y * 10 + (p[k] - '0') : 0;
		digits++;
	}
	if (digits == 4) {
		c->year = y;
		i += 4;
	}
	if (i < n && p[i] == ',')
		i++;
	i += blanks(p + i, n - i);
	if (n - i > 3 && memcmp(p + i, "at ", 3) == 0)
		i += 3;
	return i;
}

/* Is this the zone that our own clock runs in? */
static bool
our_zone(const char *p, size_t n)
{
	const char *tz = getenv("TZ");
	char link[256];
	ssize_t k;

	if (tz == NULL || *tz == '\0') {
		k = readlink("/etc/localtime", link, sizeof(link) - 1);
		if (k <= 0)
			return false;
		link[k] = '\0';
		tz = link;
	}
	if (*tz == ':')
		tz++;
	return strlen(tz) >= n && strncasecmp(tz + strlen(tz) - n, p, n) == 0;
}

/* The zone behind a time; false when it is one that we cannot compute. */
static bool
zone_of(const char *p, size_t n, struct clock_time *c)
{
	size_t i = blanks(p, n), k;

	if (i < n && p[i] == '(')
		i++;
	for (k = i; k < n && (isalnum((unsigned char)p[k]) ||
				 strchr("/_+-", p[k]) != NULL);
	     k++)
		;
	k -= i;
	c->utc = (k == 3 && (strncasecmp(p + i, "utc", 3) == 0 ||
				strncasecmp(p + i, "gmt", 3) == 0)) ||
	         (k == 1 && p[i] == 'z') ||
	         (k == 7 && strncasecmp(p + i, "etc/utc", 7) == 0);
	if (c->utc || i == 0 || p[i - 1] != '(')
		return true; /* none is the clock of the place */
	return our_zone(p + i, k);
}

static int64_t
to_unix(const struct clock_time *c, struct tm *day)
{
	time_t t;

	day->tm_hour = c->h;
	day->tm_min = c->m;
	day->tm_sec = 0;
	day->tm_isdst = -1;
	t = c->utc ? timegm(day) : mktime(day);
	return t == (time_t)-1 ? 0 : (int64_t)t * 1000;
}

bool
sk_hint_clock(const char *p, size_t n, int64_t now_ms, int64_t *at_ms)
{
	struct clock_time c = { .month = -1 };
	struct tm tm;
	time_t now = (time_t)(now_ms / 1000);
	size_t i = date_of(p, n, &c), k;

	k = time_of_day(p + i, n - i, &c);
	if (k == 0 || now_ms <= 0 || !zone_of(p + i + k, n - i - k, &c))
		return false;
	if ((c.utc ? gmtime_r(&now, &tm) : localtime_r(&now, &tm)) == NULL)
		return false;
	if (c.month >= 0) {
		tm.tm_mon = c.month;
		tm.tm_mday = c.day;
		if (c.year != 0)
			tm.tm_year = c.year - 1900;
	}
	*at_ms = to_unix(&c, &tm);
	/* A minute that has just begun is meant, not that of tomorrow. */
	if (*at_ms > 0 && c.year == 0 && *at_ms + 60000 <= now_ms) {
		if (c.month >= 0)
			tm.tm_year++;
		else
			tm.tm_mday++;
		*at_ms = to_unix(&c, &tm);
	}
	return *at_ms > 0;
}

/* Days since 1970 of the k-th Sunday of a month. */
static int64_t
kth_sunday(int year, int mon, int k)
{
	struct tm tm = { .tm_year = year - 1900, .tm_mon = mon, .tm_mday = 1 };
	int64_t first = (int64_t)timegm(&tm) / DAY;
	int64_t weekday = (first + 4) % 7; /* 1970-01-01 was a Thursday */

	return first + (7 - weekday) % 7 + 7 * (k - 1);
}

int64_t
sk_hint_pacific_midnight(int64_t now_ms)
{
	int64_t now = now_ms / 1000;

	for (int64_t day = now / DAY;; day++) {
		time_t t = (time_t)(day * DAY);
		struct tm tm;
		bool summer;
		int64_t at;

		if (gmtime_r(&t, &tm) == NULL)
			return 0;
		/* The clocks change at two in the morning: after the midnight
		 * of that day. */
		summer = day > kth_sunday(tm.tm_year + 1900, 2, 2) &&
		         day <= kth_sunday(tm.tm_year + 1900, 10, 1);
		at = day * DAY + (summer ? 7 : 8) * 3600;
		if (at > now)
			return at * 1000;
	}
}
