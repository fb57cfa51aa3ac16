//! Finds the installed `bpf-linker` executables, and determines which bitcode each of them can read.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::workspace;

/// The release that `cargo xtask setup` installs.
pub const VERSION: &str = "0.13.0";

/// The major versions of LLVM that [`VERSION`] can be built against.
pub const SUPPORTED_LLVM: std::ops::RangeInclusive<u32> = 21..=23;

/// A `bpf-linker` that starts on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Linker {
    /// The path of the executable.
    pub path: PathBuf,
    /// The major version of the LLVM library that the linker loads. `None` if LLVM is linked statically.
    pub llvm: Option<u32>,
}

impl Linker {
    /// Whether the linker can read bitcode that LLVM `llvm` wrote. LLVM reads bitcode of its own major version and of
    /// older ones.
    pub fn reads(&self, llvm: u32) -> bool {
        self.llvm.is_none_or(|own| own >= llvm)
    }
}

/// Finds all linkers, best first: the one that set-up installed for this tree, then those on `PATH`.
pub fn discover(target_dir: &Path) -> Vec<Linker> {
    let path = env::var_os("PATH").unwrap_or_default();
    std::iter::once(workspace::tools_bin(target_dir))
        .chain(env::split_paths(&path))
        .filter_map(|dir| inspect(dir.join("bpf-linker")))
        .collect()
}

/// Describes a linker. Returns `None` if the linker does not start, for example after an update that removed its LLVM.
fn inspect(path: PathBuf) -> Option<Linker> {
    let started = Command::new(&path).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !started.is_ok_and(|status| status.success()) {
        return None;
    }
    let llvm = loaded_llvm(&fs::read(&path).ok()?);
    Some(Linker { path, llvm })
}

/// Finds the major version of the LLVM library that an executable loads. All bytes of the executable are searched
/// for the name of the library: `libLLVM.so.22.1`, `libLLVM-22.so.1` or `libLLVM.so.22.1-rust-1.95.0-stable`.
fn loaded_llvm(executable: &[u8]) -> Option<u32> {
    const NAMES: [&[u8]; 2] = [b"libLLVM.so.", b"libLLVM-"];
    NAMES.iter().find_map(|name| {
        executable.windows(name.len()).enumerate().filter(|(_, window)| window == name).find_map(|(at, _)| {
            let digits = executable.get(at + name.len()..)?;
            let end = digits.iter().position(|byte| !byte.is_ascii_digit())?;
            std::str::from_utf8(digits.get(..end)?).ok()?.parse().ok()
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loaded_llvm_is_read_from_the_executable() {
        let cases: [(&[u8], Option<u32>); 6] = [
            (b"\0libc.so.6\0libLLVM.so.22.1\0", Some(22)),
            (b"\0libLLVM.so.22.1-rust-1.95.0-stable\0", Some(22)),
            (b"\0libLLVM-19.so.1\0", Some(19)),
            (b"\0libLLVM.so.\0libLLVM.so.21.1\0", Some(21)),
            (b"\0libc.so.6\0", None),
            (b"", None),
        ];
        for (executable, expected) in cases {
            assert_eq!(loaded_llvm(executable), expected, "{executable:?}");
        }
    }

    #[test]
    fn an_older_linker_does_not_read_newer_bitcode() {
        let linker = |llvm| Linker { path: "/l".into(), llvm };
        assert!(linker(Some(22)).reads(22));
        assert!(linker(Some(23)).reads(22));
        assert!(!linker(Some(21)).reads(22));
        assert!(linker(None).reads(22));
    }

    #[test]
    fn a_linker_that_does_not_start_is_ignored() {
        assert_eq!(inspect("/nonexistent/bpf-linker".into()), None);
    }
}
