//! Commands that must succeed.

use std::process::{Command, Output, Stdio};

/// Runs a command to its end and gives its output.
///
/// # Panics
/// When it cannot be started or fails, with what it said.
pub fn run(program: &str, arguments: &[&str]) -> Output {
    let output = try_run(program, arguments);
    assert!(
        output.status.success(),
        "{program} {} failed ({}): {}",
        arguments.join(" "),
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// Runs a command to its end, whatever it says.
///
/// # Panics
/// When it cannot be started.
pub fn try_run(program: &str, arguments: &[&str]) -> Output {
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{program} cannot be started: {error}"))
}
