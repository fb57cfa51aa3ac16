//! Events about files and devices.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::FileId;

/// What was done to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileAction {
    /// Opened for writing.
    Write,
    /// Created and opened for writing.
    Create,
    /// Renamed, or exchanged with another file.
    Rename,
    /// Its directory entry was removed.
    Delete,
    /// Its permission bits changed.
    Chmod,
    /// A watched device (MSR, GPU) was opened, for reading or writing.
    DeviceOpen,
    /// It got another path (a hard link).
    Link,
    /// A symbolic link was created.
    Symlink,
    /// Something was mounted over it, in the mount namespace of the host. The mount table does not say by whom, so the
    /// subject of the event is the first process of the host.
    Mount,
}

/// A file changed, or a watched device was opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileChange {
    /// The action.
    pub action: FileAction,
    /// Absolute path in the process's mount namespace; for a rename or a link, the new path.
    pub path: Arc<str>,
    /// For a rename or a hard link, the old path. For a symbolic link, its target as an absolute path, at which there may be
    /// no file. For a mount, the path of what is mounted, if the host has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old_path: Option<Arc<str>>,
    /// Path of the same file on the host, if the process sees the file under another path: through a mounted directory of
    /// the host, in a chroot. Added by the enrich stage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_path: Option<Arc<str>>,
    /// Whether the process is in no container, but has a root directory that is not the host's. The path is one of the
    /// host's then only if [`FileChange::host_path`] is known. Added by the enrich stage.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub elsewhere: bool,
    /// The file itself, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<FileId>,
    /// File type and permission bits after the change, 0 if unknown.
    #[serde(default)]
    pub mode: u32,
    /// For a device, the device numbers and how the device was opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceOpen>,
    /// For a rename that exchanged two files, the other file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange: Option<Exchange>,
}

/// The other file of an exchange (`RENAME_EXCHANGE` of `renameat2`). It took [`FileChange::old_path`]. An exchange gives
/// two events in a row, one for each file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// The other file, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<FileId>,
    /// File type and permission bits of the other file, 0 if unknown.
    #[serde(default)]
    pub mode: u32,
    /// Whether this is the first of the two events.
    #[serde(default)]
    pub first: bool,
}

impl FileChange {
    /// For an exchange, returns the change of the other file. What the enrich stage adds is left out.
    pub fn of_other_file(&self) -> Option<Self> {
        let (exchange, old_path) = (self.exchange?, self.old_path.as_ref()?);
        Some(Self {
            path: Arc::clone(old_path),
            old_path: Some(Arc::clone(&self.path)),
            host_path: None,
            elsewhere: false,
            file: exchange.file,
            mode: exchange.mode,
            exchange: Some(Exchange { file: self.file, mode: self.mode, first: !exchange.first }),
            ..*self
        })
    }

    /// Whether the action put a file, a link to one, or a mount at [`FileChange::path`].
    pub fn puts_file(&self) -> bool {
        match self.action {
            FileAction::Write
            | FileAction::Create
            | FileAction::Rename
            | FileAction::Link
            | FileAction::Symlink
            | FileAction::Mount => true,
            FileAction::Delete | FileAction::Chmod | FileAction::DeviceOpen => false,
        }
    }

    /// The target of a new symbolic link, as an absolute path.
    pub fn link_target(&self) -> Option<&str> {
        self.old_path.as_deref().filter(|_| self.action == FileAction::Symlink)
    }

    /// Whether the file belongs to another system than the host, such as an image that is being built.
    pub fn is_of_other_system(&self) -> bool {
        self.elsewhere && self.host_path.is_none()
    }

    /// The path by which the host itself knows the file, else the path that the process used.
    pub fn place(&self) -> &str {
        self.host_path.as_deref().unwrap_or(&self.path)
    }
}

/// The device of a [`FileAction::DeviceOpen`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceOpen {
    /// Major device number: 202 is an MSR, 195 an `NVIDIA` card, 226 a graphics card of another driver.
    pub major: u32,
    /// Minor device number; for an MSR, the CPU.
    pub minor: u32,
    /// Whether the device was opened for writing.
    pub writable: bool,
    /// 0 for success, otherwise a positive errno. A hook that does not see the result reports 0.
    #[serde(default)]
    pub result: i32,
}
