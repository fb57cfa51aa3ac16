//! The work of a family: a process and the processes that it forked, which run the same program. Each worker keeps one
//! processor busy, and one process of the family has the connection. Alone, no process of such a miner uses all processors.

use super::{BUSY_SHARE, LEAST_PROCESSORS, OTHER_THREADS, SPAN, STEADY_WORKERS, WAITS, Worker};
use crate::{
    detect::{
        DetectionContext, Finding, ProcessStates,
        compute::{
            processors_used, start_of,
            streak::{CPU_REPORT_GAP, Streak},
            with_scheduling,
        },
    },
    model::{BootTime, CpuUsage, Decimal, ProcessKey, Threshold},
    process::Process,
};

/// Maximum number of generations of a family.
const GENERATIONS: usize = 8;

/// The work of one process of a family.
#[derive(Clone, Copy, Debug)]
pub(super) struct Share {
    /// The oldest process of the family.
    family: ProcessKey,
    streak: Streak,
    /// Number of processors that it used in the latest report.
    used: f64,
}

/// Adds a report of a process that goes to sleep `waits` times per second. Returns a finding if its family keeps the
/// processors busy. Only the oldest of the busy processes reports it.
pub(super) fn worked(
    workers: &mut ProcessStates<Worker>,
    context: &DetectionContext<'_>,
    usage: &CpuUsage,
    waits: f64,
) -> Option<Finding> {
    let worker = workers.get_mut(&context.key())?;
    let used = processors_used(usage);
    if used < BUSY_SHARE || waits >= WAITS || usage.threads > OTHER_THREADS {
        worker.share = None;
        return None;
    }
    let start = start_of(context, usage.window);
    let begin = || Share { family: oldest_of_family(context), streak: Streak::new(start), used };
    let share = worker.share.get_or_insert_with(begin);
    share.used = used;
    let oldest = share.family;
    let seconds = share.streak.extend(start, context.at(), CPU_REPORT_GAP, SPAN)?.as_secs();
    let family = Family::of(workers, oldest, context.at());
    let needed = BUSY_SHARE * f64::from(context.processors);
    if context.processors < LEAST_PROCESSORS
        || family.processes < 2
        || family.used < needed
        || family.oldest != Some(context.key())
        || !family.has_one_old_connection(context.at())
    {
        return None;
    }
    let Family { processes, used, .. } = family;
    let detail = format!(
        "is one of {processes} processes of its program that kept {used:.1} of {} processors busy and did not wait for \
         {seconds} s, beside one connection",
        context.processors
    );
    let finding = Finding::new(STEADY_WORKERS, context, detail)
        .measured("processors_used", Decimal::new(used, 2), Threshold::at_least(Decimal::new(needed, 2)))
        .measured("waits_per_second", Decimal::new(waits, 1), Threshold::below(Decimal::new(WAITS, 1)))
        .measured("seconds", seconds, Threshold::at_least(SPAN.as_secs()))
        .value("processes", processes);
    Some(with_scheduling(finding, usage))
}

/// The sum of what the processes of a family do.
#[derive(Clone, Copy, Debug, Default)]
struct Family {
    /// The oldest of the busy processes.
    oldest: Option<ProcessKey>,
    /// Number of busy processes, and of the processors that they use.
    processes: u32,
    used: f64,
    /// Number of open connections, and when the last one was opened or closed.
    open: u32,
    changed: Option<BootTime>,
    /// Whether a process has a connection that carries much, or serves somebody.
    is_other: bool,
}

impl Family {
    /// Adds up the processes of the family that have been busy for a full [`SPAN`], or nearly. Their reports come at
    /// different times.
    fn of(workers: &ProcessStates<Worker>, family: ProcessKey, now: BootTime) -> Self {
        let span = SPAN.saturating_sub(CPU_REPORT_GAP);
        let mut sum = Self::default();
        for (key, worker) in workers.iter() {
            let share = worker
                .share
                .filter(|share| share.family == family && share.streak.covers(now, CPU_REPORT_GAP, span));
            if let Some(share) = share {
                sum.processes += 1;
                sum.used += share.used;
                let oldest = sum.oldest.map_or(*key, |oldest| oldest.min(*key));
                sum.oldest = Some(oldest);
            }
            if share.is_some() || *key == family {
                sum.open = sum.open.saturating_add(worker.open);
                sum.changed = sum.changed.max(worker.changed);
                sum.is_other |= worker.is_loaded || worker.serves(now);
            }
        }
        sum
    }

