//! How much CPU time each program used over the last hour, day and week.
//!
//! The history is kept per program, not per process. A miner that is killed and restarted, or that cron starts every
//! night, remains one entry.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    bounded::BoundedMap,
    model::{BootTime, Event, EventBody},
    process::{Process, ProcessTable},
};

/// The identity of a program, which stays the same when the program is restarted.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ProgramIdentity {
    /// The executable's SHA-256, else `device:inode`. A script has the identity of its interpreter, followed by the
    /// script's path. A program without a file has the identity of its parent, with a prefix.
    pub program: Arc<str>,
    /// The id of the container, else the systemd unit, else empty.
    pub place: Arc<str>,
}

impl ProgramIdentity {
    /// Returns the identity of a process; `None` while its executable is unknown.
    pub fn of(process: &Process, table: &ProcessTable) -> Option<Self> {
        let place = process
            .view
            .container
            .as_ref()
            .and_then(|container| container.id.as_ref().or(container.unit.as_ref()));
        let place = place.map_or_else(|| Arc::from(""), Arc::clone);
        let flags = process.view.executable.flags;
        let mut program = if flags.has_no_file() {
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

/// CPU time in slots of equal length. The newest slot is still in progress.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Ring {
    /// CPU time in each slot in milliseconds, oldest first.
    slots: Vec<u32>,
}

impl Ring {
    fn new(length: usize) -> Self {
        Self { slots: vec![0; length] }
    }

    /// Starts `steps` new slots and drops as many old ones.
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

    /// Returns the latest `count` finished slots, oldest first.
    fn full(&self, count: usize) -> &[u32] {
        let end = self.slots.len().saturating_sub(1);
        self.slots.get(end.saturating_sub(count)..end).unwrap_or_default()
    }
}

const MINUTE: u64 = 60;
const TEN_MINUTES: u64 = 600;
const HOUR: u64 = 3_600;

/// Interval between two judgements of a history, in seconds.
const JUDGED_EACH: i64 = 600;

/// The CPU time of one program. The windows of 10 minutes, 1 hour, 24 hours and 7 days are sums of slots.
///
/// The field names are part of the format of `duty.json`, which outlives the daemon.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadHistory {
    minutes: Ring,
    tens: Ring,
    hours: Ring,
    /// Time of the newest addition, in seconds since boot. Negative if an earlier boot made the addition.
    at: i64,
    /// Time of the first addition, in seconds since boot.
    since: i64,
    /// Earliest time of the next judgement, in seconds since boot.
    #[serde(default)]
    next_look: i64,
}

/// CPU time as a share of one processor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shares {
    /// Share over the last 10 minutes.
    pub ten_minutes: f64,
    /// Share over the last hour.
    pub hour: f64,
    /// Share over the last 24 hours.
    pub day: f64,
    /// Share over the last 7 days.
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

    /// Whether each ring has the expected number of slots. A state file may contain anything.
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

    /// The time from the first addition to the newest.
    pub fn age(&self) -> Duration {
        Duration::from_secs(u64::try_from(self.at.saturating_sub(self.since)).unwrap_or(0))
    }

    /// Whether the history is due for judgement. If so, the next judgement is due ten minutes later.
    fn take_due(&mut self) -> bool {
        let due = self.at >= self.next_look;
        if due {
            self.next_look = self.at.saturating_add(JUDGED_EACH);
        }
        due
    }

    /// Returns the share over each window, as of the newest addition.
    pub fn shares(&self) -> Shares {
        Shares {
            ten_minutes: mean(self.minutes.full(10), MINUTE),
            hour: mean(self.minutes.full(60), MINUTE),
            day: mean(self.tens.full(144), TEN_MINUTES),
            week: mean(self.hours.full(168), HOUR),
        }
    }

    /// Returns the share over the last 24 hours without the newest ten minutes. If the program is known for a shorter
    /// time, returns the share over that time.
    pub fn day_before(&self) -> f64 {
        let tens = self.tens_of_day();
        let earlier = tens.get(..tens.len().saturating_sub(1)).unwrap_or_default();
        let known =
            usize::try_from(self.age().as_secs() / TEN_MINUTES).unwrap_or(usize::MAX).min(earlier.len());
        let earlier = earlier.get(earlier.len() - known..).unwrap_or_default();
        earlier.iter().sum::<f64>() / earlier.len().max(1) as f64
    }

    /// Returns the share in each of the last 24 hours, oldest first.
    pub fn hours_of_day(&self) -> Vec<f64> {
        self.hours.full(24).iter().map(|time| share(*time, HOUR)).collect()
    }

    /// Returns the share in each ten minutes of the last 24 hours, oldest first.
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

/// All load histories, for a state file that outlives the daemon.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LoadHistoryState {
    /// When the state was taken, in seconds since boot.
    taken: i64,
    identities: Vec<(ProgramIdentity, LoadHistory)>,
}

impl LoadHistoryState {
    /// The number of programs in the state.
    pub fn len(&self) -> usize {
        self.identities.len()
    }

    /// Whether the state has no programs.
    pub fn is_empty(&self) -> bool {
        self.identities.is_empty()
    }
}

/// The load history of every program with CPU reports.
#[derive(Debug)]
pub struct LoadHistories(BoundedMap<ProgramIdentity, LoadHistory>);

