//! The stage `quarantine`: the suspect's executable is moved aside with its metadata, and put back on release.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use rustix::fs::{
    AtFlags, Gid, IFlags, Mode, OFlags, StatVfsMountFlags, Timespec, Timestamps, Uid, XattrFlags,
};

use super::{
    files::{copy_hashed, free_space, place},
    home::{Applied, Work},
    ledger::Change,
    package,
    quarantined::Quarantined,
    refusal::{Guard, Refusal},
    settings::ResponseSettings,
    tree::{self, Running},
};
use crate::{
    enrich::proc::Proc,
    model::{Alert, Suspect},
    state_files,
};

/// Directory of the quarantine in the state directory.
const DIRECTORY: &str = "quarantine";
/// Maximum size of one extended attribute, in bytes (`XATTR_SIZE_MAX`, include/uapi/linux/limits.h).
const MAX_ATTRIBUTE: usize = 64 << 10;

/// Moves the executables of suspects into the quarantine.
pub fn apply(
    work: &mut Work<'_>,
    alert: &Alert,
    suspects: &[&Suspect],
    settings: &ResponseSettings,
) -> anyhow::Result<Applied> {
    let mut applied = Applied::default();
    let (mut moved, mut refused) = (Vec::new(), Vec::new());
    for suspect in suspects {
        let found = match find(alert, suspect, &work.case.programs, work.proc, settings) {
            Ok(found) => found,
            // The executables of the others are moved all the same.
            Err(error) => {
                refused.push(error.downcast::<Refusal>()?);
                continue;
            }
        };
        let stored = found.stored.clone();
        move_aside(work, &found)?;
        applied.path = Some(stored);
        moved.push(&*suspect.process.executable.path);
    }
    applied.how = format!("moved {}", moved.join(", "));
    match joined(&refused) {
        Some(refusal) if applied.path.is_none() => Err(refusal.into()),
        Some(refusal) => {
            applied.how = format!("{}; but {refusal}", applied.how);
            Ok(applied)
        }
        None => Ok(applied),
    }
}

/// Returns the first refusal with the messages of all, each once.
fn joined(refused: &[Refusal]) -> Option<Refusal> {
    let first = refused.first()?;
    let mut messages: Vec<&str> = Vec::new();
    for refusal in refused {
        if !messages.contains(&&*refusal.message) {
            messages.push(&refusal.message);
        }
    }
    Some(Refusal::new(first.guard, messages.join("; ")))
}

/// Checks whether the executable of a suspect may be moved, without changing anything. `programs` are the hashes of
/// executables that suspects ran when they were stopped, by path.
pub fn find(
    alert: &Alert,
    suspect: &Suspect,
    programs: &BTreeMap<String, String>,
    proc: &Proc,
    settings: &ResponseSettings,
) -> anyhow::Result<Quarantined> {
    let executable = &suspect.process.executable;
    let shown = &*executable.path;
    if executable.flags.has_no_file() || !shown.starts_with('/') {
        let message = format!(
            "the suspect runs from memory or from a deleted file ({shown}); `minerwatch evidence` keeps its content"
        );
        return Err(Refusal::new(Guard::NoFile, message).into());
    }
    let key = suspect.process.key;
    let lives = Running::read(key.pid, proc).is_some_and(|running| running.key == key);
    let is_hosts = suspect.process.container.as_ref().is_none_or(|container| container.id.is_none());
    let root = if lives {
        proc.path(key.pid, "root")
    } else if is_hosts {
        PathBuf::from("/")
    } else {
        let message =
            format!("the container of {shown} cannot be reached, because no process of the suspect is left");
        return Err(Refusal::new(Guard::NoFile, message).into());
    };
    let path = Path::new(shown);
    let file = place(&root, path).and_then(|place| place.open());
    let file =
        file.map_err(|error| Refusal::new(Guard::NoFile, format!("{shown} cannot be opened: {error}")))?;
    if let Some(package) = package::owner(&root, path) {
        let message = format!(
            "{shown} belongs to the package {package}. If it was replaced, reinstall the package; if it is an \
             interpreter, remove the script"
        );
        return Err(Refusal::new(Guard::Package, message).into());
    }
    let disk = rustix::fs::fstatvfs(&file).context("reading the file system")?;
    if disk.f_flag.contains(StatVfsMountFlags::RDONLY) {
        return Err(Refusal::new(Guard::ReadOnly, format!("{shown} is on a read-only file system")).into());
    }
    let metadata = file.metadata()?;
    let sha256 = copy_hashed(&file, io::sink()).with_context(|| format!("reading {shown}"))?;
    check_hash(alert, suspect, programs, lives, &sha256, proc)?;
    check_space(settings, metadata.size())?;
    let flags = rustix::fs::ioctl_getflags(&file).map_or(0, |flags| flags.bits());
    let quarantine = settings.state.join(DIRECTORY);
    Ok(Quarantined {
        path: path.to_owned(),
        root: (lives && !is_hosts).then_some(key),
        stored: quarantine.join(format!("{}-{}", alert.incident, sha256)),
        sha256,
        mode: metadata.mode() & 0o7777,
        uid: metadata.uid(),
        gid: metadata.gid(),
        times: [(metadata.atime(), metadata.atime_nsec()), (metadata.mtime(), metadata.mtime_nsec())],
        attributes: attributes(&file),
        flags,
    })
}

