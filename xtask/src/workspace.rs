//! The paths of the workspace and of its target directory.

use std::env;
use std::path::{Path, PathBuf};

/// Returns the root of the workspace, where `Cargo.lock` is.
///
/// cargo sets `CARGO_MANIFEST_DIR` for build scripts and for the programs it runs. The variable names the directory of
/// their package, and the root is its parent. The variable takes precedence over the path that was compiled in, because
/// two checkouts may share a target directory, and then an executable of one may run for the other.
pub fn root() -> PathBuf {
    let package =
        env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    package.parent().map_or(PathBuf::new(), Path::to_path_buf)
}

/// Returns cargo's target directory: `CARGO_TARGET_DIR`, else the target directory that contains `inside`, else
/// `target` below the root. `inside` is a path that cargo chose: `OUT_DIR` or a built executable.
pub fn target_dir(inside: &Path) -> PathBuf {
    env::var_os("CARGO_TARGET_DIR")
        .filter(|dir| !dir.is_empty())
        .map(|dir| root().join(dir))
        .or_else(|| marked_ancestor(inside))
        .unwrap_or_else(|| root().join("target"))
}

/// Returns the topmost ancestor that contains `CACHEDIR.TAG`. cargo writes this file into a target directory that it
/// creates, and a cross build writes one into `target/<triple>` as well.
fn marked_ancestor(inside: &Path) -> Option<PathBuf> {
    inside.ancestors().filter(|dir| dir.join("CACHEDIR.TAG").is_file()).last().map(Path::to_path_buf)
}

/// Returns the directory in which `cargo xtask setup` installs tools. The tools belong to this tree and change nothing
/// else on the machine.
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
