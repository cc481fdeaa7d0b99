#compdef mosnctl

_mosnctl() {
    local -a commands
    commands=(
        'reload:read the configuration again'
        'upgrade:go on with another program'
        'stop:finish what is begun, and end'
        'status:processes, generations, connections'
        'reopen:open the logs again'
        'config:the effective configuration'
        'check:could mosn reload with a file?'
        'host:add, set or remove a host of a cluster'
        'apply:clusters and route tables of a file, at once'
        'remove:a cluster that no route names'
        'explain:what becomes of a request, and why'
        'diff:what a reload would change'
        'drain:out of service, or in again'
        'certs:certificates, their expiry and fingerprint'
        'version:of the running mosn'
    )
    _arguments -C \
        '-s[control socket]:socket:_files' \
        '--json[answer for programs]' \
        '(-h --help)'{-h,--help}'[help]' \
        '1:command:{_describe command commands}' \
        '*::argument:->argument'
    case $state in
        argument)
            case $words[1] in
                upgrade|check) _files ;;
                stop) _values option --now ;;
                drain) _values option --off ;;
            esac ;;
    esac
}
_mosnctl "$@"
