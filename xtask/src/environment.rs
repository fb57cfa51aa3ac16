//! The environment of a cargo that another cargo starts.

use std::process::Command;

/// Removes from `command`'s environment the variables that an outer cargo, clippy or rustup set for *its own* build.
///
/// Otherwise `RUSTC` or `RUSTUP_TOOLCHAIN` would select the outer compiler, `RUSTC_WORKSPACE_WRAPPER` would run clippy
/// instead of compiling, and `CARGO_ENCODED_RUSTFLAGS` would pass the host's flags to the eBPF target. Variables that
/// configure registries, the network, the job server or terminal output are kept.
pub fn scrub(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(belongs_to_outer_build) {
            command.env_remove(name);
        }
    }
}

fn belongs_to_outer_build(name: &str) -> bool {
    const EXACT: &[&str] = &[
        "CARGO",
        "DEBUG",
        "HOST",
        "LD_LIBRARY_PATH",
        "NUM_JOBS",
        "OPT_LEVEL",
        "OUT_DIR",
        "PROFILE",
        "RUSTC",
        "RUSTC_BOOTSTRAP",
        "RUSTC_LINKER",
        "RUSTC_WORKSPACE_WRAPPER",
        "RUSTC_WRAPPER",
        "RUSTDOC",
        "RUSTDOCFLAGS",
        "RUSTFLAGS",
        "RUSTUP_TOOLCHAIN",
        "TARGET",
    ];
    const KEPT: &[&str] =
        &["CARGO_HOME", "CARGO_HTTP_", "CARGO_MAKEFLAGS", "CARGO_NET_", "CARGO_REGISTR", "CARGO_TERM_"];
    EXACT.contains(&name) || name.starts_with("CARGO_") && !KEPT.iter().any(|kept| name.starts_with(kept))
}

#[cfg(test)]
mod tests {
    use super::belongs_to_outer_build;

    #[test]
    fn only_what_describes_the_outer_build_is_removed() {
        let cases = [
            ("CARGO", true),
            ("CARGO_BUILD_TARGET", true),
            ("CARGO_CFG_TARGET_ARCH", true),
            ("CARGO_ENCODED_RUSTFLAGS", true),
            ("CARGO_HOME", false),
            ("CARGO_HTTP_PROXY", false),
            ("CARGO_MAKEFLAGS", false),
            ("CARGO_NET_OFFLINE", false),
            ("CARGO_PKG_NAME", true),
            ("CARGO_PROFILE_RELEASE_LTO", true),
            ("CARGO_REGISTRIES_MIRROR_INDEX", false),
            ("CARGO_TARGET_DIR", true),
            ("CARGO_TERM_COLOR", false),
            ("HOME", false),
            ("PATH", false),
            ("RUSTC", true),
            ("RUSTC_WORKSPACE_WRAPPER", true),
            ("RUSTFLAGS", true),
            ("RUSTUP_HOME", false),
            ("RUSTUP_TOOLCHAIN", true),
        ];
        for (name, removed) in cases {
            assert_eq!(belongs_to_outer_build(name), removed, "{name}");
        }
    }
}
