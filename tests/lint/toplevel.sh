#!/bin/sh
# The house has these rooms and no attic.
. "$(dirname "$0")/lib.sh"
files '*' | sed 's/\/.*//' | LC_ALL=C sort -u | grep -vxE \
	'\.ci|\.clang-format|\.editorconfig|\.gitattributes|\.gitignore|LICENSE|Makefile|README\.md|CHANGELOG\.md|cmd|completions|docs|lib|man|tests' |
	sed 's/$/: not a top level entry of this project/' | refuse
