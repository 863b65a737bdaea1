# SPDX-License-Identifier: MIT
# Student's t by the incomplete beta function: p values and quantiles.

# log of the gamma function (Lanczos, g = 5, six terms).
function lgamma_(x,    y, t, s) {
	y = x
	t = x + 5.5
	t -= (x + 0.5) * log(t)
	s = 1.000000000190015
	s += 76.18009172947146 / ++y
	s -= 86.50532032941677 / ++y
	s += 24.01409824083091 / ++y
	s -= 1.231739572450155 / ++y
	s += 0.001208650973866179 / ++y
	s -= 0.000005395239384953 / ++y
	return -t + log(2.5066282746310005 * s / x)
}

# The continued fraction of the incomplete beta function (Lentz).
function betacf(a, b, x,    c, d, h, m, aa, del) {
	c = 1
	d = tiny(1 - (a + b) * x / (a + 1))
	d = 1 / d
	h = d
	for (m = 1; m <= 500; m++) {
		aa = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
		d = 1 / tiny(1 + aa * d)
		c = tiny(1 + aa / c)
		h *= d * c
		aa = -(a + m) * (a + b + m) * x / \
		    ((a + 2 * m) * (a + 2 * m + 1))
		d = 1 / tiny(1 + aa * d)
		c = tiny(1 + aa / c)
		del = d * c
		h *= del
		if (del > 1 - 1e-14 && del < 1 + 1e-14)
			break
	}
	return h
}

function tiny(x) {
	return x < 1e-300 && x > -1e-300 ? 1e-300 : x
}

# I_x(a, b)
function betainc(a, b, x,    f) {
	if (x <= 0)
		return 0
	if (x >= 1)
		return 1
	f = exp(lgamma_(a + b) - lgamma_(a) - lgamma_(b) + \
	    a * log(x) + b * log(1 - x))
	if (x < (a + 1) / (a + b + 2))
		return f * betacf(a, b, x) / a
	return 1 - f * betacf(b, a, 1 - x) / b
}

# Two-sided p of a t with df degrees of freedom.
function t_p(t, df) {
	return betainc(df / 2, 0.5, df / (df + t * t))
}

# The t that is exceeded with the two-sided probability p.
function t_quantile(p, df,    lo, hi, mid, i) {
	lo = 0
	hi = 1000
	for (i = 0; i < 100; i++) {
		mid = (lo + hi) / 2
		if (t_p(mid, df) > p)
			lo = mid
		else
			hi = mid
	}
	return (lo + hi) / 2
}

# Welch's test of two means: two-sided p. Without any spread there is nothing
# to judge by, and p is 1.
function welch(m1, s1, n1, m2, s2, n2,    a, b, df) {
	if (n1 < 2 || n2 < 2)
		return 1
	a = s1 * s1 / n1
	b = s2 * s2 / n2
	if (a + b <= 0)
		return 1
	df = (a + b) * (a + b) / \
	    (a * a / (n1 - 1) + b * b / (n2 - 1))
	return t_p((m1 - m2) / sqrt(a + b), df)
}
