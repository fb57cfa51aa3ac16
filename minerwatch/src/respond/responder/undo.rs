//! Undoes stages: because a person asks, or because their lease has ended.

use tracing::warn;

use super::{Responder, Tell, unix_now};
use crate::{
    host,
    model::{BlockedTraffic, BootTime, ProcessKey, ResponseAction, ResponseOutcome, ResponseReport, Stage},
    respond::{
        ledger::{Change, LedgerError, Measure},
        order::Actor,
        release::{self, Undone},
        signals,
        tree::Running,
    },
};

/// Seconds of a day.
const DAY: i64 = 86_400;

impl Responder {
    pub(super) fn release(
        &mut self,
        incident: &str,
        by: &Actor,
        issued: BootTime,
        is_person: bool,
        tell: Tell<'_>,
    ) {
        let (outcome, message) = match self.try_release(incident, is_person) {
            Ok(None) => {
                let message =
                    format!("nothing was done for the incident {incident}, so there is nothing to undo");
                (ResponseOutcome::Done, message)
            }
            Ok(Some(Undone { measures, problems })) if problems.is_empty() => {
                (ResponseOutcome::Done, format!("released: {} undone", names(&measures)))
            }
            Ok(Some(Undone { measures, problems })) => {
                let undone = if measures.is_empty() { "nothing".to_owned() } else { names(&measures) };
                (
                    ResponseOutcome::Failed,
                    format!("{undone} was undone, but not all: {}", problems.join("; ")),
                )
            }
            Err(error) => (ResponseOutcome::Failed, error.to_string()),
        };
        tell(Self::released(incident, by, issued, outcome, message));
    }

    pub(super) fn released(
        incident: &str,
        by: &Actor,
        issued: BootTime,
        outcome: ResponseOutcome,
        message: String,
    ) -> ResponseReport {
        ResponseReport {
            time: host::now(),
            incident: incident.to_owned(),
            action: ResponseAction::Release,
            outcome,
            by: by.to_string(),
            guard: None,
            processes: Vec::new(),
            cgroups: Vec::new(),
            until: None,
            path: None,
            blocked: None,
            took: host::now().since(issued),
            message,
        }
    }

    fn try_release(&mut self, incident: &str, is_person: bool) -> Result<Option<Undone>, LedgerError> {
        let _lock = self.ledger.lock()?;
        let Some(mut case) = self.ledger.load(incident)? else { return Ok(None) };
        release::forget_earlier_boot(&mut case, &self.boot_id);
        let had_measures = !case.is_settled();
        self.isolations.end(incident);
        let outcome = release::end(&mut case, &self.ledger, &self.proc, |_| true)?;
        if is_person {
            case.released = case.roots.clone();
        }
        self.settle(&case)?;
        Ok(had_measures.then_some(outcome))
    }

    /// Undoes the measures whose lease has ended if `leases` says so, forgets what an earlier boot ended, and reports what
    /// isolations blocked.
    pub fn tick(&mut self, leases: bool, tell: Tell<'_>) {
        let now = unix_now();
        let is_due = |measure: &Measure| leases && measure.until.is_some_and(|until| until <= now);
        let cases = self.ledger.all();
        self.isolations.retain(|incident| {
            cases.iter().any(|case| {
                case.incident == incident
                    && case.measures.iter().any(|measure| measure.stage == Stage::Isolate)
            })
        });
        for (incident, blocked) in self.isolations.news() {
            let BlockedTraffic { connects, sends, packets } = blocked;
            let message = format!(
                "the isolation has blocked {connects} connects, {sends} datagrams and {packets} packets so far"
            );
            let report =
                Self::released(&incident, &Actor::Policy, host::now(), ResponseOutcome::Done, message);
            tell(ResponseReport { action: ResponseAction::Blocked, blocked: Some(blocked), ..report });
        }
        for case in cases {
            if case.measures.iter().any(|measure| measure.stage == Stage::Isolate)
                && !self.isolations.holds(&case.incident)
                && let Err(error) = self.resume(&case.incident)
            {
                warn!("the suspects of the incident {} cannot be isolated again: {error:#}", case.incident);
            }
            let is_earlier = case.boot_id != self.boot_id;
            // A person may quarantine within a day what was stopped.
            let is_known = !case.programs.is_empty() && !is_earlier && now.saturating_sub(case.changed) < DAY;
            let has_ended = |key: &ProcessKey| signals::has_ended(*key, &self.proc);
            if case.is_settled() && !is_known && case.released.iter().all(has_ended) {
                // It only said whom the policy leaves alone, and what was run.
                if let Err(error) = self.ledger.remove(&case.incident) {
                    warn!("{error}");
                }
                continue;
            }
            if !is_earlier && !case.measures.iter().any(is_due) {
                continue;
            }
            match self.end_leases(&case.incident, is_due) {
                Ok(Undone { measures, problems }) if measures.is_empty() && problems.is_empty() => {}
                Ok(Undone { measures, problems }) => {
                    let outcome =
                        if problems.is_empty() { ResponseOutcome::Done } else { ResponseOutcome::Failed };
                    let problems =
                        problems.iter().fold(String::new(), |text, problem| format!("{text}; {problem}"));
                    let message = format!("the lease of {} has ended{problems}", names(&measures));
                    tell(Self::released(&case.incident, &Actor::Lease, host::now(), outcome, message));
                }
                Err(error) => warn!("the leases of the incident {} cannot be ended: {error}", case.incident),
            }
        }
    }

    fn end_leases(
        &mut self,
        incident: &str,
        is_due: impl Fn(&Measure) -> bool,
    ) -> Result<Undone, LedgerError> {
        let _lock = self.ledger.lock()?;
        let Some(mut case) = self.ledger.load(incident)? else { return Ok(Undone::default()) };
        release::forget_earlier_boot(&mut case, &self.boot_id);
        if case.measures.iter().any(|measure| measure.stage == Stage::Isolate && is_due(measure)) {
            self.isolations.end(incident);
        }
        let outcome = release::end(&mut case, &self.ledger, &self.proc, is_due)?;
        self.settle(&case)?;
        Ok(outcome)
    }

    /// Isolates again what an earlier responder had isolated, if it has ended.
    fn resume(&mut self, incident: &str) -> anyhow::Result<()> {
        let _lock = self.ledger.lock()?;
        let Some(mut case) = self.ledger.load(incident)?.filter(|case| case.boot_id == self.boot_id) else {
            return Ok(());
        };
        let own = Running::read(std::process::id(), &self.proc).map(|own| own.key);
        let mut cgroups = Vec::new();
        for change in case.measures.iter_mut().flat_map(|measure| &mut measure.changes) {
            if let (Change::Attached { cgroup, holder, .. }, Some(own)) = (change, own) {
                if !signals::has_ended(*holder, &self.proc) {
                    return Ok(());
                }
                *holder = own;
                cgroups.push(cgroup.clone());
            }
        }
        if !cgroups.is_empty() {
            self.isolations.resume(incident, &cgroups, &self.settings)?;
            self.ledger.store(&case)?;
        }
        Ok(())
    }
}

fn names(measures: &[Measure]) -> String {
    let names: Vec<&str> = measures.iter().map(|measure| measure.stage.name()).collect();
    names.join(", ")
}
