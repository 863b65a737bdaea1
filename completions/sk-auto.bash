# shellcheck shell=bash
# bash completion for sk-auto, made by 'sk-auto completion bash'

_sk_auto()
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
		--agent | --answers | --branch | --choose | --ci | --config | \
			--db | --every | --exit | --format | --from | --goal | \
			--older-than | --on-gate | --only | --output | --run | --stage | \
			--stale-hours | --timeout | --to | --wait | -a | -b | \
			-f | -o | -r | -s | -t) opt=$word ;;
		run | init | step | next | resume | cancel | status | watch | report | diff | apply | undo | export | import | evidence | db | prompt | artefact | check | answer | gate | end | env | completion | schema)
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
		run:--agent | run:-a) ;;
		run:--from) words='plan tasks implement validate audit unlock' ;;
		run:--to) words='plan tasks implement validate audit unlock' ;;
		run:--only) words='plan tasks implement validate audit unlock' ;;
		run:--run | run:-r) ;;
		run:--branch | run:-b) ;;
		run:--goal) ;;
		run:--on-gate) words='fail pause accept' ;;
		run:--timeout | run:-t) ;;
		run:--wait) ;;
		run:--format) words='json text github gitlab junit tap md' ;;
		init:--agent | init:-a) ;;
		init:--ci) words='github gitlab none' ;;
		step:--agent | step:-a) ;;
		step:--run | step:-r) ;;
		step:--branch | step:-b) ;;
		step:--goal) ;;
		step:--on-gate) words='fail pause accept' ;;
		step:--timeout | step:-t) ;;
		step:--wait) ;;
		step:--format) words='json text github gitlab junit tap md' ;;
		next:--agent | next:-a) ;;
		next:--run | next:-r) ;;
		next:--branch | next:-b) ;;
		next:--on-gate) words='fail pause accept' ;;
		next:--timeout | next:-t) ;;
		next:--wait) ;;
		resume:--agent | resume:-a) ;;
		resume:--run | resume:-r) ;;
		resume:--branch | resume:-b) ;;
		resume:--on-gate) words='fail pause accept' ;;
		resume:--timeout | resume:-t) ;;
		resume:--wait) ;;
		resume:--format) words='json text github gitlab junit tap md' ;;
		cancel:--run | cancel:-r) ;;
		cancel:--branch | cancel:-b) ;;
		status:--run | status:-r) ;;
		status:--branch | status:-b) ;;
		status:--stale-hours) ;;
		watch:--run | watch:-r) ;;
		watch:--branch | watch:-b) ;;
		watch:--every) ;;
		report:--run | report:-r) ;;
		report:--branch | report:-b) ;;
		report:--format) words='github gitlab junit tap md' ;;
		diff:--agent) ;;
		diff:--output | diff:-o) kind='file' ;;
		diff:--run | diff:-r) ;;
		diff:--branch | diff:-b) ;;
		apply:--from | apply:-f) ;;
		apply:--choose) words='agreed medoid' ;;
		apply:--stage | apply:-s) words='plan tasks implement validate audit unlock' ;;
		apply:--wait) ;;
		apply:--run | apply:-r) ;;
		apply:--branch | apply:-b) ;;
		undo:--wait) ;;
		export:--output | export:-o) kind='file' ;;
		evidence:--older-than) ;;
		db:--older-than) ;;
		prompt:--stage | prompt:-s) words='plan tasks implement validate audit unlock' ;;
		prompt:--answers) kind='file' ;;
		prompt:--run | prompt:-r) ;;
		prompt:--branch | prompt:-b) ;;
		answer:--run | answer:-r) ;;
		answer:--branch | answer:-b) ;;
		answer:--wait) ;;
		gate:--stage | gate:-s) words='plan tasks implement validate audit unlock' ;;
		gate:--on-gate) words='fail pause accept' ;;
		gate:--run | gate:-r) ;;
		gate:--branch | gate:-b) ;;
		gate:--timeout | gate:-t) ;;
		gate:--wait) ;;
		gate:--agent | gate:-a) ;;
		end:--stage | end:-s) words='plan tasks implement validate audit unlock' ;;
		end:--exit) ;;
		end:--from) words='plan tasks implement validate audit unlock' ;;
		end:--to) words='plan tasks implement validate audit unlock' ;;
		end:--only) words='plan tasks implement validate audit unlock' ;;
		end:--run | end:-r) ;;
		end:--branch | end:-b) ;;
		end:--wait) ;;
		env:--goal) ;;
		env:--run | env:-r) ;;
		env:--branch | env:-b) ;;
		*:--db) kind='file' ;;
		*:--config) kind='file' ;;
		*:--format) words='json text' ;;
		esac
	elif [[ -z $end && $cur == -* ]]; then
		case $verb in
		run) words='-a --agent --from --to --only -r --run -b --branch --new --skip-plan --skip-tasks --skip-implement --skip-validate --skip-audit --skip-unlock --goal --allow-dirty --worktree --on-gate -t --timeout --wait --format -n --dry-run --print-script --db --config --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		init) words='-a --agent --ci --config --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		step) words='-a --agent -r --run -b --branch --skip-plan --skip-tasks --skip-implement --skip-validate --skip-audit --skip-unlock --new --goal --allow-dirty --worktree --on-gate -t --timeout --wait --format --db --config --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		next) words='-a --agent -r --run -b --branch --skip-plan --skip-tasks --skip-implement --skip-validate --skip-audit --skip-unlock --allow-dirty --worktree --on-gate -t --timeout --wait --db --config --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		resume) words='-a --agent -r --run -b --branch --skip-plan --skip-tasks --skip-implement --skip-validate --skip-audit --skip-unlock --allow-dirty --worktree --on-gate -t --timeout --wait --format --db --config --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		cancel) words='-r --run -b --branch --db --config --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		status) words='-r --run -b --branch --stale-hours --db --config --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		watch) words='-r --run -b --branch --every --db --config --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		report) words='-r --run -b --branch --format --db --config -q --quiet -v --verbose --no-input -h --help --version' ;;
		diff) words='--agent -o --output -r --run -b --branch --db --config --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		apply) words='-f --from --choose --none -s --stage --binary --allow-dirty --wait -r --run -b --branch -n --dry-run --db --config --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		undo) words='--wait -n --dry-run --db --config --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		export) words='-o --output --redact --no-files --db --config --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		import) words='--check --no-files --db --config --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		evidence) words='--older-than -y --yes --accept --db --config --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		db) words='--older-than -y --yes --db --config --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		prompt) words='-s --stage --answers -r --run -b --branch --db --config --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		artefact) words='--db --config --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		check) words='--config --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		answer) words='-l --list --resume -r --run -b --branch --wait --db --config --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		gate) words='-s --stage --begin --skip --allow-dirty --on-gate -r --run -b --branch -t --timeout --wait -a --agent --db --config --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		end) words='-s --stage --exit --from --to --only --skip-plan --skip-tasks --skip-implement --skip-validate --skip-audit --skip-unlock -r --run -b --branch --wait --db --config --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		env) words='--new --goal -r --run -b --branch --db --config --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		completion) words='--format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		schema) words='--format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		*) words='--format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		esac
	else
		case $verb in
		import) kind='file' ;;
		evidence) words='stats verify seal archive purge' ;;
		db) kind='file' words='backup check prune' ;;
		completion) words='bash zsh' ;;
		schema) words='check diff landing evidence db moved event init outline questions status summary stop error' ;;
		esac
		[[ -n $seen || -n $end ]] ||
			words+=' run init step next resume cancel status watch report diff apply undo export import evidence db prompt artefact check answer gate end env completion schema'
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

complete -F _sk_auto sk-auto
