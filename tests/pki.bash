# Loaded by the files about TLS: certificates good and bad, and servers that show
# them.

# ca NAME [SUBJECT]: a root that signs itself.
ca() {
	openssl req -x509 -newkey rsa:2048 -nodes -days 30 -sha256 \
		-subj "/CN=$1" -keyout "$1.key" -out "$1.pem" \
		-addext basicConstraints=critical,CA:TRUE 2>/dev/null
}

# cert NAME CA HOST [FROM TO [BITS]]: a server's, signed by CA.
cert() {
	openssl req -newkey "rsa:${6:-2048}" -nodes -sha256 -subj "/CN=$3" \
		-keyout "$1.key" -out "$1.csr" 2>/dev/null
	touch "$2.txt"
	[ -e "$2.srl" ] || echo 1000 >"$2.srl"
	cat >"$2.cnf" <<-END
		[ca]
		default_ca = x
		[x]
		database = $2.txt
		serial = $2.srl
		crlnumber = $2.crl
		new_certs_dir = .
		default_md = sha256
		policy = any
		unique_subject = no
		copy_extensions = copy
		[any]
		commonName = supplied
	END
	printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth\n' \
		"$(case $3 in [0-9]*) echo "IP:$3" ;; *) echo "DNS:$3" ;; esac)" \
		>"$1.ext"
	openssl ca -batch -config "$2.cnf" -cert "$2.pem" -keyfile "$2.key" \
		-in "$1.csr" -out "$1.crt" -notext -extfile "$1.ext" \
		-startdate "${4:-20200101000000Z}" -enddate "${5:-20490101000000Z}" \
		2>/dev/null
}

# pki: all of them, in this test file's own directory. Made once for all of its
# tests: keys are dear.
pki() {
	cd "$BATS_FILE_TMPDIR" || return 1
	ca root
	ca other
	cert good root 127.0.0.1
	cert wrong root elsewhere.example
	cert named root api.acme.test
	cert expired root 127.0.0.1 20200101000000Z 20210101000000Z
	cert early root 127.0.0.1 20480101000000Z 20490101000000Z
	cert foreign other 127.0.0.1
	cert weak root 127.0.0.1 20200101000000Z 20490101000000Z 1024
	cert revoked root 127.0.0.1
	# Its issuer is not sent along: a chain with a hole.
	openssl req -newkey rsa:2048 -nodes -subj /CN=middle \
		-keyout middle.key -out middle.csr 2>/dev/null
	printf 'basicConstraints=critical,CA:TRUE\n' >middle.ext
	openssl x509 -req -in middle.csr -CA root.pem -CAkey root.key \
		-days 30 -extfile middle.ext -out middle.pem 2>/dev/null
	cert hole middle 127.0.0.1
	openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=self \
		-addext subjectAltName=IP:127.0.0.1 -keyout self.key \
		-out self.crt 2>/dev/null
	echo 01 >root.crl
	openssl ca -batch -config root.cnf -cert root.pem -keyfile root.key \
		-revoke revoked.crt 2>/dev/null
	openssl ca -batch -config root.cnf -cert root.pem -keyfile root.key \
		-gencrl -crldays 30 -out crl.pem 2>/dev/null
}

# tls NAME [OPTION...]: a server with that certificate; $port. What it is told
# once the handshake is over is in NAME.log.
tls() {
	local name=$1
	shift
	: >"$name.log"
	openssl s_server -accept 127.0.0.1:0 -cert "$BATS_FILE_TMPDIR/$name.crt" \
		-key "$BATS_FILE_TMPDIR/$name.key" "$@" >"$name.log" 2>&1 <&7 3>&- &
	pids="$pids $!"
	wait_for grep -q '^ACCEPT .*:[0-9]*$' "$name.log"
	# shellcheck disable=SC2034 # the caller uses it
	port=$(sed -n 's/^ACCEPT .*://p' "$name.log")
}
