# SPDX-License-Identifier: MIT
# Turn the files named on the command line into one C table, sorted as given.
# Names lose the leading "lib/data/".
function name(f) { sub(/^lib\/data\//, "", f); return f }
BEGIN {
	print "/* made from lib/data by embed.awk */"
	print "#include \"data/data.h\""
	for (i = 1; i < ARGC; i++) {
		f = ARGV[i]
		printf "static const char f%d[] =\n", i
		while ((getline line < f) > 0) {
			gsub(/\\/, "&&", line)
			gsub(/"/, "\\\"", line)
			gsub(/\t/, "\\t", line)
			gsub(/\?/, "\\?", line)
			printf "\t\"%s\\n\"\n", line
		}
		close(f)
		print "\t\"\";"
	}
	print "const struct sk_data_file sk_data_files[] = {"
	for (i = 1; i < ARGC; i++)
		printf "\t{ \"%s\", f%d, sizeof(f%d) - 1 },\n", name(ARGV[i]), i, i
	print "\t{ 0, 0, 0 }\n};"
	exit
}