/// The file must be the one that the incident is about. Something else may be at its path by now.
fn check_hash(
    alert: &Alert,
    suspect: &Suspect,
    programs: &BTreeMap<String, String>,
    lives: bool,
    found: &str,
    proc: &Proc,
) -> anyhow::Result<()> {
    let path = &suspect.process.executable.path;
    let dropped = alert.dropped.iter().find(|dropped| dropped.path == *path);
    let named = suspect.process.sha256.as_deref();
    let named = named.or_else(|| dropped.and_then(|dropped| dropped.sha256.as_deref()));
    let named = named.or_else(|| programs.get(&**path).map(String::as_str));
    if let Some(named) = named {
        if named == found {
            return Ok(());
        }
        let message =
            format!("{path} has the hash {found}, but the incident names {named}; the file was replaced");
        return Err(Refusal::new(Guard::Hash, message).into());
    }
    // The incident has no hash yet, but a living process says what it runs.
    let pid = suspect.process.key.pid;
    if lives && tree::program(pid, proc).is_some() {
        let running = File::open(proc.path(pid, "exe")).context("opening the running program")?;
        if copy_hashed(running, io::sink())? == found {
            return Ok(());
        }
    }
    let message =
        format!("the incident has no hash of {path}, and no process that runs it is left to compare with");
    Err(Refusal::new(Guard::Hash, message).into())
}

/// Returns the hash of the executable that a suspect runs, if the incident does not have it.
pub fn running_program(suspect: &Suspect, proc: &Proc) -> Option<(String, String)> {
    let process = &suspect.process;
    let key = process.key;
    let lives = Running::read(key.pid, proc).is_some_and(|running| running.key == key);
    if process.sha256.is_some() || !lives {
        return None;
    }
    let hash = copy_hashed(File::open(proc.path(key.pid, "exe")).ok()?, io::sink()).ok()?;
    Some((process.executable.path.to_string(), hash))
}

fn check_space(settings: &ResponseSettings, size: u64) -> anyhow::Result<()> {
    state_files::create_directory(&settings.state)?;
    let free = free_space(&settings.state).context("reading the free space")?;
    if free.saturating_sub(size) < settings.free_space {
        let message = format!(
            "the disk of {} has {} MiB free, and {} MiB must stay free",
            settings.state.display(),
            free >> 20,
            settings.free_space >> 20
        );
        return Err(Refusal::new(Guard::DiskFull, message).into());
    }
    Ok(())
}

fn attributes(file: &File) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut names = vec![0; MAX_ATTRIBUTE];
    let length = rustix::fs::flistxattr(file, &mut names).unwrap_or(0);
    for name in names.get(..length).unwrap_or_default().split(|byte| *byte == 0) {
        let Some(name) = str::from_utf8(name).ok().filter(|name| !name.is_empty()) else { continue };
        let mut value = vec![0; MAX_ATTRIBUTE];
        if let Ok(length) = rustix::fs::fgetxattr(file, name, &mut value) {
            found.insert(name.to_owned(), STANDARD.encode(value.get(..length).unwrap_or_default()));
        }
    }
    found
}

/// The flags of an inode that forbid changing it (chattr(1)). Miners set them to stay.
fn protection(flags: u32) -> IFlags {
    IFlags::from_bits_truncate(flags) & (IFlags::IMMUTABLE | IFlags::APPEND)
}

fn move_aside(work: &mut Work<'_>, found: &Quarantined) -> anyhow::Result<()> {
    let root = root_of(found, work.proc)?;
    work.record(Change::Quarantined(Box::new(found.clone())))?;
    let at = place(&root, &found.path)?;
    let file = at.open()?;
    store(&file, found).with_context(|| format!("copying to {}", found.stored.display()))?;
    if !protection(found.flags).is_empty() {
        rustix::fs::ioctl_setflags(&file, IFlags::from_bits_retain(found.flags) - protection(found.flags))
            .with_context(|| format!("clearing the immutable flag of {}", found.path.display()))?;
    }
    rustix::fs::unlinkat(&at.directory, &at.name, AtFlags::empty())
        .with_context(|| format!("removing {}", found.path.display()))
}

