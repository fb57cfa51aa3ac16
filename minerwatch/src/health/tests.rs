//! Tests of the state machine, with a simulated clock.

use std::time::Duration;

use super::{Change, HealthMonitor, KilledDaemon, Observation, Reason};
use crate::model::{BootTime, Moment};

/// A host, observed once a second.
#[derive(Default)]
struct Host {
    monitor: HealthMonitor,
    observation: Observation,
    second: u64,
}

impl Host {
    fn after(&mut self, seconds: u64) -> Vec<(u64, Reason, bool)> {
        let mut all = Vec::new();
        for _ in 0..seconds {
            self.second += 1;
            self.observation.now = BootTime::default().plus(Duration::from_secs(self.second));
            let mut changes = Vec::new();
            self.monitor.observe(&self.observation, &mut changes);
            for Change { reason, restored, message } in changes {
                assert!(message.contains(';') && message.len() < 400, "{message}");
                all.push((self.second, reason, restored));
            }
        }
        all
    }
}

#[test]
fn a_healthy_host_causes_no_alert() {
    let mut host = Host::default();
    host.observation.lost = 1_000_000;
    host.observation.evictions = vec![("processes", 5_000)];
    assert_eq!(host.after(3_600), [], "what was lost before does not count");
    for second in 0..3_600 {
        host.observation.lost += 1;
        host.observation.wall_offset += 500_000;
        host.observation.evictions = vec![("processes", 5_000 + second)];
        assert_eq!(host.after(1), []);
    }
    assert_eq!(host.monitor.degraded().count(), 0);
}

#[test]
fn losses_are_told_once_and_their_end_once() {
    let mut host = Host::default();
    assert_eq!(host.after(10), []);
    host.observation.lost = 101;
    assert_eq!(host.after(1), [(11, Reason::Losses, false)]);
    assert_eq!(host.monitor.degraded().collect::<Vec<_>>(), ["losses"]);
    // The last second in which the minute still contains the losses is 70.
    assert_eq!(host.after(1_000), [(370, Reason::Losses, true)]);
    assert_eq!(host.monitor.degraded().count(), 0);
}

#[test]
fn a_reason_that_comes_and_goes_is_told_at_most_every_ten_minutes() {
    let mut host = Host::default();
    let mut told = Vec::new();
    for _ in 0..9 {
        host.observation.state_error = Some("No space left on device".to_owned());
        told.extend(host.after(1));
        host.observation.state_error = None;
        told.extend(host.after(399));
    }
    let expected = [1, 801, 1_601, 2_401, 3_201]
        .into_iter()
        .flat_map(|at| [(at, Reason::StateUnwritable, false), (at + 300, Reason::StateUnwritable, true)]);
    assert_eq!(told, expected.collect::<Vec<_>>());
}

#[test]
fn a_reason_that_stays_is_told_when_ten_minutes_have_passed() {
    let mut host = Host::default();
    host.observation.detached = vec!["x".to_owned()];
    assert_eq!(host.after(1), [(1, Reason::HookGone, false)]);
    host.observation.detached.clear();
    assert_eq!(host.after(300), [(301, Reason::HookGone, true)]);
    host.observation.detached = vec!["x".to_owned()];
    assert_eq!(host.after(3_600), [(601, Reason::HookGone, false)]);
}

#[test]
fn a_clock_that_is_set_is_told_in_both_directions() {
    for jump in [-3_600_000_000_000, 2_500_000_000] {
        let mut host = Host::default();
        host.observation.wall_offset = 1_700_000_000_000_000_000;
        assert_eq!(host.after(5), []);
        host.observation.wall_offset += jump;
        assert_eq!(
            host.after(400),
            [(6, Reason::ClockJumped, false), (306, Reason::ClockJumped, true)],
            "{jump}"
        );
    }
}

#[test]
fn each_full_table_counts_for_itself() {
    let mut host = Host::default();
    for _ in 0..120 {
        // Two tables, each below the threshold.
        host.observation.evictions = vec![("processes", host.second), ("cgroups", host.second)];
        assert_eq!(host.after(1), []);
    }
    host.observation.evictions = vec![("processes", 400), ("cgroups", 120)];
    assert_eq!(host.after(1), [(121, Reason::TableFull, false)]);
}

#[test]
fn the_message_of_a_clock_names_the_direction() {
    assert!(super::message::clock_jumped(-3_600_000_000_000).contains("back by 3600 seconds"));
    assert!(super::message::clock_jumped(i128::MAX).contains("forward"));
}

#[test]
fn a_killed_daemon_is_reported_once_and_its_end_is_not() {
    let mut host = Host::default();
    let daemon = KilledDaemon { pid: 4711, last_alive: Moment::from_unix(1_800_000_001) };
    let change = host.monitor.killed(&daemon, BootTime::default()).expect("an alert");
    assert_eq!((change.reason, change.restored, change.reason.severity()), (Reason::Killed, false, 75));
    for part in ["process id 4711", "2027-01-15T08:00:01Z", "SIGKILL", "; "] {
        assert!(change.message.contains(part), "{}", change.message);
    }
    assert!(change.message.len() < 400, "{}", change.message);
    assert_eq!(host.after(299), []);
    assert_eq!(host.monitor.degraded().collect::<Vec<_>>(), ["killed"]);
    assert_eq!(host.after(3_600), []);
    assert_eq!(host.monitor.degraded().count(), 0);
}

#[test]
fn the_documentation_has_every_reason() {
    let page = include_str!("../../../docs/events.md");
    for reason in Reason::ALL {
        let row = |line: &&str| {
            line.starts_with(&format!("| `{}` | ", reason.name()))
                && line.ends_with(&format!(" | {} |", reason.severity()))
        };
        assert_eq!(page.lines().filter(row).count(), 1, "{}", reason.name());
    }
}
