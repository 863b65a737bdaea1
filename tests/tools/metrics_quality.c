/* SPDX-License-Identifier: MIT */
/*
 * How wrong the estimates are on recorded sequences, one prediction ahead.
 *
 *   metrics_quality FILE...     a number a line
 *
 * Prints for each the mean absolute error of the mean of three and of the
 * better estimate, and how often the interval held. Ends with 1 when the better
 * one is worse over all files.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metrics/metrics.h"

static double ours, theirs;

static int
one(const char *path)
{
	double mine = 0, three = 0;
	size_t n = 0, held = 0;
	struct sk_estimator e;
	struct sk_session s;
	char line[64];
	FILE *f = fopen(path, "r");

	if (f == NULL)
		return 2;
	sk_estimator_init(&e);
	sk_session_init(&s, SK_WINDOW);
	while (fgets(line, sizeof(line), f) != NULL) {
		struct sk_tokens t = { .fresh = strtoll(line, NULL, 10) };
		struct sk_estimate g;

		sk_estimator_ask(&e, &g);
		if (s.n > 0) {
			n++;
			mine += (double)llabs(t.fresh - g.value);
			three +=
			    (double)llabs(t.fresh - sk_session_estimate(&s));
			held += t.fresh >= g.low && t.fresh <= g.high;
		}
		sk_session_turn(&s, &t);
		sk_estimator_add(&e, t.fresh);
	}
	(void)fclose(f);
	if (n == 0)
		return 2;
	(void)printf("%-32s %4zu  mean of three %7.1f  better %7.1f  (%+.1f %%)"
		     "  in the interval %zu %%\n",
	    strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : path, n,
	    three / (double)n, mine / (double)n, (mine / three - 1) * 100,
	    held * 100 / n);
	ours += mine / (double)n;
	theirs += three / (double)n;
	return 0;
}

int
main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (one(argv[i]) != 0) {
			(void)fprintf(stderr, "cannot use %s\n", argv[i]);
			return 2;
		}
	return ours > theirs;
}
