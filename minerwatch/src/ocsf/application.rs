//! Application Lifecycle (6002): the start and the end of minerwatch.

use super::{
    common::{self, Activity, Class},
    object::Object,
    source::Source,
};

const CLASS: Class =
    Class { uid: 6002, name: "Application Lifecycle", category_uid: 6, category: "Application Activity" };

/// Converts `agent-start` and `agent-stop`.
pub(super) fn event(source: Source<'_>) -> Option<Object> {
    let activity = match source.text("event.action")? {
        "agent-start" => Activity::Known(3, "Start"),
        "agent-stop" => Activity::Known(4, "Stop"),
        other => Activity::Other(other),
    };
    let app = Object::default()
        .with("name", "minerwatch")
        .with("vendor_name", "minerwatch")
        .with("version", source.text("agent.version"));
    Some(common::event(source, &CLASS, activity).with("app", app))
}
