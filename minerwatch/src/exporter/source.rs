//! Gets the metrics from the event loop.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

use crate::metrics::{Metrics, exposition::Snapshot};

/// Time for the event loop to answer. The usual timeout of Prometheus is ten seconds.
const PATIENCE: Duration = Duration::from_secs(3);

/// The channel for the answer of the event loop.
pub type Reply = oneshot::Sender<Box<Metrics>>;

/// Passes a request to the event loop without waiting. Returns `false` if the event loop cannot take it.
pub trait Ask: Fn(Reply) -> bool + Send + Sync + 'static {}

impl<F: Fn(Reply) -> bool + Send + Sync + 'static> Ask for F {}

/// The metrics of the event loop, and the last of them.
pub(super) struct Source {
    ask: Box<dyn Fn(Reply) -> bool + Send + Sync>,
    last: Mutex<Option<(Box<Metrics>, Instant)>>,
    patience: Duration,
}

impl Source {
    pub fn new(ask: impl Ask) -> Self {
        Self { ask: Box::new(ask), last: Mutex::new(None), patience: PATIENCE }
    }

    /// Sets the time for the event loop to answer.
    #[cfg(test)]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Returns the metrics, and whether they are those of this moment. Returns `None` if there never were any.
    pub async fn snapshot(&self) -> Option<(Snapshot, bool)> {
        let (reply, answer) = oneshot::channel();
        let asked = (self.ask)(reply);
        let answered = async { if asked { answer.await.ok() } else { None } };
        let metrics = tokio::time::timeout(self.patience, answered).await.ok().flatten();
        let mut last = self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let is_new = metrics.is_some();
        if let Some(metrics) = metrics {
            *last = Some((metrics, Instant::now()));
        }
        last.as_ref().map(|(metrics, at)| {
            let age = if is_new { Duration::ZERO } else { at.elapsed() };
            (Snapshot { metrics: (**metrics).clone(), age }, is_new)
        })
    }
}
