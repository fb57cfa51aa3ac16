//! The scheduling witness: all signals made of CPU reports, and what they remember.

use std::time::Duration;

use super::{
    BusyProcesses, LoadHistoryState, LoadThresholds, connection_gated_load::ConnectionGatedLoad,
    load_pattern::LoadPatterns, long_load::LongLoad, monitor_evasion::MonitorEvasion, phases::Phases,
    quota_throttled::QuotaThrottled, sigstop_throttle::SigstopThrottle, yield_periodicity::YieldPeriodicity,
};
use crate::{
    detect::{DetectionContext, Finding, tuning},
    model::{BootTime, CpuQuota, CpuUsage, ProcessKey, Protocol},
};

/// All of them.
#[derive(Debug)]
pub struct Scheduling {
    busy: BusyProcesses,
    long: LongLoad,
    metronome: YieldPeriodicity,
    sigstop_throttle: SigstopThrottle,
    held_back: QuotaThrottled,
    phases: Phases,
    gates: ConnectionGatedLoad,
    shy: MonitorEvasion,
    tides: LoadPatterns,
}

impl Scheduling {
    /// Nothing known yet.
    pub fn new(thresholds: LoadThresholds) -> Self {
        let processes = tuning::BUSY_PROCESSES;
        Self {
            busy: BusyProcesses::new(processes),
            long: LongLoad::new(thresholds, processes),
            metronome: YieldPeriodicity::new(processes),
            sigstop_throttle: SigstopThrottle::new(processes),
            held_back: QuotaThrottled::new(processes),
            phases: Phases::new(processes),
            gates: ConnectionGatedLoad::new(tuning::GATED_PROCESSES),
            shy: MonitorEvasion::new(processes),
            tides: LoadPatterns::new(thresholds, tuning::DUTIES),
        }
    }

    /// A busy process reports.
    pub fn report(&mut self, context: &DetectionContext<'_>, usage: &CpuUsage, findings: &mut Vec<Finding>) {
        findings.extend(self.busy.sustained(context, usage));
        findings.extend(self.long.process(context, usage));
        findings.extend(self.long.host(context, usage));
        findings.extend(self.metronome.beat(context, usage));
        findings.extend(self.sigstop_throttle.report(context, usage));
        self.tides.report(context, usage, findings);
        if let Some(pause) = self.phases.report(context.key(), context.at(), usage) {
            findings.extend(self.gates.resumed(context, pause));
            findings.extend(self.shy.resumed(context, pause));
        }
    }

    /// The cgroup of a busy process was looked at.
    pub fn limited(&mut self, context: &DetectionContext<'_>, quota: &CpuQuota) -> Option<Finding> {
        self.held_back.look(context, quota)
    }

    /// A program started; it may be one that people look at the CPU with.
    pub fn exec(&mut self, context: &DetectionContext<'_>) {
        self.shy.exec(context, &self.phases);
    }

    /// A connection was established, or was there at the start.
    pub fn opened(&mut self, key: ProcessKey, protocol: Protocol, at: BootTime) {
        if protocol == Protocol::Tcp {
            self.gates.opened(key, at);
        }
    }

    /// A connection ended.
    pub fn closed(&mut self, key: ProcessKey, protocol: Protocol, at: BootTime) {
        if protocol == Protocol::Tcp {
            self.gates.closed(key, at);
        }
    }

    /// Forgets a process that ended; the program it ran is remembered.
    pub fn forget(&mut self, key: ProcessKey) {
        self.busy.forget(key);
        self.long.forget(key);
        self.metronome.forget(key);
        self.sigstop_throttle.forget(key);
        self.held_back.forget(key);
        self.phases.forget(key);
        self.gates.forget(key);
        self.shy.forget(key);
    }

    /// How many processes and programs were forgotten for others.
    pub fn evicted(&self) -> u64 {
        self.long.evicted()
            + self.metronome.evicted()
            + self.sigstop_throttle.evicted()
            + self.held_back.evicted()
            + self.phases.evicted()
            + self.gates.evicted()
            + self.shy.evicted()
            + self.tides.evicted()
    }

    /// What outlives the daemon.
    pub fn duty(&self, now: BootTime) -> LoadHistoryState {
        self.tides.state(now)
    }

    /// Takes over what an earlier daemon left `elapsed` ago.
    pub fn restore_load_history(&mut self, state: LoadHistoryState, now: BootTime, elapsed: Duration) {
        self.tides.restore(state, now, elapsed);
    }
}
