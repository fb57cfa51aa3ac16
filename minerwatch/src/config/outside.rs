//! Checks what the configuration names outside itself: files, directories.

use std::{fs, io, path::Path};

use rustix::{
    fs::{Access, access},
    io::Errno,
};

use super::{ConfigError, Effective, SyncSource};
use crate::model::Approver;

impl Effective {
    /// Checks the files and directories without which the daemon cannot start: those of the outputs, the state directory
    /// and the key of accounts.
    ///
    /// # Errors
    ///
    /// A file or directory is missing, or this process may not use it. The error names the key. It is the first of
    /// [`Self::unusable_paths`].
    pub fn check_paths(&self) -> Result<(), ConfigError> {
        self.unusable_paths().into_iter().next().map_or(Ok(()), Err)
    }

    /// Returns an error for each file and directory that the daemon needs at its start and cannot use.
    pub fn unusable_paths(&self) -> Vec<ConfigError> {
        let mut errors = Vec::new();
        let mut add = |header: &str, number, key: &str, outcome: Result<(), String>| {
            errors.extend(outcome.err().map(|message| self.error_at(header, number, key, message)));
        };
        for output in self.config.sink.placed() {
            let needs = output.settings.needs();
            for (key, path) in &needs.writes {
                add(output.header, output.number, key, can_be_written(path));
            }
            for (key, path) in &needs.reads {
                add(output.header, output.number, key, can_be_read(path));
            }
        }
        if let Some(path) = &self.config.detection.account_key_file {
            add("[detection]", 0, "account_key_file", can_be_read(path));
        }
        if self.config.response.approve == Approver::Webhook {
            for (key, path) in &self.config.response.approval.needs().reads {
                add("[response.approval]", 0, key, can_be_read(path));
            }
        }
        add("[state]", 0, "directory", can_be_directory(&self.config.state.directory));
        errors
    }

    /// Returns an error for each file that the daemon would miss only later, when it fetches lists.
    pub fn missing_paths(&self) -> Vec<ConfigError> {
        let mut errors = Vec::new();
        for (number, sync) in self.config.intel.sync.iter().enumerate() {
            let files = [("ca_file", &sync.ca_file), ("headers_file", &sync.headers_file)];
            let read = files.into_iter().filter_map(|(key, path)| Some((key, can_be_read(path.as_ref()?))));
            let from = match &sync.from {
                SyncSource::Path(path) => Some(("from", exists(path))),
                SyncSource::Url(_) => None,
            };
            for (key, outcome) in read.chain(from) {
                errors.extend(
                    outcome.err().map(|message| self.error_at("[[intel.sync]]", number, key, message)),
                );
            }
        }
        errors
    }
}

/// Checks whether a file can be written, or created.
fn can_be_written(path: &Path) -> Result<(), String> {
    let directory = path.parent().unwrap_or(Path::new("/"));
    match fs::metadata(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(format!("the directory {} does not exist; create it", directory.display()));
        }
        Err(error) => return Err(format!("{}: {error}", directory.display())),
        Ok(metadata) if !metadata.is_dir() => {
            return Err(format!("{} is not a directory", directory.display()));
        }
        Ok(_) => {}
    }
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => Err(format!("{} is a directory; name a file", path.display())),
        Ok(_) => writable(path, Access::WRITE_OK),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            writable(directory, Access::WRITE_OK | Access::EXEC_OK)
        }
        Err(error) => Err(format!("{}: {error}", path.display())),
    }
}

fn writable(path: &Path, how: Access) -> Result<(), String> {
    let shown = path.display();
    access(path, how).map_err(|error| match error {
        Errno::ROFS => format!(
            "{shown} cannot be written here: it is on a read-only file system, or the service may not write to it \
             (`minerwatch config unit` prints the drop-in)"
        ),
        Errno::ACCESS | Errno::PERM => {
            format!("this user may not write to {shown}; change its owner or its mode")
        }
        error => format!("{shown} cannot be written: {}", io::Error::from(error)),
    })
}

