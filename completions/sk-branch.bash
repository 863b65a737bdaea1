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
		--after | --at | --config | --db | --format | --git-branch | \
			--limit | --older-than | --parent | --root | --run | --spec | \
			--stage | --state | -g | -n | -p | -r | \
			-s) opt=$word ;;
		new | fork | replay | resume | current | list | tree | show | diff | filter | prune | completion | schema)
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
		fork:--after) words='plan tasks implement validate audit unlock' ;;
		fork:--at) ;;
		replay:--stage) words='plan tasks implement validate audit unlock' ;;
		resume:--spec | resume:-s) ;;
		resume:--run | resume:-r) ;;
		resume:--git-branch | resume:-g) ;;
		resume:--root) kind='dir' ;;
		resume:--state) words='new open running interrupted halted done cancelled' ;;
		current:--spec | current:-s) ;;
		list:--spec | list:-s) ;;
		list:--run | list:-r) ;;
		list:--git-branch | list:-g) ;;
		list:--root) kind='dir' ;;
		list:--state) words='new open running interrupted halted done cancelled' ;;
		list:--limit | list:-n) ;;
		tree:--spec | tree:-s) ;;
		diff:--stage) words='plan tasks implement validate audit unlock' ;;
		prune:--spec | prune:-s) ;;
		prune:--older-than) ;;
		*:--db) kind='file' ;;
		*:--config) kind='file' ;;
		*:--format) words='json text' ;;
		esac
	elif [[ -z $end && $cur == -* ]]; then
		case $verb in
		new) words='-r --run -s --spec -p --parent --db --config --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		fork) words='--after --at --db --config --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		replay) words='--stage --db --config --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		resume) words='-s --spec -r --run -g --git-branch --root --state -a --all -l --last --db --config --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		current) words='-s --spec --db --config --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		list) words='-s --spec -r --run -g --git-branch --root --state -a --all -n --limit --db --config --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		tree) words='-s --spec -a --all --db --config --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		show) words='--db --config --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		diff) words='--stage --db --config --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		filter) words='-x --exact --db --config --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		prune) words='-s --spec --older-than -a --all -y --yes --db --config --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		completion) words='--format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		schema) words='--format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		*) words='--format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		esac
	else
		case $verb in
		completion) words='bash zsh' ;;
		schema) words='branch branches tree branch-diff prune answer verdict error' ;;
		esac
		[[ -n $seen || -n $end ]] ||
			words+=' new fork replay resume current list tree show diff filter prune completion schema'
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
