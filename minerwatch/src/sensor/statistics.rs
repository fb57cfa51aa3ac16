//! How often and how long the programs ran, as the kernel counts it.

use std::{fs, os::fd::OwnedFd, time::Duration};

use aya::{
    Ebpf,
    sys::{Stats, enable_stats},
};
use tracing::warn;

/// Says whether the kernel counts the runs of programs.
const SETTING: &str = "/proc/sys/kernel/bpf_stats_enabled";

/// The runs of one program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProgramRuns<'a> {
    /// The name of the program.
    pub name: &'a str,
    /// Number of runs while the kernel counted.
    pub count: u64,
    /// Time of these runs.
    pub time: Duration,
}

/// Keeps the kernel counting, if that is wanted.
#[derive(Debug)]
pub(super) struct Statistics {
    /// The kernel counts as long as this descriptor is open.
    held: Option<OwnedFd>,
}

impl Statistics {
    /// Lets the kernel count, if `wanted`. This needs `CAP_SYS_ADMIN` and Linux 5.8, so it can fail; then nothing is
    /// counted.
    pub fn new(wanted: bool) -> Self {
        let hold = || {
            enable_stats(Stats::RunTime)
                .inspect_err(|error| {
                    warn!(
                        "the kernel does not count the runs of eBPF programs: {error}; metrics.bpf_stats needs \
                         CAP_SYS_ADMIN and Linux 5.8"
                    );
                })
                .ok()
        };
        Self { held: wanted.then(hold).flatten() }
    }

    /// Returns whether the kernel counts, because of this sensor or of the setting of the host.
    pub fn are_enabled(&self) -> bool {
        self.held.is_some() || fs::read_to_string(SETTING).is_ok_and(|text| text.trim() == "1")
    }
}

/// Returns the runs of the loaded programs that have run while the kernel counted.
pub(super) fn runs(programs: &Ebpf) -> impl Iterator<Item = ProgramRuns<'_>> {
    programs.programs().filter_map(|(name, program)| {
        // A program that is not loaded has no information.
        let info = program.info().ok()?;
        let runs = ProgramRuns { name, count: info.run_count(), time: info.run_time() };
        (runs.count > 0).then_some(runs)
    })
}
