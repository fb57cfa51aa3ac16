//! One socket: asks a question in bounded time, and leaves a runtime alone that does not answer.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, timeout};

use super::{
    cri, docker,
    error::AskError,
    settings::{Protocol, RuntimeSocket},
};
use crate::{model::ContainerDetails, redact::Redactor};

/// Maximum time of a question.
const MAX_TIME: Duration = Duration::from_secs(2);
/// Failures in a row after which a socket is left alone.
const MAX_FAILURES: u32 = 3;
/// Time for which a socket is left alone.
const PAUSE: Duration = Duration::from_secs(30);

/// A socket, and how its latest questions went.
#[derive(Debug)]
pub(super) struct Socket {
    pub(super) settings: RuntimeSocket,
    health: Mutex<Health>,
}

#[derive(Debug, Default)]
struct Health {
    failures: u32,
    /// Until when the socket is left alone.
    paused: Option<Instant>,
    /// Whether a failure was logged since the last answer.
    is_told: bool,
}

/// What a socket said about a container.
#[derive(Debug)]
pub(super) enum Said {
    /// The container.
    Known(Box<ContainerDetails>),
    /// There is no such container.
    Unknown,
    /// There is no such socket.
    Absent,
    /// The socket was not asked, because it failed before.
    Skipped,
    /// The question failed.
    Failed,
}

impl Socket {
    pub(super) fn new(settings: RuntimeSocket) -> Self {
        Self { settings, health: Mutex::default() }
    }

    /// Asks about the container with an id of letters and digits.
    pub(super) async fn ask(&self, id: &str, redactor: Option<&Redactor>) -> Said {
        if self.is_paused() {
            return Said::Skipped;
        }
        let question = async {
            match self.settings.protocol {
                Protocol::Docker => docker::ask(&self.settings, id, redactor).await,
                Protocol::Cri => cri::ask(&self.settings, id, redactor).await,
            }
        };
        let outcome = timeout(MAX_TIME, question).await.unwrap_or(Err(AskError::TimedOut));
        self.note(outcome.as_ref().err());
        match outcome {
            Ok(Some(details)) => Said::Known(Box::new(details)),
            Ok(None) => Said::Unknown,
            Err(AskError::Absent) => Said::Absent,
            Err(_) => Said::Failed,
        }
    }

    fn is_paused(&self) -> bool {
        let health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        health.paused.is_some_and(|until| Instant::now() < until)
    }

    /// Notes how a question went. The first failure in a row is logged.
    fn note(&self, error: Option<&AskError>) {
        let mut health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(error) = error else {
            *health = Health::default();
            return;
        };
        if !error.is_of_socket() {
            tracing::debug!(socket = %self.settings.name, %error, "a container has no name");
            return;
        }
        health.failures += 1;
        if health.failures >= MAX_FAILURES || matches!(error, AskError::TimedOut) {
            health.paused = Some(Instant::now() + PAUSE);
        }
        if !std::mem::replace(&mut health.is_told, true) {
            tracing::warn!(socket = %self.settings.name, %error, "a runtime does not name its containers");
        }
    }
}
