//! Brings alerts to the outputs, in a thread of its own, so that no slow disk holds up the event loop.
//!
//! For each group of alerts, the thread writes the alerts to the outbox, a small file of the state directory, then the
//! state of the incidents, and then hands the alerts to the queues and spools of the outputs. Once all of them have
//! the alerts, it removes the outbox. A daemon that starts and finds an outbox sends its alerts again. So a kill at any
//! moment loses no alert; a spool leaves out an alert that it has already, and elsewhere the repeated line has the same
//! `event.id`. A kill between the two files may open an incident twice, which is better than never.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tracing::{info, warn};

use crate::{
    model::Verdict,
    output::{Batch, Class, Filter, Queue, Spool, SpooledAlert},
    state_files::{self, StateFile},
};

const OUTBOX: &str = "outbox.json";

/// Maximum size of `outbox.json` in bytes. A larger file is not read.
const MAX_OUTBOX: u64 = 64 << 20;

/// Maximum number of alerts that an outbox keeps for outputs that do not take them.
const MAX_KEPT: usize = 1_024;

/// Time between two looks at local outputs that have not written their alerts yet.
const LOOK: Duration = Duration::from_millis(2);
const LATER_LOOK: Duration = Duration::from_millis(250);

/// Time for local outputs to write their alerts before the thread looks for other work.
const MOMENT: Duration = Duration::from_millis(20);

/// Time without alerts after which the thread checks the directory.
const CHECK: Duration = Duration::from_secs(30);

/// Stack size of the thread, in bytes.
const STACK: usize = 256 << 10;

/// An alert on its way to the outputs.
#[derive(Clone, Debug)]
pub struct OutgoingAlert {
    /// The line with its newline.
    pub line: Bytes,
    /// The verdict, for the filters of the outputs. `None` is an alert about the agent, which every output of alerts
    /// gets.
    pub verdict: Option<Verdict>,
}

/// Where an output takes alerts.
#[derive(Clone, Debug)]
pub struct AlertTarget {
    /// The filter of the output.
    pub filter: Filter,
    /// The queue of the output.
    pub queue: Arc<Queue>,
    /// The spool of a network output.
    pub spool: Option<Arc<Spool>>,
}

impl AlertTarget {
    /// Hands alerts over. Alerts that the spool cannot take now wait in memory.
    fn take(&self, alerts: &[OutgoingAlert]) {
        let spooled: Vec<SpooledAlert> = self
            .wanted(alerts)
            .map(|alert| SpooledAlert { id: id_of(&alert.line), line: alert.line.clone() })
            .collect();
        if spooled.is_empty() {
            return;
        }
        if self.spool.as_ref().is_some_and(|spool| spool.add_alerts(&spooled).is_ok()) {
            self.queue.wake();
        } else {
            self.take_in_memory(alerts);
        }
    }

    /// Hands alerts over without any disk.
    pub fn take_in_memory(&self, alerts: &[OutgoingAlert]) {
        for alert in self.wanted(alerts) {
            self.queue.push(Batch::new(Class::Alert, alert.line.clone()));
        }
    }

    fn wanted<'a>(&self, alerts: &'a [OutgoingAlert]) -> impl Iterator<Item = &'a OutgoingAlert> {
        let filter = self.filter;
        alerts
            .iter()
            .filter(move |alert| alert.verdict.map_or(filter.alerts, |verdict| filter.wants_alert(verdict)))
    }
}

/// Identifies an alert over restarts. The line contains the `event.id`.
fn id_of(line: &[u8]) -> u64 {
    let hash = Sha256::digest(line);
    hash.first_chunk().copied().map_or(0, u64::from_le_bytes)
}

/// A task of the thread.
#[derive(Debug)]
enum Task {
    /// Store the incidents, and then send the alerts.
    Alerts { incidents: StateFile, alerts: Vec<OutgoingAlert>, targets: Arc<[AlertTarget]> },
    /// Write another file of the state directory.
    File(StateFile),
}

/// An alert in the outbox.
#[derive(Debug, Deserialize, Serialize)]
struct KeptAlert {
    verdict: Option<Verdict>,
    line: String,
}

