//! What a program is, as far as lineage and detectors care. A name counts only for a program that lies
//! where the system keeps programs: `/tmp/dpkg` is no package manager.

use super::program::{Identity, base_name};

/// What a program does for the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// A thread of the kernel.
    Kernel,
    /// Starts and supervises everything: pid 1, systemd, runit, s6, supervisord.
    Init,
    /// Lets people and terminals in: sshd, login, terminal multiplexers.
    Gate,
    /// Starts jobs by the clock: cron, at.
    Scheduler,
    /// Starts containers.
    ContainerRuntime,
    /// Runs other people's jobs by design: CI agents.
    JobRunner,
    /// The shell that a person logged in to.
    LoginShell,
    /// Any other shell.
    Shell,
    /// Runs scripts and is no shell.
    Interpreter,
    /// Fetches files.
    Downloader,
    /// Answers requests, so that it should start neither shells nor downloaders.
    Service,
    /// Installs and configures the system: package managers, configuration management, cloud set-up.
    PackageManager,
    /// Shows, searches or edits text, whatever it says.
    Reader,
    /// Anything else.
    Other,
}

impl Role {
    /// Whether what it starts are separate matters, so that nothing is joined through it.
    pub fn bounds_tree(self) -> bool {
        match self {
            Self::Kernel
            | Self::Init
            | Self::Gate
            | Self::Scheduler
            | Self::ContainerRuntime
            | Self::JobRunner
            | Self::LoginShell => true,
            Self::Shell
            | Self::Interpreter
            | Self::Downloader
            | Self::Service
            | Self::PackageManager
            | Self::Reader
            | Self::Other => false,
        }
    }

    /// The role of a program. `parent` is the role of who started it; `pid` 1 is always the init.
    pub fn of(
        identity: &Identity<'_>,
        arguments: &[impl AsRef<str>],
        pid: u32,
        parent: Option<Self>,
    ) -> Self {
        if pid == 1 {
            return Self::Init;
        }
        let role = by_name(identity.name);
        match role {
            Self::Init
            | Self::Gate
            | Self::Scheduler
            | Self::ContainerRuntime
            | Self::JobRunner
            | Self::PackageManager
            | Self::Reader
                if !identity.system =>
            {
                Self::Other
            }
            Self::Shell if is_login_shell(arguments, parent) => Self::LoginShell,
            Self::Service if runs_jobs(arguments) => Self::JobRunner,
            Self::Service if installs_packages(arguments) => Self::Interpreter,
            other => other,
        }
    }
}

/// A login shell's own name starts with a dash; one without arguments that a gate started is one too.
fn is_login_shell(arguments: &[impl AsRef<str>], parent: Option<Role>) -> bool {
    if arguments.first().is_some_and(|name| name.as_ref().starts_with('-')) {
        return true;
    }
    let only_flags = arguments
        .iter()
        .skip(1)
        .all(|argument| matches!(argument.as_ref(), "-i" | "-l" | "--login" | "-il" | "-li"));
    only_flags && parent == Some(Role::Gate)
}

/// Java and node also run CI agents, whose jobs are unrelated to each other.
fn runs_jobs(arguments: &[impl AsRef<str>]) -> bool {
    const AGENTS: [&str; 6] =
        ["jenkins", "agent.jar", "remoting.jar", "teamcity", "bamboo", "actions-runner"];
    arguments.iter().any(|argument| AGENTS.iter().any(|agent| argument.as_ref().contains(agent)))
}

/// Node also runs package installers, which start shells by design.
fn installs_packages(arguments: &[impl AsRef<str>]) -> bool {
    arguments.get(1).is_some_and(|script| {
        matches!(
            base_name(script.as_ref()),
            "npm"
                | "npx"
                | "yarn"
                | "pnpm"
                | "npm-cli.js"
                | "npx-cli.js"
                | "yarn.js"
                | "pnpm.cjs"
                | "corepack"
        )
    })
}

/// Whether a program of this name interprets files given to it.
pub(super) fn interprets(name: &str) -> bool {
    matches!(by_name(name), Role::Shell | Role::Interpreter)
        || matches!(name, "busybox" | "env" | "node" | "php")
}

