//! Writes notes that people should see although a test passes: measured times, and why a test did not run.
//!
//! A test runner hides the output of tests that pass. So `cargo xtask test` names a file for the notes in an
//! environment variable and prints the file at the end. Without the variable, the notes go to standard error.

use std::{env, fs::OpenOptions, io::Write as _};

/// Environment variable with the path of the file for notes.
const FILE: &str = "MINERWATCH_TEST_NOTES";

/// Writes a note about a test that passes.
pub fn note(text: &str) {
    line(&format!("NOTE {text}"));
}

/// Writes a note that a test did not run, and why.
pub fn skipped(test: &str, reason: &str) {
    line(&format!("SKIPPED {test}: {reason}"));
}

fn line(text: &str) {
    let text = format!("{text}\n");
    // One write per line, because tests in other processes append to the file, too.
    let is_written = env::var_os(FILE)
        .and_then(|path| OpenOptions::new().append(true).open(path).ok())
        .is_some_and(|mut file| file.write_all(text.as_bytes()).is_ok());
    if !is_written {
        let _ = std::io::stderr().write_all(text.as_bytes());
    }
}
