#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# sk-run --launcher under a real Slurm and a real ssh, both started here, on
# loopback, with keys of their own.

load ../helper
load ../agents

setup_file() {
	export REAL=$BATS_FILE_TMPDIR
	chmod 711 "$REAL"
	slurm_up >"$REAL/slurm.out" 2>&1 || true
	ssh_up >"$REAL/ssh.out" 2>&1 || true
}

teardown_file() {
	local f
	for f in slurmd.pid ctld.pid munge/pid sshd.pid; do
		[ -s "$REAL/$f" ] && kill "$(cat "$REAL/$f")" 2>/dev/null
	done
	return 0
}

slurm_up() {
	local host p
	host=$(hostname -s)
	p=$((20000 + RANDOM % 5000))
	command -v slurmctld slurmd munged srun && [ "$(id -u)" -eq 0 ] || return
	mkdir -p "$REAL/munge" "$REAL/state" "$REAL/spool"
	chmod 700 "$REAL/munge"
	head -c 1024 /dev/urandom >"$REAL/munge/key"
	chmod 400 "$REAL/munge/key"
	munged --force --socket "$REAL/munge/sock" \
		--key-file "$REAL/munge/key" --pid-file "$REAL/munge/pid" \
		--log-file "$REAL/munge/log" --seed-file "$REAL/munge/seed" 3>&-
	cat >"$REAL/slurm.conf" <<-END
		ClusterName=sk
		SlurmctldHost=$host(127.0.0.1)
		SlurmUser=root
		SlurmdUser=root
		AuthType=auth/munge
		AuthInfo=socket=$REAL/munge/sock
		SlurmctldPort=$p
		SlurmdPort=$((p + 1))
		SlurmctldPidFile=$REAL/ctld.pid
		SlurmdPidFile=$REAL/slurmd.pid
		SlurmctldLogFile=$REAL/ctld.log
		SlurmdLogFile=$REAL/slurmd.log
		StateSaveLocation=$REAL/state
		SlurmdSpoolDir=$REAL/spool
		ProctrackType=proctrack/linuxproc
		TaskPlugin=task/none
		SelectType=select/cons_tres
		SelectTypeParameters=CR_Core
		JobAcctGatherType=jobacct_gather/none
		AccountingStorageType=accounting_storage/none
		MpiDefault=none
		ReturnToService=2
		SlurmdParameters=config_overrides
		KillWait=2
		NodeName=$host NodeAddr=127.0.0.1 CPUs=8 RealMemory=100 State=UNKNOWN
		PartitionName=all Nodes=$host Default=YES MaxTime=INFINITE State=UP
	END
	export SLURM_CONF=$REAL/slurm.conf
	slurmctld -c 3>&-
	slurmd 3>&-
	for ((i = 0; i < 100; i++)); do
		sinfo -h -o %t 2>/dev/null | grep -q idle && touch "$REAL/slurm" &&
			return
		sleep 0.2
	done
}

ssh_up() {
	local port=$((25000 + RANDOM % 5000))
	command -v ssh sshd ssh-keygen || return
	ssh-keygen -q -t ed25519 -N '' -f "$REAL/host"
	ssh-keygen -q -t ed25519 -N '' -f "$REAL/user"
	cp "$REAL/user.pub" "$REAL/authorized"
	[ "$(id -u)" -ne 0 ] || mkdir -p /run/sshd
	cat >"$REAL/sshd_config" <<-END
		Port $port
		ListenAddress 127.0.0.1
		HostKey $REAL/host
		PidFile $REAL/sshd.pid
		AuthorizedKeysFile $REAL/authorized
		StrictModes no
		UsePAM no
		PasswordAuthentication no
		PermitRootLogin prohibit-password
		MaxStartups 100
	END
	"$(command -v sshd)" -f "$REAL/sshd_config" 3>&-
	echo "[127.0.0.1]:$port $(cut -d' ' -f1,2 "$REAL/host.pub")" \
		>"$REAL/known"
	echo "ssh -p $port -i $REAL/user -o BatchMode=yes -F none
		-o UserKnownHostsFile=$REAL/known 127.0.0.1" | xargs >"$REAL/cmd"
	for ((i = 0; i < 50; i++)); do
		$(cat "$REAL/cmd") true && touch "$REAL/ssh" && return
		sleep 0.2
	done
}

