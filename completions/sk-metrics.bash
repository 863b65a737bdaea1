# shellcheck shell=bash
# bash completion for sk-metrics, made by 'sk-metrics completion bash'

_sk_metrics()
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
		--agent | --amount | --branch | --by | --columns | --config | \
			--cost | --db | --every | --format | --holder | --html | \
			--key | --model | --run | --since | --source | --spec | \
			--stage | --unpriced | --until | -a | -b | -c | \
			-k | -m | -p | -r | -s) opt=$word ;;
		settle | show | status | budget | reserve | release | import | report | estimate | prices | record | watch | completion | schema)
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
		settle:--run | settle:-r) ;;
		settle:--branch | settle:-b) ;;
		settle:--stage | settle:-s) words='plan tasks implement validate audit unlock' ;;
		show:--run | show:-r) ;;
		show:--branch | show:-b) ;;
		show:--stage | show:-s) words='plan tasks implement validate audit unlock' ;;
		status:--format) words='plain tmux json text' ;;
		status:--columns | status:-c) ;;
		status:--run | status:-r) ;;
		status:--branch | status:-b) ;;
		status:--spec) ;;
		budget:--run | budget:-r) ;;
		budget:--branch | budget:-b) ;;
		budget:--spec) ;;
		reserve:--amount | reserve:-a) ;;
		reserve:--model | reserve:-m) ;;
		reserve:--key | reserve:-k) ;;
		reserve:--holder | reserve:-p) ;;
		reserve:--unpriced) words='refuse allow' ;;
		reserve:--run | reserve:-r) ;;
		reserve:--branch | reserve:-b) ;;
		reserve:--spec) ;;
		release:--cost) ;;
		import:--source) words='claude codex gemini opencode' ;;
		import:--since) ;;
		report:--by) words='day week month run branch spec stage agent model provider source' ;;
		report:--since) ;;
		report:--until) ;;
		report:--spec) ;;
		report:--stage | report:-s) words='plan tasks implement validate audit unlock' ;;
		report:--agent | report:-a) ;;
		report:--model | report:-m) ;;
		report:--html) kind='file' ;;
		report:--run | report:-r) ;;
		estimate:--run | estimate:-r) ;;
		estimate:--branch | estimate:-b) ;;
		estimate:--spec) ;;
		watch:--every) ;;
		watch:--run | watch:-r) ;;
		watch:--branch | watch:-b) ;;
		watch:--spec) ;;
		*:--db) kind='file' ;;
		*:--config) kind='file' ;;
		*:--format) words='json text' ;;
		esac
	elif [[ -z $end && $cur == -* ]]; then
		case $verb in
		settle) words='-r --run -b --branch -s --stage --db --config --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		show) words='-r --run -b --branch -s --stage --db --config --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		status) words='--format -c --columns -r --run -b --branch --spec --db --config --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		budget) words='-r --run -b --branch --spec --db --config --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		reserve) words='-a --amount -m --model -k --key -p --holder --unpriced -r --run -b --branch --spec --db --config --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		release) words='--cost --db --config --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		import) words='--source --since --explain-dedupe --again --db --config --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		report) words='--by --since --until --spec -s --stage -a --agent -m --model --csv --html -r --run --db --config --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		estimate) words='-e --explain -r --run -b --branch --spec --db --config --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		prices) words='--config --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		record) words='--db --config --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		watch) words='--every -r --run -b --branch --spec --db --config --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		completion) words='--format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		schema) words='--format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		*) words='--config --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		esac
	else
		case $verb in
		import) kind='file' ;;
		completion) words='bash zsh' ;;
		schema) words='metrics budget import report estimate prices answer error' ;;
		esac
		[[ -n $seen || -n $end ]] ||
			words+=' settle show status budget reserve release import report estimate prices record watch completion schema'
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

complete -F _sk_metrics sk-metrics
