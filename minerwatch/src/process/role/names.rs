//! Program names by role.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

use super::Role;

/// Returns the role of a program name, or [`Role::Other`] for a name that is not listed.
pub(super) fn by_name(name: &str) -> Role {
    static INDEX: LazyLock<FxHashMap<&str, Role>> = LazyLock::new(|| {
        NAMES.iter().flat_map(|(role, names)| names.iter().map(|name| (*name, *role))).collect()
    });
    INDEX.get(without_version(name)).copied().unwrap_or(Role::Other)
}

/// Removes a version at the end of a name (`python3.11`, `php-fpm8.2`).
fn without_version(name: &str) -> &str {
    let bare = name.trim_end_matches(|last: char| last.is_ascii_digit() || last == '.');
    let bare = bare.strip_suffix('-').unwrap_or(bare);
    if bare.is_empty() { name } else { bare }
}

#[rustfmt::skip]
const NAMES: &[(Role, &[&str])] = &[
    (Role::Init, &[
        "systemd", "init", "openrc", "openrc-init", "runit", "runsvdir", "runsv", "s6-svscan",
        "s6-supervise", "supervisord", "svscan", "supervise", "upstart", "launchd",
        "systemd-executor", "systemd-userwork", "monit",
    ]),
    (Role::LoginService, &[
        "sshd", "sshd-session", "sshd-auth", "dropbear", "login", "agetty", "getty", "mingetty", "su",
        "sudo", "doas", "tmux", "tmux: server", "screen", "SCREEN", "mosh-server", "telnetd", "in.telnetd",
        "gnome-terminal-server", "konsole", "xterm", "ttyd", "cockpit-bridge", "script",
    ]),
    (Role::Scheduler, &[
        "cron", "crond", "anacron", "atd", "fcron", "dcron",
    ]),
    (Role::ContainerRuntime, &[
        "containerd", "containerd-shim", "containerd-shim-runc-v", "containerd-shim-runc-v2", "dockerd",
        "docker-containerd", "docker-containerd-shim", "conmon", "conmonrs", "runc", "crun",
        "youki", "crio", "podman", "buildah", "kubelet", "lxc-start", "lxcfs", "lxd",
        "systemd-nspawn",
    ]),
    (Role::JobRunner, &[
        "gitlab-runner", "Runner.Listener", "Runner.Worker", "buildkite-agent", "drone-runner-docker",
        "woodpecker-agent", "act_runner", "concourse", "slurmstepd", "slurmd", "buildkitd", "jupyter-lab",
        "jupyter-notebook",
    ]),
    (Role::Agent, &[
        "snapd", "snap-exec", "packagekitd", "aptd", "waagent", "google_guest_agent", "google-guest-agent",
        "amazon-ssm-agent", "ssm-agent-worker", "ssm-document-worker", "puppet", "puppet-agent", "chef-client",
        "cinc-client", "salt-minion", "cf-agent",
    ]),
    (Role::Shell, &[
        "sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "fish", "rbash", "busybox", "tcsh", "csh",
        "bash-static", "zsh-static", "mksh-static", "static-sh", "lksh", "oksh", "loksh", "pdksh", "rksh", "rzsh", "posh",
        "yash", "sash", "elvish",
    ]),
    (Role::Interpreter, &[
        "python", "perl", "ruby", "lua", "tclsh", "php", "bun", "deno", "env", "Rscript",
        "luajit", "pypy", "micropython", "guile", "expect", "wish", "raku", "qjs",
    ]),
    (Role::Downloader, &[
        "curl", "wget", "wget2", "aria2c", "axel", "lwp-download", "lwp-request", "fetch", "ftpget",
        "tftp", "lftp", "GET",
    ]),
    (Role::Service, &[
        "redis-server", "redis", "valkey-server", "keydb-server", "memcached", "java", "postgres",
        "postmaster", "mysqld", "mariadbd", "mongod", "nginx", "apache", "httpd", "lighttpd", "caddy",
        "php-fpm", "php-cgi", "node", "nodejs", "uwsgi", "gunicorn", "uvicorn", "celery", "puma",
        "unicorn", "beam.smp", "couchdb", "rabbitmq-server", "exim", "exim4", "smbd", "vsftpd", "proftpd",
        "haproxy", "squid", "named", "influxd", "clickhouse-server",
        "consul", "saltstack", "weblogic", "confluence", "activemq", "w3wp", "dotnet",
    ]),
    (Role::PackageManager, &[
        "dpkg", "apt", "apt-get", "aptitude", "unattended-upgrade", "unattended-upgrades", "rpm", "dnf", "dnf-automatic", "microdnf", "yum", "tdnf", "zypper", "zypp",
        "pacman", "apk", "emerge", "xbps-install", "snap", "flatpak", "rpm-ostree", "cloud-init", "ignition",
        "netplan", "salt-call", "ansible", "ansible-playbook", "ansible-pull", "debootstrap", "mmdebstrap",
        "nixos-rebuild", "guix", "systemd-tmpfiles",
        "systemd-sysusers", "systemd-firstboot", "update-rc.d", "dpkg-deb", "dpkg-divert",
    ]),
    (Role::TextViewer, &[
        "grep", "egrep", "fgrep", "zgrep", "rg", "ag", "ack", "cat", "tac", "less", "more", "man", "head",
        "tail", "vi", "vim", "nvim", "vim.basic", "vim.tiny", "nano", "emacs", "ed", "sed", "awk", "gawk",
        "mawk", "jq", "yq", "diff", "strings", "xxd", "hexdump", "od", "echo", "printf", "tee", "find",
        "ps", "pgrep", "pkill", "pidof", "whois", "dig", "host", "nslookup", "git", "logger", "journalctl",
        "aspell", "wc", "sort", "test", "[",
    ]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_exactly_one_role() {
        for (role, names) in NAMES {
            for name in *names {
                assert_eq!(by_name(name), *role, "{name}");
            }
        }
    }
}
