//! Looks closer at processes: what they call themselves, what they read and how they were set up.
//!
//! A file system or a process can make a reader wait for ever. Therefore threads of their own look, and nobody waits for
//! them. If one is stuck, another takes its place, a few times.

mod look;

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, Sender, SyncSender, TrySendError, channel, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

use tracing::{debug, warn};

use crate::model::{BootTime, Event, EventBody, Inspection, InspectionRequest, Subject};

/// Maximum number of requests that wait.
const MAX_WAITING: usize = 256;
/// Maximum number of threads that are started, one after the other.
const MAX_THREADS: u32 = 4;
/// Time after which a look that has not ended is given up. A look takes less than a millisecond.
const STUCK: Duration = Duration::from_secs(30);

/// Looks at processes, in threads of its own.
#[derive(Debug)]
pub struct Inspector {
    wake: Wake,
    requests: SyncSender<InspectionRequest>,
    answers: Receiver<Answered>,
    /// Number of requests that the current thread has finished.
    finished: Arc<AtomicU64>,
    /// Number of requests that the current thread got.
    asked: u64,
    /// The number at the last change of `finished`, and when that was.
    progress: (u64, Instant),
    threads: u32,
}

/// Tells the event loop that there are answers.
#[derive(Clone)]
struct Wake(Arc<dyn Fn() + Send + Sync>);

impl std::fmt::Debug for Wake {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Wake")
    }
}

/// The process that was looked at, and what was found.
type Answered = (Subject, Inspection);

impl Inspector {
    /// Starts the first thread. It calls `wake` whenever [`Self::take_answers`] has something new.
    ///
    /// # Errors
    ///
    /// The thread cannot be started.
    pub fn start(wake: impl Fn() + Send + Sync + 'static) -> io::Result<Self> {
        let wake = Wake(Arc::new(wake));
        let (requests, answers, finished) = spawn(&wake)?;
        let progress = (0, Instant::now());
        Ok(Self { wake, requests, answers, finished, asked: 0, progress, threads: 1 })
    }

    /// Asks for a look. Returns whether somebody will look.
    pub fn ask(&mut self, request: &InspectionRequest) -> bool {
        self.replace_if_stuck();
        match self.requests.try_send(request.clone()) {
            Ok(()) => {
                self.asked += 1;
                true
            }
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                debug!(pid = request.subject.key.pid, "too many processes wait to be looked at");
                false
            }
        }
    }

    /// Appends what was found since the last call, as events.
    pub fn take_answers(&self, now: BootTime, events: &mut Vec<Event>) {
        while let Ok((subject, inspection)) = self.answers.try_recv() {
            events.push(Event { time: now, subject, body: EventBody::Inspection(Box::new(inspection)) });
        }
    }

    fn replace_if_stuck(&mut self) {
        let finished = self.finished.load(Ordering::Relaxed);
        if finished != self.progress.0 || finished == self.asked {
            self.progress = (finished, Instant::now());
        } else if self.progress.1.elapsed() > STUCK && self.threads < MAX_THREADS {
            warn!("a process or a file system keeps a reader waiting; another thread goes on");
            if let Ok((requests, answers, finished)) = spawn(&self.wake) {
                (self.requests, self.answers, self.finished) = (requests, answers, finished);
                (self.asked, self.progress) = (0, (0, Instant::now()));
            }
            self.threads += 1;
        }
    }
}

type Channels = (SyncSender<InspectionRequest>, Receiver<Answered>, Arc<AtomicU64>);

fn spawn(wake: &Wake) -> io::Result<Channels> {
    let (requests, queue) = sync_channel(MAX_WAITING);
    let (outcomes, answers) = channel();
    let finished = Arc::new(AtomicU64::new(0));
    let (counter, wake) = (Arc::clone(&finished), wake.clone());
    thread::Builder::new()
        .name("inspector".to_owned())
        .spawn(move || run(&queue, &outcomes, &counter, &wake))?;
    Ok((requests, answers, finished))
}

/// Looks until nobody asks any more.
fn run(queue: &Receiver<InspectionRequest>, outcomes: &Sender<Answered>, finished: &AtomicU64, wake: &Wake) {
    while let Ok(request) = queue.recv() {
        let found = look::at(&request).filter(|inspection| !inspection.is_empty());
        finished.fetch_add(1, Ordering::Relaxed);
        let Some(inspection) = found else { continue };
        if outcomes.send((request.subject, inspection)).is_err() {
            return;
        }
        (wake.0)();
    }
}
