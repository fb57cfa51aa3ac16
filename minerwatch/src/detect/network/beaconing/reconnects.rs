//! Clients that reconnect: some pools and proxies close connections by the hour or every few minutes. The rhythm of such
//! a client goes on in its next connection.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use super::Rhythm;
use crate::{
    bounded::BoundedMap,
    model::{BootTime, FileId, ProcessKey},
    process::{Process, Role, base_name, interprets},
};

/// Maximum number of clients whose last connection ended that are remembered.
pub(super) const CLIENTS: usize = 1_024;
/// Maximum time from the end of a connection to the next one of the same client.
pub(super) const MAX_PAUSE: Duration = Duration::from_secs(600);

/// Who connects.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Client {
    /// A program, whose processes may come and go.
    Program { file: FileId, script: Option<Arc<str>>, uid: u32 },
    /// A process of a tool that unrelated people use, or of an unknown program.
    Process(ProcessKey),
}

impl Client {
    fn of(process: &Process) -> Self {
        let view = &process.view;
        let runs_anything = process.script.is_none()
            && (interprets(base_name(&view.executable.path)) || process.role == Role::Downloader);
        match view.executable.file {
            Some(file) if !runs_anything => {
                Self::Program { file, script: process.script.clone(), uid: view.credentials.uid }
            }
            _ => Self::Process(process.key()),
        }
    }
}

/// The rhythms of clients whose last connection ended.
#[derive(Debug)]
pub(super) struct Closed {
    rhythms: BoundedMap<(Client, SocketAddr), (BootTime, Rhythm)>,
}

impl Closed {
    pub(super) fn new() -> Self {
        Self { rhythms: BoundedMap::new(CLIENTS) }
    }

    /// Keeps the rhythm of a connection that ended at time `at`.
    pub(super) fn keep(&mut self, process: &Process, destination: SocketAddr, at: BootTime, rhythm: Rhythm) {
        // The oldest is the one used longest ago, because each is used once.
        let oldest = self.rhythms.iter().next().filter(|(_, (closed, _))| at.since(*closed) > MAX_PAUSE);
        if let Some(expired) = oldest.map(|(client, _)| client.clone()) {
            self.rhythms.remove(&expired);
        }
        self.rhythms.insert((Client::of(process), destination), (at, rhythm));
    }

    /// Returns the rhythm of a client that connects at time `at` to the same destination again.
    pub(super) fn resume(
        &mut self,
        process: &Process,
        destination: SocketAddr,
        at: BootTime,
    ) -> Option<Rhythm> {
        let (closed, rhythm) = self.rhythms.remove(&(Client::of(process), destination))?;
        (at.since(closed) <= MAX_PAUSE).then_some(rhythm)
    }

    pub(super) fn evicted(&self) -> u64 {
        self.rhythms.evicted()
    }
}
