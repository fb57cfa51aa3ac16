//! The attributes that every event has.

use serde_json::Value;

use super::{OCSF_VERSION, object::Object, source::Source};

/// A class of OCSF.
#[derive(Debug)]
pub(super) struct Class {
    pub uid: u32,
    pub name: &'static str,
    pub category_uid: u32,
    pub category: &'static str,
}

/// What happened, in the terms of a class.
#[derive(Clone, Copy, Debug)]
pub(super) enum Activity<'a> {
    /// A number and a name of the class.
    Known(u32, &'static str),
    /// The class has no number for the action.
    Other(&'a str),
}

/// The number that means that a list of choices lacks the value.
pub(super) const OTHER: u32 = 99;

/// Makes an event with the attributes that every class has.
pub(super) fn event(source: Source<'_>, class: &Class, activity: Activity<'_>) -> Object {
    let (number, name, type_name) = match activity {
        Activity::Known(number, name) => (number, name, name),
        Activity::Other("") => (0, "Unknown", "Unknown"),
        Activity::Other(action) => (OTHER, action, "Other"),
    };
    Object::default()
        .with("time", source.milliseconds("@timestamp").unwrap_or_default())
        .choice("class_uid", "class_name", (class.uid, class.name))
        .choice("category_uid", "category_name", (class.category_uid, class.category))
        .choice("activity_id", "activity_name", (number, name))
        .with("type_uid", class.uid * 100 + number)
        .with("type_name", format!("{}: {type_name}", class.name))
        .choice("severity_id", "severity", severity(source.integer("event.severity")))
        .with("message", source.text("message"))
        .with("start_time", source.milliseconds("event.start"))
        .with("duration", source.integer("event.duration").map(|nanoseconds| nanoseconds / 1_000_000))
        .with("metadata", metadata(source))
        .with("device", device(source))
        .with("cloud", cloud(source))
}

/// Converts `event.severity`, which is 1 to 100 and which only alerts have.
fn severity(severity: Option<i64>) -> (u32, &'static str) {
    match severity.unwrap_or_default() {
        90.. => (5, "Critical"),
        70..90 => (4, "High"),
        40..70 => (3, "Medium"),
        1..40 => (2, "Low"),
        _ => (1, "Informational"),
    }
}

/// Adds the result of an attempt.
pub(super) fn with_outcome(event: Object, source: Source<'_>) -> Object {
    let status = match source.text("event.outcome") {
        Some("success") => Some((1, "Success")),
        Some("failure") => Some((2, "Failure")),
        Some(_) => Some((0, "Unknown")),
        None => None,
    };
    let event = match status {
        Some(status) => event.choice("status_id", "status", status),
        None => event,
    };
    event.with("status_code", source.text("error.code")).with("status_detail", source.text("error.message"))
}

fn metadata(source: Source<'_>) -> Object {
    let mut profiles = vec!["host"];
    if has_container(source) {
        profiles.push("container");
    }
    if source.part("cloud").is_some_and(|cloud| cloud.text("provider").is_some()) {
        profiles.push("cloud");
    }
    let product = Object::default()
        .with("name", "minerwatch")
        .with("vendor_name", "minerwatch")
        .with("version", source.text("agent.version"));
    // A copy of the timestamp with all its digits.
    let original_time = source.part("@timestamp").and(source.text("@timestamp"));
    Object::default()
        .with("version", OCSF_VERSION)
        .with("product", product)
        .with("profiles", profiles)
        .with("uid", source.text("event.id"))
        .with("correlation_uid", source.text("minerwatch.incident.id"))
        .with("event_code", source.text("event.action"))
        .with("sequence", source.integer("event.sequence"))
        .with("log_name", source.text("event.dataset"))
        .with("original_time", original_time)
        .with("is_truncated", source.part("minerwatch.cut").map(|_| true))
        .with("labels", source.texts("tags"))
        .with("tags", source.pairs("labels"))
}

fn device(source: Source<'_>) -> Object {
    let agent = Object::default()
        .with("uid", source.text("agent.id"))
        .if_any(&["uid"])
        .map(|agent| agent.with("name", "minerwatch").with("version", source.text("agent.version")))
        .map(|agent| agent.choice("type_id", "type", (1, "Endpoint Detection and Response")));
    let os = Object::default().with("name", "Linux").choice("type_id", "type", (200, "Linux"));
    Object::default()
        .with("hostname", source.text("host.name").unwrap_or("unknown"))
        .with("uid", source.text("host.id"))
        .with("boot_uid", source.text("host.boot.id"))
        .choice("type_id", "type", (0, "Unknown"))
        .with("os", os)
        .with("agent_list", agent.map(|agent| vec![Value::from(agent)]))
        .with("instance_uid", source.text("cloud.instance.id"))
        .with("region", source.text("cloud.region"))
        .with("zone", source.text("cloud.availability_zone"))
}

fn cloud(source: Source<'_>) -> Option<Object> {
    Object::default().with("provider", source.text("cloud.provider")).if_any(&["provider"]).map(|cloud| {
        let account = Object::default().with("uid", source.text("cloud.account.id"));
        cloud
            .with("region", source.text("cloud.region"))
            .with("zone", source.text("cloud.availability_zone"))
            .with("account", account)
    })
}

fn has_container(source: Source<'_>) -> bool {
    source.text("container.id").is_some()
}

/// Returns the container of the process.
pub(super) fn container(source: Source<'_>) -> Option<Object> {
    if !has_container(source) {
        return None;
    }
    let container = Object::default()
        .with("uid", source.text("container.id"))
        .with("name", source.text("container.name"))
        .with("runtime", source.text("container.runtime"))
        .with("orchestrator", source.text("orchestrator.type"))
        .with("pod_uuid", source.text_if("orchestrator.resource.id", is_uuid))
        .with("tags", source.pairs("container.labels"));
    Some(container)
}

/// Returns the fields that have no place elsewhere.
pub(super) fn unmapped(source: Source<'_>) -> Object {
    Object::default().with("fields", source.rest())
}

fn is_uuid(text: &str) -> bool {
    let lengths = [8, 4, 4, 4, 12];
    text.split('-').count() == lengths.len()
        && text
            .split('-')
            .zip(lengths)
            .all(|(part, length)| part.len() == length && part.bytes().all(|byte| byte.is_ascii_hexdigit()))
}
