#!/bin/sh
# Each rule catches a bad sample and lets a good one pass.
# shellcheck disable=SC2016 # samples are text
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d) || exit 70
trap 'rm -rf "$dir"' EXIT
failed=0

# tree PATH TEXT: a fresh tree with this one file
tree() {
	rm -rf "$dir/t"
	more "$@"
}

more() {
	mkdir -p "$dir/t/$(dirname "$1")"
	printf '%b\n' "$2" >"$dir/t/$1"
}

# judge RULE WANT WHAT: run the rule on the tree. 77 is a rule that cannot
# look, for want of a program.
judge() {
	out=$("$here/$1.sh" "$dir/t" 2>&1)
	got=$?
	[ "$got" -eq 0 ] && [ -n "$out" ] && got=70
	[ "$got" -eq 77 ] || [ "$got" -eq "$2" ] && return
	failed=1
	printf '%s: status %s for: %s\n%s\n' "$1" "$got" "$3" "$out"
}

bad() {
	tree "$2" "$3"
	judge "$1" 1 "$2: $3"
}

good() {
	tree "$2" "$3"
	judge "$1" 0 "$2: $3"
}

bad layers lib/core/a.c '#include "json/json.h"'
bad layers lib/agent/a.c '#include "consensus/consensus.h"'
bad layers lib/store/a.c '#include "config/config.h"'
bad layers lib/cli/a.c '#include "store/internal.h"'
bad layers cmd/a.c '#include "store/internal.h"'
bad layers cmd/a.c '#include "pipeline/internal.h"'
bad layers lib/cli/a.c '#include "cli.h"'
good layers cmd/a.c '#include "pipeline/tools.h"'
bad layers lib/cli/a.c '#  include <sqlite3.h>'
bad layers cmd/a.c '#include <curl/curl.h>'
bad layers lib/json/a.c '#include <sodium.h>'
bad layers lib/attic/a.c 'int a;'
good layers lib/agent/a.c '#include <poll.h>\n#include "store/store.h"'
good layers lib/store/a.c '#include <sqlite3.h>\n#include "store/internal.h"'
good layers lib/auth/a.c '#include <sodium.h>\n#include "core/core.h"'
good layers tests/unit/a.c '#include "tap.h"\n#include "store/internal.h"'

bad bats tests/a.bats '\t! grep -q x y'
good bats tests/a.bats '\tnot grep -q x y\n\t! grep x y || return 1'

bad banned lib/core/a.c '\tstrcpy(a, b);'
bad banned cmd/a.c '\tif (system("x") != 0)'
bad banned lib/sys/a.c '\t(void)signal(1, f);'
bad banned tests/unit/a.c '\tx = rand();'
bad banned lib/cli/a.c '\tp = malloc(3);'
bad banned lib/cli/a.c '\tfd = dup(3);'
bad banned lib/cli/a.c '\tfd = openat(dir,\n\t    name, O_RDONLY);'
good banned lib/cli/a.c '\tfd = openat(dir,\n\t    name, O_RDONLY | O_CLOEXEC);'
bad banned lib/store/a.c '\tsqlite3_exec(db, sql, 0, 0, 0);'
bad banned lib/store/a.c '\trc = sqlite3_exec(\n\t    db, text, 0, 0, 0);'
bad banned lib/store/a.c '\trc = sqlite3_exec(db,\n\t    text, 0, 0, 0);'
good banned lib/core/a.c '\tp = malloc(3);\n\tsk_strcpy(a, b); /* strcpy(a) */'
good banned lib/cli/a.c '\tx->signal(3);\n\tf("system(x)"); // gets(p)'
good banned lib/store/a.c '\tsqlite3_exec(db, "BEGIN", 0, 0, 0);'
good banned lib/store/a.c '\tsqlite3_exec(\n\t    db, "BEGIN", 0, 0, 0);'

bad fork lib/agent/a.c '\tpid = fork();'
bad fork lib/sys/proc.c '\tif ((pid = vfork ()) == 0)'
good fork lib/sys/guard.c '\tpid = fork();'
good fork lib/agent/a.c '\tsk_fork(); /* fork() */'

bad sql lib/consensus/a.c '\tq("SELECT seq FROM t");'
bad sql cmd/a.c '\tq("  PRAGMA user_version");'
bad sql lib/agent/a.c '\t    "DELETE FROM t "'
good sql lib/store/a.c '\tq("SELECT seq FROM t");'
good sql lib/agent/a.c '\tq("DELETE");\n\tq("SELECTED");'

