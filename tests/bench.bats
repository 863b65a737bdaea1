#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The bench's arithmetic against published values, and its comparison with the
# last run on made-up samples. Nothing is timed here.

load helper

local_setup() {
	bench=$SK_TOP/tests/bench
}


@test "bench: Student's t and Welch's test give the published values" {
	cat >calc.awk <<-'END'
	function near(what, got, want) {
		if (got - want > 5e-6 || want - got > 5e-6) {
			printf "%s: %.8f, wanted %.8f\n", what, got, want
			bad = 1
		}
	}
	BEGIN {
		# Two-sided p of t: closed forms for 1 and 2 degrees, tables.
		near("t=1 df=1", t_p(1, 1), 0.5)
		near("t=12.7062 df=1", t_p(12.7062047, 1), 0.05)
		near("t=2 df=2", t_p(2, 2), 1 - 2 / sqrt(6))
		near("t=2.228139 df=10", t_p(2.2281389, 10), 0.05)
		near("t=3.169273 df=10", t_p(3.1692727, 10), 0.01)
		near("t=2.042272 df=30", t_p(2.0422725, 30), 0.05)
		near("t=1.96 df=1e7", t_p(1.9599640, 10000000), 0.05)
		near("t=0", t_p(0, 5), 1)
		near("t=-2.228139", t_p(-2.2281389, 10), 0.05)
		near("quantile 4", t_quantile(0.05, 4), 2.776445)
		near("quantile 99", t_quantile(0.05, 99), 1.984217)
		near("I_.5(2,3)", betainc(2, 3, 0.5), 0.6875)
		# t = -2.46836, df = 24.93767; p by integrating the density.
		near("welch", welch(20.82, sqrt(7.9), 15, 23.0, sqrt(3.8), 15),
		    0.02078233)
		# No spread, nothing to judge by.
		near("same", welch(5, 0, 10, 6, 0, 10), 1)
		near("alone", welch(5, 1, 1, 6, 1, 10), 1)
		exit bad
	}
	END
	check 0 awk -f "$bench/welch.awk" -f calc.awk
	same "$out" ''
}

# samples NAME N BASE STEP: N ascending values
samples() {
	awk -v name="$1" -v n="$2" -v base="$3" -v step="$4" 'BEGIN {
		for (i = 0; i < n; i++)
			printf "%s\t%.4f\n", name, base + i * step }'
}

table() {
	awk -v last="${1:-}" -v out=new.json -v machine=m \
		-f "$bench/welch.awk" -f "$bench/stats.awk"
}

@test "bench: the table has the right figures" {
	samples x 100 1 1 | table >table.txt
	# 1..100: p95 and p99 by nearest rank, sd of a row of integers
	run awk '$1 == "x" { print $2, $3, $4, $5, $6, $7, $8 }' table.txt
	same "$output" "100 50.500 29.011 50.500 95.000 99.000 44.743..56.257"
	samples x 1 7 1 | table >table.txt
	run awk '$1 == "x" { print $2, $3, $4, $5, $6, $7 }' table.txt
	same "$output" "1 7.000 0.000 7.000 7.000 7.000"
	jq -e '.results[0].mean == 7' new.json
}

@test "bench: a regression needs both a small p and more than 10 %" {
	{
		samples slow 30 10 0.01
		samples little 30 10 0.01
		samples noisy 5 1 10
		samples still 10 5 0
		samples quick 30 10 0.01
	} | table >/dev/null
	mv new.json last.json
	{
		samples slow 30 12 0.01
		samples little 30 10.5 0.01
		samples noisy 5 4 10
		samples still 10 5 0
		samples quick 30 5 0.01
		samples fresh 10 1 0.1
	} | table last.json >table.txt
	run awk '/REGRESSION/ { print $1 }' table.txt
	same "$output" slow
	run awk '/faster/ { print $1 }' table.txt
	same "$output" quick
	grep -q '^still .*+0.0 % p=1.000$' table.txt
	grep -q '^fresh .* -$' table.txt
}

@test "bench: usage" {
	check 2 "$bench/run" --nonsense
	has "$err" usage:
}
