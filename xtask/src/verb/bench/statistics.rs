//! The statistics of measurements that are taken by turns.

/// The confidence with which an [`Interval`] contains the true median, if there are enough pairs for it.
const CONFIDENCE: f64 = 0.95;

/// A slow-down over paired turns, as a ratio less 1: 0.02 is 2 % slower.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SlowDown {
    /// The median over the pairs.
    pub median: f64,
    /// An interval for the true median.
    pub interval: Interval,
}

/// An interval between two of the measured values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// The probability that the interval contains the true median, whatever the distribution of the values.
    pub confidence: f64,
}

/// Compares the turns of an agent with the turns without one. The values of one index belong to one round. Returns
/// `None` without rounds.
pub fn slow_down(off: &[f64], on: &[f64]) -> Option<SlowDown> {
    let ratios: Vec<_> = off.iter().zip(on).map(|(off, on)| on / off - 1.0).collect();
    Some(SlowDown { median: median(&ratios)?, interval: interval(&ratios)? })
}

/// Returns the median. For an even number of values, this is the mean of the two in the middle. Returns `None` without
/// values.
pub fn median(values: &[f64]) -> Option<f64> {
    let sorted = sorted(values);
    let upper = *sorted.get(sorted.len() / 2)?;
    let lower = *sorted.get(sorted.len().checked_sub(1)? / 2)?;
    Some(f64::midpoint(lower, upper))
}

/// Returns a percentile of sorted values (nearest rank). Returns `None` without values.
pub fn percentile(sorted: &[f64], percent: usize) -> Option<f64> {
    sorted.get((sorted.len() * percent).div_ceil(100).saturating_sub(1)).copied()
}

/// Returns the spread of the values around their median: the median distance from it, as a share of it. Returns `None`
/// without values.
pub fn noise(values: &[f64]) -> Option<f64> {
    let middle = median(values)?;
    let distances: Vec<_> = values.iter().map(|value| (value - middle).abs()).collect();
    Some(median(&distances)? / middle)
}

/// Returns the narrowest interval between two order statistics of equal rank from both ends that contains the median
/// with [`CONFIDENCE`] (the interval of the sign test). With fewer than six values that confidence cannot be reached,
/// and the interval spans all values.
fn interval(values: &[f64]) -> Option<Interval> {
    let sorted = sorted(values);
    let count = sorted.len();
    let mut rank = 0;
    while rank + 1 < count.div_ceil(2) && confidence(count, rank + 1) >= CONFIDENCE {
        rank += 1;
    }
    let (low, high) = (*sorted.get(rank)?, *sorted.get(count.checked_sub(1 + rank)?)?);
    Some(Interval { low, high, confidence: confidence(count, rank) })
}

/// Returns the probability that the median lies between the values of this rank from both ends, counted from 0. Each
/// value is below the median with a probability of one half.
fn confidence(count: usize, rank: usize) -> f64 {
    let mut tail = 0.0;
    let mut chance = 0.5_f64.powf(count as f64);
    for below in 0..=rank {
        tail += chance;
        chance *= (count - below) as f64 / (below + 1) as f64;
    }
    1.0 - 2.0 * tail
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_few() {
        let cases: [(&[f64], Option<f64>); 4] =
            [(&[], None), (&[3.0], Some(3.0)), (&[9.0, 1.0], Some(5.0)), (&[9.0, 1.0, 2.0], Some(2.0))];
        for (values, expected) in cases {
            assert_eq!(median(values), expected, "{values:?}");
        }
    }

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let values: Vec<f64> = (1..=200).map(f64::from).collect();
        assert_eq!(percentile(&values, 50), Some(100.0));
        assert_eq!(percentile(&values, 99), Some(198.0));
        assert_eq!(percentile(&[], 50), None);
    }

    #[test]
    fn the_interval_leaves_out_what_it_can_afford() {
        // Ranks and confidences as in tables of the sign test.
        let cases =
            [(1, 0, 0.0), (5, 0, 0.9375), (7, 0, 0.984_375), (9, 1, 0.960_937_5), (12, 2, 0.961_425_8)];
        for (count, rank, confidence) in cases {
            let values: Vec<f64> = (0..count).rev().map(f64::from).collect();
            let interval = interval(&values).unwrap();
            let high = f64::from(count - 1 - rank);
            assert_eq!((interval.low, interval.high), (f64::from(rank), high), "{count}");
            assert!((interval.confidence - confidence).abs() < 1e-6, "{count}: {interval:?}");
        }
        assert_eq!(interval(&[]), None);
    }

    #[test]
    fn pairs_cancel_what_slows_both_turns_of_a_round() {
        // The machine becomes twice as slow; the agent adds a tenth throughout.
        let off = [1.0, 1.2, 1.4, 1.6, 1.8, 2.0, 2.0];
        let on: Vec<_> = off.iter().map(|time| time * 1.1).collect();
        let SlowDown { median, interval } = slow_down(&off, &on).unwrap();
        assert!((median - 0.1).abs() < 1e-9 && interval.high - interval.low < 1e-9, "{median} {interval:?}");
        assert_eq!(slow_down(&[], &[]), None);
    }

    #[test]
    fn one_disturbed_turn_is_not_noise() {
        assert_eq!(noise(&[10.0, 10.0, 10.0, 10.0, 30.0]), Some(0.0));
        assert_eq!(noise(&[9.0, 10.0, 11.0]), Some(0.1));
        assert_eq!(noise(&[]), None);
    }
}
