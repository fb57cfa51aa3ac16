//! Runs commands to their end.

use std::process::{Command, Output, Stdio};

/// Runs a command to its end and returns its output.
///
/// # Panics
/// When the command cannot be started or fails. The message contains its standard error.
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

/// Runs a command to its end and returns its output, whatever its exit code.
///
/// # Panics
/// When the command cannot be started.
pub fn try_run(program: &str, arguments: &[&str]) -> Output {
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{program} cannot be started: {error}"))
}
