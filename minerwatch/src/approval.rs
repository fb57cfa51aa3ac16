//! Asks a server to approve what the policy wants to do to a suspect.
//!
//! An approval request is posted again and again, until the server decides or the request expires. docs/response.md
//! describes the protocol. The policy acts only after a signed `approve`; after everything else, the suspect is left alone.

mod pending;
mod request;
mod settings;
mod signature;

use std::{
    fmt,
    sync::mpsc::{self, RecvTimeoutError, SyncSender, TrySendError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, anyhow};

pub use request::ApprovalRequest;
pub use settings::ApprovalSettings;

use self::pending::Pending;
use crate::output::JsonClient;

/// Maximum number of pending requests.
const MAX_PENDING: usize = 256;
/// Time after which one attempt to post a request has failed.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause before a pending request is posted again.
const PAUSE: Duration = Duration::from_secs(3);
/// Stack size of the thread, in bytes.
const STACK: usize = 512 << 10;

/// What became of an approval request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The number of the request.
    pub number: u64,
    /// The decision.
    pub outcome: DecisionOutcome,
}

/// The decision about a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecisionOutcome {
    /// None yet: the request is pending from now on.
    Pending,
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
        /// Why the last attempt got no valid response, if it got none.
        problem: Option<String>,
    },
}

/// The handle of the thread that posts the requests.
pub struct ApprovalClient(SyncSender<ApprovalRequest>);

impl fmt::Debug for ApprovalClient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ApprovalClient")
    }
}

impl ApprovalClient {
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
        let (requests, queue) = mpsc::sync_channel(MAX_PENDING);
        let run = move || {
            let mut pending = Pending::new(MAX_PENDING);
            loop {
                let received = match pending.next_due() {
                    Some(due) => queue.recv_timeout(due.saturating_duration_since(Instant::now())),
                    None => queue.recv().map_err(|_| RecvTimeoutError::Disconnected),
                };
                let decisions = match received {
                    Ok(request) => vec![pending.add(request, Instant::now())],
                    Err(RecvTimeoutError::Timeout) => {
                        pending.post_due(Instant::now(), PAUSE, |request| request.post(&mut client, &secret))
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
            .context("starting the thread that posts approval requests")?;
        Ok(Self(requests))
    }

    /// Hands over a request.
    ///
    /// # Errors
    ///
    /// Too many requests are pending, or the thread has ended.
    pub fn submit(&self, request: ApprovalRequest) -> anyhow::Result<()> {
        self.0.try_send(request).map_err(|error| match error {
            TrySendError::Full(_) => anyhow!("too many approval requests are pending"),
            TrySendError::Disconnected(_) => anyhow!("the thread that posts approval requests has ended"),
        })
    }
}

#[cfg(test)]
mod tests;
