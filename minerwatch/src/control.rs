//! The Unix socket by which `minerwatch tail` and its like speak with the running daemon.
//!
//! One request a connection, as a line of JSON; the answer is one line, or for `tail` a line per event until
//! either side ends it. Only root and the daemon's own user are answered. A slow reader loses whole lines
//! and is told how many; it never slows the daemon.

mod client;
mod connection;
mod listener;
mod request;
mod subscribers;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinHandle,
};

use crate::model::EventKind;
pub use client::{ConnectError, ControlClient, Lines};
pub use listener::BindError;
pub use request::{Request, TailRequest};
use subscribers::Subscribers;

/// Requests that wait for the pipeline.
const STATUS_QUEUE: usize = 8;

/// What the socket did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ControlCounters {
    /// Streams open now.
    pub subscribers: u64,
    /// Lines given to a stream.
    pub lines: u64,
    /// Lines that a slow reader lost.
    pub lost: u64,
}

/// The daemon's side. Needs a tokio runtime with I/O and time.
#[derive(Debug)]
pub struct ControlServer {
    path: PathBuf,
    subscribers: Arc<Subscribers>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
    /// The socket's inode, so that only this server's own socket is removed.
    inode: u64,
}

/// What the pipeline is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// One object with what the daemon does and could not do.
    Status,
    /// How the incidents stand, one object each: all of them, or the one of this id.
    Explain(Option<String>),
}

/// Somebody asks the pipeline. Dropped unanswered, the other side is told so.
#[derive(Debug)]
pub struct PipelineRequest {
    /// What for.
    pub question: Question,
    reply: oneshot::Sender<String>,
}

impl PipelineRequest {
    /// Answers with lines of JSON (the last newline is added if there is none).
    pub fn answer(self, json: String) {
        // Whoever asked may be gone.
        let _ = self.reply.send(json);
    }
}

impl ControlServer {
    /// Listens at `path`, mode 0600; the directory is made if it is missing. Requests to the
    /// pipeline come out of the receiver, for the pipeline to answer.
    ///
    /// # Errors
    ///
    /// Another daemon is listening there, something else than a socket is there, or the directory cannot
    /// be written.
    pub fn bind(path: &Path) -> Result<(Self, mpsc::Receiver<PipelineRequest>), BindError> {
        let (listener, inode) = listener::bind(path)?;
        let subscribers = Arc::new(Subscribers::default());
        let (requests, receiver) = mpsc::channel(STATUS_QUEUE);
        let (stop, stopped) = watch::channel(false);
        let service = connection::Service { subscribers: Arc::clone(&subscribers), requests, stopped };
        let task = tokio::spawn(service.run(listener));
        Ok((Self { path: path.to_owned(), subscribers, stop, task, inode }, receiver))
    }

    /// Whether anybody wants this event, so that it need not be encoded for nobody. One atomic load when
    /// nobody listens.
    pub fn wants_event(&self, kind: EventKind, pid: u32) -> bool {
        self.subscribers.wants(Some(kind), pid)
    }

    /// Whether anybody wants an alert with this suspect.
    pub fn wants_alert(&self, pid: u32) -> bool {
        self.subscribers.wants(None, pid)
    }

    /// Hands an event's line, its newline included, to whoever wants it. Never waits.
    pub fn publish_event(&self, line: &Bytes, kind: EventKind, pid: u32) {
        self.subscribers.publish(line, Some(kind), pid);
    }

    /// Hands an alert's line, its newline included, to whoever wants it. Never waits.
    pub fn publish_alert(&self, line: &Bytes, pid: u32) {
        self.subscribers.publish(line, None, pid);
    }

    /// What it did so far.
    pub fn counters(&self) -> ControlCounters {
        self.subscribers.counters()
    }

    /// Takes no more connections, lets readers have what is queued for at most `grace`, and removes the
    /// socket.
    pub async fn shutdown(self, grace: Duration) {
        let Self { path, subscribers, stop, mut task, inode } = self;
        listener::unlink(&path, inode);
        subscribers.close();
        // The task may have ended by itself.
        let _ = stop.send(true);
        if tokio::time::timeout(grace, &mut task).await.is_err() {
            task.abort();
        }
    }
}

#[cfg(test)]
mod tests;
