//! Decides which sockets are asked about a container, in which order, and when they are asked again.

use std::{sync::Arc, time::Duration};

use tokio::{sync::Semaphore, time::sleep};

use super::{
    counters::Shared,
    socket::{Said, Socket},
};
use crate::{
    model::{Container, ContainerDetails, ContainerRuntime},
    redact::Redactor,
};

/// Pauses before the further rounds. CRI-O starts a container before it lists it.
const ROUNDS: [Duration; 3] = [Duration::ZERO, Duration::from_millis(500), Duration::from_secs(3)];
/// Maximum number of containers that the runtimes are asked about at the same time.
const MAX_AT_ONCE: usize = 8;
/// Length of the ids of all runtimes that are asked, in hexadecimal digits.
const ID: usize = 64;

/// What all look-ups share.
#[derive(Debug)]
pub(super) struct Lookup {
    sockets: Vec<Socket>,
    redactor: Option<Arc<Redactor>>,
    permits: Semaphore,
    shared: Arc<Shared>,
}

/// How a round of questions ended.
enum Round {
    Named(Box<ContainerDetails>),
    /// Another round may help.
    Unknown,
    /// No runtime runs here.
    Nobody,
}

impl Lookup {
    pub(super) fn new(sockets: Vec<Socket>, redactor: Option<Arc<Redactor>>, shared: Arc<Shared>) -> Self {
        Self { sockets, redactor, permits: Semaphore::new(MAX_AT_ONCE), shared }
    }

    /// Returns what is known about a container; empty if no runtime knows it.
    pub(super) async fn find(&self, container: &Container) -> ContainerDetails {
        let details = self.find_in_rounds(container).await.unwrap_or_default();
        self.shared.answered(!details.is_empty());
        details
    }

    async fn find_in_rounds(&self, container: &Container) -> Option<ContainerDetails> {
        let id = container.id.as_deref()?;
        if container.runtime == Some(ContainerRuntime::Lxc) {
            return Some(ContainerDetails { name: Some(id.into()), ..ContainerDetails::default() });
        }
        for pause in ROUNDS {
            sleep(pause).await;
            // The container around is the next best answer: the node of a cluster in Docker, for example.
            for id in [Some(id), container.outer.as_deref()].into_iter().flatten().filter(|id| is_id(id)) {
                match self.round(id, container).await {
                    Round::Named(details) => return Some(*details),
                    Round::Unknown => {}
                    Round::Nobody => return None,
                }
            }
            if !is_id(id) {
                return None;
            }
        }
        None
    }

    /// Asks all sockets, the likeliest first.
    async fn round(&self, id: &str, container: &Container) -> Round {
        // The semaphore is never closed. Without a permit, more look-ups would run at the same time.
        let _permit = self.permits.acquire().await.ok();
        let runtime = container.runtime.unwrap_or(ContainerRuntime::Unknown);
        let mut order: Vec<(usize, &Socket)> = self.sockets.iter().enumerate().collect();
        order.sort_by_key(|(_, socket)| socket.settings.distance(runtime, container.pod_uid.is_some()));
        let mut is_anybody_there = false;
        for (index, socket) in order {
            let said = socket.ask(id, self.redactor.as_deref()).await;
            match said {
                Said::Known(_) | Said::Unknown => self.shared.socket_answered(index),
                Said::Failed => self.shared.socket_failed(index),
                Said::Skipped => self.shared.socket_skipped(index),
                Said::Absent => {}
            }
            match said {
                Said::Known(details) => return Round::Named(details),
                Said::Unknown | Said::Failed | Said::Skipped => is_anybody_there = true,
                Said::Absent => {}
            }
        }
        if is_anybody_there { Round::Unknown } else { Round::Nobody }
    }
}

fn is_id(text: &str) -> bool {
    text.len() == ID && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
