//! Growing pauses between attempts.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};

/// First pause without jitter.
const FIRST: Duration = Duration::from_millis(250);
/// Longest pause without jitter.
const LONGEST: Duration = Duration::from_secs(30);

/// Pauses that double up to 30 seconds. Their jitter spreads the attempts of many hosts.
#[derive(Debug)]
pub(super) struct Backoff(ExponentialBackoff);

impl Backoff {
    /// Begins with the shortest pause.
    pub fn new() -> Self {
        let pauses = ExponentialBuilder::default()
            .with_min_delay(FIRST)
            .with_max_delay(LONGEST)
            .with_jitter()
            .without_max_times();
        Self(pauses.build())
    }

    /// Returns the next pause.
    pub fn next(&mut self) -> Duration {
        self.0.next().unwrap_or(LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_longest_one() {
        let mut backoff = Backoff::new();
        let pauses: Vec<Duration> = (0..1_000).map(|_| backoff.next()).collect();
        assert!(
            pauses.iter().take(1).all(|pause| (FIRST..=2 * FIRST).contains(pause)),
            "{:?}",
            pauses.first()
        );
        assert!(pauses.iter().skip(10).all(|pause| (LONGEST..=2 * LONGEST).contains(pause)));
        assert!(pauses.windows(2).any(|pair| pair[0] != pair[1]), "there is jitter");
    }
}
