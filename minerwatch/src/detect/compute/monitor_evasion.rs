//! C11: work that stops when a person looks: within two seconds of a login, or of `top` and its like.

use std::collections::VecDeque;

use crate::{
    bounded::BoundedMap,
    detect::{DetectionContext, Finding, signals, tuning},
    model::{BootTime, ProcessKey},
    process::{Role, base_name},
};

use super::phases::{Pause, Phases};

/// Programs that show who uses the CPU.
const LOOKING_GLASSES: [&str; 12] =
    ["top", "htop", "btop", "atop", "ps", "pidstat", "mpstat", "glances", "nmon", "w", "uptime", "vmstat"];

#[derive(Clone, Copy, Debug, Default)]
struct EvasionCount {
    /// Times somebody looked while it worked.
    looks: u32,
    /// Pauses it made at all, and those that followed a look.
    pauses: u32,
    hid: u32,
}

/// Who looked when, and who hid.
#[derive(Debug)]
pub struct MonitorEvasion {
    looks: VecDeque<BootTime>,
    workers: BoundedMap<ProcessKey, EvasionCount>,
}

impl MonitorEvasion {
    /// Follows at most so many processes.
    pub fn new(capacity: usize) -> Self {
        Self { looks: VecDeque::new(), workers: BoundedMap::new(capacity) }
    }

    /// How many were given up for others.
    pub fn evicted(&self) -> u64 {
        self.workers.evicted()
    }

    /// A program started; it may be somebody who looks. Whoever works now is seen.
    pub fn exec(&mut self, context: &DetectionContext<'_>, phases: &Phases) {
        let name = base_name(&context.process.view.executable.path);
        let looks = LOOKING_GLASSES.contains(&name) || context.process.role == Role::LoginShell;
        let at = context.at();
        // Several looks at once are one.
        if !looks || self.looks.back().is_some_and(|last| at.since(*last) < tuning::LOOK_SPAN) {
            return;
        }
        if self.looks.len() >= tuning::LOOKS {
            self.looks.pop_front();
        }
        self.looks.push_back(at);
        for (key, phase) in phases.working(at) {
            if at.since(phase.since) >= tuning::EVASION_WORK {
                self.workers.entry(&key, EvasionCount::default).looks += 1;
            }
        }
    }

    /// A process works again after a pause.
    pub fn resumed(&mut self, context: &DetectionContext<'_>, pause: Pause) -> Option<Finding> {
        let shyness = self.workers.get_mut(&context.key())?;
        shyness.pauses += 1;
        let end = pause.before.until;
        let hid = |look: &BootTime| {
            end.since(*look) <= tuning::EVASION_LAG && look.since(end) <= tuning::REPORT_LAG
        };
        if !self.looks.iter().any(hid) {
            return None;
        }
        shyness.hid += 1;
        let EvasionCount { looks, pauses, hid } = *shyness;
        let mostly = |part: u32, whole: u32| f64::from(part) >= tuning::EVASION_SHARE * f64::from(whole);
        if hid < tuning::EVASION_TIMES || !mostly(hid, pauses) || !mostly(hid, looks) {
            return None;
        }
        let detail = format!("stopped working within 2 s of somebody looking, {hid} of {looks} times");
        Some(
            Finding::new(signals::MONITOR_EVASION, context, detail)
                .against("hid", &hid, "at least 3, and 7 of 10 looks and pauses")
                .with("looks", &looks)
                .with("pauses", &pauses),
        )
    }

    /// Forgets a process that ended.
    pub fn forget(&mut self, key: ProcessKey) {
        self.workers.remove(&key);
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        engine::testing::{Host, findings, seconds},
        model::ProcessKey,
    };

    fn found(act: impl Fn(&mut Host, ProcessKey, ProcessKey)) -> usize {
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

    #[test]
    fn hides_from_top_three_times() {
        let hides = |times: usize| {
            found(move |host, init, worker| {
                for _ in 0..times {
                    host.burn(worker, 2.0, 60);
                    look(host, init);
                    host.burn(worker, 2.0, 1);
                    host.wait(seconds(120));
                }
                host.burn(worker, 2.0, 5);
            })
        };
        assert_eq!(hides(2), 0);
        assert_eq!(hides(3), 1);
    }

    #[test]
    fn hides_from_a_login() {
        let count = found(|host, init, worker| {
            let sshd = host.spawn(init, "/usr/sbin/sshd", &["sshd: me"]);
            for _ in 0..3 {
                host.burn(worker, 2.0, 60);
                host.spawn(sshd, "/usr/bin/bash", &["-bash"]);
                host.wait(seconds(120));
            }
            host.burn(worker, 2.0, 5);
        });
        assert_eq!(count, 1);
    }

    #[test]
    fn who_is_looked_at_and_goes_on_is_not_shy() {
        let busy = found(|host, init, worker| {
            for _ in 0..20 {
                host.burn(worker, 2.0, 30);
                look(host, init);
            }
        });
        assert_eq!(busy, 0);
        let watched_jobs = found(|host, init, worker| {
            // A monitor looks each 15 s; jobs of a minute end now and then beside a look.
            for _ in 0..20 {
                for _ in 0..4 {
                    host.burn(worker, 2.0, 15);
                    look(host, init);
                }
                host.wait(seconds(60));
            }
        });
        assert_eq!(watched_jobs, 0);
        let own_rhythm = found(|host, init, worker| {
            for number in 0..20 {
                host.burn(worker, 2.0, 30);
                if number % 4 == 0 {
                    look(host, init);
                }
                host.wait(seconds(30));
            }
        });
        assert_eq!(own_rhythm, 0);
    }
}
