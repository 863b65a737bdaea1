# shellcheck shell=bash
# bash completion for sk-config, made by 'sk-config completion bash'

_sk_config()
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
		--config | --format | --spec | -s) opt=$word ;;
		get | list | path | check | explain | models | watch | completion | schema)
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
		get:--spec | get:-s) ;;
		list:--spec | list:-s) ;;
		path:--spec | path:-s) ;;
		check:--spec | check:-s) ;;
		explain:--spec | explain:-s) ;;
		models:--spec | models:-s) ;;
		watch:--spec | watch:-s) ;;
		*:--db) kind='file' ;;
		*:--config) kind='file' ;;
		*:--format) words='json text' ;;
		esac
	elif [[ -z $end && $cur == -* ]]; then
		case $verb in
		get) words='-s --spec --config --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		list) words='-s --spec -o --show-origin --config --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		path) words='-s --spec --config --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		check) words='-s --spec --config --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		explain) words='-s --spec --config --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		models) words='-s --spec --config --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		watch) words='-s --spec --once --config --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		completion) words='--format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		schema) words='--format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		*) words='--format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		esac
	else
		case $verb in
		check) kind='file' ;;
		completion) words='bash zsh' ;;
		schema) words='config config-check config-explain config-file config-path event model-list project run retry consensus quality_gates cost evidence pipeline guardrails landing recovery hot_reload stages agents models error' ;;
		esac
		[[ -n $seen || -n $end ]] ||
			words+=' get list path check explain models watch completion schema'
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

complete -F _sk_config sk-config
