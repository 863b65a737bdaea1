# shellcheck shell=bash
# bash completion for sk-faults, made by 'sk-faults completion bash'

_sk_faults()
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
		--agent | --agents | --attempts | --db | --env | --format | \
			--kinds | --most | --path | --plan | --port | --slow-bytes | \
			--stage | --timeout | --to | -a | -e | -k | \
			-n | -p | -s | -t) opt=$word ;;
		plan | arm | status | next | reset | exec | explore | proxy | completion | schema)
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
		next:--agent | next:-a) ;;
		next:--stage | next:-s) words='plan tasks implement validate audit unlock' ;;
		exec:--timeout | exec:-t) ;;
		explore:--agents | explore:-n) ;;
		explore:--attempts) ;;
		explore:--kinds | explore:-k) ;;
		explore:--most) ;;
		explore:--timeout | explore:-t) ;;
		proxy:--to) ;;
		proxy:--plan | proxy:-p) ;;
		proxy:--port) ;;
		proxy:--path) ;;
		proxy:--slow-bytes) ;;
		proxy:--env | proxy:-e) ;;
		*:--db) kind='file' ;;
		*:--config) kind='file' ;;
		*:--format) words='json text' ;;
		esac
	elif [[ -z $end && $cur == -* ]]; then
		case $verb in
		plan) words='--format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		arm) words='--db --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		status) words='--line --db --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		next) words='-a --agent -s --stage --db --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		reset) words='--disarm --db --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		exec) words='-t --timeout --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		explore) words='-n --agents --attempts -k --kinds --most -t --timeout --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		proxy) words='--to -p --plan --port --path --slow-bytes -e --env --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		completion) words='--format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		schema) words='--format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		*) words='--format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		esac
	else
		case $verb in
		completion) words='bash zsh' ;;
		schema) words='faults exploration proxy exchange error' ;;
		esac
		[[ -n $seen || -n $end ]] ||
			words+=' plan arm status next reset exec explore proxy completion schema'
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

complete -F _sk_faults sk-faults