fn store(file: &File, found: &Quarantined) -> anyhow::Result<()> {
    let directory = found.stored.parent().context("it is below the state directory")?;
    state_files::create_directory(directory)?;
    match fs::remove_file(&found.stored) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        Ok(()) | Err(_) => {}
    }
    // Nobody can run the copy.
    let copy = OpenOptions::new().write(true).create_new(true).mode(0o400).open(&found.stored)?;
    if copy_hashed(file, &copy)? != found.sha256 {
        let _ = fs::remove_file(&found.stored);
        return Err(Refusal::new(Guard::Hash, "the file changed while it was copied").into());
    }
    copy.sync_all()?;
    File::open(directory)?.sync_all()?;
    Ok(())
}

fn root_of(found: &Quarantined, proc: &Proc) -> anyhow::Result<PathBuf> {
    let Some(key) = found.root else { return Ok(PathBuf::from("/")) };
    if Running::read(key.pid, proc).is_some_and(|running| running.key == key) {
        return Ok(proc.path(key.pid, "root"));
    }
    bail!(
        "the container of {} has ended, so the file stays at {}",
        found.path.display(),
        found.stored.display()
    )
}

/// Puts a file back. Nothing happens if it was never moved.
pub fn undo(found: &Quarantined, proc: &Proc) -> anyhow::Result<()> {
    let root = root_of(found, proc)?;
    let shown = found.path.display();
    let at = place(&root, &found.path).with_context(|| format!("opening the directory of {shown}"))?;
    let stored = match File::open(&found.stored) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        stored => Some(stored.with_context(|| found.stored.display().to_string())?),
    };
    match at.open().map(|file| copy_hashed(file, io::sink())) {
        // It was not removed yet, or it was put back already.
        Ok(Ok(hash)) if hash == found.sha256 => {}
        Ok(_) => bail!(
            "another file is at {shown} now; the file from the quarantine stays at {}",
            found.stored.display()
        ),
        Err(_) => {
            let stored = stored.with_context(|| format!("{} is missing", found.stored.display()))?;
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let mode = Mode::from_raw_mode(0o600);
            let file = rustix::fs::openat(&at.directory, &at.name, flags, mode);
            let file = File::from(file.with_context(|| format!("creating {shown}"))?);
            let outcome = copy_hashed(stored, &file).map_err(anyhow::Error::from).and_then(|hash| {
                anyhow::ensure!(hash == found.sha256, "the file in the quarantine was changed");
                restore(&file, found)
            });
            if let Err(error) = outcome {
                let _ = rustix::fs::unlinkat(&at.directory, &at.name, AtFlags::empty());
                return Err(error.context(format!("putting {shown} back")));
            }
        }
    }
    match fs::remove_file(&found.stored) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Restores the metadata. The owner comes before the mode, because a new owner clears the set-user-ID bit.
fn restore(file: &File, found: &Quarantined) -> anyhow::Result<()> {
    rustix::fs::fchown(file, Some(Uid::from_raw(found.uid)), Some(Gid::from_raw(found.gid)))?;
    rustix::fs::fchmod(file, Mode::from_raw_mode(found.mode))?;
    for (name, value) in &found.attributes {
        let value = STANDARD.decode(value).context("the ledger has a damaged attribute")?;
        rustix::fs::fsetxattr(file, name, &value, XattrFlags::empty())
            .with_context(|| format!("the extended attribute {name}"))?;
    }
    let time = |(tv_sec, tv_nsec): (i64, i64)| Timespec { tv_sec, tv_nsec };
    let [access, modification] = found.times;
    rustix::fs::futimens(
        file,
        &Timestamps { last_access: time(access), last_modification: time(modification) },
    )?;
    file.sync_all()?;
    if !protection(found.flags).is_empty() {
        rustix::fs::ioctl_setflags(file, IFlags::from_bits_retain(found.flags))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_is_told_once() {
        assert_eq!(joined(&[]), None);
        let all = [
            Refusal::new(Guard::Package, "a is the system's"),
            Refusal::new(Guard::Hash, "b is another file"),
            Refusal::new(Guard::Package, "a is the system's"),
        ];
        let expected = Refusal::new(Guard::Package, "a is the system's; b is another file");
        assert_eq!(joined(&all), Some(expected));
    }
}
