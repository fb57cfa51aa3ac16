//! How much CPU time each program took over the last hour, day and week: by what it is, not by process, so
//! that a miner which is killed and started again, or comes from cron at night, stays one thing.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    bounded::BoundedMap,
    model::BootTime,
    process::{Process, ProcessTable},
};

/// What stays the same when a program is started again.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Identity {
    /// The executable's SHA-256, else `device:inode`; for a script its interpreter's with the script's path,
    /// and for a program without a file that of whoever started it.
    pub program: Arc<str>,
    /// The container or the systemd unit; empty for neither.
    pub place: Arc<str>,
}

impl Identity {
    /// The identity of a process. `None` while nothing is known of its executable.
    pub fn of(process: &Process, table: &ProcessTable) -> Option<Self> {
        let place = process
            .view
            .container
            .as_ref()
            .and_then(|container| container.id.as_ref().or(container.unit.as_ref()));
        let place = place.map_or_else(|| Arc::from(""), Arc::clone);
        let flags = process.view.executable.flags;
        let mut program = if flags.memfd || flags.deleted {
            let parent = table.parent_of(process)?;
            format!("without a file, by {}", file_of(parent)?)
        } else {
            file_of(process)?
        };
        if let Some(script) = &process.script {
            program.push(' ');
            program.push_str(script);
        }
        Some(Self { program: Arc::from(program), place })
    }
}

fn file_of(process: &Process) -> Option<String> {
    let view = &process.view;
    if let Some(hash) = &view.sha256 {
        return Some(hash.to_string());
    }
    view.executable.file.map(|file| format!("{}:{}", file.device, file.inode))
}

/// CPU time per slot of one length; the newest slot is the one under way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Ring {
    /// Milliseconds in each slot, oldest first.
    slots: Vec<u32>,
}

impl Ring {
    fn new(length: usize) -> Self {
        Self { slots: vec![0; length] }
    }

    /// Makes the slot so many steps later the newest.
    fn advance(&mut self, steps: u64) {
        let length = self.slots.len();
        let steps = usize::try_from(steps).unwrap_or(usize::MAX).min(length);
        self.slots.rotate_left(steps);
        for slot in self.slots.iter_mut().rev().take(steps) {
            *slot = 0;
        }
    }

    fn add(&mut self, milliseconds: u32) {
        if let Some(slot) = self.slots.last_mut() {
            *slot = slot.saturating_add(milliseconds);
        }
    }

    /// The latest full slots, oldest first.
    fn full(&self, count: usize) -> &[u32] {
        let end = self.slots.len().saturating_sub(1);
        self.slots.get(end.saturating_sub(count)..end).unwrap_or_default()
    }
}

const MINUTE: u64 = 60;
const TEN_MINUTES: u64 = 600;
const HOUR: u64 = 3_600;

/// The CPU time of one identity. The windows of 10 minutes, 1 hour, 24 hours and 7 days are sums of slots.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadHistory {
    minutes: Ring,
    tens: Ring,
    hours: Ring,
    /// Second of boot time of the newest addition; negative for what a boot before this one left.
    at: i64,
    /// Second of the first addition.
    since: i64,
    /// Not before then is it judged again.
    #[serde(default)]
    next_look: i64,
}

/// CPU time as a share of one processor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shares {
    /// Over the last 10 minutes.
    pub ten_minutes: f64,
    /// Over the last hour.
    pub hour: f64,
    /// Over the last 24 hours.
    pub day: f64,
    /// Over the last 7 days.
    pub week: f64,
}

impl LoadHistory {
    fn new(at: i64) -> Self {
        Self {
            minutes: Ring::new(61),
            tens: Ring::new(145),
            hours: Ring::new(169),
            at,
            since: at,
            next_look: at,
        }
    }

    /// Whether the slots are as many as they should be: a file may say anything.
    fn is_sound(&self) -> bool {
        [(&self.minutes, 61), (&self.tens, 145), (&self.hours, 169)]
            .iter()
            .all(|(ring, length)| ring.slots.len() == *length)
    }

    fn advance(&mut self, at: i64) {
        if at <= self.at {
            return;
        }
        for (ring, length) in
            [(&mut self.minutes, MINUTE), (&mut self.tens, TEN_MINUTES), (&mut self.hours, HOUR)]
        {
            let length = i64::try_from(length).unwrap_or(i64::MAX);
            let steps = at.div_euclid(length) - self.at.div_euclid(length);
            ring.advance(u64::try_from(steps).unwrap_or(0));
        }
        self.at = at;
    }

    fn add(&mut self, at: i64, on_cpu: u64) {
        self.advance(at);
        let milliseconds = u32::try_from(on_cpu / 1_000_000).unwrap_or(u32::MAX);
        for ring in [&mut self.minutes, &mut self.tens, &mut self.hours] {
            ring.add(milliseconds);
        }
    }

    /// Seconds since it was first seen.
    pub fn age(&self) -> u64 {
        u64::try_from(self.at.saturating_sub(self.since)).unwrap_or(0)
    }

    /// Whether it should be judged now; if so, not again for ten minutes.
    pub fn is_due(&mut self) -> bool {
        let due = self.at >= self.next_look;
        if due {
            self.next_look = self.at.saturating_add(600);
        }
        due
    }

    /// The shares over the windows, as of the last addition.
    pub fn shares(&self) -> Shares {
        Shares {
            ten_minutes: mean(self.minutes.full(10), MINUTE),
            hour: mean(self.minutes.full(60), MINUTE),
            day: mean(self.tens.full(144), TEN_MINUTES),
            week: mean(self.hours.full(168), HOUR),
        }
    }

    /// The share in each of the last 24 hours, oldest first.
    pub fn hours_of_day(&self) -> Vec<f64> {
        self.hours.full(24).iter().map(|time| share(*time, HOUR)).collect()
    }

