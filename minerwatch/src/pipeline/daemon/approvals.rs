//! Keeps the orders of the policy that wait for an approval.

use std::{collections::HashMap, sync::Arc, time::Duration};

use time::OffsetDateTime;
use tokio::sync::mpsc;

use super::signals;
use crate::{
    approval::{ApprovalClient, ApprovalRequest, Decision, DecisionOutcome},
    bounded::BoundedMap,
    config::Response,
    host,
    model::{
        Alert, Approver, BootTime, FileId, IncidentId, ResponseAction, ResponseOutcome, ResponseReport,
        Stage, Suspect,
    },
};

/// Maximum number of executables whose decision is remembered.
const MAX_DECISIONS: usize = 4_096;
/// Maximum number of suspects of one request.
const MAX_SUSPECTS: usize = 256;
/// The guard that a report names if nobody approved.
const GUARD: &str = "approval";
/// Who ordered what waits, in reports.
const POLICY: &str = "policy";

/// The orders that wait for an approval.
#[derive(Debug)]
pub struct Approvals {
    client: ApprovalClient,
    /// The stages that need an approval.
    stages: Vec<Stage>,
    timeout: Duration,
    waiting: HashMap<u64, Waiting>,
    /// Who approved, or `None` if somebody denied.
    decisions: BoundedMap<Subject, Option<String>>,
}

/// What a decision is about: an executable of an incident.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Subject {
    incident: IncidentId,
    path: Arc<str>,
    file: Option<FileId>,
}

impl Subject {
    fn of(incident: IncidentId, suspect: &Suspect) -> Self {
        let executable = &suspect.process.executable;
        Self { incident, path: Arc::clone(&executable.path), file: executable.file }
    }
}

/// An order that waits.
#[derive(Debug)]
struct Waiting {
    alert: Box<Alert>,
    stages: Vec<Stage>,
    since: BootTime,
}

impl Waiting {
    /// Adds suspects. A later process of the same executable replaces the earlier one.
    fn join(&mut self, suspects: Vec<Suspect>) {
        for suspect in suspects {
            let is_same = |known: &Suspect| {
                let (known, new) = (&known.process.executable, &suspect.process.executable);
                (&known.path, known.file) == (&new.path, new.file)
            };
            let known = &mut self.alert.suspects;
            known.retain(|known| !is_same(known));
            if known.len() < MAX_SUSPECTS {
                known.push(suspect);
            }
        }
    }
}

/// The end of a wait.
#[derive(Debug)]
pub struct Decided {
    /// What is reported about it.
    pub report: ResponseReport,
    /// What may be done now.
    pub approved: Option<Approved>,
}

/// What somebody approved.
#[derive(Debug)]
pub struct Approved {
    /// Who approved.
    pub by: String,
    /// The alert with the suspects.
    pub alert: Box<Alert>,
    /// The stages.
    pub stages: Vec<Stage>,
}

impl Approvals {
    /// Starts the client, if the policy needs approvals. A dry run changes nothing, and needs none.
    pub fn start(
        section: &Response,
        commands: mpsc::Sender<signals::Command>,
    ) -> anyhow::Result<Option<Self>> {
        if section.approve != Approver::Webhook || section.dry_run {
            return Ok(None);
        }
        let settings = &section.approval;
        let decided = move |decision| commands.blocking_send(signals::Command::Decided(decision)).is_ok();
        Ok(Some(Self {
            client: ApprovalClient::start(settings, decided)?,
            stages: settings.stages.clone(),
            timeout: Duration::from_secs(settings.timeout_s),
            waiting: HashMap::new(),
            decisions: BoundedMap::new(MAX_DECISIONS),
        }))
    }

    /// Returns the index of the first stage that needs an approval. It and all stages after it wait.
    pub fn first_that_waits(&self, stages: &[Stage]) -> Option<usize> {
        stages.iter().position(|stage| self.stages.contains(stage))
    }

