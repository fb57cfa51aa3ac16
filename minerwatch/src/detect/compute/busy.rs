//! What keeps processors busy: one process, or the short-lived processes of one program that follow each other.

use std::time::Duration;

use super::{
    BUSY_PROCESSES,
    short_lived::ShortLivedProcesses,
    streak::{Streak, busy_streak},
};
use crate::{
    detect::{DetectionContext, Finding, ProcessStates, SignalInfo},
    model::{CpuUsage, EventBody},
};

/// The busy processes, and the short-lived ones of each program.
#[derive(Debug)]
pub(super) struct Busy {
    streaks: ProcessStates<Streak>,
    short_lived: ShortLivedProcesses,
}

impl Busy {
    pub(super) fn new() -> Self {
        Self { streaks: ProcessStates::new(BUSY_PROCESSES), short_lived: ShortLivedProcesses::new() }
    }

    /// Inspects a CPU report or an exit. Returns a finding of the signal `info` once at least `needed` processors were busy
    /// for each full `span`. `of_process` creates the finding about one process, from its report, the number of processors
    /// that it used, and the seconds that it was busy.
    pub(super) fn inspect(
        &mut self,
        context: &DetectionContext<'_>,
        info: SignalInfo,
        needed: f64,
        span: Duration,
        of_process: impl FnOnce(&CpuUsage, f64, u64) -> Finding,
    ) -> Option<Finding> {
        match &context.event.body {
            EventBody::Cpu(usage) => {
                let (used, seconds) = busy_streak(&mut self.streaks, context, usage, needed, span)?;
                Some(of_process(usage, used, seconds))
            }
            EventBody::Exit(exit) => {
                self.streaks.remove(&context.key());
                self.short_lived.ended(context, exit, info, needed, span)
            }
            _ => None,
        }
    }

    /// Number of evicted processes and programs.
    pub(super) fn evicted(&self) -> u64 {
        self.streaks.evicted() + self.short_lived.evicted()
    }
}
