//! C14: one busy thread for each processor, none of which ever waits, and one old connection with little traffic.
//!
//! A worker of a miner only computes: it waits for nothing, so only the scheduler takes it off its processor. Whatever
//! the algorithm is, its results and its next job go over one connection that stays. Programs that compute with data,
//! such as encoders and compilers, wait for files or for each other many times a second. Programs that compute for
//! others, such as servers of models, are asked over connections that they accept, or get much data.
//!
//! The reports of CPU use are sums over the threads of a process, so the share of each thread is not known. Processes that
//! share the work are added up in [`family`].

mod family;

use std::time::Duration;

use super::{
    SCHEDULING_EVICTED, processors_used, start_of,
    streak::{CPU_REPORT_GAP, Streak},
    with_scheduling,
};
use crate::{
    detect::{Declaration, DetectionContext, Finding, PerProcess, ProcessStates, SignalInfo, SignalKind},
    model::{BootTime, CpuUsage, Decimal, EventBody, EventType, Protocol, SignalClass, Threshold},
};

/// Share of the allowed processors that the process must use.
const BUSY_SHARE: f64 = 0.85;
/// Minimum number of allowed processors. On a single one, each loop that computes looks like this.
const LEAST_PROCESSORS: u32 = 2;
/// Maximum number of threads besides one for each processor. A miner has a few for the network and for its console.
const OTHER_THREADS: u32 = 8;
/// Number of times per second below which all threads together go to sleep. The threads that wait for the network and
/// for timers do so a few times.
const WAITS: f64 = 12.0;
/// How long the process must work like this, and minimum age of its connection.
const SPAN: Duration = Duration::from_secs(60);
/// Maximum traffic of the connection in bytes per minute, both directions together. Jobs that come twice a second take
/// half of that.
const BYTES_PER_MINUTE: u64 = 100_000;
/// Maximum number of processes whose connections are tracked.
const PROCESSES: usize = 4_096;

/// The signal.
pub const STEADY_WORKERS: SignalInfo = SignalInfo {
    id: "C14",
    class: SignalClass::Compute,
    weight: 45,
    full_weight: 45,
    kind: SignalKind::Hint,
    name: "A busy thread per processor that never waits, and one connection",
    description: "For a minute, the process, or what it forked, kept every processor that it may use busy, no thread ever waited for anything, there was one connection that was older and carried little, and nobody was served. Miners work like this with any algorithm, and some simulations do too.",
    catches: "Miners with unknown algorithms, together with other signals.",
    techniques: &["T1496.001"],
};

/// The declaration of the detector.
pub(in crate::detect) static DETECTOR: Declaration = Declaration {
    signals: &[STEADY_WORKERS],
    wants: &[
        EventType::Connect,
        EventType::RunningFlow,
        EventType::Close,
        EventType::Payload,
        EventType::FlowUpdate,
        EventType::Cpu,
        EventType::Exit,
    ],
    evictions: SCHEDULING_EVICTED,
    create: |_| Box::new(PerProcess::new(PROCESSES, inspect)),
};

/// The TCP connections and the work of a process.
#[derive(Clone, Copy, Debug, Default)]
struct Worker {
    open: u32,
    /// When a connection was last opened or closed.
    changed: Option<BootTime>,
    /// Whether its connection carries much.
    is_loaded: bool,
    /// When traffic of a connection that it accepted was last seen.
    served: Option<BootTime>,
    /// How often its threads had gone to sleep at the latest report.
    waits: Option<u64>,
    streak: Option<Streak>,
    /// The work that it shares with other processes.
    share: Option<family::Share>,
}

impl Worker {
    /// Whether the process served somebody lately.
    fn serves(&self, now: BootTime) -> bool {
        self.served.is_some_and(|served| now.since(served) < SPAN)
    }
}

