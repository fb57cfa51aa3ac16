//! What was changed, on disk, written before each change. It is enough to undo everything.
//!
//! Each incident has a file of its own below `response/` in the state directory. A lock keeps two responders apart, for
//! example that of the agent and a command of a person.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use rustix::fs::{FallocateFlags, FlockOperation, flock};
use serde::{Deserialize, Serialize};

use super::{
    cgroup::Version,
    quarantined::Quarantined,
    refusal::{Guard, Refusal},
};
use crate::{
    model::{IncidentId, ProcessKey, Stage},
    state_files,
};

/// Directory of the ledger in the state directory.
const DIRECTORY: &str = "response";
/// Maximum size of one file, in bytes. A larger one was not written by minerwatch.
const MAX_SIZE: u64 = 16 << 20;

/// Name and size in bytes of a file that keeps space on the disk. Without it, an intruder who fills the disk could not be
/// frozen, because nothing is changed before it is written down.
const RESERVE: (&str, u64) = ("reserve", 256 << 10);

/// One change of the system, with what is needed to undo it. A change may or may not have happened: undoing it works
/// either way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "kebab-case")]
pub enum Change {
    /// A control file of a cgroup was written.
    Control {
        /// The file.
        file: PathBuf,
        /// Its content before.
        before: String,
    },
    /// Processes were stopped by SIGSTOP.
    Stopped {
        /// The processes that ran before.
        processes: Vec<ProcessKey>,
    },
    /// A file was moved into the quarantine.
    Quarantined(Box<Quarantined>),
    /// Programs were attached to a cgroup.
    Attached {
        /// The cgroup.
        cgroup: PathBuf,
        /// The process that holds the links. They end with it.
        holder: ProcessKey,
        /// Directory with links that outlive their holder.
        #[serde(default)]
        pins: Option<PathBuf>,
    },
}

/// A stage that was applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measure {
    /// The stage.
    pub stage: Stage,
    /// Who ordered it.
    pub by: String,
    /// When it was applied, in seconds since 1970.
    pub at: i64,
    /// When it is undone, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
    /// The changes, in the order in which they were made.
    pub changes: Vec<Change>,
}

/// A cgroup that was created for suspects, and whose processes go back when no measure needs it any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Home {
    /// Version of the hierarchy.
    pub version: Version,
    /// The cgroup.
    pub cgroup: PathBuf,
    /// The cgroup from which the processes came.
    pub origin: PathBuf,
}

/// What was done for one incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// The format: 1.
    pub version: u32,
    /// The incident.
    pub incident: String,
    /// The boot on which the changes of the kernel's state are valid.
    pub boot_id: String,
    /// When a stage was last applied, in seconds since 1970.
    #[serde(default)]
    pub changed: i64,
    /// The cgroups that were created.
    #[serde(default)]
    pub homes: Vec<Home>,
    /// The stages, in the order in which they were applied.
    #[serde(default)]
    pub measures: Vec<Measure>,
    /// Processes that a person released. The policy leaves them alone.
    #[serde(default)]
    pub released: Vec<ProcessKey>,
    /// The suspects' processes.
    #[serde(default)]
    pub roots: Vec<ProcessKey>,
    /// The SHA-256 of executables that suspects ran when they were stopped, by path.
    #[serde(default)]
    pub programs: BTreeMap<String, String>,
}

impl Case {
    /// Creates the empty case of an incident.
    pub fn new(incident: &str, boot_id: &str) -> Self {
        Self {
            version: 1,
            incident: incident.to_owned(),
            boot_id: boot_id.to_owned(),
            changed: 0,
            homes: Vec::new(),
            measures: Vec::new(),
            released: Vec::new(),
            roots: Vec::new(),
            programs: BTreeMap::new(),
        }
    }

    /// Whether nothing needs to be undone.
    pub fn is_settled(&self) -> bool {
        self.homes.is_empty() && self.measures.is_empty()
    }
}

/// Why the ledger cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The text is not the id of an incident.
    #[error(transparent)]
    NotAnIncident(#[from] crate::model::NotAnIncident),
    /// A file cannot be read or written.
    #[error("the ledger {}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        error: io::Error,
    },
}

/// The directory of the ledger.
#[derive(Clone, Debug)]
pub struct Ledger {
    directory: PathBuf,
}

