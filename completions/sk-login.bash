# shellcheck shell=bash
# bash completion for sk-login, made by 'sk-login completion bash'

_sk_login()
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
		--account | --client-id | --discovery | --env | --fd | --for | \
			--format | --from | --issuer | --key | --key-file | --method | \
			--min-ttl | --new-passphrase-fd | --passphrase-fd | --rejected-fd | --scope | --store | \
			--time | --timeout | --workspace | -a | -e | -m | \
			-t | -w) opt=$word ;;
		login | status | token | exec | refresh | logout | whoami | providers | switch | export | import | unlock | lock | rekey | get | store | erase | completion | schema)
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
		login:--account | login:-a) ;;
		login:--workspace | login:-w) ;;
		login:--method | login:-m) words='paste loopback token' ;;
		login:--issuer) ;;
		login:--client-id) ;;
		login:--scope) ;;
		login:--discovery) words='none oidc rfc8414' ;;
		login:--timeout | login:-t) ;;
		login:--store) words='file keyring auto ephemeral' ;;
		login:--passphrase-fd) ;;
		status:--account | status:-a) ;;
		status:--from) ;;
		status:--store) words='file keyring auto ephemeral' ;;
		status:--passphrase-fd) ;;
		token:--account | token:-a) ;;
		token:--from) ;;
		token:--for) ;;
		token:--fd) ;;
		token:--rejected-fd) ;;
		token:--min-ttl) ;;
		token:--store) words='file keyring auto ephemeral' ;;
		token:--passphrase-fd) ;;
		exec:--account | exec:-a) ;;
		exec:--from) ;;
		exec:--for) ;;
		exec:--env | exec:-e) ;;
		exec:--store) words='file keyring auto ephemeral' ;;
		exec:--passphrase-fd) ;;
		refresh:--account | refresh:-a) ;;
		refresh:--store) words='file keyring auto ephemeral' ;;
		refresh:--passphrase-fd) ;;
		logout:--account | logout:-a) ;;
		logout:--store) words='file keyring auto ephemeral' ;;
		logout:--passphrase-fd) ;;
		whoami:--account | whoami:-a) ;;
		whoami:--from) ;;
		whoami:--store) words='file keyring auto ephemeral' ;;
		whoami:--passphrase-fd) ;;
		switch:--store) words='file keyring auto ephemeral' ;;
		switch:--passphrase-fd) ;;
		export:--store) words='file keyring auto ephemeral' ;;
		export:--passphrase-fd) ;;
		import:--store) words='file keyring auto ephemeral' ;;
		import:--passphrase-fd) ;;
		unlock:--time | unlock:-t) ;;
		unlock:--store) words='file keyring auto ephemeral' ;;
		unlock:--passphrase-fd) ;;
		lock:--store) words='file keyring auto ephemeral' ;;
		lock:--passphrase-fd) ;;
		rekey:--key) words='file passphrase command keyring' ;;
		rekey:--key-file) kind='file' ;;
		rekey:--new-passphrase-fd) ;;
		rekey:--store) words='file keyring auto ephemeral' ;;
		rekey:--passphrase-fd) ;;
		get:--store) words='file keyring auto ephemeral' ;;
		get:--passphrase-fd) ;;
		store:--store) words='file keyring auto ephemeral' ;;
		store:--passphrase-fd) ;;
		erase:--store) words='file keyring auto ephemeral' ;;
		erase:--passphrase-fd) ;;
		*:--db) kind='file' ;;
		*:--config) kind='file' ;;
		*:--format) words='json text' ;;
		esac
	elif [[ -z $end && $cur == -* ]]; then
		case $verb in
		login) words='-a --account -w --workspace -m --method -b --browser --no-qr --issuer --client-id --scope --discovery -t --timeout --store --passphrase-fd --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		status) words='-a --account --from --online --store --passphrase-fd --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		token) words='-a --account --from --for --no-refresh --fd --print --rejected-fd --min-ttl --store --passphrase-fd --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		exec) words='-a --account --from --for --no-refresh -e --env --store --passphrase-fd --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		refresh) words='-a --account --store --passphrase-fd --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		logout) words='-a --account --revoke --store --passphrase-fd --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		whoami) words='-a --account --from --online --store --passphrase-fd --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		providers) words='--format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		switch) words='--store --passphrase-fd --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		export) words='--store --passphrase-fd --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		import) words='--replace --store --passphrase-fd --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		unlock) words='-t --time --store --passphrase-fd --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		lock) words='--store --passphrase-fd --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		rekey) words='--key --key-file --new-passphrase-fd --store --passphrase-fd --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		get) words='--store --passphrase-fd --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		store) words='--store --passphrase-fd --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		erase) words='--store --passphrase-fd --format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		completion) words='--format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		schema) words='--format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		*) words='--format --json -q --quiet -v --verbose --no-input -h --help --version' ;;
		esac
	else
		case $verb in
		login) words='start wait cancel' ;;
		completion) words='bash zsh' ;;
		schema) words='login login-change login-provider login-providers login-status login-whoami error' ;;
		esac
		[[ -n $seen || -n $end ]] ||
			words+=' login status token exec refresh logout whoami providers switch export import unlock lock rekey get store erase completion schema'
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

complete -F _sk_login sk-login
