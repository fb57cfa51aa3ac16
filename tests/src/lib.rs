//! Helpers for the tests of the whole program: the agent as a process, network namespaces, and checks of what a test
//! needs.

pub mod agent;
pub mod command;
pub mod container;
pub mod containerd;
pub mod day;
pub mod limited;
pub mod namespace;
pub mod native;
pub mod notes;
pub mod podman;
pub mod receiver;
pub mod require;
pub mod stories;

use std::{
    env,
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU32, Ordering},
};

/// Returns the path of an executable of the workspace, built in the directory of the running test or program.
///
/// # Panics
/// When the executable is missing. The message says how to build it.
pub fn executable(name: &str) -> PathBuf {
    let own = env::current_exe().expect("a test knows its own path");
    let beside = own.parent().expect("a file lies in a directory");
    // Tests are in target/PROFILE/deps, programs in its parent.
    let directory = if beside.ends_with("deps") { beside.parent() } else { Some(beside) };
    let path = directory.expect("deps lies in a directory").join(name);
    assert!(
        path.exists(),
        "{} is missing: run the tests through `cargo xtask test`, or `cargo build --workspace --exclude minerwatch-ebpf` first",
        path.display()
    );
    path
}

/// A temporary directory of one test. It is removed with its content when dropped.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// Creates a new directory in `parent`.
    ///
    /// # Panics
    /// When the directory cannot be created.
    pub fn below(parent: &str) -> Self {
        let path = Path::new(parent).join(unique("mw-test"));
        std::fs::create_dir_all(&path).expect("a scratch directory can be made");
        Self { path }
    }

    /// Creates a new directory in the temporary directory of the system.
    pub fn new() -> Self {
        Self::below(&env::temp_dir().to_string_lossy())
    }

    /// Path of the directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the path of a file in the directory, as text.
    pub fn join(&self, name: &str) -> String {
        self.path.join(name).to_string_lossy().into_owned()
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

/// Returns a name that no other running test on this machine uses.
pub fn unique(prefix: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{prefix}-{}-{}", process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}
