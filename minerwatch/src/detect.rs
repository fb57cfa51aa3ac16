//! The detectors of evidence against a process, one file per detector.
//!
//! A detector inspects one event together with what is known about the process and the host, and returns its findings.
//! Its file declares the detector's signals, points, thresholds and event types. [`crate::incident`] combines the
//! findings of several processes.

pub mod behavior;
pub mod compute;
pub mod network;

mod catalogue;
mod declaration;
mod finding;
mod knowledge;
mod load_thresholds;
mod path_kind;
mod registry;
mod signal_info;
mod written;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::{
    model::{BootTime, Event, EventBody, EventType, ProcessKey},
    process::{Command, Process, ProcessTable, Role},
};

pub use catalogue::{catalogue, signal};
pub use declaration::{Declaration, Detector, DetectorSettings, PerProcess, ProcessStates, Stateless};
pub use finding::{Finding, Findings};
pub use knowledge::{
    DnsClient, EventFacts, Knowledge, LoadHistories, LoadHistory, LoadHistoryState, Pause, Phase, Phases,
    ProgramIdentity, REPORT_DELAY, Restores, Shares,
};
pub use load_thresholds::LoadThresholds;
pub use path_kind::{PathKind, is_ordinary_program};
pub use registry::DETECTORS;
pub use signal_info::{SignalInfo, SignalKind};
pub use written::{WrittenFile, WrittenFiles};

/// What the scripts of packages do as part of their task. Such findings are held while the installer runs, and count if
/// their process outlives it.
const INSTALLERS_DO: [SignalInfo; 7] = [
    behavior::DROP_AND_RUN,
    behavior::PRELOAD,
    behavior::PERSISTENCE,
    behavior::DEFENCE_OFF,
    behavior::KERNEL_MODULE,
    compute::HUGE_PAGES,
    compute::MSR,
];

/// Signals that configuration management and build jobs below a package manager cause now and then. Such findings are held
/// too, and count only together with others.
const INSTALLERS_MAY: [SignalInfo; 7] = [
    behavior::immutable::IMMUTABLE,
    behavior::tool_replaced::TOOL_REPLACED,
    behavior::rivals_killed::RIVALS_KILLED,
    behavior::credentials::CREDENTIALS,
    behavior::spread::SPREAD,
    behavior::process_access::PROCESS_ACCESS,
    behavior::bpf_program::BPF_PROGRAM,
];

/// Signals that a management agent itself causes as part of its task. An agent runs for months. Therefore such findings
/// are held until something below the agent mines.
const AGENTS_DO: [SignalInfo; 5] = [
    behavior::PERSISTENCE,
    behavior::PRELOAD,
    behavior::DEFENCE_OFF,
    behavior::tool_replaced::TOOL_REPLACED,
    behavior::traces_removed::TRACES_REMOVED,
];

/// Whether a held finding counts because its process outlives the installer.
pub(crate) fn counts_after_installer(finding: &Finding) -> bool {
    INSTALLERS_DO.iter().any(|signal| signal.id == finding.info.id)
}

/// Whether a finding is held until more is known about the installer or the management agent above the process. A
/// conclusive finding is never held.
fn must_be_held(context: &DetectionContext<'_>, finding: &Finding) -> bool {
    let is_among = |signals: &[SignalInfo]| signals.iter().any(|signal| signal.id == finding.info.id);
    if finding.conclusive {
        false
    } else if context.table.is_managed(context.process) {
        is_among(&INSTALLERS_DO) || is_among(&INSTALLERS_MAY)
    } else {
        context.process.role == Role::Agent && is_among(&AGENTS_DO)
    }
}

/// The input of a detector.
#[derive(Clone, Copy, Debug)]
pub struct DetectionContext<'a> {
    /// The event to inspect.
    pub event: &'a Event,
    /// The process of the event. After an exec, the process already has its new image.
    pub process: &'a Process,
    /// All known processes.
    pub table: &'a ProcessTable,
    /// Number of processors of the host, at least 1.
    pub processors: u32,
    /// What is known about the host beyond its processes.
    pub known: &'a Knowledge,
    /// The command of the process if the event is an exec. Several detectors read it.
    pub command: Option<Command<'a>>,
}

impl<'a> DetectionContext<'a> {
    /// The process of the event, for looking up names.
    pub fn dns_client(&self) -> DnsClient {
        DnsClient::of(self.process, self.table)
    }

    /// Creates the input for an event of `process`.
    pub fn new(
        event: &'a Event,
        process: &'a Process,
        table: &'a ProcessTable,
        processors: u32,
        known: &'a Knowledge,
    ) -> Self {
        let command = matches!(event.body, EventBody::Exec(_)).then(|| Command::of(process));
        Self { event, process, table, processors, known, command }
    }

    /// The time of the event.
    pub fn at(&self) -> BootTime {
        self.event.time
    }

    /// The key of the event's process.
    pub fn key(&self) -> ProcessKey {
        self.event.subject.key
    }
}

/// The detectors, each with its state between events.
#[derive(Debug)]
pub struct Detectors {
    entries: Vec<(&'static Declaration, Box<dyn Detector>)>,
    /// For each event type, the indexes of the detectors that want events of this type.
    wanted_by: Vec<Vec<usize>>,
    /// Number of findings so far, by signal id.
    found: BTreeMap<&'static str, u64>,
}

impl Default for Detectors {
    fn default() -> Self {
        Self::new(&DetectorSettings::default())
    }
}

impl Detectors {
    /// Creates every registered detector, each with empty state.
    pub fn new(settings: &DetectorSettings) -> Self {
        Self::of(DETECTORS, settings)
    }

    /// Creates the declared detectors, each with empty state.
    pub fn of(declarations: &[&'static Declaration], settings: &DetectorSettings) -> Self {
        let entries: Vec<_> =
            declarations.iter().map(|declaration| (*declaration, (declaration.create)(settings))).collect();
        let wanted_by = EventType::ALL
            .iter()
            .map(|event| {
                let wants = |(declaration, _): &(&Declaration, _)| declaration.wants.contains(event);
                (0..entries.len()).filter(|index| wants(&entries[*index])).collect()
            })
            .collect();
        Self { entries, wanted_by, found: BTreeMap::new() }
    }

    /// Looks at one event; what is found is appended.
    pub fn inspect(&mut self, context: &DetectionContext<'_>, findings: &mut Findings) {
        let wanted_by = self.wanted_by.get(context.event.body.event_type() as usize);
        for index in wanted_by.into_iter().flatten() {
            if let Some((_, detector)) = self.entries.get_mut(*index) {
                detector.inspect(context, findings);
            }
        }
        findings.hold(|finding| must_be_held(context, finding));
        for finding in findings.found() {
            *self.found.entry(finding.info.id).or_default() += 1;
        }
    }

    /// The number of findings so far, by signal id.
    pub fn found(&self) -> &BTreeMap<&'static str, u64> {
        &self.found
    }

    /// Returns the number of evicted entries of the detectors and of their shared knowledge, by the name of the metrics
    /// counter.
    pub fn evictions(&self, known: &Knowledge) -> BTreeMap<&'static str, u64> {
        let mut evictions: BTreeMap<_, _> = known.evictions().collect();
        for (declaration, detector) in &self.entries {
            if let Some(counter) = declaration.evictions {
                *evictions.entry(counter).or_default() += detector.evicted();
            }
        }
        evictions
    }
}