    fn has_one_old_connection(&self, now: BootTime) -> bool {
        self.open == 1 && !self.is_other && self.changed.is_some_and(|changed| now.since(changed) >= SPAN)
    }
}

/// Returns the oldest process of the same program among the process and its nearest ancestors.
fn oldest_of_family(context: &DetectionContext<'_>) -> ProcessKey {
    let program = context.process.view.executable.file;
    let generations = context.table.ancestry(context.key()).take(GENERATIONS);
    let family = generations.take_while(|process| {
        process.key() == context.key() || (program.is_some() && process.view.executable.file == program)
    });
    family.last().map_or(context.key(), Process::key)
}

#[cfg(test)]
mod tests {
    use crate::{
        model::{CpuUsage, EventBody, ProcessKey, SchedulingPolicy},
        testing::{Host, alerts, findings_on, seconds},
    };

    const POOL: &str = "203.0.113.9:443";

    /// A host with a parent and the workers that it forked.
    fn family(workers: usize) -> (Host, ProcessKey, Vec<ProcessKey>) {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let parent = host.spawn(init, "/usr/bin/worker", &["worker"]);
        let workers = (0..workers).map(|_| host.fork(parent)).collect();
        (host, parent, workers)
    }

    /// Lets time pass as each process uses the CPU and goes to sleep so many times per second.
    fn work(host: &mut Host, workers: &[ProcessKey], processors: f64, waits: u64, span: u64) {
        for _ in 0..span {
            host.wait(seconds(1));
            for worker in workers {
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small number")]
                let on_cpu = (processors * 1e9) as u64;
                let usage = CpuUsage {
                    window: 1_000_000_000,
                    on_cpu,
                    total_on_cpu: on_cpu,
                    voluntary: waits * host.now().0 / 1_000_000_000,
                    involuntary: 400,
                    threads: 1,
                    nice: 0,
                    yields: 0,
                    stops: 0,
                    policy: SchedulingPolicy::Other,
                    allowed_processors: 1,
                };
                host.happen(*worker, EventBody::Cpu(usage));
            }
        }
    }

    fn found(host: &Host) -> usize {
        findings_on(host, 4).iter().filter(|(id, _)| *id == "C14").count()
    }

    #[test]
    fn a_family_is_found_that_keeps_all_processors_busy() {
        let cases = [
            ("one process per processor", 4, 0.97, 1, 1),
            ("a processor is left free", 3, 0.97, 1, 0),
            ("each waits for data", 4, 0.9, 60, 0),
            ("each works half of the time", 8, 0.5, 1, 0),
        ];
        for (name, count, processors, waits, expected) in cases {
            let (mut host, parent, workers) = family(count);
            host.connect(parent, POOL);
            work(&mut host, &workers, processors, waits, 70);
            assert_eq!(found(&host), expected, "{name}");
            assert!(alerts(&host).is_empty(), "{name}: it does not count alone");
        }
    }

    #[test]
    fn one_connection_of_the_family_is_old() {
        let (mut host, parent, workers) = family(4);
        work(&mut host, &workers, 0.97, 0, 130);
        assert_eq!(found(&host), 0, "no connection");
        host.connect(workers[1], POOL);
        work(&mut host, &workers, 0.97, 0, 50);
        assert_eq!(found(&host), 0, "a connection of less than a minute");
        work(&mut host, &workers, 0.97, 0, 70);
        assert_eq!(found(&host), 1, "a worker has the connection");
        host.connect(parent, "203.0.113.10:5432");
        work(&mut host, &workers, 0.97, 0, 130);
        assert_eq!(found(&host), 1, "two connections");
    }

    #[test]
    fn processes_of_other_programs_are_no_family() {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let make = host.spawn(init, "/usr/bin/make", &["make"]);
        host.connect(make, POOL);
        let compilers: Vec<_> =
            (0..4).map(|number| host.spawn(make, &format!("/usr/lib/cc{number}"), &["cc"])).collect();
        work(&mut host, &compilers, 0.99, 0, 130);
        assert_eq!(found(&host), 0);
    }
}
