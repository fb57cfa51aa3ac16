//! The status as text for people.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::health::{lost, number, outputs, unavailable};
use crate::cli::{
    counted::counted,
    render::{Row, Style, Tone},
};

/// Width of the column of labels.
const LABEL: usize = 10;

/// Counters of an output that have a place of their own in its row.
const SHOWN: [&str; 8] =
    ["alerts", "events", "waiting", "alerts_dropped", "events_dropped", "failures", "failing", "last_error"];

/// Returns the status as text. The first sentence says whether the daemon is well.
pub(super) fn text(status: &Value, problems: &[String], style: Style) -> String {
    let mut text = Text { style, out: String::new() };
    match problems {
        [] => text.row(|row| row.push(Tone::Good, "minerwatch is well.")),
        problems => {
            let sentence = counted(problems.len(), "thing is wrong:", "things are wrong:");
            text.row(|row| row.push(Tone::Bad, &format!("minerwatch runs, but {sentence}")));
        }
    }
    for problem in problems {
        text.row(|row| row.push(Tone::Plain, &format!("  - {problem}")));
    }
    text.out.push('\n');
    running(status, &mut text);
    incidents(status, &mut text);
    for (number, (name, output)) in outputs(status).enumerate() {
        text.labelled(if number == 0 { "outputs" } else { "" }, &format!("{name}: {}", of_output(output)));
    }
    text.labelled("cost", &cost(status));
    text.out
}

struct Text {
    style: Style,
    out: String,
}

impl Text {
    fn row(&mut self, fill: impl FnOnce(&mut Row) -> &mut Row) {
        let mut row = Row::default();
        fill(&mut row).write(self.style, &mut self.out);
    }

    fn labelled(&mut self, label: &str, text: &str) {
        self.row(|row| row.column(Tone::Dim, label, LABEL).push(Tone::Plain, text));
    }
}

/// Adds the version, the time since the start, the data sources, and what was lost.
fn running(status: &Value, text: &mut Text) {
    let version = status.get("version").and_then(Value::as_str).unwrap_or("unknown");
    let uptime = uptime(number(status, "/uptime_seconds"));
    text.labelled("version", &format!("{version}, up {uptime}"));
    let blind = unavailable(status);
    let available = status.get("hooks").and_then(Value::as_object).map_or(0, Map::len);
    let mut sources = format!("{available} of {} available", available + blind.len());
    if !blind.is_empty() {
        let _ = write!(sources, "; without {}", blind.join(", "));
    }
    text.labelled("sources", &sources);
    let events = counted(number(status, "/engine/events"), "event", "events");
    let lost: Vec<String> = lost(status).iter().map(|(kind, count)| format!("{kind} {count}")).collect();
    let lost = if lost.is_empty() { "nothing lost".to_owned() } else { format!("lost {}", lost.join(", ")) };
    text.labelled("events", &format!("{events}, {lost}"));
}

/// Adds the open incidents and the alerts.
fn incidents(status: &Value, text: &mut Text) {
    let open = number(status, "/engine/incidents");
    let by_verdict = ["mining", "suspected", "noted"]
        .map(|verdict| (verdict, number(status, &format!("/engine/incidents_by_verdict/{verdict}"))));
    let with_verdict: u64 = by_verdict.iter().map(|(_, count)| count).sum();
    let mut parts: Vec<String> = by_verdict
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(name, count)| format!("{count} {name}"))
        .collect();
    let rest = open.saturating_sub(with_verdict);
    if rest > 0 {
        parts.push(format!("{rest} without a verdict"));
    }
    let parts = if parts.is_empty() { "none".to_owned() } else { parts.join(", ") };
    text.labelled("incidents", &format!("{parts} open"));
    let mut alerts = format!("{} sent", number(status, "/alerts"));
    let hidden = number(status, "/exceptions/hidden");
    if hidden > 0 {
        let _ = write!(alerts, ", {hidden} hidden by exceptions");
    }
    text.labelled("alerts", &alerts);
}

/// Describes an output. Counters that this version does not know are shown by name if they are not 0.
fn of_output(output: &Value) -> String {
    let count = |name: &str| number(output, &format!("/{name}"));
    let mut parts = vec![format!(
        "wrote {} and {}",
        counted(count("alerts"), "alert", "alerts"),
        counted(count("events"), "event", "events")
    )];
    let mut add = |count: u64, what: String| {
        if count > 0 {
            parts.push(what);
        }
    };
    let waiting = count("waiting");
    add(waiting, counted(waiting, "line waits", "lines wait"));
    let (alerts, events) = (count("alerts_dropped"), count("events_dropped"));
    let dropped =
        format!("dropped {} and {}", counted(alerts, "alert", "alerts"), counted(events, "event", "events"));
    add(alerts + events, dropped);
    let failures = count("failures");
    add(failures, counted(failures, "failure", "failures"));
    if output.get("failing").and_then(Value::as_bool) == Some(true) {
        parts.push("FAILING".to_owned());
    }
    if let Some(error) = output.get("last_error").and_then(Value::as_str).filter(|error| !error.is_empty()) {
        parts.push(format!("last error: {error}"));
    }
    let others = output.as_object().into_iter().flatten().filter(|(name, _)| !SHOWN.contains(&name.as_str()));
    parts.extend(others.filter_map(|(name, value)| other(name, value)));
    parts.join(", ")
}

