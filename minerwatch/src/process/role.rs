//! Roles of programs, for lineage and detectors. A role that excuses a program also depends on the program's directory:
//! `/tmp/dpkg` is not a package manager, and neither is `/usr/bin/dpkg` of a container.

mod installer;
mod jobs;
mod launcher;
mod names;

use installer::acts_on_options;
use jobs::runs_jobs;
use launcher::launches_for_others;
use names::by_name;

use super::program_file::{ProgramFile, base_name, is_in_system_directory};

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
    /// Does what a management server says, for months: Salt, Puppet, the agents of cloud providers. It bounds trees like a
    /// job runner, and it excuses nothing that it starts.
    Agent,
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
            | Self::Agent
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

    /// Whether the role excuses a program or what it starts. Such a role takes more than a name.
    pub fn excuses(self) -> bool {
        match self {
            Self::Init
            | Self::LoginService
            | Self::Scheduler
            | Self::ContainerRuntime
            | Self::JobRunner
            | Self::Agent
            | Self::PackageManager
            | Self::TextViewer => true,
            Self::Kernel
            | Self::LoginShell
            | Self::Shell
            | Self::Interpreter
            | Self::Downloader
            | Self::Service
            | Self::Other => false,
        }
    }

    /// Returns the role of a program, given what stands above it. `script` is the absolute path of the file that the program
    /// runs, if it runs one. Pid 1 is always [`Self::Init`].
    pub fn of(
        file: &ProgramFile<'_>,
        script: Option<&str>,
        arguments: &[impl AsRef<str>],
        pid: u32,
        above: Above,
    ) -> Self {
        if pid == 1 {
            return Self::Init;
        }
        let role = by_name(file.name);
        match role {
            Self::LoginService if opens_only_for_others(file.name) && !above.is_session => Self::Other,
            Self::LoginService if opens_as_a_service(file.name) && !above.may_open_sessions(file.name) => {
                Self::Other
            }
            Self::Agent if file.in_management_directory => Self::Agent,
            _ if role.excuses() && !file.in_system_directory => Self::Other,
            Self::ContainerRuntime if runs_on_the_host(arguments) => Self::Other,
            _ if role.excuses() && launches_for_others(file.name, role, arguments, above.role) => Self::Other,
            Self::PackageManager if acts_on_options(file.name, arguments) => Self::Other,
            Self::Shell if is_login_shell(arguments, above) => Self::LoginShell,
            Self::Service
                if file.in_system_directory
                    && !above.is_below_service
                    && script.is_some_and(|script| runs_jobs(script, arguments)) =>
            {
                Self::JobRunner
            }
            Self::Service if installs_packages(arguments) => Self::Interpreter,
            other => other,
        }
    }

    /// Returns the role that a script gives to its interpreter. A package manager may be a script, but a script's name
    /// proves little: it counts for an interpreter of the host that is told the script first, and for no shell, which
    /// would run anything else before it.
    pub fn of_script(
        script: &ProgramFile<'_>,
        interpreter: &ProgramFile<'_>,
        is_told_first: bool,
        arguments: &[impl AsRef<str>],
        pid: u32,
        above: Above,
    ) -> Self {
        let role = Self::of(script, None, arguments, pid, above);
        // Packages of Puppet, Chef and Salt bring an interpreter of their own, for their agent alone.
        let is_of_agent = role == Self::Agent && interpreter.in_management_directory;
        let is_trusted = (interpreter.in_system_directory || is_of_agent)
            && is_told_first
            && by_name(interpreter.name) == Self::Interpreter
            && interpreter.name != "env";
        match role {
            _ if role.excuses() && !is_trusted => Self::Other,
            Self::Shell | Self::LoginShell | Self::Interpreter => Self::Other,
            other => other,
        }
    }

    /// Whether the children of such a program belong to the session of a person, if the program does (`is_session`).
    pub fn keeps_session(self, is_session: bool) -> bool {
        match self {
            Self::LoginService | Self::LoginShell => true,
            Self::Shell
            | Self::Interpreter
            | Self::Downloader
            | Self::TextViewer
            | Self::PackageManager
            | Self::Other => is_session,
            Self::Kernel
            | Self::Init
            | Self::Scheduler
            | Self::ContainerRuntime
            | Self::JobRunner
            | Self::Agent
            | Self::Service => false,
        }
    }
}

