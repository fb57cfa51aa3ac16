//! C7: a process that works only while its one connection is open.
//!
//! A miner without a pool has nothing to compute, so its workers sleep until the connection is back. The content of the
//! connection does not matter. One cycle: the last connection ends, the work stops soon after and does not resume, a
//! new connection opens, and the work resumes soon after.

use std::time::Duration;

use super::SCHEDULING_EVICTED;
use crate::{
    detect::{
        Declaration, DetectionContext, Finding, Pause, PerProcess, ProcessStates, SignalInfo, SignalKind,
    },
    model::{BootTime, EventBody, EventType, Protocol, SignalClass, Threshold},
};

/// Maximum time between the end of a connection and the end of the work, and between the start of a connection and the
/// start of the work.
const LAG: Duration = Duration::from_secs(8);
/// Minimum length of the work before a pause. A job for each connection is shorter.
const SHORTEST_WORK: Duration = Duration::from_secs(20);
/// Minimum number of cycles in a row. One may be chance.
const CYCLES: u32 = 2;
/// Maximum number of processes whose connections are tracked.
const PROCESSES: usize = 4_096;

/// The signal.
pub const CONNECTION_GATED_LOAD: SignalInfo = SignalInfo {
    id: "C7",
    class: SignalClass::Compute,
    weight: 35,
    full_weight: 35,
    kind: SignalKind::Sign,
    name: "Works only while its one connection is open",
    description: "At least twice, the process's work stopped when its only connection ended, and came back with the next one. A miner without a pool has nothing to compute.",
    catches: "A miner behind any encryption or proxy, known by when it stops.",
    techniques: &["T1496.001"],
};

/// The declaration of the detector.
pub(in crate::detect) static DETECTOR: Declaration = Declaration {
    signals: &[CONNECTION_GATED_LOAD],
    wants: &[EventType::Connect, EventType::RunningFlow, EventType::Close, EventType::Cpu, EventType::Exit],
    evictions: SCHEDULING_EVICTED,
    create: |_| Box::new(PerProcess::new(PROCESSES, inspect)),
};

/// The TCP connections of a process. Connections within the host count too, because a proxy may run on the host.
#[derive(Clone, Debug, Default)]
struct Connections {
    open: u32,
    /// Maximum number of connections open at the same time since the last pause.
    most: u32,
    /// When the last open connection ended.
    closed: Option<BootTime>,
    /// When a connection was opened while no other was open.
    opened: Option<BootTime>,
    cycles: u32,
}

fn inspect(processes: &mut ProcessStates<Connections>, context: &DetectionContext<'_>) -> Option<Finding> {
    match &context.event.body {
        EventBody::Connect(connect) if connect.result == 0 => {
            opened(processes, context, connect.flow.protocol);
        }
        EventBody::RunningFlow(flow) => opened(processes, context, flow.protocol),
        EventBody::Close(close) => closed(processes, context, close.flow.protocol),
        EventBody::Cpu(_) => return resumed(processes, context, context.known.facts.pause?),
        _ => {}
    }
    None
}

fn opened(processes: &mut ProcessStates<Connections>, context: &DetectionContext<'_>, protocol: Protocol) {
    if protocol != Protocol::Tcp {
        return;
    }
    let connections = processes.entry(&context.key(), Connections::default);
    if connections.open == 0 {
        connections.opened = Some(context.at());
    }
    connections.open = connections.open.saturating_add(1);
    connections.most = connections.most.max(connections.open);
}

fn closed(processes: &mut ProcessStates<Connections>, context: &DetectionContext<'_>, protocol: Protocol) {
    if protocol != Protocol::Tcp {
        return;
    }
    let Some(connections) = processes.get_mut(&context.key()) else { return };
    connections.open = connections.open.saturating_sub(1);
    if connections.open == 0 {
        connections.closed = Some(context.at());
    }
}

