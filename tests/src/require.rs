//! What a test needs before it may run. Without it the test skips and says so, and where it must run it fails.

use std::{env, fs::File};

use rustix::fs::{FlockOperation, flock};

use crate::{executable, notes};

/// Set where tests that need root must run.
const MUST_HAVE_ROOT: &str = "MINERWATCH_REQUIRE_ROOT_TESTS";

/// Set where the long tests run, too.
const FULL: &str = "MINERWATCH_FULL_TESTS";

/// Holds the machine for one test until it is dropped.
#[derive(Debug)]
pub struct Machine(#[expect(dead_code, reason = "the lock is held as long as the file is open")] File);

/// Root and the whole machine, for tests that measure losses, memory or time. `None` without root.
///
/// # Panics
/// Without root where the test must run, and when the machine cannot be locked.
pub fn machine(test: &str) -> Option<Machine> {
    if !rustix::process::geteuid().is_root() {
        assert!(!is_set(MUST_HAVE_ROOT), "{test} needs root, and {MUST_HAVE_ROOT} says that it must run");
        notes::skipped(test, "it needs root (run the tests with sudo)");
        return None;
    }
    // The program under test is the lock: threads of one process and several processes all have it.
    let lock = File::open(executable("minerwatch")).expect("the program can be read");
    flock(&lock, FlockOperation::LockExclusive).expect("a file can be locked");
    Some(Machine(lock))
}

/// The same for tests that take long: they run only with `cargo xtask test --full`.
///
/// # Panics
/// As [`machine`].
pub fn machine_for_long(test: &str) -> Option<Machine> {
    if is_set(FULL) {
        return machine(test);
    }
    notes::skipped(test, "it takes long and runs only with `cargo xtask test --full`");
    None
}

fn is_set(variable: &str) -> bool {
    env::var_os(variable).is_some_and(|value| !value.is_empty())
}
