//! Asks a server whether the policy may act on a suspect, and waits for its signed answer.
//!
//! Each question is one POST request, which is repeated until the server answers `approve` or `deny`, or until the time
//! is over. docs/response.md describes the protocol. Everything but a signed `approve` leaves the suspect alone.

mod exchange;
mod pending;
mod settings;
mod signature;

use std::{
    fmt,
    sync::mpsc::{self, RecvTimeoutError, SyncSender, TrySendError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, anyhow};

pub use exchange::Question;
pub use settings::ApprovalSettings;

use self::pending::Pending;
use crate::output::JsonClient;

/// Maximum number of questions that wait for an answer.
const MAX_PENDING: usize = 256;
/// Time after which an unanswered request has failed.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause after an answer that decides nothing, before the question is asked again.
const PAUSE: Duration = Duration::from_secs(3);
/// Stack size of the thread, in bytes.
const STACK: usize = 512 << 10;

/// The answer to a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The number of the question.
    pub number: u64,
    /// What was decided.
    pub outcome: DecisionOutcome,
}

/// What was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecisionOutcome {
    /// Nothing yet: from now on, the question waits for an answer.
    Asked,
    /// Somebody approved.
    Approved {
        /// The name that the server gave.
        by: String,
    },
    /// Somebody denied.
    Denied {
        /// The name that the server gave.
        by: String,
        /// The reason that the server gave, or an empty text.
        reason: String,
    },
    /// Nobody decided in time.
    Expired {
        /// What the last request led to, if it was no valid answer.
        problem: Option<String>,
    },
}

/// The handle of the thread that asks.
pub struct Asker(SyncSender<Question>);

impl fmt::Debug for Asker {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Asker")
    }
}

impl Asker {
    /// Starts the thread. It calls `decided` with each decision, and ends when that returns `false` or this value is
    /// dropped.
    ///
    /// # Errors
    ///
    /// The settings lack an address or a secret, or the thread cannot be started.
    pub fn start(
        settings: &ApprovalSettings,
        decided: impl Fn(Decision) -> bool + Send + 'static,
    ) -> anyhow::Result<Self> {
        let url = settings.url.clone().context("response.approval has no url")?;
        let secret = settings.secret().context("response.approval has no secret")?;
        let mut client = JsonClient::new(url, &settings.connection, REQUEST_TIMEOUT);
        let (questions, queue) = mpsc::sync_channel(MAX_PENDING);
        let run = move || {
            let mut pending = Pending::new(MAX_PENDING);
            loop {
                let received = match pending.next_due() {
                    Some(due) => queue.recv_timeout(due.saturating_duration_since(Instant::now())),
                    None => queue.recv().map_err(|_| RecvTimeoutError::Disconnected),
                };
                let decisions = match received {
                    Ok(question) => vec![pending.add(question, Instant::now())],
                    Err(RecvTimeoutError::Timeout) => {
                        pending.ask_due(Instant::now(), PAUSE, |question| question.ask(&mut client, &secret))
                    }
                    Err(RecvTimeoutError::Disconnected) => return,
                };
                if !decisions.into_iter().all(&decided) {
                    return;
                }
            }
        };
        thread::Builder::new()
            .name("approvals".to_owned())
            .stack_size(STACK)
            .spawn(run)
            .context("starting the thread that asks for approvals")?;
        Ok(Self(questions))
    }

    /// Asks.
    ///
    /// # Errors
    ///
    /// Too many questions wait for an answer already, or the thread has ended.
    pub fn ask(&self, question: Question) -> anyhow::Result<()> {
        self.0.try_send(question).map_err(|error| match error {
            TrySendError::Full(_) => anyhow!("too many questions wait for an answer"),
            TrySendError::Disconnected(_) => anyhow!("the thread that asks has ended"),
        })
    }
}

#[cfg(test)]
mod tests;