/// Counts a cycle if the pause that has just ended fits the connections of the process. Returns a finding after enough
/// cycles.
fn resumed(
    processes: &mut ProcessStates<Connections>,
    context: &DetectionContext<'_>,
    pause: Pause,
) -> Option<Finding> {
    let connections = processes.get_mut(&context.key())?;
    let Pause { before, resumed } = pause;
    let is_cycle = connections.most == 1
        && before.span() >= SHORTEST_WORK
        && connections.closed.is_some_and(|closed| is_near(closed, before.until))
        && connections
            .opened
            .is_some_and(|opened| Some(opened) > connections.closed && is_near(opened, resumed));
    connections.most = connections.open;
    connections.cycles = if is_cycle { connections.cycles + 1 } else { 0 };
    let cycles = connections.cycles;
    if cycles < CYCLES {
        return None;
    }
    let detail = format!(
        "worked only while its one connection was open: {cycles} times the work ended and came back with it"
    );
    let finding = Finding::new(CONNECTION_GATED_LOAD, context, detail)
        .measured("cycles", cycles, Threshold::at_least(CYCLES))
        .value("last_pause_seconds", resumed.since(before.until).as_secs());
    Some(finding)
}

fn is_near(one: BootTime, other: BootTime) -> bool {
    one.since(other).max(other.since(one)) <= LAG
}

#[cfg(test)]
mod tests {
    use crate::{
        model::ProcessKey,
        testing::{Host, findings, seconds},
    };

    /// The actions of a test case, given the key of the worker.
    type Act = fn(&mut Host, ProcessKey);

    fn found(act: impl Fn(&mut Host, ProcessKey)) -> usize {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let worker = host.spawn(init, "/usr/bin/worker", &["worker"]);
        act(&mut host, worker);
        findings(&host).iter().filter(|(id, _)| *id == "C7").count()
    }

    #[test]
    fn work_that_twice_ends_and_comes_back_with_the_connection_is_found() {
        for (cycles, expected) in [(1, 0), (2, 1), (4, 3)] {
            let found = found(|host, worker| {
                for _ in 0..cycles {
                    host.connect(worker, "10.0.0.9:443");
                    host.burn(worker, 2.0, 40);
                    host.disconnect(worker, "10.0.0.9:443");
                    host.wait(seconds(60));
                }
                host.connect(worker, "10.0.0.9:443");
                host.burn(worker, 2.0, 5);
            });
            assert_eq!(found, expected, "{cycles} cycles");
        }
    }

    #[test]
    fn a_connection_for_each_job_is_not_found() {
        let cases: [(&str, Act); 4] = [
            ("a short job each minute", |host, worker| {
                for _ in 0..10 {
                    host.connect(worker, "10.0.0.9:5432");
                    host.burn(worker, 1.0, 6);
                    host.disconnect(worker, "10.0.0.9:5432");
                    host.wait(seconds(54));
                }
            }),
            ("a runner that fetches, then builds", |host, worker| {
                for _ in 0..10 {
                    host.connect(worker, "10.0.0.9:443");
                    host.wait(seconds(1));
                    host.disconnect(worker, "10.0.0.9:443");
                    host.burn(worker, 1.0, 60);
                    host.wait(seconds(30));
                }
            }),
            ("another connection stays open", |host, worker| {
                host.connect(worker, "10.0.0.9:5432");
                for _ in 0..5 {
                    host.connect(worker, "10.0.0.9:443");
                    host.burn(worker, 1.0, 60);
                    host.disconnect(worker, "10.0.0.9:443");
                    host.wait(seconds(30));
                }
            }),
            ("it rests with the connection open", |host, worker| {
                host.connect(worker, "10.0.0.9:443");
                for _ in 0..5 {
                    host.burn(worker, 1.0, 60);
                    host.wait(seconds(30));
                }
            }),
        ];
        for (name, act) in cases {
            assert_eq!(found(act), 0, "{name}");
        }
    }
}
