//! The scheduling witness: all signals made of CPU reports, and what they remember.

use std::time::Duration;

use super::{
    BusyProcesses, DutyState, LoadThresholds, flow_gate::FlowGates, long_load::LongLoad,
    metronome::Metronome, phases::Phases, quota::HeldBack, shy::Shy, stop_and_go::StopAndGo, tidal::Tides,
};
use crate::{
    detect::{Finding, Scene, tuning},
    model::{BootTime, CpuQuota, CpuUsage, ProcessKey, Protocol},
};

/// All of them.
#[derive(Debug)]
pub struct Scheduling {
    busy: BusyProcesses,
    long: LongLoad,
    metronome: Metronome,
    stop_and_go: StopAndGo,
    held_back: HeldBack,
    phases: Phases,
    gates: FlowGates,
    shy: Shy,
    tides: Tides,
}

impl Scheduling {
    /// Nothing known yet.
    pub fn new(thresholds: LoadThresholds) -> Self {
        let processes = tuning::BUSY_PROCESSES;
        Self {
            busy: BusyProcesses::new(processes),
            long: LongLoad::new(thresholds, processes),
            metronome: Metronome::new(processes),
            stop_and_go: StopAndGo::new(processes),
            held_back: HeldBack::new(processes),
            phases: Phases::new(processes),
            gates: FlowGates::new(tuning::GATED_PROCESSES),
            shy: Shy::new(processes),
            tides: Tides::new(thresholds, tuning::DUTIES),
        }
    }

    /// A busy process reports.
    pub fn report(&mut self, scene: &Scene<'_>, usage: &CpuUsage, findings: &mut Vec<Finding>) {
        findings.extend(self.busy.sustained(scene, usage));
        findings.extend(self.long.process(scene, usage));
        findings.extend(self.long.host(scene, usage));
        findings.extend(self.metronome.beat(scene, usage));
        findings.extend(self.stop_and_go.report(scene, usage));
        self.tides.report(scene, usage, findings);
        if let Some(pause) = self.phases.report(scene.key(), scene.at(), usage) {
            findings.extend(self.gates.resumed(scene, pause));
            findings.extend(self.shy.resumed(scene, pause));
        }
    }

    /// The cgroup of a busy process was looked at.
    pub fn limited(&mut self, scene: &Scene<'_>, quota: &CpuQuota) -> Option<Finding> {
        self.held_back.look(scene, quota)
    }

    /// A program started; it may be one that people look at the CPU with.
    pub fn exec(&mut self, scene: &Scene<'_>) {
        self.shy.exec(scene, &self.phases);
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
        self.stop_and_go.forget(key);
        self.held_back.forget(key);
        self.phases.forget(key);
        self.gates.forget(key);
        self.shy.forget(key);
    }

    /// How many processes and programs were forgotten for others.
    pub fn evicted(&self) -> u64 {
        self.long.evicted()
            + self.metronome.evicted()
            + self.stop_and_go.evicted()
            + self.held_back.evicted()
            + self.phases.evicted()
            + self.gates.evicted()
            + self.shy.evicted()
            + self.tides.evicted()
    }

    /// What outlives the daemon.
    pub fn duty(&self, now: BootTime) -> DutyState {
        self.tides.state(now)
    }

    /// Takes over what an earlier daemon left `elapsed` ago.
    pub fn restore_duty(&mut self, state: DutyState, now: BootTime, elapsed: Duration) {
        self.tides.restore(state, now, elapsed);
    }
}