impl LoadHistories {
    /// Creates an empty store for at most `capacity` programs.
    pub fn new(capacity: usize) -> Self {
        Self(BoundedMap::new(capacity))
    }

    /// The number of evicted programs.
    pub fn evicted(&self) -> u64 {
        self.0.evicted()
    }

    /// Adds the CPU time of an event to its program. Returns the program if its history is due for judgement.
    pub fn observe(
        &mut self,
        event: &Event,
        process: &Process,
        table: &ProcessTable,
    ) -> Option<ProgramIdentity> {
        let EventBody::Cpu(usage) = &event.body else { return None };
        let identity = ProgramIdentity::of(process, table)?;
        self.add(&identity, event.time, usage.on_cpu).take_due().then_some(identity)
    }

    fn add(&mut self, identity: &ProgramIdentity, at: BootTime, on_cpu: u64) -> &mut LoadHistory {
        let second = second(at);
        let history = self.0.entry(identity, || LoadHistory::new(second));
        history.add(second, on_cpu);
        history
    }

    /// Returns the history of a program.
    pub fn get(&self, identity: &ProgramIdentity) -> Option<&LoadHistory> {
        self.0.get(identity)
    }

    /// Returns a copy of all histories, with `now` as the time of the copy.
    pub fn state(&self, now: BootTime) -> LoadHistoryState {
        let identities =
            self.0.iter().map(|(identity, history)| (identity.clone(), history.clone())).collect();
        LoadHistoryState { taken: second(now), identities }
    }

    /// Restores the histories that an earlier daemon saved `elapsed` ago. Programs that already have a history keep it.
    pub fn restore(&mut self, state: LoadHistoryState, now: BootTime, elapsed: Duration) {
        let LoadHistoryState { taken, identities } = state;
        let elapsed = i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX);
        // Each boot starts a new clock. Shift all times, so that the state was taken `elapsed` ago on the current
        // clock.
        let shift = second(now).saturating_sub(elapsed).saturating_sub(taken);
        for (identity, mut history) in identities {
            if !history.is_sound() {
                continue;
            }
            // The slots need no shift: the age of each slot stays the same, to within one slot.
            history.at = history.at.saturating_add(shift);
            history.since = history.since.saturating_add(shift).min(history.at);
            history.next_look = history.next_look.saturating_add(shift);
            self.0.entry(&identity, || history);
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

    fn identity(program: &str) -> ProgramIdentity {
        ProgramIdentity { program: Arc::from(program), place: Arc::from("") }
    }

    fn at(seconds: u64) -> BootTime {
        BootTime(seconds * 1_000_000_000)
    }

    /// Adds the load of half a processor every minute between two times, in seconds.
    fn work(histories: &mut LoadHistories, from: u64, to: u64) {
        for second in (from..to).step_by(60) {
            histories.add(&identity("x"), at(second), 30_000_000_000);
        }
    }

    fn shares(histories: &mut LoadHistories, now: u64) -> Shares {
        histories.add(&identity("x"), at(now), 0).shares()
    }

    #[test]
    fn the_windows_are_sums_of_the_slots() {
        let mut histories = LoadHistories::new(4);
        work(&mut histories, 0, 24 * HOURS);
        let now = shares(&mut histories, 24 * HOURS);
        for share in [now.ten_minutes, now.hour, now.day] {
            assert!((share - 0.5).abs() < 0.01, "{now:?}");
        }
        assert!((now.week - 0.5 / 7.0).abs() < 0.01, "{now:?}");
        let later = shares(&mut histories, 36 * HOURS);
        assert!(later.hour == 0.0 && (later.day - 0.25).abs() < 0.01, "{later:?}");
        let much_later = shares(&mut histories, 400 * HOURS);
        assert_eq!((much_later.day, much_later.week), (0.0, 0.0));
    }

    #[test]
    fn a_restart_and_a_reboot_lose_no_history() {
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
    fn the_field_names_of_the_file_stay() {
        let slots = |count: usize| serde_json::json!({ "slots": vec![600_000; count] });
        let history = serde_json::json!({
            "minutes": slots(61), "tens": slots(145), "hours": slots(169), "at": 90_000, "since": 0,
        });
        let program = serde_json::json!({ "program": "x", "place": "" });
        let file = serde_json::json!({ "taken": 90_000, "identities": [[program, history]] });
        let mut histories = LoadHistories::new(4);
        histories.restore(serde_json::from_value(file).unwrap(), at(90_000), Duration::ZERO);
        let history = histories.get(&identity("x")).unwrap();
        assert_eq!(history.age(), Duration::from_secs(90_000));
        assert!((history.shares().day - 1.0).abs() < 1e-9, "{:?}", history.shares());
    }

    #[test]
    fn a_forged_state_is_ignored() {
        let text = r#"{"taken":-9223372036854775808,"identities":[[{"program":"x","place":""},
            {"minutes":{"slots":[1]},"tens":{"slots":[]},"hours":{"slots":[]},"at":9223372036854775807,"since":0}]]}"#;
        let mut histories = LoadHistories::new(4);
        histories.restore(serde_json::from_str(text).unwrap(), at(5), Duration::MAX);
        assert!(histories.state(at(5)).is_empty());
        work(&mut histories, 0, 600);
    }
}
