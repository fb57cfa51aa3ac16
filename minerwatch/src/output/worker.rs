//! The part of an output that belongs to the event loop. It starts and ends the thread of the output.

use std::{path::Path, sync::Arc, thread, thread::JoinHandle, time::Duration};

use anyhow::Context as _;
use bytes::Bytes;
use tokio::time::{Instant, sleep};
use tracing::warn;

use super::{Batch, Class, Counters, Filter, Output, OutputSettings, Queue, Spool, queue::CAPACITY};

/// Stack size of an output's thread. A TLS handshake needs more stack than anything else.
const STACK: usize = 512 << 10;

/// Pause between two checks whether a thread has ended.
const POLL: Duration = Duration::from_millis(5);

/// An output and its thread.
#[derive(Debug)]
pub struct Worker {
    name: String,
    /// The settings as text. A reload compares it with the text of the new settings.
    settings: String,
    filter: Filter,
    queue: Arc<Queue>,
    spool: Option<Arc<Spool>>,
    /// The output before its thread starts.
    output: Option<Box<dyn Output>>,
    thread: Option<JoinHandle<()>>,
    /// Events of the current batch.
    lines: Vec<u8>,
}

impl Worker {
    /// Opens an output. Lines wait until [`Self::start`].
    pub fn open(settings: &dyn OutputSettings, state: &Path) -> anyhow::Result<Self> {
        let output = settings.open(state)?;
        Ok(Self {
            name: settings.name(),
            settings: format!("{settings:?}"),
            filter: settings.filter(),
            queue: Arc::new(Queue::new(CAPACITY)),
            spool: output.spool(),
            output: Some(output),
            thread: None,
            lines: Vec::new(),
        })
    }

    /// Starts the thread. It has the capabilities of the caller. Does nothing if the thread was started before.
    pub fn start(&mut self) -> anyhow::Result<()> {
        let Some(output) = self.output.take() else { return Ok(()) };
        let queue = Arc::clone(&self.queue);
        let run = move || {
            let end = output.run(&queue);
            queue.count(|counters| counters.ended = end == super::End::ReaderGone);
        };
        let thread = thread::Builder::new().name("output".to_owned()).stack_size(STACK).spawn(run);
        self.thread = Some(thread.with_context(|| format!("starting the thread of {}", self.name))?);
        Ok(())
    }

    /// Returns whether a reload keeps this worker. A network output with changed settings is opened again. A file keeps its
    /// lock while it is open, so changed limits of a file apply at the next start.
    pub fn goes_on(&self, settings: &dyn OutputSettings) -> bool {
        self.name == settings.name() && (self.spool.is_none() || self.settings == format!("{settings:?}"))
    }

    /// Returns the name of the output.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the filter of the output.
    pub fn filter(&self) -> &Filter {
        &self.filter
    }

    /// Replaces the filter.
    pub fn set_filter(&mut self, filter: Filter) {
        self.filter = filter;
    }

    /// Returns the queue of the output.
    pub fn queue(&self) -> &Arc<Queue> {
        &self.queue
    }

    /// Returns the spool of the output, if it has one.
    pub fn spool(&self) -> Option<&Arc<Spool>> {
        self.spool.as_ref()
    }

    /// Adds the line of an event to the current batch.
    pub fn add_event(&mut self, line: &[u8]) {
        self.lines.extend_from_slice(line);
    }

    /// Passes the current batch to the output. Never waits.
    pub fn flush(&mut self) {
        if !self.lines.is_empty() {
            self.queue.push(Batch::new(Class::Event, Bytes::from(std::mem::take(&mut self.lines))));
        }
    }

    /// Asks the output to open its file again by its name.
    pub fn reopen(&self) {
        self.queue.reopen();
    }

    /// Returns whether the output has ended by itself.
    pub fn has_ended(&self) -> bool {
        self.thread.as_ref().is_some_and(JoinHandle::is_finished)
    }

    /// Returns the counters of the output.
    pub fn counters(&self) -> Counters {
        let spool = self.spool.as_ref().map(|spool| spool.counters());
        let counters = self.queue.counters();
        let refused_by_spool = spool.map_or((0, 0), |(_, dropped)| dropped);
        Counters {
            events_dropped: counters.events_dropped + refused_by_spool.0,
            alerts_dropped: counters.alerts_dropped + refused_by_spool.1,
            spool: spool.map(|(counters, _)| counters),
            ..counters
        }
    }

    /// Tells the output to deliver the waiting lines and to end.
    pub fn close(&mut self) {
        self.flush();
        self.queue.close();
    }

    /// Waits until the output has ended, at most until `deadline`. Call [`Self::close`] first.
    pub async fn ended(self, deadline: Instant) {
        let Some(thread) = self.thread else { return };
        while !thread.is_finished() && Instant::now() < deadline {
            sleep(POLL).await;
        }
        if thread.is_finished() {
            // A panic in an output's thread has been reported by the panic hook.
            let _ = thread.join();
            return;
        }
        let waiting = self.queue.counters().waiting;
        if waiting > 0 {
            warn!("{}: lines that could not be written before the end: {waiting}", self.name);
        }
    }
}
