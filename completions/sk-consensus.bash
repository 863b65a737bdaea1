# shellcheck shell=bash
# bash completion for sk-consensus, made by 'sk-consensus completion bash'

_sk_consensus()
{
	local IFS=$' \t\n'
	local cur=${COMP_WORDS[COMP_CWORD]} verb='' opt='' pre='' word
	local words='' kind='' end='' seen='' i=1

	COMPREPLY=()
	while ((i < COMP_CWORD)); do
		word=${COMP_WORDS[i]}
		i=$((i + 1))
		if [[ -n $opt ]]; then
			# bash splits --name=value into three words
			[[ $word == '=' ]] || opt=''
			continue
		fi
		if [[ -n $end ]]; then
			seen=1
			continue
		fi
		case $word in
		--) end=1 ;;
		--agent | --branch | --config | --db | --evidence | --evidence-dir | \
			--expect | --faulty | --file | --format | --history | --min | \
			--policy | --quorum | --require | --round | --run | --seq | \
			--spec | --stage | -a | -b | -e | -n | \
			-p | -r | -s) opt=$word ;;
		intake | decide | replay | ack | pending | show | stop | log | last | verify | judge | explain | arbitrate | export | audit | completion | schema)
			[[ -n $seen ]] || verb=$word
			seen=1
			;;
		-*) ;;
		*) seen=1 ;;
		esac
	done
	if [[ -z $opt && -z $end && $cur == --*=* ]]; then
		opt=${cur%%=*} pre=${cur%%=*}= cur=${cur#*=}
	elif [[ -n $opt && $cur == '=' ]]; then
		cur=''
	fi
	if [[ -n $opt ]]; then
		case $verb:$opt in
		'':--expect | '':-e) ;;
		'':--quorum | '':-n) ;;
		'':--require | '':-p) ;;
		'':--policy) kind='file' ;;
		'':--min) ;;
		'':--faulty) ;;
		'':--evidence-dir) kind='dir' ;;
		'':--run | '':-r) ;;
		'':--branch | '':-b) ;;
		intake:--run | intake:-r) ;;
		intake:--branch | intake:-b) ;;
		decide:--run | decide:-r) ;;
		decide:--branch | decide:-b) ;;
		decide:--spec) ;;
		decide:--stage) words='plan tasks implement validate audit unlock' ;;
		decide:--round) ;;
		decide:--expect | decide:-e) ;;
		decide:--quorum | decide:-n) ;;
		decide:--require | decide:-p) ;;
		decide:--policy) kind='file' ;;
		decide:--min) ;;
		decide:--faulty) ;;
		decide:--evidence-dir) kind='dir' ;;
		replay:--run | replay:-r) ;;
		replay:--branch | replay:-b) ;;
		replay:--seq | replay:-s) ;;
		replay:--evidence-dir) kind='dir' ;;
		ack:--seq | ack:-s) ;;
		ack:--run | ack:-r) ;;
		ack:--branch | ack:-b) ;;
		pending:--run | pending:-r) ;;
		pending:--branch | pending:-b) ;;
		show:--seq | show:-s) ;;
		show:--run | show:-r) ;;
		show:--branch | show:-b) ;;
		stop:--run | stop:-r) ;;
		log:--run | log:-r) ;;
		last:--run | last:-r) ;;
		last:--branch | last:-b) ;;
		last:--evidence-dir) kind='dir' ;;
		verify:--evidence) kind='dir' ;;
		judge:--evidence) kind='dir' ;;
		arbitrate:--agent | arbitrate:-a) ;;
		arbitrate:--seq | arbitrate:-s) ;;
		arbitrate:--run | arbitrate:-r) ;;
		arbitrate:--branch | arbitrate:-b) ;;
		arbitrate:--evidence-dir) kind='dir' ;;
		export:--format) words='sarif junit github gitlab md env' ;;
		export:--file) kind='file' ;;
		audit:--evidence) kind='dir' ;;
		audit:--history) kind='file' ;;
		*:--db) kind='file' ;;
		*:--config) kind='file' ;;
		*:--format) words='json text' ;;
		esac
	elif [[ -z $end && $cur == -* ]]; then
		case $verb in
		intake) words='-r --run -b --branch --db --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		decide) words='-r --run -b --branch --spec --stage --round -e --expect -n --quorum -p --require --policy --min --faulty --no-evidence --evidence-dir --embed --db --config --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		replay) words='-r --run -b --branch -s --seq --no-ack --no-evidence --evidence-dir --embed --db --config --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		ack) words='-s --seq -r --run -b --branch --db --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		pending) words='-r --run -b --branch --db --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		show) words='-s --seq --all -r --run -b --branch --db --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		stop) words='-r --run --db --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		log) words='-r --run --counts --db --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		last) words='-r --run -b --branch --evidence-dir --db --config --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		verify) words='--evidence --db --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		judge) words='--evidence --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		explain) words='--html --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		arbitrate) words='-a --agent --settling --take -s --seq -r --run -b --branch --no-ack --no-evidence --evidence-dir --embed --db --config --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		export) words='--format --file -q --quiet -v --verbose --no-input -h --help --version' ;;
		audit) words='--evidence --history --db --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		completion) words='--format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		schema) words='--format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		*) words='-e --expect -n --quorum -p --require --policy --min --faulty --no-evidence --evidence-dir --embed --no-ack -r --run -b --branch --db --config --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		esac
	else
		case $verb in
		verify) kind='file' ;;
		explain) kind='file' ;;
		export) kind='file' ;;
		completion) words='bash zsh' ;;
		schema) words='verdict intake ack pending stop log counts verify audit answer request error' ;;
		esac
		[[ -n $seen || -n $end ]] ||
			words+=' intake decide replay ack pending show stop log last verify judge explain arbitrate export audit completion schema'
	fi
	for word in $words; do
		[[ $word != "$cur"* ]] || COMPREPLY+=("$pre$word")
	done
	case $kind in
	file | dir)
		while IFS= read -r word; do
			COMPREPLY+=("$pre$word")
		done < <(compgen -A "${kind/dir/directory}" -- "$cur")
		compopt -o filenames 2>/dev/null
		;;
	esac
	return 0
}

complete -F _sk_consensus sk-consensus
