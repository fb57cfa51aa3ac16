//! Standard output and standard error. A stream that is closed or full never makes the program panic, which
//! `println!` and its kin would.

use std::{
    fmt::Display,
    io::{self, Write as _},
};

use super::Failure;

/// Tells a person something, as a line of its own on standard error. If nobody can be told, the command goes on: its
/// data and its exit code are what counts.
pub(super) fn tell(message: impl Display) {
    tell_as_is(&format!("minerwatch: {message}\n"));
}

/// The same for text that already has its line breaks.
pub(super) fn tell_as_is(text: &str) {
    // One write, so that lines of several processes are not mixed.
    let _ = io::stderr().write_all(text.as_bytes());
}

/// Writes data to standard output at once.
pub(super) fn write_stdout(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    ended_by_reader(stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()))
}

/// Names standard output in an error that will stand beside others of the same command.
pub(super) fn of_stdout(result: io::Result<()>) -> io::Result<()> {
    result.map_err(|error| io::Error::new(error.kind(), format!("standard output: {error}")))
}

/// A reader that has seen enough (`minerwatch tail | head`) ends the command well.
pub(super) fn ended_by_reader(result: io::Result<()>) -> Result<(), Failure> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.map_err(|error| anyhow::Error::from(error).context("standard output").into()),
    }
}

/// The same for a command whose own error may be about standard output or not.
pub(super) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    })
}
