# Completion for the qf- programs in bash, from their own tables: --dump-options says which options there are and which
# arguments they take, --dump-commands the same of commands, --dump-names what a dialect, protocol, cluster or group may
# be. `make install` links it under the name of each program, where the package bash-completion looks for it; without
# that package, source this file.

# The words of the line so far that --dump-names and the service need: which configuration it is about.
_queryflux_config() {
	local i
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-c) printf '%s\n' -c "${COMP_WORDS[i + 1]}" ;;
		--config) [[ ${COMP_WORDS[i + 1]} == = ]] && printf '%s\n' -c "${COMP_WORDS[i + 2]}" ||
			printf '%s\n' -c "${COMP_WORDS[i + 1]}" ;;
		esac
	done
}

_queryflux_ask() { # OPTION [KIND]
	local config
	mapfile -t config < <(_queryflux_config)
	"${program[@]}" "${config[@]}" "$@" 2>/dev/null
}

# COMPREPLY: what an argument of that name may be. A name that is not here is free text.
_queryflux_values() {
	local values=''
	case $1 in
	FILE)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	DIALECT) values=$(_queryflux_ask --dump-names dialects) ;;
	PROTOCOL) values=$(_queryflux_ask --dump-names protocols) ;;
	CLUSTER) values=$(_queryflux_ask --dump-names clusters) ;;
	GROUP) values=$(_queryflux_ask --dump-names groups) ;;
	ID) values=$(_queryflux_ask queries | sed '1d;s/ .*//') ;; # without its heading
	*\|*) values=${1//|/ } ;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$values" -- "$cur")
}

_queryflux() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} program=("${COMP_WORDS[0]/#\~/$HOME}")
	local options commands name letter arg args about i words=() takes=''
	if [[ $cur == = ]]; then
		cur=''
	elif [[ $prev == = ]]; then
		prev=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	COMPREPLY=()
	options=$(_queryflux_ask --dump-options) || return
	while IFS=$'\t' read -r name letter arg about; do
		if [[ $arg != - && ($prev == "$name" || $prev == "-$letter") ]]; then
			_queryflux_values "$arg"
			return
		fi
		[[ $arg == - ]] || takes+=" $name -$letter "
		words+=("$name")
	done <<<"$options"
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "${words[*]}" -- "$cur")
		return
	fi
	# The words that are neither options nor their arguments: a command, and what follows it.
	words=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		if [[ ${COMP_WORDS[i]} == -* ]]; then
			if [[ ${COMP_WORDS[i + 1]} == = ]]; then
				((i += 2))
			elif [[ $takes == *" ${COMP_WORDS[i]} "* ]]; then
				((i++))
			fi
		else
			words+=("${COMP_WORDS[i]}")
		fi
	done
	commands=$(_queryflux_ask --dump-commands)
	if [[ ${#words[@]} == 0 ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(cut -f1 <<<"$commands")" -- "$cur")
		return
	fi
	while IFS=$'\t' read -r name args about; do
		[[ $name == "${words[0]}" ]] || continue
		read -ra args <<<"${args//[\[\]…]/}"
		arg=${args[${#words[@]} - 1]-}
		[[ -z $arg ]] || _queryflux_values "$arg"
	done <<<"$commands"
}

complete -F _queryflux qf-listen qf-route qf-dispatch qf-translate qf-admin
