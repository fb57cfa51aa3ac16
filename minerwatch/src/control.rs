//! The Unix socket on which `minerwatch tail` and other commands query the running daemon.
//!
//! A connection carries one request, which is a line of JSON. The answer is one or more lines. For `tail`, the answer
//! is a line per event until either side closes the connection. Only root and the daemon's own user get an answer. A
//! slow reader loses whole lines and receives their number; it never slows the daemon down.

mod client;
mod connection;
mod counters;
mod pipeline_request;
mod request;
mod subscribers;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{
    net::UnixListener,
    sync::{mpsc, watch},
    task::JoinHandle,
};

pub use crate::unix_socket::BindError;
use crate::{
    model::EventKind,
    unix_socket::{self, SocketAt},
};
pub use client::{ConnectError, ControlClient, Lines};
pub use connection::Group;
pub use counters::ControlCounters;
pub use pipeline_request::{PipelineRequest, Question};
pub use request::{Peer, Request, RespondRequest, TailRequest, WatchRequest};
use subscribers::Subscribers;

/// Capacity of the queue of requests to the pipeline.
const QUEUE: usize = 8;

/// The daemon's end of the control socket. Needs a tokio runtime with I/O and time.
#[derive(Debug)]
pub struct ControlServer {
    path: PathBuf,
    subscribers: Arc<Subscribers>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
    /// Inode of the socket, so that this server removes only its own socket.
    inode: u64,
}

impl ControlServer {
    /// Listens on a socket at `path` with mode 0600, and creates a missing directory. The receiver yields the requests
    /// that the pipeline must answer.
    ///
    /// # Errors
    ///
    /// Another daemon is listening at `path`, `path` is not a socket, or the directory cannot be written.
    pub fn bind(path: &Path) -> Result<(Self, mpsc::Receiver<PipelineRequest>), BindError> {
        Self::bind_for(path, None)
    }

    /// Listens as [`Self::bind`] does. Members of `group` may ask for a response, so the socket has mode 0660.
    pub fn bind_for(
        path: &Path,
        group: Option<Group>,
    ) -> Result<(Self, mpsc::Receiver<PipelineRequest>), BindError> {
        // The daemon checks the user of each connection, so connections before the mode is set are safe.
        let mode = if group.is_some() { 0o660 } else { 0o600 };
        let (listener, inode) = unix_socket::bind(SocketAt { path, mode, key: "control.socket" })?;
        let failed = |error| BindError::Io { path: path.to_owned(), error };
        if let Some(group) = &group {
            std::os::unix::fs::chown(path, None, Some(group.id)).map_err(failed)?;
        }
        listener.set_nonblocking(true).map_err(failed)?;
        let listener = UnixListener::from_std(listener).map_err(failed)?;
        let subscribers = Arc::new(Subscribers::default());
        let (requests, receiver) = mpsc::channel(QUEUE);
        let (stop, stopped) = watch::channel(false);
        let service = connection::Service { subscribers: Arc::clone(&subscribers), requests, stopped, group };
        let task = tokio::spawn(service.run(listener));
        Ok((Self { path: path.to_owned(), subscribers, stop, task, inode }, receiver))
    }

    /// Whether any reader wants this event. An unwanted event need not be encoded. Without readers, this check is one
    /// atomic load.
    pub fn wants_event(&self, kind: EventKind, pid: u32) -> bool {
        self.subscribers.wants(Some(kind), pid)
    }

    /// Sends the line of an event, with its newline, to every reader that wants the event. Never waits for a reader.
    pub fn publish_event(&self, line: &[u8], kind: EventKind, pid: u32) {
        self.subscribers.publish(line, Some(kind), pid);
    }

    /// Sends the line of an alert, with its newline, to every reader that wants the alert. Never waits for a reader.
    pub fn publish_alert(&self, line: &[u8], pid: u32) {
        self.subscribers.publish(line, None, pid);
    }

    /// Returns the counters of the control socket.
    pub fn counters(&self) -> ControlCounters {
        self.subscribers.counters()
    }

    /// Removes the socket, accepts no more connections, and waits at most `grace` until readers have received the
    /// queued lines.
    pub async fn shutdown(self, grace: Duration) {
        let Self { path, subscribers, stop, mut task, inode } = self;
        unix_socket::unlink(&path, inode);
        subscribers.close();
        // The task may have ended already.
        let _ = stop.send(true);
        if tokio::time::timeout(grace, &mut task).await.is_err() {
            task.abort();
        }
    }
}

#[cfg(test)]
mod tests;
