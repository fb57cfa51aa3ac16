#!/bin/sh
# Installs minerwatch from the unpacked archive, as a service of systemd if the host has one.
#
#   ./install.sh             installs or upgrades; the configuration stays as it is
#   ./install.sh --remove    removes everything but the configuration and the state
#
# PREFIX and DESTDIR choose another place (default: /usr/local).
set -eu

prefix=${PREFIX:-/usr/local}
root=${DESTDIR:-}
binary=$root$prefix/bin/minerwatch
configuration=$root/etc/minerwatch.toml
unit=$root/etc/systemd/system/minerwatch.service
share=$root$prefix/share
documents=$share/doc/minerwatch
pages=$share/man/man1
bash=$share/bash-completion/completions/minerwatch
zsh=$share/zsh/site-functions/_minerwatch
fish=$share/fish/vendor_completions.d/minerwatch.fish

fail() {
    echo "install.sh: $1" >&2
    exit 1
}

# Whether this host runs systemd, and the files go to this host.
runs_systemd() {
    [ -z "$root" ] && [ -d /run/systemd/system ]
}

[ -n "$root" ] || [ "$(id -u)" = 0 ] || fail "run it as root, or set DESTDIR"

if [ "${1:-}" = --remove ]; then
    if runs_systemd; then
        systemctl disable --now minerwatch 2>/dev/null || true
    fi
    rm -f "$binary" "$unit" "$bash" "$zsh" "$fish" "$pages"/minerwatch.1 "$pages"/minerwatch-*.1
    rm -rf "$documents"
    if runs_systemd; then
        systemctl daemon-reload
    fi
    echo "minerwatch is removed; $configuration and /var/lib/minerwatch are left"
    exit 0
fi
[ $# -eq 0 ] || fail "unknown argument: $1"

cd "$(dirname "$0")"
./minerwatch --version >/dev/null || fail "the executable is for another architecture"

for file in "$binary" "$configuration" "$unit" "$bash" "$zsh" "$fish"; do
    mkdir -p "$(dirname "$file")"
done
mkdir -p "$documents" "$pages"
# A running daemon keeps the old file, so the new one gets its name in one step.
cp minerwatch "$binary.new"
chmod 755 "$binary.new"
mv "$binary.new" "$binary"
[ -e "$configuration" ] || cp deploy/minerwatch.toml "$configuration"
cp docs/*.md minerwatch.cdx.json "$documents"
cp man1/*.1 "$pages"
cp completions/minerwatch.bash "$bash"
cp completions/_minerwatch "$zsh"
cp completions/minerwatch.fish "$fish"
sed "s|/usr/local/|$prefix/|g" deploy/minerwatch.service >"$unit"
if runs_systemd; then
    systemctl daemon-reload
    systemctl enable minerwatch
    systemctl restart minerwatch
    echo "minerwatch runs; see: journalctl -u minerwatch -o cat"
else
    echo "minerwatch is installed; start it with: $prefix/bin/minerwatch run --config /etc/minerwatch.toml"
fi