# Not installed is a reason to skip; installed and not running is a failure.
need_slurm() {
	[ "$(id -u)" -eq 0 ] || skip 'Slurm is started by root only'
	command -v slurmctld slurmd munged srun >/dev/null ||
		skip 'slurm-wlm and munge are not installed'
	[ -e "$REAL/slurm" ] || {
		cat "$REAL/slurm.out" "$REAL"/*.log
		return 1
	}
}

need_ssh() {
	command -v ssh sshd ssh-keygen >/dev/null ||
		skip 'openssh-server is not installed'
	[ -e "$REAL/ssh" ] || {
		cat "$REAL/ssh.out"
		return 1
	}
}

local_setup() {
	export SLURM_CONF=$REAL/slurm.conf
	export SPECKIT_RUN__GRACE=5s
	printf 'two  words\n{"v":1}' >in
}

# What every launcher has to do; LAUNCHER.
same_records() {
	local l=$1
	feed_file in 0 sk-run -l "$l" -x 'a:3=cat'
	same "$(answers '[.status, .exit, .data.v]' | sort -u)" '["ok",0,1]'
	same "$(answers .content | sort -u)" '"two  words\n{\"v\":1}"'
	same "$(answers 'keys_unsorted | length' | sort -u)" \
		"$(sk-run -p in -x a=cat | head -n 1 | jq 'keys | length')"
	# Words arrive as they are, the exit status comes back.
	feed p 0 sk-run -l "$l" -x "a=printf %s. 'x  y' '\$HOME' '*' ';'"
	same "$(answers .content)" '"x  y.$HOME.*.;."'
	feed p 6 sk-run -l "$l" --attempts 1 -x 'a=sh -c "echo no >&2; exit 3"'
	same "$(answers '[.exit, .failure.kind]')" '[3,"crashed"]'
	# A megabyte in, a megabyte out.
	head -c 1000000 /dev/zero | tr '\0' b >big
	feed_file big 0 sk-run -l "$l" -x 'a=cat'
	same "$(answers '.content | length')" 1000000
}

@test "Slurm: the same record, the same status, in both directions" {
	need_slurm
	same_records 'srun -N1 -n1 -Q --'
}

@test "Slurm: a timeout and a cancel cross over" {
	need_slurm
	script far "echo \$\$ >$PWD/far.pid; exec sleep 300"
	feed p 9 sk-run -l 'srun -N1 -n1 -Q --' -x "a=$PWD/far" -t 3s \
		--attempts 1
	same "$(answers .failure.kind)" '"timeout_total"'
	gone_within 4000 "$(cat far.pid)"
	rm far.pid
	sk-run -p in -l 'srun -N1 -n1 -Q --' -x "a=$PWD/far" >out 2>err 3>&- &
	local pid=$! got=0
	await far.pid
	kill -TERM "$pid"
	wait "$pid" || got=$?
	same "$got" 143
	gone_within 4000 "$(cat far.pid)"
	for ((i = 0; i < 100; i++)); do
		[ -n "$(squeue -h)" ] || break
		sleep 0.1
	done
	same "$(squeue -h)" ''
}

@test "ssh: the same record, the same status, in both directions" {
	need_ssh
	same_records "$(cat "$REAL/cmd")"
}

@test "ssh: a timeout ends the client; 'timeout' over there ends the agent" {
	need_ssh
	script far "echo \$\$ >$PWD/far.pid; exec sleep 300"
	feed p 9 sk-run -l "$(cat "$REAL/cmd") timeout 4" -x "a=$PWD/far" \
		-t 2s --attempts 1
	same "$(answers .failure.kind)" '"timeout_total"'
	gone_within 6000 "$(cat far.pid)"
}