    /// The share in each ten minutes of the last 24 hours, oldest first.
    pub fn tens_of_day(&self) -> Vec<f64> {
        self.tens.full(144).iter().map(|time| share(*time, TEN_MINUTES)).collect()
    }
}

fn share(milliseconds: u32, seconds: u64) -> f64 {
    f64::from(milliseconds) / 1e3 / seconds as f64
}

fn mean(slots: &[u32], seconds: u64) -> f64 {
    slots.iter().map(|time| share(*time, seconds)).sum::<f64>() / slots.len().max(1) as f64
}

/// Everybody's duty, for a file that outlives the daemon.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LoadHistoryState {
    /// Seconds of boot time at which it was taken.
    taken: i64,
    identities: Vec<(Identity, LoadHistory)>,
}

impl LoadHistoryState {
    /// How many identities it holds.
    pub fn len(&self) -> usize {
        self.identities.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.identities.is_empty()
    }
}

/// The duty of every identity that works.
#[derive(Debug)]
pub struct LoadHistories(BoundedMap<Identity, LoadHistory>);

impl LoadHistories {
    /// Keeps at most so many; about 1.6 KB each.
    pub fn new(capacity: usize) -> Self {
        Self(BoundedMap::new(capacity))
    }

    /// How many were given up for others.
    pub fn evicted(&self) -> u64 {
        self.0.evicted()
    }

    /// Adds CPU time; the duty with it.
    pub fn add(&mut self, identity: &Identity, at: BootTime, on_cpu: u64) -> &mut LoadHistory {
        let second = second(at);
        let duty = self.0.entry(identity, || LoadHistory::new(second));
        duty.add(second, on_cpu);
        duty
    }

    /// What there is, as of now.
    pub fn state(&self, now: BootTime) -> LoadHistoryState {
        let identities = self.0.iter().map(|(identity, duty)| (identity.clone(), duty.clone())).collect();
        LoadHistoryState { taken: second(now), identities }
    }

    /// Takes over what an earlier daemon left, `elapsed` ago. What has been seen since stays as it is.
    pub fn restore(&mut self, state: LoadHistoryState, now: BootTime, elapsed: Duration) {
        let LoadHistoryState { taken, identities } = state;
        let elapsed = i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX);
        // Another boot has another clock: move everything, so that it was taken `elapsed` ago on this one.
        let shift = second(now).saturating_sub(elapsed).saturating_sub(taken);
        for (identity, mut duty) in identities {
            if !duty.is_sound() {
                continue;
            }
            // Slots keep their distance from now to within one slot.
            duty.at = duty.at.saturating_add(shift);
            duty.since = duty.since.saturating_add(shift).min(duty.at);
            duty.next_look = duty.next_look.saturating_add(shift);
            self.0.entry(&identity, || duty);
        }
    }
}

fn second(time: BootTime) -> i64 {
    i64::try_from(time.0 / 1_000_000_000).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOURS: u64 = 3_600;

    fn identity(program: &str) -> Identity {
        Identity { program: Arc::from(program), place: Arc::from("") }
    }

    fn at(seconds: u64) -> BootTime {
        BootTime(seconds * 1_000_000_000)
    }

    /// Half a processor, each minute, from one second to another.
    fn work(duties: &mut LoadHistories, from: u64, to: u64) {
        for second in (from..to).step_by(60) {
            duties.add(&identity("x"), at(second), 30_000_000_000);
        }
    }

    fn shares(duties: &mut LoadHistories, now: u64) -> Shares {
        duties.add(&identity("x"), at(now), 0).shares()
    }

    #[test]
    fn windows_add_up() {
        let mut duties = LoadHistories::new(4);
        work(&mut duties, 0, 24 * HOURS);
        let now = shares(&mut duties, 24 * HOURS);
        for share in [now.ten_minutes, now.hour, now.day] {
            assert!((share - 0.5).abs() < 0.01, "{now:?}");
        }
        assert!((now.week - 0.5 / 7.0).abs() < 0.01, "{now:?}");
        let later = shares(&mut duties, 36 * HOURS);
        assert!(later.hour == 0.0 && (later.day - 0.25).abs() < 0.01, "{later:?}");
        let much_later = shares(&mut duties, 400 * HOURS);
        assert_eq!((much_later.day, much_later.week), (0.0, 0.0));
    }

    #[test]
    fn a_restart_and_a_reboot_lose_nothing() {
        let mut before = LoadHistories::new(4);
        work(&mut before, 1_000_000, 1_000_000 + 24 * HOURS);
        let state = before.state(at(1_000_000 + 24 * HOURS));
        let text = serde_json::to_string(&state).unwrap();
        let mut after = LoadHistories::new(4);
        // A reboot: the clock reads 100 s, and the daemon was away for half an hour.
        after.restore(serde_json::from_str(&text).unwrap(), at(100), Duration::from_secs(1_800));
        let now = shares(&mut after, 160);
        assert!((now.hour - 0.25).abs() < 0.02 && (now.day - 0.49).abs() < 0.02, "{now:?}");
        assert_eq!(after.state(at(160)).len(), 1);
    }

    #[test]
    fn a_forged_state_is_passed_over() {
        let text = r#"{"taken":-9223372036854775808,"identities":[[{"program":"x","place":""},
            {"minutes":{"slots":[1]},"tens":{"slots":[]},"hours":{"slots":[]},"at":9223372036854775807,"since":0}]]}"#;
        let mut duties = LoadHistories::new(4);
        duties.restore(serde_json::from_str(text).unwrap(), at(5), Duration::MAX);
        assert!(duties.state(at(5)).is_empty());
        work(&mut duties, 0, 600);
    }
}
