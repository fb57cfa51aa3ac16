//! What people should see although a test passes: measured times, and why a test did not run.
//!
//! A test runner keeps the output of what passes to itself. So `cargo xtask test` names a file for these lines and
//! prints it at the end; without it they go to standard error.

use std::{env, fs::OpenOptions, io::Write as _};

/// The file for notes.
const FILE: &str = "MINERWATCH_TEST_NOTES";

/// Says something about a test that passes.
pub fn note(text: &str) {
    line(&format!("NOTE {text}"));
}

/// Says that a test did not run, and why.
pub fn skipped(test: &str, reason: &str) {
    line(&format!("SKIPPED {test}: {reason}"));
}

fn line(text: &str) {
    let text = format!("{text}\n");
    // One write a line: tests of other processes append, too.
    let is_written = env::var_os(FILE)
        .and_then(|path| OpenOptions::new().append(true).open(path).ok())
        .is_some_and(|mut file| file.write_all(text.as_bytes()).is_ok());
    if !is_written {
        let _ = std::io::stderr().write_all(text.as_bytes());
    }
}
