//! The daemon's side of the response: starts the responder, gives it orders, and passes its reports on.
//!
//! The responder is a process of its own ([`crate::respond::server`]), because the daemon drops its privileges. Nothing
//! here waits for it.

use std::{
    collections::HashMap,
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    thread,
};

use anyhow::Context as _;
use tokio::sync::mpsc;
use tracing::{error, info, warn};

use super::{
    approvals::{Approvals, Approved, Decided},
    report_budget::ReportBudget,
    signals,
};
use crate::{
    approval::Decision,
    bounded::BoundedMap,
    config::{Config, Response},
    control::{PipelineRequest, RespondRequest},
    host,
    model::{Alert, AlertAction, IncidentId, ProcessKey, ProcessView, ResponseReport, Stage, Verdict},
    respond::{Actor, Answer, EvidenceSettings, Order, ResponseSettings, Task},
};

/// Maximum number of orders that wait for the responder.
const MAX_ORDERS: usize = 1_024;
/// Maximum number of suspects that are remembered, so that evidence is kept once for each.
const MAX_HANDLED: usize = 16_384;
/// Maximum number of incidents whose suspect is remembered for reports.
const MAX_INCIDENTS: usize = 4_096;
/// Stack size of the threads, in bytes.
const STACK: usize = 256 << 10;

/// A report for the outputs, with the suspect of its incident.
pub type Report = (ResponseReport, Option<ProcessView>);

/// The responder before its threads run.
#[derive(Debug)]
pub struct StartedResponder {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
    settings: ResponseSettings,
    section: Response,
}

/// The responder, seen from the event loop.
#[derive(Debug)]
pub struct Responder {
    orders: SyncSender<Vec<u8>>,
    section: Response,
    handled: BoundedMap<(IncidentId, ProcessKey), ()>,
    suspects: BoundedMap<IncidentId, ProcessView>,
    waiting: HashMap<u64, Waiting>,
    approvals: Option<Approvals>,
    reports: ReportBudget,
    next: u64,
}

/// A request that waits for reports.
#[derive(Debug)]
struct Waiting {
    request: PipelineRequest,
    reports: Vec<ResponseReport>,
}

/// Returns the settings of the responder.
pub fn settings(config: &Config) -> ResponseSettings {
    let section = &config.response;
    ResponseSettings {
        state: config.state.directory.clone(),
        dry_run: section.dry_run,
        throttle_percent: section.throttle_percent,
        when_agent_dies: section.when_agent_dies,
        never: section.never.clone(),
        only: section.only.clone(),
        allow: section.allow.clone(),
        allow_dns: section.allow_dns,
        free_space: section.min_free_mib << 20,
        prepare: section.mining.contains(&Stage::Isolate) && !section.dry_run,
        evidence: section.evidence.then_some(EvidenceSettings {
            bytes: section.evidence_max_mib << 20,
            memory: section.evidence_memory,
            keep: section.evidence_keep,
            days: section.evidence_days,
        }),
        agent: Some(std::process::id()),
    }
}

impl StartedResponder {
    /// Starts the responder if the configuration wants one. Call this while the process has its privileges.
    pub fn start(config: &Config) -> anyhow::Result<Option<Self>> {
        if !config.response.enabled {
            return Ok(None);
        }
        let mut child = Command::new("/proc/self/exe")
            .arg("responder")
            .env_remove("NOTIFY_SOCKET")
            .env_remove("WATCHDOG_USEC")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("starting the responder")?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let (input, output) = input.zip(output).context("the pipes of the responder")?;
        Ok(Some(Self { child, input, output, settings: settings(config), section: config.response.clone() }))
    }

