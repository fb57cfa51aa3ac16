//! Carries out orders: chooses the suspects, asks the guards, keeps the ledger, applies the stages, and reports.

mod choose;
mod keep;
mod stage;
mod undo;

use std::time::Duration;

use self::keep::Kept;
pub use self::keep::LateEvidence;
use super::{
    cgroup::Hierarchies,
    home::Applied,
    isolate::Isolations,
    ledger::{Case, Ledger, LedgerError},
    order::{Actor, Order, Task},
    recent_evidence::RecentEvidence,
    refusal::{Guard, Refusal},
    settings::ResponseSettings,
};
use crate::{
    enrich::proc::Proc,
    host,
    model::{Alert, BootTime, ResponseAction, ResponseOutcome, ResponseReport, Stage},
};

/// Maximum number of processes that a report names.
const MAX_NAMED: usize = 64;

/// Takes reports as they are made.
pub type Tell<'a> = &'a mut dyn FnMut(ResponseReport);

/// Carries out orders on this host.
#[derive(Debug)]
pub struct Responder {
    settings: ResponseSettings,
    proc: Proc,
    hierarchies: Hierarchies,
    ledger: Ledger,
    boot_id: String,
    isolations: Isolations,
    recent_evidence: RecentEvidence,
}

/// The parts of an order to apply stages.
struct Asked<'a> {
    alert: &'a Alert,
    only: Option<u32>,
    dry_run: bool,
    /// Whether a throttle is among the stages.
    throttles: bool,
    by: &'a Actor,
    issued: BootTime,
}

impl Responder {
    /// Creates a responder for this host.
    pub fn new(settings: ResponseSettings) -> Self {
        Self {
            ledger: Ledger::below(&settings.state),
            settings,
            proc: Proc::default(),
            hierarchies: Hierarchies::discover(),
            boot_id: host::context().boot_id.to_string(),
            isolations: Isolations::default(),
            recent_evidence: RecentEvidence::default(),
        }
    }

    /// Carries out an order. Returns the evidence that is still to be collected, which takes longer.
    pub fn handle(&mut self, order: &Order, tell: Tell<'_>) -> Option<LateEvidence> {
        let Order { by, issued, task, .. } = order;
        match task {
            Task::Apply { alert, stages, only, dry_run } => {
                let dry_run = *dry_run || self.settings.dry_run;
                let throttles = stages.iter().any(|(stage, _)| *stage == Stage::Throttle);
                let asked = Asked { alert, only: *only, dry_run, throttles, by, issued: *issued };
                self.apply(&asked, stages, tell)
            }
            Task::Release { incident } => {
                let is_person = matches!(by, Actor::Person { .. });
                self.release(incident, by, *issued, is_person, tell);
                None
            }
        }
    }

