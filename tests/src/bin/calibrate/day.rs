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
            events.push(later(event, delay).with_context(|| recording.name.clone())?);
        }
    }
    events.sort_by_key(|event| event.time);
    Ok(Recorded { name: name.to_owned(), class: Some(Class::Benign), named: &[], header, events })
}

/// Returns an event that happens `delay` seconds later.
fn later(event: &Event, delay: u64) -> anyhow::Result<Event> {
    let mut value = serde_json::to_value(event)?;
    shift(&mut value, delay);
    Ok(serde_json::from_value(value)?)
}

fn shift(value: &mut Value, delay: u64) {
    match value {
        Value::Object(fields) => {
            // Process 1 is the same one all the time.
            let is_init = fields.get("pid").is_some_and(|pid| pid == 1);
            for (name, field) in fields {
                match (name.as_str(), field.as_u64()) {
                    ("start_ticks", Some(ticks)) if !is_init => *field = (ticks + delay * TICKS).into(),
                    (name, Some(time)) if time > 0 && TIMES.contains(&name) => {
                        *field = (time + delay * NANOSECONDS).into();
                    }
                    _ => shift(field, delay),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| shift(value, delay)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_and_processes_are_later_and_nothing_else() {
        let mut event = json!({"time": 5, "body": {"parent": {"pid": 1, "start_ticks": 3}, "uid": 7,
            "flow": {"opened": 2}, "key": {"pid": 9, "start_ticks": 8}, "first_payload": 0}});
        shift(&mut event, 1);
        let expected = json!({"time": 1_000_000_005, "body": {"parent": {"pid": 1, "start_ticks": 3}, "uid": 7,
            "flow": {"opened": 1_000_000_002}, "key": {"pid": 9, "start_ticks": 108}, "first_payload": 0}});
        assert_eq!(event, expected);
    }
}
