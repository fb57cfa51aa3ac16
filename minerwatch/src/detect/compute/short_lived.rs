//! Adds up the CPU time of the short-lived processes of a program. Each of them ends before its own load says anything.

use std::{sync::Arc, time::Duration};

use super::{BUSY_PROCESSES, streak::CPU_REPORT_GAP};
use crate::{
    bounded::BoundedMap,
    detect::{DetectionContext, Finding, SignalInfo},
    model::{BootTime, Decimal, Exit, FileId, Threshold},
};

/// Minimum CPU time of a process that counts, in nanoseconds: 10 ms. A miner gains little from shorter processes, because
/// starting a process takes about a millisecond.
const LEAST_ON_CPU: u64 = 10_000_000;

/// A program: its file, and the container that it runs in.
type Program = (FileId, Option<Arc<str>>);

/// The processes of each program that ended.
#[derive(Debug)]
pub(super) struct ShortLivedProcesses {
    programs: BoundedMap<Program, Ended>,
}

/// The processes of one program that ended, one after the other or at the same time, without a break.
#[derive(Clone, Copy, Debug)]
struct Ended {
    since: BootTime,
    until: BootTime,
    /// CPU time of all of them, in nanoseconds.
    on_cpu: u64,
    processes: u32,
}

impl ShortLivedProcesses {
    pub(super) fn new() -> Self {
        Self { programs: BoundedMap::new(BUSY_PROCESSES) }
    }

    /// Adds a process that ends. Returns a finding if the program's processes used at least `needed` processors for a
    /// full `span`. A process that lived longer than the span is judged by its own load.
    pub(super) fn ended(
        &mut self,
        context: &DetectionContext<'_>,
        exit: &Exit,
        info: SignalInfo,
        needed: f64,
        span: Duration,
    ) -> Option<Finding> {
        let (start, now) = (context.key().start(), context.at());
        if exit.on_cpu < LEAST_ON_CPU || now.since(start) >= span {
            return None;
        }
        let file = context.process.view.executable.file?;
        let container = context.process.container_id().cloned();
        let begin = |since| Ended { since, until: since, on_cpu: 0, processes: 0 };
        let ended = self.programs.entry(&(file, container), || begin(start));
        if start.since(ended.until) > CPU_REPORT_GAP {
            *ended = begin(start);
        }
        ended.until = now;
        ended.on_cpu = ended.on_cpu.saturating_add(exit.on_cpu);
        ended.processes = ended.processes.saturating_add(1);
        let lasted = now.since(ended.since);
        if lasted < span {
            return None;
        }
        let Ended { on_cpu, processes, .. } = std::mem::replace(ended, begin(now));
        let used = on_cpu as f64 / 1e9 / lasted.as_secs_f64();
        if used < needed || processes < 2 {
            return None;
        }
        let seconds = lasted.as_secs();
        let detail = format!(
            "is one of {processes} processes of its program that kept {used:.1} of {} processors busy for {seconds} s, one \
             after the other",
            context.processors
        );
        let finding = Finding::new(info, context, detail)
            .measured("processors_used", Decimal::new(used, 2), Threshold::at_least(Decimal::new(needed, 2)))
            .measured("seconds", seconds, Threshold::at_least(span.as_secs()))
            .value("processes", processes);
        Some(finding)
    }

    /// Number of evicted programs.
    pub(super) fn evicted(&self) -> u64 {
        self.programs.evicted()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::{
        model::{EventBody, Exit, Verdict},
        testing::{Host, alerts, findings_on, seconds},
    };

    /// Workers that one parent starts one after the other.
    struct Farm {
        path: &'static str,
        /// Each worker has a program of its own.
        differ: bool,
        /// How long each lives, in milliseconds, and how much of that it uses the CPU.
        life: u64,
        on_cpu: u64,
        /// How many there are, and in the middle of them a pause in seconds.
        workers: u64,
        pause: u64,
    }

    const FARM: Farm =
        Farm { path: "/opt/worker", differ: false, life: 70, on_cpu: 75, workers: 750, pause: 0 };

    fn host(farm: &Farm) -> Host {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let parent = host.spawn(init, "/usr/bin/make", &["make"]);
        for number in 0..farm.workers {
            if number == farm.workers / 2 {
                host.wait(seconds(farm.pause));
            }
            let path = if farm.differ { format!("{}{number}", farm.path) } else { farm.path.to_owned() };
            let worker = host.spawn(parent, &path, &["worker"]);
            host.wait(Duration::from_millis(farm.life));
            let on_cpu = farm.on_cpu * 1_000_000;
            host.happen(worker, EventBody::Exit(Exit { code: Some(0), signal: None, on_cpu }));
        }
        host
    }

    fn found(farm: &Farm, id: &str) -> usize {
        findings_on(&host(farm), 2).iter().filter(|(found, _)| *found == id).count()
    }

    #[test]
    fn short_lived_processes_count_like_a_busy_one() {
        assert_eq!(found(&FARM, "C5"), 1, "workers of 70 ms");
        let slow = Farm { life: 20_000, on_cpu: 19_000, workers: 4, ..FARM };
        assert_eq!(found(&slow, "C5"), 1, "workers of 20 s");
        assert_eq!(found(&Farm { workers: 20, ..slow }, "C9"), 1, "for five minutes");
    }

    #[test]
    fn other_short_lived_processes_do_not_count() {
        let cases = [
            ("half of the time", Farm { on_cpu: 35, ..FARM }),
            ("for less than a minute", Farm { workers: 600, ..FARM }),
            ("with a pause", Farm { pause: 10, ..FARM }),
            ("different programs, as of a test runner", Farm { differ: true, ..FARM }),
        ];
        for (name, farm) in cases {
            assert_eq!(found(&farm, "C5"), 0, "{name}");
        }
    }

    #[test]
    fn a_build_opens_no_incident() {
        let build = Farm { path: "/usr/lib/gcc/x86_64-linux-gnu/13/cc1", life: 900, on_cpu: 890, ..FARM };
        let verdicts = |farm: &Farm| alerts(&host(farm)).iter().map(|alert| alert.verdict).max();
        assert_eq!(verdicts(&build), None::<Verdict>);
    }
}