    /// Starts the threads that talk to the responder. Call this after the privileges were dropped.
    pub fn run(self, commands: mpsc::Sender<signals::Command>) -> anyhow::Result<Responder> {
        let Self { child, input, output, settings, section } = self;
        let (orders, queue) = sync_channel(MAX_ORDERS);
        let first = line(&settings);
        spawn("orders", move || write(input, &first, &queue))?;
        let answers = commands.clone();
        spawn("answers", move || read(child, output, &answers))?;
        let stages: Vec<&str> = section.mining.iter().map(|stage| stage.name()).collect();
        let approvals = Approvals::start(&section, commands)?;
        info!(
            "response: {}{}{}",
            if stages.is_empty() { "only when somebody asks".to_owned() } else { stages.join(", ") },
            if section.dry_run { " (dry run: nothing is changed)" } else { "" },
            if approvals.is_some() { " (after an approval)" } else { "" }
        );
        Ok(Responder {
            orders,
            section,
            handled: BoundedMap::new(MAX_HANDLED),
            suspects: BoundedMap::new(MAX_INCIDENTS),
            waiting: HashMap::new(),
            approvals,
            reports: ReportBudget::default(),
            next: 1,
        })
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> anyhow::Result<()> {
    let thread = thread::Builder::new().name(name.to_owned()).stack_size(STACK).spawn(run);
    thread.map(drop).with_context(|| format!("starting the thread `{name}` of the response"))
}

fn line(value: &impl serde::Serialize) -> Vec<u8> {
    // Plain data always serializes.
    let mut line = serde_json::to_vec(value).unwrap_or_default();
    line.push(b'\n');
    line
}

fn write(mut input: ChildStdin, first: &[u8], orders: &Receiver<Vec<u8>>) {
    let mut outcome = input.write_all(first);
    while let (Ok(()), Ok(order)) = (&outcome, orders.recv()) {
        outcome = input.write_all(&order);
    }
    if let Err(error) = outcome {
        warn!("the responder takes no orders: {error}");
    }
}

fn read(mut child: Child, output: ChildStdout, commands: &mpsc::Sender<signals::Command>) {
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        match serde_json::from_str::<Answer>(&line) {
            Ok(answer) => {
                if commands.blocking_send(signals::Command::Responded(Box::new(answer))).is_err() {
                    return;
                }
            }
            Err(error) => warn!("an answer of the responder cannot be read: {error}"),
        }
    }
    let status = child.wait();
    error!(
        "the responder has ended ({status:?}): nothing can be done to suspects until minerwatch is restarted"
    );
}

impl Responder {
    /// Orders what the policy wants for suspects whose own verdict is `mining`. `line` is the alert as JSON.
    pub fn confirmed(&mut self, line: &[u8], alert: &Alert) {
        self.suspects.insert(alert.incident, alert.suspect.clone());
        let stages = self.section.mining.clone();
        self.order_or_request(line, alert, &stages);
    }

    /// Orders what the policy wants for the suspects of an alert that are only suspected, once for each.
    pub fn consider(&mut self, alert: &Alert) {
        if matches!(alert.action, AlertAction::IncidentClosed | AlertAction::AlertStorm) {
            return;
        }
        self.suspects.insert(alert.incident, alert.suspect.clone());
        if self.section.suspected.is_empty() {
            return;
        }
        let mut is_new = false;
        for suspect in &alert.suspects {
            let key = (alert.incident, suspect.process.key);
            if suspect.verdict == Some(Verdict::Suspected)
                && suspect.alive
                && self.handled.get(&key).is_none()
            {
                self.handled.insert(key, ());
                is_new = true;
            }
        }
        if is_new {
            let stages = self.section.suspected.clone();
            self.order_by(Actor::Policy, alert, &stages);
        }
    }

    /// Orders the stages that need no approval, and requests one for the others.
    fn order_or_request(&mut self, line: &[u8], alert: &Alert, stages: &[Stage]) {
        let first = self.approvals.as_ref().and_then(|approvals| approvals.first_that_waits(stages));
        let (now, later) = stages.split_at(first.unwrap_or(stages.len()));
        // Evidence is kept while the request is pending.
        let now = if now.is_empty() && !later.is_empty() { &[Stage::Observe] } else { now };
        self.order_by(Actor::Policy, alert, now);
        if later.is_empty() {
            return;
        }
        let number = self.next;
        self.next += 1;
        let Some(approvals) = &mut self.approvals else { return };
        match approvals.request(number, line, alert, later) {
            Ok(approved) => self.order_approved(approved),
            Err(error) => {
                error!("incident {}: an approval cannot be requested: {error:#}", alert.incident);
            }
        }
    }

