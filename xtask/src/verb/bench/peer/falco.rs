//! Falco's engine: `scap-open`, an example program of the Falco libraries that loads the engine and drains it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::super::agent::Launch;
use crate::command;

/// The time in which scap-open loads and attaches its programs, where its message is not waited for.
const START: Duration = Duration::from_secs(8);
/// What scap-open writes when its programs are loaded.
const READY: &str = "correctly loaded";

/// The calls of the small set: what a rule about programs, connections and changed files needs.
const CALLS: [&str; 22] = [
    "execve",
    "execveat",
    "clone",
    "clone3",
    "fork",
    "vfork",
    "sched_process_exit",
    "open",
    "openat",
    "openat2",
    "creat",
    "connect",
    "accept",
    "accept4",
    "bind",
    "listen",
    "socket",
    "rename",
    "renameat2",
    "unlinkat",
    "setuid",
    "ptrace",
];

/// Returns how to start the engine with every call, or with [`CALLS`]. Their numbers differ from release to release, so
/// that the program is asked for them.
pub fn launch(program: PathBuf, all: bool) -> Result<Launch> {
    let mut arguments = vec!["--modern_bpf".to_owned()];
    if !all {
        for number in numbers(&supported(&program)?)? {
            arguments.extend(["--ppm_sc".to_owned(), number]);
        }
    }
    let name = if all { "Falco's engine, all" } else { "Falco's engine, 22 calls" };
    // The C library would keep the message back while standard output is no terminal.
    let stdbuf = command::find("stdbuf").context("stdbuf of the coreutils is not installed")?;
    let before = ["-oL".into(), program.into_os_string()];
    let arguments = before.into_iter().chain(arguments.into_iter().map(Into::into)).collect();
    Ok(Launch::silent(name.to_owned(), stdbuf, arguments, START).ready_on_output(READY))
}

fn supported(program: &Path) -> Result<String> {
    let output = Command::new(program)
        .arg("--print_syscalls")
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {}", program.display()))?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Returns the numbers of [`CALLS`]. Lines are such as `- PPM_SC > openat  system_code: (257) ppm_code: (290)`.
fn numbers(listing: &str) -> Result<Vec<String>> {
    let number = |name: &str| {
        listing.lines().find_map(|line| {
            let (_, rest) = line.split_once("> ")?;
            let mut words = rest.split_whitespace();
            if words.next()? != name {
                return None;
            }
            let (_, code) = line.split_once("ppm_code: (")?;
            Some(code.split_once(')')?.0.to_owned())
        })
    };
    let found: Vec<_> = CALLS.into_iter().filter_map(number).collect();
    let count = found.len();
    ensure!(count == CALLS.len(), "scap-open knows only {count} of {} calls", CALLS.len());
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_read_from_the_listing() {
        let line = |(number, name): (usize, &str)| {
            format!("- PPM_SC > {name:<25} system_code: ({}) ppm_code: ({})", number + 500, number + 1)
        };
        // A call whose name begins like another one must not be taken for it.
        let mut lines = vec![line((98, "openat_other"))];
        lines.extend(CALLS.into_iter().enumerate().map(line));
        let expected: Vec<_> = (1..=CALLS.len()).map(|number| number.to_string()).collect();
        assert_eq!(numbers(&lines.join("\n")).unwrap(), expected);
        let error = numbers("- PPM_SC > openat system_code: (257) ppm_code: (290)").unwrap_err().to_string();
        assert!(error.contains("only 1 of 22"), "{error}");
    }
}
