//! Collects the evidence about an incident.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

pub use super::store::EvidenceLimits;
use super::{
    core_file, process,
    store::{Entry, Missing, Store},
};
use crate::{enrich::open::open_below, host, model::Alert, state_files};

/// The name of the manifest.
pub const MANIFEST: &str = "manifest.json";

/// Files of the host that are copied.
const HOST_FILES: [&str; 8] = [
    "/etc/os-release",
    "/proc/version",
    "/proc/cmdline",
    "/proc/uptime",
    "/proc/loadavg",
    "/proc/meminfo",
    "/proc/cpuinfo",
    "/etc/ld.so.preload",
];

/// A process to keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Its pid.
    pub pid: u32,
    /// Its parent's pid.
    pub parent: u32,
    /// When it started, in clock ticks.
    pub start_ticks: u64,
    /// Its name.
    pub name: String,
    /// Whether it is a suspect or a child of one. Of the others only the description is kept.
    pub is_suspect: bool,
}

/// Who collects, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Custody {
    /// Who ordered it: `policy`, or a user.
    pub by: String,
    /// The version of minerwatch.
    pub agent_version: String,
    /// The host.
    pub host: String,
    /// Its boot.
    pub boot_id: String,
    /// When the collection began, in RFC 3339.
    pub begun: String,
    /// When it ended.
    pub ended: String,
}

/// What is collected.
#[derive(Clone, Debug)]
pub struct Evidence<'a> {
    /// The incident.
    pub alert: &'a Alert,
    /// Its line of JSON, as alerts have it.
    pub line: Option<&'a str>,
    /// The processes: the suspects with their children, and their ancestors.
    pub subjects: &'a [Subject],
    /// Who ordered it.
    pub by: &'a str,
    /// Further files, by name.
    pub extras: &'a [(&'a str, Vec<u8>)],
}

#[derive(Debug, Serialize)]
struct Manifest<'a> {
    version: u32,
    incident: String,
    custody: Custody,
    limits: EvidenceLimits,
    files: &'a [Entry],
    missing: &'a [Missing],
}

/// Collects into a directory, which must be new or empty. Returns the SHA-256 of the manifest, which has the hashes of all
/// files.
///
/// What is gone soonest comes first: sockets and tables of the processes, then executables, then files, then memory.
pub fn collect(evidence: &Evidence<'_>, directory: &Path, limits: EvidenceLimits) -> anyhow::Result<String> {
    let begun = now();
    let shown = || directory.display().to_string();
    let mut store = Store::create(directory, limits).with_context(shown)?;
    let suspects: Vec<&Subject> = evidence.subjects.iter().filter(|subject| subject.is_suspect).collect();
    for subject in &suspects {
        match store.exhausted() {
            Some(why) => store.miss(format!("/proc/{}", subject.pid), why),
            None => process::add(&mut store, subject.pid),
        }
    }
    let tree: Vec<_> = evidence
        .subjects
        .iter()
        .filter_map(|subject| {
            process::describe(subject.pid, subject.parent, subject.start_ticks, &subject.name)
        })
        .collect();
    store.write_json("processes.json", "/proc", &tree);
    if let Some(line) = evidence.line {
        store.write("alert.json", "the agent", line.as_bytes());
    }
    store.write_json("incident.json", "the agent", evidence.alert);
    for (name, bytes) in evidence.extras {
        store.write(name, "the agent", bytes);
    }
    if !limits.brief {
        executables(&mut store, &suspects);
        files(&mut store, evidence, &suspects);
        for path in HOST_FILES {
            store.copy(&format!("host{path}"), path, File::open(path));
        }
    }
    if limits.memory && !limits.brief {
        for subject in &suspects {
            core_file::add(&mut store, &format!("process/{}/memory.core", subject.pid), subject.pid);
        }
    }
    let context = host::context();
    let manifest = Manifest {
        version: 1,
        incident: evidence.alert.incident.to_string(),
        custody: Custody {
            by: evidence.by.to_owned(),
            agent_version: env!("CARGO_PKG_VERSION").to_owned(),
            host: context.name.to_string(),
            boot_id: context.boot_id.to_string(),
            begun,
            ended: now(),
        },
        limits,
        files: &store.entries,
        missing: &store.missing,
    };
    let mut text = serde_json::to_vec_pretty(&manifest).context("the manifest")?;
    text.push(b'\n');
    // The manifest is written also when the limits are reached, because nothing is worth anything without it.
    state_files::replace(&directory.join(MANIFEST), &text).with_context(shown)?;
    // As for its files: what is kept before the first stage must not hold it up.
    if !limits.brief {
        File::open(directory).and_then(|directory| directory.sync_all()).with_context(shown)?;
    }
    Ok(Sha256::digest(&text).iter().fold(String::new(), |mut hash, byte| {
        use std::fmt::Write as _;
        // Writing to a string always succeeds.
        let _ = write!(hash, "{byte:02x}");
        hash
    }))
}