/// Checks whether a file can be read.
fn can_be_read(path: &Path) -> Result<(), String> {
    let shown = path.display();
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(format!("{shown} does not exist")),
        Err(error) => Err(format!("{shown}: {error}")),
        Ok(metadata) if metadata.is_dir() => Err(format!("{shown} is a directory; name a file")),
        Ok(_) => access(path, Access::READ_OK)
            .map_err(|error| format!("{shown} cannot be read: {}", io::Error::from(error))),
    }
}

fn exists(path: &Path) -> Result<(), String> {
    fs::metadata(path).map(drop).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => format!("{} does not exist", path.display()),
        _ => format!("{}: {error}", path.display()),
    })
}

/// Checks whether a path is a directory. The daemon creates a missing state directory.
fn can_be_directory(path: &Path) -> Result<(), String> {
    match fs::metadata(path) {
        Ok(metadata) if !metadata.is_dir() => Err(format!("{} is not a directory", path.display())),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            Err(format!("a part of {} is not a directory", path.display()))
        }
        Ok(_) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Environment;

    fn errors(text: &str) -> Vec<String> {
        let own = Effective::parse(text, Some(Path::new("m.toml")), &Environment::default())
            .unwrap_or_else(|error| panic!("{text}: {error}"));
        let errors = own.unusable_paths().into_iter().chain(own.missing_paths());
        errors.map(|error| error.to_string()).collect()
    }

    #[test]
    fn what_is_missing_is_named_with_line_and_key() {
        let scratch = tempfile::tempdir().expect("a directory");
        let path = |name: &str| scratch.path().join(name).display().to_string();
        fs::write(path("file"), "x").expect("write");
        let dir = scratch.path().display();
        for (text, message) in [
            (
                format!("[[sink.file]]\npath = '{dir}/ok'\n\n[[sink.file]]\nkeep = 1\npath = '{dir}/no/x'"),
                format!("m.toml:6: sink.file.path: the directory {dir}/no does not exist; create it"),
            ),
            (
                format!("[[sink.file]]\npath = '{dir}/file/x'"),
                format!("m.toml:2: sink.file.path: {dir}/file is not a directory"),
            ),
            (
                format!("[[sink.file]]\npath = '{dir}'"),
                format!("m.toml:2: sink.file.path: {dir} is a directory; name a file"),
            ),
            (
                format!("[detection]\naccount_key_file = '{dir}/key'"),
                format!("m.toml:2: detection.account_key_file: {dir}/key does not exist"),
            ),
            (
                format!("[state]\ndirectory = '{dir}/file'"),
                format!("m.toml:2: state.directory: {dir}/file is not a directory"),
            ),
            (
                format!("[state]\ndirectory = '{dir}/file/x'"),
                format!("m.toml:2: state.directory: a part of {dir}/file/x is not a directory"),
            ),
            (
                format!(
                    "[[intel.sync]]\nname = 'a'\nfrom = 'https://a.example/b'\nlist = 'pools'\nca_file = '{dir}/ca'"
                ),
                format!("m.toml:5: intel.sync.ca_file: {dir}/ca does not exist"),
            ),
            (
                format!("[[intel.sync]]\nname = 'a'\nfrom = '{dir}/lists'\nlist = 'pools'"),
                format!("m.toml:3: intel.sync.from: {dir}/lists does not exist"),
            ),
        ] {
            let errors = errors(&text);
            assert_eq!(errors.len(), 1, "{text}: {errors:?}");
            assert!(errors.iter().all(|error| error.starts_with(&message)), "{errors:?}");
        }
    }

    #[test]
    fn what_is_there_is_fine() {
        let scratch = tempfile::tempdir().expect("a directory");
        let dir = scratch.path().display();
        fs::write(scratch.path().join("key"), "x").expect("write");
        fs::write(scratch.path().join("old"), "x").expect("write");
        let text = format!(
            "[[sink.file]]\npath = '{dir}/new'\n[[sink.file]]\npath = '{dir}/old'\n[[sink.file]]\npath = '/dev/null'\n\
             [detection]\naccount_key_file = '{dir}/key'\n[state]\ndirectory = '{dir}/not/yet'"
        );
        assert_eq!(errors(&text), [""; 0]);
        assert_eq!(errors(""), [""; 0]);
    }
}