/// What stands above a program.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Above {
    /// The role of the process that started the program, if known.
    pub role: Option<Role>,
    /// Whether the program is started in a person's session: below a login service.
    pub is_session: bool,
    /// Whether a service manager started the program: the first process, systemd, or a script for starting services. Only
    /// looked up for a program that [`opens_as_a_service`].
    pub is_supervised: bool,
    /// Whether the process that started the program runs a program of the host itself. Only looked up for the same.
    pub is_of_system: bool,
    /// Whether a network service started the program, itself or through others. Only looked up for a program that
    /// [`may_run_jobs`].
    pub is_below_service: bool,
}

impl Above {
    /// Whether a program that opens sessions as a service may do so here. A window manager starts terminals, too.
    fn may_open_sessions(self, name: &str) -> bool {
        let is_desktop = || is_terminal(name) && self.role == Some(Role::Other) && self.is_of_system;
        self.is_session || self.is_supervised || is_desktop()
    }
}

/// Whether a login service of this name only opens sessions for who is logged in already. Below anything else it is a
/// wrapper like others, so that a tree does not end there.
fn opens_only_for_others(name: &str) -> bool {
    matches!(name, "su" | "sudo" | "doas" | "tmux" | "tmux: server" | "screen" | "SCREEN" | "script")
}

/// Whether a login service of this name opens sessions as a service or for a desktop. A user who may start it otherwise can
/// tell it which program it runs (`agetty -l`, `xterm -e`, `login -f`), so that a tree does not end there.
pub(super) fn opens_as_a_service(name: &str) -> bool {
    is_terminal(name)
        || matches!(name, "ttyd" | "agetty" | "getty" | "mingetty" | "login" | "dropbear" | "mosh-server")
}

/// Whether a service of this name is an agent of a build service if it runs the right file.
pub(super) fn may_run_jobs(name: &str) -> bool {
    matches!(name, "java" | "node" | "nodejs")
}

/// Whether a login service of this name is a terminal with a window.
fn is_terminal(name: &str) -> bool {
    matches!(name, "xterm" | "konsole" | "gnome-terminal-server")
}

/// Whether a program or script starts services for the first process: an init script, or the tools that such scripts
/// use.
pub(super) fn starts_services(path: &str) -> bool {
    const SCRIPTS: [&str; 5] = ["/etc/init.d/", "/etc/rc", "/usr/lib/rc/", "/lib/rc/", "/usr/libexec/rc/"];
    let is_tool = matches!(
        base_name(path),
        "start-stop-daemon" | "openrc" | "openrc-run" | "runscript" | "supervise-daemon"
    );
    (is_tool && is_in_system_directory(path)) || SCRIPTS.iter().any(|place| path.starts_with(place))
}

/// Whether the command of a container tool is `unshare`, which runs a program of the host in a new user namespace:
/// `podman unshare PROGRAM`.
fn runs_on_the_host(arguments: &[impl AsRef<str>]) -> bool {
    // The commands whose own arguments may contain the word.
    const COMMANDS: [&str; 12] = [
        "unshare",
        "run",
        "exec",
        "create",
        "start",
        "build",
        "bud",
        "from",
        "container",
        "pod",
        "kube",
        "play",
    ];
    let mut arguments = arguments.iter().skip(1).map(AsRef::as_ref);
    arguments.find(|argument| COMMANDS.contains(argument)) == Some("unshare")
}

/// Whether the arguments are those of a login shell, in a person's session: `argv[0]` starts with a dash, or a login
/// service started the shell with no arguments other than login or interactive flags. The dash alone proves nothing.
fn is_login_shell(arguments: &[impl AsRef<str>], above: Above) -> bool {
    if arguments.first().is_some_and(|name| name.as_ref().starts_with('-')) {
        return above.is_session;
    }
    let only_flags = arguments
        .iter()
        .skip(1)
        .all(|argument| matches!(argument.as_ref(), "-i" | "-l" | "--login" | "-il" | "-li"));
    only_flags && above.role == Some(Role::LoginService)
}

