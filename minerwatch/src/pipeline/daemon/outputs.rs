//! The outputs of the daemon: the outputs of the configuration, and the readers of the control socket.
//!
//! Nothing here waits for a destination or a disk: events go to the queues of the outputs, and alerts to the
//! journal ([`super::journal`]).

use std::{
    collections::BTreeMap,
    io,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use tracing::warn;

use super::{
    incident_store::{IncidentStore, StoredIncidents},
    journal::{self, AlertTarget, Journal, OutgoingAlert},
    response::Responder,
};
use crate::{
    config::Config,
    control::{ControlCounters, ControlServer},
    engine::Engine,
    host,
    metrics::OutputMetrics,
    model::{Alert, EventKind, KindSet, Verdict},
    output::{OutputSettings, Worker},
    pipeline::stages::{EventInfo, OutputSink},
    state_files::StateFile,
};

/// Time after which alerts no longer wait for the state of the incidents to be written.
const PATIENCE: Duration = Duration::from_secs(2);

/// Maximum size of the alerts that wait for the journal, in bytes.
const MAX_WAITING: usize = 16 << 20;

/// Time at the end for the journal, and then for the outputs together.
const JOURNAL_GRACE: Duration = Duration::from_millis(300);
const OUTPUT_GRACE: Duration = Duration::from_millis(400);

/// Time for the journal to remove the outbox.
const END_GRACE: Duration = Duration::from_millis(100);

/// Pause between two looks at the journal at the end.
const POLL: Duration = Duration::from_millis(2);

/// The sink for the daemon's events and alerts.
pub struct ConfiguredOutputs {
    state: PathBuf,
    workers: Vec<Worker>,
    /// Where the workers take alerts.
    targets: Arc<[AlertTarget]>,
    /// The kinds that any worker wants.
    wanted: KindSet,
    /// Whether any worker wants the events of incidents.
    wants_incident_events: bool,
    control: Option<ControlServer>,
    /// Carries out the policy of the response.
    pub responder: Option<Responder>,
    incidents: IncidentStore,
    journal: Option<Journal>,
    /// Alerts that wait for the journal, and since when.
    alerts: Vec<OutgoingAlert>,
    waiting_bytes: usize,
    waiting_since: Option<Instant>,
}

impl ConfiguredOutputs {
    /// Opens every output of the configuration. The incidents are stored in `incidents` before an alert leaves.
    pub fn open(config: &Config, incidents: IncidentStore) -> anyhow::Result<Self> {
        let mut outputs = Self {
            state: config.state.directory.clone(),
            workers: Vec::new(),
            targets: Arc::new([]),
            wanted: KindSet::NONE,
            wants_incident_events: false,
            control: None,
            responder: None,
            incidents,
            journal: None,
            alerts: Vec::new(),
            waiting_bytes: 0,
            waiting_since: None,
        };
        outputs.reconfigure(config)?;
        Ok(outputs)
    }

    /// Adds the control socket to the outputs.
    pub fn serve(&mut self, control: Option<ControlServer>) {
        self.control = control;
    }

    /// Starts the threads, which have the capabilities of the caller. `wake` makes the event loop flush.
    pub fn start(&mut self, wake: impl Fn() + Send + 'static) -> anyhow::Result<()> {
        self.journal = Some(Journal::start(&self.state, wake)?);
        self.workers.iter_mut().try_for_each(Worker::start)
    }

    /// Applies the outputs of a new configuration. Unchanged outputs keep their waiting lines, and a changed one keeps those
    /// in its spool. If a new output cannot
    /// be opened, all outputs stay as they were.
    pub fn reconfigure(&mut self, config: &Config) -> anyhow::Result<()> {
        let configured = config.sink.all();
        let is_new =
            |settings: &&&dyn OutputSettings| !self.workers.iter().any(|worker| worker.goes_on(**settings));
        let mut opened = configured
            .iter()
            .filter(is_new)
            .map(|settings| Worker::open(*settings, &self.state))
            .collect::<anyhow::Result<Vec<Worker>>>()?;
        if self.journal.is_some() {
            opened.iter_mut().try_for_each(Worker::start)?;
        }
        self.workers.extend(opened);
        self.workers.retain_mut(|worker| {
            let settings = configured.iter().find(|settings| worker.goes_on(**settings));
            if let Some(settings) = settings {
                worker.set_filter(settings.filter());
            } else {
                // Its thread delivers what waits, and then ends.
                worker.close();
            }
            settings.is_some()
        });
        self.changed();
        Ok(())
    }

    /// Collects what the loop needs to know about the workers.
    fn changed(&mut self) {
        let live = self.workers.iter().filter(|worker| !worker.has_ended());
        self.targets = live
            .map(|worker| AlertTarget {
                filter: *worker.filter(),
                queue: Arc::clone(worker.queue()),
                spool: worker.spool().cloned(),
            })
            .collect();
        self.wanted = self.targets.iter().fold(KindSet::NONE, |all, target| all.union(target.filter.events));
        self.wants_incident_events = self.targets.iter().any(|target| target.filter.incident_events);
    }

    /// Opens log files again by name, after another program moved them away.
    pub fn reopen(&mut self) {
        self.workers.iter().for_each(Worker::reopen);
    }

    /// Reads the incidents that an earlier daemon stored, and the alerts that it may not have delivered.
    pub fn stored_incidents(&mut self) -> StoredIncidents {
        let stored = self.incidents.load();
        self.alerts.extend(journal::undelivered(&self.state));
        stored
    }

    /// The number of incidents that do not fit into the state file.
    pub fn incidents_left_out(&self) -> usize {
        self.incidents.left_out()
    }

    /// Stores the incidents if they changed, and looks at the outputs. Call this about once per second. Fails with
    /// `BrokenPipe` when no output is left, because then nobody needs the daemon.
    pub fn tick(&mut self, engine: &mut Engine) -> io::Result<()> {
        self.store_incidents(engine);
        if self.waiting_since.is_some_and(|since| since.elapsed() > PATIENCE) {
            // The disk of the state directory hangs. A repeated alert is better than a late one.
            warn!(
                "alerts are sent before the incidents are stored, because writing to {} hangs",
                self.state.display()
            );
            let alerts = self.take_alerts();
            for target in &*self.targets {
                target.take_in_memory(&alerts);
            }
        }
        let before = self.targets.len();
        self.changed();
        if self.targets.len() < before && !self.targets.iter().any(|target| target.filter.wants_anything()) {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        Ok(())
    }

    fn store_incidents(&mut self, engine: &mut Engine) {
        let Some(journal) = self.journal.as_ref().filter(|journal| !journal.is_busy()) else { return };
        let written = journal.written();
        if written.error.is_some() {
            self.incidents.set_unwritten();
        }
        if let Some(incidents) = self.incidents.encode_if_due(engine, host::wall_clock(), written.cost) {
            journal.hand_over(incidents, Vec::new(), Arc::clone(&self.targets));
        }
    }

    /// Writes a file of the state directory in the background. While an earlier write runs, `file` is not called, so the
    /// caller tries again later.
    pub fn write_file(&self, file: impl FnOnce() -> Option<StateFile>) {
        if let Some(journal) = self.journal.as_ref().filter(|journal| !journal.is_busy())
            && let Some(file) = file()
        {
            journal.write_file(file);
        }
    }

    fn take_alerts(&mut self) -> Vec<OutgoingAlert> {
        self.waiting_bytes = 0;
        self.waiting_since = None;
        std::mem::take(&mut self.alerts)
    }

    fn add_alert(&mut self, line: &[u8], verdict: Option<Verdict>) {
        if self.waiting_bytes.saturating_add(line.len()) > MAX_WAITING {
            // The outputs count what they drop.
            let alerts = self.take_alerts();
            self.targets.iter().for_each(|target| target.take_in_memory(&alerts));
        }
        self.waiting_bytes += line.len();
        self.waiting_since.get_or_insert_with(Instant::now);
        self.alerts.push(OutgoingAlert { line: Bytes::copy_from_slice(line), verdict });
    }

    /// Stores the incidents and `file`, delivers what waits and closes all outputs. Readers of the control socket get the
    /// time `grace` to read.
    pub async fn finish(mut self, engine: &mut Engine, file: StateFile, grace: Duration) {
        self.wait_for_journal().await;
        let alerts = self.take_alerts();
        if let Some(journal) = self.journal.as_ref().filter(|journal| !journal.is_busy()) {
            let incidents = self.incidents.encode(engine, host::wall_clock());
            journal.hand_over(incidents, alerts, Arc::clone(&self.targets));
            self.wait_for_journal().await;
            self.write_file(|| Some(file));
        } else {
            self.targets.iter().for_each(|target| target.take_in_memory(&alerts));
        }
        self.workers.iter_mut().for_each(Worker::close);
        let deadline = tokio::time::Instant::now() + OUTPUT_GRACE;
        for worker in self.workers {
            worker.ended(deadline).await;
        }
        // The journal removes the outbox when the outputs have written their alerts.
        if let Some(journal) = self.journal {
            journal.end(END_GRACE).await;
        }
        if let Some(control) = self.control {
            control.shutdown(grace).await;
        }
    }

    async fn wait_for_journal(&self) {
        let deadline = Instant::now() + JOURNAL_GRACE;
        while self.journal.as_ref().is_some_and(Journal::is_busy) && Instant::now() < deadline {
            tokio::time::sleep(POLL).await;
        }
    }

    /// Returns the counters of every output, by name.
    pub fn metrics(&self) -> BTreeMap<String, OutputMetrics> {
        self.workers.iter().map(|worker| (worker.name().to_owned(), worker.counters().into())).collect()
    }

    /// Returns why the state directory cannot be written, if that is so.
    pub fn state_error(&self) -> Option<String> {
        let error = self.journal.as_ref()?.written().error?;
        Some(format!("{}: {error}", self.state.display()))
    }

    /// Returns the age of the oldest line in any spool.
    pub fn spool_age(&self) -> Duration {
        let spools = self.workers.iter().filter_map(Worker::spool);
        let ages = spools.map(|spool| spool.counters().0.oldest_seconds);
        Duration::from_secs(ages.max().unwrap_or(0))
    }

    /// Returns the counters of the control socket.
    pub fn control_counters(&self) -> ControlCounters {
        self.control.as_ref().map(ControlServer::counters).unwrap_or_default()
    }
}

impl OutputSink for ConfiguredOutputs {
    fn wants(&self, kind: EventKind, pid: u32) -> bool {
        self.wanted.contains(kind)
            || self.control.as_ref().is_some_and(|control| control.wants_event(kind, pid))
    }

    fn wants_incident_events(&self) -> bool {
        self.wants_incident_events
    }

    fn event(&mut self, line: &[u8], about: EventInfo) -> io::Result<()> {
        let EventInfo { kind, pid, is_of_incident } = about;
        if self.wanted.contains(kind) || is_of_incident {
            for worker in
                self.workers.iter_mut().filter(|worker| worker.filter().wants_event(kind, is_of_incident))
            {
                worker.add_event(line);
            }
        }
        if let Some(control) = &self.control {
            control.publish_event(line, kind, pid);
        }
        Ok(())
    }

    fn alert(&mut self, line: &[u8], alert: &Alert) -> io::Result<()> {
        if let Some(responder) = &mut self.responder {
            responder.consider(alert);
        }
        if let Some(control) = &self.control {
            control.publish_alert(line, alert.suspect.key.pid);
        }
        self.add_alert(line, Some(alert.verdict));
        Ok(())
    }

    fn confirmed(&mut self, line: &[u8], alert: &Alert) {
        if let Some(responder) = &mut self.responder {
            responder.confirmed(line, alert);
        }
    }

    fn response(&mut self, line: &[u8], pid: u32) -> io::Result<()> {
        if let Some(control) = &self.control {
            control.publish_alert(line, pid);
        }
        // An output that gets the incident also gets what was done, and a spool keeps it.
        self.add_alert(line, Some(Verdict::Mining));
        Ok(())
    }

    fn agent_event(&mut self, line: &[u8]) -> io::Result<()> {
        for worker in self.workers.iter_mut().filter(|worker| worker.filter().agent_events) {
            worker.add_event(line);
        }
        Ok(())
    }

    fn agent_alert(&mut self, line: &[u8]) -> io::Result<()> {
        self.add_alert(line, None);
        Ok(())
    }

    fn send_alerts(&mut self, engine: &mut Engine) {
        if self.alerts.is_empty() {
            return;
        }
        // Events of the batch precede its alerts.
        self.workers.iter_mut().for_each(Worker::flush);
        let Some(journal) = self.journal.as_ref().filter(|journal| !journal.is_busy()) else { return };
        let incidents = self.incidents.encode(engine, host::wall_clock());
        let alerts = std::mem::take(&mut self.alerts);
        (self.waiting_bytes, self.waiting_since) = (0, None);
        journal.hand_over(incidents, alerts, Arc::clone(&self.targets));
    }

    fn flush(&mut self) -> io::Result<()> {
        self.workers.iter_mut().for_each(Worker::flush);
        Ok(())
    }
}
