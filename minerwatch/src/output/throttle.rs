//! Limits the number of messages per minute, for outputs whose messages people read.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use super::SendError;

const MINUTE: Duration = Duration::from_secs(60);

/// The times of the messages that were sent within the last minute.
#[derive(Debug)]
pub(super) struct Throttle {
    most: usize,
    sent: VecDeque<Instant>,
}

impl Throttle {
    /// Creates a limit of `most` messages in any minute.
    pub fn new(most: u64) -> Self {
        Self { most: usize::try_from(most).unwrap_or(usize::MAX), sent: VecDeque::new() }
    }

    /// Returns the number of messages that may be sent now.
    pub fn room(&mut self, now: Instant) -> usize {
        while self.sent.front().is_some_and(|sent| now.saturating_duration_since(*sent) >= MINUTE) {
            self.sent.pop_front();
        }
        self.most.saturating_sub(self.sent.len())
    }

    /// Counts a message.
    pub fn note(&mut self, now: Instant) {
        self.sent.push_back(now);
    }

    /// Returns the error for alerts that exceed the limit. They stay in the spool, and are grouped when they are sent.
    pub fn wait(&self, now: Instant) -> SendError {
        let oldest = self.sent.front().map(|sent| now.saturating_duration_since(*sent)).unwrap_or_default();
        SendError::Busy {
            after: Some(MINUTE.saturating_sub(oldest)),
            words: format!(
                "{} messages were sent within a minute, and max_per_minute allows no more",
                self.most
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_has_at_most_the_allowed_number_of_messages() {
        let mut throttle = Throttle::new(2);
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(throttle.room(at(0)), 2);
        throttle.note(at(0));
        throttle.note(at(20));
        assert_eq!(throttle.room(at(59)), 0);
        let SendError::Busy { after, .. } = throttle.wait(at(45)) else { panic!("busy") };
        assert_eq!(after, Some(Duration::from_secs(15)));
        assert_eq!((throttle.room(at(60)), throttle.room(at(80))), (1, 2));
    }
}
