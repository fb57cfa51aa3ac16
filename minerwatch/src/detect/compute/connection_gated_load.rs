//! C7: a process whose work stands and falls with its only connection.
//!
//! A miner without a pool has nothing to compute: its workers sleep until the connection is back, whatever
//! is said on it. One cycle: the last connection ends, the work falls to nothing at once and stays there,
//! a connection is made, the work is back at once.

use crate::{
    bounded::BoundedMap,
    detect::{DetectionContext, Finding, signals, tuning},
    model::{BootTime, ProcessKey},
};

use super::phases::Pause;

/// The TCP connections of a process, whether they leave the host or not: a proxy may be on it.
#[derive(Clone, Debug, Default)]
struct Gate {
    open: u32,
    /// The most that were open at once since the last cycle.
    most: u32,
    /// When the last open one ended.
    closed: Option<BootTime>,
    /// When the first one after that was made.
    opened: Option<BootTime>,
    cycles: u32,
}

/// The gates of processes that connect.
#[derive(Debug)]
pub struct ConnectionGatedLoad(BoundedMap<ProcessKey, Gate>);

impl ConnectionGatedLoad {
    /// Follows at most so many.
    pub fn new(capacity: usize) -> Self {
        Self(BoundedMap::new(capacity))
    }

    /// How many were given up for others.
    pub fn evicted(&self) -> u64 {
        self.0.evicted()
    }

    /// A connection was established.
    pub fn opened(&mut self, key: ProcessKey, at: BootTime) {
        let gate = self.0.entry(&key, Gate::default);
        if gate.open == 0 {
            gate.opened = Some(at);
        }
        gate.open = gate.open.saturating_add(1);
        gate.most = gate.most.max(gate.open);
    }

    /// A connection ended.
    pub fn closed(&mut self, key: ProcessKey, at: BootTime) {
        let Some(gate) = self.0.get_mut(&key) else { return };
        gate.open = gate.open.saturating_sub(1);
        if gate.open == 0 {
            gate.closed = Some(at);
        }
    }

    /// A process works again after a pause; a finding from the second cycle on.
    pub fn resumed(&mut self, context: &DetectionContext<'_>, pause: Pause) -> Option<Finding> {
        let gate = self.0.get_mut(&context.key())?;
        let Pause { before, resumed } = pause;
        let near =
            |one: BootTime, other: BootTime| one.since(other).max(other.since(one)) <= tuning::GATE_LAG;
        let gated = gate.closed.is_some_and(|closed| near(closed, before.until))
            && gate.opened.is_some_and(|opened| Some(opened) > gate.closed && near(opened, resumed))
            && gate.most == 1
            && before.span() >= tuning::GATE_WORK;
        gate.most = gate.open;
        gate.cycles = if gated { gate.cycles + 1 } else { 0 };
        if gate.cycles < tuning::GATE_CYCLES {
            return None;
        }
        let cycles = gate.cycles;
        let detail = format!(
            "worked only while its one connection was open: {cycles} times the work ended and came back with it"
        );
        Some(
            Finding::new(signals::CONNECTION_GATED_LOAD, context, detail)
                .against("cycles", &cycles, "at least 2")
                .with("last_pause_seconds", &resumed.since(before.until).as_secs()),
        )
    }

    /// Forgets a process that ended.
    pub fn forget(&mut self, key: ProcessKey) {
        self.0.remove(&key);
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        engine::testing::{Host, findings, seconds},
        model::ProcessKey,
    };

    fn found(act: impl Fn(&mut Host, ProcessKey)) -> usize {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let worker = host.spawn(init, "/usr/bin/worker", &["worker"]);
        act(&mut host, worker);
        findings(&host).iter().filter(|(id, _)| *id == "C7").count()
    }

    #[test]
    fn work_that_ends_and_comes_back_with_the_connection() {
        let cycles = |cycles: usize| {
            found(move |host, worker| {
                for _ in 0..cycles {
                    host.connect(worker, "10.0.0.9:443");
                    host.burn(worker, 2.0, 40);
                    host.disconnect(worker, "10.0.0.9:443");
                    host.wait(seconds(60));
                }
                host.connect(worker, "10.0.0.9:443");
                host.burn(worker, 2.0, 5);
            })
        };
        assert_eq!(cycles(1), 0, "once is chance");
        assert_eq!(cycles(2), 1);
        assert_eq!(cycles(4), 3);
    }

    #[test]
    fn a_connection_for_each_job_is_none() {
        let batch = found(|host, worker| {
            for _ in 0..10 {
                host.connect(worker, "10.0.0.9:5432");
                host.burn(worker, 1.0, 6);
                host.disconnect(worker, "10.0.0.9:5432");
                host.wait(seconds(54));
            }
        });
        assert_eq!(batch, 0, "a short job each minute");
        let fetches = found(|host, worker| {
            for _ in 0..10 {
                host.connect(worker, "10.0.0.9:443");
                host.wait(seconds(1));
                host.disconnect(worker, "10.0.0.9:443");
                host.burn(worker, 1.0, 60);
                host.wait(seconds(30));
            }
        });
        assert_eq!(fetches, 0, "a runner that fetches, then builds");
        let pooled = found(|host, worker| {
            host.connect(worker, "10.0.0.9:5432");
            for _ in 0..5 {
                host.connect(worker, "10.0.0.9:443");
                host.burn(worker, 1.0, 60);
                host.disconnect(worker, "10.0.0.9:443");
                host.wait(seconds(30));
            }
        });
        assert_eq!(pooled, 0, "another connection stays open");
        let rests = found(|host, worker| {
            host.connect(worker, "10.0.0.9:443");
            for _ in 0..5 {
                host.burn(worker, 1.0, 60);
                host.wait(seconds(30));
            }
        });
        assert_eq!(rests, 0, "rests with the connection open");
    }
}
