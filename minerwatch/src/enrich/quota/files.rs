//! Reads the control files of a cgroup's CPU limit (Documentation/admin-guide/cgroup-v2.rst, and for version 1
//! Documentation/scheduler/sched-bwc.rst).

use std::path::Path;

use crate::enrich::{hierarchy::Version, proc::read_bounded};

/// Maximum number of bytes read of a file. Each file has a few lines.
const MAX_SIZE: u64 = 4 << 10;

/// A limit: `quota` microseconds of CPU time in each period of `period` microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limit {
    pub quota: u64,
    pub period: u64,
}

/// The throttling counters of a cgroup since its creation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Throttling {
    pub periods: u64,
    pub throttled: u64,
    /// Total throttled time, in nanoseconds.
    pub time: u64,
}

/// Reads the limit of a cgroup. Returns `None` if there is no limit, or if the limit cannot be read.
pub(super) fn limit(directory: &Path, version: Version) -> Option<Limit> {
    match version {
        Version::One => {
            let quota = text(&directory.join("cpu.cfs_quota_us"))?;
            parse_version_1(&quota, &text(&directory.join("cpu.cfs_period_us"))?)
        }
        Version::Two => parse_version_2(&text(&directory.join("cpu.max"))?),
    }
}

/// Reads how often a cgroup was throttled. Returns `None` if the file cannot be read.
pub(super) fn throttling(directory: &Path) -> Option<Throttling> {
    parse_throttling(&text(&directory.join("cpu.stat"))?)
}

fn text(path: &Path) -> Option<String> {
    String::from_utf8(read_bounded(path, MAX_SIZE).ok()?).ok()
}

/// Parses `QUOTA PERIOD` in microseconds. The quota `max` means no limit.
fn parse_version_2(text: &str) -> Option<Limit> {
    let mut words = text.split_ascii_whitespace();
    limit_of(words.next()?.parse().ok()?, words.next()?.parse().ok()?)
}

/// Parses the two files with one number each, in microseconds. The quota -1 means no limit.
fn parse_version_1(quota: &str, period: &str) -> Option<Limit> {
    limit_of(quota.trim().parse().ok()?, period.trim().parse().ok()?)
}

fn limit_of(quota: u64, period: u64) -> Option<Limit> {
    (quota > 0 && period > 0).then_some(Limit { quota, period })
}

/// Parses lines with a name and a number. Version 1 gives the time in nanoseconds, version 2 in microseconds.
fn parse_throttling(text: &str) -> Option<Throttling> {
    let (mut periods, mut throttled, mut time) = (None, None, None);
    for (name, value) in text.lines().filter_map(|line| line.split_once(' ')) {
        let Ok(value) = value.trim().parse::<u64>() else { continue };
        match name {
            "nr_periods" => periods = Some(value),
            "nr_throttled" => throttled = Some(value),
            "throttled_time" => time = Some(value),
            "throttled_usec" => time = Some(value.saturating_mul(1_000)),
            _ => {}
        }
    }
    Some(Throttling { periods: periods?, throttled: throttled?, time: time? })
}

/// Runs all parsers on the same text; for the fuzzer.
pub(crate) fn parse_all(text: &str) {
    for limit in [parse_version_2(text), parse_version_1(text, text)].into_iter().flatten() {
        assert!(limit.quota > 0 && limit.period > 0, "no division by zero");
    }
    let _ = parse_throttling(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_of_both_versions() {
        let limit = |quota, period| Some(Limit { quota, period });
        assert_eq!(parse_version_2("20000 100000\n"), limit(20_000, 100_000));
        assert_eq!(parse_version_2("250000 50000"), limit(250_000, 50_000), "five processors");
        assert_eq!(parse_version_1("20000\n", "100000\n"), limit(20_000, 100_000));
        for none in ["max 100000\n", "", "20000", "-1 100000", "0 100000", "20000 0", "20000 x", "x"] {
            assert_eq!(parse_version_2(none), None, "{none:?}");
        }
        for none in ["-1\n", "", "x", "0", "99999999999999999999"] {
            assert_eq!(parse_version_1(none, "100000"), None, "{none:?}");
            assert_eq!(parse_version_1("20000", none), None, "{none:?}");
        }
    }

    #[test]
    fn counts_of_both_versions() {
        let two = "usage_usec 5\nuser_usec 3\nsystem_usec 2\nnr_periods 100\nnr_throttled 97\nthrottled_usec 7000\n";
        let one = "nr_periods 100\nnr_throttled 97\nthrottled_time 7000000\nnr_bursts 0\n";
        let counts = Some(Throttling { periods: 100, throttled: 97, time: 7_000_000 });
        assert_eq!((parse_throttling(two), parse_throttling(one)), (counts, counts));
        let root = "usage_usec 5\nuser_usec 3\nsystem_usec 2\n";
        for none in
            ["", "nr_periods", "nr_periods x\nnr_throttled -1\n", root, "nr_periods 1\nnr_throttled 1\n"]
        {
            assert_eq!(parse_throttling(none), None, "{none:?}");
        }
        let huge = "nr_periods 1\nnr_throttled 1\nthrottled_usec 18446744073709551615\n";
        assert_eq!(parse_throttling(huge).map(|counts| counts.time), Some(u64::MAX));
    }
}
