//! Long benign days, composed of benign recordings: the events of a recording happen again at a later time. Between
//! them the host does nothing. The calibration would otherwise know benign time of minutes only.

use anyhow::Context as _;
use minerwatch::model::Event;
use minerwatch_tests::stories::Class;
use serde_json::Value;

use super::recorded::Recorded;

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;
/// Uptime at the begin of the first day, in seconds. It is longer than the uptime in any recording.
const BEGIN: u64 = 100 * DAY;
const NANOSECONDS: u64 = 1_000_000_000;
/// Ticks of process start times in one second.
const TICKS: u64 = 100;

/// The fields of events that are boot times.
const TIMES: [&str; 5] = ["time", "opened", "first", "first_payload", "last_payload"];

/// Returns the composed days. A day without its recordings is left out.
pub fn all(recordings: &[Recorded]) -> anyhow::Result<Vec<Recorded>> {
    let benign: Vec<&Recorded> =
        recordings.iter().filter(|recording| recording.class == Some(Class::Benign)).collect();
    let find = |name: &str| benign.iter().find(|recording| recording.name == name).copied();
    let mut days = Vec::new();
    if let (Some(backup), Some(checks)) = (find("backup"), find("health-checks")) {
        let nights = (0..7).map(|day| (day * DAY + 2 * HOUR, backup));
        let hours = (0..7 * 24).map(|hour| (hour * HOUR + HOUR / 2, checks));
        days.push(compose("idle-week", nights.chain(hours).collect())?);
    }
    if !benign.is_empty() {
        let step = DAY / benign.len() as u64;
        let starts = (0..).step_by(usize::try_from(step).unwrap_or(usize::MAX));
        days.push(compose("busy-day", starts.zip(benign).collect())?);
    }
    Ok(days)
}

/// Composes a recording of others, each with its start in seconds.
fn compose(name: &str, mut parts: Vec<(u64, &Recorded)>) -> anyhow::Result<Recorded> {
    parts.sort_by_key(|(start, _)| *start);
    let (_, first) = parts.first().context("a day has parts")?;
    let header = first.header.clone();
    let mut events = Vec::new();
    for (start, recording) in parts {
        let begin = recording.events.first().map_or(0, |event| event.time.0 / NANOSECONDS);
        let delay = (BEGIN + start).saturating_sub(begin);
        for event in &recording.events {
            let shift = Shift { delay, story: number_of(&recording.name) };
            events.push(shift.event(event).with_context(|| recording.name.clone())?);
        }
    }
    events.sort_by_key(|event| event.time);
    Ok(Recorded { name: name.to_owned(), class: Some(Class::Benign), named: &[], header, events })
}

/// Returns a number for the name of a story.
fn number_of(name: &str) -> u64 {
    name.bytes().fold(1, |number, byte| (number * 31 + u64::from(byte)) % 1_000_003)
}

/// What changes in an event: it is later, and its files are those of one story. Many programs of the stories are copies
/// of the same stand-in, and two stories may have used the same inodes, but on a real host their programs differ.
#[derive(Clone, Copy, Debug)]
struct Shift {
    /// Seconds.
    delay: u64,
    story: u64,
}

impl Shift {
    fn event(self, event: &Event) -> anyhow::Result<Event> {
        let mut value = serde_json::to_value(event)?;
        self.apply(&mut value);
        Ok(serde_json::from_value(value)?)
    }

    fn apply(self, value: &mut Value) {
        match value {
            Value::Object(fields) => {
                // Process 1 is the same one all the time.
                let is_init = fields.get("pid").is_some_and(|pid| pid == 1);
                for (name, field) in fields {
                    match (name.as_str(), field.as_u64(), field.as_str()) {
                        ("start_ticks", Some(ticks), _) if !is_init => {
                            *field = (ticks + self.delay * TICKS).into();
                        }
                        ("inode", Some(inode), _) => *field = (inode + (self.story << 40)).into(),
                        ("sha256", _, Some(hash)) => {
                            let kept = hash.get(..56).unwrap_or_default();
                            *field = format!("{kept}{:08x}", self.story).into();
                        }
                        (name, Some(time), _) if time > 0 && TIMES.contains(&name) => {
                            *field = (time + self.delay * NANOSECONDS).into();
                        }
                        _ => self.apply(field),
                    }
                }
            }
            Value::Array(values) => values.iter_mut().for_each(|value| self.apply(value)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn programs_are_those_of_one_story() {
        let hash = "ab".repeat(32);
        let mut event = json!({"file": {"device": 1, "inode": 7}, "sha256": hash});
        Shift { delay: 0, story: 2 }.apply(&mut event);
        let expected = format!("{}00000002", "ab".repeat(28));
        assert_eq!(event, json!({"file": {"device": 1, "inode": 7 + (2_u64 << 40)}, "sha256": expected}));
        assert_ne!(number_of("backup"), number_of("database"));
    }

    #[test]
    fn times_and_processes_are_later_and_nothing_else() {
        let mut event = json!({"time": 5, "body": {"parent": {"pid": 1, "start_ticks": 3}, "uid": 7,
            "flow": {"opened": 2}, "key": {"pid": 9, "start_ticks": 8}, "first_payload": 0}});
        Shift { delay: 1, story: 2 }.apply(&mut event);
        let expected = json!({"time": 1_000_000_005, "body": {"parent": {"pid": 1, "start_ticks": 3}, "uid": 7,
            "flow": {"opened": 1_000_000_002}, "key": {"pid": 9, "start_ticks": 108}, "first_payload": 0}});
        assert_eq!(event, expected);
    }
}
