//! Writes to standard output and standard error. Unlike `println!` and `eprintln!`, these functions never panic when a
//! stream is closed or full.

use std::{
    fmt::Display,
    io::{self, Write as _},
};

use super::Failure;

/// Writes a message on a line of its own to standard error. A failed write is ignored, so that the command can still
/// deliver its data and exit code.
pub(super) fn tell(message: impl Display) {
    tell_as_is(&format!("minerwatch: {message}\n"));
}

/// Writes text to standard error, without adding a prefix or a line break. A failed write is ignored.
pub(super) fn tell_as_is(text: &str) {
    // A single write keeps lines of several processes apart.
    let _ = io::stderr().write_all(text.as_bytes());
}

/// Writes text to standard output and flushes it. A closed pipe counts as success.
pub(super) fn write_stdout(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    ended_by_reader(stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()))
}

/// Adds "standard output" to an error, to distinguish it from other errors of the command.
pub(super) fn of_stdout(result: io::Result<()>) -> io::Result<()> {
    result.map_err(|error| io::Error::new(error.kind(), format!("standard output: {error}")))
}

/// Turns a broken pipe into success: its reader has read enough (`minerwatch tail | head`).
pub(super) fn ended_by_reader(result: io::Result<()>) -> Result<(), Failure> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.map_err(|error| anyhow::Error::from(error).context("standard output").into()),
    }
}

/// Returns whether a broken pipe is among the causes of an error.
pub(super) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    })
}