bad stdout lib/agent/a.c '\tprintf("x");'
bad stdout cmd/a.c '\tfputs("x", stdout);'
bad stdout lib/cli/a.c '\t(void)write(1, p, n);'
bad stdout lib/cli/a.c '\twrite(STDOUT_FILENO, p, n);'
good stdout lib/cli/a.c '\tsk_outf("x");\n\tsnprintf(p, 3, "x");\n\twrite(fd, p, n);'
good stdout lib/core/io.c '\t(void)write(1, p, n);'
good stdout tests/unit/a.c '\tprintf("ok");'

bad spdx lib/core/a.c '/* a file */\n\n/* SPDX-License-Identifier: MIT */'
bad spdx lib/core/a.h '#ifndef A'
good spdx lib/core/a.c '/* SPDX-License-Identifier: MIT */'

lines=$(awk 'BEGIN { for (i = 0; i < 79; i++) printf "\\tf();\\n" }')
bad size lib/core/a.c "static int\nf(int a,\n    int b)\n{\n$lines}"
good size lib/core/a.c "struct s {\n$lines};\nint f(void);\nint g(void);"
good size lib/core/a.c "static int\nf(void)\n{\n\tx;\n}\n\n$lines"
bad size lib/core/a.c "$(awk 'BEGIN { for (i = 0; i < 601; i++)
	printf "int a;\\n" }')"
bad size tests/a.bats "$(awk 'BEGIN { for (i = 0; i < 601; i++)
	printf "a\\n" }')"

bad columns lib/core/a.c '\t\t\t\t\t\t\t\t\tint abcdefgh;'
bad columns lib/core/a.h '/* 3456789012345678901234567890123456789012345678901234567890123456789012345678 */'
bad columns README.md 'trailing '
bad columns lib/core/a.c 'int a;\t'
bad columns README.md 'no newline\c'
good columns lib/core/a.c '/* \0303\0244 345678901234567890123456789012345678901234567890123456789012345678901234 */'
good columns lib/core/a.c '\t\t\t\t\t\t\t\t\tint abc;'

bad words lib/core/a.c "/* TO""DO: later */"
bad words README.md "see FIX""ME"
bad words docs/a.md "a path like /wo""rk/main"
bad words docs/a.md "as iss""ue 2 says"
bad words lib/core/a.h "/* DES""IGN 4 */"
bad words Makefile "curl https://regis""try.npm""js.org/x"
good words README.md 'An issue, a session id, the design, networks/work.'

bad toplevel notes.txt 'x'
bad toplevel src/a.c 'x'
good toplevel lib/core/a.c 'x'

bad faces cmd/sk-x.c 'x'
tree cmd/sk-x.c 'x'
more man/sk-x.1 'x'
more man/sk-x.1.in 'x'
more completions/sk-x.bash 'x'
judge faces 1 'no zsh completion'
more completions/_sk-x 'x'
judge faces 0 'all there'
more man/sk-y.1 'x'
judge faces 1 'a page without a program'

# A program that prints what the rule compares.
generated() {
	tree cmd/sk-x.c 'x'
	cp "$here/../../man/splice.awk" "$dir/t/man.awk"
	more man/sk-x.1.in 'a\n.\\" @OPTIONS@\nb'
	mv "$dir/t/man.awk" "$dir/t/man/splice.awk"
	more man/sk-x.1 'a\nopts\nb'
	more completions/sk-x.bash 'bash'
	more completions/_sk-x 'zsh'
	more bin/sk-x '#!/bin/sh\ncase $1 in\n--dump) echo ".\\\\\\" @OPTIONS@"; echo opts ;;\n*) echo "$2" ;;\nesac'
	chmod +x "$dir/t/bin/sk-x"
}
unset SK_BIN
generated
judge generated 0 'fresh'
more completions/_sk-x 'old'
judge generated 1 'stale zsh completion'
generated
more man/sk-x.1 'a\nother\nb'
judge generated 1 'stale page'
generated
more man/sk-x.1.in 'a\nb'
judge generated 1 'page without its marker'

bad shellcheck tests/x '#!/bin/sh\nrm $a'
good shellcheck tests/x '#!/bin/sh\nrm "$1"'
bad mandoc man/a.1 'no manual'
good mandoc man/a.1 '.Dd January 1, 2025\n.Dt A 1\n.Os\n.Sh NAME\n.Nm a\n.Nd b\n.Sh DESCRIPTION\nText.'

sample=$here/../../.clang-format
tree lib/core/a.c 'int\nmain(void)\n{\n\treturn 0;\n}'
cp "$sample" "$dir/t"
judge format 0 'formatted'
tree lib/core/a.c 'int main(void) { return 0; }'
cp "$sample" "$dir/t"
judge format 1 'not formatted'
exit $failed
