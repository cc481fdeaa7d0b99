# bash completion for mosnctl

_mosnctl() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} word
    local commands="reload upgrade stop status reopen config check host apply remove explain diff drain certs version"
    local command=

    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        case " $commands " in *" $word "*) command=$word ;; esac
    done
    case $prev in
        -s) COMPREPLY=($(compgen -f -- "$cur")); return ;;
    esac
    case $command in
        '') COMPREPLY=($(compgen -W "$commands -s --json --help" -- "$cur")) ;;
        upgrade|check) COMPREPLY=($(compgen -f -- "$cur")) ;;
        stop) COMPREPLY=($(compgen -W "--now" -- "$cur")) ;;
        drain) COMPREPLY=($(compgen -W "--off" -- "$cur")) ;;
    esac
}
complete -o filenames -F _mosnctl mosnctl
