# shellcheck shell=bash
# bash completion for sk-branch, made by 'sk-branch completion bash'

_sk_branch()
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
		--config | --db | --format | --limit | --parent | --run | \
			--spec | -n | -p | -r | -s) opt=$word ;;
		new | current | list | show | completion | schema)
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
		new:--run | new:-r) ;;
		new:--spec | new:-s) ;;
		new:--parent | new:-p) ;;
		current:--spec | current:-s) ;;
		list:--spec | list:-s) ;;
		list:--limit | list:-n) ;;
		*:--db) kind='file' ;;
		*:--config) kind='file' ;;
		*:--format) words='json text' ;;
		esac
	elif [[ -z $end && $cur == -* ]]; then
		case $verb in
		new) words='-r --run -s --spec -p --parent --db --config --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		current) words='-s --spec --db --config --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		list) words='-s --spec -a --all -n --limit --db --config --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		show) words='--db --config --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		completion) words='--format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		schema) words='--format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		*) words='--format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		esac
	else
		case $verb in
		completion) words='bash zsh' ;;
		schema) words='branch branches error' ;;
		esac
		[[ -n $seen || -n $end ]] ||
			words+=' new current list show completion schema'
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

complete -F _sk_branch sk-branch
