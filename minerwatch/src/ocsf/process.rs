//! Process Activity (1007).

use super::{
    common::{self, Activity, Class},
    object::Object,
    process_object::{actor, of, subject},
    source::Source,
};

const CLASS: Class =
    Class { uid: 1007, name: "Process Activity", category_uid: 1, category: "System Activity" };

/// Converts everything that only concerns a process.
pub(super) fn event(source: Source<'_>) -> Option<Object> {
    let process = subject(source)?;
    let action = source.text("event.action").unwrap_or_default();
    let (activity, launch) = match action {
        "exec" => (Activity::Known(1, "Launch"), Some((3, "Exec"))),
        "fork" => (Activity::Known(1, "Launch"), Some((2, "Fork"))),
        "exit" => (Activity::Known(2, "Terminate"), None),
        "process-access" => (Activity::Known(3, "Open"), None),
        other => (Activity::Other(other), None),
    };
    // The parent launches a process. Everything else a process does itself.
    let parent = source.part("process.parent").filter(|_| launch.is_some()).and_then(|it| of(it, None));
    let actor = match parent {
        Some(parent) => Object::default().with("process", parent),
        None => actor(source)?,
    };
    let event = common::event(source, &CLASS, activity)
        .with("actor", actor)
        .with("process", process)
        .with("exit_code", source.integer("process.exit_code"));
    Some(match launch {
        Some(launch) => event.choice("launch_type_id", "launch_type", launch),
        None => event,
    })
}