/// Whether the arguments are those of a Node.js package installer, which starts shells by design. The installer lies in a
/// directory of modules or of programs, not where anybody writes.
pub fn installs_packages(arguments: &[impl AsRef<str>]) -> bool {
    arguments.get(1).map(AsRef::as_ref).is_some_and(|script| {
        let is_named = matches!(
            base_name(script),
            "npm"
                | "npx"
                | "yarn"
                | "pnpm"
                | "npm-cli.js"
                | "npx-cli.js"
                | "yarn.js"
                | "pnpm.cjs"
                | "corepack"
        );
        is_named
            && (is_in_system_directory(script)
                || script.contains("/node_modules/")
                || script.contains("/bin/"))
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
    use crate::process::{path::resolve, program::script_of};

    fn role(path: &str, arguments: &[&str], parent: Option<Role>) -> Role {
        let above = Above {
            role: parent,
            is_session: parent == Some(Role::LoginService),
            is_supervised: parent == Some(Role::Init),
            is_of_system: true,
            is_below_service: parent == Some(Role::Service),
        };
        let script = script_of(path, path, arguments);
        let script = script.map(|script| resolve("/tmp", script));
        Role::of(&ProgramFile::at(path), script.as_deref(), arguments, 100, above)
    }

    #[test]
    fn excusing_roles_require_a_system_directory() {
        assert_eq!(role("/usr/bin/dpkg", &["dpkg"], None), Role::PackageManager);
        assert_eq!(role("/tmp/dpkg", &["dpkg"], None), Role::Other);
        assert_eq!(role("/usr/../tmp/dpkg", &["dpkg"], None), Role::Other);
        assert_eq!(role("/tmp/systemd", &["systemd"], None), Role::Other);
        let inside = ProgramFile::elsewhere("/usr/bin/dpkg");
        assert_eq!(Role::of(&inside, None, &["dpkg"], 100, Above::default()), Role::Other);
        assert_eq!(role("/usr/bin/grep", &["grep"], None), Role::TextViewer);
        assert_eq!(role("/dev/shm/grep", &["grep"], None), Role::Other);
        // The directory of a service or a downloader does not matter: these roles do not excuse anything.
        assert_eq!(role("/opt/redis/redis-server", &["redis-server"], None), Role::Service);
        assert_eq!(role("/tmp/curl", &["curl"], None), Role::Downloader);
    }

    #[test]
    fn a_configuration_management_brings_its_own_interpreter() {
        let ruby = ProgramFile::at("/opt/puppetlabs/puppet/bin/ruby");
        for (script, interpreter, expected) in [
            ("/opt/puppetlabs/puppet/bin/puppet", ruby, Role::Agent),
            ("/usr/bin/chef-client", ProgramFile::at("/opt/chef/embedded/bin/ruby"), Role::Agent),
            ("/usr/bin/salt-minion", ProgramFile::at("/opt/saltstack/salt/bin/python3.10"), Role::Agent),
            ("/opt/puppetlabs/puppet/bin/dpkg", ruby, Role::Other),
            ("/usr/bin/apt-get", ruby, Role::Other),
            ("/tmp/puppet", ruby, Role::Other),
            ("/opt/puppetlabs/puppet/bin/puppet", ProgramFile::at("/tmp/ruby"), Role::Other),
            (
                "/opt/puppetlabs/puppet/bin/puppet",
                ProgramFile::elsewhere("/opt/puppetlabs/puppet/bin/ruby"),
                Role::Other,
            ),
        ] {
            let arguments = [interpreter.name, script];
            let found = Role::of_script(
                &ProgramFile::at(script),
                &interpreter,
                true,
                &arguments,
                100,
                Above::default(),
            );
            assert_eq!(found, expected, "{script}");
        }
        assert_eq!(role("/var/cfengine/bin/cf-agent", &["cf-agent"], None), Role::Agent);
    }

    #[test]
    fn who_runs_one_program_is_no_supervisor() {
        for path in
            ["/usr/bin/tini", "/usr/bin/dumb-init", "/usr/bin/docker-init", "/usr/libexec/podman/catatonit"]
        {
            assert_eq!(role(path, &["x", "--", "/tmp/x"], Some(Role::Shell)), Role::Other, "{path}");
            let first = Role::of(&ProgramFile::at(path), None, &["x"], 1, Above::default());
            assert_eq!(first, Role::Init, "{path}");
        }
        for path in ["/usr/bin/podman", "/usr/bin/buildah"] {
            assert_eq!(role(path, &["x", "unshare", "/tmp/x"], None), Role::Other, "{path}");
            assert_eq!(role(path, &["x", "--root", "/r", "unshare", "/tmp/x"], None), Role::Other, "{path}");
            for arguments in [&["x", "run", "image"][..], &["x", "run", "image", "unshare", "-r", "sh"]] {
                assert_eq!(role(path, arguments, None), Role::ContainerRuntime, "{path} {arguments:?}");
            }
        }
    }

    #[test]
    fn version_suffixes_are_ignored() {
        assert_eq!(role("/usr/sbin/php-fpm8.2", &["php-fpm"], None), Role::Service);
        assert_eq!(role("/usr/bin/python3.11", &["python3"], None), Role::Interpreter);
        assert_eq!(role("/usr/bin/pypy3.10", &["pypy3"], None), Role::Interpreter);
        assert_eq!(role("/usr/bin/ksh93", &["ksh"], None), Role::Shell);
        assert_eq!(role("/usr/sbin/apache2", &["apache2"], None), Role::Service);
        assert_eq!(role("/usr/sbin/exim4", &["exim4"], None), Role::Service);
    }

    #[test]
    fn login_shells_differ_from_other_shells() {
        assert_eq!(role("/usr/bin/bash", &["-bash"], Some(Role::LoginService)), Role::LoginShell);
        assert_eq!(role("/usr/bin/dash", &["-sh"], Some(Role::Service)), Role::Shell);
        assert_eq!(role("/usr/bin/dash", &["-sh"], None), Role::Shell);
        assert_eq!(role("/usr/bin/bash", &["bash"], Some(Role::LoginService)), Role::LoginShell);
        assert_eq!(role("/usr/bin/bash", &["bash", "-c", "id"], Some(Role::LoginService)), Role::Shell);
        assert_eq!(role("/usr/bin/bash", &["bash", "-i"], Some(Role::Service)), Role::Shell);
        assert_eq!(role("/usr/bin/dash", &["sh"], Some(Role::Downloader)), Role::Shell);
    }

    #[test]
    fn who_opens_sessions_for_others_needs_one() {
        for path in ["/usr/bin/su", "/usr/bin/sudo", "/usr/bin/tmux", "/usr/bin/screen", "/usr/bin/script"] {
            assert_eq!(role(path, &["x"], Some(Role::Service)), Role::Other, "{path}");
            assert_eq!(role(path, &["x"], Some(Role::LoginService)), Role::LoginService, "{path}");
        }
        assert_eq!(role("/usr/sbin/sshd", &["sshd"], Some(Role::Init)), Role::LoginService);
    }

    #[test]
    fn who_opens_sessions_as_a_service_is_one() {
        let services = ["ttyd", "agetty", "getty", "login", "dropbear", "mosh-server"];
        let terminals = ["xterm", "konsole", "gnome-terminal-server"];
        for name in services.into_iter().chain(terminals) {
            let path = format!("/usr/bin/{name}");
            let of = |parent| role(&path, &[name, "-l", "/tmp/x"], parent);
            for parent in [Role::Shell, Role::Interpreter, Role::Service, Role::Scheduler, Role::Downloader] {
                assert_eq!(of(Some(parent)), Role::Other, "{name} {parent:?}");
            }
            assert_eq!(of(None), Role::Other, "{name}");
            assert_eq!(of(Some(Role::Init)), Role::LoginService, "{name}");
            assert_eq!(of(Some(Role::LoginService)), Role::LoginService, "{name}");
            let by_window_manager = of(Some(Role::Other));
            assert_eq!(by_window_manager == Role::LoginService, terminals.contains(&name), "{name}");
        }
        assert_eq!(role("/usr/sbin/sshd", &["sshd"], Some(Role::Shell)), Role::LoginService);
    }

    #[test]
    fn init_scripts_start_services() {
        for path in
            ["/etc/init.d/dropbear", "/usr/sbin/start-stop-daemon", "/sbin/openrc-run", "/etc/rc.local"]
        {
            assert!(starts_services(path), "{path}");
        }
        for path in ["/tmp/start-stop-daemon", "/usr/bin/bash", "/home/me/etc/init.d/x", ""] {
            assert!(!starts_services(path), "{path}");
        }
    }

    #[test]
    fn a_script_s_name_counts_little() {
        let role = |interpreter: &str, script: &str, is_told_first: bool| {
            let interpreter = ProgramFile::at(interpreter);
            Role::of_script(
                &ProgramFile::at(script),
                &interpreter,
                is_told_first,
                &["x"],
                100,
                Above::default(),
            )
        };
        assert_eq!(role("/usr/bin/python3.11", "/usr/bin/dnf", true), Role::PackageManager);
        assert_eq!(role("/usr/bin/python3.11", "/usr/bin/salt-minion", true), Role::Agent);
        assert_eq!(role("/usr/bin/python3.11", "/usr/bin/dnf", false), Role::Other);
        assert_eq!(role("/usr/bin/python3.11", "/usr/../tmp/dnf", true), Role::Other);
        assert_eq!(role("/tmp/python3.11", "/usr/bin/dnf", true), Role::Other);
        assert_eq!(role("/usr/bin/bash", "/usr/bin/apt-get", true), Role::Other);
        assert_eq!(role("/usr/bin/bash", "/usr/../tmp/dpkg", true), Role::Other);
    }

    #[test]
    fn job_runners_and_installers_are_not_services() {
        let java = |arguments: &[&str]| role("/usr/bin/java", arguments, Some(Role::Shell));
        assert_eq!(java(&["java", "-jar", "/opt/app.jar"]), Role::Service);
        assert_eq!(java(&["java", "-jar", "/ci/agent.jar"]), Role::JobRunner);
        assert_eq!(java(&["java", "-Dx=agent.jar", "-jar", "x.jar"]), Role::Service);
        assert_eq!(java(&["java", "-jar", "agent.jar"]), Role::Service, "in /tmp");
        let exploited = role("/usr/bin/java", &["java", "-jar", "/ci/agent.jar"], Some(Role::Service));
        assert_eq!(exploited, Role::Service);
        let node = |arguments: &[&str]| role("/usr/bin/node", arguments, None);
        assert_eq!(node(&["node", "/usr/bin/npm", "install"]), Role::Interpreter);
        assert_eq!(node(&["node", "server.js"]), Role::Service);
        assert_eq!(node(&["node", "/tmp/npm", "install"]), Role::Service);
        assert_eq!(node(&["node", "-r", "/opt/teamcity/teamcity.js", "/srv/x.js"]), Role::Service);
    }

    #[test]
    fn who_launches_for_others_ends_no_tree() {
        let of = |path: &str, arguments: &[&str]| role(path, arguments, Some(Role::Shell));
        assert_eq!(of("/usr/bin/conmon", &["conmon", "-r", "/usr/bin/crun"]), Role::ContainerRuntime);
        assert_eq!(of("/usr/bin/conmon", &["conmon", "-r", "/tmp/x"]), Role::Other);
        assert_eq!(of("/usr/sbin/telnetd", &["telnetd", "-l", "/tmp/x"]), Role::Other);
        assert_eq!(of("/usr/sbin/telnetd", &["telnetd"]), Role::LoginService);
    }
}