    fn apply(
        &mut self,
        asked: &Asked<'_>,
        stages: &[(Stage, Option<u64>)],
        tell: Tell<'_>,
    ) -> Option<LateEvidence> {
        // What changes soonest is kept before anything is changed. The rest takes longer, and is kept once the suspects
        // cannot run any more, but before anything is destroyed.
        // The policy collects nothing while its last evidence is recent.
        let is_due = !asked.by.is_policy() || self.recent_evidence.lacks(asked.alert, host::now());
        let mut kept = if is_due { Kept::Nothing } else { Kept::Whole };
        for (stage, lease) in stages {
            let wanted = match stage {
                Stage::Isolate | Stage::Throttle | Stage::Freeze => Kept::Brief,
                Stage::Observe | Stage::Stop | Stage::Quarantine => Kept::Whole,
            };
            self.keep(asked, &mut kept, wanted, tell);
            let outcome = self.stage(asked, *stage, *lease, tell);
            let (outcome, guard, applied, message) = match outcome {
                Ok(applied) => {
                    let outcome = if asked.dry_run { ResponseOutcome::DryRun } else { ResponseOutcome::Done };
                    let message = done_message(asked, *stage, &applied);
                    (outcome, None, applied, message)
                }
                Err(error) => match refusal_of(error) {
                    // Nobody wants to hear of what the policy is not about.
                    Ok(refusal) if refusal.guard == Guard::Only => return None,
                    Ok(refusal) => {
                        let message = format!("{stage} was refused ({}): {refusal}", refusal.guard);
                        (ResponseOutcome::Refused, Some(refusal.guard), Applied::default(), message)
                    }
                    Err(error) => {
                        let message = format!("{stage} failed, and was undone: {error:#}");
                        (ResponseOutcome::Failed, None, Applied::default(), message)
                    }
                },
            };
            let until =
                lease.filter(|_| outcome == ResponseOutcome::Done).map(|lease| unix_now() + seconds(lease));
            tell(ResponseReport {
                time: host::now(),
                incident: asked.alert.incident.to_string(),
                action: ResponseAction::Stage(*stage),
                outcome,
                by: asked.by.to_string(),
                guard: guard.map(|guard| guard.name().to_owned()),
                processes: applied.processes.iter().take(MAX_NAMED).map(|process| process.key).collect(),
                cgroups: applied.cgroups,
                until: until.and_then(|until| u64::try_from(until).ok()),
                path: applied.path.map(|path| path.display().to_string()),
                blocked: None,
                took: host::now().since(asked.issued),
                message,
            });
        }
        // The next suspect should not run while the evidence about this one is written.
        (kept == Kept::Brief).then(|| LateEvidence::of(asked))
    }

    /// Writes a case, or removes it if it has nothing to tell.
    fn settle(&self, case: &Case) -> Result<(), LedgerError> {
        if case.is_settled() && case.released.is_empty() && case.programs.is_empty() {
            self.ledger.remove(&case.incident)
        } else {
            self.ledger.store(case)
        }
    }

    /// Does in advance what takes long, if the policy will need it, and keeps space for the ledger.
    pub fn prepare(&mut self) {
        self.ledger.reserve();
        if self.settings.prepare {
            self.isolations.prepare();
        }
    }

    /// Whether this process holds what would end with it.
    pub fn holds_anything(&self) -> bool {
        !self.isolations.is_empty()
    }

    /// Returns when the next lease ends, in seconds since 1970.
    pub fn next_end(&self) -> Option<i64> {
        self.ledger.all().iter().flat_map(|case| &case.measures).filter_map(|measure| measure.until).min()
    }

    /// The settings.
    pub fn settings(&self) -> &ResponseSettings {
        &self.settings
    }
}

/// Returns the refusal that an error is, or the error.
fn refusal_of(error: anyhow::Error) -> anyhow::Result<Refusal> {
    match error.downcast_ref::<LedgerError>().and_then(LedgerError::refusal) {
        Some(refusal) => Ok(refusal),
        None => error.downcast::<Refusal>(),
    }
}

fn done_message(asked: &Asked<'_>, stage: Stage, applied: &Applied) -> String {
    let suspect = &asked.alert.suspect;
    let count = applied.processes.len();
    let processes = if count == 1 { "1 process".to_owned() } else { format!("{count} processes") };
    let of = format!("of '{}' (pid {})", suspect.executable.path, suspect.key.pid);
    if asked.dry_run {
        return format!("{stage} would have affected {processes} {of}; nothing was changed (dry run)");
    }
    let how = if applied.how.is_empty() { String::new() } else { format!(": {}", applied.how) };
    match stage {
        Stage::Observe => format!("observed {processes} {of}; nothing was changed"),
        Stage::Isolate => format!("isolated {processes} {of}{how}"),
        Stage::Throttle => format!("throttled {processes} {of}{how}"),
        Stage::Freeze => format!("froze {processes} {of}{how}"),
        Stage::Stop => format!("killed {processes} {of}{how}"),
        Stage::Quarantine => format!("quarantined the executable {of}{how}"),
    }
}

fn unix_now() -> i64 {
    host::unix_seconds()
}

fn seconds(lease: u64) -> i64 {
    i64::try_from(Duration::from_secs(lease).as_secs()).unwrap_or(i64::MAX / 2)
}
