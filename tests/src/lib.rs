//! What the tests of the whole program share: the agent as a process, network namespaces, what a
//! test needs before it may run.

pub mod agent;
pub mod command;
pub mod container;
pub mod day;
pub mod limited;
pub mod namespace;
pub mod native;
pub mod notes;
pub mod require;

use std::{
    env,
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU32, Ordering},
};

/// An executable of the workspace, built beside the running test or program.
///
/// # Panics
/// When it is not there, saying how to build it.
pub fn executable(name: &str) -> PathBuf {
    let own = env::current_exe().expect("a test knows its own path");
    let beside = own.parent().expect("a file lies in a directory");
    // Tests lie in target/PROFILE/deps, programs above.
    let directory = if beside.ends_with("deps") { beside.parent() } else { Some(beside) };
    let path = directory.expect("deps lies in a directory").join(name);
    assert!(
        path.exists(),
        "{} is missing: run the tests through `cargo xtask test`, or `cargo build --workspace --exclude minerwatch-ebpf` first",
        path.display()
    );
    path
}

/// A directory of this test's own, removed with everything in it when dropped.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// A new directory below `parent`.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn below(parent: &str) -> Self {
        let path = Path::new(parent).join(unique("mw-test"));
        std::fs::create_dir_all(&path).expect("a scratch directory can be made");
        Self { path }
    }

    /// A new directory below the system's temporary one.
    pub fn new() -> Self {
        Self::below(&env::temp_dir().to_string_lossy())
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A path in it, as text.
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

/// A name nobody else on this machine uses now.
pub fn unique(prefix: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{prefix}-{}-{}", process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}
