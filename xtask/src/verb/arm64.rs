//! Building for arm64 on another architecture: static, as the libraries for it are not on this system.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command;

/// Rust's name of Linux on arm64.
pub const TARGET: &str = "aarch64-unknown-linux-gnu";

/// The compiler of C, which links for [`TARGET`], too.
pub const COMPILER: &str = "aarch64-linux-gnu-gcc";

/// cargo, to build for it.
pub fn cargo<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let mut cargo = command::cargo(arguments);
    cargo
        .args(["--target", TARGET])
        .env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER", COMPILER)
        .env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS", "-Ctarget-feature=+crt-static")
        // These would override the target's own flags.
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS");
    cargo
}

/// Where cargo leaves a release, below its target directory.
pub fn built(target_dir: &Path) -> PathBuf {
    target_dir.join(TARGET).join("release")
}
