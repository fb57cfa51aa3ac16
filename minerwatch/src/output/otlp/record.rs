//! Log records from documents.

use serde_json::Value;

use super::wire::{
    Any, AnyValue, KeyValue, LogRecord, LogsRequest, Resource, ResourceLogs, Scope, ScopeLogs,
};
use crate::{
    ecs::read::{integer, nanoseconds, text},
    notice::headline,
    output::{Document, severity::Severity},
};

/// Fields of the document that become attributes of their own.
const ATTRIBUTES: [&str; 9] = [
    "event.id",
    "event.kind",
    "event.action",
    "event.dataset",
    "minerwatch.incident.id",
    "minerwatch.verdict",
    "process.executable",
    "process.user.name",
    "container.id",
];

/// Returns a request with all documents. They come from one host.
pub(super) fn request(documents: &[Document]) -> LogsRequest {
    let mut resource = None;
    let log_records = documents
        .iter()
        .map(|document| {
            let ecs: Value = serde_json::from_slice(&document.json).unwrap_or_default();
            resource.get_or_insert_with(|| resource_of(&ecs));
            record(document, &ecs)
        })
        .collect();
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let scope = Some(Scope { name: "minerwatch".to_owned(), version });
    LogsRequest {
        resource_logs: vec![ResourceLogs { resource, scope_logs: vec![ScopeLogs { scope, log_records }] }],
    }
}

fn resource_of(ecs: &Value) -> Resource {
    let own = [
        ("host.name", text(ecs, "host.name")),
        ("host.id", text(ecs, "host.id")),
        ("service.name", Some("minerwatch")),
        ("service.version", Some(text(ecs, "agent.version").unwrap_or(env!("CARGO_PKG_VERSION")))),
        ("service.instance.id", text(ecs, "agent.id")),
    ];
    Resource { attributes: own.into_iter().filter_map(|(key, value)| Some(pair(key, value?))).collect() }
}

fn record(document: &Document, ecs: &Value) -> LogRecord {
    let time = nanoseconds(ecs, "@timestamp").unwrap_or_default();
    let severity = Severity::of(ecs);
    let mut attributes: Vec<KeyValue> =
        ATTRIBUTES.iter().filter_map(|name| Some(pair(name, text(ecs, name)?))).collect();
    if let Some(pid) = integer(ecs, "process.pid") {
        attributes.push(KeyValue {
            key: "process.pid".to_owned(),
            value: Some(AnyValue { value: Some(Any::Integer(pid)) }),
        });
    }
    attributes.push(pair("minerwatch.document", &String::from_utf8_lossy(&document.json)));
    LogRecord {
        time_unix_nano: time,
        observed_time_unix_nano: time,
        // The first number of each range of the specification.
        severity_number: match severity {
            Severity::Info => 9,
            Severity::Warning => 13,
            Severity::Error => 17,
            Severity::Critical => 21,
        },
        severity_text: severity.word().to_owned(),
        body: Some(words(text(ecs, "message").map_or_else(|| headline(ecs), str::to_owned))),
        attributes,
        event_name: format!("minerwatch.{}", text(ecs, "event.action").unwrap_or("event")),
    }
}

fn pair(key: &str, value: &str) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(words(value.to_owned())) }
}

fn words(text: String) -> AnyValue {
    AnyValue { value: Some(Any::Text(text)) }
}
