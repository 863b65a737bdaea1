# SPDX-License-Identifier: MIT
# Sourced by run: what sk-consensus takes in, judges, decides and audits, beside
# a bare program over the same SQLite.

# lines NAME COMMAND...: each line that it prints is a sample
lines() {
	name=$1
	shift
	if ! timeout -k 2 120 "$@" >"$dir/times" 2>"$dir/err"; then
		skip "$name: $(tail -n 1 "$dir/err")"
		return 1
	fi
	sed "s|^|$name	|" "$dir/times" >>"$dir/samples"
}

# mean NAME
mean() {
	awk -F '\t' -v name="$1" '$1 == name { n++; sum += $2 } END {
		if (n) print sum / n }' "$dir/samples"
}

consensus() {
	ours=$SK_BUILD/tools/bench_consensus
	raw=$SK_BUILD/tools/bench_raw
	have "$SK_BIN/sk-consensus" 'a stream of answers' || return
	have "$ours" 'verdicts, rounds' || return
	have "$raw" 'raw SQLite' || return
	lines 'verdict, 100 x 1,000' "$ours" verdict 100 1000 $((runs / 4))
	verdict 'verdict over 100 agents x 1,000 paths' \
		"$(median 'verdict, 100 x 1,000')" 100 ms
	many=$((runs * 100))
	"$ours" records $many >"$dir/records"
	# In turns, so that both meet the same neighbours on the machine.
	for _ in 1 2 3; do
		rm -f "$dir"/in.db* "$dir"/raw.db*
		feed "stream of $many answers" 1 0 "$dir/records" \
			"$SK_BIN/sk-consensus" intake --run r --db "$dir/in.db"
		for what in rows text; do
			rm -f "$dir"/raw.db*
			head -n 1 "$dir/records" | "$SK_BIN/sk-consensus" \
				intake --run r --db "$dir/raw.db" >/dev/null
			sample "raw SQLite, $what of $many" 1 0 \
				"$raw $what $dir/raw.db $many"
		done
		rm -rf "$dir"/ours "$dir"/theirs
		mkdir "$dir/ours" "$dir/theirs"
		lines 'decide, publish, ack' "$ours" rounds "$dir/ours/sk.db" \
			"$dir/ours" $((runs * 2))
		lines 'raw: commit, file, commit' "$raw" rounds \
			"$dir/theirs/raw.db" "$dir/theirs" $((runs * 2))
	done
	verdict '1,000 answers of 1.5 KB down a pipe, durable' "$(ratio \
		"$(median "stream of $many answers")" $((many / 1000)))" 40 ms
	verdict 'such a stream, times raw SQLite with the same rows' "$(ratio \
		"$(median "stream of $many answers")" \
		"$(median "raw SQLite, rows of $many")")" 2 x
	verdict 'decide, publish, ack: mean' \
		"$(mean 'decide, publish, ack')" 2 ms
	verdict 'decide, publish, ack: p99' \
		"$(quantile 'decide, publish, ack' 99)" 10 ms
	verdict 'decide, publish, ack, times the bare program' "$(ratio \
		"$(median 'decide, publish, ack')" \
		"$(median 'raw: commit, file, commit')")" 2.5 x
	mb=${AUDIT_MB:-64}
	"$ours" fill "$dir/audit.db" "$mb" 2>"$dir/err" || {
		skip "audit: $(tail -n 1 "$dir/err")"
		return
	}
	feed "audit of $mb MB of answers" 1 0 /dev/null \
		"$SK_BIN/sk-consensus" audit --db "$dir/audit.db"
	verdict "audit of $mb MB of answers" \
		"$(median "audit of $mb MB of answers")" $((mb * 10)) ms
	verdict 'its memory' "$(sed -n 's/^max rss //p' "$dir/err")" 64 MiB
	rm -f "$dir"/in.db* "$dir"/raw.db* "$dir"/audit.db* "$dir/records"
	rm -rf "$dir"/ours "$dir"/theirs
}
