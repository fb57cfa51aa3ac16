//! B11: a program of doubtful origin looks for credentials.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::{
    detect::{Declaration, DetectionContext, Finding, PathKind, SignalInfo, SignalKind, Stateless, network},
    model::{EventBody, EventType, SignalClass},
    process::{Command, Process, Role, base_name, resolve},
};

/// The signal. It is a step: the tools that people fetch and run ask their cloud for credentials, too.
pub const CREDENTIALS: SignalInfo = SignalInfo {
    id: "B11",
    class: SignalClass::Behavior,
    weight: 15,
    full_weight: 15,
    kind: SignalKind::Step,
    name: "Looks for credentials",
    description: "A program that was dropped, that has no file or that a network service started asked the cloud's metadata service, or its command line names a file with passwords, keys or tokens.",
    catches: "An intruder who wants more than this host.",
    techniques: &["T1552.001", "T1552.004", "T1552.005", "T1003.008"],
};

/// The declaration of the detector.
pub(in crate::detect) static DETECTOR: Declaration = Declaration {
    signals: &[CREDENTIALS],
    wants: &[EventType::Exec, EventType::Connect],
    evictions: None,
    create: |_| Box::new(Stateless(inspect)),
};

/// Maximum number of ancestors that are looked at.
const MAX_ANCESTORS: usize = 8;

/// The metadata services: of AWS, Azure, Google Cloud and others; of AWS by IPv6; of tasks in AWS ECS; of Alibaba Cloud.
const METADATA: [IpAddr; 4] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
];

fn inspect(context: &DetectionContext<'_>) -> Option<Finding> {
    match &context.event.body {
        EventBody::Connect(connect) => {
            let destination = network::outbound(connect)?;
            if !METADATA.contains(&destination.ip().to_canonical()) {
                return None;
            }
            let origin = doubtful_origin(context)?;
            let name = &context.process.view.name;
            let detail = format!("'{name}', which {origin}, asked the cloud's metadata service");
            Some(
                Finding::new(CREDENTIALS, context, detail)
                    .value("destination", destination)
                    .technique("T1552.005"),
            )
        }
        EventBody::Exec(_) => {
            let (word, technique) = sought(&context.command?, &context.process.view.directory)?;
            let origin = doubtful_origin(context)?;
            let name = &context.process.view.name;
            let detail = format!("'{name}', which {origin}, was told '{word}'");
            Some(Finding::new(CREDENTIALS, context, detail).value("argument", word).technique(technique))
        }
        _ => None,
    }
}

/// Returns why the process or a relative above it may be an intruder's, in words.
fn doubtful_origin(context: &DetectionContext<'_>) -> Option<&'static str> {
    for ancestor in context.table.ancestry(context.key()).take(MAX_ANCESTORS) {
        let is_self = ancestor.key() == context.key();
        match ancestor.role {
            Role::Service if !is_self => return Some("a network service started"),
            role if role.bounds_tree() => return None,
            _ => {}
        }
        if let Some(words) = odd(ancestor) {
            return Some(words);
        }
    }
    None
}

fn odd(process: &Process) -> Option<&'static str> {
    if process.view.executable.flags.has_no_file() {
        Some("comes from a program without a file")
    } else if PathKind::of(process.program_path()).is_odd() {
        Some("comes from an odd place")
    } else {
        process.taint.map(|_| "comes from a dropped program")
    }
}

/// Returns the argument that names credentials, and the technique. `directory` is the working directory.
fn sought<'a>(command: &Command<'a>, directory: &str) -> Option<(&'a str, &'static str)> {
    const READERS: [&str; 23] = [
        "cat", "grep", "egrep", "find", "head", "tail", "less", "more", "cp", "tar", "zip", "scp", "curl",
        "wget", "base64", "xxd", "strings", "awk", "sed", "cut", "rsync", "gzip", "dd",
    ];
    /// Names of files that say little without their directory.
    const NAMES: [&str; 6] = ["shadow", "gshadow", ".ssh", "credentials", "config", "config.json"];
    if !command.is(&READERS) {
        return None;
    }
    command.arguments().find_map(|word| {
        let path = word.strip_prefix("if=").unwrap_or(word);
        // Few words are worth the search for their directory.
        let has_place = path.starts_with('/') || NAMES.contains(&base_name(path.trim_end_matches('/')));
        let place = if has_place { resolve(directory, path) } else { path.into() };
        let technique = technique_of(&place)?;
        Some((word, technique))
    })
}

