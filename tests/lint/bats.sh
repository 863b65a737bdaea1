#!/bin/sh
# A bare `! command` never ends a bats test, so it checks nothing: `not` does.
. "$(dirname "$0")/lib.sh"
files '*.bats' | xargs -r grep -nHE '^[[:space:]]*! ' |
	grep -vE '\|\||; then$' | refuse