fn inspect(workers: &mut ProcessStates<Worker>, context: &DetectionContext<'_>) -> Option<Finding> {
    match &context.event.body {
        EventBody::Connect(connect) if connect.result == 0 && connect.flow.protocol == Protocol::Tcp => {
            let worker = workers.entry(&context.key(), Worker::default);
            worker.open = worker.open.saturating_add(1);
            worker.changed = Some(context.at());
            worker.is_loaded = false;
        }
        // The connection is older than the daemon.
        EventBody::RunningFlow(flow) if flow.protocol == Protocol::Tcp => {
            let worker = workers.entry(&context.key(), Worker::default);
            worker.open = worker.open.saturating_add(1);
            worker.changed.get_or_insert(context.at());
        }
        EventBody::Close(close) if close.flow.protocol == Protocol::Tcp => {
            let worker = workers.get_mut(&context.key())?;
            worker.open = worker.open.saturating_sub(1);
            worker.changed = Some(context.at());
        }
        EventBody::Payload(payload) if payload.accepted && payload.flow.protocol == Protocol::Tcp => {
            workers.entry(&context.key(), Worker::default).served = Some(context.at());
        }
        EventBody::FlowUpdate(update) if update.flow.protocol == Protocol::Tcp => {
            let worker = workers.entry(&context.key(), Worker::default);
            if update.accepted {
                worker.served = Some(context.at());
            } else {
                let lasted = context.at().since(update.first);
                worker.is_loaded = update.bytes_per_minute(lasted) > BYTES_PER_MINUTE;
            }
        }
        EventBody::Cpu(usage) => return worked(workers, context, usage),
        _ => {}
    }
    None
}

/// Judges a report of CPU use: the process alone, else together with its family.
fn worked(
    workers: &mut ProcessStates<Worker>,
    context: &DetectionContext<'_>,
    usage: &CpuUsage,
) -> Option<Finding> {
    let is_busy = processors_used(usage) >= BUSY_SHARE;
    let worker = if is_busy {
        workers.entry(&context.key(), Worker::default)
    } else {
        workers.get_mut(&context.key())?
    };
    let before = worker.waits.replace(usage.voluntary)?;
    let waits = usage.voluntary.saturating_sub(before) as f64 * 1e9 / usage.window.max(1) as f64;
    worked_alone(worker, context, usage, waits).or_else(|| family::worked(workers, context, usage, waits))
}

