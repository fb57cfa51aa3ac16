//! X1: one process deletes many logs.

use crate::{
    detect::{Declaration, DetectionContext, Finding, PerProcess, ProcessStates, SignalInfo, SignalKind},
    model::{EventBody, EventType, FileAction, SignalClass, Threshold},
};

/// Number of logs that one process must delete. Log rotation starts a process for each run and deletes one or two.
const LOGS: u32 = 3;
/// Maximum number of processes that are tracked.
const PROCESSES: usize = 256;

/// The signal.
const LOGS_DELETED: SignalInfo = SignalInfo {
    id: "X1",
    class: SignalClass::Behavior,
    weight: 20,
    full_weight: 20,
    kind: SignalKind::Sign,
    name: "Logs deleted",
    description: "One process deleted several logs. Whoever has something to hide does so.",
    catches: "An intruder who removes the traces of the way in.",
    techniques: &["T1070.002"],
};

/// The declaration of the detector.
pub(in crate::detect) static DETECTOR: Declaration = Declaration {
    signals: &[LOGS_DELETED],
    wants: &[EventType::File, EventType::Exit],
    evictions: Some("deleted_logs_evicted"),
    create: |_| Box::new(PerProcess::new(PROCESSES, inspect)),
};

/// Counts the logs that each process deletes.
fn inspect(counts: &mut ProcessStates<u32>, context: &DetectionContext<'_>) -> Option<Finding> {
    let EventBody::File(change) = &context.event.body else { return None };
    if change.action != FileAction::Delete || !change.path.starts_with("/var/log/") {
        return None;
    }
    let deleted = counts.entry(&context.key(), || 0);
    *deleted += 1;
    if *deleted != LOGS {
        return None;
    }
    let detail = format!("'{}' deleted {LOGS} logs", context.process.view.name);
    let finding = Finding::new(LOGS_DELETED, context, detail)
        .measured("deleted", *deleted, Threshold::at_least(LOGS))
        .value("last", &change.path);
    Some(finding)
}

#[cfg(test)]
mod tests {
    use super::DETECTOR;
    use crate::testing::{Host, findings_of};

    #[test]
    fn only_a_process_that_deletes_many_logs_is_found() {
        type Case = (&'static str, [&'static str; 3], Vec<(&'static str, u8)>);
        let cases: [Case; 2] = [
            ("an intruder", ["/var/log/auth.log", "/var/log/wtmp", "/var/log/syslog"], vec![("X1", 20)]),
            ("log rotation", ["/var/log/syslog.7.gz", "/tmp/x", "/var/log/auth.log.7.gz"], vec![]),
        ];
        for (name, deleted, expected) in cases {
            let mut host = Host::new();
            let init = host.boot("/sbin/init", &["init"]);
            let process = host.spawn(init, "/usr/bin/rm", &["rm"]);
            for path in deleted {
                host.delete(process, path);
            }
            assert_eq!(findings_of(&[&DETECTOR], &host), expected, "{name}");
        }
    }
}
