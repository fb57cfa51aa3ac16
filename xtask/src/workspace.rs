//! Where the tree and its target directory are.

use std::env;
use std::path::{Path, PathBuf};

/// The root of the workspace: where `Cargo.lock` is.
///
/// Cargo names the running package, whose parent the root is, in the environment of build scripts and of what it runs.
/// That comes first: in a target directory that two checkouts share, an executable of one may serve the other.
pub fn root() -> PathBuf {
    let package =
        env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    package.parent().map_or(PathBuf::new(), Path::to_path_buf)
}

/// Cargo's target directory: `CARGO_TARGET_DIR`, else the one that holds `inside` (a path that cargo chose: `OUT_DIR`
/// or a built executable), else the conventional one.
pub fn target_dir(inside: &Path) -> PathBuf {
    env::var_os("CARGO_TARGET_DIR")
        .filter(|dir| !dir.is_empty())
        .map(|dir| root().join(dir))
        .or_else(|| marked_ancestor(inside))
        .unwrap_or_else(|| root().join("target"))
}

/// Cargo marks a target directory that it creates with `CACHEDIR.TAG`. A cross build marks `target/<triple>` as well,
/// so the topmost marked ancestor counts.
fn marked_ancestor(inside: &Path) -> Option<PathBuf> {
    inside.ancestors().filter(|dir| dir.join("CACHEDIR.TAG").is_file()).last().map(Path::to_path_buf)
}

/// Where `cargo xtask setup` installs tools: they belong to this tree and change nothing else on the machine.
pub fn tools_bin(target_dir: &Path) -> PathBuf {
    target_dir.join("tools/bin")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_topmost_marked_directory_is_the_target_directory() {
        let base = env::temp_dir().join(format!("xtask-workspace-{}", std::process::id()));
        let out = base.join("target/aarch64-unknown-linux-gnu/debug/build/minerwatch-0/out");
        std::fs::create_dir_all(&out).unwrap();
        assert_eq!(marked_ancestor(&out), None);
        for marked in ["target", "target/aarch64-unknown-linux-gnu"] {
            std::fs::write(base.join(marked).join("CACHEDIR.TAG"), "").unwrap();
        }
        assert_eq!(marked_ancestor(&out), Some(base.join("target")));
        std::fs::remove_dir_all(&base).unwrap();
    }

    #[test]
    fn the_root_holds_the_lock_file() {
        assert!(root().join("Cargo.lock").is_file());
    }
}