/// Describes a counter that has no place of its own, or several below one name.
fn other(name: &str, value: &Value) -> Option<String> {
    let name = name.replace('_', " ");
    match value {
        Value::Number(number) if number.as_f64() != Some(0.0) => Some(format!("{name} {number}")),
        Value::Bool(true) => Some(name),
        Value::String(text) if !text.is_empty() => Some(format!("{name} {text}")),
        Value::Object(fields) => {
            let parts: Vec<String> = fields.iter().filter_map(|(name, value)| other(name, value)).collect();
            (!parts.is_empty()).then(|| format!("{name} ({})", parts.join(", ")))
        }
        _ => None,
    }
}

/// Describes the CPU time and the memory of the daemon.
fn cost(status: &Value) -> String {
    let memory = format!("{} MiB of memory", number(status, "/resident_bytes") >> 20);
    if status.get("cpu").is_none() {
        return memory;
    }
    let since_start = per_mille(number(status, "/cpu/total_ms"), number(status, "/uptime_seconds") * 1_000);
    let minute = match number(status, "/cpu/recent_of_ms") {
        0 => String::new(),
        of => format!(
            "{} in the last {} s, ",
            per_mille(number(status, "/cpu/recent_ms"), of),
            of.div_ceil(1_000)
        ),
    };
    format!("{minute}{since_start} of a CPU since the start, {memory}")
}

/// Returns a share of a CPU in per cent, with one digit.
fn per_mille(part: u64, of: u64) -> String {
    let share = part.saturating_mul(1_000).checked_div(of).unwrap_or(0);
    format!("{}.{} %", share / 10, share % 10)
}

fn uptime(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours) {
        (0, 0) if minutes == 0 => format!("{seconds} s"),
        (0, 0) => format!("{minutes} min"),
        (0, hours) => format!("{hours} h {minutes:02} min"),
        (days, hours) => format!("{} {hours} h", counted(days, "day", "days")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cli::status::problems;

    const PLAIN: Style = Style { color: false, width: None };

    fn shown(status: &Value) -> String {
        text(status, &problems(status), PLAIN)
    }

    #[test]
    fn a_daemon_that_is_well() {
        let status = json!({
            "version": "0.1.0", "uptime_seconds": 7_500, "resident_bytes": 41 << 20, "alerts": 2,
            "blind": [], "hooks": { "exec": "raw", "tcp": "fentry" }, "lost": { "exec": 0 },
            "engine": {
                "events": 1_234, "incidents": 4,
                "incidents_by_verdict": { "mining": 1, "suspected": 0, "noted": 2 },
            },
            "exceptions": { "hidden": 3 },
            "cpu": { "total_ms": 15_000, "recent_ms": 240, "recent_of_ms": 60_000 },
            "sinks": {
                "siem": { "alerts": 2, "events": 0, "spool": { "bytes": 4_096, "oldest_seconds": 0 }, "retries": 1 },
                "standard output": { "alerts": 2, "events": 1, "waiting": 0, "failing": false, "failures": 0 },
            },
        });
        assert_eq!(
            shown(&status),
            "minerwatch is well.\n\n\
             version    0.1.0, up 2 h 05 min\n\
             sources    2 of 2 available\n\
             events     1234 events, nothing lost\n\
             incidents  1 mining, 2 noted, 1 without a verdict open\n\
             alerts     2 sent, 3 hidden by exceptions\n\
             outputs    siem: wrote 2 alerts and 0 events, retries 1, spool (bytes 4096)\n           \
             standard output: wrote 2 alerts and 1 event\n\
             cost       0.4 % in the last 60 s, 0.2 % of a CPU since the start, 41 MiB of memory\n"
        );
    }

    #[test]
    fn what_is_wrong_comes_first() {
        let status = json!({
            "blind": ["udp"], "lost": { "exec": 5 },
            "sinks": { "a\u{1b}[31m": {
                "failing": true, "failures": 2, "waiting": 7, "last_error": "no\nroute", "events_dropped": 1,
            } },
        });
        let shown = shown(&status);
        assert!(
            shown.starts_with(
                "minerwatch runs, but 3 things are wrong:\n  - 1 data source is unavailable: udp;"
            )
        );
        for part in [
            "7 lines wait, dropped 0 alerts and 1 event, 2 failures, FAILING, last error: no\\nroute\n",
            "lost exec 5",
        ] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        assert!(!shown.contains('\u{1b}'), "{shown}");
        let colored = text(&status, &problems(&status), Style { color: true, width: None });
        assert!(colored.starts_with("\u{1b}[31mminerwatch runs"), "{colored}");
    }

    #[test]
    fn a_daemon_of_another_version_has_a_status_too() {
        let shown = shown(&json!({}));
        assert!(shown.contains("version    unknown, up 0 s\n") && shown.contains("none open"), "{shown}");
        assert!(shown.ends_with("cost       0 MiB of memory\n"), "{shown}");
    }
}
