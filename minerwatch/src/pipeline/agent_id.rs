//! The id of an installation (`agent.id`): a random UUID in the state directory, created by the first daemon.
//!
//! Commands without a state directory (`tail` with its own sensor, `scan`, `record`, `replay`) have no id.

use std::{fs, io, path::Path, sync::Arc};

use tracing::warn;

use crate::state_files;

/// Name of the file in the state directory.
const FILE: &str = "agent.id";

/// The kernel gives another random UUID for each read.
const RANDOM_UUID: &str = "/proc/sys/kernel/random/uuid";

/// Returns the id in the state directory. Creates the id if there is none. Without a usable state directory there is no
/// id, because another id after each start would look like another installation.
pub fn load_or_create(state: &Path) -> Option<Arc<str>> {
    let path = state.join(FILE);
    match load(&path).or_else(|| create(state, &path).transpose()).transpose() {
        Ok(id) => id,
        Err(error) => {
            warn!("{}: {error}; events have no agent.id", path.display());
            None
        }
    }
}

/// Reads an id. A damaged file has none and is replaced.
fn load(path: &Path) -> Option<io::Result<Arc<str>>> {
    match fs::read_to_string(path) {
        Ok(text) => uuid(&text).map(Ok),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidData) => None,
        Err(error) => Some(Err(error)),
    }
}

fn create(state: &Path, path: &Path) -> io::Result<Option<Arc<str>>> {
    let Some(id) = uuid(&fs::read_to_string(RANDOM_UUID)?) else { return Ok(None) };
    state_files::create_directory(state)?;
    state_files::replace(path, format!("{id}\n").as_bytes())?;
    Ok(Some(id))
}

/// Returns the text of a UUID without the spaces around it.
fn uuid(text: &str) -> Option<Arc<str>> {
    let text = text.trim();
    let is_uuid = text.len() == 36
        && text.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'),
        });
    is_uuid.then(|| text.into())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn an_id_is_created_once_and_only_root_reads_it() {
        let scratch = tempfile::tempdir().expect("a directory");
        let state = scratch.path().join("state");
        let id = load_or_create(&state).expect("created");
        assert_eq!(load_or_create(&state), Some(Arc::clone(&id)));
        assert!(uuid(&id).is_some() && id.as_bytes()[14] == b'4', "{id} is not a random UUID");
        let mode = fs::metadata(state.join(FILE)).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_ne!(load_or_create(scratch.path()), Some(id), "another state, another id");
    }

    #[test]
    fn a_damaged_file_is_replaced() {
        let scratch = tempfile::tempdir().expect("a directory");
        for content in [&b""[..], b"x", b"\xff", b"5E0B6D2A-6C0E-4D0E-9A55-3F1D6A1C2B3D", &[b'a'; 36]] {
            fs::write(scratch.path().join(FILE), content).expect("it can be written");
            let id = load_or_create(scratch.path()).expect("created");
            assert_eq!(load_or_create(scratch.path()), Some(id));
        }
        let kept = "5e0b6d2a-6c0e-4d0e-9a55-3f1d6a1c2b3d";
        fs::write(scratch.path().join(FILE), kept).expect("it can be written");
        assert_eq!(load_or_create(scratch.path()).as_deref(), Some(kept));
    }

    #[test]
    fn without_a_state_directory_there_is_no_id() {
        let scratch = tempfile::tempdir().expect("a directory");
        let file = scratch.path().join("file");
        fs::write(&file, "x").expect("it can be written");
        assert_eq!(load_or_create(&file), None);
    }
}
