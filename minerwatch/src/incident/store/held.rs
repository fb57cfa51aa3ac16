//! Findings below an installer. A package's scripts write to crontabs and run what they unpacked, so such findings are held
//! while the installer runs. They are judged when it ends: if something that it started goes on running and has such a
//! finding, or before, if something below it mines.

use super::Incidents;
use crate::{
    bounded::BoundedMap,
    detect::{DetectionContext, Finding, SignalKind, WrittenFiles},
    model::{Alert, Event, EventBody, ProcessKey},
    process::Process,
};

/// Maximum number of installers with held findings.
const MAX_INSTALLERS: usize = 256;
/// Maximum number of held findings per installer.
const MAX_FINDINGS: usize = 16;

/// A finding and the event that showed it.
#[derive(Debug)]
pub(super) struct HeldFinding {
    finding: Finding,
    event: Event,
}

/// The held findings, by installer.
#[derive(Debug)]
pub(super) struct HeldFindings {
    by_installer: BoundedMap<ProcessKey, Vec<HeldFinding>>,
}

impl Default for HeldFindings {
    fn default() -> Self {
        Self { by_installer: BoundedMap::new(MAX_INSTALLERS) }
    }
}

impl Incidents {
    /// Holds findings of a process below an installer that runs.
    pub fn hold(&mut self, context: &DetectionContext<'_>, findings: &mut Vec<Finding>) {
        if findings.is_empty() {
            return;
        }
        let Some(installer) = context.process.manager else { return };
        let held = self.held.by_installer.entry(&installer, Vec::new);
        for finding in findings.drain(..) {
            if held.len() < MAX_FINDINGS {
                held.push(HeldFinding { finding, event: context.event.clone() });
            }
        }
    }

    /// Returns the held findings that count from now on.
    pub(super) fn judge(&mut self, context: &DetectionContext<'_>, findings: &[Finding]) -> Vec<HeldFinding> {
        if self.held.by_installer.is_empty() {
            return Vec::new();
        }
        if let EventBody::Exit(_) = context.event.body {
            let held = self.held.by_installer.remove(&context.key()).unwrap_or_default();
            let outlives = |held: &HeldFinding| {
                let key = held.event.subject.key;
                key != context.key() && context.table.get(key).is_some_and(Process::is_alive)
            };
            return if held.iter().any(outlives) { held } else { Vec::new() };
        }
        let mines = |finding: &Finding| finding.conclusive || finding.info.kind == SignalKind::Mining;
        match context.process.manager {
            Some(installer) if findings.iter().any(mines) => {
                self.held.by_installer.remove(&installer).unwrap_or_default()
            }
            _ => Vec::new(),
        }
    }

    /// Adds held findings to incidents, as if they had just been made.
    pub(super) fn release_held(
        &mut self,
        due: Vec<HeldFinding>,
        context: &DetectionContext<'_>,
        written: &WrittenFiles,
        alerts: &mut Vec<Alert>,
    ) {
        for HeldFinding { finding, event } in due {
            let Some(process) = context.table.get(event.subject.key) else { continue };
            let then = DetectionContext { event: &event, process, ..*context };
            if let Some(serial) = self.take(finding, &then, written, alerts) {
                self.changed = true;
                if let Some(incident) = self.open.get_mut(&serial).filter(|_| !self.without_chains) {
                    incident.complete_chains(context.table, context.at());
                }
                self.consider(serial, context.at(), context.table, alerts);
            }
        }
    }
}