fn now() -> String {
    OffsetDateTime::from_unix_timestamp_nanos(host::wall_now())
        .ok()
        .and_then(|time| time.format(&Rfc3339).ok())
        .unwrap_or_default()
}

/// Keeps the executable of each suspect once. `/proc/PID/exe` leads to it also if it was deleted, or never had a name.
fn executables(store: &mut Store, suspects: &[&Subject]) {
    let mut kept = Vec::new();
    for subject in suspects {
        let source = format!("/proc/{}/exe", subject.pid);
        let identity = rustix::fs::stat(&source).map(|file| (file.st_dev, file.st_ino));
        if identity.is_ok_and(|identity| kept.contains(&identity)) {
            continue;
        }
        kept.extend(identity);
        store.copy(&format!("process/{}/exe", subject.pid), &source, File::open(&source));
    }
}

/// Keeps the files that members wrote, and those through which they start again.
fn files(store: &mut Store, evidence: &Evidence<'_>, suspects: &[&Subject]) {
    let roots: Vec<PathBuf> = suspects
        .first()
        .map(|subject| PathBuf::from(format!("/proc/{}/root", subject.pid)))
        .into_iter()
        .collect();
    let dropped = evidence.alert.dropped.iter().map(|dropped| ("dropped", &*dropped.path));
    let persistence = evidence.alert.persistence.iter().map(|path| ("persistence", &**path));
    for (number, (kind, path)) in dropped.chain(persistence).enumerate() {
        let name = Path::new(path).file_name().and_then(|name| name.to_str()).unwrap_or("file");
        // A name may have been chosen to confuse the person who unpacks it.
        let name: String =
            name.chars().map(|letter| if is_plain(letter) { letter } else { '_' }).take(80).collect();
        let from = roots
            .iter()
            .map(PathBuf::as_path)
            .chain([Path::new("/")])
            .map(|root| open_below(root, path))
            .reduce(Result::or);
        let from = from.unwrap_or_else(|| Err(io::ErrorKind::NotFound.into()));
        store.copy(&format!("{kind}/{number}-{name}"), path, from);
    }
}

fn is_plain(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "._-".contains(letter)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::testing::samples;

    const LIMITS: EvidenceLimits = EvidenceLimits {
        bytes: 1 << 20,
        time: Duration::from_secs(60),
        free_space: 0,
        brief: true,
        memory: false,
        redact: false,
    };

    fn manifest_of(limits: EvidenceLimits) -> serde_json::Value {
        let scratch = tempfile::tempdir().expect("a directory");
        let own = Subject {
            pid: std::process::id(),
            parent: 1,
            start_ticks: 1,
            name: "test".to_owned(),
            is_suspect: true,
        };
        let alert = samples::alert();
        let evidence = Evidence { alert: &alert, line: None, subjects: &[own], by: "policy", extras: &[] };
        collect(&evidence, scratch.path(), limits).expect("it is empty");
        let text = std::fs::read(scratch.path().join(MANIFEST)).expect("the manifest");
        serde_json::from_slice(&text).expect("JSON")
    }

    #[test]
    fn what_there_was_no_time_for_is_named() {
        let own = format!("process/{}/maps", std::process::id());
        let has_own = |manifest: &serde_json::Value| {
            manifest["files"].as_array().is_some_and(|files| files.iter().any(|file| file["path"] == *own))
        };
        let whole = manifest_of(LIMITS);
        assert!(has_own(&whole), "{whole}");
        let late = manifest_of(EvidenceLimits { time: Duration::ZERO, ..LIMITS });
        assert!(!has_own(&late), "{late}");
        assert_eq!(late["missing"][0]["source"], format!("/proc/{}", std::process::id()));
        assert_eq!(late["missing"][0]["why"], "the collection took its maximum time");
    }
}
