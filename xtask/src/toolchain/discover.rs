//! Discovers the compilers on this machine.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Core, TARGET, Toolchain, Version};
use crate::environment;

/// Finds all compilers, best first: rustup's active toolchain, its default, nightly, and its others, then compilers
/// outside rustup in the order of `PATH`.
pub fn toolchains() -> Vec<Toolchain> {
    rustup_toolchains().into_iter().chain(system_toolchains()).collect()
}

/// Finds rustup's toolchains. Their compilers are started directly, never through `rustup run` or a proxy.
fn rustup_toolchains() -> Vec<Toolchain> {
    let Some(home) = rustup_home() else { return Vec::new() };
    let settings = fs::read_to_string(home.join("settings.toml")).unwrap_or_default();
    let active = env::var("RUSTUP_TOOLCHAIN").ok();
    let mut names: Vec<String> = fs::read_dir(home.join("toolchains"))
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    names.sort_by_cached_key(|name| rank(name, active.as_deref(), default_toolchain(&settings)));
    names
        .into_iter()
        .filter_map(|name| inspect(&home.join("toolchains").join(&name).join("bin"), Some(name)))
        .collect()
}

fn rustup_home() -> Option<PathBuf> {
    env::var_os("RUSTUP_HOME").map(PathBuf::from).or_else(|| Some(env::home_dir()?.join(".rustup")))
}

/// Reads the value of `default_toolchain` in rustup's `settings.toml`.
fn default_toolchain(settings: &str) -> Option<&str> {
    settings.lines().find_map(|line| {
        let value = line.strip_prefix("default_toolchain")?.trim_start().strip_prefix('=')?;
        Some(value.trim().trim_matches('"'))
    })
}

/// Returns the sort key of a rustup toolchain. Toolchains with smaller keys are tried first, and names break ties.
fn rank(name: &str, active: Option<&str>, default: Option<&str>) -> (u8, String) {
    let place = if Some(name) == active {
        0
    } else if Some(name) == default {
        1
    } else if name.starts_with("nightly") {
        2
    } else {
        3
    };
    (place, name.to_owned())
}

/// Finds compilers outside rustup: in each directory of `PATH`, then in the usual directories that a restricted `PATH`
/// may lack.
fn system_toolchains() -> Vec<Toolchain> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut seen: Vec<PathBuf> = Vec::new();
    env::split_paths(&path)
        .chain(["/usr/local/bin", "/usr/bin"].map(PathBuf::from))
        .filter_map(|dir| {
            let rustc = dir.join("rustc").canonicalize().ok()?;
            if seen.contains(&rustc) || is_rustup_proxy(&dir, &rustc) {
                return None;
            }
            seen.push(rustc);
            inspect(&dir, None)
        })
        .collect()
}

/// Whether `rustc` is a proxy of rustup. A proxy is a symbolic link to the `rustup` executable, or a hard link in the
/// same directory.
fn is_rustup_proxy(dir: &Path, rustc: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |path: &Path| fs::metadata(path).ok().map(|meta| (meta.dev(), meta.ino()));
    rustc.file_name() == Some(OsStr::new("rustup"))
        || identity(&dir.join("rustup")).is_some_and(|rustup| identity(rustc) == Some(rustup))
}

/// Describes the toolchain in `bin`. Returns `None` if `bin` has no working pair of rustc and cargo.
fn inspect(bin: &Path, rustup: Option<String>) -> Option<Toolchain> {
    let (rustc, cargo) = (bin.join("rustc"), bin.join("cargo"));
    if !rustc.is_file() || !cargo.is_file() {
        return None;
    }
    let version = Version::parse(&output(&rustc, &["-vV"])?)?;
    let sysroot = PathBuf::from(output(&rustc, &["--print", "sysroot"])?.trim_end());
    let core = core_in(&sysroot);
    Some(Toolchain { rustc, cargo, sysroot, version, core, rustup })
}

/// Looks for `core` below a sysroot, and prefers a prebuilt one to the source.
fn core_in(sysroot: &Path) -> Option<Core> {
    let rustlib = sysroot.join("lib/rustlib");
    let prebuilt =
        fs::read_dir(rustlib.join(TARGET).join("lib")).into_iter().flatten().flatten().any(|file| {
            let name = file.file_name();
            let name = Path::new(&name);
            name.extension() == Some(OsStr::new("rlib"))
                && name.to_str().is_some_and(|name| name.starts_with("libcore-"))
        });
    if prebuilt {
        return Some(Core::Prebuilt);
    }
    // cargo needs the lock file to resolve the library's workspace when it builds `core` from source.
    let library = rustlib.join("src/rust/library");
    let source = library.join("core/src/lib.rs").is_file() && library.join("Cargo.lock").is_file();
    source.then_some(Core::Source)
}

fn output(program: &Path, args: &[&str]) -> Option<String> {
    let mut command = Command::new(program);
    environment::scrub(&mut command);
    let output = command.args(args).output().ok()?;
    output.status.success().then(|| String::from_utf8(output.stdout).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_toolchain_is_read_from_the_settings() {
        let settings =
            "version = \"12\"\ndefault_toolchain = \"stable-x86_64-unknown-linux-gnu\"\n[overrides]\n";
        assert_eq!(default_toolchain(settings), Some("stable-x86_64-unknown-linux-gnu"));
        assert_eq!(default_toolchain("version = \"12\"\n"), None);
    }

    #[test]
    fn the_active_toolchain_comes_first_then_the_default_then_nightly() {
        let mut names = ["1.90.0-x", "beta-x", "nightly-2026-x", "stable-x"];
        names.sort_by_cached_key(|name| rank(name, Some("beta-x"), Some("stable-x")));
        assert_eq!(names, ["beta-x", "stable-x", "nightly-2026-x", "1.90.0-x"]);
    }

    #[test]
    fn core_is_found_prebuilt_or_as_source() {
        let sysroot = env::temp_dir().join(format!("xtask-core-{}", std::process::id()));
        let library = sysroot.join("lib/rustlib/src/rust/library");
        let prebuilt = sysroot.join("lib/rustlib").join(TARGET).join("lib");
        fs::create_dir_all(library.join("core/src")).unwrap();
        fs::create_dir_all(&prebuilt).unwrap();
        assert_eq!(core_in(&sysroot), None, "empty directories are no library");

        fs::write(library.join("core/src/lib.rs"), "").unwrap();
        fs::write(library.join("Cargo.lock"), "").unwrap();
        assert_eq!(core_in(&sysroot), Some(Core::Source));

        fs::write(prebuilt.join("libcore-0123.rlib"), "").unwrap();
        assert_eq!(core_in(&sysroot), Some(Core::Prebuilt));
        fs::remove_dir_all(&sysroot).unwrap();
    }

    #[test]
    fn a_link_to_rustup_is_a_proxy() {
        let dir = env::temp_dir().join(format!("xtask-proxy-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("rustup"), "").unwrap();
        fs::hard_link(dir.join("rustup"), dir.join("rustc")).unwrap();
        assert!(is_rustup_proxy(&dir, &dir.join("rustc")));
        fs::write(dir.join("cargo"), "").unwrap();
        assert!(!is_rustup_proxy(&dir, &dir.join("cargo")));
        fs::remove_dir_all(&dir).unwrap();
    }
}
