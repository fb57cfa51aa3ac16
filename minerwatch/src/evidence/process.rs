//! What `/proc` tells about one process.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs::{self, File},
    io::{self, Read as _},
};

use rustc_hash::FxHashSet;
use serde::Serialize;

use super::store::Store;

/// Files of `/proc/PID` that are copied as they are.
const COPIED: [&str; 9] =
    ["maps", "status", "stat", "limits", "cgroup", "mountinfo", "cmdline", "comm", "oom_score_adj"];
/// The tables of sockets in `/proc/PID/net`.
const TABLES: [&str; 8] = ["tcp", "tcp6", "udp", "udp6", "raw", "raw6", "unix", "packet"];
/// Namespaces.
const NAMESPACES: [&str; 8] = ["cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"];
/// Maximum size of one such file, in bytes.
const MAX_TEXT: u64 = 4 << 20;
/// Maximum number of descriptors of one process.
const MAX_DESCRIPTORS: usize = 16_384;

/// A name of a variable that has one of these words has a secret value.
const SECRET: [&str; 8] = ["PASS", "SECRET", "TOKEN", "KEY", "CREDENTIAL", "AUTH", "COOKIE", "SESSION"];
const REDACTED: &str = "[redacted]";

/// A process of the tree.
#[derive(Debug, Serialize)]
pub struct Described {
    pid: u32,
    parent: u32,
    start_ticks: u64,
    name: String,
    executable: Option<String>,
    directory: Option<String>,
    root: Option<String>,
    arguments: Vec<String>,
    uid: Option<String>,
    cgroup: Option<String>,
    namespaces: BTreeMap<&'static str, String>,
}

#[derive(Debug, Serialize)]
struct Descriptor {
    number: String,
    target: String,
    info: String,
}

fn text(pid: u32, name: &str) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(format!("/proc/{pid}/{name}"))?.take(MAX_TEXT).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn link(pid: u32, name: &str) -> Option<String> {
    Some(fs::read_link(format!("/proc/{pid}/{name}")).ok()?.to_string_lossy().into_owned())
}

fn words(bytes: &[u8]) -> Vec<String> {
    let bytes = bytes.strip_suffix(b"\0").unwrap_or(bytes);
    bytes.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect()
}

/// Describes a process, or returns `None` if it has ended.
pub fn describe(pid: u32, parent: u32, start_ticks: u64, name: &str) -> Option<Described> {
    let status = String::from_utf8_lossy(&text(pid, "status").ok()?).into_owned();
    let namespaces =
        NAMESPACES.into_iter().filter_map(|kind| Some((kind, link(pid, &format!("ns/{kind}"))?)));
    Some(Described {
        pid,
        parent,
        start_ticks,
        name: name.to_owned(),
        executable: link(pid, "exe"),
        directory: link(pid, "cwd"),
        root: link(pid, "root"),
        arguments: words(&text(pid, "cmdline").unwrap_or_default()),
        uid: status.lines().find_map(|line| line.strip_prefix("Uid:")).map(|ids| ids.trim().to_owned()),
        cgroup: text(pid, "cgroup").ok().map(|text| String::from_utf8_lossy(&text).into_owned()),
        namespaces: namespaces.collect(),
    })
}

/// Keeps what ends with the process and can be read at once: everything but its executable and its memory.
pub fn add(store: &mut Store, pid: u32) {
    for name in COPIED {
        let source = format!("/proc/{pid}/{name}");
        match text(pid, name) {
            Ok(bytes) => store.write(&format!("process/{pid}/{name}"), &source, &bytes),
            Err(error) => store.miss(source, error.to_string()),
        }
    }
    environment(store, pid);
    let descriptors = descriptors(pid);
    sockets(store, pid, &descriptors);
    store.write_json(&format!("process/{pid}/descriptors.json"), &format!("/proc/{pid}/fd"), &descriptors);
}

fn environment(store: &mut Store, pid: u32) {
    let source = format!("/proc/{pid}/environ");
    let path = format!("process/{pid}/environ");
    match text(pid, "environ") {
        Ok(bytes) if store.limits().redact => {
            let lines: Vec<String> = words(&bytes).iter().map(|variable| redacted(variable)).collect();
            store.write(&path, &format!("{source}, redacted"), lines.join("\0").as_bytes());
        }
        Ok(bytes) => store.write(&path, &source, &bytes),
        Err(error) => store.miss(source, error.to_string()),
    }
}

/// Removes the value of a variable that looks like a secret, and what an URL has before the `@`.
fn redacted(variable: &str) -> String {
    let Some((name, value)) = variable.split_once('=') else { return variable.to_owned() };
    let upper = name.to_ascii_uppercase();
    if SECRET.iter().any(|word| upper.contains(word)) {
        return format!("{name}={REDACTED}");
    }
    match value.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.split_once('@')?.1))) {
        Some((scheme, rest)) => format!("{name}={scheme}://{REDACTED}@{rest}"),
        None => variable.to_owned(),
    }
}

fn descriptors(pid: u32) -> Vec<Descriptor> {
    let entries =
        fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten().take(MAX_DESCRIPTORS);
    entries
        .filter_map(|entry| {
            let number = entry.file_name().to_string_lossy().into_owned();
            let target = fs::read_link(entry.path()).ok()?.to_string_lossy().into_owned();
            let info = text(pid, &format!("fdinfo/{number}")).unwrap_or_default();
            Some(Descriptor { number, target, info: String::from_utf8_lossy(&info).into_owned() })
        })
        .collect()
}

/// Keeps the lines about the process's own sockets. The inode is a field of its own in each table.
fn sockets(store: &mut Store, pid: u32, descriptors: &[Descriptor]) {
    let inodes: FxHashSet<&str> = descriptors
        .iter()
        .filter_map(|descriptor| descriptor.target.strip_prefix("socket:[")?.strip_suffix(']'))
        .collect();
    let mut kept = String::new();
    // The tables of a busy host are long.
    for table in TABLES.iter().filter(|_| !inodes.is_empty()) {
        let Ok(bytes) = text(pid, &format!("net/{table}")) else { continue };
        let text = String::from_utf8_lossy(&bytes);
        let mut lines = text.lines();
        let head = lines.next().unwrap_or_default();
        let own: Vec<&str> =
            lines.filter(|line| line.split_ascii_whitespace().any(|field| inodes.contains(field))).collect();
        if !own.is_empty() {
            // Writing to a string always succeeds.
            let _ = writeln!(kept, "# /proc/{pid}/net/{table}\n{head}\n{}", own.join("\n"));
        }
    }
    store.write(&format!("process/{pid}/sockets"), &format!("/proc/{pid}/net"), kept.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_of_the_environment_are_removed() {
        for (variable, shown) in [
            ("PATH=/usr/bin", "PATH=/usr/bin"),
            ("AWS_SECRET_ACCESS_KEY=abc", "AWS_SECRET_ACCESS_KEY=[redacted]"),
            ("db_password=x y=z", "db_password=[redacted]"),
            ("DB=postgres://user:pw@db/x", "DB=postgres://[redacted]@db/x"),
            ("POOL=pool.example:3333", "POOL=pool.example:3333"),
            ("no variable", "no variable"),
        ] {
            assert_eq!(redacted(variable), shown);
        }
    }
}
