//! File System Activity (1001).

use super::{
    common::{self, Activity, Class},
    file_object::{REGULAR, named},
    object::Object,
    process_object,
    source::Source,
};

const CLASS: Class =
    Class { uid: 1001, name: "File System Activity", category_uid: 1, category: "System Activity" };

const CHARACTER_DEVICE: (u32, &str) = (3, "Character Device");
const SYMBOLIC_LINK: (u32, &str) = (7, "Symbolic Link");
const UNKNOWN: (u32, &str) = (0, "Unknown");

/// Converts changes of files, and the opening of devices.
pub(super) fn event(source: Source<'_>) -> Option<Object> {
    let actor = process_object::actor(source)?;
    let action = source.text("event.action").unwrap_or_default();
    let (activity, kind) = match action {
        "file-create" => (Activity::Known(1, "Create"), REGULAR),
        "file-write" => (Activity::Known(3, "Update"), REGULAR),
        "huge-pages" => (Activity::Known(3, "Update"), UNKNOWN),
        "file-delete" => (Activity::Known(4, "Delete"), UNKNOWN),
        "file-rename" => (Activity::Known(5, "Rename"), UNKNOWN),
        "file-chmod" => (Activity::Known(6, "Set Attributes"), UNKNOWN),
        "device-open" => (Activity::Known(14, "Open"), CHARACTER_DEVICE),
        "file-link" => (Activity::Known(1, "Create"), UNKNOWN),
        "file-symlink" => (Activity::Known(1, "Create"), SYMBOLIC_LINK),
        other => (Activity::Other(other), UNKNOWN),
    };
    let file = named(source.text("file.path")?, kind)
        .with("uid", source.text("file.inode"))
        .with("volume", source.text("file.device"));
    let event = common::event(source, &CLASS, activity).with("actor", actor);
    let event = match source.text("minerwatch.file.old_path") {
        Some(old) => event.with("file", named(old, kind)).with("file_result", file),
        None => event.with("file", file),
    };
    Some(common::with_outcome(event, source))
}