    fn order_approved(&mut self, approved: Option<Approved>) {
        if let Some(Approved { by, alert, stages }) = approved {
            self.order_by(Actor::Approved { by }, &alert, &stages);
        }
    }

    fn order_by(&mut self, by: Actor, alert: &Alert, stages: &[Stage]) {
        let stages = self.with_leases(stages, None);
        let task = Task::Apply { alert: Box::new(alert.clone()), stages, only: None, dry_run: false };
        if self.order(by, task).is_none() {
            error!("the responder is too busy for the incident {}", alert.incident);
        }
    }

    /// Takes a decision: orders what was approved. Returns a report for the outputs, with the suspect of the
    /// incident.
    pub fn decided(&mut self, decision: Decision) -> Option<Report> {
        let Decided { report, approved } = self.approvals.as_mut()?.decided(decision)?;
        self.order_approved(approved);
        Some(self.with_suspect(report))
    }

    fn with_suspect(&self, report: ResponseReport) -> Report {
        let incident = report.incident.parse::<IncidentId>().ok();
        let suspect = incident.and_then(|incident| self.suspects.get(&incident).cloned());
        (report, suspect)
    }

    fn with_leases(&self, stages: &[Stage], lease: Option<u64>) -> Vec<(Stage, Option<u64>)> {
        stages.iter().map(|stage| (*stage, lease.or_else(|| self.section.lease(*stage)))).collect()
    }

    /// Sends an order. Returns its number, or `None` if the responder cannot take it.
    fn order(&mut self, by: Actor, task: Task) -> Option<u64> {
        let id = self.next;
        self.next += 1;
        let order = Order { id, by, issued: host::now(), task };
        match self.orders.try_send(line(&order)) {
            Ok(()) => Some(id),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => None,
        }
    }

    /// Orders what a person asks for. The answer is sent when the responder has finished.
    pub fn respond(
        &mut self,
        alert: Option<Alert>,
        asked: &RespondRequest,
        by: Actor,
        request: PipelineRequest,
    ) {
        let Some(alert) = alert else {
            return request.refuse(&format!(
                "there is no open incident {}; `minerwatch explain` shows all",
                asked.incident
            ));
        };
        self.suspects.insert(alert.incident, alert.suspect.clone());
        let stages = self.with_leases(&asked.stages, asked.lease);
        let task = Task::Apply { alert: Box::new(alert), stages, only: asked.pid, dry_run: asked.dry_run };
        self.ask(by, task, request);
    }

    /// Orders a release.
    pub fn release(&mut self, incident: &str, by: Actor, request: PipelineRequest) {
        self.ask(by, Task::Release { incident: incident.to_owned() }, request);
    }

    fn ask(&mut self, by: Actor, task: Task, request: PipelineRequest) {
        match self.order(by, task) {
            Some(id) => {
                self.waiting.insert(id, Waiting { request, reports: Vec::new() });
            }
            None => request.refuse("the responder has ended or is too busy; see the log of the daemon"),
        }
    }

    /// Takes an answer. Returns its report for the outputs, with the suspect of the incident.
    pub fn answered(&mut self, answer: Answer) -> Option<Report> {
        let Answer { id, report, done } = answer;
        let is_awaited = self.waiting.contains_key(&id);
        if let (Some(report), Some(waiting)) = (&report, self.waiting.get_mut(&id)) {
            waiting.reports.push(report.clone());
        }
        if done && let Some(Waiting { request, reports }) = self.waiting.remove(&id) {
            let lines: Vec<String> =
                reports.iter().filter_map(|report| serde_json::to_string(report).ok()).collect();
            request.answer(lines.join("\n"));
        }
        // A person who asked gets every answer.
        let report = if is_awaited { report? } else { self.reports.admit(report?)? };
        Some(self.with_suspect(report))
    }
}
