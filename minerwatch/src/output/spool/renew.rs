//! Replaces the file of a spool by a new one with the same content.
//!
//! The new file gets its name when it is complete. So a kill at any moment leaves one file that is whole.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use redb::{ReadableDatabase as _, ReadableTable as _};

use super::{
    Class,
    store::{Content, KNOWN, Store, StoreError, definition, guarded},
};

/// Number of bytes that one transaction copies.
const COPIED_AT_ONCE: usize = 1 << 20;

impl Store {
    /// Creates the file.
    pub fn create(path: &Path) -> Result<Self, StoreError> {
        let new = Self::begin(path)?;
        new.take_place(path)
    }

    /// Replaces the file by a new one with the newest entries that take at most `most` bytes of pages, alerts before
    /// events. What does not fit is dropped.
    pub fn renew(&mut self, most: u64) -> Result<(), StoreError> {
        guarded(|| self.renew_unguarded(most))
    }

    fn renew_unguarded(&mut self, most: u64) -> Result<(), StoreError> {
        let mut new = Self::begin(&self.path)?;
        new.known = std::mem::take(&mut self.known);
        new.write_known()?;
        new.dropped = self.dropped;
        let mut left = most;
        for class in [Class::Alert, Class::Event] {
            new.copy(self, class, &mut left)?;
        }
        *self = new.take_place(&self.path)?;
        Ok(())
    }

    /// Opens an empty file beside the one at `path`.
    fn begin(path: &Path) -> Result<Self, StoreError> {
        let beside = beside(path);
        match fs::remove_file(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            Ok(()) | Err(_) => {}
        }
        Self::open_file(&beside)
    }

    fn take_place(mut self, path: &Path) -> Result<Self, StoreError> {
        fs::rename(&self.path, path)?;
        if let Some(directory) = path.parent() {
            File::open(directory)?.sync_all()?;
        }
        path.clone_into(&mut self.path);
        Ok(self)
    }

    fn write_known(&self) -> Result<(), StoreError> {
        let bytes: Vec<u8> = self.known.iter().flat_map(|id| id.to_le_bytes()).collect();
        let write = self.database.begin_write().map_err(redb::Error::from)?;
        write.open_table(KNOWN).map_err(redb::Error::from)?.insert(0, bytes.as_slice())?;
        write.commit().map_err(redb::Error::from)?;
        Ok(())
    }

    /// Copies the newest entries of a class that fit.
    fn copy(&mut self, old: &mut Self, class: Class, left: &mut u64) -> Result<(), StoreError> {
        let lines = old.content(class).lines;
        let read = old.database.begin_read().map_err(redb::Error::from)?;
        let table = read.open_table(definition(class)).map_err(redb::Error::from)?;
        let mut first = None;
        for entry in table.iter()?.rev() {
            let (key, value) = entry?;
            let Some(rest) = left.checked_sub(super::size::pages(value.value().len())) else { break };
            *left = rest;
            first = Some(key.value());
        }
        // Keys go on where they were, because a batch that is being sent has its old key.
        let mut content = Content { next: old.content(class).next, ..Default::default() };
        if let Some(first) = first {
            let mut entries = table.range(first..)?.peekable();
            while entries.peek().is_some() {
                let write = self.database.begin_write().map_err(redb::Error::from)?;
                {
                    let mut copy = write.open_table(definition(class)).map_err(redb::Error::from)?;
                    let mut bytes = 0;
                    while bytes < COPIED_AT_ONCE
                        && let Some(entry) = entries.next()
                    {
                        let (key, value) = entry?;
                        bytes += value.value().len();
                        copy.insert(key.value(), value.value())?;
                        content.add(value.value());
                    }
                }
                write.commit().map_err(redb::Error::from)?;
            }
        }
        self.count_dropped(class, lines.saturating_sub(content.lines));
        *self.content(class) = content;
        Ok(())
    }
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    PathBuf::from(name)
}
