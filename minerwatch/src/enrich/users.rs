//! Looks up user names in `/etc/passwd` only. A directory service would need the network, and the name service switch
//! (NSS) would load foreign code into this process.

use std::{
    fs, io,
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use rustc_hash::FxHashMap;

use crate::model::BootTime;

/// Minimum time between two checks of the file's modification time.
const RECHECK: Duration = Duration::from_secs(1);
/// Maximum number of users. Further lines are ignored. A file larger than [`MAX_BYTES`] is not read.
const MAX_USERS: usize = 65_536;
const MAX_BYTES: u64 = 16 << 20;

/// The user names of this host, reloaded when the file changes.
#[derive(Debug)]
pub(crate) struct Users {
    path: PathBuf,
    names: FxHashMap<u32, Arc<str>>,
    /// The modification time and the size of the file that was read.
    version: Option<(SystemTime, u64)>,
    checked: Option<BootTime>,
}

impl Users {
    /// Creates a table for the file at `path`. The first look-up reads the file.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, names: FxHashMap::default(), version: None, checked: None }
    }

    /// Returns the name of a user. The file is checked again if the last check is `RECHECK` old at `now`.
    pub(crate) fn name(&mut self, uid: u32, now: BootTime) -> Option<Arc<str>> {
        if self.checked.is_none_or(|checked| now.since(checked) >= RECHECK) {
            self.checked = Some(now);
            // The old names stay while somebody replaces the file.
            if let Err(error) = self.reload() {
                tracing::debug!(path = %self.path.display(), %error, "user names not read");
            }
        }
        self.names.get(&uid).cloned()
    }

    fn reload(&mut self) -> io::Result<()> {
        let metadata = fs::metadata(&self.path)?;
        let version = (metadata.modified()?, metadata.len());
        if self.version == Some(version) || !metadata.is_file() || metadata.len() > MAX_BYTES {
            return Ok(());
        }
        self.names = parse(&fs::read(&self.path)?);
        self.version = Some(version);
        Ok(())
    }
}

/// Parses lines of `name:password:uid:…` (passwd(5)). If a uid has several names, the first one counts, as with
/// getpwuid(3). Other lines are skipped.
pub(super) fn parse(file: &[u8]) -> FxHashMap<u32, Arc<str>> {
    let mut names = FxHashMap::default();
    for line in file.split(|byte| *byte == b'\n') {
        let mut fields = line.split(|byte| *byte == b':');
        let (name, _password, uid) = (fields.next(), fields.next(), fields.next());
        let name = name.and_then(|name| str::from_utf8(name).ok()).filter(|name| !name.is_empty());
        let uid = uid.and_then(|uid| str::from_utf8(uid).ok()).and_then(|uid| uid.parse().ok());
        let (Some(name), Some(uid)) = (name, uid) else { continue };
        if name.starts_with('#') || names.len() >= MAX_USERS {
            continue;
        }
        names.entry(uid).or_insert_with(|| Arc::from(name));
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damaged_lines_are_skipped() {
        let names = parse(
            b"root:x:0:0:root:/root:/bin/bash\ntoor:x:0:0::/:/bin/sh\n# no:x:7:7\n\n:x:1:1\nbad\n\
              minus:x:-1:1\nbig:x:4294967296:1\nraw\xff:x:5:5\nwww-data:x:33:33::/var/www:/bin/sh",
        );
        assert_eq!(names.len(), 2);
        assert_eq!(names.get(&0).map(|name| &**name), Some("root"));
        assert_eq!(names.get(&33).map(|name| &**name), Some("www-data"));
    }

    #[test]
    fn a_change_is_seen_within_a_second() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("passwd");
        fs::write(&path, "one:x:1000:1000::/:/bin/sh\n").expect("write");
        let mut users = Users::new(path.clone());
        let at = |milliseconds: u64| BootTime(milliseconds * 1_000_000);
        assert_eq!(users.name(1000, at(0)).as_deref(), Some("one"));
        fs::write(&path, "another:x:1000:1000::/:/bin/sh\n").expect("write");
        assert_eq!(users.name(1000, at(999)).as_deref(), Some("one"), "not checked again yet");
        assert_eq!(users.name(1000, at(1000)).as_deref(), Some("another"));
        fs::remove_file(&path).expect("remove");
        assert_eq!(users.name(1000, at(2000)).as_deref(), Some("another"), "kept while there is no file");
        assert_eq!(users.name(1, at(2000)), None);
    }
}
