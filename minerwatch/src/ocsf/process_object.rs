//! Processes, as attributes of events.

use super::{common, file_object, object::Object, source::Source};

/// Returns the process of an event as its actor.
pub(super) fn actor(source: Source<'_>) -> Option<Object> {
    Some(Object::default().with("process", subject(source)?))
}

/// Returns the process of an event, with its container.
pub(super) fn subject(source: Source<'_>) -> Option<Object> {
    of(source.part("process")?, common::container(source))
}

/// Converts `process.*` or `process.parent.*`, and their parents.
pub(super) fn of(source: Source<'_>, container: Option<Object>) -> Option<Object> {
    let parent = source.part("parent").and_then(|parent| of(parent, None));
    let executable =
        source.text("executable").map(|path| file_object::of_path(path, source.text("hash.sha256")));
    let process = identity(source)?
        .with("created_time", source.milliseconds("start"))
        .with("cmd_line", source.text("command_line"))
        .with("working_directory", source.text("working_directory"))
        .with("ptid", source.integer("thread.id"))
        .with("user", user(source))
        .with("file", executable)
        .with("container", container)
        .with("parent_process", parent);
    if source.text("command_line").is_some() {
        source.skip_all(&["args"]);
    }
    Some(process)
}

/// Converts the pid, the unique id and the name. A process without any id is unknown.
pub(super) fn identity(source: Source<'_>) -> Option<Object> {
    Object::default()
        .with("pid", source.integer("pid"))
        .with("uid", source.text("entity_id"))
        .with("name", source.text("name"))
        .if_any(&["pid", "uid"])
}

fn user(source: Source<'_>) -> Object {
    Object::default().with("uid", source.text("user.id")).with("name", source.text("user.name"))
}
