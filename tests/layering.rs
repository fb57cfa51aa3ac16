//! Who may import whom, held on the source itself.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A room of the daemon and the words that must not stand in it.
const RULES: &[(&str, &[&str], &str)] = &[
    ("model", &["crate::", "aya", "tokio", "std::fs", "SystemTime", "Instant"], "the leaf of userspace"),
    (
        "process",
        &["aya::", "tokio", "std::fs", "SystemTime", "Instant", "crate::sink", "crate::sensor"],
        "pure",
    ),
    (
        "detect",
        &["aya::", "tokio", "std::fs", "SystemTime", "Instant", "crate::sink", "crate::sensor"],
        "pure",
    ),
    (
        "intel",
        &["aya::", "tokio", "std::fs", "SystemTime", "Instant", "crate::detect", "crate::engine"],
        "pure data",
    ),
    (
        "incident",
        &["aya::", "tokio", "std::fs", "SystemTime", "Instant", "crate::sink", "crate::sensor"],
        "pure",
    ),
    (
        "engine",
        &["aya::", "tokio", "std::fs", "SystemTime", "Instant", "crate::sink", "crate::sensor"],
        "pure",
    ),
    ("sink", &["aya::", "crate::engine", "crate::detect", "crate::sensor", "crate::pipeline"], "an edge"),
    ("enrich", &["aya::", "crate::engine", "crate::detect", "crate::sensor", "crate::pipeline"], "an edge"),
    ("decode", &["aya::", "tokio", "crate::engine", "crate::pipeline", "crate::sensor"], "before the engine"),
    ("pipeline", &["aya::"], "only the sensor imports aya"),
    ("cli", &["aya::"], "only the sensor imports aya"),
];

/// The lines of a source text that break a rule; comments and `crate::model` are free.
fn violations<'a>(text: &'a str, forbidden: &[&str]) -> Vec<&'a str> {
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .filter(|line| {
            let line = line.replace("crate::model", "");
            forbidden.iter().any(|word| line.contains(word))
        })
        .collect()
}

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn is_test(path: &Path) -> bool {
    path.iter().any(|part| {
        let part = part.to_string_lossy();
        matches!(&*part, "tests" | "tests.rs" | "testing.rs" | "scenarios" | "scenarios.rs" | "samples.rs")
    })
}

fn source_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../minerwatch/src")
}

#[test]
fn rooms_import_only_what_lies_below_them() {
    let root = source_root();
    let mut broken = Vec::new();
    for (room, forbidden, reason) in RULES {
        let mut files = vec![root.join(format!("{room}.rs"))];
        sources(&root.join(room), &mut files);
        for file in files {
            let within = file.strip_prefix(&root).expect("below the root");
            if is_test(within) {
                continue;
            }
            let text = fs::read_to_string(&file).expect("a source file");
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            for line in violations(code, forbidden) {
                broken.push(format!("{} ({room} is {reason}): {}", within.display(), line.trim()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn unsafe_code_has_one_room_in_userspace() {
    let root = source_root();
    let mut files = Vec::new();
    sources(&root, &mut files);
    for file in files {
        let text = fs::read_to_string(&file).expect("a source file");
        if !violations(&text, &["unsafe {", "unsafe fn", "unsafe impl"]).is_empty() {
            assert!(file.ends_with("sensor/unsafe_io.rs"), "{}", file.display());
        }
    }
}

#[test]
fn the_check_can_fail() {
    assert_eq!(violations("use crate::sink::Sink;\n// use aya::Ebpf;", &["crate::sink", "aya::"]).len(), 1);
    assert!(violations("use crate::model::Event;", &["crate::"]).is_empty());
}
