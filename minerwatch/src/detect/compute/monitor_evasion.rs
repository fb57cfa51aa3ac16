//! C11: work that stops within seconds of a look: a login, or a start of `top` or a similar monitor.

use std::{collections::VecDeque, time::Duration};

use super::{BUSY_PROCESSES, SCHEDULING_EVICTED};
use crate::{
    bounded::BoundedMap,
    detect::{
        Declaration, DetectionContext, Detector, Finding, Findings, Pause, REPORT_DELAY, SignalInfo,
        SignalKind,
    },
    model::{BootTime, EventBody, EventType, ProcessKey, SignalClass, Threshold},
    process::{Role, base_name},
};

/// Programs that show which processes use the CPU.
const MONITORS: [&str; 12] =
    ["top", "htop", "btop", "atop", "ps", "pidstat", "mpstat", "glances", "nmon", "w", "uptime", "vmstat"];
/// Minimum time between two looks. Looks closer together count as one.
const ONE_LOOK: Duration = Duration::from_secs(10);
/// Maximum number of looks that are remembered.
const MOST_LOOKS: usize = 16;
/// Maximum time from a look to the end of the work, in seconds.
const REACTION_SECONDS: u64 = 2;
/// Additional time for the last report of the work. Reports come once per second.
const LAST_REPORT: Duration = Duration::from_secs(1);
/// Minimum time of work before a look, so that the look counts for the process.
const WORKED_FOR: Duration = Duration::from_secs(10);
/// Minimum number of pauses that followed a look. Two may be chance.
const TIMES: u32 = 3;
/// Minimum number of pauses that followed a look, per ten looks and per ten pauses of the process.
const OF_TEN: u32 = 7;

/// The signal.
pub const MONITOR_EVASION: SignalInfo = SignalInfo {
    id: "C11",
    class: SignalClass::Compute,
    weight: 25,
    full_weight: 25,
    kind: SignalKind::Sign,
    name: "Stops working when somebody looks",
    description: "At least three times, the process's work stopped within 2 seconds of a login or of a start of top, ps or the like, and it hardly ever rested otherwise.",
    catches: "A miner that hides from the person who looks for it.",
    techniques: &["T1497.002"],
};

/// The declaration of the detector.
pub(in crate::detect) static DETECTOR: Declaration = Declaration {
    signals: &[MONITOR_EVASION],
    wants: &[EventType::Exec, EventType::Cpu, EventType::Exit],
    evictions: SCHEDULING_EVICTED,
    create: |_| Box::new(MonitorEvasion { looks: VecDeque::new(), workers: BoundedMap::new(BUSY_PROCESSES) }),
};

/// The reactions of one process to looks.
#[derive(Clone, Copy, Debug, Default)]
struct Reactions {
    /// Looks while the process worked.
    looks: u32,
    /// All pauses of the process.
    pauses: u32,
    /// Pauses that followed a look.
    hid: u32,
}

/// The times of the looks, and the reactions of the working processes.
#[derive(Debug)]
struct MonitorEvasion {
    looks: VecDeque<BootTime>,
    workers: BoundedMap<ProcessKey, Reactions>,
}

impl Detector for MonitorEvasion {
    fn inspect(&mut self, context: &DetectionContext<'_>, findings: &mut Findings) {
        match &context.event.body {
            EventBody::Exec(_) => self.started(context),
            EventBody::Cpu(_) => {
                findings.add(context.known.facts.pause.and_then(|pause| self.resumed(context, pause)));
            }
            EventBody::Exit(_) => drop(self.workers.remove(&context.key())),
            _ => {}
        }
    }

    fn evicted(&self) -> u64 {
        self.workers.evicted()
    }
}

impl MonitorEvasion {
    /// Records a look if the started program is a monitor or a login shell. The look counts for every process that has
    /// worked for long enough.
    fn started(&mut self, context: &DetectionContext<'_>) {
        let name = base_name(&context.process.view.executable.path);
        let looks = MONITORS.contains(&name) || context.process.role == Role::LoginShell;
        let at = context.at();
        if !looks || self.looks.back().is_some_and(|last| at.since(*last) < ONE_LOOK) {
            return;
        }
        if self.looks.len() >= MOST_LOOKS {
            self.looks.pop_front();
        }
        self.looks.push_back(at);
        for (key, phase) in context.known.phases.working(at) {
            if at.since(phase.since) >= WORKED_FOR {
                self.workers.entry(&key, Reactions::default).looks += 1;
            }
        }
    }

