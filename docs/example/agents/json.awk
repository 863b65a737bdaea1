# SPDX-License-Identifier: MIT
# JSON, out and in. Strings are bytes: the callers run awk in the C locale.

# ---- JSON out -------------------------------------------------------------------

function add(list, x) {
	return list == "" ? x : list "," x
}

function f(name, text) {
	return q(name) ":" q(text)
}

function q(s,    out, c) {
	if (s ~ /[\200-\377]/)
		s = utf8(s)
	while (match(s, /[\\"\001-\037]/)) {
		c = substr(s, RSTART, 1)
		out = out substr(s, 1, RSTART - 1) ESC[c]
		s = substr(s, RSTART + 1)
	}
	return "\"" out s "\""
}

# Bytes that are not UTF-8 become the replacement character.
function utf8(s,    out) {
	while (s != "") {
		if (match(s, /^[\001-\177]+/) ||
		    match(s, /^[\302-\337][\200-\277]/) ||
		    match(s, /^\340[\240-\277][\200-\277]/) ||
		    match(s, /^[\341-\354\356\357][\200-\277][\200-\277]/) ||
		    match(s, /^\355[\200-\237][\200-\277]/) ||
		    match(s, /^\360[\220-\277][\200-\277][\200-\277]/) ||
		    match(s, /^[\361-\363][\200-\277][\200-\277][\200-\277]/) ||
		    match(s, /^\364[\200-\217][\200-\277][\200-\277]/)) {
			out = out substr(s, 1, RLENGTH)
			s = substr(s, RLENGTH + 1)
		} else {
			out = out "\357\277\275"
			s = substr(s, 2)
		}
	}
	return out
}

# ---- JSON in: J["plan.json.risks.0.id"], and J["plan.json.risks.#"] = count -----

function jload(name) {
	JS = DOC[name]
	JP = 1
	if (JS != "")
		jval(name, 0)
}

function jval(path, depth,    c, n) {
	c = jnext()
	if (c == "\"") {
		J[path] = jstr()
	} else if (c == "{" || c == "[") {
		if (depth > 30)
			JP = length(JS) + 1
		JP++
		n = 0
		while (JP <= length(JS) && jnext() !~ /[]}]/) {
			if (c == "{") {
				n = jstr()
				if (jnext() == ":")
					JP++
				jval(path "." n, depth + 1)
			} else
				jval(path "." n++, depth + 1)
			if (jnext() == ",")
				JP++
		}
		JP++
		if (c == "[")
			J[path ".#"] = n
	} else {
		match(substr(JS, JP, 64), /^[^],} \t\n]*/)
		J[path] = substr(JS, JP, RLENGTH)
		JP += RLENGTH > 0 ? RLENGTH : 1
	}
}

function jnext() {
	while (substr(JS, JP, 1) ~ /[ \t\n\r]/)
		JP++
	return substr(JS, JP, 1)
}

function jstr(    out, s, c) {
	JP++
	while (JP <= length(JS)) {
		s = substr(JS, JP, 200)
		if (!match(s, /["\\]/)) {
			out = out s
			JP += length(s)
			continue
		}
		out = out substr(s, 1, RSTART - 1)
		JP += RSTART
		if (substr(s, RSTART, 1) == "\"")
			return out
		c = substr(JS, JP++, 1)
		if (c == "u") {
			out = out unicode(hex(substr(JS, JP, 4)))
			JP += 4
		} else if (c == "n" || c == "r" || c == "b" || c == "f")
			out = out "\n"
		else
			out = out (c == "t" ? "\t" : c)
	}
	return out
}

function hex(s,    i, n) {
	s = tolower(s)
	for (i = 1; i <= length(s); i++)
		n = n * 16 + index("0123456789abcdef", substr(s, i, 1)) - 1
	return n
}

function byte(n) {
	return sprintf("%c", n)
}

# A code point as UTF-8; a surrogate pair reads its second half here.
function unicode(n,    lo) {
	if (n >= 55296 && n < 56320 && substr(JS, JP + 4, 2) == "\\u") {
		lo = hex(substr(JS, JP + 6, 4))
		JP += 6
		n = 65536 + (n - 55296) * 1024 + lo - 56320
	}
	if (n < 1)
		return ""
	if (n < 128)
		return byte(n)
	if (n < 2048)
		return byte(192 + int(n / 64)) byte(128 + n % 64)
	if (n < 65536)
		return byte(224 + int(n / 4096)) \
		    byte(128 + int(n / 64) % 64) byte(128 + n % 64)
	return byte(240 + int(n / 262144)) byte(128 + int(n / 4096) % 64) \
	    byte(128 + int(n / 64) % 64) byte(128 + n % 64)
}