/// The thread, seen from the event loop.
#[derive(Debug)]
pub struct Journal {
    tasks: SyncSender<Task>,
    shared: Arc<Shared>,
    thread: thread::JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Shared {
    busy: AtomicBool,
    state: Mutex<Written>,
}

/// The last write of the incidents.
#[derive(Clone, Debug, Default)]
pub struct Written {
    /// How long the write took.
    pub cost: Duration,
    /// Why the write failed, if it did.
    pub error: Option<Arc<str>>,
}

impl Journal {
    /// Starts the thread. It calls `wake` whenever it has finished a task.
    pub fn start(state: &Path, wake: impl Fn() + Send + 'static) -> anyhow::Result<Self> {
        let (tasks, receiver) = sync_channel(1);
        let shared = Arc::new(Shared::default());
        let writer = Writer {
            outbox: state.join(OUTBOX),
            shared: Arc::clone(&shared),
            kept: Vec::new(),
            targets: Arc::new([]),
            has_failed: false,
        };
        let run = move || writer.run(&receiver, wake);
        let thread = thread::Builder::new()
            .name("journal".to_owned())
            .stack_size(STACK)
            .spawn(run)
            .context("starting the thread that stores alerts")?;
        Ok(Self { tasks, shared, thread })
    }

    /// Whether the thread is still at work, so that nothing can be handed over.
    pub fn is_busy(&self) -> bool {
        self.shared.busy.load(Ordering::Acquire)
    }

    /// Returns how the last write of the incidents went.
    pub fn written(&self) -> Written {
        self.shared.lock().clone()
    }

    /// Hands over alerts and the incidents to store before them. Call this only if the thread is not busy.
    pub fn hand_over(&self, incidents: StateFile, alerts: Vec<OutgoingAlert>, targets: Arc<[AlertTarget]>) {
        self.start_task(Task::Alerts { incidents, alerts, targets });
    }

    /// Hands over another file of the state directory. Call this only if the thread is not busy.
    pub fn write_file(&self, file: StateFile) {
        self.start_task(Task::File(file));
    }

    fn start_task(&self, task: Task) {
        self.shared.busy.store(true, Ordering::Release);
        // The queue has space, because the thread has taken the task before.
        if self.tasks.try_send(task).is_err() {
            self.shared.busy.store(false, Ordering::Release);
        }
    }

