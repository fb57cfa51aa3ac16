//! Collects evidence before something is changed or destroyed.

use std::{path::PathBuf, time::Duration};

use anyhow::Context as _;
use tracing::debug;

use super::{Asked, Responder, Tell, choose::Chosen};
use crate::{
    evidence::{self, Evidence, EvidenceLimits},
    host,
    model::{Alert, BootTime, ResponseAction, ResponseOutcome, ResponseReport, Stage},
    respond::{ledger::Case, order::Actor, settings::EvidenceSettings, subjects},
};

/// Maximum time for evidence before the first stage, and for all of it.
const BRIEF: Duration = Duration::from_millis(100);
const WHOLE: Duration = Duration::from_secs(30);

/// How much evidence was collected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kept {
    Nothing,
    Brief,
    Whole,
}

/// Evidence that is collected when the stages are done, because it takes long and no stage needs it.
#[derive(Debug)]
pub struct LateEvidence {
    alert: Alert,
    only: Option<u32>,
    by: Actor,
    issued: BootTime,
}

impl LateEvidence {
    /// What the policy leaves about an alert.
    #[cfg(test)]
    pub fn of_alert(alert: Alert) -> Self {
        Self { alert, only: None, by: Actor::Policy, issued: host::now() }
    }

    pub(super) fn of(asked: &Asked<'_>) -> Self {
        Self { alert: asked.alert.clone(), only: asked.only, by: asked.by.clone(), issued: asked.issued }
    }
}

impl Responder {
    /// Collects what an order has left.
    pub fn collect_late(&self, late: &LateEvidence, tell: Tell<'_>) {
        let LateEvidence { alert, only, by, issued } = late;
        let asked = Asked { alert, only: *only, dry_run: false, throttles: false, by, issued: *issued };
        let mut kept = Kept::Brief;
        self.keep(&asked, &mut kept, Kept::Whole, tell);
    }

    /// Collects evidence, unless as much has been collected.
    pub(super) fn keep(&self, asked: &Asked<'_>, kept: &mut Kept, wanted: Kept, tell: Tell<'_>) {
        let Some(settings) = self.settings.evidence.filter(|_| *kept < wanted && !asked.dry_run) else {
            return;
        };
        *kept = wanted;
        let begun = host::now();
        match self.collect(asked, settings, wanted) {
            // There is nothing to keep.
            Ok(None) => {}
            Ok(Some((path, _))) if wanted == Kept::Brief => debug!("brief evidence is in {}", path.display()),
            outcome => {
                let (outcome, path, message) = match outcome {
                    Ok(found) => {
                        let (path, hash) = found.unwrap_or_default();
                        let message =
                            format!("evidence is in {}; its manifest has SHA-256 {hash}", path.display());
                        (ResponseOutcome::Done, Some(path), message)
                    }
                    Err(error) => {
                        (ResponseOutcome::Failed, None, format!("the evidence is not whole: {error:#}"))
                    }
                };
                let incident = asked.alert.incident.to_string();
                let report = Self::released(&incident, asked.by, begun, outcome, message);
                let path = path.map(|path| path.display().to_string());
                tell(ResponseReport { action: ResponseAction::Evidence, path, ..report });
            }
        }
    }

    fn collect(
        &self,
        asked: &Asked<'_>,
        settings: EvidenceSettings,
        wanted: Kept,
    ) -> anyhow::Result<Option<(PathBuf, String)>> {
        // What a guard protects is nobody's evidence. The refusal is told when the stage is tried.
        let case = Case::new(&asked.alert.incident.to_string(), &self.boot_id);
        let stage = if wanted == Kept::Brief { Stage::Isolate } else { Stage::Observe };
        let Ok(Chosen { tree, .. }) = self.allowed(asked, stage, &case, &mut |_| {}) else {
            return Ok(None);
        };
        let subjects = subjects::of_tree(&tree, &self.proc);
        if subjects.is_empty() {
            return Ok(None);
        }
        let directory = self.settings.state.join("evidence");
        let keep = usize::try_from(settings.keep).unwrap_or(usize::MAX).saturating_sub(1);
        evidence::clean(&directory, keep, Duration::from_secs(settings.days.saturating_mul(86_400)))
            .with_context(|| format!("removing old evidence from {}", directory.display()))?;
        let suffix = if wanted == Kept::Brief { "-before" } else { "" };
        let name = format!("{}-{}{suffix}", asked.alert.incident, host::wall_now() / 1_000_000);
        let limits = EvidenceLimits {
            bytes: settings.bytes,
            time: if wanted == Kept::Brief { BRIEF } else { WHOLE },
            free_space: self.settings.free_space,
            brief: wanted == Kept::Brief,
            memory: settings.memory,
            redact: false,
        };
        let by = asked.by.to_string();
        let evidence = Evidence { alert: asked.alert, line: None, subjects: &subjects, by: &by, extras: &[] };
        let path = directory.join(name);
        let hash = evidence::collect(&evidence, &path, limits)?;
        Ok(Some((path, hash)))
    }
}