fn technique_of(word: &str) -> Option<&'static str> {
    const FILES: [&str; 24] = [
        ".aws/credentials",
        ".aws/config",
        ".docker/config.json",
        ".kube/config",
        ".git-credentials",
        ".netrc",
        ".npmrc",
        ".pgpass",
        ".config/gcloud",
        ".azure/accessTokens",
        "/run/secrets/kubernetes.io/serviceaccount",
        "/etc/kubernetes/admin.conf",
        "aws_secret_access_key",
        ".pypirc",
        ".s3cfg",
        ".my.cnf",
        ".vault-token",
        ".config/rclone",
        ".terraform.d/credentials",
        "gh/hosts.yml",
        "msal_token_cache",
        "wallet.dat",
        "logins.json",
        "Login Data",
    ];
    const KEYS: [&str; 5] = ["id_rsa", "id_ed25519", "id_ecdsa", "id_dsa", ".ssh/known_hosts"];
    if matches!(word, "/etc/shadow" | "/etc/gshadow" | "/etc/shadow-" | "/etc/gshadow-") {
        Some("T1003.008")
    } else if word.contains("169.254.169.254")
        || word.contains("metadata.google.internal")
        || word.contains("100.100.100.200")
    {
        Some("T1552.005")
    } else if word.trim_end_matches('/').ends_with("/.ssh") {
        Some("T1552.004")
    } else if FILES.iter().any(|file| word.contains(file)) || is_environment(word) {
        Some("T1552.001")
    } else if word == "id_*"
        || KEYS.iter().any(|key| word.contains(key)) && word.strip_suffix(".pub").is_none()
    {
        Some("T1552.004")
    } else {
        None
    }
}

/// Whether a path is that of the environment variables of another process, or of a file with those of an application.
/// Applications keep passwords there.
fn is_environment(path: &str) -> bool {
    let of_process = path.strip_prefix("/proc/").and_then(|rest| rest.strip_suffix("/environ"));
    of_process.is_some_and(|process| process != "self") || base_name(path) == ".env"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Host, findings_of};

    #[test]
    fn the_origin_decides() {
        let cases = [
            ("/tmp/x", true),
            ("/home/me/.x/y", true),
            ("/memfd:x (deleted)", true),
            ("/usr/bin/aws", false),
            ("/opt/app/app", false),
        ];
        for (path, is_found) in cases {
            for peer in ["169.254.169.254:80", "[fd00:ec2::254]:80", "100.100.100.200:80"] {
                let mut host = Host::new();
                let init = host.boot("/sbin/init", &["init"]);
                let process = host.spawn(init, path, &["x"]);
                host.connect(process, peer);
                assert_eq!(!findings_of(&[&DETECTOR], &host).is_empty(), is_found, "{path} {peer}");
            }
            let mut host = Host::new();
            let init = host.boot("/sbin/init", &["init"]);
            let process = host.spawn(init, path, &["x"]);
            host.connect(process, "169.254.1.1:80");
            assert!(findings_of(&[&DETECTOR], &host).is_empty(), "{path}");
        }
    }

    #[test]
    fn what_a_shell_reads_counts_below_a_service_or_an_odd_script() {
        let commands: [(&[&str], bool); 18] = [
            (&["cat", "/etc//shadow"], true),
            (&["cat", "/etc/ssh/../shadow-"], true),
            (&["cat", "/proc/1/environ"], true),
            (&["cat", "/proc/self/environ"], false),
            (&["find", "/home", "-name", "id_*"], true),
            (&["cat", "/srv/shop/.env"], true),
            (&["cat", "/srv/shop/.environment"], false),
            (&["cat", "/root/.aws/credentials"], true),
            (&["find", "/", "-name", "id_rsa*"], true),
            (&["cat", "/etc/shadow"], true),
            (&["curl", "-s", "http://169.254.169.254/latest/meta-data/iam/security-credentials/"], true),
            (&["tar", "czf", "-", "/root/.ssh"], true),
            (&["dd", "if=/etc/shadow"], true),
            (&["cat", "../etc/shadow"], true),
            (&["cat", "../etc/hosts"], false),
            (&["tar", "czf", "-", "/root/.sshfs"], false),
            (&["cat", "/root/.ssh/id_rsa.pub"], false),
            (&["cat", "/etc/passwd"], false),
        ];
        for (arguments, is_found) in commands {
            let run = |service: &str, script: &str| {
                let mut host = Host::new();
                let init = host.boot("/sbin/init", &["init"]);
                let service = host.spawn(init, service, &["x"]);
                let shell = host.spawn(service, "/usr/bin/dash", &["sh", script]);
                host.spawn(shell, &format!("/usr/bin/{}", arguments[0]), arguments);
                !findings_of(&[&DETECTOR], &host).is_empty()
            };
            assert_eq!(run("/usr/bin/redis-server", "/srv/x.sh"), is_found, "{arguments:?}");
            assert_eq!(run("/usr/bin/x", "/tmp/x.sh"), is_found, "{arguments:?}");
            assert!(!run("/usr/bin/x", "/srv/x.sh"), "{arguments:?}");
        }
    }

    #[test]
    fn a_person_who_reads_a_key_is_quiet() {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let sshd = host.spawn(init, "/usr/sbin/sshd", &["sshd"]);
        let shell = host.spawn(sshd, "/usr/bin/bash", &["-bash"]);
        host.spawn(shell, "/usr/bin/cat", &["cat", "/root/.aws/credentials"]);
        host.spawn(shell, "/usr/bin/ssh", &["ssh", "-i", "/root/.ssh/id_rsa", "x"]);
        assert!(findings_of(&[&DETECTOR], &host).is_empty());
    }
}
