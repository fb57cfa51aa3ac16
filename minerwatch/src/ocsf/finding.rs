//! Detection Finding (2004): what an alert says about its incident.

use serde_json::Value;

use super::{
    attack,
    common::{self, Activity, Class},
    evidence,
    object::Object,
    observables,
    source::{Source, pair},
};

const CLASS: Class = Class { uid: 2004, name: "Detection Finding", category_uid: 2, category: "Findings" };

/// The type of analytic of every signal.
const BEHAVIORAL: (u32, &str) = (2, "Behavioral");

/// Converts an alert about an incident.
pub(super) fn event(source: Source<'_>) -> Option<Object> {
    let id = source.text("minerwatch.incident.id")?;
    let action = source.text("event.action").unwrap_or_default();
    let (activity, status) = match action {
        "incident-opened" | "alert-storm" => (Activity::Known(1, "Create"), Some((1, "New"))),
        "incident-updated" => (Activity::Known(2, "Update"), Some((2, "In Progress"))),
        "incident-closed" => (Activity::Known(3, "Close"), Some((4, "Resolved"))),
        other => (Activity::Other(other), None),
    };
    let verdict = source.text("minerwatch.verdict").unwrap_or("none");
    let event = common::event(source, &CLASS, activity);
    let event = match status {
        Some(status) => event.choice("status_id", "status", status),
        None => event,
    };
    let (confidence, risk) = match verdict {
        "mining" => ((3, "High"), (4, "Critical")),
        "suspected" => ((2, "Medium"), (3, "High")),
        _ => ((1, "Low"), (2, "Medium")),
    };
    let event = event
        .with("status_detail", source.text("minerwatch.reason"))
        .choice("confidence_id", "confidence", confidence)
        .choice("risk_level_id", "risk_level", risk)
        .with("risk_score", source.integer("minerwatch.score"))
        .with("is_alert", true)
        .with("finding_info", info(source, id, verdict))
        .with("malware", (verdict == "mining").then(miner))
        .with("resources", resources(source))
        .with("evidences", evidence::of(source))
        .with("remediation", remediation(id));
    Some(observables::add(event))
}

fn info(source: Source<'_>, id: &str, verdict: &str) -> Object {
    let seen = |name| source.items("minerwatch.signals").filter_map(move |signal| signal.milliseconds(name));
    let first = seen("at").min();
    let last = seen("last").chain(seen("at")).max();
    let program = source.text("process.name").unwrap_or("a process");
    let title = match verdict {
        "mining" => format!("Cryptocurrency mining: {program}"),
        "suspected" => format!("Suspected cryptocurrency mining: {program}"),
        _ => format!("Signs of cryptocurrency mining: {program}"),
    };
    let analytic = Object::default()
        .with("uid", source.text("rule.id"))
        .with("name", source.text("rule.name"))
        .if_any(&["uid", "name"])
        .map(|analytic| analytic.choice("type_id", "type", BEHAVIORAL));
    Object::default()
        .with("uid", id)
        .with("title", title)
        .with("desc", source.text("message"))
        .with("types", vec!["Cryptocurrency Mining"])
        .with("tags", vec![pair("verdict", &[verdict.to_owned()])])
        .with("analytic", analytic)
        .with("attacks", attack::of(source))
        .with("first_seen_time", first)
        .with("last_seen_time", last)
        .with("modified_time", source.milliseconds("@timestamp"))
}

/// The malware of an incident whose verdict is `mining`. 13 is the class of programs that use resources of others.
fn miner() -> Vec<Value> {
    let miner = Object::default()
        .with("classification_ids", vec![13])
        .with("classifications", vec!["Resource-Exploitation"])
        .with("name", "cryptocurrency miner");
    vec![miner.into()]
}

/// What is affected: the host, the container, the pod.
fn resources(source: Source<'_>) -> Vec<Value> {
    let host = Object::default()
        .with("uid", source.text("host.id"))
        .with("name", source.text("host.name"))
        .with("hostname", source.text("host.name"))
        .with("type", "host");
    let container = Object::default()
        .with("uid", source.text("container.id"))
        .with("name", source.text("container.name"))
        .with("type", "container");
    let pod = Object::default()
        .with("uid", source.text("orchestrator.resource.id"))
        .with("name", source.text("orchestrator.resource.name"))
        .with("namespace", source.text("orchestrator.namespace"))
        .with("labels", source.texts("orchestrator.resource.label"))
        .with("type", "pod");
    let all = [host, container, pod].into_iter().filter_map(|resource| resource.if_any(&["uid", "name"]));
    all.map(|resource| resource.choice("role_id", "role", (3, "Affected")).into()).collect()
}

fn remediation(id: &str) -> Object {
    let advice = format!(
        "On the host, `minerwatch explain {id}` shows the whole incident. Stop the suspects, remove what starts them again, and close the way in."
    );
    Object::default().with("desc", advice)
}