/// Whether a program of this name is a shell.
pub(super) fn is_shell(name: &str) -> bool {
    by_name(name) == Role::Shell
}

/// The version at the end of a name (`python3.11`, `php-fpm8.2`) says nothing.
fn without_version(name: &str) -> &str {
    let bare = name.trim_end_matches(|last: char| last.is_ascii_digit() || last == '.');
    let bare = bare.strip_suffix('-').unwrap_or(bare);
    if bare.is_empty() { name } else { bare }
}

#[rustfmt::skip]
fn by_name(name: &str) -> Role {
    match without_version(name) {
        "systemd" | "init" | "openrc" | "openrc-init" | "runit" | "runsvdir" | "runsv" | "s6-svscan"
        | "s6-supervise" | "supervisord" | "supervise" | "upstart" | "tini" | "dumb-init" | "launchd"
        | "systemd-executor" | "systemd-userwork" | "monit" => Role::Init,

        "sshd" | "sshd-session" | "sshd-auth" | "dropbear" | "login" | "agetty" | "getty" | "mingetty" | "su"
        | "sudo" | "doas" | "tmux" | "tmux: server" | "screen" | "SCREEN" | "mosh-server" | "telnetd" | "in.telnetd"
        | "gnome-terminal-server" | "konsole" | "xterm" | "ttyd" | "cockpit-bridge" | "script" => Role::Gate,

        "cron" | "crond" | "anacron" | "atd" | "fcron" | "dcron" => Role::Scheduler,

        "containerd" | "containerd-shim" | "containerd-shim-runc-v" | "containerd-shim-runc-v2" | "dockerd"
        | "docker-init" | "docker-containerd" | "docker-containerd-shim" | "conmon" | "conmonrs" | "runc" | "crun"
        | "youki" | "crio" | "podman" | "buildah" | "kubelet" | "catatonit" | "lxc-start" | "lxcfs" | "lxd"
        | "systemd-nspawn" => Role::ContainerRuntime,

        "gitlab-runner" | "Runner.Listener" | "Runner.Worker" | "buildkite-agent" | "drone-runner-docker"
        | "woodpecker-agent" | "act_runner" | "concourse" | "slurmstepd" | "slurmd" => Role::JobRunner,

        "sh" | "bash" | "dash" | "ash" | "zsh" | "ksh" | "mksh" | "fish" | "rbash" | "busybox" | "tcsh" | "csh"
            => Role::Shell,

        "python" | "perl" | "ruby" | "lua" | "tclsh" | "php" | "bun" | "deno" | "env" | "Rscript" => Role::Interpreter,

        "curl" | "wget" | "wget2" | "aria2c" | "axel" | "lwp-download" | "lwp-request" | "fetch" | "ftpget" | "tftp"
        | "lftp" | "GET" => Role::Downloader,

        "redis-server" | "redis" | "valkey-server" | "keydb-server" | "memcached" | "java" | "postgres" | "postmaster"
        | "mysqld" | "mariadbd" | "mongod" | "nginx" | "apache" | "httpd" | "lighttpd" | "caddy" | "php-fpm"
        | "php-cgi" | "node" | "nodejs" | "uwsgi" | "gunicorn" | "uvicorn" | "celery" | "puma" | "unicorn"
        | "beam.smp" | "couchdb" | "rabbitmq-server" | "exim" | "exim4" | "smbd" | "vsftpd" | "proftpd" | "haproxy"
        | "squid" | "named" | "jupyter-lab" | "jupyter-notebook" | "influxd" | "clickhouse-server" | "consul"
        | "saltstack" | "weblogic" | "confluence" | "activemq" | "w3wp" | "dotnet" => Role::Service,

        "dpkg" | "apt" | "apt-get" | "aptitude" | "aptd" | "unattended-upgrade" | "unattended-upgrades" | "packagekitd"
        | "rpm" | "dnf" | "dnf-automatic" | "microdnf" | "yum" | "tdnf" | "zypper" | "zypp" | "pacman" | "apk"
        | "emerge" | "xbps-install" | "snapd" | "snap" | "snap-exec" | "flatpak" | "rpm-ostree" | "cloud-init"
        | "waagent" | "google_guest_agent" | "google-guest-agent" | "amazon-ssm-agent" | "ignition" | "netplan"
        | "puppet" | "puppet-agent" | "chef-client" | "cinc-client" | "salt-minion" | "salt-call" | "cf-agent"
        | "debootstrap" | "mmdebstrap" | "nixos-rebuild" | "guix" | "systemd-tmpfiles" | "systemd-sysusers"
        | "systemd-firstboot" | "update-rc.d" | "dpkg-deb" | "dpkg-divert" => Role::PackageManager,

        "grep" | "egrep" | "fgrep" | "zgrep" | "rg" | "ag" | "ack" | "cat" | "tac" | "less" | "more" | "man" | "head"
        | "tail" | "vi" | "vim" | "nvim" | "vim.basic" | "vim.tiny" | "nano" | "emacs" | "ed" | "sed" | "awk" | "gawk"
        | "mawk" | "jq" | "yq" | "diff" | "strings" | "xxd" | "hexdump" | "od" | "echo" | "printf" | "tee" | "find"
        | "ps" | "pgrep" | "pkill" | "pidof" | "whois" | "dig" | "host" | "nslookup" | "git" | "logger" | "journalctl"
        | "aspell" | "wc" | "sort" | "test" | "[" => Role::Reader,

        _ => Role::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(path: &str, arguments: &[&str], parent: Option<Role>) -> Role {
        let identity = Identity::of_path(path);
        Role::of(&identity, arguments, 100, parent)
    }

    #[test]
    fn names_count_only_where_the_system_keeps_programs() {
        assert_eq!(role("/usr/bin/dpkg", &["dpkg"], None), Role::PackageManager);
        assert_eq!(role("/tmp/dpkg", &["dpkg"], None), Role::Other);
        assert_eq!(role("/usr/bin/grep", &["grep"], None), Role::Reader);
        assert_eq!(role("/dev/shm/grep", &["grep"], None), Role::Other);
        // Where a service or a downloader lies makes no difference: the role speaks against it.
        assert_eq!(role("/opt/redis/redis-server", &["redis-server"], None), Role::Service);
        assert_eq!(role("/tmp/curl", &["curl"], None), Role::Downloader);
    }

    #[test]
    fn versions_are_ignored() {
        assert_eq!(role("/usr/sbin/php-fpm8.2", &["php-fpm"], None), Role::Service);
        assert_eq!(role("/usr/bin/python3.11", &["python3"], None), Role::Interpreter);
        assert_eq!(role("/usr/sbin/apache2", &["apache2"], None), Role::Service);
        assert_eq!(role("/usr/sbin/exim4", &["exim4"], None), Role::Service);
    }

    #[test]
    fn login_shells_are_told_from_shells() {
        assert_eq!(role("/usr/bin/bash", &["-bash"], None), Role::LoginShell);
        assert_eq!(role("/usr/bin/bash", &["bash"], Some(Role::Gate)), Role::LoginShell);
        assert_eq!(role("/usr/bin/bash", &["bash", "-c", "id"], Some(Role::Gate)), Role::Shell);
        assert_eq!(role("/usr/bin/bash", &["bash", "-i"], Some(Role::Service)), Role::Shell);
        assert_eq!(role("/usr/bin/dash", &["sh"], Some(Role::Downloader)), Role::Shell);
    }

    #[test]
    fn job_runners_and_installers_are_no_services() {
        assert_eq!(role("/usr/bin/java", &["java", "-jar", "/opt/app.jar"], None), Role::Service);
        assert_eq!(role("/usr/bin/java", &["java", "-jar", "/ci/agent.jar"], None), Role::JobRunner);
        assert_eq!(role("/usr/bin/node", &["node", "/usr/bin/npm", "install"], None), Role::Interpreter);
        assert_eq!(role("/usr/bin/node", &["node", "server.js"], None), Role::Service);
    }
}
