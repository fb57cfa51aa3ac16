//! How idle the host was.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};

/// Counters of `/proc/stat`.
pub struct Host {
    forks: u64,
    switches: u64,
    idle: u64,
    all: u64,
}

/// What happened on the host.
#[derive(Debug, PartialEq)]
pub struct Activity {
    /// Processes and threads started, per second.
    pub forks: f64,
    /// Context switches, per second.
    pub switches: f64,
    /// The share of all CPUs that was not idle.
    pub busy: f64,
}

impl Host {
    /// Reads the counters.
    pub fn now() -> Result<Self> {
        let stat = fs::read_to_string("/proc/stat").context("cannot read /proc/stat")?;
        Self::parse(&stat).context("cannot make sense of /proc/stat")
    }

    /// Parses `/proc/stat`. The fields of the line `cpu` are clock ticks; the fourth is idle time, the fifth is idle
    /// time with a request to a disk pending. Fields from the ninth on are contained in others.
    fn parse(stat: &str) -> Option<Self> {
        let field = |name: &str| {
            stat.lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse::<u64>().ok())
        };
        let ticks = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
        let ticks: Vec<u64> =
            ticks.split_whitespace().map_while(|ticks| ticks.parse().ok()).take(8).collect();
        Some(Self {
            forks: field("processes")?,
            switches: field("ctxt")?,
            idle: ticks.get(3)? + ticks.get(4)?,
            all: ticks.iter().sum(),
        })
    }
}

impl Activity {
    /// Returns what happened between two readings.
    pub fn between(before: &Host, after: &Host, elapsed: Duration) -> Self {
        let rate = |before: u64, after: u64| after.saturating_sub(before) as f64 / elapsed.as_secs_f64();
        let all = after.all.saturating_sub(before.all).max(1);
        Self {
            forks: rate(before.forks, after.forks),
            switches: rate(before.switches, after.switches),
            busy: all.saturating_sub(after.idle.saturating_sub(before.idle)) as f64 / all as f64,
        }
    }

    /// Returns the figures as JSON.
    pub fn json(&self) -> Value {
        json!({ "forks_a_second": self.forks, "switches_a_second": self.switches, "busy_share": self.busy })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counters_are_read_from_proc_stat() {
        let stat = |user: u64, idle: u64, switches: u64| {
            format!("cpu  {user} 0 0 {idle} 0 0 0 0 9 9\ncpu0 1 1 1 1\nctxt {switches}\nprocesses 7\n")
        };
        let parse = |text: String| Host::parse(&text).unwrap();
        let activity =
            Activity::between(&parse(stat(0, 0, 100)), &parse(stat(10, 190, 700)), Duration::from_secs(2));
        let expected = Activity { forks: 0.0, switches: 300.0, busy: 0.05 };
        assert_eq!(activity, expected);
        assert!(Host::parse("cpu  1 2\n").is_none());
    }
}
