//! The rise of a counter within the last minute.

/// Seconds over which the rise is measured.
const SECONDS: usize = 60;

/// The values of a counter in the last minute, one for each second.
#[derive(Clone, Debug)]
pub(super) struct Rate {
    values: [u64; SECONDS],
    next: usize,
    is_new: bool,
}

impl Default for Rate {
    fn default() -> Self {
        Self { values: [0; SECONDS], next: 0, is_new: true }
    }
}

impl Rate {
    /// Takes the value of this second. Returns how much it rose since the value of a minute ago, or since the first
    /// value. What was counted before the first value does not matter.
    pub fn per_minute(&mut self, value: u64) -> u64 {
        if std::mem::take(&mut self.is_new) {
            self.values = [value; SECONDS];
        }
        let oldest = self.values.get_mut(self.next).map_or(value, |slot| std::mem::replace(slot, value));
        self.next = (self.next + 1) % SECONDS;
        value.saturating_sub(oldest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rise_of_one_minute_counts() {
        let mut rate = Rate::default();
        assert_eq!(rate.per_minute(1_000), 0);
        assert_eq!(rate.per_minute(1_010), 10);
        for _ in 0..58 {
            assert_eq!(rate.per_minute(1_010), 10);
        }
        assert_eq!(rate.per_minute(1_010), 10, "60 seconds after the first value");
        assert_eq!(rate.per_minute(1_010), 0);
        assert_eq!(rate.per_minute(5), 0, "a counter that was reset");
    }
}