/// Adds a report of a process whose threads together go to sleep `waits` times per second.
fn worked_alone(
    worker: &mut Worker,
    context: &DetectionContext<'_>,
    usage: &CpuUsage,
    waits: f64,
) -> Option<Finding> {
    // The report is of one thread. If that is bound to one processor, the others are bound to others.
    let allowed = if usage.allowed_processors > 1 { usage.allowed_processors } else { context.processors };
    let used = processors_used(usage);
    let needed = BUSY_SHARE * f64::from(allowed);
    let is_steady = allowed >= LEAST_PROCESSORS
        && used >= needed
        && (allowed..=allowed.saturating_add(OTHER_THREADS)).contains(&usage.threads)
        && waits < WAITS
        && worker.open == 1
        && !worker.is_loaded
        && !worker.serves(context.at());
    if !is_steady {
        worker.streak = None;
        return None;
    }
    let start = start_of(context, usage.window).max(worker.changed?);
    let streak = worker.streak.get_or_insert_with(|| Streak::new(start));
    let seconds = streak.extend(start, context.at(), CPU_REPORT_GAP, SPAN)?.as_secs();
    let detail = format!(
        "kept {used:.1} of {allowed} processors busy with {} threads that did not wait for {seconds} s, beside one connection",
        usage.threads
    );
    let finding = Finding::new(STEADY_WORKERS, context, detail)
        .measured("processors_used", Decimal::new(used, 2), Threshold::at_least(Decimal::new(needed, 2)))
        .measured("waits_per_second", Decimal::new(waits, 1), Threshold::below(Decimal::new(WAITS, 1)))
        .measured("seconds", seconds, Threshold::at_least(SPAN.as_secs()));
    Some(with_scheduling(finding, usage))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{Direction, Flow, FlowUpdate, ProcessKey, SchedulingPolicy},
        testing::{Host, TcpPayload, alerts, findings_on, seconds},
    };

    const POOL: &str = "203.0.113.9:443";

    /// How a process works in each second.
    #[derive(Clone, Copy)]
    struct Work {
        processors: f64,
        threads: u32,
        waits: u64,
        allowed: u32,
    }

    const MINER: Work = Work { processors: 3.9, threads: 7, waits: 5, allowed: 4 };

    fn host() -> (Host, ProcessKey) {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let worker = host.spawn(init, "/usr/bin/worker", &["worker"]);
        (host, worker)
    }

    fn work(host: &mut Host, key: ProcessKey, work: Work, span: u64) {
        for second in 1..=span {
            host.wait(seconds(1));
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small number")]
            let on_cpu = (work.processors * 1e9) as u64;
            let usage = CpuUsage {
                window: 1_000_000_000,
                on_cpu,
                total_on_cpu: on_cpu * second,
                voluntary: work.waits * host.now().0 / 1_000_000_000,
                involuntary: 400,
                threads: work.threads,
                nice: 0,
                yields: 0,
                stops: 0,
                policy: SchedulingPolicy::Other,
                allowed_processors: work.allowed,
            };
            host.happen(key, EventBody::Cpu(usage));
        }
    }

    fn found(host: &Host) -> usize {
        findings_on(host, 4).iter().filter(|(id, _)| *id == "C14").count()
    }

    #[test]
    fn workers_that_never_wait_are_found_beside_one_connection() {
        let cases = [
            ("a miner", MINER, 1),
            ("a miner of two threads", Work { processors: 1.95, threads: 2, allowed: 2, ..MINER }, 1),
            ("a miner whose threads are bound to processors", Work { allowed: 1, ..MINER }, 1),
            ("an encoder, whose threads wait for frames", Work { waits: 900, ..MINER }, 0),
            ("a compiler, whose threads wait for files and for each other", Work { waits: 60, ..MINER }, 0),
            ("a server with a large pool of threads", Work { threads: 200, ..MINER }, 0),
            ("a program that leaves a processor free", Work { processors: 3.0, ..MINER }, 0),
            ("fewer threads than processors", Work { threads: 3, ..MINER }, 0),
            ("one processor of four", Work { processors: 1.0, threads: 1, allowed: 1, ..MINER }, 0),
        ];
        for (name, how, expected) in cases {
            let (mut host, worker) = host();
            host.connect(worker, POOL);
            work(&mut host, worker, how, 70);
            assert_eq!(found(&host), expected, "{name}");
            assert!(alerts(&host).is_empty(), "{name}: it does not count alone");
        }
    }

    /// Lets time pass as a program works like a miner and has this traffic in each minute.
    fn work_with(accepted: bool, bytes_per_minute: u64) -> usize {
        let (mut host, worker) = host();
        host.connect(worker, POOL);
        let first = host.now();
        for minute in 1..=3 {
            work(&mut host, worker, MINER, 59);
            let flow = Flow {
                protocol: Protocol::Tcp,
                source: "10.0.0.2:40000".parse().unwrap(),
                destination: POOL.parse().unwrap(),
                opened: first,
            };
            let bytes = (0, bytes_per_minute * minute);
            let payloads = (0, 60);
            let samples = Box::default();
            let update = FlowUpdate { flow, accepted, interval: true, first, bytes, payloads, samples };
            host.happen(worker, EventBody::FlowUpdate(Box::new(update)));
        }
        work(&mut host, worker, MINER, 50);
        found(&host)
    }

    #[test]
    fn the_connection_carries_little_and_nobody_is_served() {
        assert_eq!(work_with(false, 2_000), 3, "a miner");
        assert_eq!(work_with(false, 50_000), 3, "a miner with two jobs a second");
        assert_eq!(work_with(false, 2_000_000), 0, "a program that is fed with data");
        assert_eq!(work_with(true, 2_000), 0, "a server of models");
    }

    #[test]
    fn a_server_is_one_from_its_first_payload() {
        let (mut host, worker) = host();
        host.connect(worker, POOL);
        let asks = |host: &mut Host| {
            let bytes = b"POST /v1/completions HTTP/1.1\r\n\r\n";
            let direction = Direction::Received;
            host.payload(worker, TcpPayload { peer: "198.51.100.7:50000", direction, accepted: true, bytes });
        };
        asks(&mut host);
        work(&mut host, worker, MINER, 50);
        asks(&mut host);
        work(&mut host, worker, MINER, 59);
        assert_eq!(found(&host), 0);
        work(&mut host, worker, MINER, 70);
        assert_eq!(found(&host), 1, "nobody asks any more");
    }

    #[test]
    fn other_connections_are_no_sign() {
        let (mut host, worker) = host();
        work(&mut host, worker, MINER, 130);
        assert_eq!(found(&host), 0, "no connection, as of a simulation on one host");
        host.connect(worker, POOL);
        work(&mut host, worker, MINER, 50);
        assert_eq!(found(&host), 0, "a connection of 50 seconds");
        host.connect(worker, "203.0.113.10:5432");
        work(&mut host, worker, MINER, 130);
        assert_eq!(found(&host), 0, "two connections");
        host.disconnect(worker, "203.0.113.10:5432");
        work(&mut host, worker, MINER, 61);
        assert_eq!(found(&host), 1, "one connection again");
    }
}
