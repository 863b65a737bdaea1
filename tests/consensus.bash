# Loaded after helper.bash by the files about sk-consensus.

# ans AGENT CONTENT [EXTRA]: one record; EXTRA is members of it.
ans() {
	jq -cn --arg a "$1" --arg c "$2" \
		"{schema: \"sk.answer/1\", agent: \$a, content: \$c} + {${3-}}"
}
