//! Cuts a recording of a whole host to the processes of one story.

use std::collections::BTreeSet;

use anyhow::{Context as _, ensure};
use serde_json::Value;

/// Host name in every recording. It replaces the real name.
const HOST: &str = "demo";
/// Boot id in every recording. It replaces the real id.
const BOOT: &str = "00000000-0000-4000-8000-000000000001";

/// Cuts the recording of one story out of `whole`, with its events in order of time.
pub(crate) fn story(whole: &str, name: &str) -> anyhow::Result<String> {
    let mut lines = whole.lines();
    let header: Value = serde_json::from_str(lines.next().context("the recording is empty")?)?;
    let mut events: Vec<(u64, &str, Value)> = Vec::new();
    for line in lines {
        let event: Value = serde_json::from_str(line)?;
        events.push((event["time"].as_u64().context("an event has a time")?, line, event));
    }
    events.sort_by_key(|(time, _, _)| *time);

    let script = format!("/opt/story/{name}.bash");
    let begins = |event: &Value| {
        event["kind"] == "exec"
            && event["body"]["name"] == "bash"
            && event["body"]["arguments"][1] == script.as_str()
    };
    let start = events.iter().position(|(_, _, event)| begins(event));
    let start = start.context("the story's beginning was not recorded")?;
    let root = key(&events[start].2["subject"]["key"]);
    let mut family = BTreeSet::from([root.clone()]);
    let mut cut = format!(
        "{{\"minerwatch_recording\":{},\"version\":{},\"host\":\"{HOST}\",\"boot_id\":\"{BOOT}\",\"wall_clock_at_boot\":{},\"processors\":{}}}\n",
        header["minerwatch_recording"], header["version"], header["wall_clock_at_boot"], header["processors"]
    );
    let mut count = 0;
    for (index, (_, line, event)) in events.iter().enumerate() {
        let own = key(&event["subject"]["key"]);
        let is_fork = event["kind"] == "fork";
        if is_fork && family.contains(&key(&event["body"]["parent"])) && index > start {
            family.insert(own.clone());
        }
        // Before the script runs, its process sets up the stage. These events are not part of the story.
        if family.contains(&own) && (index >= start || is_fork) {
            // The stage sees the host's files through an overlay, so that every program seems to be another file.
            cut.push_str(&line.replace(",\"foreign\":true", ""));
            cut.push('\n');
            count += 1;
        }
    }
    ensure!(count > 2, "only {count} events were recorded");
    Ok(cut)
}

/// Returns a process's key as text.
fn key(value: &Value) -> String {
    value.to_string()
}