    /// Waits until the thread has ended, for at most `grace`.
    pub async fn end(self, grace: Duration) {
        drop(self.tasks);
        let deadline = Instant::now() + grace;
        while !self.thread.is_finished() && Instant::now() < deadline {
            tokio::time::sleep(LOOK).await;
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Written> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread's own state.
struct Writer {
    outbox: PathBuf,
    shared: Arc<Shared>,
    /// The alerts in the outbox.
    kept: Vec<KeptAlert>,
    /// The outputs that have the kept alerts.
    targets: Arc<[AlertTarget]>,
    has_failed: bool,
}

impl Writer {
    fn run(mut self, tasks: &Receiver<Task>, wake: impl Fn()) {
        let mut pause = LOOK;
        loop {
            match tasks.recv_timeout(if self.kept.is_empty() { CHECK } else { pause }) {
                Ok(task) => {
                    match task {
                        Task::Alerts { incidents, alerts, targets } => {
                            self.send_alerts(&incidents, &alerts, targets);
                        }
                        Task::File(file) => {
                            let outcome = file.write();
                            self.report(outcome);
                        }
                    }
                    pause = LOOK;
                    self.shared.busy.store(false, Ordering::Release);
                    wake();
                    self.wait_for_local_outputs();
                    self.clear_outbox();
                }
                Err(RecvTimeoutError::Timeout) if self.kept.is_empty() => self.check(),
                Err(RecvTimeoutError::Timeout) => {
                    self.clear_outbox();
                    pause = LATER_LOOK.min(pause * 2);
                }
                Err(RecvTimeoutError::Disconnected) => return self.clear_outbox(),
            }
        }
    }

    /// Finds out whether the directory can still be written, before an alert needs it.
    fn check(&mut self) {
        let Some(directory) = self.outbox.parent() else { return };
        let outcome = match state_files::check_writable(directory) {
            // The first write creates it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            outcome => outcome,
        };
        self.shared.lock().error = outcome.as_ref().err().map(|error| error.to_string().into());
        self.report(outcome);
    }

    fn send_alerts(&mut self, incidents: &StateFile, alerts: &[OutgoingAlert], targets: Arc<[AlertTarget]>) {
        let mut outcome = Ok(());
        if !alerts.is_empty() {
            self.clear_outbox();
            self.kept.extend(alerts.iter().map(|alert| KeptAlert {
                verdict: alert.verdict,
                line: String::from_utf8_lossy(&alert.line).into_owned(),
            }));
            self.kept.drain(..self.kept.len().saturating_sub(MAX_KEPT));
            outcome = self.write_outbox();
        }
        let start = Instant::now();
        outcome = outcome.and(incidents.write());
        let error = outcome.as_ref().err().map(|error| error.to_string().into());
        *self.shared.lock() = Written { cost: start.elapsed(), error };
        self.report(outcome);
        self.targets = targets;
        // Those that wait for the disk come last.
        let (spooled, local): (Vec<_>, Vec<_>) =
            self.targets.iter().partition(|target| target.spool.is_some());
        for target in local.into_iter().chain(spooled) {
            target.take(alerts);
        }
    }

    fn write_outbox(&self) -> io::Result<()> {
        if let Some(directory) = self.outbox.parent() {
            state_files::create_directory(directory)?;
        }
        state_files::replace(&self.outbox, &serde_json::to_vec(&self.kept)?)
    }

    /// Gives the local outputs a moment to write their alerts. The sooner the outbox is removed, the fewer alerts are
    /// repeated after a kill.
    fn wait_for_local_outputs(&self) {
        if !self.kept.is_empty() {
            let deadline = Instant::now() + MOMENT;
            for target in self.targets.iter().filter(|target| target.spool.is_none()) {
                target.queue.wait_for_alerts(deadline.saturating_duration_since(Instant::now()));
            }
        }
    }

    /// Removes the outbox if every local output has written its alerts. Those of a spool are on disk already.
    fn clear_outbox(&mut self) {
        let waits = |target: &AlertTarget| target.queue.alerts() > 0 && !target.queue.counters().ended;
        if self.kept.is_empty() || self.targets.iter().any(waits) {
            return;
        }
        self.kept.clear();
        match fs::remove_file(&self.outbox) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => self.report(Err(error)),
            Ok(()) | Err(_) => {}
        }
    }

    /// Logs the first of several failures, and the end of them.
    fn report(&mut self, outcome: io::Result<()>) {
        let directory = self.outbox.parent().unwrap_or(&self.outbox).display();
        let had_failed = std::mem::replace(&mut self.has_failed, outcome.is_err());
        match outcome {
            Ok(()) if had_failed => info!("files can be written to {directory} again"),
            Err(error) if !had_failed => warn!(
                "the state cannot be stored: writing to {directory}: {error}. Alerts are sent all the same; a restart \
                 would open the incidents anew"
            ),
            Ok(()) | Err(_) => {}
        }
    }
}

/// Reads the alerts that an earlier daemon may not have delivered.
pub fn undelivered(state: &Path) -> Vec<OutgoingAlert> {
    let path = state.join(OUTBOX);
    let kept = read(&path).unwrap_or_else(|error| {
        warn!("alerts of the earlier run may be lost: reading {}: {error}", path.display());
        Vec::new()
    });
    let alerts: Vec<OutgoingAlert> = kept
        .into_iter()
        .map(|KeptAlert { verdict, line }| OutgoingAlert { line: line.into(), verdict })
        .collect();
    if !alerts.is_empty() {
        info!("alerts of the earlier run that are delivered now: {}", alerts.len());
    }
    alerts
}

fn read(path: &Path) -> io::Result<Vec<KeptAlert>> {
    match fs::metadata(path) {
        Ok(metadata) if !metadata.is_file() => return Err(io::Error::other("it is not a file")),
        Ok(metadata) if metadata.len() > MAX_OUTBOX => return Err(io::ErrorKind::FileTooLarge.into()),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    }
    Ok(serde_json::from_slice(&fs::read(path)?)?)
}

#[cfg(test)]
mod tests;
