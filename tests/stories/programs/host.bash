# Functions for the scripts that prepare stories.

# Makes PATH a program that acts by the script on standard input: fake PATH. See act.bash.
fake() {
    mkdir -p "${1%/*}"
    cp --remove-destination /bin/bash "$1"
    act "${1##*/}"
}

# Says what a program of a name does that will be fetched: act NAME. The script comes on standard input.
act() {
    mkdir -p /usr/lib/story
    cat >"/usr/lib/story/$1"
}

# Makes PATH a script: script PATH. Its text comes on standard input.
script() {
    mkdir -p "${1%/*}"
    rm -f "$1"
    cat >"$1"
    chmod 755 "$1"
}

# Makes systemd, which starts the services that systemctl names, and ends with its services after some seconds without
# an order, or with the order "poweroff": init, and in the story /usr/lib/systemd/systemd SECONDS.
init() {
    mkdir -p /run/systemd /etc/systemd/system
    mkfifo /run/systemd/private
    fake /usr/lib/systemd/systemd <<'END'
exec 3<>/run/systemd/private
while read -r -t "$1" verb unit <&3; do
    case $verb in
    start | restart | enable)
        while IFS='=' read -r key value; do
            [ "$key" != ExecStart ] || $value 3>&- &
        done <"/etc/systemd/system/$unit"
        ;;
    poweroff) break ;;
    esac
done
wait
END
    fake /usr/bin/systemctl <<'END'
echo "$1 ${!#}" 1<>/run/systemd/private
END
}
