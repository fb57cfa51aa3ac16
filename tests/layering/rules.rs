//! The table of rooms, which are the top-level modules of the daemon, and of what each room may import.

use std::collections::BTreeSet;

use crate::{
    resolve::Target,
    tree::{Mention, Module, Names, Tree},
};

/// What a room may use outside this crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Pure computation: no files, no network, no clock, no threads, no async runtime.
    Pure,
    /// The operating system, but not the eBPF programs.
    System,
    /// The operating system and the eBPF programs.
    Kernel,
}

/// A room: a top-level module with all its child modules.
pub struct Room {
    /// Name of the module.
    pub name: &'static str,
    /// What the room may use outside this crate.
    pub reach: Reach,
    /// Rooms that this room may import.
    pub imports: &'static [&'static str],
}

const fn room(name: &'static str, reach: Reach, imports: &'static [&'static str]) -> Room {
    Room { name, reach, imports }
}

/// The names that only [`Reach::Kernel`] may use.
const KERNEL: &[&str] = &["aya", "aya_log", "aya_obj"];

/// The names that [`Reach::Pure`] may not use.
const SYSTEM: &[&str] = &[
    "caps",
    "libc",
    "nix",
    "rustix",
    "std::env",
    "std::fs",
    "std::io::stderr",
    "std::io::stdin",
    "std::io::stdout",
    "std::net::TcpListener",
    "std::net::TcpStream",
    "std::net::UdpSocket",
    "std::os",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
    "time::OffsetDateTime::now_utc",
    "tokio",
    "ureq",
];

/// All rooms, from those without imports to those that combine the others.
pub const ROOMS: &[Room] = &[
    // Types that all rooms share.
    room("model", Reach::Pure, &[]),
    room("bounded", Reach::Pure, &[]),
    room("redact", Reach::Pure, &[]),
    // Parsers of bytes into typed values.
    room("decode", Reach::Pure, &["model"]),
    room("dissect", Reach::Pure, &["bounded", "model"]),
    // Conclusions from events.
    room("intel", Reach::Pure, &["bounded", "model"]),
    room("process", Reach::Pure, &["bounded", "model"]),
    room("detect", Reach::Pure, &["bounded", "intel", "model", "process"]),
    room("except", Reach::Pure, &["model"]),
    room("incident", Reach::Pure, &["bounded", "detect", "except", "model", "process"]),
    room("engine", Reach::Pure, &["bounded", "detect", "except", "incident", "intel", "model", "process"]),
    // Settings and output formats. Each output declares its own settings, and the configuration lists the outputs.
    room("schema", Reach::Pure, &["model"]),
    room("config", Reach::System, &["approval", "except", "model", "output", "redact", "schema"]),
    room("ecs", Reach::Pure, &["model", "redact"]),
    room("ocsf", Reach::Pure, &["ecs"]),
    room("cef", Reach::Pure, &["ecs"]),
    room("notice", Reach::Pure, &["ecs"]),
    // Input and output: kernel, host, files and sockets.
    room("sensor", Reach::Kernel, &["bounded", "model"]),
    room("privileges", Reach::System, &[]),
    room("host", Reach::System, &["model"]),
    room("enrich", Reach::System, &["bounded", "host", "model"]),
    room("containers", Reach::System, &["model", "redact"]),
    room(
        "probe",
        Reach::System,
        &["bounded", "containers", "enrich", "host", "model", "privileges", "sensor"],
    ),
    room(
        "feeds",
        Reach::System,
        &["config", "credentials", "enrich", "host", "intel", "model", "state_files"],
    ),
    room(
        "output",
        Reach::System,
        &["bounded", "cef", "credentials", "ecs", "model", "notice", "ocsf", "schema", "state_files"],
    ),
    room("approval", Reach::System, &["credentials", "model", "output", "schema"]),
    room("credentials", Reach::System, &[]),
    room("state_files", Reach::System, &[]),
    room("recording", Reach::System, &["model"]),
    room("control", Reach::System, &["bounded", "model", "unix_socket"]),
    room("health", Reach::Pure, &["model"]),
    room("unix_socket", Reach::System, &[]),
    // Rooms that combine the others. Each room keeps its own counters, and metrics combines them.
    room(
        "metrics",
        Reach::Pure,
        &["containers", "control", "engine", "enrich", "except", "feeds", "health", "model", "output"],
    ),
    room(
        "respond",
        Reach::System,
        &["enrich", "evidence", "host", "model", "process", "sensor", "state_files"],
    ),
    room("evidence", Reach::System, &["enrich", "host", "model", "state_files"]),
    room("exporter", Reach::System, &["config", "metrics", "unix_socket"]),
    room(
        "pipeline",
        Reach::System,
        &[
            "approval",
            "bounded",
            "config",
            "containers",
            "control",
            "decode",
            "detect",
            "dissect",
            "ecs",
            "engine",
            "enrich",
            "except",
            "exporter",
            "feeds",
            "health",
            "host",
            "incident",
            "intel",
            "metrics",
            "model",
            "output",
            "privileges",
            "probe",
            "process",
            "recording",
            "redact",
            "respond",
            "sensor",
            "state_files",
        ],
    ),
    room(
        "cli",
        Reach::System,
        &[
            "bounded",
            "config",
            "containers",
            "control",
            "detect",
            "ecs",
            "engine",
            "evidence",
            "except",
            "feeds",
            "host",
            "incident",
            "intel",
            "metrics",
            "model",
            "output",
            "pipeline",
            "recording",
            "respond",
            "state_files",
        ],
    ),
];

/// A known violation of the table.
pub struct Exception {
    /// Name of the room.
    pub room: &'static str,
    /// The forbidden import: a room, or a name outside this crate.
    pub import: &'static str,
    /// Why the exception exists, and what will end it.
    #[expect(dead_code, reason = "for the reader")]
    pub reason: &'static str,
}

/// All exceptions. Keep this list short.
pub const EXCEPTIONS: &[Exception] = &[];

/// Returns the violations of the table, one sentence each. A room without a row is a violation, too.
pub fn violations(tree: &Tree, rooms: &[Room], exceptions: &[Exception]) -> BTreeSet<String> {
    let mut broken = BTreeSet::new();
    for (module, content) in &tree.modules {
        let Some(name) = module.first() else { continue };
        let Some(room) = rooms.iter().find(|room| room.name == name) else {
            broken.insert(format!("the room {name} has no row in the table of rooms"));
            continue;
        };
        let is_excepted = |import: &str| {
            exceptions.iter().any(|exception| exception.room == room.name && exception.import == import)
        };
        for mention in &content.mentions {
            let import = match tree.written(module, &mention.path) {
                Target::Own(path) => forbidden_room(tree, room, &path, mention),
                Target::Foreign(path) => {
                    forbidden_name(room.reach, &path, mention.is_glob).map(str::to_owned)
                }
                Target::Local => None,
            };
            if let Some(import) = import.filter(|import| !is_excepted(import)) {
                broken.insert(format!("{} imports {import} ({})", room.name, place(content, mention)));
            }
        }
    }
    broken
}

/// Returns the exceptions whose import does not exist, one sentence each.
pub fn unneeded(tree: &Tree, rooms: &[Room], exceptions: &[Exception]) -> Vec<String> {
    let all = violations(tree, rooms, &[]);
    let is_needed = |exception: &&Exception| {
        let sentence = format!("{} imports {} (", exception.room, exception.import);
        all.iter().any(|violation| violation.starts_with(&sentence))
    };
    let unneeded = exceptions.iter().filter(|exception| !is_needed(exception));
    unneeded.map(|exception| format!("{} does not import {}", exception.room, exception.import)).collect()
}

/// Returns the room that a path leads to if `room` may not import that room.
fn forbidden_room(tree: &Tree, room: &Room, path: &Names, mention: &Mention) -> Option<String> {
    let Some(other) = path.first() else {
        // A glob import of the crate root may import any room.
        return mention.is_glob.then(|| "the whole crate".to_owned());
    };
    let is_room = tree.modules.contains_key(std::slice::from_ref(other));
    (is_room && other != room.name && !room.imports.contains(&other.as_str())).then(|| other.clone())
}

/// Returns the forbidden name that a path of another crate leads to. A glob import above such a name counts, too.
fn forbidden_name(reach: Reach, path: &Names, is_glob: bool) -> Option<&'static str> {
    let forbidden = match reach {
        Reach::Pure => [KERNEL, SYSTEM].concat(),
        Reach::System => KERNEL.to_vec(),
        Reach::Kernel => Vec::new(),
    };
    forbidden.into_iter().find(|name| {
        let name: Vec<&str> = name.split("::").collect();
        let common = name.iter().zip(path).take_while(|(name, part)| *name == part).count();
        common == name.len() || is_glob && common == path.len()
    })
}

/// Returns the file and line of a mention.
pub fn place(module: &Module, mention: &Mention) -> String {
    format!("{}:{}", module.file.display(), mention.line)
}
