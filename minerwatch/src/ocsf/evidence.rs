//! The evidence of an alert: one object for each suspect, peer, signal, step of the chain and so on.
//!
//! `name` says what the object is. What OCSF has no attribute for is in `data`, whose names are fixed.

use serde_json::Value;

use super::{
    endpoint::endpoint,
    file_object,
    object::Object,
    process_object::{self, identity},
    source::Source,
};

/// Returns all evidence of an alert. The subject of the alert comes first.
pub(super) fn of(source: Source<'_>) -> Vec<Value> {
    let list = |name: &'static str, one: fn(Source<'_>) -> Object| source.items(name).map(one);
    let mut all: Vec<Object> = vec![subject(source)];
    for item in source.items("minerwatch.suspects") {
        all.push(suspect(item));
        all.extend(item.items("peers").map(|peer| self::peer(item, peer)));
    }
    all.extend(list("minerwatch.signals", signal));
    all.extend(list("minerwatch.chain", step));
    all.extend(list("minerwatch.dropped", dropped));
    all.extend(list("minerwatch.members", member));
    let is_valid = |one: Object| one.if_any(&["process", "file", "dst_endpoint", "data"]).map(Value::from);
    all.into_iter().filter_map(is_valid).collect()
}

fn named(name: &str) -> Object {
    Object::default().with("name", name)
}

fn subject(source: Source<'_>) -> Object {
    named("subject")
        .with("process", process_object::subject(source))
        .with("dst_endpoint", source.part("destination").and_then(endpoint))
}

fn suspect(source: Source<'_>) -> Object {
    let data =
        ["verdict", "score", "alive", "processes", "pids", "returns", "unit", "signal_ids", "accounts"];
    named("suspect")
        .with("process", source.part("process").and_then(of_suspect))
        .with("container", Object::default().with("uid", source.text("container")))
        .with("data", copied(source, &data))
}

fn of_suspect(source: Source<'_>) -> Option<Object> {
    let executable = source.text("executable").map(|path| file_object::of_path(path, source.text("sha256")));
    Some(
        identity(source)?
            .with("file", executable)
            .with("user", Object::default().with("name", source.text("user")))
            .with("parent_process", source.part("parent").and_then(identity)),
    )
}

fn peer(suspect: Source<'_>, peer: Source<'_>) -> Object {
    named("peer")
        .with("process", suspect.part("process").and_then(identity))
        .with("dst_endpoint", endpoint(peer))
}

fn signal(source: Source<'_>) -> Object {
    let data = [
        "name",
        "class",
        "detail",
        "weight",
        "points",
        "counted",
        "conclusive",
        "at",
        "last",
        "age_s",
        "half_life_s",
        "measured",
    ];
    // The names of the evidence depend on the signal. `measured` has the same values.
    source.skip_all(&["evidence"]);
    named("signal")
        .with("uid", source.text("id"))
        .with("process", source.part("process").and_then(identity))
        .with("data", copied(source, &data))
}

fn step(source: Source<'_>) -> Object {
    let actor = source
        .part("process")
        .and_then(|it| Some(identity(it)?.with("parent_process", it.part("parent").and_then(identity))));
    named("step").with("process", actor).with("data", copied(source, &["kind", "at", "object"]))
}

fn dropped(source: Source<'_>) -> Object {
    named("dropped file")
        .with("file", source.text("path").map(|path| file_object::of_path(path, source.text("sha256"))))
        .with("process", source.part("writer").and_then(identity))
}

fn member(source: Source<'_>) -> Object {
    named("member").with("process", identity(source)).with("data", copied(source, &["role"]))
}

/// Copies fields whose members have fixed names.
fn copied(source: Source<'_>, names: &[&str]) -> Object {
    names.iter().fold(Object::default(), |data, name| data.with(name, source.whole(name)))
}
