//! Checks the requirements of a test. Without them, the test is skipped with a note, or fails where it must run.

use std::{
    env,
    fs::File,
    path::{Path, PathBuf},
};

use rustix::fs::{FlockOperation, flock};

use crate::{executable, notes};

/// Environment variable that is set where tests that need root must run.
const MUST_HAVE_ROOT: &str = "MINERWATCH_REQUIRE_ROOT_TESTS";

/// Environment variable that is set where the long tests run, too.
const FULL: &str = "MINERWATCH_FULL_TESTS";

/// Exclusive use of the machine by one test, until dropped.
#[derive(Debug)]
pub struct Machine(#[expect(dead_code, reason = "the lock is held as long as the file is open")] File);

/// Checks for root and locks the machine, so that tests of losses, memory or time do not disturb each other. Waits for
/// the lock. Returns `None` without root.
///
/// # Panics
/// Without root where the test must run, and when the machine cannot be locked.
pub fn machine(test: &str) -> Option<Machine> {
    if !root(test) {
        return None;
    }
    // The file of the program under test serves as the lock: all threads and processes of the tests can open it.
    let lock = File::open(executable("minerwatch")).expect("the program can be read");
    flock(&lock, FlockOperation::LockExclusive).expect("a file can be locked");
    Some(Machine(lock))
}

/// Does the same as [`machine`] for tests that take long, which run only with `cargo xtask test --full`.
///
/// # Panics
/// As [`machine`].
pub fn machine_for_long(test: &str) -> Option<Machine> {
    if full() {
        return machine(test);
    }
    notes::skipped(test, "it takes long and runs only with `cargo xtask test --full`");
    None
}

/// Checks for root. Returns `false` without root.
///
/// # Panics
/// Without root where the test must run.
pub fn root(test: &str) -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        assert!(!is_set(MUST_HAVE_ROOT), "{test} needs root, and {MUST_HAVE_ROOT} says that it must run");
        notes::skipped(test, "it needs root (run the tests with sudo)");
    }
    is_root
}

/// Finds the programs of servers that a test talks to: those on `PATH`, or those that `cargo xtask setup` unpacked below
/// the target directory. Returns `None` if one is missing.
///
/// # Panics
/// If one is missing where the test must run.
pub fn servers<const N: usize>(test: &str, names: [&str; N]) -> Option<[PathBuf; N]> {
    let mut found = Vec::new();
    for name in names {
        let path = optional_server(test, name);
        assert!(
            path.is_some() || !is_set(MUST_HAVE_ROOT),
            "{test} needs {name}, and {MUST_HAVE_ROOT} says that it must run"
        );
        found.push(path?);
    }
    found.try_into().ok()
}

/// Does the same as [`servers`] for one server that not every registry has. Without it, the test is skipped everywhere.
pub fn optional_server(test: &str, name: &str) -> Option<PathBuf> {
    let target = xtask::workspace::target_dir(&env::current_exe().unwrap_or_default());
    let mut directories: Vec<PathBuf> =
        env::var_os("PATH").map(|path| env::split_paths(&path).collect()).unwrap_or_default();
    let unpacked = target.join("tools/root");
    for root in [Path::new("/"), &unpacked] {
        // Not every user has the directory of servers on `PATH`. The last one has the modules of rsyslog.
        let own = ["usr/bin", "usr/sbin", "usr/lib/x86_64-linux-gnu/rsyslog"];
        directories.extend(own.map(|directory| root.join(directory)));
    }
    directories.push(target.join("tools/wheels/noida_db"));
    let path = directories.iter().map(|at| at.join(name)).find(|path| path.is_file());
    if path.is_none() {
        notes::skipped(test, &format!("it needs {name} (`cargo xtask setup` unpacks it)"));
    }
    path
}

/// Finds the directory of the Python packages that `cargo xtask setup` puts below the target directory. Returns `None` if
/// one of `files` is not in it.
///
/// # Panics
/// If one is missing where the test must run.
pub fn python_packages(test: &str, files: &[&str]) -> Option<PathBuf> {
    let directory =
        xtask::workspace::target_dir(&env::current_exe().unwrap_or_default()).join("tools/wheels");
    let Some(missing) = files.iter().find(|file| !directory.join(file).is_file()) else {
        return Some(directory);
    };
    assert!(!is_set(MUST_HAVE_ROOT), "{test} needs {missing}, and {MUST_HAVE_ROOT} says that it must run");
    notes::skipped(test, &format!("it needs {missing} (`cargo xtask setup` downloads it)"));
    None
}

/// Finds a program on `PATH`, or where the helpers of container runtimes are.
pub fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let helpers = ["/usr/libexec/podman", "/usr/lib/podman"].map(PathBuf::from);
    env::split_paths(&path).chain(helpers).map(|directory| directory.join(name)).find(|path| path.is_file())
}

/// Whether this is the full run of the tests (`cargo xtask test --full`).
pub fn full() -> bool {
    is_set(FULL)
}

fn is_set(variable: &str) -> bool {
    env::var_os(variable).is_some_and(|value| !value.is_empty())
}
