//! Events and alerts in the Open Cybersecurity Schema Framework (OCSF), made from their ECS objects.
//!
//! An alert about an incident is a Detection Finding. Events are Process, Network, DNS and File System Activities. What
//! fits no class is a Base Event. A field that has no place in its class goes to `unmapped.fields`, a list of names and
//! values. So names that depend on the data never become keys, and nothing is lost.

mod application;
mod attack;
mod attack_table;
mod common;
mod endpoint;
mod evidence;
mod file;
mod file_object;
mod finding;
mod network;
mod object;
mod observables;
mod process;
mod process_object;
mod source;
#[cfg(test)]
mod tests;

use serde_json::Value;

use crate::ecs::read::text;
use common::{Activity, Class};
use object::Object;
use source::{Read, Source};

/// The version of OCSF whose classes and names are used.
pub const OCSF_VERSION: &str = "1.8.0";

/// Converts an ECS object of minerwatch. Every input gives a valid OCSF event.
pub fn document(ecs: &Value) -> Value {
    let action = text(ecs, "event.action").unwrap_or_default();
    let class = if text(ecs, "event.kind") == Some("alert") {
        finding::event
    } else {
        match action {
            "connect" | "accept" | "close" | "connection-running" | "flow" | "tls" | "listen" => {
                network::event
            }
            "dns" => network::dns_event,
            "huge-pages" | "device-open" => file::event,
            "agent-start" | "agent-stop" => application::event,
            action if action.starts_with("file-") => file::event,
            // What was done to a process is no activity of the process.
            action if action.starts_with("response-") => no_class,
            _ => process::event,
        }
    };
    // An object that lacks what its class requires is a Base Event. The class may have read some fields already, so the
    // record of what was read starts anew.
    whole(ecs, class).unwrap_or_else(|| whole(ecs, |source| Some(base(source))).unwrap_or_default())
}

/// Makes a Base Event of an object that fits no class.
fn no_class(_: Source<'_>) -> Option<Object> {
    None
}

/// Makes the attributes of one class, or `None` if the object lacks what the class requires.
type Convert = fn(Source<'_>) -> Option<Object>;

fn whole(ecs: &Value, class: Convert) -> Option<Value> {
    let read = Read::default();
    let source = Source::new(ecs, &read);
    let event = class(source)?;
    source.skip_all(&[
        "ecs",
        "event.category",
        "event.kind",
        "event.module",
        "event.type",
        "agent.type",
        "orchestrator.type",
        "orchestrator.resource.type",
    ]);
    Some(event.with("unmapped", common::unmapped(source)).into())
}

const BASE: Class = Class { uid: 0, name: "Base Event", category_uid: 0, category: "Uncategorized" };

fn base(source: Source<'_>) -> Object {
    let activity = Activity::Other(source.text("event.action").unwrap_or_default());
    common::event(source, &BASE, activity).with("actor", process_object::actor(source))
}
