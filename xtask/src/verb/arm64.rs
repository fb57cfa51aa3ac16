//! Cross compilation for arm64. Programs are linked statically, because this system has no arm64 libraries to load.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command;

/// Rust's target triple for Linux on arm64.
pub const TARGET: &str = "aarch64-unknown-linux-gnu";

/// The C compiler for arm64, which also links for [`TARGET`].
pub const COMPILER: &str = "aarch64-linux-gnu-gcc";

/// Returns a cargo command that builds for [`TARGET`], with little optimisation: the programs run only in the emulator.
pub fn cargo<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let mut cargo = command::cargo(arguments);
    cargo
        .args(["--target", TARGET])
        .env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER", COMPILER)
        .env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS", "-Ctarget-feature=+crt-static")
        // These variables would override the target's own flags.
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS");
    command::prefer_short_build(&mut cargo, "1");
    cargo
}

/// Returns the directory of the release build, given cargo's target directory.
pub fn built(target_dir: &Path) -> PathBuf {
    target_dir.join(TARGET).join("release")
}
