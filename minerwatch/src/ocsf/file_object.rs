//! Files, as attributes of events.

use serde_json::Value;

use super::object::Object;

/// The type of a file that can be run or written.
pub(super) const REGULAR: (u32, &str) = (1, "Regular File");

/// Returns the file of a program or another file that is known by its path, and its SHA-256.
pub(super) fn of_path(path: &str, sha256: Option<&str>) -> Object {
    let hash = sha256.map(|sha256| {
        let hash = Object::default().choice("algorithm_id", "algorithm", (3, "SHA-256"));
        vec![Value::from(hash.with("value", sha256))]
    });
    named(path, REGULAR).with("hashes", hash)
}

/// Returns the file at a path, with the number and the name of its type.
pub(super) fn named(path: &str, kind: (u32, &str)) -> Object {
    let name = path.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or(path);
    Object::default().with("name", name).with("path", path).choice("type_id", "type", kind)
}
