//! What is wrong with a daemon, in sentences, from its status.
//!
//! The status is read as JSON and not as our own type, because the daemon may be of another version.

use serde_json::Value;

use crate::cli::counted::counted;

/// Share of lost events from which the losses count as a problem: one of so many. A single lost event at the start of a
/// daemon that runs for months is none.
const LOST_SHARE: u64 = 1_000;

/// Returns what is wrong, one sentence each, with what to do. Returns nothing for a daemon that is well.
pub(super) fn problems(status: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    let blind = unavailable(status);
    if !blind.is_empty() {
        problems.push(format!(
            "{} unavailable: {}; `minerwatch doctor` says why",
            counted(blind.len(), "data source is", "data sources are"),
            blind.join(", ")
        ));
    }
    let lost = lost(status);
    let all: u64 = lost.iter().map(|(_, count)| count).sum();
    if all > 0 && all.saturating_mul(LOST_SHARE) >= number(status, "/engine/events").saturating_add(all) {
        problems.push(format!(
            "{} lost in the kernel; the host is busier than minerwatch can follow, so give the service more CPU, or \
             raise events.cpu_threshold_ms",
            counted(all, "event was", "events were")
        ));
    }
    for (name, output) in outputs(status) {
        output_problems(name, output, &mut problems);
    }
    if let Some(error) = status.pointer("/exceptions/error").and_then(Value::as_str) {
        problems.push(format!("the file of exceptions is not used: {error}"));
    }
    let troubled = number(status, "/lists/troubled");
    if troubled > 0 {
        let config = "`minerwatch config check` says why";
        problems.push(format!("{} used; {config}", counted(troubled, "list cannot be", "lists cannot be")));
    }
    let left_out = number(status, "/incidents_left_out");
    if left_out > 0 {
        problems.push(format!(
            "{} not fit into the state file, so a restart forgets them",
            counted(left_out, "incident does", "incidents do")
        ));
    }
    problems
}

fn output_problems(name: &str, output: &Value, problems: &mut Vec<String>) {
    if output.get("failing").and_then(Value::as_bool).unwrap_or(false) {
        let waiting = number(output, "/waiting");
        let because = match output.get("last_error").and_then(Value::as_str) {
            Some(error) if !error.is_empty() => format!(": {error}"),
            Some(_) | None => String::new(),
        };
        problems.push(format!(
            "the output {name} fails{because}; {}",
            counted(waiting, "line waits", "lines wait")
        ));
    }
    let dropped = number(output, "/alerts_dropped");
    if dropped > 0 {
        problems.push(format!(
            "the output {name} dropped {}, which are lost; the journal of minerwatch says why",
            counted(dropped, "alert", "alerts")
        ));
    }
}

/// Returns the data sources that are unavailable.
pub(super) fn unavailable(status: &Value) -> Vec<&str> {
    let blind = status.get("blind").and_then(Value::as_array).into_iter().flatten();
    blind.filter_map(Value::as_str).collect()
}

/// Returns the kinds of events that were lost, with their counts.
pub(super) fn lost(status: &Value) -> Vec<(&str, u64)> {
    let lost = status.get("lost").and_then(Value::as_object).into_iter().flatten();
    let lost = lost.map(|(kind, count)| (kind.as_str(), count.as_u64().unwrap_or(0)));
    lost.filter(|(_, count)| *count > 0).collect()
}

/// Returns the outputs by name.
pub(super) fn outputs(status: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let outputs = status.get("sinks").and_then(Value::as_object).into_iter().flatten();
    outputs.map(|(name, output)| (name.as_str(), output))
}

/// Returns the number at a JSON pointer, or 0.
pub(super) fn number(value: &Value, pointer: &str) -> u64 {
    value.pointer(pointer).and_then(Value::as_u64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_daemon_without_problems_is_well() {
        for status in [
            json!({}),
            json!({ "blind": [], "lost": { "exec": 0 }, "sinks": { "a": { "failing": false, "events_dropped": 5 } } }),
            json!({ "lost": { "exec": 1 }, "engine": { "events": 100_000 } }),
            json!({ "blind": 3, "lost": [], "sinks": "x", "exceptions": { "error": null } }),
        ] {
            assert_eq!(problems(&status), [""; 0], "{status}");
        }
    }

    #[test]
    fn every_problem_is_a_sentence_with_what_to_do() {
        let cases = [
            (
                json!({ "blind": ["udp", "fpu"] }),
                "2 data sources are unavailable: udp, fpu; `minerwatch doctor`",
            ),
            (
                json!({ "lost": { "exec": 9, "file": 1 }, "engine": { "events": 9_000 } }),
                "10 events were lost",
            ),
            (
                json!({ "sinks": { "siem": { "failing": true, "waiting": 1, "last_error": "connection refused" } } }),
                "the output siem fails: connection refused; 1 line waits",
            ),
            (json!({ "sinks": { "/a": { "alerts_dropped": 2 } } }), "the output /a dropped 2 alerts"),
            (json!({ "exceptions": { "error": "e.toml:1: no" } }), "is not used: e.toml:1: no"),
            (json!({ "lists": { "troubled": 1 } }), "1 list cannot be used; `minerwatch config check`"),
            (json!({ "incidents_left_out": 2 }), "2 incidents do not fit"),
        ];
        for (status, part) in cases {
            let problems = problems(&status);
            assert!(
                problems.len() == 1 && problems.iter().all(|own| own.contains(part)),
                "{part}: {problems:?}"
            );
        }
    }
}