    /// Requests an approval of these stages for the suspects of an alert. `line` is the alert as JSON. Suspects join a request
    /// about their incident that is still pending. A decision also holds for later processes of the same executables, so a
    /// miner that comes back causes no further request. Returns what was approved earlier.
    ///
    /// # Errors
    ///
    /// Too many requests are pending, or the client has ended.
    pub fn request(
        &mut self,
        number: u64,
        line: &[u8],
        alert: &Alert,
        stages: &[Stage],
    ) -> anyhow::Result<Option<Approved>> {
        let mut open = alert.clone();
        let (mut approved, mut name) = (Vec::new(), None);
        open.suspects.retain(|suspect| match self.decisions.get(&Subject::of(alert.incident, suspect)) {
            Some(Some(by)) => {
                name = Some(by.clone());
                approved.push(suspect.clone());
                false
            }
            Some(None) => false,
            None => true,
        });
        let approved = name.map(|by| Approved {
            by,
            alert: Box::new(Alert { suspects: approved, ..alert.clone() }),
            stages: stages.to_vec(),
        });
        if open.suspects.is_empty() {
            return Ok(approved);
        }
        if let Some(waiting) =
            self.waiting.values_mut().find(|waiting| waiting.alert.incident == alert.incident)
        {
            waiting.join(open.suspects);
            return Ok(approved);
        }
        let now = OffsetDateTime::now_utc();
        self.client.submit(ApprovalRequest::new(number, alert.incident, stages, line, self.timeout, now)?)?;
        let waiting = Waiting { alert: Box::new(open), stages: stages.to_vec(), since: host::now() };
        self.waiting.insert(number, waiting);
        Ok(approved)
    }

    /// Takes a decision. Returns `None` if its request is unknown.
    pub fn decided(&mut self, decision: Decision) -> Option<Decided> {
        if decision.outcome == DecisionOutcome::Pending {
            let waiting = self.waiting.get(&decision.number)?;
            let seconds = self.timeout.as_secs();
            let message = format!("{} waits for an approval for at most {seconds} s", names(&waiting.stages));
            let report = report(waiting, ResponseOutcome::Waiting, POLICY, message);
            return Some(Decided { report, approved: None });
        }
        let waiting = self.waiting.remove(&decision.number)?;
        let stages = names(&waiting.stages);
        let report = match &decision.outcome {
            DecisionOutcome::Approved { by } => {
                report(&waiting, ResponseOutcome::Done, by, format!("{by} approved {stages}"))
            }
            DecisionOutcome::Denied { by, reason } => {
                let colon = if reason.is_empty() { "" } else { ": " };
                report(&waiting, ResponseOutcome::Refused, by, format!("{by} denied {stages}{colon}{reason}"))
            }
            DecisionOutcome::Expired { problem } => {
                let problem = problem.as_ref().map(|problem| format!(" (the last attempt: {problem})"));
                let message = format!(
                    "{stages} was not done: nobody approved within {} s{}",
                    self.timeout.as_secs(),
                    problem.unwrap_or_default()
                );
                report(&waiting, ResponseOutcome::Refused, POLICY, message)
            }
            DecisionOutcome::Pending => return None,
        };
        let by = match decision.outcome {
            DecisionOutcome::Approved { by } => Some(by),
            DecisionOutcome::Denied { .. } => None,
            DecisionOutcome::Expired { .. } | DecisionOutcome::Pending => {
                return Some(Decided { report, approved: None });
            }
        };
        for suspect in &waiting.alert.suspects {
            self.decisions.insert(Subject::of(waiting.alert.incident, suspect), by.clone());
        }
        let approved = by.map(|by| Approved { by, alert: waiting.alert, stages: waiting.stages });
        Some(Decided { report, approved })
    }
}

fn report(waiting: &Waiting, outcome: ResponseOutcome, by: &str, message: String) -> ResponseReport {
    let suspects = waiting.alert.suspects.iter().filter(|suspect| suspect.alive);
    ResponseReport {
        time: host::now(),
        incident: waiting.alert.incident.to_string(),
        action: ResponseAction::Approval,
        outcome,
        by: by.to_owned(),
        guard: (outcome == ResponseOutcome::Refused).then(|| GUARD.to_owned()),
        processes: suspects.map(|suspect| suspect.process.key).collect(),
        cgroups: Vec::new(),
        until: None,
        path: None,
        blocked: None,
        took: host::now().since(waiting.since),
        message,
    }
}

fn names(stages: &[Stage]) -> String {
    stages.iter().map(|stage| stage.name()).collect::<Vec<_>>().join(", ")
}
