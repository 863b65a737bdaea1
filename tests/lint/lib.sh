# shellcheck shell=sh
# Sourced by every rule. A rule is `RULE.sh [ROOT]`: it prints one line for each
# finding and ends with 1 if there was any, or ends with 77 and a reason when it
# cannot look.

here=$(cd "$(dirname "$0")" && pwd)
cd "${1:-$here/../..}" || exit 70
set -f

# files PATTERN...: the tree's files by shell pattern over the whole path,
# without what git ignores.
files() {
	if [ -e .git ]; then
		git ls-files -co --exclude-standard
	else
		find . -type f | sed 's/^\.\///'
	fi | LC_ALL=C sort -u | while IFS= read -r path; do
		for pattern; do
			# shellcheck disable=SC2254 # patterns are meant
			case $path in
			$pattern)
				[ -f "$path" ] && printf '%s\n' "$path"
				break
				;;
			esac
		done
	done
}

# code PATTERN...: the C code of those files as FILE:LINE:TEXT, comments gone
# and strings emptied.
code() {
	files "$@" | xargs -r awk -f "$here/code.awk"
}

# refuse: passes standard input on; 1 if there was any.
refuse() {
	! grep .
}
