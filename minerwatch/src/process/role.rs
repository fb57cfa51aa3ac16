//! What a program is, as far as lineage and detectors care. A name counts only for a program that lies
//! where the system keeps programs: `/tmp/dpkg` is no package manager.

mod names;

use names::by_name;

use super::program::{Identity, base_name};

/// What a program does for the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// A thread of the kernel.
    Kernel,
    /// Starts and supervises everything: pid 1, systemd, runit, s6, supervisord.
    Init,
    /// Lets people and terminals in: sshd, login, terminal multiplexers.
    LoginService,
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
    TextViewer,
    /// Anything else.
    Other,
}

impl Role {
    /// Whether what it starts are separate matters, so that nothing is joined through it.
    pub fn bounds_tree(self) -> bool {
        match self {
            Self::Kernel
            | Self::Init
            | Self::LoginService
            | Self::Scheduler
            | Self::ContainerRuntime
            | Self::JobRunner
            | Self::LoginShell => true,
            Self::Shell
            | Self::Interpreter
            | Self::Downloader
            | Self::Service
            | Self::PackageManager
            | Self::TextViewer
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
            | Self::LoginService
            | Self::Scheduler
            | Self::ContainerRuntime
            | Self::JobRunner
            | Self::PackageManager
            | Self::TextViewer
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
    only_flags && parent == Some(Role::LoginService)
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
        assert_eq!(role("/usr/bin/grep", &["grep"], None), Role::TextViewer);
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
        assert_eq!(role("/usr/bin/bash", &["bash"], Some(Role::LoginService)), Role::LoginShell);
        assert_eq!(role("/usr/bin/bash", &["bash", "-c", "id"], Some(Role::LoginService)), Role::Shell);
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
