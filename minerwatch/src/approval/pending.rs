//! The questions that wait for an answer.

use std::time::{Duration, Instant};

use tracing::warn;

use super::{Decision, DecisionOutcome, Question};

/// The questions that wait for an answer.
#[derive(Debug)]
pub(super) struct Pending {
    questions: Vec<Waiting>,
    capacity: usize,
}

/// A question that waits.
#[derive(Debug)]
struct Waiting {
    question: Question,
    next: Instant,
    expires: Instant,
    problem: Option<String>,
}

impl Pending {
    pub(super) fn new(capacity: usize) -> Self {
        Self { questions: Vec::new(), capacity }
    }

    /// Adds a question, which is due at once. Without room for it, nobody is asked.
    pub(super) fn add(&mut self, question: Question, now: Instant) -> Decision {
        let number = question.number;
        if self.questions.len() >= self.capacity {
            let problem = format!("{} other questions wait for an answer", self.questions.len());
            let outcome = DecisionOutcome::Expired { problem: Some(problem) };
            return Decision { number, outcome };
        }
        let expires = now + question.timeout;
        self.questions.push(Waiting { question, next: now, expires, problem: None });
        Decision { number, outcome: DecisionOutcome::Asked }
    }

    /// When the next question is to be asked, or expires.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.questions.iter().map(|waiting| waiting.next.min(waiting.expires)).min()
    }

    /// Asks the question that is due first, and returns what was decided. The others follow with the next call, so that
    /// a server that does not answer holds up new questions for one request only.
    pub(super) fn ask_due(
        &mut self,
        now: Instant,
        pause: Duration,
        ask: impl FnOnce(&Question) -> anyhow::Result<Option<DecisionOutcome>>,
    ) -> Vec<Decision> {
        let mut decisions = self.take_expired(now);
        let due = self.questions.iter().enumerate().filter(|(_, waiting)| waiting.next <= now);
        let Some((index, _)) = due.min_by_key(|(_, waiting)| waiting.next) else { return decisions };
        let Some(waiting) = self.questions.get_mut(index) else { return decisions };
        let decided = match ask(&waiting.question) {
            Ok(decided) => {
                waiting.problem = None;
                decided
            }
            Err(error) => {
                let problem = format!("{error:#}");
                if waiting.problem.as_ref() != Some(&problem) {
                    warn!("nobody can be asked for an approval: {problem}");
                }
                waiting.problem = Some(problem);
                None
            }
        };
        waiting.next = Instant::now().max(now) + pause;
        if let Some(outcome) = decided {
            let number = self.questions.swap_remove(index).question.number;
            decisions.push(Decision { number, outcome });
        }
        decisions
    }

    fn take_expired(&mut self, now: Instant) -> Vec<Decision> {
        let expired = self.questions.extract_if(.., |waiting| waiting.expires <= now);
        let decision = |waiting: Waiting| {
            let outcome = DecisionOutcome::Expired { problem: waiting.problem };
            Decision { number: waiting.question.number, outcome }
        };
        expired.map(decision).collect()
    }
}
