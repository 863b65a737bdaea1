# SPDX-License-Identifier: MIT
# awk -f welch.awk -f stats.awk -v last=FILE -v out=FILE SAMPLES
# SAMPLES: "NAME<TAB>MILLISECONDS" lines, each name's values together and
# ascending. Prints the table, compares with the run in `last` and stores this
# one in `out`.
BEGIN {
	FS = "\t"
	while (last != "" && (getline line < last) > 0)
		if (match(line, /"name":"[^"]*"/)) {
			k = substr(line, RSTART + 8, RLENGTH - 9)
			N[k] = num(line, "n")
			MEAN[k] = num(line, "mean")
			SD[k] = num(line, "sd")
		}
	print_row("ms", "n", "mean", "sd", "median", "p95", "p99", \
	    "95 % interval", "last run")
}

$1 != name {
	finish()
	name = $1
	n = 0
}
{ v[n++] = $2 }
END {
	finish()
	if (out == "")
		exit
	printf "{\"schema\":\"sk.bench/1\",\"machine\":\"%s\",\"results\":[\n", \
	    machine >out
	for (i = 1; i <= names; i++)
		printf "%s%s\n", STORE[i], i < names ? "," : "" >out
	print "]}" >out
}

function num(line, key) {
	return match(line, "\"" key "\":[-0-9.e+]+") ? \
	    substr(line, RSTART + length(key) + 3, \
	    RLENGTH - length(key) - 3) + 0 : 0
}

# Nearest rank, from below.
function pct(p,    i) {
	i = int(n * p / 100) - 1
	return v[i < 0 ? 0 : i]
}

function finish(    i, sum, mean, sd, median, half, note, p, change) {
	if (n == 0)
		return
	for (i = 0; i < n; i++)
		sum += v[i]
	mean = sum / n
	sum = 0
	for (i = 0; i < n; i++)
		sum += (v[i] - mean) * (v[i] - mean)
	sd = n > 1 ? sqrt(sum / (n - 1)) : 0
	i = int(n / 2)
	median = n % 2 ? v[i] : (v[i - 1] + v[i]) / 2
	half = n > 1 ? t_quantile(0.05, n - 1) * sd / sqrt(n) : 0
	note = "-"
	if (name in N) {
		p = welch(mean, sd, n, MEAN[name], SD[name], N[name])
		change = MEAN[name] > 0 ? 100 * (mean / MEAN[name] - 1) : 0
		note = sprintf("%+.1f %% p=%.3f%s", change, p, p >= 0.05 ? "" : \
		    change > 10 ? " REGRESSION" : change < -10 ? " faster" : "")
	}
	print_row(name, n, sprintf("%.3f", mean), sprintf("%.3f", sd), \
	    sprintf("%.3f", median), sprintf("%.3f", pct(95)), \
	    sprintf("%.3f", pct(99)), sprintf("%.3f..%.3f", mean - half, \
	    mean + half), note)
	STORE[++names] = sprintf("{\"name\":\"%s\",\"n\":%d,\"mean\":%.6f," \
	    "\"sd\":%.6f,\"median\":%.6f,\"p95\":%.6f,\"p99\":%.6f}", name, \
	    n, mean, sd, median, pct(95), pct(99))
}

function print_row(a, b, c, d, e, f, g, h, i) {
	printf "%-34s %5s %9s %8s %9s %9s %9s %19s  %s\n", \
	    a, b, c, d, e, f, g, h, i
}
