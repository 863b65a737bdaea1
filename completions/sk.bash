# shellcheck shell=bash
# bash completion for sk, made by 'sk completion bash'

_sk()
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
		--db | --format) opt=$word ;;
		run | consensus | auto | metrics | branch | login | config | faults)
			[[ -z $seen ]] || continue
			word=sk-$word
			COMP_WORDS=("$word" "${COMP_WORDS[@]:i}")
			COMP_CWORD=$((COMP_CWORD - i + 1))
			if ! declare -F "_${word//-/_}" >/dev/null &&
				declare -F _completion_loader >/dev/null; then
				_completion_loader "$word"
			fi
			declare -F "_${word//-/_}" >/dev/null || return 0
			"_${word//-/_}"
			return 0
			;;
		doctor | help | completion | schema)
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
		*:--db) kind='file' ;;
		*:--config) kind='file' ;;
		*:--format) words='json text' ;;
		esac
	elif [[ -z $end && $cur == -* ]]; then
		case $verb in
		doctor) words='--db --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		help) words='--format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		completion) words='--format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		schema) words='--format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		*) words='--list --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		esac
	else
		case $verb in
		completion) words='bash zsh' ;;
		schema) words='doctor error' ;;
		esac
		[[ -n $seen || -n $end ]] ||
			words+=' run consensus auto metrics branch login config faults doctor help completion schema'
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

complete -F _sk sk