/// The lock of the ledger, until dropped.
#[derive(Debug)]
pub struct Locked(#[expect(dead_code, reason = "the lock is held as long as the file is open")] File);

impl LedgerError {
    /// Returns the refusal to change what cannot be written down, if the disk is the reason.
    pub fn refusal(&self) -> Option<Refusal> {
        let Self::Io { path, error } = self else { return None };
        let (guard, what) = match error.kind() {
            _ if is_full(error) => (Guard::DiskFull, "make room"),
            io::ErrorKind::ReadOnlyFilesystem => {
                (Guard::ReadOnly, "make the file system of the state directory writable")
            }
            _ => return None,
        };
        let message = format!(
            "each change is written to {} first, so that it can be undone, and that failed: {error}; {what}",
            path.display()
        );
        Some(Refusal::new(guard, message))
    }
}

impl Ledger {
    /// The ledger in a state directory, which need not exist.
    pub fn below(state: &Path) -> Self {
        Self { directory: state.join(DIRECTORY) }
    }

    /// Waits until no other responder changes anything.
    pub fn lock(&self) -> Result<Locked, LedgerError> {
        let path = self.directory.join("lock");
        let open = || {
            state_files::create_directory(&self.directory)?;
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .open(&path)?;
            flock(&file, FlockOperation::LockExclusive)?;
            Ok(file)
        };
        open().map(Locked).map_err(|error| LedgerError::Io { path: path.clone(), error })
    }

    fn file(&self, incident: &str) -> Result<PathBuf, LedgerError> {
        // The id becomes the name of a file, so it must be one.
        let id: IncidentId = incident.parse()?;
        Ok(self.directory.join(format!("{id}.json")))
    }

    /// Reads the case of an incident.
    pub fn load(&self, incident: &str) -> Result<Option<Case>, LedgerError> {
        let path = self.file(incident)?;
        match read(&path) {
            Ok(case) => Ok(Some(case)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(LedgerError::Io { path, error }),
        }
    }

    /// Writes a case, so that it is on disk when this returns. A case that is there as it is costs no write.
    pub fn store(&self, case: &Case) -> Result<(), LedgerError> {
        let path = self.file(&case.incident)?;
        // The writer synced it before it got its name.
        if read(&path).is_ok_and(|known| known == *case) {
            return Ok(());
        }
        let mut outcome = write(&path, case);
        if outcome.as_ref().is_err_and(is_full) && fs::remove_file(self.directory.join(RESERVE.0)).is_ok() {
            outcome = write(&path, case);
        }
        outcome.map_err(|error| LedgerError::Io { path, error })
    }

    /// Keeps space on the disk for later, unless that was done. Does nothing on a disk that is full.
    pub fn reserve(&self) {
        let (name, size) = RESERVE;
        let path = self.directory.join(name);
        if path.exists() {
            return;
        }
        let create = || {
            state_files::create_directory(&self.directory)?;
            let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
            Ok(rustix::fs::fallocate(&file, FallocateFlags::empty(), 0, size)?)
        };
        let created: io::Result<()> = create();
        if let Err(error) = created {
            // A file without space keeps none.
            let _ = fs::remove_file(&path);
            tracing::debug!("no space is kept for the ledger: {error}");
        }
    }

    /// Removes a case.
    pub fn remove(&self, incident: &str) -> Result<(), LedgerError> {
        let path = self.file(incident)?;
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(LedgerError::Io { path, error }),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Reads all cases. A file that cannot be read is reported and left where it is.
    pub fn all(&self) -> Vec<Case> {
        let entries = fs::read_dir(&self.directory).into_iter().flatten().flatten();
        let files = entries
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|end| end == "json"));
        files
            .filter_map(|path| match read(&path) {
                Ok(case) => Some(case),
                Err(error) => {
                    tracing::warn!(
                        "the ledger {} cannot be read, and is left as it is: {error}",
                        path.display()
                    );
                    None
                }
            })
            .collect()
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

fn read(path: &Path) -> io::Result<Case> {
    if fs::metadata(path)?.len() > MAX_SIZE {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(serde_json::from_slice(&fs::read(path)?)?)
}

/// Replaces the file atomically. File and directory are synced, so that a crash leaves the earlier or the new content.
fn write(path: &Path, case: &Case) -> io::Result<()> {
    let new = path.with_extension("new");
    let directory = path.parent().unwrap_or(Path::new("/"));
    state_files::create_directory(directory)?;
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
    file.write_all(&serde_json::to_vec(case)?)?;
    file.sync_data()?;
    let is_new = !path.exists();
    fs::rename(&new, path)?;
    // If a crash of the machine brings back the earlier content, that is older by one change of the kernel's state, which
    // the crash has ended, too. A file that was moved away needs more.
    let moves_files = |change: &Change| matches!(change, Change::Quarantined(_));
    if is_new || case.measures.iter().flat_map(|measure| &measure.changes).any(moves_files) {
        File::open(directory)?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_is_read_as_it_was_written() {
        let scratch = tempfile::tempdir().expect("a directory");
        let ledger = Ledger::below(scratch.path());
        let id = "4340-7760d-4727c34e36e";
        let _lock = ledger.lock().expect("it is free");
        assert!(ledger.load(id).expect("an id").is_none());
        let mut case = Case::new(id, "boot");
        assert!(case.is_settled());
        case.measures.push(Measure {
            stage: Stage::Freeze,
            by: "policy".to_owned(),
            at: 7,
            until: Some(9),
            changes: vec![Change::Control { file: "/sys/x".into(), before: "0".to_owned() }],
        });
        ledger.store(&case).expect("it can be written");
        assert_eq!(ledger.load(id).expect("an id"), Some(case.clone()));
        assert_eq!(ledger.all(), [case]);
        fs::write(scratch.path().join("response/1-1-1.json"), "{").expect("a file");
        assert_eq!(ledger.all().len(), 1);
        assert!(ledger.load("1-1-1").is_err());
        ledger.remove(id).expect("it is there");
        ledger.remove(id).expect("removing it twice is fine");
        assert!(ledger.load(id).expect("an id").is_none());
    }

    #[test]
    fn a_case_is_written_only_if_it_has_changed() {
        use std::os::unix::fs::MetadataExt as _;

        let scratch = tempfile::tempdir().expect("a directory");
        let ledger = Ledger::below(scratch.path());
        let mut case = Case::new("1-1-1", "boot");
        // Each write makes a new file.
        let mut inode_after = |changed| {
            case.changed = changed;
            ledger.store(&case).expect("it can be written");
            let file = ledger.file("1-1-1").expect("an id");
            fs::metadata(file).expect("it is there").ino()
        };
        let first = inode_after(1);
        assert_eq!(inode_after(1), first);
        assert_ne!(inode_after(2), first);
        // A damaged file is replaced.
        let file = ledger.file("1-1-1").expect("an id");
        fs::write(&file, "{").expect("ours");
        ledger.store(&case).expect("it can be written");
        assert_eq!(ledger.load("1-1-1").expect("it is whole"), Some(case));
    }

    #[test]
    fn space_is_kept_once_and_a_full_disk_refuses() {
        let scratch = tempfile::tempdir().expect("a directory");
        let ledger = Ledger::below(scratch.path());
        ledger.reserve();
        ledger.reserve();
        let size = fs::metadata(scratch.path().join("response/reserve")).expect("it is there").len();
        assert_eq!(size, RESERVE.1);
        assert_eq!(ledger.all(), [], "it is no case");

        let guard = |error: io::Error| {
            let error = LedgerError::Io { path: "/x".into(), error };
            error.refusal().map(|refusal| (refusal.guard, refusal.message.contains("/x")))
        };
        assert_eq!(guard(io::ErrorKind::StorageFull.into()), Some((Guard::DiskFull, true)));
        assert_eq!(guard(io::ErrorKind::QuotaExceeded.into()), Some((Guard::DiskFull, true)));
        assert_eq!(guard(io::ErrorKind::ReadOnlyFilesystem.into()), Some((Guard::ReadOnly, true)));
        assert_eq!(guard(io::ErrorKind::PermissionDenied.into()), None);
    }

    #[test]
    fn a_name_that_is_no_incident_touches_no_file() {
        let scratch = tempfile::tempdir().expect("a directory");
        let ledger = Ledger::below(scratch.path());
        for text in ["", "../../etc/passwd", "a-b", "1-2-3-4", "x-1-1", "1-1-1/../2"] {
            assert!(matches!(ledger.load(text), Err(LedgerError::NotAnIncident(_))), "{text}");
            assert!(ledger.store(&Case::new(text, "boot")).is_err(), "{text}");
        }
    }
}
