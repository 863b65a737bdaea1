#!/bin/sh
# The project speaks of itself alone: no notes to self, no trackers, no place
# where it was written, no registries. (The patterns do not match themselves.)
. "$(dirname "$0")/lib.sh"
notes='TOD[O]|FIXM[E]|XX[X]|HAC[K]:'
where='/wor[k]/|/tm[p]/b-|issue[s] show|[Ii]ssue [#]?[0-9]|[Ss]essio[n] [0-9]'
where="$where|[Tt]hi[s] session|the lea[d] |sub-?agen[t]"
where="$where|([^a-z]|^)DESIG[N](\\.md| [0-9]| section)"
where="$where|(^|[^/])reliabilit[y]\\.md"
where="$where|(peer[s]|c-styl[e]|spec-ki[t]|autodrive-aut[h])\\.md"
hosts='pypi\.or[g]|files\.pythonhosted|registry\.npmj[s]|crates\.i[o]'
hosts="$hosts|proxy\\.golan[g]|deb\\.debia[n]|artifactor[y]|nexu[s]\\."
files '*' | grep -vE '/(corpus|captures)/|^tests/lint/selftest' |
	xargs -r grep -HnIE "(^|[^A-Za-z])($notes)([^A-Za-z]|\$)|$where|$hosts" |
	refuse
