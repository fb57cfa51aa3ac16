//! B5: a process is hidden from the users of the host.

use super::due::Due;
use crate::{
    detect::{Declaration, DetectionContext, Detector, Finding, Findings, SignalInfo, SignalKind},
    model::{EventBody, EventType, HiddenBy, HiddenProcess, Request, SignalClass},
};

/// The signal. The weak form is a mount over the directory of one process. The full form is a process that `/proc` does
/// not list.
pub const HIDDEN: SignalInfo = SignalInfo {
    id: "B5",
    class: SignalClass::Behavior,
    weight: 70,
    full_weight: 80,
    kind: SignalKind::Sign,
    name: "Hidden process",
    description: "The kernel runs a process that ps and top do not show, because something is mounted over its directory in /proc, or because /proc does not list it.",
    catches: "A process that no tool on the host shows.",
    techniques: &["T1564.013", "T1014"],
};

/// The declaration of the detector.
pub(in crate::detect) static DETECTOR: Declaration = Declaration {
    signals: &[HIDDEN],
    wants: &[EventType::Hidden, EventType::Cpu, EventType::Exit],
    evictions: Some("busy_evicted"),
    create: |_| Box::new(Hidden { asked: Due::new() }),
};

#[derive(Debug)]
struct Hidden {
    /// The busy processes that were asked about. They are asked about again, because a rootkit may be loaded later.
    asked: Due,
}

impl Detector for Hidden {
    fn inspect(&mut self, context: &DetectionContext<'_>, findings: &mut Findings) {
        match &context.event.body {
            EventBody::Hidden(hidden) => findings.push(found(context, hidden)),
            // A process that uses CPU time exists, whatever /proc says.
            EventBody::Cpu(_) if self.asked.is_due(context.key(), context.at()) => {
                findings.request(Request::Visibility(context.event.subject.clone()));
            }
            EventBody::Exit(_) => self.asked.remove(context.key()),
            _ => {}
        }
    }

    fn evicted(&self) -> u64 {
        self.asked.evicted()
    }
}

fn found(context: &DetectionContext<'_>, hidden: &HiddenProcess) -> Finding {
    let pid = context.key().pid;
    let HiddenProcess { by, source, preloaded, process: _ } = hidden;
    let (words, how) = match by {
        HiddenBy::Mount => {
            ("mount", format!("something is mounted over /proc/{pid}; to see it, run: umount /proc/{pid}"))
        }
        HiddenBy::OtherProc => (
            "other-proc",
            "something is mounted over /proc; to see it, mount another procfs elsewhere".to_owned(),
        ),
        HiddenBy::Unlisted => (
            "unlisted",
            format!("/proc does not list it although it runs; to see it, run: ls -l /proc/{pid}/exe"),
        ),
    };
    let detail = format!("'{}' (pid {pid}) is hidden: {how}", context.process.view.name);
    let mut finding = Finding::new(HIDDEN, context, detail).value("hidden_by", words);
    if let Some(source) = source {
        finding = finding.value("mounted", source);
    }
    for library in preloaded {
        finding = finding.value("preloaded", library);
    }
    match by {
        HiddenBy::Mount => finding.technique("T1564.013"),
        HiddenBy::OtherProc | HiddenBy::Unlisted => finding.full().technique("T1014"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        model::Verdict,
        testing::{CpuReport, Host, findings_of, requests, verdict},
    };

    fn hidden(by: HiddenBy) -> EventBody {
        let source = Some("ext4 /srv/empty".into());
        EventBody::Hidden(Box::new(HiddenProcess { by, source, preloaded: Vec::new(), process: None }))
    }

    #[test]
    fn a_hidden_process_is_suspected_alone_and_never_mining() {
        for (by, points) in [(HiddenBy::Mount, 70), (HiddenBy::OtherProc, 80), (HiddenBy::Unlisted, 80)] {
            let mut host = Host::new();
            let init = host.boot("/sbin/init", &["init"]);
            let process = host.spawn(init, "/usr/bin/x", &["x"]);
            host.happen(process, hidden(by));
            assert_eq!(findings_of(&[&DETECTOR], &host), [("B5", points)]);
            assert_eq!(verdict(&host), Some(Verdict::Suspected), "{by:?}");
        }
    }

    #[test]
    fn a_busy_process_is_asked_about_once_in_a_while() {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let process = host.spawn(init, "/usr/bin/x", &["x"]);
        for _ in 0..10 {
            host.wait(Duration::from_secs(60));
            host.report(process, CpuReport::default());
        }
        let asked =
            requests(&host).iter().filter(|request| matches!(request, Request::Visibility(_))).count();
        assert_eq!(asked, 2);
    }
}
