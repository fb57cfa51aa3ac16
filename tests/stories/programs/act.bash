# Lets copies of bash stand in for programs that the machine does not have. A story sets BASH_ENV to this file. A copy
# with the name NAME then acts by the script /usr/lib/story/NAME, with its arguments. Other shells are not affected.
act=/usr/lib/story/${BASH##*/}
if [ -e "$act" ]; then
    mapfile -d '' -t words <"/proc/$$/cmdline"
    set -- "${words[@]:1}"
    unset words
    trap "" PIPE

    # Uses one processor for some seconds.
    busy() {
        local end=$((SECONDS + $1))
        while ((SECONDS < end)); do :; done
    }

    # Connects to a host and keeps the connection open, as file descriptor 3.
    connect() {
        exec 3<>"/dev/tcp/$1/${2:-80}"
    }

    # Sends a report over the connection.
    report() {
        printf 'POST /v1/report HTTP/1.1\r\nHost: %s\r\nContent-Length: 6\r\n\r\nreport' "${1:-ingest}" >&3
    }

    . "$act"
    exit
fi
