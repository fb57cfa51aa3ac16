//! A histogram of durations with fixed buckets. To record costs a search in a small table: no lock and no allocation.

use std::time::Duration;

use serde::{Serialize, Serializer, ser::SerializeStruct as _};

/// The upper bounds of the buckets, in nanoseconds: 100 microseconds to 10 seconds. Longer durations are in one more
/// bucket.
const BOUNDS: [u64; 16] = [
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_500_000_000,
    5_000_000_000,
    10_000_000_000,
];

/// A histogram of durations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    counts: [u64; BOUNDS.len() + 1],
    /// The sum of all durations, in nanoseconds.
    sum: u64,
}

impl Histogram {
    /// Counts one duration.
    pub fn record(&mut self, duration: Duration) {
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.partition_point(|bound| *bound < nanoseconds);
        if let Some(count) = self.counts.get_mut(bucket) {
            *count += 1;
        }
        self.sum = self.sum.saturating_add(nanoseconds);
    }

    /// Returns the number of durations.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Returns the sum of all durations, in seconds.
    pub fn sum_seconds(&self) -> f64 {
        seconds(self.sum)
    }

    /// Returns the upper bound of each bucket, in seconds, and the number of durations in it. The last bound is
    /// infinite.
    pub fn buckets(&self) -> impl Iterator<Item = (f64, u64)> {
        BOUNDS.into_iter().map(seconds).chain([f64::INFINITY]).zip(self.counts)
    }
}

fn seconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e9
}

impl Serialize for Histogram {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Histogram", 2)?;
        fields.serialize_field("count", &self.count())?;
        fields.serialize_field("sum_seconds", &self.sum_seconds())?;
        fields.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_in_the_first_bucket_that_holds_it() {
        for (microseconds, bound) in [(0, 0.0001), (100, 0.0001), (101, 0.00025), (10_000_000, 10.0)] {
            let mut histogram = Histogram::default();
            histogram.record(Duration::from_micros(microseconds));
            let filled: Vec<f64> =
                histogram.buckets().filter(|(_, count)| *count > 0).map(|(bound, _)| bound).collect();
            assert_eq!(filled, [bound], "{microseconds}");
        }
        let mut histogram = Histogram::default();
        histogram.record(Duration::from_secs(11));
        histogram.record(Duration::MAX);
        assert_eq!(histogram.buckets().last(), Some((f64::INFINITY, 2)));
        assert_eq!(histogram.count(), 2);
    }

    #[test]
    fn the_sum_is_in_seconds() {
        let mut histogram = Histogram::default();
        histogram.record(Duration::from_millis(1_500));
        histogram.record(Duration::from_millis(500));
        let json = serde_json::to_value(histogram).expect("JSON");
        assert_eq!(json, serde_json::json!({"count": 2, "sum_seconds": 2.0}));
    }
}