    /// Counts a pause that has just ended. Returns a finding if enough pauses followed a look.
    fn resumed(&mut self, context: &DetectionContext<'_>, pause: Pause) -> Option<Finding> {
        let process = self.workers.get_mut(&context.key())?;
        process.pauses += 1;
        let end = pause.before.until;
        let reaction = Duration::from_secs(REACTION_SECONDS) + LAST_REPORT;
        let followed = |look: &BootTime| end.since(*look) <= reaction && look.since(end) <= REPORT_DELAY;
        if !self.looks.iter().any(followed) {
            return None;
        }
        process.hid += 1;
        let Reactions { looks, pauses, hid } = *process;
        let mostly = |whole: u32| u64::from(hid) * 10 >= u64::from(whole) * u64::from(OF_TEN);
        if hid < TIMES || !mostly(pauses) || !mostly(looks) {
            return None;
        }
        let detail = format!(
            "stopped working within {REACTION_SECONDS} s of somebody looking, {hid} of {looks} times"
        );
        let needed = Threshold::at_least(TIMES).note(format!(", and {OF_TEN} of 10 looks and pauses"));
        let finding = Finding::new(MONITOR_EVASION, context, detail)
            .measured("hid", hid, needed)
            .value("looks", looks)
            .value("pauses", pauses);
        Some(finding)
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        model::ProcessKey,
        testing::{Host, findings, seconds},
    };

    /// The actions of a test case, given the keys of init and the worker.
    type Act = fn(&mut Host, ProcessKey, ProcessKey);

    fn found(act: Act) -> usize {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let worker = host.spawn(init, "/usr/bin/worker", &["worker"]);
        act(&mut host, init, worker);
        findings(&host).iter().filter(|(id, _)| *id == "C11").count()
    }

    fn look(host: &mut Host, init: ProcessKey) {
        let top = host.spawn(init, "/usr/bin/top", &["top"]);
        host.exit(top);
    }

    fn hide(host: &mut Host, init: ProcessKey, worker: ProcessKey, times: usize) {
        for _ in 0..times {
            host.burn(worker, 2.0, 60);
            look(host, init);
            host.burn(worker, 2.0, 1);
            host.wait(seconds(120));
        }
        host.burn(worker, 2.0, 5);
    }

    #[test]
    fn work_that_stops_whenever_somebody_looks_is_found() {
        let cases: [(&str, Act, usize); 3] = [
            ("three times", |host, init, worker| hide(host, init, worker, 3), 1),
            ("twice is chance", |host, init, worker| hide(host, init, worker, 2), 0),
            (
                "logins",
                |host, init, worker| {
                    let sshd = host.spawn(init, "/usr/sbin/sshd", &["sshd: me"]);
                    for _ in 0..3 {
                        host.burn(worker, 2.0, 60);
                        host.spawn(sshd, "/usr/bin/bash", &["-bash"]);
                        host.wait(seconds(120));
                    }
                    host.burn(worker, 2.0, 5);
                },
                1,
            ),
        ];
        for (name, act, expected) in cases {
            assert_eq!(found(act), expected, "{name}");
        }
    }

    #[test]
    fn work_that_goes_on_or_rests_on_its_own_is_not_found() {
        let cases: [(&str, Act); 3] = [
            ("it goes on", |host, init, worker| {
                for _ in 0..20 {
                    host.burn(worker, 2.0, 30);
                    look(host, init);
                }
            }),
            (
                "a monitor looks each 15 s, and jobs of a minute end now and then beside a look",
                |host, init, worker| {
                    for _ in 0..20 {
                        for _ in 0..4 {
                            host.burn(worker, 2.0, 15);
                            look(host, init);
                        }
                        host.wait(seconds(60));
                    }
                },
            ),
            ("one pause in four follows a look", |host, init, worker| {
                for number in 0..20 {
                    host.burn(worker, 2.0, 30);
                    if number % 4 == 0 {
                        look(host, init);
                    }
                    host.wait(seconds(30));
                }
            }),
        ];
        for (name, act) in cases {
            assert_eq!(found(act), 0, "{name}");
        }
    }
}
