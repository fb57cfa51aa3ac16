//! The pending requests.

use std::time::{Duration, Instant};

use tracing::warn;

use super::{ApprovalRequest, Decision, DecisionOutcome};

/// The pending requests.
#[derive(Debug)]
pub(super) struct Pending {
    requests: Vec<Waiting>,
    capacity: usize,
}

/// A pending request, and when it is posted again.
#[derive(Debug)]
struct Waiting {
    request: ApprovalRequest,
    next: Instant,
    expires: Instant,
    problem: Option<String>,
}

impl Pending {
    pub(super) fn new(capacity: usize) -> Self {
        Self { requests: Vec::new(), capacity }
    }

    /// Adds a request, which is due at once. Without room for it, it is dropped.
    pub(super) fn add(&mut self, request: ApprovalRequest, now: Instant) -> Decision {
        let number = request.number;
        if self.requests.len() >= self.capacity {
            let problem = format!("{} other approval requests are pending", self.requests.len());
            let outcome = DecisionOutcome::Expired { problem: Some(problem) };
            return Decision { number, outcome };
        }
        let expires = now + request.timeout;
        self.requests.push(Waiting { request, next: now, expires, problem: None });
        Decision { number, outcome: DecisionOutcome::Pending }
    }

    /// When the next request is to be posted, or expires.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.requests.iter().map(|waiting| waiting.next.min(waiting.expires)).min()
    }

    /// Posts the request that is due first, and returns the decisions. The others follow with the next call, so that new
    /// requests wait for one attempt at most if the server does not respond.
    pub(super) fn post_due(
        &mut self,
        now: Instant,
        pause: Duration,
        post: impl FnOnce(&ApprovalRequest) -> anyhow::Result<Option<DecisionOutcome>>,
    ) -> Vec<Decision> {
        let mut decisions = self.take_expired(now);
        let due = self.requests.iter().enumerate().filter(|(_, waiting)| waiting.next <= now);
        let Some((index, _)) = due.min_by_key(|(_, waiting)| waiting.next) else { return decisions };
        let Some(waiting) = self.requests.get_mut(index) else { return decisions };
        let decided = match post(&waiting.request) {
            Ok(decided) => {
                waiting.problem = None;
                decided
            }
            Err(error) => {
                let problem = format!("{error:#}");
                if waiting.problem.as_ref() != Some(&problem) {
                    warn!("the approval request got no valid response: {problem}");
                }
                waiting.problem = Some(problem);
                None
            }
        };
        waiting.next = Instant::now().max(now) + pause;
        if let Some(outcome) = decided {
            let number = self.requests.swap_remove(index).request.number;
            decisions.push(Decision { number, outcome });
        }
        decisions
    }

    fn take_expired(&mut self, now: Instant) -> Vec<Decision> {
        let expired = self.requests.extract_if(.., |waiting| waiting.expires <= now);
        let decision = |waiting: Waiting| {
            let outcome = DecisionOutcome::Expired { problem: waiting.problem };
            Decision { number: waiting.request.number, outcome }
        };
        expired.map(decision).collect()
    }
}
