#!/bin/sh
# SQL text stands in lib/store and lib/data only.
. "$(dirname "$0")/lib.sh"
sql='SELECT |INSERT (OR|INTO) |REPLACE INTO |UPDATE [a-z_]+ |DELETE FROM '
sql="$sql|(CREATE|DROP|ALTER) (TABLE|UNIQUE|INDEX|TEMP|TRIGGER|VIEW)"
sql="$sql|PRAGMA |BEGIN IMMEDIATE|SAVEPOINT |VACUUM|ATTACH "
files 'lib/*.[ch]' 'cmd/*.[ch]' | grep -vE '^lib/(store|data)/' |
	xargs -r grep -HnE "\"[ (]*($sql)" | refuse
