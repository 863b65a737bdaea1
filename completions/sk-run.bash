# shellcheck shell=bash
# bash completion for sk-run, made by 'sk-run completion bash'

_sk_run()
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
		--agent | --attempts | --branch | --captures | --config | --db | \
			--deadline | --exec | --fallback | --forget | --format | --jobs | \
			--launcher | --max-output | --model | --policy | --prompt-file | --quorum | \
			--record | --replay | --require | --retry-for | --round | --run | \
			--schema | --spec | --stage | --straggler | --tee | --timeout | \
			--unpriced | -a | -b | -j | -l | -m | \
			-p | -r | -s | -t | -x) opt=$word ;;
		adapters | check-adapter | limits | completion | schema)
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
		'':--agent | '':-a) ;;
		'':--exec | '':-x) ;;
		'':--run | '':-r) ;;
		'':--branch | '':-b) ;;
		'':--spec) ;;
		'':--stage | '':-s) words='plan tasks implement validate audit unlock' ;;
		'':--round) ;;
		'':--model | '':-m) ;;
		'':--schema) kind='file' ;;
		'':--prompt-file | '':-p) kind='file' ;;
		'':--timeout | '':-t) ;;
		'':--deadline) ;;
		'':--straggler) ;;
		'':--launcher | '':-l) ;;
		'':--tee) kind='dir' ;;
		'':--jobs | '':-j) ;;
		'':--attempts) ;;
		'':--retry-for) ;;
		'':--fallback) ;;
		'':--require) ;;
		'':--policy) kind='file' ;;
		'':--quorum) ;;
		'':--record) kind='dir' ;;
		'':--replay) kind='dir' ;;
		'':--max-output) ;;
		'':--unpriced) words='refuse allow' ;;
		check-adapter:--captures) kind='dir' ;;
		limits:--forget) ;;
		*:--db) kind='file' ;;
		*:--config) kind='file' ;;
		*:--format) words='json text' ;;
		esac
	elif [[ -z $end && $cur == -* ]]; then
		case $verb in
		adapters) words='--format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		check-adapter) words='--captures --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		limits) words='--forget --db --config --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		completion) words='--format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		schema) words='--format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		*) words='-a --agent -x --exec -r --run -b --branch --spec -s --stage --round -m --model --schema -p --prompt-file -t --timeout --deadline --straggler -l --launcher --worktree --cgroup --tee -j --jobs --attempts --retry-for --fallback -w --write --reuse --again --until-decided --require --policy --quorum --record --replay --max-output -n --dry-run --unpriced -e --events --stream --db --config --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		esac
	else
		case $verb in
		completion) words='bash zsh' ;;
		schema) words='answer event request plan adapters capture limits error' ;;
		esac
		[[ -n $seen || -n $end ]] ||
			words+=' adapters check-adapter limits completion schema'
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

complete -F _sk_run sk-run
