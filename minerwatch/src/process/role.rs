//! Roles of programs, for lineage and detectors. A role that excuses a program also depends on the program's directory:
//! `/tmp/dpkg` is not a package manager.

mod names;

use names::by_name;

use super::program_file::{ProgramFile, base_name};

/// What kind of program a process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// A thread of the kernel.
    Kernel,
    /// Starts and supervises services: pid 1, systemd, runit, s6, supervisord.
    Init,
    /// Opens sessions for people: sshd, login, su, terminal multiplexers.
    LoginService,
    /// Starts jobs at set times: cron, at.
    Scheduler,
    /// Starts containers.
    ContainerRuntime,
    /// Runs unrelated jobs by design: CI agents, batch systems.
    JobRunner,
    /// A person's login shell.
    LoginShell,
    /// Any other shell.
    Shell,
    /// Runs scripts but is not a shell: Python, Perl.
    Interpreter,
    /// Downloads files: curl, wget.
    Downloader,
    /// A network service, which should start neither shells nor downloaders.
    Service,
    /// Installs software or configures the system: package managers, configuration management, cloud-init.
    PackageManager,
    /// Shows, searches or edits text, so that mining words in its arguments mean nothing.
    TextViewer,
    /// Anything else.
    Other,
}

impl Role {
    /// Whether the children of such a program are unrelated to each other, so that a process tree ends below it.
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

    /// Returns the role of a program of this name in a system directory.
    pub fn of_name(name: &str) -> Self {
        by_name(name)
    }

    /// Returns the role of a program. `parent` is the role of the process that started it. Pid 1 is always
    /// [`Self::Init`].
    pub fn of(file: &ProgramFile<'_>, arguments: &[impl AsRef<str>], pid: u32, parent: Option<Self>) -> Self {
        if pid == 1 {
            return Self::Init;
        }
        let role = by_name(file.name);
        match role {
            Self::Init
            | Self::LoginService
            | Self::Scheduler
            | Self::ContainerRuntime
            | Self::JobRunner
            | Self::PackageManager
            | Self::TextViewer
                if !file.in_system_directory =>
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

/// Whether the arguments are those of a login shell: `argv[0]` starts with a dash, or a login service started the shell
/// with no arguments other than login or interactive flags.
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

/// Whether the arguments are those of a CI agent. Some agents run on Java or Node.js, which are services otherwise.
fn runs_jobs(arguments: &[impl AsRef<str>]) -> bool {
    const AGENTS: [&str; 6] =
        ["jenkins", "agent.jar", "remoting.jar", "teamcity", "bamboo", "actions-runner"];
    arguments.iter().any(|argument| AGENTS.iter().any(|agent| argument.as_ref().contains(agent)))
}

/// Whether the arguments are those of a Node.js package installer, which starts shells by design.
pub fn installs_packages(arguments: &[impl AsRef<str>]) -> bool {
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

/// Whether a program of this name interprets a script file.
pub fn interprets(name: &str) -> bool {
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
        Role::of(&ProgramFile::at(path), arguments, 100, parent)
    }

    #[test]
    fn excusing_roles_require_a_system_directory() {
        assert_eq!(role("/usr/bin/dpkg", &["dpkg"], None), Role::PackageManager);
        assert_eq!(role("/tmp/dpkg", &["dpkg"], None), Role::Other);
        assert_eq!(role("/usr/bin/grep", &["grep"], None), Role::TextViewer);
        assert_eq!(role("/dev/shm/grep", &["grep"], None), Role::Other);
        // The directory of a service or a downloader does not matter: these roles do not excuse anything.
        assert_eq!(role("/opt/redis/redis-server", &["redis-server"], None), Role::Service);
        assert_eq!(role("/tmp/curl", &["curl"], None), Role::Downloader);
    }

    #[test]
    fn version_suffixes_are_ignored() {
        assert_eq!(role("/usr/sbin/php-fpm8.2", &["php-fpm"], None), Role::Service);
        assert_eq!(role("/usr/bin/python3.11", &["python3"], None), Role::Interpreter);
        assert_eq!(role("/usr/sbin/apache2", &["apache2"], None), Role::Service);
        assert_eq!(role("/usr/sbin/exim4", &["exim4"], None), Role::Service);
    }

    #[test]
    fn login_shells_differ_from_other_shells() {
        assert_eq!(role("/usr/bin/bash", &["-bash"], None), Role::LoginShell);
        assert_eq!(role("/usr/bin/bash", &["bash"], Some(Role::LoginService)), Role::LoginShell);
        assert_eq!(role("/usr/bin/bash", &["bash", "-c", "id"], Some(Role::LoginService)), Role::Shell);
        assert_eq!(role("/usr/bin/bash", &["bash", "-i"], Some(Role::Service)), Role::Shell);
        assert_eq!(role("/usr/bin/dash", &["sh"], Some(Role::Downloader)), Role::Shell);
    }

    #[test]
    fn job_runners_and_installers_are_not_services() {
        assert_eq!(role("/usr/bin/java", &["java", "-jar", "/opt/app.jar"], None), Role::Service);
        assert_eq!(role("/usr/bin/java", &["java", "-jar", "/ci/agent.jar"], None), Role::JobRunner);
        assert_eq!(role("/usr/bin/node", &["node", "/usr/bin/npm", "install"], None), Role::Interpreter);
        assert_eq!(role("/usr/bin/node", &["node", "server.js"], None), Role::Service);
    }
}
