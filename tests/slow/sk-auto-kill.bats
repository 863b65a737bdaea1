#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Two hundred kills at random moments of all six stages. SEED=… KILLS=… repeat.

load ../helper
load ../agents
load ../auto
load ../kill

local_setup() {
	project
}

@test "killed two hundred times at random moments of six stages" {
	storm unlock "${KILLS:-200}"
}

@test "killed where each of six stages begins and ends" {
	boundaries plan tasks implement validate audit unlock
}
